#!/usr/bin/env python3
"""make.py VERSION: writes golden data folders of this build, tests/golden/VERSION-{clean,killed}.tar.gz.

Each release leaves a pair, made once and never changed: tests/clients/robust_golden.py opens all of them with the build
under test and compares what it serves with the contents.json inside.
"""
import json
import pathlib
import shutil
import sys
import tarfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'clients'))

from confluent_kafka import Consumer, Producer, TopicPartition  # noqa: E402
from confluent_kafka.admin import AdminClient, NewTopic  # noqa: E402

from harness import Server, wait_for  # noqa: E402
from robust_golden import read_contents  # noqa: E402

CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
OPTIONS = ['--offsets.partitions', '2', '--log.maintenance-interval-ms', '200']


def send(address, topic, records, partition=0, **config):
    producer = Producer({'bootstrap.servers': address, 'acks': 'all', **config})
    for number, (key, value) in enumerate(records):
        producer.produce(topic, value, key, partition, headers=[('number', b'%d' % number), ('empty', b'')],
                         timestamp=1_700_000_000_000 + number)
    assert producer.flush(60) == 0


def fill(server):
    admin = AdminClient({'bootstrap.servers': server.address})
    topics = [NewTopic('codecs', len(CODECS), 1, config={'retention.ms': '-1'}),
              NewTopic('segments', 1, 1, config={'segment.bytes': '1048576', 'leat.flush': 'os', 'retention.bytes': '2097152',
                                                 'retention.ms': '-1'}),
              NewTopic('latest', 1, 1, config={'cleanup.policy': 'compact', 'segment.bytes': '1048576',
                                               'min.cleanable.dirty.ratio': '0.01'}),
              NewTopic('gone', 1, 1)]
    for done in admin.create_topics(topics).values():
        done.result(30)
    for partition, codec in enumerate(CODECS):
        send(server.address, 'codecs', [(b'k%d' % (n % 7), b'value %d ' % n * 10) for n in range(40)], partition,
             **{'compression.type': codec, 'enable.idempotence': codec == 'zstd'})
    for _ in range(4):
        send(server.address, 'segments', [(None, b'%d ' % n * 6000) for n in range(60)])
        send(server.address, 'latest', [(b'key %d' % (n % 5), b'%d ' % n * 6000) for n in range(60)])
    send(server.address, 'latest', [(b'key 0', None)])
    admin.delete_topics(['gone'])['gone'].result(30)
    consumer = Consumer({'bootstrap.servers': server.address, 'group.id': 'readers', 'enable.auto.commit': False})
    consumer.commit(offsets=[TopicPartition('codecs', 0, 7), TopicPartition('segments', 0, 150)], asynchronous=False)
    consumer.close()
    for what in 'compacted', 'removed':
        wait_for(what + ' segments', lambda: server.metrics()['leat_log_%s_segments_total' % what] > 0)
    time.sleep(1)


def keep(server, name, contents):
    (server.data / 'contents.json').write_text(json.dumps(contents, indent=1, sort_keys=True))
    (server.data / 'reserve').unlink()
    with tarfile.open(HERE / name, 'w:gz') as archive:
        for path in sorted(server.data.rglob('*')):
            if path.name != 'lock':
                archive.add(path, path.relative_to(server.data), recursive=False)
    (server.data / 'contents.json').unlink()
    print('%s: %d bytes' % (name, (HERE / name).stat().st_size))


def main():
    version = sys.argv[1]
    with Server(*OPTIONS) as server:
        server.start()
        fill(server)
        contents = read_contents(server.address)
        server.kill()
        killed = pathlib.Path(shutil.copytree(server.data, server.folder / 'killed'))
        server.start()
        server.stop()
        keep(server, version + '-clean.tar.gz', contents)
        server.data = killed
        keep(server, version + '-killed.tar.gz', contents)


if __name__ == '__main__':
    main()
