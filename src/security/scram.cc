#include "security/scram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <charconv>
#include <stdexcept>

#include "security/base64.h"

namespace leat::security {
namespace {

// What a server may make a client count to.
constexpr std::uint32_t kClientIterationsMax = 1'000'000;

// Bytes that are wiped when they are no longer needed.
struct Secret {
  explicit Secret(std::string made) : bytes(std::move(made)) {}
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { OPENSSL_cleanse(bytes.data(), bytes.size()); }
  std::string bytes;
};

const EVP_MD* digest_of(ScramMechanism mechanism) {
  return mechanism == ScramMechanism::sha256 ? EVP_sha256() : EVP_sha512();
}
const unsigned char* data_of(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
unsigned char* data_of(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

void demand(bool is_done, const char* what) {
  if (!is_done) throw std::runtime_error(fmt::format("OpenSSL does not make a {}", what));
}

std::string hmac(ScramMechanism mechanism, std::string_view key, std::string_view bytes) {
  std::string out(scram_key_bytes(mechanism), '\0');
  demand(HMAC(digest_of(mechanism), key.data(), static_cast<int>(key.size()), data_of(bytes), bytes.size(),
              data_of(out), nullptr) != nullptr,
         "HMAC");
  return out;
}

std::string hash(ScramMechanism mechanism, std::string_view bytes) {
  std::string out(scram_key_bytes(mechanism), '\0');
  demand(EVP_Digest(bytes.data(), bytes.size(), data_of(out), nullptr, digest_of(mechanism), nullptr) == 1, "hash");
  return out;
}

// Hi() of RFC 5802, section 2.2.
std::string salted(ScramMechanism mechanism, std::string_view password, std::string_view salt,
                   std::uint32_t iterations) {
  std::string out(scram_key_bytes(mechanism), '\0');
  demand(PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), data_of(salt),
                           static_cast<int>(salt.size()), static_cast<int>(iterations), digest_of(mechanism),
                           static_cast<int>(out.size()), data_of(out)) == 1,
         "salted password");
  return out;
}

bool is_same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::unexpected<Error> malformed(std::string message) {
  return fail(Errc::invalid_argument, "SCRAM: " + std::move(message));
}
std::unexpected<Error> unsupported(std::string message) {
  return fail(Errc::unsupported, "SCRAM: " + std::move(message));
}

std::vector<std::string_view> parts_of(std::string_view message) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto comma = message.find(',');
    parts.push_back(message.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    message.remove_prefix(comma + 1);
  }
}

// What follows "n=" and the like; nullopt for another attribute.
std::optional<std::string_view> value_of(std::string_view part, std::string_view attribute) {
  if (!part.starts_with(attribute)) return std::nullopt;
  return part.substr(attribute.size());
}

bool is_nonce(std::string_view text, std::size_t size_max) {
  return !text.empty() && text.size() <= size_max &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~' && c != ','; });
}

// A saslname with "=2C" for a comma and "=3D" for an equals sign.
std::optional<std::string> decoded_name(std::string_view text) {
  std::string name;
  while (!text.empty()) {
    if (text.starts_with('\0')) return std::nullopt;
    if (!text.starts_with('=')) {
      name += text.front();
      text.remove_prefix(1);
    } else if (text.starts_with("=2C") || text.starts_with("=3D")) {
      name += text[1] == '2' ? ',' : '=';
      text.remove_prefix(3);
    } else {
      return std::nullopt;
    }
  }
  if (name.empty()) return std::nullopt;
  return name;
}

// Extensions have names of letters, which may be more than one for Kafka, and some value.
Status check_extensions(std::span<const std::string_view> parts) {
  for (const std::string_view part : parts) {
    const auto equals = part.find('=');
    const std::string_view name = part.substr(0, equals);
    const bool has_name = !name.empty() && std::ranges::all_of(name, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    });
    if (!has_name || equals == std::string_view::npos || equals + 1 == part.size() || part.contains('\0'))
      return malformed("an extension is not of the form name=value");
    if (name == "m") return unsupported("mandatory extensions (m=) are not known here");
    if (name == "tokenauth" && part != "tokenauth=false")
      return unsupported("delegation tokens (tokenauth=true) are not offered");
  }
  return {};
}

}  // namespace

std::string_view to_string(ScramMechanism mechanism) {
  switch (mechanism) {
    case ScramMechanism::sha256: return "SCRAM-SHA-256";
    case ScramMechanism::sha512: return "SCRAM-SHA-512";
  }
  return "unknown";
}

std::optional<ScramMechanism> scram_mechanism_of(std::string_view name) {
  for (const ScramMechanism mechanism : {ScramMechanism::sha256, ScramMechanism::sha512}) {
    if (name == to_string(mechanism)) return mechanism;
  }
  return std::nullopt;
}

std::size_t scram_key_bytes(ScramMechanism mechanism) { return mechanism == ScramMechanism::sha256 ? 32 : 64; }

ScramCredential scram_credential(ScramMechanism mechanism, std::string_view password, std::string_view salt,
                                 std::uint32_t iterations) {
  const Secret salted_password(salted(mechanism, password, salt, iterations));
  return scram_credential_of_salted(mechanism, salted_password.bytes, salt, iterations);
}

