#include "keyspace/dump.h"
#include "keyspace/numbers.h"
#include "protocol/resp/commands/generic.h"
#include "protocol/resp/executor.h"

namespace leat::resp {

using keyspace::Entry;
using keyspace::Millis;

namespace {

struct RestoreOptions {
  bool replace = false;
  bool absolute = false;
  std::optional<std::int64_t> idle_seconds;
  std::optional<std::int64_t> frequency;
};

// The number of an option, in its range; nullopt: it replied with an error.
std::optional<std::int64_t> parse_number(Call& call, std::size_t index, std::int64_t max, std::string_view error) {
  const auto number = call.integer(index);
  if (!number || (*number >= 0 && *number <= max)) return number;
  call.reply.error(error);
  return std::nullopt;
}

// False: it replied with an error.
bool parse_restore_options(Call& call, RestoreOptions& options) {
  for (std::size_t i = 4; i < call.size(); ++i) {
    const bool has_value = i + 1 < call.size();
    if (call.is(i, "REPLACE")) {
      options.replace = true;
    } else if (call.is(i, "ABSTTL")) {
      options.absolute = true;
    } else if (call.is(i, "IDLETIME") && has_value && !options.frequency) {
      options.idle_seconds =
          parse_number(call, ++i, std::numeric_limits<std::int64_t>::max(), "ERR Invalid IDLETIME value, must be >= 0");
      if (!options.idle_seconds) return false;
    } else if (call.is(i, "FREQ") && has_value && !options.idle_seconds) {
      options.frequency = parse_number(call, ++i, 255, "ERR Invalid FREQ value, must be >= 0 and <= 255");
      if (!options.frequency) return false;
    } else {
      call.reply.error(errors::kSyntax);
      return false;
    }
  }
  return true;
}

void set_clock(const Call& call, const RestoreOptions& options, Entry& entry) {
  const bool is_lfu = keyspace::is_lfu(call.keyspace.policy());
  const Millis now = call.keyspace.now();
  if (options.frequency && is_lfu) {
    entry.set_clock((keyspace::lfu_begin(now) & ~std::uint32_t{0xff}) | static_cast<std::uint32_t>(*options.frequency));
  } else if (options.idle_seconds && !is_lfu) {
    entry.set_clock(keyspace::seconds_clock(now) - static_cast<std::uint32_t>(*options.idle_seconds));
  }
}

// It would have expired already: only what it replaces goes.
void replace_by_nothing(Call& call, std::string_view key) {
  if (call.database.erase(key)) {
    call.effect({"DEL", key});
    call.changed(EventClass::generic, "del", key);
  }
  call.reply.ok();
}

}  // namespace

void dump(Call& call) {
  const Entry* entry = call.database.read(call[1]);
  if (entry == nullptr) return call.reply.null();
  call.reply.bulk(keyspace::dump(*entry));
}

void restore(Call& call) {
  RestoreOptions options;
  if (!parse_restore_options(call, options)) return;
  const std::string_view key = call[1];
  const std::string_view payload = call[3];
  if (!options.replace && call.database.write(key) != nullptr)
    return call.reply.error("BUSYKEY Target key name already exists.");
  const auto ttl = call.integer(2);
  if (!ttl) return;
  if (*ttl < 0) return call.reply.error("ERR Invalid TTL value, must be >= 0");
  if (!keyspace::is_dump(payload)) return call.reply.error("ERR DUMP payload version or checksum are wrong");
  auto loaded = keyspace::load_dump(payload);
  if (!loaded) return call.reply.error("ERR Bad data format");
  Millis when = *ttl;
  if (when != 0 && !options.absolute && __builtin_add_overflow(when, call.keyspace.now(), &when))
    when = std::numeric_limits<Millis>::max();
  if (when != 0 && when <= call.keyspace.now()) return replace_by_nothing(call, key);
  call.database.erase(key);
  if (loaded->value) {
    call.database.put(key, std::move(loaded->value));
  } else {
    call.database.set_text(key, loaded->text);
  }
  Entry& entry = *call.database.table().peek(key);
  if (when != 0) call.database.set_expiry(entry, when);
  set_clock(call, options, entry);
  keyspace::IntegerText buffer;
  call.effect({"RESTORE", key, keyspace::format_integer(when, buffer), payload, "REPLACE", "ABSTTL"});
  call.changed(EventClass::generic, "restore", key);
  call.reply.ok();
}

}  // namespace leat::resp
