#!/usr/bin/python3
"""Queues over the HTTP API, as people use them, and with Amazon SQS's clients beside: suite_http_queues.py [ADDRESS],
which is not used: the suite has a server of its own."""
import base64
import json
import sys
import threading
import time

from harness import Cases, equal, unique, wait_for
from http_support import BYTES, JSON, Api, curl, curl_json, run_suite
from sqs_support import Queue as SqsQueue, text

cases = Cases('http_queues')
BINARY = bytes(range(256))


class Queue:
    """A queue of a name that no other case uses, and what cases do with it."""

    def __init__(self, api, name=None, topic=None, start=None, **settings):
        self.api, self.name = api, name or unique('queue')
        self.at = '/v1/queues/' + self.name
        wanted = {'name': self.name, 'settings': settings}
        api(201, 'POST', '/v1/queues', {**wanted, **({'topic': topic} if topic else {}),
                                        **({'start': start} if start else {})})

    def send(self, *messages):
        return self.api(200, 'POST', self.at + '/messages', {'messages': list(messages)})['messages']

    def receive(self, most=10, wait_ms=0, **more):
        return self.api(200, 'POST', self.at + '/receive', {'max': most, 'wait_ms': wait_ms, **more})['messages']

    def take(self, count, **more):
        """So many, waiting for them, in the order in which they came."""
        found = []
        wait_for('%d messages' % count, lambda: found.extend(self.receive(count - len(found), 1000, **more)) or
                 len(found) >= count, pause=0)
        equal(len(found), count)
        return found

    def settle(self, action, *messages, status=200, **more):
        body = {'receipts': [m['receipt'] for m in messages], **more}
        return self.api(status, 'POST', '%s/%s' % (self.at, action), body)

    def counts(self):
        shown = self.api(200, 'GET', self.at)
        return shown['ready'], shown['in_flight'], shown['delayed']


def bodies(messages):
    return [m['body'] for m in messages]


@cases('a look at large messages ends at 8 MiB and says so, whatever the partitions')
def large_looks(server):
    with Api(server) as api:
        for partitions in (1, 3):
            topic, name = unique('large'), unique('large-q')
            api(201, 'POST', '/v1/topics', {'name': topic, 'partitions': partitions})
            api(201, 'POST', '/v1/queues', {'name': name, 'topic': topic})
            for i in range(24):
                api(200, 'POST', '/v1/queues/%s/messages' % name, {'body': '%02d' % i + 'x' * 699_998})
            seen = api(200, 'GET', '/v1/queues/%s/messages?limit=1000' % name)
            equal((len(seen['messages']), seen['truncated']), (11, True))
            equal({len(message['body']) for message in seen['messages']}, {700_000})
            seen = api(200, 'GET', '/v1/queues/%s/messages?limit=5' % name)
            equal((len(seen['messages']), 'truncated' in seen), (5, False))
            api(204, 'DELETE', '/v1/queues/' + name)
            api(204, 'DELETE', '/v1/topics/' + topic)


