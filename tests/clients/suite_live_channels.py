"""Live push over WebSockets: channels, patterns, deliveries of queues."""
import json
import random
import sys
import threading
import time

from harness import Cases, equal, unique, wait_for
from live_support import (HOUR, Live, WebSocket, good, leat, new_queue, new_topic, run_suite)
from resp_support import connect
from sqs_support import Queue

cases = Cases('live_channels')

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
    equal(live.ask('extend', queue=queue, receipts=[first['receipt']], lease_ms=60_000)['results'],
        [{'receipt': first['receipt']}])
    answer = live.ask('release', queue=queue, receipts=[first['receipt']])
    equal((answer['type'], answer['results']), ('released', [{'receipt': first['receipt']}]))
    again = live.event('delivery')
    equal((again['deliveries'], again['body'], again['receipt'] != first['receipt'], again['first_delivered']),
          (2, 'one', True, first['first_delivered']))
    answer = live.ask('acknowledge', queue=queue, receipts=[first['receipt'], again['receipt'], '0.99.0.1'])
    equal([(r['receipt'], 'error' in r) for r in answer['results']],
          [(first['receipt'], True), (again['receipt'], False), ('0.99.0.1', True)])
    equal(all(r['error']['type'].startswith('urn:leat:problem:') for r in answer['results'] if 'error' in r), True,
        answer)
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
    for number, end in enumerate((Live.leave, Live.close, Live.abort, lambda live: live.send_frame(2,
            b'binary ends it'))):
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
    equal('error' in first.ask('acknowledge', queue=queue, receipts=[event['receipt']])['results'][0], True,
        'it is not its own')
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


def main():
    return run_suite(cases)


if __name__ == '__main__':
    sys.exit(main())
