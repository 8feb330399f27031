#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace leat::cli {

// Lines of a file or of standard input ("-"), without their newline. A last line without one counts.
class LineReader {
 public:
  // Lines above this many bytes are refused: a record cannot be that large.
  static constexpr std::size_t kLineMax = std::size_t{64} << 20;

  [[nodiscard]] static Result<LineReader> open(const std::string& path);
  LineReader(LineReader&& other) noexcept;
  LineReader& operator=(LineReader&&) = delete;
  ~LineReader();

  // The next line, valid until the next call; nullopt at the end. Errors: io, too_large. Waits for input.
  [[nodiscard]] Result<std::optional<std::string_view>> next();
  // Whether next() would have to wait: the moment to send what has been read.
  [[nodiscard]] bool would_wait() const;
  // Bytes read so far, and the file's size when it has one.
  [[nodiscard]] std::uint64_t position() const { return position_; }
  [[nodiscard]] std::optional<std::uint64_t> size() const { return size_; }

 private:
  LineReader(int descriptor, std::string path);
  [[nodiscard]] Status fill();

  static constexpr std::size_t kReadSize = std::size_t{256} << 10;
  int descriptor_;
  std::string path_;
  std::string buffer_;
  std::size_t at_ = 0;        // of the next line in the buffer
  std::size_t searched_ = 0;  // no newline between at_ and here
  std::uint64_t position_ = 0;
  std::optional<std::uint64_t> size_;
  bool ended_ = false;
};

}  // namespace leat::cli
