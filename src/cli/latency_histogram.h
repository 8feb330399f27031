#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace leat::cli {

// Durations in nanoseconds, counted in buckets no wider than 1/64 of their value, up to 2^42 ns (73 minutes). For one
// thread; those of several are added up afterwards.
class LatencyHistogram {
 public:
  void record(std::int64_t ns) {
    const auto value = static_cast<std::uint64_t>(ns < 0 ? 0 : ns);
    ++counts_[std::min(bucket_of(value), counts_.size() - 1)];
    ++count_;
    sum_ += value;
    max_ = std::max(max_, value);
  }
  void add(const LatencyHistogram& other) {
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    count_ += other.count_;
    sum_ += other.sum_;
    max_ = std::max(max_, other.max_);
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t max_ns() const { return max_; }
  [[nodiscard]] double mean_ns() const {
    return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_);
  }
  // The value that `fraction` of all are at or below (0.99: p99), to the bucket's precision; 0 when there is none.
  [[nodiscard]] std::uint64_t percentile_ns(double fraction) const {
    if (count_ == 0) return 0;
    const auto wanted =
        std::max<std::uint64_t>(1, static_cast<std::uint64_t>(fraction * static_cast<double>(count_) + 0.5));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen >= wanted) return std::min(highest_of(i), max_);
    }
    return max_;
  }

 private:
  static constexpr int kPrecisionBits = 7;
  static constexpr std::uint64_t kLinear = std::uint64_t{1} << kPrecisionBits;  // values below have a bucket each
  static constexpr int kMaxBits = 42;

  // Values of the same bit width share kLinear / 2 buckets of equal width.
  static std::size_t bucket_of(std::uint64_t value) {
    if (value < kLinear) return value;
    const int shift = std::bit_width(value) - kPrecisionBits;
    return static_cast<std::size_t>(shift) * (kLinear / 2) + static_cast<std::size_t>(value >> shift);
  }
  static std::uint64_t highest_of(std::size_t bucket) {
    if (bucket < kLinear) return bucket;
    const std::size_t shift = bucket / (kLinear / 2) - 1;
    const std::uint64_t lowest = static_cast<std::uint64_t>(bucket - shift * (kLinear / 2)) << shift;
    return lowest + (std::uint64_t{1} << shift) - 1;
  }

  std::array<std::uint64_t, (kMaxBits - kPrecisionBits + 2) * (kLinear / 2)> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace leat::cli
