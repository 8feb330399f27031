#include "protocol/resp/commands/scan_options.h"

#include <charconv>

namespace leat::resp {

// As strtoul() reads it, which is what clients may rely on: a sign is taken, nothing at all is 0, and a zero byte ends it.
std::optional<std::uint64_t> parse_scan_cursor(Call& call, std::size_t index) {
  std::string_view text = call[index].substr(0, call[index].find('\0'));
  if (text.empty()) return 0;
  const bool negative = text.front() == '-';
  if (negative || text.front() == '+') text.remove_prefix(1);
  std::uint64_t cursor = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cursor);
  if (error != std::errc() || end != text.data() + text.size()) {
    call.reply.error("ERR invalid cursor");
    return std::nullopt;
  }
  return negative ? 0 - cursor : cursor;
}

std::optional<ScanOptions> parse_scan_options(Call& call, std::size_t first, bool takes_type) {
  ScanOptions options;
  for (std::size_t i = first; i < call.size(); i += 2) {
    const bool has_value = i + 1 < call.size();
    if (has_value && call.is(i, "COUNT")) {
      const auto count = call.integer(i + 1);
      if (!count) return std::nullopt;
      if (*count < 1) {
        call.reply.error(errors::kSyntax);
        return std::nullopt;
      }
      options.count = *count;
    } else if (has_value && call.is(i, "MATCH")) {
      options.pattern = call[i + 1];
      if (*options.pattern == "*") options.pattern.reset();
    } else if (has_value && takes_type && call.is(i, "TYPE")) {
      options.type = call[i + 1];
    } else {
      call.reply.error(errors::kSyntax);
      return std::nullopt;
    }
  }
  return options;
}

void reply_scan(Call& call, std::uint64_t cursor, const std::vector<std::string_view>& elements) {
  call.reply.array(2);
  char text[20];
  const char* end = std::to_chars(text, text + sizeof text, cursor).ptr;
  call.reply.bulk({text, static_cast<std::size_t>(end - text)});
  call.reply.array(elements.size());
  for (const std::string_view element : elements) call.reply.bulk(element);
}

}  // namespace leat::resp
