#include "observe/registry.h"

#include <gtest/gtest.h>

#include "runtime/real.h"
#include "tests/observe/exposition.h"

namespace leat::observe {
namespace {

runtime::Task<> render_into(const MetricsRegistry& registry, std::string& text, runtime::Shard*& ended_on) {
  text = co_await registry.render();
  ended_on = &runtime::Shard::current();
}

TEST(MetricsRegistry, RunsEachCollectorOnItsShardAndAddsUpWhatTheyReport) {
  auto world = runtime::RealRuntime::create({.shards = 3, .io_threads = 1});
  const auto shards = world->shards();
  MetricsRegistry registry;
  registry.add([](MetricsPage& page) { page.counter("leat_test_rounds_total", "Everywhere.", {}, 1); });
  for (auto* shard : shards) {
    for (int i = 0; i < 2; ++i) {
      registry.add(*shard, [shard](MetricsPage& page) {
        EXPECT_TRUE(runtime::Shard::is_current(*shard));
        page.counter("leat_test_rounds_total", "Everywhere.", {}, 10);
      });
    }
  }
  std::string text;
  runtime::Shard* ended_on = nullptr;
  world->run([&] { return render_into(registry, text, ended_on); });
  const auto shown = parse_exposition(text);
  EXPECT_EQ(shown.error, "");
  EXPECT_EQ(shown.samples.at("leat_test_rounds_total"), 61);
  EXPECT_EQ(ended_on, shards.front());
}

}  // namespace
}  // namespace leat::observe
