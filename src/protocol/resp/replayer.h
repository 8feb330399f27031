#pragma once

#include <string>

#include "keyspace/journal.h"
#include "protocol/resp/client.h"
#include "protocol/resp/executor.h"

namespace leat::resp {

// Applies units of the journal to a keyspace that is being rebuilt: it acts like a client without a connection.
class Replayer final : public Connection {
 public:
  explicit Replayer(Executor& executor);

  // Error: corrupt: an effect is unknown, or is refused.
  [[nodiscard]] Status apply(const keyspace::JournalUnit& unit);
  [[nodiscard]] std::uint64_t units() const { return units_; }

  void send(Client& /*client*/, std::string& bytes) override { bytes.clear(); }
  void resume(Client& /*client*/) override {}
  void close(Client& /*client*/) override {}
  [[nodiscard]] std::size_t unsent() const override { return 0; }
  [[nodiscard]] std::size_t received() const override { return 0; }
  [[nodiscard]] std::size_t memory() const override { return 0; }

 private:
  Executor& executor_;
  Client client_;
  std::uint64_t units_ = 0;
};

}  // namespace leat::resp
