#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/resp/call.h"
#include "pubsub/hub.h"
#include "pubsub/topic_tails.h"

namespace leat::resp {

// What a name of a channel or pattern says about a topic.
//
//   topic:NAME               all that comes, from now on
//   topic:NAME@POSITIONS     and what is there from some positions on: PARTITION:OFFSET[,PARTITION:OFFSET...], or `earliest`
//   topic:NAME@*             as the first, for patterns
struct TopicChannel {
  std::string topic;
  pubsub::TailStart start;
};
[[nodiscard]] bool is_topic_channel(std::string_view name);
// `name` is one of them: the topic's, if it makes sense.
[[nodiscard]] std::string_view topic_of_channel(std::string_view name);
// `name` is one of them. Error: invalid_argument: it makes no sense.
[[nodiscard]] Result<TopicChannel> parse_topic_channel(std::string_view name);

// Channels that are topics: who subscribes to one gets the topic's new records as messages, who publishes appends to it. For a
// subscription to a pattern a message's channel is topic:NAME@PARTITION:OFFSET, which is where to go on after it.
class TopicChannels {
 public:
  TopicChannels(Executor& executor, const stream::Streams& streams);
  ~TopicChannels();

  // Subscribes the client, which is blocked until that is done, to all names of the call, of which some are topics. `word` is
  // that of the acknowledgements.
  void subscribe(Call& call, pubsub::Kind kind, std::string_view word);
  // Appends a record; the client is blocked until it is committed.
  void publish(Call& call);
  void unsubscribe(const Client& client, pubsub::Kind kind, std::string_view name);
  // The client listens no longer.
  void forget(const Client& client);
  runtime::Task<> stop();

  [[nodiscard]] const pubsub::TopicTails& tails() const { return tails_; }

 private:
  class Follower;
  // A message in the formats that were asked for, for the next follower of the same kind and name.
  struct Formats {
    TopicId topic;
    std::int32_t partition = -1;
    Offset offset;
    pubsub::Kind kind{};
    std::string name;
    std::array<std::string, 2> texts;
  };

  runtime::Task<> subscribe_all(std::uint64_t client, pubsub::Kind kind, std::vector<std::string> names,
                                std::string word);
  // Why the subscription is not made; nullopt: the client is gone.
  runtime::Task<std::optional<Status>> open(std::uint64_t client, pubsub::Kind kind, const std::string& name);
  runtime::Task<> publish_one(std::uint64_t client, std::string channel, std::string value);
  std::array<std::string, 2>& formats_of(const Follower& follower, const pubsub::TailRecord& record);

  Executor& executor_;
  pubsub::TopicTails tails_;
  std::map<std::uint64_t, std::vector<std::shared_ptr<Follower>>> followers_;  // by client
  Formats last_;
  runtime::TaskScope tasks_;
};

}  // namespace leat::resp
