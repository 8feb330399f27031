#pragma once

#include "protocol/resp/call.h"

namespace leat::resp {

// Journals what the key holds now, and when it expires, as one effect that replaces whatever was there.
void effect_of_key(Call& call, keyspace::Database& database, std::string_view key);

}  // namespace leat::resp
