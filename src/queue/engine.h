#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "queue/delays.h"
#include "queue/events.h"
#include "queue/index.h"
#include "queue/journal_format.h"
#include "queue/lanes.h"
#include "queue/message.h"
#include "queue/offset_set.h"
#include "queue/settings.h"

namespace leat::queue {

// What reading ahead tells an engine of a record.
struct MessageFacts {
  Offset offset;
  Timestamp sent{0};
  std::string_view group;  // borrowed
  bool has_group = false;
  std::uint8_t priority = 0;
  Timestamp due = kNoTimestamp;  // by its own header
  Timestamp expires = kNoTimestamp;
};

struct EngineLimits {
  std::size_t read_ahead = 4'096;         // servable messages known beyond those handed out
  std::size_t delivered_max = 1'000'000;  // delivered and not done; then only those are delivered
  std::size_t delayed_in_memory = 16'384;
  std::size_t runs_in_memory = 65'536;
  std::size_t lane_runs_in_memory = 1'024;
  std::size_t lanes_in_memory = 16'384;
  std::size_t refill_entries = 16;       // of one lane, asked of the index at once
  std::size_t cold_entries = 64;         // of lanes that are not in memory, at once
  std::uint64_t save_after = 1'000'000;  // offsets read ahead since the index was last complete
};

struct EngineStats {
  std::uint64_t in_flight = 0;
  std::uint64_t delayed = 0;       // as far as it has read ahead
  std::uint64_t not_done = 0;      // of the offsets below the end it was asked for
  std::uint64_t dead_waiting = 0;  // on the way to the dead letters
};

// One queue in one partition: which message is delivered to whom, when, and how often. A state machine without files,
// sockets, clocks, threads or randomness (docs/formats/queue-journal.md).
//
// What the journal holds changes only in apply(): which messages are done, which were delivered and how often. The rest
// (leases, read-ahead) changes as commands see fit and is lost with the engine. Commands record events; their host takes
// them with take_events() after each call, journals them, and lets no answer out before they are durable. When that fails
// the engine is dropped and rebuilt.
//
// Time does not go back from call to call. Offsets are those of the data partition.
class Engine {
 public:
  // `start`: the first offset of a new queue. `mark`: what the index has, if there is one.
  Engine(const QueueSettings& settings, Offset start, std::optional<IndexMark> mark, const EngineLimits& limits = {});
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  void configure(const QueueSettings& settings, Time now);

  // --- rebuilding, before finish_loading()
  [[nodiscard]] Status restore(const JournalledState& state);
  void load(const Event& event, Timestamp time);
  // `end`: where the log ends now.
  void finish_loading(Offset log_start, Offset end, Time now);

  // --- reading ahead
  // From where the log is to be read on; nullopt while enough is known.
  [[nodiscard]] std::optional<Offset> wants_messages() const;
  // Every record in [the offset asked for, end), in order.
  void read_ahead(std::span<const MessageFacts> messages, Offset end, Time now);
  // The log lost what is below.
  void log_starts_at(Offset start, Time now);
  // Messages with groups are on their way.
  void expect_groups();

  // --- consumers
  struct Leased {
    Offset offset;
    std::uint32_t delivery = 1;
    Timestamp first_delivered;
  };
  // At most `count_max` messages, leased until now + `lease`. None when there are none, or at a limit.
  [[nodiscard]] std::vector<Leased> receive(std::size_t count_max, Duration lease, Time now);
  // Whether receive() would return any.
  [[nodiscard]] bool has_ready(Time now);
  // As many are in flight as may be.
  [[nodiscard]] bool is_full() const;
  // Errors of these: see Queues in queues.h.
  [[nodiscard]] Status acknowledge(const Receipt& receipt, Time now);
  [[nodiscard]] Status extend(const Receipt& receipt, Duration lease, Time now);
  // Ends the lease: ready again at once, after `delay`, or (nullopt) when the queue's backoff says.
  [[nodiscard]] Status release(const Receipt& receipt, std::optional<Milliseconds> delay, std::string_view reason,
                               Time now);
  // It cannot be delivered: its record is gone or broken. No error when it is done already.
  void discard(Offset offset, DoneReason reason, Time now);

  void purge(Offset to, Time now);
  void rewind(Offset to, Time now);

  // --- dead letters
  struct DeadLetter {
    Offset offset;
    std::uint32_t deliveries = 0;
    std::string reason;
  };
  // Those that became dead letters since the last call. Each is to be answered by moved() or not_moved(), which makes it
  // come again.
  [[nodiscard]] std::vector<DeadLetter> take_dead_letters();
  void moved(Offset offset, Time now);
  void not_moved(Offset offset);

  // --- time
  // Ends leases, makes what is due ready.
  void tick(Time now);
  // When tick() has something to do.
  [[nodiscard]] std::optional<MonoTime> next_deadline(Time now) const;

