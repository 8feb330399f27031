#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/log_limiter.h"
#include "keyspace/evictor.h"
#include "keyspace/keyspace.h"
#include "protocol/resp/accounts.h"
#include "protocol/resp/acl/acl_log.h"
#include "protocol/resp/acl/users.h"
#include "protocol/resp/active_expiry.h"
#include "protocol/resp/flush_waits.h"
#include "protocol/resp/identities.h"
#include "protocol/resp/idle_clients.h"
#include "protocol/resp/blocking.h"
#include "protocol/resp/client.h"
#include "protocol/resp/commit_gate.h"
#include "protocol/resp/command.h"
#include "protocol/resp/command_times.h"
#include "protocol/resp/disposal.h"
#include "protocol/resp/locks.h"
#include "protocol/resp/long_units.h"
#include "protocol/resp/migrations.h"
#include "protocol/resp/monitor.h"
#include "protocol/resp/notifications.h"
#include "protocol/resp/outputs.h"
#include "protocol/resp/pause.h"
#include "protocol/resp/pipeline.h"
#include "protocol/resp/registry.h"
#include "protocol/resp/settings.h"
#include "protocol/resp/snapshotter.h"
#include "protocol/resp/stats.h"
#include "protocol/resp/tracking.h"
#include "protocol/resp/watches.h"
#include "pubsub/hub.h"
#include "runtime/shard.h"
#include "stream/stream_shard.h"

namespace leat::resp {

struct Call;
class Scripting;
class TopicChannels;

// Executes the commands of all clients of a keyspace, one after the other, on one shard: nothing else touches the keyspace.
//
// Work comes in turns: what a loop of the shard brings is executed, and at the end of the turn what was changed goes to the
// journal and the replies go out, together.
class Executor final : public keyspace::Observer {
 public:
  Executor(runtime::Shard& shard, Settings settings);
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  ~Executor() override;

  [[nodiscard]] runtime::Shard& shard() const { return shard_; }
  [[nodiscard]] keyspace::Keyspace& keyspace() { return keyspace_; }
  [[nodiscard]] keyspace::Evictor& evictor() { return evictor_; }
  [[nodiscard]] ActiveExpiry& active_expiry() { return active_expiry_; }
  [[nodiscard]] Settings& settings() { return settings_; }
  [[nodiscard]] Stats& stats() { return stats_; }
  [[nodiscard]] MonoTime started() const { return started_; }
  // Names this start of the server: 40 hexadecimal digits.
  [[nodiscard]] const std::string& run_id() const { return run_id_; }
  // nullptr: nothing is journalled (yet).
  [[nodiscard]] const keyspace::Journal* journal() const { return journal_; }
  // nullptr: nothing is journalled (yet).
  [[nodiscard]] FlushWaits* flush_waits() { return flush_waits_.get(); }
  // Why changes are refused; empty: they are not.
  [[nodiscard]] const std::string& journal_error() const { return journal_error_; }
  // Counters as they were at the last CONFIG RESETSTAT, which INFO counts from.
  [[nodiscard]] const StatsBaseline& stats_baseline() const { return stats_baseline_; }
  void reset_stats();
  [[nodiscard]] Durability durability(std::uint32_t database) const { return settings_.durability[database]; }
  [[nodiscard]] Watches& watches() { return watches_; }
  [[nodiscard]] Blocking& blocking() { return blocking_; }
  [[nodiscard]] Locks& locks() { return locks_; }
  [[nodiscard]] Migrations& migrations() { return migrations_; }
  [[nodiscard]] pubsub::Hub& hub() { return hub_; }
  // nullptr: no channel is a topic.
  [[nodiscard]] TopicChannels* topics() { return topics_.get(); }
  // From here on channels named topic:NAME are topics.
  void serve_topics(const stream::Streams& streams);
  [[nodiscard]] Outputs& outputs() { return outputs_; }
  [[nodiscard]] const Outputs& outputs() const { return outputs_; }
  [[nodiscard]] CommandTimes& times() { return times_; }
  [[nodiscard]] Users& users() { return users_; }
  [[nodiscard]] AclLog& acl_log() { return acl_log_; }
  [[nodiscard]] Identities& identities() { return identities_; }
  [[nodiscard]] Accounts& accounts() { return accounts_; }
  // Why the client's user may not do this, as the reply has it, which is then in the log; empty: it is allowed. `arguments` are
  // as a handler gets them.
  [[nodiscard]] std::string acl_refusal(const Client& client, const Command& command, Arguments arguments);
  // The command's name, a subcommand's behind its container's.
  [[nodiscard]] static std::string full_name(const Command& command, Arguments arguments);
  void log_denial(const Client& client, std::string_view reason, std::string_view object, std::string_view user,
                  bool from_script = false);
  [[nodiscard]] Pause& pause() { return pause_; }
  [[nodiscard]] Monitors& monitors() { return monitors_; }
  [[nodiscard]] Tracking& tracking() { return tracking_; }
  [[nodiscard]] std::map<std::uint64_t, Client*>& clients() { return clients_; }
  // nullptr: it is not there, or ending.
  [[nodiscard]] Client* find_client(std::uint64_t id) const;
  // Whose command is being run; nullptr: nobody's.
  [[nodiscard]] Client* current() const { return current_; }

