"""What the suites of Amazon SNS share: clients, topics, HTTP endpoints that subscribe, and the check of signatures."""
import base64
import contextlib
import functools
import http.server
import json
import socket
import threading
import urllib.error
import urllib.request

import boto3
from botocore.config import Config
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from harness import equal, unique, wait_for
from sqs_support import ACCOUNT, REGION

PENDING = 'pending confirmation'  # what Subscribe answers, and lists show as PendingConfirmation


def topic_arn(name):
    return 'arn:aws:sns:%s:%s:%s' % (REGION, ACCOUNT, name)


def new_sns(endpoint, key='anyone', secret='anything', **config):
    options = {'retries': {'max_attempts': 0}, 'connect_timeout': 10, 'read_timeout': 60, 'max_pool_connections': 64,
               **config}
    return boto3.session.Session().client('sns', endpoint_url=endpoint, region_name=REGION, aws_access_key_id=key,
                                          aws_secret_access_key=secret, config=Config(**options))


@functools.lru_cache(maxsize=None)
def sns_of(endpoint):
    """One that is safe to share between threads, and does not repeat what failed."""
    return new_sns(endpoint)


class Topic:
    """A topic of a name that no other case uses, and what cases do with it."""

    def __init__(self, endpoint, prefix='topic', fifo=False, tags=None, name=None, sns=None, **attributes):
        self.sns = sns or sns_of(endpoint)
        self.name = name or unique(prefix) + ('.fifo' if fifo else '')
        if fifo:
            attributes = {'FifoTopic': 'true', **attributes}
        options = {'Tags': tag_list(tags)} if tags else {}
        self.arn = self.sns.create_topic(Name=self.name, Attributes={k: str(v) for k, v in attributes.items()},
                                         **options)['TopicArn']

    def publish(self, message='a message', **options):
        return self.sns.publish(TopicArn=self.arn, Message=message, **options)

    def publish_all(self, messages, **options):
        """In batches of ten, in order; every one must succeed. A callable option is asked for each message's value."""
        results = []
        for at in range(0, len(messages), 10):
            entries = [{'Id': str(i), 'Message': message,
                        **{k: v(message) if callable(v) else v for k, v in options.items()}}
                       for i, message in enumerate(messages[at:at + 10])]
            answer = self.sns.publish_batch(TopicArn=self.arn, PublishBatchRequestEntries=entries)
            equal(answer.get('Failed', []), [], 'entries that failed')
            equal([r['Id'] for r in answer['Successful']], [e['Id'] for e in entries], 'entries that succeeded')
            results += answer['Successful']
        return results

    def subscribe(self, target, returns_arn=True, **attributes):
        """A queue or the URL of an HTTP endpoint. Returns the ARN."""
        protocol, endpoint = (target.split(':')[0], target) if isinstance(target, str) else ('sqs', target.arn)
        values = {k: v if isinstance(v, str) else json.dumps(v) for k, v in attributes.items()}
        return self.sns.subscribe(TopicArn=self.arn, Protocol=protocol, Endpoint=endpoint, Attributes=values,
                                  ReturnSubscriptionArn=returns_arn)['SubscriptionArn']

    def attributes(self):
        return self.sns.get_topic_attributes(TopicArn=self.arn)['Attributes']

    def set(self, name, value):
        self.sns.set_topic_attributes(TopicArn=self.arn, AttributeName=name, AttributeValue=value)

    def subscriptions(self):
        answer = self.sns.list_subscriptions_by_topic(TopicArn=self.arn)
        assert 'NextToken' not in answer, 'there are more pages'
        return answer['Subscriptions']


def tag_list(tags):
    return [{'Key': k, 'Value': v} for k, v in tags.items()]


def subscription_attributes(topic, arn):
    return topic.sns.get_subscription_attributes(SubscriptionArn=arn)['Attributes']


def set_subscription(topic, arn, name, value):
    topic.sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName=name,
                                          AttributeValue=value if isinstance(value, str) else json.dumps(value))


def fetch(url):
    """(status, text) of a plain GET."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors='replace')


class Post:
    """What an endpoint was sent."""

    def __init__(self, path, headers, body):
        self.path, self.headers, self.body = path, headers, body

    @property
    def kind(self):
        return self.headers['x-amz-sns-message-type']

    def json(self):
        return json.loads(self.body)


class Webhook:
    """An HTTP endpoint on loopback. `answer(post)` is the status that a notification gets; confirmations always get 200,
    and are confirmed at once when `confirms` is set."""

    def __init__(self, confirms=False, answer=lambda post: 200, port=0):
        self.posts, self.confirms, self.answer, self.lock = [], confirms, answer, threading.Lock()
        self.connections = []
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def setup(self):
                hook.connections.append(self.request)
                super().setup()

            def do_POST(self):
                post = Post(self.path, self.headers, self.rfile.read(int(self.headers['Content-Length'])))
                with hook.lock:
                    hook.posts.append(post)
                is_confirmation = post.kind == 'SubscriptionConfirmation'
                status = 200 if is_confirmation else hook.answer(post)
                self.send_response(status)
                self.send_header('Content-Length', '0')
                self.end_headers()
                if is_confirmation and hook.confirms:
                    fetch(post.json()['SubscribeURL'])

            def log_message(self, *_):
                pass

        class Quiet(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_):  # a server that was killed, or this one's end
                pass

        self.server = Quiet(('127.0.0.1', port), Handler)
        self.url = 'http://127.0.0.1:%d/hook' % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True).start()

    def of(self, kind):
        with self.lock:
            return [p for p in self.posts if p.kind == kind]

    def wait(self, count, kind='Notification', seconds=30):
        """At least `count` posts of that kind."""
        return wait_for('%d posts of %s' % (count, kind), lambda: (
            found if len(found := self.of(kind)) >= count else None), seconds)

    def confirm(self):
        """Confirms the first confirmation that was asked for, as a person who follows the link."""
        status, text = fetch(self.wait(1, 'SubscriptionConfirmation')[0].json()['SubscribeURL'])
        equal(status, 200, text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def text_to_sign(message):
    """As Amazon documents it."""
    names = ['Message', 'MessageId', 'Subject', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type']
    return ''.join('%s\n%s\n' % (name, message[name]) for name in names if name in message).encode()


def verify(message, version):
    """Raises unless the key of the certificate that the message names signed it. Returns the certificate."""
    equal(message['SignatureVersion'], version, 'signature version')
    status, pem = fetch(message['SigningCertURL'])
    equal(status, 200, 'the certificate: ' + pem)
    certificate = x509.load_pem_x509_certificate(pem.encode())
    digest = hashes.SHA256() if version == '2' else hashes.SHA1()
    certificate.public_key().verify(base64.b64decode(message['Signature']), text_to_sign(message), padding.PKCS1v15(),
                                    digest)
    return pem
