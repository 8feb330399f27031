#pragma once

#include <cstdint>

#include "keyspace/entry.h"

namespace leat::keyspace {

// Milliseconds since the epoch, as clients give and read them.
using Millis = std::int64_t;

// When the keys of one database expire, earliest first. Each entry knows its place, so that it can leave early.
class ExpiryHeap {
 public:
  [[nodiscard]] std::size_t size() const { return slots_.size(); }
  // The earliest; only when not empty.
  [[nodiscard]] Millis earliest() const { return slots_.front().when; }
  [[nodiscard]] Entry& first() const { return *slots_.front().entry; }
  [[nodiscard]] Entry& at(std::size_t index) const { return *slots_[index].entry; }

  [[nodiscard]] Millis when(const Entry& entry) const { return slots_[entry.expiry_slot_ - 1].when; }
  void set(Entry& entry, Millis when);
  void remove(Entry& entry);
  // `with` takes the place of `old`: the entry has moved.
  void replace(const Entry& old, Entry& with) {
    with.expiry_slot_ = old.expiry_slot_;
    if (with.expiry_slot_ != 0) slots_[with.expiry_slot_ - 1].entry = &with;
  }
  void clear() { slots_ = {}; }
  [[nodiscard]] std::size_t memory() const { return slots_.capacity() * sizeof(Slot); }

 private:
  struct Slot {
    Millis when;
    Entry* entry;
  };
  static constexpr std::size_t kChildren = 4;

  void place(std::size_t index, Slot slot) {
    slots_[index] = slot;
    slot.entry->expiry_slot_ = static_cast<std::uint32_t>(index + 1);
  }
  void sift_up(std::size_t index, Slot slot);
  void sift_down(std::size_t index, Slot slot);

  Vector<Slot> slots_;
};

}  // namespace leat::keyspace
