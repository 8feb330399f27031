#include "keyspace/dump.h"

#include <isa-l.h>

#include <bit>
#include <cstring>

#include "keyspace/database.h"
#include "keyspace/dump_codec.h"
#include "keyspace/hash.h"
#include "keyspace/list.h"
#include "keyspace/set.h"
#include "keyspace/stream_dump.h"
#include "keyspace/zset.h"

namespace leat::keyspace {
namespace {

constexpr std::uint16_t kVersion = 10;  // Redis 7.0
constexpr std::uint16_t kVersionOfTimes = 12;
constexpr std::size_t kFooterBytes = sizeof(std::uint16_t) + sizeof(std::uint64_t);
constexpr std::uint64_t kChunkIsListpack = 2;

static_assert(std::endian::native == std::endian::little);

void write_type(std::string& out, DumpType type) { out += static_cast<char>(type); }

void write_text(const Entry& entry, std::string& out) {
  write_type(out, DumpType::string);
  DumpWriter writer(out);
  if (entry.encoding() == Entry::Encoding::integer) return writer.integer_text(entry.integer());
  IntegerText buffer;
  writer.text(entry.text(buffer));
}

void write_list(const List& list, std::string& out) {
  write_type(out, DumpType::list_listpacks);
  DumpWriter writer(out);
  writer.length(list.chunks());
  list.for_each_chunk([&](std::string_view listpack) {
    writer.length(kChunkIsListpack);
    writer.text(listpack);
  });
}

void write_set(Set& set, std::string& out) {
  DumpWriter writer(out);
  if (const IntSet* integers = set.integers()) {
    write_type(out, DumpType::set_int_set);
    return writer.text(integers->bytes());
  }
  write_type(out, DumpType::set);
  writer.length(set.size());
  set.for_each([&](Element member) { writer.text(member.string()); });
}

void write_zset(const ZSet& zset, std::string& out) {
  DumpWriter writer(out);
  if (const Listpack* pairs = zset.listpack()) {
    write_type(out, DumpType::zset_listpack);
    return writer.text(pairs->bytes());
  }
  write_type(out, DumpType::zset);
  writer.length(zset.size());
  zset.for_each({.first = 0, .end = zset.size()}, true, [&](Element member, double score) {
    writer.text(member.string());
    writer.real(score);
  });
}

// The times are counted from the earliest, which is 1; a field without one has 0.
void write_hash_with_times(Hash& hash, std::string& out) {
  const Millis earliest = *hash.next_expiry();
  write_type(out, DumpType::hash_with_times);
  DumpWriter writer(out);
  writer.millis(earliest);
  writer.length(hash.size());
  hash.for_each([&](Element field, Element value) {
    IntegerText field_buffer;
    IntegerText value_buffer;
    const std::string_view name = text(field, field_buffer);
    const auto when = hash.expiry(name);
    writer.length(when ? static_cast<std::uint64_t>(*when - earliest) + 1 : 0);
    writer.text(name);
    writer.text(text(value, value_buffer));
  });
}

void write_hash(Hash& hash, std::string& out) {
  if (hash.next_expiry()) return write_hash_with_times(hash, out);
  DumpWriter writer(out);
  if (const Listpack* pairs = hash.listpack()) {
    write_type(out, DumpType::hash_listpack);
    return writer.text(pairs->bytes());
  }
  write_type(out, DumpType::hash);
  writer.length(hash.size());
  hash.for_each([&](Element field, Element value) {
    writer.text(field.string());
    writer.text(value.string());
  });
}

template <class T>
T load_at(std::string_view bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

template <class T>
void append(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace

// The library's function begins and ends with all bits turned over, which is undone here.
std::uint64_t dump_checksum(std::string_view bytes) {
  return ~crc64_jones_refl(~std::uint64_t{0}, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

std::string dump(const Entry& entry) {
  std::string out;
  switch (entry.type()) {
    case Type::string: write_text(entry, out); break;
    case Type::list: write_list(entry.value<List>(), out); break;
    case Type::set: write_set(entry.value<Set>(), out); break;
    case Type::zset: write_zset(entry.value<ZSet>(), out); break;
    case Type::hash: write_hash(entry.value<Hash>(), out); break;
    case Type::stream: dump_stream(entry.value<Stream>(), out); break;
  }
  const bool has_times = static_cast<DumpType>(out.front()) == DumpType::hash_with_times;
  append(out, has_times ? kVersionOfTimes : kVersion);
  append(out, dump_checksum(out));
  return out;
}

bool is_dump(std::string_view payload) {
  if (payload.size() < kFooterBytes) return false;
  const std::size_t checksum_at = payload.size() - sizeof(std::uint64_t);
  return load_at<std::uint16_t>(payload, payload.size() - kFooterBytes) <= kVersionOfTimes &&
         load_at<std::uint64_t>(payload, checksum_at) == dump_checksum(payload.substr(0, checksum_at));
}

}  // namespace leat::keyspace
