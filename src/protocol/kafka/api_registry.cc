#include "protocol/kafka/api_registry.h"

namespace leat::kafka {
namespace {

constexpr const DeclaredApi& declared(ApiKey key) {
  for (const auto& api : kDeclaredApis)
    if (api.key == key) return api;
  std::unreachable();
}

// Throws, so does not compile, when the range goes beyond what the schema declares.
constexpr ServedApi serve(ApiKey key, std::int16_t version_min, std::int16_t version_max, std::int16_t answered_from) {
  const DeclaredApi& api = declared(key);
  if (version_min < api.version_min || version_max > api.version_max || answered_from < version_min)
    throw "not declared";
  return {key, api.name, version_min, version_max, answered_from, api.flexible_from};
}
constexpr ServedApi serve(ApiKey key, std::int16_t version_min, std::int16_t version_max) {
  return serve(key, version_min, version_max, version_min);
}

// The ranges of Kafka 4.3 (docs/formats/kafka-messages.md). Older librdkafka decides about compression by whether
// Produce begins at 0.
constexpr std::array kServed{
    serve(ApiKey::kProduce, 0, 13, 3),
    serve(ApiKey::kFetch, 4, 18),
    serve(ApiKey::kListOffsets, 1, 11),
    serve(ApiKey::kMetadata, 0, 13),
    serve(ApiKey::kOffsetCommit, 2, 10),
    serve(ApiKey::kOffsetFetch, 1, 10),
    serve(ApiKey::kFindCoordinator, 0, 6),
    serve(ApiKey::kJoinGroup, 0, 9),
    serve(ApiKey::kHeartbeat, 0, 4),
    serve(ApiKey::kLeaveGroup, 0, 5),
    serve(ApiKey::kSyncGroup, 0, 5),
    serve(ApiKey::kDescribeGroups, 0, 6),
    serve(ApiKey::kListGroups, 0, 5),
    serve(ApiKey::kSaslHandshake, 0, 1),
    serve(ApiKey::kApiVersions, 0, 4),
    serve(ApiKey::kCreateTopics, 2, 7),
    serve(ApiKey::kDeleteTopics, 1, 6),
    serve(ApiKey::kDeleteRecords, 0, 2),
    serve(ApiKey::kInitProducerId, 0, 5),
    serve(ApiKey::kOffsetForLeaderEpoch, 2, 4),
    serve(ApiKey::kDescribeAcls, 1, 3),
    serve(ApiKey::kCreateAcls, 1, 3),
    serve(ApiKey::kDeleteAcls, 1, 3),
    serve(ApiKey::kDescribeConfigs, 1, 4),
    serve(ApiKey::kAlterConfigs, 0, 2),
    serve(ApiKey::kDescribeLogDirs, 1, 5),
    serve(ApiKey::kSaslAuthenticate, 0, 2),
    serve(ApiKey::kCreatePartitions, 0, 3),
    serve(ApiKey::kDeleteGroups, 0, 2),
    serve(ApiKey::kIncrementalAlterConfigs, 0, 1),
    serve(ApiKey::kOffsetDelete, 0, 0),
    serve(ApiKey::kDescribeClientQuotas, 0, 1),
    serve(ApiKey::kAlterClientQuotas, 0, 1),
    serve(ApiKey::kDescribeUserScramCredentials, 0, 0),
    serve(ApiKey::kAlterUserScramCredentials, 0, 0),
    serve(ApiKey::kDescribeCluster, 0, 2),
    serve(ApiKey::kDescribeTopicPartitions, 0, 0),
};

}  // namespace

std::span<const ServedApi> served_apis() { return kServed; }

const ServedApi* find_served_api(std::int16_t key) {
  const auto found = std::ranges::lower_bound(kServed, key, {},
                                              [](const ServedApi& api) { return static_cast<std::int16_t>(api.key); });
  return found != kServed.end() && static_cast<std::int16_t>(found->key) == key ? &*found : nullptr;
}

std::int16_t request_header_version(std::int16_t key, std::int16_t version) {
  const ServedApi* api = find_served_api(key);
  return api != nullptr && version >= api->flexible_from ? 2 : 1;
}

std::int16_t response_header_version(ApiKey key, std::int16_t version) {
  if (key == ApiKey::kApiVersions) return 0;
  const ServedApi* api = find_served_api(static_cast<std::int16_t>(key));
  return api != nullptr && version >= api->flexible_from ? 1 : 0;
}

Result<RequestHeader> decode_request_header(Reader& reader) {
  Reader ahead = reader;
  const std::int16_t key = ahead.i16();
  const std::int16_t version = ahead.i16();
  RequestHeader header;
  LEAT_CHECK(decode(reader, request_header_version(key, version), header));
  return header;
}

}  // namespace leat::kafka