@cases('curl: a queue is made, filled, looked into, drained, changed and deleted')
def life(server):
    name = unique('jobs')
    at = '/v1/queues/' + name
    made = curl(server, '/v1/queues', '--json', json.dumps({'name': name, 'settings': {'lease_ms': 60000}}))
    equal((made.status, made.headers['Location']), (201, at))
    equal((made.json()['topic'], made.json()['owns_topic'], made.json()['settings']),
          (name, True, {'lease_ms': '60000'}))
    equal(curl(server, '/v1/queues', '--json', json.dumps({'name': name})).problem(), 'exists')
    equal(curl_json(server, at + '/messages', {'body': 'one', 'headers': {'h': 'v'}})['messages'][0]['offset'], 0)
    equal(curl(server, at + '/messages?group=g', '-H', 'Content-Type: ' + BYTES, '--data-binary', '@-',
               text=BINARY).status, 200)
    peeked = curl_json(server, at + '/messages')['messages']
    equal([(m['offset'], m['deliveries'], 'receipt' in m) for m in peeked], [(0, 0, False), (1, 0, False)])
    shown = curl_json(server, at)
    equal((shown['ready'], shown['in_flight'], shown['delayed']), (2, 0, 0))
    got = curl_json(server, at + '/receive', {'max': 2, 'wait_ms': 5000})['messages']
    while len(got) < 2:
        got += curl_json(server, at + '/receive', {'wait_ms': 5000})['messages']
    one, two = sorted(got, key=lambda m: m['offset'])
    equal((one['body'], one['headers'], one['deliveries']), ('one', [{'key': 'h', 'value': 'v'}], 1))
    equal((two['body_base64'], two['group']), (base64.b64encode(BINARY).decode(), 'g'))
    equal(curl_json(server, at + '/receive', {})['messages'], [], 'they are leased')
    done = curl_json(server, at + '/acknowledge', {'receipts': [one['receipt'], two['receipt']]})
    equal(done, {'results': [{'receipt': one['receipt']}, {'receipt': two['receipt']}]})
    shown = curl_json(server, at)
    equal((shown['ready'], shown['in_flight']), (0, 0))
    changed = curl_json(server, at, {'settings': {'lease_ms': None, 'delay_ms': 50}}, '-X', 'PATCH')
    equal(changed['settings'], {'delay_ms': '50'})
    equal(curl(server, at, '-X', 'PATCH', '--json', '{"settings":{"nothing":1}}').status, 400)
    equal(curl(server, at, '-X', 'DELETE').status, 204)
    equal((curl(server, at).problem(), curl(server, '/v1/topics/' + name).problem()), ('not-found', 'not-found'))


@cases('what is sent in JSON comes back as it was')
def forms(server):
    with Api(server) as api:
        queue = Queue(api)
        queue.send({'body': {'a': [1]}}, {'body': None}, {'body': 5}, {'body_base64': '/w=='},
                   {'body': 'ü', 'headers': [{'key': 'b', 'value_base64': '/g=='}, {'key': 'b', 'value': '2'}]})
        got = sorted(queue.take(5), key=lambda m: m['offset'])
        equal([m.get('body', m.get('body_base64')) for m in got], ['{"a":[1]}', '', '5', '/w==', 'ü'])
        equal(got[4]['headers'], [{'key': 'b', 'value_base64': '/g=='}, {'key': 'b', 'value': '2'}])
        equal(api(400, 'POST', queue.at + '/messages', {'body': 'x', 'headers': {'leat-due': '1'}}), 'invalid-body')
        api(400, 'POST', queue.at + '/messages', {'body': 'x', 'body_base64': 'eA=='})
        equal(queue.counts(), (0, 5, 0))


@cases('delays and times to live count for each message, priorities come first')
def order(server):
    with Api(server) as api:
        queue = Queue(api, priorities=True)
        queue.send({'body': 'late', 'delay_ms': 700}, {'body': 'gone', 'ttl_ms': 1},
                   *({'body': str(p), 'priority': p} for p in (0, 5, 9, 1)))
        time.sleep(0.05)
        equal(queue.counts()[2], 1)
        equal(bodies(queue.take(4)), ['9', '5', '1', '0'])
        equal(queue.receive(), [])
        equal(bodies(queue.take(1)), ['late'])
        equal(api.ask('POST', queue.at + '/messages?delay_ms=60000&priority=3', b'raw', type='text/plain').status, 200)
        equal(queue.counts(), (0, 5, 1))