ScramCredential scram_credential_of_salted(ScramMechanism mechanism, std::string_view salted_password,
                                           std::string_view salt, std::uint32_t iterations) {
  const Secret client_key(hmac(mechanism, salted_password, "Client Key"));
  return {std::string(salt), iterations, hash(mechanism, client_key.bytes),
          hmac(mechanism, salted_password, "Server Key")};
}

Status check_scram_credential(ScramMechanism mechanism, const ScramCredential& credential) {
  if (credential.iterations < kScramIterationsMin || credential.iterations > kScramIterationsMax) {
    return malformed(fmt::format("{} iterations; {} to {} are taken", credential.iterations, kScramIterationsMin,
                                 kScramIterationsMax));
  }
  if (credential.salt.empty() || credential.salt.size() > kScramSaltBytesMax)
    return malformed(fmt::format("a salt of {} bytes; 1 to {} are taken", credential.salt.size(), kScramSaltBytesMax));
  const std::size_t key_bytes = scram_key_bytes(mechanism);
  if (credential.stored_key.size() != key_bytes || credential.server_key.size() != key_bytes)
    return malformed(fmt::format("the keys of {} have {} bytes", to_string(mechanism), key_bytes));
  return {};
}

bool scram_matches(ScramMechanism mechanism, const ScramCredential& credential, std::string_view password) {
  if (password.contains('\0')) return false;  // HMAC pads with them: "a" and "a\0" are one key
  const ScramCredential made = scram_credential(mechanism, password, credential.salt, credential.iterations);
  return is_same(made.stored_key, credential.stored_key);
}

ScramCredential scram_decoy(ScramMechanism mechanism, std::string_view secret, std::string_view user,
                            std::uint32_t iterations) {
  const auto derived = [mechanism, secret, user](std::string_view purpose) {
    return hmac(mechanism, secret, fmt::format("{}: {}", purpose, user));
  };
  return {derived("salt").substr(0, kScramSaltBytes), iterations, derived("stored key"), derived("server key")};
}

ScramServer::ScramServer(ScramMechanism mechanism, std::string nonce)
    : mechanism_(mechanism), nonce_(std::move(nonce)) {}

ScramServer::~ScramServer() {
  OPENSSL_cleanse(stored_key_.data(), stored_key_.size());
  OPENSSL_cleanse(server_key_.data(), server_key_.size());
}

Result<std::string> ScramServer::user_of_first(std::string_view client_first) {
  const bool is_expected = step_ == Step::client_first;
  step_ = Step::over;
  if (!is_expected) return malformed("a first message is not expected now");
  if (!is_nonce(nonce_, kScramNonceBytesMax)) return fail(Errc::internal, "SCRAM: the server's nonce is none");
  auto user = read_first(client_first);
  if (user) step_ = Step::server_first;
  return user;
}

Result<std::string> ScramServer::read_first(std::string_view message) {
  if (message.size() > kScramMessageBytesMax) return malformed("the first message is too long");
  const std::vector<std::string_view> parts = parts_of(message);
  if (parts[0].starts_with("p=")) return unsupported("channel binding (p=) is not offered");
  if (parts[0] != "n" && parts[0] != "y") return malformed("the first message starts with neither n, nor y,");
  if (parts.size() > 2 && parts[2].starts_with("m="))
    return unsupported("mandatory extensions (m=) are not known here");
  if (parts.size() < 4) return malformed("the first message is incomplete");
  const auto name = value_of(parts[2], "n=");
  const auto nonce = value_of(parts[3], "r=");
  if (!name || !nonce) return malformed("the first message has no user name and nonce where they belong");
  auto user = decoded_name(*name);
  if (!user) return malformed("the user name is empty or not encoded as it should be");
  if (!is_nonce(*nonce, kScramNonceBytesMax))
    return malformed(fmt::format("a nonce has 1 to {} printable ASCII characters", kScramNonceBytesMax));
  LEAT_CHECK(check_extensions(std::span(parts).subspan(4)));
  if (!parts[1].empty()) {
    const auto other = value_of(parts[1], "a=");
    const auto authorized = other ? decoded_name(*other) : std::nullopt;
    if (!authorized) return malformed("the part before the user name is not a=NAME");
    if (*authorized != *user) return unsupported("acting for another user (a=) is not offered");
  }
  const auto bare_at = static_cast<std::size_t>(parts[2].data() - message.data());
  channel_ = base64(message.substr(0, bare_at));
  auth_message_ = message.substr(bare_at);
  server_nonce_ = std::exchange(nonce_, std::string(*nonce) + nonce_);
  return *std::move(user);
}

std::string ScramServer::server_first(const ScramCredential& credential) {
  if (step_ != Step::server_first) throw std::logic_error("SCRAM: there is no first message to answer");
  step_ = Step::client_final;
  stored_key_ = credential.stored_key;
  server_key_ = credential.server_key;
  std::string message = fmt::format("r={},s={},i={}", nonce_, base64(credential.salt), credential.iterations);
  auth_message_ += "," + message;
  return message;
}

