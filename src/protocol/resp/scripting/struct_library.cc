#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "protocol/resp/scripting/libraries.h"

namespace leat::resp {
namespace {

constexpr std::size_t kIntegerSizeMax = 32;
constexpr std::size_t kAlignmentMax = alignof(std::max_align_t) < 8 ? alignof(std::max_align_t) : 8;

// A format, option by option.
class Format {
 public:
  Format(lua_State* lua, const char* text) : lua_(lua), at_(text) {}

  struct Option {
    char type;
    std::size_t size;
    std::size_t padding;
  };
  // False at the end. `position` is where its value will be, from the beginning.
  bool next(Option& option, std::size_t position) {
    while (true) {
      const char type = *at_;
      if (type == '\0') return false;
      ++at_;
      if (!is_control(type)) {
        option = {type, size_of(type), 0};
        option.padding = padding(option, position);
        return true;
      }
    }
  }
  [[nodiscard]] bool is_little() const { return little_; }

 private:
  bool is_control(char type) {
    switch (type) {
      case ' ': return true;
      case '<': little_ = true; return true;
      case '>': little_ = false; return true;
      case '!':
        alignment_ = number(kAlignmentMax);
        if (alignment_ == 0 || !std::has_single_bit(alignment_))
          luaL_error(lua_, "alignment %d is not a power of 2", static_cast<int>(alignment_));
        return true;
      default: return false;
    }
  }

  std::size_t size_of(char type) {
    switch (type) {
      case 'b':
      case 'B':
      case 'x': return 1;
      case 'h':
      case 'H': return sizeof(short);
      case 'l':
      case 'L': return sizeof(long);
      case 'T': return sizeof(std::size_t);
      case 'f': return sizeof(float);
      case 'd': return sizeof(double);
      case 'c': return number(1);
      case 's': return 0;
      case 'i':
      case 'I': {
        const std::size_t size = number(sizeof(int));
        if (size > kIntegerSizeMax) {
          luaL_error(lua_, "integral size %d is larger than limit of %d", static_cast<int>(size),
                     static_cast<int>(kIntegerSizeMax));
        }
        return size;
      }
      default: {
        luaL_argerror(lua_, 1, lua_pushfstring(lua_, "invalid format option '%c'", type));
        return 0;
      }
    }
  }

  std::size_t number(std::size_t if_none) {
    if (*at_ < '0' || *at_ > '9') return if_none;
    std::size_t value = 0;
    for (; *at_ >= '0' && *at_ <= '9'; ++at_) {
      value = value * 10 + static_cast<std::size_t>(*at_ - '0');
      if (value > 0x7FFFFFFF) luaL_error(lua_, "integral size overflow");
    }
    return value;
  }

  [[nodiscard]] std::size_t padding(const Option& option, std::size_t position) const {
    const std::size_t size = std::min(option.size, alignment_);
    if (size <= 1 || option.type == 'c') return 0;
    return (size - (position & (size - 1))) & (size - 1);
  }

  lua_State* lua_;
  const char* at_;
  bool little_ = std::endian::native == std::endian::little;
  std::size_t alignment_ = 1;
};

// What a processor makes of numbers that no integer can be.
std::uint64_t bits_of(double number) {
  constexpr double kHalf = 9223372036854775808.0;
  constexpr std::uint64_t kUndefined = std::uint64_t{1} << 63;
  if (number < 0) return number >= -kHalf ? static_cast<std::uint64_t>(static_cast<std::int64_t>(number)) : kUndefined;
  if (std::isnan(number)) return kUndefined;
  return number < 2 * kHalf ? static_cast<std::uint64_t>(number) : 0;
}

void append_integer(std::string& out, double number, std::size_t size, bool little) {
  const std::uint64_t value = bits_of(number);
  char bytes[kIntegerSizeMax];
  for (std::size_t i = 0; i < size; ++i)
    bytes[little ? i : size - 1 - i] = i < sizeof value ? static_cast<char>(value >> (8 * i)) : '\0';
  out.append(bytes, size);
}

double read_integer(std::string_view bytes, bool little, bool is_signed) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::size_t at = little ? bytes.size() - 1 - i : i;
    value = value << 8 | static_cast<unsigned char>(bytes[at]);
  }
  if (!is_signed) return static_cast<double>(value);
  if (bytes.size() < sizeof value) {
    const std::uint64_t sign = std::uint64_t{1} << (bytes.size() * 8 - 1);
    value = (value ^ sign) - sign;
  }
  return static_cast<double>(static_cast<std::int64_t>(value));
}

template <class T>
void append_real(std::string& out, double number, bool little) {
  const auto value = static_cast<T>(number);
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  if (little != (std::endian::native == std::endian::little)) std::reverse(bytes, bytes + sizeof bytes);
  out.append(bytes, sizeof bytes);
}

