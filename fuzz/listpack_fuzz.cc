#include <cstdio>
#include <cstdlib>

#include "keyspace/listpack.h"

// Any bytes are refused as a listpack, or are one: the same entries both ways, found again, and each can go.
namespace leat::keyspace {
namespace {

using Position = Listpack::Position;

void must(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "not true: %s\n", what);
  std::abort();
}

void check(std::string_view bytes) {
  auto adopted = Listpack::validate_and_adopt(bytes);
  if (!adopted) return;
  std::vector<Position> positions;
  IntegerText buffer;
  for (Position at = adopted->first(); at != Listpack::kNone; at = adopted->next(at)) positions.push_back(at);
  must(positions.size() == adopted->size(), "its size is the count of its entries");
  std::size_t left = positions.size();
  for (Position at = adopted->last(); at != Listpack::kNone; at = adopted->previous(at)) {
    must(left > 0 && positions[--left] == at, "the way back is the way");
  }
  must(left == 0, "the way back ends at the first");
  Listpack copy;
  for (const Position at : positions) copy.push_back(text(adopted->at(at), buffer));
  must(copy.size() == positions.size(), "its texts make a listpack");
  must(Listpack::validate_and_adopt(copy.bytes()).has_value(), "what is written is sound");
  if (positions.empty()) return;
  const std::string first(text(copy.at(copy.first()), buffer));
  must(copy.find(first, copy.first()) == copy.first(), "the first is found");
  for (std::size_t i = 0; !adopted->empty(); ++i) {
    adopted->erase(adopted->seek(static_cast<std::int64_t>(i % adopted->size())), 1 + i % 3);
    must(Listpack::validate_and_adopt(adopted->bytes()).has_value(), "what is left is sound");
    if (i > 64) break;
  }
}

}  // namespace
}  // namespace leat::keyspace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  leat::keyspace::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
