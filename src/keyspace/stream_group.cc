#include "keyspace/stream_group.h"

namespace leat::keyspace {
namespace {

constexpr std::size_t kTreeNodeBytes = 32;

std::size_t text_memory(const String& text) { return text.capacity() < 16 ? 0 : rounded_size(text.capacity() + 1); }

}  // namespace

StreamGroup::Consumer* StreamGroup::find(std::string_view name) {
  const auto found = consumers_.find(name);
  return found == consumers_.end() ? nullptr : &*found;
}

StreamGroup::Consumer& StreamGroup::create(std::string_view name, std::int64_t seen_at) {
  Consumer& consumer = *consumers_.try_emplace(String(name)).first;
  consumer.second.seen_at = seen_at;
  return consumer;
}

void StreamGroup::erase(Consumer& consumer) {
  for (const auto* entry : consumer.second.pending) pending_.erase(entry->first);
  consumers_.erase(consumers_.find(consumer.first));
}

PendingEntries::value_type* StreamGroup::find_pending(StreamId id) {
  const auto found = pending_.find(id);
  return found == pending_.end() ? nullptr : &*found;
}

PendingEntries::value_type& StreamGroup::assign(StreamId id, Consumer& consumer) {
  // Ids rise for the most part.
  auto& entry = *pending_.try_emplace(pending_.end(), id);
  Consumer* const before = std::exchange(entry.second.consumer, &consumer);
  if (before == &consumer) return entry;
  if (before != nullptr) before->second.pending.erase(&entry);
  consumer.second.pending.insert(consumer.second.pending.end(), &entry);
  return entry;
}

bool StreamGroup::acknowledge(StreamId id) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return false;
  found->second.consumer->second.pending.erase(&*found);
  pending_.erase(found);
  return true;
}

std::size_t StreamGroup::memory() const {
  std::size_t bytes = pending_.size() * (rounded_size(kTreeNodeBytes + sizeof(PendingEntries::value_type)) +
                                         rounded_size(kTreeNodeBytes + sizeof(void*)));
  for (const Consumer& consumer : consumers_)
    bytes += rounded_size(kTreeNodeBytes + sizeof consumer) + text_memory(consumer.first);
  return bytes;
}

void StreamGroup::copy_to(StreamGroup& other) const {
  for (const Consumer& consumer : consumers_) other.create(consumer.first, consumer.second.seen_at);
  for (const auto& [id, entry] : pending_) {
    PendingEntry& copy = other.assign(id, *other.find(entry.consumer->first)).second;
    copy.delivered_at = entry.delivered_at;
    copy.deliveries = entry.deliveries;
  }
}

}  // namespace leat::keyspace
