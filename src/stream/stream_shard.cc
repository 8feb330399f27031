#include "stream/stream_shard.h"

#include "base/logging.h"
#include "runtime/call.h"
#include "runtime/sync.h"

namespace leat::stream {
namespace {
constexpr std::size_t kOpenedAtOnce = 16;
}

StreamShard::StreamShard(runtime::Shard& shard, StreamOptions options, runtime::FileSystem& files)
    : shard_(shard),
      options_(std::move(options)),
      files_(files),
      store_(options_.store, files),
      producers_(std::make_shared<ProducerAccount>(options_.producers)) {}

void StreamShard::start() { store_.start(); }

runtime::Task<Status> StreamShard::stop() {
  const auto partitions = partitions_;
  for (const auto& [id, partition] : partitions) {
    if (auto saved = co_await partition->save_producers(files_, true); !saved)
      log_warning("stream", "{}: could not save the producers' state: {}", id, saved.error().message);
  }
  co_return co_await store_.stop();
}

runtime::Task<Status> StreamShard::open(std::vector<PartitionToOpen> partitions) {
  Status outcome;
  for (std::size_t first = 0; first < partitions.size(); first += kOpenedAtOnce) {
    runtime::TaskScope scope;
    for (std::size_t i = first; i < std::min(first + kOpenedAtOnce, partitions.size()); ++i)
      scope.spawn(open_one(partitions[i], outcome));
    co_await scope.join();
  }
  co_return outcome;
}

runtime::Task<> StreamShard::open_one(PartitionToOpen to_open, Status& outcome) {
  const auto opened = co_await store_.open(to_open.id, to_open.config, to_open.epoch, to_open.point, to_open.clean);
  if (!opened) {
    outcome = fail(opened.error());
    co_return;
  }
  auto partition =
      std::make_shared<StreamPartition>((*opened)->shared_from_this(), producers_, options_.store.decompressed_size_max,
                                        counters_of(to_open.id.topic), options_.store.reserve);
  if (!(*opened)->offline()) {
    if (auto loaded = co_await partition->load_producers(files_); !loaded) (*opened)->take_offline(loaded.error());
  }
  partitions_[to_open.id] = std::move(partition);
}

runtime::Task<Status> StreamShard::remove(std::vector<TopicPartition> partitions) {
  Status outcome;
  for (const TopicPartition& id : partitions) {
    const auto found = partitions_.find(id);
    if (found == partitions_.end()) continue;
    partitions_.erase(found);
    if (auto removed = co_await store_.remove(id); !removed) outcome = removed;
  }
  co_return outcome;
}

const std::shared_ptr<TopicCounters>& StreamShard::counters_of(const TopicId& topic) {
  auto& counters = counters_[topic];
  if (counters == nullptr) counters = std::make_shared<TopicCounters>();
  return counters;
}

void StreamShard::set_topics(catalog::TopicsPtr topics) {
  topics_ = std::move(topics);
  std::erase_if(counters_, [&](const auto& entry) { return topics_->find(entry.first) == nullptr; });
}

void StreamShard::reconfigure(const TopicId& topic, const log::LogConfig& config) {
  for (const auto& [id, partition] : partitions_) {
    if (id.topic == topic) partition->log().reconfigure(config);
  }
}

runtime::Task<std::vector<std::pair<TopicPartition, log::RecoveryPoint>>> StreamShard::checkpoint() {
  const auto partitions = partitions_;
  for (const auto& [id, partition] : partitions) {
    partition->expire_producers(shard_.wall_now());
    if (auto saved = co_await partition->save_producers(files_, false); !saved)
      log_warning("stream", "{}: could not save the producers' state: {}", id, saved.error().message);
  }
  co_return store_.recovery_points();
}

namespace {

runtime::Task<> add_offline(const StreamShard* shard, std::unordered_set<TopicPartition>* found) {
  for (const log::Partition* partition : shard->store().partitions()) {
    if (partition->offline()) found->insert(partition->id());
  }
  co_return;
}

}  // namespace

runtime::Task<std::unordered_set<TopicPartition>> offline_partitions(const Streams& streams) {
  std::unordered_set<TopicPartition> found;
  for (std::size_t i = 0; i < streams.size(); ++i) {
    StreamShard& shard = streams.shard(i);
    if (shard.store().stats().offline_partitions.value() > 0)
      co_await runtime::call_on(shard.shard(), add_offline, &shard, &found);
  }
  co_return found;
}

std::shared_ptr<StreamPartition> StreamShard::find(const TopicPartition& id) const {
  const auto found = partitions_.find(id);
  return found == partitions_.end() ? nullptr : found->second;
}

TopicId neighbour_id(const TopicId& topic, const std::function<std::uint64_t()>& random) {
  // Streams::owner() takes this hash, which is the first half and a multiple of the second: one follows from the other.
  static constexpr std::uint64_t kFactor = 0x9E3779B97F4A7C15;
  const std::uint64_t hash = std::hash<Uuid>{}(topic);
  while (true) {
    std::uint64_t halves[2] = {0, random()};
    TopicId id;
    std::memcpy(id.bytes.data(), halves, sizeof halves);
    id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3F) | 0x80);  // RFC 9562's variant
    std::memcpy(halves, id.bytes.data(), sizeof halves);
    halves[0] = hash ^ (halves[1] * kFactor);
    std::memcpy(id.bytes.data(), halves, sizeof halves);
    if (id.bytes[6] >> 4 == 4 && std::hash<Uuid>{}(id) == hash) return id;  // of the version that others have
  }
}

}  // namespace leat::stream
