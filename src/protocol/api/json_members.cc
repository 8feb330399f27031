#include "protocol/api/json_members.h"

#include <algorithm>
#include <array>

#include "base/json_text.h"
#include "security/base64.h"

namespace leat::api {
namespace {

static_assert(http::HttpRequest::kBodyPadding >= JsonParser::kPadding);

JsonParser& parser_of(Level level) {
  thread_local std::array<JsonParser, 5> parsers;
  return parsers.at(static_cast<std::size_t>(level));
}

// Of any value: its JSON, checked to the last.
Result<std::string> minified(std::string_view json) { return parser_of(Level::root).minified(json); }

template <class Parsed>
Outcome<Parsed> outcome_of(Result<Parsed> parsed) {
  if (!parsed) return invalid_body(fmt::format("it {}", parsed.error().message));
  return std::move(*parsed);
}

Outcome<ParsedHeaders> headers_of(const JsonObject& named) {
  ParsedHeaders headers;
  for (const auto& [name, value] : named.members()) {
    if (!value.is_text && !value.is_null()) return invalid_body(fmt::format("header '{}' is no text", name));
    headers.emplace_back(name, value.is_text ? std::optional<std::string>(value.text) : std::nullopt);
  }
  return headers;
}

}  // namespace

std::unexpected<Problem> invalid_body(std::string detail) { return refuse(400, "invalid-body", std::move(detail)); }

Outcome<> check_members(const JsonObject& object, std::span<const std::string_view> known, std::string_view what) {
  for (const auto& [name, value] : object.members()) {
    if (std::ranges::find(known, name) == known.end())
      return invalid_body(fmt::format("{} has no member '{}'", what, name));
  }
  return {};
}

Outcome<std::optional<std::int64_t>> integer_member(std::string_view name, std::int64_t min, std::int64_t max,
                                                    const JsonObject& object) {
  const JsonValue* found = object.find(name);
  if (found == nullptr) return std::nullopt;
  const auto value = found->integer();
  if (!value || *value < min || *value > max)
    return invalid_body(fmt::format("{} is no integer from {} to {}", name, min, max));
  return value;
}

Outcome<std::optional<std::string>> text_member(std::string_view name, const JsonObject& object) {
  const JsonValue* found = object.find(name);
  if (found == nullptr) return std::nullopt;
  if (!found->is_text) return invalid_body(fmt::format("{} is no text", name));
  return std::string(found->text);
}

Outcome<std::optional<std::string>> bytes_member(std::string_view name, const JsonObject& object) {
  const std::string encoded_name = fmt::format("{}_base64", name);
  LEAT_TRY(const auto encoded, text_member(encoded_name, object));
  const JsonValue* found = object.find(name);
  if (encoded) {
    if (found != nullptr) return invalid_body(fmt::format("there are {0} and {0}_base64", name));
    auto bytes = security::base64_decoded(*encoded);
    if (!bytes) return invalid_body(fmt::format("{} is no base64", encoded_name));
    return std::move(*bytes);
  }
  if (found == nullptr) return std::nullopt;
  if (found->is_text) return std::string(found->text);
  auto json = minified(found->text);
  if (!json) return invalid_body(fmt::format("{} {}", name, json.error().message));
  return std::move(*json);
}

Outcome<ParsedHeaders> headers_member(const JsonObject& object) {
  const JsonValue* found = object.find("headers");
  if (found == nullptr) return ParsedHeaders();
  if (!found->is_text && found->text.starts_with('{')) {
    LEAT_TRY(const JsonObject named, parse_object(*found, Level::headers));
    return headers_of(named);
  }
  if (found->is_text || !found->text.starts_with('[')) return invalid_body("headers are neither an object nor a list");
  LEAT_TRY(const auto list, parse_list(*found, Level::headers));
  ParsedHeaders headers;
  constexpr std::string_view kMembers[] = {"key", "value", "value_base64"};
  for (const JsonValue& item : list) {
    LEAT_TRY(const JsonObject header, parse_object(item, Level::header));
    LEAT_CHECK(check_members(header, kMembers, "a header"));
    LEAT_TRY(auto key, text_member("key", header));
    if (!key) return invalid_body("a header has no key");
    LEAT_TRY(auto value, bytes_member("value", header));
    headers.emplace_back(std::move(*key), std::move(value));
  }
  return headers;
}

Outcome<std::string> json_text(const JsonValue& value) {
  if (value.is_text) {
    std::string text;
    append_json_text(value.text, text);
    return text;
  }
  return outcome_of(minified(value.text));
}

Outcome<JsonObject> parse_object(std::string_view json, Level level, bool is_padded) {
  return outcome_of(parser_of(level).parse_object(json, is_padded));
}

Outcome<JsonObject> parse_object(const JsonValue& value, Level level) {
  if (value.is_text) return invalid_body("it is no JSON object");
  return parse_object(value.text, level, true);
}

Outcome<std::vector<JsonValue>> parse_list(const JsonValue& value, Level level) {
  if (value.is_text) return invalid_body("it is no list");
  return outcome_of(parser_of(level).parse_list(value.text, true));
}

}  // namespace leat::api
