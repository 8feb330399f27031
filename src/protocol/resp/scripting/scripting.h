#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "protocol/resp/call.h"
#include "protocol/resp/scripting/function_libraries.h"
#include "protocol/resp/scripting/lua_state.h"
#include "protocol/resp/scripting/sandbox.h"
#include "protocol/resp/scripting/script.h"
#include "protocol/resp/scripting/script_cache.h"

namespace leat::resp {

// What is to be run, and with what.
struct Invocation {
  std::string_view name;  // in messages: a script's SHA-1, or a function's name
  int function;           // its reference in the interpreter's registry
  std::uint32_t flags;    // ScriptFlag
  bool is_function;       // of a library; otherwise a script of EVAL
  bool read_only;         // as its client asked
  Arguments keys;
  Arguments arguments;
};

// A script that runs.
struct ScriptRun {
  Call& call;
  const Invocation& invocation;
  MonoTime began;
  bool may_write;
  bool may_take_memory;
  Protocol protocol = Protocol::resp2;  // of the replies that it gets
  bool wrote = false;
  bool is_slow = false;  // others have been told BUSY
  bool killed = false;
};

// Runs Lua scripts and functions of an executor's clients: one interpreter for EVAL and one for functions, each with at most
// kMemoryMax bytes. A script that takes longer than the settings allow pauses the executor now and then, so that others can
// be told so and end it.
class Scripting {
 public:
  static constexpr std::size_t kMemoryMax = std::size_t{256} << 20;

  explicit Scripting(Executor& executor);
  Scripting(const Scripting&) = delete;
  Scripting& operator=(const Scripting&) = delete;
  ~Scripting();

  [[nodiscard]] Executor& executor() const { return executor_; }
  [[nodiscard]] ScriptCache& scripts() { return *scripts_; }
  [[nodiscard]] FunctionLibraries& libraries() { return *libraries_; }
  // Forgets all scripts of EVAL, with the interpreter that ran them.
  void flush_scripts();
  // Forgets all functions, with theirs.
  void flush_functions();
  // Bytes of both interpreters.
  [[nodiscard]] std::size_t memory() const { return eval_->state.memory() + function_->state.memory(); }

  // Runs a script or function, and replies what it returns. At most one runs at a time.
  void run(Call& call, const Invocation& invocation);
  [[nodiscard]] ScriptRun* running() const { return run_; }
  // What others are told while one is paused.
  [[nodiscard]] std::string_view busy_reply() const;
  // Ends the one that runs, the next time that it goes on.
  void kill() { run_->killed = true; }

  // redis.call: executes the command whose words are on the stack, and pushes its reply. False: what it pushed is an error.
  [[nodiscard]] bool call_command(lua_State* lua);

 private:
  struct Interpreter {
    explicit Interpreter(Scripting* owner);
    LuaState state;
    int entry;  // enter(), in the registry
  };

  void open_eval();
  void open_functions();
  // In the interpreter, called protected.
  static int enter(lua_State* lua);
  static void on_count(lua_State* lua, lua_Debug* where);
  void look_at_the_clock(lua_State* lua);
  void reply_error(lua_State* lua, Reply& reply) const;

  // The words on the stack into words_. False: an error is pushed.
  [[nodiscard]] bool take_words(lua_State* lua);
  // The command of words_, if the script may run it. nullptr: an error is pushed.
  [[nodiscard]] const Command* find_allowed(lua_State* lua);

  Executor& executor_;
  Random48 random_;
  std::unique_ptr<Interpreter> eval_;
  std::unique_ptr<Interpreter> function_;
  std::unique_ptr<ScriptCache> scripts_;
  std::unique_ptr<FunctionLibraries> libraries_;
  int eval_globals_ = LUA_NOREF;  // the table behind the scripts' global variables
  ScriptRun* run_ = nullptr;

  // Kept from call to call for their memory.
  std::vector<std::string_view> words_;
  std::vector<std::array<char, 32>> numbers_;
  std::string scratch_;
};

}  // namespace leat::resp
