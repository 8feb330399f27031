#include "security/kept_password.h"

#include "base/bytes.h"
#include "security/password.h"
#include "security/random.h"

namespace leat::security {

KeptPassword keep_password(std::string_view password, bool for_scram) {
  KeptPassword kept;
  if (!for_scram) {
    const std::string salt = random_bytes(kArgon2SaltBytes);
    kept.hash = hash_password(password, as_bytes(salt));
    return kept;
  }
  for (const ScramMechanism mechanism : {ScramMechanism::sha256, ScramMechanism::sha512}) {
    kept.scram.emplace(mechanism,
                       scram_credential(mechanism, password, random_bytes(kScramSaltBytes), kScramIterationsMin));
  }
  return kept;
}

}  // namespace leat::security
