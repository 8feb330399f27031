#!/usr/bin/env python3
"""Runs the client and robustness suites against the real binary.

run.py [--quick] [--kill-rounds N] [--leat PATH] [SUITE...]

Client suites (each a program that is given the server's address): cli kcat librdkafka confluent_kafka kafka_python
kafkajs platformatic confluent_javascript users users_http users_matrix matrix_amazon resp_matrix secrets tokens jwt
access_keys mtls audit quotas tls sasl_tls aws_refused schema_client; of live push: live live_channels live_events
live_protocol live_limits live_tls live_node live_browser; of Amazon SQS: boto3 boto3_queues boto3_topics boto3_restarts
boto3_keys sqs_errors aws_cli queue_cli client_sqs sqs_workers; of Amazon SNS: boto3_sns boto3_sns_deliveries sns_http
sns_errors aws_cli_sns client_sns; of Redis: redis_cli redis_py redis_py_types redis_py_streams redis_py_server ioredis
ioredis6 node_redis node_redis6 bullmq bullmq5 bullmq_node_redis redlock rate_limiter_flexible connect_redis socket_io resp_users.
Robustness suites: stop connections disk golden kill queues queue_kill sns_kill resp_fields resp_restarts
resp_kill resp_migrate.
CASES=word,word runs only cases whose names contain a word. TEST_RESP_PEER=redis-server runs the suites of Redis against that
server, not against leat.
"""
import argparse
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time

import harness
import robust_connections
import robust_disk
import robust_golden
import robust_http_kill
import robust_kill
import robust_live_idle
import robust_live_slow
import robust_queue_kill
import robust_queues
import robust_resp_differential
import robust_resp_durability
import robust_resp_fields
import robust_resp_kill
import robust_resp_load
import robust_resp_locks
import robust_resp_migrate
import robust_resp_restarts
import robust_resp_scripts
import robust_resp_topics
import robust_sns_kill
import robust_stop
import resp_support
from harness import ROOT, Server

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = '/usr/bin/python3'
NPM = HERE / 'npm'


def node_suite(script, oldest=18):
    def command():
        node = shutil.which('node')
        if os.environ.get('SKIP_NPM'):
            raise harness.Skip('SKIP_NPM is set')
        if not node:
            raise harness.Skip('there is no Node.js')
        version = subprocess.run([node, '--version'], capture_output=True, text=True).stdout.strip()
        if int(version.lstrip('v').split('.')[0]) < oldest:
            raise harness.Skip('it needs Node.js %d, this is %s' % (oldest, version))
        return [node, str(NPM / script)]
    return command


