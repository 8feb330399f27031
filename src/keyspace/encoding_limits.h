#pragma once

#include <cstddef>
#include <cstdint>

namespace leat::keyspace {

// Up to where values are kept in their compact forms, by the names of Redis's settings; CONFIG SET changes them. They are
// looked at when a value grows: what is there keeps its form. Only the owner's thread uses them.
struct EncodingLimits {
  inline static std::size_t hash_max_listpack_entries = 512;
  inline static std::size_t hash_max_listpack_value = 64;
  inline static std::size_t set_max_intset_entries = 512;
  inline static std::size_t zset_max_listpack_entries = 128;
  inline static std::size_t zset_max_listpack_value = 64;
  // Negative: -1 to -5 are 4, 8, 16, 32 and 64 KiB; positive: a count of elements.
  inline static std::int64_t list_max_listpack_size = -2;
  inline static std::int64_t list_compress_depth = 0;
  inline static std::size_t stream_node_max_bytes = 4096;
  inline static std::size_t stream_node_max_entries = 100;
  inline static std::size_t hll_sparse_max_bytes = 3000;
};

}  // namespace leat::keyspace
