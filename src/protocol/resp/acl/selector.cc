#include "protocol/resp/acl/selector.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "keyspace/glob.h"
#include "protocol/resp/acl/channel_arguments.h"
#include "protocol/resp/categories.h"
#include "protocol/resp/key_finder.h"
#include "protocol/resp/registry.h"
#include "protocol/resp/words.h"

namespace leat::resp {
namespace {

constexpr std::string_view kSyntax = "Syntax error";
constexpr std::string_view kUnknown = "Unknown command or category name in ACL";
constexpr std::string_view kKeyAfterAll =
    "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try "
    "'resetkeys' to start with an empty list of patterns";
constexpr std::string_view kChannelAfterAll =
    "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try "
    "'resetchannels' to start with an empty list of channels";

std::string lower(std::string_view text) {
  std::string small(text);
  std::ranges::transform(small, small.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return small;
}

bool has_blank(std::string_view text) {
  return std::ranges::any_of(text, [](unsigned char c) { return std::isspace(c) != 0 || c == 0; });
}

void append(std::string& text, std::string_view word) {
  if (!text.empty()) text += ' ';
  text += word;
}

}  // namespace

std::string Selector::apply(std::string_view rule) {
  if (is_word(rule, "ALLCOMMANDS") || is_word(rule, "+@ALL")) {
    allow_all_commands(true);
  } else if (is_word(rule, "NOCOMMANDS") || is_word(rule, "-@ALL")) {
    allow_all_commands(false);
  } else if (is_word(rule, "ALLKEYS") || rule == "~*") {
    all_keys_ = true;
    keys_.clear();
  } else if (is_word(rule, "RESETKEYS")) {
    all_keys_ = false;
    keys_.clear();
  } else if (is_word(rule, "ALLCHANNELS") || rule == "&*") {
    all_channels_ = true;
    channels_.clear();
  } else if (is_word(rule, "RESETCHANNELS")) {
    all_channels_ = false;
    channels_.clear();
  } else if (rule.starts_with('~') || rule.starts_with('%')) {
    return apply_key(rule);
  } else if (rule.starts_with('&')) {
    return apply_channel(rule.substr(1));
  } else if (rule.starts_with("+@") || rule.starts_with("-@")) {
    return apply_category(rule.substr(2), rule[0] == '+');
  } else if (rule.starts_with('+') || rule.starts_with('-')) {
    return apply_command(rule.substr(1), rule[0] == '+');
  } else {
    return std::string(kSyntax);
  }
  return {};
}

void Selector::apply_commands(std::string_view rules) {
  allow_all_commands(rules.empty());
  for (const std::string_view rule : split_words(rules)) (void)apply(rule);
}

void Selector::allow_all_commands(bool allowed) {
  allowed ? allowed_.set() : allowed_.reset();
  all_commands_ = future_commands_ = allowed;
  first_arguments_.clear();
}

// A container stands for its subcommands too.
void Selector::change(const RuledCommand& ruled, bool allowed) {
  const std::size_t id = *ruled_command_id(*ruled.command);
  allowed_.set(id, allowed);
  if (!allowed) all_commands_ = false;
  first_arguments_.erase(id);
  for (const Command& sub : ruled.command->subcommands) {
    const std::size_t sub_id = *ruled_command_id(sub);
    allowed_.set(sub_id, allowed);
    first_arguments_.erase(sub_id);
  }
}

void Selector::change_category(std::uint32_t category, bool allowed) {
  for (const RuledCommand& ruled : ruled_commands()) {
    if (ruled.container == nullptr && (ruled.categories & category) != 0) change(ruled, allowed);
  }
  for (const RuledCommand& ruled : ruled_commands()) {
    if (ruled.container != nullptr && (ruled.categories & category) != 0) change(ruled, allowed);
  }
}

std::string Selector::apply_category(std::string_view name, bool allowed) {
  const auto category = parse_category(name);
  if (!category) return std::string(kUnknown);
  change_category(*category, allowed);
  return {};
}

std::string Selector::apply_command(std::string_view name, bool allowed) {
  const std::size_t bar = name.find('|');
  const Command* command = find_command(name.substr(0, bar));
  if (command == nullptr) return std::string(kUnknown);
  if (bar == std::string_view::npos) {
    change(ruled_commands()[*ruled_command_id(*command)], allowed);
    return {};
  }
  const std::string_view behind = name.substr(bar + 1);
  if (const Command* sub = find_subcommand(*command, behind)) {
    change(ruled_commands()[*ruled_command_id(*sub)], allowed);
    return {};
  }
  const std::string_view container = behind.substr(0, behind.find('|'));
  if (behind.find('|') != std::string_view::npos && find_subcommand(*command, container) != nullptr)
    return std::string(allowed ? "Allowing first-arg of a subcommand is not supported" : kUnknown);
  if (!allowed || !command->subcommands.empty()) return std::string(kUnknown);
  return behind.empty() || has_blank(behind) ? std::string(kSyntax) : allow_first_argument(command->name, behind);
}

std::string Selector::allow_first_argument(std::string_view name, std::string_view argument) {
  const std::size_t id = *ruled_command_id(*find_command(name));
  std::vector<std::string>& allowed = first_arguments_[id];
  const std::string wanted = lower(argument);
  if (std::ranges::find(allowed, wanted) == allowed.end()) allowed.push_back(wanted);
  return {};
}

std::string Selector::apply_key(std::string_view rule) {
  if (all_keys_) return std::string(kKeyAfterAll);
  if (rule.starts_with('~')) return add_key(rule.substr(1), true, true);
  bool reads = false;
  bool writes = false;
  std::size_t at = 1;
  for (; at < rule.size() && rule[at] != '~'; ++at) {
    const auto letter = static_cast<char>(std::toupper(static_cast<unsigned char>(rule[at])));
    if (letter == 'R' && !reads) {
      reads = true;
    } else if (letter == 'W' && !writes) {
      writes = true;
    } else {
      return std::string(kSyntax);
    }
  }
  if (!reads && !writes) return std::string(kSyntax);
  return add_key(at == rule.size() ? std::string_view() : rule.substr(at + 1), reads, writes);
}

std::string Selector::add_key(std::string_view pattern, bool reads, bool writes) {
  if (has_blank(pattern)) return std::string(kSyntax);
  const auto found = std::ranges::find(keys_, pattern, &KeyPattern::pattern);
  if (found == keys_.end()) {
    keys_.push_back({std::string(pattern), reads, writes});
  } else {
    found->reads |= reads;
    found->writes |= writes;
  }
  return {};
}

std::string Selector::apply_channel(std::string_view pattern) {
  if (all_channels_) return std::string(kChannelAfterAll);
  if (has_blank(pattern)) return std::string(kSyntax);
  if (std::ranges::find(channels_, pattern) == channels_.end()) channels_.emplace_back(pattern);
  return {};
}

bool Selector::allows_command(const Command& command, Arguments arguments) const {
  if (all_commands_ || command.is(kNoAuth)) return true;
  const auto id = ruled_command_id(command);
  if (!id) return false;
  if (allowed_.test(*id)) return true;
  const auto found = first_arguments_.find(*id);
  if (found == first_arguments_.end() || arguments.size() < 2) return false;
  return std::ranges::find(found->second, lower(arguments[1])) != found->second.end();
}

bool Selector::allows_key(std::string_view key, std::uint16_t flags) const {
  const bool reads = (flags & kKeyAccess) != 0;
  const bool writes = (flags & (kKeyInsert | kKeyDelete | kKeyUpdate)) != 0;
  return std::ranges::any_of(keys_, [&](const KeyPattern& known) {
    return (known.reads || !reads) && (known.writes || !writes) && keyspace::glob_match(known.pattern, key);
  });
}

bool Selector::allows_channel(std::string_view channel, bool is_pattern) const {
  return all_channels_ || std::ranges::any_of(channels_, [&](const std::string& known) {
           return is_pattern ? known == channel : keyspace::glob_match(known, channel);
         });
}

AclCheck Selector::check_keys(const Command& command, Arguments arguments) const {
  if (all_keys_ || !has_keys(command)) return {};
  std::vector<KeyPosition> keys;
  if (!find_keys(command, arguments, keys)) return {};  // it will be refused for what it lacks
  for (const KeyPosition& key : keys) {
    if (!allows_key(arguments[key.index], key.flags)) return {Denial::key, key.index};
  }
  return {};
}

AclCheck Selector::check_channels(const Command& command, Arguments arguments) const {
  const ChannelArguments* channels = all_channels_ ? nullptr : channel_arguments(command);
  if (channels == nullptr) return {};
  for (std::size_t i = channels->first; i < channels->end(arguments); ++i) {
    if (!allows_channel(arguments[i], channels->kind == pubsub::Kind::pattern)) return {Denial::channel, i};
  }
  return {};
}

AclCheck Selector::check(const Command& command, Arguments arguments) const {
  if (!allows_command(command, arguments)) return {Denial::command, 0};
  if (const AclCheck keys = check_keys(command, arguments); !keys) return keys;
  return check_channels(command, arguments);
}

// Categories that say most of it, then the commands in which they differ from what is allowed.
std::string Selector::commands() const {
  Selector said;
  Selector rest = *this;
  said.allow_all_commands(future_commands_);
  const bool adds = !future_commands_;
  const char sign = adds ? '+' : '-';
  std::string text(adds ? "-@all" : "+@all");
  std::uint32_t applied = 0;
  while (true) {
    std::uint32_t best = 0;
    std::size_t least = 0;
    std::size_t most = 0;
    for (std::uint32_t category = 1; category <= kScripting; category <<= 1) {
      if ((applied & category) != 0) continue;
      std::size_t same = 0;
      std::size_t different = 0;
      for (std::size_t id = 0; id < ruled_commands().size(); ++id) {
        if ((ruled_commands()[id].categories & category) != 0) ++(rest.allowed_.test(id) == adds ? same : different);
      }
      if (same > different && (best == 0 || different < least || (different == least && same > most))) {
        best = category;
        least = different;
        most = same;
      }
    }
    if (best == 0) break;
    applied |= best;
    said.change_category(best, adds);
    rest.change_category(best, !adds);
    text += fmt::format(" {}@{}", sign, category_name(best));
  }
  for (const RuledCommand& ruled : ruled_commands()) {
    const std::size_t id = *ruled_command_id(*ruled.command);
    const bool allowed = allowed_.test(id);
    if (said.allowed_.test(id) != allowed) {
      text += fmt::format(" {}{}", allowed ? '+' : '-', ruled.name);
      said.change(ruled, allowed);
    }
    const auto found = first_arguments_.find(id);
    if (allowed || found == first_arguments_.end()) continue;
    for (const std::string& argument : found->second) text += fmt::format(" +{}|{}", ruled.name, argument);
  }
  return text;
}

std::string Selector::keys() const {
  if (all_keys_) return "~*";
  std::string text;
  for (const KeyPattern& key : keys_) {
    append(text, key.reads && key.writes ? "~" : key.reads ? "%R~" : "%W~");
    text += key.pattern;
  }
  return text;
}

std::string Selector::channels() const {
  if (all_channels_) return "&*";
  std::string text;
  for (const std::string& channel : channels_) {
    append(text, "&");
    text += channel;
  }
  return text;
}

std::string Selector::rules() const {
  std::string text = keys();
  if (all_channels_) {
    append(text, "&*");
  } else {
    append(text, "resetchannels");
    if (!channels_.empty()) append(text, channels());
  }
  append(text, commands());
  return text;
}

}  // namespace leat::resp
