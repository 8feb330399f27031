// The same log on the machine's own files and threads.
#include <gmock/gmock.h>

#include "runtime/real.h"
#include "tests/log/node.h"

namespace leat::log::testing {
namespace {

using ::testing::SizeIs;

// A node on a folder of its own, gone with it.
class RealMachine {
 public:
  RealMachine()
      : runtime_(runtime::RealRuntime::create({.shards = 1, .io_threads = 2})),
        node(runtime::real_files(), make_folder()) {
    node.configs[0].segment_bytes = 1000;
    node.configs[0].index_interval_bytes = 200;
    node.configs[0].retention_ms = -1;
  }
  ~RealMachine() { (void)runtime::real_files().remove_all(node.options.folder); }
  void run(Task<> (*scenario)(Node&)) {
    runtime_->run([this, scenario] { return scenario(node); });
  }

 private:
  static std::string make_folder() {
    std::string pattern = runtime::join_path(::testing::TempDir(), "leat-log-XXXXXX");
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a folder for the test");
    return pattern;
  }
  std::unique_ptr<runtime::RealRuntime> runtime_;

 public:
  Node node;
};

Task<> write_and_read_again(Node& node) {
  EXPECT_TRUE(co_await node.start());
  std::vector<std::string> expected;
  for (int i = 0; i < 300; ++i) expected.push_back(fmt::format("k-{}", i));
  EXPECT_TRUE(co_await fill(*node.logs[0], "k", 300));
  EXPECT_EQ(keys_of(co_await consume(*node.logs[0], Offset(0), 500)), expected);
  EXPECT_TRUE(co_await node.stop());
  EXPECT_TRUE(co_await node.start());
  EXPECT_EQ(node.files->reads(), 0U);
  EXPECT_EQ(keys_of(co_await consume(*node.logs[0], Offset(0))), expected);
  EXPECT_TRUE(co_await node.logs[0]->delete_records(Offset(100)));
  co_await node.kill();
  EXPECT_TRUE(co_await node.start());
  EXPECT_EQ(node.logs[0]->log_start(), Offset(100));
  EXPECT_THAT(keys_of(co_await copy_all(*node.logs[0], Offset(100))), SizeIs(200));
  const auto time = co_await node.logs[0]->find_time(Timestamp(1250));
  EXPECT_TRUE(time && *time && (*time)->offset == Offset(250));
  EXPECT_TRUE(co_await node.stop());
}
TEST(RealFiles, HoldRecordsAcrossCleanAndUncleanStops) { RealMachine().run(write_and_read_again); }

Task<> tear_and_recover(Node& node) {
  EXPECT_TRUE(co_await node.start());
  EXPECT_TRUE(co_await fill(*node.logs[0], "k", 95));
  co_await node.kill();
  {
    const auto file = runtime::real_files().open(node.segment_path(90), runtime::OpenMode::write).value();
    EXPECT_TRUE(file->truncate(file->size().value() - 7));
  }
  EXPECT_TRUE(co_await node.start());
  EXPECT_EQ(node.logs[0]->log_end(), Offset(94));
  EXPECT_GT(node.store->stats().cut_bytes.value(), 0U);
  EXPECT_TRUE(co_await fill(*node.logs[0], "n", 10));
  EXPECT_THAT(keys_of(co_await consume(*node.logs[0], Offset(0))), SizeIs(104));
  EXPECT_TRUE(co_await node.stop());
}
TEST(RealFiles, ATornTailIsCut) { RealMachine().run(tear_and_recover); }

Task<> append_some(Partition& log, int count, int& committed) {
  for (int i = 0; i < count; ++i) {
    if (co_await append_committed(log, batch_of(fmt::format("k{}", i)))) ++committed;
  }
}

Task<> many_partitions(Node& node) {
  node.configs.assign(60, node.configs[0]);
  node.options.open_files_max = 16;
  node.options.sync_all_above = 4;
  EXPECT_TRUE(co_await node.start());
  runtime::TaskScope scope;
  int committed = 0;
  for (const auto& log : node.logs) scope.spawn(append_some(*log, 10, committed));
  co_await scope.join();
  EXPECT_EQ(committed, 600);
  EXPECT_LE(node.store->stats().open_files.value(), 16);
  EXPECT_LT(node.store->stats().flushes.value(), 300U) << "one flush serves many partitions";
  EXPECT_TRUE(co_await node.stop());
  EXPECT_TRUE(co_await node.start());
  for (const auto& log : node.logs) EXPECT_EQ(log->high_watermark(), Offset(10));
  EXPECT_TRUE(co_await node.stop());
}
TEST(RealFiles, ManyPartitionsAreFlushedTogetherWithFewOpenFiles) { RealMachine().run(many_partitions); }

Task<> compact(Node& node) {
  node.configs[0].compact = true;
  node.options.maintenance_interval = 20ms;
  EXPECT_TRUE(co_await node.start());
  for (int i = 0; i < 200; ++i)
    EXPECT_TRUE(append(*node.logs[0], build({{Timestamp(i), fmt::format("k{}", i % 4), fmt::format("v{}", i), {}}})));
  EXPECT_TRUE(co_await node.logs[0]->flush());
  while (node.store->stats().compacted_segments.value() < 10) co_await runtime::sleep_for(5ms);
  co_await node.kill();
  EXPECT_TRUE(co_await node.start());
  const auto found = co_await consume(*node.logs[0], Offset(0));
  std::map<std::string, std::string> latest;
  for (const Stored& stored : *found) latest[*stored.record.key] = *stored.record.value;
  EXPECT_EQ(latest,
            (std::map<std::string, std::string>{{"k0", "v196"}, {"k1", "v197"}, {"k2", "v198"}, {"k3", "v199"}}));
  EXPECT_TRUE(co_await node.stop());
}
TEST(RealFiles, CompactionKeepsTheLatestValues) { RealMachine().run(compact); }

}  // namespace
}  // namespace leat::log::testing
