#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "pubsub/hub.h"
#include "runtime/sync.h"
#include "runtime/task.h"

namespace leat::resp {

class Executor;
class Server;

// A message as it comes out of a relay. Lasts as long as the call.
struct RelayedMessage {
  pubsub::Kind kind;         // of the subscription that it comes by: channel or pattern
  std::string_view pattern;  // of that subscription, if it is one
  std::string_view channel;
  std::string_view payload;
};

// Gets what a relay brings, on the relay's shard.
class RelayReceiver {
 public:
  virtual ~RelayReceiver() = default;
  // One message, once for each name that it came by, in the order of publishing.
  virtual void deliver(const RelayedMessage& message) = 0;
  // `count` messages were dropped between the last one delivered and the next, as too much waited for this shard. Of which
  // names they were is not known.
  virtual void lost(std::uint64_t count) = 0;
};

// Brings the messages of channels to a shard that is not the keyspace's (or is). It counts who is interested in a name on its
// shard, and is one subscriber of the hub to all of these names: PUBLISH and PUBSUB NUMSUB count it once for a name, however
// many are interested, and a client of the Redis protocol cannot end it. Patterns, too, match the names of channels only.
//
// Belongs to the shard that makes it, and is stopped there before `server` goes.
class ChannelRelay {
 public:
  static constexpr std::size_t kBytesMax = std::size_t{8} << 20;

  // `receiver` outlives stop(). What waits for this shard takes `bytes_max` at most: above that messages are dropped.
  ChannelRelay(Server& server, RelayReceiver& receiver, std::size_t bytes_max = kBytesMax);
  ChannelRelay(const ChannelRelay&) = delete;
  ChannelRelay& operator=(const ChannelRelay&) = delete;
  ~ChannelRelay();  // stopped

  // One more is interested in the name. On return everything published from now on is delivered; some of what was published
  // before may come too, if others were interested. Errors: invalid_argument (a sharded channel, or topic:NAME: topics are
  // followed as topics), cancelled (stopping).
  runtime::Task<Status> subscribe(pubsub::Kind kind, std::string name);
  // One less is interested. Nothing of a name that nobody is interested in is delivered from the call on. Without a subscribe
  // to the name nothing happens.
  runtime::Task<> unsubscribe(pubsub::Kind kind, std::string name);
  // Nothing is delivered from the call on. To be called once; on return nothing of it is left at the hub.
  runtime::Task<> stop();

  // How many are interested.
  [[nodiscard]] std::size_t interested(pubsub::Kind kind, std::string_view name) const;

 private:
  class Outlet;
  struct Batch;
  using Name = std::pair<pubsub::Kind, std::string>;
  using NameView = std::pair<pubsub::Kind, std::string_view>;
  struct Less {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return NameView(a.first, a.second) < NameView(b.first, b.second);
    }
  };

  static runtime::Task<> subscribe_there(ChannelRelay* relay, pubsub::Kind kind, std::string& name);
  static runtime::Task<> unsubscribe_there(ChannelRelay* relay, pubsub::Kind kind, std::string& name);
  static runtime::Task<> close_there(ChannelRelay* relay);
  // A batch has come to this shard.
  void take(const Batch& batch);

  runtime::Shard& shard_;
  Executor& executor_;
  RelayReceiver& receiver_;
  std::size_t bytes_max_;
  std::map<Name, std::size_t, Less> interests_;
  std::size_t calls_ = 0;  // to the executor's shard
  bool stopping_ = false;
  runtime::Notifier called_;
  std::unique_ptr<Outlet> outlet_;  // the executor's shard's
};

}  // namespace leat::resp
