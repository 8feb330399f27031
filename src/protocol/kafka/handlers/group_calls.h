#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/kafka/handlers/admin.h"
#include "protocol/kafka/request.h"
#include "runtime/call.h"

// What the handlers of consumer groups have in common: the codes of the engine's errors, and the way to a group's
// coordinator, which lives on the shard that owns the group's partition of the offsets topic.
namespace leat::kafka {

[[nodiscard]] ErrorCode to_error_code(stream::GroupError error);

// Where a group's coordinator is.
struct GroupHome {
  std::size_t shard = 0;
  PartitionIndex partition;
};
// nullopt: the offsets topic was never made, so there is no group at all.
[[nodiscard]] std::optional<GroupHome> find_group_home(const Request& request, std::string_view group_id);
// Makes the offsets topic when it is missing. `group_id` outlives the call.
[[nodiscard]] runtime::Task<OrRefusal<GroupHome>> make_group_home(const Request& request, std::string_view group_id);

[[nodiscard]] inline bool allows_group(const Request& request, security::Operation operation, std::string_view id) {
  return request.allows(operation, security::ResourceType::group, id);
}
[[nodiscard]] inline std::optional<std::string> to_owned(const std::optional<std::string_view>& text) {
  return text ? std::optional<std::string>(*text) : std::nullopt;
}

template <class Reply, class Command>
using GroupMethod = runtime::Task<Reply> (stream::GroupCoordinator::*)(Command);

template <class Reply, class Command>
runtime::Task<Reply> ask_group_here(stream::GroupShard* groups, PartitionIndex partition,
                                    GroupMethod<Reply, Command> method, Command& command) {
  stream::GroupCoordinator* coordinator = groups->find(partition);
  if (coordinator != nullptr) co_return co_await (coordinator->*method)(std::move(command));
  Reply reply;
  reply.error = stream::GroupError::coordinator_not_available;
  co_return reply;
}

// Gives a command to a group's coordinator, wherever that is, and returns its reply. The command owns what it says.
template <class Reply, class Command>
runtime::Task<Reply> ask_group(const Request& request, GroupHome home, GroupMethod<Reply, Command> method,
                               Command command) {
  const KafkaNode& node = request.node();
  co_return co_await runtime::call_on(node.streams.shard(home.shard).shard(), ask_group_here<Reply, Command>,
                                      node.groups[home.shard], home.partition, method, std::move(command));
}

}  // namespace leat::kafka
