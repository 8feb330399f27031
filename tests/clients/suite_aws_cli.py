#!/usr/bin/python3
"""aws cli from Debian against a server: a short tour of the actions. suite_aws_cli.py ENDPOINT"""
import json
import os
import subprocess

from harness import Cases, Skip, equal, unique
from sqs_support import REGION, arn, md5

cases = Cases('aws_cli')
AWS = '/usr/bin/aws'
ENVIRONMENT = {**os.environ, 'AWS_ACCESS_KEY_ID': 'anyone', 'AWS_SECRET_ACCESS_KEY': 'anything', 'AWS_PAGER': '',
               'AWS_CONFIG_FILE': '/dev/null', 'AWS_SHARED_CREDENTIALS_FILE': '/dev/null',
               'AWS_EC2_METADATA_DISABLED': 'true', 'AWS_MAX_ATTEMPTS': '1'}


def run(endpoint, *words, service='sqs'):
    if not os.access(AWS, os.X_OK):
        raise Skip('there is no ' + AWS)
    return subprocess.run([AWS, '--endpoint-url', endpoint, '--region', REGION, '--output', 'json', service, *words],
                          capture_output=True, text=True, env=ENVIRONMENT, timeout=60)


def aws(endpoint, *words, service='sqs'):
    done = run(endpoint, *words, service=service)
    equal(done.returncode, 0, '%s: %s' % (words[0], done.stderr.strip()))
    return json.loads(done.stdout) if done.stdout.strip() else {}


@cases('sends, receives, changes and deletes messages of a queue, singly and in batches')
def messages(endpoint):
    name = unique('cli')
    url = aws(endpoint, 'create-queue', '--queue-name', name, '--attributes', 'VisibilityTimeout=60', '--tags', 'a=b')['QueueUrl']
    sent = aws(endpoint, 'send-message', '--queue-url', url, '--message-body', 'hallo & "grüße"', '--message-attributes',
               '{"n": {"DataType": "Number", "StringValue": "42"}}')
    equal(sent['MD5OfMessageBody'], md5('hallo & "grüße"'))
    got, = aws(endpoint, 'receive-message', '--queue-url', url, '--attribute-names', 'All', '--message-attribute-names',
               'All', '--wait-time-seconds', '5')['Messages']
    equal((got['Body'], got['MessageId'], got['MessageAttributes']['n']['StringValue'],
           got['Attributes']['ApproximateReceiveCount']), ('hallo & "grüße"', sent['MessageId'], '42', '1'))
    aws(endpoint, 'change-message-visibility', '--queue-url', url, '--receipt-handle', got['ReceiptHandle'],
        '--visibility-timeout', '0')
    batch = [{'Id': str(i), 'MessageBody': 'batch %d' % i} for i in range(3)]
    equal(len(aws(endpoint, 'send-message-batch', '--queue-url', url, '--entries', json.dumps(batch))['Successful']), 3)
    found = []
    while len(found) < 4:
        found += aws(endpoint, 'receive-message', '--queue-url', url, '--max-number-of-messages', '10',
                     '--wait-time-seconds', '5')['Messages']
    entries = [{'Id': str(i), 'ReceiptHandle': m['ReceiptHandle']} for i, m in enumerate(found)]
    equal(len(aws(endpoint, 'delete-message-batch', '--queue-url', url, '--entries', json.dumps(entries))['Successful']), 4)
    aws(endpoint, 'delete-queue', '--queue-url', url)
    gone = run(endpoint, 'get-queue-url', '--queue-name', name)
    equal((gone.returncode, 'AWS.SimpleQueueService.NonExistentQueue' in gone.stderr), (254, True), gone.stderr)


@cases('sets up queues: attributes, tags, dead letters, purge, lists')
def queues(endpoint):
    dead, name = unique('cli-dead') + '.fifo', unique('cli') + '.fifo'
    fifo = 'FifoQueue=true,ContentBasedDeduplication=true'
    dead_url = aws(endpoint, 'create-queue', '--queue-name', dead, '--attributes', fifo)['QueueUrl']
    url = aws(endpoint, 'create-queue', '--queue-name', name, '--attributes', fifo)['QueueUrl']
    policy = json.dumps({'deadLetterTargetArn': arn(dead), 'maxReceiveCount': 1})
    aws(endpoint, 'set-queue-attributes', '--queue-url', url, '--attributes', json.dumps({'RedrivePolicy': policy}))
    equal(aws(endpoint, 'list-dead-letter-source-queues', '--queue-url', dead_url)['queueUrls'], [url])
    aws(endpoint, 'tag-queue', '--queue-url', url, '--tags', 'team=blue,owner=x')
    equal(aws(endpoint, 'list-queue-tags', '--queue-url', url)['Tags'], {'team': 'blue', 'owner': 'x'})
    equal(aws(endpoint, 'list-queues', '--queue-name-prefix', name)['QueueUrls'], [url])
    for body in ('one', 'one', 'two'):
        aws(endpoint, 'send-message', '--queue-url', url, '--message-body', body, '--message-group-id', 'g')
    counted = aws(endpoint, 'get-queue-attributes', '--queue-url', url, '--attribute-names', 'All')['Attributes']
    equal((counted['ApproximateNumberOfMessages'], json.loads(counted['RedrivePolicy'])), ('2', json.loads(policy)))
    aws(endpoint, 'purge-queue', '--queue-url', url)
    equal(aws(endpoint, 'receive-message', '--queue-url', url), {})


if __name__ == '__main__':
    cases.main()
