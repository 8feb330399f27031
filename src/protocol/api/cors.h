#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/http/message.h"

namespace leat::api {

// What browsers are told about pages of other origins (https://fetch.spec.whatwg.org/#http-cors-protocol). Lasts as long as
// the request.
class Cors {
 public:
  // `allowed`: origins whose pages may call; "*": all.
  Cors(const std::vector<std::string>& allowed, const http::HttpRequest& request);

  // The browser asks before it sends the request.
  [[nodiscard]] bool is_preflight() const;
  [[nodiscard]] http::HttpResponse preflight_response() const;
  void add_headers(http::HttpResponse& response) const;
  // Whether a page of the request's origin may change something or open a WebSocket: browsers do not always ask before, and say
  // who their user is. Requests that name no origin are not of pages.
  [[nodiscard]] bool allows_origin() const;

 private:
  const http::HttpRequest& request_;
  std::string_view origin_;  // empty: it comes from no page
  bool is_allowed_ = false;
  bool allows_all_ = false;
};

}  // namespace leat::api
