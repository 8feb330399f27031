#include "tests/queue/node.h"

#include "catalog/sqlite_catalog.h"
#include "runtime/call.h"

namespace leat::queue::testing {
namespace {

using runtime::Task;

constexpr const char* kFolder = "/data";
constexpr NodeId kNode{1};

Task<> start_streams(stream::StreamShard* shard) {
  shard->start();
  co_return;
}
Task<Status> stop_streams(stream::StreamShard* shard) { co_return co_await shard->stop(); }
Task<> start_queues(QueueShard* shard) {
  shard->start();
  co_return;
}
Task<> stop_queues(QueueShard* shard) { co_await shard->stop(); }

}  // namespace

Node::Node(runtime::sim::SimWorld& world) : world_(world), reserve_(world.files(), kFolder) {}
Node::~Node() = default;

Task<Status> Node::start() {
  LEAT_CO_CHECK(world_.files().create_directories(kFolder));
  LEAT_CO_TRY(catalog_, co_await catalog::open_sqlite_catalog(kFolder));
  LEAT_CO_CHECK(co_await catalog::raise_all_leader_epochs(*catalog_, kNode));
  stream::StreamOptions options;
  options.store.folder = kFolder;
  std::vector<stream::StreamShard*> parts;
  for (runtime::Shard* shard : world_.shards()) {
    shards_.push_back(std::make_unique<stream::StreamShard>(*shard, options, world_.files()));
    parts.push_back(shards_.back().get());
    co_await runtime::call_on(*shard, start_streams, parts.back());
  }
  streams_ = std::make_unique<stream::Streams>(parts);
  topics_ = std::make_unique<stream::TopicService>(*catalog_, catalog::ServerDefaults{}, kNode, *streams_,
                                                   world_.files(), reserve_, kFolder);
  LEAT_CO_CHECK(co_await topics_->start({}));
  node_.reset(new QueueNode{*streams_, {}, nullptr});
  for (std::size_t i = 0; i < parts.size(); ++i) {
    queues_.push_back(std::make_unique<QueueShard>(*parts[i], index_, i));
    node_->shards.push_back(queues_.back().get());
  }
  service_ = std::make_unique<QueueService>(*catalog_, *topics_, *node_);
  node_->service = service_.get();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    queues_[i]->connect(*node_);
    co_await runtime::call_on(parts[i]->shard(), start_queues, queues_[i].get());
  }
  co_return co_await service_->start();
}

Task<Status> Node::stop() {
  if (service_) co_await service_->stop_redrives();
  for (std::size_t i = 0; i < queues_.size(); ++i)
    co_await runtime::call_on(shards_[i]->shard(), stop_queues, queues_[i].get());
  if (topics_) topics_->begin_stop();
  Status closed;
  if (catalog_) closed = co_await catalog_->close();
  if (service_) co_await service_->stop();
  if (topics_) co_await topics_->stop();
  for (const auto& shard : shards_) {
    const Status stopped = co_await runtime::call_on(shard->shard(), stop_streams, shard.get());
    if (!stopped) closed = stopped;
  }
  co_return closed;
}

}  // namespace leat::queue::testing
