#include <cmath>
#include <cstring>
#include <string>

#include "keyspace/encoding_limits.h"
#include "keyspace/hyper_log_log.h"
#include "keyspace/numbers.h"
#include "protocol/resp/call.h"
#include "protocol/resp/registry.h"

namespace leat::resp {
namespace {

namespace hll = keyspace::hyper_log_log;
using keyspace::Entry;
using keyspace::IntegerText;

constexpr std::string_view kNotOne = "WRONGTYPE Key is not a valid HyperLogLog string value.";
constexpr std::string_view kCorrupt = "INVALIDOBJ Corrupted HLL object detected";

// The bytes of a key; nullopt, and no error: there is none. They last until the key changes.
struct Source {
  bool ok = false;
  std::optional<std::string_view> bytes;
  explicit operator bool() const { return ok; }
};

// When the key holds no HyperLogLog, an error is the reply.
Source source_of(Call& call, const Call::Found<Entry>& found) {
  if (!found) return {};
  if (found.value == nullptr) return {true, std::nullopt};
  // An integer's text is none, either.
  IntegerText buffer;
  const std::string_view bytes = found.value->text(buffer);
  if (!hll::is_valid(bytes)) {
    call.reply.error(kNotOne);
    return {};
  }
  return {true, bytes};
}

void store(Call& call, std::string_view key, std::string_view bytes, bool became_dense) {
  // A dense one does not grow any more: no room is left behind it.
  if (became_dense) {
    call.database.set_text(key, bytes);
  } else {
    std::memcpy(call.database.resize_text(key, bytes.size()), bytes.data(), bytes.size());
  }
}

void tell_added(Call& call, std::string_view key) { call.changed(EventClass::string, "pfadd", key); }

void add_to_dense(Call& call) {
  char* bytes = call.database.resize_text(call[1], hll::kDenseBytes);
  bool raised = false;
  for (const std::string_view element : call.args.subspan(2)) {
    raised |= hll::raise_dense(bytes, hll::mark_of(element)) == hll::Change::raised;
  }
  if (raised) {
    hll::forget_count(bytes);
    tell_added(call, call[1]);
  }
  call.reply.integer(raised ? 1 : 0);
}

void pfadd(Call& call) {
  const std::string_view key = call[1];
  const Source source = source_of(call, call.write_text(key));
  if (!source) return;
  if (source.bytes && hll::is_dense(*source.bytes)) return add_to_dense(call);
  bool raised = !source.bytes;
  std::string bytes = source.bytes ? std::string(*source.bytes) : hll::make_empty();
  bool corrupt = false;
  for (std::size_t i = 2; i < call.size() && !corrupt; ++i) {
    const auto change = hll::raise(bytes, hll::mark_of(call[i]), keyspace::EncodingLimits::hll_sparse_max_bytes);
    raised |= change == hll::Change::raised;
    corrupt = change == hll::Change::corrupt;
  }
  if (raised) {
    hll::forget_count(bytes.data());
    store(call, key, bytes, hll::is_dense(bytes));
    // These words would be refused another time.
    if (corrupt) call.effect({"SET", key, bytes, "KEEPTTL"});
    corrupt ? call.changed(EventClass{}, {}, key) : tell_added(call, key);  // no event for what ends with an error
  }
  if (corrupt) return call.reply.error(kCorrupt);
  call.reply.integer(raised ? 1 : 0);
}

// False: an error is the reply.
bool merge_all(Call& call, hll::Registers& registers, Arguments keys, bool& any_dense) {
  for (const std::string_view key : keys) {
    const Source source = source_of(call, call.read_text(key));
    if (!source) return false;
    if (!source.bytes) continue;
    any_dense |= hll::is_dense(*source.bytes);
    if (!registers.merge(*source.bytes)) {
      call.reply.error(kCorrupt);
      return false;
    }
  }
  return true;
}

// Keeps the count in the string, so that the next time it need not be reckoned.
void count_one(Call& call) {
  const Source source = source_of(call, call.read_text(call[1]));
  if (!source) return;
  if (!source.bytes) return call.reply.integer(0);
  if (const auto kept = hll::kept_count(*source.bytes)) return call.reply.integer(static_cast<std::int64_t>(*kept));
  const auto count = hll::count(*source.bytes);
  if (!count) return call.reply.error(kCorrupt);
  hll::keep_count(call.database.resize_text(call[1], source.bytes->size()), *count);
  call.keyspace.modified(call.database, call[1]);
  call.effect(call.args);
  call.reply.integer(static_cast<std::int64_t>(*count));
}

void pfcount(Call& call) {
  if (call.size() == 2) return count_one(call);
  hll::Registers registers;
  bool any_dense = false;
  if (!merge_all(call, registers, call.args.subspan(1), any_dense)) return;
  call.reply.integer(static_cast<std::int64_t>(registers.count()));
}

void pfmerge(Call& call) {
  const std::string_view target = call[1];
  hll::Registers registers;
  bool any_dense = false;
  if (!merge_all(call, registers, call.args.subspan(1), any_dense)) return;
  const Source source = source_of(call, call.write_text(target));
  if (!source) return;
  std::string bytes = source.bytes ? std::string(*source.bytes) : hll::make_empty();
  const bool was_dense = hll::is_dense(bytes);
  if (any_dense && !hll::make_dense(bytes)) return call.reply.error(kCorrupt);
  for (std::size_t i = 0; i < hll::kRegisters; ++i) {
    if (registers[i] == 0) continue;
    // It was merged, too, so it is sound.
    (void)hll::raise(bytes, {i, registers[i]}, keyspace::EncodingLimits::hll_sparse_max_bytes);
  }
  hll::forget_count(bytes.data());
  store(call, target, bytes, !was_dense && hll::is_dense(bytes));
  call.effect({"SET", target, bytes, "KEEPTTL"});
  tell_added(call, target);
  call.reply.ok();
}

// Whether it changed; nullopt: an error is the reply.
std::optional<bool> make_dense(Call& call, std::string_view key, std::string& bytes) {
  if (hll::is_dense(bytes)) return false;
  if (!hll::make_dense(bytes)) {
    call.reply.error(kCorrupt);
    return std::nullopt;
  }
  store(call, key, bytes, true);
  call.effect({"PFDEBUG", "TODENSE", key});
  return true;
}

void pfdebug(Call& call) {
  const std::string_view key = call[2];
  const auto found = call.database.write(key);
  if (found == nullptr) return call.reply.error("ERR The specified key does not exist");
  const Source source = source_of(call, call.write_text(key));
  if (!source) return;
  std::string bytes(*source.bytes);
  if (call.is(1, "GETREG")) {
    if (!make_dense(call, key, bytes)) return;
    hll::Registers registers;
    (void)registers.merge(bytes);  // dense, so it is sound
    call.reply.array(hll::kRegisters);
    for (std::size_t i = 0; i < hll::kRegisters; ++i) call.reply.integer(registers[i]);
  } else if (call.is(1, "DECODE")) {
    if (hll::is_dense(bytes)) return call.reply.error("ERR HLL encoding is not sparse");
    call.reply.bulk(hll::describe_sparse(bytes));
  } else if (call.is(1, "ENCODING")) {
    call.reply.simple(hll::is_dense(bytes) ? "dense" : "sparse");
  } else if (call.is(1, "TODENSE")) {
    if (const auto changed = make_dense(call, key, bytes)) call.reply.integer(*changed ? 1 : 0);
  } else {
    call.reply.error(fmt::format("ERR Unknown PFDEBUG subcommand '{}'", call[1].substr(0, call[1].find('\0'))));
  }
}

// Counts as many elements as there are digits for, and looks at how far off that is.
void pfselftest(Call& call) {
  constexpr std::uint64_t kElements = 200000;
  constexpr double kErrorMax = 0.05;  // six times the standard error
  std::string bytes = hll::make_empty();
  std::uint64_t next_check = 1;
  for (std::uint64_t i = 1; i <= kElements; ++i) {
    IntegerText buffer;
    const std::string_view element = keyspace::format_integer(static_cast<std::int64_t>(i), buffer);
    (void)hll::raise(bytes, hll::mark_of(element), keyspace::EncodingLimits::hll_sparse_max_bytes);
    if (i != next_check && i != kElements) continue;
    next_check *= 10;
    const auto count = hll::count(bytes);
    hll::Registers registers;
    const bool merged = registers.merge(bytes);
    const double error = count ? std::abs(static_cast<double>(*count) - static_cast<double>(i)) : kElements;
    if (!merged || registers.count() != count || error > std::ceil(kErrorMax * static_cast<double>(i))) {
      return call.reply.error(fmt::format("TESTFAILED {} elements are counted as {}", i, count.value_or(0)));
    }
  }
  call.reply.ok();
}

constexpr KeySpec kPfmergeKeys[] = {{.flags = kKeyRw | kKeyAccess | kKeyInsert, .index = 1},
                                    {.flags = kKeyRo | kKeyAccess, .index = 2, .last = -1}};

constexpr Command kHyperloglogCommands[] = {
    {.name = "pfadd",
     .handler = pfadd,
     .arity = -2,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kHyperLogLog,
     .keys = kRange < kKeyRw | kKeyInsert >
     , .group = "hyperloglog", .since = "2.8.9", .summary = "Adds elements to a HyperLogLog.", .complexity = "O(1)"},
    {.name = "pfcount",
     .handler = pfcount,
     .arity = -2,
     .flags = kReadonly,
     .categories = kHyperLogLog,
     .keys = kRange < kKeyRw | kKeyAccess,
     1,
     -1 >,
     .group = "hyperloglog",
     .since = "2.8.9",
     .summary = "Estimates how many different elements were added.",
     .complexity = "O(1)"},
    {.name = "pfdebug",
     .handler = pfdebug,
     .arity = 3,
     .flags = kWrite | kDenyOom | kAdmin,
     .categories = kHyperLogLog,
     .keys = kRange < kKeyRw | kKeyAccess,
     2 >
     , .group = "hyperloglog", .since = "2.8.9", .summary = "Shows the inside of a HyperLogLog.", .complexity = "N/A"},
    {.name = "pfmerge",
     .handler = pfmerge,
     .arity = -2,
     .flags = kWrite | kDenyOom,
     .categories = kHyperLogLog,
     .keys = kPfmergeKeys,
     .group = "hyperloglog",
     .since = "2.8.9",
     .summary = "Adds to a HyperLogLog all elements of others.",
     .complexity = "O(N)"},
    {.name = "pfselftest",
     .handler = pfselftest,
     .arity = 1,
     .flags = kAdmin,
     .categories = kHyperLogLog,
     .group = "hyperloglog",
     .since = "2.8.9",
     .summary = "Checks that HyperLogLogs count well.",
     .complexity = "N/A"},
};

}  // namespace

std::span<const Command> hyperloglog_commands() { return kHyperloglogCommands; }

}  // namespace leat::resp
