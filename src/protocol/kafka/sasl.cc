#include "protocol/kafka/sasl.h"

namespace leat::kafka {
namespace {

using runtime::Task;

constexpr std::string_view kPlain = "PLAIN";

}  // namespace

std::vector<std::string> SaslExchange::mechanisms() {
  return {std::string(kPlain), std::string(to_string(security::ScramMechanism::sha256)),
          std::string(to_string(security::ScramMechanism::sha512))};
}

std::unique_ptr<SaslExchange> SaslExchange::begin(std::string_view mechanism, security::Logins& logins,
                                                  std::string peer) {
  const auto scram = security::scram_mechanism_of(mechanism);
  if (!scram && mechanism != kPlain) return nullptr;
  std::unique_ptr<SaslExchange> exchange(new SaslExchange(logins, peer));
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
  if (scram_ == nullptr) co_return co_await plain(std::move(token));
  if (!std::exchange(first_done_, true)) co_return co_await scram_->first(std::move(token));
  LEAT_CO_TRY(std::string answer, co_await scram_->last(std::move(token)));
  principal_ = scram_->principal();
  co_return answer;
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
