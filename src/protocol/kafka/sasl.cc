#include "protocol/kafka/sasl.h"

namespace leat::kafka {
namespace {

using runtime::Task;

constexpr std::string_view kPlain = "PLAIN";
constexpr std::string_view kBearer = "OAUTHBEARER";
constexpr std::string_view kSeparator{"\x01"};  // between the parts of its messages

// The authorization identity in the GS2 header of a client's first message, "n,a=NAME,"; empty: none.
std::string_view identity_in(std::string_view message) {
  constexpr std::string_view kIdentity = "n,a=";
  if (!message.starts_with(kIdentity)) return {};
  message.remove_prefix(kIdentity.size());
  return message.substr(0, message.find(','));
}

// The token in a client's first message: a GS2 header, then KEY=VALUE pairs of which `auth` is "Bearer TOKEN". nullopt: it is none.
std::optional<std::string_view> token_in(std::string_view message) {
  const std::size_t header = message.find(kSeparator);
  if (header == std::string_view::npos || !message.starts_with("n,") || !message.ends_with("\x01\x01"))
    return std::nullopt;
  message.remove_prefix(header + 1);
  constexpr std::string_view kAuth = "auth=";
  constexpr std::string_view kScheme = "bearer ";
  while (!message.empty()) {
    const std::string_view pair = message.substr(0, message.find(kSeparator));
    message.remove_prefix(std::min(message.size(), pair.size() + 1));
    if (!pair.starts_with(kAuth)) continue;
    const std::string_view value = pair.substr(kAuth.size());
    const bool is_bearer = value.size() > kScheme.size() &&
                           std::ranges::equal(value.substr(0, kScheme.size()), kScheme, {},
                                              [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return is_bearer ? std::optional(value.substr(kScheme.size())) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::string> SaslExchange::mechanisms() {
  return {std::string(kPlain), std::string(to_string(security::ScramMechanism::sha256)),
          std::string(to_string(security::ScramMechanism::sha512)), std::string(kBearer)};
}

std::unique_ptr<SaslExchange> SaslExchange::begin(std::string_view mechanism, security::Logins& logins,
                                                  std::string peer) {
  const auto scram = security::scram_mechanism_of(mechanism);
  if (!scram && mechanism != kPlain && mechanism != kBearer) return nullptr;
  std::unique_ptr<SaslExchange> exchange(new SaslExchange(logins, peer));
  exchange->is_bearer_ = mechanism == kBearer;
  if (scram) exchange->scram_ = logins.begin_scram(*scram, std::move(peer));
  return exchange;
}

Task<Result<std::string>> SaslExchange::step(std::string token) {
  if (std::exchange(is_stepping_, true))
    co_return fail(Errc::invalid_argument, "Authentication failed: a token came before the last one's answer.");
  auto answer = co_await next(std::move(token));
  is_stepping_ = false;
  co_return answer;
}

Task<Result<std::string>> SaslExchange::next(std::string token) {
  if (is_bearer_) co_return co_await bearer(std::move(token));
  if (scram_ == nullptr) co_return co_await plain(std::move(token));
  if (!std::exchange(first_done_, true)) co_return co_await scram_->first(std::move(token));
  LEAT_CO_TRY(std::string answer, co_await scram_->last(std::move(token)));
  principal_ = scram_->principal();
  co_return answer;
}

// A refused token is told in a message of the server's, which the client answers with a separator before the exchange fails.
Task<Result<std::string>> SaslExchange::bearer(std::string message) {
  if (std::exchange(first_done_, true))
    co_return fail(Errc::permission_denied, "Authentication failed: the token is wrong or has expired.");
  const auto token = token_in(message);
  if (!token) co_return fail(Errc::invalid_argument, "Authentication failed: this is no message of OAUTHBEARER.");
  auto principal = co_await logins_.check_token(std::string(*token), peer_);
  if (!principal) co_return R"({"status":"invalid_token"})";
  const std::string_view identity = identity_in(message);
  if (!identity.empty() && identity != security::user_of(principal->name))
    co_return fail(Errc::permission_denied, "Authentication failed: nobody may act for another user.");
  principal_ = std::move(*principal);
  co_return std::string();
}

// An authorization identity, which is empty or the user's name, the name and the password, with zero bytes between them.
Task<Result<std::string>> SaslExchange::plain(std::string token) {
  const std::size_t first = token.find('\0');
  const std::size_t second = first == std::string::npos ? first : token.find('\0', first + 1);
  if (second == std::string::npos || token.find('\0', second + 1) != std::string::npos)
    co_return fail(Errc::invalid_argument, "Authentication failed: this is no message of PLAIN.");
  std::string user = token.substr(first + 1, second - first - 1);
  if (first > 0 && token.substr(0, first) != user)
    co_return fail(Errc::permission_denied, "Authentication failed: nobody may act for another user.");
  LEAT_CO_TRY(principal_, co_await logins_.check_password(std::move(user), token.substr(second + 1), peer_));
  co_return std::string();
}

}  // namespace leat::kafka
