#include "security/policy_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog/sqlite_catalog.h"
#include "runtime/call.h"
#include "runtime/sim.h"

namespace leat::security {
namespace {

using runtime::Task;
using ::testing::HasSubstr;

// Of nobody's password.
constexpr std::string_view kHash = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";
constexpr const char* kFolder = "/data";

ScramCredential credential(std::string_view password) {
  return scram_credential(ScramMechanism::sha256, password, "salt", kScramIterationsMin);
}
std::vector<ScramChange> password(std::string_view text) { return {{ScramMechanism::sha256, credential(text)}}; }
std::vector<ScramChange> no_password() { return {{ScramMechanism::sha256, std::nullopt}}; }
Grant may_alter(std::string principal) { return {.principal = std::move(principal), .operation = Operation::alter}; }

// A node's users in a simulated world of two shards.
struct Home {
  std::unique_ptr<catalog::Catalog> catalog;
  Policies policies{2, "a secret"};
  std::unique_ptr<PolicyService> service;

  Task<Status> open(runtime::sim::SimWorld& world, std::set<std::string> super_users = {}) {
    LEAT_CO_TRY(catalog, co_await catalog::open_sqlite_catalog(kFolder));
    service = std::make_unique<PolicyService>(*catalog, world.shards(), policies, std::move(super_users));
    co_return co_await service->start();
  }
  Task<> close() {
    service->begin_stop();
    EXPECT_TRUE(co_await catalog->close());
    co_await service->stop();
  }
  // As the other shard knows it.
  static Task<bool> allows_there(Policies* policies, std::string user, Operation operation) {
    co_return policies->allows({principal_of(user), "10.0.0.1"}, operation, {ResourceType::cluster, kClusterName});
  }
  Task<bool> allows(runtime::sim::SimWorld& world, std::string user, Operation operation) {
    co_return co_await runtime::call_on(*world.shards()[1], allows_there, &policies, std::move(user), operation);
  }
};

void run(std::function<Task<>(runtime::sim::SimWorld&)> body) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    runtime::sim::SimOptions options;
    options.shards = 2;
    runtime::sim::SimWorld world(seed, options);
    EXPECT_TRUE(world.files().create_directories(kFolder));
    world.run([&] { return body(world); });
    if (::testing::Test::HasFailure()) return;
  }
}

Task<> whole_life(runtime::sim::SimWorld& world) {
  {
    Home home;
    EXPECT_FALSE(co_await home.allows(world, "root", Operation::alter));  // it is not known yet who may
    EXPECT_TRUE(co_await home.open(world));
    EXPECT_TRUE(co_await home.allows(world, "anyone", Operation::alter));
    const auto alone = co_await home.service->change_scram("bob", password("b"));
    EXPECT_EQ(alone.error().code, Errc::permission_denied);
    EXPECT_TRUE(co_await home.service->add_grants("User:root", {may_alter("User:root")}));
    EXPECT_TRUE(co_await home.service->change_scram("root", password("r")));
    EXPECT_TRUE(co_await home.allows(world, "root", Operation::alter));
    EXPECT_FALSE(co_await home.allows(world, "anyone", Operation::alter));
    EXPECT_TRUE(co_await home.service->change_scram("bob", password("b")));
    co_await home.close();
  }
  Home home;
  EXPECT_TRUE(co_await home.open(world));
  EXPECT_TRUE(co_await home.allows(world, "root", Operation::alter));
  EXPECT_FALSE(co_await home.allows(world, "bob", Operation::alter));
  Grant denial = may_alter("User:*");
  denial.permission = Permission::deny;
  EXPECT_EQ((co_await home.service->add_grants("User:*", {denial})).error().code, Errc::permission_denied);
  const auto all = [](const Grant&) { return true; };
  EXPECT_EQ((co_await home.service->remove_grants("User:root", all)).error().code, Errc::permission_denied);
  EXPECT_EQ((co_await home.service->change_scram("root", no_password())).error().code, Errc::permission_denied);
  EXPECT_TRUE(co_await home.service->add_grants("User:bob", {may_alter("User:bob")}));
  const auto removed = co_await home.service->remove_grants("User:root", all);
  EXPECT_TRUE(removed && removed->size() == 1);
  EXPECT_TRUE(co_await home.service->change_scram("root", no_password()));
  EXPECT_FALSE(co_await home.allows(world, "root", Operation::alter));
  const auto last = co_await home.service->change_scram("bob", no_password());
  EXPECT_EQ(last.error().code, Errc::permission_denied);
  EXPECT_THAT(last.error().message, HasSubstr("last user"));
  EXPECT_EQ((co_await home.service->change_scram("carol", no_password())).error().code, Errc::not_found);
  EXPECT_EQ((co_await home.service->change_scram("*", password("x"))).error().code, Errc::invalid_name);
  co_await home.close();
}
TEST(PolicyService, ChangesAreKnownToEveryShardAndSomebodyIsAlwaysLeftToAdminister) { run(whole_life); }

