#include "protocol/api/document.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "protocol/api/schema.h"

namespace leat::api {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kMethods[] = {"get", "put", "post", "patch", "delete"};

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  while (!path.empty()) {
    path.remove_prefix(1);  // '/'
    const auto end = std::min(path.find('/'), path.size());
    segments.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

bool is_parameter(std::string_view segment) { return segment.starts_with('{'); }

const Json& follow(const Json& document, const Json& part) {
  const auto reference = part.find("$ref");
  return reference == part.end() ? part : document.at(Json::json_pointer(reference->get<std::string>().substr(1)));
}

Parameter read_parameter(const Json& declared) {
  Parameter parameter;
  parameter.name = declared.at("name");
  const std::string place = declared.at("in");
  parameter.place = place == "path"    ? Parameter::Place::path
                    : place == "query" ? Parameter::Place::query
                                       : Parameter::Place::header;
  parameter.is_required = declared.value("required", false);
  const Json& schema = declared.at("schema");
  const std::string type = schema.at("type");
  parameter.type = type == "integer" ? Parameter::Type::integer
                   : type == "array" ? Parameter::Type::texts
                                     : Parameter::Type::text;
  parameter.min = schema.value("minimum", INT64_MIN);
  parameter.max = schema.value("maximum", INT64_MAX);
  const bool is_list = parameter.type == Parameter::Type::texts;
  parameter.size_min = schema.value(is_list ? "minItems" : "minLength", std::size_t{0});
  parameter.size_max = schema.value(is_list ? "maxItems" : "maxLength", std::size_t{SIZE_MAX});
  parameter.choices = schema.value("enum", std::vector<std::string>());
  if (const auto otherwise = schema.find("default"); otherwise != schema.end())
    parameter.otherwise = otherwise->is_string() ? otherwise->get<std::string>() : otherwise->dump();
  return parameter;
}

template <class T>
T named(std::string_view name, std::initializer_list<T> all) {
  for (const T each : all) {
    if (to_string(each) == name) return each;
  }
  throw std::logic_error(fmt::format("x-leat-access: there is no '{}'", name));
}

Access read_access(const std::string& text) {
  using security::ResourceType;
  using Do = security::Operation;
  Access access;
  if (text == "open" || text == "listed" || text == "granted") {
    access.kind = text == "open" ? Access::Kind::open : text == "listed" ? Access::Kind::listed : Access::Kind::granted;
    return access;
  }
  if (text == "own {user}") {
    access.kind = Access::Kind::own;
    access.name = "user";
    return access;
  }
  const auto first = text.find(' ');
  const auto second = text.find(' ', first + 1);
  if (second == std::string::npos) throw std::logic_error(fmt::format("x-leat-access: '{}'", text));
  access.operation =
      named(text.substr(0, first), {Do::read, Do::write, Do::create, Do::remove, Do::alter, Do::describe});
  access.type = named(text.substr(first + 1, second - first - 1),
                      {ResourceType::cluster, ResourceType::topic, ResourceType::group, ResourceType::queue,
                       ResourceType::key, ResourceType::lock, ResourceType::channel});
  access.name = text.substr(second + 1);
  access.names_a_parameter = is_parameter(access.name);
  if (access.names_a_parameter) access.name = access.name.substr(1, access.name.size() - 2);
  return access;
}

void read_body(const Json& document, const Json& declared, ApiOperation& operation) {
  const auto body = declared.find("requestBody");
  if (body == declared.end()) return;
  const std::string kind = declared.value("x-leat-body", "json");
  operation.body = kind == "raw" ? BodyKind::raw : kind == "streamed" ? BodyKind::streamed : BodyKind::json;
  operation.needs_body = body->value("required", false);
  if (operation.body != BodyKind::json) return;
  operation.schema = std::make_shared<Schema>(document, body->at("content").at("application/json").at("schema"));
}

ApiOperation read_operation(const Json& document, std::string_view path, std::string method, const Json& shared,
                            const Json& declared) {
  ApiOperation operation;
  operation.id = declared.at("operationId");
  std::ranges::transform(method, method.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  operation.method = std::move(method);
  for (const std::string_view segment : segments_of(path)) operation.path.emplace_back(segment);
  for (const Json* list : {&shared, &declared}) {
    const auto parameters = list->find("parameters");
    if (parameters == list->end()) continue;
    for (const Json& each : *parameters) operation.parameters.push_back(read_parameter(follow(document, each)));
  }
  operation.access = read_access(declared.at("x-leat-access"));
  operation.takes_idempotency_key = operation.find(Parameter::Place::header, "Idempotency-Key") != nullptr;
  read_body(document, declared, operation);
  return operation;
}

}  // namespace

const Parameter* ApiOperation::find(Parameter::Place place, std::string_view name) const {
  const auto found =
      std::ranges::find_if(parameters, [&](const Parameter& each) { return each.place == place && each.name == name; });
  return found == parameters.end() ? nullptr : &*found;
}

Document::Document() {
  const Json document = Json::parse(kDocumentText);
  for (const auto& [path, item] : document.at("paths").items()) {
    for (const std::string_view method : kMethods) {
      if (const auto declared = item.find(std::string(method)); declared != item.end())
        operations_.push_back(read_operation(document, path, std::string(method), item, *declared));
    }
  }
  // Where two match, the one whose words are its own comes first.
  std::ranges::sort(operations_, {}, [](const ApiOperation& operation) {
    return std::pair(std::ranges::count_if(operation.path, is_parameter), std::string_view(operation.id));
  });
}

Document::~Document() = default;

Match Document::match(std::string_view method, std::string_view path) const {
  if (method == "HEAD") method = "GET";
  const auto segments = segments_of(path);
  Match match;
  for (const ApiOperation& operation : operations_) {
    if (operation.path.size() != segments.size()) continue;
    const bool fits = std::ranges::equal(operation.path, segments, [](const std::string& own, std::string_view sent) {
      return is_parameter(own) ? !sent.empty() : own == sent;
    });
    if (!fits) continue;
    if (operation.method != method) {
      match.methods.push_back(operation.method);
      continue;
    }
    match.operation = &operation;
    for (std::size_t i = 0; i < segments.size(); ++i) {
      if (is_parameter(operation.path[i])) match.values.push_back(segments[i]);
    }
    return match;
  }
  return match;
}

const ApiOperation* Document::find(std::string_view id) const {
  const auto found = std::ranges::find(operations_, id, &ApiOperation::id);
  return found == operations_.end() ? nullptr : &*found;
}

}  // namespace leat::api
