#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "base/json_text.h"
#include "protocol/http/message.h"
#include "protocol/aws/json_codec.h"
#include "protocol/aws/query_codec.h"
#include "protocol/sqs/api.h"
#include "tests/protocol/sqs/memory_queues.h"

namespace leat::sqs {
namespace {

using namespace aws;
using aws::Outcome;
using ::testing::HasSubstr;

const Message* find_message(std::string_view action) {
  const auto found = std::ranges::find(messages(), action, &Message::action);
  return found == messages().end() ? nullptr : &*found;
}

template <class T>
Outcome<T> from_json(std::string_view action, std::string body, Arena& arena) {
  body.reserve(body.size() + http::HttpRequest::kBodyPadding);
  T object;
  LEAT_CHECK(decode_json(find_message(action)->input, &object, body, arena));
  return object;
}

template <class T>
Outcome<T> from_query(std::string_view action, std::string_view form, Arena& arena) {
  std::vector<Parameter> parameters;
  LEAT_CHECK(parse_form(form, arena, parameters));
  T object;
  LEAT_CHECK(decode_query(find_message(action)->input, &object, parameters, arena));
  return object;
}

template <class T>
std::string to_json(std::string_view action, const T& object) {
  std::string out;
  encode_json(find_message(action)->output, &object, out);
  return out;
}
template <class T>
std::string to_xml(std::string_view action, const T& object) {
  std::string out;
  encode_xml(find_message(action)->output, &object, out);
  return out;
}

void expect_same_batch(const SendMessageBatchInput& in) {
  EXPECT_EQ(in.queue_url, "http://h/000000000000/q");
  ASSERT_EQ(in.entries.size(), 2U);
  EXPECT_EQ(in.entries[0].id, "a");
  EXPECT_EQ(in.entries[0].body, "one & \"two\"\n");
  EXPECT_EQ(in.entries[0].delay_seconds, 5);
  ASSERT_EQ(in.entries[0].attributes.size(), 2U);
  EXPECT_EQ(in.entries[0].attributes[0].name, "n");
  EXPECT_EQ(in.entries[0].attributes[0].value.data_type, "Number");
  EXPECT_EQ(in.entries[0].attributes[0].value.string_value, "12");
  EXPECT_EQ(in.entries[0].attributes[1].name, "b");
  EXPECT_EQ(in.entries[0].attributes[1].value.binary_value.bytes, std::string_view("\0\xFF", 2));
  EXPECT_FALSE(is_set(in.entries[0].attributes[1].value.string_value));
  ASSERT_EQ(in.entries[0].system_attributes.size(), 1U);
  EXPECT_EQ(in.entries[0].system_attributes[0].value.string_value, "Root=1");
  EXPECT_EQ(in.entries[1].id, "b");
  EXPECT_EQ(in.entries[1].body, "\xE2\x82\xAC");
  EXPECT_FALSE(in.entries[1].delay_seconds);
  EXPECT_EQ(in.entries[1].group_id, "g");
  EXPECT_FALSE(is_set(in.entries[1].dedup_id));
}

TEST(SqsCodecs, ReadTheSameBatchFromBothForms) {
  Arena arena;
  const auto json =
      from_json<SendMessageBatchInput>("SendMessageBatch",
                                       R"({"QueueUrl":"http://h/000000000000/q","Unknown":{"a":[1]},"Entries":[
        {"Id":"a","MessageBody":"one & \"two\"\n","DelaySeconds":5,"MessageGroupId":null,
         "MessageAttributes":{"n":{"DataType":"Number","StringValue":"12"},"b":{"DataType":"Binary","BinaryValue":"AP8="}},
         "MessageSystemAttributes":{"AWSTraceHeader":{"DataType":"String","StringValue":"Root=1"}}},
        {"Id":"b","MessageBody":"\u20ac","MessageGroupId":"g"}]})",
                                       arena);
  ASSERT_TRUE(json) << json.error().message;
  expect_same_batch(*json);
  const auto query = from_query<SendMessageBatchInput>(
      "SendMessageBatch",
      "Action=SendMessageBatch&QueueUrl=http%3A%2F%2Fh%2F000000000000%2Fq"
      "&SendMessageBatchRequestEntry.10.MessageBody=%E2%82%AC&SendMessageBatchRequestEntry.10.Id=b"
      "&SendMessageBatchRequestEntry.10.MessageGroupId=g&SendMessageBatchRequestEntry.2.DelaySeconds=5"
      "&SendMessageBatchRequestEntry.2.MessageBody=one+%26+%22two%22%0A&SendMessageBatchRequestEntry.2.Id=a"
      "&SendMessageBatchRequestEntry.2.MessageAttribute.1.Name=n"
      "&SendMessageBatchRequestEntry.2.MessageAttribute.1.Value.DataType=Number"
      "&SendMessageBatchRequestEntry.2.MessageAttribute.1.Value.StringValue=12"
      "&SendMessageBatchRequestEntry.2.MessageAttribute.2.Value.BinaryValue=AP8%3D"
      "&SendMessageBatchRequestEntry.2.MessageAttribute.2.Value.DataType=Binary"
      "&SendMessageBatchRequestEntry.2.MessageAttribute.2.Name=b"
      "&SendMessageBatchRequestEntry.2.MessageSystemAttribute.1.Name=AWSTraceHeader"
      "&SendMessageBatchRequestEntry.2.MessageSystemAttribute.1.Value.DataType=String"
      "&SendMessageBatchRequestEntry.2.MessageSystemAttribute.1.Value.StringValue=Root%3D1",
      arena);
  ASSERT_TRUE(query) << query.error().message;
  expect_same_batch(*query);
}

