#!/usr/bin/python3
"""The Redis door: commands of each kind × who sends them: nobody, a user without a grant, with every other one, with the grant on
other things, with the grant, by a role, denied: suite_resp_matrix.py [ADDRESS], which is not used: users need a server of their
own."""
import re
import socket
import sys

from harness import ROOT, Cases, equal, unique
from matrix_support import Matrix, Row
from security_support import PASSWORD, grant, new_topic, new_user, run_secured, wait_audited

cases = Cases('resp_matrix')
DONE, NO_AUTH, NO_PERMISSION = 'done', 'NOAUTH', 'NOPERM'


class Wire:
    """A connection of somebody, or of nobody."""

    def __init__(self, server, user=None, password=PASSWORD, source='127.0.0.1'):
        self.socket = socket.create_connection(('127.0.0.1', server.resp_port), timeout=60, source_address=(source, 0))
        self.input = self.socket.makefile('rb')
        if user:
            equal(self('AUTH', user, password), DONE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.input.close()
        self.socket.close()

    def __call__(self, *words):
        """What became of a command: DONE, or the code of the error."""
        coded = [word.encode() for word in words]
        self.socket.sendall(b'*%d\r\n' % len(coded) + b''.join(b'$%d\r\n%s\r\n' % (len(word), word) for word in coded))
        return self.reply()

    def reply(self):
        line = self.input.readline().rstrip(b'\r\n')
        kind, rest = line[:1], line[1:]
        if kind == b'-':
            return rest.split()[0].decode()
        if kind in b'$=' and rest != b'-1':
            self.input.read(int(rest) + 2)
        elif kind in b'*~>%|':
            for _ in range(max(int(rest), 0) * (2 if kind in b'%|' else 1)):
                self.reply()
        assert kind in b'+:$*~>%|_,#=(' and kind, 'what came is no reply: %r' % line
        return DONE


class Command(Row):
    """`kind`: of src/protocol/resp/acl/wants.h. `denied`: what the audit log says was denied: 'key', ('channel', its name), or the
    command itself."""

    def __init__(self, kind, words, *needs, fits=DONE, denied=None, before=(), is_for_any=False):
        super().__init__(' '.join(words), *needs, fits=fits)
        self.kind, self.words, self.denied, self.before, self.is_for_any = kind, words, denied, before, is_for_any
        has_part = words[0] in ('CLIENT', 'CONFIG', 'PUBSUB', 'SLOWLOG', 'FUNCTION', 'ACL', 'SCRIPT', 'CLUSTER')
        self.name = '|'.join(words[:2] if has_part else words[:1]).lower()

    def trace(self, need):
        if self.denied == 'key':
            return self.name, 'key', need[-1][1].partition(':')[2]
        return self.name, *(self.denied or ('command', self.name))


def rows(key, topic):
    """Of keys, locks and channels of this name."""
    on, lock, channel = 'key:' + key, 'lock:' + key, 'channel:' + key
    library = '#!lua name=matrix\nredis.register_function("f", function() return 1 end)'

    def on_key(*words, reads=False, writes=False, fits=DONE, kind='keys'):
        needs = [(what, on) for what, wanted in (('read', reads), ('write', writes)) if wanted] or [('describe', on)]
        return Command(kind, words, *needs, fits=fits, denied='key')

    def cluster(kind, *words):
        return Command(kind + '_cluster', words, (kind, 'cluster'))
    return [
        on_key('GET', key, reads=True),
        on_key('HGETALL', key, reads=True),
        on_key('SET', key, '1', writes=True),
        on_key('EXPIRE', key, '1000', writes=True),
        on_key('DEL', key, writes=True),
        on_key('GETDEL', key, reads=True, writes=True),
        on_key('LPOP', key, reads=True, writes=True),
        on_key('EXISTS', key),
        on_key('TYPE', key),
        on_key('STRLEN', key),
        on_key('TTL', key, reads=True),
        on_key('XREADGROUP', 'GROUP', 'g', 'me', 'STREAMS', key, '>', reads=True, writes=True, fits='NOGROUP'),
        Command('keys', ('COPY', key, key + '-to'), ('read', on), ('write', on + '-to'), denied='key'),
        on_key('WATCH', key, reads=True, kind='watched_keys'),
        Command('every_key', ('SCAN', '0'), ('read', 'key:*')),
        Command('every_key', ('SCAN', '0', 'MATCH', key + '*'), ('read', on + '*')),
        Command('every_key', ('KEYS', key + '*'), ('read', on + '*')),
        Command('every_key', ('RANDOMKEY',), ('read', 'key:*')),
        Command('every_key', ('DBSIZE',), ('read', 'key:*')),
        Command('broadcasts', ('CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', key), ('read', on + '*'), before=[('HELLO', '3')],
                denied=('key', key)),
        Command('broadcasts', ('CLIENT', 'TRACKING', 'ON', 'BCAST'), ('read', 'key:*'), before=[('HELLO', '3')]),
        Command('some_key', ('EVAL', 'return 1', '0'), [('read', on), ('write', on)], is_for_any=True),
        Command('some_key', ('SCRIPT', 'LOAD', 'return 1'), [('read', on), ('write', on)], is_for_any=True),
        Command('locks', ('LOCK.ACQUIRE', key, 'TTL', '60000'), ('write', lock), denied='key'),
        Command('locks', ('LOCK.INFO', key), ('describe', lock), denied='key'),
        Command('channels', ('SUBSCRIBE', key), ('read', channel), denied=('channel', key)),
        Command('channels', ('SSUBSCRIBE', key), ('read', channel), denied=('channel', key)),
        Command('channels', ('PSUBSCRIBE', key + '*'), ('read', channel + '*'), denied=('channel', key + '*')),
        Command('channels', ('PUBLISH', key, 'x'), ('write', channel), denied=('channel', key)),
        Command('channels', ('SPUBLISH', key, 'x'), ('write', channel), denied=('channel', key)),
        Command('channels', ('SUBSCRIBE', 'topic:' + topic), ('read', 'topic:' + topic), denied=('channel', 'topic:' + topic)),
        Command('channels', ('PUBLISH', 'topic:' + topic, 'x'), ('write', 'topic:' + topic), denied=('channel', 'topic:' + topic)),
        Command('known_channels', ('PUBSUB', 'NUMSUB', key), ('describe', channel), denied=('channel', key)),
        Command('every_channel', ('PUBSUB', 'CHANNELS'), ('describe', 'channel:*')),
        cluster('describe', 'INFO'),
        cluster('describe', 'CONFIG', 'GET', 'maxmemory'),
        cluster('describe', 'CLIENT', 'LIST'),
        cluster('describe', 'SLOWLOG', 'GET'),
        cluster('alter', 'CONFIG', 'SET', 'maxmemory', '0'),
        cluster('alter', 'MONITOR'),
        cluster('alter', 'ACL', 'LIST'),
        cluster('alter', 'FUNCTION', 'LOAD', 'REPLACE', library),
        cluster('alter', 'SLOWLOG', 'RESET'),
        cluster('alter', 'FLUSHDB'),
    ]


NOTHING = [('PING',), ('ECHO', 'x'), ('SELECT', '1'), ('CLIENT', 'SETNAME', 'me'), ('CLIENT', 'ID'), ('MULTI',), ('ACL', 'WHOAMI'),
           ('TIME',), ('UNSUBSCRIBE', 'x')]
OPEN = [('RESET',), ('QUIT',)]


def ask(server):
    def outcome(row, user):
        with Wire(server, user) as wire:
            for words in row.before:
                if user:
                    equal(wire(*words), DONE)
            return wire(*row.words)
    return outcome


@cases('there is a command of each kind of what commands want')
def complete(_):
    declared = (ROOT / 'src/protocol/resp/acl/wants.h').read_text()
    kinds = set(re.findall(r'^  (\w+),', declared[declared.index('enum class Want'):], re.MULTILINE))
    equal(kinds, {row.kind for row in rows('k', 't')} | {'nothing'})
    equal(len(kinds) >= 12, True)


@cases('what wants nothing is done for each user, and not for nobody, who may log in, reset and go')
def nothing(server):
    user = new_user(server)
    for words in NOTHING:
        with Wire(server, user) as somebody, Wire(server) as nobody:
            equal((somebody(*words), nobody(*words)), (DONE, NO_AUTH), str(words))
    for words in OPEN:
        with Wire(server) as nobody:
            equal(nobody(*words), DONE, str(words))
    with Wire(server) as nobody:
        equal((nobody('HELLO', '3'), nobody('HELLO', '3', 'AUTH', user, PASSWORD), nobody('PING')), (NO_AUTH, DONE, DONE))


@cases('each kind × nobody, no grant, every other one, elsewhere, denied, by a role too, granted, by a role, by a prefix')
def every_kind(server):
    matrix = Matrix(server, 'resp', ask(server), lambda need, user: NO_PERMISSION if user else NO_AUTH)
    topic = new_topic(server)
    # From where nobody else comes: the audit log has only so many different lines of one source.
    for row in rows('k', topic):
        with Wire(server, source='127.0.0.2') as nobody:
            equal(nobody(*row.words), NO_AUTH, str(row))
        wait_audited(server, event='refused', protocol='resp', principal='User:ANONYMOUS', host='127.0.0.2', operation=row.name,
                     type='command')
    # From here on nobody is asked for each thing, for there is something that everyone may do.
    grant(server, '*', 'describe', 'key:' + unique('public'))
    for number in range(len(rows('k', topic))):
        row = rows(unique('mine'), topic)[number]
        matrix.refused(row)
        matrix.allowed(row)
    matrix.check()


if __name__ == '__main__':
    sys.exit(run_secured(cases))
