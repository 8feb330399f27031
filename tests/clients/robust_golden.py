"""Data folders that earlier releases left: this build opens each and serves what is in it."""
import hashlib
import json
import tarfile

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource

from harness import ROOT, Cases, Server, equal
from robust_stop import produce, read_all

cases = Cases('golden')
GROUP = 'readers'


def text(value):
    if value is None or len(value) < 200:
        return None if value is None else value.decode('latin-1')
    return 'sha256 ' + hashlib.sha256(value).hexdigest()


def read_partition(address, topic, partition):
    return [[m.offset(), text(m.key()), text(m.value()), [[k, text(v)] for k, v in m.headers() or []], m.timestamp()[1]]
            for m in read_all(address, topic, partition)]


def read_contents(address):
    """All that a client can see of a server, as JSON has it."""
    admin = AdminClient({'bootstrap.servers': address})
    topics = {name: topic for name, topic in admin.list_topics(timeout=30).topics.items() if not name.startswith('__')}
    resources = [ConfigResource('TOPIC', name) for name in topics]
    configs = {resource.name: sorted([e.name, e.value] for e in done.result(30).values() if not e.is_default)
               for resource, done in admin.describe_configs(resources).items()}
    reader = Consumer({'bootstrap.servers': address, 'group.id': GROUP})
    everywhere = [TopicPartition(name, p) for name, topic in topics.items() for p in topic.partitions]
    committed = [[c.topic, c.partition, c.offset] for c in reader.committed(everywhere, 30) if c.offset >= 0]
    marks = {'%s %d' % (w.topic, w.partition): list(reader.get_watermark_offsets(w, 30)) for w in everywhere}
    reader.close()
    return {'configs': configs, 'committed': sorted(committed), 'watermarks': marks,
            'records': {'%s %d' % (w.topic, w.partition): read_partition(address, w.topic, w.partition)
                        for w in everywhere}}


@cases('each is opened, served as it was, and written to')
def golden(_=None):
    folders = sorted((ROOT / 'tests' / 'golden').glob('*.tar.gz'))
    assert folders, 'there are no golden data folders'
    for archive in folders:
        with Server() as server:
            server.data.mkdir()
            with tarfile.open(archive) as packed:
                packed.extractall(server.data)
            expected = server.data / 'contents.json'
            contents = json.loads(expected.read_text())
            expected.unlink()
            for start in ('first', 'second'):
                server.start()
                found = json.loads(json.dumps(read_contents(server.address)))
                for what in contents:
                    equal(found[what], contents[what], '%s, %s start: %s' % (archive.name, start, what))
                server.stop()
            server.start()
            equal(produce(server.address, 'segments', [b'new']), [b'new'])
            equal(read_all(server.address, 'segments')[-1].offset(), contents['watermarks']['segments 0'][1])
