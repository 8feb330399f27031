#!/usr/bin/python3
"""python3-redis' helpers of every data type against a server: suite_redis_py_types.py ADDRESS"""
import datetime
import random
import sys
import time

from harness import Cases, equal, unique, wait_for
from resp_support import connect, refused

cases = Cases('redis_py_types')


def near(actual, expected, what, within=1e-4):
    if abs(actual - expected) > within:
        raise AssertionError('%s: got %r, expected %r' % (what, actual, expected))


@cases('strings: options of SET, ranges, numbers, many at once')
def strings(r):
    k = unique('string')
    equal((r.set(k, 'one'), r.get(k), r.get(k + '-none')), (True, 'one', None))
    equal((r.set(k, 'two', nx=True), r.set(k + '-none', 'x', xx=True), r.exists(k + '-none')), (None, None, 0))
    equal((r.set(k, 'two', get=True), r.set(k, 'three', xx=True), r.get(k)), ('one', True, 'three'))
    equal((r.append(k, '-four'), r.strlen(k), r.getrange(k, 1, -6)), (10, 10, 'hree'))
    equal((r.setrange(k, 6, 'FO'), r.get(k), r.setrange(k + 'pad', 3, 'x'), r.get(k + 'pad')),
          (10, 'three-FOur', 4, '\0\0\0x'))
    equal((r.getset(k, 'five'), r.getdel(k), r.getdel(k)), ('three-FOur', 'five', None))
    equal((r.incr(k), r.incr(k, 41), r.decr(k, 2), r.incrbyfloat(k, 0.5), r.get(k)), (1, 42, 40, 40.5, '40.5'))
    refused('value is not an integer or out of range', r.incr, k)
    r.set(k, 2 ** 63 - 1)
    refused('increment or decrement would overflow', r.incr, k)
    values = {k + str(i): str(i) for i in range(5)}
    equal((r.mset(values), r.mget([*values, k + 'none'])), (True, [*values.values(), None]))
    equal((r.msetnx({k + '4': 'x', k + '5': 'x'}), r.get(k + '5')), (False, None))
    equal((r.setnx(k + '5', 'y'), r.setnx(k + '5', 'z'), r.get(k + '5')), (True, False, 'y'))
    r.mset({k + 'a': 'ohmytext', k + 'b': 'mynewtext'})
    equal(r.lcs(k + 'a', k + 'b'), 'mytext')
    equal(r.lcs(k + 'a', k + 'b', len=True), 6)


@cases('strings: expiry by SET, GETEX and SETEX, and what keeps it')
def string_expiry(r):
    k = unique('expiring')
    r.set(k, 'x', ex=100)
    equal(0 < r.ttl(k) <= 100, True, 'ttl')
    r.set(k, 'y', keepttl=True)
    equal(0 < r.pttl(k) <= 100_000, True, 'pttl')
    r.set(k, 'z')
    equal((r.ttl(k), r.ttl(k + 'none')), (-1, -2))
    equal((r.getex(k, px=5000), 0 < r.pttl(k) <= 5000, r.getex(k, persist=True), r.ttl(k)), ('z', True, 'z', -1))
    until = int(time.time()) + 1000
    r.set(k, 'z', exat=until)
    equal((r.expiretime(k), r.pexpiretime(k)), (until, until * 1000))
    r.setex(k, datetime.timedelta(minutes=1), 'a minute')
    equal((50 < r.ttl(k) <= 60, r.get(k)), (True, 'a minute'))
    r.psetex(k, 30, 'brief')
    wait_for('the end of a key', lambda: r.get(k) is None, 10, 0.01)
    refused("invalid expire time in 'set' command", r.set, k, 'x', ex=0)


