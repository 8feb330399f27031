#include "cli/json_record.h"

#include <nlohmann/json.hpp>

#include "base/json_object.h"
#include "base/json_text.h"
#include "cli/time_text.h"

namespace leat::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// Where in a line: what was read of one lives until the next one.
struct Parsers {
  JsonParser record;
  JsonParser headers;
  JsonParser header;
};

Parsers& parsers() {
  thread_local Parsers all;
  return all;
}

// The members NAME and NAME_base64. A string as it is, null as nothing, and anything else as its JSON text.
Result<std::optional<std::string>> read_bytes(const JsonObject& object, const std::string& name) {
  if (const JsonValue* encoded = object.find(name + "_base64")) {
    if (!encoded->is_text) return fail(Errc::invalid_argument, fmt::format("\"{}_base64\" is no text", name));
    auto bytes = from_base64(encoded->text);
    if (!bytes) return fail(Errc::invalid_argument, fmt::format("\"{}_base64\" {}", name, bytes.error().message));
    return std::move(*bytes);
  }
  const JsonValue* found = object.find(name);
  if (found == nullptr) return std::nullopt;
  if (found->is_text) return std::string(found->text);
  auto json = parsers().record.minified(found->text);
  if (!json) return fail(Errc::invalid_argument, fmt::format("\"{}\" {}", name, json.error().message));
  return std::move(*json);
}

Status read_headers(const JsonValue& headers, TextRecord& record) {
  const auto fault = [] {
    return fail(Errc::invalid_argument, "\"headers\" is neither an object nor a list of {\"key\", \"value\"}");
  };
  if (headers.is_text) return fault();
  if (headers.text.starts_with('{')) {
    LEAT_TRY(const JsonObject named, parsers().headers.parse_object(headers.text, true));
    for (const auto& [name, value] : named.members()) {
      LEAT_TRY(auto bytes, read_bytes(JsonObject({{"value", value}}), "value"));
      record.headers.emplace_back(name, std::move(bytes));
    }
    return {};
  }
  const auto list = parsers().headers.parse_list(headers.text, true);
  if (!list) return fault();
  for (const JsonValue& item : *list) {
    const auto header = parsers().header.parse_object(item.is_text ? "" : item.text, !item.is_text);
    const JsonValue* name = header ? header->find("key") : nullptr;
    if (name == nullptr || !name->is_text) return fault();
    LEAT_TRY(auto value, read_bytes(*header, "value"));
    record.headers.emplace_back(name->text, std::move(value));
  }
  return {};
}

Status read_timestamp(const JsonValue& value, TextRecord& record) {
  if (const auto number = value.integer()) {
    record.timestamp = number;
  } else if (value.is_text) {
    LEAT_TRY(record.timestamp, parse_time(value.text, wall_clock_ms()));
  } else {
    return fail(Errc::invalid_argument, "\"timestamp\" is neither a number of milliseconds nor a time");
  }
  return {};
}

void write_bytes(Json& object, const std::string& name, const std::optional<BytesView>& bytes) {
  if (!bytes) {
    object[name] = nullptr;
  } else if (is_utf8(as_text(*bytes))) {
    object[name] = as_text(*bytes);
  } else {
    object[name + "_base64"] = to_base64(*bytes);
  }
}

}  // namespace

Result<TextRecord> parse_json_record(std::string_view line) {
  LEAT_TRY(const JsonObject object, parsers().record.parse_object(line));
  TextRecord record;
  LEAT_TRY(record.key, read_bytes(object, "key"));
  LEAT_TRY(record.value, read_bytes(object, "value"));
  if (const JsonValue* headers = object.find("headers")) LEAT_CHECK(read_headers(*headers, record));
  if (const JsonValue* partition = object.find("partition")) {
    const auto number = partition->integer();
    if (!number || *number < 0 || *number > INT32_MAX)
      return fail(Errc::invalid_argument, "\"partition\" is no number of a partition");
    record.partition = static_cast<std::int32_t>(*number);
  }
  if (const JsonValue* timestamp = object.find("timestamp")) LEAT_CHECK(read_timestamp(*timestamp, record));
  return record;
}

std::string render_json_record(const RecordPlace& place, const log::RecordView& record,
                               const std::vector<log::RecordHeader>& headers) {
  Json object{{"topic", place.topic},
              {"partition", place.partition},
              {"offset", record.offset.value()},
              {"timestamp", record.timestamp.value()}};
  write_bytes(object, "key", record.key);
  write_bytes(object, "value", record.value);
  if (!headers.empty()) {
    Json& list = object["headers"] = Json::array();
    for (const log::RecordHeader& header : headers) {
      Json& entry = list.emplace_back(Json{{"key", header.key}});
      write_bytes(entry, "value", header.value);
    }
  }
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string to_base64(BytesView bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t here = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) group = group << 8 | (i < here ? static_cast<std::uint32_t>(bytes[at + i]) : 0);
    for (std::size_t i = 0; i < 4; ++i) text += i <= here ? kBase64[group >> (18 - 6 * i) & 63] : '=';
  }
  return text;
}

Result<std::string> from_base64(std::string_view text) {
  const auto bad = [] { return fail(Errc::invalid_argument, "is no base64"); };
  if (text.size() % 4 != 0) return bad();
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  text.remove_suffix(padding);
  std::string bytes;
  std::uint32_t group = 0;
  int bits = 0;
  for (const char c : text) {
    const auto digit = kBase64.find(c);
    if (digit == std::string_view::npos) return bad();
    group = group << 6 | static_cast<std::uint32_t>(digit);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>(group >> bits & 0xFF);
    }
  }
  return bytes;
}

}  // namespace leat::cli
