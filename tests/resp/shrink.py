"""A shorter sequence with the same difference, by leaving commands out."""
import time

import resp


def shrink(steps, difference, runner, seconds=10):
    """Delta debugging: leaves out ever smaller pieces while the same command still differs."""
    deadline = time.monotonic() + seconds
    wanted = difference.name()

    def still_differs(candidate):
        found = runner.run(candidate)
        return bool(found) and found[0].name() == wanted

    steps = steps_until(steps, difference.index)
    if not still_differs(steps):
        return None
    pieces = 2
    while len(steps) > 1 and time.monotonic() < deadline:
        size = max(1, len(steps) // pieces)
        for first in range(0, len(steps), size):
            candidate = steps[:first] + steps[first + size:]
            if time.monotonic() > deadline:
                break
            if candidate and still_differs(candidate):
                steps, pieces = candidate, max(2, pieces - 1)
                break
        else:
            if size == 1:
                break
            pieces = min(len(steps), pieces * 2)
    return steps


def steps_until(steps, index):
    """The steps up to the one at `index` of the flat sequence."""
    count, out = 0, []
    for step in steps:
        out.append(step)
        count += flat_length(step)
        if count > index:
            break
    return out


def flat_length(step):
    return sum(map(flat_length, step[2])) if step[0] == 'group' else 1


def lines(steps):
    """The steps as one would type them."""
    for kind, connection, payload in steps:
        if kind == 'group':
            yield from lines(payload)
        elif kind == 'command':
            yield '[%s] %s' % (connection, resp.command_line(payload))
        elif kind in ('batch', 'session'):
            for arguments in payload:
                yield '[%s] %s' % (connection, resp.command_line(arguments))
            yield '[%s] (read all messages)' % connection if kind == 'batch' else '[%s] (close)' % connection
        elif kind in ('block', 'await'):
            yield '[%s] %s' % (connection, resp.command_line(payload) + ('   (does not wait for the reply)' if kind == 'block' else ''))
        elif kind == 'scan':
            yield '[%s] %s   (until the cursor is 0)' % (connection, resp.command_line([b'0' if a is None else a for a in payload]))
        elif kind == 'dump':
            yield '[%s] DUMP %s, and on the other server RESTORE of it with %s' % (connection, resp.quoted(payload[0]), resp.command_line(payload[1:]))
        elif kind == 'raw':
            yield '[%s] bytes: %s' % (connection, ' then '.join(repr(piece[:200]) for piece in payload))
        else:
            yield '[%s] (%s%s)' % (connection, kind, '' if payload is None else ' %s' % (payload,))
