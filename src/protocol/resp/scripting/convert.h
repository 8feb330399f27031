#pragma once

#include "protocol/resp/reply.h"
#include "protocol/resp/scripting/lua_state.h"

namespace leat::resp {

// Pushes a command's reply, as it would go to a client, as the value that scripts get for it
// (https://redis.io/docs/manual/programmability/lua-api/#data-type-conversion).
void push_reply(lua_State* lua, std::string_view reply);

// Writes the value on top of the stack as a reply, and pops it. `script_protocol` is what the script asked for with setresp.
void write_value(lua_State* lua, Reply& reply, Protocol script_protocol);

}  // namespace leat::resp
