#include "protocol/resp/acl/account_rules.h"

#include <fmt/format.h>

#include <compare>
#include <map>
#include <set>

#include "protocol/resp/acl/grant_pattern.h"
#include "protocol/resp/acl/selector.h"
#include "protocol/resp/words.h"

namespace leat::resp {
namespace {

using security::Account;
using security::Grant;
using security::Operation;
using security::ResourceType;

constexpr std::string_view kAllCommands = "+@all";
constexpr std::string_view kNoOff =
    "users of leat cannot be switched off: take the password away with 'resetpass', or remove the user";
constexpr std::string_view kNoOpen = "users of leat come in with a password, a token or a certificate";
constexpr std::string_view kOnePassword = "a user of leat has one password, which a new one replaces: see 'resetpass'";
constexpr std::string_view kNoHash =
    "leat does not take this kind of hash; hashes of bcrypt and argon2id can be brought along by HTTP";
constexpr std::string_view kNoSelectors = "users of leat have no selectors besides their own rules";
constexpr std::string_view kTooMany = "a user of leat has no more grants than that";
constexpr std::size_t kShownMax = 128;  // of a rule in an error
constexpr std::string_view kNoPattern = "a grant of leat is for one name, or for all that begin alike ('app:*')";

// Reading, or writing, what matches a pattern.
struct Right {
  ResourceType type{};
  std::string pattern;
  Operation operation{};
  friend auto operator<=>(const Right&, const Right&) = default;
};

// What rules can say of a grant; empty: nothing.
std::vector<Right> rights_of(const Grant& grant) {
  const bool is_said = grant.type == ResourceType::key || grant.type == ResourceType::channel;
  if (!is_said || grant.permission == security::Permission::deny) return {};
  std::vector<Right> rights;
  for (const Operation operation : {Operation::read, Operation::write}) {
    if (grant.operation == operation || grant.operation == Operation::all)
      rights.push_back({grant.type, pattern_of(grant), operation});
  }
  return rights;
}

// The rule as an error shows it: without a password, and not all of a long one.
std::string_view shown(std::string_view rule) {
  const bool is_secret = rule.starts_with('>') || rule.starts_with('<');
  return rule.substr(0, is_secret ? 1 : kShownMax);
}

class Editor {
 public:
  Editor(Account& account, std::string_view name, const std::optional<security::KeptPassword>& password)
      : account_(account), password_(password), is_on_(account.user.has_value()) {
    if (!account.user) {
      account.user.emplace();
      account.user->name = name;
      return;
    }
    commands_.apply_commands(account.user->command_rules);
    for (const Grant& grant : account.grants) {
      for (const Right& right : rights_of(grant)) rights_[right] |= grant.host == security::kAnyHost;
    }
  }

  Status apply(std::string_view rule) {
    if (rule.empty() || is_word(rule, "CLEARSELECTORS") || is_word(rule, "SANITIZE-PAYLOAD") ||
        is_word(rule, "SKIP-SANITIZE-PAYLOAD")) {
      return {};
    }
    if (is_word(rule, "ON")) {
      is_on_ = true;
    } else if (is_word(rule, "OFF")) {
      return wrong(kNoOff);
    } else if (is_word(rule, "NOPASS")) {
      return wrong(kNoOpen);
    } else if (is_word(rule, "RESETPASS")) {
      security::KeptPassword().give_to(*account_.user);
    } else if (is_word(rule, "RESET")) {
      reset();
    } else if (rule.starts_with('>')) {
      if (has_new_password_) return wrong(kOnePassword);
      has_new_password_ = true;
      password_.value().give_to(*account_.user);
    } else if (rule.starts_with('<')) {
      return wrong(kOnePassword);
    } else if (rule.starts_with('#') || rule.starts_with('!')) {
      return wrong(kNoHash);
    } else if (rule.starts_with('(')) {
      return wrong(kNoSelectors);
    } else {
      return apply_pattern_or_command(rule);
    }
    return {};
  }

