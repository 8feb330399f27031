#include "protocol/api/record_json.h"

#include "base/json_text.h"
#include "queue/message.h"
#include "security/base64.h"

namespace leat::api {
namespace {

constexpr std::string_view kMembers[] = {"key",     "key_base64", "value",    "value_base64",
                                         "headers", "partition",  "timestamp"};

Outcome<ParsedRecord> record_of(const JsonObject& object) {
  LEAT_CHECK(check_members(object, kMembers, "a record"));
  return record_members(object);
}

}  // namespace

Outcome<ParsedRecord> record_members(const JsonObject& object) {
  ParsedRecord record;
  LEAT_TRY(record.key, bytes_member("key", object));
  LEAT_TRY(record.value, bytes_member("value", object));
  LEAT_TRY(record.headers, headers_member(object));
  LEAT_TRY(const auto partition, integer_member("partition", 0, INT32_MAX, object));
  if (partition) record.partition = static_cast<std::int32_t>(*partition);
  LEAT_TRY(record.timestamp, integer_member("timestamp", 0, INT64_MAX, object));
  return record;
}

Outcome<std::vector<ParsedRecord>> parse_records(std::string_view json, std::size_t records_max) {
  return parse_items<ParsedRecord>(json, "records", records_max, record_of);
}

Outcome<ParsedRecord> parse_record(std::string_view json) {
  LEAT_TRY(const JsonObject root, parse_object(json, Level::root, false));
  return record_of(root);
}

void append_bytes_member(std::string_view name, const std::optional<BytesView>& bytes, std::string& out) {
  out += ",\"";
  out += name;
  if (!bytes) {
    out += "\":null";
  } else if (is_utf8(as_text(*bytes))) {
    out += "\":";
    append_json_text(as_text(*bytes), out);
  } else {
    out += "_base64\":\"";
    out += security::base64(as_text(*bytes));
    out += '"';
  }
}

Status append_headers_member(BytesView raw_headers, bool hides_own, std::string& out) {
  LEAT_TRY(const auto headers, log::decode_record_headers(raw_headers));
  bool is_first = true;
  for (const log::RecordHeader& header : headers) {
    if (hides_own && queue::is_reserved_header(header.key)) continue;
    out += std::exchange(is_first, false) ? R"(,"headers":[{"key":)" : R"(,{"key":)";
    append_json_text(is_utf8(header.key) ? header.key : "\uFFFD", out);
    append_bytes_member("value", header.value, out);
    out += '}';
  }
  if (!is_first) out += ']';
  return {};
}

Status append_record(std::string_view topic, std::int32_t partition, const log::RecordView& record, std::string& out) {
  out += R"({"topic":)";
  append_json_text(topic, out);
  fmt::format_to(std::back_inserter(out), R"(,"partition":{},"offset":{},"timestamp":{})", partition,
                 record.offset.value(), record.timestamp.value());
  append_bytes_member("key", record.key, out);
  append_bytes_member("value", record.value, out);
  LEAT_CHECK(append_headers_member(record.raw_headers, false, out));
  out += '}';
  return {};
}

}  // namespace leat::api
