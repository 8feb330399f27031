#include "cli/login.h"

#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iostream>

#include "cli/client.h"
#include "cli/connection.h"
#include "protocol/kafka/messages/sasl_authenticate.h"
#include "protocol/kafka/messages/sasl_handshake.h"
#include "security/base64.h"
#include "security/random.h"
#include "security/scram.h"

namespace leat::cli {
namespace {

constexpr std::size_t kNonceBytes = 24;

// While it lives, what is typed is not shown.
class NoEcho {
 public:
  NoEcho() {
    if (tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    is_set_ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;
  ~NoEcho() {
    if (is_set_) (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }

 private:
  termios before_{};
  bool is_set_ = false;
};

std::string ask(const std::string& question) {
  const NoEcho silence;
  std::string answer;
  fmt::print(stderr, "{}: ", question);
  std::getline(std::cin, answer);
  fmt::print(stderr, "\n");
  return answer;
}

Result<std::string> first_line(std::istream& in, const std::string& name) {
  std::string line;
  const bool was_read = static_cast<bool>(std::getline(in, line));
  if (line.ends_with('\r')) line.pop_back();
  if (!was_read || line.empty())
    return fail(Errc::invalid_argument, fmt::format("{} has no password on its first line", name));
  return line;
}

Result<std::string> authenticate(Connection& connection, std::string_view token, Milliseconds timeout) {
  kafka::SaslAuthenticateRequest request;
  request.auth_bytes = as_bytes(token);
  LEAT_TRY(auto reply, connection.call<kafka::SaslAuthenticateResponse>(request, timeout));
  if (reply.message.error_code == kafka::ErrorCode::kNone) return std::move(reply.message.auth_bytes);
  return fail(Errc::permission_denied,
              server_error("cannot log in", reply.message.error_code, reply.message.error_message).message);
}

}  // namespace

Result<std::string> read_password(std::string_view whose, const std::string& file, Variable variable, bool is_new) {
  if (file == "-") return first_line(std::cin, "standard input");
  if (!file.empty()) {
    std::ifstream in(file);
    return first_line(in, file);
  }
  if (std::string set = environment(variable); !set.empty()) return set;
  if (isatty(STDIN_FILENO) == 0) {
    return fail(Errc::invalid_argument,
                fmt::format("there is no password for {}: set {}, or run this on a terminal", whose, variable.name()));
  }
  std::string password = ask(fmt::format("Password for {}", whose));
  if (is_new && ask("Once more") != password) return fail(Errc::invalid_argument, "that was not the same password");
  return password;
}

Status log_in(Connection& connection, const std::string& user, Milliseconds timeout) {
  LEAT_TRY(std::string password, read_password(user, "", "LEAT_PASSWORD", false));
  constexpr auto kMechanism = security::ScramMechanism::sha256;
  const std::string mechanism(to_string(kMechanism));
  kafka::SaslHandshakeRequest handshake;
  handshake.mechanism = mechanism;
  LEAT_TRY(const auto shaken, connection.call<kafka::SaslHandshakeResponse>(handshake, timeout));
  if (shaken.message.error_code != kafka::ErrorCode::kNone)
    return fail(server_error("cannot log in", shaken.message.error_code));
  security::ScramClient client(kMechanism, user, std::move(password),
                               security::base64(security::random_bytes(kNonceBytes)));
  LEAT_TRY(const std::string server_first, authenticate(connection, client.first(), timeout));
  LEAT_TRY(const std::string proof, client.final(server_first));
  LEAT_TRY(const std::string server_final, authenticate(connection, proof, timeout));
  if (!client.check(server_final))
    return fail(Errc::permission_denied, "the server does not know the password: it is not the one that it says it is");
  return {};
}

}  // namespace leat::cli
