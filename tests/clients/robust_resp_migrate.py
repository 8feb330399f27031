"""MIGRATE: keys go from leat to Debian's redis-server, back, and from leat to leat, with all types and times to live; clients
work on other keys and on the same ones meanwhile."""
import os
import shutil
import threading

import redis

from harness import Cases, Server, Skip, equal, wait_for
from resp_support import PEER, Peer, connect, in_threads, refused

cases = Cases('resp_migrate')
TYPES = ('string', 'binary', 'number', 'list', 'set', 'ints', 'hash', 'zset', 'stream', 'big')


class Redis(Peer):
    """Debian's redis-server as the other side."""

    def __init__(self, *options):
        super().__init__(*options)
        self.program = PEER or shutil.which('redis-server')
        if not self.program:
            raise Skip('there is no redis-server')

    def command(self):
        self.data.mkdir(exist_ok=True)
        return [self.program, '--port', str(self.resp_port), '--dir', str(self.data), '--save', '', '--daemonize',
                'no'] + self.options


def leat(*options, **more):
    return Server(*options, resp=True, **more)


def fill(r):
    r.set('string', 'text')
    r.set('binary', b'\x00\r\n\xff' * 50)
    r.set('number', 12345, px=600_000)
    r.rpush('list', *range(300))
    r.sadd('set', *('m%d' % i for i in range(400)))
    r.sadd('ints', *range(100))
    r.hset('hash', mapping={'f%d' % i: 'v%d' % i for i in range(700)})
    r.zadd('zset', {'m%d' % i: i / 3 for i in range(300)})
    for i in range(50):
        r.xadd('stream', {'field': i})
    r.xgroup_create('stream', 'group', '0')
    r.xreadgroup('group', 'consumer', {'stream': '>'}, count=7)
    r.set('big', os.urandom(5_000_000))
    r.expire('hash', 600)


def seen(r):
    """What a client sees of all keys."""
    return {'string': r.get('string'), 'binary': r.get('binary'), 'number': r.get('number'), 'list': r.lrange('list', 0, -1),
            'set': r.smembers('set'), 'ints': r.smembers('ints'), 'hash': r.hgetall('hash'),
            'zset': r.zrange('zset', 0, -1, withscores=True), 'stream': r.xrange('stream'),
            'group': r.xpending('stream', 'group'), 'big': r.get('big')}


def move(source, target, *keys, database=0, timeout=5000, options=()):
    host, port = target.resp.rsplit(':', 1)
    words = [host, port, keys[0] if len(keys) == 1 else '', database, timeout, *options]
    r = source if isinstance(source, redis.Redis) else connect(source.resp)
    return r.execute_command('MIGRATE', *words, *(('KEYS', *keys) if len(keys) != 1 else ()))


def answers(r):
    try:
        return r.ping()
    except redis.ConnectionError:
        return False


def all_types(source, target):
    with source, target:
        source.start()
        target.start()
        here, there = (connect(each.resp, decode_responses=False) for each in (source, target))
        fill(here)
        before = seen(here)
        equal(move(source, target, 'string', database=3), 'OK')
        equal((here.exists('string'), there.dbsize()), (0, 0), 'it went to another database')
        equal(connect(target.resp, db=3).get('string'), 'text')
        connect(target.resp, db=3).move('string', 0)
        equal(move(source, target, *TYPES[1:], 'missing'), 'OK')
        equal((here.dbsize(), there.dbsize()), (0, len(TYPES)))
        equal(seen(there) == before, True, 'the values are the same')
        equal([590_000 < there.pttl(key) <= 600_000 for key in ('number', 'hash')], [True, True], 'times to live')
        equal(there.pttl('list'), -1)

        equal(move(source, target, *TYPES), 'NOKEY')
        here.set('string', 'newer')
        refused('Target instance replied with error: BUSYKEY', move, source, target, 'string')
        equal(here.get('string'), b'newer')
        equal(move(source, target, 'string', options=('COPY', 'REPLACE')), 'OK')
        equal((here.get('string'), there.get('string')), (b'newer', b'newer'))
        refused('Target instance replied with error: ERR DB index', move, source, target, 'string', database=4000)
        equal(here.get('string'), b'newer', 'a key stays when its database is not there')


@cases('all types go from leat to redis-server')
def to_redis(_=None):
    all_types(leat(), Redis())


