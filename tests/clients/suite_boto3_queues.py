#!/usr/bin/python3
"""boto3 from Debian (SQS's Query form) against a server: queues, dead letters, moves. suite_boto3_queues.py ENDPOINT"""
import json
import time

from botocore.exceptions import ClientError

from harness import Cases, equal, unique, wait_for
from sqs_support import JsonError, Queue, arn, call_json, client_of, refused, text

cases = Cases('boto3_queues')
GONE = 'AWS.SimpleQueueService.NonExistentQueue'


@cases('creates, finds and deletes queues; creating the same one again is no error, another is')
def lifecycle(endpoint):
    sqs, queue = client_of(endpoint), Queue(endpoint, VisibilityTimeout=77)
    equal(queue.url, '%s/000000000000/%s' % (endpoint, queue.name))
    equal(sqs.get_queue_url(QueueName=queue.name)['QueueUrl'], queue.url)
    equal(Queue(endpoint, name=queue.name).url, queue.url, 'without attributes')
    equal(Queue(endpoint, name=queue.name, VisibilityTimeout=77).url, queue.url, 'with the same')
    refused('QueueAlreadyExists', 400, sqs.create_queue, QueueName=queue.name, Attributes={'VisibilityTimeout': '78'})
    queue.send('x')
    sqs.delete_queue(QueueUrl=queue.url)
    refused(GONE, 400, sqs.get_queue_url, QueueName=queue.name)
    refused(GONE, 400, queue.send)
    refused(GONE, 400, queue.receive)
    equal(Queue(endpoint, name=queue.name).receive(), [], 'a new queue of the old name is empty')
    for name in ('', 'a b', 'x' * 81, 'x.y', 'x.fifo', 'ümlaut'):
        refused('InvalidParameterValue' if name else 'MissingParameter', 400, sqs.create_queue, QueueName=name)
    refused('InvalidParameterValue', 400, sqs.create_queue, QueueName='x', Attributes={'FifoQueue': 'true'})
    equal(Queue(endpoint, name='y' * 75 + '.fifo', FifoQueue='true').attributes('FifoQueue'), {'FifoQueue': 'true'})


SETTINGS = {'VisibilityTimeout': '43200', 'MaximumMessageSize': '1024', 'MessageRetentionPeriod': '60',
            'DelaySeconds': '900', 'ReceiveMessageWaitTimeSeconds': '20', 'SqsManagedSseEnabled': 'true',
            'KmsMasterKeyId': 'alias/key', 'KmsDataKeyReusePeriodSeconds': '300'}


@cases('sets and shows the attributes of queues, and refuses values out of range')
def attributes(endpoint):
    queue = Queue(endpoint, **SETTINGS)
    found = queue.attributes('All')
    equal({n: found[n] for n in SETTINGS}, SETTINGS)
    equal(found['QueueArn'], arn(queue.name))
    assert abs(int(found['CreatedTimestamp']) - time.time()) < 100, found
    equal(queue.attributes('DelaySeconds', 'QueueArn'), {'DelaySeconds': '900', 'QueueArn': queue.arn})
    changed = {'VisibilityTimeout': '0', 'MaximumMessageSize': '1048576', 'MessageRetentionPeriod': '1209600',
               'DelaySeconds': '0', 'ReceiveMessageWaitTimeSeconds': '0', 'SqsManagedSseEnabled': 'false'}
    queue.set(**changed)
    equal(queue.attributes(*changed), changed)
    for name, values in {'VisibilityTimeout': (-1, 43201, 'x'), 'MaximumMessageSize': (1023, 1048577),
                         'MessageRetentionPeriod': (59, 1209601), 'DelaySeconds': (901, ''), 'SqsManagedSseEnabled': (2,),
                         'ReceiveMessageWaitTimeSeconds': (21,)}.items():
        for value in values:
            refused('InvalidAttributeValue', 400, queue.set, **{name: value})
    equal(queue.attributes(*changed), changed, 'after what was refused')
    for name in ('QueueArn', 'NoSuchThing', 'ContentBasedDeduplication'):
        refused('InvalidAttributeName', 400, queue.set, **{name: 'true'})
    refused('InvalidAttributeName', 400, queue.attributes, 'NoSuchThing')
    equal(Queue(endpoint, fifo=True).attributes('FifoQueue', 'ContentBasedDeduplication', 'DeduplicationScope',
                                                'FifoThroughputLimit'),
          {'FifoQueue': 'true', 'ContentBasedDeduplication': 'false', 'DeduplicationScope': 'queue',
           'FifoThroughputLimit': 'perQueue'})


