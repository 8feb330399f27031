#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "log/batch.h"

namespace leat::log {

// The whole of `compressed`, decompressed. Snappy in both forms that clients send: raw, and the xerial framing of the
// Java clients. LZ4 and zstd in their frame formats, gzip with one or more members. Never grows above `size_max`
// (too_large); anything that is not exactly one well-formed stream is corrupt_message. Thread-safe.
[[nodiscard]] Result<Bytes> decompress(Codec codec, BytesView compressed, std::size_t size_max);

// `plain` compressed at the codec's default level, in the form that every client reads. Thread-safe.
[[nodiscard]] Result<Bytes> compress(Codec codec, BytesView plain);

}  // namespace leat::log
