"""Whether two raw replies to a command are the same, by the rules of differences.toml."""
import collections
import pathlib
import re
import tomllib

import resp

KINDS = ('ignore', 'shape', 'unordered', 'approximate', 'random', 'names', 'permissions', 'superset', 'rewrite', 'merged', 'commands')
MESSAGE_KINDS = ('rewrite', 'merged', 'unordered')  # in this order
INVALIDATE = b'>2\r\n$10\r\ninvalidate\r\n'
OF_ONE_KEY = (b'HGETALL', b'HKEYS', b'HVALS', b'SMEMBERS')  # their order is the key's own, not that of several
SMALL_ENCODINGS = (b'listpack', b'intset')


class Rule:
    def __init__(self, entry):
        self.commands = [name.upper() for name in ([entry['command']] if isinstance(entry['command'], str) else entry['command'])]
        self.kind, self.reason = entry['rule'], entry['reason']
        self.when = re.compile(entry.get('when', ''), re.I)
        self.always = entry.get('always', False)
        self.pairs = entry.get('pairs', False)
        self.places = [place.split('.') if place else [] for place in entry.get('places', [''])]
        self.tolerance = entry.get('tolerance', 0)
        self.after = [name.encode() for name in entry.get('after', [])]
        self.over = entry.get('over')
        self.pattern = re.compile(entry.get('pattern', '').encode('latin-1'), re.S)
        self.by = entry.get('by', '').encode('latin-1')
        self.used = 0
        self.categories = ()  # the peer's and the subject's, of `permissions`
        if self.kind not in KINDS or not self.reason.strip():
            raise ValueError('differences.toml: an entry of %s is not complete' % ', '.join(self.commands))

    def rewritten(self, raw):
        return self.pattern.sub(self.by, raw)


class Rules:
    def __init__(self, path=None):
        path = path or pathlib.Path(__file__).with_name('differences.toml')
        table = tomllib.loads(path.read_text())
        self.by_command = collections.defaultdict(list)
        self.unexercised = {}  # command -> reason
        for entry in table['difference']:
            rule = Rule(entry)
            for name in rule.commands:
                self.by_command[name].append(rule)
        for entry in table['unexercised']:
            for name in entry['commands']:
                self.unexercised[name.lower()] = entry['reason']

    def learn_categories(self, peer, subject):
        """Given how both servers are asked, for the rules of `permissions`."""
        both = Categories(peer), Categories(subject)
        for rules in self.by_command.values():
            for rule in rules:
                rule.categories = both

    def names(self):
        return frozenset(name.split(' ')[0].encode() for name in self.by_command)

    def find(self, arguments):
        if not arguments:
            return None
        words = [argument.decode('latin-1') for argument in arguments]
        line = ' '.join(words)
        for name in (' '.join(words[:2]).upper(), words[0].upper()):
            for rule in self.by_command.get(name, ()):
                if rule.when.search(line):
                    return rule
        return None

    def same(self, arguments, peer, subject, following=None, queued=()):
        """Whether the replies are the same. `following`: (arguments, reply) of the command after it, if known; `queued`: the
        commands of the transaction that EXEC ended. 'random' when the caller has to look at the servers."""
        if peer == subject:
            return True
        name = arguments[0].upper() if arguments else b''
        if name == b'EXEC' and queued:
            return self.same_results(queued, peer, subject)
        rule = self.find(arguments)
        if rule is None:
            return False
        rule.used += 1
        if rule.kind == 'random':
            return 'random' if peer[:1] == subject[:1] and peer[:1] != b'-' else False
        if rule.kind == 'ignore':
            return True
        if rule.kind == 'rewrite':
            return rule.rewritten(peer) == rule.rewritten(subject)
        if rule.kind == 'unordered' and not rule.always and encoding_is_small(arguments, following):
            return False
        return COMPARISONS[rule.kind](rule, resp.parsed(peer), resp.parsed(subject))

    def same_messages(self, peer, subject):
        """Of what came on connections that listen: the rules of `(messages)`, all of them."""
        if peer == subject:
            return True
        for rule in sorted(self.by_command['(MESSAGES)'], key=lambda rule: MESSAGE_KINDS.index(rule.kind)):
            rule.used += 1
            if rule.kind == 'rewrite':
                peer, subject = [rule.rewritten(raw) for raw in peer], [rule.rewritten(raw) for raw in subject]
            elif rule.kind == 'merged':
                peer, subject = merged(peer), merged(subject)
            elif rule.kind == 'unordered':
                peer, subject = sorted(peer), sorted(subject)
        return peer == subject

    def same_results(self, queued, peer, subject):
        """EXEC: each result as its command's reply would be compared."""
        ours, theirs = elements(peer), elements(subject)
        if ours is None or theirs is None or len(ours) != len(theirs) or len(ours) != len(queued):
            return False
        return all(self.same(arguments, a, b) is True for arguments, a, b in zip(queued, ours, theirs))


