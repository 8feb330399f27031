"""Runs steps on two servers and compares what they answer.

Kinds of steps, as (kind, connection, payload):
  command        one command. Neighbours on the same connection are sent together.
  group          steps that stay together when a sequence is shrunk
  batch          commands on a connection that gets messages; all that comes before the answer to a PING is compared
  block          a command that may wait; nothing is read
  collect        whoever waits: still waits on both servers, or got the same reply
  release        CLIENT UNBLOCK for those that still wait
  await          a command that may wait, and its reply
  raw            bytes (a list of pieces) on a fresh connection, until its end
  session        commands on a fresh connection
  scan           a whole scan; None stands for the cursor
  dump           DUMP a key on each server, RESTORE it on the other
  function_dump  the same with FUNCTION DUMP
  wait           seconds, for keys to expire
"""
import socket
import time

import follow
import resp
from servers import REPLY_SECONDS, Connection, NoReply

CHUNK_COMMANDS, CHUNK_BYTES = 128, 32768
SETTLE_SECONDS = 5
DATABASES = 16
RESET = [[b'FLUSHALL'], [b'SCRIPT', b'FLUSH'], [b'FUNCTION', b'FLUSH'], [b'ACL', b'DELUSER', b'alice', b'bob'], [b'ACL', b'LOG', b'RESET'],
         [b'SLOWLOG', b'RESET'], [b'LATENCY', b'RESET'], [b'CLIENT', b'UNPAUSE']] + [[b'CONFIG', b'SET', name, value] for name, value in (
             (b'notify-keyspace-events', b''), (b'hash-max-listpack-entries', b'128'), (b'hash-max-listpack-value', b'64'),
             (b'list-max-listpack-size', b'-2'), (b'set-max-intset-entries', b'512'), (b'zset-max-listpack-entries', b'128'),
             (b'zset-max-listpack-value', b'64'), (b'stream-node-max-entries', b'100'), (b'hll-sparse-max-bytes', b'3000'),
             (b'maxmemory', b'0'), (b'timeout', b'0'), (b'latency-monitor-threshold', b'0'), (b'slowlog-max-len', b'128'))]
READ_VALUE = {b'string': lambda key: [b'GET', key], b'hash': lambda key: [b'HGETALL', key], b'list': lambda key: [b'LRANGE', key, b'0', b'-1'],
              b'set': lambda key: [b'SMEMBERS', key], b'zset': lambda key: [b'ZRANGE', key, b'0', b'-1', b'WITHSCORES'],
              b'stream': lambda key: [b'XRANGE', key, b'-', b'+']}


class Difference(Exception):
    def __init__(self, arguments, peer, subject, why='replies differ'):
        super().__init__(why)
        self.arguments, self.peer, self.subject, self.why = arguments, peer, subject, why
        self.index = None
        self.step = None
        self.seed = None

    def name(self):
        """The command, with its subcommand when it has those; of a script, what it calls."""
        return follow.full_name(self.arguments)


class Side:
    """One of the servers, with the connections of the sequence that runs."""

    def __init__(self, server):
        self.server = server
        self.connections = {}
        self.control = None

    def connection(self, name):
        found = self.connections.get(name)
        if found is None:
            found = self.connections[name] = Connection(self.server.address)
        return found

    def begin(self):
        if self.control is None:
            self.control = Connection(self.server.address)
        self.control.send(b''.join(map(resp.encode, RESET)))
        self.control.replies(len(RESET))

    def end(self):
        """Connections leave as they came, so that no later sequence meets their subscriptions."""
        for connection in self.connections.values():
            try:
                connection.send(resp.encode([b'RESET']))
                connection.until(b'+RESET\r\n')
            except (NoReply, OSError, resp.BadReply):
                pass
            connection.close()
        self.connections = {}

    def forget(self):
        for connection in [*self.connections.values(), self.control]:
            if connection is not None:
                connection.close()
        self.connections, self.control = {}, None

    def blocked(self):
        text = self.control.ask([b'INFO', b'clients'])
        place = text.find(b'blocked_clients:')
        return int(text[place + 16:text.index(b'\r', place)]) if place >= 0 else 0


