#include "security/sigv4.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <charconv>

namespace leat::security {
namespace {

using Sha256 = std::array<std::uint8_t, 32>;

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kAwsPrefix = "x-amz-";
// Another key, region or day needs another signing key; a client that invents them must not fill the memory.
constexpr std::size_t kSigningKeysMax = 1000;

std::unexpected<SigV4Error> refuse(SigV4Failure failure, std::string message) {
  return std::unexpected(SigV4Error{failure, std::move(message)});
}

Sha256 sha256(std::string_view bytes) {
  Sha256 out;
  EVP_Q_digest(nullptr, "SHA256", nullptr, bytes.data(), bytes.size(), out.data(), nullptr);
  return out;
}
Sha256 hmac(std::span<const std::uint8_t> key, std::string_view bytes) {
  Sha256 out;
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(bytes.data()),
       bytes.size(), out.data(), &size);
  return out;
}
std::string hex(std::span<const std::uint8_t> bytes) {
  std::string out;
  for (const std::uint8_t byte : bytes) fmt::format_to(std::back_inserter(out), "{:02x}", byte);
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit_of(text[i + 1]) >= 0 && digit_of(text[i + 2]) >= 0) {
      out += static_cast<char>(digit_of(text[i + 1]) * 16 + digit_of(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

void append_encoded(std::string_view text, std::string_view also_plain, std::string& out) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          std::string_view("-_.~").contains(c) || also_plain.contains(c);
    if (is_plain) {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", byte);
    }
  }
}

// Without "." and ".." and repeated slashes, then encoded (once more, where the path was sent encoded).
std::string canonical_path(std::string_view path) {
  std::vector<std::string_view> parts;
  std::string_view rest = path;
  bool ends_with_slash = true;
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find('/'));
    ends_with_slash = part.size() < rest.size();
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
      ends_with_slash = true;
    } else if (part == ".") {
      ends_with_slash = true;
    } else if (!part.empty()) {
      parts.push_back(part);
    }
  }
  std::string out;
  for (const std::string_view part : parts) {
    out += '/';
    append_encoded(part, "", out);
  }
  if (out.empty() || ends_with_slash) out += '/';
  return out;
}

using Parameters = std::vector<std::pair<std::string, std::string>>;  // decoded

Parameters parse_query(std::string_view query) {
  Parameters parameters;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const std::string_view name = pair.substr(0, pair.find('='));
    const std::string_view value = name.size() == pair.size() ? std::string_view() : pair.substr(name.size() + 1);
    parameters.emplace_back(percent_decoded(name), percent_decoded(value));
  }
  return parameters;
}

std::string canonical_query(const Parameters& parameters, bool is_presigned) {
  std::vector<std::pair<std::string, std::string>> encoded;
  for (const auto& [name, value] : parameters) {
    if (is_presigned && name == "X-Amz-Signature") continue;
    auto& [encoded_name, encoded_value] = encoded.emplace_back();
    append_encoded(name, "", encoded_name);
    append_encoded(value, "", encoded_value);
  }
  std::ranges::sort(encoded);
  std::string out;
  for (const auto& [name, value] : encoded) out += fmt::format("{}{}={}", out.empty() ? "" : "&", name, value);
  return out;
}

