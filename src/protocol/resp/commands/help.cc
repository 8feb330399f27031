#include "protocol/resp/commands/help.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "protocol/resp/call.h"
#include "protocol/resp/registry.h"

namespace leat::resp {
namespace {

std::string upper(std::string_view name) {
  std::string text(name);
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

}  // namespace

void reply_help(Call& call) {
  const Command& container = *find_command(call[0]);
  std::map<std::string, std::string_view> summaries;
  for (const Command& subcommand : container.subcommands) summaries.emplace(upper(subcommand.name), subcommand.summary);
  call.reply.array(1 + 2 * summaries.size());
  call.reply.simple(fmt::format("{} <subcommand> [<argument> ...]. Subcommands are:", upper(container.name)));
  for (const auto& [name, summary] : summaries) {
    call.reply.simple(name);
    call.reply.simple(fmt::format("    {}", summary));
  }
}

}  // namespace leat::resp
