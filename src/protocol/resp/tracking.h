#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "keyspace/memory.h"
#include "keyspace/table.h"
#include "protocol/resp/client.h"
#include "protocol/resp/key_finder.h"

namespace leat::resp {

struct TrackingState;

// Clients that cache what they read, and are told when it is no longer true
// (https://redis.io/docs/manual/client-side-caching/). As in Redis, keys of the same name in different databases count as one.
//
// The keys that clients have read are remembered in a table of limited size: what has to leave it is told as changed. A client
// that stops tracking and starts again is still told of what it had read before, as with Redis. Clients
// that broadcast are told of all keys that begin with their prefixes, and nothing is remembered for them.
class Tracking {
 public:
  explicit Tracking(Executor& executor) : executor_(executor) {}
  Tracking(const Tracking&) = delete;
  Tracking& operator=(const Tracking&) = delete;
  ~Tracking();

  // The client has, from now on, this state; `prefixes` are added to those that it had.
  void start(Client& client, const TrackingState& state);
  void stop(Client& client);

  // The client has run a command that reads keys.
  void remember(Client& client, const Command& command, Arguments arguments);
  // A key changed, by what `by` does, or by itself (nullptr).
  void key_changed(std::string_view key, const Client* by) {
    if (clients_ > 0 || !table_.empty()) [[unlikely]]
      invalidate(key, by);
  }
  // All keys may have changed.
  void flushed();
  // Messages to a client about what it did itself follow the reply. To be called after that.
  void send_pending() {
    if (!pending_.empty()) [[unlikely]]
      send_all_pending();
  }
  // Sends what broadcasts have gathered in a turn.
  void end_turn() {
    if (!changed_prefixes_.empty()) [[unlikely]]
      broadcast();
  }

  [[nodiscard]] std::size_t clients() const { return clients_; }
  [[nodiscard]] std::size_t keys() const { return table_.size(); }
  // Keys, once for each client that has read them.
  [[nodiscard]] std::size_t items() const { return items_; }
  [[nodiscard]] std::size_t prefixes() const { return prefixes_.size(); }

 private:
  // A key, and who has read it.
  struct Key : keyspace::Counted {
    explicit Key(std::string_view text) : name(text) {}
    [[nodiscard]] std::string_view key() const { return name; }

    Key* next = nullptr;
    keyspace::String name;
    keyspace::Vector<std::uint64_t> clients;  // in order
  };
  struct Prefix {
    std::set<Client*> clients;
    // Keys that changed in this turn, and by whose doing, if it was one client's alone.
    std::map<std::string, const Client*, std::less<>> changed;
  };
  struct Pending {
    Client* client;
    std::optional<std::string> key;  // none: all
  };

  void invalidate(std::string_view key, const Client* by);
  void gather(std::string_view key, const Client* by);
  void tell_readers(const Key& key);
  void broadcast();
  void send_all_pending();
  void limit_keys();
  void forget_key(Key* key);
  // `keys`: as RESP, an array of keys or a null.
  void send(Client& client, std::string_view keys);
  void tell(Client& client, const std::string* key);

  Executor& executor_;
  std::size_t clients_ = 0;
  std::size_t items_ = 0;
  keyspace::Table<Key> table_;
  std::map<std::string, Prefix, std::less<>> prefixes_;
  std::map<std::size_t, std::size_t> prefix_sizes_;  // how many prefixes are of a size
  std::set<std::string_view> changed_prefixes_;      // keys of prefixes_
  std::vector<Pending> pending_;
  std::vector<KeyPosition> positions_;
};

}  // namespace leat::resp
