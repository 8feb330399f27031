#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

namespace leat::keyspace {

enum class Type : std::uint8_t { string, list, set, zset, hash, stream };

// What TYPE replies.
[[nodiscard]] std::string_view to_string(Type type);

class Hash;
class List;
class Set;
class Stream;
class ZSet;

template <class T>
struct TypeOf;
template <>
struct TypeOf<Hash> : std::integral_constant<Type, Type::hash> {};
template <>
struct TypeOf<List> : std::integral_constant<Type, Type::list> {};
template <>
struct TypeOf<Set> : std::integral_constant<Type, Type::set> {};
template <>
struct TypeOf<ZSet> : std::integral_constant<Type, Type::zset> {};
template <>
struct TypeOf<Stream> : std::integral_constant<Type, Type::stream> {};

// What a key holds that is not a string, in the room of one pointer: a Hash, Set or ZSet itself, as these are of that size; a
// List or Stream behind a pointer. Which it is, is kept beside it and given to each function. A copy of its bytes takes its
// place; whoever has it last destroys it.
class Object {
 public:
  Object() = default;
  template <class T>
  explicit Object(T value) {
    if constexpr (kIsInPlace<T>) {
      new (room_) T(std::move(value));
    } else {
      new (room_) T*(new T(std::move(value)));
    }
  }

  template <class T>
  [[nodiscard]] T& as() const {
    if constexpr (kIsInPlace<T>) {
      return *std::launder(reinterpret_cast<T*>(room_));
    } else {
      return **std::launder(reinterpret_cast<T**>(room_));
    }
  }

  // Bytes in use, but for those of the pointer. May count a sample of the elements and reckon the rest.
  [[nodiscard]] std::size_t memory(Type type) const;
  // What it costs to free it: about as many allocations. A large one is freed by another thread than the owner's.
  [[nodiscard]] std::size_t elements(Type type) const;
  // What OBJECT ENCODING tells.
  [[nodiscard]] std::string_view encoding(Type type) const;
  // Another with the same content.
  [[nodiscard]] Object clone(Type type) const;
  void destroy(Type type);

 private:
  template <class T>
  static constexpr bool kIsInPlace = sizeof(T) == sizeof(void*);

  alignas(void*) mutable std::byte room_[sizeof(void*)];
};

// An object with its type, of which it is the owner: it is in no database yet, or no more.
class Value {
 public:
  Value() = default;  // nothing
  template <class T>
    requires requires { TypeOf<T>::value; }
  Value(T value) : type_(TypeOf<T>::value), object_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Value(Type type, Object object) : type_(type), object_(object) {}
  Value(Value&& other) noexcept : type_(std::exchange(other.type_, kNothing)), object_(other.object_) {}
  Value& operator=(Value&& other) noexcept {
    std::swap(type_, other.type_);
    std::swap(object_, other.object_);
    return *this;
  }
  ~Value() {
    if (*this) object_.destroy(type_);
  }

  explicit operator bool() const { return type_ != kNothing; }
  [[nodiscard]] Type type() const { return type_; }
  [[nodiscard]] const Object& object() const { return object_; }
  template <class T>
  [[nodiscard]] T& as() const {
    return object_.as<T>();
  }
  // It is the caller's to destroy.
  [[nodiscard]] Object release() {
    type_ = kNothing;
    return object_;
  }

 private:
  static constexpr Type kNothing = Type::string;

  Type type_ = kNothing;
  Object object_;
};

}  // namespace leat::keyspace
