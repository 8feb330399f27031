#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace leat {

// A value in a JSON document, in the memory of the parser that read it.
struct JsonValue {
  bool is_text = false;
  std::string_view text;  // what a string says; of anything else its JSON, as it was written

  [[nodiscard]] bool is_null() const { return !is_text && text == "null"; }
  // nullopt: it is no integer, or one that needs more bits.
  [[nodiscard]] std::optional<std::int64_t> integer() const;
};

// The members of a JSON object, in their order.
class JsonObject {
 public:
  struct Member {
    std::string_view name;
    JsonValue value;
  };

  explicit JsonObject(std::vector<Member> members) : members_(std::move(members)) {}

  [[nodiscard]] const std::vector<Member>& members() const { return members_; }
  // nullptr: there is none of this name, or it is null.
  [[nodiscard]] const JsonValue* find(std::string_view name) const;

 private:
  std::vector<Member> members_;
};

// Reads JSON (RFC 8259) level by level: what is nested stays text, and so do numbers, which other readers make doubles of. For one
// thread. It keeps memory between documents, and what it returned lives until its next call. All errors: invalid_argument, in
// words that go on after "it".
class JsonParser {
 public:
  // Behind a document that "is padded" so many bytes may be read.
  static constexpr std::size_t kPadding = 64;
  static constexpr int kDepthMax = 64;

  JsonParser();
  ~JsonParser();

  // An object and nothing else. Values that are no strings are not looked into: their brackets close, no more.
  [[nodiscard]] Result<JsonObject> parse_object(std::string_view json, bool is_padded = false);
  [[nodiscard]] Result<std::vector<JsonValue>> parse_list(std::string_view json, bool is_padded = false);
  // A value of any kind without the spaces between its parts, which are all checked; numbers stay as they are. At most
  // kDepthMax levels. What was returned before lives on.
  [[nodiscard]] Result<std::string> minified(std::string_view json);

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace leat