template <class T>
double read_real(std::string_view from, bool little) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, from.data(), sizeof bytes);
  if (little != (std::endian::native == std::endian::little)) std::reverse(bytes, bytes + sizeof bytes);
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return static_cast<double>(value);
}

void append_text(lua_State* lua, int argument, const Format::Option& option, std::string& out) {
  luaL_checkstring(lua, argument);
  const std::string_view text = text_at(lua, argument);
  const std::size_t size = option.size == 0 ? text.size() : option.size;
  luaL_argcheck(lua, text.size() >= size, argument, "string too short");
  out += text.substr(0, size);
  if (option.type == 's') out += '\0';
}

int pack(lua_State* lua) {
  Format format(lua, luaL_checkstring(lua, 1));
  lua_pushnil(lua);  // what is missing is nil
  std::string out;
  Format::Option option;
  for (int argument = 2; format.next(option, out.size());) {
    out.append(option.padding, '\0');
    switch (option.type) {
      case 'x': out += '\0'; break;
      case 'c':
      case 's': append_text(lua, argument++, option, out); break;
      case 'f': append_real<float>(out, luaL_checknumber(lua, argument++), format.is_little()); break;
      case 'd': append_real<double>(out, luaL_checknumber(lua, argument++), format.is_little()); break;
      default: append_integer(out, luaL_checknumber(lua, argument++), option.size, format.is_little());
    }
  }
  push(lua, out);
  return 1;
}

// Pushes the string that begins there; returns its bytes, the zero at its end included.
std::size_t push_text(lua_State* lua, std::string_view data, std::size_t position, const Format::Option& option,
                      bool first) {
  if (option.type == 's') {
    const std::size_t end = data.find('\0', position);
    if (end == std::string_view::npos) luaL_error(lua, "unfinished string in data");
    push(lua, data.substr(position, end - position));
    return end - position + 1;
  }
  std::size_t size = option.size;
  if (size == 0) {
    // The value before says how many, and is replaced.
    if (first || lua_isnumber(lua, -1) == 0) luaL_error(lua, "format 'c0' needs a previous size");
    const double number = lua_tonumber(lua, -1);
    lua_pop(lua, 1);
    luaL_argcheck(lua, number >= 0 && number <= static_cast<double>(data.size() - position), 2,
                  "data string too short");
    size = static_cast<std::size_t>(number);
  }
  push(lua, data.substr(position, size));
  return size;
}

int unpack(lua_State* lua) {
  Format format(lua, luaL_checkstring(lua, 1));
  luaL_checkstring(lua, 2);
  const std::string_view data = text_at(lua, 2);
  const lua_Integer from = luaL_optinteger(lua, 3, 1);
  luaL_argcheck(lua, from != 0, 3, "offset must be 1 or greater");
  auto position = static_cast<std::size_t>(from) - 1;
  const int bottom = lua_gettop(lua);
  Format::Option option;
  while (format.next(option, position)) {
    position += option.padding;
    luaL_argcheck(lua, position <= data.size() && option.size <= data.size() - position, 2, "data string too short");
    luaL_checkstack(lua, 2, "too many results");
    const std::string_view bytes = data.substr(position, option.size);
    switch (option.type) {
      case 'x': break;
      case 'c':
      case 's': position += push_text(lua, data, position, option, lua_gettop(lua) == bottom) - option.size; break;
      case 'f': lua_pushnumber(lua, read_real<float>(bytes, format.is_little())); break;
      case 'd': lua_pushnumber(lua, read_real<double>(bytes, format.is_little())); break;
      default: lua_pushnumber(lua, read_integer(bytes, format.is_little(), option.type >= 'a'));
    }
    position += option.size;
  }
  lua_pushinteger(lua, static_cast<lua_Integer>(position) + 1);
  return lua_gettop(lua) - bottom;
}

int size(lua_State* lua) {
  Format format(lua, luaL_checkstring(lua, 1));
  std::size_t total = 0;
  Format::Option option;
  while (format.next(option, total)) {
    if (option.type == 's') luaL_argerror(lua, 1, "option 's' has no fixed size");
    if (option.type == 'c' && option.size == 0) luaL_argerror(lua, 1, "option 'c0' has no fixed size");
    total += option.padding + option.size;
  }
  lua_pushinteger(lua, static_cast<lua_Integer>(total));
  return 1;
}

}  // namespace

int open_struct(lua_State* lua) {
  lua_createtable(lua, 0, 3);
  lua_pushcfunction(lua, pack);
  lua_setfield(lua, -2, "pack");
  lua_pushcfunction(lua, unpack);
  lua_setfield(lua, -2, "unpack");
  lua_pushcfunction(lua, size);
  lua_setfield(lua, -2, "size");
  return 1;
}

}  // namespace leat::resp