@cases('bits: positions, operations, counts, bitfields with overflow')
def bits(r):
    k = unique('bits')
    equal([r.setbit(k, 7, 1), r.setbit(k, 7, 1), r.setbit(k, 100, 1)], [0, 1, 0])
    equal((r.getbit(k, 100), r.getbit(k, 99), r.bitcount(k), r.bitcount(k, 0, 0), r.strlen(k)), (1, 0, 2, 1, 13))
    equal((r.bitpos(k, 1), r.bitpos(k, 1, 1), r.bitpos(k, 0)), (7, 100, 0))
    equal((r.bitcount(k, 100, 100, 'BIT'), r.bitpos(k, 1, 8, -1, 'BIT')), (1, 100))
    raw = connect(r.address, decode_responses=False)
    raw.mset({k + 'a': b'\xf0\x0f', k + 'b': b'\xff'})
    results = {}
    for operation in ('AND', 'OR', 'XOR'):
        equal(raw.bitop(operation, k + 'to', k + 'a', k + 'b'), 2)
        results[operation] = raw.get(k + 'to')
    equal(results, {'AND': b'\xf0\x00', 'OR': b'\xff\x0f', 'XOR': b'\x0f\x0f'})
    equal((raw.bitop('NOT', k + 'to', k + 'b'), raw.get(k + 'to')), (1, b'\x00'))
    field = r.bitfield(k + 'field').set('u8', '#0', 200).incrby('u8', '#0', 100).get('i8', 0)
    equal(field.execute(), [0, 44, 44], 'wrapping')
    equal(r.bitfield(k + 'field', 'SAT').incrby('u8', 0, 250).execute(), [255], 'saturation')
    equal(r.bitfield(k + 'field', 'FAIL').incrby('u8', 0, 1).execute(), [None], 'failure')
    refused('bit offset is not an integer or out of range', r.setbit, k, 2 ** 32, 1)


@cases('hashes: fields, numbers, random fields, scans')
def hashes(r):
    k = unique('hash')
    equal((r.hset(k, 'a', 1), r.hset(k, mapping={'a': 2, 'b': 3, 'c': 4}), r.hset(k, 'b', 5)), (1, 2, 0))
    equal((r.hgetall(k), r.hlen(k), r.hget(k, 'a'), r.hget(k, 'z')), ({'a': '2', 'b': '5', 'c': '4'}, 3, '2', None))
    equal((r.hmget(k, 'a', 'z', 'c'), r.hmget(k, ['b'])), (['2', None, '4'], ['5']))
    equal((sorted(r.hkeys(k)), sorted(r.hvals(k)), r.hexists(k, 'a'), r.hexists(k, 'z')),
          (['a', 'b', 'c'], ['2', '4', '5'], True, False))
    equal((r.hincrby(k, 'a', 40), r.hincrbyfloat(k, 'a', 0.25), r.hstrlen(k, 'a')), (42, 42.25, 5))
    refused('hash value is not an integer', r.hincrby, k, 'a', 1)
    equal((r.hsetnx(k, 'a', 'x'), r.hsetnx(k, 'd', 'x'), r.hdel(k, 'd', 'a', 'z')), (0, 1, 2))
    equal((set(r.hrandfield(k, 5)), len(r.hrandfield(k, -7))), ({'b', 'c'}, 7))
    pairs = r.hrandfield(k, 2, withvalues=True)
    equal(dict(zip(pairs[::2], pairs[1::2])), {'b': '5', 'c': '4'})
    many = {'field-%d' % i: 'value-%d' % i for i in range(2000)}
    r.hset(k + 'many', mapping=many)
    equal(dict(r.hscan_iter(k + 'many', count=50)), many)
    equal(dict(r.hscan_iter(k + 'many', match='field-1*5')),
          {f: v for f, v in many.items() if f.startswith('field-1') and f.endswith('5')})
    equal((r.hdel(k, 'b', 'c'), r.exists(k)), (2, 0), 'an empty hash is gone')


