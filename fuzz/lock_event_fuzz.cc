#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "keyspace/lock_space.h"

// What a journal of locks may hold is refused or read, and what is read is written the same. Those events that can happen make
// locks whose snapshot is them again. The input is a journal's unit.
namespace leat::keyspace {
namespace {

constexpr std::size_t kRememberedMax = 3;

void must(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "not true: %s\n", what);
  std::abort();
}

bool same(const LockEvent& a, const LockEvent& b) {
  return a.kind == b.kind && a.token == b.token && a.until == b.until && a.until_closed == b.until_closed &&
         a.owner == b.owner && a.keys == b.keys;
}

void check_writing(const LockEvent& event, Offset offset) {
  Effects effects;
  add_lock_event(effects, event);
  EffectsReader reader(effects.bytes());
  must(reader.next(), "what was written is there");
  const auto again = parse_lock_event(reader.arguments(), offset);
  must(again.has_value(), "what was written is read");
  must(same(*again, event), "it stays the same");
  must(!reader.next() && !reader.broken(), "nothing else was written");
}

// Whether it can happen: locks are acquired when they are free, with the offset as their token, and only free ones are
// remembered.
bool can_happen(const LockSpace& space, const LockEvent& event, Offset offset) {
  const bool acquires = event.kind == LockEvent::Kind::acquired;
  if (!acquires && event.kind != LockEvent::Kind::remembered) return true;
  const bool has_token = acquires ? event.token == offset.value() : event.token > 0 && event.token < offset.value();
  return has_token && std::ranges::all_of(event.keys, [&](const auto& key) { return space.holder(key) == nullptr; });
}

void check_snapshot(const LockSpace& space, const std::vector<std::string>& keys) {
  LockSpace copy(kRememberedMax);
  space.for_each_event([&](const LockEvent& event) { copy.apply(event); });
  must(copy.held() == space.held(), "as many locks are held");
  for (const std::string& key : keys) {
    must(copy.newest(key) == space.newest(key), "the newest token is remembered");
    const LockHolder* holder = space.holder(key);
    const LockHolder* copied = copy.holder(key);
    must((holder == nullptr) == (copied == nullptr), "the same locks are held");
    if (holder == nullptr) continue;
    must(holder->token == copied->token && holder->until == copied->until && holder->owner == copied->owner,
         "by the same holders");
    must(space.newest(key) == holder->token, "who holds it has the newest token");
  }
  must((space.next_to_expire() == nullptr) == (space.held() == 0), "all that is held ends at some time");
}

void check(std::string_view input) {
  LockSpace space(kRememberedMax);
  std::vector<std::string> keys;
  EffectsReader reader(input);
  for (Offset offset(1); reader.next(); offset = offset + 1) {
    const auto event = parse_lock_event(reader.arguments(), offset);
    if (!event) {
      must(event.error().code == Errc::corrupt, "an event can only be broken");
      continue;
    }
    check_writing(*event, offset);
    if (!can_happen(space, *event, offset)) continue;
    keys.insert(keys.end(), event->keys.begin(), event->keys.end());
    space.apply(*event);
  }
  check_snapshot(space, keys);
}

}  // namespace
}  // namespace leat::keyspace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  leat::keyspace::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
