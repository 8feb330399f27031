"""MULTI, EXEC, DISCARD and WATCH, over two connections."""
from . import pools
from .family import any_command


class Transactions:
    name = 'transactions'

    def generate(self, g):
        me, other = (0, 1) if g.chance(0.7) else (1, 0)
        watched = [pools.key(g) for _ in range(g.between(1, 3))]
        roll = g.rand()
        if roll < 0.55:
            g.command(b'WATCH', *watched, connection=me)
            if g.chance(0.2):
                g.command(*any_command(g), connection=me)
            if g.chance(0.2):
                g.command(b'UNWATCH', connection=me)
            for _ in range(g.below(3)):
                g.command(*any_command(g), connection=other)
        if g.chance(0.05):
            g.command(g.pick([b'EXEC', b'DISCARD']), connection=me)
        g.command(b'MULTI', connection=me)
        for _ in range(g.below(7)):
            self.queue(g, me, watched)
        if g.chance(0.2):
            g.command(*any_command(g), connection=other)
        g.command(b'EXEC' if g.chance(0.85) else b'DISCARD', connection=me)

    def queue(self, g, me, watched):
        roll = g.rand()
        if roll < 0.85:
            g.command(*any_command(g), connection=me)
        elif roll < 0.93:
            blocking = g.pick([[b'BLPOP', pools.key(g, 'list'), b'0'], [b'BRPOP', pools.key(g, 'list'), pools.key(g, 'list'), b'1'],
                               [b'BLMOVE', pools.key(g, 'list'), pools.key(g, 'list'), b'LEFT', b'RIGHT', b'0'],
                               [b'BRPOPLPUSH', pools.key(g, 'list'), pools.key(g, 'list'), b'0'],
                               [b'BZPOPMIN', pools.key(g, 'zset'), b'0'], [b'BZPOPMAX', pools.key(g, 'zset'), b'0.5'],
                               [b'BLMPOP', b'0', b'1', pools.key(g, 'list'), b'LEFT'],
                               [b'BZMPOP', b'0', b'1', pools.key(g, 'zset'), b'MIN'],
                               [b'XREAD', b'BLOCK', b'0', b'STREAMS', pools.key(g, 'stream'), b'$'],
                               [b'BLPOP', pools.key(g, 'list'), b'x'], [b'WAIT', b'0', b'0']])
            g.command(*blocking, connection=me)
        else:
            g.command(*g.pick([[b'MULTI'], [b'WATCH', watched[0]], [b'UNWATCH'], [b'NOSUCH', b'x'], [b'GET'], [b'SELECT', b'1'],
                               [b'SELECT', b'0'], [b'PING'], [b'ECHO', b'hi'], [b'EVAL', b'return redis.call("PING")', b'0']]),
                      connection=me)


FAMILIES = [Transactions()]
