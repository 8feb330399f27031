#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/catalog.h"
#include "security/grant.h"
#include "security/user.h"

namespace leat::security {

// All users and grants at one revision of the catalog, and what follows from them. Immutable, so every shard may hold it and
// read it without a lock.
//
// While there is no user at all, everything is allowed to everyone. From the first one on, what no grant allows is denied, and
// what one denies is denied whatever others allow. Names in `super_users` may do everything.
class Policy {
 public:
  using Users = std::map<std::string, User, std::less<>>;

  Policy() = default;
  Policy(catalog::Revision revision, Users users, std::vector<Grant> grants, std::set<std::string> super_users);
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
  // In no order that means something.
  [[nodiscard]] const std::vector<Grant>& grants() const { return grants_; }

  [[nodiscard]] Decision authorize(const Principal& principal, Operation operation, const Resource& resource) const;
  // Whether some grant lets the principal do this with at least one resource of the type, and none denies it for all.
  [[nodiscard]] Decision authorize_any(const Principal& principal, Operation operation, ResourceType type) const;

 private:
  using ByName = std::map<std::string, std::vector<const Grant*>, std::less<>>;
  // Grants on resources of one type.
  struct Index {
    ByName literal;
    ByName prefixed;
    std::set<std::size_t> prefix_sizes;
  };

  [[nodiscard]] bool is_super(const Principal& principal) const;
  template <class F>
  void for_each_covering(const Resource& resource, F visit) const;

  bool open_ = true;
  catalog::Revision revision_;
  Users users_;
  std::vector<Grant> grants_;
  std::set<std::string> super_users_;  // principals
  std::map<ResourceType, Index> by_type_;
};
using PolicyPtr = std::shared_ptr<const Policy>;

// The prefixes that hold what a Policy is made of.
[[nodiscard]] std::vector<std::string> policy_prefixes();

}  // namespace leat::security
