"""Starting and stopping: what a server answers to signals, and what it refuses to start with."""
import os
import signal
import socket
import subprocess
import threading
import time

from confluent_kafka import OFFSET_BEGINNING, OFFSET_INVALID, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from harness import Cases, Server, Skip, equal, free_port, wait_for

cases = Cases('stop')


def produce(address, topic, values, **config):
    """Sends all with acks=all; returns the values that were acknowledged."""
    acknowledged = []
    producer = Producer({'bootstrap.servers': address, 'log_level': 0, **{k.replace('_', '.'): v for k, v in config.items()}})
    for value in values:
        producer.produce(topic, value, partition=0,
                         on_delivery=lambda error, m: error or acknowledged.append(m.value()))
        producer.poll(0)
    producer.flush(60)
    return acknowledged


def read_all(address, topic, partition=0):
    """Every record of a partition, up to the high watermark."""
    reader = Consumer({'bootstrap.servers': address, 'group.id': 'reader', 'log_level': 0, 'enable.auto.commit': False,
                       'fetch.wait.max.ms': 50, 'fetch.max.bytes': 10 << 20})
    try:
        where = TopicPartition(topic, partition)
        low, high = reader.get_watermark_offsets(where, 30)
        reader.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)])
        found, deadline = [], time.monotonic() + 120
        while low < high and (not found or found[-1].offset() < high - 1):
            if time.monotonic() > deadline:
                raise AssertionError('read %d records of [%d, %d) in 120 s' % (len(found), low, high))
            for message in reader.consume(min(10000, high - low - len(found)), 0.5):
                if message.error():
                    raise AssertionError(message.error())
                found.append(message)
        return found
    finally:
        reader.close()


def metadata(address):
    return Producer({'bootstrap.servers': address, 'log_level': 0}).list_topics(timeout=30)


def refused(*options, data=None, seconds=30, environment=None):
    """Starts a server that must refuse to run; returns what it says."""
    with Server(*options, data=data, environment=environment) as server:
        server.spawn()
        try:
            code = server.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError('it runs')
        assert code > 0, 'it ended with %d' % code
        return server.log.read_text().lower()


@cases('SIGTERM ends it with 0, everything acknowledged is there after a restart')
def graceful(_=None):
    with Server() as server:
        server.start()
        producer = Producer({'bootstrap.servers': server.address, 'log_level': 0, 'linger.ms': 0, 'message.timeout.ms': 3000})
        acknowledged, stopping = [], threading.Event()

        def send():
            number = 0
            while not stopping.is_set():
                try:
                    producer.produce('steady', b'%d' % number, partition=0,
                                     on_delivery=lambda error, m: error or acknowledged.append(m.value()))
                    number += 1
                except BufferError:
                    pass
                producer.poll(0.001)
            producer.purge()
            producer.flush(1)

        sender = threading.Thread(target=send)
        sender.start()
        wait_for('some records', lambda: len(acknowledged) > 200)
        code = server.stop(30)
        stopping.set()
        sender.join()
        equal(code, 0, 'exit code')
        before = set(acknowledged)
        server.start()
        missing = before - {m.value() for m in read_all(server.address, 'steady')}
        equal(missing, set(), 'acknowledged but gone')


@cases('SIGTERM does not wait for a long poll or an idle connection')
def long_poll(_=None):
    with Server() as server:
        server.start()
        produce(server.address, 'quiet', [b'x'])
        idle = socket.create_connection(('127.0.0.1', server.kafka_port))
        reader = Consumer({'bootstrap.servers': server.address, 'group.id': 'waiting', 'log_level': 0, 'enable.auto.commit': False,
                           'fetch.wait.max.ms': 200000,
                           'socket.timeout.ms': 300000, 'auto.offset.reset': 'earliest'})
        reader.assign([TopicPartition('quiet', 0, OFFSET_BEGINNING)])
        wait_for('the record', lambda: reader.poll(0.2))
        reader.poll(0.5)
        equal(server.stop(30), 0, 'exit code')
        reader.close()
        idle.close()


@cases('SIGTERM does not wait for members of a group that wait for each other')
def parked_join(_=None):
    with Server('--group.initial-rebalance-delay-ms', '600000') as server:
        server.start()
        produce(server.address, 'orders', [b'one'])
        consumer = Consumer({'bootstrap.servers': server.address, 'group.id': 'parked', 'log_level': 0,
                             'max.poll.interval.ms': 700000, 'session.timeout.ms': 600000})
        consumer.subscribe(['orders'])
        wait_for('the member to join', lambda: consumer.poll(0.1) or
                 server.metrics().get('leat_groups', 0) > 0)
        consumer.poll(1)
        equal(server.stop(60), 0, 'exit code')
        consumer.close()


@cases('a deleted topic takes its committed offsets along')
def deleted_offsets(_=None):
    with Server() as server:
        server.start()
        admin = AdminClient({'bootstrap.servers': server.address})
        place = TopicPartition('orders', 0)
        for _ in range(2):
            produce(server.address, 'orders', [b'one', b'two'])
            consumer = Consumer({'bootstrap.servers': server.address, 'group.id': 'billing', 'log_level': 0})
            equal(consumer.committed([place], 30)[0].offset, OFFSET_INVALID, 'committed before anyone commits')
            consumer.commit(offsets=[TopicPartition('orders', 0, 2)], asynchronous=False)
            equal(consumer.committed([place], 30)[0].offset, 2)
            consumer.close()
            admin.delete_topics(['orders'])['orders'].result(30)


