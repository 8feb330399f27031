#!/usr/bin/python3
"""Quotas, with a client that speaks the protocol, with confluent-kafka and kafka-python, and with `leat quota`:
suite_quotas.py [ADDRESS], which is not used: users need a server of their own. Times are only tested from below."""
import base64
import http.client
import os
import pathlib
import subprocess
import sys
import threading
import time

from confluent_kafka import Consumer, Producer

import kafka
from harness import LEAT, Cases, Server, equal, unique, wait_for

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / 'schema_client'))
import client as schema  # noqa: E402
import records  # noqa: E402

cases = Cases('quotas')
ROOT_PASSWORD, PASSWORD = 'root, of = all', 'pencil'
CLUSTER_AUTHORIZATION_FAILED, QUOTA_EXCEEDED = 31, 89


def leat(server, *arguments, user='root', password=ROOT_PASSWORD, code=0):
    """Runs the command line as a user; returns what it printed, errors included."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith('LEAT')}
    done = subprocess.run([os.environ.get('LEAT', str(LEAT)), *arguments, '--server', '%s@%s' % (user, server.address)], text=True,
                          capture_output=True, timeout=60,
                          env={**environment, 'LEAT_PASSWORD': password, 'LEAT_NEW_PASSWORD': PASSWORD})
    equal(done.returncode, code, done.stdout + done.stderr)
    return done.stdout + done.stderr


def new_user(server):
    """A user who may read and write every topic, and create and delete them."""
    name = unique('user')
    leat(server, 'user', 'add', name)
    leat(server, 'grant', 'add', name, 'all', 'topic:*', 'group:*')
    return name


def new_topic(server, partitions=1):
    topic = unique('topic')
    leat(server, 'topic', 'create', topic, '--partitions', str(partitions))
    return topic


class As(schema.Connection):
    """A connection of a user."""

    def __init__(self, server, user, password=PASSWORD, client_id='schema-client'):
        super().__init__('127.0.0.1', server.kafka_port, client_id=client_id, timeout=90)
        equal(self.call('SaslHandshake', 1, Mechanism='PLAIN')['ErrorCode'], 0)
        token = b'\0%s\0%s' % (user.encode(), password.encode())
        equal(self.call('SaslAuthenticate', 1, AuthBytes=token)['ErrorCode'], 0)


def produce(connection, topic, size, acks=-1):
    """Sends one record; returns how long the client is told to wait, in seconds."""
    batch = records.build([records.Record(b'v' * size)])
    fields = dict(TransactionalId=None, Acks=acks, TimeoutMs=30_000, TopicData=[
        {'Name': topic, 'PartitionData': [{'Index': 0, 'Records': batch}]}])
    if acks == 0:
        connection.send('Produce', 8, **fields)
        return 0
    answer = connection.call('Produce', 8, **fields)
    equal(answer['Responses'][0]['PartitionResponses'][0]['ErrorCode'], 0, 'produce')
    return answer['ThrottleTimeMs'] / 1000


def fetch(connection, topic, offset=0, most=1 << 20):
    """(how long the client is told to wait in seconds, bytes of records)"""
    answer = connection.call('Fetch', 11, ReplicaId=-1, MaxWaitMs=100, MinBytes=1, MaxBytes=most, IsolationLevel=0, SessionId=0,
                             SessionEpoch=-1, ForgottenTopicsData=[], RackId='', Topics=[
                                 {'Topic': topic, 'Partitions': [{'Partition': 0, 'CurrentLeaderEpoch': -1, 'FetchOffset': offset,
                                                                  'LogStartOffset': 0, 'PartitionMaxBytes': most}]}])
    [partition] = answer['Responses'][0]['Partitions']
    equal(partition['ErrorCode'], 0, 'fetch')
    return answer['ThrottleTimeMs'] / 1000, len(partition['Records'] or b'')


def metadata(connection):
    return connection.call('Metadata', 8, Topics=[], AllowAutoTopicCreation=False, IncludeClusterAuthorizedOperations=False,
                           IncludeTopicAuthorizedOperations=False)['ThrottleTimeMs'] / 1000


def throttled(server, quota, what='throttled'):
    connection = http.client.HTTPConnection('127.0.0.1', server.http_port, timeout=30)
    token = base64.b64encode(('root:' + ROOT_PASSWORD).encode()).decode()
    connection.request('GET', '/metrics', headers={'Authorization': 'Basic ' + token} if server.has_users else {})
    lines = [line.rpartition(' ') for line in connection.getresponse().read().decode().splitlines()]
    connection.close()
    return sum(float(value) for sample, _, value in lines
               if sample.startswith('leat_quota_%s_total{' % what) and 'quota="%s"' % quota in sample)


def at_least(seconds, took, what):
    if took < seconds:
        raise AssertionError('%s took %.3f s, expected at least %.3f s' % (what, took, seconds))


@cases('leat quota: set, list, remove, and what cannot be set')
def command_line(server):
    user, client = unique('zoë'), unique('app, 1')
    of, both, every = 'user:' + user, 'user:%s,client:%s' % (user, client), 'user:%s,client:*' % user
    equal('There are no quotas.' in leat(server, 'quota', 'list'), True)
    leat(server, 'quota', 'set', of, 'producer_byte_rate=1000000', 'request_rate=0.5')
    leat(server, 'quota', 'set', both, 'request_rate=7')
    leat(server, 'quota', 'set', every, 'connection_limit=8')
    leat(server, 'quota', 'set', 'ip:192.0.2.1', 'connection_creation_rate=9')
    leat(server, 'quota', 'set', of, 'request_rate=20')
    rows = [' '.join(line.split()) for line in leat(server, 'quota', 'list').splitlines()]
    for row in ('%s producer_byte_rate 1000000' % of, '%s request_rate 20' % of, '%s request_rate 7' % both,
                '%s connection_limit 8' % every, 'ip:192.0.2.1 connection_creation_rate 9'):
        equal(row in rows, True, rows)
    equal(len(leat(server, 'quota', 'list', of).splitlines()), 3)
    equal('removed of %s: request_rate' % of in leat(server, 'quota', 'remove', of, 'request_rate'), True)
    equal('there is no such quota' in leat(server, 'quota', 'remove', of, 'request_rate', code=1), True)
    for entity in (of, both, every, 'ip:192.0.2.1'):
        leat(server, 'quota', 'remove', entity)
    equal('There are no quotas.' in leat(server, 'quota', 'list'), True)
    for code, arguments, word in ((2, (of, 'request_rat=1'), 'request_rate'), (2, (of, 'request_rate=fast'), '=NUMBER'),
                                  (1, (of, 'request_rate=-1'), 'has to be a number'),
                                  (1, (of, 'request_rate=nan'), 'has to be a number'),
                                  (1, (of, 'producer_byte_rate=1.5'), 'whole number'),
                                  (2, ('group:a', 'request_rate=1'), 'user:NAME'), (2, ('user', 'request_rate=1'), 'user:NAME'),
                                  (1, ('ip:here', 'connection_creation_rate=1'), 'no address'),
                                  (1, ('ip:10.0.0.1', 'request_rate=1'), 'no quota of addresses')):
        said = leat(server, 'quota', 'set', *arguments, code=code)
        equal(word in said, True, said)


@cases('only who may describe and alter the configuration of the cluster sees and changes quotas')
def rights(server):
    user = unique('user')
    leat(server, 'user', 'add', user)
    change = dict(Entries=[{'Entity': [{'EntityType': 'user', 'EntityName': user}],
                            'Ops': [{'Key': 'request_rate', 'Value': 1e6, 'Remove': False}]}], ValidateOnly=False)
    look = dict(Components=[], Strict=False)
    with As(server, user) as connection:
        def codes():
            described = connection.call('DescribeClientQuotas', 1, **look)
            return described['ErrorCode'], connection.call('AlterClientQuotas', 1, **change)['Entries'][0]['ErrorCode']
        leat(server, 'grant', 'add', user, 'read,write,create,delete,alter,describe', 'cluster')
        equal(codes(), (CLUSTER_AUTHORIZATION_FAILED, CLUSTER_AUTHORIZATION_FAILED))
        leat(server, 'grant', 'add', user, 'describe-configs', 'cluster')
        equal(codes(), (0, CLUSTER_AUTHORIZATION_FAILED))
        leat(server, 'grant', 'add', user, 'alter-configs', 'cluster')
        equal(codes(), (0, 0))
    leat(server, 'quota', 'remove', 'user:' + user)


@cases('a producer is held to its rate, is told so, and another user is not; without the quota it is free')
def producer_rate(server):
    topic, user, other = new_topic(server), new_user(server), new_user(server)
    leat(server, 'quota', 'set', 'user:' + user, 'producer_byte_rate=50000')
    before = throttled(server, 'producer_byte_rate')
    size, rounds, rate = 25_000, 8, 50_000
    with As(server, user) as connection, As(server, other) as free:
        started, told = time.monotonic(), []
        for _ in range(rounds):
            told.append(produce(connection, topic, size))
            equal(produce(free, topic, size), 0, 'another user')
        # All but what may be used at once, and but the last request, after which nothing was asked.
        at_least((size * (rounds - 1) - rate) / rate, time.monotonic() - started, 'producing')
        equal(told[0], 0, 'a second\'s worth is free')
        equal(any(told), True, told)
        equal(throttled(server, 'producer_byte_rate') > before, True, 'metrics')
        leat(server, 'quota', 'remove', 'user:' + user)
        metadata(connection)
        equal([produce(connection, topic, size) for _ in range(5)], [0] * 5, 'without the quota')
    equal('producer_byte_rate of user' in server.log.read_text(), True, 'the log tells it')


@cases('the connections of a user share its rate; those of a default have one each')
def shared(server):
    topic, user, other = new_topic(server), new_user(server), new_user(server)
    leat(server, 'quota', 'set', 'user:' + user, 'producer_byte_rate=20000')
    with As(server, user) as one, As(server, user, client_id='two') as two:
        equal(produce(one, topic, 19_000), 0)
        equal(produce(two, topic, 90_000) > 0, True, 'what the other connection used counts')
    leat(server, 'quota', 'remove', 'user:' + user)
    leat(server, 'quota', 'set', 'user:*', 'producer_byte_rate=21000')  # as another rate it begins afresh
    with As(server, user) as one, As(server, other) as two:
        equal(produce(one, topic, 19_000), 0)
        equal(produce(two, topic, 19_000), 0, 'each user has the default for itself')
        equal(produce(two, topic, 90_000) > 0, True)
    leat(server, 'quota', 'set', 'user:%s,client:big' % user, 'producer_byte_rate=10000000')
    with As(server, user, client_id='big') as one:
        equal([produce(one, topic, 30_000) for _ in range(4)], [0] * 4, 'the more exact quota wins')
    leat(server, 'quota', 'remove', 'user:%s,client:big' % user)
    leat(server, 'quota', 'remove', 'user:*')


@cases('without acknowledgements a producer is held too')
def without_acks(server):
    topic, user = new_topic(server), new_user(server)
    leat(server, 'quota', 'set', 'user:' + user, 'producer_byte_rate=50000')
    with As(server, user) as connection:
        started = time.monotonic()
        for _ in range(4):
            produce(connection, topic, 50_000, acks=0)
        produce(connection, topic, 10)
        at_least(3.0, time.monotonic() - started, 'producing')
    leat(server, 'quota', 'remove', 'user:' + user)


@cases('a consumer is held to its rate and gets no more than a second\'s worth at once')
def consumer_rate(server):
    topic, user, other = new_topic(server), new_user(server), new_user(server)
    with As(server, other) as free:
        for _ in range(20):
            produce(free, topic, 9_000)
        leat(server, 'quota', 'set', 'user:' + user, 'consumer_byte_rate=50000')
        with As(server, user) as connection:
            started, got, offset, told = time.monotonic(), 0, 0, []
            while offset < 20:
                wait, size = fetch(connection, topic, offset)
                equal(0 < size <= 50_000, True, size)
                told.append(wait)
                got, offset = got + size, offset + size // 9_000
                last = size
            at_least((got - last - 50_000) / 50_000, time.monotonic() - started, 'fetching')
            equal(told[0], 0)
            equal(any(told[1:]), True, told)
        equal(fetch(free, topic)[0], 0, 'another user')
    equal(throttled(server, 'consumer_byte_rate') > 0, True, 'metrics')
    leat(server, 'quota', 'remove', 'user:' + user)


@cases('requests are counted, but not those that ask for versions or log in')
def request_rate(server):
    user = new_user(server)
    leat(server, 'quota', 'set', 'user:' + user, 'request_rate=5')
    started = time.monotonic()
    with As(server, user) as connection:
        for _ in range(50):
            equal(connection.call('ApiVersions', 2)['ThrottleTimeMs'], 0)
        told = [metadata(connection) for _ in range(11)]
    equal(told[:5], [0] * 5)
    equal(any(told[5:]), True, told)
    at_least(1.0, time.monotonic() - started, 'six requests too many')
    leat(server, 'quota', 'remove', 'user:' + user)


@cases('a client that is held and does not care is not read; stopping the server does not wait for it')
def stop_while_held(server):
    with Server() as fresh:
        fresh.start()
        fresh.has_users = False
        with schema.Connection('127.0.0.1', fresh.kafka_port) as connection:
            equal(connection.call('AlterClientQuotas', 1, ValidateOnly=False, Entries=[
                {'Entity': [{'EntityType': 'user', 'EntityName': 'ANONYMOUS'}],
                 'Ops': [{'Key': 'request_rate', 'Value': 0.01, 'Remove': False}]}])['Entries'][0]['ErrorCode'], 0)
            metadata(connection)
            equal(metadata(connection), 30, 'nobody waits longer')
            connection.send('Metadata', 8, Topics=[], AllowAutoTopicCreation=False, IncludeClusterAuthorizedOperations=False,
                            IncludeTopicAuthorizedOperations=False)
            started = time.monotonic()
            equal(fresh.stop(), 0)
            equal(time.monotonic() - started < 25, True, 'the server stops before the client may go on')


@cases('the connection that is one too many is closed after it has logged in')
def connection_limit(server):
    user, other = new_user(server), new_user(server)
    leat(server, 'quota', 'set', 'user:' + user, 'connection_limit=2')
    before = throttled(server, 'connection_limit', 'refused')
    with As(server, user) as one, As(server, user) as two, As(server, other) as three:
        metadata(one), metadata(two), metadata(three)
        with As(server, user) as late:
            try:
                metadata(late)
            except (schema.Closed, OSError):
                pass
            else:
                raise AssertionError('a third connection was let in')
        equal(throttled(server, 'connection_limit', 'refused') - before, 1, 'metrics')
        metadata(one), metadata(two)
        two.close()

        def let_in():
            with As(server, user) as again:
                try:
                    metadata(again)
                    return True
                except (schema.Closed, OSError):
                    return False
        wait_for('room for another one', let_in)
    equal('as many as it may have' in server.log.read_text(), True, 'the log tells it')
    leat(server, 'quota', 'remove', 'user:' + user)


@cases('connections of an address wait for their turn, and are closed where that takes too long')
def connection_rate(server):
    with Server() as fresh:
        fresh.start()
        fresh.has_users = False
        with schema.Connection('127.0.0.1', fresh.kafka_port) as first:
            equal(first.call('AlterClientQuotas', 1, ValidateOnly=False, Entries=[
                {'Entity': [{'EntityType': 'ip', 'EntityName': None}],
                 'Ops': [{'Key': 'connection_creation_rate', 'Value': 2.0, 'Remove': False}]}])['Entries'][0]['ErrorCode'], 0)
            started = time.monotonic()
            for i in range(5):
                with schema.Connection('127.0.0.1', fresh.kafka_port) as connection:
                    metadata(connection)
            at_least(1.4, time.monotonic() - started, 'three connections too many')
            many = [schema.Connection('127.0.0.1', fresh.kafka_port, timeout=90) for _ in range(40)]
            ended = []

            def ask(connection):
                try:
                    metadata(connection)
                except (schema.Closed, OSError):
                    ended.append(connection)
            threads = [threading.Thread(target=ask, args=(connection,)) for connection in many]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            equal(0 < len(ended) < 40, True, len(ended))
            equal(throttled(fresh, 'connection_creation_rate', 'refused'), len(ended), 'metrics')
            metadata(first)


@cases('partitions are created and deleted no faster than the quota says')
def mutations(server):
    user = new_user(server)
    leat(server, 'quota', 'set', 'user:' + user, 'controller_mutation_rate=2')

    def create(version, name, partitions, validate=False):
        answer = connection.call('CreateTopics', version, timeoutMs=30_000, validateOnly=validate, Topics=[
            {'Name': name, 'NumPartitions': partitions, 'ReplicationFactor': 1, 'Assignments': [], 'Configs': []}])
        return answer['Topics'][0]['ErrorCode'], answer['ThrottleTimeMs'] / 1000
    with As(server, user) as connection:
        name = unique('topic')
        equal(create(6, name, 100, validate=True), (0, 0), 'what is only validated is not counted')
        equal(create(6, name, 6), (0, 0), 'nothing was used before')
        code, wait = create(6, unique('topic'), 1)
        equal((code, wait > 1), (QUOTA_EXCEEDED, True), wait)
        answer = connection.call('DeleteTopics', 5, TopicNames=[name], TimeoutMs=30_000)
        # The client did not wait, but the server did.
        equal(answer['Responses'][0]['ErrorCode'], 0)
        answer = connection.call('CreatePartitions', 3, Topics=[{'Name': name, 'Count': 9, 'Assignments': None}], TimeoutMs=30_000,
                                 ValidateOnly=False)
        equal(answer['Results'][0]['ErrorCode'], 3, 'the topic is gone')
        code, wait = create(5, unique('topic'), 4)
        equal((code, wait > 1), (0, True), 'who cannot be told waits')
    leat(server, 'quota', 'remove', 'user:' + user)


@cases('librdkafka and kafka-python go on when they are held')
def real_clients(server):
    topic, user = new_topic(server), new_user(server)
    leat(server, 'quota', 'set', 'user:' + user, 'producer_byte_rate=100000', 'consumer_byte_rate=100000', 'request_rate=50')
    options = {'bootstrap.servers': server.address, 'security.protocol': 'SASL_PLAINTEXT', 'sasl.mechanism': 'PLAIN',
               'sasl.username': user, 'sasl.password': PASSWORD}
    producer = Producer({**options, 'batch.size': 20_000})
    started = time.monotonic()
    for i in range(30):
        producer.produce(topic, b'v' * 10_000)
    equal(producer.flush(60), 0)
    at_least((300_000 - 100_000 - 40_000) / 100_000, time.monotonic() - started, 'producing')
    consumer = Consumer({**options, 'group.id': unique('group'), 'auto.offset.reset': 'earliest'})
    consumer.subscribe([topic])
    values, started = [], time.monotonic()

    def polled():
        message = consumer.poll(0.2)
        if message is not None and not message.error():
            values.append(message.value())
        return len(values) == 30
    wait_for('all records', polled, pause=0)
    at_least((300_000 - 2 * 100_000) / 100_000, time.monotonic() - started, 'consuming')
    consumer.close()
    producer = kafka.KafkaProducer(bootstrap_servers=server.address, security_protocol='SASL_PLAINTEXT', sasl_mechanism='PLAIN',
                                   sasl_plain_username=user, sasl_plain_password=PASSWORD, batch_size=20_000)
    for future in [producer.send(topic, b'v' * 10_000) for _ in range(30)]:
        future.get(timeout=60)
    producer.close()
    leat(server, 'quota', 'remove', 'user:' + user)


@cases('quotas are there again after a crash')
def restart(server):
    leat(server, 'quota', 'set', 'user:kept', 'request_rate=11')
    server.kill()
    server.start()
    rows = [' '.join(line.split()) for line in leat(server, 'quota', 'list', 'user:kept').splitlines()]
    equal('user:kept request_rate 11' in rows, True, rows)
    leat(server, 'quota', 'remove', 'user:kept')


if __name__ == '__main__':
    with Server() as server:
        server.start()
        server.has_users = True
        environment = {k: v for k, v in os.environ.items() if not k.startswith('LEAT')}
        subprocess.run([os.environ.get('LEAT', str(LEAT)), 'user', 'add', 'root', '--admin', '--server', server.address], check=True,
                       stdout=subprocess.DEVNULL, env={**environment, 'LEAT_NEW_PASSWORD': ROOT_PASSWORD})
        sys.exit(1 if cases.run(server) else 0)
