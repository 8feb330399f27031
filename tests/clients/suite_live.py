#!/usr/bin/python3
"""Live push over WebSockets and server-sent events: suite_live.py [ADDRESS], which is not used: the suite has a server of its
own, with Redis's protocol too."""
import asyncio
import base64
import json
import random
import sys
import threading
import time

import confluent_kafka
import confluent_kafka.admin
import websockets

from harness import Cases, Server, equal, unique, wait_for
from live_support import (TEXT, Closed, Events, Live, WebSocket, basic, call, good, leat, new_queue, new_topic)
from resp_support import connect
from sqs_support import Queue

cases = Cases('live')
HOUR = 3600 * 1000


def encoded(data):
    return base64.b64encode(data).decode()


class Kafka:
    def __init__(self, server, **options):
        self.options = {'bootstrap.servers': server.address, 'linger.ms': 0, 'log_level': 0, **options}
        self.producer = confluent_kafka.Producer(self.options)
        self.admin = confluent_kafka.admin.AdminClient(self.options)

    def send(self, topic, *values, partition=0, **options):
        for value in values:
            self.producer.produce(topic, value, partition=partition, **options)
        equal(self.producer.flush(30), 0)

    def add_partitions(self, topic, count):
        for future in self.admin.create_partitions([confluent_kafka.admin.NewPartitions(topic, count)]).values():
            future.result(30)

    def read(self, topic, count, partitions=1):
        consumer = confluent_kafka.Consumer({**self.options, 'group.id': 'none', 'enable.auto.commit': False})
        consumer.assign([confluent_kafka.TopicPartition(topic, p, 0) for p in range(partitions)])
        messages = []
        wait_for('%d records' % count, lambda: messages.extend(consumer.consume(count, 0.2)) or len(messages) >= count)
        consumer.close()
        return messages


def own_topic(server):
    """One of leat's own, which is there when a group has committed."""
    good(server, 'PUT', '/v1/groups/committed/offsets', {'offsets': [{'topic': new_topic(server), 'partition': 0, 'offset': 0}]})
    return '__consumer_offsets'


def delete_topic(server, topic):
    good(server, 'DELETE', '/v1/topics/' + topic)


# ---- Requests and answers -------------------------------------------------------------------------------------------

@cases('python3-websockets: subscribes, publishes and gets records, and pings are answered')
def library(server):
    topic = new_topic(server)

    async def chat():
        async with websockets.connect('ws://127.0.0.1:%d/v1/live' % server.http_port) as socket:
            await socket.send(json.dumps({'op': 'subscribe', 'topic': topic, 'id': 's'}))
            equal(json.loads(await socket.recv()), {'type': 'subscribed', 'id': 's', 'topic': topic, 'offsets': {'0': 0}})
            pong = await socket.ping(b'are you there')
            for i in range(100):
                await socket.send(json.dumps({'op': 'publish', 'topic': topic, 'value': str(i)}))
            got = [json.loads(await asyncio.wait_for(socket.recv(), 30)) for _ in range(100)]
            equal([(r['type'], r['offset'], r['value']) for r in got], [('record', i, str(i)) for i in range(100)])
            await asyncio.wait_for(pong, 30)
            await socket.close(1000, 'enough')
            equal(socket.close_code, 1000)
    asyncio.run(chat())


@cases('an answer has the id of its request: texts, integers; without one only errors are answered')
def ids(server):
    live = Live(server)
    for number in ('x', '', 'zoë "\\\n', 'a' * 100, 0, -1, 7, 2 ** 63 - 1, -2 ** 63, 2 ** 64 - 1):
        live.send_frame(TEXT, json.dumps({'op': 'ping', 'id': number}).encode())
        equal(json.loads(live.text()), {'type': 'pong', 'id': number})
    for quiet in ({'op': 'ping'}, {'op': 'ping', 'id': None}, {'op': 'subscribe', 'channel': unique('c')}):
        live.send_frame(TEXT, json.dumps(quiet).encode())
    live.send_frame(TEXT, json.dumps({'op': 'unsubscribe', 'channel': 'nowhere'}).encode())
    error = json.loads(live.text())
    equal((error['type'], 'id' in error, error['problem']['status']), ('error', False, 404))
    for number in (1.5, True, [1], {'a': 1}, 'a' * 200):
        live.send_frame(TEXT, json.dumps({'op': 'ping', 'id': number}).encode())
        equal(json.loads(live.text())['problem']['type'], 'urn:leat:problem:invalid-body', repr(number))
    live.leave()


BAD = (
    {'op': 'nope'}, {}, {'op': None}, {'op': 1}, {'op': 'Subscribe', 'topic': 'a'},
    {'op': 'subscribe'}, {'op': 'subscribe', 'topic': 'a', 'channel': 'b'}, {'op': 'subscribe', 'topic': 1},
    {'op': 'subscribe', 'topic': 'a', 'from': 'middle'}, {'op': 'subscribe', 'topic': 'a', 'from': 1},
    {'op': 'subscribe', 'topic': 'a', 'time': -1}, {'op': 'subscribe', 'topic': 'a', 'time': 'now'},
    {'op': 'subscribe', 'topic': 'a', 'offsets': [0]}, {'op': 'subscribe', 'topic': 'a', 'offsets': {'x': 0}},
    {'op': 'subscribe', 'topic': 'a', 'offsets': {'0': -1}}, {'op': 'subscribe', 'topic': 'a', 'offsets': {'0': '1'}},
    {'op': 'subscribe', 'topic': 'a', 'offsets': {'': 1}}, {'op': 'subscribe', 'topic': 'a', 'offsets': {'99999999999': 1}},
    {'op': 'subscribe', 'queue': 'a', 'prefetch': 0}, {'op': 'subscribe', 'queue': 'a', 'prefetch': 1.5},
    {'op': 'subscribe', 'queue': 'a', 'lease_ms': 0}, {'op': 'subscribe', 'topic': 'a', 'other': 1},
    {'op': 'unsubscribe'}, {'op': 'unsubscribe', 'topic': 'a', 'queue': 'a'}, {'op': 'unsubscribe', 'topic': 'a', 'from': 'latest'},
    {'op': 'publish', 'value': 'x'}, {'op': 'publish', 'pattern': 'x', 'data': 'x'}, {'op': 'publish', 'queue': 'x'},
    {'op': 'publish', 'topic': 'a', 'value': 'x', 'value_base64': 'eA=='}, {'op': 'publish', 'topic': 'a', 'key_base64': '!'},
    {'op': 'publish', 'topic': 'a', 'partition': -1}, {'op': 'publish', 'topic': 'a', 'partition': '0'},
    {'op': 'publish', 'topic': 'a', 'headers': 'x'}, {'op': 'publish', 'topic': 'a', 'headers': [{'value': 'x'}]},
    {'op': 'publish', 'topic': 'a', 'timestamp': 'x'}, {'op': 'publish', 'channel': 'a', 'data_base64': '?'},
    {'op': 'send', 'topic': 'a', 'body': 'x'}, {'op': 'send', 'queue': 'a', 'body': 'x', 'priority': 10},
    {'op': 'send', 'queue': 'a', 'body': 'x', 'delay_ms': -1}, {'op': 'send', 'queue': 'a', 'body': 'x', 'ttl_ms': 0},
    {'op': 'send', 'queue': 'a', 'body': 'x', 'dedup_id': 'x' * 129},
    {'op': 'acknowledge', 'queue': 'a'}, {'op': 'acknowledge', 'queue': 'a', 'receipts': []},
    {'op': 'acknowledge', 'queue': 'a', 'receipts': '0.0.0.1'}, {'op': 'acknowledge', 'queue': 'a', 'receipts': [1]},
    {'op': 'acknowledge', 'topic': 'a', 'receipts': ['0.0.0.1']},
    {'op': 'release', 'queue': 'a', 'receipts': ['0.0.0.1'], 'delay_ms': -1},
    {'op': 'extend', 'queue': 'a', 'receipts': ['0.0.0.1']},
    {'op': 'extend', 'queue': 'a', 'receipts': ['0.0.0.1'], 'lease_ms': 0},
)


