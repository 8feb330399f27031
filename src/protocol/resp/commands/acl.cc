#include <algorithm>
#include <optional>
#include <set>

#include "protocol/resp/acl/granted_access.h"
#include "protocol/resp/acl/granted_rules.h"
#include "protocol/resp/call.h"
#include "protocol/resp/categories.h"
#include "protocol/resp/client_extras.h"
#include "protocol/resp/commands/help.h"
#include "protocol/resp/executor.h"
#include "protocol/resp/registry.h"
#include "protocol/resp/words.h"

namespace leat::resp {
namespace {

constexpr std::string_view kNoFile =
    "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER "
    "command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store "
    "users in the Redis configuration.";

constexpr std::string_view kOursAndOthers = "ERR remove users of leat and those of Redis one after the other";

void acl_no_file(Call& call) { call.reply.error(kNoFile); }

void acl_help(Call& call) { reply_help(call); }

void acl_whoami(Call& call) { call.reply.bulk(call.client.user); }

// A user of leat; nullptr: nobody of theirs is called so.
const security::User* find_ours(const Call& call, std::string_view name) {
  const security::Policy* policy = call.executor.identities().policy();
  return policy == nullptr ? nullptr : policy->find_user(name);
}

// Who is shown: users of leat, and those of Redis whose names they do not have.
std::set<std::string_view> all_names(const Call& call) {
  std::set<std::string_view> names;
  for (const auto& [name, user] : call.executor.users().all()) names.insert(name);
  if (const security::Policy* policy = call.executor.identities().policy(); policy != nullptr) {
    for (const auto& [name, user] : policy->users()) names.insert(name);
  }
  return names;
}

void acl_users(Call& call) {
  const std::set<std::string_view> names = all_names(call);
  call.reply.array(names.size());
  for (const std::string_view name : names) call.reply.bulk(name);
}

void acl_list(Call& call) {
  const std::set<std::string_view> names = all_names(call);
  call.reply.array(names.size());
  for (const std::string_view name : names) {
    std::string line = fmt::format("user {}", name);
    if (const security::User* user = find_ours(call, name)) {
      line += " on " + granted_rules(*call.executor.identities().policy(), *user).rules();
    } else {
      for (const std::string& rule : call.executor.users().find(name)->rules()) line += ' ' + rule;
    }
    call.reply.bulk(line);
  }
}

void acl_cat(Call& call) {
  if (call.size() > 3) return call.reply.error(errors::kSyntax);
  if (call.size() == 2) {
    const std::size_t begun = call.reply.begin();
    std::size_t count = 0;
    for (std::uint32_t bit = 1; !category_name(bit).empty(); bit <<= 1, ++count) call.reply.bulk(category_name(bit));
    return call.reply.end_array(begun, count);
  }
  const auto category = parse_category(call[2]);
  if (!category) return call.reply.error(fmt::format("ERR Unknown category '{}'", call[2]));
  const std::size_t begun = call.reply.begin();
  std::size_t count = 0;
  for (const RuledCommand& ruled : ruled_commands()) {
    if ((ruled.categories & *category) == 0) continue;
    call.reply.bulk(ruled.name);
    ++count;
  }
  call.reply.end_array(begun, count);
}

void reply_rules(Reply& reply, const Selector& selector) {
  reply.bulk("commands");
  reply.bulk(selector.commands());
  reply.bulk("keys");
  reply.bulk(selector.keys());
  reply.bulk("channels");
  reply.bulk(selector.channels());
}

void reply_ours(Call& call, const security::User& user) {
  Reply& reply = call.reply;
  reply.map(6);
  reply.bulk("flags");
  reply.set(1);
  reply.bulk("on");
  reply.bulk("passwords");
  reply.array(0);
  reply_rules(reply, granted_rules(*call.executor.identities().policy(), user));
  reply.bulk("selectors");
  reply.array(0);
}

void acl_getuser(Call& call) {
  if (const security::User* ours = find_ours(call, call[2])) return reply_ours(call, *ours);
  const User* user = call.executor.users().find(call[2]);
  if (user == nullptr) return call.reply.null();
  Reply& reply = call.reply;
  reply.map(6);
  reply.bulk("flags");
  const std::vector<std::string> flags = user->flags();
  reply.set(flags.size());
  for (const std::string& flag : flags) reply.bulk(flag);
  reply.bulk("passwords");
  reply.array(user->passwords().size());
  for (const std::string& hash : user->passwords()) reply.bulk(hash);
  reply_rules(reply, user->selectors().front());
  reply.bulk("selectors");
  reply.array(user->selectors().size() - 1);
  for (std::size_t i = 1; i < user->selectors().size(); ++i) {
    reply.map(3);
    reply_rules(reply, user->selectors()[i]);
  }
}

// Whoever listens to what the user may no longer hear is disconnected.
void end_listeners(Call& call, const User& user) {
  for (const auto& [id, client] : call.executor.clients()) {
    if (client->acl != &user || client->closing || client->extras == nullptr || client->extras->listener == nullptr)
      continue;
    bool denied = false;
    for (const pubsub::Kind kind : {pubsub::Kind::channel, pubsub::Kind::pattern, pubsub::Kind::shard}) {
      client->extras->listener->for_each(kind,
                                         [&](std::string_view name) { denied |= !user.allows_channel(name, kind); });
    }
    if (denied) call.executor.end(*client);
  }
}

void acl_setuser(Call& call) {
  Accounts& accounts = call.executor.accounts();
  if (accounts.has(call.client, call[2])) return accounts.set(call, call[2], call.args.subspan(3));
  Users& users = call.executor.users();
  if (const std::string why = users.set(call[2], call.args.subspan(3)); !why.empty()) return call.reply.error(why);
  const User& user = *users.find(call[2]);
  end_listeners(call, user);
  call.executor.identities().default_user_changed();
  call.no_effect();
  add_user_effect(call.keyspace.effects(), user);
  call.reply.ok();
}

void acl_deluser(Call& call) {
  const Arguments names = call.args.subspan(2);
  const auto is_ours = [&](std::string_view name) {
    return !call.client.is_replayed && find_ours(call, name) != nullptr;
  };
  if (std::ranges::find(names, "default") != names.end())
    return call.reply.error("ERR The 'default' user cannot be removed");
  if (std::ranges::all_of(names, is_ours)) return call.executor.accounts().remove(call, names);
  if (std::ranges::any_of(names, is_ours)) return call.reply.error(kOursAndOthers);
  Users& users = call.executor.users();
  std::int64_t removed = 0;
  for (const std::string_view name : names) {
    const User* user = users.find(name);
    if (user == nullptr) continue;
    for (const auto& [id, client] : call.executor.clients()) {
      if (client->acl != user) continue;
      call.executor.identities().begin(*client);
      if (client == &call.client) {
        client->close_after_reply = true;
      } else {
        call.executor.end(*client);
      }
    }
    users.erase(name);
    call.global_effect({"ACL", "DELUSER", name});
    ++removed;
  }
  call.reply.integer(removed);
}

void acl_genpass(Call& call) {
  std::int64_t bits = 256;
  if (call.size() > 3) return call.reply.error(errors::kSyntax);
  if (call.size() == 3) {
    const auto wanted = call.integer(2);
    if (!wanted) return;
    if (*wanted <= 0 || *wanted > 4096) {
      return call.reply.error(
          "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096");
    }
    bits = *wanted;
  }
  std::string text;
  for (std::int64_t i = 0; i < (bits + 3) / 4; i += 16) text += fmt::format("{:016x}", call.executor.shard().random());
  text.resize(static_cast<std::size_t>((bits + 3) / 4));
  call.reply.bulk(text);
}

void reply_log_entry(Call& call, const AclLog::Entry& entry) {
  Reply& reply = call.reply;
  reply.map(7);
  reply.bulk("count");
  reply.integer(static_cast<std::int64_t>(entry.count));
  const std::pair<std::string_view, const std::string*> kFields[] = {
      {"reason", &entry.reason}, {"context", &entry.context}, {"object", &entry.object}, {"username", &entry.user}};
  for (const auto& [name, value] : kFields) {
    reply.bulk(name);
    reply.bulk(*value);
  }
  reply.bulk("age-seconds");
  reply.real(static_cast<double>(call.keyspace.now() - entry.time) / 1000);
  reply.bulk("client-info");
  reply.bulk(entry.client);
}

void acl_log(Call& call) {
  AclLog& log = call.executor.acl_log();
  std::size_t count = 10;
  if (call.size() > 3) return call.reply.error(errors::kSyntax);
  if (call.size() == 3) {
    if (call.is(2, "RESET")) {
      log.clear();
      return call.reply.ok();
    }
    const auto wanted = call.integer(2);
    if (!wanted) return;
    count = *wanted < 0 ? 0 : static_cast<std::size_t>(*wanted);
  }
  count = std::min(count, log.entries().size());
  call.reply.array(count);
  for (std::size_t i = 0; i < count; ++i) reply_log_entry(call, log.entries()[i]);
}

void acl_dryrun(Call& call) {
  std::optional<GrantedAccess> granted;
  const Access* access = call.executor.users().find(call[2]);
  if (find_ours(call, call[2]) != nullptr) {
    // From where the client is.
    security::Principal principal{security::principal_of(call[2]), security::host_of(call.client.peer)};
    granted.emplace(*call.executor.settings().policies, std::move(principal), call.executor.topics() != nullptr);
    access = &*granted;
  }
  if (access == nullptr) return call.reply.error(fmt::format("ERR User '{}' not found", call[2]));
  const Arguments words = call.args.subspan(3);
  const Command* command = find_command(words[0]);
  if (command != nullptr && !command->subcommands.empty() && words.size() > 1)
    command = find_subcommand(*command, words[1]);
  if (command == nullptr) return call.reply.error(fmt::format("ERR Command '{}' not found", words[0]));
  const auto id = ruled_command_id(*command);
  const std::string& name = ruled_commands()[*id].name;
  const auto given = static_cast<std::int64_t>(words.size());
  if (command->handler == nullptr || (command->arity > 0 && given != command->arity) || given < -command->arity)
    return call.reply.error(fmt::format("ERR wrong number of arguments for '{}' command", name));
  const AclCheck check = access->check(*command, words);
  switch (check.denial) {
    case Denial::none: return call.reply.ok();
    case Denial::command:
      return call.reply.bulk(fmt::format("This user has no permissions to run the '{}' command", name));
    case Denial::key:
      return call.reply.bulk(fmt::format("This user has no permissions to access the '{}' key", words[check.index]));
    case Denial::channel:
      return call.reply.bulk(
          fmt::format("This user has no permissions to access the '{}' channel", words[check.index]));
  }
}

constexpr std::uint32_t kAdminFlags = kAdmin | kNoscript | kLoading | kStale;

constexpr Command kAclSubcommands[] = {
    {.name = "load",
     .handler = acl_no_file,
     .arity = 2,
     .flags = kAdminFlags,
     .group = "server",
     .since = "6.0.0",
     .summary = "Not offered: users are in the journal.",
     .complexity = "O(N)"},
    {.name = "cat",
     .handler = acl_cat,
     .arity = -2,
     .flags = kNoscript | kLoading | kStale,
     .group = "server",
     .since = "6.0.0",
     .summary = "Lists categories, or the commands of one.",
     .complexity = "O(1)"},
    {.name = "save",
     .handler = acl_no_file,
     .arity = 2,
     .flags = kAdminFlags,
     .group = "server",
     .since = "6.0.0",
     .summary = "Not offered: users are in the journal.",
     .complexity = "O(N)"},
    {.name = "list",
     .handler = acl_list,
     .arity = 2,
     .flags = kAdminFlags,
     .group = "server",
     .since = "6.0.0",
     .summary = "Shows users with their rules.",
     .complexity = "O(N)"},
    {.name = "users",
     .handler = acl_users,
     .arity = 2,
     .flags = kAdminFlags,
     .group = "server",
     .since = "6.0.0",
     .summary = "Lists the names of users.",
     .complexity = "O(N)"},
    {.name = "log",
     .handler = acl_log,
     .arity = -2,
     .flags = kAdminFlags,
     .group = "server",
     .since = "6.0.0",
     .summary = "Shows what was denied.",
     .complexity = "O(N)"},
    {.name = "getuser",
     .handler = acl_getuser,
     .arity = 3,
     .flags = kAdminFlags,
     .group = "server",
     .since = "6.0.0",
     .summary = "Shows the rules of a user.",
     .complexity = "O(N)"},
    {.name = "help",
     .handler = acl_help,
     .arity = 2,
     .flags = kLoading | kStale,
     .group = "server",
     .since = "6.0.0",
     .summary = "Lists the subcommands.",
     .complexity = "O(1)"},
    {.name = "dryrun",
     .handler = acl_dryrun,
     .arity = -4,
     .flags = kAdminFlags,
     .group = "server",
     .since = "7.0.0",
     .summary = "Tells whether a user may run a command.",
     .complexity = "O(1)"},
    {.name = "genpass",
     .handler = acl_genpass,
     .arity = -2,
     .flags = kNoscript | kLoading | kStale,
     .group = "server",
     .since = "6.0.0",
     .summary = "Makes up a password.",
     .complexity = "O(1)"},
    {.name = "whoami",
     .handler = acl_whoami,
     .arity = 2,
     .flags = kNoscript | kLoading | kStale,
     .group = "server",
     .since = "6.0.0",
     .summary = "The name of the connection's user.",
     .complexity = "O(1)"},
    {.name = "deluser",
     .handler = acl_deluser,
     .arity = -3,
     .flags = kAdminFlags,
     .group = "server",
     .since = "6.0.0",
     .summary = "Removes users, and ends their connections.",
     .complexity = "O(1)"},
    {.name = "setuser",
     .handler = acl_setuser,
     .arity = -3,
     .flags = kAdminFlags,
     .group = "server",
     .since = "6.0.0",
     .summary = "Makes or changes a user.",
     .complexity = "O(N)"},
};

constexpr Command kAclCommands[] = {
    {.name = "acl",
     .handler = nullptr,
     .arity = -2,
     .subcommands = kAclSubcommands,
     .group = "server",
     .since = "6.0.0",
     .summary = "Users and what they may do.",
     .complexity = "Depends"},
};

}  // namespace

std::span<const Command> acl_commands() { return kAclCommands; }

}  // namespace leat::resp
