#pragma once

#include <span>
#include <string>
#include <string_view>

namespace leat::resp {

class Executor;

// A setting that CONFIG GET shows. The names are Redis's; those of Redis that mean nothing here are not offered.
struct ConfigParameter {
  std::string_view name;
  std::string_view alias;  // an older name of the same; empty: none
  std::string (*get)(Executor& executor);
  // Changes it. Returns what is wrong with `value`, empty: nothing. nullptr: it cannot be changed while leat runs.
  std::string (*set)(Executor& executor, std::string_view value);
};

[[nodiscard]] std::span<const ConfigParameter> config_parameters();
// By name or alias, in any case; nullptr: there is none.
[[nodiscard]] const ConfigParameter* find_config_parameter(std::string_view name);

}  // namespace leat::resp
