#!/usr/bin/python3
"""SASL over TLS with the Kafka clients that people use, and what they are told when who they say they are does not count:
suite_sasl_tls.py [ADDRESS], which is not used: users and certificates are of servers of their own."""
import base64
import concurrent.futures
import contextlib
import http.server
import json
import os
import shutil
import ssl
import subprocess
import sys
import threading
import time

import kafka
from confluent_kafka import Consumer, KafkaError, Producer

from harness import Cases, Skip, equal, unique, wait_for
from jwt_support import Key, issue, options, write
from security_support import NPM, PASSWORD, ask_root, new_token, new_topic, new_user, wait_audited, who_is
from tls_support import run_secured_tls

cases = Cases('sasl_tls')
PASSWORDS = ('PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512')
WRONG_PASSWORD, WRONG_TOKEN = 'the user name or the password is wrong', 'the token is wrong or has expired'


def node(script, *words, text=None):
    """What a script of the folder npm printed."""
    if os.environ.get('SKIP_NPM') or not shutil.which('node') or not (NPM / 'node_modules' / 'kafkajs').exists():
        raise Skip('there is no Node.js, or its clients are not installed')
    done = subprocess.run(['node', str(NPM / script), *words], input=text, capture_output=True, text=True, timeout=120)
    equal(done.returncode, 0, done.stdout + done.stderr)
    return done.stdout


class World:
    """What the cases get: a server with TLS and users that knows the key of an issuer."""

    def __init__(self, server, certificates, key):
        self.server, self.certificates, self.key = server, certificates, key

    def __getattr__(self, name):
        return getattr(self.server, name)

    @property
    def authority(self):
        return str(self.certificates.authority)


def bad_passwords(server):
    """(what it is, user, password) of those who are refused; each of another user, as failures make the next attempt wait."""
    removed, changed = new_user(server), new_user(server)
    ask_root(server, 204, 'DELETE', '/v1/users/' + removed)
    ask_root(server, 200, 'PATCH', '/v1/users/' + changed, {'password': 'another'})
    return (('a wrong password', new_user(server), 'wrong'), ('nobody', unique('nobody'), PASSWORD),
            ('a removed user', removed, PASSWORD), ('a password of before', changed, PASSWORD))


def bad_tokens(server, topic):
    """(what it is, token) of those who are refused."""
    user = new_user(server, ('all', 'topic:' + topic))
    id_, revoked = new_token(server, user)
    ask_root(server, 204, 'DELETE', '/v1/users/%s/tokens/%s' % (user, id_))
    _, expired = new_token(server, user, lifetime_ms=1000)
    wait_for('the end of a token', lambda: who_is(server, token=expired)[0] == 401)
    return ('a wrong token', new_token(server, user)[1][:-1]), ('a revoked token', revoked), ('an expired token', expired)


def librdkafka(world, mechanism, user=None, password=PASSWORD, token=None, **more):
    """Settings of confluent-kafka and kcat."""
    own = {'oauth_cb': lambda _: (token, time.time() + 3600)} if token else {'sasl.username': user, 'sasl.password': password}
    return {'bootstrap.servers': world.tls_address, 'security.protocol': 'SASL_SSL', 'ssl.ca.location': world.authority,
            'sasl.mechanism': mechanism, **(own if token or user else {}), **more}


def told(settings):
    """What librdkafka says of being refused."""
    errors = []
    client = Producer({**settings, 'error_cb': errors.append, 'log_level': 0})
    client.produce('none', b'never')

    def said():
        client.poll(0.1)
        return next((e.str() for e in errors if e.code() == KafkaError._AUTHENTICATION), None)
    why = wait_for('the refusal', said, pause=0)
    equal(client.flush(0), 1, 'records that were not sent')
    client.purge()
    return why


