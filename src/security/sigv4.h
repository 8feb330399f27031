#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/types.h"

// AWS Signature Version 4 (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html), the server's side: a
// request is signed in its Authorization header or, presigned, in its query.
namespace leat::security {

// Secrets by the id of their access key. Nothing prints them.
class AccessKeys {
 public:
  void add(std::string id, std::string secret) { secrets_.insert_or_assign(std::move(id), std::move(secret)); }
  [[nodiscard]] bool empty() const { return secrets_.empty(); }
  [[nodiscard]] const std::string* find(std::string_view id) const {
    const auto found = secrets_.find(id);
    return found == secrets_.end() ? nullptr : &found->second;
  }

 private:
  std::map<std::string, std::string, std::less<>> secrets_;
};
// From "ID=SECRET" texts. Error: invalid_config, which does not show the secret.
[[nodiscard]] Result<AccessKeys> parse_access_keys(const std::vector<std::string>& texts);

// A request as it came in. Everything is borrowed.
struct SignedRequest {
  std::string_view method;
  std::string_view path;   // as sent: not decoded
  std::string_view query;  // as sent
  const std::vector<std::pair<std::string_view, std::string_view>>& headers;
  std::string_view body;
};

enum class SigV4Failure : std::uint8_t {
  missing,      // the request is not signed
  incomplete,   // a part of the signature is missing or cannot be read
  unknown_key,  // no access key of that id
  expired,      // made too long ago or too far in the future, or a presigned request after its end
  mismatch,     // made with another secret, or of another request
};

// Of the Authorization header: what it says, true or not. Views into the request.
struct Credential {
  std::string_view key_id;
  std::string_view date;  // "20150830"
  std::string_view region;
  std::string_view service;
};
// nullopt when there is none that can be read.
[[nodiscard]] std::optional<Credential> claimed_credential(const SignedRequest& request);

struct SigV4Error {
  SigV4Failure failure;
  std::string message;
};

struct SigV4Limits {
  // A request counts for this long before and after the time that it says it was made at, which is also how long one that
  // was overheard can be sent again: SDKs sign equal requests of one second alike, so single use cannot be demanded.
  Milliseconds clock_skew_max{15 * 60'000};
  Milliseconds presigned_max{7LL * 24 * 3'600'000};  // the longest that X-Amz-Expires may say
};

// Verifies requests. Remembers the signing keys it made; belongs to one shard.
class SigV4Verifier {
 public:
  // The secret of an access key's id, which is looked at before anything else happens; nullptr: there is none.
  using FindSecret = std::function<const std::string*(std::string_view id)>;
  SigV4Verifier(FindSecret find_secret, std::string service, const SigV4Limits& limits = {})
      : find_secret_(std::move(find_secret)), service_(std::move(service)), limits_(limits) {}

  // Who made a request, and for which region.
  struct Verified {
    std::string key_id;
    std::string region;
  };
  [[nodiscard]] std::expected<Verified, SigV4Error> verify(const SignedRequest& request, Timestamp now);

 private:
  using Key = std::array<std::uint8_t, 32>;
  const Key& signing_key(const Credential& credential, const std::string& secret);

  FindSecret find_secret_;
  std::string service_;
  SigV4Limits limits_;
  std::map<std::string, Key, std::less<>> signing_keys_;  // by credential scope
};

}  // namespace leat::security
