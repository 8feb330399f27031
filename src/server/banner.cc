#include "server/banner.h"

#include <unistd.h>

#include <cstdio>

namespace leat::server {

std::string first_user_hint(const std::vector<BoundEndpoint>& endpoints) {
  constexpr auto kBegin =
      "there are no users, so whoever reaches these ports may do everything; the first one is made with";
  const BoundEndpoint* best = nullptr;
  for (const BoundEndpoint& endpoint : endpoints) {
    const bool is_plain_kafka = endpoint.protocol == ListenerProtocol::kafka && !endpoint.is_tls;
    if (is_plain_kafka)
      return fmt::format("{} leat user add NAME --admin --server {}:{}", kBegin, endpoint.host, endpoint.port);
    if (endpoint.protocol == ListenerProtocol::http && (best == nullptr || best->is_tls)) best = &endpoint;
  }
  if (best != nullptr)
    return fmt::format(R"({} POST {}://{}:{}/v1/users {{"name":...,"password":...,"admin":true}})", kBegin,
                       best->is_tls ? "https" : "http", best->host, best->port);
  return fmt::format("{} leat user add NAME --admin, for which leat has to listen as kafka=127.0.0.1:PORT", kBegin);
}

void print_banner(const ServerConfig& config, const std::vector<BoundEndpoint>& endpoints, bool is_open) {
  if (isatty(STDOUT_FILENO) == 0) return;
  std::string text = fmt::format("\n  leat serves. Data is in {}.\n\n", config.data_dir);
  std::string kafka;
  for (const BoundEndpoint& endpoint : endpoints) {
    const std::string address = fmt::format("{}:{}", endpoint.host, endpoint.port);
    const std::string_view scheme = endpoint.is_tls ? "https" : "http";
    if (endpoint.protocol == ListenerProtocol::kafka) {
      if (!endpoint.is_tls) kafka = address;  // leat's own commands speak no TLS
      text += fmt::format("    kafka  {}{}\n", address, endpoint.is_tls ? "  (security.protocol=SSL)" : "");
    } else if (endpoint.protocol == ListenerProtocol::sqs) {
      text += fmt::format("    sqs    {}://{}  (the endpoint URL of any AWS SDK)\n", scheme, address);
    } else if (endpoint.protocol == ListenerProtocol::resp) {
      text += fmt::format("    resp   {}{}  (redis-cli -p {})\n", address, endpoint.is_tls ? " with TLS" : "",
                          endpoint.port);
    } else {
      text += fmt::format("    http   {}://{}/  (a page for people; the API is at /v1)\n", scheme, address);
    }
  }
  if (!kafka.empty()) {
    text += fmt::format(
        "\n  Try, in another terminal:\n\n"
        "    leat topic create hello --server {0}\n"
        "    echo 'hello, world' | leat produce hello --server {0}\n"
        "    leat consume hello --from beginning --server {0}\n"
        "    kcat -b {0} -L\n",
        kafka);
    if (is_open) {
      text += fmt::format(
          "\n  Whoever reaches these ports may do everything, until there is a user:\n\n"
          "    leat user add NAME --admin --server {}\n",
          kafka);
    }
  }
  text += "\n  Ctrl-C stops it.\n\n";
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

}  // namespace leat::server