  Status finish() {
    security::User& user = *account_.user;
    if (!is_on_ && user.has_password())
      return wrong("the user would have a password and be off, which users of leat cannot be: add 'on'");
    user.command_rules = commands_.commands();
    if (user.command_rules == kAllCommands) user.command_rules.clear();
    std::set<Right> granted;  // from every address
    std::erase_if(account_.grants, [&](const Grant& grant) {
      const std::vector<Right> rights = rights_of(grant);
      if (!std::ranges::all_of(rights, [&](const Right& right) { return is_right(right); })) return true;
      if (grant.host == security::kAnyHost) granted.insert(rights.begin(), rights.end());
      return false;
    });
    for (const auto& [right, is_everywhere] : rights_)
      if (is_everywhere && !granted.contains(right) && !is_within_all(right)) grant(right);
    return {};
  }

 private:
  static Status wrong(std::string_view why) { return fail(Errc::invalid_argument, std::string(why)); }

  void reset() {
    security::KeptPassword().give_to(*account_.user);
    rights_.clear();
    commands_ = {};
    is_on_ = false;
  }

  // By itself, or since everything is.
  [[nodiscard]] bool is_right(const Right& right) const { return rights_.contains(right) || is_within_all(right); }
  [[nodiscard]] bool is_within_all(const Right& right) const {
    const auto all = rights_.find({right.type, "*", right.operation});
    return right.pattern != "*" && all != rights_.end() && all->second;
  }

  Status apply_pattern_or_command(std::string_view rule) {
    if (std::string why = commands_.apply(rule); !why.empty()) return fail(Errc::invalid_argument, std::move(why));
    if (is_word(rule, "RESETKEYS")) {
      clear(ResourceType::key);
    } else if (is_word(rule, "RESETCHANNELS")) {
      clear(ResourceType::channel);
    } else if (is_word(rule, "ALLKEYS")) {
      return add(ResourceType::key, "*");
    } else if (is_word(rule, "ALLCHANNELS")) {
      return add(ResourceType::channel, "*");
    } else if (rule.starts_with('&')) {
      return add(ResourceType::channel, rule.substr(1));
    } else if (rule.starts_with('~')) {
      return add(ResourceType::key, rule.substr(1));
    } else if (rule.starts_with('%')) {
      const std::size_t tilde = std::min(rule.find('~'), rule.size() - 1);
      const std::string_view kinds = rule.substr(1, tilde - 1);
      return add(ResourceType::key, rule.substr(tilde + 1), kinds.find_first_of("rR") != std::string_view::npos,
                 kinds.find_first_of("wW") != std::string_view::npos);
    }
    return {};
  }

  void clear(ResourceType type) {
    std::erase_if(rights_, [&](const auto& right) { return right.first.type == type; });
  }

  Status add(ResourceType type, std::string_view pattern, bool reads = true, bool writes = true) {
    if (!granted_names(pattern)) return wrong(kNoPattern);
    if (rights_.size() >= security::kGrantsOfPrincipalMax) return wrong(kTooMany);
    if (reads) rights_[{type, std::string(pattern), Operation::read}] = true;
    if (writes) rights_[{type, std::string(pattern), Operation::write}] = true;
    return {};
  }

  // Patterns of grants that were there may be none of granted_names().
  void grant(const Right& right) {
    const auto names = granted_names(right.pattern);
    if (!names) return;
    account_.grants.push_back({.principal = security::principal_of(account_.user->name),
                               .operation = right.operation,
                               .type = right.type,
                               .pattern = names->type,
                               .name = names->name});
  }

  Account& account_;
  const std::optional<security::KeptPassword>& password_;
  bool is_on_;
  bool has_new_password_ = false;
  std::map<Right, bool> rights_;  // whether from every address
  Selector commands_;             // and patterns, which it refuses as Redis does
};

}  // namespace

std::optional<std::string_view> password_in(Arguments rules) {
  for (const std::string_view rule : rules) {
    if (rule.starts_with('>')) return rule.substr(1);
  }
  return std::nullopt;
}

Status apply_rules(Account& account, std::string_view name, Arguments rules,
                   const std::optional<security::KeptPassword>& password) {
  Editor editor(account, name, password);
  for (const std::string_view rule : rules) {
    if (const Status applied = editor.apply(rule); !applied)
      return fail(Errc::invalid_argument,
                  fmt::format("Error in ACL SETUSER modifier '{}': {}", shown(rule), applied.error().message));
  }
  return editor.finish();
}

}  // namespace leat::resp
