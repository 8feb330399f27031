#include <cstdio>
#include <cstdlib>

#include "base/crc32c.h"
#include "log/batch.h"

// Whatever a producer sends is refused or can be read back completely, and rewriting it loses nothing. The first byte
// of an input picks the rules, the rest is the batch.
namespace leat::log {
namespace {

constexpr Timestamp kNow{1'800'000'000'000};
constexpr std::size_t kOutputMax = std::size_t{1} << 20;

void must(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "not true: %s\n", what);
  std::abort();
}

// Reads every record and its headers. Nullopt when the bytes contradict themselves.
std::optional<std::int32_t> records_read(BytesView batch, std::size_t output_max) {
  auto reader = BatchReader::open(batch, output_max);
  if (!reader) return std::nullopt;
  std::int32_t count = 0;
  for (;; ++count) {
    const auto record = reader->next();
    if (!record) return std::nullopt;
    if (!*record) return count;
    if (!decode_record_headers((*record)->raw_headers)) return std::nullopt;
  }
}

void check(BytesView batch, const BatchRules& rules) {
  const auto valid = validate_batch(batch, rules, kNow);
  if (!valid) {
    (void)records_read(batch, kOutputMax);
    return;
  }
  const auto stored = decode_batch_header(valid->bytes);
  must(stored.has_value(), "a valid batch has a readable header");
  must(stored->crc == valid->header.crc && stored->max_timestamp == valid->header.max_timestamp,
       "the header is the bytes'");
  must(stored->total_size() == valid->bytes.size(), "the length is right");
  must(batch_crc_matches(valid->bytes, *stored), "the CRC is right");
  must(records_read(valid->bytes, kOutputMax) == stored->record_count, "all records can be read");
  if (rules.timestamp_type == TimestampType::append_time) return;
  const auto again = validate_batch(valid->bytes, rules, kNow);
  must(again.has_value(), "what was stored is valid");
  must(again->owned.empty(), "what was stored needs no rewriting");
}

BatchRules rules_of(std::uint8_t choice) {
  BatchRules rules{.batch_size_max = std::size_t{8} << 20, .decompressed_size_max = kOutputMax};
  rules.keys_required = (choice & 1) != 0;
  rules.control_allowed = (choice & 2) != 0;
  rules.transactional_allowed = (choice & 4) != 0;
  if ((choice & 8) != 0) rules.timestamp_type = TimestampType::append_time;
  if (const int codec = choice >> 4; codec <= 4) rules.recompress_to = static_cast<Codec>(codec);
  return rules;
}

}  // namespace
}  // namespace leat::log

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace leat;
  if (size == 0) return 0;
  const log::BatchRules rules = log::rules_of(data[0]);
  Bytes batch = Bytes::copy_of({reinterpret_cast<const std::byte*>(data) + 1, size - 1});
  log::check(batch, rules);
  if (batch.size() <= log::kBatchHeaderSize) return 0;
  // The same with a length and CRC that let it through to the checks behind them.
  store_be(batch.data() + 8, static_cast<std::int32_t>(batch.size() - log::kBatchPrefixSize));
  store_be(batch.data() + 17, crc32c(batch.view().subspan(log::kBatchCrcStart)));
  log::check(batch, rules);
  return 0;
}