@cases('lists queues by prefix, in pages')
def listing(endpoint):
    sqs, prefix = client_of(endpoint), unique('page')
    urls = [Queue(endpoint, name='%s-%02d' % (prefix, i)).url for i in range(25)]
    equal(sqs.list_queues(QueueNamePrefix=prefix)['QueueUrls'], urls)
    assert set(urls) <= set(sqs.list_queues()['QueueUrls']), 'all queues'
    found, token, pages = [], {}, 0
    while True:
        answer = sqs.list_queues(QueueNamePrefix=prefix, MaxResults=10, **token)
        found, pages = found + answer['QueueUrls'], pages + 1
        if 'NextToken' not in answer:
            break
        token = {'NextToken': answer['NextToken']}
    equal((found, pages), (urls, 3), 'page by page')
    paginator = sqs.get_paginator('list_queues')
    equal([u for page in paginator.paginate(QueueNamePrefix=prefix, PaginationConfig={'PageSize': 7})
           for u in page['QueueUrls']], urls, 'botocore\'s paginator')
    equal(sqs.list_queues(QueueNamePrefix=prefix + '-none').get('QueueUrls', []), [])
    for count in (0, 1001):
        refused('InvalidParameterValue', 400, sqs.list_queues, MaxResults=count)


@cases('tags queues')
def tags(endpoint):
    queue = Queue(endpoint, tags={'team': 'blue', 'empty': '', 'ünï': '漢'})
    sqs, url = queue.sqs, queue.url
    listed = lambda: sqs.list_queue_tags(QueueUrl=url).get('Tags', {})
    equal(listed(), {'team': 'blue', 'empty': '', 'ünï': '漢'})
    sqs.tag_queue(QueueUrl=url, Tags={'team': 'red', 'more': 'x'})
    sqs.untag_queue(QueueUrl=url, TagKeys=['empty', 'absent'])
    equal(listed(), {'team': 'red', 'more': 'x', 'ünï': '漢'})
    sqs.untag_queue(QueueUrl=url, TagKeys=['team', 'more', 'ünï'])
    equal(listed(), {})
    refused('InvalidParameterValue', 400, sqs.tag_queue, QueueUrl=url, Tags={'t%d' % i: '' for i in range(51)})
    refused('InvalidParameterValue', 400, sqs.tag_queue, QueueUrl=url, Tags={'leat:no_such_setting': '1'})
    refused('InvalidParameterValue', 400, sqs.tag_queue, QueueUrl=url, Tags={'leat:topic': 'another'})
    equal(listed(), {}, 'after what was refused')


@cases('gives and takes permissions')
def permissions(endpoint):
    queue = Queue(endpoint)
    sqs, url = queue.sqs, queue.url
    sqs.add_permission(QueueUrl=url, Label='one', AWSAccountIds=['111122223333'], Actions=['SendMessage'])
    sqs.add_permission(QueueUrl=url, Label='two', AWSAccountIds=['111122223333', '444455556666'],
                       Actions=['ReceiveMessage', 'DeleteMessage'])
    policy = json.loads(queue.attributes('Policy')['Policy'])
    equal([s['Sid'] for s in policy['Statement']], ['one', 'two'])
    equal((policy['Statement'][1]['Action'], policy['Statement'][1]['Resource']),
          (['SQS:ReceiveMessage', 'SQS:DeleteMessage'], queue.arn))
    refused('InvalidParameterValue', 400, sqs.add_permission, QueueUrl=url, Label='one', AWSAccountIds=['111122223333'],
            Actions=['SendMessage'])
    sqs.remove_permission(QueueUrl=url, Label='one')
    sqs.remove_permission(QueueUrl=url, Label='two')
    equal(queue.attributes('Policy'), {})
    refused('InvalidParameterValue', 400, sqs.remove_permission, QueueUrl=url, Label='one')


