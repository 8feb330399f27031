#include <cstring>

#include "keyspace/numbers.h"
#include "protocol/resp/commands/database_argument.h"
#include "protocol/resp/commands/generic.h"
#include "protocol/resp/commands/key_effects.h"
#include "protocol/resp/executor.h"

namespace leat::resp {

using keyspace::Database;
using keyspace::Entry;

namespace {

constexpr std::string_view kSameObjects = "ERR source and destination objects are the same";

void rename_key(Call& call, bool only_new) {
  const std::string_view from = call[1];
  const std::string_view to = call[2];
  Entry* entry = call.database.write(from);
  if (entry == nullptr) return call.reply.error(errors::kNoSuchKey);
  const bool is_there = from == to || (only_new && call.database.write(to) != nullptr);
  if (!is_there) {
    call.database.move(*entry, call.database, to);
    call.effect({"DEL", from});
    effect_of_key(call, call.database, to);
    call.changed(EventClass::generic, "rename_from", from);
    call.changed(EventClass::generic, "rename_to", to);
  }
  only_new ? call.reply.integer(is_there ? 0 : 1) : call.reply.ok();
}

void put_copy(const Entry& source, std::optional<keyspace::Millis> when, Database& to, std::string_view key) {
  to.erase(key);
  keyspace::IntegerText buffer;
  switch (source.encoding()) {
    case Entry::Encoding::integer: to.set_integer(key, source.integer()); break;
    case Entry::Encoding::embedded: to.set_plain_text(key, source.text(buffer)); break;
    case Entry::Encoding::block: {
      const std::string_view text = source.text(buffer);
      std::memcpy(to.resize_text(key, text.size()), text.data(), text.size());
      break;
    }
    case Entry::Encoding::object:
      to.put(key, keyspace::Value(source.type(), source.object().clone(source.type())));
      break;
  }
  if (when) to.set_expiry(*to.table().peek(key), *when);
}

struct CopyOptions {
  Database* to;
  bool replace = false;
};

// False: it replied with an error.
bool parse_copy_options(Call& call, CopyOptions& options) {
  for (std::size_t i = 3; i < call.size(); ++i) {
    if (call.is(i, "REPLACE")) {
      options.replace = true;
    } else if (call.is(i, "DB") && i + 1 < call.size()) {
      options.to = find_database(call, call[++i]);
      if (options.to == nullptr) return false;
    } else {
      call.reply.error(errors::kSyntax);
      return false;
    }
  }
  return true;
}

}  // namespace

void rename(Call& call) { rename_key(call, false); }
void renamenx(Call& call) { rename_key(call, true); }

void copy(Call& call) {
  CopyOptions options{.to = &call.database};
  if (!parse_copy_options(call, options)) return;
  const std::string_view key = call[2];
  if (options.to == &call.database && call[1] == key) return call.reply.error(kSameObjects);
  const Entry* source = call.database.read(call[1]);
  if (source == nullptr) return call.reply.integer(0);
  if (options.to->write(key) != nullptr && !options.replace) return call.reply.integer(0);
  put_copy(*source, call.database.expiry(*source), *options.to, key);
  effect_of_key(call, *options.to, key);
  call.changed(*options.to, EventClass::generic, "copy_to", key);
  call.reply.integer(1);
}

void move(Call& call) {
  Database* to = find_database(call, call[2]);
  if (to == nullptr) return;
  if (to == &call.database) return call.reply.error(kSameObjects);
  const std::string_view key = call[1];
  Entry* entry = call.database.write(key);
  if (entry == nullptr || to->write(key) != nullptr) return call.reply.integer(0);
  call.database.move(*entry, *to, key);
  call.effect({"DEL", key});
  effect_of_key(call, *to, key);
  call.changed(EventClass::generic, "move_from", key);
  call.changed(*to, EventClass::generic, "move_to", key);
  call.reply.integer(1);
}

}  // namespace leat::resp