def merged(messages):
    """All keys that were invalidated in one set, beside the other messages."""
    keys, others = set(), []
    for raw in messages:
        if raw.startswith(INVALIDATE) and not raw.endswith(b'_\r\n'):
            keys.update(node.value for node in resp.parsed(raw).value[1].value)
        else:
            others.append(raw)
    return others + [resp.encode(sorted(keys))]


def elements(raw):
    """The raw elements of an array, or None."""
    if raw[:1] != b'*' or raw[:3] == b'*-1':
        return None
    position, found = raw.index(b'\r\n') + 2, []
    while position < len(raw):
        end = resp.end_of_reply(raw, position)
        found.append(raw[position:end])
        position = end
    return found


def encoding_is_small(arguments, following):
    """Whether the next command asked for the key's encoding, and small values have an order."""
    if not following or arguments[0].upper() not in OF_ONE_KEY or following[0] != [b'OBJECT', b'ENCODING', arguments[1]]:
        return False
    return any(name in following[1] for name in SMALL_ENCODINGS)


def same_shape(rule, peer, subject):
    return peer.kind == subject.kind and (peer.value is None) == (subject.value is None)


def same_unordered(rule, peer, subject):
    if peer.kind != subject.kind or not peer.is_aggregate() or not subject.is_aggregate():
        return False
    return ordered_key(rule, peer, []) == ordered_key(rule, subject, [])


def ordered_key(rule, node, path):
    """What is equal of two replies whose elements have another order at the rule's places, and in maps."""
    if not node.is_aggregate():
        return node.key()
    keys, name = [], None
    for place, inner in enumerate(node.value):
        keys.append(ordered_key(rule, inner, path + [(str(place), name)]))
        name = inner.value.decode('latin-1') if isinstance(inner.value, bytes) else None
    at_place = any(matches(place, path) for place in rule.places)
    if node.kind == '%' or (at_place and rule.pairs):
        return node.kind, frozenset(collections.Counter(zip(keys[::2], keys[1::2])).items())
    return node.kind, frozenset(collections.Counter(keys).items()) if at_place else tuple(keys)


def matches(place, path):
    return len(place) == len(path) and all(want in ('*', *have) for want, have in zip(place, path))


def items(rule, node):
    return collections.Counter(ordered_key(rule, inner, [(str(place), None)]) for place, inner in enumerate(node.value))


def integer_of(node):
    try:
        return int(node.value) if node.kind in ':$' and node.value is not None else None
    except ValueError:
        return None


def same_approximately(rule, peer, subject, name=None):
    """Equal but for integers: all of them, those after a name of `after`, or those over `over`."""
    if peer.kind != subject.kind:
        return False
    if not peer.is_aggregate() or not subject.is_aggregate():
        if peer.value == subject.value:
            return True
        one, other = integer_of(peer), integer_of(subject)
        if one is None or other is None:
            return False
        allowed = (not rule.after and rule.over is None) or name in rule.after or (rule.over is not None and min(one, other) > rule.over)
        return allowed and (one < 0) == (other < 0) and abs(one - other) <= rule.tolerance
    if len(peer.value) != len(subject.value):
        return False
    name = None
    for one, other in zip(peer.value, subject.value):
        if not same_approximately(rule, one, other, name):
            return False
        name = one.value if isinstance(one.value, bytes) else None
    return True


