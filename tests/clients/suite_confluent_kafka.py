#!/usr/bin/python3
"""python3-confluent-kafka (librdkafka from Debian) against a server: suite_confluent_kafka.py ADDRESS"""
import collections
import threading
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic

from harness import Cases, equal, unique, wait_for

cases = Cases('confluent_kafka')


def admin(address):
    return AdminClient({'bootstrap.servers': address})


def create(address, prefix, partitions=1, **config):
    name = unique(prefix)
    config = {key.replace('_', '.'): value for key, value in config.items()}
    client = admin(address)  # it must outlive the answer
    client.create_topics([NewTopic(name, partitions, 1, config=config)])[name].result(30)
    return name


def produce(address, topic, records, **config):
    """records: (key, value, headers, partition) tuples. Returns the offsets, in the order of the records."""
    offsets, errors = {}, []
    producer = Producer({'bootstrap.servers': address, **{k.replace('_', '.'): v for k, v in config.items()}})

    def delivered(number):
        def callback(error, message):
            if error:
                errors.append(error)
            else:
                offsets[number] = message.offset()
        return callback

    for number, (key, value, headers, partition) in enumerate(records):
        while True:
            try:
                producer.produce(topic, value, key, partition, headers=headers, on_delivery=delivered(number))
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    equal(producer.flush(60), 0, 'records not delivered')
    if errors:
        raise KafkaException(errors[0])
    return [offsets[n] for n in range(len(records))]


def consumer(address, group=None, **config):
    return Consumer({'bootstrap.servers': address, 'group.id': group or unique('reader'),
                     'auto.offset.reset': 'earliest', 'session.timeout.ms': 6000, 'heartbeat.interval.ms': 500,
                     'fetch.wait.max.ms': 100, **{k.replace('_', '.'): v for k, v in config.items()}})


def read(reader, count, seconds=60):
    """The next `count` messages."""
    found, deadline = [], time.monotonic() + seconds
    while len(found) < count:
        if time.monotonic() > deadline:
            raise AssertionError('got %d of %d messages in %d s' % (len(found), count, seconds))
        for message in reader.consume(count - len(found), 0.2):
            if message.error():
                raise KafkaException(message.error())
            found.append(message)
    return found


def read_all(address, topic, count, partition=0):
    reader = consumer(address)
    reader.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)])
    try:
        found = read(reader, count)
        equal(reader.get_watermark_offsets(TopicPartition(topic, partition)), (0, count), 'low and high watermark')
        return found
    finally:
        reader.close()


@cases('produces 10,000 records and consumes them in order, exactly')
def round_trip(address):
    topic = create(address, 'ck-plain')
    sent = [(b'key %d' % i, b'value %d' % i, None, 0) for i in range(10000)]
    equal(produce(address, topic, sent, linger_ms=5), list(range(10000)), 'offsets')
    equal([(m.key(), m.value()) for m in read_all(address, topic, 10000)], [r[:2] for r in sent])


@cases('carries every compression')
def compressions(address):
    for codec in ('none', 'gzip', 'snappy', 'lz4', 'zstd'):
        topic = create(address, 'ck-' + codec)
        sent = [(None, (codec * 30).encode() + b'%d' % i, None, 0) for i in range(2000)]
        produce(address, topic, sent, compression_type=codec, linger_ms=20)
        equal([m.value() for m in read_all(address, topic, 2000)], [r[1] for r in sent], codec)


@cases('a topic with compression.type of its own is read the same')
def recompression(address):
    for codec in ('gzip', 'zstd', 'uncompressed'):
        topic = create(address, 'ck-re', compression_type=codec)
        sent = [(None, b'recompressed %d' % i * 10, None, 0) for i in range(500)]
        produce(address, topic, sent, compression_type='lz4', linger_ms=20)
        equal([m.value() for m in read_all(address, topic, 500)], [r[1] for r in sent], codec)


