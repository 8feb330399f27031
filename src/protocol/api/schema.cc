#include "protocol/api/schema.h"

#include <fmt/format.h>

// valijson says itself that it is to be included so.
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

namespace leat::api {
namespace {

using Json = nlohmann::json;
using Adapter = valijson::adapters::NlohmannJsonAdapter;

// The schema without references. None refers to itself.
Json resolve(const Json& document, const Json& schema) {
  if (schema.is_array()) {
    Json out = Json::array();
    for (const Json& each : schema) out.push_back(resolve(document, each));
    return out;
  }
  if (!schema.is_object()) return schema;
  if (const auto reference = schema.find("$ref"); reference != schema.end()) {
    return resolve(document, document.at(Json::json_pointer(reference->get<std::string>().substr(1))));
  }
  Json out = Json::object();
  for (const auto& [name, value] : schema.items()) out[name] = resolve(document, value);
  return out;
}

// "<root>", "[settings]", "[lease]" as "settings.lease".
std::string place_of(const std::vector<std::string>& context) {
  std::string place;
  for (const std::string& step : context) {
    if (!step.starts_with('[')) continue;
    place += fmt::format("{}{}", place.empty() ? "" : ".", step.substr(1, step.size() - 2));
  }
  return place.empty() ? "the body" : place;
}

}  // namespace

class Schema::Impl {
 public:
  Impl(const Json& document, const Json& schema) {
    const Json whole = resolve(document, schema);
    valijson::SchemaParser parser;
    parser.populateSchema(Adapter(whole), schema_);
  }

  [[nodiscard]] std::string fault_of(const Json& body) const {
    valijson::Validator validator;
    valijson::ValidationResults results;
    if (validator.validate(schema_, Adapter(body), &results)) return {};
    valijson::ValidationResults::Error error;
    // The first is the innermost.
    if (!results.popError(error)) return "the body is not as it should be";
    return fmt::format("{}: {}", place_of(error.context), error.description);
  }

 private:
  valijson::Schema schema_;
};

Schema::Schema(const Json& document, const Json& schema) : impl_(std::make_unique<Impl>(document, schema)) {}
Schema::~Schema() = default;
std::string Schema::fault_of(const Json& body) const { return impl_->fault_of(body); }

}  // namespace leat::api
