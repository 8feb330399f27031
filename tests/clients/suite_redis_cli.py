#!/usr/bin/python3
"""redis-cli (Debian's redis-tools) against a server: suite_redis_cli.py ADDRESS"""
import os
import re
import shutil
import subprocess
import tempfile
import time

from harness import Cases, Skip, equal, unique, wait_for
from resp_support import connect

cases = Cases('redis_cli')


def command(address, *arguments):
    if not shutil.which('redis-cli'):
        raise Skip('there is no redis-cli')
    host, port = address.rsplit(':', 1)
    return ['redis-cli', '-h', host, '-p', port, *map(str, arguments)]


def cli(address, *arguments, text='', code=0, **options):
    """What it prints, and on which stream does not matter."""
    done = subprocess.run(command(address, *arguments), input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=60, **options)
    equal(done.returncode, code, 'the exit code; it printed %r' % done.stdout)
    return done.stdout


def interactive(address, *lines, options=()):
    """What it prints to somebody at a terminal."""
    return cli(address, '--no-raw', *options, text='\n'.join(lines) + '\n')


@cases('the formats of replies that people see')
def formats(address):
    k = unique('cli')
    equal(interactive(address, 'set %s "a \\"value\\"\\n"' % k, 'get %s' % k, 'get %s-none' % k, 'incr %s-n' % k,
                      'rpush %s-l one two' % k, 'lrange %s-l 0 -1' % k, 'lrange %s-none 0 -1' % k, 'type %s' % k),
          'OK\n"a \\"value\\"\\n"\n(nil)\n(integer) 1\n(integer) 2\n1) "one"\n2) "two"\n(empty array)\nstring\n')
    equal(cli(address, 'lrange', k + '-l', 0, -1), 'one\ntwo\n', 'raw, as scripts see it')
    equal(interactive(address, 'eval "return {1, {2, {3}}, \'x\'}" 0'), '1) (integer) 1\n2) 1) (integer) 2\n   2) 1) (integer) 3\n3) "x"\n')
    equal(cli(address, '-d', ', ', 'lrange', k + '-l', 0, -1), 'one, two\n')


@cases('RESP3: maps, sets, doubles and nulls are shown as such')
def resp3(address):
    k = unique('cli')
    equal(interactive(address, 'hset %s a 1 b 2' % k, 'hgetall %s' % k, 'sadd %s-s x' % k, 'smembers %s-s' % k,
                      'zadd %s-z 1.5 m' % k, 'zscore %s-z m' % k, 'zrange %s-z 0 -1 withscores' % k, 'get %s-none' % k,
                      options=('-3',)),
          '(integer) 2\n1# "a" => "1"\n2# "b" => "2"\n(integer) 1\n1~ "x"\n(integer) 1\n(double) 1.5\n'
          '1) 1) "m"\n   2) (double) 1.5\n(nil)\n')
    equal(interactive(address, 'hgetall %s' % k, 'zscore %s-z m' % k), '1) "a"\n2) "1"\n3) "b"\n4) "2"\n"1.5"\n')


@cases('--csv, --json and --quoted-json')
def machine_formats(address):
    k = unique('cli')
    cli(address, 'rpush', k, 'a', 'b "c"', 'ü')
    cli(address, 'hset', k + 'h', 'field', 'value')
    equal(cli(address, '--csv', 'lrange', k, 0, -1), '"a","b \\"c\\"","\\xc3\\xbc"\n')
    equal(cli(address, '--json', 'lrange', k, 0, -1), '["a","b \\"c\\"","ü"]\n')
    equal(cli(address, '--json', 'hgetall', k + 'h'), '{"field":"value"}\n')
    equal(cli(address, '--quoted-json', 'lrange', k, 2, 2), '["\\\\xc3\\\\xbc"]\n')


@cases('exit codes and words of errors')
def errors(address):
    k = unique('cli')
    cli(address, 'rpush', k, 'x')
    wrong = 'WRONGTYPE Operation against a key holding the wrong kind of value'
    equal(cli(address, 'get', k), wrong + '\n\n')
    equal(cli(address, '-e', 'get', k, code=1), wrong + '\n')
    equal(interactive(address, 'get ' + k), '(error) %s\n' % wrong)
    equal(interactive(address, 'nosuch a b'), "(error) ERR unknown command 'nosuch', with args beginning with: 'a' 'b' \n")
    equal(interactive(address, 'get'), "(error) ERR wrong number of arguments for 'get' command\n")
    equal(cli('127.0.0.1:1', 'ping', code=1), 'Could not connect to Redis at 127.0.0.1:1: Connection refused\n')


