#pragma once

#include "protocol/resp/scripting/lua_state.h"

namespace leat::resp {

// The tables that scripts know as `redis` (https://redis.io/docs/manual/programmability/lua-api/#redis_object). Their functions
// expect that the interpreter's owner is a Scripting.

// While a script or a function runs.
void push_redis_table(lua_State* lua, bool for_eval);
// While a library registers its functions.
void push_loading_redis_table(lua_State* lua);

}  // namespace leat::resp
