#include "security/quota.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "catalog/catalog.h"
#include "security/user.h"

namespace leat::security {
namespace {

constexpr auto kRate = QuotaKey::producer_byte_rate;

QuotaEntity user(std::optional<std::string> name) { return {{QuotaPart::user, std::move(name)}}; }
QuotaEntity client(std::optional<std::string> name) { return {{QuotaPart::client_id, std::move(name)}}; }
QuotaEntity ip(std::optional<std::string> name) { return {{QuotaPart::ip, std::move(name)}}; }
QuotaEntity both(std::optional<std::string> name, std::optional<std::string> client_id) {
  return {{QuotaPart::user, std::move(name)}, {QuotaPart::client_id, std::move(client_id)}};
}

TEST(Quota, TheMostExactLimitHoldsInKafkasOrder) {
  // From the most to the least exact, each with who shares it.
  struct Level {
    QuotaEntity entity;
    QuotaEntity shared_by;
  };
  const std::vector<Level> levels = {
      {both("ada", "app"), both("ada", "app")},
      {both("ada", std::nullopt), both("ada", "app")},
      {user("ada"), user("ada")},
      {both(std::nullopt, "app"), both("ada", "app")},
      {both(std::nullopt, std::nullopt), both("ada", "app")},
      {user(std::nullopt), user("ada")},
      {client("app"), client("app")},
      {client(std::nullopt), client("app")},
  };
  const QuotaSubject subject{.user = "ada", .client_id = "app", .ip = "10.0.0.1"};
  for (std::size_t present = 0; present < (std::size_t{1} << levels.size()); ++present) {
    Quotas::All all;
    std::optional<std::size_t> expected;
    for (std::size_t i = 0; i < levels.size(); ++i) {
      if ((present >> i & 1) == 0) continue;
      all[levels[i].entity] = {{kRate, static_cast<double>(i + 1)}};
      if (!expected) expected = i;
    }
    // Limits of others, and of other kinds.
    all[both("ada", "other")] = {{kRate, 100}};
    all[both("bob", "app")] = {{kRate, 101}};
    all[user("bob")] = {{kRate, 102}};
    all[ip("10.0.0.1")] = {{QuotaKey::connection_creation_rate, 103}};
    all[both("ada", "app")][QuotaKey::request_rate] = 104;
    const Quotas quotas(std::move(all));
    const auto found = quotas.find(kRate, subject);
    ASSERT_EQ(found.has_value(), expected.has_value()) << present;
    if (!expected) continue;
    EXPECT_EQ(found->limit, static_cast<double>(*expected + 1)) << present;
    EXPECT_EQ(found->shared_by, levels[*expected].shared_by) << present;
  }
}

TEST(Quota, OfAddressesAreByThemselves) {
  constexpr auto kKey = QuotaKey::connection_creation_rate;
  Quotas::All all;
  all[ip("10.0.0.1")] = {{kKey, 5}};
  const Quotas one(all);
  EXPECT_EQ(one.find(kKey, {.user = "ada", .client_id = "app", .ip = "10.0.0.1"})->limit, 5);
  EXPECT_FALSE(one.find(kKey, {.user = "ada", .client_id = "app", .ip = "10.0.0.2"}));
  EXPECT_FALSE(one.find(kRate, {.user = "ada", .client_id = "app", .ip = "10.0.0.1"}));
  all[ip(std::nullopt)] = {{kKey, 7}};
  const auto other = Quotas(all).find(kKey, {.user = "", .client_id = "", .ip = "10.0.0.2"});
  ASSERT_TRUE(other);
  EXPECT_EQ(other->limit, 7);
  EXPECT_EQ(other->shared_by, ip("10.0.0.2"));
}

TEST(Quota, EntitiesThatCannotHaveLimitsAreRefused) {
  for (const QuotaEntity& sound : {user("ada"), user(std::nullopt), client("a/b*c% d"), both("zoë", std::nullopt),
                                   ip("10.0.0.1"), ip("::1"), ip(std::nullopt)})
    EXPECT_TRUE(check_quota_entity(sound)) << to_string(sound);
  QuotaEntity mixed = both("ada", "app");
  mixed.emplace(QuotaPart::ip, "10.0.0.1");
  for (const QuotaEntity& bad :
       {QuotaEntity(), mixed, user(""), client(""), user("a\nb"), client("\xff"), ip("localhost"), ip("010.0.0.1"),
        ip(""), client(std::string(kQuotaNameBytesMax + 1, 'x')),
        both(std::string(kUserNameBytesMax, '\xc3') + "", std::string(300, ' '))})
    EXPECT_FALSE(check_quota_entity(bad)) << to_string(bad);
}

TEST(Quota, LimitsThatCannotBeAreRefused) {
  constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinite = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < kQuotaKeys; ++i) {
    const auto key = static_cast<QuotaKey>(i);
    const bool of_addresses = key == QuotaKey::connection_creation_rate;
    const QuotaEntity of = of_addresses ? ip("10.0.0.1") : user("ada");
    EXPECT_TRUE(check_quota_limit(of, key, 1)) << to_string(key);
    EXPECT_TRUE(check_quota_limit(of, key, kQuotaLimitMax)) << to_string(key);
    for (const double bad : {0.0, -1.0, -kInfinite, kInfinite, kNotANumber, kQuotaLimitMax * 2, kQuotaRateMin / 2})
      EXPECT_FALSE(check_quota_limit(of, key, bad)) << to_string(key) << " " << bad;
    const bool may_be_fraction = key == QuotaKey::request_rate || key == QuotaKey::controller_mutation_rate;
    EXPECT_EQ(check_quota_limit(of, key, 1.5).has_value(), may_be_fraction) << to_string(key);
    EXPECT_FALSE(check_quota_limit(of_addresses ? user("ada") : ip("10.0.0.1"), key, 1)) << to_string(key);
    EXPECT_EQ(quota_key_of(to_string(key)), key);
  }
  EXPECT_FALSE(quota_key_of("request_percentage"));
  EXPECT_FALSE(quota_key_of(""));
}

TEST(Quota, IsStoredAndReadAgain) {
  const QuotaLimits limits = {{kRate, 1e6}, {QuotaKey::request_rate, 0.125}, {QuotaKey::connection_limit, 7}};
  std::set<std::string> keys;
  const std::vector<QuotaEntity> entities = {user("ada"),
                                             user(std::nullopt),
                                             client("ada"),
                                             client(std::nullopt),
                                             client("*"),
                                             both("ada", "app"),
                                             both("ada", std::nullopt),
                                             both(std::nullopt, "app"),
                                             both(std::nullopt, std::nullopt),
                                             user("ada/client-id/app"),
                                             client("a/*"),
                                             user("zoë, the 1st")};
  for (const QuotaEntity& entity : entities) {
    const std::string key = quota_entry_key(entity);
    EXPECT_TRUE(catalog::check_key(key)) << key;
    EXPECT_TRUE(keys.insert(key).second) << key;
    const auto read = decode_quota(key, encode_quota(entity, limits));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->first, entity);
    EXPECT_EQ(read->second, limits);
  }
  EXPECT_EQ(quota_entry_key(both("ada", std::nullopt)), "quotas/user/ada/client-id/*");
}

TEST(Quota, DamageIsTold) {
  const std::string sound = encode_quota(user("ada"), {{kRate, 5}});
  EXPECT_TRUE(decode_quota("quotas/user/ada", sound));
  const auto replaced = [&](std::string_view part, std::string_view with) {
    std::string text = sound;
    return text.replace(text.find(part), part.size(), with);
  };
  for (const std::string& damaged :
       {std::string(), std::string("{}"), replaced("\"ada\"", "\"bob\""), replaced("\"user\"", "\"group\""),
        replaced("5", "-5"), replaced("5", "\"5\""), replaced("producer_byte_rate", "connection_creation_rate"),
        replaced("producer_byte_rate", "speed")}) {
    const auto refused = decode_quota("quotas/user/ada", damaged);
    ASSERT_FALSE(refused) << damaged;
    EXPECT_EQ(refused.error().code, Errc::corrupt) << damaged;
  }
  EXPECT_EQ(decode_quota("quotas/user/ada", replaced("\"v\":1", "\"v\":2")).error().code, Errc::unsupported);
}

}  // namespace
}  // namespace leat::security