@cases('-x and -X take the last argument, or any, from standard input')
def from_input(address):
    k, value = unique('cli'), 'some text\nof two lines'
    equal(cli(address, '-x', 'set', k, text=value), 'OK\n')
    equal(cli(address, 'get', k), value + '\n')
    equal(cli(address, '-X', 'here', 'set', k, 'here', 'ex', 100, text='inside'), 'OK\n')
    equal(cli(address, 'get', k), 'inside\n')


@cases('-r and -i repeat, -n selects a database, a file of commands is done line by line')
def repeats(address):
    k = unique('cli')
    equal(cli(address, '-r', 5, '-i', 0.01, 'incr', k), '1\n2\n3\n4\n5\n')
    equal((cli(address, '-n', 4, 'set', k, 'in 4'), cli(address, 'get', k), cli(address, '-n', 4, 'get', k)), ('OK\n', '5\n', 'in 4\n'))
    equal(cli(address, text='multi\nset %s 1\nincr %s\nexec\nget %s\n' % (k, k, k)), 'OK\nQUEUED\nQUEUED\nOK\n2\n2\n')
    equal(cli(address, '-u', 'redis://%s/4' % address, 'del', k), '1\n')


@cases('--pipe inserts 50,000 keys, and tells of errors')
def mass_insertion(address):
    k, r = unique('cli'), connect(address)
    lines = ''.join('SET %s:%d value-%d\r\n' % (k, i, i) for i in range(25_000))
    words = ''.join('*3\r\n$3\r\nSET\r\n$%d\r\n%s:%d\r\n$1\r\nx\r\n' % (len('%s:%d' % (k, i)), k, i) for i in range(25_000, 50_000))
    printed = cli(address, '--pipe', text=lines + words)
    equal(printed.splitlines()[-1], 'errors: 0, replies: 50000')
    equal((r.mget(k + ':0', k + ':24999', k + ':49999'), sum(1 for _ in r.scan_iter(k + ':*', count=5000))),
          (['value-0', 'value-24999', 'x'], 50_000))
    printed = cli(address, '--pipe', text='LPUSH %s:1 x\r\nGET %s:1\r\n' % (k, k), code=1)
    equal((printed.splitlines()[-1], 'WRONGTYPE' in printed), ('errors: 1, replies: 2', True))
    r.delete(*r.scan_iter(k + ':*', count=5000))


@cases('--scan with a pattern; --bigkeys, --memkeys and --hotkeys find what is large')
def scans(address):
    k, r = unique('cli'), connect(address, db=6)
    r.flushdb()
    r.mset({'%s:%d' % (k, i): 'x' * i for i in range(1, 500)})
    r.rpush(k + ':list', *range(700))
    r.sadd(k + ':set', 1, 2)
    r.zadd(k + ':zset', {'m': 1})
    r.hset(k + ':hash', 'a', 1)
    r.xadd(k + ':stream', {'a': 1})
    found = cli(address, '-n', 6, '--scan', '--pattern', k + ':1?').split()
    equal(sorted(found), ['%s:%d' % (k, i) for i in range(10, 20)])
    big = cli(address, '-n', 6, '--bigkeys')
    for line in ('Sampled 504 keys in the keyspace!', "Biggest string found '\"%s:499\"' has 499 bytes" % k,
                 "Biggest   list found '\"%s:list\"' has 700 items" % k, '499 strings with 124750 bytes', '1 streams with 1 entries'):
        equal(line in big, True, '%s in %s' % (line, big[-900:]))
    memory = cli(address, '-n', 6, '--memkeys')
    equal(bool(re.search(r"Biggest string found '\"%s:\d+\"' has \d{3} bytes" % k, memory)), True, memory[-900:])
    equal('An LFU maxmemory policy is not selected' in cli(address, '-n', 6, '--hotkeys', code=1), True)
    r.flushdb()


