#include <simdjson.h>

#include <charconv>

#include "protocol/sns/filter_policy.h"
#include "protocol/sns/filter_rules.h"

namespace leat::sns {
namespace {

namespace dom = simdjson::dom;
using filter::AnythingBut;
using filter::Condition;
using filter::Exists;
using filter::Fixed;
using filter::kNumberMax;
using filter::Literal;
using filter::Network;
using filter::Range;
using filter::Rule;
using filter::Rules;
using filter::Text;
using filter::to_address;
using filter::to_fixed;
using Scope = FilterPolicy::Scope;

constexpr std::size_t kPolicySizeMax = std::size_t{256} << 10;
constexpr std::size_t kKeysMax = 5;
constexpr std::uint64_t kCombinationsMax = 150;
// Names in the alternatives of "$or" with one value each add no combinations.
constexpr std::uint64_t kRulesMax = kCombinationsMax;

// A member with one of these names makes an object in "$or" a condition.
constexpr std::array<std::string_view, 7> kOperators{"anything-but", "cidr",  "equals-ignore-case", "exists", "numeric",
                                                     "prefix",       "suffix"};

std::unexpected<Error> refuse(std::string_view what) {
  return fail(Errc::invalid_argument, fmt::format("FilterPolicy: {}", what));
}
std::unexpected<Error> too_complex() { return refuse("Filter policy is too complex"); }

std::optional<std::string_view> text_of(dom::element value) {
  std::string_view text;
  if (value.get_string().get(text)) return std::nullopt;
  return text;
}

Result<Fixed> fixed_of(double number) {
  if (const auto fixed = to_fixed(number)) return *fixed;
  return refuse("Value must be between -1.0E9 and 1.0E9, inclusive");
}

bool is_or(std::string_view name, dom::element value) {
  dom::array array;
  if (name != "$or" || value.get_array().get(array) || array.size() < 2) return false;
  for (const dom::element element : array) {
    dom::object object;
    if (element.get_object().get(object)) return false;
    for (const auto member : object) {
      if (std::ranges::find(kOperators, member.key) != kOperators.end()) return false;
    }
  }
  return true;
}

Result<Condition> text_condition(std::string_view name, Text::Part part, dom::element value) {
  if (const auto text = text_of(value)) return Text{part, std::string(*text)};
  return refuse(fmt::format("{} match pattern must be a string", name));
}

Result<Fixed> operand(std::string_view op, const std::vector<dom::element>& items, std::size_t index) {
  double number = 0;
  if (index >= items.size() || items[index].get_double().get(number)) {
    return refuse(fmt::format("Value of {} must be numeric", op == "=" ? "equals" : op));
  }
  return fixed_of(number);
}

// ["=", 1], [">", 1] and the like, or [">=", 1, "<", 2] and the like.
Result<Condition> numeric(dom::element value) {
  dom::array array;
  if (value.get_array().get(array)) return refuse("Value of numeric must be an array.");
  const std::vector<dom::element> items(array.begin(), array.end());
  const auto op = items.empty() ? std::nullopt : text_of(items[0]);
  if (!op) {
    return refuse(fmt::format("Invalid member in numeric match: {}", items.empty() ? "]" : simdjson::minify(items[0])));
  }
  const bool is_low = *op == ">" || *op == ">=";
  if (!is_low && *op != "<" && *op != "<=" && *op != "=") {
    return refuse(fmt::format("Unrecognized numeric range operator: {}", *op));
  }
  LEAT_TRY(const Fixed first, operand(*op, items, 1));
  if (items.size() == 2) {
    if (*op == "=") return Range{first, first};
    if (is_low) return Range{*op == ">" ? first + 1 : first, *to_fixed(kNumberMax)};
    return Range{*to_fixed(-kNumberMax), *op == "<" ? first - 1 : first};
  }
  if (!is_low) return refuse("Too many elements in numeric expression");

  const auto high_op = text_of(items[2]);
  if (!high_op) return refuse(fmt::format("Bad value in numeric range: {}", simdjson::minify(items[2])));
  if (*high_op != "<" && *high_op != "<=") return refuse(fmt::format("Bad numeric range operator: {}", *high_op));
  LEAT_TRY(const Fixed second, operand(*high_op, items, 3));
  if (second <= first) return refuse("Bottom must be less than top");
  if (items.size() > 4) return refuse("Too many terms in numeric range expression");
  return Range{*op == ">" ? first + 1 : first, *high_op == "<" ? second - 1 : second};
}

Status add_excluded(dom::element value, AnythingBut& into) {
  double number = 0;
  if (const auto text = text_of(value)) {
    into.texts.emplace_back(*text);
  } else if (!value.get_double().get(number)) {
    LEAT_TRY(const Fixed fixed, fixed_of(number));
    into.numbers.push_back(fixed);
  } else {
    return refuse("Value of anything-but must be an array or single string/number value.");
  }
  return {};
}

Result<Condition> anything_but(dom::element value) {
  AnythingBut excluded;
  dom::array array;
  dom::object object;
  if (!value.get_array().get(array)) {
    if (array.begin() == array.end()) return refuse("Empty arrays are not allowed");
    for (const dom::element element : array) LEAT_CHECK(add_excluded(element, excluded));
    if (!excluded.texts.empty() && !excluded.numbers.empty()) {
      return refuse("Inside anything but list, either all values are number or string, mixed type is not supported");
    }
    std::ranges::sort(excluded.texts);
    std::ranges::sort(excluded.numbers);
  } else if (!value.get_object().get(object)) {
    if (object.size() != 1) return refuse("Only one key allowed in match expression");
    const auto [name, pattern] = *object.begin();
    if (name != "prefix" && name != "suffix") {
      return refuse(fmt::format("Unsupported anything-but pattern: {}", name));
    }
    LEAT_TRY(Condition part, text_condition(name, name == "prefix" ? Text::Part::start : Text::Part::end, pattern));
    excluded.part = std::get<Text>(std::move(part));
    if (excluded.part->text.empty()) return refuse("Null prefix/suffix not allowed");
  } else {
    LEAT_CHECK(add_excluded(value, excluded));
  }
  return excluded;
}

Result<Condition> cidr(dom::element value) {
  const auto text = text_of(value);
  if (!text) return refuse("prefix match pattern must be a string");
  const auto slash = text->find('/');
  if (slash == std::string_view::npos || text->find('/', slash + 1) != std::string_view::npos) {
    return refuse("Malformed CIDR, one '/' required");
  }
  const std::string_view mask = text->substr(slash + 1);
  unsigned bits = 0;
  if (const auto [end, error] = std::from_chars(mask.data(), mask.data() + mask.size(), bits);
      error != std::errc() || end != mask.data() + mask.size()) {
    return refuse("Malformed CIDR, mask bits must be an integer");
  }
  const auto address = to_address(text->substr(0, slash));
  if (!address) return refuse(fmt::format("Nonstandard IP address: {}", text->substr(0, slash)));
  const unsigned bits_max = address->is_v6 ? 128 : 32;
  if (bits > bits_max) return refuse(fmt::format("Malformed CIDR, mask bits must be at most {}", bits_max));
  return Network{*address, bits};
}

Result<Condition> operator_condition(dom::object object) {
  if (object.size() != 1) return refuse("Only one key allowed in match expression");
  const auto [name, value] = *object.begin();
  if (name == "prefix") return text_condition(name, Text::Part::start, value);
  if (name == "suffix") return text_condition(name, Text::Part::end, value);
  if (name == "equals-ignore-case") return text_condition(name, Text::Part::whole_in_any_case, value);
  if (name == "anything-but") return anything_but(value);
  if (name == "numeric") return numeric(value);
  if (name == "cidr") return cidr(value);
  if (name == "exists") {
    bool wanted = false;
    if (value.get_bool().get(wanted)) return refuse("exists match pattern must be either true or false.");
    return Exists{wanted};
  }
  return refuse(fmt::format("Unrecognized match type {}", name));
}

Result<Condition> condition(dom::element value) {
  switch (value.type()) {
    case dom::element_type::STRING: return Text{Text::Part::whole, std::string(*text_of(value))};
    case dom::element_type::BOOL: return Literal{bool(value)};
    case dom::element_type::NULL_VALUE: return Literal{};
    case dom::element_type::OBJECT: return operator_condition(dom::object(value));
    case dom::element_type::ARRAY: return refuse("Match value must be String, number, true, false, or null");
    case dom::element_type::INT64:
    case dom::element_type::UINT64:
    case dom::element_type::DOUBLE: break;
  }
  LEAT_TRY(const Fixed fixed, fixed_of(double(value)));
  return Range{fixed, fixed};
}

class Compiler {
 public:
  // Early ends keep the work and the memory small: each level of names multiplies the combinations.
  Status compile(dom::object object, const std::string& parent, std::uint64_t depth, Rules& into) {
    for (const auto [name, value] : object) {
      if (is_or(name, value)) {
        LEAT_CHECK(alternatives(dom::array(value), parent, depth, into));
        continue;
      }
      std::string path = parent;
      if (depth > 1) path += '.';
      path += name;
      dom::object nested;
      dom::array conditions;
      if (!value.get_object().get(nested)) {
        if (nested.size() == 0) return refuse("Empty objects are not allowed");
        is_nested_ = true;
        LEAT_CHECK(compile(nested, path, depth + 1, into));
      } else if (!value.get_array().get(conditions)) {
        LEAT_CHECK(rule(conditions, std::move(path), depth, into));
      } else {
        return refuse(fmt::format("\"{}\" must be an object or an array", name));
      }
    }
    return {};
  }

