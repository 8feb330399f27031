#include "keyspace/lock_space.h"

#include <gtest/gtest.h>

#include <optional>

#include "runtime/sim_random.h"
#include "tests/environment.h"

namespace leat::keyspace {
namespace {

LockEvent acquired(LockToken token, std::vector<std::string> keys, Millis until = 1000) {
  return {.kind = LockEvent::Kind::acquired, .token = token, .until = until, .owner = "me", .keys = std::move(keys)};
}
LockEvent released(LockToken token) { return {.kind = LockEvent::Kind::released, .token = token}; }

class LockSpaceTest : public ::testing::Test {
 protected:
  using Words = std::vector<std::string_view>;
  bool available(const Words& keys, LockSpace::WaiterId waiter = 0) { return locks_.is_available(keys, waiter); }

  LockSpace locks_{2};
};

TEST_F(LockSpaceTest, SeveralKeysAreHeldAllOrNone) {
  locks_.apply(acquired(1, {"a", "b"}));
  EXPECT_FALSE(available({"b", "c"}));
  EXPECT_TRUE(available({"c"}));
  EXPECT_EQ(locks_.holder("c"), nullptr);
  locks_.apply(released(1));
  EXPECT_TRUE(available({"a", "b", "c"}));
}

TEST_F(LockSpaceTest, OnlyTheTokenThatHoldsTheKeyIsItsHolder) {
  locks_.apply(acquired(1, {"a"}));
  locks_.apply(released(1));
  locks_.apply(acquired(2, {"a"}));
  EXPECT_EQ(locks_.holder("a", 1), nullptr);
  ASSERT_NE(locks_.holder("a", 2), nullptr);
  EXPECT_EQ(locks_.holder("a", 2)->owner, "me");
}

TEST_F(LockSpaceTest, TheEarliestEndComesFirstAndExtendingMovesIt) {
  locks_.apply(acquired(1, {"a"}, 100));
  locks_.apply(acquired(2, {"b"}, 200));
  EXPECT_EQ(locks_.next_to_expire()->token, 1);
  locks_.apply({.kind = LockEvent::Kind::extended, .token = 1, .until = 300});
  EXPECT_EQ(locks_.next_to_expire()->token, 2);
  locks_.apply(released(2));
  locks_.apply(released(1));
  EXPECT_EQ(locks_.next_to_expire(), nullptr);
}

TEST_F(LockSpaceTest, WhoWaitsForAKeyOfSeveralKeepsLaterOnesFromIt) {
  locks_.apply(acquired(1, {"a"}));
  const Words both{"a", "b"};
  locks_.wait(7, both);
  const Words only{"b"};
  EXPECT_FALSE(available(only)) << "7 came first";
  locks_.wait(8, only);
  EXPECT_FALSE(available(only, 8));
  locks_.apply(released(1));
  EXPECT_TRUE(available(both, 7));
  EXPECT_FALSE(available(only, 8));
  locks_.stop_waiting(7, both);
  EXPECT_TRUE(available(only, 8));
}

TEST_F(LockSpaceTest, TheNewestTokenIsRememberedForAsManyFreeKeysAsAllowed) {
  for (LockToken token = 1; token <= 3; ++token) {
    locks_.apply(acquired(token, {fmt::format("key{}", token)}));
    locks_.apply(released(token));
  }
  EXPECT_EQ(locks_.newest("key1"), 0) << "free for longest of three, with room for two";
  EXPECT_EQ(locks_.newest("key2"), 2);
  EXPECT_EQ(locks_.newest("key3"), 3);
  EXPECT_EQ(locks_.known(), 2U);
}

TEST_F(LockSpaceTest, WhatIsHeldIsNeverForgotten) {
  locks_.apply(acquired(1, {"held"}));
  for (LockToken token = 2; token < 20; ++token) {
    locks_.apply(acquired(token, {fmt::format("key{}", token)}));
    locks_.apply(released(token));
  }
  EXPECT_EQ(locks_.newest("held"), 1);
}

TEST_F(LockSpaceTest, AKeyThatWasOnlyWaitedForLeavesNothing) {
  const Words key{"a"};
  locks_.wait(1, key);
  EXPECT_EQ(locks_.waiting("a"), 1U);
  locks_.stop_waiting(1, key);
  EXPECT_EQ(locks_.known(), 0U);
}

TEST(LockEvent, IsReadAsItWasWritten) {
  const std::vector<LockEvent> events = {
      {.kind = LockEvent::Kind::acquired, .until = 77, .until_closed = true, .owner = "o", .keys = {"a", "TTL", ""}},
      {.kind = LockEvent::Kind::extended, .token = 9, .until = 78},
      {.kind = LockEvent::Kind::released, .token = 9},
      {.kind = LockEvent::Kind::remembered, .token = 8, .keys = {"k"}}};
  Effects effects;
  for (const LockEvent& event : events) add_lock_event(effects, event);
  EffectsReader reader(effects.bytes());
  for (const LockEvent& event : events) {
    ASSERT_TRUE(reader.next());
    const auto read = parse_lock_event(reader.arguments(), Offset(5));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->kind, event.kind);
    EXPECT_EQ(read->token, event.token == 0 ? 5 : event.token);
    EXPECT_EQ(read->until, event.until);
    EXPECT_EQ(read->until_closed, event.until_closed);
    EXPECT_EQ(read->owner, event.owner);
    EXPECT_EQ(read->keys, event.keys);
  }
}

TEST(LockEvent, BrokenOnesAreRefused) {
  const std::vector<std::vector<std::string_view>> broken = {{"ACQUIRED"},
                                                             {"ACQUIRED", "x", "1", "", "", "k"},
                                                             {"ACQUIRED", "1", "1", "", ""},
                                                             {"STOLEN", "1"},
                                                             {"EXTENDED", "1", "x"},
                                                             {"EXTENDED", "1"},
                                                             {"RELEASED", "-1"}};
  for (const auto& words : broken) {
    const auto read = parse_lock_event(words, Offset(1));
    ASSERT_FALSE(read) << words[0];
    EXPECT_EQ(read.error().code, Errc::corrupt);
  }
}

// Random events against a model that looks at all acquisitions anew for each question.
class LockSpaceModel {
 public:
  explicit LockSpaceModel(std::uint64_t seed) : random_(seed) {}

