#include "base/json_object.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace leat {
namespace {

namespace ondemand = simdjson::ondemand;

static_assert(JsonParser::kPadding >= simdjson::SIMDJSON_PADDING);

// What a parser keeps for the next document.
constexpr std::size_t kKeptCapacityMax = std::size_t{1} << 20;

std::unexpected<Error> refuse(simdjson::error_code error, std::string_view expected = "") {
  if (error == simdjson::INCORRECT_TYPE) return fail(Errc::invalid_argument, fmt::format("is no {}", expected));
  return fail(Errc::invalid_argument, fmt::format("is no JSON: {}", simdjson::error_message(error)));
}

std::string_view without_trailing_space(std::string_view text) {
  return text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
}

simdjson::error_code read_value(ondemand::value value, JsonValue& out) {
  ondemand::json_type type{};
  if (const auto error = value.type().get(type)) return error;
  out.is_text = type == ondemand::json_type::string;
  if (out.is_text) return value.get_string().get(out.text);
  simdjson::error_code error{};
  if (type == ondemand::json_type::object) {
    ondemand::object object;
    error = value.get_object().get(object);
    if (!error) error = object.raw_json().get(out.text);
  } else if (type == ondemand::json_type::array) {
    ondemand::array array;
    error = value.get_array().get(array);
    if (!error) error = array.raw_json().get(out.text);
  } else {
    out.text = value.raw_json_token();
  }
  out.text = without_trailing_space(out.text);
  return error;
}

simdjson::error_code read_members(ondemand::document& document, std::vector<JsonObject::Member>& members) {
  ondemand::object object;
  if (const auto error = document.get_object().get(object)) return error;
  for (auto field : object) {
    ondemand::field found;
    JsonObject::Member& member = members.emplace_back();
    if (const auto error = std::move(field).get(found)) return error;
    if (const auto error = found.unescaped_key().get(member.name)) return error;
    if (const auto error = read_value(found.value(), member.value)) return error;
  }
  return simdjson::SUCCESS;
}

simdjson::error_code read_items(ondemand::document& document, std::vector<JsonValue>& items) {
  ondemand::array array;
  if (const auto error = document.get_array().get(array)) return error;
  for (auto item : array) {
    ondemand::value value;
    if (const auto error = std::move(item).get(value)) return error;
    if (const auto error = read_value(value, items.emplace_back())) return error;
  }
  return simdjson::SUCCESS;
}

// simdjson refuses numbers that fit no type it has. This is for those, and slow.
bool is_json(std::string_view text) {
  bool is_deep = false;
  const auto keep = [&is_deep](int depth, nlohmann::json::parse_event_t, const nlohmann::json&) {
    is_deep |= depth > JsonParser::kDepthMax;
    return !is_deep;
  };
  const auto parsed = nlohmann::json::parse(text, keep, /*allow_exceptions=*/false);
  return !parsed.is_discarded() && !is_deep;
}

}  // namespace

std::optional<std::int64_t> JsonValue::integer() const {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [behind, error] = std::from_chars(text.data(), end, number);
  if (is_text || error != std::errc() || behind != end) return std::nullopt;
  return number;
}

const JsonValue* JsonObject::find(std::string_view name) const {
  const auto found = std::ranges::find(members_, name, &Member::name);
  return found == members_.end() || found->value.is_null() ? nullptr : &found->value;
}

class JsonParser::State {
 public:
  // Calls `read` with the document, which is `expected`.
  template <class Read>
  Status parse(std::string_view json, bool is_padded, std::string_view expected, Read read) {
    if (parser_.capacity() > kKeptCapacityMax) parser_ = ondemand::parser();
    if (padded_.capacity() > kKeptCapacityMax) std::string().swap(padded_);
    if (!is_padded) {
      padded_.reserve(json.size() + kPadding);
      padded_ = json;
      json = padded_;
    }
    ondemand::document document;
    simdjson::error_code error = parser_.iterate(json.data(), json.size(), json.size() + kPadding).get(document);
    if (!error) error = read(document);
    if (error) return refuse(error, expected);
    if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) return refuse(simdjson::TRAILING_CONTENT);
    return {};
  }

  // Of a value to the last: its parts.
  Status check(std::string_view json) {
    if (checker_.capacity() > kKeptCapacityMax) checker_ = simdjson::dom::parser();
    simdjson::error_code error{};
    if (checker_.max_depth() != kDepthMax) error = checker_.allocate(checker_.capacity(), kDepthMax);
    if (!error) error = checker_.parse(json.data(), json.size()).error();
    const bool may_be_large = error == simdjson::NUMBER_ERROR;
    if (!error || (may_be_large && is_json(json))) return {};
    return refuse(error);
  }

 private:
  ondemand::parser parser_;
  simdjson::dom::parser checker_;
  std::string padded_;
};

JsonParser::JsonParser() : state_(std::make_unique<State>()) {}
JsonParser::~JsonParser() = default;

Result<JsonObject> JsonParser::parse_object(std::string_view json, bool is_padded) {
  std::vector<JsonObject::Member> members;
  LEAT_CHECK(
      state_->parse(json, is_padded, "JSON object", [&](auto& document) { return read_members(document, members); }));
  return JsonObject(std::move(members));
}

Result<std::vector<JsonValue>> JsonParser::parse_list(std::string_view json, bool is_padded) {
  std::vector<JsonValue> items;
  LEAT_CHECK(state_->parse(json, is_padded, "list", [&](auto& document) { return read_items(document, items); }));
  return items;
}

Result<std::string> JsonParser::minified(std::string_view json) {
  LEAT_CHECK(state_->check(json));
  std::string out(json.size() + kPadding, '\0');
  std::size_t size = 0;
  if (const auto error = simdjson::minify(json.data(), json.size(), out.data(), size)) return refuse(error);
  out.resize(size);
  return out;
}

}  // namespace leat