class Runner:
    def __init__(self, peer, subject, rules, coverage):
        self.peer, self.subject = Side(peer), Side(subject)
        self.sides = (self.peer, self.subject)
        self.rules, self.coverage = rules, coverage
        self.compared = 0
        self.keep_going = False
        self.skipped = frozenset()
        self.differences = []

    def run(self, steps, keep_going=False):
        """All differences (only the first, unless keep_going)."""
        self.keep_going, self.differences, self.waiting, self.nonce = keep_going, [], {}, 0
        self.steps = flat(steps)
        self.index = 0
        try:
            for side in self.sides:
                side.begin()
            self.run_steps()
            self.release(None, None)
            self.compare_state()
            for side in self.sides:
                side.end()
        except Difference as difference:
            self.note(difference)
            self.start_over()
        except (NoReply, OSError, resp.BadReply, ValueError, IndexError) as error:
            step = self.steps[min(self.index, len(self.steps) - 1)] if self.steps else ('command', 0, [b''])
            payload = step[2] if step[0] == 'command' else [step[0].encode()]
            self.note(Difference(payload, None, None, 'a server did not answer: %s%s' % (error, self.ended())))
            self.start_over()
        return self.differences

    def note(self, difference):
        if difference.index is None:
            difference.index = self.index
        self.differences.append(difference)

    def ended(self):
        return ''.join('; %s ended: %s' % (side.server.name, side.server.log_tail()) for side in self.sides
                       if getattr(side.server, 'process', None) and side.server.process.poll() is not None)

    def start_over(self):
        for side in self.sides:
            side.forget()
            side.server.restart_if_ended()

    def differ(self, arguments, peer, subject, why='replies differ', index=None):
        difference = Difference(arguments, peer, subject, why)
        difference.index = self.index if index is None else index
        if not self.keep_going:
            raise difference
        self.differences.append(difference)

    def run_steps(self):
        steps, total = self.steps, len(self.steps)
        while self.index < total:
            kind, name, payload = steps[self.index]
            if kind == 'command':
                self.index = self.chunk(self.index, name)
            else:
                getattr(self, kind)(name, payload)
                self.index += 1

    # Commands in chunks

    def chunk(self, first, name):
        """Sends neighbouring commands at once. Returns the index after the last."""
        steps, commands, parts, size, index = self.steps, [], [], 0, first
        while index < len(steps) and len(commands) < CHUNK_COMMANDS and size < CHUNK_BYTES:
            kind, other, arguments = steps[index]
            if kind != 'command' or other != name:
                break
            index += 1
            commands.append(arguments)
            parts.append(resp.encode(arguments))
            size += len(parts[-1])
            if arguments and arguments[0].upper() in follow.STOPS:
                break
        self.compare_commands(name, commands, b''.join(parts), first)
        return index

    def compare_commands(self, name, commands, payload, first):
        peer, subject = self.peer.connection(name), self.subject.connection(name)
        peer.send(payload)
        subject.send(payload)
        replies = peer.replies(len(commands))
        self.compared += len(commands)
        self.coverage.saw(commands, replies)
        transactional = peer.in_transaction or b'+QUEUED\r\n' in replies
        if subject.begins_with(b''.join(replies)):
            if transactional:
                for arguments, reply in zip(commands, replies):
                    self.follow_transaction(peer, arguments, reply)
            return
        others = subject.replies(len(commands))
        for place, (arguments, one, other) in enumerate(zip(commands, replies, others)):
            queued = self.follow_transaction(peer, arguments, one) if transactional else ()
            if one != other:
                following = (commands[place + 1], replies[place + 1]) if place + 1 < len(commands) else None
                same = self.rules.same(arguments, one, other, following, queued)
                if same == 'random':
                    why = follow.check_random(arguments, one, other, peer, subject)
                    if why:
                        self.differ(arguments, one, other, why, first + place)
                elif not same:
                    self.differ(arguments, one, other, index=first + place)

    def follow_transaction(self, connection, arguments, reply):
        """Keeps what is queued on the connection; returns it at EXEC."""
        name = arguments[0].upper() if arguments else b''
        if reply == b'+QUEUED\r\n':
            connection.in_transaction = True
            connection.queued.append(arguments)
        elif name in (b'EXEC', b'DISCARD', b'RESET'):
            queued, connection.queued, connection.in_transaction = connection.queued, [], False
            return queued
        return ()

    def both(self, name, arguments):
        """Sends one command to both and compares. Returns the peer's reply."""
        before = self.peer.connection(name), self.subject.connection(name)
        for connection in before:
            connection.send(resp.encode(arguments))
        one, other = (connection.replies(1)[0] for connection in before)
        self.compared += 1
        self.coverage.saw([arguments], [one])
        if self.rules.same(arguments, one, other) is not True:
            self.differ(arguments, one, other)
        return one

    # Messages

    def batch(self, name, commands):
        self.nonce += 1
        nonce = b'sync-%d-%d' % (self.nonce, id(self) % 1000003)
        payload = b''.join(map(resp.encode, commands)) + resp.encode([b'PING', nonce])
        for side in self.sides:
            side.connection(name).send(payload)
        one, other = (side.connection(name).until(nonce) for side in self.sides)
        self.compared += len(commands) + 1
        if commands and one:
            self.coverage.saw(commands, one[:1] * len(commands))
        if self.rules.same_messages(one, other):
            return
        if len(commands) == len(one) == len(other) == 1 and self.rules.same(commands[0], one[0], other[0]) is True:
            return
        self.differ(commands[-1] if commands else [b'(messages)'], b''.join(one), b''.join(other), 'what came on connection %s differs' % name)

    # Waiting

    def block(self, name, arguments):
        if name in self.waiting:
            self.release(name, None)
        for side in self.sides:
            connection = side.connection(name)
            if connection.id is None:
                connection.id = int(connection.ask([b'CLIENT', b'ID'])[1:-2])
            connection.send(resp.encode(arguments))
        self.waiting[name] = arguments
        self.settle()

    def settle(self):
        """Waits until each waiting connection is known to wait or has its reply. Per side: connection → reply or None."""
        found = []
        for side in self.sides:
            replies, deadline = {}, time.monotonic() + SETTLE_SECONDS
            while True:
                blocked = side.blocked()
                for name in self.waiting:
                    if name not in replies:
                        reply = side.connections[name].reply_at_hand()
                        if reply is not None:
                            replies[name] = reply
                if blocked + len(replies) == len(self.waiting):
                    break
                if time.monotonic() > deadline:
                    raise NoReply('%s has %d blocked clients, %d of %d got replies' % (side.server.name, blocked, len(replies), len(self.waiting)))
            for name, reply in replies.items():  # whoever reads it, compares it
                side.connections[name].received[:0] = reply
            found.append(replies)
        return found

    def collect(self, name, payload):
        if not self.waiting:
            return
        peer, subject = self.settle()
        for waiter, arguments in list(self.waiting.items()):
            one, other = peer.get(waiter), subject.get(waiter)
            if one is None and other is None:
                continue
            del self.waiting[waiter]
            for side, replies in zip(self.sides, (peer, subject)):
                if waiter in replies:
                    side.connections[waiter].replies(1)
                else:
                    side.connections.pop(waiter).close()
            self.compared += 1
            if one is None or other is None:
                self.differ(arguments, one, other, 'only one server answered a waiting client')
                continue
            self.coverage.saw([arguments], [one])
            if self.rules.same(arguments, one, other) is not True:
                self.differ(arguments, one, other, 'what waiting client %s got differs' % waiter)

    def release(self, name, how):
        self.collect(None, None)
        for waiter in list(self.waiting):
            replies = [side.control.ask([b'CLIENT', b'UNBLOCK', b'%d' % side.connections[waiter].id] + ([how] if how else []))
                       for side in self.sides]
            self.coverage.saw([[b'CLIENT', b'UNBLOCK']], replies[:1])
            if replies[0] != replies[1]:
                self.differ([b'CLIENT', b'UNBLOCK'], *replies)
            self.collect(None, None)
        self.waiting = {}

    def await_reply(self, name, arguments):
        self.both(name, arguments)

    # On connections of their own

    def raw(self, name, pieces):
        answers = []
        for side in self.sides:
            connection = Connection(side.server.address)
            try:
                try:
                    for piece in pieces:
                        connection.send(piece)
                    connection.socket.shutdown(socket.SHUT_WR)
                except (NoReply, OSError):
                    pass  # it answered and closed before it had read everything
                while connection.more():
                    pass
                raise NoReply('the connection stays open after its end in %d s' % REPLY_SECONDS)
            except (NoReply, OSError) as error:
                if 'stays open' in str(error):
                    raise
            finally:
                connection.close()
            answers.append(bytes(connection.received))
        self.compared += 1
        for words in ([b'QUIT'], [b'RESET'], [b'CLIENT', b'REPLY']):
            if any(b' '.join(words) in piece for piece in pieces):
                self.coverage.saw([words], [answers[0] or b'-'])
        if self.rules.same([b'(bytes)'] + pieces, *answers) is not True:
            self.differ([b'(bytes)'] + pieces, *answers)

    def session(self, name, commands):
        self.peer.connection('fresh'), self.subject.connection('fresh')
        try:
            payload = b''.join(map(resp.encode, commands))
            self.compare_commands('fresh', commands, payload, self.index)
        finally:
            for side in self.sides:
                side.connections.pop('fresh').close()

    # Whole values

    def scan(self, name, pattern):
        found = [follow.whole_scan(side.connection(name), pattern) for side in self.sides]
        self.compared += 1
        self.coverage.saw([pattern[:1]], [found[0][0] or b'*'])
        if found[0] != found[1]:
            self.differ([argument if argument is not None else b'0' for argument in pattern],
                        *(error or repr(sorted(items)).encode() for error, items in found), 'the whole scans differ')

    def dump(self, name, payload):
        key, ttl, *options = payload
        copy = b'restored:' + key
        dumps = [side.connection(name).ask([b'DUMP', key]) for side in self.sides]
        self.coverage.saw([[b'DUMP']], dumps[:1])
        if dumps[0][:2] == b'$-' or dumps[1][:2] == b'$-' or dumps[0][:1] != b'$':
            if self.rules.same([b'DUMP', key], *dumps) is not True:
                self.differ([b'DUMP', key], *dumps)
            return
        replies = [side.connection(name).ask([b'RESTORE', copy, ttl, resp.parsed(dump).value, *options])
                   for side, dump in zip(self.sides, reversed(dumps))]
        self.coverage.saw([[b'RESTORE']], replies[:1])
        if replies[0] != replies[1]:
            self.differ([b'RESTORE', copy, ttl, resp.parsed(dumps[0]).value, *options], *replies, 'restoring the other server\'s dump differs')
        self.compared += 2
        self.compare_key(name, key)
        self.compare_key(name, copy)
        self.both(name, [b'DEL', copy])

    def function_dump(self, name, options):
        dumps = [side.connection(name).ask([b'FUNCTION', b'DUMP']) for side in self.sides]
        if dumps[0][:1] != b'$' or dumps[1][:1] != b'$':
            return
        replies = [side.connection(name).ask([b'FUNCTION', b'RESTORE', resp.parsed(dump).value, *options])
                   for side, dump in zip(self.sides, reversed(dumps))]
        self.coverage.saw([[b'FUNCTION', b'DUMP'], [b'FUNCTION', b'RESTORE']], [dumps[0], replies[0]])
        arguments = [b'FUNCTION', b'RESTORE', resp.parsed(dumps[0]).value, *options]
        if self.rules.same(arguments, *replies) is not True:
            self.differ(arguments, *replies)
        self.both(name, [b'FUNCTION', b'LIST', b'WITHCODE'])

    def wait(self, name, seconds):
        time.sleep(seconds)

    def compare_key(self, name, key):
        kind = self.both(name, [b'TYPE', key])[1:-2]
        if kind in READ_VALUE:
            commands = [READ_VALUE[kind](key), [b'OBJECT', b'ENCODING', key], [b'PTTL', key]]
            if kind == b'stream':
                commands.append([b'XINFO', b'STREAM', key, b'FULL', b'COUNT', b'0'])
            commands = [command for command in commands if command[0] not in self.skipped]
            self.compare_commands(name, commands, b''.join(map(resp.encode, commands)), self.index)

    def compare_state(self):
        """All keys of all databases."""
        if b'KEYS' in self.skipped:
            return
        self.index = len(self.steps)
        for side in self.sides:
            side.connections['state'] = Connection(side.server.address)
        connection = self.peer.connection('state')
        for number in range(DATABASES):
            commands = [[b'SELECT', b'%d' % number], [b'DBSIZE']]
            self.compare_commands('state', commands, b''.join(map(resp.encode, commands)), self.index)
            if connection.ask([b'DBSIZE']) == b':0\r\n':
                continue
            keys = [node.value for node in resp.parsed(self.both('state', [b'KEYS', b'*'])).value]
            for key in sorted(keys):
                self.compare_key('state', key)


setattr(Runner, 'await', Runner.await_reply)  # the step's name is a keyword


def flat(steps):
    out = []
    for step in steps:
        if step[0] == 'group':
            out += flat(step[2])
        else:
            out.append(step)
    return out
