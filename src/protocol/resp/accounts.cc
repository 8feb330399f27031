#include "protocol/resp/accounts.h"

#include "protocol/resp/acl/account_rules.h"
#include "protocol/resp/call.h"
#include "protocol/resp/executor.h"
#include "runtime/call.h"
#include "security/password.h"

namespace leat::resp {
namespace {

using runtime::Task;
using security::Account;
using security::Grant;

constexpr std::string_view kProtocol = "resp";
// Nothing can wait there.
constexpr std::string_view kNotInTransactions = "ERR users of leat cannot be changed inside a transaction";

std::vector<std::string> copies(Arguments words) { return {words.begin(), words.end()}; }

Account account_of(const security::Policy& policy, std::string_view name) {
  Account account;
  if (const security::User* user = policy.find_user(name)) account.user = *user;
  const std::string principal = security::principal_of(name);
  std::ranges::copy_if(policy.grants(), std::back_inserter(account.grants),
                       [&](const Grant& grant) { return grant.principal == principal; });
  return account;
}

// What is wrong with the rules themselves.
Status check_rules(Account account, std::string_view name, Arguments rules) {
  LEAT_CHECK(security::check_user_name(name));
  std::optional<security::KeptPassword> password;
  if (const auto given = password_in(rules)) {
    LEAT_CHECK(security::check_password(*given));
    if (given->contains('\0')) return fail(Errc::invalid_argument, "a password has no zero bytes");
    password = security::KeptPassword{.scram = {}, .hash = "some"};
  }
  return apply_rules(account, name, rules, password);
}

std::string error_of(const Status& status) { return fmt::format("ERR {}", status.error().message); }

}  // namespace

bool Accounts::has(const Client& client, std::string_view name) const {
  if (client.is_local || executor_.identities().policy() == nullptr) return false;
  return executor_.identities().is_ours(name) || executor_.users().find(name) == nullptr;
}

Accounts::Asker Accounts::wait(Call& call) {
  call.no_effect();
  call.wait_for_answer();
  return {call.client.id(), Identities::principal_of(call.client)};
}

void Accounts::set(Call& call, std::string_view name, Arguments rules) {
  if (call.client.transaction.active) return call.reply.error(kNotInTransactions);
  const Status checked = check_rules(account_of(*executor_.identities().policy(), name), name, rules);
  if (!checked) return call.reply.error(error_of(checked));
  tasks_.spawn(change(wait(call), std::string(name), copies(rules)));
}

void Accounts::remove(Call& call, Arguments names) {
  if (call.client.transaction.active) return call.reply.error(kNotInTransactions);
  tasks_.spawn(remove_all(wait(call), copies(names)));
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
  Account had;
  const auto changed = co_await executor_.settings().change_account(name, [&](Account& account) {
    had = account;
    return change(account);
  });
  if (!changed) co_return fail(changed.error());
  security::AuditLog& audit = executor_.settings().policies->audit();
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
