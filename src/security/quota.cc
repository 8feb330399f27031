#include "security/quota.h"

#include <fmt/ranges.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "catalog/catalog.h"
#include "catalog/document.h"
#include "security/grant.h"
#include "security/user.h"

namespace leat::security {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kDocumentVersion = 1;
constexpr std::string_view kDefaultInKey = "*";

// In the order of the enumerators.
constexpr std::array<std::string_view, kQuotaKeys> kKeys = {"producer_byte_rate", "consumer_byte_rate",
                                                            "request_rate",       "controller_mutation_rate",
                                                            "connection_limit",   "connection_creation_rate"};
constexpr std::array<std::string_view, 3> kParts = {"user", "client-id", "ip"};

template <class Enum>
std::optional<Enum> enumerator_of(std::span<const std::string_view> words, std::string_view word) {
  const auto found = std::ranges::find(words, word);
  if (found == words.end()) return std::nullopt;
  return static_cast<Enum>(found - words.begin());
}

bool is_of_addresses(QuotaKey key) { return key == QuotaKey::connection_creation_rate; }
// Kafka's types: what is no fraction there is none here.
bool may_be_fraction(QuotaKey key) {
  return key == QuotaKey::controller_mutation_rate || key == QuotaKey::request_rate;
}

// Names may have what parts of the key are told by.
std::string name_in_key(std::string_view name) {
  std::string key;
  for (const char c : in_key(name)) {
    if (c == '/' || c == '*') {
      key += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    } else {
      key += c;
    }
  }
  return key;
}

bool is_printable(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
}

Status check_name(QuotaPart part, const std::string& name) {
  if (name.empty() || name.size() > kQuotaNameBytesMax) {
    return fail(Errc::invalid_argument,
                fmt::format("the name of the {} has 1 to {} bytes", to_string(part), kQuotaNameBytesMax));
  }
  if (part == QuotaPart::ip && !is_address(name)) {
    return fail(Errc::invalid_argument,
                fmt::format("'{}' is no address in its usual form, such as 10.0.0.1 or 2001:db8::1", name));
  }
  if (!catalog::is_text(name) || !is_printable(name)) {
    return fail(Errc::invalid_argument,
                fmt::format("the name of the {} is not UTF-8, or has control characters", to_string(part)));
  }
  return {};
}

}  // namespace

std::string_view to_string(QuotaKey key) { return kKeys[static_cast<std::size_t>(key)]; }
std::optional<QuotaKey> quota_key_of(std::string_view name) { return enumerator_of<QuotaKey>(kKeys, name); }
std::string_view to_string(QuotaPart part) { return kParts[static_cast<std::size_t>(part)]; }
std::optional<QuotaPart> quota_part_of(std::string_view name) { return enumerator_of<QuotaPart>(kParts, name); }

std::string to_string(const QuotaEntity& entity) {
  std::vector<std::string> parts;
  for (const auto& [part, name] : entity)
    parts.push_back(name ? fmt::format("{} '{}'", to_string(part), *name) : fmt::format("every {}", to_string(part)));
  return fmt::format("{}", fmt::join(parts, " and "));
}

Status check_quota_entity(const QuotaEntity& entity) {
  if (entity.empty()) return fail(Errc::invalid_argument, "a quota is of a user, a client id, both, or an address");
  if (entity.size() > 1 && entity.contains(QuotaPart::ip))
    return fail(Errc::invalid_argument, "a quota is of an address, or of a user and a client id, not of both");
  for (const auto& [part, name] : entity)
    if (name) LEAT_CHECK(check_name(part, *name));
  if (quota_entry_key(entity).size() > catalog::kKeyBytesMax)
    return fail(Errc::invalid_argument, "the names are too long for a quota");
  return {};
}

