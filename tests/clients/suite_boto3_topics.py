#!/usr/bin/python3
"""boto3 and confluent-kafka on the same topics: queues of Kafka records and records of SQS messages.
suite_boto3_topics.py ENDPOINT, with the Kafka address in TEST_KAFKA"""
import base64
import os
import time

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from harness import Cases, equal, unique
from sqs_support import Queue, binary, md5, refused, text

cases = Cases('boto3_topics')
KAFKA = os.environ.get('TEST_KAFKA', '127.0.0.1:9092')


def create_topic(prefix, partitions=1):
    name = unique(prefix)
    admin = AdminClient({'bootstrap.servers': KAFKA, 'log_level': 0})
    admin.create_topics([NewTopic(name, partitions, 1)])[name].result(30)
    return name


def produce(topic, *records):
    """Records are the arguments of produce()."""
    producer, errors = Producer({'bootstrap.servers': KAFKA, 'log_level': 0}), []
    for record in records:
        producer.produce(topic, on_delivery=lambda error, _: error and errors.append(error), **record)
    equal((producer.flush(30), errors), (0, []), 'records not delivered')


def consume(topic, count, partitions=1):
    reader = Consumer({'bootstrap.servers': KAFKA, 'group.id': unique('reader'), 'auto.offset.reset': 'earliest'})
    try:
        reader.assign([TopicPartition(topic, p, 0) for p in range(partitions)])
        found, deadline = [], time.monotonic() + 30
        while len(found) < count:
            assert time.monotonic() < deadline, 'consumed %d of %d records' % (len(found), count)
            found += [m for m in reader.consume(count - len(found), 1) if not m.error()]
        equal([m for m in reader.consume(10, 0.3) if not m.error()], [], 'more records than were sent')
        return found
    finally:
        reader.close()


def by_body(messages, noise):
    def place(message):
        body = message['Body']
        if body == '':
            return 2 if 'MessageGroupId' in message['Attributes'] else 3
        return ['grüße', base64.b64encode(noise).decode(), None, None, 'bGluZQBlbmQ='].index(body)
    return sorted(messages, key=place)


@cases('shows what Kafka produced: headers as attributes, keys as groups, base64 for what is no text')
def kafka_to_sqs(endpoint):
    topic = create_topic('orders')
    queue = Queue(endpoint, tags={'leat:topic': topic})
    equal(queue.sqs.list_queue_tags(QueueUrl=queue.url)['Tags'], {'leat:topic': topic})
    noise = bytes(range(256))
    produce(topic, {'key': b'tenant', 'value': 'grüße'.encode(), 'headers': [('trace', b'abc'), ('raw', b'\xff\x00')]},
            {'value': noise, 'headers': [('again', b'1'), ('again', b'2')]}, {'key': b'\xfe', 'value': None},
            {'value': b'', 'headers': {'none': None}}, {'value': b'line\x00end'})
    messages = queue.receive_all(5, AttributeNames=['All'], MessageAttributeNames=['All'])
    first, second, third, fourth, fifth = by_body(messages, noise)
    equal(first['Attributes']['MessageGroupId'], 'tenant')
    equal({n: (v['DataType'], v.get('StringValue') or v.get('BinaryValue')) for n, v in first['MessageAttributes'].items()},
          {'trace': ('String', 'abc'), 'raw': ('Binary', b'\xff\x00')})
    equal(first['MD5OfBody'], md5('grüße'))
    equal(second['Body'], base64.b64encode(noise).decode())
    equal({n: v['StringValue'] for n, v in second['MessageAttributes'].items()}, {'again': '2', 'leat-encoding': 'base64'})
    equal(third['Attributes']['MessageGroupId'], base64.b64encode(b'\xfe').decode(), 'a key that is no text')
    equal(base64.b64decode(fifth['Body']), b'line\x00end')
    equal((third['Body'], fourth['Body']), ('', ''), 'empty and null values')
    queue.delete(messages)
    equal(queue.counts(), (0, 0, 0))
    equal(len(consume(topic, 5)), 5, 'the topic keeps what the queue has worked off')


