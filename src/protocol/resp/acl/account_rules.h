#pragma once

#include <optional>
#include <string_view>

#include "protocol/resp/parser.h"
#include "security/kept_password.h"
#include "security/policy_service.h"

// Words of ACL SETUSER for users of leat (docs/security.md): patterns of keys and channels become grants, a password becomes the
// user's, and rules of commands stay what they are.
namespace leat::resp {

// The password that the words give; nullopt: they give none.
[[nodiscard]] std::optional<std::string_view> password_in(Arguments rules);

// Makes the account of a user of this name, who need not be there, what the rules make of it. `password`: password_in(rules), as
// it is kept. Grants that patterns of keys and channels do not say stay: denials, and those on all else. On an error the account
// is half changed. Error: invalid_argument, in Redis's words where it has some.
[[nodiscard]] Status apply_rules(security::Account& account, std::string_view name, Arguments rules,
                                 const std::optional<security::KeptPassword>& password);

}  // namespace leat::resp
