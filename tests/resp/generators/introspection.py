"""Commands about the server, its clients and its commands."""
from . import pools
from .family import PatternFamily

PARAMETERS = (b'maxmemory maxmemory-policy hash-max-listpack-entries hash-max-listpack-value list-max-listpack-size set-max-intset-entries '
              b'zset-max-listpack-entries zset-max-listpack-value notify-keyspace-events databases appendonly lazyfree-lazy-expire '
              b'proto-max-bulk-len stream-node-max-entries timeout slowlog-log-slower-than slowlog-max-len lfu-log-factor '
              b'hll-sparse-max-bytes hash-max-ziplist-entries maxclients tcp-keepalive latency-monitor-threshold requirepass').split()
COMMANDS = [[b'GET', b'k'], [b'MSET', b'a', b'1', b'b', b'2'], [b'EVAL', b'return 1', b'2', b'a', b'b', b'c'], [b'SORT', b'a', b'STORE', b'b'],
            [b'ZUNIONSTORE', b'd', b'2', b'a', b'b', b'WEIGHTS', b'1', b'2'], [b'XREAD', b'COUNT', b'1', b'STREAMS', b'a', b'b', b'0', b'0'],
            [b'XREADGROUP', b'GROUP', b'g', b'c', b'STREAMS', b'a', b'>'], [b'GEORADIUS', b'a', b'1', b'2', b'3', b'km', b'STORE', b'b'],
            [b'PING'], [b'MGET'], [b'NOSUCH'], [b'OBJECT', b'ENCODING', b'k'], [b'SET', b'k', b'v', b'GET'], [b'BITFIELD', b'k', b'GET', b'u8', b'0'],
            [b'LMPOP', b'2', b'a', b'b', b'LEFT'], [b'BLPOP', b'a', b'b', b'0'], [b'MIGRATE', b'h', b'1', b'', b'0', b'5', b'KEYS', b'a', b'b'],
            [b'COPY', b'a', b'b'], [b'RENAME', b'a', b'b'], [b'FCALL', b'f', b'1', b'a'], [b'SINTERCARD', b'x', b'a'], [b'MEMORY', b'USAGE', b'k']]


def parameter(g):
    return g.pick(PARAMETERS) if g.chance(0.9) else g.pick([b'nosuch', b'HASH-max-listpack-entries', b'hash-max-*-entries'])


def of_command(g):
    return g.pick(COMMANDS)


SLOTS = {'parameter': parameter, 'command': of_command}
pools.SLOTS.update(SLOTS)

introspection = PatternFamily('introspection', '''
2 CONFIG GET <parameter>
1 CONFIG GET <parameter> <parameter>
1 CONFIG SET ( maxmemory | slowlog-max-len | timeout | nosuch | databases | maxmemory-policy ) ( 0 | 1000000000 | x | -5 | 1gb )
2 COMMAND GETKEYS <command>
1 COMMAND GETKEYSANDFLAGS <command>
1 COMMAND LIST FILTERBY ( ACLCAT ( read | hash | nosuch ) | PATTERN ( x* | *get | nosuch ) | MODULE foo | FOO x )
0.3 COMMAND INFO { ( get | GET | config | config|get | xgroup|create | nosuch | config|nosuch ) }
0.2 ( COMMAND FOO | COMMAND GETKEYS )
1 CLIENT GETNAME
1 CLIENT SETNAME ( name1 | name2 )
0.2 CLIENT SETNAME <value>
0.3 CLIENT ( ID | INFO | LIST | LIST ID 99999999 | LIST TYPE pubsub | LIST TYPE nosuch | LIST FOO )
0.3 CLIENT ( KILL ID 99999999 | KILL ADDR 127.0.0.1:1 | KILL 1.1.1.1:1 | KILL FOO bar | NO-EVICT ON | NO-EVICT OFF | NO-EVICT x | UNBLOCK 99999999 | UNPAUSE | GETREDIR | TRACKINGINFO | CACHING YES | FOO )
0.3 ACL ( WHOAMI | USERS | CAT | CAT string | CAT nosuch | LIST | GETUSER default | GETUSER nosuch | DELUSER nosuch | GENPASS | GENPASS 5 | GENPASS x | LOG | LOG RESET | DRYRUN default GET x | DRYRUN nosuch GET x | FOO )
0.2 SLOWLOG ( LEN | RESET | FOO | GET x )
0.2 LATENCY ( LATEST | RESET | RESET foo | HISTORY foo | GRAPH foo | FOO )
0.3 MEMORY ( USAGE nosuch | DOCTOR | PURGE | FOO )
0.3 ( ROLE | LASTSAVE | TIME | DBSIZE | WAIT 0 0 | WAIT x 0 | PING | PING <value> | ECHO <value> | PING a b | LOLWUT | INFO | INFO server clients | INFO nosuch )
0.3 ( OBJECT | COMMAND | CONFIG | CLIENT | MEMORY | SLOWLOG | LATENCY | SCRIPT | FUNCTION | PUBSUB | XINFO | XGROUP | ACL ) HELP
0.3 ( HELLO | HELLO 4 | HELLO x | HELLO 2 FOO | AUTH x | AUTH nobody x | HELLO 3 AUTH nobody x )
0.2 MIGRATE 127.0.0.1 1 missing 0 100
0.2 MIGRATE 127.0.0.1 1 ( s0 | l0 | h0 ) 0 100 ( COPY | REPLACE | COPY REPLACE | AUTH pw | AUTH2 user pw | AUTH | FOO | KEYS s0 )
0.1 MIGRATE 127.0.0.1 1 ( s0 | missing ) ( 0 | x ) ( -1 | 0 | 100 | x )
0.2 ( nosuch | NOSUCH a b <value> )
0.2 DEBUG ( JMAP | SLEEP 0 )
''')
introspection.command = introspection.patterns.make  # an accident here could pause or end a server


