#pragma once

#include <optional>
#include <string>

#include "keyspace/dump.h"
#include "keyspace/dump_codec.h"
#include "keyspace/stream.h"

namespace leat::keyspace {

// Writes a stream as dump() needs it: its DumpType and what follows.
void dump_stream(const Stream& stream, std::string& out);
// Reads what follows a stream's type. nullopt: it is broken.
[[nodiscard]] std::optional<Stream> load_stream(DumpType type, DumpReader& from);

}  // namespace leat::keyspace
