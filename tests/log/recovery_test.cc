// Starting from what is on disk: clean and unclean stops, torn tails, damage, and files nobody expects.
#include "log/recovery.h"

#include <gmock/gmock.h>

#include "tests/log/node.h"
#include "tests/runtime/homes.h"

namespace leat::log::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

std::uint64_t size_of(Machine& m, const std::string& path) {
  const auto file = m.world.files().open(path, runtime::OpenMode::read);
  return file ? (*file)->size().value_or(0) : 0;
}
void cut_file(Machine& m, const std::string& path, std::uint64_t size) {
  EXPECT_TRUE(m.world.files().open(path, runtime::OpenMode::write).value()->truncate(size));
}
void append_to_file(Machine& m, const std::string& path, BytesView bytes) {
  const auto file = m.world.files().open(path, runtime::OpenMode::create).value();
  EXPECT_TRUE(file->write_at(bytes, file->size().value()));
}

// Kills the process, lets `damage` do its work, and starts the next one.
Task<> damaged_restart(Machine& m, std::function<void()> damage) {
  co_await m.node.kill();
  damage();
  const Status started = co_await m.node.start();
  EXPECT_TRUE(started) << started.error().message;
}

LEAT_LOG_TEST(CleanStop, OpensWithoutReadingTheLog, m.config().segment_bytes = 10'000) {
  EXPECT_TRUE(co_await fill(m.log(), "k", 500));
  EXPECT_TRUE(co_await m.node.stop());
  EXPECT_TRUE(co_await m.node.start());
  EXPECT_EQ(m.node.files->reads(), 0U);
  EXPECT_EQ(m.node.store->stats().recovered_partitions.value(), 0U);
  EXPECT_EQ(m.log().high_watermark(), Offset(500));
  EXPECT_THAT(keys_of(co_await consume(m.log(), Offset(0))), SizeIs(500));
}

LEAT_LOG_TEST(CleanStop, WithAnEmptyActiveSegmentOpensWithoutReadingToo, {}) {
  EXPECT_TRUE(co_await fill(m.log(), "k", 50));
  EXPECT_TRUE(m.log().roll(m.world.wall_now()));
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(co_await m.node.stop());
    EXPECT_TRUE(co_await m.node.start());
    EXPECT_EQ(m.node.files->reads(), 0U);
    EXPECT_EQ(m.log().log_end(), Offset(50));
  }
}

LEAT_LOG_TEST(CleanStop, IsNoLongerCleanAfterTheNextStart, {}) {
  EXPECT_TRUE(co_await fill(m.log(), "k", 5));
  EXPECT_TRUE(co_await m.node.stop());
  EXPECT_TRUE(co_await m.node.start());
  EXPECT_FALSE(load_checkpoint(m.world.files(), "/data").clean);
  co_await m.node.kill();
  EXPECT_TRUE(co_await m.node.start());
  EXPECT_EQ(m.node.store->stats().recovered_partitions.value(), 1U);
}

LEAT_LOG_TEST(UncleanStop, ReadsFromTheCheckpointOn, m.config().segment_bytes = 1 << 30) {
  EXPECT_TRUE(co_await fill(m.log(), "k", 500, 1000));
  co_await runtime::sleep_for(100ms);
  EXPECT_TRUE(m.node.save_checkpoint());
  EXPECT_TRUE(co_await fill(m.log(), "later", 3));
  co_await m.node.kill();
  EXPECT_TRUE(co_await m.node.start());
  EXPECT_LT(m.node.files->reads(), 10U);
  EXPECT_EQ(m.log().log_end(), Offset(503));
  EXPECT_EQ(m.log().epoch_at(Offset(502)), LeaderEpoch(0));
  EXPECT_EQ(m.log().leader_epoch(), LeaderEpoch(1));
}

LEAT_LOG_TEST(UncleanStop, WithoutACheckpointReadsTheActiveSegmentFromItsStart, {}) {
  EXPECT_TRUE(co_await fill(m.log(), "k", 95));
  co_await damaged_restart(m, [] {});
  EXPECT_EQ(m.log().log_end(), Offset(95));
  EXPECT_THAT(keys_of(co_await consume(m.log(), Offset(0))), SizeIs(95));
}

