#!/usr/bin/python3
"""The WebSocket protocol (RFC 6455) at /v1/live, byte by byte, as well-behaved, broken and hostile clients speak it:
suite_live_protocol.py ADDRESS, with the port of HTTP in TEST_HTTP_PORT."""
import json
import os
import random
import struct

from harness import Cases, Server, equal, unique, wait_for
from live_support import (BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Closed, Frame, Live, Raw, WebSocket, basic,
                          handshake_lines, leat, make_frame)

cases = Cases('live_protocol')
PORT = int(os.environ.get('TEST_HTTP_PORT', 0))
MEGABYTE = 1 << 20
PING_REQUEST = b'{"op":"ping","id":1}'
PONG_ANSWER = '{"type":"pong","id":1}'


def is_served():
    """Others are."""
    live = Live(PORT)
    live.ask('ping')
    live.leave()


def closed_with(code, *data, what=''):
    """A new connection to which this is sent is closed with the code, and nothing comes behind."""
    socket = WebSocket(PORT)
    for part in data:
        socket.send(part)
    equal(socket.closing()[0], code, what or repr(data)[:200])
    socket.close()


# ---- Handshake ------------------------------------------------------------------------------------------------------

def answer_to(request):
    """(status, headers) of what is answered, and whether the connection can be used for a WebSocket afterwards."""
    with Raw(PORT) as raw:
        raw.send(request)
        status, headers = raw.head()
        if status != 101:
            equal(len(raw.exactly(int(headers['content-length']))) > 0, True, 'it says why')
        return status, headers


@cases('a handshake that is none is refused with what is wrong: 426 says what to upgrade to, the rest is 400 or 405')
def handshakes(_):
    status, headers = answer_to(handshake_lines(PORT))
    equal((status, headers['upgrade'].lower(), 'upgrade' in headers['connection'].lower()), (101, 'websocket', True))
    equal('sec-websocket-extensions' in headers or 'sec-websocket-protocol' in headers, False, headers)
    for good in ({'Connection': 'keep-alive, Upgrade'}, {'Connection': 'upgrade'}, {'Upgrade': 'WebSocket'},
                 {'Sec_WebSocket_Extensions': 'permessage-deflate; client_max_window_bits'}, {'Sec_WebSocket_Protocol': 'chat, mqtt'}):
        status, headers = answer_to(handshake_lines(PORT, **good))
        equal((status, 'sec-websocket-extensions' in headers, 'sec-websocket-protocol' in headers), (101, False,
            False), str(good))
    for bad in ({'Sec_WebSocket_Version': '12'}, {'Sec_WebSocket_Version': '0'}, {'Sec_WebSocket_Version': None},
                {'Sec_WebSocket_Version': '14'}, {'Upgrade': None}, {'Upgrade': 'h2c'}, {'Upgrade': None,
                        'Connection': None}):
        status, headers = answer_to(handshake_lines(PORT, **bad))
        equal((status, headers.get('sec-websocket-version'), headers.get('upgrade')), (426, '13', 'websocket'),
            str(bad))
    short, long = 'AAAAAAAAAAAAAAAAAAAA', 'AAAAAAAAAAAAAAAAAAAAAAAAAA=='
    for bad in ({'Sec_WebSocket_Key': None}, {'Sec_WebSocket_Key': ''}, {'Sec_WebSocket_Key': short},
        {'Sec_WebSocket_Key': long},
                {'Sec_WebSocket_Key': '!' * 24}, {'Connection': None}, {'Connection': 'keep-alive'}):
        equal(answer_to(handshake_lines(PORT, **bad))[0], 400, str(bad))
    equal(answer_to(handshake_lines(PORT).replace(b'Upgrade: websocket\r\n',
        b'Upgrade: websocket\r\nSec-WebSocket-Key: '
                                                  b'AAAAAAAAAAAAAAAAAAAAAA==\r\n'))[0], 400, 'two keys')
    equal(answer_to(handshake_lines(PORT).replace(b'HTTP/1.1', b'HTTP/1.0'))[0] in (400, 426), True)
    for method in (b'POST', b'PUT', b'DELETE'):
        request = handshake_lines(PORT, Content_Length='0').replace(b'GET', method, 1)
        equal(answer_to(request)[0] in (400, 405), True, method)
    plain = ('GET /v1/live HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n' % PORT).encode()
    equal(answer_to(plain)[0], 426)
    equal(answer_to(handshake_lines(PORT, path='/v1/lives'))[0], 404)


