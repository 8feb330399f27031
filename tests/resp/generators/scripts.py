"""Lua: EVAL, EVALSHA, functions; with commands of the other families, and the libraries that scripts have."""
import hashlib

from . import pools
from .family import any_command

CALL = b'return redis.call(unpack(ARGV))'
PCALL = b'return redis.pcall(unpack(ARGV))'
CAUGHT = b'local r = redis.pcall(unpack(ARGV)) if type(r) == "table" and r.err then return {"caught", r.err} end return r'
TYPED = b'local r = redis.call(unpack(ARGV)) return type(r)'
RESP3 = b'redis.setresp(3) local r = redis.call(unpack(ARGV)) return type(r)'
TWICE = b'redis.call(unpack(ARGV)) return redis.call(unpack(ARGV))'
ON_COMMANDS = [CALL, CALL, PCALL, CAUGHT, TYPED, RESP3, TWICE]

# Scripts with two arguments and one key.
LIBRARIES = [
    b'return {1, 2, {3, "four", {5}}, true, false, 3.99, -3.99}', b'return {1, nil, 3}', b'return {ok="FINE"}', b'return {err="MY error"}',
    b'return {err="no code"}', b'return nil', b'return 9007199254740993', b'return -1.5', b'return tostring(0.1)', b'return 1e100',
    b'return redis.status_reply("YES")', b'return redis.error_reply("ERR no")', b'return redis.error_reply("no code")',
    b'return redis.sha1hex(ARGV[1])', b'return redis.log(redis.LOG_DEBUG, "x")', b'return {KEYS[1], ARGV[1], ARGV[2], #KEYS, #ARGV}',
    b'return {math.random(1000), math.random(1000)}', b'math.randomseed(7) return math.random(1000000)',
    b'return {math.floor(3.7), math.max(1, 5), math.pi}', b'return string.format("%s %d %5.2f %q", ARGV[1], 42, 3.14159, ARGV[2])',
    b'return string.rep(ARGV[1], 3)', b'return {string.byte(ARGV[1], 1, -1)}', b'return ARGV[1]:upper() .. ARGV[2]:reverse()',
    b'local t = {} for w in string.gmatch(ARGV[1] .. " a b", "%a+") do t[#t+1] = w end return t',
    b'local t = {5, 2, 8, 1} table.sort(t) return t', b'return table.concat({1, 2, 3}, ARGV[1])', b'return #ARGV[1]',
    b'return cjson.encode({1, 2, "x", true, 1.5, {a=ARGV[1]}})', b'return cjson.encode(ARGV[1])', b'return cjson.encode({})',
    b'return cjson.decode("[1,2.5,\\"x\\",null,true,{\\"k\\":[]}]")[3]', b'return cjson.decode(ARGV[1])',
    b'return cjson.encode(cjson.decode("{\\"a\\":[1,{\\"b\\":null}],\\"n\\":12345678901234567890}").a)',
    b'return cjson.encode({[1]=1, [2]=2, [4]=4})', b'return cjson.encode(1/0)', b'return cjson.encode({0.1, 1e20, -7, 1/3})',
    b'return type(cjson.null) .. tostring(cjson.decode("[null]")[1] == cjson.null)',
    b'return cmsgpack.pack(ARGV[1], 1, -1, 300, 70000, 1.5, true, nil, {1, 2}, {a=1})', b'return cmsgpack.pack({})',
    b'return {cmsgpack.unpack(cmsgpack.pack(1, ARGV[1], {1, 2, {3}}))}', b'return cmsgpack.unpack(ARGV[1])',
    b'return cmsgpack.unpack(cmsgpack.pack(2^40)) .. ""', b'return {cmsgpack.unpack_one(cmsgpack.pack(1, 2, 3))}',
    b'return {cmsgpack.unpack_limit(cmsgpack.pack(1, 2, 3), 2)}',
    b'return {bit.band(0xff, 0x0f), bit.bor(1, 6), bit.bxor(5, 3), bit.bnot(0), bit.lshift(1, 31), bit.rshift(-1, 28)}',
    b'return {bit.tobit(0xffffffff), bit.arshift(-256, 4), bit.rol(0x12345678, 12), bit.ror(0x12345678, 12), bit.bswap(0x12345678)}',
    b'return {bit.tohex(255), bit.tohex(-1, 4), bit.tohex(255, -8)}', b'return bit.band("x", 1)',
    b'return struct.pack(">I4<h!4bz", 1, -2, 3, ARGV[1])', b'return {struct.unpack(">I2s", struct.pack(">I2s", 513, ARGV[1]))}',
    b'return {struct.size(">I4hb"), struct.size("!8di")}', b'return {struct.unpack("<d", struct.pack("<d", 1.5))}',
    b'return struct.unpack(">I4", ARGV[1])', b'return struct.pack("Bc0", 3, "abc")', b'error("my error")', b'error({err="table error"})',
    b'return undefined_variable', b'global = 1', b'return redis.call()', b'return redis.call("NOSUCH")', b'return redis.call("GET")',
    b'return redis.call("SET", KEYS[1], ARGV[1])', b'return redis.call("SET", KEYS[1], 3.5) and redis.call("GET", KEYS[1])',
    b'return redis.pcall("INCR", KEYS[1])', b'return {redis.call("GET", KEYS[1])}', b'return redis.call("SELECT", 1)',
    b'redis.call("SELECT", 1) return redis.call("DBSIZE")', b'return syntax error here', b'', b'return', b'return redis.call({})',
    b'local function f(n) if n < 2 then return n end return f(n-1) + f(n-2) end return f(15)', b'return tostring(nil) .. tostring(true)',
    b'return tonumber(ARGV[1])', b'return tonumber("0x10")', b'return select("#", unpack(ARGV))', b'return loadstring("return 1+1")()',
    b'return {pcall(error, "x")}', b'return pcall(function() return redis.call("GET") end)', b'return type(os.clock())', b'return os.time()',
    b'return type(io)', b'return type(require)', b'return _VERSION', b'return redis.REDIS_VERSION and 1', b'return print',
    b'return redis.breakpoint()', b'redis.replicate_commands() return 1', b'redis.set_repl(redis.REPL_ALL) return redis.REPL_NONE',
    b'return redis.acl_check_cmd("GET", KEYS[1])', b'return {redis.setresp(3), 1}', b'redis.setresp(3) return {double=3.5}',
    b'redis.setresp(3) return {map={a=1}}', b'redis.setresp(3) return {set={a=true}}', b'return {big_number="123456789012345678901"}',
    b'return {verbatim_string={format="txt", string="hello"}}', b'redis.setresp(4)', b'return true', b'redis.setresp(3) return true',
    b'redis.setresp(3) return type(redis.call("HGETALL", KEYS[1]).map)', b'redis.setresp(3) local r = redis.call("ZSCORE", KEYS[1], "a") return type(r)',
    b'#!lua\nreturn 1', b'#!lua flags=no-writes\nreturn redis.call("SET", KEYS[1], 1)', b'#!lua flags=no-writes\nreturn redis.call("EXISTS", KEYS[1])',
    b'#!lua flags=bogus\nreturn 1', b'#!python\nreturn 1', b'#!lua flags=allow-cross-slot-keys,no-cluster\nreturn 2',
    b'setmetatable(_G, {})', b'redis.call = nil', b'string.x = 1', b'return getmetatable("").__index == string', b'return KEYS[2]',
    b'local t = {} t[1] = t return cjson.encode(t)', b'return {1, {2, {3, {4}}}}', b'return redis.call("EVAL", "return 1", 0)',
    b'return redis.call("MULTI")', b'return redis.call("SUBSCRIBE", "x")', b'return redis.call("BLPOP", "empty", 0)',
    b'return {redis.call("TYPE", KEYS[1]), redis.call("EXISTS", KEYS[1])}', b'return redis.call("TYPE", KEYS[1]).ok',
]
ARGUMENTS = [b'', b'x', b'hello', b'[1,2,3]', b'{"a":1}', b'\x93\x01\x02\x03', b'\x00\xff', b'12', b'3.5', b'"q"', b'a b c', b'\x81\xa1a\x01',
             b'[', b'1e5', b'nan', b'\xc3\xa9']
