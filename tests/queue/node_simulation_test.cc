#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/environment.h"
#include "tests/queue/node.h"

// Whole nodes whose power fails at any moment: what was promised about messages holds.
namespace leat::queue::testing {
namespace {

using runtime::Task;
using runtime::sim::Random;
using runtime::sim::SimDisk;

// What became of a message, as its clients know it.
struct Message {
  std::string queue;
  int group = 0;
  bool sent = false;       // the send was answered
  bool ack_tried = false;  // an acknowledgement is on its way, or was answered
  bool acked = false;      // it was answered
  std::uint32_t deliveries = 0;
};

struct Truth {
  std::vector<Message> messages;                                          // by number
  std::map<std::pair<std::string, int>, std::vector<std::size_t>> order;  // FIFO: what was sent, in order
  std::optional<std::string> wrong;
  std::size_t received = 0;
  std::size_t dead = 0;

  void require(bool holds, const std::string& rule) {
    if (!holds && !wrong) wrong = rule;
  }
};

class PowerFailure {
 public:
  PowerFailure(std::uint64_t seed, Truth& truth) : random_(seed), seed_(seed), truth_(truth) {}

  // Several starts, the last of which settles everything.
  void run() {
    SimDisk disk;
    const int boots = 2 + static_cast<int>(random_.below(4));
    for (int boot = 0; boot <= boots && !truth_.wrong; ++boot) {
      runtime::sim::SimOptions options;
      options.shards = 1 + static_cast<std::uint32_t>(random_.below(3));
      options.disk = disk;
      runtime::sim::SimWorld world(seed_ * 100 + static_cast<std::uint64_t>(boot), options);
      is_last_ = boot == boots;
      const bool orderly = random_.chance(0.2);
      if (!is_last_ && !orderly) world.files().power_off_after(100 + random_.below(3000));
      world.run([&] { return live(world); });
      disk = world.files().crash(seed_ * 31 + static_cast<std::uint64_t>(boot));
    }
  }

 private:
  Task<> live(runtime::sim::SimWorld& world) {
    Node node(world);
    const Status started = co_await node.start();
    if (!started) truth_.require(world.files().is_off(), "start: " + started.error().message);
    if (started) {
      co_await make_queues(node, world);
      if (is_last_) {
        co_await settle(node);
      } else {
        runtime::TaskScope clients;
        for (int i = 0; i < 4; ++i) {
          clients.spawn(send_some(node, world, i % 2 == 0 ? "s" : "f.fifo", i));
          clients.spawn(work_some(node, world, i % 2 == 0 ? "s" : "f.fifo"));
        }
        clients.spawn(work_some(node, world, "copy"));
        co_await clients.join();
      }
    }
    const Status stopped = co_await node.stop();
    if (!stopped && !world.files().is_off()) truth_.require(false, "stop: " + stopped.error().message);
  }

