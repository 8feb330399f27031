#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string_view>
#include <unordered_map>

#include "queue/group_appender.h"

namespace leat::queue {

// What was sent to a partition lately, by deduplication id: enough to answer a repeated send with its first outcome. Ids are
// kept as 128-bit hashes.
class Deduplicator {
 public:
  explicit Deduplicator(std::size_t count_max = 2'000'000) : count_max_(count_max) {}

  using Key = std::array<std::uint64_t, 2>;
  // Of an id within a scope: a message group, or "" for all of the queue.
  [[nodiscard]] static Key key(std::string_view scope, std::string_view id);

  struct Original {
    GroupAppender::Ticket ticket;  // without a group when it was read from the log
    Offset offset;                 // then
    Timestamp sent;
  };
  // nullptr: nothing of that id since `now - window`. A send that failed counts as nothing.
  [[nodiscard]] const Original* find(const Key& key, Timestamp now, Milliseconds window);
  // Whether one more may be remembered.
  [[nodiscard]] bool has_room(Timestamp now, Milliseconds window);
  void add(const Key& key, Original original);
  // Forgets what was sent at or before `before`.
  void expire(Timestamp before);

 private:
  struct Hash {
    std::size_t operator()(const Key& key) const { return key[0]; }
  };
  std::size_t count_max_;
  std::unordered_map<Key, Original, Hash> originals_;
  std::deque<std::pair<Timestamp, Key>> order_;  // by when they were sent
};

}  // namespace leat::queue
