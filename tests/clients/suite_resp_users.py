#!/usr/bin/python3
"""Users of leat at the Redis door, with the clients that people use: suite_resp_users.py [ADDRESS], which is not used: users
need a server of their own."""
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import time

import redis

import http_support
from harness import Cases, Server, Skip, equal, free_port, unique, wait_for
from resp_support import PEER, connect, refused

NPM = pathlib.Path(__file__).resolve().parent / 'npm'
cases = Cases('resp_users')
ROOT_PASSWORD, PASSWORD = 'root, of = all', 'pencil'
WRONG = 'WRONGPASS invalid username-password pair'
NO_AUTH, NO_PERMISSION = 'Authentication required', 'this user has no permissions'


def leat(server, *arguments, user='root', new_password=PASSWORD):
    http_support.leat(server, *arguments, user=user, password=ROOT_PASSWORD, new_password=new_password)


def new_user(server, *grants):
    """A user who may do nothing but what each of `grants` says: (operations, resource, ...)."""
    name = unique('user')
    leat(server, 'user', 'add', name)
    for operations, *resources in grants:
        leat(server, 'grant', 'add', name, operations, *resources)
    return name


def failed_logins(server):
    with http_support.Api(server, 'root', ROOT_PASSWORD) as api:
        page = api.ask('GET', '/metrics').body.decode()
    return next(float(line.split()[-1]) for line in page.splitlines()
                if line.startswith('leat_logins_total{protocol="resp",result="failed"}'))


def as_user(server, user=None, password=PASSWORD, **options):
    """A client that is this user, or nobody."""
    if user:
        options.update(username=user, password=password)
    return connect(server.resp, retry=None, **options)


def as_root(server, **options):
    return as_user(server, 'root', ROOT_PASSWORD, **options)


def with_grants(server, *grants):
    """A client of a new user who may do nothing but what each of `grants` says: (operations, resource, ...)."""
    return as_user(server, new_user(server, *grants))


class Wire:
    """A connection that sends lines as they are."""

    def __init__(self, server):
        self.socket = socket.create_connection(('127.0.0.1', server.resp_port), timeout=60)
        self.input = self.socket.makefile('rb')

    def send(self, *lines):
        self.socket.sendall(''.join(line + '\r\n' for line in lines).encode())

    def line(self):
        return self.input.readline().decode().rstrip()

    def __call__(self, line):
        self.send(line)
        return self.line()


@cases('AUTH: the right password, a wrong one, names that nobody has')
def passwords(server):
    user = new_user(server, ('read,write', 'key:a*'))
    client = as_user(server, user)
    equal((client.set('a1', 'x'), client.get('a1'), client.acl_whoami()), (True, 'x', user))
    refused(NO_PERMISSION, client.get, 'b')
    for name, password in ((user, 'wrong'), (unique('nobody'), PASSWORD), ('default', PASSWORD)):
        refused(WRONG, as_user(server, name, password).ping)
    wire = Wire(server)
    equal(wire('AUTH ' + PASSWORD)[:45], '-ERR AUTH <password> called without any passw')
    equal(wire('GET a1'), '-NOAUTH Authentication required.')
    equal(wire('PING'), '-NOAUTH Authentication required.', 'nothing is granted to strangers')
    equal(wire('AUTH %s %s' % (user, PASSWORD)), '+OK')
    equal(wire('GET a1'), '$1')


@cases('who fails waits, and nobody else does; failures are counted')
def slowed_down(server):
    user = new_user(server)
    wire, other = Wire(server), as_root(server)
    before = failed_logins(server)
    began = time.monotonic()
    for _ in range(4):
        wire.send('AUTH %s wrong' % user)
        equal(other.ping(), True)
        equal(wire.line(), '-WRONGPASS invalid username-password pair or user is disabled.')
    # After the first one 100 ms, then twice as long each.
    equal(time.monotonic() - began >= 0.7, True, 'four failures were answered at once')
    equal(failed_logins(server), before + 4)
    equal([e for e in other.acl_log() if e['username'] == user], [], 'strangers fill no log: leat’s audit log has it')


