"""Scenarios of the APIs that move records. Each is called once for every advertised version."""
import contextlib
import time
import uuid

import client
import records
from client import Closed
from scenario import check, equal, named, no_error

UNKNOWN_ID = uuid.UUID('11111111-2222-4333-8444-555555555555')


def produce_request(version, name, topic_id, batch, acks=-1, partition=0):
    return {'Acks': acks, 'TimeoutMs': 30_000, 'TopicData': [
        {**named(version, 13, name, topic_id), 'PartitionData': [{'Index': partition, 'Records': batch}]}]}


def produce(server, version):
    if version < 3:
        produce_too_old(server, version)
        return
    name, topic_id = server.create_topic('produce', partitions=2)

    def send(batch, **options):
        answer = server.call('Produce', version, **produce_request(version, name, topic_id, batch, **options))
        topic = answer['Responses'][0]
        equal(topic['TopicId' if version >= 13 else 'Name'], topic_id if version >= 13 else name, 'topic')
        return topic['PartitionResponses'][0]

    for acks in (-1, 1):
        for expected in (0, 2):
            answer = send(server.batch(), acks=acks, partition=0 if acks == -1 else 1)
            no_error(answer['ErrorCode'], f'acks={acks}')
            equal(answer['BaseOffset'], expected, f'base offset with acks={acks}')
            equal(answer['LogAppendTimeMs'], -1, 'append time of a topic with create time')
            if version >= 5:
                equal(answer['LogStartOffset'], 0, 'log start offset')
    equal(send(server.batch(), partition=7)['ErrorCode'], client.UNKNOWN_TOPIC_OR_PARTITION, 'error of partition 7')
    equal(send(server.batch(damaged=True))['ErrorCode'], client.CORRUPT_MESSAGE, 'error of a wrong CRC')
    equal(send(server.batch(), acks=2)['ErrorCode'], client.INVALID_REQUIRED_ACKS, 'error of acks=2')
    check(send(server.batch(attributes=records.CONTROL))['ErrorCode'] != 0, 'a control batch is refused')
    equal(server.end_offset(name), 4, 'end after refused batches')

    # No answer to acks=0: the next response on the connection is that of the next request.
    with server.connect() as connection:
        connection.send('Produce', version, **produce_request(version, name, topic_id, server.batch(), acks=0))
        no_error(connection.call('ApiVersions', 0)['ErrorCode'], 'the request after acks=0')
    # Nobody waits for it, so its flush, and with it the high watermark, may take a moment.
    deadline = time.monotonic() + 10
    while server.end_offset(name) < 6 and time.monotonic() < deadline:
        time.sleep(0.02)
    equal(server.end_offset(name), 6, 'end after acks=0')

    zstd, zstd_id = server.create_topic('zstd')
    answer = server.call('Produce', version, **produce_request(version, zstd, zstd_id,
                                                               server.batch(attributes=records.CODEC_ZSTD)))
    equal(answer['Responses'][0]['PartitionResponses'][0]['ErrorCode'],
          client.NONE if version >= 7 else client.UNSUPPORTED_COMPRESSION_TYPE, 'error of zstd')

    missing = server.call('Produce', version, **produce_request(version, 'no..such\x7ftopic', UNKNOWN_ID, server.batch()))
    expected = (client.UNKNOWN_TOPIC_ID,) if version >= 13 else (client.UNKNOWN_TOPIC_OR_PARTITION,
                                                                 client.INVALID_TOPIC_EXCEPTION)
    code = missing['Responses'][0]['PartitionResponses'][0]['ErrorCode']
    check(code in expected, f'error of an unknown topic: {code}')
    idempotent_produce(server, send, name)


def idempotent_produce(server, send, name):
    answer = server.call('InitProducerId', max(server.range('InitProducerId')), TransactionalId=None,
                         TransactionTimeoutMs=60_000)
    no_error(answer['ErrorCode'], 'a producer id')
    producer = {'producer_id': answer['ProducerId'], 'producer_epoch': answer['ProducerEpoch']}
    first = send(server.batch(base_sequence=0, **producer))
    no_error(first['ErrorCode'], 'the first idempotent batch')
    again = send(server.batch(base_sequence=0, **producer))
    no_error(again['ErrorCode'], 'the same batch again')
    equal(again['BaseOffset'], first['BaseOffset'], 'base offset of a retried batch')
    equal(send(server.batch(base_sequence=6, **producer))['ErrorCode'], client.OUT_OF_ORDER_SEQUENCE_NUMBER,
          'error of a gap in sequences')
    no_error(send(server.batch(base_sequence=2, **producer))['ErrorCode'], 'the next idempotent batch')
    equal(server.end_offset(name), first['BaseOffset'] + 4, 'end after idempotent batches')


