#include "log/compression.h"

#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

namespace leat::log {
namespace {

// Output starts at this size and doubles as it fills, whatever the input declares.
constexpr std::size_t kFirstOutput = 64 << 10;
constexpr int kZstdLevel = 3;
constexpr int kZstdWindowLogMax = 27;  // what decoders accept unless told otherwise
constexpr std::size_t kSnappyBlock = 32 << 10;
constexpr std::size_t kXerialHeader = 16;
constexpr std::uint8_t kXerialMagic[8] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};
// A snappy copy makes at most 64 bytes of 3.
constexpr std::size_t kSnappyRatioMax = 22;

std::unexpected<Error> malformed(std::string_view codec, std::string_view what) {
  return fail(Errc::corrupt_message, fmt::format("{} data is malformed: {}", codec, what));
}
std::unexpected<Error> above_limit(std::size_t size_max) {
  return fail(Errc::too_large, fmt::format("data decompresses to more than {} bytes", size_max));
}
std::unexpected<Error> codec_failed(std::string_view codec, std::string_view what) {
  return fail(Errc::internal, fmt::format("{} failed: {}", codec, what));
}

// Gives `output`, filled up to `used`, more room. False when it has reached `size_max` already.
bool grow(Bytes& output, std::size_t used, std::size_t size_max) {
  if (used < output.size()) return true;
  if (output.size() >= size_max) return false;
  output.resize(std::min(size_max, std::max(output.size() * 2, kFirstOutput)));
  return true;
}

// Codec contexts are kept by each thread: making one costs more than a small batch.

struct Inflater {
  z_stream stream{};
  bool ready = inflateInit2(&stream, MAX_WBITS + 16) == Z_OK;
  Inflater() = default;
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() { inflateEnd(&stream); }
};

struct Deflater {
  z_stream stream{};
  bool ready = deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK;
  Deflater() = default;
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;
  ~Deflater() { deflateEnd(&stream); }
};

// liblz4's reset keeps the declared size of a frame that failed and holds it against the next one, so a context is used
// again only after a frame that ended well.
struct Lz4Context {
  LZ4F_dctx* dctx = nullptr;
  bool reusable = false;
  Lz4Context() = default;
  Lz4Context(const Lz4Context&) = delete;
  Lz4Context& operator=(const Lz4Context&) = delete;
  ~Lz4Context() { LZ4F_freeDecompressionContext(dctx); }

