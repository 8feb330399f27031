#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/kafka/handlers/admin.h"
#include "protocol/kafka/request.h"
#include "stream/groups.h"

// What the handlers of consumer groups have in common: the codes of the engine's errors, and the way to a group's coordinator.
namespace leat::kafka {

[[nodiscard]] ErrorCode to_error_code(stream::GroupError error);

using stream::GroupHome;
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

// See stream::ask_group.
template <class Reply, class Command>
runtime::Task<Reply> ask_group(const Request& request, GroupHome home, stream::GroupMethod<Reply, Command> method,
                               Command command) {
  co_return co_await stream::ask_group(request.node().streams, request.node().groups, home, method, std::move(command));
}

}  // namespace leat::kafka
