"""The servers that bench/compare resp measures: leat, Debian's redis-server and memcached, each on a folder and a port of
its own on the loopback address; and how they are spoken to."""
import json
import os
import pwd
import signal
import socket
import time

from compare_peers import Peer, Program, cpu_seconds, memory_mb
from compare_server import Failed, OwnServer, built_program, call, free_port


class Client:
    """One connection that speaks RESP2."""

    def __init__(self, port, timeout=120):
        self.socket = socket.create_connection(('127.0.0.1', port), timeout=timeout)
        self.file = self.socket.makefile('rb', buffering=1 << 18)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def call(self, *words):
        self.socket.sendall(command(*(word.encode() for word in words)))
        return self.reply()

    def reply(self):
        """Bytes, a number, None or a list; an error is raised."""
        line = self.file.readline()
        if not line.endswith(b'\r\n'):
            raise ConnectionError('the connection ended')
        kind, rest = line[:1], line[1:-2]
        if kind == b'-':
            raise Failed(rest.decode(errors='replace'))
        if kind == b':':
            return int(rest)
        if kind == b'$':
            return None if rest == b'-1' else self.file.read(int(rest) + 2)[:-2]
        if kind == b'*':
            return None if rest == b'-1' else [self.reply() for _ in range(int(rest))]
        return rest

    def fill(self, commands, at_once=1000):
        """Calls them all, many in one go."""
        waiting = []
        for one in commands:
            waiting.append(one)
            if len(waiting) == at_once:
                self.exchange(waiting)
                waiting = []
        self.exchange(waiting)

    def exchange(self, commands):
        self.socket.sendall(b''.join(commands))
        for _ in commands:
            self.reply()

    def used_memory(self):
        for line in self.call('INFO', 'memory').decode().splitlines():
            if line.startswith('used_memory:'):
                return int(line.split(':')[1])
        raise Failed('INFO tells no used_memory')


def command(*words):
    return b'*%d\r\n' % len(words) + b''.join(b'$%d\r\n%s\r\n' % (len(word), word) for word in words)


def first_reply(server, key, value, begun, seconds=120):
    """The seconds from `begun` until GET of a key answers what it should."""
    while True:
        try:
            with Client(server.client_port) as client:
                while True:
                    got = client.call('GET', key)
                    if got != value:
                        raise ValueError('%s: GET after a restart answered %r' % (server.name, got))
                    return time.monotonic() - begun
        except (OSError, Failed):  # not listening yet, or still loading
            if not server.is_running():
                raise Failed('%s ended after its restart: %s' % (server.name, server.log_tail())) from None
            if time.monotonic() - begun > seconds:
                raise Failed('%s did not answer within %d s of a restart' % (server.name, seconds)) from None
            time.sleep(0.001)


class Leat(OwnServer):
    """`leat serve` on an empty folder, spoken to as Redis; stands beside Peer."""
    name, system, durability = 'leat', 'resp', ''

    def __init__(self, options):
        self.client_port = free_port()
        super().__init__(options, '--listen', 'resp=127.0.0.1:%d' % self.client_port, '--listen', 'http=127.0.0.1:0',
                         '--resp.durability', self.durability)

    @staticmethod
    def missing():
        return None

    def restart(self, how, key, value):
        """Ends the server by a signal, starts it, and returns the seconds from the start to the first correct answer."""
        if how == signal.SIGTERM:
            self.stop()
        else:
            self.kill()
        begun = time.monotonic()
        self.start(120)
        return first_reply(self, key, value, begun)

    def is_running(self):
        return self.child.poll() is None

    def pid(self):
        return self.child.pid

    def cpu_seconds(self):
        return cpu_seconds(self.child.pid)

    def rss_mb(self):
        return memory_mb(self.child.pid)


class LeatNone(Leat):
    name, durability = 'leat none', 'none'


class LeatInterval(Leat):
    name, durability = 'leat interval', 'interval'


class LeatCommit(Leat):
    name, durability = 'leat commit', 'commit'


class OneProgram(Peer):
    """A peer of one process."""

    @property
    def client_port(self):
        return self.port

    def pid(self):
        return self.running[-1].child.pid

    def is_running(self):
        return self.running[-1].child.poll() is None

    def log_tail(self):
        return (self.folder / 'log').read_text(errors='replace')[-600:]

    def cpu_seconds(self):
        return cpu_seconds(self.pid())


class Redis(OneProgram):
    """Without snapshots and rewrites of its file, unless it is asked for them."""
    name, system, programs, package = 'Redis', 'resp', ('redis-server', 'redis-benchmark'), 'redis-server redis-tools'
    words = ('--save', '', '--appendonly', 'no')

    def commands(self):
        (self.folder / 'data').mkdir(exist_ok=True)
        yield ['redis-server', '--bind', '127.0.0.1', '--port', str(self.port), '--dir', str(self.folder / 'data'),
               '--daemonize', 'no', *self.words], None

    def restart(self, how, key, value):
        child = self.running[-1].child
        child.send_signal(how)
        child.wait(120)
        begun = time.monotonic()
        self.running = [Program(words, self.folder, environment) for words, environment in self.commands()]
        return first_reply(self, key, value, begun)


class RedisEverySecond(Redis):
    name = 'Redis everysec'
    words = ('--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec', '--auto-aof-rewrite-percentage', '0')


class RedisAlways(Redis):
    name = 'Redis always'
    words = ('--save', '', '--appendonly', 'yes', '--appendfsync', 'always', '--auto-aof-rewrite-percentage', '0')


class Memcached(OneProgram):
    name, system, programs, package = 'memcached', 'memcached', ('memcached',), 'memcached'

    def commands(self):
        yield ['memcached', '-l', '127.0.0.1', '-p', str(self.port), '-U', '0', '-m', '1024', '-u',
               pwd.getpwuid(os.getuid()).pw_name], None


def load(options, server, mode, **words):
    """What resp_load measured on a server."""
    program = built_program(options, 'resp_load')
    if not program:
        raise Failed('there is no resp_load: build the release preset')
    arguments = [part for name, value in words.items() for part in ('--' + name.replace('_', '-'), str(value))]
    return json.loads(call([program, server.system, mode, '--port', str(server.client_port), '--server-pid', str(server.pid()),
                            *arguments]))
