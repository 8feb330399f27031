#include "protocol/http/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace leat::http {
namespace {

using testing::AllOf;
using testing::HasSubstr;

struct Parsed {
  std::optional<HttpRequest> request;
  int fault = 0;
  std::size_t consumed = 0;
};

// Offers `text` in pieces of `piece` bytes, as a socket would.
Parsed parse(std::string_view text, std::size_t piece = std::string_view::npos, const ParserLimits& limits = {}) {
  RequestParser parser(limits);
  Parsed parsed;
  std::string pending;
  for (std::size_t at = 0; at < text.size() && !parser.done();) {
    const auto next = text.substr(at, piece);
    at += next.size();
    pending += next;
    while (!parser.done()) {
      const auto consumed = parser.consume(pending);
      if (!consumed) {
        parsed.fault = consumed.error().status;
        EXPECT_FALSE(consumed.error().message.empty());
        return parsed;
      }
      pending.erase(0, *consumed);
      parsed.consumed += *consumed;
      if (*consumed == 0) break;
    }
  }
  if (parser.done()) parsed.request = std::move(parser.request());
  return parsed;
}

// The same outcome however the bytes are cut; returns it.
Parsed parse_in_all_cuts(std::string_view text, const ParserLimits& limits = {}) {
  auto whole = parse(text, std::string_view::npos, limits);
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 64U}) {
    const auto cut = parse(text, piece, limits);
    EXPECT_EQ(cut.fault, whole.fault) << piece;
    EXPECT_EQ(cut.request.has_value(), whole.request.has_value()) << piece;
    if (cut.request && whole.request) {
      EXPECT_EQ(cut.request->body, whole.request->body) << piece;
      EXPECT_EQ(cut.request->headers, whole.request->headers) << piece;
      EXPECT_EQ(cut.consumed, whole.consumed) << piece;
    }
  }
  return whole;
}

TEST(HttpCodec, ReadsTargetHeadersAndBody) {
  const auto parsed =
      parse_in_all_cuts("POST /a/b?c=d&e HTTP/1.1\r\nHost: x\r\nX-Two:  a b \r\ncontent-length: 5\r\n\r\nhello");
  ASSERT_TRUE(parsed.request);
  EXPECT_EQ(parsed.request->method, "POST");
  EXPECT_EQ(parsed.request->target, "/a/b?c=d&e");
  EXPECT_EQ(parsed.request->path, "/a/b");
  EXPECT_EQ(parsed.request->query, "c=d&e");
  EXPECT_EQ(parsed.request->header("x-two"), "a b");
  EXPECT_EQ(parsed.request->header("absent"), "");
  EXPECT_EQ(parsed.request->body, "hello");
  EXPECT_TRUE(parsed.request->keep_alive);
}

TEST(HttpCodec, LeavesTheNextRequestUnread) {
  const std::string one = "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n";
  const auto parsed = parse(one + "GET /2 HTTP/1.1\r\n");
  ASSERT_TRUE(parsed.request);
  EXPECT_EQ(parsed.request->path, "/1");
  EXPECT_EQ(parsed.consumed, one.size());
}

TEST(HttpCodec, ReadsChunkedBodiesAndDropsTrailers) {
  const std::string text =
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n1\r\n!\r\n0\r\nX-Admin: "
      "yes\r\n\r\n";
  const auto parsed = parse_in_all_cuts(text);
  ASSERT_TRUE(parsed.request);
  EXPECT_EQ(parsed.request->body, "hello!");
  EXPECT_EQ(parsed.request->header("X-Admin"), "");
  EXPECT_EQ(parsed.consumed, text.size());
}

