#!/usr/bin/python3
"""What subscribed queues get of topics: envelopes, filters, order, Kafka's records, and what restarts keep.
suite_boto3_sns_deliveries.py ENDPOINT, with the Kafka address in TEST_KAFKA"""
import base64
import datetime
import json
import time

from harness import Cases, Server, equal, unique, wait_for
from sns_support import Topic, set_subscription, subscription_attributes
from sqs_support import REGION, Queue, binary, md5_of_attributes, refused, text
from suite_boto3_topics import consume, create_topic, produce

cases = Cases('boto3_sns_deliveries')
ALL = {'AttributeNames': ['All'], 'MessageAttributeNames': ['All']}


def subscribed(endpoint, topic, fifo=False, queue=None, **attributes):
    """A queue that gets a topic's messages raw, and its subscription's ARN."""
    queue = queue or Queue(endpoint, fifo=fifo)
    return queue, topic.subscribe(queue, **{'RawMessageDelivery': 'true', **attributes})


# ---- Envelopes and raw messages -------------------------------------------------------------------------------------

@cases('the envelope says all there is to say of a message')
def envelope(endpoint):
    topic, queue = Topic(endpoint), Queue(endpoint)
    arn = topic.subscribe(queue)
    attributes = {'s': text('grüße "x"'), 'n': text('42', 'Number'), 'b': binary(b'\xff\x00'),
                  'l': text('["a", 1]', 'String.Array')}
    body = 'a "message"\n\t\\ grüße 🐕 </x>'
    sent = topic.publish(body, Subject='A subject: "x"', MessageAttributes=attributes)
    message, = queue.receive_all(1, delete=True, **ALL)
    equal(message.get('MessageAttributes'), None, 'attributes of the SQS message')
    shown = json.loads(message['Body'])
    equal({k: shown[k] for k in ('Type', 'MessageId', 'TopicArn', 'Subject', 'Message')},
          {'Type': 'Notification', 'MessageId': sent['MessageId'], 'TopicArn': topic.arn, 'Subject': 'A subject: "x"',
           'Message': body})
    equal(shown['MessageAttributes'],
          {'s': {'Type': 'String', 'Value': 'grüße "x"'}, 'n': {'Type': 'Number', 'Value': '42'},
           'b': {'Type': 'Binary', 'Value': base64.b64encode(b'\xff\x00').decode()},
           'l': {'Type': 'String.Array', 'Value': '["a", 1]'}})
    when = datetime.datetime.strptime(shown['Timestamp'], '%Y-%m-%dT%H:%M:%S.%fZ').replace(tzinfo=datetime.timezone.utc)
    assert abs(when.timestamp() - time.time()) < 60, shown['Timestamp']
    assert shown['UnsubscribeURL'].startswith(endpoint + '/?Action=Unsubscribe&SubscriptionArn='), shown
    assert arn.rsplit(':', 1)[1] in shown['UnsubscribeURL'], shown
    topic.publish('plain')
    shown = json.loads(queue.bodies(1)[0])
    equal({'Subject', 'MessageAttributes', 'SequenceNumber'} & set(shown), set(), 'members of a plain message')


@cases('raw messages arrive as they were published, with their attributes and the right MD5s')
def raw(endpoint):
    topic = Topic(endpoint)
    queue, _ = subscribed(endpoint, topic)
    attributes = {'s': text('grüße'), 'n': text('42', 'Number'), 'b': binary(b'\xff\x00'),
                  'c': text('7', 'Number.int'), 'l': text('["a"]', 'String.Array')}
    body = 'a "message"\n grüße 🐕'
    topic.publish(body, Subject='is not shown', MessageAttributes=attributes)
    message, = queue.receive_all(1, **ALL)  # botocore checks the MD5 of the body
    equal(message['Body'], body)
    equal({n: {k: v for k, v in a.items() if not k.endswith('Values')} for n, a in message['MessageAttributes'].items()},
          attributes)
    equal(message['MD5OfMessageAttributes'], md5_of_attributes(attributes))


