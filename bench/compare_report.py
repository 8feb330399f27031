"""The numbers of one run of bench/compare, and how they are shown."""
import os
import platform
import statistics
import sys


def median(values):
    return statistics.median(values)


class Report:
    def __init__(self):
        self.rows = []
        self.floors = {}
        self.complete = True

    def add(self, name, value, unit, target=None, better=None, note='', runs=()):
        """`better` is 'more' or 'less' than the target, which may be None."""
        self.rows.append({'name': name, 'value': value, 'unit': unit, 'target': target, 'better': better, 'note': note,
                          'runs': list(runs)})
        print('  %s: %s %s' % (name, shown(value), unit), file=sys.stderr, flush=True)

    def floor(self, name, value, unit):
        self.floors[name] = value
        self.add('floor: ' + name, value, unit)

    def failed(self, name, why):
        self.complete = False
        self.rows.append({'name': name, 'value': None, 'unit': '', 'target': None, 'better': None, 'note': 'FAILED: %s' % why,
                          'runs': []})
        print('  %s: FAILED: %s' % (name, why), file=sys.stderr, flush=True)

    def left_out(self, name, why):
        """What this machine cannot measure, which is nobody's failure."""
        self.rows.append({'name': name, 'value': None, 'unit': '', 'target': None, 'better': None, 'note': 'not measured: %s' % why,
                          'runs': []})
        print('  %s: not measured: %s' % (name, why), file=sys.stderr, flush=True)

    def table(self):
        lines = [('MEASURED', 'VALUE', 'TARGET', 'OF TARGET', '', '')]
        for row in self.rows:
            target = ratio = verdict = ''
            if row['target'] is not None and row['value'] is not None:
                target = '%s %s' % ('≥' if row['better'] == 'more' else '≤', shown(row['target']))
                ratio = '%.2f' % (row['value'] / row['target'])
                reached = row['value'] >= row['target'] if row['better'] == 'more' else row['value'] <= row['target']
                verdict = 'ok' if reached else 'MISSED'
            value = '' if row['value'] is None else '%s %s' % (shown(row['value']), row['unit'])
            lines.append((row['name'], value, target, ratio, verdict, row['note']))
        widths = [max(len(line[i]) for line in lines) for i in range(5)]
        return '\n'.join('  '.join(cell.ljust(width) for cell, width in zip(line, widths + [0])).rstrip() for line in lines)

    def as_json(self):
        return {'machine': {'cores': os.cpu_count(), 'kernel': platform.release(), 'processor': processor()},
                'floors': self.floors, 'measured': self.rows}


def shown(value):
    if value >= 1000:
        return '{:,.0f}'.format(value)
    return '%.3g' % value if value < 100 else '%.4g' % value


def processor():
    with open('/proc/cpuinfo') as info:
        for line in info:
            if line.startswith('model name'):
                return line.split(':', 1)[1].strip()
    return platform.machine()
