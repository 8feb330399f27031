#!/usr/bin/python3
"""What holds of many operations of the HTTP API alike, of every one that its document names: idempotency keys, pages, conditions.
suite_http_rules.py [ADDRESS], which is not used: users need a server of their own."""
import concurrent.futures
import json
import sys

from harness import Cases, equal, unique, wait_for
from http_support import BYTES, LINES, basic, lines_of, operations, quoted, resolved
from live_support import Live
from security_support import PASSWORD, ROOT_PASSWORD, Secured, api_as, as_root, ask_root, command, new_token, new_user, run_secured

cases = Cases('http_rules')


def document_of(server):
    with as_root(server) as root:
        return root(200, 'GET', '/v1/openapi.json')


def header_of(operation, name):
    return any(p['in'] == 'header' and p['name'] == name for p in operation.parameters)


def new_admin(server):
    return new_user(server, admin=True)


def as_live(server, user='root', password=ROOT_PASSWORD):
    return Live(server, Authorization=basic(user, password))


# ---- Idempotency keys -----------------------------------------------------------------------------------------------

class Sample:
    """A request to an operation that takes a key: `body`, and `other`, which asks for something else. made() counts what requests
    of this sample have done so far. `own`: what somebody else is answered."""

    def __init__(self, path, body, other, made, own=(200, 201, 202), settle=lambda: None):
        self.path, self.body, self.other, self.made, self.own, self.settle = path, body, other, made, own, settle

    def ask(self, api, body, key):
        return api.ask('POST', self.path, body, type=BYTES if isinstance(body, bytes) else None, Idempotency_Key=key)


def named(root, collection):
    """A sample that makes something with a name."""
    name = unique('once')
    listed = '/v1/%s?limit=1000' % collection
    more = {'scram': False, 'password': 'x'} if collection == 'users' else {}
    return Sample('/v1/' + collection, {'name': name, **more}, {'name': name + '-other', **more},
                  lambda: sum(item['name'].startswith(name) for item in root(200, 'GET', listed)['items']))


def records_once(root):
    topic = unique('once')
    root(201, 'POST', '/v1/topics', {'name': topic})
    return Sample('/v1/topics/%s/records' % topic, {'value': 'a'}, {'value': 'b'},
                  lambda: root(200, 'GET', '/v1/topics/%s/partitions' % topic)['items'][0]['end'])


def messages_once(root):
    queue = unique('once')
    root(201, 'POST', '/v1/queues', {'name': queue})
    return Sample('/v1/queues/%s/messages' % queue, {'body': 'a'}, {'body': 'b'},
                  lambda: root(200, 'GET', '/v1/queues/' + queue)['ready'])


def redrive_once(root):
    dead, queue = unique('dead'), unique('once')
    root(201, 'POST', '/v1/queues', {'name': dead})
    root(201, 'POST', '/v1/queues', {'name': queue, 'settings': {'dead_letter_queue': dead, 'deliveries_max': 1}})
    path = '/v1/queues/%s/redrives' % dead

    def redrives():
        return root(200, 'GET', path)['items']
    return Sample(path, {'rate': 5}, {'rate': 6}, lambda: len(redrives()), settle=lambda: wait_for(
        'redrives to end', lambda: all(r['state'] == 'completed' for r in redrives())))


def channel_once(root, server):
    channel, seen = unique('once'), []
    listener = as_live(server)
    listener.ask('subscribe', channel=channel)

    def heard():
        listener.ask('publish', channel=channel, data='mark')
        while (event := listener.event('message'))['data'] != 'mark':
            seen.append(event['data'])
        return len(seen)
    return Sample('/v1/channels/%s/messages' % channel, b'a', b'b', heard)


def lock_once(root):
    lock = '/v1/locks/' + unique('once')
    return Sample(lock, {'ttl_ms': 600_000}, {'ttl_ms': 600_001}, lambda: int(root.ask('GET', lock).status == 200), own=(409,))


def credential_once(root, kind):
    user = unique('once')
    root(201, 'POST', '/v1/users', {'name': user})
    path = '/v1/users/%s/%s' % (user, kind)
    return Sample(path, {'note': 'a'}, {'note': 'b'}, lambda: len(root(200, 'GET', path)['items']))


