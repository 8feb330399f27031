#include "protocol/sns/filter_policy.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/environment.h"

namespace leat::sns {
namespace {

using Scope = FilterPolicy::Scope;

bool accepts_body(std::string_view policy, std::string_view body) {
  const auto parsed = FilterPolicy::parse(policy, Scope::body);
  EXPECT_TRUE(parsed) << policy << ": " << (parsed ? "" : parsed.error().message);
  return parsed && parsed->accepts({}, body);
}

bool accepts_attributes(std::string_view policy, std::initializer_list<MessageAttribute> attributes) {
  const auto parsed = FilterPolicy::parse(policy, Scope::attributes);
  EXPECT_TRUE(parsed) << policy << ": " << (parsed ? "" : parsed.error().message);
  return parsed && parsed->accepts({attributes.begin(), attributes.size()}, "not JSON");
}

std::string error_of(std::string_view policy, Scope scope) {
  const auto parsed = FilterPolicy::parse(policy, scope);
  if (parsed) return "none";
  EXPECT_EQ(parsed.error().code, Errc::invalid_argument);
  return parsed.error().message;
}

struct BodyCase {
  std::string_view condition;              // of the member "k"
  std::vector<std::string_view> accepted;  // values of "k"
  std::vector<std::string_view> refused;
};

TEST(FilterPolicy, EachOperatorAcceptsWhatItNamesInABodyAndNothingElse) {
  const std::vector<BodyCase> cases{
      {R"("red")", {R"("red")", R"("r\u0065d")"}, {R"("Red")", R"("redd")", R"("")", "null", "5", R"({"red":1})"}},
      {R"("")", {R"("")"}, {R"("a")", "null"}},
      {"5", {"5", "5.0", "50e-1", "5.000001"}, {R"("5")", "5.0001", "-5", "true"}},
      {"301.5", {"301.5", "3.015e2"}, {"301.49999"}},
      {"true", {"true"}, {"false", R"("true")", "1", "null"}},
      {"false", {"false"}, {"true", "0", "null"}},
      {"null", {"null"}, {R"("null")", "false", "0", R"("")", "[]"}},
      {R"({"prefix":"bas"})", {R"("bas")", R"("baseball")"}, {R"("ba")", R"("Base")", R"("abas")", "5"}},
      {R"({"suffix":"ball"})", {R"("ball")", R"("baseball")"}, {R"("all")", R"("balls")", R"("BALL")", "null"}},
      {R"({"equals-ignore-case":"TenNis"})", {R"("tennis")", R"("TENNIS")"}, {R"("tenni")", R"("tennis ")", "1"}},
      {R"({"anything-but":"a"})", {R"("b")", R"("A")", "5", "false"}, {R"("a")", "null", "{}", "[]"}},
      {R"({"anything-but":["b","a"]})", {R"("c")", "1"}, {R"("a")", R"("b")"}},
      {R"({"anything-but":100})", {"101", "100.1", R"("100")", "1e10"}, {"100", "1e2"}},
      {R"({"anything-but":[500,100]})", {"-100", "50"}, {"100", "500"}},
      {R"({"anything-but":{"prefix":"order-"}})", {R"("data")", R"("order_1")", "5"}, {R"("order-1")", "null"}},
      {R"({"anything-but":{"suffix":"ball"}})", {R"("rugby")", R"("ballroom")"}, {R"("baseball")", R"("ball")"}},
      {R"({"numeric":["=",301.5]})", {"301.5", "3.015e2"}, {"301", R"("301.5")", "null"}},
      {R"({"numeric":["<",0]})", {"-0.00001", "-1", "-1e9"}, {"0", "-0.0", "1", "-0.000001", "-1.1e9"}},
      {R"({"numeric":["<=",0]})", {"0", "-1"}, {"0.00001"}},
      {R"({"numeric":[">",0]})", {"0.00001", "1e9"}, {"0", "-1", "0.000001", "1.1e9", "18446744073709551615"}},
      {R"({"numeric":[">=",0]})", {"0", "5"}, {"-0.00001"}},
      {R"({"numeric":[">",0,"<=",150]})", {"1", "150"}, {"0", "150.00001", R"("1")"}},
      {R"({"numeric":[">=",-5,"<",5]})", {"-5", "4.99999"}, {"-5.00001", "5"}},
      {R"({"exists":true})", {R"("a")", "0", "false", "[1]"}, {"null", R"("")", "[]", "{}", R"({"a":1})", "[null]"}},
      {R"({"exists":false})", {"{}", "[]"}, {R"("a")", "0", "null", R"("")"}},
      {R"({"cidr":"10.0.0.0/24"})",
       {R"("10.0.0.0")", R"("10.0.0.255")"},
       {R"("10.0.1.0")", R"("10.0.0")", R"("10.0.0.1 ")", R"("::ffff:10.0.0.1")", R"("10.0.0.1\u0000")", "10"}},
      {R"({"cidr":"10.0.0.129/25"})", {R"("10.0.0.128")"}, {R"("10.0.0.127")"}},
      {R"({"cidr":"10.1.2.3/32"})", {R"("10.1.2.3")"}, {R"("10.1.2.2")"}},
      {R"({"cidr":"0.0.0.0/0"})", {R"("255.1.2.3")"}, {R"("::1")", R"("any")"}},
      {R"({"cidr":"2001:db8::/33"})", {R"("2001:DB8:7fff::1")"}, {R"("2001:db8:8000::")", R"("32.1.13.184")"}},
      {R"({"cidr":"::1/128"})", {R"("0:0:0:0:0:0:0:1")"}, {R"("::")"}},
      // One of several conditions is enough.
      {R"("a",{"numeric":["<",0]},null)", {R"("a")", "-1", "null"}, {R"("b")", "1"}},
      {R"({"anything-but":"a"},{"exists":false})", {R"("b")", "{}"}, {R"("a")", "null"}},
  };
  for (const auto& [condition, accepted, refused] : cases) {
    const std::string policy = fmt::format(R"({{"k":[{}]}})", condition);
    for (const auto value : accepted) {
      EXPECT_TRUE(accepts_body(policy, fmt::format(R"({{"j":0,"k":{}}})", value))) << policy << " " << value;
    }
    for (const auto value : refused) {
      EXPECT_FALSE(accepts_body(policy, fmt::format(R"({{"j":0,"k":{}}})", value))) << policy << " " << value;
    }
    const bool wants_none = condition.contains(R"({"exists":false})");
    EXPECT_EQ(accepts_body(policy, R"({"j":0})"), wants_none) << policy;
    EXPECT_EQ(accepts_body(policy, R"({"K":"red"})"), wants_none) << policy;
  }
}

TEST(FilterPolicy, AnElementOfAnArrayInABodyIsEnough) {
  EXPECT_TRUE(accepts_body(R"({"k":["a"]})", R"({"k":["b","a"]})"));
  EXPECT_TRUE(accepts_body(R"({"k":["a"]})", R"({"k":[[],["b",["a"]]]})"));
  EXPECT_FALSE(accepts_body(R"({"k":["a"]})", R"({"k":["b","c"]})"));
  EXPECT_FALSE(accepts_body(R"({"k":["a"]})", R"({"k":[]})"));
  EXPECT_FALSE(accepts_body(R"({"k":["a"]})", R"({"k":[{"a":"a"}]})"));
  EXPECT_TRUE(accepts_body(R"({"k":[{"anything-but":["a"]}]})", R"({"k":["a","b"]})"));
  EXPECT_FALSE(accepts_body(R"({"k":[{"anything-but":["a"]}]})", R"({"k":["a","a"]})"));
  EXPECT_TRUE(accepts_body(R"({"k":[{"exists":true}]})", R"({"k":["",null,0]})"));
  EXPECT_FALSE(accepts_body(R"({"k":[{"exists":false}]})", R"({"k":[null]})"));
}

TEST(FilterPolicy, ABodyIsFollowedIntoObjectsAndArraysOfThem) {
  constexpr std::string_view kPolicy =
      R"({"Records":{"s3":{"object":{"key":[{"prefix":"auto-"}]}},"eventName":[{"prefix":"ObjectCreated:"}]}})";
  EXPECT_TRUE(accepts_body(
      kPolicy, R"({"Records":[{"eventName":"ObjectCreated:Put","s3":{"object":[[{"key":"auto-1","size":17}]]}},
                              {"eventName":"ObjectRemoved:Delete","s3":{"object":{"key":"home-1"}}}]})"));
  EXPECT_TRUE(
      accepts_body(kPolicy, R"({"Records":{"eventName":"ObjectCreated:Put","s3":{"object":{"key":"auto-1"}}}})"));
  EXPECT_FALSE(
      accepts_body(kPolicy, R"({"Records":[{"eventName":"ObjectRemoved:X","s3":{"object":{"key":"auto-1"}}}]})"));
  EXPECT_FALSE(
      accepts_body(kPolicy, R"({"Records":[{"eventName":"ObjectCreated:X","s3":{"object":{"key":"home-1"}}}]})"));
  EXPECT_FALSE(accepts_body(kPolicy, R"({"Records":[{"eventName":"ObjectCreated:X","s3":{"object":"auto-1"}}]})"));
  EXPECT_FALSE(accepts_body(kPolicy, R"({"Records":"ObjectCreated:Put"})"));
}

TEST(FilterPolicy, ADotInANameIsAPathToo) {
  for (const std::string_view policy :
       {R"({"a.b.c":["v"]})", R"({"a":{"b.c":["v"]}})", R"({"a.b":{"c":["v"]}})", R"({"a":{"b":{"c":["v"]}}})"}) {
    for (const std::string_view body : {R"({"a.b.c":"v"})", R"({"a":{"b":{"c":"v"}}})", R"({"a.b":{"c":"v"}})",
                                        R"({"a":{"b.c":"v"}})", R"({"a":1,"a.b":{"c":["v"]}})"}) {
      EXPECT_TRUE(accepts_body(policy, body)) << policy << body;
    }
    for (const std::string_view body : {R"({"a":{"b":{"c":"w"}}})", R"({"a":{"b":"v"}})", R"({"a":{"bc":"v"}})",
                                        R"({"a.b.cc":"v"})", R"({"ab.c":"v"})", R"({"":{"a.b.c":"v"}})"}) {
      EXPECT_FALSE(accepts_body(policy, body)) << policy << body;
    }
  }
  EXPECT_FALSE(accepts_body(R"({"abc":["v"]})", R"({"a":{"c":"v"}})"));
  EXPECT_TRUE(accepts_body(R"({"":{"b":["v"]},"a":{"":["w"]}})", R"({"":{"b":"v"},"a":{"":"w"}})"));
}

TEST(FilterPolicy, NamesAreJoinedByAnd) {
  constexpr std::string_view kPolicy = R"({"a":["x"],"b":{"c":[1,2]}})";
  EXPECT_TRUE(accepts_body(kPolicy, R"({"a":"x","b":{"c":2}})"));
  EXPECT_FALSE(accepts_body(kPolicy, R"({"a":"y","b":{"c":2}})"));
  EXPECT_FALSE(accepts_body(kPolicy, R"({"a":"x","b":{"c":3}})"));
  EXPECT_FALSE(accepts_body(kPolicy, R"({"a":"x"})"));
}

TEST(FilterPolicy, OneAlternativeOfOrIsEnoughBesideItsSiblings) {
  constexpr std::string_view kPolicy = R"({"source":["cw"],"$or":[{"name":["cpu"]},{"kind":["m"],"$or":[
      {"id":[1]},{"space":[2]}]}]})";
  EXPECT_TRUE(accepts_body(kPolicy, R"({"source":"cw","name":"cpu"})"));
  EXPECT_TRUE(accepts_body(kPolicy, R"({"source":"cw","kind":"m","id":1})"));
  EXPECT_TRUE(accepts_body(kPolicy, R"({"source":"cw","kind":"m","space":2})"));
  EXPECT_FALSE(accepts_body(kPolicy, R"({"source":"x","name":"cpu"})"));
  EXPECT_FALSE(accepts_body(kPolicy, R"({"source":"cw","kind":"m"})"));
  EXPECT_FALSE(accepts_body(kPolicy, R"({"source":"cw","id":1})"));
  EXPECT_FALSE(accepts_body(kPolicy, R"({"source":"cw"})"));
  EXPECT_TRUE(
      accepts_attributes(kPolicy, {{"source", "String", "cw"}, {"kind", "String", "m"}, {"id", "Number", "1"}}));
  EXPECT_FALSE(accepts_attributes(kPolicy, {{"source", "String", "cw"}, {"id", "Number", "1"}}));
}

