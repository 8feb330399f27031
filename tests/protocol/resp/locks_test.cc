#include <gtest/gtest.h>

#include <map>
#include <set>

#include "runtime/sim_random.h"
#include "tests/environment.h"
#include "tests/protocol/resp/node.h"

// LOCK.* and FENCE as clients see them, and many clients with power failures: never two holders, tokens that only grow, and
// those who wait served in order.
namespace leat::resp::testing {
namespace {

using runtime::Task;
using runtime::sim::Random;
using runtime::sim::SimDisk;

// A client that is connected as long as this lasts.
class Connected {
 public:
  explicit Connected(Executor& executor) : executor_(executor), recorder_(std::make_unique<Recorder>(executor)) {
    executor.connected(recorder_->client());
  }
  Connected(const Connected&) = delete;
  Connected& operator=(const Connected&) = delete;
  ~Connected() { executor_.disconnected(recorder_->client()); }

  void send(std::string_view line) { recorder_->execute(line); }
  std::string take() { return recorder_->take(); }
  // What it is replied, once that is committed.
  Task<std::string> ask(std::string line) {
    recorder_->execute(line);
    co_return co_await reply();
  }
  Task<std::string> reply() {
    std::string got;
    for (int i = 0; i < 200 && got.empty(); ++i) {
      co_await runtime::sleep_for(Milliseconds(1));
      got = take();
    }
    co_return got;
  }
  [[nodiscard]] Recorder& recorder() { return *recorder_; }

