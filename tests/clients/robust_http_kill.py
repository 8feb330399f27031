"""kill -9 while records, messages, keys and locks come by HTTP from several connections: what was answered holds."""
import itertools
import random
import threading
import time

from harness import Cases, equal, wait_for
from http_support import BYTES, LINES, NO_ANSWER, Api, lines_of, new_server

cases = Cases('http_kill')
rounds = 5
PARTITIONS = 3


class Worker(threading.Thread):
    """Does its step again and again until it is told to stop; a server that is away, or stops (503), is no error."""

    def __init__(self, server, name):
        super().__init__(daemon=True)
        self.api, self.label, self.numbers = Api(server, seconds=20), name, itertools.count()
        self.stopping, self.broken, self.good = False, None, 0

    def ask(self, method, path, body=None, **more):
        """The reply; None when there was none."""
        try:
            reply = self.api.ask(method, path, body, **more)
        except NO_ANSWER:
            time.sleep(0.02)
            return None
        if reply.status == 503:
            time.sleep(0.02)
            return None
        equal(reply.status < 300, True, '%s %s: %d %s' % (method, path, reply.status, reply.body[:200]))
        self.good += 1
        return reply

    def run(self):
        try:
            while not self.stopping:
                self.step()
        except Exception as error:  # told by finish()
            self.broken = error
        self.api.close()

    def finish(self):
        self.stopping = True
        self.join(60)
        if self.broken:
            raise self.broken
        equal(self.is_alive(), False, 'it does not end')


class RecordPublisher(Worker):
    """A few records in JSON; remembers where each one is said to be."""

    def __init__(self, server, name):
        super().__init__(server, name)
        self.placed = {}

    def step(self):
        records = [{'value': '%s %d' % (self.label, next(self.numbers)),
                    'partition': random.randrange(PARTITIONS)} for _ in range(5)]
        reply = self.ask('POST', '/v1/topics/records/records', {'records': records})
        if reply is not None:
            for record, where in zip(records, reply.json()['records']):
                self.placed[record['value']] = (where['partition'], where['offset'])


class LinePublisher(RecordPublisher):
    def step(self):
        values = ['%s %d' % (self.label, next(self.numbers)) for _ in range(200)]
        reply = self.ask('POST', '/v1/topics/records/records', lines_of(*({'value': v, 'key': v} for v in values)),
                         type=LINES)
        if reply is not None:
            equal(reply.json(), {'published': 200, 'failed': 0})
            self.placed.update(dict.fromkeys(values))


class Sender(Worker):
    def __init__(self, server, name):
        super().__init__(server, name)
        self.sent = set()

    def step(self):
        bodies = ['%s %d' % (self.label, next(self.numbers)) for _ in range(4)]
        if self.ask('POST', '/v1/queues/jobs/messages', {'messages': [{'body': b} for b in bodies]}) is not None:
            self.sent |= set(bodies)


class Receiver(Worker):
    """Acknowledges two of three messages that it gets. `ended`, which all share: body → when its end was answered."""

    def __init__(self, server, name, ended):
        super().__init__(server, name)
        self.asked, self.ended, self.wrong = set(), ended, []

    def step(self):
        began = time.monotonic()
        reply = self.ask('POST', '/v1/queues/jobs/receive', {'max': 6, 'wait_ms': 100, 'lease_ms': 1000})
        messages = reply.json()['messages'] if reply is not None else []
        for message in messages:
            if self.ended.get(message['body'], began) < began:
                self.wrong.append(message['body'])
        chosen = [m for m in messages if next(self.numbers) % 3]
        if not chosen:
            return
        self.asked |= {m['body'] for m in chosen}
        reply = self.ask('POST', '/v1/queues/jobs/acknowledge', {'receipts': [m['receipt'] for m in chosen]})
        if reply is not None:
            now = time.monotonic()
            self.ended.update({m['body']: now for m,
                               outcome in zip(chosen, reply.json()['results']) if 'error' not in outcome})

    def ask(self, method, path, body=None, **more):
        try:
            return super().ask(method, path, body, **more)
        except AssertionError:
            if path.endswith('acknowledge'):
                return None  # its lease was over: the only receipt is refused
            raise


class KeySetter(Worker):
    """One key, whose number grows; `last` was answered."""
    last = -1

    def step(self):
        number = next(self.numbers)
        if self.ask('PUT', '/v1/keys/' + self.label, b'%d' % number, type=BYTES) is not None:
            self.last = number


