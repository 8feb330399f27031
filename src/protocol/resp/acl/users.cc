#include "protocol/resp/acl/users.h"

#include <fmt/format.h>

#include <vector>

namespace leat::resp {
namespace {

constexpr std::string_view kDefault = "default";

// "(~a", "+get)" are one rule. Returns where parentheses are not closed; empty: all are.
std::string join_selectors(std::span<const std::string_view> given, std::vector<std::string>& rules) {
  for (std::size_t i = 0; i < given.size(); ++i) {
    std::string rule(given[i]);
    if (rule.starts_with('(')) {
      const std::string_view begin = given[i];
      while (!rule.ends_with(')')) {
        if (++i == given.size()) return std::string(begin);
        rule += ' ';
        rule += given[i];
      }
    }
    rules.push_back(std::move(rule));
  }
  return {};
}

}  // namespace

Users::Users() {
  auto user = std::make_unique<User>(std::string(kDefault));
  for (const std::string_view rule : {"on", "nopass", "~*", "&*", "+@all"}) (void)user->apply(rule);
  users_.emplace(kDefault, std::move(user));
}

const User* Users::find(std::string_view name) const {
  const auto found = users_.find(name);
  return found == users_.end() ? nullptr : found->second.get();
}

std::string Users::set(std::string_view name, std::span<const std::string_view> given) {
  if (name.find_first_of(std::string_view(" \t\n\v\f\r\0", 7)) != std::string_view::npos)
    return "ERR Usernames can't contain spaces or null characters";
  std::vector<std::string> rules;
  if (const std::string open = join_selectors(given, rules); !open.empty())
    return fmt::format("ERR Unmatched parenthesis in acl selector starting at '{}'.", open);
  const auto found = users_.find(name);
  User changed = found == users_.end() ? User(std::string(name)) : *found->second;
  for (const std::string& rule : rules) {
    if (const std::string why = changed.apply(rule); !why.empty())
      return fmt::format("ERR Error in ACL SETUSER modifier '{}': {}", rule, why);
  }
  if (name == kDefault) default_changed_ = true;
  if (found == users_.end()) {
    users_.emplace(name, std::make_unique<User>(std::move(changed)));
  } else {
    *found->second = std::move(changed);
  }
  return {};
}

bool Users::erase(std::string_view name) {
  const auto found = users_.find(name);
  if (found == users_.end() || name == kDefault) return false;
  users_.erase(found);
  return true;
}

void Users::set_default_password(std::string_view password) {
  User& user = *users_.at(std::string(kDefault));
  (void)user.apply(password.empty() ? "nopass" : "resetpass");
  if (!password.empty()) (void)user.apply(fmt::format(">{}", password));
}

const User* Users::authenticate(std::string_view name, std::string_view password) const {
  const User* user = find(name);
  return user != nullptr && user->accepts(password) ? user : nullptr;
}

void Users::write(keyspace::Effects& effects) const {
  for (const auto& [name, user] : users_) {
    if (name != kDefault || default_changed_) add_user_effect(effects, *user);
  }
}

void add_user_effect(keyspace::Effects& effects, const User& user) {
  const std::vector<std::string> rules = user.rules();
  std::vector<std::string_view> words{"ACL", "SETUSER", user.name(), "reset"};
  words.insert(words.end(), rules.begin(), rules.end());
  effects.add_always(0, words);
}

}  // namespace leat::resp
