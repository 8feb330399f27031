#!/usr/bin/python3
"""What pages that a browser shows may do with the HTTP API: suite_http_origins.py [ADDRESS], which is not used."""
import json
import sys

from harness import Cases, equal, unique
from http_support import BYTES, JSON, LINES, Api, curl, new_server, run_suite
from suite_http_wire import Raw, post

cases = Cases('http_origins')


@cases('pages of origins that are named may use the API, others may not')
def cors(server):
    preflight = ('-X', 'OPTIONS', '-H', 'Access-Control-Request-Method: PUT', '-H',
                 'Access-Control-Request-Headers: content-type, if-match')
    with new_server('--http.cors-origins', 'https://app.example', '--http.cors-origins',
                    'http://localhost:3000') as own:
        own.start()
        for origin in ('https://app.example', 'http://localhost:3000'):
            reply = curl(own, '/v1/keys/k', *preflight, '-H', 'Origin: ' + origin)
            equal((reply.status, reply.headers['Access-Control-Allow-Origin'], reply.headers['Vary']),
                  (204, origin, 'Origin'))
            equal('PUT' in reply.headers['Access-Control-Allow-Methods'], True)
            equal('if-match' in reply.headers['Access-Control-Allow-Headers'], True)
            for path in ('/v1', '/v1/topics/none', '/v1/nothing'):
                reply = curl(own, path, '-H', 'Origin: ' + origin)
                equal(reply.headers['Access-Control-Allow-Origin'], origin, path)
                equal('ETag' in reply.headers['Access-Control-Expose-Headers'], True)
        for origin in ('https://app.example.evil.example', 'https://APP.example', 'http://app.example', 'null',
                       'https://app.example:443', '*'):
            for words in (preflight, ()):
                reply = curl(own, '/v1', *words, '-H', 'Origin: ' + origin)
                equal([name for name in reply.headers if name.lower().startswith('access-control-allow')], [], origin)
        equal(curl(own, '/v1').headers['Access-Control-Allow-Origin'], None, 'who says no origin')
    with new_server('--http.cors-origins', '*') as own:
        own.start()
        equal(curl(own, '/v1', '-H', 'Origin: https://any.example').headers['Access-Control-Allow-Origin'], '*')
    reply = curl(server, '/v1', *preflight, '-H', 'Origin: https://app.example')
    equal(reply.headers['Access-Control-Allow-Origin'], None, 'without the option')


UNSAFE = (('POST', '/v1/topics', {'name': 'made'}), ('PUT', '/v1/keys/made', b'x'),
          ('PATCH', '/v1/topics/there', {'partitions': 5}), ('DELETE', '/v1/topics/there', None),
          ('DELETE', '/v1/keys/there', None),
          ('POST', '/v1/topics/there/records', 'x'), ('POST', '/v1/queues/there/messages', 'x'),
          ('POST', '/v1/channels/c/messages', 'x'), ('POST', '/v1/locks/made', {'ttl_ms': 60000}),
          ('POST', '/v1/commands', {'command': ['SET', 'made', 'x']}),
          ('POST', '/v1/users', {'name': 'eve', 'password': 'x', 'admin': True}),
          ('POST', '/v1/queues/there/rewind', {'at': 'end'}))
