"""Scenarios of the APIs that describe and change topics and the cluster. Each is called once for every advertised version."""
import client
from data_apis import UNKNOWN_ID
from scenario import NO_TOPIC, check, equal, no_error

TOPIC = 2
BROKER = 4
UNKNOWN_OPERATIONS = -2**31


def create_topics(server, version):
    name = server.name('create')
    request = {'Name': name, 'NumPartitions': 2, 'ReplicationFactor': 1,
               'Configs': [{'Name': 'retention.ms', 'Value': '3600000'}]}

    def ask(topic, **options):
        answer = server.call('CreateTopics', version, timeoutMs=30_000, Topics=[topic], **options)
        equal(answer['Topics'][0]['Name'], topic['Name'], 'topic')
        return answer['Topics'][0]

    no_error(ask(request, validateOnly=True)['ErrorCode'], 'a request that only validates')
    equal(server.metadata(name)['ErrorCode'], client.UNKNOWN_TOPIC_OR_PARTITION, 'error after only validating')
    answer = ask(request)
    no_error(answer['ErrorCode'], 'creating')
    if version >= 5:
        equal((answer['NumPartitions'], answer['ReplicationFactor']), (2, 1), 'partitions and replicas')
        no_error(answer['TopicConfigErrorCode'], 'the settings')
        check(('retention.ms', '3600000') in {(c['Name'], c['Value']) for c in answer['Configs']}, 'retention.ms in the answer')
    if version >= 7:
        equal(answer['TopicId'], server.metadata(name)['TopicId'], 'topic id')
        check(answer['TopicId'] != NO_TOPIC, 'a topic id')
    equal(len(server.metadata(name)['Partitions']), 2, 'partitions')
    equal(ask(request)['ErrorCode'], client.TOPIC_ALREADY_EXISTS, 'error of creating it again')
    equal(ask({**request, 'Name': 'no/such/name'})['ErrorCode'], client.INVALID_TOPIC_EXCEPTION, 'error of a bad name')
    equal(ask({**request, 'Name': server.name('bad'), 'NumPartitions': 0})['ErrorCode'], client.INVALID_PARTITIONS,
          'error of no partitions')
    equal(ask({**request, 'Name': server.name('bad'), 'ReplicationFactor': 9})['ErrorCode'],
          client.INVALID_REPLICATION_FACTOR, 'error of nine replicas')
    equal(ask({**request, 'Name': server.name('bad'), 'Configs': [{'Name': 'retention.ms', 'Value': 'soon'}]})['ErrorCode'],
          client.INVALID_CONFIG, 'error of a bad setting')
    if version >= 4:
        no_error(ask({'Name': server.name('default'), 'NumPartitions': -1, 'ReplicationFactor': -1})['ErrorCode'],
                 'creating with the defaults')


def metadata(server, version):
    name, topic_id = server.create_topic('metadata', partitions=2)

    def ask(topics, **options):
        if version >= 4:
            options.setdefault('AllowAutoTopicCreation', False)
        answer = server.call('Metadata', version, Topics=topics, **options)
        if version >= 13:
            no_error(answer['ErrorCode'], 'Metadata')
        return answer

    answer = ask([{'Name': name}])
    brokers = {b['NodeId']: (b['Host'], b['Port']) for b in answer['Brokers']}
    check(len(brokers) == 1 and all(host and port for host, port in brokers.values()), f'one broker: {brokers}')
    if version >= 1:
        check(answer['ControllerId'] in brokers, f"controller {answer['ControllerId']}")
    if version >= 2:
        check(answer['ClusterId'], 'a cluster id')
    topic = answer['Topics'][0]
    no_error(topic['ErrorCode'], 'the topic')
    equal(topic['Name'], name, 'name')
    equal(topic['IsInternal'], False, 'internal')
    equal(sorted(p['PartitionIndex'] for p in topic['Partitions']), [0, 1], 'partitions')
    for partition in topic['Partitions']:
        no_error(partition['ErrorCode'], 'the partition')
        check(partition['LeaderId'] in brokers, f"leader {partition['LeaderId']}")
        equal(partition['ReplicaNodes'], [partition['LeaderId']], 'replicas')
        equal(partition['IsrNodes'], [partition['LeaderId']], 'in-sync replicas')
        equal(partition['OfflineReplicas'], [], 'offline replicas')
        check(version < 7 or partition['LeaderEpoch'] >= 0, 'a leader epoch')
    if version >= 10:
        equal(topic['TopicId'], topic_id, 'topic id')

    everything = ask([] if version == 0 else None)
    check(name in {t['Name'] for t in everything['Topics']}, 'the topic among all')
    if version >= 1:
        equal(ask([])['Topics'], [], 'no topics asked for')
    if version >= 4:
        equal(ask([{'Name': server.name('missing')}])['Topics'][0]['ErrorCode'], client.UNKNOWN_TOPIC_OR_PARTITION,
              'error of an unknown topic')
    if version >= 8:
        equal(topic['TopicAuthorizedOperations'], UNKNOWN_OPERATIONS, 'operations that were not asked for')
        with_operations = ask([{'Name': name}], IncludeTopicAuthorizedOperations=True)['Topics'][0]
        check(with_operations['TopicAuthorizedOperations'] != UNKNOWN_OPERATIONS, 'operations')
    if version >= 12:
        by_id = ask([{'Name': None, 'TopicId': topic_id}])['Topics'][0]
        no_error(by_id['ErrorCode'], 'the topic by its id')
        equal(by_id['Name'], name, 'name of the topic by its id')
        equal(ask([{'Name': None, 'TopicId': UNKNOWN_ID}])['Topics'][0]['ErrorCode'], client.UNKNOWN_TOPIC_ID,
              'error of an unknown id')


