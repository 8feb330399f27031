#pragma once

#include <cstdint>

#include "keyspace/listpack_entry.h"
#include "protocol/resp/reply.h"

namespace leat::resp {

// How many random elements, which may repeat, a command gives at most. Redis has no limit here and may run out of memory.
inline constexpr std::int64_t kRepeatsMax = std::int64_t{1} << 27;

// An element of a collection, as a bulk string.
inline void reply_element(Reply& reply, keyspace::Element element) {
  if (element.is_integer()) return reply.integer_as_bulk(element.integer());
  reply.bulk(element.string());
}

}  // namespace leat::resp