TEST(FilterPolicy, OrInsideAnObjectIsAboutThatObject) {
  constexpr std::string_view kPolicy =
      R"({"$or":[{"n":["a"]},{"m":["b"]}],"d":{"scope":["s"],"$or":[{"x":["1"]},{"y":{"z":["2"]}}]}})";
  EXPECT_TRUE(accepts_body(kPolicy, R"({"n":"a","d":{"scope":"s","x":"1"}})"));
  EXPECT_TRUE(accepts_body(kPolicy, R"({"m":"b","d":{"scope":"s","y":{"z":"2"}}})"));
  EXPECT_FALSE(accepts_body(kPolicy, R"({"n":"a","x":"1","d":{"scope":"s"}})"));
  EXPECT_FALSE(accepts_body(kPolicy, R"({"d":{"scope":"s","x":"1"}})"));
  EXPECT_FALSE(accepts_body(kPolicy, R"({"n":"a","d":{"x":"1"}})"));
}

TEST(FilterPolicy, OrThatIsNoOperatorIsAName) {
  EXPECT_TRUE(accepts_body(R"({"$or":["a"]})", R"({"$or":"a"})"));
  EXPECT_FALSE(accepts_body(R"({"$or":["a"]})", R"({"a":"a"})"));
  EXPECT_TRUE(accepts_body(R"({"$or":[{"prefix":"a"},{"prefix":"b"}]})", R"({"$or":"b1"})"));
  EXPECT_TRUE(accepts_body(R"({"$or":{"a":["x"]}})", R"({"$or":{"a":"x"}})"));
  EXPECT_TRUE(accepts_body(R"({"$or":["a",{"prefix":"b"}]})", R"({"$or":"a"})"));
}