@cases('refuses a permission that would make the policy longer than an attribute may be')
def too_many_permissions(endpoint):
    queue = Queue(endpoint)
    given = 0
    try:
        for given in range(1000):
            queue.sqs.add_permission(QueueUrl=queue.url, Label='label-%d' % given, Actions=['SendMessage'],
                                     AWSAccountIds=['%012d' % n for n in range(20)])
    except ClientError as error:
        equal((error.response['Error']['Code'], error.response['ResponseMetadata']['HTTPStatusCode']), ('OverLimit', 403))
    policy = queue.attributes('Policy')['Policy']
    equal(len(json.loads(policy)['Statement']), given)
    assert 15_000 < len(policy) <= 16_384, len(policy)
    queue.sqs.remove_permission(QueueUrl=queue.url, Label='label-0')


@cases('purges what is there, in flight or delayed too, once a minute')
def purge(endpoint):
    queue, other = Queue(endpoint), Queue(endpoint)
    queue.send_all(['%d' % i for i in range(20)])
    queue.send('late', DelaySeconds=600)
    held = queue.receive(5)
    other.send('kept')
    queue.sqs.purge_queue(QueueUrl=queue.url)
    equal((queue.counts(), queue.receive()), ((0, 0, 0), []))
    queue.delete(held)
    queue.send('new')
    equal(queue.bodies(1), ['new'])
    refused('AWS.SimpleQueueService.PurgeQueueInProgress', 403, queue.sqs.purge_queue, QueueUrl=queue.url)
    equal(other.bodies(1), ['kept'], 'of another queue')
    other.sqs.purge_queue(QueueUrl=other.url)


def redrive_policy(target, count):
    return json.dumps({'deadLetterTargetArn': target.arn, 'maxReceiveCount': count})


@cases('moves a message to the dead-letter queue after exactly maxReceiveCount receives, as it was')
def dead_letters(endpoint):
    for fifo in (False, True):
        for limit in (1, 3):
            group = {'MessageGroupId': 'g', 'MessageDeduplicationId': 'poison'} if fifo else {}
            dead = Queue(endpoint, 'dead', fifo=fifo)
            queue = Queue(endpoint, fifo=fifo, RedrivePolicy=redrive_policy(dead, limit))
            attributes = {'n': text('1', 'Number'), 's': text('x')}
            sent = queue.send('poison', MessageAttributes=attributes, **group)
            if fifo:
                group['MessageDeduplicationId'] = 'good'
            queue.send('good', **group)
            good = []
            for number in range(1, limit + 1):
                message = None
                while message is None or message['Body'] != 'poison':
                    message, = queue.receive(1, 5, AttributeNames=['All'])
                    if message['Body'] == 'good':
                        equal(fifo, False, 'good came before poison of its group')
                        good.append(message)
                equal(message['Attributes']['ApproximateReceiveCount'], str(number), 'receive count')
                equal(dead.receive(), [], 'dead letters after %d of %d' % (number - 1, limit))
                queue.set_visibility(message, 0)
            letter, = dead.receive(1, 20, AttributeNames=['All'], MessageAttributeNames=['All'])
            equal((letter['Body'], letter['MessageId']), ('poison', sent['MessageId']))
            equal(set(letter['MessageAttributes']), {'n', 's'}, 'attributes')
            equal(letter['MD5OfMessageAttributes'], sent['MD5OfMessageAttributes'])
            shown = letter['Attributes']
            equal(shown['DeadLetterQueueSourceArn'], queue.arn)
            equal(shown.get('MessageGroupId'), 'g' if fifo else None)
            good += queue.receive(10, 0 if good else 5)
            equal([m['Body'] for m in good], ['good'], 'the other message')
            equal((queue.receive(), queue.counts()), ([], (0, 1, 0)), 'what is left')


