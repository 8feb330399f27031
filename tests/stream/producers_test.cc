#include "stream/producers.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace leat::stream {
namespace {

constexpr std::int32_t kLastSequence = std::numeric_limits<std::int32_t>::max();

log::BatchHeader batch_of(std::int64_t producer, std::int16_t epoch, std::int32_t sequence, std::int32_t records = 1) {
  log::BatchHeader header;
  header.producer_id = ProducerId(producer);
  header.producer_epoch = ProducerEpoch(epoch);
  header.base_sequence = sequence;
  header.record_count = records;
  header.last_offset_delta = records - 1;
  header.max_timestamp = Timestamp(1000 + std::int64_t{sequence});
  return header;
}

Errc error_of(const Producers& producers, const log::BatchHeader& batch) {
  const auto checked = producers.check(batch);
  EXPECT_FALSE(checked.has_value());
  return checked ? Errc::internal : checked.error().code;
}

// With an account of its own.
struct OwnAccount {
  ProducerAccount account;
};
struct Known : OwnAccount, Producers {
  explicit Known(const ProducerLimits& limits = {}) : OwnAccount{{.limits = limits}}, Producers(account) {}
};

bool accepts(const Producers& producers, const log::BatchHeader& batch) {
  const auto checked = producers.check(batch);
  return checked && !*checked;
}

TEST(Producers, ABatchWithoutAProducerIdIsAlwaysAccepted) {
  Known producers;
  log::BatchHeader plain;
  EXPECT_TRUE(accepts(producers, plain));
  producers.apply(plain, Offset(0), Timestamp(1));
  EXPECT_EQ(producers.size(), 0u);
}

TEST(Producers, AnUnknownProducerMayStartWithAnySequence) {
  Known producers;
  EXPECT_TRUE(accepts(producers, batch_of(7, 0, 0)));
  EXPECT_TRUE(accepts(producers, batch_of(7, 3, 41)));
}

TEST(Producers, AProducerIdWithoutSequenceOrEpochIsRefused) {
  Known producers;
  EXPECT_EQ(error_of(producers, batch_of(7, 0, -1)), Errc::invalid_record);
  EXPECT_EQ(error_of(producers, batch_of(7, -1, 0)), Errc::invalid_record);
}

TEST(Producers, ARetriedBatchGetsTheAnswerOfItsFirstAppend) {
  Known producers;
  producers.apply(batch_of(7, 0, 0, 10), Offset(100), Timestamp(1));
  producers.apply(batch_of(7, 0, 10, 5), Offset(200), Timestamp(2));
  const auto first = producers.check(batch_of(7, 0, 0, 10));
  ASSERT_TRUE(first && *first);
  EXPECT_EQ((*first)->base_offset, Offset(100));
  EXPECT_EQ((*first)->last_offset, Offset(109));
  EXPECT_EQ((*first)->timestamp, Timestamp(1000));
  const auto second = producers.check(batch_of(7, 0, 10, 5));
  ASSERT_TRUE(second && *second);
  EXPECT_EQ((*second)->base_offset, Offset(200));
}

TEST(Producers, FiveBatchesAreRememberedAndOlderRetriesAreOutOfOrder) {
  Known producers;
  for (int i = 0; i < 6; ++i) producers.apply(batch_of(7, 0, i), Offset(i), Timestamp(1));
  EXPECT_EQ(error_of(producers, batch_of(7, 0, 0)), Errc::out_of_order_sequence);
  for (int i = 1; i < 6; ++i) {
    const auto checked = producers.check(batch_of(7, 0, i));
    ASSERT_TRUE(checked && *checked) << i;
    EXPECT_EQ((*checked)->base_offset, Offset(i));
  }
}

TEST(Producers, GapsAndOverlapsAreOutOfOrder) {
  Known producers;
  producers.apply(batch_of(7, 0, 0, 10), Offset(0), Timestamp(1));
  EXPECT_EQ(error_of(producers, batch_of(7, 0, 11)), Errc::out_of_order_sequence);
  EXPECT_EQ(error_of(producers, batch_of(7, 0, 9)), Errc::out_of_order_sequence);
  EXPECT_EQ(error_of(producers, batch_of(7, 0, 0, 9)), Errc::out_of_order_sequence)
      << "another batch from the same start";
  EXPECT_TRUE(accepts(producers, batch_of(7, 0, 10)));
}

TEST(Producers, ANewEpochStartsAtZeroAndFencesTheOldOne) {
  Known producers;
  producers.apply(batch_of(7, 1, 0), Offset(0), Timestamp(1));
  EXPECT_EQ(error_of(producers, batch_of(7, 2, 1)), Errc::out_of_order_sequence);
  EXPECT_TRUE(accepts(producers, batch_of(7, 2, 0)));
  producers.apply(batch_of(7, 2, 0), Offset(1), Timestamp(2));
  EXPECT_EQ(error_of(producers, batch_of(7, 1, 1)), Errc::producer_fenced);
  EXPECT_EQ(error_of(producers, batch_of(7, 1, 0)), Errc::producer_fenced) << "even as a retry";
}

TEST(Producers, SequencesWrapToZeroAfterTheLargest) {
  Known producers;
  producers.apply(batch_of(7, 0, kLastSequence - 1, 2), Offset(0), Timestamp(1));
  EXPECT_TRUE(accepts(producers, batch_of(7, 0, 0)));
  EXPECT_EQ(error_of(producers, batch_of(7, 0, 1)), Errc::out_of_order_sequence);
  producers.apply(batch_of(7, 0, 0), Offset(2), Timestamp(1));

  Known straddling;
  straddling.apply(batch_of(7, 0, kLastSequence, 3), Offset(0), Timestamp(1));
  EXPECT_TRUE(accepts(straddling, batch_of(7, 0, 2))) << "a batch may lie across the wrap";
  const auto again = straddling.check(batch_of(7, 0, kLastSequence, 3));
  EXPECT_TRUE(again && *again);
}

TEST(Producers, TheLeastRecentlyUsedIsForgottenAboveTheLimit) {
  Known producers({.producers_max = 2});
  producers.apply(batch_of(1, 0, 0), Offset(0), Timestamp(1));
  producers.apply(batch_of(2, 0, 0), Offset(1), Timestamp(2));
  producers.apply(batch_of(1, 0, 1), Offset(2), Timestamp(3));
  producers.apply(batch_of(3, 0, 0), Offset(3), Timestamp(4));
  EXPECT_EQ(producers.size(), 2u);
  EXPECT_TRUE(accepts(producers, batch_of(2, 0, 9))) << "forgotten: any sequence";
  EXPECT_FALSE(accepts(producers, batch_of(1, 0, 9)));
}

TEST(Producers, PartitionsShareTheLimitAndEachKnowsItsLatest) {
  ProducerAccount account{.limits = {.producers_max = 2}};
  Producers first(account);
  {
    Producers second(account);
    first.apply(batch_of(1, 0, 0), Offset(0), Timestamp(1));
    first.apply(batch_of(2, 0, 0), Offset(1), Timestamp(2));
    second.apply(batch_of(3, 0, 0), Offset(0), Timestamp(3));
    EXPECT_EQ(account.producers, 3u) << "what another partition remembers is not this one's to forget";
    EXPECT_FALSE(accepts(second, batch_of(3, 0, 9)));
    first.apply(batch_of(4, 0, 0), Offset(2), Timestamp(4));
    EXPECT_EQ(first.size(), 1u);
    EXPECT_FALSE(accepts(first, batch_of(4, 0, 9)));
  }
  EXPECT_EQ(account.producers, 1u);
}

TEST(Producers, OnlyProducersThatWereIdleForTheExpirationAreForgotten) {
  Known producers({.expiration = Milliseconds(100)});
  producers.apply(batch_of(1, 0, 0), Offset(0), Timestamp(0));
  producers.apply(batch_of(2, 0, 0), Offset(1), Timestamp(50));
  producers.expire(Timestamp(99));
  EXPECT_EQ(producers.size(), 2u);
  producers.expire(Timestamp(100));
  EXPECT_EQ(producers.size(), 1u);
  EXPECT_FALSE(accepts(producers, batch_of(2, 0, 9)));
}

TEST(Producers, EveryDamagedSnapshotIsRefusedAndLeavesNothing) {
  Known producers;
  producers.apply(batch_of(1, 0, 0), Offset(0), Timestamp(1));
  producers.apply(batch_of(2, 0, 0), Offset(1), Timestamp(1));
  const Bytes good = producers.encode_snapshot(Offset(2));
  ASSERT_TRUE(Known().restore_snapshot(good));
  for (std::size_t at = 0; at < good.size(); ++at) {
    Bytes bad = Bytes::copy_of(good);
    bad.data()[at] ^= std::byte{0x40};
    Known restored;
    EXPECT_FALSE(restored.restore_snapshot(bad)) << "byte " << at;
    EXPECT_EQ(restored.size(), 0u);
    EXPECT_FALSE(restored.restore_snapshot(good.view().first(at))) << "cut at " << at;
  }
  Bytes newer = Bytes::copy_of(good);
  newer.data()[4] = std::byte{2};
  EXPECT_EQ(Known().restore_snapshot(newer).error().code, Errc::unsupported);
}

// ---- Against a naive model ------------------------------------------------------------------------------------------

// The log and, for each producer, everything it ever appended.
struct Model {
  struct Append {
    std::int32_t sequence;
    std::int32_t records;
    Offset base;
  };
  struct Producer {
    std::int16_t epoch = 0;
    std::vector<Append> appends;  // of this epoch
    std::int32_t next = 0;
  };
  std::map<std::int64_t, Producer> producers;
  std::int64_t log_end = 0;
  std::vector<std::pair<log::BatchHeader, Offset>> log;
};

class ProducersAgainstModel : public ::testing::TestWithParam<int> {};

TEST_P(ProducersAgainstModel, RetriesNeverAppendTwiceAndReorderedBatchesAreRefused) {
  std::mt19937_64 random(static_cast<std::uint64_t>(GetParam()));
  const auto below = [&](std::uint64_t n) { return static_cast<std::int32_t>(random() % n); };
  Model model;
  Known producers;
  Bytes snapshot = producers.encode_snapshot(Offset(0));
  const std::int32_t start = GetParam() % 2 == 0 ? 0 : kLastSequence - 40;  // half of the runs cross the wrap
  for (int step = 0; step < 400; ++step) {
    const std::int64_t id = below(4);
    const bool known = model.producers.contains(id);
    Model::Producer& producer = model.producers[id];
    if (!known) producer.next = start;
    const std::int32_t records = 1 + below(4);
    switch (below(8)) {
      case 0: {  // an epoch bump
        log::BatchHeader batch = batch_of(id, static_cast<std::int16_t>(producer.epoch + 1), 0, records);
        if (!known) producer.epoch = 0;
        ASSERT_TRUE(accepts(producers, batch));
        producer = {static_cast<std::int16_t>(producer.epoch + 1), {{0, records, Offset(model.log_end)}}, records};
        producers.apply(batch, Offset(model.log_end), Timestamp(step));
        model.log.emplace_back(batch, Offset(model.log_end));
        model.log_end += records;
        break;
      }
      case 1: {  // a retry of any earlier batch of this epoch
        if (producer.appends.empty()) break;
        const std::size_t which = static_cast<std::size_t>(below(producer.appends.size()));
        const Model::Append& earlier = producer.appends[which];
        const auto checked = producers.check(batch_of(id, producer.epoch, earlier.sequence, earlier.records));
        if (producer.appends.size() - which <= 5) {
          ASSERT_TRUE(checked && *checked) << "step " << step;
          ASSERT_EQ((*checked)->base_offset, earlier.base);
        } else {
          ASSERT_FALSE(checked && !*checked) << "an old retry was accepted at step " << step;
        }
        break;
      }
      case 2: {  // a batch that overtook another
        if (producer.appends.empty()) break;
        const std::int32_t ahead =
            static_cast<std::int32_t>((std::int64_t{producer.next} + 1 + below(5)) & kLastSequence);
        ASSERT_EQ(error_of(producers, batch_of(id, producer.epoch, ahead, records)), Errc::out_of_order_sequence);
        break;
      }
      case 3: {  // a fenced epoch
        if (producer.appends.empty() || producer.epoch == 0) break;
        ASSERT_EQ(error_of(producers, batch_of(id, static_cast<std::int16_t>(producer.epoch - 1), producer.next)),
                  Errc::producer_fenced);
        break;
      }
      case 4: snapshot = producers.encode_snapshot(Offset(model.log_end)); break;
      case 5: {  // a restart: the last snapshot, and the log above it
        const auto covered = producers.restore_snapshot(snapshot);
        ASSERT_TRUE(covered);
        for (const auto& [batch, base] : model.log) {
          if (base >= *covered) producers.apply(batch, base, Timestamp(step));
        }
        break;
      }
      default: {  // the next batch
        const log::BatchHeader batch = batch_of(id, producer.epoch, producer.next, records);
        ASSERT_TRUE(accepts(producers, batch)) << "step " << step;
        producer.appends.push_back({producer.next, records, Offset(model.log_end)});
        producers.apply(batch, Offset(model.log_end), Timestamp(step));
        model.log.emplace_back(batch, Offset(model.log_end));
        model.log_end += records;
        producer.next = static_cast<std::int32_t>((std::int64_t{producer.next} + records) & kLastSequence);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ProducersAgainstModel, ::testing::Range(0, 200));

}  // namespace
}  // namespace leat::stream
