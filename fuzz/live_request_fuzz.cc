#include <cstdio>
#include <cstdlib>

#include "protocol/api/live/event_stream.h"
#include "protocol/api/live/live_request.h"

// What clients of WebSockets and event streams say: any text is refused with 400 or understood, and what was understood makes
// sense.
namespace leat::api {
namespace {

void must(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "not true: %s\n", what);
  std::abort();
}

void check_request(std::string_view input) {
  std::string id;
  const auto request = parse_live_request(input, id);
  if (!request) {
    must(request.error().status == 400, "a request can only be wrong");
    std::string problem;
    append_problem(request.error(), problem);
    return;
  }
  must(!done_word(request->op).empty(), "its answer has a name");
  if (request->op == LiveOp::ping) return;
  must(request->topic || request->channel || request->pattern || request->queue, "it is for something");
  for (const queue::Receipt& receipt : request->receipts)
    must(parse_receipt(text_of(receipt)).value() == receipt, "receipts are read as written");
}

void check_places(std::string_view input) {
  const auto places = parse_places(input);
  if (places) must(parse_places(text_of(*places)).has_value() || places->empty(), "places are read as written");
}

}  // namespace
}  // namespace leat::api

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  leat::api::check_request(input);
  leat::api::check_places(input);
  return 0;
}
