"""Server-sent events, and who may see what is pushed."""
import json
import random
import sys
import time

from harness import Cases, Server, equal, unique, wait_for
from live_support import (Events, Kafka, Live, WebSocket, basic, call, delete_topic, good, leat, new_queue_as,
                          new_topic, own_topic, run_suite)
from resp_support import connect

cases = Cases('live_events')

@cases('where there are users, nobody in particular gets 401, and who says who they are gets in')
def unauthenticated(secured):
    server, user = secured.secured, secured.user
    for headers in ({}, basic(user(), 'wrong'), basic('nobody', 'pw'), {'Authorization': 'Basic !'},
            {'Authorization': 'Bearer x'}):
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


@cases('a grant taken back ends topics and queues, which is told, and the flow of messages as long as it is gone')
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
    ended = {kind: event['problem']['type'] for event in live.take(2, 'ended') for kind in ('topic', 'queue') if kind in event}
    equal(ended, dict.fromkeys(('topic', 'queue'), 'urn:leat:problem:permission-denied'))
    time.sleep(0.5)  # what must not come has time to
    live.ask('ping')
    equal(list(live.events), [], 'what came without a grant')
    got = good(server, 'POST', '/v1/queues/%s/receive' % queue, {'max': 10, 'wait_ms': 10_000}, **root)['messages']
    equal(sorted(m['body'] for m in got), ['after', 'before'], 'what it had not settled, and what it was not to have')
    for target in ({'topic': topic}, {'queue': queue}):
        live.refused(404, 'not-found', 'unsubscribe', **target)
        live.refused(403, 'permission-denied', 'subscribe', **target)
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


@cases('server-sent events of what is not granted are refused; a grant taken back ends topics, and channels until it is back')
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
    ended = events.event('ended').data
    equal((ended['topic'], ended['problem']['type']), (topic, 'urn:leat:problem:permission-denied'))
    admin.ask('publish', channel=channel, data='mark')
    equal(events.event('message').data['data'], 'mark', 'the channel goes on')
    leat(server, 'grant', 'remove', name, 'read', 'channel:' + channel)
    admin.ask('publish', channel=channel, data='never')
    leat(server, 'grant', 'add', name, 'read', 'topic:' + topic, 'channel:' + channel)
    admin.ask('publish', topic=topic, value='never')
    admin.ask('publish', channel=channel, data='granted again')
    equal(events.event('message').data['data'], 'granted again', 'what came while it was not granted, and the topic that ended')
    for each in (events, admin):
        each.close()


@cases('pages of another site are refused with 403; the own host and allowed origins get in')
def origins(server):
    own = '127.0.0.1:%d' % server.http_port
    for origin in ('http://evil.example', 'http://127.0.0.1:1', 'http://127.0.0.1', 'null',
        'http://%s.evil.example' % own,
                   'http://evil.example/' + own, own, 'http://evil.example@' + own, 'http://localhost:%d' % server.http_port):
        socket = WebSocket(server, Origin=origin)
        equal(socket.status, 403, origin)
        equal(json.loads(socket.problem)['type'], 'urn:leat:problem:origin-denied')
    for origin in ('http://' + own, 'HTTP://' + own, 'https://' + own):
        Live(server, Origin=origin).leave()
    # Without users a name that leads here may be anybody's: suite_http_origins.py.
    Live(server.secured, Host='app.example', Origin='https://APP.example', **server.root).leave()
    with Server('--http.cors-origins', 'https://app.example', '--http.cors-origins', 'http://localhost:3000') as other:
        other.start()
        for origin in ('https://app.example', 'http://localhost:3000', 'http://127.0.0.1:%d' % other.http_port):
            Live(other, Origin=origin).leave()
        for origin in ('http://app.example', 'https://app.example:8443', 'https://sub.app.example',
                'http://localhost:3001'):
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
    for parameters, values in (({'from': 'earliest'}, '01234'), ({'time': 1_700_000_002_500}, '34'), ({'time': 0},
        '01234'),
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
    for last in ('x', '@0:1', topic, topic + '@0', topic + '@0:', topic + '@0:x', topic + '@-1:0', topic + '@0:-1',
        topic + '@0:1x',
                 ';', topic + '@0:0;;', topic + '@a:0', topic + '@0:0,', topic + '@0:99999999999999999999', '\xff'):
        for how in ({'last': last}, {'last_event_id': last}):
            refused = Events(server, topics=[topic], **how)
            equal((refused.status, (refused.problem or {}).get('type')), (400, 'urn:leat:problem:invalid-parameter'),
                last)
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
                equal({topic: len(places.get(topic, '').split(',')) for topic in topics},
                    {topic: 3 for topic in topics},
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
    equal({place: values == list(range(sent[place])) for place, values in seen.items()},
        {place: True for place in sent})
    events.close()


@cases('a topic that got partitions while a stream was away: these come from their beginning')
def events_grown(server):
    topic, kafka = new_topic(server), Kafka(server)
    with Events(server, topics=[topic]).opened() as events:
        kafka.send(topic, 'a')
        last = events.event('record').id
    kafka.add_partitions(topic, 2)
    wait_for('the partition', lambda: call(server, 'POST', '/v1/topics/%s/records' % topic, {'partition': 1,
        'value': 'b'})[0] == 200)
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


def main():
    return run_suite(cases)


if __name__ == '__main__':
    sys.exit(main())
