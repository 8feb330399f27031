#include "protocol/resp/parser.h"

#include <fmt/format.h>

#include <cstring>

#include "keyspace/numbers.h"

namespace leat::resp {
namespace {

constexpr std::size_t kUnauthenticatedArgumentsMax = 10;
constexpr std::size_t kUnauthenticatedBulkMax = 16384;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char unescaped(char c) {
  switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'b': return '\b';
    case 'a': return '\a';
    default: return c;
  }
}

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Fewer than the spaces between words.
bool ends_word(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Reads the quoted word that begins at `at`, behind its quote. False when it has no end, or text follows right behind it.
bool read_quoted(std::string_view line, std::size_t& at, char quote, std::string& word) {
  while (at < line.size()) {
    const char c = line[at];
    if (c == quote) {
      ++at;
      return at == line.size() || is_space(line[at]);
    }
    const bool escape = c == '\\' && at + 1 < line.size();
    if (escape && quote == '"' && line[at + 1] == 'x' && at + 3 < line.size() && hex_digit(line[at + 2]) >= 0 &&
        hex_digit(line[at + 3]) >= 0) {
      word += static_cast<char>(hex_digit(line[at + 2]) * 16 + hex_digit(line[at + 3]));
      at += 4;
    } else if (escape && quote == '"') {
      word += unescaped(line[at + 1]);
      at += 2;
    } else if (escape && line[at + 1] == '\'') {
      word += '\'';
      at += 2;
    } else {
      word += c;
      ++at;
    }
  }
  return false;
}

}  // namespace

Parser::State Parser::fail(std::string text) {
  error_ = std::move(text);
  return State::error;
}

Parser::State Parser::need(std::size_t bytes) {
  wanted_ = bytes;
  return State::more;
}

Parser::State Parser::next(std::string_view received) {
  if (returned_) {
    returned_ = false;
    at_ = 0;
    left_ = -1;
    bulk_ = -1;
    words_.clear();
  }
  if (left_ < 0) {
    if (received.empty()) return need(1);
    if (received[0] != '*') return read_inline(received);
    if (const State state = begin(received); state != State::command) return state;
  }
  return read_words(received);
}

// As with Redis, a line that holds a zero byte has no end.
Parser::State Parser::wait_for_line(std::string_view received, std::string_view what_if_long) {
  if (received.size() - at_ > limits_.inline_size_max) return fail(std::string(what_if_long));
  return need(received.size() + 1);
}

Parser::State Parser::read_count(std::string_view received, std::int64_t& count, std::string_view what_if_invalid,
                                 std::string_view what_if_long) {
  const char* line = received.data() + at_;
  const auto* end = static_cast<const char*>(std::memchr(line, '\r', received.size() - at_));
  if (end == nullptr) return wait_for_line(received, what_if_long);
  const auto size = static_cast<std::size_t>(end - line);
  if (at_ + size + 2 > received.size()) return need(at_ + size + 2);
  const auto number = keyspace::parse_integer({line + 1, size - 1});
  if (!number && std::memchr(line, '\0', size) != nullptr) return wait_for_line(received, what_if_long);
  if (!number) return fail(std::string(what_if_invalid));
  count = *number;
  at_ += size + 2;
  return State::command;
}

Parser::State Parser::begin(std::string_view received) {
  std::int64_t count = 0;
  const State state = read_count(received, count, "Protocol error: invalid multibulk length",
                                 "Protocol error: too big mbulk count string");
  if (state != State::command) return state;
  if (count > static_cast<std::int64_t>(limits_.arguments_max)) return fail("Protocol error: invalid multibulk length");
  if (count > static_cast<std::int64_t>(kUnauthenticatedArgumentsMax) && !limits_.authenticated)
    return fail("Protocol error: unauthenticated multibulk length");
  left_ = std::max<std::int64_t>(count, 0);
  return State::command;
}

// What stands where a word's size should, once the line is whole.
Parser::State Parser::refuse_word(std::string_view received) {
  const std::string_view line = received.substr(at_, received.find('\r', at_) - at_);
  if (line.size() + 2 > received.size() - at_ || line.contains('\0'))
    return wait_for_line(received, "Protocol error: too big bulk count string");
  return fail(fmt::format("Protocol error: expected '$', got '{}'", line.empty() ? '\r' : line[0]));
}

Parser::State Parser::read_words(std::string_view received) {
  while (left_ > 0) {
    if (bulk_ < 0) {
      if (at_ >= received.size()) return need(at_ + 1);
      if (received[at_] != '$') return refuse_word(received);
      std::int64_t size = 0;
      const State state = read_count(received, size, "Protocol error: invalid bulk length",
                                     "Protocol error: too big bulk count string");
      if (state != State::command) return state;
      if (size < 0 || size > static_cast<std::int64_t>(limits_.bulk_size_max))
        return fail("Protocol error: invalid bulk length");
      if (size > static_cast<std::int64_t>(kUnauthenticatedBulkMax) && !limits_.authenticated)
        return fail("Protocol error: unauthenticated bulk length");
      bulk_ = size;
    }
    const auto size = static_cast<std::size_t>(bulk_);
    if (received.size() - at_ < size + 2) return need(at_ + size + 2);
    words_.push_back({at_, size});
    at_ += size + 2;
    bulk_ = -1;
    --left_;
  }
  arguments_.clear();
  for (const Word& word : words_) arguments_.push_back(received.substr(word.offset, word.size));
  returned_ = true;
  return State::command;
}

Parser::State Parser::read_inline(std::string_view received) {
  const std::size_t end = received.find('\n');
  // As with Redis, a line that holds a zero byte has no end.
  if (end == std::string_view::npos || received.substr(0, end).contains('\0')) {
    if (received.size() > limits_.inline_size_max) return fail("Protocol error: too big inline request");
    return need(received.size() + 1);
  }
  std::string_view line = received.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (!split_line(line)) return fail("Protocol error: unbalanced quotes in request");
  arguments_.assign(unquoted_.begin(), unquoted_.end());
  at_ = end + 1;
  returned_ = true;
  return State::command;
}

// As a shell would: words between spaces, "..." with escapes, '...' with \' alone.
bool Parser::split_line(std::string_view line) {
  unquoted_.clear();
  std::size_t at = 0;
  while (true) {
    while (at < line.size() && is_space(line[at])) ++at;
    if (at == line.size()) return true;
    std::string word;
    while (at < line.size() && !ends_word(line[at])) {
      const char c = line[at++];
      if (c == '"' || c == '\'') {
        if (!read_quoted(line, at, c, word)) return false;
        break;
      }
      word += c;
    }
    unquoted_.push_back(std::move(word));
  }
}

}  // namespace leat::resp
