#pragma once

#include <cstddef>

#include "runtime/sync.h"

namespace leat::http {

// The memory that the bodies of one shard's requests may take together. What a body takes first is of another budget than
// the rest: small bodies never wait for large ones, and one that announces much takes much only when it sends. Nobody who
// has some of the rest waits for more, so those who wait do not wait for each other.
struct BodyBudgets {
  static constexpr std::size_t kStart = std::size_t{64} << 10;

  // At least one body of `body_size_max` fits.
  BodyBudgets(std::size_t limit, std::size_t body_size_max);

  runtime::Budget starts;
  runtime::Budget rests;
};

// What one body takes of them; given back at the end.
class Room {
 public:
  explicit Room(BodyBudgets& budgets) : budgets_(budgets) {}
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;
  ~Room() { shrink(0); }

  // Takes room for the beginning of a body of `size`, if there is.
  [[nodiscard]] bool try_start(std::size_t size);
  // The same; returns once there is.
  runtime::Task<> start(std::size_t size);
  // Whether a body of which `arrived` is there goes on behind the room that it has.
  [[nodiscard]] bool must_grow(std::size_t arrived) const { return rest_ == 0 && start_ < size_ && arrived >= start_; }
  // Returns once there is room for all of it.
  runtime::Task<> grow();
  // Gives back what is above `size`.
  void shrink(std::size_t size);

 private:
  BodyBudgets& budgets_;
  std::size_t size_ = 0;
  std::size_t start_ = 0;
  std::size_t rest_ = 0;
};

}  // namespace leat::http
