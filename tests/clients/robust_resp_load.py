"""Many and hostile clients of Redis, and memory at its limit: the server stays bounded, and others are served meanwhile."""
import random
import socket
import threading
import time

import redis

from harness import Cases, equal, wait_for
from resp_support import connect, in_threads, new_server, refused
from robust_connections import allow_files

cases = Cases('resp_load')
IDLE = 10_000
LIMIT = 64 << 20


def raw(server, seconds=60):
    return socket.create_connection(('127.0.0.1', server.resp_port), seconds)


def exactly(connection, count):
    data = bytearray()
    while len(data) < count:
        part = connection.recv(min(1 << 20, count - len(data)))
        if not part:
            raise AssertionError('the server closed the connection')
        data += part
    return bytes(data)


@cases('10,000 idle connections cost little, the next one is told that there are too many, and those that are there are served')
def idle(_=None):
    allow_files(IDLE + 1000)
    with new_server('--resp.max-connections', str(IDLE + 2)) as server:
        server.start()
        r = connect(server.resp)
        equal(r.set('k', 'v'), True)
        before = server.rss_kb()
        connections = []
        for _ in range(IDLE):
            connection = raw(server)
            connection.sendall(b'PING\r\n')
            connections.append(connection)
        for connection in connections:
            equal(exactly(connection, 7), b'+PONG\r\n')
        cost = (server.rss_kb() - before) / IDLE
        equal(cost < 16, True, '%.1f KiB a connection' % cost)
        connections.append(raw(server))  # the last that may come
        connections[-1].sendall(b'PING\r\n')
        equal(exactly(connections[-1], 7), b'+PONG\r\n')
        equal(exactly(raw(server), 36), b'-ERR max number of clients reached\r\n'[:36])
        for i in range(2000):
            r.incr('counter')
        for connection in random.sample(connections, 100):
            connection.sendall(b'GET counter\r\n')
            equal(exactly(connection, 10), b'$4\r\n2000\r\n')
        for connection in connections:
            connection.close()
        wait_for('the ends of all', lambda: int(r.info('clients')['connected_clients']) == 1)


@cases('a pipeline whose replies nobody takes is read no further than memory allows, and goes on when they are taken')
def pipelines(_=None):
    with new_server() as server:
        server.start()
        r = connect(server.resp)
        r.set('large', 'x' * 10_000)
        before = server.rss_kb()
        greedy = raw(server)
        count = 100_000
        sender = threading.Thread(target=lambda: greedy.sendall(b'GET large\r\n' * count), daemon=True)
        sender.start()
        for i in range(2000):
            equal(r.incr('counter'), i + 1)
        grown = server.rss_kb() - before
        equal(grown < 192 * 1024, True, '%d KiB for a gigabyte of replies' % grown)
        reply = b'$10000\r\n' + b'x' * 10_000 + b'\r\n'
        for _ in range(count // 1000):
            equal(exactly(greedy, 1000 * len(reply)) == reply * 1000, True)
        sender.join(30)
        greedy.sendall(b'SET done 1\r\n' * 200_000)
        equal(exactly(greedy, 5 * 200_000) == b'+OK\r\n' * 200_000, True)


def write_all_kinds(server, number, until):
    r = connect(server.resp, decode_responses=False)
    generator = random.Random(number)
    while time.monotonic() < until:
        pipe = r.pipeline(transaction=False)
        for _ in range(50):
            name, data = generator.randrange(10 ** 6), generator.randbytes(generator.choice((10, 100, 1000, 20_000)))
            generator.choice((lambda: pipe.set('s%d' % name, data), lambda: pipe.hset('h%d' % (name % 5000), data[:20], data),
                              lambda: pipe.rpush('l%d' % (name % 5000), data), lambda: pipe.zadd('z%d' % name, {data: 1}),
                              lambda: pipe.set('e%d' % name, data, ex=1000), lambda: pipe.get('s%d' % name)))()
        pipe.execute(raise_on_error=False)


@cases('the memory limit holds under writes of all kinds, with clients that take nothing: data goes, the server does not grow')
def memory(_=None):
    for policy in ('allkeys-lru', 'allkeys-lfu', 'volatile-ttl'):
        with new_server('--resp.max-memory-bytes', str(LIMIT), '--resp.eviction', policy) as server:
            server.start()
            r = connect(server.resp)
            r.set('large', 'x' * 1_000_000)
            lazy = [raw(server) for _ in range(5)]
            for connection in lazy:
                connection.sendall(b'SUBSCRIBE news\r\n' if connection is lazy[0] else b'GET large\r\n' * 20)
            most = [0]
            until = time.monotonic() + 4

            def watch():
                while time.monotonic() < until:
                    most[0] = max(most[0], int(r.info('memory')['used_memory']))
                    r.publish('news', 'y' * 10_000)

            in_threads(4, lambda number: watch() if number == 0 else write_all_kinds(server, number, until))
            equal(most[0] < 1.05 * LIMIT, True, '%s: %d bytes at most, the limit is %d' % (policy, most[0], LIMIT))
            equal(most[0] > 0.8 * LIMIT, True, '%s: %d bytes at most, the limit is %d' % (policy, most[0], LIMIT))
            equal(int(r.info('stats')['evicted_keys']) > 100, True)
            rss = server.rss_kb() * 1024
            equal(rss < 2.5 * LIMIT, True, '%s: %d bytes resident' % (policy, rss))
            print('    %s: at most %.1f %% of the limit, %d MiB resident' % (policy, 100 * most[0] / LIMIT, rss >> 20))


@cases('without eviction, writes at the limit are refused, and reads and deletes go on')
def full(_=None):
    with new_server('--resp.max-memory-bytes', str(LIMIT)) as server:
        server.start()
        r = connect(server.resp)
        written = 0
        try:
            while written < 1000:
                r.set('k%d' % written, 'x' * 100_000)
                written += 1
            raise AssertionError('no end')
        except redis.ResponseError as error:
            equal(str(error).startswith(('OOM', 'command not allowed when used memory')), True, str(error))
        equal(r.strlen('k0'), 100_000)
        equal(r.delete(*('k%d' % i for i in range(20))), 20)
        wait_for('room', lambda: r.set('again', 'x' * 1000))
        refused('', lambda: [r.rpush('l', 'x' * 1_000_000) for _ in range(100)])
        equal(int(r.info('memory')['used_memory']) < 1.05 * LIMIT, True)
