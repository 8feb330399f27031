#pragma once

#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "runtime/file.h"

namespace leat::log {

// A little disk space that is set aside, so that on a full disk records can still be deleted: the manifest that lets the
// files go has to be written first. One file of a data folder, shared by all shards; everything here waits for the disk.
class SpaceReserve {
 public:
  static constexpr std::uint64_t kSize = std::uint64_t{1} << 20;

  SpaceReserve(runtime::FileSystem& files, const std::string& data);

  // Sets the space aside, or as much of it as there is.
  void refill();
  // runtime::replace_file that takes the reserve when the disk is full.
  [[nodiscard]] Status replace_file(const std::string& path, BytesView content);

 private:
  runtime::FileSystem& files_;
  std::string path_;
};

}  // namespace leat::log
