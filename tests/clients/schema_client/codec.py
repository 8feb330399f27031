"""Encodes and decodes the Kafka messages that src/protocol/kafka/schema/*.msg declares.

Written apart from the C++ that scripts/kafka_messages.py generates, so that each checks the other. A message is a dict by
the schema's field names; bytes and records are bytes, uuids are uuid.UUID, nulls are None.
"""
import functools
import glob
import os
import struct
import sys
import uuid

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
SCHEMAS = os.path.join(ROOT, 'src', 'protocol', 'kafka', 'schema')
sys.path.insert(0, os.path.join(ROOT, 'scripts'))
from kafka_schema import load  # noqa: E402

NUMBERS = {'int8': '>b', 'int16': '>h', 'int32': '>i', 'int64': '>q', 'float64': '>d'}


class CodecError(Exception):
    pass


@functools.cache
def messages():
    """Every declared message by name."""
    return {m.name: m for m in load(glob.glob(os.path.join(SCHEMAS, '*.msg')))}


def uvarint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def default(f):
    """The value of a field that is not given."""
    if f.default == 'null' or f.type == 'records':
        return None
    if f.is_array:
        return []
    if f.is_struct:
        return {inner.name: default(inner) for inner in f.fields}
    if f.type == 'string':
        return ''
    if f.type == 'bytes':
        return b''
    if f.type == 'uuid':
        return uuid.UUID(int=0)
    if f.type == 'bool':
        return f.default == 'true'
    return int(f.default or '0', 0)


def completed(fields, value):
    """A struct's value with what is missing filled in."""
    unknown = set(value) - {f.name for f in fields}
    if unknown:
        raise CodecError(f'unknown fields {sorted(unknown)}')
    return {f.name: value.get(f.name, default(f)) for f in fields}


def is_default(f, value):
    if f.is_struct and not f.is_array and value is not None:
        return completed(f.fields, value) == completed(f.fields, default(f) or {})
    return value == default(f)


# --- Encoding ---

def encode_length(size, flexible, wide):
    """A length of -1 is null; `wide` lengths have four bytes where they are not compact."""
    if flexible:
        return uvarint(size + 1)
    return struct.pack('>i' if wide else '>h', size)


def encode_scalar(f, value, flexible):
    if f.type == 'bool':
        return b'\1' if value else b'\0'
    if f.type in NUMBERS:
        return struct.pack(NUMBERS[f.type], value)
    if f.type == 'uuid':
        return value.bytes
    raw = value.encode('utf-8', 'surrogateescape') if f.type == 'string' else bytes(value)
    return encode_length(len(raw), flexible, f.type != 'string') + raw


def encode_value(message, version, f, value):
    flexible = version in message.flexible and f.flexible
    if value is None:
        if version not in f.nullable:
            raise CodecError(f'{message.name}.{f.name} cannot be null in version {version}')
        if f.is_struct and not f.is_array:
            return b'\xff'
        return encode_length(-1, flexible, f.is_array or f.type != 'string')
    if f.is_array:
        items = [encode_struct(message, version, f.fields, item) if f.is_struct else encode_scalar(f, item, flexible)
                 for item in value]
        return encode_length(len(items), flexible, True) + b''.join(items)
    if f.is_struct:
        return (b'\1' if f.is_nullable else b'') + encode_struct(message, version, f.fields, value)
    return encode_scalar(f, value, flexible)


def encode_struct(message, version, fields, value):
    value = completed(fields, value)
    out = []
    tags = []
    for f in fields:
        if version not in f.versions:
            if not f.ignorable and not is_default(f, value[f.name]):
                raise CodecError(f'{message.name}.{f.name} does not exist in version {version}')
        elif f.tag is None:
            out.append(encode_value(message, version, f, value[f.name]))
        elif not is_default(f, value[f.name]):
            content = encode_value(message, version, f, value[f.name])
            tags.append((f.tag, uvarint(f.tag) + uvarint(len(content)) + content))
    if version in message.flexible:
        out.append(uvarint(len(tags)))
        out += [content for _, content in sorted(tags)]
    return b''.join(out)


def encode(name, version, value):
    message = messages()[name]
    if version not in message.versions:
        raise CodecError(f'{name} has no version {version}')
    return encode_struct(message, version, message.fields, value)


# --- Decoding ---

class Cursor:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, size):
        if size < 0 or self.at + size > len(self.data):
            raise CodecError(f'{size} bytes wanted at {self.at} of {len(self.data)}')
        self.at += size
        return self.data[self.at - size:self.at]

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def uvarint(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def length(self, flexible, wide):
        return self.uvarint() - 1 if flexible else self.number('>i' if wide else '>h')


def decode_scalar(cursor, f, flexible, nullable):
    if f.type == 'bool':
        return cursor.take(1) != b'\0'
    if f.type in NUMBERS:
        return cursor.number(NUMBERS[f.type])
    if f.type == 'uuid':
        return uuid.UUID(bytes=bytes(cursor.take(16)))
    size = cursor.length(flexible, f.type != 'string')
    if size == -1 and nullable:
        return None
    raw = bytes(cursor.take(size))
    return raw.decode('utf-8', 'surrogateescape') if f.type == 'string' else raw


def decode_value(cursor, message, version, f):
    flexible = version in message.flexible and f.flexible
    nullable = version in f.nullable
    if f.is_array:
        count = cursor.length(flexible, True)
        if count == -1 and nullable:
            return None
        if count < 0 or count > len(cursor.data):
            raise CodecError(f'{message.name}.{f.name}: {count} elements')
        return [decode_struct(cursor, message, version, f.fields) if f.is_struct
                else decode_scalar(cursor, f, flexible, False) for _ in range(count)]
    if f.is_struct:
        if f.is_nullable and cursor.number('>b') < 0:
            return None
        return decode_struct(cursor, message, version, f.fields)
    return decode_scalar(cursor, f, flexible, nullable)


def decode_struct(cursor, message, version, fields):
    value = {f.name: default(f) for f in fields}
    for f in fields:
        if version in f.versions and f.tag is None:
            value[f.name] = decode_value(cursor, message, version, f)
    if version in message.flexible:
        tagged = {f.tag: f for f in fields if f.tag is not None and version in f.versions}
        for _ in range(cursor.uvarint()):
            tag = cursor.uvarint()
            content = Cursor(cursor.take(cursor.uvarint()))
            if tag in tagged:
                value[tagged[tag].name] = decode_value(content, message, version, tagged[tag])
                if content.at != len(content.data):
                    raise CodecError(f'{message.name}: tag {tag} is longer than its field')
    return value


def decode(name, version, data, whole=True):
    """The message in `data`; with `whole`, all of it must belong to the message."""
    message = messages()[name]
    cursor = Cursor(data)
    value = decode_struct(cursor, message, version, message.fields)
    if whole and cursor.at != len(data):
        raise CodecError(f'{name} version {version}: {len(data) - cursor.at} bytes too many')
    return value
