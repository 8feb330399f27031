#pragma once

#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "runtime/file.h"

namespace leat::runtime {

// Bytes that lie in a file and are sent from there without passing through the process.
struct FileRange {
  std::shared_ptr<File> file;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// What goes out on a socket, in order: owned blocks and ranges of files.
class Chain {
 public:
  using Part = std::variant<Bytes, FileRange>;

  void append(Bytes bytes) {
    if (bytes.empty()) return;
    size_ += bytes.size();
    memory_ += bytes.size();
    parts_.emplace_back(std::move(bytes));
  }
  void append(FileRange range) {
    if (range.length == 0) return;
    size_ += range.length;
    parts_.emplace_back(std::move(range));
  }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  // What of it is in blocks.
  [[nodiscard]] std::uint64_t memory() const { return memory_; }
  [[nodiscard]] const std::vector<Part>& parts() const { return parts_; }

 private:
  std::vector<Part> parts_;
  std::uint64_t size_ = 0;
  std::uint64_t memory_ = 0;
};

}  // namespace leat::runtime