@cases('a connection that was refused goes on with HTTP, and then with a WebSocket')
def after_refusal(_):
    with Raw(PORT) as raw:
        for request, expected in ((handshake_lines(PORT, Sec_WebSocket_Version='12'), 426), (handshake_lines(PORT),
                101)):
            raw.send(request)
            status, headers = raw.head()
            equal(status, expected)
            if status != 101:
                raw.exactly(int(headers['content-length']))
        raw.send(make_frame(TEXT, PING_REQUEST))
        equal(raw.exactly(2 + len(PONG_ANSWER)), bytes([0x81, len(PONG_ANSWER)]) + PONG_ANSWER.encode())


@cases('frames that come together with the handshake, and the handshake byte by byte')
def early_frames(_):
    with Raw(PORT) as raw:
        raw.send(handshake_lines(PORT) + make_frame(TEXT, PING_REQUEST) * 3)
        equal(raw.head()[0], 101)
        for _ in range(3):
            equal(raw.exactly(2 + len(PONG_ANSWER))[2:].decode(), PONG_ANSWER)
    with Raw(PORT) as raw:
        for byte in handshake_lines(PORT) + make_frame(TEXT, PING_REQUEST):
            raw.send(bytes([byte]))
        equal(raw.head()[0], 101)
        equal(raw.exactly(2 + len(PONG_ANSWER))[2:].decode(), PONG_ANSWER)


# ---- Messages -------------------------------------------------------------------------------------------------------

@cases('messages in frames of every length, and in fragments of any size with pings and pongs in between')
def fragments(_):
    socket = WebSocket(PORT)
    for size in (0, 1, 124, 125, 126, 127, 128, 65535, 65536, 200_000):
        payload = PING_REQUEST + b' ' * max(0, size - len(PING_REQUEST))
        if size >= len(PING_REQUEST):
            equal(len(payload), size)
            socket.send_frame(TEXT, payload)
            equal(socket.text(), PONG_ANSWER, '%d bytes' % size)
    for cuts in ((1,), (0,), (0, 0, 0), (5, 5), tuple(range(len(PING_REQUEST) + 1)), (len(PING_REQUEST),)):
        places = [0, *sorted(cuts), len(PING_REQUEST)]
        parts = [PING_REQUEST[a:b] for a, b in zip(places, places[1:])]
        for i, part in enumerate(parts):
            socket.send_frame(CONTINUATION if i else TEXT, part, final=i == len(parts) - 1)
            socket.send_frame(PING, b'%d' % i)
            socket.send_frame(PONG, b'unasked')
        got = [socket.frame() for _ in range(len(parts) + 1)]
        equal([f.payload for f in got if f.opcode == PONG], [b'%d' % i for i in range(len(parts))])
        equal([f.payload.decode() for f in got if f.opcode == TEXT], [PONG_ANSWER], str(cuts))
        pong = [f.opcode for f in got].index(TEXT)
        equal(pong >= len(parts) - 1, True, 'pings are answered before the message is whole')
    socket.send_frame(CLOSE, struct.pack('>H', 1000))
    equal(socket.closing()[0], 1000)


@cases('UTF-8 that is cut at every byte by fragments, and every length of character')
def utf8(_):
    channel = unique('c')
    live = Live(PORT)
    live.ask('subscribe', channel=channel)
    text = 'aß水🎉\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff\x7f\x80'
    message = json.dumps({'op': 'publish', 'channel': channel, 'data': text}, ensure_ascii=False).encode()
    for at in range(1, len(message)):
        live.send(make_frame(TEXT, message[:at], final=False) + make_frame(CONTINUATION, message[at:]))
        equal(live.event('message')['data'], text, 'cut at %d' % at)
    for i, byte in enumerate(message):
        live.send_frame(CONTINUATION if i else TEXT, bytes([byte]), final=i == len(message) - 1)
    equal(live.event('message')['data'], text)
    live.leave()