class Names:
    """COMMAND INFO of every command that the peer has."""
    name = 'names'
    all_names = ()

    def generate(self, g):
        g.command(b'COMMAND', b'INFO', g.pick(self.all_names) if self.all_names else b'get')


class Users:
    """ACL users, on connections of their own."""
    name = 'users'
    RULES = [b'on', b'off', b'nopass', b'>secret', b'<secret', b'resetpass', b'~*', b'~s*', b'%R~h*', b'%W~l*', b'allkeys', b'resetkeys', b'&*',
             b'&ch*', b'resetchannels', b'+@all', b'-@all', b'+get', b'+set', b'-@write', b'+@read', b'+@hash', b'-debug', b'+config|get',
             b'-client|kill', b'allcommands', b'nocommands', b'reset', b'+nosuch', b'bogus', b'(+get ~x*)', b'clearselectors', b'%X~a',
             b'#' + b'5' * 64, b'>', b'-@nosuch']
    TRIED = [[b'GET', b's0'], [b'SET', b's1', b'x'], [b'HGETALL', b'h0'], [b'LPUSH', b'l0', b'a'], [b'ACL', b'WHOAMI'], [b'CONFIG', b'GET', b'maxmemory'],
             [b'PUBLISH', b'ch1', b'x'], [b'DEL', b'h1'], [b'COPY', b's0', b'h5'], [b'MULTI'], [b'EXEC'], [b'EVAL', b'return redis.call("GET", KEYS[1])', b'1', b's0'],
             [b'PING'], [b'SORT', b'l0', b'GET', b's*'], [b'MGET', b's0', b'h0']]

    def generate(self, g):
        user = g.pick([b'alice', b'bob'])
        roll = g.rand()
        if roll < 0.5:
            g.command(b'ACL', b'SETUSER', user, *[g.pick(self.RULES) for _ in range(g.between(0, 5))])
            g.command(b'ACL', b'GETUSER', user)
        elif roll < 0.6:
            g.command(b'ACL', b'SETUSER', user, b'on', b'>secret', *g.pick([[b'~*', b'+@all'], [b'~s*', b'+@read'], [b'+@string', b'~*']]))
        elif roll < 0.7:
            g.command(b'ACL', *g.pick([[b'LIST'], [b'USERS'], [b'DELUSER', user], [b'DRYRUN', user, b'GET', b's1'], [b'DRYRUN', user, b'SET', b'h1', b'x']]))
        else:
            session = [[b'AUTH', user, g.pick([b'secret', b'secret', b'wrong'])]]
            session += [g.pick(self.TRIED) for _ in range(g.between(1, 6))]
            g.step('session', 'fresh', session)


class Server:
    """What is asked once or twice in a run: it takes long, or writes files."""
    name = 'server'
    COMMANDS = ('COMMAND|COMMAND COUNT|COMMAND DOCS GET|COMMAND DOCS|COMMAND LIST|CONFIG RESETSTAT|CONFIG GET *|LATENCY DOCTOR|LATENCY HISTOGRAM|'
                'LATENCY HISTOGRAM get|MEMORY STATS|MEMORY MALLOC-STATS|MEMORY DOCTOR|MODULE LIST|MODULE HELP|MODULE FOO|REPLICAOF NO ONE|'
                'SLAVEOF NO ONE|COMMAND HELP|SLOWLOG GET|SLOWLOG GET 1|SLOWLOG GET -1|PFSELFTEST|INFO all|INFO everything|SAVE|LASTSAVE|WAIT 0 0').split('|')

    def generate(self, g):
        g.command('CONFIG', 'SET', 'latency-monitor-threshold', '1')
        for line in self.COMMANDS:
            g.command(*line.split())
        g.command('LATENCY', 'GRAPH', 'command')
        g.command('BGSAVE')
        g.step('wait', 0, 0.3)
        g.command('BGREWRITEAOF')
        g.step('wait', 0, 0.3)
        g.step('batch', 'monitor', [[b'MONITOR']])
        for command in ([b'SET', b's1', b'a"b\\\x00\n'], [b'GET', b's1'], [b'SELECT', b'3'], [b'PING'], [b'EVAL', b'return redis.call("GET", "x")', b'0'],
                        [b'MULTI'], [b'INCR', b's2'], [b'EXEC'], [b'CONFIG', b'GET', b'timeout'], [b'NOSUCH']):
            g.command(*command)
            g.step('batch', 'monitor', [])


FAMILIES = [Server(), introspection, Names(), Users()]