LIBRARY = (b'#!lua name=%s\n'
           b'redis.register_function("%s_call", function(keys, args) return redis.call(unpack(args)) end)\n'
           b'redis.register_function{function_name="%s_read", callback=function(keys, args) return {keys, args} end, flags={"no-writes"}}\n'
           b'redis.register_function{function_name="%s_bad", callback=function(keys, args) return redis.call("SET", keys[1], 1) end, '
           b'flags={"no-writes"}, description="writes nothing"}\n')
BAD_LIBRARIES = [b'return 1', b'#!lua\nreturn 1', b'#!lua name=bad-name\nreturn 1', b'#!lua name=l9\nsyntax error',
                 b'#!lua name=l9\nredis.call("SET", "a", 1)', b'#!lua name=l9\nredis.register_function("f", 5)', b'#!js name=l9\n',
                 b'#!lua name=l9\nlocal x = 1', b'#!lua name=l9\nredis.register_function("bad name", function() end)',
                 b'#!lua name=l9\nredis.register_function{function_name="f", callback=function() end, flags={"nope"}}',
                 b'#!lua name=l9 foo=bar\nredis.register_function("f", function() end)', b'']


def library(g):
    name = g.pick([b'lib1', b'lib2', b'lib3'])
    return LIBRARY % (name, name, name, name)


