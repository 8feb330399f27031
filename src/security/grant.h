#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "security/authorize.h"

namespace leat::security {

enum class PatternType : std::uint8_t {
  literal,   // this name, or any if it is kAnyName
  prefixed,  // names that begin so
};
enum class Permission : std::uint8_t { deny, allow };
[[nodiscard]] std::string_view to_string(PatternType type);
[[nodiscard]] std::string_view to_string(Permission permission);

inline constexpr std::string_view kAnyName = "*";
inline constexpr std::string_view kAnyHost = "*";
inline constexpr std::string_view kEveryone = "User:*";

// Limits on a grant's texts, in bytes; above them: invalid_argument.
inline constexpr std::size_t kPrincipalBytesMax = 160;
inline constexpr std::size_t kResourceNameBytesMax = 1024;

// A rule about what one principal may do, or may not, with some resources: Kafka's ACL binding
// (https://kafka.apache.org/documentation/#security_authz).
struct Grant {
  std::string principal;       // "User:NAME", or kEveryone
  std::string host{kAnyHost};  // an address that the principal comes from, or kAnyHost
  Permission permission = Permission::allow;
  Operation operation = Operation::all;
  ResourceType type = ResourceType::cluster;
  PatternType pattern = PatternType::literal;
  std::string name{kClusterName};

  friend auto operator<=>(const Grant&, const Grant&) = default;

  [[nodiscard]] bool covers(const Resource& resource) const {
    if (resource.type != type) return false;
    if (pattern == PatternType::prefixed) return resource.name.starts_with(name);
    return name == kAnyName || name == resource.name;
  }
  // Whether it says something about this principal's operation: allowing one also allows what cannot be done without.
  [[nodiscard]] bool applies_to(const Principal& who, Operation what) const;
};

// Whether it can be kept. Error: invalid_argument, in words for who made it.
[[nodiscard]] Status check_grant(const Grant& grant);

// As stored: all grants of one principal, below kGrantsPrefix (docs/formats/catalog.md). Errors: corrupt, unsupported.
inline constexpr std::string_view kGrantsPrefix = "grants/";
[[nodiscard]] std::string grants_key(std::string_view principal);
[[nodiscard]] std::string encode_grants(std::string_view principal, const std::vector<Grant>& grants);
[[nodiscard]] Result<std::vector<Grant>> decode_grants(std::string_view key, std::string_view value);

}  // namespace leat::security
