#include "security/jwt.h"

#include "security/base64.h"
#include "security/jose_json.h"
#include "security/user.h"

namespace leat::security {
namespace {

using Json = nlohmann::json;

constexpr double kLastSecond = 253'402'300'799;  // of the year 9999
constexpr std::size_t kShownBytesMax = 200;

std::unexpected<Error> refuse(std::string_view why) {
  return fail(Errc::permission_denied, fmt::format("the token {}", why));
}

struct Parts {
  std::string_view header;
  std::string_view claims;
  std::string_view signature;
};
std::optional<Parts> parts_of(std::string_view token) {
  const auto first = token.find('.');
  const auto last = token.rfind('.');
  if (first == last) return std::nullopt;  // none, or one
  return Parts{token.substr(0, first), token.substr(first + 1, last - first - 1), token.substr(last + 1)};
}

bool is_base64url(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

std::optional<Json> object_of(std::string_view part) {
  const auto text = base64url_decoded(part);
  return text ? parse_jose_object(*text) : std::nullopt;
}

bool is_type_of_token(std::string_view type) {
  std::string lower(type);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  std::string_view name = lower;
  if (name.starts_with("application/")) name.remove_prefix(std::string_view("application/").size());
  return name == "jwt" || name == "at+jwt";
}

// What the header says, as far as it decides how the signature is looked at.
struct Head {
  const JwsAlgorithm* algorithm = nullptr;
  std::optional<std::string> key_id;
};
Result<Head> read_head(std::string_view part) {
  const auto header = object_of(part);
  if (!header) return refuse("has no header that can be read");
  if (header->contains("crit")) return refuse("asks for what leat does not know (crit)");
  if (header->contains("typ")) {
    const std::string* type = text_member(*header, "typ");
    if (type == nullptr || !is_type_of_token(*type)) return refuse("is of a type that gives no access (typ)");
  }
  Head head;
  const std::string* algorithm = text_member(*header, "alg");
  if (algorithm != nullptr) head.algorithm = jws_algorithm(*algorithm);
  if (head.algorithm == nullptr) return refuse("is not signed by an algorithm with public keys that leat knows (alg)");
  if (header->contains("kid")) {
    const std::string* id = text_member(*header, "kid");
    if (id == nullptr) return refuse("names its key by something else than a text (kid)");
    head.key_id = *id;
  }
  return head;
}

// A claim for log lines: of tokens that were signed.
std::string shown(const Json& claim) {
  std::string text = claim.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > kShownBytesMax) text.replace(kShownBytesMax, std::string::npos, "...");
  return text;
}

Status check_audience(const Json& claims, const std::string& wanted) {
  if (wanted.empty()) return {};
  const auto found = claims.find("aud");
  if (found == claims.end()) return refuse("is for no audience (aud)");
  const bool has_it = found->is_array() ? std::ranges::find(*found, Json(wanted)) != found->end() : *found == wanted;
  if (!has_it) return refuse(fmt::format("is for the audience {}, not for '{}'", shown(*found), wanted));
  return {};
}

// A claim that is a NumericDate: nullopt when there is none.
Result<std::optional<Timestamp>> date_claim(const Json& claims, std::string_view name) {
  const auto found = claims.find(name);
  if (found == claims.end()) return std::nullopt;
  const double seconds = found->is_number() ? found->get<double>() : -1;
  if (!(seconds >= 0 && seconds <= kLastSecond)) return refuse(fmt::format("has no date in '{}'", name));
  return Timestamp(static_cast<std::int64_t>(seconds * 1000));
}

// Until when the token counts.
Result<Timestamp> check_dates(const Json& claims, Milliseconds skew, Timestamp now) {
  LEAT_TRY(const auto expires, date_claim(claims, "exp"));
  LEAT_TRY(const auto not_before, date_claim(claims, "nbf"));
  LEAT_TRY(const auto issued, date_claim(claims, "iat"));
  if (!expires) return refuse("has no end (exp)");
  const Timestamp end = *expires + skew.count();
  if (now >= end) return refuse(fmt::format("ended {} s ago", (now - *expires) / 1000));
  if (not_before && *not_before > now + skew.count())
    return refuse(fmt::format("does not count for another {} s (nbf)", (*not_before - now) / 1000));
  if (issued && *issued > now + skew.count())
    return refuse(fmt::format("was issued {} s in the future (iat)", (*issued - now) / 1000));
  return end;
}

// The value at a path into objects: at each step the member whose name is the whole rest of the path, else the one whose name is
// the rest up to a dot.
const Json* find_claim(const Json& object, std::string_view path) {
  if (const auto found = object.find(path); found != object.end()) return &*found;
  for (auto dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.', dot + 1)) {
    const auto found = object.find(path.substr(0, dot));
    if (found != object.end() && found->is_object()) return find_claim(*found, path.substr(dot + 1));
  }
  return nullptr;
}

Result<std::string> user_of_claims(const Json& claims, const std::string& path) {
  const Json* claim = find_claim(claims, path);
  if (claim == nullptr || !claim->is_string()) return refuse(fmt::format("has no user's name in '{}'", path));
  auto name = claim->get<std::string>();
  const Status good = check_user_name(name);
  if (!good) return refuse(fmt::format("has no user's name in '{}': {}", path, good.error().message));
  return name;
}

void add_words(std::string_view text, std::vector<std::string>& out) {
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (!word.empty()) out.emplace_back(word);
  }
}

Result<std::vector<std::string>> roles_of_claims(const Json& claims, const std::string& path) {
  std::vector<std::string> roles;
  const Json* claim = path.empty() ? nullptr : find_claim(claims, path);
  if (claim == nullptr) return roles;
  if (claim->is_string()) {
    add_words(claim->get_ref<const std::string&>(), roles);
  } else if (claim->is_array() && std::ranges::all_of(*claim, [](const Json& item) { return item.is_string(); })) {
    for (const Json& item : *claim) roles.push_back(item.get<std::string>());
  } else {
    return refuse(fmt::format("has something else than names in '{}'", path));
  }
  std::erase_if(roles, [](const std::string& role) { return !check_user_name(role); });
  std::ranges::sort(roles);
  const auto again = std::ranges::unique(roles);
  roles.erase(again.begin(), again.end());
  if (roles.size() > kJwtRolesMax) return refuse(fmt::format("has more than {} roles in '{}'", kJwtRolesMax, path));
  return roles;
}

}  // namespace

