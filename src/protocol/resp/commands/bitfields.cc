#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "keyspace/bits.h"
#include "keyspace/numbers.h"
#include "protocol/resp/commands/bit_place.h"

// BITFIELD: integers of any width at any bit of a string.
namespace leat::resp {
namespace {

namespace bits = keyspace::bits;

enum class Overflow { wrap, saturate, fail };

struct Field {
  std::uint64_t bit = 0;
  unsigned width = 0;
  bool is_signed = false;
};

struct Step {
  enum class Kind { get, set, increment };
  Kind kind = Kind::get;
  Field field;
  Overflow overflow = Overflow::wrap;
  std::int64_t operand = 0;
};

// Such as i16 or u8. False: an error is the reply.
bool parse_type(Call& call, std::size_t index, Field& field) {
  // Up to a zero byte, as Redis does.
  const std::string_view text = call[index].substr(0, call[index].find('\0'));
  const bool known = text.starts_with('i') || text.starts_with('u');
  const auto width = known ? keyspace::parse_integer(text.substr(1)) : std::nullopt;
  field.is_signed = text.starts_with('i');
  if (!width || *width < 1 || *width > (field.is_signed ? 64 : 63)) {
    call.reply.error(
        "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.");
    return false;
  }
  field.width = static_cast<unsigned>(*width);
  return true;
}

bool parse_overflow(Call& call, std::size_t index, Overflow& overflow) {
  if (call.is(index, "WRAP")) {
    overflow = Overflow::wrap;
  } else if (call.is(index, "SAT")) {
    overflow = Overflow::saturate;
  } else if (call.is(index, "FAIL")) {
    overflow = Overflow::fail;
  } else {
    call.reply.error("ERR Invalid OVERFLOW type specified");
    return false;
  }
  return true;
}

// False: an error is the reply.
bool parse_steps(Call& call, std::vector<Step>& steps) {
  Overflow overflow = Overflow::wrap;
  for (std::size_t i = 2; i < call.size();) {
    const std::size_t left = call.size() - i - 1;
    Step step{.overflow = overflow};
    if (call.is(i, "GET") && left >= 2) {
      step.kind = Step::Kind::get;
    } else if (call.is(i, "SET") && left >= 3) {
      step.kind = Step::Kind::set;
    } else if (call.is(i, "INCRBY") && left >= 3) {
      step.kind = Step::Kind::increment;
    } else if (call.is(i, "OVERFLOW") && left >= 1) {
      if (!parse_overflow(call, i + 1, overflow)) return false;
      i += 2;
      continue;
    } else {
      call.reply.error(errors::kSyntax);
      return false;
    }
    if (!parse_type(call, i + 1, step.field)) return false;
    const auto bit = parse_bit_offset(call, i + 2, step.field.width);
    if (!bit) return false;
    step.field.bit = *bit;
    if (step.kind != Step::Kind::get) {
      const auto operand = call.integer(i + 3);
      if (!operand) return false;
      step.operand = *operand;
    }
    i += step.kind == Step::Kind::get ? 3 : 4;
    steps.push_back(step);
  }
  return true;
}

// The integer of that width that the lowest bits of `value` are.
std::int64_t cut(std::uint64_t value, const Field& field) {
  const unsigned unused = 64 - field.width;
  if (field.is_signed) return static_cast<std::int64_t>(value << unused) >> unused;
  return static_cast<std::int64_t>(value << unused >> unused);
}

std::int64_t load(std::string_view bytes, const Field& field) {
  return cut(bits::load(bytes, field.bit, field.width), field);
}

// What the field becomes, or nullopt if that does not fit and must fail.
std::optional<std::int64_t> next_value(const Step& step, std::int64_t old) {
  const Field& field = step.field;
  const unsigned value_bits = field.width - (field.is_signed ? 1 : 0);
  const auto most = static_cast<std::int64_t>((std::uint64_t{1} << value_bits) - 1);
  const std::int64_t least = field.is_signed ? -most - 1 : 0;
  const bool is_set = step.kind == Step::Kind::set;
  const __int128 wanted = is_set ? __int128{step.operand} : __int128{old} + step.operand;
  if (wanted >= least && wanted <= most) return static_cast<std::int64_t>(wanted);
  if (step.overflow == Overflow::fail) return std::nullopt;
  if (step.overflow == Overflow::wrap) return cut(static_cast<std::uint64_t>(wanted), field);
  // A negative number set in an unsigned field is a large one; so is, by Redis's reckoning, one so low that its distance from
  // the field's limit overflows.
  const bool is_above =
      wanted > most || (is_set && (!field.is_signed || most - wanted > std::numeric_limits<std::int64_t>::max()));
  return is_above ? most : least;
}

void run_reads(Call& call, const std::vector<Step>& steps) {
  const auto found = call.read_text(call[1]);
  if (!found) return;
  keyspace::IntegerText buffer;
  const std::string_view text = found.value == nullptr ? std::string_view() : found.value->text(buffer);
  call.reply.array(steps.size());
  for (const Step& step : steps) call.reply.integer(load(text, step.field));
}

void run(Call& call, const std::vector<Step>& steps) {
  std::uint64_t highest_bit = 0;
  for (const Step& step : steps) {
    if (step.kind != Step::Kind::get) highest_bit = std::max(highest_bit, step.field.bit + step.field.width - 1);
  }
  const auto place = open_for_bits(call, highest_bit);
  if (!place) return;
  const std::string_view text(place->bytes, place->size);
  bool changed = false;
  call.reply.array(steps.size());
  for (const Step& step : steps) {
    const std::int64_t old = load(text, step.field);
    if (step.kind == Step::Kind::get) {
      call.reply.integer(old);
      continue;
    }
    const auto value = next_value(step, old);
    if (!value) {
      call.reply.null();
      continue;
    }
    bits::store(place->bytes, step.field.bit, step.field.width, static_cast<std::uint64_t>(*value));
    changed |= place->grown || *value != old;
    call.reply.integer(step.kind == Step::Kind::set ? old : *value);
  }
  if (changed) return call.changed(EventClass::string, "setbit", call[1]);
  // All of it failed, but the string is longer now.
  if (place->grown) call.effect(call.args);
}

}  // namespace

void bitfield(Call& call) {
  std::vector<Step> steps;
  if (!parse_steps(call, steps)) return;
  const bool only_reads = std::ranges::all_of(steps, [](const Step& step) { return step.kind == Step::Kind::get; });
  only_reads ? run_reads(call, steps) : run(call, steps);
}

void bitfield_ro(Call& call) {
  std::vector<Step> steps;
  if (!parse_steps(call, steps)) return;
  if (std::ranges::any_of(steps, [](const Step& step) { return step.kind != Step::Kind::get; })) {
    return call.reply.error("ERR BITFIELD_RO only supports the GET subcommand");
  }
  run_reads(call, steps);
}

}  // namespace leat::resp
