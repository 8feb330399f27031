#include "fuzz/sqs_message.h"

// SQS's JSON codec on any bytes: whatever is read can be written, and is then read the same.
namespace {

using namespace leat::aws;
namespace fuzz = leat::sqs::fuzz;

std::string_view body;

template <class Input>
void read(const Shape& shape, Input input) {
  Arena arena;
  if (decode_json(shape, &input, body, arena)) fuzz::write_again(shape, input);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string padded(reinterpret_cast<const char*>(data), size);
  padded.reserve(size + leat::http::HttpRequest::kBodyPadding);
  body = padded;
  fuzz::read_each([](const Shape& shape, auto input) { read(shape, std::move(input)); });
  return 0;
}