  // Ready for a frame; false when there is no memory.
  bool start() {
    if (std::exchange(reusable, false)) return true;
    LZ4F_freeDecompressionContext(std::exchange(dctx, nullptr));
    return !LZ4F_isError(LZ4F_createDecompressionContext(&dctx, LZ4F_VERSION));
  }
};

struct ZstdFree {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

// zlib counts in 32 bits.
uInt zlib_step(std::size_t size) { return static_cast<uInt>(std::min<std::size_t>(size, 1U << 30)); }

Result<Bytes> gzip_decompress(BytesView compressed, std::size_t size_max) {
  thread_local Inflater inflater;
  z_stream& stream = inflater.stream;
  if (!inflater.ready || inflateReset(&stream) != Z_OK) return codec_failed("gzip", "no context");
  Bytes output;
  std::size_t used = 0;
  std::size_t taken = 0;
  std::byte probe{};  // takes the byte too many, to tell "full" from "exactly full"
  for (bool in_member = true; in_member || taken < compressed.size();) {
    if (!in_member) inflateReset(&stream);
    const bool room = grow(output, used, size_max);
    const uInt step_in = zlib_step(compressed.size() - taken);
    const uInt step_out = room ? zlib_step(output.size() - used) : 1;
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(compressed.data() + taken));
    stream.avail_in = step_in;
    stream.next_out = reinterpret_cast<Bytef*>(room ? output.data() + used : &probe);
    stream.avail_out = step_out;
    const int status = inflate(&stream, Z_NO_FLUSH);
    const std::size_t made = step_out - stream.avail_out;
    taken += step_in - stream.avail_in;
    if (status != Z_OK && status != Z_STREAM_END) return malformed("gzip", "a bad or cut stream");
    if (!room && made > 0) return above_limit(size_max);
    used += made;
    in_member = status != Z_STREAM_END;
  }
  output.resize(used);
  return output;
}

Result<Bytes> gzip_compress(BytesView plain) {
  thread_local Deflater deflater;
  z_stream& stream = deflater.stream;
  if (!deflater.ready || deflateReset(&stream) != Z_OK) return codec_failed("gzip", "no context");
  if (plain.size() > UINT32_MAX) return codec_failed("gzip", "input above 4 GiB");
  Bytes output = Bytes::uninitialized(deflateBound(&stream, plain.size()));
  if (output.size() > UINT32_MAX) return codec_failed("gzip", "output above 4 GiB");
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(output.data());
  stream.avail_out = static_cast<uInt>(output.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) return codec_failed("gzip", "output above its bound");
  output.resize(output.size() - stream.avail_out);
  return output;
}

// Appends one raw snappy block.
Status snappy_block(BytesView block, std::size_t size_max, Bytes& output) {
  const auto* const data = reinterpret_cast<const char*>(block.data());
  std::size_t size = 0;
  if (!snappy::GetUncompressedLength(data, block.size(), &size)) return malformed("snappy", "no length");
  if (size > size_max - output.size()) return above_limit(size_max);
  if (size > block.size() * kSnappyRatioMax) return malformed("snappy", "a length that its bytes cannot expand to");
  const std::size_t start = output.size();
  output.resize(start + size);
  // A null destination would be undefined even for no bytes.
  char nothing = 0;
  char* const at = size == 0 ? &nothing : reinterpret_cast<char*>(output.data() + start);
  if (!snappy::RawUncompress(data, block.size(), at)) return malformed("snappy", "a bad block");
  return {};
}

Result<Bytes> snappy_decompress(BytesView compressed, std::size_t size_max) {
  Bytes output;
  if (compressed.size() < sizeof kXerialMagic ||
      std::memcmp(compressed.data(), kXerialMagic, sizeof kXerialMagic) != 0) {
    LEAT_CHECK(snappy_block(compressed, size_max, output));
    return output;
  }
  if (compressed.size() < kXerialHeader || load_be<std::int32_t>(compressed.data() + 8) != 1 ||
      load_be<std::int32_t>(compressed.data() + 12) != 1)
    return malformed("snappy", "a framing other than version 1");
  for (BytesView rest = compressed.subspan(kXerialHeader); !rest.empty();) {
    if (rest.size() < 4) return malformed("snappy", "a cut block length");
    const auto size = load_be<std::uint32_t>(rest.data());
    rest = rest.subspan(4);
    if (size > rest.size()) return malformed("snappy", "a cut block");
    LEAT_CHECK(snappy_block(rest.first(size), size_max, output));
    rest = rest.subspan(size);
  }
  return output;
}

Bytes snappy_compress(BytesView plain) {
  const std::size_t blocks = (plain.size() + kSnappyBlock - 1) / kSnappyBlock;
  Bytes output = Bytes::uninitialized(kXerialHeader + blocks * (4 + snappy::MaxCompressedLength(kSnappyBlock)));
  std::memcpy(output.data(), kXerialMagic, sizeof kXerialMagic);
  store_be<std::int32_t>(output.data() + 8, 1);
  store_be<std::int32_t>(output.data() + 12, 1);
  std::size_t used = kXerialHeader;
  for (; !plain.empty(); plain = plain.subspan(std::min(plain.size(), kSnappyBlock))) {
    std::size_t size = 0;
    snappy::RawCompress(reinterpret_cast<const char*>(plain.data()), std::min(plain.size(), kSnappyBlock),
                        reinterpret_cast<char*>(output.data() + used + 4), &size);
    store_be<std::uint32_t>(output.data() + used, static_cast<std::uint32_t>(size));
    used += 4 + size;
  }
  output.resize(used);
  return output;
}

// Java clients read version 1 with independent blocks and no dictionary, and nothing else.
bool lz4_frame_is_common(BytesView frame) {
  constexpr std::uint32_t kMagic = 0x184D2204;
  constexpr std::uint8_t kFlagsMeant = 0xE3;  // version, block independence, reserved, dictionary
  constexpr std::uint8_t kFlagsWanted = 0x60;
  return frame.size() >= 7 && std::byteswap(load_be<std::uint32_t>(frame.data())) == kMagic &&
         (static_cast<std::uint8_t>(frame[4]) & kFlagsMeant) == kFlagsWanted;
}

Result<Bytes> lz4_decompress(BytesView compressed, std::size_t size_max) {
  thread_local Lz4Context context;
  if (!lz4_frame_is_common(compressed)) return malformed("lz4", "not a frame of independent blocks");
  if (!context.start()) return codec_failed("lz4", "no context");
  Bytes output;
  std::size_t used = 0;
  std::size_t taken = 0;
  std::byte probe{};
  for (std::size_t wanted = 1; wanted != 0;) {
    const bool room = grow(output, used, size_max);
    std::size_t step_in = compressed.size() - taken;
    std::size_t step_out = room ? output.size() - used : 1;
    wanted = LZ4F_decompress(context.dctx, room ? output.data() + used : &probe, &step_out, compressed.data() + taken,
                             &step_in, nullptr);
    if (LZ4F_isError(wanted)) return malformed("lz4", LZ4F_getErrorName(wanted));
    if (!room && step_out > 0) return above_limit(size_max);
    if (step_in == 0 && step_out == 0 && wanted != 0) return malformed("lz4", "a cut frame");
    taken += step_in;
    used += step_out;
  }
  context.reusable = true;
  if (taken != compressed.size()) return malformed("lz4", "bytes follow the frame");
  output.resize(used);
  return output;
}

Result<Bytes> lz4_compress(BytesView plain) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockSizeID = LZ4F_max64KB;
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;
  Bytes output = Bytes::uninitialized(LZ4F_compressFrameBound(plain.size(), &preferences));
  const std::size_t size = LZ4F_compressFrame(output.data(), output.size(), plain.data(), plain.size(), &preferences);
  if (LZ4F_isError(size)) return codec_failed("lz4", LZ4F_getErrorName(size));
  output.resize(size);
  return output;
}

