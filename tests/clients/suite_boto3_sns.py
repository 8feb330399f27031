#!/usr/bin/python3
"""boto3's SNS client: topics, subscriptions, and what may be published. suite_boto3_sns.py ENDPOINT"""
import json

from harness import Cases, equal, unique
from sns_support import (PENDING, Topic, Webhook, set_subscription, sns_of, subscription_attributes, tag_list,
                         topic_arn)
from sqs_support import Queue, binary, client_of, refused, text

cases = Cases('boto3_sns')
INVALID = ('InvalidParameter', 400)
SIZE_MAX = 256 * 1024


# ---- Topics ---------------------------------------------------------------------------------------------------------

@cases('creates a topic once: again with the same or fewer attributes is the same topic, with others an error')
def create(endpoint):
    topic = Topic(endpoint, tags={'team': 'x'}, DisplayName='shown')
    equal(topic.arn, topic_arn(topic.name))
    sns = topic.sns
    for attributes, tags in (({}, {}), ({'DisplayName': 'shown'}, {}), ({'DisplayName': 'shown'}, {'team': 'x'})):
        equal(sns.create_topic(Name=topic.name, Attributes=attributes, Tags=tag_list(tags))['TopicArn'], topic.arn)
    for attributes, tags in (({'DisplayName': 'other'}, {}), ({'SignatureVersion': '2'}, {}), ({}, {'team': 'y'}),
                             ({}, {'other': 'x'})):
        refused(*INVALID, sns.create_topic, Name=topic.name, Attributes=attributes, Tags=tag_list(tags))
    equal(topic.attributes()['DisplayName'], 'shown', 'after those that were refused')
    ordered = Topic(endpoint, fifo=True, ContentBasedDeduplication='true')
    refused(*INVALID, sns.create_topic, Name=ordered.name,
            Attributes={'FifoTopic': 'true', 'ContentBasedDeduplication': 'false'})
    equal(sns.create_topic(Name=ordered.name, Attributes={'FifoTopic': 'true'})['TopicArn'], ordered.arn)


@cases('names: letters, digits, - and _; those of FIFO topics, and no others, end in .fifo')
def names(endpoint):
    sns = sns_of(endpoint)
    long = unique('long') + 'x' * 245
    for name in (long[:245], unique('A_b-9')):
        equal(sns.create_topic(Name=name)['TopicArn'], topic_arn(name))
    refused('ValidationError', 400, sns.create_topic, Name='')
    for name in (' ', 'a b', 'ü', 'a.b', 'a/b', 'a:b', '.fifo', long[:246], unique('plain') + '.fifo'):
        refused(*INVALID, sns.create_topic, Name=name)
    fifo = {'FifoTopic': 'true'}
    for name in (unique('plain'), '.fifo', long[:241] + '.fifo', 'a.b.fifo'):
        refused(*INVALID, sns.create_topic, Name=name, Attributes=fifo)
    name = long[:240] + '.fifo'
    equal(sns.create_topic(Name=name, Attributes=fifo)['TopicArn'], topic_arn(name))
    for attributes in ({'FifoTopic': 'yes'}, {'ContentBasedDeduplication': 'true'}, {'Nothing': '1'},
                       {'DisplayName': 'x' * 101}, {'SignatureVersion': '3'}, {'Policy': 'x'}, {'DeliveryPolicy': '[]'},
                       {'TracingConfig': 'x'}):
        refused(*INVALID, sns.create_topic, Name=unique('bad'), Attributes=attributes)


@cases('lists topics in pages of 100')
def lists(endpoint):
    sns, prefix = sns_of(endpoint), unique('listed')
    made = [sns.create_topic(Name='%s-%03d' % (prefix, i))['TopicArn'] for i in range(205)]
    pages, token = [], {}
    while True:
        answer = sns.list_topics(**token)
        pages.append([t['TopicArn'] for t in answer['Topics']])
        if 'NextToken' not in answer:
            break
        equal(len(pages[-1]), 100, 'a page that is not the last')
        token = {'NextToken': answer['NextToken']}
    found = [arn for page in pages for arn in page]
    equal([a for a in found if a.startswith(topic_arn(prefix))], made)
    equal(len(found), len(set(found)), 'topics that are listed twice')
    refused(*INVALID, sns.list_topics, NextToken='!')
    for arn in made:
        sns.delete_topic(TopicArn=arn)
    equal([a for a in found if a in made and a in {t['TopicArn'] for t in sns.list_topics()['Topics']}], [])


