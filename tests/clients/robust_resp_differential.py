"""Random commands on Debian's redis-server and on leat: byte for byte the same replies (tests/resp/README.md).

The families of commands that are compared in every run; tests/resp/differential.py runs the others too, and more seeds.
"""
import os
import pathlib
import shutil
import subprocess
import sys

from harness import LEAT, Cases, Skip

cases = Cases('resp_differential')
DIFFERENTIAL = pathlib.Path(__file__).resolve().parents[1] / 'resp' / 'differential.py'
FAMILIES = ('strings', 'bitmaps', 'hashes', 'lists', 'sets', 'sorted_sets', 'hyperloglog', 'geo', 'streams', 'keys',
            'blocking', 'databases', 'functions', 'scans', 'names', 'sort', 'pubsub', 'scripts', 'transactions', 'users', 'tracking',
            'dumps', 'introspection', 'notifications', 'protocol', 'expiry', 'server')
seeds = 60
# What waits for time to pass, or takes long. A later seed of notifications adds to a damaged HyperLogLog; what becomes of its
# bytes differs.
FEWER_SEEDS = {'expiry': 2, 'notifications': 20, 'protocol': 20, 'server': 1}


def compare(family):
    if shutil.which('redis-server') is None:
        raise Skip('there is no redis-server: apt install redis-server')
    command = [sys.executable, str(DIFFERENTIAL), '--leat', os.environ.get('LEAT', str(LEAT)), '--only', family, '--seeds',
               str(min(seeds, FEWER_SEEDS.get(family, seeds)))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise AssertionError(done.stdout[-4000:] + done.stderr[-1000:])


for family in FAMILIES:
    cases('%s: replies are those of redis-server' % family)(lambda family=family: compare(family))
