#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/metrics.h"
#include "keyspace/journal.h"
#include "keyspace/lock_space.h"
#include "runtime/sync.h"
#include "runtime/timers.h"

namespace leat::resp {

class Client;
class Executor;

struct LockStats {
  Counter acquired;
  Counter expired;  // ended by time
  Counter fenced;   // writes refused, since a newer token is known
};

// The locks of this node, as LOCK.* commands and fences use them: decides, journals, and makes time and the ends of connections
// count. Belongs to the executor's shard. A reply that tells of locks goes out once their journal is committed so far: see
// Client::awaits_locks.
class Locks {
 public:
  explicit Locks(Executor& executor);

  // Rebuilds the locks from their journal, which is then continued. What was bound to connections is free. Errors: those of
  // reading, corrupt.
  runtime::Task<Status> start(std::shared_ptr<log::Partition> partition);
  // What happened is in the journal on return.
  runtime::Task<> stop();

  // Why locks cannot be used now, as a reply has it; empty: they can.
  [[nodiscard]] std::string unavailable() const;

  struct Request {
    keyspace::LockSpace::Keys keys;
    Milliseconds ttl{};
    std::string_view owner;
    bool until_closed = false;
  };
  // All of the keys, or none: none if one of them is held, or others wait for it for longer.
  [[nodiscard]] std::optional<keyspace::LockToken> acquire(Client& client, const Request& request);
  // False: the token does not hold the key any more.
  [[nodiscard]] bool extend(std::string_view key, keyspace::LockToken token, Milliseconds ttl);
  // Frees all that the token holds. False: it does not hold the key any more.
  [[nodiscard]] bool release(std::string_view key, keyspace::LockToken token);
  // nullptr: the key is free.
  [[nodiscard]] const keyspace::LockHolder* holder(std::string_view key);
  // Why a write made with this token must not happen, as a reply has it; empty: nobody has held the key with a newer one.
  [[nodiscard]] std::string fence_refusal(std::string_view key, keyspace::LockToken token);

  // The client is in a queue until stop_waiting(), which Blocking calls.
  void wait(const Client& client, keyspace::LockSpace::Keys keys);
  void stop_waiting(const Client& client, keyspace::LockSpace::Keys keys);
  // Frees what was to be held no longer than the client's connection.
  void connection_ended(const Client& client);

  // Writes what happened in this turn. False: it could not be written; those who wait for it go on waiting.
  [[nodiscard]] bool append();
  // Behind what was appended. With is_committed(), committed(): for replies that tell of it.
  [[nodiscard]] Offset journal_end() const { return journal_ ? journal_->end() : Offset{}; }
  [[nodiscard]] bool is_committed(Offset end) const { return !journal_ || journal_->is_committed(end); }
  runtime::Task<Status> committed(Offset end) { return journal_->committed(end); }

  // Milliseconds since the epoch, which never go back, not across restarts either.
  [[nodiscard]] keyspace::Millis now() const;
  [[nodiscard]] const keyspace::LockSpace& space() const { return space_; }
  [[nodiscard]] const LockStats& stats() const { return stats_; }

 private:
  class Expiry final : public runtime::Timer {
   public:
    explicit Expiry(Locks& locks) : locks_(locks) {}

   private:
    void fire() override { locks_.expiry_is_due(); }
    Locks& locks_;
  };

  [[nodiscard]] Status replay(const keyspace::JournalUnit& unit);
  // Journals and applies. Returns the event's token.
  keyspace::LockToken add(keyspace::LockEvent event);
  void free(keyspace::LockToken token);
  // Frees what is held too long.
  void expire();
  void expiry_is_due();
  void schedule_expiry();
  runtime::Task<> keep_short();
  runtime::Task<Status> take_snapshot();

  Executor& executor_;
  keyspace::LockSpace space_;
  std::optional<keyspace::Journal> journal_;
  std::string error_;                                                            // of the journal; empty: none
  keyspace::Millis last_time_ = 0;                                               // of an event
  std::unordered_map<std::uint64_t, std::set<keyspace::LockToken>> of_clients_;  // to be freed with their connections
  std::unordered_map<keyspace::LockToken, std::uint64_t> clients_of_;
  LockStats stats_;
  Expiry expiry_{*this};
  std::uint64_t since_ = 0;  // journal's bytes when it was shortened
  bool stopping_ = false;
  runtime::Notifier wake_;
  runtime::TaskScope tasks_;
};

}  // namespace leat::resp
