#!/usr/bin/python3
"""Live push over TLS, wss:// and https://, as who a certificate, a token or a password names, with the clients people use; what
they are told when it does not count: suite_live_tls.py [ADDRESS], which is not used: certificates are of servers of their own."""
import asyncio
import base64
import datetime
import json
import os
import shutil
import ssl
import subprocess
import sys

import websockets

from harness import Cases, Skip, equal, unique, wait_for
from security_support import NPM, PASSWORD, ask_root, new_token, new_topic, new_user, who_is
from tls_support import Authority, run_certified

cases = Cases('live_tls')


class World:
    """What the cases get: a server that asks clients for certificates of an authority, and takes those who have none."""

    def __init__(self, server, certificates, authority):
        self.server, self.certificates, self.authority = server, certificates, authority
        self.at = '127.0.0.1:%d' % server.tls_ports['http']
        self.url = 'wss://%s/v1/live' % self.at

    def context(self, certificate=None):
        made = ssl.create_default_context(cafile=str(self.certificates.authority))
        if certificate:
            made.load_cert_chain(*certificate)
        return made

    def topic(self, *values):
        """A topic with these records."""
        name = new_topic(self.server)
        for value in values:
            ask_root(self.server, 200, 'POST', '/v1/topics/%s/records' % name, {'value': value})
        return name


def basic(user, password=PASSWORD):
    return 'Basic ' + base64.b64encode(('%s:%s' % (user, password)).encode()).decode()


def bad_ones(world, user):
    """What does not count: (what it is, a value of Authorization, a token or None)."""
    server = world.server
    id_, revoked = new_token(server, user)
    ask_root(server, 204, 'DELETE', '/v1/users/%s/tokens/%s' % (user, id_))
    _, expired = new_token(server, user, lifetime_ms=1000)
    _, good = new_token(server, user)
    removed = new_user(server)
    ask_root(server, 204, 'DELETE', '/v1/users/' + removed)
    wait_for('the end of a token', lambda: who_is(server, token=expired)[0] == 401)
    tokens = [('a wrong token', good[:-1]), ('a revoked token', revoked), ('an expired token', expired)]
    passwords = [('a wrong password', basic(user, 'wrong')), ('a removed user', basic(removed))]
    return [*((what, 'Bearer ' + token, token) for what, token in tokens), *((what, value, None) for what, value in passwords)]


async def subscribe(url, topic, **options):
    """The values of the topic's records, up to 'last'; or (status, kind of the problem)."""
    try:
        async with websockets.connect(url, **options) as connection:
            await connection.send(json.dumps({'op': 'subscribe', 'id': 1, 'topic': topic, 'from': 'earliest'}))
            values = []
            while 'last' not in values:
                event = json.loads(await asyncio.wait_for(connection.recv(), 60))
                if event['type'] == 'error':
                    return event['problem']['status'], event['problem']['type']
                if event['type'] == 'record':
                    values.append(event['value'])
            return values
    except websockets.exceptions.InvalidStatusCode as error:
        return error.status_code, error.headers.get_all('WWW-Authenticate')


ASKED = [401, ['Basic', 'Bearer']]
DENIED = (403, 'urn:leat:problem:permission-denied')


def asked_for(answer):
    """The status, and the ways that a client is told to say who it is."""
    return [answer[0], sorted(way.split()[0] for way in answer[1] or ())]


@cases('python3-websockets over wss: as whom a certificate, a token or a password names; others are told why not')
def python_websockets(world):
    topic = world.topic('x' * 100_000, 'last')
    user, stranger = new_user(world.server, ('read', 'topic:' + topic)), new_user(world.server)
    _, token = new_token(world.server, user)

    def run(certificate=None, parameter='', **headers):
        return asyncio.run(subscribe(world.url + parameter, topic, ssl=world.context(certificate), extra_headers=headers))
    wanted = ['x' * 100_000, 'last']
    equal(run(world.authority.client(user)), wanted, 'by certificate')
    equal(run(Authorization='Bearer ' + token), wanted, 'by token')
    equal(run(parameter='?access_token=' + token), wanted, 'by parameter')
    equal(run(Authorization=basic(user)), wanted, 'by password')
    equal(run(world.authority.client(stranger), Authorization='Bearer ' + token), wanted, 'a token goes before a certificate')
    equal(run(world.authority.client(stranger)), DENIED, 'the certificate of another')
    equal(run(world.authority.client(user), Authorization=basic(stranger)), DENIED, 'a password goes before a certificate')
    for certificate in (None, world.authority.client(user)):
        for what, value, token in bad_ones(world, user):
            equal(asked_for(run(certificate, Authorization=value)), ASKED, what)
            if token:
                equal(asked_for(run(certificate, '?access_token=' + token)), ASKED, what + ' as parameter')
    equal(asked_for(run()), ASKED, 'nobody')
    try:
        asyncio.run(subscribe(world.url, topic, ssl=ssl.create_default_context()))
    except ssl.SSLCertVerificationError:
        pass
    else:
        raise AssertionError('a client took an authority that it does not know')
    other = Authority(world.authority.folder, 'others').client(user)
    try:
        equal(run(other), None)
    except (OSError, websockets.exceptions.WebSocketException, EOFError):
        pass