def produce_too_old(server, version):
    """Advertised for old clients' sake and answered with UNSUPPORTED_VERSION."""
    name, topic_id = server.create_topic('old')
    answer = server.call('Produce', version, **produce_request(version, name, topic_id, server.batch()))
    equal(answer['Responses'][0]['PartitionResponses'][0]['ErrorCode'], client.UNSUPPORTED_VERSION, 'error')
    equal(server.end_offset(name), 0, 'end of a topic that was refused')


def fetch_request(version, topics, session=0, epoch=-1, wait_ms=0, min_bytes=0, forgotten=()):
    """`topics`: (name, id, partition, offset, current leader epoch)."""
    request = {'MaxWaitMs': wait_ms, 'MinBytes': min_bytes, 'MaxBytes': 1 << 20, 'IsolationLevel': 0, 'Topics': [
        {**named(version, 13, name, topic_id, 'Topic'), 'Partitions': [
            {'Partition': partition, 'FetchOffset': offset, 'PartitionMaxBytes': 1 << 20, 'CurrentLeaderEpoch': leader}]}
        for name, topic_id, partition, offset, leader in topics]}
    if version >= 7:
        request.update(SessionId=session, SessionEpoch=epoch, ForgottenTopicsData=[
            {**named(version, 13, name, topic_id, 'Topic'), 'Partitions': [partition]}
            for name, topic_id, partition in forgotten])
    return request


def fetch(server, version):
    name, topic_id = server.create_topic('fetch')
    server.fill(name, batches=2)
    epoch = server.leader_epoch(name)

    def partition_of(answer):
        if version >= 7:
            no_error(answer['ErrorCode'], 'the fetch')
        topic = answer['Responses'][0]
        equal(topic['TopicId' if version >= 13 else 'Topic'], topic_id if version >= 13 else name, 'topic')
        return topic['Partitions'][0]

    def read(offset, leader=-1, **options):
        return partition_of(server.call('Fetch', version,
                                        **fetch_request(version, [(name, topic_id, 0, offset, leader)], **options)))

    answer = read(0, epoch if version >= 9 else -1)
    no_error(answer['ErrorCode'], 'the partition')
    equal(answer['HighWatermark'], 4, 'high watermark')
    equal(answer['LastStableOffset'], 4, 'last stable offset')
    if version >= 5:
        equal(answer['LogStartOffset'], 0, 'log start offset')
    found = records.parse(answer['Records'])
    equal([r.offset for r in found], [0, 1, 2, 3], 'offsets')
    equal([(r.key, r.value) for r in found], [(f'key-{i % 2}'.encode(), f'value-{i % 2}'.encode()) for i in range(4)],
          'records')
    equal([r.timestamp for r in found], [server.base_time + i % 2 for i in range(4)], 'timestamps')
    equal(found[0].headers, (('kind', b'test'), ('none', None)), 'headers')
    equal(records.parse(read(2)['Records'])[0].offset, 2, 'first offset of a fetch from 2')

    at_end = read(4, wait_ms=50, min_bytes=1)
    no_error(at_end['ErrorCode'], 'a fetch at the end')
    equal(at_end['Records'] or b'', b'', 'records at the end')
    equal(read(5)['ErrorCode'], client.OFFSET_OUT_OF_RANGE, 'error of an offset above the end')
    if version >= 9:
        equal(read(0, epoch + 1000)['ErrorCode'], client.UNKNOWN_LEADER_EPOCH, 'error of an epoch from the future')

    missing = server.call('Fetch', version, **fetch_request(version, [('no-such-topic', UNKNOWN_ID, 0, 0, -1)]))
    equal(missing['Responses'][0]['Partitions'][0]['ErrorCode'],
          client.UNKNOWN_TOPIC_ID if version >= 13 else client.UNKNOWN_TOPIC_OR_PARTITION, 'error of an unknown topic')
    if version >= 7:
        fetch_session(server, version, name, topic_id)


