#include "protocol/resp/scripting/convert.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace leat::resp {
namespace {

// Reads what the server itself wrote.
class ReplyReader {
 public:
  ReplyReader(lua_State* lua, std::string_view reply) : lua_(lua), at_(reply.data()) {}

  void push_next() {
    luaL_checkstack(lua_, 4, "reply too deep");
    const char type = *at_++;
    switch (type) {
      case '$':
      case '*':
      case '~':
      case '%': return push_sized(type);
      case ':': return lua_pushnumber(lua_, static_cast<double>(integer()));
      case '+': return push_field("ok", line());
      case '-': return push_field("err", line());
      case '_': line(); return lua_pushnil(lua_);
      case '#': return lua_pushboolean(lua_, line() == "t" ? 1 : 0);
      case ',': {
        // The text ends before the end of the line.
        lua_createtable(lua_, 0, 1);
        lua_pushnumber(lua_, std::strtod(at_, nullptr));
        lua_setfield(lua_, -2, "double");
        line();
        return;
      }
      case '(': return push_field("big_number", line());
      case '=': return push_verbatim();
      case '|': return push_attributes();
      default: luaL_error(lua_, "a reply of an unknown type: %c", type);
    }
  }

 private:
  std::string_view line() {
    const char* begin = at_;
    while (*at_ != '\r') ++at_;
    const std::string_view text(begin, static_cast<std::size_t>(at_ - begin));
    at_ += 2;
    return text;
  }
  std::int64_t integer() {
    const std::string_view text = line();
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  }
  std::string_view bulk(std::int64_t size) {
    const std::string_view bytes(at_, static_cast<std::size_t>(size));
    at_ += size + 2;
    return bytes;
  }

  void push_sized(char type) {
    const std::int64_t size = integer();
    if (size < 0) return lua_pushboolean(lua_, 0);
    switch (type) {
      case '$': return push(lua_, bulk(size));
      case '*': return push_array(size);
      case '~': return push_set(size);
      default: return push_map("map", size);
    }
  }
  void push_array(std::int64_t size) {
    lua_createtable(lua_, static_cast<int>(size), 0);
    for (int i = 1; i <= size; ++i) {
      push_next();
      lua_rawseti(lua_, -2, i);
    }
  }
  void push_map(const char* field, std::int64_t size) {
    lua_createtable(lua_, 0, 1);
    lua_createtable(lua_, 0, static_cast<int>(size));
    for (std::int64_t i = 0; i < size; ++i) {
      push_next();
      push_next();
      lua_rawset(lua_, -3);
    }
    lua_setfield(lua_, -2, field);
  }
  void push_set(std::int64_t size) {
    lua_createtable(lua_, 0, 1);
    lua_createtable(lua_, 0, static_cast<int>(size));
    for (std::int64_t i = 0; i < size; ++i) {
      push_next();
      lua_pushboolean(lua_, 1);
      lua_rawset(lua_, -3);
    }
    lua_setfield(lua_, -2, "set");
  }
  void push_field(const char* field, std::string_view text) {
    lua_createtable(lua_, 0, 1);
    push(lua_, text);
    lua_setfield(lua_, -2, field);
  }
  void push_verbatim() {
    const std::string_view bytes = bulk(integer());
    lua_createtable(lua_, 0, 1);
    lua_createtable(lua_, 0, 2);
    push(lua_, bytes.substr(4));
    lua_setfield(lua_, -2, "string");
    push(lua_, bytes.substr(0, 3));
    lua_setfield(lua_, -2, "format");
    lua_setfield(lua_, -2, "verbatim_string");
  }
  // What they describe comes behind them; they belong to it if it is a table, and are dropped otherwise.
  void push_attributes() {
    push_map("attributes", integer());
    push_next();
    if (lua_istable(lua_, -1)) {
      lua_getfield(lua_, -2, "attributes");
      lua_setfield(lua_, -2, "attributes");
    }
    lua_remove(lua_, -2);
  }

  lua_State* lua_;
  const char* at_;
};

std::int64_t truncated(double number) {
  constexpr double kHalf = 9223372036854775808.0;
  return number >= -kHalf && number < kHalf ? static_cast<std::int64_t>(number) : INT64_MIN;
}

class ValueWriter {
 public:
  ValueWriter(lua_State* lua, Reply& reply, Protocol script_protocol)
      : lua_(lua), reply_(reply), booleans_(script_protocol == Protocol::resp3) {}

