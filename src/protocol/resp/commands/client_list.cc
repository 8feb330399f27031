#include <optional>
#include <set>

#include "keyspace/numbers.h"
#include "protocol/resp/call.h"
#include "protocol/resp/client_extras.h"
#include "protocol/resp/commands/clients.h"
#include "protocol/resp/executor.h"
#include "protocol/resp/registry.h"

namespace leat::resp {
namespace {

enum class Class : std::uint8_t { normal, master, replica, pubsub };

std::optional<Class> parse_class(const Call& call, std::size_t index) {
  if (call.is(index, "NORMAL")) return Class::normal;
  if (call.is(index, "MASTER")) return Class::master;
  if (call.is(index, "REPLICA") || call.is(index, "SLAVE")) return Class::replica;
  if (call.is(index, "PUBSUB")) return Class::pubsub;
  return std::nullopt;
}

// Nobody replicates, in either direction.
Class class_of(const Client& client) { return client.subscriptions() > 0 ? Class::pubsub : Class::normal; }

void unknown_class(Call& call, std::size_t index) {
  call.reply.error(fmt::format("ERR Unknown client type '{}'", call[index]));
}

// In the order and with the letters of https://redis.io/commands/client-list/.
std::string flags_of(const Client& client) {
  std::string flags;
  const auto set = [&flags](bool is_set, char letter) {
    if (is_set) flags += letter;
  };
  const ClientExtras* extras = client.extras.get();
  const TrackingState* tracking = extras == nullptr ? nullptr : extras->tracking.get();
  set(extras != nullptr && extras->monitors, 'O');
  set(client.subscriptions() > 0, 'P');
  set(client.transaction.active, 'x');
  set(client.is_blocked(), 'b');
  set(tracking != nullptr, 't');
  set(tracking != nullptr && tracking->redirect_is_broken, 'R');
  set(tracking != nullptr && tracking->broadcasts, 'B');
  set(client.transaction.dirty, 'd');
  set(client.close_after_reply, 'c');
  set(client.no_evict, 'e');
  set(client.no_touch, 'T');
  if (flags.empty()) flags = "N";
  return flags;
}

std::string name_of(const Command* command) {
  if (command == nullptr) return "NULL";
  if (find_command(command->name) == command) return std::string(command->name);
  for (const Command* container : all_commands()) {
    for (const Command& subcommand : container->subcommands) {
      if (&subcommand == command) return fmt::format("{}|{}", container->name, command->name);
    }
  }
  return std::string(command->name);
}

std::size_t count(const Client& client, pubsub::Kind kind) {
  return client.subscriptions() == 0 ? 0 : client.extras->listener->count(kind);
}

// One line of CLIENT LIST, without its end.
std::string line_of(Executor& executor, const Client& client) {
  const std::size_t unsent = client.connection().unsent() + client.held_bytes;
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(executor.shard().now() - client.connected_at);
  const std::int64_t idle = std::max<std::int64_t>(executor.keyspace().now() - client.active_at, 0) / 1000;
  const std::size_t received = client.connection().received();
  std::string line = fmt::format(
      "id={} addr={} laddr={} fd=-1 name={} age={} idle={} flags={} db={} sub={} psub={} ssub={} multi={}", client.id(),
      client.peer, client.local, client.name, age.count(), idle, flags_of(client), client.database,
      count(client, pubsub::Kind::channel), count(client, pubsub::Kind::pattern), count(client, pubsub::Kind::shard),
      client.transaction.active ? static_cast<std::int64_t>(client.transaction.queue.size()) : -1);
  const bool tracks = client.extras != nullptr && client.extras->tracking != nullptr;
  line += fmt::format(
      " qbuf={} qbuf-free=0 argv-mem=0 multi-mem={} rbs={} rbp={} obl={} oll={} omem={} tot-mem={} events={} cmd={} "
      "user={} redir={} resp={}",
      received, client.transaction.queued_bytes, client.out.capacity(), client.out.capacity(), client.out.size(),
      unsent > 0 ? 1 : 0, unsent, sizeof(Client) + Outputs::memory_of(client), unsent > 0 ? "rw" : "r",
      name_of(client.last_command), client.user,
      tracks ? static_cast<std::int64_t>(client.extras->tracking->redirect) : -1, static_cast<int>(client.protocol));
  // Redis 7.0, whose line this is, does not know them.
  if (client.extras != nullptr && !(client.extras->library_name.empty() && client.extras->library_version.empty())) {
    line += fmt::format(" lib-name={} lib-ver={}", client.extras->library_name, client.extras->library_version);
  }
  return line;
}

// What CLIENT KILL looks for.
struct Filter {
  std::string_view address;
  std::string_view local;
  std::string_view user;
  std::optional<Class> client_class;
  std::optional<std::uint64_t> id;
  bool skips_self = true;

