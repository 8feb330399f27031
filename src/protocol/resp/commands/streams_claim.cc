#include <limits>

#include "protocol/resp/commands/streams.h"

// Entries that a consumer was given and does not get done go to another.
namespace leat::resp::streams {
namespace {

using keyspace::Stream;
using keyspace::StreamGroup;
using keyspace::StreamId;

// XCLAIM key group consumer min-idle-time id [id ...] [options].
struct ClaimOptions {
  std::int64_t min_idle = 0;
  std::vector<StreamId> ids;
  std::int64_t delivered_at = -1;
  std::int64_t deliveries = -1;
  bool force = false;
  bool only_ids = false;
  StreamId last_id;

  [[nodiscard]] bool parse(Call& call) {
    const auto idle = call.integer(4, "ERR Invalid min-idle-time argument for XCLAIM");
    if (!idle) return false;
    min_idle = std::max<std::int64_t>(*idle, 0);
    std::size_t at = 5;
    for (; at < call.size(); ++at) {
      const auto id = try_parse_id(call[at]);
      if (!id) break;
      ids.push_back(*id);
    }
    for (; at < call.size(); ++at) {
      if (!parse_option(call, at)) return false;
    }
    const std::int64_t now = call.keyspace.now();
    if (delivered_at < 0 || delivered_at > now) delivered_at = now;
    return true;
  }

  [[nodiscard]] bool parse_option(Call& call, std::size_t& at) {
    const bool has_more = at + 1 < call.size();
    const auto number = [&](std::int64_t& to, std::string_view error) {
      const auto value = call.integer(++at, error);
      if (value) to = *value;
      return value.has_value();
    };
    if (call.is(at, "FORCE")) return force = true;
    if (call.is(at, "JUSTID")) return only_ids = true;
    if (call.is(at, "IDLE") && has_more) {
      std::int64_t idle = 0;
      if (!number(idle, "ERR Invalid IDLE option argument for XCLAIM")) return false;
      if (__builtin_sub_overflow(call.keyspace.now(), idle, &delivered_at)) delivered_at = -1;
      return true;
    }
    if (call.is(at, "TIME") && has_more) return number(delivered_at, "ERR Invalid TIME option argument for XCLAIM");
    if (call.is(at, "RETRYCOUNT") && has_more)
      return number(deliveries, "ERR Invalid RETRYCOUNT option argument for XCLAIM");
    if (call.is(at, "LASTID") && has_more) {
      const auto id = parse_id(call, call[++at]);
      if (id) last_id = *id;
      return id.has_value();
    }
    call.reply.error(fmt::format("ERR Unrecognized XCLAIM option '{}'", shown(call[at])));
    return false;
  }
};

// Gives pending entries of one group to one consumer, and journals that.
class Claims {
 public:
  Claims(Call& call, Stream& stream, StreamGroup& group)
      : call_(call), stream_(stream), group_(group), deliveries_(call, call[1], call[2], call[3]) {}

  // The entry is no longer in the stream, and so no longer pending.
  void drop(StreamId id) {
    if (!group_.acknowledge(id)) return;
    deliveries_.flush();
    call_.effect({"XACK", call_[1], call_[2], IdText(id)});
    call_.keyspace.count_changes(1);
  }

  // `deliveries`: negative to count one more, unless only the id is asked for.
  void claim(StreamId id, std::int64_t delivered_at, std::int64_t deliveries, bool only_ids) {
    if (consumer_ == nullptr) consumer_ = &seen_consumer(call_, call_[1], call_[2], group_, call_[3]);
    auto& entry = group_.assign(id, *consumer_);
    entry.second.delivered_at = delivered_at;
    if (deliveries >= 0) {
      entry.second.deliveries = static_cast<std::uint64_t>(deliveries);
    } else if (!only_ids) {
      ++entry.second.deliveries;
    }
    deliveries_.add(entry);
    call_.keyspace.count_changes(1);
  }

  void reply(StreamId id, bool only_ids) {
    if (only_ids) return reply_id(call_.reply, id);
    stream_.for_each(id, id, [this](const Stream::Entry& entry) {
      reply_entry(call_.reply, entry);
      return false;
    });
  }

  void journal() { deliveries_.flush(); }

