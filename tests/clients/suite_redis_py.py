#!/usr/bin/python3
"""python3-redis as applications use it, against a server: suite_redis_py.py ADDRESS

Pipelines, transactions, scripts, pub/sub, waiting pops, locks, pools, asyncio."""
import asyncio
import collections
import threading
import time

import redis
import redis.asyncio
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from harness import Cases, equal, unique, wait_for
from resp_support import connect, in_threads, refused

cases = Cases('redis_py')


def waiting(r, count, command):
    """Waits until so many clients are blocked in that command."""
    wait_for('%d waiting clients' % count,
             lambda: sum(c['cmd'] == command and 'b' in c['flags'] for c in r.client_list()) >= count, 20)


@cases('pipelines: many replies in order, with and without a transaction')
def pipelines(address):
    r, k = connect(address), unique('pipe')
    for transaction in (True, False):
        pipe = r.pipeline(transaction=transaction)
        pipe.delete(k, k + 'h', k + 'z')
        for i in range(1000):
            pipe.incr(k)
        pipe.hset(k + 'h', mapping={'a': 1}).hgetall(k + 'h')
        pipe.zadd(k + 'z', {'m': 1.5}).zrange(k + 'z', 0, -1, withscores=True)
        equal(pipe.execute()[1:], [*range(1, 1001), 1, {'a': '1'}, 1, [('m', 1.5)]])
    large = {('%s-%d' % (k, i)): '%d' % i * 50_000 for i in range(40)}
    pipe = r.pipeline(transaction=False)
    for name, value in large.items():
        pipe.set(name, value)
    for name in large:
        pipe.get(name)
    equal(pipe.execute()[40:] == list(large.values()), True, 'large values')
    r.delete(*large)


@cases('pipelines: one that is written to its end before a reply is read is answered, however large')
def long_pipelines(address):
    r, k = connect(address, socket_timeout=60), unique('pipe')
    pipe = r.pipeline(transaction=False)
    for i in range(40_000):
        pipe.set(k, '%d' % i * 100).get(k)
    equal(pipe.execute()[1::2] == ['%d' % i * 100 for i in range(40_000)], True, '20 MB of replies')
    r.delete(k)


@cases('pipelines: an error is that of its command, the others are done')
def pipeline_errors(address):
    r, k = connect(address), unique('pipe')
    for transaction in (True, False):
        r.delete(k, k + 'n')
        pipe = r.pipeline(transaction=transaction)
        results = pipe.set(k, 'x').lpush(k, 1).incr(k + 'n').execute(raise_on_error=False)
        equal((results[0], str(results[1]), results[2]),
              (True, 'WRONGTYPE Operation against a key holding the wrong kind of value', 1))
        pipe.set(k, 'y').lpush(k, 1).incr(k + 'n')
        refused('Command # 2 (LPUSH %s 1) of pipeline caused error: WRONGTYPE' % k, pipe.execute)
        equal((r.get(k), r.get(k + 'n')), ('y', '2'))
    pipe = r.pipeline()
    pipe.set(k, 'never').execute_command('GET')
    refused("Command # 2 (GET) of pipeline caused error: wrong number of arguments for 'get' command", pipe.execute)
    equal(r.get(k), 'y', 'a transaction with a command that cannot be is discarded')


@cases('WATCH: a changed key aborts; the retry sees every increment of eight threads')
def watch(address):
    r, k = connect(address), unique('watch')
    r.set(k, 0)
    pipe = r.pipeline()
    pipe.watch(k)
    r.set(k, 1)
    pipe.multi()
    pipe.set(k, 100)
    try:
        pipe.execute()
        raise AssertionError('the key had changed')
    except redis.WatchError:
        equal(r.get(k), '1')
    pipe.watch(k)
    pipe.unwatch()
    r.set(k, 0)
    pipe.multi()
    equal((pipe.set(k, 5).execute(), r.get(k)), ([True], '5'))
    r.set(k, 0)

    def increment(_):
        mine = connect(address)
        for _ in range(25):
            mine.transaction(lambda p: (lambda value: (p.multi(), p.set(k, value + 1)))(int(p.get(k))), k)

    in_threads(8, increment)
    equal(r.get(k), '200')
    equal(r.transaction(lambda p: (p.multi(), p.get(k)), k), ['200'])
    pipe.watch(k + 'expiring')
    pipe.multi()
    equal(pipe.ping().execute(), [True], 'a key that never was did not change')


