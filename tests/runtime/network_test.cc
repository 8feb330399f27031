#include "runtime/network.h"

#include "runtime/call.h"
#include "runtime/file.h"
#include "runtime/sync.h"
#include "tests/runtime/homes.h"

namespace leat::runtime {
namespace {

using testing::InEachHome;
using namespace std::chrono_literals;

class NetworkContract : public InEachHome {};

constexpr std::string_view kHost = "127.0.0.1";

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>((i * 2654435761U) >> 13);
  return text;
}

Chain chain_of(std::string_view text) {
  Chain chain;
  chain.append(Bytes::copy_of(as_bytes(text)));
  return chain;
}

Task<Status> write_text(Socket& socket, std::string text) {
  const Chain chain = chain_of(text);
  co_return co_await socket.write(chain);
}

Task<std::string> read_text(Socket& socket, std::size_t size) {
  std::string text(size, '?');
  const Result<bool> read = co_await socket.read_exactly(std::as_writable_bytes(std::span(text)));
  co_return read ? (*read ? text : "end") : fmt::format("error {}", to_string(read.error().code));
}

Task<std::string> read_to_end(Socket& socket) {
  std::string all;
  std::string some(100'000, '?');
  while (true) {
    const auto count = co_await socket.read_some(std::as_writable_bytes(std::span(some)));
    if (!count) co_return fmt::format("error {} after {}", to_string(count.error().code), all.size());
    if (*count == 0) co_return all;
    all.append(some, 0, *count);
  }
}

struct Pair {
  std::unique_ptr<Socket> client;
  std::unique_ptr<Socket> server;
};

Task<> accept_into(Listener& listener, std::unique_ptr<Socket>& server) {
  auto accepted = co_await listener.accept();
  CO_REQUIRE(accepted.has_value());
  server = (*accepted)->attach();
}

Task<Pair> make_pair() {
  Pair pair;
  Network& network = Shard::current().network();
  auto listener = network.listen(std::string(kHost), 0);
  if (!listener) co_return pair;
  TaskScope scope;
  scope.spawn(accept_into(**listener, pair.server));
  const std::string host(kHost);
  auto client = co_await network.connect(host, (*listener)->port());
  if (client) pair.client = std::move(*client);
  co_await scope.join();
  co_return pair;
}

Task<> talk() {
  Pair pair = co_await make_pair();
  CO_REQUIRE(pair.client && pair.server);
  EXPECT_NE(pair.server->peer().find(':'), std::string::npos);
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(co_await write_text(*pair.client, fmt::format("ping{:04}", i)));
    EXPECT_EQ(co_await read_text(*pair.server, 8), fmt::format("ping{:04}", i));
    EXPECT_TRUE(co_await write_text(*pair.server, "pong"));
    EXPECT_EQ(co_await read_text(*pair.client, 4), "pong");
  }
  EXPECT_TRUE(co_await write_text(*pair.client, "last"));
  pair.client->close();
  pair.client->close();
  EXPECT_EQ(co_await read_text(*pair.server, 4), "last");
  EXPECT_EQ(co_await read_text(*pair.server, 4), "end");
}

TEST_P(NetworkContract, BytesGoBothWaysAndTheEndIsSeen) {
  run([] { return talk(); });
}

// Reads take what is there and room is left, so that a read alone does not tell whether more comes.
Task<> end_after_the_last_bytes(bool sees_bytes_first, bool sees_end_first) {
  Pair pair = co_await make_pair();
  CO_REQUIRE(pair.client && pair.server);
  EXPECT_TRUE(co_await write_text(*pair.client, "last"));
  if (sees_bytes_first) co_await sleep_for(2ms);
  if (sees_end_first) {
    pair.client->close();
    co_await sleep_for(2ms);
  }
  std::string some(100, '?');
  const auto count = co_await pair.server->read_some(std::as_writable_bytes(std::span(some)));
  CO_REQUIRE(count.has_value());
  pair.client->close();
  EXPECT_EQ(some.substr(0, *count) + co_await read_to_end(*pair.server), "last");
  EXPECT_EQ(co_await read_to_end(*pair.server), "") << "and again";
}

Task<> end_in_every_order() {
  for (const bool sees_bytes_first : {false, true}) {
    for (const bool sees_end_first : {false, true}) co_await end_after_the_last_bytes(sees_bytes_first, sees_end_first);
  }
}

TEST_P(NetworkContract, TheEndIsSeenWheneverItComesAfterTheLastBytes) {
  run([] { return end_in_every_order(); });
}

Task<std::string> read_shared_to_end(Socket& socket) {
  std::string all;
  while (true) {
    const auto block = co_await socket.read_shared();
    if (!block) co_return fmt::format("error {} after {}", to_string(block.error().code), all.size());
    if (block->empty()) co_return all;
    all += as_text(*block);
  }
}

Task<> collect_shared(Socket& socket, std::string& all) { all = co_await read_shared_to_end(socket); }

Task<> write_in_pieces(Socket& socket, std::string text, std::size_t piece) {
  for (std::size_t at = 0; at < text.size(); at += piece)
    EXPECT_TRUE(co_await write_text(socket, text.substr(at, piece)));
  socket.close();
}

Task<> share_memory() {
  Pair one = co_await make_pair();
  Pair two = co_await make_pair();
  CO_REQUIRE(one.server && two.server);
  const std::string first = pattern(300'000);
  const std::string second(200'000, 'x');
  std::string first_read;
  std::string second_read;
  TaskScope scope;
  scope.spawn(collect_shared(*one.server, first_read));
  scope.spawn(collect_shared(*two.server, second_read));
  scope.spawn(write_in_pieces(*one.client, first, 7'000));
  scope.spawn(write_in_pieces(*two.client, second, 11'000));
  co_await scope.join();
  EXPECT_TRUE(first_read == first);
  EXPECT_TRUE(second_read == second);
}

TEST_P(NetworkContract, SocketsThatReadIntoSharedMemoryKeepTheirBytesApart) {
  run([] { return share_memory(); });
}

Task<> close_while_shared() {
  Pair pair = co_await make_pair();
  CO_REQUIRE(pair.client && pair.server);
  std::string read;
  TaskScope scope;
  scope.spawn(collect_shared(*pair.server, read));
  co_await sleep_for(1ms);
  pair.server->close();
  co_await scope.join();
  EXPECT_EQ(read, "error cancelled after 0");
}

TEST_P(NetworkContract, ClosingEndsASharedRead) {
  run([] { return close_while_shared(); });
}

Task<> end_within_a_message() {
  Pair pair = co_await make_pair();
  CO_REQUIRE(pair.client && pair.server);
  EXPECT_TRUE(co_await write_text(*pair.client, "abc"));
  pair.client->close();
  EXPECT_EQ(co_await read_text(*pair.server, 4), "error io");
}

TEST_P(NetworkContract, AnEndWithinAMessageIsAnError) {
  run([] { return end_within_a_message(); });
}

Task<> write_and_close(Socket& socket, const Chain& chain, Status& status) {
  status = co_await socket.write(chain);
  socket.close();
}

Task<> send_chain(const Chain& chain, const std::string& expected) {
  Pair pair = co_await make_pair();
  CO_REQUIRE(pair.client && pair.server);
  Status status;
  TaskScope scope;
  scope.spawn(write_and_close(*pair.server, chain, status));
  const std::string got = co_await read_to_end(*pair.client);
  co_await scope.join();
  EXPECT_TRUE(status.has_value()) << status.error().message;
  EXPECT_EQ(got.size(), expected.size());
  EXPECT_TRUE(got == expected);
}

TEST_P(NetworkContract, AWriteLargerThanEveryBufferArrivesWhole) {
  const std::string text = pattern(real() ? 8'000'000 : 300'000);
  const Chain chain = chain_of(text);
  run([&] { return send_chain(chain, text); });
}

TEST_P(NetworkContract, ManySmallBlocksArriveInOrder) {
  Chain chain;
  std::string all;
  for (int i = 0; i < 1000; ++i) {
    all += std::to_string(i);
    chain.append(Bytes::copy_of(as_bytes(std::to_string(i))));
  }
  run([&] { return send_chain(chain, all); });
}

TEST_P(NetworkContract, FileRangesAreSentBetweenBlocks) {
  const std::string text = pattern(real() ? 5'000'000 : 200'000);
  auto opened = files().open(path("data"), OpenMode::create);
  ASSERT_TRUE(opened);
  const std::shared_ptr<File> file = std::move(*opened);
  ASSERT_TRUE(file->write_at(as_bytes(text), 0));
  Chain chain;
  chain.append(Bytes::copy_of(as_bytes("head")));
  chain.append(FileRange{file, 1000, text.size() - 1000});
  chain.append(Bytes::copy_of(as_bytes("middle")));
  chain.append(FileRange{file, 5, 10});
  chain.append(FileRange{file, 20, 30});
  chain.append(Bytes::copy_of(as_bytes("tail")));
  const std::string expected =
      "head" + text.substr(1000) + "middle" + text.substr(5, 10) + text.substr(20, 30) + "tail";
  EXPECT_EQ(chain.size(), expected.size());
  run([&] { return send_chain(chain, expected); });
}

Task<> send_broken_chain(const Chain& chain) {
  Pair pair = co_await make_pair();
  CO_REQUIRE(pair.client && pair.server);
  Status status;
  TaskScope scope;
  scope.spawn(write_and_close(*pair.server, chain, status));
  (void)co_await read_to_end(*pair.client);
  co_await scope.join();
  CO_REQUIRE(!status.has_value());
  EXPECT_EQ(status.error().code, Errc::io);
}

TEST_P(NetworkContract, AFileShorterThanItsRangeIsAnError) {
  auto opened = files().open(path("data"), OpenMode::create);
  ASSERT_TRUE(opened);
  const std::shared_ptr<File> file = std::move(*opened);
  ASSERT_TRUE(file->write_at(as_bytes("short"), 0));
  Chain chain;
  chain.append(FileRange{file, 0, 6});
  run([&] { return send_broken_chain(chain); });
}

Task<> read_and_note(Socket& socket, std::string& outcome) { outcome = co_await read_text(socket, 1); }

Task<> write_and_note(Socket& socket, const Chain& chain, Status& status) { status = co_await socket.write(chain); }

Task<> close_while_waiting() {
  Pair pair = co_await make_pair();
  CO_REQUIRE(pair.client && pair.server);
  std::string outcome;
  Status written;
  Chain endless;
  for (int i = 0; i < 32; ++i) endless.append(Bytes::copy_of(as_bytes(pattern(1'000'000))));
  TaskScope scope;
  scope.spawn(read_and_note(*pair.server, outcome));
  scope.spawn(write_and_note(*pair.server, endless, written));
  co_await sleep_for(5ms);
  EXPECT_EQ(outcome, "");
  pair.server->close();
  EXPECT_EQ(outcome, "") << "resumed inside close()";
  co_await scope.join();
  EXPECT_EQ(outcome, "error cancelled");
  CO_REQUIRE(!written.has_value());
  EXPECT_EQ(written.error().code, Errc::cancelled);
  EXPECT_EQ(co_await read_text(*pair.server, 1), "error cancelled");
  EXPECT_EQ((co_await write_text(*pair.server, "x")).error().code, Errc::cancelled);
}

TEST_P(NetworkContract, CloseEndsWhatWaitsWithCancelled) {
  run([] { return close_while_waiting(); });
}

Task<> write_to_a_gone_peer() {
  Pair pair = co_await make_pair();
  CO_REQUIRE(pair.client && pair.server);
  pair.client.reset();
  Status status;
  for (int i = 0; i < 1000 && status; ++i) {
    status = co_await write_text(*pair.server, "anybody there?");
    co_await sleep_for(1ms);
  }
  CO_REQUIRE(!status.has_value());
  EXPECT_EQ(status.error().code, Errc::io);
}

TEST_P(NetworkContract, WritingToAPeerThatWentAwayFails) {
  run([] { return write_to_a_gone_peer(); });
}

Task<> accept_and_note(Listener& listener, std::string& outcome) {
  const auto accepted = co_await listener.accept();
  outcome = accepted ? "accepted" : std::string(to_string(accepted.error().code));
}

Task<> stop_listening() {
  Network& network = Shard::current().network();
  auto listener = network.listen(std::string(kHost), 0);
  CO_REQUIRE(listener.has_value());
  const std::uint16_t port = (*listener)->port();
  EXPECT_NE(port, 0);
  const auto second = network.listen(std::string(kHost), port);
  CO_REQUIRE(!second.has_value());
  EXPECT_EQ(second.error().code, Errc::exists);
  std::string outcome;
  TaskScope scope;
  scope.spawn(accept_and_note(**listener, outcome));
  (*listener)->close();
  EXPECT_EQ(outcome, "") << "resumed inside close()";
  co_await scope.join();
  EXPECT_EQ(outcome, "cancelled");
  co_await accept_and_note(**listener, outcome);
  EXPECT_EQ(outcome, "cancelled");
  listener->reset();
  const std::string host(kHost);
  const auto refused = co_await network.connect(host, port);
  CO_REQUIRE(!refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::io);
  EXPECT_TRUE(network.listen(std::string(kHost), port));
}

TEST_P(NetworkContract, AListenerOwnsItsPortUntilItIsClosed) {
  run([] { return stop_listening(); });
}

Task<> refuse_bad_names() {
  Network& network = Shard::current().network();
  const auto listener = network.listen("no.such.host.invalid", 0);
  CO_REQUIRE(!listener.has_value());
  EXPECT_EQ(listener.error().code, Errc::invalid_argument);
  EXPECT_TRUE(network.listen("localhost", 0));
  co_return;
}

TEST_P(NetworkContract, NamesAreResolvedOrRefused) {
  run([] { return refuse_bad_names(); });
}

Task<std::string> serve_echo(std::unique_ptr<Accepted>& accepted) {
  const auto socket = accepted->attach();
  std::string text = co_await read_text(*socket, 5);
  (void)co_await write_text(*socket, fmt::format("{} by {}", text, Shard::current().id()));
  co_return text;
}

Task<> accept_on_another_shard(Listener& listener, Shard& other) {
  auto accepted = co_await listener.accept();
  CO_REQUIRE(accepted.has_value());
  EXPECT_EQ(co_await call_on(other, serve_echo, std::move(*accepted)), "hello");
}

Task<> hand_over_a_connection(Shard& other) {
  Network& network = Shard::current().network();
  auto listener = network.listen(std::string(kHost), 0);
  CO_REQUIRE(listener.has_value());
  TaskScope scope;
  scope.spawn(accept_on_another_shard(**listener, other));
  const std::string host(kHost);
  auto client = co_await network.connect(host, (*listener)->port());
  CO_REQUIRE(client.has_value());
  EXPECT_TRUE(co_await write_text(**client, "hello"));
  EXPECT_EQ(co_await read_to_end(**client), fmt::format("hello by {}", other.id()));
  co_await scope.join();
}

TEST_P(NetworkContract, AnAcceptedConnectionMayBeServedByAnotherShard) {
  run([&] { return hand_over_a_connection(shard(2)); });
}

Task<> echo_until_end(Socket& socket) {
  while (true) {
    const std::string text = co_await read_text(socket, 4);
    if (text == "end" || !co_await write_text(socket, text)) co_return;
  }
}

Task<> ping_client(Socket& socket, int rounds, int& answers) {
  for (int i = 0; i < rounds; ++i) {
    if (!co_await write_text(socket, fmt::format("{:04}", i))) co_return;
    if (co_await read_text(socket, 4) == fmt::format("{:04}", i)) ++answers;
  }
  socket.close();
}

Task<> many_connections() {
  std::vector<Pair> pairs;
  for (int i = 0; i < 50; ++i) {
    pairs.push_back(co_await make_pair());
    CO_REQUIRE(pairs.back().client && pairs.back().server);
  }
  int answers = 0;
  TaskScope scope;
  for (Pair& pair : pairs) {
    scope.spawn(echo_until_end(*pair.server));
    scope.spawn(ping_client(*pair.client, 20, answers));
  }
  co_await scope.join();
  EXPECT_EQ(answers, 1000);
}

TEST_P(NetworkContract, ManyConnectionsTalkSideBySide) {
  run([] { return many_connections(); });
}

LEAT_IN_EACH_HOME(NetworkContract);

}  // namespace
}  // namespace leat::runtime
