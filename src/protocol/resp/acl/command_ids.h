#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/resp/command.h"

namespace leat::resp {

// A command or subcommand that rules can name.
struct RuledCommand {
  const Command* command;
  const Command* container;  // nullptr: it is no subcommand
  std::string name;          // "get", "config|set"
  std::uint32_t categories;
};

inline constexpr std::size_t kRuledCommandsMax = 1024;

// All of them, by name; the index of one is its id.
[[nodiscard]] std::span<const RuledCommand> ruled_commands();
[[nodiscard]] std::optional<std::size_t> ruled_command_id(const Command& command);

}  // namespace leat::resp
