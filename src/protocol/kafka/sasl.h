#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/task.h"
#include "security/login.h"

namespace leat::kafka {

// One authentication of a connection by SASL (KIP-43, KIP-152): PLAIN (RFC 4616), SCRAM-SHA-256, SCRAM-SHA-512, and OAUTHBEARER
// (RFC 7628, KIP-255) with the bearer tokens that HTTP takes too.
class SaslExchange {
 public:
  // nullptr: the mechanism is not offered.
  [[nodiscard]] static std::unique_ptr<SaslExchange> begin(std::string_view mechanism, security::Logins& logins,
                                                           std::string peer);
  [[nodiscard]] static std::vector<std::string> mechanisms();

  // The server's token for the client's next one. Errors: as those of security::Logins, or invalid_argument for a token that
  // comes before the last one's answer; the exchange is over.
  runtime::Task<Result<std::string>> step(std::string token);
  // Who the client is, when the exchange has come to a good end.
  [[nodiscard]] const std::optional<security::Principal>& principal() const { return principal_; }

  // Tokens come in frames of their own, without headers (what SaslHandshake 0 asks for).
  bool raw = false;

 private:
  SaslExchange(security::Logins& logins, std::string peer) : logins_(logins), peer_(std::move(peer)) {}
  runtime::Task<Result<std::string>> next(std::string token);
  runtime::Task<Result<std::string>> plain(std::string token);
  runtime::Task<Result<std::string>> bearer(std::string message);

  security::Logins& logins_;
  std::string peer_;
  bool is_bearer_ = false;
  std::unique_ptr<security::Logins::Scram> scram_;  // nullptr: PLAIN or OAUTHBEARER
  bool first_done_ = false;
  bool is_stepping_ = false;
  std::optional<security::Principal> principal_;
};

}  // namespace leat::kafka
