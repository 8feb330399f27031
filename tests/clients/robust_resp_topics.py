"""Channels that are topics: what producers of Kafka send is live for subscribers of Redis, and what these publish is a record."""
import threading
import time

import confluent_kafka
import confluent_kafka.admin

from harness import Cases, equal, wait_for
from resp_support import connect, new_server, refused

cases = Cases('resp_topics')


class Kafka:
    def __init__(self, server):
        self.server = server
        self.producer = confluent_kafka.Producer({'bootstrap.servers': server.address, 'linger.ms': 0,
                                                  'log_level': 0})

    def create(self, topic, partitions=1):
        admin = confluent_kafka.admin.AdminClient({'bootstrap.servers': self.server.address, 'log_level': 0})
        for future in admin.create_topics([confluent_kafka.admin.NewTopic(topic, partitions, 1)]).values():
            future.result(30)

    def delete(self, topic):
        admin = confluent_kafka.admin.AdminClient({'bootstrap.servers': self.server.address, 'log_level': 0})
        for future in admin.delete_topics([topic]).values():
            future.result(30)

    def send(self, topic, *values, partition=0):
        for value in values:
            self.producer.produce(topic, value, partition=partition)
        equal(self.producer.flush(30), 0)

    def read(self, topic, count, partitions=1):
        consumer = confluent_kafka.Consumer({'bootstrap.servers': self.server.address, 'group.id': 'none',
                                             'enable.auto.commit': False, 'log_level': 0})
        consumer.assign([confluent_kafka.TopicPartition(topic, p, 0) for p in range(partitions)])
        messages = []
        wait_for('%d records' % count, lambda: messages.extend(consumer.consume(count, 0.2)) or len(messages) >= count)
        consumer.close()
        return messages


def subscriber(server, *names, patterns=()):
    p = connect(server.resp).pubsub()
    if names:
        p.subscribe(*names)
    if patterns:
        p.psubscribe(*patterns)
    for _ in (*names, *patterns):
        message = p.get_message(timeout=10)
        equal(message['type'] in ('subscribe', 'psubscribe'), True, str(message))
    return p


def take(p, count, seconds=20):
    """The next messages as (channel, data)."""
    messages = []
    deadline = time.monotonic() + seconds
    while len(messages) < count and time.monotonic() < deadline:
        message = p.get_message(timeout=0.2)
        if message:
            messages.append((message['channel'], message['data']))
    equal(len(messages), count, 'messages')
    return messages


@cases('a subscriber gets what producers of Kafka send from the moment on, and what PUBLISH appends is a record')
def live(_=None):
    with new_server() as server:
        server.start()
        kafka, r = Kafka(server), connect(server.resp)
        kafka.create('orders')
        kafka.send('orders', 'before')
        p = subscriber(server, 'topic:orders', 'plain')
        equal(r.pubsub_numsub('topic:orders'), [('topic:orders', 1)])
        kafka.send('orders', 'a', 'b')
        equal(take(p, 2), [('topic:orders', 'a'), ('topic:orders', 'b')])
        equal(r.publish('topic:orders', 'from redis'), 1)
        r.publish('plain', 'as ever')
        equal(sorted(take(p, 2)), [('plain', 'as ever'), ('topic:orders', 'from redis')])
        equal([m.value() for m in kafka.read('orders', 4)], [b'before', b'a', b'b', b'from redis'])
        p.unsubscribe('topic:orders')
        equal(take(p, 1), [('topic:orders', 1)], 'the end of the subscription')
        kafka.send('orders', 'after')
        r.publish('plain', 'last')
        equal(take(p, 1), [('plain', 'last')])
        equal(r.publish('topic:orders', 'nobody listens'), 0)
        equal(kafka.read('orders', 6)[-1].value(), b'nobody listens')
        p.close()


