#!/usr/bin/python3
"""Access keys of users, and what they may do by Amazon's protocols: suite_access_keys.py [ADDRESS], which is not used: users need
servers of their own."""
import base64
import contextlib
import datetime
import json
import os
import shutil
import subprocess
import sys
import types
import unittest.mock
import urllib.error
import urllib.request

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HAS_CRT
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from harness import Cases, Server, Skip, equal, unique, wait_for
from security_support import (PASSWORD, ROOT_PASSWORD, Secured, amazon, api_as, ask_root, command, files_with, grant,
                              new_access_key, new_user, run_secured, take_back)
from sns_support import Webhook, fetch, topic_arn
from sqs_support import REGION, JsonError, arn, call_json, refused

cases = Cases('access_keys')
DAY, HOUR, MINUTE = (datetime.timedelta(minutes=minutes) for minutes in (1440, 60, 1))
DENIED = ('AccessDenied', 'AccessDeniedException')
SNS_DENIED = ('AuthorizationError', 'AccessDenied', 'AccessDeniedException')


def outcome(function, **arguments):
    """The answer, or the code of the error."""
    try:
        return function(**arguments)
    except ClientError as error:
        return error.response['Error']['Code']


def is_denied(answer):
    return answer in SNS_DENIED


@contextlib.contextmanager
def clock_off_by(difference):
    """Clients of boto3 sign with another time meanwhile."""
    class Clock(datetime.datetime):
        @classmethod
        def utcnow(cls):
            return datetime.datetime.utcnow() + difference
    with contextlib.ExitStack() as stack:
        # Where there is Amazon's own library, that signs.
        times = types.SimpleNamespace(datetime=Clock, timezone=datetime.timezone)
        for name in ('botocore.auth', *(('botocore.crt.auth',) if HAS_CRT else ())):
            stack.enter_context(unittest.mock.patch(name + '.datetime', times))
        yield


class Person:
    """A user with an access key, and its clients."""

    def __init__(self, server, *grants, **body):
        self.name = new_user(server, *grants, **body)
        self.key = new_access_key(server, self.name)
        self.sqs, self.sns = (amazon(service, server.sqs, self.key) for service in ('sqs', 'sns'))


def root_clients(server):
    """Clients of root: (sqs, sns)."""
    if not hasattr(server, 'root_key'):
        server.root_key = new_access_key(server, 'root')
        server.root_sqs, server.root_sns = (amazon(s, server.sqs, server.root_key) for s in ('sqs', 'sns'))
    return server.root_sqs, server.root_sns


def new_queue(server, prefix='queue', **attributes):
    """(name, URL) of a queue that root makes."""
    name = unique(prefix)
    return name, root_clients(server)[0].create_queue(QueueName=name, Attributes=attributes)['QueueUrl']


def sqs_matrix(name, url):
    """(what it is, a call of a client, the operation that it wants on the queue)."""
    handle = 'none'
    entry, handles = [{'Id': 'a', 'MessageBody': 'x'}], [{'Id': 'a', 'ReceiptHandle': handle}]
    times = [{'Id': 'a', 'ReceiptHandle': handle, 'VisibilityTimeout': 1}]
    return [
        ('SendMessage', lambda c: c.send_message(QueueUrl=url, MessageBody='x'), 'write'),
        ('SendMessageBatch', lambda c: c.send_message_batch(QueueUrl=url, Entries=entry), 'write'),
        ('ReceiveMessage', lambda c: c.receive_message(QueueUrl=url), 'read'),
        ('DeleteMessage', lambda c: c.delete_message(QueueUrl=url, ReceiptHandle=handle), 'read'),
        ('DeleteMessageBatch', lambda c: c.delete_message_batch(QueueUrl=url, Entries=handles), 'read'),
        ('ChangeMessageVisibility',
         lambda c: c.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=1), 'read'),
        ('ChangeMessageVisibilityBatch', lambda c: c.change_message_visibility_batch(QueueUrl=url, Entries=times), 'read'),
        ('GetQueueUrl', lambda c: c.get_queue_url(QueueName=name), 'describe'),
        ('GetQueueAttributes', lambda c: c.get_queue_attributes(QueueUrl=url, AttributeNames=['All']), 'describe'),
        ('ListQueueTags', lambda c: c.list_queue_tags(QueueUrl=url), 'describe'),
        ('ListDeadLetterSourceQueues', lambda c: c.list_dead_letter_source_queues(QueueUrl=url), 'describe'),
        ('SetQueueAttributes', lambda c: c.set_queue_attributes(QueueUrl=url, Attributes={'DelaySeconds': '0'}), 'alter'),
        ('TagQueue', lambda c: c.tag_queue(QueueUrl=url, Tags={'a': 'b'}), 'alter'),
        ('UntagQueue', lambda c: c.untag_queue(QueueUrl=url, TagKeys=['a']), 'alter'),
        ('AddPermission', lambda c: c.add_permission(QueueUrl=url, Label=unique('l'), AWSAccountIds=['000000000000'],
                                                     Actions=['SendMessage']), 'alter'),
        ('RemovePermission', lambda c: c.remove_permission(QueueUrl=url, Label='none'), 'alter'),
        ('PurgeQueue', lambda c: c.purge_queue(QueueUrl=url), 'delete'),
        ('CreateQueue', lambda c: c.create_queue(QueueName=name), 'create'),
        ('DeleteQueue', lambda c: c.delete_queue(QueueUrl=url), 'delete'),
    ]


