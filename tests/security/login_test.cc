#include "security/login.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/sim.h"
#include "security/credential_memory.h"
#include "security/password.h"
#include "security/token.h"

namespace leat::security {
namespace {

using runtime::Task;
using namespace std::chrono_literals;

constexpr const char* kPeer = "10.0.0.1:5000";

PolicyPtr with_alice(std::string_view password = "pencil") {
  User alice;
  alice.name = "alice";
  for (const ScramMechanism mechanism : {ScramMechanism::sha256, ScramMechanism::sha512})
    alice.scram.emplace(mechanism, scram_credential(mechanism, password, "salt", kScramIterationsMin));
  Policy::Users users;
  users.emplace("alice", std::move(alice));
  return std::make_shared<const Policy>(catalog::Revision(1), std::move(users), std::vector<Grant>{},
                                        std::set<std::string>{});
}

struct Home {
  Policies policies{1, "a secret of enough bytes for decoys"};
  Logins logins{"test", policies};
  Home() { policies.set(with_alice()); }
};

void run(Task<> (*body)()) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    runtime::sim::SimWorld world(seed);
    world.run(body);
  }
}

TEST(Logins, APeersHostIsItsAddress) {
  EXPECT_EQ(host_of("10.0.0.1:5000"), "10.0.0.1");
  EXPECT_EQ(host_of("[2001:db8::1]:5000"), "2001:db8::1");
  EXPECT_EQ(host_of("[::ffff:10.0.0.1]:5000"), "10.0.0.1");
}

Task<> passwords() {
  Home home;
  const auto right = co_await home.logins.check_password("alice", "pencil", kPeer);
  EXPECT_TRUE(right && right->name == "User:alice" && right->host == "10.0.0.1");
  for (const auto& [user, password] : {std::pair("alice", "pencils"), std::pair("bob", "pencil"), std::pair("", "")})
    EXPECT_EQ((co_await home.logins.check_password(user, password, kPeer)).error().code, Errc::permission_denied);
  EXPECT_EQ(home.logins.stats().succeeded.value(), 1U);
  EXPECT_EQ(home.logins.stats().failed.value(), 3U);
}
TEST(Logins, TakeTheRightPasswordOnly) { run(passwords); }

Task<> guess(Logins* logins, std::size_t* looked_at) {
  const auto answer = co_await logins->check_password("alice", "wrong", kPeer);
  EXPECT_FALSE(answer);
  if (answer.error().message.find("wrong") != std::string::npos) ++*looked_at;
}

// Each of them comes before any has failed.
Task<> together() {
  Home home;
  std::size_t looked_at = 0;
  const MonoTime began = runtime::Shard::current().now();
  {
    runtime::TaskScope scope;
    for (int i = 0; i < 100; ++i) scope.spawn(guess(&home.logins, &looked_at));
    co_await scope.join();
  }
  EXPECT_GT(looked_at, 1U);
  EXPECT_LT(looked_at, 15U);
  EXPECT_GT(runtime::Shard::current().now() - began, 5s);
  const MonoTime now = runtime::Shard::current().now();
  EXPECT_TRUE(co_await home.logins.check_password("alice", "pencil", "10.0.0.2:1"));
  EXPECT_LT(runtime::Shard::current().now() - now, 1s);  // from elsewhere nothing is waited for
}
TEST(Logins, GuessesAtTheSameTimeWaitForEachOther) { run(together); }

Task<> stopped() {
  Home home;
  std::size_t looked_at = 0;
  for (int i = 0; i < 5; ++i) co_await guess(&home.logins, &looked_at);
  EXPECT_EQ(looked_at, 5U);
  const MonoTime began = runtime::Shard::current().now();
  {
    runtime::TaskScope scope;
    for (int i = 0; i < 5; ++i) scope.spawn(guess(&home.logins, &looked_at));
    home.logins.begin_stop();
    co_await scope.join();
  }
  EXPECT_EQ((co_await home.logins.check_password("alice", "pencil", kPeer)).error().code, Errc::would_block);
  EXPECT_EQ(looked_at, 5U);
  EXPECT_LT(runtime::Shard::current().now() - began, 100ms);
}
TEST(Logins, NobodyWaitsForFailuresWhenTheServerStops) { run(stopped); }

Task<> exchange(Logins* logins, std::string password, std::size_t* looked_at, bool* let_in) {
  const auto scram = logins->begin_scram(ScramMechanism::sha256, kPeer);
  ScramClient client(ScramMechanism::sha256, "alice", std::move(password), "nonce");
  const auto first = co_await scram->first(client.first());
  if (!first) co_return;
  co_await runtime::sleep_for(1ms);  // all are under way
  const auto proof = client.final(*first);
  EXPECT_TRUE(proof);
  const auto last = co_await scram->last(*proof);
  if (last || last.error().message.find("wrong") != std::string::npos) ++*looked_at;
  *let_in = last && client.check(*last) && scram->principal().name == "User:alice";
}

Task<> exchanges() {
  Home home;
  std::size_t looked_at = 0;
  bool let_in = false;
  co_await exchange(&home.logins, "pencil", &looked_at, &let_in);
  EXPECT_TRUE(let_in);
  looked_at = 0;
  {
    runtime::TaskScope scope;
    for (int i = 0; i < 100; ++i) scope.spawn(exchange(&home.logins, "wrong", &looked_at, &let_in));
    co_await scope.join();
  }
  EXPECT_FALSE(let_in);
  EXPECT_GT(looked_at, 1U);
  EXPECT_LT(looked_at, 15U);
}
TEST(Logins, ExchangesAtTheSameTimeWaitForEachOther) { run(exchanges); }

