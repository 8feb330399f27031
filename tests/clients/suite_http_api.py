#!/usr/bin/python3
"""The resources of the HTTP API, as people use them, and as other protocols see them: suite_http_api.py [ADDRESS],
which is not used: the suite has a server of its own, with all listeners."""
import base64
import json
import subprocess
import sys
import threading
import time

import confluent_kafka
import confluent_kafka.admin

from harness import Cases, equal, unique, wait_for
from http_support import BYTES, JSON, LINES, Api, curl, curl_json, lines_of, quoted, run_suite
from resp_support import connect

cases = Cases('http_api')
BINARY = bytes(range(256))


def b64(data):
    return base64.b64encode(data).decode()


def new_topic(api, partitions=1, **config):
    name = unique('topic')
    api(201, 'POST', '/v1/topics', {'name': name, 'partitions': partitions, 'config': config})
    return name


def new_queue(api, name=None, **settings):
    name = name or unique('queue')
    api(201, 'POST', '/v1/queues', {'name': name, 'settings': settings})
    return name


def kafka_read(server, topic, count, partition=0):
    consumer = confluent_kafka.Consumer({'bootstrap.servers': server.address, 'group.id': 'none', 'log_level': 0,
                                         'enable.auto.commit': False})
    consumer.assign([confluent_kafka.TopicPartition(topic, partition, 0)])
    messages = []
    wait_for('%d records' % count, lambda: messages.extend(consumer.consume(count, 0.2)) or len(messages) >= count)
    consumer.close()
    return messages


def values_of(answer):
    return [record.get('value') for record in answer['records']]


# ---- Topics and records ---------------------------------------------------------------------------------------------

@cases('curl: a topic is made, listed, shown, changed and deleted')
def topics(server):
    name = unique('orders')
    made = curl(server, '/v1/topics', '--json', json.dumps({'name': name, 'partitions': 2,
                                                            'config': {'retention.ms': 60000}}))
    equal((made.status, made.headers['Location']), (201, '/v1/topics/' + name))
    equal((made.json()['name'], made.json()['partitions'], made.json()['config']['retention.ms']), (name, 2, '60000'))
    again = curl(server, '/v1/topics', '--json', json.dumps({'name': name}))
    equal((again.status, again.problem()), (409, 'exists'))
    shown = curl(server, '/v1/topics/' + name)
    equal(shown.json(), made.json())
    tag = shown.headers['ETag']
    change = ['-X', 'PATCH', '--json', json.dumps({'partitions': 3, 'config': {'retention.ms': None,
                                                                               'segment.bytes': 1 << 20}})]
    equal(curl(server, '/v1/topics/' + name, *change, '-H', 'If-Match: "other"').status, 412)
    changed = curl(server, '/v1/topics/' + name, *change, '-H', 'If-Match: ' + tag)
    equal((changed.status, changed.json()['partitions'], changed.json()['config']['retention.ms'],
           changed.json()['config']['segment.bytes']), (200, 3, '604800000', '1048576'))
    equal(curl(server, '/v1/topics/' + name, *change, '-H', 'If-Match: ' + tag).problem(), 'precondition-failed')
    equal(curl(server, '/v1/topics/' + name, '-H', 'If-None-Match: ' + changed.headers['ETag']).status, 304)
    fewer = curl(server, '/v1/topics/' + name, '-X', 'PATCH', '--json', '{"partitions":1}')
    equal((400 <= fewer.status < 500, bool(fewer.problem())), (True, True))
    equal([p['partition'] for p in curl_json(server, '/v1/topics/%s/partitions' % name)['items']], [0, 1, 2])
    admin = confluent_kafka.admin.AdminClient({'bootstrap.servers': server.address, 'log_level': 0})
    equal(len(admin.list_topics(name, 30).topics[name].partitions), 3, 'partitions that clients of Kafka see')
    gone = curl(server, '/v1/topics/' + name, '-X', 'DELETE')
    equal((gone.status, gone.body), (204, b''))
    equal(curl(server, '/v1/topics/' + name).problem(), 'not-found')


