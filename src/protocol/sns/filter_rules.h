#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// What a filter policy is compiled to. Private to filter_policy*.cc.
namespace leat::sns::filter {

// A number times 10^5: SNS compares five digits after the point.
using Fixed = std::int64_t;
inline constexpr double kNumberMax = 1e9;
// None: outside -kNumberMax to kNumberMax.
[[nodiscard]] std::optional<Fixed> to_fixed(double number);

struct Address {
  bool is_v6 = false;
  std::array<std::uint8_t, 16> bytes{};
};
[[nodiscard]] std::optional<Address> to_address(std::string_view text);

struct Text {
  enum class Part : std::uint8_t { whole, whole_in_any_case, start, end };
  Part part = Part::whole;
  std::string text;
};
struct Range {
  Fixed low = 0;
  Fixed high = 0;  // inside
};
struct Literal {
  std::optional<bool> value;  // none: null
};
struct Network {
  Address address;
  unsigned bits = 0;
};
struct Exists {
  bool wanted = true;
};
// None of these. Both lists are sorted.
struct AnythingBut {
  std::vector<std::string> texts;
  std::vector<Fixed> numbers;
  std::optional<Text> part;
};
using Condition = std::variant<Text, Range, Literal, Network, Exists, AnythingBut>;

struct Rule {
  std::string path;  // an attribute's name, or the names from a body's root to a value with dots between them
  std::vector<Condition> conditions;  // one is enough
};

struct Rules {
  std::vector<Rule> all;
  std::vector<std::vector<Rules>> alternatives;  // of each "$or" one is enough

  [[nodiscard]] bool empty() const { return all.empty() && alternatives.empty(); }
};

}  // namespace leat::sns::filter
