#include "server/config/resolve.h"

#include <arpa/inet.h>

#include <charconv>

namespace leat::server {
namespace {

constexpr std::string_view kTlsSuffix = "+tls";

struct Address {
  ListenerProtocol protocol;
  std::string host;
  std::uint16_t port;
  bool is_tls;
};

std::unexpected<Error> malformed(std::string_view key, std::string_view text, std::string_view why) {
  return fail(Errc::invalid_config,
              fmt::format("{}: '{}' {}; write it as kafka=127.0.0.1:9092 or sqs+tls=[::1]:9324", key, text, why));
}

Result<Address> parse_address(std::string_view key, std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) return malformed(key, text, "names no protocol");
  Address address{};
  auto protocol = text.substr(0, equals);
  address.is_tls = protocol.ends_with(kTlsSuffix);
  if (address.is_tls) protocol.remove_suffix(kTlsSuffix.size());
  if (protocol == "kafka") {
    address.protocol = ListenerProtocol::kafka;
  } else if (protocol == "http") {
    address.protocol = ListenerProtocol::http;
  } else if (protocol == "sqs") {
    address.protocol = ListenerProtocol::sqs;
  } else if (protocol == "resp") {
    address.protocol = ListenerProtocol::resp;
  } else {
    return malformed(key, text,
                     "names a protocol that is none of kafka, sqs, resp and http, each with +tls or without");
  }
  const auto rest = text.substr(equals + 1);
  const auto colon = rest.rfind(':');
  if (colon == std::string_view::npos) return malformed(key, text, "has no port");
  auto host = rest.substr(0, colon);
  const auto port = rest.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return malformed(key, text, "has an IPv6 address without brackets");
  }
  if (host.empty()) return malformed(key, text, "has no host (0.0.0.0 is every IPv4 address)");
  const bool is_plain =
      std::ranges::all_of(host, [](unsigned char c) { return c > 0x20 && c < 0x7F && c != '[' && c != ']'; });
  if (!is_plain || host.size() > 255) return malformed(key, text, "has a host that cannot be one");
  const auto [end, failure] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (failure != std::errc{} || end != port.data() + port.size())
    return malformed(key, text, "has no port from 0 to 65535");
  address.host = host;
  return address;
}

bool is_wildcard(const std::string& host) {
  in_addr four{};
  in6_addr six{};
  if (inet_pton(AF_INET, host.c_str(), &four) == 1) return four.s_addr == INADDR_ANY;
  return inet_pton(AF_INET6, host.c_str(), &six) == 1 && std::memcmp(&six, &in6addr_any, sizeof six) == 0;
}

Status apply_advertise(ServerConfig& config) {
  std::map<std::pair<ListenerProtocol, bool>, std::size_t> used;
  for (const auto& text : config.advertise) {
    LEAT_TRY(const auto address, parse_address("advertise", text));
    if (is_wildcard(address.host)) {
      return fail(
          Errc::invalid_config,
          fmt::format("advertise: clients cannot connect to {}; give a name or address of this machine", address.host));
    }
    std::size_t skip = used[{address.protocol, address.is_tls}]++;
    auto listener = std::ranges::find_if(config.listeners, [&](const ListenerConfig& candidate) {
      return candidate.protocol == address.protocol && candidate.is_tls == address.is_tls && skip-- == 0;
    });
    if (listener == config.listeners.end()) {
      return fail(Errc::invalid_config,
                  fmt::format("advertise: '{}' has no {} listener that it could belong to; add one "
                              "with --listen",
                              text, protocol_name(address.protocol, address.is_tls)));
    }
    listener->advertised_host = address.host;
    listener->advertised_port = address.port;
  }
  return {};
}

