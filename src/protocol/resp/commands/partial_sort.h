#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <span>
#include <utility>

namespace leat::resp {

// Puts the elements into order so far that the first `count` of them are in their places. Elements that are equal come in the
// order that this very algorithm leaves them in, which clients see: the quicksort of Bentley and McIlroy ("Engineering a Sort
// Function", 1993), which leaves out the parts behind `count`, as Redis does. `compare(a, b)` is negative, zero or positive.
template <class T, class Compare>
class PartialSort {
 public:
  PartialSort(std::span<T> items, std::size_t count, Compare compare)
      : items_(items), count_(count), compare_(compare) {}
  void run() { sort(0, items_.size()); }

 private:
  static constexpr std::size_t kInsertionLimit = 7;
  static constexpr std::size_t kMedianOfNineMin = 41;

  [[nodiscard]] int order(std::size_t a, std::size_t b) const { return compare_(items_[a], items_[b]); }
  void swap(std::size_t a, std::size_t b) { std::swap(items_[a], items_[b]); }
  void swap(std::size_t a, std::size_t b, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) swap(a + i, b + i);
  }
  [[nodiscard]] std::size_t median(std::size_t a, std::size_t b, std::size_t c) const {
    if (order(a, b) < 0) return order(b, c) < 0 ? b : order(a, c) < 0 ? c : a;
    return order(b, c) > 0 ? b : order(a, c) < 0 ? a : c;
  }
  [[nodiscard]] std::size_t pivot(std::size_t first, std::size_t size) const {
    std::size_t middle = first + size / 2;
    if (size == kInsertionLimit) return middle;
    std::size_t low = first;
    std::size_t high = first + size - 1;
    if (size >= kMedianOfNineMin) {
      const std::size_t step = size / 8;
      low = median(low, low + step, low + 2 * step);
      middle = median(middle - step, middle, middle + step);
      high = median(high - 2 * step, high - step, high);
    }
    return median(low, middle, high);
  }
  void sort_by_insertion(std::size_t first, std::size_t size) {
    for (std::size_t i = first + 1; i < first + size; ++i) {
      for (std::size_t at = i; at > first && order(at - 1, at) > 0; --at) swap(at, at - 1);
    }
  }
  // What is equal to the first element gathers at both ends, and then moves to the middle. Returns the sizes of what is
  // below and above.
  std::pair<std::size_t, std::size_t> partition(std::size_t first, std::size_t size) {
    const std::size_t end = first + size;
    std::size_t equal_low = first + 1;
    std::size_t low = first + 1;
    std::size_t high = end;  // one behind what is looked at
    std::size_t equal_high = end;
    for (;;) {
      for (int sign = 0; low < high && (sign = order(low, first)) <= 0; ++low) {
        if (sign == 0) swap(equal_low++, low);
      }
      for (int sign = 0; low < high && (sign = order(high - 1, first)) >= 0; --high) {
        if (sign == 0) swap(high - 1, --equal_high);
      }
      if (low >= high) break;
      swap(low++, --high);
    }
    const std::size_t below = low - equal_low;
    const std::size_t above = equal_high - high;
    const std::size_t left = std::min(equal_low - first, below);
    swap(first, low - left, left);
    const std::size_t right = std::min(above, end - equal_high);
    swap(low, end - right, right);
    return {below, above};
  }
  void sort(std::size_t first, std::size_t size) {
    while (size >= kInsertionLimit) {
      swap(first, pivot(first, size));
      const auto [below, above] = partition(first, size);
      if (below > 1) sort(first, below);
      const std::size_t rest = first + size - above;
      if (above <= 1 || rest >= count_) return;
      first = rest;
      size = above;
    }
    sort_by_insertion(first, size);
  }

  std::span<T> items_;
  std::size_t count_;
  Compare compare_;
};

template <class T, class Compare>
void sort_partially(std::span<T> items, std::size_t count, Compare compare) {
  PartialSort<T, Compare>(items, count, compare).run();
}

}  // namespace leat::resp