@cases('commands behind AUTH in one pipeline wait for it, also those of MULTI')
def pipelines(server):
    user = new_user(server, ('read,write', 'key:pipe*'))
    wire = Wire(server)
    wire.send('GET pipe', 'AUTH %s %s' % (user, PASSWORD), 'SET pipe 1', 'MULTI', 'INCR pipe', 'EXEC', 'GET other',
              'AUTH %s wrong' % user, 'INCR pipe', 'RESET', 'GET pipe', 'HELLO 3 AUTH %s %s' % (user, PASSWORD))
    equal([wire.line() for _ in range(7)], ['-NOAUTH Authentication required.', '+OK', '+OK', '+OK', '+QUEUED', '*1', ':2'])
    equal(wire.line()[:7], '-NOPERM')
    equal([wire.line()[:10] for _ in range(5)], ['-WRONGPASS', ':3', '+RESET', '-NOAUTH Au', '%7'])
    # A large command may come right behind.
    wire = Wire(server)
    value = 'x' * 200_000
    wire.socket.sendall(('AUTH %s %s\r\n*3\r\n$3\r\nSET\r\n$4\r\npipe\r\n$%d\r\n%s\r\n'
                         % (user, PASSWORD, len(value), value)).encode())
    equal((wire.line(), wire.line()), ('+OK', '+OK'))
    # A stranger is not listened to for that long.
    wire = Wire(server)
    wire.send('*3', '$3', 'SET', '$4', 'pipe', '$200000')
    equal(wire.line(), '-ERR Protocol error: unauthenticated bulk length')
    equal(wire.line(), '')


@cases('HELLO AUTH: RESP3, names, and the failure of it')
def hello(server):
    user = new_user(server, ('read,write', 'key:h*'))
    wire = Wire(server)
    equal(wire('HELLO 3')[:52], '-NOAUTH HELLO must be called with the client already')
    equal(wire('HELLO 3 AUTH %s wrong SETNAME me' % user)[:10], '-WRONGPASS')
    wire.send('HELLO 3 AUTH %s %s SETNAME me' % (user, PASSWORD), 'ECHO end')
    lines = [wire.line()]
    while lines[-1] != 'end':
        lines.append(wire.line())
    equal((lines[0], lines[lines.index('proto') + 1]), ('%7', ':3'))
    equal([wire(line) for line in ('HGETALL h', 'SET h 1', 'CLIENT GETNAME')], ['%0', '+OK', '$2'])
    equal((wire.line(), wire('GET other')[:7]), ('me', '-NOPERM'))


@cases('a password that is changed is asked for the next time; who is removed is refused at once')
def changed(server):
    user = new_user(server, ('read', 'key:*', 'channel:*'))
    client = as_user(server, user)
    listener = client.pubsub()
    listener.subscribe('news')
    equal(listener.get_message(timeout=30)['type'], 'subscribe')
    equal(client.get('a'), None)
    leat(server, 'user', 'password', user, new_password='other')
    equal(client.get('a'), None, 'on a connection from before')
    refused(WRONG, as_user(server, user).ping)
    other = as_user(server, user, 'other')
    wait_for('the new password', lambda: other.get('a') is None)
    leat(server, 'user', 'remove', user)
    for each in (client, other):
        refused(NO_AUTH, each.get, 'a')
    try:
        listener.get_message(timeout=30)
    except redis.ConnectionError:
        pass
    else:
        raise AssertionError('who is removed goes on listening')
    refused(WRONG, as_user(server, user, 'other').ping)


