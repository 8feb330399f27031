#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/catalog.h"
#include "security/grant.h"
#include "security/quota.h"
#include "security/user.h"

namespace leat::security {

// All users, grants and quotas at one revision of the catalog, and what follows from them. Immutable, so every shard may hold it and
// read it without a lock.
//
// While there is no user at all, everything is allowed to everyone. From the first one on, what no grant allows is denied, and
// what one denies is denied whatever others allow. Names in `super_users` may do everything.
class Policy {
 public:
  using Users = std::map<std::string, User, std::less<>>;

  Policy() = default;
  Policy(catalog::Revision revision, Users users, std::vector<Grant> grants, std::set<std::string> super_users,
         Quotas quotas = {});
  // Nobody may do anything: for the time before a policy is known.
  [[nodiscard]] static std::shared_ptr<const Policy> closed();
  // Errors: corrupt (an entry cannot be read), unsupported (a newer leat wrote it).
  [[nodiscard]] static Result<std::shared_ptr<const Policy>> from(const catalog::Snapshot& snapshot,
                                                                  const std::set<std::string>& super_users);

  [[nodiscard]] catalog::Revision revision() const { return revision_; }
  [[nodiscard]] bool is_open() const { return open_; }
  [[nodiscard]] const Users& users() const { return users_; }
  // nullptr: there is none.
  [[nodiscard]] const User* find_user(std::string_view name) const;
  // Principals of the roles that the user has here.
  [[nodiscard]] std::span<const std::string> roles_of(const Principal& principal) const;
  // Who brings this token; nullptr: nobody, or it has expired. The text is looked up by its hash.
  struct TokenOwner {
    const User* user;
    const Token* token;
  };
  [[nodiscard]] std::optional<TokenOwner> find_token(std::string_view text, Timestamp now) const;
  // Whose access key it is, and its secret; nullopt: there is none of this id.
  struct KeyOwner {
    const User* user;
    const AccessKey* key;
  };
  [[nodiscard]] std::optional<KeyOwner> find_access_key(std::string_view id) const;
  [[nodiscard]] bool has_access_keys() const { return !access_keys_.empty(); }
  // In no order that means something.
  [[nodiscard]] const std::vector<Grant>& grants() const { return grants_; }
  [[nodiscard]] const Quotas& quotas() const { return quotas_; }

  [[nodiscard]] Decision authorize(const Principal& principal, Operation operation, const Resource& resource) const;
  // Whether some grant lets the principal do this with at least one resource of the type, and none denies it for all.
  [[nodiscard]] Decision authorize_any(const Principal& principal, Operation operation, ResourceType type) const;
  // Whether one grant lets the principal do this with all resources of the type whose names begin so, and none denies it for any
  // of them.
  [[nodiscard]] Decision authorize_prefix(const Principal& principal, Operation operation, ResourceType type,
                                          std::string_view prefix) const;

 private:
  using ByName = std::map<std::string, std::vector<const Grant*>, std::less<>>;
  // Grants on resources of one type.
  struct Index {
    ByName literal;
    ByName prefixed;
    std::set<std::size_t> prefix_sizes;
  };

  [[nodiscard]] bool is_super(const Principal& principal) const;
  void index_users();
  template <class F>
  void for_each_covering(const Resource& resource, F visit) const;

  bool open_ = true;
  catalog::Revision revision_;
  Users users_;
  std::vector<Grant> grants_;
  Quotas quotas_;
  std::set<std::string> super_users_;  // principals
  std::map<ResourceType, Index> by_type_;
  std::map<std::string, std::vector<std::string>, std::less<>> roles_;  // principals of roles by principal of a user
  std::map<std::string, TokenOwner, std::less<>> tokens_;               // by hash
  std::map<std::string, KeyOwner, std::less<>> access_keys_;            // by id
};
using PolicyPtr = std::shared_ptr<const Policy>;

// The prefixes that hold what a Policy is made of.
[[nodiscard]] std::vector<std::string> policy_prefixes();

}  // namespace leat::security
