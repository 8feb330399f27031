#pragma once

#include <simdjson.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/api/problem.h"
#include "protocol/http/message.h"

// Reading the JSON of records and messages, which comes by the million, member by member. All errors: 400, in words.
namespace leat::api {

using ParsedHeaders = std::vector<std::pair<std::string, std::optional<std::string>>>;

[[nodiscard]] std::unexpected<Problem> invalid_body(std::string detail);

// That `object` is one, and has none but these members. `what` it is.
[[nodiscard]] Outcome<> check_members(const simdjson::dom::element& object, std::span<const std::string_view> known,
                                      std::string_view what);
// nullopt: it has no such member, or null.
[[nodiscard]] Outcome<std::optional<std::int64_t>> integer_member(std::string_view name, std::int64_t min,
                                                                  std::int64_t max,
                                                                  const simdjson::dom::element& object);
[[nodiscard]] Outcome<std::optional<std::string>> text_member(std::string_view name,
                                                              const simdjson::dom::element& object);
// The members NAME and NAME_base64: bytes, if it has one of them. Anything but text and null is taken as its JSON text.
[[nodiscard]] Outcome<std::optional<std::string>> bytes_member(std::string_view name,
                                                               const simdjson::dom::element& object);
// "headers": an object, or a list of {"key", "value"}.
[[nodiscard]] Outcome<ParsedHeaders> headers_member(const simdjson::dom::element& object);

// Parses `json` on this thread. What it gives lives until the next call. `is_padded`: http::HttpRequest::kBodyPadding bytes
// behind it may be read.
[[nodiscard]] Outcome<simdjson::dom::element> parse_json(std::string_view json, bool is_padded);

// A body: one item, or {"NAME": [items]}, each read by `read`.
template <class Item, class Read>
[[nodiscard]] Outcome<std::vector<Item>> parse_list(std::string_view json, std::string_view name, std::size_t items_max,
                                                    Read read) {
  LEAT_TRY(const simdjson::dom::element root, parse_json(json, true));
  std::vector<Item> items;
  simdjson::dom::element list;
  if (root[name].get(list)) {
    LEAT_TRY(items.emplace_back(), read(root));
    return items;
  }
  LEAT_CHECK(check_members(root, {&name, 1}, "the body"));
  simdjson::dom::array elements;
  if (list.get_array().get(elements)) return invalid_body(fmt::format("{} is no list", name));
  if (elements.size() == 0 || elements.size() > items_max)
    return invalid_body(fmt::format("{} are 1 to {}", name, items_max));
  for (const simdjson::dom::element element : elements) {
    auto item = read(element);
    if (!item) return invalid_body(fmt::format("{}[{}]: {}", name, items.size(), item.error().detail));
    items.push_back(std::move(*item));
  }
  return items;
}

}  // namespace leat::api
