#!/usr/bin/python3
"""Bearer tokens that leat gives out, with the clients that people use: suite_tokens.py [ADDRESS], which is not used: users need
servers of their own."""
import asyncio
import concurrent.futures
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.parse

import kafka
import websockets
from confluent_kafka import Consumer, Producer

from harness import Cases, Skip, equal, unique, wait_for
from http_support import basic, curl
from live_support import Events, Live, WebSocket
from security_support import (AUTHENTICATION_FAILED, NO_ERROR, NPM, PASSWORD, ROOT_PASSWORD, TOPIC_REFUSED, Kafka, Secured, api_as,
                              as_root, ask_root, bearer_message, command, files_with, grant, is_closed, new_token, new_topic,
                              new_user, run_secured, who_is)

cases = Cases('tokens')


def node(script, *words):
    """What a script of the folder npm printed."""
    if os.environ.get('SKIP_NPM') or not shutil.which('node') or not (NPM / 'node_modules' / 'kafkajs').exists():
        raise Skip('there is no Node.js, or its clients are not installed')
    done = subprocess.run(['node', str(NPM / script), *words], capture_output=True, text=True, timeout=90)
    equal(done.returncode, 0, done.stdout + done.stderr)
    return done.stdout.split()


def changed_variants(token):
    """Texts that are nearly the token."""
    name, id_, secret = token.split('_', 2)
    last = 'A' if secret[-1] != 'A' else 'E'
    return (token[:-1], token[:-1] + last, token + 'A', token.upper(), secret, id_, '%s_%s_' % (name, id_),
            '%s_%s_%s' % (name, 'a' * len(id_), secret), '%s__%s' % (name, secret), 'leat_', 'leat', token + '\t' + token)


@cases('curl and http.client: a token is its user; one that differs in a letter, or is cut, is nobody')
def over_http(server):
    user = new_user(server, ('describe', 'cluster'))
    _, token = new_token(server, user)
    for header in ('Bearer ' + token, 'bearer ' + token, 'BEARER   ' + token):
        reply = curl(server, '/v1/me', '-H', 'Authorization: ' + header)
        equal((reply.status, reply.json()['principal'], 'expires' in reply.json()), (200, 'User:' + user, False), header)
    with api_as(server, token=token) as api:
        equal([api(200, 'GET', '/v1/me')['principal'] for _ in range(3)], ['User:' + user] * 3)
        api(200, 'GET', '/v1/server')
        equal(b'leat_logins_total' in api(200, 'GET', '/metrics'), True)
        api(403, 'POST', '/v1/topics', {'name': 'x'})
    for wrong in changed_variants(token):
        with api_as(server, token=wrong) as api:
            reply = api.ask('GET', '/v1/me')
            equal((reply.status, reply.problem()), (401, 'unauthenticated'), wrong)
            asked = reply.headers.get_all('WWW-Authenticate')
            equal(sorted(a.split()[0] for a in asked), ['Basic', 'Bearer'], 'what it is asked for')
            equal(api.ask('GET', '/metrics').status, 401, wrong)
    for header in ('Bearer', 'Bearer ', 'Basic ' + token, basic(user, token), basic(token, ''), 'Token ' + token, token):
        with api_as(server) as api:
            equal(api.ask('GET', '/v1/me', Authorization=header).status, 401, header)
    equal(who_is(server), (200, 'User:ANONYMOUS'))


@cases('access_token counts where a browser can send no headers, and a header goes before it')
def as_parameter(server):
    topic = new_topic(server)
    user = new_user(server, ('read', 'topic:' + topic))
    _, token = new_token(server, user)
    query = '?access_token=' + token
    for path in ('/v1/me', '/v1/topics', '/v1/topics/' + topic, '/v1/users/%s/tokens' % user):
        with api_as(server) as api:
            reply = api.ask('GET', path + query)
            equal(reply.status, 400, '%s: %s' % (path, reply.body))
    with Events(server, [topic], access_token=token) as stream:
        equal(stream.opened().status, 200)
    for parameters in ({'access_token': token + 'x'}, {'access_token': ''}, {}):
        status = Events(server, [topic], **parameters).status
        equal(status in (400, 401), True, '%s: %s' % (parameters, status))
    with Events(server, [topic], access_token=token, headers={'Authorization': 'Bearer x'}) as refused:
        equal(refused.status, 401, 'a wrong header, and a good parameter')
    with Events(server, [topic], access_token='x', headers={'Authorization': 'Bearer ' + token}) as stream:
        equal(stream.status, 200, 'a good header, and a wrong parameter')
    with WebSocket(server, '/v1/live?access_token=' + urllib.parse.quote(token)) as socket:
        equal(socket.status, 101)
    for wrong in ('leat_x', token[:-1], token.upper()):
        equal(WebSocket(server, '/v1/live?access_token=' + wrong).status, 401, wrong)
    equal(WebSocket(server).status, 401, 'without any')


