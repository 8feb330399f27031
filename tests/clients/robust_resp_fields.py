"""Fields of hashes that expire, by the documentation of Redis 7.4 and 8.0: commands, events, restarts. Debian's redis-server does
not have them."""
import time

from harness import Cases, equal, unique, wait_for
from resp_support import connect, new_server, refused

cases = Cases('resp_fields')
FAR = 4_000_000_000_123


def server_case(name):
    """A case that is given a client of a server of its own, and the server."""
    def decorate(function):
        def run(_=None):
            with new_server() as server:
                server.start()
                function(connect(server.resp).execute_command, server)
        return cases(name)(run)
    return decorate


def read_times(do, key, *fields):
    return do('HPEXPIRETIME', key, 'FIELDS', len(fields), *fields)


@server_case('HEXPIRE and its kin: outcomes, conditions, what is replied of times')
def expire(do, _):
    k = unique('fields')
    equal(do('HSET', k, 'a', 1, 'b', 2, 'c', 3), 3)
    equal(do('HEXPIRE', k, 100, 'FIELDS', 2, 'a', 'none'), [1, -2])
    equal(do('HTTL', k, 'FIELDS', 3, 'a', 'b', 'none'), [100, -1, -2])
    equal(99_000 < do('HPTTL', k, 'FIELDS', 1, 'a')[0] <= 100_000, True)
    equal(do('HPEXPIREAT', k, FAR, 'FIELDS', 1, 'a'), [1])
    equal((read_times(do, k, 'a'), do('HEXPIRETIME', k, 'FIELDS', 1, 'a')), ([FAR], [FAR // 1000 + 1]))
    equal(do('HEXPIREAT', k, FAR // 1000, 'FIELDS', 1, 'a'), [1])
    equal(read_times(do, k, 'a'), [FAR // 1000 * 1000])
    equal(do('HPEXPIREAT', k, FAR, 'NX', 'FIELDS', 2, 'a', 'b'), [0, 1])
    equal(do('HPEXPIREAT', k, FAR + 1, 'XX', 'FIELDS', 2, 'b', 'c'), [1, 0])
    equal(do('HPEXPIREAT', k, FAR, 'GT', 'FIELDS', 2, 'b', 'c'), [0, 0])
    equal(do('HPEXPIREAT', k, FAR - 1, 'LT', 'FIELDS', 2, 'b', 'c'), [1, 1])
    equal(read_times(do, k, 'b', 'c'), [FAR - 1, FAR - 1])
    equal(do('HPERSIST', k, 'FIELDS', 3, 'b', 'b', 'none'), [1, -1, -2])
    equal(do('HPEXPIRE', k, 0, 'FIELDS', 1, 'c'), [2])
    equal(do('HEXPIREAT', k, 1, 'FIELDS', 2, 'a', 'b'), [2, 2])
    equal((do('EXISTS', k), do('HTTL', k, 'FIELDS', 1, 'a'), do('HEXPIRE', k, 1, 'FIELDS', 1, 'a')), (0, [-2], [-2]))


@server_case('what is wrong is refused')
def wrong(do, _):
    k = unique('fields')
    do('HSET', k, 'a', 1)
    do('SET', k + 'text', 'x')
    refused('wrong number of arguments', do, 'HEXPIRE', k, 1, 'FIELDS', 1)
    refused('value is not an integer', do, 'HEXPIRE', k, 'x', 'FIELDS', 1, 'a')
    refused('invalid expire time', do, 'HEXPIRE', k, -1, 'FIELDS', 1, 'a')
    refused('invalid expire time', do, 'HEXPIRE', k, 2 ** 62, 'FIELDS', 1, 'a')
    refused('Mandatory argument FIELDS', do, 'HEXPIRE', k, 1, 'NX', 'GT', 'FIELDS', 1, 'a')
    refused('Number of fields must be', do, 'HEXPIRE', k, 1, 'FIELDS', 0, 'a')
    refused('The `numfields` parameter', do, 'HEXPIRE', k, 1, 'FIELDS', 2, 'a')
    refused('WRONGTYPE', do, 'HTTL', k + 'text', 'FIELDS', 1, 'a')
    equal(do('HTTL', k, 'FIELDS', 1, 'a'), [-1])


@server_case('what overwrites a field ends its time, what changes it does not')
def kept(do, _):
    k = unique('fields')
    do('HSET', k, 'f', 1)
    for change, stays in ((('HINCRBY', k, 'f', 1), True), (('HINCRBYFLOAT', k, 'f', 0.5), True), (('HSET', k, 'f', 1), False),
                          (('HSETEX', k, 'KEEPTTL', 'FIELDS', 1, 'f', 2), True),
                          (('HSETEX', k, 'FIELDS', 1, 'f', 2), False), (('HDEL', k, 'f'), False)):
        do('HPEXPIREAT', k, FAR, 'FIELDS', 1, 'f')
        do(*change)
        do('HSETNX', k, 'f', 1)
        equal(read_times(do, k, 'f'), [FAR if stays else -1], change[0])
    do('HPEXPIREAT', k, FAR, 'FIELDS', 1, 'f')
    do('COPY', k, k + 'copy')
    do('RENAME', k, k + 'renamed')
    do('RESTORE', k + 'restored', 0, do('DUMP', k + 'copy', NEVER_DECODE=True))
    for key in (k + 'copy', k + 'renamed', k + 'restored'):
        equal(read_times(do, key, 'f'), [FAR], key)


@server_case('HGETDEL, HGETEX, HSETEX')
def combined(do, _):
    k = unique('fields')
    equal(do('HSETEX', k, 'FXX', 'FIELDS', 1, 'a', 1), 0)
    equal(do('HSETEX', k, 'FNX', 'PXAT', FAR, 'FIELDS', 2, 'a', 1, 'b', 2), 1)
    equal(do('HSETEX', k, 'FNX', 'FIELDS', 2, 'b', 3, 'c', 3), 0)
    equal(read_times(do, k, 'a', 'b', 'c'), [FAR, FAR, -2])
    equal(do('HGETEX', k, 'PXAT', FAR + 1, 'FIELDS', 2, 'a', 'none'), ['1', None])
    equal(do('HGETEX', k, 'PERSIST', 'FIELDS', 1, 'b'), ['2'])
    equal(do('HGETEX', k, 'FIELDS', 2, 'a', 'b'), ['1', '2'])
    equal(read_times(do, k, 'a', 'b'), [FAR + 1, -1])
    equal(do('HGETDEL', k, 'FIELDS', 3, 'a', 'none', 'a'), ['1', None, None])
    equal(do('HGETEX', k, 'EXAT', 1, 'FIELDS', 1, 'b'), ['2'])
    equal(do('EXISTS', k), 0)
    equal(do('HGETDEL', k, 'FIELDS', 1, 'a'), [None])


@server_case('fields go in time, are told, and take an empty hash with them; of both sizes')
def go(do, server):
    do('CONFIG', 'SET', 'notify-keyspace-events', 'Egh')
    r = connect(server.resp)
    messages = r.pubsub(ignore_subscribe_messages=True)
    messages.psubscribe('__keyevent@0__:*')
    told = []

    def hear(count):
        def enough():
            message = messages.get_message(timeout=0.1)
            if message:
                told.append((message['channel'].split(':')[1], message['data']))
            return len(told) >= count
        wait_for('%d events' % count, enough)

    wait_for('the subscription', lambda: do('PUBSUB', 'NUMPAT') == 1)
    large = ['f%d' % i for i in range(1000)]
    do('HSET', 'large', *(word for field in large for word in (field, 'v')))
    do('HSET', 'small', 'a', 1, 'b', 2)
    do('HPEXPIRE', 'small', 100, 'FIELDS', 1, 'a')
    do('HPEXPIRE', 'large', 100, 'FIELDS', 999, *large[1:])
    time.sleep(0.15)
    equal((r.hgetall('small'), r.hgetall('large')), ({'b': '2'}, {'f0': 'v'}))
    hear(6)
    equal(sorted(told), sorted([('hset', 'large'), ('hset', 'small'), ('hexpire', 'small'), ('hexpire', 'large'),
                                ('hexpired', 'small'), ('hexpired', 'large')]))
    told.clear()
    do('HPEXPIRE', 'small', 50, 'FIELDS', 1, 'b')
    hear(3)  # nobody looks at it
    equal(told, [('hexpire', 'small'), ('hexpired', 'small'), ('del', 'small')])
    equal(do('DBSIZE'), 1)
    messages.close()


@server_case('times and what has expired are the same after a restart')
def restarts(do, server):
    do('HSET', 'h', 'stays', 1, 'goes', 2, 'went', 3, 'persists', 4)
    do('HPEXPIREAT', 'h', FAR, 'FIELDS', 2, 'stays', 'persists')
    do('HPEXPIRE', 'h', 20, 'FIELDS', 1, 'went')
    do('HINCRBYFLOAT', 'h', 'stays', 0.5)
    do('HPERSIST', 'h', 'FIELDS', 1, 'persists')
    do('HSET', 'gone', 'f', 1)
    do('HPEXPIRE', 'gone', 20, 'FIELDS', 1, 'f')
    wait_for('the fields to go', lambda: do('HLEN', 'h') == 3 and do('EXISTS', 'gone') == 0)
    do('HPEXPIRE', 'h', 500, 'FIELDS', 1, 'goes')
    server.stop()
    time.sleep(0.6)
    server.start()
    r = connect(server.resp)
    equal(r.hgetall('h'), {'stays': '1.5', 'persists': '4'})
    equal(read_times(r.execute_command, 'h', 'stays', 'persists'), [FAR, -1])
    equal(r.dbsize(), 1)
