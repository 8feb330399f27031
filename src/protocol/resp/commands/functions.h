#pragma once

#include <optional>
#include <string_view>

#include "protocol/resp/call.h"

namespace leat::resp {

// The number of keys at args[2] of EVAL and FCALL; their names begin at args[3]. nullopt: an error is the reply.
[[nodiscard]] std::optional<std::size_t> script_keys(Call& call, std::string_view if_no_number = errors::kNotInteger);

// SCRIPT KILL, FUNCTION KILL.
void kill_script(Call& call, bool is_function);

void fcall(Call& call);
void fcall_ro(Call& call);

void function_load(Call& call);
void function_delete(Call& call);
void function_restore(Call& call);
void function_dump(Call& call);
void function_help(Call& call);
void function_flush(Call& call);
void function_kill(Call& call);
void function_list(Call& call);
void function_stats(Call& call);

}  // namespace leat::resp
