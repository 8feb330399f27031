#!/usr/bin/python3
"""Every request of Kafka's protocol × who sends it: nobody, a user without a grant, with every other one, with the grant on other
things, with the grant, by a role, denied: suite_users_matrix.py [ADDRESS], which is not used: users need a server of their own."""
import functools
import sys

from harness import Cases, equal, unique
from matrix_support import LEFT_OUT, Matrix, Row
from security_support import NO_ERROR, ROOT_PASSWORD, Kafka, as_root, run_secured

import codec  # noqa: I001  security_support says where it is
import records

cases = Cases('users_matrix')
CODES = {'topic': 29, 'group': 30, 'cluster': 31}  # of a refusal
UNKNOWN_MEMBER, INVALID_REQUEST, MEMBER_NEEDED = 25, 42, 79
NOT_TOLD = -(1 << 31)
# What everyone may ask, and why.
OPEN = {'ApiVersions': 'it is asked before anything else, and tells versions only',
        'SaslHandshake': 'the way to be somebody: it tells mechanisms only',
        'SaslAuthenticate': 'the way to be somebody'}


class Request(Row):
    def __init__(self, api, version, fields, code, *needs, fits=NO_ERROR, shown=False):
        super().__init__('%s %d' % (api, version), *needs, fits=fits, shown=shown)
        self.api, self.version, self.fields, self.code = api, version, fields, code


def at(*path):
    return lambda answer: functools.reduce(lambda part, key: part[key], path, answer)


def seen(value):
    """Of a list: whether it shows this."""
    return lambda answer: NO_ERROR if value(answer) else LEFT_OUT


def tells_of_cluster(answer):
    return NO_ERROR if answer['ClusterAuthorizedOperations'] not in (0, NOT_TOLD) else LEFT_OUT


def rows(topic, group, topic_id):
    return [*of_records(topic, topic_id), *of_topics(topic, topic_id), *of_groups(topic, group, topic_id), *of_cluster(topic)]


def of_records(topic, topic_id):
    on = 'topic:' + topic
    batch = records.build([records.Record(b'v')])

    def produce(**by):
        return dict(TransactionalId=None, Acks=-1, TimeoutMs=1000,
                    TopicData=[{**by, 'PartitionData': [{'Index': 0, 'Records': batch}]}])

    def fetch(**by):
        partition = {'Partition': 0, 'CurrentLeaderEpoch': -1, 'FetchOffset': 0, 'LogStartOffset': 0, 'PartitionMaxBytes': 1 << 20}
        return dict(MaxWaitMs=0, MinBytes=0, MaxBytes=1 << 20, IsolationLevel=0, SessionId=0, SessionEpoch=-1, RackId='',
                    ForgottenTopicsData=[], Topics=[{**by, 'Partitions': [partition]}])
    of_partition = at('Responses', 0, 'Partitions', 0, 'ErrorCode')
    producer = dict(TransactionalId=None, TransactionTimeoutMs=1000)
    return [
        Request('Produce', 8, produce(Name=topic), at('Responses', 0, 'PartitionResponses', 0, 'ErrorCode'), ('write', on)),
        Request('Produce', 13, produce(TopicId=topic_id), at('Responses', 0, 'PartitionResponses', 0, 'ErrorCode'), ('write', on)),
        Request('Fetch', 11, fetch(Topic=topic), of_partition, ('read', on)),
        Request('Fetch', 13, fetch(TopicId=topic_id), of_partition, ('read', on)),
        Request('ListOffsets', 5, dict(ReplicaId=-1, IsolationLevel=0, Topics=[
            {'Name': topic, 'Partitions': [{'PartitionIndex': 0, 'CurrentLeaderEpoch': -1, 'Timestamp': -1}]}]),
            at('Topics', 0, 'Partitions', 0, 'ErrorCode'), ('describe', on)),
        Request('OffsetForLeaderEpoch', 3, dict(ReplicaId=-1, Topics=[
            {'Topic': topic, 'Partitions': [{'Partition': 0, 'CurrentLeaderEpoch': -1, 'LeaderEpoch': 0}]}]),
            at('Topics', 0, 'Partitions', 0, 'ErrorCode'), ('describe', on)),
        Request('DeleteRecords', 1, dict(Topics=[{'Name': topic, 'Partitions': [{'PartitionIndex': 0, 'Offset': 0}]}],
                                         TimeoutMs=1000), at('Topics', 0, 'Partitions', 0, 'ErrorCode'), ('delete', on)),
        Request('InitProducerId', 1, producer, at('ErrorCode'), [('write', on), ('idempotent_write', 'cluster')]),
    ]