@cases('a message with a structure is another text for each protocol')
def structure(endpoint):
    topic, enveloped = Topic(endpoint), Queue(endpoint)
    topic.subscribe(enveloped)
    queue, _ = subscribed(endpoint, topic)
    topic.publish(json.dumps({'default': 'for all', 'sqs': 'for ü queues', 'http': 'x'}), MessageStructure='json')
    equal((queue.bodies(1, delete=True), json.loads(enveloped.bodies(1, delete=True)[0])['Message']),
          (['for ü queues'], 'for ü queues'))
    topic.publish_all([json.dumps({'default': 'for all', 'http': 'x'})], MessageStructure='json')
    equal((queue.bodies(1, delete=True), json.loads(enveloped.bodies(1)[0])['Message']), (['for all'], 'for all'))
    plain = json.dumps({'default': 'd', 'sqs': 's'})
    topic.publish(plain)
    equal(queue.bodies(1), [plain], 'without a structure JSON is a text like any other')


# ---- Filters --------------------------------------------------------------------------------------------------------

def string_array(*values):
    return text(json.dumps(values), 'String.Array')


# What a policy on attributes lets through, by the names below.
MESSAGES = {
    'none': {},
    'red': {'color': text('red')},
    'Red': {'color': text('Red')},
    'dark': {'color': text('darkred')},
    'both': {'color': string_array('red', 'blue')},
    'five': {'price': text('5', 'Number')},
    'ten': {'price': text('10.5', 'Number'), 'color': text('green')},
    'address': {'ip': text('10.1.2.3')},
    'bytes': {'color': binary(b'red')},
}
POLICIES = [
    ({'color': ['red']}, 'red both'),
    ({'color': ['red', 'green']}, 'red both ten'),
    ({'color': [{'prefix': 'dark'}]}, 'dark'),
    ({'color': [{'suffix': 'red'}]}, 'red dark both'),
    ({'color': [{'equals-ignore-case': 'RED'}]}, 'red Red both'),
    ({'color': [{'anything-but': ['red', 'green']}]}, 'Red dark'),
    ({'color': [{'anything-but': {'prefix': 'dark'}}]}, 'red Red both ten'),
    ({'price': [5]}, 'five'),
    ({'price': [{'numeric': ['>', 5, '<=', 10.5]}]}, 'ten'),
    ({'price': [{'numeric': ['<', 6]}]}, 'five'),
    ({'price': [{'anything-but': 5}]}, 'ten'),
    ({'price': [{'exists': True}]}, 'five ten'),
    ({'color': [{'exists': True}]}, 'red Red dark both ten bytes'),
    ({'price': [{'exists': False}]}, 'none red Red dark both address bytes'),
    ({'ip': [{'cidr': '10.1.0.0/16'}]}, 'address'),
    ({'price': [{'exists': True}], 'color': ['green']}, 'ten'),
    ({'$or': [{'price': [5]}, {'color': ['Red']}]}, 'five Red'),
    ({}, ' '.join(MESSAGES)),
]
BODIES = {
    'none': '{}',
    'text': 'no JSON',
    'cat': '{"pet": {"kind": "cat", "age": 3}}',
    'dog': '{"pet": {"kind": "dog", "age": 13, "chip": null}, "tags": ["a", "b"]}',
    'many': '{"pet": [{"kind": "cat"}, {"kind": "dog"}], "tags": "c"}',
    'yes': '{"flag": true, "tags": []}',
}
BODY_POLICIES = [
    ({'pet': {'kind': ['cat']}}, 'cat many'),
    ({'pet': {'age': [{'numeric': ['>=', 3, '<', 13]}]}}, 'cat'),
    ({'pet': {'kind': [{'anything-but': ['cat']}]}}, 'dog many'),
    ({'pet': {'chip': [None]}}, 'dog'),
    ({'tags': [{'prefix': 'b'}, 'c']}, 'dog many'),
    ({'flag': [True]}, 'yes'),
    ({'pet': {'kind': [{'exists': False}]}}, 'none yes'),
    ({'$or': [{'flag': [True]}, {'pet': {'age': [13]}}]}, 'yes dog'),
]