  // --- what the host has to do
  [[nodiscard]] std::vector<Event> take_events() { return std::exchange(events_, {}); }
  [[nodiscard]] bool has_events() const { return !events_.empty(); }
  [[nodiscard]] IndexWork take_index_work();
  // Index entries that may be removed once the events taken so far are durable and the index work taken so far is done;
  // work that clears makes those taken before it void.
  [[nodiscard]] std::vector<std::string> take_index_erases() { return lanes_.take_erases(); }
  void index_loaded(const IndexLoaded& loaded, Time now);
  // Whether answers from the index are awaited.
  [[nodiscard]] bool is_loading() const { return lanes_.is_loading() || delays_.is_loading(); }
  // What was in the index is gone: all is read ahead again.
  void lose_index(Time now);
  // Everything that is known, for the index: before an orderly stop.
  [[nodiscard]] IndexWork save_index();  // empty when reading ahead again is cheap

  [[nodiscard]] JournalledState snapshot() const;
  [[nodiscard]] EngineStats stats(Offset end) const;          // of offsets below `end`
  [[nodiscard]] Timestamp time() const { return now_.wall; }  // of the last call
  [[nodiscard]] Offset floor() const { return floor_; }
  [[nodiscard]] std::uint32_t rewinds() const { return rewinds_; }
  [[nodiscard]] Offset read_to() const { return read_to_; }
  [[nodiscard]] std::size_t delivered() const { return delivered_.size(); }
  // Whether all of [first, end) is done.
  [[nodiscard]] bool is_done(Offset first, Offset end) const;
  // How often the message was delivered; 0: never, or it is done.
  [[nodiscard]] std::uint32_t deliveries_of(Offset offset) const;
  [[nodiscard]] bool is_leased(Offset offset) const;

 private:
  enum class State : std::uint8_t { ready, leased, waiting, dead };
  struct Delivered {
    std::uint32_t deliveries = 0;
    State state = State::ready;
    Timestamp first_delivered;
    Timestamp ready{0};    // waiting: when it is ready again
    MonoTime lease_end{};  // leased
    Timestamp expires = kNoTimestamp;
    Lane* lane = nullptr;
  };
  using DeliveredMap = std::unordered_map<Offset, Delivered>;

  [[nodiscard]] static LaneOptions lane_options(const QueueSettings& settings, const EngineLimits& limits);
  void record(Event event);
  void apply(const Event& event, Timestamp time);
  void apply_event(const DeliveredEvent& event, Timestamp time);
  void apply_event(const DoneEvent& event, Timestamp time);
  void apply_event(const ReleasedEvent& event, Timestamp time);
  void apply_event(const RewoundEvent& event, Timestamp time);
  void apply_event(const GroupedEvent& event, Timestamp time);
  void mark_done(Offset first, Offset end);
  void settle_floor();
  [[nodiscard]] bool is_known(Offset offset) const;
  void detach(Offset offset, const Delivered& message);
  void finish(Offset offset, DoneReason reason);
  void lease(Offset offset, const Lanes::Picked& picked, Lane& lane, MonoTime until);
  void end_lease(Offset offset, std::optional<Milliseconds> delay, std::string_view reason);
  void make_ready(Offset offset, Delivered& message);
  [[nodiscard]] Milliseconds backoff(Offset offset, std::uint32_t deliveries) const;
  [[nodiscard]] Result<DeliveredMap::iterator> find(const Receipt& receipt, bool leased_only);
  [[nodiscard]] bool reads_to_the_end() const;
  [[nodiscard]] bool may_deliver();
  // Then only those are handed out that were before.
  [[nodiscard]] bool has_many_delivered() const { return delivered_.size() >= limits_.delivered_max; }
  void add_message(const MessageFacts& facts);
  void allow_loads();
  void move_due();
  void forget_read_ahead(Offset from);
  void save_to(IndexWork& work);
  [[nodiscard]] bool has_much_to_read() const;
  void advance(Time now);

  QueueSettings settings_;
  EngineLimits limits_;

  // Journalled.
  Offset floor_;  // everything below is done
  OffsetSet done_;
  DeliveredMap delivered_;
  std::unordered_map<Offset, std::string> reasons_;  // of those in delivered_ that have one
  std::uint32_t rewinds_ = 0;
  bool grouped_ = false;
  Timestamp time_{0};  // the latest that was journalled

  // Not journalled.
  bool loading_ = true;
  std::vector<Event> events_;
  Offset read_to_;                 // everything below is known
  Offset catch_up_to_{0};          // until read_to_ is there the index is not read
  std::optional<IndexMark> mark_;  // what the index has
  std::uint64_t next_load_ = 0;
  Lanes lanes_;
  Delays delays_;
  std::set<std::pair<MonoTime, Offset>> leases_;
  std::set<std::pair<Timestamp, Offset>> waiting_;
  std::set<Offset> dead_;  // not yet taken
  std::uint64_t dead_count_ = 0;
  RateLimit rate_;
  std::optional<MonoTime> rate_wake_;
  Time now_{};  // of the call under way
};

}  // namespace leat::queue
