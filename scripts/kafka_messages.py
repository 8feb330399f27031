#!/usr/bin/env python3
"""Turns the Kafka messages declared in schema/*.msg into C++ (docs/formats/kafka-messages.md describes the files).

    kafka_messages.py --out DIR FILE.msg...     writes DIR/protocol/kafka/messages/<file>.h and .cc, and api_keys.h

Files whose content would not change keep their time, so that nothing depending on them is rebuilt.
"""
import argparse
import dataclasses
import os
import sys

from kafka_schema import NEVER, NO_VERSION, SchemaError, load

PRIMITIVES = {
    # type: (C++ type, reader and writer method, fewest bytes on the wire)
    'bool': ('bool', 'boolean', 1),
    'int8': ('std::int8_t', 'i8', 1),
    'int16': ('std::int16_t', 'i16', 2),
    'int32': ('std::int32_t', 'i32', 4),
    'int64': ('std::int64_t', 'i64', 8),
    'float64': ('double', 'f64', 8),
    'uuid': ('Uuid', 'uuid', 16),
}


class Emitter:
    def __init__(self):
        self.lines = []
        self.depth = 0

    def __call__(self, text=''):
        self.lines.append(('  ' * self.depth + text) if text else '')

    def text(self):
        return '\n'.join(self.lines) + '\n'


