#!/usr/bin/env python3
"""Compares every declared Kafka message with the official schemas, field by field.

The official ones are JSON files of Apache Kafka, found in $LEAT_REFERENCE/kafka-messages or ../shared/reference/kafka-messages
beside the repository. Without them the test is skipped (exit code 77). Where leat declares later versions than the
snapshot, the snapshot's versions are compared and what differs beyond them must be listed in LATER, with its source.
"""
import argparse
import dataclasses
import json
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, 'scripts'))
import kafka_schema  # noqa: E402

SKIPPED = 77
GUIDE = 'https://kafka.apache.org/43/design/protocol/'
# Versions that are later than the snapshot: message -> (last version, {field path: versions}, source). A field that the
# snapshot has too is listed when its range ends earlier than there.
LATER = {
    'ProduceRequest': (13, {'TopicData.Name': '0-12', 'TopicData.TopicId': '13+'}, 'KIP-890 (12), KIP-516 (13); ' + GUIDE),
    'ProduceResponse': (13, {'Responses.Name': '0-12', 'Responses.TopicId': '13+'}, 'KIP-890 (12), KIP-516 (13); ' + GUIDE),
    'FetchRequest': (18, {'Topics.Partitions.HighWatermark': '18+'}, 'KIP-1166; ' + GUIDE),
    'FetchResponse': (18, {}, 'KIP-1166: the same as 17; ' + GUIDE),
    'ListOffsetsRequest': (11, {}, 'KIP-1023: timestamp -6, the same layout; ' + GUIDE),
    'ListOffsetsResponse': (11, {}, 'KIP-1023: the same layout; ' + GUIDE),
    'MetadataRequest': (13, {}, 'KIP-1102: the same layout; ' + GUIDE),
    'MetadataResponse': (13, {'ErrorCode': '13+'}, 'KIP-1102; ' + GUIDE),
    'OffsetCommitRequest': (10, {'Topics.Name': '0-9', 'Topics.TopicId': '10+'}, 'KIP-848; ' + GUIDE),
    'OffsetCommitResponse': (10, {'Topics.Name': '0-9', 'Topics.TopicId': '10+'}, 'KIP-848; ' + GUIDE),
    'OffsetFetchRequest': (10, {'Groups.Topics.Name': '8-9', 'Groups.Topics.TopicId': '10+'}, 'KIP-848; ' + GUIDE),
    'OffsetFetchResponse': (10, {'Groups.Topics.Name': '8-9', 'Groups.Topics.TopicId': '10+'}, 'KIP-848; ' + GUIDE),
    'DescribeGroupsRequest': (6, {}, 'KIP-1043: the same layout; ' + GUIDE),
    'DescribeGroupsResponse': (6, {'Groups.ErrorMessage': '6+'}, 'KIP-1043; ' + GUIDE),
    'DescribeLogDirsRequest': (5, {}, 'KIP-1066: the same layout; ' + GUIDE),
    'DescribeLogDirsResponse': (5, {'Results.IsCordoned': '5+'}, 'KIP-1066; ' + GUIDE),
    'DescribeClusterRequest': (2, {'IncludeFencedBrokers': '2+'}, 'KIP-1073; ' + GUIDE),
    'DescribeClusterResponse': (2, {'Brokers.IsFenced': '2+'}, 'KIP-1073; ' + GUIDE),
}
# Fields that leat may drop where the snapshot says they must not be: a topic's name, once a later version replaces it by
# the topic's id.
IGNORABLE = {
    'ProduceRequest.TopicData.Name', 'ProduceResponse.Responses.Name', 'OffsetCommitRequest.Topics.Name',
    'OffsetCommitResponse.Topics.Name', 'OffsetFetchRequest.Groups.Topics.Name', 'OffsetFetchResponse.Groups.Topics.Name',
}


@dataclasses.dataclass
class Row:
    """One field, in words that both sides share. Ranges are clipped to the versions that are compared."""
    path: str
    type: str
    versions: str
    nullable: str
    default: str
    tag: str
    ignorable: bool
    flexible: bool


def clip(text, first, last):
    """The versions of a range that lie in first..last, '' when there are none."""
    if text is None or text == 'none':
        return ''
    v = kafka_schema.Versions.parse(text)
    a, b = max(v.first, first), min(v.last, last)
    return f'{a}-{b}' if a <= b else ''


def show(versions):
    return f'{versions.first}-{versions.last}' if versions.first != kafka_schema.NO_VERSION else 'none'


def default_of(kind, text):
    text = '' if text is None else str(text)
    if kind in ('bool',):
        return text.lower() or 'false'
    if kind.startswith('int'):
        return str(int(text, 0)) if text else '0'
    return text


