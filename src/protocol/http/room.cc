#include "protocol/http/room.h"

namespace leat::http {
namespace {

std::size_t starts_of(std::size_t limit, std::size_t body_size_max) {
  return std::max(limit / 4, std::min(body_size_max, BodyBudgets::kStart));
}

}  // namespace

BodyBudgets::BodyBudgets(std::size_t limit, std::size_t body_size_max)
    : starts(starts_of(limit, body_size_max)), rests(std::max(limit - limit / 4, body_size_max)) {}

bool Room::try_start(std::size_t size) {
  const std::size_t amount = std::min(size, BodyBudgets::kStart);
  if (!budgets_.starts.try_reserve(amount)) return false;
  size_ = size;
  start_ = amount;
  return true;
}

runtime::Task<> Room::start(std::size_t size) {
  const std::size_t amount = std::min(size, BodyBudgets::kStart);
  co_await budgets_.starts.reserve(amount);
  size_ = size;
  start_ = amount;
}

runtime::Task<> Room::grow() {
  const std::size_t amount = size_ - start_;
  co_await budgets_.rests.reserve(amount);
  rest_ = amount;
}

void Room::shrink(std::size_t size) {
  const std::size_t start = std::min(start_, size);
  const std::size_t rest = std::min(rest_, size - start);
  size_ = start + rest;
  if (start_ > start) budgets_.starts.release(start_ - start);
  if (rest_ > rest) budgets_.rests.release(rest_ - rest);
  start_ = start;
  rest_ = rest;
}

}  // namespace leat::http
