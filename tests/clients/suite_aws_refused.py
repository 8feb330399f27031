#!/usr/bin/python3
"""What Amazon's clients are told when the key or the time that they sign with does not count: suite_aws_refused.py [ADDRESS], which
is not used: users need servers of their own."""
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from harness import Cases, Skip, equal, unique, wait_for
from security_support import amazon, ask_root, new_access_key, new_user, run_secured
from sqs_support import REGION, refused

cases = Cases('aws_refused')
AWS = '/usr/bin/aws'
# Python runs it before a program; what asks for the time then gets another.
OTHER_TIME = '''import datetime
Own = datetime.datetime


class Clock(Own):
    @classmethod
    def utcnow(cls):
        return Own.utcnow() + datetime.timedelta(minutes=%d)


datetime.datetime = Clock
'''


def owner(server):
    """(name, key) of a user who may do everything with queues and topics."""
    user = new_user(server, ('all', 'queue:*', 'topic:*'))
    return user, new_access_key(server, user)


def bad_keys(server):
    """(what it is, a key, the error's code) of keys that do not count."""
    user, (id_, secret) = owner(server)
    revoked = new_access_key(server, user)
    ask_root(server, 204, 'DELETE', '/v1/users/%s/access-keys/%s' % (user, revoked[0]))
    removed, key = owner(server)
    ask_root(server, 204, 'DELETE', '/v1/users/' + removed)
    return (('a wrong secret', (id_, secret[:-1]), 'SignatureDoesNotMatch'),
            ('an unknown key', ('LEAT' + 'A' * 16, secret), 'InvalidClientTokenId'),
            ('a revoked key', revoked, 'InvalidClientTokenId'), ('a removed user', key, 'InvalidClientTokenId'))


def aws(server, key, *words, minutes=0):
    """Runs the command with this key, `minutes` off in time."""
    if not os.access(AWS, os.X_OK):
        raise Skip('there is no ' + AWS)
    with tempfile.TemporaryDirectory() as folder:
        if minutes:
            (pathlib.Path(folder) / 'sitecustomize.py').write_text(OTHER_TIME % minutes)
        own = {'AWS_ACCESS_KEY_ID': key[0], 'AWS_SECRET_ACCESS_KEY': key[1], 'AWS_PAGER': '', 'AWS_CONFIG_FILE': '/dev/null',
               'AWS_SHARED_CREDENTIALS_FILE': '/dev/null', 'AWS_EC2_METADATA_DISABLED': 'true', 'AWS_MAX_ATTEMPTS': '1',
               'PYTHONPATH': folder}
        return subprocess.run([AWS, '--endpoint-url', server.sqs, '--region', REGION, '--output', 'json', *words], timeout=60,
                              capture_output=True, text=True, env={**os.environ, **own})


@cases('aws cli: wrong secrets, unknown and revoked keys and clocks that are hours off are refused by name, in SQS and SNS')
def command_line(server):
    _, key = owner(server)
    ways = (('sqs', 'list-queues'), ('sns', 'list-topics'))
    for words in ways:
        done = aws(server, key, *words)
        equal(done.returncode, 0, done.stderr)
        for what, bad, code in bad_keys(server):
            done = aws(server, bad, *words)
            equal((done.returncode != 0, '(%s)' % code in done.stderr), (True, True), '%s: %s: %s' % (words, what, done.stderr))
        for minutes, why in ((-300, 'Signature expired'), (300, 'Signature not yet current')):
            done = aws(server, key, *words, minutes=minutes)
            equal((done.returncode != 0, '(RequestExpired)' in done.stderr, why in done.stderr), (True, True, True), done.stderr)
        equal(aws(server, key, *words, minutes=1).returncode, 0, 'a clock that is a little off')


@cases('boto3: every way to be nobody is refused by the same names in SQS and SNS, whatever is asked')
def boto3_clients(server):
    _, key = owner(server)
    url = amazon('sqs', server.sqs, key).create_queue(QueueName=unique('queue'))['QueueUrl']
    topic = amazon('sns', server.sqs, key).create_topic(Name=unique('topic'))['TopicArn']
    asked = {'sqs': (lambda c: c.send_message(QueueUrl=url, MessageBody='never'), lambda c: c.receive_message(QueueUrl=url),
                     lambda c: c.create_queue(QueueName=unique('never')), lambda c: c.list_queues()),
             'sns': (lambda c: c.publish(TopicArn=topic, Message='never'), lambda c: c.create_topic(Name=unique('never')),
                     lambda c: c.subscribe(TopicArn=topic, Protocol='http', Endpoint='http://127.0.0.1:1/'),
                     lambda c: c.list_topics())}
    for what, bad, code in bad_keys(server):
        for service, asks in asked.items():
            for ask in asks:
                said = refused(code, 403, ask, amazon(service, server.sqs, bad))
                equal(bool(said) and bad[1] not in said, True, '%s: %s' % (what, said))
    equal('Messages' in amazon('sqs', server.sqs, key).receive_message(QueueUrl=url), False, 'what was not to be sent')


def presigned(server, key, service, seconds, **parameters):
    """A URL that is signed for so long."""
    request = AWSRequest('GET', server.sqs + '/?' + urllib.parse.urlencode(parameters))
    SigV4QueryAuth(Credentials(*key), service, REGION, expires=seconds).add_auth(request)
    return request.prepare().url


def get(url):
    """(status, the error's code or None)."""
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.status, None
    except urllib.error.HTTPError as error:
        told = xml.etree.ElementTree.fromstring(error.read())
        return error.code, next(each.text for each in told.iter() if each.tag.endswith('Code'))


@cases('a URL that is signed for a while counts for that while, not with another key, and not for another request')
def signed_urls(server):
    user, key = owner(server)
    for service, parameters, late in (('sqs', {'Action': 'ListQueues', 'Version': '2012-11-05'}, 403),
                                      ('sns', {'Action': 'ListTopics', 'Version': '2010-03-31'}, 400)):
        good = presigned(server, key, service, 600, **parameters)
        equal(get(good), (200, None), service)
        other = good.replace('=List', '=Create').replace('s&Version', '&Version')
        equal((other != good, get(other)), (True, (403, 'SignatureDoesNotMatch')), 'another request')
        equal(get(good.replace('X-Amz-Expires=600', 'X-Amz-Expires=86400')), (403, 'SignatureDoesNotMatch'), 'a longer time')
        short = presigned(server, key, service, 1, **parameters)
        equal(wait_for('its end', lambda u=short: (answer := get(u)) != (200, None) and answer), (late, 'RequestExpired'), service)
        for what, bad, code in bad_keys(server):
            equal(get(presigned(server, bad, service, 600, **parameters)), (403, code), what)
        ask_root(server, 204, 'DELETE', '/v1/users/%s/access-keys/%s' % (user, key[0]))
        equal(get(good), (403, 'InvalidClientTokenId'), 'of a key that was revoked since')
        key = new_access_key(server, user)


if __name__ == '__main__':
    sys.exit(run_secured(cases))
