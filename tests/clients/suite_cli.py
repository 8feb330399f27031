#!/usr/bin/python3
"""The leat command itself as a client of a server: suite_cli.py ADDRESS"""
import base64
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from harness import Cases, LEAT, Server, Skip, equal, unique, wait_for

cases = Cases('cli')
PROGRAM = os.environ.get('LEAT', str(LEAT))


def run(*arguments, server=None, text=None, seconds=120, variables=()):
    environment = {**{name: value for name, value in os.environ.items() if not name.startswith('LEAT')}, **dict(variables)}
    if server:
        environment['LEAT_SERVER'] = server
    return subprocess.run([PROGRAM, *map(str, arguments)], input=text, capture_output=True, text=True, timeout=seconds,
                          env=environment)


def leat(server, *arguments, text=None, code=0):
    """Standard output of a command that must end with `code`; with another code than 0, standard error."""
    done = run(*arguments, server=server, text=text)
    if done.returncode != code:
        raise AssertionError('leat %s ended with %d: %s' % (' '.join(map(str, arguments)), done.returncode, done.stderr.strip()))
    if code == 0:
        return done.stdout
    if not done.stderr.startswith('leat: '):
        raise AssertionError('leat %s failed without a word: %r' % (' '.join(map(str, arguments)), done.stderr))
    return done.stderr


def records(server, topic, *arguments):
    return [json.loads(line) for line in leat(server, 'consume', topic, '--json', *arguments).splitlines()]


def contains(text, *parts):
    for part in parts:
        if part not in text:
            raise AssertionError('%r is not in %r' % (part, text))


@cases('variables that are for clients say nothing to a server; others that it does not know stop it')
def variables(_):
    own = ('API', 'CA', 'CLIENT_CERTIFICATE', 'CLIENT_KEY', 'NEW_PASSWORD', 'PASSWORD', 'SERVER', 'SQS', 'TOKEN')
    done = run('config', 'check', variables={'LEAT_' + name: 'something' for name in own})
    equal(done.returncode, 0, done.stderr)
    done = run('config', 'check', variables={'LEAT_FLSH_POLICY': 'os'})
    equal(done.returncode, 1)
    contains(done.stderr, 'LEAT_FLSH_POLICY', 'LEAT_FLUSH_POLICY')


@cases('says how it is used, and what to do about an error')
def usage(address):
    contains(leat(None, '--version'), 'leat ')
    contains(leat(None, '--help'), 'serve', 'produce', 'doctor')
    contains(leat(None, 'serve', '--help'), '--listen', '--data')
    contains(leat(None, 'topc', code=2), "did you mean 'topic'", '--help')
    contains(leat(None, 'produce', code=2), 'leat produce --help')
    contains(leat(None, 'config', 'check', '--flsh', 'os', code=1), 'flush')
    contains(leat(None, 'config', 'check', '--flush', 'os'), 'policy = "os"')
    for origin in ('app.example', 'https://app.example/', 'https://App.example', 'https://', '://app.example'):
        contains(leat(None, 'config', 'check', '--http.cors-origins', origin, code=1), origin, 'is no origin')
    leat(None, 'config', 'check', '--http.cors-origins', 'https://app.example:8443', '--http.cors-origins', '*')
    contains(leat(None, 'config', 'check', '--kafka.num-partitions', '10001', code=1), '10000')
    contains(leat(None, 'topic', 'create', 't', '--partitions', '0', code=2), "'0' is no whole number from 1 on")
    contains(leat(None, 'produce', 't', '--rate', '0', code=2), "'0' is no number above 0")
    contains(leat(None, 'topic', 'list', '--server', '127.0.0.1:1', code=1), 'leat serve', '--server')
    contains(leat(address, 'consume', unique('no-topic'), code=1), 'leat topic create')


