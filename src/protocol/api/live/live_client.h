#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/api/problem.h"
#include "protocol/http/message.h"
#include "pubsub/topic_tails.h"
#include "runtime/sync.h"
#include "security/policy.h"
#include "security/quota_account.h"

namespace leat::api {

class LiveShard;

// What of a topic's record or a channel's message goes to all who get it: made once, by the first who needs it.
struct LiveEvent {
  // The JSON of the event.
  std::string json;
  // The same as a WebSocket's frame.
  std::string frame;
};

// The JSON of what tells a client that something ended by itself ("topic", its name, why), or that messages of channels were lost.
[[nodiscard]] std::string ended_event(std::string_view what, std::string_view name, const Problem& why);
[[nodiscard]] std::string lost_event(std::uint64_t count);

// A connection on which events go out as they come. Belongs to one shard.
//
// What the client does not take waits in its output. Above kRoom topics wait for it, in the log; of channels, which are kept
// nowhere, the connection ends above kUnsentMax.
class LiveClient : public http::Takeover {
 public:
  static constexpr std::size_t kRoom = std::size_t{256} << 10;
  static constexpr std::size_t kUnsentMax = std::size_t{1} << 20;

  LiveClient(LiveShard& shard, security::Principal principal);
  ~LiveClient() override;

  [[nodiscard]] bool has_room() const { return unsent() < kRoom; }
  // Whether its user may have one more connection; asked before the connection becomes this one's.
  [[nodiscard]] bool may_connect() { return quota_.use(principal_, ""); }
  // It listens to nothing any more.
  [[nodiscard]] bool is_ended() const { return ended_; }
  [[nodiscard]] const security::Principal& principal() const { return principal_; }
  // What it came with counts no longer.
  [[nodiscard]] bool has_expired() const;

  // A record of a topic that it follows. `event` is shared with others.
  virtual void take_record(const pubsub::TailRecord& record, const LiveEvent& event) = 0;
  // The topic is followed no longer.
  virtual void end_topic(const std::string& topic, const Error& why) = 0;
  // A message of a channel that it listens to. `name`: of the channel, or of the pattern by which it comes.
  void take_message(std::string_view channel, const LiveEvent& event);
  // `count` messages of channels were lost on the way to this shard.
  virtual void tell_loss(std::uint64_t count) = 0;
  // Called every now and then: says something, if nothing was said for long, and ends a connection on which the client says
  // nothing at all.
  virtual void keep_alive(MonoTime now) = 0;
  // The turn ends: what is in the output goes out.
  void flush();

 protected:
  // Adds to the output, which goes out at the end of the turn.
  void send(std::string_view bytes);
  virtual void send_message(const LiveEvent& event) = 0;
  // The connection is there from here on.
  void attach(http::Connection& connection);
  // Everything it listens to ends; on return nothing of it runs any more.
  runtime::Task<> detach();
  // Returns when there is little in the output, or the connection has ended.
  runtime::Task<> wait_for_room();
  void end_connection();
  // As QuotaAccount::try_request().
  [[nodiscard]] Duration try_request(std::size_t bytes) {
    (void)quota_.use(principal_, "");
    return quota_.try_request(bytes);
  }
  [[nodiscard]] std::size_t unsent() const { return out_.size() + in_flight_; }
  // There is room in the output again.
  virtual void has_room_again() {}
  [[nodiscard]] MonoTime sent_at() const { return sent_at_; }
  [[nodiscard]] LiveShard& live() { return shard_; }
  [[nodiscard]] runtime::TaskScope& tasks() { return tasks_; }
  [[nodiscard]] http::Connection* connection() { return connection_; }

 private:
  runtime::Task<> write_out();
  runtime::Task<> pause(Duration wait);
  void sent(std::size_t before);

  LiveShard& shard_;
  security::Principal principal_;
  security::QuotaAccount quota_;
  http::Connection* connection_ = nullptr;
  std::string out_;
  std::size_t in_flight_ = 0;
  bool is_dirty_ = false;  // it is in the shard's list for the end of the turn
  bool is_writing_ = false;
  bool ended_ = false;
  MonoTime sent_at_{};
  runtime::Notifier room_;
  runtime::TaskScope tasks_;
};

}  // namespace leat::api
