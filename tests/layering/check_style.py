#!/usr/bin/env python3
"""Fails on sources that grow too long, leave something unfinished, or name one machine.

Hard rules hold everywhere. What is in the tree already and breaks a softer rule is counted in ratchet.json; a count may
only go down: check_style.py --lower writes the new, lower counts.
check_style.py --self-test proves on planted files that each rule can fail.
"""
import json
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LINES_MAX = 700
FUNCTION_LINES_MAX = 80
CODE = {'.h', '.cc', '.py', '.sh', '.js', '.mjs', '.cmake', '.msg'}
# Written in parts, so that this file keeps the rule too.
UNFINISHED = re.compile(r'\b(TO' r'DO|FIX' r'ME|X' r'XX|HA' r'CK)\b|not (yet )?imple' r'mented|unimple' r'mented|\bst' r'ub\b'
                        r'|place' r'holder', re.I)
MACHINE_PATHS = re.compile(r'(^|["\'\s=(])/(work|root|home/\w+)/')
TABLE_LINE = re.compile(r'^\s+(case |\{|.*\(\{)')
NOT_A_FUNCTION = re.compile(r'^(namespace|class|struct|enum|union|extern|constexpr|inline constexpr|const|static const)\b')


def starts_function(lines, index):
    """Whether the line ends the signature of a function at namespace scope, on its own or after continued lines."""
    if not lines[index].endswith('{'):
        return False
    for back in range(index, max(-1, index - 6), -1):
        line = lines[back]
        if back != index and (not line or line[-1] in ';{}'):
            return False
        if line and line[0] not in ' }#/':
            return not NOT_A_FUNCTION.match(line) and '(' in line
    return False


def long_functions(lines):
    """(first line, length) of functions at namespace scope that are too long. Tables and exhaustive switches, in which
    a third of the lines are entries or cases, may be longer."""
    start = None
    for index, line in enumerate(lines):
        if start is None and starts_function(lines, index):
            start = index
        elif line.startswith('}'):
            if start is not None and index - start + 1 > FUNCTION_LINES_MAX:
                entries = sum(bool(TABLE_LINE.match(inner)) for inner in lines[start:index])
                if entries * 3 < index - start:
                    yield start + 1, index - start + 1
            start = None


def check_file(name, text):
    """(rule, is_soft, message) for what is wrong with one file."""
    suffix = pathlib.PurePath(name).suffix
    lines = text.splitlines()
    if suffix in CODE and len(lines) > LINES_MAX:
        yield 'length', False, '%s: %d lines (at most %d): it may hold two ideas' % (name, len(lines), LINES_MAX)
    for number, line in enumerate(lines, 1):
        where = '%s:%d' % (name, number)
        if (suffix in CODE or suffix == '') and UNFINISHED.search(line):
            yield 'unfinished', False, '%s: unfinished by its own words: %s' % (where, line.strip())
        if MACHINE_PATHS.search(line):
            yield 'machine', False, '%s: a path of one machine: %s' % (where, line.strip())
        if suffix in ('.h', '.cc'):
            if name.startswith('src/') and re.match(r'\s*using namespace (?!std::(chrono_)?literals|std::chrono_literals)', line):
                yield 'using', True, '%s: %s' % (where, line.strip())
            if '\t' in line:
                yield 'tab', False, '%s: a tab' % where
        if suffix in CODE and line != line.rstrip():
            yield 'blank', False, '%s: blanks at the end of the line' % where
    if suffix == '.h' and '#pragma once' not in text:
        yield 'once', False, '%s: no #pragma once' % name
    if suffix == '.cc' and name.startswith('src/'):
        for number, length in long_functions(lines):
            yield 'function', True, '%s:%d: a function of %d lines (at most %d)' % (name, number, length,
                                                                                   FUNCTION_LINES_MAX)


def tracked_files():
    out = subprocess.run(['git', '-C', str(ROOT), 'ls-files', '-z', '-co', '--exclude-standard'], capture_output=True)
    if out.returncode == 0:
        return [n for n in out.stdout.decode().split('\0') if n]
    return [p.relative_to(ROOT).as_posix() for p in ROOT.rglob('*')
            if p.is_file() and not {'build', 'node_modules', '.git'} & set(p.relative_to(ROOT).parts)]


def self_test():
    body = 'int f(int a) {\n' + '  ++a;\n' * FUNCTION_LINES_MAX + '}\n'
    planted = [
        ('length', 'src/a.py', 'x = 1\n' * (LINES_MAX + 1)),
        ('unfinished', 'src/a.h', '#pragma once\n// TO' 'DO: more\n'),
        ('unfinished', 'run', '# FIX' 'ME\n'),
        ('machine', 'docs/a.md', 'see /wo' 'rk/main/x\n'),
        ('using', 'src/a.cc', 'using namespace leat;\n'),
        ('tab', 'src/a.cc', '\tint x;\n'),
        ('blank', 'src/a.cc', 'int x; \n'),
        ('once', 'src/a.h', 'int x;\n'),
        ('function', 'src/a.cc', body),
        ('function', 'src/a.cc', 'int long_name(int b,\n              int a) {\n' + '  ++a;\n' * FUNCTION_LINES_MAX + '}\n'),
        (None, 'src/a.cc', 'namespace leat {\n\n' + 'int f(int a) {\n  return a;\n}\n\n' * 30 + '}  // namespace leat\n'),
        (None, 'src/a.cc', 'int f(int a) {\n' + '    case 1:\n      return 2;\n' * FUNCTION_LINES_MAX + '}\n'),
        (None, 'src/a.h', '#pragma once\nusing namespace std::chrono_literals;\n'),
    ]
    failed = 0
    for rule, name, text in planted:
        found = {r for r, _, _ in check_file(name, text)}
        good = found == ({rule} if rule else set())
        failed += not good
        print('%s style finds %s in %s%s' % ('ok' if good else 'FAILED', rule or 'nothing', name,
                                             '' if good else ': found %s' % found))
    return failed


def main():
    if '--self-test' in sys.argv:
        return 1 if self_test() else 0
    ratchet_file = HERE / 'ratchet.json'
    ratchet = json.loads(ratchet_file.read_text()) if ratchet_file.exists() else {}
    counts, soft, failed = {'function': 0, 'using': 0}, {}, 0
    for name in tracked_files():
        path = ROOT / name
        if not path.is_file() or path.stat().st_size > 1 << 20 or name == 'LICENSE':
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        for rule, is_soft, message in check_file(name, text):
            if is_soft:
                counts[rule] = counts.get(rule, 0) + 1
                soft.setdefault(rule, []).append(message)
            else:
                failed += 1
                print('FAILED style', message)
    for rule, count in counts.items():
        if count > ratchet.get(rule, 0):
            failed += 1
            print('FAILED style %s: %d, at most %d:' % (rule, count, ratchet.get(rule, 0)))
            print('\n'.join('  ' + m for m in soft[rule]))
        elif count < ratchet.get(rule, 0):
            print('note: style %s is down to %d from %d: run %s --lower and commit ratchet.json' %
                  (rule, count, ratchet[rule], pathlib.Path(__file__).name))
    if '--lower' in sys.argv:
        lowered = {rule: min(count, ratchet.get(rule, count)) for rule, count in counts.items()}
        ratchet_file.write_text(json.dumps(lowered, indent=2) + '\n')
    if not failed:
        print('ok style: lengths, leftovers, paths, headers')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
