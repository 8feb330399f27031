#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "keyspace/memory.h"

namespace leat::keyspace {

// What a key holds that is not a string: List, Hash, Set, ZSet, Stream.
class Value : public Counted {
 public:
  Value() = default;
  Value(const Value&) = delete;
  Value& operator=(const Value&) = delete;
  virtual ~Value() = default;
  // Bytes in use, its own included. May count a sample of the elements and reckon the rest.
  [[nodiscard]] virtual std::size_t memory() const = 0;
  // What it costs to free it: about as many allocations. A large one is freed by another thread than the owner's.
  [[nodiscard]] virtual std::size_t elements() const = 0;
  // What OBJECT ENCODING tells.
  [[nodiscard]] virtual std::string_view encoding() const = 0;
  // Another with the same content.
  [[nodiscard]] virtual std::unique_ptr<Value> copy() const = 0;
};

}  // namespace leat::keyspace
