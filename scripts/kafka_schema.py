"""Reads the files that declare Kafka's messages, src/protocol/kafka/schema/*.msg (docs/formats/kafka-messages.md)."""
import dataclasses
import os
import re

NO_VERSION = 32767
NUMBERS = ('bool', 'int8', 'int16', 'int32', 'int64', 'float64', 'uuid')
CPP_KEYWORDS = {'default', 'operator', 'namespace', 'class', 'struct', 'delete', 'new', 'register', 'template', 'public'}


class SchemaError(Exception):
    pass


@dataclasses.dataclass
class Versions:
    first: int
    last: int  # NO_VERSION: open

    @staticmethod
    def parse(text):
        if text == 'none':
            return Versions(NO_VERSION, NO_VERSION)
        m = re.fullmatch(r'(\d+)(\+|-(\d+))?', text)
        if not m:
            raise SchemaError(f'not a version range: {text}')
        first = int(m[1])
        last = first if m[2] is None else NO_VERSION if m[2] == '+' else int(m[3])
        if last < first:
            raise SchemaError(f'an empty version range: {text}')
        return Versions(first, last)

    def __contains__(self, version):
        return self.first <= version <= self.last

    def clip(self, other):
        return Versions(max(self.first, other.first), min(self.last, other.last))


NEVER = Versions.parse('none')


@dataclasses.dataclass
class Field:
    name: str
    type: str  # of the element when it is an array
    is_array: bool
    versions: Versions
    nullable: Versions
    default: str | None
    tag: int | None
    tagged: Versions
    ignorable: bool
    flexible: bool  # False: old-style lengths even in flexible versions
    fields: list | None  # of the struct, when the type is one

    @property
    def member(self):
        name = re.sub(r'(?<!^)(?<![A-Z_])(?=[A-Z])', '_', self.name).lower()
        return name + '_' if name in CPP_KEYWORDS else name

    @property
    def is_struct(self):
        return self.fields is not None

    @property
    def is_nullable(self):
        return self.nullable is not NEVER


@dataclasses.dataclass
class Message:
    name: str
    key: int | None
    versions: Versions
    flexible: Versions
    fields: list
    file: str = ''

    @property
    def api(self):
        return re.sub(r'(Request|Response)$', '', self.name)

    @property
    def is_request(self):
        return self.name.endswith(('Request', 'RequestHeader'))

    def structs(self):
        """(name, field list, versions) of every struct, inner ones first."""
        def walk(fields):
            for f in fields:
                if f.is_struct:
                    yield from walk(f.fields)
                    yield f.type, f.fields
        return list(walk(self.fields))


def parse_attributes(words, where):
    attributes = {}
    for word in words:
        name, _, value = word.partition('=')
        if name in attributes:
            raise SchemaError(f'{where}: {name} twice')
        attributes[name] = value
    return attributes


def parse_field(words, where):
    if len(words) < 3:
        raise SchemaError(f'{where}: a field needs a name, a type and versions')
    attributes = parse_attributes(words[3:], where)
    unknown = set(attributes) - {'nullable', 'default', 'tag', 'tagged', 'ignorable', 'flexible'}
    if unknown:
        raise SchemaError(f'{where}: unknown attribute {sorted(unknown)}')
    kind = words[1]
    is_array = kind.startswith('[]')
    kind = kind.removeprefix('[]')
    is_struct = kind not in NUMBERS and kind not in ('string', 'bytes', 'records')
    return Field(
        name=words[0], type=kind, is_array=is_array, versions=Versions.parse(words[2]),
        nullable=Versions.parse(attributes['nullable']) if 'nullable' in attributes else NEVER,
        default=attributes.get('default'),
        tag=int(attributes['tag']) if 'tag' in attributes else None,
        tagged=Versions.parse(attributes['tagged']) if 'tagged' in attributes else NEVER,
        ignorable='ignorable' in attributes, flexible=attributes.get('flexible') != 'none',
        fields=[] if is_struct else None)


def parse(path):
    """The messages of one file."""
    messages = []
    stack = []
    for number, line in enumerate(open(path, encoding='utf-8'), 1):
        where = f'{path}:{number}'
        text = line.split('#', 1)[0].rstrip()
        if not text.strip():
            continue
        indent = len(text) - len(text.lstrip())
        words = text.split()
        if indent == 0:
            if words[0] != 'message' or len(words) < 4:
                raise SchemaError(f'{where}: expected: message NAME [key=N] versions=A-B flexible=C+')
            a = parse_attributes(words[2:], where)
            message = Message(words[1], int(a['key']) if 'key' in a else None, Versions.parse(a['versions']),
                              Versions.parse(a['flexible']), [], os.path.basename(path).removesuffix('.msg'))
            if message.versions.last == NO_VERSION:
                raise SchemaError(f'{where}: a message has a last version')
            messages.append(message)
            stack = [message.fields]
            continue
        if indent % 2 or indent // 2 > len(stack) or not stack:
            raise SchemaError(f'{where}: indentation')
        del stack[indent // 2:]
        owner = stack[-1]
        if owner is None:
            raise SchemaError(f'{where}: only a struct has fields')
        field = parse_field(words, where)
        owner.append(field)
        stack.append(field.fields)
    for message in messages:
        check(message)
    return messages


def check(message):
    seen = set()
    for name, fields in message.structs():
        if name in seen:
            raise SchemaError(f'{message.name}: two structs named {name}')
        seen.add(name)
    for fields in [message.fields] + [f for _, f in message.structs()]:
        if not fields and fields is not message.fields:
            raise SchemaError(f'{message.name}: a struct without fields')
        if len({f.name for f in fields}) != len(fields):
            raise SchemaError(f'{message.name}: a name twice')
        tags = [f.tag for f in fields if f.tag is not None]
        if sorted(tags) != list(range(len(tags))):
            raise SchemaError(f'{message.name}: tags are not 0..n')
        for f in fields:
            if (f.tag is None) != (f.tagged is NEVER):
                raise SchemaError(f'{message.name}.{f.name}: tag and tagged belong together')
            if f.tag is not None and (f.versions != f.tagged):
                raise SchemaError(f'{message.name}.{f.name}: tagged in all its versions or none')


def load(paths):
    """Every message of the files; requests and responses of an API agree in key, versions and flexible versions."""
    messages = [m for path in sorted(paths) for m in parse(path)]
    by_name = {}
    for m in messages:
        if m.name in by_name:
            raise SchemaError(f'{m.name} is declared twice')
        by_name[m.name] = m
    for m in messages:
        if m.key is None:
            continue
        other = by_name.get(m.api + ('Response' if m.name.endswith('Request') else 'Request'))
        if other is None or (other.key, other.versions, other.flexible) != (m.key, m.versions, m.flexible):
            raise SchemaError(f'{m.name}: request and response must agree in key, versions and flexible versions')
    return messages