SAMPLES = {
    'createTopic': lambda root, server: named(root, 'topics'), 'createQueue': lambda root, server: named(root, 'queues'),
    'createUser': lambda root, server: named(root, 'users'), 'publishRecords': lambda root, server: records_once(root),
    'sendMessages': lambda root, server: messages_once(root), 'startRedrive': lambda root, server: redrive_once(root),
    'publishMessage': channel_once, 'acquireLock': lambda root, server: lock_once(root),
    'createToken': lambda root, server: credential_once(root, 'tokens'),
    'createAccessKey': lambda root, server: credential_once(root, 'access-keys')}


def check_once(server, sample, second, third):
    key = unique('key')
    with as_root(server) as root, api_as(server, second) as other, api_as(server, third) as another:
        first = sample.ask(root, sample.body, key)
        equal((first.status in (200, 201, 202), first.headers['Idempotent-Replayed'], sample.made()), (True, None, 1), first.body)
        sample.settle()

        def check_again():
            again = sample.ask(root, sample.body, key)
            equal((again.status, again.body, again.headers['Idempotent-Replayed']), (first.status, first.body, 'true'))
            for header in ('Location', 'Content-Type', 'Cache-Control'):
                equal(again.headers[header], first.headers[header], header)
        check_again()
        equal(sample.made(), 1, 'done once')
        reused = sample.ask(root, sample.other, key)
        equal((reused.status, reused.problem(), sample.made()), (422, 'idempotency-key-reused', 1))
        own = sample.ask(other, sample.other, key)
        equal((own.status in sample.own, own.headers['Idempotent-Replayed']), (True, None), own.body)
        sample.settle()
        if own.status < 300:
            equal(own.body == first.body and b'"receivers"' not in own.body, False, 'what somebody else was answered')
            repeated = sample.ask(other, sample.other, key)
            equal((repeated.body, repeated.headers['Idempotent-Replayed'], sample.made()), (own.body, 'true', 2))
        alike = sample.ask(another, sample.body, key)
        equal((alike.headers['Idempotent-Replayed'], alike.status < 300 or alike.status == 409), (None, True), alike.body)
        for secret in ('token', 'secret'):
            if secret in first.json() and sample.own != (409,):
                equal(alike.json()[secret] != first.json()[secret], True, 'a secret of its own')
        check_again()


@cases('every operation that takes an idempotency key does a request once, for each user, and refuses another one with the key')
def every_key(server):
    second, third, wrong = new_admin(server), new_admin(server), []
    taking = [o for o in operations(document_of(server)) if header_of(o, 'Idempotency-Key')]
    equal({o.id for o in taking} ^ set(SAMPLES), set(), 'operations with a key, and samples')
    for operation in taking:
        with as_root(server) as root:
            try:
                check_once(server, SAMPLES[operation.id](root, server), second, third)
            except AssertionError as error:
                wrong.append('%s: %s' % (operation.id, error))
    equal(wrong, [])


@cases('operations that create, publish or send take an idempotency key')
def keys_of_all(server):
    without = [o.id for o in operations(document_of(server)) if o.method == 'POST' and not header_of(o, 'Idempotency-Key') and
               o.id.startswith(('create', 'publish', 'send', 'start', 'acquireL'))]
    equal(without, [])


@cases('the same body as another type, to another path or with another query is another request')
def alike(server):
    with as_root(server) as root:
        one, two, key = unique('alike'), unique('alike'), unique('key')
        for topic in (one, two):
            root(201, 'POST', '/v1/topics', {'name': topic})
        body, at = b'{"value":"a"}', '/v1/topics/%s/records'
        root(200, 'POST', at % one, body, type='application/json', Idempotency_Key=key)
        for path, kind in ((at % one, BYTES), (at % two, 'application/json'), (at % one + '?partition=0', 'application/json')):
            equal(root(422, 'POST', path, body, type=kind, Idempotency_Key=key), 'idempotency-key-reused', '%s %s' % (path, kind))
        again = root.ask('POST', at % one, body, type='Application/JSON; charset=utf-8', Idempotency_Key=key)
        equal((again.status, again.headers['Idempotent-Replayed']), (200, 'true'))


