#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/resp/executor.h"
#include "runtime/sim.h"

namespace leat::resp {

// A client whose connection takes all that is sent, unless it is told not to.
class TestClient final : public Connection {
 public:
  TestClient(runtime::sim::SimWorld& world, Executor& executor, std::string peer);
  ~TestClient() override;

  // Executes a command and returns what the client got until all was quiet.
  std::string operator()(std::initializer_list<std::string_view> words);
  // The same, of words with one space between them.
  std::string operator()(std::string_view line);
  // Executes commands in one turn.
  std::string pipeline(std::initializer_list<std::string_view> lines);
  // What it got since it was last asked.
  std::string got();

  [[nodiscard]] Client& client() { return *client_; }
  // From now on it takes nothing, or everything again.
  void set_stalled(bool stalled);
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] int resumed() const { return resumed_; }

  void send(Client& client, std::string& bytes) override;
  void resume(Client& client) override;
  void close(Client& client) override;
  [[nodiscard]] std::size_t unsent() const override { return unsent_.size(); }
  [[nodiscard]] std::size_t received() const override { return 0; }
  [[nodiscard]] std::size_t memory() const override { return unsent_.size(); }

 private:
  void execute(std::string_view line);

  runtime::sim::SimWorld& world_;
  Executor& executor_;
  std::unique_ptr<Client> client_;
  std::string got_;
  std::string unsent_;
  bool stalled_ = false;
  bool closed_ = false;
  int resumed_ = 0;
};

// An executor on a simulated shard.
class Home {
 public:
  explicit Home(Settings settings = {});
  ~Home();

  [[nodiscard]] Executor& executor() { return *executor_; }
  [[nodiscard]] runtime::sim::SimWorld& world() { return world_; }
  // Lasts as long as the home, or until leave().
  TestClient& client();
  void leave(TestClient& client);
  void run_for(Duration duration) { world_.run_for(duration); }

 private:
  runtime::sim::SimWorld world_{1};
  std::unique_ptr<Executor> executor_;
  std::vector<std::unique_ptr<TestClient>> clients_;
};

}  // namespace leat::resp
