#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

// The environment of leat's clients. That of `leat serve` is its own: the settings.
namespace leat::cli {

// Of leat's own variables, those that clients read. The server takes no notice of them.
inline constexpr std::array kClientVariables =
    std::to_array<std::string_view>({"LEAT_API", "LEAT_CA", "LEAT_CLIENT_CERTIFICATE", "LEAT_CLIENT_KEY",
                                     "LEAT_NEW_PASSWORD", "LEAT_PASSWORD", "LEAT_SERVER", "LEAT_SQS", "LEAT_TOKEN"});

[[nodiscard]] constexpr bool is_client_variable(std::string_view name) {
  return std::ranges::find(kClientVariables, name) != kClientVariables.end();
}

// A variable's name; one of leat's own that is not among those above does not compile.
class Variable {
 public:
  template <std::size_t size>
  consteval Variable(const char (&name)[size]) : name_(name) {  // NOLINT(google-explicit-constructor): a name of one
    if (std::string_view(name).starts_with("LEAT_") && !is_client_variable(name)) throw "not among kClientVariables";
  }
  [[nodiscard]] constexpr const char* name() const { return name_; }

 private:
  const char* name_;
};

// The variable's value; `otherwise`: it is not set, or to nothing.
[[nodiscard]] std::string environment(Variable variable, std::string_view otherwise = {});

}  // namespace leat::cli
