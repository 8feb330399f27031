#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "protocol/resp/parser.h"
#include "protocol/resp/reply.h"
#include "runtime/timers.h"

namespace leat::resp {

struct Command;
class Client;
class Access;
class Executor;
class GrantedAccess;
struct ClientExtras;
class Listener;

// The words of a command that is kept: queued in a transaction, or blocked.
class StoredCommand {
 public:
  StoredCommand(const Command& command, Arguments arguments);
  [[nodiscard]] const Command& command() const { return *command_; }
  [[nodiscard]] Arguments arguments() const { return views_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  const Command* command_;
  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
  std::vector<std::string_view> views_;
};

// MULTI ... EXEC.
struct Transaction {
  bool active = false;
  bool broken = false;  // a command could not be queued: EXEC fails
  bool dirty = false;   // a watched key changed: EXEC does nothing
  std::vector<StoredCommand> queue;
  std::size_t queued_bytes = 0;

  void end() {
    active = broken = false;
    queue.clear();
    queued_bytes = 0;
  }
};

// A key of a database.
struct KeyName {
  std::uint32_t database;
  std::string key;
  friend auto operator<=>(const KeyName&, const KeyName&) = default;
};

// A command that waits for one of some keys, or for its time.
struct Blocked {
  StoredCommand command;
  std::vector<KeyName> keys;
  MonoTime since;
  // It runs again for a key that is gone, too.
  bool wants_absence = false;
};

// What the executor needs of a client's connection. Called on the executor's shard.
class Connection {
 public:
  virtual ~Connection() = default;
  // Takes bytes that may go out now, and leaves `bytes` empty. With `client.close_after_reply` and nothing held back, the
  // connection ends behind them.
  virtual void send(Client& client, std::string& bytes) = 0;
  // The client may be read from again: it is no longer blocked or paused.
  virtual void resume(Client& client) = 0;
  // Ends the connection, without sending what is still in `client.out`.
  virtual void close(Client& client) = 0;
  // Bytes that were given to send() and are not sent.
  [[nodiscard]] virtual std::size_t unsent() const = 0;
  // Bytes that were received and are not executed.
  [[nodiscard]] virtual std::size_t received() const = 0;
  // Bytes in its buffers, for both.
  [[nodiscard]] virtual std::size_t memory() const = 0;
};

enum class ReplyMode : std::uint8_t { on, off, skip, skip_next };

// One connection as commands see it. Belongs to the executor's shard.
class Client {
 public:
  Client(Executor& executor, Connection& connection, std::uint64_t id, std::string peer, std::string local);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  [[nodiscard]] Executor& executor() const { return executor_; }
  [[nodiscard]] Connection& connection() const { return connection_; }
  [[nodiscard]] std::uint64_t id() const { return id_; }
  // It waits for a key, or for the end of a pause.
  [[nodiscard]] bool is_blocked() const { return blocked != nullptr || held; }
  [[nodiscard]] std::size_t subscriptions() const { return extras == nullptr ? 0 : count_subscriptions(); }
  // RESP2: only commands around subscriptions are allowed.
  [[nodiscard]] bool is_subscriber() const { return protocol == Protocol::resp2 && subscriptions() > 0; }

  const std::string peer;
  const std::string local;
  std::string name;
  std::string user = "default";
  const Access* acl = nullptr;  // what `user` may do; never nullptr
  bool authenticated = true;
  bool logged_in = false;  // by AUTH or HELLO, since when `user` is who it is
  // What `acl` is when leat's grants say it: those of a user, or of nobody in particular. See Identities.
  std::unique_ptr<GrantedAccess> granted;
  std::string certified_name;                // whom its certificate names; empty: it showed none
  Timestamp certified_until = kNoTimestamp;  // when that ends
  bool is_replayed = false;                  // it is the journal's
  bool is_local = false;  // there is no connection behind it, and it ends with its command: see LocalCommands

  std::uint32_t database = 0;
  Protocol protocol = Protocol::resp2;
  std::string out;  // replies of this turn
  ReplyMode reply_mode = ReplyMode::on;
  bool close_after_reply = false;
  bool closing = false;          // its connection ends with the turn: nothing is executed or sent any more
  bool has_output = false;       // it is in the executor's list for the end of the turn
  bool awaits_journal = false;   // what it did in this turn must be journalled before it hears of it,
  bool awaits_commit = false;    // and committed
  bool awaits_locks = false;     // what its replies tell of locks must be committed
  Offset changes_end{};          // behind the last unit of the journal that has changes of it
  std::size_t held_replies = 0;  // at the commit gate
  std::size_t held_bytes = 0;

  Transaction transaction;
  std::vector<KeyName> watched;
  std::unique_ptr<Blocked> blocked;
  bool suspended = false;  // its command has stopped in its midst, and will go on: see LongUnits

  bool held = false;  // a command of it waits for the end of a pause
  bool no_evict = false;
  bool no_touch = false;
  std::unique_ptr<ClientExtras> extras;  // nullptr: it has nothing of that
  ClientExtras& with_extras();
  // Made if there is none.
  Listener& listener();

  std::size_t counted_memory = 0;  // see Outputs
  MonoTime connected_at{};
  std::int64_t active_at = 0;  // in milliseconds since the epoch
  const Command* last_command = nullptr;
  std::uint64_t commands = 0;

 private:
  friend class Blocking;
  [[nodiscard]] std::size_t count_subscriptions() const;
  // Ends the wait of a blocked command.
  class BlockTimer final : public runtime::Timer {
   public:
    explicit BlockTimer(Client& client) : client_(client) {}

   private:
    void fire() override;
    Client& client_;
  };

  Executor& executor_;
  Connection& connection_;
  std::uint64_t id_;
  BlockTimer block_timer_{*this};
};

}  // namespace leat::resp
