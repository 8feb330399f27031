#include "protocol/kafka/wire.h"

#include "base/varint.h"

namespace leat::kafka {
namespace {

constexpr std::size_t kFrameSize = sizeof(std::int32_t);
// A block of records up to this size is copied into the message rather than sent as a part of its own.
constexpr std::size_t kCopiedPartMax = 4096;

std::uint64_t part_size(const runtime::Chain::Part& part) {
  if (const auto* bytes = std::get_if<Bytes>(&part)) return bytes->size();
  return std::get<runtime::FileRange>(part).length;
}

}  // namespace

std::uint64_t RecordsField::size() const {
  std::uint64_t size = view.size();
  for (const auto& part : parts) size += part_size(part);
  return size;
}

Status Reader::status(std::string_view message, std::int16_t version) const {
  if (ok()) return {};
  return leat::fail(Errc::invalid_argument,
                    fmt::format("{} version {}, byte {}: {}", message, version, failed_at_, what_));
}

Status unsupported_version(std::string_view message, std::int16_t version) {
  return leat::fail(Errc::unsupported, fmt::format("{} has no version {}", message, version));
}

void Reader::fail(const char* what) {
  if (what_ != nullptr) return;
  what_ = what;
  failed_at_ = position();
  at_ = end_;
}

Uuid Reader::uuid() {
  Uuid value;
  const BytesView bytes = take(static_cast<std::int64_t>(value.bytes.size()));
  if (!bytes.empty()) std::memcpy(value.bytes.data(), bytes.data(), bytes.size());
  return value;
}

std::uint32_t Reader::uvarint() {
  std::uint32_t value = 0;
  const std::byte* next = read_uvarint32(at_, end_, value);
  if (next == nullptr) {
    fail("not a varint");
    return 0;
  }
  at_ = next;
  return value;
}

std::int64_t Reader::string_length(bool flexible) {
  const std::int64_t size = flexible ? std::int64_t{uvarint()} - 1 : i16();
  if (size > INT16_MAX) {
    fail("a string is too long");
    return -1;
  }
  return size;
}

std::int64_t Reader::length(bool flexible) { return flexible ? std::int64_t{uvarint()} - 1 : i32(); }

BytesView Reader::take(std::int64_t size) {
  if (size < 0 || static_cast<std::uint64_t>(size) > remaining()) {
    fail("a length that the message cannot hold");
    return {};
  }
  const BytesView bytes(at_, static_cast<std::size_t>(size));
  at_ += size;
  return bytes;
}

std::string_view Reader::string(bool flexible) { return as_text(take(string_length(flexible))); }

std::optional<std::string_view> Reader::nullable_string(bool flexible, bool null_allowed) {
  const std::int64_t size = string_length(flexible);
  if (size == -1 && null_allowed) return std::nullopt;
  return as_text(take(size));
}

BytesView Reader::bytes(bool flexible) { return take(length(flexible)); }

std::optional<BytesView> Reader::nullable_bytes(bool flexible, bool null_allowed) {
  const std::int64_t size = length(flexible);
  if (size == -1 && null_allowed) return std::nullopt;
  return take(size);
}

std::size_t Reader::checked_count(std::int64_t count, std::size_t element_size_min, std::size_t element_memory) {
  if (count < 0 || static_cast<std::uint64_t>(count) > remaining() / element_size_min) {
    fail("an array that the message cannot hold");
    return 0;
  }
  const auto elements = static_cast<std::size_t>(count);
  if (elements > memory_left_ / element_memory) {
    fail("arrays that would take too much memory");
    return 0;
  }
  memory_left_ -= elements * element_memory;
  return elements;
}

std::size_t Reader::array(bool flexible, std::size_t element_size_min, std::size_t element_memory) {
  return checked_count(length(flexible), element_size_min, element_memory);
}

std::optional<std::size_t> Reader::nullable_array(bool flexible, bool null_allowed, std::size_t element_size_min,
                                                  std::size_t element_memory) {
  const std::int64_t count = length(flexible);
  if (count == -1 && null_allowed) return std::nullopt;
  return checked_count(count, element_size_min, element_memory);
}

void Reader::skip_tags() {
  for (TagReader tags(*this); tags.next();) tags.skip();
}

bool TagReader::next() {
  if (!reader_.ok()) {
    reader_.end_ = end_;
    reader_.at_ = end_;
    return false;
  }
  if (tag_ >= 0) {
    if (reader_.at_ != reader_.end_) {
      reader_.fail("a tagged field longer than its content");
      reader_.end_ = end_;
      reader_.at_ = end_;
      return false;
    }
    reader_.end_ = end_;
  }
  if (left_ == 0) return false;
  --left_;
  const std::uint32_t tag = reader_.uvarint();
  const std::uint32_t size = reader_.uvarint();
  if (std::int64_t{tag} <= tag_) reader_.fail("tags that do not ascend");
  if (size > reader_.remaining()) reader_.fail("a tagged field that the message cannot hold");
  if (!reader_.ok()) return false;
  tag_ = tag;
  reader_.end_ = reader_.at_ + size;
  return true;
}

void Writer::start_frame() {
  framed_ = true;
  i32(0);
}

void Writer::grow(std::size_t size) {
  const std::size_t wanted = used_ + size;
  block_.resize(std::max({wanted, block_.size() * 2, std::size_t{256}}));
}

void Writer::uvarint(std::uint64_t value) {
  reserve(kVarint64SizeMax);
  std::byte* at = block_.data() + used_;
  used_ += static_cast<std::size_t>(write_uvarint(at, value) - at);
}

void Writer::raw(BytesView value) {
  if (value.empty()) return;
  reserve(value.size());
  std::memcpy(block_.data() + used_, value.data(), value.size());
  used_ += value.size();
}

void Writer::length(std::size_t value, bool flexible) {
  if (value > INT32_MAX) fail("a length above 2^31 - 1");
  if (flexible) {
    uvarint(value + 1);
  } else {
    i32(static_cast<std::int32_t>(value));
  }
}

void Writer::string(std::string_view value, bool flexible) {
  if (value.size() > INT16_MAX) {
    fail("a string above 32767 bytes");
    value = {};
  }
  if (flexible) {
    uvarint(value.size() + 1);
  } else {
    i16(static_cast<std::int16_t>(value.size()));
  }
  raw(as_bytes(value));
}

void Writer::null_string(bool flexible, bool null_allowed) {
  if (!null_allowed) fail("a null string where the version has none");
  if (flexible) {
    uvarint(0);
  } else {
    i16(-1);
  }
}

void Writer::bytes(BytesView value, bool flexible) {
  length(value.size(), flexible);
  raw(value);
}

void Writer::null_bytes(bool flexible, bool null_allowed) {
  if (!null_allowed) fail("a null where the version has none");
  if (flexible) {
    uvarint(0);
  } else {
    i32(-1);
  }
}

void Writer::flush_block() {
  if (used_ == 0) return;
  block_.resize(used_);
  parts_size_ += used_;
  parts_.emplace_back(std::move(block_));
  block_ = Bytes();
  used_ = 0;
}

void Writer::records(RecordsField value, bool flexible, bool null_allowed) {
  if (value.is_null) {
    null_bytes(flexible, null_allowed);
    return;
  }
  length(value.size(), flexible);
  raw(value.view);
  for (auto& part : value.parts) {
    const std::uint64_t size = part_size(part);
    const auto* bytes = std::get_if<Bytes>(&part);
    if (size == 0) continue;
    if (bytes != nullptr && size <= kCopiedPartMax) {
      raw(*bytes);
      continue;
    }
    flush_block();
    parts_size_ += size;
    parts_.push_back(std::move(part));
  }
}

void Writer::tagged(std::uint32_t tag, Writer& field) {
  if (field.what_ != nullptr) fail(field.what_);
  if (!field.parts_.empty()) fail("records in a tagged field");
  uvarint(tag);
  uvarint(field.used_);
  raw(BytesView(field.block_.data(), field.used_));
}

Status Writer::finish() {
  const std::uint64_t total = size();
  if (total > INT32_MAX) fail("a message above 2^31 - 1 bytes");
  if (what_ != nullptr) return leat::fail(Errc::invalid_argument, fmt::format("message cannot be encoded: {}", what_));
  flush_block();
  if (framed_) store_be(std::get<Bytes>(parts_.front()).data(), static_cast<std::int32_t>(total - kFrameSize));
  return {};
}

Result<Bytes> Writer::take() {
  LEAT_CHECK(finish());
  if (parts_.empty()) return Bytes();
  if (parts_.size() == 1 && std::holds_alternative<Bytes>(parts_.front()))
    return std::move(std::get<Bytes>(parts_.front()));
  Bytes all;
  for (const auto& part : parts_) {
    const auto* bytes = std::get_if<Bytes>(&part);
    if (bytes == nullptr)
      return leat::fail(Errc::internal, "a message with records in a file was asked for as one block");
    all.append(*bytes);
  }
  return all;
}

Result<runtime::Chain> Writer::take_chain() {
  LEAT_CHECK(finish());
  runtime::Chain chain;
  for (auto& part : parts_) {
    if (auto* bytes = std::get_if<Bytes>(&part)) {
      chain.append(std::move(*bytes));
    } else {
      chain.append(std::move(std::get<runtime::FileRange>(part)));
    }
  }
  return chain;
}

}  // namespace leat::kafka
