#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "catalog/topics.h"
#include "log/store.h"
#include "runtime/space_reserve.h"
#include "runtime/sync.h"
#include "stream/stream_shard.h"

namespace leat::stream {

// Keeps the shards in step with the catalog: what the catalog says exists is opened by its owner shard, what it no longer
// says is closed and its folder removed, and every shard gets each new snapshot of the topics. All changes, whoever makes
// them, take this one way. Lives on shard 0; the calls below are made there.
class TopicService {
 public:
  TopicService(catalog::Catalog& catalog, catalog::ServerDefaults defaults, NodeId node, const Streams& streams,
               runtime::FileSystem& files, const runtime::SpaceReserve& reserve, std::string data);
  TopicService(const TopicService&) = delete;
  TopicService& operator=(const TopicService&) = delete;

  // Opens every partition of this node and begins to follow the catalog. Leader epochs were raised before.
  runtime::Task<Status> start(log::Checkpoint checkpoint);
  // Ends following, in two steps: begin_stop(), then the catalog's close(), which ends its watches, then stop(). Partitions
  // stay open.
  void begin_stop();
  runtime::Task<> stop();

  // Changes to topics. When one returns, every shard knows of it. Errors: those of catalog::create_topic and so on, and of
  // making folders (disk_full, io).
  runtime::Task<Result<catalog::Topic>> create(catalog::NewTopic topic);
  // The companion of a topic (see catalog/topics.h): the one there is, or a new one with these settings. Error: not_found
  // when there is no such topic.
  runtime::Task<Result<catalog::Topic>> create_companion(TopicId topic, catalog::ConfigMap config);
  // With the topic goes its companion.
  runtime::Task<Status> remove(std::string name);
  // The companion grows too, before the topic does. Errors beside those: the growth check's.
  runtime::Task<Status> add_partitions(std::string name, std::int32_t total);
  runtime::Task<Status> alter_config(std::string name, std::vector<catalog::ConfigChange> changes);
  runtime::Task<Status> replace_config(std::string name, catalog::ConfigMap config);

  [[nodiscard]] const catalog::ServerDefaults& defaults() const { return defaults_; }
  [[nodiscard]] NodeId node() const { return node_; }
  [[nodiscard]] catalog::Catalog& catalog() { return catalog_; }
  // Removes what refers to a deleted topic by its name; called on shard 0, again after each error. Before start().
  using Forget = std::function<runtime::Task<Status>(std::string name)>;
  void on_removed(Forget forget) { forget_ = std::move(forget); }
  // Why a topic may not have more partitions; called on shard 0. Before start().
  using GrowthCheck = std::function<Status(const TopicId& topic)>;
  void set_growth_check(GrowthCheck check) { check_growth_ = std::move(check); }

 private:
  void publish(catalog::TopicsPtr next);
  runtime::Task<> apply_published();
  runtime::Task<> apply(catalog::TopicsPtr next);
  runtime::Task<Status> open_partitions(std::vector<PartitionToOpen> partitions);
  runtime::Task<> remove_topic(catalog::TopicEntry topic);
  runtime::Task<Status> create_folders(std::vector<TopicPartition> partitions);
  runtime::Task<Status> remove_folder(TopicId topic);
  runtime::Task<Status> grow(catalog::TopicEntry topic, std::int32_t total);
  runtime::Task<Status> finish_removal(TopicId id, const std::string& name);
  runtime::Task<> keep_finishing(catalog::DeletedTopic topic);
  runtime::Task<Result<catalog::TopicsPtr>> load_without_orphans();
  runtime::Task<> remove_forgotten();
  runtime::Task<> quarantine_unknown();
  runtime::Task<Status> wait_applied(std::function<bool(const catalog::TopicsSnapshot&)> reached);
  [[nodiscard]] Result<log::LogConfig> log_config_of(const catalog::Topic& topic) const;
  void plan_open(const catalog::Topic& topic, std::int32_t first, std::vector<PartitionToOpen>& to_open) const;

  catalog::Catalog& catalog_;
  catalog::ServerDefaults defaults_;
  NodeId node_;
  const Streams& streams_;
  runtime::FileSystem& files_;
  const runtime::SpaceReserve& reserve_;
  std::string data_;
  catalog::TopicsPtr applied_;
  catalog::TopicsPtr published_;
  runtime::Notifier published_wake_;
  runtime::Notifier applied_wake_;
  runtime::TaskScope tasks_;
  Forget forget_;
  GrowthCheck check_growth_;
  std::vector<catalog::DeletedTopic> unfinished_;  // deleted before the last stop
  runtime::Budget changes_{1};                     // one change at a time: making folders must not meet itself
  bool stopping_ = false;
};

}  // namespace leat::stream
