#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "keyspace/expiry_heap.h"
#include "keyspace/memory.h"

namespace leat::keyspace {

// When fields of one hash expire. Made for the first such field.
class FieldTimes : public Counted {
 public:
  [[nodiscard]] bool empty() const { return times_.empty(); }
  [[nodiscard]] std::optional<Millis> when(std::string_view field) const;
  void set(std::string_view field, Millis when);
  // Whether it had a time.
  bool forget(std::string_view field);
  // The earliest, and its field; only when not empty.
  [[nodiscard]] Millis earliest() const { return order_.begin()->first; }
  [[nodiscard]] std::string_view first() const { return order_.begin()->second; }
  // Gives each field with its time to `visit`, by their times.
  template <class F>
  void for_each(F visit) const {
    for (const auto& [when, field] : order_) visit(field, when);
  }
  [[nodiscard]] std::size_t memory() const;

  // The time under which the database knows the hash that these are of.
  Millis filed_under = 0;

 private:
  using Times = std::map<String, Millis, std::less<>, Allocator<std::pair<const String, Millis>>>;
  using Order =
      std::set<std::pair<Millis, std::string_view>, std::less<>, Allocator<std::pair<Millis, std::string_view>>>;

  Times times_;
  Order order_;  // views of the keys of times_
  std::size_t text_bytes_ = 0;
};

}  // namespace leat::keyspace
