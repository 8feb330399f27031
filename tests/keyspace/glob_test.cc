#include "keyspace/glob.h"

#include <gtest/gtest.h>

#include <string>

namespace leat::keyspace {
namespace {

TEST(Glob, StarsTakeAnyBytes) {
  EXPECT_FALSE(glob_match("*", ""));  // what Redis answers
  EXPECT_TRUE(glob_match("user:*", "user:"));
  EXPECT_TRUE(glob_match("*:*:name", "a:b:c:name"));
  EXPECT_TRUE(glob_match("a**b", "ab"));
  EXPECT_FALSE(glob_match("a*b", "abc"));
  EXPECT_FALSE(glob_match("**", ""));
  EXPECT_TRUE(glob_match("", ""));
  EXPECT_FALSE(glob_match("", "a"));
}

TEST(Glob, ClassesRangesAndNegation) {
  EXPECT_TRUE(glob_match("h[ae]llo", "hello"));
  EXPECT_FALSE(glob_match("h[^e]llo", "hello"));
  EXPECT_TRUE(glob_match("[z-a]", "m"));
  EXPECT_TRUE(glob_match("[a\\-z]", "-"));
  EXPECT_FALSE(glob_match("[a\\-z]", "m"));
  EXPECT_TRUE(glob_match("[abc", "c"));
  EXPECT_FALSE(glob_match("[]", "]"));
  EXPECT_TRUE(glob_match("[^]", "x"));
}

TEST(Glob, BackslashTakesTheNextByteAsItIs) {
  EXPECT_TRUE(glob_match("a\\*", "a*"));
  EXPECT_FALSE(glob_match("a\\*", "ab"));
  EXPECT_TRUE(glob_match("a\\", "a\\"));
}

TEST(Glob, CaseCountsUnlessTold) {
  EXPECT_FALSE(glob_match("GET*", "getex"));
  EXPECT_TRUE(glob_match("GET*", "getex", true));
  EXPECT_TRUE(glob_match("[A-G]", "e", true));
}

TEST(Glob, ManyStarsEndSoon) {
  std::string pattern;
  for (int i = 0; i < 1000; ++i) pattern += "*a";
  EXPECT_FALSE(glob_match(pattern + "b", std::string(5000, 'a')));
}

}  // namespace
}  // namespace leat::keyspace
