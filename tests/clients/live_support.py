"""What the suites of live push share: a WebSocket over a plain socket, a reader of server-sent events, HTTP calls."""
import base64
import collections
import contextlib
import hashlib
import http.client
import json
import os
import socket
import struct
import subprocess
import urllib.parse

import confluent_kafka
import confluent_kafka.admin

from harness import LEAT, Server, equal, unique, wait_for

GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
SECONDS = 30  # how long anything may take
HOUR = 3600 * 1000


def basic(user, password):
    return {'Authorization': 'Basic ' + base64.b64encode(('%s:%s' % (user, password)).encode()).decode()}


def mask(payload, key):
    if len(payload) < 64:
        return bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))
    whole = int.from_bytes(payload, 'big') ^ int.from_bytes((key * (len(payload) // 4 + 1))[:len(payload)], 'big')
    return whole.to_bytes(len(payload), 'big')


def make_frame(opcode, payload=b'', final=True, reserved=0, masked=True, length=None, key=None):
    """A client's frame. `length`: bytes that say it, in place of the shortest; `key`: the mask's four bytes."""
    head = bytes([(0x80 if final else 0) | reserved << 4 | opcode])
    flag = 0x80 if masked else 0
    size = len(payload)
    if length is not None:
        head += bytes([flag | length[0]]) + length[1:]
    elif size < 126:
        head += bytes([flag | size])
    elif size < 65536:
        head += bytes([flag | 126]) + struct.pack('>H', size)
    else:
        head += bytes([flag | 127]) + struct.pack('>Q', size)
    if not masked:
        return head + payload
    key = os.urandom(4) if key is None else key
    return head + key + mask(payload, key)


Frame = collections.namedtuple('Frame', 'opcode payload final reserved')


class Closed(AssertionError):
    """The server ended the connection: with this code, and why; None: without a close frame."""

    def __init__(self, code, reason=''):
        super().__init__('the connection ended with %s %s' % (code, reason))
        self.code, self.reason = code, reason


class Raw:
    """A socket that reads what was sent up to what is asked for."""

    def __init__(self, port, source=None, receive_buffer=None, seconds=SECONDS):
        self.socket = socket.socket()
        self.socket.settimeout(seconds)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(('127.0.0.1', port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.input = bytearray()

    def send(self, data):
        self.socket.sendall(data)

    def more(self):
        """Reads what there is; False at the end."""
        try:
            data = self.socket.recv(1 << 18)
        except ConnectionResetError:
            data = b''
        self.input += data
        return bool(data)

    def exactly(self, size):
        while len(self.input) < size:
            if not self.more():
                return None
        data = bytes(self.input[:size])
        del self.input[:size]
        return data

    def until(self, mark):
        """Up to and with `mark`; None if the end comes first."""
        looked_at = 0
        while (at := self.input.find(mark, max(0, looked_at - len(mark)))) < 0:
            looked_at = len(self.input)
            if not self.more():
                return None
        return self.exactly(at + len(mark))

    def head(self):
        """(status, headers by lower-case names) of an answer."""
        head = self.until(b'\r\n\r\n')
        if head is None:
            raise AssertionError('no answer, but %r' % bytes(self.input[:200]))
        first, *lines = head.decode('latin-1').split('\r\n')[:-2]
        return int(first.split(' ')[1]), {name.strip().lower(): value.strip()
                                          for name, _, value in (line.partition(':') for line in lines)}

    def close(self):
        self.socket.close()

    def abort(self):
        """Ends it with a reset."""
        with contextlib.suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def handshake_lines(port, path='/v1/live', key=None, **headers):
    """The request; headers by names with _ for -; None leaves one out."""
    shown = {'Host': '127.0.0.1:%d' % port, 'Upgrade': 'websocket', 'Connection': 'Upgrade',
             'Sec-WebSocket-Key': key or base64.b64encode(os.urandom(16)).decode(), 'Sec-WebSocket-Version': '13',
             **{name.replace('_', '-'): value for name, value in headers.items()}}
    lines = ['GET %s HTTP/1.1' % path, *('%s: %s' % (k, v) for k, v in shown.items() if v is not None)]
    return ('\r\n'.join(lines) + '\r\n\r\n').encode()


class WebSocket(Raw):
    """Frames over a socket; nothing is answered by itself but pings, if `pongs`."""

    def __init__(self, server, path='/v1/live', pongs=True, source=None, receive_buffer=None, seconds=SECONDS,
            **headers):
        port = server if isinstance(server, int) else server.http_port
        super().__init__(port, source, receive_buffer, seconds)
        self.pongs = pongs
        key = base64.b64encode(os.urandom(16)).decode()
        self.send(handshake_lines(port, path, key, **headers))
        self.status, self.headers = self.head()
        self.problem = None
        if self.status != 101:
            body = self.exactly(int(self.headers.get('content-length', 0)))
            self.problem = body.decode(errors='replace')
            self.close()
            return
        equal(self.headers.get('sec-websocket-accept'),
              base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode(), 'Sec-WebSocket-Accept')

    def send_frame(self, opcode, payload=b'', **options):
        self.send(make_frame(opcode, payload, **options))

    def frame(self):
        """The next one; None at the end."""
        head = self.exactly(2)
        if head is None:
            return None
        equal(head[1] & 0x80, 0, 'a server masks nothing')
        size = head[1]
        if size == 126:
            size = struct.unpack('>H', self.exactly(2))[0]
        elif size == 127:
            size = struct.unpack('>Q', self.exactly(8))[0]
        payload = self.exactly(size)
        if payload is None:
            return None
        return Frame(head[0] & 15, payload, bool(head[0] & 0x80), head[0] >> 4 & 7)

    def text(self):
        """The next message. Raises Closed."""
        while True:
            frame = self.frame()
            if frame is None:
                raise Closed(None)
            if frame.opcode == CLOSE:
                code = struct.unpack('>H', frame.payload[:2])[0] if frame.payload else 1005
                raise Closed(code, frame.payload[2:].decode())
            if frame.opcode == PING:
                if self.pongs:
                    self.send_frame(PONG, frame.payload)
            elif frame.opcode == TEXT:
                return frame.payload.decode()

    def closing(self, abandoned=False):
        """(code, reason) of the close frame that has to come, behind which nothing comes; messages before it are passed over."""
        while True:
            try:
                self.text()
            except Closed as closed:
                if closed.code is not None and not abandoned:
                    equal(self.more() or bytes(self.input), b'', 'behind the close frame')
                return closed.code, closed.reason


class Live(WebSocket):
    """What a client of /v1/live does: requests with ids, and the events that come between their answers."""

    def __init__(self, server, **options):
        super().__init__(server, **options)
        if self.status != 101:
            raise AssertionError('%d: %s' % (self.status, self.problem))
        self.events, self.answers, self.last_id = collections.deque(), {}, 0

    def say(self, op, **members):
        """Sends a request without waiting for its answer; returns its id."""
        self.last_id += 1
        self.send_frame(TEXT, json.dumps({'op': op, 'id': self.last_id, **members}).encode())
        return self.last_id

    def read(self):
        message = json.loads(self.text())
        if 'id' in message:
            self.answers[message['id']] = message
        else:
            self.events.append(message)

    def answer(self, number):
        while number not in self.answers:
            self.read()
        return self.answers.pop(number)

    def ask(self, op, **members):
        """The answer, which must not be an error."""
        answer = self.answer(self.say(op, **members))
        if answer['type'] == 'error':
            raise AssertionError('%s %s: %s' % (op, members, answer['problem']))
        return answer

    def refused(self, status, kind, op, **members):
        answer = self.answer(self.say(op, **members))
        if answer['type'] != 'error':
            raise AssertionError('%s %s was not refused: %s' % (op, members, answer))
        problem = answer['problem']
        equal((problem['status'], problem['type']), (status, 'urn:leat:problem:' + kind), '%s %s' % (members, problem))
        equal(bool(problem['title'] and problem['detail']), True, problem)
        return problem

    def event(self, kind=None):
        """The next event, which has to be of this type."""
        while not self.events:
            self.read()
        event = self.events.popleft()
        if kind:
            equal(event['type'], kind, str(event))
        return event

    def take(self, count, kind=None):
        return [self.event(kind) for _ in range(count)]

    def values(self, count):
        """Values of the next records."""
        return [event['value'] for event in self.take(count, 'record')]

    def nothing(self, channel=None):
        """Nothing has come: what is published on a channel now is the next event."""
        channel = channel or unique('mark')
        self.ask('subscribe', channel=channel)
        self.ask('publish', channel=channel, data='mark')
        event = self.event()
        equal((event.get('channel'), event['type']), (channel, 'message'),
            'nothing but the mark was to come: %s' % event)
        self.ask('unsubscribe', channel=channel)

    def leave(self):
        """Closes it as the protocol wants it."""
        self.send_frame(CLOSE, struct.pack('>H', 1000))
        self.closing(abandoned=True)
        self.close()


Event = collections.namedtuple('Event', 'id type data')


class Events(Raw):
    """A stream of server-sent events. Without a body it is a problem."""

    def __init__(self, server, topics=(), channels=(), patterns=(), last=None, headers=None, seconds=SECONDS,
            **parameters):
        super().__init__(server.http_port, seconds=seconds)
        named = [('topic', t) for t in topics] + [('channel', c) for c in channels] + [('pattern', p) for p in patterns]
        query = urllib.parse.urlencode([*named, *parameters.items()])
        lines = ['GET /v1/events?%s HTTP/1.1' % query, 'Host: 127.0.0.1:%d' % server.http_port,
            'Accept: text/event-stream']
        lines += ['%s: %s' % pair for pair in (headers or {}).items()]
        if last is not None:
            lines.append('Last-Event-ID: ' + last)
        self.send(('\r\n'.join(lines) + '\r\n\r\n').encode())
        self.status, self.headers = self.head()
        self.last_id, self.problem = last, None
        self.chunked = 'chunked' in self.headers.get('transfer-encoding', '')
        self.body = bytearray()
        if self.status != 200:
            self.problem = json.loads(self.exactly(int(self.headers['content-length'])))
            self.close()
            return
        equal(self.headers['content-type'].split(';')[0], 'text/event-stream')

    def more_body(self):
        if not self.chunked:
            if not self.input and not self.more():
                return False
            self.body += self.input
            self.input.clear()
            return True
        line = self.until(b'\r\n')
        if line is None or int(line, 16) == 0:
            return False
        chunk = self.exactly(int(line, 16) + 2)
        if chunk is None:
            return False
        self.body += chunk[:-2]
        return True

    def block(self):
        """The lines up to an empty one; None at the end."""
        while (at := self.body.find(b'\n\n')) < 0:
            if not self.more_body():
                return None
        lines = self.body[:at].decode().split('\n')
        del self.body[:at + 2]
        return lines

    def event(self, kind=None):
        """The next event as a browser gives it to a page: blocks without data only set the id. None at the end."""
        while (lines := self.block()) is not None:
            fields = collections.defaultdict(list)
            for line in lines:
                name, _, value = line.partition(':')
                fields[name].append(value.removeprefix(' '))
            if 'id' in fields:
                self.last_id = fields['id'][-1]
            if fields['data']:
                event = Event(self.last_id, fields['event'][-1] if 'event' in fields else 'message',
                              json.loads('\n'.join(fields['data'])))
                if kind:
                    equal(event.type, kind, str(event))
                equal(event.data['type'], event.type)
                return event
        return None

    def take(self, count, kind=None):
        return [self.event(kind) for _ in range(count)]

    def opened(self):
        """Returns when everything is subscribed to: the id of where topics begin has come."""
        while self.last_id is None:
            if self.block_with_id() is None:
                raise AssertionError('the stream ended')
        return self

    def block_with_id(self):
        lines = self.block()
        for line in lines or ():
            if line.startswith('id: '):
                self.last_id = line[4:]
        return lines


def call(server, method, path, body=None, **headers):
    """(status, body): what is no text or bytes goes as JSON, and JSON comes back as what it means."""
    connection = http.client.HTTPConnection('127.0.0.1', server.http_port, timeout=SECONDS)
    shown = {name.replace('_', '-'): value for name, value in headers.items()}
    if body is not None and not isinstance(body, (bytes, str)):
        body, shown['Content-Type'] = json.dumps(body), 'application/json'
    try:
        connection.request(method, path, body, shown)
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    return answer.status, json.loads(text) if 'json' in answer.headers.get('Content-Type', '') else text


def good(server, method, path, body=None, **headers):
    status, answer = call(server, method, path, body, **headers)
    if status // 100 != 2:
        raise AssertionError('%s %s: %d %s' % (method, path, status, answer))
    return answer


def new_topic(server, prefix='topic', partitions=1, **headers):
    name = unique(prefix)
    good(server, 'POST', '/v1/topics', {'name': name, 'partitions': partitions}, **headers)
    return name


def new_queue(server, prefix='queue', partitions=1, **settings):
    name = unique(prefix)
    good(server, 'POST', '/v1/queues', {'name': name, 'partitions': partitions,
        **({'settings': settings} if settings else {})})
    return name


def leat(server, *arguments, user='root', password='root', new_password=None, code=0):
    """The command line as a user (`user` empty: as nobody)."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith('LEAT')}
    address = '%s@%s' % (user, server.address) if user else server.address
    done = subprocess.run([os.environ.get('LEAT', str(LEAT)), *arguments, '--server', address], text=True,
                          capture_output=True, timeout=60,
                          env={**environment, 'LEAT_PASSWORD': password, 'LEAT_NEW_PASSWORD': new_password or password})
    equal(done.returncode, code, done.stdout + done.stderr)
    return done.stdout + done.stderr


def encoded(data):
    return base64.b64encode(data).decode()


class Kafka:
    def __init__(self, server, **options):
        self.options = {'bootstrap.servers': server.address, 'linger.ms': 0, 'log_level': 0, **options}
        self.producer = confluent_kafka.Producer(self.options)
        self.admin = confluent_kafka.admin.AdminClient(self.options)

    def send(self, topic, *values, partition=0, **options):
        for value in values:
            self.producer.produce(topic, value, partition=partition, **options)
        equal(self.producer.flush(30), 0)

    def add_partitions(self, topic, count):
        for future in self.admin.create_partitions([confluent_kafka.admin.NewPartitions(topic, count)]).values():
            future.result(30)

    def read(self, topic, count, partitions=1):
        consumer = confluent_kafka.Consumer({**self.options, 'group.id': 'none', 'enable.auto.commit': False})
        consumer.assign([confluent_kafka.TopicPartition(topic, p, 0) for p in range(partitions)])
        messages = []
        wait_for('%d records' % count, lambda: messages.extend(consumer.consume(count, 0.2)) or len(messages) >= count)
        consumer.close()
        return messages


def own_topic(server):
    """One of leat's own, which is there when a group has committed."""
    good(server, 'PUT', '/v1/groups/committed/offsets', {'offsets': [{'topic': new_topic(server), 'partition': 0,
        'offset': 0}]})
    return '__consumer_offsets'


def delete_topic(server, topic):
    good(server, 'DELETE', '/v1/topics/' + topic)


def new_queue_as(server, root):
    name = unique('queue')
    good(server, 'POST', '/v1/queues', {'name': name}, **root)
    return name


class Secured:
    """What the cases get: the open server by its attributes, and one that has users."""

    def __init__(self, server):
        self.server, self.started = server, None
        self.root = basic('root', 'root')

    def __getattr__(self, name):
        return getattr(self.server, name)

    @property
    def secured(self):
        if not self.started:
            self.started = Server().start()
            leat(self.started, 'user', 'add', 'root', '--admin', user='')
        return self.started

    def user(self, *grants_of):
        """A user with the password pw who may do what each says: (operation, resource, ...)."""
        name = unique('user')
        leat(self.secured, 'user', 'add', name, new_password='pw')
        for operation, *resources in grants_of:
            leat(self.secured, 'grant', 'add', name, operation, *resources)
        return name


def run_suite(cases):
    with Server(resp=True) as server:
        server.start()
        both = Secured(server)
        try:
            failed = cases.run(both)
            equal(server.stop(), 0, 'the exit code of the server')
            if both.started:
                equal(both.started.stop(), 0, 'the exit code of the server with users')
        finally:
            if both.started:
                both.started.__exit__(None)
    return 1 if failed else 0
