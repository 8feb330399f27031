#include "protocol/resp/reply_value.h"

#include <gtest/gtest.h>

#include <cmath>

#include "protocol/resp/reply.h"

namespace leat::resp {
namespace {

// What Reply writes, read back.
template <class Write>
ReplyValue written(Write write) {
  std::string out;
  Reply reply(out, Protocol::resp3);
  write(reply);
  auto value = parse_reply(out);
  EXPECT_TRUE(value) << out;
  return value ? std::move(*value) : ReplyValue{};
}

TEST(ReplyValue, EveryTypeThatReplyWritesIsReadBack) {
  EXPECT_EQ(written([](Reply& reply) { reply.ok(); }), ReplyValue{"OK"});
  EXPECT_EQ(written([](Reply& reply) { reply.bulk(std::string_view("a\r\n\0b", 5)); }),
            ReplyValue{std::string("a\r\n\0b", 5)});
  EXPECT_EQ(written([](Reply& reply) { reply.bulk(""); }), ReplyValue{""});
  EXPECT_EQ(written([](Reply& reply) { reply.error("ERR no"); }), ReplyValue{ReplyValue::Failure{"ERR no"}});
  EXPECT_EQ(written([](Reply& reply) { reply.integer(INT64_MIN); }), ReplyValue{INT64_MIN});
  EXPECT_EQ(written([](Reply& reply) { reply.real(-1.5e300); }), ReplyValue{-1.5e300});
  EXPECT_EQ(written([](Reply& reply) { reply.real(INFINITY); }), ReplyValue{static_cast<double>(INFINITY)});
  EXPECT_EQ(written([](Reply& reply) { reply.boolean(true); }), ReplyValue{true});
  EXPECT_EQ(written([](Reply& reply) { reply.boolean(false); }), ReplyValue{false});
  EXPECT_EQ(written([](Reply& reply) { reply.null(); }), ReplyValue{});
  EXPECT_EQ(written([](Reply& reply) { reply.null_array(); }), ReplyValue{});
  EXPECT_EQ(written([](Reply& reply) { reply.big_number("123456789012345678901234567890"); }),
            ReplyValue{"123456789012345678901234567890"});
  EXPECT_EQ(written([](Reply& reply) { reply.verbatim("some text"); }), ReplyValue{"some text"});
  EXPECT_EQ(written([](Reply& reply) { reply.array(0); }), ReplyValue{ReplyValue::Array{}});
  EXPECT_EQ(written([](Reply& reply) { reply.map(0); }), ReplyValue{ReplyValue::Map{}});
}

TEST(ReplyValue, AggregatesHoldAggregatesInOrder) {
  const ReplyValue value = written([](Reply& reply) {
    reply.array(2);
    reply.set(1);
    reply.integer(1);
    reply.map(2);
    reply.bulk("a");
    reply.null();
    reply.integer(2);
    reply.array(1);
    reply.error("ERR inside");
  });
  const ReplyValue::Array failed{{ReplyValue::Failure{"ERR inside"}}};
  const ReplyValue::Map map{{{{"a"}, {}}, {{std::int64_t{2}}, {failed}}}};
  EXPECT_EQ(value, (ReplyValue{ReplyValue::Array{{ReplyValue::Array{{std::int64_t{1}}}}, {map}}}));
}

TEST(ReplyValue, PushesAroundTheReplyAndAttributesAreLeftOut) {
  EXPECT_EQ(written([](Reply& reply) {
              reply.push(2);
              reply.bulk("invalidate");
              reply.null();
              reply.attribute(1);
              reply.bulk("ttl");
              reply.integer(5);
              reply.integer(7);
              reply.push(1);
              reply.bulk("late");
            }),
            ReplyValue{std::int64_t{7}});
}

TEST(ReplyValue, NestsUpToABound) {
  const auto nested = [](std::size_t depth) {
    std::string bytes;
    for (std::size_t i = 0; i < depth; ++i) bytes += "*1\r\n";
    return parse_reply(bytes + "_\r\n");
  };
  EXPECT_TRUE(nested(kReplyDepthMax));
  const auto deeper = nested(kReplyDepthMax + 1);
  ASSERT_FALSE(deeper);
  EXPECT_EQ(deeper.error().code, Errc::too_large);
  const auto deepest = nested(1'000'000);
  ASSERT_FALSE(deepest);
  EXPECT_EQ(deepest.error().code, Errc::too_large);
}

TEST(ReplyValue, WhatIsNoReplyIsADefect) {
  for (const std::string_view bytes : {"",
                                       "\r\n",
                                       "+OK",
                                       "+OK\r",
                                       ":\r\n",
                                       ":1x\r\n",
                                       ":99999999999999999999\r\n",
                                       "#x\r\n",
                                       ",x\r\n",
                                       "$3\r\nab\r\n",
                                       "$3\r\nabcd\r\n",
                                       "$-2\r\n",
                                       "$18446744073709551615\r\nab\r\n",
                                       "=3\r\ntxt\r\n",
                                       "*1\r\n",
                                       "*-2\r\n",
                                       "*99999999999\r\n_\r\n",
                                       "%1\r\n_\r\n",
                                       "%-1\r\n",
                                       "?\r\n",
                                       "_\r\n_\r\n",
                                       ">1\r\n_\r\n",
                                       "|1\r\n_\r\n_\r\n",
                                       ">x\r\n_\r\n"}) {
    const auto parsed = parse_reply(bytes);
    ASSERT_FALSE(parsed) << bytes;
    EXPECT_EQ(parsed.error().code, Errc::internal) << bytes;
  }
}

}  // namespace
}  // namespace leat::resp
