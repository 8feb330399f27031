#include "catalog/catalog.h"

#include <fmt/format.h>

namespace leat::catalog {
namespace {

bool is_key_byte(char c) { return c > ' ' && c <= '~'; }

}  // namespace

Status check_key(std::string_view key) {
  if (key.empty() || key.size() > kKeyBytesMax) {
    return fail(Errc::invalid_argument,
                fmt::format("a catalog key has 1 to {} bytes, not {}", kKeyBytesMax, key.size()));
  }
  if (!std::ranges::all_of(key, is_key_byte)) {
    return fail(Errc::invalid_argument, "a catalog key is printable ASCII without spaces");
  }
  return {};
}

Status check_prefixes(const std::vector<std::string>& prefixes) {
  if (prefixes.empty() || prefixes.size() > kPrefixesMax) {
    return fail(Errc::invalid_argument,
                fmt::format("1 to {} prefixes are read at once, not {}", kPrefixesMax, prefixes.size()));
  }
  for (const std::string& prefix : prefixes) {
    if (!prefix.empty()) LEAT_CHECK(check_key(prefix));
  }
  return {};
}

Status check_commit(const Commit& request) {
  if (request.conditions.size() > kCommitConditionsMax) {
    return fail(Errc::too_large, fmt::format("a commit has at most {} conditions, not {}", kCommitConditionsMax,
                                             request.conditions.size()));
  }
  const std::size_t operations = request.puts.size() + request.deletes.size();
  if (operations > kCommitOperationsMax) {
    return fail(Errc::too_large,
                fmt::format("a commit has at most {} operations, not {}", kCommitOperationsMax, operations));
  }
  std::size_t bytes = 0;
  for (const Condition& condition : request.conditions) {
    LEAT_CHECK(check_key(condition.key));
    bytes += condition.key.size();
  }
  std::set<std::string_view> touched;
  for (const Put& put : request.puts) {
    LEAT_CHECK(check_key(put.key));
    if (put.value.size() > kValueBytesMax) {
      return fail(Errc::too_large, fmt::format("the value of '{}' has {} bytes, above the limit of {}", put.key,
                                               put.value.size(), kValueBytesMax));
    }
    bytes += put.key.size() + put.value.size();
    if (!touched.insert(put.key).second) {
      return fail(Errc::invalid_argument, fmt::format("a commit names '{}' twice", put.key));
    }
  }
  for (const std::string& key : request.deletes) {
    LEAT_CHECK(check_key(key));
    bytes += key.size();
    if (!touched.insert(key).second) return fail(Errc::invalid_argument, fmt::format("a commit names '{}' twice", key));
  }
  if (bytes > kCommitBytesMax) {
    return fail(Errc::too_large, fmt::format("a commit has at most {} bytes, not {}", kCommitBytesMax, bytes));
  }
  return {};
}

bool has_prefix(std::string_view key, const std::vector<std::string>& prefixes) {
  return std::ranges::any_of(prefixes, [&](const std::string& prefix) { return key.starts_with(prefix); });
}

std::string prefix_end(std::string prefix) {
  // Keys are ASCII, so the last byte of a prefix can always be raised.
  if (!prefix.empty()) ++prefix.back();
  return prefix;
}

}  // namespace leat::catalog
