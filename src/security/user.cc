#include "security/user.h"

#include <nlohmann/json.hpp>

#include "catalog/document.h"
#include "security/authorize.h"
#include "security/base64.h"

namespace leat::security {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kDocumentVersion = 1;

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

std::string principal_of(std::string_view user_name) { return fmt::format("User:{}", user_name); }

Status check_user_name(std::string_view name) {
  if (name.empty() || name.size() > kUserNameBytesMax)
    return fail(Errc::invalid_name, fmt::format("a user's name has 1 to {} bytes", kUserNameBytesMax));
  if (!catalog::is_text(name)) return fail(Errc::invalid_name, "a user's name is UTF-8");
  for (const char c : name) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f')
      return fail(Errc::invalid_name, "a user's name has no control characters");
  }
  if (name == "*" || principal_of(name) == Principal::anonymous().name)
    return fail(Errc::invalid_name, fmt::format("'{}' is no name for a user: it has a meaning in grants", name));
  return {};
}

std::string user_key(std::string_view name) { return fmt::format("{}{}", kUsersPrefix, in_key(name)); }

std::string encode_user(const User& user) {
  Json scram = Json::array();
  for (const auto& [mechanism, credential] : user.scram) {
    scram.push_back({{"mechanism", to_string(mechanism)},
                     {"salt", base64(credential.salt)},
                     {"iterations", credential.iterations},
                     {"stored_key", base64(credential.stored_key)},
                     {"server_key", base64(credential.server_key)}});
  }
  const Json document = {{"v", kDocumentVersion},
                         {"name", user.name},
                         {"scram", std::move(scram)},
                         {"created", user.created.value()},
                         {"modified", user.modified.value()}};
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<User> decode_user(std::string_view key, std::string_view value) {
  catalog::Document read(key, value, kDocumentVersion);
  User user;
  user.name = read.text("name");
  const auto bytes = [](catalog::Document& item, const char* field) {
    auto decoded = base64_decoded(item.text(field));
    if (!decoded) item.wrong(fmt::format("'{}' is not base64", field));
    return decoded.value_or("");
  };
  for (catalog::Document& item : read.list("scram")) {
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
  user.created = read.time("created");
  user.modified = read.time("modified");
  if (key != user_key(user.name)) read.wrong(fmt::format("it is for user '{}'", user.name));
  return read.result(std::move(user));
}

}  // namespace leat::security
