#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "queue/engine.h"

namespace leat::queue::testing {

// A record of the log, as the model keeps it.
struct Message {
  Timestamp sent{0};
  std::string group;
  bool has_group = false;
  std::uint8_t priority = 0;
  Timestamp due = kNoTimestamp;
  Timestamp expires = kNoTimestamp;
};

// What a queue promises, told in the simplest way: one state for each message, all looked at each time. The engine's
// answers are shown to it; broken() is the first promise that was not kept.
class EngineModel {
 public:
  // Of one message. What stands above the line is journalled.
  struct State {
    bool done = false;
    std::uint32_t deliveries = 0;
    Timestamp first_delivered{0};
    Timestamp ready_min{0};  // ready again at some time from here
    Timestamp ready_max{0};  // to here
    std::string reason;
    // ----
    bool leased = false;
    MonoTime lease_end{};
    bool dead = false;
    bool announced = false;  // as a dead letter
  };
  struct Change {
    Offset offset;
    State state;
  };

  EngineModel(const QueueSettings& settings, const EngineLimits& limits) : settings_(settings), limits_(limits) {}

  [[nodiscard]] const std::optional<std::string>& broken() const { return broken_; }
  void require(bool holds, const std::string& rule);

  // --- the log
  [[nodiscard]] Offset log_start() const { return log_start_; }
  [[nodiscard]] Offset log_end() const { return log_end_; }
  [[nodiscard]] const std::map<Offset, Message>& messages() const { return messages_; }
  void append(Message message, std::int64_t gap_before);

  // --- what the engine is asked, before or after it answered
  void advance(Time now);
  [[nodiscard]] Timestamp time() const { return time_; }
  [[nodiscard]] MonoTime mono() const { return mono_; }
  void configure(const QueueSettings& settings);
  void ticked();
  void received(const std::vector<Engine::Leased>& out, std::size_t count_max, Duration lease);
  // After everything was read and loaded: `out` is also the right choice.
  void check_choice(const std::vector<Engine::Leased>& out) const;
  // How an acknowledgement (leased_only: a change of a lease) with the receipt ends; nullopt: well.
  [[nodiscard]] std::optional<Errc> expected(const Receipt& receipt, bool leased_only) const;
  void acknowledged(Offset offset) { finish(offset); }
  void extended(Offset offset, Duration lease) { states_[offset].lease_end = mono_ + lease; }
  void released(Offset offset, std::optional<Milliseconds> delay, const std::string& reason);
  void discarded(Offset offset) { finish(offset); }
  void purged(Offset to);
  void rewound(Offset to);
  void log_starts_at(Offset start);
  void dead_letters(const std::vector<Engine::DeadLetter>& letters);
  void moved(Offset offset);
  void not_moved(Offset offset);
  // Messages that have expired, as the engine noticed.
  void note_expired(const Engine& engine);

  // --- the journal
  [[nodiscard]] std::vector<Change> take_changes() { return std::exchange(changes_, {}); }
  [[nodiscard]] std::uint32_t rewinds() const { return rewinds_; }
  void made_durable(const std::vector<Change>& changes, std::uint32_t rewinds);
  // Only what was made durable is left. `time`: the latest that the journal has.
  void crashed(Timestamp time);
  void restarted();

  // --- what is so now
  void check_states(const Engine& engine);
  // A message that receive() must be able to give.
  [[nodiscard]] std::optional<Offset> deliverable() const;
  [[nodiscard]] std::optional<Offset> unfinished() const;
  [[nodiscard]] std::size_t delivered() const;
  [[nodiscard]] const State& state(Offset offset) { return states_[offset]; }
  [[nodiscard]] bool is_fifo() const { return settings_.order == Order::fifo; }
  [[nodiscard]] Timestamp due(const Message& message) const;

 private:
  [[nodiscard]] std::string lane(const Message& message) const;
  [[nodiscard]] bool is_expired(const Message& message) const;
  [[nodiscard]] bool is_open(Offset offset, const State& state) const;
  [[nodiscard]] bool is_free(Offset offset, const Message& message) const;
  [[nodiscard]] std::vector<Offset> all_deliverable() const;
  [[nodiscard]] std::int64_t leased_of(const std::string& lane) const;
  void check_fifo(const std::vector<Engine::Leased>& out);
  void check_limits(const std::vector<Engine::Leased>& out, std::size_t count_max, std::int64_t before);
  void check_rates(std::size_t delivered);
  void check_delivery(const Engine::Leased& leased);
  void finish(Offset offset);
  void end_lease(Offset offset, std::optional<Milliseconds> delay, const std::string& reason);
  void note(Offset offset) { changes_.push_back({offset, states_[offset]}); }

  QueueSettings settings_;
  EngineLimits limits_;
  std::map<Offset, Message> messages_;
  Offset log_start_{0};
  Offset log_end_{0};
  std::map<Offset, State> states_;
  std::map<Offset, State> durable_;
  std::uint32_t rewinds_ = 0;
  std::uint32_t durable_rewinds_ = 0;
  std::vector<Change> changes_;
  Timestamp time_{0};
  Timestamp latest_time_{0};  // of any engine: what was due by it, the index says so without the time
  MonoTime mono_{};
  bool regrouped_ = false;  // lanes of messages in flight are not what they would be now
  MonoTime rate_since_{};
  std::int64_t rate_count_ = 0;
  mutable std::optional<std::string> broken_;
};

}  // namespace leat::queue::testing
