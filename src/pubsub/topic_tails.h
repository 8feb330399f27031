#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.h"
#include "base/result.h"
#include "log/batch.h"
#include "runtime/sync.h"
#include "stream/stream_shard.h"

namespace leat::pubsub {

// One record of a topic, as those who follow it get it. Lasts as long as the call.
struct TailRecord {
  std::string_view topic;
  const TopicId& topic_id;  // tells it from one of the same name that there was before
  std::int32_t partition;
  const log::RecordView& view;
};

// Where somebody begins in a topic's partitions: at its end, where nothing else is said.
struct TailStart {
  bool earliest = false;                         // at the first record that is still there
  std::optional<Timestamp> time;                 // at the first record of this time or later
  std::map<std::int32_t, std::int64_t> offsets;  // by partition: at this offset
};

// Somebody who follows a topic.
class Follower {
 public:
  Follower() = default;
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;
  virtual ~Follower() = default;
  // Records of one partition come in order. Must not open or close.
  virtual void deliver(const TailRecord& record) = 0;
  // Whether it can take more now. When it can again, it goes on where it was: what waits for it is in the log, not in memory.
  [[nodiscard]] virtual bool has_room() const = 0;
  // The topic cannot be read any more, or is gone: it is closed.
  virtual void ended(const Error& why) = 0;
};

// Gives new records of topics to those who follow them: each partition is read once for all. For one who begins earlier or
// falls behind it is read apart until that has caught up. Everything happens on one shard, wherever the partitions are.
class TopicTails {
 public:
  TopicTails(runtime::Shard& shard, const stream::Streams& streams);
  TopicTails(const TopicTails&) = delete;
  TopicTails& operator=(const TopicTails&) = delete;
  ~TopicTails();

  // Where `start` is in each partition, now. Errors: as of open().
  runtime::Task<Result<std::vector<Offset>>> resolve(std::string topic, TailStart start) const;
  // From the return on, before anything else runs, `follower` gets all records from `start` on that are committed. Returns the
  // offset at which it begins in each partition. Errors:
  // not_found (no such topic or partition), permission_denied (an internal topic), offset_out_of_range (an offset that is
  // not there any more, or not yet), cancelled; those of reading.
  runtime::Task<Result<std::vector<Offset>>> open(std::shared_ptr<Follower> follower, std::string topic,
                                                  TailStart start);
  // It has room again: what waits for it comes sooner than when it is looked for.
  void resume(const Follower& follower);
  // It gets nothing more.
  void close(const Follower& follower);
  // Ends what is read. Nobody gets anything more.
  runtime::Task<> stop();

  // Appends a record without a key, to the partitions in turn. On return it is committed. Errors: not_found,
  // permission_denied, invalid_record (the topic demands keys), message_too_large; those of append and wait_committed.
  runtime::Task<Status> publish(std::string topic, std::string value);

  [[nodiscard]] std::size_t followers(std::string_view topic) const;
  [[nodiscard]] const Counter& delivered() const { return delivered_; }
  [[nodiscard]] const Counter& published() const { return published_; }

 private:
  struct Feed;
  struct Tail;
  struct Chunk;

  [[nodiscard]] Result<const catalog::Topic*> find(std::string_view topic) const;
  // Where somebody begins in each partition who does not begin at its end.
  runtime::Task<Result<std::vector<std::optional<Offset>>>> begins_of(const std::string& topic,
                                                                      const TailStart& start) const;
  runtime::Task<Result<std::shared_ptr<Tail>>> tail_of(const std::string& topic);
  // New records of one partition, to all who have caught up.
  runtime::Task<> follow(std::shared_ptr<Tail> tail, std::size_t partition);
  // Old records of one partition, to one.
  runtime::Task<> catch_up(std::shared_ptr<Tail> tail, std::shared_ptr<Feed> feed, std::size_t partition);
  // The topic may have got more partitions.
  void grow(const std::shared_ptr<Tail>& tail);
  void deliver(Feed& feed, const TailRecord& record);
  void end_all(Tail& tail, const Error& why);
  void leave(Tail& tail, const std::shared_ptr<Feed>& feed);

  runtime::Shard& shard_;
  const stream::Streams& streams_;
  std::map<std::string, std::shared_ptr<Tail>, std::less<>> tails_;
  std::map<const Follower*, std::shared_ptr<Feed>> feeds_;
  std::uint64_t turn_ = 0;
  Counter delivered_;
  Counter published_;
  bool stopping_ = false;
  runtime::TaskScope tasks_;
};

}  // namespace leat::pubsub
