#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/types.h"
#include "cli/environment.h"

namespace leat::cli {

class Connection;

// Becomes a user on a connection, by SCRAM-SHA-256: the password is not sent. Error: permission_denied.
[[nodiscard]] Status log_in(Connection& connection, const std::string& user, Milliseconds timeout);

// A password that is not shown as it is typed: from the file, if one is named ("-": standard input), otherwise from the
// environment variable, otherwise from the terminal, twice if `is_new`. Error: invalid_argument when there is none.
[[nodiscard]] Result<std::string> read_password(std::string_view whose, const std::string& file, Variable variable,
                                                bool is_new);

}  // namespace leat::cli
