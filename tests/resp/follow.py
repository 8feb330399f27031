"""What a single reply does not tell: what commands with random answers did, and whole scans."""
import resp

RANDOM = frozenset((b'SPOP', b'SRANDMEMBER', b'RANDOMKEY', b'HRANDFIELD', b'ZRANDMEMBER'))
STOPS = RANDOM  # commands after which a chunk ends
CONTAINERS = frozenset((b'ACL', b'CLIENT', b'CLUSTER', b'COMMAND', b'CONFIG', b'FUNCTION', b'LATENCY', b'MEMORY', b'MODULE', b'OBJECT', b'PUBSUB',
                        b'SCRIPT', b'SLOWLOG', b'XGROUP', b'XINFO'))
SCRIPTS = frozenset((b'EVAL', b'EVALSHA', b'EVAL_RO', b'EVALSHA_RO', b'FCALL', b'FCALL_RO'))
# Commands that kinds of steps are made of
NEEDS = {'dump': (b'DUMP', b'RESTORE'), 'function_dump': (b'FUNCTION',)}
SCAN_ROUNDS = 100000


def full_name(arguments):
    """The command in lower case, with its subcommand when it has those; of a script, what it calls."""
    if not arguments:
        return ''
    name = arguments[0].upper()
    if name in CONTAINERS and len(arguments) > 1:
        name += b'|' + arguments[1].upper()
    text = name.lower().decode('latin-1')
    if name in SCRIPTS and len(arguments) > 3 and arguments[2] == b'0' and b'unpack(' in arguments[1]:
        text += ' of ' + full_name(arguments[3:])
    return text


def values(node):
    """The bytes in a reply, nested or not."""
    if node.is_aggregate():
        return [value for inner in node.value for value in values(inner)]
    return [] if node.value is None else [node.value]


def check_random(arguments, peer_reply, subject_reply, peer, subject):
    """Compares picks by chance with what the other server has; after a pop, gives the subject what the peer kept. Returns what
    is wrong, or None."""
    name = arguments[0].upper()
    ours, theirs = values(resp.parsed(peer_reply)), values(resp.parsed(subject_reply))
    if len(ours) != len(theirs):
        return 'the numbers of picks differ'
    if name == b'RANDOMKEY':
        return None if peer.ask([b'EXISTS', theirs[0]]) == b':1\r\n' else 'the picked key is unknown to the peer'
    key, options = arguments[1], [argument.upper() for argument in arguments[3:]]
    distinct = name == b'SPOP' or len(arguments) < 3 or not arguments[2].startswith(b'-')
    if name == b'SPOP':
        return check_pop(key, ours, theirs, peer, subject)
    if name == b'SRANDMEMBER':
        known = all_ones(peer.ask([b'SMISMEMBER', key] + theirs))
    elif options:
        picked, kept = theirs[::2], theirs[1::2]
        read = b'HMGET' if name == b'HRANDFIELD' else b'ZMSCORE'
        known = [node.value for node in resp.parsed(peer.ask([read, key] + picked)).value] == kept
        theirs = picked
    else:
        read = b'HMGET' if name == b'HRANDFIELD' else b'ZMSCORE'
        known = all(node.value is not None for node in resp.parsed(peer.ask([read, key] + theirs)).value)
    if not known:
        return 'a pick is unknown to the peer'
    if distinct and len(set(theirs)) != len(theirs):
        return 'a pick comes twice'
    return None


def all_ones(raw):
    return all(node.value == b'1' for node in resp.parsed(raw).value)


def check_pop(key, ours, theirs, peer, subject):
    if len(set(theirs)) != len(theirs):
        return 'a member was popped twice'
    lost = [member for member in theirs if member not in set(ours)]
    kept = [member for member in ours if member not in set(theirs)]
    if not lost:
        return None
    if not all_ones(peer.ask([b'SMISMEMBER', key] + lost)):
        return 'a popped member is unknown to the peer'
    if not all_ones(subject.ask([b'SMISMEMBER', key] + kept)):
        return 'a member that the peer popped is unknown'
    if b'1' in [node.value for node in resp.parsed(subject.ask([b'SMISMEMBER', key] + lost)).value]:
        return 'a popped member is still there'
    subject.ask([b'SADD', key] + lost)  # first, so that the set is never empty in between
    subject.ask([b'SREM', key] + kept)
    encoding = [b'OBJECT', b'ENCODING', key]
    if peer.ask(encoding) != subject.ask(encoding):
        # Popping most of a set makes a new one of what is left; only the value as a whole brings its encoding back.
        dumped, ttl = resp.parsed(peer.ask([b'DUMP', key])).value, resp.parsed(peer.ask([b'PTTL', key])).value
        if subject.ask([b'RESTORE', key, ttl if int(ttl) > 0 else b'0', dumped, b'REPLACE']) != b'+OK\r\n':
            return 'the subject does not restore what the peer has'
    return None


def whole_scan(connection, pattern):
    """(error or None, what it returned): a set, of pairs when the scan is of pairs."""
    cursor, found = b'0', set()
    for _ in range(SCAN_ROUNDS):
        raw = connection.ask([cursor if argument is None else argument for argument in pattern])
        if raw[:1] != b'*':
            return raw, found
        node = resp.parsed(raw)
        cursor, items = node.value[0].value, [inner.value for inner in node.value[1].value]
        if pattern[0] in (b'HSCAN', b'ZSCAN'):
            items = list(zip(items[::2], items[1::2]))
        found.update(items)
        if cursor == b'0':
            return None, found
    return b'(the scan does not end)', found
