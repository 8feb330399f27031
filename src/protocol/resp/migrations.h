#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "keyspace/keyspace.h"
#include "protocol/resp/client.h"
#include "protocol/resp/migration_link.h"
#include "runtime/sync.h"

namespace leat::resp {

struct Call;

// Keys that go to other servers (https://redis.io/commands/migrate/). The client that asked waits; all others go on. A key is
// deleted here once the other server has it, unless it changed here since it was dumped: then it stays, and the client is
// told so. Belongs to the executor's shard.
class Migrations {
 public:
  explicit Migrations(Executor& executor) : executor_(executor) {}

  struct Request {
    std::string host;
    std::uint16_t port = 0;  // 0: there is no such port
    std::uint32_t from = 0;  // the database here
    std::int64_t to = 0;     // that over there
    Milliseconds patience{};
    bool copies = false;
    bool replaces = false;
    std::string user;                     // empty: only a password is asked for
    std::optional<std::string> password;  // nullopt: none is
    std::vector<std::string> keys;
  };
  // The client is blocked and gets the reply when it is done. It is done even if the client leaves.
  void begin(Call& call, Request request);
  // Links are closed, and keys of which nothing was heard stay.
  runtime::Task<> stop();

  // The key is not what was sent.
  void key_changed(std::uint32_t database, std::string_view key) {
    if (!sent_.empty()) [[unlikely]]
      mark(database, key);
  }
  // As of all of its keys.
  void database_changed(std::uint32_t database);

 private:
  // A key that is on its way.
  struct Sent {
    std::string key;
    std::optional<keyspace::Millis> expires;
    std::uint64_t content = 0;  // see content_of()
    bool changed = false;
    bool arrived = false;
  };
  using Batch = std::deque<Sent>;
  // What became of the keys so far.
  struct Outcome {
    std::string target_error;      // the first one; empty: none
    std::size_t changed_keys = 0;  // that are on both sides now
  };
  class Registration;

  runtime::Task<> run(std::uint64_t client, Request request);
  // The reply: a status or an error.
  runtime::Task<std::string> move(std::uint64_t client, const Request& request);
  // Error: of the link; its message says what could not be done.
  runtime::Task<Status> prepare(MigrationLink& link, const Request& request, Outcome& outcome);
  runtime::Task<Status> send_batch(MigrationLink& link, std::uint64_t client, const Request& request, std::size_t& next,
                                   Outcome& outcome);
  runtime::Task<Status> read_replies(MigrationLink& link, Batch& batch, Outcome& outcome);
  // Returns when the keyspace may be used. False: the server stops.
  runtime::Task<bool> turn();
  // The commands for the keys from `next` on, as many as go at once.
  std::string dump_some(const Request& request, std::size_t& next, Batch& batch);
  // Deletes what arrived and did not change.
  void delete_arrived(std::uint64_t client, const Request& request, const Batch& batch, Outcome& outcome);
  void mark(std::uint32_t database, std::string_view key);

  Executor& executor_;
  std::multimap<KeyName, Sent*> sent_;
  std::set<MigrationLink*> links_;
  bool stopping_ = false;
  runtime::TaskScope tasks_;
};

}  // namespace leat::resp
