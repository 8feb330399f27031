#!/usr/bin/python3
"""Who may do what over HTTP: each operation with what the document says of its access (x-leat-access), by nobody, by
users without the grant, and with it. suite_http_access.py [ADDRESS], which is not used: users need a server of their
own."""
import functools
import json
import re
import sys

from harness import Cases, equal, unique
from http_support import BYTES, JSON, Api, basic, leat, new_server, operations

cases = Cases('http_access')
ROOT_PASSWORD, PASSWORD = 'root, of = all', 'pencil'
OPERATIONS = ('read', 'write', 'create', 'delete', 'alter', 'describe', 'alter-configs')
TYPES = ('topic', 'group', 'queue', 'key', 'lock', 'channel')

# What is sent to each operation that does not do with nothing, and what it asks for besides, because of that.
BODIES = {
    'createTopic': {'name': 'mine'}, 'createQueue': {'name': 'mine'}, 'changeTopic': {},
          'publishRecords': {'value': 'x'},
    'setOffsets': {'offsets': [{'topic': 'mine', 'partition': 0, 'offset': 0}]}, 'changeQueue': {'settings': {}},
    'sendMessages': {'body': 'x'}, 'acknowledgeMessages': {'receipts': ['0.0.0.1']},
          'extendLeases': {'receipts': ['0.0.0.1'], 'lease_ms': 1},
    'releaseMessages': {'receipts': ['0.0.0.1']}, 'rewindQueue': {'at': 'end'}, 'startRedrive': {},
          'receiveMessages': {},
    'runCommands': {'command': ['PING']}, 'acquireLock': {'ttl_ms': 1}, 'extendLock': {'token': 0, 'ttl_ms': 1},
          'putKey': b'x', 'publishMessage': b'x',
    'createUser': {'name': 'another', 'scram': False}, 'changeUser': {'password': 'pencil'}, 'createToken': {},
    'createAccessKey': {}, 'addGrants': {'principal': 'User:none', 'grants': [{'operation': 'read', 'type': 'lock', 'name': 'x'}]},
    'removeGrants': {'principal': 'User:none', 'grants': [{'operation': 'read', 'type': 'lock', 'name': 'x'}]},
    'changeQuotas': {'user': 'none', 'limits': {'producer_byte_rate': 1e9}}}
QUERIES = {'findRecords': 'key=k', 'deleteRecords': 'before=0', 'releaseLock': 'token=0', 'streamEvents': 'topic=mine'}
BESIDES = {'sendMessages': [('write', 'topic:mine-jobs')], 'startRedrive': [('read', 'queue:mine')],
           'setOffsets': [('read', 'topic:mine')], 'peekDeadLetters': [('read', 'queue:dead')]}
GRANTED = {'createTopic': ('create', 'topic', 'mine'), 'createQueue': ('create', 'queue', 'mine'),
           'streamEvents': ('read', 'topic', 'mine')}
IMPLIES_DESCRIBE = {'read', 'write', 'delete', 'alter'}


class As(Api):
    def __init__(self, server, user, password=PASSWORD):
        super().__init__(server, user or None, password)


def as_root(server):
    return As(server, 'root', ROOT_PASSWORD)


@functools.lru_cache(maxsize=None)
def user_with(server, *grants):
    """A user who may do nothing but what each of `grants` says: (operations, resource, ...)."""
    name = unique('user')
    leat(server, 'user', 'add', name, password=ROOT_PASSWORD, new_password=PASSWORD)
    for operations_, *resources in grants:
        leat(server, 'grant', 'add', name, operations_, *resources, password=ROOT_PASSWORD)
    return name


def grant(server, *words):
    leat(server, 'grant', *words, password=ROOT_PASSWORD)


def call(api, operation):
    """The reply to a request of this operation that is well formed."""
    path = re.sub(r'\{(\w+)\}', lambda m: {'partition': '0', 'redrive': 'none', 'token': 'none',
                                                   'access_key': 'none'}.get(m[1], 'mine'), operation.path)
    query = QUERIES.get(operation.id)
    target = path + ('?' + query if query else '')
    if operation.id != 'streamEvents':
        body = BODIES.get(operation.id)
        return api.ask(operation.method, target, body, type=BYTES if isinstance(body, bytes) else None)
    api.connection.request('GET', target, headers=api.own)
    answer = api.connection.getresponse()
    reply = type('Head', (), {'status': answer.status, 'headers': answer.headers})
    api.connection.close()
    return reply


