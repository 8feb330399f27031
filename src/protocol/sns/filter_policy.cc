#include "protocol/sns/filter_policy.h"

#include <arpa/inet.h>
#include <simdjson.h>

#include <charconv>
#include <cmath>

#include "protocol/sns/filter_rules.h"

namespace leat::sns {
namespace filter {

std::optional<Fixed> to_fixed(double number) {
  constexpr double kScale = 1e5;
  if (!(std::abs(number) <= kNumberMax)) return std::nullopt;
  return std::llround(number * kScale);
}

std::optional<Address> to_address(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size() || text.contains('\0')) return std::nullopt;
  std::ranges::copy(text, terminated.begin());
  Address address;
  if (inet_pton(AF_INET, terminated.data(), address.bytes.data()) == 1) return address;
  address.is_v6 = true;
  if (inet_pton(AF_INET6, terminated.data(), address.bytes.data()) == 1) return address;
  return std::nullopt;
}

}  // namespace filter

namespace {

namespace dom = simdjson::dom;
using filter::Address;
using filter::AnythingBut;
using filter::Condition;
using filter::Exists;
using filter::Fixed;
using filter::Literal;
using filter::Network;
using filter::Range;
using filter::Rule;
using filter::Rules;
using filter::Text;
using filter::to_address;
using filter::to_fixed;

// A parser keeps memory for the largest document it has seen.
constexpr std::size_t kKeptParserCapacityMax = std::size_t{1} << 20;

using Null = std::monostate;
struct Number {
  std::optional<Fixed> fixed;  // none: too large to be compared
};
using Value = std::variant<Null, bool, Number, std::string_view>;

// What a message has under one name.
struct Seen {
  enum class Presence : std::uint8_t { absent, empty, there };
  Presence presence = Presence::absent;
  bool is_string_array = false;
  std::vector<Value> values;
};

bool is_same_in_any_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

bool is_in(const Address& address, const Network& network) {
  if (address.is_v6 != network.address.is_v6) return false;
  const std::size_t whole = network.bits / 8;
  if (!std::equal(address.bytes.begin(), address.bytes.begin() + whole, network.address.bytes.begin())) return false;
  const unsigned rest = network.bits % 8;
  return rest == 0 || ((address.bytes[whole] ^ network.address.bytes[whole]) >> (8 - rest)) == 0;
}

// Whether one value meets a condition.
struct Meets {
  const Value& value;

  bool operator()(const Text& wanted) const {
    const auto* text = std::get_if<std::string_view>(&value);
    if (text == nullptr) return false;
    switch (wanted.part) {
      case Text::Part::whole: return *text == wanted.text;
      case Text::Part::whole_in_any_case: return is_same_in_any_case(*text, wanted.text);
      case Text::Part::start: return text->starts_with(wanted.text);
      case Text::Part::end: return text->ends_with(wanted.text);
    }
    return false;
  }
  bool operator()(const Range& range) const {
    const auto* number = std::get_if<Number>(&value);
    return number != nullptr && number->fixed && *number->fixed >= range.low && *number->fixed <= range.high;
  }
  bool operator()(const Literal& literal) const {
    if (!literal.value) return std::holds_alternative<Null>(value);
    const auto* boolean = std::get_if<bool>(&value);
    return boolean != nullptr && *boolean == *literal.value;
  }
  bool operator()(const Network& network) const {
    const auto* text = std::get_if<std::string_view>(&value);
    if (text == nullptr) return false;
    const auto address = to_address(*text);
    return address && is_in(*address, network);
  }
  bool operator()(const AnythingBut& excluded) const {
    if (std::holds_alternative<Null>(value)) return false;
    if (excluded.part) return !(*this)(*excluded.part);
    if (const auto* text = std::get_if<std::string_view>(&value)) {
      return !std::ranges::binary_search(excluded.texts, *text, std::less<>());
    }
    const auto* number = std::get_if<Number>(&value);
    return number == nullptr || !number->fixed || !std::ranges::binary_search(excluded.numbers, *number->fixed);
  }
  // Asks about all values together.
  bool operator()(const Exists& /*exists*/) const { return false; }
};

bool meets(const Seen& seen, const Condition& condition) {
  if (const auto* exists = std::get_if<Exists>(&condition)) {
    return seen.presence == (exists->wanted ? Seen::Presence::there : Seen::Presence::absent);
  }
  const auto one_meets = [&](const Value& value) { return std::visit(Meets{value}, condition); };
  if (seen.is_string_array && std::holds_alternative<AnythingBut>(condition)) {
    return !seen.values.empty() && std::ranges::all_of(seen.values, one_meets);
  }
  return std::ranges::any_of(seen.values, one_meets);
}

// `look(path)` is what the message has under a rule's path.
template <class Look>
bool accepts_by(const Rules& rules, Look& look) {
  const auto is_met = [&](const Rule& rule) {
    const Seen& seen = look(rule.path);
    return std::ranges::any_of(rule.conditions, [&](const Condition& condition) { return meets(seen, condition); });
  };
  return std::ranges::all_of(rules.all, is_met) &&
         std::ranges::all_of(rules.alternatives, [&](const std::vector<Rules>& alternatives) {
           return std::ranges::any_of(alternatives, [&](const Rules& one) { return accepts_by(one, look); });
         });
}

// A value of JSON, and of arrays in arrays each of theirs. Objects are none. The parser limits the depth.
void add_values(dom::element element, std::vector<Value>& into) {
  switch (element.type()) {
    case dom::element_type::STRING: into.emplace_back(std::string_view(element)); break;
    case dom::element_type::BOOL: into.emplace_back(bool(element)); break;
    case dom::element_type::NULL_VALUE: into.emplace_back(Null()); break;
    case dom::element_type::INT64:
    case dom::element_type::UINT64:
    case dom::element_type::DOUBLE: into.emplace_back(Number{to_fixed(double(element))}); break;
    case dom::element_type::ARRAY:
      for (const dom::element inner : dom::array(element)) add_values(inner, into);
      break;
    case dom::element_type::OBJECT: break;
  }
}

// The values under a path of names with dots between them, where a name may have dots itself.
void add_values_at(dom::element element, std::string_view path, std::vector<Value>& into) {
  dom::array array;
  if (!element.get_array().get(array)) {
    for (const dom::element inner : array) add_values_at(inner, path, into);
    return;
  }
  dom::object object;
  if (element.get_object().get(object)) return;
  for (const auto [name, value] : object) {
    if (!path.starts_with(name)) continue;
    if (name.size() == path.size()) {
      add_values(value, into);
    } else if (path[name.size()] == '.') {
      add_values_at(value, path.substr(name.size() + 1), into);
    }
  }
}

class Body {
 public:
  explicit Body(dom::element root) : root_(root) {}