@cases('carries null and empty keys and values, and headers')
def nulls_and_headers(address):
    topic = create(address, 'ck-null')
    headers = [('trace', b'abc'), ('trace', b'twice'), ('empty', b''), ('null', None)]
    sent = [(None, b'v', None, 0), (b'k', None, None, 0), (None, None, None, 0), (b'', b'', None, 0),
            (b'k', b'v', headers, 0)]
    produce(address, topic, sent)
    got = read_all(address, topic, len(sent))
    equal([(m.key(), m.value()) for m in got], [r[:2] for r in sent])
    equal([m.headers() for m in got], [None, None, None, None, headers])


@cases('carries large messages up to the topic\'s own limit, and refuses larger ones')
def large(address):
    topic = create(address, 'ck-large', max_message_bytes='5000000')
    value = b'0123456789' * 400000
    produce(address, topic, [(b'k', value, None, 0)], message_max_bytes=10000000)
    equal(read_all(address, topic, 1)[0].value(), value)
    try:
        produce(address, topic, [(None, value * 2, None, 0)], message_max_bytes=10000000)
    except KafkaException as error:
        equal(error.args[0].name(), 'MSG_SIZE_TOO_LARGE')
    else:
        raise AssertionError('8 MB were taken by a topic with a limit of 5 MB')


@cases('produces idempotently, 20 000 records in small batches')
def idempotent(address):
    topic = create(address, 'ck-idempotent', 2)
    sent = [(None, b'%d' % i, None, i % 2) for i in range(20000)]
    produce(address, topic, sent, enable_idempotence=True, batch_num_messages=50, linger_ms=0)
    for partition in range(2):
        equal([m.value() for m in read_all(address, topic, 10000, partition)],
              [r[1] for r in sent if r[3] == partition], 'partition %d' % partition)


@cases('acks 0, 1 and all each arrive')
def acks(address):
    topic = create(address, 'ck-acks')
    for level in ('0', '1', 'all'):
        produce(address, topic, [(None, level.encode(), None, 0)], acks=level)
    equal([m.value() for m in read_all(address, topic, 3)], [b'0', b'1', b'all'])


@cases('seeks back and forth, and finds offsets by time')
def seek(address):
    topic = create(address, 'ck-seek')
    producer = Producer({'bootstrap.servers': address})
    base = int(time.time() * 1000) - 100000
    for i in range(100):
        producer.produce(topic, b'%d' % i, timestamp=base + i * 1000)
    equal(producer.flush(30), 0)
    reader = consumer(address)
    try:
        reader.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        equal([m.value() for m in read(reader, 100)], [b'%d' % i for i in range(100)])
        for target in (50, 3, 99, 0):
            reader.seek(TopicPartition(topic, 0, target))
            equal(read(reader, 1)[0].offset(), target, 'after a seek')
        found = reader.offsets_for_times([TopicPartition(topic, 0, base + 41500)], 30)
        equal(found[0].offset, 42, 'the first offset at or after a time')
        found = reader.offsets_for_times([TopicPartition(topic, 0, base + 41000)], 30)
        equal(found[0].offset, 41, 'the offset at exactly a time')
        found = reader.offsets_for_times([TopicPartition(topic, 0, base + 10 ** 9)], 30)
        equal(found[0].offset, -1, 'no record is that late')
        equal(read(reader, 1)[0].timestamp()[1], base + 1000, 'the producer\'s timestamp')
    finally:
        reader.close()


@cases('an offset out of range starts at the earliest again')
def out_of_range(address):
    topic = create(address, 'ck-range')
    produce(address, topic, [(None, b'only', None, 0)])
    reader = consumer(address)
    try:
        reader.assign([TopicPartition(topic, 0, 1000)])
        equal(read(reader, 1)[0].offset(), 0)
    finally:
        reader.close()


