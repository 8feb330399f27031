#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace leat::api {

// What a body of JSON must be like (JSON Schema, as OpenAPI has it).
class Schema {
 public:
  // References are to parts of `document`.
  Schema(const nlohmann::json& document, const nlohmann::json& schema);
  Schema(const Schema&) = delete;
  Schema& operator=(const Schema&) = delete;
  ~Schema();

  // Where `body` is not like that, and how, for people; empty: it is.
  [[nodiscard]] std::string fault_of(const nlohmann::json& body) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace leat::api