def prepare(server):
    with as_root(server) as api:
        for name in ('mine', 'other'):
            api.ask('POST', '/v1/topics', {'name': name})
            api.ask('POST', '/v1/topics', {'name': name + '-jobs'})
            api.ask('POST', '/v1/queues', {'name': 'dead', 'topic': 'other-jobs'})
            api.ask('POST', '/v1/queues', {'name': name, 'topic': name + '-jobs',
                                           'settings': {'dead_letter_queue': 'dead', 'deliveries_max': 2}})
            api(200, 'PUT', '/v1/groups/%s/offsets' % name, {'offsets': [{'topic': name, 'partition': 0, 'offset': 0}]})
            api.ask('PUT', '/v1/keys/' + name, b'secret', type=BYTES)
            api.ask('POST', '/v1/locks/' + name, {'ttl_ms': 60000})
        if api.ask('POST', '/v1/users', {'name': 'mine', 'password': PASSWORD}).status == 409:
            api(200, 'PATCH', '/v1/users/mine', {'password': PASSWORD})


def refused(server, operation, user, status, grants):
    with As(server, user) as api:
        reply = call(api, operation)
        equal(reply.status, status, '%s of %s with %s' % (operation.id, user or 'nobody', grants))
        if isinstance(reply, type):
            return
        equal((reply.problem(), 'secret' in str(reply.body)), ({401: 'unauthenticated',
                                                                403: 'permission-denied'}[status], False))
        equal(bool(reply.headers['WWW-Authenticate']), status == 401, 'WWW-Authenticate')


def wanted_of(operation):
    """(operation, type, name) that is to be granted."""
    if operation.access == 'granted':
        return GRANTED[operation.id]
    if operation.access == 'own {user}':  # or by the user itself
        return 'alter', 'cluster', ''
    what, kind, name = operation.access.split()
    return what, kind, 'mine' if name.startswith('{') else name


def resource(kind, name):
    return 'cluster' if kind == 'cluster' else '%s:%s' % (kind, name)


def by_itself(server, operation):
    """The user itself may do what is its own; who came with a token that expires may only read."""
    prepare(server)
    with as_root(server) as root:
        lasting, ending = (root(201, 'POST', '/v1/users/mine/tokens', body)['token'] for body in ({}, {'lifetime_ms': 3_600_000}))
    allowed = []
    with As(server, '') as api:
        for given in (basic('mine', PASSWORD), 'Bearer ' + lasting, 'Bearer ' + ending):
            api.own = {'Authorization': given}
            allowed.append(call(api, operation).status not in (401, 403, 500))
        equal(allowed, [True, True, operation.method == 'GET'], operation.id + ' by the user itself')


@cases('every operation is refused to nobody and to users without its grant, and allowed with it')
def every_operation(server):
    prepare(server)
    everything = [(kind, 'other') for kind in TYPES]
    elsewhere = user_with(server, ('all', *(resource(*each) for each in everything)))
    nothing, wrong = user_with(server), []
    for operation in operations(server.document):
        if operation.access in ('open', 'listed') or operation.id == 'openLive':
            continue
        try:
            what, kind, name = wanted_of(operation)
            there = resource(kind, name)
            unfit = set(OPERATIONS) - {what} - (IMPLIES_DESCRIBE if what == 'describe' else set())
            for user in ('', nothing, elsewhere):
                refused(server, operation, user, 403 if user else 401, 'nothing there')
            refused(server, operation, user_with(server, (','.join(sorted(unfit)), there)), 403, 'all but ' + what)
            besides = BESIDES.get(operation.id, [])
            if besides:
                refused(server, operation, user_with(server, (what, there)), 403, 'no ' + str(besides))
            good = user_with(server, (what, there), *besides)
            prepare(server)
            with As(server, good) as api:
                reply = call(api, operation)
                equal(reply.status in (401, 403) or reply.status >= 500, False,
                      '%s with %s: %d' % (operation.id, (what, there), reply.status))
            prepare(server)
            grant(server, 'add', good, what, there, '--deny')
            refused(server, operation, good, 403, 'it is denied')
            grant(server, 'remove', good, what, there, '--deny')
            if operation.access == 'own {user}':
                by_itself(server, operation)
        except AssertionError as error:
            wrong.append(str(error))
    equal(wrong, [])


