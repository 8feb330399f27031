#pragma once

#include "protocol/resp/scripting/lua_state.h"

// Libraries that scripts have beside Lua's own. Each pushes its table.

extern "C" {
int luaopen_cjson(lua_State* lua);  // of Debian's lua-cjson
int luaopen_bit(lua_State* lua);    // of Debian's lua-bitop
}

namespace leat::resp {

// struct: numbers and strings in the layout of C's structs (https://redis.io/docs/manual/programmability/lua-api/#struct-library).
int open_struct(lua_State* lua);
// cmsgpack: values as MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md).
int open_cmsgpack(lua_State* lua);

}  // namespace leat::resp