CLIENTS = {
    'cli': lambda: [PYTHON, str(HERE / 'suite_cli.py')],
    'kcat': lambda: [PYTHON, str(HERE / 'suite_kcat.py')],
    'librdkafka': lambda: [str(ROOT / 'build/release/tests/clients/librdkafka/client_librdkafka')],
    'confluent_kafka': lambda: [PYTHON, str(HERE / 'suite_confluent_kafka.py')],
    'kafka_python': lambda: [PYTHON, str(HERE / 'suite_kafka_python.py')],
    'kafkajs': node_suite('kafkajs.mjs'),
    'platformatic': node_suite('platformatic.mjs', oldest=20),
    'confluent_javascript': node_suite('confluent_javascript.mjs'),
    'users': lambda: [PYTHON, str(HERE / 'suite_users.py')],
    'users_matrix': lambda: [PYTHON, str(HERE / 'suite_users_matrix.py')],
    'matrix_amazon': lambda: [PYTHON, str(HERE / 'suite_matrix_amazon.py')],
    'resp_matrix': lambda: [PYTHON, str(HERE / 'suite_resp_matrix.py')],
    'secrets': lambda: [PYTHON, str(HERE / 'suite_secrets.py')],
    'users_http': lambda: [PYTHON, str(HERE / 'suite_users_http.py')],
    'tokens': lambda: [PYTHON, str(HERE / 'suite_tokens.py')],
    'jwt': lambda: [PYTHON, str(HERE / 'suite_jwt.py')],
    'access_keys': lambda: [PYTHON, str(HERE / 'suite_access_keys.py')],
    'mtls': lambda: [PYTHON, str(HERE / 'suite_mtls.py')],
    'audit': lambda: [PYTHON, str(HERE / 'suite_audit.py')],
    'resp_users': lambda: [PYTHON, str(HERE / 'suite_resp_users.py')],
    'quotas': lambda: [PYTHON, str(HERE / 'suite_quotas.py')],
    'quota_doors': lambda: [PYTHON, str(HERE / 'suite_quota_doors.py')],
    'tls': lambda: [PYTHON, str(HERE / 'suite_tls.py')],
    'sasl_tls': lambda: [PYTHON, str(HERE / 'suite_sasl_tls.py')],
    'aws_refused': lambda: [PYTHON, str(HERE / 'suite_aws_refused.py')],
    'schema_client': lambda: [PYTHON, str(HERE / 'schema_client' / 'all_versions.py'), '--verbose'],
}
HTTP = {
    'http_api': lambda: [PYTHON, str(HERE / 'suite_http_api.py')],
    'http_queues': lambda: [PYTHON, str(HERE / 'suite_http_queues.py')],
    'http_document': lambda: [PYTHON, str(HERE / 'suite_http_document.py')],
    'http_access': lambda: [PYTHON, str(HERE / 'suite_http_access.py')],
    'http_wire': lambda: [PYTHON, str(HERE / 'suite_http_wire.py')],
    'http_origins': lambda: [PYTHON, str(HERE / 'suite_http_origins.py')],
    'http_rules': lambda: [PYTHON, str(HERE / 'suite_http_rules.py')],
}
LIVE = {
    'live': lambda: [PYTHON, str(HERE / 'suite_live.py')],
    'live_channels': lambda: [PYTHON, str(HERE / 'suite_live_channels.py')],
    'live_events': lambda: [PYTHON, str(HERE / 'suite_live_events.py')],
    'live_protocol': lambda: [PYTHON, str(HERE / 'suite_live_protocol.py')],
    'live_limits': lambda: [PYTHON, str(HERE / 'suite_live_limits.py')],
    'live_tls': lambda: [PYTHON, str(HERE / 'suite_live_tls.py')],
    'live_node': node_suite('live.mjs'),
    'live_browser': node_suite('live_browser.mjs'),
}
SQS = {
    'boto3': lambda: [PYTHON, str(HERE / 'suite_boto3.py')],
    'boto3_queues': lambda: [PYTHON, str(HERE / 'suite_boto3_queues.py')],
    'boto3_topics': lambda: [PYTHON, str(HERE / 'suite_boto3_topics.py')],
    'boto3_restarts': lambda: [PYTHON, str(HERE / 'suite_boto3_restarts.py')],
    'boto3_keys': lambda: [PYTHON, str(HERE / 'suite_boto3_keys.py')],
    'sqs_errors': lambda: [PYTHON, str(HERE / 'suite_sqs_errors.py')],
    'aws_cli': lambda: [PYTHON, str(HERE / 'suite_aws_cli.py')],
    'queue_cli': lambda: [PYTHON, str(HERE / 'suite_queue_cli.py')],
    'client_sqs': node_suite('client_sqs.mjs'),
    'sqs_workers': node_suite('sqs_workers.mjs'),
}
SNS = {
    'boto3_sns': lambda: [PYTHON, str(HERE / 'suite_boto3_sns.py')],
    'boto3_sns_deliveries': lambda: [PYTHON, str(HERE / 'suite_boto3_sns_deliveries.py')],
    'sns_http': lambda: [PYTHON, str(HERE / 'suite_sns_http.py')],
    'sns_errors': lambda: [PYTHON, str(HERE / 'suite_sns_errors.py')],
    'aws_cli_sns': lambda: [PYTHON, str(HERE / 'suite_aws_cli_sns.py')],
    'client_sns': node_suite('client_sns.mjs'),
}
AWS = {**SQS, **SNS}
RESP = {
    'redis_cli': lambda: [PYTHON, str(HERE / 'suite_redis_cli.py')],
    'redis_py': lambda: [PYTHON, str(HERE / 'suite_redis_py.py')],
    'redis_py_types': lambda: [PYTHON, str(HERE / 'suite_redis_py_types.py')],
    'redis_py_streams': lambda: [PYTHON, str(HERE / 'suite_redis_py_streams.py')],
    'redis_py_server': lambda: [PYTHON, str(HERE / 'suite_redis_py_server.py')],
    'ioredis': node_suite('ioredis.mjs'),
    'ioredis6': node_suite('ioredis6.mjs', oldest=20),
    'node_redis': node_suite('node_redis.mjs'),
    'node_redis6': node_suite('node_redis6.mjs', oldest=20),
    'bullmq': node_suite('bullmq.mjs'),
    'bullmq5': node_suite('bullmq5.mjs'),
    'bullmq_node_redis': node_suite('bullmq_node_redis.mjs'),
    'redlock': node_suite('redlock.mjs'),
    'rate_limiter_flexible': node_suite('rate_limiter_flexible.mjs'),
    'connect_redis': node_suite('connect_redis.mjs'),
    'socket_io': node_suite('socket_io.mjs'),
}
CLIENTS.update(HTTP)
CLIENTS.update(LIVE)
CLIENTS.update(AWS)
CLIENTS.update(RESP)
# Their clients sign with this key, and the server asks them to.
SIGNED = ('aws_cli', 'client_sqs', 'sqs_workers', 'aws_cli_sns', 'client_sns')
ACCESS_KEY = {'LEAT_SQS_ACCESS_KEYS': 'anyone=anything'}

