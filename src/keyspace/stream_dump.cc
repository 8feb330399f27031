#include "keyspace/stream_dump.h"

#include <bit>
#include <cstring>

#include "keyspace/stream.h"

namespace leat::keyspace {
namespace {

using RawId = char[16];

static_assert(std::endian::native == std::endian::little);

std::string_view raw_id(StreamId id, RawId& buffer) {
  const std::uint64_t words[] = {__builtin_bswap64(id.ms), __builtin_bswap64(id.sequence)};
  static_assert(sizeof words == sizeof buffer);
  std::memcpy(buffer, words, sizeof words);
  return {buffer, sizeof buffer};
}

void write_raw(DumpWriter& writer, StreamId id) {
  writer.millis(static_cast<std::int64_t>(__builtin_bswap64(id.ms)));
  writer.millis(static_cast<std::int64_t>(__builtin_bswap64(id.sequence)));
}

void write_lengths(DumpWriter& writer, StreamId id) {
  writer.length(id.ms);
  writer.length(id.sequence);
}

void write_group(DumpWriter& writer, std::string_view name, const StreamGroup& group) {
  writer.text(name);
  write_lengths(writer, group.last_delivered);
  writer.length(static_cast<std::uint64_t>(group.entries_read));
  writer.length(group.pending().size());
  for (const auto& [id, entry] : group.pending()) {
    write_raw(writer, id);
    writer.millis(entry.delivered_at);
    writer.length(entry.deliveries);
  }
  writer.length(group.consumers().size());
  for (const auto& [consumer_name, consumer] : group.consumers()) {
    writer.text(consumer_name);
    writer.millis(consumer.seen_at);
    writer.length(consumer.pending.size());
    for (const auto* entry : consumer.pending) write_raw(writer, entry->first);
  }
}

std::optional<StreamId> read_raw(DumpReader& from) {
  const auto ms = from.millis();
  const auto sequence = ms ? from.millis() : std::nullopt;
  if (!sequence) return std::nullopt;
  return StreamId{__builtin_bswap64(static_cast<std::uint64_t>(*ms)),
                  __builtin_bswap64(static_cast<std::uint64_t>(*sequence))};
}

std::optional<StreamId> read_lengths(DumpReader& from) {
  const auto ms = from.length();
  const auto sequence = ms ? from.length() : std::nullopt;
  if (!sequence) return std::nullopt;
  return StreamId{*ms, *sequence};
}

bool load_block(DumpReader& from, Stream& stream) {
  std::string id_buffer;
  std::string buffer;
  const auto raw = from.text(id_buffer);
  if (!raw || raw->size() != sizeof(RawId)) return false;
  DumpReader id_reader(*raw);
  const auto id = read_raw(id_reader);
  const auto bytes = from.text(buffer);
  if (!id || !bytes) return false;
  auto block = StreamBlock::validate_and_adopt(*id, *bytes);
  return block && stream.add_block(std::move(*block));
}

// What is pending in a group, by id, until the consumers tell whose it is.
using Unowned = std::map<StreamId, PendingEntry>;

std::optional<Unowned> load_pending(DumpReader& from) {
  const auto count = from.length();
  if (!count) return std::nullopt;
  Unowned pending;
  for (std::uint64_t i = 0; i < *count; ++i) {
    const auto id = read_raw(from);
    const auto delivered_at = id ? from.millis() : std::nullopt;
    const auto deliveries = delivered_at ? from.length() : std::nullopt;
    if (!deliveries) return std::nullopt;
    const PendingEntry entry{.delivered_at = *delivered_at, .deliveries = *deliveries};
    if (!pending.emplace(*id, entry).second) return std::nullopt;
  }
  return pending;
}

bool load_consumer(DumpType type, DumpReader& from, StreamGroup& group, Unowned& pending) {
  std::string buffer;
  const auto name = from.text(buffer);
  const auto seen_at = name ? from.millis() : std::nullopt;
  // When it was last active is not kept.
  if (!seen_at || (type == DumpType::stream_3 && !from.millis())) return false;
  if (group.find(*name) != nullptr) return false;
  StreamGroup::Consumer& consumer = group.create(*name, *seen_at);
  const auto count = from.length();
  if (!count) return false;
  for (std::uint64_t i = 0; i < *count; ++i) {
    const auto id = read_raw(from);
    const auto found = id ? pending.find(*id) : pending.end();
    if (found == pending.end()) return false;
    PendingEntry& entry = group.assign(*id, consumer).second;
    entry.delivered_at = found->second.delivered_at;
    entry.deliveries = found->second.deliveries;
    pending.erase(found);
  }
  return true;
}

bool load_group(DumpType type, DumpReader& from, Stream& stream) {
  std::string buffer;
  const auto name = from.text(buffer);
  const auto last = name ? read_lengths(from) : std::nullopt;
  if (!last) return false;
  std::int64_t read = stream.count_up_to(*last);
  if (type != DumpType::stream_1) {
    const auto told = from.length();
    if (!told) return false;
    read = static_cast<std::int64_t>(*told);
  }
  if (read < StreamGroup::kUnknown || !stream.create_group(*name, *last, read)) return false;
  StreamGroup& group = *stream.group(*name);
  auto pending = load_pending(from);
  const auto consumers = pending ? from.length() : std::nullopt;
  if (!consumers) return false;
  for (std::uint64_t i = 0; i < *consumers; ++i) {
    if (!load_consumer(type, from, group, *pending)) return false;
  }
  return pending->empty();
}

// What older versions do not tell follows from the entries.
bool load_totals(DumpType type, DumpReader& from, Stream& stream) {
  const auto size = from.length();
  const auto last = size ? read_lengths(from) : std::nullopt;
  if (!last || *size != stream.size() || *last < stream.last_id()) return false;
  stream.set_last_id(*last);
  stream.set_entries_added(*size);
  if (type == DumpType::stream_1) return true;
  const auto first = read_lengths(from);
  const auto max_deleted = first ? read_lengths(from) : std::nullopt;
  const auto added = max_deleted ? from.length() : std::nullopt;
  constexpr auto kAddedMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (!added || *added > kAddedMax || *added < *size) return false;
  stream.set_max_deleted_id(*max_deleted);
  stream.set_entries_added(*added);
  return true;
}

}  // namespace

void dump_stream(const Stream& stream, std::string& out) {
  out += static_cast<char>(DumpType::stream_2);
  DumpWriter writer(out);
  writer.length(stream.blocks().size());
  for (const StreamBlock& block : stream.blocks()) {
    RawId buffer;
    writer.text(raw_id(block.id(), buffer));
    writer.text(block.listpack().bytes());
  }
  writer.length(stream.size());
  write_lengths(writer, stream.last_id());
  write_lengths(writer, stream.first_id());
  write_lengths(writer, stream.max_deleted_id());
  writer.length(stream.entries_added());
  writer.length(stream.groups().size());
  for (const auto& [name, group] : stream.groups()) write_group(writer, name, group);
}

std::optional<Stream> load_stream(DumpType type, DumpReader& from) {
  Stream stream;
  const auto blocks = from.length();
  if (!blocks) return std::nullopt;
  for (std::uint64_t i = 0; i < *blocks; ++i) {
    if (!load_block(from, stream)) return std::nullopt;
  }
  if (!load_totals(type, from, stream)) return std::nullopt;
  const auto groups = from.length();
  if (!groups) return std::nullopt;
  for (std::uint64_t i = 0; i < *groups; ++i) {
    if (!load_group(type, from, stream)) return std::nullopt;
  }
  return stream;
}

}  // namespace leat::keyspace
