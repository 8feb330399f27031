#include "protocol/resp/commands/help.h"
#include "protocol/resp/commands/streams.h"
#include "protocol/resp/executor.h"

// Groups of consumers: made, changed, removed, and what they are given acknowledged.
namespace leat::resp::streams {
namespace {

using keyspace::Stream;
using keyspace::StreamGroup;
using keyspace::StreamId;

constexpr std::string_view kNeedsKey =
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option "
    "to "
    "create an empty stream automatically.";

void reply_syntax_error(Call& call) {
  call.reply.error(fmt::format("ERR unknown subcommand or wrong number of arguments for '{}'. Try XGROUP HELP.",
                               shown(call[1]).substr(0, 128)));
}

// The options behind the id of CREATE and SETID.
struct GroupOptions {
  bool make_stream = false;
  std::int64_t entries_read = StreamGroup::kUnknown;

  [[nodiscard]] bool parse(Call& call, bool may_make_stream) {
    for (std::size_t i = 5; i < call.size(); ++i) {
      if (may_make_stream && call.is(i, "MKSTREAM")) {
        make_stream = true;
      } else if (call.is(i, "ENTRIESREAD") && i + 1 < call.size()) {
        const auto given = call.integer(++i);
        if (!given) return false;
        entries_read = *given;
        if (entries_read >= StreamGroup::kUnknown) continue;
        call.reply.error("ERR value for ENTRIESREAD must be positive or -1");
        return false;
      } else {
        reply_syntax_error(call);
        return false;
      }
    }
    return true;
  }
};

// The stream of the command's key; nullptr: it replied with an error.
Stream* existing_stream(Call& call) {
  const auto found = call.write<Stream>(call[2]);
  if (found && found.value == nullptr) call.reply.error(kNeedsKey);
  return found.value;
}

StreamGroup* existing_group(Call& call) {
  Stream* stream = existing_stream(call);
  if (stream == nullptr) return nullptr;
  StreamGroup* group = stream->group(call[3]);
  if (group == nullptr)
    call.reply.error(
        fmt::format("NOGROUP No such consumer group '{}' for key name '{}'", shown(call[3]), shown(call[2])));
  return group;
}

// The id that a group begins behind; $ is the stream's last.
std::optional<StreamId> parse_last_delivered(Call& call, const Stream* stream) {
  if (call[4] == "$") return stream == nullptr ? StreamId{} : stream->last_id();
  return parse_id(call, call[4]);
}

void group_changed(Call& call, std::string_view event) {
  call.effect(call.args);
  touched(call, event, call[2]);
}

}  // namespace

void xgroup_create(Call& call) {
  GroupOptions options;
  if (!options.parse(call, true)) return;
  const auto found = call.write<Stream>(call[2]);
  if (!found) return;
  if (found.value == nullptr && !options.make_stream) return call.reply.error(kNeedsKey);
  const auto last = parse_last_delivered(call, found.value);
  if (!last) return;
  const bool is_new = found.value == nullptr;
  Stream& stream = is_new ? call.database.create<Stream>(call[2]) : *found.value;
  if (!stream.create_group(call[3], *last, options.entries_read))
    return call.reply.error("BUSYGROUP Consumer Group name already exists");
  call.reply.ok();
  if (is_new) return call.changed(EventClass::stream, "xgroup-create", call[2]);
  group_changed(call, "xgroup-create");
}

void xgroup_setid(Call& call) {
  GroupOptions options;
  if (!options.parse(call, false)) return;
  StreamGroup* group = existing_group(call);
  if (group == nullptr) return;
  const auto found = call.write<Stream>(call[2]);
  const auto last = call[4] == "$" ? std::optional(found.value->last_id()) : parse_limit(call, call[4]);
  if (!last) return;
  group->last_delivered = *last;
  group->entries_read = options.entries_read;
  call.reply.ok();
  group_changed(call, "xgroup-setid");
}

void xgroup_destroy(Call& call) {
  Stream* stream = existing_stream(call);
  if (stream == nullptr) return;
  const auto group = stream->groups().find(call[3]);
  if (group == stream->groups().end()) return call.reply.integer(0);
  stream->groups().erase(group);
  call.reply.integer(1);
  group_changed(call, "xgroup-destroy");
  // Whoever waits for what the group gets must hear that it is gone.
  call.executor.blocking().key_changed(call.database.index(), call[2]);
}

void xgroup_createconsumer(Call& call) {
  StreamGroup* group = existing_group(call);
  if (group == nullptr) return;
  if (group->find(call[4]) != nullptr) return call.reply.integer(0);
  group->create(call[4], call.keyspace.now());
  call.reply.integer(1);
  group_changed(call, "xgroup-createconsumer");
}

void xgroup_delconsumer(Call& call) {
  StreamGroup* group = existing_group(call);
  if (group == nullptr) return;
  StreamGroup::Consumer* consumer = group->find(call[4]);
  if (consumer == nullptr) return call.reply.integer(0);
  call.reply.integer(static_cast<std::int64_t>(consumer->second.pending.size()));
  group->erase(*consumer);
  group_changed(call, "xgroup-delconsumer");
}

void xack(Call& call) {
  const auto found = call.write<Stream>(call[1]);
  if (!found) return;
  StreamGroup* group = found.value == nullptr ? nullptr : found.value->group(call[2]);
  if (group == nullptr) return call.reply.integer(0);
  std::vector<StreamId> ids;
  for (std::size_t i = 3; i < call.size(); ++i) {
    const auto id = parse_id(call, call[i]);
    if (!id) return;
    ids.push_back(*id);
  }
  std::int64_t acknowledged = 0;
  for (const StreamId id : ids) acknowledged += group->acknowledge(id) ? 1 : 0;
  call.reply.integer(acknowledged);
  if (acknowledged == 0) return;
  call.keyspace.count_changes(1);
  call.effect(call.args);
}

namespace {

void reply_pending_summary(Call& call, const StreamGroup& group) {
  Reply& reply = call.reply;
  reply.array(4);
  reply.integer(static_cast<std::int64_t>(group.pending().size()));
  if (group.pending().empty()) {
    reply.null();
    reply.null();
    return reply.null_array();
  }
  reply_id(reply, group.pending().begin()->first);
  reply_id(reply, group.pending().rbegin()->first);
  const std::size_t begun = reply.begin();
  std::size_t consumers = 0;
  for (const auto& [name, consumer] : group.consumers()) {
    if (consumer.pending.empty()) continue;
    reply.array(2);
    reply.bulk(name);
    reply.integer_as_bulk(static_cast<std::int64_t>(consumer.pending.size()));
    ++consumers;
  }
  reply.end_array(begun, consumers);
}

// XPENDING key group [IDLE ms] start end count [consumer].
struct PendingQuery {
  std::int64_t min_idle = 0;
  StreamId from;
  StreamId to;
  std::int64_t count = 0;
  std::optional<std::string_view> consumer;