@cases('confluent-kafka: every mechanism over TLS carries records of a group; who is refused is told why')
def confluent(world):
    server = world.server
    for mechanism in (*PASSWORDS, 'OAUTHBEARER'):
        topic, group, values = unique('orders'), unique('group'), []
        user = new_user(server, ('write,create,read', 'topic:' + topic), ('read', 'group:' + group))
        own = librdkafka(world, mechanism, user, token=new_token(server, user)[1] if mechanism == 'OAUTHBEARER' else None)
        producer = Producer({**own, 'enable.idempotence': True})
        for i in range(100):
            producer.produce(topic, b'%d' % i)
        equal(producer.flush(30), 0, mechanism)
        consumer = Consumer({**own, 'group.id': group, 'auto.offset.reset': 'earliest'})
        consumer.subscribe([topic])

        def polled():
            values.extend(m.value() for m in [consumer.poll(0.2)] if m and not m.error())
            return len(values) >= 100
        wait_for('the records with ' + mechanism, polled, pause=0)
        consumer.close()
        equal(values, [b'%d' % i for i in range(100)], mechanism)
    for mechanism in PASSWORDS:
        for what, user, password in bad_passwords(server):
            said = told(librdkafka(world, mechanism, user, password))
            equal(WRONG_PASSWORD in said, True, '%s with %s: %s' % (what, mechanism, said))
    for what, token in bad_tokens(server, 'none'):
        said = told(librdkafka(world, 'OAUTHBEARER', token=token))
        equal(WRONG_TOKEN in said, True, '%s: %s' % (what, said))


