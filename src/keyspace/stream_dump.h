#pragma once

#include <memory>
#include <string>

#include "keyspace/dump.h"
#include "keyspace/dump_codec.h"

namespace leat::keyspace {

// Writes a stream as dump() needs it: its DumpType and what follows.
void dump_stream(const Value& stream, std::string& out);
// Reads what follows a stream's type. Null: it is broken.
[[nodiscard]] std::unique_ptr<Value> load_stream(DumpType type, DumpReader& from);

}  // namespace leat::keyspace
