#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/config/config.h"

namespace leat::server {

// Where a key's value lives, by its type.
using ConfigField = std::variant<bool*, std::int32_t*, std::int64_t*, double*, std::string*, std::vector<std::string>*,
                                 Milliseconds*, FlushPolicy*, LogLevel*, LogOutput*>;

// How a key's number is counted, shown and may be written.
enum class ConfigUnit : std::uint8_t { none, bytes, milliseconds, minutes };

struct ConfigKey {
  std::string_view name;   // in the TOML file: "flush.max_ms"
  std::string_view alias;  // a shorter flag, or empty
  std::function<ConfigField(ServerConfig&)> field;
  std::string_view shape;  // of the value, for help: "commit|interval|os"; alternatives are enforced on texts
  double min = 0;          // of numbers, in the key's unit
  double max = 0;
  std::string_view help;   // one sentence
  bool is_secret = false;  // no flag, and never shown: a text, or what is behind the first "=" of each of a list's
};

// Every key, in the order of help and documentation: those without a section first, then section by section.
[[nodiscard]] std::span<const ConfigKey> config_keys();

[[nodiscard]] ConfigUnit unit_of(const ConfigKey& key);
[[nodiscard]] std::string flag_of(const ConfigKey& key);      // "--flush.max-ms"; is refused for a secret
[[nodiscard]] std::string variable_of(const ConfigKey& key);  // "LEAT_FLUSH_MAX_MS"

// What the value of `key` in `config` is, as the TOML file has it and as a flag has it.
[[nodiscard]] std::string toml_value(const ConfigKey& key, const ServerConfig& config);
[[nodiscard]] std::string plain_value(const ConfigKey& key, const ServerConfig& config);

// Sets it from text: one text, except for lists. The message of an error says what the key takes, without its name.
[[nodiscard]] Status set_value(const ConfigKey& key, ServerConfig& config, const std::vector<std::string>& texts);

}  // namespace leat::server
