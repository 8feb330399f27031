#!/usr/bin/python3
"""HTTP endpoints of SNS subscriptions: confirmation, signatures, retries, dead letters, links. suite_sns_http.py ENDPOINT"""
import contextlib
import json
import threading
import time
import types
import urllib.parse

import boto3
from cryptography.exceptions import InvalidSignature

from harness import Cases, Server, equal, free_port, wait_for
from sns_support import (PENDING, Topic, Webhook, fetch, new_sns, set_subscription, sns_of, subscription_attributes,
                         topic_arn, verify)
from sqs_support import REGION, Queue, arn as queue_arn, binary, refused, text

cases = Cases('sns_http')
INVALID = ('InvalidParameter', 400)
RETRIES = {'numRetries': 3, 'numNoDelayRetries': 3, 'minDelayTarget': 1, 'maxDelayTarget': 1}
FAST = {'healthyRetryPolicy': RETRIES}


def redrive(dead):
    return {'deadLetterTargetArn': dead.arn}


# ---- Confirmation ---------------------------------------------------------------------------------------------------

@cases('an endpoint is asked to confirm: headers, fields and signature')
def confirmation(endpoint):
    with Webhook() as hook:
        topic = Topic(endpoint)
        equal(topic.subscribe(hook.url, returns_arn=False), PENDING)
        post, = hook.wait(1, 'SubscriptionConfirmation')
        shown = post.json()
        equal(set(shown), {'Type', 'MessageId', 'Token', 'TopicArn', 'Message', 'SubscribeURL', 'Timestamp',
                           'SignatureVersion', 'Signature', 'SigningCertURL'})
        equal((shown['Type'], shown['TopicArn'], post.path), ('SubscriptionConfirmation', topic.arn, '/hook'))
        equal((post.headers['x-amz-sns-message-type'], post.headers['x-amz-sns-message-id'],
               post.headers['x-amz-sns-topic-arn'], post.headers['Content-Type'], post.headers['User-Agent']),
              ('SubscriptionConfirmation', shown['MessageId'], topic.arn, 'text/plain; charset=UTF-8',
               'Amazon Simple Notification Service Agent'))
        equal(post.headers['x-amz-sns-subscription-arn'], None)
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(shown['SubscribeURL']).query))
        equal(asked, {'Action': 'ConfirmSubscription', 'TopicArn': topic.arn, 'Token': shown['Token']})
        assert shown['SubscribeURL'].startswith(endpoint + '/?'), shown['SubscribeURL']
        assert shown['SigningCertURL'].startswith(endpoint + '/SimpleNotificationService-'), shown['SigningCertURL']
        assert topic.arn in shown['Message'], shown['Message']
        verify(shown, '1')


@cases('it is confirmed by a GET of SubscribeURL or by ConfirmSubscription, with no other token')
def confirming(endpoint):
    for by_link in (True, False):
        with Webhook() as hook:
            topic = Topic(endpoint)
            arn = topic.subscribe(hook.url)
            shown = hook.wait(1, 'SubscriptionConfirmation')[0].json()
            token = shown['Token']
            sns, other = topic.sns, Topic(endpoint)
            for wrong in ('x', token[:-1], token + 'x', token[::-1], '0' * len(token)):
                refused(*INVALID, sns.confirm_subscription, TopicArn=topic.arn, Token=wrong)
                status, answer = fetch(shown['SubscribeURL'].replace(token, wrong))
                equal((status, '<Code>InvalidParameter</Code>' in answer), (400, True), answer)
            refused(*INVALID, sns.confirm_subscription, TopicArn=other.arn, Token=token)
            refused('NotFound', 404, sns.confirm_subscription, TopicArn=topic.arn + '-absent', Token=token)
            equal(subscription_attributes(topic, arn)['PendingConfirmation'], 'true')
            for _ in range(2):
                if by_link:
                    status, answer = fetch(shown['SubscribeURL'])
                    equal((status, '<SubscriptionArn>%s</SubscriptionArn>' % arn in answer), (200, True), answer)
                else:
                    equal(sns.confirm_subscription(TopicArn=topic.arn, Token=token)['SubscriptionArn'], arn)
            attributes = subscription_attributes(topic, arn)
            equal(attributes['PendingConfirmation'], 'false')
            equal([s['SubscriptionArn'] for s in topic.subscriptions()], [arn])
            equal((topic.attributes()['SubscriptionsConfirmed'], topic.attributes()['SubscriptionsPending']), ('1', '0'))
            topic.publish('confirmed')
            equal(hook.wait(1)[0].json()['Message'], 'confirmed')
            equal(len(hook.of('SubscriptionConfirmation')), 1, 'how often it was asked')


