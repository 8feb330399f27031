#!/usr/bin/python3
"""Quotas at the doors other than Kafka's, and the audit log and certificates at Redis's: suite_quota_doors.py [ADDRESS], which is
not used: users need a server of their own. Times are only tested from below."""
import json
import socket
import sys
import time

from botocore.exceptions import ClientError

from harness import Cases, equal, wait_for
from live_support import TEXT, WebSocket
from resp_support import connect
from security_support import (PASSWORD, amazon, api_as, ask_root, audited, command, new_access_key, new_token, new_topic,
                              new_user, run_secured, wait_audited)

cases = Cases('quota_doors')


def set_quota(server, user, **limits):
    ask_root(server, 204, 'PATCH', '/v1/quotas', {'user': user, 'limits': limits})


def limited_user(server, *grants, **limits):
    name = new_user(server, *grants)
    set_quota(server, name, **limits)
    return name


def live_as(server, user):
    return WebSocket(server, '/v1/live?access_token=' + new_token(server, user)[1])


def used_up(server, protocol, quota):
    """How often a quota was seen to be used up."""
    labels = '{protocol="%s",quota="%s"}' % (protocol, quota)
    found = server.metrics()
    return found.get('leat_quota_throttled_total' + labels, 0) + found.get('leat_quota_refused_total' + labels, 0)


@cases('quotas are set, listed and removed by HTTP, and what cannot be is refused')
def by_http(server):
    name = new_user(server)
    set_quota(server, name, request_rate=10, producer_byte_rate=1000)
    ask_root(server, 204, 'PATCH', '/v1/quotas', {'user': name, 'client_id': None, 'limits': {'request_rate': 5}})
    listed = {q['name']: q for q in ask_root(server, 200, 'GET', '/v1/quotas?limit=1000')['items'] if q.get('user') == name}
    equal(sorted((sorted(q['limits'].items()), 'client_id' in q) for q in listed.values()),
          [([('producer_byte_rate', 1000), ('request_rate', 10)], False), ([('request_rate', 5)], True)])
    said, _ = command(server, 'quota', 'list', user='root', password='root, of = all', http=False)
    equal(name in said and 'producer_byte_rate' in said, True, said)
    for body in ({'limits': {'request_rate': 1}}, {'user': name, 'limits': {}}, {'user': name, 'limits': {'none': 1}},
                 {'user': name, 'limits': {'request_rate': -1}}, {'user': name, 'ip': '10.0.0.1', 'limits': {'request_rate': 1}},
                 {'ip': 'nowhere', 'limits': {'connection_creation_rate': 1}}, {'user': name, 'limits': {'request_rate': 'x'}},
                 {'user': name, 'limits': {'connection_creation_rate': 1}}):
        ask_root(server, 400, 'PATCH', '/v1/quotas', body)
    with api_as(server, name) as api:
        equal(api(403, 'GET', '/v1/quotas'), 'permission-denied')
        equal(api(403, 'PATCH', '/v1/quotas', {'user': name, 'limits': {'request_rate': None}}), 'permission-denied')
    set_quota(server, name, request_rate=None, producer_byte_rate=None)
    ask_root(server, 204, 'PATCH', '/v1/quotas', {'user': name, 'client_id': None, 'limits': {'request_rate': None}})
    equal([q for q in ask_root(server, 200, 'GET', '/v1/quotas?limit=1000')['items'] if q.get('user') == name], [])


@cases('HTTP: who asks too often gets 429 with Retry-After, others do not, and it is over when the quota is gone')
def http_requests(server):
    name, other = limited_user(server, request_rate=2), new_user(server)
    with api_as(server, name) as api, api_as(server, other) as free:
        replies = [api.ask('GET', '/v1/me') for _ in range(20)]
        equal({r.status for r in replies}, {200, 429}, 'statuses')
        refused = next(r for r in replies if r.status == 429)
        equal(refused.problem(), 'quota-exceeded')
        equal(int(refused.headers['Retry-After']) >= 1, True, 'Retry-After')
        equal({free.ask('GET', '/v1/me').status for _ in range(20)}, {200})
        equal(used_up(server, 'http', 'request_rate') > 0, True, 'the metric')
        time.sleep(int(refused.headers['Retry-After']))
        equal(api.ask('GET', '/v1/me').status, 200, 'after the time that it was told')
        set_quota(server, name, request_rate=None)
        equal({api.ask('GET', '/v1/me').status for _ in range(20)}, {200})