@cases('lists: both ends, positions, moves, trims')
def lists(r):
    k = unique('list')
    equal((r.rpush(k, 'a', 'b', 'c'), r.lpush(k, 'z', 'y'), r.lrange(k, 0, -1)), (3, 5, ['y', 'z', 'a', 'b', 'c']))
    equal((r.lpop(k), r.rpop(k), r.lpop(k, 2), r.llen(k), r.lpop(k + 'none'), r.lpop(k + 'none', 3)),
          ('y', 'c', ['z', 'a'], 1, None, None))
    equal((r.lpushx(k + 'none', 'x'), r.rpushx(k, 'x'), r.linsert(k, 'BEFORE', 'x', 'w'), r.linsert(k, 'AFTER', '?', 'w')),
          (0, 2, 3, -1))
    equal((r.lindex(k, 1), r.lindex(k, -1), r.lindex(k, 9), r.lset(k, 0, 'B'), r.lrange(k, 0, -1)),
          ('w', 'x', None, True, ['B', 'w', 'x']))
    refused('index out of range', r.lset, k, 9, 'x')
    refused('no such key', r.lset, k + 'none', 0, 'x')
    r.delete(k)
    r.rpush(k, *'abcabcab')
    equal((r.lpos(k, 'b'), r.lpos(k, 'b', rank=-1), r.lpos(k, 'b', count=0), r.lpos(k, '?')), (1, 7, [1, 4, 7], None))
    equal((r.lrem(k, 2, 'a'), r.lrem(k, -1, 'b'), r.lrange(k, 0, -1)), (2, 1, ['b', 'c', 'b', 'c', 'a']))
    equal((r.ltrim(k, 1, 3), r.lrange(k, 0, -1)), (True, ['c', 'b', 'c']))
    equal((r.lmove(k, k + 'to', 'LEFT', 'RIGHT'), r.rpoplpush(k, k + 'to'), r.lrange(k + 'to', 0, -1)),
          ('c', 'c', ['c', 'c']))
    equal(r.lmpop(2, k + 'none', k, direction='LEFT', count=5), [k, ['b']])
    equal((r.exists(k), r.lmpop(1, k, direction='RIGHT')), (0, None))
    values = ['%d-%s' % (i, 'x' * (i % 300)) for i in range(5000)]
    r.rpush(k, *values)
    equal(r.lrange(k, 0, -1), values)
    equal(r.lrange(k, 2500, 2510), values[2500:2511])


@cases('sets: members, algebra, random ones, moves')
def sets(r):
    a, b, c = unique('set'), unique('set'), unique('set')
    equal((r.sadd(a, 1, 2, 3, 4), r.sadd(a, 4, 5), r.sadd(b, 3, 4, 'x'), r.scard(a)), (4, 1, 3, 5))
    equal((r.sinter(a, b), r.sunion(a, b), r.sdiff(a, b)),
          ({'3', '4'}, {'1', '2', '3', '4', '5', 'x'}, {'1', '2', '5'}))
    equal((r.sinterstore(c, a, b), r.smembers(c), r.sunionstore(c, a, b), r.scard(c), r.sdiffstore(c, b, a), r.smembers(c)),
          (2, {'3', '4'}, 6, 6, 1, {'x'}))
    equal((r.sintercard(2, [a, b]), r.sintercard(2, [a, b], limit=1)), (2, 1))
    equal((r.sismember(a, 1), r.sismember(a, 'x'), r.smismember(a, 1, 'x', 5)), (1, 0, [1, 0, 1]))
    equal((r.smove(a, b, 1), r.smove(a, b, 1), r.sismember(b, 1)), (True, False, 1))
    equal((set(r.srandmember(a, 10)) == r.smembers(a), len(r.srandmember(a, -10)), r.srandmember(c)), (True, 10, 'x'))
    popped = set(r.spop(a, 2)) | {r.spop(a)}
    equal((len(popped), r.smembers(a) | popped, r.scard(a)), (3, {'2', '3', '4', '5'}, 1))
    equal((r.srem(b, 'x', 'y', 3), r.smembers(b)), (2, {'1', '4'}))
    r.sadd(c, *range(3000))
    equal(set(r.sscan_iter(c)), {'x'} | {str(i) for i in range(3000)})
    equal(set(r.sscan_iter(c, match='299?')), {str(i) for i in range(2990, 3000)})


