#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/types.h"

// What the clients of leat's HTTP listeners have in common. Private to this module's sources: it brings libcurl along.
namespace leat::cli {

struct CurlCloser {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};
using CurlPtr = std::unique_ptr<CURL, CurlCloser>;

// One connection, kept between transfers, of HTTP or HTTPS and past no proxy. With HTTPS it trusts whom LEAT_CA says, and
// shows LEAT_CLIENT_CERTIFICATE, as Socket does. Error: internal.
[[nodiscard]] Result<CurlPtr> open_curl(Milliseconds answer_max);

struct HttpAnswer {
  long status = 0;
  std::string body;
};
// Does what is set. Error: io, in libcurl's words; also when the answer has more than `size_max` bytes.
[[nodiscard]] Result<HttpAnswer> transfer(CURL* curl, std::size_t size_max);

}  // namespace leat::cli
