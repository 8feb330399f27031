#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/resp/acl/selector.h"

namespace leat::resp {

// SHA-256 in hexadecimal.
[[nodiscard]] std::string hash_password(std::string_view password);

// Someone who may connect, and what that one may do (https://redis.io/docs/management/security/acl/).
class User final : public Access {
 public:
  explicit User(std::string name) : name_(std::move(name)) { selectors_.resize(1); }

  // Takes one rule of ACL SETUSER; a selector's, "(...)", is whole. Returns why it is none; empty: it is taken.
  [[nodiscard]] std::string apply(std::string_view rule);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool is_enabled() const { return enabled_; }
  [[nodiscard]] bool needs_no_password() const { return no_password_; }
  [[nodiscard]] bool accepts(std::string_view password) const;

  [[nodiscard]] AclCheck check(const Command& command, Arguments arguments) const override;
  [[nodiscard]] bool allows_channel(std::string_view name, pubsub::Kind kind) const override;

  [[nodiscard]] std::vector<std::string> flags() const;
  [[nodiscard]] const std::vector<std::string>& passwords() const { return passwords_; }  // their hashes
  // The first are the user's own rules.
  [[nodiscard]] const std::vector<Selector>& selectors() const { return selectors_; }
  // Rules that make the same user of a new one.
  [[nodiscard]] std::vector<std::string> rules() const;

 private:
  [[nodiscard]] std::string apply_word(std::string_view rule, bool& known);
  [[nodiscard]] std::string apply_password(std::string_view rule);
  [[nodiscard]] std::string add_selector(std::string_view rules);

  std::string name_;
  bool enabled_ = false;
  bool no_password_ = false;
  std::string sanitizing_;  // the flag that was set last, if any
  std::vector<std::string> passwords_;
  std::vector<Selector> selectors_;
};

}  // namespace leat::resp
