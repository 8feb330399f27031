#!/usr/bin/python3
"""HTTP itself, below and around the API's operations: suite_http_wire.py [ADDRESS], which is not used."""
import concurrent.futures
import json
import select
import socket
import sys
import threading
import time

from harness import Cases, equal, unique, wait_for
from http_support import BYTES, JSON, LINES, PROBLEM, Api, curl, lines_of, new_server, quoted, run_suite
from security_support import Secured, api_as, new_topic, new_user

cases = Cases('http_wire')


class Raw:
    """A socket on which a suite writes what clients would not."""

    def __init__(self, server):
        self.socket = socket.create_connection(('127.0.0.1', server.http_port), timeout=30)
        self.input = b''

    def send(self, text):
        self.socket.sendall(text if isinstance(text, bytes) else text.encode())
        return self

    def reply(self, head_only=False):
        """(status, headers, body); None when the connection has ended."""
        while b'\r\n\r\n' not in self.input:
            if not self.more():
                return None
        head, _, self.input = self.input.partition(b'\r\n\r\n')
        first, *lines = head.decode().split('\r\n')
        headers = {name.lower(): value for name, _, value in (line.partition(': ') for line in lines)}
        size = 0 if head_only else int(headers.get('content-length', 0))
        while len(self.input) < size:
            assert self.more(), 'the body is cut off'
        body, self.input = self.input[:size], self.input[size:]
        return int(first.split()[1]), headers, body

    def more(self):
        try:
            block = self.socket.recv(1 << 16)
        except ConnectionResetError:
            block = b''
        self.input += block
        return bool(block)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def get(path, *headers, method='GET'):
    return '\r\n'.join(['%s %s HTTP/1.1' % (method, path), 'Host: localhost', *headers, '', ''])


def post(path, body, *headers, kind=JSON, method='POST', length=None):
    head = get(path, 'Content-Type: ' + kind, 'Content-Length: %d' % (len(body) if length is None else length),
               *headers, method=method)
    return head.encode() + body


# ---- Connections and bodies -----------------------------------------------------------------------------------------

@cases('a connection serves many requests, pipelined ones in their order, problems among them')
def pipelining(server):
    with Raw(server) as raw, Api(server) as api:
        key = unique('pipe')
        requests = b''.join(post('/v1/keys/%s-%d' % (key, i), b'%d' % i, kind=BYTES, method='PUT') +
                            get('/v1/keys/%s-%d' % (key, i)).encode() +
                            get('/v1/nothing').encode() for i in range(40))
        threading.Thread(target=raw.send, args=(requests,), daemon=True).start()
        for i in range(40):
            equal(raw.reply()[0], 201)
            equal(raw.reply()[::2], (200, b'%d' % i))
            equal(raw.reply()[0], 404)
        raw.send(get('/v1', 'Connection: close'))
        equal((raw.reply()[1]['connection'], raw.reply()), ('close', None))
        for _ in range(3):
            api(200, 'GET', '/v1')
            own = api.connection.sock
            equal(api.ask('POST', '/v1/topics', b'{').status, 400)
            equal(api.connection.sock is own, True, 'the connection goes on')
    with Raw(server) as raw:
        raw.send('GET /v1 HTTP/1.0\r\n\r\n')
        equal((raw.reply()[0], raw.reply()), (200, None))


@cases('HEAD answers as GET does, without the body')
def head(server):
    with Api(server) as api:
        name = unique('head')
        api(201, 'POST', '/v1/topics', {'name': name})
        api(201, 'PUT', '/v1/keys/' + name, b'value', type=BYTES)
        for path in ('/v1', '/v1/openapi.json', '/v1/topics/' + name, '/v1/topics/%s/partitions/0/records' % name,
                     '/v1/keys/' + name,
                     '/v1/keys/none-' + name, '/v1/nothing'):
            shown, only = api.ask('GET', path), api.ask('HEAD', path)
            equal((only.status, only.body), (shown.status, b''), path)
            for header in ('Content-Type', 'Content-Length', 'ETag', 'Leat-Type'):
                equal(only.headers[header], shown.headers[header], '%s of %s' % (header, path))


