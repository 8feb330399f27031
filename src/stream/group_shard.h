#pragma once

#include <map>
#include <memory>

#include "stream/group_coordinator.h"
#include "stream/stream_shard.h"

namespace leat::stream {

// Where committed offsets and groups live: one internal, compacted topic with Kafka's layouts.
inline constexpr std::string_view kOffsetsTopic = "__consumer_offsets";

// The group coordinators of one shard: one for each partition of the offsets topic that the shard owns. Everything here
// runs on that shard.
class GroupShard {
 public:
  GroupShard(StreamShard& streams, const GroupConfig& config) : streams_(streams), config_(config) {}
  GroupShard(const GroupShard&) = delete;
  GroupShard& operator=(const GroupShard&) = delete;

  // The coordinator of a partition of the offsets topic, started when it is first asked for; nullptr when this shard owns
  // no such partition or stops.
  [[nodiscard]] GroupCoordinator* find(PartitionIndex partition);
  // Starts those of all partitions that are here: groups expire and show up in metrics before anyone asks for them.
  void start_all();
  runtime::Task<> stop();

  using Coordinators = std::map<PartitionIndex, std::unique_ptr<GroupCoordinator>>;
  [[nodiscard]] const Coordinators& coordinators() const { return coordinators_; }
  [[nodiscard]] StreamShard& streams() { return streams_; }

 private:
  StreamShard& streams_;
  GroupConfig config_;
  Coordinators coordinators_;
  bool stopping_ = false;
};

}  // namespace leat::stream
