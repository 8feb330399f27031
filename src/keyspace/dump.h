#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "keyspace/entry.h"

// Values as DUMP gives and RESTORE takes them: one value of Redis's RDB format, its version, and a checksum
// (https://redis.io/commands/dump/). What is written is read by Redis 7.0, but for hashes whose fields expire, which need 7.4.
namespace leat::keyspace {

// What a dumped value begins with: how it is written.
enum class DumpType : std::uint8_t {
  string = 0,
  list = 1,
  set = 2,
  zset_texts = 3,  // scores are decimal texts
  hash = 4,
  zset = 5,
  hash_zipmap = 9,
  list_ziplist = 10,
  set_int_set = 11,
  zset_ziplist = 12,
  hash_ziplist = 13,
  list_ziplists = 14,
  stream_1 = 15,
  hash_listpack = 16,
  zset_listpack = 17,
  list_listpacks = 18,
  stream_2 = 19,
  stream_3 = 21,
  hash_with_times = 24,
  hash_listpack_with_times = 25,
};

[[nodiscard]] std::string dump(const Entry& entry);

// Whether the payload ends in a version that can be read and the right checksum.
[[nodiscard]] bool is_dump(std::string_view payload);

// What is in no database yet.
struct Loaded {
  std::string text;  // of a string
  Value value;       // of others, never empty; a string has none
};
// The value of a payload for which is_dump() is true, but which may still come from anyone. Error: corrupt.
[[nodiscard]] Result<Loaded> load_dump(std::string_view payload);

// As Redis computes it, polynomial 0xad93d23594c935a9.
[[nodiscard]] std::uint64_t dump_checksum(std::string_view bytes);

}  // namespace leat::keyspace
