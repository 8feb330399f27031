#include "protocol/resp/locks.h"

#include <algorithm>

#include "base/logging.h"
#include "protocol/resp/executor.h"

namespace leat::resp {
namespace {

using keyspace::LockEvent;
using keyspace::LockHolder;
using keyspace::LockToken;

// The journal may grow by this, or by four times what its state takes, before the state is written anew.
constexpr std::uint64_t kGrowthMin = std::uint64_t{16} << 20;
constexpr std::uint64_t kGrowthFactor = 4;
constexpr std::chrono::seconds kLook(1);
// The wall clock may be set: what was far off may be near.
constexpr Milliseconds kSleepMax{60'000};
// A unit that is suspended, or a journal that cannot be written, keeps locks from ending.
constexpr Milliseconds kRetry{10};
// Events of a snapshot in one batch.
constexpr std::size_t kBatchBytes = std::size_t{1} << 20;

}  // namespace

Locks::Locks(Executor& executor) : executor_(executor) {}

runtime::Task<Status> Locks::start(std::shared_ptr<log::Partition> partition) {
  keyspace::Journal& journal = journal_.emplace(std::move(partition));
  LEAT_CO_CHECK(co_await journal.replay([this](const auto& unit) { return replay(unit); }));
  // Offset 0 is nobody's token.
  if (journal.end() == Offset(0)) add({.kind = LockEvent::Kind::remembered});
  std::vector<LockToken> bound;
  for (const auto& [token, holder] : space_.holders()) {
    if (holder.until_closed) bound.push_back(token);
  }
  for (const LockToken token : bound) free(token);
  LEAT_CO_CHECK(journal.append());
  schedule_expiry();
  tasks_.spawn(keep_short());
  co_return Status{};
}

Status Locks::replay(const keyspace::JournalUnit& unit) {
  last_time_ = std::max(last_time_, unit.time);
  keyspace::EffectsReader effects(unit.effects);
  while (effects.next()) {
    LEAT_TRY(const LockEvent event, keyspace::parse_lock_event(effects.arguments(), unit.offset));
    space_.apply(event);
  }
  if (effects.broken()) return fail(Errc::corrupt, "an event in the journal of locks is cut short");
  return {};
}

runtime::Task<> Locks::stop() {
  stopping_ = true;
  wake_.notify_all();
  co_await tasks_.join();
  expiry_.cancel();
  if (!append()) log_error("resp", "the last changes of locks are lost: {}", error_);
}

std::string Locks::unavailable() const {
  if (!journal_) return "MISCONF Locks need a journal, and there is none";
  if (!error_.empty()) return fmt::format("MISCONF Locks cannot be journalled, so they cannot be used: {}", error_);
  return {};
}

keyspace::Millis Locks::now() const { return std::max(executor_.keyspace().now(), last_time_); }

LockToken Locks::add(LockEvent event) {
  last_time_ = now();
  keyspace::Effects effects;
  keyspace::add_lock_event(effects, event);
  const Offset offset = journal_->add({.time = last_time_, .effects = effects.bytes()});
  if (event.token == 0) event.token = offset.value();
  space_.apply(event);
  executor_.schedule_turn_end();
  return event.token;
}

std::optional<LockToken> Locks::acquire(Client& client, const Request& request) {
  expire();
  if (!space_.is_available(request.keys, client.id())) return std::nullopt;
  const LockToken token = add({.kind = LockEvent::Kind::acquired,
                               .until = now() + request.ttl.count(),
                               .until_closed = request.until_closed,
                               .owner = std::string(request.owner),
                               .keys = {request.keys.begin(), request.keys.end()}});
  if (request.until_closed) {
    of_clients_[client.id()].insert(token);
    clients_of_.emplace(token, client.id());
  }
  stats_.acquired.add();
  schedule_expiry();
  return token;
}

bool Locks::extend(std::string_view key, LockToken token, Milliseconds ttl) {
  expire();
  if (space_.holder(key, token) == nullptr) return false;
  add({.kind = LockEvent::Kind::extended, .token = token, .until = now() + ttl.count()});
  schedule_expiry();
  return true;
}

bool Locks::release(std::string_view key, LockToken token) {
  expire();
  if (space_.holder(key, token) == nullptr) return false;
  free(token);
  return true;
}

const LockHolder* Locks::holder(std::string_view key) {
  expire();
  return space_.holder(key);
}

std::string Locks::fence_refusal(std::string_view key, LockToken token) {
  const LockToken newest = space_.newest(key);
  if (token == newest && token != 0) return {};
  stats_.fenced.add();
  if (newest > token) return fmt::format("FENCED The lock was acquired with token {} after token {}", newest, token);
  return fmt::format("FENCED Nothing is known of token {} for this lock", token);
}

void Locks::free(LockToken token) {
  const LockHolder& holder = space_.holders().at(token);
  const std::vector<std::string> keys(holder.keys.begin(), holder.keys.end());
  if (const auto bound = clients_of_.find(token); bound != clients_of_.end()) {
    const auto client = of_clients_.find(bound->second);
    client->second.erase(token);
    if (client->second.empty()) of_clients_.erase(client);
    clients_of_.erase(bound);
  }
  add({.kind = LockEvent::Kind::released, .token = token});
  for (const std::string& key : keys) executor_.blocking().key_changed(kLockSpace, key);
}

void Locks::wait(const Client& client, keyspace::LockSpace::Keys keys) { space_.wait(client.id(), keys); }

void Locks::stop_waiting(const Client& client, keyspace::LockSpace::Keys keys) {
  space_.stop_waiting(client.id(), keys);
  // Those behind it may be the next.
  for (const std::string_view key : keys) executor_.blocking().key_changed(kLockSpace, key);
}

void Locks::connection_ended(const Client& client) {
  const auto found = of_clients_.find(client.id());
  if (found == of_clients_.end()) return;
  executor_.begin_unit();
  for (const LockToken token : std::set(found->second)) free(token);
  executor_.end_unit();
}

void Locks::expire() {
  const keyspace::Millis time = now();
  while (const LockHolder* next = space_.next_to_expire()) {
    if (next->until > time) break;
    stats_.expired.add();
    free(next->token);
  }
}

void Locks::expiry_is_due() {
  if (executor_.is_suspended() || !error_.empty()) {
    executor_.shard().timers().arm(expiry_, executor_.shard().now() + kRetry);
    return;
  }
  executor_.begin_batch();
  executor_.begin_unit();
  expire();
  executor_.end_unit();
  schedule_expiry();
}

void Locks::schedule_expiry() {
  expiry_.cancel();
  const LockHolder* next = space_.next_to_expire();
  if (next == nullptr) return;
  const keyspace::Millis wall = std::max(last_time_, executor_.shard().wall_now().value());
  const Milliseconds sleep(next->until <= wall ? 0 : std::min<keyspace::Millis>(next->until - wall, kSleepMax.count()));
  executor_.shard().timers().arm(expiry_, executor_.shard().now() + sleep);
}

bool Locks::append() {
  if (!journal_ || journal_->added_bytes() == 0) return true;
  const Status status = journal_->append();
  if (status) {
    if (!error_.empty()) log_info("resp", "locks are journalled again");
    error_.clear();
    return true;
  }
  if (error_.empty()) log_error("resp", "locks cannot be journalled: {}", status.error().message);
  error_ = status.error().message;
  executor_.retry_journals();
  return false;
}

runtime::Task<> Locks::keep_short() {
  std::uint64_t state_bytes = 0;
  while (!stopping_) {
    co_await wake_.wait_until(executor_.shard().now() + kLook);
    const std::uint64_t grown = journal_->appended_bytes() - since_;
    if (stopping_ || !error_.empty() || grown < std::max(kGrowthMin, kGrowthFactor * state_bytes)) continue;
    const std::uint64_t before = journal_->appended_bytes();
    if (const Status taken = co_await take_snapshot(); !taken)
      log_warning("resp", "the journal of locks is not shortened: {}", taken.error().message);
    since_ = journal_->appended_bytes();
    state_bytes = since_ - before;
  }
}

// In one go: replies wait as long as it takes to write what is held and remembered.
runtime::Task<Status> Locks::take_snapshot() {
  LEAT_CO_CHECK(journal_->append());
  LEAT_CO_TRY(const Offset begun, journal_->begin_segment());
  keyspace::Effects effects;
  const auto write = [&] {
    journal_->add({.time = last_time_, .effects = effects.bytes()});
    effects.clear();
  };
  space_.for_each_event([&](const LockEvent& event) {
    keyspace::add_lock_event(effects, event);
    if (effects.bytes().size() >= kBatchBytes) write();
  });
  if (!effects.empty()) write();
  LEAT_CO_CHECK(journal_->append());
  LEAT_CO_CHECK(co_await journal_->flush());
  co_return co_await journal_->free_below(begun);
}

}  // namespace leat::resp
