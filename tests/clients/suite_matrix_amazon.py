#!/usr/bin/python3
"""Every action of SQS, of leat's own beside it, and of SNS × who signs it: nobody, a user without a grant, with every other one,
with the grant on other queues and topics, with the grant, by a role, denied: suite_matrix_amazon.py [ADDRESS], which is not
used: users need servers of their own."""
import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from harness import ROOT, Cases, equal, unique, wait_for
from matrix_support import LEFT_OUT, Matrix, Row
from security_support import amazon, ask_root, new_access_key, run_secured
from sns_support import topic_arn
from sqs_support import REGION, arn

cases = Cases('matrix_amazon')
OWN = ('BrowseMessages', 'DescribeQueue', 'RedriveMessages', 'RewindQueue')
DONE = 200
DENIED = {'sqs': (403, 'AccessDeniedException'), 'sns': (403, 'AuthorizationError')}
# What is done without a grant, and why. The cases of suite_access_keys.py ask for it by each way.
OPEN = {'ConfirmSubscription': 'the token that was sent proves it; whoever wants more than that has to sign'}


class Action(Row):
    """`seen(answer)`: of a list, whether it shows what it is about."""

    def __init__(self, service, name, parameters, *needs, fits=DONE, seen=None):
        super().__init__(name, *needs, fits=fits, shown=seen is not None)
        self.service, self.name, self.parameters, self.seen = service, name, parameters, seen


