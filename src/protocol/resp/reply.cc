#include "protocol/resp/reply.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "keyspace/numbers.h"

namespace leat::resp {
namespace {

// A type byte, a number and the end of the line.
class NumberLine {
 public:
  NumberLine(char type, std::int64_t number) {
    buffer_[0] = type;
    if (number >= 0 && number < 10) {
      buffer_[1] = static_cast<char>('0' + number);
      end_ = buffer_ + 2;
    } else {
      end_ = std::to_chars(buffer_ + 1, buffer_ + sizeof buffer_, number).ptr;
    }
    *end_++ = '\r';
    *end_++ = '\n';
  }
  [[nodiscard]] std::string_view text() const { return {buffer_, static_cast<std::size_t>(end_ - buffer_)}; }

 private:
  char buffer_[24];
  char* end_;
};

}  // namespace

void Reply::header(char type, std::size_t size) { out_ += NumberLine(type, static_cast<std::int64_t>(size)).text(); }

void Reply::insert_header(std::size_t at, char type, std::size_t size) {
  out_.insert(at, NumberLine(type, static_cast<std::int64_t>(size)).text());
}

void Reply::simple(std::string_view text) {
  out_ += '+';
  out_ += text;
  out_ += "\r\n";
}

void Reply::error(std::string_view text) {
  out_ += '-';
  const std::size_t from = out_.size();
  out_ += text;
  std::replace_if(
      out_.begin() + static_cast<std::ptrdiff_t>(from), out_.end(), [](char c) { return c == '\r' || c == '\n'; }, ' ');
  out_ += "\r\n";
}

void Reply::integer(std::int64_t value) { out_ += NumberLine(':', value).text(); }

void Reply::bulk(std::string_view bytes) {
  header('$', bytes.size());
  out_ += bytes;
  out_ += "\r\n";
}

void Reply::null() { out_ += is_resp3() ? "_\r\n" : "$-1\r\n"; }
void Reply::null_array() { out_ += is_resp3() ? "_\r\n" : "*-1\r\n"; }

void Reply::real(double value) {
  keyspace::DoubleText buffer;
  const std::string_view text = keyspace::format_double(value, buffer);
  if (!is_resp3()) return bulk(text);
  out_ += ',';
  out_ += text;
  out_ += "\r\n";
}

void Reply::boolean(bool value) {
  if (!is_resp3()) return integer(value ? 1 : 0);
  out_ += value ? "#t\r\n" : "#f\r\n";
}

void Reply::big_number(std::string_view digits) {
  if (!is_resp3()) return bulk(digits);
  out_ += '(';
  out_ += digits;
  out_ += "\r\n";
}

void Reply::verbatim(std::string_view text, std::string_view format) {
  if (!is_resp3()) return bulk(text);
  header('=', text.size() + 4);
  out_ += format;
  out_ += ':';
  out_ += text;
  out_ += "\r\n";
}

void Reply::integer_as_bulk(std::int64_t value) {
  char buffer[21];
  const auto* end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  bulk({buffer, static_cast<std::size_t>(end - buffer)});
}

}  // namespace leat::resp
