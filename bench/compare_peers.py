"""Other queue servers that bench/compare queues measures beside leat: Debian's packages, each started on a folder and a
port of its own on the loopback address."""
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

from compare_server import Failed, clean_environment, free_port


def cpu_seconds(pid):
    """Time on a core, user and kernel, of all threads of a process, also of those that ended: its CPU clock."""
    return time.clock_gettime((~pid << 3) | 2)


def memory_mb(pid, what='VmRSS'):
    with open('/proc/%d/status' % pid) as status:
        for line in status:
            if line.startswith(what + ':'):
                return int(line.split()[1]) / 1024
    return 0


def session_of(pid):
    """The session that a process belongs to; 0 when it has ended."""
    try:
        stat = pathlib.Path('/proc/%d/stat' % pid).read_text()
    except OSError:
        return 0
    return int(stat.rsplit(')', 1)[1].split()[3])


class Program:
    """A program with all the processes that it starts: one session."""

    def __init__(self, command, folder, environment=None):
        with open(folder / 'log', 'ab') as log:
            self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder,
                                          env={**clean_environment(), **(environment or {})}, start_new_session=True)

    def pids(self):
        return [int(name) for name in os.listdir('/proc') if name.isdigit() and session_of(int(name)) == self.child.pid]

    def end(self, seconds=30):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(seconds)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        for pid in self.pids():  # those that outlived it
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass


def missing_program(programs, package):
    """Why not all of them can run on this machine; None when they can."""
    for program in programs:
        if not shutil.which(program):
            return 'there is no %s (package %s)' % (program, package)
    return None


class Peer:
    """What a subclass says: how it is called, which client of queue_load it needs, how it starts."""
    name = ''
    client = ''
    programs = ()  # that must be there
    package = ''
    words = ()     # further ones for queue_load

    def __init__(self, options):
        self.options = options
        self.port = free_port()
        self.folder = None
        self.running = []

    @classmethod
    def missing(cls):
        """Why it cannot run on this machine; None when it can."""
        return missing_program(cls.programs, cls.package)

    def commands(self):
        """(command, environment) of each program, the server last."""
        raise NotImplementedError

    def queue(self, name):
        """What queue_load calls a queue, which it makes when there is none."""
        return name

    def pids(self):
        return [pid for program in self.running for pid in program.pids()]

    def cpu_seconds(self):
        return sum(cpu_seconds(pid) for pid in self.pids())

    def rss_mb(self):
        return sum(memory_mb(pid) for pid in self.pids())

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='leat-compare-', dir=self.options.folder))
        try:
            for command, environment in self.commands():
                self.running.append(Program(command, self.folder, environment))
            self.await_port()
        except BaseException:
            self.__exit__()
            raise
        return self

    def await_port(self, seconds=60):
        begun = time.monotonic()
        while True:
            try:
                socket.create_connection(('127.0.0.1', self.port), timeout=1).close()
                return
            except OSError:
                tail = (self.folder / 'log').read_text(errors='replace')[-600:]
                if self.running[-1].child.poll() is not None:
                    raise Failed('%s ended: %s' % (self.name, tail)) from None
                if time.monotonic() - begun > seconds:
                    raise Failed('%s did not listen within %d s: %s' % (self.name, seconds, tail)) from None
                time.sleep(0.05)

    def __exit__(self, *_):
        for program in reversed(self.running):
            program.end()
        self.running = []
        shutil.rmtree(self.folder, ignore_errors=True)


class Beanstalkd(Peer):
    client, programs, package = 'beanstalkd', ('beanstalkd',), 'beanstalkd'
    flush = ()

    def commands(self):
        (self.folder / 'data').mkdir()
        yield ['beanstalkd', '-b', str(self.folder / 'data'), *self.flush, '-l', '127.0.0.1', '-p', str(self.port)], None


class BeanstalkdEach(Beanstalkd):
    name, flush = 'beanstalkd -f0', ('-f0',)


class BeanstalkdDefault(Beanstalkd):
    name = 'beanstalkd'


class Redis(Peer):
    """Without snapshots and rewrites of its file, whose work is not the queue's."""
    client, programs, package = 'redis', ('redis-server',), 'redis-server'
    flush = ''

    def commands(self):
        (self.folder / 'data').mkdir()
        yield ['redis-server', '--bind', '127.0.0.1', '--port', str(self.port), '--dir', str(self.folder / 'data'), '--save', '',
               '--appendonly', 'yes', '--appendfsync', self.flush, '--auto-aof-rewrite-percentage', '0'], None


class RedisAlways(Redis):
    name, flush = 'Redis stream, always', 'always'


