#include <charconv>
#include <cmath>

#include "server/config/table.h"

namespace leat::server {
namespace {

constexpr std::string_view kFlushNames[] = {"commit", "interval", "os"};
constexpr std::string_view kLevelNames[] = {"debug", "info", "warning", "error"};
constexpr std::string_view kOutputNames[] = {"auto", "text", "json"};

struct Suffix {
  std::string_view text;
  std::int64_t factor;
};
constexpr Suffix kByteSuffixes[] = {{"KiB", 1LL << 10}, {"MiB", 1LL << 20}, {"GiB", 1LL << 30}, {"TiB", 1LL << 40}};
constexpr Suffix kTimeSuffixes[] = {{"ms", 1}, {"s", 1000}, {"min", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};

std::string_view what_is_wanted(ConfigUnit unit) {
  switch (unit) {
    case ConfigUnit::none: return "a whole number";
    case ConfigUnit::bytes: return "a number of bytes, or one with KiB, MiB, GiB or TiB, such as 64MiB";
    case ConfigUnit::milliseconds: return "a number of milliseconds, or one with ms, s, min, h or d, such as 5s";
    case ConfigUnit::minutes: return "a number of minutes, or one with s, min, h or d, such as 7d";
  }
  return "a whole number";
}

std::unexpected<Error> refuse(std::string_view text, std::string_view wanted) {
  return fail(Errc::invalid_config, fmt::format("'{}' is not {}", text, wanted));
}

// In bytes for sizes, in milliseconds for durations (a plain number of minutes counts as such), else as it stands.
Result<std::int64_t> parse_integer(std::string_view text, ConfigUnit unit) {
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{}) return refuse(text, what_is_wanted(unit));
  const std::string_view rest(end, text.data() + text.size());
  std::int64_t factor = unit == ConfigUnit::minutes ? 60'000 : 1;
  if (!rest.empty()) {
    std::span<const Suffix> suffixes;
    if (unit == ConfigUnit::bytes) suffixes = kByteSuffixes;
    if (unit == ConfigUnit::milliseconds || unit == ConfigUnit::minutes) suffixes = kTimeSuffixes;
    const auto found = std::ranges::find(suffixes, rest, &Suffix::text);
    if (found == suffixes.end()) return refuse(text, what_is_wanted(unit));
    factor = found->factor;
  }
  std::int64_t product = 0;
  if (__builtin_mul_overflow(number, factor, &product)) return refuse(text, what_is_wanted(unit));
  return product;
}

std::string shown_limit(double limit) {
  // A double above every 64-bit integer stands for the largest one.
  return limit >= 9.2e18 ? fmt::to_string(INT64_MAX) : fmt::format("{}", limit);
}

// `value` is in the key's stored unit, the limits in its written one.
template <class T>
Status check_limits(const ConfigKey& key, T value) {
  const double factor = unit_of(key) == ConfigUnit::minutes ? 60'000 : 1;
  const auto number = static_cast<double>(value);
  if (number >= key.min * factor && number <= key.max * factor) return {};
  return fail(Errc::invalid_config,
              fmt::format("{} is outside {} to {}", number / factor, shown_limit(key.min), shown_limit(key.max)));
}

template <class Enum>
Status set_enum(Enum& field, std::span<const std::string_view> names, std::string_view text) {
  const auto found = std::ranges::find(names, text);
  if (found == names.end()) return refuse(text, fmt::format("one of {}", fmt::join(names, ", ")));
  field = static_cast<Enum>(found - names.begin());
  return {};
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find(separator, at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

struct Setter {
  const ConfigKey& key;
  std::string_view text;

  Status operator()(bool* field) const {
    if (text != "true" && text != "false") return refuse(text, "true or false");
    *field = text == "true";
    return {};
  }
  Status operator()(std::int32_t* field) const {
    LEAT_TRY(const auto value, parse_integer(text, unit_of(key)));
    LEAT_CHECK(check_limits(key, value));
    *field = static_cast<std::int32_t>(value);
    return {};
  }
  Status operator()(std::int64_t* field) const {
    LEAT_TRY(const auto value, parse_integer(text, unit_of(key)));
    LEAT_CHECK(check_limits(key, value));
    *field = value;
    return {};
  }
  Status operator()(Milliseconds* field) const {
    LEAT_TRY(const auto value, parse_integer(text, unit_of(key)));
    LEAT_CHECK(check_limits(key, value));
    *field = Milliseconds(value);
    return {};
  }
  Status operator()(double* field) const {
    double value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) {
      return refuse(text, "a number such as 0.5");
    }
    LEAT_CHECK(check_limits(key, value));
    *field = value;
    return {};
  }
  Status operator()(std::string* field) const {
    const bool may_be_empty = plain_value(key, ServerConfig()).empty();  // then that is its default
    if (text.empty() && !may_be_empty) return fail(Errc::invalid_config, "it must not be empty");
    if (key.shape.find('|') != std::string_view::npos) {
      const auto choices = split(key.shape, '|');
      if (std::ranges::find(choices, text) == choices.end()) {
        return refuse(text, fmt::format("one of {}", fmt::join(choices, " | ")));
      }
    }
    *field = text;
    return {};
  }
  Status operator()(std::vector<std::string>*) const { return {}; }  // set_value handles lists
  Status operator()(FlushPolicy* field) const { return set_enum(*field, kFlushNames, text); }
  Status operator()(LogLevel* field) const { return set_enum(*field, kLevelNames, text); }
  Status operator()(LogOutput* field) const { return set_enum(*field, kOutputNames, text); }
};

// In TOML a text is quoted (a basic string), on the command line not.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      out += fmt::format("\\u{:04X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      out += c;
    }
  }
  return out + '"';
}

