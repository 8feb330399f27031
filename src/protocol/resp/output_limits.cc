#include "protocol/resp/output_limits.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <optional>
#include <vector>

#include "keyspace/numbers.h"

namespace leat::resp {
namespace {

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> words;
  bool in_word = false;
  for (const char c : text) {
    const bool is_space = std::isspace(static_cast<unsigned char>(c)) != 0;
    if (!is_space && !in_word) words.emplace_back();
    if (!is_space) words.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    in_word = !is_space;
  }
  return words;
}

// A number of bytes, with a unit or without: k, m and g are of 1000, kb, mb and gb of 1024.
std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  static constexpr std::pair<std::string_view, std::uint64_t> kUnits[] = {
      {"kb", 1 << 10}, {"mb", 1 << 20}, {"gb", 1 << 30}, {"k", 1000}, {"m", 1'000'000}, {"g", 1'000'000'000}, {"b", 1}};
  std::uint64_t unit = 1;
  for (const auto& [name, bytes] : kUnits) {
    if (!text.ends_with(name)) continue;
    unit = bytes;
    text.remove_suffix(name.size());
    break;
  }
  const auto number = keyspace::parse_integer(text);
  if (!number || *number < 0) return std::nullopt;
  const auto count = static_cast<std::uint64_t>(*number);
  if (count > std::numeric_limits<std::int64_t>::max() / unit) return std::nullopt;
  return count * unit;
}

OutputLimit* limit_of(std::string_view name, OutputLimits& limits) {
  if (name == "normal") return &limits.normal;
  if (name == "slave" || name == "replica") return &limits.replica;
  if (name == "pubsub") return &limits.pubsub;
  return nullptr;
}

}  // namespace

Result<OutputLimits> parse_output_limits(std::string_view text, OutputLimits limits) {
  const std::vector<std::string> words = split(text);
  if (words.size() % 4 != 0)
    return fail(Errc::invalid_argument, "Wrong number of arguments in buffer limit configuration.");
  for (std::size_t i = 0; i < words.size(); i += 4) {
    OutputLimit* limit = limit_of(words[i], limits);
    if (limit == nullptr)
      return fail(Errc::invalid_argument, "Invalid client class specified in buffer limit configuration.");
    const auto hard = parse_bytes(words[i + 1]);
    const auto soft = parse_bytes(words[i + 2]);
    const auto seconds = keyspace::parse_integer(words[i + 3]);
    constexpr std::int64_t kSecondsMax = std::int64_t{1} << 31;
    if (!hard || !soft || !seconds || *seconds < 0 || *seconds > kSecondsMax)
      return fail(Errc::invalid_argument, "Error in hard, soft or soft_seconds setting in buffer limit configuration.");
    *limit = {*hard, *soft, std::chrono::seconds(*seconds)};
  }
  return limits;
}

std::string format_output_limits(const OutputLimits& limits) {
  auto text = [](const OutputLimit& limit) {
    return fmt::format("{} {} {}", limit.hard, limit.soft, limit.soft_for.count());
  };
  return fmt::format("normal {} slave {} pubsub {}", text(limits.normal), text(limits.replica), text(limits.pubsub));
}

}  // namespace leat::resp