def same_names(rule, peer, subject):
    """Texts of name=value or name:value: the same names."""
    if peer.kind != subject.kind or not isinstance(peer.value, bytes) or not isinstance(subject.value, bytes):
        return False
    names = [[re.findall(rb'(?:^|\s)([\w-]+)[=:]', line) for line in node.value.splitlines()] for node in (peer, subject)]
    return names[0] == names[1]


def same_permissions(rule, peer, subject):
    """Replies whose texts have the same words, in any order, and allow the same of the peer's commands."""
    if peer.kind != subject.kind or peer.is_aggregate() != subject.is_aggregate():
        return False
    if peer.is_aggregate():
        return len(peer.value) == len(subject.value) and all(same_permissions(rule, *pair) for pair in zip(peer.value, subject.value))
    if None in (peer.value, subject.value):
        return peer.value == subject.value
    own = rule.categories[1].commands - rule.categories[0].commands
    one, other = ([allowed(part, categories, own) for part in node.value.split(b'(')]
                  for node, categories in zip((peer, subject), rule.categories))
    return one == other


class Categories:
    """What a server's categories of commands hold."""

    def __init__(self, ask):
        def names(*command):
            return frozenset(node.value for node in resp.parsed(ask([word if isinstance(word, bytes) else word.encode() for word in command])).value)

        self.of = {category: names('ACL', 'CAT', category) for category in names('ACL', 'CAT')}
        self.commands = names('COMMAND', 'LIST')

    def named(self, text):
        """The commands that a rule means, without its sign; what follows a command is the only argument that is allowed."""
        if text == b'@all':
            return self.commands
        if text.startswith(b'@'):
            return self.of[text[1:]]
        return frozenset(name for name in self.commands if name == text or name.startswith(text + b'|')) or frozenset([text])


def allowed(text, categories, ignored):
    """(words but for rules on commands, sorted; the commands that the rules allow, without those to be ignored)."""
    others, commands = [], set()
    for word in text.split():
        sign, name = word[:1], word[1:].rstrip(b')')
        if sign == b'+':
            commands |= categories.named(name)
        elif sign == b'-':
            commands -= categories.named(name)
        else:
            others.append(word)
    return sorted(others), commands - ignored


def same_superset(rule, peer, subject):
    if peer.kind != subject.kind or not peer.is_aggregate() or not subject.is_aggregate():
        return False
    return not items(rule, peer) - items(rule, subject)


def same_commands(rule, peer, subject):
    """Descriptions as of COMMAND INFO: those of the peer are among the subject's."""
    if peer.kind != subject.kind or not peer.is_aggregate() or not subject.is_aggregate():
        return False
    theirs = {name_of(node): node for node in subject.value}
    return all(name_of(node) in theirs and same_description(rule, node, theirs[name_of(node)]) for node in peer.value)


def name_of(node):
    return node.value[0].value if node.is_aggregate() else None


def same_description(rule, peer, subject):
    if not peer.is_aggregate() or not subject.is_aggregate():
        return peer.key() == subject.key()
    (*ours, specs, subcommands), (*theirs, other_specs, other_subcommands) = peer.value, subject.value
    return [node.key() for node in ours] == [node.key() for node in theirs] and specs.kind == other_specs.kind and \
        list(map(spec_key, specs.value)) == list(map(spec_key, other_specs.value)) and same_commands(rule, subcommands, other_subcommands)


def spec_key(node):
    pairs = zip(node.value[::2], node.value[1::2])
    return node.kind, tuple((name.key(), value.key()) for name, value in pairs if name.value != b'notes')


COMPARISONS = {'shape': same_shape, 'unordered': same_unordered, 'approximate': same_approximately, 'names': same_names, 'permissions': same_permissions,
               'superset': same_superset, 'commands': same_commands}
