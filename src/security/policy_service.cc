#include "security/policy_service.h"

#include "base/logging.h"
#include "runtime/call.h"

namespace leat::security {
namespace {

using runtime::Task;

constexpr int kAttemptsMax = 10;
constexpr auto kApplyTimeout = std::chrono::seconds(60);
constexpr Duration kRetryAfter = std::chrono::seconds(1);

Task<Status> set_on_shard(Policies* policies, PolicyPtr policy) {
  policies->set(std::move(policy));
  co_return Status{};
}

std::unexpected<Error> too_busy(std::string_view what) {
  return fail(Errc::version_conflict, fmt::format("'{}' kept changing; try again", what));
}

// Of an entry that may be absent.
Result<std::vector<Grant>> grants_in(const catalog::Entry& entry) {
  if (entry.value.empty()) return std::vector<Grant>{};
  return decode_grants(entry.key, entry.value);
}

// Whether the principal can have them, which are sorted then. Errors: invalid_argument, too_large.
Status check_grants(std::string_view principal, std::vector<Grant>& grants) {
  for (const Grant& grant : grants) {
    LEAT_CHECK(check_grant(grant));
    if (grant.principal != principal)
      return fail(Errc::invalid_argument, fmt::format("a grant of {} is none of {}", grant.principal, principal));
  }
  std::ranges::sort(grants);
  grants.erase(std::ranges::unique(grants).begin(), grants.end());
  if (grants.size() <= kGrantsOfPrincipalMax) return {};
  return fail(Errc::too_large, fmt::format("{} would have more than {} grants", principal, kGrantsOfPrincipalMax));
}

Status change_credentials(const std::string& name, std::optional<User>& user, const std::vector<ScramChange>& changes) {
  if (!user) user = User{.name = name};
  for (const ScramChange& change : changes) {
    if (change.credential) {
      user->scram[change.mechanism] = *change.credential;
      user->password_hash.clear();  // of the password before this one
    } else if (user->scram.erase(change.mechanism) == 0) {
      return fail(Errc::not_found, fmt::format("user '{}' has no {} credential", name, to_string(change.mechanism)));
    }
  }
  if (user->scram.empty()) user.reset();
  return {};
}

}  // namespace

PolicyService::PolicyService(catalog::Catalog& catalog, std::vector<runtime::Shard*> shards, Policies& policies,
                             std::set<std::string> super_users)
    : catalog_(catalog), shards_(std::move(shards)), policies_(policies), super_users_(std::move(super_users)) {}

Task<Status> PolicyService::start() {
  LEAT_CO_CHECK(co_await load());
  tasks_.spawn(follow());
  co_return Status{};
}

void PolicyService::begin_stop() {
  stopping_ = true;
  applied_wake_.notify_all();
}

Task<> PolicyService::stop() { co_await tasks_.join(); }

Task<Status> PolicyService::load() {
  auto snapshot = co_await catalog_.snapshot(policy_prefixes());
  if (!snapshot) co_return fail(std::move(snapshot.error()));
  LEAT_CO_TRY(PolicyPtr policy, Policy::from(*snapshot, super_users_));
  co_return co_await publish(std::move(policy));
}

Task<Status> PolicyService::publish(PolicyPtr policy) {
  for (runtime::Shard* shard : shards_)
    LEAT_CO_CHECK(co_await runtime::call_on(*shard, set_on_shard, &policies_, policy));
  applied_ = std::move(policy);
  applied_wake_.notify_all();
  co_return Status{};
}

// Reads everything again at each change: changes are rare, and few.
Task<> PolicyService::follow() {
  std::unique_ptr<catalog::Watch> watch;
  while (!stopping_) {
    Status status;
    if (watch == nullptr) {
      auto begun = catalog_.watch(policy_prefixes(), applied_->revision());
      if (begun) watch = std::move(*begun);
      if (!begun) status = fail(std::move(begun.error()));
    }
    if (status) {
      const auto changes = co_await watch->next();
      if (!changes) status = fail(changes.error());
    }
    if (!status && status.error().code == Errc::cancelled) co_return;
    if (!status) watch.reset();
    // After a watch that fell behind, too.
    if (const Status loaded = co_await load(); !loaded) {
      if (loaded.error().code == Errc::cancelled) co_return;
      log_error("security", "users and grants cannot be followed: {}", loaded.error().message);
      watch.reset();
      co_await runtime::sleep_for(kRetryAfter);
    }
  }
}

Task<Status> PolicyService::wait_applied(catalog::Revision revision) {
  const MonoTime deadline = runtime::Shard::current().now() + kApplyTimeout;
  while (applied_->revision() < revision) {
    if (stopping_) co_return fail(Errc::cancelled, "the server stops");
    if (!co_await applied_wake_.wait_until(deadline) && applied_->revision() < revision)
      co_return fail(Errc::timed_out, "the change is in the catalog, but the shards have not followed yet");
  }
  co_return Status{};
}

Status PolicyService::check_administered(const Policy::Users& users, const std::vector<Grant>& grants) const {
  if (users.empty() && !applied_->users().empty())
    return fail(Errc::permission_denied, "the last user cannot go: everything would be allowed to everyone again");
  if (users.empty()) return {};
  const Policy policy(applied_->revision(), users, grants, super_users_);
  const auto administers = [&](const auto& user) {
    const Principal from_anywhere{principal_of(user.first), ""};
    return user.second.can_come_in() && policy.authorize(from_anywhere, Operation::alter,
                                                         {ResourceType::cluster, kClusterName}) == Decision::allowed;
  };
  if (std::ranges::any_of(users, administers)) return {};
  return fail(Errc::permission_denied,
              "no user would be left that may alter the cluster: grant that to one first, or name one in "
              "security.super_users");
}

Task<Result<catalog::Entry>> PolicyService::read(std::string key) {
  std::vector<std::string> prefixes{key};
  auto snapshot = co_await catalog_.snapshot(std::move(prefixes));
  if (!snapshot) co_return fail(std::move(snapshot.error()));
  for (catalog::Entry& entry : snapshot->entries) {
    if (entry.key == key) co_return std::move(entry);
  }
  co_return catalog::Entry{.key = std::move(key), .value = {}, .modified = catalog::kAbsent};
}

Task<Status> PolicyService::write(std::vector<Write> writes) {
  catalog::Commit commit;
  for (Write& each : writes) {
    commit.conditions.push_back({each.was.key, each.was.modified});
    if (each.value.empty()) {
      commit.deletes.push_back(each.was.key);
    } else {
      commit.puts.push_back({.key = each.was.key, .value = std::move(each.value)});
    }
  }
  LEAT_CO_TRY(const catalog::Revision revision, co_await catalog_.commit(std::move(commit)));
  co_return co_await wait_applied(revision);
}

Task<Status> PolicyService::write_one(catalog::Entry was, std::string value) {
  std::vector<Write> writes;
  writes.push_back({std::move(was), std::move(value)});
  co_return co_await write(std::move(writes));
}

Result<std::vector<Grant>> PolicyService::all_grants_with(std::string_view principal,
                                                          const std::vector<Grant>& its) const {
  std::vector<Grant> all = applied_->grants();
  const std::size_t before = all.size();
  std::erase_if(all, [&](const Grant& grant) { return grant.principal == principal; });
  all.insert(all.end(), its.begin(), its.end());
  if (all.size() > kGrantsMax && all.size() > before)
    return fail(Errc::too_large, fmt::format("there can be no more than {} grants", kGrantsMax));
  return all;
}

Task<Result<Account>> PolicyService::change_account(std::string name, AccountChange change) {
  LEAT_CO_CHECK(check_user_name(name));
  const std::string principal = principal_of(name);
  co_await changes_.reserve(1);
  const runtime::Reservation turn(changes_, 1);
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    LEAT_CO_TRY(catalog::Entry entry, co_await read(user_key(name)));
    LEAT_CO_TRY(catalog::Entry granted, co_await read(grants_key(principal)));
    const Timestamp now = runtime::Shard::current().wall_now();
    Account account;
    if (!entry.value.empty()) {
      LEAT_CO_TRY(account.user, decode_user(entry.key, entry.value));
    } else if (applied_->users().size() >= kUsersMax) {
      co_return fail(Errc::too_large, fmt::format("there are {} users, and can be no more", kUsersMax));
    }
    LEAT_CO_TRY(account.grants, grants_in(granted));
    const std::vector<Grant> had = account.grants;
    const Timestamp created = account.user ? account.user->created : now;
    LEAT_CO_CHECK(change(account));
    LEAT_CO_CHECK(check_grants(principal, account.grants));
    Policy::Users users = applied_->users();
    users.erase(name);
    if (account.user) {
      account.user->created = created;
      account.user->modified = now;
      LEAT_CO_CHECK(check_user(*account.user));
      users.emplace(name, *account.user);
    }
    LEAT_CO_TRY(const std::vector<Grant> everything, all_grants_with(principal, account.grants));
    LEAT_CO_CHECK(check_administered(users, everything));
    std::vector<Write> writes;
    writes.push_back({std::move(entry), account.user ? encode_user(*account.user) : ""});
    if (account.grants != had)
      writes.push_back({std::move(granted), account.grants.empty() ? "" : encode_grants(principal, account.grants)});
    const Status written = co_await write(std::move(writes));
    if (written) co_return account;
    if (written.error().code != Errc::version_conflict) co_return fail(written.error());
  }
  co_return too_busy(name);
}

