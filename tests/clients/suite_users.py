#!/usr/bin/python3
"""Users and grants, with the clients that people use: suite_users.py [ADDRESS], which is not used: users need a server of
their own."""
import base64
import concurrent.futures
import http.client
import os
import pathlib
import socket
import struct
import subprocess
import sys
import time

import kafka
from confluent_kafka import Consumer, Producer
from kafka.admin import (ACL, ACLFilter, ACLOperation, ACLPermissionType, ACLResourcePatternType, KafkaAdminClient,
                         ResourcePattern, ResourcePatternFilter, ResourceType)

from harness import LEAT, Cases, Server, Skip, equal, unique, wait_for
from http_support import Api

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / 'schema_client'))
import client as schema  # noqa: E402
import records  # noqa: E402

cases = Cases('users')
MECHANISMS = ('PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512')
ROOT_PASSWORD, PASSWORD = 'root, of = all', 'pencil'


def leat(server, *arguments, user='root', password=ROOT_PASSWORD, new_password=PASSWORD, text=None, code=0):
    """Runs the command line as a user; returns what it printed, errors included."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith('LEAT')}
    address = '%s@%s' % (user, server.address) if user else server.address
    done = subprocess.run([os.environ.get('LEAT', str(LEAT)), *arguments, '--server', address], input=text, text=True,
                          capture_output=True, timeout=60,
                          env={**environment, 'LEAT_PASSWORD': password, 'LEAT_NEW_PASSWORD': new_password})
    equal(done.returncode, code, done.stdout + done.stderr)
    return done.stdout + done.stderr


def new_user(server, *grants):
    """A user who may do nothing but what each of `grants` says: (operations, resource, ...)."""
    name = unique('user')
    leat(server, 'user', 'add', name)
    for operations, *resources in grants:
        leat(server, 'grant', 'add', name, operations, *resources)
    return name


def options(server, user, mechanism='SCRAM-SHA-256', password=PASSWORD):
    return {'bootstrap.servers': server.address, 'security.protocol': 'SASL_PLAINTEXT', 'sasl.mechanism': mechanism,
            'sasl.username': user, 'sasl.password': password}


def python_options(server, user, mechanism='SCRAM-SHA-256', password=PASSWORD):
    return {'bootstrap_servers': server.address, 'security_protocol': 'SASL_PLAINTEXT', 'sasl_mechanism': mechanism,
            'sasl_plain_username': user, 'sasl_plain_password': password}


@cases('the first user has to be able to administer, and the last such user stays')
def first_and_last(server):
    with Server() as fresh:
        fresh.start()
        said = leat(fresh, 'user', 'add', 'bob', user='', code=1)
        equal('no user would be left that may alter the cluster' in said, True, said)
        said = leat(fresh, 'user', 'add', 'root', '--admin', user='', new_password=ROOT_PASSWORD)
        equal('who may do everything' in said, True, said)
        said = leat(fresh, 'topic', 'create', 'orders', user='', code=1)
        equal('AUTHORIZATION_FAILED' in said and 'USER@HOST' in said, True, said)
        leat(fresh, 'topic', 'create', 'orders')
        for what in (('*', 'all', 'cluster', '--deny'), ('root', 'alter', 'cluster', '--deny')):
            said = leat(fresh, 'grant', 'add', *what, code=1)
            equal('no user would be left' in said, True, said)
        said = leat(fresh, 'grant', 'add', 'root', 'read', 'topic:a', '--host', 'localhost', code=1)
        equal('no address' in said, True, said)
        leat(fresh, 'user', 'add', 'bob')
        for what in (('user', 'remove', 'root'), ('grant', 'remove', 'root', 'all', 'cluster')):
            said = leat(fresh, *what, code=1)
            equal('no user would be left' in said, True, said)
        leat(fresh, 'grant', 'add', 'bob', 'alter', 'cluster')
        leat(fresh, 'user', 'remove', 'root')
        said = leat(fresh, 'user', 'remove', 'bob', user='bob', password=PASSWORD, code=1)
        equal('the last user cannot go' in said, True, said)
        fresh.kill()
        fresh.start()
        said = leat(fresh, 'topic', 'list', user='', code=1)
        equal('AUTHORIZATION_FAILED' in said, True, said)
        log = fresh.log.read_text()
        equal(PASSWORD in log or ROOT_PASSWORD in log, False, 'no password is in the log')


@cases('leat user and leat grant: list, change and take back')
def command_line(server):
    name = unique('zoë, =')
    leat(server, 'user', 'add', name)
    equal('there is a user' in leat(server, 'user', 'add', name, code=1), True)
    leat(server, 'grant', 'add', name, 'read,describe', 'topic:a*', 'group:g')
    leat(server, 'grant', 'add', name, 'write', 'topic:*', '--deny', '--host', '10.0.0.1')
    shown = leat(server, 'grant', 'list', name)
    for words in ('allow', 'deny', 'topic:a*', 'group:g', 'topic:*', '10.0.0.1'):
        equal(words in shown, True, shown)
    equal('removed 2 grants' in leat(server, 'grant', 'remove', name, 'read,describe', 'topic:a*'), True)
    equal('there is no such grant' in leat(server, 'grant', 'remove', name, 'read', 'topic:a*', code=1), True)
    leat(server, 'user', 'password', name, new_password='other')
    leat(server, 'topic', 'list', user=name, code=1)
    leat(server, 'group', 'list', user=name, password='other')
    equal(name in leat(server, 'user', 'list'), True)
    leat(server, 'user', 'remove', name)
    said = leat(server, 'group', 'list', user=name, password='other', code=1)
    equal('SASL_AUTHENTICATION_FAILED' in said, True, said)
    said = leat(server, 'grant', 'add', name, 'reed', 'topic:a', code=2)
    equal('read' in said, True, said)


@cases('confluent-kafka: produces and consumes in a group, with every mechanism')
def confluent(server):
    for mechanism in MECHANISMS:
        topic, group = unique('orders'), unique('group')
        user = new_user(server, ('write,create', 'topic:' + topic), ('read', 'topic:' + topic, 'group:' + group))
        producer = Producer({**options(server, user, mechanism), 'enable.idempotence': True})
        for i in range(10):
            producer.produce(topic, b'%d' % i)
        equal(producer.flush(30), 0, mechanism)
        consumer = Consumer({**options(server, user, mechanism), 'group.id': group, 'auto.offset.reset': 'earliest'})
        consumer.subscribe([topic])
        values = []

        def polled():
            message = consumer.poll(0.2)
            if message is not None and not message.error():
                values.append(message.value())
            return len(values) == 10
        wait_for('all records with ' + mechanism, polled, pause=0)
        consumer.close()


@cases('kcat: reads with every mechanism, and is told when the password is wrong')
def kcat(server):
    topic = unique('orders')
    leat(server, 'topic', 'create', topic)
    leat(server, 'produce', topic, text='hello\n')
    user = new_user(server, ('read', 'topic:' + topic))

    def run(password, *words):
        given = [word for key, value in options(server, user if password == PASSWORD else unique('user'), mechanism,
                                                password).items() for word in ('-X', '%s=%s' % (key, value))]
        return subprocess.run(['kcat', *words, *given], capture_output=True, text=True, timeout=60)
    for mechanism in MECHANISMS:
        done = run(PASSWORD, '-C', '-t', topic, '-e', '-q')
        equal(done.stdout, 'hello\n', done.stderr)
        done = run('wrong', '-L')
        equal('password is wrong' in done.stderr, True, done.stderr)


@cases('kafka-python: tokens without headers (SaslHandshake 0), with every mechanism')
def kafka_python(server):
    topic = unique('orders')
    leat(server, 'topic', 'create', topic)
    user = new_user(server, ('read,write', 'topic:' + topic))
    for mechanism in MECHANISMS:
        producer = kafka.KafkaProducer(**python_options(server, user, mechanism))
        producer.send(topic, mechanism.encode()).get(timeout=30)
        producer.close()
        try:
            kafka.KafkaProducer(**python_options(server, unique('user'), mechanism, 'wrong'))
        except kafka.errors.KafkaError:
            pass
        else:
            raise AssertionError('the wrong password was taken')
    consumer = kafka.KafkaConsumer(topic, auto_offset_reset='earliest', consumer_timeout_ms=30000,
                                   **python_options(server, user))
    equal([next(consumer).value.decode() for _ in MECHANISMS], list(MECHANISMS))
    consumer.close()


@cases('kafkajs: every mechanism, a wrong password, ACLs by its admin client')
def kafkajs(server):
    if not (HERE / 'npm' / 'node_modules').exists():
        raise Skip('the Node.js clients are not installed')
    topic = unique('orders')
    done = subprocess.run(['node', str(HERE / 'npm' / 'kafkajs_sasl.mjs'), server.address, 'root', ROOT_PASSWORD, topic],
                          capture_output=True, text=True, timeout=120)
    equal(done.returncode, 0, done.stdout + done.stderr)
    equal(done.stdout.split(), [*MECHANISMS, 'refused', '2', '2', '0'], done.stderr)


@cases('kafka-python: ACLs are made, found by every kind of filter, and deleted')
def acls(server):
    admin = KafkaAdminClient(**python_options(server, 'root', password=ROOT_PASSWORD))
    principal = 'User:' + unique('somebody')

    def acl(operation, name, pattern=ACLResourcePatternType.LITERAL, permission=ACLPermissionType.ALLOW,
            resource=ResourceType.TOPIC):
        return ACL(principal, '*', operation, permission, ResourcePattern(resource, name, pattern))
    made = [acl(ACLOperation.READ, 'a'), acl(ACLOperation.WRITE, 'a.', ACLResourcePatternType.PREFIXED),
            acl(ACLOperation.ALL, '*', permission=ACLPermissionType.DENY), acl(ACLOperation.READ, 'g', resource=ResourceType.GROUP)]
    answer = admin.create_acls(made)
    equal((len(answer['succeeded']), answer['failed']), (4, []))

    def found(name=None, pattern=ACLResourcePatternType.ANY, operation=ACLOperation.ANY, resource=ResourceType.ANY,
              permission=ACLPermissionType.ANY):
        some, error = admin.describe_acls(ACLFilter(principal, None, operation, permission,
                                                    ResourcePatternFilter(resource, name, pattern)))
        equal(error is kafka.errors.NoError or error.errno == 0, True, error)
        return sorted((a.resource_pattern.resource_name, a.operation.name) for a in some)
    equal(found(), [('*', 'ALL'), ('a', 'READ'), ('a.', 'WRITE'), ('g', 'READ')])
    equal(found(resource=ResourceType.TOPIC, name='a', pattern=ACLResourcePatternType.LITERAL), [('a', 'READ')])
    equal(found(resource=ResourceType.TOPIC, name='a.b', pattern=ACLResourcePatternType.MATCH),
          [('*', 'ALL'), ('a.', 'WRITE')])
    equal(found(pattern=ACLResourcePatternType.PREFIXED), [('a.', 'WRITE')])
    equal(found(operation=ACLOperation.READ), [('a', 'READ'), ('g', 'READ')])
    equal(found(permission=ACLPermissionType.DENY), [('*', 'ALL')])
    answer = admin.delete_acls([ACLFilter(principal, None, ACLOperation.ANY, ACLPermissionType.ANY,
                                          ResourcePatternFilter(ResourceType.TOPIC, None, ACLResourcePatternType.ANY))])
    equal(len(answer[0][1]), 3)
    equal(found(), [('g', 'READ')])
    admin.close()


class As(schema.Connection):
    """A connection of a user, or of nobody."""

    def __init__(self, server, user):
        super().__init__('127.0.0.1', server.kafka_port)
        if user:
            equal(self.call('SaslHandshake', 1, Mechanism='PLAIN')['ErrorCode'], 0)
            token = b'\0%s\0%s' % (user.encode(), PASSWORD.encode())
            equal(self.call('SaslAuthenticate', 1, AuthBytes=token)['ErrorCode'], 0)


@cases('what is denied stays denied, and a change of grants counts for connections that are open')
def denials(server):
    topic = unique('orders')
    leat(server, 'topic', 'create', topic)
    user = new_user(server, ('all', 'topic:*'))
    partition = {'Partition': 0, 'CurrentLeaderEpoch': -1, 'FetchOffset': 0, 'LogStartOffset': 0, 'PartitionMaxBytes': 1 << 20}
    wanted = dict(ReplicaId=-1, MaxWaitMs=0, MinBytes=0, MaxBytes=1 << 20, IsolationLevel=0, SessionId=0, SessionEpoch=-1,
                  ForgottenTopicsData=[], RackId='', Topics=[{'Topic': topic, 'Partitions': [partition]}])
    with As(server, user) as connection:
        def code():
            return connection.call('Fetch', 11, **wanted)['Responses'][0]['Partitions'][0]['ErrorCode']
        equal(code(), 0)
        leat(server, 'grant', 'add', user, 'read', 'topic:' + topic, '--deny')
        equal(code(), 29)
        leat(server, 'grant', 'remove', user, 'read', 'topic:' + topic, '--deny')
        equal(code(), 0)
    with As(server, user) as connection:  # a session, whose later fetches name no topic
        begun = connection.call('Fetch', 11, **{**wanted, 'SessionEpoch': 0})
        equal((begun['ErrorCode'], begun['SessionId'] != 0), (0, True))
        leat(server, 'grant', 'add', user, 'read', 'topic:' + topic, '--deny')
        more = connection.call('Fetch', 11, **{**wanted, 'SessionId': begun['SessionId'], 'SessionEpoch': 1, 'Topics': []})
        equal([p['ErrorCode'] for t in more['Responses'] for p in t['Partitions']], [29])


@cases('SASL out of order, with an unknown mechanism, or with nonsense is refused in its own terms')
def out_of_order(server):
    with schema.Connection('127.0.0.1', server.kafka_port) as connection:
        equal(connection.call('SaslAuthenticate', 1, AuthBytes=b'x')['ErrorCode'], 34)
        answer = connection.call('SaslHandshake', 1, Mechanism='GSSAPI')
        equal((answer['ErrorCode'], answer['Mechanisms']), (33, [*MECHANISMS, 'OAUTHBEARER']))
        equal(connection.call('SaslHandshake', 1, Mechanism='PLAIN')['ErrorCode'], 0)
        answer = connection.call('SaslAuthenticate', 1, AuthBytes=b'no zero bytes')
        equal(answer['ErrorCode'], 58)
        try:
            connection.call('ApiVersions', 0)
        except schema.Closed:
            return
        raise AssertionError('the connection goes on')


@cases('tokens that are sent ahead of their answers are taken one after the other')
def sent_ahead(server):
    user = new_user(server)
    for tokens in ([b'n,,n=' + user.encode() + b',r=abc'] * 3, [b'', b'\0', b'n,,n=x,r=y'], [b'n,,n=x,r=y', b'c=biws,r=y,p=']):
        for _ in range(3):  # from the second time on the first one has to wait
            with schema.Connection('127.0.0.1', server.kafka_port) as connection:
                equal(connection.call('SaslHandshake', 1, Mechanism='SCRAM-SHA-256')['ErrorCode'], 0)
                before = connection._correlation
                codes = []
                try:
                    for token in tokens:
                        connection.send('SaslAuthenticate', 1, AuthBytes=token)
                except OSError:
                    pass  # the first one was enough
                try:
                    for i in range(len(tokens)):
                        connection._correlation = before + 1 + i
                        codes.append(connection.receive('SaslAuthenticate', 1)['ErrorCode'])
                except (schema.Closed, OSError):
                    pass
                equal(codes[-1], 58, codes)
    leat(server, 'topic', 'list')


@cases('tokens behind a request that ends the connection harm nobody')
def behind_the_end(server):
    user = unique('nobody')

    def frame(key, version, body):
        header = struct.pack('>hhih', key, version, 1, 1) + b'c'
        return struct.pack('>i', len(header) + len(body)) + header + body

    def text(value):
        return struct.pack('>h', len(value)) + value
    first, last = b'n,,n=' + user.encode() + b',r=abc', b'c=biws,r=abc,p=AAAA'
    tokens = [frame(36, 1, struct.pack('>i', len(token)) + token) for token in (first, last)]
    raw = [struct.pack('>i', len(token)) + token for token in (first, last)]
    for _ in range(6):  # each failure makes the next first token wait longer, in which time the connection ends
        for version, steps in ((1, tokens), (0, raw)):
            with socket.create_connection(('127.0.0.1', server.kafka_port), timeout=30) as connection:
                connection.sendall(frame(17, version, text(b'SCRAM-SHA-256')) + frame(999, 0, b'') + steps[0] + steps[1])
                while connection.recv(4096):
                    pass
            with socket.create_connection(('127.0.0.1', server.kafka_port), timeout=30) as connection:
                connection.sendall(frame(17, version, text(b'SCRAM-SHA-256')) + steps[0] + steps[1] + steps[1])
                while connection.recv(4096):
                    pass
    leat(server, 'topic', 'list')


@cases('many guesses at the same time are looked at one after the other')
def together(server):
    user = new_user(server)

    def guess(_):
        with schema.Connection('127.0.0.1', server.kafka_port) as connection:
            connection.call('SaslHandshake', 1, Mechanism='PLAIN')
            answer = connection.call('SaslAuthenticate', 1, AuthBytes=b'\0' + user.encode() + b'\0wrong')
            equal(answer['ErrorCode'], 58)
            return 'too many' in answer['ErrorMessage']
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        refused = list(pool.map(guess, range(40)))
    equal(any(refused), True, 'some are not looked at at all')
    equal(all(refused), False)


@cases('who fails waits longer each time, is counted, and others are served meanwhile')
def brute_force(server):
    user = new_user(server)
    before = server_metrics(server)['leat_logins_total{protocol="kafka",result="failed"}']
    for _ in range(3):
        with schema.Connection('127.0.0.1', server.kafka_port) as connection:
            connection.call('SaslHandshake', 1, Mechanism='PLAIN')
            answer = connection.call('SaslAuthenticate', 1, AuthBytes=b'\0' + user.encode() + b'\0wrong')
            equal(answer['ErrorCode'], 58)
    counted = server_metrics(server)['leat_logins_total{protocol="kafka",result="failed"}']
    equal(counted >= before + 3, True, (before, counted))


@cases('Kafka and HTTP: each guess waits longer than the one before, and whoever else logs in is served meanwhile')
def guesses_wait(_):
    with Server('--shards', '1') as server:  # each shard counts what failed on it
        server.start()
        leat(server, 'user', 'add', 'root', '--admin', user='', new_password=ROOT_PASSWORD)

        def by_kafka(user, password):
            with schema.Connection('127.0.0.1', server.kafka_port) as connection:
                connection.call('SaslHandshake', 1, Mechanism='PLAIN')
                token = b'\0%s\0%s' % (user.encode(), password.encode())
                return connection.call('SaslAuthenticate', 1, AuthBytes=token)['ErrorCode'] == 0

        def by_http(user, password):
            with Api(server, user, password) as api:
                return api.ask('GET', '/v1/me').status == 200
        for log_in in (by_kafka, by_http):
            guessed, other = new_user(server), new_user(server)
            took, served = [], []

            def guess():
                for _ in range(6):  # these wait for 0, 100, 200, 400, 800 and 1600 ms
                    before = time.monotonic()
                    equal(log_in(guessed, 'wrong'), False)
                    took.append(time.monotonic() - before)
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                guesses = pool.submit(guess)
                for _ in range(5):
                    equal(log_in(other, PASSWORD), True)
                    served.append(len(took))
                guesses.result(60)
            equal(sum(took) > 3, True, 'what the guesses took: %s' % took)
            equal(took[5] > took[2] > took[0], True, str(took))
            equal(max(served) < 6, True, 'the others came before the last guess: %s' % served)
            equal(log_in(other, PASSWORD), True)


@cases('who is nobody has no more than 512 KiB of a request read; a user has it all')
def large_requests(server):
    topic = unique('large')
    leat(server, 'topic', 'create', topic)
    user = new_user(server, ('write', 'topic:' + topic))

    def produce(connection, size):
        batch = records.build([records.Record(b'v' * size)])
        sent = dict(TransactionalId=None, Acks=-1, TimeoutMs=1000,
                    TopicData=[{'Name': topic, 'PartitionData': [{'Index': 0, 'Records': batch}]}])
        return connection.call('Produce', 8, **sent)['Responses'][0]['PartitionResponses'][0]['ErrorCode']
    with As(server, None) as connection:
        equal(produce(connection, 500 << 10), 29)
        try:
            code = produce(connection, 600 << 10)
        except (schema.Closed, OSError):
            code = None
        equal(code, None, 'a request of nobody')
    # Nothing of it is waited for: what it says of its size is enough.
    for mechanism in (None, 'PLAIN', 'SCRAM-SHA-256'):
        with socket.create_connection(('127.0.0.1', server.kafka_port), timeout=30) as raw, As(server, None) as connection:
            if mechanism:
                equal(connection.call('SaslHandshake', 1, Mechanism=mechanism)['ErrorCode'], 0)
            to = connection._socket if mechanism else raw
            to.sendall(struct.pack('>i', 600 << 10))
            equal(to.recv(1), b'', 'what is sent instead of the end')
    with As(server, user) as connection:
        equal(produce(connection, 600 << 10), 0)


@cases('leat acl is leat grant')
def acl(server):
    user, topic = new_user(server), unique('orders')
    leat(server, 'topic', 'create', topic)
    with As(server, user) as connection:
        def code():
            answer = connection.call('Metadata', 8, Topics=[{'Name': topic}], AllowAutoTopicCreation=False,
                                     IncludeClusterAuthorizedOperations=False, IncludeTopicAuthorizedOperations=False)
            return answer['Topics'][0]['ErrorCode']
        equal(code(), 29)
        leat(server, 'acl', 'add', user, 'read', 'topic:' + topic)
        equal(code(), 0)
        listed = leat(server, 'acl', 'list', user)
        equal((listed, 'topic:' + topic in listed), (leat(server, 'grant', 'list', user), True))
        equal('removed 1 grant' in leat(server, 'acl', 'remove', user, 'read', 'topic:' + topic), True)
        equal(code(), 29)


def server_metrics(server):
    connection = http.client.HTTPConnection('127.0.0.1', server.http_port, timeout=10)
    token = base64.b64encode(b'root:' + ROOT_PASSWORD.encode()).decode()
    connection.request('GET', '/metrics', headers={'Authorization': 'Basic ' + token})
    answer = connection.getresponse()
    equal(answer.status, 200)
    return {sample: float(value) for sample, _, value in
            (line.rpartition(' ') for line in answer.read().decode().splitlines() if line and not line.startswith('#'))}


@cases('metrics want a user who may describe the cluster')
def metrics(server):
    equal(server.http('/metrics')[0], 401)
    equal(server.http('/healthz')[0], 200)
    equal('leat_logins_total{protocol="http",result="succeeded"}' in server_metrics(server), True)


def main():
    with Server() as server:
        server.start()
        leat(server, 'user', 'add', 'root', '--admin', user='', new_password=ROOT_PASSWORD)
        failed = cases.run(server)
        equal(server.stop(), 0, 'the exit code of the server')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
