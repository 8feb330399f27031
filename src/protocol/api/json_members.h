#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_object.h"
#include "protocol/api/problem.h"
#include "protocol/http/message.h"

// Reading the JSON of records and messages, which comes by the million, member by member. All errors: 400, in words.
namespace leat::api {

using ParsedHeaders = std::vector<std::pair<std::string, std::optional<std::string>>>;

[[nodiscard]] std::unexpected<Problem> invalid_body(std::string detail);

// That it has none but these members. `what` it is.
[[nodiscard]] Outcome<> check_members(const JsonObject& object, std::span<const std::string_view> known,
                                      std::string_view what);
// nullopt: it has no such member, or null.
[[nodiscard]] Outcome<std::optional<std::int64_t>> integer_member(std::string_view name, std::int64_t min,
                                                                  std::int64_t max, const JsonObject& object);
[[nodiscard]] Outcome<std::optional<std::string>> text_member(std::string_view name, const JsonObject& object);
// The members NAME and NAME_base64: bytes, if it has one of them. Anything but text and null is taken as its JSON text.
[[nodiscard]] Outcome<std::optional<std::string>> bytes_member(std::string_view name, const JsonObject& object);
// "headers": an object, or a list of {"key", "value"}.
[[nodiscard]] Outcome<ParsedHeaders> headers_member(const JsonObject& object);

// Where in a document an object or list is. What was read of one level lives until the next of that level on this thread.
enum class Level : std::uint8_t { root, list, item, headers, header };
// `is_padded`: JsonParser::kPadding bytes behind it may be read. They may behind whatever is inside of a document.
[[nodiscard]] Outcome<JsonObject> parse_object(std::string_view json, Level level, bool is_padded);
[[nodiscard]] Outcome<JsonObject> parse_object(const JsonValue& value, Level level);
[[nodiscard]] Outcome<std::vector<JsonValue>> parse_list(const JsonValue& value, Level level);

// The value's JSON without spaces between its parts. 400 when it is none.
[[nodiscard]] Outcome<std::string> json_text(const JsonValue& value);

// A body: one item, or {"NAME": [items]}, each read by `read`. http::HttpRequest::kBodyPadding bytes behind it may be read.
template <class Item, class Read>
[[nodiscard]] Outcome<std::vector<Item>> parse_items(std::string_view json, std::string_view name,
                                                     std::size_t items_max, Read read) {
  LEAT_TRY(const JsonObject root, parse_object(json, Level::root, true));
  std::vector<Item> items;
  const JsonValue* list = root.find(name);
  if (list == nullptr) {
    LEAT_TRY(items.emplace_back(), read(root));
    return items;
  }
  LEAT_CHECK(check_members(root, {&name, 1}, "the body"));
  LEAT_TRY(const std::vector<JsonValue> values, parse_list(*list, Level::list));
  if (values.empty() || values.size() > items_max) return invalid_body(fmt::format("{} are 1 to {}", name, items_max));
  for (const JsonValue& value : values) {
    const auto object = parse_object(value, Level::item);
    auto item = object ? read(*object) : Outcome<Item>(std::unexpected(object.error()));
    if (!item) return invalid_body(fmt::format("{}[{}]: {}", name, items.size(), item.error().detail));
    items.push_back(std::move(*item));
  }
  return items;
}

}  // namespace leat::api
