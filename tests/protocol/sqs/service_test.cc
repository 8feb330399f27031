#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "observe/metrics_page.h"
#include "protocol/sqs/server.h"
#include "runtime/shard.h"
#include "tests/observe/exposition.h"
#include "tests/protocol/http/client.h"
#include "tests/protocol/sqs/memory_queues.h"

// The protocol over real connections, on queues in memory. Coroutines hold no temporaries of co_await inside EXPECT: each
// awaited value has a name.
namespace leat::sqs {
namespace {

using http::testing::Answer;
using http::testing::Client;
using http::testing::run;
using nlohmann::json;
using runtime::Task;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using namespace std::chrono_literals;

struct Served {
  explicit Served(SqsOptions options = {})
      : shard(runtime::Shard::current(), std::move(options), queues, purge_times),
        acceptor({&shard.http_server()}, std::move(*runtime::Shard::current().network().listen("127.0.0.1", 0))) {
    acceptor.start();
  }
  Task<> stop() {
    co_await acceptor.stop();
    co_await shard.stop(runtime::Shard::current().now() + 10s);
  }
  // An action in JSON, and its answer.
  Task<Answer> call(std::string action, json input) {
    auto client = co_await Client::connect(acceptor.port());
    const std::string body = input.dump();
    co_await client->send(request(action, body));
    auto answer = co_await client->receive();
    EXPECT_TRUE(answer) << action;
    client->close();
    co_return answer.value_or(Answer{});
  }
  // An action that succeeds.
  Task<json> done(std::string action, json input) {
    const Answer answer = co_await call(action, std::move(input));
    EXPECT_EQ(answer.status, 200) << action << ": " << answer.body;
    EXPECT_EQ(answer.headers.at("Content-Type"), "application/x-amz-json-1.0");
    co_return json::parse(answer.body);
  }
  // The query error of an action that fails, its status and its shape: "Code;Sender 400 Shape".
  Task<std::string> failure(std::string action, json input) {
    const Answer answer = co_await call(std::move(action), std::move(input));
    const json body = json::parse(answer.body);
    EXPECT_TRUE(body.contains("message"));
    const auto header = answer.headers.find("x-amzn-query-error");
    const std::string type = body.value("__type", "#?");
    co_return fmt::format("{} {} {}", header == answer.headers.end() ? "none" : header->second, answer.status,
                          type.substr(type.find('#') + 1));
  }
  Task<Answer> form(std::string path, std::string body) {
    auto client = co_await Client::connect(acceptor.port());
    co_await client->send(
        fmt::format("POST {} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: "
                    "{}\r\n\r\n{}",
                    path, body.size(), body));
    auto answer = co_await client->receive();
    EXPECT_TRUE(answer) << body;
    client->close();
    co_return answer.value_or(Answer{});
  }
  static std::string request(std::string_view action, std::string_view body) {
    return fmt::format(
        "POST / HTTP/1.1\r\nHost: h:1\r\nX-Amz-Target: AmazonSQS.{}\r\nContent-Type: application/x-amz-json-1.0\r\n"
        "Content-Length: {}\r\n\r\n{}",
        action, body.size(), body);
  }