@cases('messages that make no sense are refused as bodies that are invalid, and the connection goes on')
def senseless(server):
    live = Live(server)
    texts = [json.dumps(bad) for bad in BAD]
    texts += ['', ' ', '[]', '1', '"ping"', 'null', '{', '{"op":"ping"', '{"op":"ping"}{"op":"ping"}', '{op:"ping"}', '\0',
              '[' * 10000, '{"op":"ping","id":' + '[' * 5000 + ']' * 5000 + '}', '{"op":"\\ud800"}']
    for text in texts:
        live.send_frame(TEXT, text.encode())
        error = json.loads(live.text())
        problem = error.get('problem', {})
        equal((error['type'], problem.get('type'), problem.get('status')), ('error', 'urn:leat:problem:invalid-body', 400), text)
    live.ask('ping')
    live.leave()


@cases('an error has the id of its request, whatever is wrong with the rest')
def id_of_errors(server):
    live = Live(server)
    for number, bad in enumerate(BAD):
        live.send_frame(TEXT, json.dumps({**bad, 'id': number}).encode())
        error = json.loads(live.text())
        equal((error['type'], error.get('id')), ('error', number), '%s %s' % (bad, error))
    live.send_frame(TEXT, json.dumps({'op': 'acknowledge', 'queue': 'a', 'receipts': ['x'], 'id': 'receipt'}).encode())
    equal(json.loads(live.text()).get('id'), 'receipt', 'a bad receipt')
    live.leave()


@cases('the members of a request come in any order, with spaces and escapes, and unknown ones are refused')
def json_forms(server):
    topic = new_topic(server)
    live = Live(server)
    for text in ('{"value":"\\u0031", "topic" : "%s",\n"id":"a","op":"publish"}', '\t{"id":"a","op":"publish","topic":"%s","value":1}\r\n',
                 '{"topic":"%s","op":"pub\\u006cish","id":"a","value":"1"}'):
        live.send_frame(TEXT, (text % topic).encode())
        answer = json.loads(live.text())
        equal(answer['type'], 'published', str(answer))
    live.ask('subscribe', topic=topic, **{'from': 'earliest'})
    equal(live.values(3), ['1', '1', '1'])
    live.refused(400, 'invalid-body', 'unsubscribe', topic=topic, colour='red')
    live.leave()


@cases('up to 256 requests run at a time and more wait: 3,000 at once are all answered')
def many_requests(server):
    topic = new_topic(server)
    live = Live(server)
    numbers = [live.say('publish', topic=topic, value=str(i)) if i % 2 else live.say('ping') for i in range(3000)]
    equal([live.answer(n)['type'] for n in numbers], ['pong', 'published'] * 1500)
    live.leave()


# ---- Topics ---------------------------------------------------------------------------------------------------------

@cases('a topic from its latest, its earliest, a time and offsets on; the answer says where each partition begins')
def begins(server):
    topic = new_topic(server, partitions=3)
    for partition, count in enumerate((5, 3, 0)):
        good(server, 'POST', '/v1/topics/%s/records' % topic, {'records': [
            {'value': '%d/%d' % (partition, i), 'partition': partition, 'timestamp': 1_700_000_000_000 + 1000 * i}
            for i in range(count)]}) if count else None
    live = Live(server)

    def seen(expected, at, **start):
        answer = live.ask('subscribe', topic=topic, **start)
        equal(answer['offsets'], dict(zip('012', at)), str(start))
        got = live.values(len(expected))
        equal(sorted(got), sorted(expected), str(start))
        for partition in '012':
            mine = [value for value in got if value[0] == partition]
            equal(mine, sorted(mine), 'the order in a partition')
        live.nothing()
        live.ask('unsubscribe', topic=topic)
    first, second = ['0/%d' % i for i in range(5)], ['1/%d' % i for i in range(3)]
    seen([], (5, 3, 0))
    seen([], (5, 3, 0), **{'from': 'latest'})
    seen(first + second, (0, 0, 0), **{'from': 'earliest'})
    seen(first[2:] + second[2:], (2, 2, 0), time=1_700_000_001_001)
    seen(first[1:] + second[1:], (1, 1, 0), time=1_700_000_001_000)
    seen([], (5, 3, 0), time=1_900_000_000_000)
    seen(first + second, (0, 0, 0), time=0)
    seen(first[4:] + second[1:], (4, 1, 0), offsets={'0': 4, '1': 1, '2': 0})
    seen(first[4:], (4, 3, 0), offsets={'0': 4})
    seen(first[4:] + second, (4, 0, 0), offsets={'0': 4}, **{'from': 'earliest'})
    seen(first[4:] + second[2:], (4, 2, 0), offsets={'0': 4}, time=1_700_000_001_500)
    seen([], (5, 3, 0), offsets={'0': 5, '1': 3, '2': 0}, **{'from': 'earliest'})
    live.refused(416, 'offset-out-of-range', 'subscribe', topic=topic, offsets={'0': 6})
    live.refused(404, 'not-found', 'subscribe', topic=topic, offsets={'3': 0})
    live.refused(404, 'not-found', 'subscribe', topic=unique('absent'))
    live.refused(403, 'permission-denied', 'subscribe', topic=own_topic(server))
    live.ask('subscribe', topic=topic)
    live.refused(409, 'exists', 'subscribe', topic=topic)
    live.leave()


@cases('offsets that were deleted are refused, not passed over')
def deleted_offsets(server):
    topic = new_topic(server)
    Kafka(server).send(topic, *'abcdef')
    good(server, 'DELETE', '/v1/topics/%s/partitions/0/records?before=4' % topic)
    live = Live(server)
    live.refused(416, 'offset-out-of-range', 'subscribe', topic=topic, offsets={'0': 3})
    equal(live.ask('subscribe', topic=topic, **{'from': 'earliest'})['offsets'], {'0': 4})
    equal(live.values(2), ['e', 'f'])
    live.leave()


@cases('what is published is committed: keys, values, headers, partitions and timestamps as a consumer of Kafka sees them')
def publish(server):
    topic = new_topic(server, partitions=3)
    live = Live(server)
    answer = live.ask('publish', topic=topic, key='k', value='v', headers={'a': '1', 'b': None}, partition=2,
                      timestamp=1_700_000_000_000)
    equal((answer['type'], answer['partition'], answer['offset']), ('published', 2, 0))
    live.ask('publish', topic=topic, partition=2, key=None, value=None)
    live.ask('publish', topic=topic, partition=2, value={'a': [1, 'x', None]}, key=7)
    live.ask('publish', topic=topic, partition=2, value='', headers=[{'key': 'a', 'value': '1'}, {'key': 'a', 'value_base64': '/w=='}])
    live.ask('publish', topic=topic, partition=2)
    got = [(m.key(), m.value(), m.headers(), m.timestamp()[1]) for m in Kafka(server).read(topic, 5, 3)]
    equal(got[0], (b'k', b'v', [('a', b'1'), ('b', None)], 1_700_000_000_000))
    equal([g[:2] for g in got[1:]], [(None, None), (b'7', b'{"a":[1,"x",null]}'), (None, b''), (None, None)])
    equal(got[3][2], [('a', b'1'), ('a', b'\xff')])
    equal(abs(got[1][3] - time.time() * 1000) < HOUR, True, 'its own time')
    same = {live.ask('publish', topic=topic, key='one key', value=str(i))['partition'] for i in range(20)}
    equal(len(same), 1, 'the partitions of one key')
    live.refused(400, 'invalid-argument', 'publish', topic=topic, partition=3, value='x')
    live.refused(404, 'not-found', 'publish', topic=unique('absent'), value='x')
    live.refused(403, 'permission-denied', 'publish', topic=own_topic(server), value='x')
    live.leave()


