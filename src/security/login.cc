#include "security/login.h"

#include "base/logging.h"
#include "runtime/call.h"
#include "runtime/sync.h"
#include "security/base64.h"

namespace leat::security {
namespace {

using runtime::Task;

// Of decoys: as those that leat's own tools make.
constexpr std::uint32_t kDecoyIterations = kScramIterationsMin;
constexpr std::size_t kNonceWords = 3;
constexpr std::size_t kSecretWords = 4;

std::string random_bytes(std::size_t words) {
  std::string bytes;
  for (std::size_t i = 0; i < words; ++i) {
    const std::uint64_t word = runtime::Shard::current().random();
    bytes.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  return bytes;
}

std::unexpected<Error> wrong() {
  return fail(Errc::permission_denied, "Authentication failed: the user name or the password is wrong.");
}

}  // namespace

std::string host_of(std::string_view peer) {
  std::string_view host = peer.substr(0, peer.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return std::string(host);
}

Logins::Logins(std::string protocol, const Policies& policies) : protocol_(std::move(protocol)), policies_(policies) {}

ScramCredential Logins::credential(std::string_view user, ScramMechanism mechanism) const {
  if (const User* found = policies_.current()->find_user(user); found != nullptr) {
    if (const auto own = found->scram.find(mechanism); own != found->scram.end()) return own->second;
  }
  return scram_decoy(mechanism, secret_, user, kDecoyIterations);
}

Task<Status> Logins::wait(const std::string& user, const std::string& peer) {
  if (secret_.empty()) secret_ = random_bytes(kSecretWords);
  const auto wait = throttle_.wait(user, host_of(peer), runtime::Shard::current().now());
  if (!wait) co_return fail(Errc::permission_denied, "Authentication failed: too many attempts, try again later.");
  if (*wait > Duration{0}) co_await runtime::sleep_for(*wait);
  co_return Status{};
}

std::unexpected<Error> Logins::refuse(const std::string& user, const std::string& peer) {
  const MonoTime now = runtime::Shard::current().now();
  stats_.failed.add();
  throttle_.failed(user, host_of(peer), now);
  failures_.write(now, LogLevel::warning, "security", "{}: {}: user '{}' could not be authenticated", protocol_, peer,
                  std::string_view(user).substr(0, kUserNameBytesMax));
  return wrong();
}

void Logins::succeeded(const std::string& user, const std::string& peer) {
  stats_.succeeded.add();
  log_debug("security", "{}: {} is user '{}'", protocol_, peer, user);
}

Task<Result<Principal>> Logins::check_password(std::string user, std::string password, std::string peer) {
  LEAT_CO_CHECK(co_await wait(user, peer));
  const User* found = policies_.current()->find_user(user);
  const bool has_larger = found != nullptr && found->scram.contains(ScramMechanism::sha512);
  const ScramMechanism mechanism = has_larger ? ScramMechanism::sha512 : ScramMechanism::sha256;
  const ScramCredential known = credential(user, mechanism);
  const bool matches = co_await runtime::run_blocking([&] { return scram_matches(mechanism, known, password); });
  if (!matches) co_return refuse(user, peer);
  succeeded(user, peer);
  co_return Principal{principal_of(user), host_of(peer)};
}

std::unique_ptr<Logins::Scram> Logins::begin_scram(ScramMechanism mechanism, std::string peer) {
  return std::unique_ptr<Scram>(new Scram(*this, mechanism, base64(random_bytes(kNonceWords)), std::move(peer)));
}

Task<Result<std::string>> Logins::Scram::first(std::string message) {
  auto user = server_.user_of_first(message);
  if (!user) {
    (void)logins_.refuse("", peer_);
    co_return fail(std::move(user.error()));
  }
  user_ = std::move(*user);
  LEAT_CO_CHECK(co_await logins_.wait(user_, peer_));
  co_return server_.server_first(logins_.credential(user_, mechanism_));
}

Result<std::string> Logins::Scram::last(std::string_view message) {
  auto reply = server_.server_final(message);
  if (reply) {
    logins_.succeeded(user_, peer_);
    return reply;
  }
  auto refused = logins_.refuse(user_, peer_);
  return reply.error().code == Errc::permission_denied ? refused : fail(std::move(reply.error()));
}

}  // namespace leat::security