Status check_quota_limit(const QuotaEntity& entity, QuotaKey key, double limit) {
  const bool is_address = entity.contains(QuotaPart::ip);
  if (is_address != is_of_addresses(key)) {
    return fail(Errc::invalid_argument,
                fmt::format("{} is no quota of {}", to_string(key), is_address ? "addresses" : "users and client ids"));
  }
  const double least = may_be_fraction(key) ? kQuotaRateMin : 1;
  // Written so that what is not a number is refused.
  if (!(limit >= least && limit <= kQuotaLimitMax)) {
    return fail(Errc::invalid_argument,
                fmt::format("{} has to be a number from {} to {}", to_string(key), least, kQuotaLimitMax));
  }
  if (!may_be_fraction(key) && limit != std::floor(limit))
    return fail(Errc::invalid_argument, fmt::format("{} has to be a whole number", to_string(key)));
  return {};
}

std::string quota_entry_key(const QuotaEntity& entity) {
  std::vector<std::string> parts;
  for (const auto& [part, name] : entity)
    parts.push_back(fmt::format("{}/{}", to_string(part), name ? name_in_key(*name) : kDefaultInKey));
  return fmt::format("{}{}", kQuotasPrefix, fmt::join(parts, "/"));
}

std::string encode_quota(const QuotaEntity& entity, const QuotaLimits& limits) {
  Json of = Json::array();
  for (const auto& [part, name] : entity)
    of.push_back({{"type", to_string(part)}, {"default", !name}, {"name", name.value_or("")}});
  Json list = Json::array();
  for (const auto& [key, limit] : limits) list.push_back({{"key", to_string(key)}, {"limit", limit}});
  const Json document = {{"v", kDocumentVersion}, {"entity", std::move(of)}, {"limits", std::move(list)}};
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::pair<QuotaEntity, QuotaLimits>> decode_quota(std::string_view key, std::string_view value) {
  catalog::Document read(key, value, kDocumentVersion);
  QuotaEntity entity;
  QuotaLimits limits;
  for (catalog::Document& item : read.list("entity")) {
    std::optional<std::string> name = item.text("name");
    if (item.flag("default")) name.reset();
    entity.emplace(static_cast<QuotaPart>(item.one_of("type", kParts)), std::move(name));
  }
  for (catalog::Document& item : read.list("limits"))
    limits.emplace(static_cast<QuotaKey>(item.one_of("key", kKeys)), item.number("limit"));
  if (const Status checked = check_quota_entity(entity); !checked) read.wrong(checked.error().message);
  for (const auto& [what, limit] : limits)
    if (const Status checked = check_quota_limit(entity, what, limit); !checked) read.wrong(checked.error().message);
  if (key != quota_entry_key(entity)) read.wrong(fmt::format("it is for {}", to_string(entity)));
  return read.result(std::pair(std::move(entity), std::move(limits)));
}

std::optional<Quotas::Found> Quotas::find(QuotaKey key, const QuotaSubject& subject) const {
  using Name = std::optional<std::string>;
  const auto look_up = [&](const QuotaEntity& entity) -> std::optional<Found> {
    const auto limits = all_.find(entity);
    if (limits == all_.end()) return std::nullopt;
    const auto limit = limits->second.find(key);
    if (limit == limits->second.end()) return std::nullopt;
    Found found{.limit = limit->second, .shared_by = entity};
    for (auto& [part, name] : found.shared_by) {
      name = part == QuotaPart::user ? subject.user : part == QuotaPart::client_id ? subject.client_id : subject.ip;
    }
    return found;
  };
  if (all_.empty()) return std::nullopt;
  if (is_of_addresses(key)) {
    if (auto found = look_up({{QuotaPart::ip, std::string(subject.ip)}})) return found;
    return look_up({{QuotaPart::ip, std::nullopt}});
  }
  const Name client_id{subject.client_id};
  for (const Name& user : {Name(subject.user), Name()}) {
    if (auto found = look_up({{QuotaPart::user, user}, {QuotaPart::client_id, client_id}})) return found;
    if (auto found = look_up({{QuotaPart::user, user}, {QuotaPart::client_id, std::nullopt}})) return found;
    if (auto found = look_up({{QuotaPart::user, user}})) return found;
  }
  if (auto found = look_up({{QuotaPart::client_id, client_id}})) return found;
  return look_up({{QuotaPart::client_id, std::nullopt}});
}

}  // namespace leat::security