@cases('what one connection publishes takes effect in the order in which it came, in topics and channels')
def publish_order(server):
    topic, channel = new_topic(server), unique('channel')
    reader, writer = Live(server), Live(server)
    reader.ask('subscribe', topic=topic)
    reader.ask('subscribe', channel=channel)
    numbers = []
    for i in range(1000):
        numbers.append(writer.say('publish', topic=topic, value=str(i)))
        writer.say('publish', channel=channel, data=str(i))
    equal([writer.answer(n)['offset'] for n in numbers], list(range(1000)), 'offsets in the order of requests')
    events = reader.take(2000)
    equal([e['value'] for e in events if e['type'] == 'record'] == [str(i) for i in range(1000)], True, 'records')
    equal([e['data'] for e in events if e['type'] == 'message'] == [str(i) for i in range(1000)], True, 'messages')
    for each in (reader, writer):
        each.leave()


@cases('records that Kafka, Redis, SQS and HTTP clients write, and WebSockets, reach a WebSocket')
def from_everywhere(server):
    topic = new_topic(server)
    queue = Queue(server.sqs, 'orders')
    owned = good(server, 'GET', '/v1/queues/' + queue.name)['topic']
    live = Live(server)
    live.ask('subscribe', topic=topic)
    live.ask('subscribe', topic=owned)
    Kafka(server).send(topic, b'by kafka', key=b'k', headers=[('h', b'1'), ('h', None)])
    event = live.event('record')
    equal({k: event[k] for k in ('topic', 'partition', 'offset', 'key', 'value', 'headers')},
          {'topic': topic, 'partition': 0, 'offset': 0, 'key': 'k', 'value': 'by kafka',
           'headers': [{'key': 'h', 'value': '1'}, {'key': 'h', 'value': None}]})
    equal(abs(event['timestamp'] - time.time() * 1000) < HOUR, True, event)
    connect(server.resp).publish('topic:' + topic, 'by redis')
    event = live.event('record')
    equal((event['offset'], event['key'], event['value'], 'headers' in event), (1, None, 'by redis', False))
    good(server, 'POST', '/v1/topics/%s/records' % topic, {'value': 'by http'})
    equal(live.event('record')['value'], 'by http')
    good(server, 'POST', '/v1/topics/%s/records' % topic, b'raw', Content_Type='application/octet-stream')
    equal(live.event('record')['value'], 'raw')
    Live(server).ask('publish', topic=topic, value='by another')
    equal(live.event('record')['value'], 'by another')
    queue.send('by sqs')
    event = live.event('record')
    equal((event['topic'], event['value']), (owned, 'by sqs'))
    live.ask('subscribe', queue=queue.name)
    equal(live.event('delivery')['body'], 'by sqs')
    live.leave()


@cases('bytes that are no UTF-8 are in members that end in _base64, in both directions')
def binary(server):
    topic, channel, queue = new_topic(server), unique('channel'), new_queue(server)
    data = bytes(range(256))
    live = Live(server)
    live.ask('subscribe', topic=topic)
    Kafka(server).send(topic, data, key=b'\xff', headers=[('h', b'\x80')])
    event = live.event('record')
    equal((event['key_base64'], event['value_base64'], event['headers']),
          ('/w==', encoded(data), [{'key': 'h', 'value_base64': 'gA=='}]))
    equal([name for name in ('key', 'value') if name in event], [])
    Kafka(server).send(topic, 'zoë \0 \u2028 "\\'.encode(), None, b'')
    equal(live.values(3), ['zoë \0 \u2028 "\\', None, ''])
    live.ask('publish', topic=topic, key_base64='gA==', value_base64=encoded(data), headers=[{'key': 'h', 'value_base64': '/w=='}])
    event = live.event('record')
    equal((event['key_base64'], event['value_base64'], event['headers']),
          ('gA==', encoded(data), [{'key': 'h', 'value_base64': '/w=='}]))
    live.ask('publish', topic=topic, value_base64=encoded(b'text'))
    equal(live.event('record')['value'], 'text')
    live.ask('unsubscribe', topic=topic)
    live.ask('subscribe', channel=channel)
    connect(server.resp, decode_responses=False).publish(channel, data)
    equal(live.event('message'), {'type': 'message', 'channel': channel, 'data_base64': encoded(data)})
    live.ask('publish', channel=channel, data_base64=encoded(data))
    equal(live.event('message')['data_base64'], encoded(data))
    live.ask('subscribe', queue=queue, prefetch=2)
    live.ask('send', queue=queue, body_base64=encoded(data))
    equal(live.event('delivery')['body_base64'], encoded(data))
    live.leave()
    raw = connect(server.resp, decode_responses=False)
    name = b'\xfe' + unique('n').encode()
    pattern = Live(server)
    pattern.ask('subscribe', pattern='*' + name[1:].decode())
    raw.publish(name, b'x')
    event = pattern.event('message')
    equal((event['channel_base64'], event['data'], event['pattern']), (encoded(name), 'x', '*' + name[1:].decode()))
    pattern.leave()


@cases('records of 900 kB and of 5 MB come whole')
def large(server):
    topic = unique('large')
    good(server, 'POST', '/v1/topics', {'name': topic, 'config': {'max.message.bytes': 6_000_000}})
    live = Live(server)
    live.ask('subscribe', topic=topic)
    value = '0123456789' * 90_000
    live.ask('publish', topic=topic, value=value)
    equal(live.event('record')['value'] == value, True, 'the record')
    value = 'abcdefghij' * 500_000
    Kafka(server, **{'message.max.bytes': 6_000_000}).send(topic, value)
    equal(live.event('record')['value'] == value, True, 'the larger record')
    live.leave()


@cases('who unsubscribes gets nothing more, may subscribe again, and is told when there was nothing to end')
def unsubscribe(server):
    topic, channel, queue = new_topic(server), unique('channel'), new_queue(server)
    live, other = Live(server), Live(server)
    other.ask('subscribe', topic=topic)
    other.ask('subscribe', channel=channel)
    targets = ({'topic': topic}, {'channel': channel}, {'pattern': channel + '*'}, {'queue': queue})
    for target in targets:
        live.refused(404, 'not-found', 'unsubscribe', **target)
        for _ in range(3):
            equal({k: v for k, v in live.ask('subscribe', **target).items() if k in target}, target)
            live.refused(409, 'exists', 'subscribe', **target)
            answer = live.ask('unsubscribe', **target)
            equal((answer['type'], {k: answer[k] for k in target}), ('unsubscribed', target))
            live.refused(404, 'not-found', 'unsubscribe', **target)
    other.ask('publish', topic=topic, value='x')
    other.ask('publish', channel=channel, data='x')
    other.ask('send', queue=queue, body='x')
    other.take(2)
    live.nothing()
    for target in targets:
        live.ask('subscribe', **target)
    other.ask('publish', topic=topic, value='y')
    other.ask('publish', channel=channel, data='y')
    got = live.take(4)
    equal(sorted(e['type'] for e in got), ['delivery', 'message', 'message', 'record'])
    equal([e['value'] for e in got if e['type'] == 'record'], ['y'])
    for each in (live, other):
        each.leave()


