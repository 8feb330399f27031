#include "security/base64.h"

#include <gtest/gtest.h>

namespace leat::security {
namespace {

using namespace std::string_view_literals;

TEST(Base64, WritesAndReadsTheExamplesOfTheRfc) {
  for (const auto& [bytes, text] :
       std::vector<std::pair<std::string_view, std::string_view>>{{"", ""},
                                                                  {"f", "Zg=="},
                                                                  {"fo", "Zm8="},
                                                                  {"foo", "Zm9v"},
                                                                  {"foob", "Zm9vYg=="},
                                                                  {"fooba", "Zm9vYmE="},
                                                                  {"foobar", "Zm9vYmFy"},
                                                                  {"\xff\xfe\0\xfb"sv, "//4A+w=="}}) {
    EXPECT_EQ(base64(bytes), text);
    EXPECT_EQ(base64_decoded(text), bytes) << text;
  }
}

TEST(Base64, ReadsNothingElse) {
  for (const std::string_view text : {"Z"sv,     "Zg"sv,    "Zg="sv,      "Zg==="sv,        "Zh=="sv,
                                      "Zm9="sv,  "===="sv,  "Z==="sv,     "Zg==Zg=="sv,     "Zm 9"sv,
                                      " Zm9v"sv, "Zm9v "sv, "   Zm9v "sv, "Zm9v\n"sv,       "Zm9v\n\n\n\n"sv,
                                      "Zm-v"sv,  "Zm_v"sv,  "Zm\0v"sv,    "Zm9v\0\0\0\0"sv, "\xff\xff\xff\xff"sv,
                                      "    "sv})
    EXPECT_EQ(base64_decoded(text), std::nullopt) << text;
}

}  // namespace
}  // namespace leat::security
