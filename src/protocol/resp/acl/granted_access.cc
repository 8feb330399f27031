#include "protocol/resp/acl/granted_access.h"

#include <algorithm>

#include "protocol/resp/acl/channel_arguments.h"
#include "protocol/resp/acl/grant_pattern.h"
#include "protocol/resp/acl/wants.h"
#include "protocol/resp/topic_channels.h"
#include "protocol/resp/words.h"

namespace leat::resp {
namespace {

using pubsub::Kind;
using security::Decision;

constexpr std::uint16_t kChanges = kKeyInsert | kKeyDelete | kKeyUpdate;

// SCAN's cursor and KEYS's pattern are the first argument: the pattern that what is told matches; nothing: there is none.
std::string_view pattern_of(const Command& command, Arguments arguments) {
  if (command.name == "keys" && arguments.size() > 1) return arguments[1];
  if (command.name != "scan") return {};
  std::string_view pattern;
  for (std::size_t at = 2; at + 1 < arguments.size(); at += 2) {
    if (is_word(arguments[at], "MATCH")) pattern = arguments[at + 1];
  }
  return pattern;
}

// What else than Redis's flags say a command does with its keys: what it tells is part of the value, or it changes the groups of a
// stream.
std::uint16_t more_flags(const Command& command, Arguments arguments) {
  constexpr std::string_view kTelling[] = {"hexists", "hstrlen", "sismember", "xautoclaim", "xclaim"};
  if (std::ranges::find(kTelling, command.name) != std::end(kTelling)) return kKeyAccess;
  if (command.name == "xreadgroup") return kKeyUpdate;
  const auto is_incr = [](std::string_view word) { return is_word(word, "INCR"); };
  const bool tells_score = command.name == "zadd" && std::ranges::any_of(arguments, is_incr);
  return tells_score ? kKeyAccess : 0;
}

}  // namespace

GrantedAccess::GrantedAccess(const security::Policies& policies, security::Principal principal, bool has_topics)
    : policies_(policies), principal_(std::move(principal)), has_topics_(has_topics) {
  refresh();
}

void GrantedAccess::refresh() {
  const auto may_all = [&](Type type) {
    return allows_all(Operation::read, type, "") && allows_all(Operation::write, type, "") &&
           allows_all(Operation::describe, type, "");
  };
  may_run_code_.reset();
  commands_.reset();
  const security::User* user = policies_.current()->find_user(security::user_of(principal_.name));
  if (user != nullptr && !user->command_rules.empty()) {
    commands_.emplace();
    (void)commands_->apply("~*");
    (void)commands_->apply("&*");
    commands_->apply_commands(user->command_rules);
  }
  unrestricted_ = !commands_ && allows_cluster(Operation::alter) && allows_cluster(Operation::describe) &&
                  may_all(Type::key) && may_all(Type::lock) && may_all(Type::channel) && may_all(Type::topic);
}

bool GrantedAccess::may_run_code() const {
  const auto may_some = [&](Operation operation) {
    return policies_.authorize_any(principal_, operation, Type::key) == Decision::allowed;
  };
  if (!may_run_code_) may_run_code_ = may_some(Operation::read) || may_some(Operation::write);
  return *may_run_code_;
}

bool GrantedAccess::allows(Operation operation, Type type, std::string_view name) const {
  return policies_.allows(principal_, operation, {type, name});
}

bool GrantedAccess::allows_all(Operation operation, Type type, std::string_view prefix) const {
  return policies_.authorize_prefix(principal_, operation, type, prefix) == Decision::allowed;
}

bool GrantedAccess::allows_cluster(Operation operation) const {
  return allows(operation, Type::cluster, security::kClusterName);
}

bool GrantedAccess::allows_key(std::string_view key, std::uint16_t flags, bool is_watched) const {
  const bool reads = (flags & kKeyAccess) != 0 || is_watched;
  const bool writes = (flags & kChanges) != 0;
  if (!reads && !writes) return allows(Operation::describe, Type::key, key);
  return (!reads || allows(Operation::read, Type::key, key)) && (!writes || allows(Operation::write, Type::key, key));
}

bool GrantedAccess::allows_lock(std::string_view lock, std::uint16_t flags) const {
  return allows((flags & kChanges) != 0 ? Operation::write : Operation::describe, Type::lock, lock);
}

bool GrantedAccess::allows_channel(Operation operation, std::string_view name, Kind kind) const {
  if (has_topics_ && kind != Kind::shard && is_topic_channel(name))
    return allows(operation, Type::topic, topic_of_channel(name));
  if (kind != Kind::pattern) return allows(operation, Type::channel, name);
  const LiteralPrefix prefix = literal_prefix(name);
  return prefix.is_name ? allows(operation, Type::channel, prefix.text)
                        : allows_all(operation, Type::channel, prefix.text);
}

bool GrantedAccess::allows_channel(std::string_view name, Kind kind) const {
  return unrestricted_ || allows_channel(Operation::read, name, kind);
}

AclCheck GrantedAccess::check_keys(const Command& command, Arguments arguments) const {
  if (!has_keys(command)) return {};
  if (!find_keys(command, arguments, keys_)) {
    // Without a number of keys that makes sense it will be refused for that; otherwise nobody knows what it is about.
    const auto counts = [](const KeySpec& spec) { return spec.find == KeySpec::Find::count; };
    return std::ranges::any_of(command.keys, counts) ? AclCheck() : AclCheck{Denial::key, 0};
  }
  const bool is_watched = want_of(command) == Want::watched_keys;
  const std::uint16_t more = more_flags(command, arguments);
  for (const KeyPosition& key : keys_) {
    const auto flags = static_cast<std::uint16_t>(key.flags | more);
    if (!allows_key(arguments[key.index], flags, is_watched)) return {Denial::key, key.index};
  }
  return command.name == "sort" || command.name == "sort_ro" ? check_sort(arguments) : AclCheck();
}

AclCheck GrantedAccess::check_locks(const Command& command, Arguments arguments) const {
  if (!find_keys(command, arguments, keys_)) return {};
  for (const KeyPosition& key : keys_) {
    if (!allows_lock(arguments[key.index], key.flags)) return {Denial::key, key.index};
  }
  return {};
}

// BY and GET read keys that they make up: the first * stands for an element.
AclCheck GrantedAccess::check_sort(Arguments arguments) const {
  for (std::size_t at = 2; at + 1 < arguments.size(); ++at) {
    if (is_word(arguments[at], "LIMIT")) {
      at += 2;
    } else if (is_word(arguments[at], "STORE")) {
      ++at;
    } else if (is_word(arguments[at], "BY") || is_word(arguments[at], "GET")) {
      const std::string_view pattern = arguments[++at];
      const std::size_t star = pattern.find('*');
      if (star != std::string_view::npos && !allows_all(Operation::read, Type::key, pattern.substr(0, star)))
        return {Denial::key, at};
    }
  }
  return {};
}

AclCheck GrantedAccess::check_broadcasts(Arguments arguments) const {
  bool broadcasts = false;
  bool has_prefix = false;
  AclCheck check;
  for (std::size_t at = 3; at < arguments.size(); ++at) {
    if (is_word(arguments[at], "BCAST")) {
      broadcasts = true;
    } else if (is_word(arguments[at], "REDIRECT")) {
      ++at;
    } else if (is_word(arguments[at], "PREFIX") && at + 1 < arguments.size()) {
      has_prefix = true;
      if (!allows_all(Operation::read, Type::key, arguments[++at])) check = {Denial::key, at};
    }
  }
  if (!broadcasts) return {};
  if (!has_prefix && !allows_all(Operation::read, Type::key, "")) return {Denial::command, 0};
  return check;
}

AclCheck GrantedAccess::check_channels(const Command& command, Arguments arguments) const {
  const ChannelArguments& channels = *channel_arguments(command);
  const Operation operation = channels.publishes ? Operation::write : Operation::read;
  for (std::size_t i = channels.first; i < channels.end(arguments); ++i) {
    if (!allows_channel(operation, arguments[i], channels.kind)) return {Denial::channel, i};
  }
  return {};
}

bool GrantedAccess::allows_every_key(const Command& command, Arguments arguments) const {
  const std::string_view pattern = pattern_of(command, arguments);
  const LiteralPrefix prefix = literal_prefix(pattern);
  if (!pattern.empty() && prefix.is_name) return allows(Operation::read, Type::key, prefix.text);
  return allows_all(Operation::read, Type::key, prefix.text);
}

AclCheck GrantedAccess::check(const Command& command, Arguments arguments) const {
  if (unrestricted_) return {};
  if (commands_ && !commands_->check(command, arguments)) return {Denial::command, 0};
  const auto only_if = [](bool allowed) { return allowed ? AclCheck() : AclCheck{Denial::command, 0}; };
  AclCheck check;
  switch (want_of(command)) {
    case Want::nothing: return {};
    case Want::keys:
    case Want::watched_keys: break;
    case Want::locks: return check_locks(command, arguments);
    case Want::channels: return check_channels(command, arguments);
    case Want::broadcasts: return check_broadcasts(arguments);
    case Want::every_key: check = only_if(allows_every_key(command, arguments)); break;
    case Want::some_key: check = only_if(may_run_code()); break;
    case Want::known_channels:
      for (std::size_t i = 2; i < arguments.size(); ++i) {
        if (!allows(Operation::describe, Type::channel, arguments[i])) return {Denial::channel, i};
      }
      return {};
    case Want::every_channel: return only_if(allows_all(Operation::describe, Type::channel, ""));
    case Want::describe_cluster: check = only_if(allows_cluster(Operation::describe)); break;
    case Want::alter_cluster: check = only_if(allows_cluster(Operation::alter)); break;
  }
  return check ? check_keys(command, arguments) : check;
}

}  // namespace leat::resp
