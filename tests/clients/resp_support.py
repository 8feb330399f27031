"""What the suites of Redis clients share: connections, and servers that a suite starts for itself.

TEST_RESP_PEER=redis-server in the environment puts Debian's redis-server in leat's place, so that what the suites expect is
checked against it. It journals too, as the suites of restarts need.
"""
import os
import socket
import threading

import redis

from harness import Server

PEER = os.environ.get('TEST_RESP_PEER')


class Peer(Server):
    def command(self):
        self.data.mkdir(exist_ok=True)
        return [PEER, '--port', str(self.resp_port), '--dir', str(self.data), '--save', '', '--appendonly', 'yes',
                '--daemonize', 'no'] + self.options

    def ready(self):
        if self.process.poll() is not None:
            raise AssertionError('the server ended with %d:\n%s' % (self.process.returncode, self.log_tail()))
        try:
            with socket.create_connection(('127.0.0.1', self.resp_port), timeout=10) as probe:
                probe.sendall(b'PING\r\n')
                return probe.recv(100) == b'+PONG\r\n'
        except OSError:
            return False


def new_server(*options, for_peer=()):
    """leat with a listener of RESP and these options, or the peer with those that are for it; not started."""
    return Peer(*for_peer) if PEER else Server(*options, resp=True)


def connect(address, kind=redis.Redis, **options):
    """A client that decodes replies as text, unless told otherwise."""
    host, port = address.rsplit(':', 1)
    return kind(host=host, port=int(port), **{'decode_responses': True, **options})


def refused(starts_with, function, *values, **arguments):
    """Calls `function`, which the server must refuse with an error that begins so."""
    try:
        result = function(*values, **arguments)
    except redis.RedisError as error:
        if not str(error).startswith(starts_with):
            raise AssertionError('refused with %r, expected %r' % (str(error), starts_with)) from None
        return error
    raise AssertionError('%r was expected, got %r' % (starts_with, result))


def in_threads(count, function):
    """Calls function(0) … function(count - 1) at once. Returns their results in that order; the first error is raised."""
    results, errors = [None] * count, []

    def run(number):
        try:
            results[number] = function(number)
        except Exception as error:  # raised below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), 'a thread does not end'
    if errors:
        raise errors[0]
    return results
