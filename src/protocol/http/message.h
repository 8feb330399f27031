#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/chain.h"
#include "runtime/sync.h"
#include "runtime/task.h"

namespace leat::http {

// Whether the client of a request that is being answered is still there. Belongs to the connection's shard.
class Presence {
 public:
  [[nodiscard]] bool is_gone() const { return *gone_; }
  // For those who outlive the connection.
  [[nodiscard]] std::shared_ptr<const bool> gone() const { return gone_; }
  // Notified once, when the client goes.
  [[nodiscard]] runtime::Notifier& left() { return left_; }
  void leave() {
    *gone_ = true;
    left_.notify_all();
  }

 private:
  std::shared_ptr<bool> gone_ = std::make_shared<bool>(false);
  runtime::Notifier left_;
};

// Why a request cannot be served; the connection ends after the answer, since where the next one begins is unknown.
struct Fault {
  int status = 400;
  std::string message;
};

// A request's body that comes piece by piece, for handlers that begin before it is there.
class BodySource {
 public:
  virtual ~BodySource() = default;
  // Some of it, as soon as there is some; empty: that was all. A fault: the rest does not come.
  [[nodiscard]] virtual runtime::Task<std::expected<std::string, Fault>> next() = 0;
};

// Names and values, as sent; the request that has them keeps their bytes.
using HeaderViews = std::vector<std::pair<std::string_view, std::string_view>>;

struct HttpRequest {
  HttpRequest() = default;
  HttpRequest(HttpRequest&&) = default;
  HttpRequest& operator=(HttpRequest&&) = default;
  HttpRequest(const HttpRequest&) = delete;
  HttpRequest& operator=(const HttpRequest&) = delete;
  ~HttpRequest() = default;

  // Bytes behind the body that may be read, though they say nothing: parsers of JSON look at whole blocks.
  static constexpr std::size_t kBodyPadding = 64;

  std::string method;   // as sent: methods are case-sensitive
  std::string target;   // as sent
  std::string path;     // of the target, without its query; not decoded
  std::string query;    // what follows '?', not decoded
  HeaderViews headers;  // of the head; trailers are dropped
  std::string body;     // its capacity is at least kBodyPadding more than its size
  bool keep_alive = true;
  int minor_version = 1;                     // of HTTP/1.x
  bool is_secure = false;                    // it came over TLS
  Timestamp certified_until = kNoTimestamp;  // when that certificate ends
  std::string_view certified_name;           // whom the client's certificate names; empty: it showed none
  std::string_view peer;                     // "address:port" of the client
  Presence* presence = nullptr;              // of the client, while the request is answered
  BodySource* source = nullptr;              // of the body, if it comes piece by piece; `body` is empty then
  std::vector<char> head;                    // what the headers show

  // The first header of that name, whatever its case; empty when there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const;
  // Forgets everything but the memory.
  void clear();
};

using Headers = std::vector<std::pair<std::string, std::string>>;

// A connection on which no more requests and answers come. At most one read and one write at a time.
class Connection {
 public:
  virtual ~Connection() = default;
  // What the client has sent; empty: it has ended the connection, or close() has.
  [[nodiscard]] virtual runtime::Task<std::string> read() = 0;
  // Returns when all of it is sent. False: the connection has ended.
  [[nodiscard]] virtual runtime::Task<bool> write(const runtime::Chain& chain) = 0;
  // Sends what can be sent at once and returns how many bytes that was. Not while a write is under way.
  [[nodiscard]] virtual std::size_t write_at_once(BytesView bytes) = 0;
  // What waits returns. May be called twice.
  virtual void close() = 0;
  [[nodiscard]] virtual const std::string& peer() const = 0;
};

// What happens on a connection behind the head of an answer that has no end known beforehand.
class Takeover {
 public:
  Takeover() = default;
  Takeover(const Takeover&) = delete;
  Takeover& operator=(const Takeover&) = delete;
  virtual ~Takeover() = default;
  // The connection ends when this returns. It is for the connection to bound how long a client may be idle or slow.
  [[nodiscard]] virtual runtime::Task<> run(Connection& connection) = 0;
  // The server stops: run() is to return soon.
  virtual void finish() = 0;
};

struct HttpResponse {
  int status = 200;
  std::string body;
  std::string_view content_type = "text/plain; charset=utf-8";  // that outlives the response
  Headers headers;                                              // beyond those that every response has
  std::shared_ptr<Takeover> takeover;                           // what follows in place of a body, if anything does
  std::shared_ptr<const void> kept;                             // until all of it is sent
};

// A line of text that says what is wrong and what to do.
[[nodiscard]] HttpResponse text_response(int status, std::string_view text);

// Runs on the connection's shard. The request lives until the task ends. What a handler throws is answered with 500.
using Handler = std::function<runtime::Task<HttpResponse>(const HttpRequest& request)>;

// Whether two names differ in nothing but the case of ASCII letters.
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b);

}  // namespace leat::http