@cases('python3-websockets: by header and by parameter, with what its user may do')
def python_websockets(server):
    mine, other = new_topic(server), new_topic(server)
    user = new_user(server, ('read', 'topic:' + mine))
    _, token = new_token(server, user)
    url = 'ws://127.0.0.1:%d/v1/live' % server.http_port

    async def talk(url, **options):
        async with websockets.connect(url, **options) as socket:
            answers = []
            for number, topic in enumerate((mine, other)):
                await socket.send(json.dumps({'op': 'subscribe', 'id': number, 'topic': topic}))
                answers.append(json.loads(await asyncio.wait_for(socket.recv(), 30)))
            return [(a['id'], a['type'], a.get('problem', {}).get('status')) for a in answers]

    async def status_of(url, **options):
        try:
            async with websockets.connect(url, **options):
                return 101
        except websockets.exceptions.InvalidStatusCode as error:
            return error.status_code
    wanted = [(0, 'subscribed', None), (1, 'error', 403)]
    equal(asyncio.run(talk(url, extra_headers={'Authorization': 'Bearer ' + token})), wanted)
    equal(asyncio.run(talk(url + '?access_token=' + token)), wanted)
    for wrong in (url, url + '?access_token=' + token[:-1]):
        equal(asyncio.run(status_of(wrong)), 401, wrong)
    equal(asyncio.run(status_of(url, extra_headers={'Authorization': 'Bearer ' + token + 'x'})), 401)


@cases('Node.js: ws and eventsource with access_token, ws with a header, and refusals')
def node_live(server):
    topic = new_topic(server)
    _, token = new_token(server, new_user(server, ('read', 'topic:' + topic)))
    ask_root(server, 200, 'POST', '/v1/topics/%s/records' % topic, {'value': 'hello'})
    said = node('live_tokens.mjs', '127.0.0.1:%d' % server.http_port, token, topic)
    equal(said, ['parameter', 'hello', 'header', 'hello', 'eventsource', 'hello', '401', '401', '401'])


def bearer_options(server, give_token):
    """librdkafka's, which asks for a token and when it ends."""
    return {'bootstrap.servers': server.address, 'security.protocol': 'SASL_PLAINTEXT', 'sasl.mechanism': 'OAUTHBEARER',
            'oauth_cb': lambda _: give_token()}


def in_an_hour(token):
    return lambda: (token, time.time() + 3600)


@cases('confluent-kafka: produces and consumes with OAUTHBEARER; a wrong token is refused in its terms')
def confluent(server):
    topic, group, mine = unique('orders'), unique('group'), []
    user = new_user(server, ('write,create,read', 'topic:' + topic), ('read', 'group:' + group))
    _, token = new_token(server, user)
    producer = Producer({**bearer_options(server, in_an_hour(token)), 'enable.idempotence': True})
    for i in range(10):
        producer.produce(topic, b'%d' % i)
    equal(producer.flush(30), 0)
    consumer = Consumer({**bearer_options(server, in_an_hour(token)), 'group.id': group, 'auto.offset.reset': 'earliest'})
    consumer.subscribe([topic])
    wait_for('the records', lambda: mine.extend(m for m in [consumer.poll(0.2)] if m and not m.error()) or len(mine) == 10,
             pause=0)
    consumer.close()
    errors = []
    refused = Producer({**bearer_options(server, in_an_hour(token[:-1])), 'error_cb': errors.append, 'log_level': 0})
    refused.produce(topic, b'never')

    def is_told():
        refused.poll(0.1)
        return any('the token is wrong or has expired' in e.str() for e in errors)
    wait_for('the refusal', is_told, pause=0)
    equal(refused.flush(0), 1, 'records that were not sent')
    refused.purge()


