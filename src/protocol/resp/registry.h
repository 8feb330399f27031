#pragma once

#include <span>
#include <string_view>

#include "protocol/resp/command.h"

namespace leat::resp {

// Each family's part of the one table, in the file of its handlers (commands/).
[[nodiscard]] std::span<const Command> acl_commands();
[[nodiscard]] std::span<const Command> bitmap_commands();
[[nodiscard]] std::span<const Command> client_commands();
[[nodiscard]] std::span<const Command> command_info_commands();
[[nodiscard]] std::span<const Command> connection_commands();
[[nodiscard]] std::span<const Command> database_commands();
[[nodiscard]] std::span<const Command> generic_commands();
[[nodiscard]] std::span<const Command> geo_commands();
[[nodiscard]] std::span<const Command> hash_commands();
[[nodiscard]] std::span<const Command> hash_field_commands();
[[nodiscard]] std::span<const Command> hyperloglog_commands();
[[nodiscard]] std::span<const Command> list_commands();
[[nodiscard]] std::span<const Command> lock_commands();
[[nodiscard]] std::span<const Command> pubsub_commands();
[[nodiscard]] std::span<const Command> script_commands();
[[nodiscard]] std::span<const Command> server_commands();
[[nodiscard]] std::span<const Command> set_commands();
[[nodiscard]] std::span<const Command> sorted_set_commands();
[[nodiscard]] std::span<const Command> stream_commands();
[[nodiscard]] std::span<const Command> string_commands();
[[nodiscard]] std::span<const Command> transaction_commands();
[[nodiscard]] std::span<const Command> time_commands();
[[nodiscard]] std::span<const Command> memory_commands();
[[nodiscard]] std::span<const Command> node_commands();
[[nodiscard]] std::span<const Command> cluster_commands();

// All commands, in no order.
[[nodiscard]] std::span<const Command* const> all_commands();
// The command of this name, in any case; nullptr: there is none.
[[nodiscard]] const Command* find_command(std::string_view name);
// The subcommand of this name, in any case.
[[nodiscard]] const Command* find_subcommand(const Command& container, std::string_view name);

}  // namespace leat::resp
