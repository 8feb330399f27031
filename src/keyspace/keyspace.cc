#include "keyspace/keyspace.h"

namespace leat::keyspace {

Keyspace::Keyspace(std::uint32_t databases, std::uint64_t seed, Observer& observer)
    : observer_(observer), random_(seed) {
  for (std::uint32_t i = 0; i < databases; ++i) databases_.push_back(std::make_unique<Database>(*this, i));
}

void Keyspace::set_now(Millis now) {
  now_ = now;
  seconds_ = seconds_clock(now);
}

void Keyspace::refresh_next_expiry() {
  next_expiry_ = std::numeric_limits<Millis>::max();
  for (const auto& database : databases_) {
    if (const auto next = database->next_expiry()) expires_at(*next);
  }
}

void Keyspace::removed(Database& database, std::string_view key, Removal why) {
  effects_.add(database.index(), {"DEL", key});
  observer_.removed(database, key, why);
  modified(database, key);
}

void Keyspace::fields_expired(Database& database, std::string_view key, std::span<const std::string> fields,
                              bool emptied) {
  stats_.expired_fields.add(fields.size());
  std::vector<std::string_view> words{"HDEL", key};
  words.insert(words.end(), fields.begin(), fields.end());
  effects_.add(database.index(), words);
  observer_.fields_expired(database, key, emptied);
  modified(database, key);
}

void Keyspace::begin_clock(Entry& entry) const { entry.set_clock(is_lfu(policy_) ? lfu_begin(now_) : seconds_); }

void Keyspace::touch(Entry& entry) {
  if (is_fifo(policy_) || !touches_) return;
  entry.set_clock(is_lfu(policy_) ? lfu_used(entry.clock(), now_, lfu_, random_()) : seconds_);
}

}  // namespace leat::keyspace
