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

// The grants of an entry, which may be absent, with more of that principal. Errors: those of reading it, too_large.
Result<std::vector<Grant>> grants_in(const catalog::Entry& entry, std::string_view principal,
                                     const std::vector<Grant>& more) {
  std::vector<Grant> all;
  if (!entry.value.empty()) {
    LEAT_TRY(all, decode_grants(entry.key, entry.value));
  }
  all.insert(all.end(), more.begin(), more.end());
  std::ranges::sort(all);
  all.erase(std::ranges::unique(all).begin(), all.end());
  if (all.size() > kGrantsOfPrincipalMax)
    return fail(Errc::too_large, fmt::format("{} would have more than {} grants", principal, kGrantsOfPrincipalMax));
  return all;
}

// The user with the changes made.
Result<std::optional<User>> changed(const std::string& name, std::optional<User> was,
                                    const std::vector<ScramChange>& changes) {
  User user = was ? std::move(*was) : User{.name = name};
  for (const ScramChange& change : changes) {
    if (change.credential) {
      user.scram[change.mechanism] = *change.credential;
      user.password_hash.clear();  // of the password before this one
    } else if (user.scram.erase(change.mechanism) == 0) {
      return fail(Errc::not_found,
                  fmt::format("user '{}' has no {} credential", user.name, to_string(change.mechanism)));
    }
  }
  if (user.scram.empty()) return std::nullopt;
  return user;
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

Result<std::vector<Grant>> PolicyService::all_grants_and(const std::vector<Grant>& more) const {
  std::vector<Grant> all = applied_->grants();
  all.insert(all.end(), more.begin(), more.end());
  if (all.size() > kGrantsMax)
    return fail(Errc::too_large, fmt::format("there can be no more than {} grants", kGrantsMax));
  return all;
}

Task<Result<std::optional<User>>> PolicyService::change_user(std::string name, UserChange change,
                                                             std::vector<Grant> grants) {
  LEAT_CO_CHECK(check_user_name(name));
  co_await changes_.reserve(1);
  const runtime::Reservation turn(changes_, 1);
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    LEAT_CO_TRY(catalog::Entry entry, co_await read(user_key(name)));
    const Timestamp now = runtime::Shard::current().wall_now();
    std::optional<User> was;
    if (!entry.value.empty()) {
      LEAT_CO_TRY(was, decode_user(entry.key, entry.value));
    } else if (applied_->users().size() >= kUsersMax) {
      co_return fail(Errc::too_large, fmt::format("there are {} users, and can be no more", kUsersMax));
    }
    const Timestamp created = was ? was->created : now;
    LEAT_CO_TRY(std::optional<User> user, change(std::move(was)));
    Policy::Users users = applied_->users();
    users.erase(name);
    if (user) {
      user->created = created;
      user->modified = now;
      LEAT_CO_CHECK(check_user(*user));
      users.emplace(name, *user);
    }
    LEAT_CO_TRY(const std::vector<Grant> everything, all_grants_and(grants));
    LEAT_CO_CHECK(check_administered(users, everything));
    std::vector<Write> writes;
    writes.push_back({std::move(entry), user ? encode_user(*user) : ""});
    if (!grants.empty()) {
      const std::string principal = principal_of(name);
      LEAT_CO_TRY(catalog::Entry granted, co_await read(grants_key(principal)));
      LEAT_CO_TRY(const std::vector<Grant> all, grants_in(granted, principal, grants));
      writes.push_back({std::move(granted), encode_grants(principal, all)});
    }
    const Status written = co_await write(std::move(writes));
    if (written) co_return user;
    if (written.error().code != Errc::version_conflict) co_return fail(written.error());
  }
  co_return too_busy(name);
}

Task<Status> PolicyService::change_scram(std::string name, std::vector<ScramChange> changes) {
  auto done =
      co_await change_user(name, [&](std::optional<User> was) { return changed(name, std::move(was), changes); });
  if (!done) co_return fail(std::move(done.error()));
  co_return Status{};
}

Task<Status> PolicyService::add_grants(std::string principal, std::vector<Grant> grants) {
  for (const Grant& grant : grants) LEAT_CO_CHECK(check_grant(grant));
  co_await changes_.reserve(1);
  const runtime::Reservation turn(changes_, 1);
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    LEAT_CO_TRY(catalog::Entry entry, co_await read(grants_key(principal)));
    LEAT_CO_TRY(const std::vector<Grant> all, grants_in(entry, principal, grants));
    LEAT_CO_TRY(const std::vector<Grant> everything, all_grants_and(grants));
    LEAT_CO_CHECK(check_administered(applied_->users(), everything));
    const Status written = co_await write_one(std::move(entry), encode_grants(principal, all));
    if (written || written.error().code != Errc::version_conflict) co_return written;
  }
  co_return too_busy(principal);
}

Task<Result<std::vector<Grant>>> PolicyService::remove_grants(std::string principal,
                                                              std::function<bool(const Grant&)> matches) {
  co_await changes_.reserve(1);
  const runtime::Reservation turn(changes_, 1);
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    LEAT_CO_TRY(catalog::Entry entry, co_await read(grants_key(principal)));
    if (entry.value.empty()) co_return std::vector<Grant>{};
    LEAT_CO_TRY(std::vector<Grant> all, decode_grants(entry.key, entry.value));
    std::vector<Grant> removed;
    std::erase_if(all, [&](const Grant& grant) {
      if (!matches(grant)) return false;
      removed.push_back(grant);
      return true;
    });
    if (removed.empty()) co_return removed;
    std::vector<Grant> left = applied_->grants();
    std::erase_if(left, [&](const Grant& grant) { return grant.principal == principal && matches(grant); });
    LEAT_CO_CHECK(check_administered(applied_->users(), left));
    const Status written = co_await write_one(std::move(entry), all.empty() ? "" : encode_grants(principal, all));
    if (written) co_return removed;
    if (written.error().code != Errc::version_conflict) co_return fail(written.error());
  }
  co_return too_busy(principal);
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
