"""Many connections, hostile ones, and one that never reads: the server stays healthy and the others are served."""
import random
import resource
import socket
import struct
import threading

from confluent_kafka import Producer

from harness import Cases, Server, equal
from robust_stop import produce, read_all

cases = Cases('connections')
MEGABYTE = 1024  # in the kilobytes of rss_kb()


def allow_files(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))


def request(api_key, version, body=b'', correlation=1, client=b'suite'):
    header = struct.pack('>hhih', api_key, version, correlation, len(client)) + client
    return struct.pack('>i', len(header + body)) + header + body


API_VERSIONS = request(18, 0)


def connect(server, seconds=30):
    return socket.create_connection(('127.0.0.1', server.kafka_port), seconds)


def receive(connection):
    """One answer, without its length."""
    def exactly(count):
        data = b''
        while len(data) < count:
            part = connection.recv(count - len(data))
            if not part:
                raise AssertionError('the server closed the connection')
            data += part
        return data
    return exactly(struct.unpack('>i', exactly(4))[0])


def fetch(topic, offset, max_bytes, correlation):
    name = topic.encode()
    body = struct.pack('>iiiib', -1, 500, 1, max_bytes, 0) + struct.pack('>ih', 1, len(name)) + name
    return request(1, 4, body + struct.pack('>iiqi', 1, 0, offset, max_bytes), correlation)


@cases('1,000 idle connections stay and cost little, others are served')
def idle(_=None):
    allow_files(4096)
    with Server() as server:
        server.start()
        before = server.rss_kb()
        connections = [connect(server) for _ in range(1000)]
        try:
            for connection in connections[:500]:
                connection.sendall(API_VERSIONS)
            for connection in connections[:500]:
                receive(connection)
            values = [b'%d' % i for i in range(2000)]
            equal(produce(server.address, 'busy', values), values)
            equal([m.value() for m in read_all(server.address, 'busy')], values)
            for connection in connections:
                connection.sendall(API_VERSIONS)
            for connection in connections:
                equal(receive(connection)[:4], struct.pack('>i', 1), 'correlation id')
            grown = server.rss_kb() - before
            assert grown < 100 * MEGABYTE, 'it grew by %d KB' % grown
        finally:
            for connection in connections:
                connection.close()


def garbage(generator):
    """One of several kinds of what a broken or hostile client sends."""
    noise = generator.randbytes(generator.randrange(1, 2000))
    kinds = (
        noise,
        struct.pack('>i', len(noise)) + noise,
        struct.pack('>i', -1) + noise,
        struct.pack('>i', 0x7fffffff) + noise,
        struct.pack('>i', 0),
        struct.pack('>i', 100 << 20) + noise,
        b'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
        b'\x16\x03\x01' + noise,
        request(generator.randrange(0, 80), generator.randrange(0, 20), noise),
        request(generator.randrange(0, 80), generator.randrange(0, 20), noise[:generator.randrange(len(noise))])[:-3],
        request(3, 4, struct.pack('>i', 0x7fffffff)),
        request(1, 4, struct.pack('>iiiib', -1, 0, 0, 1 << 30, 0) + struct.pack('>i', 0x40000000)),
        request(0, 7, struct.pack('>hhii', -1, -1, 1000, 0x7fffffff)),
        API_VERSIONS[:5],
    )
    return generator.choice(kinds)


@cases('200 clients that send garbage do not disturb a good one')
def hostile(_=None):
    allow_files(4096)
    with Server() as server:
        server.start()
        produce(server.address, 'good', [b'warm'])
        before = server.rss_kb()

        def attack(seed):
            generator = random.Random(seed)
            for _ in range(15):
                try:
                    with connect(server, 5) as connection:
                        connection.settimeout(0.05)
                        for _ in range(generator.randrange(1, 5)):
                            connection.sendall(garbage(generator))
                        connection.recv(65536)
                except OSError:
                    continue

        attackers = [threading.Thread(target=attack, args=(seed,)) for seed in range(200)]
        for attacker in attackers:
            attacker.start()
        values = [b'%d' % i for i in range(3000)]
        equal(produce(server.address, 'good', values, linger_ms=0), values, 'acknowledged during the attack')
        for attacker in attackers:
            attacker.join()
        equal([m.value() for m in read_all(server.address, 'good')], [b'warm'] + values)
        equal(server.ready(), True, 'ready')
        assert server.process.poll() is None, 'the server ended'
        grown = server.rss_kb() - before
        assert grown < 200 * MEGABYTE, 'it grew by %d KB' % grown
        topics = set(Producer({'bootstrap.servers': server.address}).list_topics(timeout=30).topics)
        equal({t for t in topics if not t.startswith('__')}, {'good'}, 'topics after the attack')


@cases('requests whose rest never comes do not keep the memory for requests from others')
def unfinished(_=None):
    with Server('--memory.requests-bytes', str(32 << 20)) as server:
        server.start()
        produce(server.address, 'good', [b'warm'])
        start = struct.pack('>ihhi', 4 << 20, 0, 9, 1)
        stuck = [connect(server) for _ in range(24)]
        try:
            for connection in stuck:
                connection.sendall(start)
            values = [b'%d' % i for i in range(500)]
            equal(produce(server.address, 'good', values), values, 'acknowledged')
            listener = 'kafka=127.0.0.1:%d' % server.kafka_port
            assert server.metrics()['leat_kafka_stuck_connections_total{listener="%s"}' % listener] > 0
        finally:
            for connection in stuck:
                connection.close()


@cases('clients that never read their fetches do not fill the memory')
def never_reads(_=None):
    with Server() as server:
        server.start()
        value = random.Random(1).randbytes(100_000)
        equal(len(produce(server.address, 'wide', [value] * 1500, compression_type='none')), 1500, 'acknowledged')
        before = server.rss_kb()
        connections = []
        try:
            for _ in range(20):
                connection = connect(server)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connection.setblocking(False)
                connections.append(connection)
                for number in range(200):
                    try:
                        connection.send(fetch('wide', number, 50 << 20, number))
                    except BlockingIOError:
                        break
            values = [b'%d' % i for i in range(2000)]
            equal(produce(server.address, 'beside', values), values)
            equal([m.value() for m in read_all(server.address, 'beside')], values)
            equal(len(read_all(server.address, 'wide')), 1500, 'records that a good client reads')
            grown = server.rss_kb() - before
            assert grown < 300 * MEGABYTE, 'it grew by %d KB for clients that do not read' % grown
        finally:
            for connection in connections:
                connection.close()
        equal(server.ready(), True, 'ready')


@cases('a request of 90 MB is taken or refused, and a hundred unfinished ones do not fill the memory')
def unfinished(_=None):
    with Server() as server:
        server.start()
        produce(server.address, 'x', [b'1'])
        before = server.rss_kb()
        connections = []
        try:
            for _ in range(100):
                connection = connect(server)
                connections.append(connection)
                connection.settimeout(0.2)
                try:
                    connection.sendall(struct.pack('>ihhih', 90 << 20, 0, 7, 1, -1) + b'\0' * 100_000)
                except OSError:
                    continue
            equal(server.ready(), True, 'ready')
            grown = server.rss_kb() - before
            assert grown < 400 * MEGABYTE, 'it grew by %d KB for requests that never end' % grown
        finally:
            for connection in connections:
                connection.close()
        equal(produce(server.address, 'x', [b'2']), [b'2'])
