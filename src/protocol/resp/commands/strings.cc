#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "keyspace/numbers.h"
#include "protocol/resp/call.h"
#include "protocol/resp/commands/expiry_option.h"
#include "protocol/resp/commands/lcs.h"
#include "protocol/resp/executor.h"
#include "protocol/resp/registry.h"

namespace leat::resp {
namespace {

using keyspace::Entry;
using keyspace::IntegerText;

constexpr std::string_view kTooLong = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
constexpr std::string_view kOverflow = "ERR increment or decrement would overflow";

bool is_too_long(const Call& call, std::uint64_t size) { return size > call.executor.settings().limits.bulk_size_max; }

void reply_text(Call& call, const Entry* entry) {
  if (entry == nullptr) return call.reply.null();
  IntegerText buffer;
  call.reply.bulk(entry->text(buffer));
}

std::string copy_text(const Entry* entry) {
  if (entry == nullptr) return {};
  IntegerText buffer;
  return std::string(entry->text(buffer));
}

void get(Call& call) {
  const auto found = call.read_text(call[1]);
  if (found) reply_text(call, found.value);
}

struct SetOptions {
  bool if_absent = false;
  bool if_present = false;
  bool get = false;
  bool keep_expiry = false;
  ExpiryOption expiry;
};

// False: it replied with an error.
bool parse_set_options(Call& call, SetOptions& options) {
  for (std::size_t i = 3; i < call.size(); ++i) {
    if (call.is(i, "NX") && !options.if_present) {
      options.if_absent = true;
    } else if (call.is(i, "XX") && !options.if_absent) {
      options.if_present = true;
    } else if (call.is(i, "GET")) {
      options.get = true;
    } else if (call.is(i, "KEEPTTL") && !options.expiry.given()) {
      options.keep_expiry = true;
    } else if (!options.keep_expiry && options.expiry.take(call, i)) {
      ++i;
    } else {
      call.reply.error(errors::kSyntax);
      return false;
    }
  }
  return options.expiry.resolve(call);
}

// Sets a key and when it expires, and tells so. The journal gets the moment, not the duration.
void set_key(Call& call, std::string_view key, std::string_view value, std::optional<keyspace::Millis> when) {
  Entry& entry = call.database.set_text(key, value);
  if (when) {
    call.database.set_expiry(entry, *when);
    IntegerText buffer;
    call.effect({"SET", key, value, "PXAT", keyspace::format_integer(*when, buffer)});
  } else {
    call.database.clear_expiry(entry);
  }
  call.changed(EventClass::string, "set", key);
  if (when) call.notify(EventClass::generic, "expire", key);
}

void set(Call& call) {
  if (call.size() == 3) {
    set_key(call, call[1], call[2], std::nullopt);
    return call.reply.ok();
  }
  SetOptions options;
  if (!parse_set_options(call, options)) return;
  Entry* old = call.database.write(call[1]);
  if (options.get) {
    if (old != nullptr && old->type() != keyspace::Type::string) return call.reply.error(errors::kWrongType);
    reply_text(call, old);
  }
  if ((options.if_absent && old != nullptr) || (options.if_present && old == nullptr)) {
    if (!options.get) call.reply.null();
    return;
  }
  std::optional<keyspace::Millis> when = options.expiry.when();
  if (options.keep_expiry && old != nullptr) when = call.database.expiry(*old);
  const bool tells_expiry = options.expiry.given();
  if (tells_expiry || !when) {
    set_key(call, call[1], call[2], when);
  } else {
    call.database.set_text(call[1], call[2]);
    call.changed(EventClass::string, "set", call[1]);
    call.effect({"SET", call[1], call[2], "KEEPTTL"});
  }
  if (!call.explicit_effects) call.effect({"SET", call[1], call[2]});
  if (!options.get) call.reply.ok();
}

void setnx(Call& call) {
  if (call.database.write(call[1]) != nullptr) return call.reply.integer(0);
  set_key(call, call[1], call[2], std::nullopt);
  call.effect({"SET", call[1], call[2]});
  call.reply.integer(1);
}

void set_expiring(Call& call, ExpiryOption::Unit unit) {
  ExpiryOption expiry;
  expiry.set(call[2], unit);
  if (!expiry.resolve(call)) return;
  set_key(call, call[1], call[3], expiry.when());
  call.reply.ok();
}

void setex(Call& call) { set_expiring(call, ExpiryOption::Unit::seconds); }
void psetex(Call& call) { set_expiring(call, ExpiryOption::Unit::milliseconds); }

void getset(Call& call) {
  const auto found = call.write_text(call[1]);
  if (!found) return;
  reply_text(call, found.value);
  set_key(call, call[1], call[2], std::nullopt);
  call.effect({"SET", call[1], call[2]});
}

void getdel(Call& call) {
  const auto found = call.read_text(call[1]);
  if (!found) return;
  reply_text(call, found.value);
  if (found.value == nullptr) return;
  call.database.erase(*found.value);
  call.effect({"DEL", call[1]});
  call.changed(EventClass::generic, "del", call[1]);
}

void getex(Call& call) {
  bool persist = false;
  ExpiryOption expiry;
  for (std::size_t i = 2; i < call.size(); ++i) {
    if (call.is(i, "PERSIST") && !expiry.given()) {
      persist = true;
    } else if (!persist && expiry.take(call, i)) {
      ++i;
    } else {
      return call.reply.error(errors::kSyntax);
    }
  }
  const auto found = call.read_text(call[1]);
  if (!found) return;
  if (found.value == nullptr) return call.reply.null();
  if (!expiry.resolve(call)) return;
  reply_text(call, found.value);
  if (persist) {
    if (!call.database.clear_expiry(*found.value)) return;
    call.effect({"PERSIST", call[1]});
    return call.changed(EventClass::generic, "persist", call[1]);
  }
  if (expiry.given()) expire_at(call, call[1], *found.value, *expiry.when());
}

void mget(Call& call) {
  call.reply.array(call.size() - 1);
  for (const std::string_view key : call.args.subspan(1)) {
    const Entry* entry = call.database.read(key);
    reply_text(call, entry != nullptr && entry->type() == keyspace::Type::string ? entry : nullptr);
  }
}

void set_many(Call& call) {
  for (std::size_t i = 1; i < call.size(); i += 2) set_key(call, call[i], call[i + 1], std::nullopt);
}

bool has_pairs(Call& call) {
  if (call.size() % 2 == 1) return true;
  call.reply.error(fmt::format("ERR wrong number of arguments for '{}' command", call.command.name));
  return false;
}

void mset(Call& call) {
  if (!has_pairs(call)) return;
  set_many(call);
  call.reply.ok();
}

void msetnx(Call& call) {
  if (!has_pairs(call)) return;
  for (std::size_t i = 1; i < call.size(); i += 2) {
    if (call.database.write(call[i]) != nullptr) return call.reply.integer(0);
  }
  set_many(call);
  std::vector<std::string_view> words(call.args.begin(), call.args.end());
  words[0] = "MSET";
  call.effect(Arguments(words));
  call.reply.integer(1);
}

void strlen(Call& call) {
  const auto found = call.read_text(call[1]);
  if (found) call.reply.integer(found.value == nullptr ? 0 : static_cast<std::int64_t>(found.value->text_size()));
}

void append(Call& call) {
  const auto found = call.write_text(call[1]);
  if (!found) return;
  if (found.value == nullptr) {
    call.database.set_text(call[1], call[2]);
    call.reply.integer(static_cast<std::int64_t>(call[2].size()));
  } else {
    const std::size_t old = found.value->text_size();
    if (is_too_long(call, old + call[2].size())) return call.reply.error(kTooLong);
    char* text = call.database.resize_text(call[1], old + call[2].size());
    std::memcpy(text + old, call[2].data(), call[2].size());
    call.reply.integer(static_cast<std::int64_t>(old + call[2].size()));
  }
  call.changed(EventClass::string, "append", call[1]);
}

void setrange(Call& call) {
  const auto offset = call.integer(2);
  if (!offset) return;
  if (*offset < 0) return call.reply.error("ERR offset is out of range");
  const auto found = call.write_text(call[1]);
  if (!found) return;
  const std::size_t old = found.value == nullptr ? 0 : found.value->text_size();
  if (call[3].empty()) return call.reply.integer(static_cast<std::int64_t>(old));
  const std::uint64_t end = static_cast<std::uint64_t>(*offset) + call[3].size();
  if (is_too_long(call, end)) return call.reply.error(kTooLong);
  const std::size_t size = std::max<std::size_t>(old, end);
  char* text = call.database.resize_text(call[1], size);
  std::memcpy(text + *offset, call[3].data(), call[3].size());
  call.reply.integer(static_cast<std::int64_t>(size));
  call.changed(EventClass::string, "setrange", call[1]);
}

void getrange(Call& call) {
  const auto first = call.integer(2);
  if (!first) return;
  const auto last = call.integer(3);
  if (!last) return;
  const auto found = call.read_text(call[1]);
  if (!found) return;
  if (found.value == nullptr) return call.reply.bulk("");
  IntegerText buffer;
  const std::string_view text = found.value->text(buffer);
  const auto size = static_cast<std::int64_t>(text.size());
  if (*first < 0 && *last < 0 && *first > *last) return call.reply.bulk("");
  const std::int64_t from = std::max<std::int64_t>(*first < 0 ? size + *first : *first, 0);
  const std::int64_t to = std::min(std::max<std::int64_t>(*last < 0 ? size + *last : *last, 0), size - 1);
  if (from > to || size == 0) return call.reply.bulk("");
  call.reply.bulk(text.substr(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from + 1)));
}

void add_integer(Call& call, std::int64_t by) {
  const auto found = call.write_text(call[1]);
  if (!found) return;
  std::int64_t value = 0;
  if (found.value != nullptr) {
    if (found.value->encoding() == Entry::Encoding::integer) {
      value = found.value->integer();
    } else {
      IntegerText buffer;
      const auto parsed = keyspace::parse_integer(found.value->text(buffer));
      if (!parsed) return call.reply.error(errors::kNotInteger);
      value = *parsed;
    }
  }
  if (__builtin_add_overflow(value, by, &value)) return call.reply.error(kOverflow);
  call.database.set_integer(call[1], value);
  call.changed(EventClass::string, "incrby", call[1]);
  call.reply.integer(value);
}

void incr(Call& call) { add_integer(call, 1); }
void decr(Call& call) { add_integer(call, -1); }
void incrby(Call& call) {
  if (const auto by = call.integer(2)) add_integer(call, *by);
}
void decrby(Call& call) {
  const auto by = call.integer(2);
  if (!by) return;
  if (*by == std::numeric_limits<std::int64_t>::min()) return call.reply.error("ERR decrement would overflow");
  add_integer(call, -*by);
}

void incrbyfloat(Call& call) {
  const auto found = call.write_text(call[1]);
  if (!found) return;
  const auto old = keyspace::parse_long_double(found.value == nullptr ? "0" : copy_text(found.value));
  const auto by = keyspace::parse_long_double(call[2]);
  if (!old || !by) return call.reply.error(errors::kNotFloat);
  const long double value = *old + *by;
  if (std::isnan(value) || std::isinf(value)) return call.reply.error("ERR increment would produce NaN or Infinity");
  const std::string text = keyspace::format_long_double(value);
  call.database.set_plain_text(call[1], text);
  call.effect({"SET", call[1], text, "KEEPTTL"});
  call.changed(EventClass::string, "incrbyfloat", call[1]);
  call.reply.bulk(text);
}

constexpr std::string_view kMgetTips[] = {"request_policy:multi_shard"};
constexpr std::string_view kMsetTips[] = {"request_policy:multi_shard", "response_policy:all_succeeded"};
constexpr std::string_view kMsetnxTips[] = {"request_policy:multi_shard", "response_policy:agg_min"};

constexpr Command kStringCommands[] = {
    {.name = "append",
     .handler = append,
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kString,
     .keys = kRange < kKeyRw | kKeyInsert >
     , .group = "string", .since = "2.0.0", .summary = "Adds text at the end of a string.", .complexity = "O(1)"},
    {.name = "decr",
     .handler = decr,
     .arity = 2,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kString,
     .keys = kRange < kKeyRw | kKeyAccess | kKeyUpdate >
     , .group = "string", .since = "1.0.0", .summary = "Subtracts one from an integer.", .complexity = "O(1)"},
    {.name = "decrby",
     .handler = decrby,
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kString,
     .keys = kRange < kKeyRw | kKeyAccess | kKeyUpdate >
     , .group = "string", .since = "1.0.0", .summary = "Subtracts a number from an integer.", .complexity = "O(1)"},
    {.name = "get",
     .handler = get,
     .arity = 2,
     .flags = kReadonly | kFast,
     .categories = kString,
     .keys = kRange < kKeyRo | kKeyAccess >
     , .group = "string", .since = "1.0.0", .summary = "Returns a string.", .complexity = "O(1)"},
    {.name = "getdel",
     .handler = getdel,
     .arity = 2,
     .flags = kWrite | kFast,
     .categories = kString,
     .keys = kRange < kKeyRw | kKeyAccess | kKeyDelete >
     , .group = "string", .since = "6.2.0", .summary = "Returns a string and deletes its key.", .complexity = "O(1)"},
    {.name = "getex",
     .handler = getex,
     .arity = -2,
     .flags = kWrite | kFast,
     .categories = kString,
     .keys = kRange < kKeyRw | kKeyAccess | kKeyUpdate >,
     .group = "string",
     .since = "6.2.0",
     .summary = "Returns a string and sets or removes its expiry.",
     .complexity = "O(1)"},
    {.name = "getrange",
     .handler = getrange,
     .arity = 4,
     .flags = kReadonly,
     .categories = kString,
     .keys = kRange < kKeyRo | kKeyAccess >
     , .group = "string", .since = "2.4.0", .summary = "Returns a part of a string.", .complexity = "O(N)"},
    {.name = "getset",
     .handler = getset,
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kString,
     .keys = kRange < kKeyRw | kKeyAccess | kKeyUpdate >
     , .group = "string", .since = "1.0.0", .summary = "Sets a string and returns what it was.", .complexity = "O(1)"},
    {.name = "incr",
     .handler = incr,
     .arity = 2,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kString,
     .keys = kRange < kKeyRw | kKeyAccess | kKeyUpdate >
     , .group = "string", .since = "1.0.0", .summary = "Adds one to an integer.", .complexity = "O(1)"},
    {.name = "incrby",
     .handler = incrby,
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kString,
     .keys = kRange < kKeyRw | kKeyAccess | kKeyUpdate >
     , .group = "string", .since = "1.0.0", .summary = "Adds a number to an integer.", .complexity = "O(1)"},
    {.name = "incrbyfloat",
     .handler = incrbyfloat,
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kString,
     .keys = kRange < kKeyRw | kKeyAccess | kKeyUpdate >,
     .group = "string",
     .since = "2.6.0",
     .summary = "Adds a number to a number with decimals.",
     .complexity = "O(1)"},
    {.name = "lcs",
     .handler = lcs,
     .arity = -3,
     .flags = kReadonly,
     .categories = kString,
     .keys = kRange < kKeyRo | kKeyAccess,
     1,
     1 >,
     .group = "string",
     .since = "7.0.0",
     .summary = "Finds what two strings have in common, in order.",
     .complexity = "O(N*M)"},
    {.name = "mget",
     .handler = mget,
     .arity = -2,
     .flags = kReadonly | kFast,
     .categories = kString,
     .keys = kRange < kKeyRo | kKeyAccess,
     1,
     -1 >,
     .tips = kMgetTips,
     .group = "string",
     .since = "1.0.0",
     .summary = "Returns several strings.",
     .complexity = "O(N)"},
    {.name = "mset",
     .handler = mset,
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .categories = kString,
     .keys = kRange < kKeyOw | kKeyUpdate,
     1,
     -1,
     2 >,
     .tips = kMsetTips,
     .group = "string",
     .since = "1.0.1",
     .summary = "Sets several strings.",
     .complexity = "O(N)"},
    {.name = "msetnx",
     .handler = msetnx,
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .categories = kString,
     .keys = kRange < kKeyOw | kKeyInsert,
     1,
     -1,
     2 >,
     .tips = kMsetnxTips,
     .group = "string",
     .since = "1.0.1",
     .summary = "Sets several strings if none of their keys is there.",
     .complexity = "O(N)"},
    {.name = "psetex",
     .handler = psetex,
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .categories = kString,
     .keys = kRange < kKeyOw | kKeyUpdate >,
     .group = "string",
     .since = "2.6.0",
     .summary = "Sets a string that expires after some milliseconds.",
     .complexity = "O(1)"},
    {.name = "set",
     .handler = set,
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .categories = kString,
     .keys = kRange < kKeyRw | kKeyAccess | kKeyUpdate | kKeyVariableFlags >
     , .group = "string", .since = "1.0.0", .summary = "Sets a string.", .complexity = "O(1)"},
    {.name = "setex",
     .handler = setex,
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .categories = kString,
     .keys = kRange < kKeyOw | kKeyUpdate >,
     .group = "string",
     .since = "2.0.0",
     .summary = "Sets a string that expires after some seconds.",
     .complexity = "O(1)"},
    {.name = "setnx",
     .handler = setnx,
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kString,
     .keys = kRange < kKeyOw | kKeyInsert >
     , .group = "string", .since = "1.0.0", .summary = "Sets a string if its key is not there.", .complexity = "O(1)"},
    {.name = "setrange",
     .handler = setrange,
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .categories = kString,
     .keys = kRange < kKeyRw | kKeyUpdate >
     , .group = "string", .since = "2.2.0", .summary = "Overwrites a part of a string.", .complexity = "O(1),"},
    {.name = "strlen",
     .handler = strlen,
     .arity = 2,
     .flags = kReadonly | kFast,
     .categories = kString,
     .keys = kRange<kKeyRo>,
     .group = "string",
     .since = "2.2.0",
     .summary = "Returns the size of a string.",
     .complexity = "O(1)"},
    {.name = "substr",
     .handler = getrange,
     .arity = 4,
     .flags = kReadonly,
     .categories = kString,
     .keys = kRange < kKeyRo | kKeyAccess >
     , .group = "string", .since = "1.0.0", .summary = "Returns a part of a string.", .complexity = "O(N)"},
};

}  // namespace

std::span<const Command> string_commands() { return kStringCommands; }

}  // namespace leat::resp
