#include "log/batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/log/batch_support.h"

namespace leat::log {
namespace {

using namespace leat::log::testing;

constexpr Timestamp kNow{1'800'000'000'000};
constexpr Codec kCodecs[] = {Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd};
constexpr BatchRules kAnything{.batch_size_max = std::size_t{64} << 20};

std::optional<Errc> error_of(BytesView batch, const BatchRules& rules = {}) {
  const auto valid = validate_batch(batch, rules, kNow);
  if (valid) return std::nullopt;
  return valid.error().code;
}

std::vector<TestRecord> three_records() {
  return {{Timestamp(1'700'000'000'000), "k1", "hello", {{"h1", "x"}, {"h2", std::nullopt}}},
          {Timestamp(1'700'000'000'005), std::nullopt, "world", {}},
          {Timestamp(1'700'000'000'003), "k3", std::nullopt, {}}};
}

std::vector<TestRecord> records_of(BytesView batch) {
  std::vector<TestRecord> records;
  for (auto& [offset, record] : read_all(batch).value()) records.push_back(std::move(record));
  return records;
}

// Bytes that python3-kafka 2.0.2's DefaultRecordBatchBuilder makes of three_records(), plain and with producer id 4242,
// epoch 3 and base sequence 17.
constexpr std::string_view kGolden =
    "00000000000000000000005d00000000024c3953520000000000020000018bcfe568000000018bcfe56805ffffffffffffffffffffffff"
    "ffff000000032c000000046b310a68656c6c6f0404683102780468320116000a02010a776f726c640010000604046b330100";
constexpr std::string_view kGoldenIdempotent =
    "00000000000000000000005d0000000002f1e4a70c0000000000020000018bcfe568000000018bcfe56805000000000000109200030000"
    "0011000000032c000000046b310a68656c6c6f0404683102780468320116000a02010a776f726c640010000604046b330100";

TEST(BatchBuilder, MakesTheBytesThatKafkaClientsMake) {
  BatchBuilder builder;
  builder.set_leader_epoch(LeaderEpoch(0));
  for (const TestRecord& record : three_records()) builder.add(new_record(record));
  EXPECT_EQ(to_hex(builder.build().value()), kGolden);

  builder.set_producer(ProducerId(4242), ProducerEpoch(3), 17);
  for (const TestRecord& record : three_records()) builder.add(new_record(record));
  EXPECT_EQ(to_hex(builder.build().value()), kGoldenIdempotent);
}

TEST(BatchReader, ReadsTheBytesThatKafkaClientsMake) {
  for (const std::string_view hex : {kGolden, kGoldenIdempotent}) {
    const Bytes batch = from_hex(hex);
    EXPECT_EQ(error_of(batch), std::nullopt);
    EXPECT_EQ(records_of(batch), three_records());
  }
  const BatchHeader header = decode_batch_header(from_hex(kGoldenIdempotent)).value();
  EXPECT_EQ(header.producer_id, ProducerId(4242));
  EXPECT_EQ(header.producer_epoch, ProducerEpoch(3));
  EXPECT_EQ(header.base_sequence, 17);
  EXPECT_EQ(header.last_sequence(), 19);
  EXPECT_EQ(header.max_timestamp, Timestamp(1'700'000'000'005));
}

// Six records by python3-kafka: key-i, ten times "value ", at 1700000000000 + i.
constexpr std::string_view kGoldenCompressed[] = {
    "00000000000000000000008300000000025d756f120001000000050000018bcfe568000000018bcfe56805ffffffffffffffffffffffff"
    "ffff000000061f8b08009e6c026b02ffeb63646060e0ca4eadd435a8284bcc294d55208f64e863646062021b6448b1412c2c60838c2836"
    "888d0d6c9031c5067170800d32a1d8202e2eb041a694190400aac15060b6010000",
    "00000000000000000000009b0000000002d4bfdd640002000000050000018bcfe568000000018bcfe56805ffffffffffffffffffffffff"
    "ffff0000000682534e4150505900000000010000000100000056b603448e010000000a6b65792d307876616c756520d6060014008e0100"
    "020205490031ee4900054904040405490032ee4900054904060605490033ee4900054904080805490034ee49000549040a0a05490035f6"
    "4900",
    "00000000000000000000009b00000000024e601d280003000000050000018bcfe568000000018bcfe56805ffffffffffffffffffffffff"
    "ffff0000000604224d186840b6010000000000005953000000ff038e010000000a6b65792d307876616c75652006002361008e01000202"
    "49001f3149002e21040449001f3249002e21060649001f3349002e21080849001f3449002e210a0a49001f35490026506c756520000000"
    "0000",
    "00000000000000000000007d0000000002cff4c9430004000000050000018bcfe568000000018bcfe56805ffffffffffffffffffffffff"
    "ffff0000000628b52ffd60b60015020054028e010000000a6b65792d307876616c756520008e01000202310404320606330808340a0a35"
    "0b000322408b06c240db0c4480160d8481b6194430a12d96b38401"};

TEST(BatchReader, ReadsEveryCodecAsKafkaClientsWriteIt) {
  std::vector<TestRecord> expected;
  for (int i = 0; i < 6; ++i) {
    TestRecord record{Timestamp(1'700'000'000'000 + i), fmt::format("key-{}", i), "", {}};
    for (int n = 0; n < 10; ++n) *record.value += "value ";
    expected.push_back(record);
  }
  for (const std::string_view hex : kGoldenCompressed) {
    const Bytes batch = from_hex(hex);
    EXPECT_EQ(error_of(batch), std::nullopt) << hex;
    EXPECT_EQ(records_of(batch), expected) << hex;
  }
}

TEST(Batch, RandomRecordsComeBackUnderEveryCodec) {
  for (std::uint32_t seed = 0; seed < 40; ++seed) {
    RandomRecords random(seed);
    const std::vector<TestRecord> records = random.records(60);
    for (const Codec codec : kCodecs) {
      const Bytes batch = build(records, codec);
      const auto valid = validate_batch(batch, kAnything, kNow);
      ASSERT_TRUE(valid) << "seed " << seed << ": " << valid.error().message;
      EXPECT_TRUE(valid->owned.empty()) << "a right batch is not rewritten";
      EXPECT_EQ(valid->bytes.data(), batch.data());
      EXPECT_EQ(valid->header.codec(), codec);
      const auto read = read_all(valid->bytes).value();
      ASSERT_EQ(read.size(), records.size());
      for (std::size_t i = 0; i < read.size(); ++i) {
        EXPECT_EQ(read[i].first, Offset(static_cast<std::int64_t>(i)));
        EXPECT_EQ(read[i].second, records[i]) << "seed " << seed;
      }
    }
  }
}

TEST(Batch, CutAnywhereNeitherValidatesNorReads) {
  for (const Codec codec : kCodecs) {
    const Bytes batch = build(RandomRecords(7).records(12), codec);
    for (std::size_t size = 0; size < batch.size(); ++size) {
      const Bytes cut = Bytes::copy_of(batch.view().first(size));
      EXPECT_NE(error_of(cut, kAnything), std::nullopt);
      EXPECT_FALSE(read_all(cut));
      if (size <= kBatchHeaderSize) continue;
      // Cut, and then with a length and a CRC that claim nothing is missing.
      Bytes resealed = Bytes::copy_of(cut);
      reseal(resealed);
      EXPECT_NE(error_of(resealed, kAnything), std::nullopt) << "codec " << static_cast<int>(codec) << " size " << size;
      EXPECT_FALSE(read_all(resealed));
    }
  }
}

TEST(Batch, EveryFlippedBitUnderTheCrcIsFound) {
  const Bytes batch = build(three_records());
  for (std::size_t bit = kBatchCrcStart * 8; bit < batch.size() * 8; ++bit) {
    Bytes flipped = Bytes::copy_of(batch);
    flipped.data()[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    EXPECT_EQ(error_of(flipped), Errc::corrupt_message);
  }
}

TEST(BatchHeader, RoundTripsEveryField) {
  BatchHeader header;
  header.base_offset = Offset(0x0102030405060708);
  header.batch_length = 49;
  header.leader_epoch = LeaderEpoch(0x11121314);
  header.crc = 0xF1F2F3F4;
  header.attributes = 0x5B;
  header.last_offset_delta = 0x21222324;
  header.base_timestamp = Timestamp(0x3132333435363738);
  header.max_timestamp = Timestamp(0x4142434445464748);
  header.producer_id = ProducerId(0x5152535455565758);
  header.producer_epoch = ProducerEpoch(0x6162);
  header.base_sequence = 0x71727374;
  header.record_count = 0x01020304;
  std::byte bytes[kBatchHeaderSize];
  encode_batch_header(header, bytes);
  EXPECT_EQ(to_hex(bytes),
            "0102030405060708"
            "00000031"
            "11121314"
            "02"
            "f1f2f3f4"
            "005b"
            "21222324"
            "3132333435363738"
            "4142434445464748"
            "5152535455565758"
            "6162"
            "71727374"
            "01020304");
  const BatchHeader read = decode_batch_header(bytes).value();
  std::byte again[kBatchHeaderSize];
  encode_batch_header(read, again);
  EXPECT_EQ(to_hex(again), to_hex(bytes));
  EXPECT_EQ(read.codec(), Codec::lz4);
  EXPECT_EQ(read.timestamp_type(), TimestampType::append_time);
  EXPECT_TRUE(read.is_transactional());
  EXPECT_FALSE(read.is_control());
  EXPECT_TRUE(read.has_delete_horizon());
}

TEST(BatchHeader, DecodeRefusesWhatNoStoredBatchHas) {
  const Bytes good = build(three_records());
  const auto code = [&](std::size_t at, auto value) {
    return decode_batch_header(with_field(good, at, value)).error().code;
  };
  EXPECT_EQ(decode_batch_header(good.view().first(60)).error().code, Errc::would_block);
  EXPECT_EQ(code(16, std::int8_t{0}), Errc::unsupported_format);
  EXPECT_EQ(code(16, std::int8_t{1}), Errc::unsupported_format);
  EXPECT_EQ(code(16, std::int8_t{3}), Errc::corrupt_message);
  EXPECT_EQ(code(0, std::int64_t{-1}), Errc::corrupt_message);
  EXPECT_EQ(code(0, INT64_MAX - 2), Errc::corrupt_message);
  EXPECT_EQ(code(23, std::int32_t{-1}), Errc::corrupt_message);
  EXPECT_EQ(code(57, std::int32_t{-1}), Errc::corrupt_message);
  EXPECT_EQ(code(57, std::int32_t{4}), Errc::corrupt_message);
  Bytes short_length = Bytes::copy_of(good);
  store_be(short_length.data() + 8, std::int32_t{48});
  EXPECT_EQ(decode_batch_header(short_length).error().code, Errc::corrupt_message);
  EXPECT_TRUE(decode_batch_header(with_field(good, 57, std::int32_t{0}))) << "compaction may leave no record";
}

TEST(BatchHeader, LastSequenceWrapsToZero) {
  BatchHeader header;
  header.base_sequence = INT32_MAX - 1;
  header.last_offset_delta = 1;
  EXPECT_EQ(header.last_sequence(), INT32_MAX);
  header.last_offset_delta = 2;
  EXPECT_EQ(header.last_sequence(), 0);
}

TEST(ValidateBatch, RefusesOldAndUnknownFormats) {
  const Bytes good = build(three_records());
  EXPECT_EQ(error_of(with_field(good, 16, std::int8_t{0})), Errc::unsupported_format);
  EXPECT_EQ(error_of(with_field(good, 16, std::int8_t{1})), Errc::unsupported_format);
  EXPECT_EQ(error_of(with_field(good, 16, std::int8_t{1}).view().first(20)), Errc::unsupported_format);
  EXPECT_EQ(error_of(with_field(good, 16, std::int8_t{3})), Errc::corrupt_message);
  EXPECT_EQ(error_of({}), Errc::corrupt_message);
}

TEST(ValidateBatch, RefusesLengthsThatAreNotTheBatchs) {
  const Bytes good = build(three_records());
  for (const std::int32_t length : {-1, INT32_MIN, 0, 48, INT32_MAX}) {
    Bytes bad = Bytes::copy_of(good);
    store_be(bad.data() + 8, length);
    EXPECT_EQ(error_of(bad), Errc::corrupt_message) << length;
  }
}

TEST(ValidateBatch, RefusesMoreThanOneBatch) {
  Bytes two = build(three_records());
  two.append(build(three_records()));
  EXPECT_EQ(error_of(two), Errc::invalid_record);
  Bytes trailing = build(three_records());
  trailing.append(as_bytes("x"));
  EXPECT_EQ(error_of(trailing), Errc::invalid_record);
}

TEST(ValidateBatch, RefusesBatchesAboveTheSizeLimit) {
  const Bytes batch = build(three_records());
  EXPECT_EQ(error_of(batch, {.batch_size_max = batch.size()}), std::nullopt);
  EXPECT_EQ(error_of(batch, {.batch_size_max = batch.size() - 1}), Errc::message_too_large);
}

TEST(ValidateBatch, RefusesAttributesThatAreNotAClients) {
  const Bytes good = build(three_records());
  for (const int codec : {5, 6, 7})
    EXPECT_EQ(error_of(with_field(good, 21, static_cast<std::int16_t>(codec))), Errc::unsupported_codec);
  for (int bit = 6; bit < 16; ++bit)
    EXPECT_EQ(error_of(with_field(good, 21, static_cast<std::int16_t>(1U << bit))), Errc::invalid_record) << bit;
  EXPECT_EQ(error_of(with_field(good, 21, kAppendTimeBit)), Errc::invalid_timestamp);
  EXPECT_EQ(error_of(with_field(good, 21, kAppendTimeBit), {.timestamp_type = TimestampType::append_time}),
            Errc::invalid_timestamp);
}

TEST(ValidateBatch, ControlAndTransactionalBatchesNeedPermission) {
  const Bytes plain = build(three_records());
  const Bytes control = with_field(plain, 21, kControlBit);
  EXPECT_EQ(error_of(control), Errc::invalid_record);
  EXPECT_EQ(error_of(control, {.control_allowed = true}), std::nullopt);
  const Bytes transactional = with_field(from_hex(kGoldenIdempotent), 21, kTransactionalBit);
  EXPECT_EQ(error_of(transactional), Errc::invalid_record);
  EXPECT_EQ(error_of(transactional, {.transactional_allowed = true}), std::nullopt);
  EXPECT_EQ(error_of(with_field(plain, 21, kTransactionalBit), {.transactional_allowed = true}), Errc::invalid_record)
      << "a transaction needs a producer";
}

TEST(ValidateBatch, RefusesBaseOffsetsOtherThanZero) {
  const Bytes good = build(three_records());
  for (const std::int64_t offset : {std::int64_t{1}, std::int64_t{-1}, INT64_MAX, INT64_MIN})
    EXPECT_EQ(error_of(with_field(good, 0, offset)), Errc::invalid_record);
}

TEST(ValidateBatch, RefusesCountsThatContradictEachOther) {
  const Bytes good = build(three_records());
  for (const std::int32_t count : {0, 2, 4, -1, INT32_MAX, INT32_MIN})
    EXPECT_EQ(error_of(with_field(good, 57, count)), Errc::invalid_record) << count;
  for (const std::int32_t delta : {0, 1, 3, -1, INT32_MAX, INT32_MIN})
    EXPECT_EQ(error_of(with_field(good, 23, delta)), Errc::invalid_record) << delta;
  // Both agree, the records do not.
  for (const std::int32_t count : {2, 4, INT32_MAX}) {
    Bytes bad = with_field(good, 57, count);
    bad = with_field(bad, 23, count - 1);
    EXPECT_EQ(error_of(bad), Errc::invalid_record) << count;
  }
  Bytes empty = with_field(with_field(good, 57, std::int32_t{0}), 23, std::int32_t{-1});
  EXPECT_EQ(error_of(empty), Errc::invalid_record);
}

TEST(ValidateBatch, ProducerFieldsGoTogether) {
  const Bytes good = from_hex(kGoldenIdempotent);
  EXPECT_EQ(error_of(with_field(good, 43, std::int64_t{-2})), Errc::invalid_record);
  EXPECT_EQ(error_of(with_field(good, 51, std::int16_t{-1})), Errc::invalid_record);
  EXPECT_EQ(error_of(with_field(good, 53, std::int32_t{-1})), Errc::invalid_record);
  EXPECT_EQ(error_of(with_field(good, 43, std::int64_t{-1})), std::nullopt) << "lenient as Kafka: no id, rest ignored";
}

// A record with nothing in it: length 6, attributes, timestamp delta, offset delta, null key, null value, no headers.
TEST(ValidateBatch, AcceptsTheSmallestRecord) {
  EXPECT_EQ(error_of(batch_of_raw_records({12, 0, 0, 0, 1, 1, 0}, 1)), std::nullopt);
  EXPECT_EQ(error_of(batch_of_raw_records({12, 0, 0, 0, 1, 1, 0, 12, 0, 0, 2, 1, 1, 0}, 2)), std::nullopt);
}

TEST(ValidateBatch, RefusesRecordsWhoseBytesAreWrong) {
  const std::pair<const char*, std::vector<int>> bad[] = {
      {"record length 0", {0}},
      {"record length -1", {1, 0, 0, 0, 1, 1, 0}},
      {"record length too long", {14, 0, 0, 0, 1, 1, 0}},
      {"record length too short", {10, 0, 0, 0, 1, 1, 0}},
      {"record length longer than its fields", {14, 0, 0, 0, 1, 1, 0, 0}},
      {"record length without end", {0x80, 0x80, 0x80, 0x80, 0x80, 0x80}},
      {"attributes not zero", {12, 1, 0, 0, 1, 1, 0}},
      {"first offset delta 1", {12, 0, 0, 2, 1, 1, 0}},
      {"first offset delta -1", {12, 0, 0, 1, 1, 1, 0}},
      {"key length -2", {12, 0, 0, 0, 3, 1, 0}},
      {"key length past the record", {12, 0, 0, 0, 4, 1, 0}},
      {"key length INT32_MAX", {20, 0, 0, 0, 0xFE, 0xFF, 0xFF, 0xFF, 0x0F, 1, 0}},
      {"key length INT32_MIN", {20, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 1, 0}},
      {"value length -2", {12, 0, 0, 0, 1, 3, 0}},
      {"value length past the record", {12, 0, 0, 0, 1, 4, 0}},
      {"header count -1", {12, 0, 0, 0, 1, 1, 1}},
      {"header count without headers", {12, 0, 0, 0, 1, 1, 2}},
      {"header count INT32_MAX", {20, 0, 0, 0, 1, 1, 0xFE, 0xFF, 0xFF, 0xFF, 0x0F}},
      {"header key null", {16, 0, 0, 0, 1, 1, 2, 1, 1}},
      {"header key past the record", {16, 0, 0, 0, 1, 1, 2, 4, 1}},
      {"header value length -2", {16, 0, 0, 0, 1, 1, 2, 0, 3}},
      {"header value past the record", {16, 0, 0, 0, 1, 1, 2, 0, 2}},
      {"bytes after the last record", {12, 0, 0, 0, 1, 1, 0, 0}},
      {"no records", {}},
  };
  for (const auto& [what, records] : bad)
    EXPECT_EQ(error_of(batch_of_raw_records(records, 1)), Errc::invalid_record) << what;
  EXPECT_EQ(error_of(batch_of_raw_records({16, 0, 0, 0, 1, 1, 2, 0, 1}, 1)), std::nullopt) << "null header value";
}

TEST(ValidateBatch, RefusesOffsetDeltasThatSkipOrRepeat) {
  EXPECT_EQ(error_of(batch_of_raw_records({12, 0, 0, 0, 1, 1, 0, 12, 0, 0, 4, 1, 1, 0}, 2)), Errc::invalid_record);
  EXPECT_EQ(error_of(batch_of_raw_records({12, 0, 0, 0, 1, 1, 0, 12, 0, 0, 0, 1, 1, 0}, 2)), Errc::invalid_record);
}

TEST(ValidateBatch, CompactedTopicsNeedKeys) {
  EXPECT_EQ(error_of(build(three_records()), {.keys_required = true}), Errc::invalid_record);
  EXPECT_EQ(error_of(build({{Timestamp(1), "", "v", {}}}), {.keys_required = true}), std::nullopt) << "empty is a key";
}

TEST(ValidateBatch, KeepsTimestampsWithinTheTopicsLimits) {
  const BatchRules rules{.timestamp_before_max_ms = 1000, .timestamp_after_max_ms = 500};
  const auto at = [](std::int64_t ms) { return build({{Timestamp(ms), "k", "v", {}}}); };
  const std::int64_t now = kNow.value();
  EXPECT_EQ(error_of(at(now - 1000), rules), std::nullopt);
  EXPECT_EQ(error_of(at(now - 1001), rules), Errc::invalid_timestamp);
  EXPECT_EQ(error_of(at(now + 500), rules), std::nullopt);
  EXPECT_EQ(error_of(at(now + 501), rules), Errc::invalid_timestamp);
  EXPECT_EQ(error_of(at(-1), rules), std::nullopt) << "no timestamp";
  EXPECT_EQ(error_of(at(-2)), Errc::invalid_timestamp);
  EXPECT_EQ(error_of(at(INT64_MAX)), std::nullopt) << "no limits by default";
  const BatchRules append_time{
      .timestamp_type = TimestampType::append_time, .timestamp_before_max_ms = 1000, .timestamp_after_max_ms = 500};
  EXPECT_EQ(error_of(at(0), append_time), std::nullopt) << "the client's time does not count";
}

TEST(ValidateBatch, RefusesTimestampsThatOverflow) {
  // Delta 1 above the greatest base, and the smallest delta below -1.
  EXPECT_EQ(error_of(batch_of_raw_records({12, 0, 2, 0, 1, 1, 0}, 1, INT64_MAX, INT64_MAX)), Errc::invalid_timestamp);
  EXPECT_EQ(error_of(batch_of_raw_records({30, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 0, 1, 1, 0},
                                          1, -1, -1)),
            Errc::invalid_timestamp);
}

TEST(ValidateBatch, PutsTheGreatestTimestampWhereItIsWrong) {
  for (const Codec codec : kCodecs) {
    const Bytes good = build(three_records(), codec);
    for (const std::int64_t wrong : {std::int64_t{0}, std::int64_t{-1}, INT64_MAX}) {
      const auto valid = validate_batch(with_field(good, 35, wrong), {}, kNow).value();
      EXPECT_EQ(valid.header.max_timestamp, Timestamp(1'700'000'000'005));
      EXPECT_EQ(to_hex(valid.bytes), to_hex(good)) << "only the timestamp and the CRC change";
      EXPECT_EQ(valid.bytes.data(), valid.owned.data());
    }
  }
}

TEST(ValidateBatch, AppendTimeStampsTheBatch) {
  for (const Codec codec : kCodecs) {
    const Bytes batch = build(three_records(), codec);
    const auto valid = validate_batch(batch, {.timestamp_type = TimestampType::append_time}, kNow).value();
    EXPECT_EQ(valid.header.timestamp_type(), TimestampType::append_time);
    EXPECT_EQ(valid.header.max_timestamp, kNow);
    EXPECT_TRUE(batch_crc_matches(valid.bytes, decode_batch_header(valid.bytes).value()));
    std::vector<TestRecord> expected = three_records();
    for (TestRecord& record : expected) record.timestamp = kNow;
    EXPECT_EQ(records_of(valid.bytes), expected);
  }
}

TEST(ValidateBatch, RecompressesAndKeepsEveryOtherField) {
  const Bytes plain = from_hex(kGoldenIdempotent);
  for (const Codec from : kCodecs) {
    const auto sent = validate_batch(plain, {.recompress_to = from}, kNow).value();
    for (const Codec to : kCodecs) {
      const auto valid = validate_batch(sent.bytes, {.recompress_to = to}, kNow).value();
      EXPECT_EQ(valid.owned.empty(), from == to);
      EXPECT_EQ(valid.header.codec(), to);
      EXPECT_EQ(valid.header.total_size(), valid.bytes.size());
      EXPECT_EQ(error_of(valid.bytes), std::nullopt);
      EXPECT_EQ(records_of(valid.bytes), three_records());
      const auto back = validate_batch(valid.bytes, {.recompress_to = Codec::none}, kNow).value();
      EXPECT_EQ(to_hex(back.bytes), to_hex(plain));
    }
  }
}

TEST(ValidateBatch, RecompressionObeysTheSizeLimit) {
  const Bytes small = build({{Timestamp(1), "k", std::string(10000, 'a'), {}}}, Codec::zstd);
  ASSERT_LT(small.size(), 1000U);
  EXPECT_EQ(error_of(small, {.batch_size_max = 1000, .recompress_to = Codec::none}), Errc::message_too_large);
  EXPECT_EQ(error_of(small, {.batch_size_max = 1000}), std::nullopt);
}

TEST(ValidateBatch, RefusesWhatDoesNotDecompressOrDecompressesToTooMuch) {
  for (const Codec codec : {Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
    Bytes garbage = with_field(build(three_records()), 21, static_cast<std::int16_t>(codec));
    EXPECT_EQ(error_of(garbage), Errc::corrupt_message);
    const Bytes bomb = build({{Timestamp(1), "k", std::string(1 << 20, 'a'), {}}}, codec);
    EXPECT_EQ(error_of(bomb, {.decompressed_size_max = 1 << 20}), Errc::message_too_large);
    EXPECT_EQ(error_of(bomb, {.decompressed_size_max = (1 << 20) + 20}), std::nullopt);
    EXPECT_EQ(BatchReader::open(bomb, 1 << 20).error().code, Errc::too_large);
  }
}

TEST(BatchBuilder, KeepsARangeThatItsRecordsDoNotFill) {
  const Bytes original = build(three_records(), Codec::lz4);
  BatchReader reader = BatchReader::open(original, 1 << 20).value();
  BatchBuilder builder(Codec::lz4);
  builder.set_base_offset(Offset(100));
  builder.set_last_offset_delta(2);
  (void)reader.next().value();
  builder.add_at(1, *reader.next().value());
  EXPECT_EQ(builder.record_count(), 1U);
  const Bytes rewritten = builder.build().value();
  const BatchHeader header = decode_batch_header(rewritten).value();
  EXPECT_EQ(header.record_count, 1);
  EXPECT_EQ(header.last_offset(), Offset(102));
  EXPECT_THAT(read_all(rewritten).value(), ::testing::ElementsAre(std::pair(Offset(101), three_records()[1])));
  EXPECT_EQ(builder.record_count(), 0U);
}

TEST(BatchBuilder, MakesABareHeaderForARangeAndNothingForNone) {
  BatchBuilder builder(Codec::zstd);
  EXPECT_EQ(builder.build().error().code, Errc::internal);
  builder.set_last_offset_delta(9);
  const Bytes bare = builder.build().value();
  EXPECT_EQ(bare.size(), kBatchHeaderSize);
  EXPECT_TRUE(batch_crc_matches(bare, decode_batch_header(bare).value()));
  EXPECT_EQ(decode_batch_header(bare).value().next_offset(), Offset(10));
  EXPECT_TRUE(read_all(bare).value().empty());
}

TEST(BatchReader, RefusesStoredBatchesThatContradictThemselves) {
  EXPECT_FALSE(read_all(batch_of_raw_records({12, 0, 0, 0, 1, 1, 0, 12, 0, 0, 0, 1, 1, 0}, 2))) << "offset twice";
  EXPECT_FALSE(read_all(batch_of_raw_records({12, 0, 0, 4, 1, 1, 0}, 1))) << "offset above the batch's last";
  EXPECT_FALSE(read_all(batch_of_raw_records({12, 0, 0, 0, 1, 1, 0, 0}, 1))) << "bytes after the last record";
  EXPECT_FALSE(read_all(batch_of_raw_records({12, 0, 2, 0, 1, 1, 0}, 1, INT64_MAX))) << "timestamp overflow";
}

TEST(RecordHeaders, AreRefusedWhenMalformed) {
  const auto decode = [](std::vector<int> raw) {
    Bytes bytes = Bytes::uninitialized(raw.size());
    for (std::size_t i = 0; i < raw.size(); ++i) bytes.data()[i] = static_cast<std::byte>(raw[i]);
    return decode_record_headers(bytes).has_value();
  };
  EXPECT_TRUE(decode({0}));
  EXPECT_TRUE(decode({2, 2, 'k', 2, 'v'}));
  EXPECT_TRUE(decode({2, 0, 1}));
  EXPECT_FALSE(decode({}));
  EXPECT_FALSE(decode({1}));
  EXPECT_FALSE(decode({0, 0}));
  EXPECT_FALSE(decode({2, 1, 1}));
  EXPECT_FALSE(decode({2, 0, 2}));
  EXPECT_FALSE(decode({0xFE, 0xFF, 0xFF, 0xFF, 0x0F, 0, 0}));
}

}  // namespace
}  // namespace leat::log