LEAT_LOG_TEST(UncleanStop, ABrokenCheckpointReadsAsNone, {}) {
  EXPECT_TRUE(co_await fill(m.log(), "k", 95));
  EXPECT_TRUE(m.node.save_checkpoint(true));
  co_await damaged_restart(m, [&] { EXPECT_TRUE(m.world.files().corrupt("/data/checkpoint", 40)); });
  EXPECT_EQ(m.node.store->stats().recovered_partitions.value(), 1U) << "the flag for a clean stop is not believed";
  EXPECT_EQ(m.log().log_end(), Offset(95));
}

// ---- Torn tails ----

LEAT_LOG_TEST(TornTail, IsCutAndAppendsGoOnThere, {}) {
  EXPECT_TRUE(co_await fill(m.log(), "k", 15));
  const std::string path = m.node.segment_path(10);
  for (std::uint64_t torn = 1; torn < 80; torn += 8) {  // of 96 bytes: the first seven are zeros
    const Offset end = m.log().log_end();
    EXPECT_TRUE(co_await append_committed(m.log(), batch_of("torn")));
    if (m.log().segments().back()->base != Offset(10)) break;
    const std::uint64_t size = m.log().segments().back()->size;
    co_await damaged_restart(m, [&] { cut_file(m, path, size - torn); });
    EXPECT_FALSE(m.log().offline());
    EXPECT_EQ(m.log().log_end(), end) << torn;
    EXPECT_GT(m.node.store->stats().cut_bytes.value(), 0U);
    EXPECT_THAT(keys_of(co_await consume(m.log(), Offset(0))), SizeIs(static_cast<std::size_t>(end.value())));
  }
  EXPECT_TRUE(co_await fill(m.log(), "after", 30));
  EXPECT_THAT(m.node.names(), Not(Contains(EndsWith(".cut")))) << "half a batch is of no use to anybody";
}

LEAT_LOG_TEST(TornTail, WithWholeBatchesBehindItIsKeptAside, m.config().segment_bytes = 1 << 20) {
  EXPECT_TRUE(co_await fill(m.log(), "k", 30));
  const std::string path = m.node.segment_path(0);
  const std::uint64_t size = size_of(m, path);
  Bytes before = Bytes::uninitialized(size);
  EXPECT_TRUE(m.world.files().open(path, runtime::OpenMode::read).value()->read_at(before.mutable_view(), 0));
  const std::size_t batch = decode_batch_header(before)->total_size();
  co_await damaged_restart(m, [&] { EXPECT_TRUE(m.world.files().corrupt(path, batch * 20 + 70)); });
  EXPECT_FALSE(m.log().offline()) << "no checkpoint vouches for it";
  EXPECT_LE(m.log().log_end(), Offset(20));
  const std::uint64_t cut = m.node.store->stats().cut_bytes.value();
  EXPECT_EQ(size_of(m, path), size - cut);
  const std::string kept = fmt::format("{}.{}.cut", path, size - cut);
  EXPECT_EQ(size_of(m, kept), cut);
  EXPECT_THAT(keys_of(co_await consume(m.log(), Offset(0))),
              SizeIs(static_cast<std::size_t>(m.log().log_end().value())));
  EXPECT_TRUE(co_await fill(m.log(), "after", 3));
}

LEAT_LOG_TEST(TornTail, EndsAtABatchOfAnotherOffsetOrAnOlderEpoch, m.config().segment_bytes = 1 << 20) {
  EXPECT_TRUE(co_await fill(m.log(), "k", 5));
  EXPECT_TRUE(co_await m.node.stop());
  EXPECT_TRUE(co_await m.node.start());
  EXPECT_TRUE(co_await fill(m.log(), "k", 5));  // of epoch 1
  const std::string path = m.node.segment_path(0);
  const auto stray = [](std::int64_t base, std::int32_t epoch) {
    Bytes batch = batch_of("stray");
    store_be(batch.data(), base);
    store_be(batch.data() + 12, epoch);
    return batch;
  };
  for (const auto& [base, epoch] : {std::pair(11, 1), std::pair(9, 1), std::pair(10, 0)}) {
    co_await damaged_restart(m, [&] { append_to_file(m, path, stray(base, epoch)); });
    EXPECT_EQ(m.log().log_end(), Offset(10)) << base;
    EXPECT_GT(m.node.store->stats().cut_bytes.value(), 0U);
  }
  co_await damaged_restart(m, [&] { append_to_file(m, path, stray(10, 1)); });
  EXPECT_EQ(m.log().log_end(), Offset(11)) << "one that fits is a record";
}

