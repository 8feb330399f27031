"""kill -9 under load, many times: every command of a Redis client that was answered is still there, and none is half done.

Each writer has keys of its own and knows what they must hold. After an outage that is either the state of all answered
commands, or the same with the one command that got no answer.
"""
import copy
import random
import threading
import time

import redis

from harness import Cases, equal, short, wait_for
from resp_support import connect, new_server

cases = Cases('resp_kill')
rounds = 100
NO_ANSWER = (redis.ConnectionError, redis.TimeoutError, OSError)


class Writer(threading.Thread):
    """Makes random changes until it is told to stop. `changes` are names of pairs of methods: NAME_call sends a change to
    the server, NAME makes it in the state."""

    changes, empty, db = (), None, 0

    def __init__(self, server, seed):
        super().__init__(daemon=True)
        self.server, self.random, self.key = server, random.Random(seed), '%s:%d' % (type(self).__name__.lower(), seed)
        self.redis = connect(server.resp, single_connection_client=True, socket_timeout=30, db=self.db)
        self.state, self.number, self.answered, self.outages = copy.deepcopy(self.empty), 0, 0, 0
        self.stopping, self.broken = False, None

    def run(self):
        try:
            while not self.stopping:
                self.number += 1
                change, value = self.random.choice(self.changes), '%s-%d' % (self.key, self.number)
                place = self.random.randrange(100)
                try:
                    getattr(self, change + '_call')(place, value)
                except NO_ANSWER:
                    self.after_outage(change, place, value)
                    continue
                getattr(self, change)(place, value)
                self.answered += 1
                time.sleep(0.001)
        except Exception as error:  # told by finish()
            self.broken = error

    def after_outage(self, change, place, value):
        self.outages += 1
        found = self.read_again()
        before = copy.deepcopy(self.state)
        getattr(self, change)(place, value)
        if found != self.state:
            if found != before:
                raise AssertionError('%s: found %s, expected %s' % (self.key, short(found), short(before)))
            self.state = before

    def read_again(self):
        deadline = time.monotonic() + 60
        while True:
            try:
                return self.read()
            except NO_ANSWER:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def finish(self):
        self.stopping = True
        self.join(90)
        if self.broken:
            raise self.broken
        equal(self.read_again(), self.state, self.key)


class Strings(Writer):
    """Values with and without expiry, renamed, copied, removed; in a database of its own."""

    changes, empty, db = ('set', 'set', 'expiring', 'persist', 'remove', 'rename', 'copy', 'append'), {}, 5

    def names(self, place):
        return '%s:%d' % (self.key, place), '%s:%d' % (self.key, (place + 1) % 100)

    def set_call(self, place, value):
        self.redis.set(self.names(place)[0], value)

    def set(self, place, value):
        self.state[place] = (value, False)

    def expiring_call(self, place, value):
        self.redis.set(self.names(place)[0], value, ex=100_000)

    def expiring(self, place, value):
        self.state[place] = (value, True)

    def persist_call(self, place, _):
        self.redis.persist(self.names(place)[0])

    def persist(self, place, _):
        if place in self.state:
            self.state[place] = (self.state[place][0], False)

    def remove_call(self, place, _):
        self.redis.delete(self.names(place)[0])

    def remove(self, place, _):
        self.state.pop(place, None)

    def rename_call(self, place, _):
        if place in self.state:
            self.redis.rename(*self.names(place))

    def rename(self, place, _):
        if place in self.state:
            self.state[(place + 1) % 100] = self.state.pop(place)

    def copy_call(self, place, _):
        if place in self.state:
            self.redis.copy(*self.names(place), replace=True)

    def copy(self, place, _):
        if place in self.state:
            self.state[(place + 1) % 100] = self.state[place]

    def append_call(self, place, value):
        if place in self.state:
            self.redis.append(self.names(place)[0], value[-1])

    def append(self, place, value):
        if place in self.state:
            old, expires = self.state[place]
            self.state[place] = (old + value[-1], expires)

    def read(self):
        pipe = self.redis.pipeline()
        for place in range(100):
            pipe.get(self.names(place)[0]).ttl(self.names(place)[0])
        found = pipe.execute()
        return {place: (found[2 * place], found[2 * place + 1] != -1) for place in range(100) if found[2 * place] is not None}