@cases('pages: every topic, queue and group comes once, in order, however long a page is')
def pages(server):
    with Api(server) as api:
        prefix = unique('paged')
        names = ['%s-%02d' % (prefix, i) for i in range(7)]
        for name in names:
            api(201, 'POST', '/v1/topics', {'name': name})
            api(201, 'POST', '/v1/queues', {'name': name + '-q', 'topic': name})
            api(200, 'PUT', '/v1/groups/%s/offsets' % name, {'offsets': [{'topic': name, 'partition': 0, 'offset': 0}]})
        for path, member, wanted in (('topics', 'name', names), ('queues', 'name', [name + '-q' for name in names]),
                                     ('groups', 'group', names)):
            for limit in (1, 3, 7, 1000):
                seen, after = [], ''
                while True:
                    at = '/v1/%s?limit=%d' % (path, limit) + ('&prefix=' + prefix if path != 'groups' else '') + after
                    page = api(200, 'GET', at)
                    equal(len(page['items']) <= limit, True, 'items of a page')
                    seen += [item[member] for item in page['items'] if item[member].startswith(prefix)]
                    if 'next' not in page:
                        break
                    after = '&after=' + quoted(page['next'])
                equal(seen, wanted, '%s by %d' % (path, limit))


@cases('records in every form of JSON come back as they were, and a consumer of Kafka gets their bytes')
def record_forms(server):
    with Api(server) as api:
        topic = new_topic(api)
        sent = [{'value': 'text', 'key': 'k', 'timestamp': 1700000000000, 'headers': {'a': '1', 'none': None}},
                {'value_base64': b64(BINARY), 'key_base64': b64(b'\xff\0'),
                 'headers': [{'key': 'h', 'value_base64': b64(b'\xfe')}, {'key': 'h', 'value': 'again'}, {'key': 'n'}]},
                {'value': {'n': [1, 2.5, None, True]}, 'key': 17}, {'value': None, 'key': 'deleted'}, {'value': ''}, {},
                {'value': 'grüße 🐕 "\\\n', 'partition': 0}]
        placed = api(200, 'POST', '/v1/topics/%s/records' % topic, {'records': sent})['records']
        equal([(p['partition'], p['offset']) for p in placed], [(0, i) for i in range(7)])
        one = api(200, 'POST', '/v1/topics/%s/records' % topic, {'value': 'one'})['records']
        equal(one[0]['offset'], 7)
        raw = api.ask('POST', '/v1/topics/%s/records?key=r%%2Fk&partition=0&timestamp=5' % topic, BINARY, type=BYTES)
        equal(raw.json()['records'], [{'partition': 0, 'offset': 8, 'timestamp': 5}])
        found = api(200, 'GET', '/v1/topics/%s/partitions/0/records' % topic)
        equal((found['partition'], found['next'], found['end']), (0, 9, 9))
        shown = found['records']
        equal([r['offset'] for r in shown], list(range(9)))
        equal({r['topic'] for r in shown}, {topic})
        equal((shown[0]['key'], shown[0]['value'], shown[0]['timestamp'], shown[0]['headers']),
              ('k', 'text', 1700000000000, [{'key': 'a', 'value': '1'}, {'key': 'none', 'value': None}]))
        equal((shown[1]['key_base64'], shown[1]['value_base64'], 'value' in shown[1]),
              (b64(b'\xff\0'), b64(BINARY), False))
        equal(shown[1]['headers'], [{'key': 'h', 'value_base64': b64(b'\xfe')}, {'key': 'h', 'value': 'again'},
                                    {'key': 'n', 'value': None}])
        equal((json.loads(shown[2]['value']), shown[2]['key']), ({'n': [1, 2.5, None, True]}, '17'))
        equal([(r['key'], r['value']) for r in shown[3:8]],
              [('deleted', None), (None, ''), (None, None), (None, 'grüße 🐕 "\\\n'), (None, 'one')])
        equal((shown[8]['key'], shown[8]['value_base64'], shown[8]['timestamp']), ('r/k', b64(BINARY), 5))
        records = kafka_read(server, topic, 9)
        equal([(m.key(), m.value()) for m in records],
              [(b'k', b'text'), (b'\xff\0', BINARY), (b'17', b'{"n":[1,2.5,null,true]}'), (b'deleted', None),
               (None, b''),
               (None, None), (None, 'grüße 🐕 "\\\n'.encode()), (None, b'one'), (b'r/k', BINARY)])
        equal(records[0].headers(), [('a', b'1'), ('none', None)])
        equal(records[1].headers(), [('h', b'\xfe'), ('h', b'again'), ('n', None)])


