#include "protocol/resp/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/resp/server.h"
#include "runtime/sim.h"

namespace leat::resp {
namespace {

using runtime::Task;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

using Socket = std::unique_ptr<runtime::Socket>;

// A server behind a simulated network, and a test's body that uses it.
struct Served {
  std::unique_ptr<Server> server;
  std::unique_ptr<Acceptor> acceptor;

  Task<Socket> connect() {
    auto socket = co_await runtime::Shard::current().network().connect("127.0.0.1", acceptor->port());
    EXPECT_TRUE(socket.has_value());
    co_return std::move(*socket);
  }
};

Task<> serve(Task<> (*body)(Served&)) {
  runtime::Shard& shard = runtime::Shard::current();
  Settings settings;
  settings.durability.assign(settings.databases, Durability::none);
  Served served;
  served.server = std::make_unique<Server>(shard, std::move(settings));
  auto listener = shard.network().listen("127.0.0.1", 0);
  EXPECT_TRUE(listener.has_value());
  served.acceptor = std::make_unique<Acceptor>(*served.server, std::move(*listener), "127.0.0.1");
  served.acceptor->start();
  co_await body(served);
  co_await served.acceptor->stop();
  co_await served.server->stop();
}

void run(Task<> (*body)(Served&), std::uint64_t seeds = 20) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE(seed);
    runtime::sim::SimWorld world(seed);
    world.run([body] { return serve(body); });
    EXPECT_EQ(world.connections(), 0u);
    if (::testing::Test::HasFailure()) return;
  }
}

Task<> write(runtime::Socket& socket, std::string text) {
  runtime::Chain chain;
  chain.append(Bytes::copy_of(as_bytes(text)));
  (void)co_await socket.write(chain);
}

Task<std::string> read(runtime::Socket& socket, std::size_t size) {
  std::string text(size, '\0');
  const auto got = co_await socket.read_exactly(std::as_writable_bytes(std::span(text.data(), text.size())));
  if (!got || !*got) text = "end";
  co_return text;
}

Task<> read_ahead(Served& served) {
  const Socket blocked = co_await served.connect();
  const Socket other = co_await served.connect();
  co_await write(*blocked, "BLPOP list 0\r\nSET a 1\r\nGET");
  co_await runtime::sleep_for(1ms);
  co_await write(*blocked, " a\r\nPI");
  co_await runtime::sleep_for(1ms);
  co_await write(*other, "RPUSH list x\r\n");
  const std::string expected = "*2\r\n$4\r\nlist\r\n$1\r\nx\r\n+OK\r\n$1\r\n1\r\n";
  EXPECT_EQ(co_await read(*blocked, expected.size()), expected);
  co_await write(*blocked, "NG\r\n");
  EXPECT_EQ(co_await read(*blocked, 7), "+PONG\r\n");
  blocked->close();
  other->close();
}

TEST(Session, ExecutesWhatCameWhileItsClientWasBlocked) { run(read_ahead); }

Task<> write_all(runtime::Socket* socket, std::string text) { co_await write(*socket, std::move(text)); }

