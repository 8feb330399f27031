"""Live push over WebSockets: requests, topics, what Kafka, Redis, SQS and HTTP clients write."""
import asyncio
import json
import random
import sys
import threading
import time

import confluent_kafka
import websockets

from harness import Cases, equal, unique, wait_for
from live_support import (HOUR, TEXT, Kafka, Live, WebSocket, delete_topic, encoded, good, leat, new_queue, new_topic,
                          own_topic, run_suite)
from resp_support import connect
from sqs_support import Queue

cases = Cases('live')

@cases('python3-websockets: subscribes, publishes and gets records, and pings are answered')
def library(server):
    topic = new_topic(server)

    async def chat():
        async with websockets.connect('ws://127.0.0.1:%d/v1/live' % server.http_port) as socket:
            await socket.send(json.dumps({'op': 'subscribe', 'topic': topic, 'id': 's'}))
            equal(json.loads(await socket.recv()), {'type': 'subscribed', 'id': 's', 'topic': topic,
                'offsets': {'0': 0}})
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
    {'op': 'subscribe', 'topic': 'a', 'offsets': {'': 1}}, {'op': 'subscribe', 'topic': 'a',
        'offsets': {'99999999999': 1}},
    {'op': 'subscribe', 'queue': 'a', 'prefetch': 0}, {'op': 'subscribe', 'queue': 'a', 'prefetch': 1.5},
    {'op': 'subscribe', 'queue': 'a', 'lease_ms': 0}, {'op': 'subscribe', 'topic': 'a', 'other': 1},
    {'op': 'unsubscribe'}, {'op': 'unsubscribe', 'topic': 'a', 'queue': 'a'}, {'op': 'unsubscribe', 'topic': 'a',
        'from': 'latest'},
    {'op': 'publish', 'value': 'x'}, {'op': 'publish', 'pattern': 'x', 'data': 'x'}, {'op': 'publish', 'queue': 'x'},
    {'op': 'publish', 'topic': 'a', 'value': 'x', 'value_base64': 'eA=='}, {'op': 'publish', 'topic': 'a',
        'key_base64': '!'},
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
    texts += ['', ' ', '[]', '1', '"ping"', 'null', '{', '{"op":"ping"', '{"op":"ping"}{"op":"ping"}', '{op:"ping"}',
        '\0',
              '[' * 10000, '{"op":"ping","id":' + '[' * 5000 + ']' * 5000 + '}', '{"op":"\\ud800"}']
    for text in texts:
        live.send_frame(TEXT, text.encode())
        error = json.loads(live.text())
        problem = error.get('problem', {})
        equal((error['type'], problem.get('type'), problem.get('status')), ('error', 'urn:leat:problem:invalid-body',
            400), text)
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
    for text in ('{"value":"\\u0031", "topic" : "%s",\n"id":"a","op":"publish"}',
        '\t{"id":"a","op":"publish","topic":"%s","value":1}\r\n',
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
    live.ask('publish', topic=topic, partition=2, value='', headers=[{'key': 'a', 'value': '1'}, {'key': 'a',
        'value_base64': '/w=='}])
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
    live.ask('publish', topic=topic, key_base64='gA==', value_base64=encoded(data), headers=[{'key': 'h',
        'value_base64': '/w=='}])
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
    for last, target in (('subscribe', 'channel'), ('subscribe', 'pattern'), ('unsubscribe', 'channel'), ('subscribe',
            'topic')):
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
    equal((event['topic'], event['problem']['status'], event['problem']['type']), (topic, 404,
        'urn:leat:problem:not-found'))
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


def main():
    return run_suite(cases)


if __name__ == '__main__':
    sys.exit(main())
