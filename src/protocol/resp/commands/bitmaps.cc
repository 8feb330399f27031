#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "keyspace/bits.h"
#include "keyspace/numbers.h"
#include "protocol/resp/commands/bit_place.h"
#include "protocol/resp/registry.h"

namespace leat::resp {
namespace {

namespace bits = keyspace::bits;
using keyspace::Entry;
using keyspace::IntegerText;

void setbit(Call& call) {
  constexpr std::string_view kNoBit = "ERR bit is not an integer or out of range";
  const auto bit = parse_bit_offset(call, 2);
  if (!bit) return;
  const auto value = call.integer(3, kNoBit);
  if (!value) return;
  if (*value != 0 && *value != 1) return call.reply.error(kNoBit);
  const auto place = open_for_bits(call, *bit);
  if (!place) return;
  const bool old = bits::get({place->bytes, place->size}, *bit);
  if (place->grown || old != (*value == 1)) {
    bits::set(place->bytes, *bit, *value == 1);
    call.changed(EventClass::string, "setbit", call[1]);
  }
  call.reply.integer(old ? 1 : 0);
}

void getbit(Call& call) {
  const auto bit = parse_bit_offset(call, 2);
  if (!bit) return;
  const auto found = call.read_text(call[1]);
  if (!found) return;
  IntegerText buffer;
  const std::string_view text = found.value == nullptr ? std::string_view() : found.value->text(buffer);
  call.reply.integer(*bit / 8 < text.size() && bits::get(text, *bit) ? 1 : 0);
}

// Bits [from, to) of a string, by a first and last index of bytes or bits: negative ones count from the end.
struct BitRange {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
};

BitRange bit_range(std::size_t text_size, std::int64_t first, std::int64_t last, bool by_bits) {
  const auto total = static_cast<std::int64_t>(by_bits ? text_size * 8 : text_size);
  first = std::max<std::int64_t>(first < 0 ? first + total : first, 0);
  last = std::min(std::max<std::int64_t>(last < 0 ? last + total : last, 0), total - 1);
  if (first > last) return {};
  const std::uint64_t unit = by_bits ? 1 : 8;
  return {static_cast<std::uint64_t>(first) * unit, (static_cast<std::uint64_t>(last) + 1) * unit};
}

// BIT or BYTE; when it is neither, a syntax error is the reply.
std::optional<bool> parse_by_bits(Call& call, std::size_t index) {
  if (call.is(index, "BIT")) return true;
  if (call.is(index, "BYTE")) return false;
  call.reply.error(errors::kSyntax);
  return std::nullopt;
}

void bitcount(Call& call) {
  const auto found = call.read_text(call[1]);
  if (!found) return;
  if (found.value == nullptr) return call.reply.integer(0);
  IntegerText buffer;
  const std::string_view text = found.value->text(buffer);
  if (call.size() == 2) return call.reply.integer(static_cast<std::int64_t>(bits::count(text)));
  if (call.size() != 4 && call.size() != 5) return call.reply.error(errors::kSyntax);
  const auto first = call.integer(2);
  if (!first) return;
  const auto last = call.integer(3);
  if (!last) return;
  if (*first < 0 && *last < 0 && *first > *last) return call.reply.integer(0);
  bool by_bits = false;
  if (call.size() == 5) {
    const auto unit = parse_by_bits(call, 4);
    if (!unit) return;
    by_bits = *unit;
  }
  const BitRange range = bit_range(text.size(), *first, *last, by_bits);
  call.reply.integer(static_cast<std::int64_t>(bits::count(text, range.from, range.to)));
}

void bitpos(Call& call) {
  const auto value = call.integer(2);
  if (!value) return;
  if (*value != 0 && *value != 1) return call.reply.error("ERR The bit argument must be 1 or 0.");
  const auto found = call.read_text(call[1]);
  if (!found) return;
  // A key that is not there is zeros without an end.
  if (found.value == nullptr) return call.reply.integer(*value == 1 ? -1 : 0);
  if (call.size() > 6) return call.reply.error(errors::kSyntax);
  IntegerText buffer;
  const std::string_view text = found.value->text(buffer);
  std::optional<std::int64_t> first = 0;
  std::optional<std::int64_t> last = -1;
  bool by_bits = false;
  if (call.size() > 3 && !(first = call.integer(3))) return;
  if (call.size() > 5) {
    const auto unit = parse_by_bits(call, 5);
    if (!unit) return;
    by_bits = *unit;
  }
  if (call.size() > 4 && !(last = call.integer(4))) return;
  const BitRange range = bit_range(text.size(), *first, *last, by_bits);
  if (range.from >= range.to) return call.reply.integer(-1);
  const std::uint64_t bit = bits::find(text, *value == 1, range.from, range.to);
  if (bit != bits::kNone) return call.reply.integer(static_cast<std::int64_t>(bit));
  // Without an end, zeros are thought behind the last byte.
  const bool is_behind = *value == 0 && call.size() < 5;
  call.reply.integer(is_behind ? static_cast<std::int64_t>(text.size() * 8) : -1);
}

enum class Operation { conjunction, disjunction, difference, complement };

std::optional<Operation> parse_operation(Call& call) {
  if (call.is(1, "AND")) return Operation::conjunction;
  if (call.is(1, "OR")) return Operation::disjunction;
  if (call.is(1, "XOR")) return Operation::difference;
  if (call.is(1, "NOT")) return Operation::complement;
  call.reply.error(errors::kSyntax);
  return std::nullopt;
}

// Combines what there is with one more string, which is not longer: behind its end it is zeros.
void combine(Operation operation, std::string& result, std::string_view source) {
  char* to = result.data();
  const char* from = source.data();
  const std::size_t size = source.size();
  switch (operation) {
    case Operation::conjunction:
      for (std::size_t i = 0; i < size; ++i) to[i] = static_cast<char>(to[i] & from[i]);
      std::fill(to + size, to + result.size(), '\0');
      return;
    case Operation::disjunction:
      for (std::size_t i = 0; i < size; ++i) to[i] = static_cast<char>(to[i] | from[i]);
      return;
    case Operation::difference:
      for (std::size_t i = 0; i < size; ++i) to[i] = static_cast<char>(to[i] ^ from[i]);
      return;
    case Operation::complement:
      for (std::size_t i = 0; i < size; ++i) to[i] = static_cast<char>(~to[i]);
      return;
  }
}

// A key that is not there is an empty string; nullopt: one is not a string, which is the reply.
std::optional<std::string> combined(Call& call, Operation operation) {
  std::vector<const Entry*> sources;
  std::size_t size = 0;
  for (const std::string_view key : call.args.subspan(3)) {
    const auto found = call.read_text(key);
    if (!found) return std::nullopt;
    sources.push_back(found.value);
    if (found.value != nullptr) size = std::max(size, found.value->text_size());
  }
  std::string result;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    IntegerText buffer;
    const std::string_view text = sources[i] == nullptr ? std::string_view() : sources[i]->text(buffer);
    if (i == 0) result.assign(text).resize(size);
    if (i > 0 || operation == Operation::complement) combine(operation, result, text);
  }
  return result;
}

void bitop(Call& call) {
  const auto operation = parse_operation(call);
  if (!operation) return;
  if (*operation == Operation::complement && call.size() != 4) {
    return call.reply.error("ERR BITOP NOT must be called with a single source key.");
  }
  const auto result = combined(call, *operation);
  if (!result) return;
  const std::string_view target = call[2];
  if (!result->empty()) {
    if (call.database.peek(target) != nullptr) {  // overwritten, which is not a new key
      call.database.clear_expiry(call.database.set_plain_text(target, {}));
    }
    std::memcpy(call.database.resize_text(target, result->size()), result->data(), result->size());
    call.effect({"SET", target, *result});
    call.changed(EventClass::string, "set", target);
  } else if (Entry* entry = call.database.peek(target)) {
    call.database.erase(*entry);
    call.effect({"DEL", target});
    call.changed(EventClass::generic, "del", target);
  }
  call.reply.integer(static_cast<std::int64_t>(result->size()));
}

constexpr KeySpec kBitopKeys[] = {{.flags = kKeyOw | kKeyUpdate, .index = 2},
                                  {.flags = kKeyRo | kKeyAccess, .index = 3, .last = -1}};

constexpr Command kBitmapCommands[] = {
    {.name = "bitcount",
     .handler = bitcount,
     .arity = -2,
     .flags = kReadonly,
     .categories = kBitmap,
     .keys = kRange < kKeyRo | kKeyAccess >
     , .group = "bitmap", .since = "2.6.0", .summary = "Counts the ones in a string.", .complexity = "O(N)"},
    {.name = "bitfield",
     .handler = bitfield,
     .arity = -2,
     .flags = kWrite | kDenyOom,
     .categories = kBitmap,
     .keys = kRange < kKeyRw | kKeyAccess | kKeyUpdate | kKeyVariableFlags >,
     .group = "bitmap",
     .since = "3.2.0",
     .summary = "Reads and changes integers of any width within a string.",
     .complexity = "O(1)"},
    {.name = "bitfield_ro",
     .handler = bitfield_ro,
     .arity = -2,
     .flags = kReadonly | kFast,
     .categories = kBitmap,
     .keys = kRange < kKeyRo | kKeyAccess >,
     .group = "bitmap",
     .since = "6.0.0",
     .summary = "Reads integers of any width within a string.",
     .complexity = "O(1)"},
    {.name = "bitop",
     .handler = bitop,
     .arity = -4,
     .flags = kWrite | kDenyOom,
     .categories = kBitmap,
     .keys = kBitopKeys,
     .group = "bitmap",
     .since = "2.6.0",
     .summary = "Combines strings bit by bit and stores the result.",
     .complexity = "O(N)"},
    {.name = "bitpos",
     .handler = bitpos,
     .arity = -3,
     .flags = kReadonly,
     .categories = kBitmap,
     .keys = kRange < kKeyRo | kKeyAccess >,
     .group = "bitmap",
     .since = "2.8.7",
     .summary = "Finds the first one or zero in a string.",
     .complexity = "O(N)"},
    {.name = "getbit",
     .handler = getbit,
     .arity = 3,
     .flags = kReadonly | kFast,
     .categories = kBitmap,
     .keys = kRange < kKeyRo | kKeyAccess >
     , .group = "bitmap", .since = "2.2.0", .summary = "Returns a bit of a string.", .complexity = "O(1)"},
    {.name = "setbit",
     .handler = setbit,
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .categories = kBitmap,
     .keys = kRange < kKeyRw | kKeyAccess | kKeyUpdate >,
     .group = "bitmap",
     .since = "2.2.0",
     .summary = "Sets a bit of a string and returns what it was.",
     .complexity = "O(1)"},
};

}  // namespace

std::span<const Command> bitmap_commands() { return kBitmapCommands; }

}  // namespace leat::resp