  [[nodiscard]] bool is_nested() const { return is_nested_; }
  [[nodiscard]] const std::set<std::string>& paths() const { return paths_; }

 private:
  Status rule(dom::array conditions, std::string path, std::uint64_t depth, Rules& into) {
    if (conditions.begin() == conditions.end()) return refuse("Empty arrays are not allowed");
    combinations_ *= conditions.size() * depth;
    if (combinations_ > kCombinationsMax || ++rules_ > kRulesMax) return too_complex();
    Rule& rule = into.all.emplace_back();
    for (const dom::element value : conditions) {
      LEAT_TRY(rule.conditions.emplace_back(), condition(value));
    }
    paths_.insert(path);
    rule.path = std::move(path);
    return {};
  }

  Status alternatives(dom::array array, const std::string& parent, std::uint64_t depth, Rules& into) {
    const std::uint64_t before = combinations_;
    std::uint64_t sum = 0;
    std::vector<Rules> alternatives;
    for (const dom::element element : array) {
      const dom::object object(element);
      if (object.size() == 0) return refuse("Empty objects are not allowed");
      combinations_ = before;
      LEAT_CHECK(compile(object, parent, depth, alternatives.emplace_back()));
      sum += combinations_;
      if (sum > kCombinationsMax) return too_complex();
    }
    combinations_ = sum;
    into.alternatives.push_back(std::move(alternatives));
    return {};
  }

  std::uint64_t combinations_ = 1;
  std::uint64_t rules_ = 0;
  bool is_nested_ = false;
  std::set<std::string> paths_;
};

}  // namespace

Result<FilterPolicy> FilterPolicy::parse(std::string_view json, Scope scope) {
  if (json.size() > kPolicySizeMax) return refuse("Filter policy is too long");
  dom::parser parser;
  dom::element root;
  if (const auto error = parser.parse(json.data(), json.size()).get(root)) {
    return error == simdjson::DEPTH_ERROR ? too_complex() : refuse("failed to parse JSON.");
  }
  dom::object object;
  if (root.get_object().get(object)) return refuse("Filter is not an object");
  auto rules = std::make_shared<Rules>();
  Compiler compiler;
  LEAT_CHECK(compiler.compile(object, "", 1, *rules));
  if (scope == Scope::attributes && compiler.is_nested()) {
    return fail(Errc::invalid_argument, "Filter policy scope MessageAttributes does not support nested filter policy");
  }
  if (object.size() > kKeysMax || (scope == Scope::attributes && compiler.paths().size() > kKeysMax)) {
    return refuse("Filter policy can not have more than 5 keys");
  }
  return FilterPolicy(scope, std::move(rules));
}

}  // namespace leat::sns
