#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "protocol/api/live/live_client.h"
#include "protocol/api/live/queue_subscription.h"
#include "protocol/api/problem.h"
#include "protocol/http/websocket.h"

namespace leat::api {

enum class LiveOp : std::uint8_t;
struct LiveRequest;

// One WebSocket on /v1/live: the client's requests, and the events that it asked for (docs/live.md). Requests run side by side,
// up to kRequestsMax; those to publish take effect in the order in which they came.
class WebSocketSession final : public LiveClient {
 public:
  static constexpr std::size_t kRequestsMax = 256;
  static constexpr std::size_t kSubscriptionsMax = 1000;

  WebSocketSession(LiveShard& shard, security::Principal principal);
  ~WebSocketSession() override;

  [[nodiscard]] runtime::Task<> run(http::Connection& connection) override;
  void finish() override;

  void take_record(const pubsub::TailRecord& record, const LiveEvent& event) override;
  void end_topic(const std::string& topic, const Error& why) override;
  void tell_loss(std::uint64_t count) override;
  void keep_alive(MonoTime now) override;

 protected:
  void send_message(const LiveEvent& event) override;
  void has_room_again() override;

 private:
  using Done = runtime::Task<Outcome<std::string>>;  // the members of the answer, behind "id"

  // A message of the client. False: the connection ends.
  [[nodiscard]] bool take(http::WebSocketMessage message);
  runtime::Task<> serve(std::unique_ptr<LiveRequest> request, std::string id);
  void send_answer(LiveOp op, const std::string& id, const Outcome<std::string>& done);
  Done perform(const LiveRequest& request);

  Done change_subscription(const LiveRequest& request);
  Done subscribe(const LiveRequest& request);
  Done subscribe_topic(const LiveRequest& request);
  Done subscribe_queue(const LiveRequest& request);
  Done unsubscribe(const LiveRequest& request);
  // Publishes or sends.
  Done put(const LiveRequest& request);
  Done put_once(const LiveRequest& request, runtime::Reservation turn);
  Done put_now(const LiveRequest& request);
  Done publish(const LiveRequest& request);
  Done publish_record(const LiveRequest& request);
  Done send_to_queue(const LiveRequest& request);
  Done settle(const LiveRequest& request);

  // Whether the user may do it with what the request names.
  [[nodiscard]] Outcome<> admit(std::size_t bytes);
  [[nodiscard]] Outcome<> authorize(security::Operation operation, security::ResourceType type, std::string_view name);
  [[nodiscard]] QueueSubscription* find_queue(std::string_view name);
  void take_delivery(QueueSubscription& subscription, queue::Delivery delivery);
  runtime::Task<> push(std::shared_ptr<QueueSubscription> subscription);
  void send_event(std::string_view json);
  void send_output();
  void close(http::CloseCode code, std::string_view reason);

  http::WebSocketDecoder decoder_;
  std::vector<std::shared_ptr<QueueSubscription>> queues_;
  std::size_t requests_ = 0;  // under way
  runtime::Notifier request_done_;
  runtime::Budget changing_{1};  // subscriptions: one after the other, so that the last word counts
  runtime::Budget putting_{1};   // while it is looked up whether something was done before, what came behind it waits
  MonoTime heard_at_{};
  bool is_pinged_ = false;
};

}  // namespace leat::api
