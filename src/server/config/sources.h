#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/config/table.h"

// Where values come from: each source yields what it says, checked only for its own form and for known keys.
namespace leat::server {

struct ConfigEntry {
  const ConfigKey* key = nullptr;
  std::vector<std::string> texts;
  std::string origin;  // "--flush", "LEAT_FLUSH_POLICY", "leat.toml:3"
};

struct FlagEntries {
  std::vector<ConfigEntry> entries;
  std::optional<std::string> file;  // of --config
};

[[nodiscard]] Result<FlagEntries> read_flags(std::span<const std::string> args);
// `content` of the file at `path`, which is only named in messages.
[[nodiscard]] Result<std::vector<ConfigEntry>> read_toml(std::string_view content, const std::string& path);
[[nodiscard]] Result<std::vector<ConfigEntry>> read_environment(
    std::span<const std::pair<std::string, std::string>> environment);

// The variable that names the file when --config does not.
inline constexpr std::string_view kConfigVariable = "LEAT_CONFIG";

}  // namespace leat::server
