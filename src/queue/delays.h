#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "queue/index.h"
#include "queue/lanes.h"

namespace leat::queue {

// Messages of unordered queues that nobody has got yet and that are not due, earliest first: the next ones in memory, the
// rest in the index. Part of an engine; what it holds is never journalled.
class Delays {
 public:
  // At most so many in memory; above, the later half goes to the index.
  explicit Delays(std::size_t count_max = 16'384) : count_max_(count_max) {}

  // After a restart: the index holds delayed messages. See Lanes::expect_cold.
  void expect_cold();
  void allow_loads() { hold_loads_ = false; }
  void clear();

  void add(DelayEntry entry);
  // The next message if it is due, with the key of its index entry if it has one.
  struct Due {
    DelayEntry entry;
    std::optional<std::string> index_key;
  };
  [[nodiscard]] std::optional<Due> take_due(Timestamp now);
  // When the earliest known one is due.
  [[nodiscard]] std::optional<Timestamp> next_due() const;

  void collect_work(IndexWork& work, std::uint64_t& next_load);
  // True when `loaded` answers this.
  [[nodiscard]] bool loaded(const IndexLoaded& loaded);
  void save_all(IndexWork& work);
  // An entry of the index could not be read.
  [[nodiscard]] bool is_broken() const { return broken_; }

  // Whether something is to come from the index.
  [[nodiscard]] bool is_loading() const { return load_ != 0 || wants_load(); }
  // In memory and, roughly, in the index: those put there since the start.
  [[nodiscard]] std::uint64_t size() const { return entries_.size() + spilled_count_; }

 private:
  using Key = std::pair<Timestamp, Offset>;
  struct Held {
    DelayEntry entry;
    bool indexed = false;
  };
  void put(const DelayEntry& entry);
  void shrink();
  [[nodiscard]] bool wants_load() const { return border_ && !is_next_here() && load_ == 0 && !hold_loads_; }
  // Whether the next message is in memory, none in the index being before it.
  [[nodiscard]] bool is_next_here() const {
    return !entries_.empty() && (!border_ || entries_.begin()->first < *border_);
  }

  std::size_t count_max_;
  std::map<Key, Held> entries_;
  // The index may hold entries at or behind it that are not in memory; nullopt: it holds none.
  std::optional<Key> border_;
  bool hold_loads_ = false;
  bool broken_ = false;
  std::uint64_t load_ = 0;             // under way; 0: none
  std::optional<Key> put_since_load_;  // the least
  std::uint64_t spilled_count_ = 0;
  std::vector<IndexEntry> puts_;
};

}  // namespace leat::queue