@cases('a secret is not repeated to who may not make one: by a token that expires, or without the grant any more')
def secrets(server):
    user, key = new_user(server), unique('key')
    ending = new_token(server, user, lifetime_ms=3_600_000)[1]
    path = '/v1/users/%s/tokens' % user
    with api_as(server, user) as api, api_as(server, token=ending) as by_token:
        made = api.ask('POST', path, {}, Idempotency_Key=key)
        equal(made.status, 201)
        reply = by_token.ask('POST', path, {}, Idempotency_Key=key)
        equal((reply.status, made.json()['token'] in reply.body.decode()), (403, False))
        equal(api.ask('POST', path, {}, Idempotency_Key=key).body, made.body)
    admin = new_admin(server)
    with api_as(server, admin) as api:
        own = api.ask('POST', path, {}, Idempotency_Key=key)
        equal((own.status, own.json()['token'] != made.json()['token']), (201, True))
        ask_root(server, 204, 'POST', '/v1/grants', {'principal': 'User:' + admin, 'grants': [
            {'operation': 'all', 'type': 'cluster', 'permission': 'deny'}]})
        equal(api(403, 'POST', path, {}, Idempotency_Key=key), 'permission-denied')


@cases('who waits for a lock and goes away can come back for it with the idempotency key')
def lock_again(server):
    lock, key = '/v1/locks/' + unique('lock'), unique('key')
    with as_root(server) as root:
        held = root(201, 'POST', lock, {'ttl_ms': 600_000})['token']
        with as_root(server) as leaver:
            leaver.connection.request('POST', lock, json.dumps({'ttl_ms': 600_000, 'wait_ms': 60_000}), {
                **leaver.own, 'Content-Type': 'application/json', 'Idempotency-Key': key})
            wait_for('it to wait', lambda: root(200, 'GET', lock)['waiting'] == 1)
        root(204, 'DELETE', lock + '?token=%d' % held)
        tokens = [root(201, 'POST', lock, {'ttl_ms': 600_000, 'wait_ms': 60_000}, Idempotency_Key=key)['token'] for _ in range(2)]
        equal((tokens[0] == tokens[1], tokens[0] > held, root(200, 'GET', lock)['token']), (True, True, tokens[0]))


@cases('over a WebSocket what comes with an idempotency key is published and sent once, in its place, for each user')
def live_keys(server):
    topic, queue, channel, user = unique('once'), unique('once-q'), unique('once'), new_admin(server)
    with as_root(server) as root:
        root(201, 'POST', '/v1/topics', {'name': topic})
        root(201, 'POST', '/v1/queues', {'name': queue})
        one, two, other = as_live(server), as_live(server), as_live(server, user, PASSWORD)
        key = unique('key')
        first = one.ask('publish', topic=topic, value='a', idempotency_key=key)
        equal((first['offset'], 'replayed' in first), (0, False))
        two.last_id = 100
        again = two.ask('publish', topic=topic, value='a', idempotency_key=key)
        equal((again['offset'], again['replayed'], again['id'] != first['id']), (0, True, True))
        one.refused(422, 'idempotency-key-reused', 'publish', topic=topic, value='b', idempotency_key=key)
        one.refused(422, 'idempotency-key-reused', 'send', queue=queue, body='a', idempotency_key=key)
        equal((own := other.ask('publish', topic=topic, value='a', idempotency_key=key))['offset'], 1, str(own))
        for wrong in ('', 'x' * 256, 5, []):
            one.refused(400, 'invalid-body', 'publish', topic=topic, value='x', idempotency_key=wrong)
        missing = unique('missing')
        one.refused(404, 'not-found', 'publish', topic=missing, value='x', idempotency_key=missing)
        root(201, 'POST', '/v1/topics', {'name': missing})
        equal(one.ask('publish', topic=missing, value='x', idempotency_key=missing)['offset'], 0, 'what failed is tried again')
        key = unique('key')
        sent = [live.ask('send', queue=queue, body='a', idempotency_key=key) for live in (one, two, one)]
        equal(({each['offset'] for each in sent}, root(200, 'GET', '/v1/queues/' + queue)['ready']), ({0}, 1))
        two.ask('subscribe', channel=channel)
        for _ in range(3):
            one.ask('publish', channel=channel, data='once', idempotency_key=key + 'c')
        one.ask('publish', channel=channel, data='mark')
        equal([event['data'] for event in two.take(2, 'message')], ['once', 'mark'])
        ordered = unique('ordered')
        root(201, 'POST', '/v1/topics', {'name': ordered})
        said = [one.say('publish', topic=ordered, value=str(i), **({'idempotency_key': '%s-%d' % (key, i)} if i % 3 else {}))
                for i in range(600)]
        equal([one.answer(each).get('offset') for each in said], list(range(600)), 'in the order in which they came')
        shown = root(200, 'GET', '/v1/topics/%s/partitions/0/records?limit=1000' % ordered)['records']
        equal([r['value'] for r in shown], [str(i) for i in range(600)])
        for each in (one, two, other):
            each.leave()