struct Shower {
  const ConfigKey& key;
  bool toml;

  std::string text(std::string_view value) const { return toml ? quoted(value) : std::string(value); }
  std::string operator()(const bool* field) const { return *field ? "true" : "false"; }
  std::string operator()(const std::int32_t* field) const { return fmt::to_string(*field); }
  std::string operator()(const std::int64_t* field) const { return fmt::to_string(*field); }
  std::string operator()(const double* field) const { return fmt::format("{}", *field); }
  std::string operator()(const Milliseconds* field) const {
    if (unit_of(key) != ConfigUnit::minutes) return fmt::to_string(field->count());
    if (field->count() % 60'000 == 0) return fmt::to_string(field->count() / 60'000);
    return text(fmt::format("{}ms", field->count()));
  }
  std::string operator()(const std::string* field) const {
    return text(key.is_secret && !field->empty() ? std::string_view("***") : std::string_view(*field));
  }
  std::string operator()(const std::vector<std::string>* field) const {
    std::vector<std::string> items;
    items.reserve(field->size());
    for (const auto& item : *field) {
      const auto shown = key.is_secret ? fmt::format("{}=***", std::string_view(item).substr(0, item.find('='))) : item;
      items.push_back(toml ? quoted(shown) : shown);
    }
    if (!toml) return fmt::format("{}", fmt::join(items, ","));
    return fmt::format("[{}]", fmt::join(items, ", "));
  }
  std::string operator()(const FlushPolicy* field) const { return text(kFlushNames[static_cast<std::size_t>(*field)]); }
  std::string operator()(const LogLevel* field) const { return text(kLevelNames[static_cast<std::size_t>(*field)]); }
  std::string operator()(const LogOutput* field) const { return text(kOutputNames[static_cast<std::size_t>(*field)]); }
};

std::string show(const ConfigKey& key, const ServerConfig& config, bool toml) {
  // The table's accessors serve reading and writing; nothing is written through this one.
  const auto field = key.field(const_cast<ServerConfig&>(config));  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  return std::visit(Shower{key, toml}, field);
}

}  // namespace

std::string toml_value(const ConfigKey& key, const ServerConfig& config) { return show(key, config, true); }
std::string plain_value(const ConfigKey& key, const ServerConfig& config) { return show(key, config, false); }

Status set_value(const ConfigKey& key, ServerConfig& config, const std::vector<std::string>& texts) {
  const auto field = key.field(config);
  if (auto* const* list = std::get_if<std::vector<std::string>*>(&field)) {
    std::vector<std::string> items;
    for (const auto& text : texts) {
      for (const auto part : split(text, ',')) {
        if (part.empty())
          return refuse(key.is_secret ? "the list" : text,
                        fmt::format("{}, or several with commas between them", key.shape));
        items.emplace_back(part);
      }
    }
    **list = std::move(items);
    return {};
  }
  if (texts.size() != 1) return fail(Errc::invalid_config, "it takes one value, not a list");
  return std::visit(Setter{key, texts.front()}, field);
}

}  // namespace leat::server
