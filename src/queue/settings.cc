#include "queue/settings.h"

#include <charconv>

#include "catalog/topics.h"

namespace leat::queue {
namespace {

constexpr std::int64_t kDurationMaxMs = 10LL * 365 * 24 * 3'600'000;
constexpr std::int64_t kCountMax = 1'000'000'000'000'000;
constexpr double kRateMax = 1e9;

// The values of each enumeration, in its order.
constexpr std::string_view kOrders[] = {"unordered", "fifo"};
constexpr std::string_view kBackoffs[] = {"none", "fixed", "exponential"};
constexpr std::string_view kAtLimits[] = {"reject", "slow"};
constexpr std::string_view kDedupScopes[] = {"queue", "message_group"};

template <class T>
using Member = T QueueSettings::*;

// One setting; what `member` points to says its type, and `low` to `high` what numbers it takes.
struct Field {
  std::string_view name;
  std::variant<Member<Order>, Member<Backoff>, Member<AtLimit>, Member<DedupScope>, Member<Milliseconds>,
               Member<std::int64_t>, Member<std::int32_t>, Member<double>, Member<bool>, Member<std::string>>
      member;
  std::int64_t low = 0;
  std::int64_t high = kCountMax;
};

const Field kFields[] = {
    {"order", &QueueSettings::order},
    {"delivers", &QueueSettings::delivers},
    {"lease_ms", &QueueSettings::lease, 0, kDurationMaxMs},
    {"delay_ms", &QueueSettings::delay, 0, kDurationMaxMs},
    {"wait_ms", &QueueSettings::wait, 0, kDurationMaxMs},
    {"message_size_max", &QueueSettings::message_size_max, 1, std::int64_t{1} << 30},
    {"retention_ms", &QueueSettings::retention, 1, kDurationMaxMs},
    {"deliveries_max", &QueueSettings::deliveries_max, 0, INT32_MAX},
    {"dead_letter_queue", &QueueSettings::dead_letter_queue},
    {"backoff", &QueueSettings::backoff},
    {"backoff_base_ms", &QueueSettings::backoff_base, 1, kDurationMaxMs},
    {"backoff_max_ms", &QueueSettings::backoff_max, 1, kDurationMaxMs},
    {"priorities", &QueueSettings::priorities},
    {"ageing_ms", &QueueSettings::ageing, 0, kDurationMaxMs},
    {"fair", &QueueSettings::fair},
    {"in_flight_max", &QueueSettings::in_flight_max},
    {"group_in_flight_max", &QueueSettings::group_in_flight_max},
    {"rate_max", &QueueSettings::rate_max},
    {"group_rate_max", &QueueSettings::group_rate_max},
    {"dedup_scope", &QueueSettings::dedup_scope},
    {"dedup_window_ms", &QueueSettings::dedup_window, 0, kDurationMaxMs},
    {"content_dedup", &QueueSettings::content_dedup},
    {"depth_max", &QueueSettings::depth_max},
    {"bytes_max", &QueueSettings::bytes_max},
    {"at_limit", &QueueSettings::at_limit},
};

std::span<const std::string_view> names_of(Order) { return kOrders; }
std::span<const std::string_view> names_of(Backoff) { return kBackoffs; }
std::span<const std::string_view> names_of(AtLimit) { return kAtLimits; }
std::span<const std::string_view> names_of(DedupScope) { return kDedupScopes; }

std::unexpected<Error> bad(const Field& field, std::string_view text, std::string_view wanted) {
  return fail(Errc::invalid_config, fmt::format("'{}' is no value of {}: {}", text, field.name, wanted));
}

template <class T>
Status parse_number(const Field& field, std::string_view text, T& value) {
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || at != end) return bad(field, text, "a number is due");
  return {};
}

Status parse(const Field& field, std::string_view text, std::string& value) {
  (void)field;
  value = text;
  return {};
}
Status parse(const Field& field, std::string_view text, bool& value) {
  if (text != "true" && text != "false") return bad(field, text, "true or false is due");
  value = text == "true";
  return {};
}
Status parse(const Field& field, std::string_view text, Milliseconds& value) {
  std::int64_t count = 0;
  LEAT_CHECK(parse_number(field, text, count));
  value = Milliseconds(count);
  return {};
}
template <class T>
  requires(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>)
Status parse(const Field& field, std::string_view text, T& value) {
  return parse_number(field, text, value);
}
template <class T>
  requires std::is_enum_v<T>
Status parse(const Field& field, std::string_view text, T& value) {
  const auto names = names_of(T{});
  const auto at = std::ranges::find(names, text);
  if (at == names.end()) return bad(field, text, fmt::format("one of {} is due", fmt::join(names, ", ")));
  value = static_cast<T>(at - names.begin());
  return {};
}

std::string write(const std::string& value) { return value; }
std::string write(Milliseconds value) { return std::to_string(value.count()); }
template <class T>
  requires std::is_arithmetic_v<T>
std::string write(T value) {
  return fmt::format("{}", value);
}
template <class T>
  requires std::is_enum_v<T>
std::string write(T value) {
  return std::string(names_of(value)[static_cast<std::size_t>(value)]);
}

template <class T>
Status check_range(const Field& field, T value, T low, T high) {
  if (value >= low && value <= high) return {};
  return fail(Errc::invalid_config, fmt::format("{} is {}; it may be {} to {}", field.name, value, low, high));
}

Status check(const Field& field, Milliseconds value) {
  return check_range(field, std::int64_t{value.count()}, field.low, field.high);
}
Status check(const Field& field, std::int64_t value) { return check_range(field, value, field.low, field.high); }
Status check(const Field& field, std::int32_t value) {
  return check_range(field, std::int64_t{value}, field.low, field.high);
}
// What is no number is in no range.
Status check(const Field& field, double value) { return check_range(field, value, 0.0, kRateMax); }
Status check(const Field&, bool) { return {}; }
Status check(const Field&, const std::string&) { return {}; }
template <class T>
  requires std::is_enum_v<T>
Status check(const Field& field, T value) {
  if (static_cast<std::size_t>(value) < names_of(value).size()) return {};
  return fail(Errc::invalid_config, fmt::format("{} has no value {}", field.name, static_cast<int>(value)));
}

Status refuse(std::string_view why) { return fail(Errc::invalid_config, std::string(why)); }

}  // namespace

