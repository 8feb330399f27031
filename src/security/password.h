#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

// Passwords of people and clients, kept as hashes that are slow to make. What is made here is argon2id (RFC 9106) in the
// PHC string format; what comes from elsewhere may be bcrypt too.
namespace leat::security {

inline constexpr std::size_t kPasswordBytesMax = 1024;

// What hash_password makes: the least that OWASP's password storage cheat sheet recommends for argon2id.
inline constexpr std::uint32_t kArgon2MemoryKib = 19456;
inline constexpr std::uint32_t kArgon2Passes = 2;
inline constexpr std::uint32_t kArgon2Lanes = 1;
inline constexpr std::size_t kArgon2SaltBytes = 16;
inline constexpr std::size_t kArgon2HashBytes = 32;

// What a hash from elsewhere may ask for at most: verifying costs its parameters, whoever chose them. The most of all of
// them together takes about a second of one core.
inline constexpr std::uint32_t kArgon2MemoryKibMax = 64 * 1024;
inline constexpr std::uint32_t kArgon2PassesMax = 8;
inline constexpr std::uint32_t kArgon2LanesMax = 8;
inline constexpr std::uint32_t kBcryptCostMin = 4;
inline constexpr std::uint32_t kBcryptCostMax = 14;

// Whether a password can be hashed: 1 to kPasswordBytesMax bytes of any value. Error: invalid_argument.
[[nodiscard]] Status check_password(std::string_view password);

// "$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH". The password passes check_password, and the salt is kArgon2SaltBytes random
// bytes that no other hash has; std::invalid_argument is thrown where that is not so. Takes tens of milliseconds and 19
// MiB: call it on the I/O pool.
[[nodiscard]] std::string hash_password(std::string_view password, std::span<const std::byte> salt16);

// Whether `hash` was made of `password`. False also for a password that check_password refuses and for a hash that
// check_password_hash refuses. Bcrypt sees no more than 72 bytes, and none of a password that has a NUL byte: that is
// refused. Takes tens of milliseconds, or what the hash asks for: call it on the I/O pool, whose threads may all use it at
// once.
[[nodiscard]] bool verify_password(std::string_view hash, std::string_view password);

// Whether verify_password takes a hash that comes from elsewhere: argon2id's PHC strings of version 19 with a salt of 8 to
// 64 and a hash of 16 to 64 bytes, and bcrypt's $2a$, $2b$ and $2y$, both with parameters within the limits above. Error:
// invalid_argument, which does not show the hash.
[[nodiscard]] Status check_password_hash(std::string_view hash);

}  // namespace leat::security