@cases('an endpoint that does not take the question is asked again')
def asked_again(endpoint):
    port, topic = free_port(), Topic(endpoint)
    policy = {'healthyRetryPolicy': {'numRetries': 20, 'minDelayTarget': 1, 'maxDelayTarget': 1}}
    topic.subscribe('http://127.0.0.1:%d/late' % port, DeliveryPolicy=policy)
    time.sleep(1.5)
    with Webhook(port=port) as hook:
        hook.confirm()
        topic.publish('late')
        equal([p.path for p in hook.wait(1)], ['/late'])


# ---- Notifications --------------------------------------------------------------------------------------------------

def confirmed(endpoint, hook, topic=None, **attributes):
    topic = topic or Topic(endpoint)
    before = len(hook.of('SubscriptionConfirmation'))
    arn = topic.subscribe(hook.url, **attributes)
    if not hook.confirms:
        post = hook.wait(before + 1, 'SubscriptionConfirmation')[-1]
        equal(fetch(post.json()['SubscribeURL'])[0], 200)
    wait_for('the confirmation', lambda: subscription_attributes(topic, arn)['PendingConfirmation'] == 'false')
    return topic, arn


@cases('notifications have all their fields and headers, and are signed by version 1 and by version 2')
def notifications(endpoint):
    with Webhook() as hook:
        topic, arn = confirmed(endpoint, hook)
        certificates = set()
        for version in ('1', '2'):
            topic.set('SignatureVersion', version)
            for subject in (None, 'A "subject"'):
                hook.posts.clear()
                body = 'a "message"\n grüße 🐕'
                sent = topic.publish(body, **({'Subject': subject} if subject else {}), MessageAttributes={
                    'n': text('42', 'Number'), 'b': binary(b'\xff')})
                post, = hook.wait(1)
                shown = post.json()
                names = {'Type', 'MessageId', 'TopicArn', 'Message', 'Timestamp', 'SignatureVersion', 'Signature',
                         'SigningCertURL', 'UnsubscribeURL', 'MessageAttributes'} | ({'Subject'} if subject else set())
                equal(set(shown), names)
                equal((shown['Type'], shown['MessageId'], shown['TopicArn'], shown['Message'], shown.get('Subject')),
                      ('Notification', sent['MessageId'], topic.arn, body, subject))
                equal(shown['MessageAttributes'], {'n': {'Type': 'Number', 'Value': '42'},
                                                   'b': {'Type': 'Binary', 'Value': '/w=='}})
                equal({n: post.headers['x-amz-sns-' + n] for n in ('message-type', 'message-id', 'topic-arn',
                                                                   'subscription-arn', 'rawdelivery')},
                      {'message-type': 'Notification', 'message-id': sent['MessageId'], 'topic-arn': topic.arn,
                       'subscription-arn': arn, 'rawdelivery': None})
                equal(post.headers['Content-Type'], 'text/plain; charset=UTF-8')
                certificates.add(verify(shown, version))
                for name in ('Message', 'Timestamp', 'MessageId'):
                    try:
                        verify({**shown, name: shown[name] + 'x'}, version)
                    except InvalidSignature:
                        continue
                    raise AssertionError('a changed %s is signed too' % name)
        equal(len(certificates), 1, 'certificates')
        equal(fetch(shown['SigningCertURL'].replace('.pem', '0.pem'))[0], 404, 'another certificate')