# What is called, with the grants that let it pass, and grants that do not.
CLASSES = [
    ('GET', ('GET', 'mine'), [('read', 'key:mine')], [('write', 'key:mine'), ('read', 'key:other')]),
    ('SET', ('SET', 'mine', '1'), [('write', 'key:mine')], [('read', 'key:mine'), ('all', 'key:other')]),
    ('EXISTS', ('EXISTS', 'mine'), [('describe', 'key:mine')], [('describe', 'key:other')]),
    ('GETSET', ('GETSET', 'mine', '1'), [('read,write', 'key:mine')], [('read', 'key:mine'), ('write', 'key:mine')]),
    ('SCAN', ('SCAN', '0'), [('read', 'key:*')], [('read', 'key:mine'), ('describe', 'key:*')]),
    ('KEYS', ('KEYS', 'mine*'), [('read', 'key:min*')], [('read', 'key:mine-*')]),
    ('EVAL', ('EVAL', 'return redis.call("get", "mine")', '0'), [('read', 'key:mine')], [('read', 'channel:*')]),
    ('FLUSHDB', ('FLUSHDB',), [('alter', 'cluster')], [('all', 'key:*'), ('describe', 'cluster')]),
    ('INFO', ('INFO',), [('describe', 'cluster')], [('all', 'key:*', 'channel:*', 'lock:*')]),
    ('CONFIG SET', ('CONFIG', 'SET', 'maxmemory', '0'), [('alter', 'cluster')], [('describe', 'cluster')]),
    ('PUBLISH', ('PUBLISH', 'mine', 'x'), [('write', 'channel:mine')], [('read', 'channel:mine'), ('all', 'key:*')]),
    ('PUBSUB CHANNELS', ('PUBSUB', 'CHANNELS'), [('describe', 'channel:*')], [('read', 'channel:mine')]),
    ('LOCK.INFO', ('LOCK.INFO', 'mine'), [('describe', 'lock:mine')], [('all', 'key:*'), ('all', 'lock:other')]),
    ('LOCK.ACQUIRE', ('LOCK.ACQUIRE', 'mine', 'TTL', '1'), [('write', 'lock:mine')], [('describe', 'lock:mine')]),
]


@cases('each class of commands: no grant, another grant, the grant, a denial')
def classes(server):
    for name, words, grants, others in CLASSES:
        for other in ([], *([each] for each in others)):
            refused(NO_PERMISSION, with_grants(server, *other).execute_command, *words)
        user = new_user(server, *grants)
        client = as_user(server, user)
        client.execute_command(*words)
        operations, *resources = grants[0]
        leat(server, 'grant', 'add', user, operations, *resources, '--deny')
        refused(NO_PERMISSION, client.execute_command, *words)
        leat(server, 'grant', 'remove', user, operations, *resources)
        refused(NO_PERMISSION, client.execute_command, *words)


@cases('grants for an address hold from there')
def addresses(server):
    user = new_user(server)
    client = as_user(server, user)
    refused(NO_PERMISSION, client.get, 'a')
    leat(server, 'grant', 'add', user, 'read', 'key:a', '--host', '10.0.0.1')
    refused(NO_PERMISSION, client.get, 'a')
    leat(server, 'grant', 'add', user, 'read', 'key:a', '--host', '127.0.0.1')
    equal(client.get('a'), None)


@cases('channels, patterns and sharded channels: who may listen, and who no longer may')
def channels(server):
    user = new_user(server, ('read', 'channel:news*'), ('write', 'channel:news.a'))
    client, root = as_user(server, user), as_root(server)
    listener = client.pubsub()
    listener.subscribe('news.a')
    listener.psubscribe('news.[ab]')
    types = [listener.get_message(timeout=30)['type'] for _ in range(2)]
    equal(types, ['subscribe', 'psubscribe'])
    equal(client.publish('news.a', 'x'), 2)
    equal(sorted(listener.get_message(timeout=30)['type'] for _ in range(2)), ['message', 'pmessage'])
    refused(NO_PERMISSION, client.publish, 'news.b', 'x')
    for command, name in (('SUBSCRIBE', 'other'), ('PSUBSCRIBE', '*'), ('PSUBSCRIBE', 'new*'), ('SSUBSCRIBE', 'other')):
        equal(Wire.__call__(logged_in(server, user), '%s %s' % (command, name))[:7], '-NOPERM', command)
    leat(server, 'grant', 'add', user, 'read', 'channel:news.b', '--deny')
    root.publish('news.b', 'secret')
    try:
        message = listener.get_message(timeout=30)
    except redis.ConnectionError:
        message = None
    equal(message, None, 'a subscription whose grant is taken back ends')


def logged_in(server, user):
    wire = Wire(server)
    equal(wire('AUTH %s %s' % (user, PASSWORD)), '+OK')
    return wire


@cases('channels that are topics want the right on the topic')
def topics(server):
    topic = unique('orders')
    leat(server, 'topic', 'create', topic)
    user = new_user(server, ('read', 'topic:' + topic), ('all', 'channel:*'))
    listener = as_user(server, user).pubsub()
    listener.subscribe('topic:' + topic)
    equal(listener.get_message(timeout=30)['type'], 'subscribe')
    refused(NO_PERMISSION, as_user(server, user).publish, 'topic:' + topic, 'x')
    as_root(server).publish('topic:' + topic, 'x')
    equal(listener.get_message(timeout=30)['data'], 'x')
    equal(logged_in(server, new_user(server, ('all', 'channel:*')))('SUBSCRIBE topic:' + topic)[:7], '-NOPERM')
    leat(server, 'grant', 'remove', user, 'read', 'topic:' + topic)
    as_root(server).publish('topic:' + topic, 'secret')
    try:
        message = listener.get_message(timeout=30)
    except redis.ConnectionError:
        message = None
    equal(message, None)