Task<> changed() {
  Home home;
  const auto scram = home.logins.begin_scram(ScramMechanism::sha256, kPeer);
  ScramClient client(ScramMechanism::sha256, "alice", "pencil", "nonce");
  const auto first = co_await scram->first(client.first());
  EXPECT_TRUE(first);
  const auto proof = client.final(*first);
  EXPECT_TRUE(proof);
  home.policies.set(with_alice("another"));
  EXPECT_FALSE(co_await scram->last(*proof));
}
TEST(Logins, APasswordThatWasChangedMeanwhileIsNotTaken) { run(changed); }

Task<> strangers() {
  Home home;
  Logins other("other", home.policies);
  std::vector<std::string> salts;
  for (Logins* logins : {&home.logins, &other}) {
    const auto scram = logins->begin_scram(ScramMechanism::sha256, kPeer);
    const auto first = co_await scram->first("n,,n=bob,r=abc");
    EXPECT_TRUE(first);
    if (first) salts.push_back(first->substr(first->find(",s=")));
  }
  EXPECT_EQ(salts.at(0), salts.at(1));
}
TEST(Logins, AUserThatThereIsNotHasTheSameSaltEverywhere) { run(strangers); }

// A user whose password is a hash, tokens, and one of another issuer.
class Issuer final : public TokenIssuer {
 public:
  Result<Principal> owner_of(std::string_view token, Timestamp now) const override {
    ++asked;
    if (token != "of.another.issuer") return fail(Errc::permission_denied, "no");
    Principal who{"User:carol", ""};
    who.roles = {"Role:ops"};
    who.expires = Timestamp(now.value() + 60'000);
    return who;
  }
  mutable std::atomic<int> asked = 0;
};

PolicyPtr with_tokens(const NewToken& token) {
  User bob{.name = "bob"};
  bob.password_hash = hash_password("pencil", as_bytes(std::string_view("sixteen bytes ok")));
  bob.tokens.push_back(token.token);
  Policy::Users users;
  users.emplace("bob", std::move(bob));
  return std::make_shared<const Policy>(catalog::Revision(2), std::move(users), std::vector<Grant>{},
                                        std::set<std::string>{});
}

Task<> hashes_and_tokens() {
  Home home;
  const Timestamp now = runtime::Shard::current().wall_now();
  const NewToken token = make_token("", now, Timestamp(now.value() + 1000));
  home.policies.set(with_tokens(token));
  EXPECT_TRUE(co_await home.logins.check_password("bob", "pencil", kPeer));
  EXPECT_FALSE(co_await home.logins.check_password("bob", "pencils", kPeer));
  const auto owner = co_await home.logins.check_token(token.text, kPeer);
  EXPECT_TRUE(owner && owner->name == "User:bob" && owner->host == "10.0.0.1");
  EXPECT_EQ(owner->expires, token.token.expires);
  EXPECT_FALSE(co_await home.logins.check_token("leat_x_y", kPeer));
  EXPECT_FALSE(co_await home.logins.check_token("of.another.issuer", kPeer));  // there is none
  co_await runtime::sleep_for(1s);
  EXPECT_FALSE(co_await home.logins.check_token(token.text, kPeer));
}
TEST(Logins, TakePasswordsThatAreHashesAndTokensUntilTheyExpire) { run(hashes_and_tokens); }

Task<> remembered_tokens() {
  Home home;
  CredentialMemory memory(home.logins, home.policies);
  auto issuer = std::make_shared<Issuer>();
  home.policies.set_token_issuer(issuer);
  for (int i = 0; i < 5; ++i) {
    const auto owner = co_await memory.check_token("of.another.issuer", "10.0.0.9:1");
    EXPECT_TRUE(owner && owner->name == "User:carol" && owner->host == "10.0.0.9" && owner->roles.size() == 1);
  }
  EXPECT_EQ(issuer->asked, 1);
  EXPECT_FALSE(co_await memory.check_token("of.another.forger", kPeer));
  EXPECT_FALSE(co_await memory.check_token("of.another.forger", kPeer));
  EXPECT_EQ(issuer->asked, 3);  // what is wrong is not remembered
  co_await runtime::sleep_for(61s);
  EXPECT_TRUE(co_await memory.check_token("of.another.issuer", kPeer));
  EXPECT_EQ(issuer->asked, 4);  // nor beyond its end
  home.policies.set_token_issuer(std::make_shared<Issuer>());
  EXPECT_TRUE(co_await memory.check_token("of.another.issuer", kPeer));
  EXPECT_EQ(issuer->asked, 4);  // with new keys it is looked at again
  home.policies.set_token_issuer(nullptr);
  EXPECT_FALSE(co_await memory.check_token("of.another.issuer", kPeer));
}
TEST(Logins, TokensOfAnotherIssuerAreRememberedWhileTheyAndItsKeysLast) { run(remembered_tokens); }

Task<> certificates() {
  Home home;
  EXPECT_EQ(home.logins.by_certificate("alice", kNoTimestamp, kPeer)->name, "User:alice");
  EXPECT_EQ(home.logins.by_certificate("anyone", kNoTimestamp, kPeer)->name, "User:anyone");
  for (const std::string_view name : {"", "*", "ANONYMOUS", "a\nb"})
    EXPECT_FALSE(home.logins.by_certificate(name, kNoTimestamp, kPeer));
  const Timestamp now = runtime::Shard::current().wall_now();
  EXPECT_EQ(home.logins.by_certificate("alice", Timestamp(now.value() + 1), kPeer)->expires.value(), now.value() + 1);
  EXPECT_FALSE(home.logins.by_certificate("alice", now, kPeer));
  co_return;
}
TEST(Logins, ACertificateNamesNobodyWhomNoUserCanBe) { run(certificates); }

}  // namespace
}  // namespace leat::security
