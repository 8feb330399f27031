#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "log/config.h"
#include "log/manifest.h"
#include "log/segment.h"
#include "runtime/file.h"

namespace leat::log {

// What is in a partition's folder, verified as far as it had to be.
struct RecoveredLog {
  std::string folder;
  Manifest manifest;
  std::vector<std::shared_ptr<Segment>> segments;  // never empty; the last one is active
  std::optional<Error> damage;                     // the partition must not serve
  bool manifest_changed = false;                   // segments were adopted or cut, epochs were found: write it again
  std::uint64_t cut_bytes = 0;                     // a torn tail that was removed
  std::vector<std::string> findings;               // for the log, one line each
};

struct RecoveryOptions {
  std::int64_t index_interval_bytes = 4096;
  bool verify_crc = true;
  bool repair = true;  // false: change nothing, report only (leat log check); then everything is verified
};

// Opens what is on disk by the steps in docs/formats/log.md. `point` is where verification may start; with `clean` nothing
// is read beyond it. Never fails as a whole: damage is in the result. Waits for the disk.
[[nodiscard]] RecoveredLog recover_log(runtime::FileSystem& files, const std::string& folder, const TopicPartition& id,
                                       const std::optional<RecoveryPoint>& point, bool clean,
                                       const RecoveryOptions& options);

}  // namespace leat::log
