#!/usr/bin/python3
"""boto3 against a server with access keys: who signs rightly is let in, nobody else. suite_boto3_keys.py ENDPOINT"""
import contextlib
import datetime
import importlib
import time
import types
import unittest.mock
import urllib.error
import urllib.parse
import urllib.request

import boto3
from botocore.config import Config

from harness import Cases, Server, equal
from sqs_support import REGION, JsonError, call_json, refused

cases = Cases('boto3_keys')
KEYS = {'AKIDFIRST': 'first/secret+with=signs', 'AKIDSECOND': 'second'}


def client(server, key, secret, region=REGION):
    return boto3.session.Session().client('sqs', endpoint_url=server.sqs, region_name=region, aws_access_key_id=key,
                                          aws_secret_access_key=secret, config=Config(retries={'max_attempts': 0}))


def keyed(name):
    """A case that is given a server with both keys."""
    def add(function):
        def case(_):
            keys = ','.join('%s=%s' % pair for pair in KEYS.items())
            with Server(environment={'LEAT_SQS_ACCESS_KEYS': keys}) as server:
                server.start()
                function(server)
        cases(name)(case)
        return function
    return add


@keyed('who signs with a configured key does everything, in every region, and is named as the sender')
def let_in(server):
    for key, secret in KEYS.items():
        sqs = client(server, key, secret, 'eu-west-3')
        url = sqs.create_queue(QueueName='queue-' + key, tags={'a b': 'ü&='})['QueueUrl']
        sqs.send_message(QueueUrl=url, MessageBody='x &=%+ü\n' * 100)
        message, = sqs.receive_message(QueueUrl=url, AttributeNames=['All'])['Messages']
        equal((message['Body'], message['Attributes']['SenderId']), ('x &=%+ü\n' * 100, key))
        equal(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=['QueueArn'])['Attributes']['QueueArn'].split(':')[3],
              'eu-west-3')


@contextlib.contextmanager
def clock_off_by(minutes):
    """botocore signs with such a clock, whichever of its two ways of signing is installed."""
    class Clock(datetime.datetime):
        @classmethod
        def utcnow(cls):
            return datetime.datetime.utcnow() + datetime.timedelta(minutes=minutes)

    module = types.SimpleNamespace(datetime=Clock, timezone=datetime.timezone, timedelta=datetime.timedelta)
    with contextlib.ExitStack() as patches:
        for name in ('botocore.auth', 'botocore.crt.auth'):
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
                patches.enter_context(unittest.mock.patch(name + '.datetime', module))
        yield


@keyed('unsigned requests, unknown keys, wrong secrets and wrong times are refused by name')
def kept_out(server):
    first = client(server, *list(KEYS.items())[0])
    first.create_queue(QueueName='guarded')
    refused('InvalidClientTokenId', 403, client(server, 'AKIDOTHER', 'first').list_queues)
    refused('SignatureDoesNotMatch', 403, client(server, 'AKIDFIRST', 'second').list_queues)
    refused('SignatureDoesNotMatch', 403, client(server, 'AKIDSECOND', 'second ').list_queues)
    for shape, legacy, arguments in (('MissingAuthenticationTokenException', 'MissingAuthenticationToken', {}),):
        try:
            call_json(server.sqs, 'DeleteQueue', QueueUrl=server.sqs + '/000000000000/guarded', **arguments)
            raise AssertionError('an unsigned request was carried out')
        except JsonError as error:
            equal((error.status, error.body['__type'].split('#')[1], error.headers['x-amzn-query-error']),
                  (403, shape, legacy + ';Sender'))

    def at(shift):
        with clock_off_by(shift):
            return first.list_queues()
    for shift in (-16, 16):
        refused('RequestExpired', 403, at, shift)
    for shift in (-13, 13):
        equal(len(at(shift)['QueueUrls']), 1, '%d minutes off' % shift)
    equal(len(first.list_queues()['QueueUrls']), 1, 'nothing was deleted')


def fetch(url, method='GET', body=None, **headers):
    """(status, text) of a request."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method), timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@keyed('a presigned URL does what it says, until it ends, and nothing else')
def presigned(server):
    sqs = client(server, *list(KEYS.items())[0])
    url = sqs.create_queue(QueueName='guarded')['QueueUrl']
    signed = sqs.generate_presigned_url('send_message', {'QueueUrl': url, 'MessageBody': 'a b+ü&'}, 60, 'GET')
    equal(fetch(signed)[0], 200)
    equal(sqs.receive_message(QueueUrl=url)['Messages'][0]['Body'], 'a b+ü&')
    for changed in (signed.replace('MessageBody=a', 'MessageBody=b'), signed + '&DelaySeconds=1',
                    signed.replace('X-Amz-Expires=60', 'X-Amz-Expires=600')):
        assert changed != signed, changed
        status, body = fetch(changed)
        equal((status, 'SignatureDoesNotMatch' in body), (403, True), body)
    short = sqs.generate_presigned_url('list_queues', {}, 1, 'GET')
    time.sleep(2.2)
    status, body = fetch(short)
    equal((status, 'RequestExpired' in body), (403, True), body)
    equal(sqs.receive_message(QueueUrl=url).get('Messages', []), [], 'what was sent by changed URLs')


@keyed('a signed request whose body, path or headers were changed on its way is refused')
def tampered(server):
    sqs = client(server, *list(KEYS.items())[1])
    url = sqs.create_queue(QueueName='guarded')['QueueUrl']
    caught = []
    sqs.meta.events.register('before-send.sqs.SendMessage', lambda request, **_: caught.append(request) or None)
    sqs.send_message(QueueUrl=url, MessageBody='original')
    sent = caught[0]
    headers = {k: v.decode() if isinstance(v, bytes) else v for k, v in sent.headers.items()}
    body = sent.body if isinstance(sent.body, bytes) else sent.body.encode()
    equal(fetch(sent.url, 'POST', body, **headers)[0], 200, 'sent again within its time it is the same request')
    for what, path, data, more in (('body', sent.url, body.replace(b'original', b'tampered'), {}),
                                   ('path', sent.url + 'x', body, {}), ('query', sent.url + '?DelaySeconds=1', body, {}),
                                   ('date', sent.url, body, {'X-Amz-Date': '20200101T000000Z'})):
        status, answer = fetch(path, 'POST', data, **{**headers, **more, 'Content-Length': str(len(data))})
        equal(status, 403, '%s: %s' % (what, answer))
    bodies = [m['Body'] for _ in range(3) for m in sqs.receive_message(QueueUrl=url).get('Messages', [])]
    equal(bodies, ['original', 'original'])


if __name__ == '__main__':
    cases.main()
