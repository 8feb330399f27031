#include <cstdio>
#include <cstdlib>

#include "queue/index.h"

// Entries of the queue index are refused or read, and what is read is written and read back the same. The first byte of an
// input is the key's size.
namespace leat::queue {
namespace {

void must(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "not true: %s\n", what);
  std::abort();
}

void check_lane(std::string_view key, std::string_view value) {
  const auto decoded = decode_lane_entry(key, value);
  if (!decoded) return;
  must(!decoded->runs.empty(), "a lane's entry has a run");
  Offset before(-1);
  for (const Run& run : decoded->runs) {
    must(run.first > before && run.count > 0, "runs are in order");
    before = run.first + (run.count - 1);
  }
  const std::string once = encode_runs(decoded->runs);
  const auto again = decode_lane_entry(lane_entry_key(decoded->lane, decoded->runs.front().first), once);
  must(again && again->lane == decoded->lane && encode_runs(again->runs) == once, "a lane's entry stays");
  const std::string prefix = lane_prefix(decoded->lane);
  must(key >= prefix && key < prefix_end(prefix), "the entry is where its lane is looked for");
}

void check_delay(std::string_view key, std::string_view value) {
  const auto decoded = decode_delay_entry(key, value);
  if (!decoded) return;
  const std::string once = encode_delay_value(*decoded);
  must(delay_entry_key(decoded->due, decoded->offset) == key, "a delay's key stays");
  const auto again = decode_delay_entry(key, once);
  must(again && encode_delay_value(*again) == once && again->lane == decoded->lane, "a delay's entry stays");
}

void check_mark(std::string_view value) {
  const auto decoded = decode_mark(value);
  if (!decoded) return;
  const auto again = decode_mark(encode_mark(*decoded));
  must(again && again->covered == decoded->covered && again->rewinds == decoded->rewinds, "the mark stays");
}

}  // namespace
}  // namespace leat::queue

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string_view key = input.substr(0, data[0]);
  const std::string_view value = input.substr(key.size());
  leat::queue::check_lane(key, value);
  leat::queue::check_delay(key, value);
  leat::queue::check_mark(value);
  return 0;
}
