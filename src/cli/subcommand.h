#pragma once

#include <memory>
#include <string>

#include "cli/command.h"

// Subcommands are made in one file: what CLI11 makes them of takes seconds to compile in each that calls it.
namespace leat::cli {

// A subcommand of `parent` that chooses `action`.
CLI::App* add_subcommand(CLI::App& parent, const std::string& name, const std::string& what, Action action,
                         Invocation& chosen);

// A subcommand of `parent` that only has subcommands, of which one is needed.
CLI::App* add_subcommand_group(CLI::App& parent, const std::string& name, const std::string& what);

// As the first, for a handler that is given its options.
template <class Options>
CLI::App* add_subcommand(CLI::App& parent, const std::string& name, const std::string& what,
                         Result<int> (*handler)(const Options&), const std::shared_ptr<Options>& options,
                         Invocation& chosen) {
  return add_subcommand(parent, name, what, [options, handler] { return handler(*options); }, chosen);
}

}  // namespace leat::cli
