#include "protocol/resp/acl/command_ids.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <unordered_map>
#include <vector>

#include "protocol/resp/categories.h"
#include "protocol/resp/registry.h"

namespace leat::resp {
namespace {

struct Ids {
  Ids() {
    for (const Command* command : all_commands()) {
      commands.push_back({command, nullptr, std::string(command->name), categories_of(*command)});
      for (const Command& sub : command->subcommands)
        commands.push_back({&sub, command, fmt::format("{}|{}", command->name, sub.name), categories_of(sub)});
    }
    std::ranges::sort(commands, {}, &RuledCommand::name);
    assert(commands.size() <= kRuledCommandsMax);
    for (std::size_t i = 0; i < commands.size(); ++i) ids.emplace(commands[i].command, i);
  }

  std::vector<RuledCommand> commands;
  std::unordered_map<const Command*, std::size_t> ids;
};

const Ids& ids() {
  static const Ids ids;
  return ids;
}

}  // namespace

std::span<const RuledCommand> ruled_commands() { return ids().commands; }

std::optional<std::size_t> ruled_command_id(const Command& command) {
  const auto found = ids().ids.find(&command);
  return found == ids().ids.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace leat::resp
