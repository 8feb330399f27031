#include "protocol/http/websocket_handshake.h"

#include <openssl/evp.h>

#include <array>

#include "security/base64.h"

namespace leat::http {
namespace {

constexpr std::size_t kNonceSize = 16;
constexpr std::string_view kVersion = "13";
// Of RFC 6455 section 1.3: nobody answers with it by chance.
constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// What a header lists, in all the lines that it has (RFC 9110 section 5.6.1).
std::vector<std::string_view> listed(const HttpRequest& request, std::string_view name) {
  std::vector<std::string_view> elements;
  for (const auto& [key, value] : request.headers) {
    if (!equals_ignoring_case(key, name)) continue;
    for (std::size_t at = 0; at <= value.size();) {
      const auto end = std::min(value.find(',', at), value.size());
      if (const auto element = trimmed(value.substr(at, end - at)); !element.empty()) elements.push_back(element);
      at = end + 1;
    }
  }
  return elements;
}

// What is listed alone, once; empty otherwise.
std::string_view only_listed(const HttpRequest& request, std::string_view name) {
  const auto elements = listed(request, name);
  return elements.size() == 1 ? elements.front() : std::string_view();
}

bool lists(const HttpRequest& request, std::string_view name, std::string_view wanted) {
  return std::ranges::any_of(listed(request, name),
                             [wanted](std::string_view element) { return equals_ignoring_case(element, wanted); });
}

std::string accept_of(std::string_view key) {
  const std::string text = std::string(key).append(kGuid);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1) {
    throw std::runtime_error("SHA-1 is not available");
  }
  return security::base64({reinterpret_cast<const char*>(digest.data()), size});
}

std::string_view agreed_protocol(const HttpRequest& request, std::span<const std::string_view> protocols) {
  for (const auto wanted : listed(request, "Sec-WebSocket-Protocol")) {
    const auto found = std::ranges::find(protocols, wanted);
    if (found != protocols.end()) return *found;
  }
  return {};
}

// 426 says what to change to (RFC 9110 section 15.5.22).
HttpResponse upgrade_required(std::string_view text) {
  auto response = text_response(426, text);
  response.headers = {
      {"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Version", std::string(kVersion)}};
  return response;
}

std::optional<HttpResponse> refusal(const HttpRequest& request) {
  if (!lists(request, "Upgrade", "websocket")) {
    return upgrade_required("only a WebSocket is served here: send Upgrade: websocket");
  }
  if (request.method != "GET") return text_response(400, "a WebSocket is asked for with GET");
  if (request.minor_version < 1) return text_response(400, "a WebSocket is asked for with HTTP/1.1");
  if (!lists(request, "Connection", "upgrade")) {
    return text_response(400, "Connection: Upgrade is missing, which goes with Upgrade: websocket");
  }
  if (only_listed(request, "Sec-WebSocket-Version") != kVersion) {
    return upgrade_required("the WebSocket protocol spoken here is version 13: send Sec-WebSocket-Version: 13");
  }
  const auto nonce = security::base64_decoded(only_listed(request, "Sec-WebSocket-Key"));
  if (!nonce || nonce->size() != kNonceSize) {
    return text_response(400, "Sec-WebSocket-Key has to be 16 bytes in base64, once");
  }
  return std::nullopt;
}

}  // namespace

WebSocketHandshake websocket_handshake(const HttpRequest& request, std::span<const std::string_view> protocols) {
  WebSocketHandshake handshake;
  if (auto refused = refusal(request)) {
    handshake.response = std::move(*refused);
    return handshake;
  }
  handshake.protocol = agreed_protocol(request, protocols);
  handshake.response.status = 101;
  auto& headers = handshake.response.headers;
  headers = {{"Upgrade", "websocket"},
             {"Connection", "Upgrade"},
             {"Sec-WebSocket-Accept", accept_of(only_listed(request, "Sec-WebSocket-Key"))}};
  if (!handshake.protocol.empty()) headers.emplace_back("Sec-WebSocket-Protocol", handshake.protocol);
  return handshake;
}

}  // namespace leat::http
