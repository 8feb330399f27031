"""What the suites of Amazon SQS share: clients, queues, and the ways to look into them."""
import functools
import hashlib
import http.client
import json
import struct
import time
import urllib.error
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from harness import equal, unique

REGION, ACCOUNT = 'us-east-1', '000000000000'


def arn(name):
    return 'arn:aws:sqs:%s:%s:%s' % (REGION, ACCOUNT, name)


def new_client(endpoint, **config):
    options = {'retries': {'max_attempts': 0}, 'connect_timeout': 10, 'read_timeout': 60, 'max_pool_connections': 64,
               **config}
    return boto3.session.Session().client('sqs', endpoint_url=endpoint, region_name=REGION, aws_access_key_id='anyone',
                                          aws_secret_access_key='anything', config=Config(**options))


@functools.lru_cache(maxsize=None)
def client_of(endpoint):
    """One that is safe to share between threads, and does not repeat what failed."""
    return new_client(endpoint)


class Queue:
    """A queue of a name that no other case uses, and what cases do with it."""

    def __init__(self, endpoint, prefix='queue', fifo=False, tags=None, name=None, **attributes):
        self.sqs = client_of(endpoint)
        self.name = name or unique(prefix) + ('.fifo' if fifo else '')
        self.arn = arn(self.name)
        if fifo:
            attributes = {'FifoQueue': 'true', **attributes}
        options = {'tags': tags} if tags else {}
        self.url = self.sqs.create_queue(QueueName=self.name, Attributes={k: str(v) for k, v in attributes.items()},
                                         **options)['QueueUrl']

    def send(self, body='a message', **options):
        return self.sqs.send_message(QueueUrl=self.url, MessageBody=body, **options)

    def send_all(self, bodies, **options):
        """In batches of ten, in order; every one must succeed. A callable option is asked for each body's value."""
        results = []
        for at in range(0, len(bodies), 10):
            entries = [{'Id': str(i), 'MessageBody': body,
                        **{k: v(body) if callable(v) else v for k, v in options.items()}}
                       for i, body in enumerate(bodies[at:at + 10])]
            answer = self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)
            equal(answer.get('Failed', []), [], 'entries that failed')
            equal([r['Id'] for r in answer['Successful']], [e['Id'] for e in entries], 'entries that succeeded')
            results += answer['Successful']
        return results

    def receive(self, count=10, wait=0, **options):
        return self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=count, WaitTimeSeconds=wait,
                                        **options).get('Messages', [])

    def receive_all(self, count, seconds=30, delete=False, **options):
        """At least `count` messages, in the order in which they came."""
        found, deadline = [], time.monotonic() + seconds
        while len(found) < count:
            if time.monotonic() > deadline:
                raise AssertionError('received %d of %d messages in %d s' % (len(found), count, seconds))
            messages = self.receive(wait=1, **options)
            if delete and messages:
                self.delete(messages)
            found += messages
        return found

    def bodies(self, count, **options):
        return [m['Body'] for m in self.receive_all(count, **options)]

    def delete(self, messages):
        for at in range(0, len(messages), 10):
            entries = [{'Id': str(i), 'ReceiptHandle': m['ReceiptHandle']} for i, m in enumerate(messages[at:at + 10])]
            answer = self.sqs.delete_message_batch(QueueUrl=self.url, Entries=entries)
            equal(answer.get('Failed', []), [], 'deletions that failed')

    def set_visibility(self, message, seconds):
        self.sqs.change_message_visibility(QueueUrl=self.url, ReceiptHandle=message['ReceiptHandle'],
                                           VisibilityTimeout=seconds)

    def attributes(self, *names):
        answer = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=list(names) or ['All'])
        return answer.get('Attributes', {})

    def set(self, **attributes):
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={k: str(v) for k, v in attributes.items()})

    def counts(self):
        """How many are (ready, in flight, delayed)."""
        found = self.attributes()
        return tuple(int(found['ApproximateNumberOfMessages' + suffix]) for suffix in ('', 'NotVisible', 'Delayed'))


def refused(code, status, function, *values, **arguments):
    """Calls `function`, which must fail with that code and HTTP status. Returns the message."""
    try:
        function(*values, **arguments)
    except ClientError as error:
        answer = error.response
        equal((answer['Error']['Code'], answer['ResponseMetadata']['HTTPStatusCode']), (code, status), str(error))
        return answer['Error']['Message']
    raise AssertionError('%s was not refused' % code)


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def md5_of_attributes(attributes):
    """As Amazon documents it."""
    def sized(data):
        return struct.pack('>I', len(data)) + data
    digest = hashlib.md5()
    for name, value in sorted(attributes.items()):
        digest.update(sized(name.encode()) + sized(value['DataType'].encode()))
        if 'BinaryValue' in value:
            digest.update(b'\2' + sized(value['BinaryValue']))
        else:
            digest.update(b'\1' + sized(value['StringValue'].encode()))
    return digest.hexdigest()


def text(value, kind='String'):
    return {'DataType': kind, 'StringValue': value}


def binary(value, kind='Binary'):
    return {'DataType': kind, 'BinaryValue': value}


class JsonError(Exception):
    def __init__(self, status, headers, body):
        super().__init__('%d %s' % (status, body))
        self.status, self.headers, self.body = status, headers, body


def call_json(endpoint, action, **parameters):
    """An action in JSON, which Debian's botocore does not know all of."""
    request = urllib.request.Request(endpoint, json.dumps(parameters).encode(), {
        'Content-Type': 'application/x-amz-json-1.0', 'X-Amz-Target': 'AmazonSQS.' + action})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        raise JsonError(error.code, error.headers, json.loads(error.read())) from None


class Refused(Exception):
    """An answer that is an error: `shape` as the model calls it."""

    def __init__(self, status, shape, message):
        super().__init__('%d %s: %s' % (status, shape, message))
        self.status, self.shape = status, shape


class LightClient:
    """JSON over one connection of http.client: little CPU, no retries. For one thread. Errors: OSError and
    HTTPException when there is no answer, Refused."""

    def __init__(self, port, seconds=60):
        self.port, self.seconds, self.connection = port, seconds, None

    def __call__(self, action, **parameters):
        if self.connection is None:
            self.connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=self.seconds)
        try:
            self.connection.request('POST', '/', json.dumps(parameters), {
                'Content-Type': 'application/x-amz-json-1.0', 'X-Amz-Target': 'AmazonSQS.' + action})
            answer = self.connection.getresponse()
            status, body = answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        found = json.loads(body) if body else {}
        if status != 200:
            raise Refused(status, found.get('__type', '').split('#')[-1], found.get('message'))
        return found

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None
