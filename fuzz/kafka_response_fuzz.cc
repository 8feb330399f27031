#include "fuzz/kafka_message.h"

// Any response that a server may send to leat's own client, and what is stored in internal topics: the first byte is the
// API's key, the second the version, the rest the body. Keys from 200 on stand for messages that belong to no API.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace leat::kafka;
  if (size < 2) return 0;
  const std::int16_t key = data[0];
  const std::int16_t version = data[1];
  const leat::BytesView body = std::as_bytes(std::span(data, size)).subspan(2);
#define LEAT_CHECK_RESPONSE(Name) \
  if (key == static_cast<std::int16_t>(ApiKey::k##Name)) check_message<Name##Response>(body, version);
  LEAT_KAFKA_APIS(LEAT_CHECK_RESPONSE)
#undef LEAT_CHECK_RESPONSE
  if (key == 200) check_message<OffsetCommitKey>(body, version);
  if (key == 201) check_message<OffsetCommitValue>(body, version);
  if (key == 202) check_message<GroupMetadataKey>(body, version);
  if (key == 203) check_message<GroupMetadataValue>(body, version);
  if (key == 204) check_message<ConsumerProtocolSubscription>(body, version);
  if (key == 205) check_message<ConsumerProtocolAssignment>(body, version);
  return 0;
}