TEST(SqsCodecs, ReadMapsOfTexts) {
  Arena arena;
  const auto json = from_json<CreateQueueInput>(
      "CreateQueue", R"({"QueueName":"q","Attributes":{"DelaySeconds":"1"},"tags":{"k":""}})", arena);
  const auto query = from_query<CreateQueueInput>(
      "CreateQueue", "QueueName=q&Attribute.1.Name=DelaySeconds&Attribute.1.Value=1&Tag.1.Key=k&Tag.1.Value=", arena);
  for (const auto* in : {&json, &query}) {
    ASSERT_TRUE(*in);
    ASSERT_EQ((*in)->attributes.size(), 1U);
    EXPECT_EQ((*in)->attributes[0].name, "DelaySeconds");
    EXPECT_EQ((*in)->attributes[0].value, "1");
    ASSERT_EQ((*in)->tags.size(), 1U);
    EXPECT_EQ((*in)->tags[0].name, "k");
    EXPECT_EQ((*in)->tags[0].value, "");
  }
}

TEST(SqsCodecs, RefuseWhatHasTheWrongType) {
  Arena arena;
  for (const std::string body : {
           "[]",
           "{",
           R"({"QueueUrl":1})",
           R"({"MaxNumberOfMessages":"1"})",
           R"({"MaxNumberOfMessages":1.5})",
           R"({"AttributeNames":"All"})",
           R"({"AttributeNames":[1]})",
           R"({"QueueUrl":"\ud800"})",
           "{\"QueueUrl\":\"\xFF\"}",
           R"({} {})",
       }) {
    const auto in = from_json<ReceiveMessageInput>("ReceiveMessage", body, arena);
    ASSERT_FALSE(in) << body;
    EXPECT_EQ(in.error().code, ErrorCode::malformed_input) << body;
  }
  for (const std::string_view form : {"MaxNumberOfMessages=one", "AttributeName.x=All", "AttributeName.-1=All"}) {
    const auto in = from_query<ReceiveMessageInput>("ReceiveMessage", form, arena);
    ASSERT_FALSE(in) << form;
    EXPECT_EQ(in.error().code, ErrorCode::malformed_input) << form;
  }
  const auto in = from_query<ReceiveMessageInput>("ReceiveMessage", "QueueUrl=%FF", arena);
  ASSERT_FALSE(in);
  EXPECT_EQ(in.error().code, ErrorCode::invalid_message_contents);
  std::string many;
  for (int i = 0; i < 5000; ++i) many += fmt::format("AttributeName.{}=All&", i);
  EXPECT_FALSE(from_query<ReceiveMessageInput>("ReceiveMessage", many, arena));
}

TEST(SqsCodecs, JsonListsAreBoundedAllTogether) {
  const auto read = [](int keys, int names) {
    std::string body = R"({"QueueUrl":"q","TagKeys":[)";
    for (int i = 0; i < keys; ++i) body += i == 0 ? "\"\"" : ",\"\"";
    body += R"(],"TagKeys":[)";
    for (int i = 0; i < names; ++i) body += i == 0 ? "\"\"" : ",\"\"";
    Arena arena;
    return from_json<UntagQueueInput>("UntagQueue", body + "]}", arena);
  };
  EXPECT_TRUE(read(2000, 2000));
  const auto refused = read(2000, 2001);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::malformed_input);
}

