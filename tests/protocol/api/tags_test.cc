#include "protocol/api/tags.h"

#include <gtest/gtest.h>

namespace leat::api {
namespace {

TEST(Tags, AreOfTheMarkAndOfWhatIsShown) {
  const std::string mark = digest_of("settings");
  EXPECT_EQ(mark.size(), 32u);
  EXPECT_EQ(mark.find('-'), std::string::npos);
  EXPECT_EQ(tag_of(mark), "\"" + mark + "\"");
  EXPECT_EQ(tag_of(mark, "a"), tag_of(mark, "a"));
  EXPECT_NE(tag_of(mark, "a"), tag_of(mark, "b"));
}

TEST(Tags, IfMatchNamesWhatIsGuardedWhateverIsShownBesideAndNoWeakTag) {
  for (const std::string_view condition : {"*", R"("5.1")", R"("5.1-x")", R"("a", "5.1-y" , "b")", "\t\"5.1\""})
    EXPECT_TRUE(names_mark(condition, "5.1")) << condition;
  for (const std::string_view condition : {"", "\"", R"("")", R"("5")", R"("5.12")", R"("x5.1")", "5.1", R"(W/"5.1")",
                                           R"("5.1)", R"(5.1")", R"("*")", R"("-5.1")", ",", " "})
    EXPECT_FALSE(names_mark(condition, "5.1")) << condition;
}

TEST(Tags, WhatHasNoMarkIsNamedByAnythingAlone) {
  EXPECT_TRUE(names_mark("*", ""));
  for (const std::string_view condition : {"", R"("")", R"("-")", R"("-x")"}) EXPECT_FALSE(names_mark(condition, ""));
}

TEST(Tags, IfNoneMatchNamesWholeTagsAndWeakOnesToo) {
  const std::string tag = R"("5.1-x")";
  for (const std::string_view condition : {"*", R"("5.1-x")", R"(W/"5.1-x")", R"("a",W/"5.1-x")"})
    EXPECT_TRUE(names_tag(condition, tag)) << condition;
  for (const std::string_view condition : {"", R"("5.1")", R"("5.1-y")", R"("5.1-x)", R"(w/"5.1-x")", R"(""5.1-x"")"})
    EXPECT_FALSE(names_tag(condition, tag)) << condition;
}

}  // namespace
}  // namespace leat::api
