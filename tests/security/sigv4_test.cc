#include "security/sigv4.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace leat::security {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

using Headers = std::vector<std::pair<std::string_view, std::string_view>>;

constexpr std::string_view kKeyId = "AKIDEXAMPLE";
constexpr std::string_view kSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
constexpr std::string_view kTime = "20150830T123600Z";
constexpr Timestamp kNow{1'440'938'160'000};  // kTime

AccessKeys keys() {
  AccessKeys made;
  made.add(std::string(kKeyId), std::string(kSecret));
  return made;
}

struct Vector {
  std::string_view name;
  std::string_view method;
  std::string_view path;
  std::string_view query;
  Headers headers;  // beyond Host and X-Amz-Date
  std::string_view body;
  std::string_view signed_headers;
  std::string_view signature;
};

std::string authorization_of(std::string_view signed_headers, std::string_view signature,
                             std::string_view service = "service") {
  return fmt::format(
      "AWS4-HMAC-SHA256 Credential={}/20150830/us-east-1/{}/aws4_request, SignedHeaders={}, Signature={}", kKeyId,
      service, signed_headers, signature);
}

// The outcome of a request that is signed in its header.
std::optional<SigV4Failure> verify(const Vector& vector, Timestamp now = kNow, std::string service = "service") {
  const AccessKeys known = keys();
  SigV4Verifier verifier([&](std::string_view id) { return known.find(id); }, service);
  const std::string authorization = authorization_of(vector.signed_headers, vector.signature, service);
  Headers headers{{"Host", "example.amazonaws.com"}, {"X-Amz-Date", kTime}};
  headers.insert(headers.end(), vector.headers.begin(), vector.headers.end());
  headers.emplace_back("Authorization", authorization);
  const auto verified = verifier.verify({vector.method, vector.path, vector.query, headers, vector.body}, now);
  if (!verified) return verified.error().failure;
  EXPECT_EQ(verified->key_id, kKeyId);
  EXPECT_EQ(verified->region, "us-east-1");
  return std::nullopt;
}