TEST(HttpCodec, KeepsAliveAsTheVersionAndTheHeaderSay) {
  EXPECT_TRUE(parse("GET / HTTP/1.1\r\nHost: x\r\n\r\n").request->keep_alive);
  EXPECT_FALSE(parse("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").request->keep_alive);
  EXPECT_FALSE(parse("GET / HTTP/1.0\r\n\r\n").request->keep_alive);
  EXPECT_TRUE(parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").request->keep_alive);
}

TEST(HttpCodec, TakesThePathOutOfEveryFormOfTarget) {
  const auto path = [](std::string_view target) {
    return parse(fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", target)).request->path;
  };
  EXPECT_EQ(path("/metrics"), "/metrics");
  EXPECT_EQ(path("/metrics?name=x"), "/metrics");
  EXPECT_EQ(path("http://host:80/metrics?x"), "/metrics");
  EXPECT_EQ(path("http://host"), "/");
  EXPECT_EQ(path("http://host?x"), "/");
  EXPECT_EQ(path("?x"), "/");
  EXPECT_EQ(path("*"), "*");
  EXPECT_EQ(path("/a#b"), "/a");
}

TEST(HttpCodec, SkipsEmptyLinesBeforeARequest) {
  EXPECT_TRUE(parse_in_all_cuts("\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n").request);
  std::string many;
  for (int i = 0; i < 10'000; ++i) many += "\r\n";
  EXPECT_EQ(parse_in_all_cuts(many + "GET / HTTP/1.1\r\nHost: x\r\n\r\n").fault, 431);
}

TEST(HttpCodec, RefusesWhatIsNotARequest) {
  for (const std::string text : {
           "garbage\r\n\r\n",
           "GET\r\n\r\n",
           "\x16\x03\x01\x02",
           " GET / HTTP/1.1\r\n\r\n",
           "GET / HTTP/1.1\r\n\r\n",                        // no host
           "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",  // two
           "GET / HTTP/1.1\r\nHost: x\r\nBad Name: 1\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: x\r\nName : 1\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n1",
       }) {
    EXPECT_EQ(parse_in_all_cuts(text).fault, 400) << text;
  }
  EXPECT_EQ(parse_in_all_cuts("GET / HTTP/2.0\r\nHost: x\r\n\r\n").fault, 505);
  EXPECT_EQ(parse_in_all_cuts("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n").fault, 501);
}

TEST(HttpCodec, LinesWithoutCarriageReturnsAreNoRequest) {
  const std::string text = "GET / HTTP/1.1\nHost: x\n\n";
  EXPECT_NE(parse(text).fault, 0);
  for (const std::size_t piece : {1U, 2U, 7U}) EXPECT_FALSE(parse(text, piece).request);
}

TEST(HttpCodec, LastChunkMayComeByteByByte) {
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  const auto parsed = parse_in_all_cuts(head + "0\r\n\r\n");
  ASSERT_TRUE(parsed.request);
  EXPECT_EQ(parsed.request->body, "");
}

TEST(HttpCodec, HeadAboveTheLimitIsRefusedHoweverItIsMade) {
  const ParserLimits limits{.head_size_max = 1024, .body_size_max = 100};
  const std::string start = "GET / HTTP/1.1\r\nHost: x\r\n";
  std::string many = start;
  for (int i = 0; i < 100; ++i) many += fmt::format("Name-{}: value\r\n", i);
  EXPECT_EQ(parse_in_all_cuts(many + "\r\n", limits).fault, 431);
  EXPECT_EQ(parse_in_all_cuts(start + "Long: " + std::string(2000, 'x') + "\r\n\r\n", limits).fault, 431);
  EXPECT_EQ(parse_in_all_cuts("GET /" + std::string(2000, 'x') + " HTTP/1.1\r\n\r\n", limits).fault, 431);
  // Each part below the limit, and the whole above it.
  EXPECT_EQ(
      parse_in_all_cuts(
          "GET /" + std::string(900, 'x') + " HTTP/1.1\r\nHost: x\r\nA: " + std::string(900, 'y') + "\r\n\r\n", limits)
          .fault,
      431);
  std::string fits = start + "A: ";
  fits += std::string(1024 - fits.size() - 4, 'x') + "\r\n\r\n";
  EXPECT_TRUE(parse_in_all_cuts(fits, limits).request);
}

TEST(HttpCodec, BodyAboveTheLimitIsRefusedHoweverItIsMade) {
  const ParserLimits limits{.head_size_max = 1024, .body_size_max = 10};
  const std::string length = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}";
  const auto with_body = [&](std::size_t size) {
    return fmt::format(fmt::runtime(length), size, std::string(size, 'b'));
  };
  EXPECT_TRUE(parse_in_all_cuts(with_body(10), limits).request);
  EXPECT_EQ(parse_in_all_cuts(with_body(11), limits).fault, 413);
  EXPECT_EQ(parse_in_all_cuts(fmt::format(fmt::runtime(length), "99999999999999999999", ""), limits).fault, 400);
  const std::string chunked = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(parse_in_all_cuts(chunked + "b\r\n12345678901\r\n0\r\n\r\n", limits).fault, 413);
  EXPECT_EQ(parse_in_all_cuts(chunked + "6\r\n123456\r\n6\r\n123456\r\n0\r\n\r\n", limits).fault, 413);
  EXPECT_EQ(parse_in_all_cuts(chunked + "ffffffffffffffff\r\n", limits).fault, 413);
  EXPECT_EQ(parse_in_all_cuts(chunked + "5;" + std::string(3000, 'x'), limits).fault, 400);
  EXPECT_NE(parse_in_all_cuts(chunked + "0\r\nTrailer: " + std::string(3000, 'x'), limits).fault, 0);
}

TEST(HttpCodec, SaysHowMuchRoomTheBodyNeedsBeforeReadingIt) {
  const auto room = [](std::string_view headers) {
    RequestParser parser({.head_size_max = 1024, .body_size_max = 50});
    const auto text = fmt::format("POST / HTTP/1.1\r\nHost: x\r\n{}\r\nhello", headers);
    EXPECT_EQ(parser.consume(text).value_or(0), text.size() - 5);
    EXPECT_TRUE(parser.head_done());
    return parser.body_size_max();
  };
  EXPECT_EQ(room("Content-Length: 5\r\n"), 5U);
  EXPECT_EQ(room("Transfer-Encoding: chunked\r\n"), 50U);
  EXPECT_EQ(room(""), 0U);
}

TEST(HttpCodec, KnowsWhoWaitsForContinue) {
  const auto waits = [](std::string_view head) {
    RequestParser parser({});
    EXPECT_TRUE(parser.consume(head));
    EXPECT_TRUE(parser.head_done());
    return parser.wants_continue();
  };
  EXPECT_TRUE(waits("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n\r\n"));
  EXPECT_FALSE(waits("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_FALSE(waits("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"));
  EXPECT_FALSE(waits("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"));
}

std::string encoded(const HttpResponse& response, const ResponseContext& context) {
  return std::string(as_text(encode_response(response, context)));
}

TEST(HttpCodec, TheMemoryOfALargeBodyIsNotKept) {
  HttpRequest request;
  request.body.assign(1000, 'x');
  request.clear();
  EXPECT_GE(request.body.capacity(), 1000U);
  request.body.assign(100'000, 'x');
  request.clear();
  EXPECT_LT(request.body.capacity(), 1000U);
}

TEST(HttpCodec, ReadsTheVersion) {
  const auto version = [](std::string_view text) {
    auto parsed = parse_in_all_cuts(text);
    return parsed.request ? parsed.request->minor_version : -1;
  };
  EXPECT_EQ(version("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), 1);
  EXPECT_EQ(version("GET / HTTP/1.0\r\n\r\n"), 0);
  RequestParser parser({});
  EXPECT_TRUE(parser.consume("GET / HTTP/1.0\r\n\r\n").has_value());
  parser.restart();
  EXPECT_TRUE(parser.consume("GET / HTTP/1.1\r\nHost: x\r\n\r\n").has_value());
  EXPECT_EQ(std::move(parser.request()).minor_version, 1);
}

TEST(HttpCodec, WritesResponses) {
  auto response = text_response(200, "hi");
  response.headers.emplace_back("Allow", "GET");
  const auto head = std::string(
      "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain; charset=utf-8\r\n"
      "Content-Length: 3\r\nConnection: keep-alive\r\nAllow: GET\r\n\r\n");
  const Timestamp now{784111777'999};
  EXPECT_EQ(encoded(response, {.head_only = false, .keep_alive = true, .now = now}), head + "hi\n");
  EXPECT_EQ(encoded(response, {.head_only = true, .keep_alive = true, .now = now}), head);
  EXPECT_THAT(encoded(response, {.head_only = false, .keep_alive = false, .now = now}),
              HasSubstr("Connection: close\r\n"));
}

TEST(HttpCodec, HeaderValuesCannotBeginAnotherHeader) {
  auto response = text_response(200, "");
  response.headers.emplace_back("X", "a\r\nSet-Cookie: b");
  EXPECT_THAT(encoded(response, {}), HasSubstr("X: a  Set-Cookie: b\r\n"));
}

TEST(HttpCodec, DatesAreInTheFormOfTheStandard) {
  EXPECT_EQ(http_date(Timestamp{0}), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(http_date(Timestamp{951782400'000}), "Tue, 29 Feb 2000 00:00:00 GMT");
}

}  // namespace
}  // namespace leat::http
