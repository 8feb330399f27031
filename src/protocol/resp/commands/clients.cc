#include "protocol/resp/commands/clients.h"

#include <algorithm>

#include "keyspace/numbers.h"
#include "protocol/resp/call.h"
#include "protocol/resp/client_extras.h"
#include "protocol/resp/commands/help.h"
#include "protocol/resp/executor.h"
#include "protocol/resp/registry.h"

namespace leat::resp {
namespace {

// What can stand in a line of CLIENT LIST.
bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '!' && c <= '~'; });
}

void wrong_subcommand(Call& call) {
  call.reply.error(
      fmt::format("ERR unknown subcommand or wrong number of arguments for '{}'. Try CLIENT HELP.", call[1]));
}

void client_id(Call& call) { call.reply.integer(static_cast<std::int64_t>(call.client.id())); }

void client_getname(Call& call) { call.client.name.empty() ? call.reply.null() : call.reply.bulk(call.client.name); }

void client_setname(Call& call) {
  if (!check_client_name(call, call[2])) return;
  call.client.name = call[2];
  call.reply.ok();
}

void client_setinfo(Call& call) {
  const bool is_name = call.is(2, "LIB-NAME");
  if (!is_name && !call.is(2, "LIB-VER")) {
    return call.reply.error(fmt::format("ERR Unrecognized option '{}'", call[2]));
  }
  if (!is_printable(call[3])) {
    return call.reply.error(
        fmt::format("ERR {} cannot contain spaces, newlines or special characters.", is_name ? "lib-name" : "lib-ver"));
  }
  ClientExtras& extras = call.client.with_extras();
  (is_name ? extras.library_name : extras.library_version) = call[3];
  call.reply.ok();
}

// ON or OFF as the third word. False: it replied with an error.
bool take_switch(Call& call, bool& value) {
  if (!call.is(2, "ON") && !call.is(2, "OFF")) {
    call.reply.error(errors::kSyntax);
    return false;
  }
  value = call.is(2, "ON");
  call.reply.ok();
  return true;
}

void client_no_evict(Call& call) { take_switch(call, call.client.no_evict); }
void client_no_touch(Call& call) { take_switch(call, call.client.no_touch); }

void client_reply(Call& call) {
  ReplyMode& mode = call.client.reply_mode;
  if (call.is(2, "ON")) {
    mode = ReplyMode::on;
    call.reply.ok();
  } else if (call.is(2, "OFF")) {
    mode = ReplyMode::off;
  } else if (call.is(2, "SKIP")) {
    if (mode != ReplyMode::off) mode = ReplyMode::skip_next;
  } else {
    call.reply.error(errors::kSyntax);
  }
}

void client_pause(Call& call) {
  if (call.size() > 4) return wrong_subcommand(call);
  Pause::What what = Pause::What::everything;
  if (call.size() == 4) {
    if (!call.is(3, "WRITE") && !call.is(3, "ALL"))
      return call.reply.error("ERR CLIENT PAUSE mode must be WRITE or ALL");
    if (call.is(3, "WRITE")) what = Pause::What::writes;
  }
  const auto timeout = call.integer(2, "ERR timeout is not an integer or out of range");
  if (!timeout) return;
  if (*timeout < 0) return call.reply.error("ERR timeout is negative");
  // As long as a clock can tell.
  const std::int64_t longest = Milliseconds(std::chrono::hours(24 * 365 * 100)).count();
  const Milliseconds length(std::min(*timeout, longest));
  call.executor.pause().begin(what, call.executor.shard().now() + length);
  call.reply.ok();
}

void client_unpause(Call& call) {
  call.executor.pause().end();
  call.reply.ok();
}

void client_unblock(Call& call) {
  if (call.size() > 4) return wrong_subcommand(call);
  const bool with_error = call.size() == 4 && call.is(3, "ERROR");
  if (call.size() == 4 && !with_error && !call.is(3, "TIMEOUT"))
    return call.reply.error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
  const auto id = call.integer(2);
  if (!id) return;
  Client* client = call.executor.find_client(static_cast<std::uint64_t>(*id));
  // Who waits for an answer, not for a key, gets it.
  if (client == nullptr || client->blocked == nullptr || client->blocked->keys.empty()) return call.reply.integer(0);
  if (with_error) {
    Reply(client->out, client->protocol).error("UNBLOCKED client unblocked via CLIENT UNBLOCK");
    call.executor.blocking().unblock(*client);
  } else {
    call.executor.blocking().time_out(*client);
  }
  call.reply.integer(1);
}

void monitor(Call& call) {
  if (call.client.transaction.active) return call.reply.error("ERR MONITOR isn't allowed for DENY BLOCKING client");
  // As in Redis, one that monitors already gets no reply.
  if (call.client.extras != nullptr && call.client.extras->monitors) return;
  call.executor.monitors().add(call.client);
  call.reply.ok();
}

