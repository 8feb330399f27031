#include "protocol/api/request.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "protocol/api/schema.h"

namespace leat::api {
namespace {

constexpr std::size_t kQueryParametersMax = 1000;
constexpr int kDepthMax = 64;                                 // of a body's JSON
constexpr std::size_t kJsonSizeMax = std::size_t{512} << 10;  // looking at it keeps others waiting

std::unexpected<Problem> invalid(std::string_view name, std::string_view what) {
  return refuse(400, "invalid-parameter", fmt::format("{} {}", name, what));
}

std::optional<std::int64_t> to_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

Outcome<> check_integer(const Parameter& parameter, std::string_view value) {
  const auto number = to_integer(value);
  if (!number) return invalid(parameter.name, "is no integer");
  if (*number < parameter.min || *number > parameter.max)
    return invalid(parameter.name, fmt::format("is {}: it can be {} to {}", *number, parameter.min, parameter.max));
  return {};
}

Outcome<> check_text(const Parameter& parameter, std::string_view value) {
  if (value.size() < parameter.size_min) return invalid(parameter.name, "is empty");
  if (value.size() > parameter.size_max)
    return invalid(parameter.name, fmt::format("is longer than {} bytes", parameter.size_max));
  if (!parameter.choices.empty() && std::ranges::find(parameter.choices, value) == parameter.choices.end())
    return invalid(parameter.name, fmt::format("is none of {}", fmt::join(parameter.choices, ", ")));
  return {};
}

// Deep documents would exhaust the stack of who walks them.
bool is_too_deep(std::string_view text) {
  int depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_text) {
      if (c == '\\') ++i;
      if (c == '"') in_text = false;
    } else if (c == '"') {
      in_text = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kDepthMax) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

}  // namespace

std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_blank) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_blank) {
      out += ' ';
    } else if (text[i] == '%') {
      const auto high = i + 2 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
      const auto low = i + 2 < text.size() ? hex_digit(text[i + 2]) : std::nullopt;
      if (!high || !low) return std::nullopt;
      out += static_cast<char>(*high * 16 + *low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string_view Request::text(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::string_view() : std::string_view(found->second.front());
}

std::optional<std::int64_t> Request::integer(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::nullopt : to_integer(found->second.front());
}

const std::vector<std::string>& Request::texts(std::string_view name) const {
  static const std::vector<std::string> none;
  const auto found = values_.find(name);
  return found == values_.end() ? none : found->second;
}

Outcome<> Request::authorize(security::Operation what, security::ResourceType type, std::string_view name) const {
  if (node().policies.admits("http", principal, what, {type, name})) return {};
  return not_granted(what, type, name);
}

Outcome<> Request::authorize_all(security::Operation what, security::ResourceType type) const {
  if (node().policies.authorize_prefix(principal, what, type, "") == security::Decision::allowed) return {};
  node().policies.audit().refused("http", principal, what, {type, security::kAnyName});
  return not_granted(what, type, security::kAnyName);
}

std::unexpected<Problem> Request::not_granted(security::Operation what, security::ResourceType type,
                                              std::string_view name) const {
  if (principal.name == security::Principal::anonymous().name)
    return refuse(401, "unauthenticated", "say who you are, by basic authentication or with a bearer token");
  return refuse(403, "permission-denied",
                fmt::format("{} on {} '{}' is not granted", to_string(what), to_string(type), name));
}

Outcome<> Request::take(const Parameter& parameter, std::string value) {
  auto& values = values_[parameter.name];
  if (!values.empty() && parameter.type != Parameter::Type::texts)
    return invalid(parameter.name, "comes more than once");
  if (parameter.type == Parameter::Type::texts) {
    if (values.size() >= parameter.size_max) return invalid(parameter.name, "comes too often");
  } else {
    LEAT_CHECK(parameter.type == Parameter::Type::integer ? check_integer(parameter, value)
                                                          : check_text(parameter, value));
  }
  values.push_back(std::move(value));
  return {};
}

Outcome<> Request::read_query() {
  std::size_t count = 0;
  for (std::string_view rest = http.query; !rest.empty();) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    if (pair.empty()) continue;
    if (++count > kQueryParametersMax) return refuse(400, "invalid-parameter", "the query has too many parameters");
    const auto equals = std::min(pair.find('='), pair.size());
    const auto name = percent_decoded(pair.substr(0, equals), true);
    auto value = percent_decoded(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name || !value) return refuse(400, "invalid-parameter", "the query has a broken % escape");
    const Parameter* parameter = operation.find(Parameter::Place::query, *name);
    if (parameter == nullptr) return refuse(400, "unknown-parameter", fmt::format("there is no parameter '{}'", *name));
    LEAT_CHECK(take(*parameter, std::move(*value)));
  }
  return {};
}

Outcome<> Request::read_parameters(const std::vector<std::string_view>& segments) {
  auto segment = segments.begin();
  for (const std::string& own : operation.path) {
    if (!own.starts_with('{')) continue;
    const Parameter* parameter =
        operation.find(Parameter::Place::path, std::string_view(own).substr(1, own.size() - 2));
    auto value = percent_decoded(*segment++, false);
    if (!value) return refuse(400, "invalid-parameter", "the path has a broken % escape");
    LEAT_CHECK(take(*parameter, std::move(*value)));
  }
  LEAT_CHECK(read_query());
  for (const Parameter& parameter : operation.parameters) {
    if (parameter.place == Parameter::Place::header) {
      if (const auto value = http.header(parameter.name); value.data() != nullptr)
        LEAT_CHECK(take(parameter, std::string(value)));
    }
    if (values_.contains(parameter.name)) continue;
    if (parameter.is_required) return invalid(parameter.name, "is missing");
    if (parameter.otherwise) values_[parameter.name].push_back(*parameter.otherwise);
  }
  return {};
}

std::string media_type_of(const http::HttpRequest& request) {
  std::string_view type = request.header("Content-Type");
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
  std::string out(type);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

Outcome<> Request::read_body() {
  if (http.body.empty() && !operation.needs_body) {
    body = std::make_shared<Json>(Json::object());
    return {};
  }
  const std::string type = media_type();
  if (!type.empty() && type != "application/json")
    return refuse(415, "unsupported-media-type", fmt::format("the body is to be application/json, not '{}'", type));
  if (http.body.empty()) return refuse(400, "invalid-body", "the body is missing");
  if (http.body.size() > kJsonSizeMax)
    return refuse(413, "too-large", fmt::format("a body of JSON has at most {} bytes here", kJsonSizeMax));
  if (is_too_deep(http.body))
    return refuse(400, "invalid-body", fmt::format("the body is nested more than {} levels", kDepthMax));
  Json parsed = Json::parse(http.body, nullptr, false);
  if (parsed.is_discarded()) return refuse(400, "invalid-body", "the body is no JSON");
  if (const std::string fault = operation.schema->fault_of(parsed); !fault.empty())
    return refuse(400, "invalid-body", fault);
  body = std::make_shared<Json>(std::move(parsed));
  return {};
}

http::HttpResponse json_text_response(int status, std::string body) {
  http::HttpResponse response;
  response.status = status;
  response.content_type = "application/json";
  response.body = std::move(body);
  return response;
}

std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && (std::isalnum(byte) != 0 || std::string_view("-._~").contains(c))) {
      encoded += c;
    } else {
      fmt::format_to(std::back_inserter(encoded), "%{:02X}", byte);
    }
  }
  return encoded;
}

http::HttpResponse json_response(int status, const Json& body) {
  return json_text_response(status, body.dump(-1, ' ', false, Json::error_handler_t::replace));
}

http::HttpResponse empty_response() {
  http::HttpResponse response;
  response.status = 204;
  return response;
}

}  // namespace leat::api
