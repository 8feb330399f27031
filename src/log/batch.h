#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/types.h"

// Kafka's record batch, format v2 ("magic 2"): https://kafka.apache.org/documentation/#recordbatch and
// docs/formats/record-batch.md. The same bytes lie on disk and travel on the wire.
namespace leat::log {

enum class Codec : std::uint8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };
enum class TimestampType : std::uint8_t { create_time = 0, append_time = 1 };

inline constexpr std::size_t kBatchHeaderSize = 61;
// The base offset and the length field itself: what batch_length does not count.
inline constexpr std::size_t kBatchPrefixSize = 12;
// Where the bytes that the CRC covers begin; before them are base offset, length, leader epoch, magic and CRC, which a
// server may set without touching the CRC.
inline constexpr std::size_t kBatchCrcStart = 21;

// Attribute bits above the codec's three.
inline constexpr std::int16_t kCodecMask = 0x07;
inline constexpr std::int16_t kAppendTimeBit = 0x08;
inline constexpr std::int16_t kTransactionalBit = 0x10;
inline constexpr std::int16_t kControlBit = 0x20;
inline constexpr std::int16_t kDeleteHorizonBit = 0x40;  // set by compaction only

// The decoded fixed part of a batch.
struct BatchHeader {
  Offset base_offset;
  std::int32_t batch_length = 0;  // bytes after the length field
  LeaderEpoch leader_epoch{-1};
  std::int8_t magic = 2;
  std::uint32_t crc = 0;
  std::int16_t attributes = 0;
  std::int32_t last_offset_delta = 0;
  Timestamp base_timestamp{-1};
  Timestamp max_timestamp{-1};
  ProducerId producer_id{-1};
  ProducerEpoch producer_epoch{-1};
  std::int32_t base_sequence = -1;
  std::int32_t record_count = 0;

  [[nodiscard]] std::size_t total_size() const { return static_cast<std::size_t>(batch_length) + kBatchPrefixSize; }
  [[nodiscard]] Offset last_offset() const { return base_offset + last_offset_delta; }
  [[nodiscard]] Offset next_offset() const { return base_offset + last_offset_delta + 1; }
  [[nodiscard]] Codec codec() const { return static_cast<Codec>(attributes & kCodecMask); }  // of a validated batch
  [[nodiscard]] TimestampType timestamp_type() const { return static_cast<TimestampType>((attributes >> 3) & 1); }
  [[nodiscard]] bool is_transactional() const { return (attributes & kTransactionalBit) != 0; }
  [[nodiscard]] bool is_control() const { return (attributes & kControlBit) != 0; }
  // Whether compaction made base_timestamp the time from which the batch's tombstones may go.
  [[nodiscard]] bool has_delete_horizon() const { return (attributes & kDeleteHorizonBit) != 0; }
  [[nodiscard]] bool is_idempotent() const { return producer_id != kNoProducerId; }
  [[nodiscard]] std::int32_t last_sequence() const;  // wraps to 0 after 2^31 - 1, as Kafka's does
};

// Decodes the first kBatchHeaderSize bytes and checks what can be checked of them alone: magic, lengths and offsets not
// negative, counts and deltas that a stored batch can have (a compacted one may hold fewer records than offsets).
// Errors: would_block when `bytes` is shorter than a header, unsupported_format for magic 0 or 1, corrupt_message
// otherwise. The CRC is not checked.
[[nodiscard]] Result<BatchHeader> decode_batch_header(BytesView bytes);
// Writes all kBatchHeaderSize bytes of a header.
void encode_batch_header(const BatchHeader& header, std::byte* at);
// Whether the CRC of a whole batch (header and records) is right.
[[nodiscard]] bool batch_crc_matches(BytesView batch, const BatchHeader& header);

struct RecordHeader {
  std::string_view key;
  std::optional<BytesView> value;
};

// One record of a decompressed batch; views end with the bytes they were read from.
struct RecordView {
  Offset offset;
  Timestamp timestamp;
  std::optional<BytesView> key;
  std::optional<BytesView> value;
  BytesView raw_headers;  // the header count and headers as encoded; decode_record_headers reads them
};
[[nodiscard]] Result<std::vector<RecordHeader>> decode_record_headers(BytesView raw);

// Walks the records of one batch. Decompresses when it must, to at most `decompressed_size_max` bytes (too_large).
class BatchReader {
 public:
  // `batch` is a whole batch and outlives the reader.
  [[nodiscard]] static Result<BatchReader> open(BytesView batch, std::size_t decompressed_size_max);
  [[nodiscard]] const BatchHeader& header() const { return header_; }
  // The next record, nullopt after the last, corrupt_message when the bytes are not a record.
  [[nodiscard]] Result<std::optional<RecordView>> next();
  // Back to the first record, without decompressing again.
  void rewind();