  [[nodiscard]] bool parse(Call& call) {
    std::size_t at = 3;
    const auto refuse = [&call] {
      call.reply.error(errors::kSyntax);
      return false;
    };
    if (call.size() < 6 || call.size() > 9) return refuse();
    if (call.is(3, "IDLE")) {
      const auto idle = call.integer(4);
      if (!idle) return false;
      if (call.size() < 8) return refuse();
      min_idle = *idle;
      at = 5;
    }
    const auto given_count = call.integer(at + 2);
    if (!given_count) return false;
    count = std::max<std::int64_t>(*given_count, 0);
    const auto start = parse_range_start(call, call[at]);
    const auto end = start ? parse_range_end(call, call[at + 1]) : std::nullopt;
    if (!end) return false;
    from = *start;
    to = *end;
    if (at + 3 < call.size()) consumer = call[at + 3];
    return true;
  }

  // False: there are enough.
  [[nodiscard]] bool reply_one(Call& call, const keyspace::PendingEntries::value_type& entry,
                               std::int64_t& given) const {
    if (given >= count || entry.first > to) return false;
    const std::int64_t idle = call.keyspace.now() - entry.second.delivered_at;
    if (min_idle != 0 && idle < min_idle) return true;
    ++given;
    call.reply.array(4);
    reply_id(call.reply, entry.first);
    call.reply.bulk(entry.second.consumer->first);
    call.reply.integer(std::max<std::int64_t>(idle, 0));
    call.reply.integer(static_cast<std::int64_t>(entry.second.deliveries));
    return true;
  }

  void reply(Call& call, const StreamGroup& group) const {
    std::int64_t given = 0;
    const std::size_t begun = call.reply.begin();
    if (!consumer) {
      for (auto at = group.pending().lower_bound(from); at != group.pending().end(); ++at) {
        if (!reply_one(call, *at, given)) break;
      }
    } else if (const StreamGroup::Consumer* whose = group.find(*consumer)) {
      const auto& pending = whose->second.pending;
      for (auto at = pending.lower_bound(from); at != pending.end(); ++at) {
        if (!reply_one(call, **at, given)) break;
      }
    }
    call.reply.end_array(begun, static_cast<std::size_t>(given));
  }
};

}  // namespace

void xpending(Call& call) {
  PendingQuery query;
  const bool is_summary = call.size() == 3;
  if (!is_summary && !query.parse(call)) return;
  const auto found = call.read<Stream>(call[1]);
  if (!found) return;
  const StreamGroup* group = found.value == nullptr ? nullptr : found.value->group(call[2]);
  if (group == nullptr) return reply_no_group(call, call[1], call[2]);
  is_summary ? reply_pending_summary(call, *group) : query.reply(call, *group);
}

void xgroup_help(Call& call) { reply_help(call); }

}  // namespace leat::resp::streams
