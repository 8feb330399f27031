#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace leat {

// What went wrong, in leat's own words. Each protocol maps these to its wire codes in one exhaustive switch.
enum class Errc {
  cancelled,            // the server stops, or the caller went away
  corrupt,              // stored data fails its checksum or contradicts its manifest
  corrupt_message,      // a client's batch fails its checksum or its own counts
  disk_full,            // no space left; reads and deletes go on
  duplicate_sequence,   // an idempotent producer's batch older than those remembered
  exists,               // a topic, file or entry of that name is already there
  internal,             // a defect in leat
  invalid_argument,     // a value outside what the operation allows
  invalid_config,       // an unknown setting or a value it cannot take
  invalid_name,         // a topic or group name that Kafka's rules refuse
  invalid_record,       // a record inside a batch breaks the format or a rule of its topic
  invalid_timestamp,    // a record's timestamp is outside what its topic allows
  io,                   // the operating system refused a read or write
  message_too_large,    // above the topic's or server's size limit
  not_found,            // no such topic, partition, group, file or entry
  not_owner,            // another shard or node owns it
  offline,              // the partition was taken out of service (failed flush, damage)
  offset_out_of_range,  // below the log start or above what readers may see
  out_of_order_sequence,
  permission_denied,
  producer_fenced,  // a newer epoch of this producer id has been seen
  stale_epoch,      // the caller's leader epoch is older than the partition's
  timed_out,
  too_large,      // a limit on memory or output was reached
  unknown_epoch,  // the caller's leader epoch is newer than the partition's
  unknown_producer,
  unsupported,         // understood, but not offered
  unsupported_codec,   // a compression type that leat does not know, or that the version forbids
  unsupported_format,  // a record format older than v2
  version_conflict,    // compare-and-swap found another value
  would_block,         // not possible without waiting
};

std::string_view to_string(Errc code);

struct Error {
  Errc code = Errc::internal;
  std::string message;  // for people: what was attempted, on what, and what was found
};

// A value, or what went wrong. Exceptions are kept for faults that end a connection or the process.
template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

[[nodiscard]] inline std::unexpected<Error> fail(Errc code, std::string message) {
  return std::unexpected(Error{code, std::move(message)});
}
[[nodiscard]] inline std::unexpected<Error> fail(Error error) { return std::unexpected(std::move(error)); }

// The error for a failed system call: `what` names the call and its object, `error_number` is errno.
[[nodiscard]] Error system_error(std::string_view what, int error_number);

}  // namespace leat

#define LEAT_CONCAT_INNER(a, b) a##b
#define LEAT_CONCAT(a, b) LEAT_CONCAT_INNER(a, b)

// LEAT_TRY(auto x, expression): x is the value of the Result, or this function returns its error.
#define LEAT_TRY(declaration, expression) \
  LEAT_TRY_INNER(declaration, expression, LEAT_CONCAT(leat_try_, __LINE__), return)
// LEAT_CHECK(expression): this function returns the error of the Status, if there is one.
#define LEAT_CHECK(expression)                                      \
  do {                                                              \
    if (auto leat_status = (expression); !leat_status) [[unlikely]] \
      return ::std::unexpected(::std::move(leat_status.error()));   \
  } while (false)
// The same inside coroutines.
#define LEAT_CO_TRY(declaration, expression) \
  LEAT_TRY_INNER(declaration, expression, LEAT_CONCAT(leat_try_, __LINE__), co_return)
#define LEAT_CO_CHECK(expression)                                    \
  do {                                                               \
    if (auto leat_status = (expression); !leat_status) [[unlikely]]  \
      co_return ::std::unexpected(::std::move(leat_status.error())); \
  } while (false)
#define LEAT_TRY_INNER(declaration, expression, result, return_word) \
  auto result = (expression);                                        \
  if (!result) [[unlikely]]                                          \
    return_word ::std::unexpected(::std::move(result.error()));      \
  declaration = ::std::move(*result)