ROBUST = {
    'stop': robust_stop.cases,
    'connections': robust_connections.cases,
    'disk': robust_disk.cases,
    'golden': robust_golden.cases,
    'kill': robust_kill.cases,
    'http_kill': robust_http_kill.cases,
    'live_slow': robust_live_slow.cases,
    'live_idle': robust_live_idle.cases,
    'queues': robust_queues.cases,
    'queue_kill': robust_queue_kill.cases,
    'sns_kill': robust_sns_kill.cases,
    'resp_differential': robust_resp_differential.cases,
    'resp_durability': robust_resp_durability.cases,
    'resp_fields': robust_resp_fields.cases,
    'resp_restarts': robust_resp_restarts.cases,
    'resp_scripts': robust_resp_scripts.cases,
    'resp_topics': robust_resp_topics.cases,
    'resp_kill': robust_resp_kill.cases,
    'resp_load': robust_resp_load.cases,
    'resp_locks': robust_resp_locks.cases,
    'resp_migrate': robust_resp_migrate.cases,
}


def run_client(name, make_command, seconds):
    """Runs a suite with a server of its own. Returns how many cases failed, and what is to be printed."""
    said = []
    counts = {'ok': 0, 'FAILED': 0, 'skipped': 0}
    try:
        command = make_command()
    except harness.Skip as why:
        return 0, ['skipped %s: %s' % (name, why)]
    own = resp_support.new_server() if name in RESP else Server(environment=ACCESS_KEY if name in SIGNED else None)
    with own as server:
        server.start()
        address = server.sqs if name in AWS else server.resp if name in RESP else server.address
        process = subprocess.Popen(command + [address], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                   errors='replace', cwd=ROOT,
                                   env={**os.environ, 'LEAT': server.leat, 'TEST_HTTP_PORT': str(server.http_port),
                                        'TEST_KAFKA': server.address})
        timer = threading.Timer(seconds, process.kill)
        timer.start()
        for line in process.stdout:
            word = line.split(' ', 1)[0]
            if word in counts:
                counts[word] += 1
                said.append(line.rstrip('\n'))
            else:
                said.append('    ' + line.rstrip('\n'))
        status = process.wait()
        late = not timer.is_alive()
        timer.cancel()
        if late:
            counts['FAILED'] += 1
            said.append('FAILED %s: it took longer than %d s' % (name, seconds))
        elif status != 0 and not counts['FAILED']:
            counts['FAILED'] += 1
            said.append('FAILED %s: it ended with status %d' % (name, status))
        elif not sum(counts.values()):
            counts['FAILED'] += 1
            said.append('FAILED %s: it ran no case' % name)
        if server.process.poll() is not None:
            counts['FAILED'] += 1
            said.append('FAILED %s: the server ended with %d' % (name, server.process.returncode))
        if counts['FAILED']:
            said += ['    server: ' + line for line in server.log_tail(12).splitlines()]
    return counts['FAILED'], said


def run_clients(suites, seconds, jobs):
    """Runs them, `jobs` at a time: most wait for something most of the time. Returns how many cases failed."""
    def run(suite):
        started = time.monotonic()
        bad, said = run_client(suite, CLIENTS[suite], seconds)
        print('\n'.join([*said, 'suite %s: %d failed, %.0f s' % (suite, bad, time.monotonic() - started)]), flush=True)
        return bad

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        return sum(pool.map(run, suites))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_true', help='10 kill rounds instead of 100, and 3 instead of 10 of sns_kill')
    parser.add_argument('--kill-rounds', type=int, help='rounds of kill -9 under load (100; sns_kill: 10; resp_kill: 30)')
    parser.add_argument('--leat', default=str(harness.LEAT))
    parser.add_argument('--seconds', type=int, default=300, help='the most that a client suite may take')
    parser.add_argument('--jobs', type=int, default=3, help='client suites that run at a time')
    parser.add_argument('suites', nargs='*')
    options = parser.parse_args()
    os.environ['LEAT'] = os.path.abspath(options.leat)
    robust_queue_kill.rounds = robust_kill.rounds = options.kill_rounds or (10 if options.quick else 100)
    robust_resp_kill.rounds = options.kill_rounds or (10 if options.quick else 30)
    robust_sns_kill.rounds = options.kill_rounds or (3 if options.quick else 10)
    if not os.access(options.leat, os.X_OK):
        print('FAILED clients: there is no %s: run ./run --build-only first' % options.leat)
        return 1
    suites = options.suites or [*CLIENTS, *ROBUST]
    unknown = [s for s in suites if s not in CLIENTS and s not in ROBUST]
    if unknown:
        print('FAILED clients: no suite is called %s; there are: %s' % (', '.join(unknown), ' '.join([*CLIENTS, *ROBUST])))
        return 1
    failed = run_clients([s for s in suites if s in CLIENTS], options.seconds, options.jobs)
    for suite in suites:
        if suite in ROBUST:
            started = time.monotonic()
            bad = ROBUST[suite].run()
            failed += bad
            print('suite %s: %d failed, %.0f s' % (suite, bad, time.monotonic() - started), flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