@cases('all types go from redis-server to leat')
def from_redis(_=None):
    all_types(Redis(), leat())


@cases('all types go from leat to leat')
def to_leat(_=None):
    all_types(leat(), leat())


@cases('passwords and users of the other side are used, and refusals are told')
def passwords(_=None):
    for target in (Redis('--requirepass', 'secret'), leat(environment={'LEAT_RESP_PASSWORD': 'secret'})):
        with leat() as source, target:
            source.start()
            if isinstance(target, Redis):
                target.spawn()
            else:
                target.start()
            there = connect(target.resp, password='secret')
            wait_for('the target', lambda: answers(there))
            there.acl_setuser('mover', enabled=True, passwords=['+moving'], commands=['+restore', '+select'], keys=['*'])
            here = connect(source.resp)
            here.mset({'a': 1, 'b': 2})
            refused('Target instance replied with error: NOAUTH', move, source, target, 'a')
            refused('Target instance replied with error: WRONGPASS', move, source, target, 'a', options=('AUTH', 'wrong'))
            equal(here.exists('a', 'b'), 2)
            equal(move(source, target, 'a', options=('AUTH', 'secret')), 'OK')
            equal(move(source, target, 'b', options=('AUTH2', 'mover', 'moving')), 'OK')
            equal((here.dbsize(), there.mget('a', 'b')), (0, ['1', '2']))
            text = str(here.slowlog_get(100)) + source.log.read_text()
            equal([word in text for word in ('secret', 'moving')], [False, False], 'passwords stay unseen')


@cases('nobody there: an error in time, others are served meanwhile, and the key stays')
def nobody(_=None):
    with leat() as source:
        source.start()
        here = connect(source.resp)
        here.set('a', 1)
        refused('IOERR error or timeout writing', here.migrate, '127.0.0.1', 1, 'a', 0, 1000)
        # An address for documentation, which nobody has: packets are lost, or there is no way at all.
        waiting = threading.Thread(target=lambda: refused('IOERR error or timeout', connect(source.resp).migrate,
                                                          '192.0.2.1', 6379, 'a', 0, 2000))
        waiting.start()
        for i in range(200):
            here.incr('counter')
        waiting.join(60)
        equal((waiting.is_alive(), here.get('a'), here.get('counter')), (False, '1', '200'))
        equal(source.stop(), 0)


@cases('keys that change while they move are on both sides or told of, and no increment is lost')
def changing(_=None):
    with leat() as source, leat() as target:
        source.start()
        target.start()
        here, there = connect(source.resp), connect(target.resp)
        names = ['count%d' % i for i in range(20)]
        here.mset({name: 0 for name in names})
        stop = threading.Event()
        told = []

        def work(number):
            if number == 0:  # moves all there is, again and again
                for _ in range(60):
                    try:
                        move(source, target, *names, options=('REPLACE',))
                    except redis.ResponseError as error:
                        told.append(str(error))
                    # What went is brought back, unless it is here again meanwhile.
                    for name in names:
                        try:
                            move(target, source, name)
                        except redis.ResponseError as error:
                            equal('BUSYKEY' in str(error), True, str(error))
                            there.delete(name)
                stop.set()
                return {}
            r, done = connect(source.resp), dict.fromkeys(names, 0)
            while not stop.is_set():
                for name in names:
                    # Only what is here is counted up: a key that is away is away.
                    if r.eval('if redis.call("exists",KEYS[1])==0 then return 0 end redis.call("incr",KEYS[1]) return 1', 1, name):
                        done[name] += 1
            return done

        counts = in_threads(4, work)
        expected = {name: sum(each[name] for each in counts[1:]) for name in names}
        equal({name: int(here.get(name) or -1) for name in names}, expected, 'increments')
        equal(all('changed while they were sent' in each for each in told), True, str(told[:3]))


@cases('migrated keys are gone for good: a kill -9 of both sides brings none back and loses none')
def restarts(_=None):
    with leat('--resp.durability', 'commit') as source, leat('--resp.durability', 'commit') as target:
        source.start()
        target.start()
        here = connect(source.resp)
        here.mset({'k%d' % i: i for i in range(500)})
        equal(move(source, target, *('k%d' % i for i in range(400))), 'OK')
        source.kill()
        target.kill()
        source.start()
        target.start()
        equal((connect(source.resp).dbsize(), connect(target.resp).dbsize()), (100, 400))
