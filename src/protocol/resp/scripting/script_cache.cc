#include "protocol/resp/scripting/script_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "protocol/resp/scripting/script.h"

namespace leat::resp {
namespace {

constexpr std::string_view kFlagsOption = "flags=";

// Error: the reply.
std::expected<std::uint32_t, std::string> parse_flags(const Shebang& shebang) {
  if (shebang.words.empty()) return std::unexpected("ERR Invalid engine in script shebang");
  if (shebang.words[0] != "#!lua")
    return std::unexpected(fmt::format("ERR Unexpected engine in script shebang: {}", shebang.words[0]));
  std::uint32_t flags = 0;
  for (std::size_t i = 1; i < shebang.words.size(); ++i) {
    std::string_view names = shebang.words[i];
    if (!names.starts_with(kFlagsOption))
      return std::unexpected(fmt::format("ERR Unknown lua shebang option: {}", names));
    names.remove_prefix(kFlagsOption.size());
    while (!names.empty()) {
      const std::size_t comma = names.find(',');
      const std::string_view name = names.substr(0, comma);
      const auto flag = parse_script_flag(name);
      if (!flag) return std::unexpected(fmt::format("ERR Unexpected flag in script shebang: {}", name));
      flags |= *flag;
      names = comma == std::string_view::npos ? std::string_view() : names.substr(comma + 1);
    }
  }
  return flags;
}

}  // namespace

const CachedScript* ScriptCache::find(std::string_view sha) {
  std::array<char, 40> lower;
  if (sha.size() != lower.size()) return nullptr;
  std::ranges::transform(sha, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const auto found = by_sha_.find(std::string_view(lower.data(), lower.size()));
  if (found == by_sha_.end()) return nullptr;
  if (found->second != scripts_.begin()) scripts_.splice(scripts_.begin(), scripts_, found->second);
  return &*found->second;
}

std::expected<const CachedScript*, std::string> ScriptCache::load(std::string_view script) {
  std::string sha = sha1_hex(script);
  if (const CachedScript* known = find(sha)) return known;
  std::uint32_t flags = kUndeclared;
  std::string_view code = script;
  if (script.starts_with("#!")) {
    const auto shebang = parse_shebang(script);
    if (!shebang) return std::unexpected("ERR Invalid script shebang");
    const auto parsed = parse_flags(*shebang);
    if (!parsed) return std::unexpected(parsed.error());
    flags = *parsed;
    code = shebang->rest;
  }
  const auto function = compile(lua_, code, "@user_script");
  if (!function) return std::unexpected(fmt::format("ERR Error compiling script (new function): {}", function.error()));
  scripts_.push_front({std::move(sha), *function, flags, script.size()});
  by_sha_.emplace(scripts_.front().sha, scripts_.begin());
  bytes_ += script.size();
  evict();
  return &scripts_.front();
}

void ScriptCache::evict() {
  while (scripts_.size() > 1 && (scripts_.size() > kScriptsMax || bytes_ > kBytesMax)) {
    const CachedScript& last = scripts_.back();
    luaL_unref(lua_, LUA_REGISTRYINDEX, last.function);
    bytes_ -= last.size;
    by_sha_.erase(last.sha);
    scripts_.pop_back();
  }
}

}  // namespace leat::resp
