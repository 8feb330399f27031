#include <cstdio>
#include <cstdlib>

#include "keyspace/int_set.h"

// Any bytes are refused as an intset, or are one: in order, found, and each integer can go.
namespace leat::keyspace {
namespace {

void must(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "not true: %s\n", what);
  std::abort();
}

void check(std::string_view bytes) {
  auto adopted = IntSet::validate_and_adopt(bytes);
  if (!adopted) return;
  must(adopted->bytes() == bytes && !adopted->empty(), "it is what was given");
  for (std::size_t i = 0; i < adopted->size(); ++i) {
    must(i == 0 || adopted->at(i - 1) < adopted->at(i), "in order");
    must(adopted->contains(adopted->at(i)) && !adopted->add(adopted->at(i)), "each is there");
  }
  for (std::size_t i = 0; i < 64 && !adopted->empty(); ++i) {
    const std::int64_t value = adopted->at(i % adopted->size());
    must(adopted->remove(value) && !adopted->contains(value), "each can go");
  }
}

}  // namespace
}  // namespace leat::keyspace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  leat::keyspace::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
