#include <gmock/gmock.h>

#include "tests/protocol/kafka/node_home.h"

namespace leat::kafka {
namespace {

using security::Operation;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr ErrorCode kNone = ErrorCode::kNone;
constexpr std::int8_t kAny = 1;
constexpr std::int8_t kTopic = 2;
constexpr std::int8_t kCluster = 4;
constexpr std::int8_t kMatch = 2;
constexpr std::int8_t kLiteral = 3;
constexpr std::int8_t kPrefixed = 4;
constexpr std::int8_t kRead = 3;
constexpr std::int8_t kAlter = 7;
constexpr std::int8_t kAllow = 3;
constexpr std::int8_t kSha256 = 1;

using Creation = CreateAclsRequest::AclCreation;

Creation creation(std::string_view principal, std::string_view topic, std::int8_t pattern = kLiteral) {
  return {kTopic, topic, pattern, principal, "*", kRead, kAllow};
}

class UserHandlers : public testing::Test {
 protected:
  ErrorCode create(Creation creation) {
    CreateAclsRequest message;
    message.creations = {std::move(creation)};
    return home_.ask(handle_create_acls, 3, std::move(message)).results.at(0).error_code;
  }
  static DescribeAclsRequest everything() {
    DescribeAclsRequest filter;
    filter.resource_type_filter = kAny;
    filter.resource_name_filter = std::nullopt;
    filter.pattern_type_filter = kAny;
    filter.principal_filter = std::nullopt;
    filter.host_filter = std::nullopt;
    filter.operation = kAny;
    filter.permission_type = kAny;
    return filter;
  }
  std::vector<std::string> found(DescribeAclsRequest filter) {
    const auto response = home_.ask(handle_describe_acls, 3, std::move(filter));
    EXPECT_EQ(response.error_code, kNone);
    std::vector<std::string> names;
    for (const auto& resource : response.resources) {
      for (const auto& acl : resource.acls) names.push_back(acl.principal + " " + resource.resource_name);
    }
    std::ranges::sort(names);
    return names;
  }
  // The outcome for the one user that is changed.
  AlterUserScramCredentialsResponse::AlterUserScramCredentialsResult alter(AlterUserScramCredentialsRequest message) {
    auto response = home_.ask(handle_alter_user_scram_credentials, 0, std::move(message));
    EXPECT_EQ(response.results.size(), 1U);
    return std::move(response.results.at(0));
  }
  ErrorCode set_password(std::string_view user, std::size_t key_bytes = 32, std::int32_t iterations = 4096) {
    const std::string key(key_bytes, 'k');
    AlterUserScramCredentialsRequest message;
    message.upsertions = {{user, kSha256, iterations, as_bytes(std::string_view("salt")), as_bytes(key)}};
    return alter(std::move(message)).error_code;
  }
  ErrorCode remove(std::string_view user) {
    AlterUserScramCredentialsRequest message;
    message.deletions = {{user, kSha256}};
    return alter(std::move(message)).error_code;
  }
  void make_root() {
    EXPECT_EQ(create({kCluster, security::kClusterName, kLiteral, "User:root", "*", kAlter, kAllow}), kNone);
    EXPECT_EQ(set_password("root"), kNone);
  }

