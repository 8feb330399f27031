#include "protocol/resp/local_client.h"

#include "protocol/resp/local_rules.h"

namespace leat::resp {
namespace {

// How often a unit looks whether a pause is over.
constexpr Milliseconds kPauseLook{5};

ReplyValue failure(std::string text) { return {ReplyValue::Failure{std::move(text)}}; }

// An executor's unit, whatever happens in it.
class Unit {
 public:
  explicit Unit(Executor& executor) : executor_(executor) { executor_.begin_unit(); }
  Unit(const Unit&) = delete;
  Unit& operator=(const Unit&) = delete;
  ~Unit() { executor_.end_unit(); }

 private:
  Executor& executor_;
};

}  // namespace

LocalClient::LocalClient(LocalCommands& owner, Executor& executor, const LocalOptions& options)
    : executor_(executor),
      cancellation_(options.cancellation),
      client_(executor, *this, executor.next_client_id(), options.peer, "local") {
  client_.name = options.name;
  client_.acl = &owner.user_;
  client_.authenticated = true;
  client_.is_local = true;
  client_.protocol = Protocol::resp3;
  client_.database = options.database;
  if (cancellation_ != nullptr) cancellation_->clients_.push_back(this);
}

LocalClient::~LocalClient() {
  if (cancellation_ != nullptr) std::erase(cancellation_->clients_, this);
}

void LocalClient::execute(Arguments words) {
  executor_.begin_batch();
  executor_.execute(client_, words);
}

runtime::Task<bool> LocalClient::wait_for_pause() {
  pausing_ = true;
  while (!ended_ && executor_.pause().is_active()) co_await changed_.wait_until(executor_.shard().now() + kPauseLook);
  pausing_ = false;
  co_return !ended_;
}

void LocalClient::execute_unit(const std::function<void(LocalUnit&)>& decide, bool administers) {
  executor_.begin_batch();
  const bool has_room = executor_.settings().memory_max == 0 || executor_.make_room();
  executor_.has_output(client_);
  client_.active_at = executor_.keyspace().now();
  client_.transaction.active = true;
  {
    const Unit unit(executor_);
    executor_.keyspace().set_touches(true);
    LocalUnit commands(*this, administers, has_room);
    decide(commands);
    executor_.await_durability(client_);
  }
  client_.transaction.active = false;
}

ReplyValue LocalUnit::run(Arguments words) {
  Client& client = client_.client();
  Executor& executor = client.executor();
  const auto command = look_up_local(words, {.administers = administers_, .in_unit = true});
  if (!command) return failure(fmt::format("ERR {}", command.error().message));
  if (!has_room_ && (*command)->is(kDenyOom)) return failure("OOM command not allowed when used memory > 'maxmemory'.");
  const bool is_kept = executor.durability(client.database) != Durability::none;
  if (is_kept && (*command)->is(kWrite) && !executor.journal_error().empty())
    return failure(fmt::format("MISCONF Changes cannot be journalled, so none are made: {}", executor.journal_error()));
  client.last_command = *command;
  ++client.commands;
  executor.stats().commands.add();
  Reply reply(client.out, client.protocol);
  executor.run(client, **command, words, reply);
  auto value = parse_reply(client.out);
  client.out.clear();
  return value ? std::move(*value) : failure(fmt::format("ERR {}", value.error().message));
}

bool LocalClient::is_settled() const {
  return !client_.is_blocked() && !client_.suspended && client_.held_replies == 0 && !client_.has_output;
}

runtime::Task<Result<std::string>> LocalClient::reply() {
  while (client_.suspended || !(ended_ || settled_)) co_await changed_.wait();
  if (!settled_) co_return fail(Errc::cancelled, "the command was ended before its reply");
  co_return std::move(reply_);
}

void LocalClient::cancel() {
  if (client_.is_blocked() || pausing_) end();
}

void LocalClient::send(Client& client, std::string& bytes) {
  reply_.empty() ? std::swap(reply_, bytes) : void(reply_ += bytes);
  std::string().swap(bytes);
  executor_.outputs().measure(client);
  // A client whose wait was ended has no reply, though it does not wait any more.
  if (!ended_ && is_settled()) settled_ = true;
  changed_.notify_all();
}

void LocalClient::resume(Client& /*client*/) { changed_.notify_all(); }

void LocalClient::close(Client& /*client*/) { end(); }

// What it waits for must not go to nobody.
void LocalClient::end() {
  ended_ = true;
  const Unit unit(executor_);
  if (client_.blocked != nullptr) executor_.blocking().drop(client_);
  executor_.pause().forget(client_);
  changed_.notify_all();
}

}  // namespace leat::resp
