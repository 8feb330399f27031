#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocol/resp/command.h"
#include "protocol/resp/parser.h"
#include "pubsub/hub.h"

namespace leat::resp {

// Why something is not allowed. The order is that of Redis: of several, the last counts.
enum class Denial : std::uint8_t { none, command, key, channel };

struct AclCheck {
  Denial denial = Denial::none;
  std::size_t index = 0;  // of the argument that is not allowed
  explicit operator bool() const { return denial == Denial::none; }
};

// What the one behind a connection may do: by rules of Redis (User), or by leat's grants (GrantedAccess).
class Access {
 public:
  virtual ~Access() = default;

  // Everything is allowed: there is nothing to check.
  [[nodiscard]] bool is_unrestricted() const { return unrestricted_; }
  // `arguments` begin with the command's name, or its container's.
  [[nodiscard]] virtual AclCheck check(const Command& command, Arguments arguments) const = 0;
  // Whether it may go on listening to what this name stands for.
  [[nodiscard]] virtual bool allows_channel(std::string_view name, pubsub::Kind kind) const = 0;

 protected:
  Access() = default;
  Access(const Access&) = default;
  Access& operator=(const Access&) = default;

  bool unrestricted_ = false;
};

}  // namespace leat::resp