Task<> accounts(runtime::sim::SimWorld& world) {
  Home home;
  EXPECT_TRUE(co_await home.open(world));
  const auto make = [](Account& account) -> Status {
    EXPECT_FALSE(account.user);
    account.user = User{.name = "root", .password_hash = std::string(kHash)};
    account.grants = {may_alter("User:root")};
    return {};
  };
  // The first user, with what makes it an administrator: neither is there without the other.
  EXPECT_TRUE(co_await home.service->change_account("root", make));
  EXPECT_TRUE(co_await home.allows(world, "root", Operation::alter));
  const catalog::Revision revision = home.policies.current()->revision();
  const auto fails = [](Account& account) -> Status {
    account = {};
    return fail(Errc::invalid_argument, "no");
  };
  EXPECT_EQ((co_await home.service->change_account("root", fails)).error().message, "no");
  const auto of_another = [](Account& account) -> Status {
    account.grants.push_back(may_alter("User:bob"));
    return {};
  };
  EXPECT_EQ((co_await home.service->change_account("root", of_another)).error().code, Errc::invalid_argument);
  const auto clear = [](Account& account) -> Status {
    account = {};
    return {};
  };
  EXPECT_EQ((co_await home.service->change_account("root", clear)).error().code, Errc::permission_denied);
  EXPECT_EQ(home.policies.current()->revision(), revision) << "nothing was changed";
  const auto rules = [](Account& account) -> Status {
    account.user = User{.name = "bob", .command_rules = "-@all +get"};
    account.grants = {may_alter("User:bob"), may_alter("User:bob")};
    return {};
  };
  const auto bob = co_await home.service->change_account("bob", rules);
  EXPECT_TRUE(bob && bob->grants.size() == 1);
  EXPECT_EQ(home.policies.current()->find_user("bob")->command_rules, "-@all +get");
  EXPECT_TRUE(co_await home.service->change_account("bob", clear));
  EXPECT_EQ(home.policies.current()->find_user("bob"), nullptr);
  EXPECT_EQ(home.policies.current()->grants().size(), 1U);
  co_await home.close();
}
TEST(PolicyService, UsersAndWhatIsGrantedToThemChangeTogether) { run(accounts); }

Task<> add_one(PolicyService* service, std::size_t i, std::size_t* done) {
  Grant grant = may_alter("User:root");
  grant.type = ResourceType::topic;
  grant.name = fmt::format("topic-{}", i);
  if (co_await service->add_grants("User:root", {grant})) ++*done;
}

Task<> together(runtime::sim::SimWorld& world) {
  constexpr std::size_t kChanges = 20;
  Home home;
  EXPECT_TRUE(co_await home.open(world, {"root"}));
  std::size_t done = 0;
  {
    runtime::TaskScope scope;
    for (std::size_t i = 0; i < kChanges; ++i) scope.spawn(add_one(home.service.get(), i, &done));
    co_await scope.join();
  }
  EXPECT_EQ(done, kChanges);
  EXPECT_EQ(home.policies.current()->grants().size(), kChanges);
  // Again: nothing is there twice.
  co_await add_one(home.service.get(), 0, &done);
  EXPECT_EQ(home.policies.current()->grants().size(), kChanges);
  EXPECT_TRUE(co_await home.service->change_scram("root", password("r")));  // whom nothing needs to be granted
  co_await home.close();
}
TEST(PolicyService, ChangesAtTheSameTimeAreAllMade) { run(together); }

Task<> quotas(runtime::sim::SimWorld& world) {
  const QuotaEntity ada = {{QuotaPart::user, "ada"}};
  const QuotaEntity every = {{QuotaPart::user, std::nullopt}, {QuotaPart::client_id, std::nullopt}};
  {
    Home home;
    EXPECT_TRUE(co_await home.open(world));
    EXPECT_TRUE(co_await home.service->change_quotas(
        ada, {{QuotaKey::request_rate, 10}, {QuotaKey::producer_byte_rate, 1000}, {QuotaKey::connection_limit, {}}}));
    EXPECT_TRUE(co_await home.service->change_quotas(every, {{QuotaKey::request_rate, 5}}));
    EXPECT_TRUE(
        co_await home.service->change_quotas(ada, {{QuotaKey::request_rate, 20}, {QuotaKey::producer_byte_rate, {}}}));
    const auto refused = co_await home.service->change_quotas(ada, {{QuotaKey::connection_creation_rate, 1}});
    EXPECT_EQ(refused.error().code, Errc::invalid_argument);
    EXPECT_EQ((co_await home.service->change_quotas({}, {})).error().code, Errc::invalid_argument);
    EXPECT_TRUE(home.policies.current()->is_open());  // quotas are no users
    co_await home.close();
  }
  Home home;
  EXPECT_TRUE(co_await home.open(world));
  const Quotas::All expected = {{ada, {{QuotaKey::request_rate, 20}}}, {every, {{QuotaKey::request_rate, 5}}}};
  EXPECT_EQ(home.policies.current()->quotas().all(), expected);
  EXPECT_TRUE(co_await home.service->change_quotas(ada, {{QuotaKey::request_rate, {}}}));
  EXPECT_TRUE(co_await home.service->change_quotas(ada, {{QuotaKey::request_rate, {}}}));  // nothing to do
  EXPECT_EQ(home.policies.current()->quotas().all().size(), 1U);
  co_await home.close();
}
TEST(PolicyService, QuotasAreKeptAndFollowed) { run(quotas); }

Task<> damaged(runtime::sim::SimWorld& world) {
  Home home;
  EXPECT_TRUE(co_await home.open(world, {"root"}));
  EXPECT_TRUE(co_await home.service->change_scram("root", password("r")));
  catalog::Commit commit;
  commit.puts.push_back({.key = "users/eve", .value = "{}"});
  EXPECT_TRUE(co_await home.catalog->commit(std::move(commit)));
  co_await runtime::sleep_for(std::chrono::seconds(3));
  EXPECT_FALSE(co_await home.allows(world, "anyone", Operation::alter));  // as it was
  co_await home.close();
  Home again;
  const Status opened = co_await again.open(world, {"root"});
  EXPECT_EQ(opened.error().code, Errc::corrupt);
  EXPECT_FALSE(co_await again.allows(world, "anyone", Operation::alter));
  EXPECT_TRUE(co_await again.catalog->close());
}
TEST(PolicyService, AnEntryThatCannotBeReadOpensNothing) { run(damaged); }

}  // namespace
}  // namespace leat::security
