#include "keyspace/stream_dump.h"

namespace leat::keyspace {

// No key holds a stream yet, so none is written, and none can be taken in.
void dump_stream(const Value& /*stream*/, std::string& /*out*/) {}

std::unique_ptr<Value> load_stream(DumpType /*type*/, DumpReader& /*from*/) { return nullptr; }

}  // namespace leat::keyspace
