#include "keyspace/expiry_heap.h"

#include <algorithm>

namespace leat::keyspace {

void ExpiryHeap::set(Entry& entry, Millis when) {
  const Slot slot{when, &entry};
  if (entry.expiry_slot_ == 0) {
    slots_.push_back(slot);
    sift_up(slots_.size() - 1, slot);
    return;
  }
  const std::size_t index = entry.expiry_slot_ - 1;
  if (when < slots_[index].when) {
    sift_up(index, slot);
  } else {
    sift_down(index, slot);
  }
}

void ExpiryHeap::remove(Entry& entry) {
  if (entry.expiry_slot_ == 0) return;
  const std::size_t index = entry.expiry_slot_ - 1;
  entry.expiry_slot_ = 0;
  const Slot last = slots_.back();
  slots_.pop_back();
  if (index == slots_.size()) return;
  if (index > 0 && last.when < slots_[(index - 1) / kChildren].when) {
    sift_up(index, last);
  } else {
    sift_down(index, last);
  }
}

void ExpiryHeap::sift_up(std::size_t index, Slot slot) {
  while (index > 0) {
    const std::size_t parent = (index - 1) / kChildren;
    if (slots_[parent].when <= slot.when) break;
    place(index, slots_[parent]);
    index = parent;
  }
  place(index, slot);
}

void ExpiryHeap::sift_down(std::size_t index, Slot slot) {
  while (true) {
    const std::size_t first = index * kChildren + 1;
    if (first >= slots_.size()) break;
    const std::size_t end = std::min(first + kChildren, slots_.size());
    std::size_t least = first;
    for (std::size_t child = first + 1; child < end; ++child) {
      if (slots_[child].when < slots_[least].when) least = child;
    }
    if (slots_[least].when >= slot.when) break;
    place(index, slots_[least]);
    index = least;
  }
  place(index, slot);
}

}  // namespace leat::keyspace
