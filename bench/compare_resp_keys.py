"""Parts of bench/compare resp about what is kept: memory a key, and restarts."""
import signal
import time

from compare_report import median
from compare_resp_servers import Client, LeatInterval, LeatNone, Redis, RedisEverySecond, command
from compare_server import Failed

STRINGS = 1_000_000
COLLECTIONS = 100_000
MEMBERS = {'hash': 5, 'sorted set': 10}
RESTORE_SECONDS = 2


def strings(count):
    for number in range(count):
        yield b'*3\r\n$3\r\nSET\r\n$16\r\nkey:%012d\r\n$10\r\n%010d\r\n' % (number, number)


def hashes(count):
    for number in range(count):
        fields = [word for field in range(MEMBERS['hash']) for word in (b'field%d' % field, b'%010d' % (number + field))]
        yield command(b'HSET', b'key:%012d' % number, *fields)


def sorted_sets(count):
    for number in range(count):
        scores = range(number % 1000, number % 1000 + MEMBERS['sorted set'])
        members = [word for score in scores for word in (b'%d' % score, b'member%04d' % score)]
        yield command(b'ZADD', b'key:%012d' % number, *members)


KINDS = {'string of 10 bytes': (strings, STRINGS), 'hash of 5 fields': (hashes, COLLECTIONS),
         'sorted set of 10': (sorted_sets, COLLECTIONS)}


def memory(options, report):
    for kind, (commands, count) in KINDS.items():
        found = {}
        for system in wanted(options, report, LeatNone, Redis):
            found[system] = bytes_a_key(options, system, commands, count)
            for what, value in found[system].items():
                report.add('%s, %s a key, %s' % (system.name, what, kind), value, 'B')
        if LeatNone in found and Redis in found:
            for what in found[Redis]:
                report.add('leat to Redis, %s a key, %s' % (what, kind), found[LeatNone][what] / found[Redis][what], '×', 1.0,
                           'less')


def bytes_a_key(options, system, commands, count):
    with system(options) as server, Client(server.client_port) as client:
        client.fill(commands(1000))  # buffers that a connection needs
        client.call('FLUSHALL')
        time.sleep(0.5)
        rss, used = server.rss_mb(), client.used_memory()
        client.fill(commands(count))
        expect_keys(system, client, count)
        time.sleep(0.5)
        return {'RSS': (server.rss_mb() - rss) * 1048576 / count, 'used_memory': (client.used_memory() - used) / count}


def restore(options, report):
    count = STRINGS
    key, value = 'key:%012d' % (count - 1), b'%010d' % (count - 1)
    for system in wanted(options, report, LeatInterval, RedisEverySecond, RedisSnapshot):
        runs = {signal.SIGTERM: [], signal.SIGKILL: []}
        with system(options) as server:
            with Client(server.client_port) as client:
                client.fill(strings(count))
            time.sleep(2)  # a file that is flushed once a second has everything
            for how in [how for _ in range(options.repeat) for how in runs]:
                if isinstance(server, RedisSnapshot):
                    with Client(server.client_port) as client:
                        client.call('SAVE')
                runs[how].append(server.restart(how, key, value))
                with Client(server.client_port) as client:
                    expect_keys(system, client, count)
        target = RESTORE_SECONDS if system is LeatInterval else None
        for how, label in ((signal.SIGTERM, 'a clean stop'), (signal.SIGKILL, 'kill -9')):
            report.add('%s, first correct GET after %s, %s keys' % (system.name, label, '{:,}'.format(count)),
                       median(runs[how]), 's', target, 'less', runs=runs[how])


class RedisSnapshot(Redis):
    name = 'Redis snapshot'


def wanted(options, report, *systems):
    """leat, and those of the peers that are wanted and can run here."""
    words = [word.strip().lower() for word in options.peers.split(',')]
    for system in systems:
        if not system.missing() and (system.name.startswith('leat') or any(word in system.name.lower() for word in words)):
            yield system
        elif system.missing():
            report.left_out(system.name, system.missing())


def expect_keys(system, client, count):
    held = client.call('DBSIZE')
    if held != count:
        raise Failed('%s has %d keys, not %d' % (system.name, held, count))


STEPS = {'memory': memory, 'restore': restore}
