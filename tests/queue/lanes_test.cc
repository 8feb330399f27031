#include "queue/lanes.h"

#include <gtest/gtest.h>

namespace leat::queue {
namespace {

// A pass over the lanes of the index takes several loads; what is put behind its place meanwhile is found by the next.
TEST(Lanes, ALaneThatIsPutBehindTheCursorIsNotForgotten) {
  LaneOptions options;
  options.cold_entries = 1;
  Lanes lanes(options, [](Offset) { return false; });
  const Time now{};
  std::map<std::string, std::string> index;
  const auto put = [&](const LaneKey& lane, Offset first) {
    index[lane_entry_key(lane, first)] = encode_runs({queue::Run{first}});
  };
  put({0, "b"}, Offset(1));
  put({0, "c"}, Offset(2));
  lanes.expect_cold();
  for (const std::string_view group : {"b", "c"}) {
    Lane& lane = lanes.lane({0, std::string(group)});
    lanes.pin(lane);
    lanes.update(lane, now);
  }
  lanes.allow_loads();
  std::uint64_t next_load = 0;
  for (int round = 0; round < 10; ++round) {
    IndexWork work;
    lanes.collect_work(work, next_load);
    for (const IndexEntry& entry : work.puts) index[entry.key] = entry.value;
    for (const IndexLoad& load : work.loads) {
      IndexLoaded loaded{load.id, {}, false};
      for (auto at = index.lower_bound(load.from); at != index.end() && at->first < load.to; ++at) {
        loaded.has_more = loaded.entries.size() == load.count_max;
        if (loaded.has_more) break;
        loaded.entries.push_back({at->first, at->second});
      }
      EXPECT_TRUE(lanes.loaded(loaded, now));
    }
    if (round > 0) continue;
    lanes.add({0, "a"}, queue::Run{Offset(3)}, now);
    lanes.end_chunk();
  }
  EXPECT_EQ(lanes.servable(), 3U);
  EXPECT_FALSE(lanes.maybe_cold());
}

}  // namespace
}  // namespace leat::queue