def of_topics(topic, topic_id):
    on = 'topic:' + topic

    def metadata(topics, creates=False):
        return dict(Topics=topics, AllowAutoTopicCreation=creates, IncludeTopicAuthorizedOperations=True)

    def create(name):
        return dict(Topics=[{'Name': name, 'NumPartitions': 1, 'ReplicationFactor': 1, 'Assignments': [], 'Configs': []}],
                    timeoutMs=1000, validateOnly=True)

    def names(answer):
        return topic in [each['Name'] for each in answer['Topics']]
    by_id = {'Name': None, 'TopicId': topic_id}
    config = dict(Resources=[{'ResourceType': 2, 'ResourceName': topic, 'Configs': []}], ValidateOnly=True)
    of_topic, limit = at('Topics', 0, 'ErrorCode'), dict(ResponsePartitionLimit=2000, Cursor=None)
    may_create = [('create', 'cluster'), ('create', on + '-new')]
    auto = [('create', 'cluster'), ('create', on + '-auto')]
    return [
        Request('Metadata', 8, metadata([{'Name': topic}]), of_topic, ('describe', on)),
        Request('Metadata', 12, metadata([by_id]), of_topic, ('describe', on)),
        Request('Metadata', 8, metadata(None), seen(names), ('describe', on), shown=True),
        Request('Metadata', 8, dict(metadata([]), IncludeClusterAuthorizedOperations=True), tells_of_cluster,
                ('describe', 'cluster'), shown=True),
        Request('Metadata', 8, metadata([{'Name': topic + '-auto'}], creates=True), of_topic, ('describe', on + '-auto'), auto),
        Request('DescribeTopicPartitions', 0, dict(Topics=[{'Name': topic}], **limit), of_topic, ('describe', on)),
        Request('DescribeTopicPartitions', 0, dict(Topics=[], **limit), seen(names), ('describe', on), shown=True),
        Request('CreateTopics', 4, create(topic + '-new'), of_topic, may_create),
        Request('CreateTopics', 7, create(topic + '-new'), seen(lambda answer: answer['Topics'][0]['NumPartitions'] == 1),
                ('describe_configs', on + '-new'), may_create, shown=True),
        Request('CreatePartitions', 1, dict(Topics=[{'Name': topic, 'Count': 2, 'Assignments': None}], TimeoutMs=1000,
                                        ValidateOnly=True), at('Results', 0, 'ErrorCode'), ('alter', on)),
        Request('DescribeConfigs', 2, dict(Resources=[{'ResourceType': 2, 'ResourceName': topic, 'ConfigurationKeys': None}],
                                       IncludeSynonyms=False), at('Results', 0, 'ErrorCode'), ('describe_configs', on)),
        Request('AlterConfigs', 1, config, at('Responses', 0, 'ErrorCode'), ('alter_configs', on)),
        Request('IncrementalAlterConfigs', 0, config, at('Responses', 0, 'ErrorCode'), ('alter_configs', on)),
        Request('DeleteTopics', 3, dict(TopicNames=[topic], TimeoutMs=5000), at('Responses', 0, 'ErrorCode'), ('delete', on)),
        # An id that was used up is not there again: it is asked for once.
        Request('DeleteTopics', 6, dict(Topics=[{'Name': topic, 'TopicId': codec.uuid.UUID(int=0)}], TimeoutMs=5000),
            at('Responses', 0, 'ErrorCode'), ('delete', on)),
    ]