std::string trimmed(std::string_view value) {
  std::string out;
  for (const char c : value) {
    const bool is_blank = c == ' ' || c == '\t';
    if (!is_blank) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

std::string_view header(const SignedRequest& request, std::string_view lower_name) {
  for (const auto& [name, value] : request.headers) {
    if (name.size() == lower_name.size() && lower(name) == lower_name) return value;
  }
  return {};
}

// "20150830T123600Z" to milliseconds since the epoch.
std::optional<Timestamp> parse_time(std::string_view text) {
  if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') return std::nullopt;
  const auto number = [text](std::size_t at, std::size_t size) -> int {
    int value = -1;
    const auto [end, failure] = std::from_chars(text.data() + at, text.data() + at + size, value);
    return failure == std::errc{} && end == text.data() + at + size ? value : -1;
  };
  const int hour = number(9, 2), minute = number(11, 2), second = number(13, 2);
  const std::chrono::year_month_day day{std::chrono::year(number(0, 4)),
                                        std::chrono::month(static_cast<unsigned>(number(4, 2))),
                                        std::chrono::day(static_cast<unsigned>(number(6, 2)))};
  if (!day.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(day).time_since_epoch().count();
  return Timestamp((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000);
}

std::optional<Credential> parse_credential(std::string_view text) {
  std::array<std::string_view, 5> parts;
  for (std::size_t i = 5; i-- > 1;) {  // from the end: an id may have slashes
    const auto slash = text.rfind('/');
    if (slash == std::string_view::npos) return std::nullopt;
    parts[i] = text.substr(slash + 1);
    text = text.substr(0, slash);
  }
  if (parts[4] != "aws4_request" || text.empty()) return std::nullopt;
  return Credential{text, parts[1], parts[2], parts[3]};
}

// The signature's parts, wherever they stand.
struct Claim {
  std::string credential_text;
  std::string signed_headers;
  std::string signature;
  std::string time;
  std::optional<std::int64_t> expires_seconds;  // of a presigned request
  bool is_presigned = false;
};

std::optional<std::string_view> part_of(std::string_view authorization, std::string_view name) {
  while (!authorization.empty()) {
    const auto first = authorization.find_first_not_of(" ,");
    if (first == std::string_view::npos) break;
    authorization.remove_prefix(first);
    const std::string_view part = authorization.substr(0, authorization.find_first_of(" ,"));
    authorization.remove_prefix(part.size());
    if (part.starts_with(name) && part.substr(name.size(), 1) == "=") return part.substr(name.size() + 1);
  }
  return std::nullopt;
}

std::expected<Claim, SigV4Error> read_header_claim(const SignedRequest& request, std::string_view authorization) {
  Claim claim;
  if (!authorization.starts_with(kAlgorithm) || authorization.substr(kAlgorithm.size(), 1) != " ")
    return refuse(SigV4Failure::incomplete, "Authorization header requires the AWS4-HMAC-SHA256 algorithm.");
  authorization.remove_prefix(kAlgorithm.size());
  const auto credential = part_of(authorization, "Credential");
  const auto headers = part_of(authorization, "SignedHeaders");
  const auto signature = part_of(authorization, "Signature");
  if (!credential) return refuse(SigV4Failure::incomplete, "Authorization header requires 'Credential' parameter.");
  if (!headers) return refuse(SigV4Failure::incomplete, "Authorization header requires 'SignedHeaders' parameter.");
  if (!signature) return refuse(SigV4Failure::incomplete, "Authorization header requires 'Signature' parameter.");
  claim.credential_text = *credential;
  claim.signed_headers = *headers;
  claim.signature = *signature;
  claim.time = header(request, "x-amz-date");
  if (claim.time.empty()) claim.time = header(request, "date");
  return claim;
}

std::expected<Claim, SigV4Error> read_query_claim(const Parameters& parameters) {
  Claim claim;
  claim.is_presigned = true;
  std::string algorithm;
  std::string expires;
  for (const auto& [name, value] : parameters) {
    if (name == "X-Amz-Algorithm") algorithm = value;
    if (name == "X-Amz-Credential") claim.credential_text = value;
    if (name == "X-Amz-SignedHeaders") claim.signed_headers = value;
    if (name == "X-Amz-Signature") claim.signature = value;
    if (name == "X-Amz-Date") claim.time = value;
    if (name == "X-Amz-Expires") expires = value;
  }
  std::int64_t seconds = 0;
  const auto [end, failure] = std::from_chars(expires.data(), expires.data() + expires.size(), seconds);
  if (algorithm != kAlgorithm || claim.credential_text.empty() || claim.signed_headers.empty() ||
      claim.signature.empty() || failure != std::errc{} || end != expires.data() + expires.size() || seconds < 0) {
    return refuse(SigV4Failure::incomplete,
                  "AWS query-string parameters must include X-Amz-Algorithm, X-Amz-Credential, X-Amz-Date, "
                  "X-Amz-Expires, X-Amz-SignedHeaders and X-Amz-Signature.");
  }
  claim.expires_seconds = seconds;
  return claim;
}

bool is_presigned(const SignedRequest& request) { return request.query.contains("X-Amz-Credential="); }

std::expected<Claim, SigV4Error> read_claim(const SignedRequest& request, const Parameters& parameters) {
  if (const auto authorization = header(request, "authorization"); !authorization.empty())
    return read_header_claim(request, authorization);
  if (is_presigned(request)) return read_query_claim(parameters);
  return refuse(SigV4Failure::missing, "Request is missing Authentication Token");
}

// Whether a name is one of those in a list with ';' between them.
bool is_listed(std::string_view names, std::string_view wanted) {
  while (!names.empty()) {
    const std::string_view name = names.substr(0, names.find(';'));
    if (name == wanted) return true;
    names.remove_prefix(std::min(names.size(), name.size() + 1));
  }
  return false;
}

// Headers of this prefix say what is asked for: left out of the signature, somebody on the way could change them.
bool covers_what_it_must(const SignedRequest& request, const Claim& claim) {
  return is_listed(claim.signed_headers, "host") && std::ranges::all_of(request.headers, [&claim](const auto& header) {
           const std::string name = lower(header.first.substr(0, kAwsPrefix.size()));
           return name != kAwsPrefix || is_listed(claim.signed_headers, lower(header.first));
         });
}

// The request as its signer wrote it down, hashed. Nothing when the signature leaves out what it must cover.
std::optional<Sha256> canonical_hash(const SignedRequest& request, const Parameters& parameters, const Claim& claim) {
  if (!covers_what_it_must(request, claim)) return std::nullopt;
  std::string text = fmt::format("{}\n{}\n{}\n", request.method, canonical_path(request.path),
                                 canonical_query(parameters, claim.is_presigned));
  std::string_view names = claim.signed_headers;
  while (!names.empty()) {
    const std::string_view wanted = names.substr(0, names.find(';'));
    names.remove_prefix(std::min(names.size(), wanted.size() + 1));
    std::string values;
    bool is_there = false;
    for (const auto& [name, value] : request.headers) {
      if (name.size() != wanted.size() || lower(name) != wanted) continue;
      values += (is_there ? "," : "") + trimmed(value);
      is_there = true;
    }
    if (!is_there) return std::nullopt;
    text += fmt::format("{}:{}\n", wanted, values);
  }
  text += fmt::format("\n{}\n{}", claim.signed_headers, hex(sha256(request.body)));
  return sha256(text);
}

std::expected<void, SigV4Error> check_time(const Claim& claim, const Credential& credential, Timestamp now,
                                           const SigV4Limits& limits) {
  const auto made = parse_time(claim.time);
  if (!made || claim.time.substr(0, 8) != credential.date) {
    return refuse(SigV4Failure::incomplete,
                  "X-Amz-Date must be in ISO8601 basic form, of the day that the credential names.");
  }
  const std::int64_t age = now.value() - made->value();
  std::int64_t age_max = limits.clock_skew_max.count();
  if (claim.expires_seconds) {
    if (*claim.expires_seconds > limits.presigned_max.count() / 1000)
      return refuse(SigV4Failure::incomplete, "X-Amz-Expires must be less than a week (in seconds).");
    age_max = *claim.expires_seconds * 1000;
  }
  if (age > age_max) return refuse(SigV4Failure::expired, fmt::format("Signature expired: {} is too old", claim.time));
  if (-age > limits.clock_skew_max.count())
    return refuse(SigV4Failure::expired, fmt::format("Signature not yet current: {} is in the future", claim.time));
  return {};
}

}  // namespace

Result<AccessKeys> parse_access_keys(const std::vector<std::string>& texts) {
  AccessKeys keys;
  for (const std::string& text : texts) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
      return fail(Errc::invalid_config, "an access key is written as ID=SECRET");
    keys.add(text.substr(0, equals), text.substr(equals + 1));
  }
  return keys;
}

std::optional<Credential> claimed_credential(const SignedRequest& request) {
  if (const auto authorization = header(request, "authorization"); !authorization.empty()) {
    const auto credential = part_of(authorization, "Credential");
    return credential ? parse_credential(*credential) : std::nullopt;
  }
  return std::nullopt;
}

const SigV4Verifier::Key& SigV4Verifier::signing_key(const Credential& credential, const std::string& secret) {
  const std::string scope = fmt::format("{}/{}/{}", credential.key_id, credential.date, credential.region);
  if (const auto found = signing_keys_.find(scope); found != signing_keys_.end()) return found->second;
  if (signing_keys_.size() >= kSigningKeysMax) signing_keys_.clear();
  const std::string start = "AWS4" + secret;
  Key key = hmac({reinterpret_cast<const std::uint8_t*>(start.data()), start.size()}, credential.date);
  key = hmac(key, credential.region);
  key = hmac(key, credential.service);
  key = hmac(key, "aws4_request");
  return signing_keys_.emplace(scope, key).first->second;
}

std::expected<SigV4Verifier::Verified, SigV4Error> SigV4Verifier::verify(const SignedRequest& request, Timestamp now) {
  const Parameters parameters = parse_query(request.query);
  LEAT_TRY(const Claim claim, read_claim(request, parameters));
  const auto credential = parse_credential(claim.credential_text);
  if (!credential) return refuse(SigV4Failure::incomplete, "Credential must have 5 parts, separated by slashes.");
  if (credential->service != service_) {
    return refuse(SigV4Failure::mismatch,
                  fmt::format("Credential should be scoped to correct service: '{}'.", service_));
  }
  const std::string* secret = find_secret_(credential->key_id);
  if (secret == nullptr) {
    return refuse(SigV4Failure::unknown_key, "The security token included in the request is invalid.");
  }
  LEAT_CHECK(check_time(claim, *credential, now, limits_));
  const auto hash = canonical_hash(request, parameters, claim);
  if (!hash) {
    return refuse(
        SigV4Failure::mismatch,
        "The signature must cover the headers Host and X-Amz-..., and every header that it covers must be there.");
  }
  const std::string to_sign = fmt::format("{}\n{}\n{}/{}/{}/aws4_request\n{}", kAlgorithm, claim.time, credential->date,
                                          credential->region, credential->service, hex(*hash));
  const std::string expected = hex(hmac(signing_key(*credential, *secret), to_sign));
  if (expected.size() != claim.signature.size() ||
      CRYPTO_memcmp(expected.data(), claim.signature.data(), expected.size()) != 0) {
    return refuse(SigV4Failure::mismatch,
                  "The request signature we calculated does not match the signature you provided. Check your AWS "
                  "Secret Access Key and signing method.");
  }
  return Verified{std::string(credential->key_id), std::string(credential->region)};
}

}  // namespace leat::security
