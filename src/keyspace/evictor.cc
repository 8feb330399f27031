#include "keyspace/evictor.h"

#include <algorithm>

namespace leat::keyspace {

bool Evictor::is_candidate(const Entry& entry) const { return !is_volatile(keyspace_.policy()) || entry.has_expiry(); }

bool Evictor::evict_one() {
  switch (keyspace_.policy()) {
    case EvictionPolicy::noeviction: return false;
    case EvictionPolicy::allkeys_random:
    case EvictionPolicy::volatile_random: return evict_random();
    case EvictionPolicy::volatile_ttl: return evict_earliest();
    case EvictionPolicy::allkeys_lru:
    case EvictionPolicy::allkeys_lfu:
    case EvictionPolicy::allkeys_fifo:
    case EvictionPolicy::volatile_lru:
    case EvictionPolicy::volatile_lfu:
    case EvictionPolicy::volatile_fifo: return evict_best();
  }
  return false;
}

bool Evictor::evict_random() {
  const std::uint32_t databases = keyspace_.databases();
  for (std::uint32_t i = 0; i < databases; ++i) {
    Database& database = keyspace_.database(next_database_);
    next_database_ = (next_database_ + 1) % databases;
    const std::size_t expiring = database.volatile_size();
    if (is_volatile(keyspace_.policy())) {
      if (expiring == 0) continue;
      database.evict(database.expiries().at(keyspace_.random() % expiring));
      return true;
    }
    if (Entry* entry = database.table().random(keyspace_.random())) {
      database.evict(*entry);
      return true;
    }
  }
  return false;
}

bool Evictor::evict_earliest() {
  Database* earliest = nullptr;
  for (std::uint32_t i = 0; i < keyspace_.databases(); ++i) {
    Database& database = keyspace_.database(i);
    if (database.volatile_size() == 0) continue;
    const Millis next = database.expiries().earliest();
    if (earliest == nullptr || next < earliest->expiries().earliest()) earliest = &database;
  }
  if (earliest == nullptr) return false;
  earliest->evict(earliest->expiries().first());
  return true;
}

std::uint64_t Evictor::score_of(const Entry& entry) const {
  if (is_lfu(keyspace_.policy())) return 255 - lfu_frequency(entry.clock(), keyspace_.now(), keyspace_.lfu());
  return idle_seconds(entry.clock(), keyspace_.now());
}

void Evictor::consider(Database& database, const Entry& entry) {
  const std::uint64_t score = score_of(entry);
  const auto same = [&](const Candidate& one) { return one.database == database.index() && one.key == entry.key(); };
  const auto end = pool_.begin() + static_cast<std::ptrdiff_t>(pool_size_);
  if (std::any_of(pool_.begin(), end, same)) return;
  if (pool_size_ == kPoolMax) {
    if (score <= pool_[0].score) return;
    std::rotate(pool_.begin(), pool_.begin() + 1, pool_.end());  // the least goes
    --pool_size_;
  }
  pool_[pool_size_] = {score, database.index(), std::string(entry.key())};
  for (std::size_t at = pool_size_++; at > 0 && pool_[at - 1].score > score; --at) std::swap(pool_[at - 1], pool_[at]);
}

void Evictor::fill_pool() {
  for (std::uint32_t i = 0; i < keyspace_.databases(); ++i) {
    Database& database = keyspace_.database(i);
    if (!is_volatile(keyspace_.policy())) {
      Table<Entry>& table = database.table();
      const std::size_t found =
          table.sample(samples_, keyspace_.random(), [&](Entry& entry) { consider(database, entry); });
      // A sample of a table that lost most of its keys may meet none of those that are left.
      if (found == 0 && !table.empty()) consider(database, *table.random(keyspace_.random()));
      continue;
    }
    const std::size_t count = database.volatile_size();
    for (std::size_t n = 0; n < std::min(samples_, count); ++n)
      consider(database, database.expiries().at(keyspace_.random() % count));
  }
}

// A candidate may have changed or gone since it was looked at.
bool Evictor::evict_best() {
  while (true) {
    fill_pool();
    if (pool_size_ == 0) return false;
    while (pool_size_ > 0) {
      const Candidate best = std::move(pool_[--pool_size_]);
      Database& database = keyspace_.database(best.database);
      Entry* entry = database.table().find(best.key);
      if (entry == nullptr || !is_candidate(*entry)) continue;
      database.evict(*entry);
      return true;
    }
  }
}

}  // namespace leat::keyspace
