"""Kafka's record batch, format 2, built and read by hand (docs/formats/record-batch.md)."""
import dataclasses
import struct

CODEC_ZSTD = 4
TRANSACTIONAL = 0x10
CONTROL = 0x20


def _crc_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


CRC_TABLE = _crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def varint(value):
    value = value << 1 ^ value >> 63
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value >> 1 ^ -(value & 1), at


@dataclasses.dataclass
class Record:
    value: bytes | None
    key: bytes | None = None
    timestamp: int = 0
    headers: tuple = ()
    offset: int = -1


def _sized(data):
    return varint(-1) if data is None else varint(len(data)) + data


def _encode_record(record, delta, base_timestamp):
    body = b'\0' + varint(record.timestamp - base_timestamp) + varint(delta) + _sized(record.key) + _sized(record.value)
    body += varint(len(record.headers))
    for name, value in record.headers:
        body += _sized(name.encode()) + _sized(value)
    return varint(len(body)) + body


def zstd_uncompressed(data):
    """A zstd frame (RFC 8878) that holds `data` in one raw block."""
    assert len(data) < 256
    return (b'\x28\xb5\x2f\xfd' + b'\x20' + bytes([len(data)]) +
            struct.pack('<I', len(data) << 3 | 1)[:3] + data)


def build(records, attributes=0, producer_id=-1, producer_epoch=-1, base_sequence=-1, damaged=False):
    """One batch as a producer sends it. zstd is the only codec that `attributes` may name."""
    base = records[0].timestamp
    body = b''.join(_encode_record(r, i, base) for i, r in enumerate(records))
    if attributes & 7 == CODEC_ZSTD:
        body = zstd_uncompressed(body)
    covered = struct.pack('>hiqqqhii', attributes, len(records) - 1, base, max(r.timestamp for r in records),
                          producer_id, producer_epoch, base_sequence, len(records)) + body
    crc = crc32c(covered) ^ (1 if damaged else 0)
    return struct.pack('>qiibI', 0, len(covered) + 9, -1, 2, crc) + covered


def parse(data):
    """The records of uncompressed batches, in order; a last batch that is cut off is left out, as consumers do."""
    records = []
    at = 0
    while at + 61 <= len(data):
        base_offset, length, _, magic, crc = struct.unpack_from('>qiibI', data, at)
        end = at + 12 + length
        if end > len(data):
            break
        assert magic == 2, f'magic {magic}'
        assert crc32c(data[at + 21:end]) == crc, f'CRC of the batch at offset {base_offset}'
        attributes, _, base_timestamp, _, _, _, _, count = struct.unpack_from('>hiqqqhii', data, at + 21)
        assert attributes & 7 == 0, 'only uncompressed batches are read'
        position = at + 61
        for _ in range(count):
            _, position = read_varint(data, position)
            position += 1
            timestamp, position = read_varint(data, position)
            delta, position = read_varint(data, position)
            parts = []
            for _ in range(2):
                size, position = read_varint(data, position)
                parts.append(None if size < 0 else data[position:position + size])
                position += max(size, 0)
            header_count, position = read_varint(data, position)
            headers = []
            for _ in range(header_count):
                size, position = read_varint(data, position)
                name = data[position:position + size].decode()
                position += size
                size, position = read_varint(data, position)
                headers.append((name, None if size < 0 else data[position:position + size]))
                position += max(size, 0)
            records.append(Record(parts[1], parts[0], base_timestamp + timestamp, tuple(headers), base_offset + delta))
        at = end
    return records
