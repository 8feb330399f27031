#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <bit>
#include <span>
#include <string_view>
#include <utility>

namespace leat {

// leat's whole vocabulary of bytes: a view (BytesView), an owner (Bytes), and a chain of owners and file ranges
// (runtime/chain.h).
using BytesView = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

inline BytesView as_bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }
inline std::string_view as_text(BytesView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// Owns one block of bytes, moves, never copies. Large blocks are kept for reuse by the thread that frees them (at most
// kCachedBytesMax a thread), since mapping and zeroing a fresh megabyte costs more than checking its records.
class Bytes {
 public:
  static constexpr std::size_t kCachedBytesMax = std::size_t{8} << 20;

  Bytes() = default;
  // `size` bytes of unspecified content.
  static Bytes uninitialized(std::size_t size);
  static Bytes copy_of(BytesView source);

  Bytes(Bytes&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Bytes& operator=(Bytes&& other) noexcept {
    if (this != &other) {
      release();
      data_ = std::exchange(other.data_, nullptr);
      size_ = std::exchange(other.size_, 0);
      capacity_ = std::exchange(other.capacity_, 0);
    }
    return *this;
  }
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;
  ~Bytes() { release(); }

  [[nodiscard]] std::byte* data() { return data_; }
  [[nodiscard]] const std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] BytesView view() const { return {data_, size_}; }
  [[nodiscard]] MutableBytes mutable_view() { return {data_, size_}; }
  operator BytesView() const { return view(); }  // NOLINT(google-explicit-constructor): an owner lends its view

  // Appends at the end; the block grows by doubling and views of it end.
  void append(BytesView source);
  // Sets the size; new bytes have unspecified content and views end when the block has to grow.
  void resize(std::size_t size);

 private:
  void release();
  void grow_to(std::size_t capacity);

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

// Big-endian integers at any alignment, as network protocols and Kafka's record batches have them.
template <class T>
[[nodiscard]] T load_be(const std::byte* at) {
  std::make_unsigned_t<T> raw;
  std::memcpy(&raw, at, sizeof raw);
  return static_cast<T>(std::byteswap(raw));
}
template <class T>
void store_be(std::byte* at, T value) {
  auto raw = std::byteswap(static_cast<std::make_unsigned_t<T>>(value));
  std::memcpy(at, &raw, sizeof raw);
}
template <>
[[nodiscard]] inline std::int8_t load_be<std::int8_t>(const std::byte* at) {
  return static_cast<std::int8_t>(*at);
}

}  // namespace leat
