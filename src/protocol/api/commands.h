#pragma once

#include "protocol/api/request.h"
#include "protocol/resp/local_commands.h"

// The way from requests to the keyspace, whose commands do the work.
namespace leat::api {

[[nodiscard]] resp::LocalOptions local_options(const Request& request, std::uint32_t database);
// Runs one command. Problems: those of running it, and what it answers that is an error.
[[nodiscard]] runtime::Task<Outcome<resp::ReplyValue>> run_command(const Request& request,
                                                                   std::vector<std::string> words,
                                                                   std::uint32_t database = 0);
// The same for one that may wait: when the client goes, it ends, and what it waits for goes to nobody. An answer that is an error
// is a value.
[[nodiscard]] runtime::Task<Result<resp::ReplyValue>> run_waiting_command(const Request& request,
                                                                          std::vector<std::string> words,
                                                                          resp::LocalOptions options);

// The problem that an error of a command is.
[[nodiscard]] Problem problem_of_reply(const std::string& error);

// A reply as JSON: texts that are no UTF-8 become {"base64": ...}, errors {"error": ...}, maps whose keys are all text objects,
// others lists of pairs.
[[nodiscard]] Json json_of(const resp::ReplyValue& reply);

}  // namespace leat::api
