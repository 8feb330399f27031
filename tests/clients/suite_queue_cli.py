#!/usr/bin/python3
"""`leat queue` as a client of a server: suite_queue_cli.py ENDPOINT"""
import json
import os
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from harness import Cases, LEAT, Server, equal, unique, wait_for
from sqs_support import Queue, client_of

cases = Cases('queue_cli')
PROGRAM = os.environ.get('LEAT', str(LEAT))


def leat(endpoint, *arguments, text=None, code=0, environment=None):
    """Standard output of `leat queue ...` that must end with `code`; with another code than 0, standard error."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(('LEAT', 'AWS'))}
    done = subprocess.run([PROGRAM, 'queue', *map(str, arguments)], input=text, capture_output=True, text=True, timeout=120,
                          env={**own, 'LEAT_SQS': endpoint, **(environment or {})})
    if done.returncode != code:
        raise AssertionError('leat queue %s ended with %d: %s'
                             % (' '.join(map(str, arguments)), done.returncode, done.stderr.strip()))
    return done.stdout if code == 0 else done.stderr


def rows(text):
    return [json.loads(line) for line in text.splitlines()]


def stats(endpoint, name):
    return json.loads(leat(endpoint, 'stats', name, '--json'))[0]


def contains(text, *parts):
    for part in parts:
        if part not in text:
            raise AssertionError('%r is not in %r' % (part, text))


@cases('says how it is used, and what to do about an error')
def usage(endpoint):
    contains(leat(endpoint, '--help'), 'create', 'redrive', 'dead')
    contains(leat(endpoint, 'list', '--server', '127.0.0.1:1', code=1), 'leat serve', '--server')
    contains(leat(endpoint, 'list', '--server', os.environ['TEST_KAFKA'], code=1), '--server')
    for words in (['stats'], ['send'], ['receive'], ['peek'], ['purge'], ['redrive'], ['dead'], ['delete'],
                  ['rewind', '--to', 'beginning']):
        name = unique('no-queue')
        contains(leat(endpoint, words[0], name, *words[1:], text='', code=1), name, 'leat queue list')
    contains(leat(endpoint, 'create', unique('q'), '--lease', 'soon', code=2), '--lease', '30s')
    contains(leat(endpoint, 'create', unique('q'), '--start', 'end', code=2), '--topic')
    contains(leat(endpoint, 'create', unique('q'), '--deliveries', 3, code=2), '--dead-letter-queue')
    contains(leat(endpoint, 'create', unique('q'), '--fifo', code=2), '.fifo')
    contains(leat(endpoint, 'create', unique('q'), '--dead-letter-queue', 'nowhere', code=1), 'leat queue create nowhere')
    contains(leat(endpoint, 'create', unique('q'), '--set', 'colour=red', code=1), 'colour')
    contains(leat(endpoint, 'create', unique('q'), '--topic', unique('no-topic'), code=1), 'topic')


@cases('creates queues with their settings, lists and deletes them')
def creation(endpoint):
    name, dead = unique('cli-made'), unique('cli-dead')
    leat(endpoint, 'create', dead)
    contains(leat(endpoint, 'create', name, '--lease', '45s', '--delay', '250ms', '--dead-letter-queue', dead,
                  '--deliveries', 3, '--set', 'priorities=true', '--partitions', 2), 'created', name)
    settings = stats(endpoint, name)['settings']
    equal({key: settings[key] for key in ('lease_ms', 'delay_ms', 'dead_letter_queue', 'deliveries_max', 'priorities')},
          {'lease_ms': '45000', 'delay_ms': '250', 'dead_letter_queue': dead, 'deliveries_max': '3', 'priorities': 'true'})
    sqs = client_of(endpoint)
    url = sqs.get_queue_url(QueueName=name)['QueueUrl']
    equal(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=['VisibilityTimeout'])['Attributes'],
          {'VisibilityTimeout': '45'})
    contains(leat(endpoint, 'create', name, code=1), 'already', 'leat queue stats')
    equal(set(leat(endpoint, 'list', '--names').split()) >= {name, dead}, True, 'listed')
    equal([queue['name'] for queue in json.loads(leat(endpoint, 'list', '--prefix', name, '--json'))], [name])
    contains(leat(endpoint, 'list', '--prefix', name), 'QUEUE', 'IN FLIGHT', name, dead)
    leat(endpoint, 'delete', name)
    equal(name in leat(endpoint, 'list', '--names').split(), False, 'listed after its deletion')


@cases('sends lines, shows them without taking them, receives them once')
def traffic(endpoint):
    name = unique('cli-traffic')
    leat(endpoint, 'create', name)
    lines = ['line %d' % i for i in range(25)]
    leat(endpoint, 'send', name, '--header', 'origin=a test', text='\n'.join(lines) + '\n')
    equal(stats(endpoint, name)['ready'], 25)
    equal(stats(endpoint, name)['oldest'] > 1_600_000_000_000, True, 'the time of the oldest')
    seen = rows(leat(endpoint, 'peek', name, '--max', 100, '--json'))
    equal(sorted(row['body'] for row in seen), sorted(lines))
    equal({row['deliveries'] for row in seen}, {0})
    equal({row['headers']['origin'] for row in seen}, {'a test'})
    contains(leat(endpoint, 'peek', name), 'OFFSET', 'line')
    equal(stats(endpoint, name)['ready'], 25, 'ready after a look at them')
    kept = rows(leat(endpoint, 'receive', name, '--no-ack', '--json'))
    equal((len(kept), kept[0]['deliveries'], kept[0]['attributes']), (1, 1, {'origin': 'a test'}))
    equal(bool(kept[0]['receipt']), True, 'a receipt of what was not acknowledged')
    equal((stats(endpoint, name)['ready'], stats(endpoint, name)['in_flight']), (24, 1))
    client_of(endpoint).change_message_visibility(QueueUrl=name, ReceiptHandle=kept[0]['receipt'], VisibilityTimeout=0)
    equal(sorted(leat(endpoint, 'receive', name, '--all').splitlines()), sorted(lines))
    equal(leat(endpoint, 'receive', name), '')
    contains(leat(endpoint, 'stats', name, '--drain'), 'is empty')


@cases('reads files, keeps the order of groups, delays')
def order(endpoint):
    name = unique('cli-order') + '.fifo'
    leat(endpoint, 'create', name, '--fifo')
    contains(leat(endpoint, 'send', name, text='x\n', code=2), '--group')
    with tempfile.NamedTemporaryFile('w') as file:
        file.write('a\tfirst\nb\tother\na\tfirst\n')
        file.flush()
        leat(endpoint, 'send', name, file.name, '--key-separator', '\\t')
    received = rows(leat(endpoint, 'receive', name, '--all', '--json'))
    equal([row['body'] for row in received if row['group'] == 'a'], ['first', 'first'])
    equal([row['body'] for row in received if row['group'] == 'b'], ['other'])
    late = unique('cli-late')
    leat(endpoint, 'create', late)
    leat(endpoint, 'send', late, '--delay', '15m', text='later\n')
    equal(leat(endpoint, 'receive', late), '')
    equal(stats(endpoint, late)['delayed'], 1)


def leat_topic(*arguments):
    """The exit code of `leat topic ...`, and what it said."""
    done = subprocess.run([PROGRAM, 'topic', *map(str, arguments)], capture_output=True, text=True, timeout=60,
                          env={**os.environ, 'LEAT_SERVER': os.environ['TEST_KAFKA']})
    return done.returncode, done.stdout + done.stderr


@cases('serves a queue on while its topic grows; one that is ordered does not grow')
def growth(endpoint):
    name, ordered = unique('cli-growing'), unique('cli-ordered') + '.fifo'
    leat(endpoint, 'create', name)
    for partitions in range(2, 8):
        equal(leat_topic('alter', name, '--partitions', partitions)[0], 0)
        leat(endpoint, 'send', name, text=''.join('%d\n' % i for i in range(20)))
        equal(stats(endpoint, name)['ready'], 20 * (partitions - 1))
    equal(len(leat(endpoint, 'receive', name, '--all').splitlines()), 120)
    leat(endpoint, 'create', ordered, '--fifo')
    code, said = leat_topic('alter', ordered, '--partitions', 4)
    equal(code, 1)
    contains(said, ordered, 'ordered', 'out of order')


@cases('purges, and rewinds to the beginning, an offset and a time')
def repair(endpoint):
    name = unique('cli-rewind')
    leat(endpoint, 'create', name, '--partitions', 1)
    leat(endpoint, 'send', name, text='a\nb\nc\nd\n')
    contains(leat(endpoint, 'purge', name), 'purged', '4 messages')
    equal(leat(endpoint, 'receive', name), '')
    contains(leat(endpoint, 'rewind', name, '--to', 'beginning'), '4 messages')
    equal(sorted(leat(endpoint, 'receive', name, '--all').split()), ['a', 'b', 'c', 'd'])
    leat(endpoint, 'rewind', name, '--to', 2)
    equal(sorted(leat(endpoint, 'receive', name, '--all').split()), ['c', 'd'])
    leat(endpoint, 'rewind', name, '--to', '-1h')
    equal(stats(endpoint, name)['ready'], 4)
    contains(leat(endpoint, 'rewind', name, '--to', 'end', code=2), 'leat queue purge ' + name)
    contains(leat(endpoint, 'rewind', name, '--to', 'yesterday', code=2), 'yesterday')


def with_dead_letters(endpoint, count):
    name, dead = unique('cli-source'), unique('cli-dead')
    leat(endpoint, 'create', dead)
    leat(endpoint, 'create', name, '--dead-letter-queue', dead, '--deliveries', 1)
    leat(endpoint, 'send', name, '--group', 'g', text=''.join('letter %d\n' % i for i in range(count)))
    queue = Queue(endpoint, name=name)
    for message in queue.receive_all(count):
        queue.set_visibility(message, 0)
    wait_for('dead letters', lambda: stats(endpoint, dead)['ready'] == count)
    return name, dead


@cases('lists dead letters with their origin, and moves them back')
def dead_letters(endpoint):
    name, dead = with_dead_letters(endpoint, 12)
    for queue in (name, dead):
        letters = rows(leat(endpoint, 'dead', queue, '--json'))
        equal(len(letters), 12)
        equal({(row['from'], row['topic'], row['deliveries'], row['group']) for row in letters}, {(name, name, 1, 'g')})
        equal(sorted(row['body'] for row in letters), sorted('letter %d' % i for i in range(12)))
        equal(all(row['offset'] >= 0 and row['partition'] >= 0 and row['reason'] for row in letters), True, letters[0])
    contains(leat(endpoint, 'dead', dead), 'FROM', 'REASON', name)
    contains(leat(endpoint, 'redrive', name, code=1), 'leat queue redrive ' + dead)
    contains(leat(endpoint, 'redrive', dead), 'moved 12 messages')
    equal((stats(endpoint, name)['ready'], stats(endpoint, dead)['ready']), (12, 0))
    equal(len(leat(endpoint, 'receive', name, '--all').splitlines()), 12)


@cases('moves dead letters to another queue, in the background and at a rate')
def redrive(endpoint):
    _, dead = with_dead_letters(endpoint, 6)
    other = unique('cli-other')
    leat(endpoint, 'create', other)
    started = json.loads(leat(endpoint, 'redrive', dead, '--to', other, '--rate', 100, '--detach', '--json'))
    equal((started['queue'], started['to_move']), (dead, 6))
    wait_for('the redrive', lambda: stats(endpoint, other)['ready'] == 6)


@cases('moves dead letters that are named, and no others')
def redrive_named(endpoint):
    name, dead = with_dead_letters(endpoint, 6)
    letters = rows(leat(endpoint, 'dead', dead, '--json'))
    chosen = [row for row in letters if row['body'] in ('letter 1', 'letter 4')]
    words = [word for row in chosen for word in ('--message', '%d:%d' % (row['dead']['partition'], row['dead']['offset']))]
    contains(leat(endpoint, 'redrive', dead, *words), 'moved 2 messages')
    equal(sorted(leat(endpoint, 'receive', name, '--all').splitlines()), ['letter 1', 'letter 4'])
    equal(sorted(leat(endpoint, 'peek', dead, '--json').count(f'letter {i}"') for i in range(6)), [0, 0, 1, 1, 1, 1])
    contains(leat(endpoint, 'redrive', dead, *words, code=1), 'is not moved')
    held = Queue(endpoint, name=dead).receive(count=1)[0]
    place = [row for row in letters if row['body'] == held['Body']][0]['dead']
    contains(leat(endpoint, 'redrive', dead, '--message', '%d:%d' % (place['partition'], place['offset']), code=1),
             'a consumer has the message')
    contains(leat(endpoint, 'redrive', dead, '--message', '7:0', code=1), 'is not moved')
    contains(leat(endpoint, 'redrive', dead, '--message', 'x', code=2), 'PARTITION:OFFSET')


@cases('puts a queue on a topic of Kafka records, from a point on')
def on_a_topic(endpoint):
    topic, name = unique('cli-topic'), unique('cli-on-topic')
    kafka = {**os.environ, 'LEAT_SERVER': os.environ['TEST_KAFKA']}
    subprocess.run([PROGRAM, 'topic', 'create', topic, '--partitions', '1'], check=True, env=kafka, capture_output=True)
    subprocess.run([PROGRAM, 'produce', topic], input=b'a\nb\nc\n', check=True, env=kafka)
    contains(leat(endpoint, 'create', name, '--topic', topic, '--start', 1), topic)
    equal(leat(endpoint, 'receive', name, '--all').split(), ['b', 'c'])
    done = subprocess.run([PROGRAM, 'consume', topic], check=True, env=kafka, capture_output=True, text=True)
    equal(done.stdout.split(), ['a', 'b', 'c'])


def call_own(endpoint, action, **parameters):
    """One of leat's own actions, as JSON. Returns (status, answer)."""
    request = urllib.request.Request(endpoint, json.dumps(parameters).encode(), {'X-Amz-Target': 'Leat.' + action})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read() or '{}')
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


