#include "protocol/resp/scripting/lua_state.h"

#include <fmt/format.h>

#include <cstdlib>
#include <new>

namespace leat::resp {
namespace {

void push_text_of(lua_State* lua, int index) {
  switch (lua_type(lua, index)) {
    case LUA_TSTRING:
    case LUA_TNUMBER:
      lua_pushvalue(lua, index);
      lua_tostring(lua, -1);
      break;
    case LUA_TNIL: lua_pushliteral(lua, "nil"); break;
    case LUA_TBOOLEAN: lua_pushstring(lua, lua_toboolean(lua, index) != 0 ? "true" : "false"); break;
    default: lua_pushfstring(lua, "%s: %p", luaL_typename(lua, index), lua_topointer(lua, index));
  }
}

bool has_error_text(lua_State* lua, int index) {
  if (!lua_istable(lua, index)) return false;
  lua_pushliteral(lua, "err");
  lua_rawget(lua, index);
  const bool has = lua_type(lua, -1) == LUA_TSTRING;
  lua_pop(lua, 1);
  return has;
}

int handle_error(lua_State* lua) {
  lua_Debug where{};
  // Level 1 raised it. If that is a function of a library, its caller is meant.
  bool known = lua_getstack(lua, 1, &where) != 0 && lua_getinfo(lua, "Sl", &where) != 0;
  if (known && where.what[0] == 'C') known = lua_getstack(lua, 2, &where) != 0 && lua_getinfo(lua, "Sl", &where) != 0;
  if (!has_error_text(lua, 1)) {
    lua_createtable(lua, 0, 3);
    lua_pushliteral(lua, "ERR ");
    push_text_of(lua, 1);
    lua_concat(lua, 2);
    lua_setfield(lua, -2, "err");
  }
  if (known) {
    lua_pushstring(lua, where.source);
    lua_setfield(lua, -2, "source");
    lua_pushinteger(lua, where.currentline);
    lua_setfield(lua, -2, "line");
  }
  return 1;
}

}  // namespace

LuaState::LuaState(std::size_t memory_max, void* owner)
    : memory_max_(memory_max), owner_(owner), lua_(lua_newstate(allocate, this)) {
  if (lua_ == nullptr) throw std::bad_alloc();
  lua_pushcfunction(lua_, handle_error);
  error_handler_ = luaL_ref(lua_, LUA_REGISTRYINDEX);
}

LuaState::~LuaState() { lua_close(lua_); }

void* LuaState::allocate(void* self, void* block, std::size_t old_size, std::size_t new_size) {
  auto& state = *static_cast<LuaState*>(self);
  if (new_size == 0) {
    state.used_ -= old_size;
    std::free(block);
    return nullptr;
  }
  // What shrinks must not fail.
  if (new_size > old_size && state.used_ + (new_size - old_size) > state.memory_max_) return nullptr;
  void* now = std::realloc(block, new_size);
  if (now != nullptr) state.used_ = state.used_ - old_size + new_size;
  return now;
}

void* LuaState::owner_of(lua_State* lua) {
  void* state = nullptr;
  lua_getallocf(lua, &state);
  return static_cast<LuaState*>(state)->owner_;
}

int load_program(lua_State* lua, std::string_view code, const char* name) {
  if (!code.starts_with(LUA_SIGNATURE[0])) return luaL_loadbuffer(lua, code.data(), code.size(), name);
  // Behind a blank it is the text of a program, and a wrong one.
  const std::string text = " " + std::string(code);
  return luaL_loadbuffer(lua, text.data(), text.size(), name);
}

std::expected<int, std::string> compile(lua_State* lua, std::string_view code, const char* name) {
  int reference = LUA_NOREF;
  std::string error;
  const int status = protect(lua, [&] {
    if (load_program(lua, code, name) == 0) {
      reference = luaL_ref(lua, LUA_REGISTRYINDEX);
    } else {
      error = text_at(lua, -1);
    }
  });
  if (status != 0) {
    error = text_at(lua, -1);
    lua_pop(lua, 1);
  }
  if (reference == LUA_NOREF) return std::unexpected(std::move(error));
  return reference;
}

void forget(lua_State* lua, int reference) { luaL_unref(lua, LUA_REGISTRYINDEX, reference); }

void LuaState::push_error_handler() { lua_rawgeti(lua_, LUA_REGISTRYINDEX, error_handler_); }

std::string error_text(lua_State* lua) {
  if (!lua_istable(lua, -1)) return fmt::format("ERR {}", text_at(lua, -1));
  lua_pushliteral(lua, "err");
  lua_rawget(lua, -2);
  std::string text(text_at(lua, -1));
  lua_pop(lua, 1);
  return text;
}

void push_error(lua_State* lua, std::string_view text) {
  lua_createtable(lua, 0, 1);
  push(lua, text);
  lua_setfield(lua, -2, "err");
}

void raise_error(lua_State* lua, std::string_view words) {
  push_error(lua, fmt::format("ERR {}", words));
  lua_error(lua);
  std::abort();  // lua_error does not return
}

}  // namespace leat::resp
