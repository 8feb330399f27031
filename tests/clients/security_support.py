"""What the suites of users, tokens, access keys and certificates share: a server that has users, and ways to be one of them."""
import contextlib
import json
import os
import pathlib
import subprocess
import sys

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from harness import LEAT, Server, equal, short, unique, wait_for
from http_support import Api
from sqs_support import REGION

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / 'schema_client'))
import client as schema  # noqa: E402

NPM = pathlib.Path(__file__).resolve().parent / 'npm'
ROOT_PASSWORD, PASSWORD = 'root, of = all', 'pencil'
NO_ERROR, AUTHENTICATION_FAILED, ILLEGAL_SASL_STATE, TOPIC_REFUSED, CLUSTER_REFUSED = 0, 58, 34, 29, 31


def api_as(server, user=None, password=PASSWORD, token=None):
    """The HTTP API as somebody; nobody without a user and a token."""
    api = Api(server, user, password)
    if token:
        api.own = {'Authorization': 'Bearer ' + token}
    return api


def as_root(server):
    return api_as(server, 'root', ROOT_PASSWORD)


def ask_root(server, status, method, path, body=None, **more):
    """The body of an answer to root, which must have this status."""
    with as_root(server) as api:
        return api(status, method, path, body, **more)


class Secured(Server):
    """A server whose first user is root."""

    def start(self, seconds=60):
        is_new = not self.data.exists()
        super().start(seconds)
        if is_new:
            with api_as(self) as api:
                api(201, 'POST', '/v1/users', {'name': 'root', 'password': ROOT_PASSWORD, 'admin': True})
        return self

    def metrics(self):
        """As Server.metrics(), which asks as nobody."""
        with as_root(self) as api:
            lines = api(200, 'GET', '/metrics').decode().splitlines()
        return {sample: float(value) for sample, _, value in
                (line.rpartition(' ') for line in lines if line and not line.startswith('#'))}


def rules(operations, *resources, deny=False, host=None):
    """Grants as the HTTP API has them: rules('read,write', 'topic:a*', 'cluster')."""
    made = []
    for resource in resources:
        kind, _, name = resource.partition(':')
        for operation in operations.split(','):
            rule = {'operation': operation, 'type': kind}
            if name:
                is_prefix = name.endswith('*') and name != '*'
                rule.update({'name': name[:-1], 'pattern': 'prefixed'} if is_prefix else {'name': name})
            made.append({**rule, **({'permission': 'deny'} if deny else {}), **({'host': host} if host else {})})
    return made


def principal_of(who):
    """Of a user's name, or role:NAME."""
    return 'Role:' + who[5:] if who.startswith('role:') else 'User:' + who


def grant(server, who, operations, *resources, deny=False, host=None):
    ask_root(server, 204, 'POST', '/v1/grants', {'principal': principal_of(who),
                                                 'grants': rules(operations, *resources, deny=deny, host=host)})


def take_back(server, who, operations, *resources, deny=False):
    """Removes grants, all of which must be there."""
    given = rules(operations, *resources, deny=deny)
    answer = ask_root(server, 200, 'POST', '/v1/grants/remove', {'principal': principal_of(who), 'grants': given})
    equal(answer['removed'], len(given), 'removed grants')


def new_user(server, *grants, name=None, **body):
    """A user with PASSWORD, or what `body` says, who may do what each of `grants` says: (operations, resource, ...)."""
    name = name or unique('user')
    if 'password' not in body and 'password_hash' not in body:
        body['password'] = PASSWORD
    ask_root(server, 201, 'POST', '/v1/users', {'name': name, **body})
    for operations, *resources in grants:
        grant(server, name, operations, *resources)
    return name


def new_topic(server, prefix='topic', **more):
    name = unique(prefix)
    ask_root(server, 201, 'POST', '/v1/topics', {'name': name, **more})
    return name


def new_token(server, user, **body):
    """(id, text) of a token."""
    made = ask_root(server, 201, 'POST', '/v1/users/%s/tokens' % user, body)
    return made['id'], made['token']


def new_access_key(server, user, **body):
    """(id, secret)."""
    made = ask_root(server, 201, 'POST', '/v1/users/%s/access-keys' % user, body)
    return made['id'], made['secret']


def who_is(server, **as_whom):
    """(status, the principal or the kind of the problem) of /v1/me."""
    with api_as(server, **as_whom) as api:
        reply = api.ask('GET', '/v1/me')
        return reply.status, reply.json()['principal'] if reply.status == 200 else reply.problem()


