#include "protocol/resp/scripting/redis_api.h"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "base/logging.h"
#include "protocol/resp/acl/access.h"
#include "protocol/resp/registry.h"
#include "protocol/resp/scripting/sandbox.h"
#include "protocol/resp/scripting/scripting.h"
#include "protocol/resp/version.h"

namespace leat::resp {
namespace {

Scripting& scripting(lua_State* lua) { return *static_cast<Scripting*>(LuaState::owner_of(lua)); }

int call(lua_State* lua) {
  if (!scripting(lua).call_command(lua)) return lua_error(lua);
  return 1;
}

int pcall(lua_State* lua) {
  (void)scripting(lua).call_command(lua);
  return 1;
}

// "-CODE text", or a text: without a code it gets one.
int error_reply(lua_State* lua) {
  if (lua_gettop(lua) != 1 || lua_type(lua, 1) != LUA_TSTRING) {
    push_error(lua, "ERR wrong number or type of arguments");
    return 1;
  }
  std::string_view text = text_at(lua, 1);
  if (text.starts_with('-')) text.remove_prefix(1);
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  const bool has_code = text.find(' ') != std::string_view::npos;
  push_error(lua, has_code ? std::string(text) : fmt::format("ERR {}", text));
  return 1;
}

int status_reply(lua_State* lua) {
  if (lua_gettop(lua) != 1 || lua_type(lua, 1) != LUA_TSTRING) {
    push_error(lua, "ERR wrong number or type of arguments");
    return 1;
  }
  lua_createtable(lua, 0, 1);
  lua_pushvalue(lua, 1);
  lua_setfield(lua, -2, "ok");
  return 1;
}

int sha1hex(lua_State* lua) {
  if (lua_gettop(lua) != 1) raise_error(lua, "wrong number of arguments");
  push(lua, sha1_hex(text_at(lua, 1)));
  return 1;
}

int log(lua_State* lua) {
  const int count = lua_gettop(lua);
  if (count < 2) raise_error(lua, "redis.log() requires two arguments or more.");
  if (lua_isnumber(lua, 1) == 0) raise_error(lua, "First argument must be a number (log level).");
  const auto level = static_cast<int>(lua_tonumber(lua, 1));
  if (level < 0 || level > 3) raise_error(lua, "Invalid debug level.");
  std::string text;
  for (int i = 2; i <= count; ++i) {
    if (i > 2) text += ' ';
    text += text_at(lua, i);
  }
  switch (level) {
    case 3: log_warning("resp", "a script says: {}", text); break;
    case 2: log_info("resp", "a script says: {}", text); break;
    default: log_debug("resp", "a script says: {}", text);
  }
  return 0;
}

int setresp(lua_State* lua) {
  if (lua_gettop(lua) != 1) raise_error(lua, "redis.setresp() requires one argument.");
  const auto version = static_cast<int>(lua_tonumber(lua, 1));
  if (version != 2 && version != 3) raise_error(lua, "RESP version must be 2 or 3.");
  if (ScriptRun* run = scripting(lua).running()) run->protocol = version == 3 ? Protocol::resp3 : Protocol::resp2;
  return 0;
}

// What a script changes is always journalled.
int set_repl(lua_State* lua) {
  if (lua_gettop(lua) != 1) raise_error(lua, "redis.set_repl() requires two arguments.");
  const auto flags = static_cast<int>(lua_tonumber(lua, 1));
  if ((flags & ~3) != 0)
    raise_error(lua, "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.");
  return 0;
}

int replicate_commands(lua_State* lua) {
  lua_pushboolean(lua, 1);
  return 1;
}

int breakpoint(lua_State* lua) {
  lua_pushboolean(lua, 0);
  return 1;
}

int debug(lua_State* /*lua*/) { return 0; }

int acl_check_cmd(lua_State* lua) {
  if (lua_gettop(lua) == 0) raise_error(lua, "Please specify at least one argument for this redis lib call");
  for (int i = 1; i <= lua_gettop(lua); ++i) {
    if (lua_isstring(lua, i) == 0) raise_error(lua, "Lua redis lib command arguments must be strings or integers");
  }
  const Command* command = find_command(text_at(lua, 1));
  if (command != nullptr && !command->subcommands.empty() && lua_gettop(lua) > 1)
    command = find_subcommand(*command, text_at(lua, 2));
  if (command == nullptr) raise_error(lua, "Invalid command passed to redis.acl_check_cmd()");
  std::vector<std::string_view> words;
  for (int i = 1; i <= lua_gettop(lua); ++i) words.push_back(text_at(lua, i));
  const ScriptRun* run = scripting(lua).running();
  const bool may = run == nullptr || run->call.client.acl->check(*command, words).denial == Denial::none;
  lua_pushboolean(lua, may ? 1 : 0);
  return 1;
}

int register_function(lua_State* lua) { return scripting(lua).libraries().register_function(lua); }

void set(lua_State* lua, const char* name, lua_CFunction function) {
  lua_pushcfunction(lua, function);
  lua_setfield(lua, -2, name);
}
void set(lua_State* lua, const char* name, int number) {
  lua_pushinteger(lua, number);
  lua_setfield(lua, -2, name);
}

// A table with what scripts and libraries have in common.
void push_common(lua_State* lua) {
  lua_createtable(lua, 0, 24);
  set(lua, "log", log);
  set(lua, "LOG_DEBUG", 0);
  set(lua, "LOG_VERBOSE", 1);
  set(lua, "LOG_NOTICE", 2);
  set(lua, "LOG_WARNING", 3);
  push(lua, kRedisVersion);
  lua_setfield(lua, -2, "REDIS_VERSION");
  set(lua, "REDIS_VERSION_NUM", kRedisVersionNumber);
}

}  // namespace

void push_redis_table(lua_State* lua, bool for_eval) {
  push_common(lua);
  set(lua, "call", call);
  set(lua, "pcall", pcall);
  set(lua, "error_reply", error_reply);
  set(lua, "status_reply", status_reply);
  set(lua, "sha1hex", sha1hex);
  set(lua, "setresp", setresp);
  set(lua, "set_repl", set_repl);
  set(lua, "acl_check_cmd", acl_check_cmd);
  set(lua, "REPL_NONE", 0);
  set(lua, "REPL_AOF", 1);
  set(lua, "REPL_SLAVE", 2);
  set(lua, "REPL_REPLICA", 2);
  set(lua, "REPL_ALL", 3);
  if (!for_eval) return;
  set(lua, "replicate_commands", replicate_commands);
  set(lua, "breakpoint", breakpoint);
  set(lua, "debug", debug);
}

void push_loading_redis_table(lua_State* lua) {
  push_common(lua);
  set(lua, "register_function", register_function);
  refuse_unknown_names(lua);
  make_read_only(lua);
}

}  // namespace leat::resp
