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

import kafka
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from kafka.admin import (ACL, ACLFilter, ACLOperation, ACLPermissionType, ACLResourcePatternType, KafkaAdminClient, NewTopic,
                         ResourcePattern, ResourcePatternFilter, ResourceType)

from harness import LEAT, Cases, Server, Skip, equal, unique, wait_for

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


def one_topic(topic):
    return [{'Name': topic}]


# What each request needs, as Kafka documents it: the request's name, what to send (given a topic and a group), the error code of
# its answer, and grants that are enough: (operation, resource).
def matrix(topic, group):
    batch = records.build([records.Record(b'v')])
    on_topic, on_group = 'topic:' + topic, 'group:' + group
    code = lambda *path: lambda answer: __import__('functools').reduce(lambda at, key: at[key], path, answer)  # noqa: E731
    member = {'GroupId': group, 'GenerationId': 1, 'MemberId': 'm'}
    return [
        ('Produce', 8, dict(TransactionalId=None, Acks=-1, TimeoutMs=1000, TopicData=[
            {'Name': topic, 'PartitionData': [{'Index': 0, 'Records': batch}]}]),
         code('Responses', 0, 'PartitionResponses', 0, 'ErrorCode'), [('write', on_topic)]),
        ('Fetch', 11, dict(ReplicaId=-1, MaxWaitMs=0, MinBytes=0, MaxBytes=1 << 20, IsolationLevel=0, SessionId=0,
                           SessionEpoch=-1, ForgottenTopicsData=[], RackId='', Topics=[
                               {'Topic': topic, 'Partitions': [{'Partition': 0, 'CurrentLeaderEpoch': -1, 'FetchOffset': 0,
                                                                'LogStartOffset': 0, 'PartitionMaxBytes': 1 << 20}]}]),
         code('Responses', 0, 'Partitions', 0, 'ErrorCode'), [('read', on_topic)]),
        ('ListOffsets', 5, dict(ReplicaId=-1, IsolationLevel=0, Topics=[
            {'Name': topic, 'Partitions': [{'PartitionIndex': 0, 'CurrentLeaderEpoch': -1, 'Timestamp': -1}]}]),
         code('Topics', 0, 'Partitions', 0, 'ErrorCode'), [('describe', on_topic)]),
        ('Metadata', 8, dict(Topics=one_topic(topic), AllowAutoTopicCreation=False, IncludeClusterAuthorizedOperations=False,
                             IncludeTopicAuthorizedOperations=False),
         code('Topics', 0, 'ErrorCode'), [('describe', on_topic)]),
        ('InitProducerId', 1, dict(TransactionalId=None, TransactionTimeoutMs=1000), code('ErrorCode'),
         [('idempotent-write', 'cluster')]),
        ('InitProducerId', 1, dict(TransactionalId=None, TransactionTimeoutMs=1000), code('ErrorCode'), [('write', on_topic)]),
        ('CreatePartitions', 1, dict(Topics=[{'Name': topic, 'Count': 2, 'Assignments': None}], TimeoutMs=1000,
                                     ValidateOnly=True), code('Results', 0, 'ErrorCode'), [('alter', on_topic)]),
        ('CreateTopics', 4, dict(Topics=[{'Name': topic + '-new', 'NumPartitions': 1, 'ReplicationFactor': 1, 'Assignments': [],
                                          'Configs': []}], timeoutMs=1000, validateOnly=True),
         code('Topics', 0, 'ErrorCode'), [('create', on_topic + '-new')]),
        ('CreateTopics', 4, dict(Topics=[{'Name': topic + '-new', 'NumPartitions': 1, 'ReplicationFactor': 1, 'Assignments': [],
                                          'Configs': []}], timeoutMs=1000, validateOnly=True),
         code('Topics', 0, 'ErrorCode'), [('create', 'cluster')]),
        ('DeleteRecords', 1, dict(Topics=[{'Name': topic, 'Partitions': [{'PartitionIndex': 0, 'Offset': 0}]}], TimeoutMs=1000),
         code('Topics', 0, 'Partitions', 0, 'ErrorCode'), [('delete', on_topic)]),
        ('DescribeConfigs', 2, dict(Resources=[{'ResourceType': 2, 'ResourceName': topic, 'ConfigurationKeys': None}],
                                    IncludeSynonyms=False), code('Results', 0, 'ErrorCode'), [('describe-configs', on_topic)]),
        ('IncrementalAlterConfigs', 0, dict(Resources=[{'ResourceType': 2, 'ResourceName': topic, 'Configs': []}],
                                            ValidateOnly=True), code('Responses', 0, 'ErrorCode'),
         [('alter-configs', on_topic)]),
        ('FindCoordinator', 2, dict(Key=group, KeyType=0), code('ErrorCode'), [('describe', on_group)]),
        ('Heartbeat', 2, dict(member), code('ErrorCode'), [('read', on_group)]),
        ('OffsetCommit', 6, dict(GroupId=group, GenerationIdOrMemberEpoch=-1, MemberId='', Topics=[
            {'Name': topic, 'Partitions': [{'PartitionIndex': 0, 'CommittedOffset': 0, 'CommittedLeaderEpoch': -1,
                                            'CommittedMetadata': ''}]}]),
         code('Topics', 0, 'Partitions', 0, 'ErrorCode'), [('read', on_group), ('read', on_topic)]),
        ('OffsetFetch', 5, dict(GroupId=group, Topics=[{'Name': topic, 'PartitionIndexes': [0]}]), code('ErrorCode'),
         [('describe', on_group), ('describe', on_topic)]),
        ('DescribeGroups', 3, dict(Groups=[group], IncludeAuthorizedOperations=False), code('Groups', 0, 'ErrorCode'),
         [('describe', on_group)]),
        ('DeleteGroups', 1, dict(GroupsNames=[group]), code('Results', 0, 'ErrorCode'), [('delete', on_group)]),
        ('DescribeUserScramCredentials', 0, dict(Users=None), code('ErrorCode'), [('describe', 'cluster')]),
        ('AlterUserScramCredentials', 0, dict(Deletions=[{'Name': 'nobody', 'Mechanism': 1}], Upsertions=[]),
         code('Results', 0, 'ErrorCode'), [('alter', 'cluster')]),
        ('DescribeClientQuotas', 1, dict(Components=[], Strict=False), code('ErrorCode'), [('describe-configs', 'cluster')]),
        ('AlterClientQuotas', 1, dict(ValidateOnly=True, Entries=[{'Entity': [{'EntityType': 'user', 'EntityName': 'a'}],
                                                                   'Ops': []}]),
         code('Entries', 0, 'ErrorCode'), [('alter-configs', 'cluster')]),
        ('DescribeAcls', 1, dict(ResourceTypeFilter=1, ResourceNameFilter=None, PatternTypeFilter=1, PrincipalFilter=None,
                                 HostFilter=None, Operation=1, PermissionType=1), code('ErrorCode'), [('describe', 'cluster')]),
        ('CreateAcls', 1, dict(Creations=[{'ResourceType': 2, 'ResourceName': topic, 'ResourcePatternType': 3,
                                           'Principal': 'User:nobody', 'Host': '*', 'Operation': 3, 'PermissionType': 3}]),
         code('Results', 0, 'ErrorCode'), [('alter', 'cluster')]),
        ('DeleteAcls', 1, dict(Filters=[{'ResourceTypeFilter': 2, 'ResourceNameFilter': topic, 'PatternTypeFilter': 3,
                                         'PrincipalFilter': 'User:nobody', 'HostFilter': '*', 'Operation': 3,
                                         'PermissionType': 3}]), code('FilterResults', 0, 'ErrorCode'), [('alter', 'cluster')]),
        ('DeleteTopics', 3, dict(TopicNames=[topic], TimeoutMs=5000), code('Responses', 0, 'ErrorCode'), [('delete', on_topic)]),
    ]