// A producer may send values that look like the headers of many batches, each of which would have to be summed up.
LEAT_LOG_TEST(TornTail, OfManySeemingHeadersIsKeptAsideUnsearched, m.config().segment_bytes = 1 << 30) {
  std::string value(std::size_t{8} << 20, '\0');
  for (std::size_t at = 0; at + kBatchHeaderSize <= value.size(); at += kBatchHeaderSize) {
    BatchHeader header;
    header.base_offset = Offset(1'000'000);
    header.batch_length = static_cast<std::int32_t>(value.size() - at - kBatchPrefixSize);
    header.record_count = 1;
    encode_batch_header(header, reinterpret_cast<std::byte*>(value.data() + at));
  }
  const std::uint64_t begin = m.log().segments().back()->size;
  EXPECT_TRUE(co_await append_committed(m.log(), build({{Timestamp(1), "k", value, {}}})));
  const std::string path = m.node.segment_path(0);
  co_await m.node.kill();
  EXPECT_TRUE(m.world.files().corrupt(path, begin + 25));  // torn: its checksum is wrong
  EXPECT_TRUE(co_await m.node.start());
  EXPECT_EQ(m.log().log_end(), Offset(0));
  EXPECT_TRUE(m.world.files().exists(fmt::format("{}.{}.cut", path, begin)));
}

// What a checkpoint vouches for was flushed: if it is gone, that is no torn tail.
LEAT_LOG_TEST(Checkpoint, ALogThatEndsBelowItIsDamagedAndNothingIsCut, m.node.configs.assign(2, m.config())) {
  EXPECT_TRUE(co_await fill(m.log(), "k", 8));
  EXPECT_TRUE(co_await fill(m.log(1), "k", 8));
  co_await runtime::sleep_for(100ms);
  EXPECT_TRUE(m.node.save_checkpoint());
  const std::string path = m.node.segment_path(0);
  const std::uint64_t size = size_of(m, path);
  co_await damaged_restart(m, [&] { cut_file(m, path, size - 10); });
  CO_REQUIRE(m.log().offline());
  EXPECT_THAT(m.log().offline()->message, HasSubstr("vouches"));
  EXPECT_EQ(size_of(m, path), size - 10);
  EXPECT_EQ(code_of(append(m.log(), batch_of("x"))), Errc::corrupt);
  EXPECT_EQ(code_of(co_await m.log().read(Offset(0), {})), Errc::corrupt);
  EXPECT_EQ(m.node.store->stats().damaged_partitions.value(), 1U);
  EXPECT_TRUE(co_await fill(m.log(1), "the other one serves", 3));
  for (int restart = 0; restart < 2; ++restart) {
    EXPECT_TRUE(m.node.save_checkpoint());
    if (restart == 0) {
      co_await m.node.kill();
    } else {
      EXPECT_TRUE(co_await m.node.stop());
    }
    EXPECT_TRUE(co_await m.node.start());
    CO_REQUIRE(m.log().offline());
    EXPECT_THAT(m.log().offline()->message, HasSubstr("vouches")) << "a further start does not cut it";
    EXPECT_EQ(size_of(m, path), size - 10);
  }
}

// ---- Damage ----

LEAT_LOG_TEST(Damage, OfASealedSegmentTakesOnlyItsPartitionOffline, m.node.configs.assign(4, m.config())) {
  for (std::size_t n = 0; n < 4; ++n) EXPECT_TRUE(co_await fill(m.log(n), "k", 50));
  co_await runtime::sleep_for(100ms);
  co_await damaged_restart(m, [&] {
    EXPECT_TRUE(m.world.files().remove(m.node.segment_path(10, ".log", 0)));
    cut_file(m, m.node.segment_path(10, ".log", 1), 100);
    EXPECT_TRUE(m.world.files().corrupt(manifest_path(m.node.folder(2)), 50));
  });
  EXPECT_THAT(m.log(0).offline()->message, HasSubstr("missing"));
  EXPECT_THAT(m.log(1).offline()->message, HasSubstr("sealed"));
  EXPECT_THAT(m.log(2).offline()->message, HasSubstr("checksum"));
  EXPECT_FALSE(m.log(3).offline());
  EXPECT_EQ(m.node.store->stats().damaged_partitions.value(), 3U);
  EXPECT_EQ(m.node.store->stats().offline_partitions.value(), 3);
  EXPECT_TRUE(co_await fill(m.log(3), "k", 10));
  EXPECT_TRUE(co_await m.node.stop());
  EXPECT_TRUE(co_await m.node.start());
  EXPECT_TRUE(m.log(0).offline()) << "it stays so until somebody repairs it";
  EXPECT_FALSE(m.log(3).offline());
}

