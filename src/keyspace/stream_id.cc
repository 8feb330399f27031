#include "keyspace/stream_id.h"

#include <charconv>

namespace leat::keyspace {

std::string_view format_stream_id(StreamId id, StreamIdText& buffer) {
  char* const end = buffer + sizeof buffer;
  char* at = std::to_chars(buffer, end, id.ms).ptr;
  *at++ = '-';
  at = std::to_chars(at, end, id.sequence).ptr;
  return {buffer, static_cast<std::size_t>(at - buffer)};
}

}  // namespace leat::keyspace
