#include "protocol/kafka/dispatch.h"

#include "protocol/kafka/handlers/handlers.h"

namespace leat::kafka {
namespace {

template <class Response>
Result<runtime::Chain> encode_reply(const Request& request, Response response, std::int16_t version) {
  Writer writer;
  writer.start_frame();
  ResponseHeader header;
  header.correlation_id = request.correlation_id;
  encode(writer, response_header_version(request.api, version), header);
  encode(writer, version, std::move(response));
  return writer.take_chain();
}

// Tells the client how long it has to wait.
template <class Response>
void set_throttle(const Request& request, Response& response) {
  if constexpr (requires { response.throttle_time_ms; }) {
    const auto ms = std::chrono::ceil<Milliseconds>(request.throttle).count();
    response.throttle_time_ms = std::max(response.throttle_time_ms, static_cast<std::int32_t>(ms));
  }
}

template <class Message, class Response, runtime::Task<Response> (*handler)(Request&, Message)>
runtime::Task<Result<Reply>> serve(Request& request, Reader reader) {
  Message message;
  LEAT_CO_CHECK(decode(reader, request.version, message));
  Response response = co_await handler(request, std::move(message));
  set_throttle(request, response);
  LEAT_CO_TRY(runtime::Chain frame, encode_reply(request, std::move(response), request.version));
  co_return Reply{std::move(frame), false};
}

runtime::Task<Result<Reply>> serve_produce(Request& request, Reader reader) {
  ProduceRequest message;
  LEAT_CO_CHECK(decode(reader, request.version, message));
  Reply reply;
  auto response = co_await handle_produce(request, std::move(message), reply.close);
  if (response) {
    set_throttle(request, *response);
    LEAT_CO_TRY(reply.frame, encode_reply(request, std::move(*response), request.version));
  }
  co_return reply;
}

runtime::Task<Result<Reply>> serve_sasl_authenticate(Request& request, Reader reader) {
  SaslAuthenticateRequest message;
  LEAT_CO_CHECK(decode(reader, request.version, message));
  Reply reply;
  SaslAuthenticateResponse response = co_await handle_sasl_authenticate(request, std::move(message), reply.close);
  LEAT_CO_TRY(reply.frame, encode_reply(request, std::move(response), request.version));
  co_return reply;
}

// A client newer than this server is answered in the oldest form, with what there is (KIP-511).
runtime::Task<Result<Reply>> serve_api_versions(Request& request, Reader reader) {
  const ServedApi* api = find_served_api(static_cast<std::int16_t>(ApiKey::kApiVersions));
  if (api->serves(request.version))
    co_return co_await serve<ApiVersionsRequest, ApiVersionsResponse, handle_api_versions>(request, reader);
  ApiVersionsResponse response = co_await handle_api_versions(request, {});
  response.error_code = request.count(ErrorCode::kUnsupportedVersion);
  LEAT_CO_TRY(runtime::Chain frame, encode_reply(request, std::move(response), 0));
  co_return Reply{std::move(frame), false};
}

using Serve = runtime::Task<Result<Reply>> (*)(Request&, Reader);

Serve find_serve(ApiKey api) {
  switch (api) {
    case ApiKey::kProduce: return serve_produce;
    case ApiKey::kFetch: return serve<FetchRequest, FetchResponse, handle_fetch>;
    case ApiKey::kListOffsets: return serve<ListOffsetsRequest, ListOffsetsResponse, handle_list_offsets>;
    case ApiKey::kMetadata: return serve<MetadataRequest, MetadataResponse, handle_metadata>;
    case ApiKey::kOffsetCommit: return serve<OffsetCommitRequest, OffsetCommitResponse, handle_offset_commit>;
    case ApiKey::kOffsetFetch: return serve<OffsetFetchRequest, OffsetFetchResponse, handle_offset_fetch>;
    case ApiKey::kFindCoordinator:
      return serve<FindCoordinatorRequest, FindCoordinatorResponse, handle_find_coordinator>;
    case ApiKey::kJoinGroup: return serve<JoinGroupRequest, JoinGroupResponse, handle_join_group>;
    case ApiKey::kHeartbeat: return serve<HeartbeatRequest, HeartbeatResponse, handle_heartbeat>;
    case ApiKey::kLeaveGroup: return serve<LeaveGroupRequest, LeaveGroupResponse, handle_leave_group>;
    case ApiKey::kSyncGroup: return serve<SyncGroupRequest, SyncGroupResponse, handle_sync_group>;
    case ApiKey::kDescribeGroups: return serve<DescribeGroupsRequest, DescribeGroupsResponse, handle_describe_groups>;
    case ApiKey::kListGroups: return serve<ListGroupsRequest, ListGroupsResponse, handle_list_groups>;
    case ApiKey::kSaslHandshake: return serve<SaslHandshakeRequest, SaslHandshakeResponse, handle_sasl_handshake>;
    case ApiKey::kApiVersions: return serve_api_versions;
    case ApiKey::kCreateTopics: return serve<CreateTopicsRequest, CreateTopicsResponse, handle_create_topics>;
    case ApiKey::kDeleteTopics: return serve<DeleteTopicsRequest, DeleteTopicsResponse, handle_delete_topics>;
    case ApiKey::kDeleteRecords: return serve<DeleteRecordsRequest, DeleteRecordsResponse, handle_delete_records>;
    case ApiKey::kInitProducerId: return serve<InitProducerIdRequest, InitProducerIdResponse, handle_init_producer_id>;
    case ApiKey::kOffsetForLeaderEpoch:
      return serve<OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, handle_offset_for_leader_epoch>;
    case ApiKey::kDescribeAcls: return serve<DescribeAclsRequest, DescribeAclsResponse, handle_describe_acls>;
    case ApiKey::kCreateAcls: return serve<CreateAclsRequest, CreateAclsResponse, handle_create_acls>;
    case ApiKey::kDeleteAcls: return serve<DeleteAclsRequest, DeleteAclsResponse, handle_delete_acls>;
    case ApiKey::kDescribeConfigs:
      return serve<DescribeConfigsRequest, DescribeConfigsResponse, handle_describe_configs>;
    case ApiKey::kAlterConfigs: return serve<AlterConfigsRequest, AlterConfigsResponse, handle_alter_configs>;
    case ApiKey::kDescribeLogDirs:
      return serve<DescribeLogDirsRequest, DescribeLogDirsResponse, handle_describe_log_dirs>;
    case ApiKey::kSaslAuthenticate: return serve_sasl_authenticate;
    case ApiKey::kCreatePartitions:
      return serve<CreatePartitionsRequest, CreatePartitionsResponse, handle_create_partitions>;
    case ApiKey::kDeleteGroups: return serve<DeleteGroupsRequest, DeleteGroupsResponse, handle_delete_groups>;
    case ApiKey::kIncrementalAlterConfigs:
      return serve<IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, handle_incremental_alter_configs>;
    case ApiKey::kOffsetDelete: return serve<OffsetDeleteRequest, OffsetDeleteResponse, handle_offset_delete>;
    case ApiKey::kDescribeClientQuotas:
      return serve<DescribeClientQuotasRequest, DescribeClientQuotasResponse, handle_describe_client_quotas>;
    case ApiKey::kAlterClientQuotas:
      return serve<AlterClientQuotasRequest, AlterClientQuotasResponse, handle_alter_client_quotas>;
    case ApiKey::kDescribeUserScramCredentials:
      return serve<DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse,
                   handle_describe_user_scram_credentials>;
    case ApiKey::kAlterUserScramCredentials:
      return serve<AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse,
                   handle_alter_user_scram_credentials>;
    case ApiKey::kDescribeCluster:
      return serve<DescribeClusterRequest, DescribeClusterResponse, handle_describe_cluster>;
    case ApiKey::kDescribeTopicPartitions:
      return serve<DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, handle_describe_topic_partitions>;
  }
  return nullptr;
}

}  // namespace

runtime::Task<Result<Reply>> dispatch(Request& request, Reader reader) {
  const ServedApi* api = find_served_api(static_cast<std::int16_t>(request.api));
  if (api == nullptr)
    co_return fail(Errc::unsupported, fmt::format("API {} is not served", static_cast<int>(request.api)));
  if (!api->serves(request.version) && request.api != ApiKey::kApiVersions)
    co_return fail(Errc::unsupported, fmt::format("{} version {} is not served, {} to {} are", api->name,
                                                  request.version, api->version_min, api->version_max));
  co_return co_await find_serve(request.api)(request, reader);
}

}  // namespace leat::kafka
