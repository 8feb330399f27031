#!/usr/bin/python3
"""One member of the demo's consumer group: counter.py ADDRESS TOPIC GROUP

Prints a line "PARTITION OFFSET SECTION" for each record before it commits the record's offset, so that what is read again
after a crash is printed again, with the same offset.
"""
import signal
import sys

from confluent_kafka import Consumer, KafkaException

from package_index import section_of


def main():
    address, topic, group = sys.argv[1:4]
    leaving = []
    signal.signal(signal.SIGTERM, lambda *_: leaving.append(True))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    consumer = Consumer({
        'bootstrap.servers': address, 'group.id': group, 'auto.offset.reset': 'earliest', 'enable.auto.commit': False,
        'session.timeout.ms': 6000, 'heartbeat.interval.ms': 300, 'fetch.wait.max.ms': 50,
        'reconnect.backoff.ms': 20, 'reconnect.backoff.max.ms': 200, 'log_level': 0, 'error_cb': lambda _: None})
    consumer.subscribe([topic])
    while not leaving:
        messages = [m for m in consumer.consume(2000, 0.1) if not m.error()]
        if not messages:
            continue
        sys.stdout.write(''.join('%d %d %s\n' % (m.partition(), m.offset(), section_of(m.value())) for m in messages))
        sys.stdout.flush()
        try:
            consumer.commit(asynchronous=False)
        except KafkaException:
            pass  # the server is away: it is read and printed again, or the next commit covers it
    consumer.close()


main()
