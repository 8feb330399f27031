#include "protocol/http/handlers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "observe/process.h"
#include "protocol/http/listener.h"
#include "runtime/shard.h"
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
  std::shared_ptr<security::Policies> policies = std::make_shared<security::Policies>(1);
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

Task<> denied() {
  Admin admin(std::make_shared<DenyAll>());
  const auto answer = co_await fetch(admin.listener.port(), "GET", "/metrics");
  EXPECT_EQ(answer.status, 403);
  const auto alive = co_await fetch(admin.listener.port(), "GET", "/healthz");
  EXPECT_EQ(alive.status, 200);
  co_await admin.stop();
}
TEST(AdminEndpoints, MetricsNeedTheRightToDescribeTheCluster) { testing::run(denied); }

}  // namespace
}  // namespace leat::http