@cases('kafka-python and kafkajs: OAUTHBEARER, right and wrong')
def other_kafka_clients(server):
    topic = new_topic(server)
    _, token = new_token(server, new_user(server, ('read,write', 'topic:' + topic)))

    class Provider:
        def __init__(self, text):
            self.text = text

        def token(self):
            return self.text

        def extensions(self):
            return {}

    def options(text):
        return {'bootstrap_servers': server.address, 'security_protocol': 'SASL_PLAINTEXT',
                'sasl_mechanism': 'OAUTHBEARER', 'sasl_oauth_token_provider': Provider(text)}
    producer = kafka.KafkaProducer(**options(token))
    producer.send(topic, b'python').get(timeout=30)
    producer.close()
    try:
        kafka.KafkaProducer(**options(token + 'x'))
    except kafka.errors.KafkaError:
        pass
    else:
        raise AssertionError('a wrong token was taken')
    equal(node('kafkajs_tokens.mjs', server.address, token, topic), ['sent', 'python,kafkajs', 'refused'])


@cases('messages of OAUTHBEARER that are none, or want to be another user, let nobody in')
def malformed(server):
    topic, other = new_topic(server), new_topic(server)
    user = new_user(server, ('read', 'topic:' + topic))
    _, token = new_token(server, user)
    stranger = new_user(server, ('read', 'topic:' + other))
    good = bearer_message(token)
    for message in (b'', b'\1\1', b'n,,', b'n,,\1\1', b'n,,\1auth=\1\1', b'n,,\1auth=Bearer \1\1', good[:-1], good[:-2],
                    b'n,,auth=Bearer %s\1\1' % token.encode(), b'n,,\1auth=Basic %s\1\1' % token.encode(),
                    b'n,,\1Auth=Bearer %s\1\1' % token.encode(), b'n,,\1auth=%s\1\1' % token.encode(),
                    bearer_message(token.encode() + b'\0'), bearer_message(b'\xff' + token.encode()), b'x' * 100_000,
                    bearer_message(b'leat_' + b'x' * 60_000)):
        with Kafka(server) as connection:
            answer = connection.sasl('OAUTHBEARER', message)
            if answer['ErrorCode'] == NO_ERROR:  # refused in the mechanism's own way
                equal(json.loads(answer['AuthBytes'])['status'], 'invalid_token', message[:40])
                answer = connection.call('SaslAuthenticate', 1, AuthBytes=b'\1')
            equal(answer['ErrorCode'], AUTHENTICATION_FAILED, message[:40])
            equal(is_closed(connection, topic), True, message[:40])
    with Kafka(server) as connection:
        for wanted in (b'n,,\1host=h\1port=1\1auth=bearer %s\1x=y\1\1' % token.encode(), good):
            equal(connection.sasl('OAUTHBEARER', wanted)['ErrorCode'], NO_ERROR)
            equal((connection.sees(topic), connection.sees(other)), (NO_ERROR, TOPIC_REFUSED))
    with Kafka(server) as connection:
        answer = connection.sasl('OAUTHBEARER', b'n,a=%s,\1auth=Bearer %s\1\1' % (stranger.encode(), token.encode()))
        equal(is_closed(connection, other) or connection.sees(other) == TOPIC_REFUSED, True, 'it is the other user')


@cases('Kafka: the session lasts as long as the token; who comes again with another goes on, who does not is closed')
def kafka_expiry(server):
    topic = new_topic(server)
    user, other = (new_user(server, ('read', 'topic:' + topic)) for _ in range(2))
    _, lasting = new_token(server, user)
    _, of_other = new_token(server, other)
    with Kafka(server) as kept, Kafka(server) as left, Kafka(server) as late, Kafka(server) as exchanged:
        _, token = new_token(server, user, lifetime_ms=1500)
        for connection in (kept, left, late, exchanged):
            answer = connection.bearer(token)
            equal((answer['ErrorCode'], 0 < answer['SessionLifetimeMs'] <= 1500), (NO_ERROR, True), str(answer))
            equal(connection.sees(topic), NO_ERROR)
        equal(kept.bearer(lasting)['SessionLifetimeMs'], 0, 'a token that does not end')
        answer = exchanged.bearer(of_other)
        equal((answer['ErrorCode'], is_closed(exchanged, topic)), (AUTHENTICATION_FAILED, True), 'another user’s token')
        wait_for('the end of the token', lambda: who_is(server, token=token)[0] == 401)
        equal(is_closed(left, topic), True, 'who does not come again')
        equal((late.bearer(lasting)['ErrorCode'], late.sees(topic)), (NO_ERROR, NO_ERROR), 'who comes late')
        equal(kept.sees(topic), NO_ERROR, 'who came in time')
        with Kafka(server) as again:
            equal(again.bearer(token)['ErrorCode'], AUTHENTICATION_FAILED, 'the token that has expired')


