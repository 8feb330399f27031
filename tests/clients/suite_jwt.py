#!/usr/bin/python3
"""Tokens of another issuer (JWT), signed here: suite_jwt.py [ADDRESS], which is not used: the keys are of servers of their own."""
import contextlib
import http.server
import json
import pathlib
import shutil
import sys
import tempfile
import threading
import time

from confluent_kafka import Producer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from harness import Cases, Server, equal, free_port, unique, wait_for
from jwt_support import AUDIENCE, ISSUER, Key, claims, encoded, encoded_json, issue, options, roles, symmetric, write
from live_support import Events, WebSocket
from security_support import (AUTHENTICATION_FAILED, NO_ERROR, TOPIC_REFUSED, Kafka, Secured, api_as, files_with, grant, is_closed,
                              new_token, new_topic, new_user, take_back, who_is)

cases = Cases('jwt')


class Issued:
    """What the cases get: a server, and the keys that it has read."""

    def __init__(self, server, keys):
        self.server, self.keys, self.key = server, keys, keys['RS256']

    def __getattr__(self, name):
        return getattr(self.server, name)


@cases('RS, PS and ES with 256, 384 and 512: the token is the user that it names, whom leat need not know')
def algorithms(server):
    for key in server.keys.values():
        user = unique('ann')
        equal(who_is(server, token=issue(key, user)), (200, 'User:' + user), key.algorithm)
        equal(who_is(server, token=issue(key, user, {'kid': None})), (200, 'User:' + user), key.algorithm + ' without kid')
    user, known = unique('zoë, ='), new_user(server.server)
    for header in ({'typ': None}, {'typ': 'at+jwt'}, {'typ': 'jwt'}, {'x5t': 'x', 'cty': 'y'}):
        equal(who_is(server, token=issue(server.key, user, header)), (200, 'User:' + user), str(header))
    for more in ({'aud': ['others', AUDIENCE]}, {'nbf': int(time.time())}, {'exp': time.time() + 60.5}, {'iat': None}, {'azp': 'x', 'nested': {'a': [1]}}):
        equal(who_is(server, token=issue(server.key, known, **more)), (200, 'User:' + known), str(more))
    with api_as(server, token=issue(server.key, user)) as api:
        me = api(200, 'GET', '/v1/me')
        equal((me['roles'], me['grants'], me['expires'] > time.time() * 1000), ([], [], True))


