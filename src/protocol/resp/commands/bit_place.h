#pragma once

#include <cstdint>
#include <optional>

#include "protocol/resp/call.h"

namespace leat::resp {

// An argument that is the number of a bit, or, when integers of `width` bits are counted, "#" and the number of one. When it
// is neither, an error is the reply.
[[nodiscard]] std::optional<std::uint64_t> parse_bit_offset(Call& call, std::size_t index, unsigned width = 0);

// The bytes of the string at call[1], which may be changed. They last until its key changes.
struct BitPlace {
  char* bytes;
  std::size_t size;
  bool grown;  // it is new, or longer than it was
};

// The string becomes long enough for that bit. When it is not a string, that is the reply.
[[nodiscard]] std::optional<BitPlace> open_for_bits(Call& call, std::uint64_t bit);

// In bitfields.cc:
void bitfield(Call& call);
void bitfield_ro(Call& call);

}  // namespace leat::resp
