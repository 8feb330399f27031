#pragma once

#include <map>
#include <string>
#include <string_view>

#include "security/user.h"

namespace leat::security {

// A password in the form in which a user has it.
struct KeptPassword {
  std::map<ScramMechanism, ScramCredential> scram;
  std::string hash;

  void give_to(User& user) const {
    user.scram = scram;
    user.password_hash = hash;
  }
};

// `for_scram`: as what SCRAM needs, else as an argon2id hash. The password passes check_password. Takes tens of milliseconds:
// call it on the I/O pool.
[[nodiscard]] KeptPassword keep_password(std::string_view password, bool for_scram);

}  // namespace leat::security
