#include <CLI/CLI.hpp>

#include "cli/options.h"
#include "cli/subcommand.h"
#include "cli/log_tools.h"

namespace leat::cli {

void add_log_command(CLI::App& root, Invocation& chosen) {
  CLI::App* log = add_subcommand_group(root, "log", "Check and print the files of a stopped server");

  auto check = std::make_shared<LogCheckOptions>();
  CLI::App* command =
      add_subcommand(*log, "check", "Verify every batch of a data folder; changes nothing; exit code 1 on damage",
                     check_log, check, chosen);
  command->add_option("folder", check->folder, "The data folder")->required()->type_name("DIR");
  command->add_flag("--json", check->json, "Print JSON, for scripts");

  auto dump = std::make_shared<LogDumpOptions>();
  command = add_subcommand(*log, "dump", "Print the batches of a data folder, a partition's folder or a segment",
                           dump_log, dump, chosen);
  command->add_option("path", dump->path, "A data folder, a partition's folder or a .log file")
      ->required()
      ->type_name("DIR|FILE");
  command->add_flag("--records", dump->records, "Print the records too");
  command->add_option("--topic", dump->topic, "Of a data folder: only this topic")->type_name("TOPIC");
  command->add_option("--partition", dump->partition, "Of a data folder: only this partition")
      ->check(at_least(0))
      ->type_name("N");
  command->add_flag("--json", dump->json, "Print each batch, and each record, as an object on one line");
}

}  // namespace leat::cli
