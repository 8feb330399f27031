#include "keyspace/field_times.h"

namespace leat::keyspace {
namespace {

// What a node of a tree has beside its value.
constexpr std::size_t kNodeBytes = 32;

std::size_t text_bytes(const String& text) {
  return text.capacity() < sizeof(String) / 2 ? 0 : rounded_size(text.capacity() + 1);
}

}  // namespace

std::optional<Millis> FieldTimes::when(std::string_view field) const {
  const auto at = times_.find(field);
  return at == times_.end() ? std::nullopt : std::optional(at->second);
}

void FieldTimes::set(std::string_view field, Millis when) {
  auto at = times_.find(field);
  if (at == times_.end()) {
    at = times_.emplace(field, when).first;
    text_bytes_ += text_bytes(at->first);
  } else {
    order_.erase({at->second, at->first});
    at->second = when;
  }
  order_.emplace(when, at->first);
}

bool FieldTimes::forget(std::string_view field) {
  const auto at = times_.find(field);
  if (at == times_.end()) return false;
  text_bytes_ -= text_bytes(at->first);
  order_.erase({at->second, at->first});
  times_.erase(at);
  return true;
}

std::size_t FieldTimes::memory() const {
  constexpr std::size_t kFieldBytes =
      rounded_size(kNodeBytes + sizeof(Times::value_type)) + rounded_size(kNodeBytes + sizeof(Order::value_type));
  return rounded_size(sizeof(FieldTimes)) + times_.size() * kFieldBytes + text_bytes_;
}

}  // namespace leat::keyspace