@cases('what is not there is 404, a method that is not 405 with those that are, an unknown type 415')
def not_there(server):
    with Api(server) as api:
        for path in ('/v1/nothing', '/v2/topics', '/v1/topics/', '/v1/topics/a/b', '/v1//topics', '/v1/keys/',
                     '/v1/keys/a/b'):
            equal(api.ask('GET', path).status, 404, path)
        for path, methods in (('/v1/topics', {'GET', 'HEAD', 'POST'}),
                              ('/v1/topics/a', {'GET', 'HEAD', 'PATCH', 'DELETE'}),
                              ('/v1/commands', {'POST'}), ('/v1/groups/g/offsets', {'PUT'})):
            for method in {'GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'BREW', 'get'} - methods:
                reply = api.ask(method, path)
                equal((reply.status, reply.problem()), (405, 'method-not-allowed'), '%s %s' % (method, path))
                equal(set(reply.headers['Allow'].split(', ')), methods, path)
        for kind in ('text/plain', 'application/x-www-form-urlencoded', 'application/jsonx', 'application/x-ndjson'):
            equal(api(415, 'POST', '/v1/topics', b'{"name":"x"}', type=kind), 'unsupported-media-type')
        for kind in ('application/json; charset=utf-8', 'Application/JSON', 'application/json ;x=y'):
            equal(api.ask('POST', '/v1/topics', {'name': unique('typed')}, type=kind).status, 201, kind)


@cases('what is too large is refused by a problem: a body with 413, a head with 431')
def too_large(_):
    with new_server('--http.max-body-bytes', '10000') as own, Api(own.start()) as api:
        equal(api.ask('PUT', '/v1/keys/k', b'x' * 10000, type=BYTES).status, 201)
        replies = [('413', curl(own, '/v1/keys/k', '-X', 'PUT', '--data-binary', '@-', '-H', 'Expect:',
                                text=b'x' * 10001)),
                   ('413', curl(own, '/v1/keys/k', '-X', 'PUT', '--data-binary', '@-', '-H', 'Expect:', '-H',
                                'Transfer-Encoding: chunked',
                                text=b'x' * 10001)),
                   ('413', curl(own, '/v1/topics', '--json', json.dumps({'name': 'x' * 10001}))),
                   ('431', curl(own, '/v1', '-H', 'X: ' + 'x' * 40000)), ('431', curl(own, '/v1/' + 'x' * 40000))]
        equal([str(reply.status) for _, reply in replies], [status for status, _ in replies])
        equal(api(200, 'GET', '/v1/keys/k'), b'x' * 10000)
        api(201, 'POST', '/v1/topics', {'name': 't'})
        many = lines_of(*({'value': 'x' * 100} for _ in range(1000)))
        equal(api(200, 'POST', '/v1/topics/t/records', many, type=LINES)['published'], 1000, 'lines have no limit')
        for _, reply in replies:
            equal((reply.status, reply.type), (reply.status, PROBLEM))
            reply.problem()


@cases('a body is invited by 100 Continue, and one that is too large is not')
def invited(server):
    for kind, path, method, body in ((BYTES, '/v1/keys/' + unique('k'), 'PUT', b'x' * 5000),
                                     (JSON, '/v1/topics', 'POST', json.dumps({'name': unique('invited')}).encode())):
        with Raw(server) as raw:
            raw.send(post(path, b'', 'Expect: 100-continue', kind=kind, method=method, length=len(body)))
            equal(raw.reply()[0], 100)
            raw.send(body)
            equal(raw.reply()[0], 201)
            raw.send(get('/v1'))
            equal(raw.reply()[0], 200)
    topic = unique('invited')
    with Raw(server) as raw, Api(server) as api:
        api(201, 'POST', '/v1/topics', {'name': topic})
        raw.send(post('/v1/topics/%s/records' % topic, b'', 'Expect: 100-continue', kind=LINES, length=13))
        equal(raw.reply()[0], 100)
        raw.send(b'{"value":"x"}')
        equal(raw.reply()[::2], (200, b'{"published":1,"failed":0}'))
    with Raw(server) as raw:
        raw.send(post('/v1/keys/large', b'', 'Expect: 100-continue', kind=BYTES, method='PUT', length=1 << 30))
        equal(raw.reply()[0], 413)


@cases('bodies may come in chunks of any size')
def chunked(server):
    with Api(server) as api:
        key, value = unique('chunked'), bytes(range(256)) * 40
        for size in (1, 7, 1000, 20000):
            chunks = [value[at:at + size] for at in range(0, len(value), size)]
            equal(api.ask('PUT', '/v1/keys/' + key, type=BYTES, chunks=iter(chunks)).status in (201, 204), True)
            equal(api(200, 'GET', '/v1/keys/' + key), value)
        text = json.dumps({'name': key}).encode()
        equal(api.ask('POST', '/v1/topics', type=JSON, chunks=iter([text[:5], text[5:]])).status, 201)
        text = '{"value":"größe"}\n'.encode() * 3
        for size in (1, 2, 11):  # in the middle of a character too
            reply = api.ask('POST', '/v1/topics/%s/records' % key, type=LINES,
                            chunks=iter([text[at:at + size] for at in range(0, len(text), size)]))
            equal(reply.json(), {'published': 3, 'failed': 0})
        equal({r['value'] for r in api(200, 'GET', '/v1/topics/%s/partitions/0/records' % key)['records']}, {'größe'})


@cases('large chunks, and many that come at once, are taken as small ones are')
def large_chunks(server):
    with Api(server) as api:
        topic = unique('chunks')
        api(201, 'POST', '/v1/topics', {'name': topic})
        replies = []
        for size, count in ((1000, 500), (20_000, 20), (40_000, 5), (1_000_000, 3)):
            line = b'{"value":"%s"}\n' % (b'x' * (size - 13))
            for path, kind, method in (('/v1/keys/' + topic, BYTES, 'PUT'),
                                       ('/v1/topics/%s/records' % topic, LINES, 'POST')):
                with Raw(server) as raw:
                    try:
                        raw.send(get(path, 'Content-Type: ' + kind, 'Transfer-Encoding: chunked',
                                     method=method).encode() +
                                 b'%x\r\n%s\r\n' % (len(line), line) * count + b'0\r\n\r\n')
                    except OSError:
                        pass  # it was refused
                    reply = raw.reply()
                    replies.append((size, reply and reply[0] // 100, reply and reply[2][:100]))
            equal(len(api(200, 'GET', '/v1/keys/' + topic)) if replies[-2][1] == 2 else size * count, size * count)
        equal([reply for reply in replies if reply[1] != 2], [], 'refused')
        equal(end_of(api, topic), 528)


@cases('requests that could be read in two ways are refused, and the connection ends')
def ambiguous(server):
    for text in (b'POST /v1/topics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!',
                 b'POST /v1/topics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n'
                 b'0\r\n\r\n',
                 b'POST /v1/topics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\nhello',
                 b'GET /v1 HTTP/1.1\r\n\r\n',
                 b'GET /v1 HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n', b'GET /v1 HTTP/2.0\r\nHost: x\r\n\r\n',
                 b'\x16\x03\x01\x02\0\1\0', b'nonsense\r\n\r\n',
                 b'GET /v1 HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n',
                 b'POST /v1/topics HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
                 b'POST /v1/topics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n'):
        with Raw(server) as raw:
            raw.send(text)
            raw.socket.shutdown(socket.SHUT_WR)
            reply = raw.reply()
            equal(reply is None or 400 <= reply[0] <= 505, True, '%s: %s' % (text, reply))
            equal(raw.reply(), None, 'another answer to %s' % text)


@cases('names are percent-encoded, in paths and in queries, and what is unknown or broken is refused')
def encoding(server):
    with Api(server) as api:
        for key in ('a/b', 'ü🐕', 'a b', '%41', '+', '?', '#', '..', '.', '\0', '"', '%', 'a&b=c', '\n'):
            name = unique('') + key
            equal(api.ask('PUT', '/v1/keys/' + quoted(name), key.encode(), type=BYTES).status, 201, key)
            equal(api(200, 'GET', '/v1/keys/' + quoted(name)), key.encode())
            equal(api(200, 'POST', '/v1/commands', {'command': ['GET', name]})['results'], [{'value': key}])
        name = unique('t')
        api(201, 'POST', '/v1/topics', {'name': name})
        equal(api(200, 'GET', '/v1/topics/%%%02x%s' % (ord('t'), name[1:]))['name'], name)
        api(200, 'POST', '/v1/topics/%s/records?key=a%%20b%%2B+c&partition=0' % name, b'x', type=BYTES)
        equal(api(200, 'GET', '/v1/topics/%s/records?key=a+b%%2b%%20c' % name)['records'][0]['key'], 'a b+ c')
        for path in ('/v1/keys/%', '/v1/keys/%4', '/v1/keys/%zz', '/v1/topics?prefix=%', '/v1/topics?prefix=%f',
                     '/v1/topics?none=1', '/v1/topics?',
                     '/v1/topics?limit=1&limit=2', '/v1/topics?=1', '/v1/topics?limit', '/v1/topics?Limit=1',
                     '/v1/topics?' + '&'.join(['limit=1'] * 1500)):
            if path.endswith('s?'):
                api(200, 'GET', path)
            else:
                equal(api(400, 'GET', path) in ('invalid-parameter', 'unknown-parameter'), True, path)


# ---- Once, and not too much -----------------------------------------------------------------------------------------

@cases('a request that is repeated with its idempotency key is done once, and is answered as before')
def idempotency(server):
    with Api(server) as api:
        topic = unique('once')
        key = unique('key')
        first = api.ask('POST', '/v1/topics', {'name': topic}, Idempotency_Key=key)
        again = api.ask('POST', '/v1/topics', {'name': topic}, Idempotency_Key=key)
        equal((first.status, first.headers['Idempotent-Replayed']), (201, None))
        equal((again.status, again.headers['Idempotent-Replayed'], again.body, again.headers['Location'], again.type),
              (201, 'true', first.body, first.headers['Location'], JSON))
        equal(api(422, 'POST', '/v1/topics', {'name': topic + 'x'}, Idempotency_Key=key), 'idempotency-key-reused')
        equal(api(422, 'POST', '/v1/topics/%s/records' % topic, {'value': 'x'}, Idempotency_Key=key),
              'idempotency-key-reused')
        api(404, 'GET', '/v1/topics/%sx' % topic)
        missing = unique('missing')
        api(404, 'POST', '/v1/topics/%s/records' % missing, {'value': 'x'}, Idempotency_Key=missing)
        api(201, 'POST', '/v1/topics', {'name': missing})
        api(200, 'POST', '/v1/topics/%s/records' % missing, {'value': 'x'}, Idempotency_Key=missing)
        api(201, 'POST', '/v1/queues', {'name': topic + '-q'})
        for path, body in (('/v1/topics/%s/records' % topic, {'value': 'x'}),
                           ('/v1/queues/%s-q/messages' % topic, {'body': 'x'})):
            key = unique('key')

            def publish(_, path=path, body=body, key=key):
                with Api(server) as own:
                    reply = own.ask('POST', path, body, Idempotency_Key=key)
                    equal(reply.status, 200)
                    return reply.body, reply.headers['Idempotent-Replayed']
            with concurrent.futures.ThreadPoolExecutor(12) as pool:
                replies = list(pool.map(publish, range(24)))
            equal(len({body for body, _ in replies}), 1, 'the same answer')
            equal(sorted(str(replayed) for _, replayed in replies), ['None'] + ['true'] * 23)
        equal(api(200, 'GET', '/v1/topics/%s/partitions' % topic)['items'][0]['end'], 1)
        equal(api(200, 'GET', '/v1/queues/%s-q' % topic)['ready'], 1)


@cases('lines with an idempotency key are refused: what they are is not known before they end')
def idempotent_lines(server):
    with Api(server) as api:
        topic, key = unique('once'), unique('key')
        api(201, 'POST', '/v1/topics', {'name': topic})
        reply = api.ask('POST', '/v1/topics/%s/records' % topic, lines_of({'value': 'a'}), type=LINES, Idempotency_Key=key)
        equal((reply.status, reply.problem()), (400, 'invalid-parameter'))
        equal(Api(server)(200, 'GET', '/v1/topics/%s/partitions' % topic)['items'][0]['end'], 0)


@cases('too many requests of one user at a time get 429, and those whose client is gone do not count')
def too_many(_):
    with new_server('--http.max-requests-per-user', '4', '--shards', '1') as own, Api(own.start()) as api:
        api(201, 'POST', '/v1/topics', {'name': 't'})
        for _ in range(3):
            polls = [Api(own) for _ in range(4)]
            for poll in polls:
                poll.connection.request('GET', '/v1/topics/t/partitions/0/records?wait_ms=60000')
            reply = wait_for('to be refused', lambda: (r := api.ask('GET', '/v1/topics')).status == 429 and r)
            equal((reply.problem(), int(reply.headers['Retry-After']) > 0), ('too-many-requests', True))
            equal(own.http('/healthz')[0], 200)
            for poll in polls:
                poll.close()
            wait_for('to be served', lambda: api.ask('GET', '/v1/topics').status == 200)


@cases('while one user has too many requests under way, others are served, and so is who says nothing')
def too_many_of_one(_):
    with Secured('--http.max-requests-per-user', '3', '--shards', '1') as own:
        own.start()
        topic = new_topic(own)
        greedy, modest = (new_user(own, ('read', 'topic:' + topic)) for _ in range(2))
        polls = [api_as(own, greedy) for _ in range(3)]
        for poll in polls:
            poll.connection.request('GET', '/v1/topics/%s/partitions/0/records?wait_ms=60000' % topic, headers=poll.own)
        with api_as(own, greedy) as api, api_as(own, modest) as other, api_as(own) as nobody:
            wait_for('to be refused', lambda: api.ask('GET', '/v1/topics').status == 429)
            for _ in range(20):
                equal([t['name'] for t in other(200, 'GET', '/v1/topics')['items']], [topic])
                equal(nobody(200, 'GET', '/v1/topics')['items'], [])
                equal(api(429, 'GET', '/v1/topics'), 'too-many-requests')
            for poll in polls:
                poll.close()
            wait_for('to be served', lambda: api.ask('GET', '/v1/topics').status == 200)


@cases('the requests of one user at a time are as many as the option says on all shards together')
def too_many_on_shards(_):
    with new_server('--http.max-requests-per-user', '8', '--shards', '4') as own, Api(own.start()) as api:
        api(201, 'POST', '/v1/topics', {'name': 't'})
        polls = [Api(own) for _ in range(40)]
        for poll in polls:
            poll.connection.request('GET', '/v1/topics/t/partitions/0/records?wait_ms=60000')

        of = {poll.connection.sock: poll for poll in polls}

        def answered():
            return select.select(list(of), [], [], 0)[0]
        wait_for('all but eight to be refused', lambda: len(answered()) == 32)
        equal({of[each].connection.getresponse().status for each in answered()}, {429})
        for poll in polls:
            poll.close()


@cases('heads and bodies that come too slowly are cut off, waits are not')
def slow(_):
    with new_server('--http.request-timeout-ms', '500') as own, Api(own.start()) as api:
        api(201, 'POST', '/v1/topics', {'name': 't'})
        for text in (b'GET /v1 HT', b'GET /v1 HTTP/1.1\r\nHost: x\r\n',
                     post('/v1/keys/k', b'abc', kind=BYTES, method='PUT', length=100),
                     post('/v1/topics/t/records', b'{"value":1}\n{"val', kind=LINES, length=100)):
            with Raw(own) as raw:
                raw.send(text)
                reply = raw.reply()
                equal(reply is None or 400 <= reply[0] < 500, True, '%s: %s' % (text, reply))
                equal(raw.reply(), None)
        with Raw(own) as raw:  # a byte now and then does not help
            began = time.monotonic()
            try:
                for byte in get('/v1', 'X: ' + 'x' * 1000):
                    raw.send(byte)
                    time.sleep(0.05)
                    assert time.monotonic() < began + 20, 'it is never cut off'
            except OSError:
                pass
        equal(api(404, 'GET', '/v1/keys/k'), 'not-found')
        path = '/v1/topics/t/partitions/0/records?offset=%d&wait_ms=1500' % end_of(api, 't')
        equal(api(200, 'GET', path)['records'], [])
        equal(own.http('/healthz')[0], 200)


def end_of(api, topic):
    return sum(p['end'] for p in api(200, 'GET', '/v1/topics/%s/partitions' % topic)['items'])


# ---- Streams of lines -----------------------------------------------------------------------------------------------

COUNT, PARTITIONS = 200_000, 4


def blocks_of(count, bad_at=None):
    """Lines in blocks that do not end where lines do."""
    text = b''
    for i in range(count):
        text += b'nonsense\n' if i == bad_at else b'{"partition":%d,"value":"%d %s"}\n' % (i % PARTITIONS, i, b'x' * 80)
        while len(text) >= 60_000:
            yield text[:60_000]
            text = text[60_000:]
    yield text


def read_all(api, topic, partition):
    """The numbers of its records."""
    numbers, at = [], 0
    while True:
        path = '/v1/topics/%s/partitions/%d/records?limit=10000&bytes_max=8388608&offset=%d' % (topic, partition, at)
        reply = api.ask('GET', path, Accept=LINES)
        equal(reply.status, 200)
        if not reply.body:
            return numbers
        numbers += [int(json.loads(line)['value'].split()[0]) for line in reply.body.splitlines()]
        at = int(reply.headers['Leat-Next'])


def stream_all(server, **framing):
    """Publishes COUNT lines in one request, and looks for them; returns how many MiB the server grew by meanwhile."""
    topic = unique('many')
    with Api(server) as api:
        api(201, 'POST', '/v1/topics', {'name': topic, 'partitions': PARTITIONS})
        before, highest, done = server.rss_kb(), [0], threading.Event()

        def watch():
            while not done.wait(0.05):
                highest[0] = max(highest[0], server.rss_kb())
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            reply = api.ask('POST', '/v1/topics/%s/records' % topic, type=LINES, **framing)
        finally:
            done.set()
            watcher.join()
        equal((reply.status, reply.json()), (200, {'published': COUNT, 'failed': 0}))
        for partition in range(PARTITIONS):
            equal(read_all(api, topic, partition) == list(range(partition, COUNT, PARTITIONS)), True, 'all, in order')
        equal(api(200, 'GET', '/v1')['name'], 'leat', 'the connection goes on')
        return (highest[0] - before) >> 10


@cases('200,000 lines in one request, in chunks: all arrive, in the order of each partition, and memory stays bounded')
def many_lines_in_chunks(server):
    grown = stream_all(server, chunks=blocks_of(COUNT))
    equal(grown < 150, True, 'MiB more: %d' % grown)


@cases('200,000 lines in one request of a known length: all arrive, in order, and memory stays bounded')
def many_lines_of_length(server):
    grown = stream_all(server, chunks=blocks_of(COUNT), Content_Length=str(sum(map(len, blocks_of(COUNT)))))
    equal(grown < 150, True, 'MiB more: %d' % grown)


@cases('a bad line in the middle: the answer names it, and what it says was published is there, and nothing else')
def bad_line(server):
    with Api(server) as api:
        for count, bad_at in ((30_000, 20_123), (10, 0), (10, 9), (1, 0)):
            topic = unique('bad')
            api(201, 'POST', '/v1/topics', {'name': topic, 'partitions': PARTITIONS})
            at = '/v1/topics/%s/records' % topic
            reply = Api(server).ask('POST', at, b''.join(blocks_of(count, bad_at)), type=LINES)
            equal((reply.status, reply.problem()), (400, 'invalid-body'))
            said = reply.json()['detail']
            equal(('line %d:' % (bad_at + 1) in said, '; %d records were published' % bad_at in said),
                  (True, True), said)
            for partition in range(PARTITIONS):
                equal(read_all(api, topic, partition) == list(range(partition, bad_at, PARTITIONS)), True,
                      'what was published')
        for line in (b'{"value":1}{"value":2}', b'[]', b'5', b'{"value":"x","unknown":1}', b'{"partition":4}',
                     b'{"value_base64":"!"}', b'\xff', b'{"key":"\xff"}',
                     b'[' * 5000):
            reply = Api(server).ask('POST', at, b'{"value":"good"}\n' + line + b'\n{"value":"after"}\n', type=LINES)
            equal((reply.status, 'line 2' in reply.json()['detail']), (400, True), '%s: %s' % (line[:30], reply.body))
        equal(end_of(api, topic), 9)


@cases('lines that one partition refuses: the answer names the line, and what it says was published is what is there')
def refused_line(server):
    with Api(server) as api:
        topic = unique('refused')
        api(201, 'POST', '/v1/topics', {'name': topic, 'partitions': 2, 'config': {'max.message.bytes': 1000}})
        lines = lines_of({'partition': 0, 'value': 'a'}, {'partition': 1, 'value': 'x' * 2000},
                         {'partition': 0, 'value': 'b'})
        reply = Api(server).ask('POST', '/v1/topics/%s/records' % topic, lines, type=LINES)
        said = reply.json()['detail']
        equal((reply.status, reply.problem(), 'line 2:' in said), (413, 'message-too-large', True), said)
        equal('; %d records were published' % end_of(api, topic) in said, True,
              '%s: %d' % (said, end_of(api, topic)))


@cases('who goes away in the middle of a stream of lines has published the lines that came whole')
def cut_stream(server):
    with Api(server) as api:
        topic = unique('cut')
        api(201, 'POST', '/v1/topics', {'name': topic})
        with Raw(server) as raw:
            raw.send(post('/v1/topics/%s/records' % topic, b'{"value":"1"}\n{"value":"2"}\n{"val', kind=LINES,
                          length=1000))
            wait_for('what came', lambda: end_of(api, topic) == 2)
        time.sleep(0.1)
        equal([r['value'] for r in api(200, 'GET', '/v1/topics/%s/partitions/0/records' % topic)['records']],
              ['1', '2'])


def main():
    return run_suite(cases)


if __name__ == '__main__':
    sys.exit(main())
