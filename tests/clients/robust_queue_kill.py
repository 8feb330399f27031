"""kill -9 under load, many times: what queues promised still holds."""
import http.client
import random
import threading
import time

from confluent_kafka import Consumer, TopicPartition

from harness import Cases, Server, equal, wait_for
from sqs_support import LightClient, Queue, Refused

cases = Cases('queue_kill')
rounds = 100
NO_ANSWER = (OSError, http.client.HTTPException)
GROUPS = 5
LIMIT = 3  # deliveries, then a message is a dead letter


class Worker(threading.Thread):
    """Does its step again and again until it is told to stop; a server that is away is no error."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.call, self.stopping, self.broken = LightClient(server.sqs_port), False, None

    def run(self):
        try:
            while not self.stopping:
                try:
                    self.step()
                except NO_ANSWER:
                    time.sleep(0.02)
                except Refused as error:
                    if error.status < 500:
                        raise
                    time.sleep(0.02)
        except Exception as error:  # told by finish()
            self.broken = error
        self.call.close()

    def finish(self):
        self.stopping = True
        self.join()
        if self.broken:
            raise self.broken


class Sender(Worker):
    """Batches of numbered messages, one in 50 of them poison; remembers what was acknowledged."""

    def __init__(self, server, queue, name):
        super().__init__(server)
        self.url, self.label, self.number, self.acknowledged = queue.url, name, 0, set()

    def step(self):
        bodies = []
        for _ in range(10):
            self.number += 1
            bodies.append('%s-%s %d' % ('poison' if self.number % 50 == 0 else 'good', self.label, self.number))
        entries = [{'Id': str(i), 'MessageBody': body} for i, body in enumerate(bodies)]
        answer = self.call('SendMessageBatch', QueueUrl=self.url, Entries=entries)
        self.acknowledged |= {bodies[int(entry['Id'])] for entry in answer.get('Successful', [])}
        time.sleep(0.01)


class OrderedSender(Worker):
    """Numbers in order to each group. What was not answered is sent again with the same deduplication id."""

    def __init__(self, server, queue):
        super().__init__(server)
        self.url, self.numbers, self.turn = queue.url, [0] * GROUPS, 0

    def step(self):
        group = self.turn % GROUPS
        body = '%d %d' % (group, self.numbers[group])
        self.call('SendMessage', QueueUrl=self.url, MessageBody=body, MessageGroupId='g%d' % group,
                  MessageDeduplicationId=body.replace(' ', '-'))
        self.numbers[group] += 1
        self.turn += 1
        time.sleep(0.005)


class Ledger:
    """What all receivers of a queue saw and deleted, and what was wrong with it."""

    def __init__(self):
        self.lock = threading.Lock()
        self.seen = {}     # body → (the highest receive count, when it was known)
        self.deleted = {}  # body → when the deletion was answered
        self.asked = set() # bodies whose deletion was asked for
        self.wrong = []

    def received(self, message, began, now):
        body, count = message['Body'], int(message['Attributes']['ApproximateReceiveCount'])
        if self.deleted.get(body, began) < began:
            self.wrong.append('%s came back after its deletion was answered' % body)
        before, known = self.seen.get(body, (0, began))
        if known < began and count <= before:
            self.wrong.append('%s came with receive count %d after %d' % (body, count, before))
        if count > LIMIT and body.startswith('poison'):
            self.wrong.append('%s came for the %dth time' % (body, count))
        self.seen[body] = (max(count, before), now)


class Receiver(Worker):
    """Receives, deletes most, gives some back and forgets some."""

    def __init__(self, server, queue, ledger, ordered, seed):
        super().__init__(server)
        self.url, self.ledger, self.ordered, self.random = queue.url, ledger, ordered, random.Random(seed)
        self.gentle = False  # deletes everything that is no poison

    def step(self):
        began = time.monotonic()
        messages = self.call('ReceiveMessage', QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=1,
                             AttributeNames=['All']).get('Messages', [])
        with self.ledger.lock:
            for message in messages:
                self.ledger.received(message, began, time.monotonic())
            if self.ordered:
                self.check_order([m['Body'] for m in messages])
        poison = [m for m in messages if m['Body'].startswith('poison')]
        rest = [m for m in messages if m not in poison]
        kept = [] if self.gentle else [m for m in rest if self.random.random() < 0.1]
        if self.ordered and kept:  # what comes behind it stays too
            kept = [m for m in rest if any(m['Attributes']['MessageGroupId'] == k['Attributes']['MessageGroupId']
                                           for k in kept)]
        self.delete([m for m in rest if m not in kept])
        given_back = poison + kept[:len(kept) // 2 if not self.ordered else 0]
        if given_back:
            self.call('ChangeMessageVisibilityBatch', QueueUrl=self.url, Entries=[
                {'Id': str(i), 'ReceiptHandle': m['ReceiptHandle'], 'VisibilityTimeout': 0}
                for i, m in enumerate(given_back)])

    def check_order(self, bodies):
        """No message comes before those ahead of it in its group are deleted, or are delivered with it."""
        allowed = self.ledger.asked | set()
        for body in bodies:
            group, number = body.split()
            if int(number) > 0 and '%s %d' % (group, int(number) - 1) not in allowed:
                self.ledger.wrong.append('%s of group %s came too early' % (number, group))
            allowed.add(body)

    def delete(self, messages):
        if not messages:
            return
        with self.ledger.lock:
            self.ledger.asked |= {m['Body'] for m in messages}
        answer = self.call('DeleteMessageBatch', QueueUrl=self.url, Entries=[
            {'Id': str(i), 'ReceiptHandle': m['ReceiptHandle']} for i, m in enumerate(messages)])
        now = time.monotonic()
        with self.ledger.lock:
            for entry in answer.get('Successful', []):
                self.ledger.deleted[messages[int(entry['Id'])]['Body']] = now
            for entry in answer.get('Failed', []):  # its lease had ended
                self.ledger.asked.discard(messages[int(entry['Id'])]['Body'])


def dead_letters(server, queue):
    """Body → what its headers say, of all records of a dead-letter queue's topic; and their number."""
    reader = Consumer({'bootstrap.servers': server.address, 'group.id': 'dead', 'log_level': 0})
    try:
        where = TopicPartition(queue.name, 0, 0)
        end = reader.get_watermark_offsets(where, 30)[1]
        reader.assign([where])
        found = []
        while len(found) < end:
            found += [m for m in reader.consume(end - len(found), 5) if not m.error()]
        return {m.value().decode(): dict(m.headers()) for m in found}, len(found)
    finally:
        reader.close()