LEAT_LOG_TEST(Damage, OfAnotherPartitionsManifestIsNoticed, m.node.configs.assign(2, m.config())) {
  co_await damaged_restart(m, [&] {
    const auto bytes = runtime::read_file(m.world.files(), manifest_path(m.node.folder(1)), 1000);
    EXPECT_TRUE(runtime::replace_file(m.world.files(), manifest_path(m.node.folder(0)), *bytes));
  });
  EXPECT_TRUE(m.log(0).offline());
  EXPECT_FALSE(m.log(1).offline());
}

LEAT_LOG_TEST(Damage, IsFoundByACheckThatChangesNothing, {}) {
  EXPECT_TRUE(co_await fill(m.log(), "k", 50));
  co_await runtime::sleep_for(100ms);
  co_await m.node.kill();
  const auto check = [&] {
    const std::uint64_t before = m.world.files().operations();
    RecoveredLog found =
        recover_log(m.world.files(), m.node.folder(), partition_id(0), std::nullopt, false, {.repair = false});
    EXPECT_EQ(m.world.files().operations(), before) << "it only reads";
    return found;
  };
  EXPECT_FALSE(check().damage);
  EXPECT_EQ(check().segments.back()->end, Offset(50));
  EXPECT_TRUE(m.world.files().corrupt(m.node.segment_path(10), 70));
  CO_REQUIRE(check().damage);
  EXPECT_THAT(check().damage->message, HasSubstr("checksum"));
  EXPECT_TRUE(co_await m.node.start());
}

// ---- Files the manifest does not know ----

LEAT_LOG_TEST(UnlistedFiles, AContinuationIsAdopted, {}) {
  EXPECT_TRUE(co_await fill(m.log(), "k", 5));
  co_await runtime::sleep_for(100ms);
  const auto manifest = runtime::read_file(m.world.files(), manifest_path(m.node.folder()), 1000);
  EXPECT_TRUE(co_await fill(m.log(), "more", 40));
  co_await runtime::sleep_for(100ms);
  const std::size_t segments = m.log().segment_count();
  co_await damaged_restart(
      m, [&] { EXPECT_TRUE(runtime::replace_file(m.world.files(), manifest_path(m.node.folder()), *manifest)); });
  EXPECT_EQ(m.log().log_end(), Offset(45));
  EXPECT_EQ(m.log().segment_count(), segments);
  EXPECT_THAT(keys_of(co_await consume(m.log(), Offset(0))), SizeIs(45));
  co_await runtime::sleep_for(100ms);
  EXPECT_TRUE(co_await m.node.stop());
  EXPECT_TRUE(co_await m.node.start());
  EXPECT_EQ(m.node.files->reads(), 0U) << "they are listed now";
}

LEAT_LOG_TEST(UnlistedFiles, OneThatDoesNotContinueTheLogIsAnOrphan, {}) {
  EXPECT_TRUE(co_await fill(m.log(), "k", 5));
  Bytes stray = batch_of("stray");
  store_be(stray.data(), std::int64_t{77});
  co_await damaged_restart(m, [&] { append_to_file(m, m.node.segment_path(77), stray); });
  EXPECT_EQ(m.log().log_end(), Offset(5));
  EXPECT_THAT(m.node.names(), Contains(segment_name(Offset(77), 1) + ".log.orphan"));
  EXPECT_THAT(m.node.names(), Not(Contains(segment_name(Offset(77), 1) + ".log")));
  EXPECT_TRUE(co_await fill(m.log(), "k", 100)) << "its offset comes, and its name is free";
  EXPECT_THAT(keys_of(co_await consume(m.log(), Offset(0))), SizeIs(105));
}

