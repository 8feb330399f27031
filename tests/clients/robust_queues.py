"""Consumers that vanish, ten thousand that wait, queues at their limits, and bad input at the SQS port: no message is lost
and the others are served."""
import concurrent.futures
import http.client
import json
import os
import random
import selectors
import socket
import threading
import time

from harness import Cases, Server, Skip, equal, wait_for
from robust_connections import MEGABYTE, allow_files
from sqs_support import LightClient, Queue, Refused

cases = Cases('queues')


def raw_request(action, body, more=''):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ('POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.%s\r\n'
            'Content-Length: %d\r\n%s\r\n' % (action, len(data), more)).encode() + data


def connect(server, seconds=30):
    return socket.create_connection(('127.0.0.1', server.sqs_port), seconds)


def poll(server, url, wait=20, lease=30):
    """A connection on which a ReceiveMessage is under way."""
    connection = connect(server)
    connection.sendall(raw_request('ReceiveMessage', {'QueueUrl': url, 'WaitTimeSeconds': wait, 'VisibilityTimeout': lease}))
    return connection


def answer_of(connection):
    response = http.client.HTTPResponse(connection)
    response.begin()
    return json.loads(response.read())


def cpu_seconds(server):
    with open('/proc/%d/stat' % server.process.pid) as stat:
        fields = stat.read().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


@cases('1,000 consumers vanish with a message each: all come back when the leases end, and once each')
def vanish_with_messages(_=None):
    allow_files(4096)
    with Server() as server:
        server.start()
        queue = Queue(server.sqs, VisibilityTimeout=600)
        queue.send_all([str(i) for i in range(1000)])
        connections = [poll(server, queue.url, wait=5, lease=6) for _ in range(1000)]
        taken = [m['Body'] for c in connections for m in answer_of(c).get('Messages', [])]
        equal(sorted(taken, key=int), [str(i) for i in range(1000)], 'what they took')
        for connection in connections:
            connection.close()
        messages = queue.receive_all(1000, seconds=60, AttributeNames=['ApproximateReceiveCount'])
        equal(sorted((m['Body'] for m in messages), key=int), [str(i) for i in range(1000)], 'what came back')
        equal({m['Attributes']['ApproximateReceiveCount'] for m in messages}, {'2'}, 'receive counts')
        queue.delete(messages)
        equal(queue.counts(), (0, 0, 0))


@cases('1,000 consumers vanish while they wait: what is sent then goes to one that is there, at once')
def vanish_while_waiting(_=None):
    allow_files(4096)
    with Server() as server:
        server.start()
        for fifo in (False, True):
            queue = Queue(server.sqs, fifo=fifo)
            group = {'MessageGroupId': lambda b: 'g' + b[-1], 'MessageDeduplicationId': lambda b: b} if fifo else {}
            connections = [poll(server, queue.url, lease=43200) for _ in range(1000)]
            stayed = connections[500:510]
            for connection in connections:
                if connection not in stayed:
                    connection.close()
            time.sleep(0.5)  # until the server has heard of it
            queue.send_all([str(i) for i in range(200)], **group)
            kept = [m for c in stayed for m in answer_of(c).get('Messages', [])]
            equal(len(kept), 10, 'messages of those who stayed')
            queue.delete(kept)
            found = queue.bodies(190, seconds=30, delete=True)
            equal(sorted([m['Body'] for m in kept] + found, key=int), [str(i) for i in range(200)], 'FIFO: %s' % fifo)
            equal(queue.counts(), (0, 0, 0))
            for connection in stayed:
                connection.close()


@cases('connections that are cut in the middle of sends, deletes and receives lose nothing that was answered')
def cut(_=None):
    with Server() as server:
        server.start()
        queue = Queue(server.sqs, VisibilityTimeout=2)
        generator = random.Random(3)
        acknowledged = set()
        for number in range(400):
            body = 'cut-%d' % number
            request = raw_request('SendMessage', {'QueueUrl': queue.url, 'MessageBody': body})
            with connect(server) as connection:
                if number % 2:
                    connection.sendall(request[:generator.randrange(len(request))])
                else:
                    connection.sendall(request)
                    if number % 4 == 0:
                        answer_of(connection)
                        acknowledged.add(body)
            if number % 10 == 0:
                poll(server, queue.url, wait=1, lease=2).close()
        found = set()
        wait_for('the acknowledged messages', lambda: found.update(m['Body'] for m in queue.receive(wait=1)) or
                 acknowledged <= found, 30)
        halves = [b for b in found if int(b.split('-')[1]) % 2]
        equal(halves, [], 'requests that never ended were carried out')


