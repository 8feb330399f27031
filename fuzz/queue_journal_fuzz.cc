#include <cstdio>
#include <cstdlib>

#include "queue/journal_format.h"

// What a data folder holds of a queue's journal is refused or read, and what is read is written and read back the same.
// The first byte of an input picks what the rest is: 0 a snapshot, its pieces joined; 1 a set of offsets; else a record.
namespace leat::queue {
namespace {

void must(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "not true: %s\n", what);
  std::abort();
}

void check_set(BytesView input) {
  OffsetSet set;
  if (!set.decode(input)) {
    must(set.empty(), "a refused set is empty");
    return;
  }
  const Bytes once = set.encode();
  OffsetSet again;
  must(again.decode(once).has_value(), "a set that was written is read");
  must(again.size() == set.size(), "the set stays");
  must(as_text(again.encode()) == as_text(once), "the set's bytes stay");
  (void)set.count(Offset(0), Offset(INT64_MAX));
  set.add(Offset(7), Offset(70'000));
  must(set.contains(Offset(66'000)), "what was added is there");
  set.remove(Offset(0), Offset(INT64_MAX));
  must(set.empty(), "nothing is left");
}

void check_snapshot(BytesView input) {
  const auto decoded = decode_snapshot(input);
  if (!decoded) return;
  Bytes joined;
  for (const Bytes& piece : encode_snapshot(*decoded, 100)) {
    const auto record = decode_journal_value(piece);
    must(record && std::holds_alternative<SnapshotPiece>(*record), "a piece that was written is read");
    joined.append(std::get<SnapshotPiece>(*record).bytes);
  }
  const auto again = decode_snapshot(joined);
  must(again.has_value(), "a snapshot that was written is read");
  must(again->floor == decoded->floor && again->rewinds == decoded->rewinds && again->grouped == decoded->grouped &&
           again->time == decoded->time && as_text(again->done) == as_text(decoded->done) &&
           again->delivered == decoded->delivered,
       "the snapshot stays");
}

void check_record(BytesView input) {
  (void)decode_journal_key(input);
  const auto decoded = decode_journal_value(input);
  if (!decoded) return;
  const auto* events = std::get_if<std::vector<Event>>(&*decoded);
  if (events == nullptr) return;
  const auto again = decode_journal_value(encode_events(*events));
  must(again && std::get<std::vector<Event>>(*again) == *events, "events stay");
}

}  // namespace
}  // namespace leat::queue

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto input = std::as_bytes(std::span(data, size)).subspan(1);
  switch (data[0]) {
    case 0: leat::queue::check_snapshot(input); break;
    case 1: leat::queue::check_set(input); break;
    default: leat::queue::check_record(input);
  }
  return 0;
}
