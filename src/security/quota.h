#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

// Quotas: how much clients may use (KIP-13, KIP-124, KIP-257, KIP-546, KIP-599, KIP-612).
namespace leat::security {

// What is limited.
enum class QuotaKey : std::uint8_t {
  producer_byte_rate,        // bytes a second that come in
  consumer_byte_rate,        // bytes a second that go out
  request_rate,              // requests a second
  controller_mutation_rate,  // partitions a second that are created or deleted
  connection_limit,          // connections that are open
  connection_creation_rate,  // connections a second; of addresses only
};
inline constexpr std::size_t kQuotaKeys = 6;
[[nodiscard]] std::string_view to_string(QuotaKey key);
[[nodiscard]] std::optional<QuotaKey> quota_key_of(std::string_view name);

// Limits by what they limit.
using QuotaLimits = std::map<QuotaKey, double>;
// Changes of limits; nullopt: the limit goes.
using QuotaChanges = std::map<QuotaKey, std::optional<double>>;

enum class QuotaPart : std::uint8_t { user, client_id, ip };
// As in Kafka's protocol: "user", "client-id", "ip".
[[nodiscard]] std::string_view to_string(QuotaPart part);
[[nodiscard]] std::optional<QuotaPart> quota_part_of(std::string_view name);

// Whose limits they are: a user, a client id, both, or an address. A name that is nullopt is the default: everyone for whom
// nothing more exact is said.
using QuotaEntity = std::map<QuotaPart, std::optional<std::string>>;
// In words: "user 'ada' and every other client id".
[[nodiscard]] std::string to_string(const QuotaEntity& entity);

// Limits on what can be kept; above them: invalid_argument, or too_large.
inline constexpr std::size_t kQuotaEntitiesMax = 10'000;
inline constexpr std::size_t kQuotaNameBytesMax = 128;
inline constexpr double kQuotaRateMin = 0.001;  // where fractions are allowed; else 1
inline constexpr double kQuotaLimitMax = 1e15;

// Whether such an entity can have limits, and a limit can be kept for it. Error: invalid_argument, in words for who asked.
[[nodiscard]] Status check_quota_entity(const QuotaEntity& entity);
[[nodiscard]] Status check_quota_limit(const QuotaEntity& entity, QuotaKey key, double limit);

// As stored: one entry for each entity, below kQuotasPrefix (docs/formats/catalog.md). Errors: corrupt, unsupported.
inline constexpr std::string_view kQuotasPrefix = "quotas/";
[[nodiscard]] std::string quota_entry_key(const QuotaEntity& entity);
[[nodiscard]] std::string encode_quota(const QuotaEntity& entity, const QuotaLimits& limits);
[[nodiscard]] Result<std::pair<QuotaEntity, QuotaLimits>> decode_quota(std::string_view key, std::string_view value);

// Whom a quota is asked for. Names are borrowed for the length of the question.
struct QuotaSubject {
  std::string_view user;
  std::string_view client_id;
  std::string_view ip;
};

// The limits of all entities. Immutable once it is part of a policy.
class Quotas {
 public:
  using All = std::map<QuotaEntity, QuotaLimits>;

  Quotas() = default;
  explicit Quotas(All all) : all_(std::move(all)) {}

  [[nodiscard]] bool empty() const { return all_.empty(); }
  [[nodiscard]] const All& all() const { return all_; }

  // The limit that holds, and who shares it: the parts by which it was found, each with the subject's own name. Who has a limit
  // as a user shares it among all client ids; a default is for each one by itself.
  struct Found {
    double limit = 0;
    QuotaEntity shared_by;
  };
  // The most exact limit of this kind, in Kafka's order: user and client id, user and every client id, user, every user and
  // client id, every user and every client id, every user, client id, every client id. Of addresses: the address, every address.
  [[nodiscard]] std::optional<Found> find(QuotaKey key, const QuotaSubject& subject) const;

 private:
  All all_;
};

}  // namespace leat::security
