#include "security/password_memory.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

#include "runtime/shard.h"

namespace leat::security {

std::string PasswordMemory::key_of(std::string_view user, std::string_view password) const {
  // The name's size keeps "a"+"bc" apart from "ab"+"c".
  const std::string both = fmt::format("{}:{}{}", user.size(), user, password);
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  const std::string& secret = policies_.secret();
  ::HMAC(::EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char*>(both.data()), both.size(), out, &size);
  return {reinterpret_cast<const char*>(out), size};
}

std::string PasswordMemory::credential_of(std::string_view user) const {
  const User* found = policies_.current()->find_user(user);
  std::string credential;
  if (found != nullptr) {
    for (const auto& [mechanism, scram] : found->scram) credential += scram.stored_key;
  }
  return credential;
}

runtime::Task<Result<Principal>> PasswordMemory::check(std::string user, std::string password, std::string peer) {
  const MonoTime now = runtime::Shard::current().now();
  const std::string key = key_of(user, password);
  if (const auto found = remembered_.find(key); found != remembered_.end()) {
    if (now < found->second.until && found->second.stored_key == credential_of(user))
      co_return Principal{principal_of(user), host_of(peer)};
    remembered_.erase(found);
  }
  std::string credential = credential_of(user);
  auto principal = co_await logins_.check_password(std::move(user), std::move(password), std::move(peer));
  if (!principal) co_return principal;
  if (remembered_.size() >= kRememberedMax) {
    const auto oldest = std::ranges::min_element(remembered_, {}, [](const auto& each) { return each.second.until; });
    remembered_.erase(oldest);
  }
  remembered_[key] = {std::move(credential), now + kFor};
  co_return principal;
}

}  // namespace leat::security