constexpr std::string_view kClientListTips[] = {"nondeterministic_output"};
constexpr std::string_view kClientInfoTips[] = {"nondeterministic_output"};
constexpr Command kClientSubcommands[] = {
    {.name = "unblock",
     .handler = client_unblock,
     .arity = -3,
     .flags = kAdmin | kNoscript | kLoading | kStale,
     .categories = kConnection,
     .group = "connection",
     .since = "5.0.0",
     .summary = "Ends the wait of a client that is blocked.",
     .complexity = "O(log N)"},
    {.name = "list",
     .handler = client_list,
     .arity = -2,
     .flags = kAdmin | kNoscript | kLoading | kStale,
     .categories = kConnection,
     .tips = kClientListTips,
     .group = "connection",
     .since = "2.4.0",
     .summary = "Tells about the connections.",
     .complexity = "O(N)"},
    {.name = "getredir",
     .handler = client_getredir,
     .arity = 2,
     .flags = kNoscript | kLoading | kStale,
     .categories = kConnection,
     .group = "connection",
     .since = "6.0.0",
     .summary = "Tells which client gets the messages of tracking.",
     .complexity = "O(1)"},
    {.name = "caching",
     .handler = client_caching,
     .arity = 3,
     .flags = kNoscript | kLoading | kStale,
     .categories = kConnection,
     .group = "connection",
     .since = "6.0.0",
     .summary = "Says whether the keys of the next command are tracked.",
     .complexity = "O(1)"},
    {.name = "id",
     .handler = client_id,
     .arity = 2,
     .flags = kNoscript | kLoading | kStale,
     .categories = kConnection,
     .group = "connection",
     .since = "5.0.0",
     .summary = "Tells the number of the connection.",
     .complexity = "O(1)"},
    {.name = "reply",
     .handler = client_reply,
     .arity = 3,
     .flags = kNoscript | kLoading | kStale,
     .categories = kConnection,
     .group = "connection",
     .since = "3.2.0",
     .summary = "Says whether replies are sent.",
     .complexity = "O(1)"},
    {.name = "unpause",
     .handler = client_unpause,
     .arity = 2,
     .flags = kAdmin | kNoscript | kLoading | kStale,
     .categories = kConnection,
     .group = "connection",
     .since = "6.2.0",
     .summary = "Ends a pause.",
     .complexity = "O(N)"},
    {.name = "getname",
     .handler = client_getname,
     .arity = 2,
     .flags = kNoscript | kLoading | kStale,
     .categories = kConnection,
     .group = "connection",
     .since = "2.6.9",
     .summary = "Tells the name of the connection.",
     .complexity = "O(1)"},
    {.name = "trackinginfo",
     .handler = client_trackinginfo,
     .arity = 2,
     .flags = kNoscript | kLoading | kStale,
     .categories = kConnection,
     .group = "connection",
     .since = "6.2.0",
     .summary = "Tells how the connection tracks keys.",
     .complexity = "O(1)"},
    {.name = "help",
     .handler = reply_help,
     .arity = 2,
     .flags = kLoading | kStale,
     .categories = kConnection,
     .group = "connection",
     .since = "5.0.0",
     .summary = "Tells what subcommands there are.",
     .complexity = "O(1)"},
    {.name = "pause",
     .handler = client_pause,
     .arity = -3,
     .flags = kAdmin | kNoscript | kLoading | kStale,
     .categories = kConnection,
     .group = "connection",
     .since = "2.9.50",
     .summary = "Lets the commands of all clients wait for a while.",
     .complexity = "O(1)"},
    {.name = "kill",
     .handler = client_kill,
     .arity = -3,
     .flags = kAdmin | kNoscript | kLoading | kStale,
     .categories = kConnection,
     .group = "connection",
     .since = "2.4.0",
     .summary = "Ends connections.",
     .complexity = "O(N)"},
    {.name = "no-evict",
     .handler = client_no_evict,
     .arity = 3,
     .flags = kAdmin | kNoscript | kLoading | kStale,
     .categories = kConnection,
     .group = "connection",
     .since = "7.0.0",
     .summary = "Keeps the connection from being closed for its use of memory.",
     .complexity = "O(1)"},
    {.name = "info",
     .handler = client_info,
     .arity = 2,
     .flags = kNoscript | kLoading | kStale,
     .categories = kConnection,
     .tips = kClientInfoTips,
     .group = "connection",
     .since = "6.2.0",
     .summary = "Tells about this connection.",
     .complexity = "O(1)"},
    {.name = "tracking",
     .handler = client_tracking,
     .arity = -3,
     .flags = kNoscript | kLoading | kStale,
     .categories = kConnection,
     .group = "connection",
     .since = "6.0.0",
     .summary = "Tells the client when keys that it has read change.",
     .complexity = "O(1)"},
    {.name = "setname",
     .handler = client_setname,
     .arity = 3,
     .flags = kNoscript | kLoading | kStale,
     .categories = kConnection,
     .group = "connection",
     .since = "2.6.9",
     .summary = "Names the connection.",
     .complexity = "O(1)"},
    {.name = "setinfo",
     .handler = client_setinfo,
     .arity = 4,
     .flags = kNoscript | kLoading | kStale,
     .categories = kConnection,
     .group = "connection",
     .since = "7.2.0",
     .summary = "Tells the name and version of the client's library.",
     .complexity = "O(1)"},
    {.name = "no-touch",
     .handler = client_no_touch,
     .arity = 3,
     .flags = kNoscript | kLoading | kStale,
     .categories = kConnection,
     .group = "connection",
     .since = "7.2.0",
     .summary = "Keeps the commands of the connection from counting as uses of keys.",
     .complexity = "O(1)"},
};

constexpr Command kClientCommands[] = {
    {.name = "client",
     .handler = nullptr,
     .arity = -2,
     .subcommands = kClientSubcommands,
     .group = "connection",
     .since = "2.4.0",
     .summary = "Connections, and what the server does for them.",
     .complexity = "Depends"},
    {.name = "monitor",
     .handler = monitor,
     .arity = 1,
     .flags = kAdmin | kNoscript | kLoading | kStale,
     .group = "server",
     .since = "1.0.0",
     .summary = "Shows every command that is executed."},
};

}  // namespace

bool check_client_name(Call& call, std::string_view name) {
  if (is_printable(name)) return true;
  call.reply.error("ERR Client names cannot contain spaces, newlines or special characters.");
  return false;
}

std::span<const Command> client_commands() { return kClientCommands; }

}  // namespace leat::resp
