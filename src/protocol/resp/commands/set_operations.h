#pragma once

#include "keyspace/set.h"
#include "protocol/resp/call.h"

namespace leat::resp {

// All members, as a set.
void reply_set(Call& call, keyspace::Set& set);

// The commands that take several sets.
void sdiff(Call& call);
void sdiffstore(Call& call);
void sinter(Call& call);
void sintercard(Call& call);
void sinterstore(Call& call);
void sunion(Call& call);
void sunionstore(Call& call);

}  // namespace leat::resp
