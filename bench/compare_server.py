"""Servers that bench/compare measures: one of its own, or one that runs already."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]


class Failed(Exception):
    """A measurement that could not be made; the message says why."""


def run_steps(steps, options, report):
    """Runs the named steps that --only asks for, and the floors, which the others are compared with. One that fails is reported."""
    for name, step in steps:
        if name != 'floors' and options.only not in name:
            continue
        try:
            step()
        except (Failed, OSError, subprocess.SubprocessError, ValueError) as why:
            report.failed(name, why)


def leat_program(options):
    program = options.leat or str(ROOT / 'build/release/leat')
    if not os.access(program, os.X_OK):
        raise SystemExit('there is no %s: run ./run --build-only first, or name one with --leat' % program)
    return program


def built_program(options, name):
    """The path of a program that makes load, from beside leat or from the release build, built if need be; None when it
    cannot be built: a library is missing."""
    beside = pathlib.Path(leat_program(options)).resolve().parent / 'bench' / name
    program = beside if beside.exists() else ROOT / 'build/release/bench' / name
    if not program.exists():
        subprocess.run(['cmake', '--build', str(ROOT / 'build/release'), '--target', name], capture_output=True, check=False)
    return str(program) if program.exists() else None


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def clean_environment():
    """Variables that would configure the server are left out."""
    return {name: value for name, value in os.environ.items() if not name.startswith('LEAT')}


class Process:
    """What /proc tells of a server."""

    def __init__(self, pid):
        self.pid = pid

    def cpu_seconds(self):
        """Time on a core, user and kernel, of all its threads; none of them ends between two calls."""
        nanoseconds = 0
        for task in pathlib.Path('/proc/%d/task' % self.pid).iterdir():
            nanoseconds += int((task / 'schedstat').read_text().split()[0])
        return nanoseconds / 1e9

    def rss_mb(self):
        with open('/proc/%d/status' % self.pid) as status:
            for line in status:
                if line.startswith('VmRSS:'):
                    return int(line.split()[1]) / 1024
        raise Failed('the server has no memory')

    def descriptors(self):
        return len(os.listdir('/proc/%d/fd' % self.pid))


class OtherServer:
    """A server that somebody else started."""

    def __init__(self, options):
        self.address = options.server
        self.process = Process(options.server_pid) if options.server_pid else None
        self.is_own = False

    def warm(self):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class OwnServer:
    """`leat serve` on an empty folder, which goes with it."""

    def __init__(self, options, *arguments, environment=None):
        self.leat = leat_program(options)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='leat-compare-', dir=options.folder))
        self.port = free_port()
        self.address = '127.0.0.1:%d' % self.port
        self.arguments = list(arguments)
        self.environment = {**clean_environment(), **(environment or {})}
        self.child = None
        self.process = None
        self.is_own = True

    def start(self, seconds=60):
        """Returns the seconds from the start of the process to the first accepted connection."""
        command = [self.leat, 'serve', '--data', str(self.folder / 'data'), '--listen', 'kafka=' + self.address] + self.arguments
        log = open(self.folder / 'log', 'ab')
        begun = time.monotonic()
        self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment)
        log.close()
        while True:
            try:
                socket.create_connection(('127.0.0.1', self.port), timeout=1).close()
                break
            except OSError:
                if self.child.poll() is not None:
                    raise Failed('the server ended with %d:\n%s' % (self.child.returncode, self.log_tail())) from None
                if time.monotonic() - begun > seconds:
                    raise Failed('the server did not listen within %d s' % seconds) from None
                time.sleep(0.0005)
        self.process = Process(self.child.pid)
        return time.monotonic() - begun

    def stop(self, seconds=120):
        self.child.send_signal(signal.SIGTERM)
        if self.child.wait(seconds) != 0:
            raise Failed('the server stopped with %d:\n%s' % (self.child.returncode, self.log_tail()))

    def kill(self):
        self.child.kill()
        self.child.wait()

    def warm(self):
        """Brings every segment into the page cache, where machines that give memory back may not have kept it."""
        for segment in (self.folder / 'data').rglob('*.log'):
            with segment.open('rb', buffering=0) as file:
                while file.read(1 << 20):
                    pass

    def log_tail(self):
        return '\n'.join((self.folder / 'log').read_text(errors='replace').splitlines()[-8:])

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        if self.child and self.child.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def call(command, seconds=900, environment=None):
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, env={**clean_environment(), **(environment or {})})
    if done.returncode != 0:
        raise Failed('%s: %s' % (' '.join(command[:3]), done.stderr.strip() or 'exit code %d' % done.returncode))
    return done.stdout


def bench(options, server, *arguments):
    """What `leat bench ARGUMENTS` measured."""
    return json.loads(call([leat_program(options), 'bench', *arguments, '--server', server.address, '--json']))


def delete_topic(options, server, topic):
    call([leat_program(options), 'topic', 'delete', topic, '--server', server.address])


def with_cpu(server, records_of, run):
    """The result of run(), with the server's CPU in microseconds a record, or None when its process is not known."""
    before = server.process.cpu_seconds() if server.process else 0
    result = run()
    used = server.process.cpu_seconds() - before if server.process else None
    result['server_cpu_us_per_record'] = None if used is None else used * 1e6 / records_of(result)
    return result