  const Seen& operator()(std::string_view path) {
    seen_.values.clear();
    add_values_at(root_, path, seen_.values);
    const auto is_something = [](const Value& value) {
      const auto* text = std::get_if<std::string_view>(&value);
      return !std::holds_alternative<Null>(value) && (text == nullptr || !text->empty());
    };
    seen_.presence = seen_.values.empty()                              ? Seen::Presence::absent
                     : std::ranges::any_of(seen_.values, is_something) ? Seen::Presence::there
                                                                       : Seen::Presence::empty;
    return seen_;
  }

 private:
  dom::element root_;
  Seen seen_;
};

// "Number" and "Number.int" are both Number.
bool is_type(std::string_view type, std::string_view base) {
  return type.starts_with(base) && (type.size() == base.size() || type[base.size()] == '.');
}

class Attributes {
 public:
  Attributes(std::span<const MessageAttribute> attributes, dom::parser& parser)
      : attributes_(attributes), parser_(parser) {}

  const Seen& operator()(std::string_view name) {
    seen_ = Seen{.values = std::move(seen_.values)};
    seen_.values.clear();
    const auto found = std::ranges::find(attributes_, name, &MessageAttribute::name);
    if (found == attributes_.end()) {
      // A message without any attribute does not meet "exists": false.
      if (attributes_.empty()) seen_.presence = Seen::Presence::empty;
      return seen_;
    }
    seen_.presence = found->value.empty() ? Seen::Presence::empty : Seen::Presence::there;
    seen_.is_string_array = is_type(found->type, "String.Array");
    if (seen_.is_string_array || is_type(found->type, "Number.Array")) {
      array(found->value);
    } else if (is_type(found->type, "String")) {
      seen_.values.emplace_back(found->value);
    } else if (is_type(found->type, "Number")) {
      number(found->value);
    }
    return seen_;
  }

 private:
  void array(std::string_view json) {
    dom::array array;
    if (parser_.parse(json.data(), json.size()).get_array().get(array)) return;
    for (const dom::element element : array) {
      if (!element.is_array()) add_values(element, seen_.values);
    }
  }
  void number(std::string_view text) {
    double parsed = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
    if (error == std::errc() && end == text.data() + text.size()) seen_.values.emplace_back(Number{to_fixed(parsed)});
  }

  std::span<const MessageAttribute> attributes_;
  dom::parser& parser_;
  Seen seen_;
};

bool accepts_body(const Rules& rules, std::string_view body, dom::parser& parser) {
  dom::element root;
  if (parser.parse(body.data(), body.size()).get(root) || !root.is_object()) return false;
  Body look(root);
  return accepts_by(rules, look);
}

bool accepts_attributes(const Rules& rules, std::span<const MessageAttribute> attributes, dom::parser& parser) {
  Attributes look(attributes, parser);
  return accepts_by(rules, look);
}

}  // namespace

bool FilterPolicy::accepts(std::span<const MessageAttribute> attributes, std::string_view body) const {
  if (rules_->empty()) return true;
  thread_local dom::parser parser;
  const bool accepted =
      scope_ == Scope::body ? accepts_body(*rules_, body, parser) : accepts_attributes(*rules_, attributes, parser);
  if (parser.capacity() > kKeptParserCapacityMax) parser = dom::parser();
  return accepted;
}

}  // namespace leat::sns