@cases('what is no UTF-8 is 1007: whole, in fragments, cut at the end, and at once when no byte can make it good')
def no_utf8(_):
    bad = (b'\xff', b'\xc0\x80', b'\xc1\xbf', b'\xe0\x80\x80', b'\xed\xa0\x80', b'\xed\xbf\xbf', b'\xf0\x80\x80\x80',
        b'\xf4\x90\x80\x80',
           b'\xf5\x80\x80\x80', b'\x80', b'\xe6\xb0', b'\xf0\x9f\x8e', b'\xc3', b'\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited')
    for text in bad:
        closed_with(1007, make_frame(TEXT, b'"' + text))
        closed_with(1007, make_frame(TEXT, b'"', final=False), make_frame(CONTINUATION, text))
        for at in range(len(text)):
            closed_with(1007, make_frame(TEXT, b'"' + text[:at], final=False), make_frame(CONTINUATION, text[at:]))
    for text in (b'\xff', b'\xf4\x90', b'\xed\xa0', b'\xc0', b'\xe0\x80', b'\xf0\x80'):
        closed_with(1007, make_frame(TEXT, b'x' * 10 + text, final=False), what='at once: %r' % text)
    closed_with(1007, make_frame(TEXT, b'x\xf0\x9f', final=False), make_frame(PING, b'\xff'), make_frame(CONTINUATION,
        b'x'))
    is_served()


@cases('a message above 1 MiB is 1009, at the frame that says so; one of 1 MiB is read')
def too_big(_):
    live = Live(PORT)
    live.send_frame(TEXT, b'{"op":"ping","id":1' + b' ' * (MEGABYTE - 20) + b'}')
    equal(live.text(), PONG_ANSWER)
    live.send(make_frame(TEXT, b' ' * (MEGABYTE - 20), final=False) + make_frame(CONTINUATION, PING_REQUEST))
    equal(live.text(), PONG_ANSWER)
    live.leave()
    for size in (MEGABYTE + 1, 2 ** 63 - 1):
        closed_with(1009, make_frame(TEXT, length=b'\x7f' + struct.pack('>Q', size)) + b'x',
            what='a frame of %d bytes' % size)
    closed_with(1009, make_frame(TEXT, b'x' * MEGABYTE, final=False), make_frame(CONTINUATION, b'x', final=False))
    closed_with(1009, *[make_frame(CONTINUATION if i else TEXT, b'x' * 65536, final=False) for i in range(16)],
        make_frame(CONTINUATION, b'x'))
    is_served()


@cases('binary messages are 1003, whole and in fragments')
def binary(_):
    closed_with(1003, make_frame(BINARY, PING_REQUEST))
    closed_with(1003, make_frame(BINARY))
    closed_with(1003, make_frame(BINARY, b'\xff', final=False), make_frame(CONTINUATION, b'\xff'))


# ---- What is against the protocol -----------------------------------------------------------------------------------