@cases('answers its own actions, and refuses what they do not take')
def own_actions(endpoint):
    name = unique('own-actions')
    leat(endpoint, 'create', name)
    leat(endpoint, 'send', name, text='a\n')
    status, answer = call_own(endpoint, 'BrowseMessages', QueueUrl='%s/000000000000/%s' % (endpoint, name))
    equal((status, [m['Body'] for m in answer['Messages']]), (200, ['a']))
    for action, parameters, kind in (
            ('BrowseMessages', {'QueueUrl': name, 'MaxNumberOfMessages': 101}, 'InvalidParameterValueException'),
            ('BrowseMessages', {'QueueUrl': name, 'MaxNumberOfMessages': 0}, 'InvalidParameterValueException'),
            ('BrowseMessages', {}, 'MissingRequiredParameterException'),
            ('DescribeQueue', {'QueueUrl': unique('no-queue')}, 'QueueDoesNotExist'),
            ('RewindQueue', {'QueueUrl': name, 'To': 'offset:-1'}, 'InvalidParameterValueException'),
            ('RewindQueue', {'QueueUrl': name}, 'MissingRequiredParameterException'),
            ('SendMessage', {'QueueUrl': name, 'MessageBody': 'b'}, 'UnknownOperationException')):
        status, answer = call_own(endpoint, action, **parameters)
        equal((status, answer['__type'].partition('#')[2]), (400, kind), '%s %s' % (action, parameters))
    with urllib.request.urlopen(endpoint + '/?Action=ListQueues', timeout=60) as answer:
        equal(answer.status, 200, 'an action of SQS in the Query form')
    try:
        urllib.request.urlopen('%s/?Action=DescribeQueue&QueueUrl=%s' % (endpoint, name), timeout=60)
        raise AssertionError('DescribeQueue was answered in the Query form')
    except urllib.error.HTTPError as error:
        equal(error.code, 400, 'one of leat\'s own in the Query form')


