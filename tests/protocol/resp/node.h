#pragma once

#include <memory>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "protocol/resp/executor.h"
#include "protocol/resp/replayer.h"
#include "runtime/sim.h"
#include "stream/topic_service.h"

namespace leat::resp::testing {

// A client in this process: what it is sent is kept.
class Recorder final : public Connection {
 public:
  explicit Recorder(Executor& executor)
      : executor_(executor), client_(executor, *this, executor.next_client_id(), "test", "test") {}

  // Executes one command, given as words between spaces.
  void execute(std::string_view line);
  void execute(Arguments words);
  // Takes what was sent so far: replies that were released.
  std::string take() { return std::exchange(received_, {}); }
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] Client& client() { return client_; }

  void send(Client& client, std::string& bytes) override;
  void resume(Client& /*client*/) override {}
  void close(Client& /*client*/) override { closed_ = true; }
  [[nodiscard]] std::size_t unsent() const override { return 0; }
  [[nodiscard]] std::size_t received() const override { return 0; }
  [[nodiscard]] std::size_t memory() const override { return 0; }

 private:
  Executor& executor_;
  std::string received_;
  bool closed_ = false;
  Client client_;
};

// A keyspace with its journal in a simulated world, from one start to its stop or crash. Used on shard 0.
class Node {
 public:
  Node(runtime::sim::SimWorld& world, Durability durability);
  ~Node();

  runtime::Task<Status> start();
  runtime::Task<Status> stop();
  [[nodiscard]] Executor& executor() { return *executor_; }

 private:
  runtime::Task<Result<std::shared_ptr<log::Partition>>> open(std::string_view name, std::string flush);

  runtime::sim::SimWorld& world_;
  Durability durability_;
  runtime::SpaceReserve reserve_;
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<stream::StreamShard> shard_;
  std::unique_ptr<stream::Streams> streams_;
  std::unique_ptr<stream::TopicService> topics_;
  std::unique_ptr<keyspace::Journal> journal_;
  std::unique_ptr<Executor> executor_;
};

}  // namespace leat::resp::testing
