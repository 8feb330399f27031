#include "stream/group_shard.h"

namespace leat::stream {

GroupCoordinator* GroupShard::find(PartitionIndex partition) {
  if (const auto found = coordinators_.find(partition); found != coordinators_.end()) return found->second.get();
  const catalog::Topic* topic = streams_.topics()->find(kOffsetsTopic);
  if (stopping_ || topic == nullptr) return nullptr;
  const auto journal = streams_.find({topic->entry.id, partition});
  if (journal == nullptr) return nullptr;
  auto coordinator = std::make_unique<GroupCoordinator>(journal->log().shared_from_this(), config_);
  coordinator->start();
  return coordinators_.emplace(partition, std::move(coordinator)).first->second.get();
}

void GroupShard::start_all() {
  const catalog::Topic* topic = streams_.topics()->find(kOffsetsTopic);
  if (topic == nullptr) return;
  for (std::int32_t p = 0; p < topic->entry.partitions; ++p) (void)find(PartitionIndex(p));
}

runtime::Task<> GroupShard::stop() {
  stopping_ = true;
  for (const auto& [partition, coordinator] : coordinators_) co_await coordinator->stop();
}

}  // namespace leat::stream
