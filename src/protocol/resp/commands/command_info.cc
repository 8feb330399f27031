#include <algorithm>
#include <vector>

#include "keyspace/glob.h"
#include "protocol/resp/call.h"
#include "protocol/resp/commands/help.h"
#include "protocol/resp/categories.h"
#include "protocol/resp/key_finder.h"
#include "protocol/resp/registry.h"

// COMMAND: the table of commands, told to clients (https://redis.io/commands/command/).
namespace leat::resp {
namespace {

struct Named {
  std::uint32_t bit;
  std::string_view name;
};
constexpr Named kFlagNames[] = {
    {kWrite, "write"},
    {kReadonly, "readonly"},
    {kDenyOom, "denyoom"},
    {kAdmin, "admin"},
    {kPubsub, "pubsub"},
    {kNoscript, "noscript"},
    {kBlocking, "blocking"},
    {kLoading, "loading"},
    {kStale, "stale"},
    {kSkipMonitor, "skip_monitor"},
    {kSkipSlowlog, "skip_slowlog"},
    {kAsking, "asking"},
    {kFast, "fast"},
    {kNoAuth, "no_auth"},
    {kMayReplicate, "may_replicate"},
    {kNoMandatoryKeys, "no_mandatory_keys"},
    {kNoAsyncLoading, "no_async_loading"},
    {kNoMulti, "no_multi"},
    {kMovableKeys, "movablekeys"},
    {kAllowBusy, "allow_busy"},
};
constexpr Named kKeyFlagNames[] = {
    {kKeyRw, "RW"},
    {kKeyRo, "RO"},
    {kKeyOw, "OW"},
    {kKeyRm, "RM"},
    {kKeyAccess, "access"},
    {kKeyUpdate, "update"},
    {kKeyInsert, "insert"},
    {kKeyDelete, "delete"},
    {kKeyNotKey, "not_key"},
    {kKeyIncomplete, "incomplete"},
    {kKeyVariableFlags, "variable_flags"},
};

void reply_flags(Reply& reply, std::uint32_t flags, std::span<const Named> names) {
  const std::size_t begun = reply.begin();
  std::size_t count = 0;
  for (const Named& named : names) {
    if ((flags & named.bit) == 0) continue;
    reply.simple(named.name);
    ++count;
  }
  reply.end_set(begun, count);
}

// The first key, the last and the step, as clients of before Redis 7 know them: what the specs at fixed places add up to.
struct KeyRange {
  int first = 0;
  int last = 0;
  int step = 0;
};

KeyRange legacy_range(const Command& command) {
  KeyRange range;
  for (const KeySpec& spec : command.keys) {
    if (!spec.keyword.empty() || spec.index <= 0 || spec.find != KeySpec::Find::range) continue;
    const int last = spec.last >= 0 ? spec.index + spec.last : spec.last;
    if (range.first == 0) {
      range = {spec.index, last, spec.step};
    } else if (range.step == 1 && spec.step == 1 && range.last >= 0 && range.last + 1 == spec.index) {
      range.last = last;
    }
  }
  return range;
}

void reply_pair(Reply& reply, std::string_view name, std::int64_t value) {
  reply.bulk(name);
  reply.integer(value);
}

void reply_begin_search(Reply& reply, const KeySpec& spec) {
  reply.bulk("begin_search");
  reply.map(2);
  reply.bulk("type");
  const bool is_unknown = spec.index == 0;
  reply.bulk(is_unknown ? "unknown" : spec.keyword.empty() ? "index" : "keyword");
  reply.bulk("spec");
  if (is_unknown) return reply.map(0);
  if (spec.keyword.empty()) {
    reply.map(1);
    return reply_pair(reply, "index", spec.index);
  }
  reply.map(2);
  reply.bulk("keyword");
  reply.bulk(spec.keyword);
  reply_pair(reply, "startfrom", spec.index);
}

void reply_find_keys(Reply& reply, const KeySpec& spec) {
  reply.bulk("find_keys");
  reply.map(2);
  reply.bulk("type");
  switch (spec.find) {
    case KeySpec::Find::range:
      reply.bulk("range");
      reply.bulk("spec");
      reply.map(3);
      reply_pair(reply, "lastkey", spec.last);
      reply_pair(reply, "keystep", spec.step);
      return reply_pair(reply, "limit", spec.limit);
    case KeySpec::Find::count:
      reply.bulk("keynum");
      reply.bulk("spec");
      reply.map(3);
      reply_pair(reply, "keynumidx", spec.count_at);
      reply_pair(reply, "firstkey", spec.first_at);
      return reply_pair(reply, "keystep", spec.step);
    case KeySpec::Find::unknown:
      reply.bulk("unknown");
      reply.bulk("spec");
      return reply.map(0);
  }
}

void reply_key_spec(Reply& reply, const KeySpec& spec) {
  reply.map(spec.notes.empty() ? 3 : 4);
  if (!spec.notes.empty()) {
    reply.bulk("notes");
    reply.bulk(spec.notes);
  }
  reply.bulk("flags");
  reply_flags(reply, spec.flags, kKeyFlagNames);
  reply_begin_search(reply, spec);
  reply_find_keys(reply, spec);
}

std::string full_name(const Command* container, const Command& command) {
  return container == nullptr ? std::string(command.name) : fmt::format("{}|{}", container->name, command.name);
}

void reply_info(Reply& reply, const Command* container, const Command& command) {
  reply.array(10);
  reply.bulk(full_name(container, command));
  reply.integer(command.arity);
  reply_flags(reply, command.flags, kFlagNames);
  const KeyRange range = legacy_range(command);
  reply.integer(range.first);
  reply.integer(range.last);
  reply.integer(range.step);
  const auto categories = category_names(command);
  reply.set(categories.size());
  for (const std::string& category : categories) reply.simple(category);
  reply.set(command.tips.size());
  for (const std::string_view tip : command.tips) reply.bulk(tip);
  reply.set(command.keys.size());
  for (const KeySpec& spec : command.keys) reply_key_spec(reply, spec);
  // As Redis: an array, but a set when there are none.
  command.subcommands.empty() ? reply.set(0) : reply.array(command.subcommands.size());
  for (const Command& subcommand : command.subcommands) reply_info(reply, &command, subcommand);
}

// A command, or a subcommand as "container|name".
struct Resolved {
  const Command* container = nullptr;
  const Command* command = nullptr;
};

Resolved resolve(std::string_view name) {
  const auto bar = name.find('|');
  const Command* command = find_command(name.substr(0, bar));
  if (command == nullptr || bar == std::string_view::npos) return {nullptr, command};
  return {command, find_subcommand(*command, name.substr(bar + 1))};
}

void command(Call& call) {
  call.reply.array(all_commands().size());
  for (const Command* each : all_commands()) reply_info(call.reply, nullptr, *each);
}

void command_count(Call& call) { call.reply.integer(static_cast<std::int64_t>(all_commands().size())); }

void command_info(Call& call) {
  if (call.size() == 2) return command(call);
  call.reply.array(call.size() - 2);
  for (const std::string_view name : call.args.subspan(2)) {
    const Resolved found = resolve(name);
    if (found.command == nullptr) {
      call.reply.null();
    } else {
      reply_info(call.reply, found.container, *found.command);
    }
  }
}

void reply_docs(Reply& reply, const Command* container, const Command& command) {
  reply.bulk(full_name(container, command));
  const bool has_subcommands = !command.subcommands.empty();
  const bool has_complexity = !command.complexity.empty();
  reply.map(3 + (has_complexity ? 1 : 0) + (has_subcommands ? 1 : 0));
  reply.bulk("summary");
  reply.bulk(command.summary);
  reply.bulk("since");
  reply.bulk(command.since);
  reply.bulk("group");
  reply.bulk(command.group);
  if (has_complexity) {
    reply.bulk("complexity");
    reply.bulk(command.complexity);
  }
  if (!has_subcommands) return;
  reply.bulk("subcommands");
  reply.map(command.subcommands.size());
  for (const Command& subcommand : command.subcommands) reply_docs(reply, &command, subcommand);
}

void command_docs(Call& call) {
  std::vector<Resolved> wanted;
  if (call.size() == 2) {
    for (const Command* each : all_commands()) wanted.push_back({nullptr, each});
  }
  for (const std::string_view name : call.args.subspan(2)) {
    const Resolved found = resolve(name);
    if (found.command != nullptr) wanted.push_back(found);
  }
  call.reply.map(wanted.size());
  for (const Resolved& each : wanted) reply_docs(call.reply, each.container, *each.command);
}

// The command that the words behind COMMAND GETKEYS make, with its keys. nullptr: it replied with an error.
const Command* find_call(Call& call, std::vector<KeyPosition>& keys) {
  const Arguments words = call.args.subspan(2);
  const Command* found = find_command(words[0]);
  if (found != nullptr && !found->subcommands.empty() && words.size() > 1) found = find_subcommand(*found, words[1]);
  const auto given = static_cast<std::int64_t>(words.size());
  if (found == nullptr) {
    call.reply.error("ERR Invalid command specified");
  } else if (!has_keys(*found)) {
    call.reply.error("ERR The command has no key arguments");
  } else if ((found->arity > 0 && given != found->arity) || given < -found->arity) {
    call.reply.error("ERR Invalid number of arguments specified for command");
  } else if ((!find_keys(*found, words, keys) || keys.empty()) && !found->is(kNoMandatoryKeys)) {
    call.reply.error("ERR Invalid arguments specified for command");
  } else {
    return found;
  }
  return nullptr;
}

void command_getkeys(Call& call) {
  std::vector<KeyPosition> keys;
  if (find_call(call, keys) == nullptr) return;
  call.reply.array(keys.size());
  for (const KeyPosition& key : keys) call.reply.bulk(call[key.index + 2]);
}

void command_getkeysandflags(Call& call) {
  std::vector<KeyPosition> keys;
  if (find_call(call, keys) == nullptr) return;
  call.reply.array(keys.size());
  for (const KeyPosition& key : keys) {
    call.reply.array(2);
    call.reply.bulk(call[key.index + 2]);
    reply_flags(call.reply, key.flags, kKeyFlagNames);
  }
}

// FILTERBY MODULE name | ACLCAT category | PATTERN pattern.
void command_list(Call& call) {
  const bool filtered = call.size() > 2;
  if (filtered && (call.size() != 5 || !call.is(2, "FILTERBY"))) return call.reply.error(errors::kSyntax);
  const bool by_module = filtered && call.is(3, "MODULE");
  const bool by_category = filtered && call.is(3, "ACLCAT");
  const bool by_pattern = filtered && call.is(3, "PATTERN");
  if (filtered && !by_module && !by_category && !by_pattern) return call.reply.error(errors::kSyntax);
  const auto category = by_category ? parse_category(call[4]) : std::nullopt;
  const std::size_t begun = call.reply.begin();
  std::size_t count = 0;
  const auto add = [&](const Command* container, const Command& each) {
    const std::string name = full_name(container, each);
    if (by_module || (by_category && (!category || (categories_of(each) & *category) == 0))) return;
    if (by_pattern && !keyspace::glob_match(call[4], name, true)) return;
    call.reply.bulk(name);
    ++count;
  };
  for (const Command* each : all_commands()) {
    add(nullptr, *each);
    for (const Command& subcommand : each->subcommands) add(each, subcommand);
  }
  call.reply.end_array(begun, count);
}

void command_help(Call& call) { reply_help(call); }

constexpr std::string_view kCommandTips[] = {"nondeterministic_output_order"};
constexpr std::string_view kCommandDocsTips[] = {"nondeterministic_output_order"};
constexpr std::string_view kCommandListTips[] = {"nondeterministic_output_order"};
constexpr std::string_view kCommandInfoTips[] = {"nondeterministic_output_order"};

constexpr Command kCommandSubcommands[] = {
    {.name = "count",
     .handler = command_count,
     .arity = 2,
     .flags = kLoading | kStale,
     .categories = kConnection,
     .group = "server",
     .since = "2.8.13",
     .summary = "How many commands there are.",
     .complexity = "O(1)"},
    {.name = "docs",
     .handler = command_docs,
     .arity = -2,
     .flags = kLoading | kStale,
     .categories = kConnection,
     .tips = kCommandDocsTips,
     .group = "server",
     .since = "7.0.0",
     .summary = "What commands do.",
     .complexity = "O(N)"},
    {.name = "help",
     .handler = command_help,
     .arity = 2,
     .flags = kLoading | kStale,
     .categories = kConnection,
     .group = "server",
     .since = "5.0.0",
     .summary = "Lists the subcommands.",
     .complexity = "O(1)"},
    {.name = "getkeys",
     .handler = command_getkeys,
     .arity = -4,
     .flags = kLoading | kStale,
     .categories = kConnection,
     .group = "server",
     .since = "2.8.13",
     .summary = "The keys of a command.",
     .complexity = "O(N)"},
    {.name = "getkeysandflags",
     .handler = command_getkeysandflags,
     .arity = -4,
     .flags = kLoading | kStale,
     .categories = kConnection,
     .group = "server",
     .since = "7.0.0",
     .summary = "The keys of a command, and what is done with them.",
     .complexity = "O(N)"},
    {.name = "list",
     .handler = command_list,
     .arity = -2,
     .flags = kLoading | kStale,
     .categories = kConnection,
     .tips = kCommandListTips,
     .group = "server",
     .since = "7.0.0",
     .summary = "Names of commands.",
     .complexity = "O(N)"},
    {.name = "info",
     .handler = command_info,
     .arity = -2,
     .flags = kLoading | kStale,
     .categories = kConnection,
     .tips = kCommandInfoTips,
     .group = "server",
     .since = "2.8.13",
     .summary = "Arity, flags and keys of commands.",
     .complexity = "O(N)"},
};

constexpr Command kCommandCommands[] = {
    {.name = "command",
     .handler = command,
     .arity = -1,
     .flags = kLoading | kStale,
     .categories = kConnection,
     .tips = kCommandTips,
     .subcommands = kCommandSubcommands,
     .group = "server",
     .since = "2.8.13",
     .summary = "Every command, with its arity, flags and keys.",
     .complexity = "O(N)"},
};

}  // namespace

std::span<const Command> command_info_commands() { return kCommandCommands; }

}  // namespace leat::resp
