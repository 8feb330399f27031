#include "protocol/http/handlers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "observe/process.h"
#include "tests/protocol/http/listener.h"
#include "runtime/shard.h"
#include "security/base64.h"
#include "tests/observe/exposition.h"
#include "tests/protocol/http/client.h"

namespace leat::http {
namespace {

using runtime::Task;
using testing::fetch;
using ::testing::HasSubstr;

struct Admin {
  explicit Admin(security::PolicyPtr policy = std::make_shared<security::Policy>())
      : listener(admin_routes([this] { return reasons; }, metrics, policies, logins), {}) {
    policies->set(std::move(policy));
    auto made = runtime::Shard::current().network().listen("127.0.0.1", 0);
    if (!made) throw std::runtime_error(made.error().message);
    listener.start(std::move(*made));
  }
  Task<> stop() { return listener.stop(std::chrono::seconds(10)); }

  std::vector<std::string> reasons;
  observe::MetricsRegistry metrics;
  std::shared_ptr<security::Policies> policies = std::make_shared<security::Policies>(1, "a secret");
  security::Logins logins{"http", *policies};
  HttpListener listener;
};

Task<> health() {
  Admin admin;
  admin.reasons = {"the log is being recovered", "the listeners are not open"};
  const auto alive = co_await fetch(admin.listener.port(), "GET", "/healthz");
  EXPECT_EQ(alive.status, 200);
  const auto not_ready = co_await fetch(admin.listener.port(), "GET", "/readyz");
  EXPECT_EQ(not_ready.status, 503);
  EXPECT_EQ(not_ready.body, "not ready: the log is being recovered; the listeners are not open\n");
  admin.reasons.clear();
  const auto ready = co_await fetch(admin.listener.port(), "GET", "/readyz");
  EXPECT_EQ(ready.status, 200);
  const auto posted = co_await fetch(admin.listener.port(), "POST", "/readyz");
  EXPECT_EQ(posted.status, 405);
  const auto index = co_await fetch(admin.listener.port(), "GET", "/");
  for (const auto* path : {"/healthz", "/readyz", "/metrics"}) EXPECT_THAT(index.body, HasSubstr(path));
  co_await admin.stop();
}
TEST(AdminEndpoints, TellHealthAndReadiness) { testing::run(health); }

Task<> metrics() {
  Admin admin;
  runtime::Shard* collected_on = nullptr;
  admin.metrics.add(observe::collect_process);
  admin.metrics.add([&](observe::MetricsPage& page) { collect(page, admin.listener.stats(), "http"); });
  admin.metrics.add(runtime::Shard::current(), [&](observe::MetricsPage& page) {
    collected_on = &runtime::Shard::current();
    page.gauge("leat_test_value", "Of a shard.", {}, 7);
  });
  const auto answer = co_await fetch(admin.listener.port(), "GET", "/metrics");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  const auto shown = observe::parse_exposition(answer.body);
  EXPECT_EQ(shown.error, "");
  EXPECT_EQ(shown.samples.at("leat_test_value"), 7);
  EXPECT_EQ(collected_on, &runtime::Shard::current());
  EXPECT_EQ(shown.samples.at("leat_http_connections{listener=\"http\"}"), 1);
  EXPECT_GT(shown.samples.at("process_resident_memory_bytes"), 0);
  co_await admin.stop();
}
TEST(AdminEndpoints, ShowEveryCollectorsMetrics) { testing::run(metrics); }

// Users alice, who may describe the cluster, and bob, who may not. Their password is "pencil".
security::PolicyPtr two_users() {
  security::Policy::Users users;
  for (const std::string name : {"alice", "bob"}) {
    security::User user;
    user.name = name;
    user.scram.emplace(security::ScramMechanism::sha256,
                       security::scram_credential(security::ScramMechanism::sha256, "pencil", "salt", 4096));
    users.emplace(name, std::move(user));
  }
  std::vector<security::Grant> grants{{.principal = "User:alice", .operation = security::Operation::describe}};
  return std::make_shared<const security::Policy>(catalog::Revision(1), std::move(users), std::move(grants),
                                                  std::set<std::string>{});
}

Task<int> status_of(std::uint16_t port, std::string authorization) {
  auto client = co_await testing::Client::connect(port);
  const auto header = authorization.empty() ? "" : fmt::format("Authorization: {}\r\n", authorization);
  EXPECT_TRUE(co_await client->send(fmt::format("GET /metrics HTTP/1.1\r\nHost: a\r\n{}\r\n", header)));
  const auto answer = co_await client->receive();
  if (answer && answer->status == 401) {
    EXPECT_THAT(answer->headers.at("WWW-Authenticate"), HasSubstr("Basic"));
  }
  co_return answer ? answer->status : 0;
}

Task<> users() {
  Admin admin(two_users());
  const std::uint16_t port = admin.listener.port();
  EXPECT_EQ(co_await status_of(port, ""), 401);
  EXPECT_EQ(co_await status_of(port, "Basic " + security::base64("alice:pencil")), 200);
  EXPECT_EQ(co_await status_of(port, "basic " + security::base64("alice:pencil")), 200);
  EXPECT_EQ(co_await status_of(port, "Basic " + security::base64("bob:pencil")), 403);
  for (const std::string_view wrong : {"alice:pencils", "alice:", ":", "alice", "carol:pencil", ""})
    EXPECT_EQ(co_await status_of(port, "Basic " + security::base64(wrong)), 401);
  EXPECT_EQ(co_await status_of(port, "Basic !"), 401);
  EXPECT_EQ(co_await status_of(port, "Bearer x"), 401);
  const auto alive = co_await fetch(port, "GET", "/healthz");
  EXPECT_EQ(alive.status, 200);
  co_await admin.stop();
}
TEST(AdminEndpoints, MetricsWantAUserWhoMayDescribeTheClusterOnceThereAreUsers) { testing::run(users); }

Task<> unknown() {
  Admin admin(security::Policy::closed());
  EXPECT_EQ(co_await status_of(admin.listener.port(), ""), 401);
  co_await admin.stop();
}
TEST(AdminEndpoints, NobodyGetsMetricsBeforeItIsKnownWhoMay) { testing::run(unknown); }

}  // namespace
}  // namespace leat::http
