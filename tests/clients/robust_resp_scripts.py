"""Scripts that take long: other clients are told so, may end them, and see all that they did or nothing; a stop of the server ends
them. With TEST_RESP_PEER=redis-server the same holds of Debian's redis-server, but for what is said of leat alone."""
import time

import redis

from harness import Cases, Skip, equal, wait_for
from resp_support import PEER, connect, new_server, refused

cases = Cases('resp_scripts')
FOREVER = 'while true do end'
CAUGHT = 'while true do pcall(function() while true do end end) end'
COUNTS = 'for i = 1, tonumber(ARGV[1]) do end '
LOOPS = 60_000_000  # for much more than THRESHOLD
THRESHOLD = 100


class Raw:
    """A connection on which commands are sent without waiting for their replies."""
    def __init__(self, server):
        host, port = server.resp.rsplit(':', 1)
        self.connection = redis.Connection(host=host, port=int(port), decode_responses=True, socket_timeout=60)
        self.connection.connect()

    def send(self, *words):
        self.connection.send_command(*words)

    def read(self):
        try:
            return self.connection.read_response()
        except redis.ResponseError as error:
            return error

    def close(self):
        self.connection.disconnect()


def server_case(name):
    def decorate(function):
        def run(_=None):
            with new_server() as server:
                server.start()
                r = connect(server.resp)
                r.config_set('lua-time-limit', THRESHOLD)
                function(server, r)
        return cases(name)(run)
    return decorate


def is_busy(r):
    try:
        r.ping()
    except redis.ResponseError as error:
        return str(error).startswith('BUSY')
    return False


def run_long(server, r, *words):
    raw = Raw(server)
    raw.send(*words)
    wait_for('others are told BUSY', lambda: is_busy(r))
    return raw


@server_case('a script that loops is ended by SCRIPT KILL, though it catches errors')
def kill(server, r):
    for script in (FOREVER, CAUGHT):
        raw = run_long(server, r, 'EVAL', script, 0)
        refused('BUSY', r.get, 'a')
        refused('BUSY', r.execute_command, 'FUNCTION', 'KILL')
        refused('wrong number', r.execute_command, 'GET')
        equal(r.script_kill(), True)
        equal(str(raw.read()).startswith('Script killed by user with SCRIPT KILL...'), True)
        raw.send('PING')
        equal(raw.read(), 'PONG')
    refused('NOTBUSY', r.script_kill)


@server_case('a function that loops is ended by FUNCTION KILL')
def kill_function(server, r):
    r.execute_command('FUNCTION', 'LOAD', "#!lua name=l\nredis.register_function('loop', function() while true do end end)")
    raw = run_long(server, r, 'FCALL', 'loop', 1, 'key', 'argument')
    refused('BUSY', r.script_kill)
    running = r.execute_command('FUNCTION', 'STATS')[1]
    equal(running[:4], ['name', 'loop', 'command', ['FCALL', 'loop', '1', 'key', 'argument']])
    equal(r.execute_command('FUNCTION', 'KILL') in ('OK', True), True)
    equal(str(raw.read()).startswith('Script killed by user'), True)


@server_case('a script that has written goes on to its end, and nobody sees its parts')
def written(server, r):
    raw = run_long(server, r, 'EVAL', "redis.call('SET', 'a', 1) " + COUNTS + "redis.call('SET', 'b', 2) return 'done'", 0, LOOPS)
    refused('BUSY', r.get, 'a')
    refused('UNKILLABLE', r.script_kill)
    equal(raw.read(), 'done')
    equal(r.mget('a', 'b'), ['1', '2'])


@server_case('transactions of others are given up, those with a script that is killed go on')
def transactions(server, r):
    other = Raw(server)
    for words in (('MULTI',), ('SET', 'x', 1)):
        other.send(*words)
        other.read()
    raw = Raw(server)
    for words in (('MULTI',), ('SET', 'a', 1), ('EVAL', FOREVER, 0), ('GET', 'a')):
        raw.send(*words)
        raw.read()
    raw.send('EXEC')
    wait_for('others are told BUSY', lambda: is_busy(r))
    other.send('EXEC')
    equal('Transaction discarded because of: BUSY' in str(other.read()), True)
    equal(r.script_kill(), True)
    replies = raw.read()
    equal((replies[0], str(replies[1]).startswith('Script killed'), replies[2]), ('OK', True, '1'))
    equal(r.exists('x'), 0)


@server_case('what comes behind a long script waits for it; a client that goes away leaves it running')
def behind(server, r):
    raw = Raw(server)
    raw.send('EVAL', FOREVER, 0)
    for words in (('SET', 'a', 'x' * 100_000), ('STRLEN', 'a')):
        raw.send(*words)
    wait_for('others are told BUSY', lambda: is_busy(r))
    equal(r.script_kill(), True)
    equal((str(raw.read()).startswith('Script killed'), raw.read(), raw.read()), (True, 'OK', 100_000))
    raw = run_long(server, r, 'EVAL', FOREVER, 0)
    raw.close()
    time.sleep(0.2)
    equal(is_busy(r), True)
    equal(r.script_kill(), True)
    wait_for('nothing runs', lambda: not is_busy(r))


@server_case('time stands still for a script, and waits of others do not end inside it')
def time_stands_still(server, r):
    waiting = Raw(server)
    waiting.send('BLPOP', 'list', 0.5)
    raw = run_long(server, r, 'EVAL', "redis.call('SET', 'k', 1, 'PX', 200) redis.call('RPUSH', 'list', 'x') " + COUNTS +
                   COUNTS + "return {redis.call('EXISTS', 'k'), redis.call('LLEN', 'list')}", 0, LOOPS)
    equal(raw.read(), [1, 1])
    equal(waiting.read(), ['list', 'x'])
    wait_for('the key expires', lambda: r.exists('k') == 0)


@server_case('a stop ends a script that loops, and nothing of it stays')
def stop(server, r):
    if PEER:
        raise Skip('redis-server does not stop while a script that has written runs')
    r.set('before', 1)
    run_long(server, r, 'EVAL', "redis.call('SET', 'a', 1) " + FOREVER, 0)
    server.stop()
    server.start()
    r = connect(server.resp)
    equal((r.get('before'), r.get('a')), ('1', None))


@server_case('many clients are answered while a script runs')
def many(server, r):
    clients = [Raw(server) for _ in range(200)]
    run_long(server, r, 'EVAL', FOREVER, 0)
    for client in clients:
        for _ in range(5):
            client.send('GET', 'a')
    for client in clients:
        for _ in range(5):
            equal(str(client.read())[:21], 'BUSY Redis is busy ru')
    equal(r.script_kill(), True)