@cases('a second signal ends it at once')
def second_signal(_=None):
    with Server() as server:
        server.start()
        # Stopped, so that both signals are there when it looks.
        for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGINT, signal.SIGCONT):
            server.process.send_signal(number)
        code = server.process.wait(30)
        assert code != 0, 'it took its time and ended with 0'
        server.start()


@cases('it starts again on its own data, with the same topics, ids and cluster id')
def restart(_=None):
    with Server() as server:
        server.start()
        equal(produce(server.address, 'kept', [b'%d' % i for i in range(1000)]), [b'%d' % i for i in range(1000)])
        before = metadata(server.address)
        equal(server.stop(), 0, 'exit code')
        server.start()
        after = metadata(server.address)
        equal(after.cluster_id, before.cluster_id, 'cluster id')
        equal([t for t in after.topics if not t.startswith('__')], ['kept'], 'topics')
        equal([m.value() for m in read_all(server.address, 'kept')], [b'%d' % i for i in range(1000)])
        produce(server.address, 'kept', [b'more'])
        equal([m.offset() for m in read_all(server.address, 'kept')], list(range(1001)), 'offsets go on')


@cases('a second server on the same folder is refused and the first goes on')
def second_server(_=None):
    with Server() as server:
        server.start()
        produce(server.address, 'mine', [b'1'])
        said = refused(data=server.data)
        assert str(server.data) in said or 'folder' in said, said
        assert 'lock' in said or 'another' in said or 'in use' in said, said
        equal(produce(server.address, 'mine', [b'2']), [b'2'])


@cases('a folder that cannot be written is refused with a clear error')
def read_only(_=None):
    with Server() as server:
        server.data.mkdir()
        if os.getuid() == 0:
            mount = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'ro,size=1m', 'tmpfs', str(server.data)],
                                   capture_output=True, text=True)
            if mount.returncode != 0:
                raise Skip('cannot mount a read-only folder: ' + mount.stderr.strip())
        else:
            server.data.chmod(0o500)
        try:
            said = refused(data=server.data)
        finally:
            if os.getuid() == 0:
                subprocess.run(['umount', str(server.data)], check=True)
            else:
                server.data.chmod(0o700)
        assert str(server.data) in said, said
        assert 'read-only' in said or 'permission' in said, said


@cases('an address that others can reach is refused unless --insecure is given')
def insecure(_=None):
    said = refused('--listen', 'sqs=0.0.0.0:%d' % free_port())
    assert '--insecure' in said and 'sqs.access_keys' in said, said
    # Kafka's clients may come from elsewhere once there are users.
    port = free_port()
    said = refused('--listen', 'kafka=0.0.0.0:%d' % port, '--advertise', 'kafka=127.0.0.1:9092',
                   '--advertise', 'kafka=127.0.0.1:%d' % port)
    assert '--insecure' in said and 'leat user add' in said, said


@cases('a port in use, an unknown option and a bad value are refused with what to do')
def bad_settings(_=None):
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        said = refused('--listen', 'kafka=127.0.0.1:%d' % taken.getsockname()[1])
        assert 'in use' in said, said
    said = refused('--shard', '2')
    assert '--shards' in said, said
    said = refused('--flush', 'sometimes')
    assert 'commit' in said, said
    said = refused(environment={'LEAT_SHARD': '2'})
    assert 'leat_shards' in said, said


@cases('health, readiness and metrics answer')
def http(_=None):
    with Server() as server:
        server.start()
        equal(server.http('/healthz')[0], 200)
        equal(server.http('/readyz')[0], 200)
        produce(server.address, 'measured', [b'x'] * 10)
        status, text = server.http('/metrics')
        equal(status, 200)
        assert text.endswith('\n') and '# TYPE ' in text, text[:200]
        assert any(line.startswith('leat_') for line in text.splitlines()), text[:200]
        equal(server.http('/no-such-page')[0], 404)


@cases('metrics tell what a topic took and how far a group is behind')
def traffic_metrics(_=None):
    with Server() as server:
        server.start()
        produce(server.address, 'measured', [b'x'] * 10)
        consumer = Consumer({'bootstrap.servers': server.address, 'group.id': 'slow', 'enable.auto.commit': False})
        consumer.assign([TopicPartition('measured', 0, 0)])
        equal(len(consumer.consume(10, timeout=30)), 10)
        consumer.commit(offsets=[TopicPartition('measured', 0, 4)], asynchronous=False)
        consumer.close()
        samples = server.metrics()
        equal(samples['leat_topic_records_in_total{topic="measured"}'], 10)
        equal(samples['leat_group_lag_records{group="slow",topic="measured"}'], 6)
        assert samples['leat_topic_size_bytes{topic="measured"}'] > 10
        assert samples['leat_log_flush_seconds_count'] > 0
        assert samples['process_resident_memory_bytes'] > 0
