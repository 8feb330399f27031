#include "protocol/resp/call.h"

#include "keyspace/numbers.h"
#include "protocol/resp/executor.h"

namespace leat::resp {

Call::Call(Executor& executor, Client& client, const Command& command, Arguments args, Reply& reply)
    : executor(executor),
      client(client),
      command(command),
      args(args),
      reply(reply),
      keyspace(executor.keyspace()),
      database(executor.keyspace().database(client.database)) {}

bool Call::is(std::size_t index, std::string_view word) const {
  const std::string_view given = args[index];
  if (given.size() != word.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    const char c = given[i] >= 'a' && given[i] <= 'z' ? static_cast<char>(given[i] - ('a' - 'A')) : given[i];
    if (c != word[i]) return false;
  }
  return true;
}

std::optional<std::int64_t> Call::integer(std::size_t index, std::string_view error) {
  const auto value = keyspace::parse_integer(args[index]);
  if (!value) reply.error(error);
  return value;
}

std::optional<double> Call::real(std::size_t index, std::string_view error) {
  const auto value = keyspace::parse_float(args[index]);
  if (!value) reply.error(error);
  return value;
}

bool Call::wrong_type() {
  reply.error(errors::kWrongType);
  return false;
}

void Call::changed(keyspace::Database& where, EventClass event_class, std::string_view event, std::string_view key) {
  ++changes;
  keyspace.modified(where, key);
  executor.notify(event_class, event, where, key);
}

void Call::notify(EventClass event_class, std::string_view event, std::string_view key) {
  executor.notify(event_class, event, database, key);
}

bool Call::erase_if_empty(std::string_view key, bool empty) {
  if (!empty) return false;
  database.erase(key);
  notify(EventClass::generic, "del", key);
  return true;
}

void Call::effect(std::uint32_t database_index, std::initializer_list<std::string_view> words) {
  explicit_effects = true;
  keyspace.effects().add(database_index, words);
}

void Call::global_effect(std::initializer_list<std::string_view> words) {
  explicit_effects = true;
  keyspace.effects().add_always(0, words);
}

void Call::effect(Arguments words) {
  explicit_effects = true;
  keyspace.effects().add(database.index(), words);
}

bool Call::block(std::initializer_list<std::string_view> keys, std::optional<Milliseconds> timeout) {
  return block(Arguments(keys.begin(), keys.size()), timeout, args);
}

bool Call::block(Arguments keys, std::optional<Milliseconds> timeout) { return block(keys, timeout, args); }

bool Call::block(Arguments keys, std::optional<Milliseconds> timeout, Arguments words) {
  return wait_for(database.index(), keys, timeout, words);
}

bool Call::block_on_locks(Arguments keys, Milliseconds timeout) {
  if (!wait_for(kLockSpace, keys, timeout, args)) return false;
  if (!is_retry) {
    client.blocked->wants_absence = true;
    executor.locks().wait(client, keys);
  }
  return true;
}

void Call::wait_for_answer() {
  executor.blocking().block(
      client, std::make_unique<Blocked>(StoredCommand(command, args), std::vector<KeyName>(), executor.shard().now()),
      std::nullopt);
}

bool Call::wait_for(std::uint32_t space, Arguments keys, std::optional<Milliseconds> timeout, Arguments words) {
  if (is_retry) return !timed_out;
  if (from_script || client.transaction.active) return false;
  const MonoTime now = executor.shard().now();
  auto blocked = std::make_unique<Blocked>(StoredCommand(command, words), std::vector<KeyName>(), now);
  for (const std::string_view key : keys) blocked->keys.push_back({space, std::string(key)});
  executor.blocking().block(client, std::move(blocked), timeout ? std::optional(now + *timeout) : std::nullopt);
  return true;
}

}  // namespace leat::resp
