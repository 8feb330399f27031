#!/usr/bin/python3
"""Users by the certificates of clients, with the clients that people use: suite_mtls.py [ADDRESS], which is not used: certificates
are of servers of their own."""
import contextlib
import datetime
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys

import redis
from confluent_kafka import Consumer, Producer
from cryptography.x509.oid import ExtendedKeyUsageOID

from harness import Cases, equal, unique, wait_for
from security_support import (AUTHENTICATION_FAILED, NO_ERROR, PASSWORD, TOPIC_REFUSED, Kafka, amazon, ask_root, bearer_message, grant,
                              is_closed, new_access_key, new_token, new_topic, new_user, take_back, wait_audited)
from sqs_support import refused
from tls_support import DAY, Authority, TlsServer, openssl, run_certified

cases = Cases('mtls')


class World:
    """What the cases get: a server that asks clients for certificates of an authority, and takes those who have none."""

    def __init__(self, server, certificates, authority):
        self.server, self.certificates, self.authority = server, certificates, authority

    def __getattr__(self, name):
        return getattr(self.server, name)

    def context(self, certificate=None, version=None):
        made = ssl.create_default_context(cafile=str(self.certificates.authority))
        if certificate:
            made.load_cert_chain(*certificate)
        if version:
            made.minimum_version = made.maximum_version = version
        return made

    def user(self, *grants):
        """(name, certificate) of a user without a password."""
        name = new_user(self.server, *grants)
        return name, self.authority.client(name)

    def ask(self, method, path, certificate=None, context=None, body=None, **headers):
        """(status, parsed body) over HTTPS."""
        connection = http.client.HTTPSConnection('127.0.0.1', self.tls_ports['http'], timeout=30,
                                                 context=context or self.context(certificate))
        with contextlib.closing(connection):
            connection.request(method, path, json.dumps(body) if body is not None else None,
                               {**({'Content-Type': 'application/json'} if body is not None else {}), **headers})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b'null')

    def who(self, certificate=None, **more):
        status, answer = self.ask('GET', '/v1/me', certificate, **more)
        return answer['principal'] if status == 200 else status

    def kafka(self, certificate=None, **more):
        connection = Kafka(self.server, self.tls_ports['kafka'])
        try:
            connection._socket = self.context(certificate, **more).wrap_socket(connection._socket, server_hostname='localhost')
        except OSError:
            connection.close()
            raise
        return connection

    def kafka_options(self, certificate=None, **more):
        own = {'ssl.certificate.location': certificate[0], 'ssl.key.location': certificate[1]} if certificate else {}
        return {'bootstrap.servers': self.tls_address, 'security.protocol': 'SSL', 'log_level': 0,
                'ssl.ca.location': str(self.certificates.authority), **own, **more}


def is_refused(function, *arguments, **more):
    """Whether TLS ends, or never begins, the connection. With TLS 1.3 a client is told after its handshake."""
    try:
        function(*arguments, **more)
    except (OSError, http.client.HTTPException):
        return True
    return False


