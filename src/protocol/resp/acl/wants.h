#pragma once

#include <cstdint>
#include <string_view>

#include "protocol/resp/acl/command_ids.h"

namespace leat::resp {

// What a command wants of leat's grants. Of keys among its arguments it wants, whatever else, what it does with them: `read`
// for what is told of them, `write` for what is changed, `describe` when it is only about their being there.
enum class Want : std::uint8_t {
  nothing,         // it is about the connection itself, or tells what everybody may know
  keys,            // only what it does with its keys
  watched_keys,    // `read` of its keys
  every_key,       // `read` of all keys, or of those that its pattern can match
  broadcasts,      // `read` of all keys that begin with its prefixes, if changes of any are told
  some_key,        // `read` or `write` of any: it runs code, which is asked for each command that it calls
  locks,           // its keys are locks: `write` on those that it changes, else `describe`
  channels,        // `read` on those that it listens to, `write` on those that it sends to; on topics, if they are some
  known_channels,  // `describe` on those that it names
  every_channel,   // `describe` on all
  describe_cluster,  // it tells of the server
  alter_cluster,     // all else
};
[[nodiscard]] std::string_view to_string(Want want);

// It follows from the command's categories and flags, but for a few exceptions.
[[nodiscard]] Want want_of(const RuledCommand& command);
// The same, looked up.
[[nodiscard]] Want want_of(const Command& command);

}  // namespace leat::resp