def check_filters(endpoint, scope, policies, publish_all):
    """Each policy on a subscription of its own; a last message, which all want, shows that there is no more to come."""
    topic, queues = Topic(endpoint), []
    for policy, _ in policies:
        queues.append(subscribed(endpoint, topic, FilterPolicy=policy, FilterPolicyScope=scope)[0])
    everything, _ = subscribed(endpoint, topic)
    count = publish_all(topic)
    equal(len(everything.receive_all(count)), count)
    wrong = []
    for queue, (policy, names) in zip(queues, policies):
        wanted = sorted(names.split())
        found = sorted(m['MessageAttributes']['name']['StringValue']
                       for m in queue.receive_all(len(wanted), **ALL) + queue.receive(**ALL))
        if found != wanted:
            wrong.append('%s: got %s, expected %s' % (json.dumps(policy), found, wanted))
    equal(wrong, [], 'policies')


@cases('filter policies on attributes: exact, prefix, suffix, case, anything-but, numeric, exists, cidr, or')
def filters(endpoint):
    def publish(topic):
        for name, attributes in MESSAGES.items():
            topic.publish('x', MessageAttributes={**attributes, 'name': text(name)})
        return len(MESSAGES)
    check_filters(endpoint, 'MessageAttributes', POLICIES, publish)


@cases('filter policies on the body: nested names, arrays, null and booleans, or')
def body_filters(endpoint):
    def publish(topic):
        for name, body in BODIES.items():
            topic.publish(body, MessageAttributes={'name': text(name)})
        return len(BODIES)
    check_filters(endpoint, 'MessageBody', BODY_POLICIES, publish)


@cases('changes of a subscription hold for what is published after them')
def changes(endpoint):
    topic = Topic(endpoint)
    queue, arn = subscribed(endpoint, topic, FilterPolicy={'k': ['a']})
    other, _ = subscribed(endpoint, topic)

    def publish(body, **options):
        topic.publish(body, **options)
        equal(other.bodies(1, delete=True), [body])
    for number in range(5):
        wanted, unwanted = ('a', 'b') if number % 2 == 0 else ('b', 'a')
        set_subscription(topic, arn, 'FilterPolicy', {'k': [wanted]})
        publish('no %d' % number, MessageAttributes={'k': text(unwanted)})
        publish('yes %d' % number, MessageAttributes={'k': text(wanted)})
        equal(queue.bodies(1, delete=True), ['yes %d' % number])
    set_subscription(topic, arn, 'FilterPolicy', '{}')
    publish('without a policy')
    equal(queue.bodies(1, delete=True), ['without a policy'])
    for raw in ('false', 'true'):
        set_subscription(topic, arn, 'RawMessageDelivery', raw)
        publish('shape')
        body, = queue.bodies(1, delete=True)
        equal(body if raw == 'true' else json.loads(body)['Message'], 'shape', 'RawMessageDelivery ' + raw)


# ---- FIFO -----------------------------------------------------------------------------------------------------------

GROUPS = 7


