#include "server/config/sources.h"
#include "server/config/suggest.h"

namespace leat::server {
namespace {

// Kubernetes sets these in every container beside a service that is called "leat".
bool is_service_link(std::string_view name) {
  return name.starts_with("LEAT_SERVICE_") || name == "LEAT_PORT" || name.starts_with("LEAT_PORT_");
}

}  // namespace

Result<std::vector<ConfigEntry>> read_environment(std::span<const std::pair<std::string, std::string>> environment) {
  std::vector<ConfigEntry> entries;
  for (const auto& [name, value] : environment) {
    if (!name.starts_with("LEAT_") || name == kConfigVariable || is_service_link(name)) continue;
    const auto& keys = config_keys();
    const auto key = std::ranges::find_if(keys, [&](const ConfigKey& k) { return variable_of(k) == name; });
    if (key == keys.end()) {
      std::vector<std::string> known{std::string(kConfigVariable)};
      for (const auto& k : keys) known.push_back(variable_of(k));
      return fail(Errc::invalid_config,
                  fmt::format("unknown environment variable {}{}", name, suggestion(name, known)));
    }
    // Compose files and unit files pass on what is not set as an empty text.
    if (!value.empty()) entries.push_back({&*key, {value}, name});
  }
  return entries;
}

}  // namespace leat::server
