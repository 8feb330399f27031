#include "server/jwks_source.h"

#include <gmock/gmock.h>

#include <mutex>

#include "runtime/call.h"
#include "tests/protocol/http/raw_server.h"
#include "tests/runtime/homes.h"
#include "tests/security/jwt_signer.h"

namespace leat::server {
namespace {

using http::testing::raw_response;
using http::testing::RawServer;
using runtime::Task;
using security::testing::JwtSigner;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

// A set with one key of this id.
std::string set_of(std::string_view id) {
  static const JwtSigner signer = JwtSigner::ec("P-256");
  return security::testing::jwks({signer.jwk(fmt::format(R"("kid":"{}")", id))});
}

constexpr JwksIntervals kQuick{.file = 5ms, .url = 5ms, .retry_first = 5ms, .retry_max = 20ms, .asked = 0ms};
// So long that only ask() makes it look.
constexpr JwksIntervals kNever{.file = 1h, .url = 1h, .retry_first = 1h, .retry_max = 1h, .asked = 0ms};

class JwksSources : public ::testing::Test {
 protected:
  void run(std::function<Task<>()> main) { home_->run(std::move(main)); }
  void put(std::string_view content) { EXPECT_TRUE(runtime::replace_file(home_->files(), path_, as_bytes(content))); }
  std::unique_ptr<JwksSource> source(std::string location, const JwksIntervals& intervals = kQuick) {
    return std::make_unique<JwksSource>(
        std::move(location), home_->files(), client_,
        [this](JwksSource::Keys keys) {
          EXPECT_TRUE(runtime::Shard::is_current(*home_->shards().front()));
          keys_ = std::move(keys);
          ++uses_;
        },
        intervals);
  }
  [[nodiscard]] bool has(std::string_view id) const { return keys_ && keys_->has(id); }

  std::unique_ptr<runtime::testing::Home> home_ = runtime::testing::make_real_home(2);
  std::string path_ = runtime::join_path(home_->folder(), "keys.json");
  http::OutgoingClient client_;
  JwksSource::Keys keys_;
  int uses_ = 0;
};

// Answers with what it is told at the moment.
class KeyServer {
 public:
  std::optional<std::string> operator()(const std::string& request) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
    return answer_;
  }
  void set(std::optional<std::string> answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  std::string last_request() {
    const std::lock_guard lock(mutex_);
    return requests_.empty() ? "" : requests_.back();
  }

 private:
  std::mutex mutex_;
  std::optional<std::string> answer_;
  std::vector<std::string> requests_;
};

// Until it is so; the test's own limit ends what never is.
#define UNTIL(condition) \
  while (!(condition)) co_await runtime::sleep_for(1ms)

TEST(JwksSource, UrlsAreToldFromFiles) {
  EXPECT_TRUE(JwksSource::is_url("https://id.example.org/keys"));
  EXPECT_TRUE(JwksSource::is_url("HTTP://127.0.0.1:1/"));
  for (const char* path : {"", "keys.json", "/etc/http://x", "file:///keys", "https:keys", "ftp://x/"})
    EXPECT_FALSE(JwksSource::is_url(path)) << path;
}

class FileOfKeys : public JwksSources {
 protected:
  Task<> follows_changes() {
    put(set_of("a"));
    const auto keys = source(path_);
    const Status started = co_await keys->start();
    CO_REQUIRE(started);
    EXPECT_TRUE(has("a"));
    UNTIL(keys->stats().succeeded.value() > 3);
    EXPECT_EQ(uses_, 1);  // nothing new is no news
    put(set_of("b"));
    UNTIL(has("b"));
    EXPECT_FALSE(has("a"));
    // What is no set changes nothing.
    put("{");
    UNTIL(keys->stats().failed.value() > 1);
    EXPECT_TRUE(has("b"));
    CO_REQUIRE(home_->files().remove(path_));
    const auto failed = keys->stats().failed.value();
    UNTIL(keys->stats().failed.value() > failed + 1);
    EXPECT_TRUE(has("b"));
    put(set_of("c"));
    UNTIL(has("c"));
    EXPECT_EQ(uses_, 3);
    co_await keys->stop();
  }

  Task<> must_be_good_at_start() {
    const auto missing = source(path_);
    const Status none = co_await missing->start();
    CO_REQUIRE(!none);
    EXPECT_THAT(none.error().message, HasSubstr(path_));
    for (const std::string& content : {std::string(), std::string("{}"), std::string(R"({"keys":[{}]})"),
                                       std::string(security::kJwksBytesMax + 1, ' ')}) {
      put(content);
      const auto bad = source(path_);
      const Status refused = co_await bad->start();
      CO_REQUIRE(!refused);
      EXPECT_THAT(refused.error().message, AllOf(HasSubstr("the keys of tokens"), HasSubstr(path_)));
      co_await bad->stop();
    }
    EXPECT_EQ(uses_, 0);
  }

  static Task<> ask(JwksSource* keys) {
    for (int i = 0; i < 100; ++i) keys->ask();
    co_return;
  }
  Task<> is_read_when_asked() {
    put(set_of("a"));
    const auto keys = source(path_, kNever);
    const Status started = co_await keys->start();
    CO_REQUIRE(started);
    put(set_of("b"));
    co_await runtime::sleep_for(20ms);
    EXPECT_TRUE(has("a"));
    co_await runtime::call_on(*home_->shards().at(1), ask, keys.get());
    UNTIL(has("b"));
    // Whoever asks last does not keep it from ending.
    co_await runtime::call_on(*home_->shards().at(1), ask, keys.get());
    co_await keys->stop();
  }