@cases('shows Kafka what SQS sent: groups as keys, attributes as headers, bodies as values')
def sqs_to_kafka(endpoint):
    queue = Queue(endpoint)
    queue.send('grüße <&>', MessageAttributes={'s': text('ä'), 'n': text('7', 'Number'), 'b': binary(b'\xff\x00')},
               MessageGroupId='tenant')
    queue.send('plain')
    raw = base64.b64encode(b'\xff\xfe raw').decode()
    queue.send(raw, MessageAttributes={'leat-encoding': text('base64')})
    first, second, third = consume(queue.name, 3)
    equal((first.key(), first.value()), (b'tenant', 'grüße <&>'.encode()))
    headers = {n: v for n, v in first.headers() if not n.startswith('leat-')}
    equal(headers, {'s': 'ä'.encode(), 'n': b'7', 'b': b'\xff\x00'})
    equal((second.key(), second.value(), second.headers()), (None, b'plain', None))
    equal(third.value(), b'\xff\xfe raw', 'a body that was sent as base64')
    message = [m for m in queue.receive_all(3, MessageAttributeNames=['All']) if m['Body'] == raw]
    equal([m['MessageAttributes']['leat-encoding']['StringValue'] for m in message], ['base64'])
    ordered = Queue(endpoint, fifo=True, ContentBasedDeduplication='true')
    for number in range(3):
        ordered.send('f%d' % number, MessageGroupId='g%d' % number)
    equal([(m.key(), m.value()) for m in consume(ordered.name, 3)], [(b'g%d' % i, b'f%d' % i) for i in range(3)])
    # And a Kafka producer may add to a queue that SQS made.
    produce(ordered.name, {'key': b'g0', 'value': b'from Kafka'})
    equal(ordered.bodies(4), ['f0', 'from Kafka', 'f1', 'f2'], 'in group after group')


@cases('obeys the headers that a Kafka producer sets: due, expiry and priority')
def headers_of_kafka(endpoint):
    topic = create_topic('timed')
    queue = Queue(endpoint, tags={'leat:topic': topic, 'leat:priorities': 'true'})
    now = int(time.time() * 1000)
    at = lambda milliseconds: str(now + milliseconds).encode()
    produce(topic, {'value': b'gone', 'headers': {'leat-expires': at(-1000)}},
            {'value': b'low', 'headers': {'leat-priority': b'1'}}, {'value': b'none', 'headers': {'leat-priority': b'x'}},
            {'value': b'due', 'headers': {'leat-due': at(2000)}}, {'value': b'high', 'headers': {'leat-priority': b'9'}})
    messages = queue.receive_all(4, MessageAttributeNames=['All'])
    equal([m['Body'] for m in messages], ['high', 'low', 'none', 'due'])
    assert time.time() * 1000 >= now + 2000, 'it came before it was due'
    equal([m.get('MessageAttributes') for m in messages], [None] * 4, 'attributes')
    queue.delete(messages)
    equal((queue.receive(), queue.counts()), ([], (0, 0, 0)))


@cases('two queues on one topic each get everything, and the one is not changed by the other')
def fan_out(endpoint):
    topic = create_topic('events', 3)
    first, second = (Queue(endpoint, tags={'leat:topic': topic}) for _ in range(2))
    produce(topic, *[{'value': b'%d' % i, 'key': b'k%d' % (i % 7)} for i in range(200)])
    values = [str(i) for i in range(200)]
    equal(sorted(first.bodies(200, delete=True), key=int), values, 'the first queue')
    equal((first.counts(), sum(second.counts())), ((0, 0, 0), 200))
    second.send('by SQS')
    equal(first.bodies(1, delete=True), ['by SQS'], 'what is sent to one queue of the topic')
    equal(sorted(second.bodies(201, delete=True)), sorted(values + ['by SQS']), 'the second queue')
    first.sqs.delete_queue(QueueUrl=first.url)
    produce(topic, {'value': b'later'})
    equal(second.bodies(1), ['later'], 'after the first was deleted')
    equal(len(consume(topic, 202, 3)), 202, 'the topic stays')


