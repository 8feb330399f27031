#include "pubsub/hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>

#include "keyspace/glob.h"

namespace leat::pubsub {
namespace {

using ::testing::ElementsAre;

class Listener final : public Subscriber {
 public:
  using Subscriber::Subscriber;
  void deliver(const Message& message) override {
    std::string& form = message.formats[0];
    if (form.empty()) {
      form = fmt::format("{}|{}|{}", message.pattern, message.channel, message.payload);
      ++formatted;
    }
    heard.push_back(form);
  }
  std::vector<std::string> take() { return std::exchange(heard, {}); }

  std::vector<std::string> heard;
  static inline int formatted = 0;
};

TEST(Hub, GivesAMessageToEachSubscriptionOfItsChannelAndOfMatchingPatterns) {
  Hub hub;
  Listener a(hub);
  Listener b(hub);
  EXPECT_TRUE(hub.subscribe(a, Kind::channel, "news"));
  EXPECT_TRUE(hub.subscribe(b, Kind::channel, "news"));
  EXPECT_TRUE(hub.subscribe(b, Kind::pattern, "n*"));
  EXPECT_TRUE(hub.subscribe(b, Kind::pattern, "x*"));
  EXPECT_EQ(hub.publish("news", "hello"), 3u);
  EXPECT_THAT(a.take(), ElementsAre("|news|hello"));
  EXPECT_THAT(b.take(), ElementsAre("|news|hello", "n*|news|hello"));
  EXPECT_EQ(hub.publish("new", "x"), 1u);
  EXPECT_EQ(hub.publish("other", "x"), 0u);
}

TEST(Hub, KeepsShardedChannelsApartFromOthersOfTheSameName) {
  Hub hub;
  Listener a(hub);
  hub.subscribe(a, Kind::shard, "c");
  hub.subscribe(a, Kind::pattern, "*");
  EXPECT_EQ(hub.publish_sharded("c", "sharded"), 1u);
  EXPECT_THAT(a.take(), ElementsAre("|c|sharded"));
  EXPECT_EQ(hub.publish("c", "plain"), 1u);
  EXPECT_THAT(a.take(), ElementsAre("*|c|plain"));
}

TEST(Hub, LetsAMessageBeFormattedOnceForAllSubscribersOfAName) {
  Hub hub;
  std::vector<std::unique_ptr<Listener>> listeners;
  for (int i = 0; i < 100; ++i) {
    hub.subscribe(*listeners.emplace_back(std::make_unique<Listener>(hub)), Kind::channel, "c");
  }
  Listener::formatted = 0;
  EXPECT_EQ(hub.publish("c", "x"), 100u);
  EXPECT_EQ(Listener::formatted, 1);
}

TEST(Hub, CountsASecondSubscriptionToTheSameNameOnce) {
  Hub hub;
  Listener a(hub);
  EXPECT_TRUE(hub.subscribe(a, Kind::channel, "c"));
  EXPECT_FALSE(hub.subscribe(a, Kind::channel, "c"));
  EXPECT_EQ(a.count(), 1u);
  EXPECT_EQ(hub.subscribers(Kind::channel, "c"), 1u);
  EXPECT_TRUE(hub.unsubscribe(a, Kind::channel, "c"));
  EXPECT_FALSE(hub.unsubscribe(a, Kind::channel, "c"));
  EXPECT_EQ(hub.count(Kind::channel), 0u);
}

TEST(Hub, ForgetsASubscriberThatIsGone) {
  Hub hub;
  {
    Listener a(hub);
    for (int i = 0; i < 1000; ++i) {
      hub.subscribe(a, Kind::channel, std::to_string(i));
      hub.subscribe(a, Kind::pattern, std::to_string(i));
      hub.subscribe(a, Kind::shard, std::to_string(i));
    }
    EXPECT_FALSE(hub.is_quiet());
  }
  EXPECT_TRUE(hub.is_quiet());
  EXPECT_EQ(hub.count(Kind::shard), 0u);
  EXPECT_EQ(hub.publish("7", "x"), 0u);
}

TEST(Hub, GivesBackAllItsMemory) {
  const std::int64_t before = keyspace::MemoryMeter::used();
  {
    Hub hub;
    Listener a(hub);
    for (int i = 0; i < 1000; ++i) hub.subscribe(a, Kind::channel, std::to_string(i));
    EXPECT_GT(keyspace::MemoryMeter::used(), before);
  }
  EXPECT_EQ(keyspace::MemoryMeter::used(), before);
}

// Random subscriptions and messages, against sets of names per listener.
class Model {
 public:
  explicit Model(std::uint32_t seed) : random_(seed) {
    for (std::size_t i = 0; i < kListeners; ++i) listeners_.push_back(std::make_unique<Listener>(hub_));
    names_.resize(kListeners);
  }