@cases('transactions and scripts: each command is asked for, and again when it runs')
def transactions(server):
    user = new_user(server, ('read,write', 'key:t1', 'key:t2'))
    client = as_user(server, user)
    with client.pipeline() as pipeline:
        pipeline.set('t1', '1').set('t2', '2')
        equal(pipeline.execute(), [True, True])
        pipeline.set('t1', '1').set('t3', '2')
        refused('Command # 2', pipeline.execute)
    wire = logged_in(server, user)
    equal([wire(line) for line in ('MULTI', 'SET t1 x', 'SET t2 x')], ['+OK', '+QUEUED', '+QUEUED'])
    leat(server, 'grant', 'remove', user, 'write', 'key:t1')
    equal((wire('EXEC'), wire.line()[:35], wire.line()), ('*2', '-NOPERM ACLs rules changed between ', '+OK'))
    equal((client.get('t1'), client.get('t2')), ('1', 'x'))
    refused('The user executing the script', client.eval, 'return redis.call("set", "t1", "y")', 0)
    equal(client.eval('return redis.call("get", "t1")', 0), '1')
    as_root(server).function_load(
        '#!lua name=users\nredis.register_function("f", function() return redis.call("set", "t1", "z") end)', replace=True)
    refused('The user executing the script', client.fcall, 'f', 0)
    refused(NO_PERMISSION, client.function_flush)


@cases('who waits for a key and may no longer read it gets nothing')
def blocked(server):
    user = new_user(server, ('read,write', 'key:queue'))
    client, answers = as_user(server, user), []

    def wait():
        try:
            answers.append(client.blpop('queue', 30))
        except redis.RedisError as error:
            answers.append(str(error))
    thread = threading.Thread(target=wait)
    thread.start()
    root = as_root(server)
    wait_for('the client to wait', lambda: root.info('clients')['blocked_clients'] == 1)
    leat(server, 'grant', 'remove', user, 'read,write', 'key:queue')
    root.rpush('queue', 'secret')
    thread.join(30)
    equal(answers[0].startswith(NO_PERMISSION), True, answers)
    equal(root.lpop('queue'), 'secret')


@cases('strangers may do what is granted to everyone, and nothing else')
def strangers(server):
    stranger = as_user(server)
    refused(NO_AUTH, stranger.get, 'public')
    leat(server, 'grant', 'add', '*', 'read', 'key:public')
    try:
        equal((stranger.get('public'), stranger.ping(), stranger.acl_whoami()), (None, True, 'ANONYMOUS'))
        for words in (('SET', 'public', 'x'), ('GET', 'other'), ('INFO',), ('CONFIG', 'GET', '*'), ('FLUSHALL',)):
            refused(NO_AUTH, stranger.execute_command, *words)
    finally:
        leat(server, 'grant', 'remove', '*', 'read', 'key:public')
    refused(NO_AUTH, stranger.get, 'public')


@cases('users of Redis keep their rules, but not the names of users of leat')
def of_redis(server):
    with Server(resp=True) as fresh:
        fresh.start()
        name = unique('redis')
        before = dict(enabled=True, passwords=['+right'], categories=['+@all', '-@dangerous'], keys=['r*'])
        equal(as_user(fresh).acl_setuser(name, **before), True)
        http_support.leat(fresh, 'user', 'add', 'root', '--admin', user='', new_password=ROOT_PASSWORD)
        root, client = as_root(fresh), as_user(fresh, name, 'right')
        equal(client.set('r', 1), True)
        refused(NO_PERMISSION, client.get, 'a')
        refused(NO_PERMISSION, client.flushall)
        refused(WRONG, as_user(fresh, name, 'wrong').ping)
        equal(root.acl_setuser(name, enabled=True, commands=['-set']), True)
        refused(NO_PERMISSION, client.set, 'r', 1)
        equal(root.acl_deluser(name), 1)
        refused(WRONG, as_user(fresh, name, 'right').ping)
    user, root = new_user(server, ('read,write', 'key:a*'), ('read', 'key:b')), as_root(server)
    equal(user in root.acl_users() and 'root' in root.acl_users(), True)
    shown = root.acl_getuser(user)
    equal((sorted(shown['keys']), shown['flags']), (['%R~b', '~a*'], ['on']))
    equal(any(line.startswith('user root on ~* &* ') for line in root.acl_list()), True, root.acl_list())
    equal(root.execute_command('ACL', 'DRYRUN', user, 'GET', 'b'), 'OK')
    equal('no permissions' in root.execute_command('ACL', 'DRYRUN', user, 'SET', 'b', '1'), True)


