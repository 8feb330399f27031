#!/usr/bin/python3
"""kcat (librdkafka from Debian) against a server: suite_kcat.py ADDRESS"""
import json
import pathlib
import subprocess
import tempfile
import time

from harness import Cases, equal, unique, wait_for

cases = Cases('kcat')


def kcat(address, *arguments, text=None, seconds=60):
    done = subprocess.run(['kcat', '-b', address, *arguments], input=text, capture_output=True, text=True,
                          timeout=seconds)
    if done.returncode != 0:
        raise AssertionError('kcat %s: %s' % (' '.join(arguments), done.stderr.strip()))
    return done.stdout


def consume(address, topic, *arguments):
    return kcat(address, '-C', '-e', '-q', '-t', topic, *arguments)


@cases('lists the broker and no topic that was not made')
def metadata(address):
    answer = json.loads(kcat(address, '-L', '-J'))
    equal([b['name'] for b in answer['brokers']], [address], 'brokers')
    topic = unique('kcat-listed')
    kcat(address, '-P', '-t', topic, text='x\n')
    found = {t['topic']: t for t in json.loads(kcat(address, '-L', '-J'))['topics']}
    equal(len(found[topic]['partitions']), 1, 'partitions of %s' % topic)
    equal(found[topic]['partitions'][0]['leader'], answer['brokers'][0]['id'], 'leader')


@cases('produces lines and consumes the same lines in order')
def round_trip(address):
    topic = unique('kcat-lines')
    lines = ''.join('line %d\n' % i for i in range(5000))
    kcat(address, '-P', '-t', topic, text=lines)
    equal(consume(address, topic), lines)


@cases('carries every compression')
def compressions(address):
    for codec in ('none', 'gzip', 'snappy', 'lz4', 'zstd'):
        topic = unique('kcat-' + codec)
        lines = ''.join('%s %d %s\n' % (codec, i, 'abc' * 40) for i in range(2000))
        kcat(address, '-P', '-t', topic, '-z', codec, text=lines)
        equal(consume(address, topic), lines, codec)


@cases('carries keys, null values and headers')
def keys_and_headers(address):
    topic = unique('kcat-keys')
    kcat(address, '-P', '-t', topic, '-K:', '-H', 'trace=abc', '-H', 'empty=', text='k1:v1\nk2:v2\n')
    kcat(address, '-P', '-t', topic, '-K:', '-Z', text='gone:\n')
    kcat(address, '-P', '-t', topic, text='no key\n')
    records = [json.loads(line) for line in consume(address, topic, '-J').splitlines()]
    equal([(r['key'], r['payload']) for r in records],
          [('k1', 'v1'), ('k2', 'v2'), ('gone', None), (None, 'no key')])
    equal(records[0]['headers'], ['trace', 'abc', 'empty', ''])
    equal([r['offset'] for r in records], [0, 1, 2, 3])


@cases('seeks by offset, from the end and by time')
def seeks(address):
    topic = unique('kcat-seek')
    kcat(address, '-P', '-t', topic, text='a\nb\nc\n')
    time.sleep(0.02)
    between = int(time.time() * 1000)
    time.sleep(0.02)
    kcat(address, '-P', '-t', topic, text='d\ne\n')
    equal(consume(address, topic, '-o', '2'), 'c\nd\ne\n', 'from offset 2')
    equal(consume(address, topic, '-o', '-2'), 'd\ne\n', 'the last two')
    equal(consume(address, topic, '-o', 's@%d' % between), 'd\ne\n', 'from a time')
    equal(consume(address, topic, '-o', 's@0', '-o', 'e@%d' % between), 'a\nb\nc\n', 'up to a time')
    equal(kcat(address, '-Q', '-t', '%s:0:%d' % (topic, between)).split(), [topic, '[0]', 'offset', '3'])
    equal(kcat(address, '-Q', '-t', '%s:0:-1' % topic).split()[-1], '5', 'end')
    equal(kcat(address, '-Q', '-t', '%s:0:-2' % topic).split()[-1], '0', 'beginning')


@cases('produces idempotently')
def idempotent(address):
    topic = unique('kcat-idempotent')
    lines = ''.join('%d\n' % i for i in range(3000))
    kcat(address, '-P', '-t', topic, '-X', 'enable.idempotence=true', '-X', 'batch.num.messages=100', text=lines)
    equal(consume(address, topic), lines)


@cases('carries a message of a megabyte less a little')
def large(address):
    topic = unique('kcat-large')
    with tempfile.NamedTemporaryFile('w', suffix='.txt') as file:
        file.write('0123456789' * 99000)
        file.flush()
        kcat(address, '-P', '-t', topic, file.name)
        equal(consume(address, topic, '-f', '%s'), pathlib.Path(file.name).read_text())


@cases('refuses a message above the limit and says so')
def too_large(address):
    topic = unique('kcat-too-large')
    kcat(address, '-P', '-t', topic, text='x\n')
    with tempfile.NamedTemporaryFile('w', suffix='.txt') as file:
        file.write('0123456789' * 200000)
        file.flush()
        done = subprocess.run(['kcat', '-b', address, '-P', '-t', topic, '-X', 'message.max.bytes=10000000', file.name],
                              capture_output=True, text=True, timeout=60)
    assert 'too large' in done.stderr.lower(), done.stderr
    equal(consume(address, topic), 'x\n')


@cases('a group of two shares the partitions; when one leaves the other gets all')
def group(address):
    topic, name = unique('kcat-group'), unique('kcat-group')
    import confluent_kafka.admin
    admin = confluent_kafka.admin.AdminClient({'bootstrap.servers': address})
    admin.create_topics([confluent_kafka.admin.NewTopic(topic, 4, 1)])[topic].result(30)
    arguments = ['kcat', '-b', address, '-u', '-q', '-X', 'auto.offset.reset=earliest', '-f', '%p %s\\n',
                 '-G', name, topic]
    with tempfile.TemporaryDirectory() as folder:
        files = [open(folder + '/%d' % i, 'w+') for i in range(2)]
        members = [subprocess.Popen(arguments, stdout=f, stderr=subprocess.DEVNULL) for f in files]

        def partitions_of(member, since):
            lines = pathlib.Path(files[member].name).read_text().splitlines()
            return {int(line.split()[0]) for line in lines if int(line.split()[1]) >= since}

        def send(number):
            for partition in range(4):
                kcat(address, '-P', '-t', topic, '-p', str(partition), text='%d\n' % number)

        number = 0
        try:
            def shared():
                nonlocal number
                number += 1
                send(number)
                time.sleep(0.5)
                seen = [partitions_of(m, number) for m in range(2)]
                return all(seen) and not seen[0] & seen[1] and len(seen[0] | seen[1]) == 4
            wait_for('both members to have partitions of their own', shared)
            members[0].terminate()
            members[0].wait(30)
            send(number + 1)
            wait_for('the other to have all four', lambda: partitions_of(1, number + 1) == {0, 1, 2, 3})
            everything = [line for m in range(2) for line in pathlib.Path(files[m].name).read_text().splitlines()]
            equal({int(line.split()[1]) for line in everything}, set(range(1, number + 2)), 'records seen')
        finally:
            for member in members:
                if member.poll() is None:
                    member.terminate()
                    member.wait(30)


cases.main()
