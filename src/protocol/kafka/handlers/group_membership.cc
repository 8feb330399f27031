#include "protocol/kafka/handlers/group_calls.h"
#include "protocol/kafka/handlers/handlers.h"

namespace leat::kafka {
namespace {

using security::Operation;
using stream::Generation;
using stream::GroupCoordinator;
using stream::GroupError;

// JoinGroup
constexpr std::int16_t kRebalanceTimeoutFrom = 1;
constexpr std::int16_t kMemberIdRequiredFrom = 4;
constexpr std::int16_t kNullProtocolFrom = 7;
constexpr std::int16_t kSkipAssignmentFrom = 9;
// SyncGroup
constexpr std::int16_t kProtocolRequiredFrom = 5;
// LeaveGroup
constexpr std::int16_t kSeveralLeaveFrom = 3;

// The peer's address as Kafka shows it: "/127.0.0.1".
std::string client_host(const Request& request) {
  std::string_view address = request.connection.peer;
  address = address.substr(0, address.rfind(':'));
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  return fmt::format("/{}", address);
}

stream::JoinCommand join_command(const Request& request, const JoinGroupRequest& message) {
  stream::JoinCommand command;
  command.group_id = std::string(message.group_id);
  command.member_id = std::string(message.member_id);
  command.instance_id = to_owned(message.group_instance_id);
  command.client_id = std::string(request.client_id);
  command.client_host = client_host(request);
  command.session_timeout = Milliseconds(message.session_timeout_ms);
  command.rebalance_timeout =
      Milliseconds(request.version < kRebalanceTimeoutFrom ? message.session_timeout_ms : message.rebalance_timeout_ms);
  command.protocol_type = std::string(message.protocol_type);
  command.protocols.reserve(message.protocols.size());
  for (const auto& protocol : message.protocols)
    command.protocols.push_back({std::string(protocol.name), Bytes::copy_of(protocol.metadata)});
  command.reason = std::string(message.reason.value_or(""));
  command.requires_known_member_id = request.version >= kMemberIdRequiredFrom;
  command.supports_skip_assignment = request.version >= kSkipAssignmentFrom;
  return command;
}

JoinGroupResponse join_response(const Request& request, stream::JoinReply reply) {
  JoinGroupResponse response;
  response.error_code = request.count(to_error_code(reply.error));
  response.generation_id = reply.generation.value();
  response.protocol_type = std::move(reply.protocol_type);
  response.protocol_name = std::move(reply.protocol_name);
  if (request.version < kNullProtocolFrom && !response.protocol_name) response.protocol_name = "";
  response.leader = std::move(reply.leader);
  response.skip_assignment = reply.skip_assignment;
  response.member_id = std::move(reply.member_id);
  response.members.reserve(reply.members.size());
  for (stream::JoinReplyMember& member : reply.members) {
    response.members.push_back(
        {std::move(member.member_id), std::move(member.instance_id), std::string(as_text(member.metadata))});
  }
  return response;
}

JoinGroupResponse refuse_join(const Request& request, const JoinGroupRequest& message, ErrorCode code) {
  stream::JoinReply reply;
  reply.member_id = std::string(message.member_id);
  JoinGroupResponse response = join_response(request, std::move(reply));
  response.error_code = request.count(code);
  return response;
}

stream::SyncCommand sync_command(const SyncGroupRequest& message) {
  stream::SyncCommand command;
  command.group_id = std::string(message.group_id);
  command.generation = Generation(message.generation_id);
  command.member_id = std::string(message.member_id);
  command.instance_id = to_owned(message.group_instance_id);
  command.protocol_type = to_owned(message.protocol_type);
  command.protocol_name = to_owned(message.protocol_name);
  command.assignments.reserve(message.assignments.size());
  for (const auto& member : message.assignments)
    command.assignments.push_back({std::string(member.member_id), Bytes::copy_of(member.assignment)});
  return command;
}

// Why a request about an existing membership is refused before anyone is asked.
ErrorCode refusal(const Request& request, std::string_view group_id) {
  if (group_id.empty()) return ErrorCode::kInvalidGroupId;
  return allows_group(request, Operation::read, group_id) ? ErrorCode::kNone : ErrorCode::kGroupAuthorizationFailed;
}

stream::LeaveCommand leave_command(const Request& request, const LeaveGroupRequest& message) {
  stream::LeaveCommand command{std::string(message.group_id), {}};
  if (request.version < kSeveralLeaveFrom) {
    command.members.push_back({std::string(message.member_id), std::nullopt, ""});
    return command;
  }
  command.members.reserve(message.members.size());
  for (const auto& member : message.members) {
    command.members.push_back(
        {std::string(member.member_id), to_owned(member.group_instance_id), std::string(member.reason.value_or(""))});
  }
  return command;
}

// What is said of members of a group that does not exist.
stream::LeaveReply nobody_to_leave(stream::LeaveCommand command) {
  stream::LeaveReply reply;
  for (stream::LeavingMember& member : command.members) {
    reply.members.push_back(
        {std::move(member.member_id), std::move(member.instance_id), GroupError::unknown_member_id});
  }
  return reply;
}

}  // namespace

runtime::Task<JoinGroupResponse> handle_join_group(Request& request, JoinGroupRequest message) {
  if (const ErrorCode code = refusal(request, message.group_id); code != ErrorCode::kNone)
    co_return refuse_join(request, message, code);
  const auto home = co_await make_group_home(request, message.group_id);
  if (!home) co_return refuse_join(request, message, home.error().code);
  stream::JoinReply reply = co_await ask_group(request, *home, &GroupCoordinator::join, join_command(request, message));
  co_return join_response(request, std::move(reply));
}

runtime::Task<SyncGroupResponse> handle_sync_group(Request& request, SyncGroupRequest message) {
  SyncGroupResponse response;
  ErrorCode code = refusal(request, message.group_id);
  if (code == ErrorCode::kNone && request.version >= kProtocolRequiredFrom &&
      (!message.protocol_type || !message.protocol_name)) {
    code = ErrorCode::kInconsistentGroupProtocol;
  }
  const auto home = find_group_home(request, message.group_id);
  if (code == ErrorCode::kNone && !home) code = ErrorCode::kUnknownMemberId;
  if (code != ErrorCode::kNone) {
    response.error_code = request.count(code);
    co_return response;
  }
  stream::SyncReply reply = co_await ask_group(request, *home, &GroupCoordinator::sync, sync_command(message));
  response.error_code = request.count(to_error_code(reply.error));
  response.protocol_type = std::move(reply.protocol_type);
  response.protocol_name = std::move(reply.protocol_name);
  response.assignment = std::string(as_text(reply.assignment));
  co_return response;
}

runtime::Task<HeartbeatResponse> handle_heartbeat(Request& request, HeartbeatRequest message) {
  HeartbeatResponse response;
  ErrorCode code = refusal(request, message.group_id);
  const auto home = find_group_home(request, message.group_id);
  if (code == ErrorCode::kNone && !home) code = ErrorCode::kUnknownMemberId;
  if (code == ErrorCode::kNone) {
    stream::HeartbeatCommand command{std::string(message.group_id), Generation(message.generation_id),
                                     std::string(message.member_id), to_owned(message.group_instance_id)};
    const auto reply = co_await ask_group(request, *home, &GroupCoordinator::heartbeat, std::move(command));
    code = to_error_code(reply.error);
  }
  response.error_code = request.count(code);
  co_return response;
}

runtime::Task<LeaveGroupResponse> handle_leave_group(Request& request, LeaveGroupRequest message) {
  LeaveGroupResponse response;
  if (const ErrorCode code = refusal(request, message.group_id); code != ErrorCode::kNone) {
    response.error_code = request.count(code);
    co_return response;
  }
  stream::LeaveReply reply;
  stream::LeaveCommand command = leave_command(request, message);
  if (const auto home = find_group_home(request, message.group_id)) {
    reply = co_await ask_group(request, *home, &GroupCoordinator::leave, std::move(command));
  } else {
    reply = nobody_to_leave(std::move(command));
  }
  ErrorCode code = to_error_code(reply.error);
  for (stream::LeftMember& member : reply.members) {
    const ErrorCode member_code = to_error_code(member.error);
    if (request.version < kSeveralLeaveFrom) {
      if (code == ErrorCode::kNone) code = member_code;
      continue;
    }
    response.members.push_back(
        {std::move(member.member_id), std::move(member.instance_id), request.count(member_code)});
  }
  response.error_code = request.count(code);
  co_return response;
}

}  // namespace leat::kafka
