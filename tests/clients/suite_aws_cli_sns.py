#!/usr/bin/python3
"""aws cli from Debian against a server: a short tour of SNS. suite_aws_cli_sns.py ENDPOINT"""
import functools
import json

from harness import Cases, equal, unique
from sns_support import topic_arn
from sqs_support import REGION, arn
from suite_aws_cli import aws as sqs
from suite_aws_cli import run as sqs_run

cases = Cases('aws_cli_sns')
run = functools.partial(sqs_run, service='sns')
aws = functools.partial(sqs, service='sns')


@cases('makes a topic, subscribes a queue, publishes singly and in batches, and removes it all')
def tour(endpoint):
    name = unique('cli')
    topic = aws(endpoint, 'create-topic', '--name', name, '--attributes', 'DisplayName=shown', '--tags',
                'Key=a,Value=b')['TopicArn']
    equal(topic, topic_arn(name))
    url = sqs(endpoint, 'create-queue', '--queue-name', name)['QueueUrl']
    subscription = aws(endpoint, 'subscribe', '--topic-arn', topic, '--protocol', 'sqs', '--notification-endpoint',
                       arn(name), '--attributes', '{"FilterPolicy": "{\\"k\\": [\\"x\\"]}"}')['SubscriptionArn']
    aws(endpoint, 'set-subscription-attributes', '--subscription-arn', subscription, '--attribute-name',
        'RawMessageDelivery', '--attribute-value', 'true')
    attributes = aws(endpoint, 'get-subscription-attributes', '--subscription-arn', subscription)['Attributes']
    equal((attributes['RawMessageDelivery'], attributes['FilterPolicy']), ('true', '{"k": ["x"]}'))
    wanted = '{"k": {"DataType": "String", "StringValue": "x"}}'
    aws(endpoint, 'publish', '--topic-arn', topic, '--message', 'unwanted')
    sent = aws(endpoint, 'publish', '--topic-arn', topic, '--message', 'hallo & "grüße"', '--subject', 'S',
               '--message-attributes', wanted)
    equal(len(sent['MessageId']), 36)
    entries = [{'Id': str(i), 'Message': 'batch %d' % i, 'MessageAttributes': json.loads(wanted)} for i in range(3)]
    answer = aws(endpoint, 'publish-batch', '--topic-arn', topic, '--publish-batch-request-entries', json.dumps(entries))
    equal(([s['Id'] for s in answer['Successful']], answer['Failed']), (['0', '1', '2'], []))
    found = []
    while len(found) < 4:
        found += [m['Body'] for m in sqs(endpoint, 'receive-message', '--queue-url', url, '--max-number-of-messages', '10',
                                         '--wait-time-seconds', '5')['Messages']]
    equal(sorted(found), ['batch 0', 'batch 1', 'batch 2', 'hallo & "grüße"'])
    listed = aws(endpoint, 'list-subscriptions-by-topic', '--topic-arn', topic)['Subscriptions']
    equal([s['SubscriptionArn'] for s in listed], [subscription])
    aws(endpoint, 'tag-resource', '--resource-arn', topic, '--tags', 'Key=c,Value=d')
    equal({t['Key']: t['Value'] for t in aws(endpoint, 'list-tags-for-resource', '--resource-arn', topic)['Tags']},
          {'a': 'b', 'c': 'd'})
    equal(topic in [t['TopicArn'] for t in aws(endpoint, 'list-topics')['Topics']], True)
    equal(aws(endpoint, 'get-topic-attributes', '--topic-arn', topic)['Attributes']['SubscriptionsConfirmed'], '1')
    aws(endpoint, 'unsubscribe', '--subscription-arn', subscription)
    aws(endpoint, 'delete-topic', '--topic-arn', topic)
    gone = run(endpoint, 'publish', '--topic-arn', topic, '--message', 'x')
    equal((gone.returncode, '(NotFound)' in gone.stderr), (254, True), gone.stderr)


if __name__ == '__main__':
    cases.main()