def official_rows(fields, structs, first, last, path=''):
    for f in fields:
        versions = clip(f['versions'], first, last)
        if not versions:
            continue
        here = path + f['name']
        kind = f['type']
        tag = f"{f['tag']}:{clip(f['taggedVersions'], first, last)}" if 'tag' in f else ''
        yield Row(here, kind, versions, clip(f.get('nullableVersions'), first, last),
                  default_of(kind, f.get('default')), tag, str(f.get('ignorable', False)).lower() == 'true',
                  f.get('flexibleVersions') != 'none')
        inner = f.get('fields') or structs.get(kind.replace('[]', ''), [])
        yield from official_rows(inner, structs, first, last, here + '.')


def declared_rows(fields, first, last, path=''):
    for f in fields:
        versions = clip(show(f.versions), first, last)
        if not versions:
            continue
        here = path + f.name
        kind = ('[]' if f.is_array else '') + f.type
        tag = f'{f.tag}:{clip(show(f.tagged), first, last)}' if f.tag is not None else ''
        yield Row(here, kind, versions, clip(show(f.nullable), first, last), default_of(kind, f.default), tag,
                  f.ignorable, f.flexible)
        if f.is_struct:
            yield from declared_rows(f.fields, first, last, here + '.')


def find_reference():
    roots = [os.environ['LEAT_REFERENCE']] if os.environ.get('LEAT_REFERENCE') else []
    roots.append(os.path.join(ROOT, '..', 'shared', 'reference'))
    for root in roots:
        folder = os.path.join(root, 'kafka-messages')
        if os.path.isdir(folder):
            return folder
    return None


def load_official(folder, name):
    with open(os.path.join(folder, name + '.json'), encoding='utf-8') as f:
        return json.loads(re.sub(r'^\s*//.*$', '', f.read(), flags=re.MULTILINE))


def all_paths(fields, path=''):
    for f in fields:
        yield path + f.name, show(f.versions), f.ignorable
        if f.is_struct:
            yield from all_paths(f.fields, path + f.name + '.')


def compare(message, official):
    """What differs, as lines."""
    errors = []

    def error(text):
        errors.append(f'{message.name}: {text}')

    snapshot = kafka_schema.Versions.parse(official['validVersions'])
    first, last = snapshot.first, snapshot.last
    if message.key is not None and message.key != official.get('apiKey'):
        error(f"key {message.key}, officially {official.get('apiKey')}")
    if message.versions.first != first:
        error(f'begins at version {message.versions.first}, officially {first}')
    if clip(show(message.flexible), first, last) != clip(official['flexibleVersions'], first, last):
        error(f"flexible {show(message.flexible)}, officially {official['flexibleVersions']}")

    structs = {s['name']: s['fields'] for s in official.get('commonStructs', [])}
    theirs = list(official_rows(official['fields'], structs, first, last))
    ours = list(declared_rows(message.fields, first, last))
    if [r.path for r in ours] != [r.path for r in theirs]:
        error(f'fields {[r.path for r in ours]}, officially {[r.path for r in theirs]}')
    for mine, official_row in zip(ours, theirs):
        if f'{message.name}.{mine.path}' in IGNORABLE:
            official_row.ignorable = True
        if mine != official_row:
            error(f'{mine}, officially {official_row}')

    # Beyond the snapshot: only what is listed with its source.
    later_last, later_fields, _ = LATER.get(message.name, (last, {}, ''))
    if message.versions.last != later_last:
        error(f'ends at version {message.versions.last}, expected {later_last}')
    open_in_snapshot = {}
    for row in official_rows(official['fields'], structs, first, last):
        open_in_snapshot[row.path] = row

    def official_range(path, fields):
        head, _, rest = path.partition('.')
        for f in fields:
            if f['name'] == head:
                inner = f.get('fields') or structs.get(f['type'].replace('[]', ''), [])
                return official_range(rest, inner) if rest else f['versions']
        return None

    for path, versions, _ in all_paths(message.fields):
        expected = later_fields.get(path) or official_range(path, official['fields'])
        if expected is None:
            error(f'{path} is not official and not on the list of later fields')
        elif clip(versions, first, later_last) != clip(expected, first, later_last):
            error(f'{path} in versions {versions}, expected {expected}')
    for path in later_fields:
        if path not in {p for p, _, _ in all_paths(message.fields)}:
            error(f'{path} is on the list of later fields and is not declared')
    return errors


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('schemas', nargs='+')
    args = parser.parse_args()
    folder = find_reference()
    if folder is None:
        print('skipped: no official schemas (set LEAT_REFERENCE to a folder that holds kafka-messages)')
        return SKIPPED
    messages = kafka_schema.load(args.schemas)
    errors = [e for m in messages for e in compare(m, load_official(folder, m.name))]
    for name in set(LATER) - {m.name for m in messages}:
        errors.append(f'{name} is on the list of later versions and is not declared')
    for line in errors:
        print(line)
    print(f'{len(messages)} messages compared with {folder}: {len(errors)} differences')
    return 1 if errors else 0


if __name__ == '__main__':
    sys.exit(main())