class Scripts:
    name = 'scripts'

    def __init__(self):
        self.not_in_scripts = frozenset()  # commands whose replies are not equal byte for byte

    def deterministic(self, g):
        while True:
            arguments = any_command(g)
            if arguments[0].upper() not in self.not_in_scripts:
                return arguments

    def generate(self, g):
        roll = g.rand()
        if roll < 0.45:
            script = g.pick(ON_COMMANDS)
            self.run(g, script, [b'0'] + self.deterministic(g), read_only=g.chance(0.1))
        elif roll < 0.9:
            script = g.pick(LIBRARIES)
            keys = [pools.key(g)] if g.chance(0.95) else []
            count = b'%d' % len(keys) if g.chance(0.97) else g.pick([b'-1', b'9', b'x', b''])
            self.run(g, script, [count] + keys + [g.pick(ARGUMENTS), g.pick(ARGUMENTS)], read_only=g.chance(0.1))
        else:
            self.manage(g)

    def run(self, g, script, arguments, read_only):
        suffix = b'_RO' if read_only else b''
        if g.chance(0.3):
            sha = hashlib.sha1(script).hexdigest().encode()
            g.command(b'EVALSHA' + suffix, sha if g.chance(0.9) else sha.upper(), *arguments)
        else:
            g.command(b'EVAL' + suffix, script, *arguments)

    def manage(self, g):
        shas = [hashlib.sha1(g.pick(LIBRARIES)).hexdigest().encode() for _ in range(g.between(1, 3))]
        g.command(*g.pick([
            [b'SCRIPT', b'EXISTS', *shas], [b'SCRIPT', b'LOAD', g.pick(LIBRARIES)], [b'SCRIPT', b'FLUSH', *g.pick([[], [b'SYNC'], [b'FOO']])],
            [b'SCRIPT', b'KILL'], [b'SCRIPT', b'EXISTS'], [b'SCRIPT', b'DEBUG', b'NO'], [b'SCRIPT', b'FOO']]))


class Functions(Scripts):
    name = 'functions'

    def generate(self, g):
        roll = g.rand()
        name = g.pick([b'lib1', b'lib2', b'lib3'])
        suffix = g.pick([b'', b'', b'_RO'])
        if roll < 0.25:
            g.command(b'FUNCTION', b'LOAD', *g.pick([[b'REPLACE'], []]), library(g))
        elif roll < 0.3:
            g.command(b'FUNCTION', b'LOAD', g.pick(BAD_LIBRARIES))
        elif roll < 0.55:
            g.command(b'FCALL' + suffix, name + b'_call', b'0', *self.deterministic(g))
        elif roll < 0.75:
            function = g.pick([name + b'_read', name + b'_read', name + b'_bad', b'missing', name + b'_READ'])
            g.command(b'FCALL' + suffix, function, b'1', pools.key(g), g.pick(ARGUMENTS))
        elif roll < 0.85:
            g.command(b'FUNCTION', b'LIST', *g.pick([[], [b'LIBRARYNAME', b'lib*'], [b'WITHCODE'], [b'LIBRARYNAME', name, b'WITHCODE'], [b'FOO']]))
        elif roll < 0.93:
            g.command(b'FUNCTION', *g.pick([[b'DELETE', name], [b'DELETE', b'missing'], [b'STATS'], [b'KILL'], [b'FLUSH'], [b'FLUSH', b'ASYNC'],
                                            [b'DUMP'], [b'RESTORE', b'junk'], [b'FOO']]))
        else:
            g.step('function_dump', 0, g.pick([[b'REPLACE'], [b'FLUSH'], [b'APPEND']]))


FAMILIES = [Scripts(), Functions()]
