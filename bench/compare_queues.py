"""bench/compare queues: work queues, beside those of other servers.

A peer is measured as its clients use it, which is to its advantage: RabbitMQ and NATS do not answer acknowledgements,
and of all peers only Redis writes down who has a message before it hands it out. leat flushes both before it answers."""
import re
import subprocess

import compare_floors
import compare_peers
import compare_queue_depth
from compare_queue_server import LeatQueues, load
from compare_report import median
from compare_server import Failed, call, run_steps

SIZE = 1024
CONNECTIONS = 64
# The targets hold for such a disk; a slower one in the run lowers the rates.
TARGET_FDATASYNC_MS = 0.3
# What one connection has outstanding: so many messages, by a batch where the protocol has batches.
SHAPES = {'single': 1, 'by 10': 10}
RATE = {'single': 40_000, 'by 10': 200_000}
CPU_US = {'single': 15, 'by 10': 4}
LATENCY_RATE, LATENCY_P99_MS = 1_000, 5
RATIO_OF = {'rabbitmq': 2.0}
RATIO_OF_OTHERS = 1.5
VERBS = {'send': 'send', 'receive': 'receive+acknowledge'}


def run(options, report):
    suite = Suite(options, report)
    steps = [('floors', suite.floors), ('http', suite.http), ('commit', suite.flushed), ('os', suite.unflushed)]
    steps += [(name, lambda step=step: step(options, report)) for name, step in compare_queue_depth.STEPS.items()]
    run_steps(steps, options, report)


class Leat(LeatQueues):
    """In the place of a peer."""
    @staticmethod
    def missing():
        return None

    def __init__(self, options):
        super().__init__(options, self.flush)

    def queue(self, name):
        return self.create_queue(name)


class LeatCommit(Leat):
    name, flush = 'leat', 'commit'


class LeatOs(Leat):
    name, flush = 'leat', 'os'