@cases('confluent-kafka goes on over tokens that last a moment')
def confluent_expiry(server):
    topic, used, failures = new_topic(server), [], []
    user = new_user(server, ('write', 'topic:' + topic))

    def give():
        used.append(new_token(server, user, lifetime_ms=1500)[1])
        return used[-1], time.time() + 1.5
    producer = Producer({**bearer_options(server, give), 'linger.ms': 0, 'log_level': 0, 'reconnect.backoff.ms': 50,
                         'reconnect.backoff.max.ms': 200})
    sent = 0
    while len(used) < 4:
        producer.produce(topic, b'%d' % sent, on_delivery=lambda error, _: failures.append(error) if error else None)
        sent += 1
        producer.flush(0.1)
        time.sleep(0.02)
    equal((producer.flush(30), failures), (0, []))
    ends = ask_root(server, 200, 'GET', '/v1/topics/%s/partitions' % topic)['items'][0]['end']
    equal(ends >= sent, True, 'records that are there: %d of %d' % (ends, sent))


@cases('what is open by HTTP ends with its token: a WebSocket with 1008, an event stream, requests with 401')
def live_expiry(server):
    topic = new_topic(server)
    user = new_user(server, ('read', 'topic:' + topic))
    _, lasting = new_token(server, user)
    _, token = new_token(server, user, lifetime_ms=2000)
    bearer = {'Authorization': 'Bearer ' + token}
    kept, by_header = Live(server, Authorization='Bearer ' + lasting), Live(server, Authorization='Bearer ' + token)
    by_parameter = WebSocket(server, '/v1/live?access_token=' + token)
    streams = [Events(server, [topic], access_token=token).opened(), Events(server, [topic], headers=bearer).opened()]
    with api_as(server, token=token) as api:
        me = api(200, 'GET', '/v1/me')
        equal(0 < me['expires'] - time.time() * 1000 < 2000, True, 'when it expires: %s' % me)
        by_header.ask('subscribe', topic=topic)
        kept.ask('subscribe', topic=topic)
        equal([s.closing()[0] for s in (by_header, by_parameter)], [1008, 1008])
        equal([s.event() for s in streams], [None, None], 'the end of the streams')
        equal(api(401, 'GET', '/v1/me'), 'unauthenticated', 'on the connection that was open')
    ask_root(server, 200, 'POST', '/v1/topics/%s/records' % topic, {'value': 'on'})
    equal(kept.values(1), ['on'], 'with a token that does not end')
    kept.leave()
    equal(WebSocket(server, '/v1/live?access_token=' + token).status, 401)
    listed = ask_root(server, 200, 'GET', '/v1/users/%s/tokens' % user)['items']
    equal(sorted('expires' in t for t in listed), [False, True])


@cases('a revoked token is refused at once, everywhere; others of its user count on')
def revoked(server):
    user = new_user(server)
    (first, text), (_, other) = new_token(server, user), new_token(server, user)
    with api_as(server, token=text) as open_one:
        equal(open_one(200, 'GET', '/v1/me')['principal'], 'User:' + user)
        ask_root(server, 204, 'DELETE', '/v1/users/%s/tokens/%s' % (user, first))
        equal(open_one(401, 'GET', '/v1/me'), 'unauthenticated', 'on an open connection')
    with Kafka(server) as connection:
        equal(connection.bearer(text)['ErrorCode'], AUTHENTICATION_FAILED)
    equal(WebSocket(server, '/v1/live?access_token=' + text).status, 401)
    equal(who_is(server, token=other), (200, 'User:' + user))
    ask_root(server, 404, 'DELETE', '/v1/users/%s/tokens/%s' % (user, first))
    with api_as(server, token=other) as api:
        id_ = api(200, 'GET', '/v1/users/%s/tokens' % user)['items'][0]['id']
        api(204, 'DELETE', '/v1/users/%s/tokens/%s' % (user, id_))
        api(401, 'GET', '/v1/me')