@cases('raw messages come as they are, with the content type that was asked for; others are filtered')
def raw(endpoint):
    with Webhook() as hook:
        policy = {'requestPolicy': {'headerContentType': 'application/json'}}
        topic, arn = confirmed(endpoint, hook, RawMessageDelivery='true', DeliveryPolicy=policy,
                               FilterPolicy={'pet': ['cat']}, FilterPolicyScope='MessageBody')
        topic.publish('{"pet": "dog"}')
        sent = topic.publish('{"pet": "cat", "name": "ä"}', Subject='s')
        post, = hook.wait(1)
        equal((post.body.decode(), post.headers['x-amz-sns-rawdelivery'], post.headers['Content-Type'],
               post.headers['x-amz-sns-message-id'], post.headers['x-amz-sns-subscription-arn']),
              ('{"pet": "cat", "name": "ä"}', 'true', 'application/json', sent['MessageId'], arn))
        set_subscription(topic, arn, 'FilterPolicyScope', 'MessageAttributes')
        set_subscription(topic, arn, 'FilterPolicy', '{}')
        topic.publish(json.dumps({'default': 'd', 'http': 'for http'}), MessageStructure='json')
        equal(hook.wait(2)[1].body, b'for http')


@cases('many messages, to several endpoints at a time, each arrive')
def many(endpoint):
    with Webhook(confirms=True) as first, Webhook(confirms=True) as second:
        topic, _ = confirmed(endpoint, first, RawMessageDelivery='true')
        confirmed(endpoint, second, topic)
        bodies = ['%03d' % i for i in range(200)]
        topic.publish_all(bodies)
        first.wait(200)
        second.wait(200)
        equal(sorted(p.body.decode() for p in first.of('Notification')), bodies)
        equal(sorted(p.json()['Message'] for p in second.of('Notification')), bodies)


# ---- Failures -------------------------------------------------------------------------------------------------------

class Failing:
    """Answers with these statuses, by message, then with 200."""

    def __init__(self, *statuses):
        self.statuses, self.seen, self.lock = statuses, {}, threading.Lock()

    def __call__(self, post):
        key = post.headers['x-amz-sns-message-id']
        with self.lock:
            self.seen[key] = self.seen.get(key, 0) + 1
            return self.statuses[self.seen[key] - 1] if self.seen[key] <= len(self.statuses) else 200


@cases('an endpoint that fails twice gets the message a third time; 429 is such a failure, and a redirect too')
def retries(endpoint):
    for statuses in ((500, 503), (429, 500), (302, 500)):
        with Webhook(answer=Failing(*statuses)) as hook:
            dead = Queue(endpoint, 'dead')
            topic, _ = confirmed(endpoint, hook, DeliveryPolicy=FAST, RedrivePolicy=redrive(dead))
            sent = topic.publish('try again')
            posts = hook.wait(3)
            topic.publish('another')
            posts = hook.wait(6)
            equal([p.json()['MessageId'] for p in posts[:3]], [sent['MessageId']] * 3, str(statuses))
            equal((len(hook.of('Notification')), dead.receive()), (6, []))


@cases('other 4xx are for good: once, then the dead-letter queue, in the shape of the delivery')
def permanent(endpoint):
    for status in (400, 403, 404, 410):
        with Webhook(answer=lambda post, status=status: status) as hook:
            dead = Queue(endpoint, 'dead')
            raw = status == 404
            topic, _ = confirmed(endpoint, hook, DeliveryPolicy=FAST, RedrivePolicy=redrive(dead),
                                 RawMessageDelivery='true' if raw else 'false')
            sent = topic.publish('unwanted', Subject='s', MessageAttributes={'a': text('b')})
            letter, = dead.receive_all(1, MessageAttributeNames=['All'])
            if raw:
                equal((letter['Body'], letter['MessageAttributes']['a']['StringValue']), ('unwanted', 'b'))
            else:
                shown = json.loads(letter['Body'])
                equal((shown['Message'], shown['MessageId'], shown['Subject']), ('unwanted', sent['MessageId'], 's'))
            equal(len(hook.of('Notification')), 1, 'attempts after %d' % status)


