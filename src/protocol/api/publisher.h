#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "protocol/api/node.h"
#include "protocol/api/problem.h"
#include "protocol/api/record_json.h"

namespace leat::api {

// Where a record went, or why it did not.
struct Placed {
  std::int32_t partition = -1;
  std::int64_t offset = -1;
  std::int64_t timestamp = -1;
  std::optional<Problem> problem;
};

// Publishes records to one topic, in batches, each partition's in their order. Belongs to a request.
class Publisher {
 public:
  // The topic exists and is not internal.
  Publisher(ApiShard& shard, const catalog::Topic& topic);

  // Whether the topic has the partition that the record names. Error: 400.
  [[nodiscard]] Outcome<> check(const ParsedRecord& record) const;
  // Whether it goes into the batches that are under way; else flush() first.
  [[nodiscard]] bool has_room(const ParsedRecord& record) const;
  // Puts it into the batch of its partition: the one that it names, or its key's, or the one whose turn it is.
  void add(const ParsedRecord& record);
  // Appends what was added, all partitions side by side, and returns the records' places in the order in which they were
  // added. What is placed is committed.
  runtime::Task<std::vector<Placed>> flush();

 private:
  struct Batch {
    log::BatchBuilder builder;
    std::vector<std::size_t> records;  // which of those that were added
  };
  [[nodiscard]] PartitionIndex partition_of(const ParsedRecord& record) const;
  runtime::Task<> append(PartitionIndex partition, Batch& batch, std::vector<Placed>& placed);

  ApiShard& shard_;
  TopicId topic_;
  std::int32_t partitions_;
  std::int32_t turn_;  // where records without a key go
  std::map<PartitionIndex, Batch> batches_;
  std::vector<Timestamp> timestamps_;
  std::size_t batch_size_max_;
};

}  // namespace leat::api
