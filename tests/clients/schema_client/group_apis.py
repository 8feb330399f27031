"""Scenarios of consumer groups and their offsets. Each is called once for every advertised version."""
import struct

import client
import codec
from scenario import check, equal, named, no_error

SESSION_MS = 30_000
NO_OFFSET = -1


def subscription(topics, version=1):
    return struct.pack('>h', version) + codec.encode('ConsumerProtocolSubscription', version, {'Topics': topics})


def assignment(topic, partitions, version=1):
    return struct.pack('>h', version) + codec.encode('ConsumerProtocolAssignment', version, {
        'AssignedPartitions': [{'Topic': topic, 'Partitions': partitions}]})


class Member:
    """One member of a group, alone in it unless told otherwise, driven step by step."""

    def __init__(self, server, group, topic, instance=None):
        self.server = server
        self.group = group
        self.topic = topic
        self.instance = instance
        self.id = ''
        self.generation = -1

    def version(self, api, wanted):
        return max(self.server.range(api)) if wanted is None else wanted

    def static(self, version, since):
        return {'GroupInstanceId': self.instance} if self.instance is not None and version >= since else {}

    def join(self, version=None):
        """Joins, with the second round that newer versions ask for. Returns the last answer."""
        version = self.version('JoinGroup', version)
        for _ in range(2):
            answer = self.server.call(
                'JoinGroup', version, GroupId=self.group, SessionTimeoutMs=SESSION_MS, RebalanceTimeoutMs=SESSION_MS,
                MemberId=self.id, ProtocolType='consumer', Reason='a test', **self.static(version, 5),
                Protocols=[{'Name': 'range', 'Metadata': subscription([self.topic])}])
            if answer['ErrorCode'] != client.MEMBER_ID_REQUIRED:
                break
            check(version >= 4 and self.id == '' and self.instance is None, 'MEMBER_ID_REQUIRED out of place')
            check(answer['MemberId'], 'a member id with MEMBER_ID_REQUIRED')
            self.id = answer['MemberId']
        no_error(answer['ErrorCode'], 'JoinGroup')
        self.id = answer['MemberId']
        self.generation = answer['GenerationId']
        return answer

    def sync(self, version=None):
        version = self.version('SyncGroup', version)
        protocol = {'ProtocolType': 'consumer', 'ProtocolName': 'range'} if version >= 5 else {}
        return self.server.call('SyncGroup', version, GroupId=self.group, GenerationId=self.generation, MemberId=self.id,
                                **self.static(version, 3), **protocol, Assignments=[
                                    {'MemberId': self.id, 'Assignment': assignment(self.topic, [0, 1])}])

    def stable(self):
        """Joins and syncs in the newest versions."""
        self.join()
        no_error(self.sync()['ErrorCode'], 'SyncGroup')
        return self

    def heartbeat(self, version=None, **changes):
        version = self.version('Heartbeat', version)
        return self.server.call('Heartbeat', version, **{
            'GroupId': self.group, 'GenerationId': self.generation, 'MemberId': self.id,
            **self.static(version, 3), **changes})['ErrorCode']

    def leave(self, version=None):
        """The error code for this member."""
        version = self.version('LeaveGroup', version)
        if version < 3:
            return self.server.call('LeaveGroup', version, GroupId=self.group, MemberId=self.id)['ErrorCode']
        answer = self.server.call('LeaveGroup', version, GroupId=self.group, Members=[
            {'MemberId': self.id, 'Reason': 'a test', **self.static(version, 3)}])
        no_error(answer['ErrorCode'], 'LeaveGroup')
        equal(answer['Members'][0]['MemberId'], self.id, 'member that left')
        return answer['Members'][0]['ErrorCode']


def new_member(server, kind, partitions=2):
    topic, topic_id = server.create_topic(kind, partitions=partitions)
    member = Member(server, server.name('group'), topic)
    member.topic_id = topic_id
    return member


