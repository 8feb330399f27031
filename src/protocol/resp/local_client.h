#pragma once

#include <functional>
#include <string>

#include "protocol/resp/executor.h"
#include "protocol/resp/local_commands.h"

namespace leat::resp {

// One call of LocalCommands, as a client whose connection keeps what it is sent. Made, used and ended on the executor's shard,
// outside of commands.
class LocalClient final : public Connection {
 public:
  LocalClient(LocalCommands& owner, Executor& executor, const LocalOptions& options);
  LocalClient(const LocalClient&) = delete;
  LocalClient& operator=(const LocalClient&) = delete;
  ~LocalClient() override;

  // Once one of these.
  void execute(Arguments words);
  // False: it has ended meanwhile.
  runtime::Task<bool> wait_for_pause();
  void execute_unit(const std::function<void(LocalUnit&)>& decide, bool administers);

  // Returns when the reply may be told. Error: cancelled.
  runtime::Task<Result<std::string>> reply();
  // Ends its wait, if it waits.
  void cancel();

  [[nodiscard]] Client& client() { return client_; }

  void send(Client& client, std::string& bytes) override;
  void resume(Client& client) override;
  void close(Client& client) override;
  [[nodiscard]] std::size_t unsent() const override { return 0; }
  [[nodiscard]] std::size_t received() const override { return 0; }
  [[nodiscard]] std::size_t memory() const override { return reply_.capacity(); }

 private:
  // Nothing follows what is being sent: it does not wait, and what it did is as durable as was promised.
  [[nodiscard]] bool is_settled() const;
  void end();

  Executor& executor_;
  std::shared_ptr<Cancellation> cancellation_;
  Client client_;
  std::string reply_;
  bool settled_ = false;  // the reply is complete
  bool ended_ = false;
  bool pausing_ = false;  // it waits for the end of a pause, and nothing of it was executed
  runtime::Notifier changed_;
};

}  // namespace leat::resp