@cases('used-up retries end in the dead-letter queue, after exactly that many attempts')
def used_up(endpoint):
    with Webhook(answer=lambda post: 500) as hook:
        dead = Queue(endpoint, 'dead')
        topic, _ = confirmed(endpoint, hook, DeliveryPolicy=FAST, RedrivePolicy=redrive(dead))
        topic.publish_all(['%d' % i for i in range(5)])
        letters = [json.loads(body)['Message'] for body in dead.bodies(5, seconds=60)]
        equal(sorted(letters), ['%d' % i for i in range(5)])
        found = [p.json()['Message'] for p in hook.of('Notification')]
        equal({m: found.count(m) for m in set(found)}, {'%d' % i: 4 for i in range(5)}, 'attempts')
    dead = Queue(endpoint, 'dead')
    with Webhook() as hook:
        topic, _ = confirmed(endpoint, hook, DeliveryPolicy=FAST, RedrivePolicy=redrive(dead))
    topic.publish('to nobody')  # nobody listens there now
    equal(json.loads(dead.bodies(1, seconds=60)[0])['Message'], 'to nobody')


@cases('a topic\'s delivery policy holds for its subscriptions, unless they have one of their own')
def topic_policy(endpoint):
    topic = Topic(endpoint, DeliveryPolicy=json.dumps({'http': {'defaultHealthyRetryPolicy': {
        'numRetries': 1, 'numNoDelayRetries': 1, 'minDelayTarget': 1, 'maxDelayTarget': 1}}}))
    with Webhook(answer=lambda post: 500) as first, Webhook(answer=lambda post: 500) as second:
        dead, other = Queue(endpoint, 'dead'), Queue(endpoint, 'dead')
        _, plain = confirmed(endpoint, first, topic, RedrivePolicy=redrive(dead))
        _, own = confirmed(endpoint, second, topic, RedrivePolicy=redrive(other), DeliveryPolicy=FAST)
        shown = [json.loads(subscription_attributes(topic, arn)['EffectiveDeliveryPolicy'])['healthyRetryPolicy']
                 for arn in (plain, own)]
        equal([p['numRetries'] for p in shown], [1, 3])
        topic.publish('x')
        dead.bodies(1)
        other.bodies(1)
        equal((len(first.of('Notification')), len(second.of('Notification'))), (2, 4), 'attempts')


@cases('a throttle policy, of the subscription or of its topic, limits what comes in a second')
def throttled(endpoint):
    limit = {'maxReceivesPerSecond': 20}
    for kind in ('of the subscription', 'of the topic', 'of the topic, later'):
        with Webhook() as hook:
            default = json.dumps({'http': {'defaultThrottlePolicy': limit}})
            topic = Topic(endpoint, **({'DeliveryPolicy': default} if kind == 'of the topic' else {}))
            own = {'DeliveryPolicy': {'throttlePolicy': limit}} if kind == 'of the subscription' else {}
            _, arn = confirmed(endpoint, hook, topic, **own)
            if kind == 'of the topic, later':
                topic.set('DeliveryPolicy', default)
            shown = json.loads(subscription_attributes(topic, arn)['EffectiveDeliveryPolicy'])
            equal(shown['throttlePolicy'], limit)
            started = time.monotonic()
            topic.publish_all([str(i) for i in range(50)])
            hook.wait(50)
            took = time.monotonic() - started
            assert took > 1.4, '50 came in %.1f s at 20 a second by the policy %s' % (took, kind)