  // Takes the value on top of the stack.
  void write() {
    if (lua_checkstack(lua_, 4) == 0) {
      reply_.error("ERR reached lua stack limit");
      lua_pop(lua_, 1);
      return;
    }
    switch (lua_type(lua_, -1)) {
      case LUA_TSTRING: reply_.bulk(text_at(lua_, -1)); break;
      case LUA_TNUMBER: reply_.integer(truncated(lua_tonumber(lua_, -1))); break;
      case LUA_TBOOLEAN: write_boolean(lua_toboolean(lua_, -1) != 0); break;
      case LUA_TTABLE: write_table(); break;
      default: reply_.null();
    }
    lua_pop(lua_, 1);
  }

 private:
  void write_boolean(bool value) {
    if (booleans_) {
      reply_.boolean(value);
    } else if (value) {
      reply_.integer(1);
    } else {
      reply_.null();
    }
  }

  // Pushes the field of the table on top of the stack, if it is of this type.
  bool field(std::string_view name, int type) {
    push(lua_, name);
    lua_rawget(lua_, -2);
    if (lua_type(lua_, -1) == type) return true;
    lua_pop(lua_, 1);
    return false;
  }
  [[nodiscard]] std::string line() {
    std::string text(text_at(lua_, -1));
    for (char& c : text) {
      if (c == '\r' || c == '\n') c = ' ';
    }
    return text;
  }

  // A table with one of these fields stands for a reply of another type.
  void write_table() {
    if (field("err", LUA_TSTRING)) {
      reply_.error(text_at(lua_, -1));
    } else if (field("ok", LUA_TSTRING)) {
      reply_.simple(line());
    } else if (field("double", LUA_TNUMBER)) {
      reply_.real(lua_tonumber(lua_, -1));
    } else if (field("map", LUA_TTABLE)) {
      reply_.map(count_keys());
      write_keys(true);
    } else if (field("set", LUA_TTABLE)) {
      reply_.set(count_keys());
      write_keys(false);
    } else if (field("big_number", LUA_TSTRING)) {
      reply_.big_number(line());
    } else if (field("verbatim_string", LUA_TTABLE)) {
      if (write_verbatim()) {
        lua_pop(lua_, 1);
        return;
      }
      lua_pop(lua_, 1);
      return write_array();
    } else {
      return write_array();
    }
    lua_pop(lua_, 1);
  }

  [[nodiscard]] bool write_verbatim() {
    if (!field("string", LUA_TSTRING)) return false;
    const std::string text(text_at(lua_, -1));
    lua_pop(lua_, 1);
    if (!field("format", LUA_TSTRING)) return false;
    std::string format(text_at(lua_, -1));
    lua_pop(lua_, 1);
    format.resize(3, ' ');
    reply_.verbatim(text, format);
    return true;
  }

  std::size_t count_keys() {
    std::size_t count = 0;
    lua_pushnil(lua_);
    for (; lua_next(lua_, -2) != 0; ++count) lua_pop(lua_, 1);
    return count;
  }
  void write_keys(bool with_values) {
    lua_pushnil(lua_);
    while (lua_next(lua_, -2) != 0) {
      lua_pushvalue(lua_, -2);
      write();
      if (with_values) {
        write();
      } else {
        lua_pop(lua_, 1);
      }
    }
  }

  // Up to the first nil.
  void write_array() {
    int count = 0;
    while (true) {
      lua_rawgeti(lua_, -1, count + 1);
      const bool end = lua_isnil(lua_, -1);
      lua_pop(lua_, 1);
      if (end) break;
      ++count;
    }
    reply_.array(static_cast<std::size_t>(count));
    for (int i = 1; i <= count; ++i) {
      lua_rawgeti(lua_, -1, i);
      write();
    }
  }

  lua_State* lua_;
  Reply& reply_;
  bool booleans_;
};

}  // namespace

void push_reply(lua_State* lua, std::string_view reply) { ReplyReader(lua, reply).push_next(); }

void write_value(lua_State* lua, Reply& reply, Protocol script_protocol) {
  ValueWriter(lua, reply, script_protocol).write();
}

}  // namespace leat::resp
