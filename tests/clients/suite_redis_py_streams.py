#!/usr/bin/python3
"""python3-redis and streams, with groups of consumers in threads: suite_redis_py_streams.py ADDRESS"""
import collections
import threading

from harness import Cases, equal, unique, wait_for
from resp_support import connect, in_threads, refused

cases = Cases('redis_py_streams')


def waiting(r, command):
    """Waits until a client is blocked in that command."""
    wait_for('a waiting client', lambda: any(c['cmd'] == command and 'b' in c['flags'] for c in r.client_list()), 20)


def numbered(r, stream, count, first=1):
    """Entries with ids 1-0, 2-0, …; returns the ids."""
    pipe = r.pipeline(transaction=False)
    for i in range(first, first + count):
        pipe.xadd(stream, {'n': i}, id='%d-0' % i)
    return pipe.execute()


@cases('appends, ranges both ways, lengths, deletions')
def ranges(address):
    r, s = connect(address), unique('stream')
    first = r.xadd(s, {'name': 'one', 'empty': ''})
    second = r.xadd(s, {'name': 'two'})
    equal([int(part) for part in first.split('-')] < [int(part) for part in second.split('-')], True, first + second)
    equal((r.xlen(s), r.type(s)), (2, 'stream'))
    equal(r.xrange(s), [(first, {'name': 'one', 'empty': ''}), (second, {'name': 'two'})])
    equal((r.xrevrange(s, count=1), r.xrange(s, '(' + first)), ([(second, {'name': 'two'})],) * 2)
    equal((r.xdel(s, first, '1-1'), r.xlen(s)), (1, 1))
    refused('The ID specified in XADD is equal or smaller than the target stream top item', r.xadd, s, {'a': 1}, id='5-5')
    refused('Invalid stream ID', r.xadd, s, {'a': 1}, id='x-y')
    equal((r.xadd(s + 'none', {'a': 1}, nomkstream=True), r.exists(s + 'none')), (None, 0))
    ids = numbered(r, s + 'n', 1000)
    equal([i for i, _ in r.xrange(s + 'n', '10', '12')], ['10-0', '11-0', '12-0'])
    equal([i for i, _ in r.xrange(s + 'n', count=5)], ids[:5])
    equal(r.xadd(s + 'n', {'a': 1}, id='1000-*'), '1000-1')


@cases('trims by length and by id, exactly and nearly')
def trims(address):
    r, s = connect(address), unique('stream')
    numbered(r, s, 1000)
    equal((r.xtrim(s, maxlen=900, approximate=False), r.xlen(s), r.xrange(s, count=1)[0][0]), (100, 900, '101-0'))
    equal((r.xtrim(s, minid='500-0', approximate=False), r.xlen(s)), (399, 501))
    r.xadd(s, {'n': 'last'}, id='2000-0', maxlen=10, approximate=False)
    equal(([i for i, _ in r.xrange(s)][0], r.xlen(s)), ('992-0', 10))
    for i in range(3001, 4001):
        r.xadd(s, {'n': i}, id='%d-0' % i, maxlen=500, approximate=True)
    equal(500 <= r.xlen(s) < 700, True, 'nearly 500: %d' % r.xlen(s))
    equal(r.xtrim(s, maxlen=0, approximate=False) >= 500, True)
    equal((r.xlen(s), r.exists(s), r.xinfo_stream(s)['last-generated-id']), (0, 1, '4000-0'))


@cases('reads several streams, and waits for what comes')
def reads(address):
    r, a, b = connect(address), unique('stream'), unique('stream')
    numbered(r, a, 3)
    numbered(r, b, 2)
    equal([(s, [i for i, _ in entries]) for s, entries in r.xread({a: '1-0', b: 0}, count=2)],
          [(a, ['2-0', '3-0']), (b, ['1-0', '2-0'])])
    equal((r.xread({a: '$', b: '$'}), r.xread({a: '$'}, block=20)), ([], []))
    found = []
    reader = threading.Thread(target=lambda: found.extend(connect(address).xread({a: '$', b: '$'}, block=30_000)))
    reader.start()
    waiting(r, 'xread')
    r.xadd(b, {'n': 'woken'}, id='9-9')
    reader.join(30)
    equal(found, [[b, [('9-9', {'n': 'woken'})]]])


@cases('a group: delivery, acknowledgement, pending entries and who has them')
def group(address):
    r, s = connect(address), unique('stream')
    equal(r.xgroup_create(s, 'g', '0', mkstream=True), True)
    refused('BUSYGROUP Consumer Group name already exists', r.xgroup_create, s, 'g')
    refused('NOGROUP No such key', r.xreadgroup, 'other', 'ann', {s: '>'})
    numbered(r, s, 5)
    equal([i for i, _ in r.xreadgroup('g', 'ann', {s: '>'}, count=2)[0][1]], ['1-0', '2-0'])
    equal([i for i, _ in r.xreadgroup('g', 'bob', {s: '>'})[0][1]], ['3-0', '4-0', '5-0'])
    equal(r.xreadgroup('g', 'bob', {s: '>'}), [])
    equal(r.xreadgroup('g', 'ann', {s: '0'}), [[s, [('1-0', {'n': '1'}), ('2-0', {'n': '2'})]]], 'what is hers again')
    equal(r.xpending(s, 'g'), {'pending': 5, 'min': '1-0', 'max': '5-0',
                               'consumers': [{'name': 'ann', 'pending': 2}, {'name': 'bob', 'pending': 3}]})
    equal((r.xack(s, 'g', '1-0', '3-0', '77-0'), r.xpending(s, 'g')['pending']), (2, 3))
    details = r.xpending_range(s, 'g', '-', '+', 10)
    equal([(d['message_id'], d['consumer'], d['times_delivered']) for d in details],
          [('2-0', 'ann', 2), ('4-0', 'bob', 1), ('5-0', 'bob', 1)])
    equal([d['message_id'] for d in r.xpending_range(s, 'g', '-', '+', 10, consumername='bob')], ['4-0', '5-0'])
    equal(r.xpending_range(s, 'g', '-', '+', 10, idle=3_600_000), [])
    equal(r.xclaim(s, 'g', 'ann', 0, ['4-0', '99-0']), [('4-0', {'n': '4'})])
    equal(r.xclaim(s, 'g', 'bob', 3_600_000, ['4-0'], justid=True), [], 'it is not idle that long')
    equal(r.xgroup_delconsumer(s, 'g', 'bob'), 1, 'pending entries of bob')
    equal(r.xpending(s, 'g')['consumers'], [{'name': 'ann', 'pending': 2}])
    equal((r.xgroup_destroy(s, 'g'), r.xgroup_destroy(s, 'g')), (1, 0))


