#include "protocol/resp/commands/help.h"
#include "protocol/resp/commands/functions.h"

#include <algorithm>

#include "keyspace/dump.h"
#include "keyspace/dump_codec.h"
#include "keyspace/glob.h"
#include "protocol/resp/executor.h"
#include "protocol/resp/scripting/scripting.h"

namespace leat::resp {
namespace {

// In a dump: a library's code follows. Its version is that of Redis 7.0's format.
constexpr std::uint8_t kDumpedLibrary = 245;
constexpr std::uint16_t kDumpVersion = 10;
constexpr std::size_t kDumpFooter = 10;

FunctionLibraries& libraries(Call& call) { return call.executor.scripting().libraries(); }

void call_function(Call& call, bool read_only) {
  const LibraryFunction* function = libraries(call).find(call[1]);
  if (function == nullptr) return call.reply.error("ERR Function not found");
  const auto keys = script_keys(call, "ERR Bad number of keys provided");
  if (!keys) return;
  call.executor.scripting().run(call, {.name = function->name,
                                       .function = function->reference,
                                       .flags = function->flags,
                                       .is_function = true,
                                       .read_only = read_only,
                                       .keys = call.args.subspan(3, *keys),
                                       .arguments = call.args.subspan(3 + *keys)});
}

void loaded(Call& call, std::string_view code) { call.global_effect({"FUNCTION", "LOAD", "REPLACE", code}); }

void write_function(Reply& reply, const LibraryFunction& function) {
  reply.map(3);
  reply.bulk("name");
  reply.bulk(function.name);
  reply.bulk("description");
  if (function.description) {
    reply.bulk(*function.description);
  } else {
    reply.null();
  }
  reply.bulk("flags");
  const auto flags = script_flag_names(function.flags);
  reply.set(flags.size());
  for (const std::string_view flag : flags) reply.simple(flag);
}

void write_library(Reply& reply, const FunctionLibrary& library, bool with_code) {
  reply.map(with_code ? 4 : 3);
  reply.bulk("library_name");
  reply.bulk(library.name);
  reply.bulk("engine");
  reply.bulk("LUA");
  reply.bulk("functions");
  reply.array(library.functions.size());
  for (const auto& [name, function] : library.functions) write_function(reply, function);
  if (!with_code) return;
  reply.bulk("library_code");
  reply.bulk(library.code);
}

void append_little_endian(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
}

enum class Policy { append, flush, replace };

// The libraries of a payload. nullopt: an error is the reply.
std::optional<std::vector<std::unique_ptr<FunctionLibrary>>> read_dump(Call& call) {
  const std::string_view payload = call[2];
  std::vector<std::unique_ptr<FunctionLibrary>> result;
  const auto refuse = [&](std::string_view why) {
    for (const auto& library : result) libraries(call).discard(*library);
    call.reply.error(why);
    return std::nullopt;
  };
  if (!keyspace::is_dump(payload)) return refuse("ERR DUMP payload version or checksum are wrong");
  keyspace::DumpReader reader(payload.substr(0, payload.size() - kDumpFooter));
  while (!reader.rest().empty()) {
    std::string buffer;
    if (reader.byte() != kDumpedLibrary) return refuse("ERR given type is not a function");
    const auto code = reader.text(buffer);
    if (!code) return refuse("ERR Failed loading library data");
    auto library = libraries(call).load(*code, true);
    if (!library) return refuse(library.error());
    const bool is_double =
        std::ranges::any_of(result, [&](const auto& other) { return other->name == (*library)->name; });
    result.push_back(std::move(*library));
    if (is_double) return refuse(fmt::format("ERR Library '{}' already exists", result.back()->name));
  }
  return result;
}

}  // namespace

void fcall(Call& call) { call_function(call, false); }
void fcall_ro(Call& call) { call_function(call, true); }

void function_load(Call& call) {
  bool replace = false;
  std::size_t at = 2;
  for (; at + 1 < call.size(); ++at) {
    if (!call.is(at, "REPLACE")) return call.reply.error(fmt::format("ERR Unknown option given: {}", call[at]));
    replace = true;
  }
  auto library = libraries(call).load(call[at], replace);
  if (!library) return call.reply.error(library.error());
  const std::string name = (*library)->name;
  std::vector<std::unique_ptr<FunctionLibrary>> one;
  one.push_back(std::move(*library));
  if (const auto added = libraries(call).add(std::move(one)); !added) return call.reply.error(added.error());
  loaded(call, call[at]);
  call.reply.bulk(name);
}

void function_delete(Call& call) {
  if (!libraries(call).remove(call[2])) return call.reply.error("ERR Library not found");
  call.global_effect({"FUNCTION", "DELETE", call[2]});
  call.reply.ok();
}

void function_flush(Call& call) {
  if (call.size() > 3) {
    return call.reply.error("ERR unknown subcommand or wrong number of arguments for 'flush'. Try FUNCTION HELP.");
  }
  if (call.size() == 3 && !call.is(2, "SYNC") && !call.is(2, "ASYNC"))
    return call.reply.error("ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
  if (!libraries(call).all().empty()) call.global_effect({"FUNCTION", "FLUSH"});
  call.executor.scripting().flush_functions();
  call.reply.ok();
}

void function_kill(Call& call) { kill_script(call, true); }

void function_list(Call& call) {
  std::optional<std::string_view> pattern;
  bool with_code = false;
  for (std::size_t i = 2; i < call.size(); ++i) {
    if (!with_code && call.is(i, "WITHCODE")) {
      with_code = true;
    } else if (!pattern && call.is(i, "LIBRARYNAME")) {
      if (++i == call.size()) return call.reply.error("ERR library name argument was not given");
      pattern = call[i];
    } else {
      return call.reply.error(fmt::format("ERR Unknown argument {}", call[i]));
    }
  }
  const std::size_t begin = call.reply.begin();
  std::size_t count = 0;
  for (const auto& [name, library] : libraries(call).all()) {
    if (pattern && !keyspace::glob_match(*pattern, name, true)) continue;
    write_library(call.reply, *library, with_code);
    ++count;
  }
  call.reply.end_array(begin, count);
}

void function_stats(Call& call) {
  Reply& reply = call.reply;
  const ScriptRun* run = call.executor.scripting().running();
  if (run != nullptr && !run->invocation.is_function) return reply.error(call.executor.scripting().busy_reply());
  reply.map(2);
  reply.bulk("running_script");
  if (run == nullptr) {
    reply.null();
  } else {
    reply.map(3);
    reply.bulk("name");
    reply.bulk(run->invocation.name);
    reply.bulk("command");
    reply.array(run->call.size());
    for (const std::string_view word : run->call.args) reply.bulk(word);
    reply.bulk("duration_ms");
    const auto took = call.executor.shard().now() - run->began;
    reply.integer(std::chrono::duration_cast<Milliseconds>(took).count());
  }
  reply.bulk("engines");
  reply.map(1);
  reply.bulk("LUA");
  reply.map(2);
  reply.bulk("libraries_count");
  reply.integer(static_cast<std::int64_t>(libraries(call).all().size()));
  reply.bulk("functions_count");
  reply.integer(static_cast<std::int64_t>(libraries(call).functions()));
}

void function_dump(Call& call) {
  std::string payload;
  keyspace::DumpWriter writer(payload);
  for (const auto& [name, library] : libraries(call).all()) {
    writer.byte(kDumpedLibrary);
    writer.text(library->code);
  }
  append_little_endian(payload, kDumpVersion, 2);
  append_little_endian(payload, keyspace::dump_checksum(payload), 8);
  call.reply.bulk(payload);
}

void function_restore(Call& call) {
  if (call.size() > 4) {
    return call.reply.error("ERR unknown subcommand or wrong number of arguments for 'restore'. Try FUNCTION HELP.");
  }
  Policy policy = Policy::append;
  if (call.size() == 4) {
    if (call.is(3, "FLUSH")) {
      policy = Policy::flush;
    } else if (call.is(3, "REPLACE")) {
      policy = Policy::replace;
    } else if (!call.is(3, "APPEND")) {
      return call.reply.error("ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.");
    }
  }
  auto restored = read_dump(call);
  if (!restored) return;
  std::vector<std::string> codes;
  for (const auto& library : *restored) {
    if (policy == Policy::append && libraries(call).all().contains(library->name)) {
      call.reply.error(fmt::format("ERR Library {} already exists", library->name));
      for (const auto& unwanted : *restored) libraries(call).discard(*unwanted);
      return;
    }
    codes.push_back(library->code);
  }
  if (policy == Policy::flush) {
    std::vector<std::string> names;
    for (const auto& [name, library] : libraries(call).all()) names.push_back(name);
    for (const std::string& name : names) (void)libraries(call).remove(name);
    if (!names.empty()) call.global_effect({"FUNCTION", "FLUSH"});
  }
  if (const auto added = libraries(call).add(std::move(*restored)); !added) return call.reply.error(added.error());
  for (const std::string& code : codes) loaded(call, code);
  call.reply.ok();
}

void function_help(Call& call) { reply_help(call); }

}  // namespace leat::resp
