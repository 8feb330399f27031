#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

// Signatures of what goes to HTTP endpoints (the AWS page "Verifying the signatures of Amazon SNS messages").
namespace leat::sns {

enum class SignatureVersion : std::uint8_t { sha1 = 1, sha256 = 2 };

// A key of leat's own, in PEM.
struct SigningKey {
  std::string key;
  std::string certificate;  // self-signed: it says which key, not whose
};
// A new one: takes tens of milliseconds. Error: internal.
[[nodiscard]] Result<SigningKey> make_signing_key();

// Signs. Immutable: any thread may use it.
class Signer {
 public:
  // Error: corrupt (it is no key).
  [[nodiscard]] static Result<std::shared_ptr<const Signer>> open(const SigningKey& key);
  Signer(const Signer&) = delete;
  Signer& operator=(const Signer&) = delete;
  ~Signer();

  // RSA with PKCS #1 v1.5, in base64: most of a millisecond.
  [[nodiscard]] std::string sign(std::string_view text, SignatureVersion version) const;
  [[nodiscard]] const std::string& certificate() const { return certificate_; }
  // Where the certificate is served: "/SimpleNotificationService-….pem".
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  struct Key;
  Signer(std::unique_ptr<Key> key, std::string certificate);

  std::unique_ptr<Key> key_;
  std::string certificate_;
  std::string path_;
};

}  // namespace leat::sns
