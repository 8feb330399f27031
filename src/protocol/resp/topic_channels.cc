#include "protocol/resp/topic_channels.h"

#include <algorithm>

#include "keyspace/numbers.h"
#include "protocol/resp/acl/access.h"
#include "protocol/resp/client_extras.h"
#include "protocol/resp/executor.h"

namespace leat::resp {
namespace {

using pubsub::Kind;
using runtime::Task;

constexpr std::string_view kPrefix = "topic:";
// With so much that a client has not taken, the rest waits in the log.
constexpr std::size_t kWaitingMax = std::size_t{256} << 10;

std::unexpected<Error> bad_channel(std::string_view name) {
  return fail(
      Errc::invalid_argument,
      fmt::format("'{}' is not topic:NAME, topic:NAME@PARTITION:OFFSET[,...], topic:NAME@earliest or, as a pattern, "
                  "topic:NAME@*",
                  name));
}

}  // namespace

bool is_topic_channel(std::string_view name) { return name.starts_with(kPrefix); }

std::string_view topic_of_channel(std::string_view name) {
  const std::string_view text = name.substr(kPrefix.size());
  return text.substr(0, text.find('@'));
}

Result<TopicChannel> parse_topic_channel(std::string_view name) {
  const std::string_view text = name.substr(kPrefix.size());
  const std::size_t at = text.find('@');
  TopicChannel channel;
  channel.topic = topic_of_channel(name);
  if (!catalog::check_topic_name(channel.topic)) return bad_channel(name);
  std::string_view positions = at == std::string_view::npos ? "*" : text.substr(at + 1);
  if (positions == "*") return channel;
  channel.start.earliest = positions == "earliest";
  while (!channel.start.earliest) {
    const std::size_t comma = positions.find(',');
    const std::string_view position = positions.substr(0, comma);
    const std::size_t colon = std::min(position.find(':'), position.size());
    const auto partition = keyspace::parse_integer(position.substr(0, colon));
    const auto offset = keyspace::parse_integer(position.substr(std::min(colon + 1, position.size())));
    if (!partition || !offset || *partition < 0 || *partition > INT32_MAX || *offset < 0) return bad_channel(name);
    channel.start.offsets[static_cast<std::int32_t>(*partition)] = *offset;
    if (comma == std::string_view::npos) break;
    positions.remove_prefix(comma + 1);
  }
  return channel;
}

// One subscription of a client.
class TopicChannels::Follower final : public pubsub::Follower {
 public:
  Follower(TopicChannels& channels, Client& client, Kind kind, std::string name)
      : channels_(channels), client_(client), kind_(kind), name_(std::move(name)) {}

