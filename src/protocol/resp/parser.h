#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace leat::resp {

// The words of one command, its name first. Views of what the client sent.
using Arguments = std::span<const std::string_view>;

struct ParserLimits {
  std::size_t bulk_size_max = std::size_t{512} << 20;  // proto-max-bulk-len
  std::size_t inline_size_max = std::size_t{64} << 10;
  std::size_t arguments_max = std::numeric_limits<std::int32_t>::max();
  // A connection that has not authenticated gets less: it could otherwise make the server hold much for nothing.
  bool authenticated = true;
};

// Reads commands out of a stream of bytes: arrays of bulk strings, or words on one line
// (https://redis.io/docs/reference/protocol-spec/#sending-commands-to-a-redis-server).
//
// `next` is given what was received and not yet consumed, from the same first byte on until it returned a command; it goes on
// where it stopped, so that a large command that arrives in pieces is looked at once.
class Parser {
 public:
  enum class State { command, more, error };

  explicit Parser(const ParserLimits& limits) : limits_(limits) {}

  [[nodiscard]] State next(std::string_view received);
  // See ParserLimits.
  void set_authenticated(bool authenticated) { limits_.authenticated = authenticated; }
  // The next call begins anew: what was looked at since the last command will be given again.
  void restart() { returned_ = true; }

  // After `command`: its words, which may be none (an empty line), and the bytes they took.
  [[nodiscard]] Arguments arguments() const { return arguments_; }
  [[nodiscard]] std::size_t consumed() const { return at_; }
  // Whether it was a line: its words are the parser's own, and gone with the next call.
  [[nodiscard]] bool is_inline() const { return left_ < 0; }
  // After `error`: Redis's words for it, "Protocol error: ..." The stream cannot go on.
  [[nodiscard]] const std::string& error() const { return error_; }
  // After `more`: the least bytes in all that can make `next` go on.
  [[nodiscard]] std::size_t wanted() const { return wanted_; }

 private:
  struct Word {
    std::size_t offset;
    std::size_t size;
  };

  State fail(std::string text);
  State need(std::size_t bytes);
  State begin(std::string_view received);
  State read_words(std::string_view received);
  State refuse_word(std::string_view received);
  State wait_for_line(std::string_view received, std::string_view what_if_long);
  State read_inline(std::string_view received);
  [[nodiscard]] bool split_line(std::string_view line);
  // The number on the line at `at_`, whose first byte was looked at; moves behind the line.
  State read_count(std::string_view received, std::int64_t& count, std::string_view what_if_invalid,
                   std::string_view what_if_long);

  ParserLimits limits_;
  std::size_t at_ = 0;
  std::size_t wanted_ = 1;
  std::int64_t left_ = -1;  // words to come; -1: nothing begun
  std::int64_t bulk_ = -1;  // size of the one under way; -1: none
  bool returned_ = true;    // the last call gave a command
  std::vector<Word> words_;
  std::vector<std::string_view> arguments_;
  std::vector<std::string> unquoted_;  // words of a line
  std::string error_;
};

}  // namespace leat::resp
