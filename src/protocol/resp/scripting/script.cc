#include "protocol/resp/scripting/script.h"

#include <openssl/evp.h>

#include <array>

#include "protocol/resp/parser.h"

namespace leat::resp {
namespace {

struct FlagName {
  std::string_view name;
  std::uint32_t flag;
};
constexpr std::array<FlagName, 5> kFlagNames = {{{"no-writes", kNoWrites},
                                                 {"allow-oom", kAllowOom},
                                                 {"allow-stale", kAllowStale},
                                                 {"no-cluster", kNoCluster},
                                                 {"allow-cross-slot-keys", kAllowCrossSlotKeys}}};

}  // namespace

std::optional<std::uint32_t> parse_script_flag(std::string_view name) {
  for (const FlagName& known : kFlagNames) {
    if (known.name == name) return known.flag;
  }
  return std::nullopt;
}

std::vector<std::string_view> script_flag_names(std::uint32_t flags) {
  std::vector<std::string_view> names;
  for (const FlagName& known : kFlagNames) {
    if ((flags & known.flag) != 0) names.push_back(known.name);
  }
  return names;
}

std::optional<Shebang> parse_shebang(std::string_view script) {
  const std::size_t end = script.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  Shebang shebang{.words = {}, .rest = script.substr(end)};
  // The words are told apart as those of a command on one line.
  Parser parser{ParserLimits{}};
  if (parser.next(script.substr(0, end + 1)) == Parser::State::command)
    shebang.words.assign(parser.arguments().begin(), parser.arguments().end());
  return shebang;
}

std::string sha1_hex(std::string_view bytes) {
  std::array<unsigned char, 20> digest;
  static const EVP_MD* const algorithm = EVP_sha1();
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, algorithm, nullptr);
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(40);
  for (const unsigned char byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 0xF];
  }
  return text;
}

}  // namespace leat::resp
