#include "fuzz/sqs_message.h"

// SQS's Query codec on any bytes: whatever is read is text that both forms can write, and is then read the same.
namespace {

using namespace leat::aws;
namespace fuzz = leat::sqs::fuzz;

template <class Input>
void read(const Shape& shape, Input input, const std::vector<Parameter>& parameters, Arena& arena) {
  if (decode_query(shape, &input, parameters, arena)) fuzz::write_again(shape, input);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Arena arena;
  std::vector<Parameter> parameters;
  if (!parse_form({reinterpret_cast<const char*>(data), size}, arena, parameters)) return 0;
  fuzz::read_each([&](const Shape& shape, auto input) { read(shape, std::move(input), parameters, arena); });
  return 0;
}
