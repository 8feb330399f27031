#include "security/quota_account.h"

#include <gtest/gtest.h>

#include "runtime/call.h"
#include "runtime/sim.h"

namespace leat::security {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

QuotaEntity of_user(std::optional<std::string> name) { return {{QuotaPart::user, std::move(name)}}; }
Principal user(const std::string& name) { return {"User:" + name, "10.0.0.1"}; }

// Accounts in a simulated world of one shard.
class QuotaAccounts : public ::testing::Test {
 protected:
  void publish(Quotas::All all) {
    policies_.set(std::make_shared<const Policy>(catalog::Revision(++revision_), Policy::Users{}, std::vector<Grant>{},
                                                 std::set<std::string>{}, Quotas(std::move(all))));
  }
  std::unique_ptr<QuotaAccount> connect(const std::string& address = "10.0.0.1") {
    return std::make_unique<QuotaAccount>(ledger_, address);
  }
  void on_shard(const std::function<void()>& body) { world_.on_shard(0, body); }

  runtime::sim::SimWorld world_{1, {}};
  Policies policies_{1, "a secret"};
  QuotaLedger ledger_{"test", policies_};
  std::int64_t revision_ = 0;
};

TEST_F(QuotaAccounts, ChargeNothingWhereThereAreNoQuotas) {
  on_shard([&] {
    publish({});
    const auto account = connect();
    EXPECT_EQ(account->charge_connection(), Duration{0});
    EXPECT_TRUE(account->use(user("ada"), "app"));
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(account->charge_request(), Duration{0});
    EXPECT_EQ(account->charge_in(UINT64_MAX), Duration{0});
    EXPECT_EQ(account->charge_out(UINT64_MAX), Duration{0});
    EXPECT_EQ(account->try_mutations(1000), Duration{0});
    EXPECT_EQ(account->out_at_once(), UINT64_MAX);
    EXPECT_EQ(policies_.meters().size(), 0U);
  });
}

TEST_F(QuotaAccounts, OfOneUserShareWhatItMayUseAndOthersAreFree) {
  on_shard([&] {
    publish({{of_user("ada"), {{QuotaKey::producer_byte_rate, 1000}, {QuotaKey::consumer_byte_rate, 500}}}});
    const auto one = connect();
    const auto two = connect("10.0.0.2");
    const auto other = connect();
    ASSERT_TRUE(one->use(user("ada"), "app") && two->use(user("ada"), "other") && other->use(user("bob"), "app"));
    EXPECT_EQ(one->charge_in(1000), Duration{0});
    EXPECT_EQ(two->charge_in(500), Duration(milliseconds(500)));
    EXPECT_EQ(one->charge_in(500), Duration(seconds(1)));
    EXPECT_EQ(other->charge_in(1'000'000), Duration{0});
    EXPECT_EQ(one->out_at_once(), 500U);
    EXPECT_EQ(two->charge_out(1000), Duration(seconds(1)));
    EXPECT_EQ(one->charge_request(), Duration{0});
    const auto& stats = ledger_.stats(QuotaKey::producer_byte_rate);
    EXPECT_EQ(stats.throttled.value(), 2U);
    EXPECT_EQ(stats.throttled_us.value(), 1'500'000U);
  });
}

TEST_F(QuotaAccounts, FollowThePolicyAndTheClient) {
  on_shard([&] {
    publish({});
    const auto account = connect();
    ASSERT_TRUE(account->use(user("ada"), "app"));
    publish({{of_user("ada"), {{QuotaKey::request_rate, 1}}}});
    EXPECT_EQ(account->charge_request(), Duration{0});  // not before it is asked who uses it
    ASSERT_TRUE(account->use(user("ada"), "app"));
    EXPECT_EQ(account->charge_request(), Duration{0});
    EXPECT_EQ(account->charge_request(), Duration(seconds(1)));
    publish({{of_user(std::nullopt), {{QuotaKey::request_rate, 2}}}});
    ASSERT_TRUE(account->use(user("ada"), "app"));
    EXPECT_EQ(account->charge_request(), Duration{0});
    publish({{{{QuotaPart::client_id, "other"}}, {{QuotaKey::request_rate, 1}}}});
    ASSERT_TRUE(account->use(user("ada"), "app"));
    for (int i = 0; i < 10; ++i) EXPECT_EQ(account->charge_request(), Duration{0});
    ASSERT_TRUE(account->use(user("ada"), "other"));
    EXPECT_EQ(account->charge_request(), Duration{0});
    EXPECT_GT(account->charge_request(), Duration{0});
    publish({});
    ASSERT_TRUE(account->use(user("ada"), "other"));
    for (int i = 0; i < 10; ++i) EXPECT_EQ(account->charge_request(), Duration{0});
  });
}

TEST_F(QuotaAccounts, ClientIdsOfAnyLengthAreToldApartAsFarAsNamesGo) {
  on_shard([&] {
    publish({{{{QuotaPart::client_id, std::nullopt}}, {{QuotaKey::request_rate, 1}}}});
    const std::string long_id(30'000, 'x');
    const auto one = connect();
    const auto two = connect();
    ASSERT_TRUE(one->use(user("ada"), long_id + "1"));
    ASSERT_TRUE(two->use(user("ada"), long_id + "2"));
    EXPECT_EQ(one->charge_request(), Duration{0});
    EXPECT_GT(two->charge_request(), Duration{0});
    ASSERT_TRUE(two->use(user("ada"), long_id.substr(0, kQuotaNameBytesMax)));
    EXPECT_EQ(two->charge_request(), Duration{0});
  });
}

TEST_F(QuotaAccounts, NoMoreConnectionsThanTheLimitAreLetIn) {
  on_shard([&] {
    publish({{of_user("ada"), {{QuotaKey::connection_limit, 2}}}});
    auto one = connect();
    const auto two = connect();
    const auto three = connect();
    EXPECT_TRUE(one->use(user("ada"), "a"));
    EXPECT_TRUE(two->use(user("ada"), "b"));
    EXPECT_TRUE(one->use(user("ada"), "a"));
    EXPECT_FALSE(three->use(user("ada"), "c"));
    EXPECT_FALSE(three->use(user("ada"), "c"));
    EXPECT_EQ(ledger_.stats(QuotaKey::connection_limit).refused.value(), 2U);
    EXPECT_TRUE(three->use(user("bob"), "c"));
    // As another it is a connection that comes anew.
    EXPECT_FALSE(three->use(user("ada"), "c"));
    one.reset();
    EXPECT_TRUE(three->use(user("ada"), "c"));
    // A lower limit closes none that is open, and lets none in.
    publish({{of_user("ada"), {{QuotaKey::connection_limit, 1}}}});
    EXPECT_TRUE(two->use(user("ada"), "b"));
    EXPECT_TRUE(three->use(user("ada"), "c"));
    EXPECT_FALSE(connect()->use(user("ada"), "d"));
    publish({});
    EXPECT_TRUE(two->use(user("ada"), "b"));
    EXPECT_TRUE(connect()->use(user("ada"), "d"));
    // Those that are open when a limit comes are counted from their next request on.
    publish({{of_user("ada"), {{QuotaKey::connection_limit, 1}}}});
    EXPECT_TRUE(two->use(user("ada"), "b"));
    EXPECT_FALSE(connect()->use(user("ada"), "d"));
  });
}

TEST_F(QuotaAccounts, ConnectionsOfAnAddressWaitAndAreClosedWhenThatTakesTooLong) {
  on_shard([&] {
    publish({{{{QuotaPart::ip, std::nullopt}}, {{QuotaKey::connection_creation_rate, 1}}}});
    EXPECT_EQ(connect()->charge_connection(), Duration{0});
    for (int i = 1; i <= 10; ++i) EXPECT_EQ(connect()->charge_connection(), Duration(seconds(i)));
    EXPECT_EQ(connect()->charge_connection(), std::nullopt);
    EXPECT_EQ(connect()->charge_connection(), std::nullopt);
    EXPECT_EQ(connect("10.0.0.2")->charge_connection(), Duration{0});
    EXPECT_EQ(ledger_.stats(QuotaKey::connection_creation_rate).refused.value(), 2U);
    EXPECT_EQ(ledger_.stats(QuotaKey::connection_creation_rate).throttled.value(), 10U);
  });
}

TEST_F(QuotaAccounts, PartitionsAreCountedAsTheyAreMade) {
  on_shard([&] {
    publish({{of_user("ada"), {{QuotaKey::controller_mutation_rate, 2}}}});
    const auto account = connect();
    ASSERT_TRUE(account->use(user("ada"), "app"));
    EXPECT_EQ(account->try_mutations(12), Duration{0});  // nothing was used before
    EXPECT_EQ(account->try_mutations(1), Duration(seconds(5)));
    EXPECT_EQ(account->try_mutations(1), Duration(seconds(5)));  // what is refused is not charged
    EXPECT_EQ(account->charge_mutations(2), Duration(seconds(6)));
    EXPECT_EQ(ledger_.stats(QuotaKey::controller_mutation_rate).refused.value(), 2U);
  });
}

}  // namespace
}  // namespace leat::security