class Member:
    """A group member that polls in a thread until it is told to leave."""

    def __init__(self, address, group, topic, **config):
        self.reader = consumer(address, group, **config)
        self.partitions, self.values, self.leaving, self.errors = set(), [], False, []
        self.revocations = 0
        self.reader.subscribe([topic], on_assign=self.assigned, on_revoke=self.revoked)
        self.thread = threading.Thread(target=self.poll)
        self.thread.start()

    def assigned(self, _, partitions):
        self.partitions = {p.partition for p in partitions}

    def revoked(self, _, partitions):
        self.revocations += 1
        self.partitions -= {p.partition for p in partitions}

    def poll(self):
        try:
            while not self.leaving:
                message = self.reader.poll(0.05)
                if message and not message.error():
                    self.values.append(message.value())
                    self.reader.commit(message, asynchronous=True)
            self.reader.close()
        except Exception as error:
            self.errors.append(error)

    def leave(self):
        self.leaving = True
        self.thread.join(60)
        assert not self.thread.is_alive(), 'the member does not end'
        assert not self.errors, self.errors


class CooperativeMember(Member):
    def assigned(self, reader, partitions):
        reader.incremental_assign(partitions)
        self.partitions |= {p.partition for p in partitions}

    def revoked(self, reader, partitions):
        super().revoked(reader, partitions)
        reader.incremental_unassign(partitions)


def rebalance(address, member_type, **config):
    topic, group = create(address, 'ck-group', 6), unique('ck-group')
    members = [member_type(address, group, topic, **config)]
    try:
        wait_for('one member to have all', lambda: members[0].partitions == set(range(6)))
        members.append(member_type(address, group, topic, **config))
        wait_for('two members to share', lambda: all(len(m.partitions) == 3 for m in members)
                 and members[0].partitions | members[1].partitions == set(range(6)))
        values = [b'%d' % i for i in range(600)]
        produce(address, topic, [(None, v, None, i % 6) for i, v in enumerate(values)])
        wait_for('all records', lambda: sum(len(m.values) for m in members) >= 600)
        counts = collections.Counter(v for m in members for v in m.values)
        equal(counts, collections.Counter(values), 'each record once')
        members[0].leave()
        wait_for('the other to have all', lambda: members[1].partitions == set(range(6)))
        produce(address, topic, [(None, b'after', None, p) for p in range(6)])
        wait_for('records after the change', lambda: members[1].values.count(b'after') == 6)
        equal(sum(m.values.count(v) for m in members for v in values[:1]), 1, 'nothing is read twice')
    finally:
        for member in members:
            if not member.leaving:
                member.leave()
    # The group went on where it was: its committed offsets are the ends.
    reader = consumer(address, group)
    committed = reader.committed([TopicPartition(topic, p) for p in range(6)], 30)
    reader.close()
    equal([p.offset for p in committed], [101] * 6, 'committed offsets')


@cases('a group rebalances when members join and leave')
def group_eager(address):
    rebalance(address, Member, partition_assignment_strategy='range')


@cases('a group rebalances cooperatively')
def group_cooperative(address):
    rebalance(address, CooperativeMember, partition_assignment_strategy='cooperative-sticky')


@cases('a static member that comes back keeps its partitions without a rebalance')
def static_membership(address):
    topic, group = create(address, 'ck-static', 4), unique('ck-static')
    config = {'session_timeout_ms': 30000}
    members = [Member(address, group, topic, group_instance_id='m%d' % i, **config) for i in range(2)]
    try:
        wait_for('two members to share', lambda: all(len(m.partitions) == 2 for m in members))
        before = set(members[0].partitions)
        other_before = set(members[1].partitions)
        revocations = members[1].revocations
        members[0].leave()
        members[0] = Member(address, group, topic, group_instance_id='m0', **config)
        wait_for('the member to be back', lambda: members[0].partitions == before)
        equal(members[1].partitions, other_before, 'the other member\'s partitions')
        equal(members[1].revocations, revocations, 'revocations of the other member')
    finally:
        for member in members:
            member.leave()


