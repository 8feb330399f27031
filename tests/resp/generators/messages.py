"""What the server sends unasked: published messages, keyspace notifications, invalidations of client-side caches."""
from . import pools
from .family import any_command

CHANNELS = [b'ch1', b'ch2', b'ch3', b'', b'news.\xff', b'news.a']
PATTERNS = [b'ch*', b'c?1', b'news.*', b'*', b'[x']
SUBSCRIBERS = ('sub1', 'sub2', 'sub3')


def some(g, items):
    return [g.pick(items) for _ in range(g.between(1, 3))]


class PubSub:
    name = 'pubsub'

    def generate(self, g):
        roll = g.rand()
        subscriber = g.pick(SUBSCRIBERS)
        if roll < 0.25:
            g.step('batch', subscriber, [g.pick([[b'SUBSCRIBE'] + some(g, CHANNELS), [b'PSUBSCRIBE'] + some(g, PATTERNS),
                                                 [b'SSUBSCRIBE'] + some(g, CHANNELS)])])
        elif roll < 0.4:
            g.step('batch', subscriber, [g.pick([[b'UNSUBSCRIBE'] + some(g, CHANNELS), [b'PUNSUBSCRIBE'] + some(g, PATTERNS), [b'UNSUBSCRIBE'],
                                                 [b'PUNSUBSCRIBE'], [b'SUNSUBSCRIBE'], [b'SUNSUBSCRIBE'] + some(g, CHANNELS)])])
        elif roll < 0.45:
            g.step('batch', subscriber, [g.pick([[b'GET', b's1'], [b'PING'], [b'PING', b'x'], [b'SUBSCRIBE'], [b'RESET'],
                                                 [b'PUBLISH', b'ch1', b'own']])])
        elif roll < 0.55:
            g.command(b'PUBSUB', *g.pick([[b'CHANNELS'], [b'CHANNELS', g.pick(PATTERNS)], [b'NUMSUB'] + some(g, CHANNELS), [b'NUMSUB'], [b'NUMPAT'],
                                          [b'SHARDCHANNELS'], [b'SHARDNUMSUB'] + some(g, CHANNELS), [b'FOO'], [b'HELP']]))
        else:
            messages = [g.pick([[b'PUBLISH', g.pick(CHANNELS), pools.value(g)], [b'SPUBLISH', g.pick(CHANNELS), pools.value(g)],
                                [b'EVAL', b'return redis.call("PUBLISH", ARGV[1], ARGV[2])', b'0', g.pick(CHANNELS), b'from a script']])
                        for _ in range(g.between(1, 4))]
            if g.chance(0.2):
                messages = [[b'MULTI']] + messages + [[b'EXEC']]
            for message in messages:
                g.command(*message)
            for name in SUBSCRIBERS:
                g.step('batch', name, [])


class Notifications:
    """Any commands, and what a listener hears of them."""
    name = 'notifications'
    FLAGS = [b'KEA', b'KEA', b'KEAmn', b'Kg$', b'Elszhtx', b'AK', b'']

    def prepare(self, g):
        g.quiet = True
        g.command(b'CONFIG', b'SET', b'notify-keyspace-events', g.pick(self.FLAGS))
        g.command(b'CONFIG', b'GET', b'notify-keyspace-events')
        g.step('batch', 'listener', [[b'PSUBSCRIBE', g.pick([b'__key*', b'__key*', b'__keyevent*'])]])

    def generate(self, g):
        for _ in range(g.between(1, 5)):
            arguments = any_command(g)
            if not (arguments[0].upper() == b'XADD' and b'*' in arguments):
                g.command(*arguments)
        if g.chance(0.03):
            name = b'n1'
            g.step('group', 0, [('command', 0, [b'SET', name, b'v', b'PX', b'2']), ('wait', 0, 0.01), ('command', 0, [b'GET', name]),
                                ('batch', 'listener', [])])
        g.step('batch', 'listener', [])


class Tracking:
    name = 'tracking'

    def prepare(self, g):
        g.quiet = True

    def generate(self, g):
        if not g.resp3:
            g.step('batch', 'cache', [g.pick([[b'CLIENT', b'TRACKING', b'ON'], [b'CLIENT', b'TRACKINGINFO'], [b'CLIENT', b'GETREDIR'],
                                              [b'CLIENT', b'TRACKING', b'OFF'], [b'CLIENT', b'CACHING', b'YES']])])
            return
        roll = g.rand()
        if roll < 0.2:
            g.step('batch', 'cache', [g.pick([
                [b'CLIENT', b'TRACKING', b'ON'], [b'CLIENT', b'TRACKING', b'OFF'], [b'CLIENT', b'TRACKING', b'ON', b'NOLOOP'],
                [b'CLIENT', b'TRACKING', b'ON', b'BCAST'], [b'CLIENT', b'TRACKING', b'ON', b'BCAST', b'PREFIX', b's', b'PREFIX', b'h'],
                [b'CLIENT', b'TRACKING', b'ON', b'OPTIN'], [b'CLIENT', b'TRACKING', b'ON', b'OPTOUT'], [b'CLIENT', b'TRACKING', b'ON', b'PREFIX', b'a'],
                [b'CLIENT', b'TRACKING', b'ON', b'BCAST', b'PREFIX', b'a', b'PREFIX', b'ab'], [b'CLIENT', b'TRACKING', b'FOO']])])
        elif roll < 0.3:
            g.step('batch', 'cache', [g.pick([[b'CLIENT', b'CACHING', b'YES'], [b'CLIENT', b'CACHING', b'NO'], [b'CLIENT', b'TRACKINGINFO'],
                                              [b'CLIENT', b'GETREDIR']])])
        elif roll < 0.65:
            g.step('batch', 'cache', [g.pick([[b'GET', pools.key(g, 'string')], [b'MGET', b's0', b's1'], [b'HGET', pools.key(g, 'hash'), b'f1'],
                                              [b'LRANGE', pools.key(g, 'list'), b'0', b'-1'], [b'SET', pools.key(g, 'string'), b'own'],
                                              [b'EVAL', b'return redis.call("EXISTS", KEYS[1])', b'1', pools.key(g, 'string')]])])
        else:
            g.command(*any_command(g))
            g.step('batch', 'cache', [])


FAMILIES = [PubSub(), Notifications(), Tracking()]