@cases('leases that run out count as receives, and the others flow meanwhile')
def expired_leases(endpoint):
    dead = Queue(endpoint, 'dead')
    queue = Queue(endpoint, VisibilityTimeout=1, RedrivePolicy=redrive_policy(dead, 2))
    queue.send('poison')
    done = []
    deadline = time.monotonic() + 30
    number = 0
    while not dead.counts()[0] and time.monotonic() < deadline:
        number += 1
        queue.send('good %d' % number)
        for message in queue.receive(wait=1):
            if message['Body'] != 'poison':
                done.append(message['Body'])
                queue.delete([message])
    equal(dead.bodies(1), ['poison'])
    equal(done, ['good %d' % (i + 1) for i in range(number)], 'the others')


@cases('checks redrive policies, lets the dead-letter queue choose its sources, and lists them')
def allowing(endpoint):
    sqs, dead, ordered = client_of(endpoint), Queue(endpoint, 'dead'), Queue(endpoint, 'dead', fifo=True)
    source = Queue(endpoint, 'source')
    for policy in ('{', '[]', '{}', '{"deadLetterTargetArn": "%s"}' % dead.arn, '{"maxReceiveCount": 1}',
                   redrive_policy(dead, 0), redrive_policy(dead, 1001), redrive_policy(dead, 'x'),
                   redrive_policy(ordered, 1), redrive_policy(source, 1),
                   json.dumps({'deadLetterTargetArn': arn('absent-queue'), 'maxReceiveCount': 1}),
                   json.dumps({'deadLetterTargetArn': 'arn:x', 'maxReceiveCount': 1})):
        refused('InvalidParameterValue', 400, source.set, RedrivePolicy=policy)
    equal(source.attributes('RedrivePolicy'), {})
    source.set(RedrivePolicy=redrive_policy(dead, '10'))
    equal(json.loads(source.attributes('RedrivePolicy')['RedrivePolicy']),
          {'deadLetterTargetArn': dead.arn, 'maxReceiveCount': 10})
    others = [Queue(endpoint, name='%s-%d' % (source.name, i), RedrivePolicy=redrive_policy(dead, 5)) for i in range(4)]
    equal(sqs.list_dead_letter_source_queues(QueueUrl=dead.url)['queueUrls'], [source.url] + [o.url for o in others])
    first = sqs.list_dead_letter_source_queues(QueueUrl=dead.url, MaxResults=3)
    second = sqs.list_dead_letter_source_queues(QueueUrl=dead.url, MaxResults=3, NextToken=first['NextToken'])
    equal((first['queueUrls'] + second['queueUrls'], 'NextToken' in second), ([source.url] + [o.url for o in others], False))
    for other in others:
        other.set(RedrivePolicy='')
    equal(sqs.list_dead_letter_source_queues(QueueUrl=dead.url)['queueUrls'], [source.url])
    equal(sqs.list_dead_letter_source_queues(QueueUrl=source.url).get('queueUrls', []), [])

    for policy in ('x', '{"redrivePermission": "some"}', '{"redrivePermission": "byQueue"}',
                   json.dumps({'redrivePermission': 'byQueue', 'sourceQueueArns': [source.arn] * 11})):
        refused('InvalidParameterValue', 400, dead.set, RedriveAllowPolicy=policy)
    source.set(RedrivePolicy='')
    dead.set(RedriveAllowPolicy='{"redrivePermission": "denyAll"}')
    refused('InvalidParameterValue', 400, source.set, RedrivePolicy=redrive_policy(dead, 1))
    by_queue = json.dumps({'redrivePermission': 'byQueue', 'sourceQueueArns': [source.arn]})
    dead.set(RedriveAllowPolicy=by_queue)
    equal(dead.attributes('RedriveAllowPolicy'), {'RedriveAllowPolicy': by_queue})
    source.set(RedrivePolicy=redrive_policy(dead, 1))
    refused('InvalidParameterValue', 400, others[0].set, RedrivePolicy=redrive_policy(dead, 1))
    dead.set(RedriveAllowPolicy='{"redrivePermission": "allowAll"}')
    others[0].set(RedrivePolicy=redrive_policy(dead, 1))