@cases('what is open answers everybody, and lists show what may be seen and nothing else')
def listed(server):
    prepare(server)
    mine = user_with(server, ('describe', *('%s:mine' % kind for kind in TYPES)))
    prefixed = user_with(server, ('read', *('%s:ot*' % kind for kind in TYPES)))
    overseer = user_with(server, ('describe', 'cluster'))
    for operation in operations(server.document):
        if operation.access == 'open':
            equal(call(As(server, ''), operation).status, 200, operation.id)
        if operation.access != 'listed':
            continue
        name = 'group' if operation.id == 'listGroups' else 'name'
        others = {'other', 'other-jobs'} if operation.id == 'listTopics' else {'other'}
        for user, wanted in (('', set()), (user_with(server), set()), (mine, {'mine'}), (prefixed, others)):
            with As(server, user) as api:
                reply = call(api, operation)
                equal((reply.status, {item[name] for item in reply.json()['items']}), (200, wanted),
                      '%s of %s' % (operation.id, user))
                equal('next' in reply.json(), False)
        with As(server, overseer) as api:
            equal({item[name] for item in call(api, operation).json()['items']} >= {'mine', 'other'}, True,
                  operation.id)
    with as_root(server) as root, As(server, user_with(server, ('describe', 'group:mine'))) as api:
        equal(root(200, 'GET', '/v1/groups/mine')['offsets'][0]['topic'], 'mine')
        equal(api(200, 'GET', '/v1/groups/mine')['offsets'], [], 'of topics that it may not see')


@cases('what a body names is asked for too: topics, queues, locks, configuration')
def bodies(server):
    prepare(server)
    with as_root(server) as root:
        root.ask('POST', '/v1/queues', {'name': 'letters', 'topic': 'other-jobs'})
    for method, path, body, some, more in (
            ('POST', '/v1/queues', {'name': 'new', 'topic': 'other'}, ('create', 'queue:new'), ('read', 'topic:other')),
            ('POST', '/v1/locks/mine', {'ttl_ms': 1, 'keys': ['too']}, ('write', 'lock:mine'), ('write', 'lock:too')),
            ('PATCH', '/v1/topics/mine', {'config': {'retention.ms': 5000000}}, ('alter', 'topic:mine'),
             ('alter-configs', 'topic:mine')),
            ('POST', '/v1/queues/letters/redrives', {'destination': 'other'}, ('alter,read', 'queue:letters'),
             ('write', 'queue:other', 'topic:other-jobs')),
            ('POST', '/v1/queues/mine/messages', {'body': 'x'}, ('write', 'queue:mine'), ('write', 'topic:mine-jobs')),
            ('PATCH', '/v1/queues/mine', {'settings': {'dead_letter_queue': 'other', 'deliveries_max': 1}},
             ('alter', 'queue:mine'), ('write', 'queue:other', 'topic:other-jobs')),
            ('GET', '/v1/events?topic=mine&topic=other', None, ('read', 'topic:mine'), None),
            ('GET', '/v1/events?topic=mine&channel=news', None, ('read', 'topic:mine'), None)):
        with As(server, user_with(server, some)) as api:
            equal(api(403, method, path, body), 'permission-denied')
        if more:
            with As(server, user_with(server, some, more)) as api:
                reply = api.ask(method, path, body)
                equal(reply.status in (200, 201, 202, 409), True, '%s %s: %s' % (path, reply.status, reply.body))
    # What is sent to a queue is published on its topic: who may not do that may have nothing else do it.
    with As(server, user_with(server, ('alter,read', 'queue:letters', 'queue:mine'), ('write', 'queue:other'))) as api:
        equal(api(403, 'POST', '/v1/queues/letters/redrives', {'destination': 'other'}), 'permission-denied')
        equal(api(403, 'PATCH', '/v1/queues/mine', {'settings': {'dead_letter_queue': 'other', 'deliveries_max': 1}}),
              'permission-denied')
    with As(server, user_with(server, ('alter', 'topic:mine'))) as api:
        equal(api(200, 'PATCH', '/v1/topics/mine', {'partitions': 2})['partitions'], 2)
    with As(server, user_with(server, ('create', 'cluster'))) as api:
        api(201, 'POST', '/v1/topics', {'name': unique('any')})
        api(201, 'POST', '/v1/queues', {'name': unique('any')})