IMPLIES_DESCRIBE = ('read', 'write', 'delete', 'alter')
OPERATIONS = ('read', 'write', 'create', 'delete', 'alter', 'describe', 'alter_configs')


def answer_of(call, client):
    try:
        return call(client)
    except ClientError as error:
        return error.response['Error']['Code']


@cases('boto3: every action of SQS is refused without its grant, with one for another queue or a denial, and allowed with it')
def every_sqs_action(server):
    other, _ = new_queue(server, 'other')
    nothing = Person(server)
    elsewhere = Person(server, ('all', 'queue:' + other, 'topic:*', 'key:*'))
    people, wrong = {}, []
    for number in range(len(sqs_matrix('', ''))):
        name, url = new_queue(server)
        what, call, operation = sqs_matrix(name, url)[number]
        for who in (nothing, elsewhere):
            if answer_of(call, who.sqs) not in DENIED:
                wrong.append('%s without a grant' % what)
        unfit = set(OPERATIONS) - {operation} - (set(IMPLIES_DESCRIBE) if operation == 'describe' else set())
        if operation not in people:
            people[operation] = (Person(server), Person(server))
        unfitting, fitting = people[operation]
        grant(server, unfitting.name, ','.join(sorted(unfit)), 'queue:' + name)
        grant(server, fitting.name, operation, 'queue:' + name)
        if answer_of(call, unfitting.sqs) not in DENIED:
            wrong.append('%s with all but %s' % (what, operation))
        if what != 'DeleteQueue':
            answer = answer_of(call, fitting.sqs)
            if answer in DENIED:
                wrong.append('%s with %s: %s' % (what, operation, answer))
        grant(server, fitting.name, operation, 'queue:' + name, deny=True)
        if answer_of(call, fitting.sqs) not in DENIED:
            wrong.append('%s with a denial' % what)
        take_back(server, fitting.name, operation, 'queue:' + name, deny=True)
        answer = answer_of(call, fitting.sqs)
        if answer in DENIED:
            wrong.append('%s after the denial: %s' % (what, answer))
    equal(wrong, [])


@cases('what is not there is told only to who may ask, and lists show what may be seen')
def lists(server):
    prefix = unique('list')
    names = [new_queue(server, prefix)[0] for _ in range(4)]
    hidden = Person(server, ('write', 'queue:' + prefix + '-other*'))
    one, most = Person(server, ('describe', 'queue:' + names[0])), Person(server, ('read', 'queue:' + prefix + '*'))
    grant(server, most.name, 'describe', 'queue:' + names[1], deny=True)
    overseer = Person(server, ('describe', 'cluster'))

    def seen(person, **more):
        return {u.rsplit('/', 1)[1] for u in person.sqs.list_queues(QueueNamePrefix=prefix, **more).get('QueueUrls', [])}
    equal((seen(hidden), seen(one), seen(most), seen(overseer)),
          (set(), {names[0]}, {names[0], *names[2:]}, set(names)))
    pages = most.sqs.get_paginator('list_queues').paginate(QueueNamePrefix=prefix, PaginationConfig={'PageSize': 1})
    equal({u.rsplit('/', 1)[1] for page in pages for u in page.get('QueueUrls', [])}, {names[0], *names[2:]}, 'pages')
    equal(outcome(hidden.sqs.get_queue_url, QueueName=names[0]) in DENIED, True, 'one that is there')
    equal(outcome(hidden.sqs.get_queue_url, QueueName=unique('none')) in DENIED, True, 'one that is not')
    answer = outcome(most.sqs.get_queue_url, QueueName=unique(prefix))
    equal('NonExistentQueue' in answer or 'QueueDoesNotExist' in answer, True, answer)


