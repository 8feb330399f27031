#include "security/password.h"

#include <argon2.h>
#include <crypt.h>
#include <openssl/crypto.h>

#include <charconv>
#include <new>
#include <stdexcept>

#include "security/base64.h"

namespace leat::security {
namespace {

constexpr std::string_view kArgon2Prefix = "$argon2id$";
constexpr std::size_t kArgon2StringBytesMax = 256;
constexpr std::size_t kBcryptStringBytes = 60;  // "$2b$" cost "$" 22 of salt, 31 of hash
constexpr std::size_t kBcryptHashChars = 31;
constexpr std::size_t kBcryptPasswordBytesMax = 72;
constexpr std::string_view kBcryptAlphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

struct Argon2 {
  std::uint32_t memory_kib = kArgon2MemoryKib;
  std::uint32_t passes = kArgon2Passes;
  std::uint32_t lanes = kArgon2Lanes;
  std::string salt;
  std::string hash;
};

std::unexpected<Error> refuse(std::string message) { return fail(Errc::invalid_argument, std::move(message)); }

// Up to the next `end`, which is taken too.
std::string_view take(std::string_view& text, char end) {
  const std::string_view part = text.substr(0, text.find(end));
  text.remove_prefix(std::min(text.size(), part.size() + 1));
  return part;
}

// "m=19456", in digits without a zero before them.
std::optional<std::uint32_t> number_of(std::string_view part, std::string_view name) {
  if (!part.starts_with(name) || part.size() == name.size() || part[name.size()] == '0') return std::nullopt;
  std::uint32_t value = 0;
  const char* const last = part.data() + part.size();
  const auto [end, failure] = std::from_chars(part.data() + name.size(), last, value);
  if (failure != std::errc{} || end != last) return std::nullopt;
  return value;
}

// PHC strings leave the padding out.
std::string unpadded_base64(std::string_view bytes) {
  std::string text = base64(bytes);
  while (text.ends_with('=')) text.pop_back();
  return text;
}
std::optional<std::string> unpadded_base64_decoded(std::string_view text) {
  std::string padded(text);
  if (padded.ends_with('=')) return std::nullopt;
  padded.append((4 - padded.size() % 4) % 4, '=');
  return base64_decoded(padded);
}

Result<Argon2> parse_argon2(std::string_view text) {
  constexpr std::string_view kForm = "an argon2id hash reads $argon2id$v=19$m=KIB,t=PASSES,p=LANES$SALT$HASH";
  if (text.size() > kArgon2StringBytesMax || std::ranges::count(text, '$') != 5) return refuse(std::string(kForm));
  text.remove_prefix(kArgon2Prefix.size());
  if (take(text, '$') != "v=19") return refuse("argon2id is taken in version 19 (v=19) and no other");
  std::string_view parameters = take(text, '$');
  if (std::ranges::count(parameters, ',') != 2) return refuse(std::string(kForm));
  const auto memory = number_of(take(parameters, ','), "m=");
  const auto passes = number_of(take(parameters, ','), "t=");
  const auto lanes = number_of(parameters, "p=");
  auto salt = unpadded_base64_decoded(take(text, '$'));
  auto hash = unpadded_base64_decoded(text);
  if (!memory || !passes || !lanes || !salt || !hash) return refuse(std::string(kForm));
  if (*memory > kArgon2MemoryKibMax || *passes > kArgon2PassesMax || *lanes > kArgon2LanesMax) {
    return refuse(fmt::format("the hash asks for m={},t={},p={}; at most m={},t={},p={} is taken", *memory, *passes,
                              *lanes, kArgon2MemoryKibMax, kArgon2PassesMax, kArgon2LanesMax));
  }
  if (*memory < 8 * *lanes) return refuse("argon2 needs 8 KiB of memory (m) for each lane (p)");
  if (salt->size() < 8 || salt->size() > 64) return refuse("the salt of an argon2id hash has 8 to 64 bytes");
  if (hash->size() < 16 || hash->size() > 64) return refuse("the end of an argon2id hash has 16 to 64 bytes");
  return Argon2{*memory, *passes, *lanes, *std::move(salt), *std::move(hash)};
}

Status check_bcrypt(std::string_view text) {
  if (text.size() != kBcryptStringBytes || text[6] != '$' ||
      text.find_first_not_of(kBcryptAlphabet, 7) != std::string_view::npos || text[4] < '0' || text[4] > '9' ||
      text[5] < '0' || text[5] > '9') {
    return refuse("a bcrypt hash reads $2b$COST$ and 53 characters, with a cost of two digits");
  }
  const auto cost = static_cast<std::uint32_t>((text[4] - '0') * 10 + (text[5] - '0'));
  if (cost < kBcryptCostMin || cost > kBcryptCostMax)
    return refuse(fmt::format("the hash has a cost of {}; {} to {} is taken", cost, kBcryptCostMin, kBcryptCostMax));
  return {};
}

bool is_bcrypt(std::string_view hash) {
  return hash.starts_with("$2a$") || hash.starts_with("$2b$") || hash.starts_with("$2y$");
}

// Of argon2id with the parameters and the salt of `made`, as many bytes as its hash has. On this thread alone, whatever
// the lanes.
void hash_into(std::span<std::uint8_t> out, const Argon2& made, std::string_view password) {
  // libargon2 takes both as mutable and, without the flags that say so, leaves them as they are.
  auto* const password_bytes = const_cast<char*>(password.data());
  auto* const salt = const_cast<char*>(made.salt.data());
  argon2_context context{};
  context.out = out.data();
  context.outlen = static_cast<std::uint32_t>(out.size());
  context.pwd = reinterpret_cast<std::uint8_t*>(password_bytes);
  context.pwdlen = static_cast<std::uint32_t>(password.size());
  context.salt = reinterpret_cast<std::uint8_t*>(salt);
  context.saltlen = static_cast<std::uint32_t>(made.salt.size());
  context.t_cost = made.passes;
  context.m_cost = made.memory_kib;
  context.lanes = made.lanes;
  context.threads = 1;
  context.version = ARGON2_VERSION_13;
  context.flags = ARGON2_DEFAULT_FLAGS;
  const int code = argon2id_ctx(&context);
  if (code == ARGON2_MEMORY_ALLOCATION_ERROR) throw std::bad_alloc();
  if (code != ARGON2_OK) throw std::runtime_error(fmt::format("argon2: {}", argon2_error_message(code)));
}

bool verify_argon2(const Argon2& made, std::string_view password) {
  std::array<std::uint8_t, 64> buffer{};
  const std::span<std::uint8_t> hash(buffer.data(), made.hash.size());
  hash_into(hash, made, password);
  const bool is_same = CRYPTO_memcmp(hash.data(), made.hash.data(), hash.size()) == 0;
  OPENSSL_cleanse(buffer.data(), buffer.size());
  return is_same;
}

bool verify_bcrypt(std::string_view hash, std::string_view password) {
  if (password.contains('\0')) return false;
  std::array<char, kBcryptPasswordBytesMax + 1> phrase{};  // what bcrypt looks at, and a NUL
  std::ranges::copy(password.substr(0, kBcryptPasswordBytesMax), phrase.begin());
  const std::string setting(hash);
  const auto data = std::make_unique<crypt_data>();  // 32 KiB, too much for some stacks
  const char* const made = crypt_rn(phrase.data(), setting.c_str(), data.get(), sizeof(crypt_data));
  // The salts of some makers have bits that are not used; what crypt_rn writes has not. So the hash alone is compared.
  const bool is_same = made != nullptr && std::string_view(made).size() == kBcryptStringBytes &&
                       CRYPTO_memcmp(made + kBcryptStringBytes - kBcryptHashChars,
                                     hash.data() + kBcryptStringBytes - kBcryptHashChars, kBcryptHashChars) == 0;
  OPENSSL_cleanse(phrase.data(), phrase.size());
  OPENSSL_cleanse(data.get(), sizeof(crypt_data));
  return is_same;
}

}  // namespace

Status check_password(std::string_view password) {
  if (password.empty()) return refuse("a password has at least one byte");
  if (password.size() > kPasswordBytesMax)
    return refuse(fmt::format("a password has at most {} bytes", kPasswordBytesMax));
  return {};
}

std::string hash_password(std::string_view password, std::span<const std::byte> salt16) {
  if (const Status checked = check_password(password); !checked) throw std::invalid_argument(checked.error().message);
  if (salt16.size() != kArgon2SaltBytes) throw std::invalid_argument("the salt of a new password hash has 16 bytes");
  Argon2 made;
  made.salt.assign(reinterpret_cast<const char*>(salt16.data()), salt16.size());
  std::array<std::uint8_t, kArgon2HashBytes> hash;
  hash_into(hash, made, password);
  return fmt::format("{}v={}$m={},t={},p={}${}${}", kArgon2Prefix, static_cast<int>(ARGON2_VERSION_13), made.memory_kib,
                     made.passes, made.lanes, unpadded_base64(made.salt),
                     unpadded_base64({reinterpret_cast<const char*>(hash.data()), hash.size()}));
}

bool verify_password(std::string_view hash, std::string_view password) {
  if (!check_password(password)) return false;
  if (is_bcrypt(hash)) return check_bcrypt(hash) && verify_bcrypt(hash, password);
  if (!hash.starts_with(kArgon2Prefix)) return false;
  const auto made = parse_argon2(hash);
  return made && verify_argon2(*made, password);
}

Status check_password_hash(std::string_view hash) {
  if (is_bcrypt(hash)) return check_bcrypt(hash);
  if (!hash.starts_with(kArgon2Prefix)) return refuse("a password hash starts with $argon2id$, $2a$, $2b$ or $2y$");
  LEAT_TRY([[maybe_unused]] const Argon2 made, parse_argon2(hash));
  return {};
}

}  // namespace leat::security
