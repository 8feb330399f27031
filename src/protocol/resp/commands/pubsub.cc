#include <algorithm>
#include <optional>

#include "keyspace/glob.h"
#include "protocol/resp/call.h"
#include "protocol/resp/client_extras.h"
#include "protocol/resp/commands/help.h"
#include "protocol/resp/executor.h"
#include "protocol/resp/registry.h"
#include "protocol/resp/topic_channels.h"

namespace leat::resp {
namespace {

using pubsub::Kind;

// What is told with each change: sharded channels are counted apart.
std::size_t count_with(const Client& client, Kind kind) {
  if (client.extras == nullptr || client.extras->listener == nullptr) return 0;
  const Listener& listener = *client.extras->listener;
  if (kind == Kind::shard) return listener.count(Kind::shard);
  return listener.count(Kind::channel) + listener.count(Kind::pattern);
}

void acknowledge(Call& call, std::string_view word, Kind kind, std::optional<std::string_view> name) {
  call.reply.push(3);
  call.reply.bulk(word);
  name ? call.reply.bulk(*name) : call.reply.null();
  call.reply.integer(static_cast<std::int64_t>(count_with(call.client, kind)));
}

void subscribe_to(Call& call, Kind kind, std::string_view word) {
  TopicChannels* topics = kind == Kind::shard ? nullptr : call.executor.topics();
  if (topics != nullptr && std::ranges::any_of(call.args.subspan(1), is_topic_channel))
    return topics->subscribe(call, kind, word);
  Listener& listener = call.client.listener();
  for (const std::string_view name : call.args.subspan(1)) {
    call.executor.hub().subscribe(listener, kind, name);
    acknowledge(call, word, kind, name);
  }
}

void unsubscribe_from(Call& call, Kind kind, std::string_view word) {
  Listener* listener = call.client.extras == nullptr ? nullptr : call.client.extras->listener.get();
  const auto leave = [&](std::string_view name) {
    const std::string kept(name);
    if (call.executor.topics() != nullptr) call.executor.topics()->unsubscribe(call.client, kind, kept);
    if (listener != nullptr) call.executor.hub().unsubscribe(*listener, kind, kept);
    acknowledge(call, word, kind, kept);
  };
  if (call.size() > 1) {
    for (const std::string_view name : call.args.subspan(1)) leave(name);
  } else if (listener == nullptr || listener->count(kind) == 0) {
    acknowledge(call, word, kind, std::nullopt);
  } else {
    listener->for_each(kind, leave);
  }
  if (listener != nullptr && listener->count() == 0) call.client.extras->listener.reset();
}

void subscribe(Call& call) { subscribe_to(call, Kind::channel, "subscribe"); }
void psubscribe(Call& call) { subscribe_to(call, Kind::pattern, "psubscribe"); }

void ssubscribe(Call& call) {
  if (call.client.transaction.active)
    return call.reply.error("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
  subscribe_to(call, Kind::shard, "ssubscribe");
}

void unsubscribe(Call& call) { unsubscribe_from(call, Kind::channel, "unsubscribe"); }
void punsubscribe(Call& call) { unsubscribe_from(call, Kind::pattern, "punsubscribe"); }
void sunsubscribe(Call& call) { unsubscribe_from(call, Kind::shard, "sunsubscribe"); }

void publish(Call& call) {
  if (call.executor.topics() != nullptr && is_topic_channel(call[1])) return call.executor.topics()->publish(call);
  call.reply.integer(static_cast<std::int64_t>(call.executor.hub().publish(call[1], call[2])));
}

void spublish(Call& call) {
  call.reply.integer(static_cast<std::int64_t>(call.executor.hub().publish_sharded(call[1], call[2])));
}

// The names in use, or those of them that match a pattern.
void list_names(Call& call, Kind kind) {
  if (call.size() > 3) {
    return call.reply.error(
        fmt::format("ERR unknown subcommand or wrong number of arguments for '{}'. Try PUBSUB HELP.", call[1]));
  }
  const std::size_t begun = call.reply.begin();
  std::size_t count = 0;
  call.executor.hub().for_each(kind, [&](std::string_view name) {
    if (call.size() == 3 && !keyspace::glob_match(call[2], name)) return;
    call.reply.bulk(name);
    ++count;
  });
  call.reply.end_array(begun, count);
}

void count_subscribers(Call& call, Kind kind) {
  call.reply.array((call.size() - 2) * 2);
  for (const std::string_view name : call.args.subspan(2)) {
    call.reply.bulk(name);
    call.reply.integer(static_cast<std::int64_t>(call.executor.hub().subscribers(kind, name)));
  }
}

void pubsub_channels(Call& call) { list_names(call, Kind::channel); }
void pubsub_shardchannels(Call& call) { list_names(call, Kind::shard); }
void pubsub_numsub(Call& call) { count_subscribers(call, Kind::channel); }
void pubsub_shardnumsub(Call& call) { count_subscribers(call, Kind::shard); }

void pubsub_numpat(Call& call) {
  call.reply.integer(static_cast<std::int64_t>(call.executor.hub().count(Kind::pattern)));
}

constexpr Command kPubsubSubcommands[] = {
    {.name = "numsub",
     .handler = pubsub_numsub,
     .arity = -2,
     .flags = kPubsub | kLoading | kStale,
     .group = "pubsub",
     .since = "2.8.0",
     .summary = "Tells how many subscribers channels have.",
     .complexity = "O(N)"},
    {.name = "numpat",
     .handler = pubsub_numpat,
     .arity = 2,
     .flags = kPubsub | kLoading | kStale,
     .group = "pubsub",
     .since = "2.8.0",
     .summary = "Tells how many patterns are subscribed to.",
     .complexity = "O(1)"},
    {.name = "help",
     .handler = reply_help,
     .arity = 2,
     .flags = kLoading | kStale,
     .group = "pubsub",
     .since = "6.2.0",
     .summary = "Tells what subcommands there are.",
     .complexity = "O(1)"},
    {.name = "shardnumsub",
     .handler = pubsub_shardnumsub,
     .arity = -2,
     .flags = kPubsub | kLoading | kStale,
     .group = "pubsub",
     .since = "7.0.0",
     .summary = "Tells how many subscribers sharded channels have.",
     .complexity = "O(N)"},
    {.name = "channels",
     .handler = pubsub_channels,
     .arity = -2,
     .flags = kPubsub | kLoading | kStale,
     .group = "pubsub",
     .since = "2.8.0",
     .summary = "Lists the channels that have subscribers.",
     .complexity = "O(N)"},
    {.name = "shardchannels",
     .handler = pubsub_shardchannels,
     .arity = -2,
     .flags = kPubsub | kLoading | kStale,
     .group = "pubsub",
     .since = "7.0.0",
     .summary = "Lists the sharded channels that have subscribers.",
     .complexity = "O(N)"},
};

constexpr Command kPubsubCommands[] = {
    {.name = "psubscribe",
     .handler = psubscribe,
     .arity = -2,
     .flags = kPubsub | kNoscript | kLoading | kStale,
     .group = "pubsub",
     .since = "2.0.0",
     .summary = "Subscribes to all channels that match patterns.",
     .complexity = "O(N)"},
    {.name = "publish",
     .handler = publish,
     .arity = 3,
     .flags = kPubsub | kLoading | kStale | kFast,
     .group = "pubsub",
     .since = "2.0.0",
     .summary = "Sends a message to those subscribed to a channel.",
     .complexity = "O(N+M)"},
    {.name = "pubsub",
     .handler = nullptr,
     .arity = -2,
     .subcommands = kPubsubSubcommands,
     .group = "pubsub",
     .since = "2.8.0",
     .summary = "What is known of channels and their subscribers.",
     .complexity = "Depends"},
    {.name = "punsubscribe",
     .handler = punsubscribe,
     .arity = -1,
     .flags = kPubsub | kNoscript | kLoading | kStale,
     .group = "pubsub",
     .since = "2.0.0",
     .summary = "Ends subscriptions to patterns.",
     .complexity = "O(N+M)"},
    {.name = "spublish",
     .handler = spublish,
     .arity = 3,
     .flags = kPubsub | kLoading | kStale | kFast,
     .keys = kRange<kKeyNotKey>,
     .group = "pubsub",
     .since = "7.0.0",
     .summary = "Sends a message to those subscribed to a sharded channel.",
     .complexity = "O(N)"},
    {.name = "ssubscribe",
     .handler = ssubscribe,
     .arity = -2,
     .flags = kPubsub | kNoscript | kLoading | kStale,
     .keys = kRange<kKeyNotKey, 1, -1>,
     .group = "pubsub",
     .since = "7.0.0",
     .summary = "Subscribes to sharded channels.",
     .complexity = "O(N)"},
    {.name = "subscribe",
     .handler = subscribe,
     .arity = -2,
     .flags = kPubsub | kNoscript | kLoading | kStale,
     .group = "pubsub",
     .since = "2.0.0",
     .summary = "Subscribes to channels.",
     .complexity = "O(N)"},
    {.name = "sunsubscribe",
     .handler = sunsubscribe,
     .arity = -1,
     .flags = kPubsub | kNoscript | kLoading | kStale,
     .keys = kRange<kKeyNotKey, 1, -1>,
     .group = "pubsub",
     .since = "7.0.0",
     .summary = "Ends subscriptions to sharded channels.",
     .complexity = "O(N)"},
    {.name = "unsubscribe",
     .handler = unsubscribe,
     .arity = -1,
     .flags = kPubsub | kNoscript | kLoading | kStale,
     .group = "pubsub",
     .since = "2.0.0",
     .summary = "Ends subscriptions to channels.",
     .complexity = "O(N)"},
};

}  // namespace

std::span<const Command> pubsub_commands() { return kPubsubCommands; }

}  // namespace leat::resp
