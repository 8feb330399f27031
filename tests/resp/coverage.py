"""Which of the peer's commands were answered without an error."""
import follow
import resp


class Coverage:
    def __init__(self):
        self.exercised = set()
        self.known = set()  # first words, and pairs of containers, that need no second look

    def saw(self, commands, replies):
        known = self.known
        for arguments, reply in zip(commands, replies):
            name = arguments[0] if arguments else b''
            if name in known:
                continue
            if reply[:1] == b'-' or reply == b'+QUEUED\r\n':
                continue
            full = follow.full_name(arguments).split(' of ')[0]
            self.exercised.add(full)
            if '|' not in full and name.upper() not in follow.CONTAINERS:
                known.add(name)

    def missing(self, peer_names, rules):
        """(commands neither exercised nor listed, listed ones that the peer has not)."""
        prefixes = tuple(name for name in rules.unexercised if name.endswith('|'))
        parents = {name.split('|')[0] for name in peer_names if '|' in name}
        wanted = [name for name in peer_names if name not in parents and name not in rules.unexercised and not name.startswith(prefixes)]
        unknown = [name for name in rules.unexercised if not name.endswith('|') and name not in peer_names]
        return sorted(set(wanted) - self.exercised), unknown


def peer_names(connection):
    """All commands and subcommands of a server, in lower case."""
    names = []
    for command in resp.parsed(connection.ask([b'COMMAND'])).value:
        names.append(command.value[0].value.decode())
        names += [sub.value[0].value.decode() for sub in command.value[9].value]
    return sorted(names)
