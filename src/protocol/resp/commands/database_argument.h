#pragma once

#include "protocol/resp/call.h"

namespace leat::resp {

// The database of that number; nullptr: it replied that there is none.
[[nodiscard]] keyspace::Database* find_database(Call& call, std::string_view number);

}  // namespace leat::resp
