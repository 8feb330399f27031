#include "protocol/api/policy_calls.h"

#include <algorithm>

#include "runtime/call.h"

namespace leat::api {
namespace {

using runtime::Task;
using security::Account;
using security::Grant;
using security::PolicyService;
using security::User;

// --- on the shard of the policy service ---

Task<Result<Account>> change_account_at_home(PolicyService* users, std::string name,
                                             PolicyService::AccountChange change) {
  co_return co_await users->change_account(std::move(name), std::move(change));
}

Task<Status> add_grants_at_home(PolicyService* users, std::string principal, std::vector<Grant> grants) {
  co_return co_await users->add_grants(std::move(principal), std::move(grants));
}

Task<Result<std::vector<Grant>>> remove_grants_at_home(PolicyService* users, std::string principal,
                                                       std::vector<Grant> grants) {
  co_return co_await users->remove_grants(
      std::move(principal), [grants](const Grant& grant) { return std::ranges::find(grants, grant) != grants.end(); });
}

Task<Status> change_quotas_at_home(PolicyService* users, security::QuotaEntity entity, security::QuotaChanges changes) {
  co_return co_await users->change_quotas(std::move(entity), std::move(changes));
}

void audit(const Request& request, std::string_view what, std::string_view name, std::string_view how) {
  request.node().policies.audit().changed("http", request.principal, what, name, how);
}

void audit_added(const Request& request, const std::vector<Grant>& grants) {
  for (const Grant& grant : grants)
    audit(request, "grants", grant.principal, fmt::format("added: {}", describe(grant)));
}

}  // namespace

// --- on the connection's shard ---

Task<Result<std::optional<User>>> change_user(const Request& request, std::string name, UserChange change,
                                              std::vector<Grant> grants) {
  const ApiNode& node = request.node();
  const PolicyService::AccountChange changed = [&](Account& account) -> Status {
    LEAT_TRY(account.user, change(std::move(account.user)));
    account.grants.insert(account.grants.end(), grants.begin(), grants.end());
    return {};
  };
  auto account = co_await runtime::call_on(node.home, change_account_at_home, &node.users, name, changed);
  if (!account) co_return fail(std::move(account.error()));
  audit(request, "user", name, account->user ? request.operation.id : "removed");
  audit_added(request, grants);
  co_return std::move(account->user);
}

Task<Result<User>> change_existing(const Request& request, std::string name, std::function<Status(User&)> change) {
  const UserChange changed = [name,
                              change = std::move(change)](std::optional<User> user) -> Result<std::optional<User>> {
    if (!user) return fail(Errc::not_found, fmt::format("there is no user '{}'", name));
    LEAT_CHECK(change(*user));
    return user;
  };
  auto user = co_await change_user(request, std::move(name), changed);
  if (!user) co_return fail(std::move(user.error()));
  co_return std::move(**user);
}

Task<Status> add_grants(const Request& request, std::string principal, std::vector<Grant> grants) {
  const ApiNode& node = request.node();
  Status added = co_await runtime::call_on(node.home, add_grants_at_home, &node.users, principal, grants);
  if (added) audit_added(request, grants);
  co_return added;
}

Task<Result<std::size_t>> remove_grants(const Request& request, std::string principal, std::vector<Grant> grants) {
  const ApiNode& node = request.node();
  auto removed = co_await runtime::call_on(node.home, remove_grants_at_home, &node.users, principal, std::move(grants));
  if (!removed) co_return fail(std::move(removed.error()));
  for (const Grant& grant : *removed) audit(request, "grants", principal, fmt::format("removed: {}", describe(grant)));
  co_return removed->size();
}

Task<Status> change_quotas(const Request& request, security::QuotaEntity entity, security::QuotaChanges changes) {
  const ApiNode& node = request.node();
  const std::string name = to_string(entity);
  Status changed =
      co_await runtime::call_on(node.home, change_quotas_at_home, &node.users, std::move(entity), std::move(changes));
  if (changed) audit(request, "quotas", name, "changed");
  co_return changed;
}

}  // namespace leat::api