// From AWS's published test suite for Signature Version 4.
const Vector kVectors[] = {
    {"get-vanilla",
     "GET",
     "/",
     "",
     {},
     "",
     "host;x-amz-date",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-vanilla-query-order-key-case",
     "GET",
     "/",
     "Param2=value2&Param1=value1",
     {},
     "",
     "host;x-amz-date",
     "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {"get-vanilla-utf8-query",
     "GET",
     "/",
     "\xE1\x88\xB4=bar",
     {},
     "",
     "host;x-amz-date",
     "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
    {"get-utf8",
     "GET",
     "/\xE1\x88\xB4",
     "",
     {},
     "",
     "host;x-amz-date",
     "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
    {"get-slashes",
     "GET",
     "//example//",
     "",
     {},
     "",
     "host;x-amz-date",
     "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
    {"get-relative-relative",
     "GET",
     "/example1/example2/../..",
     "",
     {},
     "",
     "host;x-amz-date",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-space",
     "GET",
     "/example space/",
     "",
     {},
     "",
     "host;x-amz-date",
     "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
    {"get-header-value-trim",
     "GET",
     "/",
     "",
     {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}},
     "",
     "host;my-header1;my-header2;x-amz-date",
     "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
    {"get-header-key-duplicate",
     "GET",
     "/",
     "",
     {{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}},
     "",
     "host;my-header1;x-amz-date",
     "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
    {"post-vanilla",
     "POST",
     "/",
     "",
     {},
     "",
     "host;x-amz-date",
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {"post-x-www-form-urlencoded",
     "POST",
     "/",
     "",
     {{"Content-Type", "application/x-www-form-urlencoded"}},
     "Param1=value1",
     "content-type;host;x-amz-date",
     "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
};

TEST(SigV4, VerifiesAwsTestVectors) {
  for (const Vector& vector : kVectors) EXPECT_EQ(verify(vector), std::nullopt) << vector.name;
}

TEST(SigV4, EveryPartOfTheRequestCounts) {
  const Vector good = kVectors[10];
  ASSERT_EQ(verify(good), std::nullopt);
  Vector changed = good;
  changed.body = "Param1=value2";
  EXPECT_EQ(verify(changed), SigV4Failure::mismatch);
  changed = good;
  changed.path = "/x";
  EXPECT_EQ(verify(changed), SigV4Failure::mismatch);
  changed = good;
  changed.query = "a=b";
  EXPECT_EQ(verify(changed), SigV4Failure::mismatch);
  changed = good;
  changed.method = "PUT";
  EXPECT_EQ(verify(changed), SigV4Failure::mismatch);
  changed = good;
  changed.headers[0].second = "text/plain";
  EXPECT_EQ(verify(changed), SigV4Failure::mismatch);
  changed = good;
  changed.headers.clear();  // a header that was signed is gone
  EXPECT_EQ(verify(changed), SigV4Failure::mismatch);
  changed = good;
  changed.signed_headers = "content-type;x-amz-date";  // the host is not covered
  EXPECT_EQ(verify(changed), SigV4Failure::mismatch);
  changed = good;
  changed.signature = "ff";
  EXPECT_EQ(verify(changed), SigV4Failure::mismatch);
}

TEST(SigV4, TimesOutsideTheSkewAreRefused) {
  constexpr std::int64_t kSkew = 15 * 60'000;
  EXPECT_EQ(verify(kVectors[0], kNow + kSkew), std::nullopt);
  EXPECT_EQ(verify(kVectors[0], kNow - kSkew), std::nullopt);
  EXPECT_EQ(verify(kVectors[0], kNow + (kSkew + 1)), SigV4Failure::expired);
  EXPECT_EQ(verify(kVectors[0], kNow - (kSkew + 1)), SigV4Failure::expired);
}

std::optional<SigV4Failure> verify_raw(const Headers& headers, std::string_view query = {}, Timestamp now = kNow) {
  const AccessKeys known = keys();
  SigV4Verifier verifier([&](std::string_view id) { return known.find(id); }, "service");
  const auto verified = verifier.verify({"GET", "/", query, headers, ""}, now);
  return verified ? std::nullopt : std::optional(verified.error().failure);
}

TEST(SigV4, WhatCannotBeReadIsRefused) {
  const auto with = [](const std::string& authorization, std::string_view time = kTime) {
    return verify_raw({{"Host", "example.amazonaws.com"}, {"X-Amz-Date", time}, {"Authorization", authorization}});
  };
  const std::string good = authorization_of("host;x-amz-date", kVectors[0].signature);
  ASSERT_EQ(with(good), std::nullopt);
  EXPECT_EQ(verify_raw({{"Host", "x"}}), SigV4Failure::missing);
  EXPECT_EQ(with("Basic abc"), SigV4Failure::incomplete);
  EXPECT_EQ(with("AWS4-HMAC-SHA256"), SigV4Failure::incomplete);
  EXPECT_EQ(with("AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=x"), SigV4Failure::incomplete);
  EXPECT_EQ(with(good.substr(0, good.find(", Signature"))), SigV4Failure::incomplete);
  EXPECT_EQ(with(good, ""), SigV4Failure::incomplete);
  EXPECT_EQ(with(good, "20150830T996600Z"), SigV4Failure::incomplete);
  EXPECT_EQ(with(good, "20150831T123600Z"), SigV4Failure::incomplete);  // not the credential's day
  std::string other = good;
  other.replace(other.find(kKeyId), kKeyId.size(), "AKIDUNKNOWN");
  EXPECT_EQ(with(other), SigV4Failure::unknown_key);
  other = good;
  other.replace(other.find("/service/"), 9, "/another/");
  EXPECT_EQ(with(other), SigV4Failure::mismatch);
}

TEST(SigV4, HeadersOfAwsMustBeSigned) {
  const std::string authorization = authorization_of("host;x-amz-date", kVectors[0].signature);
  Headers headers{{"Host", "example.amazonaws.com"}, {"X-Amz-Date", kTime}, {"Authorization", authorization}};
  headers.emplace_back("X-Amzn-Trace-Id", "Root=1");  // clients sign before others add it
  EXPECT_EQ(verify_raw(headers), std::nullopt);
  headers.emplace_back("X-Amz-Target", "AmazonSQS.DeleteQueue");
  EXPECT_EQ(verify_raw(headers), SigV4Failure::mismatch);
}

// Signed with botocore's SigV4QueryAuth for these keys, this time and this service.
TEST(SigV4, VerifiesPresignedRequestsUntilTheirEnd) {
  const std::string signed_query =
      "Action=ListQueues&a=x%20y%2Bz&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
      "AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fservice%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-Expires=3600&"
      "X-Amz-SignedHeaders=host&X-Amz-Signature=cc020850d3d708df782932cbf1603cca3e74c43be461e53f3681671cfb6a147e";
  const Headers host{{"Host", "example.amazonaws.com"}};
  EXPECT_EQ(verify_raw(host, signed_query), std::nullopt);
  EXPECT_EQ(verify_raw(host, signed_query, kNow + 3'600'000), std::nullopt);
  EXPECT_EQ(verify_raw(host, signed_query, kNow + 3'600'001), SigV4Failure::expired);
  EXPECT_EQ(verify_raw(host, signed_query, kNow - 900'001), SigV4Failure::expired);
  EXPECT_EQ(verify_raw(host, signed_query + "&b=c"), SigV4Failure::mismatch);
  std::string longer = signed_query;
  longer.replace(longer.find("3600&"), 5, "604801&");
  EXPECT_EQ(verify_raw(host, longer), SigV4Failure::incomplete);
  longer = signed_query;
  longer.replace(longer.find("3600&"), 5, "9223372036854775807&");
  EXPECT_EQ(verify_raw(host, longer), SigV4Failure::incomplete);
  longer = signed_query;
  longer.replace(longer.find("3600&"), 5, "3601&");
  EXPECT_EQ(verify_raw(host, longer), SigV4Failure::mismatch);
}

TEST(AccessKeys, AreReadAndNeverShown) {
  const auto read = parse_access_keys({"ID=secret=/with+signs", "OTHER=x"});
  ASSERT_TRUE(read);
  EXPECT_EQ(*read->find("ID"), "secret=/with+signs");
  EXPECT_EQ(read->find("NONE"), nullptr);
  for (const std::string text : {"sEcReT", "=sEcReT", "ID="}) {
    const auto refused = parse_access_keys({text});
    ASSERT_FALSE(refused) << text;
    EXPECT_THAT(refused.error().message, Not(HasSubstr("sEcReT")));
  }
}

}  // namespace
}  // namespace leat::security