@cases('sorted sets: scores, ranks, options of ZADD')
def sorted_sets(r):
    k = unique('zset')
    equal((r.zadd(k, {'a': 1, 'b': 2.5, 'c': 3}), r.zadd(k, {'a': 9, 'd': 4}, nx=True), r.zscore(k, 'a')), (3, 1, 1.0))
    equal((r.zadd(k, {'a': 5, 'new': 1}, xx=True, ch=True), r.zadd(k, {'a': 4}, gt=True, ch=True),
           r.zadd(k, {'a': 4}, lt=True, ch=True)), (1, 0, 1))
    equal((r.zadd(k, {'a': 2}, incr=True), r.zincrby(k, -5.5, 'a'), r.zmscore(k, ['a', 'none'])), (6.0, 0.5, [0.5, None]))
    equal(r.zrange(k, 0, -1, withscores=True), [('a', 0.5), ('b', 2.5), ('c', 3.0), ('d', 4.0)])
    equal((r.zrevrange(k, 0, 1), r.zrange(k, 0, 1, desc=True, withscores=True)), (['d', 'c'], [('d', 4.0), ('c', 3.0)]))
    equal((r.zrank(k, 'c'), r.zrevrank(k, 'c'), r.zrank(k, '?'), r.zcard(k)), (2, 1, None, 4))
    equal((r.zcount(k, '(0.5', 3), r.zcount(k, '-inf', '+inf')), (2, 4))
    equal((r.zrangebyscore(k, '(0.5', '+inf', start=1, num=2), r.zrevrangebyscore(k, 3, 1, withscores=True)),
          (['c', 'd'], [('c', 3.0), ('b', 2.5)]))
    equal(r.zrange(k, 1, 3, byscore=True, offset=0, num=1), ['b'])
    equal((r.zpopmin(k), r.zpopmax(k, 2), r.zrange(k, 0, -1)), ([('a', 0.5)], [('d', 4.0), ('c', 3.0)], ['b']))
    r.zadd(k, {'inf': float('inf'), 'less': float('-inf'), 'exact': 0.1 + 0.2})
    equal(r.zrange(k, 0, -1, withscores=True),
          [('less', float('-inf')), ('exact', 0.1 + 0.2), ('b', 2.5), ('inf', float('inf'))])
    refused('value is not a valid float', r.zadd, k, {'x': 'x'})
    equal((r.zrem(k, 'b', '?'), r.zremrangebyscore(k, '-inf', 1), r.zremrangebyrank(k, 0, -1), r.exists(k)), (1, 2, 1, 0))


