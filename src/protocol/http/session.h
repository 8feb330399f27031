#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/log_limiter.h"
#include "protocol/http/codec.h"
#include "protocol/http/room.h"
#include "protocol/http/stats.h"
#include "runtime/network.h"
#include "runtime/sync.h"

namespace leat::http {

struct Options {
  ParserLimits limits;
  Duration idle_timeout = std::chrono::seconds(60);     // for the first byte of the next request
  Duration request_timeout = std::chrono::seconds(10);  // for the rest of it, and again for its answer to be taken
  std::size_t connections_max = 1000;                   // of all shards
  std::size_t bodies_size_max = std::size_t{16} << 20;  // of all of a shard's requests; at least one body
  std::string_view name = "http";                       // of the protocol, in log lines and in names of settings
  // How a request is answered that cannot be read. Empty: with a line of text.
  std::function<HttpResponse(const Fault& fault)> refusal;
};

// What the sessions of one shard share. Belongs to the shard.
struct SessionContext {
  const Handler& handler;
  const Options& options;
  Stats& stats;
  BodyBudgets& bodies;
  LogLimiter& log_limiter;
};

// One connection: reads requests and answers them one after the other, pipelined ones too. While a request is answered,
// however long that takes, it goes on reading, and so notices when the client goes away.
class Session final : private BodySource, private Connection {
 public:
  Session(std::unique_ptr<runtime::Socket> socket, const SessionContext& context);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Returns when the connection has ended.
  runtime::Task<> run();
  // Ends the connection after the request that is being read or answered; at once when there is none.
  void finish();
  // Ends it now.
  void end();

 private:
  // Closes the connection when the time is over. Setting it again costs nothing as long as it is not set to sooner.
  class Deadline final : private runtime::Timer {
   public:
    explicit Deadline(Session& session) : session_(session) {}
    void set(Duration time);
    void clear() { due_.reset(); }

   private:
    void fire() override;
    Session& session_;
    std::optional<MonoTime> due_;
  };
  enum class Ended : std::uint8_t { connection };  // there is nobody to answer
  using Failure = std::variant<Ended, Fault>;

  runtime::Task<> read_all();
  runtime::Task<bool> await_request();
  // Reads the next one to its end, or to that of its head if its body is handed on as it comes.
  runtime::Task<std::expected<void, Failure>> read_request();
  // Finds room for the next part of its body. Whether there is one, and the client too.
  runtime::Task<bool> find_room();
  // Feeds the parser what is there. Whether it took something.
  std::expected<bool, Failure> advance();
  runtime::Task<bool> answer();
  // What is still to come of a body that was not read to its end is read for a while, so that the answer reaches the client.
  runtime::Task<> drain();
  runtime::Task<> refuse(Fault fault);
  runtime::Task<> hand_over(std::shared_ptr<Takeover> takeover);

  [[nodiscard]] runtime::Task<std::expected<std::string, Fault>> next() override;

  [[nodiscard]] runtime::Task<std::string> read() override;
  [[nodiscard]] runtime::Task<bool> write(const runtime::Chain& chain) override;
  [[nodiscard]] std::size_t write_at_once(BytesView bytes) override;
  void close() override { end(); }
  [[nodiscard]] const std::string& peer() const override { return peer_; }

  runtime::Task<bool> send(Bytes bytes);
  [[nodiscard]] std::string_view unread() const { return std::string_view(input_).substr(taken_); }
  void take(std::size_t count);

  std::unique_ptr<runtime::Socket> socket_;
  const SessionContext& context_;
  std::string peer_;
  std::optional<RequestParser> parser_;  // none once the connection is handed over
  std::shared_ptr<Takeover> takeover_;
  Deadline deadline_;
  Room room_;  // of the request's body
  std::string input_;
  std::size_t taken_ = 0;  // bytes at the front of input_ that are consumed
  runtime::Notifier input_changed_;
  Presence presence_;
  runtime::TaskScope reader_;
  bool has_ended_ = false;  // nothing more will be read
  bool is_idle_ = false;    // nothing of a next request has arrived
  bool is_finishing_ = false;
  bool is_closed_ = false;
  bool is_waiting_for_room_ = false;
  bool has_invited_ = false;  // the client of a body that comes piece by piece
};

}  // namespace leat::http