@cases('curl and http.client: the common name is the user, with what is granted to it; passwords and tokens go before')
def over_http(world):
    topic = new_topic(world.server)
    user, certificate = world.user(('read', 'topic:' + topic))
    done = subprocess.run(['curl', '-sS', '--cacert', str(world.certificates.authority), '--cert', certificate[0], '--key',
                           certificate[1], world.https + '/v1/me'], capture_output=True, text=True, timeout=60)
    equal(json.loads(done.stdout)['principal'], 'User:' + user, done.stderr)
    equal((world.who(certificate), world.who()), ('User:' + user, 'User:ANONYMOUS'))
    path = '/v1/topics/%s/partitions/0/records' % topic
    equal((world.ask('GET', path, certificate)[0], world.ask('GET', path)[0]), (200, 401))
    equal(world.ask('POST', '/v1/topics/%s/records' % topic, certificate, body={'value': 'x'})[0], 403)
    equal(world.ask('GET', '/v1/users/' + user, certificate)[0], 200, 'its own')
    equal(world.ask('GET', '/v1/users/root', certificate)[0], 403)
    for method, what, body in (('POST', '/tokens', {}), ('POST', '/access-keys', {}), ('PATCH', '', {'password': 'x'})):
        equal(world.ask(method, '/v1/users/%s%s' % (user, what), certificate, body=body)[0], 403, 'what would outlive it')
    other = new_user(world.server)
    _, token = new_token(world.server, other)
    equal(world.who(certificate, Authorization='Bearer ' + token), 'User:' + other)
    equal(world.who(certificate, Authorization='Bearer x'), 401, 'a wrong token is not made good by a certificate')
    equal(world.who(certificate, Authorization='Basic eDp5'), 401)
    unknown = world.authority.client(unique('not-a-user'))
    equal(world.who(unknown).startswith('User:not-a-user'), True)
    equal(world.ask('GET', path, unknown)[0], 403, 'whom leat does not know')


@cases("leat: its commands come as the user of LEAT_CLIENT_CERTIFICATE, to Kafka's, Amazon's and the HTTP listener")
def own_commands(world):
    topic, queue = new_topic(world.server), unique('own')
    user, (file, key) = world.user(('describe,write,read', 'topic:' + topic), ('create,describe', 'queue:' + queue))

    def run(*words, text=None, **shown):
        own = {**os.environ, 'LEAT_CA': str(world.certificates.authority), **shown}
        done = subprocess.run([world.leat, *words], input=text, capture_output=True, text=True, timeout=60, env=own)
        return done.returncode, done.stdout, done.stderr

    certified = {'LEAT_CLIENT_CERTIFICATE': file, 'LEAT_CLIENT_KEY': key}
    server = ('--server', 'tls://' + world.tls_address)
    equal(run('produce', topic, *server, text='a line\n', **certified)[0], 0)
    equal(run('consume', topic, *server, **certified)[1], 'a line\n')
    status, _, why = run('consume', topic, *server)
    equal((status, topic in why), (1, True), 'without a certificate')
    for words in (('token', 'list', user, '--api', world.https), ('queue', 'create', queue, '--server', world.https_sqs)):
        status, _, why = run(*words, **certified)
        equal(status, 0, why)
        equal(run(*words)[0], 1, '%s without a certificate' % words[0])
    both = world.certificates.folder / (user + '-both.pem')
    both.write_text(open(file).read() + open(key).read())
    for words in (('consume', topic, *server), ('token', 'list', user, '--api', world.https)):
        status, _, why = run(*words, LEAT_CLIENT_CERTIFICATE=str(both))
        equal(status, 0, 'one file for both: ' + why)
    status, _, why = run('topic', 'list', *server, **{**certified, 'LEAT_CLIENT_KEY': str(world.certificates.key)})
    equal((status, 'is not that of the certificate' in why), (1, True), why)


@cases('the metrics are for whom a certificate names, when it may describe the cluster')
def metrics(world):
    _, certificate = world.user(('describe', 'cluster'))
    _, other = world.user()
    for given, status in ((certificate, 200), (other, 403), (None, 401)):
        connection = http.client.HTTPSConnection('127.0.0.1', world.tls_ports['http'], context=world.context(given), timeout=30)
        connection.request('GET', '/metrics')
        equal(connection.getresponse().status, status)
        connection.close()


