"""A disk that fills up: producers get an error, consumers and deletes go on, nothing acknowledged is lost."""
import os
import subprocess

import redis
from botocore.exceptions import ClientError
from confluent_kafka import KafkaError, Producer
from confluent_kafka.admin import AdminClient

from harness import Cases, Server, Skip, equal, wait_for
from robust_stop import produce, read_all
from sqs_support import new_client

cases = Cases('disk')


class SmallDisk:
    """A tmpfs of its own below the server's folder."""

    def __init__(self, server, megabytes):
        self.folder = server.data
        self.folder.mkdir()
        if os.getuid() != 0:
            raise Skip('it takes root to mount a small file system')
        done = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=%dm' % megabytes, 'tmpfs', str(self.folder)],
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise Skip('cannot mount a small file system: ' + done.stderr.strip())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(['umount', '-l', str(self.folder)], check=True)


def fill(address, topic, value, most):
    """Produces until the server refuses. Returns (acknowledged offsets with numbers, the first error)."""
    acknowledged, errors = {}, []
    producer = Producer({'bootstrap.servers': address, 'acks': 'all', 'message.timeout.ms': 15000, 'retries': 3,
                         'log_level': 0, 'linger.ms': 0, 'queue.buffering.max.messages': 100})
    for number in range(most):
        def delivered(error, message, number=number):
            if error:
                errors.append(error)
            else:
                acknowledged[number] = message.offset()
        while True:
            try:
                producer.produce(topic, value + b' %d' % number, partition=0, on_delivery=delivered)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
        if errors:
            break
    producer.flush(60)
    return acknowledged, errors[0] if errors else None


@cases('a full disk: errors for producers, reads and deletes go on, and space lets it go on')
def full(_=None):
    with Server('--log.segment-bytes', '4194304') as server, SmallDisk(server, 64):
        server.start()
        value = os.urandom(50_000)
        equal(produce(server.address, 'small', [b'before']), [b'before'])
        acknowledged, error = fill(server.address, 'big', value, 3000)
        assert error is not None, 'a disk of 64 MB took 150 MB'
        assert error.code() not in (KafkaError.UNKNOWN, KafkaError._MSG_TIMED_OUT), 'an unclear error: %s' % error
        assert server.process.poll() is None, 'the server ended'
        equal(server.http('/healthz')[0], 200, 'health')
        stored = {m.offset(): m.value() for m in read_all(server.address, 'big')}
        for number, offset in acknowledged.items():
            equal(stored.get(offset), value + b' %d' % number, 'record %d at offset %d' % (number, offset))
        equal([m.value() for m in read_all(server.address, 'small')], [b'before'])

        admin = AdminClient({'bootstrap.servers': server.address})
        admin.delete_topics(['big'])['big'].result(30)
        wait_for('the server to take records again', lambda: produce(server.address, 'small', [b'after'],
                                                                     message_timeout_ms=3000))
        values = [m.value() for m in read_all(server.address, 'small')]
        equal((values[0], values[-1]), (b'before', b'after'))


@cases('a full disk: a queue refuses messages; those that it has are received and deleted, and space lets it go on')
def full_queue(_=None):
    with Server('--log.segment-bytes', '4194304') as server, SmallDisk(server, 64):
        server.start()
        sqs = new_client(server.sqs)
        url = sqs.create_queue(QueueName='small')['QueueUrl']
        sent = {sqs.send_message(QueueUrl=url, MessageBody='m%d' % n)['MessageId'] for n in range(100)}
        acknowledged, error = fill(server.address, 'big', os.urandom(50_000), 3000)
        assert error is not None, 'a disk of 64 MB took 150 MB'
        try:
            for _ in range(1000):  # what is left may hold some
                sent.add(sqs.send_message(QueueUrl=url, MessageBody='x' * 50_000)['MessageId'])
        except ClientError as refused:
            equal(refused.response['ResponseMetadata']['HTTPStatusCode'], 503, 'the answer to a send')
        else:
            raise AssertionError('the full disk took 50 MB')
        received = set()
        while len(received) < len(sent):
            messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get('Messages', [])
            assert messages, 'nothing more came after %d of %d messages' % (len(received), len(sent))
            received |= {m['MessageId'] for m in messages}
            done = sqs.delete_message_batch(QueueUrl=url, Entries=[
                {'Id': str(i), 'ReceiptHandle': m['ReceiptHandle']} for i, m in enumerate(messages)])
            equal(len(done['Successful']), len(messages), 'deleted')
        equal(received, sent, 'messages received on a full disk')
        admin = AdminClient({'bootstrap.servers': server.address})
        admin.delete_topics(['big'])['big'].result(30)
        wait_for('the queue to take messages again', lambda: sends(sqs, url))
        server.stop()
        server.start()
        sqs = new_client(server.sqs)
        bodies = [m['Body'] for m in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get('Messages', [])]
        equal(set(bodies), {'after'}, 'messages after a restart')


