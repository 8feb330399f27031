#pragma once

#include "base/bytes.h"
#include "base/varint.h"
#include "log/batch.h"

// One record's encoding inside a batch (docs/formats/record-batch.md), shared by the reader and the validator.
namespace leat::log {

// Where the parts of an encoded record lie. Sizes are -1 for null.
struct RecordFields {
  std::int8_t attributes = 0;
  std::int64_t timestamp_delta = 0;
  std::int32_t offset_delta = 0;
  std::int32_t key_size = -1;
  std::int32_t value_size = -1;
  const std::byte* key = nullptr;
  const std::byte* value = nullptr;
  const std::byte* headers = nullptr;  // at their count
  const std::byte* end = nullptr;
};

namespace detail {

// read_varint32 for values that are nearly always one byte.
[[nodiscard]] inline const std::byte* read_short_varint(const std::byte* at, const std::byte* end,
                                                        std::int32_t& value) {
  if (at != end && static_cast<std::uint8_t>(*at) < 0x80) [[likely]] {
    const auto raw = static_cast<std::uint32_t>(*at);
    value = static_cast<std::int32_t>(raw >> 1) ^ -static_cast<std::int32_t>(raw & 1);
    return at + 1;
  }
  return read_varint32(at, end, value);
}

// Reads a length of -1 (null) or more and steps over that many bytes. Returns the byte after them, nullptr if
// malformed.
[[nodiscard]] inline const std::byte* skip_sized(const std::byte* at, const std::byte* end, std::int32_t& size,
                                                 const std::byte*& data) {
  at = read_short_varint(at, end, size);
  if (at == nullptr || size < -1 || size > end - at) [[unlikely]]
    return nullptr;
  data = at;
  return at + (size < 0 ? 0 : size);
}

// Steps over `count` headers. Returns the byte after them, nullptr if malformed.
[[nodiscard]] const std::byte* skip_headers(const std::byte* at, const std::byte* end, std::int32_t count);

}  // namespace detail

// Reads the record at `at` with everything it holds checked to lie inside [at, end). Returns the byte after it, nullptr
// if it is malformed. Attributes, deltas and the presence of a key are the caller's to judge.
[[nodiscard]] inline const std::byte* read_record(const std::byte* at, const std::byte* end, RecordFields& record) {
  std::int32_t length = 0;
  at = detail::read_short_varint(at, end, length);
  if (at == nullptr || length < 1 || length > end - at) [[unlikely]]
    return nullptr;
  record.end = at + length;
  record.attributes = static_cast<std::int8_t>(*at++);
  at = read_varint64(at, record.end, record.timestamp_delta);
  if (at == nullptr) [[unlikely]]
    return nullptr;
  at = detail::read_short_varint(at, record.end, record.offset_delta);
  if (at == nullptr) [[unlikely]]
    return nullptr;
  at = detail::skip_sized(at, record.end, record.key_size, record.key);
  if (at == nullptr) [[unlikely]]
    return nullptr;
  at = detail::skip_sized(at, record.end, record.value_size, record.value);
  if (at == nullptr) [[unlikely]]
    return nullptr;
  record.headers = at;
  std::int32_t header_count = 0;
  at = detail::read_short_varint(at, record.end, header_count);
  if (at == nullptr || header_count < 0) [[unlikely]]
    return nullptr;
  if (header_count > 0) {
    at = detail::skip_headers(at, record.end, header_count);
    if (at == nullptr) return nullptr;
  }
  return at == record.end ? at : nullptr;
}

// The records of a batch as they are encoded, without compression: a view of the batch, or of `decompressed`, which is
// filled. Errors: those of decompress(), unsupported_codec.
[[nodiscard]] Result<BytesView> plain_records(BytesView batch, const BatchHeader& header,
                                              std::size_t decompressed_size_max, Bytes& decompressed);

inline constexpr std::size_t kMagicAt = 16;
// Whether a batch whose first bytes these are is of format v2, as far as they tell. Old formats have their magic there,
// too.
[[nodiscard]] Status check_magic(BytesView bytes);
// Decodes without judging: `bytes` holds at least kBatchHeaderSize bytes.
[[nodiscard]] BatchHeader read_header_fields(const std::byte* bytes);
// Sets the batch length and CRC that follow from the rest and writes the header over the first bytes of `batch`.
void seal_batch(BatchHeader& header, MutableBytes batch);

}  // namespace leat::log
