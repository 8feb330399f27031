#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "keyspace/glob.h"
#include "protocol/resp/call.h"

namespace leat::resp {

// What SCAN, SSCAN, HSCAN and ZSCAN take behind the cursor.
struct ScanOptions {
  std::int64_t count = 10;
  std::optional<std::string_view> pattern;
  std::optional<std::string_view> type;  // of SCAN only

  [[nodiscard]] bool matches(std::string_view text) const { return !pattern || keyspace::glob_match(*pattern, text); }
};

// The cursor at args[index]; nullopt: it replied that it is none.
[[nodiscard]] std::optional<std::uint64_t> parse_scan_cursor(Call& call, std::size_t index);
// The options from args[first] on; nullopt: it replied with an error. Redis looks at them only after it has found the key.
[[nodiscard]] std::optional<ScanOptions> parse_scan_options(Call& call, std::size_t first, bool takes_type = false);

// Scans until `options.count` elements are there, the scan is over, or too many buckets were empty; returns the next cursor.
// `scan(cursor)` visits a bucket and returns the next cursor; `collected()` tells how many elements were visited so far.
template <class Scan, class Collected>
std::uint64_t scan_some(std::uint64_t cursor, const ScanOptions& options, Scan scan, Collected collected) {
  constexpr std::int64_t kBucketsPerElement = 10;
  std::int64_t buckets = 0;
  if (__builtin_mul_overflow(options.count, kBucketsPerElement, &buckets)) buckets = options.count;
  do {
    cursor = scan(cursor);
  } while (cursor != 0 && buckets-- > 0 && static_cast<std::int64_t>(collected()) < options.count);
  return cursor;
}

// The next cursor and the elements, which may be pairs one behind the other.
void reply_scan(Call& call, std::uint64_t cursor, const std::vector<std::string_view>& elements);

}  // namespace leat::resp
