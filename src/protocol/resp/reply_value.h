#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace leat::resp {

// One reply of RESP3 as a value, for callers inside the server.
struct ReplyValue {
  // The whole line: "CODE what went wrong".
  struct Failure {
    std::string text;
    friend bool operator==(const Failure&, const Failure&) = default;
  };
  using Array = std::vector<ReplyValue>;
  // In the order in which they came; keys may be of any type.
  struct Map {
    std::vector<std::pair<ReplyValue, ReplyValue>> pairs;
    friend bool operator==(const Map& a, const Map& b);
  };

  // null; a boolean; an integer; a double; the bytes of a string of any kind (simple, bulk, verbatim without its format, the
  // digits of a big number); an error; an array or a set; a map.
  using Variant = std::variant<std::monostate, bool, std::int64_t, double, std::string, Failure, Array, Map>;
  Variant value;

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::monostate>(value); }
  // nullptr: it is of another type.
  [[nodiscard]] const std::int64_t* integer() const { return std::get_if<std::int64_t>(&value); }
  [[nodiscard]] const std::string* text() const { return std::get_if<std::string>(&value); }
  [[nodiscard]] const Failure* failure() const { return std::get_if<Failure>(&value); }
  [[nodiscard]] const Array* array() const { return std::get_if<Array>(&value); }
  [[nodiscard]] const Map* map() const { return std::get_if<Map>(&value); }

  friend bool operator==(const ReplyValue& a, const ReplyValue& b);
};

// Aggregates within aggregates: a script may reply with more than any command does.
inline constexpr std::size_t kReplyDepthMax = 128;

// The one reply in `bytes`, which Reply wrote in RESP3. Pushes around it and attributes are left out. Errors: too_large (nested
// deeper than kReplyDepthMax), internal (it is no reply, or not one).
[[nodiscard]] Result<ReplyValue> parse_reply(std::string_view bytes);

}  // namespace leat::resp
