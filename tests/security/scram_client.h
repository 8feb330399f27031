#pragma once

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <stdexcept>
#include <string>
#include <string_view>

#include "security/base64.h"
#include "security/scram.h"

// The client's side of SCRAM, made from RFC 5802 and sharing nothing with the server's but base64. For tests and the
// fuzz target.
namespace leat::security::test {

inline const EVP_MD* digest_of(ScramMechanism mechanism) {
  return mechanism == ScramMechanism::sha256 ? EVP_sha256() : EVP_sha512();
}

inline std::string hmac(ScramMechanism mechanism, std::string_view key, std::string_view bytes) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(digest_of(mechanism), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), out, &size);
  return {reinterpret_cast<const char*>(out), size};
}

inline std::string hash(ScramMechanism mechanism, std::string_view bytes) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), out, &size, digest_of(mechanism), nullptr);
  return {reinterpret_cast<const char*>(out), size};
}

inline std::string exclusive_or(std::string a, std::string_view b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<char>(a[i] ^ b[i]);
  return a;
}

// Hi() of RFC 5802, section 2.2, as it is written there.
inline std::string salted_password(ScramMechanism mechanism, std::string_view password, std::string_view salt,
                                   std::uint32_t iterations) {
  using namespace std::string_literals;
  std::string u = hmac(mechanism, password, std::string(salt) + "\0\0\0\1"s);
  std::string out = u;
  for (std::uint32_t i = 1; i < iterations; ++i) {
    u = hmac(mechanism, password, u);
    out = exclusive_or(std::move(out), u);
  }
  return out;
}

inline std::string encoded_name(std::string_view name) {
  std::string out;
  for (const char c : name) out += c == ',' ? std::string("=2C") : c == '=' ? std::string("=3D") : std::string(1, c);
  return out;
}

// What the server says first, read.
struct Challenge {
  std::string nonce;
  std::string salt;
  std::uint32_t iterations = 0;
};
inline Challenge read_challenge(std::string_view server_first) {
  const auto salt_at = server_first.find(",s=");
  const auto iterations_at = server_first.find(",i=");
  if (!server_first.starts_with("r=") || salt_at == std::string_view::npos || iterations_at == std::string_view::npos)
    throw std::runtime_error("the server's first message cannot be read");
  auto salt = base64_decoded(server_first.substr(salt_at + 3, iterations_at - salt_at - 3));
  if (!salt) throw std::runtime_error("the server's salt is not base64");
  return {std::string(server_first.substr(2, salt_at - 2)), *std::move(salt),
          static_cast<std::uint32_t>(std::stoul(std::string(server_first.substr(iterations_at + 3))))};
}

// An exchange with a password that is salted already.
struct Exchange {
  ScramMechanism mechanism;
  std::string channel;  // "n,,"
  std::string first_bare;
  std::string server_first;
  std::string salted;
  std::string extensions;  // of the final message, such as ",x=y"

  [[nodiscard]] std::string first() const { return channel + first_bare; }
  [[nodiscard]] std::string final_without_proof() const {
    return "c=" + base64(channel) + ",r=" + read_challenge(server_first).nonce + extensions;
  }
  [[nodiscard]] std::string auth_message() const {
    return first_bare + "," + server_first + "," + final_without_proof();
  }
  [[nodiscard]] std::string final() const {
    const std::string key = hmac(mechanism, salted, "Client Key");
    const std::string signature = hmac(mechanism, hash(mechanism, key), auth_message());
    return final_without_proof() + ",p=" + base64(exclusive_or(key, signature));
  }
  // What only a server that knows the user's credential can say.
  [[nodiscard]] std::string expected_server_final() const {
    return "v=" + base64(hmac(mechanism, hmac(mechanism, salted, "Server Key"), auth_message()));
  }
};

}  // namespace leat::security::test
