#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace leat::resp {

// The version of the protocol that a connection speaks. 3 has types of their own for maps, sets, doubles, nulls and pushes.
enum class Protocol : std::uint8_t { resp2 = 2, resp3 = 3 };

// Writes replies at the end of a client's output (https://redis.io/docs/reference/protocol-spec/). Where RESP2 lacks a type,
// what Redis sends instead. An array, map or set is announced with its size, and its elements written after it.
class Reply {
 public:
  Reply(std::string& out, Protocol protocol) : out_(out), protocol_(protocol) {}

  [[nodiscard]] bool is_resp3() const { return protocol_ == Protocol::resp3; }
  [[nodiscard]] Protocol protocol() const { return protocol_; }
  [[nodiscard]] std::string& out() { return out_; }

  // A status line, such as "OK": without line breaks.
  void simple(std::string_view text);
  void ok() { out_ += "+OK\r\n"; }
  // "CODE what went wrong". Line breaks in it become spaces.
  void error(std::string_view text);
  void integer(std::int64_t value);
  void bulk(std::string_view bytes);
  void null();        // where a bulk string would be
  void null_array();  // where an array would be
  // RESP2: as a bulk string.
  void real(double value);
  void boolean(bool value);                                               // RESP2: 1 or 0
  void big_number(std::string_view digits);                               // RESP2: a bulk string
  void verbatim(std::string_view text, std::string_view format = "txt");  // RESP2: a bulk string
  void integer_as_bulk(std::int64_t value);

  void array(std::size_t size) { header('*', size); }
  void set(std::size_t size) { header(is_resp3() ? '~' : '*', size); }
  // `size` pairs, each written as key and value.
  void map(std::size_t size) { is_resp3() ? header('%', size) : header('*', size * 2); }
  // Sent by the server's own will. RESP2: an array.
  void push(std::size_t size) { header(is_resp3() ? '>' : '*', size); }
  void attribute(std::size_t size) { header('|', size); }

  // For an aggregate whose size is known only after its elements: what `begin` returned goes to `end`.
  [[nodiscard]] std::size_t begin() const { return out_.size(); }
  void end_array(std::size_t begun, std::size_t size) { insert_header(begun, '*', size); }
  void end_set(std::size_t begun, std::size_t size) { insert_header(begun, is_resp3() ? '~' : '*', size); }
  void end_map(std::size_t begun, std::size_t size) {
    is_resp3() ? insert_header(begun, '%', size) : insert_header(begun, '*', size * 2);
  }

 private:
  void header(char type, std::size_t size);
  void insert_header(std::size_t at, char type, std::size_t size);

  std::string& out_;
  Protocol protocol_;
};

}  // namespace leat::resp
