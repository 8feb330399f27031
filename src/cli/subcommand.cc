#include "cli/subcommand.h"

#include <CLI/CLI.hpp>

namespace leat::cli {

CLI::App* add_subcommand(CLI::App& parent, const std::string& name, const std::string& what, Action action,
                         Invocation& chosen) {
  CLI::App* command = parent.add_subcommand(name, what);
  command->callback([action = std::move(action), &chosen] { chosen.action = action; });
  return command;
}

CLI::App* add_subcommand_group(CLI::App& parent, const std::string& name, const std::string& what) {
  CLI::App* group = parent.add_subcommand(name, what);
  group->require_subcommand(1);
  return group;
}

}  // namespace leat::cli
