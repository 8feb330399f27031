#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "runtime/file.h"

namespace leat::server {

// The version of the data folder's layout that this build writes and reads (docs/formats/log.md).
inline constexpr int kDataVersion = 1;

// Makes the data folder if it is missing, locks it against another server for as long as the lock lives, and checks or
// stamps its version. Errors, each with what to do: exists (another server uses it), unsupported (a newer leat wrote it),
// corrupt (no version file in a folder that is not empty), permission_denied, disk_full, io. Waits for the disk.
[[nodiscard]] Result<std::unique_ptr<runtime::DirectoryLock>> open_data_folder(runtime::FileSystem& files,
                                                                               const std::string& folder);

// Whether the system lets others than its owner look into a folder.
[[nodiscard]] bool is_open_to_others(const std::string& folder);

}  // namespace leat::server
