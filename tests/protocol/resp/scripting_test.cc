#include "protocol/resp/scripting/scripting.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/protocol/resp/home.h"

namespace leat::resp {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Settings without_durability() {
  Settings settings;
  settings.durability.assign(settings.databases, Durability::none);
  return settings;
}

class ScriptingTest : public ::testing::Test {
 protected:
  // What a script returns, as bytes of a reply.
  std::string eval(std::string_view script) { return client_({"EVAL", script, "0"}); }
  // What it returns as a string of hexadecimal digits.
  std::string hex(std::string_view expression) {
    const std::string reply = eval("return (string.gsub(" + std::string(expression) +
                                   ", '.', function(c) return string.format('%02x', string.byte(c)) end))");
    const std::size_t line = reply.find("\r\n");
    return reply.starts_with('$') ? reply.substr(line + 2, reply.size() - line - 4) : reply;
  }

  Home home_{without_durability()};
  TestClient& client_ = home_.client();
};

// The bytes below are those that redis-server 7.0.15 replies.

TEST_F(ScriptingTest, MessagePackIsThatOfRedis) {
  EXPECT_EQ(hex("cmsgpack.pack(nil, true, false, function() end)"), "c0c3c2c0");
  EXPECT_EQ(hex("cmsgpack.pack(1,127,128,255,256,65535,65536,4294967295,4294967296,1e15,1e18)"),
            "017fcc80ccffcd0100cdffffce00010000ceffffffffcf0000000100000000cf00038d7ea4c68000cf0de0b6b3a7640000");
  EXPECT_EQ(hex("cmsgpack.pack(-1,-32,-33,-127,-128,-129,-32768,-32769,-2147483648,-2147483649,-1e18)"),
            "ffe0d0dfd081d080d1ff7fd18000d2ffff7fffd280000000d3ffffffff7fffffffd3f21f494c589c0000");
  EXPECT_EQ(hex("cmsgpack.pack(1.5,1.1,1e300,1/0,-1/0,1e19,-1e19,9223372036854775807)"),
            "ca3fc00000cb3ff199999999999acb7e37e43c8800759cca7f800000caff800000cb43e158e460913d00cbc3e158e460913d00"
            "ca5f000000");
  EXPECT_EQ(hex("cmsgpack.pack({},{1,2,3},{a=1},{1,2,nil,4},{[1.5]=1})"),
            "9093010203"
            "81a16101"
            "83010102020404"
            "81ca3fc0000001");
  EXPECT_EQ(hex("cmsgpack.pack('', 'abc', ('x'):rep(32)):sub(1,8)"), "a0a3616263d92078");
  EXPECT_EQ(hex("cmsgpack.pack(('x'):rep(256)):sub(1,4)"), "da010078");
  EXPECT_EQ(hex("cmsgpack.pack({{{{{{{{{{{{{{{{{1}}}}}}}}}}}}}}}}})"), "91919191919191919191919191919191c0");
}

TEST_F(ScriptingTest, WhatWasPackedIsUnpacked) {
  EXPECT_EQ(eval("return {cmsgpack.unpack(cmsgpack.pack(1,-5,'x',true,{1,{2}},1e18,{a='b'}))}"),
            "*7\r\n:1\r\n:-5\r\n$1\r\nx\r\n:1\r\n*2\r\n:1\r\n*1\r\n:2\r\n:1000000000000000000\r\n*0\r\n");
  EXPECT_EQ(eval("return cmsgpack.unpack(cmsgpack.pack({a={b='c'}})).a.b"), "$1\r\nc\r\n");
  EXPECT_EQ(eval("return {cmsgpack.unpack_one(cmsgpack.pack(1,2,3),1)}"), "*2\r\n:2\r\n:2\r\n");
  EXPECT_EQ(eval("return {cmsgpack.unpack_limit(cmsgpack.pack(1,2,3),5)}"), "*4\r\n:-1\r\n:1\r\n:2\r\n:3\r\n");
  EXPECT_THAT(eval("return cmsgpack.unpack('\\193')"), HasSubstr("Bad data format in input."));
  EXPECT_THAT(eval("return cmsgpack.unpack('\\221\\255\\255\\255\\255')"), HasSubstr("Missing bytes in input."));
  EXPECT_THAT(eval("return cmsgpack.unpack(string.rep('\\145', 100000))"), StartsWith("-ERR"));
}

TEST_F(ScriptingTest, StructsAreThoseOfRedis) {
  EXPECT_EQ(hex("struct.pack('<I4bBhHlLTdxsc3c0',5,-1,255,-2,65535,-3,1e18,7,2.25,'abc','defg','hij')"),
            "05000000fffffeffffff"
            "fdffffffffffffff"
            "000064a7b3b6e00d"
            "0700000000000000"
            "0000000000000240"
            "00"
            "61626300"
            "646566"
            "68696a");
  EXPECT_EQ(hex("struct.pack('!4bi4b!8d',1,2,3,4)"), "010000000200000003000000000000000000000000001040");
  EXPECT_EQ(hex("struct.pack('>i3I2f',-2,258,1.5)"), "fffffe01023fc00000");
  EXPECT_EQ(eval("return {struct.unpack('>i3 I3 bc0 s', struct.pack('>i3 I3 b s s',-2,-2,1,'z','end'))}"),
            "*5\r\n:-2\r\n:16777214\r\n$1\r\nz\r\n$0\r\n\r\n:10\r\n");
  EXPECT_EQ(eval("return struct.size('c7xT')"), ":16\r\n");
  EXPECT_THAT(eval("return struct.unpack('i','abc')"), HasSubstr("data string too short"));
  EXPECT_THAT(eval("return struct.pack('i33',1)"), HasSubstr("integral size 33 is larger than limit of 32"));
  EXPECT_THAT(eval("return struct.size('s')"), HasSubstr("option 's' has no fixed size"));
}

TEST_F(ScriptingTest, ErrorsTellWhereTheyCameFrom) {
  EXPECT_EQ(eval("return redis.call('nope')"),
            "-ERR Unknown Redis command called from script script: f01f0776df71cc5b400c2268135aa7f30dce2e53, on "
            "@user_script:1.\r\n");
}

TEST_F(ScriptingTest, ScriptsCannotChangeWhatOthersSee) {
  const std::string refused = "Attempt to modify a readonly table";
  for (const std::string_view script :
       {"x = 1", "_G.x = 1", "_G[1] = 1", "rawset(_G, 'x', 1)", "string.x = 1", "redis.call = 1",
        "getmetatable(_G).__index = nil", "getmetatable('').__index = nil", "getmetatable('').__index.len = nil",
        "setmetatable(_G, {})", "setmetatable(redis, nil)", "table.insert(_G, 1)", "table.remove(redis)",
        "for _, t in pairs(_G) do if type(t) == 'table' then t.x = 1 end end", "local next, t = pairs(_G) t.x = 1",
        "pcall = nil", "cjson.null = 1"}) {
    EXPECT_THAT(eval(script), HasSubstr(refused)) << script;
  }
  EXPECT_THAT(eval("return x"), HasSubstr("Script attempted to access nonexistent global variable 'x'"));
  EXPECT_THAT(eval("return _G[1]"), HasSubstr("nonexistent global variable '1'"));
  for (const std::string_view name :
       {"os", "io", "debug", "package", "require", "dofile", "loadfile", "getfenv", "setfenv", "newproxy", "print"}) {
    EXPECT_THAT(eval("return " + std::string(name)), HasSubstr("nonexistent global variable")) << name;
  }
}

TEST_F(ScriptingTest, ByteCodeIsNotLoaded) {
  EXPECT_EQ(eval("return select('#', loadstring(string.dump(function() return 1 end)))"), ":2\r\n");
  EXPECT_EQ(eval("local code = string.dump(function() return 1 end) "
                 "return select('#', load(function() local c = code code = nil return c end))"),
            ":2\r\n");
  EXPECT_THAT(eval("\033Lua"), HasSubstr("Error compiling script"));
}

TEST_F(ScriptingTest, MemoryIsLimitedAndTheNextScriptRuns) {
  EXPECT_THAT(eval("local t = {} for i = 1, 1e9 do t[i] = string.rep(i, 200) end"),
              AllOf(StartsWith("-ERR"), HasSubstr("not enough memory")));
  EXPECT_LT(home_.executor().scripting().memory(), std::size_t{8} << 20);
  EXPECT_EQ(eval("return 'fine'"), "$4\r\nfine\r\n");
}

TEST_F(ScriptingTest, DeepRecursionIsAnError) {
  EXPECT_THAT(eval("local function f() return f() + 1 end return f()"), HasSubstr("stack overflow"));
  EXPECT_THAT(eval("local function f(x) return string.gsub(x, '.', f) end return f('x')"), StartsWith("-ERR"));
  EXPECT_THAT(eval("return string.find(string.rep('a', 1e6), string.rep('a?', 1e6)..'b')"),
              HasSubstr("pattern too complex"));
  EXPECT_EQ(eval("return string.find(string.rep('a', 1e6)..'b', string.rep('a', 1e6)..'(b)')"), ":1\r\n");
  EXPECT_EQ(eval("return 'fine'"), "$4\r\nfine\r\n");
}

TEST_F(ScriptingTest, TheScriptsUsedLeastRecentlyGo) {
  ScriptCache& scripts = home_.executor().scripting().scripts();
  const std::string first = (*scripts.load("return 'first'"))->sha;
  for (std::size_t i = 1; i < ScriptCache::kScriptsMax; ++i)
    ASSERT_TRUE(scripts.load("return " + std::to_string(i)).has_value());
  const std::string second = (*scripts.load("return 1"))->sha;
  ASSERT_NE(scripts.find(first), nullptr);
  ASSERT_TRUE(scripts.load("return 'one more'").has_value());
  EXPECT_EQ(scripts.size(), ScriptCache::kScriptsMax);
  EXPECT_NE(scripts.find(first), nullptr);
  EXPECT_NE(scripts.find(second), nullptr);
  EXPECT_EQ(scripts.find((*scripts.load("return 2"))->sha), scripts.find((*scripts.load("return 2"))->sha));
  const std::string long_comment = "--" + std::string(ScriptCache::kBytesMax - 4, 'x');
  ASSERT_TRUE(scripts.load(long_comment).has_value());
  EXPECT_LE(scripts.bytes(), ScriptCache::kBytesMax);
  EXPECT_LT(scripts.size(), 10U);
}

TEST_F(ScriptingTest, WhatAScriptSelectsIsOverWithIt) {
  EXPECT_EQ(eval("redis.call('select', 2) redis.call('set', 'k', 'v') return redis.call('get', 'k')"), "$1\r\nv\r\n");
  EXPECT_EQ(client_("GET k"), "$-1\r\n");
  EXPECT_EQ(client_("SELECT 2"), "+OK\r\n");
  EXPECT_EQ(client_("GET k"), "$1\r\nv\r\n");
}

TEST_F(ScriptingTest, LibrariesAreTakenInAllOrNone) {
  EXPECT_EQ(client_({"FUNCTION", "LOAD", "#!lua name=a\nredis.register_function('f', function() return 'a' end)"}),
            "$1\r\na\r\n");
  EXPECT_EQ(client_({"FUNCTION", "LOAD", "#!lua name=b\nredis.register_function('F', function() return 'b' end)"}),
            "-ERR Function F already exists\r\n");
  EXPECT_EQ(client_("FCALL F 0"), "$1\r\na\r\n");
  const std::string dump = client_("FUNCTION DUMP");
  const std::string payload = dump.substr(dump.find("\r\n") + 2, dump.size() - dump.find("\r\n") - 4);
  EXPECT_EQ(client_({"FUNCTION", "RESTORE", payload}), "-ERR Library a already exists\r\n");
  EXPECT_EQ(client_({"FUNCTION", "RESTORE", payload, "REPLACE"}), "+OK\r\n");
  EXPECT_EQ(client_("FUNCTION FLUSH"), "+OK\r\n");
  EXPECT_EQ(client_("FCALL f 0"), "-ERR Function not found\r\n");
  EXPECT_EQ(client_({"FUNCTION", "RESTORE", payload}), "+OK\r\n");
  EXPECT_EQ(client_("FCALL f 0"), "$1\r\na\r\n");
  std::string broken = payload;
  broken[3] = static_cast<char>(broken[3] + 1);
  EXPECT_EQ(client_({"FUNCTION", "RESTORE", broken, "REPLACE"}), "-ERR DUMP payload version or checksum are wrong\r\n");
}

}  // namespace
}  // namespace leat::resp
