#include "stream/groups.h"

#include <algorithm>
#include <iterator>

#include "stream/group_partition.h"

namespace leat::stream {
namespace {

using runtime::Task;

void merge(ListGroupsReply from, ListGroupsReply& into) {
  if (from.error != GroupError::none) into.error = from.error;
  std::ranges::move(from.groups, std::back_inserter(into.groups));
}

Task<> list_partition(GroupCoordinator& coordinator, const ListGroupsCommand& command, ListGroupsReply& reply) {
  merge(co_await coordinator.list(command), reply);
}

Task<ListGroupsReply> list_here(GroupShard* groups, const ListGroupsCommand& command) {
  groups->start_all();
  ListGroupsReply reply;
  runtime::TaskScope scope;
  for (const auto& [partition, coordinator] : groups->coordinators())
    scope.spawn(list_partition(*coordinator, command, reply));
  co_await scope.join();
  co_return reply;
}

Task<> list_shard(StreamShard& streams, GroupShard* groups, const ListGroupsCommand& command, ListGroupsReply& reply) {
  merge(co_await runtime::call_on(streams.shard(), list_here, groups, command), reply);
}

}  // namespace

catalog::NewTopic offsets_topic(NodeId node, std::int32_t partitions) {
  catalog::NewTopic topic;
  topic.name = std::string(kOffsetsTopic);
  topic.replicas = catalog::replicas_on(node, partitions);
  topic.internal = true;
  topic.config = {{"cleanup.policy", "compact"},
                  {"compression.type", "producer"},
                  {"leat.flush", "commit"},
                  {"segment.bytes", "104857600"}};
  return topic;
}

std::optional<GroupHome> find_group_home(const catalog::TopicsSnapshot& topics, const Streams& streams,
                                         std::string_view group_id) {
  const catalog::Topic* topic = topics.find(kOffsetsTopic);
  if (topic == nullptr) return std::nullopt;
  const PartitionIndex partition = group_partition(group_id, topic->entry.partitions);
  return GroupHome{streams.owner({topic->entry.id, partition}), partition};
}

Task<ListGroupsReply> list_groups(const Streams& streams, const std::vector<GroupShard*>& shards,
                                  ListGroupsCommand command) {
  ListGroupsReply listed;
  runtime::TaskScope scope;
  for (std::size_t i = 0; i < shards.size(); ++i) scope.spawn(list_shard(streams.shard(i), shards[i], command, listed));
  co_await scope.join();
  co_return listed;
}

}  // namespace leat::stream
