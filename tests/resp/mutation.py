"""A redis-server that is a little wrong: a proxy changes requests or replies on their way. It proves that the comparison
notices."""
import socket
import threading

import resp
from servers import Redis


def on(*names):
    """A change of the commands with these names; it returns the new arguments."""
    def wrap(change):
        wanted = {name.encode() for name in names}

        def apply(arguments):
            return change(arguments) if arguments[0].upper() in wanted else arguments
        return apply
    return wrap


def swapped(one, other):
    table = {one: other, other: one}
    return lambda arguments: [table.get(argument, argument) for argument in arguments]


def next_number(place):
    def change(arguments):
        try:
            return arguments[:place] + [b'%d' % (int(arguments[place]) + 1)] + arguments[place + 1:]
        except (ValueError, IndexError):
            return arguments
    return change


def renamed(name):
    return lambda arguments: [name] + arguments[1:]


def ten_seconds_more(arguments):
    return next_number(2)(arguments) if len(arguments) < 3 or not arguments[2].isdigit() else \
        arguments[:2] + [b'%d' % (int(arguments[2]) + 10)] + arguments[3:]


# name → change of a request
REQUESTS = {
    'INCRBY adds one too many': on('INCRBY', 'HINCRBY')(lambda a: next_number(len(a) - 1)(a)),
    'SETRANGE writes one byte further': on('SETRANGE')(next_number(2)),
    'GETRANGE ends one byte later': on('GETRANGE')(next_number(3)),
    'GT and LT are swapped': on('ZADD')(swapped(b'GT', b'LT')),
    'LREM counts from the other end': on('LREM')(lambda a: a[:2] + [b'-' + a[2] if a[2:3] and a[2].isdigit() else a[2]] + a[3:] if len(a) > 2 else a),
    'LINSERT BEFORE is AFTER': on('LINSERT')(swapped(b'BEFORE', b'AFTER')),
    'RPUSHX makes a list': on('RPUSHX')(renamed(b'RPUSH')),
    'SETNX overwrites': on('SETNX')(lambda a: [b'MSET'] + a[1:]),
    'EXPIRE is ten seconds late': on('EXPIRE')(ten_seconds_more),
    'PERSIST does nothing': on('PERSIST')(renamed(b'EXISTS')),
    'RENAME copies': on('RENAMENX')(renamed(b'COPY')),
    'SINTERCARD ignores its limit': on('SINTERCARD')(lambda a: a[:-2] if b'LIMIT' in a else a),
    'ZRANGE is reversed': on('ZRANGE')(lambda a: [argument for argument in a if argument != b'REV']),
    'BITCOUNT counts bytes': on('BITCOUNT')(lambda a: [argument for argument in a if argument != b'BIT']),
    'PFMERGE forgets a source': on('PFMERGE')(lambda a: a[:-1] if len(a) > 2 else a),
    'GEODIST measures in meters': on('GEODIST')(lambda a: a[:4]),
    'XACK acknowledges one id': on('XACK')(lambda a: a[:4]),
    'XREADGROUP knows no NOACK': on('XREADGROUP')(lambda a: [argument for argument in a if argument != b'NOACK']),
    'WATCH watches nothing': on('WATCH')(renamed(b'EXISTS')),
    'DISCARD executes': on('DISCARD')(renamed(b'EXEC')),
    'BLPOP pops the other end': on('BLPOP')(renamed(b'BRPOP')),
    'SWAPDB does nothing': on('SWAPDB')(renamed(b'SELECT')),
    'PUBLISH to a shard only': on('PUBLISH')(renamed(b'SPUBLISH')),
    'EVAL drops an argument': on('EVAL')(lambda a: a[:-1] if len(a) > 4 else a),
    'SPOP pops nothing': on('SPOP')(renamed(b'SRANDMEMBER')),
    'COMMAND INFO of another command': on('COMMAND')(lambda a: a[:2] + [b'get'] if a[1:2] == [b'INFO'] else a),
}
# name → (bytes of a reply, what comes instead); of the same length
REPLIES = {
    'the text of WRONGTYPE': (b'wrong kind of value', b'wrong type of value'),
    'a reply -0 is 0': (b'\r\n-0\r\n', b'\r\n+0\r\n'),
    'hashes are hash tables': (b'$8\r\nlistpack\r\n', b'$8\r\nlistpac!\r\n'),
    'the event of DEL': (b'__keyevent@0__:del\r\n', b'__keyevent@0__:rem\r\n'),
}

NOTHING = 'nothing is changed'


class Mutated(Redis):
    """A redis-server behind the proxy."""
    name = 'mutated redis-server'

    def __init__(self, request=None, reply=None):
        super().__init__()
        self.request, self.reply = request, reply
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.open = False

    @property
    def address(self):
        return self.listener.getsockname()[:2] if self.open else ('127.0.0.1', self.port)

    def start(self):
        super().start()
        if not self.open:
            self.open = True
            threading.Thread(target=self.accept, daemon=True).start()
        return self

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(('127.0.0.1', self.port))
            for one, other, change in ((client, server, self.change_request), (server, client, self.change_reply)):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=relay, args=(one, other, change), daemon=True).start()

    def stop(self):
        self.listener.close()
        super().stop()

    def change_request(self, data):
        """(bytes to send, rest). Requests are whole arrays; anything else passes."""
        if self.request is None or data[:1] != b'*':
            return data, b''
        out, position = [], 0
        while position < len(data):
            try:
                end = resp.end_of_reply(data, position)
                if end < 0:
                    break
                node = resp.parse(data, position)[0]
                arguments = [inner.value for inner in node.value]
                changed = arguments if None in arguments or not arguments else self.request(arguments)
                out.append(data[position:end] if changed is arguments else resp.encode(changed))
            except (resp.BadReply, ValueError, TypeError):
                return b''.join(out) + data[position:], b''
            position = end
        return b''.join(out), data[position:]

    def change_reply(self, data):
        return (data.replace(*self.reply) if self.reply else data), b''


def relay(source, target, change):
    rest = b''
    try:
        while True:
            data = source.recv(1 << 18)
            if not data:
                break
            data, rest = change(rest + data)
            target.sendall(data)
        target.sendall(rest)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def all_mutations():
    """(name, changes); the first changes nothing, and must not be noticed."""
    yield NOTHING, {}
    for name, change in REQUESTS.items():
        yield name, {'request': change}
    for name, change in REPLIES.items():
        yield name, {'reply': change}
