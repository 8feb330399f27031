#include <cstdio>
#include <cstdlib>

#include "keyspace/dump.h"
#include "keyspace/keyspace.h"

// Any bytes are refused as a dumped value, or are one, which dumped again is taken again and is then the same bytes.
namespace leat::keyspace {
namespace {

struct Silent : Observer {
  void modified(Database& /*database*/, std::string_view /*key*/) override {}
  void removed(Database& /*database*/, std::string_view /*key*/, Removal /*why*/) override {}
};

void must(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "not true: %s\n", what);
  std::abort();
}

std::string dump_loaded(Database& database, Loaded loaded) {
  if (loaded.value) {
    database.put("k", std::move(loaded.value));
  } else {
    database.set_text("k", loaded.text);
  }
  // The times of its fields are before no present: they all stay.
  return dump(*database.table().peek("k"));
}

// What the input lacks: a version, and the checksum.
void check(std::string_view body) {
  std::string payload(body);
  payload += std::string("\x0a\0", 2);
  const std::uint64_t checksum = dump_checksum(payload);
  payload.append(reinterpret_cast<const char*>(&checksum), sizeof checksum);
  must(is_dump(payload), "the checksum is right");
  auto loaded = load_dump(payload);
  if (!loaded) return;
  Silent silent;
  Keyspace keyspace(1, 1, silent);
  Database& database = keyspace.database(0);
  const std::string first = dump_loaded(database, std::move(*loaded));
  must(is_dump(first), "what is dumped has the right checksum");
  auto again = load_dump(first);
  must(again.has_value(), "what is dumped can be loaded");
  const std::string second = dump_loaded(database, std::move(*again));
  must(first.size() == second.size(), "the same value makes as many bytes");
}

}  // namespace
}  // namespace leat::keyspace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  leat::keyspace::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
