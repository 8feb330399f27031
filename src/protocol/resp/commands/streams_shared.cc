#include <cerrno>
#include <cstdlib>

#include "protocol/resp/commands/streams.h"

namespace leat::resp::streams {
namespace {

using keyspace::IntegerText;
using keyspace::Stream;
using keyspace::StreamGroup;
using keyspace::StreamId;

// As the C library reads it: a sign, blanks before it and zeros are taken.
std::optional<std::uint64_t> parse_part(const std::string& text) {
  if (const auto integer = keyspace::parse_integer(text)) {
    if (*integer < 0) return std::nullopt;
    return static_cast<std::uint64_t>(*integer);
  }
  char* end = nullptr;
  errno = 0;
  const std::uint64_t value = std::strtoull(text.c_str(), &end, 10);
  if (errno != 0 || end == text.c_str() || *end != '\0') return std::nullopt;
  return value;
}

constexpr std::size_t kTextMax = 127;

std::optional<NewId> parse(std::string_view given, std::uint64_t missing, bool may_be_open) {
  if (given.size() > kTextMax) return std::nullopt;
  const std::string_view text = given.substr(0, given.find('\0'));
  const std::size_t dash = text.find('-');
  const auto ms = parse_part(std::string(text.substr(0, dash)));
  if (!ms) return std::nullopt;
  if (dash == std::string_view::npos) return NewId{{*ms, missing}};
  const std::string rest(text.substr(dash + 1));
  if (may_be_open && rest == "*") return NewId{.id = {*ms, 0}, .has_sequence = false};
  const auto sequence = parse_part(rest);
  if (!sequence) return std::nullopt;
  return NewId{{*ms, *sequence}};
}

bool is_open_limit(std::string_view text) { return text.size() > 1 && text.front() == '('; }

}  // namespace

std::optional<StreamId> parse_id(Call& call, std::string_view text, std::uint64_t missing) {
  const auto parsed = parse(text, missing, false);
  if (parsed) return parsed->id;
  call.reply.error(kInvalidId);
  return std::nullopt;
}

std::optional<StreamId> try_parse_id(std::string_view text) {
  const auto parsed = parse(text, 0, false);
  return parsed ? std::optional(parsed->id) : std::nullopt;
}

std::optional<NewId> parse_new_id(Call& call, std::string_view text) {
  const auto parsed = parse(text, 0, true);
  if (!parsed) call.reply.error(kInvalidId);
  return parsed;
}

std::optional<StreamId> parse_limit(Call& call, std::string_view text, std::uint64_t missing) {
  if (text == "-") return StreamId{};
  if (text == "+") return StreamId::max();
  return parse_id(call, text, missing);
}

std::optional<StreamId> parse_range_start(Call& call, std::string_view text) {
  if (!is_open_limit(text)) return parse_limit(call, text, 0);
  const auto before = parse_id(call, text.substr(1), 0);
  if (!before) return std::nullopt;
  const auto start = before->next();
  if (!start) call.reply.error("ERR invalid start ID for the interval");
  return start;
}

std::optional<StreamId> parse_range_end(Call& call, std::string_view text) {
  const std::uint64_t missing = StreamId::max().sequence;
  if (!is_open_limit(text)) return parse_limit(call, text, missing);
  const auto behind = parse_id(call, text.substr(1), missing);
  if (!behind) return std::nullopt;
  const auto end = behind->previous();
  if (!end) call.reply.error("ERR invalid end ID for the interval");
  return end;
}

void reply_id(Reply& reply, StreamId id) { reply.bulk(IdText(id)); }

void reply_entry(Reply& reply, const Stream::Entry& entry) {
  reply.array(2);
  reply_id(reply, entry.id());
  reply.array(2 * entry.fields());
  entry.for_each([&reply](keyspace::Element name, keyspace::Element value) {
    IntegerText buffer;
    reply.bulk(text(name, buffer));
    reply.bulk(text(value, buffer));
  });
}

void touched(Call& call, std::string_view event, std::string_view key) {
  call.keyspace.count_changes(1);
  call.notify(EventClass::stream, event, key);
}

StreamGroup::Consumer& seen_consumer(Call& call, std::string_view key, std::string_view group_name, StreamGroup& group,
                                     std::string_view name) {
  if (StreamGroup::Consumer* found = group.find(name)) {
    found->second.seen_at = call.keyspace.now();
    return *found;
  }
  StreamGroup::Consumer& created = group.create(name, call.keyspace.now());
  call.effect({"XGROUP", "CREATECONSUMER", key, group_name, name});
  touched(call, "xgroup-createconsumer", key);
  return created;
}

void Deliveries::add(const keyspace::PendingEntries::value_type& entry) {
  if (entry.second.delivered_at != delivered_at_ || entry.second.deliveries != deliveries_) flush();
  delivered_at_ = entry.second.delivered_at;
  deliveries_ = entry.second.deliveries;
  ids_.emplace_back(IdText(entry.first));
}

void Deliveries::flush() {
  if (ids_.empty()) return;
  IntegerText at;
  IntegerText count;
  std::vector<std::string_view> words{"XCLAIM", key_, group_, consumer_, "0"};
  words.insert(words.end(), ids_.begin(), ids_.end());
  const std::string_view options[] = {
      "TIME",       keyspace::format_integer(delivered_at_, at),
      "RETRYCOUNT", keyspace::format_integer(static_cast<std::int64_t>(deliveries_), count),
      "FORCE",      "JUSTID"};
  words.insert(words.end(), std::begin(options), std::end(options));
  call_.effect(words);
  ids_.clear();
}

void add_position(Call& call, std::string_view key, std::string_view name, const StreamGroup& group) {
  IntegerText read;
  call.effect({"XGROUP", "SETID", key, name, IdText(group.last_delivered), "ENTRIESREAD",
               keyspace::format_integer(group.entries_read, read)});
}

void reply_no_group(Call& call, std::string_view key, std::string_view group) {
  call.reply.error(fmt::format("NOGROUP No such key '{}' or consumer group '{}'", shown(key), shown(group)));
}

}  // namespace leat::resp::streams
