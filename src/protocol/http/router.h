#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/http/message.h"

namespace leat::http {

struct Route {
  std::string method;  // GET also answers HEAD
  std::string path;    // the whole of it
  std::string summary;
  Handler handler;
};

// Which handler answers what.
class Router {
 public:
  void add(Route route) { routes_.push_back(std::move(route)); }
  [[nodiscard]] const std::vector<Route>& routes() const { return routes_; }

  // 404 when no route has the path, 405 when none of those that have it takes the method.
  [[nodiscard]] runtime::Task<HttpResponse> handle(const HttpRequest& request) const;

 private:
  std::vector<Route> routes_;
};

}  // namespace leat::http
