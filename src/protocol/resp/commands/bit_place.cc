#include "protocol/resp/commands/bit_place.h"

#include <algorithm>

#include "keyspace/numbers.h"
#include "protocol/resp/executor.h"

namespace leat::resp {

std::optional<std::uint64_t> parse_bit_offset(Call& call, std::size_t index, unsigned width) {
  const auto refuse = [&call]() -> std::optional<std::uint64_t> {
    call.reply.error("ERR bit offset is not an integer or out of range");
    return std::nullopt;
  };
  std::string_view text = call[index];
  const bool by_width = width > 0 && text.starts_with('#');
  if (by_width) text.remove_prefix(1);
  const auto number = keyspace::parse_integer(text);
  if (!number) return refuse();
  // A product that is too large is cut to 64 bits, as Redis does.
  const auto bit = static_cast<std::int64_t>(static_cast<std::uint64_t>(*number) * (by_width ? width : 1U));
  if (bit < 0 || static_cast<std::uint64_t>(bit) / 8 >= call.executor.settings().limits.bulk_size_max) return refuse();
  return static_cast<std::uint64_t>(bit);
}

std::optional<BitPlace> open_for_bits(Call& call, std::uint64_t bit) {
  const auto found = call.write_text(call[1]);
  if (!found) return std::nullopt;
  const std::size_t old = found.value == nullptr ? 0 : found.value->text_size();
  const std::size_t size = std::max<std::size_t>(old, bit / 8 + 1);
  return BitPlace{call.database.resize_text(call[1], size), size, size > old};
}

}  // namespace leat::resp
