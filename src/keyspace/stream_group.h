#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string_view>

#include "base/types.h"
#include "keyspace/memory.h"
#include "keyspace/stream_id.h"
#include "keyspace/value.h"

namespace leat::keyspace {

template <class T>
using NamedMap = std::map<String, T, std::less<>, Allocator<std::pair<const String, T>>>;

struct StreamConsumer;

// An entry that was delivered to a consumer, who has not acknowledged it.
struct PendingEntry {
  std::pair<const String, StreamConsumer>* consumer = nullptr;
  std::int64_t delivered_at = 0;  // ms since the epoch
  std::uint64_t deliveries = 1;
};
using PendingEntries =
    std::map<StreamId, PendingEntry, std::less<>, Allocator<std::pair<const StreamId, PendingEntry>>>;

struct StreamConsumer {
  // The consumer's own part of the group's: pointers there, in the order of the ids.
  struct Less {
    using is_transparent = void;
    static StreamId id(const PendingEntries::value_type* entry) { return entry->first; }
    static StreamId id(StreamId id) { return id; }
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return id(a) < id(b);
    }
  };
  std::int64_t seen_at = 0;  // ms since the epoch
  std::set<PendingEntries::value_type*, Less, Allocator<PendingEntries::value_type*>> pending;
};

// Consumers that share a stream: each entry is delivered to one of them.
class StreamGroup {
 public:
  using Consumers = NamedMap<StreamConsumer>;
  using Consumer = Consumers::value_type;
  static constexpr std::int64_t kUnknown = -1;

  StreamGroup(StreamId last, std::int64_t read) : last_delivered(last), entries_read(read) {}
  StreamGroup(const StreamGroup&) = delete;
  StreamGroup& operator=(const StreamGroup&) = delete;

  [[nodiscard]] const Consumers& consumers() const { return consumers_; }
  [[nodiscard]] const PendingEntries& pending() const { return pending_; }

  // nullptr: there is none.
  [[nodiscard]] Consumer* find(std::string_view name);
  [[nodiscard]] const Consumer* find(std::string_view name) const { return const_cast<StreamGroup*>(this)->find(name); }
  Consumer& create(std::string_view name, std::int64_t seen_at);
  // With what is pending for it.
  void erase(Consumer& consumer);

  [[nodiscard]] PendingEntries::value_type* find_pending(StreamId id);
  // Makes the entry pending for this consumer, whether it was or not; the caller fills in the rest.
  PendingEntries::value_type& assign(StreamId id, Consumer& consumer);
  // False: it was not pending.
  bool acknowledge(StreamId id);

  [[nodiscard]] std::size_t memory() const;
  [[nodiscard]] std::size_t elements() const { return 2 * pending_.size() + consumers_.size(); }
  void copy_to(StreamGroup& other) const;

  StreamId last_delivered;
  // How many of all entries ever added were delivered; kUnknown: that cannot be told.
  std::int64_t entries_read;

 private:
  PendingEntries pending_;
  Consumers consumers_;
};

}  // namespace leat::keyspace
