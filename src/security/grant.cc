#include "security/grant.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "catalog/document.h"
#include "security/user.h"

namespace leat::security {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kDocumentVersion = 1;

// As stored, in the order of the enumerators.
constexpr std::array<std::string_view, 2> kPermissions = {"deny", "allow"};
constexpr std::array<std::string_view, 2> kPatterns = {"literal", "prefixed"};
constexpr std::array<std::string_view, 8> kTypes = {"cluster", "topic", "group", "transactional_id",
                                                    "queue",   "key",   "lock",  "channel"};
constexpr std::array<std::string_view, 11> kOperations = {
    "read",     "write",          "create",           "delete",        "alter",
    "describe", "cluster_action", "describe_configs", "alter_configs", "idempotent_write",
    "all"};

template <class Enum>
std::string_view word(std::span<const std::string_view> words, Enum value) {
  return words[static_cast<std::size_t>(value)];
}

// What an operation that is allowed allows besides itself.
bool implies(Operation granted, Operation what) {
  switch (what) {
    case Operation::describe:
      return granted == Operation::read || granted == Operation::write || granted == Operation::remove ||
             granted == Operation::alter;
    case Operation::describe_configs: return granted == Operation::alter_configs;
    default: return false;
  }
}

template <class Enum>
std::optional<Enum> value_of(std::span<const std::string_view> words, std::string_view text) {
  const auto found = std::ranges::find(words, text);
  if (found == words.end()) return std::nullopt;
  return static_cast<Enum>(found - words.begin());
}

bool is_sized(std::string_view text, std::size_t most) { return !text.empty() && text.size() <= most; }

}  // namespace

bool is_address(const std::string& text) {
  unsigned char bytes[sizeof(in6_addr)];
  char written[INET6_ADDRSTRLEN];
  for (const int family : {AF_INET, AF_INET6}) {
    if (inet_pton(family, text.c_str(), bytes) == 1)
      return inet_ntop(family, bytes, written, sizeof written) != nullptr && text == written;
  }
  return false;
}

std::string_view word_of(Operation operation) { return word(kOperations, operation); }
std::string_view word_of(ResourceType type) { return word(kTypes, type); }
std::optional<Operation> operation_of(std::string_view text) { return value_of<Operation>(kOperations, text); }
std::optional<ResourceType> resource_type_of(std::string_view text) { return value_of<ResourceType>(kTypes, text); }

std::string_view to_string(PatternType type) { return word(kPatterns, type); }
std::string_view to_string(Permission permission) { return word(kPermissions, permission); }

bool Grant::concerns(const Principal& who, std::span<const std::string> more_roles) const {
  return principal == who.name || principal == kEveryone ||
         std::ranges::find(who.roles, principal) != who.roles.end() ||
         std::ranges::find(more_roles, principal) != more_roles.end();
}

bool Grant::applies_to(const Principal& who, Operation what, std::span<const std::string> more_roles) const {
  if (!concerns(who, more_roles)) return false;
  if (host != kAnyHost && host != who.host) return false;
  return operation == what || operation == Operation::all ||
         (permission == Permission::allow && implies(operation, what));
}

std::string describe(const Grant& grant) {
  return fmt::format("{} {} on {} '{}{}' from {}", to_string(grant.permission), to_string(grant.operation),
                     to_string(grant.type), grant.name, grant.pattern == PatternType::prefixed ? "*" : "", grant.host);
}

Status check_grant(const Grant& grant) {
  const std::string_view principal = grant.principal;
  const std::string_view name = user_of(principal).empty() ? role_of(principal) : user_of(principal);
  if (name.empty()) return fail(Errc::invalid_argument, "a principal is written as User:NAME or Role:NAME");
  const bool has_a_meaning = principal == kEveryone || principal == Principal::anonymous().name;
  if (!has_a_meaning && !check_user_name(name))
    return fail(Errc::invalid_argument, "the principal has a name that no user or role can have");
  if (grant.host != kAnyHost && !is_address(grant.host)) {
    return fail(
        Errc::invalid_argument,
        fmt::format("the host is no address in its usual form, such as 10.0.0.1 or 2001:db8::1, nor {}", kAnyHost));
  }
  if (!is_sized(grant.name, kResourceNameBytesMax))
    return fail(Errc::invalid_argument, "the resource's name is empty or too long");
  if (!catalog::is_text(grant.name)) return fail(Errc::invalid_argument, "the resource's name is not UTF-8");
  if (grant.type == ResourceType::cluster && grant.name != kClusterName)
    return fail(Errc::invalid_argument, fmt::format("the only name of a cluster is {}", kClusterName));
  return {};
}

std::string grants_key(std::string_view principal) { return fmt::format("{}{}", kGrantsPrefix, in_key(principal)); }

std::string encode_grants(std::string_view principal, const std::vector<Grant>& grants) {
  Json list = Json::array();
  for (const Grant& grant : grants) {
    list.push_back({{"permission", word(kPermissions, grant.permission)},
                    {"operation", word(kOperations, grant.operation)},
                    {"type", word(kTypes, grant.type)},
                    {"pattern", word(kPatterns, grant.pattern)},
                    {"name", grant.name},
                    {"host", grant.host}});
  }
  const Json document = {{"v", kDocumentVersion}, {"principal", principal}, {"grants", std::move(list)}};
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::vector<Grant>> decode_grants(std::string_view key, std::string_view value) {
  catalog::Document read(key, value, kDocumentVersion);
  std::vector<Grant> grants;
  const std::string principal = read.text("principal");
  for (catalog::Document& item : read.list("grants")) {
    Grant& grant = grants.emplace_back();
    grant.principal = principal;
    grant.permission = static_cast<Permission>(item.one_of("permission", kPermissions));
    grant.operation = static_cast<Operation>(item.one_of("operation", kOperations));
    grant.type = static_cast<ResourceType>(item.one_of("type", kTypes));
    grant.pattern = static_cast<PatternType>(item.one_of("pattern", kPatterns));
    grant.name = item.text("name");
    grant.host = item.text("host");
  }
  if (key != grants_key(principal)) read.wrong(fmt::format("it is for {}", principal));
  return read.result(std::move(grants));
}

}  // namespace leat::security
