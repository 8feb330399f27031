#!/usr/bin/python3
"""Users, roles and grants by the HTTP API and by the command line: suite_users_http.py [ADDRESS], which is not used: users need
servers of their own."""
import concurrent.futures
import json
import sys
import warnings
from urllib.parse import quote

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from harness import Cases, Server, equal, unique
from http_support import basic
from live_support import Live
from security_support import (AUTHENTICATION_FAILED, NO_ERROR, PASSWORD, ROOT_PASSWORD, TOPIC_REFUSED, Kafka, Secured, api_as,
                              as_root, ask_root, command, files_with, grant, new_token, new_topic, new_user, rules, run_secured,
                              take_back, who_is)

with warnings.catch_warnings():
    warnings.simplefilter('ignore')  # it goes from Python 3.13 on
    import crypt

cases = Cases('users_http')
# The first from Openwall's test vectors of bcrypt, the second from the argon2 command: echo -n password | argon2 somesalt -id -t 2
BCRYPT = ('$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW', 'U*U')
ARGON2 = ('$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc', 'password')


def plain(server, user, password):
    """The error code of SASL PLAIN."""
    with Kafka(server) as connection:
        return connection.password(user, password)['ErrorCode']


def quoted(text):
    return quote(text, safe='')


def scram_works(server, user, password):
    client = AdminClient({'bootstrap.servers': server.address, 'security.protocol': 'SASL_PLAINTEXT', 'log_level': 0,
                          'sasl.mechanism': 'SCRAM-SHA-256', 'sasl.username': user, 'sasl.password': password})
    try:
        client.list_topics(timeout=3)
        return True
    except KafkaException:
        return False


def status_as(server, user, password):
    with api_as(server, user, password) as api:
        return api.ask('GET', '/v1/me').status


@cases('the first user has to be an administrator; from then on nobody is let in without a grant; the last one stays')
def first_and_last(_):
    with Server() as server:
        server.start()
        with api_as(server) as nobody:
            equal(nobody(200, 'GET', '/v1/users'), {'items': []})
            reply = nobody.ask('POST', '/v1/users', {'name': 'bob', 'password': 'x'})
            equal((reply.status, 'alter the cluster' in reply.json()['detail']), (403, True))
            equal(nobody(200, 'GET', '/v1/users')['items'], [], 'nothing of it stays')
            reply = nobody.ask('POST', '/v1/users', {'name': 'root', 'password': ROOT_PASSWORD, 'admin': True})
            equal((reply.status, reply.headers['Location']), (201, '/v1/users/root'))
            made = reply.json()
            equal((made['name'], made['password'], made['roles'], made['tokens'], made['access_keys']), ('root', 'scram', [], 0, 0))
            for method, path, body in (('GET', '/v1/users', None), ('POST', '/v1/users', {'name': 'eve', 'admin': True}),
                                       ('POST', '/v1/topics', {'name': 'x'}), ('GET', '/v1/grants', None),
                                       ('POST', '/v1/grants', {'principal': 'User:*', 'grants': rules('all', 'cluster')})):
                nobody(401, method, path, body)
        with as_root(server) as root:
            for ask in (lambda: root(403, 'DELETE', '/v1/users/root'),
                        lambda: root(403, 'POST', '/v1/grants/remove',
                                     {'principal': 'User:root', 'grants': rules('all', 'cluster')}),
                        lambda: root(403, 'POST', '/v1/grants',
                                     {'principal': 'User:root', 'grants': rules('alter', 'cluster', deny=True)}),
                        lambda: root(403, 'POST', '/v1/grants',
                                     {'principal': 'User:*', 'grants': rules('all', 'cluster', deny=True)})):
                equal(ask(), 'permission-denied')
            root(201, 'POST', '/v1/users', {'name': 'ops', 'password': PASSWORD, 'roles': ['admins']})
            root(204, 'POST', '/v1/grants', {'principal': 'Role:admins', 'grants': rules('all', 'cluster')})
            root(204, 'DELETE', '/v1/users/root')
            root(401, 'GET', '/v1/users')
        with api_as(server, 'ops') as ops:
            for path, body in (('/v1/users/ops', {'roles': []}), ('/v1/users/ops', {'roles': ['other']})):
                equal(ops(403, 'PATCH', path, body), 'permission-denied', 'who administers by a role alone')
            ops(403, 'POST', '/v1/grants/remove', {'principal': 'Role:admins', 'grants': rules('all', 'cluster')})
            ops(403, 'DELETE', '/v1/users/ops')
            server.kill()
            server.start()
        with api_as(server, 'ops') as ops:
            equal([u['name'] for u in ops(200, 'GET', '/v1/users')['items']], ['ops'])
            equal(ops(200, 'GET', '/v1/me')['roles'], ['admins'])
        equal(server.stop(), 0)


