#include "protocol/resp/commands/help.h"
#include "protocol/resp/commands/streams.h"

// What streams, groups and consumers are, for those who look after them.
namespace leat::resp::streams {
namespace {

using keyspace::Stream;
using keyspace::StreamGroup;
using keyspace::StreamId;

void reply_number(Reply& reply, std::string_view name, std::size_t value) {
  reply.bulk(name);
  reply.integer(static_cast<std::int64_t>(value));
}

void reply_named_id(Reply& reply, std::string_view name, StreamId id) {
  reply.bulk(name);
  reply_id(reply, id);
}

void reply_progress(Reply& reply, const Stream& stream, const StreamGroup& group) {
  reply_named_id(reply, "last-delivered-id", group.last_delivered);
  reply.bulk("entries-read");
  group.entries_read == StreamGroup::kUnknown ? reply.null() : reply.integer(group.entries_read);
  reply.bulk("lag");
  const auto lag = stream.lag(group);
  lag ? reply.integer(*lag) : reply.null();
}

// The entry at one of the ends.
void reply_end(Reply& reply, const Stream& stream, bool is_last) {
  if (stream.size() == 0) return reply.null();
  const auto one = [&reply](const Stream::Entry& entry) {
    reply_entry(reply, entry);
    return false;
  };
  is_last ? stream.for_each_backwards({}, StreamId::max(), one) : stream.for_each({}, StreamId::max(), one);
}

void reply_head(Reply& reply, const Stream& stream) {
  reply_number(reply, "length", stream.size());
  reply_number(reply, "radix-tree-keys", stream.blocks().size());
  reply_number(reply, "radix-tree-nodes", stream.radix_tree_nodes());
  reply_named_id(reply, "last-generated-id", stream.last_id());
  reply_named_id(reply, "max-deleted-entry-id", stream.max_deleted_id());
  reply_number(reply, "entries-added", stream.entries_added());
  reply_named_id(reply, "recorded-first-entry-id", stream.first_id());
}

void reply_summary(Reply& reply, const Stream& stream) {
  reply.map(10);
  reply_head(reply, stream);
  reply_number(reply, "groups", stream.groups().size());
  reply.bulk("first-entry");
  reply_end(reply, stream, false);
  reply.bulk("last-entry");
  reply_end(reply, stream, true);
}

void reply_consumer(Reply& reply, const StreamGroup::Consumer& consumer, std::size_t count) {
  const auto& pending = consumer.second.pending;
  reply.map(4);
  reply.bulk("name");
  reply.bulk(consumer.first);
  reply.bulk("seen-time");
  reply.integer(consumer.second.seen_at);
  reply_number(reply, "pel-count", pending.size());
  reply.bulk("pending");
  std::size_t left = std::min(count, pending.size());
  reply.array(left);
  for (auto at = pending.begin(); left > 0; ++at, --left) {
    reply.array(3);
    reply_id(reply, (*at)->first);
    reply.integer((*at)->second.delivered_at);
    reply.integer(static_cast<std::int64_t>((*at)->second.deliveries));
  }
}

void reply_group(Reply& reply, const Stream& stream, const Stream::Groups::value_type& named, std::size_t count) {
  const auto& [name, group] = named;
  reply.map(7);
  reply.bulk("name");
  reply.bulk(name);
  reply_progress(reply, stream, group);
  reply_number(reply, "pel-count", group.pending().size());
  reply.bulk("pending");
  std::size_t left = std::min(count, group.pending().size());
  reply.array(left);
  for (auto at = group.pending().begin(); left > 0; ++at, --left) {
    reply.array(4);
    reply_id(reply, at->first);
    reply.bulk(at->second.consumer->first);
    reply.integer(at->second.delivered_at);
    reply.integer(static_cast<std::int64_t>(at->second.deliveries));
  }
  reply.bulk("consumers");
  reply.array(group.consumers().size());
  for (const auto& consumer : group.consumers()) reply_consumer(reply, consumer, count);
}

// At most `count` entries, and as many of what is pending.
void reply_full(Reply& reply, const Stream& stream, std::size_t count) {
  reply.map(9);
  reply_head(reply, stream);
  reply.bulk("entries");
  reply.array(std::min(count, stream.size()));
  std::size_t left = count;
  stream.for_each({}, StreamId::max(), [&](const Stream::Entry& entry) {
    reply_entry(reply, entry);
    return --left > 0;
  });
  reply.bulk("groups");
  reply.array(stream.groups().size());
  for (const auto& group : stream.groups()) reply_group(reply, stream, group, count);
}

Stream* existing_stream(Call& call) {
  const auto found = call.read<Stream>(call[2]);
  if (found && found.value == nullptr) call.reply.error(errors::kNoSuchKey);
  return found.value;
}

}  // namespace

void xinfo_stream(Call& call) {
  constexpr std::size_t kFullCount = 10;
  const Stream* stream = existing_stream(call);
  if (stream == nullptr) return;
  if (call.size() == 3) return reply_summary(call.reply, *stream);
  const bool is_counted = call.size() == 6 && call.is(4, "COUNT");
  if (!call.is(3, "FULL") || (call.size() != 4 && !is_counted))
    return call.reply.error(fmt::format("ERR unknown subcommand or wrong number of arguments for '{}'. Try XINFO HELP.",
                                        shown(call[1]).substr(0, 128)));
  std::size_t count = kFullCount;
  if (is_counted) {
    const auto given = call.integer(5);
    if (!given) return;
    if (*given >= 0) count = static_cast<std::size_t>(*given);
    if (count == 0) count = std::numeric_limits<std::size_t>::max();
  }
  reply_full(call.reply, *stream, count);
}

void xinfo_groups(Call& call) {
  const Stream* stream = existing_stream(call);
  if (stream == nullptr) return;
  Reply& reply = call.reply;
  reply.array(stream->groups().size());
  for (const auto& [name, group] : stream->groups()) {
    reply.map(6);
    reply.bulk("name");
    reply.bulk(name);
    reply_number(reply, "consumers", group.consumers().size());
    reply_number(reply, "pending", group.pending().size());
    reply_progress(reply, *stream, group);
  }
}

void xinfo_consumers(Call& call) {
  Stream* stream = existing_stream(call);
  if (stream == nullptr) return;
  const StreamGroup* group = stream->group(call[3]);
  if (group == nullptr)
    return call.reply.error(
        fmt::format("NOGROUP No such consumer group '{}' for key name '{}'", shown(call[3]), shown(call[2])));
  Reply& reply = call.reply;
  reply.array(group->consumers().size());
  for (const auto& [name, consumer] : group->consumers()) {
    reply.map(3);
    reply.bulk("name");
    reply.bulk(name);
    reply_number(reply, "pending", consumer.pending.size());
    reply.bulk("idle");
    reply.integer(std::max<std::int64_t>(call.keyspace.now() - consumer.seen_at, 0));
  }
}

void xinfo_help(Call& call) { reply_help(call); }

}  // namespace leat::resp::streams
