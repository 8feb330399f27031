#include "protocol/resp/local_rules.h"

#include <algorithm>

#include "protocol/resp/categories.h"
#include "protocol/resp/registry.h"

namespace leat::resp {
namespace {

// What a name in an error message shows at most.
constexpr std::size_t kShownMax = 128;

std::string full_name(const Command& container, const Command& command) {
  if (&container == &command) return std::string(command.name);
  return fmt::format("{}|{}", container.name, command.name);
}

// Those whose flags do not tell. Others of CLIENT are about the connection that asks; these are about all.
bool is_about_other_clients(const Command& container, const Command& command) {
  static constexpr std::string_view kNames[] = {"kill", "list", "pause", "unblock", "unpause"};
  return container.name == "client" && std::ranges::find(kNames, command.name) != std::end(kNames);
}

// The connection itself, the process, or a replica's side of it.
bool is_named(const Command& container, const Command& command) {
  static constexpr std::string_view kNames[] = {"debug",     "failover", "monitor",  "psync",   "replconf",
                                                "replicaof", "select",   "shutdown", "slaveof", "sync"};
  return &container == &command && std::ranges::find(kNames, command.name) != std::end(kNames);
}

bool needs_connection(const Command& container, const Command& command) {
  if (is_about_other_clients(container, command)) return false;
  const std::uint32_t categories = categories_of(command);
  const bool is_of_connection = (categories & kConnection) != 0 && command.is(kNoscript);
  // SUBSCRIBE and the like; PUBLISH and PUBSUB may be called by scripts.
  const bool subscribes = command.is(kPubsub) && command.is(kNoscript);
  return is_of_connection || subscribes || (categories & kTransaction) != 0 || command.is(kNoAuth) ||
         is_named(container, command);
}

bool runs_scripts(const Command& command) { return (command.categories & kScripting) != 0 && !command.keys.empty(); }

}  // namespace

Result<const Command*> look_up_local(Arguments words, const LocalRules& rules) {
  if (words.empty()) return fail(Errc::invalid_argument, "a command has at least its name");
  const Command* container = find_command(words[0]);
  if (container == nullptr)
    return fail(Errc::invalid_argument, fmt::format("unknown command '{}'", words[0].substr(0, kShownMax)));
  const Command* command = container;
  if (!container->subcommands.empty() && words.size() > 1) {
    command = find_subcommand(*container, words[1]);
    if (command == nullptr) {
      return fail(Errc::invalid_argument,
                  fmt::format("unknown subcommand '{}' of '{}'", words[1].substr(0, kShownMax), container->name));
    }
  }
  const auto refused = [&](std::string_view why) {
    return fail(Errc::permission_denied, fmt::format("'{}' {}", full_name(*container, *command), why));
  };
  const auto given = static_cast<std::int64_t>(words.size());
  if (command->handler == nullptr || (command->arity > 0 && given != command->arity) || given < -command->arity) {
    return fail(Errc::invalid_argument,
                fmt::format("wrong number of arguments for '{}'", full_name(*container, *command)));
  }
  if (needs_connection(*container, *command)) return refused("needs a connection of the Redis protocol");
  if (!rules.administers && (categories_of(*command) & kAdminCategory) != 0) return refused("is for administrators");
  if (rules.in_unit && (runs_scripts(*command) || command->is(kNoMulti)))
    return refused("cannot be one of several commands in a unit");
  return command;
}

}  // namespace leat::resp