class RedisEverySecond(Redis):
    name, flush = 'Redis stream, everysec', 'everysec'


class NatsDefault(Peer):
    name, client, programs, package = 'NATS JetStream', 'nats', ('nats-server',), 'nats-server'
    settings = ''

    def config(self, folder, port):
        return ('listen: "127.0.0.1:%d"\njetstream { store_dir: "%s" %s }\n' % (port, folder / 'data', self.settings))

    def commands(self):
        (self.folder / 'nats.conf').write_text(self.config(self.folder, self.port))
        yield ['nats-server', '-c', str(self.folder / 'nats.conf')], None


class NatsAlways(NatsDefault):
    name, settings = 'NATS JetStream, sync always', ', sync_interval: always'

    @classmethod
    def missing(cls):
        why = super().missing()
        if why:
            return why
        with tempfile.TemporaryDirectory(prefix='leat-compare-') as folder:
            config = pathlib.Path(folder) / 'nats.conf'
            config.write_text(cls.config(cls, pathlib.Path(folder), 0))
            tested = subprocess.run(['nats-server', '-c', str(config), '-t'], capture_output=True, text=True, check=False)
        if tested.returncode == 0:
            return None
        version = subprocess.run(['nats-server', '--version'], capture_output=True, text=True, check=False).stdout.strip()
        return '%s cannot flush before it answers: %s' % (version, tested.stderr.strip().split(':')[-1].strip())


class RabbitmqClassic(Peer):
    """Its own epmd, the name server that Erlang needs, is among its processes."""
    name, client, package = 'RabbitMQ classic', 'rabbitmq', 'rabbitmq-server'
    programs = ('/usr/lib/rabbitmq/bin/rabbitmq-server', 'epmd')

    def commands(self):
        epmd = {'ERL_EPMD_PORT': str(free_port()), 'ERL_EPMD_ADDRESS': '127.0.0.1'}
        yield ['epmd'], epmd
        (self.folder / 'rabbitmq.conf').write_text('listeners.tcp.1 = 127.0.0.1:%d\n' % self.port)
        (self.folder / 'env.conf').write_text('')
        (self.folder / 'plugins').write_text('[].\n')
        yield [self.programs[0]], {
            **epmd, 'HOME': str(self.folder), 'RABBITMQ_NODENAME': 'compare%d@localhost' % self.port,
            'RABBITMQ_CONFIG_FILE': str(self.folder / 'rabbitmq'), 'RABBITMQ_CONF_ENV_FILE': str(self.folder / 'env.conf'),
            'RABBITMQ_ENABLED_PLUGINS_FILE': str(self.folder / 'plugins'), 'RABBITMQ_MNESIA_BASE': str(self.folder / 'data'),
            'RABBITMQ_LOG_BASE': str(self.folder / 'logs'), 'RABBITMQ_PID_FILE': str(self.folder / 'pid'),
            'RABBITMQ_DIST_PORT': str(free_port()),
            'RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS': '-kernel inet_dist_use_interface {127,0,0,1}'}


class RabbitmqQuorum(RabbitmqClassic):
    name, words = 'RabbitMQ quorum', ('--quorum', 'true')


class Nginx(Peer):
    """One worker that serves a file of 1 KiB: what HTTP itself takes."""
    name, programs, package = 'nginx', ('nginx',), 'nginx'

    def commands(self):
        (self.folder / 'file').write_bytes(b'x' * 1024)
        (self.folder / 'nginx.conf').write_text(
            'daemon off; worker_processes 1; pid %(folder)s/pid; error_log %(folder)s/log;\n'
            'events { worker_connections 1024; }\n'
            'http { access_log off; keepalive_requests 100000000; client_body_temp_path %(folder)s; proxy_temp_path %(folder)s;\n'
            'fastcgi_temp_path %(folder)s; uwsgi_temp_path %(folder)s; scgi_temp_path %(folder)s; open_file_cache max=10;\n'
            'server { listen 127.0.0.1:%(port)d; location / { root %(folder)s; } } }\n'
            % {'folder': self.folder, 'port': self.port})
        # Its worker takes another user when the master is root; the file must be readable to it.
        self.folder.chmod(0o755)
        yield ['nginx', '-c', str(self.folder / 'nginx.conf')], None


# By what a confirmed send survives: a power loss, or only the end of the process. RabbitMQ 3.10 flushes classic queues
# before it confirms a persistent message, too (strace counts one fsync for each when one is outstanding).
FLUSHED = (RabbitmqQuorum, RabbitmqClassic, BeanstalkdEach, RedisAlways, NatsAlways)
UNFLUSHED = (BeanstalkdDefault, RedisEverySecond, NatsDefault)
