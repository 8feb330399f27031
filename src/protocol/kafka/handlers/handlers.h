#pragma once

#include <optional>

#include "protocol/kafka/messages/all.h"
#include "protocol/kafka/request.h"

// One function for each API: a decoded request becomes calls of the engines, their results a response. Handlers run on the
// connection's shard, never throw for what a client sent, and put errors into the response. Views in a request live as long
// as its handler.
namespace leat::kafka {

// nullopt: acks=0, nothing is sent; `close` is set when such a request failed, which is all that can be told.
runtime::Task<std::optional<ProduceResponse>> handle_produce(Request& request, ProduceRequest message, bool& close);
runtime::Task<FetchResponse> handle_fetch(Request& request, FetchRequest message);
runtime::Task<ListOffsetsResponse> handle_list_offsets(Request& request, ListOffsetsRequest message);
runtime::Task<OffsetForLeaderEpochResponse> handle_offset_for_leader_epoch(Request& request,
                                                                           OffsetForLeaderEpochRequest message);
runtime::Task<InitProducerIdResponse> handle_init_producer_id(Request& request, InitProducerIdRequest message);

runtime::Task<ApiVersionsResponse> handle_api_versions(Request& request, ApiVersionsRequest message);
runtime::Task<SaslHandshakeResponse> handle_sasl_handshake(Request& request, SaslHandshakeRequest message);
// `close` is set when the client is not who it says: the reply is the connection's last.
runtime::Task<SaslAuthenticateResponse> handle_sasl_authenticate(Request& request, SaslAuthenticateRequest message,
                                                                 bool& close);
// The next step of the connection's exchange, which is under way: the server's token, or why the connection is to end. On
// success the connection may be the user's.
runtime::Task<Result<std::string>> authenticate(Request& request, std::string token);
runtime::Task<DescribeUserScramCredentialsResponse> handle_describe_user_scram_credentials(
    Request& request, DescribeUserScramCredentialsRequest message);
runtime::Task<AlterUserScramCredentialsResponse> handle_alter_user_scram_credentials(
    Request& request, AlterUserScramCredentialsRequest message);
runtime::Task<DescribeAclsResponse> handle_describe_acls(Request& request, DescribeAclsRequest message);
runtime::Task<CreateAclsResponse> handle_create_acls(Request& request, CreateAclsRequest message);
runtime::Task<DeleteAclsResponse> handle_delete_acls(Request& request, DeleteAclsRequest message);
runtime::Task<DescribeClientQuotasResponse> handle_describe_client_quotas(Request& request,
                                                                          DescribeClientQuotasRequest message);
runtime::Task<AlterClientQuotasResponse> handle_alter_client_quotas(Request& request, AlterClientQuotasRequest message);

runtime::Task<MetadataResponse> handle_metadata(Request& request, MetadataRequest message);
runtime::Task<DescribeClusterResponse> handle_describe_cluster(Request& request, DescribeClusterRequest message);
runtime::Task<DescribeTopicPartitionsResponse> handle_describe_topic_partitions(Request& request,
                                                                                DescribeTopicPartitionsRequest message);
runtime::Task<DescribeLogDirsResponse> handle_describe_log_dirs(Request& request, DescribeLogDirsRequest message);

runtime::Task<CreateTopicsResponse> handle_create_topics(Request& request, CreateTopicsRequest message);
runtime::Task<DeleteTopicsResponse> handle_delete_topics(Request& request, DeleteTopicsRequest message);
runtime::Task<CreatePartitionsResponse> handle_create_partitions(Request& request, CreatePartitionsRequest message);
runtime::Task<DeleteRecordsResponse> handle_delete_records(Request& request, DeleteRecordsRequest message);
runtime::Task<DescribeConfigsResponse> handle_describe_configs(Request& request, DescribeConfigsRequest message);
runtime::Task<AlterConfigsResponse> handle_alter_configs(Request& request, AlterConfigsRequest message);
runtime::Task<IncrementalAlterConfigsResponse> handle_incremental_alter_configs(Request& request,
                                                                                IncrementalAlterConfigsRequest message);

runtime::Task<FindCoordinatorResponse> handle_find_coordinator(Request& request, FindCoordinatorRequest message);
runtime::Task<JoinGroupResponse> handle_join_group(Request& request, JoinGroupRequest message);
runtime::Task<SyncGroupResponse> handle_sync_group(Request& request, SyncGroupRequest message);
runtime::Task<HeartbeatResponse> handle_heartbeat(Request& request, HeartbeatRequest message);
runtime::Task<LeaveGroupResponse> handle_leave_group(Request& request, LeaveGroupRequest message);
runtime::Task<OffsetCommitResponse> handle_offset_commit(Request& request, OffsetCommitRequest message);
runtime::Task<OffsetFetchResponse> handle_offset_fetch(Request& request, OffsetFetchRequest message);
runtime::Task<OffsetDeleteResponse> handle_offset_delete(Request& request, OffsetDeleteRequest message);
runtime::Task<DescribeGroupsResponse> handle_describe_groups(Request& request, DescribeGroupsRequest message);
runtime::Task<ListGroupsResponse> handle_list_groups(Request& request, ListGroupsRequest message);
runtime::Task<DeleteGroupsResponse> handle_delete_groups(Request& request, DeleteGroupsRequest message);

}  // namespace leat::kafka
