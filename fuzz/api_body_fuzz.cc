#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "protocol/api/document.h"
#include "protocol/api/queue_calls.h"
#include "protocol/api/record_json.h"
#include "protocol/api/request.h"

// Bodies and paths of the HTTP API: anything is refused with 400 or understood; no path leads elsewhere when its names are
// escaped.
namespace leat::api {
namespace {

void must(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "not true: %s\n", what);
  std::abort();
}

void check_bodies(std::string_view input) {
  // Parsers may read behind a body.
  std::string body(input);
  body.reserve(body.size() + http::HttpRequest::kBodyPadding);
  constexpr std::size_t kMost = 100;
  const auto records = parse_records(body, kMost);
  must(records || records.error().status == 400, "records can only be wrong");
  if (records) must(!records->empty() && records->size() <= kMost, "there are some");
  const auto record = parse_record(input);
  must(record || record.error().status == 400, "a record can only be wrong");
  const auto messages = parse_messages(body, kMost);
  must(messages || messages.error().status == 400, "messages can only be wrong");
}

void check_path(const Document& document, std::string_view input) {
  const std::string path = "/" + std::string(input);
  const Match match = document.match("GET", path);
  for (const std::string_view value : match.values) {
    must(value.find('/') == std::string_view::npos, "a value is within its segment");
    (void)percent_decoded(value, false);
  }
  (void)percent_decoded(input, true);
}

}  // namespace
}  // namespace leat::api

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const leat::api::Document document;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  leat::api::check_bodies(input);
  leat::api::check_path(document, input);
  return 0;
}
