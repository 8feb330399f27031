#!/usr/bin/env python3
"""Fails on an include or a link that breaks the tables of src/README.md, and on include cycles.

check_layering.py [ROOT]      checks the tree at ROOT (default: this one)
check_layering.py --self-test plants violations in a copy of a small tree and proves that each is found
"""
import pathlib
import re
import sys
import tempfile

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
LINKS = re.compile(r'leat_module\(\s*(\w+)([^)]*)\)')
PRIVATE_LIBRARIES = ('nlohmann/', 'prometheus/')


def table(text, first_header):
    """The rows of the Markdown table whose first column is called first_header, as lists of cells."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if re.match(r'\|\s*%s\s*\|' % first_header, line):
            rows = []
            for row in lines[number + 2:]:
                if not row.startswith('|'):
                    break
                rows.append([cell.strip(' `') for cell in row.strip('|').split('|')])
            return rows
    return []


class Tree:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.src = self.root / 'src'
        self.problems = []
        self.folders = {}   # module -> folder relative to src
        self.direct = {}    # module -> modules its row lists
        self.allowed = {}   # module -> modules it may include, itself among them
        self.homes = {}     # library header prefix -> folders
        self.includes = {}  # file -> [(line, is_quoted, path)]

    def problem(self, where, what):
        self.problems.append('%s: %s' % (where, what))

    def read_tables(self):
        text = (self.src / 'README.md').read_text()
        for name, folder, _, builds_on in table(text, 'module'):
            self.folders[name] = folder.removeprefix('src/')
            self.direct[name] = [m.strip() for m in builds_on.split(',') if m.strip()]
            self.allowed[name] = {name}
            for other in self.direct[name]:
                if other not in self.allowed or other == name:
                    self.problem('src/README.md', '%s builds on %s, which is not above it' % (name, other))
                else:
                    self.allowed[name] |= self.allowed[other]
        self.homes = {header: tuple(h.strip(' `').removeprefix('src/') + '/' for h in homes.split(','))
                      for header, homes in table(text, 'header')}
        if not self.folders or not self.homes:
            self.problem('src/README.md', 'a table is missing: it cannot be checked')

    def module_of(self, relative):
        best = None
        for name, folder in self.folders.items():
            if relative.startswith(folder + '/') and (best is None or len(folder) > len(self.folders[best])):
                best = name
        return best

    def read_sources(self):
        for path in sorted(self.src.rglob('*')):
            if path.suffix in ('.h', '.cc'):
                relative = path.relative_to(self.src).as_posix()
                text = path.read_text(errors='replace')
                self.includes[relative] = [(text.count('\n', 0, m.start()) + 1, m[1] == '"', m[2])
                                           for m in INCLUDE.finditer(text)]
        # Headers that the build writes from message schemas (scripts/kafka_messages.py).
        for path in sorted(self.src.rglob('schema/*.msg')):
            folder = path.parent.parent.relative_to(self.src).as_posix()
            for name in ('api_keys', 'all'):
                self.includes['%s/messages/%s.h' % (folder, name)] = []
            self.includes['%s/messages/%s.h' % (folder, path.stem)] = [(1, True, folder + '/wire.h')]

    def check_includes(self):
        for file, includes in self.includes.items():
            module = self.module_of(file)
            if module is None:
                self.problem('src/' + file, 'is in no module of the table')
                continue
            for line, quoted, target in includes:
                where = 'src/%s:%d' % (file, line)
                for header, homes in self.homes.items():
                    if target.startswith(header) and not file.startswith(homes):
                        self.problem(where, '%s is only for %s' % (target, ', '.join('src/' + h for h in homes)))
                if not quoted:
                    continue
                if target not in self.includes:
                    self.problem(where, '"%s" is no file of src/ (include as "module/file.h")' % target)
                    continue
                other = self.module_of(target)
                if other is not None and other not in self.allowed[module]:
                    self.problem(where, '%s may not include %s ("%s")' % (module, other, target))
                elif other != module:
                    for _, _, inner in self.includes[target]:
                        if inner.startswith(tuple(self.homes) + PRIVATE_LIBRARIES):
                            self.problem(where, '"%s" includes <%s> and is private to %s' % (target, inner, other))

    def check_cycles(self):
        done, path = set(), []

        def visit(file):
            if file in path:
                self.problem('src/' + file, 'include cycle: ' + ' -> '.join(path[path.index(file):] + [file]))
                return
            if file in done:
                return
            path.append(file)
            for _, quoted, target in self.includes[file]:
                if quoted and target in self.includes:
                    visit(target)
            path.pop()
            done.add(file)

        for file in self.includes:
            visit(file)

    def check_links(self):
        seen = set()
        for lists in sorted(self.src.rglob('CMakeLists.txt')):
            where = lists.relative_to(self.root).as_posix()
            for name, arguments in LINKS.findall(lists.read_text()):
                seen.add(name)
                if self.folders.get(name) != lists.parent.relative_to(self.src).as_posix():
                    self.problem(where, 'module %s is not in the table with this folder' % name)
                    continue
                for other in re.findall(r'\bleat_(\w+)', arguments):
                    if other not in self.allowed[name]:
                        self.problem(where, '%s may not link %s' % (name, other))
        for name in self.folders:
            if name not in seen:
                self.problem('src/README.md', 'module %s has no CMakeLists.txt with leat_module(%s)' % (name, name))

    def check(self):
        self.read_tables()
        if not self.problems:
            self.read_sources()
            self.check_includes()
            self.check_cycles()
            self.check_links()
        return self.problems


README = '''
| module | folder | holds | builds on |
|---|---|---|---|
| base | `src/base` | x | |
| runtime | `src/runtime` | x | base |
| log | `src/log` | x | runtime |
| http | `src/protocol/http` | x | runtime |

| header | only in |
|---|---|
| `boost/asio` | `src/runtime` |
| `boost/beast` | `src/protocol/http` |
| `CLI/` | `src/runtime`, `src/log` |
'''
CLEAN = {
    'README.md': README,
    'base/CMakeLists.txt': 'leat_module(base)',
    'base/a.h': '#include <vector>\n',
    'runtime/CMakeLists.txt': 'leat_module(runtime LINKS leat_base)',
    'runtime/loop.h': '#include "base/a.h"\n',
    'runtime/loop.cc': '#include <boost/asio.hpp>\n#include "runtime/loop.h"\n',
    'log/CMakeLists.txt': 'leat_module(log LINKS leat_runtime)',
    'log/cli.cc': '#include <CLI/CLI.hpp>\n',
    'log/batch.h': '#include "base/a.h"\n#include "runtime/loop.h"\n',
    'protocol/http/CMakeLists.txt': 'leat_module(http LINKS leat_runtime)',
    'protocol/http/schema/get.msg': '',
    'protocol/http/wire.h': '',
    'protocol/http/get.cc': '#include "protocol/http/messages/get.h"\n',
    'protocol/http/parse.cc': '#include <boost/beast/http.hpp>\n#include "runtime/loop.h"\n',
}
PLANTED = {
    'an include of a module below': ({'base/b.cc': '#include "log/batch.h"\n'}, 'base may not include log'),
    'an include of a module beside': ({'protocol/http/x.cc': '#include "log/batch.h"\n'}, 'http may not include log'),
    'an include cycle of headers': ({'log/p.h': '#include "log/q.h"\n', 'log/q.h': '#include "log/p.h"\n'},
                                    'include cycle'),
    'a cycle in the table': ({'README.md': README.replace('| x | base |', '| x | base, log |')}, 'not above it'),
    'Asio above the runtime': ({'log/w.cc': '#include <boost/asio/post.hpp>\n'}, 'only for src/runtime'),
    'Asio in quotes': ({'log/w.cc': '#include "boost/asio.hpp"\n'}, 'only for src/runtime'),
    'a library outside its two folders': ({'base/w.cc': '#include <CLI/CLI.hpp>\n'}, 'only for src/runtime/, src/log/'),
    'Beast outside http': ({'runtime/w.cc': '#  include <boost/beast.hpp>\n'}, 'only for src/protocol/http'),
    'Asio through a runtime header': ({'runtime/loop.h': '#include <boost/asio.hpp>\n'}, 'is private to runtime'),
    'a link of a module below': ({'runtime/CMakeLists.txt': 'leat_module(runtime LINKS leat_base leat_log)'},
                                 'runtime may not link log'),
    'a link over two lines': ({'runtime/CMakeLists.txt': 'leat_module(runtime\n  PRIVATE leat_log)'},
                              'runtime may not link log'),
    'a file in no module': ({'util/x.h': ''}, 'in no module'),
    'a folder that the table lacks': ({'util/CMakeLists.txt': 'leat_module(util)'}, 'not in the table'),
    'an include relative to its file': ({'log/r.cc': '#include "batch.h"\n'}, 'is no file of src/'),
    'an include of a message without a schema': ({'protocol/http/x.cc': '#include "protocol/http/messages/put.h"\n'},
                                                'is no file of src/'),
    'a message included by a module below': ({'log/x.cc': '#include "protocol/http/messages/get.h"\n'},
                                             'log may not include http'),
    'no table': ({'README.md': 'nothing'}, 'cannot be checked'),
}


def self_test():
    failed = 0
    for name, (changes, expected) in [('a clean tree', ({}, None))] + list(PLANTED.items()):
        with tempfile.TemporaryDirectory() as folder:
            for path, text in {**CLEAN, **changes}.items():
                file = pathlib.Path(folder, 'src', path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            problems = Tree(folder).check()
        good = not problems if expected is None else any(expected in p for p in problems)
        failed += not good
        print('%s layering finds %s%s' % ('ok' if good else 'FAILED', name, '' if good else ': %s' % problems))
    return failed


def main():
    if '--self-test' in sys.argv:
        return 1 if self_test() else 0
    root = sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[2]
    problems = Tree(root).check()
    for problem in problems:
        print('FAILED layering', problem)
    if not problems:
        print('ok layering: every include and link agrees with src/README.md')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
