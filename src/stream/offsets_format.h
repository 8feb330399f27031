#pragma once

#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "stream/group_types.h"

// The keys and values of __consumer_offsets: docs/formats/consumer-offsets.md.
namespace leat::stream {

struct OffsetsRecord {
  Bytes key;
  std::optional<Bytes> value;  // nullopt: a tombstone
};

// Names of more bytes than this do not fit the format; the engine refuses them before they get here.
inline constexpr std::size_t kStoredNameSizeMax = 32'767;

[[nodiscard]] OffsetsRecord encode_group_event(const GroupEvent& event);

// Reads one record. nullopt: a key version that belongs to another group protocol. Error: corrupt.
[[nodiscard]] Result<std::optional<GroupEvent>> decode_group_event(BytesView key, std::optional<BytesView> value);

// The topics of a consumer's subscription (the start of ConsumerProtocolSubscription, the same in every version).
// Error: corrupt.
[[nodiscard]] Result<std::vector<std::string>> decode_subscribed_topics(BytesView subscription);

}  // namespace leat::stream
