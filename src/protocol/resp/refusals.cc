#include "protocol/resp/acl/access.h"
#include "protocol/resp/acl/granted_access.h"
#include "protocol/resp/commands/clients.h"
#include "protocol/resp/errors.h"
#include "protocol/resp/executor.h"

// What an executor answers to who may not do what it wants.
namespace leat::resp {
namespace {

constexpr std::size_t kDenialTextMax = 1024;  // of names in the log of denials

}  // namespace

std::string Executor::full_name(const Command& command, Arguments arguments) {
  const Command* container = find_command(arguments[0]);
  if (container == &command || container == nullptr) return std::string(command.name);
  return fmt::format("{}|{}", container->name, command.name);
}

AclCheck Executor::check_acl(const Client& client, const Command& command, Arguments arguments, bool from_script) {
  const AclCheck check = client.acl->check(command, arguments);
  if (check) return check;
  const std::string name = full_name(command, arguments);
  const bool is_command = check.denial == Denial::command;
  const std::string_view reason = is_command ? "command" : check.denial == Denial::key ? "key" : "channel";
  const std::string_view object = is_command ? std::string_view(name) : arguments[check.index];
  identities_.audit_refusal(client, name, reason, object);
  // Who is nobody in particular must not push from the log what is known of others.
  if (client.granted == nullptr || client.logged_in) log_denial(client, reason, object, client.user, from_script);
  return check;
}

void Executor::log_denial(const Client& client, std::string_view reason, std::string_view object, std::string_view user,
                          bool from_script) {
  acl_log_.add({.reason = std::string(reason),
                .context = from_script                 ? "lua"
                           : client.transaction.active ? "multi"
                                                       : "toplevel",
                .object = std::string(object.substr(0, kDenialTextMax)),
                .user = std::string(user.substr(0, kDenialTextMax)),
                .client = describe_client(*this, client),
                .time = keyspace_.now()});
}

std::string Executor::acl_refusal(const Client& client, const Command& command, Arguments arguments) {
  const Denial denial = check_acl(client, command, arguments, false).denial;
  const bool is_anonymous = client.granted != nullptr && !client.logged_in;
  if (is_anonymous && denial != Denial::none) return std::string(errors::kNoAuth);
  switch (denial) {
    case Denial::none: break;
    case Denial::command:
      return fmt::format("NOPERM this user has no permissions to run the '{}' command", full_name(command, arguments));
    case Denial::key: return std::string(errors::kNoKey);
    case Denial::channel: return std::string(errors::kNoChannel);
  }
  return {};
}

std::string Executor::resumption_refusal(const Client& client, const Command& command, Arguments arguments) {
  if (client.granted == nullptr) return {};
  if (!client.authenticated) return std::string(errors::kNoAuth);
  return client.acl->is_unrestricted() ? std::string() : acl_refusal(client, command, arguments);
}

std::string Executor::late_acl_refusal(const Client& client, const Command& command, Arguments arguments,
                                       bool from_script) {
  const Denial denial = check_acl(client, command, arguments, from_script).denial;
  if (denial == Denial::none) return {};
  if (from_script) {
    return fmt::format("ERR The user executing the script can't {}",
                       denial == Denial::command ? "run this command or subcommand"
                       : denial == Denial::key   ? "access at least one of the keys mentioned in the command arguments"
                                                 : "publish to the channel mentioned in the command");
  }
  return fmt::format(
      "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is "
      "no longer allowed for the following reason: {}",
      denial == Denial::command ? "no permission to execute the command or subcommand"
      : denial == Denial::key   ? "no permission to touch the specified keys"
                                : "no permission to access one of the channels used as arguments to the command");
}

}  // namespace leat::resp
