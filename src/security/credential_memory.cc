#include "security/credential_memory.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

#include "runtime/shard.h"
#include "security/token.h"

namespace leat::security {
namespace {

// For one more.
template <class T>
void make_room(std::map<std::string, T>& remembered) {
  if (remembered.size() < CredentialMemory::kRememberedMax) return;
  remembered.erase(std::ranges::min_element(remembered, {}, [](const auto& each) { return each.second.until; }));
}

}  // namespace

std::string CredentialMemory::key_of(std::string_view user, std::string_view password) const {
  // The name's size keeps "a"+"bc" apart from "ab"+"c".
  const std::string both = fmt::format("{}:{}{}", user.size(), user, password);
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  const std::string& secret = policies_.secret();
  ::HMAC(::EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char*>(both.data()), both.size(), out, &size);
  return {reinterpret_cast<const char*>(out), size};
}

std::string CredentialMemory::credential_of(std::string_view user) const {
  const User* found = policies_.current()->find_user(user);
  std::string credential;
  if (found != nullptr) {
    for (const auto& [mechanism, scram] : found->scram) credential += scram.stored_key;
    credential += found->password_hash;
  }
  return credential;
}

runtime::Task<Result<Principal>> CredentialMemory::check_password(std::string user, std::string password,
                                                                  std::string peer) {
  const MonoTime now = runtime::Shard::current().now();
  const std::string key = key_of(user, password);
  if (const auto found = passwords_.find(key); found != passwords_.end()) {
    if (now < found->second.until && found->second.stored_key == credential_of(user))
      co_return Principal{principal_of(user), host_of(peer)};
    passwords_.erase(found);
  }
  std::string credential = credential_of(user);
  auto principal = co_await logins_.check_password(std::move(user), std::move(password), std::move(peer));
  if (!principal) co_return principal;
  make_room(passwords_);
  passwords_[key] = {std::move(credential), now + kFor};
  co_return principal;
}

runtime::Task<Result<Principal>> CredentialMemory::check_token(std::string token, std::string peer) {
  if (token.starts_with(kTokenPrefix)) co_return co_await logins_.check_token(std::move(token), std::move(peer));
  const MonoTime now = runtime::Shard::current().now();
  const std::string key = key_of("", token);
  if (const auto found = tokens_.find(key); found != tokens_.end()) {
    const IssuedToken& known = found->second;
    if (now < known.until && known.issuer == policies_.token_issuer()) {
      Principal owner = known.owner;
      owner.host = host_of(peer);
      co_return owner;
    }
    tokens_.erase(found);
  }
  const std::shared_ptr<const TokenIssuer> issuer = policies_.token_issuer();
  auto owner = co_await logins_.check_token(std::move(token), std::move(peer));
  if (!owner) co_return owner;
  const Milliseconds left(owner->expires.value() - runtime::Shard::current().wall_now().value());
  make_room(tokens_);
  tokens_[key] = {*owner, issuer, now + std::min(left, kFor)};
  co_return owner;
}

}  // namespace leat::security
