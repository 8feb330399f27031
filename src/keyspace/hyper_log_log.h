#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// HyperLogLogs: strings that tell about how many different elements were added to them. The bytes are Redis's: a header of 16
// ("HYLL", the encoding, three unused, and the count as it was last reckoned, little endian, its highest bit telling that it is
// no longer true), then 16,384 registers, each the longest run of zeros seen in the hashes that fall to it. Dense: 6 bits
// each. Sparse: codes for runs of registers that are equal.
//
// Anyone can set such a string: functions take any bytes for which is_valid() holds, and tell when what follows the header
// makes no sense.
namespace leat::keyspace::hyper_log_log {

inline constexpr std::size_t kRegisters = 16384;
inline constexpr std::size_t kHeaderBytes = 16;
inline constexpr std::size_t kDenseBytes = kHeaderBytes + kRegisters * 6 / 8;

// Whether the header, and the size that it asks for, are those of one.
[[nodiscard]] bool is_valid(std::string_view bytes);
// The rest needs valid bytes.
[[nodiscard]] bool is_dense(std::string_view bytes);

// Sparse, without elements.
[[nodiscard]] std::string make_empty();

// The register of an element, and what it is raised to.
struct Mark {
  std::size_t index;
  std::uint8_t rank;
};
[[nodiscard]] Mark mark_of(std::string_view element);

enum class Change { none, raised, corrupt };

// A dense one's register becomes at least the mark's rank. `bytes` are kDenseBytes.
[[nodiscard]] Change raise_dense(char* bytes, Mark mark);
// Any one's. A sparse one becomes dense when it would take more than `sparse_bytes_max`, or the rank is too high for it.
[[nodiscard]] Change raise(std::string& bytes, Mark mark, std::size_t sparse_bytes_max);
// False: it is corrupt, and stays as it is.
[[nodiscard]] bool make_dense(std::string& bytes);

// The count that is kept in the header, if it is true.
[[nodiscard]] std::optional<std::uint64_t> kept_count(std::string_view bytes);
void keep_count(char* bytes, std::uint64_t count);
void forget_count(char* bytes);
// Reckons it anew; nullopt: it is corrupt.
[[nodiscard]] std::optional<std::uint64_t> count(std::string_view bytes);

// The codes of a sparse one as text, for PFDEBUG.
[[nodiscard]] std::string describe_sparse(std::string_view bytes);

// All registers, each in a byte.
class Registers {
 public:
  // Each becomes the higher of the two. False: the other is corrupt.
  [[nodiscard]] bool merge(std::string_view bytes);
  [[nodiscard]] std::uint64_t count() const;
  [[nodiscard]] std::uint8_t operator[](std::size_t index) const { return values_[index]; }

 private:
  std::array<std::uint8_t, kRegisters> values_{};
};

// How many elements made the registers: `histogram[r]` of them have the value r (Ertl, "New cardinality estimation algorithms
// for HyperLogLog sketches", 2017).
[[nodiscard]] std::uint64_t estimate(const std::array<std::uint32_t, 64>& histogram);

}  // namespace leat::keyspace::hyper_log_log
