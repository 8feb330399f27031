#include "queue/push.h"

#include <gtest/gtest.h>

#include "tests/queue/node.h"

namespace leat::queue::testing {
namespace {

using runtime::Task;

struct Consumer {
  explicit Consumer(Queues& queues)
      : push(queues, "q", Milliseconds(5'000), [this](Delivery delivery) { taken.push_back(std::move(delivery)); }) {}
  Task<> run() { outcome = co_await push.run(); }

  std::vector<Delivery> taken;
  std::optional<Status> outcome;
  Push push;
};

Task<QueuePtr> make_queue(Node& node) {
  NewQueue wanted;
  wanted.name = "q";
  wanted.partitions = 2;
  auto made = co_await node.queues().create(std::move(wanted));
  EXPECT_TRUE(made);
  co_return *made;
}

Task<> send(Node& node, QueuePtr queue, int count) {
  const std::vector<NewMessage> messages(static_cast<std::size_t>(count), NewMessage{.body = as_bytes("x")});
  for (const auto& sent : co_await node.queues().send(std::move(queue), messages)) EXPECT_TRUE(sent);
}

void simulate(Task<> (*test)(Node& node)) {
  runtime::sim::SimOptions options;
  options.shards = 2;
  runtime::sim::SimWorld world(7, options);
  world.run([&]() -> Task<> {
    struct Life {
      static Task<> live(runtime::sim::SimWorld& in, Task<> (*run)(Node& node)) {
        Node node(in);
        EXPECT_TRUE(co_await node.start());
        co_await run(node);
        EXPECT_TRUE(co_await node.stop());
      }
    };
    return Life::live(world, test);
  });
}

Task<> follows_credit(Node& node) {
  const QueuePtr queue = co_await make_queue(node);
  co_await send(node, queue, 20);
  Consumer consumer(node.queues());
  runtime::TaskScope tasks;
  tasks.spawn(consumer.run());
  co_await runtime::sleep_for(std::chrono::seconds(1));
  EXPECT_EQ(consumer.taken.size(), 0U) << "nothing was granted";
  consumer.push.grant(3);
  co_await runtime::sleep_for(std::chrono::seconds(1));
  EXPECT_EQ(consumer.taken.size(), 3U);
  EXPECT_EQ(consumer.push.credit(), 0U);
  for (int i = 0; i < 17; ++i) {
    EXPECT_TRUE((co_await node.queues().acknowledge(queue, std::span(&consumer.taken.back().receipt, 1))).front());
    consumer.push.grant(1);
    co_await runtime::sleep_for(std::chrono::milliseconds(100));
  }
  EXPECT_EQ(consumer.taken.size(), 20U);
  consumer.push.grant(5);
  co_await send(node, queue, 2);
  co_await runtime::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(consumer.taken.size(), 22U) << "what comes later is pushed at once";
  EXPECT_EQ(consumer.push.credit(), 3U);
  consumer.push.stop();
  co_await tasks.join();
  EXPECT_TRUE(consumer.outcome && consumer.outcome->has_value());
}
TEST(Push, GivesAsManyMessagesAsThereIsCreditFor) { simulate(follows_credit); }

Task<> comes_again(Node& node) {
  const QueuePtr queue = co_await make_queue(node);
  co_await send(node, queue, 1);
  Consumer consumer(node.queues());
  runtime::TaskScope tasks;
  tasks.spawn(consumer.run());
  consumer.push.grant(2);
  co_await runtime::sleep_for(std::chrono::seconds(8));
  EXPECT_EQ(consumer.taken.size(), 2U) << "a lease that ends gives the message to somebody else, who takes credit too";
  EXPECT_EQ(consumer.taken.back().receipt.delivery, 2U);
  EXPECT_EQ(consumer.push.credit(), 0U);
  consumer.push.stop();
  co_await tasks.join();
}
TEST(Push, AMessageThatComesAgainTakesCreditAgain) { simulate(comes_again); }

Task<> ends(Node& node) {
  const QueuePtr queue = co_await make_queue(node);
  Consumer stopped(node.queues());
  Consumer other(node.queues());
  runtime::TaskScope tasks;
  for (Consumer* consumer : {&stopped, &other}) {
    consumer->push.grant(1);
    tasks.spawn(consumer->run());
  }
  co_await runtime::sleep_for(std::chrono::seconds(1));
  const MonoTime before = runtime::Shard::current().now();
  stopped.push.stop();
  while (!stopped.outcome) co_await runtime::sleep_for(std::chrono::milliseconds(10));
  EXPECT_LT(runtime::Shard::current().now() - before, std::chrono::seconds(1)) << "it does not wait its wait out";
  EXPECT_FALSE(other.outcome) << "others go on";
  co_await send(node, queue, 1);
  co_await runtime::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(stopped.taken.size(), 0U);
  EXPECT_EQ(other.taken.size(), 1U);
  other.push.grant(1);
  EXPECT_TRUE(co_await node.queues().remove("q"));
  co_await tasks.join();
  EXPECT_EQ(other.outcome->error().code, Errc::not_found);
}
TEST(Push, EndsAtOnceWhenItIsStoppedOrItsQueueIsGone) { simulate(ends); }

}  // namespace
}  // namespace leat::queue::testing
