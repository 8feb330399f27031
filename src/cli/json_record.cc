#include "cli/json_record.h"

#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "cli/time_text.h"

namespace leat::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// A string as it is, null as nothing, and anything else as its JSON text.
std::optional<std::string> text_of(const Json& value) {
  if (value.is_null()) return std::nullopt;
  if (value.is_string()) return value.get<std::string>();
  return value.dump();
}

Result<std::optional<std::string>> read_bytes(const Json& object, const std::string& name) {
  if (const auto encoded = object.find(name + "_base64"); encoded != object.end()) {
    if (!encoded->is_string()) return fail(Errc::invalid_argument, fmt::format("\"{}_base64\" is no text", name));
    auto bytes = from_base64(encoded->get_ref<const std::string&>());
    if (!bytes) return fail(Errc::invalid_argument, fmt::format("\"{}_base64\" {}", name, bytes.error().message));
    return std::move(*bytes);
  }
  const auto found = object.find(name);
  return found == object.end() ? std::nullopt : text_of(*found);
}

Status read_headers(const Json& headers, TextRecord& record) {
  if (headers.is_object()) {
    for (const auto& [name, value] : headers.items()) record.headers.emplace_back(name, text_of(value));
    return {};
  }
  for (const Json& header : headers) {
    const auto name = header.is_object() ? header.find("key") : header.end();
    if (name == header.end() || !name->is_string())
      return fail(Errc::invalid_argument, "\"headers\" is neither an object nor a list of {\"key\", \"value\"}");
    LEAT_TRY(auto value, read_bytes(header, "value"));
    record.headers.emplace_back(name->get<std::string>(), std::move(value));
  }
  return {};
}

Status read_timestamp(const Json& value, TextRecord& record) {
  if (value.is_number_integer()) {
    record.timestamp = value.get<std::int64_t>();
  } else if (value.is_string()) {
    LEAT_TRY(record.timestamp, parse_time(value.get_ref<const std::string&>(), wall_clock_ms()));
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
  const Json object = Json::parse(line, nullptr, false);
  if (!object.is_object()) return fail(Errc::invalid_argument, "is no JSON object");
  TextRecord record;
  LEAT_TRY(record.key, read_bytes(object, "key"));
  LEAT_TRY(record.value, read_bytes(object, "value"));
  if (const auto headers = object.find("headers"); headers != object.end() && !headers->is_null())
    LEAT_CHECK(read_headers(*headers, record));
  if (const auto partition = object.find("partition"); partition != object.end() && !partition->is_null()) {
    if (!partition->is_number_integer() || partition->get<std::int64_t>() < 0 ||
        partition->get<std::int64_t>() > INT32_MAX)
      return fail(Errc::invalid_argument, "\"partition\" is no number of a partition");
    record.partition = partition->get<std::int32_t>();
  }
  if (const auto timestamp = object.find("timestamp"); timestamp != object.end() && !timestamp->is_null())
    LEAT_CHECK(read_timestamp(*timestamp, record));
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
