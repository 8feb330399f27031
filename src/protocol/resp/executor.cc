#include "protocol/resp/executor.h"

#include <algorithm>

#include "protocol/resp/acl/access.h"
#include "protocol/resp/call.h"
#include "protocol/resp/client_extras.h"
#include "protocol/resp/errors.h"
#include "protocol/resp/scripting/scripting.h"
#include "protocol/resp/topic_channels.h"
#include "protocol/resp/words.h"
#include "runtime/sync.h"

namespace leat::resp {
namespace {

// What a name in an error message shows at most.
constexpr std::size_t kShownMax = 128;

constexpr Milliseconds kJournalRetry{500};

// Of the memory limit: buffers may pass it by so much.
constexpr std::uint64_t kToleratedShare = 32;

// A reply that is counted against limits at once, not at the end of the turn.
constexpr std::size_t kLargeReply = std::size_t{64} << 10;

// Up to a zero byte, as Redis's texts are.
std::string_view shown(std::string_view text) { return text.substr(0, std::min(kShownMax, text.find('\0'))); }

// A page in a browser may be made to send such a request here, with commands in its body: none of them is executed.
bool speaks_http(std::string_view name) { return is_word(name, "POST") || is_word(name, "HOST:"); }

std::string unknown_command(Arguments arguments) {
  std::string text = fmt::format("ERR unknown command '{}', with args beginning with: ", shown(arguments[0]));
  const std::size_t begin = text.size();
  for (std::size_t i = 1; i < arguments.size() && text.size() - begin < kShownMax; ++i)
    text += fmt::format("'{}' ", shown(arguments[i]).substr(0, kShownMax - (text.size() - begin)));
  return text;
}

// What a subscriber of RESP2 may call, since its replies look like messages.
bool is_for_subscribers(const Command& command) {
  static constexpr std::string_view kNames[] = {
      "ping", "quit", "reset", "subscribe", "unsubscribe", "psubscribe", "ssubscribe", "punsubscribe", "sunsubscribe"};
  // There are subcommands of these names too.
  return std::ranges::find(kNames, command.name) != std::end(kNames) && find_command(command.name) == &command;
}

// What runs at once inside MULTI.
bool is_for_transactions(const Command& command) {
  static constexpr std::string_view kNames[] = {"exec", "discard", "multi", "watch", "quit", "reset"};
  return std::ranges::find(kNames, command.name) != std::end(kNames) && find_command(command.name) == &command;
}

// What runs scripts.
bool may_take_long(const Command& command) {
  return ((command.categories & kScripting) != 0 && !command.keys.empty()) || command.name == "exec";
}

// Its commands are seen by those who monitor before it is done.
bool is_script(const Command& command) { return command.is(kSkipMonitor); }

}  // namespace

Executor::Executor(runtime::Shard& shard, Settings settings)
    : shard_(shard),
      settings_(std::move(settings)),
      started_(shard.now()),
      run_id_(fmt::format("{:016x}{:016x}{:08x}", shard.random(), shard.random(), shard.random() & 0xFFFFFFFF)),
      disposal_(shard),
      keyspace_(settings_.databases, shard.random(), *this),
      blocking_(*this),
      scripting_(std::make_unique<Scripting>(*this)),
      identities_(*this) {
  keyspace_.set_policy(settings_.eviction);
  users_.set_default_password(settings_.password);
  apply_settings();
  turn_end_.executor = this;
  turn_end_.run = [](runtime::Work* work) { static_cast<TurnEnd*>(work)->executor->end_turn(); };
}

Executor::~Executor() = default;

void Executor::connected(Client& client) {
  client.connected_at = shard_.now();
  client.active_at = shard_.wall_now().value();
  identities_.begin(client);
  clients_.emplace(client.id(), &client);
  stats_.connections.add(1);
}

void Executor::disconnected(Client& client) {
  forget(client);
  outputs_.forget(client);
  if (client.closing) std::erase(to_end_, &client);
  clients_.erase(client.id());
  stats_.connections.add(-1);
}

void Executor::reset_stats() {
  const keyspace::KeyspaceStats& keys = keyspace_.stats();
  stats_baseline_ = {.commands = stats_.commands.value(),
                     .accepted_connections = stats_.accepted_connections.value(),
                     .refused_connections = stats_.refused_connections.value(),
                     .errors = stats_.errors.value(),
                     .bytes_in = stats_.bytes_in.value(),
                     .bytes_out = stats_.bytes_out.value(),
                     .hits = keys.hits.value(),
                     .misses = keys.misses.value(),
                     .expired_keys = keys.expired_keys.value(),
                     .evicted_keys = keys.evicted_keys.value()};
  times_.reset();
}

void Executor::forget(Client& client) {
  begin_unit();
  if (client.blocked) blocking_.drop(client);
  if (flush_waits_) flush_waits_->forget(client);
  locks_.connection_ended(client);
  end_unit();
  if (gate_) gate_->drop(client);
  watches_.unwatch_all(client);
  pause_.forget(client);
  stop_listening(client);
  std::erase(with_output_, &client);
  std::erase(ending_, &client);
}

void Executor::stop_listening(Client& client) {
  if (client.extras == nullptr) return;
  monitors_.remove(client);
  tracking_.stop(client);
  if (topics_) topics_->forget(client);
  client.extras->listener.reset();
}

Client* Executor::find_client(std::uint64_t id) const {
  const auto found = clients_.find(id);
  return found == clients_.end() || found->second->closing ? nullptr : found->second;
}

// Not at once: it may be in use further up the stack.
void Executor::end(Client& client) {
  if (std::exchange(client.closing, true)) return;
  to_end_.push_back(&client);
  schedule_turn_end();
}

void Executor::end_clients() {
  for (Client* client : std::exchange(to_end_, {})) {
    forget(*client);
    client->has_output = false;
    std::string().swap(client->out);
    client->connection().close(*client);
    outputs_.measure(*client);
  }
}

void Executor::begin_batch() {
  times_.begin_batch(shard_.now());
  times_.sample(stats_.commands.value(), memory_used());
  if (!is_suspended()) keyspace_.set_now(shard_.wall_now().value());
}

// The key of nearly every command is its first argument; what is no key costs a hash.
void Executor::prefetch(const Client& client, const Pipeline& pipeline) {
  std::array<std::string_view, Pipeline::kCommandsMax> keys;
  std::size_t count = 0;
  for (std::size_t i = 0; i < pipeline.size(); ++i) {
    if (pipeline.arguments(i).size() > 1) keys[count++] = pipeline.arguments(i)[1];
  }
  keyspace_.database(client.database).prefetch({keys.data(), count});
}

const Command* Executor::look_up(Client& client, Arguments arguments) {
  Reply reply(client.out, client.protocol);
  const Command* command = find_command(arguments[0]);
  if (command == nullptr && speaks_http(arguments[0])) {
    bad_input_.write(shard_.now(), LogLevel::warning, "resp", "{}: a request of HTTP; connection closed", client.peer);
    end(client);
    return nullptr;
  }
  if (command == nullptr) {
    reply.error(unknown_command(arguments));
    return nullptr;
  }
  if (!command->subcommands.empty() && arguments.size() > 1) {
    const Command* subcommand = find_subcommand(*command, arguments[1]);
    if (subcommand == nullptr) {
      std::string container(command->name);
      std::ranges::transform(container, container.begin(), [](char c) { return static_cast<char>(std::toupper(c)); });
      reply.error(fmt::format("ERR unknown subcommand '{}'. Try {} HELP.", shown(arguments[1]), container));
      return nullptr;
    }
    command = subcommand;
  }
  const auto given = static_cast<std::int64_t>(arguments.size());
  if (command->handler == nullptr || (command->arity > 0 && given != command->arity) || given < -command->arity) {
    reply.error(fmt::format("ERR wrong number of arguments for '{}' command", full_name(*command, arguments)));
    return nullptr;
  }
  return command;
}

std::uint64_t Executor::memory_used() const {
  const auto pending = static_cast<std::int64_t>(disposal_.pending());
  const std::int64_t data = std::max<std::int64_t>(keyspace::MemoryMeter::used() - pending, 0);
  return static_cast<std::uint64_t>(data) + outputs_.memory();
}

bool Executor::make_room() {
  if (memory_used() <= settings_.memory_max) return true;
  begin_unit();
  bool evicted = true;
  while (evicted && memory_used() > settings_.memory_max) evicted = evictor_.evict_one();
  end_unit();
  // What is in use by buffers may come and go as long as it is little.
  const std::uint64_t tolerated = settings_.memory_max + settings_.memory_max / kToleratedShare;
  if (const std::uint64_t used = memory_used(); used > tolerated) outputs_.shed(used - tolerated);
  return evicted;
}

bool Executor::lacks_memory(const Client& client, const Command& command) {
  if (make_room()) return false;
  if (command.is(kDenyOom)) return true;
  const auto takes_memory = [](const StoredCommand& queued) { return queued.command().is(kDenyOom); };
  return command.name == "exec" && std::ranges::any_of(client.transaction.queue, takes_memory);
}

std::string Executor::refusal(Client& client, const Command& command, Arguments arguments) {
  if (!client.authenticated && identities_.must_authenticate(client) && !command.is(kNoAuth)) {
    const std::string name = full_name(command, arguments);
    identities_.audit_refusal(client, name, "command", name);
    return std::string(errors::kNoAuth);
  }
  if (!client.acl->is_unrestricted()) [[unlikely]] {
    if (std::string denied = acl_refusal(client, command, arguments); !denied.empty()) return denied;
  }
  if (client.is_subscriber() && !is_for_subscribers(command)) {
    return fmt::format(
        "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this "
        "context",
        full_name(command, arguments));
  }
  if (client.extras != nullptr && client.extras->monitors && command.is(kWrite | kReadonly | kMayReplicate))
    return "ERR Replica can't interact with the keyspace";
  if (is_suspended() && !command.is(kAllowBusy)) return std::string(scripting_->busy_reply());
  if (settings_.memory_max > 0 && lacks_memory(client, command))
    return "OOM command not allowed when used memory > 'maxmemory'.";
  if (!journal_error_.empty() && command.is(kWrite) && durability(client.database) != Durability::none)
    return fmt::format("MISCONF Changes cannot be journalled, so none are made: {}", journal_error_);
  return {};
}

void Executor::execute(Client& client, Arguments arguments) {
  has_output(client);
  client.active_at = keyspace_.now();
  const std::size_t before = client.out.size();
  if (client.reply_mode == ReplyMode::skip_next) client.reply_mode = ReplyMode::skip;
  const Command* command = look_up(client, arguments);
  if (command == nullptr) {
    client.transaction.broken = client.transaction.active;
    times_.rejected(nullptr, std::string_view(client.out).substr(before));
  } else if (const std::string why = refusal(client, *command, arguments); !why.empty()) {
    reply_refusal(client, *command, why);
    times_.rejected(command, std::string_view(client.out).substr(before));
  } else if (pause_.is_active() && pause_.covers(client, *command)) [[unlikely]] {
    return pause_.hold(client, *command, arguments);
  } else if (client.transaction.active && !is_for_transactions(*command)) {
    queue(client, *command, arguments);
  } else {
    client.last_command = command;
    ++client.commands;
    if (may_take_long(*command)) return long_units_.execute(client, *command, arguments, before);
    return perform(client, *command, arguments, before);
  }
  complete(client, command, before);
}

void Executor::perform(Client& client, const Command& command, Arguments arguments, std::size_t reply_begin) {
  begin_unit();
  current_ = &client;
  keyspace_.set_touches(!client.no_touch || command.name == "touch");
  Reply reply(client.out, client.protocol);
  run(client, command, arguments, reply);
  current_ = nullptr;
  if (long_units_.is_finishing()) keyspace_.effects().clear();  // it was cut short: all or nothing
  await_durability(client);
  end_unit();
  complete(client, &command, reply_begin);
}

bool Executor::suspend_unit() {
  if (long_units_.is_finishing()) return false;
  Client* client = std::exchange(current_, nullptr);
  const bool touches = keyspace_.touches();
  long_units_.suspend();
  current_ = client;
  keyspace_.set_touches(touches);
  return !long_units_.is_finishing();
}

void Executor::complete(Client& client, const Command* command, std::size_t reply_begin) {
  stats_.commands.add();
  if (!client.is_blocked()) finish_reply(client, reply_begin);
  if (client.extras != nullptr) [[unlikely]]
    after_command(client, command);
}

void Executor::reply_refusal(Client& client, const Command& command, std::string_view why) {
  Reply reply(client.out, client.protocol);
  if (command.name == "exec") {
    abandon_transaction(client);
    return reply.error(fmt::format("EXECABORT Transaction discarded because of: {}", why));
  }
  reply.error(why);
  client.transaction.broken = client.transaction.active;
}

void Executor::await_durability(Client& client) {
  const Durability durable = durability(client.database);
  if (durable == Durability::commit) client.awaits_commit = true;
  if (keyspace_.effects().empty()) return;
  if (journal_ != nullptr) client.changes_end = journal_->added_end() + 1;
  if (durable != Durability::none) client.awaits_journal = true;
}

void Executor::finish_reply(Client& client, std::size_t begin) {
  if (client.out.size() > begin && client.out[begin] == '-') stats_.errors.add();
  if (client.reply_mode == ReplyMode::off || client.reply_mode == ReplyMode::skip) client.out.resize(begin);
  if (client.reply_mode == ReplyMode::skip) client.reply_mode = ReplyMode::on;
  tracking_.send_pending();
  if (client.out.size() - begin > kLargeReply) [[unlikely]]
    outputs_.measure(client);
}

void Executor::after_command(Client& client, const Command* command) {
  // CLIENT CACHING holds for one command, or transaction, behind it.
  TrackingState* tracking = client.extras->tracking.get();
  if (tracking == nullptr || !tracking->caching || client.transaction.active) return;
  const Command* container = find_command("client");
  const bool is_of_client = command >= container->subcommands.data() &&
                            command < container->subcommands.data() + container->subcommands.size();
  if (!is_of_client) tracking->caching = false;
}

void Executor::queue(Client& client, const Command& command, Arguments arguments) {
  Reply reply(client.out, client.protocol);
  if (command.is(kNoMulti)) {
    client.transaction.broken = true;
    return reply.error("ERR Command not allowed inside a transaction");
  }
  client.transaction.queue.emplace_back(command, arguments);
  client.transaction.queued_bytes += client.transaction.queue.back().size();
  reply.simple("QUEUED");
}

void Executor::run(Client& client, const Command& command, Arguments arguments, Reply& reply, bool from_script) {
  if (from_script && !client.acl->is_unrestricted()) [[unlikely]] {
    if (const std::string why = late_acl_refusal(client, command, arguments, true); !why.empty()) {
      const std::size_t begin = reply.begin();
      reply.error(why);
      return times_.rejected(&command, std::string_view(reply.out()).substr(begin));
    }
  }
  Call call(*this, client, command, arguments, reply);
  call.from_script = from_script;
  if (from_script) times_.begin_batch(shard_.now());
  const MonoTime began = times_.last();
  const std::size_t reply_begin = reply.begin();
  const bool is_monitored = !monitors_.empty();
  if (is_monitored && is_script(command)) [[unlikely]]
    monitors_.tell(client, command, arguments, from_script);
  command.handler(call);
  times_.ran(client, command, arguments, began, shard_.now(), keyspace_.now() / 1000);
  if (reply.out().size() > reply_begin && reply.out()[reply_begin] == '-') [[unlikely]]
    times_.failed(&command, std::string_view(reply.out()).substr(reply_begin));
  if (is_monitored && !is_script(command)) [[unlikely]]
    monitors_.tell(client, command, arguments, from_script);
  if (command.is(kReadonly) && client.extras != nullptr && client.extras->tracking != nullptr) [[unlikely]]
    tracking_.remember(client, command, arguments);
  if (call.changes > 0 && !call.explicit_effects) keyspace_.effects().add(call.database.index(), arguments);
}

void Executor::run_queued(Client& client, const StoredCommand& command, Reply& reply) {
  // The protocol may change in between: HELLO can be queued.
  Reply own(reply.out(), client.protocol);
  if (!client.acl->is_unrestricted()) [[unlikely]] {
    const std::string why = late_acl_refusal(client, command.command(), command.arguments(), false);
    if (!why.empty()) return own.error(why);
  }
  run(client, command.command(), command.arguments(), own);
}

void Executor::unwatch(Client& client) {
  watches_.unwatch_all(client);
  client.transaction.dirty = false;
}

void Executor::abandon_transaction(Client& client) {
  client.transaction.end();
  unwatch(client);
}

bool Executor::retry(Client& client, const StoredCommand& command, bool timed_out, std::string_view ready_key) {
  Reply reply(client.out, client.protocol);
  const std::size_t before = client.out.size();
  const auto pushed = [&client] { return client.extras == nullptr ? 0 : client.extras->pushed; };
  const std::uint64_t pushed_before = pushed();
  Call call(*this, client, command.command(), command.arguments(), reply);
  call.is_retry = true;
  call.timed_out = timed_out;
  call.ready_key = ready_key;
  const std::string denied = resumption_refusal(client, command.command(), command.arguments());
  if (!denied.empty()) [[unlikely]] {
    reply.error(denied);
  } else {
    Client* previous = std::exchange(current_, &client);
    command.command().handler(call);
    current_ = previous;
  }
  if (call.changes > 0 && !call.explicit_effects) keyspace_.effects().add(call.database.index(), command.arguments());
  if (client.out.size() - before == pushed() - pushed_before) return false;
  await_durability(client);
  finish_reply(client, before);
  return true;
}

void Executor::answer(Client& client, const std::function<void(Reply&)>& write) {
  if (client.blocked == nullptr) return;
  begin_unit();
  const std::size_t begin = client.out.size();
  Reply reply(client.out, client.protocol);
  if (write) write(reply);
  finish_reply(client, begin);
  blocking_.unblock(client);
  end_unit();
}

void Executor::serve_topics(const stream::Streams& streams) {
  topics_ = std::make_unique<TopicChannels>(*this, streams);
}

void Executor::end_unit() {
  if (--unit_depth_ > 0) return;
  if (!keyspace_.effects().empty()) {
    if (journal_ != nullptr) {
      journal_->add({keyspace_.now(), keyspace_.effects().bytes()});
      stats_.units_journalled.add();
      schedule_turn_end();
    }
    keyspace_.effects().clear();
  }
  if (blocking_.has_ready()) [[unlikely]]
    blocking_.serve();
}

void Executor::refuse(Client& client, std::string_view why) {
  stats_.malformed_requests.add();
  bad_input_.write(shard_.now(), LogLevel::warning, "resp", "{}: {}; connection closed", client.peer, why);
  Reply(client.out, client.protocol).error(fmt::format("ERR {}", why));
  client.close_after_reply = true;
  has_output(client);
}

void Executor::has_output(Client& client) {
  if (client.has_output) return;
  client.has_output = true;
  with_output_.push_back(&client);
  schedule_turn_end();
}

void Executor::schedule_turn_end() {
  if (turn_end_scheduled_) return;
  turn_end_scheduled_ = true;
  shard_.send(turn_end_);
}

void Executor::end_turn() {
  turn_end_scheduled_ = false;
  tracking_.end_turn();
  if (!to_end_.empty()) [[unlikely]]
    end_clients();
  const bool journalled = append_journal();
  const bool locks_journalled = locks_.append();
  if (flush_waits_) flush_waits_->turn_ended();
  // Sending may end a connection, which leaves the list.
  std::swap(ending_, with_output_);
  while (!ending_.empty()) {
    Client& client = *ending_.back();
    ending_.pop_back();
    client.has_output = false;
    if (client.suspended) continue;  // its reply is not complete
    release_output(client, journalled, locks_journalled);
  }
  active_expiry_.schedule();
}

void Executor::release_output(Client& client, bool journalled, bool locks_journalled) {
  if ((client.awaits_journal && !journalled) || (client.awaits_locks && !locks_journalled)) {
    // Until a later turn.
    client.has_output = true;
    with_output_.push_back(&client);
    return;
  }
  client.awaits_journal = false;
  const bool awaits_commit = std::exchange(client.awaits_commit, false);
  const bool awaits_locks = std::exchange(client.awaits_locks, false);
  const bool must_hold = (awaits_commit && !journal_->is_committed(journal_->end())) ||
                         (awaits_locks && !locks_.is_committed(locks_.journal_end()));
  if (must_hold || client.held_replies > 0) return gate_->hold(client, journal_->end(), locks_.journal_end());
  client.connection().send(client, client.out);
}

bool Executor::append_journal() {
  if (journal_ == nullptr || journal_->added_bytes() == 0) return true;
  const Status status = journal_->append();
  if (status) {
    if (!journal_error_.empty()) log_info("resp", "changes are journalled again");
    journal_error_.clear();
    return true;
  }
  if (journal_error_.empty()) log_error("resp", "changes cannot be journalled: {}", status.error().message);
  journal_error_ = status.error().message;
  retry_journals();
  return false;
}

void Executor::retry_journals() {
  if (!journal_retry_.armed()) shard_.timers().arm(journal_retry_, shard_.now() + kJournalRetry);
}

bool Executor::request_snapshot() {
  if (!snapshotter_ || !journal_error_.empty()) return false;
  snapshotter_->request();
  return true;
}

void Executor::start_journal(keyspace::Journal& journal) {
  // A password of the configuration holds, whatever the default user had before.
  if (!settings_.password.empty()) users_.set_default_password(settings_.password);
  journal_ = &journal;
  begin_batch();
  begin_unit();
  for (std::uint32_t i = 0; i < settings_.databases; ++i) {
    if (durability(i) != Durability::none) continue;
    keyspace_.effects().drop(i);
    // What is left of a time when its changes were kept.
    if (keyspace_.database(i).size() == 0) continue;
    keyspace_.database(i).clear();
    keyspace_.effects().add_always(i, {"FLUSHDB"});
  }
  end_unit();
  gate_ = std::make_unique<CommitGate>(journal, locks_);
  gate_->start();
  flush_waits_ = std::make_unique<FlushWaits>(*this, journal);
  flush_waits_->start();
  snapshotter_ = std::make_unique<Snapshotter>(*this, journal);
  snapshotter_->start();
  active_expiry_.schedule();
}

void Executor::apply_settings() {
  const auto is_told = [&](EventClass event_class) {
    return (settings_.event_classes & static_cast<std::uint32_t>(event_class)) != 0;
  };
  keyspace_.set_tells(is_told(EventClass::new_key), is_told(EventClass::key_miss));
  idle_clients_.schedule();
}

void Executor::publish_event(std::string_view event, keyspace::Database& database, std::string_view key) {
  if (hub_.is_quiet()) return;
  const auto is_told = [&](EventClass kind) {
    return (settings_.event_classes & static_cast<std::uint32_t>(kind)) != 0;
  };
  if (is_told(EventClass::keyspace)) {
    std::string channel = fmt::format("__keyspace@{}__:", database.index());
    channel += key;
    hub_.publish(channel, event);
  }
  if (is_told(EventClass::keyevent)) hub_.publish(fmt::format("__keyevent@{}__:{}", database.index(), event), key);
}

void Executor::created(keyspace::Database& database, std::string_view key) {
  notify(EventClass::new_key, "new", database, key);
}

void Executor::missed(keyspace::Database& database, std::string_view key) {
  notify(EventClass::key_miss, "keymiss", database, key);
}

void Executor::modified(keyspace::Database& database, std::string_view key) {
  watches_.touch(database.index(), key);
  blocking_.key_changed(database.index(), key);
  migrations_.key_changed(database.index(), key);
  tracking_.key_changed(key, current_);
}

void Executor::removed(keyspace::Database& database, std::string_view key, keyspace::Removal why) {
  tracking_.key_changed(key, nullptr);
  const bool expired = why == keyspace::Removal::expired;
  notify(expired ? EventClass::expired : EventClass::evicted, expired ? "expired" : "evicted", database, key);
}

void Executor::fields_expired(keyspace::Database& database, std::string_view key, bool emptied) {
  notify(EventClass::hash, "hexpired", database, key);
  if (emptied) notify(EventClass::generic, "del", database, key);
}

runtime::Task<> Executor::stop() {
  for (const auto& [id, client] : std::map(clients_)) client->connection().close(*client);
  long_units_.finish();
  while (long_units_.is_scheduled()) co_await runtime::sleep_for(Milliseconds(1));
  co_await identities_.stop();
  co_await accounts_.stop();
  co_await migrations_.stop();
  if (topics_) co_await topics_->stop();
  if (snapshotter_) co_await snapshotter_->stop();
  if (!append_journal()) log_error("resp", "the last changes are lost: {}", journal_error_);
  co_await locks_.stop();
  journal_retry_.cancel();
  active_expiry_.set_enabled(false);
  idle_clients_.cancel();
  if (flush_waits_) co_await flush_waits_->stop();
  if (gate_) co_await gate_->stop();
}

}  // namespace leat::resp
