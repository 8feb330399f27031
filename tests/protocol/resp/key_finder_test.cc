#include "protocol/resp/key_finder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "protocol/resp/registry.h"

namespace leat::resp {
namespace {

// The keys of a command whose words stand between spaces, each with its flags; "refused" if it can have none.
std::string keys_of(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  const std::vector<std::string_view> arguments(words.begin(), words.end());
  const Command* command = find_command(arguments[0]);
  if (!command->subcommands.empty()) command = find_subcommand(*command, arguments[1]);
  std::vector<KeyPosition> keys;
  if (!find_keys(*command, arguments, keys)) return "refused";
  std::string text;
  for (const KeyPosition& key : keys) {
    text += text.empty() ? "" : " ";
    text += arguments[key.index];
    text += (key.flags & kKeyRo) != 0 ? ":read" : (key.flags & kKeyOw) != 0 ? ":overwritten" : ":changed";
  }
  return text;
}

// All as `COMMAND GETKEYSANDFLAGS` of redis-server 7.0.15 tells.
TEST(KeyFinder, KeysAreAtFixedPlaces) {
  EXPECT_EQ(keys_of("GET a"), "a:read");
  EXPECT_EQ(keys_of("MSET a 1 b 2"), "a:overwritten b:overwritten");
  EXPECT_EQ(keys_of("RENAME a b"), "a:changed b:overwritten");
  EXPECT_EQ(keys_of("OBJECT ENCODING a"), "a:read");
  EXPECT_EQ(keys_of("PING"), "");
  EXPECT_EQ(keys_of("PUBLISH a b"), "");
}

TEST(KeyFinder, KeysAreCounted) {
  EXPECT_EQ(keys_of("ZUNIONSTORE d 2 a b WEIGHTS 1 2"), "d:overwritten a:read b:read");
  EXPECT_EQ(keys_of("ZUNIONSTORE d 3 a b"), "refused");
  EXPECT_EQ(keys_of("EVAL script 2 a b c"), "a:changed b:changed");
  EXPECT_EQ(keys_of("EVAL script x a"), "refused");
  EXPECT_EQ(keys_of("LMPOP 0 a LEFT"), "refused");
  EXPECT_EQ(keys_of("BLMPOP 0 2 a b LEFT"), "a:changed b:changed");
}

TEST(KeyFinder, KeysStandBehindAWord) {
  EXPECT_EQ(keys_of("XREAD COUNT 1 STREAMS a b 0 0"), "a:read b:read");
  EXPECT_EQ(keys_of("XREADGROUP GROUP g c STREAMS a >"), "a:read");
  EXPECT_EQ(keys_of("GEORADIUS a 1 2 3 m STORE b"), "a:read b:overwritten");
  EXPECT_EQ(keys_of("GEORADIUS a 1 2 3 m"), "a:read");
  EXPECT_EQ(keys_of("GEORADIUS a 1 2 3 m COUNT 1 STOREDIST b STORE c ASC"), "a:read c:overwritten");
  EXPECT_EQ(keys_of("GEORADIUSBYMEMBER a m 3 m STORE STORE"), "a:read STORE:overwritten");
  EXPECT_EQ(keys_of("XREADGROUP GROUP g STREAMS COUNT 1 NOACK STREAMS a b > >"), "a:read b:read");
  EXPECT_EQ(keys_of("XREADGROUP COUNT 1 GROUP STREAMS c STREAMS a >"), "a:read");
  EXPECT_EQ(keys_of("XREAD STREAMS a b 0"), "refused");
  EXPECT_EQ(keys_of("XREAD BLOCK 1 COUNT 2"), "refused");
}

TEST(KeyFinder, SortStoresWhereItSaysLast) {
  EXPECT_EQ(keys_of("SORT a"), "a:read");
  EXPECT_EQ(keys_of("SORT a BY b GET c STORE d STORE e"), "a:read e:overwritten");
  EXPECT_EQ(keys_of("SORT a BY STORE LIMIT 0 1"), "a:read");
  EXPECT_EQ(keys_of("SORT_RO a BY STORE d"), "a:read");
}

TEST(KeyFinder, WhatIsDoneMayDependOnTheWords) {
  EXPECT_EQ(keys_of("SET a b"), "a:overwritten");
  EXPECT_EQ(keys_of("SET a b GET"), "a:changed");
  EXPECT_EQ(keys_of("BITFIELD a GET u8 0"), "a:read");
  EXPECT_EQ(keys_of("BITFIELD a GET u8 0 INCRBY u8 0 1"), "a:changed");
}

TEST(KeyFinder, ChannelsAreNoKeys) {
  EXPECT_EQ(keys_of("SSUBSCRIBE a"), "");
  EXPECT_FALSE(has_keys(*find_command("SSUBSCRIBE")));
  EXPECT_FALSE(has_keys(*find_command("PING")));
  EXPECT_TRUE(has_keys(*find_command("GET")));
}

}  // namespace
}  // namespace leat::resp