@cases('what came with a token that is revoked, or whose user is removed, ends: Kafka, WebSockets, event streams')
def revoked_while_open(server):
    topic = new_topic(server)
    for how in ('revoked', 'removed'):
        user = new_user(server, ('read', 'topic:' + topic))
        (id_, token), (_, other) = new_token(server, user), new_token(server, user)
        with Kafka(server) as ending, Kafka(server) as kept:
            equal([c.bearer(t)['ErrorCode'] for c, t in ((ending, token), (kept, other))], [NO_ERROR, NO_ERROR])
            equal([c.sees(topic) for c in (ending, kept)], [NO_ERROR, NO_ERROR])
            live, stays = (Live(server, Authorization='Bearer ' + t) for t in (token, other))
            stream = Events(server, [topic], access_token=token).opened()
            live.ask('subscribe', topic=topic)
            path = '/v1/users/%s%s' % (user, '/tokens/' + id_ if how == 'revoked' else '')
            ask_root(server, 204, 'DELETE', path)
            equal((live.closing()[0], stream.event()), (1008, None), how)
            equal(is_closed(ending, topic), True, how)
            equal(is_closed(kept, topic), how == 'removed', 'what came with another token')
            if how == 'revoked':
                stays.ask('ping')
            else:
                equal(stays.closing()[0], 1008)


@cases('tokens outlive the server, kill -9 too, as does what was revoked; they go with their user')
def restarts(_):
    with Secured() as server:
        server.start()
        user = new_user(server)
        (_, kept), (gone, revoked_one) = new_token(server, user, note='kept'), new_token(server, user)
        ask_root(server, 204, 'DELETE', '/v1/users/%s/tokens/%s' % (user, gone))
        server.kill()
        server.start()
        equal((who_is(server, token=kept), who_is(server, token=revoked_one)[0]), ((200, 'User:' + user), 401))
        equal(server.stop(), 0)
        server.start()
        equal(who_is(server, token=kept), (200, 'User:' + user))
        ask_root(server, 204, 'DELETE', '/v1/users/' + user)
        equal(who_is(server, token=kept)[0], 401, 'of a user that was removed')
        new_user(server, name=user)
        equal(who_is(server, token=kept)[0], 401, 'of a user of the same name')
        equal(ask_root(server, 200, 'GET', '/v1/users/%s/tokens' % user)['items'], [])
        with Kafka(server) as connection:
            equal(connection.bearer(kept)['ErrorCode'], AUTHENTICATION_FAILED)


@cases('a token is told once: it is in no list, log, audit log or catalog')
def secrets(server):
    user = new_user(server)
    with as_root(server) as root:
        reply = root.ask('POST', '/v1/users/%s/tokens' % user, {'note': 'for the page', 'lifetime_ms': 3_600_000})
        equal((reply.status, reply.headers['Cache-Control']), (201, 'no-store'))
        made = reply.json()
        listed, = root(200, 'GET', '/v1/users/%s/tokens' % user)['items']
        equal(sorted(listed), ['created', 'expires', 'id', 'note'])
        equal((listed['note'], listed['expires'] - listed['created']), ('for the page', 3_600_000))
        equal((root(200, 'GET', '/v1/users/' + user)['tokens'], made['token'].startswith('leat_%s_' % made['id'])), (1, True))
        shown = b''.join(root.ask('GET', path).body for path in (
            '/v1/users', '/v1/users/' + user, '/v1/users/%s/tokens' % user, '/v1/me', '/v1/grants', '/metrics'))
    made_too = command(server, 'token', 'create', user, '--json', user='root', password=ROOT_PASSWORD)[0]
    texts = [made['token'], json.loads(made_too)['token']]
    secret_parts = [part for text in texts for part in (text, text.split('_', 2)[2])]
    equal([s for s in secret_parts if s.encode() in shown], [])
    for text in texts:
        equal(who_is(server, token=text), (200, 'User:' + user))
        equal(who_is(server, token=text + 'x')[0], 401)
        equal(WebSocket(server, '/v1/live?access_token=' + text + 'x').status, 401)
        with Kafka(server) as connection:
            connection.bearer(text + 'x')
    equal(files_with(server.folder, *secret_parts, PASSWORD + '\0'), [])
    equal(files_with(server.folder, made['id']) != [], True, 'its id is in the catalog: the search finds what is there')