@cases('python3-websockets over wss: records come as they are written, large ones whole; pings are answered')
def as_it_happens(world):
    topic = new_topic(world.server)
    user = new_user(world.server, ('read,write', 'topic:' + topic))

    async def talk():
        async with websockets.connect(world.url, ssl=world.context(world.authority.client(user)), max_size=None) as connection:
            async def ask(number, **members):
                await connection.send(json.dumps({'id': number, **members}))
            await ask(1, op='subscribe', topic=topic)
            equal(json.loads(await connection.recv())['type'], 'subscribed')
            for number in range(2, 22):
                await ask(number, op='publish', topic=topic, value=str(number) + 'y' * 50_000 * (number % 10))
            events = [json.loads(await asyncio.wait_for(connection.recv(), 60)) for _ in range(40)]
            await asyncio.wait_for(await connection.ping(), 60)
            return events
    events = asyncio.run(talk())
    equal([e['value'] for e in events if e['type'] == 'record'], [str(n) + 'y' * 50_000 * (n % 10) for n in range(2, 22)])
    equal(sorted(e['id'] for e in events if e['type'] == 'published'), list(range(2, 22)))


@cases('ws and eventsource over TLS: by token, ws by certificate; the others get 401')
def node_clients(world):
    if os.environ.get('SKIP_NPM') or not shutil.which('node') or not (NPM / 'node_modules' / 'ws').exists():
        raise Skip('there is no Node.js, or its clients are not installed')
    topic = world.topic('last')
    user = new_user(world.server, ('read', 'topic:' + topic))
    _, token = new_token(world.server, user)
    bad = bad_ones(world, user)
    given = {'address': world.at, 'topic': topic, 'token': token, 'certificate': world.authority.client(user),
             'bad': [value for _, value, _ in bad]}
    done = subprocess.run(['node', str(NPM / 'live_tls.mjs')], input=json.dumps(given), capture_output=True, text=True, timeout=120,
                          env={**os.environ, 'NODE_EXTRA_CA_CERTS': str(world.certificates.authority)})
    equal(done.returncode, 0, done.stdout + done.stderr)
    good = ['ws parameter last', 'ws header last', 'ws certificate last', 'eventsource header last', 'eventsource parameter last']
    equal(done.stdout.splitlines(), [*good, *['ws 401', 'eventsource 401'] * len(bad), 'ws 401'], done.stderr)


@cases('curl over https: server-sent events as whom a certificate, a token or a password names; others are told why not')
def curl(world):
    topic, channel = world.topic('last'), unique('channel')
    user, stranger = new_user(world.server, ('read', 'topic:' + topic, 'channel:' + channel)), new_user(world.server)
    _, token = new_token(world.server, user)

    def run(*words, certificate=None, parameter=''):
        """(status, what came until it was the record)."""
        own = ['--cert', certificate[0], '--key', certificate[1]] if certificate else []
        url = 'https://%s/v1/events?topic=%s&channel=%s&from=earliest%s' % (world.at, topic, channel, parameter)
        process = subprocess.Popen(['curl', '-sSN', '-i', '--max-time', '60', '--cacert', str(world.certificates.authority), *own,
                                    *words, url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        said = ''
        try:
            for line in process.stdout:
                said += line
                if line.startswith('data: '):
                    break
        finally:
            process.kill()
            process.communicate()
        return int(said.split()[1]), said
    for what, answer in (('by certificate', run(certificate=world.authority.client(user))),
                         ('by password', run('-u', user + ':' + PASSWORD)), ('by token', run('--oauth2-bearer', token)),
                         ('by parameter', run(parameter='&access_token=' + token))):
        status, said = answer
        equal((status, json.loads(said.rpartition('data: ')[2])['value'], 'text/event-stream' in said), (200, 'last', True), what)
    status, said = run(certificate=world.authority.client(stranger))
    equal((status, 'permission-denied' in said), (403, True))
    for what, value, bad in bad_ones(world, user):
        status, said = run('-H', 'Authorization: ' + value, certificate=world.authority.client(user))
        equal((status, 'urn:leat:problem:unauthenticated' in said), (401, True), what)
        if bad:
            equal(run(parameter='&access_token=' + bad)[0], 401, what)
    equal(run()[0], 401, 'nobody')


@cases('a WebSocket of a certificate that ends is closed with 1008, its event stream ends, later nobody gets in by it')
def certificate_ends(world):
    topic = world.topic('last')
    user = new_user(world.server, ('read', 'topic:' + topic))
    certificate = world.authority.client(user, ends=datetime.timedelta(seconds=5))
    url = 'https://%s/v1/events?topic=%s&from=earliest' % (world.at, topic)
    stream = subprocess.Popen(['curl', '-sSN', '--max-time', '90', '--cacert', str(world.certificates.authority), '--cert',
                               certificate[0], '--key', certificate[1], url],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    async def talk():
        async with websockets.connect(world.url, ssl=world.context(certificate)) as connection:
            await connection.send(json.dumps({'op': 'subscribe', 'id': 1, 'topic': topic}))
            equal(json.loads(await connection.recv())['type'], 'subscribed')
            try:
                await asyncio.wait_for(connection.recv(), 60)
            except websockets.exceptions.ConnectionClosed:
                return connection.close_code
    equal(asyncio.run(talk()), 1008)
    said, errors = stream.communicate(timeout=90)
    equal((stream.returncode in (0, 18), 'last' in said), (True, True), '%d %s' % (stream.returncode, errors))  # 18: cut short
    try:
        asyncio.run(subscribe(world.url, topic, ssl=world.context(certificate)))
    except (OSError, websockets.exceptions.WebSocketException, EOFError):
        return
    raise AssertionError('it was let in')


if __name__ == '__main__':
    sys.exit(run_certified(cases, World))