@cases('a token that anybody could have made, or that is for another time or place, lets nobody in')
def refused(server):
    key, es, stranger = server.key, server.keys['ES256'], Key()
    now, user = int(time.time()), 'root'
    good = issue(key, user)
    head, body, signature = good.split('.')
    other_body = encoded_json(claims('eve'))
    own_jwk = issue(stranger, user, {'kid': None, 'jwk': stranger.jwk()})
    bad = {
        'another key': issue(stranger, user, {'kid': None}),
        'another key under this id': issue(stranger, user, {'kid': key.id}),
        'an id that is not there': issue(stranger, user),
        'a key of its own': own_jwk,
        'a key at a URL of its own': issue(stranger, user, {'jku': 'http://127.0.0.1:1/', 'kid': None}),
        'a certificate of its own': issue(stranger, user, {'x5u': 'http://127.0.0.1:1/', 'x5c': ['AAAA'], 'kid': None}),
        'a key of another kind': issue(key, user, {'alg': 'ES256'}),
        'the id of a key of another kind': issue(es, user, {'kid': key.id}),
        'ES256 in DER': issue(es, user, sign=lambda data: es.sign(data, raw=False)),
        'ES256 of zeros': issue(es, user, sign=lambda _: bytes(64)),
        'another hash than it says': issue(key, user, {'alg': 'RS512'}),
        'PKCS #1 for PSS': issue(key, user, {'alg': 'PS256'}),
        'expired': issue(key, user, lifetime=-5),
        'no end': issue(key, user, exp=None),
        'an end that is no number': issue(key, user, exp='never'),
        'an end beyond all numbers': issue(key, user, exp=1e300),
        'not yet': issue(key, user, nbf=now + 100),
        'issued later': issue(key, user, iat=now + 100),
        'another issuer': issue(key, user, iss=ISSUER + '/'),
        'no issuer': issue(key, user, iss=None),
        'issuers': issue(key, user, iss=[ISSUER]),
        'another audience': issue(key, user, aud='LEAT'),
        'other audiences': issue(key, user, aud=['a', 'b']),
        'no audience': issue(key, user, aud=None),
        'no name': issue(key, None),
        'a name that is no text': issue(key, 7),
        'an empty name': issue(key, ''),
        'everyone': issue(key, '*'),
        'nobody': issue(key, 'ANONYMOUS'),
        'a name of two lines': issue(key, 'root\n'),
        'a name too long': issue(key, 'x' * 129),
        'too many roles': issue(key, user, **roles(*('r%d' % i for i in range(201)))),
        'what has to be understood': issue(key, user, {'crit': ['exp']}),
        'a token of another purpose': issue(key, user, {'typ': 'logout+jwt'}),
        'another body': '%s.%s.%s' % (head, other_body, signature),
        'another head': '%s.%s.%s' % (encoded_json({'alg': 'RS256', 'kid': key.id}), body, signature),
        'no signature': '%s.%s.' % (head, body),
        'half a signature': good[:-20],
        'two parts': '%s.%s' % (head, body),
        'four parts': good + '.' + signature,
        'padding': good + '==',
        'an encrypted one': '.'.join([head, body, signature, body, signature]),
        'not base64': '%s.%s.%s' % (head, body, '!' * 40),
        'too long': issue(key, user, filler='x' * 20_000),
        'a deep head': '%s.%s.%s' % (encoded(b'{"alg":"RS256","x":' + b'[' * 5000 + b']' * 5000 + b'}'), 'e30', signature),
        'a deep body': '%s.%s.%s' % (head, encoded(b'[' * 5000 + b']' * 5000), signature),
        'two algorithms': '%s.%s.' % (encoded(b'{"alg":"RS256","alg":"none"}'), body),
        'a head that is no text': '%s.%s.%s' % (encoded(b'{"alg":"RS256","kid":"\xff"}'), body, signature),
    }
    for name in ('none', 'None', 'NONE', 'nOnE', '', 'HS256', 'RSA', None, 256):
        bad['alg %s, signed' % name] = issue(key, user, {'alg': name})
        bad['alg %s, empty' % name] = issue(key, user, {'alg': name}, sign=lambda _: b'')
    for what, secret in (('PEM', key.pem()), ('PEM without its last line', key.pem().strip()),
                         ('modulus', key.private.public_key().public_numbers().n.to_bytes(256, 'big')), ('nothing', b''),
                         ('JWK', json.dumps(key.jwk()).encode()), ('the set’s own secret', b'a secret of the set that is long')):
        for id_ in (key.id, None, 'symmetric'):
            bad['HS256 with the public key as secret: %s, %s' % (what, id_)] = issue(
                key, user, {'alg': 'HS256', 'kid': id_}, sign=symmetric(secret))
    let_in = [what for what, token in bad.items() if who_is(server, token=token)[0] != 401]
    equal(let_in, [])
    for what in ('another key', 'expired', 'alg none, empty', 'another issuer'):
        with Kafka(server) as connection:
            equal(connection.bearer(bad[what])['ErrorCode'], AUTHENTICATION_FAILED, what)
        equal(WebSocket(server.server, '/v1/live?access_token=' + bad[what]).status, 401, what)
    equal(who_is(server, token=good), (200, 'User:root'), 'the good one, after all these')
    log = server.log.read_text()
    equal([what for what, token in bad.items() if len(token) > 60 and token.rsplit('.', 1)[0] in log], [], 'tokens in the log')


