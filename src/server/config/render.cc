#include "server/config/config.h"
#include "server/config/table.h"

namespace leat::server {
namespace {

constexpr std::size_t kHelpWidth = 100;

std::string_view section_of(const ConfigKey& key) {
  const auto dot = key.name.find('.');
  return dot == std::string_view::npos ? std::string_view() : key.name.substr(0, dot);
}

void append_wrapped(std::string& out, std::string_view text, std::size_t indent) {
  std::size_t column = 0;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    if (column == 0 || column + 1 + end > kHelpWidth) {
      if (column != 0) out += '\n';
      out.append(indent, ' ');
      column = indent;
    } else {
      out += ' ';
      ++column;
    }
    out += text.substr(0, end);
    column += end;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  out += '\n';
}

std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string config_help() {
  const ServerConfig defaults;
  std::string out =
      "Every setting is a flag, an environment variable and a key of the TOML file; a flag overrides a variable,\n"
      "a variable the file, the file the default. What is secret has no flag. Sizes take KiB, MiB, GiB; durations ms, "
      "s, min, h, d.\n\n"
      "  --config FILE  [LEAT_CONFIG]\n"
      "      The TOML file to read.\n";
  std::string_view section = "\n";
  for (const auto& key : config_keys()) {
    if (section_of(key) != section) {
      section = section_of(key);
      out += section.empty() ? "\n" : fmt::format("\n[{}]\n", section);
    }
    const auto flag = key.alias.empty() ? flag_of(key) : fmt::format("{}, {}", key.alias, flag_of(key));
    const auto value = plain_value(key, defaults);
    out += fmt::format("  {} {}  [{}]{}\n", key.is_secret ? "(no flag)" : flag, key.shape, variable_of(key),
                       value.empty() ? "" : fmt::format("  default {}", value));
    append_wrapped(out, key.help, 6);
  }
  return out;
}

std::string render_config(const ServerConfig& config) {
  std::string out;
  std::string_view section;
  for (const auto& key : config_keys()) {
    if (section_of(key) != section) {
      section = section_of(key);
      out += fmt::format("\n[{}]\n", section);
    }
    const auto name = section.empty() ? key.name : key.name.substr(section.size() + 1);
    const auto source = config.sources.find(key.name);
    const auto line = fmt::format("{} = {}", name, toml_value(key, config));
    out += fmt::format("{:<44}  # {}\n", line, source == config.sources.end() ? "default" : source->second);
  }
  return out;
}

std::string config_markdown() {
  const ServerConfig defaults;
  std::string out = "| key | flag | variable | value | default | what it does |\n|---|---|---|---|---|---|\n";
  for (const auto& key : config_keys()) {
    std::string flag = key.alias.empty() ? "" : fmt::format("`{}`, ", key.alias);
    if (!key.is_secret) flag += fmt::format("`{}`", flag_of(key));
    const auto value = plain_value(key, defaults);
    out += fmt::format("| `{}` | {} | `{}` | {} | {} | {} |\n", key.name, flag, variable_of(key), cell(key.shape),
                       value.empty() ? "" : fmt::format("`{}`", value), cell(key.help));
  }
  return out;
}

}  // namespace leat::server