@cases('tokens are their user’s own: others get 403, nobody 401, and one that expires makes none')
def own(server):
    user, other = new_user(server), new_user(server)
    id_, lasting = new_token(server, user)
    _, short = new_token(server, user, lifetime_ms=3_600_000)
    _, of_other = new_token(server, other)
    path = '/v1/users/%s/tokens' % user
    for status, whom in ((403, {'token': of_other}), (403, {'user': other}), (401, {}), (401, {'token': 'leat_x_y'})):
        with api_as(server, **whom) as api:
            for method, where, body in (('GET', path, None), ('POST', path, {}), ('DELETE', path + '/' + id_, None),
                                        ('GET', '/v1/users/' + user, None), ('GET', '/v1/users', None),
                                        ('PATCH', '/v1/users/' + user, {'password': 'x'})):
                api(status, method, where, body)
            api(status, 'GET', '/v1/users/%s/tokens' % unique('none'))
    with api_as(server) as nobody:
        for method, where in (('GET', ''), ('GET', '/tokens'), ('POST', '/tokens'), ('POST', '/access-keys')):
            nobody(401, method, '/v1/users/ANONYMOUS' + where, {} if method == 'POST' else None)
    for whom in ({'user': user}, {'token': lasting}):
        with api_as(server, **whom) as api:
            made = api(201, 'POST', path, {'note': 'mine'})
            equal(who_is(server, token=made['token']), (200, 'User:' + user))
            api(204, 'DELETE', '%s/%s' % (path, made['id']))
            api(403, 'POST', '/v1/users/%s/tokens' % other, {})
            equal(api(200, 'GET', '/v1/users/' + user)['name'], user)
    with api_as(server, token=short) as api:
        api(200, 'GET', path)
        api(200, 'GET', '/v1/users/' + user)
        for method, where, body in (('POST', path, {}), ('POST', path, {'lifetime_ms': 1000}), ('DELETE', path + '/' + id_, None),
                                    ('PATCH', '/v1/users/' + user, {'password': 'x'}),
                                    ('POST', '/v1/users/%s/access-keys' % user, {})):
            equal(api(403, method, where, body), 'permission-denied', '%s %s' % (method, where))
    equal(len(ask_root(server, 200, 'GET', path)['items']), 2, 'nothing was added or taken')
    grant(server, other, 'alter', 'cluster')
    with api_as(server, token=of_other) as api:
        api(201, 'POST', path, {})


@cases('a user has 100 tokens, of which those that have expired do not count; notes and lifetimes have limits')
def limits(server):
    user = new_user(server)
    path = '/v1/users/%s/tokens' % user
    with as_root(server) as root:
        for body in ({'note': 'x' * 201}, {'note': 'ü' * 101}, {'note': 1}, {'lifetime_ms': 999},
                     {'lifetime_ms': 315_360_000_001}, {'lifetime_ms': 1.5}, {'lifetime_ms': '1000'}, {'other': 1}, []):
            reply = root.ask('POST', path, body)
            equal((reply.status, bool(reply.problem())), (400, True), '%s: %s' % (body, reply.body))
        root(404, 'POST', '/v1/users/%s/tokens' % unique('none'), {})
        root(201, 'POST', path, {'note': 'ü' * 100})
        root(201, 'POST', path, {'note': '"\\ & <b>', 'lifetime_ms': 315_360_000_000})
        short = root(201, 'POST', path, {'lifetime_ms': 1000})['token']
        for _ in range(97):
            root(201, 'POST', path, {})
        if who_is(server, token=short)[0] == 200:
            equal(root(429, 'POST', path, {}), 'too-large')
        wait_for('the end of one', lambda: who_is(server, token=short)[0] == 401)
        root(201, 'POST', path, {})
        reply = root.ask('POST', path, {})
        equal((reply.status, reply.problem(), '100' in reply.json()['detail']), (429, 'too-large', True))
        equal(root(200, 'GET', '/v1/users/' + user)['tokens'], 100)


