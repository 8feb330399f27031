#pragma once

#include "protocol/sqs/handlers.h"

// The attributes of queues: one table (queue_attributes.cc) of what each means, for CreateQueue, SetQueueAttributes and
// GetQueueAttributes alike.
namespace leat::sqs {

inline constexpr std::size_t kAttributeSizeMax = std::size_t{16} << 10;  // of any attribute's value

// What attributes set of a queue. Those that mean nothing to the queue itself (Policy, Kms…) are stored as they are.
struct QueueSetup {
  std::string name;
  queue::QueueSettings settings;
  queue::SettingsMap stored;
  bool is_new = true;

  friend bool operator==(const QueueSetup&, const QueueSetup&) = default;
};
[[nodiscard]] QueueSetup setup_of(const queue::Queue& queue);

// Whether it is a JSON object that is nested no deeper than policies are: one that may be copied and written out, which
// recurses.
[[nodiscard]] bool is_policy(std::string_view text);

[[nodiscard]] bool is_fifo_name(std::string_view name);
// 1 to 80 letters, digits, hyphens and underscores, ".fifo" apart: other queues are not SQS's.
[[nodiscard]] bool is_queue_name(std::string_view name);
// Error: invalid_parameter_value.
[[nodiscard]] Outcome<> check_queue_name(std::string_view name);

// Errors: invalid_attribute_name, invalid_attribute_value, invalid_parameter_value (of policies).
[[nodiscard]] Outcome<> set_attribute(const Call& call, std::string_view name, std::string_view value,
                                      QueueSetup& setup);

// What attributes demand of each other, once all are set. Error: invalid_attribute_value.
[[nodiscard]] Outcome<> check_setup(const QueueSetup& setup);

// What tags called "leat:…" set: settings that SQS has no attribute for, by their own names.
inline constexpr std::string_view kTagPrefix = "leat:";
[[nodiscard]] Outcome<> set_tagged(std::string_view tag, std::string_view value, QueueSetup& setup);

// Whether the name is one that can be asked for.
[[nodiscard]] bool is_attribute(std::string_view name);
[[nodiscard]] bool needs_stats(std::string_view name);
// nullopt: the queue has none.
[[nodiscard]] std::optional<std::string> get_attribute(const Call& call, std::string_view name,
                                                       const queue::Queue& queue, const queue::QueueStats& stats);
// All names, in the order in which "All" answers them.
[[nodiscard]] std::vector<std::string_view> attribute_names();

}  // namespace leat::sqs