def amazon(service, endpoint, key=None, verify=None, region=REGION, **config):
    """A client of boto3 that signs with `key`, (id, secret), or does not sign."""
    options = {'retries': {'max_attempts': 0}, 'connect_timeout': 10, 'read_timeout': 60, **config}
    if key is None:
        options['signature_version'] = UNSIGNED
    made = {'aws_access_key_id': key[0], 'aws_secret_access_key': key[1]} if key else {}
    return boto3.session.Session().client(service, endpoint_url=endpoint, region_name=region, verify=verify,
                                          config=Config(**options), **made)


def command(server, *words, user=None, password=PASSWORD, token=None, code=0, text=None, http=True, **environment):
    """Runs the command line. `http`: a command that talks to the HTTP API. Returns (what it printed, what it said beside)."""
    own = {k: v for k, v in os.environ.items() if not k.startswith('LEAT')}
    address = '127.0.0.1:%d' % server.http_port if http else server.address
    if user:
        address, own['LEAT_PASSWORD'] = '%s@%s' % (user, address), password
    if token:
        own['LEAT_TOKEN'] = token
    own['LEAT_API' if http else 'LEAT_SERVER'] = address
    done = subprocess.run([os.environ.get('LEAT', str(LEAT)), *words], input=text, text=True, capture_output=True,
                          timeout=60, env={**own, **environment})
    equal(done.returncode, code, '%s: %s' % (' '.join(words), done.stdout + done.stderr))
    return done.stdout, done.stderr


class Kafka(schema.Connection):
    """A connection that speaks Kafka's protocol itself."""

    def __init__(self, server, port=None):
        super().__init__('127.0.0.1', port or server.kafka_port)

    def sasl(self, mechanism, *messages):
        """The answer to the last of the client's messages."""
        equal(self.call('SaslHandshake', 1, Mechanism=mechanism)['ErrorCode'], NO_ERROR, 'the handshake')
        for message in messages:
            answer = self.call('SaslAuthenticate', 1, AuthBytes=message)
        return answer

    def password(self, user, password=PASSWORD):
        return self.sasl('PLAIN', b'\0%s\0%s' % (user.encode(), password.encode()))

    def bearer(self, token):
        """The answer to a token: a refusal is told in two steps."""
        answer = self.sasl('OAUTHBEARER', bearer_message(token))
        if answer['ErrorCode'] != NO_ERROR or not answer['AuthBytes']:
            return answer
        equal(json.loads(answer['AuthBytes'])['status'], 'invalid_token')
        return self.call('SaslAuthenticate', 1, AuthBytes=b'\1')

    def sees(self, topic):
        """The error code of that topic in Metadata."""
        answer = self.call('Metadata', 8, Topics=[{'Name': topic}], AllowAutoTopicCreation=False,
                           IncludeClusterAuthorizedOperations=False, IncludeTopicAuthorizedOperations=False)
        return answer['Topics'][0]['ErrorCode']


def bearer_message(token):
    return b'n,,\1auth=Bearer %s\1\1' % (token if isinstance(token, bytes) else token.encode())


def is_closed(connection, topic='none'):
    """Whether the server has ended a connection of Kafka's protocol, or does when it is asked something."""
    try:
        connection.sees(topic)
    except (schema.Closed, OSError):
        return True
    return False


def audited(server, **wanted):
    """Lines of the audit log that have these members, from the oldest; each file's last line may be half written."""
    folder, found = server.data / 'audit', []
    for file in sorted(folder.glob('audit*.log'), key=lambda f: (f.name == 'audit.log', -number_of(f))):
        for line in file.read_bytes().split(b'\n')[:-1]:
            event = json.loads(line.decode())
            if all(event.get(key) == value for key, value in wanted.items()):
                found.append(event)
    return found


def number_of(file):
    """Of an older file of a log, audit.N.log."""
    middle = file.name.split('.')[1]
    return int(middle) if middle.isdigit() else 0


def wait_audited(server, count=1, **wanted):
    """The lines, when there are so many."""
    return wait_for('%d lines of the audit log with %s' % (count, short(wanted)), lambda: (
        found if len(found := audited(server, **wanted)) >= count else None))


def files_with(folder, *secrets):
    """Where below a folder any of these texts is, in clear."""
    found = []
    for file in pathlib.Path(folder).rglob('*'):
        with contextlib.suppress(FileNotFoundError):  # what is being compacted away
            content = file.read_bytes() if file.is_file() else b''
            found += [(str(file), secret[:12]) for secret in secrets if secret.encode() in content]
    return found


def run_secured(cases, *options, **more):
    """The exit code of a suite whose cases share a server that has users."""
    with Secured(*options, resp=True, **more) as server:
        server.start()
        failed = cases.run(server)
        equal(server.stop(), 0, 'the exit code of the server')
    return 1 if failed else 0


