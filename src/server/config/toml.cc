#include <toml++/toml.h>

#include "server/config/sources.h"
#include "server/config/suggest.h"

namespace leat::server {
namespace {

std::string place_of(const toml::node& node, const std::string& path) {
  return fmt::format("{}:{}", path, node.source().begin.line);
}

const ConfigKey* find_key(std::string_view name) {
  for (const auto& key : config_keys()) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

std::unexpected<Error> unknown_key(const toml::node& node, const std::string& path, const std::string& name) {
  // Someone who knows the flag --flush writes `flush = "os"`.
  for (const auto& key : config_keys()) {
    if (!key.alias.empty() && key.alias.substr(2) == name) {
      return fail(Errc::invalid_config,
                  fmt::format("{}: unknown key '{}'; did you mean '{}'?", place_of(node, path), name, key.name));
    }
  }
  std::vector<std::string> known;
  for (const auto& key : config_keys()) known.emplace_back(key.name);
  return fail(Errc::invalid_config,
              fmt::format("{}: unknown key '{}'{}", place_of(node, path), name, suggestion(name, known)));
}

std::optional<std::string> scalar_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return fmt::to_string(number->get());
  if (const auto* number = node.as_floating_point()) return fmt::to_string(number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  return std::nullopt;
}

Status flatten(const toml::table& table, const std::string& prefix, const std::string& path,
               std::vector<ConfigEntry>& out) {
  for (const auto& [name_node, node] : table) {
    const auto name = prefix + std::string(name_node.str());
    const auto* key = find_key(name);
    if (const auto* inner = node.as_table(); inner != nullptr && key == nullptr) {
      if (inner->empty()) continue;
      LEAT_CHECK(flatten(*inner, name + ".", path, out));
      continue;
    }
    if (key == nullptr) return unknown_key(node, path, name);
    ConfigEntry entry{key, {}, place_of(node, path)};
    if (const auto* list = node.as_array()) {
      for (const auto& item : *list) {
        auto text = scalar_text(item);
        if (!text)
          return fail(Errc::invalid_config, fmt::format("{}: {}: a list of texts is wanted", entry.origin, name));
        entry.texts.push_back(std::move(*text));
      }
    } else if (auto text = scalar_text(node)) {
      entry.texts.push_back(std::move(*text));
    } else {
      return fail(Errc::invalid_config,
                  fmt::format("{}: {}: a value is wanted, not a section or a date", entry.origin, name));
    }
    out.push_back(std::move(entry));
  }
  return {};
}

}  // namespace

Result<std::vector<ConfigEntry>> read_toml(std::string_view content, const std::string& path) {
  try {
    const auto table = toml::parse(content, path);
    std::vector<ConfigEntry> entries;
    LEAT_CHECK(flatten(table, "", path, entries));
    return entries;
  } catch (const toml::parse_error& error) {
    return fail(Errc::invalid_config,
                fmt::format("{}:{}: not valid TOML: {}", path, error.source().begin.line, error.description()));
  }
}

}  // namespace leat::server
