"""bench/compare resp: leat as a keyspace, beside Redis and memcached.

Servers that are compared run at the same time and are loaded in turns, one after the other, because a machine's speed
changes. A ratio is the median of the ratios of neighbouring runs."""
import contextlib
import csv
import io
import resource
import time

import compare_floors
import compare_resp_keys
from compare_report import median
from compare_resp_servers import (Client, LeatCommit, LeatInterval, LeatNone, Memcached, Redis, RedisAlways,
                                  RedisEverySecond, load)
from compare_server import Failed, call, run_steps

COMMANDS = ('GET', 'SET', 'INCR', 'HSET', 'LPUSH', 'ZADD')
PIPELINES = (1, 16)
CONNECTIONS = 50
KEYS = 100_000
SIZE = 100
COMMIT_CONNECTIONS = (1, 8, 64)
SUBSCRIBERS = 1_000
IN_FLIGHT = 16
DELIVERIES_RATE, DELIVERY_P99_MS = 100_000, 5
FAN_OUT_RATIO = 1.5


def run(options, report):
    suite = Suite(options, report)
    steps = [('floors', suite.floors), ('plain', suite.plain), ('memcached', suite.memcached), ('interval', suite.interval),
             ('commit', suite.commit), ('fanout', suite.fan_out)]
    steps += [(name, lambda step=step: step(options, report)) for name, step in compare_resp_keys.STEPS.items()]
    run_steps(steps, options, report)


