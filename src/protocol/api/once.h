#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "protocol/api/node.h"

// What comes with an idempotency key, by HTTP or over a WebSocket, is done once. The answers are where the keys' home shards are.
namespace leat::api {

struct OnceKey {
  std::size_t home = 0;
  std::string text;
};
// A key is its principal's: nobody gets what somebody else was answered.
[[nodiscard]] OnceKey once_key(const ApiNode& node, const security::Principal& principal, std::string_view key);

using StoredAnswer = std::shared_ptr<const IdempotencyStore::Stored>;

// `fingerprint`: digest_of() what is asked for; what has another one is another request.
// What the first request with this key was answered; nullptr: this is the first one, and settle_once() follows. Errors: 422 for
// another request, 409 while the first one is under way.
[[nodiscard]] runtime::Task<Outcome<StoredAnswer>> claim_once(const ApiNode& node, OnceKey key,
                                                              std::string fingerprint);
// `answer`: nullptr if it was not done; then it may be tried again.
runtime::Task<> settle_once(const ApiNode& node, OnceKey key, StoredAnswer answer);

}  // namespace leat::api