 private:
  BatchHeader header_;
  Bytes decompressed_;
  BytesView records_;
  BytesView rest_;
  std::int32_t records_left_ = 0;
  std::int32_t last_delta_ = -1;
};

// What a topic and the server demand of a client's batch.
struct BatchRules {
  std::size_t batch_size_max = 1048588;          // Kafka's max.message.bytes: the whole batch as sent
  std::size_t decompressed_size_max = 64 << 20;  // ceiling on what a compressed batch may grow to
  bool keys_required = false;                    // compacted topics
  bool control_allowed = false;                  // clients may not send control batches
  bool transactional_allowed = false;
  TimestampType timestamp_type = TimestampType::create_time;
  std::int64_t timestamp_before_max_ms = INT64_MAX;  // message.timestamp.before.max.ms
  std::int64_t timestamp_after_max_ms = INT64_MAX;   // message.timestamp.after.max.ms
  std::optional<Codec> recompress_to;                // the topic's compression.type; nullopt keeps the producer's
};

// A batch that any client can read: every field was checked, and every record decoded. Its base offset and leader epoch
// are still the client's; append() puts its own in their place.
struct ValidBatch {
  BatchHeader header;
  BytesView bytes;  // into the client's request, or into `owned`
  Bytes owned;      // when the batch had to be rewritten (append time, recompression)
};

// Checks the one batch that a produce request carries for a partition: exactly one, all its bytes, CRC, attributes,
// counts, deltas 0..n-1, timestamps, lengths, keys, headers, UTF-8 of header keys is not required, codec decompresses.
// Rewrites it when `rules` ask for append time or another codec, or its max timestamp is not its records'. Takes time
// in proportion to the decompressed size: above kInlineDecompressMax call it on the I/O pool. `now` is the append time.
// Errors as Kafka has them: unsupported_format, corrupt_message, invalid_record, invalid_timestamp, message_too_large,
// unsupported_codec.
[[nodiscard]] Result<ValidBatch> validate_batch(BytesView bytes, const BatchRules& rules, Timestamp now);
// Compressed batches above this many bytes are validated on the I/O pool.
inline constexpr std::size_t kInlineDecompressMax = 16 << 10;

struct NewRecord {
  Timestamp timestamp;
  std::optional<BytesView> key;
  std::optional<BytesView> value;
  std::vector<RecordHeader> headers;
};

// Builds one batch from records. The base offset is 0 and the deltas are 0..n-1, unless add_at() is used (compaction).
class BatchBuilder {
 public:
  explicit BatchBuilder(Codec codec = Codec::none, TimestampType type = TimestampType::create_time);
  void add(const NewRecord& record);
  // Adds a record at a given distance from `base`; distances grow from call to call.
  void add_at(std::int32_t offset_delta, const RecordView& record);
  void set_base_offset(Offset base);
  void set_producer(ProducerId id, ProducerEpoch epoch, std::int32_t base_sequence);
  void set_leader_epoch(LeaderEpoch epoch);
  // Extra attribute bits that must survive a rewrite (transactional, control, delete horizon).
  void set_attributes(std::int16_t bits);
  // The last offset delta when it lies above the last record's (compaction keeps a batch's range).
  void set_last_offset_delta(std::int32_t delta);
  // What timestamp deltas count from, in place of the first record's timestamp. Call it before the first record.
  void set_base_timestamp(Timestamp base);
  // In place of the greatest of the records' timestamps (append time).
  void set_max_timestamp(Timestamp max);
  [[nodiscard]] std::size_t record_count() const;
  [[nodiscard]] std::size_t uncompressed_size() const;  // of the records so far
  // The finished batch with its CRC. The builder has no records afterwards and keeps what was set. Without records it
  // is a bare header that holds the range of set_last_offset_delta(). Errors: internal, when the codec fails or neither
  // records nor a range were given; too_large above 2 GiB.
  [[nodiscard]] Result<Bytes> build();

 private:
  void add_record(std::int32_t offset_delta, Timestamp timestamp, const std::optional<BytesView>& key,
                  const std::optional<BytesView>& value, BytesView raw_headers);

  BatchHeader header_;
  std::optional<std::int32_t> last_offset_delta_;
  std::optional<Timestamp> base_timestamp_;
  std::optional<Timestamp> max_timestamp_;
  std::int32_t last_delta_ = -1;
  Bytes records_;
};

}  // namespace leat::log
