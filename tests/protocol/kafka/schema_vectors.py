#!/usr/bin/env python3
"""Writes encoded messages for schema_vectors_test.cc and seeds for the fuzz target.

    schema_vectors.py --out FILE         every message in every version, with values drawn from a fixed seed
    schema_vectors.py --corpus fuzz/corpus
        writes each message in its first, first flexible and last version

FILE holds, for each vector, four-byte lengths in network order before each of: the message's name, its version in
decimal, its bytes.
"""
import argparse
import os
import random
import struct
import sys
import uuid

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, 'tests', 'clients', 'schema_client'))
import codec  # noqa: E402

INTERESTING = {
    'int8': [0, 1, -1, 127, -128],
    'int16': [0, 1, -1, 35, 32767, -32768],
    'int32': [0, 1, -1, 1000, 2**31 - 1, -2**31],
    'int64': [0, 1, -1, 10**12, 2**63 - 1, -2**63],
}
DOUBLES = [0.0, 1.0, -1.5, 1e-300, 1e300]
TEXTS = ['', 'a', 'topic', 'größe', 'x' * 126, 'y' * 127, 'z' * 200]


def scalar(rng, f):
    if f.type in INTERESTING:
        bits = {'int8': 8, 'int16': 16, 'int32': 32, 'int64': 64}[f.type]
        return rng.choice(INTERESTING[f.type] + [rng.randrange(-2**(bits - 1), 2**(bits - 1))])
    if f.type == 'bool':
        return rng.random() < 0.5
    if f.type == 'float64':
        return rng.choice(DOUBLES)
    if f.type == 'uuid':
        return uuid.UUID(int=rng.choice([0, rng.getrandbits(128)]))
    if f.type == 'string':
        return rng.choice(TEXTS)
    return bytes(rng.getrandbits(8) for _ in range(rng.choice([0, 1, 20, 130])))


def value(rng, version, f, sparse):
    if sparse or f.tag is not None and rng.random() < 0.4:
        return codec.default(f) if version in f.nullable or codec.default(f) is not None else b''
    if version in f.nullable and rng.random() < 0.3:
        return None
    if f.is_array:
        return [fields(rng, version, f.fields, False) if f.is_struct else scalar(rng, f) for _ in range(rng.randrange(4))]
    if f.is_struct:
        return fields(rng, version, f.fields, False)
    return scalar(rng, f)


def fields(rng, version, declared, sparse):
    return {f.name: value(rng, version, f, sparse) for f in declared if version in f.versions}


def vectors(seed):
    rng = random.Random(seed)
    for message in codec.messages().values():
        for version in range(message.versions.first, message.versions.last + 1):
            for sparse in (True, False, False, False):
                content = fields(rng, version, message.fields, sparse)
                yield message, version, codec.encode(message.name, version, content)


# The keys by which kafka_response_fuzz.cc knows messages that belong to no API.
STORED = {'OffsetCommitKey': 200, 'OffsetCommitValue': 201, 'GroupMetadataKey': 202, 'GroupMetadataValue': 203,
          'ConsumerProtocolSubscription': 204, 'ConsumerProtocolAssignment': 205}


def write_corpus(folder):
    rng = random.Random(20)
    for message in codec.messages().values():
        key = STORED.get(message.name, message.key)
        if key is None:
            continue
        target = 'kafka_request' if message.name.endswith('Request') else 'kafka_response'
        os.makedirs(os.path.join(folder, target), exist_ok=True)
        first, last = message.versions.first, message.versions.last
        flexible = message.flexible.first if message.flexible.first <= last else last
        for version in sorted({first, flexible, last}):
            body = codec.encode(message.name, version, fields(rng, version, message.fields, False))
            with open(os.path.join(folder, target, f'{message.name}_v{version}'), 'wb') as f:
                f.write(bytes([key, version]) + body[:2000])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out')
    parser.add_argument('--corpus')
    parser.add_argument('--seed', type=int, default=1)
    args = parser.parse_args()
    if args.corpus:
        write_corpus(args.corpus)
    if args.out:
        with open(args.out, 'wb') as f:
            for message, version, body in vectors(args.seed):
                for part in (message.name.encode(), str(version).encode(), body):
                    f.write(struct.pack('>I', len(part)) + part)


if __name__ == '__main__':
    main()
