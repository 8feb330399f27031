#include "log/batch.h"

#include "base/crc32c.h"
#include "base/varint.h"
#include "log/compression.h"
#include "log/record.h"

namespace leat::log {
namespace {

constexpr std::byte kNoHeaders[] = {std::byte{0}};

std::byte* write_optional(std::byte* at, const std::optional<BytesView>& bytes) {
  if (!bytes) return write_varint(at, -1);
  at = write_varint(at, static_cast<std::int64_t>(bytes->size()));
  if (!bytes->empty()) std::memcpy(at, bytes->data(), bytes->size());
  return at + bytes->size();
}

std::size_t optional_size(const std::optional<BytesView>& bytes) {
  if (!bytes) return varint_size(-1);
  return varint_size(static_cast<std::int64_t>(bytes->size())) + bytes->size();
}

Bytes encode_record_headers(std::span<const RecordHeader> headers) {
  std::size_t size = varint_size(static_cast<std::int64_t>(headers.size()));
  for (const RecordHeader& header : headers) size += optional_size(as_bytes(header.key)) + optional_size(header.value);
  Bytes raw = Bytes::uninitialized(size);
  std::byte* at = write_varint(raw.data(), static_cast<std::int64_t>(headers.size()));
  for (const RecordHeader& header : headers)
    at = write_optional(write_optional(at, as_bytes(header.key)), header.value);
  return raw;
}

// a - b, wrapping as readers' additions do.
std::int64_t wrapping_difference(Timestamp a, Timestamp b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a.value()) - static_cast<std::uint64_t>(b.value()));
}

}  // namespace

std::int32_t BatchHeader::last_sequence() const {
  if (base_sequence < 0) return base_sequence;
  const auto sum = static_cast<std::uint32_t>(base_sequence) + static_cast<std::uint32_t>(last_offset_delta);
  return static_cast<std::int32_t>(sum & 0x7FFFFFFF);
}

BatchHeader read_header_fields(const std::byte* bytes) {
  BatchHeader header;
  header.base_offset = Offset(load_be<std::int64_t>(bytes));
  header.batch_length = load_be<std::int32_t>(bytes + 8);
  header.leader_epoch = LeaderEpoch(load_be<std::int32_t>(bytes + 12));
  header.magic = load_be<std::int8_t>(bytes + kMagicAt);
  header.crc = load_be<std::uint32_t>(bytes + 17);
  header.attributes = load_be<std::int16_t>(bytes + 21);
  header.last_offset_delta = load_be<std::int32_t>(bytes + 23);
  header.base_timestamp = Timestamp(load_be<std::int64_t>(bytes + 27));
  header.max_timestamp = Timestamp(load_be<std::int64_t>(bytes + 35));
  header.producer_id = ProducerId(load_be<std::int64_t>(bytes + 43));
  header.producer_epoch = ProducerEpoch(load_be<std::int16_t>(bytes + 51));
  header.base_sequence = load_be<std::int32_t>(bytes + 53);
  header.record_count = load_be<std::int32_t>(bytes + 57);
  return header;
}

Status check_magic(BytesView bytes) {
  if (bytes.size() <= kMagicAt) return {};
  const auto magic = load_be<std::int8_t>(bytes.data() + kMagicAt);
  if (magic == 0 || magic == 1)
    return fail(Errc::unsupported_format, fmt::format("record format v{} is older than v2", magic));
  if (magic != 2) return fail(Errc::corrupt_message, fmt::format("magic {} is not a record format", magic));
  return {};
}

Result<BatchHeader> decode_batch_header(BytesView bytes) {
  LEAT_CHECK(check_magic(bytes));
  if (bytes.size() < kBatchHeaderSize)
    return fail(Errc::would_block, fmt::format("{} bytes are less than a batch header", bytes.size()));
  BatchHeader header = read_header_fields(bytes.data());
  if (header.batch_length < static_cast<std::int32_t>(kBatchHeaderSize - kBatchPrefixSize))
    return fail(Errc::corrupt_message, fmt::format("batch length {} is less than a header's", header.batch_length));
  if (header.last_offset_delta < 0 || header.record_count < 0 ||
      std::int64_t{header.record_count} > std::int64_t{header.last_offset_delta} + 1)
    return fail(Errc::corrupt_message, fmt::format("{} records cannot have a last offset delta of {}",
                                                   header.record_count, header.last_offset_delta));
  if (header.base_offset < Offset(0) || header.base_offset.value() > INT64_MAX - 1 - header.last_offset_delta)
    return fail(Errc::corrupt_message, fmt::format("base offset {} is out of range", header.base_offset));
  return header;
}

void encode_batch_header(const BatchHeader& header, std::byte* at) {
  store_be(at, header.base_offset.value());
  store_be(at + 8, header.batch_length);
  store_be(at + 12, header.leader_epoch.value());
  at[kMagicAt] = static_cast<std::byte>(header.magic);
  store_be(at + 17, header.crc);
  store_be(at + 21, header.attributes);
  store_be(at + 23, header.last_offset_delta);
  store_be(at + 27, header.base_timestamp.value());
  store_be(at + 35, header.max_timestamp.value());
  store_be(at + 43, header.producer_id.value());
  store_be(at + 51, header.producer_epoch.value());
  store_be(at + 53, header.base_sequence);
  store_be(at + 57, header.record_count);
}