TEST(SqsCodecs, WriteAnswersInBothForms) {
  ReceiveMessageOutput out;
  auto& message = out.messages.emplace_back();
  message.message_id = "id";
  message.body = "<a> & \"b\"\r\n\t";
  message.attributes.push_back({"SentTimestamp", "1"});
  AttributeValue binary;
  binary.data_type = "Binary";
  binary.binary_value.bytes = std::string_view("\0\xFF", 2);
  message.message_attributes.push_back({"b", binary});
  EXPECT_EQ(to_json("ReceiveMessage", out),
            R"({"Messages":[{"MessageId":"id","Body":"<a> & \"b\"\r\n\t","Attributes":{"SentTimestamp":"1"},)"
            R"("MessageAttributes":{"b":{"BinaryValue":"AP8=","DataType":"Binary"}}}]})");
  EXPECT_EQ(to_xml("ReceiveMessage", out),
            "<Message><MessageId>id</MessageId><Body>&lt;a&gt; &amp; &quot;b&quot;&#xD;\n\t</Body>"
            "<Attribute><Name>SentTimestamp</Name><Value>1</Value></Attribute>"
            "<MessageAttribute><Name>b</Name><Value><BinaryValue>AP8=</BinaryValue><DataType>Binary</DataType></Value>"
            "</MessageAttribute></Message>");
}

TEST(SqsCodecs, EmptyListsAreThereWhereSdksExpectThem) {
  EXPECT_EQ(to_json("ReceiveMessage", ReceiveMessageOutput()), "{}");
  EXPECT_EQ(to_json("SendMessageBatch", SendMessageBatchOutput()), R"({"Successful":[],"Failed":[]})");
  EXPECT_EQ(to_json("ListDeadLetterSourceQueues", ListDeadLetterSourceQueuesOutput()), R"({"queueUrls":[]})");
  EXPECT_EQ(to_xml("SendMessageBatch", SendMessageBatchOutput()), "");
}

TEST(SqsCodecs, JsonEscapesWhateverItMust) {
  std::string text;
  for (int c = 0; c < 256; ++c) text += static_cast<char>(c < 0x80 ? c : 'x');
  std::string quoted;
  append_json_text(text, quoted);
  quoted.reserve(quoted.size() + 100);
  Arena arena;
  std::string body = fmt::format(R"({{"QueueUrl":{}}})", quoted);
  const auto in = from_json<QueueInput>("PurgeQueue", body, arena);
  ASSERT_TRUE(in) << in.error().message;
  EXPECT_EQ(in->queue_url, text);
}

TEST(SqsModel, HasEachActionWithItsHandlerAndFields) {
  EXPECT_EQ(messages().size(), 23U);
  const SqsOptions options;
  testing::MemoryQueues queues;
  PurgeTimes purge_times;
  const SqsApi api(options, queues, purge_times);
  for (const Message& message : api.messages()) {
    const bool is_own = &message - api.messages().data() >= 23;
    const auto action = api.find(message.action, is_own);
    ASSERT_TRUE(action) << message.action;
    EXPECT_EQ(&api.messages()[*action], &message);
    EXPECT_FALSE(api.find(message.action, !is_own)) << message.action;
    for (const Field& field : message.input.fields) {
      const bool has_structs = field.kind == Kind::structs || field.kind == Kind::struct_map;
      EXPECT_EQ(has_structs, field.shape != nullptr) << message.action << " " << field.name;
    }
  }
  EXPECT_FALSE(api.find("Nonsense", false));
  EXPECT_FALSE(api.find("", false));
}

TEST(SqsText, TakesTheCharactersThatSqsTakes) {
  EXPECT_TRUE(is_aws_text(""));
  EXPECT_TRUE(is_aws_text("a\t\r\n\xC3\xA9\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBD\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"));
  EXPECT_FALSE(is_aws_text(std::string_view("\0", 1)));
  EXPECT_FALSE(is_aws_text("\x1F"));
  EXPECT_FALSE(is_aws_text("\xEF\xBF\xBE"));      // U+FFFE
  EXPECT_FALSE(is_aws_text("\xEF\xBF\xBF"));      // U+FFFF
  EXPECT_FALSE(is_aws_text("\xED\xA0\x80"));      // a surrogate
  EXPECT_FALSE(is_aws_text("\xF4\x90\x80\x80"));  // above U+10FFFF
  EXPECT_FALSE(is_aws_text("\xC0\x80"));
  EXPECT_FALSE(is_aws_text(std::string(100, 'x') + "\x0B"));
}

TEST(SqsText, Base64GoesBothWaysAndRefusesTheRest) {
  for (const std::string_view text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"}) {
    EXPECT_EQ(from_base64(to_base64(text)), text);
    EXPECT_EQ(from_base64url(to_base64url(text)), text);
  }
  EXPECT_EQ(to_base64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(to_base64url("\xFB\xFF"), "-_8");
  for (const std::string_view text : {"Zg", "Zg=", "Z===", "Zm 9", "Zm9v\n", "Z=9v", "Zm9*", "===="})
    EXPECT_FALSE(from_base64(text)) << text;
  for (const std::string_view text : {"Zg==", "Zm+v", "Zm/v", "Z"}) EXPECT_FALSE(from_base64url(text)) << text;
}

}  // namespace
}  // namespace leat::sqs
