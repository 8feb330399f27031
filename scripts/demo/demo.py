#!/usr/bin/python3
"""Carries this machine's package index through leat, which is killed on the way, and shows that nothing is lost.

demo.py --leat PROGRAM [--plain]
"""
import argparse
import collections
import json
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent

try:
    from confluent_kafka import Consumer, Producer, TopicPartition
    from confluent_kafka.admin import AdminClient, NewTopic
    import boto3  # noqa: F401, the workers use it
except ImportError as missing:
    sys.exit('error: the demo needs the Debian packages python3-confluent-kafka and python3-boto3, which `./run '
             '--build-only` installs: %s' % missing)

import package_index

TOPIC, GROUP, PARTITIONS, COUNTERS = 'packages', 'sections', 6, 3
QUEUE, DEAD_QUEUE, WORKERS, DELIVERIES = 'package-work', 'package-work-dead', 4, 8
POISON = (b'poison', 'poison', b'Package: nobody-can-handle-me\nSection: poison')
QUIET = {'reconnect.backoff.ms': 20, 'reconnect.backoff.max.ms': 200, 'log_level': 0, 'error_cb': lambda _: None}


class Screen:
    """Steps and progress bars; on something that is no terminal, or with --plain, one line a step."""

    def __init__(self, plain):
        self.bars = not plain and sys.stdout.isatty()

    def say(self, text=''):
        print(text, flush=True)

    def bar(self, label, done, total, note=''):
        if self.bars:
            width = 30
            full = width * done // max(total, 1)
            sys.stdout.write('\r  %-22s [%s%s] %7d of %d %s\x1b[K' % (label, '#' * full, '.' * (width - full), done, total, note))
            sys.stdout.flush()

    def end(self, label, total, seconds):
        if self.bars:
            sys.stdout.write('\r\x1b[K')
        print('  %-22s %7d in %.1f s' % (label, total, seconds), flush=True)


def free_ports(count):
    """Below the ports that outgoing connections get, so that they are still free after the server was killed."""
    found = []
    for port in range(21000, 30000):
        with socket.socket() as probe:
            try:
                probe.bind(('127.0.0.1', port))
                found.append(port)
            except OSError:
                continue
        if len(found) == count:
            return found
    raise SystemExit('error: no free ports between 21000 and 30000')


