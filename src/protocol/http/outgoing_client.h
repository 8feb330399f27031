#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "runtime/task.h"

namespace leat::http {

enum class OutgoingMethod : std::uint8_t { post, get };

// Its timeout counts from the call of send(), the wait for a connection included.
struct OutgoingRequest {
  OutgoingMethod method = OutgoingMethod::post;
  std::string url;  // http or https; "user:password@" before the host becomes basic authentication
  // Sent as they are. What frames a message (Content-Length, Transfer-Encoding, Connection, Expect) is the client's own.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;                                       // of a POST
  std::size_t response_bytes_max = std::size_t{4} << 10;  // what is kept of the answer's body
  Duration timeout = std::chrono::seconds(15);
};

struct OutgoingResponse {
  int status = 0;
  std::string body;  // its first bytes, at most `response_bytes_max`
};

struct OutgoingOptions {
  std::size_t in_flight_max = 256;
  std::size_t connections_per_host_max = 32;
  Duration connect_timeout = std::chrono::seconds(5);
  std::string ca_file;  // certificates to trust; empty: the system's
};

// Requests to other people's servers, over libcurl, with connections that are kept for further requests. HTTP/1.1; no
// redirects, no proxies, no cookies; certificates are verified.
//
// Shared by all shards: send() comes from any (real) one, and its coroutine goes on there. One thread runs libcurl; it
// starts with the first request. It and the shards share a list of new requests under a mutex, and results go back
// through the shards' mailboxes: nothing else is shared.
//
// At most `in_flight_max` requests are on their way, and `connections_per_host_max` to one scheme, host and port. Others
// wait, first come first served for each host and hosts in turn, so that one slow host does not stop the rest. The
// client does not bound how many wait: its callers do, by how many requests they make at a time.
class OutgoingClient {
 public:
  explicit OutgoingClient(OutgoingOptions options = {});
  OutgoingClient(const OutgoingClient&) = delete;
  OutgoingClient& operator=(const OutgoingClient&) = delete;
  // Stops, and waits for libcurl's thread. Shards still run: they get the results of what was in flight.
  ~OutgoingClient();

  // The answer, whatever its status says. An answer of more than 1 MiB, or what is kept if that is more, is not
  // read to its end, and counts.
  // Errors: invalid_argument (not an http or https URL; a URL or header that HTTP cannot carry), io (no connection, TLS
  // failed, the connection broke, the answer is not HTTP; the message says which, without the URL's path and password),
  // timed_out, cancelled (stop() was called). After io and timed_out the request may have been received: nobody knows.
  runtime::Task<Result<OutgoingResponse>> send(OutgoingRequest request);

  // Ends what is in flight with `cancelled`; later requests end so at once. Returns without waiting. From any thread.
  void stop();

 private:
  class Loop;
  class Exchange;
  Status hand_over(Exchange& exchange);
  Status start();

  const OutgoingOptions options_;
  std::mutex mutex_;  // of what follows
  bool is_stopped_ = false;
  Exchange* oldest_ = nullptr;  // handed over, and not yet seen by the thread
  Exchange* newest_ = nullptr;
  std::unique_ptr<Loop> loop_;  // once the thread runs, until the end
  std::thread thread_;
};

}  // namespace leat::http