def find_coordinator(server, version):
    group = server.name('group')
    node = server.call('Metadata', 1, Topics=[])['Brokers'][0]
    if version < 4:
        kind = {'KeyType': 0} if version >= 1 else {}
        answers = [server.call('FindCoordinator', version, Key=group, **kind)]
    else:
        answers = server.call('FindCoordinator', version, KeyType=0, CoordinatorKeys=[group, group + '-b'])['Coordinators']
        equal([a['Key'] for a in answers], [group, group + '-b'], 'keys')
    for answer in answers:
        no_error(answer['ErrorCode'], 'the coordinator')
        equal((answer['NodeId'], answer['Host'], answer['Port']), (node['NodeId'], node['Host'], node['Port']), 'node')


def join_group(server, version):
    member = new_member(server, 'join')
    answer = member.join(version)
    check(member.generation >= 1, f'generation {member.generation}')
    equal(answer['Leader'], member.id, 'leader')
    equal(answer['ProtocolName'], 'range', 'protocol')
    equal([(m['MemberId'], m['Metadata']) for m in answer['Members']], [(member.id, subscription([member.topic]))],
          'members')
    if version >= 7:
        equal(answer['ProtocolType'], 'consumer', 'protocol type')
    no_error(member.sync()['ErrorCode'], 'SyncGroup')
    first = member.generation
    member.join(version)
    check(member.generation >= first, 'a generation does not go back')
    stranger = Member(server, member.group, member.topic)
    answer = server.call('JoinGroup', version, GroupId=member.group, SessionTimeoutMs=SESSION_MS,
                         RebalanceTimeoutMs=SESSION_MS, MemberId='nobody', ProtocolType='consumer',
                         Protocols=[{'Name': 'range', 'Metadata': subscription([stranger.topic])}])
    equal(answer['ErrorCode'], client.UNKNOWN_MEMBER_ID, 'error of an unknown member')
    if version >= 5:
        static_member(server, version)


def static_member(server, version):
    """A member with an instance id comes back under a new member id, and its former self is fenced."""
    topic, _ = server.create_topic('static', partitions=2)
    group = server.name('group')
    former = Member(server, group, topic, instance='instance-1')
    former.join(version)
    no_error(former.sync()['ErrorCode'], 'SyncGroup')
    again = Member(server, group, topic, instance='instance-1')
    again.join(version)
    check(again.id != former.id, 'a new member id')
    equal(former.heartbeat(), client.FENCED_INSTANCE_ID, 'error of the former member')
    no_error(again.sync()['ErrorCode'], 'SyncGroup of the new one')
    no_error(again.leave(), 'leaving')


def sync_group(server, version):
    member = new_member(server, 'sync')
    member.join()
    answer = member.sync(version)
    no_error(answer['ErrorCode'], 'SyncGroup')
    equal(answer['Assignment'], assignment(member.topic, [0, 1]), 'assignment')
    if version >= 5:
        equal((answer['ProtocolType'], answer['ProtocolName']), ('consumer', 'range'), 'protocol')
    member.generation += 1
    equal(member.sync(version)['ErrorCode'], client.ILLEGAL_GENERATION, 'error of a wrong generation')


def heartbeat(server, version):
    member = new_member(server, 'heartbeat').stable()
    no_error(member.heartbeat(version), 'Heartbeat')
    equal(member.heartbeat(version, GenerationId=member.generation + 1), client.ILLEGAL_GENERATION,
          'error of a wrong generation')
    equal(member.heartbeat(version, MemberId='nobody'), client.UNKNOWN_MEMBER_ID, 'error of an unknown member')


def leave_group(server, version):
    member = new_member(server, 'leave').stable()
    no_error(member.leave(version), 'leaving')
    equal(member.heartbeat(), client.UNKNOWN_MEMBER_ID, 'error after leaving')
    equal(member.leave(version), client.UNKNOWN_MEMBER_ID, 'error of leaving again')


def commit(server, version, member, offset, partition=0, metadata='note', **changes):
    """The partition's error code."""
    fields = {'GroupId': member.group, 'GenerationIdOrMemberEpoch': member.generation, 'MemberId': member.id, **changes}
    answer = server.call('OffsetCommit', version, **fields, Topics=[
        {**named(version, 10, member.topic, member.topic_id), 'Partitions': [
            {'PartitionIndex': partition, 'CommittedOffset': offset, 'CommittedMetadata': metadata}]}])
    topic = answer['Topics'][0]
    if version >= 10:
        equal(topic['TopicId'], member.topic_id, 'topic id')
    else:
        equal(topic['Name'], member.topic, 'topic')
    return topic['Partitions'][0]['ErrorCode']