class Lists(Writer):
    """Two lists, with values that go from one to the other."""

    changes, empty = ('push', 'push', 'pop', 'move', 'trim'), ([], [])

    def push_call(self, _, value):
        self.redis.rpush(self.key, value, value + '+')

    def push(self, _, value):
        self.state[0].extend((value, value + '+'))

    def pop_call(self, *_):
        self.redis.lpop(self.key + ':to')

    def pop(self, *_):
        del self.state[1][:1]

    def move_call(self, *_):
        self.redis.lmove(self.key, self.key + ':to', 'LEFT', 'RIGHT')

    def move(self, *_):
        self.state[1].extend(self.state[0][:1])
        del self.state[0][:1]

    def trim_call(self, *_):
        self.redis.ltrim(self.key, -200, -1)

    def trim(self, *_):
        del self.state[0][:-200]

    def read(self):
        return self.redis.lrange(self.key, 0, -1), self.redis.lrange(self.key + ':to', 0, -1)


class Members(Writer):
    """A hash, a set and a sorted set, each changed by commands of its own."""

    changes, empty = ('field', 'no_field', 'member', 'no_member', 'score', 'points', 'no_score'), ({}, set(), {})

    def field_call(self, place, value):
        self.redis.hset(self.key + 'h', mapping={place: value, 'last': value})

    def field(self, place, value):
        self.state[0].update({str(place): value, 'last': value})

    def no_field_call(self, place, _):
        self.redis.hdel(self.key + 'h', place)

    def no_field(self, place, _):
        self.state[0].pop(str(place), None)

    def member_call(self, place, _):
        self.redis.sadd(self.key + 's', place, place + 1)

    def member(self, place, _):
        self.state[1].update((str(place), str(place + 1)))

    def no_member_call(self, place, _):
        self.redis.srem(self.key + 's', place)

    def no_member(self, place, _):
        self.state[1].discard(str(place))

    def score_call(self, place, _):
        self.redis.zadd(self.key + 'z', {place: self.number / 8})

    def score(self, place, _):
        self.state[2][str(place)] = self.number / 8

    def points_call(self, place, _):
        self.redis.zincrby(self.key + 'z', 0.25, place)

    def points(self, place, _):
        self.state[2][str(place)] = self.state[2].get(str(place), 0) + 0.25

    def no_score_call(self, place, _):
        self.redis.zrem(self.key + 'z', place)

    def no_score(self, place, _):
        self.state[2].pop(str(place), None)

    def read(self):
        return (self.redis.hgetall(self.key + 'h'), self.redis.smembers(self.key + 's'),
                dict(self.redis.zrange(self.key + 'z', 0, -1, withscores=True)))


