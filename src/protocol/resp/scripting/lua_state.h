#pragma once

// Lua 5.1 in its build as C++: its errors are exceptions, so that destructors run when one passes.
#include <lua.hpp>

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <type_traits>

namespace leat::resp {

// A Lua interpreter whose memory is limited: what needs more fails with "not enough memory".
class LuaState {
 public:
  // `owner` is what owner_of() gives to the functions that scripts call.
  LuaState(std::size_t memory_max, void* owner);
  LuaState(const LuaState&) = delete;
  LuaState& operator=(const LuaState&) = delete;
  ~LuaState();

  [[nodiscard]] lua_State* get() const { return lua_; }
  // Bytes in use, garbage included.
  [[nodiscard]] std::size_t memory() const { return used_; }

  // Of any coroutine of the interpreter.
  [[nodiscard]] static void* owner_of(lua_State* lua);
  // Pushes the handler for lua_pcall that makes errors tables as Redis has them: "err" is their text, with a code in front,
  // "source" and "line" where they came from.
  void push_error_handler();

 private:
  static void* allocate(void* self, void* block, std::size_t old_size, std::size_t new_size);

  std::size_t memory_max_;
  std::size_t used_ = 0;
  void* owner_;
  lua_State* lua_;
  int error_handler_;
};

inline void push(lua_State* lua, std::string_view text) { lua_pushlstring(lua, text.data(), text.size()); }
// The string, or number, at this place of the stack; a number becomes a string there.
inline std::string_view text_at(lua_State* lua, int index) {
  std::size_t size = 0;
  const char* data = lua_tolstring(lua, index, &size);
  return {data, data == nullptr ? 0 : size};
}

// Calls `body` where errors of Lua may be raised. Returns Lua's status; when it is not 0 the error is on the stack.
template <class Body>
int protect(lua_State* lua, Body&& body) {
  return lua_cpcall(
      lua,
      [](lua_State* inside) {
        (*static_cast<std::remove_reference_t<Body>*>(lua_touserdata(inside, 1)))();
        return 0;
      },
      const_cast<void*>(static_cast<const void*>(&body)));
}

// As luaL_loadbuffer, but for byte code, which could do anything: it is taken for the text of a program, and a wrong one.
[[nodiscard]] int load_program(lua_State* lua, std::string_view code, const char* name);

// Compiles a program. Returns the function's reference in the registry, or what is wrong.
[[nodiscard]] std::expected<int, std::string> compile(lua_State* lua, std::string_view code, const char* name);
// Forgets it.
void forget(lua_State* lua, int reference);

// The text of the error on top of the stack.
[[nodiscard]] std::string error_text(lua_State* lua);

// Ends the C function with an error in Redis's form, a table with "err": "ERR " and these words.
[[noreturn]] void raise_error(lua_State* lua, std::string_view words);
// Pushes that table. `text` begins with a code.
void push_error(lua_State* lua, std::string_view text);

}  // namespace leat::resp
