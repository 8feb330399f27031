#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace leat::sns {
namespace filter {
struct Rules;
}

// `type`: "String", "String.Array", "Number" or "Binary", with or without a suffix of the publisher's as in "Number.int".
struct MessageAttribute {
  std::string_view name;
  std::string_view type;
  std::string_view value;
};

// Which messages a subscription wants (the AWS page "Amazon SNS subscription filter policies"). Immutable; copies share
// what they hold.
//
// Where AWS's pages leave a choice:
// - Types are compared strictly: a String "5" is not the number 5, a Number 5 is not the string "5".
// - "equals-ignore-case" folds ASCII letters.
// - A String.Array holds for "anything-but" when none of its elements is listed, a Number.Array and an array in a body
//   when one is not.
// - In a body a name with dots is a path too, as in SNS: "a.b" is the member "a.b" and the member b of a. Each name of a
//   policy looks through arrays by itself: two names may be met by two elements.
// - "exists": true wants a value that is neither null nor empty; objects and empty arrays hold no value.
// - A body with a number that fits neither 64 bits nor a double is not taken for JSON.
class FilterPolicy {
 public:
  enum class Scope : std::uint8_t { attributes, body };

  // Error: invalid_argument, with what is wrong in SNS's words but for its "Invalid parameter: " before them.
  [[nodiscard]] static Result<FilterPolicy> parse(std::string_view json, Scope scope);

  [[nodiscard]] Scope scope() const { return scope_; }
  // Looks at one of them, by its scope. An empty policy accepts every message, any other under Scope::body only JSON
  // objects.
  [[nodiscard]] bool accepts(std::span<const MessageAttribute> attributes, std::string_view body) const;

 private:
  FilterPolicy(Scope scope, std::shared_ptr<const filter::Rules> rules) : scope_(scope), rules_(std::move(rules)) {}

  Scope scope_;
  std::shared_ptr<const filter::Rules> rules_;
};

}  // namespace leat::sns
