#!/usr/bin/python3
"""boto3 from Debian (SQS's Query form) against a server: messages. suite_boto3.py ENDPOINT"""
import concurrent.futures
import threading
import time

from harness import Cases, equal, unique, wait_for
from sqs_support import Queue, binary, md5, md5_of_attributes, new_client, refused, text

cases = Cases('boto3')


@cases('sends, receives and deletes texts of every kind, with their MD5s')
def round_trip(endpoint):
    queue = Queue(endpoint)
    bodies = ['plain', 'ünïcödé 🐕 漢字', '<a href="x">&amp;</a> \' " ]]>', 'tab\tnewline\nreturn\r\nend', ' spaces  around ',
              '{"json": [1, "\\u0041"]}', '%41+%2B&x=y', '\ue000\ufffd', 'x' * 5000]
    sent = {}
    for body in bodies:
        answer = queue.send(body)
        equal(answer['MD5OfMessageBody'], md5(body), 'MD5 of ' + body[:20])
        equal('SequenceNumber' in answer, False, 'a standard queue has sequence numbers')
        sent[answer['MessageId']] = body
    equal(len(sent), len(bodies), 'message ids')
    messages = queue.receive_all(len(bodies))
    equal({m['MessageId']: m['Body'] for m in messages}, sent, 'bodies by id')
    for message in messages:
        equal(message['MD5OfBody'], md5(message['Body']))
        equal({'Attributes', 'MessageAttributes', 'MD5OfMessageAttributes'} & set(message), set(), 'what nobody asked for')
    equal(queue.counts(), (0, len(bodies), 0), 'counts')
    for message in messages[:4]:
        queue.sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=message['ReceiptHandle'])
    queue.delete(messages[4:])
    equal(queue.counts(), (0, 0, 0), 'counts')
    queue.delete(messages)  # a second time does no harm


ATTRIBUTES = {
    'plain': text('a value'), 'unicode': text('zäh 🐕'), 'custom': text('abc', 'String.code'),
    'number': text('-12.5e3', 'Number'), 'integer': text('42', 'Number.int'), 'long.name_with-dots': text('x' * 500),
    'bytes': binary(bytes(range(256))), 'picture': binary(b'\x89PNG', 'Binary.png'), 'zero': binary(b'\0'),
    'markup': text('<&>"\''),
}


def attributes_of(message):
    return {name: {k: v for k, v in value.items() if v} for name, value in message.get('MessageAttributes', {}).items()}


@cases('carries ten attributes of all types, shows those that are asked for, and gives their MD5s')
def attributes(endpoint):
    queue = Queue(endpoint, VisibilityTimeout=0)
    answer = queue.send('body', MessageAttributes=ATTRIBUTES)
    equal(answer['MD5OfMessageAttributes'], md5_of_attributes(ATTRIBUTES), 'MD5 of what was sent')
    for names, expected in ((['All'], set(ATTRIBUTES)), (['.*'], set(ATTRIBUTES)), ([], set()), (['p*'], set()),
                            (['number', 'absent'], {'number'}), (['long.*'], {'long.name_with-dots'})):
        message, = queue.receive(1, MessageAttributeNames=names)
        equal(attributes_of(message), {n: ATTRIBUTES[n] for n in expected}, 'attributes for %s' % names)
        wanted = md5_of_attributes({n: ATTRIBUTES[n] for n in expected}) if expected else None
        equal(message.get('MD5OfMessageAttributes'), wanted, 'their MD5')