@cases('wrong secrets, unknown and revoked keys, and signatures of another day are refused by name')
def wrong_keys(server):
    person = Person(server, ('all', 'queue:*'))
    name, _ = new_queue(server)
    id_, secret = person.key
    equal(name in person.sqs.get_queue_url(QueueName=name)['QueueUrl'], True)
    for key, code in (((id_, secret[:-1]), 'SignatureDoesNotMatch'), ((id_, secret.lower()), 'SignatureDoesNotMatch'),
                      ((id_.lower(), secret), 'InvalidClientTokenId'), (('LEAT' + 'A' * 16, secret), 'InvalidClientTokenId'),
                      ((person.name, PASSWORD), 'InvalidClientTokenId'), (('root', ROOT_PASSWORD), 'InvalidClientTokenId')):
        for service, ask in (('sqs', lambda c: c.get_queue_url(QueueName=name)), ('sns', lambda c: c.list_topics())):
            refused(code, 403, lambda ask=ask, s=service, k=key: ask(amazon(s, server.sqs, k)))
    for off, why in ((-DAY, 'Signature expired'), (DAY, 'Signature not yet current'), (-HOUR, 'Signature expired')):
        with clock_off_by(off):
            for client, status, ask in ((person.sqs, 403, lambda c: c.get_queue_url(QueueName=name)),
                                        (person.sns, 400, lambda c: c.list_topics())):
                equal(why in refused('RequestExpired', status, ask, client), True, str(off))
    with clock_off_by(-MINUTE):
        equal(name in person.sqs.get_queue_url(QueueName=name)['QueueUrl'], True, 'a clock that is a little late')
        person.sns.list_topics()
    other_region = amazon('sqs', server.sqs, person.key, region='eu-west-3')
    equal(name in other_region.get_queue_url(QueueName=name)['QueueUrl'], True, 'any region')
    second = new_access_key(server, person.name)
    with api_as(server, person.name) as api:
        api(204, 'DELETE', '/v1/users/%s/access-keys/%s' % (person.name, id_))
        refused('InvalidClientTokenId', 403, person.sqs.get_queue_url, QueueName=name)
        equal(name in amazon('sqs', server.sqs, second).get_queue_url(QueueName=name)['QueueUrl'], True, 'the other key')
    ask_root(server, 204, 'DELETE', '/v1/users/' + person.name)
    refused('InvalidClientTokenId', 403, amazon('sqs', server.sqs, second).get_queue_url, QueueName=name)


@cases('who does not sign is nobody: refused, but for what is granted to everyone')
def unsigned(server):
    name, url = new_queue(server, 'public')
    nobody = amazon('sqs', server.sqs)
    for call in (lambda: nobody.get_queue_url(QueueName=name), lambda: nobody.send_message(QueueUrl=url, MessageBody='x'),
                 lambda: nobody.receive_message(QueueUrl=url), lambda: nobody.create_queue(QueueName=unique('x'))):
        refused('AccessDenied', 403, call)
    equal(nobody.list_queues().get('QueueUrls', []), [])
    equal(amazon('sns', server.sqs).list_topics()['Topics'], [])
    grant(server, '*', 'write', 'queue:public*')
    nobody.send_message(QueueUrl=url, MessageBody='from nobody')
    refused('AccessDenied', 403, nobody.receive_message, QueueUrl=url)
    person = Person(server)
    person.sqs.send_message(QueueUrl=url, MessageBody='from somebody')
    senders = {}
    while len(senders) < 2:
        for message in root_clients(server)[0].receive_message(QueueUrl=url, AttributeNames=['All'], WaitTimeSeconds=5)['Messages']:
            senders[message['Body']] = message['Attributes'].get('SenderId')
    equal((senders['from somebody'], senders['from nobody'] in (None, '', 'ANONYMOUS', '000000000000')), (person.name, True),
          str(senders))
    bad = amazon('sqs', server.sqs, (person.key[0], 'wrong'))
    refused('SignatureDoesNotMatch', 403, bad.send_message, QueueUrl=url, MessageBody='x')
    take_back(server, '*', 'write', 'queue:public*')
    refused('AccessDenied', 403, nobody.send_message, QueueUrl=url, MessageBody='x')
    try:
        call_json(server.sqs, 'SendMessage', QueueUrl=url, MessageBody='x')
    except JsonError as error:
        equal((error.status, 'AccessDenied' in error.body['__type']), (403, True), str(error))
    else:
        raise AssertionError('it was sent')


