"""What the scenarios share: the server under test, its advertised versions, and checks that name what they found."""
import contextlib
import os
import time
import uuid

import records
from client import NONE, Connection

NO_TOPIC = uuid.UUID(int=0)
CONTROL_VERSION = {'Metadata': 12, 'CreateTopics': 7, 'Produce': 9, 'ListOffsets': 6}


class Failed(Exception):
    pass


def check(condition, what):
    if not condition:
        raise Failed(what)


def equal(found, expected, what):
    if found != expected:
        raise Failed(f'{what}: {found!r}, expected {expected!r}')


def no_error(code, what):
    equal(code, NONE, f'error code of {what}')


class Server:
    """The server under test. Names made here are unique for each run, so that a server may be tested again."""

    def __init__(self, host, port):
        self.host = host
        self.port = port
        self.prefix = f'schema-{os.getpid()}-{int(time.time())}'
        self.connection = Connection(host, port, timeout=60)
        self.versions = {}  # API -> versions that are advertised
        self.base_time = int(time.time() * 1000) - 60_000
        self._names = 0
        self._answered = set()

    def connect(self):
        return contextlib.closing(Connection(self.host, self.port))

    def reconnect(self):
        self._answered |= self.connection.calls
        self.connection.close()
        self.connection = Connection(self.host, self.port, timeout=60)

    def answered(self):
        """The (API, version) pairs that were answered so far."""
        return self._answered | self.connection.calls

    def call(self, api, version, **fields):
        return self.connection.call(api, version, **fields)

    def name(self, kind):
        self._names += 1
        return f'{self.prefix}-{kind}{self._names}'

    def range(self, api, first=0):
        return [v for v in self.versions.get(api, []) if v >= first]

    def create_topic(self, kind, partitions=1, **configs):
        """The name and id of a new topic."""
        name = self.name(kind)
        response = self.call('CreateTopics', CONTROL_VERSION['CreateTopics'], timeoutMs=30_000, Topics=[{
            'Name': name, 'NumPartitions': partitions, 'ReplicationFactor': 1,
            'Configs': [{'Name': n.replace('_', '.'), 'Value': v} for n, v in configs.items()]}])
        no_error(response['Topics'][0]['ErrorCode'], f'creating {name}')
        return name, response['Topics'][0]['TopicId']

    def metadata(self, name):
        """The topic's entry in Metadata."""
        response = self.call('Metadata', CONTROL_VERSION['Metadata'], AllowAutoTopicCreation=False,
                             Topics=[{'Name': name}])
        return response['Topics'][0]

    def leader_epoch(self, name, partition=0):
        return next(p['LeaderEpoch'] for p in self.metadata(name)['Partitions'] if p['PartitionIndex'] == partition)

    def batch(self, count=2, **options):
        return records.build([records.Record(f'value-{i}'.encode(), f'key-{i}'.encode(), self.base_time + i,
                                             (('kind', b'test'), ('none', None))) for i in range(count)], **options)

    def produce(self, name, batch, partition=0, acks=-1):
        """The partition's answer."""
        response = self.call('Produce', CONTROL_VERSION['Produce'], Acks=acks, TimeoutMs=30_000, TopicData=[
            {'Name': name, 'PartitionData': [{'Index': partition, 'Records': batch}]}])
        return response['Responses'][0]['PartitionResponses'][0]

    def fill(self, name, batches=1, partition=0):
        """Appends batches of two records."""
        for _ in range(batches):
            no_error(self.produce(name, self.batch(), partition)['ErrorCode'], f'producing to {name}')

    def end_offset(self, name, timestamp=-1):
        response = self.call('ListOffsets', CONTROL_VERSION['ListOffsets'], ReplicaId=-1, Topics=[
            {'Name': name, 'Partitions': [{'PartitionIndex': 0, 'Timestamp': timestamp}]}])
        partition = response['Topics'][0]['Partitions'][0]
        no_error(partition['ErrorCode'], f'offsets of {name}')
        return partition['Offset']


def named(version, ids_from, name, topic_id, what='Name'):
    """The field that names a topic in this version: its id from `ids_from` on."""
    return {'TopicId': topic_id} if version >= ids_from else {what: name}