@cases('Lua: registered scripts, their types, errors, and EVALSHA after a flush')
def scripts(address):
    r, k = connect(address), unique('lua')
    move = r.register_script('''
        local moved = 0
        while moved < tonumber(ARGV[1]) do
          local value = redis.call('RPOP', KEYS[1])
          if not value then break end
          redis.call('LPUSH', KEYS[2], value)
          moved = moved + 1
        end
        return {moved, redis.call('LLEN', KEYS[1])}''')
    r.rpush(k, *range(10))
    equal((move([k, k + 'to'], [4]), move([k, k + 'to'], [100])), ([4, 6], [6, 0]))
    equal(r.lrange(k + 'to', 0, -1), [str(i) for i in range(10)])
    equal(r.script_exists(move.sha, '0' * 40), [True, False])
    r.script_flush()
    equal((r.script_exists(move.sha), move([k, k + 'to'], [1])), ([False], [0, 0]), 'loaded again by the client')
    refused('No matching script', r.evalsha, '0' * 40, 0)
    pipe = r.pipeline()
    move([k + 'to', k], [3], client=pipe)
    pipe.llen(k)
    equal(pipe.execute(), [[3, 7], 3])
    equal(r.eval('return {1, "two", 3.99, true, false, {4, {5}}, redis.status_reply("FINE")}', 0),
          [1, 'two', 3, 1, None, [4, [5]], 'FINE'])
    json = 'return cjson.encode({ARGV[1], #KEYS, cjson.decode(ARGV[2]).deep[2]})'
    equal(r.eval(json, 2, 'a', 'b', 'x', '{"deep":[1,"ü"]}'), '["x",2,"ü"]')
    equal(r.eval('return cmsgpack.unpack(cmsgpack.pack({1, 2, ARGV[1]}))', 0, 'three'), [1, 2, 'three'])
    equal(r.eval('return {bit.band(12, 10), bit.lshift(1, 4), #struct.pack(">I4", 7)}', 0), [8, 16, 4])
    refused('MY own words', r.eval, 'return redis.error_reply("MY own words")', 0)
    refused('WRONGTYPE', r.eval, 'return redis.call("GET", KEYS[1])', 1, k)
    equal(r.eval('return redis.pcall("GET", KEYS[1]).err', 1, k).startswith('WRONGTYPE'), True)
    refused('Error compiling script', r.eval, 'this is no Lua', 0)
    refused("user_script:1: Script attempted to access nonexistent global variable 'nothing_here'",
            r.eval, 'return nothing_here', 0)
    refused('Write commands are not allowed from read-only scripts', r.eval_ro, 'return redis.call("SET", KEYS[1], 1)', 1, k)


@cases('functions: libraries are loaded, called, listed, dumped and restored')
def functions(address):
    r, k = connect(address), unique('fn')
    library = 'lib' + k.replace('-', '')
    code = '''#!lua name=%s
        redis.register_function('put_%s', function(keys, args) return redis.call('SET', keys[1], args[1]) end)
        redis.register_function{function_name='get_%s', callback=function(keys) return redis.call('GET', keys[1]) end,
                                flags={'no-writes'}}''' % (library, library, library)
    equal(r.function_load(code), library)
    refused("Library '%s' already exists" % library, r.function_load, code)
    equal(r.function_load(code, replace=True), library)
    equal((r.fcall('put_' + library, 1, k, 'value'), r.fcall_ro('get_' + library, 1, k)), ('OK', 'value'))
    refused('Can not execute a script with write flag using *_ro command.', r.fcall_ro, 'put_' + library, 1, k, 'x')
    (listed,) = r.function_list(library)
    equal((listed[:4], len(listed[5])), (['library_name', library, 'engine', 'LUA'], 2))
    raw = connect(address, decode_responses=False)
    dump = raw.function_dump()
    equal(r.function_delete(library), True)
    refused('Function not found', r.fcall, 'put_' + library, 1, k, 'x')
    equal((raw.function_restore(dump, 'REPLACE'), r.fcall_ro('get_' + library, 1, k)), (True, 'value'))
    equal(r.function_delete(library), True)


