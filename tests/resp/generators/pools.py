"""Small pools of keys, members and values, so that commands meet each other; and the slots of the patterns."""
import bisect
import random

LONG = b'long string beyond embedded sizes: ' + b'0123456789' * 3
FIELDS = [b'f1', b'f2', b'f3', b'', b'10', b'-7', b'\x00\xff\r\n', b'field with blanks', LONG, b'x' * 65]
MEMBERS = [b'a', b'b', b'c', b'd', b'e', b'1', b'2', b'3', b'-5', b'100000', b'9223372036854775807', b'01', b'1.5', b'',
           b'\xff\x00bin', b'member-of-some-length', b'm' * 64, b'M' * 65, b'12345678901234567890']
VALUES = [b'', b'0', b'1', b'-1', b'10', b'9999', b'10000', b'3.0', b'3.14', b'-2.5e3', b'hello', b'hello world', b'\x00\x01\xfe\xff',
          b'9223372036854775807', b'-9223372036854775808', b'18446744073709551615', b'x' * 44, b'x' * 45, LONG, b'y' * 300,
          b'nan', b'inf', b' 1', b'1 ', b'+1', b'007', b'\r\n', b'a' * 64, b'foobar', b'1e10']
JUNK = [b'', b'-1', b'0', b'nan', b'inf', b'-inf', b'9223372036854775807', b'9223372036854775808', b'-9223372036854775808',
        b'1e400', b'abc', b'1.5', b'-0', b'*', b'(', b'99999999999999999999', b' 7', b'7 ', b'0x10', b'\x00', b'foo', b'[', b'+',
        b'-', b'$', b'#0', b'=']
KEYS = {'string': 's', 'bits': 'b', 'hash': 'h', 'list': 'l', 'set': 't', 'zset': 'z', 'hll': 'p', 'geo': 'g', 'stream': 'x'}
PLACES = [(13.361389, 38.115556, b'Palermo'), (15.087269, 37.502669, b'Catania'), (2.349014, 48.864716, b'Paris'),
          (-0.127758, 51.507351, b'London'), (-73.935242, 40.73061, b'NewYork'), (179.9, 10.0, b'East'), (-179.9, 10.1, b'West'),
          (0.0, 85.05, b'North'), (151.2093, -33.8688, b'Sydney'), (13.4, 38.2, b'')]
UNITS = [b'm', b'km', b'ft', b'mi', b'km', b'km', b'KM', b'x', b'']
# Far in the future: then the next id of `*` follows from the last one, not from the clock.
STREAM_MS = 9999999999990


def number(value):
    return b'%d' % value


class Generator:
    """The state of one seed: its randomness, and the steps made up to now."""

    def __init__(self, seed):
        self.seed = seed
        self.random = random.Random(seed)
        self.rand = self.random.random
        self.resp3 = bool(seed % 2)
        self.steps = []
        self.opened = set()
        self.key_count = self.pick([2, 3, 4, 8])
        self.numkeys = 1
        self.serial = 0
        self.quiet = False  # whether a third connection listens, so that no hidden commands may run
        self.pattern_families = []

    def pick(self, items):
        return items[int(self.rand() * len(items))]

    def choose(self, items, cumulative):
        return items[bisect.bisect(cumulative, self.rand() * cumulative[-1])]

    def chance(self, share):
        return self.rand() < share

    def below(self, limit):
        return int(self.rand() * limit)

    def between(self, low, high):
        return low + int(self.rand() * (high - low + 1))

    def next_serial(self):
        self.serial += 1
        return self.serial

    # Steps

    def open(self, connection):
        if connection not in self.opened and connection != 'fresh':
            self.opened.add(connection)
            if self.resp3:
                self.steps.append(('command', connection, [b'HELLO', b'3']))

    def command(self, *arguments, connection=0):
        self.open(connection)
        self.steps.append(('command', connection, [a if isinstance(a, bytes) else str(a).encode() for a in arguments]))

    def step(self, kind, connection, payload=None):
        self.open(connection)
        self.steps.append((kind, connection, payload))


def key(g, kind=None):
    """A key; of the kind that is asked for, but for a share that meets other types."""
    if kind is None or g.rand() < 0.06:
        kind = g.pick(list(KEYS))
    return b'%s%d' % (KEYS[kind].encode(), int(g.rand() * g.key_count))


def keys_with_count(g, kind=None):
    g.numkeys = 1 + int(g.rand() * 4)
    keys = [key(g, kind) for _ in range(g.numkeys)]
    count = g.numkeys
    if g.rand() < 0.03:
        count = g.pick([0, -1, count + 1, count + 5])
    return [b'%d' % count] + keys


def weights(g):
    return [g.pick([b'1', b'2', b'0', b'-1.5', b'inf', b'0.1']) for _ in range(g.numkeys)]


