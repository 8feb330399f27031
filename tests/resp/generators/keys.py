"""Commands on keys of any type: expiry, names, databases, SORT, SCAN, DUMP."""
from . import pools
from .family import PatternFamily

keys = PatternFamily('keys', '''
3 DEL { <key> }
1 UNLINK { <key> }
2 EXISTS { <key> }
1 TOUCH { <key> }
3 TYPE <key>
2 RENAME <key> <key>
1 RENAMENX <key> <key>
3 COPY <key> <key> [ DB <db> ] [ REPLACE ]
3 ( EXPIRE <key> <s> | PEXPIRE <key> <ms> | EXPIREAT <key> <at_s> | PEXPIREAT <key> <at_ms> ) [ ( NX | XX | GT | LT | XX GT | NX XX | FOO ) ]
1 PERSIST <key>
2 ( TTL | PTTL | EXPIRETIME | PEXPIRETIME ) <key>
2 OBJECT ( ENCODING | REFCOUNT | IDLETIME | FREQ ) <key>
1 KEYS <pattern>
0.5 RANDOMKEY
0.5 DBSIZE
0.5 MEMORY USAGE <key> [ SAMPLES <count> ]
0.5 RESTORE <key> <ms> <junk> [ REPLACE ]
0.3 RESTORE-ASKING <key> 0 <junk>
0.5 DUMP <key>
1 MGET { <key> }
''')

databases = PatternFamily('databases', '''
4 SELECT <db>
2 MOVE <key> <db>
1 SWAPDB <db> <db>
2 COPY <key> <key> DB <db> [ REPLACE ]
0.2 FLUSHDB [ ( ASYNC | SYNC | FOO ) ]
0.1 FLUSHALL [ ( ASYNC | SYNC ) ]
2 DBSIZE
1 KEYS *
3 SET <string> <value>
2 EXISTS { <key> }
1 INFO keyspace
''')

# Ties of an ALPHA order by other keys are in no order, so what they would decide is not asked; nor is what the order of a set
# would decide: no other command writes to the keys n0 and n1.
SORTS = PatternFamily('sorts', '''
3 ( SORT | SORT_RO ) ( <list> | <set> | <zset> ) ALPHA [ LIMIT <index> <index> ] [ ( ASC | DESC ) ] { GET <sort_get> }*
2 ( SORT | SORT_RO ) ( <list> | <set> | <zset> ) [ LIMIT <index> <index> ] [ ( ASC | DESC ) ] { GET <sort_get> }*
2 SORT ( <list> | <set> | <zset> ) BY <sort_by> [ LIMIT <index> <index> ] [ ( ASC | DESC ) ] { GET <sort_get> }*
1 SORT <ordered> BY nosort [ LIMIT <index> <index> ] [ ( ASC | DESC ) ] { GET <sort_get> }*
2 SORT ( <list> | <set> | <zset> ) [ ALPHA ] [ LIMIT <index> <index> ] [ ( ASC | DESC ) ] { GET <sort_get> }* STORE <list>
1 SORT <set> BY <sort_by> ALPHA
0.5 SORT <set> BY nosort
1 RPUSH n0 { <member> }
1 ZADD n1 { <score> <member> }
0.2 LTRIM n0 -10 -1
0.5 SORT <key> ( LIMIT 1 | BY | FOO | GET | STORE )
0.3 SORT_RO <list> ALPHA STORE <list>
1 RPUSH <list> { <small:9> }
1 SADD <set> { <small:9> }
1 SET <string> <small:5>
1 HSET <hash> f1 <small:5>
''')


class Sort:
    """Redis refuses a SORT by numbers after any earlier command that met a number out of range, until the next that reads a
    number cleanly (it looks at an errno that it did not reset), so such a command stands before each."""
    name = 'sort'
    command = SORTS.command

    def generate(self, g):
        g.command(b'GEOSEARCH', b'missing', b'FROMLONLAT', b'0', b'0', b'BYRADIUS', b'1', b'm')
        SORTS.generate(g)


class Scans:
    """Whole scans: each server has its own cursors, and all that they return is compared."""
    name = 'scans'

    def generate(self, g):
        options = []
        if g.chance(0.4):
            options += [b'MATCH', pools.pattern(g)]
        if g.chance(0.4):
            options += [b'COUNT', g.pick([b'1', b'10', b'100', b'1000', b'0', b'x'])]
        roll = g.rand()
        if roll < 0.35:
            if g.chance(0.3):
                options += [b'TYPE', g.pick([b'string', b'hash', b'list', b'set', b'zset', b'stream', b'foo'])]
            g.step('scan', 0, [b'SCAN', None] + options)
        elif roll < 0.95:
            name, kind = g.pick([(b'HSCAN', 'hash'), (b'SSCAN', 'set'), (b'ZSCAN', 'zset')])
            g.step('scan', 0, [name, pools.key(g, kind), None] + options)
        else:
            g.command(*g.pick([[b'SCAN', b'x'], [b'SSCAN', pools.key(g, 'set'), b'-1x'], [b'SCAN'], [b'SCAN', b'0', b'MATCH'],
                               [b'HSCAN', b'missing', b'0'], [b'ZSCAN', pools.key(g, 'zset'), b'0', b'FOO', b'1']]))


