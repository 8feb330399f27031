#include "observe/registry.h"

#include "runtime/call.h"

namespace leat::observe {
namespace {

runtime::Task<> collect(const std::vector<Collector>* collectors, MetricsPage* page) {
  for (const auto& collector : *collectors) collector(*page);
  co_return;
}

}  // namespace

void MetricsRegistry::add(Collector collector) { collectors_.push_back(std::move(collector)); }

void MetricsRegistry::add(runtime::Shard& shard, Collector collector) {
  for (auto& of_shard : of_shards_) {
    if (of_shard.shard == &shard) {
      of_shard.collectors.push_back(std::move(collector));
      return;
    }
  }
  of_shards_.push_back({&shard, {}});
  of_shards_.back().collectors.push_back(std::move(collector));
}

void MetricsRegistry::add_task(TaskCollector collector) { tasks_.push_back(std::move(collector)); }

runtime::Task<std::string> MetricsRegistry::render() const {
  MetricsPage page;
  for (const auto& collector : collectors_) collector(page);
  // One shard after the other: the page is handed on and never shared.
  for (const auto& of_shard : of_shards_)
    co_await runtime::call_on(*of_shard.shard, collect, &of_shard.collectors, &page);
  for (const auto& collector : tasks_) co_await collector(page);
  co_return co_await runtime::run_blocking([&page] { return page.text(); });
}

}  // namespace leat::observe
