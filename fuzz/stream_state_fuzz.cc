#include <cstdio>
#include <cstdlib>

#include "base/crc32c.h"
#include "stream/offsets_format.h"
#include "stream/producers.h"

// What a data folder holds of groups and producers is refused or read, and what is read is written and read back the
// same. The first byte of an input picks the format: a record of __consumer_offsets (its second byte is the key's size) or
// a producer snapshot, whose checksum is made right.
namespace leat::stream {
namespace {

void must(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "not true: %s\n", what);
  std::abort();
}

std::optional<BytesView> view_of(const std::optional<Bytes>& bytes) {
  return bytes ? std::optional(bytes->view()) : std::nullopt;
}

void check_record(BytesView input) {
  if (input.empty()) return;
  const std::size_t key_size = std::min(static_cast<std::size_t>(input[0]), input.size() - 1);
  const BytesView key = input.subspan(1, key_size);
  const BytesView value = input.subspan(1 + key_size);
  (void)decode_subscribed_topics(value);
  (void)decode_group_event(key, std::nullopt);
  const auto decoded = decode_group_event(key, value);
  if (!decoded || !*decoded) return;
  const OffsetsRecord once = encode_group_event(**decoded);
  const auto again = decode_group_event(once.key, view_of(once.value));
  must(again && *again, "what was written is read");
  const OffsetsRecord twice = encode_group_event(**again);
  must(as_text(once.key) == as_text(twice.key), "the key stays");
  must(once.value && twice.value && as_text(*once.value) == as_text(*twice.value), "the value stays");
}

void check_snapshot(BytesView input) {
  constexpr std::size_t kCrcAt = 5;
  constexpr std::size_t kCoveredAt = 9;
  Bytes snapshot = Bytes::copy_of(input);
  if (snapshot.size() >= kCoveredAt) {
    store_be(snapshot.data() + kCrcAt, crc32c(snapshot.view().subspan(kCoveredAt)));
  }
  ProducerAccount account;
  Producers producers(account);
  const auto end = producers.restore_snapshot(snapshot);
  if (!end) {
    must(producers.size() == 0, "a refused snapshot leaves nothing");
    return;
  }
  must(as_text(producers.encode_snapshot(*end)) == as_text(snapshot), "a snapshot stays as it is");
}

}  // namespace
}  // namespace leat::stream

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto input = std::as_bytes(std::span(data, size)).subspan(1);
  if (data[0] == 0) {
    leat::stream::check_snapshot(input);
  } else {
    leat::stream::check_record(input);
  }
  return 0;
}
