#include "log/batch.h"
#include "log/compression.h"
#include "log/record.h"

namespace leat::log {
namespace {

constexpr std::int16_t kClientBits = kCodecMask | kAppendTimeBit | kTransactionalBit | kControlBit;

// One batch, all of it and nothing else, of an acceptable size.
Result<BatchHeader> check_frame(BytesView bytes, const BatchRules& rules) {
  LEAT_CHECK(check_magic(bytes));
  if (bytes.size() < kBatchHeaderSize)
    return fail(Errc::corrupt_message, fmt::format("{} bytes are less than a batch header", bytes.size()));
  BatchHeader header = read_header_fields(bytes.data());
  if (header.batch_length < static_cast<std::int32_t>(kBatchHeaderSize - kBatchPrefixSize))
    return fail(Errc::corrupt_message, fmt::format("batch length {} is less than a header's", header.batch_length));
  if (header.total_size() > bytes.size())
    return fail(Errc::corrupt_message,
                fmt::format("a batch of {} bytes is cut off after {}", header.total_size(), bytes.size()));
  if (header.total_size() < bytes.size())
    return fail(Errc::invalid_record, fmt::format("{} bytes follow the one batch that a request may hold",
                                                  bytes.size() - header.total_size()));
  if (bytes.size() > rules.batch_size_max)
    return fail(Errc::message_too_large,
                fmt::format("a batch of {} bytes is above the limit of {}", bytes.size(), rules.batch_size_max));
  return header;
}

Status check_attributes(const BatchHeader& header, const BatchRules& rules) {
  if (header.codec() > Codec::zstd)
    return fail(Errc::unsupported_codec, fmt::format("codec {} is unknown", static_cast<int>(header.codec())));
  if ((header.attributes & ~kClientBits) != 0)
    return fail(Errc::invalid_record, fmt::format("attributes {:#06x} have bits that a client may not set",
                                                  static_cast<std::uint16_t>(header.attributes)));
  if (header.is_control() && !rules.control_allowed)
    return fail(Errc::invalid_record, "clients may not write control batches");
  if (header.is_transactional() && !rules.transactional_allowed)
    return fail(Errc::invalid_record, "transactional batches are not accepted");
  return {};
}

Status check_counts_and_producer(const BatchHeader& header) {
  if (header.base_offset != Offset(0))
    return fail(Errc::invalid_record, fmt::format("base offset is {} and must be 0", header.base_offset));
  if (header.record_count < 1 || header.last_offset_delta != header.record_count - 1)
    return fail(Errc::invalid_record, fmt::format("record count {} and last offset delta {} contradict each other",
                                                  header.record_count, header.last_offset_delta));
  if (header.is_idempotent() &&
      (header.producer_id < ProducerId(0) || header.producer_epoch < ProducerEpoch(0) || header.base_sequence < 0))
    return fail(Errc::invalid_record, fmt::format("producer id {}, epoch {} and base sequence {} do not go together",
                                                  header.producer_id, header.producer_epoch, header.base_sequence));
  if (header.is_transactional() && !header.is_idempotent())
    return fail(Errc::invalid_record, "a transactional batch has no producer id");
  if (header.timestamp_type() == TimestampType::append_time)
    return fail(Errc::invalid_timestamp, "only the server sets append time");
  return {};
}

// What one record must satisfy, prepared so that the walk compares and nothing else.
struct RecordRules {
  std::int64_t base_timestamp;
  std::int64_t timestamp_min;
  std::int64_t timestamp_max;
  bool timestamps_checked;
  bool keys_required;
};

RecordRules record_rules(const BatchHeader& header, const BatchRules& rules, Timestamp now) {
  RecordRules result{header.base_timestamp.value(), 0, INT64_MAX,
                     rules.timestamp_type == TimestampType::create_time && !header.is_control(), rules.keys_required};
  std::int64_t limit = 0;
  if (!__builtin_sub_overflow(now.value(), rules.timestamp_before_max_ms, &limit))
    result.timestamp_min = std::max<std::int64_t>(limit, 0);
  if (!__builtin_add_overflow(now.value(), rules.timestamp_after_max_ms, &limit)) result.timestamp_max = limit;
  return result;
}

Error record_error(std::int32_t index, Errc code, std::string_view what) {
  return {code, fmt::format("record {}: {}", index, what)};
}

// Walks all records once, without allocating. Returns the greatest timestamp.
Result<Timestamp> check_records(BytesView records, std::int32_t count, const RecordRules& rules) {
  const std::byte* at = records.data();
  const std::byte* const end = at + records.size();
  std::int64_t greatest = INT64_MIN;
  for (std::int32_t i = 0; i < count; ++i) {
    RecordFields record;
    at = read_record(at, end, record);
    if (at == nullptr) [[unlikely]]
      return fail(record_error(i, Errc::invalid_record, "its lengths are malformed"));
    if (record.attributes != 0) [[unlikely]]
      return fail(record_error(i, Errc::invalid_record, "its attributes are not zero"));
    if (record.offset_delta != i) [[unlikely]]
      return fail(record_error(i, Errc::invalid_record, fmt::format("its offset delta is {}", record.offset_delta)));
    if (rules.keys_required && record.key_size < 0) [[unlikely]]
      return fail(record_error(i, Errc::invalid_record, "a compacted topic's records need keys"));
    std::int64_t timestamp = 0;
    if (__builtin_add_overflow(rules.base_timestamp, record.timestamp_delta, &timestamp)) [[unlikely]]
      return fail(record_error(i, Errc::invalid_timestamp, "its timestamp overflows"));
    if (rules.timestamps_checked && timestamp != kNoTimestamp.value() &&
        (timestamp < rules.timestamp_min || timestamp > rules.timestamp_max)) [[unlikely]]
      return fail(record_error(
          i, Errc::invalid_timestamp,
          fmt::format("timestamp {} is not between {} and {}", timestamp, rules.timestamp_min, rules.timestamp_max)));
    greatest = std::max(greatest, timestamp);
  }
  if (at != end) return fail(Errc::invalid_record, "bytes follow the last record");
  return Timestamp(greatest);
}

// The header as it is to be stored, apart from its length and CRC.
BatchHeader stored_header(const BatchHeader& sent, const BatchRules& rules, Timestamp greatest, Timestamp now) {
  BatchHeader header = sent;
  if (rules.timestamp_type == TimestampType::append_time) {
    header.attributes |= kAppendTimeBit;
    header.max_timestamp = now;
  } else {
    header.max_timestamp = greatest;
  }
  if (rules.recompress_to && !header.is_control())
    header.attributes =
        static_cast<std::int16_t>((header.attributes & ~kCodecMask) | static_cast<std::int16_t>(*rules.recompress_to));
  return header;
}

}  // namespace

Result<ValidBatch> validate_batch(BytesView bytes, const BatchRules& rules, Timestamp now) {
  LEAT_TRY(const BatchHeader sent, check_frame(bytes, rules));
  if (!batch_crc_matches(bytes, sent)) return fail(Errc::corrupt_message, "the batch's CRC is wrong");
  LEAT_CHECK(check_attributes(sent, rules));
  LEAT_CHECK(check_counts_and_producer(sent));

  Bytes decompressed;
  auto records = plain_records(bytes, sent, rules.decompressed_size_max, decompressed);
  if (!records) {
    Error error = std::move(records.error());
    if (error.code == Errc::too_large) error.code = Errc::message_too_large;
    return fail(std::move(error));
  }
  LEAT_TRY(const Timestamp greatest, check_records(*records, sent.record_count, record_rules(sent, rules, now)));

  ValidBatch valid{stored_header(sent, rules, greatest, now), bytes, {}};
  if (valid.header.codec() != sent.codec()) {
    Bytes compressed;
    BytesView payload = *records;
    if (valid.header.codec() != Codec::none) {
      LEAT_TRY(compressed, compress(valid.header.codec(), payload));
      payload = compressed;
    }
    if (payload.size() > rules.batch_size_max - kBatchHeaderSize)
      return fail(Errc::message_too_large,
                  fmt::format("{} bytes of records, compressed as the topic demands, are above "
                              "the limit of {}",
                              payload.size(), rules.batch_size_max));
    valid.owned = Bytes::uninitialized(kBatchHeaderSize + payload.size());
    std::memcpy(valid.owned.data() + kBatchHeaderSize, payload.data(), payload.size());
  } else if (valid.header.attributes != sent.attributes || valid.header.max_timestamp != sent.max_timestamp) {
    valid.owned = Bytes::copy_of(bytes);
  } else {
    return valid;
  }
  seal_batch(valid.header, valid.owned.mutable_view());
  valid.bytes = valid.owned;
  return valid;
}

}  // namespace leat::log
