#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/resp/server.h"
#include "runtime/sim.h"

// MIGRATE between two servers in one simulated world, and to targets that answer as a test wants.
namespace leat::resp {
namespace {

using runtime::Task;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Settings no_journal() {
  Settings settings;
  settings.durability.assign(settings.databases, Durability::none);
  return settings;
}

// A server on a port of its own.
struct Place {
  explicit Place(std::string password = "") : server(runtime::Shard::current(), no_journal()) {
    if (!password.empty()) server.executor().users().set_default_password(password);
    auto listener = runtime::Shard::current().network().listen("127.0.0.1", 0);
    acceptor = std::make_unique<Acceptor>(server, std::move(*listener), "127.0.0.1");
    acceptor->start();
  }
  Task<> stop() {
    co_await acceptor->stop();
    co_await server.stop();
  }
  [[nodiscard]] std::uint16_t port() const { return acceptor->port(); }

  Server server;
  std::unique_ptr<Acceptor> acceptor;
};

Task<> write(runtime::Socket& socket, std::string text) {
  runtime::Chain chain;
  chain.append(Bytes::copy_of(as_bytes(text)));
  (void)co_await socket.write(chain);
}

// Where the reply ends that `text` begins with; 0: not all of it is there.
std::size_t reply_size(std::string_view text) {
  const std::size_t line = text.find("\r\n");
  if (line == std::string_view::npos) return 0;
  const long size = std::strtol(std::string(text.substr(1, line - 1)).c_str(), nullptr, 10);
  std::size_t end = line + 2;
  if (text[0] == '$' && size >= 0) end += static_cast<std::size_t>(size) + 2;
  for (long i = 0; text[0] == '*' && i < size; ++i) {
    const std::size_t element = reply_size(text.substr(end));
    if (element == 0) return 0;
    end += element;
  }
  return end <= text.size() ? end : 0;
}

// A connection to a server.
struct Connected {
  std::unique_ptr<runtime::Socket> socket;
  std::string received;

  static Task<Connected> to(std::uint16_t port) {
    auto socket = co_await runtime::Shard::current().network().connect("127.0.0.1", port);
    EXPECT_TRUE(socket.has_value());
    co_return Connected{std::move(*socket), {}};
  }
  Task<std::string> reply() {
    while (reply_size(received) == 0) {
      const auto got = co_await socket->read_shared();
      if (!got || got->empty()) co_return "broken";
      received += as_text(*got);
    }
    std::string reply = received.substr(0, reply_size(received));
    received.erase(0, reply.size());
    co_return reply;
  }
  Task<std::string> ask(std::string line) {
    co_await write(*socket, line + "\r\n");
    co_return co_await reply();
  }
};

// A server of another kind: it answers when it has so many more commands, after a delay.
class Target {
 public:
  struct Answer {
    Duration delay{};
    std::string text;  // empty: it closes
    int commands = 1;
  };
  explicit Target(std::vector<Answer> answers) : answers_(std::move(answers)) {
    listener_ = std::move(*runtime::Shard::current().network().listen("127.0.0.1", 0));
    tasks_.spawn(run());
  }
  [[nodiscard]] std::uint16_t port() const { return listener_->port(); }
  [[nodiscard]] const std::string& received() const { return received_; }
  Task<> stop() {
    listener_->close();
    co_await tasks_.join();
  }

 private:
  Task<> run() {
    auto accepted = co_await listener_->accept();
    if (!accepted) co_return;
    const auto socket = (*accepted)->attach();
    for (const Answer& answer : answers_) {
      if (!co_await receive(*socket, answer.commands)) break;
      co_await runtime::sleep_for(answer.delay);
      if (answer.text.empty()) break;
      co_await write(*socket, answer.text);
    }
    socket->close();
  }

  // False: the client is gone.
  Task<bool> receive(runtime::Socket& socket, int commands) {
    while (commands > 0) {
      if (const std::size_t size = reply_size(std::string_view(received_).substr(taken_)); size > 0) {
        taken_ += size;
        --commands;
        continue;
      }
      const auto got = co_await socket.read_shared();
      if (!got || got->empty()) co_return false;
      received_ += as_text(*got);
    }
    co_return true;
  }

