#include "protocol/resp/commands/streams.h"

// Reading what is new, or waiting for it; and as a consumer of a group.
namespace leat::resp::streams {
namespace {

using keyspace::Stream;
using keyspace::StreamGroup;
using keyspace::StreamId;

// Stands for ">": what no consumer of the group was given.
constexpr StreamId kUndelivered = StreamId::max();

struct GroupName {
  std::string_view group;
  std::string_view consumer;
};

// The words of XREAD and XREADGROUP.
class Request {
 public:
  explicit Request(Call& call) : call_(call), is_group_command_(call.command.name == "xreadgroup") {}

  void run();

 private:
  [[nodiscard]] bool parse();
  [[nodiscard]] bool parse_option(std::size_t& at);
  [[nodiscard]] bool parse_timeout(std::size_t at);
  [[nodiscard]] bool refuse(std::string_view error) {
    call_.reply.error(error);
    return false;
  }
  [[nodiscard]] std::string_view key(std::size_t i) const { return call_[streams_at_ + i]; }
  [[nodiscard]] std::string_view id(std::size_t i) const { return call_[streams_at_ + streams_ + i]; }
  // The id of a stream as it stands there, which is checked to be one, or to have that group.
  [[nodiscard]] std::optional<StreamId> resolve(std::size_t i);
  [[nodiscard]] bool serve_now(std::size_t i, StreamId after);
  void wait(const std::vector<StreamId>& ids);
  // For the key that changed.
  void retry();

  void reply_key(std::string_view key);
  void reply_new(const Stream& stream, StreamId after);
  void reply_undelivered(std::string_view key, Stream& stream, StreamGroup& group);
  void reply_history(std::string_view key, Stream& stream, StreamGroup& group, StreamId after);
  [[nodiscard]] bool is_full(std::size_t given) const { return count_ != 0 && given >= count_; }

