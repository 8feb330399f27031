#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "queue/queues.h"

// The catalog's entries of queues: their keys, and their values as versioned JSON (docs/formats/catalog.md). Decoding checks
// everything; `key` is named in errors. Errors: corrupt, unsupported (a newer leat wrote it).
namespace leat::queue {

inline constexpr std::string_view kQueuesPrefix = "queues/";
inline constexpr std::string_view kRedrivesPrefix = "redrives/";
inline constexpr std::string_view kRedrivingPrefix = "redriving/";

[[nodiscard]] std::string queue_key(std::string_view name);
[[nodiscard]] std::string redrive_key(std::string_view id);
[[nodiscard]] std::string redriving_key(std::string_view source);

struct QueueDocument {
  Queue queue;
  std::vector<Offset> start;
};
[[nodiscard]] std::string encode_queue(const Queue& queue, const std::vector<Offset>& start);
[[nodiscard]] Result<QueueDocument> decode_queue(std::string_view key, std::string_view value);

[[nodiscard]] std::string encode_redrive(const Redrive& redrive);
[[nodiscard]] Result<Redrive> decode_redrive(std::string_view key, std::string_view value);

[[nodiscard]] std::string encode_redriving(std::string_view id);

}  // namespace leat::queue