class Streams(Writer):
    """A stream with a group: entries are appended, trimmed, delivered and acknowledged."""

    changes, empty = ('add', 'add', 'deliver', 'acknowledge'), {'entries': [], 'read': 0, 'pending': []}

    def add_call(self, _, value):
        if self.number and not self.state['entries'] and not self.state['read']:
            try:
                self.redis.xgroup_create(self.key, 'g', '0', mkstream=True)
            except redis.ResponseError as error:
                if 'BUSYGROUP' not in str(error):
                    raise
        self.redis.xadd(self.key, {'v': value}, id='%d-0' % self.number, maxlen=200, approximate=False)

    def add(self, *_):
        self.state['entries'] = (self.state['entries'] + [self.number])[-200:]

    def unread(self):
        return [n for n in self.state['entries'] if n > self.state['read']][:3]

    def deliver_call(self, *_):
        if self.unread():
            self.redis.xreadgroup('g', 'c', {self.key: '>'}, count=3)

    def deliver(self, *_):
        if self.unread():
            unread = self.unread()
            self.state['pending'] = self.state['pending'] + unread
            self.state['read'] = unread[-1]

    def acknowledge_call(self, *_):
        if self.state['pending']:
            self.redis.xack(self.key, 'g', *('%d-0' % n for n in self.state['pending'][:5]))

    def acknowledge(self, *_):
        self.state['pending'] = self.state['pending'][5:]

    def read(self):
        if not self.redis.exists(self.key):
            return copy.deepcopy(self.empty)
        number = lambda identity: int(identity.split('-')[0])
        entries = [number(i) for i, _ in self.redis.xrange(self.key)]
        pending = [number(p['message_id']) for p in self.redis.xpending_range(self.key, 'g', '-', '+', 100_000)]
        (group,) = self.redis.xinfo_groups(self.key)
        return {'entries': entries, 'read': number(group['last-delivered-id']), 'pending': pending}


class Together(Writer):
    """Transactions and scripts over several keys: done wholly or not at all."""

    changes, empty = ('transaction', 'script', 'undone'), [0, 0, []]

    def transaction_call(self, _, value):
        pipe = self.redis.pipeline()
        pipe.incr(self.key + 'a').incrby(self.key + 'b', 2).rpush(self.key + 'c', value).ltrim(self.key + 'c', -50, -1).execute()

    def transaction(self, _, value):
        self.state[0] += 1
        self.state[1] += 2
        self.state[2] = (self.state[2] + [value])[-50:]

    def script_call(self, _, value):
        self.redis.eval('''redis.call('INCR', KEYS[1])
            for i = 1, 2 do redis.call('INCR', KEYS[2]) end
            redis.call('RPUSH', KEYS[3], ARGV[1])
            redis.call('LTRIM', KEYS[3], -50, -1)''', 3, self.key + 'a', self.key + 'b', self.key + 'c', value)

    script = transaction

    def undone_call(self, _, value):
        pipe = self.redis.pipeline()
        pipe.incr(self.key + 'a').decr(self.key + 'a').rpush(self.key + 'c', value).rpop(self.key + 'c').execute()

    def undone(self, *_):
        pass

    def read(self):
        a, b = self.redis.mget(self.key + 'a', self.key + 'b')
        return [int(a or 0), int(b or 0), self.redis.lrange(self.key + 'c', 0, -1)]


@cases('rounds of kill -9: every answered command is there, a command or transaction without an answer wholly or not at all')
def kill(_=None):
    generator = random.Random(13)
    with new_server(for_peer=('--appendfsync', 'always')) as server:
        server.start()
        writers = [kind(server, seed) for seed in (1, 2) for kind in (Strings, Lists, Members, Streams, Together)]
        for writer in writers:
            writer.start()
        try:
            for number in range(rounds):
                before = [w.answered for w in writers]
                wait_for('answers in round %d' % number, lambda: any(w.broken for w in writers) or all(
                    w.answered > b for w, b in zip(writers, before)), 60, 0.01)
                time.sleep(generator.uniform(0.02, 0.3))
                server.kill()
                server.start()
                equal([str(w.broken) for w in writers if w.broken], [], 'round %d' % number)
            for writer in writers:
                writer.finish()
        finally:
            for writer in writers:
                writer.stopping = True
            for writer in writers:
                writer.join(60)
        equal(server.stop(), 0, 'the exit code')
        server.start()
        for writer in writers:
            equal(writer.read_again(), writer.state, writer.key + ' after a clean stop')
        equal(all(w.outages >= rounds // 2 for w in writers), True, 'each writer was interrupted')
        print('    %d rounds, %d commands answered, %d without an answer' % (
            rounds, sum(w.answered for w in writers), sum(w.outages for w in writers)))
