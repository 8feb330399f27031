#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

namespace leat {

// Counters that one thread writes and any thread reads. A write is a plain load and store: no locked instruction.
class Counter {
 public:
  void add(std::uint64_t n = 1) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  void set(std::int64_t v) { value_.store(v, std::memory_order_relaxed); }
  void add(std::int64_t n) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

// Durations in microseconds, counted in buckets whose upper bounds are powers of two: 1 µs, 2 µs, … 2^26 µs (67 s), +Inf.
class Histogram {
 public:
  static constexpr std::size_t kBuckets = 28;

  void record_us(std::uint64_t us) {
    const auto bucket = us <= 1 ? 0 : static_cast<std::size_t>(std::bit_width(us - 1));
    buckets_[bucket < kBuckets ? bucket : kBuckets - 1].add();
    sum_us_.add(us);
  }
  [[nodiscard]] std::uint64_t bucket(std::size_t i) const { return buckets_[i].value(); }
  // The upper bound of bucket i in microseconds; the last one has none.
  [[nodiscard]] static std::uint64_t bound_us(std::size_t i) { return std::uint64_t{1} << i; }
  [[nodiscard]] std::uint64_t sum_us() const { return sum_us_.value(); }

 private:
  std::array<Counter, kBuckets> buckets_;
  Counter sum_us_;
};

}  // namespace leat
