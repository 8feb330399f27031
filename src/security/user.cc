#include "security/user.h"

#include <nlohmann/json.hpp>

#include "catalog/document.h"
#include "security/authorize.h"
#include "security/base64.h"
#include "security/password.h"

namespace leat::security {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kDocumentVersion = 1;
constexpr std::size_t kHashBytes = 32;
constexpr std::string_view kUserType = "User:";
constexpr std::string_view kRoleType = "Role:";

// Which a terminal would obey.
bool has_control_characters(std::string_view text) {
  return std::ranges::any_of(text, [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

Status check_note(std::string_view note) {
  if (note.size() <= kNoteBytesMax && catalog::is_text(note) && !has_control_characters(note)) return {};
  return fail(Errc::invalid_argument,
              fmt::format("a note is UTF-8 of up to {} bytes, without control characters", kNoteBytesMax));
}

Status too_many(std::string_view what, std::size_t most) {
  return fail(Errc::too_large, fmt::format("a user has at most {} {}", most, what));
}

Json scram_of(const User& user) {
  Json scram = Json::array();
  for (const auto& [mechanism, credential] : user.scram) {
    scram.push_back({{"mechanism", to_string(mechanism)},
                     {"salt", base64(credential.salt)},
                     {"iterations", credential.iterations},
                     {"stored_key", base64(credential.stored_key)},
                     {"server_key", base64(credential.server_key)}});
  }
  return scram;
}

// Bytes that are written as base64.
std::string bytes(catalog::Document& item, const char* field) {
  auto decoded = base64_decoded(item.text(field));
  if (!decoded) item.wrong(fmt::format("'{}' is not base64", field));
  return decoded.value_or("");
}

void read_scram(catalog::Document& document, User& user) {
  for (catalog::Document& item : document.list("scram")) {
    const auto mechanism = scram_mechanism_of(item.text("mechanism"));
    ScramCredential credential;
    credential.salt = bytes(item, "salt");
    credential.iterations = static_cast<std::uint32_t>(item.integer("iterations", 0, INT32_MAX));
    credential.stored_key = bytes(item, "stored_key");
    credential.server_key = bytes(item, "server_key");
    if (!mechanism || !check_scram_credential(*mechanism, credential)) {
      item.wrong("'scram' has what is no credential");
    } else {
      user.scram.emplace(*mechanism, std::move(credential));
    }
  }
}

}  // namespace

std::string in_key(std::string_view text) {
  std::string key;
  for (const char c : text) {
    if (c > ' ' && c <= '~' && c != '%') {
      key += c;
    } else {
      key += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return key;
}

std::string principal_of(std::string_view user_name) { return fmt::format("{}{}", kUserType, user_name); }

std::string role_principal_of(std::string_view role_name) { return fmt::format("{}{}", kRoleType, role_name); }

std::string_view user_of(std::string_view principal) {
  return principal.starts_with(kUserType) ? principal.substr(kUserType.size()) : std::string_view();
}

std::string_view role_of(std::string_view principal) {
  return principal.starts_with(kRoleType) ? principal.substr(kRoleType.size()) : std::string_view();
}

Status check_user_name(std::string_view name) {
  if (name.empty() || name.size() > kUserNameBytesMax)
    return fail(Errc::invalid_name, fmt::format("a user's name has 1 to {} bytes", kUserNameBytesMax));
  if (!catalog::is_text(name)) return fail(Errc::invalid_name, "a user's name is UTF-8");
  if (has_control_characters(name)) return fail(Errc::invalid_name, "a user's name has no control characters");
  if (name == "*" || principal_of(name) == Principal::anonymous().name)
    return fail(Errc::invalid_name, fmt::format("'{}' is no name for a user: it has a meaning in grants", name));
  return {};
}

std::string user_key(std::string_view name) { return fmt::format("{}{}", kUsersPrefix, in_key(name)); }

Status check_user(const User& user) {
  LEAT_CHECK(check_user_name(user.name));
  if (user.roles.size() > kRolesMax) return too_many("roles", kRolesMax);
  if (user.tokens.size() > kTokensMax) return too_many("tokens", kTokensMax);
  if (user.access_keys.size() > kAccessKeysMax) return too_many("access keys", kAccessKeysMax);
  if (user.command_rules.size() > kCommandRulesBytesMax)
    return fail(Errc::too_large, fmt::format("rules of commands have at most {} bytes", kCommandRulesBytesMax));
  if (!catalog::is_text(user.command_rules)) return fail(Errc::invalid_argument, "rules of commands are UTF-8");
  for (const std::string& role : user.roles) LEAT_CHECK(check_user_name(role));
  for (const Token& token : user.tokens) LEAT_CHECK(check_note(token.note));
  for (const AccessKey& key : user.access_keys) LEAT_CHECK(check_note(key.note));
  for (const auto& [mechanism, credential] : user.scram) LEAT_CHECK(check_scram_credential(mechanism, credential));
  return user.password_hash.empty() ? Status{} : check_password_hash(user.password_hash);
}

std::string encode_user(const User& user) {
  Json tokens = Json::array();
  for (const Token& token : user.tokens) {
    tokens.push_back({{"id", token.id},
                      {"hash", base64(token.hash)},
                      {"note", token.note},
                      {"created", token.created.value()},
                      {"expires", token.expires.value()}});
  }
  Json access_keys = Json::array();
  for (const AccessKey& key : user.access_keys) {
    access_keys.push_back(
        {{"id", key.id}, {"secret", key.secret}, {"note", key.note}, {"created", key.created.value()}});
  }
  const Json document = {{"v", kDocumentVersion},
                         {"name", user.name},
                         {"scram", scram_of(user)},
                         {"password_hash", user.password_hash},
                         {"tokens", std::move(tokens)},
                         {"access_keys", std::move(access_keys)},
                         {"roles", user.roles},
                         {"command_rules", user.command_rules},
                         {"created", user.created.value()},
                         {"modified", user.modified.value()}};
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<User> decode_user(std::string_view key, std::string_view value) {
  catalog::Document read(key, value, kDocumentVersion);
  User user;
  user.name = read.text("name");
  read_scram(read, user);
  // Users of earlier servers have none of these.
  if (read.has("password_hash")) user.password_hash = read.text("password_hash");
  if (read.has("tokens")) {
    for (catalog::Document& item : read.list("tokens")) {
      Token& token = user.tokens.emplace_back();
      token.id = item.text("id");
      token.hash = bytes(item, "hash");
      if (token.hash.size() != kHashBytes) item.wrong("'hash' is none of a token");
      token.note = item.text("note");
      token.created = item.time("created");
      token.expires = item.time("expires");
    }
  }
  if (read.has("access_keys")) {
    for (catalog::Document& item : read.list("access_keys")) {
      AccessKey& access_key = user.access_keys.emplace_back();
      access_key.id = item.text("id");
      access_key.secret = item.text("secret");
      access_key.note = item.text("note");
      access_key.created = item.time("created");
    }
  }
  if (read.has("roles")) user.roles = read.texts("roles");
  if (read.has("command_rules")) user.command_rules = read.text("command_rules");
  user.created = read.time("created");
  user.modified = read.time("modified");
  if (key != user_key(user.name)) read.wrong(fmt::format("it is for user '{}'", user.name));
  if (const Status checked = check_user(user); !checked) read.wrong(checked.error().message);
  return read.result(std::move(user));
}

}  // namespace leat::security