 private:
  Executor& executor_;
  std::unique_ptr<Recorder> recorder_;
};

std::int64_t token_of(const std::string& reply) {
  return reply.starts_with(':') ? std::strtoll(reply.c_str() + 1, nullptr, 10) : -1;
}

// Runs a test's body with a node that is started.
void with_node(const std::function<Task<>(Node&)>& body) {
  runtime::sim::SimWorld world(1);
  world.run([&]() -> Task<> {
    Node node(world, Durability::interval);
    const Status started = co_await node.start();
    if (!started) ADD_FAILURE() << started.error().message;
    if (started) co_await body(node);
    co_await node.stop();
  });
}

TEST(Locks, AnAcquisitionIsAllOrNoneAndItsTokenFreesIt) {
  with_node([](Node& node) -> Task<> {
    Connected first(node.executor());
    Connected second(node.executor());
    const std::int64_t token = token_of(co_await first.ask("LOCK.ACQUIRE a b TTL 10000 OWNER one"));
    EXPECT_GT(token, 0);
    EXPECT_EQ(co_await second.ask("LOCK.ACQUIRE b c TTL 10000"), "$-1\r\n");
    EXPECT_EQ(co_await second.ask("LOCK.INFO c"), "$-1\r\n");
    const std::string info = co_await second.ask("LOCK.INFO b");
    EXPECT_NE(info.find("$3\r\none\r\n"), std::string::npos) << info;
    EXPECT_EQ(co_await second.ask(fmt::format("LOCK.RELEASE c {}", token)), ":0\r\n") << "it does not hold c";
    EXPECT_EQ(co_await second.ask(fmt::format("LOCK.RELEASE a {}", token + 1)), ":0\r\n");
    EXPECT_EQ(co_await first.ask(fmt::format("LOCK.RELEASE a {}", token)), ":1\r\n");
    EXPECT_EQ(co_await first.ask(fmt::format("LOCK.EXTEND a {} TTL 100", token)), ":0\r\n");
    EXPECT_GT(token_of(co_await second.ask("LOCK.ACQUIRE b c TTL 10000")), token);
  });
}

TEST(Locks, TimeEndsAnAcquisitionUnlessItIsExtended) {
  with_node([](Node& node) -> Task<> {
    Connected client(node.executor());
    const std::int64_t token = token_of(co_await client.ask("LOCK.ACQUIRE a TTL 50"));
    EXPECT_EQ(co_await client.ask(fmt::format("LOCK.EXTEND a {} TTL 500", token)), ":1\r\n");
    co_await runtime::sleep_for(Milliseconds(300));
    EXPECT_EQ(co_await client.ask("LOCK.ACQUIRE a TTL 50"), "$-1\r\n");
    co_await runtime::sleep_for(Milliseconds(300));
    EXPECT_GT(token_of(co_await client.ask("LOCK.ACQUIRE a TTL 50")), token);
  });
}

TEST(Locks, WaitersAreServedInOrderAndTheirTimeEnds) {
  with_node([](Node& node) -> Task<> {
    Connected holder(node.executor());
    const std::int64_t token = token_of(co_await holder.ask("LOCK.ACQUIRE a TTL 100000"));
    Connected impatient(node.executor());
    Connected first(node.executor());
    Connected second(node.executor());
    impatient.send("LOCK.ACQUIRE a TTL 100 WAIT 20");
    first.send("LOCK.ACQUIRE b a TTL 100000 WAIT 60000");
    second.send("LOCK.ACQUIRE b TTL 100000 WAIT 60000");
    EXPECT_EQ(co_await impatient.reply(), "$-1\r\n");
    EXPECT_EQ(second.take(), "") << "b is free, but first came first";
    co_await holder.ask(fmt::format("LOCK.RELEASE a {}", token));
    const std::int64_t next = token_of(co_await first.reply());
    EXPECT_GT(next, token);
    EXPECT_EQ(second.take(), "");
    co_await first.ask(fmt::format("LOCK.RELEASE b {}", next));
    EXPECT_GT(token_of(co_await second.reply()), next);
  });
}

TEST(Locks, WhoLeavesLetsThoseBehindItPass) {
  with_node([](Node& node) -> Task<> {
    Connected holder(node.executor());
    co_await holder.ask("LOCK.ACQUIRE a TTL 100000");
    auto leaver = std::make_unique<Connected>(node.executor());
    leaver->send("LOCK.ACQUIRE a b TTL 100000 WAIT 60000");
    Connected next(node.executor());
    next.send("LOCK.ACQUIRE b TTL 100000 WAIT 60000");
    co_await runtime::sleep_for(Milliseconds(5));
    EXPECT_EQ(next.take(), "");
    leaver.reset();
    EXPECT_GT(token_of(co_await next.reply()), 0);
  });
}

TEST(Locks, TheEndOfAConnectionFreesWhatWasBoundToIt) {
  with_node([](Node& node) -> Task<> {
    auto leaver = std::make_unique<Connected>(node.executor());
    co_await leaver->ask("LOCK.ACQUIRE bound TTL 100000 ONCLOSE");
    co_await leaver->ask("LOCK.ACQUIRE kept TTL 100000");
    Connected waiter(node.executor());
    waiter.send("LOCK.ACQUIRE bound TTL 100 WAIT 60000");
    leaver.reset();
    EXPECT_GT(token_of(co_await waiter.reply()), 0);
    EXPECT_EQ(co_await waiter.ask("LOCK.ACQUIRE kept TTL 100"), "$-1\r\n");
  });
}

TEST(Locks, AFenceKeepsAnOldHolderFromWriting) {
  with_node([](Node& node) -> Task<> {
    Connected client(node.executor());
    const auto write = [&](std::int64_t token) -> Task<std::string> {
      client.send("MULTI");
      client.send("SET before 1");
      client.send(fmt::format("FENCE a {}", token));
      client.send("INCR done");
      co_await runtime::sleep_for(Milliseconds(5));
      client.take();
      co_return co_await client.ask("EXEC");
    };
    const std::int64_t old = token_of(co_await client.ask("LOCK.ACQUIRE a TTL 20"));
    EXPECT_EQ(co_await write(old), "*3\r\n+OK\r\n+OK\r\n:1\r\n");
    co_await runtime::sleep_for(Milliseconds(50));
    EXPECT_EQ(co_await write(old), "*3\r\n+OK\r\n+OK\r\n:2\r\n") << "expired, but nobody else has it";
    const std::int64_t newer = token_of(co_await client.ask("LOCK.ACQUIRE a TTL 20000"));
    co_await client.ask("DEL before");
    EXPECT_TRUE((co_await write(old)).starts_with("-FENCED "));
    EXPECT_TRUE((co_await write(newer + 1)).starts_with("-FENCED ")) << "nobody has such a token";
    EXPECT_EQ(co_await client.ask("EXISTS before"), ":0\r\n") << "nothing of a refused transaction happens";
    EXPECT_EQ(co_await write(newer), "*3\r\n+OK\r\n+OK\r\n:3\r\n");
    EXPECT_TRUE((co_await client.ask(fmt::format("FENCE a {}", newer))).starts_with("-ERR FENCE outside"));
    Connected scripts(node.executor());
    const auto script = [&](std::int64_t token) {
      return scripts.ask(
          fmt::format("EVAL redis.call('FENCE',KEYS[1],ARGV[1])return(redis.call('INCR',KEYS[2])) 2 a done {}", token));
    };
    EXPECT_EQ(co_await script(newer), ":4\r\n");
    EXPECT_TRUE((co_await script(old)).starts_with("-FENCED "));
    EXPECT_EQ(co_await scripts.ask("GET done"), "$1\r\n4\r\n");
  });
}

TEST(Locks, WordsThatMakeNoSenseAreRefused) {
  with_node([](Node& node) -> Task<> {
    Connected client(node.executor());
    for (const char* line :
         {"LOCK.ACQUIRE a b c", "LOCK.ACQUIRE a TTL 0", "LOCK.ACQUIRE a TTL x", "LOCK.ACQUIRE a TTL 99999999999999",
          "LOCK.ACQUIRE a TTL 5 WAIT", "LOCK.ACQUIRE a TTL 5 WAIT -1", "LOCK.ACQUIRE a TTL 5 OWNER",
          "LOCK.ACQUIRE a TTL 5 STEAL", "LOCK.EXTEND a x TTL 5", "LOCK.EXTEND a 1 PX 5", "LOCK.RELEASE a x",
          "LOCK.RELEASE a", "FENCE a"})
      EXPECT_TRUE((co_await client.ask(line)).starts_with("-ERR ")) << line;
    EXPECT_GT(token_of(co_await client.ask("LOCK.ACQUIRE TTL TTL 5")), 0) << "a key may have that name";
  });
}

// Many clients, whose view of who holds what is all that counts.
class LockWorld {
 public:
  explicit LockWorld(std::uint64_t seed) : random_(seed), seed_(seed) {}

