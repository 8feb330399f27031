#include "cli/commands.h"

#include <CLI/CLI.hpp>

#include <cstdio>

#include "cli/command.h"
#include "server/config/suggest.h"

namespace leat::cli {
namespace {

constexpr CommandEntry kCommands[] = {
    {"serve", add_serve_command},           {"config", add_config_command},
    {"topic", add_topic_command},           {"produce", add_produce_command},
    {"consume", add_consume_command},       {"group", add_group_command},
    {"queue", add_queue_command},           {"user", add_user_command},
    {"grant", add_grant_command},           {"role", add_role_command},
    {"token", add_token_command},           {"access-key", add_access_key_command},
    {"quota", add_quota_command},           {"log", add_log_command},
    {"bench", add_bench_command},           {"doctor", add_doctor_command},
    {"completion", add_completion_command},
};

constexpr int kUsageError = 2;

// By its name or another one that it goes by.
bool is_command(const std::string& word) {
  CLI::App root;
  Invocation ignored;
  declare_commands(root, ignored);
  const auto all = root.get_subcommands([](const CLI::App*) { return true; });
  return std::ranges::any_of(all, [&](const CLI::App* command) { return command->check_name(word); });
}

int unknown_command(const std::string& word) {
  std::vector<std::string> names;
  for (const CommandEntry& entry : kCommands) names.emplace_back(entry.name);
  fmt::print(stderr, "leat: there is no command '{}'{}\nRun `leat --help` to see all of them.\n", word,
             server::suggestion(word, names));
  return kUsageError;
}

// The innermost command that was given, for "run ... --help".
std::string chosen_path(const CLI::App& root) {
  std::string path = "leat";
  const CLI::App* at = &root;
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().front();
    path += ' ' + at->get_name();
  }
  return path;
}

int parse_and_run(const std::vector<std::string>& args) {
  CLI::App root;
  Invocation chosen;
  declare_commands(root, chosen);
  try {
    root.parse(std::vector<std::string>(args.rbegin(), args.rend() - 1));
  } catch (const CLI::Success& asked) {  // --help, --version
    return root.exit(asked);
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "leat: {}\nRun `{} --help` to see what it takes.\n", error.what(), chosen_path(root));
    return kUsageError;
  }
  if (!chosen.action) {
    fmt::print("{}", root.help());
    return 0;
  }
  const Result<int> outcome = chosen.action();
  if (outcome) return *outcome;
  return report(outcome.error(), outcome.error().code == Errc::invalid_argument ? kUsageError : 1);
}

}  // namespace

std::span<const CommandEntry> commands() { return kCommands; }

void declare_commands(CLI::App& root, Invocation& chosen) {
  root.name("leat");
  root.description("Streams, queues, cache and more as views of one durable log.");
  root.set_version_flag("--version", "leat " LEAT_VERSION, "Print the version and exit");
  root.set_help_flag("-h,--help", "Print this help and exit");
  root.get_formatter()->column_width(34);
  root.require_subcommand(0, 1);
  for (const CommandEntry& entry : kCommands) entry.add(root, chosen);
  // Last, for commands inherit it.
  root.footer("Start with `leat serve`; then `leat produce TOPIC` and `leat consume TOPIC` in other terminals.");
}

int report(const Error& error, int exit_code) {
  fmt::print(stderr, "leat: {}\n", error.message);
  return exit_code;
}

int run(const std::vector<std::string>& args) {
  try {
    if (args.size() > 1) {
      const std::span<const std::string> rest = std::span(args).subspan(2);
      if (args[1] == "serve") return run_serve(rest);
      if (args[1] == "config" && args.size() > 2 && args[2] == "check") return run_config(rest.subspan(1));
      if (!args[1].starts_with('-') && !is_command(args[1])) return unknown_command(args[1]);
    }
    return parse_and_run(args);
  } catch (const std::exception& fault) {
    return report({Errc::internal, fmt::format("a defect in leat, please report it: {}", fault.what())});
  }
}

}  // namespace leat::cli