@cases('a queue on a topic of others, and dead letters, want rights on those too')
def what_else(server):
    topic = unique('events')
    ask_root(server, 201, 'POST', '/v1/topics', {'name': topic})
    dead, dead_url = new_queue(server, 'dead')
    mine, redrive = unique('mine'), json.dumps({'deadLetterTargetArn': arn(dead), 'maxReceiveCount': 1})
    person = Person(server, ('all', 'queue:' + mine + '*'))
    refused('AccessDenied', 403, person.sqs.create_queue, QueueName=mine, tags={'leat:topic': topic})
    grant(server, person.name, 'read', 'topic:' + topic)
    attached = person.sqs.create_queue(QueueName=mine, tags={'leat:topic': topic})['QueueUrl']
    refused('AccessDenied', 403, person.sqs.send_message, QueueUrl=attached, MessageBody='x')
    entries = [{'Id': 'a', 'MessageBody': 'x'}]
    refused('AccessDenied', 403, person.sqs.send_message_batch, QueueUrl=attached, Entries=entries)
    grant(server, person.name, 'write', 'topic:' + topic)
    person.sqs.send_message(QueueUrl=attached, MessageBody='x')

    own = mine + '-own'
    refused('AccessDenied', 403, person.sqs.create_queue, QueueName=own, Attributes={'RedrivePolicy': redrive})
    url = person.sqs.create_queue(QueueName=own)['QueueUrl']
    refused('AccessDenied', 403, person.sqs.set_queue_attributes, QueueUrl=url, Attributes={'RedrivePolicy': redrive})
    grant(server, person.name, 'write', 'queue:' + dead)
    person.sqs.set_queue_attributes(QueueUrl=url, Attributes={'RedrivePolicy': redrive})
    take_back(server, person.name, 'write', 'queue:' + dead)

    # Messages are moved out of `dead` to where they came from, or elsewhere.
    mover, elsewhere = Person(server, ('alter,read', 'queue:' + dead)), new_queue(server)[0]
    for person_, arguments, status in ((mover, {'SourceArn': arn(dead)}, 403),
                                       (mover, {'SourceArn': arn(dead), 'DestinationArn': arn(elsewhere)}, 403),
                                       (person, {'SourceArn': arn(dead), 'DestinationArn': arn(own)}, 403)):
        equal(signed_json(server, person_.key, 'StartMessageMoveTask', **arguments)[0], status, str(arguments))
    grant(server, mover.name, 'write', 'queue:' + elsewhere)
    equal(signed_json(server, mover.key, 'StartMessageMoveTask', SourceArn=arn(dead))[0], 403, 'its origin is another')
    status, answer = signed_json(server, mover.key, 'StartMessageMoveTask', SourceArn=arn(dead), DestinationArn=arn(elsewhere))
    equal(status, 200, str(answer))
    grant(server, mover.name, 'write', 'queue:' + own)

    def moved_back():
        return signed_json(server, mover.key, 'StartMessageMoveTask', SourceArn=arn(dead))[0] == 200
    wait_for('the end of the first task, and the second', moved_back)


@cases('a move task that runs is shown to who may see its queue, and cancelled by who may alter it and by nobody else')
def cancelling(server):
    root, _ = root_clients(server)
    (dead, url), (target, _), (other, _) = (new_queue(server) for _ in range(3))
    new_queue(server, RedrivePolicy=json.dumps({'deadLetterTargetArn': arn(dead), 'maxReceiveCount': 1}))
    for _ in range(20):
        root.send_message(QueueUrl=url, MessageBody='x')
    mover, no_reader = (Person(server, (what, 'queue:' + dead), ('write', 'queue:' + target)) for what in ('alter,read', 'alter'))
    viewer, stranger = Person(server, ('describe', 'queue:' + dead)), Person(server, ('all', 'queue:' + other))
    start = {'SourceArn': arn(dead), 'DestinationArn': arn(target), 'MaxNumberOfMessagesPerSecond': 1}
    equal(signed_json(server, no_reader.key, 'StartMessageMoveTask', **start)[0], 403, 'who may not read what is moved')
    status, begun = signed_json(server, mover.key, 'StartMessageMoveTask', **start)
    equal(status, 200, str(begun))

    def tasks(person):
        status, answer = signed_json(server, person.key, 'ListMessageMoveTasks', SourceArn=arn(dead))
        return [(t['Status'], 'TaskHandle' in t) for t in answer['Results']] if status == 200 else status
    equal((tasks(mover), tasks(viewer), tasks(stranger)), ([('RUNNING', True)], [('RUNNING', False)], 403))
    redrive = json.loads(base64.b64decode(begun['TaskHandle']))['taskId']
    with api_as(server, stranger.name) as api:
        api(403, 'DELETE', '/v1/queues/%s/redrives/%s' % (dead, redrive))
        api(404, 'DELETE', '/v1/queues/%s/redrives/%s' % (other, redrive))
    answers = [signed_json(server, key, 'CancelMessageMoveTask', TaskHandle=begun['TaskHandle'])[0]
               for key in (stranger.key, viewer.key, None)]
    equal((answers, tasks(mover)), ([403, 403, 403], [('RUNNING', True)]), 'who may not alter the queue')
    equal(signed_json(server, mover.key, 'CancelMessageMoveTask', TaskHandle=begun['TaskHandle'])[0], 200)