@cases('endpoints that are dead or never answer hold up no other subscription')
def isolation(endpoint):
    topic, queue, release = Topic(endpoint), Queue(endpoint), threading.Event()
    topic.subscribe(queue, RawMessageDelivery='true')
    with Webhook(confirms=True) as quick, Webhook(confirms=True) as dead, \
            Webhook(confirms=True, answer=lambda post: 200 if release.wait(60) else 500) as stuck:
        for hook in (quick, dead, stuck):
            confirmed(endpoint, hook, topic, RawMessageDelivery='true')
        dead.__exit__()
        bodies = ['%02d' % i for i in range(60)]
        topic.publish_all(bodies)
        equal(sorted(queue.bodies(60)), bodies)
        quick.wait(60)
        equal(sorted(p.body.decode() for p in quick.of('Notification')), bodies)
        assert len(stuck.of('Notification')) < 60, 'the one that never answers got everything'
        release.set()
        stuck.wait(60)
        equal({p.body.decode() for p in stuck.of('Notification')}, set(bodies))


@cases('forty endpoints that never answer do not fill the server: another one gets everything meanwhile')
def many_stuck(_):
    release = threading.Event()
    with Server() as server, contextlib.ExitStack() as hooks:
        server.start()
        stuck = [hooks.enter_context(Webhook(confirms=True, answer=lambda post: 200 if release.wait(60) else 500))
                 for _ in range(40)]
        quick = hooks.enter_context(Webhook(confirms=True))
        topic = Topic(server.sqs)
        for hook in [*stuck, quick]:
            topic.subscribe(hook.url, RawMessageDelivery='true')
        wait_for('all to be confirmed', lambda: topic.attributes()['SubscriptionsConfirmed'] == '41')
        bodies = ['%02d' % i for i in range(30)]
        topic.publish_all(bodies)
        quick.wait(30)
        failed = server.metrics().get('leat_sns_deliveries_total{outcome="failed"}', 0)
        equal(failed, 0, 'deliveries that had to fail first')
        release.set()
        equal(sorted(p.body.decode() for p in quick.of('Notification')), bodies)
        for hook in stuck:
            hook.wait(30)


# ---- Ends, restarts, access keys ------------------------------------------------------------------------------------

@cases('a plain GET of UnsubscribeURL ends the subscription')
def unsubscribe(endpoint):
    with Webhook() as hook:
        topic, arn = confirmed(endpoint, hook)
        topic.publish('x')
        url = hook.wait(1)[0].json()['UnsubscribeURL']
        for _ in range(2):
            status, answer = fetch(url)
            equal((status, 'UnsubscribeResponse' in answer), (200, True), answer)
        equal(topic.subscriptions(), [])
        refused('NotFound', 404, subscription_attributes, topic, arn)
        queue = Queue(endpoint)
        topic.subscribe(queue, RawMessageDelivery='true')
        topic.publish('y')
        equal(queue.bodies(1), ['y'])
        equal([p.json()['Message'] for p in hook.of('Notification')], ['x'])


@cases('a restart keeps the signing key, confirmations that are asked for, and what is still to be delivered')
def restart(_):
    with Server() as server, Webhook() as hook, Webhook() as asked:
        server.start()
        topic, arn = confirmed(server.sqs, hook, DeliveryPolicy={'healthyRetryPolicy': {
            'numRetries': 50, 'minDelayTarget': 1, 'maxDelayTarget': 1}})
        pending = topic.subscribe(asked.url)
        link = asked.wait(1, 'SubscriptionConfirmation')[0].json()['SubscribeURL']
        topic.publish('before')
        before = hook.wait(1)[0].json()
        certificate = verify(before, '1')
        for number, stop in enumerate((server.stop, server.kill)):
            hook.answer = lambda post: 500
            topic.publish('during %d' % number)
            wait_for('an attempt', lambda: [p for p in hook.of('Notification')
                                            if p.json()['Message'] == 'during %d' % number])
            stop()
            hook.answer, count = (lambda post: 200), len(hook.of('Notification'))
            server.start()
            shown = hook.wait(count + 1)[-1].json()
            equal((shown['Message'], verify(shown, '1')), ('during %d' % number, certificate))
            verify(before, '1')
            equal(subscription_attributes(topic, arn)['PendingConfirmation'], 'false')
            equal(subscription_attributes(topic, pending)['PendingConfirmation'], 'true')
        equal(fetch(link)[0], 200)
        equal(subscription_attributes(topic, pending)['PendingConfirmation'], 'false')
        topic.publish('after')
        wait_for('it', lambda: 'after' in [p.json()['Message'] for p in asked.of('Notification')])