@cases('attributes of a topic are shown and set; none can be set that would not be shown')
def topic_attributes(endpoint):
    topic = Topic(endpoint)
    shown = topic.attributes()
    equal((shown['TopicArn'], shown['Owner'], shown['DisplayName'], shown['SubscriptionsConfirmed'],
           shown['SubscriptionsPending'], shown['SubscriptionsDeleted']), (topic.arn, '000000000000', '', '0', '0', '0'))
    equal(json.loads(shown['Policy'])['Statement'][0]['Resource'], topic.arn)
    healthy = json.loads(shown['EffectiveDeliveryPolicy'])['http']['defaultHealthyRetryPolicy']
    equal((healthy['numRetries'], healthy['minDelayTarget'], healthy['maxDelayTarget'], healthy['backoffFunction']),
          (3, 20, 20, 'linear'))
    assert 'FifoTopic' not in shown, shown
    policy = {'Version': '2012-10-17', 'Statement': []}
    delivery = {'http': {'defaultHealthyRetryPolicy': {'numRetries': 5, 'minDelayTarget': 1, 'maxDelayTarget': 2}}}
    for name, value in (('DisplayName', 'grüße'), ('SignatureVersion', '2'), ('Policy', json.dumps(policy)),
                        ('DeliveryPolicy', json.dumps(delivery)), ('TracingConfig', 'Active'),
                        ('KmsMasterKeyId', 'alias/x'), ('HTTPFailureFeedbackRoleArn', 'arn:aws:iam::1:role/x'),
                        ('HTTPSuccessFeedbackSampleRate', '50')):
        topic.set(name, value)
        equal(topic.attributes()[name], value, name)
    equal(json.loads(topic.attributes()['EffectiveDeliveryPolicy'])['http']['defaultHealthyRetryPolicy']['numRetries'], 5)
    for name, value in (('Nothing', '1'), ('FifoTopic', 'true'), ('ContentBasedDeduplication', 'true'), ('Owner', 'me'),
                        ('TopicArn', 'x'), ('SignatureVersion', '9'), ('DisplayName', 'x' * 101)):
        refused(*INVALID, topic.set, name, value)
    topic.set('DisplayName', '')
    equal(topic.attributes()['DisplayName'], '')
    ordered = Topic(endpoint, fifo=True)
    shown = ordered.attributes()
    equal((shown['FifoTopic'], shown['ContentBasedDeduplication']), ('true', 'false'))
    ordered.set('ContentBasedDeduplication', 'true')
    equal(ordered.attributes()['ContentBasedDeduplication'], 'true')
    refused(*INVALID, ordered.set, 'FifoTopic', 'false')


@cases('a deleted topic is gone with its subscriptions, and deleting it again is no error')
def delete(endpoint):
    topic, kept, queue = Topic(endpoint), Topic(endpoint), Queue(endpoint)
    gone, stays = topic.subscribe(queue), kept.subscribe(queue)
    sns = topic.sns
    for _ in range(2):
        sns.delete_topic(TopicArn=topic.arn)
    refused('NotFound', 404, topic.attributes)
    refused('NotFound', 404, topic.publish)
    refused('NotFound', 404, topic.subscribe, queue)
    refused('NotFound', 404, topic.subscriptions)
    refused('NotFound', 404, subscription_attributes, topic, gone)
    equal([s['SubscriptionArn'] for s in kept.subscriptions()], [stays], 'of another topic')
    again = Topic(endpoint, name=topic.name)
    equal((again.arn, again.subscriptions()), (topic.arn, []), 'made anew it has none')
    again.publish('to nobody')
    kept.publish('kept')
    equal(json.loads(queue.bodies(1)[0])['Message'], 'kept')
    equal(queue.receive(), [])


