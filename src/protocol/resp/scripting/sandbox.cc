#include "protocol/resp/scripting/sandbox.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "protocol/resp/scripting/libraries.h"

namespace leat::resp {
namespace {

// In the metatable of a read-only table, under the address of this: the table behind it.
constexpr char kBehind = 0;
constexpr char kReadOnly[] = "Attempt to modify a readonly table";

void push_key(lua_State* lua) { lua_pushlightuserdata(lua, const_cast<char*>(&kBehind)); }

// Pushes the table behind a read-only one. False, and nothing pushed: it is something else.
bool push_behind(lua_State* lua, int index) {
  if (lua_type(lua, index) != LUA_TTABLE || lua_getmetatable(lua, index) == 0) return false;
  push_key(lua);
  lua_rawget(lua, -2);
  lua_remove(lua, -2);
  if (lua_istable(lua, -1)) return true;
  lua_pop(lua, 1);
  return false;
}

bool is_read_only(lua_State* lua, int index) {
  if (!push_behind(lua, index)) return false;
  lua_pop(lua, 1);
  return true;
}

// Functions of Lua's libraries that are called through one of ours, which has theirs as its first upvalue.
lua_CFunction original(lua_State* lua) {
  return reinterpret_cast<lua_CFunction>(lua_touserdata(lua, lua_upvalueindex(1)));
}

int refuse_change(lua_State* lua) { return luaL_error(lua, kReadOnly); }

int refuse_name(lua_State* lua) {
  if (lua_isstring(lua, 2) == 0)
    return luaL_error(lua, "Second argument to luaProtectedTableError must be a string or number");
  return luaL_error(lua, "Script attempted to access nonexistent global variable '%s'", lua_tostring(lua, 2));
}

// A function that changes its first argument.
int changing(lua_State* lua) {
  if (is_read_only(lua, 1)) {
    lua_pushstring(lua, kReadOnly);
    return lua_error(lua);
  }
  return original(lua)(lua);
}

// A function that reads its first argument.
int reading(lua_State* lua) {
  if (push_behind(lua, 1)) lua_replace(lua, 1);
  return original(lua)(lua);
}

// A function that matches its second argument, a pattern: Lua 5.1 goes down the stack for each of these characters in it.
int matching(lua_State* lua) {
  constexpr std::size_t kDepthMax = 10'000;
  if (lua_type(lua, 2) == LUA_TSTRING) {
    const std::string_view pattern = text_at(lua, 2);
    const auto goes_down = [](char c) { return std::string_view("?*+-(").find(c) != std::string_view::npos; };
    if (pattern.size() > kDepthMax &&
        std::ranges::count_if(pattern, goes_down) > static_cast<std::ptrdiff_t>(kDepthMax))
      return luaL_error(lua, "pattern too complex");
  }
  return original(lua)(lua);
}

// The upvalue is `next`.
int pairs(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TTABLE);
  lua_pushvalue(lua, lua_upvalueindex(1));
  lua_pushvalue(lua, 1);
  lua_pushnil(lua);
  return 3;
}

int get_metatable(lua_State* lua) {
  if (!is_read_only(lua, 1)) return original(lua)(lua);
  lua_getmetatable(lua, 1);
  lua_getfield(lua, -1, "__metatable");
  return 1;
}

// Errors of redis.call are tables; who catches one is given its text.
int protected_call(lua_State* lua) {
  const int arguments = lua_gettop(lua);
  if (arguments == 0) {
    lua_pushboolean(lua, 0);
    lua_pushliteral(lua, "attempt to call a boolean value");
    return 2;
  }
  lua_pushboolean(lua, 1);
  lua_insert(lua, 1);
  if (lua_pcall(lua, arguments - 1, LUA_MULTRET, 0) == 0) return lua_gettop(lua);
  if (lua_istable(lua, -1)) {
    lua_pushliteral(lua, "err");
    lua_rawget(lua, -2);
    if (lua_type(lua, -1) == LUA_TSTRING) {
      lua_replace(lua, -2);
    } else {
      lua_pop(lua, 1);
    }
  }
  lua_pushboolean(lua, 0);
  lua_insert(lua, -2);
  return 2;
}

int load_text(lua_State* lua, std::string_view text, const char* name) {
  if (load_program(lua, text, name) == 0) return 1;
  lua_pushnil(lua);
  lua_insert(lua, -2);
  return 2;
}

int load_string(lua_State* lua) {
  luaL_checkstring(lua, 1);
  const std::string_view text = text_at(lua, 1);
  return load_text(lua, text, luaL_optstring(lua, 2, text.data()));
}

int load(lua_State* lua) {
  const char* name = luaL_optstring(lua, 2, "=(load)");
  luaL_checktype(lua, 1, LUA_TFUNCTION);
  std::string text;
  while (true) {
    lua_pushvalue(lua, 1);
    if (lua_pcall(lua, 0, 1, 0) != 0) {
      lua_pushnil(lua);
      lua_insert(lua, -2);
      return 2;
    }
    if (!lua_isnil(lua, -1) && lua_isstring(lua, -1) == 0) {
      lua_pushnil(lua);
      lua_pushliteral(lua, "reader function must return a string");
      return 2;
    }
    const std::string_view piece = text_at(lua, -1);
    if (piece.empty()) break;
    text += piece;
    lua_pop(lua, 1);
  }
  return load_text(lua, text, name);
}

// What would keep the collector from working, for the scripts that follow too, does nothing.
int collect_garbage(lua_State* lua) {
  const std::string_view option = luaL_optstring(lua, 1, "collect");
  if (option == "stop" || option == "restart" || option == "setpause" || option == "setstepmul") {
    lua_pushinteger(lua, 0);
    return 1;
  }
  return original(lua)(lua);
}

Random48& generator(lua_State* lua) { return *static_cast<Random48*>(lua_touserdata(lua, lua_upvalueindex(1))); }

int random_number(lua_State* lua) {
  constexpr std::int32_t kMax = 0x7FFFFFFF;
  const double part = static_cast<double>(generator(lua).next() % kMax) / kMax;
  const int arguments = lua_gettop(lua);
  if (arguments == 0) {
    lua_pushnumber(lua, part);
    return 1;
  }
  if (arguments > 2) return luaL_error(lua, "wrong number of arguments");
  const int from = arguments == 1 ? 1 : luaL_checkint(lua, 1);
  const int to = luaL_checkint(lua, arguments);
  luaL_argcheck(lua, from <= to, arguments, "interval is empty");
  const double width = static_cast<double>(to) - from + 1;
  lua_pushnumber(lua, std::floor(part * width) + from);
  return 1;
}

int seed_random(lua_State* lua) {
  generator(lua).seed(luaL_checkint(lua, 1));
  return 0;
}

// Replaces the function `name` of the table on top of the stack by one that has it as its upvalue.
void wrap(lua_State* lua, const char* name, lua_CFunction with) {
  lua_getfield(lua, -1, name);
  lua_pushlightuserdata(lua, reinterpret_cast<void*>(lua_tocfunction(lua, -1)));
  lua_pushcclosure(lua, with, 1);
  lua_setfield(lua, -3, name);
  lua_pop(lua, 1);
}

void set_function(lua_State* lua, const char* name, lua_CFunction function) {
  lua_pushcfunction(lua, function);
  lua_setfield(lua, -2, name);
}

void open(lua_State* lua, lua_CFunction library, const char* name) {
  lua_pushcfunction(lua, library);
  lua_pushstring(lua, name);
  lua_call(lua, 1, 0);
}

// As above, for one that gives its table and leaves the global variables alone.
void open_into(lua_State* lua, lua_CFunction library, const char* name) {
  lua_pushcfunction(lua, library);
  lua_call(lua, 0, 1);
  lua_setfield(lua, -2, name);
}

void restrict_base(lua_State* lua) {
  for (const char* name :
       {"dofile", "getfenv", "loadfile", "newproxy", "print", "setfenv", "package", "require", "module"}) {
    lua_pushnil(lua);
    lua_setfield(lua, -2, name);
  }
  wrap(lua, "setmetatable", changing);
  wrap(lua, "rawset", changing);
  wrap(lua, "rawget", reading);
  wrap(lua, "next", reading);
  wrap(lua, "getmetatable", get_metatable);
  wrap(lua, "collectgarbage", collect_garbage);
  set_function(lua, "pcall", protected_call);
  set_function(lua, "load", load);
  set_function(lua, "loadstring", load_string);
  lua_getfield(lua, -1, "next");
  lua_pushcclosure(lua, pairs, 1);
  lua_setfield(lua, -2, "pairs");

  lua_getfield(lua, -1, "string");
  for (const char* name : {"find", "match", "gmatch", "gfind", "gsub"}) wrap(lua, name, matching);
  lua_pop(lua, 1);

  lua_getfield(lua, -1, "table");
  wrap(lua, "insert", changing);
  wrap(lua, "remove", changing);
  lua_pop(lua, 1);
}

void replace_random(lua_State* lua, Random48& random) {
  lua_getfield(lua, -1, "math");
  lua_pushlightuserdata(lua, &random);
  lua_pushcclosure(lua, random_number, 1);
  lua_setfield(lua, -2, "random");
  lua_pushlightuserdata(lua, &random);
  lua_pushcclosure(lua, seed_random, 1);
  lua_setfield(lua, -2, "randomseed");
  lua_pop(lua, 1);
}

// Strings find their methods in a metatable of their own; scripts see a copy of it, which leads to the `string` that they see.
void hide_string_metatable(lua_State* lua, int globals) {
  lua_pushliteral(lua, "");
  lua_getmetatable(lua, -1);
  lua_createtable(lua, 0, 1);
  lua_getfield(lua, globals, "string");
  lua_setfield(lua, -2, "__index");
  make_read_only(lua);
  lua_setfield(lua, -2, "__metatable");
  lua_pop(lua, 2);
}

}  // namespace

