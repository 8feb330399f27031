#!/usr/bin/env python3
"""Random command sequences on Debian's redis-server and on leat; replies are compared byte for byte.

differential.py [--leat PATH]                          redis-server against leat
differential.py --peer HOST:PORT --subject HOST:PORT   two running servers (their data is lost)
differential.py --self                                 redis-server against a second one: shows no difference
differential.py --prove                                redis-server against slightly wrong ones: each must be noticed
"""
import argparse
import collections
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import follow  # noqa: E402
import generators  # noqa: E402
import mutation  # noqa: E402
import resp  # noqa: E402
import servers  # noqa: E402
import shrink  # noqa: E402
from compare import Rules  # noqa: E402
from coverage import Coverage, peer_names  # noqa: E402
from runner import Runner  # noqa: E402

COVERED_BY_SEEDS = 200  # a run of as many seeds of all families exercises every command


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seeds', type=int, default=500)
    parser.add_argument('--first-seed', type=int, default=0)
    parser.add_argument('--commands-per-seed', type=int, default=500)
    parser.add_argument('--only', action='append', default=[], metavar='FAMILY', choices=sorted(generators.FAMILIES),
                        help='one of: ' + ' '.join(sorted(generators.FAMILIES)))
    parser.add_argument('--leat', help='the binary; default: $LEAT or build/release/leat')
    parser.add_argument('--peer', help='HOST:PORT of a running reference')
    parser.add_argument('--subject', help='HOST:PORT of a running server to test')
    parser.add_argument('--self', action='store_true', dest='itself')
    parser.add_argument('--prove', action='store_true')
    parser.add_argument('--max-differences', type=int, default=10, help='end after differences of as many commands')
    parser.add_argument('--keep-going', action='store_true', help='go on with a seed after its first difference')
    parser.add_argument('--skip', action='append', default=[], metavar='COMMAND', help='leave out a command that is known to differ')
    parser.add_argument('--skip-unknown', action='store_true', help='leave out the commands that the subject does not know')
    parser.add_argument('--shrink-seconds', type=float, default=10)
    parser.add_argument('--verbose', action='store_true', help='print the rules that were needed')
    return parser.parse_args()


class Report:
    """What differed, by command; the first of each is shown with its smallest reproduction."""

    def __init__(self, options, runner):
        self.options, self.runner = options, runner
        self.counts = collections.Counter()

    def add(self, seed, steps, difference):
        name = difference.name()
        self.counts[name] += 1
        if self.counts[name] > 1:
            return
        print('FAILED resp: seed %d, step %d: %s' % (seed, difference.index, difference.why))
        print('    command  %s' % short(resp.command_line(difference.arguments)))
        if difference.peer is not None or difference.subject is not None:
            print('    peer     %s' % resp.printable(difference.peer))
            print('    subject  %s' % resp.printable(difference.subject))
        if self.options.shrink_seconds:
            smaller = shrink.shrink(steps, difference, self.runner, self.options.shrink_seconds)
            if smaller is None:
                print('    it does not come again when the sequence is repeated alone')
            else:
                again = self.runner.run(smaller)
                print('    smallest reproduction that was found:')
                for line in list(shrink.lines(smaller))[-40:]:
                    print('      ' + short(line))
                for found in again[:1]:
                    print('      peer     %s' % resp.printable(found.peer))
                    print('      subject  %s' % resp.printable(found.subject))
        sys.stdout.flush()


def short(line, limit=400):
    return line if len(line) <= limit else '%s… (%d characters)' % (line[:limit], len(line))


def without(steps, skipped):
    """The steps, less the commands whose names (upper case) are in `skipped`, in scripts that only call one too."""
    if not skipped:
        return steps

    def kept(command):
        words = [word.upper() for word in command if word is not None]
        return words[:1] == [] or not (words[0] in skipped or (words[0] in follow.SCRIPTS and skipped.intersection(words)))

    out = []
    for kind, connection, payload in steps:
        if kind == 'group':
            payload = without(payload, skipped)
        elif kind in ('batch', 'session'):
            payload = [command for command in payload if kept(command)]
        elif kind in follow.NEEDS:
            if skipped.intersection(follow.NEEDS[kind]):
                continue
        elif isinstance(payload, list) and kind != 'raw' and not kept(payload):
            continue
        out.append((kind, connection, payload))
    return out


def unknown_commands(peer, subject):
    """The peer's commands that the subject does not have."""
    connection = servers.Connection(peer.address)
    names = [name for name in peer_names(connection) if '|' not in name]
    connection.close()
    unknown = set()
    for name in names:
        connection = servers.Connection(subject.address)
        if connection.ask([name.encode()] + [b'?'] * 99).startswith(b'-ERR unknown command'):
            unknown.add(name.upper())
        connection.close()
    return sorted(unknown)


