#include "log/record.h"

#include "log/compression.h"

namespace leat::log {
namespace detail {

const std::byte* skip_headers(const std::byte* at, const std::byte* end, std::int32_t count) {
  std::int32_t size = 0;
  const std::byte* data = nullptr;
  for (; count > 0; --count) {
    at = skip_sized(at, end, size, data);
    if (at == nullptr || size < 0) return nullptr;
    at = skip_sized(at, end, size, data);
    if (at == nullptr) return nullptr;
  }
  return at;
}

}  // namespace detail

namespace {

std::optional<BytesView> optional_view(const std::byte* data, std::int32_t size) {
  if (size < 0) return std::nullopt;
  return BytesView(data, static_cast<std::size_t>(size));
}

}  // namespace

Result<BytesView> plain_records(BytesView batch, const BatchHeader& header, std::size_t decompressed_size_max,
                                Bytes& decompressed) {
  const BytesView stored = batch.subspan(kBatchHeaderSize);
  if (header.codec() == Codec::none || (stored.empty() && header.record_count == 0)) return stored;
  LEAT_TRY(decompressed, decompress(header.codec(), stored, decompressed_size_max));
  return decompressed.view();
}

Result<std::vector<RecordHeader>> decode_record_headers(BytesView raw) {
  const std::byte* at = raw.data();
  const std::byte* const end = at + raw.size();
  std::int32_t count = 0;
  at = read_varint32(at, end, count);
  // The shortest header is two bytes: a count above that is a lie, and reserves nothing.
  if (at == nullptr || count < 0 || count > (end - at) / 2)
    return fail(Errc::corrupt_message, "record headers have a wrong count");
  std::vector<RecordHeader> headers;
  headers.reserve(static_cast<std::size_t>(count));
  for (; count > 0; --count) {
    std::int32_t key_size = 0;
    std::int32_t value_size = 0;
    const std::byte* key = nullptr;
    const std::byte* value = nullptr;
    at = detail::skip_sized(at, end, key_size, key);
    if (at != nullptr && key_size >= 0) at = detail::skip_sized(at, end, value_size, value);
    if (at == nullptr || key_size < 0) return fail(Errc::corrupt_message, "a record header is malformed");
    headers.push_back({as_text({key, static_cast<std::size_t>(key_size)}), optional_view(value, value_size)});
  }
  if (at != end) return fail(Errc::corrupt_message, "bytes follow the last record header");
  return headers;
}

Result<BatchReader> BatchReader::open(BytesView batch, std::size_t decompressed_size_max) {
  BatchReader reader;
  LEAT_TRY(reader.header_, decode_batch_header(batch));
  if (reader.header_.total_size() > batch.size())
    return fail(Errc::corrupt_message,
                fmt::format("a batch of {} bytes is cut off after {}", reader.header_.total_size(), batch.size()));
  batch = batch.first(reader.header_.total_size());
  LEAT_TRY(reader.records_, plain_records(batch, reader.header_, decompressed_size_max, reader.decompressed_));
  reader.rewind();
  return reader;
}

void BatchReader::rewind() {
  rest_ = records_;
  records_left_ = header_.record_count;
  last_delta_ = -1;
}

Result<std::optional<RecordView>> BatchReader::next() {
  if (records_left_ == 0) {
    if (!rest_.empty()) return fail(Errc::corrupt_message, "bytes follow the last record of a batch");
    return std::nullopt;
  }
  RecordFields fields;
  const std::byte* const at = read_record(rest_.data(), rest_.data() + rest_.size(), fields);
  if (at == nullptr) return fail(Errc::corrupt_message, "a record is malformed");
  if (fields.offset_delta <= last_delta_ || fields.offset_delta > header_.last_offset_delta)
    return fail(Errc::corrupt_message, fmt::format("offset delta {} follows {}, the batch's last is {}",
                                                   fields.offset_delta, last_delta_, header_.last_offset_delta));
  std::int64_t timestamp = header_.max_timestamp.value();
  if (header_.timestamp_type() == TimestampType::create_time &&
      __builtin_add_overflow(header_.base_timestamp.value(), fields.timestamp_delta, &timestamp))
    return fail(Errc::corrupt_message, "a record's timestamp overflows");
  last_delta_ = fields.offset_delta;
  --records_left_;
  rest_ = rest_.subspan(static_cast<std::size_t>(at - rest_.data()));
  return RecordView{header_.base_offset + fields.offset_delta, Timestamp(timestamp),
                    optional_view(fields.key, fields.key_size), optional_view(fields.value, fields.value_size),
                    BytesView(fields.headers, fields.end)};
}

}  // namespace leat::log
