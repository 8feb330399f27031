#include "security/tls_engine.h"

#include <gmock/gmock.h>

#include "tests/runtime/homes.h"
#include "tests/security/tls_client.h"

namespace leat::security {
namespace {

using testing::Certificate;
using ::testing::HasSubstr;
using testing::make_certificate;

// Both ends of a connection, with their files.
class TlsEngineEnds : public ::testing::Test {
 protected:
  std::string put(const std::string& name, std::string_view content) {
    const std::string path = runtime::join_path(home_->folder(), name);
    EXPECT_TRUE(runtime::replace_file(home_->files(), path, as_bytes(content)));
    return path;
  }
  void open(const std::string& host, const std::string& trusted) {
    const auto served = TlsContext::load(home_->files(), put("c.pem", mill_.certificate), put("k.pem", mill_.key));
    const auto trusting = TlsContext::load_client(home_->files(), {.authorities_path = put("ca.pem", trusted)});
    ASSERT_TRUE(served && trusting);
    server_ = std::make_unique<TlsEngine>(*served);
    client_ = std::make_unique<TlsEngine>(*trusting, host);
  }
  static void hand_over(TlsEngine& from, TlsEngine& to) {
    const Bytes output = from.take_output();
    if (output.empty()) return;
    to.feed(output);
    to.keep_input();
  }
  // How the handshake ended for the client, and for the server.
  std::pair<std::string, std::string> shake_hands() {
    const auto step = [](TlsEngine& engine, TlsEngine& other, std::string& outcome) {
      const auto done = engine.handshake();
      outcome = done ? (*done ? "done" : "waits") : done.error().message;
      hand_over(engine, other);
    };
    std::pair<std::string, std::string> outcome;
    for (int round = 0; round < 3; ++round) {
      step(*client_, *server_, outcome.first);
      step(*server_, *client_, outcome.second);
    }
    return outcome;
  }
  static std::string read_all(TlsEngine& engine, std::size_t step) {
    std::string all;
    std::string block(step, '\0');
    while (true) {
      const auto count = engine.read(std::as_writable_bytes(std::span(block)));
      if (!count) return all + count.error().message;
      if (*count == 0) return all;
      all.append(block, 0, *count);
    }
  }

  std::unique_ptr<runtime::testing::Home> home_ = runtime::testing::make_real_home(1);
  const Certificate mill_ = make_certificate("mill");
  std::unique_ptr<TlsEngine> server_;
  std::unique_ptr<TlsEngine> client_;
};

TEST_F(TlsEngineEnds, SayToEachOtherWhatWasWritten) {
  open("mill", mill_.certificate);
  EXPECT_EQ(shake_hands(), std::pair(std::string("done"), std::string("done")));
  const std::string question(100'000, 'q');
  const std::string answer(50'000, 'a');
  EXPECT_EQ(read_all(*client_, 100), "");  // no more than tickets
  EXPECT_FALSE(server_->has_input());
  ASSERT_TRUE(client_->write(as_bytes(question)));
  hand_over(*client_, *server_);
  EXPECT_TRUE(server_->has_input());
  EXPECT_TRUE(read_all(*server_, 1000) == question);
  EXPECT_FALSE(server_->has_input());
  ASSERT_TRUE(server_->write(as_bytes(answer)));
  server_->end();
  hand_over(*server_, *client_);
  EXPECT_TRUE(read_all(*client_, 70'000) == answer);
  EXPECT_TRUE(client_->has_ended());
}

TEST_F(TlsEngineEnds, AreNotBothReadyWhenTheClientTrustsNobodyThatVouches) {
  open("mill", make_certificate("mill").certificate);
  const auto [client, server] = shake_hands();
  EXPECT_THAT(client, HasSubstr("certificate verify failed"));
  EXPECT_THAT(server, HasSubstr("alert"));
}

TEST_F(TlsEngineEnds, AreNotBothReadyWhenTheCertificateIsOfAnotherHost) {
  open("miller", mill_.certificate);
  EXPECT_THAT(shake_hands().first, HasSubstr("hostname mismatch"));
  open("127.0.0.1", mill_.certificate);
  EXPECT_THAT(shake_hands().first, HasSubstr("IP address mismatch"));
}

}  // namespace
}  // namespace leat::security
