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
// What one login waits for at most.
constexpr auto kPatience = std::chrono::seconds(10);
// More logins than these do not wait for their passwords to be looked at.
constexpr std::size_t kHashingQueueMax = 200;

std::string random_bytes(std::size_t words) {
  std::string bytes;
  for (std::size_t i = 0; i < words; ++i) {
    const std::uint64_t word = runtime::Shard::current().random();
    bytes.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  return bytes;
}

std::unexpected<Error> too_many() {
  return fail(Errc::permission_denied, "Authentication failed: too many attempts, try again later.");
}

std::unexpected<Error> wrong() {
  return fail(Errc::permission_denied, "Authentication failed: the user name or the password is wrong.");
}

}  // namespace

std::string host_of(std::string_view peer) {
  std::string_view host = peer.substr(0, peer.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  // An IPv4 address on a socket of IPv6.
  constexpr std::string_view kMapped = "::ffff:";
  if (host.starts_with(kMapped) && host.contains('.')) host.remove_prefix(kMapped.size());
  return std::string(host);
}

Logins::Logins(std::string protocol, const Policies& policies) : protocol_(std::move(protocol)), policies_(policies) {}

ScramCredential Logins::credential(std::string_view user, ScramMechanism mechanism) const {
  if (const User* found = policies_.current()->find_user(user); found != nullptr) {
    if (const auto own = found->scram.find(mechanism); own != found->scram.end()) return own->second;
  }
  return scram_decoy(mechanism, policies_.secret(), user, kDecoyIterations);
}

Task<Result<std::uint64_t>> Logins::wait(const std::string& user, const std::string& peer) {
  const std::string host = host_of(peer);
  const MonoTime patience_ends = runtime::Shard::current().now() + kPatience;
  while (true) {
    const std::uint64_t failures = throttle_.failures(user, host);
    const MonoTime now = runtime::Shard::current().now();
    const auto wait = throttle_.wait(user, host, now);
    if (!wait || now + *wait > patience_ends) co_return too_many();
    if (*wait > Duration{0}) co_await runtime::sleep_for(*wait);
    // Who waited while another failed waits for that too.
    if (throttle_.failures(user, host) == failures) co_return failures;
  }
}

Task<Status> Logins::wait_for_hashing(const std::string& user, const std::string& peer) {
  while (true) {
    LEAT_CO_TRY(const std::uint64_t failures, co_await wait(user, peer));
    if (waiting_for_hashing_ >= kHashingQueueMax) co_return too_many();
    ++waiting_for_hashing_;
    co_await hashing_.reserve(1);
    --waiting_for_hashing_;
    // Those that came together and failed meanwhile count.
    if (throttle_.failures(user, host_of(peer)) == failures) co_return Status{};
    hashing_.release(1);
  }
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
  LEAT_CO_CHECK(co_await wait_for_hashing(user, peer));
  const runtime::Reservation hashing(hashing_, 1);
  const User* found = policies_.current()->find_user(user);
  // Who is not there takes as long as who was made by leat's own tool.
  const bool has_larger = found == nullptr || found->scram.contains(ScramMechanism::sha512);
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
  LEAT_CO_TRY(failures_, co_await logins_.wait(user_, peer_));
  const ScramCredential known = logins_.credential(user_, mechanism_);
  stored_key_ = known.stored_key;
  co_return server_.server_first(known);
}

Task<Result<std::string>> Logins::Scram::last(std::string message) {
  // Of exchanges that were begun together, those that failed count.
  if (logins_.throttle_.failures(user_, host_of(peer_)) != failures_) {
    LEAT_CO_CHECK(co_await logins_.wait(user_, peer_));
  }
  auto reply = server_.server_final(message);
  const bool is_current = logins_.credential(user_, mechanism_).stored_key == stored_key_;
  if (reply && is_current) {
    logins_.succeeded(user_, peer_);
    co_return reply;
  }
  auto refused = logins_.refuse(user_, peer_);
  if (!reply && reply.error().code != Errc::permission_denied) co_return fail(std::move(reply.error()));
  co_return refused;
}

}  // namespace leat::security