def granted_to(server, user):
    """("allow read key app:*", ...)"""
    with http_support.Api(server, 'root', ROOT_PASSWORD) as api:
        answer = api.ask('GET', '/v1/grants?principal=User:' + user)
        equal(answer.status, 200, answer.body)
        return sorted('%s %s %s%s' % (grant['operation'], grant['type'], grant['name'],
                                      '*' if grant['pattern'] == 'prefixed' else '') for grant in answer.json()['items'])


@cases('ACL SETUSER makes users of leat, who are the same at every door')
def made_by_redis(server):
    root, name = as_root(server), unique('app')
    root.set('app:there', 'yes')
    equal(root.execute_command('ACL', 'SETUSER', name, 'on', '>right', '~app:*', '%R~all', '&news*', '+@all', '-incr'), 'OK')
    equal(granted_to(server, name), ['read channel news*', 'read key all', 'read key app:*', 'write channel news*', 'write key app:*'])
    client = as_user(server, name, 'right')
    equal((client.get('app:there'), client.set('app:1', 1), client.get('all'), client.publish('news:1', 'x')), ('yes', True, None, 0))
    refused(NO_PERMISSION, client.execute_command, 'INCR', 'app:1')
    refused(NO_PERMISSION, client.set, 'all', 1)
    refused(NO_PERMISSION, client.publish, 'other', 'x')
    refused(NO_PERMISSION, client.config_get, '*')
    refused(NO_PERMISSION, client.acl_setuser, name, enabled=True, commands=['+incr'])
    with http_support.Api(server, name, 'right') as api:
        equal([api.ask('GET', '/v1/keys/' + key).status for key in ('app:there', 'other')], [200, 403])
        equal(api.ask('GET', '/v1/me').json()['principal'], 'User:' + name)
    shown = root.acl_getuser(name)
    equal((shown['categories'][0], '-incr' in shown['commands'], '-flushall' in shown['commands']), ('+@all', True, True), shown)
    # What is changed holds at once, on connections that are open.
    equal(root.execute_command('ACL', 'SETUSER', name, '>another', 'resetkeys', '~other', '+incr'), 'OK')
    equal(client.execute_command('INCR', 'other'), 1)
    refused(NO_PERMISSION, client.get, 'app:there')
    refused(WRONG, as_user(server, name, 'right').ping)
    equal(as_user(server, name, 'another').acl_whoami(), name)
    # What users of leat cannot be is refused, and changes nothing.
    had = granted_to(server, name)
    for rule in ('off', 'nopass', '~a*b', '(+get ~a)', '#' + 64 * '0', '+nonsense'):
        refused('Error in ACL SETUSER modifier', root.execute_command, 'ACL', 'SETUSER', name, '~more', rule)
    equal(granted_to(server, name), had)
    refused('no user would be left', root.execute_command, 'ACL', 'DELUSER', 'root')
    equal(root.execute_command('ACL', 'DELUSER', name), 1)
    equal((granted_to(server, name), name in root.acl_users()), ([], False))
    refused(NO_AUTH, client.get, 'other')


@cases('the first user closes connections that were open')
def first(server):
    with Server(resp=True) as fresh:
        fresh.start()
        before = as_user(fresh)
        equal(before.set('a', 1), True)
        listener = before.pubsub()
        listener.subscribe('news')
        equal(listener.get_message(timeout=30)['type'], 'subscribe')
        leat(fresh, 'user', 'add', 'root', '--admin', user='', new_password=ROOT_PASSWORD)
        refused(NO_AUTH, before.get, 'a')
        refused(NO_AUTH, as_user(fresh).get, 'a')
        equal(as_root(fresh).get('a'), '1')
        fresh.kill()
        fresh.start()
        refused(NO_AUTH, as_user(fresh).get, 'a')
        equal(as_root(fresh).get('a'), '1')


