#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

// How messages are declared: each is a struct of plain values and a table of its fields (model.cc), which both codecs walk.
// Texts are borrowed, from the request when they come in and from whatever the handler keeps when they go out; one that is
// absent has no data() (an empty one has).
namespace leat::aws {

struct Blob {
  std::string_view bytes;
};

// An entry of a map.
template <class T>
struct Named {
  std::string_view name;
  T value;
};

enum class Kind : std::uint8_t { text, integer, boolean, blob, texts, structs, text_map, struct_map };

struct Shape;

struct Field {
  std::string_view name;        // in JSON
  std::string_view query_name;  // in the Query form and in XML; of lists and maps: of each entry, or "List.entry"
  Kind kind = Kind::text;
  bool is_required = false;  // of an input: it must be there; of an output: a list is there even when it is empty
  std::string_view key_name = "Name";  // of a map's entries in the Query form and in XML
  std::string_view value_name = "Value";
  const Shape* shape = nullptr;  // of the structs in it

  void* (*at)(void* object) = nullptr;
  // Of lists and maps, whose entries are Named<>.
  std::size_t (*size)(const void* list) = nullptr;
  void* (*entry)(void* list, std::size_t index) = nullptr;
  void* (*append)(void* list) = nullptr;
  std::string_view* (*entry_name)(void* entry) = nullptr;
  void* (*entry_value)(void* entry) = nullptr;

  [[nodiscard]] const void* in(const void* object) const { return at(const_cast<void*>(object)); }
};

struct Shape {
  std::span<const Field> fields;
};

inline constexpr Shape kNothing{};

// The shape of S; specialized in model.h for each struct that lists or maps hold.
template <class S>
inline constexpr const Shape* kShapeOf = nullptr;

namespace detail {

template <class M>
struct MemberOf;
template <class S, class T>
struct MemberOf<T S::*> {
  using Struct = S;
  using Type = T;
};

template <class T>
struct KindOf {
  static constexpr Kind kKind = Kind::structs;
};
template <>
struct KindOf<std::string_view> {
  static constexpr Kind kKind = Kind::text;
};
template <>
struct KindOf<std::optional<std::int64_t>> {
  static constexpr Kind kKind = Kind::integer;
};
template <>
struct KindOf<std::optional<bool>> {
  static constexpr Kind kKind = Kind::boolean;
};
template <>
struct KindOf<Blob> {
  static constexpr Kind kKind = Kind::blob;
};

template <class T>
struct ListOps {
  static std::size_t size(const void* list) { return static_cast<const std::vector<T>*>(list)->size(); }
  static void* entry(void* list, std::size_t index) { return &(*static_cast<std::vector<T>*>(list))[index]; }
  static void* append(void* list) { return &static_cast<std::vector<T>*>(list)->emplace_back(); }
  static constexpr void set(Field& field) {
    field.size = size;
    field.entry = entry;
    field.append = append;
  }
};

template <class T>
std::string_view* name_of(void* entry) {
  return &static_cast<Named<T>*>(entry)->name;
}
template <class T>
void* value_of(void* entry) {
  return &static_cast<Named<T>*>(entry)->value;
}

template <class T>
struct Describe {
  static constexpr void set(Field& field) { field.kind = KindOf<T>::kKind; }
};
template <class T>
struct Describe<std::vector<T>> {
  static constexpr void set(Field& field) {
    field.kind = KindOf<T>::kKind == Kind::structs ? Kind::structs : Kind::texts;
    field.shape = kShapeOf<T>;
    ListOps<T>::set(field);
  }
};
template <class T>
struct Describe<std::vector<Named<T>>> {
  static constexpr void set(Field& field) {
    field.kind = KindOf<T>::kKind == Kind::structs ? Kind::struct_map : Kind::text_map;
    field.shape = kShapeOf<T>;
    field.entry_name = name_of<T>;
    field.entry_value = value_of<T>;
    ListOps<Named<T>>::set(field);
  }
};

template <auto First, auto... Rest>
void* reach(void* object) {
  auto& member = static_cast<typename MemberOf<decltype(First)>::Struct*>(object)->*First;
  if constexpr (sizeof...(Rest) == 0) {
    return &member;
  } else {
    return reach<Rest...>(&member);
  }
}

template <auto First, auto... Rest>
struct LastType {
  using Type = typename LastType<Rest...>::Type;
};
template <auto Only>
struct LastType<Only> {
  using Type = typename MemberOf<decltype(Only)>::Type;
};

}  // namespace detail

// field<&S::member>("Name"): a field of S. More members lead into structs that S holds: their fields are S's.
template <auto... Path>
constexpr Field field(std::string_view name, std::string_view query_name = {}) {
  Field made;
  made.name = name;
  made.query_name = query_name.empty() ? name : query_name;
  made.at = detail::reach<Path...>;
  detail::Describe<typename detail::LastType<Path...>::Type>::set(made);
  return made;
}

constexpr Field required(Field field) {
  field.is_required = true;
  return field;
}

constexpr Field keyed(Field field, std::string_view key_name) {
  field.key_name = key_name;
  return field;
}

}  // namespace leat::aws