@cases('HTTP: bytes in and out count, whatever the request: what is too much keeps the next one waiting')
def http_bytes(server):
    topic = new_topic(server)
    for quota, grants in (('producer_byte_rate', 'write'), ('consumer_byte_rate', 'read')):
        name = limited_user(server, (grants, 'topic:' + topic), **{quota: 1000})
        ask_root(server, 200, 'POST', '/v1/topics/%s/records' % topic, b'x' * 20000, type='application/octet-stream')
        with api_as(server, name) as api:
            if quota == 'producer_byte_rate':
                api(200, 'POST', '/v1/topics/%s/records' % topic, b'x' * 20000, type='application/octet-stream')
            else:
                equal(len(api(200, 'GET', '/v1/topics/%s/partitions/0/records' % topic)['records']) > 0, True)
            equal(api(429, 'GET', '/v1/me'), 'quota-exceeded')


@cases('HTTP: a stream of lines is taken as fast as its user may send')
def http_lines(server):
    topic = new_topic(server)
    name = limited_user(server, ('write', 'topic:' + topic), producer_byte_rate=100_000)
    lines = b''.join(b'{"value":"%s"}\n' % (b'x' * 985) for _ in range(300))
    with api_as(server, name) as api:
        began = time.monotonic()
        api(200, 'POST', '/v1/topics/%s/records' % topic, lines, type='application/x-ndjson')
        equal(time.monotonic() - began > 1, True, '300 kB at 100 kB/s, of which a second is free')


@cases('a WebSocket: each message is a request, and what goes out waits for the quota of its user')
def websocket(server):
    topic = new_topic(server)
    name = limited_user(server, ('read,write', 'topic:' + topic), request_rate=2)
    with live_as(server, name) as socket:
        for i in range(20):
            socket.send_frame(TEXT, json.dumps({'op': 'ping', 'id': i}).encode())
        answers = [json.loads(socket.text()) for _ in range(20)]
        equal({a['type'] for a in answers}, {'pong', 'error'}, answers)
        refused = next(a for a in answers if a['type'] == 'error')
        equal((refused['problem']['status'], refused['problem']['type']), (429, 'urn:leat:problem:quota-exceeded'))
    for _ in range(30):
        ask_root(server, 200, 'POST', '/v1/topics/%s/records' % topic, b'y' * 10000, type='application/octet-stream')
    name = limited_user(server, ('read', 'topic:' + topic), consumer_byte_rate=100_000)
    with live_as(server, name) as socket:
        began = time.monotonic()
        socket.send_frame(TEXT, json.dumps({'op': 'subscribe', 'topic': topic, 'from': 'earliest', 'id': 0}).encode())
        events = [json.loads(socket.text()) for _ in range(31)]
        equal(sum(e['type'] == 'record' for e in events), 30)
        equal(time.monotonic() - began > 1, True, '300 kB at 100 kB/s, of which a second is free')


@cases('WebSockets and event streams are counted: one more than a user may have gets 429')
def connections(server):
    topic = new_topic(server)
    name = limited_user(server, ('read', 'topic:' + topic), connection_limit=2)
    with live_as(server, name), api_as(server, name) as api:
        api.connection.request('GET', '/v1/events?topic=' + topic, headers=api.own)
        stream = api.connection.getresponse()  # which ends with this
        equal(stream.status, 200)
        equal(live_as(server, name).status, 429)
        with api_as(server, name) as again:
            equal(again(429, 'GET', '/v1/events?topic=' + topic), 'too-many-connections')
        equal(live_as(server, limited_user(server, connection_limit=1)).status, 101, 'of another user')
    wait_for('a place that is free again', lambda: live_as(server, name).status == 101)


