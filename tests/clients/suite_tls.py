#!/usr/bin/python3
"""TLS on every listener, with the clients that people use: suite_tls.py [ADDRESS], which is not used: TLS needs servers of
its own, and certificates, which the openssl command makes."""
import hashlib
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading

import boto3
import kafka
import redis
from botocore.config import Config
from confluent_kafka import Consumer, Producer

from harness import Cases, Skip, equal, unique, wait_for
from tls_support import Certificates, TlsServer, openssl

NPM = pathlib.Path(__file__).resolve().parent / 'npm'
cases = Cases('tls')


def certificate_name(server, protocol):
    """Whom the certificate names that a new connection gets."""
    shown = openssl('s_client', '-connect', '127.0.0.1:%d' % server.tls_ports[protocol], text='').stdout
    return next(line for line in shown.splitlines() if line.startswith('subject=')).split('CN = ')[1]


def client(service, server, certificates):
    return boto3.session.Session().client(
        service, endpoint_url=server.https_sqs, region_name='us-east-1', aws_access_key_id='anyone',
        aws_secret_access_key='anything', verify=str(certificates.authority),
        config=Config(retries={'max_attempts': 0}, connect_timeout=10, read_timeout=30))


def kafka_options(server, certificates, **more):
    return {'bootstrap.servers': server.tls_address, 'security.protocol': 'SSL',
            'ssl.ca.location': str(certificates.authority), **more}


def consume(options, topic, count):
    consumer = Consumer({**options, 'group.id': unique('tls-group'), 'auto.offset.reset': 'earliest'})
    consumer.subscribe([topic])
    values = []

    def polled():
        message = consumer.poll(0.2)
        if message is not None and not message.error():
            values.append(message.value())
        return len(values) >= count

    wait_for('%d records of %s' % (count, topic), polled, pause=0)
    consumer.close()
    return values


@cases('boto3: queues have https URLs, messages and long waits work')
def sqs(server, certificates):
    api = client('sqs', server, certificates)
    url = api.create_queue(QueueName=unique('tls'))['QueueUrl']
    equal(url.startswith(server.https_sqs + '/'), True, url)
    equal(api.list_queues(QueueNamePrefix=url.rsplit('/', 1)[1])['QueueUrls'], [url])
    body = ''.join(random.choices('abcdefghij', k=200_000))
    api.send_message(QueueUrl=url, MessageBody=body)
    message = api.receive_message(QueueUrl=url, WaitTimeSeconds=5)['Messages'][0]
    equal(message['Body'] == body, True, 'the body is the same')
    api.delete_message(QueueUrl=url, ReceiptHandle=message['ReceiptHandle'])
    waiting = threading.Timer(0.5, lambda: api.send_message(QueueUrl=url, MessageBody='late'))
    waiting.start()
    equal(api.receive_message(QueueUrl=url, WaitTimeSeconds=20)['Messages'][0]['Body'], 'late')
    waiting.join()


@cases('boto3: topics of SNS deliver to queues')
def sns(server, certificates):
    queues, topics = client('sqs', server, certificates), client('sns', server, certificates)
    url = queues.create_queue(QueueName=unique('tls-sns'))['QueueUrl']
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=['QueueArn'])['Attributes']['QueueArn']
    topic = topics.create_topic(Name=unique('tls-topic'))['TopicArn']
    topics.subscribe(TopicArn=topic, Protocol='sqs', Endpoint=arn)
    topics.publish(TopicArn=topic, Message='over TLS')
    message = queues.receive_message(QueueUrl=url, WaitTimeSeconds=10)['Messages'][0]
    notification = json.loads(message['Body'])
    equal(notification['Message'], 'over TLS')
    equal(notification['UnsubscribeURL'].startswith(server.https_sqs), True, notification['UnsubscribeURL'])


