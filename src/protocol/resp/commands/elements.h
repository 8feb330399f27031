#pragma once

#include "keyspace/listpack_entry.h"
#include "protocol/resp/reply.h"

namespace leat::resp {

// An element of a collection, as a bulk string.
inline void reply_element(Reply& reply, keyspace::Element element) {
  if (element.is_integer()) return reply.integer_as_bulk(element.integer());
  reply.bulk(element.string());
}

}  // namespace leat::resp