def fill_dead(endpoint, count, fifo=False):
    """A queue and its dead-letter queue, where `count` messages of it are."""
    dead = Queue(endpoint, 'dead', fifo=fifo)
    queue = Queue(endpoint, 'source', fifo=fifo, RedrivePolicy=redrive_policy(dead, 1))
    group = {'MessageGroupId': lambda b: 'g' + b[-1], 'MessageDeduplicationId': lambda b: b} if fifo else {}
    queue.send_all(['%04d' % i for i in range(count)], **group)
    taken = 0
    while taken < count:
        for message in queue.receive(wait=5):
            queue.set_visibility(message, 0)
            taken += 1
    wait_for('%d dead letters' % count, lambda: dead.counts()[0] == count, 30)
    equal(queue.counts(), (0, 0, 0))
    return queue, dead


def tasks(endpoint, dead, count=10):
    return call_json(endpoint, 'ListMessageMoveTasks', SourceArn=dead.arn, MaxResults=count)['Results']


@cases('moves dead letters back to where they came from, or elsewhere, and tells of it')
def moving(endpoint):
    for fifo in (False, True):
        queue, dead = fill_dead(endpoint, 40, fifo)
        equal(tasks(endpoint, dead), [], 'tasks before the first')
        handle = call_json(endpoint, 'StartMessageMoveTask', SourceArn=dead.arn)['TaskHandle']
        task = wait_for('the task', lambda: next((t for t in tasks(endpoint, dead) if t['Status'] == 'COMPLETED'), None), 30)
        equal((task['SourceArn'], task['ApproximateNumberOfMessagesMoved'], task['ApproximateNumberOfMessagesToMove']),
              (dead.arn, 40, 40))
        assert abs(task['StartedTimestamp'] / 1000 - time.time()) < 100, task
        equal('TaskHandle' in task, False, 'a handle of a task that is done')
        try:
            call_json(endpoint, 'CancelMessageMoveTask', TaskHandle=handle)
            raise AssertionError('a task that is done was cancelled')
        except JsonError as error:
            equal(error.status, 400)
        messages = []
        while len(messages) < 40:
            part = queue.receive(wait=5, AttributeNames=['All'])
            queue.delete(part)
            messages += part
        equal({m['Attributes'].get('DeadLetterQueueSourceArn') for m in messages}, {None}, 'they are no dead letters')
        equal({m['Attributes']['ApproximateReceiveCount'] for m in messages}, {'1'}, 'receive counts begin again')
        bodies = [m['Body'] for m in messages]
        equal(sorted(bodies), ['%04d' % i for i in range(40)])
        if fifo:
            for group in range(10):
                mine = [b for b in bodies if b.endswith(str(group))]
                equal(mine, sorted(mine), 'order of a group')
        equal((dead.counts(), queue.counts()), ((0, 0, 0), (0, 0, 0)))
    queue, dead = fill_dead(endpoint, 5)
    elsewhere = Queue(endpoint, 'elsewhere')
    call_json(endpoint, 'StartMessageMoveTask', SourceArn=dead.arn, DestinationArn=elsewhere.arn)
    equal(sorted(elsewhere.bodies(5)), ['%04d' % i for i in range(5)])
    task, = wait_for('its end', lambda: [t for t in tasks(endpoint, dead) if t['Status'] == 'COMPLETED'], 30)
    equal((task['DestinationArn'], queue.counts()), (elsewhere.arn, (0, 0, 0)))


@cases('moves dead letters at a rate, shows how far it is, and cancels')
def cancelling(endpoint):
    queue, dead = fill_dead(endpoint, 60)
    start = {'SourceArn': dead.arn, 'MaxNumberOfMessagesPerSecond': 10}
    handle = call_json(endpoint, 'StartMessageMoveTask', **start)['TaskHandle']
    task = wait_for('progress', lambda: [t for t in tasks(endpoint, dead) if t['ApproximateNumberOfMessagesMoved'] > 3])[0]
    equal((task['Status'], task['TaskHandle'], task['MaxNumberOfMessagesPerSecond'],
           task['ApproximateNumberOfMessagesToMove']), ('RUNNING', handle, 10, 60))
    try:
        call_json(endpoint, 'StartMessageMoveTask', **start)
        raise AssertionError('a second task of one source was started')
    except JsonError as error:
        equal(error.status, 400)
    answer = call_json(endpoint, 'CancelMessageMoveTask', TaskHandle=handle)
    task = wait_for('the end', lambda: [t for t in tasks(endpoint, dead) if t['Status'] == 'CANCELLED'], 30)[0]
    moved = task['ApproximateNumberOfMessagesMoved']
    assert 3 < moved < 60 and answer['ApproximateNumberOfMessagesMoved'] <= moved, (task, answer)
    equal(len(queue.receive_all(moved)), moved, 'those that were moved')
    equal(queue.receive(), [], 'more than were moved')
    wait_for('the rest to be there', lambda: sum(dead.counts()) == 60 - moved)
    call_json(endpoint, 'StartMessageMoveTask', SourceArn=dead.arn)
    equal(len(queue.receive_all(60 - moved, seconds=60)), 60 - moved, 'a second task moves the rest')
    equal([t['Status'] for t in wait_for('two tasks', lambda: [
        ts for ts in [tasks(endpoint, dead)] if ts[0]['Status'] != 'RUNNING'])[0]], ['COMPLETED', 'CANCELLED'])