@cases('the last administrator is somebody who can come in, today and tomorrow')
def who_can_come_in(_):
    with Server() as server:
        server.start()
        with api_as(server) as nobody:
            equal(nobody(403, 'POST', '/v1/users', {'name': 'root', 'admin': True}), 'permission-denied', 'without a password')
            equal(nobody(200, 'GET', '/v1/grants')['items'], [], 'no grants wait for it')
            nobody(201, 'POST', '/v1/users', {'name': 'root', 'password': ROOT_PASSWORD, 'admin': True})
        ask_root(server, 201, 'POST', '/v1/users', {'name': 'robot', 'admin': True})
        ending = new_token(server, 'robot', lifetime_ms=3_600_000)[1]
        with api_as(server, token=ending) as robot:
            robot(403, 'DELETE', '/v1/users/root')
        id_, lasting = new_token(server, 'robot')
        with api_as(server, token=lasting) as robot:
            robot(204, 'DELETE', '/v1/users/root')
            robot(403, 'DELETE', '/v1/users/robot/tokens/' + id_)
            robot(200, 'GET', '/v1/users')
        equal(server.stop(), 0)


@cases('passwords kept as argon2id, and hashes of argon2id and bcrypt from elsewhere, work in clear and not for SCRAM')
def hashes(server):
    made = crypt.crypt('zoë’s', crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=2 ** 5))
    equal(made.startswith('$2b$'), True, made)
    for body, password in (({'password': 'long, ü: one', 'scram': False}, 'long, ü: one'),
                           ({'password_hash': BCRYPT[0]}, BCRYPT[1]), ({'password_hash': ARGON2[0]}, ARGON2[1]),
                           ({'password_hash': made}, 'zoë’s'), ({'password_hash': made.replace('$2b$', '$2y$')}, 'zoë’s')):
        user = new_user(server, **body)
        equal(ask_root(server, 200, 'GET', '/v1/users/' + user)['password'], 'hash')
        equal(status_as(server, user, password), 200, str(body))
        equal([status_as(server, user, wrong) for wrong in (password + 'x', '')], [401, 401], str(body))
        equal(plain(server, user, password), NO_ERROR)
        equal(scram_works(server, user, password), False, 'SCRAM with a hash')
        ask_root(server, 200, 'PATCH', '/v1/users/' + user, {'password': PASSWORD})
        equal(ask_root(server, 200, 'GET', '/v1/users/' + user)['password'], 'scram')
        equal((scram_works(server, user, PASSWORD), status_as(server, user, password)), (True, 401), 'changed to SCRAM')
    user = new_user(server)
    equal(scram_works(server, user, PASSWORD), True)
    ask_root(server, 200, 'PATCH', '/v1/users/' + user, {'password': 'other', 'scram': False})
    equal((scram_works(server, user, PASSWORD), status_as(server, user, 'other'), status_as(server, user, PASSWORD)),
          (False, 200, 401), 'changed to a hash')
    command(server, 'user', 'password', user, user='root', password=ROOT_PASSWORD, http=False, LEAT_NEW_PASSWORD='third')
    equal((ask_root(server, 200, 'GET', '/v1/users/' + user)['password'], status_as(server, user, 'third'),
           status_as(server, user, 'other')), ('scram', 200, 401), 'changed by the command line')
    none = unique('user')
    ask_root(server, 201, 'POST', '/v1/users', {'name': none})
    equal(ask_root(server, 200, 'GET', '/v1/users/' + none)['password'], 'none')
    equal([status_as(server, none, wrong) for wrong in ('', 'x')], [401, 401], 'who has no password')
    equal(who_is(server, token=new_token(server, none)[1]), (200, 'User:' + none))
    equal(files_with(server.folder, 'long, ü: one', 'zoë’s'), [], 'passwords in clear')


