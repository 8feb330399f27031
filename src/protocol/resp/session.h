#pragma once

#include <memory>
#include <string>

#include "protocol/resp/client.h"
#include "protocol/resp/executor.h"
#include "runtime/network.h"
#include "runtime/sync.h"

namespace leat::resp {

// One client's connection, from its first byte to its last, on the executor's shard. Commands are executed as they are read,
// and replies go out at the end of the executor's turn. While the client does not take its replies, or is blocked and sends a
// lot, nothing more is read, and the client feels it.
class Session final : public Connection {
 public:
  Session(Executor& executor, std::unique_ptr<runtime::Socket> socket, std::string local);
  ~Session() override;

  // Returns when the connection has ended and nothing of it is left.
  runtime::Task<> run();
  void close() { end(); }

  void send(Client& client, std::string& bytes) override;
  void resume(Client& client) override;
  void close(Client& client) override;
  [[nodiscard]] std::size_t unsent() const override { return sending_.size() + in_flight_; }
  [[nodiscard]] std::size_t received() const override { return received_.size(); }
  [[nodiscard]] std::size_t memory() const override;

 private:
  // What was received while the client could not go on waits for its turn outside of whatever made it go on.
  struct Resumption final : runtime::Work {
    Session* session = nullptr;
    bool sent = false;
  };

  // Replies that have not left.
  [[nodiscard]] std::size_t buffered() const { return client_.out.size() + client_.held_bytes + unsent(); }
  // So many that the client's commands wait.
  [[nodiscard]] bool is_full() const { return may_be_full() && buffered() >= executor_.outputs().waiting_max(); }
  [[nodiscard]] bool may_be_full() const { return buffered() >= Outputs::kWaitingAlways; }
  [[nodiscard]] bool may_execute() const;
  [[nodiscard]] bool may_read() const;
  runtime::Task<bool> read_more();
  // Executes what it can of the input. Returns the bytes that are done with.
  std::size_t execute(std::string_view input);
  [[nodiscard]] bool execute(const Pipeline& pipeline, std::size_t& done);
  void execute_received();
  void write_at_once();
  runtime::Task<> write_out();
  // Replies that are on their way to a client which sends nothing more.
  [[nodiscard]] bool owes_replies() const;
  void end();

  // Charges a command, and what was received and sent since the last one, to the client's quota. What is too much keeps the next
  // command waiting.
  void charge(std::size_t bytes);
  runtime::Task<> go_on_later();

  Executor& executor_;
  std::unique_ptr<runtime::Socket> socket_;
  Client client_;
  Parser parser_;
  std::string received_;       // and not executed
  std::string sending_;        // and not sent
  std::size_t in_flight_ = 0;  // bytes that are being written
  bool writing_ = false;
  bool draining_ = false;                          // the client has sent all it wants to
  bool broken_ = false;                            // the stream of commands, or the socket
  std::unique_ptr<security::QuotaAccount> quota_;  // nullptr: there are no quotas, and never will be
  std::size_t unpaid_bytes_out_ = 0;
  MonoTime not_before_{};    // when the next command is executed
  bool is_waiting_ = false;  // until then
  bool is_known_ = false;    // something was read of it, so its certificate is known
  Resumption resumption_;
  runtime::Notifier changed_;
  runtime::TaskScope tasks_;
};

}  // namespace leat::resp
