#include "protocol/resp/commands/key_effects.h"

#include "keyspace/dump.h"
#include "keyspace/numbers.h"
#include "protocol/resp/executor.h"

namespace leat::resp {

void effect_of_key(Call& call, keyspace::Database& database, std::string_view key) {
  call.no_effect();
  if (call.executor.durability(database.index()) == Durability::none) return;  // nobody needs the dump
  const keyspace::Entry* entry = database.table().peek(key);
  if (entry == nullptr) return call.effect(database.index(), {"DEL", key});
  const auto expiry = database.expiry(*entry);
  keyspace::IntegerText when;
  const std::string_view at = keyspace::format_integer(expiry.value_or(0), when);
  if (entry->type() != keyspace::Type::string)
    return call.effect(database.index(), {"RESTORE", key, at, keyspace::dump(*entry), "REPLACE", "ABSTTL"});
  keyspace::IntegerText buffer;
  const std::string_view text = entry->text(buffer);
  if (expiry) return call.effect(database.index(), {"SET", key, text, "PXAT", at});
  call.effect(database.index(), {"SET", key, text});
}

}  // namespace leat::resp
