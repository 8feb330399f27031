"""Clients of live push that do not read: the server's memory stays bounded, others are served, and nothing that is kept is lost."""
import json
import threading

import confluent_kafka

from harness import Cases, Server, equal, unique, wait_for
from live_support import PING, TEXT, Closed, Events, Live, call, make_frame, new_topic

cases = Cases('live_slow')
MEGABYTE = 1024  # in the kilobytes of rss_kb()
RECORD = 20_000  # bytes of a value
RECORDS = 10_000
SLOW = 'leat_live_slow_connections_total'


class Watch:
    """The most that the server's memory grows by while this lasts."""

    def __init__(self, server):
        self.server, self.before, self.most = server, server.rss_kb(), 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        while not self.stop.wait(0.05):
            self.most = max(self.most, self.server.rss_kb() - self.before)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def value(number):
    return ('%08d' % number).ljust(RECORD, 'x')


def produce(server, topic, count=RECORDS, begin=0):
    producer = confluent_kafka.Producer({'bootstrap.servers': server.address, 'linger.ms': 5, 'log_level': 0})
    for i in range(begin, begin + count):
        while True:
            try:
                producer.produce(topic, value(i))
                break
            except BufferError:
                producer.poll(0.1)
    equal(producer.flush(60), 0)


def numbers(client, count):
    """Of the next records, whose values are whole."""
    found = []
    for _ in range(count):
        event = client.event('record')
        data = getattr(event, 'data', event)['value']
        equal(len(data), RECORD)
        found.append(int(data[:8]))
    return found


@cases('200 MB pass a WebSocket and an event stream that do not read: memory stays bounded, others get all in time, and so do '
       'these when they read again')
def topic(_=None):
    with Server() as server:
        server.start()
        name = new_topic(server)
        produce(server, name, 200)  # what it needs anyway is in memory before
        slow = [Live(server, receive_buffer=16384) for _ in range(3)]
        for live in slow:
            live.ask('subscribe', topic=name)
        streams = [Events(server, topics=[name]).opened()]
        reader = Live(server)
        reader.ask('subscribe', topic=name)
        got = []
        thread = threading.Thread(target=lambda: got.extend(numbers(reader, RECORDS)), daemon=True)
        with Watch(server) as watch:
            thread.start()
            produce(server, name)
            thread.join(60)
            equal(len(got), RECORDS, 'what the one that reads got')
        equal(got == list(range(RECORDS)), True, 'in order')
        assert watch.most < 150 * MEGABYTE, 'it grew by %d kB' % watch.most
        with Watch(server) as watch:
            for client in slow[:1] + streams:
                equal(numbers(client, RECORDS) == list(range(RECORDS)), True, 'all of it, in order')
        assert watch.most < 150 * MEGABYTE, 'it grew by %d kB' % watch.most
        equal(server.metrics()[SLOW], 0, 'nobody is ended for a topic')
        for client in [*slow, *streams, reader]:
            client.abort()
        wait_for('them to be gone', lambda: server.metrics()['leat_live_websockets'] == 0)


@cases('one that does not read a channel is closed and counted, others get every message')
def channel(_=None):
    with Server() as server:
        server.start()
        name = unique('channel')
        slow, events = Live(server, receive_buffer=16384), Events(server, channels=[name], patterns=[name + '*'])
        by_pattern = Live(server, receive_buffer=16384)
        reader, other = Live(server), Live(server)
        for live in (slow, reader):
            live.ask('subscribe', channel=name)
        by_pattern.ask('subscribe', pattern=name[:-1] + '?')
        other.ask('subscribe', channel=name + '.quiet')
        wait_for('the stream to listen', lambda: other.ask('publish', channel=name, data='')['receivers'] >= 3)
        while reader.event('message')['data']:
            pass
        before = server.metrics()[SLOW]
        with Watch(server) as watch:
            sent = 0
            while server.metrics()[SLOW] - before < 3:
                assert sent < 3000, 'the slow ones were never closed'
                for _ in range(50):
                    other.ask('publish', channel=name, data=('%08d' % sent).ljust(RECORD, 'x'))
                    sent += 1
                for i in range(sent - 50, sent):
                    while not (event := reader.event('message'))['data']:
                        pass
                    equal(int(event['data'][:8]), i, 'the next one')
        assert watch.most < 60 * MEGABYTE, 'it grew by %d kB' % watch.most
        equal(server.metrics()[SLOW] - before, 3)
        for live in (slow, by_pattern):
            try:
                while True:
                    live.event('message')
            except Closed:
                pass
        while events.event('message') is not None:
            pass
        other.ask('publish', channel=name + '.quiet', data='x')
        equal(other.event('message')['data'], 'x')
        reader.leave()
        other.leave()


