#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <string>

#include "protocol/resp/scripting/libraries.h"

namespace leat::resp {
namespace {

constexpr int kNestingMax = 16;  // what is deeper is packed as nil

// Types by their first byte, as far as they are read or written.
enum Type : std::uint8_t {
  kMap = 0x80,
  kArray = 0x90,
  kText = 0xa0,
  kNil = 0xc0,
  kFalse = 0xc2,
  kTrue = 0xc3,
  kFloat = 0xca,
  kDouble = 0xcb,
  kUnsigned8 = 0xcc,
  kUnsigned16 = 0xcd,
  kUnsigned32 = 0xce,
  kUnsigned64 = 0xcf,
  kSigned8 = 0xd0,
  kSigned16 = 0xd1,
  kSigned32 = 0xd2,
  kSigned64 = 0xd3,
  kText8 = 0xd9,
  kText16 = 0xda,
  kText32 = 0xdb,
  kArray16 = 0xdc,
  kArray32 = 0xdd,
  kMap16 = 0xde,
  kMap32 = 0xdf,
  kNegative = 0xe0,
};

class Packer {
 public:
  explicit Packer(lua_State* lua) : lua_(lua) {}

  // Takes the value on top of the stack.
  void pack(int level) {
    switch (lua_type(lua_, -1)) {
      case LUA_TSTRING: text(text_at(lua_, -1)); break;
      case LUA_TBOOLEAN: byte(lua_toboolean(lua_, -1) != 0 ? kTrue : kFalse); break;
      case LUA_TNUMBER: number(lua_tonumber(lua_, -1)); break;
      case LUA_TTABLE:
        if (level == kNestingMax) {
          byte(kNil);
        } else {
          table(level);
        }
        break;
      default: byte(kNil);
    }
    lua_pop(lua_, 1);
  }

  [[nodiscard]] const std::string& packed() const { return out_; }

 private:
  void byte(std::uint8_t value) { out_ += static_cast<char>(value); }
  template <class T>
  void typed(std::uint8_t type, T value) {
    byte(type);
    for (int shift = sizeof(T) * 8 - 8; shift >= 0; shift -= 8)
      byte(static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> shift));
  }
  void sized(std::size_t size, std::uint8_t small, std::size_t small_max, std::uint8_t type16, std::uint8_t type32) {
    if (size <= small_max) return byte(static_cast<std::uint8_t>(small | size));
    if (size <= 0xFFFF) return typed(type16, static_cast<std::uint16_t>(size));
    typed(type32, static_cast<std::uint32_t>(size));
  }

  void text(std::string_view value) {
    if (value.size() > 31 && value.size() <= 0xFF) {
      typed(kText8, static_cast<std::uint8_t>(value.size()));
    } else {
      sized(value.size(), kText, 31, kText16, kText32);
    }
    out_ += value;
  }

  void number(double value) {
    constexpr double kHalf = 9223372036854775808.0;
    if (value >= -kHalf && value < kHalf && value == std::floor(value))
      return integer(static_cast<std::int64_t>(value));
    const auto narrow = static_cast<float>(value);
    if (static_cast<double>(narrow) == value) return typed(kFloat, std::bit_cast<std::uint32_t>(narrow));
    typed(kDouble, std::bit_cast<std::uint64_t>(value));
  }

  void integer(std::int64_t value) {
    if (value >= 0) {
      if (value <= 0x7F) return byte(static_cast<std::uint8_t>(value));
      if (value <= 0xFF) return typed(kUnsigned8, static_cast<std::uint8_t>(value));
      if (value <= 0xFFFF) return typed(kUnsigned16, static_cast<std::uint16_t>(value));
      if (value <= 0xFFFFFFFF) return typed(kUnsigned32, static_cast<std::uint32_t>(value));
      return typed(kUnsigned64, value);
    }
    if (value >= -32) return byte(static_cast<std::uint8_t>(value));
    if (value >= INT8_MIN) return typed(kSigned8, static_cast<std::uint8_t>(value));
    if (value >= INT16_MIN) return typed(kSigned16, static_cast<std::uint16_t>(value));
    if (value >= INT32_MIN) return typed(kSigned32, static_cast<std::uint32_t>(value));
    typed(kSigned64, value);
  }