@cases('tags of topics')
def tags(endpoint):
    topic = Topic(endpoint, tags={'a': '1', 'b': 'ü &'})
    sns = topic.sns
    shown = lambda: {t['Key']: t['Value'] for t in sns.list_tags_for_resource(ResourceArn=topic.arn)['Tags']}
    equal(shown(), {'a': '1', 'b': 'ü &'})
    sns.tag_resource(ResourceArn=topic.arn, Tags=tag_list({'a': '2', 'c': ''}))
    sns.untag_resource(ResourceArn=topic.arn, TagKeys=['b', 'absent'])
    equal(shown(), {'a': '2', 'c': ''})
    equal(Topic(endpoint).sns.list_tags_for_resource(ResourceArn=Topic(endpoint).arn)['Tags'], [])
    many = tag_list({'k%d' % i: 'v' for i in range(49)})
    refused('TagLimitExceeded', 400, sns.tag_resource, ResourceArn=topic.arn, Tags=many)
    equal(len(shown()), 2, 'after it was refused')
    refused('ResourceNotFound', 404, sns.tag_resource, ResourceArn=topic.arn + '-absent', Tags=tag_list({'a': 'b'}))
    refused(*INVALID, sns.tag_resource, ResourceArn=topic.arn, Tags=tag_list({'leat:topic': 'x'}))


# ---- Subscriptions --------------------------------------------------------------------------------------------------

@cases('a queue is subscribed at once; the same endpoint again is the same subscription, or an error')
def subscribe(endpoint):
    topic, queue = Topic(endpoint), Queue(endpoint)
    arn = topic.subscribe(queue, returns_arn=False)
    assert arn.startswith(topic.arn + ':'), arn
    equal(topic.subscribe(queue), arn)
    equal(topic.subscriptions(), [{'SubscriptionArn': arn, 'Owner': '000000000000', 'Protocol': 'sqs',
                                   'Endpoint': queue.arn, 'TopicArn': topic.arn}])
    refused(*INVALID, topic.subscribe, queue, RawMessageDelivery='true')
    set_subscription(topic, arn, 'RawMessageDelivery', 'true')
    equal(topic.subscribe(queue, RawMessageDelivery='true'), arn)
    equal((topic.attributes()['SubscriptionsConfirmed'], topic.attributes()['SubscriptionsPending']), ('1', '0'))
    topic.publish('once')
    equal((queue.bodies(1), queue.receive()), (['once'], []))


@cases('what cannot be subscribed')
def subscribe_refused(endpoint):
    topic, ordered, queue = Topic(endpoint), Topic(endpoint, fifo=True), Queue(endpoint)
    sns = topic.sns
    for protocol, target in (('sqs', 'http://localhost/'), ('sqs', queue.arn + '-absent'), ('sqs', topic.arn),
                             ('http', 'https://localhost/'), ('http', 'http://'), ('http', 'localhost'),
                             ('https', 'http://localhost/'), ('http', 'http://local host/'), ('email', 'a@example.org'),
                             ('sms', '+4912345'), ('lambda', 'arn:aws:lambda:us-east-1:000000000000:function:f'),
                             ('nothing', 'x'), ('sqs', Queue(endpoint, fifo=True).arn)):
        refused(*INVALID, sns.subscribe, TopicArn=topic.arn, Protocol=protocol, Endpoint=target)
    refused(*INVALID, ordered.subscribe, 'http://localhost:1/')
    for attributes in ({'Nothing': '1'}, {'RawMessageDelivery': 'yes'}, {'FilterPolicy': '{'}, {'FilterPolicy': '{"a":1}'},
                       {'FilterPolicyScope': 'Body'}, {'FilterPolicy': '{"a":{"b":["c"]}}'},
                       {'RedrivePolicy': '{"deadLetterTargetArn":"%s-absent"}' % queue.arn}, {'RedrivePolicy': '{}'},
                       {'DeliveryPolicy': '{"healthyRetryPolicy":{"numRetries":5}}'}):
        refused(*INVALID, topic.subscribe, queue, **attributes)
    equal(topic.subscriptions(), [])
    refused(*INVALID, sns.subscribe, TopicArn='nonsense', Protocol='sqs', Endpoint=queue.arn)


