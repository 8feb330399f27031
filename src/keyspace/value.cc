#include "keyspace/value.h"

#include <memory>

#include "keyspace/hash.h"
#include "keyspace/list.h"
#include "keyspace/set.h"
#include "keyspace/stream.h"
#include "keyspace/zset.h"

namespace leat::keyspace {
namespace {

// Calls `use` with the object as what it is.
template <class F>
auto visit(const Object& object, Type type, F use) -> decltype(use(object.as<Hash>())) {
  switch (type) {
    case Type::hash: return use(object.as<Hash>());
    case Type::list: return use(object.as<List>());
    case Type::set: return use(object.as<Set>());
    case Type::zset: return use(object.as<ZSet>());
    case Type::stream: return use(object.as<Stream>());
    case Type::string: break;
  }
  std::unreachable();
}

// Frees what Object made with `new`, or ends what is in place.
template <class T>
void end(T& value) {
  if constexpr (sizeof(T) == sizeof(void*)) {
    std::destroy_at(&value);
  } else {
    delete &value;
  }
}

}  // namespace

std::string_view to_string(Type type) {
  switch (type) {
    case Type::string: return "string";
    case Type::list: return "list";
    case Type::set: return "set";
    case Type::zset: return "zset";
    case Type::hash: return "hash";
    case Type::stream: return "stream";
  }
  return "none";
}

std::size_t Object::memory(Type type) const {
  return visit(*this, type, [](const auto& value) { return value.memory(); });
}

std::size_t Object::elements(Type type) const {
  return visit(*this, type, [](const auto& value) { return value.elements(); });
}

std::string_view Object::encoding(Type type) const {
  return visit(*this, type, [](const auto& value) { return value.encoding(); });
}

Object Object::clone(Type type) const {
  return visit(*this, type, [](const auto& value) { return Object(value.clone()); });
}

void Object::destroy(Type type) {
  visit(*this, type, [](auto& value) { end(value); });
}

}  // namespace leat::keyspace
