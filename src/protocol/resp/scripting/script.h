#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace leat::resp {

// What a script says of itself, in its first line or where its function is registered
// (https://redis.io/docs/manual/programmability/eval-intro/#eval-flags).
enum ScriptFlag : std::uint32_t {
  kNoWrites = 1 << 0,
  kAllowOom = 1 << 1,
  kAllowStale = 1 << 2,
  kNoCluster = 1 << 3,
  // It says nothing: each of its commands is looked at by itself.
  kUndeclared = 1 << 4,
  kAllowCrossSlotKeys = 1 << 5,
};

// The name of one flag as a bit; nullopt: there is none of this name.
[[nodiscard]] std::optional<std::uint32_t> parse_script_flag(std::string_view name);
[[nodiscard]] std::vector<std::string_view> script_flag_names(std::uint32_t flags);

// The first line of a script, "#!ENGINE name=value ...", in words.
struct Shebang {
  std::vector<std::string> words;  // the engine's with the #!
  std::string_view rest;           // from the end of the line on, so that lines keep their numbers
};
// nullopt: the line has no end. Without words: they cannot be told apart, as a quote is not closed.
[[nodiscard]] std::optional<Shebang> parse_shebang(std::string_view script);

// In lower-case hexadecimal digits, 40 of them.
[[nodiscard]] std::string sha1_hex(std::string_view bytes);

}  // namespace leat::resp
