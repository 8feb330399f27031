#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace leat::keyspace {

// A set of integers, sorted in one block, byte for byte Redis's intset: the width of each in bytes (2, 4 or 8) and their
// count, both 32 bits, then the integers, all little endian. The width grows with the first integer that needs it and
// never shrinks.
class IntSet {
 public:
  IntSet() = default;
  IntSet(IntSet&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  IntSet& operator=(IntSet&& other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~IntSet() { clear(); }
  [[nodiscard]] IntSet clone() const;
  // Refuses bytes that are not an intset with at least one integer, whatever they are.
  [[nodiscard]] static Result<IntSet> validate_and_adopt(std::string_view bytes);

  [[nodiscard]] bool empty() const { return block_ == nullptr; }
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] bool contains(std::int64_t value) const;
  // In ascending order; `index` is below size().
  [[nodiscard]] std::int64_t at(std::size_t index) const;
  // Whether the value was not there, or was.
  bool add(std::int64_t value);
  bool remove(std::int64_t value);
  void clear();

  // The set as it is dumped.
  [[nodiscard]] std::string_view bytes() const;
  [[nodiscard]] std::size_t memory() const;

 private:
  struct Found {
    std::size_t index;  // of the value, or of the first larger one
    bool is_there;
  };
  [[nodiscard]] Found find(std::int64_t value) const;
  [[nodiscard]] std::size_t width() const;
  [[nodiscard]] std::size_t total() const;
  void widen(std::size_t width);

  unsigned char* block_ = nullptr;  // nothing for an empty set
};

}  // namespace leat::keyspace
