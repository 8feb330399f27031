#include "protocol/resp/reply_value.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace leat::resp {
namespace {

// An element takes at least its type and the end of its line.
constexpr std::size_t kElementBytesMin = 3;
// "txt:" in front of a verbatim string.
constexpr std::size_t kFormatBytes = 4;

class ReplyParser {
 public:
  explicit ReplyParser(std::string_view bytes) : rest_(bytes) {}

  Result<ReplyValue> parse() {
    ReplyValue value;
    LEAT_CHECK(skip_pushes());
    LEAT_CHECK(read(value, 0));
    LEAT_CHECK(skip_pushes());
    if (!rest_.empty()) return broken();
    return value;
  }

 private:
  static std::unexpected<Error> broken() { return fail(Errc::internal, "a reply is malformed"); }

  [[nodiscard]] std::optional<std::string_view> line() {
    const std::size_t end = rest_.find("\r\n");
    if (end == std::string_view::npos || end == 0) return std::nullopt;
    const std::string_view found = rest_.substr(0, end);
    rest_.remove_prefix(end + 2);
    return found;
  }

  // nullopt: the digits are no number of this type.
  template <class T>
  [[nodiscard]] static std::optional<T> number(std::string_view digits) {
    T value{};
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return value;
  }

  // `text` is the rest of the line behind the type.
  Status read_text(std::string_view text, ReplyValue& into, std::size_t skipped) {
    if (text == "-1") return {};
    const auto size = number<std::uint64_t>(text);
    if (!size || rest_.size() < 2 || *size > rest_.size() - 2 || *size < skipped) return broken();
    into.value.emplace<std::string>(rest_.substr(skipped, *size - skipped));
    rest_.remove_prefix(*size);
    if (!rest_.starts_with("\r\n")) return broken();
    rest_.remove_prefix(2);
    return {};
  }

  Status read_array(std::string_view text, ReplyValue& into, std::size_t depth) {
    if (text == "-1") return {};
    const auto size = number<std::uint64_t>(text);
    if (!size) return broken();
    auto& elements = into.value.emplace<ReplyValue::Array>();
    elements.reserve(std::min<std::size_t>(*size, rest_.size() / kElementBytesMin));
    for (std::uint64_t i = 0; i < *size; ++i) LEAT_CHECK(read(elements.emplace_back(), depth + 1));
    return {};
  }

  Status read_map(std::string_view text, ReplyValue& into, std::size_t depth) {
    const auto size = number<std::uint64_t>(text);
    if (!size) return broken();
    auto& pairs = into.value.emplace<ReplyValue::Map>().pairs;
    pairs.reserve(std::min<std::size_t>(*size, rest_.size() / kElementBytesMin / 2));
    for (std::uint64_t i = 0; i < *size; ++i) {
      auto& [key, value] = pairs.emplace_back();
      LEAT_CHECK(read(key, depth + 1));
      LEAT_CHECK(read(value, depth + 1));
    }
    return {};
  }

  template <class T>
  static Status assign(ReplyValue& into, std::optional<T> value) {
    if (!value) return broken();
    into.value = *value;
    return {};
  }

  Status read(ReplyValue& into, std::size_t depth) {
    if (depth > kReplyDepthMax)
      return fail(Errc::too_large, fmt::format("a reply is nested deeper than {}", kReplyDepthMax));
    const auto found = line();
    if (!found) return broken();
    const std::string_view text = found->substr(1);
    switch (found->front()) {
      case '+': into.value.emplace<std::string>(text); return {};
      case '-': into.value = ReplyValue::Failure{std::string(text)}; return {};
      case ':': return assign(into, number<std::int64_t>(text));
      case ',': return assign(into, number<double>(text));
      case '#': return assign(into, text == "t" || text == "f" ? std::optional(text == "t") : std::nullopt);
      case '_': return {};
      case '(': into.value.emplace<std::string>(text); return {};
      case '$': return read_text(text, into, 0);
      case '=': return read_text(text, into, kFormatBytes);
      case '*':
      case '~': return read_array(text, into, depth);
      case '%': return read_map(text, into, depth);
      case '|': return skip_attributes(text, into, depth);
      default: return broken();
    }
  }

  // What they are about follows.
  Status skip_attributes(std::string_view text, ReplyValue& into, std::size_t depth) {
    ReplyValue ignored;
    LEAT_CHECK(read_map(text, ignored, depth));
    return read(into, depth + 1);
  }

  Status skip_pushes() {
    while (rest_.starts_with('>')) {
      const auto found = line();
      if (!found) return broken();
      ReplyValue ignored;
      LEAT_CHECK(read_array(found->substr(1), ignored, 0));
    }
    return {};
  }

  std::string_view rest_;
};

}  // namespace

bool operator==(const ReplyValue& a, const ReplyValue& b) { return a.value == b.value; }
bool operator==(const ReplyValue::Map& a, const ReplyValue::Map& b) { return a.pairs == b.pairs; }

Result<ReplyValue> parse_reply(std::string_view bytes) { return ReplyParser(bytes).parse(); }

}  // namespace leat::resp
