#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace leat::cli {

// "1.5 GiB", "512 B"; "-" for negative values.
[[nodiscard]] std::string human_bytes(std::int64_t bytes);
// "12,345,678".
[[nodiscard]] std::string human_count(std::int64_t count);
// "850 ns", "12.3 µs", "4.56 ms", "1.20 s".
[[nodiscard]] std::string human_ns(double ns);

[[nodiscard]] bool is_terminal(int descriptor);

// Rows under headings, aligned by the widest cell; columns whose heading starts with '>' are aligned to the right.
class Table {
 public:
  explicit Table(std::vector<std::string> headings) { rows_.push_back(std::move(headings)); }
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  [[nodiscard]] bool empty() const { return rows_.size() == 1; }
  [[nodiscard]] std::string render() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// Standard output in large writes. When the reader goes away, closed() turns true and the rest is dropped.
class Output {
 public:
  ~Output() { flush(); }
  void write(std::string_view text) {
    buffer_ += text;
    if (buffer_.size() >= kBufferSize) flush();
  }
  void flush();
  [[nodiscard]] bool closed() const { return closed_; }
  // Error: io, when standard output could not be written for another reason than a reader that went away.
  [[nodiscard]] Status status() const;

 private:
  static constexpr std::size_t kBufferSize = std::size_t{64} << 10;
  std::string buffer_;
  bool closed_ = false;
  int failure_ = 0;
};

// A line on standard error that shows how far something is, on a terminal and from the first second on.
class Progress {
 public:
  // `unit` is what is counted: "records", "bytes". Without a total it counts up.
  Progress(std::string unit, std::optional<std::uint64_t> total);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Cheap enough to be called for every batch.
  void update(std::uint64_t done);
  // Takes the line away, so that other output may follow.
  void clear();

 private:
  void draw(std::uint64_t done, MonoTime now);

  std::string unit_;
  std::optional<std::uint64_t> total_;
  MonoTime started_;
  MonoTime drawn_;
  bool enabled_;
  bool visible_ = false;
};

}  // namespace leat::cli