  // Commands that follow come from one reading of a socket: they have the same time.
  void begin_batch();
  // For the commands of one client at a time, which are executed before another's are read.
  [[nodiscard]] Pipeline& pipeline() { return pipeline_; }
  // What the commands will look up is asked of memory: it comes for all of them at once.
  void prefetch(const Client& client, const Pipeline& pipeline);
  // Executes one command of a client, which is not blocked, as it came from its connection: queues it in a transaction,
  // refuses it, or replies at the end of `client.out`. Afterwards the client may be blocked, or `close_after_reply`.
  void execute(Client& client, Arguments arguments);
  // The stream of a client is broken: replies that, and closes.
  void refuse(Client& client, std::string_view why);

  // Runs a command's handler as a part of the unit under way: EXEC, scripts and retries come here. Its effects are kept.
  void run(Client& client, const Command& command, Arguments arguments, Reply& reply, bool from_script = false);
  // One command of a transaction, with its reply behind the others.
  void run_queued(Client& client, const StoredCommand& command, Reply& reply);
  // Ends MULTI, and what was watched for it.
  void abandon_transaction(Client& client);
  void unwatch(Client& client);
  // Runs the command of a client that is blocked, for a key that changed or as its time is over: true when it has its reply.
  bool retry(Client& client, const StoredCommand& command, bool timed_out, std::string_view ready_key = {});

  [[nodiscard]] Scripting& scripting() { return *scripting_; }
  // Executes a command that was looked up and may run, as a unit; its reply begins at `reply_begin` of `client.out`.
  void perform(Client& client, const Command& command, Arguments arguments, std::size_t reply_begin);
  // A unit has stopped in its midst: nothing else may read or change the keyspace, or let its time go on, until it is done.
  [[nodiscard]] bool is_suspended() const { return long_units_.is_suspended(); }
  // From inside a long unit: the shard does other work before this returns. False: the unit must come to its end now.
  bool suspend_unit();

  // What a client gets that waits for an answer (Call::wait_for_answer), which runs on then. `write` may be empty: it has it.
  // Nothing happens if it waits no longer, as its connection has ended.
  void answer(Client& client, const std::function<void(Reply&)>& write);

  // A unit's changes become durable, and visible to others, all or none. Units may nest: the outermost counts.
  void begin_unit() { ++unit_depth_; }
  void end_unit();
  // What the client did in the unit that ends must be as durable as its database before it hears of it.
  void await_durability(Client& client);

  // Bytes that count against the memory limit: data, and clients' buffers.
  [[nodiscard]] std::uint64_t memory_used() const;
  // Removes keys until memory is below the limit, as the eviction policy says. False: it is still above.
  bool make_room();

  // The client has something in `out` that nobody asked for: it goes out at the end of the turn.
  void has_output(Client& client);

  // A journal could not be written: the turn ends again after a while.
  void retry_journals();

  // Something is to be done at the end of the turn.
  void schedule_turn_end();

  void connected(Client& client);
  void disconnected(Client& client);
  // The connection ends when the turn does. Nothing is sent to the client any more.
  void end(Client& client);
  // The client no longer subscribes, tracks or monitors.
  void stop_listening(Client& client);
  [[nodiscard]] std::uint64_t next_client_id() { return ++last_client_id_; }

  // Tells listeners of a keyspace event, if the settings say so.
  void notify(EventClass event_class, std::string_view event, keyspace::Database& database, std::string_view key) {
    if ((settings_.event_classes & static_cast<std::uint32_t>(event_class)) != 0) [[unlikely]]
      publish_event(event, database, key);
  }
  // To be called when settings() were changed.
  void apply_settings();

  // Takes a snapshot of the keyspace into the journal, if one is possible and none is under way. False: it is not.
  bool request_snapshot();
  [[nodiscard]] const Snapshotter* snapshotter() const { return snapshotter_.get(); }
  // Databases changed places.
  void databases_moved() {
    if (snapshotter_) snapshotter_->databases_moved();
  }

