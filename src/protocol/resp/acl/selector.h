#pragma once

#include <bitset>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/resp/acl/access.h"
#include "protocol/resp/acl/command_ids.h"

namespace leat::resp {

// Rules on commands, keys and channels that belong together (https://redis.io/docs/management/security/acl/).
class Selector {
 public:
  // Takes one rule. Returns why it is none; empty: it is taken.
  [[nodiscard]] std::string apply(std::string_view rule);
  // Takes what commands() returned; empty: all commands. What is no rule any more is left out.
  void apply_commands(std::string_view rules);

  // `arguments` begin with the command's name, or its container's.
  [[nodiscard]] AclCheck check(const Command& command, Arguments arguments) const;
  [[nodiscard]] bool allows_everything() const { return all_commands_ && all_keys_ && all_channels_; }
  [[nodiscard]] bool allows_channel(std::string_view channel, bool is_pattern) const;

  // Rules that make the same selector, as ACL GETUSER and ACL LIST have them.
  [[nodiscard]] std::string commands() const;
  [[nodiscard]] std::string keys() const;
  [[nodiscard]] std::string channels() const;
  // All three; channels begin at none.
  [[nodiscard]] std::string rules() const;

 private:
  struct KeyPattern {
    std::string pattern;
    bool reads;
    bool writes;
  };
  using Bits = std::bitset<kRuledCommandsMax>;

  void allow_all_commands(bool allowed);
  void change(const RuledCommand& command, bool allowed);
  void change_category(std::uint32_t category, bool allowed);
  [[nodiscard]] std::string apply_category(std::string_view name, bool allowed);
  [[nodiscard]] std::string apply_command(std::string_view name, bool allowed);
  [[nodiscard]] std::string allow_first_argument(std::string_view name, std::string_view argument);
  [[nodiscard]] std::string apply_key(std::string_view rule);
  [[nodiscard]] std::string add_key(std::string_view pattern, bool reads, bool writes);
  [[nodiscard]] std::string apply_channel(std::string_view pattern);

  [[nodiscard]] bool allows_command(const Command& command, Arguments arguments) const;
  [[nodiscard]] bool allows_key(std::string_view key, std::uint16_t flags) const;
  [[nodiscard]] AclCheck check_keys(const Command& command, Arguments arguments) const;
  [[nodiscard]] AclCheck check_channels(const Command& command, Arguments arguments) const;

  Bits allowed_;
  bool all_commands_ = false;  // those to come too
  bool future_commands_ = false;
  bool all_keys_ = false;
  bool all_channels_ = false;
  std::map<std::size_t, std::vector<std::string>> first_arguments_;  // of commands that are otherwise not allowed
  std::vector<KeyPattern> keys_;
  std::vector<std::string> channels_;
};

}  // namespace leat::resp