@cases('what is remembered goes with the process: after a restart a request with an old key is a new one')
def forgotten(_):
    with Secured() as server:
        server.start()
        with as_root(server) as root:
            root(201, 'POST', '/v1/topics', {'name': 't'})
            for _ in range(2):
                equal(root(200, 'POST', '/v1/topics/t/records', {'value': 'x'}, Idempotency_Key='k')['records'][0]['offset'], 0)
        made = ask_root(server, 201, 'POST', '/v1/users/root/tokens', {}, Idempotency_Key='k2')
        server.stop()
        found = [str(f) for f in server.data.rglob('*') if f.is_file() and made['token'].encode() in f.read_bytes()]
        equal(found, [], 'secrets that are remembered are in memory alone')
        server.start()
        with as_root(server) as root:
            reply = root.ask('POST', '/v1/topics/t/records', {'value': 'x'}, Idempotency_Key='k')
            equal((reply.json()['records'][0]['offset'], reply.headers['Idempotent-Replayed']), (1, None))


# ---- Pages ----------------------------------------------------------------------------------------------------------

def schema_of(document, operation):
    content = operation.responses.get('200', {}).get('content', {}).get('application/json')
    return resolved(document, content['schema']) if content else {}


def lists_of(document):
    return [o for o in operations(document) if o.method == 'GET' and 'items' in schema_of(document, o).get('required', ())]


def fill(server):
    """Some of everything that can be listed, of the topic, queue and user 'paged'; returns who has to stay for that."""
    with as_root(server) as root:
        root(201, 'POST', '/v1/topics', {'name': 'paged', 'partitions': 12})
        root(201, 'POST', '/v1/queues', {'name': 'paged', 'topic': 'paged'})
        root(201, 'POST', '/v1/queues', {'name': 'paged-source', 'settings': {'dead_letter_queue': 'paged', 'deliveries_max': 1}})
        root(201, 'POST', '/v1/users', {'name': 'paged'})
        for i in range(4):
            root(201, 'POST', '/v1/topics', {'name': 'paged-%d' % i})
            root(201, 'POST', '/v1/queues', {'name': 'paged-%d' % i, 'topic': 'paged-%d' % i})
            root(201, 'POST', '/v1/users', {'name': 'paged-%d' % i})
            root(200, 'PUT', '/v1/groups/paged-%d/offsets' % i, {'offsets': [{'topic': 'paged', 'partition': 0, 'offset': 0}]})
            root(201, 'PUT', '/v1/keys/paged-%d' % i, b'x', type=BYTES)
            root(204, 'PATCH', '/v1/quotas', {'user': 'paged-%d' % i, 'limits': {'request_rate': 1e6}})
            for kind in ('tokens', 'access-keys'):
                root(201, 'POST', '/v1/users/paged/' + kind, {'note': str(i)})
            root(202, 'POST', '/v1/queues/paged/redrives')
            wait_for('its end', lambda: all(r['state'] == 'completed'
                                            for r in root(200, 'GET', '/v1/queues/paged/redrives')['items']))
    listener = as_live(server)
    for name in ('paged-a', 'paged b/%', 'pagéd-c', 'paged-d'):
        listener.ask('subscribe', channel=name)
    return listener


def pages_of(root, path, limit):
    """All items, page by page; items of no page are more than `limit`, but of keys."""
    items, after, sizes = [], '', []
    for _ in range(1000):
        page = root(200, 'GET', '%s?limit=%d%s' % (path, limit, after))
        items += page['items']
        sizes.append(len(page['items']))
        if 'next' not in page:
            return items, sizes
        after = '&after=' + quoted(page['next'])
    raise AssertionError('%s by %d does not end' % (path, limit))


