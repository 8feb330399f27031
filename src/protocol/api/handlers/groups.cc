#include "stream/groups.h"

#include <nlohmann/json.hpp>

#include "protocol/api/handlers.h"
#include "protocol/api/paging.h"
#include "protocol/api/tags.h"
#include "pubsub/topic_reader.h"

namespace leat::api {
namespace {

using runtime::Task;
using security::Operation;
using security::ResourceType;
using stream::GroupCoordinator;
using stream::GroupError;

// What a group's error is to the client.
Problem problem_of_group(GroupError error) {
  const auto with = [error](int status, std::string_view kind) {
    return Problem{status, std::string(kind), std::string(to_string(error)), status == 503 ? 1 : 0};
  };
  switch (error) {
    case GroupError::none: break;
    case GroupError::group_id_not_found: return {404, "not-found", "there is no such group", 0};
    case GroupError::non_empty_group:
    case GroupError::unknown_member_id: return {409, "group-not-empty", "the group has members", 0};
    case GroupError::coordinator_load_in_progress:
    case GroupError::coordinator_not_available:
    case GroupError::not_coordinator:
    case GroupError::rebalance_in_progress: return with(503, "unavailable");
    case GroupError::offset_metadata_too_large:
    case GroupError::invalid_commit_offset_size: return with(413, "too-large");
    case GroupError::invalid_group_id:
    case GroupError::invalid_request:
    case GroupError::inconsistent_group_protocol:
    case GroupError::invalid_session_timeout:
    case GroupError::member_id_required: return with(400, "invalid-argument");
    case GroupError::fenced_instance_id:
    case GroupError::group_max_size_reached:
    case GroupError::group_subscribed_to_topic:
    case GroupError::illegal_generation: return with(409, "conflict");
  }
  return with(500, "internal");
}
std::unexpected<Problem> refuse_group(GroupError error) { return std::unexpected(problem_of_group(error)); }

Outcome<stream::GroupHome> home_of(const Request& request) {
  const auto home = stream::find_group_home(request.shard.topics(), request.node().streams, request.text("group"));
  if (!home) return refuse_group(GroupError::group_id_not_found);
  return *home;
}

Json json_of(const stream::DescribedMember& member) {
  Json json{{"member_id", member.member_id}, {"client_id", member.client_id}, {"host", member.client_host}};
  if (member.instance_id) json["instance_id"] = *member.instance_id;
  return json;
}

// A group's place in one partition, and how far that is from its end.
Task<Json> json_of(const Request& request, std::string topic, stream::FetchedOffset fetched) {
  Json json{{"topic", topic}, {"partition", fetched.partition.value()}, {"committed", fetched.offset.value()}};
  if (!fetched.metadata.empty()) json["metadata"] = fetched.metadata;
  const catalog::Topic* found = request.shard.topics().find(topic);
  if (found == nullptr) co_return json;
  const auto range = co_await pubsub::range_of(request.node().streams, {found->entry.id, fetched.partition});
  if (!range) co_return json;
  json["end"] = range->end.value();
  json["lag"] = std::max<std::int64_t>(range->end - fetched.offset, 0);
  co_return json;
}

struct GroupState {
  stream::DescribeGroupReply described;
  stream::OffsetFetchReply fetched;
};
Task<Outcome<GroupState>> look_at(const Request& request, stream::GroupHome home) {
  const ApiNode& node = request.node();
  const std::string group(request.text("group"));
  auto described = co_await stream::ask_group(node.streams, node.groups, home, &GroupCoordinator::describe,
                                              stream::DescribeGroupCommand{group});
  if (described.error != GroupError::none) co_return refuse_group(described.error);
  auto fetched = co_await stream::ask_group(node.streams, node.groups, home, &GroupCoordinator::fetch_offsets,
                                            stream::OffsetFetchCommand{group, std::nullopt});
  if (fetched.error != GroupError::none) co_return refuse_group(fetched.error);
  co_return GroupState{std::move(described), std::move(fetched)};
}

// Its state, its members and its offsets; how far it is behind is no part of what conditions guard.
std::string mark_of(const GroupState& state) {
  Json guarded = Json::array({to_string(state.described.state)});
  for (const stream::DescribedMember& member : state.described.members) guarded.push_back(json_of(member));
  for (const stream::FetchedTopic& topic : state.fetched.topics) {
    for (const stream::FetchedOffset& each : topic.partitions)
      guarded.push_back({topic.topic, each.partition.value(), each.offset.value(), each.metadata});
  }
  return digest_of(guarded.dump(-1, ' ', false, Json::error_handler_t::replace));
}

// Of a group that need not be there.
Task<Outcome<>> check_group(const Request& request) {
  if (!request.has("If-Match")) co_return Outcome<>();
  const auto home = home_of(request);
  if (!home) co_return precondition_failed();
  const auto state = co_await look_at(request, *home);
  if (!state && state.error().status == 404) co_return precondition_failed();
  if (!state) co_return std::unexpected(state.error());
  co_return check_match(request, mark_of(*state));
}

Answer show_group(const Request& request, stream::GroupHome home) {
  const std::string group(request.text("group"));
  LEAT_CO_TRY(const GroupState state, co_await look_at(request, home));
  const auto& [described, fetched] = state;
  Json members = Json::array();
  for (const stream::DescribedMember& member : described.members) members.push_back(json_of(member));
  Json offsets = Json::array();
  std::int64_t lag = 0;
  for (const stream::FetchedTopic& topic : fetched.topics) {
    if (!request.allows(Operation::describe, ResourceType::topic, topic.topic)) continue;
    for (const stream::FetchedOffset& partition : topic.partitions) {
      Json json = co_await json_of(request, topic.topic, partition);
      lag += json.value("lag", std::int64_t{0});
      offsets.push_back(std::move(json));
    }
  }
  Json body{{"group", group},
            {"state", to_string(described.state)},
            {"protocol_type", described.protocol_type},
            {"members", std::move(members)},
            {"offsets", std::move(offsets)},
            {"lag", lag}};
  if (!described.protocol_name.empty()) body["protocol"] = described.protocol_name;
  auto response = json_response(200, body);
  response.headers.emplace_back("ETag", tag_of(mark_of(state), response.body));
  co_return response;
}

// The offsets topic is made with the first group.
Task<Outcome<stream::GroupHome>> make_home(const Request& request) {
  if (auto home = home_of(request)) co_return home;
  const ApiNode& node = request.node();
  const auto created = co_await runtime::call_on(
      node.home,
      +[](stream::TopicService* topics, catalog::NewTopic topic) { return topics->create(std::move(topic)); },
      &node.topics, stream::offsets_topic(node.node, node.options.offsets_partitions));
  if (auto home = home_of(request)) co_return home;
  co_return refuse(created ? Error{Errc::offline, "the topic of committed offsets is being made"} : created.error());
}

Outcome<stream::OffsetCommitCommand> command_of(const Request& request) {
  stream::OffsetCommitCommand command;
  command.group_id = request.text("group");
  command.names_missing_group = true;
  for (const Json& wanted : request.body->at("offsets")) {
    const std::string topic = wanted.at("topic");
    const std::int32_t partition = wanted.at("partition");
    LEAT_CHECK(request.authorize(Operation::read, ResourceType::topic, topic));
    const catalog::Topic* found = request.shard.topics().find(topic);
    if (found == nullptr || partition >= found->entry.partitions)
      return refuse(404, "not-found", fmt::format("there is no partition {} of a topic '{}'", partition, topic));
    command.partitions.push_back({topic, PartitionIndex(partition), Offset(wanted.at("offset").get<std::int64_t>()),
                                  kNoEpoch, wanted.value("metadata", "")});
  }
  return command;
}

}  // namespace

Answer list_groups(Request& request) {
  const ApiNode& node = request.node();
  auto listed = co_await stream::list_groups(node.streams, node.groups, {});
  if (listed.error != GroupError::none) co_return refuse_group(listed.error);
  const bool all = request.allows(Operation::describe, ResourceType::cluster, security::kClusterName);
  std::ranges::sort(listed.groups, {}, &stream::ListedGroup::group_id);
  Page page(request);
  for (const stream::ListedGroup& group : listed.groups) {
    if (!all && !request.allows(Operation::describe, ResourceType::group, group.group_id)) continue;
    const bool goes_on = page.add(group.group_id, [&] {
      return Json{{"group", group.group_id}, {"state", to_string(group.state)}, {"protocol_type", group.protocol_type}};
    });
    if (!goes_on) break;
  }
  co_return page.response();
}

Answer get_group(Request& request) {
  LEAT_CO_TRY(const stream::GroupHome home, home_of(request));
  co_return co_await show_group(request, home);
}

Answer delete_group(Request& request) {
  LEAT_CO_TRY(const stream::GroupHome home, home_of(request));
  LEAT_CO_CHECK(co_await check_group(request));
  const auto deleted =
      co_await stream::ask_group(request.node().streams, request.node().groups, home, &GroupCoordinator::delete_group,
                                 stream::DeleteGroupCommand{std::string(request.text("group"))});
  if (deleted.error != GroupError::none) co_return refuse_group(deleted.error);
  co_return empty_response();
}

Answer set_offsets(Request& request) {
  LEAT_CO_TRY(stream::OffsetCommitCommand command, command_of(request));
  LEAT_CO_CHECK(co_await check_group(request));
  LEAT_CO_TRY(const stream::GroupHome home, co_await make_home(request));
  const auto committed = co_await stream::ask_group(request.node().streams, request.node().groups, home,
                                                    &GroupCoordinator::commit_offsets, std::move(command));
  if (committed.error != GroupError::none) co_return refuse_group(committed.error);
  for (const GroupError error : committed.partitions) {
    if (error != GroupError::none) co_return refuse_group(error);
  }
  co_return co_await show_group(request, home);
}

}  // namespace leat::api
