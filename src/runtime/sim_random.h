#pragma once

#include <cstdint>

#include "base/types.h"

namespace leat::runtime::sim {

// Numbers that follow from a seed alone (splitmix64), the same on every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t mixed = state_ += 0x9E3779B97F4A7C15ULL;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
    return mixed ^ (mixed >> 31);
  }
  // 0 … bound - 1; bound > 0.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  bool chance(double probability) { return static_cast<double>(next() >> 11) * 0x1.0p-53 < probability; }
  Duration between(Duration min, Duration max) {
    if (max <= min) return min;
    return min + Duration(below(static_cast<std::uint64_t>((max - min).count()) + 1));
  }

 private:
  std::uint64_t state_;
};

struct DurationRange {
  Duration min{};
  Duration max{};
};

}  // namespace leat::runtime::sim
