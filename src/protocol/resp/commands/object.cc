#include <limits>

#include "protocol/resp/commands/help.h"
#include "protocol/resp/commands/generic.h"
#include "protocol/resp/executor.h"

namespace leat::resp {

using keyspace::Entry;

namespace {

constexpr std::string_view kClocksDiffer =
    "Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.";

// nullptr: it replied that there is none.
const Entry* find_object(Call& call) {
  const Entry* entry = call.database.look(call[2], false);
  if (entry == nullptr) call.reply.null();
  return entry;
}

std::string_view encoding_of(const Entry& entry) {
  switch (entry.encoding()) {
    case Entry::Encoding::integer: return "int";
    case Entry::Encoding::embedded: return "embstr";
    case Entry::Encoding::block: return "raw";
    case Entry::Encoding::object: return entry.object().encoding(entry.type());
  }
  return {};
}

}  // namespace

void object_encoding(Call& call) {
  if (const Entry* entry = find_object(call)) call.reply.bulk(encoding_of(*entry));
}

void object_freq(Call& call) {
  const Entry* entry = find_object(call);
  if (entry == nullptr) return;
  if (!keyspace::is_lfu(call.keyspace.policy())) {
    return call.reply.error(
        fmt::format("ERR An LFU maxmemory policy is not selected, access frequency not tracked. {}", kClocksDiffer));
  }
  call.reply.integer(keyspace::lfu_frequency(entry->clock(), call.keyspace.now(), call.keyspace.lfu()));
}

void object_idletime(Call& call) {
  const Entry* entry = find_object(call);
  if (entry == nullptr) return;
  if (keyspace::is_lfu(call.keyspace.policy())) {
    return call.reply.error(
        fmt::format("ERR An LFU maxmemory policy is selected, idle time not tracked. {}", kClocksDiffer));
  }
  call.reply.integer(keyspace::idle_seconds(entry->clock(), call.keyspace.now()));
}

// Redis shares the small integers, for ever, and tells so.
void object_refcount(Call& call) {
  constexpr std::int64_t kSharedIntegers = 10'000;
  const Entry* entry = find_object(call);
  if (entry == nullptr) return;
  const bool shared =
      entry->encoding() == Entry::Encoding::integer && entry->integer() >= 0 && entry->integer() < kSharedIntegers;
  call.reply.integer(shared ? std::numeric_limits<int>::max() : 1);
}

void object_help(Call& call) { reply_help(call); }

}  // namespace leat::resp
