#include "protocol/api/live/live_shard.h"

#include "base/json_text.h"
#include "base/logging.h"
#include "protocol/api/node.h"
#include "protocol/api/record_json.h"
#include "protocol/http/websocket.h"

namespace leat::api {
namespace {

using runtime::Task;
using security::Operation;
using security::ResourceType;

// Connections are looked after in turn, so many steps for all of them.
constexpr std::size_t kSteps = 5;
constexpr Milliseconds kStep{1000};

void frame(LiveEvent& event) {
  event.frame.clear();
  http::append_frame_head(event.frame, http::Opcode::text, event.json.size());
  event.frame += event.json;
}

void write_message(const resp::RelayedMessage& message, std::string& out) {
  out = R"({"type":"message")";
  append_bytes_member("channel", as_bytes(message.channel), out);
  if (message.kind == pubsub::Kind::pattern) append_bytes_member("pattern", as_bytes(message.pattern), out);
  append_bytes_member("data", as_bytes(message.payload), out);
  out += '}';
}

}  // namespace

// One client's place in one topic.
class LiveShard::TopicFollower final : public pubsub::Follower {
 public:
  TopicFollower(LiveShard& live, LiveClient& client, std::string topic)
      : live_(live), client_(client), topic_(std::move(topic)), policy_(live.shard_.node.policies.current()) {}

  void deliver(const pubsub::TailRecord& record) override {
    if (!may_read()) return;
    client_.take_record(record, live_.event_of(record));
    live_.shard_.stats.live_sent.add();
  }
  [[nodiscard]] bool has_room() const override { return client_.has_room(); }
  void ended(const Error& why) override {
    LiveShard& live = live_;
    LiveClient& client = client_;
    const std::string topic = topic_;
    const auto found = live.followers_.find(&client);
    if (found == live.followers_.end()) return;
    found->second.erase(topic);  // and this with it
    client.end_topic(topic, why);
  }

 private:
  // What was granted when it began may have been taken back.
  bool may_read() {
    const security::PolicyPtr& now = live_.shard_.node.policies.current();
    if (now != policy_) {
      policy_ = now;
      may_read_ = now->authorize(client_.principal(), Operation::read, {ResourceType::topic, topic_}) ==
                  security::Decision::allowed;
      if (!may_read_) live_.deny(client_, topic_);
    }
    return may_read_;
  }

