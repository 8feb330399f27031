"""Restarts, clean ones and kill -9, as clients of Redis see them: data, expiry, groups and functions are as they were."""
import random
import time

import redis

from harness import Cases, equal, wait_for
from resp_support import connect, new_server, refused

cases = Cases('resp_restarts')
READERS = {'string': lambda r, k: r.get(k), 'list': lambda r, k: r.lrange(k, 0, -1), 'hash': lambda r, k: r.hgetall(k),
           'set': lambda r, k: r.smembers(k), 'zset': lambda r, k: r.zrange(k, 0, -1, withscores=True),
           'stream': lambda r, k: (r.xrange(k), r.xinfo_stream(k)['last-generated-id'])}


def everything(r):
    """Key → (type, content, when it expires)."""
    found = {}
    for key in r.scan_iter(count=1000):
        kind = r.type(key).decode()
        found[key] = (kind, READERS[kind](r, key), r.pexpiretime(key))
    return found


def fill(r, generator):
    text = lambda: generator.randbytes(generator.choice((1, 8, 60, 300)))
    for i in range(200):
        r.set('string:%d' % i, text(), **generator.choice(({}, {'ex': generator.randrange(1000, 9999)})))
        r.setbit('bits:%d' % (i % 10), generator.randrange(5000), 1)
    for i in range(20):
        size = generator.choice((1, 5, 100, 600))
        r.rpush('list:%d' % i, *(text() for _ in range(size)))
        r.hset('hash:%d' % i, mapping={text(): text() for _ in range(size)})
        r.sadd('set:%d' % i, *(generator.choice((text(), generator.randrange(10 ** 12))) for _ in range(size)))
        r.zadd('zset:%d' % i, {text(): generator.uniform(-100, 100) for _ in range(size)})
        pipe = r.pipeline(transaction=False)
        for j in range(size):
            pipe.xadd('stream:%d' % i, {'n': j, 'text': text()})
        pipe.execute()
        for kind in ('list', 'hash', 'set', 'zset', 'stream'):
            if generator.random() < 0.3:
                r.pexpire('%s:%d' % (kind, i), generator.randrange(10 ** 6, 10 ** 7))
    r.pfadd('visitors', *range(5000))
    r.geoadd('places', (13.361389, 38.115556, 'Palermo', 15.087269, 37.502669, 'Catania'))
    r.set('large', generator.randbytes(3_000_000))


def change(r, generator):
    for i in range(0, 20, 3):
        r.delete('list:%d' % i)
        r.hset('hash:%d' % i, 'changed', generator.randbytes(20))
        r.zremrangebyrank('zset:%d' % i, 0, 2)
        r.xtrim('stream:%d' % i, maxlen=50, approximate=False)
        r.persist('string:%d' % i)
    r.sadd('set:1', generator.randbytes(20))
    r.rename('set:1', 'renamed')
    r.sunionstore('union', 'set:2', 'set:3', 'renamed')


def stop(server):
    equal(server.stop(), 0, 'the exit code')


@cases('all types, expiry and several databases are the same after clean stops and after kill -9')
def data(_=None):
    generator = random.Random(3)
    with new_server() as server:
        server.start()
        clients = [connect(server.resp, decode_responses=False, db=db) for db in (0, 1, 15)]
        for r in clients:
            fill(r, generator)
        for down in (stop, type(server).kill, type(server).kill, stop):
            expected = [everything(r) for r in clients]
            down(server)
            server.start()
            for r, before in zip(clients, expected):
                r.connection_pool.disconnect()
                after = everything(r)
                equal(sorted(set(before) ^ set(after)), [], 'keys that came or went')
                equal([k for k in before if before[k] != after[k]], [], 'keys that changed')
                equal(r.pfcount('visitors') // 100 in range(48, 52), True)
                change(r, generator)
            fill(clients[0], generator)
        clients[1].flushdb()
        server.kill()
        server.start()
        equal([connect(server.resp, db=db).dbsize() > 0 for db in (0, 1, 15)], [True, False, True], 'after FLUSHDB')
        connect(server.resp).flushall()
        server.kill()
        server.start()
        equal([connect(server.resp, db=db).dbsize() for db in (0, 1, 15)], [0, 0, 0], 'after FLUSHALL')


@cases('what expires while the server is down is gone when it is up, and what had time left goes on')
def expiry(_=None):
    with new_server() as server:
        server.start()
        r = connect(server.resp)
        for down in (stop, type(server).kill):
            r.set('brief', 1, px=300)
            r.rpush('brief list', 1)
            r.pexpire('brief list', 300)
            r.set('long', 1, px=10_000_000)
            until = r.pexpiretime('long')
            down(server)
            time.sleep(0.5)  # the keys end meanwhile, by the clock
            server.start()
            r.connection_pool.disconnect()
            equal((r.exists('brief', 'brief list'), r.pexpiretime('long'), r.dbsize()), (0, until, 1))


@cases('groups, pending entries, functions; scripts are to be loaded again')
def state(_=None):
    with new_server() as server:
        server.start()
        r = connect(server.resp)
        r.xgroup_create('s', 'g', '0', mkstream=True)
        for i in range(1, 11):
            r.xadd('s', {'n': i}, id='%d-0' % i)
        r.xreadgroup('g', 'ann', {'s': '>'}, count=4)
        r.xack('s', 'g', '2-0')
        r.xclaim('s', 'g', 'bob', 0, ['3-0'])
        r.xdel('s', '10-0')
        r.function_load("#!lua name=kept\nredis.register_function('twice', function(k, a) return a[1] * 2 end)")
        sha = r.script_load('return 1')
        for down in (stop, type(server).kill):
            down(server)
            server.start()
            r.connection_pool.disconnect()
            (group,) = r.xinfo_groups('s')
            equal([group[field] for field in ('name', 'consumers', 'pending', 'last-delivered-id')], ['g', 2, 3, '4-0'])
            equal([(p['message_id'], p['consumer']) for p in r.xpending_range('s', 'g', '-', '+', 10)],
                  [('1-0', 'ann'), ('3-0', 'bob'), ('4-0', 'ann')])
            equal(r.fcall('twice', 0, 21), 42)
            refused('No matching script', r.evalsha, sha, 0)
        refused('The ID specified in XADD is equal or smaller', r.xadd, 's', {'n': 1}, id='10-0')
        equal(r.xreadgroup('g', 'ann', {'s': '>'}, count=1), [['s', [('5-0', {'n': '5'})]]])


@cases('clients of a pool go on after a restart, and so does a subscription')
def clients(_=None):
    with new_server() as server:
        server.start()
        r = connect(server.resp)
        p = r.pubsub(ignore_subscribe_messages=True)
        p.subscribe('news')
        r.set('k', 'kept')
        for down in (stop, type(server).kill):
            down(server)
            try:
                r.get('k')
                raise AssertionError('there is no server')
            except redis.ConnectionError:
                pass
            server.start()
            equal(r.get('k'), 'kept')

            def subscribed():
                try:
                    p.get_message(timeout=0.05)
                except redis.ConnectionError:
                    return False
                return r.publish('news', 'again') == 1

            wait_for('the subscription', subscribed)
            wait_for('the message', lambda: (p.get_message(timeout=0.1) or {}).get('data') == 'again')
        p.close()
