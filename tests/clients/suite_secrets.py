#!/usr/bin/python3
"""What is secret stays so: in the log, the metrics, the audit log, on command lines and on the disk; and what the log tells who has
not made a user yet: suite_secrets.py [ADDRESS], which is not used: the cases look at processes and data folders of their own."""
import contextlib
import json
import os
import pathlib
import re
import socket
import stat
import subprocess
import sys
import tempfile

from botocore.exceptions import ClientError

from harness import LEAT, Cases, Server, equal, free_port, unique, wait_for
from live_support import WebSocket
from resp_support import connect
from security_support import (NO_ERROR, PASSWORD, ROOT_PASSWORD, Kafka, Secured, amazon, api_as, as_root, ask_root, bearer_message,
                              command, files_with, new_access_key, new_token, new_topic, new_user, who_is)
from suite_audit import scram

cases = Cases('secrets')


def cmdline(pid):
    with contextlib.suppress(OSError):
        return pathlib.Path('/proc/%d/cmdline' % pid).read_bytes().replace(b'\0', b' ').decode(errors='replace')
    return ''


def descendants(pid):
    """A process and those that it started, at the moment."""
    parents = {}
    for file in pathlib.Path('/proc').glob('[0-9]*/stat'):
        with contextlib.suppress(OSError):
            parents[int(file.parent.name)] = int(file.read_text().rpartition(')')[2].split()[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def shown(text, secrets):
    return [kind for kind, secret in secrets.items() if secret in text]


def use_at_kafka(server, user, password, token):
    with Kafka(server) as connection:
        connection.password(user, password)
    with Kafka(server) as connection:
        connection.sasl('OAUTHBEARER', bearer_message(token))
    scram(server, user, password)


def use_at_http(server, user, password, token):
    who_is(server, user=user, password=password)
    who_is(server, token=token)
    WebSocket(server, '/v1/live?access_token=' + token)
    server.http('/v1/events?channel=x&access_token=' + token[:-1])
    server.http('/v1/me?access_token=' + token)


def use_at_redis(server, user, password, token):
    for words in ((user, password), (password,), (user, token)):
        client = connect(server.resp, retry=None)
        with contextlib.suppress(Exception):
            client.execute_command('AUTH', *words)
        with contextlib.suppress(Exception):
            client.execute_command('HELLO', '2', 'AUTH', *(words if len(words) == 2 else ('default', *words)))


def use_at_amazon(server, *keys):
    for key in keys:
        for service, ask in (('sqs', lambda c: c.list_queues()), ('sns', lambda c: c.list_topics())):
            with contextlib.suppress(ClientError):
                ask(amazon(service, server.sqs, key))


@cases('passwords, tokens, keys and their like, right and wrong: not in the log, the metrics, the audit log, the command line')
def nowhere(_):
    secrets = {kind: unique(kind.replace(' ', '')) + 'Sx' for kind in (
        'password', 'changed password', 'wrong password', 'argon password', 'redis default', 'redis user', 'configured key',
        'other key', 'generated')}
    with Secured('--log-level', 'debug', resp=True, environment={
            'LEAT_RESP_PASSWORD': secrets['redis default'],
            'LEAT_SQS_ACCESS_KEYS': 'AKIDONE=%s,AKIDTWO=%s' % (secrets['configured key'], secrets['other key'])}) as server:
        server.start()
        user = new_user(server, ('all', 'cluster'), password=secrets['password'])
        argon = new_user(server, password=secrets['argon password'], scram=False)
        (_, token), (_, expiring) = new_token(server, user), new_token(server, user, lifetime_ms=600_000)
        key = new_access_key(server, user)
        secrets.update({'token': token.split('_', 2)[2], 'token that expires': expiring.split('_', 2)[2], 'access key': key[1],
                        'wrong token': 'X' * 6 + token.split('_', 2)[2][6:], 'wrong key': 'wrong' + key[1]})
        wrong = token.replace(secrets['token'], secrets['wrong token'])
        for password, each in (('password', token), ('password', expiring), ('wrong password', wrong)):
            for use in (use_at_kafka, use_at_http, use_at_redis):
                use(server, user, secrets[password], each)
        for password in (secrets['argon password'], secrets['wrong password']):
            use_at_http(server, argon, password, token)
        use_at_amazon(server, key, (key[0], secrets['wrong key']), ('AKIDONE', secrets['configured key']),
                      ('AKIDTWO', secrets['wrong key']))
        connect(server.resp, password=secrets['redis default'], retry=None).ping()
        root = connect(server.resp, username='root', password=ROOT_PASSWORD, retry=None)
        root.execute_command('ACL', 'SETUSER', 'of-redis', 'on', '>' + secrets['redis user'], '~*', '+@all')
        use_at_redis(server, 'of-redis', secrets['redis user'], token)
        ask_root(server, 200, 'PATCH', '/v1/users/' + user, {'password': secrets['changed password']})
        use_at_http(server, user, secrets['changed password'], token)
        said, _ = command(server, 'user', 'add', unique('made'), '--generate', user='root', password=ROOT_PASSWORD, http=False)
        secrets['generated'] = said.split()[-1]
        equal(len(secrets['generated']) > 10, True, said)
        with api_as(server, 'root', ROOT_PASSWORD) as api:
            metrics = api(200, 'GET', '/metrics').decode()
        own = cmdline(server.process.pid)
        equal((' serve ' in own, str(server.data) in own), (True, True), own)
        equal((shown(own, secrets), shown(metrics, secrets)), ([], []), 'the command line, the metrics')
        # Stopped, so that everything is written.
        equal(server.stop(), 0)
        log = server.log.read_text(errors='replace')
        audit = b''.join(f.read_bytes() for f in (server.data / 'audit').iterdir()).decode()
        equal((shown(log, secrets), shown(audit, secrets)), ([], []), 'the log, the audit log')
        equal((user in audit, user in log, '"level":"debug"' in log), (True, True, True), 'what was looked through')
        stored = {kind: secret for kind, secret in secrets.items() if kind != 'access key'}  # the server has to know that one
        equal(files_with(server.data, *stored.values()), [], 'the disk')


class Deaf:
    """Listens, and never answers."""

    def __enter__(self):
        self.socket = socket.create_server(('127.0.0.1', 0))
        self.socket.settimeout(30)
        self.address = '127.0.0.1:%d' % self.socket.getsockname()[1]
        return self

    def __exit__(self, *_):
        self.socket.close()


SECRETS = {'LEAT_PASSWORD': unique('password'), 'LEAT_NEW_PASSWORD': unique('new'), 'AWS_SECRET_ACCESS_KEY': unique('secret')}
TOKEN, TYPED = 'leat_' + unique('token'), unique('typed')
BY_KAFKA = [('user', 'add', 'x'), ('user', 'add', 'x', '--admin'), ('user', 'password', 'x'),
            ('user', 'add', 'x', '--password-file', '-'), ('user', 'add', 'x', '--password-file', 'FILE'), ('topic', 'list'),
            ('grant', 'list'), ('quota', 'list'), ('produce', 't'), ('consume', 't')]
BY_HTTP = [('token', 'create', 'x'), ('token', 'list', 'x'), ('access-key', 'create', 'x'), ('role', 'list')]
BY_SQS = [('queue', 'list'), ('queue', 'send', 'q', 'hello')]


def command_lines(words, variable, user, **more):
    """Of a command, and of what it started, while it waits for the server's first answer."""
    own = {k: v for k, v in os.environ.items() if not k.startswith(('LEAT', 'AWS'))}
    with Deaf() as server:
        given = {**own, **SECRETS, 'AWS_ACCESS_KEY_ID': 'AKID', variable: user + server.address, **more}
        process = subprocess.Popen([os.environ.get('LEAT', str(LEAT)), *words], env=given, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            process.stdin.write((TYPED + '\n').encode())
            process.stdin.flush()
            with server.socket.accept()[0] as connection:
                connection.settimeout(30)
                equal(len(connection.recv(1)), 1)  # it has what it needs
                lines = {pid: cmdline(pid) for pid in descendants(process.pid)}
            equal(words[0] in lines[process.pid], True, str(lines))
            return list(lines.values())
        except TimeoutError:
            process.kill()
            raise AssertionError('%s: %s' % (words, process.stdout.read())) from None
        finally:
            process.kill()
            process.wait()
            process.stdin.close()
            process.stdout.close()


@cases('commands of leat show no secret on their command lines, nor do programs that they start')
def commands(_):
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / 'password'
        file.write_text(TYPED + '\n')
        found = []
        for words in BY_KAFKA:
            found += command_lines([str(file) if word == 'FILE' else word for word in words], 'LEAT_SERVER', 'somebody@')
        for words in BY_HTTP:
            found += command_lines(words, 'LEAT_API', 'somebody@') + command_lines(words, 'LEAT_API', '', LEAT_TOKEN=TOKEN)
        for words in BY_SQS:
            found += command_lines(words, 'LEAT_SQS', '')
    equal(len(found) >= len(BY_KAFKA) + 2 * len(BY_HTTP) + len(BY_SQS), True)
    equal([line for line in found if any(secret in line for secret in (*SECRETS.values(), TOKEN, TYPED))], [])


@cases('a secret of the server cannot be a flag, and `leat config check` does not show one')
def flags(_):
    leat, own = os.environ.get('LEAT', str(LEAT)), {k: v for k, v in os.environ.items() if not k.startswith('LEAT')}

    def run(*words, **environment):
        done = subprocess.run([leat, *words], capture_output=True, text=True, timeout=60, env={**own, **environment})
        return done.returncode, done.stdout + done.stderr
    for flag, variable in (('--resp.password', 'LEAT_RESP_PASSWORD'), ('--sqs.access-keys', 'LEAT_SQS_ACCESS_KEYS')):
        for words in ((flag, 'AKID=sEcReT'), (flag + '=AKID=sEcReT',)):
            for start in (('serve',), ('config', 'check')):
                code, said = run(*start, *words)
                equal((code != 0, variable in said, 'the file' in said, 'sEcReT' in said), (True, True, True, False), said)
        code, said = run('config', 'check', **{variable: 'AKID=sEcReT'})
        equal((code, variable in said, 'sEcReT' in said), (0, True, False), said)
        equal(flag in run('serve', '--help')[1], False)


@contextlib.contextmanager
def umask(mask):
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def modes(folder):
    """Path below a folder → mode, with the folder itself."""
    return {str(p.relative_to(folder)): (p.is_dir(), stat.S_IMODE(p.lstat().st_mode)) for p in [folder, *folder.rglob('*')]}


OPEN_WARNING = 'others on this machine may look into'


@cases('with umask 022 files of all kinds are for the owner alone, and their folders; a data folder that others may read is named')
def on_the_disk(_):
    with umask(0o022), Secured(resp=True) as server:
        server.start()
        topic, key = new_topic(server), new_access_key(server, 'root')
        with Kafka(server) as connection:
            equal(connection.password('root', ROOT_PASSWORD)['ErrorCode'], NO_ERROR)
        kept = [unique('record'), unique('key'), unique('message')]
        ask_root(server, 200, 'POST', '/v1/topics/%s/records' % topic, {'records': [{'value': kept[0]}]})
        connect(server.resp, username='root', password=ROOT_PASSWORD, retry=None).set(kept[1], 'b')
        sqs = amazon('sqs', server.sqs, key)
        url = sqs.create_queue(QueueName='mine')['QueueUrl']
        sqs.send_message(QueueUrl=url, MessageBody=kept[2])
        equal(len(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)['Messages']), 1)
        # More delayed messages than are held in memory: the index has the others.
        late = {'messages': [{'body': 'x', 'delay_ms': 3_600_000}] * 1000}
        with as_root(server) as api:
            for _ in range(18):
                api(200, 'POST', '/v1/queues/mine/messages', late)
        wait_for('the index', lambda: (server.data / 'queue-index' / 'CURRENT').exists())
        wait_for('all of it on the disk', lambda: {secret for _, secret in files_with(server.data / 'topics', *kept)} == {
            text[:12] for text in kept})
        for when in ('while it runs', 'when it has stopped'):
            found = modes(server.data)
            wrong = {name: oct(mode) for name, (is_folder, mode) in found.items() if mode & 0o077 or is_folder and mode != 0o700}
            equal(wrong, {}, when)
            for kind in (r'^\.$', r'catalog', r'\.log$', r'\.idx$', r'^audit/audit\.log$', r'^queue-index/CURRENT$', r'^lock$'):
                equal(any(re.search(kind, name) for name in found), True, '%s among %s' % (kind, sorted(found)))
            equal(server.stop(), 0)
        equal(OPEN_WARNING in server.log.read_text(), False, 'a warning of a folder that is closed')
        for mode in (0o755, 0o750, 0o701):
            os.chmod(server.data, mode)
            before = len(server.log.read_text())
            server.start()
            equal(server.stop(), 0)
            said = server.log.read_text()[before:]
            equal((said.count(OPEN_WARNING), 'chmod 700 ' + str(server.data) in said), (1, True), oct(mode) + said)
        equal({n: m for n, (_, m) in modes(server.data).items() if m & 0o077 and n != '.'}, {}, 'what is in it')


class On(Server):
    """A server that listens as it is told."""

    def __init__(self, *listeners):
        super().__init__()
        self.listeners = listeners

    def command(self):
        return [self.leat, 'serve', '--data', str(self.data), *(w for each in self.listeners for w in ('--listen', each))]

    def ready(self):
        if self.process.poll() is not None:
            raise AssertionError('the server ended:\n' + self.log_tail())
        return '"serving"' in self.log.read_text()[self.begun:]

    def start(self, seconds=60):
        self.begun = len(self.log.read_text()) if self.log.exists() else 0
        return super().start(seconds)

    def hints(self):
        """What the log says of the first user since the last start."""
        messages = [json.loads(line) for line in self.log.read_text()[self.begun:].splitlines()]
        return [m.get('message') or m.get('msg') for m in messages if 'there are no users' in str(m)]


@cases('without users the log says how to make the first one, whatever the server listens for; with one it does not')
def first_user(_):
    kafka, http, resp = free_port(), free_port(), free_port()
    with On('kafka=127.0.0.1:%d' % kafka, 'http=127.0.0.1:%d' % http, 'resp=127.0.0.1:%d' % resp) as server:
        server.start()
        hint, = server.hints()
        words = re.search(r'leat (user add NAME --admin --server \S+)$', hint)[1].replace('NAME', 'ada').split()
        equal(words[-1], '127.0.0.1:%d' % kafka)
        done = subprocess.run([server.leat, *words], env={**server.environment, 'LEAT_NEW_PASSWORD': PASSWORD}, timeout=60,
                              capture_output=True)
        equal(done.returncode, 0, str(done))
        equal(server.stop(), 0)
        server.start()
        equal(server.hints(), [], 'with a user')
        equal(server.stop(), 0)
    with On('http=127.0.0.1:%d' % http) as server:
        server.start()
        hint, = server.hints()
        equal('POST http://127.0.0.1:%d/v1/users' % http in hint, True, hint)
        server.http_port = http
        with api_as(server) as api:
            api(201, 'POST', '/v1/users', {'name': 'ada', 'password': PASSWORD, 'admin': True})
        equal(server.stop(), 0)
    with On('resp=127.0.0.1:%d' % resp) as server:
        server.start()
        hint, = server.hints()
        equal('leat user add NAME --admin' in hint and 'kafka=127.0.0.1' in hint, True, hint)
        equal(server.stop(), 0)


def main():
    return 1 if cases.run(None) else 0


if __name__ == '__main__':
    sys.exit(main())