@cases('a subscriber that comes back goes on where it was: nothing is missed or doubled, in order in each partition')
def resume(_=None):
    with new_server() as server:
        server.start()
        kafka = Kafka(server)
        kafka.create('events', 3)
        stop = threading.Event()
        sent = [0, 0, 0]

        def produce():
            producer = confluent_kafka.Producer({'bootstrap.servers': server.address, 'linger.ms': 1, 'log_level': 0})
            while not stop.is_set():
                for partition in range(3):
                    producer.produce('events', '%d' % sent[partition], partition=partition)
                    sent[partition] += 1
                producer.poll(0)
                time.sleep(0.001)
            producer.flush(30)

        thread = threading.Thread(target=produce, daemon=True)
        thread.start()
        seen, positions = [[], [], []], {}
        for number in range(6):
            # A partition that nothing was seen of is named too: it would begin at its end.
            places = ','.join('%d:%s' % (partition, positions.get(partition, 0)) for partition in range(3))
            name = 'topic:events@' + (places if number else 'earliest')
            p = subscriber(server, patterns=[name])
            if number == 5:
                stop.set()
                thread.join(30)
            until = time.monotonic() + (0.5 if number < 5 else 30)
            while time.monotonic() < until and (number < 5 or any(len(s) < n for s, n in zip(seen, sent))):
                message = p.get_message(timeout=0.1)
                if message is None:
                    continue
                equal(message['pattern'], name)
                partition, position = message['channel'].split('@')[1].split(':')
                seen[int(partition)].append(int(message['data']))
                positions[int(partition)] = position
            p.close()  # with messages in flight
        equal(sum(sent) > 1000, True, '%s records' % sent)
        equal([s == list(range(n)) for s, n in zip(seen, sent)], [True] * 3, 'each record once and in order')


@cases('many subscribers of one topic all get everything, those too that begin with what is old')
def many(_=None):
    with new_server() as server:
        server.start()
        kafka = Kafka(server)
        kafka.create('news')
        values = ['%d %s' % (i, 'x' * 2000) for i in range(2000)]
        kafka.send('news', *values[:1500])
        old = [subscriber(server, 'topic:news@0:%d' % (100 * i)) for i in range(10)]
        new = [subscriber(server, 'topic:news') for _ in range(20)]
        kafka.send('news', *values[1500:])
        for i, p in enumerate(old):
            equal([data for _, data in take(p, 2000 - 100 * i)] == values[100 * i:], True, 'from %d on' % (100 * i))
        for p in new:
            equal([data for _, data in take(p, 500)] == values[1500:], True)


@cases('what cannot be subscribed or published to is refused, and the end of a topic ends its subscriptions')
def refusals(_=None):
    with new_server() as server:
        server.start()
        kafka, r = Kafka(server), connect(server.resp)
        kafka.create('brief')
        kafka.send('brief', 'x')
        refused("there is no topic 'none'", r.publish, 'topic:none', 'x')
        refused('a message is published to topic:NAME', r.publish, 'topic:brief@0:1', 'x')
        for internal in ('topic:__leat_keyspace', 'topic:__leat_locks'):
            refused('topic', r.publish, internal, 'x')
        for name in ('topic:none', 'topic:', 'topic:brief@', 'topic:brief@0', 'topic:brief@0:x', 'topic:brief@1:0',
                     'topic:brief@0:2', 'topic:__leat_keyspace@earliest'):
            p = connect(server.resp).pubsub()
            p.subscribe(name)
            refused('', p.get_message, timeout=10)
            p.close()
        pipe = r.pipeline(transaction=True)
        pipe.publish('topic:brief', 'y')
        refused('Command # 1', pipe.execute)
        refused('', r.eval, "return redis.call('PUBLISH', 'topic:brief', 'y')", 0)
        p = subscriber(server, 'topic:brief')
        kafka.delete('brief')
        message = wait_for('the end of the subscription', lambda: p.get_message(timeout=0.1))
        equal((message['type'], message['channel'], message['data']), ('unsubscribe', 'topic:brief', 0))
        refused('there is no topic', r.publish, 'topic:brief', 'x')
        equal(r.ping(), True)


@cases('what a slow subscriber has not taken waits in the log: it costs no memory, nobody is cut off, nothing is lost')
def slow(_=None):
    with new_server() as server:
        server.start()
        kafka, r = Kafka(server), connect(server.resp)
        kafka.create('flood')
        r.config_set('client-output-buffer-limit', 'pubsub 2mb 0 0')
        lazy = [subscriber(server, 'topic:flood') for _ in range(5)]
        quick = subscriber(server, 'topic:flood')
        kafka.send('flood', *('%06d%s' % (i, 'x' * 10_000) for i in range(3000)))
        everything = ['%06d' % i for i in range(3000)]
        equal([data[:6] for _, data in take(quick, 3000)] == everything, True, 'the quick one')
        buffers = sum(int(client['omem']) for client in r.client_list())
        equal(buffers < 5_000_000, True, '%d bytes wait in memory' % buffers)
        for p in lazy:
            equal([data[:6] for _, data in take(p, 3000)] == everything, True, 'the lazy ones, when they wake up')
        equal(r.pubsub_numsub('topic:flood'), [('topic:flood', 6)])
