"""What the suites that ask for everything by every door share: rows, what each wants, and who asks: nobody, a user without a grant,
with every other one, with the grant on other things, denied by a grant or a role, with the grant, by a role, by a prefix."""
from harness import equal, unique, wait_for
from security_support import audited, grant, new_user

OPERATIONS = ('read', 'write', 'create', 'delete', 'alter', 'describe', 'cluster_action', 'describe_configs', 'alter_configs',
              'idempotent_write')
KINDS = ('topic:*', 'group:*', 'transactional_id:*', 'cluster', 'queue:*', 'key:*', 'lock:*', 'channel:*')
# What each of these includes.
INCLUDES = {'read': ('describe',), 'write': ('describe',), 'delete': ('describe',), 'alter': ('describe',),
            'alter_configs': ('describe_configs',)}
LEFT_OUT = 'left out'  # no refusal, but the answer does not have it


class Row:
    """Something that is asked for. `needs`: all that it wants, each a list of grants, (operation, resource), one of which is
    enough; the last one is what a refusal names in the audit log. `fits`: the outcome for who may, or a set of them.
    `shown`: a list, which leaves out what may not be seen."""

    is_for_any = False  # a grant for whatever name is enough

    def __init__(self, what, *needs, fits, shown=False):
        self.what, self.fits, self.shown = what, fits, shown
        self.needs = [need if isinstance(need, list) else [need] for need in needs]

    def __str__(self):
        return '%s %s' % (self.what, self.needs)

    def trace(self, need):
        """What a refusal leaves in the audit log: operation, type, name."""
        operation, resource = need[-1]
        kind, _, name = resource.partition(':')
        return operation.replace('_', ' '), kind, name or 'kafka-cluster'


def everything_but(need):
    """Grants of all operations on everything, but for those that are enough for this one."""
    made = []
    for kind in KINDS:
        enough = {operation for operation, resource in need if resource.partition(':')[0] == kind.partition(':')[0]}
        made.append((','.join(o for o in OPERATIONS if o not in enough and not enough & set(INCLUDES.get(o, ()))), kind))
    return made


def elsewhere(resource):
    """Other things whose names look like this one's; a part, of all that begin so."""
    if resource.endswith('*'):
        return [resource[:-1] + 'x', resource[:-1] + 'x*']
    return [resource + 'x', resource[:-1], resource + '-*']


def prefix_of(resource):
    return resource if resource == 'cluster' or resource.endswith('*') else resource[:-3] + '*'


class Matrix:
    """`ask(row, user)`: the outcome of a row for a user, or for nobody. `refusal(need, user)`: the outcome for who may not."""

    def __init__(self, server, protocol, ask, refusal):
        self.server, self.protocol, self.ask, self.refusal = server, protocol, ask, refusal
        self.wrong, self.refusals = [], set()

    def user(self, grants, by_role=False, denials=(), denied_role=False):
        """A user to whom all this is granted."""
        role = unique('role')
        name = new_user(self.server, *(() if by_role else grants), **({'roles': [role]} if by_role or denied_role else {}))
        for operations, resource in grants if by_role else ():
            grant(self.server, 'role:' + role, operations, resource)
        for operation, resource in denials:
            grant(self.server, 'role:' + role if denied_role else name, operation, resource, deny=True)
        return name

    def expect(self, row, who, user, need=None):
        """`need`: what is refused."""
        wanted = row.fits if need is None else LEFT_OUT if row.shown else self.refusal(need, user)
        got = self.ask(row, user)
        if got not in wanted if isinstance(wanted, set) else got != wanted:
            self.wrong.append('%s by %s: %s instead of %s' % (row, who, got, wanted))
        if need is not None and not row.shown:
            self.refusals.add(('User:' + (user or 'ANONYMOUS'), *row.trace(need)))

    def refused(self, row):
        first = row.needs[0]
        self.expect(row, 'nobody', None, first)
        self.expect(row, 'a user without grants', self.user(()), first)
        all_ = [alternative for need in row.needs for alternative in need]
        for need in row.needs:
            self.expect(row, 'who may all but %s' % need, self.user(everything_but(need)), need)
            for by_role in (False, True):
                user = self.user(all_, denials=need, denied_role=by_role)
                self.expect(row, 'whom %s denies %s' % ('a role' if by_role else 'a grant', need), user, need)
        if all(resource != 'cluster' for _, resource in all_) and not row.is_for_any:
            others = [(operation, *elsewhere(resource)) for operation, resource in all_]
            self.expect(row, 'who may elsewhere', self.user(others), first)

    def allowed(self, row, restore=lambda: None):
        """`restore()` makes good what was changed, after each time."""
        for number in range(max(map(len, row.needs))):
            grants = [need[min(number, len(need) - 1)] for need in row.needs]
            near = [(operation, prefix_of(resource)) for operation, resource in grants]
            for who, user in (('whom it is granted', self.user(grants)), ('whose role may', self.user(grants, by_role=True)),
                              ('who may by a prefix', self.user(near))):
                self.expect(row, '%s: %s' % (who, grants), user)
                restore()

    def check(self):
        """Everything was as it has to be, and each refusal is in the audit log."""
        equal(self.wrong, [], '%d wrong outcomes' % len(self.wrong))
        equal(len(self.refusals) > 50, True, 'there were refusals')

        def missing():
            return self.refusals - {tuple(e.get(part) for part in ('principal', 'operation', 'type', 'name'))
                                    for e in audited(self.server, event='refused', protocol=self.protocol)}
        try:
            wait_for('the audit log', lambda: not missing(), seconds=20, pause=0.5)
        except AssertionError:
            equal(sorted(missing()), [], 'refusals that are not in the audit log')