  Task<> make_queues(Node& node, runtime::sim::SimWorld& world) {
    NewQueue dead;
    dead.name = "dead";
    NewQueue plain;
    plain.name = "s";
    plain.partitions = 2;
    plain.settings.deliveries_max = 6;
    plain.settings.dead_letter_queue = "dead";
    plain.settings.lease = Milliseconds(2'000);
    NewQueue fifo;
    fifo.name = "f.fifo";
    fifo.settings.order = Order::fifo;
    fifo.settings.lease = Milliseconds(2'000);
    NewQueue copy;
    copy.name = "copy";
    copy.topic = "s";
    copy.settings.lease = Milliseconds(2'000);
    for (NewQueue* queue : {&dead, &plain, &fifo, &copy}) {
      if (node.queues().find(queue->name) != nullptr) continue;
      const auto made = co_await node.queues().create(std::move(*queue));
      // A crash may have left the topic of a queue that was not finished.
      if (!made && !world.files().is_off() && made.error().code == Errc::exists) {
        (void)co_await node.topics().remove(queue->name);
      }
    }
  }

  Task<> pause(int milliseconds) {
    return runtime::sleep_for(Milliseconds(random_.below(static_cast<std::uint64_t>(milliseconds) + 1)));
  }

  Task<> send_some(Node& node, runtime::sim::SimWorld& world, std::string name, int sender) {
    const std::size_t count = 5 + random_.below(20);
    for (std::size_t i = 0; i < count && !world.files().is_off(); ++i) {
      co_await pause(30);
      const QueuePtr queue = node.queues().find(name);
      if (queue == nullptr) co_return;
      // Each sender has a group of its own: only then is there an order between its messages.
      const int group = sender;
      const std::size_t number = truth_.messages.size();
      truth_.messages.push_back({name, group, false, false, false, 0});
      const std::string body = fmt::format("{}", number);
      const std::string group_name = fmt::format("g{}", group);
      NewMessage message;
      message.body = as_bytes(body);
      if (name != "s" || random_.chance(0.3)) message.group = as_bytes(group_name);
      message.dedup_id = body;
      const auto sent = co_await node.queues().send(queue, std::span(&message, 1));
      if (!sent.front()) continue;
      truth_.messages[number].sent = true;
      if (name == "f.fifo") truth_.order[{name, group}].push_back(number);
    }
  }

  // FIFO: what came before in the group and was promised is on its way out, or in the same hands.
  void check_order(const std::vector<Delivery>& messages, std::size_t number) {
    const Message& message = truth_.messages[number];
    std::set<std::size_t> here;
    for (const Delivery& each : messages) here.insert(number_of(each));
    for (const std::size_t earlier : truth_.order[{message.queue, message.group}]) {
      if (earlier >= number) break;
      truth_.require(truth_.messages[earlier].ack_tried || here.contains(earlier),
                     fmt::format("message {} of a group was delivered before {} was done", number, earlier));
    }
  }

  static std::size_t number_of(const Delivery& message) {
    return std::stoul(std::string(as_text(*message.record.value)));
  }

  Task<> work_some(Node& node, runtime::sim::SimWorld& world, std::string name) {
    const std::size_t rounds = 10 + random_.below(30);
    for (std::size_t i = 0; i < rounds && !world.files().is_off(); ++i) {
      co_await pause(60);
      const QueuePtr queue = node.queues().find(name);
      if (queue == nullptr) co_return;
      ReceiveRequest request;
      request.count_max = 1 + random_.below(5);
      request.wait = Milliseconds(random_.below(300));
      const auto received = co_await node.queues().receive(queue, std::move(request));
      if (!received) continue;
      for (const Delivery& message : *received) {
        const std::size_t number = number_of(message);
        note(name, message, number);
        if (name == "f.fifo") check_order(*received, number);
        const std::uint64_t fate = random_.below(10);
        if (fate < 6) {
          co_await acknowledge(node, queue, name, message.receipt, number);
        } else if (fate < 8) {
          const LeaseChange change{message.receipt, Milliseconds(fate == 6 ? 0 : 3'000), "tried"};
          (void)co_await node.queues().set_lease(queue, std::span(&change, 1));
        }
      }
    }
  }

  void note(const std::string& name, const Delivery& message, std::size_t number) {
    ++truth_.received;
    Message& known = name == "copy" ? copies_[number] : truth_.messages[number];
    truth_.require(!known.acked, fmt::format("message {} of {} was delivered after its acknowledgement", number, name));
    truth_.require(message.receipt.delivery > known.deliveries,
                   fmt::format("message {} of {} was delivered with number {} after {}", number, name,
                               message.receipt.delivery, known.deliveries));
    known.deliveries = message.receipt.delivery;
    truth_.require(name != "s" || message.receipt.delivery <= 6, "a message was delivered more often than its limit");
  }

  Task<> acknowledge(Node& node, QueuePtr queue, std::string name, Receipt receipt, std::size_t number) {
    (name == "copy" ? copies_[number] : truth_.messages[number]).ack_tried = true;
    const auto done = co_await node.queues().acknowledge(queue, std::span(&receipt, 1));
    if (done.front()) (name == "copy" ? copies_[number] : truth_.messages[number]).acked = true;
  }

  // Receives and acknowledges until nothing is left, then compares.
  Task<> settle(Node& node) {
    std::set<std::size_t> seen;
    std::set<std::size_t> seen_copies;
    for (const std::string name : {"s", "f.fifo", "copy", "dead"}) {
      const QueuePtr queue = node.queues().find(name);
      if (queue == nullptr) continue;
      while (!truth_.wrong) {
        ReceiveRequest request;
        request.count_max = 10;
        request.wait = Milliseconds(10'000);
        const auto received = co_await node.queues().receive(queue, std::move(request));
        truth_.require(received.has_value(), received ? "" : "receive: " + received.error().message);
        if (!received || received->empty()) break;
        for (const Delivery& message : *received) {
          const std::size_t number = number_of(message);
          if (name == "dead") {
            ++truth_.dead;
          } else {
            note(name, message, number);
            if (name == "f.fifo") check_order(*received, number);
          }
          (name == "copy" ? seen_copies : seen).insert(number);
          co_await acknowledge(node, queue, name == "copy" ? "copy" : "", message.receipt, number);
        }
      }
      if (!truth_.wrong) {
        const auto stats = co_await node.queues().stats(queue);
        truth_.require(stats && stats->ready == 0 && stats->in_flight == 0 && stats->delayed == 0,
                       fmt::format("{} is not empty in the end", name));
      }
    }
    for (std::size_t number = 0; number < truth_.messages.size() && !truth_.wrong; ++number) {
      const Message& message = truth_.messages[number];
      if (!message.sent) continue;
      truth_.require(message.ack_tried || seen.contains(number),
                     fmt::format("message {} of {} was lost", number, message.queue));
      if (message.queue == "s" && node.queues().find("copy") != nullptr)
        truth_.require(copies_[number].ack_tried || seen_copies.contains(number),
                       fmt::format("message {} was lost by the second queue", number));
    }
  }

  Random random_;
  std::uint64_t seed_;
  Truth& truth_;
  std::map<std::size_t, Message> copies_;
  bool is_last_ = false;
};

TEST(QueueNode, KeepsItsPromisesThroughPowerFailures) {
  const std::uint64_t first = leat::testing::number_from_environment("LEAT_SEED", 1);
  const std::uint64_t count = leat::testing::number_from_environment("LEAT_SEEDS", 60);
  std::size_t received = 0;
  std::size_t dead = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    Truth truth;
    PowerFailure(seed, truth).run();
    ASSERT_EQ(truth.wrong, std::nullopt) << "LEAT_SEED=" << seed << " LEAT_SEEDS=1";
    received += truth.received;
    dead += truth.dead;
  }
  if (count >= 20) {
    EXPECT_GT(received, 100U);
    EXPECT_GT(dead, 0U);
  }
}

}  // namespace
}  // namespace leat::queue::testing