@cases('a group starts from its committed offset, also one with metadata')
def committed(address):
    topic, group = create(address, 'ck-commit'), unique('ck-commit')
    produce(address, topic, [(None, b'%d' % i, None, 0) for i in range(10)])
    reader = consumer(address, group, enable_auto_commit=False)
    reader.subscribe([topic])
    read(reader, 10)
    reader.commit(offsets=[TopicPartition(topic, 0, 4)], asynchronous=False)
    reader.close()
    reader = consumer(address, group)
    reader.subscribe([topic])
    equal([m.offset() for m in read(reader, 6)], list(range(4, 10)))
    reader.close()


@cases('admin: creates, lists, grows and deletes topics, with errors for what cannot be')
def admin_topics(address):
    client, name = admin(address), create(address, 'ck-admin', 3)
    equal(len(client.list_topics(name, 30).topics[name].partitions), 3)
    client.create_partitions([NewPartitions(name, 5)])[name].result(30)
    wait_for('5 partitions', lambda: len(client.list_topics(name, 30).topics[name].partitions) == 5)
    expectations = [
        (lambda: client.create_topics([NewTopic(name, 1, 1)])[name], 'TOPIC_ALREADY_EXISTS'),
        (lambda: client.create_topics([NewTopic('not a name!', 1, 1)])['not a name!'], 'TOPIC_EXCEPTION'),
        (lambda: client.create_topics([NewTopic('ck-repl', 1, 3)])['ck-repl'], 'INVALID_REPLICATION_FACTOR'),
        (lambda: client.create_topics([NewTopic('ck-conf', 1, 1, config={'retention.ms': 'soon'})])['ck-conf'],
         'INVALID_CONFIG'),
        (lambda: client.create_partitions([NewPartitions(name, 2)])[name], 'INVALID_PARTITIONS'),
        (lambda: client.delete_topics(['ck-never-made'])['ck-never-made'], 'UNKNOWN_TOPIC_OR_PART'),
    ]
    for call, expected in expectations:
        try:
            call().result(30)
        except KafkaException as error:
            equal(error.args[0].name(), expected)
        else:
            raise AssertionError('no error where %s was expected' % expected)
    client.delete_topics([name])[name].result(30)
    wait_for('the topic to be gone', lambda: name not in client.list_topics(timeout=30).topics)


@cases('admin: describes and alters configurations')
def admin_configs(address):
    client, name = admin(address), create(address, 'ck-config', retention_ms='123456')

    def setting(key):
        resource = ConfigResource(ConfigResource.Type.TOPIC, name)
        return client.describe_configs([resource])[resource].result(30)[key]

    equal(setting('retention.ms').value, '123456')
    assert not setting('retention.ms').is_default
    assert setting('cleanup.policy').is_default, 'cleanup.policy was not set'
    resource = ConfigResource(ConfigResource.Type.TOPIC, name, set_config={'retention.ms': '654321',
                                                                           'cleanup.policy': 'compact'})
    client.alter_configs([resource])[resource].result(30)
    equal((setting('retention.ms').value, setting('cleanup.policy').value), ('654321', 'compact'))
    broker = ConfigResource(ConfigResource.Type.BROKER, str(next(iter(client.list_topics(timeout=30).brokers))))
    assert client.describe_configs([broker])[broker].result(30), 'a broker has settings'


@cases('admin: lists groups and their members')
def admin_groups(address):
    topic, group = create(address, 'ck-list', 2), unique('ck-list')
    member = Member(address, group, topic, client_id='the-client')
    try:
        wait_for('the member to have all', lambda: member.partitions == {0, 1})
        found = {g.id: g for g in admin(address).list_groups(timeout=30)}[group]
        equal((found.state, found.protocol_type, len(found.members)), ('Stable', 'consumer', 1))
        equal(found.members[0].client_id, 'the-client')
    finally:
        member.leave()


@cases('an unknown topic is made when it is asked for')
def auto_create(address):
    topic = unique('ck-auto')
    produce(address, topic, [(None, b'x', None, -1)])
    equal(read_all(address, topic, 1)[0].value(), b'x')


cases.main()