@cases('shows what is no text as base64')
def binary(endpoint):
    topic, name = unique('cli-bytes'), unique('cli-on-bytes')
    kafka = {**os.environ, 'LEAT_SERVER': os.environ['TEST_KAFKA']}
    record = json.dumps({'key_base64': '/w==', 'value_base64': '/wA=', 'headers': {'plain': 'text'}}) + '\n'
    subprocess.run([PROGRAM, 'topic', 'create', topic], check=True, env=kafka, capture_output=True)
    subprocess.run([PROGRAM, 'produce', topic, '--json'], input=record.encode(), check=True, env=kafka)
    leat(endpoint, 'create', name, '--topic', topic)
    row = rows(leat(endpoint, 'peek', name, '--json'))[0]
    equal((row['group'], row['body'], row['headers'], sorted(row['base64'])),
          ('/w==', '/wA=', {'plain': 'text'}, ['Body', 'Key']))


@cases('a peek that is too large to show says so')
def large_peek(endpoint):
    name = unique('cli-large')
    leat(endpoint, 'create', name)
    leat(endpoint, 'send', name, text=('x' * 250_000 + '\n') * 8)
    own = {key: value for key, value in os.environ.items() if not key.startswith(('LEAT', 'AWS'))}
    done = subprocess.run([PROGRAM, 'queue', 'peek', name, '--max', '8', '--json', '--server', endpoint],
                          capture_output=True, text=True, timeout=60, env=own)
    shown = len(rows(done.stdout))
    equal((done.returncode, 3 <= shown <= 4), (0, True))
    contains(done.stderr, 'first %d' % shown, '1 MiB')
    equal(len(rows(leat(endpoint, 'peek', name, '--max', '3', '--json'))), 3)