REFUSALS = (29, 30, 31, 53)  # for a topic, a group, the cluster, a transactional id
KINDS = ('topic', 'group', 'cluster')


@cases('every request is refused without its grant and allowed with it; every other grant lets nobody in')
def every_request(server):
    for number in range(len(matrix('t', 'g'))):
        topic, group = unique('orders'), unique('group')
        leat(server, 'topic', 'create', topic)
        api, version, fields, code_of, needed = matrix(topic, group)[number]
        for user in ('', new_user(server)):
            with As(server, user) as connection:
                code = code_of(connection.call(api, version, **fields))
                equal(code in REFUSALS, True, '%s by %s: %d' % (api, user or 'nobody', code))
        for missing in range(len(needed)) if len(needed) > 1 else ():
            some = [grant for i, grant in enumerate(needed) if i != missing]
            with As(server, new_user(server, *some)) as connection:
                answer = connection.call(api, version, **fields)
                # What of it may not be seen is left out of an answer, or is refused by its own code.
                equal(any(str(code) in str(answer) for code in REFUSALS), True, '%s: %s' % (api, answer))
        unfit = {'read', 'write', 'create', 'delete', 'alter', 'describe', 'alter-configs'} - {what for what, _ in needed}
        if any(what == 'describe' for what, _ in needed):
            unfit -= {'read', 'write', 'delete', 'alter'}
        if api in ('InitProducerId', 'CreateTopics'):
            unfit -= {'write', 'create'}
        if any(what == 'describe-configs' for what, _ in needed):
            unfit -= {'alter-configs'}
        other = new_user(server, (','.join(sorted(unfit)), needed[0][1]))
        with As(server, other) as connection:
            code = code_of(connection.call(api, version, **fields))
            equal(code in REFUSALS, True, '%s with %s: %d' % (api, unfit, code))
        with As(server, new_user(server, *needed)) as connection:
            code = code_of(connection.call(api, version, **fields))
            equal(code in REFUSALS, False, '%s with %s: %d' % (api, needed, code))


@cases('what is denied stays denied, and a change of grants counts for connections that are open')
def denials(server):
    topic = unique('orders')
    leat(server, 'topic', 'create', topic)
    user = new_user(server, ('all', 'topic:*'))
    api, version, fields, code_of, _ = matrix(topic, 'g')[1]
    with As(server, user) as connection:
        equal(code_of(connection.call(api, version, **fields)), 0)
        leat(server, 'grant', 'add', user, 'read', 'topic:' + topic, '--deny')
        equal(code_of(connection.call(api, version, **fields)), 29)
        leat(server, 'grant', 'remove', user, 'read', 'topic:' + topic, '--deny')
        equal(code_of(connection.call(api, version, **fields)), 0)


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