def of_groups(topic, group, topic_id):
    on_topic, on = 'topic:' + topic, 'group:' + group
    member = dict(GroupId=group, GenerationId=1, MemberId='m')
    join = dict(GroupId=group, SessionTimeoutMs=10000, RebalanceTimeoutMs=10000, MemberId='', ProtocolType='consumer',
                Protocols=[{'Name': 'range', 'Metadata': b''}])

    def commit(**by):
        partition = {'PartitionIndex': 0, 'CommittedOffset': 0, 'CommittedLeaderEpoch': -1, 'CommittedMetadata': ''}
        return dict(GroupId=group, GenerationIdOrMemberEpoch=-1, MemberId='', Topics=[{**by, 'Partitions': [partition]}])

    def fetched(answer):
        return answer['ErrorCode'] or answer['Topics'][0]['Partitions'][0]['ErrorCode']

    def fetched_of_group(answer):
        found = answer['Groups'][0]
        return found['ErrorCode'] or found['Topics'][0]['Partitions'][0]['ErrorCode']

    def deleted(answer):
        return answer['ErrorCode'] or answer['Topics'][0]['Partitions'][0]['ErrorCode']
    committed = at('Topics', 0, 'Partitions', 0, 'ErrorCode')
    of_group = dict(MemberId=None, MemberEpoch=-1, GroupId=group, Topics=[{'Name': topic, 'PartitionIndexes': [0]}])
    return [
        Request('FindCoordinator', 2, dict(Key=group, KeyType=0), at('ErrorCode'), ('describe', on)),
        Request('FindCoordinator', 4, dict(KeyType=0, CoordinatorKeys=[group]), at('Coordinators', 0, 'ErrorCode'),
                ('describe', on)),
        Request('JoinGroup', 5, join, at('ErrorCode'), ('read', on), fits=MEMBER_NEEDED),
        Request('SyncGroup', 3, dict(member, GroupInstanceId=None, Assignments=[]), at('ErrorCode'), ('read', on),
                fits=UNKNOWN_MEMBER),
        Request('Heartbeat', 2, member, at('ErrorCode'), ('read', on), fits=UNKNOWN_MEMBER),
        Request('LeaveGroup', 2, dict(GroupId=group, MemberId='m'), at('ErrorCode'), ('read', on), fits=UNKNOWN_MEMBER),
        Request('LeaveGroup', 3, dict(GroupId=group, Members=[{'MemberId': 'm', 'GroupInstanceId': None}]), at('ErrorCode'),
                ('read', on)),
        Request('OffsetCommit', 6, commit(Name=topic), committed, ('read', on), ('read', on_topic)),
        Request('OffsetCommit', 10, commit(TopicId=topic_id), committed, ('read', on), ('read', on_topic)),
        Request('OffsetFetch', 5, dict(GroupId=group, Topics=[{'Name': topic, 'PartitionIndexes': [0]}]), fetched,
            ('describe', on), ('describe', on_topic)),
        Request('OffsetFetch', 8, dict(RequireStable=False, Groups=[of_group]),
            fetched_of_group, ('describe', on), ('describe', on_topic)),
        Request('OffsetFetch', 5, dict(GroupId=group, Topics=None), seen(lambda answer: answer['Topics'] != []),
                ('describe', on_topic), ('describe', on), shown=True),
        Request('OffsetDelete', 0, dict(GroupId=group, Topics=[{'Name': topic, 'Partitions': [{'PartitionIndex': 0}]}]), deleted,
            ('delete', on), ('read', on_topic)),
        Request('DescribeGroups', 3, dict(Groups=[group], IncludeAuthorizedOperations=False), at('Groups', 0, 'ErrorCode'),
            ('describe', on)),
        Request('ListGroups', 2, {}, seen(lambda answer: group in [g['GroupId'] for g in answer['Groups']]),
            [('describe', 'cluster'), ('describe', on)], shown=True),
        Request('DeleteGroups', 1, dict(GroupsNames=[group]), at('Results', 0, 'ErrorCode'), ('delete', on)),
    ]


def of_cluster(topic):
    broker = dict(Resources=[{'ResourceType': 4, 'ResourceName': '', 'Configs': []}], ValidateOnly=True)
    acl = {'ResourceType': 2, 'ResourceName': topic, 'ResourcePatternType': 3, 'Principal': 'User:nobody', 'Host': '*',
           'Operation': 3, 'PermissionType': 3}
    acl_filter = {'ResourceTypeFilter': 2, 'ResourceNameFilter': topic, 'PatternTypeFilter': 3, 'PrincipalFilter': 'User:nobody',
                  'HostFilter': '*', 'Operation': 3, 'PermissionType': 3}
    quota = {'Entity': [{'EntityType': 'user', 'EntityName': 'a'}], 'Ops': [{'Key': 'request_rate', 'Value': 5.0, 'Remove': False}]}
    return [
        Request('DescribeCluster', 0, dict(IncludeClusterAuthorizedOperations=True),
            tells_of_cluster, ('describe', 'cluster'), shown=True),
        Request('DescribeLogDirs', 3, dict(Topics=None), at('ErrorCode'), ('describe', 'cluster')),
        Request('DescribeConfigs', 2, dict(Resources=[{'ResourceType': 4, 'ResourceName': '', 'ConfigurationKeys': None}],
                                       IncludeSynonyms=False), at('Results', 0, 'ErrorCode'), ('describe_configs', 'cluster')),
        Request('AlterConfigs', 1, broker, at('Responses', 0, 'ErrorCode'), ('alter_configs', 'cluster'), fits=INVALID_REQUEST),
        Request('IncrementalAlterConfigs', 0, broker, at('Responses', 0, 'ErrorCode'), ('alter_configs', 'cluster'),
            fits=INVALID_REQUEST),
        Request('DescribeUserScramCredentials', 0, dict(Users=None), at('ErrorCode'), ('describe', 'cluster')),
        Request('AlterUserScramCredentials', 0, dict(Deletions=[{'Name': 'nobody', 'Mechanism': 1}], Upsertions=[]),
            at('Results', 0, 'ErrorCode'), ('alter', 'cluster'), fits=91),  # there is no such user
        Request('DescribeClientQuotas', 1, dict(Components=[], Strict=False), at('ErrorCode'), ('describe_configs', 'cluster')),
        Request('AlterClientQuotas', 1, dict(ValidateOnly=True, Entries=[quota]), at('Entries', 0, 'ErrorCode'),
            ('alter_configs', 'cluster')),
        Request('DescribeAcls', 1, dict(ResourceTypeFilter=1, ResourceNameFilter=None, PatternTypeFilter=1, PrincipalFilter=None,
                                    HostFilter=None, Operation=1, PermissionType=1), at('ErrorCode'), ('describe', 'cluster')),
        Request('CreateAcls', 1, dict(Creations=[acl]), at('Results', 0, 'ErrorCode'), ('alter', 'cluster')),
        Request('DeleteAcls', 1, dict(Filters=[acl_filter]), at('FilterResults', 0, 'ErrorCode'), ('alter', 'cluster')),
    ]


