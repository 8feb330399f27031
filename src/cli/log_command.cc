#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/log_tools.h"

namespace leat::cli {

void add_log_command(CLI::App& root, Invocation& chosen) {
  CLI::App* log = root.add_subcommand("log", "Check and print the files of a stopped server");
  log->require_subcommand(1);

  auto check = std::make_shared<LogCheckOptions>();
  CLI::App* command =
      log->add_subcommand("check", "Verify every batch of a data folder; changes nothing; exit code 1 on damage");
  command->add_option("folder", check->folder, "The data folder")->required()->type_name("DIR");
  command->add_flag("--json", check->json, "Print JSON, for scripts");
  command->callback([check, &chosen] { chosen.action = [check] { return check_log(*check); }; });

  auto dump = std::make_shared<LogDumpOptions>();
  command = log->add_subcommand("dump", "Print the batches of a data folder, a partition's folder or a segment");
  command->add_option("path", dump->path, "A data folder, a partition's folder or a .log file")
      ->required()
      ->type_name("DIR|FILE");
  command->add_flag("--records", dump->records, "Print the records too");
  command->add_option("--topic", dump->topic, "Of a data folder: only this topic")->type_name("TOPIC");
  command->add_option("--partition", dump->partition, "Of a data folder: only this partition")
      ->check(CLI::NonNegativeNumber)
      ->type_name("N");
  command->add_flag("--json", dump->json, "Print each batch, and each record, as an object on one line");
  command->callback([dump, &chosen] { chosen.action = [dump] { return dump_log(*dump); }; });
}

}  // namespace leat::cli