@cases('XINFO and XGROUP SETID, CREATECONSUMER')
def info(address):
    r, s = connect(address), unique('stream')
    numbered(r, s, 10)
    r.xgroup_create(s, 'g', '$')
    r.xgroup_create(s, 'h', '0')
    equal((r.xgroup_createconsumer(s, 'g', 'ann'), r.xgroup_createconsumer(s, 'g', 'ann')), (1, 0))
    equal((r.xreadgroup('g', 'ann', {s: '>'}), r.xgroup_setid(s, 'g', '8-0')), ([], True))
    equal(len(r.xreadgroup('g', 'ann', {s: '>'})[0][1]), 2)
    about = r.xinfo_stream(s)
    equal({name: about[name] for name in ('length', 'groups', 'first-entry', 'last-entry', 'last-generated-id')},
          {'length': 10, 'groups': 2, 'first-entry': ('1-0', {'n': '1'}), 'last-entry': ('10-0', {'n': '10'}),
           'last-generated-id': '10-0'})
    groups = {g['name']: g for g in r.xinfo_groups(s)}
    equal([(groups['g'][f], groups['h'][f]) for f in ('consumers', 'pending', 'last-delivered-id', 'lag')],
          [(1, 0), (2, 0), ('10-0', '0-0'), (0, 10)])
    (consumer,) = r.xinfo_consumers(s, 'g')
    equal((consumer['name'], consumer['pending'], consumer['idle'] < 3_600_000), ('ann', 2, True))


@cases('XAUTOCLAIM takes over what a dead consumer left, page by page, and tells what was deleted')
def autoclaim(address):
    r, s = connect(address), unique('stream')
    r.xgroup_create(s, 'g', '0', mkstream=True)
    numbered(r, s, 25)
    r.xreadgroup('g', 'dead', {s: '>'})
    r.xdel(s, '7-0')
    cursor, claimed, gone = '0-0', [], []
    while True:
        cursor, entries, deleted = r.xautoclaim(s, 'g', 'heir', 0, cursor, count=10)
        claimed += [i for i, _ in entries]
        gone += deleted
        if cursor == '0-0':
            break
    equal((claimed, gone), (['%d-0' % i for i in range(1, 26) if i != 7], ['7-0']))
    equal(r.xpending(s, 'g')['consumers'], [{'name': 'heir', 'pending': 24}])


@cases('four consumers in threads share 2,000 entries, each delivered to one, while others append')
def shared(address):
    r, s = connect(address), unique('stream')
    r.xgroup_create(s, 'g', '0', mkstream=True)
    total, seen, lock = 2000, collections.Counter(), threading.Lock()

    def work(number):
        mine = connect(address)
        if number >= 4:  # a producer
            pipe = mine.pipeline(transaction=False)
            for i in range(total // 2):
                pipe.xadd(s, {'n': '%d-%d' % (number, i)})
                if i % 50 == 49:
                    pipe.execute()
            return 0
        count = 0
        while sum(seen.values()) < total:
            for _, entries in mine.xreadgroup('g', 'c%d' % number, {s: '>'}, count=20, block=200):
                with lock:
                    seen.update(e['n'] for _, e in entries)
                count += len(entries)
                equal(mine.xack(s, 'g', *(i for i, _ in entries)), len(entries))
        return count

    counts = in_threads(6, work)
    equal((sum(counts), set(seen.values()), len(seen)), (total, {1}, total))
    equal((r.xpending(s, 'g')['pending'], r.xlen(s)), (0, total))


@cases('a group reader that waits is told when its stream or group goes away')
def group_goes(address):
    r, s = connect(address), unique('stream')
    for remove in (lambda: r.xgroup_destroy(s, 'g'), lambda: r.delete(s)):
        r.xgroup_create(s, 'g', '$', mkstream=True)
        errors = []

        def wait():
            try:
                connect(address).xreadgroup('g', 'ann', {s: '>'}, block=30_000)
            except Exception as error:  # compared below
                errors.append(str(error))

        reader = threading.Thread(target=wait)
        reader.start()
        waiting(r, 'xreadgroup')
        remove()
        reader.join(30)
        equal((len(errors), errors[0].split()[0] in ('NOGROUP', 'UNBLOCKED')), (1, True), str(errors))


if __name__ == '__main__':
    cases.main()