 private:
  Call& call_;
  Stream& stream_;
  StreamGroup& group_;
  Deliveries deliveries_;
  StreamGroup::Consumer* consumer_ = nullptr;
};

bool is_idle(const Call& call, const keyspace::PendingEntry& entry, std::int64_t min_idle) {
  return min_idle == 0 || call.keyspace.now() - entry.delivered_at >= min_idle;
}

// XAUTOCLAIM key group consumer min-idle-time start [COUNT count] [JUSTID].
struct AutoClaimOptions {
  std::int64_t min_idle = 0;
  StreamId from;
  std::int64_t count = 100;
  bool only_ids = false;

  [[nodiscard]] bool parse(Call& call) {
    constexpr std::int64_t kCountMax = std::numeric_limits<std::int64_t>::max() / 16;
    const auto idle = call.integer(4, "ERR Invalid min-idle-time argument for XAUTOCLAIM");
    if (!idle) return false;
    min_idle = std::max<std::int64_t>(*idle, 0);
    const auto start = parse_range_start(call, call[5]);
    if (!start) return false;
    from = *start;
    for (std::size_t i = 6; i < call.size(); ++i) {
      if (call.is(i, "COUNT") && i + 1 < call.size()) {
        const auto given = keyspace::parse_integer(call[++i]);
        if (!given || *given < 1 || *given > kCountMax) {
          call.reply.error("ERR COUNT must be > 0");
          return false;
        }
        count = *given;
      } else if (call.is(i, "JUSTID")) {
        only_ids = true;
      } else {
        call.reply.error(errors::kSyntax);
        return false;
      }
    }
    return true;
  }
};

}  // namespace

void xclaim(Call& call) {
  const auto found = call.write<Stream>(call[1]);
  if (!found) return;
  StreamGroup* group = found.value == nullptr ? nullptr : found.value->group(call[2]);
  if (group == nullptr) return reply_no_group(call, call[1], call[2]);
  ClaimOptions options;
  if (!options.parse(call)) return;
  const bool moves_group = options.last_id > group->last_delivered;
  if (moves_group) group->last_delivered = options.last_id;
  Claims claims(call, *found.value, *group);
  const std::size_t begun = call.reply.begin();
  std::size_t claimed = 0;
  for (const StreamId id : options.ids) {
    if (!found.value->contains(id)) {
      claims.drop(id);
      continue;
    }
    const auto* pending = group->find_pending(id);
    if (pending == nullptr && !options.force) continue;
    if (pending != nullptr && !is_idle(call, pending->second, options.min_idle)) continue;
    claims.claim(id, options.delivered_at, options.deliveries, options.only_ids);
    claims.reply(id, options.only_ids);
    ++claimed;
  }
  call.reply.end_array(begun, claimed);
  claims.journal();
  if (!moves_group) return;
  add_position(call, call[1], call[2], *group);
  call.keyspace.count_changes(1);
}

void xautoclaim(Call& call) {
  constexpr std::int64_t kAttemptsPerEntry = 10;
  (void)call.database.read(call[1]);  // it is noticed that a key is missing even when the options are wrong
  AutoClaimOptions options;
  if (!options.parse(call)) return;
  const auto found = call.write<Stream>(call[1]);
  if (!found) return;
  StreamGroup* group = found.value == nullptr ? nullptr : found.value->group(call[2]);
  if (group == nullptr) return reply_no_group(call, call[1], call[2]);
  Claims claims(call, *found.value, *group);
  std::vector<StreamId> claimed;
  std::vector<StreamId> dropped;
  auto at = group->pending().lower_bound(options.from);
  std::int64_t left = options.count;
  for (std::int64_t attempts = options.count * kAttemptsPerEntry;
       attempts > 0 && left > 0 && at != group->pending().end(); --attempts) {
    const auto& [id, pending] = *at++;
    if (!found.value->contains(id)) {
      dropped.push_back(id);
      claims.drop(dropped.back());
      --left;
    } else if (is_idle(call, pending, options.min_idle)) {
      claims.claim(id, call.keyspace.now(), -1, options.only_ids);
      claimed.push_back(id);
      --left;
    }
  }
  Reply& reply = call.reply;
  reply.array(3);
  reply_id(reply, at == group->pending().end() ? StreamId{} : at->first);
  reply.array(claimed.size());
  for (const StreamId id : claimed) claims.reply(id, options.only_ids);
  reply.array(dropped.size());
  for (const StreamId id : dropped) reply_id(reply, id);
  claims.journal();
}

}  // namespace leat::resp::streams
