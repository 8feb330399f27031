#pragma once

#include <algorithm>
#include <limits>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "keyspace/database.h"
#include "keyspace/effects.h"
#include "keyspace/eviction.h"
#include "keyspace/garbage.h"

namespace leat::keyspace {

// Why keys go that nobody deletes.
enum class Removal { expired, evicted };

// Whoever executes commands hears of what happens to keys.
class Observer {
 public:
  virtual ~Observer() = default;
  // The key's value changed, or it came or went: who watches it must know.
  virtual void modified(Database& database, std::string_view key) = 0;
  virtual void removed(Database& database, std::string_view key, Removal why) = 0;
  // Fields of a hash expired; `emptied`: they were its last, and the key is gone.
  virtual void fields_expired(Database& /*database*/, std::string_view /*key*/, bool /*emptied*/) {}
  // Frees it, here or on another thread.
  virtual void discard(std::unique_ptr<Garbage> garbage) { garbage.reset(); }
  // Only when it wants to be told (Keyspace::set_tells): a key came to be, without its value yet; one that was to be read is
  // not there.
  virtual void created(Database& /*database*/, std::string_view /*key*/) {}
  virtual void missed(Database& /*database*/, std::string_view /*key*/) {}
};

struct KeyspaceStats {
  Counter hits;
  Counter misses;
  Counter expired_keys;
  Counter expired_fields;
  Counter evicted_keys;
};

// All databases of one owner. One thread uses it. It knows the time only as it is told.
class Keyspace {
 public:
  Keyspace(std::uint32_t databases, std::uint64_t seed, Observer& observer);

  [[nodiscard]] std::uint32_t databases() const { return static_cast<std::uint32_t>(databases_.size()); }
  [[nodiscard]] Database& database(std::uint32_t index) { return *databases_[index]; }

  // The time of the commands that follow; it does not change inside one.
  [[nodiscard]] Millis now() const { return now_; }
  void set_now(Millis now);
  [[nodiscard]] std::uint64_t random() { return random_(); }

  // Nothing expires before this moment.
  [[nodiscard]] Millis next_expiry() const { return next_expiry_; }
  void expires_at(Millis when) { next_expiry_ = std::min(next_expiry_, when); }
  // Computes next_expiry() anew, from what there is now.
  void refresh_next_expiry();

  // What the unit under way has changed so far.
  [[nodiscard]] Effects& effects() { return effects_; }
  void modified(Database& database, std::string_view key) {
    ++changes_;
    observer_.modified(database, key);
  }
  void removed(Database& database, std::string_view key, Removal why);
  void fields_expired(Database& database, std::string_view key, std::span<const std::string> fields, bool emptied);
  void discard(std::unique_ptr<Garbage> garbage) { observer_.discard(std::move(garbage)); }
  // As if so many keys were told to be modified.
  void count_changes(std::uint64_t count) { changes_ += count; }
  void set_tells(bool created, bool missed) {
    tells_created_ = created;
    tells_missed_ = missed;
  }
  void created(Database& database, std::string_view key) {
    if (tells_created_) [[unlikely]]
      observer_.created(database, key);
  }
  void missed(Database& database, std::string_view key) {
    if (tells_missed_) [[unlikely]]
      observer_.missed(database, key);
  }
  // Modifications since the start: compare two readings to see whether something changed.
  [[nodiscard]] std::uint64_t changes() const { return changes_; }

  // Gives a new entry, or one that is used, the clock that the policy in force wants. See eviction.h.
  void begin_clock(Entry& entry) const;
  void touch(Entry& entry);
  // Whether touch() does anything.
  void set_touches(bool touches) { touches_ = touches; }
  [[nodiscard]] bool touches() const { return touches_; }

  [[nodiscard]] EvictionPolicy policy() const { return policy_; }
  void set_policy(EvictionPolicy policy) { policy_ = policy; }
  [[nodiscard]] LfuSettings& lfu() { return lfu_; }

  [[nodiscard]] KeyspaceStats& stats() { return stats_; }
  [[nodiscard]] const KeyspaceStats& stats() const { return stats_; }

 private:
  Observer& observer_;
  std::vector<std::unique_ptr<Database>> databases_;
  std::mt19937_64 random_;
  Millis now_ = 0;
  Millis next_expiry_ = std::numeric_limits<Millis>::max();
  std::uint32_t seconds_ = 0;
  EvictionPolicy policy_ = EvictionPolicy::noeviction;
  LfuSettings lfu_;
  bool touches_ = true;
  bool tells_created_ = false;
  bool tells_missed_ = false;
  std::uint64_t changes_ = 0;
  Effects effects_;
  KeyspaceStats stats_;
};

}  // namespace leat::keyspace