@cases('creates, lists, describes, alters and deletes topics')
def topics(address):
    name = unique('cli-topic')
    contains(leat(address, 'topic', 'create', name, '--partitions', 3, '--config', 'retention.ms=86400000'), name)
    contains(leat(address, 'topic', 'create', name, code=1), 'already', 'describe')
    leat(address, 'topic', 'create', name, '--if-not-exists')
    equal(name in leat(address, 'topic', 'list', '--names').split(), True, 'listed')
    listed = {topic['name']: topic for topic in json.loads(leat(address, 'topic', 'list', '--json'))}
    equal(listed[name]['partitions'], 3)
    leat(address, 'produce', name, '--partition', 1, text='a\nb\n')
    described = json.loads(leat(address, 'topic', 'describe', name, '--json'))[0]
    equal([(p['start'], p['end']) for p in described['partitions']], [(0, 0), (0, 2), (0, 0)], 'offsets')
    equal(described['partitions'][1]['bytes'] > 0, True, 'bytes of the partition')
    equal(described['configs']['retention.ms'], {'value': '86400000', 'set': True})
    leat(address, 'topic', 'alter', name, '--unset', 'retention.ms', '--config', 'max.message.bytes=2000', '--partitions', 5)
    described = json.loads(leat(address, 'topic', 'describe', name, '--json'))[0]
    equal(len(described['partitions']), 5)
    equal(described['configs']['retention.ms']['set'], False)
    equal(described['configs']['max.message.bytes'], {'value': '2000', 'set': True})
    contains(leat(address, 'produce', name, text='x' * 5000 + '\n', code=1), 'MESSAGE_TOO_LARGE', 'max.message.bytes')
    contains(leat(address, 'topic', 'alter', name, '--config', 'retention.mss=1', code=1), 'retention.mss')
    leat(address, 'topic', 'delete', name)
    equal(name in leat(address, 'topic', 'list', '--names').split(), False, 'listed after its end')


@cases('produces lines with keys and headers, and prints them again')
def lines(address):
    name = unique('cli-lines')
    leat(address, 'topic', 'create', name)
    leat(address, 'produce', name, '--key-separator', '\\t', '--header', 'from=test', '--header', 'n=1', text='k1\tv1\nno key\n\n')
    equal(leat(address, 'consume', name, '--key-separator', ' -> ', '--headers', '--offsets'),
          '0:0\tfrom=test,n=1\tk1 -> v1\n0:1\tfrom=test,n=1\t -> no key\n0:2\tfrom=test,n=1\t -> \n')
    equal(leat(address, 'consume', name), 'v1\nno key\n\n')


@cases('a record that fits into a batch of its own is not refused for what came before it')
def large_lines(address):
    name = unique('cli-large')
    lines = ['a' * 30_000, 'b' * 1_040_000, 'c' * 10]
    leat(address, 'produce', name, text='\n'.join(lines) + '\n')
    equal(sorted(leat(address, 'consume', name).splitlines()), lines)


@cases('carries JSON records out and in again byte for byte')
def json_records(address):
    first, second = unique('cli-json'), unique('cli-json')
    for name in (first, second):
        leat(address, 'topic', 'create', name, '--partitions', 2)
    binary = base64.b64encode(bytes(range(256))).decode()
    given = [{'key': 'é', 'value': 'text', 'partition': 0, 'timestamp': 1700000000000},
             {'key': None, 'value': None, 'partition': 1, 'timestamp': 1700000001000},
             {'key_base64': binary, 'value_base64': binary, 'partition': 1, 'timestamp': 1700000002000,
              'headers': [{'key': 'h', 'value': 'v'}, {'key': 'h', 'value': None}]}]
    leat(address, 'produce', first, '--json', text=''.join(json.dumps(record) + '\n' for record in given))
    printed = leat(address, 'consume', first, '--json')
    equal([{k: v for k, v in json.loads(line).items() if k not in ('topic', 'offset')} for line in printed.splitlines()], given)
    leat(address, 'produce', second, '--json', text=printed)
    equal(leat(address, 'consume', second, '--json').replace(second, first), printed)
    contains(leat(address, 'produce', first, '--json', text='{"value":"kept"}\n{oops\n', code=1), 'line 2', '1 records were sent')
    equal(len(records(address, first)), 4, 'records after a bad line')


