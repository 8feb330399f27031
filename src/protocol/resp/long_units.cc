#include "protocol/resp/long_units.h"

#include "protocol/resp/executor.h"

namespace leat::resp {
namespace {

// Lua's C functions may nest two hundred deep, each with a buffer of 8 KiB; patterns and what a script returns ten thousand
// deep. What is not used takes no memory.
constexpr std::size_t kStackSize = std::size_t{64} << 20;

}  // namespace

LongUnits::LongUnits(Executor& executor) : executor_(executor), fiber_(kStackSize) {
  continuation_.units = this;
  continuation_.run = [](runtime::Work* work) {
    auto& continuation = *static_cast<Continuation*>(work);
    continuation.sent = false;
    continuation.units->resume();
  };
}

void LongUnits::execute(Client& client, const Command& command, Arguments arguments, std::size_t reply_begin) {
  client_ = &client;
  command_ = &command;
  words_.assign(arguments.begin(), arguments.end());
  reply_begin_ = reply_begin;
  const auto perform = [](void* self) {
    auto& units = *static_cast<LongUnits*>(self);
    units.executor_.perform(*units.client_, *units.command_, units.words_, units.reply_begin_);
  };
  settle(fiber_.run(perform, this));
}

void LongUnits::suspend() {
  if (fiber_.is_inside() && !finishing_) fiber_.stop();
}

void LongUnits::resume() {
  if (is_suspended()) settle(fiber_.resume());
}

void LongUnits::finish() {
  finishing_ = true;
  resume();
  finishing_ = false;
}

// What is up the stack looks at the words where they are, and finds the same bytes elsewhere.
void LongUnits::keep_words() {
  for (const std::string_view word : words_) kept_ += word;
  std::size_t at = 0;
  for (std::string_view& word : words_) {
    word = std::string_view(kept_).substr(at, word.size());
    at += word.size();
  }
}

void LongUnits::settle(bool done) {
  if (!done) {
    if (!std::exchange(client_->suspended, true)) keep_words();
    if (!continuation_.sent) {
      continuation_.sent = true;
      executor_.shard().send(continuation_);
    }
    return;
  }
  if (!std::exchange(client_->suspended, false)) return;
  std::string().swap(kept_);
  client_->active_at = executor_.shard().wall_now().value();
  executor_.has_output(*client_);
  client_->connection().resume(*client_);
}

}  // namespace leat::resp