@cases('sorted sets: lexical ranges, unions and the like, random members, pops of several keys')
def sorted_set_algebra(r):
    k = unique('zset')
    a, b, to = k + 'a', k + 'b', k + 'to'
    r.zadd(k, {word: 0 for word in ('alpha', 'bravo', 'charlie', 'delta', 'echo')})
    equal((r.zrangebylex(k, '[b', '(d'), r.zlexcount(k, '-', '+'), r.zrevrangebylex(k, '+', '[d')),
          (['bravo', 'charlie'], 5, ['echo', 'delta']))
    equal((r.zremrangebylex(k, '-', '(c'), r.zrange(k, 0, -1)), (2, ['charlie', 'delta', 'echo']))
    r.zadd(a, {'x': 1, 'y': 2, 'z': 3})
    r.zadd(b, {'y': 10, 'z': 20, 'w': 30})
    equal((r.zunionstore(to, [a, b]), r.zrange(to, 0, -1, withscores=True)),
          (4, [('x', 1.0), ('y', 12.0), ('z', 23.0), ('w', 30.0)]))
    equal((r.zinterstore(to, {a: 2, b: 0.5}, aggregate='MAX'), r.zrange(to, 0, -1, withscores=True)),
          (2, [('y', 5.0), ('z', 10.0)]))
    equal((r.zdiff([a, b], withscores=True), r.zdiffstore(to, [b, a]), r.zrange(to, 0, -1)), (['x', '1'], 1, ['w']))
    equal((r.zunion([a, b], aggregate='MIN', withscores=True), r.zinter([a, b])),
          ([('x', 1.0), ('y', 2.0), ('z', 3.0), ('w', 30.0)], ['y', 'z']))
    equal((r.zintercard(2, [a, b]), r.zintercard(2, [a, b], limit=1)), (2, 1))
    equal((r.zrangestore(to, a, 1, 2), r.zrange(to, 0, -1)), (2, ['y', 'z']))
    equal(({r.zrandmember(a)} <= {'x', 'y', 'z'}, sorted(r.zrandmember(a, 9)), len(r.zrandmember(a, -9))),
          (True, ['x', 'y', 'z'], 9))
    equal(r.zmpop(2, [k + 'none', a], max=True, count=2), [a, [['z', '3'], ['y', '2']]])


@cases('sorted sets: a leaderboard of 3,000 members keeps its order under random changes')
def leaderboard(r):
    k, generator, model = unique('board'), random.Random(5), {}
    for _ in range(30):
        pipe = r.pipeline(transaction=False)
        for _ in range(200):
            member = 'player-%d' % generator.randrange(3000)
            if generator.random() < 0.15:
                pipe.zrem(k, member)
                model.pop(member, None)
            else:
                points = generator.randrange(-50, 100)
                pipe.zincrby(k, points, member)
                model[member] = model.get(member, 0) + points
        pipe.execute()
    expected = sorted(((score, member) for member, score in model.items()))
    equal([(s, m) for m, s in r.zrange(k, 0, -1, withscores=True)], expected)
    for rank in generator.sample(range(len(expected)), 30):
        equal(r.zrank(k, expected[rank][1]), rank)
    equal(dict(r.zscan_iter(k)), model)
    low, high = 10, 60
    equal(r.zcount(k, low, high), sum(low <= s <= high for s, _ in expected))


@cases('HyperLogLog: counts near enough, merges')
def hyperloglog(r):
    a, b, to = unique('hll'), unique('hll'), unique('hll')
    equal((r.pfadd(a, 'x', 'y', 'z'), r.pfadd(a, 'x'), r.pfcount(a)), (1, 0, 3))
    for start, key in ((0, a), (10_000, b)):
        for at in range(start, start + 20_000, 1000):
            r.pfadd(key, *('user-%d' % i for i in range(at, at + 1000)))
    for count, expected in ((r.pfcount(a), 20_003), (r.pfcount(b), 20_000), (r.pfcount(a, b), 30_003)):
        near(count, expected, 'estimate', expected * 0.03)
    r.pfmerge(to, a, b)
    equal(r.pfcount(to), r.pfcount(a, b))
    r.set(a, 'not one')
    refused('WRONGTYPE Key is not a valid HyperLogLog string value.', r.pfadd, a, 'x')


