"""Locks with fencing tokens, as Redis's clients use them: LOCK.*, FENCE, and records with the header leat-fence."""
import os
import threading
import time

import confluent_kafka
import confluent_kafka.admin
import redis

from harness import Cases, equal, wait_for
from resp_support import connect, in_threads, new_server, refused

cases = Cases('resp_locks')
KILL_ROUNDS = int(os.environ.get('KILL_ROUNDS', '5'))


def acquire(r, *keys, ttl=60_000, wait=0, owner='', options=()):
    return r.execute_command('LOCK.ACQUIRE', *keys, 'TTL', ttl, 'WAIT', wait, 'OWNER', owner, *options)


def fenced(r, key, token):
    """Counts `done` up, unless the lock has a newer holder."""
    pipe = r.pipeline(transaction=True)
    pipe.execute_command('FENCE', key, token)
    pipe.incr('done')
    return pipe.execute()[-1]


@cases('a lock of several keys is acquired whole, told of, extended and released')
def basics(_=None):
    with new_server() as server:
        server.start()
        r = connect(server.resp)
        token = acquire(r, 'stock', 'order', owner='worker-1')
        equal(acquire(r, 'order', 'invoice'), None)
        info = r.execute_command('LOCK.INFO', 'order')
        info = dict(zip(info[::2], info[1::2]))
        equal((info['token'], info['owner'], sorted(info['keys']), info['waiting']),
              (token, 'worker-1', ['order', 'stock'], 0))
        equal(59_000 < info['ttl'] <= 60_000, True, 'the time that is left')
        equal(r.execute_command('LOCK.EXTEND', 'stock', token, 'TTL', 100), 1)
        wait_for('the end of its time', lambda: r.execute_command('LOCK.INFO', 'stock') is None)
        equal(r.execute_command('LOCK.RELEASE', 'stock', token), 0)
        newer = acquire(r, 'order', 'invoice')
        equal(newer > token, True)
        equal(r.execute_command('LOCK.RELEASE', 'invoice', newer), 1)
        equal(r.dbsize(), 0, 'locks are no keys')