@cases('pub/sub: channels and patterns, counts of receivers, and binary messages')
def pubsub(address):
    r, c = connect(address), unique('channel')
    raw = connect(address, decode_responses=False)
    p, bare = r.pubsub(), raw.pubsub(ignore_subscribe_messages=True)
    p.subscribe(c)
    p.psubscribe(c + '.*')
    equal([(m['type'], m['channel'], m['data']) for m in (p.get_message(timeout=20), p.get_message(timeout=20))],
          [('subscribe', c, 1), ('psubscribe', c + '.*', 2)])
    bare.subscribe(c)
    equal(bare.get_message(timeout=20), None)
    equal((r.publish(c, 'both'), r.publish(c + '.x', 'pattern'), r.publish(c + 'none', 'x')), (2, 1, 0))
    equal([p.get_message(timeout=20) for _ in range(2)],
          [{'type': 'message', 'pattern': None, 'channel': c, 'data': 'both'},
           {'type': 'pmessage', 'pattern': c + '.*', 'channel': c + '.x', 'data': 'pattern'}])
    equal(bare.get_message(timeout=20)['data'], b'both')
    raw.publish(c, bytes(range(256)) * 1000)
    equal(bare.get_message(timeout=20)['data'] == bytes(range(256)) * 1000, True, 'bytes')
    equal((r.pubsub_numsub(c, c + 'none'), c in r.pubsub_channels(c + '*'), r.pubsub_numpat() >= 1),
          ([(c, 2), (c + 'none', 0)], True, True))
    p.unsubscribe(c)
    equal((r.publish(c, 'one'), p.subscribed), (1, True))
    p.close()
    wait_for('the closed subscription to be gone', lambda: r.publish(c + '.x', 'nobody') == 0)
    bare.close()


@cases('pub/sub: handlers in a thread get 3,000 messages of three publishers, each publisher\'s in order')
def pubsub_threads(address):
    r, c = connect(address), unique('channel')
    found, patterned = collections.defaultdict(list), []

    def handler(message):
        publisher, number = message['data'].split()
        found[publisher].append(int(number))

    p = r.pubsub(ignore_subscribe_messages=True)
    p.subscribe(**{c: handler})
    p.psubscribe(**{c[:-1] + '?': lambda message: patterned.append(message['data'])})
    thread = p.run_in_thread(sleep_time=0.01, daemon=True)
    try:
        wait_for('the subscription', lambda: r.publish(c, 'ready 0') == 2)

        def publish(number):
            mine = connect(address)
            for i in range(1000):
                mine.publish(c, 'p%d %d' % (number, i))

        in_threads(3, publish)
        wait_for('the messages', lambda: sum(len(v) for n, v in found.items() if n != 'ready') >= 3000)
        equal([found['p%d' % i] for i in range(3)] == [list(range(1000))] * 3, True, 'their order')
        wait_for('those of the pattern', lambda: sum(not m.startswith('ready') for m in patterned) >= 3000)
    finally:
        thread.stop()
        thread.join(20)


@cases('keyspace notifications tell of writes and of expiry')
def notifications(address):
    r, k = connect(address), unique('notify')
    before = r.config_get('notify-keyspace-events')['notify-keyspace-events']
    r.config_set('notify-keyspace-events', 'KEA')
    try:
        p = r.pubsub(ignore_subscribe_messages=True)
        p.psubscribe('__keyspace@0__:%s*' % k, '__keyevent@0__:expired')
        p.get_message(timeout=20)
        p.get_message(timeout=20)
        r.set(k, 1)
        r.lpush(k + 'l', 1)
        r.rename(k + 'l', k + 'm')
        r.pexpire(k, 20)
        events = []

        def expired():
            message = p.get_message(timeout=1)
            if message and k in message['channel'] + message['data']:
                events.append((message['channel'].split(':', 1)[1].replace(k, 'K'), message['data'].replace(k, 'K')))
            return ('expired', 'K') in events

        wait_for('the expiry', expired)
        equal(events, [('K', 'set'), ('Kl', 'lpush'), ('Kl', 'rename_from'), ('Km', 'rename_to'), ('K', 'expire'),
                       ('K', 'expired'), ('expired', 'K')])
        p.close()
    finally:
        r.config_set('notify-keyspace-events', before)