  std::vector<Answer> answers_;
  std::size_t taken_ = 0;
  std::unique_ptr<runtime::Listener> listener_;
  std::string received_;
  runtime::TaskScope tasks_;
};

void run(Task<> (*body)(runtime::sim::SimWorld&)) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    runtime::sim::SimWorld world(seed);
    world.run([&] { return body(world); });
    EXPECT_EQ(world.connections(), 0u);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(Migrate, MovesCopiesAndReplacesBetweenTwoServers) {
  run([](runtime::sim::SimWorld&) -> Task<> {
    Place here;
    Place there("secret");
    Connected client = co_await Connected::to(here.port());
    Connected other = co_await Connected::to(there.port());
    const auto migrate = [&](std::string_view key, std::string_view rest) {
      return client.ask(fmt::format("MIGRATE 127.0.0.1 {} {} {}", there.port(), key, rest));
    };
    EXPECT_EQ(co_await other.ask("AUTH secret"), "+OK\r\n");
    EXPECT_EQ(co_await client.ask("MSET a 1 b 2 c 3"), "+OK\r\n");
    EXPECT_EQ(co_await client.ask("PEXPIRE a 60000"), ":1\r\n");
    EXPECT_EQ(co_await migrate("missing", "3 1000 AUTH secret"), "+NOKEY\r\n");
    EXPECT_THAT(co_await migrate("a", "3 1000"), StartsWith("-ERR Target instance replied with error: NOAUTH"));
    EXPECT_THAT(co_await migrate("a", "3 1000 AUTH wrong"),
                StartsWith("-ERR Target instance replied with error: WRONGPASS"));
    EXPECT_THAT(co_await migrate("a", "99 1000 AUTH secret"),
                StartsWith("-ERR Target instance replied with error: ERR DB index"));
    EXPECT_EQ(co_await migrate("a", "3 1000 AUTH secret"), "+OK\r\n");
    EXPECT_EQ(co_await client.ask("EXISTS a"), ":0\r\n");
    EXPECT_EQ(co_await other.ask("SELECT 3"), "+OK\r\n");
    EXPECT_EQ(co_await other.ask("GET a"), "$1\r\n1\r\n");
    EXPECT_THAT(co_await other.ask("PTTL a"), StartsWith(":5"));
    EXPECT_EQ(co_await migrate("\"\"", "3 1000 COPY AUTH2 default secret KEYS b missing c"), "+OK\r\n");
    EXPECT_EQ(co_await client.ask("EXISTS b c"), ":2\r\n");
    EXPECT_EQ(co_await migrate("b", "3 1000 AUTH secret"),
              "-ERR Target instance replied with error: BUSYKEY Target key name already exists.\r\n");
    EXPECT_EQ(co_await client.ask("SET b new"), "+OK\r\n");
    EXPECT_EQ(co_await migrate("b", "3 1000 REPLACE AUTH secret"), "+OK\r\n");
    EXPECT_EQ(co_await other.ask("GET b"), "$3\r\nnew\r\n");
    EXPECT_EQ(co_await client.ask("EXISTS b"), ":0\r\n");
    client.socket->close();
    other.socket->close();
    co_await here.stop();
    co_await there.stop();
  });
}

TEST(Migrate, OfManyLargeKeysMovesAllInTheirTurns) {
  run([](runtime::sim::SimWorld&) -> Task<> {
    Place here;
    Place there;
    Connected client = co_await Connected::to(here.port());
    std::string keys;
    std::string sets;
    for (int i = 0; i < 40; ++i) {
      sets += fmt::format("SETRANGE k{} 99999 x\r\n", i);
      keys += fmt::format(" k{}", i);
    }
    co_await write(*client.socket, sets);
    for (int i = 0; i < 40; ++i) EXPECT_EQ(co_await client.reply(), ":100000\r\n");
    EXPECT_EQ(co_await client.ask(fmt::format("MIGRATE 127.0.0.1 {} \"\" 0 1000 KEYS{}", there.port(), keys)),
              "+OK\r\n");
    EXPECT_EQ(here.server.executor().keyspace().database(0).size(), 0u);
    EXPECT_EQ(there.server.executor().keyspace().database(0).size(), 40u);
    client.socket->close();
    co_await here.stop();
    co_await there.stop();
  });
}

// What another client does while a target takes its time with the one key that it is sent.
Task<> meanwhile(std::string command, std::string expected, std::string value_behind) {
  Place here;
  Target target({{0ms, "+OK\r\n", 1}, {50ms, "+OK\r\n", 1}});
  Connected client = co_await Connected::to(here.port());
  Connected other = co_await Connected::to(here.port());
  EXPECT_EQ(co_await client.ask("SET key old PX 60000"), "+OK\r\n");
  co_await write(*client.socket, fmt::format("MIGRATE 127.0.0.1 {} key 0 1000\r\n", target.port()));
  co_await runtime::sleep_for(20ms);
  EXPECT_THAT(target.received(), HasSubstr("RESTORE"));
  EXPECT_EQ((co_await other.ask(command)).substr(0, 1), command == "PING" || command != "DEL key" ? "+" : ":");
  EXPECT_THAT(co_await client.reply(), StartsWith(expected));
  EXPECT_EQ(co_await other.ask("GET key"), value_behind);
  client.socket->close();
  other.socket->close();
  co_await here.stop();
  co_await target.stop();
}

TEST(Migrate, DeletesAKeyThatDidNotChangeWhileOthersAreServed) {
  run([](runtime::sim::SimWorld&) { return meanwhile("PING", "+OK", "$-1\r\n"); });
}
TEST(Migrate, KeepsAKeyThatChangedMeanwhileAndSaysSo) {
  run([](runtime::sim::SimWorld&) { return meanwhile("SET key new", "-ERR 1 of the keys changed", "$3\r\nnew\r\n"); });
}
TEST(Migrate, TellsOfAKeyThatWasDeletedMeanwhile) {
  run([](runtime::sim::SimWorld&) { return meanwhile("DEL key", "-ERR 1 of the keys changed", "$-1\r\n"); });
}
TEST(Migrate, TellsOfAKeyThatWasFlushedMeanwhile) {
  run([](runtime::sim::SimWorld&) { return meanwhile("FLUSHALL", "-ERR 1 of the keys changed", "$-1\r\n"); });
}
TEST(Migrate, KeepsAKeyWhoseDatabaseWasSwappedMeanwhile) {
  run([](runtime::sim::SimWorld&) { return meanwhile("SWAPDB 1 0", "-ERR 1 of the keys changed", "$-1\r\n"); });
}

// To a target that answers the selection of a database and then this, with two keys.
Task<> fails(std::vector<Target::Answer> answers, std::string expected, std::string left) {
  Place here;
  answers.insert(answers.begin(), {0ms, "+OK\r\n", 1});
  Target target(std::move(answers));
  Connected client = co_await Connected::to(here.port());
  EXPECT_EQ(co_await client.ask("MSET a 1 b 2"), "+OK\r\n");
  EXPECT_EQ(co_await client.ask(fmt::format("MIGRATE 127.0.0.1 {} \"\" 0 100 KEYS a b", target.port())), expected);
  EXPECT_EQ(co_await client.ask("EXISTS a"), left.find('a') == std::string::npos ? ":0\r\n" : ":1\r\n");
  EXPECT_EQ(co_await client.ask("EXISTS b"), left.find('b') == std::string::npos ? ":0\r\n" : ":1\r\n");
  client.socket->close();
  co_await here.stop();
  co_await target.stop();
}

constexpr std::string_view kReadError = "-IOERR error or timeout reading from target instance\r\n";

TEST(Migrate, ToASilentTargetEndsAtItsTimeAndKeysStay) {
  run([](runtime::sim::SimWorld&) { return fails({{10s, "+OK\r\n+OK\r\n", 2}}, std::string(kReadError), "ab"); });
}
TEST(Migrate, ToATargetThatGoesKeepsWhatItDidNotConfirm) {
  run([](runtime::sim::SimWorld&) { return fails({{0ms, "+OK\r\n", 1}, {0ms, "", 1}}, std::string(kReadError), "b"); });
}
TEST(Migrate, ToATargetThatTakesOneOfTwoKeysKeepsTheOther) {
  run([](runtime::sim::SimWorld&) {
    return fails({{0ms, "-BUSYKEY no\r\n+OK\r\n", 2}}, "-ERR Target instance replied with error: BUSYKEY no\r\n", "a");
  });
}
TEST(Migrate, ToATargetThatIsNoRedisKeepsAll) {
  run([](runtime::sim::SimWorld&) {
    return fails({{0ms, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", 2}}, std::string(kReadError), "ab");
  });
  run([](runtime::sim::SimWorld&) { return fails({{0ms, "ERROR\r\nERROR\r\n", 2}}, std::string(kReadError), "ab"); });
}
TEST(Migrate, OfAKeyThatIsNamedTwiceMovesItOnce) {
  run([](runtime::sim::SimWorld&) -> Task<> {
    Place here;
    Target target({{0ms, "+OK\r\n", 1}, {0ms, "+OK\r\n", 1}});
    Connected client = co_await Connected::to(here.port());
    EXPECT_EQ(co_await client.ask("SET a 1"), "+OK\r\n");
    EXPECT_EQ(co_await client.ask(fmt::format("MIGRATE 127.0.0.1 {} \"\" 0 100 KEYS a a", target.port())), "+OK\r\n");
    EXPECT_EQ(co_await client.ask("EXISTS a"), ":0\r\n");
    client.socket->close();
    co_await here.stop();
    co_await target.stop();
  });
}
// Its groups are a part of it, though no command tells of them as a change of the key.
TEST(Migrate, KeepsAStreamWhoseGroupsChangedMeanwhile) {
  run([](runtime::sim::SimWorld&) -> Task<> {
    Place here;
    Target target({{0ms, "+OK\r\n", 1}, {50ms, "+OK\r\n", 1}});
    Connected client = co_await Connected::to(here.port());
    Connected other = co_await Connected::to(here.port());
    EXPECT_EQ(co_await client.ask("XGROUP CREATE s g $ MKSTREAM"), "+OK\r\n");
    co_await write(*client.socket, fmt::format("MIGRATE 127.0.0.1 {} s 0 1000\r\n", target.port()));
    co_await runtime::sleep_for(20ms);
    EXPECT_EQ(co_await other.ask("XGROUP CREATECONSUMER s g c"), ":1\r\n");
    EXPECT_THAT(co_await client.reply(), StartsWith("-ERR 1 of the keys changed"));
    EXPECT_EQ(co_await other.ask("EXISTS s"), ":1\r\n");
    client.socket->close();
    other.socket->close();
    co_await here.stop();
    co_await target.stop();
  });
}
TEST(Migrate, ToATargetThatSendsALineWithoutEndGivesUp) {
  run([](runtime::sim::SimWorld&) {
    return fails({{0ms, std::string(40'000, 'x'), 2}}, std::string(kReadError), "ab");
  });
}

TEST(Migrate, ToNobodyIsAnErrorAndInTransactionsAndScriptsItIsRefused) {
  run([](runtime::sim::SimWorld&) -> Task<> {
    Place here;
    Connected client = co_await Connected::to(here.port());
    EXPECT_EQ(co_await client.ask("SET a 1"), "+OK\r\n");
    EXPECT_EQ(co_await client.ask("MIGRATE 127.0.0.1 1 a 0 100"),
              "-IOERR error or timeout writing to target instance\r\n");
    EXPECT_EQ(co_await client.ask("MIGRATE no-such-host 1 a 0 100"),
              "-IOERR error or timeout connecting to the client\r\n");
    for (const std::string_view port : {"0", "65536", "x"}) {
      EXPECT_EQ(co_await client.ask(fmt::format("MIGRATE 127.0.0.1 {} a 0 100", port)),
                "-IOERR error or timeout connecting to the client\r\n");
    }
    EXPECT_EQ(co_await client.ask("MIGRATE 127.0.0.1 1 a 0 x"), "-ERR value is not an integer or out of range\r\n");
    EXPECT_EQ(co_await client.ask("MIGRATE 127.0.0.1 1 a x 5"), "-ERR value is not an integer or out of range\r\n");
    EXPECT_EQ(co_await client.ask("MIGRATE 127.0.0.1 1 a 0 5 AUTH"), "-ERR syntax error\r\n");
    EXPECT_EQ(co_await client.ask("MIGRATE 127.0.0.1 1 a 0 5 KEYS a"),
              "-ERR When using MIGRATE KEYS option, the key argument must be set to the empty string\r\n");
    EXPECT_EQ(co_await client.ask("MULTI"), "+OK\r\n");
    EXPECT_EQ(co_await client.ask("MIGRATE 127.0.0.1 1 a 0 5"), "+QUEUED\r\n");
    EXPECT_EQ(co_await client.ask("EXEC"), "*1\r\n-ERR keys cannot be migrated inside a transaction or script\r\n");
    EXPECT_THAT(co_await client.ask("EVAL \"return redis.call('migrate','127.0.0.1',1,'a',0,5)\" 1 a"),
                StartsWith("-ERR keys cannot be migrated inside"));
    EXPECT_EQ(co_await client.ask("EXISTS a"), ":1\r\n");
    client.socket->close();
    co_await here.stop();
  });
}

TEST(Migrate, GoesOnWhenItsClientLeavesAndEndsWhenTheServerDoes) {
  run([](runtime::sim::SimWorld&) -> Task<> {
    Place here;
    Target slow({{0ms, "+OK\r\n", 1}, {50ms, "+OK\r\n", 1}});
    Target silent({{0ms, "+OK\r\n", 1}, {10s, "+OK\r\n", 1}});
    Connected client = co_await Connected::to(here.port());
    EXPECT_EQ(co_await client.ask("MSET a 1 b 2"), "+OK\r\n");
    co_await write(*client.socket, fmt::format("MIGRATE 127.0.0.1 {} a 0 1000\r\n", slow.port()));
    co_await runtime::sleep_for(10ms);
    client.socket->close();
    co_await runtime::sleep_for(100ms);
    EXPECT_EQ(here.server.executor().keyspace().database(0).size(), 1u) << "a was moved";
    Connected waiting = co_await Connected::to(here.port());
    co_await write(*waiting.socket, fmt::format("MIGRATE 127.0.0.1 {} b 0 100000\r\n", silent.port()));
    co_await runtime::sleep_for(10ms);
    const MonoTime before = runtime::Shard::current().now();
    co_await here.stop();
    EXPECT_LT(runtime::Shard::current().now() - before, 1s);
    EXPECT_EQ(here.server.executor().keyspace().database(0).size(), 1u) << "b stays";
    waiting.socket->close();
    co_await slow.stop();
    co_await silent.stop();
  });
}

}  // namespace
}  // namespace leat::resp