@cases('roles of the token, and those that its user has here, may what is granted to them, as long as it is')
def granted_by_roles(server):
    topic, other = new_topic(server.server), new_topic(server.server)
    readers, writers = unique('readers'), unique('writers')
    user = new_user(server.server, roles=[writers])
    grant(server.server, 'role:' + readers, 'read', 'topic:' + topic)
    grant(server.server, 'role:' + writers, 'write', 'topic:' + topic)
    record = {'value': 'x'}
    where, what = '/v1/topics/%s/records' % topic, '/v1/topics/%s/partitions/0/records' % topic
    with api_as(server, token=issue(server.key, user, **roles(readers, 'x', readers))) as both, \
            api_as(server, token=issue(server.key, unique('ann'), **roles(readers))) as reader, \
            api_as(server, token=issue(server.key, user)) as writer:
        me = both(200, 'GET', '/v1/me')
        equal((sorted(me['roles']), {g['principal'] for g in me['grants']}),
              (sorted([readers, writers, 'x']), {'Role:' + readers, 'Role:' + writers}))
        both(200, 'POST', where, record)
        both(200, 'GET', what)
        reader(403, 'POST', where, record)
        reader(200, 'GET', what)
        reader(403, 'GET', '/v1/topics/%s/partitions/0/records' % other)
        writer(200, 'POST', where, record)
        writer(403, 'GET', what)
        grant(server.server, 'role:' + readers, 'read', 'topic:' + topic, deny=True)
        reader(403, 'GET', what)
        both(403, 'GET', what)
        take_back(server.server, 'role:' + readers, 'read', 'topic:' + topic, deny=True)
        reader(200, 'GET', what)
        take_back(server.server, 'role:' + readers, 'read', 'topic:' + topic)
        reader(403, 'GET', what)
    administrators = unique('administrators')
    grant(server.server, 'role:' + administrators, 'alter', 'cluster')
    with api_as(server, token=issue(server.key, unique('ann'), **roles(administrators))) as api:
        api(201, 'POST', '/v1/users', {'name': unique('made')})
    for claim in ('%s %s' % (readers, administrators), [readers, 7, administrators], ['', administrators, '*', 'a\nb']):
        with api_as(server, token=issue(server.key, unique('ann'), realm_access={'roles': claim})) as api:
            reply = api.ask('GET', '/v1/me')
            if reply.status == 200:  # what is no name of a role is left out
                equal(set(reply.json()['roles']) <= {readers, administrators}, True, str(reply.json()))
                equal(api.ask('GET', '/v1/users').status in (200, 403), True)
            else:
                equal(reply.status, 401, str(claim))
    with api_as(server, token=issue(server.key, unique('ann'), roles=[administrators], realm_access=[administrators])) as api:
        equal(api(200, 'GET', '/v1/me')['roles'], [], 'roles in another claim')


@cases('Kafka: OAUTHBEARER with a JWT; the session ends with it')
def over_kafka(server):
    topic, writers = new_topic(server.server), unique('writers')
    grant(server.server, 'role:' + writers, 'write', 'topic:' + topic)
    token = issue(server.key, unique('ann'), **roles(writers))
    producer = Producer({'bootstrap.servers': server.address, 'security.protocol': 'SASL_PLAINTEXT',
                         'sasl.mechanism': 'OAUTHBEARER', 'oauth_cb': lambda _: (token, time.time() + 600)})
    failures = []
    for i in range(100):
        producer.produce(topic, b'%d' % i, on_delivery=lambda error, _: failures.append(error) if error else None)
    equal((producer.flush(30), failures), (0, []))
    user = unique('ann')
    with Kafka(server) as ending, Kafka(server) as kept:
        short = issue(server.key, user, lifetime=3, **roles(writers))
        for connection in (ending, kept):
            answer = connection.bearer(short)
            equal((answer['ErrorCode'], 0 < answer['SessionLifetimeMs'] <= 3000, connection.sees(topic)), (0, True, 0))
        stream = Events(server.server, [topic], access_token=short)
        equal(stream.status, 403, 'it may write, and not read')
        live = WebSocket(server.server, '/v1/live?access_token=' + short)
        equal(kept.bearer(issue(server.key, user))['ErrorCode'], NO_ERROR)
        equal(kept.sees(topic), TOPIC_REFUSED, 'the new token has no roles')
        wait_for('the end of the token', lambda: who_is(server, token=short)[0] == 401)
        equal((is_closed(ending, topic), kept.sees(topic)), (True, TOPIC_REFUSED))
        equal(live.closing()[0], 1008)


