"""bench/compare kafka-protocol: the numbers of the Kafka listener and their targets."""
import json
import os
import pathlib
import subprocess
import tempfile
import time

import compare_floors
from compare_report import median
from compare_server import Failed, OtherServer, OwnServer, bench, built_program, call, delete_topic, leat_program, run_steps, with_cpu

# Kafka 4.0 on a machine like ours (2 cores, client and broker together): the upper ends of what was measured.
PRODUCE_RATE = {1024: 440_000, 100: 1_300_000}
CONSUME_RATE = {1024: 885_000, 100: 1_900_000}
PRODUCE_CPU_ABOVE_FLOOR_US = {1024: 0.25, 100: 0.15}
CONSUME_CPU_US = {1024: 0.25, 100: 0.05}
RECORDS = {1024: 500_000, 100: 5_000_000}
SLOW_SYNC_MS = 5


def run(options, report):
    suite = Suite(options, report)
    steps = [('floors', suite.floors), ('rates', suite.rates), ('end-to-end', suite.end_to_end),
             ('commit', suite.commit), ('slow', suite.slow_flush), ('start', suite.start)]
    run_steps(steps, options, report)


class Suite:
    def __init__(self, options, report):
        self.options, self.report = options, report
        self.scale = 10 if options.quick else 1
        self.rdkafka = None if not options.only or options.only in 'rates' else False
        self.number = 0

    def server(self, flush):
        if self.options.server:
            return OtherServer(self.options)
        return OwnServer(self.options, '--flush', flush, '--listen', 'http=127.0.0.1:0')

    def topic(self):
        self.number += 1
        return 'compare-%d-%d' % (os.getpid(), self.number)

    def repeated(self, measure):
        return [measure() for _ in range(self.options.repeat)]

    def floors(self):
        syncs = self.repeated(lambda: compare_floors.fdatasync_ms(self.options.folder, 1000 // self.scale))
        self.report.floor('fdatasync p50', median([p50 for p50, _ in syncs]), 'ms')
        self.report.floor('fdatasync p99', median([p99 for _, p99 in syncs]), 'ms')

    def rdkafka_load(self):
        """The librdkafka client, built if need be; False when there is no librdkafka."""
        if self.rdkafka is None:
            self.rdkafka = built_program(self.options, 'rdkafka_load') or False
        return self.rdkafka

    def load(self, client, server, mode, topic, records, size):
        if client == 'librdkafka':
            return json.loads(call([self.rdkafka_load(), mode, server.address, topic, str(records), str(size), '1']))
        if mode == 'produce':
            return bench(self.options, server, 'produce', '--topic', topic, '--records', str(records), '--size', str(size),
                         '--acks', '1')
        return bench(self.options, server, 'consume', '--topic', topic)

    def rates(self):
        clients = ['leat bench'] + (['librdkafka'] if self.rdkafka_load() else [])
        with self.server('os') as server:
            for size in (1024, 100):
                for client in clients:
                    self.rates_of(server, size, client)
            if server.process:
                self.report.add('memory after load (RSS)', server.process.rss_mb(), 'MB')

    def rates_of(self, server, size, client):
        produced, consumed, floors = [], [], []
        records = RECORDS[size] // self.scale
        for _ in range(self.options.repeat):
            topic = self.topic()
            call([leat_program(self.options), 'topic', 'create', topic, '--partitions', '1', '--server', server.address])
            # Right before: memory that a virtual machine gave back to its host costs ten times as much to write to.
            floors.append(compare_floors.produce_us_per_kib(self.options.folder, records * size) * size / 1024)
            produced.append(self.measure(client, server, 'produce', topic, records, size))
            server.warm()
            consumed.append(self.measure(client, server, 'consume', topic, records, size))
            delete_topic(self.options, server, topic)
        name = self.add_rates('produce', size, client, produced, PRODUCE_RATE[size])
        cpu = [result['server_cpu_us_per_record'] for result in produced]
        if None not in cpu:
            above = [used - floor for used, floor in zip(cpu, floors)]
            self.report.add(name + ', server CPU a record', median(cpu), 'µs', runs=cpu)
            self.report.add(name + ', of it above the floor', median(above), 'µs', PRODUCE_CPU_ABOVE_FLOOR_US[size], 'less',
                            'floor %.3f µs: page-cache write and loopback receive' % median(floors), above)
        name = self.add_rates('consume', size, client, consumed, CONSUME_RATE[size])
        cpu = [result['server_cpu_us_per_record'] for result in consumed]
        if None not in cpu:
            self.report.add(name + ', server CPU a record', median(cpu), 'µs', CONSUME_CPU_US[size], 'less', runs=cpu)

    def measure(self, client, server, mode, topic, records, size):
        return with_cpu(server, lambda result: result['records'],
                        lambda: self.load(client, server, mode, topic, records, size))

    def add_rates(self, mode, size, client, results, target):
        name = '%s %d B, %s' % (mode, size, client)
        rates = [result['records_per_second'] for result in results]
        own = median([result['client_cpu_us_per_record'] for result in results])
        self.report.add(name, median(rates), 'records/s', target, 'more', 'client CPU %.2f µs a record' % own, rates)
        return name

    def latency(self, server, *arguments):
        topic = self.topic()
        results = self.repeated(lambda: bench(self.options, server, 'latency', '--topic', topic, *arguments))
        delete_topic(self.options, server, topic)
        return results

    def milliseconds(self, results, percentile):
        return [result['latency_us'][percentile] / 1000 for result in results]

    def end_to_end(self):
        seconds = '3' if self.options.quick else '10'
        with self.server('os') as server:
            for rate, target in ((1_000, None), (10_000, 2.0)):
                results = self.latency(server, '--rate', str(rate), '--acks', '1', '--seconds', seconds, '--warm-up', '1')
                p50, p99 = self.milliseconds(results, 'p50'), self.milliseconds(results, 'p99')
                name = 'end-to-end at {:,}/s'.format(rate)
                self.report.add(name + ', p50', median(p50), 'ms', runs=p50)
                self.report.add(name + ', p99', median(p99), 'ms', target, 'less', runs=p99)

    def commit(self):
        """acks=all, each beside fdatasync as it is at that moment: the disk is not the same from minute to minute."""
        seconds = '3' if self.options.quick else '8'
        f50, f99 = compare_floors.fdatasync_ms(self.options.folder, 1000 // self.scale)
        with self.server('commit') as server:
            one = self.latency(server, '--producers', '1', '--acks', 'all', '--seconds', seconds)
            p50 = self.milliseconds(one, 'p50')
            self.report.add('commit, one outstanding, p50', median(p50), 'ms', f50 + 0.3, 'less', 'fdatasync p50 %.2f ms' % f50, p50)
            many = self.latency(server, '--producers', '1', '--acks', 'all', '--seconds', seconds, '--rate', '1000')
            p50, p99 = self.milliseconds(many, 'p50'), self.milliseconds(many, 'p99')
            self.report.add('commit at 1,000/s, p50', median(p50), 'ms', 2 * f50 + 0.3, 'less', runs=p50)
            self.report.add('commit at 1,000/s, p99', median(p99), 'ms', 2 * f99 + 1, 'less', 'fdatasync p99 %.2f ms' % f99, p99)

    def slow_flush(self):
        if self.options.server:
            return
        seconds = '3' if self.options.quick else '8'
        with tempfile.TemporaryDirectory(prefix='leat-compare-') as folder:
            library = pathlib.Path(folder) / 'slow_fdatasync.so'
            compiler = os.environ.get('CC', 'cc')
            subprocess.run([compiler, '-shared', '-fPIC', '-O1', '-o', str(library),
                            str(pathlib.Path(__file__).with_name('slow_fdatasync.c')), '-ldl'], check=True)
            slow = {'LD_PRELOAD': str(library), 'SLOW_SYNC_MS': str(SLOW_SYNC_MS)}
            with OwnServer(self.options, '--flush', 'commit', '--listen', 'http=127.0.0.1:0', environment=slow) as server:
                rates = {}
                for producers in (1, 64):
                    results = self.latency(server, '--producers', str(producers), '--acks', 'all', '--seconds', seconds)
                    rates[producers] = median([result['records_per_second'] for result in results])
                    self.report.add('commit with %d ms a flush, %d producers' % (SLOW_SYNC_MS, producers), rates[producers], 'records/s')
                if rates[1] * SLOW_SYNC_MS > 1000 * 1.05:
                    raise Failed('the flushes of the server were not slowed: one producer had %.0f records/s' % rates[1])
                self.report.add('64 producers to 1', rates[64] / rates[1], '×', 20, 'more')

    def start(self):
        if self.options.server:
            return
        times, idle = [], []
        for _ in range(max(3, self.options.repeat)):
            server = OwnServer(self.options, '--listen', 'http=127.0.0.1:0')
            try:
                times.append(server.start() * 1000)
                time.sleep(1)
                idle.append(server.process.rss_mb())
                server.stop()
            finally:
                server.__exit__()
        self.report.add('cold start to first accept', median(times), 'ms', 50, 'less', runs=times)
        self.report.add('idle memory (RSS)', median(idle), 'MB', 30, 'less', runs=idle)