@cases('a server that restarts is waited for by those who send and those who follow')
def restarted(_):
    own = {key: value for key, value in os.environ.items() if not key.startswith(('LEAT', 'AWS'))}
    with Server() as server:
        server.start()
        leat(server.sqs, 'create', 'q')

        def start(*words):
            return subprocess.Popen([PROGRAM, 'queue', *words, '--server', server.sqs], stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1, env=own)
        with start('receive', 'q', '--follow') as receiver, start('send', 'q') as sender:
            try:
                for number, end in ((0, server.stop), (1, server.kill)):
                    sender.stdin.write('before %d\n' % number)
                    sender.stdin.flush()
                    equal(receiver.stdout.readline(), 'before %d\n' % number)
                    wait_for('the acknowledgement', lambda: stats(server.sqs, 'q')['in_flight'] == 0)
                    end()
                    sender.stdin.write('after %d\n' % number)
                    sender.stdin.flush()
                    time.sleep(1)
                    server.start()
                    equal(receiver.stdout.readline(), 'after %d\n' % number)
                sender.stdin.close()
                equal(sender.wait(30), 0)
                contains(sender.stderr.read(), 'trying again', 'answers again')
            finally:
                receiver.terminate()
                sender.terminate()


@cases('watches a queue drain')
def watching(endpoint):
    name = unique('cli-watch')
    leat(endpoint, 'create', name)
    leat(endpoint, 'send', name, text='a\nb\n')
    with subprocess.Popen([PROGRAM, 'queue', 'stats', name, '--watch', '--json', '--server', endpoint],
                          stdout=subprocess.PIPE, text=True) as process:
        try:
            first = json.loads(process.stdout.readline())
            leat(endpoint, 'purge', name)
            second = json.loads(process.stdout.readline())
        finally:
            process.terminate()
    equal((first['ready'], second['ready']), (2, 0))
    equal(second['drains_per_second'] > 0, True, 'the rate at which it drained')


@cases('signs its requests')
def signed(_):
    keys = {'AWS_ACCESS_KEY_ID': 'AKIDEXAMPLE', 'AWS_SECRET_ACCESS_KEY': 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'}
    with Server(environment={'LEAT_SQS_ACCESS_KEYS': '%s=%s' % tuple(keys.values())}) as server:
        server.start()
        contains(leat(server.sqs, 'list', code=1), 'AWS_ACCESS_KEY_ID')
        leat(server.sqs, 'create', 'signed', environment=keys)
        leat(server.sqs, 'send', 'signed', text='a\n', environment=keys)
        equal(leat(server.sqs, 'receive', 'signed', environment=keys), 'a\n')
        leat(server.sqs, 'list', code=1, environment={**keys, 'AWS_SECRET_ACCESS_KEY': 'another'})


cases.main()
