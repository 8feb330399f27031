#pragma once

#include <cstdint>
#include <map>

#include "base/bytes.h"
#include "base/result.h"
#include "base/types.h"

struct roaring_bitmap_s;  // NOLINT(readability-identifier-naming): the library's

namespace leat::queue {

// A compressed set of offsets at or above 0 (Roaring bitmaps): a few bits for each offset between the least and the
// greatest at worst, hardly anything for neighbours.
class OffsetSet {
 public:
  OffsetSet() = default;
  OffsetSet(const OffsetSet&) = delete;
  OffsetSet& operator=(const OffsetSet&) = delete;
  ~OffsetSet() { clear(); }

  void add(Offset offset) { add(offset, offset + 1); }
  void add(Offset first, Offset end);
  void remove(Offset first, Offset end);
  void clear();
  [[nodiscard]] bool contains(Offset offset) const;
  [[nodiscard]] bool empty() const { return parts_.empty(); }
  [[nodiscard]] std::uint64_t size() const;
  // How many of [first, end) are in it.
  [[nodiscard]] std::uint64_t count(Offset first, Offset end) const;

  // As docs/formats/queue-journal.md has it in snapshots, without the size in front.
  [[nodiscard]] Bytes encode() const;
  // Error: corrupt; then the set is empty.
  [[nodiscard]] Status decode(BytesView bytes);

 private:
  std::map<std::uint32_t, roaring_bitmap_s*> parts_;  // by the offsets' upper halves; none is empty
};

}  // namespace leat::queue
