#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "keyspace/lock_event.h"
#include "keyspace/memory.h"

namespace leat::keyspace {

// Who holds some locks, until when.
struct LockHolder {
  LockToken token = 0;
  Millis until = 0;           // it holds them below this time
  bool until_closed = false;  // its connection's end is its end, too
  String owner;
  Vector<String> keys;
};

// The locks of one journal: who holds them, who waits for them, and the newest token that each was ever held with.
//
// It decides nothing by itself: the caller asks, journals an event, and applies it. The order of those who wait is not
// journalled: they are gone after a restart.
class LockSpace {
 public:
  using Keys = std::span<const std::string_view>;
  using WaiterId = std::uint64_t;

  // Free locks whose newest token is remembered. Of those beyond, the ones that are free for longest are forgotten.
  static constexpr std::size_t kRememberedMax = 100'000;

  explicit LockSpace(std::size_t remembered_max = kRememberedMax) : remembered_max_(remembered_max) {}
  LockSpace(const LockSpace&) = delete;
  LockSpace& operator=(const LockSpace&) = delete;

  // Makes what an event says so. `event.token` is never smaller than those before it, but for what a snapshot repeats.
  void apply(const LockEvent& event);

  // Whether all of `keys` are free, and nobody else has waited for one of them for longer than `waiter` (0: one who does not
  // wait).
  [[nodiscard]] bool is_available(Keys keys, WaiterId waiter = 0) const;
  // nullptr: the lock is free.
  [[nodiscard]] const LockHolder* holder(std::string_view key) const;
  // nullptr: the token holds nothing, or not this key.
  [[nodiscard]] const LockHolder* holder(std::string_view key, LockToken token) const;
  // The one whose time ends first; nullptr: nothing is held.
  [[nodiscard]] const LockHolder* next_to_expire() const;
  // The token of whoever held the lock last, or holds it; 0: nothing is known of it.
  [[nodiscard]] LockToken newest(std::string_view key) const;

  // Puts `waiter` behind those who wait for these keys. It must not wait already.
  void wait(WaiterId waiter, Keys keys);
  void stop_waiting(WaiterId waiter, Keys keys);
  [[nodiscard]] std::size_t waiting(std::string_view key) const;

  // Events that make this state anew, in a space that is empty.
  void for_each_event(const std::function<void(const LockEvent&)>& event) const;

  [[nodiscard]] std::size_t held() const { return holders_.size(); }
  [[nodiscard]] std::size_t known() const { return names_.size(); }
  [[nodiscard]] const std::map<LockToken, LockHolder>& holders() const { return holders_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const { return a == b; }
  };
  using Remembered = std::list<std::string_view, Allocator<std::string_view>>;
  struct Name {
    LockToken newest = 0;
    const LockHolder* holder = nullptr;
    Vector<WaiterId> waiters;
    Remembered::iterator place;
    bool is_remembered = false;  // `place` is its place
  };
  using Names = std::unordered_map<String, Name, Hash, Equal, Allocator<std::pair<const String, Name>>>;

  void acquire(const LockEvent& event);
  void release(LockToken token);
  void remember(std::string_view key, LockToken token);
  Names::value_type& name(std::string_view key);
  // Nobody holds it or waits for it: it is remembered for a while, if there is anything to remember.
  void settle(Names::iterator at);
  void forget_place(Name& name);

  std::size_t remembered_max_;
  Names names_;
  std::map<LockToken, LockHolder> holders_;
  std::set<std::pair<Millis, LockToken>> by_time_;
  Remembered remembered_;  // the one that is free for longest first
};

}  // namespace leat::keyspace