# Those but the first two are what a page may send without asking before.
TYPES_OF_BODIES = (JSON, BYTES, 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', None)
HANDSHAKE = ('Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13',
             'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==')


def state_of(api):
    """What requests of pages must not change."""
    return [api(200, 'GET', '/v1/' + path) for path in ('topics', 'queues', 'keys', 'users', 'grants', 'topics/there',
                                                        'topics/there/partitions', 'queues/there')]


def make_some(api):
    api(201, 'POST', '/v1/topics', {'name': 'there'})
    api(201, 'POST', '/v1/queues', {'name': 'there', 'topic': 'there'})
    api(201, 'PUT', '/v1/keys/there', b'x', type=BYTES)


@cases('without users, pages of foreign origins change nothing: by no method, and by nothing that browsers send unasked')
def foreign_changes(_):
    with new_server('--http.cors-origins', 'https://app.example') as own, Api(own.start()) as api:
        make_some(api)
        before, here = state_of(api), '127.0.0.1:%d' % own.http_port
        for origin in ('http://evil.example', 'https://evil.example', 'null', 'http://app.example', 'file://', 'x', 'http://',
                       'https://app.example.evil.example', 'http://127.0.0.1', 'http://127.0.0.1:1', here,
                       'http://localhost:%d' % own.http_port, 'http://evil.example/' + here, 'http://%s.evil.example' % here):
            for method, path, body in UNSAFE:
                text = body if isinstance(body, (bytes, str)) or body is None else json.dumps(body)
                for kind in TYPES_OF_BODIES:
                    reply = api.ask(method, path, text, type=kind, Origin=origin)
                    what = '%s %s of %s as %s' % (method, path, origin, kind)
                    equal((reply.status, reply.problem()), (403, 'origin-denied'), what)
                    equal(reply.headers['Access-Control-Allow-Origin'], None, what)
        lines = post('/v1/topics/there/records', b'{"value":"x"}\n', 'Origin: http://evil.example', kind=LINES, length=1000)
        with Raw(own) as raw:  # those of good clients are taken before they end
            equal(raw.send(lines).reply()[0], 403)
        equal(state_of(api), before)
        for origin in ('https://app.example', 'http://' + here):
            equal(api.ask('POST', '/v1/topics', {'name': unique('own')}, Origin=origin).status, 201, origin)


def ask_at(server, host, path, *headers):
    """(status, headers, body) of a GET that names this host; of a WebSocket no body."""
    with Raw(server) as raw:
        raw.send('\r\n'.join(['GET %s HTTP/1.1' % path, 'Host: ' + host, *headers, '', '']))
        return raw.reply()


@cases('without users, a page whose name was made to lead here gets nothing: no API, page, metrics, WebSocket or events')
def rebound(_):
    wanted = (421, 'urn:leat:problem:misdirected-request')
    with new_server('--http.cors-origins', 'https://app.example') as own, Api(own.start()) as api:
        make_some(api)
        before, port = state_of(api), own.http_port
        for host in ('evil.example', 'evil.example:%d' % port, '127.0.0.1.evil.example:%d' % port, 'localhost.evil.example',
                     'evillocalhost', 'x', 'sub.app.example', 'app.example.evil.example'):
            origin = 'http://' + host
            for path, *headers in (('/v1',), ('/v1/topics',), ('/v1/keys/there',), ('/v1/nothing',), ('/metrics',), ('/',),
                                   ('/', 'Accept: text/html'), ('/v1/live', *HANDSHAKE), ('/v1/events?topic=there',)):
                for more in ((), ('Origin: ' + origin,)):
                    status, said, body = ask_at(own, host, path, *headers, *more)
                    equal((status, json.loads(body)['type']), wanted, '%s at %s' % (path, host))
                    equal('access-control-allow-origin' in said, False)
            for method, path, body in UNSAFE:
                kind = BYTES if isinstance(body, (bytes, str)) else None
                reply = api.ask(method, path, body, type=kind, Host=host, Origin=origin)
                equal((reply.status, reply.problem()), (421, 'misdirected-request'), '%s %s at %s' % (method, path, host))
            asked = api.ask('OPTIONS', '/v1/topics', Host=host, Origin=origin, Access_Control_Request_Method='POST')
            equal(asked.status, 421)
            for path in ('/healthz', '/readyz'):
                equal(api.ask('GET', path, Host=host).status, 200, path)
        equal(state_of(api), before)
        for host in ('127.0.0.1:%d' % port, '[::1]:%d' % port, 'localhost', 'LOCALHOST:%d' % port, 'leat.localhost:1',
                     'app.example', 'App.example:%d' % port, '10.0.0.1'):
            for path in ('/v1/topics', '/', '/metrics'):
                equal(api.ask('GET', path, Host=host).status, 200, host)
            equal(ask_at(own, host, '/v1/live', *HANDSHAKE)[0], 101, host)
        api(201, 'POST', '/v1/users', {'name': 'root', 'password': 'x', 'admin': True})
        equal(api.ask('GET', '/v1/topics', Host='leat.example').status, 200, 'once there is a user any name will do')
    with new_server('--http.cors-origins', '*') as own, Api(own.start()) as api:
        equal(api.ask('GET', '/v1/topics', Host='any.example').status, 200, 'pages of all origins may')


if __name__ == '__main__':
    sys.exit(run_suite(cases))
