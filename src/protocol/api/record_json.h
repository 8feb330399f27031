#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "log/batch.h"
#include "protocol/api/json_members.h"
#include "protocol/api/problem.h"

// Records and bytes as JSON (NewRecord and Record in openapi.yaml).
namespace leat::api {

// A record to be published, as a client wrote it.
struct ParsedRecord {
  std::optional<std::string> key;
  std::optional<std::string> value;
  ParsedHeaders headers;
  std::optional<std::int32_t> partition;
  std::optional<std::int64_t> timestamp;
};

// The members of an object that make one. Error: 400.
[[nodiscard]] Outcome<ParsedRecord> record_members(const JsonObject& object);
// A body: one record, or {"records": [...]}. What follows `json` for http::HttpRequest::kBodyPadding bytes may be read. Errors:
// 400, naming the record and the member.
[[nodiscard]] Outcome<std::vector<ParsedRecord>> parse_records(std::string_view json, std::size_t records_max);
// One line of many. The same.
[[nodiscard]] Outcome<ParsedRecord> parse_record(std::string_view json);

// ,"NAME":"text" or ,"NAME_base64":"..." or ,"NAME":null
void append_bytes_member(std::string_view name, const std::optional<BytesView>& bytes, std::string& out);
// ,"headers":[...]; nothing when there are none, or none but leat's own if `hides_own`. Error: those of decoding them.
[[nodiscard]] Status append_headers_member(BytesView raw_headers, bool hides_own, std::string& out);
// A whole record. Error: as above.
[[nodiscard]] Status append_record(std::string_view topic, std::int32_t partition, const log::RecordView& record,
                                   std::string& out);

}  // namespace leat::api
