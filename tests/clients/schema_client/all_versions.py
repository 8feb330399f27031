#!/usr/bin/env python3
"""Calls every version of every API that a leat server advertises, and checks errors and contents of the answers.

    all_versions.py HOST:PORT [--only API[,API...]] [--verbose]

Exit code 0 when every version passed and the advertised versions are the expected ones. Leaves topics and groups behind,
under names that no other run uses.
"""
import argparse
import socket
import sys
import traceback

import admin_apis
import codec
import data_apis
import group_apis
import user_apis
from client import Closed
from scenario import Failed, Server

SCENARIOS = {**data_apis.SCENARIOS, **admin_apis.SCENARIOS, **group_apis.SCENARIOS, **user_apis.SCENARIOS}
# What Kafka 4.3 serves of these APIs (docs/formats/kafka-messages.md).
EXPECTED = {
    'Produce': (0, 13), 'Fetch': (4, 18), 'ListOffsets': (1, 11), 'Metadata': (0, 13), 'OffsetCommit': (2, 10),
    'OffsetFetch': (1, 10), 'FindCoordinator': (0, 6), 'JoinGroup': (0, 9), 'Heartbeat': (0, 4), 'LeaveGroup': (0, 5),
    'SyncGroup': (0, 5), 'DescribeGroups': (0, 6), 'ListGroups': (0, 5), 'ApiVersions': (0, 4), 'CreateTopics': (2, 7),
    'DeleteTopics': (1, 6), 'DeleteRecords': (0, 2), 'InitProducerId': (0, 5), 'OffsetForLeaderEpoch': (2, 4),
    'DescribeConfigs': (1, 4), 'AlterConfigs': (0, 2), 'DescribeLogDirs': (1, 5), 'CreatePartitions': (0, 3),
    'DeleteGroups': (0, 2), 'IncrementalAlterConfigs': (0, 1), 'OffsetDelete': (0, 0), 'DescribeCluster': (0, 2),
    'DescribeTopicPartitions': (0, 0), 'SaslHandshake': (0, 1), 'SaslAuthenticate': (0, 2), 'DescribeAcls': (1, 3),
    'CreateAcls': (1, 3), 'DeleteAcls': (1, 3), 'DescribeUserScramCredentials': (0, 0), 'AlterUserScramCredentials': (0, 0),
    'DescribeClientQuotas': (0, 1), 'AlterClientQuotas': (0, 1),
}


def advertised(server):
    """{API: its versions}, and what is not as expected."""
    names = {m.key: m.api for m in codec.messages().values() if m.key is not None}
    answer = server.call('ApiVersions', 0)
    problems = [] if answer['ErrorCode'] == 0 else [f"ApiVersions: error {answer['ErrorCode']}"]
    versions = {}
    for entry in answer['ApiKeys']:
        name = names.get(entry['ApiKey'])
        if name is None:
            problems.append(f"API {entry['ApiKey']} is advertised and not declared")
        else:
            versions[name] = list(range(entry['MinVersion'], entry['MaxVersion'] + 1))
    for name, (first, last) in EXPECTED.items():
        if versions.get(name) != list(range(first, last + 1)):
            problems.append(f'{name}: versions {versions.get(name)} are advertised, expected {first} to {last}')
    problems += [f'{name}: advertised and not expected' for name in versions if name not in EXPECTED]
    return versions, problems


def run(server, name, scenario, *arguments):
    """The failure in one line, or None. A connection that broke is replaced."""
    try:
        scenario(server, *arguments)
        return None
    except Failed as failure:
        return f'{name}: {failure}'
    except (Closed, socket.timeout, OSError, AssertionError, codec.CodecError, KeyError, IndexError, StopIteration) as error:
        where = traceback.extract_tb(error.__traceback__)
        line = next((f for f in reversed(where) if f.filename.endswith('_apis.py')), where[-1])
        server.reconnect()
        return f'{name}: {type(error).__name__} {error} at line {line.lineno} of {line.name}: {line.line}'


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('address')
    parser.add_argument('--only', default='')
    parser.add_argument('--verbose', action='store_true')
    args = parser.parse_args()
    host, _, port = args.address.rpartition(':')
    server = Server(host.strip('[]'), int(port))
    server.versions, failures = advertised(server)
    for failure in failures:
        print(f'FAILED {failure}')
    only = [name for name in args.only.split(',') if name]
    passed = 0
    for name, versions in server.versions.items():
        if only and name not in only or name not in SCENARIOS:
            continue
        for version in versions:
            failure = run(server, f'{name} {version}', SCENARIOS[name], version)
            if failure is None and (name, version) not in server.answered():
                failure = f'{name} {version}: was never called'
            if args.verbose or failure:
                print(f'FAILED {failure}' if failure else f'ok {name} {version}', flush=True)
            passed += failure is None
            if failure:
                failures.append(failure)
    if not only:
        failure = run(server, 'unsupported versions', data_apis.unsupported)
        missing = [f'{name}: advertised without a scenario' for name in server.versions if name not in SCENARIOS]
        for failure in ([failure] if failure else []) + missing:
            print(f'FAILED {failure}')
            failures.append(failure)
    print(f'{passed} versions passed, {len(failures)} failures')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
