#include "protocol/api/idempotency.h"

#include "runtime/shard.h"

namespace leat::api {
namespace {

constexpr Milliseconds kPatience{30'000};

std::size_t size_of(const std::string& key, const IdempotencyStore::Stored& stored) {
  std::size_t size = 2 * key.size() + stored.body.size() + sizeof stored;
  for (const auto& [name, value] : stored.headers) size += name.size() + value.size();
  return size;
}

}  // namespace

runtime::Task<IdempotencyStore::Claimed> IdempotencyStore::claim(std::string key, std::string fingerprint) {
  forget_old();
  const MonoTime deadline = runtime::Shard::current().now() + kPatience;
  while (true) {
    const auto [at, is_new] = entries_.try_emplace(key);
    if (is_new) {
      at->second.fingerprint = std::move(fingerprint);
      at->second.number = ++last_number_;
      co_return Claimed{};
    }
    if (at->second.fingerprint != fingerprint) co_return Claimed{Claim::differs, nullptr};
    if (at->second.stored != nullptr) co_return Claimed{Claim::answered, at->second.stored};
    const bool is_woken = co_await done_.wait_until(deadline);
    if (!is_woken) co_return Claimed{Claim::busy, nullptr};
  }
}

void IdempotencyStore::complete(const std::string& key, std::shared_ptr<const Stored> stored) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  bytes_ += size_of(key, *stored);
  found->second.stored = std::move(stored);
  ages_.push_back({runtime::Shard::current().now() + kFor, key, found->second.number});
  forget_old();
  done_.notify_all();
}

void IdempotencyStore::abandon(const std::string& key) {
  entries_.erase(key);
  done_.notify_all();
}

void IdempotencyStore::forget_old() {
  const MonoTime now = runtime::Shard::current().now();
  while (!ages_.empty() && (ages_.front().until <= now || ages_.size() > kEntriesMax || bytes_ > kBytesMax)) {
    const auto found = entries_.find(ages_.front().key);
    if (found != entries_.end() && found->second.number == ages_.front().number) {
      bytes_ -= size_of(found->first, *found->second.stored);
      entries_.erase(found);
    }
    ages_.pop_front();
  }
}

}  // namespace leat::api
