#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>

#include "cli/subcommand.h"
#include "cli/machine_checks.h"
#include "cli/options.h"
#include "cli/output.h"

namespace leat::cli {
namespace {

struct DoctorOptions {
  std::string data = ".";
  int syncs = 200;
  bool json = false;
};

std::string_view name_of(Finding::State state) {
  switch (state) {
    case Finding::State::fine: return "ok";
    case Finding::State::notice: return "notice";
    case Finding::State::bad: return "BAD";
  }
  return "";
}

Result<int> examine(const DoctorOptions& options) {
  const std::vector<Finding> findings = examine_machine(options.data, options.syncs);
  const bool bad = std::ranges::any_of(findings, [](const Finding& f) { return f.state == Finding::State::bad; });
  if (options.json) {
    nlohmann::ordered_json out = nlohmann::ordered_json::array();
    for (const Finding& finding : findings)
      out.push_back({{"check", finding.check},
                     {"state", name_of(finding.state)},
                     {"value", finding.value},
                     {"advice", finding.advice}});
    fmt::print("{}\n", out.dump(2));
    return bad ? 1 : 0;
  }
  Table table({"CHECK", "STATE", "FOUND"});
  for (const Finding& finding : findings)
    table.add({finding.check, std::string(name_of(finding.state)), finding.value});
  fmt::print("{}", table.render());
  for (const Finding& finding : findings)
    if (!finding.advice.empty()) fmt::print("\n{}: {}\n", finding.check, finding.advice);
  return bad ? 1 : 0;
}

}  // namespace

void add_doctor_command(CLI::App& root, Invocation& chosen) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App* command = add_subcommand(root, "doctor", "Examine this machine: limits, memory, disk, flush speed, clock",
                                     examine, options, chosen);
  command->add_option("--data", options->data, "The folder to examine, in which leat stores or will store")
      ->type_name("DIR")
      ->capture_default_str();
  command->add_option("--syncs", options->syncs, "How many flushes to measure")
      ->check(CLI::Range(1, 100'000))
      ->type_name("N")
      ->capture_default_str();
  add_json_option(*command, options->json);
}

}  // namespace leat::cli