@cases('shows system attributes')
def system_attributes(endpoint):
    queue = Queue(endpoint, VisibilityTimeout=0)
    before = time.time() * 1000
    answer = queue.send('x', MessageSystemAttributes={'AWSTraceHeader': text('Root=1-2-3')})
    equal(answer['MD5OfMessageSystemAttributes'], md5_of_attributes({'AWSTraceHeader': text('Root=1-2-3')}))
    first, = queue.receive(1, AttributeNames=['All'])
    shown = first['Attributes']
    equal(set(shown), {'SenderId', 'SentTimestamp', 'ApproximateReceiveCount', 'ApproximateFirstReceiveTimestamp',
                       'AWSTraceHeader'}, 'names')
    assert before - 2000 < int(shown['SentTimestamp']) <= int(shown['ApproximateFirstReceiveTimestamp']) + 5, shown
    equal((shown['ApproximateReceiveCount'], shown['AWSTraceHeader']), ('1', 'Root=1-2-3'))
    again, = queue.receive(1, AttributeNames=['ApproximateReceiveCount', 'ApproximateFirstReceiveTimestamp'])
    equal(again['Attributes'], {'ApproximateReceiveCount': '2', 'ApproximateFirstReceiveTimestamp':
                                shown['ApproximateFirstReceiveTimestamp']}, 'the second time')
    refused('InvalidAttributeName', 400, queue.receive, AttributeNames=['NoSuchThing'])


@cases('sends, deletes and changes batches of which only a part succeeds')
def partial_batches(endpoint):
    queue = Queue(endpoint, MaximumMessageSize=2000)
    entries = [{'Id': 'good-%d' % i, 'MessageBody': 'body %d' % i, 'MessageAttributes': {'n': text(str(i), 'Number')}}
               for i in range(6)]
    bad = {'late': {'MessageBody': 'x', 'DelaySeconds': 901}, 'large': {'MessageBody': 'x' * 2001},
           'type': {'MessageBody': 'x', 'MessageAttributes': {'a': text('1', 'Float')}},
           'letters': {'MessageBody': 'a\x01b'}}
    entries[3:3] = [{'Id': name, **entry} for name, entry in bad.items()]
    answer = queue.sqs.send_message_batch(QueueUrl=queue.url, Entries=entries)
    equal([r['Id'] for r in answer['Successful']], ['good-%d' % i for i in range(6)], 'what succeeded')
    for number, result in enumerate(answer['Successful']):
        equal((result['MD5OfMessageBody'], result['MD5OfMessageAttributes']),
              (md5('body %d' % number), md5_of_attributes({'n': text(str(number), 'Number')})), 'MD5s')
    equal({f['Id']: (f['Code'], f['SenderFault']) for f in answer['Failed']},
          {'late': ('InvalidParameterValue', True), 'large': ('InvalidParameterValue', True),
           'type': ('InvalidParameterValue', True), 'letters': ('InvalidMessageContents', True)}, 'what failed')
    messages = queue.receive_all(6)
    equal(sorted(m['Body'] for m in messages), ['body %d' % i for i in range(6)])

    change = queue.sqs.change_message_visibility_batch(QueueUrl=queue.url, Entries=[
        {'Id': 'a', 'ReceiptHandle': messages[0]['ReceiptHandle'], 'VisibilityTimeout': 0},
        {'Id': 'b', 'ReceiptHandle': 'nonsense', 'VisibilityTimeout': 0},
        {'Id': 'c', 'ReceiptHandle': messages[1]['ReceiptHandle'], 'VisibilityTimeout': 99999},
        {'Id': 'd', 'ReceiptHandle': messages[2]['ReceiptHandle'], 'VisibilityTimeout': 0}])
    equal(([r['Id'] for r in change['Successful']], {f['Id']: f['Code'] for f in change['Failed']}),
          (['a', 'd'], {'b': 'ReceiptHandleIsInvalid', 'c': 'InvalidParameterValue'}))
    equal({m['Body'] for m in queue.receive_all(2)}, {messages[0]['Body'], messages[2]['Body']}, 'what was released')

    gone = queue.sqs.delete_message_batch(QueueUrl=queue.url, Entries=[
        {'Id': 'a', 'ReceiptHandle': messages[3]['ReceiptHandle']}, {'Id': 'b', 'ReceiptHandle': 'nonsense'},
        {'Id': 'c', 'ReceiptHandle': messages[4]['ReceiptHandle']}])
    equal(([r['Id'] for r in gone['Successful']], {f['Id']: f['Code'] for f in gone['Failed']}),
          (['a', 'c'], {'b': 'ReceiptHandleIsInvalid'}))
    equal(queue.counts(), (0, 4, 0), 'counts')


