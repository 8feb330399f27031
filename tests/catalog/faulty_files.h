#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/file.h"

namespace leat::catalog {

// Another file system's files, but any call can be made to fail. One thread at a time.
class FaultyFiles final : public runtime::FileSystem {
 public:
  explicit FaultyFiles(runtime::FileSystem& base) : base_(base) {}

  // Asked before each call with its name ("open", "read", "write", "sync", "truncate", "rename", "remove",
  // "sync_directory") and path.
  std::function<std::optional<Errc>(std::string_view, const std::string&)> fault;
  std::vector<std::string> calls;  // "sync catalog.db-wal", in order

  Status check(std::string_view call, const std::string& path);

  Result<std::unique_ptr<runtime::File>> open(const std::string& path, runtime::OpenMode mode) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status sync_directory(const std::string& path) override;
  Status create_directories(const std::string& path) override { return base_.create_directories(path); }
  Status remove_all(const std::string& path) override { return base_.remove_all(path); }
  Result<std::vector<runtime::FileInfo>> list(const std::string& path) override { return base_.list(path); }
  bool exists(const std::string& path) override { return base_.exists(path); }
  Status sync_all(const std::string& path) override { return base_.sync_all(path); }
  Result<std::uint64_t> free_space(const std::string& path) override { return base_.free_space(path); }
  Result<std::unique_ptr<runtime::DirectoryLock>> lock_directory(const std::string& path) override {
    return base_.lock_directory(path);
  }

 private:
  runtime::FileSystem& base_;
};

}  // namespace leat::catalog
