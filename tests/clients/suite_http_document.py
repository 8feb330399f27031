#!/usr/bin/python3
"""Requests drawn from the document that the HTTP API serves of itself, good ones and bad ones: suite_http_document.py
[ADDRESS], which is not used. SEED=n draws the same ones again; REQUESTS=n are drawn of each operation."""
import json
import os
import random
import sys
import warnings

import yaml

from harness import ROOT, Cases, equal, short, unique
from http_support import BYTES, JSON, LINES, Api, lines_of, new_server, operations, quoted

warnings.simplefilter('ignore')  # of the older and the newer way to resolve references
import jsonschema  # noqa: E402

cases = Cases('http_document')
REQUESTS = int(os.environ.get('REQUESTS') or 100)  # of each operation
ROOT_PASSWORD = 'root, of = all'
SEED = int(os.environ.get('SEED') or random.randrange(1 << 32))
COMMANDS = [['PING'], ['GET', 'k'], ['SET', 'k', 'v'], ['INCR', 'n'], ['HGETALL', 'h'], ['HSET', 'h', 'f', 1],
            ['LPUSH', 'l', 'a'],
            ['LPOP', 'l'], ['LRANGE', 'l', 0, -1], ['ZADD', 'z', 1.5, 'm'], ['ZRANGE', 'z', 0, -1, 'WITHSCORES'],
            ['TYPE', 'k'],
            ['EXISTS', 'k', 'h'], ['SCAN', 0], ['XADD', 's', '*', 'f', 'v'], ['XLEN', 's'], ['NOSUCH'], ['GET'],
            ['ECHO', 'ü'],
            ['EXPIRE', 'k', 100], ['OBJECT', 'ENCODING', 'k'], ['GEOADD', 'g', 1, 2, 'm'], ['BITCOUNT', 'k'], ['TIME'],
            ['MULTI'], ['EXEC'], ['SUBSCRIBE', 'c'], ['SELECT', 1], ['HELLO', 3], ['COMMAND', 'COUNT'], ['WAIT', 0, 1],
            ['BLPOP', 'none', 0.01], ['EVAL', 'return {1, "a", {2.5}}', 0]]
TEXTS = ['', 'a', 'fixed', 'ü🐕', 'a b', 'x/y', '%', '..', '"', '\\', '\n', '\0', 'k' * 200, '*', '[', 'topic:fixed',
         '0', '-1', 'null']
WRONG = [None, True, False, -1, 0, 1.5, 'x', '', [], {}, [[]], {'x': 1}, 1 << 31, 1 << 63, 1 << 64, -(1 << 63),
         'x' * 40000]
# Names of settings, else those drawn are never known.
SETTINGS = ['retention.ms', 'segment.bytes', 'cleanup.policy', 'lease_ms', 'delay_ms', 'order', 'deliveries_max']


