#include "protocol/resp/scripting/function_libraries.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocol/resp/executor.h"
#include "protocol/resp/scripting/redis_api.h"
#include "protocol/resp/scripting/script.h"
#include "protocol/resp/scripting/scripting.h"
#include "protocol/resp/words.h"

namespace leat::resp {
namespace {

constexpr Milliseconds kLoadingMax{500};
constexpr int kInstructionsPerLook = 100'000;

constexpr std::string_view kBadName =
    "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long";

bool is_name(std::string_view name) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && std::ranges::all_of(name, is_allowed);
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return result;
}

struct Metadata {
  std::string name;
  std::string_view code;
};

// Error: the reply.
std::expected<Metadata, std::string> parse_metadata(std::string_view code) {
  if (!code.starts_with("#!")) return std::unexpected("ERR Missing library metadata");
  const auto shebang = parse_shebang(code);
  if (!shebang || shebang->words.empty()) return std::unexpected("ERR Invalid library metadata");
  std::optional<std::string> name;
  for (std::size_t i = 1; i < shebang->words.size(); ++i) {
    constexpr std::string_view kName = "NAME=";
    const std::string& word = shebang->words[i];
    if (!is_word(std::string_view(word).substr(0, kName.size()), kName))
      return std::unexpected(fmt::format("ERR Invalid metadata value given: {}", word));
    if (name) return std::unexpected("ERR Invalid metadata value, name argument was given multiple times");
    name = word.substr(kName.size());
  }
  if (!name) return std::unexpected("ERR Library name was not given");
  if (!is_name(*name)) return std::unexpected(fmt::format("ERR {}", kBadName));
  const std::string_view engine = std::string_view(shebang->words[0]).substr(2);
  if (!is_word(engine, "LUA")) return std::unexpected(fmt::format("ERR Engine '{}' not found", engine));
  return Metadata{std::move(*name), shebang->rest};
}

}  // namespace

FunctionLibraries::FunctionLibraries(LuaState& state, Random48& random, Executor& executor)
    : state_(state), lua_(state.get()), executor_(executor) {
  push_globals(lua_, random);
  push_redis_table(lua_, false);
  lua_setfield(lua_, -2, "redis");
  lua_pushvalue(lua_, -1);
  running_globals_ = luaL_ref(lua_, LUA_REGISTRYINDEX);
  seal_globals(lua_);
  lua_replace(lua_, LUA_GLOBALSINDEX);

  lua_createtable(lua_, 0, 1);
  push_loading_redis_table(lua_);
  lua_setfield(lua_, -2, "redis");
  refuse_unknown_names(lua_);
  loading_globals_ = luaL_ref(lua_, LUA_REGISTRYINDEX);
}

void FunctionLibraries::show_globals(int reference) {
  lua_pushvalue(lua_, LUA_GLOBALSINDEX);
  lua_rawgeti(lua_, LUA_REGISTRYINDEX, reference);
  show_instead(lua_);
  lua_pop(lua_, 1);
}

std::expected<std::unique_ptr<FunctionLibrary>, std::string> FunctionLibraries::load(std::string_view code,
                                                                                     bool replace) {
  auto metadata = parse_metadata(code);
  if (!metadata) return std::unexpected(std::move(metadata.error()));
  if (!replace && libraries_.contains(metadata->name))
    return std::unexpected(fmt::format("ERR Library '{}' already exists", metadata->name));
  const auto chunk = compile(lua_, metadata->code, "@user_function");
  if (!chunk) return std::unexpected(fmt::format("ERR Error compiling function: {}", chunk.error()));
  auto library = std::make_unique<FunctionLibrary>(std::move(metadata->name), std::string(code));
  loading_ = library.get();
  const std::optional<std::string> error = execute(*chunk);
  loading_ = nullptr;
  forget(lua_, *chunk);
  if (error) {
    discard(*library);
    return std::unexpected(fmt::format("ERR Error registering functions: {}", *error));
  }
  if (library->functions.empty()) return std::unexpected("ERR No functions registered");
  return library;
}

std::optional<std::string> FunctionLibraries::execute(int chunk) {
  std::optional<std::string> error;
  show_globals(loading_globals_);
  state_.push_error_handler();
  lua_rawgeti(lua_, LUA_REGISTRYINDEX, chunk);
  deadline_ = executor_.shard().now() + kLoadingMax;
  lua_sethook(lua_, on_count, LUA_MASKCOUNT, kInstructionsPerLook);
  if (lua_pcall(lua_, 0, 0, 1) != 0) error = error_text(lua_);
  lua_sethook(lua_, nullptr, 0, 0);
  lua_settop(lua_, 0);
  show_globals(running_globals_);
  return error;
}

void FunctionLibraries::on_count(lua_State* lua, lua_Debug* /*where*/) {
  const FunctionLibraries& self = static_cast<Scripting*>(LuaState::owner_of(lua))->libraries();
  if (self.executor_.shard().now() < self.deadline_) return;
  lua_sethook(lua, on_count, LUA_MASKCOUNT, 1);
  push_error(lua, "ERR FUNCTION LOAD timeout");
  lua_error(lua);
}