@cases('confluent-kafka: produces and consumes as the user of its certificate; without one it is nobody')
def confluent(world):
    topic, group, values = unique('orders'), unique('group'), []
    _, certificate = world.user(('write,create,read', 'topic:' + topic), ('read', 'group:' + group))
    producer = Producer({**world.kafka_options(certificate), 'enable.idempotence': True})
    for i in range(10):
        producer.produce(topic, b'%d' % i)
    equal(producer.flush(30), 0)
    consumer = Consumer({**world.kafka_options(certificate), 'group.id': group, 'auto.offset.reset': 'earliest'})
    consumer.subscribe([topic])
    wait_for('the records', lambda: values.extend(m for m in [consumer.poll(0.2)] if m and not m.error()) or len(values) == 10,
             pause=0)
    consumer.close()
    errors = []
    nobody = Producer({**world.kafka_options(), 'message.timeout.ms': 20_000})
    nobody.produce(topic, b'x', on_delivery=lambda error, _: errors.append(error))
    nobody.flush(30)
    equal('AUTHORIZATION' in errors[0].name(), True, str(errors))


@cases('Kafka: SASL over a connection with a certificate names another user, once; a wrong password ends it')
def sasl_over_mtls(world):
    mine, others = new_topic(world.server), new_topic(world.server)
    _, certificate = world.user(('read', 'topic:' + mine))
    other = new_user(world.server, ('read', 'topic:' + others))
    third = new_user(world.server, ('read', 'topic:' + mine))
    with world.kafka(certificate) as connection:
        equal((connection.sees(mine), connection.sees(others)), (NO_ERROR, TOPIC_REFUSED))
        equal(connection.password(other)['ErrorCode'], NO_ERROR)
        equal((connection.sees(mine), connection.sees(others)), (TOPIC_REFUSED, NO_ERROR), 'the other user')
        equal(connection.password(third)['ErrorCode'], AUTHENTICATION_FAILED, 'a third one')
    with world.kafka(certificate) as connection:
        _, token = new_token(world.server, other)
        equal(connection.sasl('OAUTHBEARER', bearer_message(token))['ErrorCode'], NO_ERROR)
        equal((connection.sees(mine), connection.sees(others)), (TOPIC_REFUSED, NO_ERROR), 'by a token')
    with world.kafka(certificate) as connection:
        equal(connection.password(other, 'wrong')['ErrorCode'], AUTHENTICATION_FAILED)
    with world.kafka() as connection:
        equal(connection.sees(mine), TOPIC_REFUSED)
        equal((connection.password(other)['ErrorCode'], connection.sees(others)), (NO_ERROR, NO_ERROR), 'without a certificate')


@cases('boto3: a request that is not signed is of whom the certificate names; a signature goes before')
def sqs(world):
    name = unique('queue')
    user, certificate = world.user(('create,write,read,delete', 'queue:' + name))
    verify = str(world.certificates.authority)
    own = amazon('sqs', world.https_sqs, verify=verify, client_cert=certificate)
    url = own.create_queue(QueueName=name)['QueueUrl']
    own.send_message(QueueUrl=url, MessageBody='x')
    message, = own.receive_message(QueueUrl=url, AttributeNames=['All'], WaitTimeSeconds=5)['Messages']
    equal(message['Attributes']['SenderId'], user)
    refused('AccessDenied', 403, own.set_queue_attributes, QueueUrl=url, Attributes={'DelaySeconds': '1'})
    refused('AccessDenied', 403, amazon('sqs', world.https_sqs, verify=verify).send_message, QueueUrl=url, MessageBody='x')
    stranger = new_user(world.server)
    signed = amazon('sqs', world.https_sqs, new_access_key(world.server, stranger), verify=verify, client_cert=certificate)
    refused('AccessDenied', 403, signed.send_message, QueueUrl=url, MessageBody='x')
    wrong = amazon('sqs', world.https_sqs, ('LEATNONE', 'x'), verify=verify, client_cert=certificate)
    refused('InvalidClientTokenId', 403, wrong.send_message, QueueUrl=url, MessageBody='x')
    own.delete_queue(QueueUrl=url)