class LockTaker(Worker):
    """Acquires one lock again and again, for a moment each time; what a lost answer leaves held ends by itself."""

    def __init__(self, server, name):
        super().__init__(server, name)
        self.tokens = []

    def step(self):
        try:
            reply = self.api.ask('POST', '/v1/locks/' + self.label, {'ttl_ms': 200, 'wait_ms': 1000})
            if reply.status == 201:
                self.tokens.append(reply.json()['token'])
                self.good += 1
                self.api.ask('DELETE', '/v1/locks/%s?token=%d' % (self.label, self.tokens[-1]))
        except NO_ANSWER:
            time.sleep(0.02)


def records_there(server):
    """Value → where it is, of all partitions."""
    found = {}
    with Api(server) as api:
        for partition in range(PARTITIONS):
            at = 0
            while True:
                page = api(200, 'GET', '/v1/topics/records/partitions/%d/records?limit=9999&bytes_max=8388608&offset=%d'
                           % (partition, at))
                if not page['records']:
                    break
                for record in page['records']:
                    found.setdefault(record['value'], []).append((partition, record['offset']))
                at = page['next']
    return found


def kill_and_restart(server, workers):
    time.sleep(0.3 + random.random() * 0.5)
    server.kill()
    for worker in workers:
        worker.stopping = True
    for worker in workers:
        worker.finish()
    server.start()


@cases('what was answered survives: records, messages and their ends, keys; tokens of locks go on growing')
def answered(_=None):
    with new_server() as server:
        server.start()
        with Api(server) as api:
            api(201, 'POST', '/v1/topics', {'name': 'records', 'partitions': PARTITIONS})
            api(201, 'POST', '/v1/queues', {'name': 'jobs'})
        placed, sent, asked, ended, tokens = {}, set(), set(), {}, {}
        for number in range(rounds):
            name = lambda kind: '%s-%d-%d' % (kind, number, random.randrange(1 << 30))  # noqa: E731
            publishers = [kind(server, name('value')) for kind in (RecordPublisher, RecordPublisher, LinePublisher)]
            senders = [Sender(server, name('body')) for _ in range(2)]
            receivers = [Receiver(server, 'r', ended) for _ in range(2)]
            setters = [KeySetter(server, name('key')) for _ in range(2)]
            takers = [LockTaker(server, 'lock-%d' % i) for i in range(2)]
            workers = [*publishers, *senders, *receivers, *setters, *takers]
            for worker in workers:
                worker.start()
            kill_and_restart(server, workers)
            for worker in workers:
                equal(worker.good > 0, True, 'it did something: ' + type(worker).__name__)
            for publisher in publishers:
                placed.update(publisher.placed)
            found = records_there(server)
            lost = [value for value, where in placed.items() if value not in found or
                    where not in (None, *found[value])]
            equal(lost, [], 'records that were answered and are not there, round %d' % number)
            sent |= set().union(*(s.sent for s in senders))
            asked |= set().union(*(r.asked for r in receivers))
            equal([body for r in receivers for body in r.wrong], [], 'messages that came back')
            with Api(server) as api:
                for setter in setters:
                    equal(int(api(200, 'GET', '/v1/keys/' + setter.label)) >= setter.last, True,
                          'a key: %d' % setter.last)
            for taker in takers:
                equal(taker.tokens, sorted(set(taker.tokens)), 'tokens')
                before = tokens.get(taker.label, 0)
                equal(taker.tokens[0] > before, True, 'tokens after a restart: %s after %d' % (taker.tokens[:3],
                                                                                               before))
                tokens[taker.label] = taker.tokens[-1]
        equal(min(len(placed), len(sent), len(ended)) > 20, True,
              'enough happened: %d %d %d' % (len(placed), len(sent), len(ended)))
        drained = drain(server, sent - asked)
        equal(sorted(drained & set(ended)), [], 'messages whose end was answered')
        equal(server.stop(), 0, 'the exit code of the server')


def drain(server, wanted):
    """Everything that still comes, until all that is wanted has come and nothing is left."""
    seen = set()
    with Api(server) as api:
        def taken():
            messages = api(200, 'POST', '/v1/queues/jobs/receive', {'max': 100, 'wait_ms': 200,
                                                                    'lease_ms': 60000})['messages']
            seen.update(m['body'] for m in messages)
            for at in range(0, len(messages), 1000):
                api(200, 'POST', '/v1/queues/jobs/acknowledge',
                    {'receipts': [m['receipt'] for m in messages[at:at + 1000]]})
            shown = api(200, 'GET', '/v1/queues/jobs')
            return not messages and shown['ready'] + shown['in_flight'] == 0
        wait_for('the queue to be empty', taken, pause=0)
    lost = wanted - seen
    equal(sorted(lost)[:5], [], '%d messages that were sent, not ended and are not there' % len(lost))
    return seen