class Draw:
    """Values of schemas."""

    def __init__(self, rng, document):
        self.rng, self.document, self.validators = rng, document, {}

    def validator(self, schema):
        key = id(schema)
        if key not in self.validators:
            self.validators[key] = jsonschema.Draft202012Validator(
                schema, resolver=jsonschema.RefResolver.from_schema(self.document)), schema
        return self.validators[key][0]

    def fault(self, schema, value):
        error = jsonschema.exceptions.best_match(self.validator(schema).iter_errors(value))
        return error and '%s: %s' % ('/'.join(map(str, error.absolute_path)), short(error.message))

    def text(self, schema, name=''):
        if 'enum' in schema:
            return self.rng.choice(schema['enum'])
        if name == 'topic' and self.rng.random() < .8:
            return 'fixed'
        if name == 'name' and self.rng.random() < .6:
            return unique('n')
        if name == 'receipts':
            return '0.%d.0.1' % self.rng.randrange(9)
        if name == 'principal':
            return self.rng.choice(['User:fixed', 'Role:fixed'])
        if name == 'host':
            return self.rng.choice(['*', '10.0.0.1', 'nowhere'])
        texts = [t for t in TEXTS if schema.get('minLength', 0) <= len(t.encode()) <= schema.get('maxLength', 1 << 20)]
        return self.rng.choice(texts)

    def integer(self, schema, name=''):
        low, high = schema.get('minimum', 0), schema.get('maximum', 1 << 62)
        if name in ('wait_ms', 'max'):
            high = min(high, 20)  # it would take long
        if name in ('partition', 'partitions') and self.rng.random() < .9:
            high = low + 1
        if name == 'partitions':
            high = min(high, 3)
        return self.rng.choice([low, high, min(low + 1, high), self.rng.randint(low, high),
                                self.rng.randint(low, min(high, low + 9))])

    def value(self, schema, name=''):
        rng = self.rng
        while '$ref' in schema:
            at = self.document
            for step in schema['$ref'].removeprefix('#/').split('/'):
                at = at[step]
            if step == 'Command':
                return rng.choice(COMMANDS)
            schema = at
        if 'oneOf' in schema and 'properties' not in schema:
            return self.value(rng.choice(schema['oneOf']), name)
        kind = schema.get('type')
        if isinstance(kind, list):
            kind = rng.choice(kind)
        if kind is None:
            return rng.choice([None, 'text', 5, 1.5, True, {'a': [1]}, [None], 'ü'])
        if name in ('user', 'client_id', 'ip'):
            return '10.9.8.7' if name == 'ip' else 'fixed'  # quotas of everyone would be of who asks too
        if kind == 'object':
            return self.object(schema)
        if kind == 'array':
            count = rng.randint(schema.get('minItems', 0), min(schema.get('maxItems', 3), 3))
            return [self.value(schema.get('items', {}), name) for _ in range(count)]
        if kind == 'string':
            return rng.choice(['', 'eA==', '/w==', 'YWJj']) if name.endswith('_base64') else self.text(schema, name)
        if kind == 'integer':
            return self.integer(schema, name)
        return {'number': rng.choice([0, 1, 2.5, 1e9]), 'boolean': rng.random() < .5, 'null': None}[kind]

    def object(self, schema):
        rng, wanted = self.rng, set(schema.get('required', ()))
        known = schema.get('properties', {})
        if 'oneOf' in schema:
            wanted |= set(rng.choice(schema['oneOf'])['required'])
        elif schema.get('maxProperties') == 1:
            wanted = {rng.choice(list(known))}
        else:
            wanted |= {name for name in known if rng.random() < .3}
        for name in [n for n in wanted if n.endswith('_base64') and n.removesuffix('_base64') in wanted]:
            wanted.discard(name)  # they exclude each other, which the schema does not say
        if 'oneOf' in schema:
            wanted |= {'db'} & set(known) if rng.random() < .3 else set()
        drawn = {name: self.value(known[name], name) for name in sorted(wanted)}
        if isinstance(schema.get('additionalProperties'), dict):
            for _ in range(rng.choice((0, 0, 1, 2))):
                drawn[rng.choice(SETTINGS)] = self.value(schema['additionalProperties'])
        return drawn

    def spoilt(self, value, depth=0):
        """`value` with one thing in it that is another; often, but not always, against its schema."""
        rng = self.rng
        if isinstance(value, dict) and rng.random() < .85:
            name = rng.choice([*value, 'unknown'])
            what = rng.random()
            if name in value and what < .2:
                return {k: v for k, v in value.items() if k != name}
            return {**value, name: self.spoilt(value[name], depth + 1) if name in value else 1}
        if isinstance(value, list) and value and rng.random() < .85:
            at = rng.randrange(len(value))
            return value[:at] + [self.spoilt(value[at], depth + 1)] + value[at + 1:]
        return rng.choice(WRONG)


def as_root(server):
    return Api(server, 'root', ROOT_PASSWORD)


