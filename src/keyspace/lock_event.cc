#include "keyspace/lock_event.h"

#include <fmt/format.h>

#include "keyspace/numbers.h"

namespace leat::keyspace {
namespace {

constexpr std::string_view kAcquired = "ACQUIRED";
constexpr std::string_view kExtended = "EXTENDED";
constexpr std::string_view kReleased = "RELEASED";
constexpr std::string_view kRemembered = "REMEMBERED";
constexpr std::string_view kUntilClosed = "CLOSED";
constexpr std::size_t kWordsBeforeKeys = 5;  // of an acquisition

std::unexpected<Error> broken(std::string_view what) {
  return fail(Errc::corrupt, fmt::format("an event in the journal of locks is broken: {}", what));
}

std::vector<std::string> keys_from(Effects::Arguments words, std::size_t first) {
  const auto keys = words.subspan(first);
  return {keys.begin(), keys.end()};
}

}  // namespace

void add_lock_event(Effects& effects, const LockEvent& event) {
  const std::string token = fmt::format("{}", event.token);
  const std::string until = fmt::format("{}", event.until);
  std::vector<std::string_view> words;
  switch (event.kind) {
    case LockEvent::Kind::acquired:
      words = {kAcquired, token, until, event.until_closed ? kUntilClosed : "", event.owner};
      break;
    case LockEvent::Kind::extended: words = {kExtended, token, until}; break;
    case LockEvent::Kind::released: words = {kReleased, token}; break;
    case LockEvent::Kind::remembered: words = {kRemembered, token}; break;
  }
  words.insert(words.end(), event.keys.begin(), event.keys.end());
  effects.add(0, words);
}

Result<LockEvent> parse_lock_event(Effects::Arguments words, Offset offset) {
  if (words.size() < 2) return broken("it is cut short");
  LockEvent event;
  const auto token = parse_integer(words[1]);
  if (!token || *token < 0) return broken("it has no token");
  event.token = *token;
  const auto until = words.size() > 2 ? parse_integer(words[2]) : std::nullopt;
  if (words[0] == kAcquired) {
    if (!until || words.size() <= kWordsBeforeKeys) return broken("an acquisition of nothing, or for no time");
    event.until = *until;
    event.until_closed = words[3] == kUntilClosed;
    event.owner = words[4];
    event.keys = keys_from(words, kWordsBeforeKeys);
    if (event.token == 0) event.token = offset.value();
  } else if (words[0] == kExtended) {
    event.kind = LockEvent::Kind::extended;
    if (!until) return broken("an extension to no time");
    event.until = *until;
  } else if (words[0] == kReleased) {
    event.kind = LockEvent::Kind::released;
  } else if (words[0] == kRemembered) {
    event.kind = LockEvent::Kind::remembered;
    event.keys = keys_from(words, 2);
  } else {
    return broken(fmt::format("'{}' is not known", words[0]));
  }
  return event;
}

}  // namespace leat::keyspace