@cases('delays messages, by their own delay or the queue\'s, never delivering them early')
def delays(endpoint):
    queue = Queue(endpoint, DelaySeconds=1)
    queue.send('queue')
    queue.send('none', DelaySeconds=0)
    queue.send('two', DelaySeconds=2)
    queue.send('late', DelaySeconds=900)
    came = []
    while len(came) < 3:
        for message in queue.receive(wait=5, AttributeNames=['SentTimestamp']):
            came.append((message['Body'], time.time() * 1000 - int(message['Attributes']['SentTimestamp'])))
    equal([body for body, _ in came], ['none', 'queue', 'two'], 'order')
    early = [c for c, least in zip(came, (0, 1000, 2000)) if c[1] < least]
    equal(early, [], 'messages that came early')
    equal(queue.counts(), (0, 3, 1), 'counts')


@cases('hides messages for their visibility timeout, changes it, and ends it with 0')
def visibility(endpoint):
    queue = Queue(endpoint, VisibilityTimeout=600)
    queue.send('a')
    first, = queue.receive(VisibilityTimeout=1, AttributeNames=['All'])
    equal(queue.receive(), [], 'while it is hidden')
    second, = queue.receive(wait=10, AttributeNames=['All'])
    equal([m['Attributes']['ApproximateReceiveCount'] for m in (first, second)], ['1', '2'], 'receive counts')
    equal(second['MessageId'], first['MessageId'])
    assert second['ReceiptHandle'] != first['ReceiptHandle'], 'receipt handles'
    queue.set_visibility(second, 1)
    third, = queue.receive(wait=10)
    queue.set_visibility(third, 0)
    fourth, = queue.receive(1, AttributeNames=['All'])
    equal(fourth['Attributes']['ApproximateReceiveCount'], '4')
    queue.set_visibility(fourth, 43200)
    equal(queue.counts(), (0, 1, 0))
    # An old handle deletes nothing of what somebody else holds.
    queue.sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=first['ReceiptHandle'])
    equal(queue.counts(), (0, 1, 0), 'after a deletion with an old handle')
    queue.set_visibility(fourth, 0)
    queue.sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=fourth['ReceiptHandle'])  # the latest one still works
    equal((queue.receive(), queue.counts()), ([], (0, 0, 0)), 'after a deletion of what is not hidden any more')


@cases('answers a waiting consumer at once when a message comes, and with nothing when none does')
def long_polling(endpoint):
    queue = Queue(endpoint, ReceiveMessageWaitTimeSeconds=1)
    started = time.monotonic()
    equal(queue.sqs.receive_message(QueueUrl=queue.url).get('Messages', []), [], 'of an empty queue')
    assert time.monotonic() - started >= 1, 'it did not wait'
    equal(queue.receive(wait=0), [], 'without waiting')
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        waiting = [pool.submit(queue.receive, 1, 20) for _ in range(10)]
        time.sleep(0.3)
        started = time.monotonic()
        for number in range(10):
            queue.send(str(number))
        got = sorted(m['Body'] for future in waiting for m in future.result(60))
        assert time.monotonic() - started < 10, 'waiting consumers got their messages only after %.1f s' % (
            time.monotonic() - started)
        equal(got, [str(i) for i in range(10)], 'what ten waiting consumers got')
        # Also for a message that is due, and one that another gives back, while they wait.
        queue.delete(queue.receive())
        later = pool.submit(queue.receive, 1, 20)
        queue.send('due', DelaySeconds=1)
        message, = later.result(60)
        later = pool.submit(queue.receive, 1, 20)
        time.sleep(0.2)
        queue.set_visibility(message, 0)
        equal([m['Body'] for m in later.result(60)], ['due'])
        assert time.monotonic() - started < 15, 'it took %.1f s' % (time.monotonic() - started)


