#pragma once

#include <optional>

#include "protocol/resp/call.h"

namespace leat::resp {

// How long a command waits: an argument in seconds, with decimals; 0 is for ever.
struct BlockTimeout {
  // False: it replied with an error.
  [[nodiscard]] bool parse(Call& call, std::size_t index);

  std::optional<Milliseconds> value;
};

}  // namespace leat::resp