@cases('every list comes in pages: by one at a time the same items come, each once, in the same order')
def every_list(server):
    listener, document, wrong = fill(server), document_of(server), []
    lists = lists_of(document)
    equal(len(lists) >= 12, True, [o.id for o in lists])
    with as_root(server) as root:
        for operation in lists:
            path = operation.path
            for name in ('topic', 'queue', 'user'):
                path = path.replace('{%s}' % name, 'paged')
            try:
                names = {p['name'] for p in operation.parameters}
                members = schema_of(document, operation)['properties']
                equal(({'limit', 'after'} <= names, 'next' in members), (True, True), 'declared')
                whole, sizes = pages_of(root, path, 1000)
                equal((len(whole) >= 4, len(sizes)), (True, 1), 'all at once: %d' % len(whole))
                for limit in (1, 3):
                    items, sizes = pages_of(root, path, limit)
                    if operation.id == 'listKeys':  # in no order, and each at least once
                        equal((set(items), len(sizes) > 1), (set(whole), True))
                        continue
                    equal(items, whole, 'by %d' % limit)
                    equal((max(sizes), len(sizes)), (limit, -(-len(whole) // limit)), 'items of pages')
                for bad in ('limit=0', 'limit=1001', 'limit=x', 'limit=', 'after=a&after=b'):
                    root(400, 'GET', '%s?%s' % (path, bad))
                last = '~' * 20 if operation.id != 'listKeys' else '0'
                equal(set(root(200, 'GET', path + '?after=' + last)) - {'items'} <= {'next'}, True)
            except AssertionError as error:
                wrong.append('%s: %s' % (operation.id, error))
    equal(wrong, [])
    listener.leave()


@cases('tokens come in the order in which they were made, as many as a user may have in one page, and leat lists them all')
def many_tokens(server):
    user = new_user(server)
    made = [new_token(server, user)[0] for _ in range(100)]
    with as_root(server) as root:
        page = root(200, 'GET', '/v1/users/%s/tokens' % user)
        equal(({t['id'] for t in page['items']}, 'next' in page), (set(made), False))
        items, _ = pages_of(root, '/v1/users/%s/tokens' % user, 7)
        equal((items, [t['created'] for t in items]), (page['items'], sorted(t['created'] for t in items)))
    listed = json.loads(command(server, 'token', 'list', user, '--json', user='root', password=ROOT_PASSWORD)[0])
    equal([t['id'] for t in listed], [t['id'] for t in items])


# ---- Conditions -----------------------------------------------------------------------------------------------------

def make(root, kind):
    """The path of a new resource."""
    name = unique('cond')
    if kind == 'keys':
        root(201, 'PUT', '/v1/keys/' + name, b'old', type=BYTES)
    elif kind == 'groups':
        root.ask('POST', '/v1/topics', {'name': 'cond'})
        root(200, 'PUT', '/v1/groups/%s/offsets' % name, {'offsets': [{'topic': 'cond', 'partition': 0, 'offset': 0}]})
    else:
        root(201, 'POST', '/v1/' + kind, {'name': name})
    return '/v1/%s/%s' % (kind, name)


CHANGES = {'changeTopic': {'config': {'retention.ms': 5_000_000}}, 'changeQueue': {'settings': {'delay_ms': 5}},
           'setOffsets': {'offsets': [{'topic': 'cond', 'partition': 0, 'offset': 0, 'metadata': 'new'}]},
           'changeUser': {'roles': ['new']}, 'putKey': b'new'}


def check_change(root, operation):
    kind = operation.path.split('/')[2]
    at = make(root, kind)
    path = at + operation.path.partition('}')[2]
    body = CHANGES[operation.id] if operation.method != 'DELETE' else None
    kind_of_body = BYTES if isinstance(body, bytes) else None

    def change(condition):
        return root.ask(operation.method, path, body, type=kind_of_body, If_Match=condition)
    shown = root.ask('GET', at)
    tag = shown.headers['ETag']
    for wrong in ('"other"', 'W/' + tag, tag[:-1], tag.strip('"'), '"a", "b"', tag[:3] + '"', '"x' + tag[1:], '"%s' % tag, ''):
        reply = change(wrong)
        equal((reply.status, reply.problem()), (412, 'precondition-failed'), 'If-Match: ' + wrong)
    unchanged = root.ask('GET', at)
    equal((unchanged.headers['ETag'], unchanged.body), (tag, shown.body), 'nothing is changed')
    reply = change('"a",%s , "b"' % tag)
    equal(reply.status in (200, 201, 204), True, '%s: %s' % (reply.status, reply.body))
    if operation.method == 'DELETE':
        equal(change('*').status in (404, 412), True)
        return
    now = root.ask('GET', at).headers['ETag']
    equal((now != tag, reply.headers['ETag']), (True, now), 'the new one')
    equal(change(tag).status, 412, 'the old one')
    equal((change(now).status, change('*').status), (reply.status, reply.status))


@cases('every operation with If-Match changes and deletes only what is as the client knows it')
def every_match(server):
    wrong, seen = [], set()
    with as_root(server) as root:
        for operation in operations(document_of(server)):
            if header_of(operation, 'If-Match'):
                seen.add(operation.id)
                try:
                    check_change(root, operation)
                except AssertionError as error:
                    wrong.append('%s: %s' % (operation.id, error))
    equal(wrong, [])
    equal(seen, {*CHANGES, 'deleteTopic', 'deleteQueue', 'deleteGroup', 'deleteUser', 'deleteKey'})


@cases('every GET with If-None-Match tells no more than that it is the same, as long as it is')
def every_none_match(server):
    seen = set()
    with as_root(server) as root:
        for operation in operations(document_of(server)):
            if operation.method != 'GET' or not header_of(operation, 'If-None-Match'):
                continue
            seen.add(operation.id)
            at = make(root, operation.path.split('/')[2])
            tag = root.ask('GET', at).headers['ETag']
            for same in (tag, 'W/' + tag, '"other", ' + tag, '*'):
                for method in ('GET', 'HEAD'):
                    reply = root.ask(method, at, If_None_Match=same)
                    equal((reply.status, reply.body, reply.headers['ETag']), (304, b'', tag), '%s %s' % (operation.id, same))
            for other in ('"other"', tag[:-2] + '"', '"x' + tag[1:], tag + '"', tag[:-1], tag.strip('"')):
                equal(root.ask('GET', at, If_None_Match=other).status, 200, operation.id)
            equal(root.ask('GET', at + '-none', If_None_Match='*').status, 404)
    equal(seen, {'getTopic', 'getQueue', 'getGroup', 'getUser', 'getKey'})


@cases('what comes into a queue, and how far a group is behind, is shown again, and does not keep anybody from changing it')
def beside(server):
    with as_root(server) as root:
        queue = make(root, 'queues')
        tag = root.ask('GET', queue).headers['ETag']
        root(200, 'POST', queue + '/messages', {'body': 'x'})
        shown = root.ask('GET', queue, If_None_Match=tag)
        equal((shown.status, shown.json()['ready']), (200, 1))
        equal(root.ask('PATCH', queue, {'settings': {'delay_ms': 7}}, If_Match=tag).status, 200)
        equal(root.ask('DELETE', queue, If_Match=tag).status, 412)
        group = make(root, 'groups')
        tag = root.ask('GET', group).headers['ETag']
        root(200, 'POST', '/v1/topics/cond/records', {'value': 'x'})
        shown = root.ask('GET', group, If_None_Match=tag)
        equal((shown.status, shown.json()['lag'] > 0), (200, True))
        offsets = {'offsets': [{'topic': 'cond', 'partition': 0, 'offset': 1}]}
        equal(root.ask('PUT', group + '/offsets', offsets, If_Match=tag).status, 200)
        equal(root.ask('PUT', group + '/offsets', offsets, If_Match=tag).status, 412)
        equal(root.ask('PUT', '/v1/groups/%s/offsets' % unique('none'), offsets, If_Match='*').status, 412)


@cases('of changes of a user, or of a key, that come at the same time with the same ETag, one is made and the others are refused')
def at_once(server):
    with as_root(server) as root:
        for kind, method, bodies in (('users', 'PATCH', [{'roles': ['r%d' % i]} for i in range(8)]),
                                     ('keys', 'PUT', [b'%d' % i for i in range(8)])):
            at = make(root, kind)
            tag = root.ask('GET', at).headers['ETag']

            def change(body, method=method, at=at, tag=tag):
                with as_root(server) as own:
                    reply = own.ask(method, at, body, type=BYTES if isinstance(body, bytes) else None, If_Match=tag)
                    return reply.status, body
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                outcomes = list(pool.map(change, bodies))
            made = [body for status, body in outcomes if status < 300]
            equal((len(made), [status for status, _ in outcomes].count(412)), (1, 7), kind)
            shown = root(200, 'GET', at)
            equal(shown == made[0] if kind == 'keys' else shown['roles'] == made[0]['roles'], True, 'the one that was made')


@cases('a stream of lines takes no key, and says so')
def lines(server):
    with as_root(server) as root:
        topic = unique('lines')
        root(201, 'POST', '/v1/topics', {'name': topic})
        with as_root(server) as own:
            reply = own.ask('POST', '/v1/topics/%s/records' % topic, lines_of({'value': 'a'}), type=LINES, Idempotency_Key='k')
            equal((reply.status, 'idempotency key' in reply.json()['detail']), (400, True))


if __name__ == '__main__':
    sys.exit(run_secured(cases))
