#pragma once

#include <cstdint>

#include "protocol/resp/scripting/lua_state.h"

namespace leat::resp {

// The generator behind math.random: POSIX's lrand48, so that a script draws the same numbers wherever it runs.
class Random48 {
 public:
  void seed(std::int32_t value) { state_ = (std::uint64_t{static_cast<std::uint32_t>(value)} << 16) + 0x330E; }
  // 0 to 2^31 - 1.
  [[nodiscard]] std::int32_t next() {
    state_ = (state_ * 0x5DEECE66D + 0xB) & ((std::uint64_t{1} << 48) - 1);
    return static_cast<std::int32_t>(state_ >> 17);
  }

 private:
  std::uint64_t state_ = 0x1234ABCD330E;
};

// Opens the libraries that scripts may use, and pushes the table of their global variables: nothing of it reaches files, the
// process or the interpreter, and byte code cannot be loaded. `random` outlives the state.
void push_globals(lua_State* lua, Random48& random);

// Replaces the table on top of the stack by one that reads the same, and which scripts cannot change.
void make_read_only(lua_State* lua);
// Takes a table from the top of the stack: the read-only one below it now shows this.
void show_instead(lua_State* lua);
// Makes reading what is not in the table on top of the stack an error of the script.
void refuse_unknown_names(lua_State* lua);
// Makes the tables in the table on top of the stack read-only, then itself, and gives it to itself as `_G`.
void seal_globals(lua_State* lua);

}  // namespace leat::resp
