#pragma once

#include <functional>
#include <string_view>

#include "keyspace/listpack_entry.h"

// Forms in which Redis before 7 kept small values. They are only read: from dumps, which may come from anyone.
namespace leat::keyspace {

// Gives each element to `use`, until that returns false. False: it did, or the bytes are not a whole and sound ziplist.
[[nodiscard]] bool read_ziplist(std::string_view bytes, const std::function<bool(Element)>& use);

// As above, for the fields and values of a zipmap.
[[nodiscard]] bool read_zipmap(std::string_view bytes,
                               const std::function<bool(std::string_view field, std::string_view value)>& use);

}  // namespace leat::keyspace
