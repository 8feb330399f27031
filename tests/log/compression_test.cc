#include "log/compression.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/log/batch_support.h"

namespace leat::log {
namespace {

using namespace leat::log::testing;

constexpr std::string_view kLinkedLz4 =
    "04224d184040c00b0100001f610100ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    "ffffffffffffffffffffffffffffffffffffffffffe75061616161611b0000000f0100ffffffffffffffffffffffffffffff"
    "ffff6950616161616100000000";
constexpr std::string_view kUnsizedZstd =
    "28b52ffd00505400001061610100fbff39c00202001061020010610200106102001061020010610200106103120a61";

// python3-lz4's frame of 16 times "a", with its content size.
constexpr std::string_view kSizedLz4 = "04224d1868401000000000000000650a0000001661010050616161616100000000";

constexpr Codec kCompressing[] = {Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd};

std::string random_text(std::uint32_t seed, std::size_t size, int letters) {
  std::mt19937 random(seed);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random() % static_cast<unsigned>(letters));
  return text;
}

Errc error_of(Codec codec, BytesView compressed, std::size_t size_max = 1 << 20) {
  const auto plain = decompress(codec, compressed, size_max);
  EXPECT_FALSE(plain) << "codec " << static_cast<int>(codec) << " accepted " << compressed.size() << " bytes";
  return plain ? Errc::internal : plain.error().code;
}

TEST(Compression, RoundTripsEverySizeAndContent) {
  for (const Codec codec : {Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
    for (const std::size_t size : {0, 1, 2, 100, 32767, 32768, 32769, 65535, 65536, 65537, 1'000'000}) {
      for (const int letters : {1, 4, 256}) {
        const std::string plain = random_text(static_cast<std::uint32_t>(size), size, letters);
        const Bytes compressed = compress(codec, as_bytes(plain)).value();
        const auto back = decompress(codec, compressed, size);
        ASSERT_TRUE(back) << back.error().message << ", codec " << static_cast<int>(codec) << " size " << size;
        ASSERT_TRUE(as_text(*back) == plain) << "codec " << static_cast<int>(codec) << " size " << size;
      }
    }
  }
}

TEST(Compression, OneByteAboveTheCeilingIsRefused) {
  for (const Codec codec : kCompressing) {
    for (const std::size_t size : {1, 100, 65536, 65537, 1'000'000}) {
      const Bytes compressed = compress(codec, as_bytes(random_text(1, size, 3))).value();
      EXPECT_EQ(error_of(codec, compressed, size - 1), Errc::too_large) << static_cast<int>(codec) << " " << size;
    }
  }
}

TEST(Compression, BombsStopAtTheCeiling) {
  const std::string zeros(std::size_t{256} << 20, '\0');
  for (const Codec codec : kCompressing) {
    const Bytes bomb = compress(codec, as_bytes(zeros)).value();
    EXPECT_EQ(error_of(codec, bomb), Errc::too_large) << static_cast<int>(codec);
  }
}

// The most address space that this process ever had.
std::size_t peak_kib() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word && word != "VmPeak:") {}
  std::size_t kib = 0;
  status >> kib;
  return kib;
}

TEST(Compression, DeclaredSizesReserveNoMemory) {
  const std::size_t before = peak_kib();
  ASSERT_GT(before, 0U);
  // A zstd frame header that claims 1 GiB, and a snappy block that does, with a few bytes behind them.
  EXPECT_EQ(error_of(Codec::zstd, from_hex("28b52ffda000000040010000"), std::size_t{2} << 30), Errc::corrupt_message);
  EXPECT_EQ(error_of(Codec::snappy, from_hex("808080800400610000"), std::size_t{2} << 30), Errc::corrupt_message);
  EXPECT_LT(peak_kib(), before + (256 << 10));
  EXPECT_EQ(error_of(Codec::zstd, from_hex("28b52ffda000000040010000")), Errc::too_large);
  EXPECT_EQ(error_of(Codec::snappy, from_hex("808080800400610000")), Errc::too_large);
}

TEST(Compression, CutStreamsAreRefused) {
  const std::string plain = random_text(5, 3000, 8);
  for (const Codec codec : kCompressing) {
    const Bytes compressed = compress(codec, as_bytes(plain)).value();
    for (std::size_t size = 0; size < compressed.size(); ++size) {
      // Cut after its framing header, snappy is an empty stream.
      if (codec == Codec::snappy && size == 16) continue;
      EXPECT_EQ(error_of(codec, Bytes::copy_of(compressed.view().first(size))), Errc::corrupt_message)
          << static_cast<int>(codec) << " " << size;
    }
  }
}

TEST(Compression, BytesAfterTheStreamAreRefused) {
  for (const Codec codec : kCompressing) {
    Bytes compressed = compress(codec, as_bytes("some plain text")).value();
    compressed.append(as_bytes("x"));
    EXPECT_EQ(error_of(codec, compressed), Errc::corrupt_message) << static_cast<int>(codec);
  }
  for (const Codec codec : {Codec::lz4, Codec::zstd}) {
    Bytes twice = compress(codec, as_bytes("some plain text")).value();
    twice.append(Bytes::copy_of(twice));
    EXPECT_EQ(error_of(codec, twice), Errc::corrupt_message) << "two frames, codec " << static_cast<int>(codec);
  }
}