// The window that a streaming decoder would have to hold, from the frame header (RFC 8878, section 3.1.1.1).
bool zstd_window_is_common(BytesView frame) {
  constexpr std::uint8_t kSingleSegment = 0x20;
  if (frame.size() < 6 || (static_cast<std::uint8_t>(frame[4]) & kSingleSegment) != 0) return true;
  const auto descriptor = static_cast<std::uint8_t>(frame[5]);
  const int log = 10 + (descriptor >> 3);
  return log < kZstdWindowLogMax || (log == kZstdWindowLogMax && (descriptor & 7) == 0);
}

// Decompresses at once into output that doubles until it fits: no window is allocated, and no declared size believed.
Result<Bytes> zstd_decompress(BytesView compressed, std::size_t size_max) {
  thread_local const std::unique_ptr<ZSTD_DCtx, ZstdFree> context(ZSTD_createDCtx());
  if (!context) return codec_failed("zstd", "no context");
  const unsigned long long declared = ZSTD_getFrameContentSize(compressed.data(), compressed.size());
  const std::size_t frame_size = ZSTD_findFrameCompressedSize(compressed.data(), compressed.size());
  if (declared == ZSTD_CONTENTSIZE_ERROR || ZSTD_isError(frame_size)) return malformed("zstd", "not a whole frame");
  if (frame_size != compressed.size()) return malformed("zstd", "bytes follow the frame");
  if (!zstd_window_is_common(compressed)) return malformed("zstd", "a window above 128 MiB");
  if (declared != ZSTD_CONTENTSIZE_UNKNOWN && declared > size_max) return above_limit(size_max);
  std::size_t capacity = std::max(kFirstOutput, compressed.size() * 8);
  if (declared != ZSTD_CONTENTSIZE_UNKNOWN) capacity = std::min<std::size_t>(capacity, declared);
  for (capacity = std::min(capacity, size_max);; capacity = std::min(capacity * 2, size_max)) {
    Bytes output = Bytes::uninitialized(std::max<std::size_t>(capacity, 1));
    const std::size_t size =
        ZSTD_decompressDCtx(context.get(), output.data(), capacity, compressed.data(), compressed.size());
    if (!ZSTD_isError(size)) {
      output.resize(size);
      return output;
    }
    if (ZSTD_getErrorCode(size) != ZSTD_error_dstSize_tooSmall) return malformed("zstd", ZSTD_getErrorName(size));
    if (capacity >= size_max) return above_limit(size_max);
    if (declared != ZSTD_CONTENTSIZE_UNKNOWN && capacity >= declared)
      return malformed("zstd", "more content than it declares");
  }
}

Result<Bytes> zstd_compress(BytesView plain) {
  thread_local const std::unique_ptr<ZSTD_CCtx, ZstdFree> context(ZSTD_createCCtx());
  if (!context) return codec_failed("zstd", "no context");
  Bytes output = Bytes::uninitialized(ZSTD_compressBound(plain.size()));
  const std::size_t size =
      ZSTD_compressCCtx(context.get(), output.data(), output.size(), plain.data(), plain.size(), kZstdLevel);
  if (ZSTD_isError(size)) return codec_failed("zstd", ZSTD_getErrorName(size));
  output.resize(size);
  return output;
}

}  // namespace

Result<Bytes> decompress(Codec codec, BytesView compressed, std::size_t size_max) {
  switch (codec) {
    case Codec::none:
      if (compressed.size() > size_max) return above_limit(size_max);
      return Bytes::copy_of(compressed);
    case Codec::gzip: return gzip_decompress(compressed, size_max);
    case Codec::snappy: return snappy_decompress(compressed, size_max);
    case Codec::lz4: return lz4_decompress(compressed, size_max);
    case Codec::zstd: return zstd_decompress(compressed, size_max);
  }
  return fail(Errc::unsupported_codec, fmt::format("codec {} is unknown", static_cast<int>(codec)));
}

Result<Bytes> compress(Codec codec, BytesView plain) {
  switch (codec) {
    case Codec::none: return Bytes::copy_of(plain);
    case Codec::gzip: return gzip_compress(plain);
    case Codec::snappy: return snappy_compress(plain);
    case Codec::lz4: return lz4_compress(plain);
    case Codec::zstd: return zstd_compress(plain);
  }
  return fail(Errc::unsupported_codec, fmt::format("codec {} is unknown", static_cast<int>(codec)));
}

}  // namespace leat::log
