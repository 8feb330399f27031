#!/usr/bin/python3
"""The audit log: who came in, who was refused, who changed what: suite_audit.py [ADDRESS], which is not used: the cases look into
data folders of servers of their own."""
import json
import re
import shutil
import stat
import sys

from botocore.exceptions import ClientError
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from harness import Cases, Server, equal, unique, wait_for
from http_support import operations, quoted
from live_support import Live, WebSocket, basic
from security_support import (AUTHENTICATION_FAILED, NO_ERROR, PASSWORD, ROOT_PASSWORD, TOPIC_REFUSED, Kafka, Secured, amazon, api_as,
                              as_root, ask_root, audited, bearer_message, command, files_with, grant, new_access_key, new_token,
                              new_topic, new_user, rules, run_secured, take_back, wait_audited, who_is)
from suite_http_access import call

cases = Cases('audit')
HOST = '127.0.0.1'


def times(events):
    """How often they came."""
    return sum(event.get('times', 1) for event in events)


def scram(server, user, password):
    client = AdminClient({'bootstrap.servers': server.address, 'security.protocol': 'SASL_PLAINTEXT', 'log_level': 0,
                          'sasl.mechanism': 'SCRAM-SHA-512', 'sasl.username': user, 'sasl.password': password})
    try:
        client.list_topics(timeout=3)
    except KafkaException:
        pass


def one(server, **wanted):
    """The only line of this kind."""
    found = wait_audited(server, **wanted)
    equal(times(found), 1, str(found))
    return found[0]