TEST(FilterPolicy, ABodyThatIsNotAnObjectIsAcceptedOnlyByAnEmptyPolicy) {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  for (const std::string& body : std::vector<std::string>{
           "", " ", "a", "[]", R"([{"a":"x"}])", R"("a")", "null", "1", R"({"a":"x")", R"({"a":"x"} 1)",
           R"({"a":"x","b":01})", "{\"a\":\"x\",\"b\":\"\xff\"}", R"({"a":"x","b":)" + deep + "}"}) {
    EXPECT_FALSE(accepts_body(R"({"a":["x"]})", body)) << body.substr(0, 100);
    EXPECT_FALSE(accepts_body(R"({"c":[{"exists":false}]})", body)) << body.substr(0, 100);
    EXPECT_TRUE(accepts_body("{}", body)) << body.substr(0, 100);
  }
  EXPECT_TRUE(accepts_body(R"({"c":[{"exists":false}]})", "{}"));
  EXPECT_TRUE(accepts_attributes(" {} ", {}));
  EXPECT_TRUE(accepts_attributes("{}", {{"a", "Binary", "\x01"}}));
}

TEST(FilterPolicy, ADeepBodyIsReadAsDeepAsTheParserAllows) {
  constexpr std::size_t kDepth = 1000;
  const std::string arrays = R"({"a":)" + std::string(kDepth, '[') + R"("x")" + std::string(kDepth, ']') + "}";
  EXPECT_TRUE(accepts_body(R"({"a":["x"]})", arrays));
  std::string objects = R"("x")";
  for (std::size_t i = 0; i < kDepth; ++i) objects = R"({"a":)" + objects + "}";
  EXPECT_TRUE(accepts_body(R"({"a":{"a":[{"exists":false}]}})", objects));
}