Task<Status> PolicyService::change_scram(std::string name, std::vector<ScramChange> changes) {
  const AccountChange change = [&](Account& account) { return change_credentials(name, account.user, changes); };
  auto done = co_await change_account(name, change);
  if (!done) co_return fail(std::move(done.error()));
  co_return Status{};
}

Task<Status> PolicyService::change_grants(std::string principal, std::function<void(std::vector<Grant>&)> change) {
  co_await changes_.reserve(1);
  const runtime::Reservation turn(changes_, 1);
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    LEAT_CO_TRY(catalog::Entry entry, co_await read(grants_key(principal)));
    LEAT_CO_TRY(std::vector<Grant> grants, grants_in(entry));
    const std::vector<Grant> had = grants;
    change(grants);
    LEAT_CO_CHECK(check_grants(principal, grants));
    if (grants == had) co_return Status{};
    LEAT_CO_TRY(const std::vector<Grant> everything, all_grants_with(principal, grants));
    LEAT_CO_CHECK(check_administered(applied_->users(), everything));
    const Status written = co_await write_one(std::move(entry), grants.empty() ? "" : encode_grants(principal, grants));
    if (written || written.error().code != Errc::version_conflict) co_return written;
  }
  co_return too_busy(principal);
}

Task<Status> PolicyService::add_grants(std::string principal, std::vector<Grant> more) {
  const auto add = [&](std::vector<Grant>& grants) { grants.insert(grants.end(), more.begin(), more.end()); };
  co_return co_await change_grants(std::move(principal), add);
}