@cases('what breaks the protocol is 1002: masks, reserved bits and opcodes, continuations, control frames, lengths')
def protocol_errors(_):
    closed_with(1002, make_frame(TEXT, PING_REQUEST, masked=False), what='a text that is not masked')
    closed_with(1002, make_frame(PING, masked=False), what='a ping that is not masked')
    closed_with(1002, make_frame(CLOSE, struct.pack('>H', 1000), masked=False), what='a close that is not masked')
    for reserved in range(1, 8):
        for opcode in (TEXT, PING, CLOSE):
            closed_with(1002, make_frame(opcode, b'', reserved=reserved), what='reserved bits %d' % reserved)
    closed_with(1002, make_frame(TEXT, b'x', final=False), make_frame(CONTINUATION, b'x', reserved=4))
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        closed_with(1002, make_frame(opcode), what='opcode %d' % opcode)
        closed_with(1002, make_frame(opcode, b'x'), what='opcode %d with data' % opcode)
        closed_with(1002, make_frame(TEXT, b'x', final=False), make_frame(opcode, b'x'),
            what='opcode %d between' % opcode)
    closed_with(1002, make_frame(CONTINUATION, PING_REQUEST), what='nothing to continue')
    closed_with(1002, make_frame(CONTINUATION, PING_REQUEST, final=False), what='nothing to continue yet')
    for opcode in (TEXT, BINARY):
        closed_with(1002, make_frame(TEXT, b'x', final=False), make_frame(opcode, b'x'), what='a message in a message')
    for opcode in (PING, PONG, CLOSE):
        closed_with(1002, make_frame(opcode, b'\x03\xe8' + b'x' * 124), what='a control frame of 126 bytes')
        closed_with(1002, make_frame(opcode, b'\x03\xe8' + b'x' * 70000), what='a control frame of 70,002 bytes')
        closed_with(1002, make_frame(opcode, b'', final=False), what='a control frame in fragments')
    for length in (b'\x7e\x00\x05', b'\x7e\x00\x7d', b'\x7f' + struct.pack('>Q', 5), b'\x7f' + struct.pack('>Q',
            65535)):
        closed_with(1002, make_frame(TEXT, length=length), what='a length that is too long: %r' % length)
    closed_with(1002, make_frame(TEXT, length=b'\x7f' + struct.pack('>Q', 2 ** 63)), what='a length above 2^63')
    is_served()


@cases('what came before a breach is answered, and nothing that comes behind it')
def before_breach(_):
    channel = unique('c')
    watcher, socket = Live(PORT), WebSocket(PORT)
    watcher.ask('subscribe', channel=channel)

    def publish(text):
        return make_frame(TEXT, json.dumps({'op': 'publish', 'channel': channel, 'data': text}).encode())
    socket.send(publish('before') + make_frame(TEXT, PING_REQUEST))
    equal(socket.text(), PONG_ANSWER)
    socket.send(make_frame(CONTINUATION) + publish('behind'))
    equal(socket.closing()[0], 1002)
    equal(watcher.event('message')['data'], 'before')
    watcher.nothing()
    watcher.leave()


# ---- Control frames -------------------------------------------------------------------------------------------------

@cases('a ping is answered with a pong of the same payload; pongs are not answered')
def pings(_):
    socket = WebSocket(PORT)
    for payload in (b'', b'x', bytes(range(125)), b'\xff' * 125):
        socket.send_frame(PING, payload)
        equal(socket.frame(), Frame(PONG, payload, True, 0))
        socket.send_frame(PONG, payload)
    socket.send(b''.join(make_frame(PING, b'%d' % i) for i in range(10)))
    equal([socket.frame().payload for _ in range(10)], [b'%d' % i for i in range(10)])
    socket.send(b''.join(make_frame(PONG, b'x' * 125) for _ in range(100)) + make_frame(TEXT, PING_REQUEST))
    equal(socket.text(), PONG_ANSWER)
    socket.close()


@cases('a close is answered with its code, one without a code with none, and the server ends the connection')
def closes(_):
    for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999):
        for reason in (b'', 'bye ☃'.encode(), b'x' * 123):
            closed_with(code, make_frame(CLOSE, struct.pack('>H', code) + reason))
    closed_with(1005, make_frame(CLOSE))
    closed_with(1000, make_frame(TEXT, b'{"op"', final=False), make_frame(CLOSE, struct.pack('>H', 1000)))


@cases('a close with a code that none may have, with one byte, or with a reason that is no UTF-8 is refused')
def bad_closes(_):
    for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535):
        closed_with(1002, make_frame(CLOSE, struct.pack('>H', code)))
        closed_with(1002, make_frame(CLOSE, struct.pack('>H', code) + b'reason'))
    closed_with(1002, make_frame(CLOSE, b'\x03'))
    for reason in (b'\xff', b'\xce\xba\xed\xa0\x80', b'\xc3'):
        closed_with(1007, make_frame(CLOSE, struct.pack('>H', 1000) + reason))


