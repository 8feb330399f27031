#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "protocol/resp/parser.h"

namespace leat::resp {

// Commands that a client sent without waiting for replies, as many as are looked at together: what they will need can be asked
// for before the first is executed. Views of what the client sent.
class Pipeline {
 public:
  static constexpr std::size_t kCommandsMax = 16;

  // Reads commands from the beginning of `received` in place of those that were here. What it returns is about what follows
  // them: `command` means that there may be more.
  [[nodiscard]] Parser::State read(Parser& parser, std::string_view received);

  [[nodiscard]] std::size_t size() const { return commands_.size(); }
  // The words of a command, none if it was an empty line, and the bytes it took.
  [[nodiscard]] Arguments arguments(std::size_t index) const {
    return Arguments(words_).subspan(commands_[index].first_word, commands_[index].words);
  }
  [[nodiscard]] std::size_t consumed(std::size_t index) const { return commands_[index].consumed; }
  // To be called when they have been executed: memory for very many words is given back.
  void clear();

 private:
  struct Command {
    std::size_t first_word;
    std::size_t words;
    std::size_t consumed;
  };
  std::vector<std::string_view> words_;
  std::vector<Command> commands_;
};

}  // namespace leat::resp