def flood(live, data, limit):
    """Sends the same again and again until the server reads no more, or `limit` bytes went; returns how many did."""
    sent = 0
    live.socket.settimeout(1.5)
    try:
        while sent < limit:
            sent += live.socket.send(memoryview(data)[sent % len(data):])
    except TimeoutError:
        pass
    return sent


@cases('a client that sends requests and reads no answers is not read any more, and then answered to the last')
def requests(_=None):
    with Server() as server:
        server.start()
        live = Live(server, receive_buffer=16384)
        block = b''.join(make_frame(TEXT, b'{"op":"ping","id":"%s"}' % (b'%0100d' % i)) for i in range(100))
        with Watch(server) as watch:
            sent = flood(live, block, 100 << 20)
        assert sent < 50 << 20, '%d bytes were read of one that reads no answers' % sent
        assert watch.most < 40 * MEGABYTE, 'it grew by %d kB' % watch.most
        other = Live(server)
        other.ask('ping')
        other.leave()
        live.socket.settimeout(30)
        whole = sent // len(make_frame(TEXT, b'{"op":"ping","id":"%s"}' % (b'%0100d' % 0)))
        ids = {json.loads(live.text())['id'] for _ in range(whole)}
        equal(ids == {'%0100d' % i for i in range(100)}, True, 'answers')
        live.abort()


@cases('a client that sends pings and reads no pongs costs no memory')
def pings(_=None):
    with Server() as server:
        server.start()
        live = Live(server, receive_buffer=16384)
        block = b''.join(make_frame(PING, b'x' * 125) for _ in range(500))
        with Watch(server) as watch:
            sent = flood(live, block, 150 << 20)
        assert watch.most < 40 * MEGABYTE, 'it grew by %d kB after %d bytes' % (watch.most, sent)
        other = Live(server)
        other.ask('ping')
        other.leave()
        live.abort()


@cases('a client that publishes without ids and reads errors not, and one that publishes much, cost no memory')
def errors(_=None):
    with Server() as server:
        server.start()
        live = Live(server, receive_buffer=16384)
        with Watch(server) as watch:
            flood(live, make_frame(TEXT, b'{"op":"nope"}') * 500, 30 << 20)
        assert watch.most < 40 * MEGABYTE, 'it grew by %d kB' % watch.most
        live.abort()
        name = new_topic(server)
        other = Live(server)
        block = make_frame(TEXT, json.dumps({'op': 'publish', 'topic': name, 'value': 'x' * 100_000}).encode())
        other.send(block * 20)
        wait_for('the first ones', lambda: ends(server, name) >= 20)
        before = server.rss_kb()
        other.send(block * 500)
        wait_for('all of them', lambda: ends(server, name) >= 520)
        grown = server.rss_kb() - before
        assert grown < 150 * MEGABYTE, 'it grew by %d kB' % grown
        other.leave()


def ends(server, name):
    return call(server, 'GET', '/v1/topics/%s/partitions' % name)[1]['items'][0]['end']


@cases('a queue gives one that does not read no more than its prefetch, and others the rest')
def queue(_=None):
    with Server() as server:
        server.start()
        name = unique('queue')
        equal(call(server, 'POST', '/v1/queues', {'name': name, 'settings': {'lease_ms': 3_600_000}})[0], 201)
        slow, worker = Live(server, receive_buffer=16384), Live(server)
        slow.ask('subscribe', queue=name, prefetch=20)
        for i in range(100):
            worker.say('send', queue=name, body=('%08d' % i).ljust(100_000, 'x'))
        wait_for('its share', lambda: call(server, 'GET', '/v1/queues/' + name)[1]['in_flight'] == 20)
        worker.ask('subscribe', queue=name, prefetch=10)
        found = set()
        for _ in range(80):
            event = worker.event('delivery')
            found.add(int(event['body'][:8]))
            worker.ask('acknowledge', queue=name, receipts=[event['receipt']])
        slow.abort()
        for _ in range(20):
            event = worker.event('delivery')
            found.add(int(event['body'][:8]))
            worker.ask('acknowledge', queue=name, receipts=[event['receipt']])
        equal(found == set(range(100)), True)
        worker.leave()
