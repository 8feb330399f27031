"""What the client suites share: a real server on free ports, and a list of cases that print ok or FAILED lines."""
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
LEAT = ROOT / 'build' / 'release' / 'leat'


class Ports:
    """Ports below those that the kernel gives to outgoing connections, so that they stay free while a server restarts. They
    come in blocks, which a process holds, by the name of a socket, for as long as it lives: suites run side by side."""
    FIRST, BLOCKS, SIZE = 20000, 100, 100

    def __init__(self):
        self.lock, self.holders, self.left = threading.Lock(), [], iter(())

    def take(self):
        with self.lock:
            while True:
                for port in self.left:
                    if self.is_free(port):
                        return port
                self.left = iter(self.hold_block())

    def hold_block(self):
        for block in random.sample(range(self.BLOCKS), self.BLOCKS):
            holder = socket.socket(socket.AF_UNIX)
            try:
                holder.bind('\0leat-test-ports-%d' % block)
            except OSError:
                holder.close()
                continue
            self.holders.append(holder)
            return range(self.FIRST + block * self.SIZE, self.FIRST + (block + 1) * self.SIZE)
        raise AssertionError('all blocks of ports are held by other processes')

    @staticmethod
    def is_free(port):
        with socket.socket() as probe:
            try:
                probe.bind(('127.0.0.1', port))
                return True
            except OSError:
                return False


free_port = Ports().take  # a port that nobody listens on, and that nobody else is given


def wait_for(what, condition, seconds=60, pause=0.05, state=None):
    """The first true result of condition(); fails after `seconds`, naming what was waited for and what state() gives."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            found = '; there is %s' % (state(),) if state else ''
            raise AssertionError('waited %d s for %s%s' % (seconds, what, found))
        time.sleep(pause)


class Server:
    """`leat serve` with a data folder of its own. Ports stay the same when it is started again."""

    def __init__(self, *options, data=None, leat=None, environment=None, wrap=(), resp=False):
        self.leat = str(leat or os.environ.get('LEAT', LEAT))
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='leat-test-'))
        self.data = pathlib.Path(data) if data else self.folder / 'data'
        self.kafka_port, self.http_port, self.sqs_port = free_port(), free_port(), free_port()
        self.address = '127.0.0.1:%d' % self.kafka_port
        self.sqs = 'http://127.0.0.1:%d' % self.sqs_port
        self.resp_port = free_port()
        self.resp = '127.0.0.1:%d' % self.resp_port
        self.options, self.wrap = [*(('--listen', 'resp=' + self.resp) if resp else ()), *options], list(wrap)
        own = {k: v for k, v in os.environ.items() if not k.startswith('LEAT')}  # they would configure the server
        self.environment = {**own, **(environment or {})}
        self.log = self.folder / 'server.log'
        self.process = None

    def command(self):
        return self.wrap + [self.leat, 'serve', '--listen', 'kafka=' + self.address,
                            '--listen', 'sqs=127.0.0.1:%d' % self.sqs_port,
                            '--listen', 'http=127.0.0.1:%d' % self.http_port, '--data', str(self.data)] + self.options

    def spawn(self):
        with open(self.log, 'ab') as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=self.environment)
        return self

    def start(self, seconds=60):
        self.spawn()
        self.wait_ready(seconds)
        return self

    def http(self, path, seconds=10):
        """(status, text) of a GET."""
        try:
            with urllib.request.urlopen('http://127.0.0.1:%d%s' % (self.http_port, path), timeout=seconds) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors='replace')

    def metrics(self):
        """What /metrics shows: sample as it is written there, without its value → value."""
        lines = self.http('/metrics')[1].splitlines()
        return {sample: float(value) for sample, _, value in
                (line.rpartition(' ') for line in lines if line and not line.startswith('#'))}

    def ready(self):
        if self.process.poll() is not None:
            raise AssertionError('the server ended with %d:\n%s' % (self.process.returncode, self.log_tail()))
        try:
            return self.http('/readyz')[0] == 200
        except OSError:
            return False

    def wait_ready(self, seconds=60):
        wait_for('the server to be ready', self.ready, seconds, pause=0.01)

    def kill(self):
        """As a power cut is to the process: SIGKILL."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, seconds=60):
        """SIGTERM; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def rss_kb(self):
        with open('/proc/%d/status' % self.process.pid) as status:
            for line in status:
                if line.startswith('VmRSS:'):
                    return int(line.split()[1])
        raise AssertionError('the server has no memory')

    def log_tail(self, lines=25):
        try:
            return '\n'.join(self.log.read_text(errors='replace').splitlines()[-lines:])
        except OSError:
            return ''

    def __enter__(self):
        return self

    def __exit__(self, error_type, *_):
        if self.process and self.process.poll() is None:
            try:
                self.stop(20)
            except subprocess.TimeoutExpired:
                self.kill()
        if error_type and error_type is not Skip:
            print('\n'.join('    server: ' + line for line in self.log_tail(12).splitlines()))
        shutil.rmtree(self.folder, ignore_errors=True)


class Skip(Exception):
    """A case that cannot run here; the message says why."""


class Cases:
    """Named functions, run in the order of their definition, each printing one line."""

    def __init__(self, suite):
        self.suite, self.cases = suite, []

    def __call__(self, name):
        def add(function):
            self.cases.append((name, function))
            return function
        return add

    def run(self, *arguments):
        """Runs all, or those whose name contains a word of $CASES. Returns the number that failed."""
        wanted = os.environ.get('CASES', '').split(',')
        failed = 0
        for name, function in self.cases:
            if not any(w in name for w in wanted):
                continue
            try:
                function(*arguments)
                print('ok %s: %s' % (self.suite, name), flush=True)
            except Skip as why:
                print('skipped %s: %s: %s' % (self.suite, name, why), flush=True)
            except Exception as error:  # a case fails, whatever it raised
                failed += 1
                print('FAILED %s: %s: %s: %s' % (self.suite, name, type(error).__name__, error))
                for line in traceback.format_exc().splitlines()[-9:-1]:
                    print('    ' + line)
                sys.stdout.flush()
        return failed

    def main(self):
        """For a suite that is a program of its own: SUITE ADDRESS."""
        sys.exit(1 if self.run(sys.argv[1]) else 0)


def equal(actual, expected, what=''):
    if actual != expected:
        raise AssertionError('%s: got %s, expected %s' % (what or 'values differ', short(actual), short(expected)))


def short(value):
    text = repr(value)
    return text if len(text) < 300 else text[:200] + '… (%d characters)' % len(text)


def unique(prefix):
    """A topic or group name that no other case uses."""
    return '%s-%08x' % (prefix, random.getrandbits(32))
