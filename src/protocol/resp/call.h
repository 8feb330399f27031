#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "keyspace/keyspace.h"
#include "protocol/resp/client.h"
#include "protocol/resp/command.h"
#include "protocol/resp/errors.h"
#include "protocol/resp/notifications.h"
#include "protocol/resp/reply.h"

namespace leat::resp {

// One execution of one command: what its handler is given. It answers exactly once through `reply`, or calls block().
struct Call {
  Call(Executor& executor, Client& client, const Command& command, Arguments args, Reply& reply);

  Executor& executor;
  Client& client;
  const Command& command;
  Arguments args;  // args[0] is the name (of the container, if this is a subcommand: then args[1] is its own)
  Reply& reply;
  keyspace::Keyspace& keyspace;
  keyspace::Database& database;
  bool from_script = false;
  // Runs again, since a key that it waits for has changed, or as its time is over: then it replies that nothing came.
  bool is_retry = false;
  bool timed_out = false;
  // Which key that is. Of several that a client waits for, only this one may serve it now, in the order of the changes.
  std::string_view ready_key;

  [[nodiscard]] std::size_t size() const { return args.size(); }
  [[nodiscard]] std::string_view operator[](std::size_t index) const { return args[index]; }
  // Whether args[index] is this word, in any case. `word` is in upper case.
  [[nodiscard]] bool is(std::size_t index, std::string_view word) const;

  // The value of a key of this type; nullptr: there is none. When it is of another, WRONGTYPE is the reply and `ok` false.
  template <class T>
  struct Found {
    bool ok;
    T* value;
    explicit operator bool() const { return ok; }
  };
  template <class T>
  Found<T> read(std::string_view key) {
    return found<T>(database.read(key));
  }
  template <class T>
  Found<T> write(std::string_view key) {
    return found<T>(database.write(key));
  }
  // The entry of a key that is a string.
  Found<keyspace::Entry> read_text(std::string_view key) { return found_text(database.read(key)); }
  Found<keyspace::Entry> write_text(std::string_view key) { return found_text(database.write(key)); }

  // An integer among the arguments; when it is none, `error` is the reply.
  [[nodiscard]] std::optional<std::int64_t> integer(std::size_t index, std::string_view error = errors::kNotInteger);
  [[nodiscard]] std::optional<double> real(std::size_t index, std::string_view error = errors::kNotFloat);

  // Tells that a key of this database was changed: to those who watch it, track it, wait for it and listen for the event. To
  // be called after the change, once per key. `key` must not be of memory that the change freed.
  void changed(EventClass event_class, std::string_view event, std::string_view key) {
    changed(database, event_class, event, key);
  }
  void changed(keyspace::Database& where, EventClass event_class, std::string_view event, std::string_view key);
  // Only the event, for one that follows from another.
  void notify(EventClass event_class, std::string_view event, std::string_view key);
  // A collection that lost its last element goes, and "del" is told. Returns whether it went.
  bool erase_if_empty(std::string_view key, bool empty);

  // What the journal gets in place of this command's own words. Needed when they depend on the time, on chance, on another
  // key, or on what is done only in part.
  void effect(std::initializer_list<std::string_view> words) { effect(database.index(), words); }
  void effect(std::uint32_t database_index, std::initializer_list<std::string_view> words);
  void effect(Arguments words);
  // For what belongs to no database.
  void global_effect(std::initializer_list<std::string_view> words);
  // The journal gets nothing of this command.
  void no_effect() { explicit_effects = true; }

  // Waits for one of the keys, `timeout` at most (none: for ever); then the handler runs again with the same words. Where
  // waiting is not possible (in a transaction, in a script), returns false: reply as if the time were over.
  [[nodiscard]] bool block(std::initializer_list<std::string_view> keys, std::optional<Milliseconds> timeout);
  [[nodiscard]] bool block(Arguments keys, std::optional<Milliseconds> timeout);
  // As above, with other words to run again.
  [[nodiscard]] bool block(Arguments keys, std::optional<Milliseconds> timeout, Arguments words);

  // As above, for locks. Where it has to wait, it is in their queues on return.
  [[nodiscard]] bool block_on_locks(Arguments keys, Milliseconds timeout);

  // Blocks the client until Executor::answer(). Not in a script or transaction.
  void wait_for_answer();

  // Filled in as the handler runs.
  std::uint64_t changes = 0;
  bool explicit_effects = false;

 private:
  template <class T>
  Found<T> found(keyspace::Entry* entry) {
    if (entry == nullptr) return {true, nullptr};
    if (entry->type() != keyspace::TypeOf<T>::value) return {wrong_type(), nullptr};
    return {true, &entry->value<T>()};
  }
  Found<keyspace::Entry> found_text(keyspace::Entry* entry) {
    if (entry != nullptr && entry->type() != keyspace::Type::string) return {wrong_type(), nullptr};
    return {true, entry};
  }
  bool wait_for(std::uint32_t space, Arguments keys, std::optional<Milliseconds> timeout, Arguments words);
  bool wrong_type();
};

}  // namespace leat::resp
