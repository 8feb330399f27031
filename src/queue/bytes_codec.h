#pragma once

#include "base/bytes.h"
#include "base/types.h"
#include "base/varint.h"

// The small things that stored queue state is made of: varints, texts, big-endian integers.
namespace leat::queue {

inline void put_byte(Bytes& out, std::uint8_t value) {
  const auto byte = static_cast<std::byte>(value);
  out.append({&byte, 1});
}
inline void put_varint(Bytes& out, std::uint64_t value) {
  std::array<std::byte, 10> buffer;
  std::size_t n = 0;
  for (; value >= 0x80; value >>= 7) buffer[n++] = static_cast<std::byte>(value | 0x80);
  buffer[n++] = static_cast<std::byte>(value);
  out.append({buffer.data(), n});
}
inline void put_text(Bytes& out, std::string_view text) {
  put_varint(out, text.size());
  out.append(as_bytes(text));
}

// Reads from the front; past the end it yields zeros and ok() turns false for good.
class BytesReader {
 public:
  explicit BytesReader(BytesView bytes) : rest_(bytes) {}

  [[nodiscard]] std::uint8_t byte() {
    const BytesView one = bytes(1);
    return one.empty() ? 0 : static_cast<std::uint8_t>(one[0]);
  }
  [[nodiscard]] std::uint64_t varint() {
    std::uint64_t value = 0;
    const std::byte* next = read_uvarint64(rest_.data(), rest_.data() + rest_.size(), value);
    if (next == nullptr) return spoil();
    rest_ = rest_.subspan(static_cast<std::size_t>(next - rest_.data()));
    return value;
  }
  [[nodiscard]] BytesView bytes(std::uint64_t n) {
    if (n > rest_.size()) {
      spoil();
      return {};
    }
    const BytesView taken = rest_.first(n);
    rest_ = rest_.subspan(n);
    return taken;
  }
  [[nodiscard]] std::string_view text() { return as_text(bytes(varint())); }
  [[nodiscard]] BytesView rest() const { return rest_; }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

 private:
  std::uint64_t spoil() {
    ok_ = false;
    rest_ = {};
    return 0;
  }

  BytesView rest_;
  bool ok_ = true;
};

[[nodiscard]] inline std::uint64_t raw(Offset offset) { return static_cast<std::uint64_t>(offset.value()); }
[[nodiscard]] inline std::uint64_t raw(Timestamp time) { return static_cast<std::uint64_t>(time.value()); }
// For times that may be kNoTimestamp, which is -1.
[[nodiscard]] inline std::uint64_t raw_optional(Timestamp time) { return raw(time) + 1; }
[[nodiscard]] inline Timestamp read_time(BytesReader& in) { return Timestamp(static_cast<std::int64_t>(in.varint())); }
[[nodiscard]] inline Timestamp read_optional_time(BytesReader& in) {
  return Timestamp(static_cast<std::int64_t>(in.varint() - 1));
}

}  // namespace leat::queue
