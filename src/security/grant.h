#pragma once

#include <compare>
#include <optional>
#include <span>
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
  std::string principal;       // "User:NAME", "Role:NAME", or kEveryone
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
  // Whether it is about this principal. `more_roles`: principals of roles, besides those that `who` brings.
  [[nodiscard]] bool concerns(const Principal& who, std::span<const std::string> more_roles) const;
  // Whether it says something about this principal's operation: allowing one also allows what cannot be done without.
  [[nodiscard]] bool applies_to(const Principal& who, Operation what,
                                std::span<const std::string> more_roles = {}) const;
};

// Whether it is an address as connections' addresses are written.
[[nodiscard]] bool is_address(const std::string& text);

// The words that the catalog and the HTTP API have for them: "describe_configs", "transactional_id".
[[nodiscard]] std::string_view word_of(Operation operation);
[[nodiscard]] std::string_view word_of(ResourceType type);
// nullopt: there is none of this name.
[[nodiscard]] std::optional<Operation> operation_of(std::string_view word);
[[nodiscard]] std::optional<ResourceType> resource_type_of(std::string_view word);

// In words, for people: "allow read on topic 'orders*' from *".
[[nodiscard]] std::string describe(const Grant& grant);

// Whether it can be kept. Error: invalid_argument, in words for who made it.
[[nodiscard]] Status check_grant(const Grant& grant);

// As stored: all grants of one principal, below kGrantsPrefix (docs/formats/catalog.md). Errors: corrupt, unsupported.
inline constexpr std::string_view kGrantsPrefix = "grants/";
[[nodiscard]] std::string grants_key(std::string_view principal);
[[nodiscard]] std::string encode_grants(std::string_view principal, const std::vector<Grant>& grants);
[[nodiscard]] Result<std::vector<Grant>> decode_grants(std::string_view key, std::string_view value);

}  // namespace leat::security