@cases('who waits is served in order, and a connection that ends lets the next one in')
def waiting(_=None):
    with new_server() as server:
        server.start()
        r = connect(server.resp)
        token = acquire(r, 'door')
        served = []

        def wait(number):
            time.sleep(number * 0.2)
            mine = connect(server.resp)
            held = acquire(mine, 'door', wait=30_000, options=['ONCLOSE'])
            served.append((number, held))
            time.sleep(0.1)
            mine.close()  # this is all that frees it

        threads = [threading.Thread(target=wait, args=(n,), daemon=True) for n in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(1)
        equal(acquire(r, 'door', wait=50), None, 'its patience is over before its turn')
        r.execute_command('LOCK.RELEASE', 'door', token)
        for thread in threads:
            thread.join(30)
        equal([number for number, _ in served], [0, 1, 2, 3])
        equal([held for _, held in served], sorted(held for _, held in served))


@cases('a write made with an old token is refused: in transactions, in scripts, and as a record of a topic that asks for it')
def fences(_=None):
    with new_server() as server:
        server.start()
        r = connect(server.resp)
        old = acquire(r, 'job:7', ttl=50)
        equal(fenced(r, 'job:7', old), 1)
        wait_for('the end of its time', lambda: r.execute_command('LOCK.INFO', 'job:7') is None)
        newer = acquire(r, 'job:7')
        refused('FENCED', fenced, r, 'job:7', old)
        equal(fenced(r, 'job:7', newer), 2)
        script = "redis.call('FENCE', KEYS[1], ARGV[1]) return redis.call('INCR', KEYS[2])"
        refused('FENCED', r.eval, script, 2, 'job:7', 'done', old)
        equal(r.eval(script, 2, 'job:7', 'done', newer), 3)

        admin = confluent_kafka.admin.AdminClient({'bootstrap.servers': server.address})
        for future in admin.create_topics([
                confluent_kafka.admin.NewTopic('fenced', 2, 1, config={'leat.fence': 'true'}),
                confluent_kafka.admin.NewTopic('free', 1, 1)]).values():
            future.result(30)
        producer = confluent_kafka.Producer({'bootstrap.servers': server.address, 'retries': 0, 'linger.ms': 0})

        def produce(topic, fence, partition=0):
            errors = []
            producer.produce(topic, b'x', partition=partition, headers=[('leat-fence', fence)] if fence else None,
                             on_delivery=lambda error, _: errors.append(error and error.name()))
            producer.flush(30)
            return errors

        equal(produce('fenced', None), [None], 'without the header')
        for partition in (0, 1):
            equal(produce('fenced', 'job:7:%d' % newer, partition), [None])
            equal(produce('fenced', 'job:7:%d' % old, partition), ['INVALID_RECORD'])
        equal(produce('fenced', 'job:7:%d' % (newer + 5)), ['INVALID_RECORD'], 'a token that was never given')
        equal(produce('fenced', 'job:7'), ['INVALID_RECORD'], 'no fence at all')
        equal(produce('free', 'job:7:%d' % old), [None], 'a topic that does not ask')


@cases('what is acquired survives kill -9, bound to a connection or not as asked, and tokens go on growing')
def restarts(_=None):
    with new_server() as server:
        server.start()
        r = connect(server.resp)
        last = 0
        for down in (type(server).kill, type(server).stop, type(server).kill):
            kept = acquire(r, 'kept', ttl=3_600_000, owner='me')
            bound = acquire(r, 'bound', ttl=3_600_000, options=['ONCLOSE'])
            released = acquire(r, 'released')
            r.execute_command('LOCK.RELEASE', 'released', released)
            equal(last < kept < bound < released, True, 'tokens that grow')
            down(server)
            server.start()
            r.connection_pool.disconnect()
            equal(acquire(r, 'kept'), None, 'an hour is not over')
            last = acquire(r, 'bound')
            equal(last > released, True)
            refused('FENCED', fenced, r, 'bound', bound)
            r.execute_command('LOCK.RELEASE', 'bound', last)
            equal(r.execute_command('LOCK.RELEASE', 'kept', kept), 1)


@cases('workers that take turns by a lock lose and double nothing, whenever the server is killed')
def kills(_=None):
    with new_server('--resp.durability', 'commit') as server:
        server.start()
        stop = threading.Event()
        tokens, grants = [], []

        def work(number):
            while not stop.is_set():
                try:
                    r = connect(server.resp)
                    while not stop.is_set():
                        token = acquire(r, 'turn', ttl=2_000, wait=5_000, owner=str(number), options=['ONCLOSE'])
                        if token is None:
                            continue
                        tokens.append(token)
                        before = int(r.get('count') or 0)  # not atomic: only the lock makes it right
                        pipe = r.pipeline(transaction=True)
                        pipe.execute_command('FENCE', 'turn', token)
                        pipe.set('count', before + 1)
                        pipe.incr('truth')
                        pipe.execute()
                        grants.append(number)
                        r.execute_command('LOCK.RELEASE', 'turn', token)
                except redis.RedisError:
                    time.sleep(0.05)

        def kill(_):
            for _ in range(KILL_ROUNDS):
                time.sleep(0.7)
                server.kill()
                server.start()
            time.sleep(1)
            stop.set()

        in_threads(5, lambda number: kill(number) if number == 0 else work(number))
        r = connect(server.resp)
        equal(r.get('count'), r.get('truth'), 'what was counted under the lock')
        equal(int(r.get('truth')) >= len(grants), True, 'nothing that was acknowledged is lost')
        equal(len(tokens), len(set(tokens)), 'no token twice')
        equal(len(set(grants)) > 1 and len(grants) > 20 * KILL_ROUNDS, True, '%d turns' % len(grants))
        print('    %d turns of %d workers in %d kills' % (len(grants), len(set(grants)), KILL_ROUNDS))
