#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "protocol/api/live/live_client.h"
#include "protocol/resp/channel_relay.h"
#include "pubsub/topic_tails.h"
#include "runtime/shard.h"

namespace leat::api {

class ApiShard;

// The live connections of one shard: who of them listens to what, and the events that they share.
class LiveShard final : private resp::RelayReceiver {
 public:
  explicit LiveShard(ApiShard& shard);
  LiveShard(const LiveShard&) = delete;
  LiveShard& operator=(const LiveShard&) = delete;
  ~LiveShard() override;  // stopped

  [[nodiscard]] ApiShard& shard() { return shard_; }
  [[nodiscard]] const std::set<LiveClient*>& clients() const { return clients_; }

  // Where `start` is in each partition of a topic, now. Errors: those of TopicTails::open.
  runtime::Task<Result<std::vector<Offset>>> resolve(std::string topic, pubsub::TailStart start) {
    return tails_.resolve(std::move(topic), std::move(start));
  }
  // Returns the offset at which it begins in each partition. The client may read the topic. Errors: those of
  // TopicTails::open, exists (it follows it already), cancelled (it has left).
  runtime::Task<Result<std::vector<Offset>>> follow(LiveClient& client, std::string topic, pubsub::TailStart start);
  // False: it does not follow it.
  bool unfollow(const LiveClient& client, const std::string& topic);
  // Channels (the client may read it), or patterns: of what comes by one the client gets what it may read. Errors: those of
  // ChannelRelay::subscribe, exists, cancelled (it has left).
  runtime::Task<Status> listen(LiveClient& client, pubsub::Kind kind, std::string name);
  // False: it does not listen to it.
  bool unlisten(LiveClient& client, pubsub::Kind kind, const std::string& name);

  // Topics, channels and patterns of a client, those that are being opened too.
  [[nodiscard]] std::size_t subscriptions(LiveClient& client) const;

  // --- for clients
  void add(LiveClient& client);
  // It has ended, and listens to nothing any more.
  void forget(LiveClient& client);
  // Nothing of it runs any more.
  void remove(LiveClient& client);
  void flush_later(LiveClient& client);
  // It has room again.
  void resume(const LiveClient& client);
  void count_slow(const LiveClient& client, std::string_view channel);

  // Looks after connections from here on.
  void start() { tasks_.spawn(watch_over()); }
  // Ends all connections. On return nothing runs any more.
  runtime::Task<> stop();

 private:
  class TopicFollower;
  struct Flush final : runtime::Work {
    LiveShard* live = nullptr;
  };
  using Name = std::pair<pubsub::Kind, std::string>;

  void deliver(const resp::RelayedMessage& message) override;
  void lost(std::uint64_t count) override;
  void flush_all();
  void schedule_flush();
  // The client may not read the topic any more: it is ended at the end of the turn.
  void deny(LiveClient& client, const std::string& topic);
  // Keeps idle connections alive, some at a time.
  runtime::Task<> watch_over();
  runtime::Task<> end_listening(pubsub::Kind kind, std::string name);
  const LiveEvent& event_of(const pubsub::TailRecord& record);

  ApiShard& shard_;
  pubsub::TopicTails tails_;
  resp::ChannelRelay relay_;
  std::set<LiveClient*> clients_;
  std::map<const LiveClient*, std::map<std::string, std::shared_ptr<TopicFollower>, std::less<>>> followers_;
  std::map<Name, std::vector<LiveClient*>> listeners_;
  std::map<LiveClient*, std::map<Name, std::uint64_t>>
      listens_;  // with numbers: who asks again is not who asked before
  std::uint64_t last_listen_ = 0;
  std::vector<LiveClient*> dirty_;
  std::vector<std::pair<LiveClient*, std::string>> denied_;  // topics that clients may no longer read
  Flush flush_;
  bool flush_sent_ = false;
  // The event of the last record, for the next who follows the same topic.
  struct LastRecord {
    TopicId topic;
    std::int32_t partition = -1;
    Offset offset{-1};
    LiveEvent event;
  } last_;
  LiveEvent message_;  // the one that is being delivered
  bool stopping_ = false;
  runtime::Notifier left_;       // a client
  runtime::Notifier stop_wake_;  // of what looks after them
  runtime::TaskScope tasks_;
};

}  // namespace leat::api