@cases('geo: distances, positions, hashes and searches')
def geo(r):
    k = unique('geo')
    equal(r.geoadd(k, (13.361389, 38.115556, 'Palermo', 15.087269, 37.502669, 'Catania')), 2)
    equal(r.geoadd(k, (2.349014, 48.864716, 'Paris'), nx=True), 1)
    near(r.geodist(k, 'Palermo', 'Catania'), 166274.1516, 'm')
    near(r.geodist(k, 'Palermo', 'Catania', 'km'), 166.2742, 'km')
    equal((r.geodist(k, 'Palermo', 'Atlantis'), r.geohash(k, 'Palermo', 'Catania')), (None, ['sqc8b49rny0', 'sqdtr74hyu0']))
    (longitude, latitude), missing = r.geopos(k, 'Palermo', 'Atlantis')
    near(longitude, 13.361389, 'longitude')
    near(latitude, 38.115556, 'latitude')
    equal(missing, None)
    equal(r.geosearch(k, longitude=15, latitude=37, radius=200, unit='km', sort='ASC'), ['Catania', 'Palermo'])
    found = r.geosearch(k, member='Palermo', radius=200, unit='km', withdist=True, sort='DESC')
    equal([name for name, _ in found], ['Catania', 'Palermo'])
    near(found[0][1], 166.2742, 'distance')
    equal(r.geosearch(k, longitude=15, latitude=37, width=400, height=400, unit='km', sort='ASC', count=1), ['Catania'])
    equal((r.geosearchstore(k + 'to', k, longitude=15, latitude=37, radius=200, unit='km', storedist=True),
           [m for m, _ in r.zrange(k + 'to', 0, -1, withscores=True)]), (2, ['Catania', 'Palermo']))
    equal(r.georadius(k, 15, 37, 200, 'km', sort='ASC'), ['Catania', 'Palermo'])
    equal(sorted(r.georadiusbymember(k, 'Palermo', 200, 'km')), ['Catania', 'Palermo'])
    refused('could not decode requested zset member', r.geosearch, k, member='Atlantis', radius=1, unit='km')


@cases('keys: types, renames, copies, dumps, touches, unlinks')
def keys(r):
    k = unique('key')
    r.set(k, 'x', ex=1000)
    r.rpush(k + 'list', 1)
    equal((r.type(k), r.type(k + 'list'), r.type(k + 'none')), ('string', 'list', 'none'))
    equal((r.exists(k, k, k + 'none'), r.touch(k, k + 'none'), k in r, k + 'none' in r), (2, 1, True, False))
    equal((r.copy(k, k + 'copy'), r.copy(k, k + 'copy'), r.copy(k + 'list', k + 'copy', replace=True), r.type(k + 'copy')),
          (True, False, True, 'list'))
    equal((r.rename(k, k + 'b'), 0 < r.ttl(k + 'b') <= 1000, r.renamenx(k + 'b', k + 'list'), r.exists(k)),
          (True, True, False, 0))
    refused('no such key', r.rename, k, k + 'c')
    equal((r.persist(k + 'b'), r.persist(k + 'b'), r.ttl(k + 'b')), (True, False, -1))
    equal((r.expire(k + 'b', 100), r.expire(k + 'b', 200, nx=True), r.expire(k + 'b', 50, gt=True),
           r.expire(k + 'b', 50, lt=True)), (True, False, False, True))
    equal((r.expireat(k + 'b', datetime.datetime.now() - datetime.timedelta(hours=1)), r.exists(k + 'b')), (True, 0))
    raw = connect(r.address, decode_responses=False)
    for name, make in (('hash', lambda n: raw.hset(n, mapping={'a': 1, 'b': 'x' * 100})),
                       ('zset', lambda n: raw.zadd(n, {'m%d' % i: i / 3 for i in range(300)})),
                       ('set', lambda n: raw.sadd(n, *range(700))),
                       ('list', lambda n: raw.rpush(n, *(b'\xff%d' % i for i in range(1000)))),
                       ('string', lambda n: raw.set(n, bytes(range(256)) * 50))):
        source, to = k + name, k + name + 'restored'
        raw.delete(source)
        make(source)
        equal(raw.restore(to, 0, raw.dump(source)), b'OK')
        read = {'hash': raw.hgetall, 'zset': lambda n: raw.zrange(n, 0, -1, withscores=True), 'set': raw.smembers,
                'list': lambda n: raw.lrange(n, 0, -1), 'string': raw.get}[name]
        equal(read(to) == read(source), True, 'a restored ' + name)
        refused('BUSYKEY Target key name already exists.', raw.restore, to, 0, raw.dump(source))
    damaged = bytearray(raw.dump(k + 'string'))
    damaged[10] ^= 1
    refused('DUMP payload version or checksum are wrong', raw.restore, k + 'd', 0, bytes(damaged))
    equal((r.unlink(k + 'list', k + 'none'), r.delete(k + 'copy')), (1, 1))