BAD_BODIES = (b'{', b'', b'null', b'[' * 5000, b'\xff', b'{"name":5}', b'{"name":"' + b'x' * 700_000 + b'"}')


@cases('bodies of who may not do it are not looked at: malformed and huge ones are refused as good ones are')
def unread(server):
    prepare(server)
    nothing, wrong = user_with(server), []
    for operation in operations(server.document):
        if operation.body is None or operation.access in ('open', 'listed'):
            continue
        path = re.sub(r'\{(\w+)\}', 'mine', operation.path)
        target = path + ('?' + QUERIES[operation.id] if operation.id in QUERIES else '')
        for user, wanted in (('', (401, 'unauthenticated')), (nothing, (403, 'permission-denied'))):
            with As(server, user) as api:
                for body in BAD_BODIES:
                    for kind in (JSON, 'text/xml', BYTES, None):
                        reply = api.ask(operation.method, target, body, type=kind)
                        if (reply.status, reply.problem()) != wanted:
                            wrong.append((operation.id, user, body[:12], kind, reply.status, reply.problem()))
    equal(wrong, [])
    with as_root(server) as root:
        equal({root.ask('POST', '/v1/topics', body, type=JSON).status for body in BAD_BODIES}, {400, 413}, 'as such they are bad')


@cases('what is leat’s own is nobody’s to change, whatever is granted')
def own_topics(server):
    with as_root(server) as api:
        for method, path, body in (('POST', '/records', {'value': 'x'}), ('DELETE', '', None),
                                   ('PATCH', '', {'partitions': 50}),
                                   ('DELETE', '/partitions/0/records?before=0', None)):
            for topic in ('__consumer_offsets', '__leat_keyspace'):
                reply = api.ask(method, '/v1/topics/' + topic + path, body)
                equal((reply.status in (403, 404), bool(reply.problem())), (True, True),
                      '%s %s: %d' % (method, topic, reply.status))
        equal([t['name'] for t in api(200, 'GET', '/v1/topics?limit=1000')['items'] if t['name'].startswith('__')], [])


@cases('grants to everyone hold for who says nothing, and a change of grants counts at once on open connections')
def changes(server):
    prepare(server)
    grant(server, 'add', '*', 'read', 'topic:public*')
    with as_root(server) as root, As(server, '') as nobody:
        root(201, 'POST', '/v1/topics', {'name': 'public-a'})
        root(200, 'POST', '/v1/topics/public-a/records', {'value': 'hello'})
        equal(nobody(200, 'GET', '/v1/topics/public-a/partitions/0/records')['records'][0]['value'], 'hello')
        equal([t['name'] for t in nobody(200, 'GET', '/v1/topics')['items']], ['public-a'])
        nobody(401, 'POST', '/v1/topics/public-a/records', {'value': 'x'})
        grant(server, 'remove', '*', 'read', 'topic:public*')
        nobody(401, 'GET', '/v1/topics/public-a/partitions/0/records')
    user = unique('user')
    leat(server, 'user', 'add', user, password=ROOT_PASSWORD, new_password=PASSWORD)
    with As(server, user) as api:
        api(403, 'GET', '/v1/keys/mine')
        grant(server, 'add', user, 'read', 'key:*')
        equal(api(200, 'GET', '/v1/keys/mine'), b'secret')
        equal(api.ask('HEAD', '/v1/keys/mine').status, 200)
        grant(server, 'add', user, 'read', 'key:mi*', '--deny')
        api(403, 'GET', '/v1/keys/mine')
        equal(api.ask('HEAD', '/v1/keys/mine').status, 403)
        api(200, 'GET', '/v1/keys/other')
        equal(api(403, 'GET', '/v1/keys/m%69ne'), 'permission-denied', 'the same name, written in another way')