  // What units change is journalled from here on. `journal` outlives stop(). Behind locks().start(), if there are locks.
  void start_journal(keyspace::Journal& journal);
  // Ends all connections. On return what was executed is in the journal.
  runtime::Task<> stop();

  void modified(keyspace::Database& database, std::string_view key) override;
  void removed(keyspace::Database& database, std::string_view key, keyspace::Removal why) override;
  void fields_expired(keyspace::Database& database, std::string_view key, bool emptied) override;
  void discard(std::unique_ptr<keyspace::Garbage> garbage) override { disposal_.take(std::move(garbage)); }
  void created(keyspace::Database& database, std::string_view key) override;
  void missed(keyspace::Database& database, std::string_view key) override;

 private:
  struct TurnEnd final : runtime::Work {
    Executor* executor = nullptr;
  };

  // A full disk may have room again.
  class JournalRetry final : public runtime::Timer {
   public:
    explicit JournalRetry(Executor& executor) : executor_(executor) {}

   private:
    void fire() override { executor_.end_turn(); }
    Executor& executor_;
  };

  [[nodiscard]] const Command* look_up(Client& client, Arguments arguments);
  // Whether it takes memory that is above the limit.
  [[nodiscard]] bool lacks_memory(const Client& client, const Command& command);
  // The reason not to run it now, as the reply has it; empty: none.
  [[nodiscard]] std::string refusal(Client& client, const Command& command, Arguments arguments);
  // The same for a command that was let in before and runs only now; also when the client is no longer who it was then.
  [[nodiscard]] std::string resumption_refusal(const Client& client, const Command& command, Arguments arguments);
  // The same for a command of a transaction or a script, in their words.
  [[nodiscard]] std::string late_acl_refusal(const Client& client, const Command& command, Arguments arguments,
                                             bool from_script);
  [[nodiscard]] AclCheck check_acl(const Client& client, const Command& command, Arguments arguments, bool from_script);
  void reply_refusal(Client& client, const Command& command, std::string_view why);
  void queue(Client& client, const Command& command, Arguments arguments);
  // The command has been dealt with.
  void complete(Client& client, const Command* command, std::size_t reply_begin);
  // A command's reply is complete, which began at `begin` of `client.out`: the client may not want it.
  void finish_reply(Client& client, std::size_t begin);
  void publish_event(std::string_view event, keyspace::Database& database, std::string_view key);
  // What few clients need after a command and its reply.
  void after_command(Client& client, const Command* command);
  // The client is no longer in any list of those that wait or listen.
  void forget(Client& client);
  void end_clients();
  void end_turn();
  // False: it could not be written, and those who wait for it go on waiting.
  [[nodiscard]] bool append_journal();
  // `journalled`, `locks_journalled`: what happened in this turn is in the journals.
  void release_output(Client& client, bool journalled, bool locks_journalled);

  runtime::Shard& shard_;
  Settings settings_;
  MonoTime started_;
  std::string run_id_;
  Stats stats_;
  StatsBaseline stats_baseline_;
  Disposal disposal_;
  keyspace::Journal* journal_ = nullptr;
  std::unique_ptr<CommitGate> gate_;
  std::unique_ptr<FlushWaits> flush_waits_;
  std::unique_ptr<Snapshotter> snapshotter_;
  keyspace::Keyspace keyspace_;
  keyspace::Evictor evictor_{keyspace_};
  Watches watches_;
  Blocking blocking_;
  Locks locks_{*this};
  Migrations migrations_{*this};
  LongUnits long_units_{*this};
  std::unique_ptr<Scripting> scripting_;
  Pipeline pipeline_;
  CommandTimes times_;
  Users users_;
  AclLog acl_log_;
  Identities identities_;
  Accounts accounts_{*this};
  pubsub::Hub hub_;
  std::unique_ptr<TopicChannels> topics_;
  Outputs outputs_{*this};
  Pause pause_{*this};
  Monitors monitors_{*this};
  Tracking tracking_{*this};
  std::map<std::uint64_t, Client*> clients_;
  Client* current_ = nullptr;
  std::vector<Client*> to_end_;
  std::uint64_t last_client_id_ = 0;
  std::uint32_t unit_depth_ = 0;
  std::vector<Client*> with_output_;
  std::vector<Client*> ending_;  // of the turn that ends
  TurnEnd turn_end_;
  bool turn_end_scheduled_ = false;
  std::string journal_error_;  // why changes are refused; empty: they are not
  JournalRetry journal_retry_{*this};
  ActiveExpiry active_expiry_{*this};
  IdleClients idle_clients_{*this};
  LogLimiter bad_input_;
};

}  // namespace leat::resp
