#pragma once

#include <algorithm>
#include <cstddef>

#include "protocol/resp/command.h"
#include "protocol/resp/parser.h"
#include "pubsub/hub.h"

namespace leat::resp {

// Which arguments of a command are channels that it listens to or sends to.
struct ChannelArguments {
  std::size_t first = 1;
  bool all = false;  // up to the last argument
  bool publishes = false;
  pubsub::Kind kind = pubsub::Kind::channel;

  [[nodiscard]] std::size_t end(Arguments arguments) const {
    return all ? arguments.size() : std::min(arguments.size(), first + 1);
  }
};

// nullptr: it has none.
[[nodiscard]] const ChannelArguments* channel_arguments(const Command& command);

}  // namespace leat::resp