@cases('a hundred changes of mind, sent at once, end as the last one says: each message comes once')
def flapping(server):
    for last, target in (('subscribe', 'channel'), ('subscribe', 'pattern'), ('unsubscribe', 'channel'), ('subscribe', 'topic')):
        name = new_topic(server)
        live, other = Live(server), Live(server)
        ops = ['subscribe', 'unsubscribe'] * 50 + (['subscribe'] if last == 'subscribe' else [])
        answers = [live.answer(n) for n in [live.say(op, **{target: name}) for op in ops]]
        # One that was ended before it had begun says so.
        failed = [(op, a) for op, a in zip(ops, answers) if a['type'] == 'error' and not (
            op == 'subscribe' and a is not answers[-1] and a['problem']['type'] == 'urn:leat:problem:cancelled')]
        equal(failed[:2], [], 'changes that were refused, of %s' % target)
        if target == 'topic':
            other.ask('publish', topic=name, value='x')
            equal(live.event('record')['value'], 'x')
        else:
            equal(other.ask('publish', channel=name, data='x')['receivers'], int(last == 'subscribe'))
            if last == 'subscribe':
                equal(live.event('message')['data'], 'x')
        live.nothing()
        for each in (live, other):
            each.leave()


@cases('a topic that is deleted ends, and may be followed again when there is one of its name')
def ended(server):
    topic = new_topic(server, partitions=2)
    live = Live(server)
    live.ask('subscribe', topic=topic)
    delete_topic(server, topic)
    event = live.event('ended')
    equal((event['topic'], event['problem']['status'], event['problem']['type']), (topic, 404, 'urn:leat:problem:not-found'))
    live.refused(404, 'not-found', 'unsubscribe', topic=topic)
    live.refused(404, 'not-found', 'subscribe', topic=topic)
    good(server, 'POST', '/v1/topics', {'name': topic})
    equal(live.ask('subscribe', topic=topic)['offsets'], {'0': 0})
    live.ask('publish', topic=topic, value='new')
    equal(live.values(1), ['new'])
    live.nothing()
    live.leave()


@cases('partitions that a topic gets while it is followed are followed from their beginning')
def more_partitions(server):
    topic, kafka = new_topic(server), Kafka(server)
    live = Live(server)
    live.ask('subscribe', topic=topic)
    kafka.add_partitions(topic, 3)
    for partition in (2, 0, 1):
        live.ask('publish', topic=topic, partition=partition, value=str(partition))
    equal(sorted(live.values(3)), ['0', '1', '2'])
    live.leave()


@cases('who comes to a topic that has just got partitions, and names their offsets, misses and doubles nothing')
def just_grown(server):
    followers, live = [Live(server) for _ in range(4)], [Live(server) for _ in range(4)]
    for number in range(5):
        topic = new_topic(server)
        for follower in followers:
            follower.ask('subscribe', topic=topic)
        good(server, 'PATCH', '/v1/topics/' + topic, {'partitions': 2})
        good(server, 'POST', '/v1/topics/%s/records' % topic, {'value': 'old', 'partition': 1})
        for each in live:
            answer = each.ask('subscribe', topic=topic, offsets={'0': 0, '1': 1})
            equal(answer['offsets'], {'0': 0, '1': 1}, 'where it begins')
        live[0].ask('publish', topic=topic, partition=1, value='new')
        for each in live:
            equal(each.values(1), ['new'])
        for each in followers:
            equal(each.values(2), ['old', 'new'])
    for each in live + followers:
        each.leave()


@cases('a connection that comes back at any moment with offsets misses and doubles nothing, while Kafka writes to 3 partitions')
def resume(server):
    topic, generator = new_topic(server, partitions=3), random.Random(5)
    stop, sent = threading.Event(), [0, 0, 0]

    def produce():
        producer = confluent_kafka.Producer({'bootstrap.servers': server.address, 'linger.ms': 1, 'log_level': 0})
        while not stop.is_set():
            for partition in range(3):
                for _ in range(generator.randrange(5)):
                    producer.produce(topic, str(sent[partition]), partition=partition)
                    sent[partition] += 1
            producer.poll(0)
            time.sleep(0.001)
        producer.flush(30)
    thread = threading.Thread(target=produce, daemon=True)
    thread.start()
    seen, places, chance = [[], [], []], None, random.Random(6)
    try:
        for number in range(30):
            live = Live(server)
            answer = live.ask('subscribe', topic=topic, **({'offsets': places} if places else {'from': 'earliest'}))
            equal(answer['offsets'], places or {'0': 0, '1': 0, '2': 0})
            places = answer['offsets']
            for _ in range(chance.choice((0, 1, 50, 300))):
                event = live.event('record')
                equal(event['offset'], places[str(event['partition'])], 'the next one')
                places[str(event['partition'])] = event['offset'] + 1
                seen[event['partition']].append(int(event['value']))
            chance.choice((live.close, live.abort, live.leave))()
    finally:
        stop.set()
        thread.join(30)
    live = Live(server)
    live.ask('subscribe', topic=topic, offsets=places)
    while any(len(s) < n for s, n in zip(seen, sent)):
        event = live.event('record')
        seen[event['partition']].append(int(event['value']))
    live.nothing()
    equal(sum(sent) > 1000, True, sent)
    equal([s == list(range(n)) for s, n in zip(seen, sent)], [True] * 3, 'each record once and in order')


@cases('fifty connections that follow one topic, from several places on, all get everything in order')
def many_followers(server):
    topic, kafka = new_topic(server), Kafka(server)
    kafka.send(topic, *(str(i) for i in range(500)))
    old = [Live(server) for _ in range(25)]
    for i, live in enumerate(old):
        live.ask('subscribe', topic=topic, offsets={'0': 20 * i})
    new = [Live(server) for _ in range(25)]
    for live in new:
        live.ask('subscribe', topic=topic)
    kafka.send(topic, *(str(i) for i in range(500, 1000)))
    for i, live in enumerate(old):
        equal(live.values(1000 - 20 * i) == [str(n) for n in range(20 * i, 1000)], True, 'from %d on' % (20 * i))
    for live in new:
        equal(live.values(500) == [str(n) for n in range(500, 1000)], True, 'what was new')
    for live in old + new:
        live.close()


# ---- Channels -------------------------------------------------------------------------------------------------------

@cases('channels and patterns: messages of Redis, HTTP and WebSockets, and how many receive them')
def channels(server):
    prefix = unique('room')
    channel, redis = prefix + '.1', connect(server.resp)
    one, two = Live(server), Live(server)
    equal(one.ask('subscribe', channel=channel), {'type': 'subscribed', 'id': 1, 'channel': channel})
    equal(two.ask('subscribe', pattern=prefix + '.[0-9]')['pattern'], prefix + '.[0-9]')
    two.ask('subscribe', pattern=prefix + '*')
    subscriber = redis.pubsub()
    subscriber.subscribe(channel)
    equal(subscriber.get_message(timeout=10)['type'], 'subscribe')
    plain = {'type': 'message', 'channel': channel, 'data': 'x'}

    def arrived(data):
        expected = {**plain, 'data': data}
        equal(one.event(), expected)
        got = sorted(two.take(2), key=lambda event: event['pattern'])
        equal(got, [{**expected, 'pattern': prefix + '*'}, {**expected, 'pattern': prefix + '.[0-9]'}])
        message = subscriber.get_message(timeout=10)
        equal((message['channel'], message['data']), (channel, data))
    redis.publish(channel, 'by redis')
    arrived('by redis')
    good(server, 'POST', '/v1/channels/%s/messages' % channel, b'by http', Content_Type='text/plain')
    arrived('by http')
    answer = one.ask('publish', channel=channel, data='by a WebSocket')
    equal((answer['type'], answer['receivers'] >= 2), ('published', True), str(answer))
    arrived('by a WebSocket')
    one.ask('publish', channel=channel, data={'a': 1})
    arrived('{"a":1}')
    one.ask('publish', channel=channel)
    arrived('')
    equal(one.ask('publish', channel=unique('nobody'), data='x')['receivers'], 0)
    redis.publish(prefix + 'x', 'by one pattern')
    equal(two.event(), {'type': 'message', 'channel': prefix + 'x', 'data': 'by one pattern', 'pattern': prefix + '*'})
    one.nothing()
    shown = {item['channel']: item['subscribers'] for item in good(server, 'GET', '/v1/channels')['items']}
    equal(shown.get(channel, 0) >= 2, True, shown)
    for each in (one, two):
        each.leave()
    wait_for('nobody to listen', lambda: redis.publish(channel, 'x') == 1)  # the client of Redis


