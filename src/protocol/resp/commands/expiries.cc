#include "keyspace/numbers.h"
#include "protocol/resp/commands/expiry_option.h"
#include "protocol/resp/commands/generic.h"
#include "protocol/resp/executor.h"

namespace leat::resp {

using keyspace::Entry;
using keyspace::Millis;

namespace {

struct Conditions {
  bool if_none = false;     // NX
  bool if_some = false;     // XX
  bool if_later = false;    // GT
  bool if_earlier = false;  // LT

  // What never expires counts as the latest.
  [[nodiscard]] bool allow(std::optional<Millis> old, Millis when) const {
    if (if_none && old) return false;
    if (if_some && !old) return false;
    if (if_later && (!old || when <= *old)) return false;
    return !if_earlier || !old || when < *old;
  }
};

// False: it replied with an error.
bool parse_conditions(Call& call, Conditions& conditions) {
  for (std::size_t i = 3; i < call.size(); ++i) {
    if (call.is(i, "NX")) {
      conditions.if_none = true;
    } else if (call.is(i, "XX")) {
      conditions.if_some = true;
    } else if (call.is(i, "GT")) {
      conditions.if_later = true;
    } else if (call.is(i, "LT")) {
      conditions.if_earlier = true;
    } else {
      // Up to a zero byte, as Redis's texts are.
      call.reply.error(fmt::format("ERR Unsupported option {}", call[i].substr(0, call[i].find('\0'))));
      return false;
    }
  }
  if (conditions.if_none && (conditions.if_some || conditions.if_later || conditions.if_earlier)) {
    call.reply.error("ERR NX and XX, GT or LT options at the same time are not compatible");
    return false;
  }
  if (conditions.if_later && conditions.if_earlier) {
    call.reply.error("ERR GT and LT options at the same time are not compatible");
    return false;
  }
  return true;
}

void set_expiry(Call& call, Millis base, bool in_seconds) {
  Conditions conditions;
  if (!parse_conditions(call, conditions)) return;
  const auto number = call.integer(2);
  if (!number) return;
  Millis when = *number;
  if ((in_seconds && __builtin_mul_overflow(when, 1000, &when)) || __builtin_add_overflow(when, base, &when))
    return call.reply.error(fmt::format("ERR invalid expire time in '{}' command", call.command.name));
  const std::string_view key = call[1];
  Entry* entry = call.database.write(key);
  if (entry == nullptr || !conditions.allow(call.database.expiry(*entry), when)) return call.reply.integer(0);
  expire_at(call, key, *entry, when);
  call.reply.integer(1);
}

// What the reply is made of; nullopt: it was given, as the key is not there or never expires.
std::optional<Millis> find_expiry(Call& call) {
  const Entry* entry = call.database.look(call[1]);
  const auto when = entry == nullptr ? std::nullopt : call.database.expiry(*entry);
  if (!when) call.reply.integer(entry == nullptr ? -2 : -1);
  return when;
}

constexpr Millis to_seconds(Millis millis) { return millis / 1000 + (millis % 1000 >= 500 ? 1 : 0); }

}  // namespace

void expire(Call& call) { set_expiry(call, call.keyspace.now(), true); }
void pexpire(Call& call) { set_expiry(call, call.keyspace.now(), false); }
void expireat(Call& call) { set_expiry(call, 0, true); }
void pexpireat(Call& call) { set_expiry(call, 0, false); }

void ttl(Call& call) {
  if (const auto when = find_expiry(call)) call.reply.integer(to_seconds(*when - call.keyspace.now()));
}
void pttl(Call& call) {
  if (const auto when = find_expiry(call)) call.reply.integer(*when - call.keyspace.now());
}
void expiretime(Call& call) {
  if (const auto when = find_expiry(call)) call.reply.integer(to_seconds(*when));
}
void pexpiretime(Call& call) {
  if (const auto when = find_expiry(call)) call.reply.integer(*when);
}

void persist(Call& call) {
  Entry* entry = call.database.write(call[1]);
  if (entry == nullptr || !call.database.clear_expiry(*entry)) return call.reply.integer(0);
  call.changed(EventClass::generic, "persist", call[1]);
  call.reply.integer(1);
}

}  // namespace leat::resp
