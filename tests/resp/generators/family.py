"""What a family of commands is: a name, and something that appends steps to a generator."""
from . import pools
from .grammar import Patterns

# Their answers are random, so the two servers are brought together after each: not possible inside transactions and scripts.
RANDOM = frozenset((b'SPOP', b'SRANDMEMBER', b'RANDOMKEY', b'HRANDFIELD', b'ZRANDMEMBER'))
# Whether the order of their reply is comparable follows from the encoding, which is asked right after them.
ASK_ENCODING = frozenset((b'HGETALL', b'HKEYS', b'HVALS', b'SMEMBERS'))
# An accident among their arguments could make a key expire in the middle of a comparison, or sort what has no order.
NO_SWAP = frozenset((b'SET', b'GETEX', b'SETEX', b'PSETEX', b'EXPIRE', b'PEXPIRE', b'EXPIREAT', b'PEXPIREAT', b'RESTORE', b'XCLAIM',
                     b'XAUTOCLAIM', b'XPENDING', b'XADD', b'SETBIT', b'SETRANGE', b'RESTORE-ASKING'))
NO_ACCIDENT = frozenset((b'SORT', b'SORT_RO', b'SCAN'))


def with_accident(g, arguments):
    """Now and then, one argument too many or too few, in a wrong place or of a wrong kind."""
    roll = g.rand()
    if roll > 0.05 or len(arguments) < 2 or arguments[0] in NO_ACCIDENT or \
            (arguments[0] == b'ZADD' and arguments[1][:1] == b'y'):  # its members have to keep the same score
        return arguments
    place = 1 + g.below(len(arguments) - 1)
    if roll < 0.01:
        return arguments[:-1]
    if roll < 0.02:
        return arguments + [g.pick(pools.JUNK)]
    if roll < 0.028 and arguments[0] not in NO_SWAP:
        other = 1 + g.below(len(arguments) - 1)
        arguments[place], arguments[other] = arguments[other], arguments[place]
        return arguments
    if roll < 0.031:
        return [arguments[0].lower()] + arguments[1:]
    arguments[place] = g.pick(pools.JUNK)
    return arguments


class PatternFamily:
    """Single commands from patterns."""

    def __init__(self, name, text):
        self.name, self.patterns = name, Patterns(text, pools.SLOTS)

    def command(self, g):
        return with_accident(g, self.patterns.make(g))

    def generate(self, g):
        arguments = self.command(g)
        name = arguments[0].upper()
        if name == b'SPOP' and g.quiet:
            return
        if name == b'XADD' and b'*' in arguments and len(arguments) > 2:
            seeded = [b'XADD', arguments[1], b'%d-1' % pools.STREAM_MS, b'seed', b'seed']
            g.step('group', 0, [('command', 0, seeded), ('command', 0, arguments)])
            return
        g.command(*arguments)
        if name in ASK_ENCODING and len(arguments) > 1:
            g.command(b'OBJECT', b'ENCODING', arguments[1])


def any_command(g):
    """A command of one of the seed's families that may stand in a transaction."""
    while True:
        arguments = g.pick(g.pattern_families).command(g)
        if arguments[0].upper() not in RANDOM and not (arguments[0].upper() == b'XADD' and b'*' in arguments):
            return arguments
