#include "protocol/http/outgoing_client.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "runtime/call.h"
#include "runtime/real.h"
#include "runtime/sync.h"
#include "tests/protocol/http/client.h"
#include "tests/protocol/http/raw_server.h"

// Coroutines hold no temporaries of co_await inside EXPECT: each awaited value has a name.
namespace leat::http {
namespace {

using runtime::Task;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::raw_response;
using testing::RawServer;
using testing::TlsIdentity;
using namespace std::chrono_literals;
using Outcome = Result<OutgoingResponse>;

OutgoingRequest request_to(std::string url, std::string body = "", Duration timeout = 60s) {
  return {.url = std::move(url), .headers = {}, .body = std::move(body), .timeout = timeout};
}

std::optional<std::string> echo(const std::string& request) { return raw_response(200, request); }
std::optional<std::string> echo_body(const std::string& request) {
  return raw_response(200, request.substr(request.find("\r\n\r\n") + 4));
}
std::optional<std::string> say_nothing(const std::string&) { return std::nullopt; }

Errc code_of(const Outcome& outcome) { return outcome ? Errc::internal : outcome.error().code; }
int status_of(const Outcome& outcome) {
  EXPECT_TRUE(outcome) << outcome.error().message;
  return outcome ? outcome->status : 0;
}

Task<> post_into(OutgoingClient& client, OutgoingRequest request, std::optional<Outcome>& outcome) {
  outcome = co_await client.send(std::move(request));
}

bool has_client_thread() {
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream file(task.path() / "comm");
    std::string name;
    if (std::getline(file, name) && name == "http-client") return true;
  }
  return false;
}

// A thread that has been joined may be seen for a moment longer.
Task<> client_threads_are_gone() {
  while (has_client_thread()) co_await runtime::sleep_for(1ms);
}

Task<> posts() {
  co_await client_threads_are_gone();
  RawServer server(echo);
  OutgoingClient client;
  EXPECT_FALSE(has_client_thread());
  auto request = request_to(server.url("/path?x=1"), "the body");
  request.headers = {{"X-Kind", "Notification"}, {"X-Empty", ""}, {"Content-Type", "text/plain; charset=UTF-8"}};
  const auto outcome = co_await client.send(request);
  EXPECT_TRUE(has_client_thread());
  EXPECT_EQ(status_of(outcome), 200);
  if (!outcome) co_return;
  const std::string& seen = outcome->body;
  EXPECT_TRUE(seen.starts_with("POST /path?x=1 HTTP/1.1\r\n")) << seen;
  EXPECT_THAT(seen, HasSubstr(fmt::format("\r\nHost: 127.0.0.1:{}\r\n", server.port())));
  EXPECT_THAT(seen, HasSubstr("\r\nX-Kind: Notification\r\n"));
  EXPECT_THAT(seen, HasSubstr("\r\nX-Empty:\r\n"));
  EXPECT_THAT(seen, HasSubstr("\r\nContent-Type: text/plain; charset=UTF-8\r\n"));
  EXPECT_THAT(seen, HasSubstr("\r\nContent-Length: 8\r\n"));
  EXPECT_TRUE(seen.ends_with("\r\n\r\nthe body")) << seen;
}
TEST(OutgoingClient, PostsHeadersAndBodyAndReturnsTheAnswer) { testing::run(posts); }

Task<> gets() {
  RawServer server([](const std::string& request) -> std::optional<std::string> {
    if (request.starts_with("GET /large ")) return raw_response(200, std::string(3'000'000, 'x'));
    return raw_response(200, request);
  });
  OutgoingClient client;
  OutgoingRequest request = request_to(server.url("/keys?x=1"), "a body that no GET has");
  request.method = OutgoingMethod::get;
  const auto outcome = co_await client.send(request);
  EXPECT_EQ(status_of(outcome), 200);
  if (!outcome) co_return;
  EXPECT_TRUE(outcome->body.starts_with("GET /keys?x=1 HTTP/1.1\r\n")) << outcome->body;
  EXPECT_THAT(outcome->body, Not(HasSubstr("Content-Length")));
  EXPECT_TRUE(outcome->body.ends_with("\r\n\r\n")) << outcome->body;
  for (const std::size_t kept :
       {std::size_t{0}, std::size_t{100'000}, std::size_t{3'000'000}, std::size_t{4'000'000}}) {
    request.url = server.url("/large");
    request.response_bytes_max = kept;
    const auto large = co_await client.send(request);
    EXPECT_EQ(status_of(large), 200);
    if (large) EXPECT_EQ(large->body.size(), std::min(kept, std::size_t{3'000'000}));
  }
  // The same handle posts again.
  const auto posted = co_await client.send(request_to(server.url("/"), "the body"));
  EXPECT_EQ(status_of(posted), 200);
  if (posted) EXPECT_TRUE(posted->body.ends_with("\r\n\r\nthe body")) << posted->body;
}
TEST(OutgoingClient, GetsAndKeepsAsMuchOfTheAnswerAsIsAskedFor) { testing::run(gets); }

Task<> posts_large_bodies() {
  RawServer server([](const std::string& request) {
    const auto head_end = request.find("\r\n\r\n") + 4;
    return raw_response(200, fmt::format("{} {}", request.size() - head_end, request.substr(0, head_end)));
  });
  OutgoingClient client;
  const auto large = co_await client.send(request_to(server.url("/"), std::string(std::size_t{2} << 20, 'x')));
  EXPECT_EQ(status_of(large), 200);
  if (large) {
    EXPECT_THAT(large->body, ::testing::StartsWith("2097152 POST"));
    EXPECT_THAT(large->body, Not(HasSubstr("Expect")));
    EXPECT_THAT(large->body, Not(HasSubstr("Content-Type")));
  }
  const auto empty = co_await client.send(request_to(server.url("/")));
  EXPECT_EQ(status_of(empty), 200);
  if (empty) EXPECT_THAT(empty->body, ::testing::StartsWith("0 POST"));
}
TEST(OutgoingClient, SendsLargeAndEmptyBodiesWithoutAskingAndWithoutAType) { testing::run(posts_large_bodies); }

Task<> returns_statuses() {
  RawServer server([](const std::string& request) -> std::optional<std::string> {
    if (request.starts_with("POST /moved ")) return raw_response(302, "", "Location: /new\r\n");
    return raw_response(500, "broken");
  });
  OutgoingClient client;
  const auto moved = co_await client.send(request_to(server.url("/moved"), "x"));
  EXPECT_EQ(status_of(moved), 302);
  EXPECT_EQ(server.requests(), 1);
  const auto broken = co_await client.send(request_to(server.url("/broken"), "x"));
  EXPECT_EQ(status_of(broken), 500);
  if (broken) EXPECT_EQ(broken->body, "broken");
}
TEST(OutgoingClient, ReturnsErrorsAndRedirectionsAsTheyAre) { testing::run(returns_statuses); }

// A port of 127.0.0.1 that nobody else takes and where nobody listens.
class RefusingPort {
 public:
  RefusingPort() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(socket_, raw, size), 0);
    EXPECT_EQ(::getsockname(socket_, raw, &size), 0);
    number = ntohs(address.sin_port);
  }
  RefusingPort(const RefusingPort&) = delete;
  RefusingPort& operator=(const RefusingPort&) = delete;
  ~RefusingPort() { ::close(socket_); }
  std::uint16_t number = 0;

 private:
  int socket_;
};

Task<> reports_refused() {
  RefusingPort port;
  OutgoingClient client;
  const auto outcome = co_await client.send(request_to(fmt::format("http://me:secret@127.0.0.1:{}/own", port.number)));
  EXPECT_EQ(code_of(outcome), Errc::io);
  if (outcome) co_return;
  EXPECT_THAT(outcome.error().message, HasSubstr(fmt::format("http://127.0.0.1:{}: ", port.number)));
  EXPECT_THAT(outcome.error().message, Not(HasSubstr("secret")));
  EXPECT_THAT(outcome.error().message, Not(HasSubstr("/own")));
}
TEST(OutgoingClient, ReportsARefusedConnectionWithoutTheSecretsOfTheUrl) { testing::run(reports_refused); }

Task<> times_out() {
  RawServer server(say_nothing);
  OutgoingClient client;
  const auto outcome = co_await client.send(request_to(server.url("/"), "x", 50ms));
  EXPECT_EQ(code_of(outcome), Errc::timed_out);
  const auto none = co_await client.send(request_to(server.url("/"), "x", Duration::min()));
  EXPECT_EQ(code_of(none), Errc::timed_out);
}
TEST(OutgoingClient, GivesUpOnAServerThatDoesNotAnswer) { testing::run(times_out); }

Task<> times_out_in_line() {
  RawServer server(say_nothing);
  OutgoingClient client({.connections_per_host_max = 1});
  std::optional<Outcome> first;
  runtime::TaskScope scope;
  scope.spawn(post_into(client, request_to(server.url("/"), "x", Duration::max()), first));
  while (server.requests() == 0) co_await runtime::sleep_for(1ms);
  const auto second = co_await client.send(request_to(server.url("/"), "x", 50ms));
  EXPECT_EQ(code_of(second), Errc::timed_out);
  EXPECT_EQ(server.requests(), 1);
  EXPECT_FALSE(first);
  client.stop();
  co_await scope.join();
  EXPECT_EQ(code_of(*first), Errc::cancelled);
}
TEST(OutgoingClient, WaitingForAConnectionCountsAgainstTheTimeout) { testing::run(times_out_in_line); }

Task<> goes_on_beside_slow_host() {
  RawServer slow(say_nothing);
  RawServer fast(echo_body);
  OutgoingClient client({.in_flight_max = 3, .connections_per_host_max = 2});
  std::array<std::optional<Outcome>, 20> stuck;
  runtime::TaskScope scope;
  for (auto& outcome : stuck) scope.spawn(post_into(client, request_to(slow.url("/")), outcome));
  for (int i = 0; i < 10; ++i) {
    const auto outcome = co_await client.send(request_to(fast.url("/"), fmt::format("{}", i)));
    EXPECT_EQ(status_of(outcome), 200);
  }
  client.stop();
  co_await scope.join();
  for (const auto& outcome : stuck) EXPECT_EQ(code_of(*outcome), Errc::cancelled);
  EXPECT_LE(slow.accepted(), 2);
}
TEST(OutgoingClient, OneSlowHostDoesNotStopTheOthers) { testing::run(goes_on_beside_slow_host); }

Task<> bounds_answers() {
  RawServer server([](const std::string& request) -> std::optional<std::string> {
    if (request.starts_with("POST /huge ")) return raw_response(201, std::string(std::size_t{10} << 20, 'h'));
    if (request.starts_with("POST /large ")) return raw_response(200, std::string(std::size_t{100} << 10, 'l'));
    std::string head;
    for (int i = 0; i < 20'000; ++i) head += fmt::format("X-{}: {}\r\n", i, std::string(50, 'v'));
    return raw_response(200, "", head);
  });
  OutgoingClient client;
  for (int i = 0; i < 2; ++i) {
    const auto large = co_await client.send(request_to(server.url("/large"), "x"));
    EXPECT_EQ(status_of(large), 200);
    if (large) EXPECT_EQ(large->body, std::string(4096, 'l'));
  }
  EXPECT_EQ(server.accepted(), 1);
  const auto huge = co_await client.send(request_to(server.url("/huge"), "x"));
  EXPECT_EQ(status_of(huge), 201);
  if (huge) EXPECT_EQ(huge->body, std::string(4096, 'h'));
  const auto head = co_await client.send(request_to(server.url("/head"), "x"));
  EXPECT_EQ(code_of(head), Errc::io);
  const auto again = co_await client.send(request_to(server.url("/large"), "x"));
  EXPECT_EQ(status_of(again), 200);
}
TEST(OutgoingClient, KeepsTheBeginningOfLargeAnswersAndCutsHugeOnes) { testing::run(bounds_answers); }

Task<> reports_broken_answers() {
  const std::vector<std::string> answers = {"220 mail.example ESMTP\r\n",
                                            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nfour",
                                            "Connection: close\r\n"};
  for (const std::string& answer : answers) {
    RawServer server([&answer](const std::string&) { return answer; });
    OutgoingClient client;
    const auto outcome = co_await client.send(request_to(server.url("/"), "x"));
    EXPECT_EQ(code_of(outcome), Errc::io) << answer;
  }
}
TEST(OutgoingClient, ReportsAnswersThatAreNotHttpOrEndEarly) { testing::run(reports_broken_answers); }

Task<> post_own(OutgoingClient& client, std::string url, std::string body, std::atomic<int>& right) {
  const auto outcome = co_await client.send(request_to(std::move(url), body));
  if (outcome && outcome->status == 200 && outcome->body == body) ++right;
}
Task<> post_many(OutgoingClient* client, std::string url, std::string name, std::atomic<int>* right) {
  runtime::Shard* home = &runtime::Shard::current();
  runtime::TaskScope scope;
  for (int i = 0; i < 100; ++i) scope.spawn(post_own(*client, url, fmt::format("{} {}", name, i), *right));
  co_await scope.join();
  EXPECT_TRUE(runtime::Shard::is_current(*home));
}
Task<> post_many_there(runtime::Shard* shard, OutgoingClient* client, std::string url, std::atomic<int>* right) {
  co_await runtime::call_on(*shard, post_many, client, url, std::string("other"), right);
}
Task<> serves_shards(std::vector<runtime::Shard*> shards) {
  RawServer server(echo_body);
  OutgoingClient client({.in_flight_max = 16, .connections_per_host_max = 8});
  std::atomic<int> right = 0;
  runtime::TaskScope scope;
  scope.spawn(post_many_there(shards[1], &client, server.url("/"), &right));
  scope.spawn(post_many(&client, server.url("/"), "own", &right));
  co_await scope.join();
  EXPECT_EQ(right, 200);
  EXPECT_EQ(server.requests(), 200);
  EXPECT_LE(server.open_max(), 8);
}
TEST(OutgoingClient, GivesEachShardItsOwnAnswersOverFewConnections) {
  auto world = runtime::RealRuntime::create({.shards = 2, .io_threads = 1});
  const auto shards = world->shards();
  world->run([&shards] { return serves_shards(shards); });
}

Task<> stops() {
  RawServer server(say_nothing);
  OutgoingClient client({.connections_per_host_max = 3});
  std::array<std::optional<Outcome>, 10> outcomes;
  runtime::TaskScope scope;
  for (auto& outcome : outcomes) scope.spawn(post_into(client, request_to(server.url("/")), outcome));
  while (server.requests() < 3) co_await runtime::sleep_for(1ms);
  std::thread([&client] { client.stop(); }).join();
  co_await scope.join();
  for (const auto& outcome : outcomes) EXPECT_EQ(code_of(*outcome), Errc::cancelled);
  const auto late = co_await client.send(request_to(server.url("/")));
  EXPECT_EQ(code_of(late), Errc::cancelled);
  EXPECT_EQ(server.requests(), 3);
}
TEST(OutgoingClient, StopCancelsWhatIsInFlightAndWhatWaits) { testing::run(stops); }

Task<> stops_unused() {
  co_await client_threads_are_gone();
  OutgoingClient client;
  client.stop();
  const auto outcome = co_await client.send(request_to("http://127.0.0.1:1/"));
  EXPECT_EQ(code_of(outcome), Errc::cancelled);
  EXPECT_FALSE(has_client_thread());
}
TEST(OutgoingClient, StopBeforeTheFirstRequestStartsNoThread) { testing::run(stops_unused); }

Task<> ends_in_flight() {
  RawServer server(say_nothing);
  auto client = std::make_unique<OutgoingClient>();
  std::array<std::optional<Outcome>, 5> outcomes;
  runtime::TaskScope scope;
  for (auto& outcome : outcomes) scope.spawn(post_into(*client, request_to(server.url("/")), outcome));
  while (server.requests() == 0) co_await runtime::sleep_for(1ms);
  client.reset();
  co_await scope.join();
  for (const auto& outcome : outcomes) EXPECT_EQ(code_of(*outcome), Errc::cancelled);
}
TEST(OutgoingClient, EndsWithRequestsInFlight) { testing::run(ends_in_flight); }

Task<> keeps_connections() {
  RawServer server(echo_body);
  RawServer closing([](const std::string&) { return raw_response(200, "bye", "Connection: close\r\n"); });
  OutgoingClient client;
  for (int i = 0; i < 10; ++i) {
    const auto outcome = co_await client.send(request_to(server.url("/"), "x"));
    EXPECT_EQ(status_of(outcome), 200);
    const auto last = co_await client.send(request_to(closing.url("/"), "x"));
    EXPECT_EQ(status_of(last), 200);
  }
  EXPECT_EQ(server.accepted(), 1);
  EXPECT_EQ(closing.accepted(), 10);
}
TEST(OutgoingClient, KeepsConnectionsUnlessTheServerClosesThem) { testing::run(keeps_connections); }

Task<> refuses_urls() {
  co_await client_threads_are_gone();
  OutgoingClient client;
  for (const std::string url : {"file:///etc/passwd", "gopher://127.0.0.1:1/x", "ftp://127.0.0.1/x", "unix:/tmp/x",
                                "javascript:alert(1)", "127.0.0.1:80/x", "//127.0.0.1/x", "/x", "", "http://",
                                "http://:80/", "http://127.0.0.1:99999/", "http://127.0.0.1:1/a b",
                                "http://127.0.0.1:1/\r\nX-Y: z", "http://127.0.0.1:1\n/", "http://127.0.0.1:1/\x7f"}) {
    const auto outcome = co_await client.send(request_to(url));
    EXPECT_EQ(code_of(outcome), Errc::invalid_argument) << url;
  }
  const auto cut = co_await client.send(request_to(std::string("http://127.0.0.1:1/\0.example", 28)));
  EXPECT_EQ(code_of(cut), Errc::invalid_argument);
  EXPECT_FALSE(has_client_thread());
}
TEST(OutgoingClient, RefusesWhatIsNoHttpUrl) { testing::run(refuses_urls); }

Task<> refuses_headers() {
  RawServer server(echo);
  OutgoingClient client;
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"X-A", "a\r\nX-B: b"},  {"X-A", "a\nX-B: b"}, {"X-A", "a\r"}, {"X-A", std::string("a\0b", 3)},
      {"X-A: a\r\nX-B", "b"},  {"X-A:", "b"},        {"X A", "b"},   {"", "b"},
      {"Content-Length", "0"}, {"expect", ""},       {"X;A", "b"},   {"Transfer-Encoding", "chunked"},
      {"connection", "x"},     {"X-A@", "@/etc"}};
  for (const auto& header : bad) {
    auto request = request_to(server.url("/"), "x");
    request.headers = {{"X-Fine", "fine"}, header};
    const auto outcome = co_await client.send(request);
    EXPECT_EQ(code_of(outcome), Errc::invalid_argument) << header.first << ": " << header.second;
  }
  EXPECT_EQ(server.accepted(), 0);
}
TEST(OutgoingClient, RefusesHeadersThatWouldBecomeOthers) { testing::run(refuses_headers); }