struct AttributeCase {
  std::string_view condition;  // of the attribute "k"
  MessageAttribute attribute;
  bool accepted;
};

TEST(FilterPolicy, AttributesAreComparedByTheirType) {
  const std::vector<AttributeCase> cases{
      {R"("a")", {"k", "String", "a"}, true},
      {R"("a")", {"k", "String.mine", "a"}, true},
      {R"("a")", {"k", "String", "b"}, false},
      {R"("a")", {"K", "String", "a"}, false},
      {R"("a")", {"k", "Binary", "a"}, false},
      {R"("a")", {"k", "Binary.String", "a"}, false},
      {R"("a")", {"k", "Strings", "a"}, false},
      {R"({"exists":true})", {"k", "Binary", "a"}, true},
      {R"({"exists":true})", {"k", "String.Array", "["}, true},
      {R"({"exists":true})", {"k", "String", ""}, false},
      {R"({"exists":true})", {"j", "String", "a"}, false},
      {R"({"exists":false})", {"j", "String", "a"}, true},
      {R"({"exists":false})", {"k", "Binary", "a"}, false},
      {R"({"anything-but":"a"})", {"k", "Binary", "b"}, false},
      {R"({"anything-but":"a"})", {"k", "String", "b"}, true},
      {R"({"anything-but":"a"})", {"k", "String", "a"}, false},
      {R"({"anything-but":"a"})", {"j", "String", "b"}, false},
      {"5", {"k", "Number", "5"}, true},
      {"5", {"k", "Number.int", "5.0"}, true},
      {"5", {"k", "Number", "0.5e1"}, true},
      {"5", {"k", "Number", "6"}, false},
      {"5", {"k", "String", "5"}, false},
      {R"("5")", {"k", "Number", "5"}, false},
      {R"({"prefix":"5"})", {"k", "Number", "5"}, false},
      {R"({"anything-but":[5]})", {"k", "Number", "6"}, true},
      {R"({"anything-but":[5]})", {"k", "Number", "5"}, false},
      {R"({"anything-but":[5]})", {"k", "Number", "6x"}, false},
      {R"({"numeric":[">",0,"<=",100]})", {"k", "Number", "99"}, true},
      {R"({"numeric":[">",0,"<=",100]})", {"k", "Number", "101"}, false},
      {R"({"numeric":[">",0,"<=",100]})", {"k", "String", "99"}, false},
      {R"({"numeric":[">",0]})", {"k", "Number", "inf"}, false},
      {R"({"numeric":[">",0]})", {"k", "Number", "nan"}, false},
      {R"({"numeric":[">",0]})", {"k", "Number", ""}, false},
      {"true", {"k", "String", "true"}, false},
      {R"("a")", {"k", "String.Array", R"(["b","a"])"}, true},
      {R"("a")", {"k", "String.Array.mine", R"(["a"])"}, true},
      {R"("a")", {"k", "String.Array", R"(["b"])"}, false},
      {R"("a")", {"k", "String.Array", R"([["a"]])"}, false},
      {R"("a")", {"k", "String.Array", "a"}, false},
      {R"("a")", {"k", "String.Array", R"(["a")"}, false},
      {R"("a")", {"k", "String.Array", R"("a")"}, false},
      {R"("[\"a\"]")", {"k", "String", R"(["a"])"}, true},
      {"5", {"k", "String.Array", "[4,5]"}, true},
      {"true", {"k", "String.Array", "[true]"}, true},
      {"null", {"k", "String.Array", "[null]"}, true},
      {"null", {"k", "String.Array", "[false]"}, false},
      {R"({"prefix":"b"})", {"k", "String.Array", R"(["a","ba"])"}, true},
      {R"({"anything-but":["a"]})", {"k", "String.Array", R"(["b","c"])"}, true},
      {R"({"anything-but":["a"]})", {"k", "String.Array", R"(["b","a"])"}, false},
      {R"({"anything-but":["a"]})", {"k", "String.Array", "[]"}, false},
      {R"({"anything-but":[100,500]})", {"k", "Number.Array", "[100,50]"}, true},
      {R"({"anything-but":[100,500]})", {"k", "Number.Array", "[100,500]"}, false},
  };
  for (const auto& [condition, attribute, accepted] : cases) {
    const std::string policy = fmt::format(R"({{"k":[{}]}})", condition);
    EXPECT_EQ(accepts_attributes(policy, {{"other", "String", "a"}, attribute}), accepted)
        << policy << " " << attribute.name << " " << attribute.type << " " << attribute.value;
  }
}

TEST(FilterPolicy, AttributesAreJoinedByAndAndTheirNamesAreNoPaths) {
  EXPECT_TRUE(accepts_attributes(R"({"a.b":["x"],"c":[1]})", {{"c", "Number", "1"}, {"a.b", "String", "x"}}));
  EXPECT_FALSE(accepts_attributes(R"({"a.b":["x"],"c":[1]})", {{"a.b", "String", "x"}}));
  EXPECT_FALSE(accepts_attributes(R"({"a.b":["x"],"c":[1]})", {{"a.b", "String", "x"}, {"c", "Number", "2"}}));
}

TEST(FilterPolicy, AMessageWithoutAttributesDoesNotMeetExistsFalse) {
  EXPECT_FALSE(accepts_attributes(R"({"k":[{"exists":false}]})", {}));
  EXPECT_TRUE(accepts_attributes(R"({"k":[{"exists":false}]})", {{"j", "Binary", "a"}}));
}

TEST(FilterPolicy, TheScopeDecidesWhatIsLookedAt) {
  const auto attributes = FilterPolicy::parse(R"({"k":["a"]})", Scope::attributes);
  const auto body = FilterPolicy::parse(R"({"k":["a"]})", Scope::body);
  ASSERT_TRUE(attributes && body);
  EXPECT_EQ(attributes->scope(), Scope::attributes);
  EXPECT_EQ(body->scope(), Scope::body);
  const MessageAttribute attribute{"k", "String", "a"};
  EXPECT_TRUE(attributes->accepts({&attribute, 1}, "{}"));
  EXPECT_FALSE(attributes->accepts({}, R"({"k":"a"})"));
  EXPECT_TRUE(body->accepts({}, R"({"k":"a"})"));
  EXPECT_FALSE(body->accepts({&attribute, 1}, "{}"));
}

TEST(FilterPolicy, EachWrongPolicyIsRefusedInTheWordsOfSns) {
  const std::vector<std::pair<std::string_view, std::string_view>> cases{
      {"", "failed to parse JSON."},
      {"{", "failed to parse JSON."},
      {R"({"k":["a"]} x)", "failed to parse JSON."},
      {"{\"k\":[\"\xff\"]}", "failed to parse JSON."},
      {"[]", "Filter is not an object"},
      {"null", "Filter is not an object"},
      {R"("a")", "Filter is not an object"},
      {R"({"k":"a"})", R"("k" must be an object or an array)"},
      {R"({"k":{"suffix":"a"}})", R"("suffix" must be an object or an array)"},
      {R"({"k":null})", R"("k" must be an object or an array)"},
      {R"({"k":{}})", "Empty objects are not allowed"},
      {R"({"$or":[{},{}]})", "Empty objects are not allowed"},
      {R"({"k":[]})", "Empty arrays are not allowed"},
      {R"({"$or":[]})", "Empty arrays are not allowed"},
      {R"({"$or":[{"k":["a"]}]})", "Unrecognized match type k"},
      {R"({"$or":[{"numeric":123},{"prefix":"abc"}]})", "Value of numeric must be an array."},
      {R"({"k":[["a"]]})", "Match value must be String, number, true, false, or null"},
      {R"({"k":[{"wrong":true}]})", "Unrecognized match type wrong"},
      {R"({"k":[{"suffix":"a","prefix":"b"}]})", "Only one key allowed in match expression"},
      {R"({"k":[{}]})", "Only one key allowed in match expression"},
      {R"({"k":[{"suffix":100}]})", "suffix match pattern must be a string"},
      {R"({"k":[{"suffix":[]}]})", "suffix match pattern must be a string"},
      {R"({"k":[{"prefix":null}]})", "prefix match pattern must be a string"},
      {R"({"k":[{"equals-ignore-case":1}]})", "equals-ignore-case match pattern must be a string"},
      {R"({"k":[{"exists":null}]})", "exists match pattern must be either true or false."},
      {R"({"k":[{"exists":"no"}]})", "exists match pattern must be either true or false."},
      {R"({"k":[{"numeric":[]}]})", "Invalid member in numeric match: ]"},
      {R"({"k":[{"numeric":[1,"<="]}]})", "Invalid member in numeric match: 1"},
      {R"({"k":[{"numeric":["operator"]}]})", "Unrecognized numeric range operator: operator"},
      {R"({"k":[{"numeric":["=","000"]}]})", "Value of equals must be numeric"},
      {R"({"k":[{"numeric":[">="]}]})", "Value of >= must be numeric"},
      {R"({"k":[{"numeric":["<",100,">",10]}]})", "Too many elements in numeric expression"},
      {R"({"k":[{"numeric":["=",1,"<"]}]})", "Too many elements in numeric expression"},
      {R"({"k":[{"numeric":[">=",1,">",2]}]})", "Bad numeric range operator: >"},
      {R"({"k":[{"numeric":[">",20,"test"]}]})", "Bad numeric range operator: test"},
      {R"({"k":[{"numeric":[">",20,30]}]})", "Bad value in numeric range: 30"},
      {R"({"k":[{"numeric":[">",3,"<",1]}]})", "Bottom must be less than top"},
      {R"({"k":[{"numeric":[">=",1,"<=",1]}]})", "Bottom must be less than top"},
      {R"({"k":[{"numeric":[">",20,"<="]}]})", "Value of <= must be numeric"},
      {R"({"k":[{"numeric":[">",20,"<","30"]}]})", "Value of < must be numeric"},
      {R"({"k":[{"numeric":[">",20,"<",30,"<",50]}]})", "Too many terms in numeric range expression"},
      {R"({"k":[{"numeric":[">",1000000001]}]})", "Value must be between -1.0E9 and 1.0E9, inclusive"},
      {R"({"k":[-1000000000.1]})", "Value must be between -1.0E9 and 1.0E9, inclusive"},
      {R"({"k":[{"anything-but":1e10}]})", "Value must be between -1.0E9 and 1.0E9, inclusive"},
      {R"({"k":[{"anything-but":[]}]})", "Empty arrays are not allowed"},
      {R"({"k":[{"anything-but":null}]})", "Value of anything-but must be an array or single string/number value."},
      {R"({"k":[{"anything-but":["a",true]}]})",
       "Value of anything-but must be an array or single string/number value."},
      {R"({"k":[{"anything-but":["a",1]}]})",
       "Inside anything but list, either all values are number or string, mixed type is not supported"},
      {R"({"k":[{"anything-but":{"exists":false}}]})", "Unsupported anything-but pattern: exists"},
      {R"({"k":[{"anything-but":{"prefix":"a","suffix":"b"}}]})", "Only one key allowed in match expression"},
      {R"({"k":[{"anything-but":{"prefix":false}}]})", "prefix match pattern must be a string"},
      {R"({"k":[{"anything-but":{"suffix":""}}]})", "Null prefix/suffix not allowed"},
      {R"({"k":[{"cidr":10}]})", "prefix match pattern must be a string"},
      {R"({"k":[{"cidr":"10.0.0.0"}]})", "Malformed CIDR, one '/' required"},
      {R"({"k":[{"cidr":"10.0.0.0/8/8"}]})", "Malformed CIDR, one '/' required"},
      {R"({"k":[{"cidr":"10.0.0.0/x"}]})", "Malformed CIDR, mask bits must be an integer"},
      {R"({"k":[{"cidr":"10.0.0.0/"}]})", "Malformed CIDR, mask bits must be an integer"},
      {R"({"k":[{"cidr":"10.0.0/8"}]})", "Nonstandard IP address: 10.0.0"},
      {R"({"k":[{"cidr":"10.0.0.0/33"}]})", "Malformed CIDR, mask bits must be at most 32"},
      {R"({"k":[{"cidr":"::/129"}]})", "Malformed CIDR, mask bits must be at most 128"},
  };
  for (const auto& [policy, wanted] : cases) {
    for (const Scope scope : {Scope::attributes, Scope::body}) {
      EXPECT_EQ(error_of(policy, scope), fmt::format("FilterPolicy: {}", wanted)) << policy;
    }
  }
}

TEST(FilterPolicy, OnlyABodyTakesANestedPolicy) {
  EXPECT_EQ(error_of(R"({"a":{"b":["x"]}})", Scope::attributes),
            "Filter policy scope MessageAttributes does not support nested filter policy");
  EXPECT_EQ(error_of(R"({"a":{"b":["x"]}})", Scope::body), "none");
}

constexpr std::string_view kTooManyKeys = "FilterPolicy: Filter policy can not have more than 5 keys";
constexpr std::string_view kTooComplex = "FilterPolicy: Filter policy is too complex";

TEST(FilterPolicy, FiveKeysAreTheMost) {
  for (const Scope scope : {Scope::attributes, Scope::body}) {
    EXPECT_EQ(error_of(R"({"a":[1],"b":[1],"c":[1],"d":[1],"e":[1]})", scope), "none");
    EXPECT_EQ(error_of(R"({"a":[1],"b":[1],"c":[1],"d":[1],"e":[1],"f":[1]})", scope), kTooManyKeys);
  }
  constexpr std::string_view kSixNames = R"({"a":[1],"$or":[{"b":[1],"c":[1]},{"d":[1],"e":[1],"f":[1]}]})";
  EXPECT_EQ(error_of(kSixNames, Scope::attributes), kTooManyKeys);
  EXPECT_EQ(error_of(kSixNames, Scope::body), "none");
  EXPECT_EQ(error_of(R"({"a":[1],"$or":[{"b":[1],"c":[1]},{"b":[2],"d":[1],"e":[1]}]})", Scope::attributes), "none");
}

std::string values(int count) {
  std::string list = "[0";
  for (int i = 1; i < count; ++i) list += fmt::format(",{}", i);
  return list + "]";
}

TEST(FilterPolicy, ItsCombinationsAreLimitedAsSnsCountsThem) {
  const auto outcome = [](std::string_view policy) { return error_of(policy, Scope::body); };
  EXPECT_EQ(outcome(fmt::format(R"({{"a":{}}})", values(150))), "none");
  EXPECT_EQ(outcome(fmt::format(R"({{"a":{}}})", values(151))), kTooComplex);
  EXPECT_EQ(outcome(fmt::format(R"({{"a":{},"b":{}}})", values(50), values(3))), "none");
  EXPECT_EQ(outcome(fmt::format(R"({{"a":{},"b":{}}})", values(100), values(51))), kTooComplex);
  // Values count as often as their names are deep: 4 x 3 by 3 x 2 by 3, and by 2.
  constexpr std::string_view kNested = R"({{"a":{{"b":{{"c":[1,2,3,4]}}}},"d":{{"e":[1,2,3]}},"f":{}}})";
  EXPECT_EQ(outcome(fmt::format(kNested, values(3))), kTooComplex);
  EXPECT_EQ(outcome(fmt::format(kNested, values(2))), "none");
  // The alternatives of "$or" add up: 3 x 6 + 3 x 4 x 4 + 3 x 4 x 7.
  constexpr std::string_view kOr = R"({{"s":{},"$or":[{{"n":{}}},{{"t":{},"$or":[{{"m":{}}},{{"p":{}}}]}}]}})";
  EXPECT_EQ(outcome(fmt::format(kOr, values(3), values(6), values(4), values(4), values(7))), "none");
  EXPECT_EQ(outcome(fmt::format(kOr, values(4), values(6), values(4), values(4), values(4))), kTooComplex);
  EXPECT_EQ(outcome(fmt::format(R"({{"$or":[{{"n":{}}},{{"m":{}}}],"d":{{"s":{},"$or":[{{"x":{}}},{{"y":{}}}]}}}})",
                                values(3), values(2), values(2), values(1), values(3))),
            kTooComplex);
}

TEST(FilterPolicy, HostilePoliciesAreRefusedEarly) {
  const auto repeat = [](std::string_view text, int times) {
    std::string made;
    for (int i = 0; i < times; ++i) made += text;
    return made;
  };
  for (const Scope scope : {Scope::attributes, Scope::body}) {
    const std::string deep = repeat(R"({"a":)", 40'000) + R"(["x"])" + repeat("}", 40'000);
    EXPECT_EQ(error_of(deep, scope), kTooComplex);
    const std::string names = repeat(R"({"a":)", 900) + R"(["x"])" + repeat("}", 900);
    EXPECT_EQ(error_of(names, scope), kTooComplex);
    const std::string ors = repeat(R"({"$or":[{"a":["x"]},)", 400) + R"({"a":["x"]})" + repeat("]}", 400);
    EXPECT_EQ(error_of(ors, scope), kTooComplex);
    const std::string wide = R"({"$or":[{"a":["x"])" + repeat(R"(,"b":["x"])", 20'000) + R"(},{"a":["x"]}]})";
    EXPECT_EQ(error_of(wide, scope), kTooComplex);
    EXPECT_EQ(error_of(R"({"a":["x"]})" + std::string(256 * 1024, ' '), scope),
              "FilterPolicy: Filter policy is too long");
    EXPECT_EQ(error_of(std::string(256 * 1024 - 11, ' ') + R"({"a":["x"]})", scope), "none");
  }
}

// A random body, one value in it at a known path, and a policy that wants that value.
class RandomBody {
 public:
  explicit RandomBody(std::uint64_t seed) : random_(seed) {
    for (std::uint64_t depth = 1 + below(4); depth > 0; --depth) names_.push_back(below(2) == 0 ? "a" : "b");
    policy_ = at_path(fmt::format("[{}]", pinned()), false);
    if (below(3) == 0) policy_ = fmt::format(R"({{"$or":[{{"nowhere":["x"]}},{}]}})", policy_);
    body_ = at_path("@", true);
  }

  [[nodiscard]] const std::string& policy() const { return policy_; }
  [[nodiscard]] std::string body() const { return with(accepted_); }
  [[nodiscard]] std::string mutated() const { return with(refused_); }

 private:
  std::uint64_t below(std::uint64_t end) { return random_() % end; }

  [[nodiscard]] std::string with(const std::string& value) const {
    std::string body = body_;
    return body.replace(body.find('@'), 1, value);
  }

  // Chooses what is accepted and what is not, and returns the condition.
  std::string pinned() {
    const int number = static_cast<int>(below(2'000'000)) - 1'000'000;
    const std::string text = fmt::format("v{}", below(1000));
    const auto choose = [&](std::string accepted, std::string refused, std::string condition) {
      accepted_ = std::move(accepted);
      refused_ = std::move(refused);
      return condition;
    };
    const std::string quoted = fmt::format("\"{}\"", text);
    switch (below(9)) {
      case 0: return choose(quoted, fmt::format("\"{}x\"", text), quoted);
      case 1:
        return choose(fmt::format("{}e-3", number), fmt::format("{}", number + 7),
                      fmt::format("{:.3f}", number / 1000.0));
      case 2: return choose("true", "false", "true");
      case 3: return choose("null", quoted, "null");
      case 4:
        return choose(fmt::format("\"{}{}\"", text, below(99)), "\"w\"", fmt::format(R"({{"prefix":{}}})", quoted));
      case 5:
        return choose(fmt::format("\"{}{}\"", below(99), text), fmt::format("\"{}_\"", text),
                      fmt::format(R"({{"suffix":{}}})", quoted));
      case 6:
        return choose(fmt::format("\"V{}\"", text.substr(1)), fmt::format("\"u{}\"", text.substr(1)),
                      fmt::format(R"({{"equals-ignore-case":{}}})", quoted));
      case 7:
        return choose(fmt::format("{}", number), fmt::format("{}", number + 3),
                      fmt::format(R"({{"numeric":[">=",{},"<",{}]}})", number - 1, number + 2));
      default:
        return choose(fmt::format("\"{}y\"", text), quoted, fmt::format(R"({{"anything-but":[{},"z"]}})", quoted));
    }
  }

  // `inner` under the names, some of them joined by dots. A body has more around it that the policy does not ask for.
  std::string at_path(std::string inner, bool is_body) {
    std::string joined;
    for (std::size_t i = names_.size(); i-- > 0;) {
      joined = joined.empty() ? names_[i] : names_[i] + "." + joined;
      if (i > 0 && below(3) == 0) continue;
      if (is_body && below(3) == 0) inner = fmt::format("[[],{},[{{}}]]", inner);
      std::string others;
      for (std::uint64_t count = is_body ? below(4) : 0; count > 0; --count) {
        others += fmt::format(R"("x{}":[{{"{}":{}}}],)", count, joined, below(9));
      }
      inner = fmt::format(R"({{{}"{}":{}}})", others, joined, inner);
      joined.clear();
    }
    return inner;
  }

  std::mt19937_64 random_;
  std::vector<std::string> names_;
  std::string policy_;
  std::string body_;
  std::string accepted_;
  std::string refused_;
};

TEST(FilterPolicy, APolicyMadeFromABodyAcceptsItUntilThePinnedValueChanges) {
  const std::uint64_t first = testing::number_from_environment("LEAT_SEED", 1);
  constexpr std::uint64_t kCount = 2000;
  for (std::uint64_t seed = first; seed < first + kCount; ++seed) {
    const RandomBody random(seed);
    const std::string context =
        fmt::format("{} on {} or {}; repeat: LEAT_SEED={}", random.policy(), random.body(), random.mutated(), seed);
    ASSERT_TRUE(accepts_body(random.policy(), random.body())) << context;
    ASSERT_FALSE(accepts_body(random.policy(), random.mutated())) << context;
  }
}

}  // namespace
}  // namespace leat::sns
