#include "security/token.h"

#include <openssl/sha.h>

#include "security/base64.h"
#include "security/random.h"

namespace leat::security {
namespace {

constexpr std::size_t kTokenIdSize = 12;
constexpr std::size_t kTokenSecretBytes = 32;
constexpr std::size_t kKeyIdSize = 16;
constexpr std::size_t kKeySecretBytes = 30;

// One of 32 characters for each random byte.
std::string random_text(std::size_t size, std::string_view alphabet) {
  std::string text = random_bytes(size);
  for (char& c : text) c = alphabet[static_cast<unsigned char>(c) % alphabet.size()];
  return text;
}

}  // namespace

std::string token_hash(std::string_view text) {
  std::string hash(SHA256_DIGEST_LENGTH, '\0');
  ::SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
           reinterpret_cast<unsigned char*>(hash.data()));
  return hash;
}

NewToken make_token(std::string note, Timestamp now, Timestamp expires) {
  NewToken made;
  made.token.id = random_text(kTokenIdSize, "abcdefghijkmnpqrstuvwxyz23456789");
  made.text = fmt::format("{}{}_{}", kTokenPrefix, made.token.id, base64url(random_bytes(kTokenSecretBytes)));
  made.token.hash = token_hash(made.text);
  made.token.note = std::move(note);
  made.token.created = now;
  made.token.expires = expires;
  return made;
}

AccessKey make_access_key(std::string note, Timestamp now) {
  return {.id = "LEAT" + random_text(kKeyIdSize, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
          .secret = base64(random_bytes(kKeySecretBytes)),
          .note = std::move(note),
          .created = now};
}

}  // namespace leat::security