std::expected<void, std::string> FunctionLibraries::add(std::vector<std::unique_ptr<FunctionLibrary>> libraries) {
  const auto is_replaced = [&](const LibraryFunction* function) {
    return std::ranges::any_of(libraries, [&](const auto& library) {
      const auto old = libraries_.find(library->name);
      if (old == libraries_.end()) return false;
      const auto same = old->second->functions.find(function->name);
      return same != old->second->functions.end() && &same->second == function;
    });
  };
  std::map<std::string, const LibraryFunction*, std::less<>> added;
  for (const auto& library : libraries) {
    for (const auto& [name, function] : library->functions) {
      const std::string key = lower(name);
      const auto old = functions_.find(key);
      const bool taken = old != functions_.end() && !is_replaced(old->second);
      if (taken || !added.emplace(key, &function).second) {
        for (const auto& given : libraries) discard(*given);
        return std::unexpected(fmt::format("ERR Function {} already exists", name));
      }
    }
  }
  for (auto& library : libraries) (void)remove(library->name);
  functions_.merge(added);
  for (auto& library : libraries) {
    const std::string& name = library->name;
    libraries_.emplace(name, std::move(library));
  }
  return {};
}

bool FunctionLibraries::remove(std::string_view name) {
  const auto found = libraries_.find(name);
  if (found == libraries_.end()) return false;
  for (const auto& [function, unused] : found->second->functions) functions_.erase(lower(function));
  discard(*found->second);
  libraries_.erase(found);
  return true;
}

void FunctionLibraries::discard(const FunctionLibrary& library) {
  for (const auto& [name, function] : library.functions) forget(lua_, function.reference);
}

const LibraryFunction* FunctionLibraries::find(std::string_view function) const {
  const auto found = functions_.find(lower(function));
  return found == functions_.end() ? nullptr : found->second;
}

// What redis.register_function was given. The callback is at kCallback of the stack.
struct FunctionLibraries::Registration {
  static constexpr int kCallback = 2;

  std::optional<std::string> name;
  std::optional<std::string> description;
  std::uint32_t flags = 0;

  void read_positional(lua_State* lua) {
    if (lua_isstring(lua, 1) == 0) raise_error(lua, "first argument to redis.register_function must be a string");
    if (!lua_isfunction(lua, 2)) raise_error(lua, "second argument to redis.register_function must be a function");
    name = text_at(lua, 1);
  }

  void read_named(lua_State* lua) {
    if (!lua_istable(lua, 1)) {
      raise_error(lua,
                  "calling redis.register_function with a single argument is only applicable to Lua table "
                  "(representing named arguments).");
    }
    lua_settop(lua, kCallback);
    lua_pushnil(lua);
    while (lua_next(lua, 1) != 0) {
      if (lua_isstring(lua, -2) == 0)
        raise_error(lua, "named argument key given to redis.register_function is not a string");
      lua_pushvalue(lua, -2);
      const std::string key(text_at(lua, -1));
      lua_pop(lua, 1);
      read_one(lua, key);
      lua_pop(lua, 1);
    }
    if (!name) raise_error(lua, "redis.register_function must get a function name argument");
    if (lua_isnil(lua, kCallback)) raise_error(lua, "redis.register_function must get a callback argument");
  }

 private:
  // The value is on top of the stack.
  void read_one(lua_State* lua, std::string_view key) {
    if (key == "function_name") {
      if (lua_isstring(lua, -1) == 0)
        raise_error(lua, "function_name argument given to redis.register_function must be a string");
      name = text_at(lua, -1);
    } else if (key == "description") {
      if (lua_isstring(lua, -1) == 0)
        raise_error(lua, "description argument given to redis.register_function must be a string");
      description = text_at(lua, -1);
    } else if (key == "callback") {
      if (!lua_isfunction(lua, -1))
        raise_error(lua, "callback argument given to redis.register_function must be a function");
      lua_pushvalue(lua, -1);
      lua_replace(lua, kCallback);
    } else if (key == "flags") {
      if (!lua_istable(lua, -1)) {
        raise_error(lua, "flags argument to redis.register_function must be a table representing function flags");
      }
      read_flags(lua);
    } else {
      raise_error(lua, "unknown argument given to redis.register_function");
    }
  }

  void read_flags(lua_State* lua) {
    for (int i = 1;; ++i) {
      lua_rawgeti(lua, -1, i);
      if (lua_isnil(lua, -1)) break;
      const auto flag = parse_script_flag(lua_type(lua, -1) == LUA_TSTRING ? text_at(lua, -1) : std::string_view());
      if (!flag) raise_error(lua, "unknown flag given");
      flags |= *flag;
      lua_pop(lua, 1);
    }
    lua_pop(lua, 1);
  }
};

int FunctionLibraries::register_function(lua_State* lua) {
  if (loading_ == nullptr) raise_error(lua, "redis.register_function can only be called on FUNCTION LOAD command");
  const int count = lua_gettop(lua);
  if (count < 1 || count > 2) raise_error(lua, "wrong number of arguments to redis.register_function");
  Registration registration;
  if (count == 1) {
    registration.read_named(lua);
  } else {
    registration.read_positional(lua);
  }
  if (!is_name(*registration.name)) raise_error(lua, kBadName);
  const std::string key = lower(*registration.name);
  const auto has_name = [&](const auto& known) { return lower(known.first) == key; };
  if (std::ranges::any_of(loading_->functions, has_name)) raise_error(lua, "Function already exists in the library");
  lua_pushvalue(lua, Registration::kCallback);
  const int reference = luaL_ref(lua, LUA_REGISTRYINDEX);
  loading_->functions.emplace(*registration.name, LibraryFunction{.name = *registration.name,
                                                                  .reference = reference,
                                                                  .flags = registration.flags,
                                                                  .description = registration.description});
  return 0;
}

}  // namespace leat::resp