@cases('refuses more in flight than the limit, and takes no more than the depth')
def limits(endpoint):
    queue = Queue(endpoint, tags={'leat:in_flight_max': '5'})
    queue.send_all(['%d' % i for i in range(10)])
    held = queue.receive_all(5)
    equal(len(held), 5)
    refused('OverLimit', 403, queue.receive)
    queue.delete(held[:2])
    equal(len(queue.receive()), 2)
    ordered = Queue(endpoint, fifo=True, ContentBasedDeduplication='true', tags={'leat:in_flight_max': '5'})
    ordered.send_all(['%d' % i for i in range(10)], MessageGroupId=lambda body: body)
    equal(len(ordered.receive_all(5)), 5)
    equal(ordered.receive(), [], 'a FIFO queue just waits')
    full = Queue(endpoint, tags={'leat:depth_max': '20'})
    full.send_all(['%d' % i for i in range(20)])
    message = refused('RequestThrottled', 403, full.send)
    assert 'limit' in message, message
    full.delete(full.receive(1))
    full.send('there is room')
    refused('RequestThrottled', 403, full.send)
    full.sqs.untag_queue(QueueUrl=full.url, TagKeys=['leat:depth_max'])
    full.send('without a limit')
    equal(full.counts()[0], 21)


@cases('tags set what SQS has no attribute for: backoff, limits in flight by group, rates')
def tagged(endpoint):
    queue = Queue(endpoint, VisibilityTimeout=1, tags={'leat:backoff': 'fixed', 'leat:backoff_base_ms': '1500'})
    queue.send('failing')
    started = time.monotonic()
    queue.receive_all(1)
    again, = queue.receive_all(1)
    assert time.monotonic() - started >= 2.5, 'it came again after %.1f s' % (time.monotonic() - started)
    queue.set_visibility(again, 0)
    equal(len(queue.receive()), 1, 'what its consumer gives back is ready at once')

    shared = Queue(endpoint, tags={'leat:group_in_flight_max': '2'})
    for group in 'ab':
        shared.send_all([group + str(i) for i in range(5)], MessageGroupId=group)
    held = shared.receive_all(4)
    equal(sorted(m['Body'][0] for m in held + shared.receive()), ['a', 'a', 'b', 'b'], 'in flight')
    shared.delete([m for m in held if m['Body'][0] == 'a'])
    equal([m['Body'][0] for m in shared.receive()], ['a', 'a'], 'after two were deleted')

    slow = Queue(endpoint, tags={'leat:rate_max': '20'})
    slow.send_all([str(i) for i in range(50)])
    started = time.monotonic()
    slow.receive_all(50)
    assert time.monotonic() - started > 1.4, '50 came in %.1f s at 20 a second' % (time.monotonic() - started)


@cases('priorities age, so that the low ones do not starve')
def ageing(endpoint):
    queue = Queue(endpoint, tags={'leat:priorities': 'true', 'leat:ageing_ms': '100'})
    queue.send('low')
    time.sleep(0.8)
    for number in range(20):
        queue.send('high %d' % number, MessageAttributes={'leat-priority': text('5')})
    equal(queue.receive(1)[0]['Body'], 'low', 'after it waited for eight times the ageing')


if __name__ == '__main__':
    cases.main()