@cases('curl: lines go in and come out, and where to go on is told')
def ndjson(server):
    with Api(server) as api:
        topic = new_topic(api, 3)
    sent = lines_of(*({'key': 'k%d' % (i % 10), 'value': str(i)} for i in range(1000)))
    done = curl(server, '/v1/topics/%s/records' % topic, '-H', 'Content-Type: ' + LINES, '--data-binary', '@-',
                text=sent + b'\n  \n')
    equal((done.status, done.json()), (200, {'published': 1000, 'failed': 0}))
    seen = {}
    for partition in range(3):
        at = 0
        while True:
            page = curl(server, '/v1/topics/%s/partitions/%d/records?offset=%d&limit=170' % (topic, partition, at),
                        '-H', 'Accept: ' + LINES)
            if not page.lines():
                break
            equal(len(page.lines()) <= 170, True)
            for record in page.lines():
                seen.setdefault(record['key'], []).append(int(record['value']))
            at = int(page.headers['Leat-Next'])
    equal(seen, {'k%d' % k: list(range(k, 1000, 10)) for k in range(10)}, 'in order by key')


@cases('records are found by key and by time, from an offset on, and no more than asked for')
def find(server):
    with Api(server) as api:
        topic = new_topic(api, 4)
        records = [{'key': 'key-%d' % (i % 7), 'value': str(i), 'timestamp': 1000 * i} for i in range(140)]
        placed = api(200, 'POST', '/v1/topics/%s/records' % topic, {'records': records})['records']
        mine = [str(i) for i in range(3, 140, 7)]
        at = '/v1/topics/%s/records?key=key-3' % topic
        equal(values_of(api(200, 'GET', at)), mine)
        page = api(200, 'GET', at + '&limit=5')
        equal((values_of(page), page['partition']), (mine[:5], placed[3]['partition']))
        equal(values_of(api(200, 'GET', at + '&offset=%d' % page['next'])), mine[5:])
        equal(values_of(api(200, 'GET', at + '&time=70000')), mine[10:])
        equal(values_of(api(200, 'GET', '/v1/topics/%s/records?key=absent' % topic)), [])
        partition = placed[3]['partition']
        there = [r['value'] for r, p in zip(records, placed) if p['partition'] == partition]
        at = '/v1/topics/%s/partitions/%d/records' % (topic, partition)
        equal(values_of(api(200, 'GET', at)), there)
        equal(values_of(api(200, 'GET', at + '?time=70000')), [v for v in there if int(v) >= 70])
        equal(values_of(api(200, 'GET', at + '?time=999999999')), [])
        equal(values_of(api(200, 'GET', at + '?bytes_max=1')), there[:1])
        equal(api(416, 'GET', at + '?offset=100000'), 'offset-out-of-range')
        api(400, 'GET', at + '?offset=1&time=1')
        api(404, 'GET', '/v1/topics/%s/partitions/4/records' % topic)
        equal(api(400, 'POST', '/v1/topics/%s/records' % topic, {'records': [{'value': 'x'}, {'partition': 4}]}),
              'invalid-argument')
        equal(sum(p['end'] for p in api(200, 'GET', '/v1/topics/%s/partitions' % topic)['items']), 140)


