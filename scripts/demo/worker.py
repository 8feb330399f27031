#!/usr/bin/python3
"""One worker of the demo's queue: worker.py ENDPOINT QUEUE

Fails 5 % of the messages at random, and every time the one whose section is "poison"; what failed is released and comes
again. Prints a line "+ MESSAGE SECTION" for each message before it deletes it, so that what is delivered again after a
crash is printed again, and a line "- MESSAGE" for each failure.
"""
import random
import signal
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from package_index import section_of


def work(sqs, url, messages):
    done, failed = [], []
    for message in messages:
        section = section_of(message['Body'].encode())
        (failed if section == 'poison' or random.random() < 0.05 else done).append((message, section))
    sys.stdout.write(''.join('+ %s %s\n' % (m['MessageId'], section) for m, section in done))
    sys.stdout.write(''.join('- %s\n' % m['MessageId'] for m, _ in failed))
    sys.stdout.flush()
    entries = [{'Id': str(i), 'ReceiptHandle': m['ReceiptHandle']} for i, (m, _) in enumerate(done)]
    if entries:
        sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    entries = [{'Id': str(i), 'ReceiptHandle': m['ReceiptHandle'], 'VisibilityTimeout': 0}
               for i, (m, _) in enumerate(failed)]
    if entries:
        sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)


def main():
    endpoint, queue = sys.argv[1:3]
    leaving = []
    signal.signal(signal.SIGTERM, lambda *_: leaving.append(True))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sqs = boto3.client('sqs', endpoint_url=endpoint, region_name='us-east-1', aws_access_key_id='demo',
                       aws_secret_access_key='demo', config=Config(retries={'max_attempts': 0}, read_timeout=30))
    url = '%s/000000000000/%s' % (endpoint, queue)
    while not leaving:
        try:
            work(sqs, url, sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
                 .get('Messages', []))
        except (BotoCoreError, ClientError):
            time.sleep(0.05)  # the server is away: what was leased comes again


main()
