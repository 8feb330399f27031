"""Commands that wait: on connections of their own, in order, while another connection pushes."""
from . import pools

WAITERS = ('wait1', 'wait2', 'wait3')
FOREVER = [b'0', b'0', b'100', b'99.5']


def waiting_on_list(g):
    key, other, forever = pools.key(g, 'list'), pools.key(g, 'list'), g.pick(FOREVER)
    ends = [b'LEFT', b'RIGHT']
    return g.pick([
        [b'BLPOP', key, forever], [b'BRPOP', key, forever], [b'BLPOP', key, other, forever], [b'BRPOP', other, key, forever],
        [b'BLMOVE', key, other, g.pick(ends), g.pick(ends), forever], [b'BRPOPLPUSH', key, other, forever],
        [b'BLMPOP', forever, b'2', key, other, g.pick(ends)], [b'BLMPOP', forever, b'1', key, g.pick(ends), b'COUNT', b'2']])


def pushing_to_list(g):
    key = pools.key(g, 'list')
    return g.pick([
        [b'RPUSH', key, pools.member(g)], [b'LPUSH', key, pools.member(g), pools.member(g)], [b'RPUSH', key, b'a', b'b', b'c'],
        [b'LINSERT', key, b'BEFORE', b'a', b'x'], [b'RENAME', pools.key(g, 'list'), key], [b'SADD', key, b'm'], [b'DEL', key],
        [b'LMOVE', pools.key(g, 'list'), key, b'LEFT', b'LEFT'], [b'COPY', pools.key(g, 'list'), key],
        [b'EVAL', b'redis.call("RPUSH",KEYS[1],"a") redis.call("RPUSH",KEYS[1],"b") return redis.call("LLEN",KEYS[1])', b'1', key]])


# Redis 7.0 forgets those who wait when a stored result takes the place of a value of another type: these do not meet.
def storing_to_list(g):
    key = pools.key(g, 'list')
    return g.pick([
        [b'RPUSH', key, pools.member(g)], [b'RPUSH', key, b'a', b'b', b'c'], [b'DEL', key],
        [b'SORT', pools.key(g, 'list'), b'ALPHA', b'STORE', key]])


def waiting_on_zset(g):
    key, other, forever = pools.key(g, 'zset'), pools.key(g, 'zset'), g.pick(FOREVER)
    return g.pick([
        [b'BZPOPMIN', key, forever], [b'BZPOPMAX', key, other, forever], [b'BZMPOP', forever, b'1', key, b'MIN'],
        [b'BZMPOP', forever, b'2', key, other, b'MAX', b'COUNT', b'2']])


def pushing_to_zset(g):
    key = pools.key(g, 'zset')
    return g.pick([
        [b'ZADD', key, b'1', pools.member(g)], [b'ZADD', key, b'2', b'a', b'1', b'b', b'3', b'c'], [b'ZINCRBY', key, b'1', b'm'],
        [b'GEOADD', key, b'13', b'38', b'x'], [b'DEL', key], [b'RENAME', pools.key(g, 'zset'), key], [b'RPUSH', key, b'x']])


def storing_to_zset(g):
    key = pools.key(g, 'zset')
    return g.pick([
        [b'ZADD', key, b'1', pools.member(g)], [b'ZADD', key, b'2', b'a', b'1', b'b', b'3', b'c'], [b'DEL', key],
        [b'ZUNIONSTORE', key, b'1', pools.key(g, 'zset')], [b'ZRANGESTORE', key, pools.key(g, 'zset'), b'0', b'-1']])


def waiting_on_stream(g):
    key, other = pools.key(g, 'stream'), pools.key(g, 'stream')
    block = [b'BLOCK', g.pick([b'0', b'100000'])]
    return g.pick([
        [b'XREAD'] + block + [b'STREAMS', key, b'$'], [b'XREAD', b'COUNT', b'1'] + block + [b'STREAMS', key, other, b'$', b'$'],
        [b'XREADGROUP', b'GROUP', b'g1', b'c1'] + block + [b'STREAMS', key, b'>'],
        [b'XREADGROUP', b'GROUP', b'g1', b'c2', b'COUNT', b'1'] + block + [b'NOACK', b'STREAMS', key, b'>']])


def pushing_to_stream(g):
    key = pools.key(g, 'stream')
    return g.pick([
        [b'XADD', key, b'%d-*' % (pools.STREAM_MS + 100 + g.next_serial()), b'f', b'v'],
        [b'XADD', key, b'%d-*' % (pools.STREAM_MS + 100 + g.next_serial()), b'f', b'w'],
        [b'DEL', key], [b'XGROUP', b'DESTROY', key, b'g1'], [b'SET', key, b'x'], [b'RENAME', pools.key(g, 'stream'), key]])


KINDS = [(waiting_on_list, pushing_to_list), (waiting_on_list, storing_to_list), (waiting_on_zset, pushing_to_zset),
         (waiting_on_zset, storing_to_zset), (waiting_on_stream, pushing_to_stream)]
SHORT = [lambda g: [b'BLPOP', b'empty', b'0.01'], lambda g: [b'BRPOP', b'empty', b'empty2', b'0.01'],
         lambda g: [b'BLMOVE', b'empty', b'empty2', b'LEFT', b'LEFT', b'0.01'], lambda g: [b'BZPOPMIN', b'empty', b'0.01'],
         lambda g: [b'BZPOPMAX', b'empty', b'0.01'], lambda g: [b'BLMPOP', b'0.01', b'1', b'empty', b'LEFT'],
         lambda g: [b'BZMPOP', b'0.01', b'1', b'empty', b'MAX'], lambda g: [b'BRPOPLPUSH', b'empty', b'empty2', b'0.01'],
         lambda g: [b'XREAD', b'BLOCK', b'10', b'STREAMS', b'empty', b'$'],
         lambda g: [b'BLPOP', b'empty', b'-1'], lambda g: [b'BLPOP', b'empty', b'nan'], lambda g: [b'BZPOPMIN', b'empty', b'1e20'],
         lambda g: [b'BLMPOP', b'0.01', b'0', b'empty', b'LEFT'], lambda g: [b'XREAD', b'BLOCK', b'-1', b'STREAMS', b'e', b'$']]


class Blocking:
    name = 'blocking'

    def generate(self, g):
        if g.chance(0.03):
            g.step('await', 'wait1', g.pick(SHORT)(g))
            return
        waiting, pushing = g.pick(KINDS)
        waiters = WAITERS[:g.between(1, 3)]
        for waiter in waiters:
            g.open(waiter)
            if waiting is waiting_on_stream:
                for number in range(g.key_count):
                    g.command(b'XGROUP', b'CREATE', b'x%d' % number, b'g1', b'$', b'MKSTREAM')
            g.step('block', waiter, waiting(g))
        in_transaction = g.chance(0.2)
        if in_transaction:
            g.command(b'MULTI')
        for _ in range(g.between(1, 4)):
            g.command(*pushing(g))
            if not in_transaction:
                g.step('collect', 0)
        if in_transaction:
            g.command(b'EXEC')
            g.step('collect', 0)
        g.step('release', 0, g.pick([b'TIMEOUT', b'ERROR', None]))


FAMILIES = [Blocking()]