  void run() {
    for (int step = 0; step < 2000 && !::testing::Test::HasFailure(); ++step) {
      change();
      compare(locks_);
      if (step % 50 == 0) {
        LockSpace copy;
        locks_.for_each_event([&](const LockEvent& event) { copy.apply(event); });
        compare(copy);
      }
    }
  }

 private:
  struct Held {
    Millis until;
    std::set<std::string> keys;
  };

  void change() {
    const Millis until = static_cast<Millis>(random_.below(1000));
    const auto some = [&] {
      return std::next(held_.begin(), static_cast<std::ptrdiff_t>(random_.below(held_.size())));
    };
    switch (random_.below(4)) {
      case 0:
      case 1: {
        std::set<std::string> keys;
        for (std::uint64_t n = 1 + random_.below(3); n > 0; --n) keys.insert(fmt::format("k{}", random_.below(12)));
        const std::vector<std::string_view> views(keys.begin(), keys.end());
        const bool is_free = std::ranges::none_of(keys, [&](const auto& key) { return holder_of(key).has_value(); });
        ASSERT_EQ(locks_.is_available(views), is_free);
        if (!is_free) return;
        locks_.apply(acquired(++last_, {keys.begin(), keys.end()}, until));
        for (const std::string& key : keys) newest_[key] = last_;
        held_.emplace(last_, Held{until, keys});
        return;
      }
      case 2:
        if (held_.empty()) return;
        if (const auto at = some(); true) {
          at->second.until = until;
          locks_.apply({.kind = LockEvent::Kind::extended, .token = at->first, .until = until});
        }
        return;
      default:
        if (held_.empty()) return;
        const auto at = some();
        locks_.apply(released(at->first));
        held_.erase(at);
    }
  }

  std::optional<LockToken> holder_of(const std::string& key) const {
    for (const auto& [token, held] : held_) {
      if (held.keys.contains(key)) return token;
    }
    return std::nullopt;
  }

  void compare(const LockSpace& locks) const {
    ASSERT_EQ(locks.held(), held_.size());
    for (int i = 0; i < 12; ++i) {
      const std::string key = fmt::format("k{}", i);
      const LockHolder* holder = locks.holder(key);
      const auto expected = holder_of(key);
      ASSERT_EQ(holder != nullptr, expected.has_value()) << key;
      if (holder != nullptr) {
        ASSERT_EQ(holder->token, *expected);
        ASSERT_EQ(holder->until, held_.at(*expected).until);
      }
      const auto newest = newest_.find(key);
      ASSERT_EQ(locks.newest(key), newest == newest_.end() ? 0 : newest->second);
    }
    Millis first = INT64_MAX;
    for (const auto& [token, held] : held_) first = std::min(first, held.until);
    ASSERT_EQ(locks.next_to_expire() == nullptr ? INT64_MAX : locks.next_to_expire()->until, first);
  }

  runtime::sim::Random random_;
  LockSpace locks_;
  LockToken last_ = 0;
  std::map<LockToken, Held> held_;
  std::map<std::string, LockToken> newest_;
};

TEST(LockSpace, IsLikeItsModelAndIsMadeAnewByItsEvents) {
  const std::uint64_t first = leat::testing::number_from_environment("LEAT_SEED", 1);
  for (std::uint64_t seed = first; seed < first + leat::testing::number_from_environment("LEAT_SEEDS", 10); ++seed)
    LockSpaceModel(seed).run();
}

}  // namespace
}  // namespace leat::keyspace