@cases('one record that is too large is told apart from those beside it')
def multi_status(server):
    with Api(server) as api:
        topic = new_topic(api, 2, **{'max.message.bytes': 1000})
        reply = api.ask('POST', '/v1/topics/%s/records' % topic, {'records': [
            {'partition': 0, 'value': 'fits'}, {'partition': 1, 'value': 'x' * 2000}]})
        equal(reply.status, 207)
        good, bad = reply.json()['records']
        equal((good['offset'], bad['error']['status'], 'offset' in bad), (0, 413, False))
        equal(api(413, 'POST', '/v1/topics/%s/records' % topic, 'x' * 2000, type='text/plain'), 'message-too-large')
        equal([p['end'] for p in api(200, 'GET', '/v1/topics/%s/partitions' % topic)['items']], [1, 0])


@cases('a long poll is woken by a producer of Kafka, and ends by itself with nothing')
def long_poll(server):
    with Api(server) as api:
        topic = new_topic(api)
        for at in ('partitions/0/records?wait_ms=60000', 'records?key=wanted&wait_ms=60000'):
            got = []
            path = '/v1/topics/%s/%s' % (topic, at)
            thread = threading.Thread(target=lambda path=path: got.append(curl_json(server, path)))
            thread.start()
            time.sleep(0.3)
            equal((got, thread.is_alive()), ([], True), 'it waits')
            producer = confluent_kafka.Producer({'bootstrap.servers': server.address, 'linger.ms': 0, 'log_level': 0})
            for key, value in (('other', 'no'), ('wanted', 'yes')) if 'key' in at else (('any', 'first'),):
                producer.produce(topic, value, key)
                producer.flush(30)
            thread.join(20)
            equal([values_of(each) for each in got], [['yes' if 'key' in at else 'first']], at)
        equal(values_of(api(200, 'GET', '/v1/topics/%s/partitions/0/records?offset=3&wait_ms=100' % topic)), [])


@cases('records before an offset are deleted')
def delete_records(server):
    with Api(server) as api:
        topic = new_topic(api)
        api(200, 'POST', '/v1/topics/%s/records' % topic, {'records': [{'value': str(i)} for i in range(10)]})
        at = '/v1/topics/%s/partitions/0/records' % topic
        equal(curl(server, at + '?before=6', '-X', 'DELETE').json(), {'start': 6})
        equal(values_of(api(200, 'GET', at)), ['6', '7', '8', '9'])
        equal(api(416, 'GET', at + '?offset=5'), 'offset-out-of-range')
        part, = api(200, 'GET', '/v1/topics/%s/partitions' % topic)['items']
        equal((part['start'], part['end']), (6, 10))
        equal(api(416, 'DELETE', at + '?before=11'), 'offset-out-of-range')
        api(400, 'DELETE', at)


@cases('kcat reads what HTTP published, and HTTP reads what kcat published, compressed with each codec')
def kcat(server):
    with Api(server) as api:
        topic = new_topic(api)
        api(200, 'POST', '/v1/topics/%s/records' % topic, {'key': 'k', 'value': 'by http', 'headers': {'h': 'v'}})
        done = subprocess.run(['kcat', '-C', '-b', server.address, '-t', topic, '-e', '-q', '-f', '%k %s %h\n'],
                              capture_output=True, text=True, timeout=60)
        equal(done.stdout, 'k by http h=v\n', done.stderr)
        codecs = ('none', 'gzip', 'snappy', 'lz4', 'zstd')
        for codec in codecs:
            text = ''.join('k:%s %d\n' % (codec, i) for i in range(20))
            subprocess.run(['kcat', '-P', '-b', server.address, '-t', topic, '-z', codec, '-K:', '-H', 'codec=' +
                            codec],
                           input=text, text=True, check=True, capture_output=True, timeout=60)
        read = api(200, 'GET', '/v1/topics/%s/partitions/0/records?offset=1' % topic)['records']
        equal([(r['value'], r['headers']) for r in read],
              [('%s %d' % (codec, i), [{'key': 'codec', 'value': codec}]) for codec in codecs for i in range(20)])
        page = api(200, 'GET', '/v1/topics/%s/partitions/0/records?offset=33&limit=2' % topic)
        equal((values_of(page), page['next']), (['gzip 12', 'gzip 13'], 35), 'from the middle of a batch')


