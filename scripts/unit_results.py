#!/usr/bin/env python3
"""Prints one line a unit test from GoogleTest's XML files in a folder, and one a ctest program that left none.

unit_results.py FOLDER   where ctest's own report is ctest.junit
"""
import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def cases(folder):
    """(name, outcome, message) of every GoogleTest case, and the number of cases by program."""
    for file in sorted(folder.glob('*.xml')):
        try:
            root = ElementTree.parse(file).getroot()
        except ElementTree.ParseError:
            continue
        for suite in root.iter('testsuite'):
            for case in suite.iter('testcase'):
                name = '%s %s.%s' % (file.stem, suite.get('name'), case.get('name'))
                failure = case.find('failure')
                if failure is not None:
                    yield file.stem, name, 'FAILED', (failure.get('message') or '').strip()
                elif case.get('result') == 'skipped' or case.find('skipped') is not None:
                    yield file.stem, name, 'skipped', (case.find('skipped').get('message') or '').strip().splitlines()[-1]
                elif case.get('status') == 'run':
                    yield file.stem, name, 'ok', ''


def main():
    folder = pathlib.Path(sys.argv[1])
    failed, counted = 0, {}
    for program, name, outcome, message in cases(folder):
        counted.setdefault(program, set()).add(outcome)
        failed += outcome == 'FAILED'
        print('%s %s%s' % (outcome, name, ': ' + message if message else ''))
    report = folder / 'ctest.junit'
    programs = list(ElementTree.parse(report).getroot().iter('testcase')) if report.exists() else []
    for program in programs:
        name = program.get('name')
        outcomes = counted.get(name.replace('unit.', 'test_', 1), set())
        broken = program.find('failure') is not None or program.get('status') == 'fail'
        if broken and 'FAILED' not in outcomes:
            failed += 1
            print('FAILED %s: the program crashed, ran too long, or was not built' % name)
        elif not broken and not outcomes:
            print('ok', name)
    if not programs:
        failed += 1
        print('FAILED unit tests: none were found')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
