"""A Kafka client that speaks every declared version of every API: Connection(host, port).call('Metadata', 12, Topics=None)."""
import socket
import struct

import codec

# What a test names; the others are in src/protocol/kafka/error_code.h.
NONE = 0
OFFSET_OUT_OF_RANGE = 1
CORRUPT_MESSAGE = 2
UNKNOWN_TOPIC_OR_PARTITION = 3
INVALID_TOPIC_EXCEPTION = 17
INVALID_REQUIRED_ACKS = 21
ILLEGAL_GENERATION = 22
UNKNOWN_MEMBER_ID = 25
UNSUPPORTED_VERSION = 35
TOPIC_ALREADY_EXISTS = 36
INVALID_PARTITIONS = 37
INVALID_REPLICATION_FACTOR = 38
INVALID_CONFIG = 40
OUT_OF_ORDER_SEQUENCE_NUMBER = 45
NON_EMPTY_GROUP = 68
GROUP_ID_NOT_FOUND = 69
FETCH_SESSION_ID_NOT_FOUND = 70
INVALID_FETCH_SESSION_EPOCH = 71
FENCED_LEADER_EPOCH = 74
UNKNOWN_LEADER_EPOCH = 75
UNSUPPORTED_COMPRESSION_TYPE = 76
MEMBER_ID_REQUIRED = 79
FENCED_INSTANCE_ID = 82
GROUP_SUBSCRIBED_TO_TOPIC = 86
INVALID_RECORD = 87
UNKNOWN_TOPIC_ID = 100


class Closed(Exception):
    """The server ended the connection."""


class Connection:
    """One connection; requests go out in order and each waits for its response."""

    def __init__(self, host, port, client_id='schema-client', timeout=30):
        self.client_id = client_id
        self.calls = set()  # (API, version) that were answered
        self._correlation = 0
        self._socket = socket.create_connection((host, port), timeout=timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self):
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def call(self, api, version, **fields):
        """Sends a request with the schema's field names and returns the decoded response."""
        self.send(api, version, **fields)
        return self.receive(api, version)

    def send(self, api, version, **fields):
        """Sends without waiting (produce with acks=0 has no response)."""
        request = codec.messages()[api + 'Request']
        self.send_raw(request.key, version, codec.encode(request.name, version, fields),
                      2 if version in request.flexible else 1)

    def send_raw(self, key, version, body, header_version):
        """Sends any body under any key and version, also those that are not declared."""
        self._correlation += 1
        header = codec.encode('RequestHeader', header_version, {
            'RequestApiKey': key, 'RequestApiVersion': version, 'CorrelationId': self._correlation,
            'ClientId': self.client_id})
        self._socket.sendall(struct.pack('>i', len(header) + len(body)) + header + body)

    def receive(self, api, version):
        response = codec.messages()[api + 'Response']
        flexible = version in response.flexible and api != 'ApiVersions'
        body = self.receive_raw(1 if flexible else 0)
        self.calls.add((api, version))
        return codec.decode(response.name, version, body)

    def receive_raw(self, header_version):
        """The body of the next response, which must answer the last request."""
        size = struct.unpack('>i', self._exactly(4))[0]
        frame = self._exactly(size)
        correlation = struct.unpack('>i', frame[:4])[0]
        assert correlation == self._correlation, f'correlation {correlation}, expected {self._correlation}'
        if header_version == 0:
            return frame[4:]
        assert frame[4] == 0, 'tagged fields in a response header'
        return frame[5:]

    def is_closed_by_server(self):
        """Whether the server ends the connection instead of sending anything."""
        try:
            return self._socket.recv(1) == b''
        except ConnectionError:
            return True

    def _exactly(self, size):
        data = bytearray()
        while len(data) < size:
            try:
                part = self._socket.recv(size - len(data))
            except ConnectionError as error:
                raise Closed(str(error)) from error
            if not part:
                raise Closed(f'after {len(data)} of {size} bytes')
            data += part
        return bytes(data)