  [[nodiscard]] bool matches(const Client& client) const {
    return (address.empty() || client.peer == address) && (local.empty() || client.local == local) &&
           (user.empty() || client.user == user) && (!client_class || class_of(client) == *client_class) &&
           (!id || client.id() == *id);
  }
};

bool is_user(Executor& executor, std::string_view name) {
  if (name == "default" || executor.identities().is_ours(name)) return true;
  for (const auto& [id, client] : executor.clients()) {
    if (client->user == name) return true;
  }
  return false;
}

// False: it replied with an error.
bool take_option(Call& call, std::size_t index, Filter& filter) {
  if (index + 1 >= call.size()) {
    call.reply.error(errors::kSyntax);
    return false;
  }
  const std::string_view value = call[index + 1];
  if (call.is(index, "ID")) {
    const auto id = keyspace::parse_integer(value);
    if (!id || *id < 1) {
      call.reply.error("ERR client-id should be greater than 0");
      return false;
    }
    filter.id = static_cast<std::uint64_t>(*id);
  } else if (call.is(index, "TYPE")) {
    filter.client_class = parse_class(call, index + 1);
    if (!filter.client_class) unknown_class(call, index + 1);
    return filter.client_class.has_value();
  } else if (call.is(index, "ADDR")) {
    filter.address = value;
  } else if (call.is(index, "LADDR")) {
    filter.local = value;
  } else if (call.is(index, "USER")) {
    if (!is_user(call.executor, value)) {
      call.reply.error(fmt::format("ERR No such user '{}'", value));
      return false;
    }
    filter.user = value;
  } else if (call.is(index, "SKIPME") && (call.is(index + 1, "YES") || call.is(index + 1, "NO"))) {
    filter.skips_self = call.is(index + 1, "YES");
  } else {
    call.reply.error(errors::kSyntax);
    return false;
  }
  return true;
}

std::int64_t kill(Call& call, const Filter& filter) {
  std::int64_t count = 0;
  for (const auto& [id, client] : call.executor.clients()) {
    const bool is_self = client == &call.client;
    if (client->closing || !filter.matches(*client) || (is_self && filter.skips_self)) continue;
    ++count;
    if (is_self) {
      client->close_after_reply = true;
    } else {
      call.executor.end(*client);
    }
  }
  return count;
}

}  // namespace

std::string describe_client(Executor& executor, const Client& client) { return line_of(executor, client); }

void client_info(Call& call) { call.reply.verbatim(line_of(call.executor, call.client) + '\n'); }

void client_list(Call& call) {
  std::optional<Class> wanted;
  std::string text;
  if (call.size() == 4 && call.is(2, "TYPE")) {
    wanted = parse_class(call, 3);
    if (!wanted) return unknown_class(call, 3);
  } else if (call.size() > 3 && call.is(2, "ID")) {
    for (std::size_t i = 3; i < call.size(); ++i) {
      const auto id = call.integer(i, "ERR Invalid client ID");
      if (!id) return;
      const Client* client = call.executor.find_client(static_cast<std::uint64_t>(*id));
      if (client != nullptr) text += line_of(call.executor, *client) + '\n';
    }
    return call.reply.verbatim(text);
  } else if (call.size() != 2) {
    return call.reply.error(errors::kSyntax);
  }
  for (const auto& [id, client] : call.executor.clients()) {
    if (client->closing || (wanted && class_of(*client) != *wanted)) continue;
    text += line_of(call.executor, *client) + '\n';
  }
  call.reply.verbatim(text);
}

void client_kill(Call& call) {
  Filter filter;
  if (call.size() == 3) {
    filter.address = call[2];
    filter.skips_self = false;
    if (kill(call, filter) == 0) return call.reply.error("ERR No such client");
    return call.reply.ok();
  }
  for (std::size_t i = 2; i < call.size(); i += 2) {
    if (!take_option(call, i, filter)) return;
  }
  call.reply.integer(kill(call, filter));
}

}  // namespace leat::resp
