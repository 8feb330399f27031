#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"

namespace leat {

struct LineFileOptions {
  std::size_t file_bytes_max = std::size_t{64} << 20;  // a file that would get larger is renamed, and another begun
  std::size_t files_max = 10;  // of older ones: NAME.1.EXT is the newest of them; the oldest goes
};

// A file to which lines are added, in the order of the calls, by a thread of its own; readable by its owner alone.
class LineFile {
 public:
  // Creates what is missing of the path. Error: io.
  [[nodiscard]] static Result<std::unique_ptr<LineFile>> open(const std::string& path, const LineFileOptions& options);
  LineFile(const LineFile&) = delete;
  LineFile& operator=(const LineFile&) = delete;
  // Writes out what waits.
  ~LineFile();

  // From any thread; does not wait for the disk, and does not fail. Of more than kWaitingMax lines that wait the oldest are lost.
  // What has been written is not flushed to the device.
  void write(const std::string& line);
  // How many lines were lost since the last call.
  [[nodiscard]] std::uint64_t take_lost();

  static constexpr std::size_t kWaitingMax = 2'048;  // each takes 400 bytes from the start

 private:
  class Impl;
  explicit LineFile(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
  std::atomic<std::uint64_t> lost_{0};  // of those that were told
};

}  // namespace leat