  LiveShard& live_;
  LiveClient& client_;
  std::string topic_;
  security::PolicyPtr policy_;
  bool may_read_ = true;
};

LiveShard::LiveShard(ApiShard& shard)
    : shard_(shard), tails_(shard.shard(), shard.node.streams), relay_(shard.node.keyspace, *this) {
  flush_.live = this;
  flush_.run = [](runtime::Work* work) { static_cast<Flush*>(work)->live->flush_all(); };
}

LiveShard::~LiveShard() = default;

Task<Result<std::vector<Offset>>> LiveShard::follow(LiveClient& client, std::string topic, pubsub::TailStart start) {
  if (client.is_ended()) co_return fail(Errc::cancelled, "the connection has ended");
  auto& followed = followers_[&client];
  if (followed.contains(topic)) co_return fail(Errc::exists, fmt::format("topic '{}' is followed already", topic));
  auto follower = std::make_shared<TopicFollower>(*this, client, topic);
  followed[topic] = follower;
  auto begins = co_await tails_.open(follower, topic, std::move(start));
  // The client may have left meanwhile.
  if (const auto found = followers_.find(&client); found != followers_.end()) {
    const auto kept = found->second.find(topic);
    if (kept != found->second.end() && kept->second == follower) {
      if (!begins) found->second.erase(kept);
      co_return begins;
    }
  }
  tails_.close(*follower);
  co_return fail(Errc::cancelled, "the subscription was ended");
}

bool LiveShard::unfollow(const LiveClient& client, const std::string& topic) {
  const auto found = followers_.find(&client);
  if (found == followers_.end()) return false;
  const auto follower = found->second.find(topic);
  if (follower == found->second.end()) return false;
  tails_.close(*follower->second);
  found->second.erase(follower);
  return true;
}

Task<Status> LiveShard::listen(LiveClient& client, pubsub::Kind kind, std::string name) {
  if (client.is_ended()) co_return fail(Errc::cancelled, "the connection has ended");
  const std::uint64_t number = ++last_listen_;
  if (!listens_[&client].try_emplace({kind, name}, number).second)
    co_return fail(Errc::exists, fmt::format("'{}' is subscribed to already", name));
  const Status subscribed = co_await relay_.subscribe(kind, name);
  // It may not want it any more, or want it anew.
  const auto found = listens_.find(&client);
  const auto kept =
      found == listens_.end() ? std::map<Name, std::uint64_t>::iterator() : found->second.find({kind, name});
  const bool is_wanted = found != listens_.end() && kept != found->second.end() && kept->second == number;
  if (!subscribed) {
    if (is_wanted) found->second.erase(kept);
    co_return subscribed;
  }
  if (!is_wanted) {
    co_await relay_.unsubscribe(kind, name);
    co_return fail(Errc::cancelled, "the subscription was ended");
  }
  listeners_[{kind, name}].push_back(&client);
  co_return Status{};
}

Task<> LiveShard::end_listening(pubsub::Kind kind, std::string name) {
  co_await relay_.unsubscribe(kind, std::move(name));
}

bool LiveShard::unlisten(LiveClient& client, pubsub::Kind kind, const std::string& name) {
  const auto found = listens_.find(&client);
  if (found == listens_.end() || found->second.erase({kind, name}) == 0) return false;
  const auto listeners = listeners_.find({kind, name});
  // Not there yet: whoever adds it sees that it is not wanted.
  if (listeners == listeners_.end() || std::erase(listeners->second, &client) == 0) return true;
  if (listeners->second.empty()) listeners_.erase(listeners);
  tasks_.spawn(end_listening(kind, name));
  return true;
}

std::size_t LiveShard::subscriptions(LiveClient& client) const {
  const auto followed = followers_.find(&client);
  const auto listened = listens_.find(&client);
  return (followed == followers_.end() ? 0 : followed->second.size()) +
         (listened == listens_.end() ? 0 : listened->second.size());
}

void LiveShard::add(LiveClient& client) {
  clients_.insert(&client);
  if (stopping_) client.finish();
}

void LiveShard::forget(LiveClient& client) {
  std::erase(dirty_, &client);
  std::erase_if(denied_, [&](const auto& denied) { return denied.first == &client; });
  if (const auto found = followers_.find(&client); found != followers_.end()) {
    for (const auto& [topic, follower] : found->second) tails_.close(*follower);
    followers_.erase(found);
  }
  if (const auto found = listens_.find(&client); found != listens_.end()) {
    for (const auto& [name, number] : std::map(found->second)) unlisten(client, name.first, name.second);
    listens_.erase(&client);
  }
}

void LiveShard::remove(LiveClient& client) {
  clients_.erase(&client);
  left_.notify_all();
}

void LiveShard::flush_later(LiveClient& client) {
  dirty_.push_back(&client);
  schedule_flush();
}

void LiveShard::resume(const LiveClient& client) {
  const auto found = followers_.find(&client);
  if (found == followers_.end()) return;
  for (const auto& [topic, follower] : found->second) tails_.resume(*follower);
}

void LiveShard::deny(LiveClient& client, const std::string& topic) {
  denied_.emplace_back(&client, topic);
  schedule_flush();
}

void LiveShard::schedule_flush() {
  if (!std::exchange(flush_sent_, true)) shard_.shard().send(flush_);
}

void LiveShard::flush_all() {
  flush_sent_ = false;
  for (const auto& [client, topic] : std::exchange(denied_, {})) {
    if (unfollow(*client, topic))
      client->end_topic(topic, {Errc::permission_denied, "the right to read it was taken back"});
  }
  for (LiveClient* client : std::exchange(dirty_, {})) client->flush();
  left_.notify_all();
}

void LiveShard::count_slow(const LiveClient& client, std::string_view channel) {
  shard_.stats.live_ended.add();
  shard_.bad_input.write(shard_.shard().now(), LogLevel::info, "http",
                         "a connection of {} was ended: it does not keep up with channel '{}'", client.principal().name,
                         channel);
}

const LiveEvent& LiveShard::event_of(const pubsub::TailRecord& record) {
  const Offset offset = record.view.offset;
  if (last_.offset == offset && last_.partition == record.partition && last_.topic == record.topic_id)
    return last_.event;
  last_.topic = record.topic_id;
  last_.partition = record.partition;
  last_.offset = offset;
  last_.event.json = R"({"type":"record",)";
  std::string text;
  // A record whose headers cannot be read does not pass the door.
  (void)append_record(record.topic, record.partition, record.view, text);
  last_.event.json += std::string_view(text).substr(1);
  frame(last_.event);
  return last_.event;
}

void LiveShard::deliver(const resp::RelayedMessage& message) {
  const bool by_pattern = message.kind == pubsub::Kind::pattern;
  const auto found = listeners_.find({message.kind, std::string(by_pattern ? message.pattern : message.channel)});
  if (found == listeners_.end()) return;
  write_message(message, message_.json);
  frame(message_);
  const security::Policy& policy = *shard_.node.policies.current();
  for (LiveClient* client : found->second) {
    const bool may_read =
        policy.is_open() || policy.authorize(client->principal(), Operation::read,
                                             {ResourceType::channel, message.channel}) == security::Decision::allowed;
    if (may_read) client->take_message(message.channel, message_);
  }
  shard_.stats.live_sent.add(found->second.size());
}

void LiveShard::lost(std::uint64_t count) {
  for (const auto& [client, names] : listens_) {
    if (!names.empty()) client->tell_loss(count);
  }
}

Task<> LiveShard::watch_over() {
  std::size_t turn = 0;
  while (!stopping_) {
    co_await stop_wake_.wait_until(shard_.shard().now() + kStep);
    const MonoTime now = shard_.shard().now();
    std::size_t number = 0;
    for (LiveClient* client : clients_) {
      if (number++ % kSteps == turn % kSteps) client->keep_alive(now);
    }
    ++turn;
  }
}

Task<> LiveShard::stop() {
  stopping_ = true;
  for (LiveClient* client : std::set(clients_)) client->finish();
  while (!clients_.empty() || flush_sent_) co_await left_.wait();
  stop_wake_.notify_all();
  co_await tails_.stop();
  co_await tasks_.join();
  co_await relay_.stop();
}

}  // namespace leat::api
