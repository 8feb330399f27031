#include "protocol/resp/migrations.h"

#include <algorithm>
#include <limits>

#include "keyspace/dump.h"
#include "protocol/resp/call.h"
#include "protocol/resp/executor.h"

namespace leat::resp {
namespace {

constexpr std::string_view kDone = "+OK";

// Whether it may be the answer to what was sent: anything else comes from no Redis.
bool is_reply(std::string_view line) { return line == kDone || line.starts_with('-'); }

// What tells whether a stream is as it was: its groups change without its being told as a change of the key. 0 for others.
std::uint64_t content_of(const keyspace::Entry& entry, std::string_view dumped = {}) {
  if (entry.type() != keyspace::Type::stream) return 0;
  return dumped.empty() ? keyspace::hash_of(keyspace::dump(entry)) : keyspace::hash_of(dumped);
}

using runtime::Task;

// What is sent before replies are read: by bytes, but for one large value, and keys.
constexpr std::size_t kBatchBytes = std::size_t{1} << 20;
constexpr std::size_t kBatchKeys = 500;
// A unit that is suspended keeps others from the keyspace.
constexpr Milliseconds kRetry{5};

constexpr std::string_view kConnecting = "connecting to the client";
constexpr std::string_view kWriting = "writing to target instance";
constexpr std::string_view kReading = "reading from target instance";

std::unexpected<Error> broken(std::string_view what) { return fail(Errc::io, std::string(what)); }

}  // namespace

// A batch on its way: its keys are marked when they change.
class Migrations::Registration {
 public:
  Registration(Migrations& migrations, std::uint32_t database, Batch& batch) : migrations_(migrations) {
    for (Sent& sent : batch) entries_.push_back(migrations_.sent_.emplace(KeyName{database, sent.key}, &sent));
  }
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;
  ~Registration() {
    for (const auto& entry : entries_) migrations_.sent_.erase(entry);
  }