@cases('certificates of others, expired, not yet valid, or for servers end the connection')
def not_taken(world):
    other = Authority(world.authority.folder, 'others')
    bad = {'another authority': other.client('root'), 'expired': world.authority.client('root', ends=-DAY),
           'not yet valid': world.authority.client('root', begins=DAY, ends=2 * DAY),
           'for servers': world.authority.client('root', usage=[ExtendedKeyUsageOID.SERVER_AUTH])}
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        for what, certificate in bad.items():
            context = world.context(certificate, version)
            equal(is_refused(world.ask, 'GET', '/healthz', context=context), True, '%s: HTTP with %s' % (what, version))

            def metadata(certificate=certificate, version=version):
                with world.kafka(certificate, version=version) as connection:
                    connection.sees('none')
            equal(is_refused(metadata), True, '%s: Kafka with %s' % (what, version))
    equal(world.who(world.authority.client('ann', usage=[ExtendedKeyUsageOID.CLIENT_AUTH])), 'User:ann', 'for clients')
    verify = str(world.certificates.authority)
    for what, certificate in bad.items():
        client = amazon('sqs', world.https_sqs, verify=verify, client_cert=certificate)
        try:
            client.list_queues()
        except Exception as error:  # botocore has a few for it
            equal('response' in vars(error), False, '%s: %s' % (what, error))
        else:
            raise AssertionError(what)


@cases('a name that no user can have, two names, or none: the client is nobody')
def odd_names(world):
    for names in ((), ('ann', 'bob'), ('root', 'root'), ('*',), ('ANONYMOUS',), ('x' * 129,), ('ann\n',), ('root\0x',), ('\x7f',)):
        certificate = world.authority.client(*names)
        equal(world.who(certificate), 'User:ANONYMOUS', repr(names))
        with world.kafka(certificate) as connection:
            equal(connection.sees('none'), TOPIC_REFUSED, repr(names))
    for name in ('zoë ü', 'a, b = c', 'x' * 64, 'User:root', 'Role:ops', '日本'):
        equal(world.who(world.authority.client(name)), 'User:' + name)


@cases('grants of the user of a certificate count at once on open connections, roles too')
def at_once(world):
    topic, role = new_topic(world.server), unique('role')
    user, certificate = world.user()
    context = world.context(certificate)
    connection = http.client.HTTPSConnection('127.0.0.1', world.tls_ports['http'], context=context, timeout=30)

    def status():
        connection.request('GET', '/v1/topics/' + topic)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    with world.kafka(certificate) as over_kafka, contextlib.closing(connection):
        equal((status(), over_kafka.sees(topic)), (403, TOPIC_REFUSED))
        grant(world.server, 'role:' + role, 'read', 'topic:' + topic)
        ask_root(world.server, 200, 'PATCH', '/v1/users/' + user, {'roles': [role]})
        equal((status(), over_kafka.sees(topic)), (200, NO_ERROR))
        take_back(world.server, 'role:' + role, 'read', 'topic:' + topic)
        equal((status(), over_kafka.sees(topic)), (403, TOPIC_REFUSED))