TEST(Compression, DamagedStreamsNeverCrash) {
  const std::string plain = random_text(9, 5000, 6);
  for (const Codec codec : kCompressing) {
    const Bytes compressed = compress(codec, as_bytes(plain)).value();
    std::mt19937 random(11);
    int refused = 0;
    for (int round = 0; round < 2000; ++round) {
      Bytes damaged = Bytes::copy_of(compressed);
      for (int n = 0; n < 3; ++n) damaged.data()[random() % damaged.size()] = static_cast<std::byte>(random());
      const auto result = decompress(codec, damaged, 1 << 16);
      if (!result) ++refused;
      if (result) EXPECT_LE(result->size(), std::size_t{1} << 16);
    }
    EXPECT_GT(refused, 0);
    // The thread's context is as good as new afterwards.
    EXPECT_TRUE(as_text(decompress(codec, compressed, 1 << 16).value()) == plain);
  }
}

TEST(Compression, AFailedStreamDoesNotSpoilTheNext) {
  // The lz4 frame declares its size, unlike those that follow it: liblz4 1.9.4 remembers.
  const std::pair<Codec, Bytes> streams[] = {
      {Codec::gzip, compress(Codec::gzip, as_bytes("aaaaaaaaaaaaaaaa")).value()},
      {Codec::snappy, compress(Codec::snappy, as_bytes("aaaaaaaaaaaaaaaa")).value()},
      {Codec::lz4, from_hex(kSizedLz4)},
      {Codec::zstd, compress(Codec::zstd, as_bytes("aaaaaaaaaaaaaaaa")).value()},
  };
  for (const auto& [codec, stream] : streams) {
    ASSERT_TRUE(decompress(codec, stream, 100));
    const Bytes good = compress(codec, as_bytes("good")).value();
    for (std::size_t size = 0; size < stream.size(); ++size) {
      (void)decompress(codec, stream.view().first(size), 100);
      const auto plain = decompress(codec, good, 100);
      ASSERT_TRUE(plain) << plain.error().message << " after " << size << " bytes";
      EXPECT_EQ(as_text(*plain), "good");
    }
  }
}

TEST(Compression, GzipMembersAreJoined) {
  Bytes members = compress(Codec::gzip, as_bytes("one ")).value();
  members.append(compress(Codec::gzip, as_bytes("two")).value());
  EXPECT_EQ(as_text(decompress(Codec::gzip, members, 100).value()), "one two");
}

TEST(Compression, SnappyIsReadRawAndFramed) {
  // Raw snappy of "wikiwiki...": a literal of 4 and a copy of 28 at distance 4.
  const Bytes raw = from_hex("200c77696b696e0400");
  std::string expected;
  for (int i = 0; i < 8; ++i) expected += "wiki";
  EXPECT_EQ(as_text(decompress(Codec::snappy, raw, 100).value()), expected);
  Bytes framed = from_hex("82534e41505059000000000100000001");
  for (int i = 0; i < 2; ++i) {
    framed.append(from_hex("00000009"));
    framed.append(raw);
  }
  EXPECT_EQ(as_text(decompress(Codec::snappy, framed, 100).value()), expected + expected);
  EXPECT_EQ(error_of(Codec::snappy, framed, 63), Errc::too_large);
  framed.data()[11] = std::byte{2};
  EXPECT_EQ(error_of(Codec::snappy, framed), Errc::corrupt_message) << "version 2";
  EXPECT_EQ(error_of(Codec::snappy, from_hex("82534e41505059000000000100000001ffffffff00")), Errc::corrupt_message);
}

TEST(Compression, Lz4FramesThatJavaCannotReadAreRefused) {
  Bytes frame = compress(Codec::lz4, as_bytes("some plain text")).value();
  ASSERT_EQ(static_cast<int>(frame.data()[4]) & 0xE3, 0x60);
  // python3-lz4's frame of linked blocks: lz4.frame.compress(b"a" * 70000, block_linked=True, store_size=False).
  const Bytes linked = from_hex(kLinkedLz4);
  EXPECT_EQ(error_of(Codec::lz4, linked), Errc::corrupt_message);
}

TEST(Compression, ZstdWindowsThatDecodersRefuseAreRefused) {
  // An empty frame with a window descriptor: 128 MiB passes, 256 MiB does not.
  EXPECT_TRUE(decompress(Codec::zstd, from_hex("28b52ffd0088010000"), 100));
  EXPECT_EQ(error_of(Codec::zstd, from_hex("28b52ffd0090010000")), Errc::corrupt_message);
}

TEST(Compression, ZstdWithoutADeclaredSizeGrowsToWhatItHolds) {
  // python3-zstandard, write_content_size=False: 1,000,000 times "a".
  EXPECT_EQ(decompress(Codec::zstd, from_hex(kUnsizedZstd), 1 << 20).value().size(), 1'000'000U);
  EXPECT_EQ(error_of(Codec::zstd, from_hex(kUnsizedZstd), 999'999), Errc::too_large);
}

TEST(Compression, UnknownCodecsAreRefused) {
  EXPECT_EQ(decompress(static_cast<Codec>(5), as_bytes("x"), 10).error().code, Errc::unsupported_codec);
  EXPECT_EQ(compress(static_cast<Codec>(7), as_bytes("x")).error().code, Errc::unsupported_codec);
}

}  // namespace
}  // namespace leat::log
