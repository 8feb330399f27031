#!/usr/bin/python3
"""Runs the commands of README.md, docs/cli.md, docs/http.md and docs/security.md against a fresh server: every ```sh block that follows a line <!-- tour -->.

A ```text block that follows a line <!-- prints --> is what the block before it must print: line by line, where … stands
for anything, and alone on a line for any lines. The blocks run in one shell, in order, on the default ports; where those are taken, in a network of its own.

run_tour.py [--leat PROGRAM] [DOCUMENT...]
"""
import argparse
import ctypes
import fcntl
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'clients'))
import harness  # noqa: E402

DOCUMENTS = ['README.md', 'docs/cli.md', 'docs/http.md', 'docs/security.md']  # the last one leaves the server closed
BLOCK = re.compile(r'^<!-- (tour|prints) -->\n+```(?:sh|text)\n(.*?)^```$', re.M | re.S)


def steps(text):
    """[(line of the document, commands, expected lines or None)]"""
    found = []
    for match in BLOCK.finditer(text):
        line = text.count('\n', 0, match.start()) + 1
        if match[1] == 'tour':
            found.append([line, match[2], None])
        elif not found or found[-1][2] is not None:
            raise SystemExit('FAILED tour: line %d: <!-- prints --> without a block to print it' % line)
        else:
            found[-1][2] = match[2].rstrip('\n').split('\n')
    return found


def agrees(expected, printed):
    lines = ['[^\0]*' if line == '…' else '.*'.join(re.escape(part) for part in line.rstrip().split('…'))
             for line in expected]
    return re.fullmatch('\n'.join(lines), '\n'.join(line.rstrip() for line in printed.rstrip('\n').split('\n')))


def ports_are_free():
    for port in (9092, 9324, 6379, 8080):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(('127.0.0.1', port))
            except OSError:
                return False
    return True


def enter_own_network():
    """Moves this process to a network namespace in which only the loopback device is. Takes root."""
    clone_newnet = 0x40000000
    if ctypes.CDLL(None, use_errno=True).unshare(clone_newnet) != 0:
        return False
    with socket.socket() as any_socket:
        up = 1
        fcntl.ioctl(any_socket, 0x8914, struct.pack('16sH14x', b'lo', up))  # SIOCSIFFLAGS
    return True


def run(server, document):
    text = (ROOT / document).read_text()
    found = steps(text)
    if not found:
        print('FAILED tour: %s has no <!-- tour --> block' % document)
        return 1
    script = 'exec 2>&1\nset -euo pipefail\n' + ''.join(
        'echo "@@@ %d"\n%s\n' % (number, commands) for number, (_, commands, _) in enumerate(found)) + 'echo "@@@ end"\n'
    environment = {**server.environment, 'PATH': '%s:%s' % (os.path.dirname(server.leat), os.environ['PATH'])}
    done = subprocess.run(['bash', '-c', script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    parts = re.split(r'^@@@ (\w+)\n', done.stdout, flags=re.M)
    printed = dict(zip(parts[1::2], parts[2::2]))
    failed = 0
    for number, (line, commands, expected) in enumerate(found):
        name = '%s line %d: %s' % (document, line, commands.strip().split('\n')[0])
        output = printed.get(str(number))
        ended = str(number + 1) in printed or (number == len(found) - 1 and 'end' in printed)
        if output is None:
            failed += 1
            print('FAILED tour: %s: not reached' % name)
        elif not ended:
            failed += 1
            print('FAILED tour: %s: ended with %d:\n%s' % (name, done.returncode, indent(output)))
        elif expected is not None and not agrees(expected, output):
            failed += 1
            print('FAILED tour: %s: it printed\n%s\n  and not\n%s' % (name, indent(output), indent('\n'.join(expected))))
        else:
            print('ok tour: %s' % name)
    return failed


def indent(text):
    return '\n'.join('    ' + line for line in text.rstrip('\n').split('\n'))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--leat', default=str(harness.LEAT))
    parser.add_argument('documents', nargs='*', default=DOCUMENTS)
    options = parser.parse_args()
    if not ports_are_free() and not enter_own_network():
        print('skipped tour: ports 9092, 9324 and 8080 are taken, and it takes root to go around that')
        return 0
    with harness.Server('--listen', 'resp=127.0.0.1:6379', leat=os.path.abspath(options.leat)) as server:
        server.kafka_port, server.sqs_port, server.http_port = 9092, 9324, 8080
        server.address, server.sqs = '127.0.0.1:9092', 'http://127.0.0.1:9324'
        server.start()
        failed = sum(run(server, document) for document in options.documents)
        if failed:
            print(indent(server.log_tail(10)))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