@cases('compresses with every codec, into several partitions, by the keys of the Java clients')
def codecs(address):
    text = ''.join('key-%d:%s\n' % (i, 'value ' * 20) for i in range(2000))
    seen = None
    for codec in ('none', 'gzip', 'snappy', 'lz4', 'zstd'):
        name = unique('cli-' + codec)
        leat(address, 'topic', 'create', name, '--partitions', 4)
        leat(address, 'produce', name, '--key-separator', ':', '--compression', codec, '--batch-bytes', 20000, text=text)
        found = sorted((record['partition'], record['key'], record['value']) for record in records(address, name))
        equal(len(found), 2000, 'records with %s' % codec)
        equal(seen in (None, found), True, 'the same partitions with %s' % codec)
        seen = found
    # From org.apache.kafka.common.utils.Utils.toPositive(murmur2("key-0")) and so on, modulo 4.
    if not shutil.which('kcat'):
        raise Skip('kcat is not there to compare partitions with')
    name = unique('cli-murmur')
    leat(address, 'topic', 'create', name, '--partitions', 4)
    subprocess.run(['kcat', '-b', address, '-P', '-t', name, '-K', ':', '-X', 'topic.partitioner=murmur2_random'], input=text,
                   text=True, check=True, timeout=60)
    equal(sorted((record['partition'], record['key'], record['value']) for record in records(address, name)), seen, 'kcat\'s partitions')


@cases('consumes from the beginning, the end, an offset, the last few, a time, and so many')
def positions(address):
    name = unique('cli-from')
    leat(address, 'topic', 'create', name)
    leat(address, 'produce', name, '--json', text=''.join('{"value":"%d","timestamp":%d}\n' % (i, 1700000000000 + i * 60000)
                                                          for i in range(100)))
    def values(*arguments):
        return [int(value) for value in leat(address, 'consume', name, *arguments).split()]
    equal(values(), list(range(100)))
    equal(values('--from', 'end'), [])
    equal(values('--from', 97), [97, 98, 99])
    equal(values('--from', -2), [98, 99])
    equal(values('--count', 3, '--from', 5), [5, 6, 7])
    equal(values('--from-time', 1700000000000 + 98 * 60000 - 1), [98, 99])
    equal(values('--from-time', '2023-11-14T23:52:20Z'), [99])
    equal(values('--from-time', '-1h'), [])
    contains(leat(address, 'consume', name, '--from', 101, code=1), 'no offset 101')
    contains(leat(address, 'consume', name, '--from', 'soon', code=2), 'beginning')
    contains(leat(address, 'consume', name, '--partition', 1, code=2), 'no partition 1')


@cases('follows a topic until it is stopped')
def follow(address):
    name = unique('cli-follow')
    leat(address, 'topic', 'create', name, '--partitions', 3)
    with tempfile.NamedTemporaryFile() as out:
        follower = subprocess.Popen([PROGRAM, 'consume', name, '--follow', '--server', address], stdout=out)
        try:
            for i in range(3):
                leat(address, 'produce', name, text='line %d\n' % i)
                wait_for('line %d' % i, lambda: 'line %d\n' % i in pathlib.Path(out.name).read_text(), 20)
        finally:
            follower.terminate()
            follower.wait(20)


@cases('sends what a slow writer has written without waiting for more')
def interactive(address):
    name = unique('cli-slow')
    leat(address, 'topic', 'create', name)
    producer = subprocess.Popen([PROGRAM, 'produce', name, '--server', address], stdin=subprocess.PIPE, text=True)
    for i in range(3):
        producer.stdin.write('%d\n' % i)
        producer.stdin.flush()
        wait_for('record %d' % i, lambda: leat(address, 'consume', name).split() == [str(n) for n in range(i + 1)], 20)
    producer.stdin.close()
    equal(producer.wait(20), 0)


@cases('loses and doubles nothing when the server is killed while it produces')
def killed(_):
    with Server() as server:
        server.start()
        leat(server.address, 'topic', 'create', 'survivor', '--partitions', 2)
        text = ''.join('%d\n' % i for i in range(20000))
        producer = subprocess.Popen([PROGRAM, 'produce', 'survivor', '--server', server.address, '--batch-bytes', '2000'],
                                    stdin=subprocess.PIPE, text=True)
        half = len(text) // 2
        producer.stdin.write(text[:half])
        producer.stdin.flush()
        wait_for('some records', lambda: leat(server.address, 'consume', 'survivor', '--count', 100).count('\n') == 100, 20)
        server.kill()
        producer.stdin.write(text[half:])
        producer.stdin.close()
        time.sleep(0.3)
        server.start()
        equal(producer.wait(60), 0, 'exit code of the producer')
        equal(sorted(map(int, leat(server.address, 'consume', 'survivor').split())), list(range(20000)), 'records')


