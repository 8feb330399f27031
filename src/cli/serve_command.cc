#include <CLI/CLI.hpp>

#include <cstdio>

#include "cli/subcommand.h"
#include "cli/environment.h"
#include "server/config/config.h"
#include "server/server.h"

namespace leat::cli {
namespace {

Result<server::ServerConfig> load(std::span<const std::string> args) {
  auto input = server::process_input(args);
  std::erase_if(input.environment, [](const auto& variable) { return is_client_variable(variable.first); });
  return server::load_config(input);
}

bool asks_for_help(std::span<const std::string> args) {
  return std::ranges::any_of(args, [](const std::string& word) { return word == "--help" || word == "-h"; });
}

int print_help(std::string_view usage) {
  fmt::print("{}\n\n{}", usage, server::config_help());
  return 0;
}

}  // namespace

int run_serve(std::span<const std::string> args) {
  if (asks_for_help(args)) return print_help("Usage: leat serve [OPTIONS]\n\nRuns a server until SIGTERM or Ctrl-C.");
  const auto config = load(args);
  if (!config) return report(config.error(), 2);
  server::apply_logging(config->logging);
  const Status ended = server::serve(*config);
  return ended ? 0 : report(ended.error());
}

int run_config(std::span<const std::string> args) {
  if (asks_for_help(args))
    return print_help(
        "Usage: leat config check [OPTIONS]\n\nPrints every setting that `leat serve` with the same options would use, "
        "and where it was set, or says what is wrong.");
  const auto config = load(args);
  if (!config) return report(config.error());
  fmt::print("{}", server::render_config(*config));
  return 0;
}

void add_serve_command(CLI::App& root, Invocation& chosen) {
  add_subcommand(root, "serve", "Run a server", [] { return run_serve({}); }, chosen);
}

void add_config_command(CLI::App& root, Invocation& chosen) {
  CLI::App* config = add_subcommand_group(root, "config", "Check the configuration of a server");
  add_subcommand(
      *config, "check", "Print every setting and where it was set; takes the options of `leat serve`",
      [] { return run_config({}); }, chosen);
}

}  // namespace leat::cli
