#include "protocol/resp/topic_channels.h"

#include <gtest/gtest.h>

namespace leat::resp {
namespace {

TEST(TopicChannel, NamesATopicAndWhereToBegin) {
  EXPECT_TRUE(is_topic_channel("topic:orders"));
  EXPECT_FALSE(is_topic_channel("topics:orders"));
  for (const char* name : {"topic:or.ders_1-x", "topic:or.ders_1-x@*"}) {
    const auto live = parse_topic_channel(name);
    ASSERT_TRUE(live) << name;
    EXPECT_EQ(live->topic, "or.ders_1-x");
    EXPECT_FALSE(live->start.earliest);
    EXPECT_TRUE(live->start.offsets.empty());
  }
  const auto resumed = parse_topic_channel("topic:orders@0:12,7:9000000000");
  ASSERT_TRUE(resumed);
  EXPECT_EQ(resumed->start.offsets, (std::map<std::int32_t, std::int64_t>{{0, 12}, {7, 9'000'000'000}}));
  const auto earliest = parse_topic_channel("topic:orders@earliest");
  ASSERT_TRUE(earliest);
  EXPECT_TRUE(earliest->start.earliest);
}

TEST(TopicChannel, NamesThatMakeNoSenseAreRefused) {
  for (const char* name :
       {"topic:", "topic:*", "topic:or ders", "topic:orders@", "topic:orders@0", "topic:orders@0:", "topic:orders@:1",
        "topic:orders@0:x", "topic:orders@-1:0", "topic:orders@0:-1", "topic:orders@0:1,", "topic:orders@0:1,,1:2",
        "topic:orders@4294967296:0", "topic:orders@0:99999999999999999999", "topic:orders@latest"}) {
    const auto parsed = parse_topic_channel(name);
    ASSERT_FALSE(parsed) << name;
    EXPECT_EQ(parsed.error().code, Errc::invalid_argument);
  }
}

}  // namespace
}  // namespace leat::resp
