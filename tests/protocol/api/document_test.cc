#include "protocol/api/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "protocol/api/handlers.h"
#include "protocol/api/schema.h"

namespace leat::api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

TEST(Document, IsOpenApiAndEveryOperationHasAHandlerAndSaysWhoMayCallIt) {
  const nlohmann::json json = nlohmann::json::parse(kDocumentText);
  EXPECT_EQ(json.at("openapi"), "3.1.0");
  const Document document;
  EXPECT_GT(document.operations().size(), 40u);
  std::set<std::string> ids;
  for (const ApiOperation& operation : document.operations()) {
    EXPECT_NE(find_handler(operation.id), nullptr) << operation.id;
    EXPECT_TRUE(ids.insert(operation.id).second) << operation.id << " comes twice";
  }
}

TEST(Document, FindsOperationsByPathAndTakesHeadForGet) {
  const Document document;
  const Match topic = document.match("GET", "/v1/topics/a%2Fb");
  ASSERT_NE(topic.operation, nullptr);
  EXPECT_EQ(topic.operation->id, "getTopic");
  EXPECT_THAT(topic.values, ElementsAre("a%2Fb"));
  const Match head = document.match("HEAD", "/v1/topics/t/partitions/3/records");
  ASSERT_NE(head.operation, nullptr);
  EXPECT_EQ(head.operation->id, "readRecords");
  EXPECT_THAT(head.values, ElementsAre("t", "3"));
}

TEST(Document, TellsWhatAPathTakesAndWhatIsNothing) {
  const Document document;
  EXPECT_THAT(document.match("PUT", "/v1/topics/t").methods, UnorderedElementsAre("GET", "PATCH", "DELETE"));
  for (const std::string_view path :
       {"/v1/topics/", "/v1/nothing", "/v1/topics/t/", "/v1//topics", "/v1/topics/t/records/x"}) {
    const Match match = document.match("GET", path);
    EXPECT_EQ(match.operation, nullptr) << path;
    EXPECT_THAT(match.methods, IsEmpty()) << path;
  }
}

TEST(Document, ReadsLimitsDefaultsAndRights) {
  const Document document;
  const ApiOperation& read = *document.find("readRecords");
  const Parameter& limit = *read.find(Parameter::Place::query, "limit");
  EXPECT_EQ(limit.type, Parameter::Type::integer);
  EXPECT_EQ(limit.max, 10'000);
  EXPECT_EQ(limit.otherwise, "500");
  EXPECT_EQ(read.access.operation, security::Operation::read);
  EXPECT_EQ(read.access.type, security::ResourceType::topic);
  EXPECT_TRUE(read.access.names_a_parameter);
  EXPECT_EQ(read.access.name, "topic");
  EXPECT_EQ(document.find("publishRecords")->body, BodyKind::streamed);
  EXPECT_TRUE(document.find("publishRecords")->takes_idempotency_key);
  EXPECT_EQ(document.find("getIndex")->access.kind, Access::Kind::open);
}

TEST(Schema, SaysWhereABodyIsWrong) {
  const nlohmann::json document = nlohmann::json::parse(R"({"s":{"type":"object","additionalProperties":false,
      "required":["a"],"properties":{"a":{"$ref":"#/n"}}},"n":{"type":"integer","maximum":3}})");
  const Schema schema(document, document.at("s"));
  const auto fault = [&](const char* body) { return schema.fault_of(nlohmann::json::parse(body)); };
  EXPECT_EQ(fault(R"({"a":3})"), "");
  EXPECT_THAT(fault(R"({"a":4})"), HasSubstr("a: "));
  EXPECT_THAT(fault(R"({"a":"x"})"), HasSubstr("a: "));
  EXPECT_NE(fault(R"({})"), "");
  EXPECT_NE(fault(R"({"a":1,"b":2})"), "");
  EXPECT_NE(fault("[]"), "");
}

}  // namespace
}  // namespace leat::api
