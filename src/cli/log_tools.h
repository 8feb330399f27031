#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

// What `leat log` does, on the files of a stopped server. Nothing is changed.
namespace leat::cli {

struct LogCheckOptions {
  std::string folder;
  bool json = false;
};
// Prints what it found. Returns 1 when there is damage: records that were committed and cannot be read, or files that
// contradict each other. A torn tail after a crash is none.
[[nodiscard]] Result<int> check_log(const LogCheckOptions& options);

struct LogDumpOptions {
  std::string path;
  std::string topic;
  std::int32_t partition = -1;
  bool records = false;
  bool json = false;
};
// Prints batches. Returns 1 when it met something that is none.
[[nodiscard]] Result<int> dump_log(const LogDumpOptions& options);

}  // namespace leat::cli