@cases('hashes that cannot be verified, or would take forever, are refused, and shown to nobody')
def bad_hashes(server):
    good = ARGON2[0]
    user = new_user(server)
    with as_root(server) as root:
        for bad in ('x', '', '$', '$2b$', BCRYPT[0][:-1], BCRYPT[0] + 'x', BCRYPT[0].replace('$05$', '$31$'),
                    BCRYPT[0].replace('$05$', '$03$'), BCRYPT[0].replace('$2a$', '$2x$'), BCRYPT[0].replace('$2a$', '$3a$'),
                    good.replace('argon2id', 'argon2i'), good.replace('argon2id', 'argon2d'), good.replace('v=19', 'v=16'),
                    good.replace('m=65536', 'm=4194304'), good.replace('t=2', 't=4294967295'), good.replace('t=2', 't=0'),
                    good.replace('p=1', 'p=255'), good.replace('c29tZXNhbHQ', ''), good.replace('c29tZXNhbHQ', '!!!!'),
                    good[:60], good + '$', '$1$abc$xyz', '$6$abc$' + 'x' * 86, '{SHA}abc', 'x' * 257, 7, None, ['a']):
            for method, path, body in (('POST', '/v1/users', {'name': unique('user'), 'password_hash': bad}),
                                       ('PATCH', '/v1/users/' + user, {'password_hash': bad})):
                reply = root.ask(method, path, body)
                equal((reply.status, bool(reply.problem())), (400, True), '%s: %s' % (bad, reply.body))
                equal(isinstance(bad, str) and len(bad) > 20 and bad.encode() in reply.body, False, 'the hash is shown')
        for body in ({'password': 'x', 'password_hash': good}, {'password': ''}, {'password': 'x' * 1025}, {'password': 'a\0b'},
                     {'password': 7}, {'scram': 'no', 'password': 'x'}, {}, {'name': 'other'}, {'admin': True}, []):
            reply = root.ask('PATCH', '/v1/users/' + user, body)
            equal((reply.status, bool(reply.problem())), (400, True), '%s: %s' % (body, reply.body))
    equal(status_as(server, user, PASSWORD), 200, 'nothing was changed')


@cases('a password that is changed counts at once, also when its user changes it, and on an open connection of HTTP')
def password_change(server):
    user = new_user(server)
    with api_as(server, user) as api:
        equal(api(200, 'PATCH', '/v1/users/' + user, {'password': 'new: one'})['name'], user)
        api(401, 'GET', '/v1/me')
        api.own = {'Authorization': basic(user, 'new: one')}
        api(200, 'GET', '/v1/me')
        equal(api(403, 'PATCH', '/v1/users/' + user, {'roles': ['admins']}), 'permission-denied')
        equal(api(403, 'PATCH', '/v1/users/' + user, {'password': 'third', 'roles': []}), 'permission-denied')
        api(200, 'GET', '/v1/me')
        equal(api(403, 'PATCH', '/v1/users/' + user, {'password_hash': BCRYPT[0]}), 'permission-denied',
              'what it costs to look at a hash is for who administers to say')
        api(403, 'DELETE', '/v1/users/' + user)
        api(403, 'PATCH', '/v1/users/root', {'password': 'x'})
    equal((plain(server, user, PASSWORD), plain(server, user, 'new: one')), (AUTHENTICATION_FAILED, NO_ERROR))
    ask_root(server, 404, 'PATCH', '/v1/users/' + unique('none'), {'password': 'x'})
    ask_root(server, 404, 'DELETE', '/v1/users/' + unique('none'))
    ask_root(server, 404, 'GET', '/v1/users/' + unique('none'))