 private:
  Migrations& migrations_;
  std::vector<std::multimap<KeyName, Sent*>::iterator> entries_;
};

void Migrations::begin(Call& call, Request request) {
  call.wait_for_answer();
  tasks_.spawn(run(call.client.id(), std::move(request)));
}

Task<> Migrations::stop() {
  stopping_ = true;
  for (MigrationLink* link : links_) link->close();
  co_await tasks_.join();
}

void Migrations::mark(std::uint32_t database, std::string_view key) {
  const auto [first, end] = sent_.equal_range({database, std::string(key)});
  std::for_each(first, end, [](auto& each) { each.second->changed = true; });
}

void Migrations::database_changed(std::uint32_t database) {
  for (auto at = sent_.lower_bound({database, {}}); at != sent_.end() && at->first.database == database; ++at)
    at->second->changed = true;
}

Task<> Migrations::run(std::uint64_t client_id, Request request) {
  // The handler that began this blocks the client first, and a turn passes before anything can be answered.
  co_await runtime::sleep_for(Duration::zero());
  const std::string reply = co_await move(client_id, request);
  Client* client = executor_.find_client(client_id);
  if (client == nullptr || stopping_) co_return;
  executor_.answer(*client, [&](Reply& out) { reply.empty() ? out.ok() : out.error(reply); });
}

Task<std::string> Migrations::move(std::uint64_t client, const Request& request) {
  MigrationLink link(executor_.shard(), request.patience);
  links_.insert(&link);
  Outcome outcome;
  Status done = request.port == 0 ? broken(kConnecting) : co_await link.open(request.host, request.port);
  if (!done) {
    // Redis, too, notices only when it writes that nobody listens there.
    done = broken(request.port != 0 && done.error().code == Errc::io ? kWriting : kConnecting);
  } else {
    done = co_await prepare(link, request, outcome);
  }
  std::size_t next = 0;
  while (done && outcome.target_error.empty() && next < request.keys.size())
    done = co_await send_batch(link, client, request, next, outcome);
  links_.erase(&link);
  link.close();
  if (!outcome.target_error.empty())
    co_return fmt::format("ERR Target instance replied with error: {}", outcome.target_error);
  if (!done) co_return fmt::format("IOERR error or timeout {}", done.error().message);
  if (outcome.changed_keys > 0) {
    co_return fmt::format(
        "ERR {} of the keys changed while they were sent: they stay here, and the target has what they were; MIGRATE "
        "them "
        "again with REPLACE",
        outcome.changed_keys);
  }
  co_return "";
}

Task<Status> Migrations::prepare(MigrationLink& link, const Request& request, Outcome& outcome) {
  std::string commands;
  if (request.password) {
    request.user.empty() ? append_command(commands, {"AUTH", *request.password})
                         : append_command(commands, {"AUTH", request.user, *request.password});
  }
  append_command(commands, {"SELECT", std::to_string(request.to)});
  if (!co_await link.send(commands)) co_return broken(kWriting);
  for (int replies = request.password ? 2 : 1; replies > 0; --replies) {
    const auto line = co_await link.read_line();
    if (!line) co_return broken(kReading);
    if (!is_reply(*line)) co_return broken(kReading);
    if (*line != kDone && outcome.target_error.empty()) outcome.target_error = line->substr(1);
  }
  co_return Status{};
}

Task<bool> Migrations::turn() {
  while (!stopping_ && executor_.is_suspended()) co_await runtime::sleep_for(kRetry);
  co_return !stopping_;
}

Task<Status> Migrations::send_batch(MigrationLink& link, std::uint64_t client, const Request& request,
                                    std::size_t& next, Outcome& outcome) {
  if (!co_await turn()) co_return broken(kWriting);
  Batch batch;
  std::string commands = dump_some(request, next, batch);
  Status done;
  {
    const Registration registration(*this, request.from, batch);
    if (!co_await link.send(commands)) done = broken(kWriting);
    std::string().swap(commands);
    // Even of a part that was sent, something may have arrived: but nobody told so.
    if (done) done = co_await read_replies(link, batch, outcome);
    (void)co_await turn();
  }
  delete_arrived(client, request, batch, outcome);
  co_return done;
}

Task<Status> Migrations::read_replies(MigrationLink& link, Batch& batch, Outcome& outcome) {
  for (Sent& sent : batch) {
    const auto line = co_await link.read_line();
    if (!line) co_return broken(kReading);
    if (!is_reply(*line)) co_return broken(kReading);
    sent.arrived = *line == kDone;
    if (!sent.arrived && outcome.target_error.empty()) outcome.target_error = line->substr(1);
  }
  co_return Status{};
}

std::string Migrations::dump_some(const Request& request, std::size_t& next, Batch& batch) {
  std::string commands;
  executor_.begin_batch();
  executor_.begin_unit();
  keyspace::Database& database = executor_.keyspace().database(request.from);
  for (; next < request.keys.size() && commands.size() < kBatchBytes && batch.size() < kBatchKeys; ++next) {
    const keyspace::Entry* entry = database.peek(request.keys[next]);
    if (entry == nullptr) continue;
    const auto expires = database.expiry(*entry);
    const std::string ttl =
        std::to_string(expires ? std::max<keyspace::Millis>(*expires - executor_.keyspace().now(), 1) : 0);
    const std::string value = keyspace::dump(*entry);
    request.replaces ? append_command(commands, {"RESTORE", request.keys[next], ttl, value, "REPLACE"})
                     : append_command(commands, {"RESTORE", request.keys[next], ttl, value});
    batch.push_back({.key = request.keys[next], .expires = expires, .content = content_of(*entry, value)});
  }
  executor_.end_unit();
  return commands;
}

void Migrations::delete_arrived(std::uint64_t client_id, const Request& request, const Batch& batch, Outcome& outcome) {
  if (request.copies || executor_.is_suspended()) return;
  executor_.begin_batch();
  executor_.begin_unit();
  keyspace::Database& database = executor_.keyspace().database(request.from);
  for (const Sent& sent : batch) {
    if (!sent.arrived) continue;
    keyspace::Entry* entry = database.peek(sent.key);
    const bool has_expired = entry == nullptr && sent.expires && *sent.expires <= executor_.keyspace().now();
    if (has_expired) continue;
    if (sent.changed || entry == nullptr || sent.content != content_of(*entry)) {
      ++outcome.changed_keys;
      continue;
    }
    database.erase(*entry);
    executor_.keyspace().effects().add(request.from, {"DEL", sent.key});
    executor_.keyspace().modified(database, sent.key);
    executor_.notify(EventClass::generic, "del", database, sent.key);
  }
  if (Client* client = executor_.find_client(client_id); client != nullptr) executor_.await_durability(*client);
  executor_.end_unit();
}

}  // namespace leat::resp
