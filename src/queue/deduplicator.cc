#include "queue/deduplicator.h"

#include <xxhash.h>

namespace leat::queue {

Deduplicator::Key Deduplicator::key(std::string_view scope, std::string_view id) {
  const XXH128_hash_t inner = XXH3_128bits(scope.data(), scope.size());
  const XXH128_hash_t hash = XXH3_128bits_withSeed(id.data(), id.size(), inner.low64 ^ inner.high64);
  return {hash.low64, hash.high64};
}

const Deduplicator::Original* Deduplicator::find(const Key& key, Timestamp now, Milliseconds window) {
  const auto found = originals_.find(key);
  if (found == originals_.end() || found->second.sent <= now - window.count()) return nullptr;
  const GroupAppender::GroupPtr& group = found->second.ticket.group;
  if (group != nullptr && group->is_finished() && !group->status()) return nullptr;
  return &found->second;
}

bool Deduplicator::has_room(Timestamp now, Milliseconds window) {
  expire(now - window.count());
  return originals_.size() < count_max_;
}

void Deduplicator::add(const Key& key, Original original) {
  const Timestamp last = order_.empty() ? original.sent : order_.back().first;
  order_.emplace_back(std::max(last, original.sent), key);
  originals_.insert_or_assign(key, std::move(original));
}

void Deduplicator::expire(Timestamp before) {
  while (!order_.empty() && order_.front().first <= before) {
    const auto found = originals_.find(order_.front().second);
    if (found != originals_.end() && found->second.sent <= before) originals_.erase(found);
    order_.pop_front();
  }
}

}  // namespace leat::queue