class Code:
    """The C++ of one message."""

    def __init__(self, message):
        self.m = message
        # Requests are views into their bytes; responses and stored values own what they hold.
        self.views = message.is_request
        self.sends_records = False if self.views else any(
            f.type == 'records' for fields in self.all_fields() for f in fields)

    def all_fields(self):
        return [self.m.fields] + [fields for _, fields in self.m.structs()]

    def element_type(self, f):
        if f.is_struct:
            return f.type
        if f.type == 'string':
            return 'std::string_view' if self.views else 'std::string'
        if f.type == 'bytes':
            return 'BytesView' if self.views else 'std::string'
        if f.type == 'records':
            return 'BytesView' if self.views else 'RecordsField'
        if self.is_error(f):
            return 'ErrorCode'
        return PRIMITIVES[f.type][0]

    @staticmethod
    def is_error(f):
        return f.type == 'int16' and not f.is_array and f.name.endswith('ErrorCode')

    def is_optional(self, f):
        if f.type == 'records':
            return self.views
        return f.is_nullable

    def member_type(self, f):
        kind = self.element_type(f)
        if f.is_array:
            kind = f'std::vector<{kind}>'
        return f'std::optional<{kind}>' if self.is_optional(f) else kind

    def initializer(self, f):
        if self.is_optional(f):
            if f.default == 'null' or f.type == 'records' or f.is_struct and not f.is_array:
                return ''
            kind = self.element_type(f)
            return f' = std::vector<{kind}>()' if f.is_array else f' = {kind}()'
        if f.is_array or f.is_struct or f.type in ('string', 'bytes', 'records', 'uuid'):
            if f.default not in (None, 'null'):
                raise SchemaError(f'{self.m.name}.{f.name}: a default of {f.default} is not supported')
            return ''
        if self.is_error(f):
            return ' = ErrorCode::kNone'
        return ' = ' + self.scalar_default(f)

    @staticmethod
    def scalar_default(f):
        if f.type == 'bool':
            return f.default or 'false'
        value = int(f.default or '0', 0)
        if value == -2**31:
            return 'INT32_MIN'
        if value == 2**31 - 1:
            return 'INT32_MAX'
        if value == 2**63 - 1:
            return 'INT64_MAX'
        return str(value)

    # Header

    def declare(self, out):
        m = self.m
        out(f'struct {m.name} {{')
        out.depth += 1
        out(f'static constexpr std::string_view kName = "{m.name}";')
        if m.key is not None:
            out(f'static constexpr ApiKey kApiKey = ApiKey::k{m.api};')
        out(f'static constexpr std::int16_t kVersionMin = {m.versions.first};')
        out(f'static constexpr std::int16_t kVersionMax = {m.versions.last};')
        out(f'static constexpr std::int16_t kFlexibleFrom = {min(m.flexible.first, NO_VERSION)};')
        out()
        for name, fields in m.structs():
            out(f'struct {name} {{')
            out.depth += 1
            self.members(out, fields)
            out.depth -= 1
            out('};')
            out()
        self.members(out, m.fields)
        out.depth -= 1
        out('};')
        out('// Replaces `out`. Errors: unsupported, for a version outside the declared ones; invalid_argument.')
        out(f'[[nodiscard]] Status decode(Reader& reader, std::int16_t version, {m.name}& out);')
        out(f'void encode(Writer& writer, std::int16_t version, {self.parameter(m.name, True)} value);')
        out()

    def members(self, out, fields):
        for f in fields:
            out(f'{self.member_type(f)} {f.member}{self.initializer(f)};  // {self.comment(f)}')

    @staticmethod
    def comment(f):
        def show(v):
            return f'{v.first}+' if v.last == NO_VERSION else str(v.first) if v.first == v.last else f'{v.first}-{v.last}'
        text = show(f.versions)
        if f.is_nullable and f.nullable != f.versions:
            text += f', null {show(f.nullable)}'
        if f.tag is not None:
            text += f', tag {f.tag}'
        return text

    # What the struct's functions take: records are moved out of what is encoded.
    def parameter(self, kind, top):
        if not self.sends_records:
            return f'const {kind}&'
        return f'{kind}&&' if top else f'{kind}&'

    # Source

    def condition(self, versions, within=None):
        """The C++ test that `version` is in `versions`, '' when it always is, None when it never is."""
        whole = within or self.m.versions
        v = versions.clip(whole)
        if v.last < v.first:
            return None
        tests = []
        if v.first == v.last and whole.first < v.first < whole.last:
            return f'version == {v.first}'
        if v.first > whole.first:
            tests.append(f'version >= {v.first}')
        if v.last < whole.last:
            tests.append(f'version <= {v.last}')
        return ' && '.join(tests)

    def boolean(self, versions, within):
        test = self.condition(versions, within)
        return 'false' if test is None else test or 'true'

    def flex(self, f):
        return 'flexible' if f is None or f.flexible else 'false'

    def size_min(self, f, version):
        """Fewest bytes of a field in a version where it is present and not tagged."""
        flexible = version in self.m.flexible and f.flexible
        if f.is_array:
            return 1 if flexible else 4
        if f.is_struct:
            return self.struct_size_min(f.fields, version) if not f.is_nullable else 1
        if f.type == 'string':
            return 1 if flexible else 2
        if f.type in ('bytes', 'records'):
            return 1 if flexible else 4
        return PRIMITIVES[f.type][2]

    def struct_size_min(self, fields, version):
        size = sum(self.size_min(f, version) for f in fields if version in f.versions and f.tag is None)
        return size + (1 if version in self.m.flexible else 0)

    def element_size_min(self, f):
        sizes = []
        for version in range(self.m.versions.first, self.m.versions.last + 1):
            if version not in f.versions:
                continue
            if f.is_struct:
                sizes.append(self.struct_size_min(f.fields, version))
            else:
                element = dataclasses.replace(f, is_array=False, nullable=NEVER)
                sizes.append(self.size_min(element, version))
        return max(1, min(sizes))

    def read_element(self, f, flex):
        if f.type == 'string':
            return f'reader.string({flex})'
        if f.type == 'bytes':
            return f'reader.bytes({flex})' if self.views else f'as_text(reader.bytes({flex}))'
        if self.is_error(f):
            return 'reader.error_code()'
        return f'reader.{PRIMITIVES[f.type][1]}()'

    def read_field(self, out, f, within):
        flex = self.flex(f)
        target = f'out.{f.member}'
        null_allowed = self.boolean(f.nullable, within) if f.is_nullable else 'false'
        if f.is_array:
            self.read_array(out, f, flex, null_allowed)
        elif f.is_struct:
            if f.is_nullable:
                # Not emplace(): inside its message the struct does not count as default constructible yet.
                out(f'if (reader.i8() >= 0) read(reader, version, *({target} = {self.scoped(f)}()));')
                if null_allowed != 'true':
                    raise SchemaError(f'{self.m.name}.{f.name}: a struct is nullable in all its versions or none')
            else:
                out(f'read(reader, version, {target});')
        elif f.type == 'records':
            if self.views:
                out(f'{target} = reader.nullable_bytes({flex}, {null_allowed});')
            else:
                out(f'const auto {f.member} = reader.nullable_bytes({flex}, {null_allowed});')
                out(f'{target}.is_null = !{f.member}.has_value();')
                out(f'{target}.view = {f.member}.value_or(BytesView());')
        elif f.is_nullable and f.type == 'string':
            out(f'{target} = reader.nullable_string({flex}, {null_allowed});')
        elif f.is_nullable and f.type == 'bytes':
            if self.views:
                out(f'{target} = reader.nullable_bytes({flex}, {null_allowed});')
            else:
                out(f'if (const auto value = reader.nullable_bytes({flex}, {null_allowed})) {{')
                out(f'  {target} = as_text(*value);')
                out('} else {')
                out(f'  {target}.reset();')
                out('}')
        elif f.is_nullable:
            raise SchemaError(f'{self.m.name}.{f.name}: a nullable {f.type}')
        else:
            out(f'{target} = {self.read_element(f, flex)};')

    def read_array(self, out, f, flex, null_allowed):
        kind = self.scoped(f)
        limits = f'{self.element_size_min(f)}, sizeof({kind})'
        if self.is_optional(f):
            out(f'if (const auto count = reader.nullable_array({flex}, {null_allowed}, {limits})) {{')
            out.depth += 1
            out(f'auto& items = out.{f.member}.emplace();')
            count = '*count'
        else:
            out('{')
            out.depth += 1
            out(f'const std::size_t count = reader.array({flex}, {limits});')
            out(f'auto& items = out.{f.member};')
            count = 'count'
        out(f'items.reserve({count});')
        if f.is_struct:
            out(f'for (std::size_t i = 0; i < {count} && reader.ok(); ++i) read(reader, version, items.emplace_back());')
        else:
            out(f'for (std::size_t i = 0; i < {count}; ++i) items.emplace_back({self.read_element(f, flex)});')
        out.depth -= 1
        if self.is_optional(f):
            out('} else {')
            out(f'  out.{f.member}.reset();')
        out('}')

    def scoped(self, f):
        return f'{self.m.name}::{f.type}' if f.is_struct else self.element_type(f)

    def grouped(self, fields, within):
        """Runs of untagged fields that are present under the same condition."""
        groups = []
        for f in fields:
            if f.tag is not None:
                continue
            test = self.condition(f.versions, within)
            if groups and groups[-1][0] == test:
                groups[-1][1].append(f)
            else:
                groups.append((test, [f]))
        return [g for g in groups if g[0] is not None]

    def read_body(self, out, fields, within):
        for test, group in self.grouped(fields, within):
            if test:
                out(f'if ({test}) {{')
                out.depth += 1
            for f in group:
                self.read_field(out, f, f.versions.clip(within))
            if test:
                out.depth -= 1
                out('}')
        if self.condition(self.m.flexible, within) is None:
            return
        tagged = sorted((f for f in fields if f.tag is not None), key=lambda f: f.tag)
        if not tagged:
            out('if (flexible) reader.skip_tags();')
            return
        out('if (flexible) {')
        out.depth += 1
        out('for (TagReader tags(reader); tags.next();) {')
        out.depth += 1
        for f in tagged:
            test = self.condition(f.versions, within.clip(self.m.flexible))
            out(f'if (tags.tag() == {f.tag}{" && " + test if test else ""}) {{')
            out.depth += 1
            self.read_field(out, f, f.versions.clip(within))
            out('continue;')
            out.depth -= 1
            out('}')
        out('tags.skip();')
        out.depth -= 1
        out('}')
        out.depth -= 1
        out('}')

    def flexible_constant(self, within):
        test = self.condition(self.m.flexible, within)
        value = 'false' if test is None else test or 'true'
        return f'[[maybe_unused]] const bool flexible = {value};'

    def not_default(self, f, value):
        """The C++ test that `value` of this field is not its default."""
        if f.type == 'records':
            return f'{value}.has_value()' if self.views else f'{value}.size() > 0'
        if self.is_optional(f):
            if f.default == 'null' or f.is_struct and not f.is_array:
                return f'{value}.has_value()'
            return f'(!{value} || !{value}->empty())'
        if f.is_array or f.type in ('string', 'bytes'):
            return f'!{value}.empty()'
        if f.is_struct:
            tests = [self.not_default(inner, f'{value}.{inner.member}') for inner in f.fields]
            return '(' + ' || '.join(tests) + ')'
        if f.type == 'uuid':
            return f'!{value}.is_zero()'
        if self.is_error(f):
            return f'{value} != ErrorCode::kNone'
        if f.type == 'bool':
            return value if self.scalar_default(f) == 'false' else f'!{value}'
        return f'{value} != {self.scalar_default(f)}'

    def write_element(self, f, flex, value, writer='writer'):
        if f.is_struct:
            return f'write({writer}, version, {value});'
        if f.type in ('string', 'bytes'):
            return f'{writer}.{f.type}({value}, {flex});'
        if self.is_error(f):
            return f'{writer}.error_code({value});'
        return f'{writer}.{PRIMITIVES[f.type][1]}({value});'

    def write_field(self, out, f, within, writer='writer'):
        flex = self.flex(f)
        value = f'value.{f.member}'
        null_allowed = self.boolean(f.nullable, within) if f.is_nullable else 'false'
        if f.type == 'records' and not self.views:
            out(f'{writer}.records(std::move({value}), {flex}, {null_allowed});')
            return
        if self.is_optional(f):
            out(f'if ({value}) {{')
            out.depth += 1
        if f.is_struct and not f.is_array and f.is_nullable:
            out(f'{writer}.i8(1);')
        inner = f'*{value}' if self.is_optional(f) else value
        if f.is_array:
            access = f'{value}->' if self.is_optional(f) else f'{value}.'
            out(f'{writer}.array({access}size(), {flex});')
            reference = 'auto&' if self.sends_records and f.is_struct else 'const auto&'
            if f.type in PRIMITIVES:
                reference = 'const auto'
            out(f'for ({reference} item : {inner}) {self.write_element(f, flex, "item", writer)}')
        elif f.type == 'records':
            out(f'{writer}.bytes({inner}, {flex});')
        else:
            out(self.write_element(f, flex, inner, writer))
        if self.is_optional(f):
            out.depth -= 1
            out('} else {')
            out.depth += 1
            if f.is_struct and not f.is_array:
                out(f'{writer}.i8(-1);')
            else:
                method = 'null_array' if f.is_array else 'null_bytes' if f.type == 'records' else 'null_' + f.type
                out(f'{writer}.{method}({flex}, {null_allowed});')
            out.depth -= 1
            out('}')

    def write_body(self, out, name, fields, within):
        for f in fields:
            test = self.condition(f.versions, within)
            if test == '' or f.ignorable or f.type == 'records':
                continue
            guard = '' if test is None else f'!({test}) && '
            out(f'if ({guard}{self.not_default(f, "value." + f.member)}) writer.fail("{name}.{f.name}");')
        for test, group in self.grouped(fields, within):
            if test:
                out(f'if ({test}) {{')
                out.depth += 1
            for f in group:
                self.write_field(out, f, f.versions.clip(within))
            if test:
                out.depth -= 1
                out('}')
        if self.condition(self.m.flexible, within) is None:
            return
        tagged = sorted((f for f in fields if f.tag is not None), key=lambda f: f.tag)
        if not tagged:
            out('if (flexible) writer.uvarint(0);')
            return
        out('if (flexible) {')
        out.depth += 1
        names = []
        for f in tagged:
            test = self.condition(f.versions, within.clip(self.m.flexible))
            present = self.not_default(f, 'value.' + f.member)
            out(f'const bool has_{f.member} = {test + " && " if test else ""}{present};')
            names.append(f'has_{f.member}')
        count = ' + '.join(f'({n} ? 1U : 0U)' for n in names)
        out(f'writer.uvarint({count});')
        for f in tagged:
            out(f'if (has_{f.member}) {{')
            out.depth += 1
            out('Writer field(64);')
            self.write_field(out, f, f.versions.clip(within), 'field')
            out(f'writer.tagged({f.tag}, field);')
            out.depth -= 1
            out('}')
        out.depth -= 1
        out('}')

    def struct_versions(self, struct):
        """The versions in which a struct's functions run."""
        def walk(fields, within):
            for f in fields:
                if f.is_struct:
                    v = f.versions.clip(within)
                    if f.type == struct:
                        return v
                    found = walk(f.fields, v)
                    if found:
                        return found
            return None
        return walk(self.m.fields, self.m.versions)

    def define(self, out):
        m = self.m
        structs = m.structs()
        if structs:
            out('namespace {')
            out()
        for name, fields in structs:
            within = self.struct_versions(name)
            uses = self.uses_version(fields, within)
            mark = '' if uses else '[[maybe_unused]] '
            out(f'void read(Reader& reader, {mark}std::int16_t version, {m.name}::{name}& out) {{')
            out.depth += 1
            out(self.flexible_constant(within))
            self.read_body(out, fields, within)
            out.depth -= 1
            out('}')
            out()
            out(f'void write(Writer& writer, {mark}std::int16_t version, {self.parameter(m.name + "::" + name, False)} value) {{')
            out.depth += 1
            out(self.flexible_constant(within))
            self.write_body(out, f'{m.name}.{name}', fields, within)
            out.depth -= 1
            out('}')
            out()
        if structs:
            out('}  // namespace')
            out()
        outside = f'version < {m.name}::kVersionMin || version > {m.name}::kVersionMax'
        out(f'Status decode(Reader& reader, std::int16_t version, {m.name}& out) {{')
        out.depth += 1
        out(f'if ({outside}) return unsupported_version({m.name}::kName, version);')
        out(f'out = {m.name}();')
        out(self.flexible_constant(m.versions))
        self.read_body(out, m.fields, m.versions)
        out(f'return reader.status({m.name}::kName, version);')
        out.depth -= 1
        out('}')
        out()
        unused = '' if m.fields else '[[maybe_unused]] '
        out(f'void encode(Writer& writer, std::int16_t version, {unused}{self.parameter(m.name, True)} value) {{')
        out.depth += 1
        out(f'if ({outside}) return writer.fail("{m.name} has no such version");')
        out(self.flexible_constant(m.versions))
        self.write_body(out, m.name, m.fields, m.versions)
        out.depth -= 1
        out('}')
        out()

    def uses_version(self, fields, within):
        return any(f.is_struct for f in fields) or any(self.condition(f.versions, within) for f in fields) or bool(
            self.condition(self.m.flexible, within))