def rounds_of_kills(server, workers):
    generator = random.Random(11)
    senders = [w for w in workers if isinstance(w, Sender)]
    ledgers = {id(w.ledger): w.ledger for w in workers if isinstance(w, Receiver)}.values()
    progress = lambda: [len(s.acknowledged) for s in senders] + [len(ledger.deleted) for ledger in ledgers]
    for number in range(rounds):
        before = progress()
        wait_for('messages to be sent and deleted in round %d' % number, lambda: any(w.broken for w in workers) or all(
            now > then for now, then in zip(progress(), before)), 60, 0.01)
        time.sleep(generator.uniform(0.02, 0.4))
        server.kill()
        server.start()
        equal([str(w.broken) for w in workers if w.broken], [], 'round %d: workers that failed' % number)
        for ledger in ledgers:
            equal(ledger.wrong[:5], [], 'round %d' % number)


@cases('rounds of kill -9: nothing acknowledged is lost, nothing deleted comes back, order and receive counts hold')
def kill(_=None):
    with Server() as server:
        server.start()
        dead = Queue(server.sqs, name='dead')
        policy = '{"deadLetterTargetArn": "%s", "maxReceiveCount": %d}' % (dead.arn, LIMIT)
        queue = Queue(server.sqs, name='standard', VisibilityTimeout=2, RedrivePolicy=policy)
        ordered = Queue(server.sqs, name='ordered.fifo', fifo=True, VisibilityTimeout=2)
        ordered_ledger, ledger = Ledger(), Ledger()
        senders = [Sender(server, queue, 'a'), Sender(server, queue, 'b'), OrderedSender(server, ordered)]
        receivers = [Receiver(server, queue, ledger, False, 1), Receiver(server, queue, ledger, False, 2),
                     Receiver(server, ordered, ordered_ledger, True, 3), Receiver(server, ordered, ordered_ledger, True, 4)]
        for worker in senders + receivers:
            worker.start()
        try:
            rounds_of_kills(server, senders + receivers)
            for sender in senders:
                sender.finish()
            for receiver in receivers:
                receiver.gentle = True
            wait_for('the queues to be empty', lambda: any(r.broken for r in receivers) or (
                queue.counts() == (0, 0, 0) == ordered.counts()), 60, 0.2, state=lambda: (queue.counts(), ordered.counts()))
        finally:
            for worker in senders + receivers:
                worker.stopping = True
            for worker in senders + receivers:
                worker.join()
        for worker in senders + receivers:
            worker.finish()
        check(server, senders, ledger, ordered_ledger, dead)


def check(server, senders, ledger, ordered_ledger, dead):
    equal((ledger.wrong[:5], ordered_ledger.wrong[:5]), ([], []), 'what was wrong')
    acknowledged = senders[0].acknowledged | senders[1].acknowledged
    letters, stored = dead_letters(server, dead)
    lost = [b for b in acknowledged if b not in ledger.seen and b not in letters]
    equal(lost, [], 'acknowledged, but never received')
    undone = [b for b in acknowledged if b not in ledger.asked and b not in letters]
    equal(undone, [], 'acknowledged, received, and gone without a deletion')
    missing = [b for b in acknowledged if b.startswith('poison') and b not in letters]
    equal(missing, [], 'poison that is no dead letter')
    wrong = {b: h.get('leat-dead-deliveries') for b, h in letters.items() if h.get('leat-dead-deliveries') != b'%d' % LIMIT}
    equal(wrong, {}, 'dead letters after another number of deliveries than %d' % LIMIT)
    sent = {'%d %d' % (g, n) for g, count in enumerate(senders[2].numbers) for n in range(count)}
    late = set(ordered_ledger.seen) - sent  # the last of a group may be there without an answer
    equal((sorted(sent - set(ordered_ledger.seen)), len(late) <= 1), ([], True), 'ordered messages never received')
    equal(sorted(sent - ordered_ledger.asked), [], 'ordered messages gone without a deletion')
    for word in ('corrupt', 'damage'):
        bad = [line for line in server.log.read_text().lower().splitlines() if '"error"' in line and word in line]
        equal(bad, [], 'what the log says of %s' % word)
    print('    %d rounds, %d messages acknowledged, %d deleted, %d dead letters (%d stored), %d ordered ones' % (
        rounds, len(acknowledged), len(ledger.deleted), len(letters), stored, len(sent)))
