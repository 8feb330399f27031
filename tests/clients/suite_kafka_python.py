#!/usr/bin/python3
"""python3-kafka (kafka-python from Debian) against a server: suite_kafka_python.py ADDRESS"""
import threading
import time

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic
from kafka.errors import (InvalidReplicationFactorError, InvalidTopicError, KafkaError, MessageSizeTooLargeError,
                          TopicAlreadyExistsError, UnknownTopicOrPartitionError)

from harness import Cases, equal, unique, wait_for

cases = Cases('kafka_python')


def admin(address):
    return KafkaAdminClient(bootstrap_servers=address)


def create(address, prefix, partitions=1, **config):
    name = unique(prefix)
    client = admin(address)
    client.create_topics([NewTopic(name, partitions, 1, topic_configs={k.replace('_', '.'): v
                                                                       for k, v in config.items()})])
    client.close()
    return name


def produce(address, topic, records, **config):
    """records: dicts of send()'s arguments. Returns their offsets."""
    producer = KafkaProducer(bootstrap_servers=address, **config)
    try:
        futures = [producer.send(topic, **record) for record in records]
        producer.flush(60)
        return [future.get(60).offset for future in futures]
    finally:
        producer.close()


def consumer(address, group=None, **config):
    return KafkaConsumer(bootstrap_servers=address, group_id=group, auto_offset_reset='earliest',
                         session_timeout_ms=6000, heartbeat_interval_ms=300, fetch_max_wait_ms=100, **config)


def read(reader, count, seconds=60):
    found, deadline = [], time.monotonic() + seconds
    while len(found) < count:
        if time.monotonic() > deadline:
            raise AssertionError('got %d of %d messages in %d s' % (len(found), count, seconds))
        for batch in reader.poll(200, max_records=count - len(found)).values():
            found += batch
    return found


def read_all(address, topic, count, partition=0, **config):
    reader = consumer(address, **config)
    try:
        where = TopicPartition(topic, partition)
        reader.assign([where])
        found = read(reader, count)
        equal((reader.beginning_offsets([where])[where], reader.end_offsets([where])[where]), (0, count), 'offsets')
        return found
    finally:
        reader.close()


@cases('produces 5,000 records and consumes them in order, exactly')
def round_trip(address):
    topic = create(address, 'kp-plain')
    sent = [{'key': b'key %d' % i, 'value': b'value %d' % i} for i in range(5000)]
    equal(produce(address, topic, sent, linger_ms=5, acks='all'), list(range(5000)), 'offsets')
    equal([(m.key, m.value) for m in read_all(address, topic, 5000)], [(r['key'], r['value']) for r in sent])


@cases('carries every compression')
def compressions(address):
    for codec in (None, 'gzip', 'snappy', 'lz4', 'zstd'):
        topic = create(address, 'kp-codec')
        sent = [{'value': (str(codec) * 30).encode() + b'%d' % i} for i in range(1000)]
        produce(address, topic, sent, compression_type=codec, linger_ms=20)
        equal([m.value for m in read_all(address, topic, 1000)], [r['value'] for r in sent], str(codec))


@cases('checks every CRC that it reads')
def checksums(address):
    topic = create(address, 'kp-crc')
    produce(address, topic, [{'value': b'x' * 100}] * 50)
    equal(len(read_all(address, topic, 50, check_crcs=True)), 50)


@cases('carries null keys and values, and headers')
def nulls_and_headers(address):
    topic = create(address, 'kp-null')
    sent = [{'value': b'v'}, {'key': b'k', 'value': None}, {'key': b'', 'value': b''},
            {'key': b'k', 'value': b'v', 'headers': [('trace', b'abc'), ('empty', b'')]}]
    produce(address, topic, sent)
    got = read_all(address, topic, len(sent))
    equal([(m.key, m.value) for m in got], [(r.get('key'), r['value']) for r in sent])
    equal([list(m.headers) for m in got], [[], [], [], [('trace', b'abc'), ('empty', b'')]])


@cases('carries large messages, and is refused above the topic\'s limit')
def large(address):
    topic = create(address, 'kp-large', max_message_bytes='3000000')
    value = b'0123456789' * 250000
    produce(address, topic, [{'value': value}], max_request_size=10 ** 7)
    equal(read_all(address, topic, 1)[0].value, value)
    try:
        produce(address, topic, [{'value': value * 2}], max_request_size=10 ** 7)
    except MessageSizeTooLargeError:
        return
    raise AssertionError('5 MB were taken by a topic with a limit of 3 MB')


@cases('seeks by offset and by time')
def seek(address):
    topic = create(address, 'kp-seek')
    base = int(time.time() * 1000) - 100000
    produce(address, topic, [{'value': b'%d' % i, 'timestamp_ms': base + i * 1000} for i in range(100)])
    where, reader = TopicPartition(topic, 0), consumer(address)
    try:
        reader.assign([where])
        equal([m.offset for m in read(reader, 100)], list(range(100)))
        for target in (50, 3, 99):
            reader.seek(where, target)
            equal(read(reader, 1)[0].offset, target, 'after a seek')
        reader.seek_to_beginning(where)
        equal(read(reader, 1)[0].offset, 0)
        found = reader.offsets_for_times({where: base + 41500})[where]
        equal((found.offset, found.timestamp), (42, base + 42000))
        equal(reader.offsets_for_times({where: base + 10 ** 9})[where], None, 'no record is that late')
    finally:
        reader.close()


