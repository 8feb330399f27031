#include "protocol/resp/pipeline.h"

namespace leat::resp {
namespace {

// Above this no further command is read ahead.
constexpr std::size_t kWordsMax = 256;
constexpr std::size_t kKeptWordsMax = 4096;

}  // namespace

Parser::State Pipeline::read(Parser& parser, std::string_view received) {
  words_.clear();
  commands_.clear();
  std::size_t at = 0;
  while (at < received.size() && commands_.size() < kCommandsMax && words_.size() < kWordsMax) {
    const Parser::State state = parser.next(received.substr(at));
    if (state != Parser::State::command) return state;
    // Words of a line are the parser's, until its next call.
    const Arguments words = parser.arguments();
    commands_.push_back({.first_word = words_.size(), .words = words.size(), .consumed = parser.consumed()});
    words_.insert(words_.end(), words.begin(), words.end());
    at += parser.consumed();
    if (parser.is_inline()) break;
  }
  return at < received.size() ? Parser::State::command : Parser::State::more;
}

void Pipeline::clear() {
  commands_.clear();
  words_.clear();
  if (words_.capacity() > kKeptWordsMax) words_.shrink_to_fit();
}

}  // namespace leat::resp