@cases('records go to the partitions to which keys go in producers of Kafka')
def same_partitions(server):
    with Api(server) as api:
        topic = new_topic(api, 11)
        keys = ['key %d ü' % i for i in range(60)]
        placed = api(200, 'POST', '/v1/topics/%s/records' % topic,
                     {'records': [{'key': key, 'value': 'x'} for key in keys]})
        where = {}
        producer = confluent_kafka.Producer({'bootstrap.servers': server.address, 'partitioner': 'murmur2_random',
                                             'log_level': 0})
        for key in keys:
            producer.produce(topic, 'y', key, on_delivery=lambda _, m: where.update({m.key().decode(): m.partition()}))
        equal(producer.flush(30), 0)
        equal({key: p['partition'] for key, p in zip(keys, placed['records'])}, where)


# ---- Groups ---------------------------------------------------------------------------------------------------------

@cases('a real consumer’s group: members, offsets, lag; its offsets are set, and it goes on there')
def groups(server):
    with Api(server) as api:
        topic, group = new_topic(api), unique('group')
        api(200, 'POST', '/v1/topics/%s/records' % topic, {'records': [{'value': str(i)} for i in range(10)]})
        equal(api(404, 'GET', '/v1/groups/' + group), 'not-found')

        def consume(count):
            consumer = confluent_kafka.Consumer({'bootstrap.servers': server.address, 'group.id': group, 'log_level': 0,
                                                 'client.id': 'me', 'auto.offset.reset': 'earliest',
                                                 'enable.auto.commit': False})
            consumer.subscribe([topic])
            values = []
            wait_for('records', lambda: values.extend(consumer.consume(count - len(values), 0.2)) or
                     len(values) >= count)
            consumer.commit(message=values[-1], asynchronous=False)
            return consumer, [m.value().decode() for m in values]
        consumer, values = consume(4)
        equal(values, ['0', '1', '2', '3'])
        shown = api(200, 'GET', '/v1/groups/' + group)
        equal((shown['group'], shown['state'].lower(), shown['protocol_type'], shown['lag']),
              (group, 'stable', 'consumer', 6))
        equal([m['client_id'] for m in shown['members']], ['me'])
        equal(shown['offsets'], [{'topic': topic, 'partition': 0, 'committed': 4, 'end': 10, 'lag': 6}])
        wanted = {'offsets': [{'topic': topic, 'partition': 0, 'offset': 8, 'metadata': 'by hand'}]}
        equal(api(409, 'PUT', '/v1/groups/%s/offsets' % group, wanted), 'group-not-empty')
        equal(api(409, 'DELETE', '/v1/groups/' + group), 'group-not-empty')
        consumer.close()
        equal(api(200, 'GET', '/v1/groups/' + group)['offsets'][0]['committed'], 4, 'what was not asked for')
        done = curl(server, '/v1/groups/%s/offsets' % group, '-X', 'PUT', '--json', json.dumps(wanted))
        equal((done.status, done.json()['offsets'][0]['metadata'], done.json()['lag']), (200, 'by hand', 2))
        consumer, values = consume(2)
        equal(values, ['8', '9'])
        consumer.close()
        equal(group in [g['group'] for g in api(200, 'GET', '/v1/groups?limit=1000')['items']], True)
        api(404, 'PUT', '/v1/groups/%s/offsets' % group, {'offsets': [{'topic': topic, 'partition': 1, 'offset': 0}]})
        # What was deleted before it was read counts, as it does for Kafka's tools.
        api(200, 'PUT', '/v1/groups/%s/offsets' % group, {'offsets': [{'topic': topic, 'partition': 0, 'offset': 1}]})
        api(200, 'DELETE', '/v1/topics/%s/partitions/0/records?before=5' % topic)
        equal(api(200, 'GET', '/v1/groups/' + group)['lag'], 9)
        equal(curl(server, '/v1/groups/' + group, '-X', 'DELETE').status, 204)
        equal(api(404, 'GET', '/v1/groups/' + group), 'not-found')