class Suite:
    def __init__(self, options, report):
        self.options, self.report = options, report
        self.seconds = 1 if options.quick else 5

    def floors(self):
        syncs = [compare_floors.fdatasync_ms(self.options.folder, 100 if self.options.quick else 1000)
                 for _ in range(self.options.repeat)]
        self.report.floor('fdatasync p50', median([p50 for p50, _ in syncs]), 'ms')
        self.report.floor('fdatasync p99', median([p99 for _, p99 in syncs]), 'ms')

    def http(self):
        """nginx and wrk: what keep-alive HTTP with a static body takes on this machine."""
        why = compare_peers.Nginx.missing() or compare_peers.missing_program(('wrk',), 'wrk')
        if why:
            self.report.left_out('floor: HTTP', why)
            return
        rates, cpu = [], []
        with compare_peers.Nginx(self.options) as nginx:
            for _ in range(self.options.repeat):
                before = nginx.cpu_seconds()
                said = call(['wrk', '-t', '1', '-c', str(CONNECTIONS), '-d', '%ds' % self.seconds,
                             'http://127.0.0.1:%d/file' % nginx.port])
                used = nginx.cpu_seconds() - before
                requests = re.search(r'(\d+) requests in', said)
                if not requests or 'Non-2xx' in said:
                    raise Failed('wrk said: %s' % said)
                rates.append(float(re.search(r'Requests/sec:\s+([\d.]+)', said).group(1)))
                cpu.append(used * 1e6 / int(requests.group(1)))
        self.report.floor('HTTP, nginx and wrk', median(rates), 'requests/s')
        self.report.floor('HTTP, nginx, server CPU a request', median(cpu), 'µs')

    def flushed(self):
        self.compare('flushed before the answer', LeatCommit, compare_peers.FLUSHED, targets=True)

    def unflushed(self):
        self.compare('not flushed', LeatOs, compare_peers.UNFLUSHED, targets=False)

    def compare(self, durability, leat, peers, targets):
        systems = [leat] + [peer for peer in peers if self.is_wanted(peer)]
        measured = {}
        for system in systems:
            name = '%s, %s' % (system.name, durability)
            why = system.missing()
            if why:
                self.report.left_out(name, why)
                continue
            try:
                measured[system] = self.measure(system, name, targets and system is leat)
            except (Failed, OSError, subprocess.SubprocessError, ValueError) as failure:
                self.report.failed(name, failure)
        for peer in systems[1:]:
            if leat in measured and peer in measured:
                self.ratios(durability, peer, measured[leat], measured[peer])

    def is_wanted(self, peer):
        words = [word.strip().lower() for word in self.options.peers.split(',')]
        return any(word in peer.name.lower() for word in words)

    def measure(self, system, name, targets):
        """{(shape, mode): messages a second}, of one server on an empty folder."""
        found = {}
        with system(self.options) as server:
            for mode in VERBS:  # what runs for the first time runs slower
                load(self.options, server, mode, 'warm', '--messages', '1000', '--seconds', '3', '--batch', '10')
            for shape, count in SHAPES.items():
                self.rates(server, name, shape, count, targets, found)
            self.report.add(name + ', memory after load (RSS)', server.rss_mb(), 'MB')
            self.latency(server, name, targets)
        return found

    def rates(self, server, name, shape, count, targets, found):
        runs = {mode: [] for mode in VERBS}
        floors = []
        words = ('--size', str(SIZE), '--batch', str(count), '--connections', str(CONNECTIONS))
        for run in range(self.options.repeat):
            queue = 'q%d-%d' % (count, run)
            floors.append(compare_floors.fdatasync_ms(self.options.folder, 50 if self.options.quick else 200)[0])
            sent = self.with_cpu(server, 'send', queue, '--seconds', str(self.seconds), *words)
            runs['send'].append(sent)
            # A peer that is slower at this than at sends leaves some in the queue, which nobody uses again.
            runs['receive'].append(self.with_cpu(server, 'receive', queue, '--messages', str(sent['messages']),
                                                 '--seconds', str(2 * self.seconds), *words))
        floor = median(floors)
        slower = min(1, TARGET_FDATASYNC_MS / floor)
        for mode, results in runs.items():
            rates = [result['messages_per_second'] for result in results]
            cpu = [result['server_cpu_us'] for result in results]
            found[shape, mode] = median(rates)
            label = '%s, %s %d B %s' % (name, VERBS[mode], SIZE, shape)
            note = 'fdatasync p50 %.2f ms, client CPU %.1f µs' % (
                floor, median([result['client_cpu_us_per_message'] for result in results]))
            self.report.add(label, median(rates), 'messages/s', RATE[shape] * slower if targets else None, 'more', note, rates)
            self.report.add(label + ', server CPU', median(cpu), 'µs', CPU_US[shape] if targets else None, 'less', runs=cpu)

    def with_cpu(self, server, mode, queue, *words):
        before = server.cpu_seconds()
        result = load(self.options, server, mode, queue, *words)
        if result['messages'] == 0:
            raise Failed('%s: not one message in %.1f s' % (mode, result['seconds']))
        result['server_cpu_us'] = (server.cpu_seconds() - before) * 1e6 / result['messages']
        return result

    def latency(self, server, name, targets):
        seconds = '2' if self.options.quick else '10'
        floor = compare_floors.fdatasync_ms(self.options.folder, 50 if self.options.quick else 200)
        results = []
        for run in range(self.options.repeat):
            results.append(load(self.options, server, 'latency', 'latency-%d' % run, '--rate', str(LATENCY_RATE), '--seconds',
                                seconds, '--size', '100', '--connections', '8', '--pollers', '4')['latency_us'])
        name += ', send to receive at {:,}/s, '.format(LATENCY_RATE)
        for percentile, target in (('p50', None), ('p99', LATENCY_P99_MS)):
            runs = [result[percentile] / 1000 for result in results]
            self.report.add(name + percentile, median(runs), 'ms', target if targets else None, 'less',
                            'fdatasync p50 %.2f, p99 %.2f ms' % floor, runs)

    def ratios(self, durability, peer, ours, theirs):
        target = RATIO_OF.get(peer.client, RATIO_OF_OTHERS)
        for (shape, mode), rate in ours.items():
            self.report.add('leat to %s, %s, %s %s' % (peer.name, durability, VERBS[mode], shape),
                            rate / theirs[shape, mode], '×', target, 'more')
