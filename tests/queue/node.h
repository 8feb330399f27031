#pragma once

#include <memory>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "queue/queue_service.h"
#include "queue/queue_shard.h"
#include "runtime/sim.h"
#include "stream/topic_service.h"

namespace leat::queue::testing {

// A node's topics and queues in a simulated world, from one start to its stop or crash. Used on shard 0.
class Node {
 public:
  explicit Node(runtime::sim::SimWorld& world);
  ~Node();

  runtime::Task<Status> start();
  runtime::Task<Status> stop();

  [[nodiscard]] QueueShard& queues(std::size_t shard = 0) { return *queues_[shard]; }
  [[nodiscard]] stream::TopicService& topics() { return *topics_; }
  [[nodiscard]] stream::Streams& streams() { return *streams_; }

 private:
  runtime::sim::SimWorld& world_;
  runtime::SpaceReserve reserve_;
  // RocksDB is not simulated; the tests that use a node do not fill the index.
  IndexStore index_{"/nonexistent/leat-test-queue-index"};
  std::unique_ptr<catalog::Catalog> catalog_;
  std::vector<std::unique_ptr<stream::StreamShard>> shards_;
  std::unique_ptr<stream::Streams> streams_;
  std::unique_ptr<stream::TopicService> topics_;
  std::vector<std::unique_ptr<QueueShard>> queues_;
  std::unique_ptr<QueueNode> node_;
  std::unique_ptr<QueueService> service_;
};

}  // namespace leat::queue::testing