def delete_topics(server, version):
    name, topic_id = server.create_topic('delete')
    other, other_id = server.create_topic('delete')
    server.fill(name)
    if version < 6:
        answer = server.call('DeleteTopics', version, TimeoutMs=30_000, TopicNames=[name, 'no-such-topic', other])
        by_name = {r['Name']: r['ErrorCode'] for r in answer['Responses']}
        equal(by_name, {name: 0, other: 0, 'no-such-topic': client.UNKNOWN_TOPIC_OR_PARTITION}, 'errors')
    else:
        answer = server.call('DeleteTopics', version, TimeoutMs=30_000, Topics=[
            {'Name': name}, {'Name': None, 'TopicId': other_id}, {'Name': 'no-such-topic'},
            {'Name': None, 'TopicId': UNKNOWN_ID}])
        found = {(r['Name'], r['TopicId'] if r['ErrorCode'] != client.UNKNOWN_TOPIC_OR_PARTITION else NO_TOPIC):
                 r['ErrorCode'] for r in answer['Responses']}
        equal(found, {(name, topic_id): 0, (other, other_id): 0, (None, UNKNOWN_ID): client.UNKNOWN_TOPIC_ID,
                      ('no-such-topic', NO_TOPIC): client.UNKNOWN_TOPIC_OR_PARTITION}, 'errors')
    for gone in (name, other):
        equal(server.metadata(gone)['ErrorCode'], client.UNKNOWN_TOPIC_OR_PARTITION, 'error of a deleted topic')


def create_partitions(server, version):
    name, _ = server.create_topic('partitions', partitions=2)
    server.fill(name)

    def ask(count, topic=name, **options):
        answer = server.call('CreatePartitions', version, TimeoutMs=30_000, Topics=[
            {'Name': topic, 'Count': count, 'Assignments': None}], **options)
        equal(answer['Results'][0]['Name'], topic, 'topic')
        return answer['Results'][0]['ErrorCode']

    no_error(ask(4, ValidateOnly=True), 'a request that only validates')
    equal(len(server.metadata(name)['Partitions']), 2, 'partitions after only validating')
    no_error(ask(4), 'two more partitions')
    equal(len(server.metadata(name)['Partitions']), 4, 'partitions')
    server.fill(name, partition=3)
    equal(ask(3), client.INVALID_PARTITIONS, 'error of fewer partitions')
    equal(ask(4), client.INVALID_PARTITIONS, 'error of as many partitions')
    equal(ask(3, 'no-such-topic'), client.UNKNOWN_TOPIC_OR_PARTITION, 'error of an unknown topic')


def describe(server, version, name, kind=TOPIC, keys=None, **options):
    answer = server.call('DescribeConfigs', version, Resources=[
        {'ResourceType': kind, 'ResourceName': name, 'ConfigurationKeys': keys}], **options)
    return answer['Results'][0]


def setting(server, name, key):
    """The value of a topic's setting."""
    result = describe(server, max(server.range('DescribeConfigs')), name, keys=[key])
    no_error(result['ErrorCode'], f'describing {name}')
    return result['Configs'][0]['Value']