class Member:
    """A group member that polls in a thread until it is told to leave."""

    def __init__(self, address, group, topic):
        self.reader = consumer(address, group, enable_auto_commit=False)
        self.reader.subscribe([topic])
        self.partitions, self.values, self.leaving, self.errors = set(), [], False, []
        self.thread = threading.Thread(target=self.poll)
        self.thread.start()

    def poll(self):
        try:
            while not self.leaving:
                for batch in self.reader.poll(100).values():
                    self.values += [m.value for m in batch]
                    self.reader.commit()
                self.partitions = {p.partition for p in self.reader.assignment()}
            self.reader.close()
        except Exception as error:
            self.errors.append(error)

    def leave(self):
        self.leaving = True
        self.thread.join(60)
        assert not self.thread.is_alive(), 'the member does not end'
        assert not self.errors, self.errors


@cases('a group rebalances when members join and leave, and commits')
def group(address):
    topic, name = create(address, 'kp-group', 4), unique('kp-group')
    members = [Member(address, name, topic)]
    try:
        wait_for('one member to have all', lambda: members[0].partitions == {0, 1, 2, 3})
        members.append(Member(address, name, topic))
        wait_for('two members to share', lambda: all(len(m.partitions) == 2 for m in members)
                 and members[0].partitions | members[1].partitions == {0, 1, 2, 3})
        produce(address, topic, [{'value': b'%d' % i, 'partition': i % 4} for i in range(200)])
        wait_for('all records', lambda: sum(len(m.values) for m in members) >= 200)
        equal(sorted(int(v) for m in members for v in m.values), list(range(200)), 'each record once')
        client = admin(address)
        assert (name, 'consumer') in client.list_consumer_groups()
        described = client.describe_consumer_groups([name])[0]
        equal((described.state, len(described.members)), ('Stable', 2))
        members[0].leave()
        wait_for('the other to have all', lambda: members[1].partitions == {0, 1, 2, 3})
        members[1].leave()
        offsets = client.list_consumer_group_offsets(name)
        equal({p.partition: o.offset for p, o in offsets.items()}, {p: 50 for p in range(4)}, 'committed')
        wait_for('the group to be empty', lambda: client.describe_consumer_groups([name])[0].state == 'Empty')
        (_, error), = client.delete_consumer_groups([name])
        equal(error.errno, 0, 'deleting an empty group')
        assert (name, 'consumer') not in client.list_consumer_groups()
        client.close()
    finally:
        for member in members:
            if not member.leaving:
                member.leave()


@cases('a committed offset with metadata is read back')
def committed(address):
    topic, name = create(address, 'kp-commit'), unique('kp-commit')
    where = TopicPartition(topic, 0)
    produce(address, topic, [{'value': b'%d' % i} for i in range(10)])
    reader = consumer(address, name, enable_auto_commit=False)
    reader.assign([where])
    reader.commit({where: OffsetAndMetadata(7, 'note')})
    equal(reader.committed(where, metadata=True), OffsetAndMetadata(7, 'note'))
    reader.close()
    reader = consumer(address, name, enable_auto_commit=False)
    reader.subscribe([topic])
    equal([m.offset for m in read(reader, 3)], [7, 8, 9])
    reader.close()


@cases('admin: topics, partitions, configurations, and errors for what cannot be')
def admin_topics(address):
    client, name = admin(address), create(address, 'kp-admin', 2, retention_ms='123456')
    assert name in client.list_topics()
    client.create_partitions({name: NewPartitions(3)})
    wait_for('3 partitions', lambda: len(client.describe_topics([name])[0]['partitions']) == 3)
    resource = ConfigResource(ConfigResourceType.TOPIC, name)

    def settings():
        answer, = client.describe_configs([resource])
        return {entry[0]: entry[1] for entry in answer.resources[0][4]}

    equal(settings()['retention.ms'], '123456')
    client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configs={'retention.ms': '654321'})])
    equal(settings()['retention.ms'], '654321')
    for topic, expected in ((NewTopic(name, 1, 1), TopicAlreadyExistsError),
                            (NewTopic('not a name!', 1, 1), InvalidTopicError),
                            (NewTopic('kp-repl', 1, 3), InvalidReplicationFactorError)):
        try:
            client.create_topics([topic])
        except expected:
            continue
        except KafkaError as error:
            raise AssertionError('%s instead of %s' % (error, expected))
        raise AssertionError('no %s' % expected)
    client.delete_topics([name])
    wait_for('the topic to be gone', lambda: name not in client.list_topics())
    try:
        client.delete_topics([name])
    except UnknownTopicOrPartitionError:
        pass
    else:
        raise AssertionError('a topic was deleted twice')
    equal(len(client.describe_cluster()['brokers']), 1)
    client.close()


@cases('a topic pattern finds topics that are made later')
def pattern(address):
    prefix = unique('kp-pattern')
    reader = KafkaConsumer(bootstrap_servers=address, group_id=unique('kp-pattern'), auto_offset_reset='earliest',
                           metadata_max_age_ms=500, fetch_max_wait_ms=100, session_timeout_ms=6000,
                           heartbeat_interval_ms=300)
    reader.subscribe(pattern='^%s.*' % prefix)
    for number in range(2):
        name = '%s-%d' % (prefix, number)
        client = admin(address)
        client.create_topics([NewTopic(name, 1, 1)])
        client.close()
        produce(address, name, [{'value': b'%d' % number}])
        equal([m.value for m in read(reader, 1)], [b'%d' % number])
    reader.close()


cases.main()