@cases('roles that are given and taken, and denials of them, hold at once on open connections of every protocol')
def roles_at_once(server):
    topic, role, other = new_topic(server), unique('role'), unique('role')
    user = new_user(server)
    grant(server, 'role:' + role, 'read', 'topic:' + topic)
    grant(server, 'role:' + other, 'all', 'topic:' + topic, deny=True)
    path = '/v1/topics/%s/partitions/0/records' % topic

    def give(*roles):
        equal(ask_root(server, 200, 'PATCH', '/v1/users/' + user, {'roles': list(roles)})['roles'], sorted(roles))
    with api_as(server, user) as api, Kafka(server) as connection, Live(server, Authorization=basic(user, PASSWORD)) as live:
        connection.password(user)

        def check(status, code):
            equal((api.ask('GET', path).status, connection.sees(topic)), (status, code))
        check(403, TOPIC_REFUSED)
        live.refused(403, 'permission-denied', 'subscribe', topic=topic)
        give(role)
        check(200, NO_ERROR)
        live.ask('subscribe', topic=topic)
        equal(api(200, 'GET', '/v1/me')['roles'], [role])
        give(role, other)
        check(403, TOPIC_REFUSED)
        ask_root(server, 200, 'POST', '/v1/topics/%s/records' % topic, {'value': 'secret'})
        equal(live.event('ended')['problem']['status'], 403, 'what is followed ends before the next record')
        give(role)
        check(200, NO_ERROR)
        grant(server, 'role:' + role, 'all', 'topic:*', deny=True)
        check(403, TOPIC_REFUSED)
        take_back(server, 'role:' + role, 'all', 'topic:*', deny=True)
        check(200, NO_ERROR)
        give()
        check(403, TOPIC_REFUSED)
        grant(server, user, 'read', 'topic:' + topic)
        check(200, NO_ERROR)
        give(other)
        check(403, TOPIC_REFUSED)
    impostor = new_user(server, name='Role:' + role)
    with api_as(server, token=new_token(server, impostor)[1]) as api:
        equal(api.ask('GET', path).status, 403, 'a user who is called as the principal of a role')
    namesake = new_user(server, name=role)
    with api_as(server, namesake) as api:
        equal(api.ask('GET', path).status, 403, 'a user who is called as a role')


@cases('/v1/me tells who asks, roles and what is granted: to oneself, to roles and to everyone, and of nobody else')
def me(server):
    role, user, other = unique('role'), unique('user'), unique('user')
    new_user(server, ('read,write', 'topic:a*'), name=user, roles=[role])
    new_user(server, ('read', 'topic:secret'), name=other, roles=[unique('role')])
    grant(server, 'role:' + role, 'read', 'queue:*', deny=True, host='10.0.0.1')
    grant(server, '*', 'describe', 'channel:news')
    with api_as(server, user) as api:
        answer = api(200, 'GET', '/v1/me')
    shown = {(g['principal'], g['permission'], g['operation'], g['type'], g['name'], g['pattern'], g['host'])
             for g in answer['grants']}
    mine = {('User:' + user, 'allow', operation, 'topic', 'a', 'prefixed', '*') for operation in ('read', 'write')}
    for_all = ('User:*', 'allow', 'describe', 'channel', 'news', 'literal', '*')
    equal((answer['principal'], answer['roles'], 'expires' in answer), ('User:' + user, [role], False))
    equal((mine <= shown, for_all in shown, {p for p, *_ in shown} - {'User:' + user, 'User:*', 'Role:' + role}),
          (True, True, set()), str(shown))
    with api_as(server) as nobody:
        answer = nobody(200, 'GET', '/v1/me')
    equal((answer['principal'], answer['roles'], {g['principal'] for g in answer['grants']}), ('User:ANONYMOUS', [], {'User:*'}))
    take_back(server, '*', 'describe', 'channel:news')


@cases('users and grants come in pages, in order and each once, while others change them')
def paging(server):
    prefix = unique('page')
    names = sorted('%s-%02d' % (prefix, i) for i in range(12)) + [prefix + '-zoë, ü/%']
    for name in names:
        new_user(server, name=name, scram=False)
    with as_root(server) as root:
        seen, after = [], ''
        while True:
            page = root(200, 'GET', '/v1/users?limit=5&after=' + after)
            seen += [u['name'] for u in page['items']]
            equal(len(page['items']) <= 5, True)
            if 'next' not in page:
                break
            after = quoted(page['next'])
        equal((seen == sorted(seen, key=str.encode), [n for n in seen if n.startswith(prefix)]), (True, names))
        equal(root(200, 'GET', '/v1/users/' + quoted(names[-1]))['name'], names[-1])
        grant(server, names[0], 'read,write,describe', *('topic:t%d' % i for i in range(5)))
        seen, after = [], ''
        while True:
            page = root(200, 'GET', '/v1/grants?limit=4&principal=%s&after=%s' % (quoted('User:' + names[0]), after))
            seen += [(g['operation'], g['name']) for g in page['items']]
            if 'next' not in page:
                break
            after = quoted(page['next'])
        equal((len(seen), len(set(seen))), (15, 15))
        for path in ('/v1/users?limit=0', '/v1/users?limit=x', '/v1/grants?limit=100000', '/v1/grants?other=1',
                     '/v1/grants?principal=' + 'x' * 161):
            root(400, 'GET', path)
        equal(root(200, 'GET', '/v1/grants?principal=User:none')['items'], [])
    overseer = new_user(server, ('describe', 'cluster'))
    with api_as(server, overseer) as api:
        api(200, 'GET', '/v1/users')
        api(200, 'GET', '/v1/grants')
        api(403, 'POST', '/v1/grants', {'principal': 'User:' + overseer, 'grants': rules('all', 'cluster')})
        api(403, 'GET', '/v1/users/root')


