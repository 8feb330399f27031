#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/uuid.h"
#include "protocol/kafka/error_code.h"
#include "runtime/chain.h"

// Kafka's primitive types on the wire: https://kafka.apache.org/protocol#protocol_types and docs/formats/kafka-messages.md.
// `flexible` says whether a message's version has compact lengths and tagged fields (KIP-482).
namespace leat::kafka {

// The record batches of a fetch response. To send: blocks and ranges of files, in order. Received: a view into the
// response's bytes.
struct RecordsField {
  std::vector<runtime::Chain::Part> parts;
  BytesView view;
  bool is_null = false;

  [[nodiscard]] std::uint64_t size() const;
};

// Reads one message from bytes that nobody vouches for. The first violation stops it for good: from then on ok() is false,
// every read returns zero or nothing, and status() tells what was found. Views that it returns end with the bytes it reads.
// What a message may make the caller allocate is bounded by kMemoryBase + kMemoryPerByte times its size.
class Reader {
 public:
  static constexpr std::size_t kMemoryBase = std::size_t{1} << 20;
  static constexpr std::size_t kMemoryPerByte = 8;

  explicit Reader(BytesView bytes)
      : begin_(bytes.data()),
        at_(bytes.data()),
        end_(bytes.data() + bytes.size()),
        memory_left_(kMemoryBase + kMemoryPerByte * bytes.size()) {}

  [[nodiscard]] bool ok() const { return what_ == nullptr; }
  [[nodiscard]] std::size_t remaining() const { return static_cast<std::size_t>(end_ - at_); }
  [[nodiscard]] std::size_t position() const { return static_cast<std::size_t>(at_ - begin_); }
  // Error: invalid_argument, naming the message, its version and the place of the first violation.
  [[nodiscard]] Status status(std::string_view message, std::int16_t version) const;
  void fail(const char* what);

  std::int8_t i8() { return integer<std::int8_t>(); }
  std::int16_t i16() { return integer<std::int16_t>(); }
  std::int32_t i32() { return integer<std::int32_t>(); }
  std::int64_t i64() { return integer<std::int64_t>(); }
  double f64() { return std::bit_cast<double>(i64()); }
  bool boolean() { return i8() != 0; }
  ErrorCode error_code() { return static_cast<ErrorCode>(i16()); }
  Uuid uuid();
  std::uint32_t uvarint();

  std::string_view string(bool flexible);
  std::optional<std::string_view> nullable_string(bool flexible, bool null_allowed);
  BytesView bytes(bool flexible);
  std::optional<BytesView> nullable_bytes(bool flexible, bool null_allowed);
  // The count of an array whose elements take at least `element_size_min` bytes here and `element_memory` in memory; a
  // count that the remaining bytes cannot hold is a violation.
  std::size_t array(bool flexible, std::size_t element_size_min, std::size_t element_memory);
  std::optional<std::size_t> nullable_array(bool flexible, bool null_allowed, std::size_t element_size_min,
                                            std::size_t element_memory);
  // Passes over tagged fields of which none is known.
  void skip_tags();

 private:
  friend class TagReader;

  template <class T>
  T integer() {
    if (remaining() < sizeof(T)) [[unlikely]] {
      fail("ends too early");
      return 0;
    }
    const T value = load_be<T>(at_);
    at_ += sizeof(T);
    return value;
  }
  // -1: null. Anything below is a violation and returns -1 too.
  std::int64_t string_length(bool flexible);
  std::int64_t length(bool flexible);
  BytesView take(std::int64_t size);
  std::size_t checked_count(std::int64_t count, std::size_t element_size_min, std::size_t element_memory);

  const std::byte* begin_;
  const std::byte* at_;
  const std::byte* end_;
  std::size_t memory_left_;
  const char* what_ = nullptr;
  std::size_t failed_at_ = 0;
};

// Walks a section of tagged fields: while next(), read the field named by tag() or skip(). A field that is not read to its
// end exactly, or tags that do not ascend, are violations.
class TagReader {
 public:
  explicit TagReader(Reader& reader) : reader_(reader), end_(reader.end_), left_(reader.uvarint()) {}
  TagReader(const TagReader&) = delete;
  TagReader& operator=(const TagReader&) = delete;

  bool next();
  [[nodiscard]] std::uint32_t tag() const { return static_cast<std::uint32_t>(tag_); }
  void skip() { reader_.at_ = reader_.end_; }

 private:
  Reader& reader_;
  const std::byte* end_;
  std::uint32_t left_;
  std::int64_t tag_ = -1;
};

// Writes messages one after the other into one block, or a chain when records lie in files. What cannot be said in the
// message's version (a null, or a field that the version lacks and that must not be dropped) makes it fail for good.
class Writer {
 public:
  explicit Writer(std::size_t size_hint = 512) { block_.resize(size_hint); }

  // Leaves room for the size of all that follows, which take() and take_chain() fill in. Called first, if at all.
  void start_frame();
  // All that was written, as one block. Errors: invalid_argument after a failure; internal when a part lies in a file.
  [[nodiscard]] Result<Bytes> take();
  // All that was written. Error: invalid_argument after a failure.
  [[nodiscard]] Result<runtime::Chain> take_chain();

  [[nodiscard]] bool ok() const { return what_ == nullptr; }
  // `what` names what could not be said and lives as long as the process.
  void fail(const char* what) {
    if (what_ == nullptr) what_ = what;
  }
  // Bytes written so far.
  [[nodiscard]] std::uint64_t size() const { return parts_size_ + used_; }

  void i8(std::int8_t value) { integer(value); }
  void i16(std::int16_t value) { integer(value); }
  void i32(std::int32_t value) { integer(value); }
  void i64(std::int64_t value) { integer(value); }
  void f64(double value) { integer(std::bit_cast<std::int64_t>(value)); }
  void boolean(bool value) { integer<std::int8_t>(value ? 1 : 0); }
  void error_code(ErrorCode value) { integer(static_cast<std::int16_t>(value)); }
  void uuid(const Uuid& value) { raw(std::as_bytes(std::span(value.bytes))); }
  void uvarint(std::uint64_t value);
  void raw(BytesView value);

  void string(std::string_view value, bool flexible);
  void null_string(bool flexible, bool null_allowed);
  void bytes(BytesView value, bool flexible);
  void bytes(std::string_view value, bool flexible) { bytes(as_bytes(value), flexible); }
  void null_bytes(bool flexible, bool null_allowed);
  void array(std::size_t count, bool flexible) { length(count, flexible); }
  void null_array(bool flexible, bool null_allowed) { null_bytes(flexible, null_allowed); }
  void records(RecordsField value, bool flexible, bool null_allowed);
  // One tagged field whose content `field` holds.
  void tagged(std::uint32_t tag, Writer& field);

 private:
  template <class T>
  void integer(T value) {
    reserve(sizeof(T));
    if constexpr (sizeof(T) == 1) {
      block_.data()[used_] = static_cast<std::byte>(value);
    } else {
      store_be(block_.data() + used_, value);
    }
    used_ += sizeof(T);
  }
  void reserve(std::size_t size) {
    if (block_.size() - used_ < size) [[unlikely]]
      grow(size);
  }
  void grow(std::size_t size);
  void length(std::size_t value, bool flexible);
  void flush_block();
  Status finish();

  Bytes block_;
  std::size_t used_ = 0;
  std::vector<runtime::Chain::Part> parts_;
  std::uint64_t parts_size_ = 0;
  const char* what_ = nullptr;
  bool framed_ = false;
};

// Error: unsupported.
[[nodiscard]] Status unsupported_version(std::string_view message, std::int16_t version);

}  // namespace leat::kafka