@cases('a receipt of one queue does nothing by way of another queue')
def receipts(server):
    root, _ = root_clients(server)
    (mine, own_url), (_, url) = new_queue(server), new_queue(server, VisibilityTimeout='3600')
    person = Person(server, ('all', 'queue:' + mine))
    root.send_message(QueueUrl=url, MessageBody='secret')
    receipt = root.receive_message(QueueUrl=url, WaitTimeSeconds=5)['Messages'][0]['ReceiptHandle']
    for call in (lambda: person.sqs.delete_message(QueueUrl=own_url, ReceiptHandle=receipt),
                 lambda: person.sqs.change_message_visibility(QueueUrl=own_url, ReceiptHandle=receipt, VisibilityTimeout=0)):
        equal(isinstance(outcome(call), str), True, 'it is refused')
    equal(root.receive_message(QueueUrl=url).get('Messages', []), [], 'it is still hidden')
    root.change_message_visibility(QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=0)
    equal(root.receive_message(QueueUrl=url, WaitTimeSeconds=5)['Messages'][0]['Body'], 'secret')


def signed_json(server, key, action, **parameters):
    """(status, answer) of an action that Debian's botocore does not know."""
    headers = {'Content-Type': 'application/x-amz-json-1.0', 'X-Amz-Target': 'AmazonSQS.' + action}
    request = AWSRequest('POST', server.sqs + '/', headers, json.dumps(parameters).encode())
    if key:
        SigV4Auth(Credentials(*key), 'sqs', REGION).add_auth(request)
    sent = urllib.request.Request(server.sqs + '/', request.data, dict(request.headers.items()))
    try:
        with urllib.request.urlopen(sent, timeout=60) as answer:
            return answer.status, json.loads(answer.read() or b'{}')
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def sns_matrix(arn_, subscription, endpoint):
    return [
        ('Publish', lambda c: c.publish(TopicArn=arn_, Message='x'), 'write'),
        ('PublishBatch', lambda c: c.publish_batch(TopicArn=arn_, PublishBatchRequestEntries=[{'Id': 'a', 'Message': 'x'}]),
         'write'),
        ('GetTopicAttributes', lambda c: c.get_topic_attributes(TopicArn=arn_), 'describe'),
        ('ListSubscriptionsByTopic', lambda c: c.list_subscriptions_by_topic(TopicArn=arn_), 'describe'),
        ('ListTagsForResource', lambda c: c.list_tags_for_resource(ResourceArn=arn_), 'describe'),
        ('GetSubscriptionAttributes', lambda c: c.get_subscription_attributes(SubscriptionArn=subscription), 'describe'),
        ('SetTopicAttributes', lambda c: c.set_topic_attributes(TopicArn=arn_, AttributeName='DisplayName', AttributeValue='x'),
         'alter'),
        ('TagResource', lambda c: c.tag_resource(ResourceArn=arn_, Tags=[{'Key': 'a', 'Value': 'b'}]), 'alter'),
        ('UntagResource', lambda c: c.untag_resource(ResourceArn=arn_, TagKeys=['a']), 'alter'),
        ('SetSubscriptionAttributes', lambda c: c.set_subscription_attributes(
            SubscriptionArn=subscription, AttributeName='RawMessageDelivery', AttributeValue='true'), 'alter'),
        ('Subscribe', lambda c: c.subscribe(TopicArn=arn_, Protocol='http', Endpoint=endpoint), 'read'),
        ('Unsubscribe', lambda c: c.unsubscribe(SubscriptionArn=subscription), 'alter'),
        ('CreateTopic', lambda c: c.create_topic(Name=arn_.rsplit(':', 1)[1]), 'create'),
        ('DeleteTopic', lambda c: c.delete_topic(TopicArn=arn_), 'delete'),
    ]