@cases('names of users and roles, and grants, are checked')
def bad_input(server):
    user = new_user(server)
    with as_root(server) as root:
        for name in ('', '*', 'ANONYMOUS', 'a\nb', 'a\0b', '\x7f', 'x' * 129, 'ü' * 65, 7, None, ['a'], {'a': 1}):
            for body in ({'name': name, 'password': 'x'}, {'name': unique('user'), 'roles': [name]}):
                reply = root.ask('POST', '/v1/users', body)
                equal((reply.status, bool(reply.problem())), (400, True), '%s: %s' % (body, reply.body))
            equal(root.ask('PATCH', '/v1/users/' + user, {'roles': [name]}).status, 400, repr(name))
        for body in ({}, {'password': 'x'}, {'name': unique('user'), 'other': 1}, {'name': unique('user'), 'admin': 1},
                     {'name': unique('user'), 'roles': 'ops'}, {'name': unique('user'), 'roles': ['a', 'a']},
                     {'name': unique('user'), 'roles': ['r%d' % i for i in range(51)]}):
            equal(root.ask('POST', '/v1/users', body).status in (400, 429), True, str(body))
        equal(root(409, 'POST', '/v1/users', {'name': user, 'password': 'x', 'admin': True}), 'exists')
        equal(root(200, 'GET', '/v1/grants?principal=User:' + user)['items'], [], 'no grants for one that was there')
        root(201, 'POST', '/v1/users', {'name': 'ü' * 64, 'password': 'x', 'roles': ['r%d' % i for i in range(50)]})
        good = {'operation': 'read', 'type': 'topic', 'name': 'a'}
        for principal in ('', 'ada', 'User:', 'Role:', 'Group:a', 'user:a', 'Role:*', 'User:' + 'x' * 156, 7):
            reply = root.ask('POST', '/v1/grants', {'principal': principal, 'grants': [good]})
            equal((reply.status, bool(reply.problem())), (400, True), '%s: %s' % (principal, reply.body))
        for bad in ({}, {'operation': 'read'}, {'type': 'topic'}, {**good, 'operation': 'reed'}, {**good, 'type': 'topics'},
                    {**good, 'name': ''}, {**good, 'name': 'x' * 1025}, {**good, 'pattern': 'glob'}, {**good, 'permission': 'maybe'},
                    {**good, 'host': 'localhost'}, {**good, 'host': ''}, {**good, 'host': '10.0.0.0/8'}, {**good, 'other': 1},
                    {'operation': 'read', 'type': 'topic'}, {'operation': 'alter', 'type': 'cluster', 'name': 'other'}, 'read'):
            for path in ('/v1/grants', '/v1/grants/remove'):
                reply = root.ask('POST', path, {'principal': 'User:' + user, 'grants': [good, bad]})
                equal((reply.status, bool(reply.problem())), (400, True), '%s: %s' % (bad, reply.body))
        for grants in ([], [good] * 1001, good, None):
            root(400, 'POST', '/v1/grants', {'principal': 'User:' + user, 'grants': grants})
        equal(root(200, 'GET', '/v1/grants?principal=User:' + user)['items'], [], 'nothing of a request that is refused')
        for _ in range(2):
            root(204, 'POST', '/v1/grants', {'principal': 'User:' + user, 'grants': [good, good]})
        equal(len(root(200, 'GET', '/v1/grants?principal=User:' + user)['items']), 1, 'the same grant, again')
        removed = [root(200, 'POST', '/v1/grants/remove', {'principal': 'User:' + user, 'grants': [good]})['removed'] for _ in range(2)]
        equal(removed, [1, 0])