LEAT_LOG_TEST(UnlistedFiles, BehindACutAreOrphansAndEmptyOnesGo, {}) {
  EXPECT_TRUE(co_await fill(m.log(), "k", 5));
  co_await runtime::sleep_for(100ms);
  const auto manifest = runtime::read_file(m.world.files(), manifest_path(m.node.folder()), 1000);
  EXPECT_TRUE(co_await fill(m.log(), "more", 40));
  co_await damaged_restart(m, [&] {
    EXPECT_TRUE(runtime::replace_file(m.world.files(), manifest_path(m.node.folder()), *manifest));
    EXPECT_TRUE(m.world.files().corrupt(m.node.segment_path(10), 70));
  });
  EXPECT_EQ(m.log().log_end(), Offset(10));
  EXPECT_THAT(m.node.names(), Contains(segment_name(Offset(20), 1) + ".log.orphan"));
  EXPECT_EQ(append(m.log(), batch_of("next"))->base, Offset(10));
}

LEAT_LOG_TEST(UnlistedFiles, LeftOversOfEarlierStepsGo, {}) {
  EXPECT_TRUE(co_await fill(m.log(), "k", 50));
  EXPECT_TRUE(co_await m.log().delete_records(Offset(20)));
  co_await runtime::sleep_for(100ms);
  co_await damaged_restart(m, [&] {
    append_to_file(m, m.node.segment_path(0), batch_of("freed"));
    append_to_file(m, runtime::join_path(m.node.folder(), segment_name(Offset(20), 2) + ".log"),
                   batch_of("not listed yet"));
    append_to_file(m, m.node.segment_path(999, ".idx"), as_bytes("of no segment"));
    append_to_file(m, runtime::join_path(m.node.folder(), "manifest.tmp"), as_bytes("half"));
  });
  EXPECT_FALSE(m.log().offline());
  EXPECT_EQ(m.log().log_start(), Offset(20));
  EXPECT_THAT(keys_of(co_await consume(m.log(), Offset(20))), SizeIs(30));
  EXPECT_TRUE(co_await m.node.stop());
  for (const std::string& name : m.node.names())
    EXPECT_TRUE(name == "manifest" || parse_segment_name(name, ".log") || parse_segment_name(name, ".idx")) << name;
  EXPECT_THAT(m.node.names(), Not(Contains(segment_name(Offset(999), 1) + ".idx")));
  EXPECT_TRUE(co_await m.node.start());
}

LEAT_LOG_TEST(UnlistedFiles, NeverMakeASealedSegmentTheActiveOne, {}) {
  EXPECT_TRUE(co_await fill(m.log(), "k", 25));
  co_await runtime::sleep_for(100ms);
  co_await m.node.kill();
  // A manifest that ends with a sealed segment, and an unlisted file that does not continue it.
  Manifest manifest =
      decode_manifest(*runtime::read_file(m.world.files(), manifest_path(m.node.folder()), 1000)).value();
  manifest.segments.pop_back();
  CO_REQUIRE(manifest.segments.back().sealed);
  const Offset end = manifest.segments.back().end;
  EXPECT_TRUE(runtime::replace_file(m.world.files(), manifest_path(m.node.folder()), encode_manifest(manifest)));
  EXPECT_TRUE(m.world.files().rename(m.node.segment_path(end.value()), m.node.segment_path(end.value() + 1)));
  EXPECT_TRUE(co_await m.node.start());
  EXPECT_EQ(m.log().log_end(), end);
  EXPECT_TRUE(co_await fill(m.log(), "after", 5));
  co_await runtime::sleep_for(100ms);
  co_await damaged_restart(m, [] {});
  EXPECT_FALSE(m.log().offline());
  EXPECT_EQ(m.log().log_end(), end + 5);
}

// ---- The stored forms ----

Manifest some_manifest() {
  Manifest manifest;
  manifest.id = partition_id(3);
  manifest.log_start = Offset(12);
  manifest.segments = {{Offset(10), 2, true, 500, Offset(20), Timestamp(5)},
                       {Offset(25), 1, false, 0, Offset(0), Timestamp(-1)}};
  manifest.freed = {{Offset(20), Offset(25)}};
  manifest.epochs = {{LeaderEpoch(1), Offset(3)}, {LeaderEpoch(4), Offset(15)}};
  return manifest;
}

TEST(Manifest, ReadsBackAndNoticesEveryDamagedByte) {
  const Manifest manifest = some_manifest();
  const Bytes bytes = encode_manifest(manifest);
  EXPECT_EQ(decode_manifest(bytes).value(), manifest);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    Bytes damaged = Bytes::copy_of(bytes);
    damaged.data()[i] ^= std::byte{0x10};
    EXPECT_EQ(code_of(decode_manifest(damaged)), Errc::corrupt) << i;
    EXPECT_EQ(code_of(decode_manifest(bytes.view().first(i))), Errc::corrupt) << i;
  }
}