@cases('boto3: every action of SNS is refused without its grant on the topic, and allowed with it; lists show what may be seen')
def every_sns_action(server):
    _, root = root_clients(server)
    queue, _ = new_queue(server)
    nothing, people, wrong = Person(server), {}, []
    elsewhere = Person(server, ('all', 'queue:*', 'topic:other*'))
    for number in range(len(sns_matrix('', '', ''))):
        name = unique('news')
        arn_ = root.create_topic(Name=name)['TopicArn']
        subscription = root.subscribe(TopicArn=arn_, Protocol='sqs', Endpoint=arn(queue), ReturnSubscriptionArn=True)
        own = sns_matrix(arn_, subscription['SubscriptionArn'], 'http://127.0.0.1:9/' + name)
        topics = {t['name'] for t in ask_root(server, 200, 'GET', '/v1/topics?limit=1000')['items']}
        resource = 'topic:' + next(t for t in topics if name in t)
        what, call, operation = own[number]
        for who in (nothing, elsewhere):
            if not is_denied(answer_of(call, who.sns)):
                wrong.append('%s without a grant: %s' % (what, answer_of(call, who.sns)))
        unfit = set(OPERATIONS) - {operation} - (set(IMPLIES_DESCRIBE) if operation == 'describe' else set())
        if operation not in people:
            people[operation] = (Person(server), Person(server))
        unfitting, fitting = people[operation]
        grant(server, unfitting.name, ','.join(sorted(unfit)), resource)
        grant(server, fitting.name, operation, resource)
        if not is_denied(answer_of(call, unfitting.sns)):
            wrong.append('%s with all but %s' % (what, operation))
        grant(server, fitting.name, operation, resource, deny=True)
        if not is_denied(answer_of(call, fitting.sns)):
            wrong.append('%s with a denial' % what)
        take_back(server, fitting.name, operation, resource, deny=True)
        answer = answer_of(call, fitting.sns)
        if isinstance(answer, str):
            wrong.append('%s with %s: %s' % (what, operation, answer))
        seen = [t['TopicArn'] for t in nothing.sns.list_topics()['Topics']]
        equal((seen, nothing.sns.list_subscriptions()['Subscriptions']), ([], []), 'what nobody granted')
        if what in ('GetTopicAttributes', 'GetSubscriptionAttributes'):
            equal(arn_ in [t['TopicArn'] for t in fitting.sns.list_topics()['Topics']], True, 'what it may see')
            subscribed = [s['TopicArn'] for s in fitting.sns.list_subscriptions()['Subscriptions']]
            equal(arn_ in subscribed, True, 'subscriptions that it may see')
    equal(wrong, [])


@cases('a topic that delivers to a queue wants to write to that queue, and one on a topic of others to that topic')
def deliveries(server):
    _, root = root_clients(server)
    queue, url = new_queue(server)
    name = unique('news')
    arn_ = root.create_topic(Name=name)['TopicArn']
    person = Person(server, ('all', 'topic:*'))
    subscribe = dict(TopicArn=arn_, Protocol='sqs', Endpoint=arn(queue), ReturnSubscriptionArn=True)
    equal(is_denied(outcome(person.sns.subscribe, **subscribe)), True, 'a queue of others')
    grant(server, person.name, 'write', 'queue:' + queue)
    got = person.sns.subscribe(**subscribe)['SubscriptionArn']
    person.sns.publish(TopicArn=arn_, Message='hello')
    message, = root_clients(server)[0].receive_message(QueueUrl=url, WaitTimeSeconds=10)['Messages']
    equal(json.loads(message['Body'])['Message'], 'hello')
    dead = new_queue(server)[0]
    redrive = dict(SubscriptionArn=got, AttributeName='RedrivePolicy',
                   AttributeValue=json.dumps({'deadLetterTargetArn': arn(dead)}))
    equal(is_denied(outcome(person.sns.set_subscription_attributes, **redrive)), True, 'dead letters to a queue of others')
    grant(server, person.name, 'write', 'queue:' + dead)
    person.sns.set_subscription_attributes(**redrive)
    topic = unique('events')
    ask_root(server, 201, 'POST', '/v1/topics', {'name': topic})
    creator = Person(server, ('create', 'cluster'))
    equal(is_denied(outcome(creator.sns.create_topic, Name=unique('on'), Tags=[{'Key': 'leat:topic', 'Value': topic}])), True)
    grant(server, creator.name, 'write', 'topic:' + topic)
    creator.sns.create_topic(Name=unique('on'), Tags=[{'Key': 'leat:topic', 'Value': topic}])


@cases('links that confirm and end subscriptions work for who does not sign, as they are mailed; nothing else does')
def links(server):
    _, root = root_clients(server)
    arn_ = root.create_topic(Name=unique('news'))['TopicArn']
    with Webhook() as hook:
        root.subscribe(TopicArn=arn_, Protocol='http', Endpoint=hook.url)
        asked = hook.wait(1, 'SubscriptionConfirmation')[0].json()
        status, text = fetch(asked['SubscribeURL'].replace(asked['Token'], 'x' * len(asked['Token'])))
        equal(status >= 400, True, 'a wrong token: ' + text)
        hook.confirm()
        root.publish(TopicArn=arn_, Message='hello')
        note = hook.wait(1)[0].json()
        equal(note['Message'], 'hello')
        nobody = amazon('sns', server.sqs)
        for call in (lambda: nobody.publish(TopicArn=arn_, Message='x'), lambda: nobody.get_topic_attributes(TopicArn=arn_)):
            equal(is_denied(answer_of(lambda _, call=call: call(), None)), True)
        equal(fetch(note['UnsubscribeURL'])[0], 200)
        equal(root.list_subscriptions_by_topic(TopicArn=arn_)['Subscriptions'], [])
    with Webhook() as hook:
        root.subscribe(TopicArn=arn_, Protocol='http', Endpoint=hook.url)
        asked = hook.wait(1, 'SubscriptionConfirmation')[0].json()
        reader, stranger = Person(server, ('read,alter', 'topic:*')), Person(server)
        signed = dict(TopicArn=arn_, Token=asked['Token'], AuthenticateOnUnsubscribe='true')
        equal(is_denied(outcome(stranger.sns.confirm_subscription, **signed)), True, 'who asks for more has to be somebody')
        equal(is_denied(outcome(amazon('sns', server.sqs).confirm_subscription, **signed)), True, 'or has to sign')
        subscription = reader.sns.confirm_subscription(**signed)['SubscriptionArn']
        root.publish(TopicArn=arn_, Message='hello')
        status, text = fetch(hook.wait(1)[0].json()['UnsubscribeURL'])
        equal(status, 403, text)
        equal(is_denied(outcome(stranger.sns.unsubscribe, SubscriptionArn=subscription)), True)
        reader.sns.unsubscribe(SubscriptionArn=subscription)