class Request:
    """One of an operation: its target, headers and body; `fault` says what of it is against the document."""

    def __init__(self, draw, operation, pools):
        self.draw, self.operation, rng = draw, operation, draw.rng
        self.path, self.query, self.headers, self.body, self.type, self.fault = operation.path, [], {}, None, None, None
        parts = [p for p in operation.parameters if p['in'] != 'path' or 'minimum' in p['schema'] or
                 'maxLength' in p['schema']]
        media = list(operation.body['content']) if operation.body else []
        json_body = JSON in media
        spoil = rng.choice([None] * 3 + ['parameter'] * bool(parts) + ['body'] * 2 * json_body +
                           ['unknown', 'again', 'missing'])
        victim = rng.choice(parts) if spoil == 'parameter' else None
        for parameter in operation.parameters:
            name, schema = parameter['name'], parameter['schema']
            if parameter is victim and (bad := self.bad_text(schema)) is not None:
                self.put(parameter, bad)
                self.fault = '%s is %s' % (name, short(bad))
            elif spoil == 'missing' and parameter.get('required') and parameter['in'] == 'query':
                self.fault = name + ' is missing'
            elif name == 'access_token':
                continue  # who asks is known already
            elif parameter.get('required') or rng.random() < .3:
                if parameter['in'] == 'path' and rng.random() < .8 and name in pools:
                    self.put(parameter, rng.choice(pools[name]))
                else:
                    drawn = draw.value(schema, name)
                    for each in drawn if schema.get('type') == 'array' else [drawn]:
                        self.put(parameter, str(each))
        if spoil == 'unknown':
            self.query.append('unknown=1')
            self.fault = 'unknown is no parameter'
        once = [p for p in operation.parameters if p['in'] == 'query' and p['schema'].get('type') == 'integer']
        if spoil == 'again' and once:
            self.query += ['%s=%d' % (once[0]['name'], once[0]['schema'].get('minimum', 0))] * 2
            self.fault = once[0]['name'] + ' comes twice'
        if media and (operation.body.get('required') or rng.random() < .8):
            self.set_body(rng.choice(media) if spoil != 'body' else JSON, spoil == 'body')

    def put(self, parameter, text):
        if parameter['in'] == 'path':
            # A segment of dots would be taken for a folder by clients, an empty one is another path.
            self.path = self.path.replace('{%s}' % parameter['name'], quoted(text) or '%20')
        elif parameter['in'] == 'query':
            self.query.append('%s=%s' % (parameter['name'], quoted(text)))
        else:
            self.headers[parameter['name']] = quoted(text) or ''
            if parameter['schema'].get('minLength', 0) > len(text):
                self.fault = parameter['name'] + ' is empty'

    def bad_text(self, schema):
        bad = []
        if schema.get('type') == 'integer':
            bad += ['x', '1.5', ' 1', '1 ', '0x1', '1e3', '9' * 30, '1,2', '١']
            bad += [str(schema['minimum'] - 1)] if 'minimum' in schema else []
            bad += [str(schema['maximum'] + 1)] if 'maximum' in schema else []
        if schema.get('maxLength', 1 << 20) < 2000:
            bad.append('x' * (schema['maxLength'] + 1))
        if 'enum' in schema:
            bad += ['nope', '']
        return self.draw.rng.choice(bad) if bad else None

    def set_body(self, media, spoil):
        schema, rng = self.operation.body['content'][media]['schema'], self.draw.rng
        self.type = media
        if media == JSON:
            value = self.draw.value(schema)
            if spoil:
                what = rng.random()
                if what < .1:
                    self.body = rng.choice([b'', b'{', b'{}x', b'nul', b'\xff', b'[' * 1000, b'{"a":1,}', b'"\\ud800"'])
                    if self.body or self.operation.body.get('required'):
                        self.fault = self.fault or 'the body is no JSON: %r' % self.body[:20]
                    return
                if what < .15:
                    self.type, self.body = 'text/xml', b'<x/>'
                    if not self.operation.kind_of_body:
                        self.fault = 'the type of the body'
                    return
                for _ in range(9):
                    changed = self.draw.spoilt(value)
                    if self.draw.fault(schema, changed):
                        break
                value = changed
            self.body = json.dumps(value).encode()
            if error := self.draw.fault(schema, value):
                self.fault = self.fault or 'the body %s: %s' % (short(value), error)
        elif media == LINES:
            self.body = lines_of(*(self.draw.value(schema) for _ in range(rng.randint(1, 3))))
        else:
            self.body = rng.choice([b'', b'x', bytes(range(256)), b'{"not":"parsed"}'])

    def __str__(self):
        return '%s %s%s %s %s%s' % (self.operation.method, self.path, '?' + '&'.join(self.query) if self.query else '',
                                    self.headers,
                                    self.type, short(self.body))

    def send(self, api):
        target = self.path + ('?' + '&'.join(self.query) if self.query else '')
        headers = {name.replace('-', '_'): value for name, value in self.headers.items()}
        if self.operation.id != 'streamEvents':
            return api.ask(self.operation.method, target, self.body, type=self.type, **headers)
        api.connection.request('GET', target, headers={**api.own, **self.headers})
        answer = api.connection.getresponse()
        reply = type('Head', (), {'status': answer.status, 'type': answer.headers['Content-Type'].partition(';')[0],
                                  'body': b''})
        if answer.status != 200:
            body = answer.read()
            reply.body, reply.json = body, lambda: json.loads(body)
        api.connection.close()
        return reply