@cases('channels that are topics for Redis are no channels here')
def topic_channels(server):
    topic = new_topic(server)
    live = Live(server)
    for name in ('topic:' + topic, 'topic:%s@earliest' % topic):
        live.refused(400, 'invalid-argument', 'subscribe', channel=name)
        live.refused(400, 'invalid-argument', 'subscribe', pattern=name)
    live.refused(400, 'invalid-argument', 'publish', channel='topic:' + topic, data='x')
    equal(live.ask('subscribe', topic=topic)['offsets'], {'0': 0})
    live.leave()


@cases('1,000 messages of channels from 8 publishers come to 20 connections, those of each publisher in order')
def many_messages(server):
    channel = unique('room')
    readers = [Live(server) for _ in range(20)]
    for reader in readers:
        reader.ask('subscribe', channel=channel)
    writers = [Live(server) for _ in range(8)]
    for i in range(125):
        for number, writer in enumerate(writers):
            writer.say('publish', channel=channel, data='%d %d' % (number, i))
    for reader in readers:
        got = [tuple(map(int, event['data'].split())) for event in reader.take(1000, 'message')]
        for number in range(8):
            equal([i for n, i in got if n == number] == list(range(125)), True, 'of publisher %d' % number)
    for each in readers + writers:
        each.close()


@cases('a connection has 1,000 subscriptions and no more')
def subscriptions(server):
    live, prefix = Live(server), unique('c')
    numbers = [live.say('subscribe', channel='%s.%d' % (prefix, i)) for i in range(1000)]
    equal({live.answer(n)['type'] for n in numbers}, {'subscribed'})
    live.refused(429, 'too-many-subscriptions', 'subscribe', channel=prefix)
    live.ask('unsubscribe', channel=prefix + '.999')
    live.ask('subscribe', channel=prefix)
    live.refused(429, 'too-many-subscriptions', 'subscribe', pattern=prefix)
    live.leave()


# ---- Queues ---------------------------------------------------------------------------------------------------------

@cases('a delivery says what it is; acknowledged it does not come back, released it does, extended it stays')
def deliveries(server):
    queue = new_queue(server, lease_ms=HOUR)
    live = Live(server)
    equal(live.ask('subscribe', queue=queue), {'type': 'subscribed', 'id': 1, 'queue': queue})
    before = time.time() * 1000
    sent = live.ask('send', queue=queue, body='one', group='g', headers={'h': '1'})
    equal((sent['type'], sent['partition'], sent['offset']), ('sent', 0, 0))
    first = live.event('delivery')
    equal({k: first[k] for k in ('queue', 'partition', 'offset', 'deliveries', 'group', 'body', 'headers')},
          {'queue': queue, 'partition': 0, 'offset': 0, 'deliveries': 1, 'group': 'g', 'body': 'one',
           'headers': [{'key': 'h', 'value': '1'}]})
    for name in ('sent', 'first_delivered'):
        equal(before - 5000 <= first[name] <= time.time() * 1000 + 5000, True, (name, first[name]))
    equal(live.ask('extend', queue=queue, receipts=[first['receipt']], lease_ms=60_000)['results'], [{'receipt': first['receipt']}])
    answer = live.ask('release', queue=queue, receipts=[first['receipt']])
    equal((answer['type'], answer['results']), ('released', [{'receipt': first['receipt']}]))
    again = live.event('delivery')
    equal((again['deliveries'], again['body'], again['receipt'] != first['receipt'], again['first_delivered']),
          (2, 'one', True, first['first_delivered']))
    answer = live.ask('acknowledge', queue=queue, receipts=[first['receipt'], again['receipt'], '0.99.0.1'])
    equal([(r['receipt'], 'error' in r) for r in answer['results']],
          [(first['receipt'], True), (again['receipt'], False), ('0.99.0.1', True)])
    equal(all(r['error']['type'].startswith('urn:leat:problem:') for r in answer['results'] if 'error' in r), True, answer)
    live.ask('send', queue=queue, body='two')
    equal(live.event('delivery')['body'], 'two')
    live.nothing()
    for op in ('acknowledge', 'release', 'extend'):
        more = {'lease_ms': 1000} if op == 'extend' else {}
        live.refused(404, 'not-found', op, queue=unique('absent'), receipts=['0.0.0.1'], **more)
        live.refused(400, 'invalid-receipt', op, queue=queue, receipts=['nonsense'], **more)
    live.refused(404, 'not-found', 'subscribe', queue=unique('absent'))
    live.refused(404, 'not-found', 'send', queue=unique('absent'), body='x')
    live.leave()


@cases('send: delays, priorities, groups, duplicates and time to live mean what they mean over HTTP')
def send(server):
    queue = new_queue(server, priorities=True, dedup_window_ms=60_000)
    live = Live(server)
    live.ask('send', queue=queue, body='late', delay_ms=700)
    for i, priority in enumerate((0, 9, 5)):
        live.ask('send', queue=queue, body='p%d' % priority, priority=priority, headers=[{'key': 'n', 'value': str(i)}])
    equal(live.ask('send', queue=queue, body='once', dedup_id='d', priority=9)['duplicate'], False)
    equal(live.ask('send', queue=queue, body='once', dedup_id='d', priority=9)['duplicate'], True)
    live.ask('send', queue=queue, body='gone', ttl_ms=1)
    live.ask('send', queue=queue, body={'json': True}, priority=1)
    live.ask('send', queue=queue)
    time.sleep(0.05)
    live.ask('subscribe', queue=queue, prefetch=100)
    bodies = [event['body'] for event in live.take(7, 'delivery')]
    equal(sorted(bodies), sorted(['late', 'p0', 'p5', 'p9', 'once', '{"json":true}', '']))
    equal([b for b in bodies if b in ('p9', 'p5', 'p0')], ['p9', 'p5', 'p0'])
    equal(bodies[-1], 'late')
    live.leave()


@cases('no more than prefetch messages are unsettled at a time, whatever settles them')
def prefetch(server):
    for size in (1, 3, 10):
        queue = new_queue(server, lease_ms=HOUR)
        live = Live(server)
        live.ask('subscribe', queue=queue, prefetch=size)
        for i in range(30):
            live.say('send', queue=queue, body=str(i))
        unsettled, done = [], []
        while len(done) < 30:
            want = min(size, 30 - len(done))
            while len(unsettled) < want:
                unsettled.append(live.event('delivery'))
            shown = good(server, 'GET', '/v1/queues/' + queue)
            equal(shown['in_flight'] <= size, True, shown)
            live.nothing()
            event = unsettled.pop(0)
            if int(event['body']) % 5 == 4 and event['deliveries'] == 1:
                live.ask('release', queue=queue, receipts=[event['receipt']])
            else:
                live.ask('acknowledge', queue=queue, receipts=[event['receipt']])
                done.append(int(event['body']))
        equal(sorted(done), list(range(30)))
        live.leave()


