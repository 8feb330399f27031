#include "security/tls_socket.h"

#include <gmock/gmock.h>
#include <openssl/ssl.h>

#include "runtime/file.h"
#include "runtime/sync.h"
#include "security/tls_endpoint.h"
#include "tests/runtime/homes.h"
#include "tests/security/tls_client.h"

namespace leat::security {
namespace {

using runtime::Chain;
using runtime::Socket;
using runtime::Task;
using runtime::TaskScope;
using testing::ClientOptions;
using ::testing::HasSubstr;
using testing::TlsClient;

const testing::Certificate& mill() {
  static const testing::Certificate made = testing::make_certificate("mill");
  return made;
}

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>((i * 2654435761U) >> 13);
  return text;
}

Task<Status> write_text(Socket& socket, std::string text) {
  Chain chain;
  chain.append(Bytes::copy_of(as_bytes(text)));
  co_return co_await socket.write(chain);
}

// `size` bytes in reads of at most `step`, or what came and how it ended.
Task<std::string> read_text(Socket& socket, std::size_t size, std::size_t step = 10'000) {
  std::string all;
  std::string block(step, '\0');
  while (all.size() < size) {
    const std::size_t most = std::min(step, size - all.size());
    const auto count = co_await socket.read_some(std::as_writable_bytes(std::span(block)).first(most));
    if (!count) co_return fmt::format("{}error {}", all, to_string(count.error().code));
    if (*count == 0) co_return all + "end";
    all.append(block, 0, *count);
  }
  co_return all;
}

struct Pair {
  std::unique_ptr<TlsClient> client;
  std::unique_ptr<Socket> server;
};

Task<> accept_into(runtime::Listener& listener, std::unique_ptr<Socket>& server) {
  auto accepted = co_await listener.accept();
  CO_REQUIRE(accepted.has_value());
  server = (*accepted)->attach();
}

Task<Pair> connect(TlsEndpoint& endpoint, ClientOptions options = {}) {
  Pair pair;
  runtime::Network& network = runtime::Shard::current().network();
  const std::string host = "127.0.0.1";
  auto plain = network.listen(host, 0);
  if (!plain) co_return pair;
  const auto listener = make_tls_listener(std::move(*plain), endpoint);
  TaskScope scope;
  scope.spawn(accept_into(*listener, pair.server));
  auto client = co_await network.connect(host, listener->port());
  co_await scope.join();
  if (client) pair.client = std::make_unique<TlsClient>(std::move(*client), options);
  co_return pair;
}

Task<> shake_into(TlsClient& client, std::string& outcome) { outcome = co_await client.shake_hands(); }
Task<> read_into(Socket& socket, std::size_t size, std::string& text) { text = co_await read_text(socket, size); }
Task<> client_read_into(TlsClient& client, std::size_t size, std::string& text) { text = co_await client.read(size); }
Task<> write_into(Socket& socket, std::string text, Status& status) {
  status = co_await write_text(socket, std::move(text));
}

class Tls : public runtime::testing::InEachHome {
 protected:
  void SetUp() override { endpoint_.use(context_of(mill())); }
  std::shared_ptr<const TlsContext> context_of(const testing::Certificate& certificate) {
    EXPECT_TRUE(runtime::replace_file(files(), path("c.pem"), as_bytes(certificate.certificate)));
    EXPECT_TRUE(runtime::replace_file(files(), path("k.pem"), as_bytes(certificate.key)));
    auto context = TlsContext::load(files(), path("c.pem"), path("k.pem"));
    return context ? *context : nullptr;
  }