// More replies than a connection holds, several times over, for a client that takes them late and in pieces.
Task<> slow_reader(Served& served) {
  constexpr std::size_t kCommands = 5000;
  const Socket slow = co_await served.connect();
  const std::string value(20'000, 'v');
  co_await write(*slow, fmt::format("SET k {}\r\n", value));
  EXPECT_EQ(co_await read(*slow, 5), "+OK\r\n");
  std::string commands;
  for (std::size_t i = 0; i < kCommands; ++i) commands += "GET k\r\n";
  runtime::TaskScope scope;
  scope.spawn(write_all(slow.get(), std::move(commands)));
  co_await runtime::sleep_for(50ms);
  const std::string reply = fmt::format("$20000\r\n{}\r\n", value);
  for (std::size_t i = 0; i < kCommands; ++i) {
    if (i % 500 == 0) co_await runtime::sleep_for(20ms);
    const std::string got = co_await read(*slow, reply.size());
    EXPECT_EQ(got, reply) << i;
    if (got != reply) break;
  }
  co_await scope.join();
  slow->close();
}

TEST(Session, AClientThatTakesItsRepliesLateGetsThemAll) { run(slow_reader); }

Task<> pause(Served& served) {
  const Socket admin = co_await served.connect();
  const Socket writer = co_await served.connect();
  co_await write(*admin, "CLIENT PAUSE 50 WRITE\r\n");
  EXPECT_EQ(co_await read(*admin, 5), "+OK\r\n");
  co_await write(*writer, "SET p 1\r\nGET p\r\nINCR p\r\n");
  co_await runtime::sleep_for(10ms);
  co_await write(*writer, "PING\r\n");
  co_await write(*admin, "GET p\r\n");
  EXPECT_EQ(co_await read(*admin, 5), "$-1\r\n");
  const std::string expected = "+OK\r\n$1\r\n1\r\n:2\r\n+PONG\r\n";
  EXPECT_EQ(co_await read(*writer, expected.size()), expected);
  admin->close();
  writer->close();
}

TEST(Session, ExecutesWhatCameInAPauseInOrder) { run(pause); }

// Replies that nobody takes fill all buffers: the session then waits for the client.
Task<> fill(runtime::Socket& lazy, runtime::Socket& other) {
  co_await write(other, fmt::format("*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$1000000\r\n{}\r\n", std::string(1'000'000, 'x')));
  EXPECT_EQ(co_await read(other, 5), "+OK\r\n");
  std::string gets;
  for (int i = 0; i < 200; ++i) gets += "GET big\r\n";
  co_await write(lazy, gets);
  co_await runtime::sleep_for(50ms);
}

void expect_full(const Served& served) {
  EXPECT_GT(served.server->executor().outputs().memory(), 64'000'000u);
  EXPECT_LT(served.server->executor().outputs().memory(), 150'000'000u);
}

Task<> stop_while_full(Served& served) {
  const Socket lazy = co_await served.connect();
  const Socket other = co_await served.connect();
  co_await fill(*lazy, *other);
  expect_full(served);
  co_await served.server->stop();
  EXPECT_EQ(served.server->executor().outputs().memory(), 0u);
  lazy->close();
  other->close();
}

TEST(Session, EndsThoughItsClientTakesNothing) { run(stop_while_full); }

Task<> kill_while_full(Served& served) {
  const Socket lazy = co_await served.connect();
  co_await write(*lazy, "CLIENT ID\r\n");
  const std::string id = (co_await read(*lazy, 4)).substr(1, 1);
  const Socket other = co_await served.connect();
  co_await fill(*lazy, *other);
  expect_full(served);
  co_await write(*other, fmt::format("CLIENT KILL ID {}\r\n", id));
  EXPECT_EQ(co_await read(*other, 4), ":1\r\n");
  co_await runtime::sleep_for(10ms);
  EXPECT_EQ(served.server->executor().clients().size(), 1u);
  EXPECT_LT(served.server->executor().outputs().memory(), 1'000'000u);
  lazy->close();
  other->close();
}

TEST(Session, IsKilledThoughItsClientTakesNothing) { run(kill_while_full); }

// Clients that take nothing hold a lot each while there is memory, little when others have it, and go on when it is free.
Task<> share_of_buffers(Served& served) {
  Executor& executor = served.server->executor();
  const Socket other = co_await served.connect();
  std::vector<Socket> lazy;
  const auto most = [&] {
    std::size_t bytes = 0;
    for (const auto& [id, client] : executor.clients()) bytes = std::max(bytes, Outputs::waiting(*client));
    return bytes;
  };
  while (executor.outputs().waiting_max() > Outputs::kWaitingAlways && lazy.size() < 20) {
    lazy.push_back(co_await served.connect());
    co_await fill(*lazy.back(), *other);
  }
  EXPECT_GT(lazy.size(), 3u);
  EXPECT_LT(lazy.size(), 10u);
  const Socket last = co_await served.connect();
  const std::uint64_t before = executor.outputs().memory();
  co_await fill(*last, *other);
  EXPECT_LT(executor.outputs().memory(), before + 5'000'000);
  for (const Socket& each : lazy) each->close();
  co_await runtime::sleep_for(50ms);
  EXPECT_GT(most(), 60'000'000u);
  executor.settings().memory_max = 1'000'000'000;
  EXPECT_EQ(executor.outputs().waiting_max(), 15'625'000u);
  last->close();
  other->close();
}

TEST(Session, HoldsLittleWhenOthersHoldALot) { run(share_of_buffers, 2); }

Task<> subscriber_that_reads_nothing(Served& served) {
  served.server->executor().settings().output_limits.pubsub = {.hard = 200'000};
  const Socket slow = co_await served.connect();
  co_await write(*slow, "SUBSCRIBE c\r\n");
  EXPECT_THAT(co_await read(*slow, 30), HasSubstr("subscribe"));
  const Socket sender = co_await served.connect();
  const std::string publish = fmt::format("PUBLISH c {}\r\n", std::string(50'000, 'x'));
  int delivered = 0;
  for (; delivered < 20; ++delivered) {
    co_await write(*sender, publish);
    if (co_await read(*sender, 4) == ":0\r\n") break;
  }
  EXPECT_GT(delivered, 3);
  EXPECT_LT(delivered, 10);
  EXPECT_EQ(served.server->executor().stats().output_limit_disconnections.value(), 1u);
  slow->close();
  sender->close();
}

TEST(Session, OfASubscriberThatReadsNothingEndsAtTheLimit) { run(subscriber_that_reads_nothing); }

Task<> idle(Served& served) {
  Executor& executor = served.server->executor();
  executor.settings().idle_seconds_max = 3;
  executor.apply_settings();
  const Socket silent = co_await served.connect();
  const Socket idle = co_await served.connect();
  const Socket active = co_await served.connect();
  const Socket subscribed = co_await served.connect();
  const Socket blocked = co_await served.connect();
  const Socket monitoring = co_await served.connect();
  co_await write(*idle, "PING\r\n");
  EXPECT_EQ(co_await read(*idle, 7), "+PONG\r\n");
  co_await write(*subscribed, "SUBSCRIBE c\r\n");
  EXPECT_THAT(co_await read(*subscribed, 30), HasSubstr("subscribe"));
  co_await write(*blocked, "BLPOP list 0\r\n");
  co_await write(*monitoring, "MONITOR\r\n");
  EXPECT_EQ(co_await read(*monitoring, 5), "+OK\r\n");
  for (int second = 0; second < 10; ++second) {
    EXPECT_EQ(executor.clients().size(), second < 3 ? 6u : second < 5 ? executor.clients().size() : 4u) << second;
    co_await write(*active, "PING\r\n");
    EXPECT_EQ(co_await read(*active, 7), "+PONG\r\n");
    co_await runtime::sleep_for(1s);
  }
  EXPECT_EQ(co_await read(*silent, 1), "end");
  EXPECT_EQ(co_await read(*idle, 1), "end");
  co_await write(*active, "PUBLISH c hello\r\nRPUSH list x\r\n");
  EXPECT_EQ(co_await read(*active, 8), ":1\r\n:1\r\n");
  EXPECT_THAT(co_await read(*subscribed, 34), HasSubstr("hello"));
  EXPECT_THAT(co_await read(*blocked, 21), HasSubstr("list"));
  co_await runtime::sleep_for(2s);
  EXPECT_EQ(executor.clients().size(), 4u) << "the time of who waited begins with the end of the wait";
  co_await runtime::sleep_for(5s);
  EXPECT_EQ(co_await read(*blocked, 1), "end");
  EXPECT_EQ(executor.clients().size(), 2u);
  for (const Socket* socket : {&silent, &idle, &active, &subscribed, &blocked, &monitoring}) (*socket)->close();
}

TEST(Session, IsCutOffWhenIdleUnlessItWaitsForSomething) { run(idle); }

// A client that sends all it has to say, ends its stream, and reads slowly.
struct HalfClosed {
  std::string input;
  std::string received;
  bool closed = false;
};

class HalfClosedSocket final : public runtime::Socket {
 public:
  explicit HalfClosedSocket(HalfClosed& client) : client_(client) {}

  Task<Result<std::size_t>> read_some(MutableBytes /*into*/) override { co_return fail(Errc::io, "not used"); }
  Task<Result<BytesView>> read_shared() override {
    co_await runtime::sleep_for(1ms);
    now_ = client_.input.substr(0, 1000);
    client_.input.erase(0, 1000);
    co_return as_bytes(now_);
  }
  Task<Status> write(const runtime::Chain& chain) override {
    for (const auto& part : chain.parts()) {
      const std::string text(as_text(std::get<Bytes>(part).view()));
      co_await runtime::sleep_for(3ms);
      if (client_.closed) co_return fail(Errc::cancelled, "closed");
      client_.received += text;
    }
    co_return Status{};
  }
  std::size_t write_at_once(BytesView /*bytes*/) override { return 0; }
  void close() override { client_.closed = true; }
  std::string peer() const override { return "10.0.0.9:9"; }

 private:
  HalfClosed& client_;
  std::string now_;
};

class HalfClosedConnection final : public runtime::Accepted {
 public:
  explicit HalfClosedConnection(HalfClosed& client) : client_(client) {}
  std::unique_ptr<runtime::Socket> attach() override { return std::make_unique<HalfClosedSocket>(client_); }

 private:
  HalfClosed& client_;
};

Task<> half_closed(Served& served) {
  HalfClosed client;
  client.input = "SETRANGE big 49999 x\r\n";
  for (int i = 0; i < 100; ++i) client.input += "GET big\r\n";
  client.input += "EVAL \"return 'script'\" 0\r\nECHO last\r\n";
  served.server->accept(std::make_unique<HalfClosedConnection>(client), "127.0.0.1:6379");
  for (int i = 0; i < 10'000 && !client.closed; ++i) co_await runtime::sleep_for(1ms);
  EXPECT_TRUE(client.closed);
  EXPECT_EQ(client.input, "");
  EXPECT_GT(client.received.size(), 100 * 50'000u);
  EXPECT_TRUE(client.received.ends_with("$6\r\nscript\r\n$4\r\nlast\r\n"));
}

TEST(Session, OfAClientThatHalfClosesEndsWhenItHasItsReplies) { run(half_closed); }

}  // namespace
}  // namespace leat::resp
