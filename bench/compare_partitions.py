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
    """One record outstanding on each of 1,000 partitions, against one on one."""
    partitions = 100 if options.quick else 1000
    seconds = '5' if options.quick else '10'
    connections = 20
    p99 = {}
    with OwnServer(options, '--flush', 'commit', '--listen', 'http=127.0.0.1:0') as server:
        for count, lanes in ((1, 1), (partitions, connections)):
            topic = 'at-once-%d' % count
            runs = []
            for _ in range(options.repeat):
                result = bench(options, server, 'produce', '--topic', topic, '--partitions', str(count), '--batch-records', '1',
                               '--size', '100', '--acks', 'all', '--seconds', seconds, '--warm-up', '2',
                               '--connections', str(lanes),
                               '--in-flight', str(count // lanes))
                runs.append(result['latency_us']['p99'] / 1000)
            p99[count] = median(runs)
            report.add('commit on {:,} partition{} at once, p99'.format(count, '' if count == 1 else 's'), p99[count], 'ms', runs=runs)
            delete_topic(options, server, topic)
    report.add('p99 of {:,} partitions to one'.format(partitions), p99[partitions] / p99[1], '×', 10, 'less')
