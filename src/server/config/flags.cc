#include <CLI/CLI.hpp>

#include "server/config/sources.h"
#include "server/config/suggest.h"

namespace leat::server {
namespace {

std::unexpected<Error> unknown_argument(const std::string& argument) {
  if (!argument.starts_with("-")) {
    return fail(Errc::invalid_config, fmt::format("unexpected argument '{}'; every setting is a flag such as "
                                                  "--data DIR, see 'leat serve --help'",
                                                  argument));
  }
  std::vector<std::string> known{"--config"};
  for (const auto& key : config_keys()) {
    if (!key.is_secret) known.push_back(flag_of(key));
    if (!key.alias.empty()) known.emplace_back(key.alias);
  }
  const auto name = argument.substr(0, argument.find('='));
  return fail(Errc::invalid_config,
              fmt::format("unknown flag '{}'{}; 'leat serve --help' lists all", name, suggestion(name, known)));
}

std::unexpected<Error> secret_flag(const ConfigKey& key) {
  return fail(Errc::invalid_config,
              fmt::format("{}: a secret cannot be a flag, which others on the machine can see; set {} in the file, or "
                          "the variable {}",
                          flag_of(key), key.name, variable_of(key)));
}

std::string names_of(const ConfigKey& key) {
  const auto flag = flag_of(key);
  return key.alias.empty() ? flag : fmt::format("{},{}", key.alias, flag);
}

bool is_bool(const ConfigKey& key) { return key.shape == "true|false"; }
bool is_list(const ConfigKey& key) {
  ServerConfig scratch;
  return std::holds_alternative<std::vector<std::string>*>(key.field(scratch));
}

}  // namespace

Result<FlagEntries> read_flags(std::span<const std::string> args) {
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  std::vector<CLI::Option*> options;
  std::vector<std::string> unused(config_keys().size());  // CLI11 keeps the results itself
  for (std::size_t i = 0; const auto& key : config_keys()) {
    CLI::Option* option = nullptr;
    if (is_bool(key)) {
      option = app.add_flag(names_of(key), unused[i]);
      option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    } else {
      option = app.add_option(names_of(key), unused[i])->type_size(1)->expected(1);
      option->multi_option_policy(is_list(key) ? CLI::MultiOptionPolicy::TakeAll : CLI::MultiOptionPolicy::TakeLast);
    }
    options.push_back(option);
    ++i;
  }
  std::string file;
  const auto* file_option = app.add_option("--config", file)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);

  try {
    std::vector<std::string> reversed(args.rbegin(), args.rend());
    app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    return fail(Errc::invalid_config, fmt::format("{}; 'leat serve --help' lists the flags", error.what()));
  }
  if (const auto extras = app.remaining(); !extras.empty()) return unknown_argument(extras.front());

  FlagEntries read;
  if (file_option->count() > 0) read.file = file;
  for (std::size_t i = 0; i < options.size(); ++i) {
    if (options[i]->count() == 0) continue;
    const auto& key = config_keys()[i];
    if (key.is_secret) return secret_flag(key);
    auto results = options[i]->results();
    if (!is_list(key)) results.erase(results.begin(), results.end() - 1);
    read.entries.push_back({&key, std::move(results), key.alias.empty() ? flag_of(key) : std::string(key.alias)});
  }
  return read;
}

}  // namespace leat::server