@cases('a FIFO queue: one message of a group at a time, in order; duplicates are told; an attempt is repeated')
def fifo(server):
    with Api(server) as api:
        queue = Queue(api, order='fifo')
        sent = queue.send(*({'body': '%s%d' % (g, i), 'group': g,
                             'dedup_id': '%s%d' % (g, i)} for i in range(3) for g in 'ab'))
        again = queue.send({'body': 'a0', 'group': 'a', 'dedup_id': 'a0'})
        equal((again[0]['duplicate'], again[0]['offset'], {s['duplicate'] for s in sent}),
              (True, sent[0]['offset'], {False}))
        seen = {'a': [], 'b': []}
        first = queue.receive(1, attempt_id='attempt')
        equal(queue.receive(1, attempt_id='attempt'), first)
        seen[first[0]['group']].append(first[0]['body'])
        other, = queue.receive(1)
        equal(other['group'] != first[0]['group'], True, 'the first group waits for its first message')
        equal(queue.receive(10), [])
        queue.settle('acknowledge', *first)
        queue.settle('release', other)
        for _ in range(5):
            message, = queue.take(1)
            seen[message['group']].append(message['body'])
            queue.settle('acknowledge', message)
        equal(seen, {'a': ['a0', 'a1', 'a2'], 'b': ['b0', 'b1', 'b2']})
        equal(queue.counts(), (0, 0, 0))


