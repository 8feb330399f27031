#include <cstdio>
#include <cstdlib>

#include "keyspace/hyper_log_log.h"

// Any bytes are refused as a HyperLogLog, or can be counted, merged and added to; and all ways to read them agree.
namespace leat::keyspace {
namespace {

namespace hll = hyper_log_log;

void must(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "not true: %s\n", what);
  std::abort();
}

void check(std::string_view bytes) {
  if (!hll::is_valid(bytes)) return;
  (void)hll::kept_count(bytes);
  if (!hll::is_dense(bytes)) (void)hll::describe_sparse(bytes);
  const auto count = hll::count(bytes);
  hll::Registers registers;
  must(registers.merge(bytes) == count.has_value(), "what can be counted can be merged");
  std::string dense(bytes);
  must(hll::make_dense(dense) == count.has_value(), "what can be counted can be made dense");
  if (count) {
    must(registers.count() == *count, "the registers are counted like the bytes");
    must(hll::is_dense(dense) && hll::count(dense) == *count, "dense bytes are counted like sparse ones");
  }

  std::string added(bytes);
  for (std::size_t i = 0; i < 100; ++i) {
    const hll::Mark mark{i * 977 % hll::kRegisters, static_cast<std::uint8_t>(1 + i % 51)};
    const auto change = hll::raise(added, mark, 3000);
    must(hll::is_valid(added), "it stays a HyperLogLog");
    must(!count || change != hll::Change::corrupt, "a sound one can be added to");
    must(count.has_value() == hll::count(added).has_value(), "a sound one stays sound, and no other becomes it");
    must(change == hll::Change::corrupt || hll::raise(added, mark, 3000) != hll::Change::raised, "added once");
  }
}

}  // namespace
}  // namespace leat::keyspace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  leat::keyspace::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