def fetch_session(server, version, name, topic_id):
    """An incremental session: made, read without change, told of new records, forgotten, refused, closed."""
    topics = [(name, topic_id, 0, 4, -1)]

    def call(asked, **options):
        return server.call('Fetch', version, **fetch_request(version, asked, **options))

    made = call(topics, epoch=0)
    no_error(made['ErrorCode'], 'a new session')
    session = made['SessionId']
    check(session > 0, f'session id {session}')
    equal(len(made['Responses']), 1, 'topics in the first answer')
    quiet = call([], session=session, epoch=1)
    no_error(quiet['ErrorCode'], 'an incremental fetch')
    equal(quiet['SessionId'], session, 'session id')
    equal(quiet['Responses'], [], 'topics without change')
    server.fill(name)
    told = call([], session=session, epoch=2, wait_ms=1000, min_bytes=1)
    equal([r.offset for r in records.parse(told['Responses'][0]['Partitions'][0]['Records'])], [4, 5], 'new offsets')
    forgotten = call([], session=session, epoch=3, forgotten=[(name, topic_id, 0)])
    no_error(forgotten['ErrorCode'], 'a fetch that forgets')
    equal(forgotten['Responses'], [], 'topics after all are forgotten')
    equal(call([], session=session, epoch=9)['ErrorCode'], client.INVALID_FETCH_SESSION_EPOCH, 'error of a wrong epoch')
    no_error(call(topics, session=session, epoch=-1)['ErrorCode'], 'closing the session')
    equal(call([], session=session, epoch=4)['ErrorCode'], client.FETCH_SESSION_ID_NOT_FOUND, 'error of a closed session')


def list_offsets(server, version):
    name, _ = server.create_topic('offsets')
    server.fill(name, batches=2)

    def ask(timestamp, topic=name, leader=-1):
        answer = server.call('ListOffsets', version, ReplicaId=-1, IsolationLevel=0, Topics=[
            {'Name': topic, 'Partitions': [
                {'PartitionIndex': 0, 'Timestamp': timestamp, 'CurrentLeaderEpoch': leader}]}])
        return answer['Topics'][0]['Partitions'][0]

    def expect(timestamp, offset, found_timestamp, what):
        answer = ask(timestamp)
        no_error(answer['ErrorCode'], what)
        equal((answer['Offset'], answer['Timestamp']), (offset, found_timestamp), what)

    expect(-1, 4, -1, 'latest')
    expect(-2, 0, -1, 'earliest')
    expect(server.base_time, 0, server.base_time, 'the first timestamp')
    expect(server.base_time + 1, 1, server.base_time + 1, 'the second timestamp')
    expect(server.base_time + 10**9, -1, -1, 'a timestamp after all')
    for special, since, offset in ((-3, 7, 1), (-4, 8, 0), (-5, 9, -1), (-6, 11, -1)):
        answer = ask(special)
        if version < since:
            equal(answer['ErrorCode'], client.UNSUPPORTED_VERSION, f'error of timestamp {special}')
        else:
            no_error(answer['ErrorCode'], f'timestamp {special}')
            equal(answer['Offset'], offset, f'offset of timestamp {special}')
    if version >= 4:
        check(ask(-1)['LeaderEpoch'] >= 0, 'a leader epoch')
        equal(ask(-1, leader=server.leader_epoch(name) + 1000)['ErrorCode'], client.UNKNOWN_LEADER_EPOCH,
              'error of an epoch from the future')
    equal(ask(-1, topic='no-such-topic')['ErrorCode'], client.UNKNOWN_TOPIC_OR_PARTITION, 'error of an unknown topic')


def offset_for_leader_epoch(server, version):
    name, _ = server.create_topic('epochs')
    server.fill(name)
    epoch = server.leader_epoch(name)

    def ask(topic, wanted, current=-1):
        answer = server.call('OffsetForLeaderEpoch', version, ReplicaId=-1, Topics=[
            {'Topic': topic, 'Partitions': [
                {'Partition': 0, 'LeaderEpoch': wanted, 'CurrentLeaderEpoch': current}]}])
        return answer['Topics'][0]['Partitions'][0]

    answer = ask(name, epoch, epoch)
    no_error(answer['ErrorCode'], 'the current epoch')
    equal((answer['LeaderEpoch'], answer['EndOffset']), (epoch, 2), 'epoch and end offset')
    equal(ask(name, epoch + 1000)['EndOffset'], -1, 'end offset of an unknown epoch')
    equal(ask(name, epoch, epoch + 1000)['ErrorCode'], client.UNKNOWN_LEADER_EPOCH, 'error of an epoch from the future')
    equal(ask('no-such-topic', 0)['ErrorCode'], client.UNKNOWN_TOPIC_OR_PARTITION, 'error of an unknown topic')