@cases('gives each of 500 messages to one of eight consumers')
def many_consumers(endpoint):
    queue = Queue(endpoint, VisibilityTimeout=120)
    received, lock, done = [], threading.Lock(), threading.Event()

    def consume():
        while not done.is_set():
            messages = queue.receive(10, 1)
            if messages:
                queue.delete(messages)
            with lock:
                received.extend(m['Body'] for m in messages)

    consumers = [threading.Thread(target=consume) for _ in range(8)]
    for consumer in consumers:
        consumer.start()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda part: queue.send_all(['%d' % i for i in range(part * 125, part * 125 + 125)]), range(4)))
    try:
        wait_for('500 messages', lambda: len(received) >= 500, 60)
    finally:
        done.set()
        for consumer in consumers:
            consumer.join()
    equal(sorted(map(int, received)), list(range(500)))
    equal(queue.counts(), (0, 0, 0))


@cases('takes bodies of 1 MiB, and refuses larger ones')
def large(endpoint):
    queue = Queue(endpoint)
    megabyte = 1 << 20
    body = ('é' + 'x' * 98) * (megabyte // 100)
    body += 'y' * (megabyte - len(body.encode()))
    queue.send(body)
    equal(queue.receive()[0]['Body'] == body, True, 'the body is the same')
    refused('InvalidParameterValue', 400, queue.send, body=body + 'y')
    refused('InvalidParameterValue', 400, queue.send, body=body[:-10], MessageAttributes={'name': text('value' * 3)})
    half = 'z' * (megabyte // 2)
    entries = [{'Id': str(i), 'MessageBody': half} for i in range(2)]
    queue.sqs.send_message_batch(QueueUrl=queue.url, Entries=entries)
    equal([m['Body'] == half for m in queue.receive_all(2)], [True, True])
    entries.append({'Id': '2', 'MessageBody': 'z'})
    refused('AWS.SimpleQueueService.BatchRequestTooLong', 400, queue.sqs.send_message_batch, QueueUrl=queue.url,
            Entries=entries)


@cases('FIFO: keeps order within a group, and others go on while one waits')
def fifo_order(endpoint):
    queue = Queue(endpoint, fifo=True, VisibilityTimeout=600)
    sent = queue.send_all(['%s%d' % (g, i) for i in range(8) for g in 'ab'], MessageGroupId=lambda body: body[0],
                          MessageDeduplicationId=lambda body: body)
    numbers = [int(r['SequenceNumber']) for r in sent]
    equal(numbers, sorted(set(numbers)), 'sequence numbers')
    first = queue.receive(3, AttributeNames=['All'])
    equal([m['Body'] for m in first], ['a0', 'a1', 'a2'], 'one group after the other, in order')
    shown = first[0]['Attributes']
    equal((shown['MessageGroupId'], shown['MessageDeduplicationId'], shown['SequenceNumber']),
          ('a', 'a0', sent[0]['SequenceNumber']))
    second = queue.receive(10)
    equal([m['Body'] for m in second], ['b%d' % i for i in range(8)], 'the other group, while a is being worked on')
    equal(queue.receive(), [], 'while both are')
    queue.delete(first[:1])
    equal(queue.receive(), [], 'while some of a still are')
    queue.set_visibility(first[1], 0)
    queue.delete(first[2:])
    third = queue.receive(2)
    equal([m['Body'] for m in third], ['a1', 'a3'], 'what was given back comes first')
    queue.delete(third + second)
    equal([m['Body'] for m in queue.receive_all(4)], ['a4', 'a5', 'a6', 'a7'])


@cases('FIFO: a message that fails holds up its group alone, with many consumers too')
def fifo_failure(endpoint):
    queue = Queue(endpoint, fifo=True, VisibilityTimeout=600)
    groups = ['g%d' % i for i in range(5)]
    queue.send_all(['%s-%d' % (g, i) for i in range(6) for g in groups], MessageGroupId=lambda body: body.split('-')[0],
                   MessageDeduplicationId=lambda body: body)
    done, lock, failures = [], threading.Lock(), []

    def consume():
        while len(done) < 30:
            for message in queue.receive(1, 1):
                if message['Body'] == 'g2-2' and len(failures) < 2:
                    failures.append(message)
                    if len(failures) == 1:  # all the others are done while this one is held
                        wait_for('the other groups', lambda: len(done) == 26, 30)
                    queue.set_visibility(message, 0)
                    continue
                with lock:
                    done.append(message['Body'])
                queue.delete([message])

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        for future in [pool.submit(consume) for _ in range(6)]:
            future.result(60)
    for group in groups:
        equal([b for b in done if b.startswith(group)], ['%s-%d' % (group, i) for i in range(6)], 'order of ' + group)
    equal(done[26:], ['g2-%d' % i for i in range(2, 6)], 'what waited')


@cases('FIFO: an expired receipt handle neither deletes nor changes anything')
def fifo_expired(endpoint):
    queue = Queue(endpoint, fifo=True, ContentBasedDeduplication='true')
    queue.send('x', MessageGroupId='g')
    message, = queue.receive(VisibilityTimeout=0)
    for function, more in ((queue.sqs.delete_message, {}),
                           (queue.sqs.change_message_visibility, {'VisibilityTimeout': 5})):
        refused('InvalidParameterValue', 400, function, QueueUrl=queue.url, ReceiptHandle=message['ReceiptHandle'], **more)
    equal(queue.counts(), (1, 0, 0))


@cases('FIFO: deduplicates by id and by content, within its window')
def deduplication(endpoint):
    queue = Queue(endpoint, fifo=True)
    first = queue.send('one', MessageGroupId='a', MessageDeduplicationId='id')
    second = queue.send('two', MessageGroupId='b', MessageDeduplicationId='id')
    equal([second[k] for k in ('MessageId', 'SequenceNumber')], [first[k] for k in ('MessageId', 'SequenceNumber')])
    queue.delete(queue.receive())
    queue.send('three', MessageGroupId='a', MessageDeduplicationId='id')  # also after it was deleted
    equal((queue.receive(), queue.counts()), ([], (0, 0, 0)))
    refused('InvalidParameterValue', 400, queue.send, MessageGroupId='a')
    refused('MissingParameter', 400, queue.send, MessageDeduplicationId='a')
    queue.set(ContentBasedDeduplication='true')
    bodies = ['x', 'y', 'x', 'x']
    ids = [queue.send(body, MessageGroupId='a')['MessageId'] for body in bodies]
    equal((ids[2], ids[3], len(set(ids))), (ids[0], ids[0], 2))
    queue.send('x', MessageGroupId='a', MessageDeduplicationId='another')
    equal(queue.bodies(3), ['x', 'y', 'x'])

    short = Queue(endpoint, fifo=True, ContentBasedDeduplication='true', tags={'leat:dedup_window_ms': '1000'})
    short.send('again', MessageGroupId='a')
    short.send('again', MessageGroupId='a')
    time.sleep(1.1)
    short.send('again', MessageGroupId='a')
    equal((short.bodies(2), short.counts()), (['again', 'again'], (0, 2, 0)), 'after the window')


@cases('FIFO: a repeated ReceiveRequestAttemptId gets the same messages again')
def attempt_ids(endpoint):
    queue = Queue(endpoint, fifo=True, ContentBasedDeduplication='true')
    queue.send_all(['%d' % i for i in range(6)], MessageGroupId='g')
    attempt = unique('attempt')
    first = queue.receive(3, ReceiveRequestAttemptId=attempt)
    equal([m['Body'] for m in first], ['0', '1', '2'])
    again = queue.receive(3, ReceiveRequestAttemptId=attempt)
    equal([(m['Body'], m['MessageId']) for m in again], [(m['Body'], m['MessageId']) for m in first], 'the same again')
    equal(queue.receive(3, ReceiveRequestAttemptId=attempt + '2'), [], 'with another id')
    queue.delete(again)
    equal([m['Body'] for m in queue.receive(3, ReceiveRequestAttemptId=attempt)], ['3', '4', '5'], 'once they are deleted')


@cases('FIFO: high throughput has many partitions, order and deduplication by group')
def high_throughput(endpoint):
    queue = Queue(endpoint, fifo=True, tags={'leat:partitions': '4'}, DeduplicationScope='messageGroup',
                  FifoThroughputLimit='perMessageGroupId')
    found = queue.attributes('DeduplicationScope', 'FifoThroughputLimit')
    equal(found, {'DeduplicationScope': 'messageGroup', 'FifoThroughputLimit': 'perMessageGroupId'})
    ids = set()
    for number in range(5):
        entries = [{'Id': str(g), 'MessageBody': 'g%d %d' % (g, number), 'MessageGroupId': 'g%d' % g,
                    'MessageDeduplicationId': str(number)} for g in range(10)]
        for _ in range(2):  # the second time they are duplicates
            answer = queue.sqs.send_message_batch(QueueUrl=queue.url, Entries=entries)
            ids |= {r['MessageId'] for r in answer['Successful']}
    equal(len(ids), 50, 'message ids')
    bodies = []
    while len(bodies) < 50:
        messages = queue.receive(wait=5)
        bodies += [m['Body'] for m in messages]
        queue.delete(messages)
    for group in range(10):
        equal([b for b in bodies if b.startswith('g%d ' % group)], ['g%d %d' % (group, i) for i in range(5)], 'order')
    equal(queue.counts(), (0, 0, 0))


@cases('fair: a group that floods a standard queue does not delay another\'s message')
def fair(endpoint):
    queue = Queue(endpoint)
    flood = ['flood %d' % i for i in range(500)]
    queue.send_all(flood, MessageGroupId='noisy')
    queue.send('quiet', MessageGroupId='quiet')
    queue.send('nobody')
    first = [m['Body'] for _ in range(3) for m in queue.receive(10)]
    equal({'quiet', 'nobody'} <= set(first), True, 'the quiet groups\' messages are among the first 30')
    rest = queue.receive_all(502 - len(first), AttributeNames=['MessageGroupId'])
    equal(sorted(first + [m['Body'] for m in rest]), sorted(flood + ['quiet', 'nobody']))
    equal({m['Attributes']['MessageGroupId'] for m in rest}, {'noisy'})


@cases('serves priorities first, and drops what outlived its time')
def priorities(endpoint):
    queue = Queue(endpoint, tags={'leat:priorities': 'true'})
    for number, priority in enumerate((0, 9, 3, 9, 0, 5)):
        answer = queue.send('%d %d' % (priority, number), MessageAttributes={'leat-priority': text(str(priority), 'Number')})
        equal(answer['MD5OfMessageAttributes'], md5_of_attributes({'leat-priority': text(str(priority), 'Number')}))
    equal([m['Body'] for m in queue.receive_all(6)], ['9 1', '9 3', '5 5', '3 2', '0 0', '0 4'])
    other = Queue(endpoint)
    other.send('brief', MessageAttributes={'leat-ttl': text('1', 'Number'), 'kept': text('x')})
    other.send('lasting', MessageAttributes={'leat-ttl': text('600')})
    time.sleep(1.2)
    equal(other.bodies(1), ['lasting'])
    equal(other.receive(wait=1), [], 'what lived for a second')
    for attributes in ({'leat-priority': text('10')}, {'leat-ttl': text('0')}, {'leat-due': text('1')}):
        refused('InvalidParameterValue', 400, other.send, MessageAttributes=attributes)


@cases('repeats nothing and loses nothing with botocore\'s standard retries')
def retries(endpoint):
    sqs = new_client(endpoint, retries={'mode': 'standard', 'max_attempts': 3})
    queue = Queue(endpoint)
    for number in range(50):
        sqs.send_message(QueueUrl=queue.url, MessageBody=str(number))
    equal(sorted(map(int, queue.bodies(50))), list(range(50)))
    equal(queue.counts(), (0, 50, 0))


if __name__ == '__main__':
    cases.main()
