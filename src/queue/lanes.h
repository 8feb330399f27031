#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/types.h"
#include "queue/events.h"
#include "queue/index.h"
#include "queue/settings.h"

namespace leat::queue {

// The time as engines are told it. `wall` does not go back.
struct Time {
  MonoTime mono;
  Timestamp wall;
};

// At most `rate` things a second and a second's worth at once.
class RateLimit {
 public:
  // A rate of 0: no limit.
  [[nodiscard]] bool allows(double rate, MonoTime now);
  void take(double rate);
  // When it allows one again, after it did not.
  [[nodiscard]] MonoTime next(double rate, MonoTime now) const;

 private:
  double tokens_ = 1;
  MonoTime filled_{};
  bool started_ = false;
};

struct LaneOptions {
  bool fifo = false;
  Milliseconds ageing{0};
  std::int64_t lane_in_flight_max = 0;
  double lane_rate_max = 0;
  // What is kept in memory; the rest is in the index.
  std::size_t runs_max = 65'536;
  std::size_t lane_runs_max = 1'024;
  std::size_t lanes_max = 16'384;  // that nobody holds a message of
  // What is asked of the index at once.
  std::size_t refill_entries = 16;  // of one lane
  std::size_t cold_entries = 64;
};

// The messages of one lane that can be delivered, or will be when what blocks it has ended.
struct Lane {
  LaneKey key;
  std::set<Offset> retries;     // delivered before and ready again
  std::uint32_t in_flight = 0;  // leased
  std::uint32_t waiting = 0;    // delivered before, not ready yet, or on the way to the dead letters

 private:
  friend class Lanes;
  struct Held {
    Run run;
    std::optional<std::string> entry;  // the index entry that goes when this run is used up
    bool delayed = false;              // from the delayed messages: stands in no order
    bool indexed = false;              // an entry has it
  };
  [[nodiscard]] bool has_runs() const { return head_ < runs_.size(); }
  [[nodiscard]] Held& front() { return runs_[head_]; }

  std::vector<Held> runs_;  // from `head_` on, in offset order but for delayed ones
  std::size_t head_ = 0;
  std::uint64_t untouched_ = 0;  // messages in `runs_`
  bool spilled_ = false;         // the index may hold more, in entries from `load_from_` on
  Offset load_from_{0};
  Offset loaded_to_{0};  // FIFO: messages below it were loaded before
  bool loading_ = false;
  bool put_since_load_ = false;
  std::uint64_t serial_ = 0;  // of its creation
  std::uint32_t pins_ = 0;
  bool retries_counted_ = false;  // in retrying_
  Timestamp ready_since_{0};      // it was served last, or became servable
  bool retry_turn_ = true;        // unordered: retries and fresh messages take turns
  RateLimit rate_;
  std::optional<std::list<Lane*>::iterator> queued_;  // its place among the servable
  Timestamp wakes_due_ = kNoTimestamp;                // its entry in due_
  std::optional<MonoTime> wakes_at_;                  // its entry in rated_
};

// Which message is next: lanes of untouched messages and of those to be tried again, strictly by priority (with ageing),
// lanes of one priority in turn. Messages that do not fit in memory go to the index and come back. Part of an engine; what
// it holds is never journalled.
class Lanes {
 public:
  // `is_known`: whether a message needs no place in a lane, as it was delivered or is done.
  Lanes(const LaneOptions& options, std::function<bool(Offset)> is_known)
      : options_(options), is_known_(std::move(is_known)) {}
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  void configure(const LaneOptions& options, Time now);
  // After a restart: the index holds lanes that are not known here. They come in once allow_loads() is called, when all
  // that was in the log at the start has been read ahead: what is put into the index until then may overlap what it has.
  void expect_cold() { maybe_cold_ = hold_loads_ = true; }
  void allow_loads() { hold_loads_ = false; }
  // Forgets all untouched messages and asks for the index to be cleared.
  void drop_untouched(Time now);

  // --- reading ahead: messages in offset order, between begin_chunk() and end_chunk()
  void add(const LaneKey& key, const Run& run, Time now);
  void end_chunk();
  // A delayed message that is due; `entry` is its index entry, if it has one.
  void add_due(const LaneKey& key, const Run& run, std::optional<std::string> entry, Time now);
  // Untouched messages below it are done.
  void forget_below(Offset floor, Time now);
  [[nodiscard]] bool has_room_for_due() const { return has_room(runs_, options_.runs_max); }

  // --- delivered messages
  [[nodiscard]] Lane& lane(const LaneKey& key);
  // After a change of its public fields. The lane may be gone afterwards.
  void update(Lane& lane, Time now);
  // It stays until it is unpinned as often, and update() is called: somebody holds a message of it.
  void pin(Lane& lane) { held_ += lane.pins_++ == 0 ? 1 : 0; }
  void unpin(Lane& lane) { held_ -= --lane.pins_ == 0 ? 1 : 0; }

