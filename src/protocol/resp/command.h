#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace leat::resp {

struct Call;
using Handler = void (*)(Call&);

// What a command is and may do, as COMMAND INFO tells (https://redis.io/commands/command/#flags).
enum Flag : std::uint32_t {
  kWrite = 1 << 0,
  kReadonly = 1 << 1,
  kDenyOom = 1 << 2,
  kAdmin = 1 << 3,
  kPubsub = 1 << 4,
  kNoscript = 1 << 5,
  kBlocking = 1 << 6,
  kLoading = 1 << 7,
  kStale = 1 << 8,
  kSkipMonitor = 1 << 9,
  kSkipSlowlog = 1 << 10,
  kAsking = 1 << 11,
  kFast = 1 << 12,
  kNoAuth = 1 << 13,
  kMayReplicate = 1 << 14,
  kNoMandatoryKeys = 1 << 15,
  kNoAsyncLoading = 1 << 16,
  kNoMulti = 1 << 17,
  kAllowBusy = 1 << 18,
  kMovableKeys = 1 << 19,
};

// What ACL rules name with @ (https://redis.io/docs/management/security/acl/#command-categories). Those that follow from a
// command's flags (@write, @read, @fast, @slow, @admin with @dangerous, @pubsub, @blocking) are not repeated in its row.
enum Category : std::uint32_t {
  kKeyspace = 1 << 0,
  kRead = 1 << 1,
  kWriteCategory = 1 << 2,
  kSetCategory = 1 << 3,
  kSortedSet = 1 << 4,
  kList = 1 << 5,
  kHash = 1 << 6,
  kString = 1 << 7,
  kBitmap = 1 << 8,
  kHyperLogLog = 1 << 9,
  kGeo = 1 << 10,
  kStream = 1 << 11,
  kPubsubCategory = 1 << 12,
  kAdminCategory = 1 << 13,
  kFastCategory = 1 << 14,
  kSlowCategory = 1 << 15,
  kBlockingCategory = 1 << 16,
  kDangerous = 1 << 17,
  kConnection = 1 << 18,
  kTransaction = 1 << 19,
  kScripting = 1 << 20,
};

// What is done with a key (https://redis.io/docs/reference/key-specs/#flags).
enum KeyFlag : std::uint16_t {
  kKeyRw = 1 << 0,
  kKeyRo = 1 << 1,
  kKeyOw = 1 << 2,
  kKeyRm = 1 << 3,
  kKeyAccess = 1 << 4,
  kKeyUpdate = 1 << 5,
  kKeyInsert = 1 << 6,
  kKeyDelete = 1 << 7,
  kKeyNotKey = 1 << 8,
  kKeyIncomplete = 1 << 9,
  kKeyVariableFlags = 1 << 10,
};

// Where keys are among a command's arguments (https://redis.io/docs/reference/key-specs/).
struct KeySpec {
  enum class Find : std::uint8_t { range, count, unknown };

  std::uint16_t flags = 0;
  // The first argument looked at: at this index, or behind this word, which is searched from `index` on (negative: from the
  // end, backwards). An index of 0: unknown.
  std::string_view keyword = {};
  std::int16_t index = 1;
  Find find = Find::range;
  // range: the last key, from the first one on (negative: from the end of the arguments), every `step`th; with last -1 and a
  // limit above 1, only the first of `limit` parts of the arguments.
  std::int16_t last = 0;
  std::int16_t step = 1;
  std::int16_t limit = 0;
  // count: the number of keys stands `count_at` behind the beginning, the first key `first_at` behind it.
  std::int16_t count_at = 0;
  std::int16_t first_at = 0;
  std::string_view notes = {};
};

// The usual case: keys at fixed places.
template <std::uint16_t flags, std::int16_t index = 1, std::int16_t last = 0, std::int16_t step = 1>
inline constexpr KeySpec kRange[] = {{.flags = flags, .index = index, .last = last, .step = step}};

// One command, or subcommand. `arity` counts the words with the name; negative: at least as many.
struct Command {
  std::string_view name;  // lower case; a subcommand's without its container's
  Handler handler = nullptr;
  std::int16_t arity = 0;
  std::uint32_t flags = 0;
  std::uint32_t categories = 0;
  std::span<const KeySpec> keys = {};
  std::span<const std::string_view> tips = {};
  std::span<const Command> subcommands = {};
  std::string_view group = {};
  std::string_view since = {};
  std::string_view summary = {};
  std::string_view complexity = {};

  [[nodiscard]] bool is(std::uint32_t flag) const { return (flags & flag) != 0; }
};

}  // namespace leat::resp
