#include "tests/protocol/kafka/node_home.h"

#include "catalog/sqlite_catalog.h"

namespace leat::kafka {
namespace {

constexpr const char* kFolder = "/data";

runtime::sim::SimOptions two_shards() {
  runtime::sim::SimOptions options;
  options.shards = 2;
  return options;
}

runtime::Task<> start_shard(stream::StreamShard* shard) {
  shard->start();
  co_return;
}
runtime::Task<Status> stop_shard(stream::StreamShard* shard) { co_return co_await shard->stop(); }

runtime::Task<> stop_groups(stream::GroupShard* groups) { co_await groups->stop(); }

runtime::Task<Status> fill_on_shard(stream::StreamShard* shard, TopicPartition id, int records, bool wait) {
  log::BatchBuilder builder;
  for (int i = 0; i < records; ++i) builder.add({shard->shard().wall_now(), std::nullopt, as_bytes("value"), {}});
  LEAT_CO_TRY(const Bytes bytes, builder.build());
  const auto partition = shard->find(id);
  if (partition == nullptr) co_return fail(Errc::not_found, "no such partition");
  LEAT_CO_TRY(const log::ValidBatch batch, log::validate_batch(bytes, partition->rules(), shard->shard().wall_now()));
  LEAT_CO_TRY(const stream::Produced produced, partition->produce(batch, shard->shard().wall_now()));
  if (!wait) co_return Status{};
  co_return co_await partition->log().wait_committed(produced.end, shard->shard().now() + std::chrono::seconds(10));
}

runtime::Task<> fill_from_shard(const stream::Streams* streams, TopicPartition id, int records, bool wait,
                                Status& outcome) {
  stream::StreamShard* shard = &streams->shard(streams->owner(id));
  outcome = co_await runtime::call_on(shard->shard(), fill_on_shard, shard, id, records, wait);
}

}  // namespace

NodeHome::NodeHome(catalog::ServerDefaults defaults, KafkaOptions options) : world_(1, two_shards()) {
  EXPECT_TRUE(world_.files().create_directories(kFolder));
  world_.run([&] { return start(std::move(defaults), options); });
}

NodeHome::~NodeHome() {
  connection_.reset();
  kafka_.reset();
  world_.run([&] { return stop(); });
  topics_.reset();
  world_.on_shard(0, [&] { catalog_.reset(); });
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    world_.on_shard(i, [&] {
      groups_[i].reset();
      shards_[i].reset();
    });
  }
}

runtime::Task<> NodeHome::start(catalog::ServerDefaults defaults, KafkaOptions options) {
  auto opened = co_await catalog::open_sqlite_catalog(kFolder);
  if (!opened) {
    ADD_FAILURE() << opened.error().message;
    co_return;
  }
  catalog_ = std::move(*opened);
  stream::StreamOptions of_shard;
  of_shard.store.folder = kFolder;
  std::vector<stream::StreamShard*> parts;
  std::vector<stream::GroupShard*> groups;
  for (runtime::Shard* shard : world_.shards()) {
    shards_.push_back(std::make_unique<stream::StreamShard>(*shard, of_shard, world_.files()));
    parts.push_back(shards_.back().get());
    co_await runtime::call_on(*shard, start_shard, parts.back());
    groups_.push_back(std::make_unique<stream::GroupShard>(*parts.back(), stream::GroupConfig{}));
    groups.push_back(groups_.back().get());
  }
  streams_ = std::make_unique<stream::Streams>(parts);
  topics_ = std::make_unique<stream::TopicService>(*catalog_, std::move(defaults), NodeId(kNodeNumber), *streams_,
                                                   world_.files(), reserve_, kFolder);
  const Status started = co_await topics_->start({});
  EXPECT_TRUE(started);
  users_ = std::make_unique<security::PolicyService>(*catalog_, world_.shards(), policies_, std::set<std::string>{});
  EXPECT_TRUE(co_await users_->start());
  node_.reset(new KafkaNode{.cluster_id = "test-cluster",
                            .node = NodeId(kNodeNumber),
                            .options = options,
                            .streams = *streams_,
                            .groups = groups,
                            .topics = *topics_,
                            .topics_shard = *world_.shards()[0],
                            .authorizer = std::make_shared<DenySome>(denied),
                            .policies = policies_,
                            .users = *users_,
                            .data_folder = kFolder});
  kafka_ = std::make_unique<KafkaShard>(*node_, *shards_[1]);
  connection_.reset(new Connection(*kafka_, {"broker.example", 9092}, "client:1"));
}

runtime::Task<> NodeHome::stop() {
  for (std::size_t i = 0; i < groups_.size(); ++i)
    co_await runtime::call_on(shards_[i]->shard(), stop_groups, groups_[i].get());
  topics_->begin_stop();
  users_->begin_stop();
  EXPECT_TRUE(co_await catalog_->close());
  co_await topics_->stop();
  co_await users_->stop();
  for (const auto& shard : shards_) EXPECT_TRUE(co_await runtime::call_on(shard->shard(), stop_shard, shard.get()));
}

namespace {

runtime::Task<> take_offline_on_shard(stream::StreamShard* shard, TopicPartition id) {
  shard->find(id)->log().take_offline({Errc::io, "the test says so"});
  co_return;
}

runtime::Task<> take_offline_from_shard(const stream::Streams* streams, TopicPartition id) {
  stream::StreamShard* shard = &streams->shard(streams->owner(id));
  co_await runtime::call_on(shard->shard(), take_offline_on_shard, shard, id);
}

}  // namespace

namespace {

runtime::Task<Status> free_on_shard(stream::StreamShard* shard, TopicPartition id, Offset from, Offset to) {
  log::Partition& log = shard->find(id)->log();
  LEAT_CO_CHECK(log.roll(shard->shard().wall_now()));
  co_await runtime::sleep_for(std::chrono::seconds(1));
  co_return co_await log.free_segments({{from, to}});
}

runtime::Task<> free_from_shard(const stream::Streams* streams, TopicPartition id, Offset from, Offset to,
                                Status& outcome) {
  stream::StreamShard* shard = &streams->shard(streams->owner(id));
  outcome = co_await runtime::call_on(shard->shard(), free_on_shard, shard, id, from, to);
}

}  // namespace

void NodeHome::free(const std::string& topic, std::int32_t partition, std::int64_t from, std::int64_t to) {
  const TopicPartition id{find(topic)->entry.id, PartitionIndex(partition)};
  Status outcome;
  world_.run([&] { return free_from_shard(streams_.get(), id, Offset(from), Offset(to), outcome); });
  EXPECT_TRUE(outcome) << outcome.error().message;
}

void NodeHome::take_offline(const std::string& topic, std::int32_t partition) {
  const TopicPartition id{find(topic)->entry.id, PartitionIndex(partition)};
  world_.run([&] { return take_offline_from_shard(streams_.get(), id); });
}

void NodeHome::produce(const std::string& topic, std::int32_t partition, int records, bool wait) {
  const catalog::Topic* found = find(topic);
  ASSERT_NE(found, nullptr);
  const TopicPartition id{found->entry.id, PartitionIndex(partition)};
  Status outcome;
  world_.run([&] { return fill_from_shard(streams_.get(), id, records, wait, outcome); });
  EXPECT_TRUE(outcome) << outcome.error().message;
}

}  // namespace leat::kafka
