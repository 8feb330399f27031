#include "stream/topic_service.h"

#include <gtest/gtest.h>

#include "catalog/documents.h"
#include "catalog/sqlite_catalog.h"
#include "runtime/call.h"
#include "runtime/sim.h"

namespace leat::stream {
namespace {

using runtime::Task;

constexpr const char* kFolder = "/data";
constexpr NodeId kNode{3};

Task<> start_shard(StreamShard* shard) {
  shard->start();
  co_return;
}
Task<Status> stop_shard(StreamShard* shard) { co_return co_await shard->stop(); }

Task<bool> serves_on_shard(StreamShard* shard, TopicPartition id) {
  const auto partition = shard->find(id);
  co_return partition != nullptr && !partition->log().offline();
}

// The topics of a node with three shards in a simulated world, over several starts. Used on shard 0.
class Home {
 public:
  explicit Home(runtime::sim::SimWorld& world) : world_(world) {}

  Task<Status> start() {
    auto opened = co_await catalog::open_sqlite_catalog(kFolder);
    if (!opened) co_return fail(opened.error());
    catalog_ = std::move(*opened);
    StreamOptions options;
    options.store.folder = kFolder;
    options.store.reserve = &reserve_;
    std::vector<StreamShard*> parts;
    for (runtime::Shard* shard : world_.shards()) {
      shards_.push_back(std::make_unique<StreamShard>(*shard, options, world_.files()));
      parts.push_back(shards_.back().get());
      co_await runtime::call_on(*shard, start_shard, parts.back());
    }
    streams_ = std::make_unique<Streams>(parts);
    topics_ = std::make_unique<TopicService>(*catalog_, catalog::ServerDefaults{}, kNode, *streams_, world_.files(),
                                             reserve_, kFolder);
    co_return co_await topics_->start({});
  }

  Task<Status> stop() {
    topics_->begin_stop();
    const Status closed = co_await catalog_->close();
    co_await topics_->stop();
    for (const auto& shard : shards_) LEAT_CO_CHECK(co_await runtime::call_on(shard->shard(), stop_shard, shard.get()));
    topics_.reset();
    streams_.reset();
    shards_.clear();
    catalog_.reset();
    co_return closed;
  }

  Task<Result<catalog::Topic>> create(std::string name, std::int32_t partitions) {
    co_return co_await topics_->create({.name = std::move(name), .replicas = catalog::replicas_on(kNode, partitions)});
  }
  // Whether the owner of a partition has it.
  Task<bool> serves(TopicId topic, std::int32_t partition) {
    const TopicPartition id{topic, PartitionIndex(partition)};
    StreamShard* shard = &streams_->shard(streams_->owner(id));
    co_return co_await runtime::call_on(shard->shard(), serves_on_shard, shard, id);
  }
  [[nodiscard]] std::vector<std::string> folders() {
    std::vector<std::string> names;
    const auto listed = world_.files().list("/data/topics");
    if (!listed) return names;
    for (const runtime::FileInfo& file : *listed) names.push_back(file.name);
    return names;
  }

  [[nodiscard]] runtime::SpaceReserve& reserve() { return reserve_; }
  [[nodiscard]] TopicService& topics() { return *topics_; }
  [[nodiscard]] Streams& streams() { return *streams_; }
  [[nodiscard]] runtime::FileSystem& files() { return world_.files(); }
  [[nodiscard]] const catalog::TopicsSnapshot& known(std::size_t shard = 0) const { return *shards_[shard]->topics(); }

