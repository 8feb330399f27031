#include "keyspace/hyper_log_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "keyspace/hyper_log_log_sparse.h"

namespace leat::keyspace::hyper_log_log {
namespace {

constexpr std::string_view kMagic = "HYLL";
constexpr std::size_t kEncodingAt = 4;
constexpr std::size_t kCountAt = 8;
constexpr char kDense = 0;
constexpr char kSparse = 1;

constexpr unsigned kIndexBits = 14;
constexpr unsigned kRankBits = 64 - kIndexBits;
constexpr std::uint64_t kHashSeed = 0xadc83b19;

// MurmurHash64A (public domain, Austin Appleby), reading words as little endian.
std::uint64_t hash_of(std::string_view text) {
  constexpr std::uint64_t kMultiplier = 0xc6a4a7935bd1e995;
  constexpr int kShift = 47;
  std::uint64_t hash = kHashSeed ^ (text.size() * kMultiplier);
  const std::size_t whole = text.size() / 8 * 8;
  for (std::size_t i = 0; i < whole; i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + i, sizeof word);
    word *= kMultiplier;
    word ^= word >> kShift;
    word *= kMultiplier;
    hash ^= word;
    hash *= kMultiplier;
  }
  if (whole < text.size()) {
    std::uint64_t rest = 0;
    std::memcpy(&rest, text.data() + whole, text.size() - whole);
    hash ^= rest;
    hash *= kMultiplier;
  }
  hash ^= hash >> kShift;
  hash *= kMultiplier;
  hash ^= hash >> kShift;
  return hash;
}

// A register's six bits begin at any bit; the first register has the lowest.
std::uint8_t load_dense(const char* bytes, std::size_t index) {
  const std::size_t bit = index * 6;
  const char* at = bytes + kHeaderBytes + bit / 8;
  const unsigned low = static_cast<unsigned char>(at[0]);
  const unsigned high = index + 1 < kRegisters ? static_cast<unsigned char>(at[1]) : 0U;
  return static_cast<std::uint8_t>((low | high << 8) >> (bit % 8) & 63);
}

void store_dense(char* bytes, std::size_t index, std::uint8_t value) {
  const std::size_t bit = index * 6;
  char* at = bytes + kHeaderBytes + bit / 8;
  const unsigned shift = bit % 8;
  const unsigned mask = 63U << shift;
  const unsigned bits = static_cast<unsigned>(value) << shift;
  at[0] = static_cast<char>((static_cast<unsigned char>(at[0]) & ~mask) | bits);
  if (shift > 2) at[1] = static_cast<char>((static_cast<unsigned char>(at[1]) & ~(mask >> 8)) | bits >> 8);
}

// Calls `use` with each register of a dense one, in order.
template <class F>
void for_each_dense(std::string_view bytes, F&& use) {
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data()) + kHeaderBytes;
  // Four registers are three bytes.
  for (std::size_t i = 0; i < kRegisters; i += 4, at += 3) {
    const unsigned word = at[0] | static_cast<unsigned>(at[1]) << 8 | static_cast<unsigned>(at[2]) << 16;
    use(i, static_cast<std::uint8_t>(word & 63));
    use(i + 1, static_cast<std::uint8_t>(word >> 6 & 63));
    use(i + 2, static_cast<std::uint8_t>(word >> 12 & 63));
    use(i + 3, static_cast<std::uint8_t>(word >> 18));
  }
}

double sigma(double x) {
  if (x == 1.0) return std::numeric_limits<double>::infinity();
  double y = 1;
  double z = x;
  double before = 0;
  do {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  } while (before != z);
  return z;
}

double tau(double x) {
  if (x == 0.0 || x == 1.0) return 0.0;
  double y = 1;
  double z = 1 - x;
  double before = 0;
  do {
    x = std::sqrt(x);
    before = z;
    y *= 0.5;
    z -= std::pow(1 - x, 2) * y;
  } while (before != z);
  return z / 3;
}

}  // namespace

bool is_valid(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes || !bytes.starts_with(kMagic)) return false;
  if (bytes[kEncodingAt] == kDense) return bytes.size() == kDenseBytes;
  return bytes[kEncodingAt] == kSparse;
}

bool is_dense(std::string_view bytes) { return bytes[kEncodingAt] == kDense; }

