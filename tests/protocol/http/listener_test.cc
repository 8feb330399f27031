#include "tests/protocol/http/listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "observe/metrics_page.h"
#include "runtime/call.h"
#include "runtime/real.h"
#include "runtime/shard.h"
#include "tests/observe/exposition.h"
#include "tests/protocol/http/client.h"

// Coroutines hold no temporaries of co_await inside EXPECT: each awaited value has a name.
namespace leat::http {
namespace {

using runtime::Task;
using testing::Answer;
using testing::Client;
using testing::fetch;
using namespace std::chrono_literals;

#define CO_REQUIRE_ANSWER(answer)              \
  do {                                         \
    if (!(answer)) {                           \
      ADD_FAILURE() << "the connection ended"; \
      co_return;                               \
    }                                          \
  } while (false)

struct Gate {
  bool is_open = false;
  std::size_t waiting = 0;
  runtime::Notifier changed;

  Task<HttpResponse> pass() {
    ++waiting;
    changed.notify_all();
    while (!is_open) co_await changed.wait();
    co_return text_response(200, "passed");
  }
  Task<> someone_waits() {
    while (waiting == 0) co_await changed.wait();
  }
  void open() {
    is_open = true;
    changed.notify_all();
  }
};

Task<HttpResponse> echo(const HttpRequest& request) {
  co_return text_response(200, fmt::format("{} {} {} [{}]", request.method, request.path, request.query, request.body));
}
Task<HttpResponse> large(const HttpRequest&) {
  HttpResponse response;
  response.body = std::string(std::size_t{32} << 20, 'x');
  co_return response;
}
Task<HttpResponse> broken(const HttpRequest&) {
  throw std::runtime_error("planted");
  co_return HttpResponse{};
}

Router routes(Gate& gate) {
  Router router;
  router.add({"GET", "/echo", "", echo});
  router.add({"POST", "/echo", "", echo});
  router.add({"GET", "/large", "", large});
  router.add({"GET", "/broken", "", broken});
  for (const std::string method : {"GET", "POST"})
    router.add({method, "/gate", "", [&gate](const HttpRequest&) { return gate.pass(); }});
  return router;
}

// A listener on a free port of the current shard.
struct Served {
  explicit Served(const Options& options = {}) : listener(routes(gate), options) {
    auto made = runtime::Shard::current().network().listen("127.0.0.1", 0);
    if (!made) throw std::runtime_error(made.error().message);
    listener.start(std::move(*made));
  }
  [[nodiscard]] std::uint16_t port() const { return listener.port(); }
  Task<> stop() { return listener.stop(10s); }