  void deliver(const pubsub::TailRecord& record) override {
    const std::string channel = kind_ == Kind::channel ? name_
                                                       : fmt::format("{}{}@{}:{}", kPrefix, record.topic,
                                                                     record.partition, record.view.offset.value() + 1);
    const std::string_view value = as_text(record.view.value.value_or(BytesView()));
    client_.extras->listener->deliver({kind_, name_, channel, value, channels_.formats_of(*this, record)});
  }
  [[nodiscard]] bool has_room() const override { return Outputs::waiting(client_) < kWaitingMax; }
  void ended(const Error& why) override {
    log_info("resp", "{}: the subscription to '{}' ends: {}", client_.peer, name_, why.message);
    std::string text;
    Reply reply(text, client_.protocol);
    Listener& listener = *client_.extras->listener;
    listener.hub().unsubscribe(listener, kind_, name_);
    reply.push(3);
    reply.bulk(kind_ == Kind::channel ? "unsubscribe" : "punsubscribe");
    reply.bulk(name_);
    reply.integer(static_cast<std::int64_t>(listener.count(Kind::channel) + listener.count(Kind::pattern)));
    client_.executor().outputs().push(client_, text);
    std::erase_if(channels_.followers_[client_.id()], [this](const auto& each) { return each.get() == this; });
  }

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  TopicChannels& channels_;
  Client& client_;
  Kind kind_;
  std::string name_;
};

TopicChannels::TopicChannels(Executor& executor, const stream::Streams& streams)
    : executor_(executor), tails_(executor.shard(), streams) {}
TopicChannels::~TopicChannels() = default;

std::array<std::string, 2>& TopicChannels::formats_of(const Follower& follower, const pubsub::TailRecord& record) {
  if (last_.topic != record.topic_id || last_.partition != record.partition || last_.offset != record.view.offset ||
      last_.kind != follower.kind() || last_.name != follower.name())
    last_ = {record.topic_id, record.partition, record.view.offset, follower.kind(), follower.name(), {}};
  return last_.texts;
}

void TopicChannels::subscribe(Call& call, Kind kind, std::string_view word) {
  if (call.from_script || call.client.transaction.active)
    return call.reply.error("ERR a topic cannot be subscribed to inside a transaction or script");
  const auto names = call.args.subspan(1);
  call.wait_for_answer();
  tasks_.spawn(subscribe_all(call.client.id(), kind, {names.begin(), names.end()}, std::string(word)));
}

Task<> TopicChannels::subscribe_all(std::uint64_t client_id, Kind kind, std::vector<std::string> names,
                                    std::string word) {
  std::string replies;
  for (const std::string& name : names) {
    Status opened;
    if (is_topic_channel(name)) {
      const auto outcome = co_await open(client_id, kind, name);
      if (!outcome) co_return;
      opened = *outcome;
    }
    Client* client = executor_.find_client(client_id);
    if (client == nullptr) co_return;
    // What is delivered from now on comes behind the acknowledgement.
    Reply reply(client->out, client->protocol);
    // It may have been taken back since the command was let in.
    if (!client->acl->allows_channel(name, kind)) {
      unsubscribe(*client, kind, name);
      reply.error(errors::kNoChannel);
      continue;
    }
    if (!opened) {
      reply.error(fmt::format("ERR {}", opened.error().message));
      continue;
    }
    Listener& listener = client->listener();
    executor_.hub().subscribe(listener, kind, name);
    reply.push(3);
    reply.bulk(word);
    reply.bulk(name);
    reply.integer(static_cast<std::int64_t>(listener.count(Kind::channel) + listener.count(Kind::pattern)));
  }
  if (Client* client = executor_.find_client(client_id); client != nullptr) executor_.answer(*client, {});
}

Task<std::optional<Status>> TopicChannels::open(std::uint64_t client_id, Kind kind, const std::string& name) {
  auto channel = parse_topic_channel(name);
  if (!channel) co_return fail(std::move(channel.error()));
  Client* client = executor_.find_client(client_id);
  if (client == nullptr) co_return std::nullopt;
  unsubscribe(*client, kind, name);  // it begins anew
  auto follower = std::make_shared<Follower>(*this, *client, kind, name);
  const auto opened = co_await tails_.open(follower, std::move(channel->topic), std::move(channel->start));
  if (executor_.find_client(client_id) == nullptr) {
    tails_.close(*follower);
    co_return std::nullopt;
  }
  if (!opened) co_return fail(opened.error());
  followers_[client_id].push_back(std::move(follower));
  (void)client->listener();
  co_return Status{};
}

void TopicChannels::unsubscribe(const Client& client, Kind kind, std::string_view name) {
  const auto found = followers_.find(client.id());
  if (found == followers_.end()) return;
  std::erase_if(found->second, [&](const std::shared_ptr<Follower>& follower) {
    if (follower->kind() != kind || follower->name() != name) return false;
    tails_.close(*follower);
    return true;
  });
  if (found->second.empty()) followers_.erase(found);
}

void TopicChannels::forget(const Client& client) {
  const auto found = followers_.find(client.id());
  if (found == followers_.end()) return;
  for (const std::shared_ptr<Follower>& follower : found->second) tails_.close(*follower);
  followers_.erase(found);
}

Task<> TopicChannels::stop() {
  co_await tails_.stop();
  co_await tasks_.join();
}

void TopicChannels::publish(Call& call) {
  if (call.from_script || call.client.transaction.active)
    return call.reply.error("ERR a topic cannot be published to inside a transaction or script");
  call.wait_for_answer();
  tasks_.spawn(publish_one(call.client.id(), std::string(call[1]), std::string(call[2])));
}

Task<> TopicChannels::publish_one(std::uint64_t client_id, std::string channel, std::string value) {
  auto parsed = parse_topic_channel(channel);
  if (parsed && channel.find('@') != std::string::npos)
    parsed = fail(Errc::invalid_argument, "a message is published to topic:NAME, without positions");
  const std::string topic = parsed ? parsed->topic : "";
  const Status published =
      parsed ? co_await tails_.publish(topic, std::move(value)) : Status(fail(std::move(parsed.error())));
  Client* client = executor_.find_client(client_id);
  if (client == nullptr) co_return;
  executor_.answer(*client, [&](Reply& reply) {
    published ? reply.integer(static_cast<std::int64_t>(tails_.followers(topic)))
              : reply.error(fmt::format("ERR {}", published.error().message));
  });
}

}  // namespace leat::resp