  testing::MemoryQueues queues;
  PurgeTimes purge_times;
  SqsShard shard;
  http::Acceptor acceptor;
};

const std::string kUrl = "http://elsewhere:99/000000000000/q";

Task<> sends_and_receives() {
  Served served;
  const json created = co_await served.done("CreateQueue", {{"QueueName", "q"}});
  EXPECT_EQ(created["QueueUrl"], "http://h:1/000000000000/q");
  const json sent = co_await served.done(
      "SendMessage", {{"QueueUrl", kUrl},
                      {"MessageBody", "hello"},
                      {"MessageAttributes", {{"n", {{"DataType", "Number"}, {"StringValue", "1"}}}}}});
  EXPECT_EQ(sent["MD5OfMessageBody"], "5d41402abc4b2a76b9719d911017c592");
  EXPECT_FALSE(sent.contains("SequenceNumber"));
  const json received = co_await served.done(
      "ReceiveMessage",
      {{"QueueUrl", kUrl}, {"MessageSystemAttributeNames", {"All"}}, {"MessageAttributeNames", {"All"}}});
  EXPECT_EQ(received["Messages"].size(), 1U);
  const json message = received["Messages"][0];
  EXPECT_EQ(message["MessageId"], sent["MessageId"]);
  EXPECT_EQ(message["Body"], "hello");
  EXPECT_EQ(message["MD5OfBody"], sent["MD5OfMessageBody"]);
  EXPECT_EQ(message["MD5OfMessageAttributes"], sent["MD5OfMessageAttributes"]);
  EXPECT_EQ(message["MessageAttributes"]["n"]["DataType"], "Number");
  EXPECT_EQ(message["Attributes"]["ApproximateReceiveCount"], "1");
  EXPECT_EQ(message["Attributes"]["SenderId"], "000000000000");
  const json nothing = co_await served.done("ReceiveMessage", {{"QueueUrl", kUrl}});
  EXPECT_EQ(nothing, json::object());
  const json& handle = message["ReceiptHandle"];
  co_await served.done("ChangeMessageVisibility",
                       {{"QueueUrl", kUrl}, {"ReceiptHandle", handle}, {"VisibilityTimeout", 0}});
  const json again = co_await served.done("ReceiveMessage", {{"QueueUrl", kUrl}, {"AttributeNames", {"All"}}});
  EXPECT_EQ(again["Messages"][0]["Attributes"]["ApproximateReceiveCount"], "2");
  EXPECT_FALSE(again["Messages"][0].contains("MessageAttributes"));  // nobody asked for them
  co_await served.done("DeleteMessage", {{"QueueUrl", kUrl}, {"ReceiptHandle", again["Messages"][0]["ReceiptHandle"]}});
  co_await served.done("DeleteMessage", {{"QueueUrl", kUrl}, {"ReceiptHandle", again["Messages"][0]["ReceiptHandle"]}});
  const json attributes = co_await served.done(
      "GetQueueAttributes",
      {{"QueueUrl", kUrl},
       {"AttributeNames", {"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"}}});
  EXPECT_EQ(attributes["Attributes"],
            (json{{"ApproximateNumberOfMessages", "0"}, {"ApproximateNumberOfMessagesNotVisible", "0"}}));
  co_await served.stop();
}
TEST(SqsService, SendsReceivesReleasesAndDeletes) { run(sends_and_receives); }

Task<> speaks_query() {
  Served served;
  const Answer created = co_await served.form("/", "Action=CreateQueue&QueueName=q&Tag.1.Key=k&Tag.1.Value=v");
  EXPECT_EQ(created.status, 200);
  EXPECT_EQ(created.headers.at("Content-Type"), "text/xml");
  EXPECT_THAT(created.body, HasSubstr("<CreateQueueResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\">"
                                      "<CreateQueueResult><QueueUrl>http://x/000000000000/q</QueueUrl>"
                                      "</CreateQueueResult><ResponseMetadata><RequestId>"));
  // The path names the queue.
  const Answer sent = co_await served.form("/000000000000/q", "Action=SendMessage&MessageBody=a+b%3Cc%3E");
  EXPECT_EQ(sent.status, 200) << sent.body;
  const Answer received =
      co_await served.form("/000000000000/q", "Action=ReceiveMessage&AttributeName.1=SentTimestamp");
  EXPECT_THAT(received.body, HasSubstr("<Body>a b&lt;c&gt;</Body><Attribute><Name>SentTimestamp</Name><Value>"));
  const Answer purged = co_await served.form("/", "Action=PurgeQueue&QueueUrl=http%3A%2F%2Fx%2F000000000000%2Fq");
  EXPECT_THAT(purged.body, HasSubstr("\"><ResponseMetadata>"));  // no result
  const Answer missing = co_await served.form("/", "Action=GetQueueUrl&QueueName=none");
  EXPECT_EQ(missing.status, 400);
  EXPECT_THAT(missing.body, HasSubstr("<Error><Type>Sender</Type><Code>AWS.SimpleQueueService.NonExistentQueue</Code>"
                                      "<Message>The specified queue does not exist.</Message>"));
  const Answer no_action = co_await served.form("/", "QueueName=none");
  EXPECT_THAT(no_action.body, HasSubstr("<Code>MissingParameter</Code>"));
  co_await served.stop();
}
TEST(SqsService, SpeaksTheQueryForm) { run(speaks_query); }

struct Failing {
  std::string action;
  json input;
  std::string expected;
};

Task<> names_errors() {
  Served served;
  co_await served.done("CreateQueue", {{"QueueName", "q"}, {"Attributes", {{"DelaySeconds", "1"}}}});
  co_await served.done("CreateQueue", {{"QueueName", "f.fifo"}, {"Attributes", {{"FifoQueue", "true"}}}});
  json eleven = json::array();
  for (int i = 0; i < 11; ++i) eleven.push_back({{"Id", fmt::to_string(i)}, {"MessageBody", "x"}});
  json large = json::array();
  for (int i = 0; i < 2; ++i) large.push_back({{"Id", fmt::to_string(i)}, {"MessageBody", std::string(600'000, 'x')}});
  const std::string invalid = "InvalidParameterValue;Sender 400 InvalidParameterValueException";
  const std::string missing = "MissingParameter;Sender 400 MissingRequiredParameterException";
  const std::string aws = "AWS.SimpleQueueService.";
  const json q = {{"QueueUrl", kUrl}};
  const auto with = [&q](json more) {
    json input = q;
    input.update(more);
    return input;
  };
  const std::vector<Failing> cases{
      {"Nonsense", {}, "InvalidAction;Sender 400 UnknownOperationException"},
      {"SendMessage", {{"MessageBody", "x"}}, missing},
      {"SendMessage", q, missing},
      {"SendMessage", {{"QueueUrl", 5}}, "MalformedInput;Sender 400 SerializationException"},
      {"SendMessage",
       {{"QueueUrl", "http://x/1/none"}, {"MessageBody", "x"}},
       aws + "NonExistentQueue;Sender 400 QueueDoesNotExist"},
      {"SendMessage", {{"QueueUrl", "http://x/"}, {"MessageBody", "x"}}, "InvalidAddress;Sender 404 InvalidAddress"},
      {"SendMessage", with({{"MessageBody", "\x01"}}), "InvalidMessageContents;Sender 400 InvalidMessageContents"},
      {"SendMessageBatch", q, aws + "EmptyBatchRequest;Sender 400 EmptyBatchRequest"},
      {"SendMessageBatch", with({{"Entries", eleven}}),
       aws + "TooManyEntriesInBatchRequest;Sender 400 TooManyEntriesInBatchRequest"},
      {"SendMessageBatch", with({{"Entries", large}}), aws + "BatchRequestTooLong;Sender 400 BatchRequestTooLong"},
      {"SendMessageBatch",
       with({{"Entries", {{{"Id", "a"}, {"MessageBody", "x"}}, {{"Id", "a"}, {"MessageBody", "x"}}}}}),
       aws + "BatchEntryIdsNotDistinct;Sender 400 BatchEntryIdsNotDistinct"},
      {"SendMessageBatch", with({{"Entries", {{{"Id", "a b"}, {"MessageBody", "x"}}}}}),
       aws + "InvalidBatchEntryId;Sender 400 InvalidBatchEntryId"},
      {"ReceiveMessage", with({{"MaxNumberOfMessages", 0}}), invalid},
      {"ReceiveMessage", with({{"MaxNumberOfMessages", 11}}), invalid},
      {"ReceiveMessage", with({{"WaitTimeSeconds", 21}}), invalid},
      {"ReceiveMessage", with({{"VisibilityTimeout", 43'201}}), invalid},
      {"ReceiveMessage", with({{"AttributeNames", {"Nope"}}}), "InvalidAttributeName;Sender 400 InvalidAttributeName"},
      {"ReceiveMessage", with({{"ReceiveRequestAttemptId", "x"}}), invalid},
      {"DeleteMessage", with({{"ReceiptHandle", "x"}}), "ReceiptHandleIsInvalid;Sender 404 ReceiptHandleIsInvalid"},
      {"ChangeMessageVisibility", with({{"ReceiptHandle", "x"}}), missing},
      {"CreateQueue", {{"QueueName", "a b"}}, invalid},
      {"CreateQueue", {{"QueueName", std::string(81, 'x')}}, invalid},
      {"CreateQueue", {{"QueueName", "g.fifo"}}, invalid},
      {"CreateQueue", {{"QueueName", "g"}, {"Attributes", {{"FifoQueue", "true"}}}}, invalid},
      {"CreateQueue",
       {{"QueueName", "g"}, {"Attributes", {{"Nope", "1"}}}},
       "InvalidAttributeName;Sender 400 InvalidAttributeName"},
      {"CreateQueue",
       {{"QueueName", "g"}, {"Attributes", {{"ContentBasedDeduplication", "true"}}}},
       "InvalidAttributeName;Sender 400 InvalidAttributeName"},
      {"CreateQueue",
       {{"QueueName", "g"}, {"Attributes", {{"DelaySeconds", "901"}}}},
       "InvalidAttributeValue;Sender 400 InvalidAttributeValue"},
      {"CreateQueue",
       {{"QueueName", "q"}, {"Attributes", {{"DelaySeconds", "2"}}}},
       "QueueAlreadyExists;Sender 400 QueueNameExists"},
      {"SetQueueAttributes", with({{"Attributes", {{"QueueArn", "x"}}}}),
       "InvalidAttributeName;Sender 400 InvalidAttributeName"},
      {"AddPermission",
       with({{"Label", "l"},
             {"AWSAccountIds", {"123456789012"}},
             {"Actions", json::array({"SendMessage", "SendMessage", "SendMessage", "SendMessage", "SendMessage",
                                      "SendMessage", "SendMessage", "SendMessage"})}}),
       "OverLimit;Sender 403 OverLimit"},
      {"RemovePermission", with({{"Label", "l"}}), invalid},
      {"ListQueues", {{"MaxResults", 1001}}, invalid},
      {"StartMessageMoveTask",
       {{"SourceArn", "arn:aws:sqs:r:0:none"}},
       "ResourceNotFoundException;Sender 404 ResourceNotFoundException"},
      {"StartMessageMoveTask", {{"SourceArn", "arn:aws:sqs:r:0:q"}}, invalid},
      {"CancelMessageMoveTask", {{"TaskHandle", "e30="}}, invalid},
      {"TagQueue", with({{"Tags", {{"leat:nonsense", "1"}}}}), invalid},
      {"TagQueue", with({{"Tags", {{"leat:topic", "t"}}}}), invalid},
  };
  for (const Failing& one : cases) {
    const std::string failure = co_await served.failure(one.action, one.input);
    EXPECT_EQ(failure, one.expected) << one.action << " " << one.input.dump().substr(0, 200);
  }
  served.queues.fail_next(Errc::would_block);
  const std::string full = co_await served.failure("SendMessage", with({{"MessageBody", "x"}}));
  EXPECT_EQ(full, "RequestThrottled;Sender 403 RequestThrottled");
  served.queues.fail_next(Errc::too_large);
  const std::string over = co_await served.failure("ReceiveMessage", q);
  EXPECT_EQ(over, "OverLimit;Sender 403 OverLimit");
  served.queues.fail_next(Errc::disk_full);
  const std::string down = co_await served.failure("SendMessage", with({{"MessageBody", "x"}}));
  EXPECT_EQ(down, "ServiceUnavailable;Receiver 503 ServiceUnavailable");
  served.queues.fail_next(Errc::disk_full);
  const std::string unpurged = co_await served.failure("PurgeQueue", q);
  EXPECT_EQ(unpurged, "ServiceUnavailable;Receiver 503 ServiceUnavailable");
  co_await served.done("PurgeQueue", q);
  const std::string purged = co_await served.failure("PurgeQueue", q);
  EXPECT_EQ(purged, aws + "PurgeQueueInProgress;Sender 403 PurgeQueueInProgress");
  observe::MetricsPage page;
  served.shard.collect(page);
  const auto shown = observe::parse_exposition(page.text());
  EXPECT_EQ(shown.error, "");
  EXPECT_EQ(shown.samples.at("leat_sqs_errors_total{action=\"other\",error=\"UnknownOperationException\"}"), 1);
  EXPECT_EQ(shown.samples.at("leat_sqs_errors_total{action=\"PurgeQueue\",error=\"PurgeQueueInProgress\"}"), 1);
  EXPECT_EQ(shown.samples.at("leat_sqs_requests_total{action=\"PurgeQueue\"}"), 3);
  co_await served.stop();
}
TEST(SqsService, NamesEveryErrorAsSdksKnowIt) { run(names_errors); }

Task<> batches() {
  Served served;
  co_await served.done("CreateQueue", {{"QueueName", "q"}});
  json entries = json::array({{{"Id", "good"}, {"MessageBody", "one"}},
                              {{"Id", "bad"}, {"MessageBody", "\x02"}},
                              {{"Id", "late"}, {"MessageBody", "two"}, {"DelaySeconds", 901}}});
  const json sent = co_await served.done("SendMessageBatch", {{"QueueUrl", kUrl}, {"Entries", entries}});
  EXPECT_EQ(sent["Successful"].size(), 1U);
  EXPECT_EQ(sent["Successful"][0]["Id"], "good");
  EXPECT_EQ(sent["Failed"].size(), 2U);
  EXPECT_EQ(sent["Failed"][0]["Code"], "InvalidMessageContents");
  EXPECT_EQ(sent["Failed"][0]["SenderFault"], true);
  EXPECT_EQ(sent["Failed"][1]["Code"], "InvalidParameterValue");
  const json received = co_await served.done("ReceiveMessage", {{"QueueUrl", kUrl}});
  const json handle = received["Messages"][0]["ReceiptHandle"];
  const json changed = co_await served.done("ChangeMessageVisibilityBatch",
                                            {{"QueueUrl", kUrl},
                                             {"Entries",
                                              {{{"Id", "a"}, {"ReceiptHandle", handle}, {"VisibilityTimeout", 10}},
                                               {{"Id", "b"}, {"ReceiptHandle", handle}, {"VisibilityTimeout", -1}},
                                               {{"Id", "c"}, {"ReceiptHandle", handle}}}}});
  EXPECT_EQ(changed["Successful"], json::array({{{"Id", "a"}}}));
  EXPECT_EQ(changed["Failed"].size(), 2U);
  const json deleted = co_await served.done(
      "DeleteMessageBatch",
      {{"QueueUrl", kUrl},
       {"Entries", {{{"Id", "a"}, {"ReceiptHandle", handle}}, {{"Id", "b"}, {"ReceiptHandle", "x"}}}}});
  EXPECT_EQ(deleted["Successful"], json::array({{{"Id", "a"}}}));
  EXPECT_EQ(deleted["Failed"][0]["Code"], "ReceiptHandleIsInvalid");
  co_await served.stop();
}
TEST(SqsService, BatchesSucceedInPart) { run(batches); }

Task<> shows_kafka_records() {
  Served served;
  co_await served.done("CreateQueue", {{"QueueName", "q"}});
  served.queues.append("q", "key", "\xFF\xFE", {{"text", "v"}, {"raw", "\xFF"}, {"text", "last"}, {"leat-due", "1"}});
  served.queues.append("q", "\xFF", std::nullopt, {});
  const json received = co_await served.done("ReceiveMessage", {{"QueueUrl", kUrl},
                                                                {"MaxNumberOfMessages", 10},
                                                                {"AttributeNames", {"MessageGroupId"}},
                                                                {"MessageAttributeNames", {"te.*", "text", "raw"}}});
  EXPECT_EQ(received["Messages"].size(), 2U);
  const json& first = received["Messages"][0];
  EXPECT_EQ(first["Body"], "//4=");
  EXPECT_EQ(first["Attributes"], (json{{"MessageGroupId", "key"}}));
  EXPECT_EQ(first["MessageAttributes"], (json{{"text", {{"DataType", "String"}, {"StringValue", "last"}}},
                                              {"raw", {{"DataType", "Binary"}, {"BinaryValue", "/w=="}}},
                                              {"leat-encoding", {{"DataType", "String"}, {"StringValue", "base64"}}}}));
  const json& second = received["Messages"][1];
  EXPECT_EQ(second["Body"], "");
  EXPECT_EQ(second["Attributes"]["MessageGroupId"], "/w==");
  co_await served.stop();
}
TEST(SqsService, ShowsRecordsOfOtherProducers) { run(shows_kafka_records); }

Task<> attaches_to_topics() {
  Served served;
  served.queues.add_topic("events");
  co_await served.done("CreateQueue", {{"QueueName", "q"},
                                       {"tags",
                                        {{"leat:topic", "events"},
                                         {"leat:start", "time:1700000000000"},
                                         {"leat:priorities", "true"},
                                         {"leat:depth_max", "1000"},
                                         {"team", "a"}}}});
  const auto& made = served.queues.last_created();
  EXPECT_EQ(made.topic, "events");
  EXPECT_EQ(made.start.kind, queue::StartAt::Kind::time);
  EXPECT_EQ(made.start.value, 1'700'000'000'000);
  EXPECT_TRUE(made.settings.priorities);
  EXPECT_EQ(made.settings.depth_max, 1000);
  EXPECT_EQ(made.tags.at("team"), "a");
  co_await served.done("TagQueue", {{"QueueUrl", kUrl}, {"Tags", {{"leat:depth_max", "5"}}}});
  EXPECT_EQ(served.queues.find("q")->settings.depth_max, 5);
  co_await served.done("UntagQueue", {{"QueueUrl", kUrl}, {"TagKeys", {"leat:depth_max", "team"}}});
  EXPECT_EQ(served.queues.find("q")->settings.depth_max, 0);
  const json tags = co_await served.done("ListQueueTags", {{"QueueUrl", kUrl}});
  EXPECT_THAT(tags["Tags"], SizeIs(3));
  const std::string missing =
      co_await served.failure("CreateQueue", {{"QueueName", "r"}, {"tags", {{"leat:topic", "none"}}}});
  EXPECT_EQ(missing, "InvalidParameterValue;Sender 400 InvalidParameterValueException");
  co_await served.stop();
}
TEST(SqsService, TagsAttachQueuesToTopicsAndSetWhatSqsDoesNotKnow) { run(attaches_to_topics); }

json redrive_policy(std::string_view target, int count) {
  return {{"RedrivePolicy",
           fmt::format(R"({{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:{}","maxReceiveCount":"{}"}})",
                       target, count)}};
}

Task<> redrives() {
  Served served;
  const std::string invalid = "InvalidParameterValue;Sender 400 InvalidParameterValueException";
  co_await served.done("CreateQueue", {{"QueueName", "dead"}});
  co_await served.done("CreateQueue", {{"QueueName", "dead.fifo"}, {"Attributes", {{"FifoQueue", "true"}}}});
  co_await served.done("CreateQueue", {{"QueueName", "q"}, {"Attributes", redrive_policy("dead", 3)}});
  EXPECT_EQ(served.queues.find("q")->settings.deliveries_max, 3);
  for (const auto& [target, count] : {std::pair("none", 1), std::pair("dead", 0), std::pair("dead", 1001),
                                      std::pair("dead.fifo", 1), std::pair("q", 1)}) {
    const std::string failure = co_await served.failure(
        "SetQueueAttributes", {{"QueueUrl", kUrl}, {"Attributes", redrive_policy(target, count)}});
    EXPECT_EQ(failure, invalid) << target << " " << count;
  }
  const json dead = {{"QueueUrl", "http://x/1/dead"}};
  const json sources = co_await served.done("ListDeadLetterSourceQueues", dead);
  EXPECT_EQ(sources["queueUrls"], json::array({"http://h:1/000000000000/q"}));
  json allow = dead;
  allow["Attributes"] = {
      {"RedriveAllowPolicy", R"({"redrivePermission":"byQueue","sourceQueueArns":["arn:aws:sqs:r:0:other"]})"}};
  co_await served.done("SetQueueAttributes", allow);
  const std::string denied =
      co_await served.failure("SetQueueAttributes", {{"QueueUrl", kUrl}, {"Attributes", redrive_policy("dead", 3)}});
  EXPECT_EQ(denied, invalid);
  const json source = {{"SourceArn", "arn:aws:sqs:us-east-1:000000000000:dead"}};
  const json task = co_await served.done("StartMessageMoveTask", source);
  const std::string second = co_await served.failure("StartMessageMoveTask", source);
  EXPECT_EQ(second, invalid);
  const json listed = co_await served.done("ListMessageMoveTasks", source);
  EXPECT_EQ(listed["Results"][0]["TaskHandle"], task["TaskHandle"]);
  EXPECT_EQ(listed["Results"][0]["Status"], "RUNNING");
  co_await served.done("CancelMessageMoveTask", task);
  const std::string cancelled = co_await served.failure("CancelMessageMoveTask", task);
  EXPECT_EQ(cancelled, invalid);
  co_await served.stop();
}
TEST(SqsService, RedrivePoliciesAndMoveTasksFollowTheRules) { run(redrives); }

Task<> bounds_browsing() {
  Served served;
  co_await served.done("CreateQueue", {{"QueueName", "q"}});
  for (int i = 0; i < 4; ++i)
    co_await served.done("SendMessage", {{"QueueUrl", kUrl}, {"MessageBody", std::string(400'000, 'x')}});
  auto client = co_await Client::connect(served.acceptor.port());
  std::string request = Served::request("BrowseMessages", json({{"QueueUrl", kUrl}}).dump());
  request.replace(request.find("AmazonSQS"), 9, "Leat");
  co_await client->send(request);
  const auto answer = co_await client->receive();
  EXPECT_EQ(answer->status, 200);
  const json shown = json::parse(answer->body);
  EXPECT_EQ(shown["Messages"].size(), 2U);
  EXPECT_EQ(shown["Truncated"], true);
  client->close();
  co_await served.stop();
}
TEST(SqsService, BrowsingShowsNoMoreThanAnAnswerHolds) { run(bounds_browsing); }

Task<> checks_throughput_limits() {
  Served served;
  const auto created = [&served](json attributes) {
    attributes["FifoQueue"] = "true";
    return served.call("CreateQueue", {{"QueueName", "l.fifo"}, {"Attributes", std::move(attributes)}});
  };
  const Answer alone = co_await created({{"FifoThroughputLimit", "perMessageGroupId"}});
  EXPECT_EQ(alone.status, 400);
  EXPECT_THAT(alone.body, HasSubstr("InvalidAttributeValue"));
  // Whichever of them comes first.
  const Answer both =
      co_await created({{"DeduplicationScope", "messageGroup"}, {"FifoThroughputLimit", "perMessageGroupId"}});
  EXPECT_EQ(both.status, 200) << both.body;
  const json back = {{"QueueUrl", "http://x/1/l.fifo"}, {"Attributes", {{"DeduplicationScope", "queue"}}}};
  const Answer set = co_await served.call("SetQueueAttributes", back);
  EXPECT_THAT(set.body, HasSubstr("InvalidAttributeValue"));
  co_await served.stop();
}
TEST(SqsService, ThroughputPerGroupNeedsDeduplicationPerGroup) { run(checks_throughput_limits); }

Task<> refuses_deep_policies() {
  Served served;
  co_await served.done("CreateQueue", {{"QueueName", "q"}});
  const auto set = [](std::string name, std::string value) -> json {
    return {{"QueueUrl", kUrl}, {"Attributes", {{std::move(name), std::move(value)}}}};
  };
  // Deeper than any stack bears, longer than a value may be, and deep within that length.
  for (const std::size_t depth : {200'000U, 8'000U, 33U}) {
    const std::string deep = std::string(depth, '[') + std::string(depth, ']');
    for (const std::string name : {"Policy", "RedrivePolicy", "RedriveAllowPolicy"}) {
      const Answer answer = co_await served.call(
          "SetQueueAttributes",
          set(name, fmt::format(R"({{"deadLetterTargetArn":"arn:aws:sqs:r:0:q","maxReceiveCount":{}}})", deep)));
      EXPECT_EQ(answer.status, 400) << name << " " << depth;
    }
  }
  const Answer list = co_await served.call(
      "SetQueueAttributes",
      set("RedrivePolicy", R"({"deadLetterTargetArn":"arn:aws:sqs:r:0:q","maxReceiveCount":["echoed"]})"));
  EXPECT_THAT(list.body, HasSubstr("Invalid value for maxReceiveCount: array"));
  co_await served.done("SetQueueAttributes", set("Policy", R"({"Statement":[{"Principal":{"AWS":["*"]}}]})"));
  co_await served.stop();
}
TEST(SqsService, PoliciesThatAreNestedDeeplyAreRefused) { run(refuses_deep_policies); }

Task<> pages() {
  Served served;
  for (int i = 0; i < 5; ++i) co_await served.done("CreateQueue", {{"QueueName", fmt::format("p{}", i)}});
  co_await served.done("CreateQueue", {{"QueueName", "other"}});
  std::vector<std::string> urls;
  json input = {{"QueueNamePrefix", "p"}, {"MaxResults", 2}};
  for (int page = 0; page < 3; ++page) {
    const json listed = co_await served.done("ListQueues", input);
    for (const auto& url : listed["QueueUrls"]) urls.push_back(url);
    EXPECT_EQ(listed.contains("NextToken"), page < 2);
    if (listed.contains("NextToken")) input["NextToken"] = listed["NextToken"];
  }
  EXPECT_THAT(urls, SizeIs(5));
  EXPECT_EQ(urls.back(), "http://h:1/000000000000/p4");
  co_await served.stop();
}
TEST(SqsService, ListsQueuesPageByPage) { run(pages); }

Task<> long_polls() {
  SqsOptions options;
  options.http.request_timeout = 50ms;
  Served served(options);
  co_await served.done("CreateQueue", {{"QueueName", "q"}});
  auto poller = co_await Client::connect(served.acceptor.port());
  co_await poller->send(Served::request("ReceiveMessage", json({{"QueueUrl", kUrl}, {"WaitTimeSeconds", 20}}).dump()));
  while (served.queues.waiting() == 0) co_await runtime::sleep_for(1ms);
  co_await runtime::sleep_for(100ms);  // longer than a request may take to arrive, or an answer to be taken
  co_await served.done("SendMessage", {{"QueueUrl", kUrl}, {"MessageBody", "x"}});
  const auto answer = co_await poller->receive();
  EXPECT_TRUE(answer && answer->body.contains("\"Body\":\"x\""));
  // A poller that went away takes nothing.
  co_await poller->send(Served::request("ReceiveMessage", json({{"QueueUrl", kUrl}, {"WaitTimeSeconds", 20}}).dump()));
  while (served.queues.waiting() == 0) co_await runtime::sleep_for(1ms);
  poller->close();
  while (served.queues.waiting() > 0) co_await runtime::sleep_for(1ms);
  co_await served.done("SendMessage", {{"QueueUrl", kUrl}, {"MessageBody", "y"}});
  const json received = co_await served.done("ReceiveMessage", {{"QueueUrl", kUrl}});
  EXPECT_EQ(received["Messages"][0]["Body"], "y");
  co_await served.stop();
}
TEST(SqsService, LongPollsOutliveTimeoutsButNotTheirClients) { run(long_polls); }

Task<> demands_signatures() {
  SqsOptions options;
  options.access_keys.add("AKID", "secret");
  Served served(std::move(options));
  const std::string unsigned_call = co_await served.failure("ListQueues", json::object());
  EXPECT_EQ(unsigned_call, "MissingAuthenticationToken;Sender 403 MissingAuthenticationTokenException");
  const Answer presigned = co_await served.form(
      "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=NOPE%2F20150830%2Fus-east-1%2Fsqs%2Faws4_request&"
      "X-Amz-Date=20150830T123600Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00",
      "Action=ListQueues");
  EXPECT_EQ(presigned.status, 403);
  EXPECT_THAT(presigned.body, HasSubstr("<Code>InvalidClientTokenId</Code>"));
  const Answer expired = co_await served.form(
      "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20150830%2Fus-east-1%2Fsqs%2Faws4_request&"
      "X-Amz-Date=20150830T123600Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00",
      "Action=ListQueues");
  EXPECT_EQ(expired.status, 403);
  EXPECT_THAT(expired.body, HasSubstr("<Code>RequestExpired</Code>"));
  co_await served.stop();
}
TEST(SqsService, DemandsSignaturesOnceThereAreKeys) { run(demands_signatures); }

Task<> fifo() {
  Served served;
  const json url = {{"QueueUrl", "f.fifo"}};
  co_await served.done("CreateQueue", {{"QueueName", "f.fifo"}, {"Attributes", {{"FifoQueue", "true"}}}});
  const json message = {
      {"QueueUrl", "f.fifo"}, {"MessageBody", "a"}, {"MessageGroupId", "g"}, {"MessageDeduplicationId", "d"}};
  const json first = co_await served.done("SendMessage", message);
  EXPECT_THAT(first["SequenceNumber"].get<std::string>(), SizeIs(20));
  const json repeated = co_await served.done("SendMessage", message);
  EXPECT_EQ(repeated["MessageId"], first["MessageId"]);
  EXPECT_EQ(repeated["SequenceNumber"], first["SequenceNumber"]);
  const json received = co_await served.done(
      "ReceiveMessage", {{"QueueUrl", "f.fifo"}, {"AttributeNames", {"All"}}, {"VisibilityTimeout", 0}});
  EXPECT_EQ(received["Messages"][0]["Attributes"]["MessageDeduplicationId"], "d");
  EXPECT_EQ(received["Messages"][0]["Attributes"]["SequenceNumber"], first["SequenceNumber"]);
  co_await served.done("ReceiveMessage", url);  // somebody else has it now
  const std::string stale = co_await served.failure(
      "DeleteMessage", {{"QueueUrl", "f.fifo"}, {"ReceiptHandle", received["Messages"][0]["ReceiptHandle"]}});
  EXPECT_EQ(stale, "InvalidParameterValue;Sender 400 InvalidParameterValueException");
  const json attributes =
      co_await served.done("GetQueueAttributes", {{"QueueUrl", "f.fifo"}, {"AttributeNames", {"All"}}});
  EXPECT_EQ(attributes["Attributes"]["FifoQueue"], "true");
  EXPECT_EQ(attributes["Attributes"]["DeduplicationScope"], "queue");
  EXPECT_EQ(attributes["Attributes"]["FifoThroughputLimit"], "perQueue");
  co_await served.stop();
}
TEST(SqsService, FifoQueuesHaveSequenceNumbersAndExpiringHandles) { run(fifo); }

}  // namespace
}  // namespace leat::sqs