  Gate gate;
  HttpListener listener;
};

std::string get(std::string_view target) { return fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", target); }

Task<> answers_on_one_connection() {
  Served served;
  auto client = co_await Client::connect(served.port());
  for (int i = 0; i < 3; ++i) {
    co_await client->send(get(fmt::format("/echo?{}", i)));
    const auto answer = co_await client->receive();
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, fmt::format("GET /echo {} []\n", i));
    EXPECT_EQ(answer->headers.at("Connection"), "keep-alive");
    EXPECT_TRUE(answer->headers.at("Date").ends_with(" GMT"));
  }
  EXPECT_EQ(served.listener.stats().accepted.value(), 1U);
  client->close();
  co_await served.stop();
}
TEST(HttpListener, KeepsAConnectionForFurtherRequests) { testing::run(answers_on_one_connection); }

Task<> answers_errors() {
  Served served;
  const auto missing = co_await fetch(served.port(), "GET", "/nowhere");
  EXPECT_EQ(missing.status, 404);
  const auto wrong_method = co_await fetch(served.port(), "DELETE", "/echo");
  EXPECT_EQ(wrong_method.status, 405);
  EXPECT_EQ(wrong_method.headers.at("Allow"), "GET, HEAD, POST");
  const auto failed = co_await fetch(served.port(), "GET", "/broken");
  EXPECT_EQ(failed.status, 500);
  EXPECT_EQ(failed.body.find("planted"), std::string::npos);
  const auto head = co_await fetch(served.port(), "HEAD", "/echo");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.at("Content-Length"), "15");
  co_await served.stop();
  EXPECT_EQ(served.listener.stats().responses[4].value(), 2U);
  EXPECT_EQ(served.listener.stats().responses[5].value(), 1U);
}
TEST(HttpListener, AnswersUnknownPathsMethodsAndFailingHandlers) { testing::run(answers_errors); }

Task<> answers_pipeline() {
  Served served;
  auto client = co_await Client::connect(served.port());
  std::string requests;
  for (int i = 0; i < 50; ++i) {
    requests += i % 2 == 0 ? get(fmt::format("/echo?{}", i))
                           : fmt::format("POST /echo?{} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n{:03}", i, i);
  }
  co_await client->send(requests);
  for (int i = 0; i < 50; ++i) {
    const auto answer = co_await client->receive();
    CO_REQUIRE_ANSWER(answer);
    EXPECT_EQ(answer->body,
              i % 2 == 0 ? fmt::format("GET /echo {} []\n", i) : fmt::format("POST /echo {} [{:03}]\n", i, i));
  }
  client->close();
  co_await served.stop();
}
TEST(HttpListener, AnswersPipelinedRequestsInOrder) { testing::run(answers_pipeline); }

Task<> sends_continue() {
  Served served;
  auto client = co_await Client::connect(served.port());
  co_await client->send("POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  const auto interim = co_await client->receive();
  EXPECT_EQ(interim->status, 100);
  co_await client->send("ok");
  const auto answer = co_await client->receive();
  EXPECT_EQ(answer->body, "POST /echo  [ok]\n");
  client->close();
  co_await served.stop();
}
TEST(HttpListener, InvitesTheBodyOfAClientThatWaits) { testing::run(sends_continue); }

Task<> closes_when_asked() {
  Served served;
  for (const std::string head :
       {"GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "GET /echo HTTP/1.0\r\n\r\n"}) {
    auto client = co_await Client::connect(served.port());
    co_await client->send(head);
    const auto answer = co_await client->receive();
    EXPECT_EQ(answer->headers.at("Connection"), "close");
    const bool is_closed = co_await client->is_closed_by_server();
    EXPECT_TRUE(is_closed);
  }
  co_await served.stop();
}
TEST(HttpListener, ClosesWhenTheClientAsksOrSpeaksHttp10) { testing::run(closes_when_asked); }

Task<> refuses_garbage() {
  Served served({.limits = {.head_size_max = 1024, .body_size_max = 100}});
  const std::map<std::string, int> bad = {
      {"\x16\x03\x01\x02\x00garbage\r\n\r\n", 400},
      {"GET / HTTP/3.0\r\n\r\n", 505},
      {"GET /" + std::string(5000, 'x') + " HTTP/1.1\r\n\r\n", 431},
      {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n" + std::string(101, 'x'), 413},
  };
  for (const auto& [text, status] : bad) {
    auto client = co_await Client::connect(served.port());
    co_await client->send(text);
    const auto answer = co_await client->receive();
    CO_REQUIRE_ANSWER(answer);
    EXPECT_EQ(answer->status, status) << text;
    EXPECT_EQ(answer->headers.at("Connection"), "close");
    client->close();
  }
  const auto fine = co_await fetch(served.port(), "GET", "/echo");
  EXPECT_EQ(fine.status, 200);
  EXPECT_EQ(served.listener.stats().malformed.value(), bad.size());
  co_await served.stop();
}
TEST(HttpListener, AnswersGarbageWithItsErrorAndGoesOn) { testing::run(refuses_garbage); }

Task<> drip(Client& client, bool& is_over) {
  co_await client.send("GET /echo HTTP/1.1\r\n");
  for (bool is_sent = true; is_sent && !is_over;) {
    co_await runtime::sleep_for(5ms);
    is_sent = co_await client.send("X: y\r\n");
  }
}
Task<> closes_slow_clients() {
  Served served({.idle_timeout = 1h, .request_timeout = 100ms});
  auto client = co_await Client::connect(served.port());
  bool is_over = false;
  runtime::TaskScope scope;
  scope.spawn(drip(*client, is_over));
  const bool is_closed = co_await client->is_closed_by_server();
  is_over = true;
  EXPECT_TRUE(is_closed);
  co_await scope.join();
  EXPECT_EQ(served.listener.stats().timed_out.value(), 1U);
  co_await served.stop();
}
TEST(HttpListener, ClosesAClientThatDripsItsRequest) { testing::run(closes_slow_clients); }

Task<> closes_invited_clients_that_send_nothing() {
  Served served({.idle_timeout = 1h, .request_timeout = 100ms});
  auto client = co_await Client::connect(served.port());
  co_await client->send("POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  const auto interim = co_await client->receive();
  EXPECT_EQ(interim->status, 100);
  const bool is_closed = co_await client->is_closed_by_server();
  EXPECT_TRUE(is_closed);
  EXPECT_EQ(served.listener.stats().timed_out.value(), 1U);
  co_await served.stop();
}
TEST(HttpListener, ClosesAClientThatIsInvitedAndSendsNoBody) { testing::run(closes_invited_clients_that_send_nothing); }

Task<> closes_idle_clients() {
  Served served({.idle_timeout = 50ms, .request_timeout = 1h});
  auto silent = co_await Client::connect(served.port());
  auto used = co_await Client::connect(served.port());
  co_await used->send(get("/echo"));
  const auto answer = co_await used->receive();
  EXPECT_EQ(answer->status, 200);
  const bool is_silent_closed = co_await silent->is_closed_by_server();
  const bool is_used_closed = co_await used->is_closed_by_server();
  EXPECT_TRUE(is_silent_closed);
  EXPECT_TRUE(is_used_closed);
  EXPECT_EQ(served.listener.stats().timed_out.value(), 2U);
  co_await served.stop();
}
TEST(HttpListener, ClosesIdleConnections) { testing::run(closes_idle_clients); }

Task<> closes_clients_that_do_not_read() {
  Served served({.request_timeout = 100ms});
  auto client = co_await Client::connect(served.port());
  co_await client->send(get("/large"));
  while (served.listener.stats().timed_out.value() == 0) co_await runtime::sleep_for(5ms);
  const auto other = co_await fetch(served.port(), "GET", "/echo");
  EXPECT_EQ(other.status, 200);
  client->close();
  co_await served.stop();
}
TEST(HttpListener, ClosesAClientThatDoesNotReadItsAnswer) { testing::run(closes_clients_that_do_not_read); }

Task<> limits_connections() {
  Served served({.connections_max = 2});
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 2; ++i) {
    clients.push_back(co_await Client::connect(served.port()));
    co_await clients.back()->send(get("/echo"));
    const auto answer = co_await clients.back()->receive();
    EXPECT_EQ(answer->status, 200);
  }
  auto extra = co_await Client::connect(served.port());
  const bool is_closed = co_await extra->is_closed_by_server();
  EXPECT_TRUE(is_closed);
  EXPECT_EQ(served.listener.stats().rejected.value(), 1U);
  clients.front()->close();
  while (served.listener.stats().connections.value() == 2) co_await runtime::sleep_for(1ms);
  const auto again = co_await fetch(served.port(), "GET", "/echo");
  EXPECT_EQ(again.status, 200);
  clients.back()->close();
  co_await served.stop();
}
TEST(HttpListener, ClosesConnectionsAboveTheLimitUntilOneEnds) { testing::run(limits_connections); }

Task<> one_of_many(std::uint16_t port, int number, int& answered) {
  auto client = co_await Client::connect(port);
  for (int i = 0; i < 3; ++i) {
    if (number % 4 == 3) {  // every fourth goes away in the middle of a request
      co_await client->send("GET /echo HTTP/1.1\r\nHo");
      client->close();
      co_return;
    }
    co_await client->send(get(fmt::format("/echo?{}", number)));
    const auto answer = co_await client->receive();
    if (answer && answer->body == fmt::format("GET /echo {} []\n", number)) ++answered;
  }
  client->close();
}
Task<> serves_many() {
  Served served;
  int answered = 0;
  runtime::TaskScope scope;
  for (int i = 0; i < 200; ++i) scope.spawn(one_of_many(served.port(), i, answered));
  co_await scope.join();
  EXPECT_EQ(answered, 450);
  co_await served.stop();
  EXPECT_EQ(served.listener.stats().connections.value(), 0);
}
TEST(HttpListener, ServesManyConnectionsAtATime) { testing::run(serves_many); }

Task<> post_body(std::uint16_t port, int& answered) {
  auto client = co_await Client::connect(port);
  co_await client->send(
      fmt::format("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{}", std::string(1000, 'b')));
  const auto answer = co_await client->receive();
  if (answer && answer->status == 200) ++answered;
  client->close();
}
Task<> bounds_bodies() {
  // Room for one body at a time: the others wait for it, and all are served.
  Served served({.limits = {.head_size_max = 1024, .body_size_max = 1000}, .bodies_size_max = 1000});
  int answered = 0;
  runtime::TaskScope scope;
  for (int i = 0; i < 20; ++i) scope.spawn(post_body(served.port(), answered));
  co_await scope.join();
  EXPECT_EQ(answered, 20);
  co_await served.stop();
}
TEST(HttpListener, BodiesWaitForRoomInMemory) { testing::run(bounds_bodies); }

Task<> serves_small_beside_large() {
  // More large bodies are announced than there is room for, and their beginnings sent: small ones do not wait for them.
  constexpr std::size_t kLarge = std::size_t{1} << 20;
  Served served({.limits = {.head_size_max = 1024, .body_size_max = kLarge}, .request_timeout = 1h});
  std::vector<std::unique_ptr<Client>> slow;
  for (int i = 0; i < 20; ++i) {
    slow.push_back(co_await Client::connect(served.port()));
    co_await slow.back()->send(fmt::format("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}", kLarge,
                                           std::string(BodyBudgets::kStart, 'a')));
  }
  int answered = 0;
  co_await post_body(served.port(), answered);
  EXPECT_EQ(answered, 1);
  for (auto& client : slow) {
    co_await client->send(std::string(kLarge - BodyBudgets::kStart, 'b'));
    const auto answer = co_await client->receive();
    CO_REQUIRE_ANSWER(answer);
    EXPECT_EQ(answer->status, 200);
    EXPECT_GT(answer->body.size(), kLarge);
    client->close();
  }
  co_await served.stop();
}
TEST(HttpListener, SmallBodiesDoNotWaitForLargeOnes) { testing::run(serves_small_beside_large); }

Task<> large_bodies_end_with_their_deadline() {
  constexpr std::size_t kLarge = std::size_t{1} << 20;
  const ParserLimits limits{.head_size_max = 1024, .body_size_max = kLarge};
  Served served({.limits = limits, .request_timeout = 500ms, .bodies_size_max = kLarge});
  std::vector<std::unique_ptr<Client>> slow;  // the first has the room that the others wait for
  for (int i = 0; i < 10; ++i) {
    slow.push_back(co_await Client::connect(served.port()));
    co_await slow.back()->send(fmt::format("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}", kLarge,
                                           std::string(BodyBudgets::kStart, 'a')));
  }
  for (auto& client : slow) {
    const bool is_closed = co_await client->is_closed_by_server();
    EXPECT_TRUE(is_closed);
  }
  int answered = 0;
  co_await post_body(served.port(), answered);
  EXPECT_EQ(answered, 1);
  co_await served.stop();
}
TEST(HttpListener, WhoSendsALargeBodySlowlyLosesItsRoom) { testing::run(large_bodies_end_with_their_deadline); }

Task<> gives_back_room() {
  // A request in chunks, which is answered late, takes no more room than its body.
  Served served({.limits = {.head_size_max = 1024, .body_size_max = 2000}, .bodies_size_max = 2000});
  auto waiting = co_await Client::connect(served.port());
  co_await waiting->send("POST /gate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n");
  co_await served.gate.someone_waits();
  int answered = 0;
  co_await post_body(served.port(), answered);
  EXPECT_EQ(answered, 1);
  served.gate.open();
  const auto answer = co_await waiting->receive();
  EXPECT_EQ(answer->status, 200);
  waiting->close();
  co_await served.stop();
}
TEST(HttpListener, ARequestInChunksGivesBackTheRoomItDoesNotTake) { testing::run(gives_back_room); }

Task<> note_end(Served& served, Duration grace, bool& is_ended) {
  co_await served.listener.stop(grace);
  is_ended = true;
}
Task<> stops_gracefully() {
  Served served;
  auto idle = co_await Client::connect(served.port());
  co_await idle->send(get("/echo"));
  const auto first = co_await idle->receive();
  EXPECT_EQ(first->status, 200);
  auto busy = co_await Client::connect(served.port());
  co_await busy->send(get("/gate"));
  co_await served.gate.someone_waits();

  bool is_ended = false;
  runtime::TaskScope scope;
  scope.spawn(note_end(served, 1h, is_ended));
  const bool is_idle_closed = co_await idle->is_closed_by_server();
  EXPECT_TRUE(is_idle_closed);
  EXPECT_FALSE(is_ended);
  served.gate.open();
  const auto answer = co_await busy->receive();
  CO_REQUIRE_ANSWER(answer);
  EXPECT_EQ(answer->body, "passed\n");
  EXPECT_EQ(answer->headers.at("Connection"), "close");
  co_await scope.join();
  EXPECT_TRUE(is_ended);
}
TEST(HttpListener, StopEndsIdleConnectionsAndFinishesRequests) { testing::run(stops_gracefully); }

Task<> stops_after_grace() {
  Served served;
  auto half = co_await Client::connect(served.port());
  co_await half->send("GET /echo HTTP/1.1\r\nHost");
  while (served.listener.stats().received_bytes.value() == 0) co_await runtime::sleep_for(1ms);
  bool is_ended = false;
  co_await note_end(served, 20ms, is_ended);
  EXPECT_TRUE(is_ended);
  const bool is_closed = co_await half->is_closed_by_server();
  EXPECT_TRUE(is_closed);
}
TEST(HttpListener, StopClosesAfterTheGraceWhatDoesNotEnd) { testing::run(stops_after_grace); }

Task<HttpResponse> wait_for_leave(const HttpRequest& request, bool& has_left) {
  while (!request.presence->is_gone()) co_await request.presence->left().wait();
  has_left = true;
  co_return text_response(200, "nobody reads this");
}

Task<> notices_leaving() {
  bool has_left = false;
  Router router;
  router.add({"GET", "/", "", [&has_left](const HttpRequest& request) { return wait_for_leave(request, has_left); }});
  HttpListener listener(std::move(router), {.request_timeout = 20ms});
  listener.start(std::move(*runtime::Shard::current().network().listen("127.0.0.1", 0)));
  auto client = co_await Client::connect(listener.port());
  co_await client->send(get("/"));
  co_await runtime::sleep_for(60ms);  // an answer may take longer than a request
  EXPECT_FALSE(has_left);
  client->close();
  while (!has_left) co_await runtime::sleep_for(1ms);
  EXPECT_EQ(listener.stats().timed_out.value(), 0U);
  co_await listener.stop(10s);
}
TEST(HttpListener, TellsHandlersThatTheirClientLeft) { testing::run(notices_leaving); }

Task<> tells_of_closing() {
  constexpr std::size_t kPipelined = std::size_t{160} << 10;  // more than is read while a request is answered
  bool has_left = false;
  Router router;
  router.add({"GET", "/", "", [&has_left](const HttpRequest& request) { return wait_for_leave(request, has_left); }});
  HttpListener listener(std::move(router), {});
  listener.start(std::move(*runtime::Shard::current().network().listen("127.0.0.1", 0)));
  auto client = co_await Client::connect(listener.port());
  co_await client->send(get("/") + std::string(kPipelined, 'x'));
  while (listener.stats().received_bytes.value() < (std::size_t{128} << 10)) co_await runtime::sleep_for(1ms);
  co_await listener.stop(20ms);
  EXPECT_TRUE(has_left);
}
TEST(HttpListener, TellsHandlersThatTheConnectionIsClosedHoweverMuchIsUnread) { testing::run(tells_of_closing); }

Task<HttpResponse> answer_with_shard(const HttpRequest&) {
  co_return text_response(200, fmt::format("{}", runtime::Shard::current().id()));
}
Task<> make_server(std::unique_ptr<ShardServer>* server) {
  *server = std::make_unique<ShardServer>(runtime::Shard::current(), answer_with_shard, Options{.connections_max = 6});
  co_return;
}
Task<> stop_server(std::unique_ptr<ShardServer>* server) {
  co_await (*server)->stop(runtime::Shard::current().now() + 10s);
  server->reset();
}
Task<> spreads_connections(std::vector<runtime::Shard*> shards) {
  std::vector<std::unique_ptr<ShardServer>> servers(shards.size());
  std::vector<ShardServer*> raw;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    co_await runtime::call_on(*shards[i], make_server, &servers[i]);
    raw.push_back(servers[i].get());
  }
  Acceptor acceptor(raw, std::move(*runtime::Shard::current().network().listen("127.0.0.1", 0)));
  acceptor.start();
  std::map<std::string, int> seen;
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(co_await Client::connect(acceptor.port()));
    co_await clients.back()->send(get("/"));
    const auto answer = co_await clients.back()->receive();
    CO_REQUIRE_ANSWER(answer);
    ++seen[answer->body];
  }
  EXPECT_EQ(seen, (std::map<std::string, int>{{"0\n", 2}, {"1\n", 2}, {"2\n", 2}}));
  auto extra = co_await Client::connect(acceptor.port());
  const bool is_closed = co_await extra->is_closed_by_server();
  EXPECT_TRUE(is_closed);  // the limit is for all shards together
  co_await acceptor.stop();
  for (std::size_t i = 0; i < shards.size(); ++i) co_await runtime::call_on(*shards[i], stop_server, &servers[i]);
}
TEST(HttpAcceptor, SpreadsConnectionsEvenlyOverShards) {
  auto world = runtime::RealRuntime::create({.shards = 3, .io_threads = 1});
  const auto shards = world->shards();
  world->run([&shards] { return spreads_connections(shards); });
}

TEST(HttpStats, AreValidMetrics) {
  Stats stats;
  stats.responses[2].add(3);
  stats.request_latency.record_us(100);
  observe::MetricsPage page;
  collect(page, stats, "http=127.0.0.1:8080");
  const auto shown = observe::parse_exposition(page.text());
  EXPECT_EQ(shown.error, "");
  EXPECT_EQ(shown.samples.at("leat_http_responses_total{listener=\"http=127.0.0.1:8080\",code=\"2xx\"}"), 3);
}

}  // namespace
}  // namespace leat::http