@cases('grants of the HTTP API, of leat and of Kafka are the same, from addresses and denials too')
def same_grants(server):
    user, role = new_user(server), unique('role')
    grant(server, user, 'read', 'topic:orders*', host='127.0.0.1')
    grant(server, user, 'write', 'lock:a', deny=True)
    command(server, 'grant', 'add', 'role:' + role, 'read,alter', 'queue:mails', 'cluster', user='root', password=ROOT_PASSWORD,
            http=False)
    listed = command(server, 'grant', 'list', user, '--json', user='root', password=ROOT_PASSWORD, http=False)[0]
    equal(sorted((g['permission'], g['operation'], g['resource'], g['host']) for g in json.loads(listed)),
          [('allow', 'read', 'topic:orders*', '127.0.0.1'), ('deny', 'write', 'lock:a', '*')])
    items = ask_root(server, 200, 'GET', '/v1/grants?principal=Role:' + role)['items']
    equal({(g['operation'], g['type'], g['name']) for g in items},
          {(o, t, n) for o in ('read', 'alter') for t, n in (('queue', 'mails'), ('cluster', 'kafka-cluster'))})
    shown = command(server, 'grant', 'list', 'role:' + role, user='root', password=ROOT_PASSWORD, http=False)[0]
    equal(shown.count('role:' + role), 4, shown)
    take_back(server, 'role:' + role, 'read', 'queue:mails', 'cluster')
    said = command(server, 'grant', 'remove', 'role:' + role, 'alter', 'queue:mails', 'cluster', user='root',
                   password=ROOT_PASSWORD, http=False)[0]
    equal('removed 2 grants' in said, True, said)
    orders = 'orders-' + unique('x')
    ask_root(server, 201, 'POST', '/v1/topics', {'name': orders})
    with api_as(server, user) as api:
        api(200, 'GET', '/v1/topics/' + orders)
        take_back_with_host = {'principal': 'User:' + user, 'grants': rules('read', 'topic:orders*', host='127.0.0.1')}
        equal(ask_root(server, 200, 'POST', '/v1/grants/remove', take_back_with_host)['removed'], 1)
        grant(server, user, 'read', 'topic:orders*', host='10.0.0.1')
        api(403, 'GET', '/v1/topics/' + orders)


@cases('a user that is removed is nobody at once; its grants stay for the next of that name')
def removal(server):
    topic = new_topic(server)
    user = new_user(server, ('read', 'topic:' + topic), roles=['x'])
    with api_as(server, user) as api:
        api(200, 'GET', '/v1/topics/' + topic)
        ask_root(server, 204, 'DELETE', '/v1/users/' + user)
        api(401, 'GET', '/v1/topics/' + topic)
    ask_root(server, 404, 'GET', '/v1/users/' + user)
    equal(len(ask_root(server, 200, 'GET', '/v1/grants?principal=User:' + user)['items']), 1)
    new_user(server, name=user)
    with api_as(server, user) as api:
        api(200, 'GET', '/v1/topics/' + topic)
        equal(api(200, 'GET', '/v1/me')['roles'], [])


