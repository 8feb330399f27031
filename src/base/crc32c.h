#pragma once

#include "base/bytes.h"

namespace leat {

// CRC-32C (Castagnoli, RFC 3720 appendix B.4) in hardware where the processor has it. `seed` is the CRC of what came
// before, so that crc32c(b, crc32c(a)) is the CRC of a followed by b.
[[nodiscard]] std::uint32_t crc32c(BytesView bytes, std::uint32_t seed = 0);

}  // namespace leat
