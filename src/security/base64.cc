#include "security/base64.h"

#include <openssl/evp.h>

namespace leat::security {

std::string base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // OpenSSL ends it with a NUL
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), reinterpret_cast<const unsigned char*>(bytes.data()),
                  static_cast<int>(bytes.size()));
  text.pop_back();
  return text;
}

std::optional<std::string> base64_decoded(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  if (text.empty()) return std::string();
  std::string bytes(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size != static_cast<int>(bytes.size())) return std::nullopt;
  if (text.ends_with('=')) bytes.pop_back();  // OpenSSL counts the padding as zeros
  if (text.ends_with("==")) bytes.pop_back();
  // It skips blanks and takes bits beyond the last byte; what it read must be all that there was.
  if (base64(bytes) != text) return std::nullopt;
  return bytes;
}

std::string base64url(std::string_view bytes) {
  std::string text = base64(bytes);
  while (text.ends_with('=')) text.pop_back();
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return text;
}

std::optional<std::string> base64url_decoded(std::string_view text) {
  if (text.find_first_of("+/=") != std::string_view::npos) return std::nullopt;
  std::string other(text);
  std::ranges::replace(other, '-', '+');
  std::ranges::replace(other, '_', '/');
  other.append((4 - other.size() % 4) % 4, '=');
  return base64_decoded(other);
}

}  // namespace leat::security