def prepare(api, operation):
    """What its path may name is there, whatever the requests before did."""
    if '{topic}' in operation.path or operation.id in ('streamEvents', 'setOffsets', 'createQueue'):
        if api.ask('GET', '/v1/topics/fixed').status == 404:
            api(201, 'POST', '/v1/topics', {'name': 'fixed', 'partitions': 2})
            api(200, 'POST', '/v1/topics/fixed/records', {'key': 'a', 'value': 'x'})
    if '{queue}' in operation.path and api.ask('GET', '/v1/queues/fixed').status == 404:
        if api.ask('GET', '/v1/queues/dead').status == 404:
            api(201, 'POST', '/v1/queues', {'name': 'dead', 'topic': topic_of(api, 'dead-letters')})
        api(201, 'POST', '/v1/queues', {'name': 'fixed', 'topic': topic_of(api, 'jobs'),
                                        'settings': {'dead_letter_queue': 'dead', 'deliveries_max': 5}})
    if operation.id in ('receiveMessages', 'peekMessages'):
        api(200, 'POST', '/v1/queues/fixed/messages', {'body': 'x', 'group': 'g', 'headers': {'h': 'v'}})
    if '{group}' in operation.path:
        api(200, 'PUT', '/v1/groups/fixed/offsets', {'offsets': [{'topic': topic_of(api, 'jobs'), 'partition': 0,
                                                                  'offset': 0}]})
    if '{key}' in operation.path:
        api.ask('PUT', '/v1/keys/fixed', b'value', type=BYTES)
        api(200, 'POST', '/v1/commands', {'commands': [['DEL', 'h'], ['HSET', 'h', 'f', 1]]})
    if '{user}' in operation.path and api.ask('GET', '/v1/users/fixed').status == 404:
        api(201, 'POST', '/v1/users', {'name': 'fixed', 'password': 'x'})
    if '{lock}' in operation.path and operation.method == 'GET':
        api.ask('POST', '/v1/locks/fixed', {'ttl_ms': 1000})


def topic_of(api, name):
    api.ask('POST', '/v1/topics', {'name': name})
    return name