Task<> authenticates() {
  RawServer server(echo);
  OutgoingClient client;
  const auto known = co_await client.send(request_to(fmt::format("http://me:secret@127.0.0.1:{}/", server.port())));
  EXPECT_EQ(status_of(known), 200);
  if (known) EXPECT_THAT(known->body, HasSubstr("\r\nAuthorization: Basic bWU6c2VjcmV0\r\n"));
  const auto unknown = co_await client.send(request_to(server.url("/")));
  EXPECT_EQ(status_of(unknown), 200);
  if (unknown) EXPECT_THAT(unknown->body, Not(HasSubstr("Authorization")));
}
TEST(OutgoingClient, SendsTheUrlsPasswordWithItsOwnRequestOnly) { testing::run(authenticates); }

Task<> ignores_proxies() {
  RawServer server(echo_body);
  OutgoingClient client;
  const auto outcome = co_await client.send(request_to(server.url("/"), "direct"));
  EXPECT_EQ(status_of(outcome), 200);
}
TEST(OutgoingClient, IgnoresTheProxiesOfTheEnvironment) {
  RefusingPort port;
  const std::string proxy = fmt::format("http://127.0.0.1:{}", port.number);
  for (const char* name : {"http_proxy", "all_proxy"}) ::setenv(name, proxy.c_str(), 1);
  testing::run(ignores_proxies);
  for (const char* name : {"http_proxy", "all_proxy"}) ::unsetenv(name);
}

Task<> verifies_certificates() {
  const TlsIdentity identity;
  RawServer server(echo_body, identity.context());
  OutgoingClient trusting({.ca_file = identity.certificate_file()});
  const auto trusted = co_await trusting.send(request_to(server.url("/"), "secret"));
  EXPECT_EQ(status_of(trusted), 200);
  if (trusted) EXPECT_EQ(trusted->body, "secret");
  const auto other_name = co_await trusting.send(request_to(fmt::format("https://127.0.0.1:{}/", server.port())));
  EXPECT_EQ(code_of(other_name), Errc::io);
  OutgoingClient client;
  const auto untrusted = co_await client.send(request_to(server.url("/"), "secret"));
  EXPECT_EQ(code_of(untrusted), Errc::io);
  EXPECT_EQ(server.requests(), 1);
}
TEST(OutgoingClient, VerifiesCertificatesAndTheirNames) { testing::run(verifies_certificates); }

}  // namespace
}  // namespace leat::http