@cases('who comes in is written: Kafka by PLAIN, SCRAM and a token, HTTP by a password and a token')
def came_in(server):
    users = [new_user(server) for _ in range(5)]
    with Kafka(server) as connection:
        equal(connection.password(users[0])['ErrorCode'], NO_ERROR)
    scram(server, users[1], PASSWORD)
    with Kafka(server) as connection:
        equal(connection.bearer(new_token(server, users[2])[1])['ErrorCode'], NO_ERROR)
    who_is(server, user=users[3])
    who_is(server, token=new_token(server, users[4])[1])
    for user, protocol, how in zip(users, ('kafka', 'kafka', 'kafka', 'http', 'http'),
                                   ('password', 'SCRAM', 'token', 'password', 'token')):
        event = wait_audited(server, event='came_in', principal='User:' + user)[0]
        equal((event['protocol'], event['how'], event['host'], sorted(event)),
              (protocol, how, HOST, ['event', 'host', 'how', 'principal', 'protocol', 'time']))
        equal(bool(re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z', event['time'])), True, event['time'])
    with Live(server, Authorization=basic(users[0], PASSWORD)['Authorization']):
        wait_audited(server, event='came_in', principal='User:' + users[0], protocol='http')


@cases('who does not come in is written with the name that was given: Kafka, HTTP, the metrics, WebSockets')
def failed(server):
    users = [unique('nobody') for _ in range(4)]
    with Kafka(server) as connection:
        equal(connection.password(users[0], 'wrong')['ErrorCode'], AUTHENTICATION_FAILED)
    scram(server, users[1], 'wrong')
    who_is(server, user=users[2], password='wrong')
    with api_as(server, users[3], 'wrong') as api:
        equal(api.ask('GET', '/metrics').status, 401)
    for user, protocol, how in zip(users, ('kafka', 'kafka', 'http', 'http'), ('password', 'SCRAM', 'password', 'password')):
        event = wait_audited(server, event='failed_to_come_in', user=user)[0]
        equal((event['protocol'], event['how'], event['host']), (protocol, how, HOST), user)
    for protocol in ('kafka', 'http'):
        before = times(audited(server, event='failed_to_come_in', protocol=protocol, how='token'))
        if protocol == 'kafka':
            with Kafka(server) as connection:
                connection.bearer('leat_' + unique('x'))
        else:
            equal(WebSocket(server, '/v1/live?access_token=leat_x').status, 401)
        if not before:
            event = wait_audited(server, event='failed_to_come_in', protocol=protocol, how='token')[0]
            equal((event['user'], event['host']), ('', HOST))


@cases('who signs wrongly for SQS or SNS is written as one who did not come in')
def failed_signatures(server):
    user = new_user(server)
    id_, _ = new_access_key(server, user)
    for service, key in (('sqs', (id_, 'wrong')), ('sqs', (unique('LEAT'), 'x')), ('sns', (unique('LEAT'), 'x'))):
        client = amazon(service, server.sqs, key)
        before = times(audited(server, event='failed_to_come_in'))
        try:
            client.list_queues() if service == 'sqs' else client.list_topics()
        except ClientError:
            pass
        wait_for('a line for %s with %s' % (service, key[0]),
                 lambda: times(audited(server, event='failed_to_come_in')) > before, seconds=25)
        event = audited(server, event='failed_to_come_in')[-1]
        equal((event['protocol'] in ('sqs', 'sns'), event['host']), (True, HOST), str(event))


@cases('what is refused is written with who wanted what: Kafka, HTTP, live push, SQS, SNS')
def refused(server):
    user, topic = new_user(server), new_topic(server)
    principal = 'User:' + user
    with Kafka(server) as connection:
        connection.password(user)
        equal(connection.sees(topic), TOPIC_REFUSED)
        equal(connection.call('DeleteTopics', 3, TopicNames=[topic], TimeoutMs=1000)['Responses'][0]['ErrorCode'], TOPIC_REFUSED)
    deleted = one(server, event='refused', protocol='kafka', principal=principal, operation='delete')
    equal((deleted['type'], deleted['name'], deleted['host']), ('topic', topic, HOST))
    equal(one(server, event='refused', protocol='kafka', principal=principal, operation='describe')['name'], topic)
    with api_as(server, user) as api:
        api(403, 'GET', '/v1/keys/secret-key')
        api(403, 'POST', '/v1/users', {'name': 'x'})
    event = one(server, event='refused', protocol='http', principal=principal, type='key')
    equal((event['operation'], event['name']), ('read', 'secret-key'))
    event = one(server, event='refused', protocol='http', principal=principal, type='cluster')
    equal((event['operation'], event['name']), ('alter', 'kafka-cluster'))
    with Live(server, Authorization=basic(user, PASSWORD)['Authorization']) as live:
        live.refused(403, 'permission-denied', 'subscribe', topic=topic)
    equal(one(server, event='refused', protocol='http', principal=principal, type='topic')['operation'], 'read')
    key = new_access_key(server, user)
    queue = unique('queue')
    try:
        amazon('sqs', server.sqs, key).send_message(QueueUrl=server.sqs + '/000000000000/' + queue, MessageBody='x')
    except ClientError:
        pass
    event = one(server, event='refused', principal=principal, type='queue')
    equal((event['protocol'], event['operation'], event['name'], event['host']), ('sqs', 'write', queue, HOST))
    name = unique('news')
    try:
        amazon('sns', server.sqs, key).create_topic(Name=name)
    except ClientError:
        pass
    event = wait_audited(server, event='refused', principal=principal, operation='create')[0]
    equal((event['protocol'] in ('sqs', 'sns'), name in event['name'], event['type']), (True, True, 'topic'))
    try:
        amazon('sqs', server.sqs).get_queue_url(QueueName=queue)
    except ClientError:
        pass
    event = one(server, event='refused', principal='User:ANONYMOUS', name=queue)
    equal((event['protocol'], event['operation']), ('sqs', 'describe'))


@cases('HTTP: of every operation that is refused, to a user or to nobody, there is a line')
def every_http_refusal(server):
    document, wanted = json.loads(server.http('/v1/openapi.json')[1]), {}
    for operation in operations(document):
        if operation.access in ('open', 'listed') or operation.id == 'openLive':
            continue
        user = new_user(server)
        for who, status in ((user, 403), (None, 401)):
            with api_as(server, who) as api:
                equal(call(api, operation).status, status, '%s by %s' % (operation.id, who or 'nobody'))
        wanted[user] = operation.id
    equal(len(wanted) > 50, True)

    def missing():
        lines = {(e['principal'], e['operation'], e['type'], e['name']) for e in audited(server, event='refused', protocol='http')}
        of_users = {line[0][5:]: ('User:ANONYMOUS', *line[1:]) for line in lines if line[0][5:] in wanted}
        return {wanted[user] for user in wanted if of_users.get(user) not in lines}
    wait_for('a line of each user and of nobody', lambda: not missing(), seconds=20)


@cases('who asks for the metrics and may not is written')
def refused_metrics(server):
    user = new_user(server)
    with api_as(server, user) as api:
        equal(api.ask('GET', '/metrics').status, 403)
    event = wait_for('a line', lambda: (audited(server, event='refused', principal='User:' + user) or [None])[0], seconds=20)
    equal((event['protocol'], event['operation'], event['type']), ('http', 'describe', 'cluster'))


@cases('lists that leave out what may not be seen are no refusals')
def lists(server):
    user, topic = new_user(server), new_topic(server)
    key = new_access_key(server, user)
    with api_as(server, user) as api, Kafka(server) as connection:
        for path in ('/v1/topics', '/v1/groups', '/v1/queues', '/v1/me'):
            api(200, 'GET', path)
        connection.password(user)
        connection.call('Metadata', 8, Topics=None, AllowAutoTopicCreation=False, IncludeClusterAuthorizedOperations=False,
                        IncludeTopicAuthorizedOperations=False)
        amazon('sqs', server.sqs, key).list_queues()
        amazon('sns', server.sqs, key).list_topics()
        equal(connection.sees(topic), TOPIC_REFUSED)
    wait_audited(server, event='refused', principal='User:' + user, name=topic)
    equal(times(audited(server, event='refused', principal='User:' + user)), 1)


@cases('changes of users, tokens, keys and grants are written with who made them, by HTTP and by Kafka')
def changed(server):
    admin = new_user(server, ('all', 'cluster'))
    user, principal = unique('user'), 'User:' + admin

    def wanted(what, name, protocol='http'):
        return [e['how'] for e in wait_audited(server, event='changed', protocol=protocol, principal=principal, what=what, name=name)]
    with api_as(server, admin) as api:
        api(201, 'POST', '/v1/users', {'name': user, 'password': PASSWORD})
        token = api(201, 'POST', '/v1/users/%s/tokens' % user, {})
        api(204, 'DELETE', '/v1/users/%s/tokens/%s' % (user, token['id']))
        key = api(201, 'POST', '/v1/users/%s/access-keys' % user, {})
        api(204, 'DELETE', '/v1/users/%s/access-keys/%s' % (user, key['id']))
        api(200, 'PATCH', '/v1/users/' + user, {'roles': ['x']})
        given = {'principal': 'User:' + user, 'grants': rules('read', 'topic:a*')}
        api(204, 'POST', '/v1/grants', given)
        api(200, 'POST', '/v1/grants/remove', given)
        api(204, 'DELETE', '/v1/users/' + user)
        api(404, 'DELETE', '/v1/users/' + user)
    wait_for('all lines', lambda: len(wanted('user', user)) >= 7)
    equal(sorted(wanted('user', user)), sorted(['createUser', 'createToken', 'deleteToken', 'createAccessKey', 'deleteAccessKey',
                                                'changeUser', 'removed']))
    wait_for('both lines', lambda: len(wanted('grants', 'User:' + user)) >= 2)
    added, removed = wanted('grants', 'User:' + user)
    equal((added[:6], removed[:8], "read on topic 'a*'" in added, "read on topic 'a*'" in removed), ('added:', 'removed:', True, True))
    with_kafka = unique('user')
    as_whom = {'user': admin, 'http': False}
    command(server, 'user', 'add', with_kafka, LEAT_NEW_PASSWORD=PASSWORD, **as_whom)
    command(server, 'grant', 'add', with_kafka, 'read', 'topic:b', **as_whom)
    command(server, 'grant', 'remove', with_kafka, 'read', 'topic:b', **as_whom)
    command(server, 'user', 'remove', with_kafka, **as_whom)
    wait_for('all lines', lambda: len(wanted('grants', 'User:' + with_kafka, 'kafka')) >= 2)
    hows = wanted('user', with_kafka, 'kafka')
    equal(('password set' in hows, 'password removed' in hows), (True, True), str(hows))
    with api_as(server, new_user(server)) as api:
        api(403, 'POST', '/v1/users', {'name': unique('never')})
    equal([e for e in audited(server, event='changed') if e['name'].startswith('never')], [], 'what was refused')


@cases('changes of quotas are written with who made them, by HTTP and by Kafka, and none that was refused')
def changed_quotas(server):
    admin = new_user(server, ('all', 'cluster'))
    names = [unique('quota') for _ in range(3)]

    def wanted(name, protocol):
        return [e['how'] for e in wait_audited(server, event='changed', protocol=protocol, principal='User:' + admin, host=HOST,
                                               what='quotas', name=name)]
    with api_as(server, admin) as api:
        api(204, 'PATCH', '/v1/quotas', {'user': names[0], 'limits': {'request_rate': 1e6}})
        api(400, 'PATCH', '/v1/quotas', {'user': names[2], 'limits': {'request_rate': -1}})
    command(server, 'quota', 'set', 'user:%s,client:nightly' % names[1], 'producer_byte_rate=5000000', user=admin, http=False)
    both = "user '%s' and client-id 'nightly'" % names[1]
    equal(wanted("user '%s'" % names[0], 'http'), ['changed'])
    equal(wanted(both, 'kafka'), ['changed'])
    command(server, 'quota', 'remove', 'user:%s,client:nightly' % names[1], 'producer_byte_rate', user=admin, http=False)
    wait_for('both changes', lambda: times(audited(server, event='changed', name=both)) == 2)
    stranger = new_user(server)
    with api_as(server, stranger) as api:
        api(403, 'PATCH', '/v1/quotas', {'user': names[2], 'limits': {'request_rate': 1}})
    equal(one(server, event='refused', protocol='http', principal='User:' + stranger)['operation'], 'alter')
    command(server, 'quota', 'set', 'user:' + names[2], 'request_rate=1', user=stranger, http=False, code=1)
    equal(one(server, event='refused', protocol='kafka', principal='User:' + stranger)['operation'], 'alter configs')
    equal([e for e in audited(server, event='changed') if names[2] in e['name']], [])


@cases('lines that are alike are written once, and then with how often they came')
def repeats(server):
    user, other, count = unique('nobody'), unique('nobody'), 40
    topic = new_topic(server)
    reader = new_user(server)
    with Kafka(server) as connection:
        connection.password(reader)
        for _ in range(count):
            connection.sees(topic)
    first = wait_audited(server, event='refused', name=topic)
    equal((len(first), 'times' in first[0]), (1, False), str(first))
    who_is(server, user=user, password='wrong')
    who_is(server, user=other, password='wrong')
    for each in (user, other):
        equal(len(wait_audited(server, event='failed_to_come_in', user=each)), 1)
    wait_for('the repeats', lambda: times(audited(server, event='refused', name=topic)) == count)
    equal(len(audited(server, event='refused', name=topic)), 2)


@cases('what waits to be counted is written when the server stops, and lines from before stay')
def at_the_end(_):
    with Secured() as server:
        server.start()
        topic, count = new_topic(server), 300
        with Kafka(server) as connection:
            for _ in range(count):
                equal(connection.sees(topic), TOPIC_REFUSED)
        metrics = server.metrics()
        equal((metrics['leat_audit_events_total'] >= count, metrics['leat_audit_lost_total']), (True, 0))
        equal(server.stop(), 0)
        found = audited(server, event='refused', name=topic)
        equal((times(found), len(found)), (count, 2))
        before = audited(server)
        server.start()
        with Kafka(server) as connection:
            connection.sees(topic)
        wait_for('a new line', lambda: len(audited(server)) > len(before))
        equal(audited(server)[:len(before)], before)
        equal(server.stop(), 0)


@cases('of who is refused many different things in a moment 50 lines are written, the others are counted; others keep theirs')
def flood(server):
    user, other, names = new_user(server), new_user(server), [unique('flood') for _ in range(3000)]
    with Kafka(server) as connection, Kafka(server) as connection_of_other:
        connection.password(user)
        connection_of_other.password(other)
        connection.call('Metadata', 8, Topics=[{'Name': name} for name in names], AllowAutoTopicCreation=False,
                        IncludeClusterAuthorizedOperations=False, IncludeTopicAuthorizedOperations=False)
        connection_of_other.sees('after-the-flood')
    found = {'event': 'refused', 'principal': 'User:' + user}
    equal(one(server, event='refused', principal='User:' + other)['name'], 'after-the-flood')
    wait_for('all of them', lambda: times(audited(server, **found)) == len(names), pause=0.3)
    shown = [e['name'] for e in audited(server, **found)]
    equal((shown[:50], set(shown[50:])), (names[:50], {'(others)'}))
    equal(audited(server, event='lost'), [])


@cases('files are renamed at their size, the oldest go, and nobody else can read them')
def rotation(_):
    with Secured('--audit.file-max-bytes=4096', '--audit.files-max=2') as server:
        server.start()
        folder, names = server.data / 'audit', ['t%04d' % i for i in range(200)]
        for at in range(0, len(names), 40):  # of one user not so many are written
            with Kafka(server) as connection:
                connection.password(new_user(server))
                for name in names[at:at + 40]:
                    connection.sees(name)
        wait_for('the last line', lambda: any(e.get('name') == names[-1] for e in audited(server)))
        files = sorted(f.name for f in folder.iterdir())
        equal(files, ['audit.1.log', 'audit.2.log', 'audit.log'])
        kept = [e['name'] for e in audited(server, event='refused')]
        equal((kept, len(kept) > 20), (names[-len(kept):], True), 'the newest, in order')
        for file in folder.iterdir():
            equal((file.stat().st_size <= 4096, stat.S_IMODE(file.stat().st_mode)), (True, 0o600), file.name)
        equal(stat.S_IMODE(folder.stat().st_mode), 0o700)
        equal(server.stop(), 0)


@cases('values with quotes, line breaks, other bytes than UTF-8 and of great length stay one line of JSON')
def odd_values(server):
    for user in ('a"b\\c', 'a\nb\r\n{"event":"came_in"}', '\x1b[2J', 'zoë\u2028', 'x' * 60_000, 'x' + 'ü' * 1000):
        with Kafka(server) as connection:
            connection.password(user, 'wrong')
        start = user[:500]
        found = wait_for('the line of %r' % user[:20], lambda start=start: [
            e for e in audited(server, event='failed_to_come_in') if e['user'].startswith(start)], seconds=15)
        equal(len(found[0]['user'].encode()) <= 1024, True)
    with Kafka(server) as connection:
        connection.sasl('PLAIN', b'\0\xff\xfe\0wrong')
    wait_for('the line', lambda: audited(server, event='failed_to_come_in', user='%FF%FE'))
    name = 'k"\n\x00ü' + unique('x')
    with api_as(server, new_user(server)) as api:
        api(403, 'GET', '/v1/keys/' + quoted(name))
    equal(wait_audited(server, event='refused', type='key', name=name)[0]['operation'], 'read')
    for file in (server.data / 'audit').iterdir():
        for line in file.read_bytes().splitlines():
            equal((isinstance(json.loads(line.decode()), dict), bool(re.search(rb'[\x00-\x1f]', line))), (True, False), line)


@cases('no password, token or secret is in it, right or wrong')
def secrets(server):
    passwords = ['right-' + unique('p'), 'wrong-' + unique('p')]
    user = new_user(server, password=passwords[0])
    token, (id_, secret) = new_token(server, user)[1], new_access_key(server, user)
    for password in passwords:
        who_is(server, user=user, password=password)
        with Kafka(server) as connection:
            connection.password(user, password)
        scram(server, user, password)
    wrong_token = token[:-6] + 'AAAAAA'
    for each in (token, wrong_token):
        who_is(server, token=each)
        WebSocket(server, '/v1/live?access_token=' + each)
        with Kafka(server) as connection:
            connection.sasl('OAUTHBEARER', bearer_message(each))
    for key in ((id_, secret), (id_, 'wrong-' + secret)):
        try:
            amazon('sqs', server.sqs, key).list_queues()
        except ClientError:
            pass
    ask_root(server, 200, 'PATCH', '/v1/users/' + user, {'password': passwords[1]})
    wait_audited(server, event='changed', name=user, how='changeUser')
    hidden = [*passwords, token.split('_', 2)[2], wrong_token.split('_', 2)[2], secret, ROOT_PASSWORD]
    equal(files_with(server.data / 'audit', *hidden), [])
    equal([text[:12] for text in hidden if text in server.log.read_text()], [])
    equal(files_with(server.data / 'audit', user) != [], True, 'the search finds what is there')


@cases('audit.enabled=false writes nothing; a folder that cannot be made stops the start and says why')
def switched_off(_):
    with Secured('--audit.enabled=false') as server:
        server.start()
        equal(who_is(server, user='root', password='wrong')[0], 401)
        with Kafka(server) as connection:
            connection.sees('x')
        equal('leat_audit_events_total' in server.metrics(), False)
        equal((server.stop(), (server.data / 'audit').exists()), (0, False))
    with Server() as broken:
        broken.start()
        equal(broken.stop(), 0)
        shutil.rmtree(broken.data / 'audit')
        (broken.data / 'audit').write_text('not a folder')
        broken.spawn()
        equal((broken.process.wait(30) != 0, 'the audit log' in broken.log.read_text()), (True, True), broken.log_tail())
    for given in ('--audit.file-max-bytes=10', '--audit.files-max=0', '--audit.enabled=maybe'):
        with Server(given) as wrong:
            wrong.spawn()
            equal((wrong.process.wait(30) != 0, '--audit.' in wrong.log.read_text()), (True, True), given)


@cases('before there are users what is changed is written too')
def without_users(_):
    with Server() as server:
        server.start()
        with api_as(server) as api:
            api(201, 'POST', '/v1/users', {'name': 'root', 'password': ROOT_PASSWORD, 'admin': True})
        event = wait_audited(server, event='changed', what='user', name='root')[0]
        equal((event['principal'], event['host'], event['how']), ('User:ANONYMOUS', HOST, 'createUser'))
        equal(len(wait_audited(server, 8, event='changed', what='grants', name='User:root')), 8)
        with as_root(server) as root:
            root(200, 'GET', '/v1/users')
        grant(server, 'root', 'read', 'topic:x')
        take_back(server, 'root', 'read', 'topic:x')
        equal(server.stop(), 0)


if __name__ == '__main__':
    sys.exit(run_secured(cases))