@cases('tokens that are made at the same time all count; a secret is told again to who repeats its request, and to nobody else')
def together(server):
    user = new_user(server)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: new_token(server, user), range(24)))
        equal(set(pool.map(lambda each: who_is(server, token=each[1]), made)), {(200, 'User:' + user)})
        equal(len({id_ for id_, _ in made}), 24)
        list(pool.map(lambda each: ask_root(server, 204, 'DELETE', '/v1/users/%s/tokens/%s' % (user, each[0])), made[:12]))
    listed = ask_root(server, 200, 'GET', '/v1/users/%s/tokens' % user)['items']
    equal({t['id'] for t in listed}, {id_ for id_, _ in made[12:]})
    path = '/v1/users/%s/tokens' % user
    with as_root(server) as root, api_as(server, user, PASSWORD) as own:
        first, again, other = (api.ask('POST', path, {}, Idempotency_Key=unique('one') if api is own else 'one').json()
                               for api in (root, root, own))
        equal((again, other['token'] != first['token']), (first, True), 'the token of a repeated request')
        theirs = own.ask('POST', path, {}, Idempotency_Key='one').json()
        equal(theirs['token'] not in (first['token'], other['token']), True, 'who repeats it as somebody else gets another')
    equal(len(ask_root(server, 200, 'GET', path)['items']), 15)


@cases('leat: token create, list and revoke, for oneself with LEAT_TOKEN and for others as who administers')
def command_line(server):
    user = new_user(server)
    text, beside = command(server, 'token', 'create', user, '--note', 'für mich', '--expires-in', '90d', user=user)
    token = text.strip()
    equal((token.startswith('leat_'), 'not shown again' in beside, token in beside), (True, True, False))
    shown = command(server, 'token', 'list', user, token=token)[0]
    equal(('für mich' in shown, 'EXPIRES' in shown, token in shown), (True, True, False), shown)
    said = command(server, 'token', 'create', user, token=token, code=1)[1]
    equal(('alter' in said and 'leat grant add' in said), True, said)
    id_ = json.loads(command(server, 'token', 'list', user, '--json', token=token)[0])[0]['id']
    equal(command(server, 'token', 'revoke', user, id_, user='root', password=ROOT_PASSWORD)[0],
          "revoked token '%s' of '%s'\n" % (id_, user))
    for code, words, whom, said in (
            (1, ('list', user), {'token': token}, 'LEAT_TOKEN'), (1, ('list', user), {}, 'LEAT_TOKEN'),
            (1, ('revoke', user, id_), {'user': user}, "has no token '%s'" % id_),
            (2, ('create', user, '--note', 'x' * 201), {'user': user}, 'note'),
            (2, ('create', user, '--expires-in', 'soon'), {'user': user}, '--expires-in'),
            (2, ('create',), {'user': user}, 'user'),
            (1, ('list', unique('none')), {'user': 'root', 'password': ROOT_PASSWORD}, 'there is no user')):
        got = command(server, 'token', *words, code=code, **whom)[1]
        equal(said in got, True, '%s: %s' % (words, got))
    equal('has no token' in command(server, 'token', 'list', user, user=user)[1], True)
    nowhere = command(server, 'token', 'list', user, LEAT_API='127.0.0.1:1', code=1)[1]
    equal('Is a server running there?' in nowhere, True, nowhere)


@cases('a note cannot give orders to the terminal of who lists tokens')
def control_characters(server):
    user = new_user(server)
    with api_as(server, user) as api:
        status = api.ask('POST', '/v1/users/%s/tokens' % user, {'note': 'a\x1b[2Jb\nc'}).status
    equal(status in (201, 400), True, status)
    shown = command(server, 'token', 'list', user, user='root', password=ROOT_PASSWORD)[0]
    equal(('\x1b' in shown, len(shown.splitlines())), (False, 2 if status == 201 else 0), shown)


if __name__ == '__main__':
    sys.exit(run_secured(cases))
