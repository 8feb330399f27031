#include "protocol/api/own_host.h"

#include <arpa/inet.h>

#include <algorithm>

#include "protocol/api/problem.h"
#include "security/login.h"

namespace leat::api {
namespace {

constexpr std::string_view kLocal = "localhost";

// "name:port" or "[address]:port" without the port, the brackets, and the dot that ends a whole name.
std::string_view name_in(std::string_view host) {
  if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
  host = host.substr(0, host.find(':'));
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

bool is_address(std::string_view name) {
  const std::string text(name);
  in6_addr address{};
  return ::inet_pton(AF_INET, text.c_str(), &address) == 1 || ::inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

// Names below localhost lead nowhere else (RFC 6761, section 6.3).
bool is_local(std::string_view name) {
  if (name.size() < kLocal.size()) return false;
  const std::string_view before = name.substr(0, name.size() - kLocal.size());
  return http::equals_ignoring_case(name.substr(before.size()), kLocal) && (before.empty() || before.ends_with('.'));
}

bool is_of(std::string_view origin, std::string_view name) {
  if (origin == "*") return true;
  const auto scheme = origin.find("://");
  return scheme != std::string_view::npos && http::equals_ignoring_case(name_in(origin.substr(scheme + 3)), name);
}

bool is_loopback(std::string_view peer) {
  const std::string host = security::host_of(peer);
  return host.starts_with("127.") || host == "::1";
}

}  // namespace

bool is_own_host(std::string_view host, const std::vector<std::string>& origins) {
  const std::string_view name = name_in(host);
  return host.empty() || is_address(name) || is_local(name) ||
         std::ranges::any_of(origins, [name](const std::string& origin) { return is_of(origin, name); });
}

bool is_misdirected(const http::HttpRequest& request, const std::vector<std::string>& origins,
                    const security::Policies& policies) {
  return !request.is_secure && is_loopback(request.peer) && !is_own_host(request.header("Host"), origins) &&
         policies.current()->is_open();
}

http::HttpResponse misdirected_response(const http::HttpRequest& request) {
  return problem_response(
      {421, "misdirected-request",
       "while there is no user, programs of this machine name the server by its address or as localhost, "
       "or by a host of http.cors_origins",
       0},
      request.path);
}

}  // namespace leat::api
