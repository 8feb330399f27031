#pragma once

#include <memory>
#include <string>

#include "base/log_limiter.h"
#include "protocol/http/codec.h"
#include "protocol/http/router.h"
#include "protocol/http/stats.h"
#include "runtime/network.h"
#include "runtime/sync.h"

namespace leat::http {

struct Options {
  ParserLimits limits;
  Duration idle_timeout = std::chrono::seconds(60);     // for the first byte of the next request
  Duration request_timeout = std::chrono::seconds(10);  // for the rest of it, and again for its answer to be taken
  std::size_t connections_max = 1000;
  std::size_t bodies_size_max = std::size_t{16} << 20;  // of all requests being read or answered; at least one body
};

// What the sessions of one listener share. Belongs to its shard.
struct SessionContext {
  const Router& router;
  const Options& options;
  Stats& stats;
  runtime::Budget& bodies;
  LogLimiter& log_limiter;
};

// One connection: reads requests and answers them one after the other, pipelined ones too.
class Session {
 public:
  Session(std::unique_ptr<runtime::Socket> socket, const SessionContext& context);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Returns when the connection has ended.
  runtime::Task<> run();
  // Ends the connection after the request that is being read or answered; at once when there is none.
  void finish();
  // Ends it now.
  void close();

 private:
  // Closes the socket when the time is over.
  class Deadline;
  enum class Ended : std::uint8_t { connection };  // there is nobody to answer
  using Failure = std::variant<Ended, Fault>;

  runtime::Task<bool> await_request();
  runtime::Task<std::expected<HttpRequest, Failure>> read_request(runtime::Reservation& body);
  runtime::Task<std::expected<void, Failure>> advance(RequestParser& parser);
  runtime::Task<bool> read_more();
  runtime::Task<bool> answer(const HttpRequest& request);
  runtime::Task<> refuse(Fault fault);
  runtime::Task<bool> send(Bytes bytes);

  std::unique_ptr<runtime::Socket> socket_;
  const SessionContext& context_;
  std::string input_;     // read and not yet consumed
  bool is_idle_ = false;  // nothing of a next request has arrived
  bool is_finishing_ = false;
};

}  // namespace leat::http