@cases('aws cli: sends and receives')
def aws_cli(server, certificates):
    aws = '/usr/bin/aws' if os.access('/usr/bin/aws', os.X_OK) else shutil.which('aws')
    if not aws:
        raise Skip('there is no aws command')

    def run(*arguments):
        done = subprocess.run([aws, '--endpoint-url', server.https_sqs, '--region', 'us-east-1', 'sqs', *arguments],
                              capture_output=True, text=True, timeout=60,
                              env={**os.environ, 'AWS_CA_BUNDLE': str(certificates.authority),
                                   'AWS_ACCESS_KEY_ID': 'anyone', 'AWS_SECRET_ACCESS_KEY': 'anything'})
        equal(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    url = run('create-queue', '--queue-name', unique('tls-cli'))['QueueUrl']
    equal(url.startswith('https://'), True, url)
    run('send-message', '--queue-url', url, '--message-body', 'from the command line')
    equal(run('receive-message', '--queue-url', url)['Messages'][0]['Body'], 'from the command line')


@cases('curl: health and metrics by https, and a hint for those who come in plain')
def curl(server, certificates):
    def run(url, *options):
        return subprocess.run(['curl', '-sS', '-w', '%{http_code}', *options, url], capture_output=True, text=True,
                              timeout=30)
    good = run(server.https + '/readyz', '--cacert', str(certificates.authority))
    equal(good.stdout, 'ready\n200', good.stderr)
    equal(run(server.https + '/readyz').returncode, 60, 'curl refuses an authority that it does not know')
    plain = run('http://127.0.0.1:%d/readyz' % server.tls_ports['http'])
    equal((plain.stdout[-3:], 'https://' in plain.stdout), ('400', True))
    metrics = server.metrics()
    where = 'listener="http+tls=127.0.0.1:%d"' % server.tls_ports['http']
    equal(metrics['leat_tls_handshakes_total{%s,outcome="completed"}' % where] >= 1, True, 'completed handshakes')
    equal(metrics['leat_tls_handshakes_total{%s,outcome="failed"}' % where] >= 2, True, 'failed handshakes')


@cases('kcat: the same lines in order, and no access in plain')
def kcat(server, certificates):
    topic, lines = unique('tls-kcat'), ''.join('line %d\n' % i for i in range(5000))
    tls = ['-X', 'security.protocol=SSL', '-X', 'ssl.ca.location=%s' % certificates.authority]
    command = ['kcat', '-b', server.tls_address]
    done = subprocess.run([*command, *tls, '-P', '-t', topic], input=lines, capture_output=True, text=True, timeout=60)
    equal(done.returncode, 0, done.stderr)
    done = subprocess.run([*command, *tls, '-C', '-e', '-q', '-t', topic], capture_output=True, text=True, timeout=60)
    equal(done.stdout == lines, True, 'the lines are the same')
    plain = subprocess.run([*command, '-L', '-m', '3'], capture_output=True, text=True, timeout=60)
    equal(plain.returncode != 0, True, 'a client without TLS fails')


@cases('confluent-kafka: records of 1 MiB, produced and consumed with their content')
def confluent(server, certificates):
    topic = unique('tls-large')
    options = kafka_options(server, certificates)
    values = [random.randbytes(1_000_000) for _ in range(24)] + [b'%d' % i for i in range(2000)]
    producer = Producer({**options, 'message.max.bytes': 2_000_000})
    failures = []
    for value in values:
        producer.produce(topic, value, on_delivery=lambda error, _: failures.append(error) if error else None)
    equal(producer.flush(60), 0, 'records that were not delivered')
    equal(failures, [])
    digests = [hashlib.sha256(value).digest() for value in values]
    equal([hashlib.sha256(value).digest() for value in consume(options, topic, len(values))] == digests, True, 'contents')
    plain = consume({'bootstrap.servers': server.address}, topic, len(values))
    equal([hashlib.sha256(value).digest() for value in plain] == digests, True, 'contents in plain')


@cases('kafka-python: produces and consumes records in order; it takes no authority that it does not know')
def kafka_python(server, certificates):
    topic, values = unique('tls-python'), [b'%d ' % i + b'x' * 10_000 * (i % 10) for i in range(500)]
    own = {'bootstrap_servers': server.tls_address, 'security_protocol': 'SSL', 'ssl_cafile': str(certificates.authority)}
    producer = kafka.KafkaProducer(**own)
    for value in values:
        producer.send(topic, value)
    producer.flush(60)
    producer.close()
    consumer = kafka.KafkaConsumer(topic, auto_offset_reset='earliest', consumer_timeout_ms=30_000, **own)
    equal([next(consumer).value for _ in values] == values, True, 'records')
    consumer.close()
    for given, error in (({'ssl_cafile': None}, ssl.SSLError), ({'security_protocol': 'PLAINTEXT'}, kafka.errors.KafkaError)):
        try:
            kafka.KafkaProducer(**{**own, **given})
        except error:
            continue
        raise AssertionError('it was let in with %s' % given)


def leat(server, *words, ca=None, text=None):
    """leat's own command, of somebody who trusts that file."""
    own = {**os.environ, **({'LEAT_CA': str(ca)} if ca else {})}
    return subprocess.run([server.leat, *words], input=text, capture_output=True, text=True, timeout=60, env=own)


@cases('leat: its commands talk TLS to each listener, and tell why they do not')
def own_commands(server, certificates):
    topic, ca, lines = unique('tls-own'), certificates.authority, ''.join('line %d\n' % i for i in range(20_000))
    server_option = ['--server', 'tls://' + server.tls_address]

    def run(*words, **more):
        done = leat(server, *words, ca=ca, **more)
        equal(done.returncode, 0, done.stderr)
        return done.stdout

    run('topic', 'create', topic, '--partitions', '3', *server_option)
    run('produce', topic, '--partition', '1', *server_option, text=lines)
    equal(run('consume', topic, *server_option) == lines, True, 'the lines are the same')
    equal(run('consume', topic, '--follow', '--count', '20000', *server_option) == lines, True, 'the lines, followed')
    for words in (('produce', '--acks', '1'), ('produce', '--acks', '0'), ('consume',), ('latency', '--rate', '1000')):
        limit = ('--seconds', '1') if words[0] != 'consume' else ()
        shown = json.loads(run('bench', *words, *limit, '--topic', topic, '--json', *server_option))
        equal(shown['records'] > 500, True, shown)
    queue = unique('tls-own-queue')
    for words in (('create', queue), ('send', queue), ('receive', queue)):
        shown = run('queue', *words, '--server', server.https_sqs, text='by https\n')
    equal('by https' in shown, True, shown)
    missing = leat(server, 'token', 'list', 'somebody', '--api', server.https, ca=ca)
    equal('somebody' in missing.stderr, True, missing.stderr)
    name = 'tls://localhost:%d' % server.tls_ports['kafka']
    equal(topic in run('topic', 'list', '--server', name), True, 'by name')

    other = certificates.folder / 'other-ca.pem'
    certificates.run('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', certificates.folder / 'other-ca.key', '-out', other,
                     '-subj', '/CN=another authority')
    for address, trusted, why in (
            ('tls://' + server.tls_address, other, 'certificate verify failed'),
            ('tls://' + server.tls_address, None, 'certificate verify failed'),
            ('tls://' + server.tls_address, certificates.key, 'no list of certificates'),
            ('tls://' + server.tls_address, certificates.folder / 'missing.pem', 'missing.pem'),
            ('tls://' + server.address, ca, 'TLS'),
            (server.tls_address, ca, 'tls://')):
        done = leat(server, 'topic', 'list', '--server', address, ca=trusted)
        equal((done.returncode, why in done.stderr), (1, True), '%s: %s' % (address, done.stderr))
    for words in (('queue', 'list', '--server', server.https_sqs), ('token', 'list', 'somebody', '--api', server.https)):
        done = leat(server, *words)
        equal((done.returncode, 'certificate' in done.stderr), (1, True), done.stderr)


@cases('kafkajs: produces and consumes')
def kafkajs(server, certificates):
    node = shutil.which('node')
    if os.environ.get('SKIP_NPM') or not node or not (NPM / 'node_modules' / 'kafkajs').exists():
        raise Skip('there is no Node.js, or no kafkajs')
    done = subprocess.run([node, str(NPM / 'kafkajs_tls.mjs'), server.tls_address, str(certificates.authority),
                           unique('tls-js')], capture_output=True, text=True, timeout=60)
    equal(done.stdout.split(), ['one', 'two', 'three'], done.stderr)


def redis_client(server, certificates, **options):
    return redis.Redis(port=server.tls_ports['resp'], ssl=True, ssl_ca_certs=str(certificates.authority),
                       decode_responses=True, **options)


@cases('redis-py: large values, pipelines, transactions, waits and messages; strangers are refused on both sides')
def redis_py(server, certificates):
    r, key = redis_client(server, certificates), unique('tls-redis')
    value = ''.join(random.choices('abcdefghij', k=3_000_000))
    r.set(key, value)
    equal(r.get(key) == value, True, 'a large value is the same')
    with r.pipeline(transaction=True) as pipe:
        for i in range(2000):
            pipe.rpush(key + '-list', i)
        equal(pipe.execute(), list(range(1, 2001)))
    waiting = threading.Timer(0.3, lambda: redis_client(server, certificates).rpush(key + '-late', 'x'))
    waiting.start()
    equal(r.blpop(key + '-late', 30), (key + '-late', 'x'))
    waiting.join()
    listener = r.pubsub()
    listener.subscribe(key)
    equal(listener.get_message(timeout=30)['type'], 'subscribe')
    r.publish(key, 'over TLS')
    equal(listener.get_message(timeout=30)['data'], 'over TLS')
    listener.close()
    try:
        redis.Redis(port=server.tls_ports['resp'], ssl=True, retry=None).ping()
    except redis.ConnectionError as error:
        equal('certificate verify failed' in str(error), True, str(error))
    else:
        raise AssertionError('a client took an authority that it does not know')
    try:
        redis.Redis(port=server.tls_ports['resp'], retry=None, socket_timeout=30).ping()
    except redis.RedisError:
        pass
    else:
        raise AssertionError('a client without TLS was answered')
    where = 'listener="resp+tls=127.0.0.1:%d"' % server.tls_ports['resp']
    equal(server.metrics()['leat_tls_handshakes_total{%s,outcome="completed"}' % where] >= 2, True, 'completed handshakes')


@cases('redis-cli --tls: replies, a pipe of many commands, and no access in plain')
def redis_cli(server, certificates):
    key, command = unique('tls-redis-cli'), ['redis-cli', '-p', str(server.tls_ports['resp'])]
    tls = ['--tls', '--cacert', str(certificates.authority)]

    def run(*words, text=None):
        return subprocess.run([*command, *words], input=text, capture_output=True, text=True, timeout=60)

    if not shutil.which('redis-cli') or '--tls' not in run('--help').stdout + run('--help').stderr:
        raise Skip('there is no redis-cli with TLS')
    equal(run(*tls, 'set', key, 'from the command line').stdout, 'OK\n')
    equal(run(*tls, 'get', key).stdout, 'from the command line\n')
    done = run(*tls, '--pipe', text=''.join('RPUSH %s-list %d\r\n' % (key, i) for i in range(20_000)))
    equal('errors: 0, replies: 20000' in done.stdout, True, done.stdout + done.stderr)
    equal(run(*tls, 'llen', key + '-list').stdout, '20000\n')
    equal(run('--tls', 'ping').stdout, '', 'an authority that it does not know')
    equal('PONG' in run('ping').stdout, False, 'in plain')


@cases('ioredis: commands, a pipeline and messages')
def ioredis(server, certificates):
    node = shutil.which('node')
    if os.environ.get('SKIP_NPM') or not node or not (NPM / 'node_modules' / 'ioredis').exists():
        raise Skip('there is no Node.js, or no ioredis')
    done = subprocess.run([node, str(NPM / 'ioredis_tls.mjs'), str(server.tls_ports['resp']), str(certificates.authority),
                           unique('tls-js')], capture_output=True, text=True, timeout=60)
    equal(done.stdout.splitlines(), ['value', '1000', 'over TLS', 'refused'], done.stderr)


@cases('TLS 1.2 and 1.3 are spoken, 1.1 is refused, garbage and silence harm nobody')
def versions(server, certificates):
    for protocol, port in server.tls_ports.items():
        where = ['s_client', '-connect', '127.0.0.1:%d' % port, '-CAfile', str(certificates.authority)]
        for version, name in (('-tls1_2', 'TLSv1.2'), ('-tls1_3', 'TLSv1.3')):
            shown = openssl(*where, version, '-verify_return_error', text='')
            equal('New, %s' % name in shown.stdout, True, '%s on %s: %s' % (name, protocol, shown.stderr))
        old = openssl(*where, '-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0', text='')
        equal((old.returncode, 'alert protocol version' in old.stderr), (1, True), old.stderr)
    silent = [socket.create_connection(('127.0.0.1', port)) for port in server.tls_ports.values()]
    for port in server.tls_ports.values():
        with socket.create_connection(('127.0.0.1', port)) as garbage:
            garbage.sendall(random.randbytes(10_000))
            garbage.settimeout(20)
            try:
                while garbage.recv(1000):
                    pass
            except ConnectionResetError:
                pass
    equal(server.http('/healthz')[0], 200)
    for connection in silent:
        connection.close()


@cases('a client that stops in the middle of a handshake is closed')
def slow_handshake(server, certificates):
    with socket.create_connection(('127.0.0.1', server.tls_ports['kafka'])) as slow:
        slow.sendall(b'\x16\x03\x01\x02')
        slow.settimeout(60)
        equal(slow.recv(100), b'', 'the end of the stream')


@cases('clients that connect, or shake hands, and say nothing are closed as on plain listeners')
def silence(_, certificates):
    idle = ['--%s.connection-idle-ms=1000' % protocol for protocol in ('kafka', 'sqs', 'http')]
    context = ssl.create_default_context(cafile=str(certificates.authority))
    with TlsServer(certificates, *idle) as server:
        server.start()
        # Redis's clients may be silent for as long as they like, once the handshake is done.
        for port in (server.tls_ports[protocol] for protocol in ('kafka', 'sqs', 'http')):
            with socket.create_connection(('127.0.0.1', port), timeout=60) as silent:
                equal(silent.recv(100), b'', 'the end of the stream')
            with socket.create_connection(('127.0.0.1', port), timeout=60) as plain, \
                    context.wrap_socket(plain, server_hostname='localhost') as silent:
                equal(silent.recv(100), b'', 'the end of the stream, with close_notify')


@cases('SIGHUP serves a new certificate; one that does not fit changes nothing; open connections go on')
def reload(server, certificates):
    context = ssl.create_default_context(cafile=str(certificates.authority))
    kept = http.client.HTTPSConnection('127.0.0.1', server.tls_ports['http'], context=context, timeout=20)
    kept.request('GET', '/healthz')
    answer = kept.getresponse()
    equal((answer.status, answer.read() != b''), (200, True), 'before')
    certificates.make('renewed.example.org')
    server.process.send_signal(signal.SIGHUP)
    for protocol in server.tls_ports:
        wait_for('the new certificate on ' + protocol,
                 lambda at=protocol: certificate_name(server, at) == 'renewed.example.org')
    kept.request('GET', '/healthz')
    equal(kept.getresponse().status, 200, 'on a connection from before')

    good = certificates.key.read_bytes()
    certificates.make('other.example.org', file=certificates.folder / 'unused.pem', key=certificates.key)
    server.process.send_signal(signal.SIGHUP)
    wait_for('a line in the log', lambda: 'the certificate stays as it was' in server.log.read_text())
    equal(certificate_name(server, 'kafka'), 'renewed.example.org')
    certificates.key.write_bytes(good)
    equal(server.metrics()['leat_tls_certificate_reloads_total{outcome="refused"}'] >= 1, True, 'refused reloads')


@cases('changed files are found without a signal')
def changed_files(server, certificates):
    certificates.make('found.example.org', algorithm='rsa:2048')
    wait_for('the new certificate', lambda: certificate_name(server, 'sqs') == 'found.example.org', pause=0.5)
    equal('BEGIN' in server.log.read_text(), False, 'the log has nothing of a key')


CLIENT_FIRST = {  # what a client says on a new connection, and how the answer begins
    'http': (b'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n', b'HTTP/1.1 200'),
    'sqs': (b'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.ListQueues\r\n'
            b'Content-Length: 2\r\n\r\n{}', b'HTTP/1.1 200'),
    'resp': (b'PING\r\n', b'+PONG\r\n'),
    # ApiVersions 0, correlation 7: its length, then 7.
    'kafka': (b'\0\0\0\x0b\0\x12\0\0\0\0\0\7\0\1x', b'\0\0\0\7'),
}


class Secure:
    """A connection to a listener with TLS, and the certificate that it was shown."""

    def __init__(self, server, context, protocol):
        self.protocol = protocol
        plain = socket.create_connection(('127.0.0.1', server.tls_ports[protocol]), timeout=60)
        try:
            self.socket = context.wrap_socket(plain, server_hostname='localhost')
        except BaseException:
            plain.close()
            raise
        self.shown = hashlib.sha256(self.socket.getpeercert(True)).hexdigest()

    def ask(self):
        """Raises an error if there is no good answer."""
        question, answer = CLIENT_FIRST[self.protocol]
        self.socket.sendall(question)
        got = b''
        while len(got) < 64 and answer not in got:
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionResetError('the connection ended after %r' % got)
            got += more
        equal(answer in got, True, '%s: %r' % (self.protocol, got[:100]))
        return self

    def rest(self):
        """Reads what else has come."""
        self.socket.settimeout(0.2)
        try:
            while self.socket.recv(65536):
                pass
        except TimeoutError:
            pass
        self.socket.settimeout(60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


class Background:
    """Calls a function over and over until it is stopped; keeps what it raised."""

    def __init__(self, step):
        self.step, self.count, self.failures, self.stopping = step, 0, [], threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopping.is_set():
            try:
                self.step()
                self.count += 1
            except Exception as error:  # told by the case
                self.failures.append('%s: %s' % (type(error).__name__, error))

    def stop(self):
        self.stopping.set()
        self.thread.join(90)
        equal(self.thread.is_alive(), False, 'what runs beside the case')


@cases('a certificate that is replaced under load: no record, request or handshake fails, and every listener serves the new one')
def replaced_under_load(server, certificates):
    context = ssl.create_default_context(cafile=str(certificates.authority))
    topic, sent, failures, shown = unique('tls-load'), [], [], {protocol: [] for protocol in server.tls_ports}
    lasting = Producer({**kafka_options(server, certificates), 'linger.ms': 1})

    def produce(producer, count):
        for _ in range(count):
            sent.append(b'%d' % len(sent))
            producer.produce(topic, sent[-1], on_delivery=lambda error, _: failures.append(str(error)) if error else None)
        equal(producer.flush(60), 0, 'records that were not delivered')

    def load():
        produce(lasting, 50)
        produce(Producer(kafka_options(server, certificates)), 5)  # on a connection of its own

    def shake(protocol):
        with Secure(server, context, protocol) as connection:
            shown[protocol].append(connection.ask().shown)
    old = [Secure(server, context, protocol).ask() for protocol in server.tls_ports]
    before = {connection.shown for connection in old}
    equal(len(before), 1, 'certificates before')
    running = [Background(load), *(Background(lambda p=protocol: shake(p)) for protocol in server.tls_ports)]
    for number in range(6):
        certificates.make('round%d.example.org' % number)
        new = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificates.file.read_text())).hexdigest()
        counts = [each.count for each in running]
        if number % 3:  # else the server finds the files
            server.process.send_signal(signal.SIGHUP)
        for protocol in server.tls_ports:
            wait_for('the new certificate on ' + protocol, lambda p=protocol: new in shown[p][-50:])
        wait_for('load with it', lambda c=counts: all(each.count >= then + 3 for each, then in zip(running, c)))
    for each in running:
        each.stop()
    equal([each.failures[:3] for each in running], [[]] * len(running), 'what failed during the changes')
    for protocol, seen in shown.items():
        equal(len(set(seen)), 7, 'certificates on ' + protocol)
        changes = [one for one, before_it in zip(seen, [None, *seen]) if one != before_it]
        equal(len(changes), 7, 'none comes back on ' + protocol)
        for _ in range(10):
            with Secure(server, context, protocol) as connection:
                equal(connection.shown, new, 'the last certificate on ' + protocol)
    for connection in old:
        connection.rest()
        with connection:
            equal(connection.ask().shown in before, True, 'a connection from before')
    equal(failures, [])
    got = consume(kafka_options(server, certificates), topic, len(sent))
    equal((len(got), sorted(got) == sorted(sent)), (len(sent), True), 'records')


@cases('a pair that does not fit, or a missing file, stops the start and says why')
def wrong_pair(_, certificates):
    other = certificates.folder / 'other.key'
    certificates.make('wrong.example.org', file=certificates.folder / 'wrong.pem', key=other)
    for key, why in ((other, 'is not that of the certificate'), (certificates.folder / 'missing.key', 'missing.key'),
                     (certificates.file, 'no private key')):
        with TlsServer(certificates) as server:
            server.options[-1] = str(key)
            server.spawn()
            equal(server.process.wait(30) != 0, True, 'the exit code')
            equal((why in server.log.read_text(), str(key) in server.log.read_text()), (True, True), server.log_tail())


@cases('a key that others can read is warned of')
def open_key(_, certificates):
    certificates.key.chmod(0o644)
    with TlsServer(certificates) as server:
        server.start()
        equal('can be read by everyone' in server.log.read_text(), True, server.log_tail())
        equal(server.stop(), 0)
    certificates.key.chmod(0o600)


def main():
    certificates = Certificates()
    try:
        certificates.make('first.example.org')
        with TlsServer(certificates) as server:
            server.start()
            failed = cases.run(server, certificates)
            equal(server.stop(), 0, 'the exit code of the server')
    finally:
        certificates.remove()
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
