#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/api/request.h"

namespace leat::api {

// One page of a list in the order of its names, which are text: `limit` of those behind `after`.
class Page {
 public:
  explicit Page(const Request& request) : after_(request.text("after")), limit_(request.number("limit")) {}

  // Whether it is of a page before this one.
  [[nodiscard]] bool is_before(std::string_view name) const { return !after_.empty() && name <= after_; }

  // Names come in their order. False: the page is full, and this one begins the next.
  template <class F>
  [[nodiscard]] bool add(std::string_view name, F item) {
    if (is_before(name)) return true;
    if (items_.size() >= static_cast<std::size_t>(limit_)) {
      has_more_ = true;
      return false;
    }
    last_ = name;
    items_.push_back(item());
    return true;
  }
  [[nodiscard]] http::HttpResponse response() {
    Json body{{"items", std::move(items_)}};
    if (has_more_) body["next"] = last_;
    return json_response(200, body);
  }

 private:
  std::string_view after_;
  std::int64_t limit_;
  Json items_ = Json::array();
  std::string last_;
  bool has_more_ = false;
};

}  // namespace leat::api