@cases('changes that come at the same time are all made, or told of: users, roles, grants')
def together(server):
    user, names = new_user(server), [unique('user') for _ in range(12)]

    def make(name):
        with as_root(server) as root:
            return [root.ask('POST', '/v1/users', {'name': name, 'password': PASSWORD, 'scram': False}).status for _ in range(2)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        equal(list(pool.map(make, names)), [[201, 409]] * len(names))
        same = unique('user')
        statuses = list(pool.map(lambda _: make(same)[0], range(8)))
        equal(sorted(statuses), [201] + [409] * 7, 'of the same name only one is made')
        list(pool.map(lambda i: grant(server, user, 'read', 'topic:t%d' % i), range(24)))
        equal(len(ask_root(server, 200, 'GET', '/v1/grants?principal=User:' + user)['items']), 24)
        answers = list(pool.map(lambda i: ask_root(server, 200, 'PATCH', '/v1/users/' + user, {'roles': ['r%d' % i]})['roles'], range(16)))
        equal(answers, [['r%d' % i] for i in range(16)])
        list(pool.map(lambda i: take_back(server, user, 'read', 'topic:t%d' % i), range(24)))
        equal(ask_root(server, 200, 'GET', '/v1/grants?principal=User:' + user)['items'], [])
        gone = list(pool.map(lambda _: ask_status(server, 'DELETE', '/v1/users/' + same), range(8)))
        equal(sorted(gone), [204] + [404] * 7)


def ask_status(server, method, path):
    with as_root(server) as root:
        return root.ask(method, path).status


@cases('two administrators who remove each other at the same time leave one')
def duel(_):
    with Secured() as server:
        server.start()
        for _ in range(5):
            grants = {'principal': 'User:second', 'grants': rules('all', 'cluster')}
            ask_root(server, 201, 'POST', '/v1/users', {'name': 'second', 'password': ROOT_PASSWORD})
            ask_root(server, 204, 'POST', '/v1/grants', grants)
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                def remove(pair):
                    with api_as(server, pair[0], ROOT_PASSWORD) as api:
                        return api.ask('DELETE', '/v1/users/' + pair[1]).status
                answers = list(pool.map(remove, (('root', 'second'), ('second', 'root'))))
            left = [name for name in ('root', 'second') if status_as(server, name, ROOT_PASSWORD) == 200]
            equal((len(left), answers.count(204)), (1, 1), '%s: %s' % (left, answers))
            if left == ['second']:
                with api_as(server, 'second', ROOT_PASSWORD) as api:
                    api(201, 'POST', '/v1/users', {'name': 'root', 'password': ROOT_PASSWORD})
                    api(204, 'DELETE', '/v1/users/second')
        equal(server.stop(), 0)


@cases('leat role: give, take and list, and what it says when it cannot')
def role_commands(server):
    role, names = unique('ops'), [new_user(server) for _ in range(2)]
    as_whom = {'user': 'root', 'password': ROOT_PASSWORD}
    for name in names:
        said = command(server, 'role', 'give', name, role, **as_whom)[0]
        equal("'%s' has role '%s'" % (name, role) in said and 'leat grant add role:%s' % role in said, True, said)
    command(server, 'role', 'give', names[0], role + '-two', **as_whom)
    command(server, 'role', 'give', names[0], role, **as_whom)
    equal(ask_root(server, 200, 'GET', '/v1/users/' + names[0])['roles'], [role, role + '-two'])
    listed = {r['role']: r['users'] for r in json.loads(command(server, 'role', 'list', '--json', **as_whom)[0])}
    equal((listed[role], listed[role + '-two']), (sorted(names), names[:1]))
    equal(', '.join(sorted(names)) in command(server, 'role', 'list', **as_whom)[0], True)
    equal("has role '%s' no longer" % role in command(server, 'role', 'take', names[0], role, **as_whom)[0], True)
    equal(ask_root(server, 200, 'GET', '/v1/users/' + names[0])['roles'], [role + '-two'])
    for words, whom, code, said in ((('take', names[0], role), as_whom, 1, 'has no role'),
                                    (('give', unique('none'), role), as_whom, 1, 'there is no user'),
                                    (('give', names[0], '*'), as_whom, 2, "'*'"), (('give', names[0]), as_whom, 2, 'role'),
                                    (('give', names[0], role), {'user': names[0]}, 1, 'leat grant add'),
                                    (('list',), {'user': names[0]}, 1, 'leat grant add'),
                                    (('list',), {'user': 'root', 'password': 'x'}, 1, '--api'),
                                    (('list',), {}, 1, '--api USER@HOST:PORT')):
        got = command(server, 'role', *words, code=code, **whom)[1]
        equal(said in got, True, '%s: %s' % (words, got))
    kafka_port = '127.0.0.1:%d' % server.kafka_port
    for wrong in ('127.0.0.1:1', kafka_port):
        got = command(server, 'role', 'list', LEAT_API=wrong, code=1)[1]
        equal('--api' in got, True, got)


@cases('leat’s commands take names with blanks, slashes and signs of percent')
def odd_names(server):
    name, role = unique('zoë, a/b %41 ?#&=+'), unique('r ö/ %')
    as_whom = {'user': 'root', 'password': ROOT_PASSWORD}
    ask_root(server, 201, 'POST', '/v1/users', {'name': name, 'password': PASSWORD})
    command(server, 'role', 'give', name, role, **as_whom)
    token = command(server, 'token', 'create', name, **as_whom)[0].strip()
    equal(who_is(server, token=token), (200, 'User:' + name))
    equal(token.split('_')[1] in command(server, 'token', 'list', name, token=token)[0], True)
    with api_as(server, name) as api:
        equal(api(200, 'GET', '/v1/me')['roles'], [role])
        equal(api(200, 'GET', '/v1/users/' + quoted(name))['name'], name)


if __name__ == '__main__':
    sys.exit(run_secured(cases))