def make_queue(endpoint, key, secret):
    sqs = boto3.session.Session().client('sqs', endpoint_url=endpoint, region_name=REGION, aws_access_key_id=key,
                                         aws_secret_access_key=secret)
    sqs.create_queue(QueueName='of-keys')
    return types.SimpleNamespace(arn=queue_arn('of-keys'))


@cases('with access keys the links work unsigned, unless it was forbidden; all else must be signed')
def keys(_):
    with Server(environment={'LEAT_SQS_ACCESS_KEYS': 'AKIDFIRST=first'}) as server, Webhook() as hook, \
            Webhook() as guarded, Webhook() as signed:
        sns = new_sns(server.start().sqs, 'AKIDFIRST', 'first')
        topic = Topic(server.sqs, sns=sns)
        arn, kept, own = (topic.subscribe(h.url) for h in (hook, guarded, signed))
        hook.confirm()
        equal(subscription_attributes(topic, arn)['ConfirmationWasAuthenticated'], 'false')
        token = guarded.wait(1, 'SubscriptionConfirmation')[0].json()['Token']
        sns.confirm_subscription(TopicArn=topic.arn, Token=token, AuthenticateOnUnsubscribe='true')
        token = signed.wait(1, 'SubscriptionConfirmation')[0].json()['Token']
        sns.confirm_subscription(TopicArn=topic.arn, Token=token)
        equal([subscription_attributes(topic, a)['ConfirmationWasAuthenticated'] for a in (kept, own)], ['true', 'true'])
        topic.publish('x')
        links = [h.wait(1)[0].json() for h in (hook, guarded, signed)]
        for shown in links:
            verify(shown, '1')
        equal([fetch(shown['UnsubscribeURL'])[0] for shown in links], [200, 403, 200])
        equal([s['SubscriptionArn'] for s in topic.subscriptions()], [kept])
        sns.unsubscribe(SubscriptionArn=kept)
        equal(topic.subscriptions(), [])
        for query in ('Action=ListTopics', 'Action=Publish&Message=x&TopicArn=' + topic.arn,
                      'Action=Subscribe&Protocol=sqs&Endpoint=%s&TopicArn=%s' % (queue_arn('q'), topic.arn),
                      'Action=DeleteTopic&TopicArn=' + topic.arn, 'Action=GetTopicAttributes&TopicArn=' + topic.arn,
                      'Action=CreateTopic&Name=x', 'Action=ListSubscriptions',
                      'Action=Unsubscribe&SubscriptionArn=%s:x' % topic.arn):
            status, answer = fetch('%s/?%s' % (server.sqs, query))
            equal((status, '<Code>MissingAuthenticationToken</Code>' in answer), (403, True), query + ': ' + answer)
        refused('InvalidClientTokenId', 403, sns_of(server.sqs).list_topics)
        refused('SignatureDoesNotMatch', 403, new_sns(server.sqs, 'AKIDFIRST', 'second').list_topics)
        equal([t['TopicArn'] for t in sns.list_topics()['Topics']], [topic_arn(topic.name)])
        # A queue's subscription has no link that works unsigned.
        queue = make_queue(server.sqs, 'AKIDFIRST', 'first')
        kept = topic.subscribe(queue)
        equal(fetch('%s/?Action=Unsubscribe&SubscriptionArn=%s' % (server.sqs, kept))[0], 403)
        equal([s['SubscriptionArn'] for s in topic.subscriptions()], [kept])


if __name__ == '__main__':
    cases.main()
