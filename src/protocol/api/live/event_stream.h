#pragma once

#include <map>
#include <string>

#include "protocol/api/live/live_client.h"
#include "pubsub/hub.h"

namespace leat::api {

// Where to go on in topics: "TOPIC@PARTITION:OFFSET,...;TOPIC@...". What an event stream's ids say.
using TopicPlaces = std::map<std::string, std::map<std::int32_t, std::int64_t>>;
[[nodiscard]] std::string text_of(const TopicPlaces& places);
// nullopt: it makes no sense.
[[nodiscard]] std::optional<TopicPlaces> parse_places(std::string_view text);

// What is asked for by one request for events.
struct EventWish {
  std::vector<std::string> topics;
  std::vector<std::string> channels;
  std::vector<std::string> patterns;
  pubsub::TailStart start;  // of topics that `places` says nothing of
  TopicPlaces places;
};

// Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): records and messages as they come. Each
// event's id tells where to go on in all topics.
class EventStream final : public LiveClient {
 public:
  EventStream(LiveShard& shard, security::Principal principal, EventWish wish);
  ~EventStream() override;

  [[nodiscard]] runtime::Task<> run(http::Connection& connection) override;
  void finish() override;

  void take_record(const pubsub::TailRecord& record, const LiveEvent& event) override;
  void end_topic(const std::string& topic, const Error& why) override;
  void tell_loss(std::uint64_t count) override;
  void keep_alive(MonoTime now) override;

 protected:
  void send_message(const LiveEvent& event) override;

 private:
  runtime::Task<> open_all();
  // Where the client begins in a topic. False: it cannot be read.
  runtime::Task<bool> find_places(const std::string& topic);
  runtime::Task<> open_topic(const std::string& topic);
  runtime::Task<> open_channel(pubsub::Kind kind, const std::string& name);
  // Sends the problem as an event.
  void send_problem(std::string_view about, std::string_view name, const Error& why);

  EventWish wish_;
  TopicPlaces places_;
};

}  // namespace leat::api