  NodeHome home_;
};

TEST_F(UserHandlers, AclsAreMadeFoundAndDeleted) {
  EXPECT_EQ(create(creation("User:a", "orders")), kNone);
  EXPECT_EQ(create(creation("User:a", "orders")), kNone);
  EXPECT_EQ(create(creation("User:b", "ord", kPrefixed)), kNone);
  EXPECT_THAT(found(everything()), ElementsAre("User:a orders", "User:b ord"));
  auto filter = everything();
  filter.pattern_type_filter = kPrefixed;
  EXPECT_THAT(found(filter), ElementsAre("User:b ord"));
  filter.pattern_type_filter = kMatch;
  filter.resource_name_filter = "orders";
  EXPECT_THAT(found(filter), ElementsAre("User:a orders", "User:b ord"));
  filter.pattern_type_filter = kAny;
  EXPECT_THAT(found(filter), ElementsAre("User:a orders"));
  DeleteAclsRequest removal;
  removal.filters.resize(1);
  removal.filters[0] = {kAny, std::nullopt, kAny, "User:b", std::nullopt, kAny, kAny};
  const auto removed = home_.ask(handle_delete_acls, 3, std::move(removal));
  ASSERT_EQ(removed.filter_results.at(0).matching_acls.size(), 1U);
  EXPECT_EQ(removed.filter_results[0].matching_acls[0].resource_name, "ord");
  EXPECT_THAT(found(everything()), ElementsAre("User:a orders"));
}

TEST_F(UserHandlers, AclsThatSayNothingAreRefused) {
  Creation bad = creation("User:a", "orders");
  bad.operation = kAny;
  EXPECT_EQ(create(bad), ErrorCode::kInvalidRequest);
  bad = creation("User:a", "orders", kMatch);
  EXPECT_EQ(create(bad), ErrorCode::kInvalidRequest);
  EXPECT_EQ(create(creation("a", "orders")), ErrorCode::kInvalidRequest);
  EXPECT_EQ(create(creation("User:a", "")), ErrorCode::kInvalidRequest);
  bad = creation("User:a", "another");
  bad.resource_type = kCluster;
  EXPECT_EQ(create(bad), ErrorCode::kInvalidRequest);
  auto filter = everything();
  filter.operation = 99;
  EXPECT_EQ(home_.ask(handle_describe_acls, 3, std::move(filter)).error_code, ErrorCode::kInvalidRequest);
  EXPECT_THAT(found(everything()), IsEmpty());
}

TEST_F(UserHandlers, UsersComeAndGoWithTheirCredentials) {
  EXPECT_EQ(set_password("alice"), ErrorCode::kUnacceptableCredential);  // nobody could administer
  make_root();
  EXPECT_EQ(set_password("alice"), kNone);
  const auto all = home_.ask(handle_describe_user_scram_credentials, 0, DescribeUserScramCredentialsRequest{});
  ASSERT_EQ(all.results.size(), 2U);
  EXPECT_EQ(all.results[0].user, "alice");
  ASSERT_EQ(all.results[0].credential_infos.size(), 1U);
  EXPECT_EQ(all.results[0].credential_infos[0].iterations, 4096);
  EXPECT_EQ(remove("alice"), kNone);
  EXPECT_EQ(remove("alice"), ErrorCode::kResourceNotFound);
  EXPECT_EQ(remove("root"), ErrorCode::kUnacceptableCredential);
}

TEST_F(UserHandlers, CredentialsThatCannotBeUsedAreRefused) {
  make_root();
  EXPECT_EQ(set_password("alice", 31), ErrorCode::kUnacceptableCredential);
  EXPECT_EQ(set_password("alice", 32, 4095), ErrorCode::kUnacceptableCredential);
  EXPECT_EQ(set_password("alice", 32, 16385), ErrorCode::kUnacceptableCredential);
  EXPECT_EQ(set_password("alice", 32, -1), ErrorCode::kUnacceptableCredential);
  EXPECT_EQ(set_password("", 32), ErrorCode::kUnacceptableCredential);
  AlterUserScramCredentialsRequest message;
  message.deletions = {{"alice", 7}};
  EXPECT_EQ(alter(message).error_code, ErrorCode::kUnsupportedSaslMechanism);
  message.deletions = {{"root", kSha256}, {"root", kSha256}};
  EXPECT_EQ(alter(message).error_code, ErrorCode::kDuplicateResource);
  DescribeUserScramCredentialsRequest twice;
  twice.users = {{{"root"}, {"root"}, {"nobody"}}};
  const auto described = home_.ask(handle_describe_user_scram_credentials, 0, std::move(twice));
  ASSERT_EQ(described.results.size(), 2U);
  EXPECT_EQ(described.results[0].error_code, ErrorCode::kResourceNotFound);
  EXPECT_EQ(described.results[1].error_code, ErrorCode::kDuplicateResource);
}

TEST_F(UserHandlers, AllOfItWantsTheRightToAlterOrDescribeTheCluster) {
  make_root();
  home_.denied = {{Operation::alter, std::string(security::kClusterName)},
                  {Operation::describe, std::string(security::kClusterName)}};
  EXPECT_EQ(create(creation("User:a", "orders")), ErrorCode::kClusterAuthorizationFailed);
  EXPECT_EQ(set_password("alice"), ErrorCode::kClusterAuthorizationFailed);
  EXPECT_EQ(home_.ask(handle_describe_acls, 3, everything()).error_code, ErrorCode::kClusterAuthorizationFailed);
  EXPECT_EQ(home_.ask(handle_describe_user_scram_credentials, 0, DescribeUserScramCredentialsRequest{}).error_code,
            ErrorCode::kClusterAuthorizationFailed);
  DeleteAclsRequest removal;
  removal.filters.resize(1);
  removal.filters[0] = {kAny, std::nullopt, kAny, std::nullopt, std::nullopt, kAny, kAny};
  EXPECT_EQ(home_.ask(handle_delete_acls, 3, std::move(removal)).filter_results.at(0).error_code,
            ErrorCode::kClusterAuthorizationFailed);
}

TEST_F(UserHandlers, SaslBeginsWithAHandshake) {
  SaslHandshakeRequest handshake;
  handshake.mechanism = "GSSAPI";
  const auto refused = home_.ask(handle_sasl_handshake, 1, handshake);
  EXPECT_EQ(refused.error_code, ErrorCode::kUnsupportedSaslMechanism);
  EXPECT_THAT(refused.mechanisms, ElementsAre("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"));
  handshake.mechanism = "PLAIN";
  EXPECT_EQ(home_.ask(handle_sasl_handshake, 1, handshake).error_code, kNone);
  EXPECT_EQ(home_.ask(handle_sasl_handshake, 1, handshake).error_code, ErrorCode::kIllegalSaslState);
}

}  // namespace
}  // namespace leat::kafka