# ---- Keys -----------------------------------------------------------------------------------------------------------

@cases('curl: keys are set, read, conditional, timed and deleted, and Redis sees them')
def keys(server):
    r = connect(server.resp, decode_responses=False)
    key = unique('a/key ü')
    at = '/v1/keys/' + quoted(key)
    made = curl(server, at, '-X', 'PUT', '--data-binary', '@-', text=BINARY)
    equal((made.status, r.get(key)), (201, BINARY))
    shown = curl(server, at)
    equal((shown.body, shown.type, shown.headers['Leat-Type'], shown.headers['Leat-Ttl-Ms'], shown.headers['ETag']),
          (BINARY, BYTES, 'string', None, made.headers['ETag']))
    equal(curl(server, at, '-H', 'If-None-Match: ' + made.headers['ETag']).status, 304)
    equal(curl(server, at, '-X', 'PUT', '-d', 'x', '-H', 'If-None-Match: *').problem(), 'precondition-failed')
    equal(curl(server, at, '-X', 'PUT', '-d', 'x', '-H', 'If-Match: "no"').status, 412)
    changed = curl(server, at + '?ttl_ms=60000', '-X', 'PUT', '-d', 'two', '-H', 'If-Match: ' + made.headers['ETag'])
    equal((changed.status, r.get(key), 0 < r.pttl(key) <= 60000), (204, b'two', True))
    equal(0 < int(curl(server, at).headers['Leat-Ttl-Ms']) <= 60000, True)
    r.set(key, 'by redis')
    equal(curl(server, at).body, b'by redis')
    equal(curl(server, at, '-X', 'DELETE', '-H', 'If-Match: ' + changed.headers['ETag']).status, 412)
    equal((curl(server, at, '-X', 'DELETE').status, r.exists(key)), (204, 0))
    equal((curl(server, at).problem(), curl(server, at, '-X', 'DELETE').problem()), ('not-found', 'not-found'))
    equal(curl(server, at + '?db=3', '-X', 'PUT', '-d', 'in 3', '-H', 'If-None-Match: *').status, 201)
    equal((r.exists(key), connect(server.resp, db=3).get(key)), (0, 'in 3'))
    curl(server, at + '?ttl_ms=1', '-X', 'PUT', '-d', 'short')
    wait_for('the end of its time', lambda: curl(server, at).status == 404)


@cases('keys of every type are shown, and found by pattern and type')
def value_types(server):
    r = connect(server.resp)
    prefix = unique('types')
    r.hset(prefix + 'hash', mapping={'a': '1', 'b': 'x'})
    r.rpush(prefix + 'list', 'a', 'b', b'\xff')
    r.sadd(prefix + 'set', 'one')
    r.zadd(prefix + 'zset', {'m': 1.5, 'n': 2})
    r.xadd(prefix + 'stream', {'f': 'v'}, id='5-1')
    r.set(prefix + 'string', 'text')
    wanted = {'hash': {'a': '1', 'b': 'x'}, 'list': ['a', 'b', {'base64': '/w=='}], 'set': ['one'],
              'zset': [['m', 1.5], ['n', 2]], 'stream': [['5-1', ['f', 'v']]]}
    with Api(server) as api:
        for kind, value in wanted.items():
            reply = api.ask('GET', '/v1/keys/' + prefix + kind)
            equal((reply.json(), reply.headers['Leat-Type']), ({'type': kind, 'value': value}, kind))

        def listed(more):
            found, after = [], ''
            while True:
                page = api(200, 'GET', '/v1/keys?limit=3&match=%s*%s%s' % (quoted(prefix), more, after))
                found += page['items']
                if 'next' not in page:
                    return sorted(set(found))
                after = '&after=' + page['next']
        equal(listed(''), sorted(prefix + kind for kind in [*wanted, 'string']))
        for kind in [*wanted, 'string']:
            equal(listed('&type=' + kind), [prefix + kind])
        api(400, 'GET', '/v1/keys?type=thing')
        equal(api.ask('PUT', '/v1/keys/' + prefix + 'hash', b'now a string', type=BYTES, If_None_Match='*').status, 412)


