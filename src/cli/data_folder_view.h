#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "runtime/file.h"

namespace leat::cli {

// A partition's folder below a data folder.
struct PartitionFolder {
  std::string path;
  TopicPartition id;
  std::string topic;  // its name, or its id when the catalog does not know it
  bool known = true;  // to the catalog
};

// A data folder whose server is stopped, held so that none is started meanwhile. Nothing in it is changed.
struct DataFolderView {
  std::unique_ptr<runtime::DirectoryLock> lock;  // none when the folder may not be written: no server can use it then
  std::vector<PartitionFolder> partitions;       // by topic name and partition
  std::vector<std::string> findings;             // what is odd about the folder
  std::vector<std::string> damage;               // what is wrong with it
};

// Errors, each with what to do: not_found (no data folder of leat), exists (a server uses it), unsupported (a newer leat
// wrote it), io.
[[nodiscard]] Result<DataFolderView> view_data_folder(const std::string& folder);

[[nodiscard]] bool is_data_folder(const std::string& folder);

// The topic and partition of TOPIC-UUID/PARTITION at the end of a path; nullopt for any other.
[[nodiscard]] std::optional<TopicPartition> partition_of_path(std::string_view path);

}  // namespace leat::cli