@cases('lists, describes, resets and deletes consumer groups')
def groups(address):
    try:
        import kafka
    except ImportError:
        raise Skip('python3-kafka is not there to make a group') from None
    topic, group = unique('cli-group-topic'), unique('cli-group')
    leat(address, 'topic', 'create', topic, '--partitions', 2)
    leat(address, 'produce', topic, '--json', text=''.join('{"value":"%d","partition":%d,"timestamp":%d}\n' %
                                                           (i, i % 2, 1700000000000 + i) for i in range(20)))
    consumer = kafka.KafkaConsumer(topic, group_id=group, bootstrap_servers=address, auto_offset_reset='earliest',
                                   enable_auto_commit=False, consumer_timeout_ms=20000)
    for _ in range(20):
        next(consumer)
    consumer.commit()
    described = json.loads(leat(address, 'group', 'describe', group, '--json'))[0]
    equal((described['state'], len(described['members'])), ('Stable', 1))
    equal([(row['partition'], row['committed'], row['end'], row['lag'], row['member'] != '') for row in described['offsets']],
          [(0, 10, 10, 0, True), (1, 10, 10, 0, True)])
    contains(leat(address, 'group', 'reset', group, '--to', 'beginning', '--execute', code=1), 'stop them')
    contains(leat(address, 'group', 'delete', group, code=1), 'NON_EMPTY_GROUP')
    consumer.close()
    def committed():
        return [row['committed'] for row in json.loads(leat(address, 'group', 'describe', group, '--json'))[0]['offsets']]
    leat(address, 'group', 'reset', group, '--to', 'beginning')
    equal(committed(), [10, 10], 'after a dry run')
    for where, offsets in (('beginning', [0, 0]), ('end', [10, 10]), ('7', [7, 7]), ('2023-11-14T22:13:20.009Z', [5, 4])):
        leat(address, 'group', 'reset', group, '--to', where, '--execute')
        equal(committed(), offsets, 'after a reset to %s' % where)
    contains(leat(address, 'group', 'reset', group, '--to', 'soon', code=2), 'soon')
    equal(group in [g['group'] for g in json.loads(leat(address, 'group', 'list', '--json'))], True, 'listed')
    leat(address, 'group', 'delete', group)
    contains(leat(address, 'group', 'describe', group, code=1), 'leat group list')


@cases('checks and prints the files of a stopped server, and finds a flipped bit')
def offline(_):
    with Server() as server:
        server.start()
        leat(server.address, 'topic', 'create', 'stored', '--partitions', 2)
        leat(server.address, 'produce', 'stored', '--partition', 1, '--header', 'h=1', text='first\nsecond\n')
        contains(leat(None, 'log', 'check', server.data, code=1), 'stop it')
        equal(server.stop(), 0)
        before = {path: path.read_bytes() for path in server.data.rglob('*') if path.is_file()}
        checked = json.loads(leat(None, 'log', 'check', server.data, '--json'))
        equal((checked['damaged'], checked['clean_stop']), (False, True))
        equal([(p['topic'], p['partition'], p['start'], p['end'], p['damage']) for p in checked['partitions'] if p['topic'] == 'stored'],
              [('stored', 0, 0, 0, None), ('stored', 1, 0, 2, None)])
        dumped = leat(None, 'log', 'dump', server.data, '--topic', 'stored', '--records')
        contains(dumped, 'offsets 0..1', '2 records', '"first"', 'h: "1"')
        segment = next(path for path in before if path.suffix == '.log' and b'second' in before[path])
        contains(leat(None, 'log', 'dump', segment), 'offsets 0..1')
        equal({path: path.read_bytes() for path in server.data.rglob('*') if path.is_file()}, before, 'files after the checks')
        content = bytearray(before[segment])
        content[content.index(b'second')] ^= 1
        segment.write_bytes(content)
        done = run('log', 'check', server.data)
        equal(done.returncode, 1, 'exit code with damage')
        contains(done.stdout, 'DAMAGE', str(segment.parent))
        equal(run('log', 'dump', segment).returncode, 1, 'exit code of dump with damage')
    contains(leat(None, 'log', 'check', '/proc', code=1), 'no data folder')


