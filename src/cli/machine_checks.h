#pragma once

#include <string>
#include <vector>

namespace leat::cli {

struct Finding {
  enum class State { fine, notice, bad };
  std::string check;
  State state = State::fine;
  std::string value;   // what was found
  std::string advice;  // what to do about it; empty when it is fine
};

// Looks at what leat depends on: limits, memory, the disk below `folder` (or below its nearest existing parent) and the
// speed of `syncs` flushes there, clocks, kernel settings. Writes and removes one small file in the folder.
[[nodiscard]] std::vector<Finding> examine_machine(const std::string& folder, int syncs);

}  // namespace leat::cli
