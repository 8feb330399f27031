#include "base/crc32c.h"

#include <isa-l/crc.h>

namespace leat {

std::uint32_t crc32c(BytesView bytes, std::uint32_t seed) {
  // isa-l takes a mutable pointer and a signed length, neither pre- nor post-inverts, and writes nothing.
  std::uint32_t crc = ~seed;
  auto* at = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(bytes.data()));
  for (std::size_t left = bytes.size(); left > 0;) {
    const std::size_t step = std::min<std::size_t>(left, std::size_t{1} << 30);
    crc = crc32_iscsi(at, static_cast<int>(step), crc);
    at += step;
    left -= step;
  }
  return ~crc;
}

}  // namespace leat
