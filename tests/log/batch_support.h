#pragma once

#include <random>
#include <string>

#include "base/crc32c.h"
#include "log/batch.h"

// Batches for tests: built, taken apart, and broken in one place with the CRC made right again.
namespace leat::log::testing {

struct TestRecord {
  Timestamp timestamp;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  friend bool operator==(const TestRecord&, const TestRecord&) = default;
};

inline std::optional<BytesView> view_of(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  return as_bytes(*text);
}

inline NewRecord new_record(const TestRecord& record) {
  NewRecord result{record.timestamp, view_of(record.key), view_of(record.value), {}};
  for (const auto& [key, value] : record.headers) result.headers.push_back({key, view_of(value)});
  return result;
}

inline Bytes build(const std::vector<TestRecord>& records, Codec codec = Codec::none) {
  BatchBuilder builder(codec);
  for (const TestRecord& record : records) builder.add(new_record(record));
  return builder.build().value();
}

inline std::optional<std::string> text_of(const std::optional<BytesView>& bytes) {
  if (!bytes) return std::nullopt;
  return std::string(as_text(*bytes));
}

inline TestRecord test_record(const RecordView& view) {
  TestRecord record{view.timestamp, text_of(view.key), text_of(view.value), {}};
  for (const RecordHeader& header : decode_record_headers(view.raw_headers).value())
    record.headers.emplace_back(std::string(header.key), text_of(header.value));
  return record;
}

// All records of a batch, or the first error.
inline Result<std::vector<std::pair<Offset, TestRecord>>> read_all(BytesView batch,
                                                                   std::size_t size_max = std::size_t{64} << 20) {
  LEAT_TRY(BatchReader reader, BatchReader::open(batch, size_max));
  std::vector<std::pair<Offset, TestRecord>> records;
  while (true) {
    LEAT_TRY(const auto record, reader.next());
    if (!record) return records;
    records.emplace_back(record->offset, test_record(*record));
  }
}

// Sets the length and CRC that belong to the bytes as they are.
inline void reseal(Bytes& batch) {
  store_be(batch.data() + 8, static_cast<std::int32_t>(batch.size() - kBatchPrefixSize));
  store_be(batch.data() + 17, crc32c(batch.view().subspan(kBatchCrcStart)));
}

template <class T>
Bytes with_field(BytesView batch, std::size_t at, T value) {
  Bytes changed = Bytes::copy_of(batch);
  store_be(changed.data() + at, value);
  reseal(changed);
  return changed;
}

// A batch around record bytes given by hand.
inline Bytes batch_of_raw_records(const std::vector<int>& records, std::int32_t count,
                                  std::int64_t base_timestamp = 1000, std::int64_t max_timestamp = 1000) {
  BatchHeader header;
  header.base_timestamp = Timestamp(base_timestamp);
  header.max_timestamp = Timestamp(max_timestamp);
  header.record_count = count;
  header.last_offset_delta = count - 1;
  Bytes batch = Bytes::uninitialized(kBatchHeaderSize + records.size());
  encode_batch_header(header, batch.data());
  for (std::size_t i = 0; i < records.size(); ++i)
    batch.data()[kBatchHeaderSize + i] = static_cast<std::byte>(records[i]);
  reseal(batch);
  return batch;
}

inline Bytes from_hex(std::string_view hex) {
  Bytes bytes = Bytes::uninitialized(hex.size() / 2);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes.data()[i] = static_cast<std::byte>(std::stoi(std::string(hex.substr(2 * i, 2)), nullptr, 16));
  return bytes;
}
inline std::string to_hex(BytesView bytes) {
  std::string hex;
  for (const std::byte byte : bytes) hex += fmt::format("{:02x}", static_cast<unsigned>(byte));
  return hex;
}

class RandomRecords {
 public:
  explicit RandomRecords(std::uint32_t seed) : random_(seed) {}

  std::size_t below(std::size_t n) { return random_() % n; }
  std::optional<std::string> text(std::size_t size_max) {
    if (below(5) == 0) return std::nullopt;
    std::string result(below(size_max + 1), '\0');
    const bool repetitive = below(2) == 0;
    for (char& c : result) c = repetitive ? static_cast<char>('a' + below(2)) : static_cast<char>(random_());
    return result;
  }
  TestRecord record() {
    TestRecord result{
        Timestamp(static_cast<std::int64_t>(below(1 << 30))), text(40), text(below(20) == 0 ? 100000 : 300), {}};
    if (below(10) == 0) result.timestamp = kNoTimestamp;
    if (below(3) == 0)
      for (std::size_t n = below(4); n > 0; --n) result.headers.emplace_back(text(10).value_or(""), text(200));
    return result;
  }
  std::vector<TestRecord> records(std::size_t count_max) {
    std::vector<TestRecord> result(1 + below(count_max));
    for (TestRecord& r : result) r = record();
    return result;
  }

 private:
  std::mt19937 random_;
};

}  // namespace leat::log::testing