def value(g):
    roll = g.rand()
    if roll < 0.5:
        return g.pick(VALUES)
    if roll < 0.7:
        return b'%d' % int(g.rand() * 200 - 50)
    if roll < 0.8:
        return b'%.*f' % (int(g.rand() * 6), g.rand() * 1000)
    if roll < 0.97:
        return b'v%d' % int(g.rand() * 50)
    return bytes(int(g.rand() * 256) for _ in range(int(g.rand() * 30)))


def field(g):
    return g.pick(FIELDS) if g.rand() < 0.7 else b'f%d' % int(g.rand() * 30)


def member(g):
    return g.pick(MEMBERS) if g.rand() < 0.7 else b'm%d' % int(g.rand() * 30)


def integer(g):
    roll = g.rand()
    if roll < 0.8:
        return b'%d' % int(g.rand() * 40 - 20)
    return g.pick([b'9223372036854775807', b'-9223372036854775808', b'9223372036854775806', b'4294967296', b'1000000', b'0', b'+5',
                   b'05', b'1.0', b'abc'])


def decimal(g):
    if g.rand() < 0.7:
        return b'%.*f' % (int(g.rand() * 5), g.rand() * 200 - 100)
    return g.pick([b'0.1', b'1e3', b'-1e-7', b'5.0e3', b'3', b'1e17', b'1e21', b'123456789012345678', b'0.000001', b'inf', b'-inf',
                   b'nan', b'1e309', b'abc', b'', b' 1', b'1 ', b'-0'])


def score(g):
    roll = g.rand()
    if roll < 0.5:
        return b'%d' % int(g.rand() * 20 - 5)
    if roll < 0.8:
        return b'%.*f' % (int(g.rand() * 4), g.rand() * 20)
    return g.pick([b'inf', b'-inf', b'+inf', b'0', b'-0', b'1e20', b'1.7976931348623157e308', b'3.0000000000000004', b'1e-300',
                   b'0.1', b'12345678.9', b'nan', b'a', b'1e17', b'-1e16', b'infinity'])


def score_bound(g):
    roll = g.rand()
    if roll < 0.25:
        return g.pick([b'-inf', b'+inf'])
    if roll < 0.4:
        return b'(' + score(g)
    return score(g)


def lexical_bound(g):
    roll = g.rand()
    if roll < 0.3:
        return g.pick([b'-', b'+'])
    if roll < 0.6:
        return b'[' + member(g)
    if roll < 0.96:
        return b'(' + member(g)
    return member(g)


def index(g):
    roll = g.rand()
    if roll < 0.85:
        return b'%d' % int(g.rand() * 16 - 6)
    return g.pick([b'0', b'-1', b'100', b'-100', b'9223372036854775807', b'-9223372036854775808', b'x', b'1.0'])


def count(g):
    return b'%d' % int(g.rand() * 7) if g.rand() < 0.92 else g.pick([b'-1', b'-5', b'100', b'9223372036854775807', b'x', b''])


def small(g, limit):
    return b'%d' % int(g.rand() * int(limit))


def pattern(g):
    return g.pick([b'*', b'*', b's*', b'?1', b'[sth]*', b'[^s]*', b'*1', b'h[0-9]', b'\\*', b'[', b'f*', b'm*', b'[a-c]', b'',
                   b'*' * 20 + b'x', b'x\\', b'[z-a]?', b'**1', b'[\\s]0'])


def seconds(g):
    return b'%d' % (1000 + int(g.rand() * 100000)) if g.rand() < 0.9 else g.pick(BAD_TIMES)


def milliseconds(g):
    return b'%d' % (1000000 + int(g.rand() * 100000000)) if g.rand() < 0.9 else g.pick(BAD_TIMES)


# None of these is soon: a key must not expire while commands are compared.
BAD_TIMES = [b'0', b'-1', b'-9223372036854775808', b'9223372036854775807', b'9223372036854775', b'abc', b'', b'1.5', b'-100',
             b'99999999999999999999', b'1000000000000000']


def at_seconds(g):
    return b'%d' % (4000000000 + int(g.rand() * 1000)) if g.rand() < 0.85 else g.pick(BAD_TIMES)


def at_milliseconds(g):
    return b'%d' % (4000000000000 + int(g.rand() * 1000000)) if g.rand() < 0.85 else g.pick(BAD_TIMES)


def place(g):
    roll = g.rand()
    if roll < 0.7:
        longitude, latitude, _ = g.pick(PLACES)
        return [b'%.6f' % longitude, b'%.6f' % latitude]
    if roll < 0.95:
        return [b'%.4f' % (g.rand() * 360 - 180), b'%.4f' % (g.rand() * 170 - 85)]
    return [g.pick([b'181', b'-200', b'x', b'nan', b'0']), g.pick([b'86', b'-86', b'y', b'inf', b'0'])]


def place_name(g):
    return g.pick(PLACES)[2] if g.rand() < 0.95 else member(g)


def distance(g):
    return g.pick([b'0', b'1', b'10', b'100', b'200.5', b'1000', b'5000', b'20000', b'30000', b'100000000', b'-1', b'x', b'nan'])