@contextlib.contextmanager
def token_endpoint(give):
    """An identity server's: what it is asked for a token of its one client is what `give` returns. Gives its URL."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            asked = self.rfile.read(int(self.headers['Content-Length'])).decode()
            who = base64.b64decode(self.headers['Authorization'].split()[1]).decode()
            is_good = who == 'mill:secret' and 'grant_type=client_credentials' in asked
            body = json.dumps({'access_token': give(), 'token_type': 'bearer', 'expires_in': 600} if is_good else {}).encode()
            self.send_response(200 if is_good else 401)
            self.send_header('Content-Type', 'application/json')
            self.send_header('Content-Length', str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler) as endpoint:
        thread = threading.Thread(target=endpoint.serve_forever, daemon=True)
        thread.start()
        try:
            yield 'http://127.0.0.1:%d/token' % endpoint.server_port
        finally:
            endpoint.shutdown()
            thread.join()


def kcat(settings, *words, text=None):
    given = [word for key, value in settings.items() for word in ('-X', '%s=%s' % (key, value))]
    return subprocess.run(['kcat', *words, *given], input=text, capture_output=True, text=True, timeout=60)


@cases('kcat: every mechanism of passwords over TLS; who is refused is told why, without TLS nobody is let in')
def kcat_passwords(world):
    server = world.server
    for mechanism in PASSWORDS:
        topic = new_topic(server)
        own = librdkafka(world, mechanism, new_user(server, ('read,write', 'topic:' + topic)))
        done = kcat(own, '-P', '-t', topic, text='hello\n')
        equal(done.returncode, 0, done.stderr)
        done = kcat(own, '-C', '-t', topic, '-e', '-q')
        equal(done.stdout, 'hello\n', done.stderr)
        done = kcat({**own, 'security.protocol': 'SASL_PLAINTEXT'}, '-L', '-m', '3')
        equal(done.returncode != 0, True, 'in plain, where TLS is spoken')
    bad = [(what, librdkafka(world, mechanism, user, password)) for mechanism in PASSWORDS
           for what, user, password in bad_passwords(server)]
    with concurrent.futures.ThreadPoolExecutor(len(bad)) as pool:  # each asks for as long as it may
        for (what, own), done in zip(bad, pool.map(lambda each: kcat(each[1], '-L'), bad)):
            equal((done.returncode != 0, WRONG_PASSWORD in done.stderr), (True, True), '%s: %s: %s' % (what, own, done.stderr))


@cases('kcat: tokens that it makes and nobody signs are refused over TLS')
def kcat_tokens(world):
    user = new_user(world.server, ('all', 'topic:*', 'cluster'))
    done = kcat(librdkafka(world, 'OAUTHBEARER', **{'enable.sasl.oauthbearer.unsecure.jwt': 'true',
                                                    'sasl.oauthbearer.config': 'principal=' + user}), '-L')
    equal((done.returncode != 0, WRONG_TOKEN in done.stderr), (True, True), done.stderr)


@cases('kafka-javascript: OAUTHBEARER over TLS with tokens of an identity server; others are refused')
def identity_server(world):
    topic, user = new_topic(world.server), unique('ann')
    new_user(world.server, ('read,write', 'topic:' + topic), ('read', 'group:' + topic), name=user)

    def run(token):
        with token_endpoint(lambda: token) as url:
            return node('confluent_oidc.mjs', world.tls_address, world.authority, topic, url)
    equal(run(issue(world.key, user)).split(), ['sent', 'hello'])
    for what, token in (('of an unknown key', issue(Key(id_=world.key.id), user)),
                        ('for others', issue(world.key, user, aud='others'))):
        said = run(token)
        equal((said.split()[0], WRONG_TOKEN in said), ('refused', True), '%s: %s' % (what, said))


class Provider:
    """Of tokens, as kafka-python wants it."""

    def __init__(self, token):
        self.given = token

    def token(self):
        return self.given

    def extensions(self):
        return {}


def python_options(world, mechanism, user=None, password=PASSWORD, token=None):
    by_password = {'sasl_plain_username': user, 'sasl_plain_password': password}
    own = {'sasl_oauth_token_provider': Provider(token)} if token else by_password
    return {'bootstrap_servers': world.tls_address, 'security_protocol': 'SASL_SSL', 'ssl_cafile': world.authority,
            'sasl_mechanism': mechanism, **own}


def is_refused(what, error, given):
    try:
        kafka.KafkaProducer(**given)
    except error:
        return
    raise AssertionError('%s was taken' % what)


@cases('kafka-python: every mechanism over TLS; who is refused gets an error, and the audit log says who it was')
def kafka_python(world):
    server, topic = world.server, new_topic(world.server)
    user = new_user(server, ('read,write', 'topic:' + topic))
    made = {mechanism: python_options(world, mechanism, user) for mechanism in PASSWORDS}
    made['OAUTHBEARER'] = python_options(world, 'OAUTHBEARER', token=new_token(server, user)[1])
    for mechanism, own in made.items():
        producer = kafka.KafkaProducer(**own)
        producer.send(topic, mechanism.encode()).get(timeout=30)
        producer.close()
    for mechanism, own in made.items():
        consumer = kafka.KafkaConsumer(topic, auto_offset_reset='earliest', consumer_timeout_ms=30000, **own)
        equal([next(consumer).value.decode() for _ in made], list(made), mechanism)
        consumer.close()
    for mechanism in PASSWORDS:
        for what, name, password in bad_passwords(server):
            # It sends passwords in messages of before SaslAuthenticate, whose answer to a wrong one is the end of the connection.
            is_refused(what, kafka.errors.NoBrokersAvailable, python_options(world, mechanism, name, password))
            wait_audited(server, event='failed_to_come_in', protocol='kafka', user=name)
    for what, token in bad_tokens(server, topic):
        is_refused(what, kafka.errors.AuthenticationFailedError, python_options(world, 'OAUTHBEARER', token=token))
    strangers = python_options(world, 'PLAIN', user)
    is_refused('an authority that it does not know', ssl.SSLError, {**strangers, 'ssl_cafile': None})


@cases('kafkajs: every mechanism over TLS; who is refused is told why')
def kafkajs(world):
    server, topic = world.server, new_topic(world.server)
    user = new_user(server, ('write', 'topic:' + topic))
    lines = [{'mechanism': mechanism.lower(), 'username': user, 'password': PASSWORD} for mechanism in PASSWORDS]
    lines.append({'mechanism': 'oauthbearer', 'token': new_token(server, user)[1]})
    good = len(lines)
    lines += [{'mechanism': mechanism.lower(), 'username': name, 'password': password} for mechanism in PASSWORDS
              for _, name, password in bad_passwords(server)]
    refused = len(lines)
    lines += [{'mechanism': 'oauthbearer', 'token': token} for _, token in bad_tokens(server, topic)]
    said = node('kafkajs_secure.mjs', world.tls_address, world.authority, topic,
                text=''.join(json.dumps(line) + '\n' for line in lines)).splitlines()
    equal(said[:good], ['sent'] * good)
    for line, answer in zip(lines[good:refused], said[good:]):
        equal((answer.split()[0], WRONG_PASSWORD in answer), ('KafkaJSSASLAuthenticationError', True), '%s: %s' % (line, answer))
    # It takes the server's answer to a wrong token for a good one, and is told by the end of the connection.
    equal(said[refused:], ['KafkaJSNumberOfRetriesExceeded Closed connection'] * 3)


def prepare(certificates):
    key, keys = Key(), certificates.folder / 'keys.json'
    write(keys, key)
    return options(keys), lambda server: World(server, certificates, key)


if __name__ == '__main__':
    sys.exit(run_secured_tls(cases, prepare))
