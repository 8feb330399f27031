#include "cli/line_reader.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace leat::cli {

Result<LineReader> LineReader::open(const std::string& path) {
  if (path == "-") return LineReader(STDIN_FILENO, "standard input");
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return fail(system_error(fmt::format("open {}", path), errno));
  return LineReader(descriptor, path);
}

LineReader::LineReader(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {
  struct stat info{};
  if (::fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode)) size_ = static_cast<std::uint64_t>(info.st_size);
}

LineReader::LineReader(LineReader&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      path_(std::move(other.path_)),
      buffer_(std::move(other.buffer_)),
      at_(other.at_),
      searched_(other.searched_),
      position_(other.position_),
      size_(other.size_),
      ended_(other.ended_) {}

LineReader::~LineReader() {
  if (descriptor_ > STDIN_FILENO) ::close(descriptor_);
}

Status LineReader::fill() {
  if (at_ > 0) {
    buffer_.erase(0, at_);
    searched_ -= at_;
    at_ = 0;
  }
  if (buffer_.size() > kLineMax)
    return fail(Errc::too_large,
                fmt::format("{} has a line of more than {} MiB: no record can hold it", path_, kLineMax >> 20));
  const std::size_t old_size = buffer_.size();
  buffer_.resize(old_size + kReadSize);
  ssize_t received = 0;
  do {
    received = ::read(descriptor_, buffer_.data() + old_size, kReadSize);
  } while (received < 0 && errno == EINTR);
  buffer_.resize(old_size + static_cast<std::size_t>(std::max<ssize_t>(received, 0)));
  if (received < 0) return fail(system_error(fmt::format("read {}", path_), errno));
  position_ += static_cast<std::uint64_t>(received);
  ended_ = received == 0;
  return {};
}

Result<std::optional<std::string_view>> LineReader::next() {
  for (;;) {
    const auto newline = buffer_.find('\n', searched_);
    if (newline != std::string::npos) {
      const std::string_view line = std::string_view(buffer_).substr(at_, newline - at_);
      at_ = searched_ = newline + 1;
      return line;
    }
    searched_ = buffer_.size();
    if (ended_) {
      if (at_ == buffer_.size()) return std::nullopt;
      const std::string_view line = std::string_view(buffer_).substr(at_);
      at_ = buffer_.size();
      return line;
    }
    LEAT_CHECK(fill());
  }
}

bool LineReader::would_wait() const {
  if (ended_ || buffer_.find('\n', searched_) != std::string::npos) return false;
  pollfd readable{descriptor_, POLLIN, 0};
  return ::poll(&readable, 1, 0) == 0;
}

}  // namespace leat::cli