@cases('a wrong password is refused, and an old one at once when it is changed')
def passwords(server):
    prepare(server)
    user = unique('zoë')
    leat(server, 'user', 'add', user, password=ROOT_PASSWORD, new_password=PASSWORD)
    grant(server, 'add', user, 'read', 'key:mine')
    with As(server, user) as api:
        equal(api(200, 'GET', '/v1/keys/mine'), b'secret')
        equal(api(200, 'GET', '/v1/keys/mine'), b'secret')
        leat(server, 'user', 'password', user, password=ROOT_PASSWORD, new_password='new: one')
        reply = api.ask('GET', '/v1/keys/mine')
        asked = sorted(challenge.split()[0] for challenge in reply.headers.get_all('WWW-Authenticate'))
        equal((reply.status, reply.problem(), asked), (401, 'unauthenticated', ['Basic', 'Bearer']))
        api.own = {'Authorization': basic(user, 'new: one')}
        equal(api(200, 'GET', '/v1/keys/mine'), b'secret')
        leat(server, 'user', 'remove', user, password=ROOT_PASSWORD)
        equal(api(401, 'GET', '/v1/keys/mine'), 'unauthenticated')
    for given in ('Basic', 'Basic !', 'Basic ' + 'A' * 4000, 'Bearer', 'Bearer x', 'Digest x', 'basic eDp5',
                  'Basic eDp5', basic('root', ''),
                  basic('', ROOT_PASSWORD), basic('User:root', ROOT_PASSWORD)):
        for path in ('/v1/keys/mine', '/v1/topics', '/v1/topics/none'):
            with As(server, '') as api:
                reply = api.ask('GET', path, Authorization=given)
                equal((reply.status, bool(reply.headers['WWW-Authenticate'])), (401, True),
                      '%s with %s' % (path, given[:20]))
    with as_root(server) as api:
        equal(api(200, 'GET', '/v1/keys/mine'), b'secret', 'others are let in meanwhile')
    log = server.log.read_text()
    equal([word for word in (PASSWORD, ROOT_PASSWORD, 'new: one', 'secret') if word in log], [], 'passwords in the log')


@cases('WebSockets and event streams want somebody who may do something')
def live(server):
    handshake = {'Connection': 'Upgrade', 'Upgrade': 'websocket', 'Sec-WebSocket-Version': '13',
                 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ=='}
    for user, password, status in (('', '', 401), ('root', 'wrong', 401), ('root', ROOT_PASSWORD, 101),
                                   (user_with(server), PASSWORD, 101)):
        with As(server, user, password) as api:
            api.connection.request('GET', '/v1/live', headers={**handshake, **api.own})
            answer = api.connection.getresponse()
            equal((answer.status, bool(answer.headers['WWW-Authenticate'])), (status, status == 401))
    with As(server, '') as api:
        equal(api(401, 'GET', '/v1/events?topic=none'), 'unauthenticated', 'nothing is told of topics')


@cases('locks, keys and channels of one name are granted apart, and a key’s name may be of any bytes')
def apart(server):
    with as_root(server) as root:
        root(201, 'PUT', '/v1/keys/a%2Fb%20%C3%BC', b'deep', type=BYTES)
    with As(server, user_with(server, ('read', 'key:a/b ü'))) as api:
        equal(api(200, 'GET', '/v1/keys/a%2Fb%20%C3%BC'), b'deep')
        api(403, 'GET', '/v1/keys/a')
        api(403, 'GET', '/v1/locks/a%2Fb%20%C3%BC')
        api(403, 'PUT', '/v1/keys/a%2Fb%20%C3%BC', b'x', type=BYTES)
        api(403, 'GET', '/v1/keys')
        api(403, 'GET', '/v1/keys/%FF')
        equal(api(403, 'POST', '/v1/commands', {'command': ['GET', 'a/b ü']}), 'permission-denied')


def main():
    with new_server() as server:
        server.start()
        leat(server, 'user', 'add', 'root', '--admin', user='', new_password=ROOT_PASSWORD)
        server.document = json.loads(server.http('/v1/openapi.json')[1])
        failed = cases.run(server)
        equal(server.stop(), 0, 'the exit code of the server')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
