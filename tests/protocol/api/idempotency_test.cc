#include "protocol/api/idempotency.h"

#include <gtest/gtest.h>

#include "runtime/sim.h"

namespace leat::api {
namespace {

using runtime::Task;
using Claim = IdempotencyStore::Claim;

std::shared_ptr<const IdempotencyStore::Stored> answer(std::string body) {
  auto stored = std::make_shared<IdempotencyStore::Stored>();
  stored->body = std::move(body);
  return stored;
}

Task<> repeat(IdempotencyStore& store) {
  const auto first = co_await store.claim("key", "a");
  EXPECT_EQ(first.claim, Claim::first);
  store.complete("key", answer("done"));
  const auto again = co_await store.claim("key", "a");
  EXPECT_EQ(again.claim, Claim::answered);
  EXPECT_EQ(again.stored->body, "done");
  const auto other = co_await store.claim("key", "b");
  EXPECT_EQ(other.claim, Claim::differs);
  co_await runtime::sleep_for(IdempotencyStore::kFor);
  const auto late = co_await store.claim("key", "b");
  EXPECT_EQ(late.claim, Claim::first);
}

Task<> second(IdempotencyStore& store, Claim& outcome) { outcome = (co_await store.claim("key", "a")).claim; }

Task<> overlap(IdempotencyStore& store) {
  const auto first = co_await store.claim("key", "a");
  EXPECT_EQ(first.claim, Claim::first);
  Claim waited = Claim::first;
  runtime::TaskScope scope;
  scope.spawn(second(store, waited));
  co_await runtime::sleep_for(Milliseconds(10));
  store.complete("key", answer(""));
  co_await scope.join();
  EXPECT_EQ(waited, Claim::answered);
}

// A request that failed does not keep others from trying.
Task<> give_up(IdempotencyStore& store) {
  const auto first = co_await store.claim("key", "a");
  EXPECT_EQ(first.claim, Claim::first);
  Claim waited = Claim::answered;
  runtime::TaskScope scope;
  scope.spawn(second(store, waited));
  store.abandon("key");
  co_await scope.join();
  EXPECT_EQ(waited, Claim::first);
  Claim busy = Claim::first;
  scope.spawn(second(store, busy));  // nobody settles it
  co_await scope.join();
  EXPECT_EQ(busy, Claim::busy);
}

Task<> fill(IdempotencyStore& store) {
  const std::size_t size = std::size_t{1} << 20;
  for (int i = 0; i < 100; ++i) {
    const std::string key = fmt::format("{}", i);
    const auto claimed = co_await store.claim(key, "a");
    EXPECT_EQ(claimed.claim, Claim::first);
    store.complete(key, answer(std::string(size, 'x')));
  }
  EXPECT_LE(store.size(), IdempotencyStore::kBytesMax / size);
  const auto last = co_await store.claim("99", "a");
  EXPECT_EQ(last.claim, Claim::answered);
  const auto oldest = co_await store.claim("0", "a");
  EXPECT_EQ(oldest.claim, Claim::first);
}

Task<> with_store(Task<> (*test)(IdempotencyStore&)) {
  IdempotencyStore store;
  co_await test(store);
}

void run(Task<> (*test)(IdempotencyStore&)) {
  runtime::sim::SimWorld world(1);
  world.run([test] { return with_store(test); });
}

TEST(IdempotencyStore, GivesTheFirstAnswerAgainUntilItIsForgotten) { run(repeat); }
TEST(IdempotencyStore, LetsTheSecondRequestWaitForTheFirst) { run(overlap); }
TEST(IdempotencyStore, LetsOthersTryWhatFailed) { run(give_up); }
TEST(IdempotencyStore, ForgetsTheOldestAboveItsLimit) { run(fill); }

}  // namespace
}  // namespace leat::api
