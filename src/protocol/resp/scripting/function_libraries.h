#pragma once

#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "protocol/resp/scripting/lua_state.h"
#include "protocol/resp/scripting/sandbox.h"

namespace leat::resp {

class Executor;
struct FunctionLibrary;

struct LibraryFunction {
  std::string name;
  int reference;        // in the interpreter's registry
  std::uint32_t flags;  // ScriptFlag
  std::optional<std::string> description;
};

struct FunctionLibrary {
  std::string name;
  std::string code;
  std::map<std::string, LibraryFunction, std::less<>> functions;
};

// Libraries of functions (https://redis.io/docs/manual/programmability/functions-intro/): their code runs once, when it is
// loaded, and registers the functions, which FCALL finds by their names in any case.
class FunctionLibraries {
 public:
  // `state` is an interpreter without anything in it, for functions only, which belongs to a Scripting.
  FunctionLibraries(LuaState& state, Random48& random, Executor& executor);
  FunctionLibraries(const FunctionLibraries&) = delete;
  FunctionLibraries& operator=(const FunctionLibraries&) = delete;

  // A library that is not among the others yet; it cannot have the name of one that is, unless it shall replace it. Error:
  // the reply.
  [[nodiscard]] std::expected<std::unique_ptr<FunctionLibrary>, std::string> load(std::string_view code, bool replace);
  // Takes all of them in, in place of those that have their names, or none of them. Error: the reply.
  [[nodiscard]] std::expected<void, std::string> add(std::vector<std::unique_ptr<FunctionLibrary>> libraries);
  [[nodiscard]] bool remove(std::string_view name);
  // Frees what load() gave and nobody wants.
  void discard(const FunctionLibrary& library);

  [[nodiscard]] const LibraryFunction* find(std::string_view function) const;
  [[nodiscard]] const std::map<std::string, std::unique_ptr<FunctionLibrary>, std::less<>>& all() const {
    return libraries_;
  }
  [[nodiscard]] std::size_t functions() const { return functions_.size(); }

  // redis.register_function of the library that is being loaded. Leaves with an error of Lua if it is wrong.
  int register_function(lua_State* lua);

 private:
  struct Registration;

  static void on_count(lua_State* lua, lua_Debug* where);
  // Error: what the code did wrong.
  [[nodiscard]] std::optional<std::string> execute(int chunk);
  // The function tables see as global variables what `reference` is.
  void show_globals(int reference);

  LuaState& state_;
  lua_State* lua_;
  Executor& executor_;
  int running_globals_ = LUA_NOREF;
  int loading_globals_ = LUA_NOREF;
  std::map<std::string, std::unique_ptr<FunctionLibrary>, std::less<>> libraries_;
  std::map<std::string, const LibraryFunction*, std::less<>> functions_;  // by their names in lower case
  FunctionLibrary* loading_ = nullptr;
  MonoTime deadline_{};
};

}  // namespace leat::resp
