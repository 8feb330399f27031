#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "protocol/aws/text.h"
#include "protocol/sns/subscription.h"
#include "runtime/sync.h"
#include "tests/protocol/sns/served.h"

// SNS's actions over real connections, on queues in memory, without deliveries. Coroutines hold no temporaries of co_await
// inside EXPECT: each awaited value has a name.
namespace leat::sns {
namespace {

using http::testing::Answer;
using http::testing::run;
using nlohmann::json;
using runtime::Task;
using testing::element;
using ::testing::HasSubstr;
using testing::kQueueArn;
using testing::kTopicArn;
using ::testing::Not;
using testing::Parameters;
using testing::Served;

Parameters on_topic(Parameters more = {}) {
  more.insert(more.begin(), {"TopicArn", kTopicArn});
  return more;
}
Parameters to_http(std::string endpoint = "http://127.0.0.1:1/") {
  return on_topic({{"Protocol", "http"}, {"Endpoint", std::move(endpoint)}, {"ReturnSubscriptionArn", "true"}});
}
Parameters to_queue(std::string arn = kQueueArn) {
  return on_topic({{"Protocol", "sqs"}, {"Endpoint", std::move(arn)}});
}
void add_attribute(Parameters& parameters, std::size_t number, std::string name, std::string value) {
  parameters.emplace_back(fmt::format("Attributes.entry.{}.key", number), std::move(name));
  parameters.emplace_back(fmt::format("Attributes.entry.{}.value", number), std::move(value));
}

Task<> makes_topics() {
  Served served;
  const std::string made = co_await served.done("CreateTopic", {{"Name", "t"}});
  EXPECT_EQ(element(made, "TopicArn"), kTopicArn);
  const auto queue = served.queues.find("t.sns");
  EXPECT_TRUE(queue != nullptr && is_topic(*queue) && queue->owns_topic);
  const std::string again = co_await served.done("CreateTopic", {{"Name", "t"}});
  EXPECT_EQ(element(again, "TopicArn"), kTopicArn);
  Parameters plain{{"Name", "t"}};
  add_attribute(plain, 1, "FifoTopic", "false");
  co_await served.done("CreateTopic", plain);
  Parameters other{{"Name", "t"}};
  add_attribute(other, 1, "DisplayName", "another");
  const std::string differs = co_await served.failure("CreateTopic", other);
  EXPECT_EQ(differs, "400 InvalidParameter");
  for (const std::string name : {"a b", "t.fifo", "", "a.b", "t.sns"}) {
    const std::string refused = co_await served.failure("CreateTopic", {{"Name", name}});
    EXPECT_EQ(refused, name.empty() ? "400 ValidationError" : "400 InvalidParameter") << name;
  }
  const std::string too_long = co_await served.failure("CreateTopic", {{"Name", std::string(246, 'a')}});
  EXPECT_EQ(too_long, "400 InvalidParameter");
  co_await served.done("DeleteTopic", on_topic());
  co_await served.done("DeleteTopic", on_topic());
  EXPECT_EQ(served.queues.find("t.sns"), nullptr);
  co_await served.done("CreateTopic", {{"Name", "t"}});
  co_await served.stop();
}
TEST(SnsService, TopicsAreMadeOnceAndDeletedAsOftenAsAsked) { run(makes_topics); }

Task<> sets_topics() {
  Served served;
  Parameters fifo{{"Name", "t.fifo"}};
  add_attribute(fifo, 1, "ContentBasedDeduplication", "true");
  add_attribute(fifo, 2, "FifoTopic", "true");
  co_await served.done("CreateTopic", fifo);
  EXPECT_TRUE(served.queues.find("t.fifo.sns")->settings.content_dedup);
  co_await served.done("CreateTopic", {{"Name", "t"}});
  const auto set = [&served](std::string name, std::string value) {
    return served.failure("SetTopicAttributes",
                          on_topic({{"AttributeName", std::move(name)}, {"AttributeValue", std::move(value)}}));
  };
  for (const auto& [name, value] :
       {std::pair("FifoTopic", "true"), std::pair("FifoTopic", "maybe"), std::pair("Unknown", "x"),
        std::pair("ContentBasedDeduplication", "true"), std::pair("SignatureVersion", "3"), std::pair("Policy", "x"),
        std::pair("DeliveryPolicy", "{}"), std::pair("TracingConfig", "On"),
        std::pair("DisplayName",
                  "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
                  "8901234567890123")}) {
    const std::string refused = co_await set(name, value);
    EXPECT_EQ(refused, "400 InvalidParameter") << name;
  }
  for (const auto& [name, value] : {std::pair("DisplayName", "a <b> & \"c\""), std::pair("SignatureVersion", "2"),
                                    std::pair("HTTPSuccessFeedbackSampleRate", "10")}) {
    const std::string accepted = co_await set(name, value);
    EXPECT_EQ(accepted, "200 ") << name;
  }
  const std::string shown = co_await served.done("GetTopicAttributes", on_topic());
  EXPECT_THAT(shown, HasSubstr("<entry><key>DisplayName</key><value>a &lt;b&gt; &amp; &quot;c&quot;</value></entry>"));
  EXPECT_THAT(shown, HasSubstr("<key>SignatureVersion</key><value>2</value>"));
  EXPECT_THAT(shown, HasSubstr("<key>SubscriptionsConfirmed</key><value>0</value>"));
  EXPECT_THAT(shown, Not(HasSubstr("FifoTopic")));
  const std::string missing = co_await served.failure("GetTopicAttributes", {{"TopicArn", kTopicArn + "x"}});
  EXPECT_EQ(missing, "404 NotFound");
  const std::string no_arn = co_await served.failure("GetTopicAttributes", {{"TopicArn", "t"}});
  EXPECT_EQ(no_arn, "400 InvalidParameter");
  const std::string unset = co_await served.failure("GetTopicAttributes");
  EXPECT_EQ(unset, "400 ValidationError");
  co_await served.stop();
}
TEST(SnsService, AttributesOfTopicsAreCheckedAndShown) { run(sets_topics); }

Task<> tags_topics() {
  Served served;
  served.queues.add_topic("events");
  co_await served.done("CreateTopic",
                       {{"Name", "t"}, {"Tags.member.1.Key", "leat:topic"}, {"Tags.member.1.Value", "events"}});
  EXPECT_EQ(served.queues.find("t.sns")->topic, "events");
  const Parameters resource{{"ResourceArn", kTopicArn}};
  Parameters tag = resource;
  tag.insert(tag.end(), {{"Tags.member.1.Key", "team"}, {"Tags.member.1.Value", "a&b"}});
  const std::string tagged = co_await served.done("TagResource", tag);
  EXPECT_THAT(tagged, HasSubstr("<TagResourceResult></TagResourceResult>"));
  const std::string listed = co_await served.done("ListTagsForResource", resource);
  EXPECT_THAT(listed, HasSubstr("<member><Key>team</Key><Value>a&amp;b</Value></member>"));
  Parameters move = resource;
  move.insert(move.end(), {{"Tags.member.1.Key", "leat:topic"}, {"Tags.member.1.Value", "others"}});
  const std::string moved = co_await served.failure("TagResource", move);
  EXPECT_EQ(moved, "400 InvalidParameter");
  Parameters untag = resource;
  untag.emplace_back("TagKeys.member.1", "team");
  co_await served.done("UntagResource", untag);
  const std::string left = co_await served.done("ListTagsForResource", resource);
  EXPECT_THAT(left, Not(HasSubstr("team")));
  const std::string missing = co_await served.failure("ListTagsForResource", {{"ResourceArn", kTopicArn + "x"}});
  EXPECT_EQ(missing, "404 ResourceNotFound");
  const std::string nowhere = co_await served.failure(
      "CreateTopic", {{"Name", "u"}, {"Tags.member.1.Key", "leat:topic"}, {"Tags.member.1.Value", "none"}});
  EXPECT_EQ(nowhere, "400 InvalidParameter");
  co_await served.stop();
}
TEST(SnsService, TagsAreKeptAndAttachTopicsOnce) { run(tags_topics); }

Task<> subscribes() {
  Served served;
  co_await served.done("CreateTopic", {{"Name", "t"}});
  co_await served.make_queue("q");
  co_await served.make_queue("q.fifo", true);
  const std::string made = co_await served.done("Subscribe", to_queue());
  const std::string arn = element(made, "SubscriptionArn");
  EXPECT_TRUE(subscription_in_arn(arn)) << arn;
  const std::string again = co_await served.done("Subscribe", to_queue());
  EXPECT_EQ(element(again, "SubscriptionArn"), arn);
  Parameters cooked = to_queue();
  add_attribute(cooked, 1, "RawMessageDelivery", "False");
  const std::string cooked_again = co_await served.done("Subscribe", cooked);
  EXPECT_EQ(element(cooked_again, "SubscriptionArn"), arn);
  Parameters raw = to_queue();
  add_attribute(raw, 1, "RawMessageDelivery", "TRUE");
  const std::string differs = co_await served.failure("Subscribe", raw);
  EXPECT_EQ(differs, "400 InvalidParameter");
  co_await served.done(
      "SetSubscriptionAttributes",
      {{"SubscriptionArn", arn}, {"AttributeName", "FilterPolicy"}, {"AttributeValue", R"({"colour":["red"]})"}});
  const std::string shown = co_await served.done("GetSubscriptionAttributes", {{"SubscriptionArn", arn}});
  EXPECT_THAT(shown, HasSubstr("<key>FilterPolicyScope</key><value>MessageAttributes</value>"));
  EXPECT_THAT(shown, HasSubstr("<key>PendingConfirmation</key><value>false</value>"));
  EXPECT_THAT(shown, HasSubstr("<key>RawMessageDelivery</key><value>false</value>"));
  EXPECT_THAT(shown, Not(HasSubstr("<key>Token</key>")));
  EXPECT_THAT(shown, Not(HasSubstr("<key>Base</key>")));
  const std::string listed = co_await served.done("ListSubscriptionsByTopic", on_topic());
  EXPECT_THAT(listed, HasSubstr("<SubscriptionArn>" + arn + "</SubscriptionArn>"));
  EXPECT_THAT(listed, HasSubstr("<Endpoint>" + kQueueArn + "</Endpoint>"));
  co_await served.done("Unsubscribe", {{"SubscriptionArn", arn}});
  co_await served.done("Unsubscribe", {{"SubscriptionArn", arn}});
  EXPECT_EQ(served.count(".subscription"), 0U);
  const std::string gone = co_await served.failure("GetSubscriptionAttributes", {{"SubscriptionArn", arn}});
  EXPECT_EQ(gone, "404 NotFound");
  const std::string no_arn = co_await served.failure("Unsubscribe", {{"SubscriptionArn", "PendingConfirmation"}});
  EXPECT_EQ(no_arn, "400 InvalidParameter");
  co_await served.stop();
}
TEST(SnsService, AnEndpointHasOneSubscriptionWhichIsShownAndEnds) { run(subscribes); }

Task<> refuses_endpoints() {
  Served served;
  served.queues.add_topic("events");
  co_await served.done("CreateTopic", {{"Name", "t"}});
  co_await served.make_queue("q");
  co_await served.make_queue("q.fifo", true);
  queue::NewQueue same;
  same.name = "same";
  same.topic = "t.sns";
  const auto attached = co_await served.queues.create(std::move(same));
  EXPECT_TRUE(attached);
  const std::string arn = "arn:aws:sqs:us-east-1:000000000000:";
  for (const std::string name : {"none", "q.fifo", "same", "t.sns"}) {
    const std::string refused = co_await served.failure("Subscribe", to_queue(arn + name));
    EXPECT_EQ(refused, "400 InvalidParameter") << name;
    Parameters dead = to_queue();
    add_attribute(dead, 1, "RedrivePolicy", fmt::format(R"({{"deadLetterTargetArn":"{}{}"}})", arn, name));
    const std::string refused_dead = co_await served.failure("Subscribe", dead);
    EXPECT_EQ(refused_dead, "400 InvalidParameter") << name;
  }
  for (const std::string url : {"https://x/", "http://", "ftp://x/", "x", "http://a b/", "http://x/\r\nEvil: 1"}) {
    const std::string refused = co_await served.failure("Subscribe", to_http(url));
    EXPECT_EQ(refused, "400 InvalidParameter") << url;
  }
  const std::string email =
      co_await served.failure("Subscribe", on_topic({{"Protocol", "email"}, {"Endpoint", "a@b.c"}}));
  EXPECT_EQ(email, "400 InvalidParameter");
  for (const auto& [name, value] : {std::pair("FilterPolicy", "{"), std::pair("FilterPolicyScope", "Nothing"),
                                    std::pair("RawMessageDelivery", "perhaps"), std::pair("Unknown", "x"),
                                    std::pair("DeliveryPolicy", R"({"healthyRetryPolicy":{}})")}) {
    Parameters with = to_queue();
    add_attribute(with, 1, name, value);
    const std::string refused = co_await served.failure("Subscribe", with);
    EXPECT_EQ(refused, "400 InvalidParameter") << name;
  }
  EXPECT_EQ(served.count(".subscription"), 0U);
  co_await served.stop();
}
TEST(SnsService, EndpointsAndAttributesThatCannotBeAreRefused) { run(refuses_endpoints); }

Task<> note(Task<std::string> call, std::vector<std::string>& into) { into.push_back(co_await std::move(call)); }

Task<> confirms() {
  Served served;
  co_await served.done("CreateTopic", {{"Name", "t"}});
  const std::string made =
      co_await served.done("Subscribe", on_topic({{"Protocol", "http"}, {"Endpoint", "http://127.0.0.1:1/"}}));
  EXPECT_EQ(element(made, "SubscriptionArn"), "pending confirmation");
  const std::string pending = co_await served.done("ListSubscriptions");
  EXPECT_EQ(element(pending, "SubscriptionArn"), "PendingConfirmation");
  co_await served.done("Publish", on_topic({{"Message", "before"}}));
  const auto before = served.only_queue(".subscription");
  const std::string token(attribute_of(*before, kTokenAttribute));
  const std::string wrong = co_await served.failure("ConfirmSubscription", on_topic({{"Token", token + "x"}}));
  EXPECT_EQ(wrong, "400 InvalidParameter");
  const std::string empty = co_await served.failure("ConfirmSubscription", on_topic({{"Token", ""}}));
  EXPECT_EQ(empty, "400 ValidationError");
  const Answer link = co_await served.get("/?Action=ConfirmSubscription&TopicArn=" + kTopicArn + "&Token=" + token);
  EXPECT_EQ(link.status, 200) << link.body;
  const std::string arn = element(link.body, "SubscriptionArn");
  co_await served.done("Publish", on_topic({{"Message", "after"}}));
  const std::string twice = co_await served.done("ConfirmSubscription", on_topic({{"Token", token}}));
  EXPECT_EQ(element(twice, "SubscriptionArn"), arn);
  const auto left = co_await served.bodies(before->name);
  EXPECT_THAT(left, ::testing::ElementsAre("after"));
  const Answer ended = co_await served.get("/?Action=Unsubscribe&SubscriptionArn=" + aws::percent_encoded(arn));
  EXPECT_EQ(ended.status, 200);
  EXPECT_EQ(served.count(".subscription"), 0U);
  co_await served.stop();
}
TEST(SnsService, ATokenConfirmsAndTheSubscriptionBeginsThen) { run(confirms); }

Task<> subscribes_at_once() {
  Served served;
  co_await served.done("CreateTopic", {{"Name", "t"}});
  std::vector<std::string> answers;
  runtime::TaskScope scope;
  for (int i = 0; i < 8; ++i) scope.spawn(note(served.done("Subscribe", to_http()), answers));
  co_await scope.join();
  const auto subscription = served.only_queue(".subscription");
  EXPECT_NE(subscription, nullptr);
  for (const std::string& answer : answers)
    EXPECT_THAT(element(answer, "SubscriptionArn"), HasSubstr(subscription_id_of(*subscription)));
  const std::string first(attribute_of(*subscription, kAskedAttribute));
  co_await served.done("Subscribe", to_http());
  EXPECT_FALSE(attribute_of(*served.only_queue(".subscription"), kAskedAttribute).empty()) << first;
  co_await served.stop();
}
TEST(SnsService, ManyWhoSubscribeAnEndpointAtOnceGetTheSameSubscription) { run(subscribes_at_once); }

Task<> keeps_strangers_out() {
  sqs::SqsOptions options;
  options.access_keys.add("ID", "a secret");
  Served served(std::move(options));
  queue::NewQueue topic;
  topic.name = "t.sns";
  topic.settings.delivers = false;
  const auto made = co_await served.queues.create(std::move(topic));
  EXPECT_TRUE(made);
  const auto subscription_of = [](std::string id, std::string protocol) {
    queue::NewQueue subscription;
    subscription.name = id + ".subscription";
    subscription.topic = "t.sns";
    subscription.attributes = {{"Topic", "t"}, {"Protocol", std::move(protocol)}, {"Token", id + "-token"}};
    return subscription;
  };
  for (const std::string id : {"a", "b"}) {
    const auto created = co_await served.queues.create(subscription_of(id, "http"));
    EXPECT_TRUE(created);
  }
  const auto queue = co_await served.queues.create(subscription_of("c", "sqs"));
  EXPECT_TRUE(queue);
  for (const std::string action : {"CreateTopic", "Publish", "Subscribe", "ListTopics", "DeleteTopic"}) {
    const std::string refused = co_await served.failure(action, on_topic({{"Name", "u"}, {"Message", "m"}}));
    EXPECT_EQ(refused, "403 MissingAuthenticationToken") << action;
  }
  const std::string unknown = co_await served.failure("Nonsense");
  EXPECT_EQ(unknown, "400 InvalidAction");
  // Who forbids unsigned Unsubscribe signs.
  const std::string forbids = co_await served.failure(
      "ConfirmSubscription", on_topic({{"Token", "a-token"}, {"AuthenticateOnUnsubscribe", "true"}}));
  EXPECT_EQ(forbids, "403 MissingAuthenticationToken");
  co_await served.done("ConfirmSubscription", on_topic({{"Token", "a-token"}}));
  co_await served.done("Unsubscribe", {{"SubscriptionArn", kTopicArn + ":a"}});
  EXPECT_EQ(served.queues.find("a.subscription"), nullptr);
  queue::QueueChange forbid;
  forbid.attributes["AuthenticateOnUnsubscribe"] = "true";
  const auto altered = co_await served.queues.alter("b.subscription", forbid);
  EXPECT_TRUE(altered);
  for (const std::string id : {":b", ":c", ":none"}) {
    const std::string refused = co_await served.failure("Unsubscribe", {{"SubscriptionArn", kTopicArn + id}});
    EXPECT_EQ(refused, "403 MissingAuthenticationToken") << id;
  }
  EXPECT_EQ(served.count(".subscription"), 2U);
  co_await served.stop();
}
TEST(SnsService, WithoutASignatureOnlyTokensConfirmAndOnlyHttpSubscriptionsEnd) { run(keeps_strangers_out); }

Task<> publishes() {
  Served served;
  co_await served.done("CreateTopic", {{"Name", "t"}});
  const std::string sent =
      co_await served.done("Publish", on_topic({{"Message", "hello"},
                                                {"Subject", "about"},
                                                {"MessageAttributes.entry.1.Name", "colour"},
                                                {"MessageAttributes.entry.1.Value.DataType", "String"},
                                                {"MessageAttributes.entry.1.Value.StringValue", "red"}}));
  EXPECT_FALSE(element(sent, "MessageId").empty());
  EXPECT_EQ(served.queues.last_body(), "hello");
  EXPECT_EQ(served.queues.last_headers().at("leat-sns-subject"), "about");
  EXPECT_EQ(served.queues.last_headers().at("colour"), "red");
  const std::string json_text = R"({"default":"d"})";
  co_await served.done("Publish", {{"TargetArn", kTopicArn}, {"Message", json_text}, {"MessageStructure", "json"}});
  EXPECT_EQ(served.queues.last_headers().at("leat-sns-structure"), "json");
  for (const Parameters& bad :
       {Parameters{{"Message", "x"}}, Parameters{{"PhoneNumber", "+1"}, {"Message", "x"}},
        on_topic({{"Message", ""}, {"Subject", "s"}}), on_topic({{"Message", "x"}, {"Subject", ""}}),
        on_topic({{"Message", "x"}, {"Subject", "two\nlines"}}),
        on_topic({{"Message", "x"}, {"Subject", std::string(101, 's')}}),
        on_topic({{"Message", "x"}, {"MessageStructure", "json"}}),
        on_topic({{"Message", "x"}, {"MessageStructure", "xml"}}), on_topic({{"Message", std::string(262'145, 'x')}}),
        on_topic({{"Message", "\x01"}})}) {
    const std::string refused = co_await served.failure("Publish", bad);
    EXPECT_EQ(refused, "400 InvalidParameter") << bad.at(0).first << " " << bad.size();
  }
  co_await served.done("Publish", on_topic({{"Message", std::string(262'144, 'x')}}));
  const std::string missing = co_await served.failure("Publish", {{"TopicArn", kTopicArn + "x"}, {"Message", "x"}});
  EXPECT_EQ(missing, "404 NotFound");
  served.queues.fail_next(Errc::io);
  const std::string down = co_await served.failure("Publish", on_topic({{"Message", "x"}}));
  EXPECT_EQ(down, "503 ServiceUnavailable");
  co_await served.stop();
}
TEST(SnsService, PublishStoresTheMessageWithWhatIsSaidOfIt) { run(publishes); }

Parameters batch(std::initializer_list<std::pair<std::string, std::string>> entries) {
  Parameters out = on_topic();
  std::size_t number = 0;
  for (const auto& [id, message] : entries) {
    const std::string prefix = fmt::format("PublishBatchRequestEntries.member.{}.", ++number);
    out.emplace_back(prefix + "Id", id);
    out.emplace_back(prefix + "Message", message);
  }
  return out;
}

Task<> publishes_batches() {
  Served served;
  co_await served.done("CreateTopic", {{"Name", "t"}});
  const std::string sent = co_await served.done("PublishBatch", batch({{"a", "1"}, {"b", "\x01"}, {"c", "3"}}));
  EXPECT_THAT(sent, HasSubstr("<Successful><member><Id>a</Id><MessageId>"));
  EXPECT_THAT(sent, HasSubstr("<Failed><member><Id>b</Id>"));
  EXPECT_THAT(sent, HasSubstr("<SenderFault>true</SenderFault>"));
  const auto kept = co_await served.bodies("t.sns");
  EXPECT_THAT(kept, ::testing::ElementsAre("1", "3"));
  const std::string none = co_await served.failure("PublishBatch", on_topic());
  EXPECT_EQ(none, "400 EmptyBatchRequest");
  const std::string same = co_await served.failure("PublishBatch", batch({{"a", "1"}, {"a", "2"}}));
  EXPECT_EQ(same, "400 BatchEntryIdsNotDistinct");
  const std::string bad_id = co_await served.failure("PublishBatch", batch({{"a b", "1"}}));
  EXPECT_EQ(bad_id, "400 InvalidBatchEntryId");
  const std::string large(200'000, 'x');
  const std::string too_long = co_await served.failure("PublishBatch", batch({{"a", large}, {"b", large}}));
  EXPECT_EQ(too_long, "400 BatchRequestTooLong");
  Parameters many = on_topic();
  for (int i = 1; i <= 11; ++i) {
    many.emplace_back(fmt::format("PublishBatchRequestEntries.member.{}.Id", i), fmt::format("{}", i));
    many.emplace_back(fmt::format("PublishBatchRequestEntries.member.{}.Message", i), "m");
  }
  const std::string too_many = co_await served.failure("PublishBatch", many);
  EXPECT_EQ(too_many, "400 TooManyEntriesInBatchRequest");
  co_await served.stop();
}
TEST(SnsService, BatchesFailInPartAndAreChecked) { run(publishes_batches); }

Task<> pages() {
  Served served;
  for (int i = 0; i < 201; ++i) {
    queue::NewQueue topic;
    topic.name = fmt::format("t{:03}.sns", i);
    topic.settings.delivers = false;
    const auto made = co_await served.queues.create(std::move(topic));
    EXPECT_TRUE(made);
  }
  co_await served.make_queue("zz.sns");  // a queue that delivers is no topic, whatever its name
  std::string token;
  std::vector<std::size_t> sizes;
  do {
    const std::string page =
        co_await served.done("ListTopics", token.empty() ? Parameters{} : Parameters{{"NextToken", token}});
    std::size_t count = 0;
    for (auto at = page.find("<member>"); at != std::string::npos; at = page.find("<member>", at + 1)) ++count;
    sizes.push_back(count);
    token = element(page, "NextToken");
  } while (!token.empty() && sizes.size() < 10);
  EXPECT_THAT(sizes, ::testing::ElementsAre(100, 100, 1));
  const std::string bad = co_await served.failure("ListTopics", {{"NextToken", "?"}});
  EXPECT_EQ(bad, "400 InvalidParameter");
  co_await served.stop();
}
TEST(SnsService, ListsComeInPagesOfAHundred) { run(pages); }

Task<> dispatches() {
  Served served;
  // The same name in both services: the version tells.
  const Answer sqs_permission = co_await served.call("AddPermission", {}, "2012-11-05");
  EXPECT_THAT(sqs_permission.body, HasSubstr("http://queue.amazonaws.com/doc/2012-11-05/"));
  EXPECT_EQ(element(sqs_permission.body, "Code"), "MissingParameter");
  const Answer sns_permission = co_await served.call("AddPermission");
  EXPECT_THAT(sns_permission.body, HasSubstr("http://sns.amazonaws.com/doc/2010-03-31/"));
  EXPECT_EQ(element(sns_permission.body, "Code"), "InvalidAction");
  const Answer foreign = co_await served.call("CreateTopic", {{"Name", "t"}}, "2012-11-05");
  EXPECT_EQ(foreign.status, 400);
  const Answer any = co_await served.get("/?Action=CreateTopic&Name=t");
  EXPECT_EQ(any.status, 200) << any.body;
  const Answer queues = co_await served.get("/?Action=ListQueues");
  EXPECT_THAT(queues.body, HasSubstr("<ListQueuesResult>"));
  EXPECT_THAT(queues.body, Not(HasSubstr("t.sns")));
  const Answer hidden = co_await served.get("/?Action=GetQueueUrl&QueueName=t.sns");
  EXPECT_EQ(hidden.status, 400);
  co_await served.stop();
}
TEST(SnsService, TheVersionTellsWhichServiceIsMeantAndQueuesOfSnsAreNoneOfSqs) { run(dispatches); }

Task<> shows_certificate() {
  Served served;
  const auto signer = co_await served.keys.get();
  const Answer shown = co_await served.get((*signer)->path());
  EXPECT_EQ(shown.status, 200);
  EXPECT_EQ(shown.headers.at("Content-Type"), "application/x-pem-file");
  EXPECT_EQ(shown.body, (*signer)->certificate());
  EXPECT_THAT(shown.body, Not(HasSubstr("PRIVATE")));
  const Answer other = co_await served.get("/SimpleNotificationService-0.pem");
  EXPECT_EQ(other.status, 404);
  Served down;
  down.catalog.set_offline(true);
  const Answer none = co_await down.get("/SimpleNotificationService-0.pem");
  EXPECT_EQ(none.status, 503);
  co_await down.stop();
  co_await served.stop();
}
TEST(SnsService, TheCertificateIsForEveryoneAtItsOwnPath) { run(shows_certificate); }

}  // namespace
}  // namespace leat::sns