  void run() {
    SimDisk disk;
    for (int boot = 0; boot < 3 && !::testing::Test::HasFailure(); ++boot) {
      runtime::sim::SimOptions options;
      options.disk = disk;
      options.wall_start = wall_;
      runtime::sim::SimWorld world(seed_ * 100 + static_cast<std::uint64_t>(boot), options);
      if (random_.chance(0.7)) world.files().power_off_after(50 + random_.below(400));
      world.run([&] { return live(world); });
      wall_ = world.wall_now();
      disk = world.files().crash(seed_ * 17 + static_cast<std::uint64_t>(boot));
    }
  }
  [[nodiscard]] std::size_t grants() const { return grants_; }
  [[nodiscard]] std::size_t waits_granted() const { return waits_granted_; }
  [[nodiscard]] std::size_t fenced() const { return fenced_; }
  [[nodiscard]] std::size_t power_failures() const { return power_failures_; }

 private:
  struct Lease {
    std::set<std::string> keys;
    std::int64_t until;  // as its holder believes: from when it asked
    int client;
    bool until_closed;
  };
  enum class Asked { nothing, acquisition, release, fence };
  struct Player {
    std::unique_ptr<Connected> connection;
    int number = 0;
    Asked asked = Asked::nothing;  // and not answered
    std::string heard;
    std::set<std::string> keys;
    std::int64_t asked_at = 0;
    std::int64_t ttl = 0;
    bool until_closed = false;
    std::uint64_t place = 0;  // in the order of all acquisitions that were asked for
    std::int64_t fence = 0;
    std::int64_t newest_then = 0;
    // It waits in the queues of its keys at this moment.
    [[nodiscard]] bool waits() const { return connection->recorder().client().blocked != nullptr; }
  };

