#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "keyspace/effects.h"
#include "keyspace/expiry_heap.h"

namespace leat::keyspace {

// Names one acquisition of locks: the offset of its record in the journal of locks. Who acquires later has a larger one,
// across restarts too. Never 0.
using LockToken = std::int64_t;

// What happens to locks, as docs/formats/lock-journal.md describes it.
struct LockEvent {
  enum class Kind : std::uint8_t {
    acquired,    // `keys` are held by `owner` with `token`, until `until`
    extended,    // what `token` holds, it holds until `until`
    released,    // what `token` holds is free
    remembered,  // `keys` are free, and were last held with `token`
  };

  Kind kind = Kind::acquired;
  LockToken token = 0;
  Millis until = 0;
  bool until_closed = false;
  std::string owner;
  std::vector<std::string> keys;
};

// Adds the event's words. One that tells of an acquisition as it is made has token 0: the record's offset will be it.
void add_lock_event(Effects& effects, const LockEvent& event);
// `offset` is that of the record that the words are from. Error: corrupt.
[[nodiscard]] Result<LockEvent> parse_lock_event(Effects::Arguments words, Offset offset);

}  // namespace leat::keyspace