  // An array if its keys are 1 to n, a map otherwise.
  void table(int level) {
    luaL_checkstack(lua_, 4, "in function cmsgpack.pack");
    std::size_t count = 0;
    double max = 0;
    bool is_array = true;
    lua_pushnil(lua_);
    while (lua_next(lua_, -2) != 0) {
      lua_pop(lua_, 1);
      ++count;
      if (!is_array) continue;
      const double key = lua_type(lua_, -1) == LUA_TNUMBER ? lua_tonumber(lua_, -1) : 0;
      is_array = key > 0 && key == std::floor(key);
      max = std::max(max, key);
    }
    if (is_array && max == static_cast<double>(count)) {
      sized(count, kArray, 15, kArray16, kArray32);
      for (std::size_t i = 1; i <= count; ++i) {
        lua_pushnumber(lua_, static_cast<double>(i));
        lua_gettable(lua_, -2);
        pack(level + 1);
      }
      return;
    }
    sized(count, kMap, 15, kMap16, kMap32);
    lua_pushnil(lua_);
    while (lua_next(lua_, -2) != 0) {
      lua_pushvalue(lua_, -2);
      pack(level + 1);
      pack(level + 1);
    }
  }

  lua_State* lua_;
  std::string out_;
};

class Unpacker {
 public:
  Unpacker(lua_State* lua, std::string_view bytes) : lua_(lua), rest_(bytes) {}

  [[nodiscard]] std::string_view rest() const { return rest_; }

  // Pushes the next value.
  void unpack() {
    luaL_checkstack(lua_, 4, "too many return values at once; use unpack_one or unpack_limit instead.");
    const auto type = static_cast<std::uint8_t>(take(1)[0]);
    if (type < kMap) return lua_pushinteger(lua_, type);
    if (type < kArray) return map(type & 0xF);
    if (type < kText) return array(type & 0xF);
    if (type < kNil) return text(type & 0x1F);
    if (type >= kNegative) return lua_pushinteger(lua_, static_cast<std::int8_t>(type));
    switch (type) {
      case kNil: return lua_pushnil(lua_);
      case kFalse: return lua_pushboolean(lua_, 0);
      case kTrue: return lua_pushboolean(lua_, 1);
      case kFloat: return lua_pushnumber(lua_, static_cast<double>(std::bit_cast<float>(bits<std::uint32_t>())));
      case kDouble: return lua_pushnumber(lua_, std::bit_cast<double>(bits<std::uint64_t>()));
      case kUnsigned8: return lua_pushnumber(lua_, bits<std::uint8_t>());
      case kUnsigned16: return lua_pushnumber(lua_, bits<std::uint16_t>());
      case kUnsigned32: return lua_pushnumber(lua_, bits<std::uint32_t>());
      case kUnsigned64:
      case kSigned64:
        return lua_pushnumber(lua_, static_cast<double>(static_cast<std::int64_t>(bits<std::uint64_t>())));
      case kSigned8: return lua_pushinteger(lua_, static_cast<std::int8_t>(bits<std::uint8_t>()));
      case kSigned16: return lua_pushinteger(lua_, static_cast<std::int16_t>(bits<std::uint16_t>()));
      case kSigned32: return lua_pushinteger(lua_, static_cast<std::int32_t>(bits<std::uint32_t>()));
      case kText8: return text(bits<std::uint8_t>());
      case kText16: return text(bits<std::uint16_t>());
      case kText32: return text(bits<std::uint32_t>());
      case kArray16: return array(bits<std::uint16_t>());
      case kArray32: return array(bits<std::uint32_t>());
      case kMap16: return map(bits<std::uint16_t>());
      case kMap32: return map(bits<std::uint32_t>());
      default: luaL_error(lua_, "Bad data format in input.");
    }
  }

