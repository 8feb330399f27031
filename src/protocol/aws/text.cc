#include "protocol/aws/text.h"

#include "base/json_text.h"

#include <openssl/evp.h>

#include <charconv>
#include <cstring>

namespace leat::aws {
namespace {

// Whether any byte needs a second look: a control character, or the first byte of U+F000 to U+FFFF.
bool has_suspects(std::string_view text) {
  bool found = false;  // no wider than a character, so that as many are compared at a time as fit a register
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    found |= (byte < 0x20) | (byte == 0xEF);
  }
  return found;
}

// Fetching an algorithm and making a context cost more than hashing a small message.
class Digest {
 public:
  explicit Digest(const char* name) : algorithm_(EVP_MD_fetch(nullptr, name, nullptr)), context_(EVP_MD_CTX_new()) {}
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;
  ~Digest() {
    EVP_MD_CTX_free(context_);
    EVP_MD_free(algorithm_);
  }
  void operator()(std::string_view bytes, std::uint8_t* out) {
    unsigned size = 0;
    EVP_DigestInit_ex2(context_, algorithm_, nullptr);
    EVP_DigestUpdate(context_, bytes.data(), bytes.size());
    EVP_DigestFinal_ex(context_, out, &size);
  }

 private:
  EVP_MD* algorithm_;
  EVP_MD_CTX* context_;
};

constexpr auto kBase64Alphabet = [] {
  std::array<bool, 256> is_in{};
  for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))
    is_in[static_cast<unsigned char>(c)] = true;
  return is_in;
}();

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

char* Arena::allocate(std::size_t size) {
  if (size > left_) {
    // What is large gets a block of its own.
    const std::size_t block = std::max(size, kBlockSize);
    char* made = blocks_.emplace_back(std::make_unique_for_overwrite<char[]>(block)).get();
    if (size > kBlockSize / 2) return made;
    free_ = made;
    left_ = block;
  }
  left_ -= size;
  return std::exchange(free_, free_ + size);
}

std::string_view Arena::keep(std::string_view text) {
  if (text.empty()) return kEmptyText;
  char* const copy = allocate(text.size());
  std::memcpy(copy, text.data(), text.size());
  return {copy, text.size()};
}

bool has_aws_characters(std::string_view utf8) {
  if (!has_suspects(utf8)) return true;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto byte = static_cast<unsigned char>(utf8[i]);
    if (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') return false;
    if (byte == 0xEF && utf8.substr(i + 1, 1) == "\xBF" && utf8.substr(i + 2, 1) >= "\xBE") return false;
  }
  return true;
}

bool is_aws_text(std::string_view text) { return is_utf8(text) && has_aws_characters(text); }

std::string to_base64(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  // OpenSSL takes blanks around it, and padding in the middle.
  const auto is_strange = [](char c) { return !kBase64Alphabet[static_cast<unsigned char>(c)]; };
  if (text.size() % 4 != 0 || std::ranges::any_of(text.substr(0, text.size() - padding), is_strange))
    return std::nullopt;
  std::string bytes(3 * (text.size() / 4), '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(size) - padding);
  return bytes;
}

std::string to_base64url(std::string_view bytes) {
  std::string text = to_base64(bytes);
  while (text.ends_with('=')) text.pop_back();
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return text;
}

std::optional<std::string> from_base64url(std::string_view text) {
  std::string standard(text);
  if (standard.find_first_of("+/=") != std::string::npos) return std::nullopt;
  std::ranges::replace(standard, '-', '+');
  std::ranges::replace(standard, '_', '/');
  standard.append((4 - standard.size() % 4) % 4, '=');
  return from_base64(standard);
}

std::string_view form_decoded(std::string_view text, Arena& arena) {
  if (text.find_first_of("%+") == std::string_view::npos) return is_set(text) ? text : kEmptyText;
  char* const start = arena.allocate(text.size());
  char* at = start;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit_of(text[i + 1]) >= 0 && digit_of(text[i + 2]) >= 0) {
      *at++ = static_cast<char>(digit_of(text[i + 1]) * 16 + digit_of(text[i + 2]));
      i += 2;
    } else {
      *at++ = text[i] == '+' ? ' ' : text[i];
    }
  }
  return {start, static_cast<std::size_t>(at - start)};
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || std::string_view("-_.~").contains(c)) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
  }
  return out;
}

Md5 md5_of(std::string_view bytes) {
  thread_local Digest digest("MD5");
  Md5 out;
  digest(bytes, out.data());
  return out;
}

std::string hex(std::span<const std::uint8_t> bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out(2 * bytes.size(), '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    out[2 * i] = kDigits[bytes[i] >> 4];
    out[2 * i + 1] = kDigits[bytes[i] & 15];
  }
  return out;
}

std::optional<std::int64_t> to_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace leat::aws
