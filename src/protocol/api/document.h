#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "security/authorize.h"

// The API as it is declared in openapi.yaml.
namespace leat::api {

// The declaration, as JSON.
extern const std::string_view kDocumentText;
// The page for people, as HTML.
extern const std::string_view kPageText;

class Schema;

struct Parameter {
  enum class Place : std::uint8_t { path, query, header };
  enum class Type : std::uint8_t { text, integer, texts };

  std::string name;
  Place place = Place::path;
  Type type = Type::text;
  bool is_required = false;
  std::int64_t min = INT64_MIN;  // of an integer
  std::int64_t max = INT64_MAX;
  std::size_t size_min = 0;  // of a text; of texts, how many
  std::size_t size_max = SIZE_MAX;
  std::vector<std::string> choices;      // none: any text
  std::optional<std::string> otherwise;  // the value of one that is not given
};

// Who may do it.
struct Access {
  enum class Kind : std::uint8_t {
    open,      // everyone
    listed,    // everyone: what comes is what they may see
    granted,   // the handler asks
    own,       // the user whose name the parameter has, and who may alter the cluster
    resource,  // who may do `operation` with the resource
  };
  Kind kind = Kind::resource;
  security::Operation operation = security::Operation::all;
  security::ResourceType type = security::ResourceType::cluster;
  std::string name;                // of the resource,
  bool names_a_parameter = false;  // or of the parameter of the path that names it
};

enum class BodyKind : std::uint8_t { none, json, raw, streamed };

struct ApiOperation {
  std::string id;
  std::string method;
  std::vector<std::string> path;  // its segments; "{name}": a parameter
  std::vector<Parameter> parameters;
  Access access;
  BodyKind body = BodyKind::none;
  bool needs_body = false;
  std::shared_ptr<const Schema> schema;  // of a body that is JSON
  bool takes_idempotency_key = false;

  // The parameter of that name that it has.
  [[nodiscard]] const Parameter* find(Parameter::Place place, std::string_view name) const;
};

// What a path leads to.
struct Match {
  const ApiOperation* operation = nullptr;  // nullptr: nothing, or not by that method
  std::vector<std::string_view> values;     // of the path's parameters, as sent
  std::vector<std::string> methods;         // that the path takes, if it takes another one
};

class Document {
 public:
  // The document above. A defect in it ends the process.
  Document();
  ~Document();
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;

  // `path`: of the request, without its query. HEAD is taken for GET.
  [[nodiscard]] Match match(std::string_view method, std::string_view path) const;
  [[nodiscard]] const std::vector<ApiOperation>& operations() const { return operations_; }
  [[nodiscard]] const ApiOperation* find(std::string_view id) const;

 private:
  std::vector<ApiOperation> operations_;
};

}  // namespace leat::api
