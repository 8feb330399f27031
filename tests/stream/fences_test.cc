#include "stream/fences.h"

#include <gtest/gtest.h>

namespace leat::stream {
namespace {

constexpr std::size_t kMax = 1 << 20;

Bytes batch_with(const std::vector<std::string>& fences) {
  log::BatchBuilder builder;
  for (const std::string& fence : fences) {
    const std::vector<log::RecordHeader> headers = {{"other", as_bytes("x")}, {kFenceHeader, as_bytes(fence)}};
    builder.add({.timestamp = Timestamp(1), .value = as_bytes("v"), .headers = headers});
  }
  auto built = builder.build();
  EXPECT_TRUE(built);
  return std::move(*built);
}

TEST(Fences, AreReadFromTheHeadersEachOnce) {
  const Bytes batch = batch_with({"a:7", "a:7", "name:with:colons:12"});
  const auto fences = fences_of(batch, kMax);
  ASSERT_TRUE(fences);
  EXPECT_EQ(*fences, (std::vector<Fence>{{"a", 7}, {"name:with:colons", 12}}));
}

TEST(Fences, AHeaderThatIsNoneIsRefused) {
  for (const char* text : {"", "a", "a:", ":7", "a:x", "a:7x", "a:-7", "a:0", "a:99999999999999999999"}) {
    const Bytes batch = batch_with({text});
    const auto fences = fences_of(batch, kMax);
    ASSERT_FALSE(fences) << text;
    EXPECT_EQ(fences.error().code, Errc::invalid_record);
  }
}

TEST(Fences, WhatComesBehindANewerTokenIsRefused) {
  SeenFences seen;
  EXPECT_TRUE(seen.pass({{"a", 5}}));
  EXPECT_TRUE(seen.pass({{"a", 5}, {"b", 1}}));
  EXPECT_TRUE(seen.pass({{"a", 6}}));
  EXPECT_FALSE(seen.pass({{"c", 9}, {"a", 5}}));
  EXPECT_TRUE(seen.pass({{"c", 8}})) << "nothing of what was refused is remembered";
}

}  // namespace
}  // namespace leat::stream