@cases('commands run one after the other, and what fails does not stop the others')
def commands(server):
    with Api(server) as api:
        key = unique('n')
        equal(api(200, 'POST', '/v1/commands', {'command': ['INCRBY', key, 41]}), {'results': [{'value': 41}]})
        numbers = '{"commands": [["SET", "%s", 1.10], ["GET", "%s"], ["ECHO", 12345678901234567890123], ["DEL", "%s"]]}' % ((unique('m'),) * 3)
        equal([each.get('value') for each in api(200, 'POST', '/v1/commands', numbers.encode())['results']],
              ['OK', '1.10', '12345678901234567890123', 1])
        results = api(200, 'POST', '/v1/commands', {'db': 0, 'commands': [
            ['INCR', key], ['HGET', key, 'f'], ['NOSUCH'], ['GET', key], ['SET', key], ['MGET', key, 'none'],
            ['INCRBYFLOAT', key, 0.5]]})['results']
        equal(results[0], {'value': 42})
        equal(('WRONGTYPE' in results[1]['error'], 'unknown command' in results[2]['error']), (True, True))
        equal((results[3], 'error' in results[4], results[5]), ({'value': '42'}, True, {'value': ['42', None]}))
        equal(results[6], {'value': '42.5'})
        api(200, 'POST', '/v1/commands', {'db': 5, 'command': ['SET', key, 'elsewhere']})
        equal((connect(server.resp).get(key), connect(server.resp, db=5).get(key)), ('42.5', 'elsewhere'))
        for bad in ({}, {'command': []}, {'commands': []}, {'command': ['PING'], 'commands': [['PING']]},
                    {'command': [None]}):
            api(400, 'POST', '/v1/commands', bad)


# ---- Locks and channels ---------------------------------------------------------------------------------------------

@cases('curl: a lock is held, waited for, extended and released, and its tokens grow')
def locks(server):
    lock = unique('a/lock')
    at = '/v1/locks/' + quoted(lock)
    first = curl(server, at, '--json', '{"ttl_ms":60000,"owner":"me"}')
    equal((first.status, first.json()['ttl_ms']), (201, 60000))
    token = first.json()['token']
    shown = curl_json(server, at)
    equal((shown['lock'], shown['token'], shown['owner'], shown['waiting'], 0 < shown['ttl_ms'] <= 60000),
          (lock, token, 'me', 0, True))
    equal(curl(server, at, '--json', '{"ttl_ms":60000,"wait_ms":20}').problem(), 'lock-held')
    equal(curl(server, at, '-X', 'PATCH', '--json', json.dumps({'token': token + 1, 'ttl_ms': 5})).problem(),
          'not-held')
    equal(curl_json(server, at, {'token': token, 'ttl_ms': 120000}, '-X', 'PATCH')['ttl_ms'], 120000)
    got = []
    waiting = threading.Thread(target=lambda: got.append(curl(server, at, '--json',
                                                              '{"ttl_ms":60000,"wait_ms":30000}')))
    waiting.start()
    wait_for('somebody who waits', lambda: curl_json(server, at)['waiting'] == 1)
    equal(curl(server, at + '?token=%d' % (token + 1), '-X', 'DELETE').problem(), 'not-held')
    equal(curl(server, at + '?token=%d' % token, '-X', 'DELETE').status, 204)
    waiting.join(30)
    equal((got[0].status, got[0].json()['token'] > token), (201, True))
    equal(curl(server, at + '?token=%d' % got[0].json()['token'], '-X', 'DELETE').status, 204)
    equal(curl(server, at).problem(), 'not-found')
    with Api(server) as api:
        other, tokens = unique('lock'), [token, got[0].json()['token']]
        tokens.append(api(201, 'POST', at, {'ttl_ms': 60000, 'keys': [other]})['token'])
        equal(api(409, 'POST', '/v1/locks/' + other, {'ttl_ms': 1}), 'lock-held', 'held with the first')
        equal(sorted(api(200, 'GET', at)['keys']), sorted([lock, other]))
        api(204, 'DELETE', at + '?token=%d' % tokens[-1])
        tokens.append(api(201, 'POST', at, {'ttl_ms': 1})['token'])
        wait_for('the end of its time', lambda: api.ask('GET', at).status == 404)
        tokens.append(api(201, 'POST', at, {'ttl_ms': 60000})['token'])
        equal(tokens, sorted(set(tokens)), 'tokens')
        equal(api(409, 'DELETE', at + '?token=%d' % tokens[-2]), 'not-held')


