// Fields of hashes that expire: the commands of Redis 7.4 and 8.0, by their documentation (https://redis.io/docs/latest/commands/).
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "keyspace/hash.h"
#include "keyspace/numbers.h"
#include "protocol/resp/call.h"
#include "protocol/resp/commands/elements.h"
#include "protocol/resp/commands/expiry_option.h"
#include "protocol/resp/registry.h"

namespace leat::resp {
namespace {

using keyspace::Element;
using keyspace::Hash;
using keyspace::IntegerText;
using keyspace::Millis;
using Words = std::vector<std::string_view>;

// What is replied for a field.
enum Outcome : std::int64_t { kNoField = -2, kNoTime = -1, kConditionNotMet = 0, kDone = 1, kDeleted = 2 };

// The arguments behind `FIELDS count`, which must begin at args[at] and of which there are `each` for a field; nullopt: it
// replied with an error.
std::optional<Arguments> parse_fields(Call& call, std::size_t at, std::size_t each = 1) {
  constexpr std::string_view kNotPositive = "ERR Number of fields must be a positive integer";
  if (at + 1 >= call.size() || !call.is(at, "FIELDS")) {
    call.reply.error("ERR Mandatory argument FIELDS is missing or not at the right position");
    return std::nullopt;
  }
  const auto count = call.integer(at + 1, kNotPositive);
  if (!count) return std::nullopt;
  if (*count < 1) {
    call.reply.error(kNotPositive);
    return std::nullopt;
  }
  const Arguments fields = call.args.subspan(at + 2);
  if (fields.size() % each != 0 || fields.size() / each != static_cast<std::uint64_t>(*count)) {
    call.reply.error("ERR The `numfields` parameter must match the number of arguments");
    return std::nullopt;
  }
  return fields;
}

void fields_effect(Call& call, std::initializer_list<std::string_view> begin, const Words& fields) {
  Words words(begin);
  words.push_back("FIELDS");
  const std::string count = std::to_string(fields.size());
  words.push_back(count);
  words.insert(words.end(), fields.begin(), fields.end());
  call.effect(Arguments(words));
}

// These tell and journal what was done to the fields, which are none or more.
void tell_deleted(Call& call, const Hash& hash, const Words& fields) {
  if (fields.empty()) return;
  Words words{"HDEL", call[1]};
  words.insert(words.end(), fields.begin(), fields.end());
  call.effect(Arguments(words));
  call.changed(EventClass::hash, "hdel", call[1]);
  call.erase_if_empty(call[1], hash.size() == 0);
}

void tell_expiry(Call& call, const Words& fields, Millis when) {
  if (fields.empty()) return;
  IntegerText buffer;
  fields_effect(call, {"HPEXPIREAT", call[1], keyspace::format_integer(when, buffer)}, fields);
  call.database.fields_changed(*call.database.peek(call[1]));
  call.changed(EventClass::hash, "hexpire", call[1]);
}

void tell_persisted(Call& call, const Words& fields) {
  if (fields.empty()) return;
  fields_effect(call, {"HPERSIST", call[1]}, fields);
  call.changed(EventClass::hash, "hpersist", call[1]);
}

void reply_to_each(Call& call, std::size_t count, std::int64_t outcome) {
  call.reply.array(count);
  for (; count > 0; --count) call.reply.integer(outcome);
}

enum class Unit : std::uint8_t { seconds, milliseconds };

// The moment that a number stands for; nullopt: it replied with an error.
std::optional<Millis> parse_moment(Call& call, std::size_t index, Millis since, Unit unit) {
  const auto number = call.integer(index);
  if (!number) return std::nullopt;
  if (*number < 0) {
    call.reply.error("ERR invalid expire time, must be >= 0");
    return std::nullopt;
  }
  Millis when = *number;
  if (__builtin_mul_overflow(when, unit == Unit::seconds ? 1000 : 1, &when) ||
      __builtin_add_overflow(when, since, &when)) {
    call.reply.error(fmt::format("ERR invalid expire time in '{}' command", call.command.name));
    return std::nullopt;
  }
  return when;
}

enum class Condition : std::uint8_t { none, nx, xx, gt, lt };

std::optional<Condition> parse_condition(const Call& call, std::size_t index) {
  if (call.is(index, "NX")) return Condition::nx;
  if (call.is(index, "XX")) return Condition::xx;
  if (call.is(index, "GT")) return Condition::gt;
  if (call.is(index, "LT")) return Condition::lt;
  return std::nullopt;
}

// A field that does not expire counts as one that does so at the end of time.
bool is_met(Condition condition, std::optional<Millis> old, Millis when) {
  switch (condition) {
    case Condition::none: return true;
    case Condition::nx: return !old;
    case Condition::xx: return old.has_value();
    case Condition::gt: return old && when > *old;
    case Condition::lt: return !old || when < *old;
  }
  return false;
}

void expire_fields(Call& call, Millis since, Unit unit) {
  const auto found = call.write<Hash>(call[1]);
  if (!found) return;
  const auto when = parse_moment(call, 2, since, unit);
  if (!when) return;
  const auto condition = parse_condition(call, 3);
  const auto fields = parse_fields(call, condition ? 4 : 3);
  if (!fields) return;
  if (found.value == nullptr) return reply_to_each(call, fields->size(), kNoField);
  Hash& hash = *found.value;
  const bool is_past = *when <= call.keyspace.now();
  Words done;
  call.reply.array(fields->size());
  for (const std::string_view field : *fields) {
    if (!hash.contains(field)) {
      call.reply.integer(kNoField);
    } else if (!is_met(condition.value_or(Condition::none), hash.expiry(field), *when)) {
      call.reply.integer(kConditionNotMet);
    } else {
      is_past ? static_cast<void>(hash.remove(field)) : hash.set_expiry(field, *when);
      call.reply.integer(is_past ? kDeleted : kDone);
      done.push_back(field);
    }
  }
  is_past ? tell_deleted(call, hash, done) : tell_expiry(call, done, *when);
}

void hexpire(Call& call) { expire_fields(call, call.keyspace.now(), Unit::seconds); }
void hpexpire(Call& call) { expire_fields(call, call.keyspace.now(), Unit::milliseconds); }
void hexpireat(Call& call) { expire_fields(call, 0, Unit::seconds); }
void hpexpireat(Call& call) { expire_fields(call, 0, Unit::milliseconds); }

// Replies the time of each field, counted from `since`; parts of a second count as a whole one.
void reply_times(Call& call, Millis since, Unit unit) {
  const auto found = call.read<Hash>(call[1]);
  if (!found) return;
  const auto fields = parse_fields(call, 2);
  if (!fields) return;
  if (found.value == nullptr) return reply_to_each(call, fields->size(), kNoField);
  call.reply.array(fields->size());
  for (const std::string_view field : *fields) {
    if (!found.value->contains(field)) {
      call.reply.integer(kNoField);
    } else if (const auto when = found.value->expiry(field)) {
      call.reply.integer(unit == Unit::seconds ? (*when - since + 999) / 1000 : *when - since);
    } else {
      call.reply.integer(kNoTime);
    }
  }
}

void httl(Call& call) { reply_times(call, call.keyspace.now(), Unit::seconds); }
void hpttl(Call& call) { reply_times(call, call.keyspace.now(), Unit::milliseconds); }
void hexpiretime(Call& call) { reply_times(call, 0, Unit::seconds); }
void hpexpiretime(Call& call) { reply_times(call, 0, Unit::milliseconds); }

void hpersist(Call& call) {
  const auto found = call.write<Hash>(call[1]);
  if (!found) return;
  const auto fields = parse_fields(call, 2);
  if (!fields) return;
  if (found.value == nullptr) return reply_to_each(call, fields->size(), kNoField);
  Words done;
  call.reply.array(fields->size());
  for (const std::string_view field : *fields) {
    if (!found.value->contains(field)) {
      call.reply.integer(kNoField);
    } else if (!found.value->clear_expiry(field)) {
      call.reply.integer(kNoTime);
    } else {
      call.reply.integer(kDone);
      done.push_back(field);
    }
  }
  tell_persisted(call, done);
}

// The values of fields; `found` is told of those that are there.
template <class F>
void reply_values(Call& call, Hash* hash, Arguments fields, F found) {
  call.reply.array(fields.size());
  for (const std::string_view field : fields) {
    const auto value = hash == nullptr ? std::nullopt : hash->get(field);
    if (!value) {
      call.reply.null();
      continue;
    }
    reply_element(call.reply, *value);
    found(field);
  }
}

void hgetdel(Call& call) {
  const auto found = call.write<Hash>(call[1]);
  if (!found) return;
  const auto fields = parse_fields(call, 2);
  if (!fields) return;
  Words done;
  reply_values(call, found.value, *fields, [&](std::string_view field) {
    found.value->remove(field);
    done.push_back(field);
  });
  if (found.value != nullptr) tell_deleted(call, *found.value, done);
}

void hgetex(Call& call) {
  const auto found = call.write<Hash>(call[1]);
  if (!found) return;
  std::size_t at = 2;
  ExpiryOption expiry;
  const bool persist = call.is(at, "PERSIST");
  if (persist) {
    ++at;
  } else if (expiry.take(call, at)) {
    at += 2;
  }
  const auto fields = parse_fields(call, at);
  if (!fields || !expiry.resolve(call)) return;
  const bool is_past = expiry.given() && *expiry.when() <= call.keyspace.now();
  Words done;
  reply_values(call, found.value, *fields, [&](std::string_view field) {
    if (is_past) {
      found.value->remove(field);
    } else if (expiry.given()) {
      found.value->set_expiry(field, *expiry.when());
    } else if (!persist || !found.value->clear_expiry(field)) {
      return;
    }
    done.push_back(field);
  });
  if (done.empty()) return;
  if (persist) return tell_persisted(call, done);
  is_past ? tell_deleted(call, *found.value, done) : tell_expiry(call, done, *expiry.when());
}

struct SetOptions {
  bool if_absent = false;   // of all fields
  bool if_present = false;  // of all fields
  bool keep_time = false;
  ExpiryOption expiry;
};

// Returns where FIELDS should be.
std::size_t parse_set_options(const Call& call, SetOptions& options) {
  std::size_t at = 2;
  for (; at < call.size(); ++at) {
    if (call.is(at, "FNX") && !options.if_present) {
      options.if_absent = true;
    } else if (call.is(at, "FXX") && !options.if_absent) {
      options.if_present = true;
    } else if (call.is(at, "KEEPTTL") && !options.expiry.given()) {
      options.keep_time = true;
    } else if (!options.keep_time && options.expiry.take(call, at)) {
      ++at;
    } else {
      break;
    }
  }
  return at;
}

bool allows(Hash* hash, Arguments pairs, const SetOptions& options) {
  if (!options.if_absent && !options.if_present) return true;
  for (std::size_t i = 0; i < pairs.size(); i += 2) {
    if ((hash != nullptr && hash->contains(pairs[i])) != options.if_present) return false;
  }
  return true;
}

void hsetex(Call& call) {
  const auto found = call.write<Hash>(call[1]);
  if (!found) return;
  SetOptions options;
  const auto pairs = parse_fields(call, parse_set_options(call, options), 2);
  if (!pairs || !options.expiry.resolve(call)) return;
  if (!allows(found.value, *pairs, options)) return call.reply.integer(0);
  call.reply.integer(1);
  Hash& hash = found.value == nullptr ? call.database.create<Hash>(call[1]) : *found.value;
  Words fields;
  Words words{"HSET", call[1]};
  for (std::size_t i = 0; i < pairs->size(); i += 2) {
    hash.set((*pairs)[i], (*pairs)[i + 1], options.keep_time);
    fields.push_back((*pairs)[i]);
    words.insert(words.end(), {(*pairs)[i], (*pairs)[i + 1]});
  }
  const std::string count = std::to_string(fields.size());
  if (options.keep_time) {
    words[0] = "HSETEX";
    words.insert(words.begin() + 2, {"KEEPTTL", "FIELDS", count});
  }
  call.effect(Arguments(words));
  call.changed(EventClass::hash, "hset", call[1]);
  if (!options.expiry.given()) return;
  const Millis when = *options.expiry.when();
  const bool is_past = when <= call.keyspace.now();
  for (const std::string_view field : fields) {
    is_past ? static_cast<void>(hash.remove(field)) : hash.set_expiry(field, when);
  }
  is_past ? tell_deleted(call, hash, fields) : tell_expiry(call, fields, when);
}

constexpr Command kHashFieldCommands[] = {
    {.name = "hexpire",
     .handler = hexpire,
     .arity = -6,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kHash,
     .keys = kRange<(kKeyRw | kKeyUpdate)>,
     .group = "hash",
     .since = "7.4.0",
     .summary = "Makes fields expire after some seconds.",
     .complexity = "O(N)"},
    {.name = "hexpireat",
     .handler = hexpireat,
     .arity = -6,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kHash,
     .keys = kRange<(kKeyRw | kKeyUpdate)>,
     .group = "hash",
     .since = "7.4.0",
     .summary = "Makes fields expire at a second.",
     .complexity = "O(N)"},
    {.name = "hexpiretime",
     .handler = hexpiretime,
     .arity = -5,
     .flags = kReadonly | kFast,
     .categories = kHash,
     .keys = kRange<(kKeyRo | kKeyAccess)>,
     .group = "hash",
     .since = "7.4.0",
     .summary = "Tells at which second fields expire.",
     .complexity = "O(N)"},
    {.name = "hgetdel",
     .handler = hgetdel,
     .arity = -5,
     .flags = kWrite | kFast,
     .categories = kHash,
     .keys = kRange<(kKeyRw | kKeyAccess | kKeyDelete)>,
     .group = "hash",
     .since = "8.0.0",
     .summary = "Returns the values of fields and deletes the fields.",
     .complexity = "O(N)"},
    {.name = "hgetex",
     .handler = hgetex,
     .arity = -5,
     .flags = kWrite | kFast,
     .categories = kHash,
     .keys = kRange<(kKeyRw | kKeyAccess | kKeyUpdate)>,
     .group = "hash",
     .since = "8.0.0",
     .summary = "Returns the values of fields and sets or removes when they expire.",
     .complexity = "O(N)"},
    {.name = "hpersist",
     .handler = hpersist,
     .arity = -5,
     .flags = kWrite | kFast,
     .categories = kHash,
     .keys = kRange<(kKeyRw | kKeyUpdate)>,
     .group = "hash",
     .since = "7.4.0",
     .summary = "Makes fields expire no more.",
     .complexity = "O(N)"},
    {.name = "hpexpire",
     .handler = hpexpire,
     .arity = -6,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kHash,
     .keys = kRange<(kKeyRw | kKeyUpdate)>,
     .group = "hash",
     .since = "7.4.0",
     .summary = "Makes fields expire after some milliseconds.",
     .complexity = "O(N)"},
    {.name = "hpexpireat",
     .handler = hpexpireat,
     .arity = -6,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kHash,
     .keys = kRange<(kKeyRw | kKeyUpdate)>,
     .group = "hash",
     .since = "7.4.0",
     .summary = "Makes fields expire at a millisecond.",
     .complexity = "O(N)"},
    {.name = "hpexpiretime",
     .handler = hpexpiretime,
     .arity = -5,
     .flags = kReadonly | kFast,
     .categories = kHash,
     .keys = kRange<(kKeyRo | kKeyAccess)>,
     .group = "hash",
     .since = "7.4.0",
     .summary = "Tells at which millisecond fields expire.",
     .complexity = "O(N)"},
    {.name = "hpttl",
     .handler = hpttl,
     .arity = -5,
     .flags = kReadonly | kFast,
     .categories = kHash,
     .keys = kRange<(kKeyRo | kKeyAccess)>,
     .group = "hash",
     .since = "7.4.0",
     .summary = "Tells in how many milliseconds fields expire.",
     .complexity = "O(N)"},
    {.name = "hsetex",
     .handler = hsetex,
     .arity = -6,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kHash,
     .keys = kRange<(kKeyRw | kKeyUpdate)>,
     .group = "hash",
     .since = "8.0.0",
     .summary = "Sets fields and when they expire.",
     .complexity = "O(N)"},
    {.name = "httl",
     .handler = httl,
     .arity = -5,
     .flags = kReadonly | kFast,
     .categories = kHash,
     .keys = kRange<(kKeyRo | kKeyAccess)>,
     .group = "hash",
     .since = "7.4.0",
     .summary = "Tells in how many seconds fields expire.",
     .complexity = "O(N)"},
};

}  // namespace

std::span<const Command> hash_field_commands() { return kHashFieldCommands; }

}  // namespace leat::resp
