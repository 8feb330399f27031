#include "protocol/sns/notification.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/utc_text.h"
#include "protocol/sns/subscription.h"
#include "tests/protocol/http/client.h"
#include "tests/protocol/sqs/memory_queues.h"

namespace leat::sns {
namespace {

using nlohmann::json;
using runtime::Task;
using sqs::testing::MemoryQueues;

Notification notification() {
  Notification made;
  made.type = "Notification";
  made.message_id = "id";
  made.topic_arn = "arn:aws:sns:r:1:t";
  made.message = "hello";
  made.timestamp = "2012-05-02T00:54:06.655Z";
  made.unsubscribe_url = "http://h/?Action=Unsubscribe";
  return made;
}

TEST(Notification, IsJsonWithTheMembersOfSnsInTheirOrder) {
  EXPECT_EQ(to_json(notification(), nullptr),
            R"({"Type":"Notification","MessageId":"id","TopicArn":"arn:aws:sns:r:1:t","Message":"hello",)"
            R"("Timestamp":"2012-05-02T00:54:06.655Z","UnsubscribeURL":"http://h/?Action=Unsubscribe"})");
  const Signature signature{SignatureVersion::sha256, "c2ln", "http://h/x.pem"};
  Notification made = notification();
  made.subject = "about";
  made.sequence_number = "10000000000000000000";
  EXPECT_EQ(to_json(made, &signature),
            R"({"Type":"Notification","MessageId":"id","SequenceNumber":"10000000000000000000",)"
            R"("TopicArn":"arn:aws:sns:r:1:t","Subject":"about","Message":"hello",)"
            R"("Timestamp":"2012-05-02T00:54:06.655Z","SignatureVersion":"2","Signature":"c2ln",)"
            R"("SigningCertURL":"http://h/x.pem","UnsubscribeURL":"http://h/?Action=Unsubscribe"})");
}

TEST(Notification, EscapesWhatJsonCannotHoldAndKeepsTheRest) {
  const std::string text = "\"quoted\" \\ back\r\n\ttab \xC3\xA9 \xF0\x9F\x98\x80 </script> \x7F";
  Notification made = notification();
  made.message = text;
  const sqs::AttributeMap attributes{
      {"n\xC3\xA9",
       {.data_type = "String.\"x\"", .string_value = "a\"b", .binary_value = {}, .string_list = {}, .binary_list = {}}},
      {"b",
       {.data_type = "Binary",
        .string_value = {},
        .binary_value = {std::string_view("\0\xFF", 2)},
        .string_list = {},
        .binary_list = {}}}};
  made.attributes = &attributes;
  const json parsed = json::parse(to_json(made, nullptr));
  EXPECT_EQ(parsed["Message"], text);
  EXPECT_EQ(parsed["MessageAttributes"], (json{{"n\xC3\xA9", {{"Type", "String.\"x\""}, {"Value", "a\"b"}}},
                                               {"b", {{"Type", "Binary"}, {"Value", "AP8="}}}}));
}

TEST(Notification, TheTextToSignHasEachNameAndValueOnALine) {
  Notification made = notification();
  EXPECT_EQ(text_to_sign(made),
            "Message\nhello\nMessageId\nid\nTimestamp\n2012-05-02T00:54:06.655Z\nTopicArn\narn:aws:sns:r:1:t\n"
            "Type\nNotification\n");
  made.subject = "about";
  made.sequence_number = "1";
  EXPECT_EQ(text_to_sign(made),
            "Message\nhello\nMessageId\nid\nSubject\nabout\nTimestamp\n2012-05-02T00:54:06.655Z\nTopicArn\n"
            "arn:aws:sns:r:1:t\nType\nNotification\n");
  Notification asked = notification();
  asked.type = "SubscriptionConfirmation";
  asked.token = "token";
  asked.subscribe_url = "http://h/?Action=ConfirmSubscription";
  asked.unsubscribe_url = {};
  EXPECT_EQ(text_to_sign(asked),
            "Message\nhello\nMessageId\nid\nSubscribeURL\nhttp://h/?Action=ConfirmSubscription\nTimestamp\n"
            "2012-05-02T00:54:06.655Z\nToken\ntoken\nTopicArn\narn:aws:sns:r:1:t\nType\nSubscriptionConfirmation\n");
}

TEST(Notification, TimesAreIsoWithMilliseconds) {
  EXPECT_EQ(utc_text(Timestamp(0)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(utc_text(Timestamp(1'335'920'046'655)), "2012-05-02T00:54:06.655Z");
  EXPECT_EQ(utc_text(Timestamp(-5)), "1970-01-01T00:00:00.000Z");
  EXPECT_TRUE(utc_text(Timestamp(std::numeric_limits<std::int64_t>::max())).ends_with("Z"));
}

TEST(Notification, AMessageOfStructureJsonHasATextForEachProtocol) {
  const std::string_view message = R"({"default":"d","sqs":"for queues","http":{"no":"text"}})";
  EXPECT_EQ(text_for(message, "sqs"), "for queues");
  EXPECT_EQ(text_for(message, "http"), "d");
  EXPECT_EQ(text_for(message, "https"), "d");
  for (const std::string_view bad : {"", "text", "[]", R"({"sqs":"x"})", R"({"default":1})", R"({"default":"d")"})
    EXPECT_EQ(text_for(bad, "sqs"), std::nullopt) << bad;
}

// What is read of the only record of a queue. Views are of `arena` and the delivery.
struct Reading {
  MemoryQueues queues;
  std::vector<queue::Delivery> deliveries;
  aws::Arena arena;
  Published published;

  Task<> read(std::string value, std::vector<std::pair<std::string, std::string>> headers, std::string protocol) {
    queue::NewQueue made;
    made.name = "x.subscription";
    const auto queue = co_await queues.create(std::move(made));
    queues.append("x.subscription", "group", value, headers);
    deliveries = (co_await queues.browse(*queue, 1, 1))->messages;
    published = read_published(deliveries.at(0), **queue, protocol, arena);
  }
};

Task<> reads_text() {
  Reading text;
  co_await text.read("hello", {{"leat-sns-subject", "about"}, {"colour", "red"}}, "sqs");
  EXPECT_EQ(text.published.message, "hello");
  EXPECT_EQ(text.published.subject, "about");
  EXPECT_EQ(text.published.group, "group");
  EXPECT_FALSE(aws::is_set(text.published.sequence_number));
  EXPECT_EQ(text.published.attributes.size(), 1U);
  EXPECT_EQ(text.published.attributes.at(0).name, "colour");
  EXPECT_EQ(text.published.attributes.at(0).value.string_value, "red");
  EXPECT_EQ(dedup_id_of(text.published, text.deliveries.at(0), true, text.arena).size(), 64U);
  EXPECT_EQ(dedup_id_of(text.published, text.deliveries.at(0), false, text.arena), text.published.message_id);
  Reading none;
  co_await none.read("", {{"leat-sns-subject", "\xFF"}}, "sqs");
  EXPECT_TRUE(aws::is_set(none.published.message));
  EXPECT_EQ(none.published.message, "");
  EXPECT_FALSE(aws::is_set(none.published.subject));
}
TEST(Published, IsWhatTheRecordAndItsHeadersSay) { http::testing::run(reads_text); }

Task<> reads_bytes() {
  Reading bytes;
  co_await bytes.read("\xFF\x01", {}, "sqs");
  EXPECT_EQ(bytes.published.message, "/wE=");
  EXPECT_EQ(bytes.published.attributes.size(), 1U);
  EXPECT_EQ(bytes.published.attributes.at(0).name, sqs::kEncodingAttribute);
  EXPECT_EQ(bytes.published.attributes.at(0).value.string_value, "base64");
}
TEST(Published, WhatIsNoTextIsBase64AndAnAttributeSaysSo) { http::testing::run(reads_bytes); }

Task<> reads_structure() {
  const std::string message = R"({"default":"d","sqs":"q"})";
  Reading sqs;
  co_await sqs.read(message, {{"leat-sns-structure", "json"}}, "sqs");
  EXPECT_EQ(sqs.published.message, "q");
  Reading http;
  co_await http.read(message, {{"leat-sns-structure", "json"}}, "http");
  EXPECT_EQ(http.published.message, "d");
  Reading plain;
  co_await plain.read(message, {}, "sqs");
  EXPECT_EQ(plain.published.message, message);
  Reading broken;
  co_await broken.read("no JSON", {{"leat-sns-structure", "json"}}, "sqs");
  EXPECT_EQ(broken.published.message, "no JSON");
}
TEST(Published, AStructureGivesEachProtocolItsText) { http::testing::run(reads_structure); }

TEST(SubscriptionArn, NamesATopicAndASubscription) {
  const std::string topic = topic_arn("eu-west-1", "000000000000", "t.fifo");
  EXPECT_EQ(topic, "arn:aws:sns:eu-west-1:000000000000:t.fifo");
  EXPECT_EQ(topic_in_arn(topic), "t.fifo");
  const std::string subscription = subscription_arn("eu-west-1", "000000000000", "t.fifo", "an-id");
  const auto found = subscription_in_arn(subscription);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->topic, "t.fifo");
  EXPECT_EQ(found->id, "an-id");
  EXPECT_EQ(topic_in_arn(subscription), std::nullopt);
  EXPECT_EQ(topic_in_arn("arn:aws-cn:sns:x:1:t"), "t");
}

TEST(SubscriptionArn, WhatIsNoneIsRefused) {
  for (const std::string_view arn : {"", "t", "arn:aws:sns:r:1", "arn:aws:sns:r:1:", "arn:aws:sqs:r:1:t",
                                     "ern:aws:sns:r:1:t", "arn:aws:sns:r:1:t:a"})
    EXPECT_EQ(topic_in_arn(arn), std::nullopt) << arn;
  for (const std::string_view arn : {"", "PendingConfirmation", "arn:aws:sns:r:1:t", "arn:aws:sns:r:1:t:",
                                     "arn:aws:sns:r:1::id", "arn:aws:sns:r:1:t:a:b", "arn:aws:sqs:r:1:t:id"})
    EXPECT_FALSE(subscription_in_arn(arn)) << arn;
}

}  // namespace
}  // namespace leat::sns
