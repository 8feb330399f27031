#include "queue/index.h"

#include "queue/bytes_codec.h"
#include "queue/settings.h"

namespace leat::queue {
namespace {

constexpr std::uint8_t kVersion = 1;

template <class T>
void put_be(std::string& out, T value) {
  std::byte raw[sizeof(T)];
  store_be(raw, value);
  out.append(reinterpret_cast<const char*>(raw), sizeof raw);
}

template <class T>
T get_be(std::string_view from) {
  return load_be<T>(reinterpret_cast<const std::byte*>(from.data()));
}

std::string to_string(const Bytes& bytes) { return std::string(as_text(bytes)); }

std::unexpected<Error> broken(std::string_view what) {
  return fail(Errc::corrupt, fmt::format("an entry of the queue index cannot be read: {}", what));
}

}  // namespace

std::string lane_prefix(const LaneKey& lane) {
  std::string key(kLanesFrom);
  key.push_back(static_cast<char>(kPriorities - 1 - lane.priority));
  put_be(key, static_cast<std::uint16_t>(lane.group.size()));
  key.append(lane.group);
  return key;
}

std::string prefix_end(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xFF) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(prefix.back() + 1);
  return prefix;
}

std::string lane_entry_key(const LaneKey& lane, Offset first) {
  std::string key = lane_prefix(lane);
  put_be(key, first.value());
  return key;
}

std::string encode_runs(const std::vector<Run>& runs) {
  Bytes out;
  put_byte(out, kVersion);
  Offset end = runs.front().first;
  for (const Run& run : runs) {
    put_varint(out, static_cast<std::uint64_t>(run.first - end));
    put_varint(out, run.count);
    put_varint(out, raw(run.sent));
    put_varint(out, raw_optional(run.due));
    put_varint(out, raw_optional(run.expires));
    end = run.first + run.count;
  }
  return to_string(out);
}

Result<LaneEntry> decode_lane_entry(std::string_view key, std::string_view value) {
  constexpr std::size_t kFixed = 1 + 1 + 2;
  if (key.size() < kFixed + 8 || !key.starts_with(kLanesFrom)) return broken("the key of a lane");
  const auto turned = static_cast<std::uint8_t>(key[1]);
  const auto group_size = get_be<std::uint16_t>(key.substr(2));
  if (turned >= kPriorities || key.size() != kFixed + group_size + 8) return broken("the key of a lane");
  LaneEntry entry;
  entry.lane.priority = static_cast<std::uint8_t>(kPriorities - 1 - turned);
  entry.lane.group = std::string(key.substr(kFixed, group_size));
  Offset end(get_be<std::int64_t>(key.substr(kFixed + group_size)));
  BytesReader in(as_bytes(value));
  if (in.byte() != kVersion || end < Offset(0)) return broken("the version of a lane's entry");
  while (!in.at_end()) {
    const std::uint64_t distance = in.varint();
    const std::uint64_t count = in.varint();
    const auto room = static_cast<std::uint64_t>(INT64_MAX - end.value());
    if (!in.ok() || count == 0 || count > UINT32_MAX || count > room || distance > room - count)
      return broken("a run of a lane");
    Run run;
    run.first = end + static_cast<std::int64_t>(distance);
    run.count = static_cast<std::uint32_t>(count);
    run.sent = read_time(in);
    run.due = read_optional_time(in);
    run.expires = read_optional_time(in);
    end = run.first + run.count;
    entry.runs.push_back(run);
  }
  if (!in.ok() || entry.runs.empty()) return broken("the runs of a lane");
  return entry;
}

std::string delay_entry_key(Timestamp due, Offset offset) {
  std::string key(kDelaysFrom);
  put_be(key, due.value());
  put_be(key, offset.value());
  return key;
}

std::string encode_delay_value(const DelayEntry& entry) {
  Bytes out;
  put_byte(out, kVersion);
  put_byte(out, entry.lane.priority);
  put_text(out, entry.lane.group);
  put_varint(out, raw(entry.sent));
  put_varint(out, raw_optional(entry.expires));
  return to_string(out);
}

Result<DelayEntry> decode_delay_entry(std::string_view key, std::string_view value) {
  if (key.size() != 17 || !key.starts_with(kDelaysFrom)) return broken("the key of a delayed message");
  DelayEntry entry;
  entry.due = Timestamp(get_be<std::int64_t>(key.substr(1)));
  entry.offset = Offset(get_be<std::int64_t>(key.substr(9)));
  BytesReader in(as_bytes(value));
  const std::uint8_t version = in.byte();
  entry.lane.priority = in.byte();
  entry.lane.group = std::string(in.text());
  entry.sent = read_time(in);
  entry.expires = read_optional_time(in);
  if (!in.ok() || !in.at_end() || version != kVersion || entry.lane.priority >= kPriorities || entry.offset < Offset(0))
    return broken("a delayed message");
  return entry;
}

std::string encode_mark(const IndexMark& mark) {
  Bytes out;
  put_byte(out, kVersion);
  put_varint(out, static_cast<std::uint64_t>(mark.covered.value()));
  put_varint(out, mark.rewinds);
  return to_string(out);
}

Result<IndexMark> decode_mark(std::string_view value) {
  BytesReader in(as_bytes(value));
  const std::uint8_t version = in.byte();
  const std::uint64_t covered = in.varint();
  const std::uint64_t rewinds = in.varint();
  if (!in.ok() || version != kVersion || covered > static_cast<std::uint64_t>(INT64_MAX)) return broken("its mark");
  return IndexMark{Offset(static_cast<std::int64_t>(covered)), static_cast<std::uint32_t>(rewinds)};
}

}  // namespace leat::queue
