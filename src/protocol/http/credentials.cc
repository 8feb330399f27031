#include "protocol/http/credentials.h"

#include "security/base64.h"

namespace leat::http {

std::optional<std::pair<std::string, std::string>> basic_credentials(const HttpRequest& request) {
  constexpr std::string_view kBasic = "Basic ";
  const std::string_view header = request.header("Authorization");
  if (header.size() < kBasic.size() || !equals_ignoring_case(header.substr(0, kBasic.size()), kBasic)) return {};
  const auto decoded = security::base64_decoded(header.substr(kBasic.size()));
  const std::size_t colon = decoded ? decoded->find(':') : std::string::npos;
  if (colon == std::string::npos) return std::pair<std::string, std::string>();
  return std::pair(decoded->substr(0, colon), decoded->substr(colon + 1));
}

std::optional<std::string_view> bearer_token(const HttpRequest& request) {
  constexpr std::string_view kBearer = "Bearer ";
  std::string_view header = request.header("Authorization");
  if (header.size() < kBearer.size() || !equals_ignoring_case(header.substr(0, kBearer.size()), kBearer)) return {};
  header.remove_prefix(std::min(header.find_first_not_of(' ', kBearer.size()), header.size()));
  return header;
}

}  // namespace leat::http
