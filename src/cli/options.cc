#include "cli/options.h"

#include <charconv>

#include <CLI/CLI.hpp>

#include "cli/environment.h"

namespace leat::cli {

namespace {

template <class Number>
std::optional<Number> number_in(const std::string& text) {
  Number number{};
  const char* end = text.data() + text.size();
  const auto [behind, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || behind != end) return std::nullopt;
  return number;
}

}  // namespace

CLI::Validator at_least(std::int64_t least) {
  const auto check = [least](const std::string& text) {
    const auto number = number_in<std::int64_t>(text);
    return number && *number >= least ? "" : fmt::format("'{}' is no whole number from {} on", text, least);
  };
  return {check, ""};
}

CLI::Validator above_zero() {
  const auto check = [](const std::string& text) {
    const auto number = number_in<double>(text);
    return number && *number > 0 ? "" : fmt::format("'{}' is no number above 0", text);
  };
  return {check, ""};
}

void add_server_option(CLI::App& command, std::string& server) {
  // Not by envname(): commands beside this one that share `server` would set it again.
  server = environment("LEAT_SERVER", "127.0.0.1:9092");
  command
      .add_option(
          "--server", server,
          "The server to talk to, as USER@HOST:PORT where it knows users, with tls:// before it where it speaks TLS "
          "(LEAT_SERVER)")
      ->type_name("HOST:PORT")
      ->capture_default_str();
}

void add_json_option(CLI::App& command, bool& json) { command.add_flag("--json", json, "Print JSON, for scripts"); }

void add_compression_option(CLI::App& command, std::string& name) {
  name = "none";
  command.add_option("--compression", name, "How batches are compressed")
      ->check(CLI::IsMember({"none", "gzip", "snappy", "lz4", "zstd"}))
      ->type_name("CODEC")
      ->capture_default_str();
}

void add_acks_option(CLI::App& command, std::string& acks) {
  acks = "all";
  command.add_option("--acks", acks, "When a record counts as sent: all (committed), 1 (appended), 0 (no answer)")
      ->check(CLI::IsMember({"0", "1", "all"}))
      ->type_name("0|1|all")
      ->capture_default_str();
}

log::Codec codec_of(std::string_view name) {
  if (name == "gzip") return log::Codec::gzip;
  if (name == "snappy") return log::Codec::snappy;
  if (name == "lz4") return log::Codec::lz4;
  if (name == "zstd") return log::Codec::zstd;
  return log::Codec::none;
}

std::int16_t acks_of(std::string_view acks) {
  if (acks == "0") return 0;
  return acks == "1" ? 1 : -1;
}

Result<std::pair<std::string, std::string>> split_pair(std::string_view option, const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    return fail(Errc::invalid_argument, fmt::format("{} takes NAME=VALUE, not '{}'", option, text));
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      plain += text[i];
      continue;
    }
    switch (text[++i]) {
      case 't': plain += '\t'; break;
      case 'n': plain += '\n'; break;
      case '0': plain += '\0'; break;
      case '\\': plain += '\\'; break;
      default: plain += {'\\', text[i]};
    }
  }
  return plain;
}

}  // namespace leat::cli
