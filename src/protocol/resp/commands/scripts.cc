#include <optional>

#include "keyspace/numbers.h"
#include "protocol/resp/commands/help.h"
#include "protocol/resp/commands/functions.h"
#include "protocol/resp/executor.h"
#include "protocol/resp/registry.h"
#include "protocol/resp/scripting/scripting.h"

namespace leat::resp {

std::optional<std::size_t> script_keys(Call& call, std::string_view if_no_number) {
  const auto count = call.integer(2, if_no_number);
  if (!count) return std::nullopt;
  if (*count > static_cast<std::int64_t>(call.size()) - 3) {
    call.reply.error("ERR Number of keys can't be greater than number of args");
    return std::nullopt;
  }
  if (*count < 0) {
    call.reply.error("ERR Number of keys can't be negative");
    return std::nullopt;
  }
  return static_cast<std::size_t>(*count);
}

void kill_script(Call& call, bool is_function) {
  Scripting& scripting = call.executor.scripting();
  const ScriptRun* run = scripting.running();
  if (run == nullptr) return call.reply.error("NOTBUSY No scripts in execution right now.");
  if (run->wrote) {
    return call.reply.error(
        "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the "
        "script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.");
  }
  if (run->invocation.is_function != is_function) return call.reply.error(scripting.busy_reply());
  scripting.kill();
  call.reply.ok();
}

namespace {

constexpr std::string_view kNoScript = "NOSCRIPT No matching script. Please use EVAL.";

void run(Call& call, const CachedScript& script, std::size_t keys, bool read_only) {
  call.executor.scripting().run(call, {.name = script.sha,
                                       .function = script.function,
                                       .flags = script.flags,
                                       .is_function = false,
                                       .read_only = read_only,
                                       .keys = call.args.subspan(3, keys),
                                       .arguments = call.args.subspan(3 + keys)});
}

void evaluate(Call& call, bool read_only) {
  const auto keys = script_keys(call);
  if (!keys) return;
  const auto script = call.executor.scripting().scripts().load(call[1]);
  if (!script) return call.reply.error(script.error());
  run(call, **script, *keys, read_only);
}

void evaluate_kept(Call& call, bool read_only) {
  constexpr std::size_t kDigits = 40;
  if (call[1].size() != kDigits) return call.reply.error(kNoScript);
  const auto keys = script_keys(call);
  if (!keys) return;
  const CachedScript* script = call.executor.scripting().scripts().find(call[1]);
  if (script == nullptr) return call.reply.error(kNoScript);
  run(call, *script, *keys, read_only);
}

void eval(Call& call) { evaluate(call, false); }
void eval_ro(Call& call) { evaluate(call, true); }
void evalsha(Call& call) { evaluate_kept(call, false); }
void evalsha_ro(Call& call) { evaluate_kept(call, true); }

void script_load(Call& call) {
  const auto script = call.executor.scripting().scripts().load(call[2]);
  if (!script) return call.reply.error(script.error());
  call.reply.bulk((*script)->sha);
}

void script_exists(Call& call) {
  call.reply.array(call.size() - 2);
  for (const std::string_view sha : call.args.subspan(2))
    call.reply.integer(call.executor.scripting().scripts().find(sha) != nullptr ? 1 : 0);
}

void script_flush(Call& call) {
  if (call.size() > 3 || (call.size() == 3 && !call.is(2, "SYNC") && !call.is(2, "ASYNC")))
    return call.reply.error("ERR SCRIPT FLUSH only support SYNC|ASYNC option");
  call.executor.scripting().flush_scripts();
  call.reply.ok();
}

void script_kill(Call& call) { kill_script(call, false); }

void script_debug(Call& call) {
  if (call.is(2, "NO")) return call.reply.ok();
  if (call.is(2, "YES") || call.is(2, "SYNC")) return call.reply.error("ERR Scripts cannot be debugged here");
  call.reply.error("ERR Use SCRIPT DEBUG YES/SYNC/NO");
}

void script_help(Call& call) { reply_help(call); }

constexpr KeySpec kEvalKeys[] = {{.flags = kKeyRw | kKeyAccess | kKeyUpdate,
                                  .index = 2,
                                  .find = KeySpec::Find::count,
                                  .first_at = 1,
                                  .notes = "The script may do with its keys whatever it likes"}};
constexpr KeySpec kEvalRoKeys[] = {{.flags = kKeyRo | kKeyAccess,
                                    .index = 2,
                                    .find = KeySpec::Find::count,
                                    .first_at = 1,
                                    .notes = "The script only reads its keys"}};
constexpr KeySpec kEvalshaKeys[] = {
    {.flags = kKeyRw | kKeyAccess | kKeyUpdate, .index = 2, .find = KeySpec::Find::count, .first_at = 1}};
constexpr KeySpec kEvalshaRoKeys[] = {
    {.flags = kKeyRo | kKeyAccess, .index = 2, .find = KeySpec::Find::count, .first_at = 1}};
constexpr KeySpec kFcallKeys[] = {{.flags = kKeyRw | kKeyAccess | kKeyUpdate,
                                   .index = 2,
                                   .find = KeySpec::Find::count,
                                   .first_at = 1,
                                   .notes = "The script may do with its keys whatever it likes"}};
constexpr KeySpec kFcallRoKeys[] = {{.flags = kKeyRo | kKeyAccess,
                                     .index = 2,
                                     .find = KeySpec::Find::count,
                                     .first_at = 1,
                                     .notes = "The script only reads its keys"}};
constexpr std::string_view kFunctionLoadTips[] = {"request_policy:all_shards", "response_policy:all_succeeded"};
constexpr std::string_view kFunctionDeleteTips[] = {"request_policy:all_shards", "response_policy:all_succeeded"};
constexpr std::string_view kFunctionRestoreTips[] = {"request_policy:all_shards", "response_policy:all_succeeded"};
constexpr std::string_view kFunctionFlushTips[] = {"request_policy:all_shards", "response_policy:all_succeeded"};
constexpr std::string_view kFunctionKillTips[] = {"request_policy:all_shards", "response_policy:one_succeeded"};
constexpr std::string_view kFunctionListTips[] = {"nondeterministic_output_order"};
constexpr std::string_view kFunctionStatsTips[] = {"nondeterministic_output", "request_policy:all_shards",
                                                   "response_policy:special"};
constexpr Command kFunctionSubcommands[] = {
    {.name = "load",
     .handler = function_load,
     .arity = -3,
     .flags = kWrite | kDenyOom | kNoscript,
     .categories = kScripting,
     .tips = kFunctionLoadTips,
     .group = "scripting",
     .since = "7.0.0",
     .summary = "Loads a library of functions.",
     .complexity = "O(1)"},
    {.name = "delete",
     .handler = function_delete,
     .arity = 3,
     .flags = kWrite | kNoscript,
     .categories = kScripting,
     .tips = kFunctionDeleteTips,
     .group = "scripting",
     .since = "7.0.0",
     .summary = "Deletes a library and its functions.",
     .complexity = "O(1)"},
    {.name = "restore",
     .handler = function_restore,
     .arity = -3,
     .flags = kWrite | kDenyOom | kNoscript,
     .categories = kScripting,
     .tips = kFunctionRestoreTips,
     .group = "scripting",
     .since = "7.0.0",
     .summary = "Loads libraries from what FUNCTION DUMP gave.",
     .complexity = "O(N)"},
    {.name = "dump",
     .handler = function_dump,
     .arity = 2,
     .flags = kNoscript,
     .categories = kScripting,
     .group = "scripting",
     .since = "7.0.0",
     .summary = "Gives all libraries as one payload.",
     .complexity = "O(N)"},
    {.name = "help",
     .handler = function_help,
     .arity = 2,
     .flags = kLoading | kStale,
     .categories = kScripting,
     .group = "scripting",
     .since = "7.0.0",
     .summary = "Tells what the subcommands do.",
     .complexity = "O(1)"},
    {.name = "flush",
     .handler = function_flush,
     .arity = -2,
     .flags = kWrite | kNoscript,
     .categories = kScripting,
     .tips = kFunctionFlushTips,
     .group = "scripting",
     .since = "7.0.0",
     .summary = "Deletes all libraries.",
     .complexity = "O(N)"},
    {.name = "kill",
     .handler = function_kill,
     .arity = 2,
     .flags = kNoscript | kAllowBusy,
     .categories = kScripting,
     .tips = kFunctionKillTips,
     .group = "scripting",
     .since = "7.0.0",
     .summary = "Ends the function that runs.",
     .complexity = "O(1)"},
    {.name = "list",
     .handler = function_list,
     .arity = -2,
     .flags = kNoscript,
     .categories = kScripting,
     .tips = kFunctionListTips,
     .group = "scripting",
     .since = "7.0.0",
     .summary = "Tells of the libraries.",
     .complexity = "O(N)"},
    {.name = "stats",
     .handler = function_stats,
     .arity = 2,
     .flags = kNoscript | kAllowBusy,
     .categories = kScripting,
     .tips = kFunctionStatsTips,
     .group = "scripting",
     .since = "7.0.0",
     .summary = "Tells what runs, and how many functions there are.",
     .complexity = "O(1)"},
};
constexpr std::string_view kScriptLoadTips[] = {"request_policy:all_nodes", "response_policy:all_succeeded"};
constexpr std::string_view kScriptExistsTips[] = {"request_policy:all_shards", "response_policy:agg_logical_and"};
constexpr std::string_view kScriptFlushTips[] = {"request_policy:all_nodes", "response_policy:all_succeeded"};
constexpr std::string_view kScriptKillTips[] = {"request_policy:all_shards", "response_policy:one_succeeded"};
constexpr Command kScriptSubcommands[] = {
    {.name = "debug",
     .handler = script_debug,
     .arity = 3,
     .flags = kNoscript,
     .categories = kScripting,
     .group = "scripting",
     .since = "3.2.0",
     .summary = "Sets the debug mode of scripts.",
     .complexity = "O(1)"},
    {.name = "help",
     .handler = script_help,
     .arity = 2,
     .flags = kLoading | kStale,
     .categories = kScripting,
     .group = "scripting",
     .since = "5.0.0",
     .summary = "Tells what the subcommands do.",
     .complexity = "O(1)"},
    {.name = "load",
     .handler = script_load,
     .arity = 3,
     .flags = kNoscript | kStale,
     .categories = kScripting,
     .tips = kScriptLoadTips,
     .group = "scripting",
     .since = "2.6.0",
     .summary = "Keeps a script for EVALSHA.",
     .complexity = "O(N)"},
    {.name = "exists",
     .handler = script_exists,
     .arity = -3,
     .flags = kNoscript,
     .categories = kScripting,
     .tips = kScriptExistsTips,
     .group = "scripting",
     .since = "2.6.0",
     .summary = "Tells which scripts are kept.",
     .complexity = "O(N)"},
    {.name = "flush",
     .handler = script_flush,
     .arity = -2,
     .flags = kNoscript,
     .categories = kScripting,
     .tips = kScriptFlushTips,
     .group = "scripting",
     .since = "2.6.0",
     .summary = "Forgets all scripts.",
     .complexity = "O(N)"},
    {.name = "kill",
     .handler = script_kill,
     .arity = 2,
     .flags = kNoscript | kAllowBusy,
     .categories = kScripting,
     .tips = kScriptKillTips,
     .group = "scripting",
     .since = "2.6.0",
     .summary = "Ends the script that runs.",
     .complexity = "O(1)"},
};

constexpr Command kScriptingCommands[] = {
    {.name = "eval",
     .handler = eval,
     .arity = -3,
     .flags = kNoscript | kStale | kSkipMonitor | kNoMandatoryKeys | kMovableKeys,
     .categories = kScripting,
     .keys = kEvalKeys,
     .group = "scripting",
     .since = "2.6.0",
     .summary = "Runs a script.",
     .complexity = "Depends"},
    {.name = "eval_ro",
     .handler = eval_ro,
     .arity = -3,
     .flags = kReadonly | kNoscript | kStale | kSkipMonitor | kNoMandatoryKeys | kMovableKeys,
     .categories = kScripting,
     .keys = kEvalRoKeys,
     .group = "scripting",
     .since = "7.0.0",
     .summary = "Runs a script that only reads.",
     .complexity = "Depends"},
    {.name = "evalsha",
     .handler = evalsha,
     .arity = -3,
     .flags = kNoscript | kStale | kSkipMonitor | kNoMandatoryKeys | kMovableKeys,
     .categories = kScripting,
     .keys = kEvalshaKeys,
     .group = "scripting",
     .since = "2.6.0",
     .summary = "Runs a script that is kept, by its SHA-1.",
     .complexity = "Depends"},
    {.name = "evalsha_ro",
     .handler = evalsha_ro,
     .arity = -3,
     .flags = kReadonly | kNoscript | kStale | kSkipMonitor | kNoMandatoryKeys | kMovableKeys,
     .categories = kScripting,
     .keys = kEvalshaRoKeys,
     .group = "scripting",
     .since = "7.0.0",
     .summary = "Runs a script that is kept and only reads, by its SHA-1.",
     .complexity = "Depends"},
    {.name = "fcall",
     .handler = fcall,
     .arity = -3,
     .flags = kNoscript | kStale | kSkipMonitor | kNoMandatoryKeys | kMovableKeys,
     .categories = kScripting,
     .keys = kFcallKeys,
     .group = "scripting",
     .since = "7.0.0",
     .summary = "Calls a function of a library.",
     .complexity = "Depends"},
    {.name = "fcall_ro",
     .handler = fcall_ro,
     .arity = -3,
     .flags = kReadonly | kNoscript | kStale | kSkipMonitor | kNoMandatoryKeys | kMovableKeys,
     .categories = kScripting,
     .keys = kFcallRoKeys,
     .group = "scripting",
     .since = "7.0.0",
     .summary = "Calls a function of a library that only reads.",
     .complexity = "Depends"},
    {.name = "function",
     .handler = nullptr,
     .arity = -2,
     .subcommands = kFunctionSubcommands,
     .group = "scripting",
     .since = "7.0.0",
     .summary = "Manages libraries of functions.",
     .complexity = "Depends"},
    {.name = "script",
     .handler = nullptr,
     .arity = -2,
     .subcommands = kScriptSubcommands,
     .group = "scripting",
     .since = "2.6.0",
     .summary = "Manages scripts.",
     .complexity = "Depends"},
};

}  // namespace

std::span<const Command> script_commands() { return kScriptingCommands; }

}  // namespace leat::resp