  Task<> is_asked_seldom() {
    put(set_of("a"));
    JwksIntervals intervals = kNever;
    intervals.asked = 1h;
    const auto keys = source(path_, intervals);
    const Status started = co_await keys->start();
    CO_REQUIRE(started);
    keys->ask();
    UNTIL(keys->stats().succeeded.value() == 2);
    for (int i = 0; i < 20; ++i) {
      keys->ask();
      co_await runtime::sleep_for(1ms);
    }
    EXPECT_EQ(keys->stats().succeeded.value(), 2U);
    co_await keys->stop();
  }
};

TEST_F(FileOfKeys, IsReadAgainWhenItChanges) {
  run([this] { return follows_changes(); });
}
TEST_F(FileOfKeys, MustBeGoodAtTheStart) {
  run([this] { return must_be_good_at_start(); });
}
TEST_F(FileOfKeys, IsReadWhenATokenAsksForIt) {
  run([this] { return is_read_when_asked(); });
}
TEST_F(FileOfKeys, IsReadSeldomHoweverManyTokensAsk) {
  run([this] { return is_asked_seldom(); });
}

class UrlOfKeys : public JwksSources {
 protected:
  Task<> follows_changes() {
    KeyServer answers;
    answers.set(raw_response(200, set_of("a")));
    RawServer server(std::ref(answers));
    const auto keys = source(server.url("/jwks?x=1"));
    const Status started = co_await keys->start();
    CO_REQUIRE(started);
    EXPECT_TRUE(has("a"));
    EXPECT_THAT(answers.last_request(), ::testing::StartsWith("GET /jwks?x=1 HTTP/1.1\r\n"));
    answers.set(raw_response(200, set_of("b")));
    UNTIL(has("b"));
    for (const std::string& bad :
         {raw_response(500, set_of("x")), raw_response(302, set_of("x"), "Location: /y\r\n"), raw_response(200, "{}"),
          raw_response(200, set_of("x") + std::string(1'100'000, ' ')), std::string("not HTTP\r\n\r\n")}) {
      answers.set(bad);
      const auto failed = keys->stats().failed.value();
      UNTIL(keys->stats().failed.value() > failed + 2);
      EXPECT_TRUE(has("b"));
    }
    answers.set(raw_response(200, set_of("c") + std::string(500'000, ' ')));
    UNTIL(has("c"));
    EXPECT_EQ(uses_, 3);
    co_await keys->stop();
  }

  Task<> may_be_out_of_reach() {
    const auto keys = source("http://127.0.0.1:1/");
    const Status started = co_await keys->start();
    EXPECT_TRUE(started);
    EXPECT_EQ(uses_, 0);
    UNTIL(keys->stats().failed.value() > 3);
    co_await keys->stop();
    const auto wrong = source("http://");
    const Status refused = co_await wrong->start();
    EXPECT_FALSE(refused);
    co_await wrong->stop();
  }

  Task<> waits_longer() {
    KeyServer answers;
    answers.set(raw_response(503, ""));
    RawServer server(std::ref(answers));
    JwksIntervals intervals = kNever;
    intervals.retry_first = 10ms;
    intervals.retry_max = 40ms;
    const auto keys = source(server.url("/"), intervals);
    const MonoTime begin = runtime::Shard::current().now();
    const Status started = co_await keys->start();
    EXPECT_TRUE(started);
    UNTIL(keys->stats().failed.value() == 5);
    EXPECT_GE(runtime::Shard::current().now() - begin, Duration(10ms + 20ms + 40ms + 40ms));
    answers.set(raw_response(200, set_of("a")));
    UNTIL(has("a"));
    co_await keys->stop();
  }

  Task<> ends_while_asking() {
    KeyServer answers;
    answers.set(raw_response(200, set_of("a")));
    RawServer server(std::ref(answers));
    const auto keys = source(server.url("/"), kNever);
    const Status started = co_await keys->start();
    CO_REQUIRE(started);
    answers.set(std::nullopt);
    keys->ask();
    UNTIL(server.requests() == 2);
    client_.stop();
    co_await keys->stop();
    EXPECT_TRUE(has("a"));
  }

  Task<> hides_passwords() {
    put("");
    RawServer server([](const std::string&) { return raw_response(404, ""); });
    const auto keys = source(fmt::format("http://me:secret@127.0.0.1:{}/keys", server.port()));
    ::testing::internal::CaptureStderr();
    const Status started = co_await keys->start();
    const std::string log = ::testing::internal::GetCapturedStderr();
    EXPECT_TRUE(started);
    EXPECT_THAT(log, AllOf(HasSubstr(fmt::format("http://127.0.0.1:{}/keys answers with status 404", server.port())),
                           HasSubstr("without TLS"), Not(HasSubstr("secret"))));
    co_await keys->stop();
  }
};

TEST_F(UrlOfKeys, IsReadAgainAndKeepsWhatWasGood) {
  run([this] { return follows_changes(); });
}
TEST_F(UrlOfKeys, MayBeOutOfReachButNotWrong) {
  run([this] { return may_be_out_of_reach(); });
}
TEST_F(UrlOfKeys, IsTriedAfterWaitsThatGrow) {
  run([this] { return waits_longer(); });
}
TEST_F(UrlOfKeys, DoesNotKeepTheServerFromEnding) {
  run([this] { return ends_while_asking(); });
}
TEST_F(UrlOfKeys, IsLoggedWithoutItsPassword) {
  run([this] { return hides_passwords(); });
}

}  // namespace
}  // namespace leat::server
