"""From a seed to steps. A step is (kind, connection, payload); runner.py says what each kind does."""
from . import blocking, collections, introspection, keys, messages, pools, protocol, scripts, sorted_sets, streams, strings, transactions
from .pools import Generator

MODULES = [strings, collections, sorted_sets, streams, keys, transactions, blocking, scripts, messages, introspection, protocol]
FAMILIES = {family.name: family for module in MODULES for family in module.FAMILIES}
DATA = ['strings', 'bitmaps', 'hyperloglog', 'hashes', 'lists', 'sets', 'sorted_sets', 'geo', 'streams']
# Families that go through few commands a second, or that all others would drown in.
SHARE = {'expiry': 0.004, 'notifications': 0.1, 'blocking': 0.06, 'protocol': 0.05, 'pubsub': 0.1, 'users': 0.1, 'scans': 0.05, 'dumps': 0.1,
         'tracking': 0.1, 'introspection': 0.2, 'names': 0.1, 'databases': 0.2}
SERVER_EVERY = 500  # seeds
# Smaller limits let encodings change with little data.
LIMITS = ['hash-max-listpack-entries', 'hash-max-listpack-value', 'list-max-listpack-size', 'set-max-intset-entries',
          'zset-max-listpack-entries', 'zset-max-listpack-value', 'stream-node-max-entries', 'hll-sparse-max-bytes']


def families_of(g, only):
    """Two or three families of data, and some of the others; data of the others' commands comes from them."""
    if only:
        chosen = [FAMILIES[name] for name in only]
        data = [f for f in chosen if f.name in DATA] or [FAMILIES[name] for name in g.random.sample(DATA, 3)]
        return chosen, data
    data = [FAMILIES[name] for name in g.random.sample(DATA, g.between(1, 3))]
    others = [name for name in FAMILIES if name not in DATA and name not in ('keys', 'server')]
    chosen = data + [FAMILIES['keys']] + [FAMILIES[name] for name in g.random.sample(others, g.between(1, 4))]
    return chosen, data


def steps_of(seed, commands, only=()):
    g = Generator(seed)
    chosen, data = families_of(g, only)
    g.pattern_families = data + [FAMILIES['keys']]
    if g.chance(0.2):
        for name in g.random.sample(LIMITS, 3):
            g.command('CONFIG', 'SET', name, g.pick(['0', '2', '4', '10', '-1', '-2']) if name == 'list-max-listpack-size' else
                      g.pick(['0', '1', '4', '10', '64']))
    for family in chosen:
        if hasattr(family, 'prepare'):
            family.prepare(g)
    weights, total = [], 0.0
    for family in chosen:
        total += SHARE.get(family.name, 1.0) if len(chosen) > 1 else 1.0
        weights.append(total)
    while len(g.steps) < commands:
        if data and only and g.chance(0.3):
            g.pick(data).generate(g)  # the only family may need something to work on
        else:
            g.choose(chosen, weights).generate(g)
    if seed % SERVER_EVERY == 0 and not only:
        FAMILIES['server'].generate(g)
    return g.steps
