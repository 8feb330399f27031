#include "protocol/resp/key_finder.h"

#include <cstdlib>

#include "keyspace/numbers.h"
#include "protocol/resp/words.h"

namespace leat::resp {
namespace {

using Keys = std::vector<KeyPosition>;

// The argument at which a spec's search begins; 0: there is none.
std::int64_t begin_of(const KeySpec& spec, Arguments arguments) {
  if (spec.keyword.empty()) return spec.index;
  const auto count = static_cast<std::int64_t>(arguments.size());
  const bool forwards = spec.index > 0;
  const std::int64_t end = forwards ? count - 1 : 1;
  for (std::int64_t at = forwards ? spec.index : count + spec.index; at != end && at >= 1 && at < count;
       at += forwards ? 1 : -1) {
    if (is_word(arguments[static_cast<std::size_t>(at)], spec.keyword)) return at + 1;
  }
  return 0;
}

// False: what the spec needs is not there.
bool add_keys(const KeySpec& spec, Arguments arguments, Keys& keys) {
  if (spec.find == KeySpec::Find::unknown) return false;
  const auto count = static_cast<std::int64_t>(arguments.size());
  std::int64_t first = begin_of(spec, arguments);
  if (first == 0) return true;
  std::int64_t last = 0;
  if (spec.find == KeySpec::Find::count) {
    if (first + spec.count_at >= count) return false;
    const auto number = keyspace::parse_integer(arguments[static_cast<std::size_t>(first + spec.count_at)]);
    if (!number || *number < 0 || *number > count) return false;
    first += spec.first_at;
    last = first + (*number - 1) * spec.step;
  } else if (spec.last >= 0) {
    last = first + spec.last;
  } else {
    last = spec.limit == 0 ? count + spec.last : first + (count - first) / spec.limit + spec.last;
  }
  // Keys that may be left out, at the end.
  if (spec.find != KeySpec::Find::count && spec.last < 0 && first >= count) return true;
  if (last >= count || last < first || first >= count) return false;
  for (std::int64_t at = first; at <= last; at += spec.step)
    keys.push_back({.index = static_cast<std::size_t>(at), .flags = spec.flags});
  return (spec.flags & kKeyIncomplete) == 0;
}

bool add_all_keys(const Command& command, Arguments arguments, Keys& keys) {
  for (const KeySpec& spec : command.keys) {
    if ((spec.flags & kKeyNotKey) == 0 && !add_keys(spec, arguments, keys)) return false;
  }
  return true;
}

// Words of SORT that others follow, which are not options themselves.
std::size_t words_behind(std::string_view option) {
  if (is_word(option, "LIMIT")) return 2;
  return is_word(option, "BY") || is_word(option, "GET") ? 1 : 0;
}

// The keys that BY and GET make up from patterns are not among the arguments.
void add_sort_keys(Arguments arguments, bool may_store, Keys& keys) {
  keys.push_back({.index = 1, .flags = kKeyRo | kKeyAccess});
  std::size_t destination = 0;
  for (std::size_t at = 2; may_store && at < arguments.size(); ++at) {
    if (const std::size_t skipped = words_behind(arguments[at]); skipped > 0) {
      at += skipped;
    } else if (is_word(arguments[at], "STORE") && at + 1 < arguments.size()) {
      destination = at + 1;
    }
  }
  if (destination != 0) keys.push_back({.index = destination, .flags = kKeyOw | kKeyUpdate});
}

// The one at its place, or those behind KEYS when that one is empty.
void add_migrated_keys(Arguments arguments, Keys& keys) {
  constexpr std::uint16_t kFlags = kKeyRw | kKeyAccess | kKeyDelete;
  std::size_t first = 3;
  std::size_t end = 4;
  for (std::size_t at = 6; at < arguments.size() && arguments[3].empty(); ++at) {
    if (!is_word(arguments[at], "KEYS")) continue;
    first = at + 1;
    end = arguments.size();
    break;
  }
  for (std::size_t at = first; at < end; ++at) keys.push_back({.index = at, .flags = kFlags});
}

// The last of STORE and STOREDIST is where it is stored.
void add_georadius_keys(Arguments arguments, std::size_t options, Keys& keys) {
  keys.push_back({.index = 1, .flags = kKeyRo | kKeyAccess});
  std::size_t destination = 0;
  for (std::size_t at = options; at + 1 < arguments.size(); ++at) {
    const bool stores = is_word(arguments[at], "STORE") || is_word(arguments[at], "STOREDIST");
    if (!stores && !is_word(arguments[at], "COUNT")) continue;
    ++at;
    if (stores) destination = at;
  }
  if (destination != 0) keys.push_back({.index = destination, .flags = kKeyOw | kKeyUpdate});
}

// Half of what stands behind STREAMS, which may also be a group's or a consumer's name. False: there is no such word, or not
// as many ids as keys.
bool add_stream_keys(Arguments arguments, Keys& keys) {
  std::size_t first = 0;
  for (std::size_t at = 1; at + 1 < arguments.size() && first == 0; ++at) {
    if (is_word(arguments[at], "STREAMS")) {
      first = at + 1;
    } else if (is_word(arguments[at], "GROUP")) {
      at += 2;
    } else if (is_word(arguments[at], "BLOCK") || is_word(arguments[at], "COUNT")) {
      ++at;
    }
  }
  const std::size_t words = first == 0 ? 0 : arguments.size() - first;
  if (words == 0 || words % 2 != 0) return false;
  for (std::size_t at = first; at < first + words / 2; ++at)
    keys.push_back({.index = at, .flags = kKeyRo | kKeyAccess});
  return true;
}

// Those before the word TTL.
void add_lock_keys(Arguments arguments, Keys& keys) {
  for (std::size_t at = 1; at < arguments.size() && (at == 1 || !is_word(arguments[at], "TTL")); ++at)
    keys.push_back({.index = at, .flags = kKeyRw | kKeyUpdate});
}

std::uint16_t set_flags(Arguments arguments) {
  for (const std::string_view option : arguments.subspan(3)) {
    if (is_word(option, "GET")) return kKeyRw | kKeyAccess | kKeyUpdate;
  }
  return kKeyOw | kKeyUpdate;
}

std::uint16_t bitfield_flags(Arguments arguments) {
  for (std::size_t at = 2; at < arguments.size();) {
    const std::size_t behind = arguments.size() - at - 1;
    if (is_word(arguments[at], "GET") && behind >= 2) {
      at += 3;
    } else if (is_word(arguments[at], "OVERFLOW") && behind >= 1) {
      at += 2;
    } else {
      return kKeyRw | kKeyAccess | kKeyUpdate;
    }
  }
  return kKeyRo | kKeyAccess;
}

}  // namespace

bool find_keys(const Command& command, Arguments arguments, Keys& keys) {
  keys.clear();
  if (static_cast<std::int64_t>(arguments.size()) < std::abs(command.arity)) return false;
  // Those whose options may have values that look like the words that keys stand behind.
  if (command.name == "xread" || command.name == "xreadgroup") return add_stream_keys(arguments, keys);
  if (command.name == "georadius" || command.name == "georadiusbymember") {
    add_georadius_keys(arguments, command.name == "georadius" ? 6 : 5, keys);
    return true;
  }
  if (!add_all_keys(command, arguments, keys)) {
    keys.clear();
    if (command.name == "lock.acquire") {
      add_lock_keys(arguments, keys);
      return true;
    }
    if (command.name == "migrate") {
      add_migrated_keys(arguments, keys);
      return true;
    }
    const bool stores = command.name == "sort";
    if (!stores && command.name != "sort_ro") return false;
    add_sort_keys(arguments, stores, keys);
    return true;
  }
  if (!keys.empty() && (keys.front().flags & kKeyVariableFlags) != 0)
    keys.front().flags = command.name == "set" ? set_flags(arguments) : bitfield_flags(arguments);
  return true;
}

}  // namespace leat::resp