@cases('what a connection that ends has not settled goes to another at once; what it acknowledged does not come back')
def handed_on(server):
    for number, end in enumerate((Live.leave, Live.close, Live.abort, lambda live: live.send_frame(2, b'binary ends it'))):
        queue = new_queue(server, lease_ms=HOUR)
        first, second = Live(server), Live(server)
        first.ask('subscribe', queue=queue, prefetch=6)
        for i in range(6):
            second.ask('send', queue=queue, body=str(i))
        got = first.take(6, 'delivery')
        equal([event['body'] for event in got], list('012345'))
        second.ask('subscribe', queue=queue, prefetch=4)
        second.nothing()
        answer = first.ask('acknowledge', queue=queue, receipts=[got[1]['receipt'], got[4]['receipt']])
        equal([r for r in answer['results'] if 'error' in r], [])
        end(first)
        passed = second.take(4, 'delivery')
        equal(sorted(event['body'] for event in passed), list('0235'), 'end %d' % number)
        equal({event['deliveries'] for event in passed}, {2})
        second.ask('acknowledge', queue=queue, receipts=[event['receipt'] for event in passed])
        second.nothing()
        shown = good(server, 'GET', '/v1/queues/' + queue)
        equal((shown['ready'], shown['in_flight']), (0, 0))
        second.leave()


@cases('who unsubscribes from a queue gives back what it has not settled')
def given_back(server):
    queue = new_queue(server, lease_ms=HOUR)
    first, second = Live(server), Live(server)
    first.ask('subscribe', queue=queue, prefetch=2)
    for body in 'ab':
        first.ask('send', queue=queue, body=body)
    first.take(2, 'delivery')
    first.ask('unsubscribe', queue=queue)
    second.ask('subscribe', queue=queue, prefetch=2)
    equal(sorted(event['body'] for event in second.take(2, 'delivery')), ['a', 'b'])
    first.nothing()
    for each in (first, second):
        each.leave()


@cases('a lease that runs out gives the message to another, and lease_ms says when')
def lease(server):
    queue = new_queue(server, lease_ms=HOUR)
    first, second = Live(server), Live(server)
    first.ask('subscribe', queue=queue, lease_ms=300)
    first.ask('send', queue=queue, body='x')
    event = first.event('delivery')
    second.ask('subscribe', queue=queue)
    again = second.event('delivery')
    equal((again['body'], again['deliveries']), ('x', 2))
    equal('error' in first.ask('acknowledge', queue=queue, receipts=[event['receipt']])['results'][0], True, 'it is not its own')
    equal('error' in second.ask('acknowledge', queue=queue, receipts=[again['receipt']])['results'][0], False)
    for each in (first, second):
        each.close()


@cases('a queue that is deleted ends, for those too who have all that they may have')
def queue_ended(server):
    idle, full = new_queue(server), new_queue(server, lease_ms=HOUR)
    live = Live(server)
    live.ask('subscribe', queue=idle)
    good(server, 'DELETE', '/v1/queues/' + idle)
    event = live.event('ended')
    equal((event['queue'], event['problem']['status']), (idle, 404))
    live.refused(404, 'not-found', 'unsubscribe', queue=idle)
    live.ask('subscribe', queue=full)
    live.ask('send', queue=full, body='x')
    live.event('delivery')
    good(server, 'DELETE', '/v1/queues/' + full)
    live.socket.settimeout(10)
    event = live.event('ended')
    equal((event['queue'], event['problem']['status']), (full, 404))
    live.leave()


@cases('400 messages to 6 connections that come and go: each is done once acknowledged, none is lost')
def workers(server):
    queue, total = new_queue(server, partitions=3, lease_ms=HOUR), 400
    done, lock, stop = {}, threading.Lock(), threading.Event()
    errors = []

    def work(seed):
        chance = random.Random(seed)
        try:
            while not stop.is_set():
                live = Live(server, seconds=1)
                live.ask('subscribe', queue=queue, prefetch=chance.randrange(1, 8))
                try:
                    for _ in range(chance.randrange(1, 30)):
                        event = live.event('delivery')
                        answer = live.ask('acknowledge', queue=queue, receipts=[event['receipt']])
                        equal('error' in answer['results'][0], False, str(answer))
                        with lock:
                            done[event['body']] = done.get(event['body'], 0) + 1
                except TimeoutError:
                    pass
                chance.choice((live.close, live.abort))()
        except Exception as error:  # told by the case
            errors.append(error)
    threads = [threading.Thread(target=work, args=(seed,), daemon=True) for seed in range(6)]
    for thread in threads:
        thread.start()
    sender = Live(server)
    for i in range(total):
        sender.say('send', queue=queue, body=str(i))
    try:
        wait_for('all of them', lambda: len(done) == total or errors)
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
    equal(errors, [])
    equal(({int(body) for body in done} == set(range(total)), set(done.values())), (True, {1}))
    sender.leave()


@cases('a queue in order of groups: one of a group at a time, in order, across connections')
def groups(server):
    queue = Queue(server.sqs, 'groups', fifo=True, VisibilityTimeout='3600')
    one, two = Live(server), Live(server)
    for i in range(20):
        one.ask('send', queue=queue.name, body=str(i), group='g%d' % (i % 2), dedup_id=str(i))
    for each in (one, two):
        each.ask('subscribe', queue=queue.name, prefetch=1)
    seen = {'g0': [], 'g1': []}
    first, second = one.event('delivery'), two.event('delivery')
    equal({first['group'], second['group']}, {'g0', 'g1'})
    held = [(one, first), (two, second)]
    while held:
        live, event = held.pop(0)
        seen[event['group']].append(int(event['body']))
        live.ask('acknowledge', queue=queue.name, receipts=[event['receipt']])
        if sum(map(len, seen.values())) + len(held) < 20:
            held.append((live, live.event('delivery')))
    equal(seen, {'g0': list(range(0, 20, 2)), 'g1': list(range(1, 20, 2))})
    for each in (one, two):
        each.leave()


# ---- Who may, and from where ----------------------------------------------------------------------------------------

@cases('where there are users, nobody in particular gets 401, and who says who they are gets in')
def unauthenticated(secured):
    server, user = secured.secured, secured.user
    for headers in ({}, basic(user(), 'wrong'), basic('nobody', 'pw'), {'Authorization': 'Basic !'}, {'Authorization': 'Bearer x'}):
        socket = WebSocket(server, **headers)
        equal(socket.status, 401, str(headers))
        equal(json.loads(socket.problem)['type'], 'urn:leat:problem:unauthenticated')
        equal(socket.headers.get('www-authenticate', '').startswith('Basic'), True, socket.headers)
        topic = new_topic(server, **secured.root)
        equal(Events(server, topics=[topic], headers=headers).status, 401, str(headers))
    name = user()
    Live(server, **basic(name, 'pw')).leave()


@cases('subscribe, publish, send and settle are refused without their grants, and allowed with them')
def grants(secured):
    server, root = secured.secured, secured.root
    topic, queue, channel = new_topic(server, **root), new_queue_as(server, root), unique('channel')
    receipts = {'receipts': ['0.0.0.1']}
    needs = (('read', 'topic', topic, 'subscribe', {}), ('write', 'topic', topic, 'publish', {'value': 'x'}),
             ('read', 'channel', channel, 'subscribe', {}), ('write', 'channel', channel, 'publish', {'data': 'x'}),
             ('write', 'queue', queue, 'send', {'body': 'x'}), ('read', 'queue', queue, 'subscribe', {}),
             ('read', 'queue', queue, 'acknowledge', receipts), ('read', 'queue', queue, 'release', receipts),
             ('read', 'queue', queue, 'extend', {**receipts, 'lease_ms': 1000}))
    nothing = Live(server, **basic(secured.user(), 'pw'))
    for operation, kind, name, op, members in needs:
        problem = nothing.refused(403, 'permission-denied', op, **{kind: name}, **members)
        nothing.refused(403, 'permission-denied', op, **{kind: unique('absent')}, **members)
        equal(problem['detail'].count('grant') > 0, True, problem)
        others = [(o, '%s:%s' % (k, n)) for o in ('read', 'write') for k, n in
                  (('topic', topic), ('queue', queue), ('channel', channel)) if (o, k) != (operation, kind)]
        one = Live(server, **basic(secured.user((operation, '%s:%s' % (kind, name))), 'pw'))
        one.ask(op, **{kind: name}, **members)
        one.close()
        rest = Live(server, **basic(secured.user(*others), 'pw'))
        rest.refused(403, 'permission-denied', op, **{kind: name}, **members)
        rest.close()
    nothing.leave()


