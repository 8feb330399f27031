"""The package index that every Debian machine has, as (source package, section, text) entries."""
import glob
import subprocess

LISTS = '/var/lib/apt/lists/*_Packages*'
CAT = '/usr/lib/apt/apt-helper'


def texts():
    """The index files' contents, whatever they are compressed with, or what apt knows without them."""
    found = False
    for name in sorted(glob.glob(LISTS)):
        done = subprocess.run([CAT, 'cat-file', name], capture_output=True)
        if done.returncode == 0 and done.stdout:
            found = True
            yield done.stdout
    if not found:
        done = subprocess.run(['apt-cache', 'dumpavail'], capture_output=True)
        if done.returncode == 0:
            yield done.stdout


def field(text, name, default=b''):
    start = 0 if text.startswith(name + b':') else text.find(b'\n' + name + b':') + 1
    if start == 0 and not text.startswith(name + b':'):
        return default
    end = text.find(b'\n', start)
    return text[start + len(name) + 1:end if end >= 0 else len(text)].strip()


def entries():
    """One (key, section, text) a package: the key is its source package, which many packages share."""
    found = []
    for text in texts():
        for entry in text.split(b'\n\n'):
            package = field(entry, b'Package')
            if package:
                source = field(entry, b'Source', package).split(b' ')[0]
                found.append((source, section_of(entry), entry.strip()))
    return found


def section_of(entry):
    return field(entry, b'Section', b'unknown').decode(errors='replace')
