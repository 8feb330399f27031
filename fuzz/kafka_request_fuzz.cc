#include "fuzz/kafka_message.h"
#include "protocol/kafka/api_registry.h"

// Any request that a client may send, and the header before it: the first byte is the API's key, the second the version, the
// rest the body.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace leat::kafka;
  const leat::BytesView input = std::as_bytes(std::span(data, size));
  Reader header(input);
  (void)decode_request_header(header);
  if (size < 2) return 0;
  const std::int16_t key = data[0];
  const std::int16_t version = data[1];
  const leat::BytesView body = input.subspan(2);
#define LEAT_CHECK_REQUEST(Name) \
  if (key == static_cast<std::int16_t>(ApiKey::k##Name)) check_message<Name##Request>(body, version);
  LEAT_KAFKA_APIS(LEAT_CHECK_REQUEST)
#undef LEAT_CHECK_REQUEST
  return 0;
}
