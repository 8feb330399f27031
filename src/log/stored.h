#pragma once

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/result.h"

// Reading and writing the small checksummed files of the log: a magic that names the format and its version, the CRC-32C of
// the rest, then big-endian fields.
namespace leat::log {

class StoredWriter {
 public:
  explicit StoredWriter(std::string_view magic) {
    out_.append(as_bytes(magic));
    put(std::uint32_t{0});
  }
  template <std::integral T>
  void put(T value) {
    const std::size_t at = out_.size();
    out_.resize(at + sizeof(T));
    if constexpr (sizeof(T) == 1) {
      out_.data()[at] = static_cast<std::byte>(value);
    } else {
      store_be(out_.data() + at, value);
    }
  }
  void put(BytesView bytes) { out_.append(bytes); }
  [[nodiscard]] Bytes finish() && {
    store_be(out_.data() + 8, crc32c(out_.view().subspan(12)));
    return std::move(out_);
  }

 private:
  Bytes out_;
};

// Reads fields one after the other; past the end it yields zeros and ok() turns false.
class StoredReader {
 public:
  // Error: corrupt, when the magic or the checksum is another.
  [[nodiscard]] static Result<StoredReader> open(BytesView bytes, std::string_view magic, std::string_view what) {
    if (bytes.size() < 12 || as_text(bytes.first(8)) != magic)
      return fail(Errc::corrupt, fmt::format("{} does not begin with {}", what, magic));
    if (load_be<std::uint32_t>(bytes.data() + 8) != crc32c(bytes.subspan(12)))
      return fail(Errc::corrupt, fmt::format("{} fails its checksum", what));
    return StoredReader(bytes.subspan(12));
  }
  template <std::integral T>
  [[nodiscard]] T get() {
    if (rest_.size() < sizeof(T)) {
      ok_ = false;
      return T{};
    }
    T value;
    if constexpr (sizeof(T) == 1) {
      value = static_cast<T>(rest_[0]);
    } else {
      value = load_be<T>(rest_.data());
    }
    rest_ = rest_.subspan(sizeof(T));
    return value;
  }
  [[nodiscard]] BytesView get_bytes(std::size_t n) {
    if (rest_.size() < n) {
      ok_ = false;
      return {};
    }
    const BytesView bytes = rest_.first(n);
    rest_ = rest_.subspan(n);
    return bytes;
  }
  // A count of items of at least `item_size` bytes each: one that cannot fit makes ok() false and reads as 0.
  [[nodiscard]] std::uint32_t get_count(std::size_t item_size) {
    const auto count = get<std::uint32_t>();
    if (count > rest_.size() / item_size) {
      ok_ = false;
      return 0;
    }
    return count;
  }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

 private:
  explicit StoredReader(BytesView rest) : rest_(rest) {}
  BytesView rest_;
  bool ok_ = true;
};

}  // namespace leat::log
