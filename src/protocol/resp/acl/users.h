#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "keyspace/effects.h"
#include "protocol/resp/acl/user.h"

namespace leat::resp {

// All users of a server. Users stay where they are until they are erased.
class Users {
 public:
  // With the default user, who may do everything without a password.
  Users();

  [[nodiscard]] const User& default_user() const { return *users_.at("default"); }
  [[nodiscard]] const User* find(std::string_view name) const;
  [[nodiscard]] const std::map<std::string, std::unique_ptr<User>, std::less<>>& all() const { return users_; }
  // Whether connections are the default user's without AUTH.
  [[nodiscard]] bool is_open() const { return default_user().is_enabled() && default_user().needs_no_password(); }

  // Applies rules to the user, who is made if need be: all, or none. Returns the error's text; empty: they are applied.
  [[nodiscard]] std::string set(std::string_view name, std::span<const std::string_view> rules);
  // False: there is none. Not for the default user.
  bool erase(std::string_view name);
  // The default user's only password; empty: none is asked for.
  void set_default_password(std::string_view password);
  // The user, if the password is right and connections are allowed; nullptr otherwise.
  [[nodiscard]] const User* authenticate(std::string_view name, std::string_view password) const;

  // Adds what makes these users again: they are not told when nobody ever changed them.
  void write(keyspace::Effects& effects) const;

 private:
  std::map<std::string, std::unique_ptr<User>, std::less<>> users_;
  bool default_changed_ = false;
};

// The words of the effect that makes this user.
void add_user_effect(keyspace::Effects& effects, const User& user);

}  // namespace leat::resp