// Whether nobody reaches the listener who is not meant to. `remedy` is what else can be done about it.
Status check_reach(const ServerConfig& config, const ListenerConfig& listener, std::string_view remedy) {
  if (config.insecure || is_loopback(listener.host)) return {};
  return fail(Errc::invalid_config,
              fmt::format("listen: other machines could reach {}={}:{} and no authentication is configured; listen on "
                          "127.0.0.1, {}, or add --insecure to let everyone in who can reach it",
                          protocol_name(listener.protocol, listener.is_tls), listener.host, listener.port, remedy));
}

Status check_listener(const ServerConfig& config, const ListenerConfig& listener) {
  const auto protocol = protocol_name(listener.protocol, listener.is_tls);
  const auto shown = fmt::format("{}={}:{}", protocol, listener.host, listener.port);
  if (listener.is_tls && (config.tls.certificate.empty() || config.tls.key.empty())) {
    return fail(Errc::invalid_config,
                fmt::format("listen: {} needs a certificate; set tls.certificate and tls.key to PEM files", shown));
  }
  if (listener.protocol == ListenerProtocol::kafka && is_wildcard(listener.advertised_host)) {
    return fail(Errc::invalid_config,
                fmt::format("listen: Kafka clients of {} must be told an address to connect to; add --advertise "
                            "{}=HOST:{} with a name or address of this machine",
                            shown, protocol, listener.port));
  }
  return {};
}

// What else than users keeps strangers out.
std::string_view other_remedy(ListenerProtocol protocol) {
  if (protocol == ListenerProtocol::sqs) return ", configure sqs.access_keys";
  return protocol == ListenerProtocol::resp ? ", configure resp.password" : "";
}

}  // namespace

std::string_view to_string(ListenerProtocol protocol) {
  switch (protocol) {
    case ListenerProtocol::kafka: return "kafka";
    case ListenerProtocol::http: return "http";
    case ListenerProtocol::sqs: return "sqs";
    case ListenerProtocol::resp: return "resp";
  }
  return "";
}

std::string protocol_name(ListenerProtocol protocol, bool is_tls) {
  return fmt::format("{}{}", to_string(protocol), is_tls ? kTlsSuffix : "");
}

Status check_listeners_without_users(const ServerConfig& config) {
  for (const ListenerConfig& listener : config.listeners) {
    const bool is_closed = (listener.protocol == ListenerProtocol::sqs && !config.sqs.access_keys.empty()) ||
                           (listener.protocol == ListenerProtocol::resp && !config.resp.password.empty());
    if (is_closed) continue;
    LEAT_CHECK(check_reach(
        config, listener,
        fmt::format("add a user there with 'leat user add NAME --admin' first{}", other_remedy(listener.protocol))));
  }
  return {};
}

bool is_loopback(std::string_view host) {
  const std::string text(host);
  in_addr four{};
  in6_addr six{};
  if (inet_pton(AF_INET, text.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24) == 127;
  if (inet_pton(AF_INET6, text.c_str(), &six) == 1) {
    if (IN6_IS_ADDR_V4MAPPED(&six)) return six.s6_addr[12] == 127;
    return IN6_IS_ADDR_LOOPBACK(&six);
  }
  return text == "localhost";
}

Status resolve_listeners(ServerConfig& config) {
  config.listeners.clear();
  for (const auto& text : config.listen) {
    LEAT_TRY(auto address, parse_address("listen", text));
    for (const auto& other : config.listeners) {
      if (address.port != 0 && other.port == address.port && other.host == address.host) {
        return fail(Errc::invalid_config, fmt::format("listen: {}:{} is listed twice", address.host, address.port));
      }
    }
    config.listeners.push_back({address.protocol, address.host, address.port, address.host, 0, address.is_tls});
  }
  if (config.listeners.empty()) {
    return fail(Errc::invalid_config, "listen: the list is empty; name at least one, such as kafka=127.0.0.1:9092");
  }
  LEAT_CHECK(apply_advertise(config));
  for (const auto& listener : config.listeners) LEAT_CHECK(check_listener(config, listener));
  return {};
}

}  // namespace leat::server
