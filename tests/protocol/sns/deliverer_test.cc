#include "protocol/sns/deliverer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <nlohmann/json.hpp>

#include "protocol/sns/subscription.h"
#include "runtime/sync.h"
#include "tests/protocol/http/raw_server.h"
#include "tests/protocol/sns/served.h"

// Deliveries from queues in memory to queues and to a server that answers as it is told. Nothing here measures time: what
// should come is waited for. Coroutines hold no temporaries of co_await inside EXPECT: each awaited value has a name.
namespace leat::sns {
namespace {

using http::testing::raw_response;
using http::testing::RawServer;
using http::testing::run;
using nlohmann::json;
using runtime::Task;
using testing::element;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kQueueArn;
using testing::kTopicArn;
using testing::Parameters;
using testing::Served;
using namespace std::chrono_literals;

// What came, on the server's threads.
class Inbox {
 public:
  void add(const std::string& request) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
  }
  [[nodiscard]] std::vector<std::string> all() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  // Waits for that many; returns all.
  Task<std::vector<std::string>> wait(std::size_t count) const {
    while (all().size() < count) co_await runtime::sleep_for(1ms);
    co_return all();
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
};

json body_of(const std::string& request) {
  return json::parse(request.substr(request.find("\r\n\r\n") + 4), nullptr, false);
}

Parameters subscribe(std::string protocol, std::string endpoint, Parameters attributes = {}) {
  Parameters out{{"TopicArn", kTopicArn},
                 {"Protocol", std::move(protocol)},
                 {"Endpoint", std::move(endpoint)},
                 {"ReturnSubscriptionArn", "true"}};
  std::size_t number = 0;
  for (auto& [name, value] : attributes) {
    out.emplace_back(fmt::format("Attributes.entry.{}.key", ++number), name);
    out.emplace_back(fmt::format("Attributes.entry.{}.value", number), value);
  }
  return out;
}

Task<> publish(Served& served, std::string message, std::string colour = "red") {
  Parameters parameters{{"TopicArn", kTopicArn},
                        {"Message", std::move(message)},
                        {"MessageAttributes.entry.1.Name", "colour"},
                        {"MessageAttributes.entry.1.Value.DataType", "String"},
                        {"MessageAttributes.entry.1.Value.StringValue", std::move(colour)}};
  co_await served.done("Publish", std::move(parameters));
}

// The same as another protocol would: it does not fail when the next call should.
Task<> publish_stored(Served& served, std::string message) {
  served.queues.append(served.only_queue(kSubscriptionSuffix)->name, std::nullopt, std::move(message), {});
  co_return;
}

Task<> wait_for(const Counter& counter, std::uint64_t value) {
  while (counter.value() < value) co_await runtime::sleep_for(1ms);
}

// With a topic, a queue and a dead-letter queue.
Task<> begin(Served& served) {
  co_await served.done("CreateTopic", {{"Name", "t"}});
  co_await served.make_queue("q");
  co_await served.make_queue("dead");
  served.sns.deliverer().start();
}

// A subscription of the URL that is confirmed already.
Task<std::string> subscribe_confirmed(Served& served, std::string url, Parameters attributes = {}) {
  const std::string made = co_await served.done("Subscribe", subscribe("http", std::move(url), std::move(attributes)));
  const auto queue = served.only_queue(kSubscriptionSuffix);
  const std::string token(attribute_of(*queue, kTokenAttribute));
  co_await served.done("ConfirmSubscription", {{"TopicArn", kTopicArn}, {"Token", token}});
  co_return element(made, "SubscriptionArn");
}

const std::string kDeadLetters = R"({"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead"})";
const std::string kNoRetries = R"({"healthyRetryPolicy":{"numRetries":0}})";
const std::string kRetriesAtOnce = R"({"healthyRetryPolicy":{"numRetries":3,"numNoDelayRetries":3}})";

Task<> forwards() {
  Served served;
  co_await begin(served);
  const std::string made = co_await served.done("Subscribe", subscribe("sqs", kQueueArn));
  co_await publish(served, "hello");
  co_await wait_for(served.sns.deliverer().stats().delivered, 1);
  const auto bodies = co_await served.bodies("q");
  EXPECT_EQ(bodies.size(), 1U);
  const json body = json::parse(bodies.at(0));
  EXPECT_EQ(body["Type"], "Notification");
  EXPECT_EQ(body["Message"], "hello");
  EXPECT_EQ(body["TopicArn"], kTopicArn);
  EXPECT_EQ(body["MessageAttributes"]["colour"], (json{{"Type", "String"}, {"Value", "red"}}));
  EXPECT_THAT(body["UnsubscribeURL"].get<std::string>(), HasSubstr("http://h:1/?Action=Unsubscribe&SubscriptionArn="));
  const std::string arn = element(made, "SubscriptionArn");
  co_await served.done("SetSubscriptionAttributes",
                       {{"SubscriptionArn", arn}, {"AttributeName", "RawMessageDelivery"}, {"AttributeValue", "true"}});
  co_await publish(served, "raw");
  co_await wait_for(served.sns.deliverer().stats().delivered, 2);
  EXPECT_EQ(served.queues.last_body(), "raw");
  EXPECT_EQ(served.queues.last_headers().at("colour"), "red");
  const auto left = co_await served.bodies(served.only_queue(kSubscriptionSuffix)->name);
  EXPECT_THAT(left, IsEmpty());
  co_await served.stop();
}
TEST(Deliverer, QueuesGetNotificationsOrTheMessageAsItIs) { run(forwards); }

Task<> filters() {
  Served served;
  co_await begin(served);
  const std::string made = co_await served.done(
      "Subscribe",
      subscribe("sqs", kQueueArn, {{"FilterPolicy", R"({"colour":["blue"]})"}, {"RawMessageDelivery", "true"}}));
  co_await publish(served, "1", "red");
  co_await publish(served, "2", "blue");
  co_await wait_for(served.sns.deliverer().stats().delivered, 1);
  EXPECT_EQ(served.sns.deliverer().stats().filtered.value(), 1U);
  // What is published after a change is looked at by the new policy, though the worker waits with the old one.
  co_await served.done("SetSubscriptionAttributes", {{"SubscriptionArn", element(made, "SubscriptionArn")},
                                                     {"AttributeName", "FilterPolicy"},
                                                     {"AttributeValue", R"({"colour":["red"]})"}});
  co_await publish(served, "3", "red");
  co_await publish(served, "4", "blue");
  co_await wait_for(served.sns.deliverer().stats().filtered, 2);
  co_await wait_for(served.sns.deliverer().stats().delivered, 2);
  const auto bodies = co_await served.bodies("q");
  EXPECT_THAT(bodies, ElementsAre("2", "3"));
  co_await served.stop();
}
TEST(Deliverer, OnlyWhatThePolicyOfTheMomentAcceptsIsDelivered) { run(filters); }

Task<> buries() {
  Served served;
  co_await begin(served);
  co_await served.done("Subscribe", subscribe("sqs", kQueueArn, {{"RedrivePolicy", kDeadLetters}}));
  const auto removed = co_await served.queues.remove("q");
  EXPECT_TRUE(removed);
  co_await publish(served, "lost");
  co_await wait_for(served.sns.deliverer().stats().dead, 1);
  const auto dead = co_await served.bodies("dead");
  EXPECT_EQ(json::parse(dead.at(0))["Message"], "lost");
  co_await served.make_queue("q");
  co_await publish(served, "found");
  co_await wait_for(served.sns.deliverer().stats().delivered, 1);
  const auto bodies = co_await served.bodies("q");
  EXPECT_EQ(bodies.size(), 1U);
  EXPECT_EQ(served.sns.deliverer().stats().dropped.value(), 0U);
  co_await served.stop();
}
TEST(Deliverer, WhatAMissingQueueCannotGetIsADeadLetterUntilItIsBack) { run(buries); }

Task<> retries_queues() {
  Served served;
  co_await begin(served);
  co_await served.done("Subscribe", subscribe("sqs", kQueueArn, {{"RawMessageDelivery", "true"}}));
  co_await publish(served, "1");
  co_await wait_for(served.sns.deliverer().stats().delivered, 1);
  co_await publish(served, "2");
  served.queues.fail_next(Errc::disk_full);  // the worker's next receive, or its send
  co_await publish_stored(served, "3");
  co_await wait_for(served.sns.deliverer().stats().delivered, 3);
  const auto bodies = co_await served.bodies("q");
  EXPECT_THAT(bodies, ::testing::UnorderedElementsAre("1", "2", "3"));
  co_await served.stop();
}
TEST(Deliverer, WhatAQueueCannotTakeForNowComesLater) { run(retries_queues); }

Task<> posts() {
  Inbox inbox;
  RawServer endpoint([&inbox](const std::string& request) {
    inbox.add(request);
    return raw_response(200, "");
  });
  Served served;
  co_await begin(served);
  co_await served.done("Subscribe", subscribe("http", endpoint.url("/in?x=1")));
  const auto asked = co_await inbox.wait(1);
  const json confirmation = body_of(asked[0]);
  EXPECT_THAT(asked[0], HasSubstr("\r\nx-amz-sns-message-type: SubscriptionConfirmation\r\n"));
  EXPECT_THAT(asked[0], ::testing::Not(HasSubstr("x-amz-sns-subscription-arn")));
  const std::string url = confirmation["SubscribeURL"];
  EXPECT_TRUE(url.starts_with("http://h:1/?Action=ConfirmSubscription&TopicArn=")) << url;
  const auto confirmed = co_await served.get(url.substr(url.find('/', 7)));
  EXPECT_EQ(confirmed.status, 200) << confirmed.body;
  co_await publish(served, "hello \"you\"");
  const auto posted = co_await inbox.wait(2);
  EXPECT_TRUE(posted[1].starts_with("POST /in?x=1 HTTP/1.1\r\n")) << posted[1];
  EXPECT_THAT(posted[1], HasSubstr("\r\nx-amz-sns-message-type: Notification\r\n"));
  EXPECT_THAT(posted[1], HasSubstr("\r\nx-amz-sns-topic-arn: " + kTopicArn + "\r\n"));
  EXPECT_THAT(posted[1], HasSubstr("\r\nContent-Type: text/plain; charset=UTF-8\r\n"));
  EXPECT_THAT(posted[1], HasSubstr("\r\nx-amz-sns-subscription-arn: " + element(confirmed.body, "SubscriptionArn")));
  const json body = body_of(posted[1]);
  EXPECT_EQ(body["Message"], "hello \"you\"");
  EXPECT_EQ(body["SignatureVersion"], "1");
  const auto signer = co_await served.keys.get();
  EXPECT_EQ(body["SigningCertURL"], "http://h:1" + (*signer)->path());
  const std::string to_sign =
      fmt::format("Message\n{}\nMessageId\n{}\nTimestamp\n{}\nTopicArn\n{}\nType\nNotification\n",
                  body["Message"].get<std::string>(), body["MessageId"].get<std::string>(),
                  body["Timestamp"].get<std::string>(), kTopicArn);
  EXPECT_EQ(body["Signature"], (*signer)->sign(to_sign, SignatureVersion::sha1));
  co_await wait_for(served.sns.deliverer().stats().delivered, 1);
  co_await served.stop();
}
TEST(Deliverer, AnEndpointConfirmsAndGetsSignedNotifications) { run(posts); }

Task<> posts_raw() {
  Inbox inbox;
  RawServer endpoint([&inbox](const std::string& request) {
    inbox.add(request);
    return raw_response(200, "");
  });
  Served served;
  co_await begin(served);
  co_await subscribe_confirmed(served, endpoint.url("/"),
                               {{"RawMessageDelivery", "true"},
                                {"DeliveryPolicy", R"({"requestPolicy":{"headerContentType":"application/json"}})"}});
  co_await publish(served, "as it is");
  while (served.sns.deliverer().stats().delivered.value() == 0) co_await runtime::sleep_for(1ms);
  const std::string posted = inbox.all().back();
  EXPECT_THAT(posted, HasSubstr("\r\nx-amz-sns-rawdelivery: true\r\n"));
  EXPECT_THAT(posted, HasSubstr("\r\nContent-Type: application/json\r\n"));
  EXPECT_TRUE(posted.ends_with("\r\n\r\nas it is")) << posted;
  co_await served.stop();
}
TEST(Deliverer, RawDeliveriesAreTheMessageAlone) { run(posts_raw); }

Task<> retries() {
  std::atomic<int> left = 2;
  RawServer endpoint([&left](const std::string& request) {
    const bool is_notification = request.contains("message-type: Notification");
    return raw_response(is_notification && left-- > 0 ? 500 : 200, "");
  });
  Served served;
  co_await begin(served);
  co_await subscribe_confirmed(served, endpoint.url("/"),
                               {{"DeliveryPolicy", kRetriesAtOnce}, {"RedrivePolicy", kDeadLetters}});
  co_await publish(served, "hello");
  co_await wait_for(served.sns.deliverer().stats().delivered, 1);
  EXPECT_EQ(served.sns.deliverer().stats().failed.value(), 2U);
  const auto dead = co_await served.bodies("dead");
  EXPECT_THAT(dead, IsEmpty());
  co_await served.stop();
}
TEST(Deliverer, AnEndpointThatFailsIsTriedAgain) { run(retries); }

Task<> gives_up() {
  std::atomic<int> status = 404;
  std::atomic<int> notifications = 0;
  RawServer endpoint([&](const std::string& request) {
    if (!request.contains("message-type: Notification")) return raw_response(200, "");
    ++notifications;
    return raw_response(status, "");
  });
  Served served;
  co_await begin(served);
  const std::string arn = co_await subscribe_confirmed(
      served, endpoint.url("/"), {{"DeliveryPolicy", kRetriesAtOnce}, {"RedrivePolicy", kDeadLetters}});
  co_await publish(served, "refused");
  co_await wait_for(served.sns.deliverer().stats().dead, 1);
  EXPECT_EQ(notifications, 1);
  status = 429;
  co_await publish(served, "throttled");
  co_await wait_for(served.sns.deliverer().stats().dead, 2);
  EXPECT_EQ(notifications, 5);
  const auto dead = co_await served.bodies("dead");
  EXPECT_EQ(json::parse(dead.at(0))["Message"], "refused");
  EXPECT_EQ(json::parse(dead.at(1))["Message"], "throttled");
  co_await served.done("SetSubscriptionAttributes",
                       {{"SubscriptionArn", arn}, {"AttributeName", "RedrivePolicy"}, {"AttributeValue", ""}});
  co_await served.done("SetSubscriptionAttributes",
                       {{"SubscriptionArn", arn}, {"AttributeName", "DeliveryPolicy"}, {"AttributeValue", kNoRetries}});
  status = 500;
  co_await publish(served, "dropped");
  co_await wait_for(served.sns.deliverer().stats().dropped, 1);
  EXPECT_EQ(notifications, 6);
  const auto left = co_await served.bodies(served.only_queue(kSubscriptionSuffix)->name);
  EXPECT_THAT(left, IsEmpty());
  co_await served.stop();
}
TEST(Deliverer, RefusalsAtOnceAndFailuresInTheEndAreDeadLetters) { run(gives_up); }

Task<> blames_itself() {
  std::atomic<int> notifications = 0;
  RawServer endpoint([&notifications](const std::string& request) {
    notifications += request.contains("message-type: Notification") ? 1 : 0;
    return raw_response(200, "");
  });
  Served served;
  co_await begin(served);
  served.catalog.set_offline(true);
  co_await subscribe_confirmed(served, endpoint.url("/"), {{"DeliveryPolicy", kNoRetries}});
  co_await publish(served, "kept");
  // Once for the confirmation, once for the message.
  co_await wait_for(served.sns.deliverer().stats().failed, 2);
  EXPECT_EQ(notifications, 0);
  const auto kept = co_await served.bodies(served.only_queue(kSubscriptionSuffix)->name);
  EXPECT_THAT(kept, ElementsAre("kept"));
  EXPECT_EQ(served.sns.deliverer().stats().dropped.value(), 0U);
  co_await served.stop();
}
TEST(Deliverer, AKeyThatCannotBeReadIsNoFailureOfTheEndpoint) { run(blames_itself); }

Task<> asks_again() {
  Inbox inbox;
  RawServer endpoint([&inbox](const std::string& request) {
    inbox.add(request);
    return raw_response(404, "");
  });
  Served served;
  co_await begin(served);
  co_await served.done("Subscribe", subscribe("http", endpoint.url("/")));
  co_await inbox.wait(1);
  co_await wait_for(served.sns.deliverer().stats().failed, 1);
  co_await served.done("Subscribe", subscribe("http", endpoint.url("/")));
  const auto asked = co_await inbox.wait(2);
  EXPECT_EQ(body_of(asked[0])["Token"], body_of(asked[1])["Token"]);
  co_await served.stop();
}
TEST(Deliverer, SubscribingAgainAsksForTheConfirmationAgain) { run(asks_again); }

Task<> is_noticed_while_waiting() {
  // The confirmation fails with a long pause behind it; that it was confirmed all the same is noticed at once.
  RawServer endpoint([](const std::string& request) {
    return raw_response(request.contains("message-type: Notification") ? 200 : 500, "");
  });
  Served served;
  co_await begin(served);
  const std::string slow = R"({"healthyRetryPolicy":{"numRetries":3,"minDelayTarget":3000,"maxDelayTarget":3600}})";
  co_await served.done("Subscribe", subscribe("http", endpoint.url("/"), {{"DeliveryPolicy", slow}}));
  co_await wait_for(served.sns.deliverer().stats().failed, 1);
  const std::string token(attribute_of(*served.only_queue(kSubscriptionSuffix), kTokenAttribute));
  co_await served.done("ConfirmSubscription", {{"TopicArn", kTopicArn}, {"Token", token}});
  co_await publish(served, "hello");
  co_await wait_for(served.sns.deliverer().stats().delivered, 1);
  co_await served.stop();
}
TEST(Deliverer, AConfirmationIsNoticedWhileTheNextRequestForItWaits) { run(is_noticed_while_waiting); }

Task<> ends_workers() {
  Served served;
  co_await begin(served);
  const std::string made = co_await served.done("Subscribe", subscribe("sqs", kQueueArn));
  while (served.sns.deliverer().workers() != 1) co_await runtime::sleep_for(1ms);
  co_await served.done("Unsubscribe", {{"SubscriptionArn", element(made, "SubscriptionArn")}});
  while (served.sns.deliverer().workers() != 0) co_await runtime::sleep_for(1ms);
  co_await served.done("Subscribe", subscribe("sqs", kQueueArn));
  co_await publish(served, "hello");
  co_await wait_for(served.sns.deliverer().stats().delivered, 1);
  co_await served.stop();
  EXPECT_EQ(served.sns.deliverer().workers(), 0U);
}
TEST(Deliverer, AWorkerEndsWithItsSubscription) { run(ends_workers); }

Task<> stops_while_posts_hang() {
  std::atomic<int> hanging = 0;
  RawServer endpoint([&hanging](const std::string& request) -> std::optional<std::string> {
    if (!request.contains("message-type: Notification")) return raw_response(200, "");
    ++hanging;
    return std::nullopt;
  });
  Served served;
  co_await begin(served);
  co_await subscribe_confirmed(served, endpoint.url("/"), {{"RedrivePolicy", kDeadLetters}});
  for (int i = 0; i < 20; ++i) co_await publish(served, "hello");
  while (hanging == 0) co_await runtime::sleep_for(1ms);
  co_await served.stop();
  // None was taken for delivered, dead or dropped.
  const auto left = co_await served.bodies(served.only_queue(kSubscriptionSuffix)->name);
  EXPECT_EQ(left.size(), 20U);
  const auto dead = co_await served.bodies("dead");
  EXPECT_THAT(dead, IsEmpty());
}
TEST(Deliverer, StopEndsPostsThatHangAndLosesNone) { run(stops_while_posts_hang); }

Task<> keeps_order() {
  Served served;
  served.sns.deliverer().start();
  co_await served.make_queue("q.fifo", true);
  co_await served.done("CreateTopic", {{"Name", "t.fifo"},
                                       {"Attributes.entry.1.key", "FifoTopic"},
                                       {"Attributes.entry.1.value", "true"},
                                       {"Attributes.entry.2.key", "ContentBasedDeduplication"},
                                       {"Attributes.entry.2.value", "true"}});
  Parameters wanted = subscribe("sqs", kQueueArn + ".fifo", {{"RawMessageDelivery", "true"}});
  wanted[0].second = kTopicArn + ".fifo";
  co_await served.done("Subscribe", wanted);
  for (const std::string text : {"a", "b", "a", "c"}) {
    const std::string sent = co_await served.done(
        "Publish", {{"TopicArn", kTopicArn + ".fifo"}, {"Message", text}, {"MessageGroupId", "g"}});
    EXPECT_FALSE(element(sent, "SequenceNumber").empty());
  }
  co_await wait_for(served.sns.deliverer().stats().delivered, 3);
  const auto bodies = co_await served.bodies("q.fifo");
  EXPECT_THAT(bodies, ElementsAre("a", "b", "c"));
  co_await served.stop();
}
TEST(Deliverer, FifoQueuesGetEachMessageOfAFifoTopicOnceAndInOrder) { run(keeps_order); }

}  // namespace
}  // namespace leat::sns