@cases('resp.password is asked for besides')
def default_password(server):
    with Server(environment={'LEAT_RESP_PASSWORD': 'for all'}, resp=True) as fresh:
        fresh.start()
        leat(fresh, 'user', 'add', 'root', '--admin', user='', new_password=ROOT_PASSWORD)
        leat(fresh, 'grant', 'add', '*', 'read', 'key:*')
        refused(NO_AUTH, as_user(fresh).get, 'a')
        equal(connect(fresh.resp, password='for all').set('a', 1), True)
        equal(as_root(fresh).get('a'), '1')
        refused(WRONG, connect(fresh.resp, password='other', retry=None).get, 'a')


@cases('redis-cli: --user and --pass, AUTH by hand')
def redis_cli(server):
    if not shutil.which('redis-cli'):
        raise Skip('there is no redis-cli')
    user = new_user(server, ('read,write', 'key:cli'))

    def cli(*arguments, text=None):
        done = subprocess.run(['redis-cli', '-p', str(server.resp_port), *arguments], input=text, capture_output=True,
                              text=True, timeout=60)
        return done.stdout + done.stderr
    equal(cli('--user', user, '--pass', PASSWORD, '--no-auth-warning', 'SET', 'cli', 'x'), 'OK\n')
    equal(cli('-3', '--user', user, '--pass', PASSWORD, '--no-auth-warning', 'GET', 'cli'), 'x\n')
    said = cli('--user', user, '--pass', 'wrong', 'GET', 'cli')
    equal('WRONGPASS' in said and 'NOAUTH' in said, True, said)
    said = cli(text='GET cli\nAUTH %s %s\nGET cli\nGET other\n' % (user, PASSWORD))
    equal([line.split(' ')[0] for line in said.split('\n') if line], ['NOAUTH', 'OK', 'x', 'NOPERM'], said)


@cases('ioredis: a user, pipelines, connections that come back')
def ioredis(server):
    if not (NPM / 'node_modules').exists():
        raise Skip('the Node.js clients are not installed')
    key = unique('ioredis')
    user = new_user(server, ('read,write', 'key:' + key + '*'))
    done = subprocess.run(['node', str(NPM / 'ioredis_users.mjs'), str(server.resp_port), user, PASSWORD, key],
                          capture_output=True, text=True, timeout=120)
    equal(done.returncode, 0, done.stdout + done.stderr)
    equal(done.stdout.split(), ['value', user, 'NOPERM', '100', '101', 'WRONGPASS'], done.stderr)


@cases('TLS: the same on an encrypted connection')
def tls(server):
    from suite_tls import Certificates
    certificates = Certificates()
    certificates.make('localhost')
    port = free_port()
    with Server('--listen', 'resp+tls=127.0.0.1:%d' % port, '--tls.certificate', str(certificates.file), '--tls.key',
                str(certificates.key)) as fresh:
        fresh.start()
        leat(fresh, 'user', 'add', 'root', '--admin', user='', new_password=ROOT_PASSWORD)
        user = new_user(fresh, ('read,write', 'key:a'))
        options = {'port': port, 'ssl': True, 'ssl_ca_certs': str(certificates.authority), 'decode_responses': True,
                   'retry': None}
        client = redis.Redis(username=user, password=PASSWORD, **options)
        equal((client.set('a', 'x'), client.get('a')), (True, 'x'))
        refused(NO_PERMISSION, client.get, 'b')
        refused(NO_AUTH, redis.Redis(**options).get, 'a')
        refused(WRONG, redis.Redis(username=user, password='wrong', **options).get, 'a')


@cases('no password is in the log')
def log(server):
    text = server.log.read_text()
    equal(PASSWORD in text or ROOT_PASSWORD in text, False)


def main():
    if PEER:
        print('skipped resp_users: another server has no users of leat')
        return 0
    with Server(resp=True) as server:
        server.start()
        leat(server, 'user', 'add', 'root', '--admin', user='', new_password=ROOT_PASSWORD)
        failed = cases.run(server)
        equal(server.stop(), 0, 'the exit code of the server')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