@cases('nothing that comes behind a close is done')
def after_close(_):
    channel = unique('c')
    watcher = Live(PORT)
    watcher.ask('subscribe', channel=channel)
    behind = make_frame(TEXT, json.dumps({'op': 'publish', 'channel': channel, 'data': 'x'}).encode())
    for data in (behind, make_frame(PING, b'x'), make_frame(CLOSE, struct.pack('>H', 1001)), os.urandom(1000)):
        closed_with(1000, make_frame(CLOSE, struct.pack('>H', 1000)) + data)
    watcher.nothing()
    watcher.leave()


@cases('the server ends the connection after the close, though the client does not')
def ends_first(_):
    socket = WebSocket(PORT)
    socket.send_frame(CLOSE, struct.pack('>H', 1000))
    equal(socket.frame(), Frame(CLOSE, struct.pack('>H', 1000), True, 0))
    equal(socket.more(), False, 'the end')
    socket.close()


# ---- How bytes arrive -----------------------------------------------------------------------------------------------

@cases('frames that come byte by byte')
def byte_by_byte(_):
    socket = WebSocket(PORT)
    frames = [make_frame(TEXT, PING_REQUEST), make_frame(PING, b'abc'), make_frame(TEXT, PING_REQUEST[:7], final=False),
              make_frame(CONTINUATION, PING_REQUEST[7:]), make_frame(TEXT, PING_REQUEST + b' ' * 200)]
    for byte in b''.join(frames) + make_frame(CLOSE, struct.pack('>H', 1000) + b'done'):
        socket.send(bytes([byte]))
    got = [socket.frame() for _ in range(5)]
    equal(sorted(f.payload for f in got), sorted([PONG_ANSWER.encode()] * 3 + [b'abc', struct.pack('>H', 1000)]))
    equal(got[-1].opcode, CLOSE)
    socket.close()


@cases('frames that are cut at every place into two writes')
def cut(_):
    socket = WebSocket(PORT)
    frames = b''.join((make_frame(TEXT, PING_REQUEST), make_frame(PING, b'p'), make_frame(TEXT,
        PING_REQUEST + b' ' * 120)))
    for at in range(1, len(frames)):
        socket.send(frames[:at])
        socket.send(frames[at:])
        got = sorted(socket.frame().payload for _ in range(3))
        equal(got, sorted([PONG_ANSWER.encode()] * 2 + [b'p']), 'cut at %d' % at)
    socket.close()


@cases('10,000 tiny messages in one write are all answered, and in fragments of one byte too')
def tiny(_):
    live = Live(PORT)
    live.send(b''.join(make_frame(TEXT, b'{"op":"ping","id":%d}' % i, key=b'\0\1\2\3') for i in range(10_000)))
    got = [json.loads(live.text()) for _ in range(10_000)]
    equal({answer['type'] for answer in got}, {'pong'})
    equal(sorted(answer['id'] for answer in got) == list(range(10_000)), True, 'ids')
    live.send(b''.join(make_frame(CONTINUATION if i else TEXT, b' ', final=False, key=b'abcd') for i in range(10_000))
              + make_frame(CONTINUATION, PING_REQUEST))
    equal(live.text(), PONG_ANSWER)
    live.send(b''.join(make_frame(CONTINUATION if i else TEXT, b'', final=False) for i in range(10_000))
              + make_frame(CONTINUATION, PING_REQUEST))
    equal(live.text(), PONG_ANSWER)
    live.leave()