std::string make_empty() {
  std::string bytes(kHeaderBytes, '\0');
  bytes.replace(0, kMagic.size(), kMagic);
  bytes[kEncodingAt] = kSparse;
  sparse::append_zeros(bytes, kRegisters);
  return bytes;
}

Mark mark_of(std::string_view element) {
  const std::uint64_t hash = hash_of(element);
  // A one behind the last bit ends the run.
  const std::uint64_t rest = hash >> kIndexBits | std::uint64_t{1} << kRankBits;
  return {hash & (kRegisters - 1), static_cast<std::uint8_t>(std::countr_zero(rest) + 1)};
}

Change raise_dense(char* bytes, Mark mark) {
  if (load_dense(bytes, mark.index) >= mark.rank) return Change::none;
  store_dense(bytes, mark.index, mark.rank);
  return Change::raised;
}

Change raise(std::string& bytes, Mark mark, std::size_t sparse_bytes_max) {
  if (is_dense(bytes)) return raise_dense(bytes.data(), mark);
  const auto change = sparse::raise(bytes, mark, sparse_bytes_max);
  if (change) return *change;
  return make_dense(bytes) ? raise_dense(bytes.data(), mark) : Change::corrupt;
}

bool make_dense(std::string& bytes) {
  if (is_dense(bytes)) return true;
  std::string dense(kDenseBytes, '\0');
  dense.replace(0, kHeaderBytes, bytes, 0, kHeaderBytes);
  dense[kEncodingAt] = kDense;
  const bool sound = sparse::for_each_run(bytes, [&dense](std::size_t begin, std::size_t size, std::uint8_t value) {
    if (value == 0) return;
    for (std::size_t i = begin; i < begin + size; ++i) store_dense(dense.data(), i, value);
  });
  if (sound) bytes = std::move(dense);
  return sound;
}

std::optional<std::uint64_t> kept_count(std::string_view bytes) {
  std::uint64_t count = 0;
  std::memcpy(&count, bytes.data() + kCountAt, sizeof count);
  if (count >> 63 != 0) return std::nullopt;
  return count;
}

void keep_count(char* bytes, std::uint64_t count) { std::memcpy(bytes + kCountAt, &count, sizeof count); }

void forget_count(char* bytes) {
  bytes[kHeaderBytes - 1] = static_cast<char>(static_cast<unsigned char>(bytes[kHeaderBytes - 1]) | 0x80U);
}

std::optional<std::uint64_t> count(std::string_view bytes) {
  std::array<std::uint32_t, 64> histogram{};
  if (is_dense(bytes)) {
    for_each_dense(bytes, [&histogram](std::size_t, std::uint8_t value) { ++histogram[value]; });
  } else if (!sparse::for_each_run(bytes, [&histogram](std::size_t, std::size_t size, std::uint8_t value) {
               histogram[value] += static_cast<std::uint32_t>(size);
             })) {
    return std::nullopt;
  }
  return estimate(histogram);
}

std::string describe_sparse(std::string_view bytes) { return sparse::describe(bytes); }

bool Registers::merge(std::string_view bytes) {
  const auto raise_to = [this](std::size_t index, std::uint8_t value) {
    values_[index] = std::max(values_[index], value);
  };
  if (is_dense(bytes)) {
    for_each_dense(bytes, raise_to);
    return true;
  }
  return sparse::for_each_run(bytes, [&raise_to](std::size_t begin, std::size_t size, std::uint8_t value) {
    if (value == 0) return;
    for (std::size_t i = begin; i < begin + size; ++i) raise_to(i, value);
  });
}

std::uint64_t Registers::count() const {
  std::array<std::uint32_t, 64> histogram{};
  for (const std::uint8_t value : values_) ++histogram[value];
  return estimate(histogram);
}

std::uint64_t estimate(const std::array<std::uint32_t, 64>& histogram) {
  constexpr double kAlphaInfinity = 0.721347520444481703680;  // 1 / (2 ln 2)
  constexpr double kCount = kRegisters;
  double z = kCount * tau((kCount - histogram[kRankBits + 1]) / kCount);
  for (std::size_t rank = kRankBits; rank >= 1; --rank) {
    z += histogram[rank];
    z *= 0.5;
  }
  z += kCount * sigma(histogram[0] / kCount);
  return static_cast<std::uint64_t>(std::llround(kAlphaInfinity * kCount * kCount / z));
}

}  // namespace leat::keyspace::hyper_log_log
