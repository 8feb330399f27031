#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <thread>

#include "server/config/config.h"
#include "server/config/resolve.h"
#include "server/config/sources.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX has the program declare it

namespace leat::server {
namespace {

constexpr std::int64_t kConfigFileSizeMax = 1 << 20;
constexpr std::int64_t kRequestsBytesMin = 16LL << 20;
constexpr std::int64_t kRequestsBytesAutoMax = 512LL << 20;

Result<std::string> read_config_file(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    auto error = system_error(fmt::format("open the configuration file {}", path), errno);
    error.message += "; check the path that --config or LEAT_CONFIG gives";
    return fail(std::move(error));
  }
  std::string content;
  std::array<char, 4096> block{};
  ssize_t count = 0;
  while ((count = ::read(descriptor, block.data(), block.size())) > 0 && std::ssize(content) <= kConfigFileSizeMax) {
    content.append(block.data(), static_cast<std::size_t>(count));
  }
  const int read_errno = errno;
  ::close(descriptor);
  if (count < 0) return fail(system_error(fmt::format("read the configuration file {}", path), read_errno));
  if (std::ssize(content) > kConfigFileSizeMax) {
    return fail(Errc::invalid_config,
                fmt::format("the configuration file {} is above 1 MiB; is it the right file?", path));
  }
  return content;
}

Status apply(ServerConfig& config, const std::vector<ConfigEntry>& entries) {
  for (const auto& entry : entries) {
    if (auto set = set_value(*entry.key, config, entry.texts); !set) {
      // Flags and variables name their key, a line of the file does not.
      const bool names_key = entry.origin.starts_with("--") || entry.origin.starts_with("LEAT_");
      const auto where = names_key ? entry.origin : fmt::format("{}: {}", entry.origin, entry.key->name);
      return fail(set.error().code, fmt::format("{}: {}", where, set.error().message));
    }
    config.sources.insert_or_assign(std::string(entry.key->name), entry.origin);
  }
  return {};
}

std::optional<std::string> file_from_environment(const ConfigInput& input) {
  for (const auto& [name, value] : input.environment) {
    if (name == kConfigVariable && !value.empty()) return value;
  }
  return std::nullopt;
}

bool is_durability(std::string_view text) { return text == "none" || text == "interval" || text == "commit"; }

Status check_durability(const RespConfig& config) {
  for (const std::string_view text : config.durability_of) {
    const auto equals = text.find('=');
    std::int32_t database = -1;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + std::min(equals, text.size()), database);
    if (equals == std::string_view::npos || failure != std::errc{} || end != text.data() + equals || database < 0 ||
        database >= config.databases || !is_durability(text.substr(equals + 1))) {
      return fail(Errc::invalid_config,
                  fmt::format("resp.durability_of: '{}' is not a database and one of none, interval and commit", text));
    }
  }
  return {};
}

// An origin as browsers write it (RFC 6454, section 6.2).
bool is_origin(std::string_view text) {
  const auto behind = text.find("://");
  if (behind == 0 || behind == std::string_view::npos) return false;
  const std::string_view host = text.substr(behind + 3);
  const bool is_lower = std::ranges::none_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
  return is_lower && !host.empty() && host.find_first_of("/?#@ ") == std::string_view::npos;
}

Status check_together(const ServerConfig& config) {
  if (config.group.min_session_timeout > config.group.max_session_timeout) {
    return fail(Errc::invalid_config, "group.min_session_timeout_ms is above group.max_session_timeout_ms");
  }
  if (config.log.min_compaction_lag > config.log.max_compaction_lag) {
    return fail(Errc::invalid_config, "log.min_compaction_lag_ms is above log.max_compaction_lag_ms");
  }
  if (config.log.message_max_bytes > config.kafka.request_max_bytes) {
    return fail(Errc::invalid_config,
                "log.message_max_bytes is above kafka.request_max_bytes, so no client could send "
                "such a batch; raise the second or lower the first");
  }
  if (config.tls.require_client_certificate && config.tls.client_ca.empty())
    return fail(Errc::invalid_config, "tls.require_client_certificate needs tls.client_ca, which says whose count");
  if (!config.jwt.jwks.empty() && (config.jwt.issuer.empty() || config.jwt.user_claim.empty()))
    return fail(Errc::invalid_config, "jwt.jwks needs jwt.issuer, which tokens must name, and jwt.user_claim");
  for (const std::string& access_key : config.sqs.access_keys) {
    const auto equals = access_key.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == access_key.size())
      return fail(Errc::invalid_config, "sqs.access_keys: an access key is written as ID=SECRET");
  }
  for (const std::string& origin : config.http.cors_origins) {
    if (origin != "*" && !is_origin(origin)) {
      return fail(Errc::invalid_config,
                  fmt::format("http.cors_origins: '{}' is no origin: a scheme, a host and perhaps a port in small "
                              "letters with nothing behind them, such as https://app.example:8443",
                              origin));
    }
  }
  LEAT_CHECK(check_durability(config.resp));
  if (config.memory.requests_bytes < kRequestsBytesMin) {
    return fail(Errc::invalid_config,
                fmt::format("memory.requests_bytes must be 0 (automatic) or at least {} (16MiB)", kRequestsBytesMin));
  }
  return {};
}

}  // namespace

ConfigInput process_input(std::span<const std::string> args) {
  ConfigInput input;
  input.args.assign(args.begin(), args.end());
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    input.environment.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  input.read_file = read_config_file;
  input.cores = static_cast<std::int32_t>(std::max(1U, std::thread::hardware_concurrency()));
  const auto pages = ::sysconf(_SC_PHYS_PAGES);
  const auto page_size = ::sysconf(_SC_PAGESIZE);
  if (pages > 0 && page_size > 0) input.memory_bytes = static_cast<std::int64_t>(pages) * page_size;
  return input;
}

Result<ServerConfig> load_config(const ConfigInput& input) {
  LEAT_TRY(const auto flags, read_flags(input.args));
  LEAT_TRY(const auto environment, read_environment(input.environment));
  ServerConfig config;
  if (const auto path = flags.file ? flags.file : file_from_environment(input)) {
    LEAT_TRY(const auto content, input.read_file(*path));
    LEAT_TRY(const auto entries, read_toml(content, *path));
    LEAT_CHECK(apply(config, entries));
  }
  LEAT_CHECK(apply(config, environment));
  LEAT_CHECK(apply(config, flags.entries));

  if (config.shards == 0) config.shards = std::clamp(input.cores, 1, 1024);
  if (config.memory.requests_bytes == 0) {
    config.memory.requests_bytes = std::clamp(input.memory_bytes / 8, kRequestsBytesMin, kRequestsBytesAutoMax);
  }
  LEAT_CHECK(check_together(config));
  LEAT_CHECK(resolve_listeners(config));
  return config;
}

void apply_logging(const LoggingConfig& config) {
  const bool is_text =
      config.format == LogOutput::text || (config.format == LogOutput::automatic && ::isatty(STDERR_FILENO) == 1);
  configure_logging(config.level, is_text ? LogFormat::text : LogFormat::json);
}

}  // namespace leat::server
