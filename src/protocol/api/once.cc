#include "protocol/api/once.h"

#include "runtime/call.h"

namespace leat::api {
namespace {

using runtime::Task;

Task<IdempotencyStore::Claimed> claim_at_home(ApiShard* home, std::string key, std::string fingerprint) {
  co_return co_await home->idempotency.claim(std::move(key), std::move(fingerprint));
}
Task<> settle_at_home(ApiShard* home, std::string key, StoredAnswer answer) {
  answer == nullptr ? home->idempotency.abandon(key) : home->idempotency.complete(key, std::move(answer));
  co_return;
}

}  // namespace

OnceKey once_key(const ApiNode& node, const security::Principal& principal, std::string_view key) {
  OnceKey made;
  made.text = fmt::format("{} {} {}", principal.name.size(), principal.name, key);
  made.home = std::hash<std::string>{}(made.text) % node.shards.size();
  return made;
}

Task<Outcome<StoredAnswer>> claim_once(const ApiNode& node, OnceKey key, std::string fingerprint) {
  ApiShard* home = node.shards[key.home];
  auto claimed =
      co_await runtime::call_on(home->shard(), claim_at_home, home, std::move(key.text), std::move(fingerprint));
  switch (claimed.claim) {
    case IdempotencyStore::Claim::first: break;
    case IdempotencyStore::Claim::answered: co_return std::move(claimed.stored);
    case IdempotencyStore::Claim::differs:
      co_return refuse(422, "idempotency-key-reused", "this idempotency key came with another request");
    case IdempotencyStore::Claim::busy:
      co_return refuse(409, "idempotency-key-in-use", "the first request with this idempotency key is still under way");
  }
  co_return StoredAnswer();
}

Task<> settle_once(const ApiNode& node, OnceKey key, StoredAnswer answer) {
  ApiShard* home = node.shards[key.home];
  co_await runtime::call_on(home->shard(), settle_at_home, home, std::move(key.text), std::move(answer));
}

}  // namespace leat::api