def fetched(server, version, member, partitions=(0, 1)):
    """{partition: (offset, metadata)} of the member's topic; partitions=None asks for everything."""
    asked = None if partitions is None else [
        {**named(version, 10, member.topic, member.topic_id), 'PartitionIndexes': list(partitions)}]
    if version < 8:
        answer = server.call('OffsetFetch', version, GroupId=member.group, Topics=asked)
        if version >= 2:
            no_error(answer['ErrorCode'], 'OffsetFetch')
        topics = answer['Topics']
    else:
        answer = server.call('OffsetFetch', version, Groups=[{'GroupId': member.group, 'Topics': asked},
                                                             {'GroupId': member.group + '-other', 'Topics': None}])
        equal([g['GroupId'] for g in answer['Groups']], [member.group, member.group + '-other'], 'groups')
        for group in answer['Groups']:
            no_error(group['ErrorCode'], f"group {group['GroupId']}")
        equal(answer['Groups'][1]['Topics'], [], 'offsets of an unknown group')
        topics = answer['Groups'][0]['Topics']
    found = {}
    for topic in topics:
        equal(topic['TopicId'] if version >= 10 else topic['Name'], member.topic_id if version >= 10 else member.topic,
              'topic')
        for partition in topic['Partitions']:
            no_error(partition['ErrorCode'], 'the partition')
            found[partition['PartitionIndex']] = (partition['CommittedOffset'], partition['Metadata'])
    return found


def offset_commit(server, version):
    member = new_member(server, 'commit').stable()
    newest = max(server.range('OffsetFetch'))
    no_error(commit(server, version, member, 40 + version), 'committing')
    equal(fetched(server, newest, member)[0], (40 + version, 'note'), 'committed offset')
    no_error(commit(server, version, member, 50 + version, metadata=None), 'committing without metadata')
    equal(fetched(server, newest, member)[0], (50 + version, ''), 'committed offset without metadata')
    equal(commit(server, version, member, 1, GenerationIdOrMemberEpoch=member.generation + 1), client.ILLEGAL_GENERATION,
          'error of a wrong generation')
    equal(commit(server, version, member, 1, MemberId='nobody'), client.UNKNOWN_MEMBER_ID, 'error of an unknown member')
    equal(fetched(server, newest, member)[0], (50 + version, ''), 'offset after refused commits')

    # Without a group: what a consumer does that assigns partitions itself.
    simple = new_member(server, 'commit')
    no_error(commit(server, version, simple, 7), 'committing without a group')
    equal(fetched(server, newest, simple)[0], (7, 'note'), 'offset committed without a group')
    if version >= 10:
        simple.topic_id = codec.uuid.UUID('11111111-2222-4333-8444-555555555555')
        equal(commit(server, version, simple, 7), client.UNKNOWN_TOPIC_ID, 'error of an unknown id')


def offset_fetch(server, version):
    member = new_member(server, 'offset-fetch').stable()
    no_error(commit(server, max(server.range('OffsetCommit')), member, 33), 'committing')
    equal(fetched(server, version, member), {0: (33, 'note'), 1: (NO_OFFSET, '')}, 'offsets')
    if version >= 2:
        equal(fetched(server, version, member, None), {0: (33, 'note')}, 'all offsets')


def offset_delete(server, version):
    member = new_member(server, 'offset-delete').stable()
    newest = max(server.range('OffsetFetch'))
    no_error(commit(server, max(server.range('OffsetCommit')), member, 5), 'committing')

    def ask():
        answer = server.call('OffsetDelete', version, GroupId=member.group, Topics=[
            {'Name': member.topic, 'Partitions': [{'PartitionIndex': 0}]}])
        no_error(answer['ErrorCode'], 'OffsetDelete')
        return answer['Topics'][0]['Partitions'][0]['ErrorCode']

    equal(ask(), client.GROUP_SUBSCRIBED_TO_TOPIC, 'error while the group is subscribed')
    no_error(member.leave(), 'leaving')
    no_error(ask(), 'deleting')
    equal(fetched(server, newest, member)[0], (NO_OFFSET, ''), 'offset after deleting')
    unknown = server.call('OffsetDelete', version, GroupId=member.group + '-none', Topics=[])
    equal(unknown['ErrorCode'], client.GROUP_ID_NOT_FOUND, 'error of an unknown group')