@cases('who goes away while waiting for a lock does not get it')
def lock_without_client(server):
    with Api(server) as api, Api(server) as leaver:
        at = '/v1/locks/' + unique('lock')
        token = api(201, 'POST', at, {'ttl_ms': 60000})['token']
        leaver.connection.request('POST', at, json.dumps({'ttl_ms': 60000, 'wait_ms': 60000}), {'Content-Type': JSON})
        wait_for('somebody who waits', lambda: api(200, 'GET', at)['waiting'] == 1)
        leaver.close()
        wait_for('nobody to wait', lambda: api(200, 'GET', at)['waiting'] == 0)
        api(204, 'DELETE', at + '?token=%d' % token)
        equal(api(404, 'GET', at), 'not-found')


@cases('subscribers of Redis get the bytes that are published, and are listed')
def channels(server):
    r = connect(server.resp, decode_responses=False)
    channel = unique('news/ü')
    at = '/v1/channels/%s/messages' % quoted(channel)
    equal(curl(server, at, '--data-binary', '@-', text=b'nobody').json(), {'receivers': 0})
    p = r.pubsub(ignore_subscribe_messages=True)
    p.subscribe(channel)
    listed = '/v1/channels?match=' + quoted('*' + channel[-8:])
    wait_for('the subscription', lambda: curl_json(server, listed)['items'] == [{'channel': channel, 'subscribers': 1}])
    for data in (BINARY, b'', b'{"json":1}'):
        equal(curl(server, at, '--data-binary', '@-', '-H', 'Content-Type: ' + BYTES, text=data).json(),
              {'receivers': 1})
        equal(wait_for('the message', lambda: p.get_message(timeout=1))['data'], data)
    p.close()
    wait_for('its end', lambda: curl_json(server, listed)['items'] == [])
    equal(curl(server, '/v1/channels/topic:x/messages', '-d', 'x').status, 400)


@cases('curl: the server tells what it is, its document, and a page for people')
def index(server):
    equal(curl_json(server, '/v1')['name'], 'leat')
    for link in curl_json(server, '/v1')['links'].values():
        equal(curl(server, link).status in (200, 400, 426), True, link)
    shown = curl_json(server, '/v1/server')
    equal((len(shown['shards']) > 0, shown['topics'] > 0), (True, True))
    equal(curl_json(server, '/v1/openapi.json')['openapi'], '3.1.0')
    page = curl(server, '/', '-H', 'Accept: text/html')
    equal((page.status, page.type, b'<html' in page.body.lower()), (200, 'text/html', True))


def main():
    return run_suite(cases)


if __name__ == '__main__':
    sys.exit(main())