 private:
  runtime::sim::SimWorld& world_;
  runtime::SpaceReserve reserve_{world_.files(), kFolder};
  std::unique_ptr<catalog::Catalog> catalog_;
  std::vector<std::unique_ptr<StreamShard>> shards_;
  std::unique_ptr<Streams> streams_;
  std::unique_ptr<TopicService> topics_;
};

#define EXPECT_FINE(expression)                                                              \
  do {                                                                                       \
    const auto& checked = (expression);                                                      \
    EXPECT_TRUE(checked.has_value()) << (checked ? std::string() : checked.error().message); \
  } while (false)

Task<> on_home(runtime::sim::SimWorld& world, Task<> (*test)(Home&)) {
  Home home(world);
  EXPECT_FINE(co_await home.start());
  co_await test(home);
  EXPECT_FINE(co_await home.stop());
}

void run(Task<> (*test)(Home&)) {
  runtime::sim::SimOptions options;
  options.shards = 3;
  runtime::sim::SimWorld world(1, options);
  ASSERT_TRUE(world.files().create_directories(kFolder));
  world.run([&] { return on_home(world, test); });
}

TEST(Streams, APartitionAndItsCompanionHaveOneOwner) {
  std::vector<StreamShard*> none(7, nullptr);
  const Streams streams(none);
  std::set<std::size_t> owners;
  for (std::uint64_t i = 0; i < 200; ++i) {
    const TopicPartition id{Uuid::from_random(i * 0x9E3779B97F4A7C15ULL, i), PartitionIndex(static_cast<int>(i % 5))};
    EXPECT_EQ(streams.owner(id), streams.owner({catalog::companion_id(id.topic), id.partition}));
    owners.insert(streams.owner(id));
  }
  EXPECT_EQ(owners.size(), 7U);
}

Task<> makes_a_companion(Home& home) {
  const auto topic = co_await home.create("t", 3);
  EXPECT_FINE(topic);
  const TopicId id = topic->entry.id;
  const auto companion = co_await home.topics().create_companion(id, {{"retention.ms", "-1"}});
  EXPECT_FINE(companion);
  EXPECT_EQ(companion->entry.id, catalog::companion_id(id));
  EXPECT_EQ(companion->entry.partitions, 3);
  EXPECT_TRUE(companion->entry.internal);
  EXPECT_EQ(companion->entry.config, (catalog::ConfigMap{{"retention.ms", "-1"}}));
  for (std::int32_t p = 0; p < 3; ++p) EXPECT_TRUE(co_await home.serves(catalog::companion_id(id), p));
  for (std::size_t shard = 0; shard < 3; ++shard) EXPECT_NE(home.known(shard).find(catalog::companion_id(id)), nullptr);
  const auto again = co_await home.topics().create_companion(id, {});
  EXPECT_FINE(again);
  EXPECT_EQ(again->entry, companion->entry);
  const auto nobodys = co_await home.topics().create_companion(Uuid::from_random(1, 2), {});
  EXPECT_EQ(nobodys.error().code, Errc::not_found);
  const auto second = co_await home.topics().create_companion(catalog::companion_id(id), {});
  EXPECT_EQ(second.error().code, Errc::not_found);
  EXPECT_FINE(co_await home.stop());
  EXPECT_FINE(co_await home.start());
  for (std::int32_t p = 0; p < 3; ++p) EXPECT_TRUE(co_await home.serves(catalog::companion_id(id), p));
}
TEST(TopicService, MakesACompanionOnceAndOpensItAgain) { run(makes_a_companion); }

Task<> note_companion(Home& home, TopicId topic, int& made) {
  const auto companion = co_await home.topics().create_companion(topic, {});
  EXPECT_FINE(companion);
  made += companion && companion->entry.id == catalog::companion_id(topic) ? 1 : 0;
}

constexpr ProducerId kProducer{7};

// A batch of the producer with this sequence, or of none (-1).
Result<Bytes> batch_at(std::int32_t sequence, Timestamp when) {
  log::BatchBuilder builder;
  if (sequence >= 0) builder.set_producer(kProducer, ProducerEpoch(0), sequence);
  builder.add({when, std::nullopt, as_bytes("value"), {}});
  return builder.build();
}

// Returns when it is committed.
Task<Result<Produced>> produce(StreamPartition& partition, std::int32_t sequence, Timestamp when) {
  const Timestamp now = runtime::Shard::current().wall_now();
  LEAT_CO_TRY(const Bytes bytes, batch_at(sequence, when));
  LEAT_CO_TRY(const log::ValidBatch batch, log::validate_batch(bytes, partition.rules(), now));
  LEAT_CO_TRY(const Produced produced, partition.produce(batch, now));
  LEAT_CO_CHECK(co_await partition.log().wait_committed(produced.end, MonoTime::max()));
  co_return produced;
}

Task<Status> produce_all(StreamPartition& partition, std::initializer_list<std::int32_t> sequences) {
  for (const std::int32_t sequence : sequences) {
    LEAT_CO_TRY([[maybe_unused]] const Produced produced,
                co_await produce(partition, sequence, runtime::Shard::current().wall_now()));
  }
  co_return Status{};
}

// What the next process makes of a partition when this one is killed.
Task<Result<std::shared_ptr<StreamPartition>>> after_a_kill(StreamPartition& partition, runtime::FileSystem& files) {
  auto next = std::make_shared<StreamPartition>(partition.log().shared_from_this(), std::make_shared<ProducerAccount>(),
                                                1 << 20, std::make_shared<TopicCounters>());
  LEAT_CO_CHECK(co_await next->load_producers(files));
  co_return next;
}

using OnPartition = Task<Status> (*)(StreamPartition& partition, runtime::FileSystem& files);

Task<Status> on_its_shard(StreamShard* shard, TopicPartition id, runtime::FileSystem* files, OnPartition test) {
  const auto partition = shard->find(id);
  co_return co_await test(*partition, *files);
}

// Runs `test` on the shard of a new topic's partition.
Task<> with_partition(Home& home, OnPartition test) {
  const auto topic = co_await home.create("t", 1);
  EXPECT_FINE(topic);
  home.reserve().refill();
  const TopicPartition id{topic->entry.id, PartitionIndex(0)};
  StreamShard* shard = &home.streams().shard(home.streams().owner(id));
  EXPECT_FINE(co_await runtime::call_on(shard->shard(), on_its_shard, shard, id, &home.files(), test));
}

// Batches of one producer in segments of their own, all of which are freed.
Task<Status> free_all(StreamPartition& partition, runtime::FileSystem& files) {
  for (std::int32_t sequence = 0; sequence < 5; ++sequence) {
    LEAT_CO_CHECK(co_await produce_all(partition, {sequence}));
    LEAT_CO_CHECK(partition.log().roll(runtime::Shard::current().wall_now()));
  }
  co_await runtime::sleep_for(std::chrono::seconds(1));
  LEAT_CO_CHECK(co_await partition.free_segments(files, {{Offset(0), Offset(5)}}));
  EXPECT_EQ(partition.log().log_start(), Offset(5));
  LEAT_CO_TRY(const auto next, co_await after_a_kill(partition, files));
  EXPECT_FALSE(co_await produce_all(*next, {6})) << "the last sequence is known";
  co_return co_await produce_all(*next, {5});
}
TEST(StreamPartition, RemembersTheProducersOfFreedBatches) {
  run([](Home& home) { return with_partition(home, free_all); });
}

Task<Status> delete_above_the_snapshot(StreamPartition& partition, runtime::FileSystem& files) {
  LEAT_CO_CHECK(co_await produce_all(partition, {0, 1}));
  LEAT_CO_CHECK(co_await partition.save_producers(files, false));  // as each checkpoint does
  LEAT_CO_CHECK(co_await produce_all(partition, {2, 3}));
  LEAT_CO_CHECK(partition.log().roll(runtime::Shard::current().wall_now()));
  LEAT_CO_CHECK(co_await produce_all(partition, {-1}));
  co_await runtime::sleep_for(std::chrono::seconds(1));
  LEAT_CO_CHECK(co_await partition.log().delete_records(Offset(4)));  // as retention and DeleteRecords do
  LEAT_CO_TRY(const auto next, co_await after_a_kill(partition, files));
  co_return co_await produce_all(*next, {4});
}
TEST(StreamPartition, AProducerGoesOnAfterItsBatchesWereDeletedAndAKill) {
  run([](Home& home) { return with_partition(home, delete_above_the_snapshot); });
}

// A backfill, and a kill before its first answer: the start that follows expires producers.
Task<Status> retry_of_old_records(StreamPartition& partition, runtime::FileSystem& files) {
  const Timestamp old(runtime::Shard::current().wall_now().value() - 48LL * 3'600'000);
  LEAT_CO_TRY(const Produced first, co_await produce(partition, 0, old));
  LEAT_CO_TRY(const auto next, co_await after_a_kill(partition, files));
  next->expire_producers(runtime::Shard::current().wall_now());
  LEAT_CO_TRY(const Produced again, co_await produce(*next, 0, old));
  EXPECT_EQ(again.base, first.base) << "the record is in the log twice";
  co_return Status{};
}
TEST(StreamPartition, ARetryAfterAKillIsRecognizedWhateverTheRecordsTimestamps) {
  run([](Home& home) { return with_partition(home, retry_of_old_records); });
}

Task<Status> free_on_a_full_disk(StreamPartition& partition, runtime::FileSystem& files) {
  for (int i = 0; i < 5; ++i) {
    LEAT_CO_CHECK(co_await produce_all(partition, {i}));
    LEAT_CO_CHECK(partition.log().roll(runtime::Shard::current().wall_now()));
  }
  co_await runtime::sleep_for(std::chrono::seconds(1));
  auto& disk = static_cast<runtime::sim::SimFileSystem&>(files);
  disk.faults().capacity -= disk.free_space("/").value();  // not a byte is left but the reserve
  EXPECT_FALSE(co_await partition.save_producers(files, false));
  EXPECT_FALSE(files.exists(runtime::join_path(partition.log().folder(), "producers.tmp")));
  LEAT_CO_CHECK(co_await partition.free_segments(files, {{Offset(0), Offset(5)}}));
  EXPECT_EQ(partition.log().segment_count(), 1U);
  LEAT_CO_TRY(const auto next, co_await after_a_kill(partition, files));
  co_return co_await produce_all(*next, {5});
}
TEST(StreamPartition, FreesSegmentsOnAFullDisk) {
  run([](Home& home) { return with_partition(home, free_on_a_full_disk); });
}

Task<> save_into(StreamPartition& partition, runtime::FileSystem& files, Status& saved) {
  saved = co_await partition.save_producers(files, true);
}

Task<Status> save_at_once(StreamPartition& partition, runtime::FileSystem& files) {
  LEAT_CO_CHECK(co_await produce_all(partition, {0}));
  Status first;
  Status second;
  runtime::TaskScope scope;
  scope.spawn(save_into(partition, files, first));
  LEAT_CO_CHECK(co_await produce_all(partition, {1}));
  scope.spawn(save_into(partition, files, second));
  co_await scope.join();
  LEAT_CO_CHECK(first);
  LEAT_CO_CHECK(second);
  LEAT_CO_TRY(const auto next, co_await after_a_kill(partition, files));
  co_return co_await produce_all(*next, {2});
}
TEST(StreamPartition, SavesOfProducersAtOnceFollowEachOther) {
  run([](Home& home) { return with_partition(home, save_at_once); });
}

Task<> makes_companions_at_once(Home& home) {
  const auto topic = co_await home.create("t", 2);
  EXPECT_FINE(topic);
  int made = 0;
  runtime::TaskScope scope;
  for (int i = 0; i < 5; ++i) scope.spawn(note_companion(home, topic->entry.id, made));
  co_await scope.join();
  EXPECT_EQ(made, 5);
  EXPECT_TRUE(co_await home.serves(catalog::companion_id(topic->entry.id), 1));
}
TEST(TopicService, CallersWhoWantTheSameCompanionAtOnceAllGetIt) { run(makes_companions_at_once); }

Task<> removes_both(Home& home) {
  const auto topic = co_await home.create("t", 2);
  EXPECT_FINE(topic);
  const auto stays = co_await home.create("stays", 1);
  EXPECT_FINE(stays);
  EXPECT_FINE(co_await home.topics().create_companion(topic->entry.id, {}));
  EXPECT_EQ(home.folders().size(), 3U);
  EXPECT_FINE(co_await home.topics().remove("t"));
  EXPECT_EQ(home.folders(), std::vector<std::string>{stays->entry.id.to_string()});
  EXPECT_EQ(home.known().topics().size(), 1U);
  EXPECT_FALSE(co_await home.serves(catalog::companion_id(topic->entry.id), 0));
}
TEST(TopicService, ACompanionAndItsFoldersGoWithTheTopic) { run(removes_both); }

Task<> grows_both(Home& home) {
  const auto topic = co_await home.create("t", 1);
  EXPECT_FINE(topic);
  const TopicId companion = catalog::companion_id(topic->entry.id);
  EXPECT_FINE(co_await home.topics().create_companion(topic->entry.id, {}));
  EXPECT_FINE(co_await home.topics().add_partitions("t", 3));
  EXPECT_EQ(home.known().find(topic->entry.id)->entry.partitions, 3);
  EXPECT_EQ(home.known().find(companion)->entry.partitions, 3);
  for (std::int32_t p = 0; p < 3; ++p) EXPECT_TRUE(co_await home.serves(companion, p));
  // As if the power had gone when the companion had grown, but the topic had not yet.
  EXPECT_FINE(co_await home.topics().add_partitions(catalog::companion_name(topic->entry.id), 4));
  EXPECT_FINE(co_await home.topics().add_partitions("t", 5));
  EXPECT_EQ(home.known().find(topic->entry.id)->entry.partitions, 5);
  EXPECT_EQ(home.known().find(companion)->entry.partitions, 5);
  for (std::int32_t p = 3; p < 5; ++p) EXPECT_TRUE(co_await home.serves(companion, p));
}
TEST(TopicService, ACompanionGrowsBeforeItsTopic) { run(grows_both); }

Task<> removes_an_orphan(Home& home) {
  const auto topic = co_await home.create("t", 2);
  EXPECT_FINE(topic);
  const auto stays = co_await home.create("stays", 1);
  EXPECT_FINE(stays);
  EXPECT_FINE(co_await home.topics().create_companion(topic->entry.id, {}));
  EXPECT_FINE(co_await home.topics().create_companion(stays->entry.id, {}));
  EXPECT_FINE(co_await home.stop());
  // Somebody else deletes the topic and knows nothing of companions.
  {
    auto catalog = co_await catalog::open_sqlite_catalog(kFolder);
    EXPECT_FINE(catalog);
    catalog::Commit request;
    request.deletes = {catalog::topic_key("t"), catalog::assignments_key(topic->entry.id)};
    EXPECT_FINE(co_await (*catalog)->commit(std::move(request)));
    EXPECT_FINE(co_await (*catalog)->close());
  }
  EXPECT_FINE(co_await home.start());
  EXPECT_EQ(home.known().find(catalog::companion_id(topic->entry.id)), nullptr);
  EXPECT_NE(home.known().find(catalog::companion_id(stays->entry.id)), nullptr);
  EXPECT_EQ(home.folders().size(), 2U);
  EXPECT_TRUE(co_await home.serves(catalog::companion_id(stays->entry.id), 0));
}
TEST(TopicService, ACompanionWithoutItsTopicIsRemovedAtTheStart) { run(removes_an_orphan); }

}  // namespace
}  // namespace leat::stream
