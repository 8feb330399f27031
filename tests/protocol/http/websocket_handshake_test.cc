#include "protocol/http/websocket_handshake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/http/codec.h"

namespace leat::http {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::Pair;
using testing::UnorderedElementsAre;

constexpr std::string_view kKey = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
constexpr std::string_view kVersion = "Sec-WebSocket-Version: 13\r\n";
constexpr std::string_view kUpgrade = "Upgrade: websocket\r\n";
constexpr std::string_view kConnection = "Connection: Upgrade\r\n";

HttpRequest request_of(std::string_view head_line, std::initializer_list<std::string_view> headers) {
  std::string text(head_line);
  text += "\r\nHost: x\r\n";
  for (const auto header : headers) text += header;
  text += "\r\n";
  RequestParser parser({});
  const auto consumed = parser.consume(text);
  EXPECT_TRUE(consumed.has_value() && parser.done()) << text;
  return std::move(parser.request());
}

WebSocketHandshake ask(std::initializer_list<std::string_view> headers,
                       std::span<const std::string_view> protocols = {}) {
  return websocket_handshake(request_of("GET /live HTTP/1.1", headers), protocols);
}

std::string header_of(const HttpResponse& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return {};
}

TEST(WebSocketHandshake, AnswersTheExampleOfTheRfc) {
  const auto handshake = ask({kUpgrade, kConnection, kKey, kVersion});
  EXPECT_TRUE(handshake.is_accepted());
  EXPECT_EQ(handshake.protocol, "");
  EXPECT_THAT(handshake.response.headers,
              UnorderedElementsAre(Pair("Upgrade", "websocket"), Pair("Connection", "Upgrade"),
                                   Pair("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")));
}

TEST(WebSocketHandshake, TheAnswerOnTheWireHasNoBodyAndNoLengthOfOne) {
  const auto handshake = ask({kUpgrade, kConnection, kKey, kVersion});
  const auto bytes = encode_response(handshake.response, {.now = Timestamp{784111777'999}});
  EXPECT_EQ(as_text(bytes),
            "HTTP/1.1 101 Switching Protocols\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
}

TEST(WebSocketHandshake, NamesAreReadInAnyCaseAndInLists) {
  EXPECT_TRUE(
      ask({"upgrade: h2c, WebSocket\r\n", "CONNECTION: keep-alive , UPGRADE\r\n", kKey, kVersion}).is_accepted());
  EXPECT_TRUE(
      ask({"Upgrade: h2c\r\n", kUpgrade, "Connection: keep-alive\r\n", kConnection, kKey, kVersion}).is_accepted());
}

TEST(WebSocketHandshake, ExtensionsAreIgnored) {
  const auto handshake =
      ask({kUpgrade, kConnection, kKey, kVersion, "Sec-WebSocket-Extensions: permessage-deflate\r\n"});
  EXPECT_TRUE(handshake.is_accepted());
  EXPECT_EQ(header_of(handshake.response, "Sec-WebSocket-Extensions"), "");
}

TEST(WebSocketHandshake, TheFirstOfTheClientsSubprotocolsThatIsSpokenIsAgreedOn) {
  constexpr std::array<std::string_view, 2> kSpoken{"leat.v2", "leat.v1"};
  const auto agreed = [&](std::initializer_list<std::string_view> wanted) {
    std::string text;
    for (const auto one : wanted) text += fmt::format("Sec-WebSocket-Protocol: {}\r\n", one);
    const auto handshake = ask({kUpgrade, kConnection, kKey, kVersion, text}, kSpoken);
    EXPECT_TRUE(handshake.is_accepted());
    EXPECT_EQ(header_of(handshake.response, "Sec-WebSocket-Protocol"), handshake.protocol);
    return handshake.protocol;
  };
  EXPECT_EQ(agreed({"leat.v1, leat.v2"}), "leat.v1");
  EXPECT_EQ(agreed({"chat,leat.v2"}), "leat.v2");
  EXPECT_EQ(agreed({"chat", "leat.v1"}), "leat.v1");
  EXPECT_EQ(agreed({"chat, LEAT.v1"}), "");
  EXPECT_EQ(agreed({","}), "");
}

TEST(WebSocketHandshake, AnOrdinaryRequestIsToldToUpgrade) {
  for (const auto& handshake : {ask({}), ask({"Upgrade: h2c\r\n", kConnection}), ask({"Upgrade: websocket2\r\n"})}) {
    EXPECT_FALSE(handshake.is_accepted());
    EXPECT_EQ(handshake.response.status, 426);
    EXPECT_EQ(header_of(handshake.response, "Upgrade"), "websocket");
    EXPECT_EQ(header_of(handshake.response, "Connection"), "Upgrade");
  }
}

TEST(WebSocketHandshake, OtherVersionsAreToldTheOneSpoken) {
  for (const auto version : {"Sec-WebSocket-Version: 8\r\n", "Sec-WebSocket-Version: 013\r\n", "",
                             "Sec-WebSocket-Version: 13, 8\r\n", "Sec-WebSocket-Version:\r\n"}) {
    const auto handshake = ask({kUpgrade, kConnection, kKey, version});
    EXPECT_EQ(handshake.response.status, 426) << version;
    EXPECT_EQ(header_of(handshake.response, "Sec-WebSocket-Version"), "13") << version;
  }
}

TEST(WebSocketHandshake, WhatIsNoHandshakeIsRefused) {
  const auto status_of = [](std::string_view head_line, std::initializer_list<std::string_view> headers) {
    const auto handshake = websocket_handshake(request_of(head_line, headers));
    EXPECT_FALSE(handshake.is_accepted());
    EXPECT_FALSE(handshake.response.body.empty());
    return handshake.response.status;
  };
  EXPECT_EQ(status_of("POST / HTTP/1.1", {kUpgrade, kConnection, kKey, kVersion}), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.0", {kUpgrade, kConnection, kKey, kVersion}), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1", {kUpgrade, kKey, kVersion}), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1", {kUpgrade, "Connection: keep-alive, upgraded\r\n", kKey, kVersion}), 400);
}

TEST(WebSocketHandshake, AKeyIsSixteenBytesOnce) {
  const auto status_of = [](std::string_view key) {
    return ask({kUpgrade, kConnection, kVersion, key}).response.status;
  };
  EXPECT_EQ(status_of(kKey), 101);
  EXPECT_EQ(status_of(""), 400);
  EXPECT_EQ(status_of("Sec-WebSocket-Key:\r\n"), 400);
  EXPECT_EQ(status_of("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ\r\n"), 400);
  EXPECT_EQ(status_of("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j\r\n"), 400);
  EXPECT_EQ(status_of("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSE=\r\n"), 400);
  EXPECT_EQ(status_of("Sec-WebSocket-Key: ????????????????????????\r\n"), 400);
  EXPECT_EQ(status_of(std::string(kKey).append(kKey)), 400);
  EXPECT_EQ(status_of(std::string("Sec-WebSocket-Key:\r\n").append(kKey)), 101);
}

TEST(WebSocketHandshake, RefusalsOnTheWireKeepTheConnection) {
  const auto bytes = encode_response(ask({}).response, {.now = Timestamp{0}});
  EXPECT_THAT(std::string(as_text(bytes)), HasSubstr("HTTP/1.1 426 Upgrade Required\r\n"));
  EXPECT_THAT(std::string(as_text(bytes)), HasSubstr("Content-Length: "));
  EXPECT_THAT(std::string(as_text(bytes)), Not(HasSubstr("Connection: close")));
}

}  // namespace
}  // namespace leat::http
