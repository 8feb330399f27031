"""Raw bytes on fresh connections: inline commands, requests in pieces, what is no request at all."""
from . import pools

RAW = [
    b'PING\r\n', b'PING\n', b'  PING   hello  \r\n', b'\r\nPING\r\n', b'SET s0 "hello world"\r\nGET s0\r\n', b"SET s0 'it\\'s'\r\nGET s0\r\n",
    b'SET s0 "\\x41\\n\\t\\\\"\r\nGET s0\r\n', b'SET s0 "unbalanced\r\n', b"SET s0 'x'y\r\n", b'GET\r\n', b'nosuch\r\n', b'*0\r\nPING\r\n', b'*-1\r\nPING\r\n',
    b'*1\r\n$4\r\nPING\r\n', b'*1\r\n$-1\r\n', b'*x\r\n', b'*1\r\nPING\r\n', b'*1\r\n+PING\r\n', b'*1\r\n$x\r\n', b'*1\r\n$99999999999\r\n',
    b'*99999999999\r\n', b'*1048577\r\n', b'*2147483648\r\n', b'*1\r\n$4\nPING\r\n', b'*2\r\n$3\r\nGET\r\n$0\r\n\r\n', b'*1\r\n$0\r\n\r\n',
    b'*3\r\n$3\r\nSET\r\n$2\r\ns0\r\n$5\r\na\r\nb\x00\r\n*2\r\n$3\r\nGET\r\n$2\r\ns0\r\n', b'*1\r\n$4\r\nQUIT\r\n', b'QUIT\r\n', b'QUIT\r\nPING\r\n',
    b'*1\r\n$4\r\nQUIT\r\n*1\r\n$4\r\nPING\r\n', b'*1\r\n$5\r\nRESET\r\n',
    b'*1\r\n$4\r\nping\r\n*1\r\n$4\r\nPiNg\r\n', b'"PING"\r\n', b'\x00\r\n', b'PING\x00\r\n', b'*1\r\n$04\r\nPING\r\n', b'*01\r\n$4\r\nPING\r\n', b'*+1\r\n$4\r\nPING\r\n',
    b'* 1\r\n$4\r\nPING\r\n', b'*1\r\n$ 4\r\nPING\r\n', b'*1 \r\n$4\r\nPING\r\n', b'POST / HTTP/1.1\r\n', b'Host: example\r\n', b'x' * 70000,
    b'*1\r\n' + b'$' * 70000, b'*' + b'1' * 70000, b'MULTI\r\nSET s0 1\r\nEXEC\r\n', b'SET s0\r\n', b'*1\r\n$300\r\n' + b'c' * 300 + b'\r\n',
    b'*3\r\n$3\r\nfoo\r\n$200\r\n' + b'a' * 200 + b'\r\n$2\r\nbb\r\n', b'*2\r\n$3\r\na\r\nb\r\n$1\r\n\x00\r\n', b'CLIENT REPLY OFF\r\nPING\r\nCLIENT REPLY ON\r\n',
    b'CLIENT REPLY SKIP\r\nPING\r\nECHO x\r\n', b'CLIENT REPLY FOO\r\n', b'SELECT 1\r\nSET s0 x\r\nRESET\r\nGET s0\r\n', b'MULTI\r\nRESET\r\nEXEC\r\n',
    b'SUBSCRIBE ch1\r\nRESET\r\n', b'CLIENT SETNAME me\r\nRESET\r\nCLIENT GETNAME\r\n',
]

SESSIONS = [
    [[b'HELLO', b'3'], [b'HGETALL', b'nosuch'], [b'RESET'], [b'HGETALL', b'nosuch']], [[b'HELLO', b'3', b'SETNAME', b'me'], [b'CLIENT', b'GETNAME']],
    [[b'HELLO', b'2'], [b'HELLO', b'3'], [b'GET', b'nosuch'], [b'HELLO', b'2'], [b'GET', b'nosuch']], [[b'HELLO', b'3', b'SETNAME', b'a b']],
    [[b'HELLO', b'3', b'AUTH', b'default', b'any'], [b'PING']], [[b'HELLO', b'1'], [b'HELLO'], [b'HELLO', b'3', b'BAD']],
    [[b'SELECT', b'3'], [b'SET', b's0', b'x'], [b'RESET'], [b'GET', b's0']], [[b'CLIENT', b'NO-EVICT', b'ON'], [b'CLIENT', b'SETNAME', b'n'], [b'QUIT']],
    [[b'AUTH', b'default', b'any'], [b'AUTH', b'any'], [b'AUTH', b'a', b'b', b'c']],
    [[b'CLIENT', b'PAUSE', b'1', b'WRITE'], [b'SET', b's0', b'paused'], [b'CLIENT', b'UNPAUSE']], [[b'CLIENT', b'PAUSE', b'x'], [b'CLIENT', b'PAUSE', b'-1']],
]


class Protocol:
    name = 'protocol'

    def generate(self, g):
        if g.chance(0.2):
            g.step('session', 'fresh', g.pick(SESSIONS))
            return
        payload = g.pick(RAW)
        if g.chance(0.15):
            payload = bytes(g.pick([13, 10, 42, 36, 49, 32, 34, 39, 92, 80, 0, 255]) for _ in range(g.between(1, 20))) + b'\r\n'
        elif g.chance(0.1):
            payload = self.bent(g, payload[:500])
        pieces = [payload]
        if g.chance(0.2) and len(payload) < 200:
            cuts = sorted(g.below(len(payload) + 1) for _ in range(2))
            pieces = [payload[:cuts[0]], payload[cuts[0]:cuts[1]], payload[cuts[1]:]]
        g.step('raw', 'fresh', pieces)
        if g.chance(0.02):
            big = pools.key(g, 'string')
            g.command(b'SET', big, b'B' * g.pick([16384, 32768, 65536, 300000]))
            g.command(b'GET', big)
            g.command(b'DEL', big)

    def bent(self, g, payload):
        place = g.below(len(payload))
        return payload[:place] + bytes([g.below(256)]) + payload[place + 1:]


FAMILIES = [Protocol()]
