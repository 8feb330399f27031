"""bench/compare partitions: many partitions on one server."""
import time

from compare_report import median
from compare_server import Failed, OwnServer, bench, call, delete_topic, leat_program

TOPICS = 100
PARTITIONS_EACH = 100


def run(options, report):
    if options.server:
        raise SystemExit('partitions starts and stops its own server: leave --server out')
    topics = TOPICS // 10 if options.quick else TOPICS
    try:
        many_partitions(options, report, topics)
        written_at_once(options, report)
    except Failed as why:
        report.failed('partitions', why)


def ready(options, server):
    """Waits until the server serves, and returns how many partitions it lists."""
    listed = call([leat_program(options), 'topic', 'list', '--server', server.address])
    return sum(int(line.split()[1].replace(',', '')) for line in listed.splitlines()[1:])


def many_partitions(options, report, topics):
    server = OwnServer(options, '--listen', 'http=127.0.0.1:0')
    count = topics * PARTITIONS_EACH
    name = '{:,} partitions, '.format(count)
    try:
        server.start()
        names = ['many-%d' % i for i in range(topics)]
        begun = time.monotonic()
        for i in range(0, topics, 10):
            call([leat_program(options), 'topic', 'create', *names[i:i + 10], '--partitions', str(PARTITIONS_EACH),
                  '--server', server.address])
        report.add(name + 'created', time.monotonic() - begun, 's')
        for label, end in (('start after a clean stop', server.stop), ('start after a kill', server.kill)):
            end()
            begun = time.monotonic()
            server.start()
            if ready(options, server) != count:
                raise Failed('the server does not list all partitions after its start')
            report.add(name + label, time.monotonic() - begun, 's', 10, 'less')
        time.sleep(2)
        report.add(name + 'idle memory (RSS)', server.process.rss_mb(), 'MB', 500, 'less')
        report.add(name + 'descriptors', server.process.descriptors(), '')
    finally:
        server.__exit__()


def written_at_once(options, report):
    """Commits on 1,000 partitions beside the same load on one: records due at a rate, and 1,000 that are always
    outstanding. The latter keeps both cores busy with requests, whatever the disk does; one record alone is shown too."""
    partitions = 100 if options.quick else 1000
    connections = 20
    in_flight = partitions // connections
    loads = [('at 5,000/s', ['--connections', str(connections), '--in-flight', str(in_flight), '--rate', '5000']),
             ('{:,} outstanding'.format(partitions), ['--connections', str(connections), '--in-flight', str(in_flight)])]
    with OwnServer(options, '--flush', 'commit', '--listen', 'http=127.0.0.1:0') as server:
        alone = commit_p99(options, server, 1, ['--connections', '1', '--in-flight', '1'])
        report.add('commit, 1 outstanding on 1 partition, p99', median(alone), 'ms', runs=alone)
        for load, arguments in loads:
            one = commit_p99(options, server, 1, arguments)
            many = commit_p99(options, server, partitions, arguments)
            report.add('commit, %s on 1 partition, p99' % load, median(one), 'ms', runs=one)
            report.add('commit, %s on %s partitions, p99' % (load, '{:,}'.format(partitions)), median(many), 'ms', runs=many)
            report.add('commit, %s, many partitions to one' % load, median(many) / median(one), '×', 10, 'less')


def commit_p99(options, server, partitions, arguments):
    """Milliseconds, of each run."""
    topic = 'at-once-%d' % partitions
    runs = []
    for _ in range(options.repeat):
        result = bench(options, server, 'produce', '--topic', topic, '--partitions', str(partitions), '--batch-records', '1',
                       '--size', '100', '--acks', 'all', '--seconds', '5' if options.quick else '10', '--warm-up', '2', *arguments)
        runs.append(result['latency_us']['p99'] / 1000)
    delete_topic(options, server, topic)
    return runs