@cases('BLPOP: waiting threads are served in the order in which they came')
def blocking_order(address):
    r, k = connect(address), unique('wait')
    order, lock, threads = [], threading.Lock(), []

    def wait(number):
        got = connect(address).blpop([k + 'first', k], timeout=30)
        with lock:
            order.append((number, got))

    for number in range(4):
        threads.append(threading.Thread(target=wait, args=(number,), daemon=True))
        threads[-1].start()
        waiting(r, number + 1, 'blpop')
    for value in 'abcd':
        r.rpush(k, value)
        wait_for('the next', lambda: any(got[1] == value for _, got in list(order)), 20, 0.01)
    for thread in threads:
        thread.join(20)
    equal(order, [(i, (k, value)) for i, value in enumerate('abcd')])


@cases('waiting pops of lists and sorted sets: moves, timeouts, UNBLOCK')
def blocking(address):
    r, k = connect(address), unique('wait')
    equal((r.blpop(k, timeout=0.05), r.brpop([k, k + 'x'], timeout=0.05), r.bzpopmin(k, timeout=0.05)), (None,) * 3)
    r.rpush(k, 'a', 'b', 'c')
    equal((r.brpop(k), r.blmove(k, k + 'to', 5, 'LEFT', 'RIGHT'), r.brpoplpush(k, k + 'to', 5), r.lrange(k + 'to', 0, -1)),
          ((k, 'c'), 'a', 'b', ['b', 'a']))
    r.zadd(k + 'z', {'x': 1, 'y': 2})
    equal((r.bzpopmin(k + 'z'), r.bzpopmax([k + 'none', k + 'z'])), ((k + 'z', 'x', 1.0), (k + 'z', 'y', 2.0)))
    calls = [(lambda c: c.bzpopmax(k + 'z', 30), 'bzpopmax', lambda: r.zadd(k + 'z', {'z': 3}), (k + 'z', 'z', 3.0)),
             (lambda c: c.blmove(k, k + 'to', 30), 'blmove', lambda: r.rpush(k, 'moved'), 'moved'),
             (lambda c: c.blmpop(30, 2, k, k + 'y', direction='LEFT', count=2), 'blmpop', lambda: r.rpush(k + 'y', 1, 2, 3),
              [k + 'y', ['1', '2']]),
             (lambda c: c.bzmpop(30, 1, [k + 'z'], min=True), 'bzmpop', lambda: r.zadd(k + 'z', {'w': 1}),
              [k + 'z', [['w', '1']]]),
             (lambda c: c.blpop(k + 'tx', 30), 'blpop', lambda: r.pipeline().rpush(k + 'tx', 1).rpush(k + 'tx', 2).execute(),
              (k + 'tx', '1'))]
    for call, name, write, expected in calls:
        found = []
        thread = threading.Thread(target=lambda: found.append(call(connect(address))))
        thread.start()
        waiting(r, 1, name)
        write()
        thread.join(30)
        equal(found, [expected], name)
    results = []
    blocked = connect(address, single_connection_client=True)
    identity = blocked.client_id()
    thread = threading.Thread(target=lambda: results.append(blocked.blpop(k + 'never', timeout=30)))
    thread.start()
    waiting(r, 1, 'blpop')
    equal(r.client_unblock(identity), True)
    thread.join(30)
    equal(results, [None])


