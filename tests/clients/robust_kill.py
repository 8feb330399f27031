"""kill -9 under load, many times: nothing acknowledged is lost, nothing committed goes back, nothing is doubled."""
import collections
import random
import threading
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from harness import Cases, Server, equal, wait_for
from robust_stop import read_all

cases = Cases('kill')
rounds = 100
PARTITIONS = 3
RECONNECT = {'reconnect.backoff.ms': 20, 'reconnect.backoff.max.ms': 200, 'retry.backoff.ms': 20,
             'message.timeout.ms': 600000, 'log_level': 0}


class Sender(threading.Thread):
    """Produces numbered values until it is told to stop; remembers where each acknowledged one is."""

    def __init__(self, address, topic, name, **config):
        super().__init__()
        self.topic, self.label, self.stopping = topic, name, False
        self.acknowledged, self.errors, self.sent = {}, [], 0
        self.producer = Producer({'bootstrap.servers': address, 'acks': 'all', 'linger.ms': 1, **RECONNECT, **config})

    def delivered(self, error, message):
        if error:
            self.errors.append(error)
        else:
            self.acknowledged[message.value()] = (message.partition(), message.offset())

    def run(self):
        while not self.stopping:
            for _ in range(50):
                value = b'%s %d' % (self.label.encode(), self.sent)
                try:
                    self.producer.produce(self.topic, value, partition=self.sent % PARTITIONS, on_delivery=self.delivered)
                    self.sent += 1
                except BufferError:
                    break
            self.producer.poll(0.01)

    def finish(self):
        self.stopping = True
        self.join()
        equal(self.producer.flush(120), 0, '%s: records not delivered after the last restart' % self.label)
        equal(self.errors, [], '%s: errors' % self.label)


class Committer(threading.Thread):
    """Consumes in a group and commits what it has read; remembers the highest offset whose commit was answered."""

    def __init__(self, address, topic, group):
        super().__init__()
        self.stopping, self.committed, self.values, self.errors = False, {}, set(), []
        self.reader = Consumer({'bootstrap.servers': address, 'group.id': group, 'enable.auto.commit': False,
                                'auto.offset.reset': 'earliest', 'session.timeout.ms': 6000,
                                'heartbeat.interval.ms': 200, 'fetch.wait.max.ms': 50, 'reconnect.backoff.ms': 20,
                                'reconnect.backoff.max.ms': 200, 'log_level': 0})
        self.reader.subscribe([topic])

    def run(self):
        while not self.stopping:
            messages = [m for m in self.reader.consume(500, 0.1) if not m.error()]
            if not messages:
                continue
            self.values.update(m.value() for m in messages)
            try:
                for done in self.reader.commit(asynchronous=False):
                    if done.error is None:
                        self.committed[done.partition] = max(done.offset, self.committed.get(done.partition, 0))
            except KafkaException:
                continue  # no answer: the offset may or may not be there
        self.reader.close()

    def finish(self):
        self.stopping = True
        self.join()


def committed_offsets(address, topic, group):
    reader = Consumer({'bootstrap.servers': address, 'group.id': group, 'log_level': 0})
    try:
        wanted = [TopicPartition(topic, p) for p in range(PARTITIONS)]
        return {p.partition: p.offset for p in reader.committed(wanted, 60)}
    finally:
        reader.close()


def check_log(address, topic, senders):
    """Every acknowledged value is at its offset; idempotent ones are there once and in order."""
    stored = {p: read_all(address, topic, p) for p in range(PARTITIONS)}
    by_place = {(p, m.offset()): m.value() for p, messages in stored.items() for m in messages}
    counts = collections.Counter(by_place.values())
    for sender in senders:
        lost = [v for v, place in sender.acknowledged.items() if by_place.get(place) != v]
        equal(lost, [], '%s: acknowledged but not at the offset that was answered' % sender.label)
        if sender.label == 'idempotent':
            doubled = [v for v in sender.acknowledged if counts[v] != 1]
            equal(doubled, [], 'idempotent records that are there more or less than once')
            for partition, messages in stored.items():
                numbers = [int(m.value().split()[1]) for m in messages if m.value().startswith(b'idempotent ')]
                equal(numbers, sorted(numbers), 'the order of idempotent records in partition %d' % partition)
    for partition, messages in stored.items():
        equal([m.offset() for m in messages], list(range(len(messages))), 'offsets of partition %d' % partition)
    return counts


@cases('rounds of kill -9: no acknowledged record and no committed offset is lost, no idempotent one doubled')
def kill(_=None):
    topic, group = 'survivor', 'survivors'
    generator = random.Random(7)
    with Server() as server:
        server.start()
        admin = AdminClient({'bootstrap.servers': server.address})
        admin.create_topics([NewTopic(topic, PARTITIONS, 1)])[topic].result(30)
        senders = [Sender(server.address, topic, 'idempotent', **{'enable.idempotence': True}),
                   Sender(server.address, topic, 'plain')]
        committer = Committer(server.address, topic, group)
        for thread in senders + [committer]:
            thread.start()
        try:
            for number in range(rounds):
                before = [len(s.acknowledged) for s in senders]
                wait_for('records to be acknowledged in round %d' % number,
                         lambda: all(len(s.acknowledged) > b for s, b in zip(senders, before)), 120)
                time.sleep(generator.uniform(0.05, 0.6))
                server.kill()
                promised = dict(committer.committed)
                server.start()
                kept = committed_offsets(server.address, topic, group)
                back = {p: (o, kept[p]) for p, o in promised.items() if kept[p] < o}
                equal(back, {}, 'round %d: committed offsets that went back' % number)
            for sender in senders:
                sender.finish()
            everything = {v for s in senders for v in s.acknowledged}
            wait_for('the group to read everything', lambda: everything <= committer.values, 120)
        finally:
            for thread in senders + [committer]:
                thread.stopping = True
            for thread in senders + [committer]:
                thread.join()
        counts = check_log(server.address, topic, senders)
        print('    %d rounds, %d records acknowledged, %d stored, committed %s' %
              (rounds, len(everything), sum(counts.values()), dict(sorted(committer.committed.items()))))
        for metric in ('corrupt', 'damage'):
            bad = [line for line in server.log.read_text().lower().splitlines() if '"error"' in line and metric in line]
            equal(bad, [], 'what the log says of %s' % metric)
