#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/api/node.h"
#include "protocol/api/problem.h"

namespace leat::api {

using Json = nlohmann::json;

// A request's media type, without its parameters, in small letters; empty: it says none.
[[nodiscard]] std::string media_type_of(const http::HttpRequest& request);
inline constexpr std::string_view kLinesType = "application/x-ndjson";

// One request, checked against its operation's declaration, while it is answered.
class Request {
 public:
  Request(ApiShard& of, const http::HttpRequest& from, const ApiOperation& wanted)
      : shard(of), http(from), operation(wanted) {}

  ApiShard& shard;
  const http::HttpRequest& http;
  const ApiOperation& operation;
  security::Principal principal;
  std::shared_ptr<const Json> body;  // of an operation whose body is JSON; never nullptr then

  [[nodiscard]] const ApiNode& node() const { return shard.node; }
  // The value of a parameter, or its default; empty when there is neither.
  [[nodiscard]] std::string_view text(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const { return values_.contains(name); }
  // Of a parameter that is an integer.
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view name) const;
  // Of one that has a default.
  [[nodiscard]] std::int64_t number(std::string_view name) const { return integer(name).value_or(0); }
  [[nodiscard]] const std::vector<std::string>& texts(std::string_view name) const;

  [[nodiscard]] bool allows(security::Operation what, security::ResourceType type, std::string_view name) const {
    return node().policies.allows(principal, what, {type, name});
  }
  // Error: a problem that says what is lacking: 401 when nobody has said who they are.
  [[nodiscard]] Outcome<> authorize(security::Operation what, security::ResourceType type, std::string_view name) const;

  // The same of all resources of the type, of which nothing is denied.
  [[nodiscard]] Outcome<> authorize_all(security::Operation what, security::ResourceType type) const;

  // Takes the parameters from the path's segments, the query and the headers. Error: a problem that names one.
  [[nodiscard]] Outcome<> read_parameters(const std::vector<std::string_view>& segments);
  // Parses and checks a body that is to be JSON.
  [[nodiscard]] Outcome<> read_body();
  [[nodiscard]] std::string media_type() const { return media_type_of(http); }

 private:
  [[nodiscard]] std::unexpected<Problem> not_granted(security::Operation what, security::ResourceType type,
                                                     std::string_view name) const;
  Outcome<> take(const Parameter& parameter, std::string value);
  Outcome<> read_query();

  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

// "%41+b" decoded; `plus_is_blank` in queries. nullopt: a broken escape.
[[nodiscard]] std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_blank);

// As a segment of a path.
[[nodiscard]] std::string percent_encoded(std::string_view text);

[[nodiscard]] http::HttpResponse json_response(int status, const Json& body);
[[nodiscard]] http::HttpResponse json_text_response(int status, std::string body);
[[nodiscard]] http::HttpResponse empty_response();

}  // namespace leat::api