@cases('a work queue: six workers take 1,200 jobs by BLMOVE, each once, none is lost')
def work_queue(address):
    r, k = connect(address), unique('jobs')
    total, done = 1200, collections.Counter()

    def run(number):
        mine = connect(address)
        if number < 2:
            for i in range(total // 2):
                mine.lpush(k, '%d-%d' % (number, i))
            return 0
        count = 0
        while True:
            job = mine.blmove(k, k + 'busy%d' % number, 1, 'RIGHT', 'LEFT')
            if job is None:
                return count
            done[job] += 1
            equal(mine.lrem(k + 'busy%d' % number, 1, job), 1)
            count += 1

    counts = in_threads(8, run)
    equal((sum(counts), len(done), set(done.values())), (total, total, {1}))


@cases('locks: owners, timeouts, extension, and a lock that was lost')
def locks(address):
    r, name = connect(address), unique('lock')
    lock, other = r.lock(name, timeout=60), r.lock(name, timeout=60, blocking=False)
    equal((lock.acquire(), other.acquire(), lock.locked(), lock.owned(), other.owned()), (True, False, True, True, False))
    equal((lock.extend(100), 60 < r.ttl(name) <= 160, lock.extend(10, replace_ttl=True), 0 < r.ttl(name) <= 10,
           lock.reacquire(), 10 < r.ttl(name) <= 60), (True,) * 6)
    lock.release()
    equal((r.exists(name), other.acquire()), (0, True))
    refused('Cannot release an unlocked lock', lock.release)
    r.set(name, 'stolen')
    refused("Cannot release a lock that's no longer owned", other.release)
    equal(r.get(name), 'stolen')
    r.delete(name)
    brief = r.lock(name, timeout=0.05)
    brief.acquire()
    equal(r.lock(name, timeout=1, sleep=0.01, blocking_timeout=20).acquire(), True, 'after the first one expired')
    refused("Cannot extend a lock that's no longer owned", brief.extend, 10)


@cases('locks: eight threads never hold one at the same time')
def contended_lock(address):
    name, inside, worst, order = unique('lock'), [], [], []

    def work(number):
        mine = connect(address)
        for _ in range(10):
            with mine.lock(name, timeout=30, sleep=0.002, blocking_timeout=60):
                inside.append(number)
                worst.append(len(inside))
                value = int(mine.get(name + 'n') or 0)
                mine.set(name + 'n', value + 1)
                order.append(number)
                inside.pop()

    in_threads(8, work)
    equal((max(worst), connect(address).get(name + 'n'), len(order)), (1, '80', 80))


@cases('pools: a limit, waiting for a free connection, URLs with a database')
def pools(address):
    k = unique('pool')
    pool = redis.ConnectionPool.from_url('redis://%s/3?decode_responses=True' % address, max_connections=2)
    r = redis.Redis(connection_pool=pool)
    equal((r.set(k, 'in 3'), r.get(k), connect(address).get(k), connect(address, db=3).get(k)), (True, 'in 3', None, 'in 3'))
    held = [pool.get_connection('PING') for _ in range(2)]
    refused('Too many connections', r.get, k)
    for connection in held:
        pool.release(connection)
    equal(r.get(k), 'in 3')
    equal((r.move(k, 0), r.get(k), connect(address).getdel(k)), (True, None, 'in 3'))
    pool.disconnect()
    shared = connect(address, connection_pool=redis.BlockingConnectionPool(
        host=address.rsplit(':')[0], port=int(address.rsplit(':')[1]), max_connections=3, timeout=30))
    before = shared.client_list()
    in_threads(12, lambda number: [shared.incr(k) for _ in range(50)])
    equal((int(shared.get(k)), len(shared.client_list()) <= len(before) + 2), (600, True))


@cases('a connection that was killed is made again: health checks, retries, subscriptions')
def killed_connections(address):
    r, k = connect(address), unique('kill')
    mine = connect(address, client_name=k, health_check_interval=1, retry=Retry(ExponentialBackoff(cap=0.5, base=0.01), 5),
                   retry_on_error=[redis.ConnectionError], retry_on_timeout=True)
    equal((mine.set(k, 'before'), mine.client_getname()), (True, k))
    (client,) = [c for c in r.client_list() if c['name'] == k]
    equal(r.client_kill_filter(_id=client['id']), 1)
    equal(mine.get(k), 'before')
    (again,) = [c for c in r.client_list() if c['name'] == k]
    equal(again['id'] != client['id'], True, 'another connection')
    p = mine.pubsub(ignore_subscribe_messages=True)
    p.subscribe(k)
    wait_for('the subscription', lambda: p.get_message(timeout=0.05) or r.publish(k, 'one'))
    equal(r.client_kill_filter(_type='pubsub') >= 1, True)

    def subscribed_again():
        try:
            p.get_message(timeout=0.05)
        except redis.ConnectionError:
            return False
        return r.publish(k, 'two') == 1

    wait_for('the subscription to be made again', subscribed_again)
    wait_for('the message', lambda: (p.get_message(timeout=0.1) or {}).get('data') == 'two')
    p.close()


@cases('a timeout of the socket is the client\'s error, and the next reply is the right one')
def timeouts(address):
    r, k = connect(address, socket_timeout=0.2), unique('slow')
    try:
        r.blpop(k, timeout=30)
        raise AssertionError('no timeout')
    except redis.TimeoutError:
        pass
    equal((r.set(k + 'x', 'fine'), r.get(k + 'x')), (True, 'fine'))


@cases('values are bytes: every byte in keys, fields and values; 20 MB in one')
def binary(address):
    r, everything = connect(address, decode_responses=False), bytes(range(256))
    k = unique('bytes').encode() + everything
    r.set(k, everything)
    equal((r.get(k), r.keys(k[:14] + b'*')), (everything, [k]))
    r.hset(k + b'h', everything, everything[::-1])
    equal(r.hgetall(k + b'h'), {everything: everything[::-1]})
    r.sadd(k + b's', b'', b'\r\n', b'\0')
    equal(r.smembers(k + b's'), {b'', b'\r\n', b'\0'})
    large = everything * 80_000
    equal((r.set(k, large), r.get(k) == large, r.strlen(k)), (True, True, len(large)))
    text = connect(address)
    text.set(k.decode('latin-1'), 'Grüße, 世界')
    equal(text.get(k.decode('latin-1')), 'Grüße, 世界')
    r.delete(k)


@cases('asyncio: pipelines, 200 commands at once, pub/sub, waiting pops')
def asynchronous(address):
    k = unique('async')

    async def run():
        r = redis.asyncio.Redis(host=address.rsplit(':')[0], port=int(address.rsplit(':')[1]), decode_responses=True,
                                max_connections=20)
        limit = asyncio.Semaphore(20)

        async def one(number):
            async with limit:
                return await r.incrby(k, number)

        await asyncio.gather(*(one(i) for i in range(200)))
        equal(await r.get(k), str(sum(range(200))))
        async with r.pipeline(transaction=True) as pipe:
            equal(await pipe.set(k, 1).incr(k).get(k).execute(), [True, 2, '2'])
        waiter = asyncio.create_task(r.blpop(k + 'l', timeout=30))
        subscription = r.pubsub(ignore_subscribe_messages=True)
        await subscription.subscribe(k)
        heard = []

        async def listen():
            async for message in subscription.listen():
                heard.append(message['data'])
                if message['data'] == 'end':
                    return

        listener = asyncio.create_task(listen())
        while await r.publish(k, 'hello') != 1:
            await asyncio.sleep(0.01)
        await r.publish(k, 'end')
        await asyncio.wait_for(listener, 30)
        await r.rpush(k + 'l', 'served')
        equal((await asyncio.wait_for(waiter, 30), heard), ((k + 'l', 'served'), ['hello', 'end']))
        await subscription.close()
        await r.close()
        await r.connection_pool.disconnect()

    asyncio.run(run())


@cases('MONITOR shows what others do')
def monitor(address):
    r, k = connect(address), unique('monitored')
    with connect(address).monitor() as m:
        r.set(k, 'a "quoted" value\n')
        found = wait_for('the command', lambda: (lambda c: c if k in c['command'] else None)(m.next_command()), 30, 0)
        equal((found['db'], found['command'], abs(found['time'] - time.time()) < 3600),
              (0, 'SET %s a "quoted" value\\n' % k, True))


if __name__ == '__main__':
    cases.main()