Task<Result<std::vector<Grant>>> PolicyService::remove_grants(std::string principal,
                                                              std::function<bool(const Grant&)> matches) {
  std::vector<Grant> removed;
  const auto remove = [&](std::vector<Grant>& grants) {
    removed.clear();
    std::ranges::copy_if(grants, std::back_inserter(removed), matches);
    std::erase_if(grants, matches);
  };
  LEAT_CO_CHECK(co_await change_grants(std::move(principal), remove));
  co_return removed;
}

Task<Status> PolicyService::change_quotas(QuotaEntity entity, QuotaChanges changes) {
  LEAT_CO_CHECK(check_quota_entity(entity));
  for (const auto& [key, limit] : changes)
    if (limit) LEAT_CO_CHECK(check_quota_limit(entity, key, *limit));
  co_await changes_.reserve(1);
  const runtime::Reservation turn(changes_, 1);
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    LEAT_CO_TRY(catalog::Entry entry, co_await read(quota_entry_key(entity)));
    QuotaLimits limits;
    if (!entry.value.empty()) {
      LEAT_CO_TRY(auto stored, decode_quota(entry.key, entry.value));
      limits = std::move(stored.second);
    } else if (applied_->quotas().all().size() >= kQuotaEntitiesMax) {
      co_return fail(Errc::too_large,
                     fmt::format("there are quotas of {} already, and can be no more", kQuotaEntitiesMax));
    }
    const QuotaLimits before = limits;
    for (const auto& [key, limit] : changes) {
      limits.erase(key);
      if (limit) limits.emplace(key, *limit);
    }
    if (limits == before) co_return Status{};
    const Status written = co_await write_one(std::move(entry), limits.empty() ? "" : encode_quota(entity, limits));
    if (written || written.error().code != Errc::version_conflict) co_return written;
  }
  co_return too_busy(to_string(entity));
}

}  // namespace leat::security
