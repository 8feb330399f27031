#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

// SCRAM (RFC 5802) with SHA-256 (RFC 7677) and SHA-512, without channel binding, as Kafka's brokers speak it (KIP-84):
// a client proves that it knows a password which is never sent, and the server that it knows what was made of it.
//
// Passwords and user names are compared as the bytes that they are: neither SASLprep nor another normalization is done,
// as Kafka's brokers and most of its clients do without. Passwords have no NUL bytes, for HMAC cannot tell those at the
// end. Nothing here does I/O or makes random bytes.
namespace leat::security {

enum class ScramMechanism : std::uint8_t { sha256, sha512 };
// "SCRAM-SHA-256", "SCRAM-SHA-512".
[[nodiscard]] std::string_view to_string(ScramMechanism mechanism);
[[nodiscard]] std::optional<ScramMechanism> scram_mechanism_of(std::string_view name);
// Of a salted password, a stored key and a server key: 32 or 64 bytes.
[[nodiscard]] std::size_t scram_key_bytes(ScramMechanism mechanism);

inline constexpr std::uint32_t kScramIterationsMin = 4096;
inline constexpr std::uint32_t kScramIterationsMax = 16384;
inline constexpr std::size_t kScramSaltBytes = 16;  // of the salts that leat makes
inline constexpr std::size_t kScramSaltBytesMax = 256;
inline constexpr std::size_t kScramMessageBytesMax = 4096;
inline constexpr std::size_t kScramNonceBytesMax = 256;

// What a client makes of a password before it goes to a server that shall keep it (KIP-554). Takes milliseconds.
[[nodiscard]] std::string scram_salted_password(ScramMechanism mechanism, std::string_view password,
                                                std::string_view salt, std::uint32_t iterations);

// What a server keeps of a password. Raw bytes, not base64. Who has the keys can act as the server, and as the client
// once an exchange was overheard.
struct ScramCredential {
  std::string salt;
  std::uint32_t iterations = 0;
  std::string stored_key;
  std::string server_key;
};

// From a password, an own random salt and kScramIterationsMin to kScramIterationsMax iterations. Takes milliseconds
// (one HMAC an iteration): call it on the I/O pool.
[[nodiscard]] ScramCredential scram_credential(ScramMechanism mechanism, std::string_view password,
                                               std::string_view salt, std::uint32_t iterations);
// From what a client has salted already, as Kafka's AlterUserScramCredentials sends it. Quick.
[[nodiscard]] ScramCredential scram_credential_of_salted(ScramMechanism mechanism, std::string_view salted_password,
                                                         std::string_view salt, std::uint32_t iterations);
// For a credential that comes from elsewhere: its salt has 1 to kScramSaltBytesMax bytes, its iterations are within the
// limits and its keys are as long as the mechanism's. Error: invalid_argument.
[[nodiscard]] Status check_scram_credential(ScramMechanism mechanism, const ScramCredential& credential);
// Whether a password that was sent as it is (SASL PLAIN) is the credential's; none with a NUL byte is. Takes as long as
// scram_credential, also with a decoy: call it on the I/O pool.
[[nodiscard]] bool scram_matches(ScramMechanism mechanism, const ScramCredential& credential,
                                 std::string_view password);

// The credential to go on with for a user that there is not, so that exchanges do not tell which names there are: the
// same each time for a name and a secret, and of no password. `secret` is at least 32 random bytes of this process;
// `iterations` are those that the users there are have, and so should the length of their salts be kScramSaltBytes.
[[nodiscard]] ScramCredential scram_decoy(ScramMechanism mechanism, std::string_view secret, std::string_view user,
                                          std::uint32_t iterations);

// The server's side of one exchange: user_of_first, server_first, server_final, once each and in this order. A message
// that is refused ends it: all that follows is refused too. Copies what it keeps of its arguments. Quick:
// no step takes more than a few HMACs.
//
// Errors of messages: invalid_argument (not as the RFC says, too long, another exchange's nonce, another channel
// binding), unsupported (channel binding, mandatory extensions, delegation tokens, acting for another user),
// permission_denied (the proof is wrong: and nothing else gives this code). Their texts hold nothing that the client
// does not know.
class ScramServer {
 public:
  // `nonce` is random and of this exchange alone: 1 to kScramNonceBytesMax printable ASCII characters without commas,
  // such as 24 random bytes in base64. With any other the exchange fails with `internal`.
  ScramServer(ScramMechanism mechanism, std::string nonce);
  ScramServer(const ScramServer&) = delete;
  ScramServer& operator=(const ScramServer&) = delete;
  ~ScramServer();

  // The name of the user that the client's first message claims to be, decoded: one byte or more, of any value but NUL.
  // Extensions that are not known are ignored, as the RFC demands.
  [[nodiscard]] Result<std::string> user_of_first(std::string_view client_first);
  // The message to send back, for the credential of that user or, when there is none, its decoy. Throws
  // std::logic_error when user_of_first did not succeed before.
  [[nodiscard]] std::string server_first(const ScramCredential& credential);
  // The last message to send back, when the client has proved that it knows the password: the user is who it says.
  [[nodiscard]] Result<std::string> server_final(std::string_view client_final);

 private:
  enum class Step : std::uint8_t { client_first, server_first, client_final, over };
  Result<std::string> read_first(std::string_view message);
  Result<std::string> read_final(std::string_view message);

  ScramMechanism mechanism_;
  Step step_ = Step::client_first;
  std::string nonce_;         // the server's, then the client's and the server's
  std::string server_nonce_;  // alone
  std::string channel_;       // what the client's last message has to say as c=
  std::string auth_message_;  // what is signed, as far as it is known
  std::string stored_key_;
  std::string server_key_;
};

// The client's side of one exchange: first, final, check, once each and in this order.
class ScramClient {
 public:
  // `nonce` as for ScramServer.
  ScramClient(ScramMechanism mechanism, std::string_view user, std::string password, std::string nonce);
  ScramClient(const ScramClient&) = delete;
  ScramClient& operator=(const ScramClient&) = delete;
  ~ScramClient();

  [[nodiscard]] std::string first() const { return "n,," + first_bare_; }
  // The answer to the server's first message. Takes milliseconds. Error: invalid_argument.
  [[nodiscard]] Result<std::string> final(std::string_view server_first);
  // Whether the server that sent this last message knows the user's credential.
  [[nodiscard]] bool check(std::string_view server_final) const;

 private:
  ScramMechanism mechanism_;
  std::string password_;
  std::string nonce_;
  std::string first_bare_;
  std::string server_signature_;
};

}  // namespace leat::security