class Suite:
    def __init__(self, options, report):
        self.options, self.report = options, report

    def floors(self):
        syncs = [compare_floors.fdatasync_ms(self.options.folder, 100 if self.options.quick else 1000)
                 for _ in range(self.options.repeat)]
        self.report.floor('fdatasync p50', median([p50 for p50, _ in syncs]), 'ms')
        self.report.floor('fdatasync p99', median([p99 for _, p99 in syncs]), 'ms')

    def plain(self):
        self.commands(LeatNone, Redis, COMMANDS)

    def interval(self):
        self.commands(LeatInterval, RedisEverySecond, ('SET', 'GET', 'LPUSH'))

    def commands(self, ours, theirs, names):
        with self.both(ours, theirs) as servers:
            if not servers:
                return
            for server in servers:  # what GET reads, by the names that redis-benchmark gives to keys
                redis_benchmark(server, 'SET', KEYS * 5, CONNECTIONS, 16)
            for pipeline in PIPELINES:
                count = (100_000 if self.options.quick else 200_000) * (1 if pipeline == 1 else 10)
                for name in names:
                    self.cell(servers, '%s, pipeline %d' % (name, pipeline),
                              lambda server, name=name: redis_benchmark(server, name, count, CONNECTIONS, pipeline))

    def commit(self):
        with self.both(LeatCommit, RedisAlways) as servers:
            if not servers:
                return
            for connections in COMMIT_CONNECTIONS:
                count = (2_000 if self.options.quick else 10_000) * min(connections, 20)
                self.cell(servers, 'SET, %d connections' % connections,
                          lambda server: redis_benchmark(server, 'SET', count, connections, 1))

    def memcached(self):
        with self.both(LeatNone, Memcached) as servers:
            if not servers:
                return
            for server in servers:
                load(self.options, server, 'fill', keys=KEYS, size=SIZE)
            for pipeline in PIPELINES:
                for mode in ('get', 'set'):
                    self.cell(servers, '%s, pipeline %d' % (mode, pipeline), lambda server: load(
                        self.options, server, mode, keys=KEYS, size=SIZE, connections=CONNECTIONS, pipeline=pipeline,
                        seconds=1 if self.options.quick else 3))

    def fan_out(self):
        with self.both(LeatNone, Redis) as servers:
            if not servers:
                return
            shape = {'connections': SUBSCRIBERS, 'size': SIZE, 'seconds': 2 if self.options.quick else 5}
            self.cell(servers, 'deliveries to {:,} subscribers'.format(SUBSCRIBERS),
                      lambda server: load(self.options, server, 'fanout', pipeline=IN_FLIGHT, **shape), FAN_OUT_RATIO)
            taken = self.in_turns(servers, lambda server: load(
                self.options, server, 'fanout', rate=DELIVERIES_RATE / SUBSCRIBERS, **shape))
            for server, results in taken.items():
                self.delivery_latency(server, results)

    def delivery_latency(self, server, results):
        name = '%s, publish to delivery at %s deliveries/s, ' % (server.name, '{:,}'.format(DELIVERIES_RATE))
        for percentile, target in (('p50', None), ('p99', DELIVERY_P99_MS)):
            runs = [result['latency_us'][percentile] / 1000 for result in results]
            self.report.add(name + percentile, median(runs), 'ms', target if isinstance(server, LeatNone) else None, 'less',
                            runs=runs)
        runs = [result['server_cpu_us'] for result in results]
        self.report.add(name + 'server CPU', median(runs), 'µs', runs=runs)

    @contextlib.contextmanager
    def both(self, ours, theirs):
        """The two servers; none when one cannot run here or is not wanted."""
        words = [word.strip().lower() for word in self.options.peers.split(',')]
        if not any(word in theirs.name.lower() for word in words):
            yield ()
        elif theirs.missing():
            self.report.left_out(theirs.name, theirs.missing())
            yield ()
        else:
            with ours(self.options) as first, theirs(self.options) as second:
                yield first, second

    def in_turns(self, servers, measure):
        results = {server: [] for server in servers}
        for number in range(self.options.repeat):
            for server in servers if number % 2 == 0 else reversed(servers):
                results[server].append(measure(server))
        return results

    def cell(self, servers, name, measure, ratio=1.0):
        """One kind of load on both servers: rates, CPU, and how they compare."""
        results = self.in_turns(servers, measure)
        for server, runs in results.items():
            rates, cpu = ([one[what] for one in runs] for what in ('per_second', 'server_cpu_us'))
            note = 'client CPU %.2f µs, %.2f of a core' % (
                median([one['client_cpu_us'] for one in runs]),
                median([one['client_cpu_us'] * one['per_second'] / 1e6 for one in runs]))
            self.report.add('%s, %s' % (server.name, name), median(rates), '/s', note=note, runs=rates)
            self.report.add('%s, %s, server CPU' % (server.name, name), median(cpu), 'µs', runs=cpu)
        ours, theirs = results.values()
        for what, label, target, better in (('per_second', 'rate', ratio, 'more'), ('server_cpu_us', 'server CPU', 1.0, 'less')):
            runs = [mine[what] / other[what] for mine, other in zip(ours, theirs)]
            self.report.add('%s to %s, %s, %s' % (*(server.name for server in servers), name, label), median(runs), '×',
                            target, better, runs=runs)


def redis_benchmark(server, name, count, connections, pipeline):
    """What redis-benchmark measured, as resp_load tells it."""
    with Client(server.client_port) as client:
        if client.call('DEL', 'mylist'):  # which would grow from run to run
            time.sleep(0.3)  # a thread may still free it
    client_before, before, begun = children_seconds(), server.cpu_seconds(), time.monotonic()
    said = call(['redis-benchmark', '-h', '127.0.0.1', '-p', str(server.client_port), '-t', name.lower(), '-n', str(count), '-c',
                 str(connections), '-P', str(pipeline), '-r', str(KEYS), '-d', str(SIZE), '--csv'])
    used, client_used, seconds = server.cpu_seconds() - before, children_seconds() - client_before, time.monotonic() - begun
    rows = {row['test'].split(' ')[0]: row for row in csv.DictReader(io.StringIO(said))}
    if name not in rows:
        raise Failed('redis-benchmark said: %s' % said)
    return {'per_second': float(rows[name]['rps']), 'server_cpu_us': used * 1e6 / count, 'seconds': seconds,
            'client_cpu_us': client_used * 1e6 / count}


def children_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