@cases('a torn tail after a crash is no damage')
def torn(_):
    with Server('--flush', 'os') as server:
        server.start()
        leat(server.address, 'produce', 'torn', '--acks', '1', text='kept\n')
        leat(server.address, 'produce', 'torn', '--acks', '1', text='torn\n')
        server.kill()
        segment = next(path for path in server.data.rglob('*.log') if b'torn' in path.read_bytes())
        with open(segment, 'r+b') as file:
            file.truncate(segment.stat().st_size - 3)
        checked = run('log', 'check', server.data)
        equal(checked.returncode, 0, 'exit code: ' + checked.stdout)
        contains(checked.stdout, 'torn tail', 'no damage')
        server.start()
        equal(leat(server.address, 'consume', 'torn'), 'kept\n')


@cases('measures a server')
def bench(address):
    topic = unique('cli-bench')
    produced = json.loads(leat(address, 'bench', 'produce', '--topic', topic, '--records', 5000, '--size', 100, '--batch-records', 50,
                               '--connections', 2, '--partitions', 3, '--acks', 'all', '--json'))
    equal((produced['records'], produced['requests'], produced['latency_us']['count']), (5000, 100, 100))
    consumed = json.loads(leat(address, 'bench', 'consume', '--topic', topic, '--verify', '--connections', 2, '--json'))
    equal(consumed['records'], 5000)
    equal(len(records(address, topic)), 5000)
    latency = json.loads(leat(address, 'bench', 'latency', '--topic', unique('cli-latency'), '--rate', 500, '--seconds', 1, '--json'))
    equal(latency['records'] >= 490 and latency['latency_us']['count'] == latency['records'], True, 'every record came back')
    answers = json.loads(leat(address, 'bench', 'latency', '--topic', topic, '--producers', 8, '--acks', 'all', '--seconds', 1, '--json'))
    equal(answers['records'] == answers['requests'] > 0, True, 'one record a request')


@cases('examines the machine')
def doctor(_):
    with tempfile.TemporaryDirectory() as folder:
        checks = json.loads(leat(None, 'doctor', '--data', folder, '--syncs', 5, '--json'))
        equal(os.listdir(folder), [], 'files left behind')
    equal({'open files', 'disk space', 'flush speed', 'wall clock'} <= {check['check'] for check in checks}, True)
    equal(all(check['advice'] for check in checks if check['state'] != 'ok'), True, 'advice for every notice')


@cases('completes its commands and options in a shell')
def completion(address):
    for shell, checker in (('bash', ['bash', '-n']), ('zsh', ['zsh', '-n']), ('fish', ['fish', '-n'])):
        script = leat(None, 'completion', shell)
        contains(script, 'reset', 'flush')
        if shutil.which(checker[0]):
            subprocess.run(checker, input=script, text=True, check=True, timeout=30)
    name = unique('cli-completed')
    leat(address, 'topic', 'create', name)
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(os.path.abspath(PROGRAM), os.path.join(folder, 'leat'))
        ask = 'source <(leat completion bash); COMP_WORDS=(%s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _leat; echo "${COMPREPLY[@]}"'
        for typed, expected in (('leat top', 'topic'), ('leat topic des', 'describe'), ('leat topic list --js', '--json'),
                                ('leat serve --flush.p', '--flush.policy'), ('leat consume %s' % name[:-3], name)):
            done = subprocess.run(['bash', '-c', ask % typed], capture_output=True, text=True, timeout=30,
                                  env={'PATH': folder + ':' + os.environ['PATH'], 'LEAT_SERVER': address})
            equal(done.stdout.strip(), expected, typed + ' ' + done.stderr)


cases.main()