def check(draw, operation, request, reply):
    what = '%s: %s → %d %s' % (operation.id, request, reply.status, short(reply.body))
    assert reply.status < 500, what
    if request.fault:
        assert 400 <= reply.status, '%s was taken, though %s' % (what, request.fault)
    if reply.status >= 400:
        assert 'default' in operation.responses or str(reply.status) in operation.responses or request.fault, what
        assert reply.type == 'application/problem+json', 'no problem: ' + what
        said = reply.json()
        fault = draw.fault(draw.document['components']['schemas']['Problem'], said)
        assert not fault, (what, fault)
        assert said['type'].startswith('urn:leat:problem:') and said['status'] == reply.status, what
        return
    declared = operation.responses.get(str(reply.status))
    assert declared, 'this status is not declared: ' + what
    content = declared.get('content')
    if not content:
        assert not reply.body, what
        return
    assert reply.type in content, 'this type is not declared: ' + what
    if reply.type == JSON:
        fault = draw.fault(content[JSON]['schema'], reply.json())
        assert not fault, '%s: its body does not fit: %s' % (what, fault)


@cases('the document that is served is the one that is written, and every reference in it leads somewhere')
def document_is_whole(server):
    with as_root(server) as api:
        served = api(200, 'GET', '/v1/openapi.json')
        equal(served, yaml.safe_load((ROOT / 'src/protocol/api/openapi.yaml').read_text()))
        ids = [operation.id for operation in operations(served)]
        equal(len(ids), len(set(ids)))
        for schema in served['components']['schemas'].values():
            jsonschema.Draft202012Validator.check_schema(schema)


@cases('bodies of records and messages that say what the schema does not know are refused')
def strict_bodies(server):
    with as_root(server) as api:
        topic = topic_of(api, unique('strict'))
        api(201, 'POST', '/v1/queues', {'name': topic, 'topic': topic})
        taken = []
        for path, bodies in (('topics/%s/records', ({'timestamp': '1'}, {'headers': {'k': 1}},
                                                    {'x': 1},
                                                    {'headers': [{'key': 'k', 'x': 1}]}, {'headers': [{}]},
                                                    {'records': []}, [])),
                             ('queues/%s/messages', ({'priority': 10}, {'dedup_id': 5}, {'group': []}, {'ttl_ms': 0}, {'delay_ms': 1.5},
                                                     {'messages': {}}, 'x'))):
            for body in bodies:
                reply = api.ask('POST', '/v1/' + path % topic, json.dumps(body), type=JSON)
                if reply.status != 400:
                    taken.append((path, body, reply.status))
        equal(taken, [])


@cases('the largest and the smallest numbers do no harm: they are taken and shown again, or refused')
def extremes(server):
    with as_root(server) as api:
        topic, most = topic_of(api, unique('extreme')), (1 << 63) - 1
        api(201, 'POST', '/v1/queues', {'name': topic, 'topic': topic_of(api, topic + '-jobs')})
        records, queue, lock = '/v1/topics/%s/records' % topic, '/v1/queues/' + topic, '/v1/locks/' + topic
        at = '/v1/topics/%s/partitions/0/records' % topic
        wrong = []
        for number in (0, most - 1, most, most + 1, (1 << 64) - 1, 1 << 64, 1e300, 10 ** 40, -most - 1, -1):
            for method, path, body in (
                    ('POST', records, {'value': 'x', 'timestamp': number}), ('GET', at + '?offset=%d' % number, None),
                    ('GET', at + '?time=%d' % number, None), ('DELETE', at + '?before=%d' % number, None),
                    ('GET', records + '?key=k&offset=%d' % number, None),
                                       ('POST', records + '?timestamp=%d' % number, b'x'),
                    ('PUT', '/v1/groups/%s/offsets' % topic, {'offsets': [{'topic': topic, 'partition': 0,
                                                                           'offset': number}]}),
                    ('POST', queue + '/messages', {'body': 'x', 'ttl_ms': number}),
                    ('POST', queue + '/messages', {'body': 'x', 'delay_ms': number}),
                                       ('POST', queue + '/rewind', {'time': number}),
                    ('POST', queue + '/rewind', {'offset': number}), ('POST', queue + '/receive', {'lease_ms': number}),
                    ('POST', queue + '/acknowledge', {'receipts': ['0.%d.0.1' % number]}),
                    ('POST', queue + '/redrives', {'rate': number}), ('POST', lock, {'ttl_ms': number}),
                    ('PATCH', lock, {'token': number, 'ttl_ms': 5}), ('DELETE', lock + '?token=%d' % number, None),
                    ('PUT', '/v1/keys/%s?ttl_ms=%d' % (topic, number), b'x'), ('GET', '/v1/keys?db=%d' % number, None),
                    ('POST', '/v1/commands', {'command': ['INCRBY', topic + '-n', number]}),
                    ('GET', '/v1/events?topic=%s&time=%d' % (topic, number),
                     None) if number < 0 else ('GET', at, None)):
                reply = api.ask(method, path, body, type=BYTES if isinstance(body, bytes) else None)
                said = reply.json() if reply.type.endswith('json') else {}
                if reply.status >= 500 or (reply.status >= 400 and said.get('status') != reply.status):
                    wrong.append((method, path, short(body), reply.status, short(reply.body)))
        equal(wrong, [])
        group = api.ask('GET', '/v1/groups/' + topic)
        equal(group.status in (200, 404), True)
        if group.status == 200:
            equal([o['lag'] >= 0 for o in group.json()['offsets']], [True], 'the lag of %s' % group.json()['offsets'])
        for record in api(200, 'GET', at)['records']:
            equal(record['timestamp'] >= 0, True)
        api(200, 'GET', queue)
        equal(api(200, 'POST', queue + '/receive', {'max': 100})['messages'] is None, False)