@cases('leases: released ones come back, extended ones do not, old receipts are refused beside good ones')
def leases(server):
    with Api(server) as api:
        queue = Queue(api)
        queue.send({'body': 'a'}, {'body': 'b'})
        first = queue.take(2, lease_ms=60000)
        queue.settle('release', *first)
        second = queue.take(2, lease_ms=400)
        equal(sorted(m['deliveries'] for m in second), [2, 2])
        kept, lost = second
        equal(queue.settle('extend', kept, lease_ms=60000), {'results': [{'receipt': kept['receipt']}]})
        third, = queue.take(1, lease_ms=60000)
        equal((third['body'], third['deliveries']), (lost['body'], 3), 'the one that was not extended')
        answer = queue.settle('acknowledge', lost, kept, status=207)['results']
        equal(([a['receipt'] for a in answer], answer[0]['error']['status'] // 100, 'error' in answer[1]),
              ([lost['receipt'], kept['receipt']], 4, False))
        queue.settle('release', third, delay_ms=60000)
        equal(queue.receive(), [])
        equal((queue.counts()[0], sum(queue.counts())), (0, 1))
        for bad in ('x', '', '1.2.3', '0.0.0.-1', '0.0.0.1.', '9999999999.0.0.1', '0.0.0.99999999999'):
            equal(api(400, 'POST', queue.at + '/acknowledge', {'receipts': [bad]}), 'invalid-receipt', bad)


@cases('after so many deliveries a message is a dead letter; it is redriven, elsewhere or back')
def dead_letters(server):
    with Api(server) as api:
        dead, other = Queue(api), Queue(api)
        queue = Queue(api, dead_letter_queue=dead.name, deliveries_max=2)
        queue.send(*({'body': 'bad %d' % i} for i in range(4)))
        for _ in range(2):
            queue.settle('release', *queue.take(4), reason='it does not work')
        wait_for('dead letters', lambda: dead.counts()[0] == 4)
        letters = curl_json(server, queue.at + '/dead-letters')['messages']
        equal(sorted(bodies(letters)), ['bad %d' % i for i in range(4)])
        equal(any('it does not work' == h['value'] for h in letters[0]['headers']), True, letters[0]['headers'])
        equal(api(404, 'GET', dead.at + '/dead-letters'), 'not-found')
        started = curl(server, dead.at + '/redrives', '--json', json.dumps({'destination': other.name, 'rate': 1}))
        equal(started.status, 202)
        at = '%s/redrives/%s' % (dead.at, started.json()['id'])
        cancelled = curl(server, at, '-X', 'DELETE')
        equal(cancelled.status, 200)
        moved = wait_for('its end', lambda: [r for r in api(200, 'GET', dead.at + '/redrives')['items'] if
                                             r['state'] == 'cancelled'])[0]
        equal((moved['id'], moved['destination'], moved['rate']), (started.json()['id'], other.name, 1))
        equal(len(other.take(moved['moved'])) if moved['moved'] else 0, moved['moved'])
        api(404, 'DELETE', dead.at + '/redrives/none')
        api(202, 'POST', dead.at + '/redrives')
        wait_for('its end', lambda: api(200, 'GET', dead.at + '/redrives')['items'][0]['state'] == 'completed')
        equal(len(queue.take(4 - moved['moved'])), 4 - moved['moved'])
        equal(dead.counts(), (0, 0, 0))


@cases('a queue is purged, and one on a topic is rewound')
def rewind_and_purge(server):
    with Api(server) as api:
        topic = unique('topic')
        api(201, 'POST', '/v1/topics', {'name': topic})
        api(200, 'POST', '/v1/topics/%s/records' % topic, {'records': [{'value': str(i),
                                                                        'timestamp': 1000 * i} for i in range(5)]})
        queue = Queue(api, topic=topic)
        late = Queue(api, topic=topic, start={'offset': 3})
        equal((bodies(queue.take(5)), bodies(late.take(2))), (list('01234'), ['3', '4']))
        for start, wanted in (({'at': 'beginning'}, '01234'), ({'offset': 2}, '234'), ({'time': 3500}, '4')):
            equal(curl(server, queue.at + '/rewind', '--json', json.dumps(start)).status, 204)
            equal(bodies(queue.take(len(wanted))), list(wanted))
        api(204, 'POST', queue.at + '/rewind', {'at': 'beginning'})
        equal(curl(server, queue.at + '/messages', '-X', 'DELETE').status, 204)
        equal((queue.receive(), queue.counts()), ([], (0, 0, 0)))
        queue.send({'body': 'new'})
        equal(bodies(queue.take(1)), ['new'])
        for bad in ({}, {'at': 'middle'}, {'offset': 0, 'at': 'end'}, {'offset': -1}):
            api(400, 'POST', queue.at + '/rewind', bad)
        api(204, 'DELETE', queue.at)
        equal(api(200, 'GET', '/v1/topics/' + topic)['name'], topic, 'what others own stays')


@cases('messages go from HTTP to Amazon SQS and back')
def sqs(server):
    with Api(server) as api:
        queue = Queue(api)
        amazon = SqsQueue(server.sqs, name=queue.name)
        queue.send({'body': 'by http', 'headers': {'n': '5'}})
        message, = amazon.receive_all(1, MessageAttributeNames=['All'])
        equal(message['Body'], 'by http')
        amazon.delete([message])
        amazon.send('by sqs', MessageAttributes={'colour': text('red')})
        message, = queue.take(1)
        equal(message['body'], 'by sqs')
        equal(any('red' in (h['value'] or '') for h in message['headers']), True, message['headers'])
        equal(amazon.counts(), (0, 1, 0))
        queue.settle('acknowledge', message)
        equal(amazon.counts(), (0, 0, 0))
        equal(queue.counts(), (0, 0, 0))
        made = SqsQueue(server.sqs, fifo=True)
        made.send('fifo', MessageGroupId='g', MessageDeduplicationId='1')
        got = api(200, 'POST', '/v1/queues/%s/receive' % made.name, {'wait_ms': 5000})['messages']
        equal([(m['body'], m['group']) for m in got], [('fifo', 'g')])


@cases('a receive that waits is woken by a message, and one whose client goes away leaves nothing leased')
def waiting(server):
    with Api(server) as api:
        queue, got = Queue(api), []

        def receive():
            with Api(server) as own:
                got.extend(own(200, 'POST', queue.at + '/receive', {'wait_ms': 60000})['messages'])
        thread = threading.Thread(target=receive)
        thread.start()
        time.sleep(0.2)
        queue.send({'body': 'wake up'})
        thread.join(30)
        equal(bodies(got), ['wake up'])
        queue.settle('acknowledge', *got)
        for pause in (0.3, 0, 0.05, 0.01):
            leavers = [Api(server) for _ in range(5)]
            for leaver in leavers:
                leaver.connection.request('POST', queue.at + '/receive', json.dumps({'max': 5, 'wait_ms': 60000}),
                                          {'Content-Type': JSON})
            time.sleep(pause)
            for leaver in leavers:
                leaver.close()
            if pause:
                time.sleep(pause)
            queue.send(*({'body': str(i)} for i in range(3)))
            wait_for('nothing to be leased', lambda: queue.counts() == (3, 0, 0))
            queue.settle('acknowledge', *queue.take(3))


def main():
    return run_suite(cases)


if __name__ == '__main__':
    sys.exit(main())