bool batch_crc_matches(BytesView batch, const BatchHeader& header) {
  if (header.total_size() < kBatchHeaderSize || header.total_size() > batch.size()) return false;
  return crc32c(batch.subspan(kBatchCrcStart, header.total_size() - kBatchCrcStart)) == header.crc;
}

void seal_batch(BatchHeader& header, MutableBytes batch) {
  header.batch_length = static_cast<std::int32_t>(batch.size() - kBatchPrefixSize);
  encode_batch_header(header, batch.data());
  header.crc = crc32c(batch.subspan(kBatchCrcStart));
  store_be(batch.data() + 17, header.crc);
}

BatchBuilder::BatchBuilder(Codec codec, TimestampType type) {
  header_.attributes = static_cast<std::int16_t>(codec);
  if (type == TimestampType::append_time) header_.attributes |= kAppendTimeBit;
}

void BatchBuilder::add(const NewRecord& record) {
  if (record.headers.empty())
    return add_record(last_delta_ + 1, record.timestamp, record.key, record.value, kNoHeaders);
  const Bytes headers = encode_record_headers(record.headers);
  add_record(last_delta_ + 1, record.timestamp, record.key, record.value, headers);
}

void BatchBuilder::add_at(std::int32_t offset_delta, const RecordView& record) {
  add_record(offset_delta, record.timestamp, record.key, record.value, record.raw_headers);
}

void BatchBuilder::add_record(std::int32_t offset_delta, Timestamp timestamp, const std::optional<BytesView>& key,
                              const std::optional<BytesView>& value, BytesView raw_headers) {
  if (header_.record_count == 0) {
    header_.base_timestamp = base_timestamp_.value_or(timestamp);
    header_.max_timestamp = timestamp;
  }
  header_.max_timestamp = std::max(header_.max_timestamp, timestamp);
  const std::int64_t timestamp_delta = wrapping_difference(timestamp, header_.base_timestamp);
  const std::size_t length = 1 + varint_size(timestamp_delta) + varint_size(offset_delta) + optional_size(key) +
                             optional_size(value) + raw_headers.size();
  const std::size_t start = records_.size();
  records_.resize(start + varint_size(static_cast<std::int64_t>(length)) + length);
  std::byte* at = write_varint(records_.data() + start, static_cast<std::int64_t>(length));
  *at++ = std::byte{0};
  at = write_varint(at, timestamp_delta);
  at = write_varint(at, offset_delta);
  at = write_optional(write_optional(at, key), value);
  std::memcpy(at, raw_headers.data(), raw_headers.size());
  last_delta_ = offset_delta;
  ++header_.record_count;
}

void BatchBuilder::set_base_offset(Offset base) { header_.base_offset = base; }

void BatchBuilder::set_producer(ProducerId id, ProducerEpoch epoch, std::int32_t base_sequence) {
  header_.producer_id = id;
  header_.producer_epoch = epoch;
  header_.base_sequence = base_sequence;
}

void BatchBuilder::set_leader_epoch(LeaderEpoch epoch) { header_.leader_epoch = epoch; }
void BatchBuilder::set_attributes(std::int16_t bits) { header_.attributes |= bits; }
void BatchBuilder::set_last_offset_delta(std::int32_t delta) { last_offset_delta_ = delta; }
void BatchBuilder::set_base_timestamp(Timestamp base) { base_timestamp_ = base; }
void BatchBuilder::set_max_timestamp(Timestamp max) { max_timestamp_ = max; }
std::size_t BatchBuilder::record_count() const { return static_cast<std::size_t>(header_.record_count); }
std::size_t BatchBuilder::uncompressed_size() const { return records_.size(); }

Result<Bytes> BatchBuilder::build() {
  BatchHeader header = header_;
  const Bytes records = std::exchange(records_, Bytes());
  const std::int32_t last_delta = std::exchange(last_delta_, -1);
  header_.record_count = 0;
  header.last_offset_delta = last_offset_delta_.value_or(last_delta);
  if (header.last_offset_delta < std::max(last_delta, 0))
    return fail(Errc::internal, fmt::format("a batch with last offset delta {} cannot hold its {} records",
                                            header.last_offset_delta, header.record_count));
  if (header.record_count == 0) {
    header.attributes = static_cast<std::int16_t>(header.attributes & ~kCodecMask);
    header.base_timestamp = base_timestamp_.value_or(kNoTimestamp);
    header.max_timestamp = kNoTimestamp;
  }
  if (max_timestamp_) header.max_timestamp = *max_timestamp_;

  Bytes compressed;
  BytesView payload = records;
  if (header.codec() != Codec::none) {
    LEAT_TRY(compressed, compress(header.codec(), records));
    payload = compressed;
  }
  if (payload.size() > INT32_MAX - kBatchHeaderSize)
    return fail(Errc::too_large, fmt::format("{} bytes of records are more than a batch can hold", payload.size()));
  Bytes batch = Bytes::uninitialized(kBatchHeaderSize + payload.size());
  if (!payload.empty()) std::memcpy(batch.data() + kBatchHeaderSize, payload.data(), payload.size());
  seal_batch(header, batch.mutable_view());
  return batch;
}

}  // namespace leat::log