 private:
  std::string_view take(std::size_t size) {
    if (rest_.size() < size) luaL_error(lua_, "Missing bytes in input.");
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  template <class T>
  T bits() {
    std::uint64_t value = 0;
    for (const char c : take(sizeof(T))) value = value << 8 | static_cast<unsigned char>(c);
    return static_cast<T>(value);
  }
  void text(std::size_t size) { push(lua_, take(size)); }
  void array(std::size_t size) {
    lua_newtable(lua_);
    for (std::size_t i = 1; i <= size; ++i) {
      lua_pushnumber(lua_, static_cast<double>(i));
      unpack();
      lua_settable(lua_, -3);
    }
  }
  void map(std::size_t size) {
    lua_newtable(lua_);
    for (std::size_t i = 0; i < size; ++i) {
      unpack();
      unpack();
      lua_settable(lua_, -3);
    }
  }

  lua_State* lua_;
  std::string_view rest_;
};

int pack(lua_State* lua) {
  const int count = lua_gettop(lua);
  if (count == 0) return luaL_argerror(lua, 0, "MessagePack pack needs input.");
  luaL_checkstack(lua, 1, "Too many arguments for MessagePack pack.");
  Packer packer(lua);
  for (int i = 1; i <= count; ++i) {
    lua_pushvalue(lua, i);
    packer.pack(0);
  }
  push(lua, packer.packed());
  return 1;
}

// At most `limit` values from `offset` on; without limits all, and no offset before them.
int unpack_some(lua_State* lua, int limit, int offset) {
  luaL_checkstring(lua, 1);
  const std::string_view bytes = text_at(lua, 1);
  const int size = static_cast<int>(bytes.size());
  if (offset < 0 || limit < 0)
    return luaL_error(lua, "Invalid request to unpack with offset of %d and limit of %d.", offset, size);
  if (offset > size) return luaL_error(lua, "Start offset %d greater than input length %d.", offset, size);
  const bool all = limit == 0 && offset == 0;
  if (all) limit = INT32_MAX;
  Unpacker unpacker(lua, bytes.substr(static_cast<std::size_t>(offset)));
  int count = 0;
  for (; count < limit && !unpacker.rest().empty(); ++count) unpacker.unpack();
  if (all) return count;
  const std::size_t rest = unpacker.rest().size();
  luaL_checkstack(lua, 1, "too many return values at once; use unpack_one or unpack_limit instead.");
  lua_pushinteger(lua, rest == 0 ? -1 : static_cast<lua_Integer>(bytes.size() - rest));
  lua_insert(lua, -count - 1);
  return count + 1;
}

int unpack(lua_State* lua) { return unpack_some(lua, 0, 0); }
int unpack_one(lua_State* lua) {
  const auto offset = static_cast<int>(luaL_optinteger(lua, 2, 0));
  lua_settop(lua, 1);
  return unpack_some(lua, 1, offset);
}
int unpack_limit(lua_State* lua) {
  const auto limit = static_cast<int>(luaL_checkinteger(lua, 2));
  const auto offset = static_cast<int>(luaL_optinteger(lua, 3, 0));
  lua_settop(lua, 1);
  return unpack_some(lua, limit, offset);
}

}  // namespace

int open_cmsgpack(lua_State* lua) {
  static constexpr std::array<luaL_Reg, 5> kFunctions = {{{"pack", pack},
                                                          {"unpack", unpack},
                                                          {"unpack_one", unpack_one},
                                                          {"unpack_limit", unpack_limit},
                                                          {nullptr, nullptr}}};
  lua_createtable(lua, 0, 8);
  luaL_register(lua, nullptr, kFunctions.data());
  lua_pushliteral(lua, "cmsgpack");
  lua_setfield(lua, -2, "_NAME");
  lua_pushliteral(lua, "lua-cmsgpack 0.4.0");  // what Redis has
  lua_setfield(lua, -2, "_VERSION");
  lua_pushliteral(lua, "MessagePack for Lua");
  lua_setfield(lua, -2, "_DESCRIPTION");
  return 1;
}

}  // namespace leat::resp