@cases('each connection shows its certificate: no session is resumed, which could outlive it')
def resumption(world):
    user, certificate = world.user()
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context, session, reused = world.context(certificate, version), None, []
        for _ in range(3):
            with socket.create_connection(('127.0.0.1', world.tls_ports['http']), timeout=30) as plain, \
                    context.wrap_socket(plain, server_hostname='localhost', session=session) as secure:
                secure.sendall(b'GET /v1/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
                answer = b''
                while more := secure.recv(65536):
                    answer += more
                equal(json.loads(answer.partition(b'\r\n\r\n')[2])['principal'], 'User:' + user)
                session = secure.session
                reused.append(secure.session_reused)
        equal(reused, [False, False, False], str(version))


@cases('who came by a certificate is nobody once it has ended, also on connections that are open')
def certificate_ends(world):
    topic = new_topic(world.server)
    user = new_user(world.server, ('read', 'topic:' + topic))
    certificate = world.authority.client(user, ends=datetime.timedelta(seconds=5))
    connection = http.client.HTTPSConnection('127.0.0.1', world.tls_ports['http'], context=world.context(certificate), timeout=30)

    def me():
        connection.request('GET', '/v1/me')
        answer = connection.getresponse()
        return json.loads(answer.read())
    with contextlib.closing(connection), world.kafka(certificate) as over_kafka, world.kafka(certificate) as again:
        equal((me()['principal'], over_kafka.sees(topic), again.sees(topic)), ('User:' + user, NO_ERROR, NO_ERROR))
        wait_for('the end', lambda: me()['principal'] == 'User:ANONYMOUS')
        equal(is_closed(over_kafka, topic), True, 'over Kafka')
        equal((again.password(user)['ErrorCode'], again.sees(topic)), (NO_ERROR, NO_ERROR), 'who says by SASL who it is')
        equal(is_refused(world.who, certificate), True, 'a new connection')


@cases('web pages cannot use the certificate of who looks at them')
def pages(world):
    name = unique('queue')
    user, certificate = world.user(('all', 'queue:' + name))
    body = 'Action=CreateQueue&Version=2012-11-05&QueueName=' + name

    def status(**headers):
        connection = http.client.HTTPSConnection('127.0.0.1', world.tls_ports['sqs'], context=world.context(certificate), timeout=30)
        with contextlib.closing(connection):
            connection.request('POST', '/', body, {'Content-Type': 'application/x-www-form-urlencoded', **headers})
            return connection.getresponse().status
    equal(status(Origin='https://evil.example'), 403)
    equal(status(**{'Sec-Fetch-Site': 'cross-site'}), 403)
    equal(status(), 200, 'a program')
    equal(world.ask('PATCH', '/v1/users/' + user, certificate, body={'password': 'x'}, Origin='https://evil.example')[0], 403)


@cases('redis-py: the certificate names the user; AUTH names another')
def over_redis(world):
    user, certificate = world.user(('write', 'key:mine*'))
    other = new_user(world.server, ('read', 'key:mine*'))
    client = redis.Redis(port=world.tls_ports['resp'], ssl=True, ssl_ca_certs=str(world.certificates.authority), retry=None,
                         ssl_certfile=certificate[0], ssl_keyfile=certificate[1], decode_responses=True)
    equal((client.acl_whoami(), client.set('mine', 'x')), (user, True))
    for call in (lambda: client.get('mine'), lambda: client.set('other', 'x')):
        try:
            call()
        except redis.exceptions.NoPermissionError:
            continue
        raise AssertionError('it was allowed')
    with client.client() as one:
        one.execute_command('AUTH', other, PASSWORD)
        equal((one.acl_whoami(), one.get('mine')), (other, 'x'))


@cases('the audit log names who came by a certificate')
def audit(world):
    user, certificate = world.user()
    world.who(certificate)
    with world.kafka(certificate) as connection:
        connection.sees('none')
    for protocol in ('http', 'kafka'):
        event = wait_audited(world.server, event='came_in', protocol=protocol, principal='User:' + user)[0]
        equal((event['how'], event['host']), ('certificate', '127.0.0.1'))


@cases('who must show a certificate and has none gets no connection on any listener; certificates that count do')
def required(world):
    certificates = world.certificates
    with TlsServer(certificates, '--tls.client-ca', str(world.authority.file), '--tls.require-client-certificate=true') as server:
        server.start()
        strict = World(server, certificates, world.authority)
        certificate = world.authority.client('ann')
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            equal(strict.who(context=strict.context(certificate, version)), 'User:ann')
            equal(is_refused(strict.who, context=strict.context(None, version)), True, str(version))

            def metadata(version=version):
                with strict.kafka(version=version) as connection:
                    connection.sees('none')
            equal(is_refused(metadata), True, str(version))
        for protocol in ('sqs', 'resp'):
            def talk(given, protocol=protocol):
                with socket.create_connection(('127.0.0.1', strict.tls_ports[protocol]), timeout=30) as plain, \
                        strict.context(given).wrap_socket(plain, server_hostname='localhost') as secure:
                    secure.sendall(b'PING\r\n' if protocol == 'resp' else b'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
                    if not secure.recv(100):
                        raise ConnectionResetError
            equal((is_refused(talk, None), is_refused(talk, certificate)), (True, False), protocol)
        equal(server.http('/healthz')[0], 200, 'listeners without TLS are as before')
        equal(server.stop(), 0)


@cases('an authority’s file that is replaced counts without a restart; open connections go on; what is no list changes nothing')
def replaced(world):
    first, second = Authority(world.authority.folder, 'first'), Authority(world.authority.folder, 'second')
    file = world.authority.folder / 'changing.pem'

    def put(content):
        new = file.with_suffix('.new')
        new.write_bytes(content)
        os.replace(new, file)
    put(first.file.read_bytes())
    with TlsServer(world.certificates, '--tls.client-ca', str(file)) as server:
        server.start()
        changing = World(server, world.certificates, first)
        old, new = first.client('ann'), second.client('bob')
        equal((changing.who(old), is_refused(changing.who, new)), ('User:ann', True))
        with changing.kafka(old) as kept:
            context = changing.context(old, ssl.TLSVersion.TLSv1_2)
            with socket.create_connection(('127.0.0.1', server.tls_ports['http']), timeout=30) as plain, \
                    context.wrap_socket(plain, server_hostname='localhost') as secure:
                session = secure.session
            put(second.file.read_bytes())
            server.process.send_signal(signal.SIGHUP)
            wait_for('the new authority', lambda: not is_refused(changing.who, new))
            equal(changing.who(new), 'User:bob')
            equal(is_refused(changing.who, old), True, 'the old authority counts no longer')

            def resume():
                with socket.create_connection(('127.0.0.1', server.tls_ports['http']), timeout=30) as plain, \
                        context.wrap_socket(plain, server_hostname='localhost', session=session) as secure:
                    return secure.session_reused
            equal(is_refused(resume), True, 'a session of the old authority')
            equal(kept.sees('none') in (NO_ERROR, 3), True, 'a connection that was open')
            put(first.file.read_bytes() + second.file.read_bytes())
            wait_for('both, without a signal', lambda: not is_refused(changing.who, old), pause=0.5)
            equal((changing.who(old), changing.who(new)), ('User:ann', 'User:bob'))
            put(b'-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')
            server.process.send_signal(signal.SIGHUP)
            wait_for('a line in the log', lambda: 'the certificate stays as it was' in server.log.read_text())
            equal((changing.who(old), changing.who(new)), ('User:ann', 'User:bob'))
        equal(server.stop(), 0)


@cases('settings that do not go together, and files that are none, stop the start and say why')
def wrong_settings(world):
    missing, empty = world.authority.folder / 'missing.pem', world.authority.folder / 'empty.pem'
    empty.write_text('')
    for given, why in ((['--tls.require-client-certificate=true'], 'tls.client_ca'), (['--tls.client-ca', str(missing)], 'missing.pem'),
                       (['--tls.client-ca', str(empty)], 'empty.pem'),
                       (['--tls.client-ca', world.authority.client('x')[1]], 'no list of certificates')):
        with TlsServer(world.certificates, *given) as server:
            server.spawn()
            equal((server.process.wait(30) != 0, why in server.log.read_text()), (True, True), server.log_tail())


@cases('who does not ask clients for certificates takes none')
def not_asked(world):
    with TlsServer(world.certificates) as server:
        server.start()
        equal(World(server, world.certificates, world.authority).who(world.authority.client('ann')), 'User:ANONYMOUS')
        shown = openssl('s_client', '-connect', '127.0.0.1:%d' % server.tls_ports['http'], text='').stdout
        equal('No client certificate CA names sent' in shown, True)
        equal(server.stop(), 0)


if __name__ == '__main__':
    sys.exit(run_certified(cases, World))
