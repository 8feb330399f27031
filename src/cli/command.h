#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace CLI {
class App;
}

namespace leat::cli {

// What the words of the command line chose, to be run once all of them are understood. Returns the exit code: 0, or 1 when
// the command worked and found something wrong.
using Action = std::function<Result<int>()>;

struct Invocation {
  Action action;
};

// One of leat's commands. `add` declares its options and subcommands below `root`, each with a callback that sets
// `chosen.action`; both outlive the run.
struct CommandEntry {
  std::string_view name;
  void (*add)(CLI::App& root, Invocation& chosen);
};

// Every command, in the order of `leat --help`.
[[nodiscard]] std::span<const CommandEntry> commands();

// Declares every command below `root`, which has nothing yet.
void declare_commands(CLI::App& root, Invocation& chosen);

void add_serve_command(CLI::App& root, Invocation& chosen);
void add_config_command(CLI::App& root, Invocation& chosen);
void add_topic_command(CLI::App& root, Invocation& chosen);
void add_produce_command(CLI::App& root, Invocation& chosen);
void add_consume_command(CLI::App& root, Invocation& chosen);
void add_group_command(CLI::App& root, Invocation& chosen);
void add_queue_command(CLI::App& root, Invocation& chosen);
void add_user_command(CLI::App& root, Invocation& chosen);
void add_grant_command(CLI::App& root, Invocation& chosen);
void add_role_command(CLI::App& root, Invocation& chosen);
void add_token_command(CLI::App& root, Invocation& chosen);
void add_access_key_command(CLI::App& root, Invocation& chosen);
void add_quota_command(CLI::App& root, Invocation& chosen);
void add_log_command(CLI::App& root, Invocation& chosen);
void add_doctor_command(CLI::App& root, Invocation& chosen);
void add_bench_command(CLI::App& root, Invocation& chosen);
void add_completion_command(CLI::App& root, Invocation& chosen);

// `leat serve ARGS...` and `leat config ARGS...`: their flags are the configuration's, which reads them itself.
[[nodiscard]] int run_serve(std::span<const std::string> args);
[[nodiscard]] int run_config(std::span<const std::string> args);

// Tells an error on standard error. Returns `exit_code`.
int report(const Error& error, int exit_code = 1);

}  // namespace leat::cli