void push_globals(lua_State* lua, Random48& random) {
  open(lua, luaopen_base, "");
  open(lua, luaopen_table, LUA_TABLIBNAME);
  open(lua, luaopen_string, LUA_STRLIBNAME);
  open(lua, luaopen_math, LUA_MATHLIBNAME);
  lua_pushvalue(lua, LUA_GLOBALSINDEX);
  open_into(lua, luaopen_cjson, "cjson");
  open_into(lua, luaopen_bit, "bit");
  open_into(lua, open_struct, "struct");
  open_into(lua, open_cmsgpack, "cmsgpack");
  restrict_base(lua);
  replace_random(lua, random);
}

void show_instead(lua_State* lua) {
  lua_getmetatable(lua, -2);
  push_key(lua);
  lua_pushvalue(lua, -3);
  lua_rawset(lua, -3);
  lua_pushvalue(lua, -2);
  lua_setfield(lua, -2, "__index");
  lua_pop(lua, 2);
}

void make_read_only(lua_State* lua) {
  lua_newtable(lua);
  lua_createtable(lua, 0, 4);
  lua_pushcfunction(lua, refuse_change);
  lua_setfield(lua, -2, "__newindex");
  lua_setmetatable(lua, -2);
  lua_insert(lua, -2);
  show_instead(lua);
}