@cases('keys: scans with patterns and types find each, also while others are written')
def scans(r):
    k = unique('scan')
    pipe = r.pipeline(transaction=False)
    for i in range(2000):
        pipe.set('%s:s:%d' % (k, i), i)
    for i in range(50):
        pipe.sadd('%s:set:%d' % (k, i), i)
    pipe.execute()
    found = set()
    for number, name in enumerate(r.scan_iter(match=k + ':s:*', count=20)):
        found.add(name)
        if number % 10 == 0:
            r.set('%s:other:%d' % (k, number), 'x')
    equal(found, {'%s:s:%d' % (k, i) for i in range(2000)})
    equal(set(r.scan_iter(match=k + '*', _type='set')), {'%s:set:%d' % (k, i) for i in range(50)})
    equal(set(r.keys(k + ':s:199[0-4]')), {'%s:s:%d' % (k, i) for i in range(1990, 1995)})
    equal((r.keys(k + ':nothing*'), isinstance(r.randomkey(), str)), ([], True))
    equal((r.object('encoding', k + ':s:1'), r.object('refcount', k + ':set:1'), r.object('idletime', k + ':set:1') < 3600),
          ('int', 1, True))


@cases('sorts by numbers, letters, weights and fields')
def sorts(r):
    k = unique('sort')
    r.rpush(k, 3, 1, 10, 2)
    equal((r.sort(k), r.sort(k, alpha=True, desc=True), r.sort(k, start=1, num=2)),
          (['1', '2', '3', '10'], ['3', '2', '10', '1'], ['2', '3']))
    for i in (1, 2, 3, 10):
        r.set('%sweight-%d' % (k, i), -i)
        r.hset('%sobject-%d' % (k, i), 'name', 'n%d' % i)
    equal(r.sort(k, by=k + 'weight-*', get=['#', k + 'object-*->name'], groups=True),
          [('10', 'n10'), ('3', 'n3'), ('2', 'n2'), ('1', 'n1')])
    equal((r.sort(k, store=k + 'to', desc=True), r.lrange(k + 'to', 0, -1), r.sort_ro(k)),
          (4, ['10', '3', '2', '1'], ['1', '2', '3', '10']))
    r.rpush(k, 'word')
    refused('One or more scores can\'t be converted into double', r.sort, k)


@cases('a command on a key of another type is refused, and changes nothing')
def wrong_type(r):
    k = unique('wrong')
    r.rpush(k, 'x')
    calls = [lambda: r.get(k), lambda: r.incr(k), lambda: r.hset(k, 'a', 1), lambda: r.sadd(k, 1),
             lambda: r.zadd(k, {'a': 1}), lambda: r.xadd(k, {'a': 1}), lambda: r.setbit(k, 1, 1), lambda: r.append(k, 'x'),
             lambda: r.hgetall(k), lambda: r.smembers(k), lambda: r.zrange(k, 0, -1), lambda: r.geodist(k, 'a', 'b')]
    for call in calls:
        refused('WRONGTYPE Operation against a key holding the wrong kind of value', call)
    equal(r.lrange(k, 0, -1), ['x'])
    refused("unknown command 'NOSUCH'", r.execute_command, 'NOSUCH', 'x')
    refused("wrong number of arguments for 'get' command", r.execute_command, 'GET')


def main():
    client = connect(sys.argv[1])
    client.address = sys.argv[1]
    sys.exit(1 if cases.run(client) else 0)


if __name__ == '__main__':
    main()