@cases('a topic that may not be seen looks like one that is not there')
def hidden_topics(server):
    arn_ = root_clients(server)[1].create_topic(Name=unique('news'))['TopicArn']
    stranger = Person(server).sns
    for call in (lambda a: stranger.publish(TopicArn=a, Message='x'), lambda a: stranger.get_topic_attributes(TopicArn=a)):
        equal(answer_of(call, arn_), answer_of(call, topic_arn(unique('none'))), 'the answers of one that is there and of none')


@cases('a key of sqs.access_keys is a user of its own: it may what is granted to its id, or everything as a super user')
def configured_keys(_):
    keys = {'LEAT_SQS_ACCESS_KEYS': 'AKIDPLAIN=secret-one,AKIDSUPER=secret-two'}
    plain, over = ('AKIDPLAIN', 'secret-one'), ('AKIDSUPER', 'secret-two')
    with Server(environment=keys) as before:
        before.start()
        amazon('sqs', before.sqs, plain).create_queue(QueueName='mine')  # there are no users
        refused('MissingAuthenticationToken', 403, amazon('sqs', before.sqs).list_queues)
    with Secured('--security.super-users', 'AKIDSUPER', environment=keys) as server:
        server.start()
        refused('AccessDenied', 403, amazon('sqs', server.sqs, plain).create_queue, QueueName='mine')
        url = amazon('sqs', server.sqs, over).create_queue(QueueName='mine')['QueueUrl']
        refused('AccessDenied', 403, amazon('sqs', server.sqs, plain).send_message, QueueUrl=url, MessageBody='x')
        grant(server, 'AKIDPLAIN', 'read,write', 'queue:mine')
        amazon('sqs', server.sqs, plain).send_message(QueueUrl=url, MessageBody='x')
        message, = amazon('sqs', server.sqs, over).receive_message(QueueUrl=url, AttributeNames=['All'], WaitTimeSeconds=5)['Messages']
        equal(message['Attributes']['SenderId'], 'AKIDPLAIN')
        refused('AccessDenied', 403, amazon('sqs', server.sqs, plain).delete_queue, QueueUrl=url)
        refused('SignatureDoesNotMatch', 403, amazon('sqs', server.sqs, ('AKIDSUPER', 'x')).list_queues)
        equal(files_with(server.folder, 'secret-two'), [])
        equal(server.stop(), 0)


@cases('from the first user on requests have to be signed; access keys outlive the server')
def first_user(_):
    with Server() as server:
        server.start()
        anyone = amazon('sqs', server.sqs, ('anyone', 'anything'))
        url = anyone.create_queue(QueueName='mine')['QueueUrl']
        with api_as(server) as api:
            api(201, 'POST', '/v1/users', {'name': 'root', 'password': ROOT_PASSWORD, 'admin': True})
        refused('InvalidClientTokenId', 403, anyone.send_message, QueueUrl=url, MessageBody='x')
        refused('AccessDenied', 403, amazon('sqs', server.sqs).send_message, QueueUrl=url, MessageBody='x')
        key = new_access_key(server, 'root', note='of root')
        amazon('sqs', server.sqs, key).send_message(QueueUrl=url, MessageBody='x')
        server.kill()
        server.start()
        equal(len(amazon('sqs', server.sqs, key).receive_message(QueueUrl=url, WaitTimeSeconds=5)['Messages']), 1)
        equal(key[1] in server.log.read_text(), False, 'the secret in the log')
        listed = ask_root(server, 200, 'GET', '/v1/users/root/access-keys')['items']
        equal([(k['id'], k['note'], sorted(k)) for k in listed], [(key[0], 'of root', ['created', 'id', 'note'])])


