#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "runtime/sync.h"
#include "security/policies.h"

namespace leat::security {

// Limits; above them: too_large.
inline constexpr std::size_t kUsersMax = 10'000;
inline constexpr std::size_t kGrantsOfPrincipalMax = 2'000;
inline constexpr std::size_t kGrantsMax = 100'000;

struct ScramChange {
  ScramMechanism mechanism{};
  std::optional<ScramCredential> credential;  // none: it is removed
  [[nodiscard]] bool is_set() const { return credential.has_value(); }
};

// A user, nullopt when there is none, and the grants of that principal, which may be there without one.
struct Account {
  std::optional<User> user;
  std::vector<Grant> grants;
};

// Keeps every shard's policy in step with the catalog, and changes users and grants there: all changes, whoever makes them, take
// this one way. Lives on shard 0; the calls below are made there.
class PolicyService {
 public:
  PolicyService(catalog::Catalog& catalog, std::vector<runtime::Shard*> shards, Policies& policies,
                std::set<std::string> super_users);
  PolicyService(const PolicyService&) = delete;
  PolicyService& operator=(const PolicyService&) = delete;

  // On return every shard has the policy of the catalog, and gets each later one. Errors: those of reading it.
  runtime::Task<Status> start();
  // Ends following, in two steps: begin_stop(), then the catalog's close(), which ends its watches, then stop().
  void begin_stop();
  runtime::Task<> stop();
  // The shard that it lives on.
  [[nodiscard]] runtime::Shard& home() const { return *shards_.front(); }

  // When one of these returns, every shard knows of the change. Errors: those of Catalog::commit, timed_out when the change is
  // made and a shard has not followed.

  // None leaves users behind of whom nobody may alter the cluster from every address, and so let anyone in again:
  // permission_denied.

  // Makes, changes or removes a user and what is granted to it, all of it or nothing. `change` gets both as they are and makes
  // them what they become; it may be called several times. Returns them as they were put. Errors: those of `change`, of
  // check_user() and check_grant(), too_large.
  using AccountChange = std::function<Status(Account&)>;
  runtime::Task<Result<Account>> change_account(std::string name, AccountChange change);
  // Passwords as Kafka's admin requests have them: a user is made with the first credential and goes with the last one, with all
  // else that it has. Errors: not_found (nothing to remove; nothing is changed then), invalid_name, invalid_argument, too_large.
  runtime::Task<Status> change_scram(std::string user, std::vector<ScramChange> changes);
  // Adds grants of one principal; those that are there stay. Errors: invalid_argument, too_large.
  runtime::Task<Status> add_grants(std::string principal, std::vector<Grant> grants);
  // Removes the grants of one principal for which `matches`, and returns them.
  runtime::Task<Result<std::vector<Grant>>> remove_grants(std::string principal,
                                                          std::function<bool(const Grant&)> matches);
  // Sets and removes limits of one entity; those that are not named stay. Errors: invalid_argument, too_large.
  runtime::Task<Status> change_quotas(QuotaEntity entity, QuotaChanges changes);

 private:
  runtime::Task<Status> change_grants(std::string principal, std::function<void(std::vector<Grant>&)> change);
  runtime::Task<Status> load();
  runtime::Task<Status> publish(PolicyPtr policy);
  runtime::Task<> follow();
  // Whether somebody can administer what there would be.
  [[nodiscard]] Status check_administered(const Policy::Users& users, const std::vector<Grant>& grants) const;
  runtime::Task<Status> wait_applied(catalog::Revision revision);
  // The value of a key and its revision; an empty entry when there is none.
  runtime::Task<Result<catalog::Entry>> read(std::string key);
  // What becomes of an entry that was read; nothing: it is deleted.
  struct Write {
    catalog::Entry was;
    std::string value;
  };
  // Makes all of them if each entry is still as it was read; then waits until all shards know.
  runtime::Task<Status> write(std::vector<Write> writes);
  runtime::Task<Status> write_one(catalog::Entry was, std::string value);
  // All grants there would be if the principal had these. Error: too_large.
  [[nodiscard]] Result<std::vector<Grant>> all_grants_with(std::string_view principal,
                                                           const std::vector<Grant>& its) const;

  catalog::Catalog& catalog_;
  std::vector<runtime::Shard*> shards_;
  Policies& policies_;
  std::set<std::string> super_users_;
  PolicyPtr applied_;
  runtime::Notifier applied_wake_;
  runtime::Budget changes_{1};  // one at a time: each is checked against all that there is
  runtime::TaskScope tasks_;
  bool stopping_ = false;
};

}  // namespace leat::security
