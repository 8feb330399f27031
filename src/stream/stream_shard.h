#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "catalog/topics.h"
#include "log/store.h"
#include "runtime/shard.h"
#include "stream/stream_partition.h"

namespace leat::stream {

struct StreamOptions {
  log::StoreOptions store;  // of one shard
  ProducerLimits producers;
};

struct PartitionToOpen {
  TopicPartition id;
  log::LogConfig config;
  LeaderEpoch epoch;
  std::optional<log::RecoveryPoint> point;
  bool clean = false;  // the stop before this start was orderly
};

// The partitions that one shard owns, and its copy of what topics there are. Everything here runs on that shard.
class StreamShard {
 public:
  StreamShard(runtime::Shard& shard, StreamOptions options, runtime::FileSystem& files);
  StreamShard(const StreamShard&) = delete;
  StreamShard& operator=(const StreamShard&) = delete;

  void start();
  // Saves producers, flushes and closes: on return everything that was appended is durable.
  runtime::Task<Status> stop();

  // Opens partitions whose folders exist, several at a time. A damaged one is opened too, and is offline.
  runtime::Task<Status> open(std::vector<PartitionToOpen> partitions);
  // Closes the partitions of a deleted topic; their requests get not_found. Folders go too.
  runtime::Task<Status> remove(std::vector<TopicPartition> partitions);
  void reconfigure(const TopicId& topic, const log::LogConfig& config);
  // Saves producers where it is worth it; returns where recovery may start.
  runtime::Task<std::vector<std::pair<TopicPartition, log::RecoveryPoint>>> checkpoint();

  // nullptr: not here (not_found or owned by another shard).
  [[nodiscard]] std::shared_ptr<StreamPartition> find(const TopicPartition& id) const;
  [[nodiscard]] log::Store& store() { return store_; }
  [[nodiscard]] const log::Store& store() const { return store_; }
  [[nodiscard]] runtime::Shard& shard() { return shard_; }
  [[nodiscard]] const StreamOptions& options() const { return options_; }

  [[nodiscard]] const catalog::TopicsPtr& topics() const { return topics_; }
  void set_topics(catalog::TopicsPtr topics);
  // Counts what a consumer on this shard was sent, whoever owns the partition.
  void count_read(const TopicId& topic, std::uint64_t bytes) { counters_of(topic)->bytes_out.add(bytes); }

  using Counters = std::unordered_map<TopicId, std::shared_ptr<TopicCounters>>;
  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  const std::shared_ptr<TopicCounters>& counters_of(const TopicId& topic);
  runtime::Task<> open_one(PartitionToOpen partition, Status& outcome);

  runtime::Shard& shard_;
  StreamOptions options_;
  runtime::FileSystem& files_;
  log::Store store_;
  std::shared_ptr<ProducerAccount> producers_;
  std::unordered_map<TopicPartition, std::shared_ptr<StreamPartition>> partitions_;
  Counters counters_;
  catalog::TopicsPtr topics_ = std::make_shared<catalog::TopicsSnapshot>();
};

// All shards of this node, for finding who owns what. Immutable once built, so that any shard may ask it.
class Streams {
 public:
  explicit Streams(std::vector<StreamShard*> shards) : shards_(std::move(shards)) {}

  // The shard that owns a partition: partitions of one topic are spread over all shards in turn, those of its companion
  // with them.
  [[nodiscard]] std::size_t owner(const TopicPartition& id) const {
    return (std::hash<Uuid>{}(catalog::topic_of_companion(id.topic)) + static_cast<std::size_t>(id.partition.value())) %
           shards_.size();
  }
  [[nodiscard]] StreamShard& shard(std::size_t index) const { return *shards_[index]; }
  [[nodiscard]] std::size_t size() const { return shards_.size(); }

 private:
  std::vector<StreamShard*> shards_;
};

// A new id for a topic whose partitions are to be owned by the same shards as those of `topic`, however many shards there are.
// `random` gives 64 random bits a call.
[[nodiscard]] TopicId neighbour_id(const TopicId& topic, const std::function<std::uint64_t()>& random);

// The partitions that do not serve. Asks only those shards that have some; on any shard.
[[nodiscard]] runtime::Task<std::unordered_set<TopicPartition>> offline_partitions(const Streams& streams);

}  // namespace leat::stream