@cases('a queue begins where its tag says: the beginning, the end, an offset, a time')
def starts(endpoint):
    topic = create_topic('history')
    produce(topic, *[{'value': b'%d' % i, 'timestamp': 1700000000000 + i * 1000} for i in range(10)])
    for start, first in (('beginning', 0), ('end', 10), ('offset:7', 7), ('offset:99', 10), ('time:1700000003500', 4)):
        queue = Queue(endpoint, tags={'leat:topic': topic, 'leat:start': start})
        expected = [str(i) for i in range(first, 10)]
        equal(sorted(queue.bodies(len(expected))), expected, start)
        equal(queue.receive(), [], start)
    sqs = queue.sqs
    for tags in ({'leat:topic': unique('absent')}, {'leat:topic': topic, 'leat:start': 'soon'},
                 {'leat:topic': topic, 'leat:start': 'offset:-1'}):
        refused('InvalidParameterValue', 400, sqs.create_queue, QueueName=unique('bad'), tags=tags)


@cases('a topic of Kafka cannot be taken by a new queue of its name, nor one of the server\'s own')
def names(endpoint):
    topic = create_topic('taken')
    sqs = Queue(endpoint).sqs
    refused('QueueAlreadyExists', 400, sqs.create_queue, QueueName=topic)
    reader = Consumer({'bootstrap.servers': KAFKA, 'group.id': unique('group')})
    reader.committed([TopicPartition(topic, 0)], 30)  # now there is the first of these
    reader.close()
    for name in ('__consumer_offsets', '__leat_secret'):
        for tags in ({}, {'leat:topic': name}):
            try:
                sqs.create_queue(QueueName=name if not tags else unique('q'), tags=tags)
            except sqs.exceptions.ClientError as error:
                equal(error.response['ResponseMetadata']['HTTPStatusCode'], 400, str(error))
                continue
            raise AssertionError('a queue was made of %s with tags %s' % (name, tags))


@cases('FIFO on a topic of many partitions: the records of a key are a group, in order')
def fifo_on_topic(endpoint):
    topic = create_topic('streams', 4)
    produce(topic, *[{'key': b'k%d' % (i % 5), 'value': b'%d %d' % (i % 5, i // 5)} for i in range(50)])
    queue = Queue(endpoint, fifo=True, tags={'leat:topic': topic}, ContentBasedDeduplication='true',
                  DeduplicationScope='messageGroup', FifoThroughputLimit='perMessageGroupId')
    bodies = queue.bodies(50, delete=True)
    for key in range(5):
        equal([b for b in bodies if b.startswith('%d ' % key)], ['%d %d' % (key, i) for i in range(10)], 'key %d' % key)
    queue.send('mine', MessageGroupId='k1')
    message, = queue.receive(wait=10, AttributeNames=['All'])
    equal((message['Body'], message['Attributes']['MessageGroupId']), ('mine', 'k1'))


@cases('dead letters are records that say where they come from')
def dead_letter_records(endpoint):
    topic = create_topic('poisoned')
    dead = Queue(endpoint, 'dead')
    queue = Queue(endpoint, tags={'leat:topic': topic},
                  RedrivePolicy='{"deadLetterTargetArn": "%s", "maxReceiveCount": 2}' % dead.arn)
    produce(topic, {'value': b'fine'}, {'key': b'k', 'value': b'\xffpoison', 'headers': [('h', b'v')]})
    for _ in range(2):
        for message in queue.receive_all(1 if _ else 2):
            if message['Body'] == 'fine':
                queue.delete([message])
            else:
                queue.set_visibility(message, 0)
    letter, = dead.receive(wait=10, MessageAttributeNames=['All'], AttributeNames=['All'])
    equal((base64.b64decode(letter['Body']), letter['Attributes']['DeadLetterQueueSourceArn']), (b'\xffpoison', queue.arn))
    record, = consume(dead.name, 1)
    equal((record.key(), record.value()), (b'k', b'\xffpoison'))
    headers = dict(record.headers())
    assert headers.pop('leat-dead-reason'), 'there is no reason'
    equal(headers, {'h': b'v', 'leat-dead-queue': queue.name.encode(), 'leat-dead-topic': topic.encode(),
                    'leat-dead-partition': b'0', 'leat-dead-offset': b'1', 'leat-dead-deliveries': b'2'})


if __name__ == '__main__':
    cases.main()
