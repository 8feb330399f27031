#include "base/json_text.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <iterator>

namespace leat {
namespace {

// Whether a block of text has nothing that JSON escapes.
bool is_plain(std::string_view text) {
  bool found = false;  // no wider than a character, so that as many are compared at a time as fit a register
  for (const char c : text) found |= (static_cast<unsigned char>(c) < 0x20) | (c == '"') | (c == '\\');
  return !found;
}

void append_escaped(char c, std::string& out) {
  switch (c) {
    case '"': out += "\\\""; break;
    case '\\': out += "\\\\"; break;
    case '\n': out += "\\n"; break;
    case '\r': out += "\\r"; break;
    case '\t': out += "\\t"; break;
    default:
      if (static_cast<unsigned char>(c) < 0x20) {
        fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
      } else {
        out += c;
      }
  }
}

}  // namespace

void append_json_text(std::string_view text, std::string& out) {
  constexpr std::size_t kBlock = 64;
  constexpr std::size_t kRest = 64;  // of what else is usually behind a long text
  if (out.capacity() - out.size() < text.size() + 2)
    out.reserve(std::max(2 * out.capacity(), out.size() + text.size() + kRest));
  out += '"';
  for (std::size_t at = 0; at < text.size(); at += kBlock) {
    const std::string_view block = text.substr(at, kBlock);
    if (is_plain(block)) {
      out += block;
    } else {
      for (const char c : block) append_escaped(c, out);
    }
  }
  out += '"';
}

bool is_utf8(std::string_view text) { return simdjson::validate_utf8(text); }

}  // namespace leat