def run_seeds(options, peer, subject):
    rules, coverage = Rules(), Coverage()
    prepare_generators(rules, peer)
    learn_categories(rules, peer, subject)
    if options.skip_unknown:
        unknown = unknown_commands(peer, subject)
        print('the subject does not know: ' + ' '.join(unknown))
        options.skip += unknown
    runner = Runner(peer, subject, rules, coverage)
    runner.skipped = skipped = {name.upper().encode() for name in options.skip}
    report = Report(options, runner)
    began, seeds, compared, shown = time.monotonic(), 0, 0, time.monotonic()
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        steps = without(generators.steps_of(seed, options.commands_per_seed, options.only), skipped)
        runner.compared = 0
        found = runner.run(steps, options.keep_going)
        compared += runner.compared
        seeds += 1
        for difference in found:
            report.add(seed, steps, difference)
        if len(report.counts) >= options.max_differences:
            print('differences of %d commands: no more seeds are tried' % len(report.counts))
            break
        if time.monotonic() - shown > 20:
            shown = time.monotonic()
            print('… %d seeds, %d commands' % (seeds, compared), flush=True)
    took = time.monotonic() - began
    failed = bool(report.counts)
    if seeds == options.seeds >= COVERED_BY_SEEDS and not options.only and not options.skip:
        failed |= not covered(rules, coverage, peer)
    if options.verbose:
        for rule in sorted({id(r): r for found in rules.by_command.values() for r in found}.values(), key=lambda r: -r.used):
            print('rule used %6d times: %-12s %s' % (rule.used, rule.kind, ' '.join(rule.commands)))
    print('%s resp: %d seeds, %d commands compared in %.0f s (%.0f/s), %d differences%s' % (
        'FAILED' if failed else 'ok', seeds, compared, took, compared / max(took, 0.001), sum(report.counts.values()),
        ': ' + ', '.join('%s %d' % pair for pair in report.counts.most_common()) if report.counts else ''))
    return failed


def prepare_generators(rules, peer):
    for family in ('scripts', 'functions'):
        generators.FAMILIES[family].not_in_scripts = rules.names()
    connection = servers.Connection(peer.address)
    names = peer_names(connection)
    connection.close()
    generators.FAMILIES['names'].all_names = [name.encode() for name in names]


def learn_categories(rules, peer, subject):
    connections = [servers.Connection(server.address) for server in (peer, subject)]
    rules.learn_categories(*(connection.ask for connection in connections))
    for connection in connections:
        connection.close()


def covered(rules, coverage, peer):
    connection = servers.Connection(peer.address)
    missing, unknown = coverage.missing(peer_names(connection), rules)
    connection.close()
    if missing:
        print('FAILED resp: neither exercised nor listed in differences.toml: ' + ' '.join(missing))
    if unknown:
        print('FAILED resp: listed in differences.toml, and no command of the peer: ' + ' '.join(unknown))
    return not missing and not unknown


def prove(options):
    """Each mutation must be noticed within the seeds."""
    rules, failed = Rules(), 0
    peer = servers.Redis().start()
    try:
        prepare_generators(rules, peer)
        for name, changes in mutation.all_mutations():
            subject = mutation.Mutated(**changes)
            try:
                subject.start()
                learn_categories(rules, peer, subject)
                runner = Runner(peer, subject, rules, Coverage())
                noticed = None
                for seed in range(options.first_seed, options.first_seed + options.seeds):
                    found = runner.run(generators.steps_of(seed, options.commands_per_seed, options.only))
                    if found:
                        noticed = seed, found[0]
                        break
                for side in runner.sides:
                    side.forget()
            finally:
                subject.stop()
            good = bool(noticed) == (name != mutation.NOTHING)
            failed += not good
            print('%s resp: %s: %s' % ('ok' if good else 'FAILED', name, 'noticed at seed %d, by %s: %s' % (
                noticed[0], noticed[1].name(), noticed[1].why) if noticed else 'no difference in %d seeds' % options.seeds), flush=True)
    finally:
        peer.stop()
    return failed > 0


def main():
    options = arguments()
    if options.prove:
        return 1 if prove(options) else 0
    peer = servers.Running(options.peer) if options.peer else servers.Redis()
    if options.subject:
        subject = servers.Running(options.subject)
    elif options.itself:
        subject = servers.Redis()
    else:
        subject = servers.Leat(options.leat or os.environ.get('LEAT'))
    try:
        peer.start()
        subject.start()
        return 1 if run_seeds(options, peer, subject) else 0
    finally:
        for server in (peer, subject):
            server.stop()


if __name__ == '__main__':
    sys.exit(main())