@cases('SQS and SNS: who asks too often is told so in words that SDKs know, and others are not')
def amazon_requests(server):
    endpoint = 'http://127.0.0.1:%d' % server.sqs_port
    free = amazon('sqs', endpoint, new_access_key(server, new_user(server)))
    for service, action, code in (('sqs', 'list_queues', 'RequestThrottled'), ('sns', 'list_topics', 'Throttling')):
        name = limited_user(server, request_rate=1)
        client = amazon(service, endpoint, new_access_key(server, name))
        codes = set()
        for _ in range(10):
            try:
                getattr(client, action)()
            except ClientError as error:
                codes.add(error.response['Error']['Code'])
        equal([c.startswith(code) for c in codes], [True], codes)
        free.list_queues()
        patient = amazon(service, endpoint, new_access_key(server, limited_user(server, request_rate=5)),
                         retries={'max_attempts': 20, 'mode': 'standard'})
        for _ in range(15):
            getattr(patient, action)()  # the SDK tries again by itself
    equal(used_up(server, 'sqs', 'request_rate') > 0, True, 'the metric')


@cases('Redis: who sends too much is not read for as long, others are, and nothing is refused')
def redis_requests(server):
    name, other = limited_user(server, ('read,write', 'key:*'), request_rate=20), new_user(server, ('read', 'key:*'))
    client = connect(server.resp, retry=None, username=name, password=PASSWORD)
    free = connect(server.resp, retry=None, username=other, password=PASSWORD)
    began = time.monotonic()
    for i in range(60):
        client.set('k%d' % i, i)
    equal(time.monotonic() - began > 1.5, True, '60 commands at 20/s, of which 20 are free')
    began = time.monotonic()
    with client.pipeline(transaction=False) as pipe:
        for i in range(60):
            pipe.get('k%d' % i)
        equal(pipe.execute(), [str(i) for i in range(60)], 'all are answered')
    equal(time.monotonic() - began > 1.5, True, 'what is sent at once waits too')
    began = time.monotonic()
    for _ in range(4):  # who comes anew each time, with the rest of the commands behind AUTH
        with socket.create_connection(('127.0.0.1', int(server.resp.rpartition(':')[2])), timeout=30) as raw:
            raw.sendall(b'AUTH %s %s\r\n' % (name.encode(), PASSWORD.encode()) + b'GET k1\r\n' * 20 + b'RESET\r\n')
            answer = b''
            while b'+RESET' not in answer:
                answer += raw.recv(65536)
    equal(time.monotonic() - began > 1.5, True, 'and so does who logs in and out')
    for _ in range(100):
        free.get('k')
    equal(used_up(server, 'resp', 'request_rate') > 0, True, 'the metric')
    name = limited_user(server, ('read,write', 'key:*'), producer_byte_rate=100_000, consumer_byte_rate=100_000)
    client = connect(server.resp, retry=None, username=name, password=PASSWORD)
    began = time.monotonic()
    client.set('large', b'x' * 250_000)
    client.ping()
    equal(time.monotonic() - began > 1, True, '250 kB in at 100 kB/s')
    began = time.monotonic()
    client.get('large')
    client.ping()
    client.ping()
    equal(time.monotonic() - began > 1, True, '250 kB out at 100 kB/s')


@cases('Redis: who came in, who did not, and what was refused is in the audit log')
def redis_audit(server):
    name = new_user(server, ('read', 'key:a*'))
    client = connect(server.resp, retry=None, username=name, password=PASSWORD)
    for words in (('GET', 'b'), ('CONFIG', 'SET', 'maxmemory', '0'), ('PUBLISH', 'c', 'secret message')):
        try:
            client.execute_command(*words)
            raise AssertionError('%s was allowed' % (words,))
        except Exception as refused:  # noqa: BLE001
            equal('no permissions' in str(refused) or 'NOPERM' in str(refused), True, refused)
    try:
        connect(server.resp, retry=None, username=name, password='wrong').ping()
    except Exception:  # noqa: BLE001
        pass
    wait_audited(server, event='came_in', protocol='resp', principal='User:' + name)
    wait_audited(server, event='failed_to_come_in', protocol='resp', user=name)
    refused = wait_audited(server, 3, event='refused', protocol='resp', principal='User:' + name)
    equal([(r['operation'].lower(), r['type'], r['name'].lower()) for r in refused],
          [('get', 'key', 'b'), ('config|set', 'command', 'config|set'), ('publish', 'channel', 'c')])
    equal([r for r in audited(server) if 'secret message' in json.dumps(r) or 'wrong' in json.dumps(r)], [])


def main():
    return run_secured(cases)


if __name__ == '__main__':
    sys.exit(main())
