#include "protocol/sqs/message_attributes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/sqs/receipt_handle.h"

namespace leat::sqs {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

AttributeValue text(std::string_view value, std::string_view type = "String") {
  AttributeValue made;
  made.data_type = type;
  made.string_value = value;
  return made;
}
AttributeValue binary(std::string_view value, std::string_view type = "Binary") {
  AttributeValue made;
  made.data_type = type;
  made.binary_value.bytes = value;
  return made;
}

queue::Queue standard_queue() {
  queue::Queue queue;
  queue.name = queue.topic = "q";
  queue.id = Uuid::from_random(1, 2);
  queue.topic_id = Uuid::from_random(3, 4);
  return queue;
}
queue::Queue fifo_queue() {
  queue::Queue queue = standard_queue();
  queue.name = "q.fifo";
  queue.settings.order = queue::Order::fifo;
  return queue;
}

// The values are what AWS's own SDKs compute: boto3 and the JavaScript SDK refuse answers with others.
TEST(SqsMd5, OfAttributesIsWhatSdksCompute) {
  EXPECT_EQ(aws::hex(aws::md5_of("hello")), "5d41402abc4b2a76b9719d911017c592");
  EXPECT_EQ(aws::hex(aws::md5_of("")), "d41d8cd98f00b204e9800998ecf8427e");
  const AttributeMap attributes{
      {"s", text("v")}, {"n", text("12", "Number")}, {"b", binary(std::string_view("\0\xFF", 2), "Binary.png")}};
  EXPECT_EQ(md5_of_attributes(attributes), "72eb4ca7185082e9cda6f9e1f7aa07cf");
  const AttributeMap reordered{attributes[2], attributes[0], attributes[1]};
  EXPECT_EQ(md5_of_attributes(reordered), md5_of_attributes(attributes));
  EXPECT_EQ(md5_of_attributes({{"x", binary("\x01\x02")}}), "88200d113599f6658553e36837413feb");
  EXPECT_EQ(md5_of_attributes({{"AWSTraceHeader", text("Root=1")}}), "d6619b3d47b81d3fc72c0db005a70eda");
}

TEST(SqsReceiptHandle, ComesBackAndIsGoodForItsQueueOnly) {
  const auto queue = Uuid::from_random(1, 2);
  const queue::Receipt receipt{PartitionIndex(3), Offset(INT64_MAX), 7, 9};
  const std::string handle = to_handle(queue, receipt);
  EXPECT_EQ(from_handle(handle, queue), receipt);
  EXPECT_FALSE(from_handle(handle, Uuid::from_random(1, 3)));
  EXPECT_FALSE(from_handle("", queue));
  EXPECT_FALSE(from_handle("nonsense", queue));
  EXPECT_FALSE(from_handle(handle + "A", queue));
  EXPECT_FALSE(from_handle(std::string(100'000, 'A'), queue));
  for (std::size_t i = 0; i < handle.size(); ++i) {
    std::string changed = handle;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    // The last character carries bits that mean nothing.
    if (i + 1 < handle.size()) EXPECT_FALSE(from_handle(changed, queue)) << i;
  }
}

TEST(SqsMessageId, IsAUuidOfItsOwnForEachRecord) {
  const auto topic = Uuid::from_random(11, 12);
  std::set<std::string> seen;
  for (int partition = 0; partition < 20; ++partition) {
    for (int offset = 0; offset < 200; ++offset) {
      const auto id = message_id(topic, PartitionIndex(partition), Offset(offset));
      EXPECT_TRUE(Uuid::parse(id)) << id;
      EXPECT_EQ(id[14], '8') << id;
      seen.insert(id);
    }
  }
  EXPECT_EQ(seen.size(), 4000U);
  EXPECT_NE(message_id(topic, PartitionIndex(0), Offset(0)),
            message_id(Uuid::from_random(11, 13), PartitionIndex(0), Offset(0)));
}

std::map<std::string, std::string> headers_of(const queue::NewMessage& message) {
  std::map<std::string, std::string> headers;
  for (const auto& header : message.headers) headers[std::string(header.key)] = as_text(*header.value);
  return headers;
}

TEST(SqsMessages, AttributesBecomeHeadersAndKeepTheirTypes) {
  Arena arena;
  SendEntry entry;
  entry.body = "body";
  entry.attributes = {{"s", text("v")}, {"n", text("1", "Number.int")}, {"b", binary("\xFF", "Binary.a=b&c")}};
  entry.system_attributes = {{"AWSTraceHeader", text("Root=1")}};
  const auto prepared = prepare_message(entry, standard_queue(), "AKID", arena);
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_THAT(headers_of(prepared->message),
              UnorderedElementsAre(std::pair("s", "v"), std::pair("n", "1"), std::pair("b", "\xFF"),
                                   std::pair("leat-sqs-types", "n=Number.int&b=Binary.a%3Db%26c"),
                                   std::pair("leat-sqs-trace", "Root=1"), std::pair("leat-sqs-sender", "AKID")));
  EXPECT_FALSE(prepared->message.group);
}

TEST(SqsMessages, OwnAttributesSetPriorityTimeToLiveAndEncoding) {
  Arena arena;
  SendEntry entry;
  entry.body = "AP8=";
  entry.attributes = {
      {"leat-priority", text("7", "Number")}, {"leat-ttl", text("60", "Number")}, {"leat-encoding", text("base64")}};
  const auto prepared = prepare_message(entry, standard_queue(), "", arena);
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_EQ(prepared->message.priority, 7);
  EXPECT_EQ(prepared->message.time_to_live, Milliseconds(60'000));
  EXPECT_EQ(as_text(prepared->message.body), std::string_view("\0\xFF", 2));
  EXPECT_TRUE(prepared->message.headers.empty());
  EXPECT_EQ(prepared->result.md5_of_body, aws::hex(aws::md5_of("AP8=")));  // of what was sent: the SDK compares it
}

struct Refused {
  std::string_view why;
  std::function<void(SendEntry&)> change;
  ErrorCode code;
  std::string_view part;
};

TEST(SqsMessages, AreRefusedForWhatAwsRefuses) {
  using enum ErrorCode;
  const std::string long_name(257, 'n');
  const std::string large(std::size_t{1} << 20, 'x');
  AttributeValue listed = text("v");
  listed.string_list = {"a"};
  AttributeValue both = text("v");
  both.binary_value.bytes = "b";
  const auto with = [](std::string_view name, AttributeValue value) {
    return [name, value](SendEntry& entry) { entry.attributes = {{name, value}}; };
  };
  const std::vector<Refused> cases{
      {"no body", [](SendEntry& e) { e.body = ""; }, missing_parameter, "MessageBody"},
      {"bad characters", [](SendEntry& e) { e.body = "\x02"; }, invalid_message_contents, "Invalid characters"},
      {"too large",
       [&](SendEntry& e) {
         e.body = large;
         e.attributes = {{"a", text("b")}};
       },
       invalid_parameter_value, "shorter"},
      {"delay", [](SendEntry& e) { e.delay_seconds = 901; }, invalid_parameter_value, "DelaySeconds"},
      {"negative delay", [](SendEntry& e) { e.delay_seconds = -1; }, invalid_parameter_value, "DelaySeconds"},
      {"dedup id", [](SendEntry& e) { e.dedup_id = "x"; }, invalid_parameter_value, "queue type"},
      {"group id", [](SendEntry& e) { e.group_id = "a b"; }, invalid_parameter_value, "MessageGroupId"},
      {"11 attributes", [](SendEntry& e) { e.attributes.assign(11, {"a", text("b")}); }, invalid_parameter_value,
       "[11]"},
      {"twice", [](SendEntry& e) { e.attributes.assign(2, {"a", text("b")}); }, invalid_parameter_value, "twice"},
      {"no name", with("", text("v")), invalid_parameter_value, "name"},
      {"long name", with(long_name, text("v")), invalid_parameter_value, "name"},
      {"name with blank", with("a b", text("v")), invalid_parameter_value, "name"},
      {"name with dots", with("a..b", text("v")), invalid_parameter_value, "name"},
      {"name ends with dot", with("a.", text("v")), invalid_parameter_value, "name"},
      {"AWS's name", with("aWs.x", text("v")), invalid_parameter_value, "reserved"},
      {"Amazon's name", with("amazon.x", text("v")), invalid_parameter_value, "reserved"},
      {"leat's name", with("leat-x", text("v")), invalid_parameter_value, "reserved"},
      {"priority", with("leat-priority", text("10", "Number")), invalid_parameter_value, "leat-priority"},
      {"ttl", with("leat-ttl", text("0", "Number")), invalid_parameter_value, "leat-ttl"},
      {"encoding", with("leat-encoding", text("hex")), invalid_parameter_value, "leat-encoding"},
      {"not base64",
       [](SendEntry& e) {
         e.body = "no base64";
         e.attributes = {{"leat-encoding", text("base64")}};
       },
       invalid_parameter_value, "leat-encoding"},
      {"no type", with("a", text("v", "")), invalid_parameter_value, "type"},
      {"unknown type", with("a", text("v", "Text")), invalid_parameter_value, "type"},
      {"type by case", with("a", text("v", "string")), invalid_parameter_value, "type"},
      {"no value", with("a", text("")), invalid_parameter_value, "non-empty"},
      {"wrong value", with("a", text("v", "Binary")), invalid_parameter_value, "non-empty"},
      {"two values", with("a", both), invalid_parameter_value, "non-empty"},
      {"list", with("a", listed), unsupported_operation, "list values"},
      {"not a number", with("a", text("12x", "Number")), invalid_parameter_value, "number"},
      {"infinity", with("a", text("-inf", "Number")), invalid_parameter_value, "number"},
      {"no number by name", with("a", text("nan", "Number")), invalid_parameter_value, "number"},
      {"two signs", with("a", text("+-5", "Number")), invalid_parameter_value, "number"},
      {"sign alone", with("a", text("-", "Number")), invalid_parameter_value, "number"},
      {"bad value", with("a", text("\x01")), invalid_message_contents, "characters"},
      {"system attribute", [](SendEntry& e) { e.system_attributes = {{"Other", text("v")}}; }, invalid_parameter_value,
       "Other"},
  };
  for (const Refused& one : cases) {
    Arena arena;
    SendEntry entry;
    entry.body = "body";
    one.change(entry);
    const auto prepared = prepare_message(entry, standard_queue(), "", arena);
    ASSERT_FALSE(prepared) << one.why;
    EXPECT_EQ(prepared.error().code, one.code) << one.why << ": " << prepared.error().message;
    EXPECT_THAT(prepared.error().message, HasSubstr(std::string(one.part))) << one.why;
  }
}

TEST(SqsMessages, FifoQueuesDemandAGroupAndADeduplicationId) {
  Arena arena;
  SendEntry entry;
  entry.body = "body";
  auto queue = fifo_queue();
  EXPECT_EQ(prepare_message(entry, queue, "", arena).error().code, ErrorCode::missing_parameter);
  entry.group_id = "g";
  EXPECT_THAT(prepare_message(entry, queue, "", arena).error().message, HasSubstr("ContentBasedDeduplication"));
  entry.dedup_id = "d";
  const auto prepared = prepare_message(entry, queue, "", arena);
  ASSERT_TRUE(prepared);
  EXPECT_EQ(as_text(*prepared->message.group), "g");
  EXPECT_EQ(prepared->message.dedup_id, "d");
  entry.dedup_id = {};
  queue.settings.content_dedup = true;
  EXPECT_TRUE(prepare_message(entry, queue, "", arena));
  entry.delay_seconds = 0;
  EXPECT_TRUE(prepare_message(entry, queue, "", arena));
  entry.delay_seconds = 1;
  EXPECT_FALSE(prepare_message(entry, queue, "", arena));
}

}  // namespace
}  // namespace leat::sqs
