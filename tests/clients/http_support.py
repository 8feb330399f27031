"""What the suites of the HTTP API share: a client, curl, users, and the API's document."""
import base64
import http.client
import json
import os
import subprocess
import urllib.parse

from harness import LEAT, Server, equal, short

JSON, LINES, BYTES = 'application/json', 'application/x-ndjson', 'application/octet-stream'
PROBLEM = 'application/problem+json'
NO_ANSWER = (OSError, http.client.HTTPException)


def quoted(text):
    return urllib.parse.quote(text, safe='')


def lines_of(*objects):
    return ''.join(json.dumps(each) + '\n' for each in objects).encode()


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def type(self):
        return (self.headers.get('Content-Type') or '').partition(';')[0]

    def json(self):
        return json.loads(self.body)

    def lines(self):
        equal(self.type, LINES)
        return [json.loads(line) for line in self.body.splitlines()]

    def problem(self):
        """The kind of the problem, which must be well formed."""
        equal(self.type, PROBLEM, 'the type of %s' % short(self.body))
        said = self.json()
        equal(said['status'], self.status, 'the status in %s' % short(said))
        assert said['type'].startswith('urn:leat:problem:') and isinstance(said['title'], str) and said['title'], said
        return said['type'].removeprefix('urn:leat:problem:')


def basic(user, password):
    return 'Basic ' + base64.b64encode(('%s:%s' % (user, password)).encode()).decode()


class Api:
    """A connection that is kept; of one thread. Bodies that are neither bytes nor text are sent as JSON."""

    def __init__(self, server, user=None, password='', seconds=60):
        self.connection = http.client.HTTPConnection('127.0.0.1', server.http_port, timeout=seconds)
        self.own = {'Authorization': basic(user, password)} if user else {}

    def ask(self, method, path, body=None, type=None, chunks=None, **headers):
        """The reply, whatever it is. Headers are given as If_Match is. `chunks` are sent as such, unless
        there is a Content_Length."""
        sent = {**self.own, **{name.replace('_', '-'): value for name, value in headers.items()}}
        if body is not None and not isinstance(body, (bytes, str)):
            body, type = json.dumps(body), type or JSON
        if isinstance(body, str):
            body = body.encode()
        if type:
            sent['Content-Type'] = type
        try:
            self.connection.request(method, path, chunks if chunks is not None else body, sent,
                                    encode_chunked=chunks is not None and 'Content-Length' not in sent)
            answer = self.connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read())
        except NO_ANSWER:
            self.connection.close()
            raise

    def __call__(self, status, method, path, body=None, **more):
        """The body of the reply, which must have this status: parsed if it is JSON, a problem's kind."""
        reply = self.ask(method, path, body, **more)
        equal(reply.status, status, '%s %s: %s: status' % (method, path, short(reply.body)))
        if status >= 400:
            return reply.problem()
        return reply.json() if reply.type == JSON else reply.body

    def close(self):
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def curl(server, path, *words, text=None):
    """As a person at a terminal does."""
    done = subprocess.run(['curl', '-sS', '-i', '--max-time', '60', *words,
                           path if '//' in path else 'http://127.0.0.1:%d%s' % (server.http_port, path)],
                          input=text.encode() if isinstance(text, str) else text, capture_output=True, timeout=90)
    equal((done.returncode, done.stderr), (0, b''), 'curl')
    rest = done.stdout
    while True:
        head, _, rest = rest.partition(b'\r\n\r\n')
        first, *others = head.decode().split('\r\n')
        if first.split()[1] != '100':
            break
    headers = http.client.HTTPMessage()
    for line in others:
        name, _, value = line.partition(': ')
        headers[name] = value
    return Reply(int(first.split()[1]), headers, rest)


def curl_json(server, path, body=None, *words):
    """The parsed answer to a GET, or to the POST of `body`; it must be good."""
    given = [] if body is None else ['-H', 'Content-Type: ' + JSON, '-d', json.dumps(body)]
    reply = curl(server, path, *given, *words)
    assert 200 <= reply.status < 300, (path, reply.status, reply.body)
    return reply.json()


def leat(server, *arguments, user='root', password='', new_password='', code=0):
    """Runs the command line as a user; returns what it printed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith('LEAT')}
    address = '%s@%s' % (user, server.address) if user else server.address
    done = subprocess.run([os.environ.get('LEAT', str(LEAT)), *arguments, '--server', address], text=True,
                          capture_output=True, timeout=60, stdin=subprocess.DEVNULL,
                          env={**environment, 'LEAT_PASSWORD': password, 'LEAT_NEW_PASSWORD': new_password})
    equal(done.returncode, code, done.stdout + done.stderr)
    return done.stdout + done.stderr


class Operation:
    """One of the document's, references resolved."""

    def __init__(self, document, method, path, own, shared):
        self.method, self.path, self.id = method.upper(), path, own['operationId']
        self.access, self.kind_of_body = own['x-leat-access'], own.get('x-leat-body')
        self.parameters = [resolved(document, p) for p in (*shared, *own.get('parameters', ()))]
        self.body = own.get('requestBody')
        self.responses = {status: resolved(document, r) for status, r in own['responses'].items()}


def resolved(document, node):
    while '$ref' in node:
        at = document
        for step in node['$ref'].removeprefix('#/').split('/'):
            at = at[step]
        node = at
    return node


def operations(document):
    for path, item in document['paths'].items():
        for method, own in item.items():
            if method != 'parameters':
                yield Operation(document, method, path, own, item.get('parameters', ()))


def new_server(*options, **more):
    return Server(*options, resp=True, **more)


def run_suite(cases):
    """The exit code of a suite whose cases share a server."""
    with new_server() as server:
        server.start()
        failed = cases.run(server)
        equal(server.stop(), 0, 'the exit code of the server')
    return 1 if failed else 0
