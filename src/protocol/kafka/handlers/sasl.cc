#include "protocol/kafka/sasl.h"

#include "protocol/kafka/handlers/handlers.h"

namespace leat::kafka {

runtime::Task<SaslHandshakeResponse> handle_sasl_handshake(Request& request, SaslHandshakeRequest message) {
  Connection& connection = request.connection;
  SaslHandshakeResponse response;
  response.mechanisms = SaslExchange::mechanisms();
  if (connection.sasl != nullptr && !connection.sasl->principal()) {
    response.error_code = request.count(ErrorCode::kIllegalSaslState);
    co_return response;
  }
  auto exchange = SaslExchange::begin(message.mechanism, request.shard().logins, connection.peer);
  if (exchange == nullptr) {
    response.error_code = request.count(ErrorCode::kUnsupportedSaslMechanism);
    co_return response;
  }
  exchange->raw = request.version == 0;
  connection.sasl = std::move(exchange);
  co_return response;
}

runtime::Task<Result<std::string>> authenticate(Request& request, std::string token) {
  Connection& connection = request.connection;
  const std::shared_ptr<SaslExchange> exchange = connection.sasl;  // a handshake may put another in its place
  auto answer = co_await exchange->step(std::move(token));
  if (answer && exchange->principal()) {
    // Who comes again must be who it was (KIP-368).
    if (connection.authenticated && !connection.is_certified &&
        connection.principal.name != exchange->principal()->name)
      co_return fail(Errc::permission_denied, "Authentication failed: the connection is another user's.");
    connection.principal = *exchange->principal();
    connection.authenticated = true;
    connection.is_certified = false;
  }
  co_return answer;
}

// After so long the client has to come again (KIP-368); 0: never.
std::int64_t lifetime_left(const security::Principal& principal) {
  if (principal.expires == kNoTimestamp) return 0;
  const Timestamp now = runtime::Shard::current().wall_now();
  return std::max<std::int64_t>(1, principal.expires.value() - now.value());
}

runtime::Task<SaslAuthenticateResponse> handle_sasl_authenticate(Request& request, SaslAuthenticateRequest message,
                                                                 bool& close) {
  SaslAuthenticateResponse response;
  const SaslExchange* exchange = request.connection.sasl.get();
  if (exchange == nullptr || exchange->principal()) {
    response.error_code = request.count(ErrorCode::kIllegalSaslState);
    response.error_message = "SaslHandshake has to come first.";
    co_return response;
  }
  auto answer = co_await authenticate(request, std::string(as_text(message.auth_bytes)));
  if (answer) {
    response.error_message.reset();
    response.session_lifetime_ms = lifetime_left(request.connection.principal);
    response.auth_bytes = std::move(*answer);
    co_return response;
  }
  response.error_code = request.count(ErrorCode::kSaslAuthenticationFailed);
  response.error_message = answer.error().message;
  close = true;
  co_return response;
}

}  // namespace leat::kafka
