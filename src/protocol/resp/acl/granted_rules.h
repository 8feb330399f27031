#pragma once

#include "protocol/resp/acl/selector.h"
#include "security/policy.h"

namespace leat::resp {

// What is granted to a user of leat, written as rules of Redis for those who look: grants for one address are taken as for all, and
// denials, locks and topics are left out. GrantedAccess decides.
[[nodiscard]] Selector granted_rules(const security::Policy& policy, const security::User& user);

}  // namespace leat::resp
