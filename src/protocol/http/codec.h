#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/types.h"
#include "protocol/http/message.h"

// HTTP/1.1 messages (RFC 9112) to and from bytes.
namespace leat::http {

struct ParserLimits {
  std::size_t head_size_max = std::size_t{16} << 10;  // request line and headers together
  std::size_t body_size_max = std::size_t{1} << 20;
  // Whether the body of a request with this head is handed on as it comes, without a limit. Empty: none is.
  std::function<bool(const HttpRequest& head)> streams_body;
};

// Reads one request, and after restart() another one.
class RequestParser {
 public:
  explicit RequestParser(const ParserLimits& limits);
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // Takes bytes from the front of `input` and returns how many. The caller keeps the rest and offers it again with what
  // arrives later. Stops behind the head, so that room for the body can be found before it is read, and behind the request.
  [[nodiscard]] std::expected<std::size_t, Fault> consume(std::string_view input);

  [[nodiscard]] bool head_done() const;
  [[nodiscard]] bool done() const;
  // After the head: the most that the body may take (0: there is none).
  [[nodiscard]] std::size_t body_size_max() const;
  // What has arrived of it.
  [[nodiscard]] std::size_t body_size() const;
  // After the head: the client waits for "100 Continue" before it sends its body.
  [[nodiscard]] bool wants_continue() const;
  // After the head: the body is handed on as it comes: request().body is what has come since it was last emptied.
  [[nodiscard]] bool streams_body() const;
  // After the head; whole after the end. Good until restart().
  [[nodiscard]] HttpRequest& request();
  // Makes ready for another request.
  void restart();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

struct ResponseContext {
  bool head_only = false;  // the request was HEAD: the body's length without the body
  bool keep_alive = true;
  Timestamp now;  // for Date
};

// A response of 101 gets no headers but Date and its own, and has no body.
[[nodiscard]] Bytes encode_response(const HttpResponse& response, const ResponseContext& context);

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7).
[[nodiscard]] std::string http_date(Timestamp time);

[[nodiscard]] std::string_view reason_of(int status);

}  // namespace leat::http