def sends(sqs, url):
    try:
        return sqs.send_message(QueueUrl=url, MessageBody='after')
    except ClientError:
        return None


def write_keys(r, name, value, most):
    """Sets keys until the server refuses. Returns (how many were acknowledged, the error)."""
    for number in range(most):
        try:
            r.set('%s%d' % (name, number), value)
        except redis.ResponseError as error:
            return number, error
    return most, None


def taken(r, key):
    try:
        return r.set(key, 'after')
    except redis.RedisError:
        return None


@cases('a full disk: changes of keys are refused, reads go on, space lets it go on, and a kill loses nothing acknowledged')
def full_keyspace(_=None):
    with Server('--log.segment-bytes', '4194304', resp=True) as server, SmallDisk(server, 64):
        server.start()
        # A reply that is not given waits for space: a client that hangs on it asks again on a new connection.
        r = redis.Redis(port=server.resp_port, socket_timeout=10, retry=None)
        r.set('before', 'small')
        r.hset('hash', mapping={'a': 1, 'b': 2})
        acknowledged, error = fill(server.address, 'big', os.urandom(50_000), 3000)
        assert error is not None, 'a disk of 64 MB took 150 MB'
        value = os.urandom(50_000)
        try:
            count, error = write_keys(r, 'k', value, 1000)
        except redis.TimeoutError:  # of the first change that found no space; those behind it are told so
            count = sum(1 for key in redis.Redis(port=server.resp_port).scan_iter('k*', 1000)) - 1
            _, error = write_keys(r, 'refused', value, 1)
        assert error is not None, 'the full disk took 50 MB'
        equal(str(error).startswith('MISCONF'), True, str(error))
        for change in (('SET', 'x', 1), ('DEL', 'before'), ('HSET', 'hash', 'c', 3), ('FLUSHALL',), ('EXPIRE', 'before', 1)):
            try:
                r.execute_command(*change)
            except redis.ResponseError as refused:
                equal(str(refused).startswith('MISCONF'), True, '%s: %s' % (change, refused))
            else:
                raise AssertionError('%s was taken' % (change,))
        equal((r.get('before'), r.hgetall('hash'), r.ping()), (b'small', {b'a': b'1', b'b': b'2'}, True), 'reads')
        equal(all(r.get('k%d' % i) == value for i in range(count)), True, 'what was acknowledged is read')
        equal(server.http('/healthz')[0], 200, 'health')

        admin = AdminClient({'bootstrap.servers': server.address})
        admin.delete_topics(['big'])['big'].result(30)
        wait_for('the keyspace to take changes again', lambda: taken(r, 'after'))
        equal((r.delete('before'), r.hset('hash', 'c', 3)), (1, 1))
        server.kill()
        server.start()
        r = redis.Redis(port=server.resp_port)
        equal((r.get('after'), r.get('before'), r.hgetall('hash')), (b'after', None, {b'a': b'1', b'b': b'2', b'c': b'3'}))
        equal(all(r.get('k%d' % i) == value for i in range(count)), True, 'keys from the time of the full disk')


@cases('a keyspace that fills its disk by itself: kill -9 on the full disk loses nothing acknowledged, and it starts')
def full_keyspace_killed(_=None):
    with Server('--log.segment-bytes', '4194304', resp=True) as server, SmallDisk(server, 48):
        server.start()
        r = redis.Redis(port=server.resp_port, socket_timeout=10, retry=None)
        value = os.urandom(50_000)
        count = 0
        try:
            while count < 2000:
                r.set('k%d' % count, value)
                count += 1
        except redis.RedisError:
            pass
        assert 100 < count < 2000, 'a disk of 48 MB took %d keys of 50 kB' % count
        server.kill()
        server.start()
        r = redis.Redis(port=server.resp_port)
        equal(all(r.get('k%d' % i) == value for i in range(count)), True, 'what was acknowledged')
        equal(r.dbsize() in (count, count + 1), True, 'and at most what was under way: %d of %d' % (r.dbsize(), count))


@cases('a server killed on a full disk starts again with everything acknowledged')
def full_restart(_=None):
    with Server('--log.segment-bytes', '4194304') as server, SmallDisk(server, 48):
        server.start()
        value = os.urandom(50_000)
        acknowledged, error = fill(server.address, 'big', value, 3000)
        assert error is not None, 'a disk of 48 MB took 150 MB'
        server.kill()
        server.start()
        stored = {m.offset(): m.value() for m in read_all(server.address, 'big')}
        for number, offset in acknowledged.items():
            equal(stored.get(offset), value + b' %d' % number, 'record %d at offset %d' % (number, offset))