  Task<> live(runtime::sim::SimWorld& world) {
    Node node(world, Durability::interval);
    const Status started = co_await node.start();
    if (!started && !world.files().is_off()) ADD_FAILURE() << "start: " << started.error().message;
    if (started) {
      if (!tokens_.empty()) before_ = *tokens_.rbegin();
      std::vector<Player> players(6);
      for (int i = 0; i < 6; ++i) {
        players[static_cast<std::size_t>(i)].number = i;
        players[static_cast<std::size_t>(i)].connection = std::make_unique<Connected>(node.executor());
      }
      std::erase_if(leases_, [](const auto& each) { return each.second.until_closed; });  // the connections are gone
      for (int i = 0; i < 300 && !world.files().is_off() && !::testing::Test::HasFailure(); ++i) {
        Player& player = players[random_.below(players.size())];
        const std::int64_t now = world.wall_now().value();
        for (Player& each : players) hear(each, players, now);
        if (random_.chance(0.03)) {
          leave(player, node.executor());
        } else if (player.asked == Asked::nothing) {
          act(player, now);
        }
        if (random_.chance(0.6)) co_await runtime::sleep_for(std::chrono::microseconds(random_.below(8000)));
      }
      power_failures_ += world.files().is_off() ? 1 : 0;
      for (Player& each : players) hear(each, players, world.wall_now().value());  // what went out before the power did
      players.clear();
    }
    const Status stopped = co_await node.stop();
    if (!stopped && !world.files().is_off()) ADD_FAILURE() << "stop: " << stopped.error().message;
  }

  // A connection that ends: what it asked for and did not hear of may have happened.
  void leave(Player& player, Executor& executor) {
    std::erase_if(leases_,
                  [&](const auto& each) { return each.second.client == player.number && each.second.until_closed; });
    const int number = player.number;
    player = Player();
    player.number = number;
    player.connection = std::make_unique<Connected>(executor);
  }

  std::string key() { return fmt::format("k{}", random_.below(4)); }

  void act(Player& player, std::int64_t now) {
    const auto mine = [&] {
      std::vector<std::int64_t> tokens;
      for (const auto& [token, lease] : leases_) {
        if (lease.client == player.number) tokens.push_back(token);
      }
      return tokens;
    }();
    if (!mine.empty() && random_.chance(0.6)) {
      const std::int64_t token = mine[random_.below(mine.size())];
      const std::string held = *leases_.at(token).keys.begin();
      if (random_.chance(0.5)) {
        leases_.erase(token);  // it does not count on it from here on
        player.connection->send(fmt::format("LOCK.RELEASE {} {}", held, token));
        player.asked = Asked::release;
      } else {
        player.connection->send("MULTI");
        player.connection->send(fmt::format("FENCE {} {}", held, token));
        player.connection->send("EXEC");
        player.asked = Asked::fence;
        player.fence = token;
        player.newest_then = newest_[held];
      }
      return;
    }
    player.asked = Asked::acquisition;
    player.keys.clear();
    for (std::uint64_t n = 1 + random_.below(2); n > 0; --n) player.keys.insert(key());
    player.asked_at = now;
    player.ttl = 1 + static_cast<std::int64_t>(random_.below(random_.chance(0.1) ? 1000 : 60));
    player.until_closed = random_.chance(0.2);
    player.place = ++places_;
    player.connection->send(fmt::format("LOCK.ACQUIRE {} TTL {} WAIT {}{}", fmt::join(player.keys, " "), player.ttl,
                                        random_.below(100), player.until_closed ? " ONCLOSE" : ""));
  }