@cases('event streams that name a topic twice do no harm when their clients leave')
def twice(server):
    with new_server() as own, Api(own.start()) as api:
        api(201, 'POST', '/v1/topics', {'name': 'a'})
        api(200, 'POST', '/v1/topics/a/records', {'value': 'x'})
        for _ in range(200):
            with Api(own) as leaver:
                leaver.connection.request('GET', '/v1/events?topic=a&topic=a&from=earliest')
                equal(leaver.connection.getresponse().status in (200, 400), True)
        equal(own.stop(), 0, 'the exit code of the server')


def add_cases():
    document = yaml.safe_load((ROOT / 'src/protocol/api/openapi.yaml').read_text())
    for written in operations(document):
        def run(server, name=written.id):
            draw = Draw(random.Random('%d %s' % (SEED, name)), server.document)
            operation = next(o for o in operations(server.document) if o.id == name)
            pools = {'topic': ['fixed'], 'queue': ['fixed'], 'group': ['fixed'], 'key': ['fixed', 'h'],
                     'lock': ['fixed'],
                     'partition': ['0', '1'], 'channel': ['fixed'], 'redrive': ['none'], 'user': ['fixed'], 'token': ['none'],
                     'access_key': ['none']}
            taken, broken = 0, []
            with as_root(server) as api:
                for _ in range(REQUESTS):
                    prepare(api, operation)
                    request = Request(draw, operation, pools)
                    reply = request.send(api)
                    taken += reply.status < 400
                    try:
                        check(draw, operation, request, reply)
                    except AssertionError as error:
                        broken.append(str(error))
                equal(api.ask('GET', '/healthz').status, 200)
            for each in broken[:6]:
                print('    ' + each)
            equal(len(broken), 0, 'requests that went wrong (SEED=%d)' % SEED)
            if name not in ('openLive', 'cancelRedrive', 'extendLock', 'releaseLock', 'deleteToken', 'deleteAccessKey'):
                equal(taken > 0, True, 'some were taken')
        cases('%s, %d requests: what is bad is refused, what is answered is as declared' % (written.id, REQUESTS))(run)


def main():
    print('    SEED=%d' % SEED)
    add_cases()
    with new_server() as server:
        server.start()
        with Api(server) as api:
            api(201, 'POST', '/v1/users', {'name': 'root', 'password': ROOT_PASSWORD, 'admin': True})
        server.document = json.loads(server.http('/v1/openapi.json')[1])
        failed = cases.run(server)
        equal(server.stop(), 0, 'the exit code of the server')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
