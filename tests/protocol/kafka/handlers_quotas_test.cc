#include <gmock/gmock.h>

#include <limits>

#include "tests/protocol/kafka/node_home.h"

namespace leat::kafka {
namespace {

using security::Operation;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr auto kNone = ErrorCode::kNone;
constexpr std::int8_t kExact = 0;
constexpr std::int8_t kDefault = 1;
constexpr std::int8_t kAnyName = 2;

using Part = AlterClientQuotasRequest::EntityData;
using Op = AlterClientQuotasRequest::OpData;
using Component = DescribeClientQuotasRequest::ComponentData;

class QuotaHandlers : public ::testing::Test {
 protected:
  AlterClientQuotasResponse::EntryData alter(std::vector<Part> entity, std::vector<Op> ops,
                                             bool validate_only = false) {
    AlterClientQuotasRequest message;
    message.entries.push_back({std::move(entity), std::move(ops)});
    message.validate_only = validate_only;
    auto response = home_.ask(handle_alter_client_quotas, 1, std::move(message));
    EXPECT_EQ(response.entries.size(), 1U);
    return response.entries.at(0);
  }
  ErrorCode alter_code(std::vector<Part> entity, std::vector<Op> ops) {
    const auto reply = alter(std::move(entity), std::move(ops));
    EXPECT_EQ(reply.error_message.has_value(), reply.error_code != kNone);
    return reply.error_code;
  }
  DescribeClientQuotasResponse describe(std::vector<Component> components, bool strict = false) {
    DescribeClientQuotasRequest message;
    message.components = std::move(components);
    message.strict = strict;
    return home_.ask(handle_describe_client_quotas, 1, std::move(message));
  }
  // The limits of all that is found, by their keys.
  std::vector<std::pair<std::string, double>> limits(std::vector<Component> components, bool strict = false) {
    std::vector<std::pair<std::string, double>> found;
    const auto response = describe(std::move(components), strict);
    EXPECT_EQ(response.error_code, kNone);
    for (const auto& entry : response.entries.value())
      for (const auto& value : entry.values) found.emplace_back(value.key, value.value);
    return found;
  }

  NodeHome home_;
};

TEST_F(QuotaHandlers, LimitsAreSetChangedAndRemoved) {
  EXPECT_EQ(alter({{"user", "ada"}}, {{"request_rate", 5, false}}, true).error_code, kNone);
  EXPECT_THAT(limits({}), IsEmpty());  // it was only validated
  EXPECT_EQ(alter_code({{"user", "ada"}}, {{"request_rate", 5, false}, {"producer_byte_rate", 1e6, false}}), kNone);
  EXPECT_THAT(limits({{"user", kExact, "ada"}}), ElementsAre(Pair("producer_byte_rate", 1e6), Pair("request_rate", 5)));
  EXPECT_EQ(alter_code({{"user", "ada"}}, {{"request_rate", 7, false}, {"producer_byte_rate", 0, true}}), kNone);
  EXPECT_THAT(limits({{"user", kExact, "ada"}}), ElementsAre(Pair("request_rate", 7)));
  EXPECT_EQ(alter_code({{"user", "ada"}}, {{"request_rate", 0, true}, {"connection_limit", 0, true}}), kNone);
  EXPECT_THAT(limits({}), IsEmpty());
}

TEST_F(QuotaHandlers, AFilterFindsByNameByDefaultAndByAnyName) {
  EXPECT_EQ(alter_code({{"user", "ada"}}, {{"request_rate", 1, false}}), kNone);
  EXPECT_EQ(alter_code({{"user", std::nullopt}}, {{"request_rate", 2, false}}), kNone);
  EXPECT_EQ(alter_code({{"user", "ada"}, {"client-id", "app"}}, {{"request_rate", 3, false}}), kNone);
  const auto rates = [&](std::vector<Component> components, bool strict = false) {
    std::set<double> found;
    for (const auto& [key, limit] : limits(std::move(components), strict)) found.insert(limit);
    return found;
  };
  EXPECT_THAT(rates({}), ElementsAre(1, 2, 3));
  EXPECT_THAT(rates({}, true), IsEmpty());
  EXPECT_THAT(rates({{"user", kExact, "ada"}}), ElementsAre(1, 3));
  EXPECT_THAT(rates({{"user", kExact, "ada"}}, true), ElementsAre(1));
  EXPECT_THAT(rates({{"user", kDefault, std::nullopt}}), ElementsAre(2));
  EXPECT_THAT(rates({{"user", kAnyName, std::nullopt}}, true), ElementsAre(1, 2));
  EXPECT_THAT(rates({{"user", kAnyName, std::nullopt}, {"client-id", kExact, "app"}}, true), ElementsAre(3));
  EXPECT_THAT(rates({{"client-id", kExact, "app"}}, true), IsEmpty());
  EXPECT_EQ(describe({{"group", kExact, "a"}}).error_code, ErrorCode::kUnsupportedVersion);
  EXPECT_EQ(describe({{"user", kExact, std::nullopt}}).error_code, ErrorCode::kInvalidRequest);
  EXPECT_EQ(describe({{"user", 3, "a"}}).error_code, ErrorCode::kInvalidRequest);
  EXPECT_EQ(describe({{"user", kExact, "a"}, {"user", kExact, "b"}}).error_code, ErrorCode::kInvalidRequest);
}

TEST_F(QuotaHandlers, WhatCannotBeIsRefused) {
  constexpr auto kInvalid = ErrorCode::kInvalidRequest;
  const std::vector<Op> sound = {{"request_rate", 1, false}};
  EXPECT_EQ(alter_code({}, sound), kInvalid);
  EXPECT_EQ(alter_code({{"group", "a"}}, sound), kInvalid);
  EXPECT_EQ(alter_code({{"user", "a"}, {"user", "b"}}, sound), kInvalid);
  EXPECT_EQ(alter_code({{"user", "a"}, {"ip", "10.0.0.1"}}, sound), kInvalid);
  EXPECT_EQ(alter_code({{"user", "a"}}, {{"speed", 1, false}}), kInvalid);
  EXPECT_EQ(alter_code({{"user", "a"}}, {{"speed", 1, true}}), kInvalid);
  EXPECT_EQ(alter_code({{"user", "a"}}, {{"request_rate", -1, false}}), kInvalid);
  EXPECT_EQ(alter_code({{"user", "a"}}, {{"request_rate", std::numeric_limits<double>::quiet_NaN(), false}}), kInvalid);
  EXPECT_EQ(alter_code({{"user", "a"}}, {{"request_rate", 1, false}, {"request_rate", 2, false}}), kInvalid);
  const auto percentage = alter({{"user", "a"}}, {{"request_percentage", 10, false}});
  EXPECT_EQ(percentage.error_code, kInvalid);
  EXPECT_THAT(percentage.error_message.value_or(""), ::testing::HasSubstr("request_rate"));
  EXPECT_THAT(limits({}), IsEmpty());
}

TEST_F(QuotaHandlers, WantTheRightsToTheClustersConfiguration) {
  const std::string cluster(security::kClusterName);
  home_.denied = {{Operation::alter_configs, cluster}, {Operation::describe_configs, cluster}};
  EXPECT_EQ(alter_code({{"user", "ada"}}, {{"request_rate", 5, false}}), ErrorCode::kClusterAuthorizationFailed);
  const auto described = describe({});
  EXPECT_EQ(described.error_code, ErrorCode::kClusterAuthorizationFailed);
  EXPECT_FALSE(described.entries);
}

}  // namespace
}  // namespace leat::kafka