@cases('a grant taken back ends the flow of records, of messages and of deliveries')
def taken_back(secured):
    server, root = secured.secured, secured.root
    topic, queue, channel = new_topic(server, **root), new_queue_as(server, root), unique('channel')
    name = secured.user(('read', 'topic:' + topic, 'queue:' + queue, 'channel:' + channel))
    live, admin = Live(server, **basic(name, 'pw')), Live(server, **root)
    for target in ({'topic': topic}, {'channel': channel}, {'pattern': channel + '*'}):
        live.ask('subscribe', **target)
        admin.ask('subscribe', **target)
    live.ask('subscribe', queue=queue, prefetch=10)

    def publish(value):
        admin.ask('publish', topic=topic, value=value)
        admin.ask('publish', channel=channel, data=value)
        admin.ask('send', queue=queue, body=value)
        admin.take(3)
    publish('before')
    equal(sorted(e['type'] for e in live.take(4)), ['delivery', 'message', 'message', 'record'])
    for resource in ('topic:' + topic, 'channel:' + channel, 'queue:' + queue):
        leat(server, 'grant', 'remove', name, 'read', resource)
    publish('after')
    time.sleep(0.5)  # what must not come has time to
    live.ask('ping')
    equal([e for e in live.events if e['type'] != 'ended'], [], 'what came without a grant')
    live.events.clear()
    leat(server, 'grant', 'add', name, 'read', 'channel:' + channel)
    admin.ask('publish', channel=channel, data='again')
    equal([event['data'] for event in live.take(2, 'message')], ['again', 'again'])
    live.close()
    admin.close()


@cases('a pattern brings what may be read of what it names, and no more')
def patterns(secured):
    server = secured.secured
    prefix = unique('room')
    name = secured.user(('read', 'channel:%s.open' % prefix, 'channel:%s.also*' % prefix))
    live, admin = Live(server, **basic(name, 'pw')), Live(server, **secured.root)
    live.ask('subscribe', pattern='*')
    live.refused(403, 'permission-denied', 'subscribe', channel=prefix + '.shut')
    for channel in ('.shut', '.open', '.alsonot.shut', '.shut2', '.open2', '.open'):
        admin.ask('publish', channel=prefix + channel, data=channel)
    equal([event['data'] for event in live.take(3, 'message')], ['.open', '.alsonot.shut', '.open'])
    events = Events(server, patterns=['*'], headers=basic(name, 'pw'))
    wait_for('the listener', lambda: admin.ask('publish', channel=prefix + '.open', data='x')['receivers'] > 0)
    time.sleep(0.2)
    for channel in ('.shut', '.open2', '.open'):
        admin.ask('publish', channel=prefix + channel, data='last ' + channel)
    while (event := events.event('message')).data['data'] != 'last .open':
        equal(event.data['channel'], prefix + '.open')
    for each in (live, admin, events):
        each.close()


@cases('server-sent events of what is not granted are refused, and a grant taken back ends them')
def event_grants(secured):
    server, root = secured.secured, secured.root
    topic, other, channel = new_topic(server, **root), new_topic(server, **root), unique('channel')
    name = secured.user(('read', 'topic:' + topic, 'channel:' + channel))
    who = basic(name, 'pw')
    for names in ({'topics': [topic, other]}, {'topics': [other]}, {'channels': [channel, channel + '2']},
                  {'topics': [unique('absent')]}):
        refused = Events(server, headers=who, **names)
        equal((refused.status, refused.problem['type']), (403, 'urn:leat:problem:permission-denied'), str(names))
    events = Events(server, topics=[topic], channels=[channel], headers=who).opened()
    admin = Live(server, **root)
    admin.ask('publish', topic=topic, value='before')
    equal(events.event('record').data['value'], 'before')
    leat(server, 'grant', 'remove', name, 'read', 'topic:' + topic)
    admin.ask('publish', topic=topic, value='after')
    wait_for('the channel', lambda: admin.ask('publish', channel=channel, data='mark')['receivers'] > 0)
    event = events.event()
    while event.type == 'ended':
        event = events.event()
    equal(event.data.get('data'), 'mark', str(event))
    for each in (events, admin):
        each.close()


@cases('pages of another site are refused with 403; the own host and allowed origins get in')
def origins(server):
    own = '127.0.0.1:%d' % server.http_port
    for origin in ('http://evil.example', 'http://127.0.0.1:1', 'http://127.0.0.1', 'null', 'http://%s.evil.example' % own,
                   'http://evil.example/' + own, own, 'http://evil.example@' + own, 'http://localhost:%d' % server.http_port):
        socket = WebSocket(server, Origin=origin)
        equal(socket.status, 403, origin)
        equal(json.loads(socket.problem)['type'], 'urn:leat:problem:origin-denied')
    for origin in ('http://' + own, 'HTTP://' + own, 'https://' + own):
        Live(server, Origin=origin).leave()
    Live(server, Host='app.example', Origin='https://APP.example').leave()
    with Server('--http.cors-origins', 'https://app.example', '--http.cors-origins', 'http://localhost:3000') as other:
        other.start()
        for origin in ('https://app.example', 'http://localhost:3000', 'http://127.0.0.1:%d' % other.http_port):
            Live(other, Origin=origin).leave()
        for origin in ('http://app.example', 'https://app.example:8443', 'https://sub.app.example', 'http://localhost:3001'):
            equal(WebSocket(other, Origin=origin).status, 403, origin)
    with Server('--http.cors-origins', '*') as other:
        other.start()
        Live(other, Origin='https://anything.example').leave()


# ---- Server-sent events ---------------------------------------------------------------------------------------------

@cases('server-sent events of topics, channels and patterns are what a WebSocket gets, with ids')
def events_of_all(server):
    one, two, channel = new_topic(server, partitions=2), new_topic(server), unique('channel')
    kafka, redis = Kafka(server), connect(server.resp)
    kafka.send(one, 'old')
    events = Events(server, topics=[one, two], channels=[channel], patterns=[channel + '*'])
    equal((events.status, events.headers['content-type'], 'no-' in events.headers.get('cache-control', '')),
          (200, 'text/event-stream', True), events.headers)
    events.opened()
    live = Live(server)
    live.ask('subscribe', topic=one)
    kafka.send(one, 'x\n\ny\r\nid: 7', key='k', partition=1, headers=[('a', b'1')])
    event = events.event('record')
    equal(event.data, live.event('record'))
    equal((event.data['value'], event.data['partition']), ('x\n\ny\r\nid: 7', 1))
    kafka.send(two, b'\xff')
    event = events.event('record')
    equal((event.data['topic'], event.data['value_base64']), (two, '/w=='))
    for topic in (one, two):
        equal(topic in event.id, True, event.id)
    last = event.id
    redis.publish(channel, 'hello')
    got = [events.event('message').data for _ in range(2)]
    equal(sorted(got, key=len), [{'type': 'message', 'channel': channel, 'data': 'hello'},
                                 {'type': 'message', 'channel': channel, 'pattern': channel + '*', 'data': 'hello'}])
    equal(events.last_id, last, 'messages have no ids of their own')
    delete_topic(server, two)
    event = events.event('ended')
    equal((event.data['topic'], event.data['problem']['status']), (two, 404))
    kafka.send(one, 'after')
    equal(events.event('record').data['value'], 'after')
    for each in (live, events):
        each.close()


