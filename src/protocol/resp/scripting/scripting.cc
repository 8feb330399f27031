#include "protocol/resp/scripting/scripting.h"

#include <charconv>
#include <cmath>
#include <cstdio>

#include "base/logging.h"
#include "protocol/resp/executor.h"
#include "protocol/resp/pause.h"
#include "protocol/resp/scripting/convert.h"
#include "protocol/resp/scripting/redis_api.h"

namespace leat::resp {
namespace {

// How often the clock is looked at: about a millisecond of a script's work.
constexpr int kInstructionsPerLook = 100'000;
constexpr std::size_t kKeptCapacityMax = std::size_t{1} << 20;

constexpr std::string_view kOom = "OOM command not allowed when used memory > 'maxmemory'.";

void push_list(lua_State* lua, Arguments words) {
  lua_createtable(lua, static_cast<int>(words.size()), 0);
  int index = 0;
  for (const std::string_view word : words) {
    push(lua, word);
    lua_rawseti(lua, -2, ++index);
  }
}

// An error of redis.call, which the script may raise or look at.
void push_call_error(lua_State* lua, std::string_view text) {
  lua_createtable(lua, 0, 2);
  push(lua, text);
  lua_setfield(lua, -2, "err");
  lua_pushboolean(lua, 1);
  lua_setfield(lua, -2, "ignore_error_stats_update");  // as in Redis, for scripts that look at all fields
}

// As printf's %.17g, which is what Redis makes of a script's numbers.
std::string_view format_number(double value, std::array<char, 32>& buffer) {
  constexpr double kDigitsMax = 1e17;
  const bool is_zero_below = value == 0 && std::signbit(value);
  if (std::abs(value) < kDigitsMax && value == std::floor(value) && !is_zero_below) {
    const char* end = std::to_chars(buffer.begin(), buffer.end(), static_cast<std::int64_t>(value)).ptr;
    return {buffer.data(), end};
  }
  const int size = std::snprintf(buffer.data(), buffer.size(), "%.17g", value);
  return {buffer.data(), static_cast<std::size_t>(size)};
}

}  // namespace

Scripting::Scripting(Executor& executor) : executor_(executor) {
  open_eval();
  open_functions();
}

Scripting::~Scripting() = default;

void Scripting::open_eval() {
  scripts_.reset();
  eval_ = std::make_unique<Interpreter>(this);
  lua_State* lua = eval_->state.get();
  push_globals(lua, random_);
  push_redis_table(lua, true);
  lua_setfield(lua, -2, "redis");
  lua_pushvalue(lua, -1);
  eval_globals_ = luaL_ref(lua, LUA_REGISTRYINDEX);
  seal_globals(lua);
  lua_replace(lua, LUA_GLOBALSINDEX);
  scripts_ = std::make_unique<ScriptCache>(lua);
}

void Scripting::open_functions() {
  libraries_.reset();
  function_ = std::make_unique<Interpreter>(this);
  libraries_ = std::make_unique<FunctionLibraries>(function_->state, random_, executor_);
}

void Scripting::flush_scripts() { open_eval(); }
void Scripting::flush_functions() { open_functions(); }

std::string_view Scripting::busy_reply() const {
  if (run_ != nullptr && run_->invocation.is_function)
    return "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.";
  return "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
}

Scripting::Interpreter::Interpreter(Scripting* owner) : state(kMemoryMax, owner) {
  lua_pushcfunction(state.get(), enter);
  entry = luaL_ref(state.get(), LUA_REGISTRYINDEX);
}

int Scripting::enter(lua_State* lua) {
  Scripting& self = *static_cast<Scripting*>(LuaState::owner_of(lua));
  ScriptRun& run = *self.run_;
  const Invocation& invocation = run.invocation;
  if (invocation.is_function) {
    lua_rawgeti(lua, LUA_REGISTRYINDEX, invocation.function);
    push_list(lua, invocation.keys);
    push_list(lua, invocation.arguments);
    lua_call(lua, 2, 1);
  } else {
    lua_rawgeti(lua, LUA_REGISTRYINDEX, self.eval_globals_);
    push_list(lua, invocation.keys);
    lua_setfield(lua, -2, "KEYS");
    push_list(lua, invocation.arguments);
    lua_setfield(lua, -2, "ARGV");
    lua_pop(lua, 1);
    lua_rawgeti(lua, LUA_REGISTRYINDEX, invocation.function);
    lua_call(lua, 0, 1);
  }
  write_value(lua, run.call.reply, run.protocol);
  return 0;
}

void Scripting::run(Call& call, const Invocation& invocation) {
  call.no_effect();  // the commands of the script have theirs
  const std::uint64_t memory_max = executor_.settings().memory_max;
  const bool is_declared = (invocation.flags & kUndeclared) == 0;
  const bool lacks_memory = memory_max > 0 && executor_.memory_used() > memory_max;
  ScriptRun run{.call = call,
                .invocation = invocation,
                .began = executor_.shard().now(),
                .may_write = !invocation.read_only && (invocation.flags & kNoWrites) == 0,
                .may_take_memory = !lacks_memory || (invocation.flags & kAllowOom) != 0};
  if (is_declared && run.may_write && !run.may_take_memory) return call.reply.error(kOom);
  if (is_declared && invocation.read_only && (invocation.flags & kNoWrites) == 0)
    return call.reply.error("ERR Can not execute a script with write flag using *_ro command.");

  const std::uint32_t database = call.client.database;
  const std::size_t before = call.reply.out().size();
  Interpreter& interpreter = invocation.is_function ? *function_ : *eval_;
  lua_State* lua = interpreter.state.get();
  run_ = &run;
  interpreter.state.push_error_handler();
  lua_rawgeti(lua, LUA_REGISTRYINDEX, interpreter.entry);
  if (executor_.settings().busy_reply_threshold > Milliseconds(0))
    lua_sethook(lua, on_count, LUA_MASKCOUNT, kInstructionsPerLook);
  const int status = lua_pcall(lua, 0, 0, 1);
  lua_sethook(lua, nullptr, 0, 0);
  if (status != 0) {
    call.reply.out().resize(before);
    reply_error(lua, call.reply);
  }
  run_ = nullptr;
  lua_settop(lua, 0);
  if (status == LUA_ERRMEM) lua_gc(lua, LUA_GCCOLLECT, 0);
  call.client.database = database;  // what SELECT did is over
}

void Scripting::reply_error(lua_State* lua, Reply& reply) const {
  std::string text = error_text(lua);
  if (lua_istable(lua, -1)) {
    lua_getfield(lua, -1, "source");
    lua_getfield(lua, -2, "line");
    if (lua_isstring(lua, -2) != 0 && lua_isnumber(lua, -1) != 0) {
      text += fmt::format(" script: {}, on {}:{}.", run_->invocation.name, text_at(lua, -2), lua_tointeger(lua, -1));
    }
  }
  reply.error(text);
}

void Scripting::on_count(lua_State* lua, lua_Debug* /*where*/) {
  static_cast<Scripting*>(LuaState::owner_of(lua))->look_at_the_clock(lua);
}

void Scripting::look_at_the_clock(lua_State* lua) {
  const auto took = executor_.shard().now() - run_->began;
  if (took >= executor_.settings().busy_reply_threshold && !run_->killed) {
    if (!std::exchange(run_->is_slow, true)) {
      log_warning("resp", "{} of {} has run for {} ms, and goes on; others are told BUSY",
                  run_->invocation.is_function ? fmt::format("function {}", run_->invocation.name)
                                               : fmt::format("script {}", run_->invocation.name),
                  run_->call.client.peer, std::chrono::duration_cast<Milliseconds>(took).count());
    }
    if (!executor_.suspend_unit()) run_->killed = true;
  }
  if (!run_->killed) return;
  // The script may catch errors, but will not get far.
  lua_sethook(lua, on_count, LUA_MASKCOUNT, 1);
  push_error(lua, "ERR Script killed by user with SCRIPT KILL...");
  lua_error(lua);
}

bool Scripting::take_words(lua_State* lua) {
  const int count = lua_gettop(lua);
  if (count == 0) {
    push_call_error(lua, "ERR Please specify at least one argument for this redis lib call");
    return false;
  }
  words_.clear();
  std::size_t numbers = 0;
  for (int i = 1; i <= count; ++i) {
    switch (lua_type(lua, i)) {
      case LUA_TSTRING: words_.push_back(text_at(lua, i)); break;
      case LUA_TNUMBER:
        // Sized once, so that its texts stay where they are.
        if (numbers_.size() < static_cast<std::size_t>(count) && numbers == 0)
          numbers_.resize(static_cast<std::size_t>(count));
        words_.push_back(format_number(lua_tonumber(lua, i), numbers_[numbers++]));
        break;
      default: push_call_error(lua, "ERR Lua redis lib command arguments must be strings or integers"); return false;
    }
  }
  return true;
}

const Command* Scripting::find_allowed(lua_State* lua) {
  const auto refuse = [&](std::string_view why) -> const Command* {
    push_call_error(lua, why);
    return nullptr;
  };
  const Command* command = find_command(words_[0]);
  if (command != nullptr && !command->subcommands.empty() && words_.size() > 1)
    command = find_subcommand(*command, words_[1]);
  if (command == nullptr) return refuse("ERR Unknown Redis command called from script");
  const auto given = static_cast<std::int64_t>(words_.size());
  if (command->handler == nullptr || (command->arity > 0 && given != command->arity) || given < -command->arity)
    return refuse("ERR Wrong number of args calling Redis command from script");
  if (command->is(kNoscript)) return refuse("ERR This Redis command is not allowed from script");
  if (!run_->may_write && may_write(*command))
    return refuse("ERR Write commands are not allowed from read-only scripts.");
  if (command->is(kWrite) && !executor_.journal_error().empty()) {
    return refuse(fmt::format("MISCONF Changes cannot be journalled, so none are made: {}", executor_.journal_error()));
  }
  if (command->is(kDenyOom) && !run_->may_take_memory && !run_->wrote) return refuse(kOom);
  return command;
}

bool Scripting::call_command(lua_State* lua) {
  if (run_ == nullptr) {
    push_call_error(lua, "ERR redis.call can only be called inside a script invocation");
    return false;
  }
  if (!take_words(lua)) return false;
  const Command* command = find_allowed(lua);
  if (command == nullptr) return false;
  if (command->is(kWrite)) run_->wrote = true;
  scratch_.clear();
  Reply reply(scratch_, run_->protocol);
  executor_.run(run_->call.client, *command, words_, reply, true);
  const bool failed = scratch_.starts_with('-');
  if (failed) {
    push_call_error(lua, std::string_view(scratch_).substr(1, scratch_.size() - 3));
  } else {
    push_reply(lua, scratch_);
  }
  if (scratch_.capacity() > kKeptCapacityMax) scratch_ = std::string();
  return !failed;
}

}  // namespace leat::resp
