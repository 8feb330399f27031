#pragma once

#include "keyspace/database.h"
#include "keyspace/effects.h"

namespace leat::keyspace {

// Adds what makes a key hold what it holds now, and expire when it does, whatever it was: SET or RESTORE.
void add_entry(Effects& effects, const Database& database, const Entry& entry);

}  // namespace leat::keyspace