class Dumps:
    """What one server dumps, the other restores."""
    name = 'dumps'

    def generate(self, g):
        options = g.pick([[], [], [b'REPLACE'], [b'REPLACE', b'ABSTTL'], [b'REPLACE', b'IDLETIME', b'10'],
                          [b'REPLACE', b'FREQ', b'7'], [b'FOO']])
        ttl = b'4000000000000' if b'ABSTTL' in options else g.pick([b'0', b'0', b'5000000', b'-1'])
        g.step('dump', 0, [pools.key(g), ttl] + options)


class Expiry:
    """Keys that expire while nobody looks at them, and then commands that must see them gone."""
    name = 'expiry'
    MAKERS = [
        lambda k, t: [[b'SET', k, b'v', b'PX', t]],
        lambda k, t: [[b'PSETEX', k, t, b'v']],
        lambda k, t: [[b'SET', k, b'v'], [b'GETEX', k, b'PX', t]],
        lambda k, t: [[b'RPUSH', k, b'a', b'b'], [b'PEXPIRE', k, t]],
        lambda k, t: [[b'HSET', k, b'f', b'v'], [b'PEXPIRE', k, t]],
        lambda k, t: [[b'SADD', k, b'm'], [b'PEXPIRE', k, t, b'NX']],
        lambda k, t: [[b'ZADD', k, b'1', b'm'], [b'EXPIRE', k, b'10000'], [b'PEXPIRE', k, t, b'LT']],
        lambda k, t: [[b'XADD', k, b'5-1', b'f', b'v'], [b'PEXPIRE', k, t]],
        lambda k, t: [[b'SET', k, b'v', b'EX', b'100'], [b'COPY', k, b'e:copy', b'REPLACE'], [b'PEXPIRE', k, t]],
    ]
    READERS = [
        lambda k: [b'GET', k], lambda k: [b'EXISTS', k], lambda k: [b'TYPE', k], lambda k: [b'PTTL', k], lambda k: [b'TTL', k],
        lambda k: [b'OBJECT', b'ENCODING', k], lambda k: [b'RENAME', k, b'e:renamed'], lambda k: [b'COPY', k, b'e:copy2'],
        lambda k: [b'INCR', k], lambda k: [b'APPEND', k, b'x'], lambda k: [b'RPUSHX', k, b'x'], lambda k: [b'SETNX', k, b'new'],
        lambda k: [b'SUNIONSTORE', b'e:union', k, b'missing'], lambda k: [b'PERSIST', k], lambda k: [b'EXPIRE', k, b'1000'],
        lambda k: [b'HINCRBY', k, b'f', b'1'], lambda k: [b'LPUSH', k, b'x'], lambda k: [b'SADD', k, b'x'], lambda k: [b'DEL', k],
        lambda k: [b'XLEN', k], lambda k: [b'SET', k, b'again', b'KEEPTTL'], lambda k: [b'GETSET', k, b'x'], lambda k: [b'DUMP', k],
        lambda k: [b'ZADD', k, b'XX', b'1', b'm'], lambda k: [b'SORT', k], lambda k: [b'TOUCH', k], lambda k: [b'MOVE', k, b'9'],
        lambda k: [b'STRLEN', k], lambda k: [b'EXPIRETIME', k], lambda k: [b'SCARD', k], lambda k: [b'HGETALL', k],
    ]

    def generate(self, g):
        names = [b'e%d' % i for i in range(g.between(2, 6))]
        steps = []

        def add(*arguments):
            steps.append(('command', 0, list(arguments)))
        watched = g.chance(0.3)
        add(b'DEL', *names)
        for name in names:
            commands = g.pick(self.MAKERS)(name, b'%d' % g.between(1, 5))
            if watched and name == names[0]:
                commands.insert(len(commands) - 1, [b'WATCH', name])
            for command in commands:
                add(*command)
        steps.append(('wait', 0, 0.02))
        if watched:
            add(b'MULTI')
            add(b'PING')
            add(b'EXEC')
        for name in names:
            for _ in range(g.between(1, 3)):
                add(*g.pick(self.READERS)(name))
        add(b'DEL', *names)
        add(b'KEYS', b'e*')
        if not g.quiet:
            g.step('group', 0, steps)


FAMILIES = [keys, databases, Sort(), Scans(), Dumps(), Expiry()]
PATTERN_FAMILIES = [keys, databases]