@cases('roles hold for access keys; grants and keys count at once')
def at_once(server):
    name, url = new_queue(server)
    role = unique('role')
    person = Person(server)
    send = dict(QueueUrl=url, MessageBody='x')
    refused('AccessDenied', 403, person.sqs.send_message, **send)
    grant(server, 'role:' + role, 'write', 'queue:' + name)
    ask_root(server, 200, 'PATCH', '/v1/users/' + person.name, {'roles': [role]})
    person.sqs.send_message(**send)
    grant(server, 'role:' + role, 'write', 'queue:' + name, deny=True)
    refused('AccessDenied', 403, person.sqs.send_message, **send)
    take_back(server, 'role:' + role, 'write', 'queue:' + name, deny=True)
    person.sqs.send_message(**send)
    ask_root(server, 200, 'PATCH', '/v1/users/' + person.name, {'roles': []})
    refused('AccessDenied', 403, person.sqs.send_message, **send)


@cases('a user has 20 access keys; leat access-key makes, lists and revokes them')
def limits(server):
    user = new_user(server, ('all', 'queue:*'))
    said, beside = command(server, 'access-key', 'create', user, '--note', 'ci', user=user)
    made = dict(line.split('=', 1) for line in said.splitlines())
    key = made['AWS_ACCESS_KEY_ID'], made['AWS_SECRET_ACCESS_KEY']
    equal((len(key[0]), key[0][:4], len(key[1]), key[1] in beside), (20, 'LEAT', 40, False))
    amazon('sqs', server.sqs, key).create_queue(QueueName=unique('mine'))
    shown = command(server, 'access-key', 'list', user, user=user)[0]
    equal((key[0] in shown, 'ci' in shown, key[1] in shown), (True, True, False), shown)
    with api_as(server, user) as api:
        for _ in range(19):
            api(201, 'POST', '/v1/users/%s/access-keys' % user, {})
        equal(api(429, 'POST', '/v1/users/%s/access-keys' % user, {}), 'too-large')
        api(400, 'POST', '/v1/users/%s/access-keys' % user, {'note': 'x' * 201})
        api(400, 'POST', '/v1/users/%s/access-keys' % user, {'lifetime_ms': 1000})
        api(404, 'DELETE', '/v1/users/%s/access-keys/none' % user)
    equal(command(server, 'access-key', 'revoke', user, key[0], user=user)[0],
          "revoked access key '%s' of '%s'\n" % (key[0], user))
    refused('InvalidClientTokenId', 403, amazon('sqs', server.sqs, key).list_queues)
    command(server, 'access-key', 'revoke', user, key[0], user=user, code=1)
    command(server, 'access-key', 'list', 'root', user=user, code=1)


@cases('aws cli: a user’s key in its variables, and what it is told without')
def aws_cli(server):
    aws = next((a for a in ('/usr/bin/aws', shutil.which('aws')) if a and os.access(a, os.X_OK)), None)
    if not aws:
        raise Skip('there is no aws cli')
    person = Person(server, ('all', 'queue:cli*', 'topic:*'))

    def run(*words, key=person.key):
        own = {'AWS_ACCESS_KEY_ID': key[0], 'AWS_SECRET_ACCESS_KEY': key[1]} if key else {}
        unsigned_ = [] if key else ['--no-sign-request']
        return subprocess.run([aws, *unsigned_, '--endpoint-url', server.sqs, '--region', REGION, '--output', 'json', *words],
                              capture_output=True, text=True, timeout=60,
                              env={**os.environ, **own, 'AWS_PAGER': '', 'AWS_CONFIG_FILE': '/dev/null', 'AWS_MAX_ATTEMPTS': '1',
                                   'AWS_SHARED_CREDENTIALS_FILE': '/dev/null', 'AWS_EC2_METADATA_DISABLED': 'true'})
    name = unique('cli')
    done = run('sqs', 'create-queue', '--queue-name', name)
    equal(done.returncode, 0, done.stderr)
    url = json.loads(done.stdout)['QueueUrl']
    equal(run('sqs', 'send-message', '--queue-url', url, '--message-body', 'x').returncode, 0)
    equal(json.loads(run('sqs', 'receive-message', '--queue-url', url, '--wait-time-seconds', '5').stdout)['Messages'][0]['Body'], 'x')
    equal(run('sns', 'list-topics').returncode, 0)
    for words, key, code in ((('sqs', 'create-queue', '--queue-name', 'other'), person.key, 'AccessDenied'),
                             (('sqs', 'list-queues'), (person.key[0], 'wrong'), 'SignatureDoesNotMatch'),
                             (('sqs', 'get-queue-url', '--queue-name', name), None, 'AccessDenied'),
                             (('sns', 'list-topics'), ('LEATNONE', 'x'), 'InvalidClientTokenId')):
        done = run(*words, key=key)
        equal((done.returncode != 0, code in done.stderr), (True, True), '%s: %s' % (words, done.stderr))


if __name__ == '__main__':
    sys.exit(run_secured(cases))