  TlsEndpoint endpoint_{"test", true, 3};
};

// Connects, shakes hands and sends "hello" to the server, which reads it.
Task<Pair> greet(TlsEndpoint& endpoint, ClientOptions options = {}) {
  Pair pair = co_await connect(endpoint, options);
  std::string greeting;
  TaskScope scope;
  scope.spawn(read_into(*pair.server, 5, greeting));
  const std::string outcome = co_await pair.client->shake_hands();
  EXPECT_EQ(outcome, "ok");
  const Status sent = co_await pair.client->write("hello");
  EXPECT_TRUE(sent);
  co_await scope.join();
  EXPECT_EQ(greeting, "hello");
  co_return pair;
}

Task<> talk(TlsEndpoint& endpoint, ClientOptions options, std::string version) {
  Pair pair = co_await greet(endpoint, options);
  EXPECT_EQ(pair.client->version(), version);
  EXPECT_EQ(pair.client->server_name(), "mill");
  EXPECT_TRUE(pair.server->is_secure());
  const Status answered = co_await write_text(*pair.server, "good day");
  EXPECT_TRUE(answered);
  const std::string answer = co_await pair.client->read(8);
  EXPECT_EQ(answer, "good day");
  pair.server->close();
  const std::string rest = co_await pair.client->read(1);
  EXPECT_EQ(rest, "end") << "close_notify comes before the end of the stream";
}

TEST_P(Tls, SpeaksVersion13) {
  run([&] { return talk(endpoint_, {}, "TLSv1.3"); });
  EXPECT_EQ(endpoint_.completed(), 1U);
}

TEST_P(Tls, SpeaksVersion12) {
  run([&] { return talk(endpoint_, {.version_max = TLS1_2_VERSION}, "TLSv1.2"); });
  EXPECT_EQ(endpoint_.completed(), 1U);
  EXPECT_EQ(endpoint_.failed(), 0U);
}

// What the server's first read returns, and how the handshake ends for the client.
Task<> be_refused(TlsEndpoint& endpoint, ClientOptions options, std::string& client_outcome) {
  Pair pair = co_await connect(endpoint, options);
  TaskScope scope;
  scope.spawn(shake_into(*pair.client, client_outcome));
  const std::string read = co_await read_text(*pair.server, 1);
  EXPECT_EQ(read, "error io");
  pair.server->close();
  co_await scope.join();
}

TEST_P(Tls, OlderVersionsAreRefusedWithAnAlert) {
  std::string outcome;
  run([&] { return be_refused(endpoint_, {.version_max = TLS1_1_VERSION, .ciphers = "DEFAULT@SECLEVEL=0"}, outcome); });
  EXPECT_THAT(outcome, HasSubstr("protocol version"));
  EXPECT_EQ(endpoint_.failed(), 1U);
  EXPECT_EQ(endpoint_.completed(), 0U);
}

TEST_P(Tls, CiphersWithoutForwardSecrecyAreRefused) {
  std::string outcome;
  run([&] { return be_refused(endpoint_, {.version_max = TLS1_2_VERSION, .ciphers = "AES128-SHA"}, outcome); });
  EXPECT_THAT(outcome, HasSubstr("handshake failure"));
  EXPECT_EQ(endpoint_.failed(), 1U);
}

Task<> choose_protocol(TlsEndpoint& endpoint) {
  const Pair http = co_await greet(endpoint, {.protocols = "http/1.1"});
  EXPECT_EQ(http.client->protocol(), "http/1.1");
  const Pair other = co_await greet(endpoint, {.protocols = "h2"});
  EXPECT_EQ(other.client->protocol(), "");
}
TEST_P(Tls, Http11IsChosenWhereOfferedAndOthersAreIgnored) {
  run([&] { return choose_protocol(endpoint_); });
}

Task<> flood(TlsEndpoint& endpoint, ClientOptions options) {
  Pair pair = co_await greet(endpoint, options);
  const std::string up = pattern(2'500'000);
  const std::string down = pattern(3'100'000);
  std::string arrived_up;
  std::string arrived_down;
  Status sent;
  TaskScope scope;
  scope.spawn(write_into(*pair.server, down, sent));
  scope.spawn(read_into(*pair.server, up.size(), arrived_up));
  scope.spawn(client_read_into(*pair.client, down.size(), arrived_down));
  const Status client_sent = co_await pair.client->write(up);
  co_await scope.join();
  EXPECT_TRUE(client_sent);
  EXPECT_TRUE(sent);
  EXPECT_TRUE(arrived_up == up);
  EXPECT_TRUE(arrived_down == down);
}
TEST_P(Tls, LargeWritesGoBothWaysAtOnce) {
  run([&] { return flood(endpoint_, {}); });
}
TEST_P(Tls, LargeWritesGoBothWaysAtOnceInVersion12) {
  run([&] { return flood(endpoint_, {.version_max = TLS1_2_VERSION}); });
}

// The client writes a lot before it reads anything, and so does the server: neither waits for the other for ever.
Task<> one_after_the_other(TlsEndpoint& endpoint) {
  Pair pair = co_await greet(endpoint);
  const std::string up = pattern(1'000'000);
  std::string arrived_up;
  Status sent;
  TaskScope scope;
  scope.spawn(write_into(*pair.server, pattern(1'000'000), sent));
  scope.spawn(read_into(*pair.server, up.size(), arrived_up));
  EXPECT_TRUE(pair.client->update_keys());  // the server owes an answer while its write waits
  const Status client_sent = co_await pair.client->write(up);
  EXPECT_TRUE(client_sent);
  const std::string down = co_await pair.client->read(1'000'000);
  co_await scope.join();
  EXPECT_TRUE(sent);
  EXPECT_TRUE(arrived_up == up);
  EXPECT_TRUE(down == pattern(1'000'000));
}
TEST_P(Tls, AReaderGoesOnWhileAWriterWaitsForThePeer) {
  run([&] { return one_after_the_other(endpoint_); });
}

Task<> update(TlsEndpoint& endpoint) {
  Pair pair = co_await greet(endpoint);
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(pair.client->update_keys());
    const std::string text = pattern(20'000 + static_cast<std::size_t>(i));
    TaskScope scope;
    std::string arrived;
    scope.spawn(read_into(*pair.server, text.size(), arrived));
    const Status sent = co_await pair.client->write(text);
    EXPECT_TRUE(sent);
    co_await scope.join();
    EXPECT_TRUE(arrived == text);
    const Status answered = co_await write_text(*pair.server, text);
    EXPECT_TRUE(answered);
    const std::string answer = co_await pair.client->read(text.size());
    EXPECT_TRUE(answer == text);
  }
}
TEST_P(Tls, KeysAreUpdatedWhenThePeerAsks) {
  run([&] { return update(endpoint_); });
}

Task<> renegotiate(TlsEndpoint& endpoint) {
  Pair pair = co_await greet(endpoint, {.version_max = TLS1_2_VERSION});
  std::string read;
  TaskScope scope;
  scope.spawn(read_into(*pair.server, 1, read));
  const std::string outcome = co_await pair.client->renegotiate();
  EXPECT_THAT(outcome, HasSubstr("no renegotiation"));
  pair.client->socket().close();
  co_await scope.join();
  EXPECT_THAT(read, ::testing::AnyOf("end", "error io"));
}
TEST_P(Tls, RenegotiationIsRefused) {
  run([&] { return renegotiate(endpoint_); });
}

Task<> byte_by_byte(TlsEndpoint& endpoint) {
  Pair pair = co_await greet(endpoint);
  const std::string text = pattern(40'000);
  const Status sent = co_await pair.client->write(text);
  EXPECT_TRUE(sent);
  const std::string read = co_await read_text(*pair.server, text.size(), 1);
  EXPECT_TRUE(read == text);
  TaskScope scope;
  std::string slow;
  scope.spawn(read_into(*pair.server, 300, slow));
  const Status sent_slowly = co_await pair.client->write_in_pieces(text.substr(0, 300), 1);
  EXPECT_TRUE(sent_slowly);
  co_await scope.join();
  EXPECT_EQ(slow, text.substr(0, 300));
}
TEST_P(Tls, ReadsAndPacketsOfOneByteLoseNothing) {
  run([&] { return byte_by_byte(endpoint_); });
}

Task<> read_shared_all(TlsEndpoint& endpoint) {
  Pair pair = co_await greet(endpoint);
  const std::string text = pattern(300'000);
  Status sent;
  TaskScope scope;
  std::string all;
  const auto writer = [](TlsClient& client, std::string what, Status& outcome) -> Task<> {
    outcome = co_await client.write(std::move(what));
  };
  scope.spawn(writer(*pair.client, text, sent));
  while (all.size() < text.size()) {
    const auto block = co_await pair.server->read_shared();
    CO_REQUIRE(block.has_value());
    CO_REQUIRE(!block->empty());
    all += as_text(*block);
  }
  co_await scope.join();
  EXPECT_TRUE(sent);
  EXPECT_TRUE(all == text);
}
TEST_P(Tls, SharedMemoryHasWhatWasSent) {
  run([&] { return read_shared_all(endpoint_); });
}

Task<> send_file(TlsEndpoint& endpoint, runtime::FileSystem& files, std::string path) {
  const std::string text = pattern(500'000);
  const Status stored = runtime::replace_file(files, path, as_bytes(text));
  CO_REQUIRE(stored.has_value());
  auto opened = files.open(path, runtime::OpenMode::read);
  CO_REQUIRE(opened.has_value());
  const std::shared_ptr<runtime::File> file = std::move(*opened);
  file->drop_cache();
  Pair pair = co_await greet(endpoint);
  Chain chain;
  std::string expected;
  for (std::size_t i = 0; i < 50; ++i) {
    chain.append(Bytes::copy_of(as_bytes(fmt::format("part {};", i))));
    chain.append({file, i * 1000, i * 300});
    expected += fmt::format("part {};", i) + text.substr(i * 1000, i * 300);
  }
  chain.append({file, 1, 400'000});
  chain.append(Bytes::copy_of(as_bytes(text)));
  expected += text.substr(1, 400'000) + text;
  TaskScope scope;
  std::string arrived;
  scope.spawn(client_read_into(*pair.client, expected.size(), arrived));
  const Status sent = co_await pair.server->write(chain);
  EXPECT_TRUE(sent);
  co_await scope.join();
  EXPECT_TRUE(arrived == expected);
  Chain beyond;
  beyond.append({file, 499'000, 2'000});
  const Status refused = co_await pair.server->write(beyond);
  CO_REQUIRE(!refused);
  EXPECT_EQ(refused.error().code, Errc::io);
}
TEST_P(Tls, BlocksAndRangesOfFilesArriveInOrder) {
  run([&] { return send_file(endpoint_, files(), path("file")); });
}

Task<> vanish(TlsEndpoint& endpoint) {
  Pair abrupt = co_await greet(endpoint);
  const Status sent = co_await write_text(*abrupt.server, "x");
  EXPECT_TRUE(sent);
  const std::string read = co_await abrupt.client->read(1);  // with all before it: else the close resets the stream
  EXPECT_EQ(read, "x");
  abrupt.client->socket().close();
  const std::string cut = co_await read_text(*abrupt.server, 1);
  EXPECT_EQ(cut, "end");

  Pair polite = co_await greet(endpoint);
  const Status said = co_await polite.client->send_close_notify();
  EXPECT_TRUE(said);
  const std::string ended = co_await read_text(*polite.server, 1);
  EXPECT_EQ(ended, "end");
  const Status answered = co_await write_text(*polite.server, "last words");
  EXPECT_TRUE(answered) << "the other direction is still open";
  const std::string last = co_await polite.client->read(10);
  EXPECT_EQ(last, "last words");
}
TEST_P(Tls, AStreamEndsWithAndWithoutCloseNotify) {
  run([&] { return vanish(endpoint_); });
}

Task<> say_nothing(TlsEndpoint& endpoint) {
  Pair pair = co_await connect(endpoint);
  pair.client->socket().close();
  const std::string read = co_await read_text(*pair.server, 1);
  EXPECT_EQ(read, "end");
}
TEST_P(Tls, AClientThatSaysNothingIsNoFailedHandshake) {
  run([&] { return say_nothing(endpoint_); });
  EXPECT_EQ(endpoint_.failed(), 0U);
}

// What a client that sends `text` in plain is answered, until the end.
Task<> send_plain(TlsEndpoint& endpoint, std::string text, std::string& answer) {
  Pair pair = co_await connect(endpoint);
  const Status sent = co_await write_text(pair.client->socket(), text);
  EXPECT_TRUE(sent);
  const std::string read = co_await read_text(*pair.server, 1);
  EXPECT_EQ(read, "error io");
  pair.server->close();
  answer = co_await read_text(pair.client->socket(), 10'000);
}
TEST_P(Tls, GarbageIsAFailedHandshake) {
  std::string answer;
  run([&] { return send_plain(endpoint_, pattern(3000), answer); });
  EXPECT_THAT(answer, ::testing::EndsWith("end"));
  EXPECT_LT(answer.size(), 20U);
  EXPECT_EQ(endpoint_.failed(), 1U);
}
TEST_P(Tls, PlainHttpIsAnsweredInPlainHttp) {
  std::string answer;
  run([&] { return send_plain(endpoint_, "GET / HTTP/1.1\r\nHost: mill\r\n\r\n", answer); });
  EXPECT_THAT(answer, ::testing::StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  const auto body = answer.find("\r\n\r\n") + 4;
  EXPECT_THAT(answer, HasSubstr(fmt::format("Content-Length: {}\r\n", answer.size() - body - 3)));
  EXPECT_THAT(answer, ::testing::EndsWith("https://\nend"));
}
TEST_P(Tls, WhereNoHttpIsSpokenPlainHttpHasNoAnswer) {
  TlsEndpoint silent("test", false, 3);
  silent.use(context_of(mill()));
  std::string answer;
  run([&] { return send_plain(silent, "GET / HTTP/1.1\r\nHost: mill\r\n\r\n", answer); });
  EXPECT_EQ(answer, "end");
}

Task<> close_while_reading(TlsEndpoint& endpoint) {
  Pair pair = co_await greet(endpoint);
  std::string read;
  TaskScope scope;
  scope.spawn(read_into(*pair.server, 1, read));
  co_await runtime::sleep_for(std::chrono::milliseconds(1));
  pair.server->close();
  pair.server->close();
  co_await scope.join();
  EXPECT_EQ(read, "error cancelled");
  const std::string rest = co_await pair.client->read(1);
  EXPECT_EQ(rest, "end");
  const Status late = co_await write_text(*pair.server, "late");
  CO_REQUIRE(!late);
  EXPECT_EQ(late.error().code, Errc::cancelled);
}
TEST_P(Tls, CloseEndsAReadAndTellsThePeer) {
  run([&] { return close_while_reading(endpoint_); });
}

Task<> close_while_writing(TlsEndpoint& endpoint) {
  Pair pair = co_await greet(endpoint);
  Status sent;
  TaskScope scope;
  scope.spawn(write_into(*pair.server, pattern(20'000'000), sent));
  co_await runtime::sleep_for(std::chrono::milliseconds(5));
  pair.server->close();
  co_await scope.join();
  CO_REQUIRE(!sent);
  EXPECT_EQ(sent.error().code, Errc::cancelled);
}
TEST_P(Tls, CloseEndsAWriteThatWaits) {
  run([&] { return close_while_writing(endpoint_); });
}

// A file whose reads come from a slow disk.
class ColdFile final : public runtime::File {
 public:
  Result<std::size_t> read_at(MutableBytes into, std::uint64_t) override {
    std::ranges::fill(into, std::byte{'c'});
    return into.size();
  }
  Result<std::size_t> read_cached(MutableBytes, std::uint64_t) override { return fail(Errc::would_block, "cold"); }
  bool is_cached(std::uint64_t, std::uint64_t) override { return false; }
  void prefetch(std::uint64_t, std::uint64_t) override {}
  Status write_at(std::span<const BytesView>, std::uint64_t) override { return fail(Errc::unsupported, "read only"); }
  Status sync() override { return {}; }
  Status truncate(std::uint64_t) override { return {}; }
  Result<std::uint64_t> size() override { return std::uint64_t{1} << 30; }
  void drop_cache() override {}
  int descriptor() const override { return -1; }
};

Task<> write_chain_into(Socket& socket, const Chain& chain, Status& status) { status = co_await socket.write(chain); }

Task<> close_while_reading_cold(TlsEndpoint& endpoint) {
  Pair pair = co_await greet(endpoint);
  Chain first;
  first.append({std::make_shared<ColdFile>(), 0, 200'000});
  std::string arrived;
  TaskScope scope;
  scope.spawn(client_read_into(*pair.client, 200'000, arrived));
  const Status written = co_await pair.server->write(first);
  EXPECT_TRUE(written);
  co_await scope.join();
  EXPECT_TRUE(arrived == std::string(200'000, 'c'));
  Status sent;
  scope.spawn(write_chain_into(*pair.server, first, sent));  // it waits for the disk now
  pair.server->close();
  co_await scope.join();
  CO_REQUIRE(!sent);
  EXPECT_EQ(sent.error().code, Errc::cancelled);
  const std::string rest = co_await pair.client->read(1);
  EXPECT_EQ(rest, "end");
}
TEST_P(Tls, CloseEndsAWriteThatWaitsForTheDisk) {
  run([&] { return close_while_reading_cold(endpoint_); });
}

Task<> close_while_shaking(TlsEndpoint& endpoint) {
  Pair pair = co_await connect(endpoint);
  std::string read;
  Status sent;
  TaskScope scope;
  scope.spawn(read_into(*pair.server, 1, read));
  scope.spawn(write_into(*pair.server, "early", sent));
  const Status begun = co_await write_text(pair.client->socket(), "\x16\x03\x01");
  EXPECT_TRUE(begun);
  co_await runtime::sleep_for(std::chrono::milliseconds(1));
  pair.server->close();
  co_await scope.join();
  EXPECT_EQ(read, "error cancelled");
  CO_REQUIRE(!sent);
  EXPECT_EQ(sent.error().code, Errc::cancelled);
}
TEST_P(Tls, CloseEndsAHandshake) {
  run([&] { return close_while_shaking(endpoint_); });
}

Task<> write_first(TlsEndpoint& endpoint) {
  Pair pair = co_await connect(endpoint);
  Status sent;
  std::string read;
  TaskScope scope;
  scope.spawn(write_into(*pair.server, "welcome", sent));
  scope.spawn(read_into(*pair.server, 5, read));
  const std::string outcome = co_await pair.client->shake_hands();
  EXPECT_EQ(outcome, "ok");
  const std::string welcome = co_await pair.client->read(7);
  EXPECT_EQ(welcome, "welcome");
  const Status answered = co_await pair.client->write("hello");
  EXPECT_TRUE(answered);
  co_await scope.join();
  EXPECT_TRUE(sent);
  EXPECT_EQ(read, "hello");
}
TEST_P(Tls, AWriteBeforeAnyReadWaitsForTheHandshake) {
  run([&] { return write_first(endpoint_); });
}

Task<> linger(TlsEndpoint& endpoint) {
  Pair pair = co_await connect(endpoint);
  const Status begun = co_await write_text(pair.client->socket(), "\x16\x03\x01");
  EXPECT_TRUE(begun);
  const std::string read = co_await read_text(*pair.server, 1);
  EXPECT_EQ(read, "error timed_out");
  const std::string rest = co_await read_text(pair.client->socket(), 1);
  EXPECT_EQ(rest, "end");
}
TEST_P(Tls, AHandshakeThatTakesTooLongIsEnded) {
  if (real()) GTEST_SKIP() << "it waits for seconds that only a simulated clock has to spare";
  run([&] { return linger(endpoint_); });
  EXPECT_EQ(endpoint_.failed(), 1U);
}

Task<> renew(TlsEndpoint& endpoint, std::shared_ptr<const TlsContext> renewed) {
  Pair before = co_await greet(endpoint);
  endpoint.use(std::move(renewed));
  const Pair after = co_await greet(endpoint);
  EXPECT_EQ(after.client->server_name(), "wind");
  const Status sent = co_await write_text(*before.server, "still here");
  EXPECT_TRUE(sent);
  const std::string read = co_await before.client->read(10);
  EXPECT_EQ(read, "still here");
  EXPECT_EQ(before.client->server_name(), "mill");
}
TEST_P(Tls, ANewCertificateIsForNewConnections) {
  const auto renewed = context_of(testing::make_certificate("wind"));
  run([&] { return renew(endpoint_, renewed); });
}

LEAT_IN_EACH_HOME(Tls);

}  // namespace
}  // namespace leat::security
