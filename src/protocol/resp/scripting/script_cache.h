#pragma once

#include <expected>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "protocol/resp/scripting/lua_state.h"

namespace leat::resp {

struct CachedScript {
  std::string sha;
  int function;         // its reference in the interpreter's registry
  std::uint32_t flags;  // ScriptFlag
  std::size_t size;
};

// Scripts of EVAL and SCRIPT LOAD, compiled, by the SHA-1 of their text. At most kScriptsMax of them and kBytesMax of text:
// beyond, those used least recently go, and EVALSHA says NOSCRIPT as after a restart.
class ScriptCache {
 public:
  static constexpr std::size_t kScriptsMax = 10'000;
  static constexpr std::size_t kBytesMax = std::size_t{16} << 20;

  explicit ScriptCache(lua_State* lua) : lua_(lua) {}

  // By its SHA-1, in any case. nullptr: it is not there. What it gives lasts until the next load().
  [[nodiscard]] const CachedScript* find(std::string_view sha);
  // Compiles it, if it is not there. Error: the reply.
  [[nodiscard]] std::expected<const CachedScript*, std::string> load(std::string_view script);

  [[nodiscard]] std::size_t size() const { return scripts_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  void evict();

  lua_State* lua_;
  std::list<CachedScript> scripts_;  // the one used last in front
  std::unordered_map<std::string_view, std::list<CachedScript>::iterator> by_sha_;
  std::size_t bytes_ = 0;
};

}  // namespace leat::resp
