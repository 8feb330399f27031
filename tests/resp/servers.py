"""Starting and stopping the servers that are compared, and connections to them."""
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'clients'))
import harness  # noqa: E402

import resp  # noqa: E402

REPLY_SECONDS = float(os.environ.get('RESP_REPLY_SECONDS', '15'))


class NoReply(Exception):
    """The server closed the connection or did not answer in time."""


class Redis:
    """A redis-server of its own folder and port, that saves nothing."""
    name = 'redis-server'

    def __init__(self, *options):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='resp-test-'))
        self.port = harness.free_port()
        self.command = ['redis-server', '--port', str(self.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no',
                        '--daemonize', 'no', '--dir', str(self.folder), '--loglevel', 'warning', *options]
        self.process = None

    @property
    def address(self):
        return '127.0.0.1', self.port

    def start(self):
        with open(self.folder / 'log', 'ab') as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            harness.wait_for(self.name, lambda: answers(('127.0.0.1', self.port)), 20, 0.02)
        except BaseException:
            self.stop()
            raise
        return self

    def restart_if_ended(self):
        """Whether it had ended; then it runs again."""
        if self.process.poll() is None:
            return False
        self.start()
        return True

    def log_tail(self):
        return '\n'.join((self.folder / 'log').read_text(errors='replace').splitlines()[-25:])

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Leat:
    """The real binary, with its Redis front door only known here."""
    name = 'leat'

    def __init__(self, binary=None):
        self.server = leat_server(binary)

    @property
    def address(self):
        return '127.0.0.1', self.server.resp_port

    def start(self):
        self.server.start()
        harness.wait_for('the resp listener', lambda: answers(self.address), 20, 0.02)
        return self

    def restart_if_ended(self):
        if self.server.process.poll() is None:
            return False
        self.start()
        return True

    def log_tail(self):
        return self.server.log_tail()

    def stop(self):
        self.server.__exit__(None)


def leat_server(binary):
    """How leat is told to speak RESP."""
    return harness.Server(leat=binary, resp=True)


class Running:
    """A server that somebody else runs."""

    def __init__(self, text):
        host, _, port = text.rpartition(':')
        self.name, self.address = text, (host or '127.0.0.1', int(port))

    def start(self):
        harness.wait_for(self.name, lambda: answers(self.address), 20, 0.02)
        return self

    def restart_if_ended(self):
        if answers(self.address):
            return False
        raise SystemExit('%s ended, and this harness did not start it' % self.name)

    def log_tail(self):
        return ''

    def stop(self):
        pass


def answers(address):
    try:
        connection = Connection(address)
    except OSError:
        return False
    try:
        return connection.ask([b'PING'])[:5] == b'+PONG'
    except (OSError, NoReply):
        return False
    finally:
        connection.close()


class Connection:
    """One client. Replies are raw bytes."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=REPLY_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = bytearray()
        self.id = None
        self.in_transaction = False
        self.queued = []

    def close(self):
        self.socket.close()

    def send(self, payload):
        try:
            self.socket.sendall(payload)
        except OSError as error:
            raise NoReply('sending failed: %s' % error) from error

    def more(self, seconds=REPLY_SECONDS):
        """Waits for more bytes. False when none came in time."""
        try:
            if seconds != self.socket.gettimeout():
                self.socket.settimeout(seconds)
            data = self.socket.recv(1 << 18)
        except (TimeoutError, BlockingIOError):
            return False
        except OSError as error:
            raise NoReply('receiving failed: %s' % error) from error
        if not data:
            raise NoReply('the connection was closed')
        self.received += data
        return True

    def replies(self, count):
        """The next `count` raw replies."""
        found, position, data = [], 0, self.received
        while len(found) < count:
            end = resp.end_of_reply(data, position)
            if end < 0:
                if not self.more():
                    raise NoReply('%d of %d replies came, and nothing more in %d s' % (len(found), count, REPLY_SECONDS))
                continue
            found.append(bytes(data[position:end]))
            position = end
        del data[:position]
        return found

    def begins_with(self, expected):
        """Whether the next bytes are `expected`; they are consumed if so."""
        data = self.received
        while True:
            have = min(len(data), len(expected))
            if data[:have] != expected[:have]:
                return False
            if have == len(expected):
                del data[:have]
                return True
            if not self.more():
                return False

    def until(self, nonce):
        """All replies before the one that holds `nonce`, which is dropped; None at the end when the server closed."""
        found, position, data = [], 0, self.received
        while True:
            try:
                end = resp.end_of_reply(data, position)
                if end < 0:
                    if not self.more():
                        raise NoReply('no answer to PING in %d s, after %r' % (REPLY_SECONDS, found[-3:]))
                    continue
            except NoReply as error:
                if 'closed' not in str(error) and 'reset' not in str(error):
                    raise
                del data[:position]
                return found + ([bytes(data)] if data else []) + [b'(closed)\r\n']
            raw = bytes(data[position:end])
            position = end
            if nonce in raw and (raw[:1] != b'+' or raw == nonce):  # a line of MONITOR may show it too
                del data[:position]
                return found
            found.append(raw)

    def reply_at_hand(self):
        """The next raw reply if it is there already, else None."""
        while True:
            end = resp.end_of_reply(self.received, 0)
            if end >= 0:
                raw = bytes(self.received[:end])
                del self.received[:end]
                return raw
            if not self.more(0):
                return None

    def ask(self, arguments):
        self.send(resp.encode(arguments))
        return self.replies(1)[0]
