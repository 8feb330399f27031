#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/task.h"

namespace leat::http {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method;  // as sent: methods are case-sensitive
  std::string target;  // as sent
  std::string path;    // of the target, without its query; not decoded
  std::string query;   // what follows '?', not decoded
  Headers headers;     // of the head; trailers are dropped
  std::string body;
  bool keep_alive = true;
  std::string peer;  // "address:port" of the client

  // The first header of that name, whatever its case; empty when there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
  Headers headers;  // beyond those that every response has
};

// A line of text that says what is wrong and what to do.
[[nodiscard]] HttpResponse text_response(int status, std::string_view text);

// Runs on the listener's shard. The request lives until the task ends. What a handler throws is answered with 500.
using Handler = std::function<runtime::Task<HttpResponse>(const HttpRequest& request)>;

}  // namespace leat::http
