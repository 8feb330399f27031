#include "keyspace/entry_effect.h"

#include "keyspace/dump.h"
#include "keyspace/numbers.h"

namespace leat::keyspace {

void add_entry(Effects& effects, const Database& database, const Entry& entry) {
  const auto expiry = database.expiry(entry);
  IntegerText when;
  const std::string_view at = format_integer(expiry.value_or(0), when);
  if (entry.type() != Type::string)
    return effects.add(database.index(), {"RESTORE", entry.key(), at, dump(entry), "REPLACE", "ABSTTL"});
  IntegerText buffer;
  const std::string_view text = entry.text(buffer);
  if (expiry) return effects.add(database.index(), {"SET", entry.key(), text, "PXAT", at});
  effects.add(database.index(), {"SET", entry.key(), text});
}

}  // namespace leat::keyspace
