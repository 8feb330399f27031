#pragma once

#include <string>
#include <vector>

namespace leat::cli {

// Runs `leat ARGS...`; args[0] is the program's name. Returns the process's exit code: 0, 1 for a failure (told on standard
// error, with what to do next), 2 for words it does not understand.
[[nodiscard]] int run(const std::vector<std::string>& args);

}  // namespace leat::cli
