"""The wire format of Redis, versions 2 and 3: requests out, raw replies in, and what people read of both."""

AGGREGATES = {0x2a: 1, 0x7e: 1, 0x3e: 1, 0x25: 2, 0x7c: 2}  # * ~ > % |
BULKS = frozenset(b'$=!')
LINES = frozenset(b'+-:_,#(')
PUSH = 0x3e
ATTRIBUTE = 0x7c


class BadReply(Exception):
    """Bytes that are no RESP."""


def encode(arguments):
    """One request, as clients send it."""
    parts = [b'*%d\r\n' % len(arguments)]
    for argument in arguments:
        parts.append(b'$%d\r\n%s\r\n' % (len(argument), argument))
    return b''.join(parts)


def end_of_reply(data, start):
    """The position after the reply that begins at `start`, or -1 when it is not complete."""
    position, wanted = start, 1
    size = len(data)
    while wanted:
        if position >= size:
            return -1
        line_end = data.find(b'\r\n', position)
        if line_end < 0:
            return -1
        kind = data[position]
        wanted -= 1
        if kind in LINES:
            position = line_end + 2
        elif kind in BULKS:
            length = int(data[position + 1:line_end])
            position = line_end + 2 if length < 0 else line_end + 4 + length
            if position > size:
                return -1
        elif kind in AGGREGATES:
            count = int(data[position + 1:line_end])
            if count > 0:
                wanted += count * AGGREGATES[kind]
            if kind == ATTRIBUTE:
                wanted += 1
            position = line_end + 2
        else:
            raise BadReply('no reply begins with %r' % bytes(data[position:position + 40]))
    return position


class Node:
    """A parsed reply. kind: the byte that it begins with, as text; value: bytes, None (null), or a list of nodes (of a map:
    keys and values in turn)."""
    __slots__ = ('kind', 'value')

    def __init__(self, kind, value):
        self.kind, self.value = kind, value

    def key(self):
        """Comparable and hashable; a map's pairs stay in order."""
        if isinstance(self.value, list):
            return self.kind, tuple(node.key() for node in self.value)
        return self.kind, self.value

    def is_aggregate(self):
        return isinstance(self.value, list)


def parse(data, position=0):
    """(node, position after it) of a complete reply."""
    line_end = data.index(b'\r\n', position)
    kind = data[position]
    name = chr(kind)
    line = bytes(data[position + 1:line_end])
    after = line_end + 2
    if kind in LINES:
        return Node(name, None if name == '_' else line), after
    length = int(line)
    if length < 0:
        return Node(name, None), after
    if kind in BULKS:
        return Node(name, bytes(data[after:after + length])), after + length + 2
    nodes = []
    for _ in range(length * AGGREGATES[kind]):
        node, after = parse(data, after)
        nodes.append(node)
    return Node(name, nodes), after


def parsed(raw):
    return parse(raw)[0]


def quoted(argument):
    """An argument as redis-cli reads it."""
    if argument and all(0x21 <= byte < 0x7f and byte not in b'"\'\\' for byte in argument):
        return argument.decode()
    out = []
    for byte in argument:
        if byte in b'"\\':
            out.append('\\' + chr(byte))
        elif 0x20 <= byte < 0x7f:
            out.append(chr(byte))
        else:
            out.append({10: '\\n', 13: '\\r', 9: '\\t'}.get(byte, '\\x%02x' % byte))
    return '"%s"' % ''.join(out)


def command_line(arguments):
    return ' '.join(quoted(argument) for argument in arguments)


def printable(raw, limit=600):
    """The raw bytes of a reply, as text of one line."""
    if raw is None:
        return '(no reply: still blocked)'
    text = repr(bytes(raw))[2:-1]
    return text if len(text) <= limit else '%s … (%d bytes)' % (text[:limit], len(raw))