@cases('who came with a JWT makes no token, no key and no password that would outlive it')
def makes_nothing(server):
    user = new_user(server.server)
    _, lasting = new_token(server.server, user)
    with api_as(server, token=issue(server.key, user)) as api:
        api(200, 'GET', '/v1/users/' + user)
        for method, path, body in (('POST', '/tokens', {}), ('POST', '/access-keys', {}), ('PATCH', '', {'password': 'x'})):
            equal(api(403, method, '/v1/users/%s%s' % (user, path), body), 'permission-denied')
    equal(who_is(server, token=lasting), (200, 'User:' + user), 'leat’s own tokens count beside')


@contextlib.contextmanager
def keyed(*keys, **more):
    """(server, file) with a file of these keys."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix='leat-jwks-'))
    try:
        write(folder / 'jwks.json', *keys)
        with Secured(*options(folder / 'jwks.json', **more)) as server:
            server.start()
            yield server, folder / 'jwks.json'
            equal(server.stop(), 0)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@cases('keys change with the file: new ones count, old ones no longer, and what is no key set changes nothing')
def rotation(_):
    old, new, last = Key(), Key('ES256'), Key()
    with keyed(old) as (server, file):
        before = issue(old, 'ann')
        equal(who_is(server, token=before), (200, 'User:ann'))
        equal(who_is(server, token=issue(new, 'ann'))[0], 401)
        write(file, old, new)
        wait_for('the new key', lambda: who_is(server, token=issue(new, 'ann'))[0] == 200)
        equal(who_is(server, token=before), (200, 'User:ann'), 'both count')
        write(file, new)
        wait_for('the end of the old key', lambda: who_is(server, token=before)[0] == 401)
        equal(who_is(server, token=issue(new, 'bob')), (200, 'User:bob'))
        file.write_text('{"keys": [')
        wait_for('a line in the log', lambda: 'the keys of tokens stay as they were' in server.log.read_text(), pause=0.2)
        equal(who_is(server, token=issue(new, 'eve')), (200, 'User:eve'), 'with the keys from before')
        write(file)
        wait_for('the end of all keys', lambda: who_is(server, token=issue(new, 'ann'))[0] == 401)
        write(file, last)
        wait_for('the last key', lambda: who_is(server, token=issue(last, 'ann'))[0] == 200)
        equal(who_is(server, token=issue(new, 'ann'))[0], 401)


class KeySet:
    """A web server with a key set, which can go away and come back."""

    def __init__(self):
        self.port, self.keys, self.asked, self.status, self.server = free_port(), [], 0, 200, None
        self.url = 'http://127.0.0.1:%d/certs' % self.port

    def start(self):
        keys = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                keys.asked += 1
                body = json.dumps({'keys': [key.jwk() for key in keys.keys]}).encode()
                self.send_response(keys.status)
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', self.port), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@cases('keys of a URL: it may be away at the start and later; a new key is asked for when a token names it')
def from_url(_):
    first, second, source = Key(), Key('ES256'), KeySet()
    with Secured(*options(source.url)) as server:
        server.start()
        equal(who_is(server, token=issue(first, 'ann'))[0], 401, 'before there are keys')
        source.keys = [first]
        source.start()
        wait_for('the keys', lambda: who_is(server, token=issue(first, 'ann')) == (200, 'User:ann'))
        asked = source.asked
        source.keys = [first, second]
        wait_for('the new key', lambda: who_is(server, token=issue(second, 'ann')) == (200, 'User:ann'))
        equal(source.asked, asked + 1, 'once for a key that was not there')
        for _ in range(20):
            equal(who_is(server, token=issue(Key('ES256'), 'ann'))[0], 401)
        equal(source.asked <= asked + 2, True, 'who makes up ids of keys has them asked for again and again: %d' % source.asked)
        source.stop()
        equal(who_is(server, token=issue(second, 'bob')), (200, 'User:bob'), 'while it is away')
        counted = server.metrics()
        equal(counted['leat_jwks_reads_total{outcome="failed"}'] >= 1, True)
        equal(counted['leat_jwks_reads_total{outcome="succeeded"}'] >= 2, True)
        equal('without TLS' in server.log.read_text(), True)
        equal(server.stop(), 0)


@cases('a clock that is a little off is forgiven: jwt.clock_skew_ms')
def clock_skew(_):
    key, now = Key('ES256'), int(time.time())
    with keyed(key, **{'clock-skew-ms': 3_600_000, 'audience': None, 'roles-claim': None, 'user-claim': 'a.b'}) as (server, _):
        for more in ({'exp': now - 1800}, {'nbf': now + 1800}, {'iat': now + 1800}, {'aud': 'others'}, {'aud': None}):
            equal(who_is(server, token=issue(key, 'x', a={'b': 'ann'}, **more)), (200, 'User:ann'), str(more))
        for more in ({'exp': now - 3700}, {'nbf': now + 3700}):
            equal(who_is(server, token=issue(key, 'x', a={'b': 'ann'}, **more))[0], 401, str(more))
        equal(who_is(server, token=issue(key, 'ann'))[0], 401, 'without the claim that names the user')
        with api_as(server, token=issue(key, 'x', a={'b': 'ann'}, **roles('r'))) as api:
            equal(api(200, 'GET', '/v1/me')['roles'], [], 'no claim of roles is looked at')
        equal('jwt.audience is not set' in server.log.read_text(), True)


@cases('a file that cannot be used, and settings that do not go together, stop the start and say why')
def wrong_settings(_):
    folder = pathlib.Path(tempfile.mkdtemp(prefix='leat-jwks-'))
    (folder / 'broken.json').write_text('{')
    write(folder / 'small.json', Key(bits=1024))
    write(folder / 'good.json', Key('ES256'))
    try:
        for given, why in ((options(folder / 'missing.json'), 'missing.json'), (options(folder / 'broken.json'), 'broken.json'),
                           (options(folder / 'small.json'), 'small.json'), (options('http://'), 'the keys of tokens'),
                           (options(folder / 'good.json', issuer=None), 'jwt.issuer'),
                           (options(folder / 'good.json', **{'user-claim': ''}), 'jwt.user-claim')):
            with Server(*given) as server:
                server.spawn()
                equal((server.process.wait(30) != 0, why in server.log.read_text()), (True, True), server.log_tail())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@cases('no token is in the log, the audit log or the catalog')
def secrets(server):
    token, wrong = issue(server.key, 'ann'), issue(Key('ES256'), 'ann')
    equal((who_is(server, token=token)[0], who_is(server, token=wrong)[0]), (200, 401))
    WebSocket(server.server, '/v1/live?access_token=' + wrong)
    equal(files_with(server.folder, token.split('.')[2], wrong.split('.')[2], token.split('.')[1]), [])


def main():
    keys = {name: Key(name) for name in ('RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512')}
    secret = {'kty': 'oct', 'k': encoded(b'a secret of the set that is long'), 'kid': 'symmetric', 'alg': 'HS256'}
    okp = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(serialization.Encoding.Raw,
                                                                         serialization.PublicFormat.Raw)
    with keyed(*keys.values(), secret, {'kty': 'OKP', 'crv': 'Ed25519', 'x': encoded(okp), 'kid': 'ed'}) as (server, _):
        failed = cases.run(Issued(server, keys))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
