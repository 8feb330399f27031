#include "protocol/resp/accounts.h"

#include <set>

#include "protocol/resp/acl/account_rules.h"
#include "protocol/resp/acl/granted_access.h"
#include "protocol/resp/call.h"
#include "protocol/resp/executor.h"
#include "runtime/call.h"
#include "security/password.h"

namespace leat::resp {
namespace {

using runtime::Task;
using security::Account;
using security::Grant;
using security::Principal;

constexpr std::string_view kProtocol = "resp";
// Nothing can wait there.
constexpr std::string_view kNotInTransactions = "ERR users of leat cannot be changed inside a transaction";
constexpr std::string_view kTooMany = "ERR too many changes of users are under way, try again later";
constexpr std::size_t kUnderWayMax = 100;
constexpr std::size_t kRulesMax = 4'096;

std::vector<std::string> copies(Arguments words) { return {words.begin(), words.end()}; }

Account account_of(const security::Policy& policy, std::string_view name) {
  Account account;
  if (const security::User* user = policy.find_user(name)) account.user = *user;
  const std::string principal = security::principal_of(name);
  std::ranges::copy_if(policy.grants(), std::back_inserter(account.grants),
                       [&](const Grant& grant) { return grant.principal == principal; });
  return account;
}

// Who a client is to leat's grants: users of Redis are nobody.
Principal principal_of(const Client& client) {
  if (client.granted != nullptr) return client.granted->principal();
  return Principal::anonymous(security::host_of(client.peer));
}

Status check_administers(const security::Policies& policies, const Principal& who) {
  if (policies.allows(who, security::Operation::alter, {security::ResourceType::cluster, security::kClusterName}))
    return {};
  return fail(Errc::permission_denied, "users of leat are changed by a user of leat who may alter the cluster");
}

// What is wrong with the rules themselves.
Status check_rules(Account account, std::string_view name, Arguments rules) {
  LEAT_CHECK(security::check_user_name(name));
  if (name.contains(' ')) return fail(Errc::invalid_name, "Usernames can't contain spaces or null characters");
  if (rules.size() > kRulesMax) return fail(Errc::too_large, fmt::format("there are more than {} rules", kRulesMax));
  std::optional<security::KeptPassword> password;
  if (const auto given = password_in(rules)) {
    LEAT_CHECK(security::check_password(*given));
    if (given->contains('\0')) return fail(Errc::invalid_argument, "a password has no zero bytes");
    password = security::KeptPassword{.scram = {}, .hash = "some"};
  }
  return apply_rules(account, name, rules, password);
}

void wait(Call& call) {
  call.no_effect();
  call.wait_for_answer();
}

std::string error_of(const Status& status) {
  const bool is_denied = status.error().code == Errc::permission_denied;
  return fmt::format("{} {}", is_denied ? "NOPERM" : "ERR", status.error().message);
}

}  // namespace

bool Accounts::has(const Client& client, std::string_view name) const {
  if (client.is_replayed || executor_.identities().policy() == nullptr) return false;
  return executor_.identities().is_ours(name) || executor_.users().find(name) == nullptr;
}

std::optional<Accounts::Asker> Accounts::admit(Call& call) {
  const auto refuse = [&](std::string_view why) {
    call.reply.error(why);
    return std::nullopt;
  };
  if (call.client.transaction.active) return refuse(kNotInTransactions);
  if (tasks_.running() >= kUnderWayMax) return refuse(kTooMany);
  Asker asker{call.client.id(), principal_of(call.client)};
  if (const Status checked = check_administers(*executor_.settings().policies, asker.principal); !checked) {
    executor_.identities().audit_refusal(call.client, "acl", "command", call.command.name);
    return refuse(error_of(checked));
  }
  return asker;
}

void Accounts::set(Call& call, std::string_view name, Arguments rules) {
  const std::optional<Asker> asker = admit(call);
  if (!asker) return;
  const Status checked = check_rules(account_of(*executor_.identities().policy(), name), name, rules);
  if (!checked) return call.reply.error(error_of(checked));
  wait(call);
  tasks_.spawn(change(*asker, std::string(name), copies(rules)));
}

void Accounts::remove(Call& call, Arguments names) {
  const std::optional<Asker> asker = admit(call);
  if (!asker) return;
  const std::set<std::string_view> different(names.begin(), names.end());
  wait(call);
  tasks_.spawn(remove_all(*asker, {different.begin(), different.end()}));
}

Task<> Accounts::stop() {
  stopping_ = true;
  co_await tasks_.join();
}

Task<> Accounts::change(Asker asker, std::string name, std::vector<std::string> rules) {
  const std::vector<std::string_view> words(rules.begin(), rules.end());
  std::optional<security::KeptPassword> password;
  if (const auto given = password_in(words)) {
    co_await hashing_.reserve(1);
    const runtime::Reservation hashing(hashing_, 1);
    password = co_await runtime::run_blocking([given] { return security::keep_password(*given, true); });
  }
  const auto apply = [&](Account& account) { return apply_rules(account, name, words, password); };
  const Status changed = co_await change_account(asker, name, apply);
  answer(asker, [&](Reply& reply) { changed ? reply.ok() : reply.error(error_of(changed)); });
}

Task<> Accounts::remove_all(Asker asker, std::vector<std::string> names) {
  std::int64_t removed = 0;
  Status status;
  for (const std::string& name : names) {
    const auto clear = [](Account& account) -> Status {
      if (!account.user) return fail(Errc::not_found, "it is gone already");
      account = {};
      return {};
    };
    const Status done = co_await change_account(asker, name, clear);
    if (done) ++removed;
    if (!done && done.error().code != Errc::not_found) status = done;
  }
  answer(asker, [&](Reply& reply) { status ? reply.integer(removed) : reply.error(error_of(status)); });
}

Task<Status> Accounts::change_account(const Asker& asker, std::string name,
                                      security::PolicyService::AccountChange change) {
  if (stopping_) co_return fail(Errc::cancelled, "the server stops");
  const std::shared_ptr<security::Policies> policies = executor_.settings().policies;
  Account had;
  // Who asks may have lost the right while others were served.
  const auto changed = co_await executor_.settings().change_account(name, [&](Account& account) -> Status {
    LEAT_CHECK(check_administers(*policies, asker.principal));
    had = account;
    return change(account);
  });
  if (!changed) co_return fail(changed.error());
  security::AuditLog& audit = policies->audit();
  const std::string_view how = !changed->user ? "removed" : had.user ? "changed" : "made";
  audit.changed(kProtocol, asker.principal, "user", name, how);
  const auto tell = [&](const std::vector<Grant>& grants, const std::vector<Grant>& others, std::string_view what) {
    for (const Grant& grant : grants) {
      if (std::ranges::find(others, grant) == others.end())
        audit.changed(kProtocol, asker.principal, "grants", grant.principal,
                      fmt::format("{}: {}", what, describe(grant)));
    }
  };
  tell(changed->grants, had.grants, "added");
  tell(had.grants, changed->grants, "removed");
  co_return Status{};
}

void Accounts::answer(const Asker& asker, const std::function<void(Reply&)>& write) {
  if (Client* client = executor_.find_client(asker.client_id)) executor_.answer(*client, write);
}

}  // namespace leat::resp
