#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "keyspace/memory.h"
#include "keyspace/table.h"

// Channels that messages are sent on to whoever listens at that moment. Nothing is stored. One thread uses a hub and all that
// belongs to it.
namespace leat::pubsub {

class Subscriber;
struct Subscription;

// What can be subscribed to: a channel, all channels whose names match a pattern, or a sharded channel. The latter are apart
// from the others: a name may be in use as both.
enum class Kind : std::uint8_t { channel, pattern, shard };
inline constexpr std::size_t kKinds = 3;

// What a subscriber gets. Lasts as long as the call.
struct Message {
  Kind kind;                 // of the subscription that it comes by
  std::string_view pattern;  // of that subscription, if it is one
  std::string_view channel;
  std::string_view payload;
  // The message as subscribers send it on, one for each format that there is: empty until the first that needs it fills it in
  // for the others.
  std::array<std::string, 2>& formats;
};

// A name that somebody is subscribed to.
class Channel : public keyspace::Counted {
 public:
  Channel* next = nullptr;  // the table's

  explicit Channel(std::string_view name) : name_(name) {}
  [[nodiscard]] std::string_view key() const { return name_; }
  [[nodiscard]] std::size_t subscribers() const { return members_.size(); }

 private:
  friend class Hub;
  struct Member {
    Subscriber* subscriber;
    Subscription* subscription;
  };
  keyspace::String name_;
  keyspace::Vector<Member> members_;
};

// That one subscriber listens to one name.
struct Subscription : public keyspace::Counted {
  Subscription* next = nullptr;  // the table's
  Channel* channel;
  std::size_t index;  // in the channel's members

  [[nodiscard]] std::string_view key() const { return channel->key(); }
};

class Hub {
 public:
  Hub() = default;
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;
  // No subscriber is left.
  ~Hub();

  // False: it was subscribed already.
  bool subscribe(Subscriber& subscriber, Kind kind, std::string_view name);
  // False: it was not subscribed. `name` may be that of the subscription itself.
  bool unsubscribe(Subscriber& subscriber, Kind kind, std::string_view name);
  void unsubscribe_all(Subscriber& subscriber, Kind kind);

  // Gives a message to those subscribed to the channel, then to those of patterns that match: once for each subscription. A
  // sharded one only to those of the sharded channel. Returns how many it was given to.
  std::size_t publish(std::string_view channel, std::string_view payload);
  std::size_t publish_sharded(std::string_view channel, std::string_view payload);

  // Names in use.
  [[nodiscard]] std::size_t count(Kind kind) const { return names_[index(kind)].size(); }
  [[nodiscard]] std::size_t subscribers(Kind kind, std::string_view name) const;
  // `visit(std::string_view name)` must not change subscriptions.
  template <class F>
  void for_each(Kind kind, F visit) {
    names_[index(kind)].for_each([&](const Channel& channel) { visit(channel.key()); });
  }
  // Whether nobody would get a message on any channel, sharded ones aside.
  [[nodiscard]] bool is_quiet() const { return count(Kind::channel) == 0 && count(Kind::pattern) == 0; }

 private:
  static constexpr std::size_t index(Kind kind) { return static_cast<std::size_t>(kind); }
  static std::size_t deliver(const Channel& channel, const Message& message);
  std::size_t deliver_to(Kind kind, std::string_view channel, std::string_view payload);
  void leave(Kind kind, Subscription& subscription);

  std::array<keyspace::Table<Channel>, kKinds> names_;
};

// Who listens. Its subscriptions end with it.
class Subscriber : public keyspace::Counted {
 public:
  explicit Subscriber(Hub& hub) : hub_(hub) {}
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;
  virtual ~Subscriber();

  // A message comes. Must not change subscriptions, nor end a subscriber.
  virtual void deliver(const Message& message) = 0;

  [[nodiscard]] Hub& hub() { return hub_; }
  [[nodiscard]] std::size_t count(Kind kind) const { return subscriptions_[static_cast<std::size_t>(kind)].size(); }
  [[nodiscard]] std::size_t count() const { return count(Kind::channel) + count(Kind::pattern) + count(Kind::shard); }
  // `visit(std::string_view name)` may end the subscription it is given, and no other.
  template <class F>
  void for_each(Kind kind, F visit) {
    subscriptions_[static_cast<std::size_t>(kind)].for_each(
        [&](const Subscription& subscription) { visit(subscription.key()); });
  }

 private:
  friend class Hub;
  Hub& hub_;
  std::array<keyspace::Table<Subscription>, kKinds> subscriptions_;
};

}  // namespace leat::pubsub