Result<std::string> ScramServer::server_final(std::string_view client_final) {
  const bool is_expected = step_ == Step::client_final;
  step_ = Step::over;
  if (!is_expected) return malformed("a final message is not expected now");
  return read_final(client_final);
}

Result<std::string> ScramServer::read_final(std::string_view message) {
  if (message.size() > kScramMessageBytesMax) return malformed("the final message is too long");
  const std::vector<std::string_view> parts = parts_of(message);
  if (parts.size() < 3) return malformed("the final message is incomplete");
  const auto channel = value_of(parts[0], "c=");
  const auto nonce = value_of(parts[1], "r=");
  const auto proof_text = value_of(parts.back(), "p=");
  if (!channel || !nonce || !proof_text)
    return malformed("the final message has no channel binding, nonce and proof where they belong");
  LEAT_CHECK(check_extensions(std::span(parts).subspan(2, parts.size() - 3)));
  if (*channel != channel_) return malformed("the channel binding (c=) is not that of the first message");
  // librdkafka before 2.6 sends its own nonce twice; Kafka's brokers take that, for what proves that the message is fresh is
  // the server's part.
  if (!nonce->ends_with(server_nonce_)) return malformed("the nonce is not that of this exchange");
  auto proof = base64_decoded(*proof_text);
  if (!proof || proof->size() != scram_key_bytes(mechanism_))
    return malformed(fmt::format("the proof is not {} bytes in base64", scram_key_bytes(mechanism_)));
  auth_message_ += ",";
  auth_message_ += message.substr(0, message.size() - parts.back().size() - 1);
  // The proof is the client's key, hidden by a signature that can be made of what is stored.
  Secret client_key(*std::move(proof));
  const std::string signature = hmac(mechanism_, stored_key_, auth_message_);
  for (std::size_t i = 0; i < signature.size(); ++i)
    client_key.bytes[i] = static_cast<char>(client_key.bytes[i] ^ signature[i]);
  if (!is_same(hash(mechanism_, client_key.bytes), stored_key_))
    return fail(Errc::permission_denied, "SCRAM: no such user, or another password");
  return "v=" + base64(hmac(mechanism_, server_key_, auth_message_));
}

std::string scram_salted_password(ScramMechanism mechanism, std::string_view password, std::string_view salt,
                                  std::uint32_t iterations) {
  return salted(mechanism, password, salt, iterations);
}

ScramClient::ScramClient(ScramMechanism mechanism, std::string_view user, std::string password, std::string nonce)
    : mechanism_(mechanism), password_(std::move(password)), nonce_(std::move(nonce)) {
  first_bare_ = "n=";
  for (const char c : user) {
    if (c == ',' || c == '=') {
      first_bare_ += c == ',' ? "=2C" : "=3D";
    } else {
      first_bare_ += c;
    }
  }
  first_bare_ += ",r=" + nonce_;
}

ScramClient::~ScramClient() { OPENSSL_cleanse(password_.data(), password_.size()); }

Result<std::string> ScramClient::final(std::string_view server_first) {
  const auto parts = parts_of(server_first);
  if (parts.size() < 3) return malformed("the server's first message is not whole");
  const auto nonce = value_of(parts[0], "r=");
  const auto salt_text = value_of(parts[1], "s=");
  const auto iterations_text = value_of(parts[2], "i=");
  if (!nonce || !nonce->starts_with(nonce_) || nonce->size() == nonce_.size() || !salt_text || !iterations_text)
    return malformed("the server's first message is not as it should be");
  const auto salt = base64_decoded(*salt_text);
  std::uint32_t iterations = 0;
  const auto [end, failure] =
      std::from_chars(iterations_text->data(), iterations_text->data() + iterations_text->size(), iterations);
  const bool is_number = failure == std::errc() && end == iterations_text->data() + iterations_text->size();
  if (!salt || !is_number || iterations < kScramIterationsMin || iterations > kClientIterationsMax)
    return malformed("the server's salt or iterations cannot be used");
  const Secret salted_password(salted(mechanism_, password_, *salt, iterations));
  const Secret client_key(hmac(mechanism_, salted_password.bytes, "Client Key"));
  const std::string without_proof = fmt::format("c=biws,r={}", *nonce);
  const std::string auth_message = fmt::format("{},{},{}", first_bare_, server_first, without_proof);
  std::string proof = hmac(mechanism_, hash(mechanism_, client_key.bytes), auth_message);
  for (std::size_t i = 0; i < proof.size(); ++i) proof[i] = static_cast<char>(proof[i] ^ client_key.bytes[i]);
  server_signature_ = hmac(mechanism_, hmac(mechanism_, salted_password.bytes, "Server Key"), auth_message);
  return fmt::format("{},p={}", without_proof, base64(proof));
}

bool ScramClient::check(std::string_view server_final) const {
  const auto signature = value_of(parts_of(server_final).front(), "v=");
  const auto decoded = signature ? base64_decoded(*signature) : std::nullopt;
  return decoded && !server_signature_.empty() && is_same(*decoded, server_signature_);
}

}  // namespace leat::security