def send(server, service, name, parameters, key):
    """(status, the error's code or the body)."""
    if service == 'sqs':
        target = ('Leat.' if name in OWN else 'AmazonSQS.') + name
        headers, body = {'Content-Type': 'application/x-amz-json-1.0', 'X-Amz-Target': target}, json.dumps(parameters)
    else:
        headers = {'Content-Type': 'application/x-www-form-urlencoded'}
        body = urllib.parse.urlencode({'Action': name, 'Version': '2010-03-31', **parameters})
    request = AWSRequest('POST', server.sqs + '/', headers, body.encode())
    if key:
        SigV4Auth(Credentials(*key), service, REGION).add_auth(request)
    try:
        with urllib.request.urlopen(urllib.request.Request(server.sqs + '/', request.data, dict(request.headers.items())),
                                    timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        said = error.read().decode()
        if service == 'sqs':
            return error.code, json.loads(said)['__type'].rpartition('#')[2]
        return error.code, re.search('<Code>(.*)</Code>', said)[1]


def ask(server):
    def outcome(row, user):
        key = new_access_key(server, user) if user else None
        status, said = send(server, row.service, row.name, row.parameters, key)
        if status != DONE:
            return status, said
        return DONE if row.seen is None or row.seen(said) else LEFT_OUT
    return outcome


def served(service):
    """Actions that the server's source has handlers of."""
    source = (ROOT / 'src/protocol' / service / 'api.cc').read_text()
    return set(re.findall(r'^    \{"(\w+)", kRun<', source, re.MULTILINE))


def sqs_rows(name, task=''):
    """Of a queue; it takes dead letters of NAME-from, and NAME-to is another one."""
    on, url, handle = 'queue:' + name, '/000000000000/' + name, {'Id': 'a', 'ReceiptHandle': 'none'}
    bad_handle = (404, 'ReceiptHandleIsInvalid')
    policy = dict(QueueUrl=url, Label='label')
    move = dict(SourceArn=arn(name), DestinationArn=arn(name + '-to'))

    def action(what, parameters, *needs, **more):
        return Action('sqs', what, parameters, *needs, **more)

    def on_queue(what, operation, fits=DONE, **parameters):
        return action(what, dict(QueueUrl=url, **parameters), (operation, on), fits=fits)
    return [
        on_queue('SendMessage', 'write', MessageBody='x'),
        on_queue('SendMessageBatch', 'write', Entries=[{'Id': 'a', 'MessageBody': 'x'}]),
        on_queue('ReceiveMessage', 'read'),
        on_queue('DeleteMessage', 'read', fits=bad_handle, ReceiptHandle='none'),
        on_queue('DeleteMessageBatch', 'read', Entries=[handle]),
        on_queue('ChangeMessageVisibility', 'read', fits=bad_handle, ReceiptHandle='none', VisibilityTimeout=1),
        on_queue('ChangeMessageVisibilityBatch', 'read', Entries=[{**handle, 'VisibilityTimeout': 1}]),
        action('GetQueueUrl', dict(QueueName=name), ('describe', on)),
        on_queue('GetQueueAttributes', 'describe', AttributeNames=['All']),
        on_queue('ListQueueTags', 'describe'),
        on_queue('ListDeadLetterSourceQueues', 'describe'),
        action('ListQueues', dict(QueueNamePrefix=name), [('describe', 'cluster'), ('describe', on)],
               seen=lambda said: any(u.endswith('/' + name) for u in json.loads(said).get('QueueUrls', []))),
        on_queue('SetQueueAttributes', 'alter', Attributes={'DelaySeconds': '0'}),
        on_queue('TagQueue', 'alter', Tags={'a': 'b'}),
        on_queue('UntagQueue', 'alter', TagKeys=['a']),
        action('AddPermission', dict(policy, AWSAccountIds=['000000000000'], Actions=['SendMessage']), ('alter', on)),
        action('RemovePermission', policy, ('alter', on), fits=(400, 'InvalidParameterValueException')),
        on_queue('PurgeQueue', 'delete', fits={DONE, (403, 'PurgeQueueInProgress')}),
        action('CreateQueue', dict(QueueName=name + '-new'), [('create', 'cluster'), ('create', on + '-new')]),
        on_queue('DeleteQueue', 'delete'),
        action('StartMessageMoveTask', move, ('alter', on), ('read', on), ('write', on + '-to')),
        action('ListMessageMoveTasks', dict(SourceArn=arn(name)), ('describe', on)),
        action('CancelMessageMoveTask', dict(TaskHandle=task), ('alter', on)),
        on_queue('BrowseMessages', 'read'),
        on_queue('DescribeQueue', 'describe'),
        action('RedriveMessages', dict(QueueUrl=url, Destination=url + '-to', Messages=[{'Partition': 0, 'Offset': 0}]),
               ('read', on), ('write', on + '-to')),
        on_queue('RewindQueue', 'alter', To='beginning'),
    ]


def sns_rows(name, on, subscription=''):
    """Of a topic; `on`: leat's topic of it."""
    whole = topic_arn(name)

    def action(what, parameters, *needs, **more):
        return Action('sns', what, parameters, *needs, **more)

    def on_topic(what, operation, by='TopicArn', **parameters):
        return action(what, {by: whole, **parameters}, (operation, on))
    entry = 'PublishBatchRequestEntries.member.1.'
    return [
        on_topic('Publish', 'write', Message='x'),
        on_topic('PublishBatch', 'write', **{entry + 'Id': 'a', entry + 'Message': 'x'}),
        on_topic('GetTopicAttributes', 'describe'),
        on_topic('ListSubscriptionsByTopic', 'describe'),
        on_topic('ListTagsForResource', 'describe', by='ResourceArn'),
        action('GetSubscriptionAttributes', dict(SubscriptionArn=subscription), ('describe', on)),
        on_topic('SetTopicAttributes', 'alter', AttributeName='DisplayName', AttributeValue='x'),
        on_topic('TagResource', 'alter', by='ResourceArn', **{'Tags.member.1.Key': 'a', 'Tags.member.1.Value': 'b'}),
        on_topic('UntagResource', 'alter', by='ResourceArn', **{'TagKeys.member.1': 'a'}),
        action('SetSubscriptionAttributes', dict(SubscriptionArn=subscription, AttributeName='RawMessageDelivery',
                                                 AttributeValue='true'), ('alter', on)),
        on_topic('Subscribe', 'read', Protocol='http', Endpoint='http://127.0.0.1:9/' + name),
        action('Subscribe', dict(TopicArn=whole, Protocol='sqs', Endpoint=arn(name + '-queue')), ('read', on),
               ('write', 'queue:' + name + '-queue')),
        action('Unsubscribe', dict(SubscriptionArn=subscription), ('alter', on)),
        action('CreateTopic', dict(Name=name), [('create', 'cluster'), ('create', on)]),
        on_topic('DeleteTopic', 'delete'),
        action('ListTopics', {}, ('describe', on), seen=lambda said: whole in said),
        action('ListSubscriptions', {}, ('describe', on), seen=lambda said: whole in said),
    ]


@cases('every action that is served is in the matrix, and every other one of Amazon’s is unknown')
def complete(server):
    key = new_access_key(server, 'root')
    for service, rows, unknown in (('sqs', sqs_rows('q'), 'UnknownOperationException'),
                                   ('sns', sns_rows('t', 'topic:t'), 'InvalidAction')):
        here = served(service)
        equal(here, {row.name for row in rows} | ({*OPEN} & here), service)
        equal(len(here) > 15, True)
        amazons = set(botocore.session.get_session().get_service_model(service).operation_names)
        for name in sorted(amazons | here | {'NoSuchAction'}):
            said = send(server, service, name, {}, key)[1]
            equal(said == unknown, name not in here, '%s %s: %s' % (service, name, said))


@cases('SQS: every action × nobody, no grant, every other one, elsewhere, denied, by a role too, granted, by a role, by a prefix')
def every_sqs_action(server):
    matrix = Matrix(server, 'sqs', ask(server), lambda need, _: DENIED['sqs'])
    root = amazon('sqs', server.sqs, new_access_key(server, 'root'))
    key = new_access_key(server, 'root')
    for number in range(len(sqs_rows('q'))):
        name = unique('queue')

        def restore(name=name, what=sqs_rows(name)[number].name):
            url = root.create_queue(QueueName=name)['QueueUrl']
            if what == 'AddPermission':
                root.remove_permission(QueueUrl=url, Label='label')
            if what == 'StartMessageMoveTask':
                wait_for('the end of the move', lambda: not is_moving(server, name, key))
        root.create_queue(QueueName=name)
        root.create_queue(QueueName=name + '-to')
        policy = json.dumps({'deadLetterTargetArn': arn(name), 'maxReceiveCount': 1})
        root.create_queue(QueueName=name + '-from', Attributes={'RedrivePolicy': policy})
        row = sqs_rows(name)[number]
        if row.name == 'CancelMessageMoveTask':
            cancelling(server, matrix, number, name, root, key)
            continue
        matrix.refused(row)
        matrix.allowed(row, restore)
    matrix.check()


def is_moving(server, name, key):
    answer = json.loads(send(server, 'sqs', 'ListMessageMoveTasks', dict(SourceArn=arn(name)), key)[1])
    return any(task['Status'] in ('RUNNING', 'CANCELLING') for task in answer['Results'])


def cancelling(server, matrix, number, name, root, key):
    """A task that runs is needed each time that one is cancelled."""
    url = root.get_queue_url(QueueName=name)['QueueUrl']
    for _ in range(10):
        root.send_message_batch(QueueUrl=url, Entries=[{'Id': str(i), 'MessageBody': 'x'} for i in range(10)])

    def start():
        wait_for('the end of the last task', lambda: not is_moving(server, name, key))
        task = dict(SourceArn=arn(name), DestinationArn=arn(name + '-to'), MaxNumberOfMessagesPerSecond=1)
        status, said = send(server, 'sqs', 'StartMessageMoveTask', task, key)
        equal(status, DONE, said)
        row.parameters = dict(TaskHandle=json.loads(said)['TaskHandle'])
    row = sqs_rows(name)[number]
    start()
    matrix.refused(row)
    matrix.allowed(row, start)


@cases('SNS: every action × nobody, no grant, every other one, elsewhere, denied, by a role too, granted, by a role, by a prefix')
def every_sns_action(server):
    matrix = Matrix(server, 'sqs', ask(server), lambda need, _: DENIED['sns'])
    key = new_access_key(server, 'root')
    sqs, root = amazon('sqs', server.sqs, key), amazon('sns', server.sqs, key)
    for number in range(len(sns_rows('t', 'topic:t'))):
        name = unique('news')
        sqs.create_queue(QueueName=name + '-queue')

        def make(name=name):
            whole = root.create_topic(Name=name)['TopicArn']
            return root.subscribe(TopicArn=whole, Protocol='sqs', Endpoint=arn(name + '-queue'), ReturnSubscriptionArn=True)
        subscription = make()['SubscriptionArn']
        topics = [t['name'] for t in ask_root(server, 200, 'GET', '/v1/topics?limit=1000')['items']]
        own = next(t for t in topics if name in t and 'queue' not in t)
        row = sns_rows(name, 'topic:' + own, subscription)[number]

        def restore(row=row, make=make):
            again = make()['SubscriptionArn']
            if 'SubscriptionArn' in row.parameters:
                row.parameters['SubscriptionArn'] = again
        matrix.refused(row)
        matrix.allowed(row, restore)
    matrix.check()


if __name__ == '__main__':
    sys.exit(run_secured(cases))
