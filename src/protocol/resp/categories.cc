#include "protocol/resp/categories.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace leat::resp {
namespace {

constexpr std::pair<std::uint32_t, std::string_view> kNames[] = {
    {kKeyspace, "keyspace"},
    {kRead, "read"},
    {kWriteCategory, "write"},
    {kSetCategory, "set"},
    {kSortedSet, "sortedset"},
    {kList, "list"},
    {kHash, "hash"},
    {kString, "string"},
    {kBitmap, "bitmap"},
    {kHyperLogLog, "hyperloglog"},
    {kGeo, "geo"},
    {kStream, "stream"},
    {kPubsubCategory, "pubsub"},
    {kAdminCategory, "admin"},
    {kFastCategory, "fast"},
    {kSlowCategory, "slow"},
    {kBlockingCategory, "blocking"},
    {kDangerous, "dangerous"},
    {kConnection, "connection"},
    {kTransaction, "transaction"},
    {kScripting, "scripting"},
};

}  // namespace

std::uint32_t categories_of(const Command& command) {
  std::uint32_t categories = command.categories;
  if (command.is(kWrite)) categories |= kWriteCategory;
  if (command.is(kReadonly) && (categories & kScripting) == 0) categories |= kRead;
  if (command.is(kAdmin)) categories |= kAdminCategory | kDangerous;
  if (command.is(kPubsub)) categories |= kPubsubCategory;
  if (command.is(kBlocking)) categories |= kBlockingCategory;
  return categories | (command.is(kFast) ? kFastCategory : kSlowCategory);
}

std::vector<std::string> category_names(const Command& command) {
  std::vector<std::string> names;
  const std::uint32_t categories = categories_of(command);
  for (const auto& [bit, name] : kNames) {
    if ((categories & bit) != 0) names.push_back("@" + std::string(name));
  }
  return names;
}

std::string_view category_name(std::uint32_t category) {
  for (const auto& [bit, name] : kNames) {
    if (bit == category) return name;
  }
  return {};
}

std::optional<std::uint32_t> parse_category(std::string_view name) {
  std::string wanted(name);
  std::ranges::transform(wanted, wanted.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const auto& [bit, known] : kNames) {
    if (known == wanted) return bit;
  }
  return std::nullopt;
}

}  // namespace leat::resp
