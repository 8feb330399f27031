"""bench/compare queues, depth: ten million messages that wait, each time for another reason, while others flow."""
import time
import uuid

from compare_queue_server import LeatQueues, load
from compare_report import median
from compare_server import Failed

DEPTH, QUICK_DEPTH = 10_000_000, 1_000_000
SHALLOW = 1_000
SIZE = 100
MEMORY_MB, RESTART_SECONDS, OTHER_SECONDS = 300, 3, 1
# Rates at both depths are of the same work; so much of the shallow one counts as the same.
SAME_RATE = 0.9
ROUND = 1_000  # messages
HOURS_12 = 43_200


class Depth:
    """One server, one deep queue and one shallow one of the same kind."""

    def __init__(self, options, report, server, name, attributes=None, tags=None, flow=()):
        self.options, self.report, self.server, self.name, self.flow = options, report, server, name, flow
        suffix = '.fifo' if (attributes or {}).get('FifoQueue') else ''
        self.deep = server.create_queue('deep' + suffix, attributes, tags)
        self.shallow = server.create_queue('shallow' + suffix, attributes, tags)
        self.depth = options.depth or (QUICK_DEPTH if options.quick else DEPTH)

    def label(self, what):
        return 'depth {:,}, {}: {}'.format(self.depth, self.name, what)

    def send(self, queue, count, *words):
        sent = load(self.options, self.server, 'send', queue, '--messages', str(count), '--batch', '10', '--size', str(SIZE), *words)
        if sent['messages'] != count:
            raise Failed('%d of %d messages were sent' % (sent['messages'], count))
        return sent

    def rate(self, queue):
        """(messages a second, CPU), received and deleted in rounds that keep the depth as it is; the CPU with the sends'."""
        rounds = 20 if self.options.quick else 100
        before = self.server.cpu_seconds()
        found = load(self.options, self.server, 'rounds', queue, '--messages', str(ROUND), '--rounds', str(rounds), '--batch', '10',
                     '--size', str(SIZE), '--connections', '16', *self.flow)
        return found['messages_per_second'], (self.server.cpu_seconds() - before) * 1e6 / found['messages']

    def add_memory(self, when):
        time.sleep(2)
        self.report.add(self.label('memory (RSS) ' + when), self.server.rss_mb(), 'MB', MEMORY_MB, 'less',
                        'of it not of files: %.0f MB' % self.server.own_memory_mb())

    def measure(self, *fill):
        """`fill`: words for queue_load that say what the messages of the depth are like; self.flow: those of others."""
        self.send(self.shallow, SHALLOW, *self.flow)
        alone = self.rate(self.shallow)[0]
        before = self.server.cpu_seconds()
        filled = self.send(self.deep, self.depth, *fill)
        self.report.add(self.label('fill'), filled['messages_per_second'], 'messages/s',
                        note='server CPU %.1f µs a message' % ((self.server.cpu_seconds() - before) * 1e6 / self.depth))
        self.add_memory('when filled')
        # In turns: the machine is not the same from minute to minute.
        runs = [(*self.rate(self.shallow), *self.rate(self.deep)) for _ in range(self.options.repeat)]
        shallow, shallow_cpu, deep, deep_cpu = (median(values) for values in zip(*runs))
        self.report.add(self.label('receive+delete'), deep, 'messages/s', shallow * SAME_RATE, 'more',
                        'at depth {:,}: {:,.0f}, {:,.0f} before the fill; server CPU with the sends {:.1f} µs, there {:.1f}'.format(
                            SHALLOW, shallow, alone, deep_cpu, shallow_cpu), [run[2] for run in runs])
        self.add_memory('after receives')

    def measure_restarts(self):
        self.send(self.deep, 100, *self.flow)
        for how, end in (('a clean stop', self.server.stop), ('a kill', self.server.kill)):
            seconds = self.server.restart(self.deep, end)
            self.report.add(self.label('first receive after ' + how), seconds, 's', RESTART_SECONDS, 'less')
        self.add_memory('after restarts')

    def measure_other(self, what, **members):
        """How long one message waits that is sent now, while one consumer receives without a pause."""
        body = uuid.uuid4().hex
        self.server.action('SendMessage', QueueUrl=self.deep, MessageBody=body, **members)
        begun = time.monotonic()
        receives = 0
        while time.monotonic() - begun < 60:
            receives += 1
            got = self.server.receive(self.deep, MaxNumberOfMessages=10)
            if any(message['Body'] == body for message in got):
                self.report.add(self.label(what), time.monotonic() - begun, 's', OTHER_SECONDS, 'less', '%d receives' % receives)
                return
        raise Failed('%s: not received within a minute, %d receives' % (what, receives))


def waiting(options, report):
    with LeatQueues(options, 'commit') as server:
        depth = Depth(options, report, server, 'waiting')
        depth.measure()
        depth.measure_restarts()


def delayed(options, report):
    with LeatQueues(options, 'commit') as server:
        depth = Depth(options, report, server, 'delayed')
        depth.measure('--delay', '900')
        depth.measure_restarts()


def blocked(options, report):
    """A restart ends the lease that blocks the group, so its messages may be the first ones afterwards. With the usual window
    of five minutes a queue takes 2 million messages with deduplication ids in it, and refuses more."""
    attributes = {'FifoQueue': 'true', 'VisibilityTimeout': '30'}
    tags = {'leat:dedup_window_ms': '1000'}
    with LeatQueues(options, 'commit') as server:
        depth = Depth(options, report, server, 'behind a blocked group', attributes, tags,
                      flow=('--fifo', 'true', '--group', 'other-', '--groups', '10000'))
        server.action('SendMessage', QueueUrl=depth.deep, MessageBody='first', MessageGroupId='blocked',
                      MessageDeduplicationId='first')
        if len(server.receive(depth.deep, VisibilityTimeout=HOURS_12)) != 1:
            raise Failed('the message that blocks the group was not received')
        depth.measure('--fifo', 'true', '--group', 'blocked')
        depth.measure_other('wait of another group\'s message', MessageGroupId='another', MessageDeduplicationId='another')
        depth.measure_restarts()


def priority(options, report):
    with LeatQueues(options, 'commit') as server:
        depth = Depth(options, report, server, 'priority 9 behind 0', tags={'leat:priorities': 'true'}, flow=('--priority', '9'))
        depth.measure()
        depth.measure_other('wait of one of priority 9',
                            MessageAttributes={'leat-priority': {'DataType': 'Number', 'StringValue': '9'}})
        depth.measure_restarts()


def flood(options, report):
    with LeatQueues(options, 'commit') as server:
        depth = Depth(options, report, server, 'a flooding tenant', flow=('--group', 'other'))
        depth.measure('--group', 'flood')
        depth.measure_other('wait of another tenant\'s message', MessageGroupId='another')
        depth.measure_restarts()


STEPS = {'depth-waiting': waiting, 'depth-delayed': delayed, 'depth-blocked': blocked, 'depth-priority': priority,
         'depth-flood': flood}