TEST(Manifest, RefusesFieldsThatContradictEachOther) {
  const auto refused = [](const std::function<void(Manifest&)>& change) {
    Manifest manifest = some_manifest();
    change(manifest);
    return code_of(decode_manifest(encode_manifest(manifest))) == Errc::corrupt;
  };
  EXPECT_FALSE(refused([](Manifest&) {}));
  EXPECT_TRUE(refused([](Manifest& m) { m.segments.clear(); }));
  EXPECT_TRUE(refused([](Manifest& m) { m.segments[0].sealed = false; }));
  EXPECT_TRUE(refused([](Manifest& m) { m.segments[1].base = Offset(19); }));
  EXPECT_TRUE(refused([](Manifest& m) { m.segments[0].end = Offset(9); }));
  EXPECT_TRUE(refused([](Manifest& m) { m.log_start = Offset(9); }));
  EXPECT_TRUE(refused([](Manifest& m) { m.epochs[1].epoch = LeaderEpoch(1); }));
  EXPECT_TRUE(refused([](Manifest& m) { m.epochs[1].start = Offset(2); }));
}

TEST(Manifest, AGapThatItDoesNotListIsDamageAndOneThatItListsIsNot) {
  for (const bool listed : {true, false}) {
    runtime::sim::SimFileSystem files(1);
    ASSERT_TRUE(files.create_directories("/p"));
    Manifest manifest = some_manifest();
    if (!listed) manifest.freed.clear();
    manifest.segments[0].size = 0;
    ASSERT_TRUE(runtime::replace_file(files, "/p/manifest", encode_manifest(manifest)));
    for (const SegmentEntry& segment : manifest.segments)
      ASSERT_TRUE(
          files.open("/p/" + segment_name(segment.base, segment.generation) + ".log", runtime::OpenMode::create));
    const RecoveredLog log = recover_log(files, "/p", manifest.id, std::nullopt, false, {});
    EXPECT_EQ(log.damage.has_value(), !listed) << (log.damage ? log.damage->message : "");
  }
}

TEST(StoredCheckpoint, ReadsBackAndABrokenOneReadsAsNone) {
  runtime::sim::SimFileSystem files(1);
  ASSERT_TRUE(files.create_directories("/data"));
  EXPECT_TRUE(load_checkpoint(files, "/data").points.empty()) << "missing";
  Checkpoint checkpoint{.clean = true, .points = {}};
  for (std::size_t n = 0; n < 5; ++n) {
    const auto number = static_cast<std::int64_t>(n);
    checkpoint.points[partition_id(n)] = {Offset(number), 10 + n, Offset(100 + number), Timestamp(number - 1)};
  }
  ASSERT_TRUE(save_checkpoint(files, "/data", checkpoint));
  const Checkpoint loaded = load_checkpoint(files, "/data");
  EXPECT_TRUE(loaded.clean);
  EXPECT_EQ(loaded.points, checkpoint.points);
  const Bytes bytes = runtime::read_file(files, "/data/checkpoint", 10'000).value();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    Bytes damaged = Bytes::copy_of(bytes);
    damaged.data()[i] ^= std::byte{0x10};
    ASSERT_TRUE(runtime::replace_file(files, "/data/checkpoint", damaged));
    const Checkpoint broken = load_checkpoint(files, "/data");
    EXPECT_FALSE(broken.clean) << i;
    EXPECT_TRUE(broken.points.empty()) << i;
  }
}

TEST(SegmentNames, ReadBackAndOthersAreRefused) {
  for (const std::uint32_t generation : {1U, 2U, 12U}) {
    const std::string name = segment_name(Offset(1234567890123), generation) + ".log";
    EXPECT_EQ(parse_segment_name(name, ".log"), std::pair(Offset(1234567890123), generation));
    EXPECT_EQ(parse_segment_name(name, ".idx"), std::nullopt);
  }
  for (const char* name : {"", ".log", "0.log", "0000000000000000000x.log", "00000000000000000001-1.log",
                           "00000000000000000001-.log", "00000000000000000001-2x.log", "000000000000000000012.log",
                           "-0000000000000000001.log", "99999999999999999999.log", "00000000000000000001.log.orphan"})
    EXPECT_EQ(parse_segment_name(name, ".log"), std::nullopt) << name;
}

}  // namespace
}  // namespace leat::log::testing