@cases('half a frame and then nothing harms nobody else, nor does a client that goes in the middle of one')
def half(_):
    whole = make_frame(TEXT, PING_REQUEST * 10)
    sockets = [WebSocket(PORT) for _ in range(40)]
    for i, socket in enumerate(sockets):
        socket.send(whole[:1 + i * (len(whole) - 2) // 40])
    is_served()
    for socket in sockets[:10]:
        socket.close()
    for socket in sockets[10:20]:
        socket.abort()
    is_served()
    for i, socket in enumerate(sockets[20:], 20):
        socket.send(whole[1 + i * (len(whole) - 2) // 40:])
        equal(json.loads(socket.text())['type'], 'error', 'ten objects are no message')
        socket.close()


@cases('200 clients that send garbage are ended, in the protocol\'s terms, and others are served')
def garbage(_):
    chance = random.Random(11)
    for number in range(200):
        socket = WebSocket(PORT)
        kind = number % 4
        data = chance.randbytes(chance.randrange(1, 3000))
        if kind == 1:
            data = make_frame(TEXT, PING_REQUEST) + data
        elif kind == 2:
            data = bytearray(make_frame(TEXT, PING_REQUEST) * 20)
            for _ in range(5):
                data[chance.randrange(len(data))] = chance.randrange(256)
        elif kind == 3:
            data = make_frame(TEXT, bytes(chance.randrange(32, 127) for _ in range(200)))
        try:
            socket.send(data)
            socket.socket.shutdown(1)
        except OSError:
            pass
        try:
            while True:
                json.loads(socket.text())
        except Closed as closed:
            equal(closed.code is None or 1000 <= closed.code < 5000, True, closed.code)
        socket.close()
    is_served()


@cases('a client that shuts its side down after its requests gets their answers, or the end')
def half_closed(_):
    socket = WebSocket(PORT)
    socket.send_frame(TEXT, PING_REQUEST)
    equal(socket.text(), PONG_ANSWER)
    socket.socket.shutdown(1)
    equal(socket.closing()[0], None)


@cases('a server that stops closes every WebSocket with 1001, busy and idle ones, and those with half a frame')
def going_away(_):
    with Server() as server:
        server.start()
        live = Live(server)
        live.ask('subscribe', channel='c')
        idle, half_one, busy = WebSocket(server), WebSocket(server), Live(server)
        half_one.send(make_frame(TEXT, PING_REQUEST)[:9])
        for _ in range(50):
            busy.say('publish', channel='c', data='x')
        live.take(50, 'message')
        equal(server.stop(), 0)
        for socket in (live, idle, half_one, busy):
            equal(socket.closing()[0], 1001)


@cases('a server stops though clients do not answer its close or read nothing')
def stubborn(_):
    with Server() as server:
        server.start()
        silent = [WebSocket(server) for _ in range(5)]
        deaf = Live(server, receive_buffer=4096)
        deaf.ask('subscribe', channel='c')
        other = Live(server)
        for _ in range(8):
            other.ask('publish', channel='c', data='x' * 100_000)
        equal(server.stop(), 0)
        for socket in silent:
            equal(socket.closing()[0], 1001)


@cases('more connections than http.max_connections are closed, and there is room again when some end')
def too_many(_):
    with Server('--http.max-connections', '20') as server:
        server.start()
        wait_for('its own connections to end', lambda: server.metrics()['leat_http_connections{listener="http"}'] <= 1)
        sockets = [WebSocket(server) for _ in range(18)]
        refused = 0
        for _ in range(6):
            try:
                sockets.append(WebSocket(server))
            except (AssertionError, OSError):
                refused += 1
        equal(refused >= 4, True, '%d were refused' % refused)
        sockets[0].abort()

        def fits():
            try:
                return WebSocket(server).status == 101
            except (AssertionError, OSError):
                return False
        wait_for('room', fits)
        for socket in sockets:
            socket.close()


@cases('the protocol\'s rules hold for a user who says who they are, and a wrong password never gets as far')
def with_users(_):
    with Server() as server:
        server.start()
        leat(server, 'user', 'add', 'root', '--admin', user='')
        socket = WebSocket(server, **basic('root', 'root'))
        equal(socket.status, 101)
        socket.send_frame(BINARY)
        equal(socket.closing()[0], 1003)
        equal(WebSocket(server, **basic('root', 'wrong')).status, 401)
        equal(WebSocket(server, Sec_WebSocket_Version='12').status, 401)


if __name__ == '__main__':
    cases.main()
