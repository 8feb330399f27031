#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "keyspace/memory.h"
#include "keyspace/stream_block.h"
#include "keyspace/stream_group.h"

namespace leat::keyspace {

// The value of a stream key: entries in the order of their ids, each with fields, and groups of consumers.
class Stream : public Counted {
 public:
  using Entry = StreamBlock::Entry;
  using Groups = NamedMap<StreamGroup>;

  Stream() = default;

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::string_view encoding() const { return "stream"; }
  // Bytes in use; see Object for these two.
  [[nodiscard]] std::size_t memory() const;
  [[nodiscard]] std::size_t elements() const;
  [[nodiscard]] Stream clone() const;

  // The greatest id that was ever given; the first entry's (zero: there is none); the greatest id that was deleted; and how
  // many entries were ever added.
  [[nodiscard]] StreamId last_id() const { return last_id_; }
  [[nodiscard]] StreamId first_id() const { return first_id_; }
  [[nodiscard]] StreamId max_deleted_id() const { return max_deleted_id_; }
  [[nodiscard]] std::uint64_t entries_added() const { return entries_added_; }
  void set_last_id(StreamId id) { last_id_ = id; }
  void set_max_deleted_id(StreamId id) { max_deleted_id_ = id; }
  void set_entries_added(std::uint64_t count) { entries_added_ = count; }
  // The id of the last entry that is there; zero: none is.
  [[nodiscard]] StreamId last_entry_id() const;

  // `id` is above last_id(), and `words` are names and values by turns.
  void append(StreamId id, std::span<const std::string_view> words);
  // False: there is no such entry.
  bool erase(StreamId id);
  [[nodiscard]] bool contains(StreamId id) const;

  // What to trim to: at most `length` entries, or none below `min`. `approximate`: only whole blocks go, and at most `limit`
  // entries (0: no limit).
  struct Trim {
    std::optional<std::uint64_t> length;
    StreamId min;
    bool approximate = false;
    std::uint64_t limit = 0;
  };
  // How many entries went.
  std::size_t trim(const Trim& trim);

  // Calls `use` with the entries of [from, to], as long as it returns true.
  template <class F>
  void for_each(StreamId from, StreamId to, F&& use) const;
  template <class F>
  void for_each_backwards(StreamId from, StreamId to, F&& use) const;

  [[nodiscard]] Groups& groups() { return groups_; }
  [[nodiscard]] const Groups& groups() const { return groups_; }
  // nullptr: there is none.
  [[nodiscard]] StreamGroup* group(std::string_view name);
  // False: there was one already.
  bool create_group(std::string_view name, StreamId last, std::int64_t entries_read);

  // Whether an entry behind `id`, or this one, may have been deleted.
  [[nodiscard]] bool has_gaps_from(StreamId id) const;
  // How many of all entries ever added are up to `id`; kUnknown when that cannot be told.
  [[nodiscard]] std::int64_t count_up_to(StreamId id) const;
  // How many entries a group has before it; nullopt: that cannot be told.
  [[nodiscard]] std::optional<std::int64_t> lag(const StreamGroup& group) const;
  // The group's next entry is delivered.
  void advance(StreamGroup& group, StreamId id) const;

  [[nodiscard]] std::span<const StreamBlock> blocks() const { return {blocks_.begin() + gone_, blocks_.end()}; }
  // How many nodes Redis's radix tree of these blocks has.
  [[nodiscard]] std::size_t radix_tree_nodes() const;
  // For loading: blocks in their order. False: its ids do not follow those before.
  bool add_block(StreamBlock block);

 private:
  // The first block that may hold `id` or greater ids, counted from gone_.
  [[nodiscard]] std::size_t block_of(StreamId id) const;
  [[nodiscard]] std::optional<Entry> find(StreamId id, std::size_t& block) const;
  [[nodiscard]] bool needs_new_block(std::span<const std::string_view> words) const;
  void drop_first_block();
  void drop_block(std::size_t index);
  void find_first_id();
  std::size_t trim_within_first_block(const Trim& trim);

  // Those before gone_ are empty: blocks are dropped at the front often, and room is made only now and then.
  Vector<StreamBlock> blocks_;
  std::ptrdiff_t gone_ = 0;
  std::size_t size_ = 0;
  StreamId last_id_;
  StreamId first_id_;
  StreamId max_deleted_id_;
  std::uint64_t entries_added_ = 0;
  Groups groups_;
};

template <class F>
void Stream::for_each(StreamId from, StreamId to, F&& use) const {
  const auto all = blocks();
  for (std::size_t i = block_of(from); i < all.size() && all[i].id() <= to; ++i) {
    for (auto entry = all[i].first(); entry; entry = all[i].next(*entry)) {
      if (entry->id() < from || entry->is_deleted()) continue;
      if (entry->id() > to || !use(*entry)) return;
    }
  }
}

template <class F>
void Stream::for_each_backwards(StreamId from, StreamId to, F&& use) const {
  const auto all = blocks();
  if (all.empty() || all.front().id() > to) return;
  for (std::size_t i = block_of(to) + 1; i-- > 0;) {
    for (auto entry = all[i].last(); entry; entry = all[i].previous(*entry)) {
      if (entry->id() > to || entry->is_deleted()) continue;
      if (entry->id() < from || !use(*entry)) return;
    }
  }
}

}  // namespace leat::keyspace