void refuse_unknown_names(lua_State* lua) {
  lua_createtable(lua, 0, 1);
  lua_pushcfunction(lua, refuse_name);
  lua_setfield(lua, -2, "__index");
  lua_setmetatable(lua, -2);
}

void seal_globals(lua_State* lua) {
  const int globals = lua_gettop(lua);
  lua_pushnil(lua);
  lua_setfield(lua, globals, "_G");
  lua_pushnil(lua);
  while (lua_next(lua, globals) != 0) {
    if (lua_istable(lua, -1)) {
      make_read_only(lua);
      lua_pushvalue(lua, -2);
      lua_insert(lua, -2);
      lua_rawset(lua, globals);
    } else {
      lua_pop(lua, 1);
    }
  }
  hide_string_metatable(lua, globals);
  refuse_unknown_names(lua);
  lua_pushvalue(lua, globals);
  make_read_only(lua);
  lua_getmetatable(lua, -1);
  lua_createtable(lua, 0, 1);
  lua_pushcfunction(lua, refuse_name);
  lua_setfield(lua, -2, "__index");
  make_read_only(lua);
  lua_setfield(lua, -2, "__metatable");
  lua_pop(lua, 1);
  lua_pushvalue(lua, -1);
  lua_setfield(lua, globals, "_G");
  lua_replace(lua, globals);
}

}  // namespace leat::resp
