#pragma once

#include <span>
#include <string_view>

#include "protocol/http/message.h"

namespace leat::http {

struct WebSocketHandshake {
  HttpResponse response;  // 101, or why not: 400 or 426
  std::string_view
      protocol;  // of those that were offered, the one that is spoken from here on; empty: none was agreed on

  // Once the response is sent, both sides send frames (websocket.h) and HTTP is over.
  [[nodiscard]] bool is_accepted() const { return response.status == 101; }
};

// Answers a request for a WebSocket (RFC 6455 section 4.2). `protocols` are the subprotocols that this server speaks; the
// first that the client names is agreed on. A client that names none of them is accepted too. Extensions are not spoken.
// Whoever answers users of browsers has to look at Origin first: a page from anywhere may ask with its user's cookies.
[[nodiscard]] WebSocketHandshake websocket_handshake(const HttpRequest& request,
                                                     std::span<const std::string_view> protocols = {});

}  // namespace leat::http