def delete_records(server, version):
    name, _ = server.create_topic('records')
    server.fill(name, batches=2)

    def ask(offset, topic=name):
        answer = server.call('DeleteRecords', version, TimeoutMs=30_000, Topics=[
            {'Name': topic, 'Partitions': [{'PartitionIndex': 0, 'Offset': offset}]}])
        return answer['Topics'][0]['Partitions'][0]

    answer = ask(1)
    no_error(answer['ErrorCode'], 'deleting below 1')
    equal(answer['LowWatermark'], 1, 'low watermark')
    equal(server.end_offset(name, timestamp=-2), 1, 'earliest offset')
    equal(ask(100)['ErrorCode'], client.OFFSET_OUT_OF_RANGE, 'error of an offset above the end')
    answer = ask(-1)
    no_error(answer['ErrorCode'], 'deleting all')
    equal(answer['LowWatermark'], 4, 'low watermark after deleting all')
    equal(ask(0, 'no-such-topic')['ErrorCode'], client.UNKNOWN_TOPIC_OR_PARTITION, 'error of an unknown topic')
    no_error(server.produce(name, server.batch())['ErrorCode'], 'a produce after deleting all')
    equal(server.end_offset(name), 6, 'end: offsets are never used twice')


def init_producer_id(server, version):
    seen = set()
    for _ in range(2):
        answer = server.call('InitProducerId', version, TransactionalId=None, TransactionTimeoutMs=60_000)
        no_error(answer['ErrorCode'], 'a producer id')
        check(answer['ProducerId'] >= 0, f"producer id {answer['ProducerId']}")
        equal(answer['ProducerEpoch'], 0, 'epoch')
        seen.add(answer['ProducerId'])
    equal(len(seen), 2, 'different producer ids')


def api_versions(server, version):
    fields = {'ClientSoftwareName': 'schema-client', 'ClientSoftwareVersion': '1.0'} if version >= 3 else {}
    answer = server.call('ApiVersions', version, **fields)
    no_error(answer['ErrorCode'], 'ApiVersions')
    listed = {a['ApiKey']: (a['MinVersion'], a['MaxVersion']) for a in answer['ApiKeys']}
    equal(len(listed), len(answer['ApiKeys']), 'each API once')
    equal(listed, {client.codec.messages()[api + 'Request'].key: (v[0], v[-1]) for api, v in server.versions.items()},
          'versions')
    check_unsupported_versions(server, version)


def check_unsupported_versions(server, version):
    """ApiVersions in a version that is too new gets version 0 with the error and its own range; others close."""
    with server.connect() as connection:
        connection.send_raw(18, 90 + version, client.codec.encode('ApiVersionsRequest', 3, {}), 2)
        answer = client.codec.decode('ApiVersionsResponse', 0, connection.receive_raw(0))
        equal(answer['ErrorCode'], client.UNSUPPORTED_VERSION, 'error of ApiVersions 90')
        mine = [(a['MinVersion'], a['MaxVersion']) for a in answer['ApiKeys'] if a['ApiKey'] == 18]
        equal(mine, [(0, server.versions['ApiVersions'][-1])], 'its own range')
        no_error(connection.call('ApiVersions', 0)['ErrorCode'], 'ApiVersions 0 on the same connection')


def unsupported(server):
    """Versions outside the advertised ones, and keys that nobody has, end the connection as Kafka does."""
    for api, versions in sorted(server.versions.items()):
        if api == 'ApiVersions':
            continue
        message = client.codec.messages()[api + 'Request']
        asked = [versions[-1] + 1] + ([versions[0] - 1] if versions[0] > 0 else [])
        for version in asked:
            with server.connect() as connection:
                connection.send_raw(message.key, version, b'\0' * 64, 2 if version in message.flexible else 1)
                check(connection.is_closed_by_server(), f'{api} {version} ends the connection')
    with server.connect() as connection:
        connection.send_raw(999, 0, b'', 1)
        check(connection.is_closed_by_server(), 'an unknown API ends the connection')
    with server.connect() as connection:
        connection.send_raw(3, 1, b'\x7f\xff\xff\xff', 1)
        with contextlib.suppress(Closed):  # an error or the end, both are right
            connection.receive_raw(0)
    no_error(server.call('ApiVersions', 0)['ErrorCode'], 'other connections go on')


SCENARIOS = {
    'ApiVersions': api_versions,
    'Produce': produce,
    'Fetch': fetch,
    'ListOffsets': list_offsets,
    'OffsetForLeaderEpoch': offset_for_leader_epoch,
    'DeleteRecords': delete_records,
    'InitProducerId': init_producer_id,
}