  // --- delivering
  // The lane whose turn it is; nullptr when none can be served now. `retries_only`: of those that have retries.
  [[nodiscard]] Lane* next(bool retries_only, Time now);
  struct Picked {
    Offset offset;
    bool is_retry = false;
    Timestamp sent{0};
    Timestamp expires = kNoTimestamp;
  };
  // Takes the lane's next message; nullopt when it has none that is due. `retries_only`: no untouched one.
  [[nodiscard]] std::optional<Picked> pick(Lane& lane, bool retries_only, Time now);
  // Whether its limits let one more of the lane out.
  [[nodiscard]] bool may_take(Lane& lane, Time now) const;
  // One that was picked goes out.
  void took(Lane& lane) const { lane.rate_.take(options_.lane_rate_max); }
  // After picks of a lane: passes the turn on.
  void served(Lane& lane, Time now);

  void tick(Time now);
  [[nodiscard]] std::optional<Timestamp> next_due() const;
  [[nodiscard]] std::optional<MonoTime> next_rated() const;

  // Untouched messages in memory that can be served now.
  [[nodiscard]] std::uint64_t servable() const { return servable_; }
  [[nodiscard]] bool has_servable(bool retries_only = false) const;
  // Whether messages of several lanes are known.
  [[nodiscard]] std::size_t size() const { return lanes_.size(); }
  [[nodiscard]] bool maybe_cold() const { return maybe_cold_; }
  // Whether something is to come from the index.
  [[nodiscard]] bool is_loading() const {
    return !loads_.empty() || (!hold_loads_ && (!to_refill_.empty() || wants_cold()));
  }

  // --- the index
  // Appends what the index has to do now.
  void collect_work(IndexWork& work, std::uint64_t& next_load);
  // True when `loaded` answers one of these.
  [[nodiscard]] bool loaded(const IndexLoaded& loaded, Time now);
  // Entries that are used up; to be removed once what was journalled so far is durable.
  [[nodiscard]] std::vector<std::string> take_erases() { return std::exchange(erases_, {}); }
  // Puts everything that only memory holds into the index too.
  void save_all(IndexWork& work);
  // An entry of the index could not be read.
  [[nodiscard]] bool is_broken() const { return broken_; }

 private:
  // What is decided must not hang on addresses.
  struct InOrder {
    bool operator()(const Lane* a, const Lane* b) const { return a->serial_ < b->serial_; }
    template <class At>
    bool operator()(const std::pair<At, Lane*>& a, const std::pair<At, Lane*>& b) const {
      return a.first != b.first ? a.first < b.first : a.second->serial_ < b.second->serial_;
    }
  };
  struct Spill {
    LaneKey key;
    std::vector<Run> runs;
  };

  [[nodiscard]] static std::string map_key(const LaneKey& key);
  [[nodiscard]] Lane* find(const LaneKey& key);
  Lane& create(const LaneKey& key);
  void spill(const LaneKey& key, const Run& run);
  void append(Lane& lane, const Run& run, std::optional<std::string> entry, bool delayed);
  void extend(Lane& lane, std::uint32_t count);
  void pop_front(Lane& lane);
  void drop_from_front(Lane& lane, std::uint32_t count);
  [[nodiscard]] std::vector<Lane*> all() const;
  [[nodiscard]] bool is_at_limit(const Lane& lane) const;
  [[nodiscard]] bool is_servable(Lane& lane, Time now);
  [[nodiscard]] bool can_refill(const Lane& lane) const;
  [[nodiscard]] bool has_room(std::size_t used, std::size_t most) const;
  [[nodiscard]] bool wants_cold() const {
    return maybe_cold_ && !cold_loading_ && has_room(lanes_.size() - held_, options_.lanes_max) &&
           has_room(runs_, options_.runs_max);
  }
  void count_retries(Lane& lane);
  void enqueue(Lane& lane);
  void dequeue(Lane& lane);
  void wake_by_due(Lane& lane, Timestamp due);
  void wake_by_rate(Lane& lane, MonoTime at);
  void load_entry(Lane& lane, const std::string& key, LaneEntry entry);
  void loaded_cold(const IndexLoaded& loaded, Time now);

  LaneOptions options_;
  std::function<bool(Offset)> is_known_;
  std::unordered_map<std::string, std::unique_ptr<Lane>> lanes_;
  Lane* latest_ = nullptr;  // the lane that was looked up last
  std::array<std::list<Lane*>, kPriorities> rings_;
  std::uint64_t created_ = 0;
  std::set<std::pair<Timestamp, Lane*>, InOrder> due_;   // FIFO lanes whose first message is not due
  std::set<std::pair<MonoTime, Lane*>, InOrder> rated_;  // lanes that wait for their rate
  std::set<Lane*, InOrder> to_refill_;
  std::size_t runs_ = 0;      // of all lanes
  std::size_t held_ = 0;      // lanes that are pinned
  std::size_t retrying_ = 0;  // lanes that can be served and have retries
  std::uint64_t servable_ = 0;

  std::unordered_map<std::string, Spill> chunk_;  // spilled since the last end_chunk()
  std::vector<IndexEntry> puts_;
  std::vector<std::string> erases_;
  std::unordered_map<std::uint64_t, std::string> loads_;  // by load, the lane's map key; empty: cold lanes
  bool clear_ = false;
  bool broken_ = false;

  bool hold_loads_ = false;
  bool maybe_cold_ = false;  // the index may hold lanes that are not in memory
  bool cold_loading_ = false;
  // In this pass over the index:
  bool cold_put_since_load_ = false;
  bool cold_found_ = false;
  std::string cold_cursor_{kLanesFrom};
};

}  // namespace leat::queue
