#include <algorithm>

#include "keyspace/encoding_limits.h"
#include "protocol/resp/commands/streams.h"
#include "protocol/resp/registry.h"

namespace leat::resp {
namespace streams {
namespace {

using keyspace::EncodingLimits;
using keyspace::IntegerText;
using keyspace::Stream;
using keyspace::StreamId;

// The words of XADD up to the id, and those of XTRIM: what to trim to.
struct TrimOptions {
  bool trims = false;
  bool make_stream = true;
  Stream::Trim trim;
  // XADD's id, and where it stands; none: "*".
  std::optional<NewId> id;
  std::size_t id_at = 0;

  [[nodiscard]] bool parse(Call& call, bool is_add);

 private:
  [[nodiscard]] bool refuse(Call& call, std::string_view error) {
    call.reply.error(error);
    return false;
  }
  // MAXLEN or MINID at `at`, which moves to its last word.
  [[nodiscard]] bool parse_strategy(Call& call, std::size_t& at);
  [[nodiscard]] bool check_limit(Call& call);

  std::int64_t limit_ = 0;
  bool has_limit_ = false;
};

bool TrimOptions::parse_strategy(Call& call, std::size_t& at) {
  const bool is_length = call.is(at, "MAXLEN");
  if (trims) return refuse(call, "ERR syntax error, MAXLEN and MINID options at the same time are not compatible");
  trims = true;
  if (at + 2 < call.size() && (call[at + 1] == "~" || call[at + 1] == "=")) {
    trim.approximate = call[at + 1] == "~";
    ++at;
  }
  ++at;
  if (!is_length) {
    const auto min = parse_id(call, call[at]);
    if (min) trim.min = *min;
    return min.has_value();
  }
  const auto length = call.integer(at);
  if (!length) return false;
  if (*length < 0) return refuse(call, "ERR The MAXLEN argument must be >= 0.");
  trim.length = static_cast<std::uint64_t>(*length);
  return true;
}

bool TrimOptions::parse(Call& call, bool is_add) {
  for (std::size_t i = 2; i < call.size() && id_at == 0; ++i) {
    const bool has_more = i + 1 < call.size();
    if (is_add && call[i] == "*") {
      id_at = i;
    } else if ((call.is(i, "MAXLEN") || call.is(i, "MINID")) && has_more) {
      if (!parse_strategy(call, i)) return false;
    } else if (call.is(i, "LIMIT") && has_more) {
      const auto limit = call.integer(++i);
      if (!limit) return false;
      if (*limit < 0) return refuse(call, "ERR The LIMIT argument must be >= 0.");
      limit_ = *limit;
      has_limit_ = true;
    } else if (is_add && call.is(i, "NOMKSTREAM")) {
      make_stream = false;
    } else if (is_add) {
      id = parse_new_id(call, call[i]);
      if (!id) return false;
      id_at = i;
    } else {
      return refuse(call, errors::kSyntax);
    }
  }
  if (limit_ != 0 && !trims)
    return refuse(call, "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy");
  if (!is_add && !trims) return refuse(call, "ERR syntax error, XTRIM must be called with a trimming strategy");
  return check_limit(call);
}

bool TrimOptions::check_limit(Call& call) {
  constexpr std::uint64_t kLimitUnset = 10'000;
  constexpr std::uint64_t kLimitMax = 1'000'000;
  if (has_limit_ && !trim.approximate)
    return refuse(call, "ERR syntax error, LIMIT cannot be used without the special ~ option");
  trim.limit = static_cast<std::uint64_t>(limit_);
  if (!has_limit_ && trim.approximate) {
    trim.limit = 100 * std::uint64_t{EncodingLimits::stream_node_max_entries};
    trim.limit = trim.limit == 0 ? kLimitUnset : std::min(trim.limit, kLimitMax);
  }
  return true;
}

// Journals a trimming by what it left, which whole blocks and limits do not change.
void journal_trim(Call& call, const Stream& stream) {
  IntegerText left;
  call.effect(
      {"XTRIM", call[1], "MAXLEN", "=", keyspace::format_integer(static_cast<std::int64_t>(stream.size()), left)});
}

// The id of XADD's entry. nullopt: it replied with an error.
std::optional<StreamId> choose_id(Call& call, const std::optional<NewId>& given, StreamId last) {
  const auto next = last.next();
  if (!next) {
    call.reply.error("ERR The stream has exhausted the last possible ID, unable to add more items");
    return std::nullopt;
  }
  StreamId id;
  if (!given) {
    const auto now = static_cast<std::uint64_t>(std::max<std::int64_t>(call.keyspace.now(), 0));
    return now > last.ms ? StreamId{now, 0} : *next;
  }
  id = given->id;
  // The next one of the same millisecond, if there is one.
  if (!given->has_sequence && id.ms == last.ms && next->ms == last.ms) id = *next;
  if (id > last) return id;
  call.reply.error("ERR The ID specified in XADD is equal or smaller than the target stream top item");
  return std::nullopt;
}

void xadd(Call& call) {
  constexpr std::size_t kBytesMax = std::size_t{1} << 30;
  TrimOptions options;
  if (!options.parse(call, true)) return;
  const Arguments words = call.args.subspan(std::min(options.id_at + 1, call.size()));
  if (options.id_at == 0 || words.size() < 2 || words.size() % 2 == 1)
    return call.reply.error("ERR wrong number of arguments for 'xadd' command");
  if (options.id && options.id->has_sequence && options.id->id.is_zero())
    return call.reply.error("ERR The ID specified in XADD must be greater than 0-0");
  const std::string_view key = call[1];
  const auto found = call.write<Stream>(key);
  if (!found) return;
  if (found.value == nullptr && !options.make_stream) return call.reply.null();
  const auto id = choose_id(call, options.id, found.value == nullptr ? StreamId{} : found.value->last_id());
  if (!id) return;
  std::size_t bytes = 0;
  for (const std::string_view word : words) bytes += word.size();
  if (bytes > kBytesMax) return call.reply.error("ERR Elements are too large to be stored");

  Stream& stream = found.value == nullptr ? call.database.create<Stream>(key) : *found.value;
  stream.append(*id, words);
  const std::size_t trimmed = options.trims ? stream.trim(options.trim) : 0;
  const IdText text(*id);
  call.reply.bulk(text);
  std::vector<std::string_view> effect{"XADD", key, text};
  effect.insert(effect.end(), words.begin(), words.end());
  call.effect(effect);
  if (trimmed > 0) journal_trim(call, stream);
  call.changed(EventClass::stream, "xadd", key);
  if (trimmed > 0) call.notify(EventClass::stream, "xtrim", key);
}

void xlen(Call& call) {
  const auto found = call.read<Stream>(call[1]);
  if (found) call.reply.integer(found.value == nullptr ? 0 : static_cast<std::int64_t>(found.value->size()));
}

void reply_range(Call& call, bool backwards) {
  const auto from = parse_range_start(call, call[backwards ? 3 : 2]);
  const auto to = from ? parse_range_end(call, call[backwards ? 2 : 3]) : std::nullopt;
  if (!to) return;
  std::optional<std::int64_t> count;
  for (std::size_t i = 4; i < call.size(); i += 2) {
    if (!call.is(i, "COUNT") || i + 1 == call.size()) return call.reply.error(errors::kSyntax);
    const auto given = call.integer(i + 1);
    if (!given) return;
    count = std::max<std::int64_t>(*given, 0);
  }
  const auto found = call.read<Stream>(call[1]);
  if (!found) return;
  if (found.value == nullptr) return call.reply.array(0);
  if (count == 0) return call.reply.null_array();
  std::int64_t given = 0;
  const std::size_t begun = call.reply.begin();
  const auto use = [&](const Stream::Entry& entry) {
    reply_entry(call.reply, entry);
    return ++given != count;
  };
  backwards ? found.value->for_each_backwards(*from, *to, use) : found.value->for_each(*from, *to, use);
  call.reply.end_array(begun, static_cast<std::size_t>(given));
}

void xrange(Call& call) { reply_range(call, false); }
void xrevrange(Call& call) { reply_range(call, true); }

void xdel(Call& call) {
  const auto found = call.write<Stream>(call[1]);
  if (!found) return;
  if (found.value == nullptr) return call.reply.integer(0);
  std::vector<StreamId> ids;
  for (std::size_t i = 2; i < call.size(); ++i) {
    const auto id = parse_id(call, call[i]);
    if (!id) return;
    ids.push_back(*id);
  }
  std::int64_t deleted = 0;
  for (const StreamId id : ids) deleted += found.value->erase(id) ? 1 : 0;
  call.reply.integer(deleted);
  if (deleted > 0) call.changed(EventClass::stream, "xdel", call[1]);
}

void xtrim(Call& call) {
  TrimOptions options;
  if (!options.parse(call, false)) return;
  const auto found = call.write<Stream>(call[1]);
  if (!found) return;
  const std::size_t trimmed = found.value == nullptr ? 0 : found.value->trim(options.trim);
  call.reply.integer(static_cast<std::int64_t>(trimmed));
  if (trimmed == 0) return;
  journal_trim(call, *found.value);
  call.changed(EventClass::stream, "xtrim", call[1]);
}

void xsetid(Call& call) {
  const auto id = parse_id(call, call[2]);
  if (!id) return;
  std::optional<std::int64_t> added;
  StreamId max_deleted;
  for (std::size_t i = 3; i < call.size(); i += 2) {
    const bool has_more = i + 1 < call.size();
    if (has_more && call.is(i, "ENTRIESADDED")) {
      added = call.integer(i + 1);
      if (!added) return;
      if (*added < 0) return call.reply.error("ERR entries_added must be positive");
    } else if (has_more && call.is(i, "MAXDELETEDID")) {
      const auto given = parse_id(call, call[i + 1]);
      if (!given) return;
      if (*id < *given)
        return call.reply.error("ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id");
      max_deleted = *given;
    } else {
      return call.reply.error(errors::kSyntax);
    }
  }
  const auto found = call.write<Stream>(call[1]);
  if (!found) return;
  if (found.value == nullptr) return call.reply.error(errors::kNoSuchKey);
  Stream& stream = *found.value;
  if (stream.size() > 0) {
    if (*id < stream.last_entry_id())
      return call.reply.error("ERR The ID specified in XSETID is smaller than the target stream top item");
    if (added && stream.size() > static_cast<std::uint64_t>(*added))
      return call.reply.error("ERR The entries_added specified in XSETID is smaller than the target stream length");
  }
  stream.set_last_id(*id);
  if (added) stream.set_entries_added(static_cast<std::uint64_t>(*added));
  if (!max_deleted.is_zero()) stream.set_max_deleted_id(max_deleted);
  call.reply.ok();
  call.effect(call.args);
  touched(call, "xsetid", call[1]);
}

constexpr std::string_view kXaddTips[] = {"nondeterministic_output"};
constexpr std::string_view kXautoclaimTips[] = {"nondeterministic_output"};
constexpr std::string_view kXclaimTips[] = {"nondeterministic_output"};
constexpr Command kXgroupSubcommands[] = {
    {.name = "delconsumer",
     .handler = xgroup_delconsumer,
     .arity = 5,
     .flags = kWrite,
     .categories = kStream,
     .keys = kRange < kKeyRw | kKeyDelete,
     2 >,
     .group = "stream",
     .since = "5.0.0",
     .summary = "Removes a consumer from a group, with what is pending for it",
     .complexity = "O(1)"},
    {.name = "create",
     .handler = xgroup_create,
     .arity = -5,
     .flags = kWrite | kDenyOom,
     .categories = kStream,
     .keys = kRange < kKeyRw | kKeyInsert,
     2 >
     , .group = "stream", .since = "5.0.0", .summary = "Makes a group of consumers", .complexity = "O(1)"},
    {.name = "destroy",
     .handler = xgroup_destroy,
     .arity = 4,
     .flags = kWrite,
     .categories = kStream,
     .keys = kRange < kKeyRw | kKeyDelete,
     2 >
     , .group = "stream", .since = "5.0.0", .summary = "Removes a group of consumers", .complexity = "O(N)"},
    {.name = "help",
     .handler = xgroup_help,
     .arity = 2,
     .flags = kLoading | kStale,
     .categories = kStream,
     .group = "stream",
     .since = "5.0.0",
     .summary = "Tells the subcommands of XGROUP",
     .complexity = "O(1)"},
    {.name = "setid",
     .handler = xgroup_setid,
     .arity = -5,
     .flags = kWrite,
     .categories = kStream,
     .keys = kRange < kKeyRw | kKeyUpdate,
     2 >,
     .group = "stream",
     .since = "5.0.0",
     .summary = "Sets which entry of the stream a group was last given",
     .complexity = "O(1)"},
    {.name = "createconsumer",
     .handler = xgroup_createconsumer,
     .arity = 5,
     .flags = kWrite | kDenyOom,
     .categories = kStream,
     .keys = kRange < kKeyRw | kKeyInsert,
     2 >
     , .group = "stream", .since = "6.2.0", .summary = "Makes a consumer in a group", .complexity = "O(1)"},
};
constexpr std::string_view kXinfoConsumersTips[] = {"nondeterministic_output"};
constexpr Command kXinfoSubcommands[] = {
    {.name = "stream",
     .handler = xinfo_stream,
     .arity = -3,
     .flags = kReadonly,
     .categories = kStream,
     .keys = kRange < kKeyRo | kKeyAccess,
     2 >,
     .group = "stream",
     .since = "5.0.0",
     .summary = "Tells the length, ids and layout of a stream",
     .complexity = "O(1)"},
    {.name = "help",
     .handler = xinfo_help,
     .arity = 2,
     .flags = kLoading | kStale,
     .categories = kStream,
     .group = "stream",
     .since = "5.0.0",
     .summary = "Tells the subcommands of XINFO",
     .complexity = "O(1)"},
    {.name = "groups",
     .handler = xinfo_groups,
     .arity = 3,
     .flags = kReadonly,
     .categories = kStream,
     .keys = kRange < kKeyRo | kKeyAccess,
     2 >,
     .group = "stream",
     .since = "5.0.0",
     .summary = "Tells the groups of consumers of a stream",
     .complexity = "O(1)"},
    {.name = "consumers",
     .handler = xinfo_consumers,
     .arity = 4,
     .flags = kReadonly,
     .categories = kStream,
     .keys = kRange < kKeyRo | kKeyAccess,
     2 >,
     .tips = kXinfoConsumersTips,
     .group = "stream",
     .since = "5.0.0",
     .summary = "Tells the consumers of a group",
     .complexity = "O(1)"},
};
constexpr std::string_view kXpendingTips[] = {"nondeterministic_output"};
constexpr KeySpec kXreadKeys[] = {
    {.flags = kKeyRo | kKeyAccess, .keyword = "STREAMS", .index = 1, .last = -1, .limit = 2}};
constexpr KeySpec kXreadgroupKeys[] = {
    {.flags = kKeyRo | kKeyAccess, .keyword = "STREAMS", .index = 4, .last = -1, .limit = 2}};
constexpr std::string_view kXtrimTips[] = {"nondeterministic_output"};

constexpr Command kStreamCommands[] = {
    {.name = "xack",
     .handler = xack,
     .arity = -4,
     .flags = kWrite | kFast,
     .categories = kStream,
     .keys = kRange < kKeyRw | kKeyUpdate >,
     .group = "stream",
     .since = "5.0.0",
     .summary = "Ends what is pending: the consumer has done with these entries",
     .complexity = "O(1)"},
    {.name = "xadd",
     .handler = xadd,
     .arity = -5,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kStream,
     .keys = kRange < kKeyRw | kKeyUpdate >,
     .tips = kXaddTips,
     .group = "stream",
     .since = "5.0.0",
     .summary = "Appends an entry to a stream",
     .complexity = "O(1)"},
    {.name = "xautoclaim",
     .handler = xautoclaim,
     .arity = -6,
     .flags = kWrite | kFast,
     .categories = kStream,
     .keys = kRange < kKeyRw | kKeyDelete >,
     .tips = kXautoclaimTips,
     .group = "stream",
     .since = "6.2.0",
     .summary = "Gives entries that have been pending for long to another consumer",
     .complexity = "O(1)"},
    {.name = "xclaim",
     .handler = xclaim,
     .arity = -6,
     .flags = kWrite | kFast,
     .categories = kStream,
     .keys = kRange < kKeyRw | kKeyUpdate >,
     .tips = kXclaimTips,
     .group = "stream",
     .since = "5.0.0",
     .summary = "Gives pending entries, named by their ids, to another consumer",
     .complexity = "O(log N) with N the number of pending entries"},
    {.name = "xdel",
     .handler = xdel,
     .arity = -3,
     .flags = kWrite | kFast,
     .categories = kStream,
     .keys = kRange < kKeyRw | kKeyDelete >
     , .group = "stream", .since = "5.0.0", .summary = "Deletes entries by their ids", .complexity = "O(1)"},
    {.name = "xgroup",
     .handler = nullptr,
     .arity = -2,
     .subcommands = kXgroupSubcommands,
     .group = "stream",
     .since = "5.0.0",
     .summary = "Commands on groups of consumers",
     .complexity = "Depends on the subcommand"},
    {.name = "xinfo",
     .handler = nullptr,
     .arity = -2,
     .subcommands = kXinfoSubcommands,
     .group = "stream",
     .since = "5.0.0",
     .summary = "Commands that tell about streams",
     .complexity = "Depends on the subcommand"},
    {.name = "xlen",
     .handler = xlen,
     .arity = 2,
     .flags = kReadonly | kFast,
     .categories = kStream,
     .keys = kRange<kKeyRo>,
     .group = "stream",
     .since = "5.0.0",
     .summary = "Tells how many entries a stream has",
     .complexity = "O(1)"},
    {.name = "xpending",
     .handler = xpending,
     .arity = -3,
     .flags = kReadonly,
     .categories = kStream,
     .keys = kRange < kKeyRo | kKeyAccess >,
     .tips = kXpendingTips,
     .group = "stream",
     .since = "5.0.0",
     .summary = "Tells which entries were given to consumers and not acknowledged",
     .complexity = "O(N)"},
    {.name = "xrange",
     .handler = xrange,
     .arity = -4,
     .flags = kReadonly,
     .categories = kStream,
     .keys = kRange < kKeyRo | kKeyAccess >
     , .group = "stream", .since = "5.0.0", .summary = "Gives the entries between two ids", .complexity = "O(N)"},
    {.name = "xread",
     .handler = xread,
     .arity = -4,
     .flags = kReadonly | kBlocking | kMovableKeys,
     .categories = kStream,
     .keys = kXreadKeys,
     .group = "stream",
     .since = "5.0.0",
     .summary = "Gives entries behind ids of one or more streams, or waits for them",
     .complexity = "O(M) with M the number of entries given, for each stream"},
    {.name = "xreadgroup",
     .handler = xreadgroup,
     .arity = -7,
     .flags = kWrite | kBlocking | kMovableKeys,
     .categories = kStream,
     .keys = kXreadgroupKeys,
     .group = "stream",
     .since = "5.0.0",
     .summary = "Gives a consumer of a group entries that no other has, or waits for them",
     .complexity = "O(M) with M the number of entries given, for each stream"},
    {.name = "xrevrange",
     .handler = xrevrange,
     .arity = -4,
     .flags = kReadonly,
     .categories = kStream,
     .keys = kRange < kKeyRo | kKeyAccess >,
     .group = "stream",
     .since = "5.0.0",
     .summary = "Gives the entries between two ids, the last first",
     .complexity = "O(N)"},
    {.name = "xsetid",
     .handler = xsetid,
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kStream,
     .keys = kRange < kKeyRw | kKeyUpdate >
     , .group = "stream", .since = "5.0.0", .summary = "Sets the last id of a stream", .complexity = "O(1)"},
    {.name = "xtrim",
     .handler = xtrim,
     .arity = -4,
     .flags = kWrite,
     .categories = kStream,
     .keys = kRange < kKeyRw | kKeyDelete >,
     .tips = kXtrimTips,
     .group = "stream",
     .since = "5.0.0",
     .summary = "Deletes the oldest entries",
     .complexity = "O(N) with N the number of entries deleted"},
};

}  // namespace
}  // namespace streams

std::span<const Command> stream_commands() { return streams::kStreamCommands; }

}  // namespace leat::resp