@cases('server-sent events begin where from and time say')
def events_begin(server):
    topic = new_topic(server)
    good(server, 'POST', '/v1/topics/%s/records' % topic, {'records': [
        {'value': str(i), 'timestamp': 1_700_000_000_000 + 1000 * i} for i in range(5)]})
    for parameters, values in (({'from': 'earliest'}, '01234'), ({'time': 1_700_000_002_500}, '34'), ({'time': 0}, '01234'),
                               ({'time': 1_700_000_004_000, 'from': 'latest'}, '4')):
        with Events(server, topics=[topic], **parameters) as events:
            equal([e.data['value'] for e in events.take(len(values), 'record')], list(values), str(parameters))
    with Events(server, topics=[topic]).opened() as events:
        Kafka(server).send(topic, 'new')
        equal(events.event('record').data['value'], 'new')


@cases('server-sent events: topics that are not there, ids that were never sent and requests without a name are refused')
def events_refused(server):
    topic = new_topic(server)
    equal(Events(server, topics=[unique('absent')]).status, 404)
    equal(Events(server, topics=[topic, unique('absent')]).status, 404)
    equal(Events(server).status, 400)
    for last in ('x', '@0:1', topic, topic + '@0', topic + '@0:', topic + '@0:x', topic + '@-1:0', topic + '@0:-1', topic + '@0:1x',
                 ';', topic + '@0:0;;', topic + '@a:0', topic + '@0:0,', topic + '@0:99999999999999999999', '\xff'):
        for how in ({'last': last}, {'last_event_id': last}):
            refused = Events(server, topics=[topic], **how)
            equal((refused.status, (refused.problem or {}).get('type')), (400, 'urn:leat:problem:invalid-parameter'), last)
    for parameters in ({'from': 'middle'}, {'time': 'x'}, {'time': -1}):
        equal(Events(server, topics=[topic], **parameters).status, 400, str(parameters))
    equal(call(server, 'POST', '/v1/events?topic=' + topic, b'')[0], 405)
    equal(Events(server, topics=[own_topic(server)]).event('ended').data['problem']['status'], 403)


@cases('every id of a stream that goes on names every partition of every topic')
def whole_ids(server):
    topics = [new_topic(server, partitions=3) for _ in range(3)]
    kafka = Kafka(server)
    for topic in topics:
        for partition in range(3):
            kafka.send(topic, *(str(i) for i in range(40)), partition=partition)
    with Events(server, topics=topics, **{'from': 'earliest'}) as events:
        last = [e for e in events.take(100, 'record')][-1].id
    for parameters in ({'from': 'earliest'}, {'last': last}, {'last_event_id': last}):
        with Events(server, topics=topics, **parameters) as events:
            for event in events.take(120, 'record'):
                places = dict(part.split('@') for part in event.id.split(';'))
                equal({topic: len(places.get(topic, '').split(',')) for topic in topics}, {topic: 3 for topic in topics},
                      '%s: the id %s' % (parameters, event.id))


@cases('a stream that comes back with Last-Event-ID, at any moment, misses and doubles nothing of 2 topics with 3 partitions')
def events_resume(server):
    topics = [new_topic(server, partitions=3) for _ in range(2)]
    sent, seen = {}, {}
    kafka, chance = Kafka(server), random.Random(8)

    def produce(count):
        for _ in range(count):
            place = (chance.choice(topics), chance.randrange(3))
            kafka.producer.produce(place[0], str(sent.setdefault(place, 0)), partition=place[1])
            sent[place] += 1
        equal(kafka.producer.flush(30), 0)

    def take(events, count):
        for event in events.take(count, 'record'):
            data = event.data
            seen.setdefault((data['topic'], data['partition']), []).append(int(data['value']))
    events = Events(server, topics=topics).opened()
    last = events.last_id
    for number in range(40):
        produce(chance.randrange(1, 60))
        total = sum(sent.values()) - sum(map(len, seen.values()))
        take(events, chance.choice((0, 1, total // 2, total)))
        chance.choice((events.close, events.abort))()
        last = events.last_id or last
        produce(chance.randrange(0, 60))
        events = Events(server, topics=topics, **({'last': last} if number % 2 else {'last_event_id': last}))
        equal(events.status, 200, str(events.problem))
        events.last_id = last
    take(events, sum(sent.values()) - sum(map(len, seen.values())))
    equal({place: values == list(range(sent[place])) for place, values in seen.items()}, {place: True for place in sent})
    events.close()


@cases('a topic that got partitions while a stream was away: these come from their beginning')
def events_grown(server):
    topic, kafka = new_topic(server), Kafka(server)
    with Events(server, topics=[topic]).opened() as events:
        kafka.send(topic, 'a')
        last = events.event('record').id
    kafka.add_partitions(topic, 2)
    wait_for('the partition', lambda: call(server, 'POST', '/v1/topics/%s/records' % topic, {'partition': 1, 'value': 'b'})[0] == 200)
    with Events(server, topics=[topic], last=last) as events:
        equal(events.event('record').data['value'], 'b')


@cases('when the server stops, event streams end, and go on with their ids when it is there again')
def events_restart(server):
    with Server() as other:
        other.start()
        topic, kafka = new_topic(other), Kafka(other)
        events = Events(other, topics=[topic]).opened()
        kafka.send(topic, 'a')
        equal(events.event('record').data['value'], 'a')
        equal(other.stop(), 0)
        equal(events.event(), None)
        other.start()
        Kafka(other).send(topic, 'b')
        equal(Events(other, topics=[topic], last=events.last_id).event('record').data['value'], 'b')


@cases('connections are counted while they are there')
def counted(server):
    names = ('leat_live_websockets', 'leat_live_event_streams')

    def now():
        return tuple(server.metrics()[name] for name in names)
    wait_for('those of other cases to go', lambda: now() == (0, 0))
    lives, streams = [Live(server) for _ in range(3)], [Events(server, channels=['x']) for _ in range(2)]
    for live in lives:
        live.ask('ping')
    equal(now(), (3, 2))
    shards = good(server, 'GET', '/v1/server')['shards']
    equal((sum(s['websockets'] for s in shards), sum(s['event_streams'] for s in shards)), (3, 2))
    for each in lives + streams:
        each.close()
    wait_for('them to go', lambda: now() == (0, 0))


# ---- The servers of the suite ---------------------------------------------------------------------------------------

def new_queue_as(server, root):
    name = unique('queue')
    good(server, 'POST', '/v1/queues', {'name': name}, **root)
    return name


class Secured:
    """What the cases get: the open server by its attributes, and one that has users."""

    def __init__(self, server):
        self.server, self.started = server, None
        self.root = basic('root', 'root')

    def __getattr__(self, name):
        return getattr(self.server, name)

    @property
    def secured(self):
        if not self.started:
            self.started = Server().start()
            leat(self.started, 'user', 'add', 'root', '--admin', user='')
        return self.started

    def user(self, *grants_of):
        """A user with the password pw who may do what each says: (operation, resource, ...)."""
        name = unique('user')
        leat(self.secured, 'user', 'add', name, new_password='pw')
        for operation, *resources in grants_of:
            leat(self.secured, 'grant', 'add', name, operation, *resources)
        return name


def main():
    with Server(resp=True) as server:
        server.start()
        both = Secured(server)
        try:
            failed = cases.run(both)
            equal(server.stop(), 0, 'the exit code of the server')
            if both.started:
                equal(both.started.stop(), 0, 'the exit code of the server with users')
        finally:
            if both.started:
                both.started.__exit__(None)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