def numbered(count):
    return ['%d %d' % (i % GROUPS, i // GROUPS) for i in range(count)]


def check_order(bodies, count):
    equal(sorted(bodies), sorted(numbered(count)), 'messages')
    for group in range(GROUPS):
        mine = [b for b in bodies if b.startswith('%d ' % group)]
        equal(mine, ['%d %d' % (group, i) for i in range(len(mine))], 'order of group %d' % group)


@cases('FIFO topic to FIFO queue: every message once, in the order of its group, numbered upwards')
def fifo(endpoint):
    topic = Topic(endpoint, fifo=True, ContentBasedDeduplication='true')
    enveloped = Queue(endpoint, fifo=True)
    topic.subscribe(enveloped)
    queue, _ = subscribed(endpoint, topic, fifo=True)
    results = topic.publish_all(numbered(700), MessageGroupId=lambda body: 'g' + body.split()[0])
    numbers = [r['SequenceNumber'] for r in results]
    equal((numbers, len(set(numbers)), {len(n) for n in numbers}), (sorted(numbers), 700, {20}), 'sequence numbers')
    messages = queue.receive_all(700, delete=True, **ALL)
    check_order([m['Body'] for m in messages], 700)
    equal({m['Body'][0] == m['Attributes']['MessageGroupId'][1:] for m in messages}, {True}, 'group ids')
    shown = [json.loads(body) for body in enveloped.bodies(700, delete=True)]
    check_order([s['Message'] for s in shown], 700)
    published = {r['MessageId']: r['SequenceNumber'] for r in results}
    equal({s['MessageId']: s['SequenceNumber'] for s in shown}, published, 'ids and sequence numbers')
    equal((queue.receive(), enveloped.receive()), ([], []))


@cases('FIFO topics deduplicate by id and by content')
def deduplication(endpoint):
    topic = Topic(endpoint, fifo=True, ContentBasedDeduplication='true')
    queue, _ = subscribed(endpoint, topic, fifo=True)
    first = topic.publish('same', MessageGroupId='g')
    again = topic.publish('same', MessageGroupId='g')
    equal((again['MessageId'], again['SequenceNumber']), (first['MessageId'], first['SequenceNumber']))
    topic.publish('same', MessageGroupId='g', MessageDeduplicationId='another')
    first = topic.publish('one', MessageGroupId='g', MessageDeduplicationId='id')
    equal(topic.publish('two', MessageGroupId='g', MessageDeduplicationId='id')['MessageId'], first['MessageId'])
    topic.publish('last', MessageGroupId='g')
    messages = queue.receive_all(4, delete=True, **ALL)
    equal([m['Body'] for m in messages], ['same', 'same', 'one', 'last'])
    equal([m['Attributes']['MessageDeduplicationId'] for m in messages][1:3], ['another', 'id'])
    equal(queue.receive(), [])
    strict = Topic(endpoint, fifo=True)
    refused('InvalidParameter', 400, strict.publish, 'without an id', MessageGroupId='g')
    queue, _ = subscribed(endpoint, strict, fifo=True)
    topic.subscribe(queue, RawMessageDelivery='true')
    strict.publish('of one topic', MessageGroupId='g', MessageDeduplicationId='x')
    topic.publish('of another', MessageGroupId='g', MessageDeduplicationId='y')
    equal(sorted(queue.bodies(2, delete=True)), ['of another', 'of one topic'], 'a queue of two topics')


@cases('FIFO topic to standard queue: everything arrives, with its group; to two queues each by its filter')
def fifo_to_standard(endpoint):
    topic = Topic(endpoint, fifo=True, ContentBasedDeduplication='true')
    queue, _ = subscribed(endpoint, topic)
    filtered, _ = subscribed(endpoint, topic, fifo=True, FilterPolicy={'odd': ['1']})
    topic.publish_all(numbered(210), MessageGroupId=lambda body: 'g' + body.split()[0],
                      MessageAttributes=lambda body: {'odd': text(str(int(body.split()[1]) % 2))})
    messages = queue.receive_all(210, delete=True, **ALL)
    equal(sorted(m['Body'] for m in messages), sorted(numbered(210)))
    equal({m['Body'][0] == m['Attributes']['MessageGroupId'][1:] for m in messages}, {True}, 'group ids')
    bodies = filtered.bodies(GROUPS * 15, delete=True)
    for group in range(GROUPS):
        equal([b for b in bodies if b.startswith('%d ' % group)], ['%d %d' % (group, i) for i in range(1, 30, 2)])


# ---- Kafka ----------------------------------------------------------------------------------------------------------

@cases('a topic attached to a Kafka topic: its records arrive, and what is published is consumed by Kafka')
def kafka(endpoint):
    name = create_topic('stream', 3)
    produce(name, {'value': b'before the topic was made'})
    topic = Topic(endpoint, tags={'leat:topic': name})
    enveloped = Queue(endpoint)
    topic.subscribe(enveloped)
    queue, _ = subscribed(endpoint, topic)
    filtered, _ = subscribed(endpoint, topic, FilterPolicy={'trace': [{'prefix': 'a'}]})
    noise = bytes(range(256))
    produce(name, {'key': b'tenant', 'value': 'grüße'.encode(), 'headers': [('trace', b'abc'), ('raw', b'\xff\x00')]},
            {'value': noise, 'headers': [('trace', b'b')]})
    messages = sorted(queue.receive_all(2, **ALL), key=lambda m: 'leat-encoding' in m['MessageAttributes'])
    equal(messages[0]['Body'], 'grüße')
    equal(messages[0]['Attributes']['MessageGroupId'], 'tenant')
    equal({n: (v['DataType'], v.get('StringValue') or v.get('BinaryValue'))
           for n, v in messages[0]['MessageAttributes'].items()}, {'trace': ('String', 'abc'), 'raw': ('Binary', b'\xff\x00')})
    equal(base64.b64decode(messages[1]['Body']), noise)
    equal({n: v['StringValue'] for n, v in messages[1]['MessageAttributes'].items()},
          {'trace': 'b', 'leat-encoding': 'base64'})
    shown = {m['Message']: m['MessageAttributes'] for m in map(json.loads, enveloped.bodies(2))}
    equal(shown['grüße'], {'trace': {'Type': 'String', 'Value': 'abc'}, 'raw': {'Type': 'Binary', 'Value': '/wA='}})
    equal(shown[base64.b64encode(noise).decode()]['leat-encoding'], {'Type': 'String', 'Value': 'base64'})
    equal((filtered.bodies(1), filtered.receive()), (['grüße'], []))
    topic.publish('by SNS', Subject='s', MessageAttributes={'n': text('7', 'Number'), 'b': binary(b'\xff')})
    topic.publish(base64.b64encode(noise).decode(), MessageAttributes={'leat-encoding': text('base64')})
    records = {m.value(): m for m in consume(name, 5, 3)}
    equal(records[b'by SNS'].key(), None)
    equal({n: v for n, v in records[b'by SNS'].headers() if not n.startswith('leat-')}, {'n': b'7', 'b': b'\xff'})
    assert b'before the topic was made' in records, records.keys()
    equal(sorted(queue.bodies(2))[1], 'by SNS')
    topic.sns.delete_topic(TopicArn=topic.arn)
    equal(len(consume(name, 5, 3)), 5, 'a topic of Kafka stays when the one of SNS goes')
    refused('InvalidParameter', 400, topic.sns.create_topic, Name=unique('bad'),
            Tags=[{'Key': 'leat:topic', 'Value': unique('absent')}])


@cases('a FIFO topic attached to a Kafka topic: equal records are two messages, unless content is what counts')
def kafka_fifo(endpoint):
    records = [{'key': b'a', 'value': b'same'}, {'key': b'a', 'value': b'same'}, {'key': b'\xfe', 'value': b'odd'},
               {'value': None}, {'value': b''}]
    for by_content, expected in (('false', ['', '', 'odd', 'same', 'same']), ('true', ['', 'odd', 'same'])):
        name = create_topic('stream')
        topic = Topic(endpoint, fifo=True, tags={'leat:topic': name}, ContentBasedDeduplication=by_content)
        queue, _ = subscribed(endpoint, topic, fifo=True)
        produce(name, *records)
        equal(sorted(queue.bodies(len(expected), delete=True)), expected)
        topic.publish('last', MessageGroupId='a', MessageDeduplicationId='x')
        equal((queue.bodies(1, delete=True), queue.receive()), (['last'], []))


@cases('what is published to a topic of SNS alone is a stream of its name too')
def stream(endpoint):
    topic = Topic(endpoint, fifo=True, ContentBasedDeduplication='true')
    topic.publish_all(['%d' % i for i in range(20)], MessageGroupId=lambda body: 'g' + body[-1])
    records = consume(topic.name + '.sns', 20)
    equal([(m.key(), m.value()) for m in records], [(b'g%d' % (i % 10), b'%d' % i) for i in range(20)])


# ---- Queues that are away, and restarts -----------------------------------------------------------------------------

@cases('what a deleted queue would get goes to the dead-letter queue, as it is, and other subscriptions go on')
def deleted_queue(endpoint):
    topic, dead = Topic(endpoint), Queue(endpoint, 'dead')
    gone, arn = subscribed(endpoint, topic, RedrivePolicy={'deadLetterTargetArn': dead.arn})
    queue, _ = subscribed(endpoint, topic)
    gone.sqs.delete_queue(QueueUrl=gone.url)
    topic.publish('x', MessageAttributes={'a': text('b')})
    letter, = dead.receive_all(1, **ALL)
    equal((letter['Body'], letter['MessageAttributes']['a']['StringValue']), ('x', 'b'))
    equal(queue.bodies(1, delete=True), ['x'])
    again = Queue(endpoint, name=gone.name)
    topic.publish('y')
    equal((again.bodies(1), queue.bodies(1)), (['y'], ['y']), 'once the queue is there again')
    equal(subscription_attributes(topic, arn)['Endpoint'], again.arn)


@cases('a queue that is full gets its messages when there is room, and holds up nobody')
def full_queue(endpoint):
    topic = Topic(endpoint)
    small, _ = subscribed(endpoint, topic, queue=Queue(endpoint, tags={'leat:depth_max': '5'}))
    queue, _ = subscribed(endpoint, topic)
    bodies = ['%02d' % i for i in range(12)]
    topic.publish_all(bodies)
    equal(sorted(queue.bodies(12)), bodies)
    equal(sorted(set(small.bodies(12, seconds=120, delete=True))), bodies)


def restarted(name):
    """Makes two cases: one with SIGTERM, one with kill -9."""
    def add(function):
        for how in ('SIGTERM', 'kill -9'):
            def case(_, how=how):
                with Server() as server:
                    def again():
                        if how == 'SIGTERM':
                            equal(server.stop(), 0, 'exit code')
                        else:
                            server.kill()
                        server.start()
                    function(server.start().sqs, again)
            cases('%s (%s)' % (name, how))(case)
        return function
    return add


@restarted('a restart keeps topics, tags and subscriptions, and what was published before it arrives')
def restart(endpoint, again):
    topic = Topic(endpoint, tags={'team': 'x'}, DisplayName='d')
    ordered = Topic(endpoint, fifo=True, ContentBasedDeduplication='true')
    queue, arn = subscribed(endpoint, topic, FilterPolicy={'k': [{'anything-but': 'unwanted'}]})
    all_of_it, _ = subscribed(endpoint, topic)
    in_order, ordered_arn = subscribed(endpoint, ordered, fifo=True)
    removed = Topic(endpoint)
    removed.subscribe(queue)
    removed.sns.delete_topic(TopicArn=removed.arn)
    seen = lambda: ([t.attributes() for t in (topic, ordered)], topic.subscriptions(), ordered.subscriptions(),
                    subscription_attributes(topic, arn), subscription_attributes(ordered, ordered_arn),
                    topic.sns.list_tags_for_resource(ResourceArn=topic.arn)['Tags'],
                    sorted(t['TopicArn'] for t in topic.sns.list_topics()['Topics']))
    before = seen()
    for number in range(3):
        bodies = ['%d-%d' % (number, i) for i in range(60)]
        for body in bodies:
            topic.publish(body, MessageAttributes={'k': text('unwanted' if body.endswith('0') else 'x')})
        ordered.publish_all(['%d %s' % (number, b) for b in numbered(140)], MessageGroupId=lambda b: 'g' + b.split()[1])
        again()
        equal(seen(), before)
        wanted = {b for b in bodies if not b.endswith('0')}

        def arrive(target, expected):
            found = set()
            wait_for('%d messages' % len(expected), lambda: (
                found.update(m['Body'] for m in receive_and_delete(target)), found >= expected)[1], 30, 0)
            equal(found, expected)
        arrive(queue, wanted)
        arrive(all_of_it, set(bodies))
        found = [b.split(' ', 1)[1] for b in in_order.bodies(140, delete=True)]
        check_order(found, 140)
    equal(ordered.arn.split(':')[3], REGION)


def receive_and_delete(queue):
    messages = queue.receive(wait=1)
    if messages:
        queue.delete(messages)
    return messages


if __name__ == '__main__':
    cases.main()
