#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "protocol/resp/command.h"
#include "protocol/resp/parser.h"

namespace leat::resp {

// A key among a command's arguments, and what the command does with it.
struct KeyPosition {
  std::size_t index;
  std::uint16_t flags;  // KeyFlag

  friend bool operator==(const KeyPosition&, const KeyPosition&) = default;
};

// Fills `keys` with the keys of a command, as COMMAND GETKEYS tells them; `arguments` begin with its name (a subcommand's with
// its container's). False when the arguments are not as the command needs them to have keys.
[[nodiscard]] bool find_keys(const Command& command, Arguments arguments, std::vector<KeyPosition>& keys);

// Whether the command may have keys at all: channels that are told to clients like keys are none.
[[nodiscard]] inline bool has_keys(const Command& command) {
  return std::ranges::any_of(command.keys, [](const KeySpec& spec) { return (spec.flags & kKeyNotKey) == 0; });
}

}  // namespace leat::resp