class Leat:
    def __init__(self, program, folder):
        kafka, self.http, sqs = free_ports(3)
        self.folder, self.program, self.process = folder, program, None
        self.address = '127.0.0.1:%d' % kafka
        self.sqs = 'http://127.0.0.1:%d' % sqs

    def start(self):
        with open(self.folder / 'server.log', 'ab') as log:
            self.process = subprocess.Popen(
                [self.program, 'serve', '--data', str(self.folder / 'data'), '--listen', 'kafka=' + self.address,
                 '--listen', 'http=127.0.0.1:%d' % self.http, '--listen', 'sqs=' + self.sqs.partition('//')[2]], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        began = time.monotonic()
        while time.monotonic() - began < 60:
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen('http://127.0.0.1:%d/readyz' % self.http, timeout=5):
                    return time.monotonic() - began
            except OSError:
                time.sleep(0.005)
        tail = (self.folder / 'server.log').read_text(errors='replace').splitlines()[-10:]
        raise SystemExit('error: the server did not start:\n  ' + '\n  '.join(tail))

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()

    def command(self, *words):
        """Standard output of `leat queue WORDS`."""
        done = subprocess.run([self.program, 'queue', *words, '--server', self.sqs], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit('error: leat queue %s: %s' % (' '.join(words), done.stderr.strip()))
        return done.stdout

    def memory_mb(self):
        for line in pathlib.Path('/proc/%d/status' % self.process.pid).read_text().splitlines():
            if line.startswith('VmRSS:'):
                return int(line.split()[1]) / 1024
        return 0


class Counters:
    """The consumer group: three processes. What they print is kept by partition and offset, so that a record which is
    delivered again after the crash counts once."""

    def __init__(self, address):
        self.sections, self.again, self.lock = {}, 0, threading.Lock()
        self.processes = [subprocess.Popen([sys.executable, str(HERE / 'counter.py'), address, TOPIC, GROUP],
                                           stdout=subprocess.PIPE, text=True) for _ in range(COUNTERS)]
        self.shares = [0] * COUNTERS
        self.threads = [threading.Thread(target=self.collect, args=(i,), daemon=True) for i in range(COUNTERS)]
        for thread in self.threads:
            thread.start()

    def collect(self, index):
        for line in self.processes[index].stdout:
            partition, offset, section = line.rstrip('\n').split(' ', 2)
            with self.lock:
                self.again += (partition, offset) in self.sections
                self.sections[partition, offset] = section
                self.shares[index] += 1

    def stop(self):
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        for thread in self.threads:
            thread.join(5)


class Workers:
    """Four processes that work a queue off through SQS. Messages are kept by their ids, so that one which is delivered again
    counts once."""

    def __init__(self, endpoint):
        self.done, self.again, self.failures, self.lock = {}, 0, 0, threading.Lock()
        self.processes = [subprocess.Popen([sys.executable, str(HERE / 'worker.py'), endpoint, QUEUE],
                                           stdout=subprocess.PIPE, text=True) for _ in range(WORKERS)]
        self.shares = [0] * WORKERS
        self.threads = [threading.Thread(target=self.collect, args=(i,), daemon=True) for i in range(WORKERS)]
        for thread in self.threads:
            thread.start()

    def collect(self, index):
        for line in self.processes[index].stdout:
            word, message, *section = line.rstrip('\n').split(' ', 2)
            with self.lock:
                if word == '-':
                    self.failures += 1
                    continue
                self.again += message in self.done
                self.done[message] = section[0]
                self.shares[index] += 1

    stop = Counters.stop


def work_off(screen, leat, total):
    """Every record as a message, through a queue on the topic; the server is killed half-way. Returns (sections by count,
    dead letters)."""
    screen.say('The same records as a queue, for %d SQS workers that fail 5 %% of the time, one message always:' % WORKERS)
    leat.command('create', DEAD_QUEUE)
    leat.command('create', QUEUE, '--topic', TOPIC, '--start', 'beginning', '--dead-letter-queue', DEAD_QUEUE,
                 '--deliveries', str(DELIVERIES))
    began, killed = time.monotonic(), False
    workers = Workers(leat.sqs)
    try:
        while time.monotonic() - began < 180:
            done = len(workers.done)
            screen.bar('working off', done, total)
            if done >= total - 1 and leat.command('dead', DEAD_QUEUE, '--json'):
                break
            if not killed and done > total // 2:
                killed = True
                leat.kill()
                seconds = leat.start()
                if screen.bars:
                    sys.stdout.write('\r\x1b[K')
                screen.say('  kill -9 with %d messages worked off; serving again after %.2f s' % (done, seconds))
            time.sleep(0.05)
    finally:
        workers.stop()
    screen.end('worked off', len(workers.done), time.monotonic() - began)
    screen.say('  by the four: %s; failed and tried again: %d; delivered again after the crash: %d'
               % (', '.join(map(str, workers.shares)), workers.failures, workers.again))
    letters = [json.loads(line) for line in leat.command('dead', DEAD_QUEUE, '--json').splitlines()]
    for letter in letters:
        screen.say('  dead letter: record %d of partition %d of \'%s\', given up after %d deliveries'
                   % (letter['offset'], letter['partition'], letter['topic'], letter['deliveries']))
    return collections.Counter(workers.done.values()), letters


def record_at(address, partition, offset):
    """The value of one record, read through Kafka."""
    consumer = Consumer({'bootstrap.servers': address, 'group.id': 'replay', 'enable.auto.commit': False, **QUIET})
    consumer.assign([TopicPartition(TOPIC, partition, offset)])
    message = consumer.poll(30)
    consumer.close()
    return message.value() if message and not message.error() else None


def produce(screen, leat, counters, entries):
    """Produces every entry, and kills the server at a third and at two thirds of the way."""
    delivered, errors = [0], []

    def answered(error, _):
        if error:
            errors.append(error)
        else:
            delivered[0] += 1

    producer = Producer({'bootstrap.servers': leat.address, 'enable.idempotence': True, 'acks': 'all', 'linger.ms': 5,
                         'compression.type': 'zstd', 'message.timeout.ms': 300000, 'queue.buffering.max.messages': 5000,
                         'partitioner': 'murmur2_random', **QUIET})
    began, total = time.monotonic(), len(entries)
    kills = [total // 3, total * 2 // 3]
    for number, (key, _, text) in enumerate(entries):
        while True:
            try:
                producer.produce(TOPIC, text, key, on_delivery=answered)
                break
            except BufferError:
                producer.poll(0.02)
        producer.poll(0)
        if number % 500 == 0:
            screen.bar('producing', delivered[0], total)
        unanswered = number + 1 - delivered[0]
        # In the middle: the group has begun to count, and records are on their way.
        if kills and number >= kills[0] and counters.sections and unanswered >= 300:
            kills.pop(0)
            leat.kill()
            seconds = leat.start()
            if screen.bars:
                sys.stdout.write('\r\x1b[K')
            screen.say('  kill -9 with %d records sent and unanswered; serving again after %.2f s' % (unanswered, seconds))
        elif kills and number >= kills[0] and not counters.sections:
            time.sleep(0.001)
    if kills:
        raise SystemExit('error: everything was delivered before the server could be killed in the middle')
    while producer.flush(0.2) and not errors:
        screen.bar('producing', delivered[0], total)
    if errors:
        raise SystemExit('error: a record was not delivered: %s' % errors[0])
    screen.end('produced', delivered[0], time.monotonic() - began)


def replay(screen, label, address, starts):
    """Reads all partitions from these offsets to their ends. Returns (sections by count, timestamps)."""
    consumer = Consumer({'bootstrap.servers': address, 'group.id': 'replay', 'enable.auto.commit': False,
                         'fetch.wait.max.ms': 50, **QUIET})
    ends = {p: consumer.get_watermark_offsets(TopicPartition(TOPIC, p), 30)[1] for p in range(PARTITIONS)}
    wanted = sum(max(0, ends[p] - o) for p, o in starts.items())
    consumer.assign([TopicPartition(TOPIC, p, o) for p, o in starts.items()])
    counts, times, done, began = collections.Counter(), [], 0, time.monotonic()
    while done < wanted:
        if time.monotonic() - began > 120:
            raise SystemExit('error: %s read %d of %d records in two minutes' % (label, done, wanted))
        for message in consumer.consume(5000, 0.2):
            if message.error():
                raise SystemExit('error: %s: %s' % (label, message.error()))
            counts[package_index.section_of(message.value())] += 1
            times.append(message.timestamp()[1])
            done += 1
        screen.bar(label, done, wanted)
    consumer.close()
    screen.end(label, done, time.monotonic() - began)
    return counts, times


def offsets_at(address, time_ms):
    """The first offset of each partition at or after a time; its end where there is none."""
    consumer = Consumer({'bootstrap.servers': address, 'group.id': 'replay', **QUIET})
    found = consumer.offsets_for_times([TopicPartition(TOPIC, p, time_ms) for p in range(PARTITIONS)], 30)
    offsets = {p.partition: p.offset if p.offset >= 0 else
               consumer.get_watermark_offsets(TopicPartition(TOPIC, p.partition), 30)[1] for p in found}
    consumer.close()
    return offsets


def table(screen, counts, rows=16):
    screen.say()
    screen.say('  %-24s %9s' % ('section', 'packages'))
    for section, count in counts.most_common(rows):
        screen.say('  %-24s %9d' % (section, count))
    rest = counts.most_common()[rows:]
    if rest:
        screen.say('  %-24s %9d' % ('%d more sections' % len(rest), sum(count for _, count in rest)))
    screen.say('  %-24s %9d' % ('all', sum(counts.values())))
    screen.say()


def carry(screen, leat):
    """The whole demo against a server in a new folder. Returns the names of what did not match."""
    screen.say('Reading the package index ...')
    entries = package_index.entries()
    if len(entries) < 100:
        raise SystemExit('error: this machine has no package index; run `apt-get update` first')
    entries.insert(len(entries) // 2, POISON)
    expected = collections.Counter(section for _, section, _ in entries)
    size = sum(len(text) for _, _, text in entries)
    screen.say('%d packages, %.0f MB, from %d source packages' % (len(entries) - 1, size / 1e6, len({e[0] for e in entries}) - 1))
    screen.say('leat serves after %.2f s on %s' % (leat.start(), leat.address))
    admin = AdminClient({'bootstrap.servers': leat.address, **QUIET})
    admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])[TOPIC].result(30)
    screen.say('One record a package into %d partitions, counted by a group of %d processes:' % (PARTITIONS, COUNTERS))
    start_ms = int(time.time() * 1000)
    counters = Counters(leat.address)
    try:
        produce(screen, leat, counters, entries)
        began = time.monotonic()
        while len(counters.sections) < len(entries) and time.monotonic() - began < 120:
            screen.bar('counting', len(counters.sections), len(entries))
            time.sleep(0.05)
        screen.end('counted', len(counters.sections), time.monotonic() - began)
    finally:
        counters.stop()
    counted = collections.Counter(counters.sections.values())
    table(screen, counted)
    screen.say('  read by the three: %s; delivered again after a crash, and counted once: %d'
               % (', '.join(map(str, counters.shares)), counters.again))
    worked, letters = work_off(screen, leat, len(entries))
    from_offsets, times = replay(screen, 'replay from offset 0', leat.address, dict.fromkeys(range(PARTITIONS), 0))
    from_time, _ = replay(screen, 'replay from the start', leat.address, offsets_at(leat.address, start_ms))
    middle = sorted(times)[len(times) // 2]
    # Timestamps within a partition need not be in order (a retried batch), so its first later record decides.
    later = offsets_at(leat.address, middle)
    from_middle, late_times = replay(screen, 'replay from half-time', leat.address, later)
    data = sum(f.stat().st_size for f in (leat.folder / 'data').rglob('*') if f.is_file())
    screen.say('  server memory %.0f MB, data folder %.0f MB' % (leat.memory_mb(), data / 1e6))
    checks = {
        'the group\'s totals': counted == expected,
        'every package worked off, at least once': worked == expected - collections.Counter({'poison': 1}),
        'the poison message, alone in the dead-letter queue with its history':
            [(p['from'], p['topic'], p['deliveries'], p['body'].encode()) for p in letters]
            == [(QUEUE, TOPIC, DELIVERIES, POISON[2])]
            and record_at(leat.address, letters[0]['partition'], letters[0]['offset']) == POISON[2],
        'the replay by offset': from_offsets == expected,
        'the replay by time': from_time == expected,
        'the replay from half-time': sum(t >= middle for t in late_times) == sum(t >= middle for t in times)
                                     and not from_middle - expected,
        'the number of records stored': len(times) == len(entries),
    }
    screen.say()
    for name, matches in checks.items():
        screen.say('%s demo: %s: %s' % ('ok' if matches else 'FAILED', name,
                                        'as the input' if matches else 'not as the input'))
    return [name for name, matches in checks.items() if not matches]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--leat', required=True, help='the program')
    parser.add_argument('--plain', action='store_true', help='no progress bars')
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix='leat-demo-'))
    leat = Leat(options.leat, folder)
    try:
        return 1 if carry(Screen(options.plain), leat) else 0
    except KeyboardInterrupt:
        return 130
    finally:
        leat.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == '__main__':
    sys.exit(main())