  Call& call_;
  bool is_group_command_;
  std::size_t count_ = 0;  // 0: no limit
  bool blocks_ = false;
  std::optional<Milliseconds> timeout_;
  std::optional<GroupName> group_;
  bool no_ack_ = false;
  std::size_t streams_at_ = 0;
  std::size_t streams_ = 0;
};

bool Request::parse_timeout(std::size_t at) {
  // Nobody sees the end of a longer wait.
  constexpr std::int64_t kForeverMs = std::int64_t{100} * 365 * 24 * 3600 * 1000;
  const auto ms = call_.integer(at, "ERR timeout is not an integer or out of range");
  if (!ms) return false;
  if (*ms < 0) return refuse("ERR timeout is negative");
  blocks_ = true;
  timeout_ = *ms > 0 && *ms < kForeverMs ? std::optional(Milliseconds(*ms)) : std::nullopt;
  return true;
}

// The option at `at`, which moves to its last word.
bool Request::parse_option(std::size_t& at) {
  const bool has_more = at + 1 < call_.size();
  if (call_.is(at, "BLOCK") && has_more) return parse_timeout(++at);
  if (call_.is(at, "COUNT") && has_more) {
    const auto count = call_.integer(++at);
    if (count) count_ = static_cast<std::size_t>(std::max<std::int64_t>(*count, 0));
    return count.has_value();
  }
  if (call_.is(at, "GROUP") && at + 2 < call_.size()) {
    if (!is_group_command_)
      return refuse("ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.");
    group_ = {call_[at + 1], call_[at + 2]};
    at += 2;
    return true;
  }
  if (call_.is(at, "NOACK")) {
    if (!is_group_command_)
      return refuse("ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.");
    no_ack_ = true;
    return true;
  }
  return refuse(errors::kSyntax);
}

bool Request::parse() {
  for (std::size_t i = 1; i < call_.size() && streams_at_ == 0; ++i) {
    if (call_.is(i, "STREAMS") && i + 1 < call_.size()) {
      streams_at_ = i + 1;
    } else if (!parse_option(i)) {
      return false;
    }
  }
  if (streams_at_ == 0) return refuse(errors::kSyntax);
  const std::size_t words = call_.size() - streams_at_;
  if (words % 2 != 0)
    return refuse("ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.");
  streams_ = words / 2;
  if (is_group_command_ && !group_) return refuse("ERR Missing GROUP option for XREADGROUP");
  return true;
}

std::optional<StreamId> Request::resolve(std::size_t i) {
  const auto found = call_.read<Stream>(key(i));
  if (!found) return std::nullopt;
  if (group_ && (found.value == nullptr || found.value->group(group_->group) == nullptr)) {
    call_.reply.error(fmt::format("NOGROUP No such key '{}' or consumer group '{}' in XREADGROUP with GROUP option",
                                  shown(key(i)), shown(group_->group)));
    return std::nullopt;
  }
  if (id(i) == "$") {
    if (!is_group_command_) return found.value == nullptr ? StreamId{} : found.value->last_id();
    call_.reply.error(
        "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by "
        "specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.");
    return std::nullopt;
  }
  if (id(i) == ">") {
    if (is_group_command_) return kUndelivered;
    call_.reply.error(
        "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.");
    return std::nullopt;
  }
  return parse_id(call_, id(i));
}

void Request::reply_key(std::string_view key) {
  if (!call_.reply.is_resp3()) call_.reply.array(2);
  call_.reply.bulk(key);
}

void Request::reply_new(const Stream& stream, StreamId after) {
  std::size_t given = 0;
  const std::size_t begun = call_.reply.begin();
  if (const auto from = after.next()) {
    stream.for_each(*from, StreamId::max(), [&](const Stream::Entry& entry) {
      reply_entry(call_.reply, entry);
      return !is_full(++given);
    });
  }
  call_.reply.end_array(begun, given);
}

void Request::reply_undelivered(std::string_view key, Stream& stream, StreamGroup& group) {
  StreamGroup::Consumer& consumer = seen_consumer(call_, key, group_->group, group, group_->consumer);
  Deliveries deliveries(call_, key, group_->group, group_->consumer);
  std::size_t given = 0;
  const std::size_t begun = call_.reply.begin();
  if (const auto from = group.last_delivered.next()) {
    stream.for_each(*from, StreamId::max(), [&](const Stream::Entry& entry) {
      stream.advance(group, entry.id());
      reply_entry(call_.reply, entry);
      if (!no_ack_) {
        auto& pending = group.assign(entry.id(), consumer);
        pending.second.delivered_at = call_.keyspace.now();
        pending.second.deliveries = 1;
        deliveries.add(pending);
      }
      return !is_full(++given);
    });
  }
  call_.reply.end_array(begun, given);
  if (given == 0) return;
  deliveries.flush();
  add_position(call_, key, group_->group, group);
  call_.keyspace.count_changes(1);
}

// What the consumer was given before and has not acknowledged. It counts as delivered once more.
void Request::reply_history(std::string_view key, Stream& stream, StreamGroup& group, StreamId after) {
  StreamGroup::Consumer& consumer = seen_consumer(call_, key, group_->group, group, group_->consumer);
  Deliveries deliveries(call_, key, group_->group, group_->consumer);
  std::size_t given = 0;
  const std::size_t begun = call_.reply.begin();
  for (auto at = consumer.second.pending.upper_bound(after); at != consumer.second.pending.end() && !is_full(given);
       ++at, ++given) {
    auto& [id, pending] = **at;
    bool is_there = false;
    stream.for_each(id, id, [&](const Stream::Entry& entry) {
      reply_entry(call_.reply, entry);
      is_there = true;
      return false;
    });
    if (is_there) {
      pending.delivered_at = call_.keyspace.now();
      ++pending.deliveries;
      deliveries.add(**at);
    } else {
      call_.reply.array(2);
      reply_id(call_.reply, id);
      call_.reply.null_array();
    }
  }
  call_.reply.end_array(begun, given);
  deliveries.flush();
}

// False: there is nothing for this stream now.
bool Request::serve_now(std::size_t i, StreamId after) {
  const auto found = group_ ? call_.write<Stream>(key(i)) : call_.read<Stream>(key(i));
  if (!found || found.value == nullptr) return false;
  Stream& stream = *found.value;
  StreamGroup* group = group_ ? stream.group(group_->group) : nullptr;
  if (group != nullptr && after != kUndelivered) {
    reply_key(key(i));
    reply_history(key(i), stream, *group, after);
    return true;
  }
  if (stream.size() == 0 || stream.last_entry_id() <= (group != nullptr ? group->last_delivered : after)) return false;
  reply_key(key(i));
  group != nullptr ? reply_undelivered(key(i), stream, *group) : reply_new(stream, after);
  return true;
}

void Request::wait(const std::vector<StreamId>& ids) {
  std::vector<std::string> texts;
  std::vector<std::string_view> words(call_.args.begin(), call_.args.end());
  texts.reserve(streams_);
  for (std::size_t i = 0; i < streams_; ++i) {
    if (id(i) == "$") words[streams_at_ + streams_ + i] = texts.emplace_back(IdText(ids[i]));
  }
  if (!call_.block(call_.args.subspan(streams_at_, streams_), timeout_, words)) return call_.reply.null_array();
  // Whoever reads for a group must hear that it is gone.
  call_.client.blocked->wants_absence = is_group_command_;
}

void Request::retry() {
  if (call_.timed_out) return call_.reply.null_array();
  const std::string_view ready = call_.ready_key;
  std::size_t i = 0;
  while (i < streams_ && key(i) != ready) ++i;
  keyspace::Entry* entry = i == streams_ ? nullptr : call_.database.write(ready);
  if (entry == nullptr || entry->type() != keyspace::Type::stream) {
    if (is_group_command_) call_.reply.error("UNBLOCKED the stream key no longer exists");
    return;
  }
  Stream& stream = entry->value<Stream>();
  StreamGroup* group = group_ ? stream.group(group_->group) : nullptr;
  if (group_ && group == nullptr)
    return call_.reply.error("NOGROUP the consumer group this client was blocked on no longer exists");
  const auto after = group != nullptr ? group->last_delivered : try_parse_id(id(i)).value_or(StreamId::max());
  if (stream.last_id() <= after) return;
  if (call_.reply.is_resp3()) {
    call_.reply.map(1);
  } else {
    call_.reply.array(1);
  }
  reply_key(ready);
  group != nullptr ? reply_undelivered(ready, stream, *group) : reply_new(stream, after);
}

void Request::run() {
  if (!parse()) return;
  if (call_.is_retry) return retry();
  std::vector<StreamId> ids;
  for (std::size_t i = 0; i < streams_; ++i) {
    const auto id = resolve(i);
    if (!id) return;
    ids.push_back(*id);
  }
  std::size_t served = 0;
  const std::size_t begun = call_.reply.begin();
  for (std::size_t i = 0; i < streams_; ++i) served += serve_now(i, ids[i]) ? 1 : 0;
  if (served > 0) {
    call_.reply.is_resp3() ? call_.reply.end_map(begun, served) : call_.reply.end_array(begun, served);
  } else if (blocks_) {
    wait(ids);
  } else {
    call_.reply.null_array();
  }
}

}  // namespace

void xread(Call& call) { Request(call).run(); }
void xreadgroup(Call& call) { Request(call).run(); }

}  // namespace leat::resp::streams
