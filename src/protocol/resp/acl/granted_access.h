#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/resp/acl/access.h"
#include "protocol/resp/acl/selector.h"
#include "protocol/resp/key_finder.h"
#include "security/policies.h"

namespace leat::resp {

// What leat's grants let a principal do with the keyspace: acl/wants.h says what each command wants. What is not granted is
// refused as by rules of Redis: a right on the cluster or on all keys that is missing denies the command. Rules of commands that a
// user has besides make that less.
class GrantedAccess final : public Access {
 public:
  // `policies` outlive it. `has_topics`: channels named topic:NAME are topics. On the shard of those who ask.
  GrantedAccess(const security::Policies& policies, security::Principal principal, bool has_topics);
  GrantedAccess(const GrantedAccess&) = delete;
  GrantedAccess& operator=(const GrantedAccess&) = delete;

  [[nodiscard]] const security::Principal& principal() const { return principal_; }
  // To be called when there is another policy.
  void refresh();

  [[nodiscard]] AclCheck check(const Command& command, Arguments arguments) const override;
  [[nodiscard]] bool allows_channel(std::string_view name, pubsub::Kind kind) const override;

 private:
  using Operation = security::Operation;
  using Type = security::ResourceType;

  [[nodiscard]] bool allows(Operation operation, Type type, std::string_view name) const;
  [[nodiscard]] bool allows_all(Operation operation, Type type, std::string_view prefix) const;
  [[nodiscard]] bool allows_cluster(Operation operation) const;
  [[nodiscard]] bool allows_key(std::string_view key, std::uint16_t flags, bool is_watched) const;
  [[nodiscard]] bool allows_lock(std::string_view lock, std::uint16_t flags) const;
  [[nodiscard]] bool allows_channel(Operation operation, std::string_view name, pubsub::Kind kind) const;

  [[nodiscard]] AclCheck check_keys(const Command& command, Arguments arguments) const;
  [[nodiscard]] AclCheck check_locks(const Command& command, Arguments arguments) const;
  [[nodiscard]] AclCheck check_sort(Arguments arguments) const;
  [[nodiscard]] AclCheck check_broadcasts(Arguments arguments) const;
  [[nodiscard]] AclCheck check_channels(const Command& command, Arguments arguments) const;
  [[nodiscard]] bool may_run_code() const;
  [[nodiscard]] bool allows_every_key(const Command& command, Arguments arguments) const;

  const security::Policies& policies_;
  security::Principal principal_;
  bool has_topics_;
  std::optional<Selector> commands_;          // its user's rules of commands; nothing: it has none
  mutable std::vector<KeyPosition> keys_;     // of the command that is asked about
  mutable std::optional<bool> may_run_code_;  // nothing: it has not been asked of this policy
};

}  // namespace leat::resp