def entry_id(g):
    roll = g.rand()
    if roll < 0.8:
        return b'%d-%d' % (STREAM_MS + int(g.rand() * 8), int(g.rand() * 6))
    return g.pick([b'-', b'+', b'0', b'0-0', b'%d' % (STREAM_MS + 3), b'18446744073709551615-18446744073709551615', b'$', b'>', b'1-1', b'x', b'1-x', b'-1-1', b'99999999999999999999-0'])


def new_id(g):
    """Ids grow with the seed's commands, and a share of them is too small."""
    roll = g.rand()
    if roll < 0.75:
        return b'%d-%d' % (STREAM_MS + g.next_serial() // 4, int(g.rand() * 6))
    if roll < 0.85:
        return b'%d-*' % (STREAM_MS + g.next_serial() // 4)
    return entry_id(g)


def group(g):
    return g.pick([b'g1', b'g1', b'g2', b'g3', b''])


def consumer(g):
    return g.pick([b'c1', b'c1', b'c2', b'c3', b'C', b''])


def idle(g):
    """Times that nothing has waited for, or everything."""
    return g.pick([b'0', b'0', b'0', b'1000000000', b'-1', b'x'])


def database(g):
    return g.pick([b'0', b'0', b'1', b'2', b'15', b'16', b'-1', b'x']) if g.rand() < 0.3 else b'%d' % int(g.rand() * 3)


def bit(g):
    return g.pick([b'0', b'1']) if g.rand() < 0.95 else g.pick([b'2', b'-1', b'x'])


def bit_offset(g):
    return b'%d' % int(g.rand() * 100) if g.rand() < 0.93 else g.pick([b'-1', b'4294967296', b'x', b'8000', b'1.0'])


def bit_index(g):
    return b'%d' % int(g.rand() * 120 - 40)


def bit_type(g):
    return g.pick([b'u8', b'i8', b'u1', b'i1', b'u16', b'i16', b'u32', b'i64', b'u63', b'i5', b'u7', b'u64', b'i65', b'x8', b'u0', b'u'])


def bit_place(g):
    return b'#%d' % int(g.rand() * 6) if g.chance(0.4) else b'%d' % int(g.rand() * 60)


def many(g, what):
    """A batch that crosses the limits of the compact encodings."""
    total = g.pick([20, 127, 128, 129, 200, 512, 513]) if g.rand() < 0.5 else int(g.rand() * 20) + 1
    if what == 'integers':
        start = g.pick([0, -100, 32700, 2147483600, 9223372036854775000 - 600])
        return [b'%d' % (start + i) for i in range(total)]
    if what == 'members':
        return [b'm%d' % i for i in range(total)]
    if what == 'pairs':
        return [part for i in range(total) for part in (b'f%d' % i, b'%d' % i)]
    if what == 'same':
        return [part for i in range(total) for part in (b'0', b'm%d' % i)]
    return [part for i in range(total) for part in (b'%d' % (i // 3), b'm%d' % i)]  # scores


def range_id(g):
    return g.pick([b'-', b'+', b'(%d-1' % (STREAM_MS + 1), b'(-', b'%d' % (STREAM_MS + 2)]) if g.rand() < 0.5 else entry_id(g)


def sort_by(g):
    return g.pick([b's*', b'h*->f1', b'missing*', b's*x', b'*', b'h*->'])


def sort_get(g):
    return g.pick([b'#', b's*', b'h*->f1', b'missing*', b'h*->missing', b's', b'*->', b'h*->f1->f2'])


def same_scores(g):
    """Keys that no other command writes to."""
    return b'y%d' % g.below(3) if g.chance(0.97) else b'y9'


def ordered(g):
    return g.pick([b'n0', b'n1'])


SLOTS = {
    'ordered': ordered,
    'same_scores': same_scores,
    'key': key, 'keys': keys_with_count, 'weights': weights, 'value': value, 'field': field, 'member': member, 'int': integer,
    'float': decimal, 'score': score, 'bound': score_bound, 'lex': lexical_bound, 'index': index, 'count': count, 'small': small,
    'pattern': pattern, 's': seconds, 'ms': milliseconds, 'at_s': at_seconds, 'at_ms': at_milliseconds, 'place': place,
    'place_name': place_name, 'distance': distance, 'id': entry_id, 'new_id': new_id, 'group': group, 'consumer': consumer,
    'idle': idle, 'db': database, 'bit': bit, 'bit_offset': bit_offset, 'bit_index': bit_index, 'bit_type': bit_type, 'bit_place': bit_place, 'many': many,
    'range': range_id, 'sort_by': sort_by, 'sort_get': sort_get, 'unit': lambda g: g.pick(UNITS),
    'junk': lambda g: g.pick(JUNK),
}
for _kind in KEYS:
    SLOTS[_kind] = lambda g, argument=None, kind=_kind: key(g, kind)