def ask(server):
    def outcome(row, user):
        with Kafka(server) as connection:
            if user:
                equal(connection.password(user)['ErrorCode'], NO_ERROR)
            return row.code(connection.call(row.api, row.version, **row.fields))
    return outcome


def prepare(server, topic, group):
    """What a request is about: the id of the topic; the group has an offset."""
    with as_root(server) as api:
        api.ask('POST', '/v1/topics', {'name': topic})
    with Kafka(server) as connection:
        connection.password('root', ROOT_PASSWORD)
        metadata = connection.call('Metadata', 12, Topics=[{'Name': topic, 'TopicId': codec.uuid.UUID(int=0)}],
                                   AllowAutoTopicCreation=False, IncludeTopicAuthorizedOperations=False)
        offset = {'PartitionIndex': 0, 'CommittedOffset': 0, 'CommittedLeaderEpoch': -1, 'CommittedMetadata': ''}
        connection.call('FindCoordinator', 2, Key=group, KeyType=0)
        answer = connection.call('OffsetCommit', 6, GroupId=group, GenerationIdOrMemberEpoch=-1, MemberId='',
                                 Topics=[{'Name': topic, 'Partitions': [offset]}])
        equal(answer['Topics'][0]['Partitions'][0]['ErrorCode'], NO_ERROR, 'a committed offset')
    return metadata['Topics'][0]['TopicId']


NOTHING = ('topic', 'group', codec.uuid.UUID(int=0))


@cases('every request that the server answers is in the matrix, or asks for nothing, for a reason')
def complete(server):
    with Kafka(server) as connection:
        versions = connection.call('ApiVersions', 3, ClientSoftwareName='a', ClientSoftwareVersion='1')
    served = {key['ApiKey'] for key in versions['ApiKeys']}
    names = {message.key: name.removesuffix('Request') for name, message in codec.messages().items()
             if name.endswith('Request') and message.key is not None}
    tested = {row.api for row in rows(*NOTHING)}
    equal({names.get(key, key) for key in served}, tested | set(OPEN))
    equal(tested & set(OPEN), set())
    equal(len(served) > 30, True)


@cases('what anybody may ask tells nothing: versions and mechanisms')
def open_to_all(server):
    with Kafka(server) as connection:
        equal(connection.call('ApiVersions', 0)['ErrorCode'], NO_ERROR)
        equal(connection.call('SaslHandshake', 1, Mechanism='NONE')['ErrorCode'], 33)
    with Kafka(server) as connection:
        answer = connection.call('DescribeCluster', 0, IncludeClusterAuthorizedOperations=True)
        equal((len(answer['Brokers']), answer['ErrorCode']), (1, NO_ERROR))


@cases('every request × nobody, no grant, every other one, elsewhere, denied, by a role too, granted, by a role, by a prefix')
def every_request(server):
    matrix = Matrix(server, 'kafka', ask(server), lambda need, _: CODES[need[-1][1].partition(':')[0]])
    for number in range(len(rows(*NOTHING))):
        topic, group = unique('orders'), unique('group')
        row = rows(topic, group, prepare(server, topic, group))[number]
        matrix.refused(row)
        matrix.allowed(row, lambda topic=topic, group=group: prepare(server, topic, group))
    matrix.check()


if __name__ == '__main__':
    sys.exit(run_secured(cases))
