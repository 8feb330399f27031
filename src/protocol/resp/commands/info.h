#pragma once

#include <string>

namespace leat::resp {

struct Call;
class Executor;

// INFO: what the server is and does, in sections (https://redis.io/commands/info/).
void info(Call& call);

// Sections that are in a file of their own.
void info_of_commands(Executor& executor, std::string& out);
void info_of_errors(Executor& executor, std::string& out);
void info_of_latencies(Executor& executor, std::string& out);

}  // namespace leat::resp
