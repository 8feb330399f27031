#pragma once

#include <algorithm>
#include <cctype>
#include <string_view>
#include <vector>

#include "protocol/aws/errors.h"

namespace leat::aws {

inline constexpr std::size_t kBatchMax = 10;
inline constexpr std::size_t kEntryIdSizeMax = 80;

// What SQS and SNS demand of a batch, whose entries are called `entry_name`: 1 to 10 of them, with distinct ids. Errors:
// empty_batch_request, too_many_entries_in_batch_request, invalid_batch_entry_id, batch_entry_ids_not_distinct.
template <class Entry>
[[nodiscard]] Outcome<> check_batch(const std::vector<Entry>& entries, std::string_view entry_name) {
  if (entries.empty()) {
    return refuse(ErrorCode::empty_batch_request,
                  fmt::format("There should be at least one {} in the request.", entry_name));
  }
  if (entries.size() > kBatchMax) {
    return refuse(
        ErrorCode::too_many_entries_in_batch_request,
        fmt::format("Maximum number of entries per request are {}. You have sent {}.", kBatchMax, entries.size()));
  }
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::string_view id = entries[i].id;
    const bool is_valid = !id.empty() && id.size() <= kEntryIdSizeMax && std::ranges::all_of(id, [](unsigned char c) {
      return (c < 0x80 && std::isalnum(c) != 0) || c == '-' || c == '_';
    });
    if (!is_valid) {
      return refuse(ErrorCode::invalid_batch_entry_id,
                    "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at "
                    "most 80 letters long.");
    }
    for (std::size_t other = 0; other < i; ++other) {
      if (entries[other].id == id)
        return refuse(ErrorCode::batch_entry_ids_not_distinct, fmt::format("Id {} repeated.", id));
    }
  }
  return {};
}

}  // namespace leat::aws
