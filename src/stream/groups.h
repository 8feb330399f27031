#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/call.h"
#include "stream/group_shard.h"

// The way to a group's coordinator, which lives on the shard that owns the group's partition of the offsets topic. All may be
// called on any shard. `shards`: the coordinators of each shard of `streams`.
namespace leat::stream {

// The offsets topic, to be made when the first group needs it.
[[nodiscard]] catalog::NewTopic offsets_topic(NodeId node, std::int32_t partitions);

// Where a group's coordinator is.
struct GroupHome {
  std::size_t shard = 0;
  PartitionIndex partition;
};
// nullopt: the offsets topic was never made, so there is no group at all.
[[nodiscard]] std::optional<GroupHome> find_group_home(const catalog::TopicsSnapshot& topics, const Streams& streams,
                                                       std::string_view group_id);

template <class Reply, class Command>
using GroupMethod = runtime::Task<Reply> (GroupCoordinator::*)(Command);

template <class Reply, class Command>
runtime::Task<Reply> ask_group_here(GroupShard* groups, PartitionIndex partition, GroupMethod<Reply, Command> method,
                                    Command& command) {
  GroupCoordinator* coordinator = groups->find(partition);
  if (coordinator != nullptr) co_return co_await (coordinator->*method)(std::move(command));
  Reply reply;
  reply.error = GroupError::coordinator_not_available;
  co_return reply;
}

// Gives a command to a group's coordinator, wherever that is, and returns its reply. The command owns what it says.
template <class Reply, class Command>
runtime::Task<Reply> ask_group(const Streams& streams, const std::vector<GroupShard*>& shards, GroupHome home,
                               GroupMethod<Reply, Command> method, Command command) {
  co_return co_await runtime::call_on(streams.shard(home.shard).shard(), ask_group_here<Reply, Command>,
                                      shards[home.shard], home.partition, method, std::move(command));
}

// Of all coordinators, in no order.
[[nodiscard]] runtime::Task<ListGroupsReply> list_groups(const Streams& streams, const std::vector<GroupShard*>& shards,
                                                         ListGroupsCommand command);

}  // namespace leat::stream
