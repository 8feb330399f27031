#include "protocol/api/json_members.h"

#include <algorithm>

#include "security/base64.h"

namespace leat::api {
namespace {

namespace dom = simdjson::dom;

// A parser keeps memory for the largest document it has seen.
constexpr std::size_t kKeptParserCapacityMax = std::size_t{1} << 20;
constexpr std::size_t kDepthMax = 64;

static_assert(http::HttpRequest::kBodyPadding >= simdjson::SIMDJSON_PADDING);

Outcome<ParsedHeaders> headers_of(const dom::object& named) {
  ParsedHeaders headers;
  for (const auto& member : named) {
    std::string_view text;
    const bool is_text = member.value.get_string().get(text) == simdjson::SUCCESS;
    if (!is_text && !member.value.is_null()) return invalid_body(fmt::format("header '{}' is no text", member.key));
    headers.emplace_back(member.key, is_text ? std::optional<std::string>(text) : std::nullopt);
  }
  return headers;
}

}  // namespace

std::unexpected<Problem> invalid_body(std::string detail) { return refuse(400, "invalid-body", std::move(detail)); }

Outcome<> check_members(const dom::element& object, std::span<const std::string_view> known, std::string_view what) {
  dom::object members;
  if (object.get_object().get(members)) return invalid_body(fmt::format("{} is no JSON object", what));
  for (const auto& member : members) {
    if (std::ranges::find(known, member.key) == known.end())
      return invalid_body(fmt::format("{} has no member '{}'", what, member.key));
  }
  return {};
}

Outcome<std::optional<std::int64_t>> integer_member(std::string_view name, std::int64_t min, std::int64_t max,
                                                    const dom::element& object) {
  dom::element found;
  if (object[name].get(found) || found.is_null()) return std::nullopt;
  std::int64_t value = 0;
  if (found.get_int64().get(value) || value < min || value > max)
    return invalid_body(fmt::format("{} is no integer from {} to {}", name, min, max));
  return value;
}

Outcome<std::optional<std::string>> text_member(std::string_view name, const dom::element& object) {
  dom::element found;
  if (object[name].get(found) || found.is_null()) return std::nullopt;
  std::string_view text;
  if (found.get_string().get(text)) return invalid_body(fmt::format("{} is no text", name));
  return std::string(text);
}

Outcome<std::optional<std::string>> bytes_member(std::string_view name, const dom::element& object) {
  dom::element found;
  const std::string encoded_name = fmt::format("{}_base64", name);
  LEAT_TRY(const auto encoded, text_member(encoded_name, object));
  const bool is_there = object[name].get(found) == simdjson::SUCCESS;
  if (encoded) {
    if (is_there) return invalid_body(fmt::format("there are {0} and {0}_base64", name));
    auto bytes = security::base64_decoded(*encoded);
    if (!bytes) return invalid_body(fmt::format("{} is no base64", encoded_name));
    return std::move(*bytes);
  }
  if (!is_there || found.is_null()) return std::nullopt;
  std::string_view text;
  if (found.get_string().get(text) == simdjson::SUCCESS) return std::string(text);
  return simdjson::minify(found);
}

Outcome<ParsedHeaders> headers_member(const dom::element& object) {
  dom::element found;
  if (object["headers"].get(found) || found.is_null()) return ParsedHeaders();
  dom::object named;
  if (found.get_object().get(named) == simdjson::SUCCESS) return headers_of(named);
  dom::array list;
  if (found.get_array().get(list)) return invalid_body("headers are neither an object nor a list");
  ParsedHeaders headers;
  constexpr std::string_view kMembers[] = {"key", "value", "value_base64"};
  for (const dom::element item : list) {
    LEAT_CHECK(check_members(item, kMembers, "a header"));
    LEAT_TRY(auto key, text_member("key", item));
    if (!key) return invalid_body("a header has no key");
    LEAT_TRY(auto value, bytes_member("value", item));
    headers.emplace_back(std::move(*key), std::move(value));
  }
  return headers;
}

Outcome<dom::element> parse_json(std::string_view json, bool is_padded) {
  thread_local dom::parser parser;
  if (parser.capacity() > kKeptParserCapacityMax) parser = dom::parser();
  if (parser.max_depth() != kDepthMax && parser.allocate(parser.capacity(), kDepthMax) != simdjson::SUCCESS)
    return invalid_body("there is no memory for it");
  dom::element root;
  if (const auto error = parser.parse(json.data(), json.size(), !is_padded).get(root); error != simdjson::SUCCESS)
    return invalid_body(fmt::format("it is no JSON: {}", simdjson::error_message(error)));
  return root;
}

}  // namespace leat::api
