#include "keyspace/numbers.h"
#include "protocol/resp/call.h"
#include "protocol/resp/commands/database_argument.h"
#include "protocol/resp/commands/clients.h"
#include "protocol/resp/executor.h"
#include "protocol/resp/registry.h"
#include "protocol/resp/version.h"

namespace leat::resp {
namespace {

void ping(Call& call) {
  if (call.size() > 2) return call.reply.error("ERR wrong number of arguments for 'ping' command");
  if (call.client.is_subscriber()) {
    call.reply.array(2);
    call.reply.bulk("pong");
    return call.reply.bulk(call.size() == 2 ? call[1] : "");
  }
  if (call.size() == 2) return call.reply.bulk(call[1]);
  call.reply.simple("PONG");
}

void echo(Call& call) { call.reply.bulk(call[1]); }

void quit(Call& call) {
  call.reply.ok();
  call.client.close_after_reply = true;
}

void select(Call& call) {
  const keyspace::Database* found = find_database(call, call[1]);
  if (found == nullptr) return;
  call.client.database = found->index();
  call.reply.ok();
}

// False: it replied with an error.
bool authenticate(Call& call, std::string_view user, std::string_view password) {
  const User* found = call.executor.users().authenticate(user, password);
  if (found == nullptr) {
    call.executor.log_denial(call.client, "auth", call.command.name, user);
    call.reply.error("WRONGPASS invalid username-password pair or user is disabled.");
    return false;
  }
  call.client.acl = found;
  call.client.user = found->name();
  call.client.authenticated = true;
  return true;
}

void auth(Call& call) {
  if (call.size() > 3) return call.reply.error(errors::kSyntax);
  if (call.size() == 2 && call.executor.users().default_user().needs_no_password()) {
    return call.reply.error(
        "ERR AUTH <password> called without any password configured for the default user. Are you sure your "
        "configuration is correct?");
  }
  if (authenticate(call, call.size() == 3 ? call[1] : "default", call[call.size() - 1])) call.reply.ok();
}

// What clients learn about the server at the beginning (https://redis.io/commands/hello/).
void reply_hello(const Call& call, Reply& reply) {
  reply.map(7);
  reply.bulk("server");
  reply.bulk("redis");
  reply.bulk("version");
  reply.bulk(kRedisVersion);
  reply.bulk("proto");
  reply.integer(static_cast<int>(reply.protocol()));
  reply.bulk("id");
  reply.integer(static_cast<std::int64_t>(call.client.id()));
  reply.bulk("mode");
  reply.bulk("standalone");
  reply.bulk("role");
  reply.bulk("master");
  reply.bulk("modules");
  reply.array(0);
}

// The options of HELLO, behind the version. False: it replied with an error.
bool take_hello_options(Call& call) {
  for (std::size_t i = 2; i < call.size(); ++i) {
    if (call.is(i, "AUTH") && i + 2 < call.size()) {
      if (!authenticate(call, call[i + 1], call[i + 2])) return false;
      i += 2;
    } else if (call.is(i, "SETNAME") && i + 1 < call.size()) {
      if (!set_client_name(call, call[++i])) return false;
    } else {
      call.reply.error(fmt::format("ERR Syntax error in HELLO option '{}'", call[i]));
      return false;
    }
  }
  return true;
}

void hello(Call& call) {
  std::optional<Protocol> protocol;
  if (call.size() > 1) {
    const auto version = keyspace::parse_integer(call[1]);
    if (!version) return call.reply.error("ERR Protocol version is not an integer or out of range");
    if (*version != 2 && *version != 3) return call.reply.error("NOPROTO unsupported protocol version");
    protocol = *version == 2 ? Protocol::resp2 : Protocol::resp3;
  }
  if (!take_hello_options(call)) return;
  if (!call.client.authenticated && !call.executor.users().is_open()) {
    return call.reply.error(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> "
        "<pass> option can be used to authenticate the client and select the RESP protocol version at the same time");
  }
  if (protocol) call.client.protocol = *protocol;
  Reply reply(call.reply.out(), call.client.protocol);
  reply_hello(call, reply);
}

void reset(Call& call) {
  call.executor.abandon_transaction(call.client);
  call.executor.stop_listening(call.client);
  call.client.database = 0;
  call.client.protocol = Protocol::resp2;
  call.client.name.clear();
  call.client.reply_mode = ReplyMode::on;
  call.client.acl = &call.executor.users().default_user();
  call.client.user = call.client.acl->name();
  call.client.authenticated = call.executor.users().is_open();
  Reply(call.reply.out(), Protocol::resp2).simple("RESET");
}

constexpr std::string_view kPingTips[] = {"request_policy:all_shards", "response_policy:all_succeeded"};

constexpr Command kConnectionCommands[] = {
    {.name = "auth",
     .handler = auth,
     .arity = -2,
     .flags = kNoscript | kLoading | kStale | kFast | kNoAuth | kAllowBusy,
     .categories = kConnection,
     .group = "connection",
     .since = "1.0.0",
     .summary = "Authenticates the connection.",
     .complexity = "O(N)"},
    {.name = "echo",
     .handler = echo,
     .arity = 2,
     .flags = kLoading | kStale | kFast,
     .categories = kConnection,
     .group = "connection",
     .since = "1.0.0",
     .summary = "Returns its argument.",
     .complexity = "O(1)"},
    {.name = "hello",
     .handler = hello,
     .arity = -1,
     .flags = kNoscript | kLoading | kStale | kFast | kNoAuth | kAllowBusy,
     .categories = kConnection,
     .group = "connection",
     .since = "6.0.0",
     .summary = "Chooses the version of the protocol.",
     .complexity = "O(1)"},
    {.name = "ping",
     .handler = ping,
     .arity = -1,
     .flags = kFast,
     .categories = kConnection,
     .tips = kPingTips,
     .group = "connection",
     .since = "1.0.0",
     .summary = "Returns PONG, or its argument.",
     .complexity = "O(1)"},
    {.name = "quit",
     .handler = quit,
     .arity = -1,
     .flags = kNoscript | kLoading | kStale | kFast | kNoAuth | kAllowBusy,
     .categories = kConnection,
     .group = "connection",
     .since = "1.0.0",
     .summary = "Closes the connection.",
     .complexity = "O(1)"},
    {.name = "reset",
     .handler = reset,
     .arity = 1,
     .flags = kNoscript | kLoading | kStale | kFast | kNoAuth | kAllowBusy,
     .categories = kConnection,
     .group = "connection",
     .since = "6.2.0",
     .summary = "Makes the connection as it was at its beginning.",
     .complexity = "O(1)"},
    {.name = "select",
     .handler = select,
     .arity = 2,
     .flags = kLoading | kStale | kFast,
     .categories = kConnection,
     .group = "connection",
     .since = "1.0.0",
     .summary = "Chooses the database of the connection.",
     .complexity = "O(1)"},
};

}  // namespace

std::span<const Command> connection_commands() { return kConnectionCommands; }

}  // namespace leat::resp