@cases('--stat, INFO and --latency read on')
def statistics(address):
    with subprocess.Popen(command(address, '--stat', '-i', '0.05'), stdout=subprocess.PIPE, text=True) as stat:
        try:
            lines = [stat.stdout.readline() for _ in range(4)]
        finally:
            stat.terminate()
    equal(lines[1].split()[:4], ['keys', 'mem', 'clients', 'blocked'])
    equal(bool(re.match(r'\d+ +[\d.]+[KMGB]+ +\d+ +\d+ +\d+ \(\+\d+\) +\d+', lines[3])), True, lines[3])
    info = cli(address, 'info', 'server').replace('\r', '').splitlines()
    equal((info[0], any(line.startswith('redis_version:') for line in info)), ('# Server', True))
    low, high, average, count = cli(address, '--latency', '-i', 0.1, '--raw').split()
    equal((0 <= float(low) <= float(average) <= float(high), int(count) >= 1), (True, True))


@cases('MONITOR and SUBSCRIBE print what comes')
def follows(address):
    k, r = unique('cli'), connect(address)
    for words, act, expected in (
            (('monitor',), lambda: r.set(k, 'a "b"\n'), '"SET" "%s" "a \\"b\\"\\n"' % k),
            (('psubscribe', k + '*'), lambda: r.publish(k + '-news', 'hello'), 'pmessage\n%s*\n%s-news\nhello' % (k, k))):
        with tempfile.TemporaryFile('w+') as printed, \
                subprocess.Popen(command(address, *words), stdout=printed, stderr=subprocess.STDOUT) as follower:
            try:
                def shown():
                    act()
                    return expected in os.pread(printed.fileno(), 1 << 20, 0).decode()
                wait_for(' '.join(words), shown)
            finally:
                follower.terminate()


@cases('--eval runs a file of Lua with keys and arguments; functions load from a file')
def scripts(address):
    k = unique('cli')
    with tempfile.NamedTemporaryFile('w', suffix='.lua') as file:
        file.write('redis.call("SET", KEYS[1], ARGV[1])\nreturn {KEYS[1], ARGV[1], redis.call("STRLEN", KEYS[1])}\n')
        file.flush()
        equal(cli(address, '--eval', file.name, k, ',', 'value'), '%s\nvalue\n5\n' % k)
    library = k.replace('-', '_')
    code = "#!lua name=%s\nredis.register_function('%s', function(keys, args) return #keys + #args end)\n" % (library, library)
    equal(cli(address, '-x', 'function', 'load', text=code), library + '\n')
    equal((cli(address, 'fcall', library, 1, k, 'a', 'b'), cli(address, 'function', 'delete', library)), ('3\n', 'OK\n'))


@cases('passwords and users: --user, --pass, REDISCLI_AUTH; AUTH that fails is told')
def users(address):
    k, r = unique('cli'), connect(address)
    r.acl_setuser(k, enabled=True, passwords=['+secret'], categories=['+@all'], keys=['*'])
    try:
        equal(cli(address, '--no-auth-warning', '--user', k, '--pass', 'secret', 'acl', 'whoami'), k + '\n')
        equal(cli(address, '--user', k, 'acl', 'whoami', env={**os.environ, 'REDISCLI_AUTH': 'secret'}), k + '\n')
        printed = cli(address, '--no-auth-warning', '--user', k, '--pass', 'wrong', 'acl', 'whoami')
        equal(printed.splitlines(), ['AUTH failed: WRONGPASS invalid username-password pair or user is disabled.', 'default'])
    finally:
        r.acl_deluser(k)


@cases('waiting commands, and COMMAND DOCS')
def waits(address):
    k, r = unique('cli'), connect(address)
    with subprocess.Popen(command(address, '--no-raw', 'blpop', k, 30), stdout=subprocess.PIPE, text=True) as waiter:
        wait_for('it to wait', lambda: any(c['cmd'] == 'blpop' and 'b' in c['flags'] for c in r.client_list()))
        r.rpush(k, 'came')
        equal(waiter.communicate(timeout=30)[0].splitlines()[:2], ['1) "%s"' % k, '2) "came"'])
    began = time.monotonic()
    equal(interactive(address, 'blpop %s 0.05' % k), '(nil)\n')
    equal(time.monotonic() - began < 30, True)
    docs = cli(address, '--json', 'command', 'docs', 'get')
    equal(('"summary":' in docs, '"since":"1.0.0"' in docs, '"group":"string"' in docs), (True, True, True), docs)


if __name__ == '__main__':
    cases.main()