  void step() {
    const std::size_t who = random_() % kListeners;
    const auto kind = static_cast<Kind>(random_() % kKinds);
    std::set<std::string>& own = names_[who][kind];
    const std::string name = random_name(kind);
    switch (random_() % 6) {
      case 0:
      case 1: EXPECT_EQ(hub_.subscribe(*listeners_[who], kind, name), own.insert(name).second); break;
      case 2: EXPECT_EQ(hub_.unsubscribe(*listeners_[who], kind, name), own.erase(name) == 1); break;
      case 3: publish(random_name(Kind::channel), kind == Kind::shard); break;
      case 4: compare_counts(kind, name); break;
      case 5:
        if (random_() % 20 == 0) leave(who, kind);
        break;
    }
  }

 private:
  static constexpr std::size_t kListeners = 8;

  std::string random_name(Kind kind) {
    static constexpr std::string_view kPatterns[] = {"*", "a*", "?1", "[ab]*", "b?", "c1"};
    if (kind == Kind::pattern) return std::string(kPatterns[random_() % std::size(kPatterns)]);
    return fmt::format("{}{}", static_cast<char>('a' + random_() % 3), random_() % 4);
  }

  void publish(const std::string& channel, bool sharded) {
    std::size_t expected_total = 0;
    std::vector<std::vector<std::string>> expected(kListeners);
    for (std::size_t i = 0; i < kListeners; ++i) {
      if (names_[i][sharded ? Kind::shard : Kind::channel].contains(channel)) {
        expected[i].push_back(fmt::format("|{}|m", channel));
      }
      for (const std::string& pattern : names_[i][Kind::pattern]) {
        if (!sharded && keyspace::glob_match(pattern, channel)) {
          expected[i].push_back(fmt::format("{}|{}|m", pattern, channel));
        }
      }
      expected_total += expected[i].size();
    }
    EXPECT_EQ(sharded ? hub_.publish_sharded(channel, "m") : hub_.publish(channel, "m"), expected_total);
    for (std::size_t i = 0; i < kListeners; ++i) {
      EXPECT_THAT(listeners_[i]->take(), ::testing::UnorderedElementsAreArray(expected[i]));
    }
  }

  void compare_counts(Kind kind, const std::string& name) {
    std::set<std::string> all;
    std::size_t subscribers = 0;
    for (std::size_t i = 0; i < kListeners; ++i) {
      EXPECT_EQ(listeners_[i]->count(kind), names_[i][kind].size());
      all.insert(names_[i][kind].begin(), names_[i][kind].end());
      subscribers += names_[i][kind].count(name);
    }
    EXPECT_EQ(hub_.subscribers(kind, name), subscribers);
    EXPECT_EQ(hub_.count(kind), all.size());
    std::vector<std::string> seen;
    hub_.for_each(kind, [&](std::string_view known) { seen.emplace_back(known); });
    EXPECT_THAT(seen, ::testing::UnorderedElementsAreArray(all));
  }

  // Each name is told once, and ends as it is told.
  void leave(std::size_t who, Kind kind) {
    std::vector<std::string> told;
    listeners_[who]->for_each(kind, [&](std::string_view name) {
      told.emplace_back(name);
      EXPECT_TRUE(hub_.unsubscribe(*listeners_[who], kind, name));
    });
    EXPECT_THAT(told, ::testing::UnorderedElementsAreArray(names_[who][kind]));
    names_[who][kind].clear();
    EXPECT_EQ(listeners_[who]->count(kind), 0u);
  }

  Hub hub_;
  std::mt19937 random_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<std::map<Kind, std::set<std::string>>> names_;
};

TEST(Hub, AgreesWithAModelUnderRandomSubscriptionsAndMessages) {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    Model model(seed);
    for (int i = 0; i < 2000; ++i) model.step();
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace leat::pubsub