@cases('attributes of a subscription are shown and set')
def attributes(endpoint):
    topic, queue, dead = Topic(endpoint), Queue(endpoint), Queue(endpoint, 'dead')
    redrive = json.dumps({'deadLetterTargetArn': dead.arn})
    arn = topic.subscribe(queue, FilterPolicy={'a': ['b']}, RedrivePolicy=redrive)
    shown = subscription_attributes(topic, arn)
    equal({k: shown[k] for k in ('SubscriptionArn', 'TopicArn', 'Owner', 'Protocol', 'Endpoint', 'PendingConfirmation',
                                 'ConfirmationWasAuthenticated', 'RawMessageDelivery', 'FilterPolicyScope',
                                 'RedrivePolicy')},
          {'SubscriptionArn': arn, 'TopicArn': topic.arn, 'Owner': '000000000000', 'Protocol': 'sqs',
           'Endpoint': queue.arn, 'PendingConfirmation': 'false', 'ConfirmationWasAuthenticated': 'true',
           'RawMessageDelivery': 'false', 'FilterPolicyScope': 'MessageAttributes', 'RedrivePolicy': redrive})
    equal(json.loads(shown['FilterPolicy']), {'a': ['b']})
    known = {'SubscriptionArn', 'TopicArn', 'Owner', 'Protocol', 'Endpoint', 'PendingConfirmation', 'FilterPolicy',
             'ConfirmationWasAuthenticated', 'RawMessageDelivery', 'FilterPolicyScope', 'RedrivePolicy',
             'SubscriptionPrincipal', 'DeliveryPolicy', 'EffectiveDeliveryPolicy'}
    equal(set(shown) - known, set(), 'attributes that SNS does not have')
    for name, value in (('RawMessageDelivery', 'true'), ('FilterPolicyScope', 'MessageBody'),
                        ('FilterPolicy', '{"x": {"y": [1]}}'), ('FilterPolicy', '{}')):
        set_subscription(topic, arn, name, value)
        equal(subscription_attributes(topic, arn)[name], value, name)
    set_subscription(topic, arn, 'RedrivePolicy', '')
    equal(subscription_attributes(topic, arn).get('RedrivePolicy'), None)
    set_subscription(topic, arn, 'FilterPolicy', {'x': {'y': [1]}})
    for name, value in (('Nothing', '1'), ('Protocol', 'http'), ('Endpoint', dead.arn), ('RawMessageDelivery', ''),
                        ('FilterPolicyScope', 'MessageAttributes'), ('FilterPolicy', '[]'), ('DeliveryPolicy', '{}')):
        refused(*INVALID, set_subscription, topic, arn, name, value)
    equal(json.loads(subscription_attributes(topic, arn)['FilterPolicy']), {'x': {'y': [1]}}, 'after those refused')


@cases('lists subscriptions, all and of a topic, in pages of 100')
def list_subscriptions(endpoint):
    topic, other = Topic(endpoint), Topic(endpoint)
    sns, prefix = topic.sns, unique('q')
    queues = [Queue(endpoint, name='%s-%03d' % (prefix, i)) for i in range(105)]
    arns = {topic.subscribe(queue) for queue in queues}
    single = other.subscribe(queues[0])

    def all_pages(function, **options):
        pages, token = [], {}
        while True:
            answer = function(**options, **token)
            pages.append([s['SubscriptionArn'] for s in answer['Subscriptions']])
            if 'NextToken' not in answer:
                return pages
            token = {'NextToken': answer['NextToken']}
    pages = all_pages(sns.list_subscriptions_by_topic, TopicArn=topic.arn)
    equal(([len(p) for p in pages], set(pages[0]) | set(pages[1])), ([100, 5], arns))
    pages = all_pages(sns.list_subscriptions)
    found = [arn for page in pages for arn in page]
    equal((len(found), arns | {single} <= set(found)), (len(set(found)), True))
    equal([len(p) for p in pages[:-1]], [100] * (len(pages) - 1))
    equal([s['SubscriptionArn'] for s in other.subscriptions()], [single])
    topic.publish('to all')
    for queue in queues:
        equal(json.loads(queue.bodies(1)[0])['Message'], 'to all')
    sns.delete_topic(TopicArn=topic.arn)
    equal(arns & {arn for page in all_pages(sns.list_subscriptions) for arn in page}, set())


@cases('an ended subscription gets nothing more, and ending it again is no error')
def unsubscribe(endpoint):
    topic, queue, other = Topic(endpoint), Queue(endpoint), Queue(endpoint)
    arn = topic.subscribe(queue, RawMessageDelivery='true')
    topic.subscribe(other, RawMessageDelivery='true')
    topic.publish('before')
    equal((queue.bodies(1, delete=True), other.bodies(1, delete=True)), (['before'], ['before']))
    for _ in range(2):
        topic.sns.unsubscribe(SubscriptionArn=arn)
    refused('NotFound', 404, subscription_attributes, topic, arn)
    refused('NotFound', 404, set_subscription, topic, arn, 'RawMessageDelivery', 'true')
    topic.publish('after')
    equal((other.bodies(1), queue.receive()), (['after'], []))
    again = topic.subscribe(queue, RawMessageDelivery='true')
    assert again != arn, again
    topic.publish('anew')
    equal((queue.bodies(1), queue.receive()), (['anew'], []), 'what was published while it was not subscribed is not for it')
    refused(*INVALID, topic.sns.unsubscribe, SubscriptionArn='nonsense')


