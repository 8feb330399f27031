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

void auth(Call& call) {
  if (call.size() > 3) return call.reply.error(errors::kSyntax);
  if (call.size() == 2 && call.executor.users().default_user().needs_no_password()) {
    return call.reply.error(
        "ERR AUTH <password> called without any password configured for the default user. Are you sure your "
        "configuration is correct?");
  }
  const auto welcome = [](Client&, Reply& reply) { reply.ok(); };
  if (call.size() == 3) return call.executor.identities().log_in(call, call[1], call[2], welcome);
  call.executor.identities().log_in_by_default(call, call[1], welcome);
}

// What clients learn about the server at the beginning (https://redis.io/commands/hello/).
void reply_hello(const Client& client, Reply& reply) {
  reply.map(7);
  reply.bulk("server");
  reply.bulk("redis");
  reply.bulk("version");
  reply.bulk(kRedisVersion);
  reply.bulk("proto");
  reply.integer(static_cast<int>(reply.protocol()));
  reply.bulk("id");
  reply.integer(static_cast<std::int64_t>(client.id()));
  reply.bulk("mode");
  reply.bulk("standalone");
  reply.bulk("role");
  reply.bulk("master");
  reply.bulk("modules");
  reply.array(0);
}

// What HELLO asks for.
struct Greeting {
  std::optional<Protocol> protocol;
  std::optional<std::string> name;
  std::optional<std::string_view> user;  // and password
  std::string_view password;
};

// Takes the options behind the version. False: it replied with an error.
bool take_hello_options(Call& call, Greeting& greeting) {
  for (std::size_t i = 2; i < call.size(); ++i) {
    if (call.is(i, "AUTH") && i + 2 < call.size()) {
      greeting.user = call[i + 1];
      greeting.password = call[i + 2];
      i += 2;
    } else if (call.is(i, "SETNAME") && i + 1 < call.size()) {
      if (!check_client_name(call, call[++i])) return false;
      greeting.name = call[i];
    } else {
      call.reply.error(fmt::format("ERR Syntax error in HELLO option '{}'", call[i]));
      return false;
    }
  }
  return true;
}

void greet(Client& client, Reply& reply, std::optional<Protocol> protocol, const std::optional<std::string>& name) {
  if (protocol) client.protocol = *protocol;
  if (name) client.name = *name;
  Reply own(reply.out(), client.protocol);
  reply_hello(client, own);
}

void hello(Call& call) {
  Greeting greeting;
  if (call.size() > 1) {
    const auto version = keyspace::parse_integer(call[1]);
    if (!version) return call.reply.error("ERR Protocol version is not an integer or out of range");
    if (*version != 2 && *version != 3) return call.reply.error("NOPROTO unsupported protocol version");
    greeting.protocol = *version == 2 ? Protocol::resp2 : Protocol::resp3;
  }
  if (!take_hello_options(call, greeting)) return;
  if (greeting.user) {
    const auto welcome = [protocol = greeting.protocol, name = greeting.name](Client& client, Reply& reply) {
      greet(client, reply, protocol, name);
    };
    return call.executor.identities().log_in(call, *greeting.user, greeting.password, welcome);
  }
  if (call.executor.identities().must_authenticate(call.client)) {
    return call.reply.error(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> "
        "<pass> option can be used to authenticate the client and select the RESP protocol version at the same time");
  }
  greet(call.client, call.reply, greeting.protocol, greeting.name);
}

void reset(Call& call) {
  call.executor.abandon_transaction(call.client);
  call.executor.stop_listening(call.client);
  call.client.database = 0;
  call.client.protocol = Protocol::resp2;
  call.client.name.clear();
  call.client.reply_mode = ReplyMode::on;
  call.executor.identities().begin(call.client);
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