def describe_groups(server, version):
    member = new_member(server, 'describe-group').stable()
    unknown = member.group + '-none'
    answer = server.call('DescribeGroups', version, Groups=[member.group, unknown])
    found = {g['GroupId']: g for g in answer['Groups']}
    group = found[member.group]
    no_error(group['ErrorCode'], 'the group')
    equal((group['GroupState'], group['ProtocolType'], group['ProtocolData']), ('Stable', 'consumer', 'range'), 'group')
    equal(len(group['Members']), 1, 'members')
    described = group['Members'][0]
    equal((described['MemberId'], described['ClientId']), (member.id, server.connection.client_id), 'member')
    check('127.0.0.1' in described['ClientHost'] or ':' in described['ClientHost'], f"host {described['ClientHost']}")
    equal(described['MemberMetadata'], subscription([member.topic]), 'metadata')
    equal(described['MemberAssignment'], assignment(member.topic, [0, 1]), 'assignment')
    equal((found[unknown]['ErrorCode'], found[unknown]['GroupState']),
          (client.GROUP_ID_NOT_FOUND if version >= 6 else client.NONE, 'Dead'), 'an unknown group')
    if version >= 3:
        asked = server.call('DescribeGroups', version, Groups=[member.group], IncludeAuthorizedOperations=True)
        check(asked['Groups'][0]['AuthorizedOperations'] != -2**31, 'operations')
        equal(group['AuthorizedOperations'], -2**31, 'operations that were not asked for')
    no_error(member.leave(), 'leaving')
    empty = server.call('DescribeGroups', version, Groups=[member.group])['Groups'][0]
    equal((empty['GroupState'], empty['Members']), ('Empty', []), 'group after all left')


def list_groups(server, version):
    member = new_member(server, 'list-groups').stable()

    def ask(**filters):
        answer = server.call('ListGroups', version, **filters)
        no_error(answer['ErrorCode'], 'ListGroups')
        return {g['GroupId']: g for g in answer['Groups']}

    group = ask().get(member.group)
    check(group is not None, 'the group is listed')
    equal(group['ProtocolType'], 'consumer', 'protocol type')
    if version >= 4:
        equal(group['GroupState'], 'Stable', 'state')
        check(member.group in ask(StatesFilter=['Stable']), 'the group among the stable ones')
        check(member.group not in ask(StatesFilter=['Empty']), 'the group not among the empty ones')
    if version >= 5:
        equal(group['GroupType'].lower(), 'classic', 'type')
        check(member.group in ask(TypesFilter=['classic']), 'the group among the classic ones')
        check(member.group not in ask(TypesFilter=['consumer']), 'the group not among the new ones')


def delete_groups(server, version):
    member = new_member(server, 'delete-group').stable()
    no_error(commit(server, max(server.range('OffsetCommit')), member, 5), 'committing')

    def ask():
        answer = server.call('DeleteGroups', version, GroupsNames=[member.group])
        equal(answer['Results'][0]['GroupId'], member.group, 'group')
        return answer['Results'][0]['ErrorCode']

    equal(ask(), client.NON_EMPTY_GROUP, 'error of a group with members')
    no_error(member.leave(), 'leaving')
    no_error(ask(), 'deleting')
    equal(ask(), client.GROUP_ID_NOT_FOUND, 'error of deleting again')
    equal(fetched(server, max(server.range('OffsetFetch')), member)[0], (NO_OFFSET, ''), 'offset of a deleted group')


SCENARIOS = {
    'FindCoordinator': find_coordinator,
    'JoinGroup': join_group,
    'SyncGroup': sync_group,
    'Heartbeat': heartbeat,
    'LeaveGroup': leave_group,
    'OffsetCommit': offset_commit,
    'OffsetFetch': offset_fetch,
    'OffsetDelete': offset_delete,
    'DescribeGroups': describe_groups,
    'ListGroups': list_groups,
    'DeleteGroups': delete_groups,
}