def write_if_changed(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
        with open(path, encoding='utf-8') as f:
            if f.read() == content:
                return
    except FileNotFoundError:
        pass
    with open(path, 'w', encoding='utf-8') as f:
        f.write(content)


def file_header(stem, messages):
    out = Emitter()
    out(f'// Generated by scripts/kafka_messages.py from schema/{stem}.msg. After each field: the versions that have it.')
    out('#pragma once')
    out()
    out('#include <cstdint>')
    out('#include <optional>')
    out('#include <string>')
    out('#include <string_view>')
    out('#include <vector>')
    out()
    out('#include "base/result.h"')
    out('#include "protocol/kafka/messages/api_keys.h"')
    out('#include "protocol/kafka/wire.h"')
    out()
    out('namespace leat::kafka {')
    out()
    for m in messages:
        Code(m).declare(out)
    out('}  // namespace leat::kafka')
    return out.text()


def file_source(stem, messages):
    out = Emitter()
    out(f'// Generated by scripts/kafka_messages.py from schema/{stem}.msg.')
    out(f'#include "protocol/kafka/messages/{stem}.h"')
    out()
    out('namespace leat::kafka {')
    out()
    for m in messages:
        Code(m).define(out)
    out('}  // namespace leat::kafka')
    return out.text()


def api_keys(messages):
    requests = sorted((m for m in messages if m.key is not None and m.name.endswith('Request')), key=lambda m: m.key)
    out = Emitter()
    out('// Generated by scripts/kafka_messages.py from schema/*.msg.')
    out('#pragma once')
    out()
    out('#include <array>')
    out('#include <cstdint>')
    out('#include <string_view>')
    out()
    out('namespace leat::kafka {')
    out()
    out('enum class ApiKey : std::int16_t {')
    for m in requests:
        out(f'  k{m.api} = {m.key},')
    out('};')
    out()
    out('// An API whose messages are declared, with all the versions that are.')
    out('struct DeclaredApi {')
    out('  ApiKey key;')
    out('  std::string_view name;')
    out('  std::int16_t version_min;')
    out('  std::int16_t version_max;')
    out('  std::int16_t flexible_from;  // the first version with tagged fields; INT16_MAX: none')
    out('};')
    out(f'inline constexpr std::array<DeclaredApi, {len(requests)}> kDeclaredApis{{{{')
    for m in requests:
        out(f'  {{ApiKey::k{m.api}, "{m.api}", {m.versions.first}, {m.versions.last}, {m.flexible.first}}},')
    out('}};')
    out()
    out('}  // namespace leat::kafka')
    out()
    out('// X(Produce): expanded once for each declared API, in the order of keys; its messages are ProduceRequest and')
    out('// ProduceResponse.')
    out('#define LEAT_KAFKA_APIS(X) \\')
    for m in requests:
        out(f'  X({m.api})' + (' \\' if m is not requests[-1] else ''))
    return out.text()


def all_messages(messages):
    out = Emitter()
    out('// Generated by scripts/kafka_messages.py from schema/*.msg: every message, for tests and fuzzing.')
    out('#pragma once')
    out()
    for stem in sorted({m.file for m in messages}):
        out(f'#include "protocol/kafka/messages/{stem}.h"')
    out()
    out('// X(ProduceRequest): expanded once for each declared message.')
    out('#define LEAT_KAFKA_MESSAGES(X) \\')
    for m in messages:
        out(f'  X({m.name})' + (' \\' if m is not messages[-1] else ''))
    return out.text()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', required=True)
    parser.add_argument('schemas', nargs='+')
    args = parser.parse_args()
    try:
        messages = load(args.schemas)
        folder = os.path.join(args.out, 'protocol', 'kafka', 'messages')
        for stem in sorted({m.file for m in messages}):
            mine = [m for m in messages if m.file == stem]
            write_if_changed(os.path.join(folder, stem + '.h'), file_header(stem, mine))
            write_if_changed(os.path.join(folder, stem + '.cc'), file_source(stem, mine))
        write_if_changed(os.path.join(folder, 'api_keys.h'), api_keys(messages))
        write_if_changed(os.path.join(folder, 'all.h'), all_messages(messages))
    except SchemaError as error:
        sys.exit(f'kafka_messages.py: {error}')


if __name__ == '__main__':
    main()