Status check_settings(const QueueSettings& settings) {
  for (const Field& field : kFields)
    LEAT_CHECK(std::visit([&](auto member) { return check(field, settings.*member); }, field.member));
  if (settings.deliveries_max > 0 && settings.dead_letter_queue.empty())
    return refuse("deliveries_max needs a dead_letter_queue");
  if (!settings.dead_letter_queue.empty()) {
    if (auto named = catalog::check_topic_name(settings.dead_letter_queue); !named)
      return refuse(fmt::format("dead_letter_queue: {}", named.error().message));
  }
  if (settings.backoff_base > settings.backoff_max) return refuse("backoff_base_ms is above backoff_max_ms");
  if (settings.priorities && settings.order == Order::fifo) return refuse("a FIFO queue has no priorities");
  return {};
}

SettingsMap to_map(const QueueSettings& settings) {
  const QueueSettings defaults;
  SettingsMap map;
  for (const Field& field : kFields) {
    std::visit(
        [&](auto member) {
          if (settings.*member != defaults.*member) map.emplace(field.name, write(settings.*member));
        },
        field.member);
  }
  return map;
}

Result<QueueSettings> settings_from(const SettingsMap& map) {
  QueueSettings settings;
  for (const auto& [name, text] : map) {
    const auto field = std::ranges::find(kFields, name, &Field::name);
    if (field == std::end(kFields)) return fail(Errc::invalid_config, fmt::format("there is no setting '{}'", name));
    LEAT_CHECK(std::visit([&](auto member) { return parse(*field, text, settings.*member); }, field->member));
  }
  LEAT_CHECK(check_settings(settings));
  return settings;
}

SettingsPatch patch_between(const SettingsMap& before, const SettingsMap& after) {
  SettingsPatch patch;
  for (const auto& [name, value] : after) {
    const auto known = before.find(name);
    if (known == before.end() || known->second != value) patch.emplace(name, value);
  }
  for (const auto& [name, value] : before) {
    if (!after.contains(name)) patch.emplace(name, std::nullopt);
  }
  return patch;
}

void apply_patch(const SettingsPatch& patch, SettingsMap& map) {
  for (const auto& [name, value] : patch) {
    if (value) {
      map.insert_or_assign(name, *value);
    } else {
      map.erase(name);
    }
  }
}

}  // namespace leat::queue
