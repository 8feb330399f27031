#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "queue/index.h"
#include "queue/settings.h"

namespace leat::queue {

// The queues' index on disk (docs/formats/queue-journal.md), one for a node: a RocksDB in a folder of its own, without a
// write-ahead log. After a crash it is as it was at some moment before. It is made when something is first put into it;
// one that cannot be read is thrown away. Thread-safe; every call may wait for the disk.
class IndexStore {
 public:
  explicit IndexStore(std::string folder);
  IndexStore(const IndexStore&) = delete;
  IndexStore& operator=(const IndexStore&) = delete;
  ~IndexStore();

  // Opens what is there; nothing if there is none.
  void open();
  // Writes everything down.
  void close();

  // What a queue's partition has in it. On an error nothing is known any more: the engine is to read ahead anew.
  [[nodiscard]] std::optional<IndexMark> mark(const QueueId& queue, PartitionIndex partition);
  [[nodiscard]] Result<std::vector<IndexLoaded>> apply(const QueueId& queue, PartitionIndex partition,
                                                       const IndexWork& work);
  [[nodiscard]] Status erase(const QueueId& queue, PartitionIndex partition, const std::vector<std::string>& keys);
  // Everything of a queue that is gone.
  void forget(const QueueId& queue);

 private:
  class Database;
  [[nodiscard]] Result<Database*> database(bool create);

  std::string folder_;
  std::mutex mutex_;  // of opening; RocksDB itself needs none
  std::unique_ptr<Database> database_;
};

}  // namespace leat::queue