@cases('a subscription that waits for its confirmation is shown so, gets nothing, and can be ended')
def pending(endpoint):
    with Webhook() as hook:
        topic = Topic(endpoint)
        equal(topic.subscribe(hook.url, returns_arn=False), PENDING)
        arn = topic.subscribe(hook.url)
        equal([s['SubscriptionArn'] for s in topic.subscriptions()], ['PendingConfirmation'])
        equal(subscription_attributes(topic, arn)['PendingConfirmation'], 'true')
        equal((topic.attributes()['SubscriptionsConfirmed'], topic.attributes()['SubscriptionsPending']), ('0', '1'))
        shown = set(subscription_attributes(topic, arn))
        assert 'Token' not in shown, shown
        topic.publish('too early')
        hook.confirm()
        equal([s['SubscriptionArn'] for s in topic.subscriptions()], [arn])
        topic.publish('now')
        equal([p.json()['Message'] for p in hook.wait(1)], ['now'])
        topic.sns.unsubscribe(SubscriptionArn=arn)
        equal(topic.subscriptions(), [])


# ---- Publishing -----------------------------------------------------------------------------------------------------

def raw_queue(endpoint, topic, **options):
    queue = Queue(endpoint, **options)
    topic.subscribe(queue, RawMessageDelivery='true')
    return queue


@cases('a batch fails in part, entry by entry, with the ids that were given')
def batch(endpoint):
    topic = Topic(endpoint)
    queue = raw_queue(endpoint, topic)
    entries = [{'Id': 'good', 'Message': 'one'}, {'Id': 'empty', 'Message': ''},
               {'Id': 'subject', 'Message': 'x', 'Subject': 'line\nbreak'}, {'Id': 'good-2', 'Message': 'two'},
               {'Id': 'structure', 'Message': 'x', 'MessageStructure': 'json'},
               {'Id': 'attribute', 'Message': 'x', 'MessageAttributes': {'n': text('x', 'Number')}}]
    answer = topic.sns.publish_batch(TopicArn=topic.arn, PublishBatchRequestEntries=entries)
    equal([s['Id'] for s in answer['Successful']], ['good', 'good-2'])
    equal([(f['Id'], f['Code'], f['SenderFault']) for f in answer['Failed']],
          [(i, 'InvalidParameter', True) for i in ('empty', 'subject', 'structure', 'attribute')])
    assert all(f['Message'] for f in answer['Failed']), answer
    equal(len({s['MessageId'] for s in answer['Successful']}), 2, 'message ids')
    equal(sorted(queue.bodies(2)), ['one', 'two'])
    call = lambda *ids: topic.sns.publish_batch(TopicArn=topic.arn, PublishBatchRequestEntries=[
        {'Id': i, 'Message': 'x'} for i in ids])
    refused('EmptyBatchRequest', 400, call)
    refused('TooManyEntriesInBatchRequest', 400, call, *'abcdefghijk')
    refused('BatchEntryIdsNotDistinct', 400, call, 'a', 'b', 'a')
    for bad in ('a b', 'x' * 81, 'ü'):
        refused('InvalidBatchEntryId', 400, call, bad)
    equal(len(call('x' * 80, 'A_b-9')['Successful']), 2)
    equal(len(queue.receive_all(2)), 2)