bool looks_like_jwt(std::string_view token) {
  const auto parts = parts_of(token);
  return parts && !parts->header.empty() && !parts->claims.empty() &&
         std::ranges::all_of(parts->header, is_base64url) && std::ranges::all_of(parts->claims, is_base64url) &&
         std::ranges::all_of(parts->signature, is_base64url);
}

Result<JwtIdentity> verify_jwt(const JsonWebKeys& keys, const JwtRules& rules, std::string_view token, Timestamp now) {
  if (token.size() > kJwtBytesMax) return refuse(fmt::format("has more than {} bytes", kJwtBytesMax));
  if (!looks_like_jwt(token)) return refuse("does not have the three parts of a JWT");
  const Parts parts = parts_of(token).value();
  LEAT_TRY(const Head head, read_head(parts.header));
  const auto signature = base64url_decoded(parts.signature);
  const auto claims = object_of(parts.claims);
  if (!signature || !claims) return refuse("has a part that cannot be read");
  LEAT_CHECK(keys.verify(token, *head.algorithm, head.key_id, signature->size()));

  const auto issuer = claims->find("iss");
  if (issuer == claims->end()) return refuse("has no issuer (iss)");
  if (*issuer != rules.issuer)
    return refuse(fmt::format("is from the issuer {}, not from '{}'", shown(*issuer), rules.issuer));
  LEAT_CHECK(check_audience(*claims, rules.audience));
  JwtIdentity identity;
  LEAT_TRY(identity.expires, check_dates(*claims, rules.clock_skew, now));
  LEAT_TRY(identity.user, user_of_claims(*claims, rules.user_claim));
  LEAT_TRY(identity.roles, roles_of_claims(*claims, rules.roles_claim));
  return identity;
}

bool names_unknown_key(const JsonWebKeys& keys, std::string_view token) {
  if (token.size() > kJwtBytesMax || !looks_like_jwt(token)) return false;
  const auto head = read_head(parts_of(token)->header);
  return head && head->key_id && !keys.has(*head->key_id);
}

}  // namespace leat::security