  void hear(Player& player, const std::vector<Player>& players, std::int64_t now) {
    player.heard += player.connection->take();
    if (player.heard.empty()) return;
    const bool refused = player.heard.find("-FENCED") != std::string::npos;
    const bool passed = player.heard.ends_with("*1\r\n+OK\r\n");
    if (player.asked == Asked::fence && !refused && !passed) return;  // half of it
    const std::string reply = std::exchange(player.heard, {});
    switch (std::exchange(player.asked, Asked::nothing)) {
      case Asked::fence:
        fenced_ += refused ? 1 : 0;
        EXPECT_FALSE(passed && player.newest_then > player.fence) << "a newer token was known before, seed " << seed_;
        return;
      case Asked::acquisition:
        if (const std::int64_t token = token_of(reply); token > 0) return granted(player, players, token, now);
        EXPECT_TRUE(reply == "$-1\r\n" || reply.starts_with("-MISCONF")) << reply;
        return;
      case Asked::release: EXPECT_TRUE(reply.starts_with(":") || reply.starts_with("-MISCONF")) << reply; return;
      case Asked::nothing: ADD_FAILURE() << "not asked for: " << reply;
    }
  }

  void granted(const Player& player, const std::vector<Player>& players, std::int64_t token, std::int64_t now) {
    ++grants_;
    if (now > player.asked_at + 10) ++waits_granted_;
    EXPECT_TRUE(tokens_.insert(token).second) << "seed " << seed_;
    EXPECT_GT(token, before_) << "seed " << seed_;
    for (const std::string& each : player.keys) {
      EXPECT_NE(token, newest_[each]) << "seed " << seed_;
      newest_[each] = std::max(token, newest_[each]);  // what was granted first may be heard of later
    }
    const std::int64_t until = player.asked_at + player.ttl;
    for (const auto& [other, lease] : leases_) {
      if (std::min(lease.until, until) <= now) continue;
      for (const std::string& each : player.keys)
        EXPECT_FALSE(lease.keys.contains(each))
            << each << " is held with " << other << " and " << token << ", seed " << seed_;
    }
    for (const Player& other : players) {
      if (!other.waits() || other.place > player.place) continue;
      for (const std::string& each : player.keys)
        EXPECT_FALSE(other.keys.contains(each)) << "passed one who came first, seed " << seed_;
    }
    leases_[token] = {player.keys, until, player.number, player.until_closed};
  }

  Random random_;
  std::uint64_t seed_;
  Timestamp wall_{1'700'000'000'000};
  std::map<std::int64_t, Lease> leases_;  // that their holders count on
  std::map<std::string, std::int64_t> newest_;
  std::set<std::int64_t> tokens_;
  std::int64_t before_ = 0;  // the last token heard of before the restart
  std::uint64_t places_ = 0;
  std::size_t grants_ = 0;
  std::size_t waits_granted_ = 0;
  std::size_t fenced_ = 0;
  std::size_t power_failures_ = 0;
};

TEST(LockSimulation, NeverTwoHoldersWhateverFails) {
  const std::uint64_t first = leat::testing::number_from_environment("LEAT_SEED", 1);
  const std::uint64_t count = leat::testing::number_from_environment("LEAT_SEEDS", 20);
  std::size_t grants = 0;
  std::size_t waits = 0;
  std::size_t fenced = 0;
  std::size_t power_failures = 0;
  for (std::uint64_t seed = first; seed < first + count && !::testing::Test::HasFailure(); ++seed) {
    LockWorld world(seed);
    world.run();
    grants += world.grants();
    waits += world.waits_granted();
    fenced += world.fenced();
    power_failures += world.power_failures();
  }
  EXPECT_GT(grants, 20 * count);
  EXPECT_GT(waits, count);
  EXPECT_GT(fenced, 0U);
  EXPECT_GT(power_failures, count / 4) << "while clients were at work";
}

}  // namespace
}  // namespace leat::resp::testing