@cases('messages, and batches of them, have at most 256 KiB with their attributes')
def sizes(endpoint):
    topic = Topic(endpoint)
    queue = raw_queue(endpoint, topic)
    topic.publish('x' * SIZE_MAX)
    equal(len(queue.bodies(1, delete=True)[0]), SIZE_MAX)
    refused(*INVALID, topic.publish, 'x' * (SIZE_MAX + 1))
    refused(*INVALID, topic.publish, 'ü' * (SIZE_MAX // 2) + 'x')
    attributes = {'name': text('value')}
    size = len('name') + len('String') + len('value')
    refused(*INVALID, topic.publish, 'x' * (SIZE_MAX - size + 1), MessageAttributes=attributes)
    topic.publish('x' * (SIZE_MAX - size), MessageAttributes=attributes)
    equal(len(queue.bodies(1, delete=True)[0]), SIZE_MAX - size)
    call = lambda length, **more: topic.sns.publish_batch(TopicArn=topic.arn, PublishBatchRequestEntries=[
        {'Id': 'a', 'Message': 'x' * length, **more}, {'Id': 'b', 'Message': 'x' * (SIZE_MAX // 2)}])
    refused('BatchRequestTooLong', 400, call, SIZE_MAX // 2 + 1)
    refused('BatchRequestTooLong', 400, call, SIZE_MAX // 2 - size + 1, MessageAttributes=attributes)
    equal(len(call(SIZE_MAX // 2 - size, MessageAttributes=attributes)['Successful']), 2)
    equal(len(queue.receive_all(2)), 2)


@cases('what may not be published: structures, subjects, attributes, phone numbers, ids on standard topics')
def publish_refused(endpoint):
    topic = Topic(endpoint)
    queue = raw_queue(endpoint, topic)
    sns = topic.sns
    for options in ({'MessageStructure': 'json'}, {'MessageStructure': 'xml'}, {'Subject': ''}, {'Subject': 'x' * 101},
                    {'Subject': 'a\nb'}, {'Subject': 'ü'}, {'MessageAttributes': {'n': text('x', 'Number')}},
                    {'MessageAttributes': {'': text('x')}}, {'MessageAttributes': {'a': text('')}},
                    {'MessageAttributes': {'a b': text('x')}}, {'MessageAttributes': {'a': text('x', 'Nothing')}},
                    {'MessageAttributes': {'AWS.x': text('x')}}, {'MessageDeduplicationId': 'd'}):
        refused(*INVALID, topic.publish, 'a message', **options)
    for message in ('{}', '[]', '"x"', '{"default": 1}', '{"sqs": "x"}'):
        refused(*INVALID, topic.publish, message, MessageStructure='json')
    refused(*INVALID, topic.publish, '')
    refused(*INVALID, topic.publish, 'a\x02b')
    refused(*INVALID, sns.publish, Message='x', PhoneNumber='+4912345')
    refused(*INVALID, sns.publish, Message='x')
    refused(*INVALID, sns.publish, Message='x', TopicArn='nonsense')
    refused('NotFound', 404, sns.publish, Message='x', TargetArn=topic.arn + '-absent')
    sns.publish(Message='by target', TargetArn=topic.arn)
    equal((queue.bodies(1), queue.receive()), (['by target'], []), 'all that was published')
    ordered = Topic(endpoint, fifo=True)
    refused(*INVALID, ordered.publish, 'without a group', MessageDeduplicationId='d')
    refused(*INVALID, ordered.publish, 'without an id', MessageGroupId='g')


@cases('a topic and a queue of the same name do not disturb each other')
def same_name(endpoint):
    queue = Queue(endpoint)
    topic = Topic(endpoint, name=queue.name)
    listening = raw_queue(endpoint, topic)
    topic.publish('of the topic', MessageAttributes={'b': binary(b'\xff')})
    queue.send('of the queue')
    equal((queue.bodies(1), queue.receive()), (['of the queue'], []))
    equal((listening.bodies(1), listening.receive()), (['of the topic'], []))
    sqs = client_of(endpoint)
    for name in (topic.name + '.sns', topic.name + '.sns.fifo'):
        refused('InvalidParameterValue', 400, sqs.create_queue, QueueName=name)
    urls = sqs.list_queues(QueueNamePrefix=queue.name)['QueueUrls']
    equal(urls, [queue.url], 'queues of SNS are not shown by SQS')
    refused('AWS.SimpleQueueService.NonExistentQueue', 400, sqs.get_queue_url, QueueName=topic.name + '.sns')
    sqs.delete_queue(QueueUrl=queue.url)
    topic.publish('still there')
    equal(listening.bodies(1), ['still there'])
    again = Queue(endpoint, name=queue.name)
    topic.sns.delete_topic(TopicArn=topic.arn)
    again.send('still there too')
    equal(again.bodies(1), ['still there too'])


if __name__ == '__main__':
    cases.main()
