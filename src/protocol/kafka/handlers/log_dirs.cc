#include <filesystem>

#include "protocol/kafka/handlers/handlers.h"
#include "runtime/call.h"
#include "runtime/file.h"

namespace leat::kafka {
namespace {

using security::Operation;
using PartitionReply = DescribeLogDirsResponse::DescribeLogDirsPartition;

struct Asked {
  TopicPartition id;
  std::int64_t size = -1;  // -1: it is not there
};

// On the shard that owns the partitions.
runtime::Task<std::vector<Asked>> measure(const stream::StreamShard* shard, std::vector<Asked> partitions) {
  for (Asked& asked : partitions) {
    if (const log::Partition* log = shard->store().find(asked.id); log != nullptr)
      asked.size = static_cast<std::int64_t>(log->size_bytes());
  }
  co_return partitions;
}

// On the connection's shard, from here on.

using ByShard = std::vector<std::vector<Asked>>;

void plan_topic(const stream::Streams& streams, const catalog::Topic& topic,
                const std::vector<std::int32_t>& partitions, ByShard& by_shard) {
  for (const std::int32_t partition : std::set<std::int32_t>(partitions.begin(), partitions.end())) {
    if (partition < 0 || partition >= topic.entry.partitions) continue;
    const TopicPartition id{topic.entry.id, PartitionIndex(partition)};
    by_shard[streams.owner(id)].push_back({id});
  }
}

ByShard plan(const Request& request, const DescribeLogDirsRequest& message, const catalog::TopicsSnapshot& known) {
  const stream::Streams& streams = request.node().streams;
  ByShard by_shard(streams.size());
  if (message.topics) {
    std::map<const catalog::Topic*, std::vector<std::int32_t>> asked;
    for (const auto& wanted : *message.topics) {
      const catalog::Topic* topic = known.find(wanted.topic);
      if (topic != nullptr) std::ranges::copy(wanted.partitions, std::back_inserter(asked[topic]));
    }
    for (const auto& [topic, partitions] : asked) plan_topic(streams, *topic, partitions, by_shard);
    return by_shard;
  }
  for (const auto& [name, topic] : known.topics()) {
    for (std::int32_t p = 0; p < topic->entry.partitions; ++p) {
      const TopicPartition id{topic->entry.id, PartitionIndex(p)};
      by_shard[streams.owner(id)].push_back({id});
    }
  }
  return by_shard;
}

runtime::Task<> measure_at(const stream::Streams& streams, std::size_t owner, std::vector<Asked>& partitions) {
  const stream::StreamShard* shard = &streams.shard(owner);
  partitions = co_await runtime::call_on(streams.shard(owner).shard(), measure, shard, std::move(partitions));
}

// Fills in the folder's whole path and what its volume holds; what cannot be told stays -1, which means unknown. A
// simulated folder is nowhere, and has no whole size.
runtime::Task<> add_volume(const Request& request, DescribeLogDirsResponse::DescribeLogDirsResult& folder) {
  runtime::FileSystem& files = request.shard().streams.shard().files();
  co_await runtime::run_blocking([&] {
    if (const auto free = files.free_space(folder.log_dir)) folder.usable_bytes = static_cast<std::int64_t>(*free);
    if (&files != &runtime::real_files()) return;
    std::error_code failure;
    if (const auto path = std::filesystem::absolute(folder.log_dir, failure); !failure) folder.log_dir = path.string();
    const auto space = std::filesystem::space(folder.log_dir, failure);
    if (!failure) folder.total_bytes = static_cast<std::int64_t>(space.capacity);
  });
}

void add_topics(const ByShard& by_shard, const catalog::TopicsSnapshot& known,
                DescribeLogDirsResponse::DescribeLogDirsResult& folder) {
  std::map<std::string_view, std::vector<PartitionReply>> by_name;
  for (const auto& partitions : by_shard) {
    for (const Asked& asked : partitions) {
      if (asked.size >= 0)
        by_name[known.find(asked.id.topic)->entry.name].push_back({asked.id.partition.value(), asked.size, 0, false});
    }
  }
  for (auto& [name, partitions] : by_name) {
    std::ranges::sort(partitions, {}, &PartitionReply::partition_index);
    folder.topics.push_back({std::string(name), std::move(partitions)});
  }
}

}  // namespace

runtime::Task<DescribeLogDirsResponse> handle_describe_log_dirs(Request& request, DescribeLogDirsRequest message) {
  DescribeLogDirsResponse response;
  if (!request.allows_cluster(Operation::describe)) {
    response.error_code = request.count(ErrorCode::kClusterAuthorizationFailed);
    co_return response;
  }
  const catalog::TopicsPtr known = request.shard().streams.topics();
  ByShard by_shard = plan(request, message, *known);
  runtime::TaskScope scope;
  for (std::size_t i = 0; i < by_shard.size(); ++i) {
    if (!by_shard[i].empty()) scope.spawn(measure_at(request.node().streams, i, by_shard[i]));
  }
  co_await scope.join();
  auto& folder = response.results.emplace_back();
  folder.log_dir = request.node().data_folder;
  co_await add_volume(request, folder);
  add_topics(by_shard, *known, folder);
  co_return response;
}

}  // namespace leat::kafka
