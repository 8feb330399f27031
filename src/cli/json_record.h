#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "log/batch.h"

namespace leat::cli {

// A record that owns its bytes, as it is read from lines and files.
struct TextRecord {
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  std::optional<std::int32_t> partition;
  std::optional<std::int64_t> timestamp;  // milliseconds
};

// One line of `leat produce --json`: an object with any of
//   "key", "value"              a string, null, or any other JSON value, which is stored as its text
//   "key_base64", "value_base64"  bytes that are no text
//   "headers"                   {"name": "value"} or [{"key": "name", "value": "value" | null}, ...]
//   "partition", "timestamp"    numbers; a timestamp may be a time as text
// What `leat consume --json` prints is understood; its other fields (topic, offset) are passed over. Error:
// invalid_argument, naming the field.
[[nodiscard]] Result<TextRecord> parse_json_record(std::string_view line);

struct RecordPlace {
  std::string_view topic;
  std::int32_t partition = 0;
};
// One line of `leat consume --json`, without the newline. Bytes that are no UTF-8 go into "key_base64" and "value_base64".
[[nodiscard]] std::string render_json_record(const RecordPlace& place, const log::RecordView& record,
                                             const std::vector<log::RecordHeader>& headers);

// RFC 4648, with padding.
[[nodiscard]] std::string to_base64(BytesView bytes);
[[nodiscard]] Result<std::string> from_base64(std::string_view text);

}  // namespace leat::cli
