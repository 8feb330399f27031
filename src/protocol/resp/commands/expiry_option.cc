#include "protocol/resp/commands/expiry_option.h"

#include "keyspace/numbers.h"

namespace leat::resp {

bool ExpiryOption::take(const Call& call, std::size_t index) {
  if (given_ || index + 1 >= call.size()) return false;
  if (call.is(index, "EX")) {
    unit_ = Unit::seconds;
  } else if (call.is(index, "PX")) {
    unit_ = Unit::milliseconds;
  } else if (call.is(index, "EXAT")) {
    unit_ = Unit::unix_seconds;
  } else if (call.is(index, "PXAT")) {
    unit_ = Unit::unix_milliseconds;
  } else {
    return false;
  }
  number_ = call[index + 1];
  given_ = true;
  return true;
}

void ExpiryOption::set(std::string_view number, Unit unit) {
  number_ = number;
  unit_ = unit;
  given_ = true;
}

bool ExpiryOption::resolve(Call& call) {
  if (!given_) return true;
  const auto number = keyspace::parse_integer(number_);
  if (!number) {
    call.reply.error(errors::kNotInteger);
    return false;
  }
  std::int64_t when = *number;
  const bool in_seconds = unit_ == Unit::seconds || unit_ == Unit::unix_seconds;
  const bool relative = unit_ == Unit::seconds || unit_ == Unit::milliseconds;
  if (when <= 0 || (in_seconds && __builtin_mul_overflow(when, 1000, &when)) ||
      (relative && __builtin_add_overflow(when, call.keyspace.now(), &when))) {
    call.reply.error(fmt::format("ERR invalid expire time in '{}' command", call.command.name));
    return false;
  }
  when_ = when;
  return true;
}

void expire_at(Call& call, std::string_view key, keyspace::Entry& entry, keyspace::Millis when) {
  if (when <= call.keyspace.now()) {
    call.database.erase(entry);
    call.effect({"DEL", key});
    return call.changed(EventClass::generic, "del", key);
  }
  call.database.set_expiry(entry, when);
  keyspace::IntegerText buffer;
  call.effect({"PEXPIREAT", key, keyspace::format_integer(when, buffer)});
  call.changed(EventClass::generic, "expire", key);
}

}  // namespace leat::resp