def describe_configs(server, version):
    name, _ = server.create_topic('configs', retention_ms='3600000')
    result = describe(server, version, name)
    no_error(result['ErrorCode'], 'the topic')
    equal((result['ResourceType'], result['ResourceName']), (TOPIC, name), 'resource')
    configs = {c['Name']: c for c in result['Configs']}
    for key in ('cleanup.policy', 'retention.ms', 'max.message.bytes', 'compression.type'):
        check(key in configs, f'{key} is described')
    equal(configs['retention.ms']['Value'], '3600000', 'retention.ms')
    equal(configs['retention.ms']['IsSensitive'], False, 'sensitive')
    equal(configs['retention.ms']['ConfigSource'], 1, 'source of a topic setting')
    check(configs['cleanup.policy']['ConfigSource'] != 1, 'source of a default')
    only = describe(server, version, name, keys=['retention.ms'], IncludeSynonyms=True)
    equal([c['Name'] for c in only['Configs']], ['retention.ms'], 'the one setting that was asked for')
    if version >= 3:
        check(configs['retention.ms']['ConfigType'] > 0, 'a type')
        describe(server, version, name, IncludeDocumentation=True)
    equal(describe(server, version, 'no-such-topic')['ErrorCode'], client.UNKNOWN_TOPIC_OR_PARTITION,
          'error of an unknown topic')
    node = server.call('Metadata', 1, Topics=[])['Brokers'][0]['NodeId']
    broker = describe(server, version, str(node), kind=BROKER)
    no_error(broker['ErrorCode'], 'the broker')
    check(broker['Configs'], 'settings of the broker')


def alter_configs(server, version):
    name, _ = server.create_topic('alter', retention_ms='1000', max_message_bytes='2000000')

    def ask(configs, topic=name, validate=False):
        answer = server.call('AlterConfigs', version, ValidateOnly=validate, Resources=[
            {'ResourceType': TOPIC, 'ResourceName': topic, 'Configs': [
                {'Name': key, 'Value': value} for key, value in configs.items()]}])
        equal(answer['Responses'][0]['ResourceName'], topic, 'resource')
        return answer['Responses'][0]['ErrorCode']

    no_error(ask({'retention.ms': '5000'}, validate=True), 'a request that only validates')
    equal(setting(server, name, 'retention.ms'), '1000', 'retention.ms after only validating')
    no_error(ask({'retention.ms': '5000'}), 'altering')
    equal(setting(server, name, 'retention.ms'), '5000', 'retention.ms')
    check(setting(server, name, 'max.message.bytes') != '2000000', 'a setting that was left out is reset')
    equal(ask({'retention.ms': 'soon'}), client.INVALID_CONFIG, 'error of a bad value')
    equal(ask({'no.such.setting': '1'}), client.INVALID_CONFIG, 'error of an unknown setting')
    equal(ask({}, 'no-such-topic'), client.UNKNOWN_TOPIC_OR_PARTITION, 'error of an unknown topic')


def incremental_alter_configs(server, version):
    name, _ = server.create_topic('incremental', retention_ms='1000')
    sets, deletes, appends = 0, 1, 2

    def ask(key, operation, value, topic=name, validate=False):
        answer = server.call('IncrementalAlterConfigs', version, ValidateOnly=validate, Resources=[
            {'ResourceType': TOPIC, 'ResourceName': topic, 'Configs': [
                {'Name': key, 'ConfigOperation': operation, 'Value': value}]}])
        return answer['Responses'][0]['ErrorCode']

    default = setting(server, name, 'max.message.bytes')
    no_error(ask('max.message.bytes', sets, '123456', validate=True), 'a request that only validates')
    equal(setting(server, name, 'max.message.bytes'), default, 'max.message.bytes after only validating')
    no_error(ask('max.message.bytes', sets, '123456'), 'setting')
    equal(setting(server, name, 'max.message.bytes'), '123456', 'max.message.bytes')
    equal(setting(server, name, 'retention.ms'), '1000', 'a setting that was left out stays')
    no_error(ask('max.message.bytes', deletes, None), 'deleting')
    equal(setting(server, name, 'max.message.bytes'), default, 'max.message.bytes after deleting')
    no_error(ask('cleanup.policy', appends, 'compact'), 'appending')
    equal(set(setting(server, name, 'cleanup.policy').split(',')), {'delete', 'compact'}, 'cleanup.policy')
    equal(ask('retention.ms', sets, 'soon'), client.INVALID_CONFIG, 'error of a bad value')
    equal(ask('retention.ms', sets, '1', 'no-such-topic'), client.UNKNOWN_TOPIC_OR_PARTITION, 'error of an unknown topic')


