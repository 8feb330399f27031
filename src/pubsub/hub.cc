#include "pubsub/hub.h"

#include "keyspace/glob.h"

namespace leat::pubsub {

Hub::~Hub() {
  for (auto& names : names_) names.clear([](Channel* channel) { delete channel; });
}

bool Hub::subscribe(Subscriber& subscriber, Kind kind, std::string_view name) {
  keyspace::Table<Subscription>& own = subscriber.subscriptions_[index(kind)];
  const std::uint64_t hash = keyspace::hash_of(name);
  if (own.find(name, hash) != nullptr) return false;
  keyspace::Table<Channel>& names = names_[index(kind)];
  Channel* channel = names.find(name, hash);
  if (channel == nullptr) {
    channel = new Channel(name);
    names.insert(*channel, hash);
  }
  auto* subscription = new Subscription{.channel = channel, .index = channel->members_.size()};
  channel->members_.push_back({&subscriber, subscription});
  own.insert(*subscription, hash);
  return true;
}

bool Hub::unsubscribe(Subscriber& subscriber, Kind kind, std::string_view name) {
  Subscription* subscription = subscriber.subscriptions_[index(kind)].remove(name);
  if (subscription == nullptr) return false;
  leave(kind, *subscription);
  return true;
}

void Hub::unsubscribe_all(Subscriber& subscriber, Kind kind) {
  subscriber.subscriptions_[index(kind)].clear([&](Subscription* subscription) { leave(kind, *subscription); });
}

// What has left the subscriber's table leaves the channel too.
void Hub::leave(Kind kind, Subscription& subscription) {
  Channel& channel = *subscription.channel;
  channel.members_[subscription.index] = channel.members_.back();
  channel.members_[subscription.index].subscription->index = subscription.index;
  channel.members_.pop_back();
  if (channel.members_.empty()) {
    names_[index(kind)].remove(channel);
    delete &channel;
  }
  delete &subscription;
}

std::size_t Hub::deliver(const Channel& channel, const Message& message) {
  for (const Channel::Member& member : channel.members_) member.subscriber->deliver(message);
  return channel.members_.size();
}

std::size_t Hub::deliver_to(Kind kind, std::string_view channel, std::string_view payload) {
  const Channel* found = names_[index(kind)].find(channel);
  if (found == nullptr) return 0;
  std::array<std::string, 2> formats;
  return deliver(*found, {kind, {}, channel, payload, formats});
}

std::size_t Hub::publish(std::string_view channel, std::string_view payload) {
  std::size_t receivers = deliver_to(Kind::channel, channel, payload);
  if (count(Kind::pattern) == 0) return receivers;
  names_[index(Kind::pattern)].for_each([&](const Channel& pattern) {
    if (!keyspace::glob_match(pattern.key(), channel)) return;
    std::array<std::string, 2> formats;
    receivers += deliver(pattern, {Kind::pattern, pattern.key(), channel, payload, formats});
  });
  return receivers;
}

std::size_t Hub::publish_sharded(std::string_view channel, std::string_view payload) {
  return deliver_to(Kind::shard, channel, payload);
}

std::size_t Hub::subscribers(Kind kind, std::string_view name) const {
  const Channel* channel = names_[index(kind)].peek(name);
  return channel == nullptr ? 0 : channel->subscribers();
}

Subscriber::~Subscriber() {
  for (const Kind kind : {Kind::channel, Kind::pattern, Kind::shard}) hub_.unsubscribe_all(*this, kind);
}

}  // namespace leat::pubsub
