#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "protocol/resp/acl/user.h"
#include "protocol/resp/parser.h"
#include "protocol/resp/reply_value.h"
#include "runtime/sync.h"
#include "runtime/task.h"

namespace leat::resp {

class Executor;
class LocalClient;
class LocalUnit;

// By which the waits of calls can be ended early: see LocalCommands::cancel. Made anywhere; its inside is the executor's shard's.
class Cancellation {
 private:
  friend class LocalClient;
  friend class LocalCommands;
  bool cancelled_ = false;
  std::vector<LocalClient*> clients_;  // of the calls under way
};

struct LocalOptions {
  std::uint32_t database = 0;
  // What CLIENT LIST and MONITOR show as the client's address and name: printable, without spaces.
  std::string peer = "local";
  std::string name = {};
  // Commands of the category @admin may be run too.
  bool administers = false;
  // One may serve for several calls. nullptr: the call cannot be ended early.
  std::shared_ptr<Cancellation> cancellation = nullptr;
};

// Executes commands for callers inside the server, on any shard, without a connection: each call is a client of its own, that
// speaks RESP3 and may do everything that needs no connection (see LocalRules). Who calls has checked who asks: users, ACLs and
// requirepass of the keyspace do not matter. CLIENT LIST shows such a client as long as its call lasts, and CLIENT KILL ends it.
// connections_max neither counts nor refuses them; Settings::local_calls_max does.
//
// A call returns when what it did is as durable as the database promises, as the reply of a connection would go out then.
//
// Errors of all calls: invalid_argument (no such command or database), permission_denied (LocalRules), would_block (too many
// calls are under way), cancelled (by cancel(), CLIENT KILL, a limit on memory, or since the server stops). After
// `cancelled` nobody knows whether it was executed, unless cancel() ended it: then it was not.
class LocalCommands {
 public:
  explicit LocalCommands(Executor& executor);
  LocalCommands(const LocalCommands&) = delete;
  LocalCommands& operator=(const LocalCommands&) = delete;
  ~LocalCommands();  // stopped

  // Executes one command; one that blocks returns when it has its reply. A reply that is an error is a value. Other errors:
  // too_large (see parse_reply). Not from inside of a command.
  runtime::Task<Result<ReplyValue>> run(std::vector<std::string> words, LocalOptions options = {});

  // Calls `decide` on the executor's shard. What it runs there is one unit: nothing comes in between, and its changes are kept
  // all or none, like those of MULTI ... EXEC. It must not throw, and whatever it captures by reference outlives the call. On
  // return, what it did is durable. Other errors: would_block (a script that takes long is being run).
  runtime::Task<Status> run_unit(std::function<void(LocalUnit&)> decide, LocalOptions options = {});

  // Calls that have this cancellation wait no longer for keys, locks or the end of a pause: they return `cancelled`, and nothing
  // is popped or locked for them any more when this returns. A command that was executed before that returns its reply, so that
  // the caller knows what to undo. Calls with it that begin later return `cancelled`.
  runtime::Task<> cancel(std::shared_ptr<Cancellation> cancellation);

  // Calls under way, on the executor's shard.
  [[nodiscard]] std::size_t running() const { return running_; }

  // On the executor's shard: calls that begin from here on return `cancelled`.
  void begin_stop() { stopping_ = true; }
  // On the executor's shard, behind begin_stop() and when the executor has ended its clients. On return no client is left.
  runtime::Task<> stop();

 private:
  friend class LocalClient;
  class Admission;

  static runtime::Task<Result<std::string>> run_here(LocalCommands* self, std::vector<std::string>& words,
                                                     LocalOptions& options);
  static runtime::Task<Status> run_unit_here(LocalCommands* self, std::function<void(LocalUnit&)>& decide,
                                             LocalOptions& options);
  static runtime::Task<> cancel_here(LocalCommands* self, std::shared_ptr<Cancellation>& cancellation);
  // Whether a call may begin.
  [[nodiscard]] Status admit(const LocalOptions& options) const;

  Executor& executor_;
  User user_{"default"};  // may do everything, whatever the keyspace's own default user may
  std::size_t running_ = 0;
  bool stopping_ = false;
  runtime::Notifier ended_;
};

// What a unit's function is given. Lasts as long as its call.
class LocalUnit {
 public:
  // Executes one command and returns its reply, an error too when it may not be run here or makes no sense. As inside MULTI
  // nothing blocks: BLPOP and the like answer as if their time were over. Scripts are refused. LOCK.FENCE does not keep later
  // commands from running: look at its reply.
  [[nodiscard]] ReplyValue run(Arguments words);
  [[nodiscard]] ReplyValue run(std::initializer_list<std::string_view> words) {
    return run(Arguments(words.begin(), words.size()));
  }

 private:
  friend class LocalClient;
  LocalUnit(LocalClient& client, bool administers, bool has_room)
      : client_(client), administers_(administers), has_room_(has_room) {}

  LocalClient& client_;
  bool administers_;
  bool has_room_;  // memory is below its limit
};

}  // namespace leat::resp