def describe_log_dirs(server, version):
    name, _ = server.create_topic('log-dirs')
    server.fill(name)
    for topics in (None, [{'Topic': name, 'Partitions': [0]}]):
        answer = server.call('DescribeLogDirs', version, Topics=topics)
        if version >= 3:
            no_error(answer['ErrorCode'], 'DescribeLogDirs')
        result = answer['Results'][0]
        no_error(result['ErrorCode'], 'the folder')
        check(result['LogDir'], 'a path')
        found = {t['Name']: t['Partitions'] for t in result['Topics']}
        check(name in found, 'the topic')
        partition = found[name][0]
        check(partition['PartitionSize'] > 0, f"size {partition['PartitionSize']}")
        equal((partition['OffsetLag'], partition['IsFutureKey']), (0, False), 'lag and future')
        if topics is not None:
            equal(list(found), [name], 'only what was asked for')
        if version >= 4:
            check(result['TotalBytes'] > 0 and result['UsableBytes'] > 0, 'bytes of the volume')
        if version >= 5:
            equal(result['IsCordoned'], False, 'cordoned')


def describe_cluster(server, version):
    answer = server.call('DescribeCluster', version)
    no_error(answer['ErrorCode'], 'DescribeCluster')
    cluster = server.call('Metadata', 12, Topics=[])
    equal(answer['ClusterId'], cluster['ClusterId'], 'cluster id')
    equal([(b['BrokerId'], b['Host'], b['Port']) for b in answer['Brokers']],
          [(b['NodeId'], b['Host'], b['Port']) for b in cluster['Brokers']], 'brokers')
    check(answer['ControllerId'] in {b['BrokerId'] for b in answer['Brokers']}, 'controller')
    equal(answer['ClusterAuthorizedOperations'], UNKNOWN_OPERATIONS, 'operations that were not asked for')
    with_operations = server.call('DescribeCluster', version, IncludeClusterAuthorizedOperations=True)
    check(with_operations['ClusterAuthorizedOperations'] != UNKNOWN_OPERATIONS, 'operations')
    if version >= 1:
        equal(answer['EndpointType'], 1, 'endpoint type')
        check(server.call('DescribeCluster', version, EndpointType=2)['ErrorCode'] != 0, 'controllers are refused')
    if version >= 2:
        fenced = server.call('DescribeCluster', version, IncludeFencedBrokers=True)
        equal([b['IsFenced'] for b in fenced['Brokers']], [False], 'fenced')


def describe_topic_partitions(server, version):
    name, topic_id = server.create_topic('describe', partitions=3)
    seen = []
    cursor = None
    for _ in range(3):
        answer = server.call('DescribeTopicPartitions', version, Topics=[{'Name': name}], ResponsePartitionLimit=2,
                             Cursor=cursor)
        topic = answer['Topics'][0]
        no_error(topic['ErrorCode'], 'the topic')
        equal((topic['Name'], topic['TopicId'], topic['IsInternal']), (name, topic_id, False), 'topic')
        for partition in topic['Partitions']:
            no_error(partition['ErrorCode'], 'the partition')
            equal(partition['IsrNodes'], [partition['LeaderId']], 'in-sync replicas')
            seen.append(partition['PartitionIndex'])
        cursor = answer['NextCursor']
        if cursor is None:
            break
    equal(seen, [0, 1, 2], 'partitions over pages')
    missing = server.call('DescribeTopicPartitions', version, Topics=[{'Name': 'no-such-topic'}])
    equal(missing['Topics'][0]['ErrorCode'], client.UNKNOWN_TOPIC_OR_PARTITION, 'error of an unknown topic')


SCENARIOS = {
    'CreateTopics': create_topics,
    'Metadata': metadata,
    'DeleteTopics': delete_topics,
    'CreatePartitions': create_partitions,
    'DescribeConfigs': describe_configs,
    'AlterConfigs': alter_configs,
    'IncrementalAlterConfigs': incremental_alter_configs,
    'DescribeLogDirs': describe_log_dirs,
    'DescribeCluster': describe_cluster,
    'DescribeTopicPartitions': describe_topic_partitions,
}
