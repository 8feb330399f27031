#include "catalog/document.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

namespace leat::catalog {

using Json = nlohmann::json;

struct Document::State {
  std::string key;
  Json root;
  std::optional<Error> error;
};

bool is_text(std::string_view bytes) {
  try {
    (void)Json(bytes).dump();
    return true;
  } catch (const Json::type_error&) {
    return false;
  }
}

Document::Document(std::string_view key, std::string_view value, std::int64_t version)
    : state_(std::make_shared<State>()), object_(&state_->root) {
  state_->key = key;
  state_->root = Json::parse(value, nullptr, false);
  if (!state_->root.is_object()) {
    wrong("no JSON object");
    state_->root = Json::object();
    return;
  }
  const std::int64_t written = integer("v", 1, INT32_MAX);
  if (state_->error || written <= version) return;
  state_->error = Error{Errc::unsupported,
                        fmt::format("catalog entry '{}' has version {}, but this leat reads versions up to {}: a newer "
                                    "leat wrote it",
                                    key, written, version)};
}

const void* Document::find(const char* field) {
  const Json& object = *static_cast<const Json*>(object_);
  const auto at = object.find(field);
  if (at != object.end()) return &*at;
  wrong(fmt::format("no '{}'", field));
  return nullptr;
}

std::int64_t Document::integer(const char* field, std::int64_t min, std::int64_t max) {
  const auto* value = static_cast<const Json*>(find(field));
  return value == nullptr ? min : integer_of(value, field, min, max);
}

std::int64_t Document::integer_of(const void* json, const char* field, std::int64_t min, std::int64_t max) {
  const Json& value = *static_cast<const Json*>(json);
  const bool fits = value.is_number_integer() &&
                    !(value.is_number_unsigned() && value.get<std::uint64_t>() > std::uint64_t{INT64_MAX});
  if (fits && value.get<std::int64_t>() >= min && value.get<std::int64_t>() <= max) return value.get<std::int64_t>();
  wrong(fmt::format("'{}' is not an integer from {} to {}", field, min, max));
  return min;
}

std::vector<std::int64_t> Document::integers_of(const void* json, const char* field, std::int64_t min,
                                                std::int64_t max) {
  std::vector<std::int64_t> numbers;
  const auto* value = static_cast<const Json*>(json);
  if (value == nullptr || !value->is_array()) {
    wrong(fmt::format("'{}' is not a list", field));
    return numbers;
  }
  for (const Json& item : *value) numbers.push_back(integer_of(&item, field, min, max));
  return numbers;
}

std::vector<std::int64_t> Document::integers(const char* field, std::int64_t min, std::int64_t max) {
  return integers_of(find(field), field, min, max);
}

std::vector<std::vector<std::int64_t>> Document::integer_lists(const char* field, std::int64_t min, std::int64_t max) {
  std::vector<std::vector<std::int64_t>> lists;
  const auto* value = static_cast<const Json*>(find(field));
  if (value == nullptr || !value->is_array()) {
    wrong(fmt::format("'{}' is not a list", field));
    return lists;
  }
  for (const Json& item : *value) lists.push_back(integers_of(&item, field, min, max));
  return lists;
}

bool Document::flag(const char* field) {
  const auto* value = static_cast<const Json*>(find(field));
  if (value != nullptr && value->is_boolean()) return value->get<bool>();
  wrong(fmt::format("'{}' is not a flag", field));
  return false;
}

double Document::number(const char* field) {
  const auto* value = static_cast<const Json*>(find(field));
  if (value != nullptr && value->is_number()) return value->get<double>();
  wrong(fmt::format("'{}' is not a number", field));
  return 0;
}

Uuid Document::uuid(const char* field) {
  const auto id = Uuid::parse(text(field));
  if (id && !id->is_zero()) return *id;
  wrong(fmt::format("'{}' is not an id", field));
  return {};
}

std::map<std::string, std::string, std::less<>> Document::text_map(const char* field) {
  std::map<std::string, std::string, std::less<>> map;
  const auto* value = static_cast<const Json*>(find(field));
  if (value == nullptr || !value->is_object()) {
    wrong(fmt::format("'{}' is not a map", field));
    return map;
  }
  for (const auto& [name, item] : value->items()) {
    if (item.is_string()) {
      map.emplace(name, item.get<std::string>());
    } else {
      wrong(fmt::format("'{}' of '{}' is not text", name, field));
    }
  }
  return map;
}

std::string Document::text(const char* field) {
  const auto* value = static_cast<const Json*>(find(field));
  if (value != nullptr && value->is_string()) return value->get<std::string>();
  wrong(fmt::format("'{}' is not text", field));
  return {};
}

bool Document::has(const char* field) const { return static_cast<const Json*>(object_)->contains(field); }

std::vector<std::string> Document::texts(const char* field) {
  std::vector<std::string> texts;
  const auto* value = static_cast<const Json*>(find(field));
  if (value == nullptr || !value->is_array()) {
    wrong(fmt::format("'{}' is not a list", field));
    return texts;
  }
  for (const Json& item : *value) {
    if (item.is_string()) {
      texts.push_back(item.get<std::string>());
    } else {
      wrong(fmt::format("'{}' has what is not text", field));
    }
  }
  return texts;
}

std::size_t Document::one_of(const char* field, std::span<const std::string_view> words) {
  const auto found = std::ranges::find(words, text(field));
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  wrong(fmt::format("'{}' is none of those that it can be", field));
  return 0;
}

std::vector<Document> Document::list(const char* field) {
  std::vector<Document> items;
  const auto* value = static_cast<const Json*>(find(field));
  if (value == nullptr || !value->is_array()) {
    wrong(fmt::format("'{}' is not a list", field));
    return items;
  }
  for (const Json& item : *value) {
    if (item.is_object()) {
      items.push_back(Document(state_, &item));
    } else {
      wrong(fmt::format("'{}' has what is not an object", field));
    }
  }
  return items;
}

void Document::wrong(std::string_view what) {
  if (!state_->error)
    state_->error = Error{Errc::corrupt, fmt::format("catalog entry '{}' cannot be read: {}", state_->key, what)};
}

const Error* Document::error() const { return state_->error ? &*state_->error : nullptr; }

}  // namespace leat::catalog