@cases('10,000 long polls cost almost no CPU, others are served, and messages reach them')
def many_polls(_=None):
    count = 10_000
    try:
        allow_files(count + 1000)
    except ValueError as error:
        raise Skip(str(error)) from None
    with Server() as server:
        server.start()
        queues = [Queue(server.sqs) for _ in range(10)]
        good, before = Queue(server.sqs), server.rss_kb()
        connections = []
        try:
            started = time.monotonic()
            for number in range(count):
                connections.append(poll(server, queues[number % 10].url))
            time.sleep(0.5)
            lasting = 18 - (time.monotonic() - started)  # none waits for longer than 20 s
            if lasting < 1:
                raise Skip('this machine is too slow to hold so many at once')
            cpu, began = cpu_seconds(server), time.monotonic()
            time.sleep(min(3, lasting))
            spent = (cpu_seconds(server) - cpu) / (time.monotonic() - began)
            print('    CPU of a core while 10,000 wait: %.1f %%; %d MB' % (
                100 * spent, (server.rss_kb() - before) // 1024))
            assert spent < 0.3, 'they cost %.0f %% of a core' % (100 * spent)
            good.send_all([str(i) for i in range(100)])
            equal(sorted(map(int, good.bodies(100, delete=True))), list(range(100)), 'a queue beside them')
            for queue in queues:
                queue.send_all([str(i) for i in range(20)])
            got = []
            with selectors.DefaultSelector() as answered:
                for number, connection in enumerate(connections):
                    answered.register(connection, selectors.EVENT_READ, number % 10)
                while len(got) < 200:
                    ready = answered.select(30)
                    assert ready, 'only %d messages reached them' % len(got)
                    for key, _ in ready:
                        got += [(key.data, m['Body']) for m in answer_of(key.fileobj).get('Messages', [])]
                        answered.unregister(key.fileobj)
            equal(sorted(got), sorted((q, str(i)) for q in range(10) for i in range(20)), 'what reached them')
            grown = server.rss_kb() - before
            assert grown < 600 * MEGABYTE, 'it grew by %d KB' % grown
        finally:
            for connection in connections:
                connection.close()
        good.send('after they went')
        equal(good.bodies(1), ['after they went'])


@cases('a full queue refuses what it has no room for and loses nothing, or lets senders wait')
def full(_=None):
    with Server() as server:
        server.start()
        queue = Queue(server.sqs, tags={'leat:depth_max': '100'})

        def send(part):
            call, accepted, refused = LightClient(server.sqs_port), [], 0
            for number in range(100):
                try:
                    body = '%d-%d' % (part, number)
                    call('SendMessage', QueueUrl=queue.url, MessageBody=body)
                    accepted.append(body)
                except Refused as error:
                    equal((error.status, error.shape), (403, 'RequestThrottled'))
                    refused += 1
            call.close()
            return accepted, refused

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            results = list(pool.map(send, range(8)))
        accepted = [b for bodies, _ in results for b in bodies]
        assert 100 <= len(accepted) <= 108, '%d messages were accepted' % len(accepted)  # 8 were under way at most
        equal(len(accepted) + sum(r for _, r in results), 800)
        equal(sorted(queue.bodies(len(accepted), delete=True)), sorted(accepted), 'what was accepted')
        equal(queue.counts(), (0, 0, 0))

        slow = Queue(server.sqs, tags={'leat:depth_max': '10', 'leat:at_limit': 'slow'})
        slow.send_all([str(i) for i in range(10)])
        with concurrent.futures.ThreadPoolExecutor(5) as pool:
            waiting = [pool.submit(slow.send, 'waited %d' % i) for i in range(5)]
            time.sleep(0.3)
            equal([f.done() for f in waiting], [False] * 5, 'sends to a full queue wait')
            slow.delete(slow.receive_all(10))
            for future in waiting:
                future.result(30)
        equal(sorted(slow.bodies(5)), ['waited %d' % i for i in range(5)])


def attack(generator, url):
    """One of the kinds of what a broken or hostile client sends."""
    noise = generator.randbytes(generator.randrange(1, 3000))
    nested = b'[' * 100_000
    form = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n'
    entities = (b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
                b'<!ENTITY c SYSTEM "file:///etc/passwd">]><a>&b;&c;</a>')
    many = b'&'.join(b'Attribute.%d.Name=x' % i for i in range(20_000))
    numbers = b'Action=SendMessageBatch&QueueUrl=x&SendMessageBatchRequestEntry.99999999999999999999.Id=a'
    kinds = (
        noise,
        b'\x16\x03\x01\x02\x00' + noise,
        b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + noise,
        raw_request('SendMessage', noise),
        raw_request('SendMessage', b'{"QueueUrl": "' + noise.hex().encode()),
        raw_request('ReceiveMessage', nested),
        raw_request('SendMessage', b'{"MessageAttributes":' * 2000),
        raw_request('SendMessage', {'QueueUrl': url, 'MessageBody': {'a': [1, None]}}),
        raw_request('SendMessageBatch', {'QueueUrl': url, 'Entries': [None, 1, 'x', {}]}),
        raw_request('SendMessageBatch', {'QueueUrl': url, 'Entries': [{'Id': 'a'}] * 50_000}),
        raw_request('ReceiveMessage', {'QueueUrl': url, 'MaxNumberOfMessages': 10 ** 30, 'WaitTimeSeconds': -1}),
        raw_request('DeleteMessage', {'QueueUrl': url, 'ReceiptHandle': 'A' * 100_000}),
        raw_request('ListQueues', {'NextToken': 'x' * 100, 'MaxResults': 5}),
        raw_request('CancelMessageMoveTask', {'TaskHandle': 'eyJ0YXNrSWQiOjV9'}),
        raw_request('CreateQueue', {'QueueName': '../../etc', 'Attributes': {'RedrivePolicy': '[' * 50_000}}),
        raw_request('SetQueueAttributes', {'QueueUrl': url, 'Attributes': {'Policy': '{"a":' * 50_000}}),
        raw_request('ListQueues', b'{}', 'X-Large: ' + 'x' * 100_000 + '\r\n'),
        raw_request('ListQueues', b'{}', 'X-Many: y\r\n' * 20_000),
        raw_request('ListQueues', b'{}', 'Content-Length: 7\r\n'),
        raw_request('ListQueues', b'{}', 'Transfer-Encoding: chunked\r\n'),
        b'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx',
        b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n',
        b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n' + noise,
        b'GET /' + b'a' * 100_000 + b' HTTP/1.1\r\n\r\n',
        b'GET /?Action=%zz&%00=%ff HTTP/1.1\r\nHost: x\r\n\r\n',
        (form % len(entities)).encode() + entities,
        (form % len(many)).encode() + many,
        (form % len(numbers)).encode() + numbers,
        (form % 4).encode() + b'\xff\xfe%=',
        b'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data\r\nContent-Length: 2\r\n\r\n{}',
        raw_request('SendMessage', {'QueueUrl': url})[:generator.randrange(20, 120)],
    )
    return generator.choice(kinds)


@cases('malformed requests, garbage and connections that only drip do no harm')
def bad_input(_=None):
    allow_files(4096)
    with Server() as server:
        server.start()
        queue = Queue(server.sqs, VisibilityTimeout=600)
        victim = Queue(server.sqs, name='victim')
        queue.send('warm')
        queue.delete(queue.receive_all(1))
        before = server.rss_kb()
        dripping = [connect(server) for _ in range(300)]
        statuses, done = {}, threading.Event()

        def send_bad(seed):
            generator = random.Random(seed)
            for _ in range(25):
                try:
                    with connect(server, 5) as connection:
                        connection.settimeout(0.1)
                        connection.sendall(attack(generator, victim.url))
                        status = connection.recv(65536)[9:12].decode('latin-1')
                        statuses[status] = statuses.get(status, 0) + 1
                except OSError:
                    continue

        def drip():
            request, at = raw_request('ListQueues', {}), 0
            while not done.wait(0.1):
                for connection in dripping:
                    try:
                        connection.send(request[at:at + 1])
                    except OSError:
                        continue
                at += 1

        attackers = [threading.Thread(target=send_bad, args=(seed,)) for seed in range(40)] + [threading.Thread(target=drip)]
        for attacker in attackers:
            attacker.start()
        try:
            sent = [str(i) for i in range(600)]
            queue.send_all(sent)
            equal(sorted(queue.bodies(600, delete=True), key=int), sent, 'beside the attack')
            for attacker in attackers[:-1]:
                attacker.join()
        finally:
            done.set()
            attackers[-1].join()
            for connection in dripping:
                connection.close()
        equal(set(statuses) - {'400', '403', '404', '408', '411', '413', '414', '415', '431', '501', '505', '200', '405', ''}, set(),
              'statuses that were answered: %s' % statuses)
        assert statuses.get('400', 0) > 100, statuses
        equal(server.process.poll(), None, 'the server ended')
        equal([u.split('/')[-1] for u in queue.sqs.list_queues()['QueueUrls']], sorted([queue.name, 'victim']), 'queues')
        equal((queue.counts(), victim.counts()), ((0, 0, 0), (0, 0, 0)))
        grown = server.rss_kb() - before
        assert grown < 200 * MEGABYTE, 'it grew by %d KB' % grown
        errors = [line for line in server.log.read_text().splitlines() if '"level":"error"' in line]
        equal(errors[:3], [], 'errors in the log')


@cases('requests in a row on one connection are answered in their order, whatever each takes')
def pipelining(_=None):
    with Server() as server:
        server.start()
        queue, empty = Queue(server.sqs), Queue(server.sqs)
        with connect(server) as connection:
            requests = [raw_request('ReceiveMessage', {'QueueUrl': empty.url, 'WaitTimeSeconds': 1})]
            requests += [raw_request('SendMessage', {'QueueUrl': queue.url, 'MessageBody': 'm%d' % i}) for i in range(200)]
            requests += [raw_request('NoSuchThing', b'{}'), raw_request('ListQueues', {'QueueNamePrefix': queue.name})]
            threading.Thread(target=connection.sendall, args=(b''.join(requests),)).start()
            stream = connection.makefile('rb')
            answers = [next_answer(stream) for _ in requests]
        equal(answers[0], (200, {}), 'the first one, which waits')
        equal([status for status, _ in answers[1:-2]], [200] * 200)
        equal(len({body['MessageId'] for _, body in answers[1:-2]}), 200)
        equal((answers[-2][0], answers[-1][1]['QueueUrls']), (400, ['http://127.0.0.1/000000000000/' + queue.name]))
        equal(sorted(queue.bodies(200)), sorted('m%d' % i for i in range(200)))


def next_answer(stream):
    """(status, parsed body) of the next answer on a connection."""
    status = int(stream.readline().split()[1])
    length = 0
    for line in iter(stream.readline, b'\r\n'):
        name, _, value = line.partition(b':')
        if name.lower() == b'content-length':
            length = int(value)
    return status, json.loads(stream.read(length))


@cases('consumers that never read what they received do not fill the memory')
def never_reads(_=None):
    with Server() as server:
        server.start()
        queue, beside = Queue(server.sqs), Queue(server.sqs)
        queue.send_all(['x' * 100_000 for _ in range(100)])
        beside.send('warm')
        before, connections = server.rss_kb(), []
        try:
            request = raw_request('ReceiveMessage', {'QueueUrl': queue.url, 'MaxNumberOfMessages': 10, 'VisibilityTimeout': 0})
            for _ in range(40):
                connection = socket.socket()
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connection.connect(('127.0.0.1', server.sqs_port))
                connection.setblocking(False)
                connections.append(connection)
                for _ in range(100):
                    try:
                        connection.send(request)
                    except BlockingIOError:
                        break
            beside.send_all([str(i) for i in range(500)])
            equal(len(beside.receive_all(501, delete=True)), 501, 'beside them')
            grown = server.rss_kb() - before
            assert grown < 300 * MEGABYTE, 'it grew by %d KB' % grown
        finally:
            for connection in connections:
                connection.close()
        messages = queue.receive_all(100, seconds=60, VisibilityTimeout=600)
        equal(len(messages), 100, 'their messages')


@cases('connections that only drip are closed in time')
def dripping(_=None):
    with Server() as server:
        server.start()
        queue = Queue(server.sqs)
        connections = [connect(server) for _ in range(50)]
        request = raw_request('ListQueues', {'QueueNamePrefix': 'x' * 900})
        closed, at = set(), 0

        def drip():
            nonlocal at
            for connection in connections:
                if connection in closed:
                    continue
                try:
                    connection.send(request[at:at + 1])
                    connection.setblocking(False)
                    data = connection.recv(1000)
                    assert not data or data.startswith(b'HTTP/1.1 4'), data
                    closed.add(connection)
                except BlockingIOError:
                    continue
                except OSError:
                    closed.add(connection)
            at += 1
            return len(closed) == len(connections)

        wait_for('the server to close them', drip, 90, 0.5)
        queue.send('x')
        equal(queue.bodies(1), ['x'])
        for connection in connections:
            connection.close()
