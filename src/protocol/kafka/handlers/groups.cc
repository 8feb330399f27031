#include "protocol/kafka/handlers/group_calls.h"
#include "protocol/kafka/handlers/handlers.h"

namespace leat::kafka {
namespace {

using security::Operation;
using stream::GroupCoordinator;
using stream::GroupError;

constexpr std::int16_t kFindsSeveralFrom = 4;  // FindCoordinator with a list of keys
constexpr std::int16_t kNamesMissingFrom = 6;  // DescribeGroups with GROUP_ID_NOT_FOUND
constexpr std::int8_t kGroupKey = 0;           // what a FindCoordinator asks for
constexpr std::int8_t kTransactionKey = 1;
constexpr std::int8_t kShareKey = 2;

runtime::Task<OrRefusal<>> check_coordinator_key(const Request& request, std::int8_t type, std::string_view key) {
  switch (type) {
    case kGroupKey: break;
    case kTransactionKey:
      co_return refuse(ErrorCode::kTransactionalIdAuthorizationFailed, "transactions are not offered yet");
    case kShareKey: co_return refuse(ErrorCode::kInvalidRequest, "share groups are not offered yet");
    default: co_return refuse(ErrorCode::kInvalidRequest, fmt::format("there is no key type {}", type));
  }
  if (key.empty()) co_return refuse(ErrorCode::kInvalidGroupId, "the group id is empty");
  if (!allows_group(request, Operation::describe, key)) co_return refuse_access(ErrorCode::kGroupAuthorizationFailed);
  const auto home = co_await make_group_home(request, key);
  if (!home) co_return std::unexpected(home.error());
  co_return OrRefusal<>();
}

// Fills in the coordinator of `key`; `reply` is a response, or an entry of one.
template <class Reply>
runtime::Task<> find_one_coordinator(const Request& request, std::int8_t type, std::string_view key, Reply& reply) {
  const OrRefusal<> outcome = co_await check_coordinator_key(request, type, key);
  set_outcome(request, reply, outcome);
  const Endpoint& endpoint = request.connection.endpoint;
  reply.node_id = outcome ? request.node().node.value() : -1;
  reply.host = outcome ? endpoint.host : "";
  reply.port = outcome ? endpoint.port : -1;
}

using DescribedGroup = DescribeGroupsResponse::DescribedGroup;

void set_described(const Request& request, stream::DescribeGroupReply described, DescribedGroup& reply) {
  const bool missing = described.error == GroupError::group_id_not_found;
  if (described.error != GroupError::none && !missing) {
    reply.error_code = request.count(to_error_code(described.error));
    return;
  }
  if (missing && request.version >= kNamesMissingFrom) {
    reply.error_code = request.count(ErrorCode::kGroupIdNotFound);
    reply.error_message = fmt::format("there is no group '{}'", reply.group_id);
  }
  reply.group_state = std::string(to_string(described.state));
  reply.protocol_type = std::move(described.protocol_type);
  reply.protocol_data = std::move(described.protocol_name);
  reply.members.reserve(described.members.size());
  for (stream::DescribedMember& member : described.members) {
    auto& entry = reply.members.emplace_back();
    entry.member_id = std::move(member.member_id);
    entry.group_instance_id = std::move(member.instance_id);
    entry.client_id = std::move(member.client_id);
    entry.client_host = std::move(member.client_host);
    entry.member_metadata = std::string(as_text(member.metadata));
    entry.member_assignment = std::string(as_text(member.assignment));
  }
}

runtime::Task<> describe_one(const Request& request, std::string_view group_id, bool tell_operations,
                             DescribedGroup& reply) {
  reply.group_id = std::string(group_id);
  if (!allows_group(request, Operation::describe, group_id)) {
    reply.error_code = request.count(ErrorCode::kGroupAuthorizationFailed);
    co_return;
  }
  stream::DescribeGroupReply described;
  described.error = GroupError::group_id_not_found;
  if (const auto home = find_group_home(request, group_id)) {
    stream::DescribeGroupCommand command{std::string(group_id)};
    described = co_await ask_group(request, *home, &GroupCoordinator::describe, std::move(command));
  }
  set_described(request, std::move(described), reply);
  if (tell_operations && reply.error_code == ErrorCode::kNone)
    reply.authorized_operations = authorized_operations(request, security::ResourceType::group, group_id);
}

runtime::Task<> delete_one(const Request& request, std::string_view group_id,
                           DeleteGroupsResponse::DeletableGroupResult& reply) {
  reply.group_id = std::string(group_id);
  if (!allows_group(request, Operation::remove, group_id)) {
    reply.error_code = request.count(ErrorCode::kGroupAuthorizationFailed);
    co_return;
  }
  stream::DeleteGroupReply deleted{GroupError::group_id_not_found};
  if (const auto home = find_group_home(request, group_id)) {
    stream::DeleteGroupCommand command{std::string(group_id)};
    deleted = co_await ask_group(request, *home, &GroupCoordinator::delete_group, std::move(command));
  }
  reply.error_code = request.count(to_error_code(deleted.error));
}

std::vector<std::string> to_owned_all(const std::vector<std::string_view>& texts) {
  return {texts.begin(), texts.end()};
}

}  // namespace

ErrorCode to_error_code(GroupError error) {
  switch (error) {
    case GroupError::none: return ErrorCode::kNone;
    case GroupError::coordinator_load_in_progress: return ErrorCode::kCoordinatorLoadInProgress;
    case GroupError::coordinator_not_available: return ErrorCode::kCoordinatorNotAvailable;
    case GroupError::fenced_instance_id: return ErrorCode::kFencedInstanceId;
    case GroupError::group_id_not_found: return ErrorCode::kGroupIdNotFound;
    case GroupError::group_max_size_reached: return ErrorCode::kGroupMaxSizeReached;
    case GroupError::group_subscribed_to_topic: return ErrorCode::kGroupSubscribedToTopic;
    case GroupError::illegal_generation: return ErrorCode::kIllegalGeneration;
    case GroupError::inconsistent_group_protocol: return ErrorCode::kInconsistentGroupProtocol;
    case GroupError::invalid_commit_offset_size: return ErrorCode::kInvalidCommitOffsetSize;
    case GroupError::invalid_group_id: return ErrorCode::kInvalidGroupId;
    case GroupError::invalid_request: return ErrorCode::kInvalidRequest;
    case GroupError::invalid_session_timeout: return ErrorCode::kInvalidSessionTimeout;
    case GroupError::member_id_required: return ErrorCode::kMemberIdRequired;
    case GroupError::non_empty_group: return ErrorCode::kNonEmptyGroup;
    case GroupError::not_coordinator: return ErrorCode::kNotCoordinator;
    case GroupError::offset_metadata_too_large: return ErrorCode::kOffsetMetadataTooLarge;
    case GroupError::rebalance_in_progress: return ErrorCode::kRebalanceInProgress;
    case GroupError::unknown_member_id: return ErrorCode::kUnknownMemberId;
  }
  return ErrorCode::kUnknownServerError;
}

std::optional<GroupHome> find_group_home(const Request& request, std::string_view group_id) {
  return stream::find_group_home(request.topics(), request.node().streams, group_id);
}

runtime::Task<OrRefusal<GroupHome>> make_group_home(const Request& request, std::string_view group_id) {
  if (const auto home = find_group_home(request, group_id)) co_return *home;
  const auto created = co_await create_topic(
      request, stream::offsets_topic(request.node().node, request.node().options.offsets_partitions));
  // Another request may have made it meanwhile.
  if (const auto home = find_group_home(request, group_id)) co_return *home;
  co_return refuse(ErrorCode::kCoordinatorNotAvailable,
                   created ? "the topic of committed offsets is being made" : created.error().message);
}

runtime::Task<FindCoordinatorResponse> handle_find_coordinator(Request& request, FindCoordinatorRequest message) {
  FindCoordinatorResponse response;
  response.error_message.reset();
  if (request.version < kFindsSeveralFrom) {
    co_await find_one_coordinator(request, message.key_type, message.key, response);
    co_return response;
  }
  response.coordinators.reserve(message.coordinator_keys.size());
  for (const std::string_view key : message.coordinator_keys) {
    auto& reply = response.coordinators.emplace_back();
    reply.key = std::string(key);
    co_await find_one_coordinator(request, message.key_type, key, reply);
  }
  co_return response;
}

runtime::Task<DescribeGroupsResponse> handle_describe_groups(Request& request, DescribeGroupsRequest message) {
  DescribeGroupsResponse response;
  std::set<std::string_view> seen;
  std::erase_if(message.groups, [&](std::string_view group) { return !seen.insert(group).second; });
  response.groups.resize(message.groups.size());
  runtime::TaskScope scope;
  for (std::size_t i = 0; i < message.groups.size(); ++i) {
    scope.spawn(describe_one(request, message.groups[i], message.include_authorized_operations, response.groups[i]));
  }
  co_await scope.join();
  co_return response;
}

runtime::Task<ListGroupsResponse> handle_list_groups(Request& request, ListGroupsRequest message) {
  const KafkaNode& node = request.node();
  stream::ListGroupsCommand command{to_owned_all(message.states_filter), to_owned_all(message.types_filter)};
  auto listed = co_await stream::list_groups(node.streams, node.groups, std::move(command));

  ListGroupsResponse response;
  response.error_code = request.count(to_error_code(listed.error));
  if (listed.error != GroupError::none) co_return response;
  const bool all = request.sees_cluster(Operation::describe);
  response.groups.reserve(listed.groups.size());
  for (stream::ListedGroup& group : listed.groups) {
    if (!all && !request.sees(Operation::describe, security::ResourceType::group, group.group_id)) continue;
    auto& entry = response.groups.emplace_back();
    entry.group_id = std::move(group.group_id);
    entry.protocol_type = std::move(group.protocol_type);
    entry.group_state = std::string(to_string(group.state));
    entry.group_type = std::string(stream::kGroupType);
  }
  co_return response;
}

runtime::Task<DeleteGroupsResponse> handle_delete_groups(Request& request, DeleteGroupsRequest message) {
  DeleteGroupsResponse response;
  response.results.resize(message.groups_names.size());
  runtime::TaskScope scope;
  for (std::size_t i = 0; i < message.groups_names.size(); ++i)
    scope.spawn(delete_one(request, message.groups_names[i], response.results[i]));
  co_await scope.join();
  co_return response;
}

}  // namespace leat::kafka
